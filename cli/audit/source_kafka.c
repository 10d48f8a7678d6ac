/* The ten topics at a broker. A partition number is read from all topics at once, then the next
 * one, which a second handle fetches meanwhile: librdkafka's threads fill its queues, up to their
 * bounds, and nobody takes from them before it is that partition's turn. */
#include "cli/audit/source.h"
#include "stream/broker_kafka.h"

#include <inttypes.h>
#include <stdlib.h>

#define POLL_MS 100
/* Of each of two handles: more than is judged in a second. */
#define AHEAD_MB 192
/* The topics of the log, then the snapshots. */
#define ALL_TOPICS (DS_AUDIT_TOPICS + DS_AUDIT_PROCESSORS)

struct kafka_source {
    struct ds_audit_source base; /* first: the two are the same pointer */
    const struct ds_runtime *runtime;
    ds_broker_t *broker;     /* reads */
    ds_broker_t *ahead;      /* fetches; the two change places */
    int32_t partition_ahead; /* -1: none */
    int timeout_ms;
};

static bool ask_ends(struct kafka_source *k, struct ds_broker_end *list, size_t count,
                     ds_error_t *error)
{
    if (!k->broker->ops->ends(k->broker, list, count, k->timeout_ms, error))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!list[i].ok)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                                "no answer about the end of %s/%" PRId32,
                                ds_audit_schema(list[i].topic)->topic, list[i].partition);
    return true;
}

/* Before the log's: what a snapshot is of stood there then. Topics that are not there are left out:
 * a log may be older than they. */
static bool ask_snapshots(struct kafka_source *k, ds_error_t *error)
{
    size_t count = (size_t)k->base.partitions * DS_AUDIT_PROCESSORS;
    struct ds_broker_end *list = calloc(count, sizeof *list);

    k->base.snapshots = calloc((size_t)k->base.partitions, sizeof *k->base.snapshots);
    bool ok = list != NULL && k->base.snapshots != NULL;
    if (!ok)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu ends", count);
    for (size_t i = 0; ok && i < count; i++)
        list[i] =
            (struct ds_broker_end){.topic = DS_AUDIT_TOPICS + (int32_t)(i % DS_AUDIT_PROCESSORS),
                                   .partition = (int32_t)(i / DS_AUDIT_PROCESSORS),
                                   .want_low = true};
    ok = ok && k->broker->ops->ends(k->broker, list, count, k->timeout_ms, error);
    for (size_t i = 0; ok && i < count; i++)
        if (list[i].ok)
            k->base.snapshots[list[i].partition][list[i].topic - DS_AUDIT_TOPICS] =
                (struct ds_audit_range){list[i].low, list[i].end, list[i].end};
    free(list);
    return ok;
}

/* Twice, the second time when all answers of the first are there. */
static bool ask_ranges(struct kafka_source *k, ds_error_t *error)
{
    size_t count = (size_t)k->base.partitions * DS_AUDIT_TOPICS;
    struct ds_broker_end *list = calloc(count, sizeof *list);
    bool ok = false;

    k->base.ranges = calloc((size_t)k->base.partitions, sizeof *k->base.ranges);
    if (list == NULL || k->base.ranges == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu ends", count);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        list[i].topic = (int32_t)(i % DS_AUDIT_TOPICS);
        list[i].partition = (int32_t)(i / DS_AUDIT_TOPICS);
        list[i].want_low = true;
    }
    if (!ask_ends(k, list, count, error))
        goto out;
    for (size_t i = 0; i < count; i++) {
        struct ds_audit_range *range = &k->base.ranges[list[i].partition][list[i].topic];
        range->low = list[i].low;
        range->settled = list[i].end;
        list[i].want_low = false;
    }
    if (!ask_ends(k, list, count, error))
        goto out;
    for (size_t i = 0; i < count; i++)
        k->base.ranges[list[i].partition][list[i].topic].end = list[i].end;
    ok = true;
out:
    free(list);
    return ok;
}

