/* A client's connection to the log: stream/broker.h over log.c, with a network between. */
#include "sim.h"

#include <inttypes.h>

#define BATCH_MAX 512

static struct sim_conn *of(ds_broker_t *broker)
{
    return (struct sim_conn *)broker;
}

static bool unavailable(ds_error_t *error, const char *what)
{
    return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "%s", what);
}

static bool is_cut(const struct sim_conn *conn)
{
    return conn->proc->dying || conn->proc->cut_us > conn->sim->now_us;
}

/* A question to the server that is not answered. */
static bool call_fails(struct sim_conn *conn, ds_error_t *error)
{
    if (!is_cut(conn) &&
        (conn->sim->healed || !sim_hit(&conn->sim->chance, conn->sim->plan.call_fails)))
        return false;
    unavailable(error, "no answer");
    return true;
}

/* ---- what comes out of poll ---- */

struct ds_broker_event *sim_news_add(struct sim_conn *conn, int64_t at_us, int generation,
                                     enum ds_broker_event_kind kind)
{
    struct sim *sim = conn->sim;
    struct sim_news *news;

    conn->news =
        sim_grow(sim, conn->news, conn->news_count, &conn->news_capacity, sizeof(*conn->news));
    news = &conn->news[conn->news_count++];
    *news = (struct sim_news){.at_us = at_us,
                              .generation = generation,
                              .event = {.kind = kind, .topic = -1, .partition = -1, .offset = -1}};
    sim_proc_wake(conn->proc, at_us);
    return &news->event;
}

static struct ds_broker_event *room(struct sim_conn *conn, bool with_records)
{
    size_t most = conn->news_count + BATCH_MAX + DS_BROKER_MAX_TOPICS * SIM_PARTITIONS;

    if (conn->given_capacity[with_records] < most) {
        conn->given_capacity[with_records] = 2 * most;
        conn->given[with_records] =
            sim_alloc(conn->sim, 2 * most * sizeof(*conn->given[with_records]));
    }
    return conn->given[with_records];
}

/* News of the group keep their order, reports theirs; neither waits for the other. */
static bool waits(const struct sim_conn *conn, const struct sim_news *news, bool *group_waits)
{
    bool of_group = news->generation > 0;
    bool late = news->at_us > conn->sim->now_us || (of_group && *group_waits);

    *group_waits = *group_waits || (late && of_group);
    return late;
}

static size_t take_news(struct sim_conn *conn, struct ds_broker_event *out)
{
    size_t taken = 0;
    size_t kept = 0;
    bool group_waits = false;

    for (size_t i = 0; i < conn->news_count; i++) {
        const struct sim_news *news = &conn->news[i];

        if (waits(conn, news, &group_waits)) {
            conn->news[kept++] = *news;
            continue;
        }
        if (news->generation > 0)
            conn->seen_generation = news->generation;
        out[taken++] = news->event;
    }
    conn->news_count = kept;
    return taken;
}

static void pass_holes(struct sim_stream *stream, const struct sim_part *part)
{
    while (stream->next < part->end && part->records[stream->next].gone)
        stream->next++;
}

static bool visible(struct sim_conn *conn, int32_t t, int32_t p)
{
    struct sim_stream *stream = &conn->streams[t][p];
    const struct sim_part *part = &conn->sim->log[conn->topics[t]][p];

    if (!stream->reading)
        return false;
    pass_holes(stream, part);
    return stream->next > part->end ||
           (stream->next < part->end &&
            part->records[stream->next].appended_us + conn->lag_us <= conn->sim->now_us);
}

/* Nothing more has been written, as far as the server knows. */
static bool at_new_end(const struct sim_conn *conn, int32_t t, int32_t p)
{
    const struct sim_stream *stream = &conn->streams[t][p];

    return stream->reading && stream->next != stream->told_end &&
           stream->next == conn->sim->log[conn->topics[t]][p].end;
}

/* A leader that changed hands does not know the position for a moment. */
static bool refused(const struct sim_conn *conn)
{
    return !conn->sim->healed && sim_hit(&conn->sim->chance, conn->sim->plan.read_fails);
}

static void take_stream(struct sim_conn *conn, int32_t t, int32_t p, size_t most,
                        struct ds_broker_event *out, size_t *count)
{
    struct sim_stream *stream = &conn->streams[t][p];
    const struct sim_part *part = &conn->sim->log[conn->topics[t]][p];

