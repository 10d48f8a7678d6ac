/* cli/dlq/since.h - where in a commands topic a time begins.
 * Threads: any. */
#ifndef DS_CLI_DLQ_SINCE_H
#define DS_CLI_DLQ_SINCE_H

#include "base/runtime.h"

/** @brief The first offset of each partition of the processor's commands topic whose record was
 * appended at this time or later; INT64_MAX: none was. What is gone was appended before.
 *  @param offsets_out  `partitions` of them.
 *  @param error  UNAVAILABLE, TIMEOUT: Kafka is away, or a partition's leader. */
DS_MUST_CHECK bool ds_commands_since(const struct ds_runtime *runtime, const char *brokers,
                                     const char *processor, int32_t partitions, int64_t at_us,
                                     int64_t *offsets_out, ds_error_t *error);

#endif
