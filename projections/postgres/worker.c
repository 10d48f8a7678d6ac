#include "projections/postgres/worker.h"

#include "projections/pause.h"

#include <stdlib.h>

#define POLL_MS       100 /* how long to sleep when nothing arrives; arrival wakes */
#define BATCH_RECORDS 4096
#define GATHER_MS                                                                                  \
    40 /* what a read of one's own write may wait longer, for a fraction of the work */
#define IDENTITY_MS      3000
#define LAG_EVERY_US     DS_US_PER_S
#define LAG_TIMEOUT_MS   200
#define LOOK_EVERY_US    (2 * DS_US_PER_S)
#define FIRST_PAUSE_US   (50 * DS_US_PER_MS)
#define LONGEST_PAUSE_US (2 * DS_US_PER_S)

static const char pg_away[] = "PostgreSQL is away";
static const char kafka_away[] = "Kafka is away";
static const char joining[] = "joining the consumer group";
static const char no_schema[] = "the read model is not there: doorstep migrate";

struct worker {
    const struct ds_runtime *runtime;
    const struct ds_worker_settings *settings;
    ds_reader_t *reader;
    ds_pg_t *pg;
    ds_apply_t *apply;
    struct ds_slot slots[DS_MAX_PARTITIONS];
    struct ds_unit units[DS_FOLD_TOPICS * DS_MAX_PARTITIONS];
    int64_t end[DS_FOLD_TOPICS][DS_MAX_PARTITIONS]; /* of the logs, as last asked */
    int64_t look_due_us;
    int64_t lag_due_us;
    int32_t lag_next;    /* partition to be asked about */
    bool taken;          /* a partition was ours: the log and the database have both answered */
    const char *schemas; /* what the reader waited for, as told last */
    bool gone;           /* another process has our place in the group */
    ds_metric_t *events;
    ds_metric_t *batches;
    ds_metric_t *evicted;
    ds_metric_t *missed;
    ds_metric_t *commit_time;
    ds_metric_t *visible_time;
    ds_metric_t *partitions;
    ds_metric_t *lag_records[DS_FOLD_TOPICS];
};

static void make_metrics(struct worker *w)
{
    ds_metrics_t *m = w->runtime->metrics;
    const struct ds_label pg[] = {{"projection", "postgres"}, {NULL, NULL}};
    w->events = ds_metrics_get(m, DS_COUNTER, "doorstep_projection_events_total",
                               "Events folded and written.", pg);
    w->batches =
        ds_metrics_get(m, DS_COUNTER, "doorstep_projection_batches_total", "Batches written.", pg);
    w->evicted = ds_metrics_get(m, DS_COUNTER, "doorstep_projection_evicted_total",
                                "Partitions found to be another worker's.", pg);
    w->missed = ds_metrics_get(m, DS_GAUGE, "doorstep_projection_missed_events",
                               "Events that could not be decoded or were about unknown rows.", pg);
    w->commit_time = ds_metrics_get(m, DS_HISTOGRAM, "doorstep_projection_write_seconds",
                                    "Loading, folding and committing one batch.", pg);
    w->visible_time =
        ds_metrics_get(m, DS_HISTOGRAM, "doorstep_projection_visible_seconds",
                       "From the broker's append to the commit, newest of a batch.", pg);
    w->partitions =
        ds_metrics_get(m, DS_GAUGE, "doorstep_projection_partitions", "Partitions owned.", pg);
    for (int t = 0; t < DS_FOLD_TOPICS; t++) {
        const struct ds_label labels[] = {
            {"projection", "postgres"}, {"topic", ds_fold_schemas[t]->topic}, {NULL, NULL}};
        w->lag_records[t] = ds_metrics_get(m, DS_GAUGE, "doorstep_projection_lag_records",
                                           "Records behind the end, owned partitions.", labels);
    }
}

/* What the probes say. Not ready while it cannot do its work. */
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

static void count_owned(struct worker *w)
{
    int64_t owned = 0;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        owned += w->slots[p].owned ? 1 : 0;
    ds_metric_set(w->partitions, owned);
}

