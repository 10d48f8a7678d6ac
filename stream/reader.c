/* The reader's partitions: who gives them, where they start, how they stop. See reader.h. */
#include "stream/reader_internal.h"

#include <stdlib.h>

#define DEFAULT_BATCH   4096
#define ARENA_MAX_BYTES ((size_t)256 * 1024 * 1024)
#define ASK_FIRST_US    (100 * DS_US_PER_MS)
#define ASK_MAX_US      (5 * DS_US_PER_S)
#define LOOKUP_IDLE_US  (10 * DS_US_PER_S)
#define SIGHT_EVERY_US  DS_US_PER_S
#define SIGHT_MS        500

static ds_log_t stream_log(const struct ds_reader *reader, int32_t topic, int32_t partition)
{
    ds_log_t log = reader->runtime->log;

    log.topic = reader->topics[topic]->topic;
    log.partition = partition;
    log.offset = -1;
    return log;
}

static void register_metrics(struct ds_reader *reader)
{
    for (size_t t = 0; t < reader->config.topic_count; t++)
        for (int v = DS_FENCE_TAKE + 1; v < DS_FENCE_VERDICTS; v++) {
            const struct ds_label labels[] = {{"topic", reader->topics[t]->topic},
                                              {"reason",
                                               ds_fence_verdict_text((enum ds_fence_verdict)v)},
                                              {NULL, NULL}};

            reader->skipped[t][v] =
                ds_metrics_get(reader->runtime->metrics, DS_COUNTER, "doorstep_fence_skipped_total",
                               "Records that rule F does not count.", labels);
        }
}

static bool open_broker(struct ds_reader *reader, ds_error_t *error)
{
    const char *names[DS_BROKER_MAX_TOPICS];
    struct ds_broker_kafka_config config = {
        .brokers = reader->brokers,
        .client_id = reader->client_id,
        .group_id = reader->config.group_id,
        .group_instance_id = reader->config.group_instance_id,
        .topics = names,
        .topic_count = (int32_t)reader->config.topic_count,
        .gather_ms = reader->config.gather_ms,
    };

    if (reader->broker != NULL)
        return true;
    for (size_t t = 0; t < reader->config.topic_count; t++)
        names[t] = reader->topics[t]->topic;
    return ds_broker_kafka_new(&reader->runtime->log, &config, &reader->broker, error);
}

static bool allocate(struct ds_reader *reader, ds_error_t *error)
{
    size_t batch =
        reader->config.max_batch_records == 0 ? DEFAULT_BATCH : reader->config.max_batch_records;

    reader->record_capacity = batch + DS_MAX_DECISION_RECORDS;
    reader->records = calloc(reader->record_capacity, sizeof(*reader->records));
    reader->arena = ds_arena_new(256 * 1024, ARENA_MAX_BYTES);
    reader->brokers = ds_str_dup(ds_str(reader->config.brokers));
    reader->client_id = ds_str_dup(ds_str(reader->config.client_id));
    if (reader->records == NULL || reader->arena == NULL || reader->brokers == NULL ||
        reader->client_id == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a reader");
    return true;
}

static void drop_brokers(const struct ds_reader_config *config)
{
    if (config->broker != NULL)
        config->broker->ops->destroy(config->broker, 0);
    if (config->lookup != NULL)
        config->lookup->ops->destroy(config->lookup, 0);
}

bool ds_reader_new(const struct ds_runtime *runtime, const struct ds_reader_config *config,
                   ds_reader_t **reader_out, ds_error_t *error)
{
    ds_reader_t *reader;

    *reader_out = NULL;
    if (config->topic_count == 0 || config->topic_count > DS_BROKER_MAX_TOPICS) {
        drop_brokers(config);
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "a reader of %zu topics",
                            config->topic_count);
    }
    reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        drop_brokers(config);
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a reader");
    }
    reader->runtime = runtime;
    reader->config = *config;
    reader->broker = config->broker;
    reader->lookup = config->lookup;
    reader->silent.pause_us = config->silent_pause_us;
    for (size_t t = 0; t < config->topic_count; t++)
        reader->topics[t] = config->topics[t];
    register_metrics(reader);
    if (!allocate(reader, error) || !open_broker(reader, error)) {
        ds_reader_destroy(reader);
        return false;
    }
    *reader_out = reader;
    return true;
}

