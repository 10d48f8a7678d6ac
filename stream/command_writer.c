/* See command_writer.h. One librdkafka producer, not idempotent; a small block a command in flight.
 */
#include "stream/command_writer.h"

#include "base/limits.h"
#include "schemas/framing.h"
#include "stream/kafka_conf.h"
#include "stream/partition.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TOPICS_MAX          16
#define DEFAULT_TIMEOUT_MS  5000
#define DEFAULT_QUEUED_MAX  2000
#define METADATA_TIMEOUT_MS 500
#define METADATA_PAUSE_US   (500 * DS_US_PER_MS)

struct topic {
    const struct ds_schema *schema;
    rd_kafka_topic_t *rkt;
    _Atomic int32_t partitions; /* 0: not known yet */
};

struct ds_command_writer {
    struct ds_kafka_owner owner; /* first: opaque of the handle */
    ds_log_t log;
    const struct ds_clock *clock;
    ds_framing_t *framing;
    rd_kafka_t *rk;
    struct topic topics[TOPICS_MAX];
    size_t topic_count;
    size_t max_queued;
    atomic_size_t queued;
    atomic_bool down;
    int64_t asked_us; /* the polling thread's: when metadata was asked for last */
    int ran;          /* callbacks in this poll */
    int64_t failure_told_us;
    int64_t failed; /* since the last line about it */
};

struct in_flight {
    ds_command_done_fn done;
    void *context;
};

/* One line a second at most: when Kafka goes, a whole queue of commands fails at once. */
static void tell_failure(struct ds_command_writer *writer, const rd_kafka_message_t *message,
                         enum ds_command_outcome outcome)
{
    int64_t now_us = ds_monotonic_us(writer->clock);

    writer->failed++;
    if (writer->failure_told_us != 0 && now_us - writer->failure_told_us < DS_US_PER_S)
        return;
    writer->failure_told_us = now_us;
    ds_log(&writer->log, DS_LOG_WARN, "command.not_kept", rd_kafka_err2str(message->err),
           DS_F_INT("partition", message->partition),
           DS_F_BOOL("unknown", outcome == DS_COMMAND_UNKNOWN),
           DS_F_INT("since_the_last_line", writer->failed));
    writer->failed = 0;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct ds_command_writer *writer = opaque;
    struct in_flight *flight = message->_private;
    struct ds_command_report report = {.partition = message->partition, .offset = -1};

    (void)rk;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        report.outcome = DS_COMMAND_KEPT;
        report.offset = message->offset >= 0 ? message->offset : -1;
        atomic_store(&writer->down, false);
    } else {
        report.outcome = rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED
                             ? DS_COMMAND_NOT_KEPT
                             : DS_COMMAND_UNKNOWN;
        tell_failure(writer, message, report.outcome);
    }
    atomic_fetch_sub(&writer->queued, 1);
    writer->ran++;
    flight->done(flight->context, &report);
    free(flight);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct ds_command_writer *writer = opaque;

    (void)rk;
    (void)reason;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&writer->down, true);
}

static bool open_topics(struct ds_command_writer *writer, ds_error_t *error)
{
    for (const struct ds_schema *const *s = ds_schemas(); *s != NULL; s++) {
        struct topic *topic = &writer->topics[writer->topic_count];

        if ((*s)->kind == DS_SCHEMA_EVENTS)
            continue; /* only a partition's owner writes those */
        if (writer->topic_count == TOPICS_MAX)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_LIMIT, "more than %d topics",
                                TOPICS_MAX);
        topic->schema = *s;
        topic->rkt = rd_kafka_topic_new(writer->rk, (*s)->topic, NULL);
        if (topic->rkt == NULL)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID, "topic %s: %s", (*s)->topic,
                                rd_kafka_err2str(rd_kafka_last_error()));
        writer->topic_count++;
    }
    return true;
}

