/* api/locations.h - when this replica last told delivery of a courier: at most once a minute each.
 *
 * A table of fixed size by hash; two couriers of one place take turns, and are told a little more
 * often. Threads: the polling thread alone. */
#ifndef DS_API_LOCATIONS_H
#define DS_API_LOCATIONS_H

#include "base/str.h"

#define DS_LOCATIONS_PLACES 4096
#define DS_LOCATIONS_US     INT64_C(60000000)

struct ds_locations {
    struct {
        uint64_t courier; /* hash of its id; 0: free */
        int64_t told_us;  /* monotonic */
    } places[DS_LOCATIONS_PLACES];
};

/** @brief Whether it is time to tell delivery of this courier; then it counts as told. */
bool ds_locations_due(struct ds_locations *locations, ds_str_t courier_id, int64_t now_us);

#endif