static bool on_assigned(void *context, int32_t partition, struct ds_log_place *places_out,
                        ds_error_t *error)
{
    struct worker *w = context;
    struct ds_slot *slot = &w->slots[partition];
    ds_health_turn(w->runtime);
    if (slot->stopped)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_DAMAGE,
                            "partition %d: the positions are of another log", (int)partition);
    *slot = (struct ds_slot){0};
    if (!ds_apply_take(w->apply, partition, slot->at, error)) {
        /* Also where the server refuses: somebody will mend it, and nobody asks for the partition
         * but us. */
        error->retriable = true;
        tell(w, pg_away);
        return false;
    }
    w->taken = true;
    tell(w, NULL);
    slot->owned = true;
    for (int t = 0; t < DS_FOLD_TOPICS; t++)
        places_out[t] = slot->at[t].place;
    count_owned(w);
    ds_log(&w->runtime->log, DS_LOG_INFO, "projection.taken", "a partition is ours",
           DS_F_INT("partition", partition), DS_F_INT("generation", slot->at[0].generation),
           DS_F_INT("order_offset", slot->at[0].place.offset));
    return true;
}

static void on_revoked(void *context, int32_t partition)
{
    struct worker *w = context;
    w->slots[partition] = (struct ds_slot){.stopped = w->slots[partition].stopped};
    count_owned(w);
}

static void drop(struct worker *w, int32_t partition)
{
    if (!w->slots[partition].owned)
        return;
    on_revoked(w, partition);
    ds_reader_drop(w->reader, partition);
}

/* The log's identity is looked at before the first write into a partition. @return false: the
 * partition was dropped. */
static bool identify(struct worker *w, struct ds_unit *unit)
{
    struct ds_slot *slot = &w->slots[unit->partition];
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t identity;
    ds_log_t log = w->runtime->log;
    log.topic = ds_fold_schemas[unit->topic]->topic;
    log.partition = unit->partition;
    log.offset = -1;
    if (slot->identified[unit->topic])
        return true;
    if (!ds_reader_log_identity(w->reader, (int32_t)unit->topic, unit->partition, IDENTITY_MS,
                                &identity, &error)) {
        ds_log_error(&log, DS_LOG_WARN, "projection.identity_unknown", &error);
        drop(w, unit->partition);
        return false;
    }
    if (unit->before.log_id[0] != '\0' && !ds_str_eq(identity, ds_str(unit->before.log_id))) {
        ds_log(&log, DS_LOG_ERROR, "projection.other_log",
               "the topic is not the one this read model was made from; rebuild it",
               DS_F_CSTR("expected", unit->before.log_id), DS_F_TEXT("found", identity));
        slot->stopped = true;
        drop(w, unit->partition);
        return false;
    }
    slot->identified[unit->topic] = identity.len > 0;
    if (!ds_str_to_array(identity, unit->after.log_id, sizeof unit->after.log_id))
        unit->after.log_id[0] = '\0';
    return true;
}

/* ---- a batch ---- */

static size_t gather(struct worker *w, const struct ds_read_batch *batch)
{
    size_t count = ds_worker_gather(batch->records, batch->count, w->slots, w->units);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        (void)identify(w, &w->units[i]);
    for (size_t i = 0; i < count; i++) {
        if (w->slots[w->units[i].partition].owned)
            w->units[kept++] = w->units[i];
    }
    return kept;
}

/* @return how many units are left, moved to the front. */
static size_t drop_lost(struct worker *w, struct ds_unit *units, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (units[i].state != DS_UNIT_LOST)
            continue;
        ds_metric_add(w->evicted, 1);
        ds_log(&w->runtime->log, DS_LOG_WARN, "projection.evicted",
               "the position moved without us: the partition is dropped",
               DS_F_CSTR("in", ds_fold_schemas[units[i].topic]->topic),
               DS_F_INT("partition", units[i].partition));
        drop(w, units[i].partition);
    }
    for (size_t i = 0; i < count; i++) {
        if (w->slots[units[i].partition].owned)
            units[kept++] = units[i];
    }
    return kept;
}

static void let_go(struct worker *w, const struct ds_unit *units, size_t count)
{
    for (size_t i = 0; i < count; i++)
        drop(w, units[i].partition);
}