void ds_reader_destroy(ds_reader_t *reader)
{
    if (reader == NULL)
        return;
    ds_reader_close_lookup(reader);
    if (reader->broker != NULL)
        reader->broker->ops->destroy(reader->broker, 2000);
    for (size_t t = 0; t < reader->config.topic_count; t++)
        for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
            if (reader->streams[t][p] == NULL)
                continue;
            ds_pending_cleanup(&reader->streams[t][p]->pending);
            free(reader->streams[t][p]);
        }
    ds_arena_destroy(reader->arena);
    free(reader->records);
    free(reader->brokers);
    free(reader->client_id);
    free(reader);
}

struct ds_stream *ds_reader_stream(struct ds_reader *reader, int32_t topic, int32_t partition,
                                   ds_error_t *error)
{
    struct ds_stream **place;

    if (topic < 0 || (size_t)topic >= reader->config.topic_count || partition < 0 ||
        partition >= DS_MAX_PARTITIONS) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "topic %d, partition %d", (int)topic,
                     (int)partition);
        return NULL;
    }
    place = &reader->streams[topic][partition];
    if (*place == NULL) {
        *place = calloc(1, sizeof(**place));
        if (*place == NULL) {
            ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a partition's reader");
            return NULL;
        }
        ds_pending_init(&(*place)->pending);
    }
    return *place;
}

static void end_wait(struct ds_reader *reader, struct ds_stream *stream)
{
    if (stream->wait.kind != DS_WAIT_NONE)
        reader->waiting--;
    stream->wait.kind = DS_WAIT_NONE;
}

bool ds_reader_assign(ds_reader_t *reader, int32_t topic, int32_t partition,
                      struct ds_log_place place, ds_error_t *error)
{
    struct ds_stream *stream = ds_reader_stream(reader, topic, partition, error);

    if (stream == NULL)
        return false;
    ds_fence_init(&stream->fence, place);
    ds_pending_clear(&stream->pending);
    end_wait(reader, stream);
    stream->damaged = stream->paused = false;
    stream->since_turn = reader->turn;
    stream->active = reader->broker->ops->start(reader->broker, topic, partition,
                                                stream->fence.next_offset, error);
    return stream->active;
}

static void stop_partition(struct ds_reader *reader, int32_t partition)
{
    for (size_t t = 0; t < reader->config.topic_count; t++) {
        struct ds_stream *stream = reader->streams[t][partition];

        if (stream == NULL)
            continue;
        end_wait(reader, stream);
        stream->paused = false;
        if (!stream->active)
            continue;
        stream->active = false;
        reader->broker->ops->stop(reader->broker, (int32_t)t, partition);
    }
    reader->parts[partition].reading = false;
}

void ds_reader_drop(ds_reader_t *reader, int32_t partition)
{
    struct ds_reader_part *part = &reader->parts[partition];

    stop_partition(reader, partition);
    part->ask_at_us =
        ds_monotonic_us(reader->runtime->clock) +
        ds_backoff_us(reader->runtime->random, part->attempt++, ASK_FIRST_US, ASK_MAX_US);
}

/* ---- the group's side ---- */

static bool start_given(struct ds_reader *reader, int32_t partition, ds_error_t *error)
{
    struct ds_log_place places[DS_BROKER_MAX_TOPICS];

    for (size_t t = 0; t < reader->config.topic_count; t++)
        places[t] = DS_PLACE_START;
    if (!reader->config.assigned(reader->config.context, partition, places, error))
        return false;
    for (size_t t = 0; t < reader->config.topic_count; t++)
        if (!ds_reader_assign(reader, (int32_t)t, partition, places[t], error))
            return false;
    return true;
}

static void ask(struct ds_reader *reader, int32_t partition)
{
    struct ds_reader_part *part = &reader->parts[partition];
    ds_error_t error = DS_ERROR_INIT;
    ds_log_t log = stream_log(reader, 0, partition);

    if (start_given(reader, partition, &error)) {
        part->reading = true;
        part->attempt = 0;
        return;
    }
    stop_partition(reader, partition);
    if (!error.retriable) {
        part->given = false; /* left alone until the group gives it again */
        ds_log_error(&log, DS_LOG_ERROR, "reader.not_assigned", &error);
        return;
    }
    part->ask_at_us =
        ds_monotonic_us(reader->runtime->clock) +
        ds_backoff_us(reader->runtime->random, part->attempt++, ASK_FIRST_US, ASK_MAX_US);
    ds_log_error(&log, DS_LOG_INFO, "reader.assign_later", &error);
}

