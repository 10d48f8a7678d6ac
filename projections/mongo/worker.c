#include "projections/mongo/worker.h"

#include "projections/pause.h"

#include <mongoc/mongoc.h>
#include <stdlib.h>

#define POLL_MS          200
#define BATCH_RECORDS    4096
#define IDENTITY_MS      3000
#define LAG_EVERY_US     DS_US_PER_S
#define LAG_TIMEOUT_MS   200
#define LOOK_EVERY_US    (2 * DS_US_PER_S)
#define FIRST_PAUSE_US   (100 * DS_US_PER_MS)
#define LONGEST_PAUSE_US (2 * DS_US_PER_S)

static const char mongo_away[] = "MongoDB is away";
static const char kafka_away[] = "Kafka is away";
static const char joining[] = "joining the consumer group";

struct slot {
    bool owned;
    bool stopped; /* another log stands here */
    bool identified;
    bool touched; /* by the present batch */
    struct ds_mongo_position at;
    struct ds_mongo_position next;
    int64_t end; /* of the log, as last asked */
};

struct worker {
    const struct ds_runtime *runtime;
    const struct ds_mongo_settings *settings;
    ds_reader_t *reader;
    ds_mongo_t *mongo;
    struct ds_tallies tallies;
    struct slot slots[DS_MAX_PARTITIONS];
    struct ds_read_record
        *records; /* of the batch, without those of partitions that are not ours */
    int64_t look_due_us;
    int64_t lag_due_us;
    int32_t lag_next;
    bool taken;          /* a partition was ours: the log and the database have both answered */
    const char *schemas; /* what the reader waited for, as told last */
    bool gone;
    ds_metric_t *events;
    ds_metric_t *batches;
    ds_metric_t *missed;
    ds_metric_t *write_time;
    ds_metric_t *lag_records;
};

static void make_metrics(struct worker *w)
{
    ds_metrics_t *m = w->runtime->metrics;
    const struct ds_label mongo[] = {{"projection", "mongo"}, {NULL, NULL}};
    const struct ds_label topic[] = {
        {"projection", "mongo"}, {"topic", DS_MONGO_TOPIC}, {NULL, NULL}};
    w->events = ds_metrics_get(m, DS_COUNTER, "doorstep_projection_events_total",
                               "Events folded and written.", mongo);
    w->batches = ds_metrics_get(m, DS_COUNTER, "doorstep_projection_batches_total",
                                "Batches written.", mongo);
    w->missed =
        ds_metrics_get(m, DS_GAUGE, "doorstep_projection_missed_events",
                       "Events that could not be decoded or were about unknown rows.", mongo);
    w->write_time = ds_metrics_get(m, DS_HISTOGRAM, "doorstep_projection_write_seconds",
                                   "Loading, folding and committing one batch.", mongo);
    w->lag_records = ds_metrics_get(m, DS_GAUGE, "doorstep_projection_lag_records",
                                    "Records behind the end, owned partitions.", topic);
}

static void tell(const struct worker *w, const char *waiting)
{
    if (waiting == NULL && !w->taken)
        waiting = joining;
    if (waiting == NULL)
        waiting = ds_reader_waiting(w->reader);
    atomic_store(&w->runtime->health->waiting, waiting);
    atomic_store(&w->runtime->health->ready, waiting == NULL);
}

/* ---- ownership ---- */

static bool on_assigned(void *context, int32_t partition, struct ds_log_place *places_out,
                        ds_error_t *error)
{
    struct worker *w = context;
    struct slot *slot = &w->slots[partition];
    ds_health_turn(w->runtime);
    if (slot->stopped)
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_DAMAGE,
                            "partition %d: the position is of another log", (int)partition);
    *slot = (struct slot){0};
    if (!ds_mongo_load_position(w->mongo, partition, &slot->at, error)) {
        error->retriable = true; /* nobody asks for the partition but us */
        tell(w, mongo_away);
        return false;
    }
    w->taken = true;
    tell(w, NULL);
    slot->owned = true;
    places_out[0] = slot->at.place;
    ds_log(&w->runtime->log, DS_LOG_INFO, "projection.taken", "a partition is ours",
           DS_F_INT("partition", partition), DS_F_INT("order_offset", slot->at.place.offset));
    return true;
}

static void on_revoked(void *context, int32_t partition)
{
    struct worker *w = context;
    w->slots[partition] = (struct slot){.stopped = w->slots[partition].stopped};
}

static void drop(struct worker *w, int32_t partition)
{
    on_revoked(w, partition);
    ds_reader_drop(w->reader, partition);
}