    if (stream->reading && (stream->next > part->end || refused(conn))) {
        stream->reading = false;
        out[(*count)++] = (struct ds_broker_event){.kind = DS_BROKER_READ_FAILED,
                                                   .topic = t,
                                                   .partition = p,
                                                   .offset = -1,
                                                   .code = DS_ERR_DAMAGE};
    }
    while (*count < most && visible(conn, t, p)) {
        const struct sim_record *r = &part->records[stream->next];

        out[(*count)++] = (struct ds_broker_event){.kind = DS_BROKER_RECORD,
                                                   .topic = t,
                                                   .partition = p,
                                                   .offset = stream->next,
                                                   .appended_us = r->appended_us,
                                                   .has_key = r->has_key,
                                                   .has_value = r->has_value,
                                                   .key = r->key,
                                                   .value = r->value};
        stream->next++;
        conn->at_hand += conn->topics[t] >= SIM_SNAPSHOTS;
    }
    if (*count < most && at_new_end(conn, t, p)) {
        stream->told_end = stream->next;
        out[(*count)++] = (struct ds_broker_event){
            .kind = DS_BROKER_AT_END, .topic = t, .partition = p, .offset = stream->next};
    }
}

/* Topics in any order; within each (topic, partition) as they stand. */
static void take_records(struct sim_conn *conn, struct ds_broker_event *out, size_t *count)
{
    struct sim *sim = conn->sim;
    size_t most = *count + (!sim->healed && sim_hit(&sim->chance, sim->plan.small_polls)
                                ? 1 + sim_roll(&sim->chance, 3)
                                : BATCH_MAX);
    int32_t first = (int32_t)sim_roll(&sim->chance, (uint64_t)conn->topic_count);

    for (int32_t i = 0; i < conn->topic_count; i++)
        for (int32_t p = 0; p < sim->plan.partitions; p++)
            take_stream(conn, (first + i) % conn->topic_count, p, most, out, count);
}

bool sim_conn_waiting(struct sim_conn *conn)
{
    bool group_waits = false;

    for (size_t i = 0; i < conn->news_count; i++)
        if (!waits(conn, &conn->news[i], &group_waits))
            return true;
    if (is_cut(conn))
        return false;
    for (int32_t t = 0; t < conn->topic_count; t++)
        for (int32_t p = 0; p < conn->sim->plan.partitions; p++)
            if (visible(conn, t, p) || at_new_end(conn, t, p))
                return true;
    return false;
}

static bool poll(ds_broker_t *broker, int timeout_ms, bool with_records,
                 const struct ds_broker_event **events_out, size_t *count_out, ds_error_t *error)
{
    struct sim_conn *conn = of(broker);
    struct ds_broker_event *out;
    size_t count = 0;

    *events_out = NULL;
    *count_out = 0;
    conn->had_records = with_records;
    if (sim_fiber_current() != NULL && timeout_ms > 0 && !sim_conn_waiting(conn))
        sim_proc_wait(conn->proc, timeout_ms * SIM_MS);
    if (conn->proc->dying)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_NOT_OWNER, "the process has died");
    out = room(conn, with_records);
    count = take_news(conn, out);
    if (with_records && !is_cut(conn))
        take_records(conn, out, &count);
    *events_out = out;
    *count_out = count;
    if (conn->group >= 0)
        sim_group_heard(conn);
    return true;
}

/* ---- reading ---- */

static bool start(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                  ds_error_t *error)
{
    struct sim_conn *conn = of(broker);

    (void)error;
    conn->streams[topic][partition] = (struct sim_stream){true, offset, -1};
    sim_say(conn->sim, "%s reads %s/%d from %" PRId64 " on", conn->proc->name,
            sim_topic_name(conn->topics[topic]), (int)partition, offset);
    sim_proc_wake(conn->proc, conn->sim->now_us + conn->lag_us);
    return true;
}

static void stop(ds_broker_t *broker, int32_t topic, int32_t partition)
{
    of(broker)->streams[topic][partition].reading = false;
}

static size_t headers(ds_broker_t *broker, const struct ds_broker_event *event,
                      struct ds_broker_header *headers_out, size_t max)
{
    (void)broker;
    (void)event;
    (void)headers_out;
    (void)max;
    return 0;
}

/* ---- questions ---- */