static void ask_due(struct ds_reader *reader)
{
    int64_t now_us = ds_monotonic_us(reader->runtime->clock);

    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        if (reader->parts[p].given && !reader->parts[p].reading &&
            reader->parts[p].ask_at_us <= now_us)
            ask(reader, p);
}

static void revoke_all(struct ds_reader *reader)
{
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        if (!reader->parts[p].given)
            continue;
        stop_partition(reader, p);
        reader->parts[p] = (struct ds_reader_part){0};
        if (reader->config.revoked != NULL)
            reader->config.revoked(reader->config.context, p);
    }
}

/* ---- poll ---- */

/* The log's ends decide whether an offset that was refused is damage or a leader that changed hands
 * just then. */
static bool read_failed(struct ds_reader *reader, struct ds_stream *stream,
                        const struct ds_broker_event *event, ds_error_t *error)
{
    struct ds_broker_end end = {
        .topic = event->topic, .partition = event->partition, .want_low = true};
    int64_t next = stream->fence.next_offset;

    if (!reader->broker->ops->ends(reader->broker, &end, 1, 5000, error) || !end.ok)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_UNAVAILABLE, "ends not known");
    if (next < end.low || next > end.end)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                            "position %lld is outside the log, %lld to %lld", (long long)next,
                            (long long)end.low, (long long)end.end);
    stream->since_turn = reader->turn;
    return reader->broker->ops->start(reader->broker, event->topic, event->partition, next, error);
}

static void stop_damaged(struct ds_reader *reader, struct ds_stream *stream,
                         const struct ds_broker_event *event, ds_error_t *error)
{
    ds_log_t log = stream_log(reader, event->topic, event->partition);

    ds_error_prefix(error, "%s/%d", reader->topics[event->topic]->topic, (int)event->partition);
    log.offset = stream->fence.next_offset;
    ds_log_error(&log, DS_LOG_ERROR, "reader.stopped", error);
    stream->active = false;
    stream->damaged = true;
    reader->broker->ops->stop(reader->broker, event->topic, event->partition);
}

/* The record has moved nothing; its partition is read again from it. */
static void wait_for_schema(struct ds_reader *reader, struct ds_stream *stream,
                            const struct ds_broker_event *event, unsigned answers,
                            const ds_error_t *why)
{
    ds_log_t log = stream_log(reader, event->topic, event->partition);

    log.offset = event->offset;
    stream->active = false;
    reader->broker->ops->stop(reader->broker, event->topic, event->partition);
    ds_schema_wait_begin(&stream->wait, reader->runtime, answers, why);
    reader->waiting++;
    ds_schema_wait_say(reader->runtime, &log, why, &reader->wait_said_us);
}

/* What of an unfinished decision was read is kept. */
static bool go_on(struct ds_reader *reader, int32_t topic, int32_t partition, ds_error_t *error)
{
    struct ds_stream *stream = reader->streams[topic][partition];

    if (!reader->broker->ops->start(reader->broker, topic, partition, stream->fence.next_offset,
                                    error))
        return false;
    stream->since_turn = reader->turn;
    stream->active = true;
    return true;
}

static bool resume(struct ds_reader *reader, int32_t topic, int32_t partition, ds_error_t *error)
{
    struct ds_stream *stream = reader->streams[topic][partition];

    if (stream == NULL || stream->wait.kind == DS_WAIT_NONE ||
        !ds_schema_wait_over(&stream->wait, reader->runtime))
        return true;
    if (!go_on(reader, topic, partition, error))
        return false;
    end_wait(reader, stream);
    return true;
}

void ds_reader_pause(ds_reader_t *reader, int32_t topic, int32_t partition, bool paused)
{
    struct ds_stream *stream = reader->streams[topic][partition];
    ds_error_t ignored = DS_ERROR_INIT;

    if (stream == NULL || stream->paused == paused)
        return;
    if (!paused) {
        stream->paused = !go_on(reader, topic, partition, &ignored);
    } else if (stream->active) {
        stream->paused = true;
        stream->active = false;
        reader->broker->ops->stop(reader->broker, topic, partition);
    }
}

/* Those that cannot be read again now are tried with the next poll. */
static void resume_all(struct ds_reader *reader)
{
    ds_error_t ignored = DS_ERROR_INIT;

    for (size_t t = 0; t < reader->config.topic_count; t++)
        for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
            if (!resume(reader, (int32_t)t, p, &ignored))
                return;
}

