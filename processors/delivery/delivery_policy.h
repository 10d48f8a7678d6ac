/* processors/delivery/delivery_policy.h - which of several couriers is asked first.
 *
 * One number, in metres: what a courier costs the order. The way to the store counts as it is. Each
 * order it has already counts as 4,000 m more, since it must be carried before or with this one.
 * Each second of waiting takes off 5/6 m, at most 3,000 m for an hour, so that the work is shared.
 * A courier whose place is not known, or of a store whose place is not known, counts as 3,000 m
 * away. The lowest is asked; with the same number the one that has waited longest, then the lower
 * id. All inputs stand in delivery.offered, with the number. Pure, any thread. */
#ifndef DS_PROCESSORS_DELIVERY_DELIVERY_POLICY_H
#define DS_PROCESSORS_DELIVERY_DELIVERY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct ds_policy_inputs {
    bool has_distance;
    int32_t distance_m; /* from the courier to the store */
    int32_t load;       /* orders it has */
    int64_t idle_s;     /* since it came online or had an order taken off it; at least 0 */
};

/** @brief The lower, the sooner it is asked. */
int64_t ds_policy_score(const struct ds_policy_inputs *inputs);

#endif