static void note_written(struct worker *w, const struct ds_read_batch *batch,
                         const struct ds_unit *units, size_t count, int64_t began_us)
{
    int64_t newest_us = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ds_unit *u = &units[i];
        if (u->state != DS_UNIT_DONE)
            continue;
        w->slots[u->partition].at[u->topic] = u->after;
        if (u->topic == DS_FOLD_ORDER)
            ds_reader_commit_hint(w->reader, u->partition, u->after.place.offset + 1);
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->records[i].appended_us > newest_us)
            newest_us = batch->records[i].appended_us;
    }
    int64_t visible_us = ds_now_us(w->runtime->clock) - newest_us;
    ds_metric_observe_us(w->visible_time, visible_us < 0 ? 0 : visible_us);
    ds_metric_observe_us(w->commit_time, ds_monotonic_us(w->runtime->clock) - began_us);
    ds_metric_add(w->batches, 1);
    ds_metric_set(w->missed, ds_apply_missed(w->apply));
}

/* One attempt, from where the last one ended. */
static enum ds_disposition attempt(struct worker *w, const struct ds_read_batch *batch,
                                   struct ds_unit *units, size_t count, enum ds_disposition last,
                                   ds_error_t *error)
{
    if (last == DS_APPLY_UNKNOWN) {
        enum ds_disposition settled = ds_apply_settle(w->apply, units, count, error);
        if (settled != DS_APPLY_AGAIN)
            return settled;
    }
    if (!ds_pg_connect(w->pg, error))
        return DS_APPLY_AGAIN;
    return ds_apply_batch(w->apply, batch->records, batch->count, units, count, error);
}

/* It did not work. @return true: try the same again. */
static bool go_on_trying(struct worker *w, const ds_error_t *error, int64_t began_us,
                         unsigned tries)
{
    ds_log_error(&w->runtime->log, error->retriable ? DS_LOG_WARN : DS_LOG_ERROR,
                 "projection.not_written", error);
    if (!error->retriable)
        return false;
    tell(w, pg_away);
    if (ds_stopping(w->runtime) ||
        ds_monotonic_us(w->runtime->clock) - began_us > w->settings->hold_us)
        return false;
    ds_pause_us(w->runtime,
                ds_backoff_us(w->runtime->random, tries, FIRST_PAUSE_US, LONGEST_PAUSE_US));
    return true;
}

enum written { WRITTEN, GIVEN_UP, CANNOT };

/* Until it is written, is not ours any more, was held for long enough, or cannot be written at all.
 */
static enum written write_units(struct worker *w, const struct ds_read_batch *batch,
                                struct ds_unit *units, size_t *count)
{
    int64_t began_us = ds_monotonic_us(w->runtime->clock);
    enum ds_disposition last = DS_APPLY_AGAIN;
    for (unsigned tries = 0; *count > 0; tries++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_health_turn(w->runtime);
        last = attempt(w, batch, units, *count, last, &error);
        if (last == DS_APPLIED) {
            tell(w, NULL);
            note_written(w, batch, units, *count, began_us);
            *count = drop_lost(w, units, *count);
            return WRITTEN;
        }
        if (last == DS_APPLY_LOST) {
            *count = drop_lost(w, units, *count);
            last = DS_APPLY_AGAIN;
            continue;
        }
        if (!go_on_trying(w, &error, began_us, tries))
            return error.retriable ? GIVEN_UP : CANNOT;
    }
    return WRITTEN;
}

/* What cannot be written must not hold up what can: then each partition goes alone, and the sick
 * one is asked for again after a pause, with an error in the log each time. */
static void write_batch(struct worker *w, const struct ds_read_batch *batch, size_t count)
{
    size_t left = count;
    enum written written = write_units(w, batch, w->units, &left);
    ds_metric_add(w->events, written == WRITTEN ? (int64_t)batch->count : 0);
    if (written == CANNOT && left > 1) {
        for (size_t i = 0; i < left; i++) {
            size_t one = w->slots[w->units[i].partition].owned ? 1 : 0;
            if (write_units(w, batch, &w->units[i], &one) != WRITTEN)
                let_go(w, &w->units[i], one);
        }
        ds_pause_us(w->runtime, LONGEST_PAUSE_US);
        return;
    }
    if (written != WRITTEN)
        let_go(w, w->units, left);
    if (written == CANNOT)
        ds_pause_us(w->runtime, LONGEST_PAUSE_US);
}

/* ---- lag ---- */

/* Against the newest end that is known: behind it counts, past it does not. */
static int64_t lag_of(const struct worker *w, int topic, int32_t partition)
{
    int64_t lag = w->end[topic][partition] - ds_reader_next_offset(w->reader, topic, partition);
    return lag < 0 ? 0 : lag;
}

