#include "cli/dlq/operate.h"

#include "base/id.h"
#include "stream/broker_kafka.h"
#include "stream/command_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define POLL_MS    50
#define TIMEOUT_MS 10000
#define WAIT_US    (15 * DS_US_PER_S)

/* ---- sending */

struct sent {
    bool done;
    struct ds_command_report report;
};

static void on_report(void *context, const struct ds_command_report *report)
{
    struct sent *sent = context;

    sent->report = *report;
    sent->done = true;
}

static const struct ds_schema *commands_of(const struct ds_decider *decider)
{
    for (size_t i = 0; i < decider->input_count; i++)
        if (decider->inputs[i].number == 0)
            return decider->inputs[i].schema;
    return NULL;
}

static bool wait_up(const struct ds_runtime *runtime, ds_command_writer_t *writer, int64_t until_us,
                    ds_error_t *error)
{
    while (!ds_command_writer_up(writer)) {
        if (ds_stopping(runtime) || ds_monotonic_us(runtime->clock) > until_us)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                                "Kafka, or the schema registry, is away: nothing was sent");
        (void)ds_command_writer_poll(writer, POLL_MS);
    }
    return true;
}

static bool judge(const struct sent *sent, ds_error_t *error)
{
    if (!sent->done || sent->report.outcome == DS_COMMAND_UNKNOWN)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT,
                            "no answer of Kafka: it may be kept or not; look before you try again");
    return sent->report.outcome == DS_COMMAND_KEPT ||
           ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "Kafka did not keep it");
}

static bool send(const struct ds_runtime *runtime, ds_command_writer_t *writer,
                 const struct ds_schema *schema, const void *command, ds_str_t key,
                 struct sent *sent, ds_error_t *error)
{
    int64_t until_us = ds_monotonic_us(runtime->clock) + WAIT_US;

    if (!wait_up(runtime, writer, until_us, error) ||
        !ds_command_writer_send(writer, schema, command, key, on_report, sent, error))
        return false;
    while (!sent->done && ds_monotonic_us(runtime->clock) < until_us)
        (void)ds_command_writer_poll(writer, POLL_MS);
    return true;
}

bool ds_operate_send(const struct ds_runtime *runtime, const char *brokers,
                     const struct ds_decider *decider, const struct ds_operator_command *command,
                     ds_str_t key, const char *actor, int32_t *partition_out, int64_t *offset_out,
                     ds_error_t *error)
{
    const struct ds_command_writer_config config = {.brokers = brokers,
                                                    .client_id = "doorstep-dlq"};
    const struct ds_schema *schema = commands_of(decider);
    struct sent sent = {.report.offset = -1};
    ds_command_writer_t *writer = NULL;
    struct ds_operator_command *whole = NULL;
    ds_id_t id;
    bool ok = false;

    *offset_out = -1;
    *partition_out = -1;
    if (!ds_id_new(runtime->clock, runtime->random, &id, error))
        return false;
    whole = calloc(1, schema->struct_bytes); /* the topic's struct; it begins as this one */
    if (whole == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "a command");
    memcpy(whole, command, sizeof *command);
    whole->head = (struct ds_command_head){.command_id = ds_str(id.text),
                                           .correlation_id = ds_str(id.text),
                                           .actor = {DS_ACTOR_KIND_ADMIN, ds_str(actor)},
                                           .sent_at = ds_now_us(runtime->clock)};
    if (ds_command_writer_new(runtime, &config, &writer, error))
        ok = send(runtime, writer, schema, whole, ds_str_before(key, '.'), &sent, error);
    ds_command_writer_destroy(writer); /* a report that is still to come comes here */
    free(whole);
    *partition_out = sent.report.partition;
    *offset_out = sent.report.offset;
    return ok && judge(&sent, error);
}

/* ---- reading one record */

/* *done_out: the place was passed; value has what stood there. */
static bool take(const struct ds_broker_event *event, int64_t offset, ds_buf_t *value,
                 bool *done_out, ds_error_t *error)
{
    if (event->kind == DS_BROKER_READ_FAILED) {
        enum ds_error_code code =
            event->code == DS_ERR_DAMAGE ? DS_ERR_UNKNOWN : DS_ERR_UNAVAILABLE;
        return ds_error_set(error, DS_DOMAIN_KAFKA, code, "%s",
                            event->reason == NULL ? "it cannot be read" : event->reason);
    }
    if (event->kind != DS_BROKER_RECORD || event->offset < offset)
        return true;
    *done_out = true;
    if (event->offset > offset)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNKNOWN,
                            "nothing stands at this place any more");
    return ds_buf_append(value, event->value.data, event->value.len, error);
}

static bool fetch(const struct ds_runtime *runtime, ds_broker_t *broker, int32_t partition,
                  int64_t offset, ds_buf_t *value, ds_error_t *error)
{
    struct ds_broker_end end = {.topic = 0, .partition = partition, .want_low = true};
    int64_t until_us = ds_monotonic_us(runtime->clock) + WAIT_US;
    bool done = false;

    if (!broker->ops->ends(broker, &end, 1, TIMEOUT_MS, error))
        return false;
    if (end.ok && (offset < end.low || offset >= end.end))
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNKNOWN,
                            "its topic holds %" PRId64 " to %" PRId64, end.low, end.end - 1);
    if (!broker->ops->start(broker, 0, partition, offset, error))
        return false;
    while (!done) {
        const struct ds_broker_event *events;
        size_t n;

        if (ds_stopping(runtime) || ds_monotonic_us(runtime->clock) > until_us)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT, "Kafka does not answer");
        if (!broker->ops->poll(broker, POLL_MS, true, &events, &n, error))
            return false;
        for (size_t i = 0; !done && i < n; i++)
            if (!take(&events[i], offset, value, &done, error))
                return false;
    }
    return true;
}

bool ds_operate_fetch(const struct ds_runtime *runtime, const char *brokers, const char *topic,
                      int32_t partition, int64_t offset, ds_buf_t *value, ds_error_t *error)
{
    const char *topics[1] = {topic};
    struct ds_broker_kafka_config config = {
        .brokers = brokers, .client_id = "doorstep-dlq", .topics = topics, .topic_count = 1};
    ds_broker_t *broker = NULL;
    int32_t partitions;
    bool ok = ds_broker_kafka_new(&runtime->log, &config, &broker, error) &&
              broker->ops->partitions(broker, 1, TIMEOUT_MS, &partitions, error) &&
              fetch(runtime, broker, partition, offset, value, error);

    if (broker != NULL)
        broker->ops->destroy(broker, 2000);
    return ok || ds_error_prefix(error, "read %s/%" PRId32 "/%" PRId64, topic, partition, offset);
}