static void identify(struct worker *w, int32_t partition)
{
    struct slot *slot = &w->slots[partition];
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t identity;
    if (slot->identified)
        return;
    if (!ds_reader_log_identity(w->reader, 0, partition, IDENTITY_MS, &identity, &error)) {
        ds_log_error(&w->runtime->log, DS_LOG_WARN, "projection.identity_unknown", &error);
        drop(w, partition);
        return;
    }
    if (slot->at.log_id[0] != '\0' && !ds_str_eq(identity, ds_str(slot->at.log_id))) {
        ds_log(&w->runtime->log, DS_LOG_ERROR, "projection.other_log",
               "the topic is not the one these documents were made from; rebuild them",
               DS_F_INT("partition", partition), DS_F_CSTR("expected", slot->at.log_id),
               DS_F_TEXT("found", identity));
        slot->stopped = true;
        drop(w, partition);
        return;
    }
    slot->identified = identity.len > 0;
    if (!ds_str_to_array(identity, slot->at.log_id, sizeof slot->at.log_id))
        slot->at.log_id[0] = '\0';
}

/* ---- a batch ---- */

bool ds_mongo_apply(ds_mongo_t *mongo, struct ds_tallies *tallies,
                    const struct ds_read_record *records, size_t count, ds_error_t *error)
{
    if (!ds_tallies_reset(tallies, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!records[i].undecodable &&
            !ds_tallies_want(tallies, records[i].partition, records[i].event, error))
            return false;
    }
    if (!ds_mongo_load_facts(mongo, tallies, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!records[i].undecodable &&
            !ds_tallies_fold(tallies, records[i].partition, records[i].place.offset,
                             records[i].event, error))
            return false;
    }
    if (!ds_mongo_load_tallies(mongo, tallies, error))
        return false;
    ds_tallies_merge(tallies);
    return ds_mongo_write(mongo, tallies, error);
}

/* Keeps the records of partitions that are ours, and where each partition will stand. */
static size_t gather(struct worker *w, const struct ds_read_batch *batch)
{
    size_t kept = 0;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        w->slots[p].touched = false;
    for (size_t i = 0; i < batch->count; i++) {
        int32_t p = batch->records[i].partition;
        if (w->slots[p].owned)
            identify(w, p);
    }
    for (size_t i = 0; i < batch->count && kept < BATCH_RECORDS + DS_MAX_DECISION_RECORDS; i++) {
        const struct ds_read_record *r = &batch->records[i];
        struct slot *slot = &w->slots[r->partition];
        if (!slot->owned)
            continue;
        w->records[kept++] = *r;
        if (r->place.seq == 0)
            continue; /* a Claim is no place to start at: its Open could not be checked (R13) */
        slot->touched = true;
        slot->next = slot->at;
        slot->next.place = r->place;
        slot->next.event_time_us = ((const struct ds_event_head *)r->event)->meta.at;
    }
    return kept;
}

static bool write_positions(struct worker *w, ds_error_t *error)
{
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        struct slot *slot = &w->slots[p];
        bool newer = false;
        if (!slot->touched)
            continue;
        if (!ds_mongo_write_position(w->mongo, p, &slot->next, ds_now_us(w->runtime->clock), &newer,
                                     error))
            return false;
        slot->touched = false;
        slot->at = slot->next;
        ds_reader_commit_hint(w->reader, p, slot->at.place.offset + 1);
        if (newer) {
            ds_log(&w->runtime->log, DS_LOG_WARN, "projection.evicted",
                   "another worker is further on: the partition is dropped",
                   DS_F_INT("partition", p));
            drop(w, p);
        }
    }
    return true;
}

static void let_go(struct worker *w)
{
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        if (w->slots[p].touched)
            drop(w, p);
    }
}

/* A repeated attempt folds everything again; what was written adds nothing. */
static void write_batch(struct worker *w, size_t count)
{
    int64_t began_us = ds_monotonic_us(w->runtime->clock);
    for (unsigned tries = 0;; tries++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_health_turn(w->runtime);
        if (ds_mongo_apply(w->mongo, &w->tallies, w->records, count, &error) &&
            write_positions(w, &error)) {
            tell(w, NULL);
            ds_metric_observe_us(w->write_time, ds_monotonic_us(w->runtime->clock) - began_us);
            ds_metric_add(w->batches, 1);
            ds_metric_add(w->events, (int64_t)count);
            ds_metric_set(w->missed, w->tallies.missed);
            return;
        }
        ds_log_error(&w->runtime->log, error.retriable ? DS_LOG_WARN : DS_LOG_ERROR,
                     "projection.not_written", &error);
        if (error.retriable)
            tell(w, mongo_away);
        if (!error.retriable || ds_stopping(w->runtime) ||
            ds_monotonic_us(w->runtime->clock) - began_us > w->settings->hold_us) {
            let_go(w);
            return;
        }
        ds_pause_us(w->runtime,
                    ds_backoff_us(w->runtime->random, tries, FIRST_PAUSE_US, LONGEST_PAUSE_US));
    }
}

/* ---- the loop ---- */

static void look_at_lag(struct worker *w)
{
    int64_t now_us = ds_monotonic_us(w->runtime->clock);
    int64_t sum = 0;
    if (now_us < w->lag_due_us)
        return;
    w->lag_due_us = now_us + LAG_EVERY_US;
    for (int32_t i = 0; i < DS_MAX_PARTITIONS; i++) {
        w->lag_next = (w->lag_next + 1) % DS_MAX_PARTITIONS;
        if (w->slots[w->lag_next].owned)
            break;
    }
    struct slot *slot = &w->slots[w->lag_next];
    ds_error_t ignored = DS_ERROR_INIT;
    int64_t end = 0;
    if (slot->owned && ds_reader_end(w->reader, 0, w->lag_next, LAG_TIMEOUT_MS, &end, &ignored))
        slot->end = end;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        int64_t lag =
            w->slots[p].owned ? w->slots[p].end - ds_reader_next_offset(w->reader, 0, p) : 0;
        sum += lag < 0 ? 0 : lag; /* against the newest end that is known */
    }
    ds_metric_set(w->lag_records, sum);
}