static bool ask_ends_now(struct ds_audit_source *source, int32_t partition,
                         int64_t ends_out[DS_AUDIT_TOPICS], ds_error_t *error)
{
    struct kafka_source *k = (struct kafka_source *)source;
    struct ds_broker_end list[DS_AUDIT_TOPICS] = {{0}};

    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        list[t] = (struct ds_broker_end){.topic = t, .partition = partition};
    if (!ask_ends(k, list, DS_AUDIT_TOPICS, error))
        return false;
    for (size_t i = 0; i < DS_AUDIT_TOPICS; i++)
        ends_out[list[i].topic] = list[i].end;
    return true;
}

/* A partition being read. */
struct reading {
    struct kafka_source *k;
    int32_t partition;
    int64_t next[ALL_TOPICS];
    int64_t end[ALL_TOPICS];
    size_t open; /* topics that are not at their end */
    ds_audit_take_fn take;
    void *context;
};

/* Where reading of a topic begins and ends. */
static void set_range(struct reading *r, int32_t topic, int64_t from, int64_t end)
{
    r->next[topic] = from;
    r->end[topic] = end;
    r->open += from < end;
}

static bool start(struct reading *r, int32_t topic, int64_t from, int64_t end, ds_error_t *error)
{
    set_range(r, topic, from, end);
    return from >= end || r->k->broker->ops->start(r->k->broker, topic, r->partition, from, error);
}

static void end_reading(struct reading *r, int32_t topic)
{
    r->k->broker->ops->stop(r->k->broker, topic, r->partition);
    r->open--;
}

static void note_next(struct reading *r, const struct ds_broker_event *event, int64_t next)
{
    r->next[event->topic] = next;
    if (next < r->end[event->topic])
        return;
    end_reading(r, event->topic);
}

static bool take_one(struct reading *r, const struct ds_broker_event *event, ds_error_t *error)
{
    const int64_t end = r->end[event->topic];
    const struct ds_audit_record record = {event->topic,       event->partition, event->offset,
                                           event->appended_us, event->has_key,   event->has_value,
                                           event->key,         event->value};
    if (r->next[event->topic] >= end)
        return true; /* written meanwhile */
    if (event->offset < end && !r->take(r->context, &record, error))
        return false;
    note_next(r, event, event->offset + 1);
    return true;
}

/* In a compacted topic the last offsets may have no records. */
static void take_end(struct reading *r, const struct ds_broker_event *event)
{
    if (r->next[event->topic] < r->end[event->topic] && event->offset >= r->end[event->topic])
        note_next(r, event, event->offset);
}

static bool failed(const struct ds_broker_event *event, ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_KAFKA, event->code, "read %s/%" PRId32 ": %s",
                        ds_audit_topic(event->topic), event->partition,
                        event->reason == NULL ? "failed" : event->reason);
}

/* A retention has taken what was to be read next, in the middle of reading or of fetching ahead. Of
 * commands that is no anomaly, and what their decisions say is in the events. */
static bool pass_over(struct reading *r, const struct ds_broker_event *event, ds_error_t *error)
{
    const int32_t topic = event->topic;
    struct ds_broker_end now = {.topic = topic, .partition = r->partition, .want_low = true};

    if (topic < DS_AUDIT_PROCESSORS || topic >= DS_AUDIT_TOPICS || event->code != DS_ERR_DAMAGE)
        return failed(event, error);
    if (r->next[topic] >= r->end[topic])
        return true;
    if (!ask_ends(r->k, &now, 1, error))
        return false;
    if (now.low <= r->next[topic])
        return failed(event, error);
    r->next[topic] = now.low;
    if (now.low < r->end[topic])
        return r->k->broker->ops->start(r->k->broker, topic, r->partition, now.low, error);
    end_reading(r, topic);
    return true;
}

