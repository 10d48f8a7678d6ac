/* api/ratelimit.h - token buckets a person, an address or a store, in a table of fixed size.
 *
 * A bucket holds `quota` tokens and fills evenly over its window. The table never grows: a set of
 * eight slots gives its place to a newcomer by the least recently used, so a flood of addresses can
 * only make the limits milder. Thread-safe. */
#ifndef DS_API_RATELIMIT_H
#define DS_API_RATELIMIT_H

#include "base/clock.h"
#include "base/str.h"

typedef struct ds_ratelimit ds_ratelimit_t;

struct ds_rate_verdict {
    bool allowed;
    int64_t remaining; /* whole tokens left */
    int64_t reset_s;   /* until the bucket is full again */
    int64_t retry_s;   /* until there is one token, at least 1; 0 when allowed */
};

/** @brief `seed` keeps strangers from choosing which bucket they share. NULL: no memory. */
ds_ratelimit_t *ds_ratelimit_new(uint64_t seed);
void ds_ratelimit_destroy(ds_ratelimit_t *limits);
/** @brief Take one token of `who`. @param quota tokens a window; 0: no limit. */
void ds_ratelimit_take(ds_ratelimit_t *limits, ds_str_t who, int64_t quota, int64_t window_us,
                       int64_t now_us, struct ds_rate_verdict *verdict_out);

#endif
