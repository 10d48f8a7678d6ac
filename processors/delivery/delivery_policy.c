#include "processors/delivery/delivery_policy.h"

enum {
    UNKNOWN_M = 3000,
    LOAD_M = 4000,
    IDLE_MAX_S = 3600,
};

int64_t ds_policy_score(const struct ds_policy_inputs *inputs)
{
    int64_t idle_s = inputs->idle_s < IDLE_MAX_S ? inputs->idle_s : IDLE_MAX_S;
    int64_t way_m = inputs->has_distance ? inputs->distance_m : UNKNOWN_M;
    return way_m + (int64_t)inputs->load * LOAD_M - idle_s * 5 / 6;
}