static bool take_events(struct reading *r, const struct ds_broker_event *events, size_t count,
                        ds_error_t *error)
{
    for (size_t i = 0; i < count; i++) {
        if (events[i].partition != r->partition)
            continue;
        if (events[i].kind == DS_BROKER_READ_FAILED && !pass_over(r, &events[i], error))
            return false;
        if (events[i].kind == DS_BROKER_AT_END)
            take_end(r, &events[i]);
        if (events[i].kind == DS_BROKER_RECORD && !take_one(r, &events[i], error))
            return false;
    }
    return true;
}

static bool read_on(struct reading *r, ds_error_t *error)
{
    struct kafka_source *k = r->k;
    int64_t heard_us = ds_monotonic_us(k->runtime->clock);

    while (r->open > 0) {
        const struct ds_broker_event *events;
        size_t count;
        if (ds_stopping(k->runtime))
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_SHUTDOWN, "asked to stop");
        if (!k->broker->ops->poll(k->broker, POLL_MS, true, &events, &count, error) ||
            !take_events(r, events, count, error))
            return false;
        int64_t now_us = ds_monotonic_us(k->runtime->clock);
        if (count > 0)
            heard_us = now_us;
        else if (now_us - heard_us > k->timeout_ms * DS_US_PER_MS)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT,
                                "partition %" PRId32 ": no record for %d ms, %zu topics not at "
                                "their end",
                                r->partition, k->timeout_ms, r->open);
    }
    return true;
}

static void stop(struct reading *r)
{
    for (int32_t t = 0; t < ALL_TOPICS; t++)
        if (r->next[t] < r->end[t])
            r->k->broker->ops->stop(r->k->broker, t, r->partition);
}

static void stop_ahead(struct kafka_source *k)
{
    for (int32_t t = 0; k->partition_ahead >= 0 && t < DS_AUDIT_TOPICS; t++)
        k->ahead->ops->stop(k->ahead, t, k->partition_ahead);
    k->partition_ahead = -1;
}

/* Where its topics begin now: since the audit began a retention may have taken some of them. */
static bool ask_lows(struct kafka_source *k, int32_t partition, ds_error_t *error)
{
    struct ds_broker_end list[DS_AUDIT_TOPICS] = {{0}};

    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        list[t] = (struct ds_broker_end){.topic = t, .partition = partition, .want_low = true};
    if (!ask_ends(k, list, DS_AUDIT_TOPICS, error))
        return false;
    for (size_t i = 0; i < DS_AUDIT_TOPICS; i++) {
        struct ds_audit_range *range = &k->base.ranges[partition][list[i].topic];
        if (list[i].low > range->low)
            range->low = list[i].low < range->end ? list[i].low : range->end;
    }
    return true;
}

static bool start_ahead(struct kafka_source *k, int32_t next, ds_error_t *error)
{
    k->partition_ahead = next;
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++) {
        const struct ds_audit_range *range = &k->base.ranges[next][t];
        if (range->low < range->end && !k->ahead->ops->start(k->ahead, t, next, range->low, error))
            return false;
    }
    return true;
}

/* The handle that has fetched the partition takes over; the other one fetches the next. One that
 * cannot be fetched, as its leader is away, is asked again in its turn. */
static void fetch_ahead(struct kafka_source *k, int32_t next)
{
    ds_error_t why = DS_ERROR_INIT;

    stop_ahead(k);
    if (next < k->base.partitions && (!ask_lows(k, next, &why) || !start_ahead(k, next, &why)))
        stop_ahead(k);
}

/* One that is fetched ahead was asked then. */
static bool begin(struct ds_audit_source *source, int32_t partition, ds_error_t *error)
{
    struct kafka_source *k = (struct kafka_source *)source;
    return k->partition_ahead == partition || ask_lows(k, partition, error);
}

static bool start_all(struct reading *r, const int64_t *ends, ds_error_t *error)
{
    const struct ds_audit_range *ranges = r->k->base.ranges[r->partition];
    bool ok = true;
    for (int32_t t = 0; ok && t < DS_AUDIT_TOPICS; t++)
        ok = start(r, t, ranges[t].low, ends == NULL ? ranges[t].end : ends[t], error);
    return ok;
}