static void sum_lag(struct worker *w)
{
    for (int t = 0; t < DS_FOLD_TOPICS; t++) {
        int64_t sum = 0;
        for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
            sum += w->slots[p].owned ? lag_of(w, t, p) : 0;
        ds_metric_set(w->lag_records[t], sum);
    }
}

/* One partition a second: it is for a graph, and each question costs a round trip. */
static void look_at_lag(struct worker *w)
{
    int64_t now_us = ds_monotonic_us(w->runtime->clock);
    if (now_us < w->lag_due_us)
        return;
    w->lag_due_us = now_us + LAG_EVERY_US;
    for (int32_t i = 0; i < DS_MAX_PARTITIONS; i++) {
        w->lag_next = (w->lag_next + 1) % DS_MAX_PARTITIONS;
        if (w->slots[w->lag_next].owned)
            break;
    }
    if (!w->slots[w->lag_next].owned)
        return;
    for (int t = 0; t < DS_FOLD_TOPICS; t++) {
        ds_error_t ignored = DS_ERROR_INIT;
        int64_t end = 0;
        if (!ds_reader_end(w->reader, t, w->lag_next, LAG_TIMEOUT_MS, &end, &ignored))
            break;
        w->end[t][w->lag_next] = end;
    }
    sum_lag(w);
}

/* ---- the loop ---- */

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
    bool there = ds_pg_connect(w->pg, &error) && ds_pg_queue_sql(w->pg, "SELECT 1", NULL, &error) &&
                 ds_pg_sync(w->pg, NULL, 1, &error);
    tell(w, there ? NULL : error.retriable ? pg_away : no_schema);
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
    if (batch.count > 0) {
        size_t count = gather(w, &batch);
        if (count > 0)
            write_batch(w, &batch, count);
        w->look_due_us = ds_monotonic_us(w->runtime->clock) + LOOK_EVERY_US;
    } else {
        look_at_server(w);
    }
    look_at_lag(w);
}

static bool start(struct worker *w, ds_error_t *error)
{
    const struct ds_worker_settings *s = w->settings;
    const struct ds_pg_config pg = {s->database_url, "doorstep project postgres",
                                    (int)(s->timeout_us / DS_US_PER_MS), s->synchronous_commit,
                                    w->runtime->clock};
    const struct ds_reader_config reader = {
        .brokers = s->brokers,
        .client_id = "doorstep-project-postgres",
        .group_id = "doorstep-project-postgres",
        .group_instance_id = s->group_instance_id,
        .topics = ds_fold_schemas,
        .topic_count = DS_FOLD_TOPICS,
        .max_batch_records = BATCH_RECORDS,
        .gather_ms = GATHER_MS,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .context = w,
    };
    w->pg = ds_pg_new(&pg);
    if (w->pg == NULL)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_MEMORY, "no memory for a worker");
    make_metrics(w);
    return ds_apply_new(w->pg, &w->apply, error) &&
           ds_reader_new(w->runtime, &reader, &w->reader, error);
}

/* PostgreSQL, and the read model in it, must have been there once before the role counts as ready.
 */
static void wait_for_schema(struct worker *w)
{
    for (unsigned tries = 0; !ds_stopping(w->runtime); tries++) {
        ds_error_t error = DS_ERROR_INIT;
        if (ds_pg_connect(w->pg, &error)) {
            tell(w, NULL);
            return;
        }
        tell(w, error.retriable ? pg_away : no_schema);
        ds_log_error(&w->runtime->log, DS_LOG_WARN, "projection.waiting", &error);
        ds_pause_us(w->runtime,
                    ds_backoff_us(w->runtime->random, tries, FIRST_PAUSE_US, LONGEST_PAUSE_US));
    }
}

int ds_worker_run(const struct ds_runtime *runtime, const struct ds_worker_settings *settings,
                  ds_error_t *error)
{
    int code = 1;
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL) {
        ds_error_set(error, DS_DOMAIN_PG, DS_ERR_MEMORY, "no memory for a worker");
        return 1;
    }
    w->runtime = runtime;
    w->settings = settings;
    if (!start(w, error))
        goto out;
    wait_for_schema(w);
    while (!ds_stopping(runtime) && !w->gone)
        turn(w);
    if (w->gone)
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_NOT_OWNER,
                     "another process has this group.instance.id");
    code = w->gone ? 1 : 0;
out:
    ds_reader_destroy(w->reader);
    ds_apply_destroy(w->apply);
    ds_pg_destroy(w->pg);
    free(w);
    return code;
}
