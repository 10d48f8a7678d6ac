/* stream/command_writer.h - puts commands on commands topics and says what became of each.
 *
 * For the api and the gateways. Not idempotent: command ids remove duplicates, and every report has
 * its own offset (DESIGN section 7). acks=all, 5 requests in flight, message.timeout.ms 5000 by
 * default, bounded queue. Threads: send may be called from any thread; callbacks run in the thread
 * that polls. */
#ifndef DS_STREAM_COMMAND_WRITER_H
#define DS_STREAM_COMMAND_WRITER_H

#include "base/runtime.h"
#include "schemas/schema.h"

enum ds_command_outcome {
    DS_COMMAND_KEPT,     /* acknowledged by acks=all */
    DS_COMMAND_NOT_KEPT, /* certainly not in the log */
    DS_COMMAND_UNKNOWN,  /* may or may not be in the log */
};

struct ds_command_report {
    enum ds_command_outcome outcome;
    int32_t partition;
    int64_t offset; /* -1: not reported */
};

typedef void (*ds_command_done_fn)(void *context, const struct ds_command_report *report);

typedef struct ds_command_writer ds_command_writer_t;

struct ds_command_writer_config {
    const char *brokers;
    const char *client_id;
    int64_t message_timeout_ms; /* 0: 5000 */
    size_t max_queued;          /* 0: 2000 commands not yet reported */
};

DS_MUST_CHECK bool ds_command_writer_new(const struct ds_runtime *runtime,
                                         const struct ds_command_writer_config *config,
                                         ds_command_writer_t **writer_out, ds_error_t *error);
/** @brief Waits for reports up to 5 s (their callbacks run), then frees. */
void ds_command_writer_destroy(ds_command_writer_t *writer);
/** @brief Encode and enqueue. `key` is the store id; it decides the partition (murmur2). `done` is
 * called exactly once after a true return. false: BUSY (queue full), UNAVAILABLE (partition count
 * not known yet, or the brokers are known to be down; of the schema's domain: its registry id is
 * not known yet), LIMIT (too large): nothing was enqueued, `done` is not called. */
DS_MUST_CHECK bool ds_command_writer_send(ds_command_writer_t *writer,
                                          const struct ds_schema *schema, const void *command,
                                          ds_str_t key, ds_command_done_fn done, void *context,
                                          ds_error_t *error);
/** @brief Run callbacks; waits up to timeout_ms for the first. @return how many ran. */
int ds_command_writer_poll(ds_command_writer_t *writer, int timeout_ms);
/** @brief Whether commands can be sent: a broker is reachable, as far as is known, and with a
 * schema registry the ids of all topics are known. */
bool ds_command_writer_up(const ds_command_writer_t *writer);

#endif