const char *ds_reader_waiting(const ds_reader_t *reader)
{
    const char *text = NULL;

    for (size_t t = 0; reader->waiting > 0 && t < reader->config.topic_count; t++)
        for (int32_t p = 0; p < DS_MAX_PARTITIONS && text == NULL; p++)
            if (reader->streams[t][p] != NULL)
                text = ds_schema_wait_text(&reader->streams[t][p]->wait, reader->runtime->framing);
    return text;
}

/* false: the partition was stopped, the error says why. */
static bool handle_stream_event(struct ds_reader *reader, const struct ds_broker_event *event,
                                ds_error_t *error)
{
    struct ds_stream *stream = reader->streams[event->topic][event->partition];
    unsigned answers = ds_framing_answers(reader->runtime->framing);
    bool ok;

    if (stream == NULL || !stream->active || reader->turn <= stream->since_turn)
        return true; /* of a reading that is over */
    ok = event->kind == DS_BROKER_RECORD ? ds_reader_take(reader, stream, event, error)
                                         : read_failed(reader, stream, event, error);
    if (ok)
        return true;
    if (event->kind == DS_BROKER_RECORD && event->offset == stream->fence.next_offset &&
        ds_schema_waits(reader->topics[event->topic], error)) {
        wait_for_schema(reader, stream, event, answers, error);
        ds_error_clear(error);
        return true;
    }
    if (event->kind == DS_BROKER_READ_FAILED && error->code == DS_ERR_UNAVAILABLE) {
        /* Begin again later from the same place. */
        ds_error_clear(error);
        (void)reader->broker->ops->start(reader->broker, event->topic, event->partition,
                                         stream->fence.next_offset, error);
        ds_error_clear(error);
        return true;
    }
    stop_damaged(reader, stream, event, error);
    return false;
}

/* What it holds of a partition has room for so many and no more. */
static bool given(struct ds_reader *reader, int32_t partition, ds_error_t *error)
{
    if (partition < 0 || partition >= DS_MAX_PARTITIONS)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT,
                            "%s/%d is given to us, at most %d partitions can be read",
                            reader->topics[0]->topic, (int)partition, DS_MAX_PARTITIONS);
    reader->parts[partition] = (struct ds_reader_part){.given = true};
    ask(reader, partition);
    return true;
}

static bool handle(struct ds_reader *reader, const struct ds_broker_event *event, ds_error_t *error)
{
    switch (event->kind) {
    case DS_BROKER_RECORD:
    case DS_BROKER_READ_FAILED:
        return handle_stream_event(reader, event, error);
    case DS_BROKER_REVOKED:
        revoke_all(reader);
        return true;
    case DS_BROKER_ASSIGNED:
        return given(reader, event->partition, error);
    case DS_BROKER_GROUP_LOST:
        return ds_error_set(
            error, DS_DOMAIN_KAFKA, DS_ERR_NOT_OWNER, "another process is the group member %s",
            reader->config.group_instance_id == NULL ? "" : reader->config.group_instance_id);
    case DS_BROKER_AT_END:
        break; /* what it asked for before it reads is an end of its own */
    case DS_BROKER_DELIVERY:
    case DS_BROKER_PRODUCER_LOST:
        break; /* a reader appends nothing */
    }
    return true;
}

static bool take_events(struct ds_reader *reader, ds_error_t *error)
{
    while (reader->event_next < reader->event_count && !ds_reader_full(reader)) {
        const struct ds_broker_event *event = &reader->events[reader->event_next++];

        if (!handle(reader, event, error))
            return false;
    }
    return true;
}

static void begin_batch(struct ds_reader *reader)
{
    reader->record_count = 0;
    ds_arena_reset(reader->arena);
    if (reader->lookup != NULL && reader->config.lookup == NULL &&
        ds_monotonic_us(reader->runtime->clock) - reader->lookup_used_us > LOOKUP_IDLE_US)
        ds_reader_close_lookup(reader);
    if (reader->config.group_id != NULL)
        ask_due(reader);
    if (reader->waiting > 0)
        resume_all(reader);
}

/* A record that comes tells that Kafka is back; where nobody writes, none does. So ask, now and
 * then. */