/* All of a partition: it may have been fetched already. */
static bool start_whole(struct reading *r, ds_error_t *error)
{
    struct kafka_source *k = r->k;
    const struct ds_audit_range *ranges = k->base.ranges[r->partition];

    if (k->partition_ahead == r->partition) {
        ds_broker_t *idle = k->broker;
        k->broker = k->ahead;
        k->ahead = idle;
        k->partition_ahead = -1;
        for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
            set_range(r, t, ranges[t].low, ranges[t].end);
    } else if (!start_all(r, NULL, error)) {
        return false;
    }
    fetch_ahead(k, r->partition + 1);
    return true;
}

static bool read_partition(struct ds_audit_source *source, int32_t partition, const int64_t *ends,
                           ds_audit_take_fn take, void *context, ds_error_t *error)
{
    struct reading reading = {.k = (struct kafka_source *)source,
                              .partition = partition,
                              .take = take,
                              .context = context};
    bool ok = ends == NULL ? start_whole(&reading, error) : start_all(&reading, ends, error);

    ok = ok && read_on(&reading, error);
    stop(&reading);
    return ok;
}

static bool read_snapshots(struct ds_audit_source *source, int32_t partition, int32_t processor,
                           int64_t from, int64_t until, ds_audit_take_fn take, void *context,
                           ds_error_t *error)
{
    struct reading reading = {.k = (struct kafka_source *)source,
                              .partition = partition,
                              .take = take,
                              .context = context};
    bool ok = true;

    for (int32_t p = 0; ok && processor < 0 && p < DS_AUDIT_PROCESSORS; p++) {
        const struct ds_audit_range *range = &source->snapshots[partition][p];
        ok = start(&reading, DS_AUDIT_TOPICS + p, range->low, range->end, error);
    }
    if (processor >= 0)
        ok = start(&reading, DS_AUDIT_TOPICS + processor, from, until, error);
    ok = ok && read_on(&reading, error);
    stop(&reading);
    return ok;
}

static void destroy(struct ds_audit_source *source)
{
    struct kafka_source *k = (struct kafka_source *)source;
    if (k->ahead != NULL) {
        stop_ahead(k);
        k->ahead->ops->destroy(k->ahead, 1000);
    }
    if (k->broker != NULL)
        k->broker->ops->destroy(k->broker, 1000);
    free(k->base.ranges);
    free(k->base.snapshots);
    free(k);
}

bool ds_audit_source_kafka(const struct ds_runtime *runtime, const char *brokers, int timeout_ms,
                           struct ds_audit_source **source_out, ds_error_t *error)
{
    const char *topics[ALL_TOPICS];
    struct ds_broker_kafka_config config = {.brokers = brokers,
                                            .client_id = "doorstep-audit",
                                            .topics = topics,
                                            .topic_count = ALL_TOPICS,
                                            .gather_ms = 5, /* all of it is there already */
                                            .ahead_mb = AHEAD_MB};
    struct kafka_source *k = calloc(1, sizeof *k);

    *source_out = NULL;
    if (k == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: a source");
    for (int32_t t = 0; t < ALL_TOPICS; t++)
        topics[t] = ds_audit_topic(t);
    k->base.begin = begin;
    k->base.read = read_partition;
    k->base.read_snapshots = read_snapshots;
    k->base.ends = ask_ends_now;
    k->base.destroy = destroy;
    k->runtime = runtime;
    k->timeout_ms = timeout_ms;
    k->partition_ahead = -1;
    if (ds_broker_kafka_new(&runtime->log, &config, &k->broker, error) &&
        ds_broker_kafka_new(&runtime->log, &config, &k->ahead, error) &&
        k->broker->ops->partitions(k->broker, DS_AUDIT_TOPICS, timeout_ms, &k->base.partitions,
                                   error) &&
        ask_snapshots(k, error) && ask_ranges(k, error)) {
        *source_out = &k->base;
        return true;
    }
    destroy(&k->base);
    return false;
}
