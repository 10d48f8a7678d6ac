/* api/ends.h - asks Kafka for the end of a commands partition. Thread-safe: one question at a time.
 */
#ifndef DS_API_ENDS_H
#define DS_API_ENDS_H

#include "api/tokens.h"
#include "base/runtime.h"

typedef struct ds_ends ds_ends_t;

/** @brief NULL: no memory. Nothing is opened before the first question. */
ds_ends_t *ds_ends_new(const struct ds_runtime *runtime, const char *brokers);
void ds_ends_destroy(ds_ends_t *ends);
/** @brief The next offset to be written to the partition of `key`. Waits at most 1 s.
 * DS_ERR_UNAVAILABLE, TIMEOUT. */
DS_MUST_CHECK bool ds_ends_ask(ds_ends_t *ends, enum ds_commands_topic topic, ds_str_t key,
                               int32_t *partition_out, int64_t *end_out, ds_error_t *error);

#endif