static bool open_handle(struct ds_command_writer *writer,
                        const struct ds_command_writer_config *config, ds_error_t *error)
{
    char timeout[24];
    const struct ds_kafka_setting settings[] = {
        /* Not idempotent on purpose: every report has its own offset, and a timeout stops nobody
           else. */
        {"enable.idempotence", "false"},
        {"max.in.flight.requests.per.connection", "5"},
        {"linger.ms", "0"},
        {"message.timeout.ms", timeout},
        {"queue.buffering.max.kbytes", "32768"},
        {"partitioner", "murmur2_random"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf;

    (void)snprintf(timeout, sizeof(timeout), "%lld",
                   (long long)(config->message_timeout_ms > 0 ? config->message_timeout_ms
                                                              : DEFAULT_TIMEOUT_MS));
    conf = ds_kafka_conf_new(config->brokers, config->client_id, &writer->owner, settings, error);
    if (conf == NULL)
        return false;
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    writer->rk = ds_kafka_new(RD_KAFKA_PRODUCER, conf, error);
    return writer->rk != NULL && open_topics(writer, error);
}

bool ds_command_writer_new(const struct ds_runtime *runtime,
                           const struct ds_command_writer_config *config,
                           ds_command_writer_t **writer_out, ds_error_t *error)
{
    ds_command_writer_t *writer = calloc(1, sizeof(*writer));

    *writer_out = NULL;
    if (writer == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a command writer");
    writer->log = runtime->log;
    writer->owner.log = &writer->log;
    writer->clock = runtime->clock;
    writer->framing = runtime->framing;
    writer->max_queued = config->max_queued == 0 ? DEFAULT_QUEUED_MAX : config->max_queued;
    writer->asked_us = -METADATA_PAUSE_US;
    if (!open_handle(writer, config, error)) {
        ds_command_writer_destroy(writer);
        return false;
    }
    *writer_out = writer;
    return true;
}

void ds_command_writer_destroy(ds_command_writer_t *writer)
{
    if (writer == NULL)
        return;
    if (writer->rk != NULL) {
        rd_kafka_flush(writer->rk, 5000);
        /* What is left is reported now, as failed, so that each callback has run. */
        rd_kafka_purge(writer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(writer->rk, 500);
    }
    for (size_t t = 0; t < writer->topic_count; t++)
        rd_kafka_topic_destroy(writer->topics[t].rkt);
    if (writer->rk != NULL)
        rd_kafka_destroy(writer->rk);
    free(writer);
}

static struct topic *find_topic(struct ds_command_writer *writer, const struct ds_schema *schema)
{
    for (size_t t = 0; t < writer->topic_count; t++)
        if (writer->topics[t].schema == schema)
            return &writer->topics[t];
    return NULL;
}

static rd_kafka_headers_t *make_headers(const struct ds_schema *schema, const void *command)
{
    const struct ds_command_head *head = schema->kind == DS_SCHEMA_COMMANDS
                                             ? &((const struct ds_command_envelope *)command)->head
                                             : NULL;
    const char *type = ds_schema_ce_type(schema, command);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);

    if (type[0] != '\0')
        rd_kafka_header_add(headers, "ce_type", -1, type, -1);
    if (head != NULL && head->has_traceparent)
        rd_kafka_header_add(headers, "traceparent", -1, head->traceparent.data,
                            (ssize_t)head->traceparent.len);
    return headers;
}

static bool enqueue(struct ds_command_writer *writer, struct topic *topic, int32_t partition,
                    const void *command, ds_str_t key, ds_bytes_t value, struct in_flight *flight,
                    ds_error_t *error)
{
    rd_kafka_headers_t *headers = make_headers(topic->schema, command);
    rd_kafka_resp_err_t err;

    /* key and value are copied; headers and flight become librdkafka's on success and stay ours on
     * failure */
    err = rd_kafka_producev(writer->rk, RD_KAFKA_V_RKT(topic->rkt), RD_KAFKA_V_PARTITION(partition),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_VALUE((void *)(uintptr_t)value.data, value.len),
                            RD_KAFKA_V_KEY(key.data, key.len), RD_KAFKA_V_HEADERS(headers),
                            RD_KAFKA_V_OPAQUE(flight), RD_KAFKA_V_END);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    rd_kafka_headers_destroy(headers);
    return ds_error_set(error, DS_DOMAIN_KAFKA, ds_kafka_code(err), "append to %s/%d: %s",
                        topic->schema->topic, (int)partition, rd_kafka_err2str(err));
}

static bool encode_and_enqueue(struct ds_command_writer *writer, struct topic *topic,
                               const void *command, ds_str_t key, ds_command_done_fn done,
                               void *context, ds_error_t *error)
{
    int32_t partition = ds_partition_of(key, atomic_load(&topic->partitions));
    struct in_flight *flight = NULL;
    ds_buf_t value;
    bool ok = false;

    ds_buf_init(&value, DS_MAX_RECORD_BYTES);
    if (!ds_framing_encode(writer->framing, topic->schema, command, &value, error))
        goto out;
    flight = malloc(sizeof(*flight));
    if (flight == NULL) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a command in flight");
        goto out;
    }
    *flight = (struct in_flight){done, context};
    ok = enqueue(writer, topic, partition, command, key, ds_buf_bytes(&value), flight, error);
    if (!ok)
        free(flight);
out:
    ds_buf_cleanup(&value);
    return ok;
}

bool ds_command_writer_send(ds_command_writer_t *writer, const struct ds_schema *schema,
                            const void *command, ds_str_t key, ds_command_done_fn done,
                            void *context, ds_error_t *error)
{
    struct topic *topic = find_topic(writer, schema);

    if (topic == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_INVALID, "%s is not a commands topic",
                            schema->topic);
    if (!ds_framing_ready(writer->framing, schema))
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE,
                            "%s: the registry has not told the schema's id yet", schema->topic);
    if (atomic_load(&topic->partitions) == 0 || atomic_load(&writer->down))
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "%s: Kafka is away",
                            schema->topic);
    if (atomic_fetch_add(&writer->queued, 1) >= writer->max_queued) {
        atomic_fetch_sub(&writer->queued, 1);
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_BUSY, "%zu commands in flight",
                            writer->max_queued);
    }
    if (encode_and_enqueue(writer, topic, command, key, done, context, error))
        return true;
    atomic_fetch_sub(&writer->queued, 1);
    return false;
}

