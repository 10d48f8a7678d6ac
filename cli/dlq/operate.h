/* cli/dlq/operate.h - what an operator asks of a processor: a command on its topic, under the name
 * of who asks and why, and what became of it. And the record that an input is, as it stands.
 * Threads: one. */
#ifndef DS_CLI_DLQ_OPERATE_H
#define DS_CLI_DLQ_OPERATE_H

#include "base/buf.h"
#include "base/runtime.h"
#include "decider/decider.h"

/** @brief Put it on the decider's commands topic, by acks=all. Its head is filled in here: a new
 * id, the actor as an admin.
 *  @param command  body only; borrowed.
 *  @param key  an id of the store (the aggregate, say): it decides the partition.
 *  @param offset_out  where it stands; -1: kept, and not reported where.
 *  @param error  UNAVAILABLE: not kept. TIMEOUT: it may be kept or not. */
DS_MUST_CHECK bool ds_operate_send(const struct ds_runtime *runtime, const char *brokers,
                                   const struct ds_decider *decider,
                                   const struct ds_operator_command *command, ds_str_t key,
                                   const char *actor, int32_t *partition_out, int64_t *offset_out,
                                   ds_error_t *error);
/** @brief The value of the record at this place, appended to `value`.
 *  @param error  UNKNOWN: none stands there any more. UNAVAILABLE, TIMEOUT: Kafka is away. */
DS_MUST_CHECK bool ds_operate_fetch(const struct ds_runtime *runtime, const char *brokers,
                                    const char *topic, int32_t partition, int64_t offset,
                                    ds_buf_t *value, ds_error_t *error);

#endif