static bool is_out_of_sight(struct ds_reader *reader)
{
    struct ds_broker_end end = {.topic = 0, .partition = 0};
    int64_t now_us = ds_monotonic_us(reader->runtime->clock);
    ds_error_t ignored = DS_ERROR_INIT;

    if (!reader->broker->ops->away(reader->broker))
        return false;
    if (now_us < reader->sight_at_us)
        return true;
    reader->sight_at_us = now_us + SIGHT_EVERY_US;
    return !reader->broker->ops->ends(reader->broker, &end, 1, SIGHT_MS, &ignored);
}

bool ds_reader_poll(ds_reader_t *reader, int timeout_ms, struct ds_read_batch *batch_out,
                    ds_error_t *error)
{
    ds_error_t found = DS_ERROR_INIT;

    *batch_out = (struct ds_read_batch){0};
    if (ds_error_is_set(&reader->later)) {
        *error = reader->later;
        ds_error_clear(&reader->later);
        return false;
    }
    begin_batch(reader);
    if (reader->event_next == reader->event_count) {
        reader->turn++;
        reader->event_next = reader->event_count = 0;
        if (!reader->broker->ops->poll(reader->broker, timeout_ms, true, &reader->events,
                                       &reader->event_count, error))
            return false;
    }
    if (!take_events(reader, &found)) {
        if (reader->record_count == 0) {
            *error = found;
            return false;
        }
        reader->later = found; /* what was read before it is handed out first */
    }
    if (reader->record_count == 0 && is_out_of_sight(reader))
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "Kafka is away");
    batch_out->records = reader->records;
    batch_out->count = reader->record_count;
    return true;
}

/* ---- questions ---- */

bool ds_reader_ask(struct ds_reader *reader, struct ds_broker_end *end, int timeout_ms,
                   ds_error_t *error)
{
    int64_t asked_us = ds_monotonic_us(reader->runtime->clock);
    int ask_ms =
        ds_silent_ask_ms(&reader->silent, end->topic, end->partition, timeout_ms, asked_us);
    bool ok;

    if (ask_ms == 0)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                            "%s/%d: its leader was silent and is not asked again yet",
                            reader->topics[end->topic]->topic, (int)end->partition);
    ok = reader->broker->ops->ends(reader->broker, end, 1, ask_ms, error);
    ds_silent_note(&reader->silent, end->topic, end->partition, ok, asked_us,
                   ds_monotonic_us(reader->runtime->clock));
    return ok;
}

bool ds_reader_end(ds_reader_t *reader, int32_t topic, int32_t partition, int timeout_ms,
                   int64_t *end_out, ds_error_t *error)
{
    struct ds_broker_end end = {.topic = topic, .partition = partition};

    *end_out = 0;
    if (!ds_reader_ask(reader, &end, timeout_ms, error))
        return false;
    *end_out = end.end;
    return true;
}

bool ds_reader_may_ask(const ds_reader_t *reader, int32_t topic, int32_t partition)
{
    return ds_silent_ask_ms(&reader->silent, topic, partition, 1,
                            ds_monotonic_us(reader->runtime->clock)) > 0;
}

int64_t ds_reader_next_offset(const ds_reader_t *reader, int32_t topic, int32_t partition)
{
    const struct ds_stream *stream = reader->streams[topic][partition];

    return stream == NULL ? 0 : stream->fence.next_offset;
}

bool ds_reader_partitions(ds_reader_t *reader, int timeout_ms, int32_t *count_out,
                          ds_error_t *error)
{
    int32_t count = 0;

    *count_out = reader->partitions;
    if (reader->partitions > 0)
        return true;
    if (!reader->broker->ops->partitions(reader->broker, (int32_t)reader->config.topic_count,
                                         timeout_ms, &count, error))
        return false;
    if (count > DS_MAX_PARTITIONS)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT,
                            "%s has %d partitions, at most %d can be read",
                            reader->topics[0]->topic, (int)count, DS_MAX_PARTITIONS);
    *count_out = reader->partitions = count;
    return true;
}

int64_t ds_reader_group_silent_us(const ds_reader_t *reader)
{
    return reader->config.group_id == NULL ? 0
                                           : reader->broker->ops->group_silent_us(reader->broker);
}

void ds_reader_commit_hint(ds_reader_t *reader, int32_t partition, int64_t next)
{
    const struct ds_broker_hint hint = {.topic = 0, .partition = partition, .next = next};

    reader->broker->ops->commit_hints(reader->broker, &hint, 1);
}