static void on_poll_failed(struct worker *w, const ds_error_t *error)
{
    if (error->code == DS_ERR_NOT_OWNER) {
        w->gone = true;
        return;
    }
    bool away = error->code == DS_ERR_UNAVAILABLE;
    bool told = away && atomic_load(&w->runtime->health->waiting) == kafka_away;
    if (away)
        tell(w, kafka_away);
    if (!told) /* once an outage, not once a try */
        ds_log_error(&w->runtime->log, away ? DS_LOG_WARN : DS_LOG_ERROR, "projection.poll_failed",
                     error);
    ds_pause_us(w->runtime, FIRST_PAUSE_US);
}

/* Nothing to write tells nothing about the server: a worker that has been idle asks. */
static void look_at_server(struct worker *w)
{
    ds_error_t error = DS_ERROR_INIT;
    int64_t now_us = ds_monotonic_us(w->runtime->clock);
    if (now_us < w->look_due_us)
        return;
    w->look_due_us = now_us + LOOK_EVERY_US;
    tell(w, ds_mongo_ping(w->mongo, &error) ? NULL : mongo_away);
}

static void turn(struct worker *w)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_read_batch batch;
    ds_health_turn(w->runtime);
    if (!ds_reader_poll(w->reader, POLL_MS, &batch, &error)) {
        on_poll_failed(w, &error);
        return;
    }
    const char *schemas = ds_reader_waiting(w->reader);
    if (atomic_load(&w->runtime->health->waiting) == kafka_away || schemas != w->schemas)
        tell(w, NULL);
    w->schemas = schemas;
    size_t count = gather(w, &batch);
    if (count > 0) {
        write_batch(w, count);
        w->look_due_us = ds_monotonic_us(w->runtime->clock) + LOOK_EVERY_US;
    } else {
        look_at_server(w);
    }
    look_at_lag(w);
}

static bool start(struct worker *w, ds_error_t *error)
{
    static const struct ds_schema *const topics[] = {&ds_schema_order_events};
    const struct ds_mongo_settings *s = w->settings;
    const struct ds_reader_config reader = {
        .brokers = s->brokers,
        .client_id = "doorstep-project-mongo",
        .group_id = "doorstep-project-mongo",
        .group_instance_id = s->group_instance_id,
        .topics = topics,
        .topic_count = 1,
        .max_batch_records = BATCH_RECORDS,
        .gather_ms = 1000, /* a dashboard */
        .assigned = on_assigned,
        .revoked = on_revoked,
        .context = w,
    };
    make_metrics(w);
    w->records = calloc(BATCH_RECORDS + DS_MAX_DECISION_RECORDS, sizeof *w->records);
    if (w->records == NULL)
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_MEMORY, "no memory for a worker");
    return ds_tallies_init(&w->tallies, error) &&
           ds_mongo_new(s->mongodb_url, (int)(s->timeout_us / DS_US_PER_MS), &w->mongo, error) &&
           ds_reader_new(w->runtime, &reader, &w->reader, error);
}

static void wait_for_mongo(struct worker *w)
{
    for (unsigned tries = 0; !ds_stopping(w->runtime); tries++) {
        ds_error_t error = DS_ERROR_INIT;
        if (ds_mongo_ping(w->mongo, &error)) {
            tell(w, NULL);
            return;
        }
        tell(w, mongo_away);
        ds_log_error(&w->runtime->log, DS_LOG_WARN, "projection.waiting", &error);
        ds_pause_us(w->runtime,
                    ds_backoff_us(w->runtime->random, tries, FIRST_PAUSE_US, LONGEST_PAUSE_US));
    }
}

int ds_mongo_worker_run(const struct ds_runtime *runtime, const struct ds_mongo_settings *settings,
                        ds_error_t *error)
{
    int code = 1;
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL) {
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_MEMORY, "no memory for a worker");
        return 1;
    }
    w->runtime = runtime;
    w->settings = settings;
    mongoc_init();
    mongoc_log_set_handler(NULL,
                           NULL); /* errors are returned; lines that are not JSON help nobody */
    if (!start(w, error))
        goto out;
    wait_for_mongo(w);
    while (!ds_stopping(runtime) && !w->gone)
        turn(w);
    if (w->gone)
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_NOT_OWNER,
                     "another process has this group.instance.id");
    code = w->gone ? 1 : 0;
out:
    ds_reader_destroy(w->reader);
    ds_mongo_destroy(w->mongo);
    ds_tallies_cleanup(&w->tallies);
    free(w->records);
    free(w);
    mongoc_cleanup();
    return code;
}