static bool ends(ds_broker_t *broker, struct ds_broker_end *list, size_t count, int timeout_ms,
                 ds_error_t *error)
{
    struct sim_conn *conn = of(broker);
    struct sim *sim = conn->sim;

    (void)timeout_ms;
    for (size_t i = 0; i < count; i++)
        list[i].ok = false;
    if (call_fails(conn, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        list[i].ok = i == 0 || sim->healed || !sim_hit(&sim->chance, sim->plan.call_fails);
        list[i].low = 0;
        list[i].end = sim->log[conn->topics[list[i].topic]][list[i].partition].end;
    }
    return true;
}

static bool confirm_members(ds_broker_t *broker, const int32_t *partitions, size_t count,
                            bool *ok_out, int timeout_ms, ds_error_t *error)
{
    struct sim_conn *conn = of(broker);
    bool any = false;

    (void)timeout_ms;
    for (size_t i = 0; i < count; i++)
        ok_out[i] = false;
    if (call_fails(conn, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        ok_out[i] = sim_group_confirms(conn, partitions[i]);
        any = any || ok_out[i];
    }
    if (any)
        conn->heard_us = conn->sim->now_us;
    return any || ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_NOT_OWNER, "not a member");
}

static int64_t group_silent_us(const ds_broker_t *broker)
{
    return sim_group_silent_us((const struct sim_conn *)broker);
}

static void commit_hints(ds_broker_t *broker, const struct ds_broker_hint *hints, size_t count)
{
    struct sim_conn *conn = of(broker);

    for (size_t i = 0; i < count && conn->proc->kind == SIM_PROC_HOST; i++)
        sim_judge_hint(conn->sim, &hints[i], conn->topics[hints[i].topic]);
}

static bool partitions(ds_broker_t *broker, int32_t topic_count, int timeout_ms, int32_t *count_out,
                       ds_error_t *error)
{
    struct sim_conn *conn = of(broker);

    (void)topic_count;
    (void)timeout_ms;
    *count_out = conn->sim->plan.partitions;
    return !call_fails(conn, error);
}

static bool renew_producer(ds_broker_t *broker, ds_error_t *error)
{
    (void)error;
    sim_producer_gone(of(broker));
    of(broker)->producer_lost = false;
    return true;
}

static bool away(const ds_broker_t *broker)
{
    return is_cut((const struct sim_conn *)broker);
}

/* ---- life ---- */

static void destroy(ds_broker_t *broker, int timeout_ms)
{
    struct sim_conn *conn = of(broker);
    struct sim *sim = conn->sim;

    (void)timeout_ms;
    sim_producer_gone(conn);
    if (conn->group >= 0 && !conn->proc->dying)
        sim_group_leave(conn);
    else if (conn->group >= 0)
        sim_group_watch(conn); /* nobody told the coordinator */
    conn->open = false;
    if (conn->proc->member == conn)
        conn->proc->member = NULL;
    for (size_t i = 0; i < sim->conn_count; i++)
        if (sim->conns[i] == conn) {
            sim->conns[i] = sim->conns[--sim->conn_count];
            return;
        }
}

static const struct ds_broker_ops ops = {
    .destroy = destroy,
    .poll = poll,
    .start = start,
    .stop = stop,
    .produce = sim_produce,
    .headers = headers,
    .ends = ends,
    .confirm_members = confirm_members,
    .group_silent_us = group_silent_us,
    .commit_hints = commit_hints,
    .partitions = partitions,
    .renew_producer = renew_producer,
    .away = away,
};

ds_broker_t *sim_connect(struct sim *sim, struct sim_proc *proc,
                         const struct ds_broker_kafka_config *config)
{
    struct sim_conn *conn = sim_alloc(sim, sizeof(*conn));

    conn->base.ops = &ops;
    conn->sim = sim;
    conn->proc = proc;
    conn->open = true;
    conn->topic_count = config->topic_count;
    for (int32_t t = 0; t < config->topic_count; t++)
        conn->topics[t] = sim_topic_of(config->topics[t]);
    conn->lag_us = sim_time(&sim->chance, 200, 2 * SIM_MS);
    conn->group = config->group_id == NULL ? -1 : proc->group;
    sim->conns[sim->conn_count++] = conn;
    if (conn->group < 0)
        return &conn->base;
    proc->member = conn;
    conn->heard_us = sim->now_us;
    sim_at(sim, sim->now_us + sim_time(&sim->chance, SIM_MS, 40 * SIM_MS), SIM_JOIN, conn, 0);
    return &conn->base;
}

/* Instead of stream/broker_kafka.c: every connection the product opens is one of these. Which
 * process it is stands in its log. */
bool ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                         ds_broker_t **broker_out, ds_error_t *error)
{
    (void)error;
    *broker_out = sim_connect(sim_world, &sim_world->procs[log->fd], config);
    return true;
}