static bool ask_partitions(struct ds_command_writer *writer, struct topic *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(writer->rk, 0, topic->rkt, &metadata, METADATA_TIMEOUT_MS);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0)
        atomic_store(&topic->partitions, metadata->topics[0].partition_cnt);
    rd_kafka_metadata_destroy(metadata);
    atomic_store(&writer->down, false);
    return true;
}

/* Until every topic is known, and while the brokers seem to be down: ask, at most twice a second.
 */
static void look_after(struct ds_command_writer *writer)
{
    bool down = atomic_load(&writer->down);
    int64_t now_us = ds_monotonic_us(writer->clock);

    if (now_us - writer->asked_us < METADATA_PAUSE_US)
        return;
    for (size_t t = 0; t < writer->topic_count; t++) {
        struct topic *topic = &writer->topics[t];

        if (atomic_load(&topic->partitions) > 0 && !down)
            continue;
        writer->asked_us = now_us;
        if (!ask_partitions(writer, topic))
            return; /* away: once is enough */
        down = false;
    }
}

/* Ids are asked for before the first command, so that it need not wait for them. */
static bool knows_ids(const struct ds_command_writer *writer)
{
    bool all = true;

    for (size_t t = 0; t < writer->topic_count; t++)
        all = ds_framing_ready(writer->framing, writer->topics[t].schema) && all;
    return all;
}

int ds_command_writer_poll(ds_command_writer_t *writer, int timeout_ms)
{
    writer->ran = 0;
    (void)knows_ids(writer);
    look_after(writer);
    rd_kafka_poll(writer->rk, timeout_ms);
    return writer->ran;
}

bool ds_command_writer_up(const ds_command_writer_t *writer)
{
    if (atomic_load(&writer->down) || !knows_ids(writer))
        return false;
    for (size_t t = 0; t < writer->topic_count; t++)
        if (atomic_load(&writer->topics[t].partitions) > 0)
            return true;
    return false;
}
