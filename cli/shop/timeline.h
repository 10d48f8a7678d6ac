/* cli/shop/timeline.h - the way of one order, read from the log under rule F. */
#ifndef DS_CLI_SHOP_TIMELINE_H
#define DS_CLI_SHOP_TIMELINE_H

#include "base/runtime.h"

struct ds_timeline_step {
    char topic[32];
    char type[48]; /* "order.created" */
    int64_t offset;
    int64_t at_us;       /* when it was decided */
    int64_t appended_us; /* the broker's timestamp */
    char *json;          /* the whole event as one line; owned */
};

struct ds_timeline {
    struct ds_timeline_step *steps; /* by at_us, then topic and offset */
    size_t count;
};

/** @brief Read the order's partition of the four topics from the beginning to their ends as of now.
 *  UNAVAILABLE or TIMEOUT: Kafka is away. An order nobody knows: no steps. */
DS_MUST_CHECK bool ds_timeline_read(const struct ds_runtime *runtime, const char *brokers,
                                    ds_str_t order_id, int64_t timeout_us,
                                    struct ds_timeline *timeline_out, ds_error_t *error);
void ds_timeline_cleanup(struct ds_timeline *timeline);
/** @brief Print as a table with the time since the first step and the one before, or as JSON. */
void ds_timeline_print(const struct ds_timeline *timeline, ds_str_t order_id, bool json);

#endif
