/* api/ends.h - asks Kafka for the end of a commands partition.
 *
 * Thread-safe: one question at a time, and nobody waits long for one that stays without an answer.
 */
#ifndef DS_API_ENDS_H
#define DS_API_ENDS_H

#include "api/tokens.h"
#include "base/runtime.h"

struct ds_broker;
typedef struct ds_ends ds_ends_t;

/** @brief NULL: no memory. Nothing is opened before the first question.
 *  @param broker  for tests, taken. NULL: Kafka at `brokers`. */
ds_ends_t *ds_ends_new(const struct ds_runtime *runtime, const char *brokers,
                       struct ds_broker *broker);
void ds_ends_destroy(ds_ends_t *ends);
/** @brief The next offset to be written to the partition of `key`. Waits at most 1 s, and not at
 * all for a leader that was silent within the last second. DS_ERR_UNAVAILABLE, TIMEOUT. */
DS_MUST_CHECK bool ds_ends_ask(ds_ends_t *ends, enum ds_commands_topic topic, ds_str_t key,
                               int32_t *partition_out, int64_t *end_out, ds_error_t *error);

#endif
