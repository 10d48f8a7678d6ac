/* I6 in PostgreSQL, every column of every row: the projection's fold, run in memory over the log up
 * to where its position rows stand. See read_models.h. */
#include "cli/audit/folds.h"
#include "cli/audit/read_models.h"
#include "cli/audit/row_compare.h"
#include "cli/audit/row_store.h"
#include "projections/postgres/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STORE_BYTES   ((size_t)512 * 1024 * 1024)
#define SLICES_MAX    4096
#define BATCH_RECORDS 1024 /* and the rest of a decision */
#define BATCH_BYTES   ((size_t)8 * 1024 * 1024)
#define SCRATCH_BYTES ((size_t)16 * 1024 * 1024)

struct ds_audit_rows {
    ds_pg_t *pg;
    ds_row_compare_t *compare;
    ds_row_store_t *store;
    struct ds_sheets sheets;
    ds_buf_t scratch;
};

/* A position row. */
struct position {
    int64_t offset; /* -1: nothing is folded */
    int64_t epoch;
    int64_t seq;
    int64_t event_time_us;
    int64_t commands_through;
    char log_id[64];
};

/* One topic of the partition. */
struct reading {
    struct position shown;
    bool is_left_out;
    struct position read; /* offset, epoch and seq stand in the stream's fence */
    int64_t compared;     /* rows that are written once are compared up to this offset */
    struct ds_row_bits events;
    struct ds_row_bits commands;
    struct ds_audit_event batch[BATCH_RECORDS + DS_MAX_DECISION_RECORDS];
    bool begins[BATCH_RECORDS + DS_MAX_DECISION_RECORDS]; /* a decision */
    size_t count;
};

struct pass {
    ds_audit_rows_t *rows;
    struct ds_audit_source *source;
    struct ds_audit_report *report;
    struct ds_audit_report *aside; /* what rule F finds was found before */
    struct ds_audit_part part;     /* of its streams only */
    struct reading topic[DS_AUDIT_PROCESSORS];
};

static const enum ds_fold_topic fold_topics[DS_AUDIT_PROCESSORS] = {
    [DS_AUDIT_CATALOG] = DS_FOLD_CATALOG,     [DS_AUDIT_ORDER] = DS_FOLD_ORDER,
    [DS_AUDIT_INVENTORY] = DS_FOLD_INVENTORY, [DS_AUDIT_PAYMENT] = DS_FOLD_PAYMENT,
    [DS_AUDIT_DELIVERY] = DS_FOLD_DELIVERY,
};

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: comparing rows");
}

bool ds_audit_rows_new(const struct ds_runtime *runtime, const char *url, int timeout_ms,
                       ds_audit_rows_t **rows_out, ds_error_t *error)
{
    struct ds_pg_config config = {.url = url,
                                  .application_name = "doorstep-audit",
                                  .timeout_ms = timeout_ms,
                                  .synchronous_commit = true,
                                  .clock = runtime->clock};
    ds_audit_rows_t *rows = calloc(1, sizeof *rows);
    *rows_out = NULL;
    if (rows == NULL)
        return no_memory(error);
    ds_buf_init(&rows->scratch, SCRATCH_BYTES);
    rows->pg = ds_pg_new(&config);
    rows->store = ds_row_store_new(STORE_BYTES);
    if ((rows->pg != NULL && rows->store != NULL) || no_memory(error))
        if (ds_sheets_init(&rows->sheets, error) &&
            ds_row_compare_new(rows->pg, &rows->compare, error)) {
            *rows_out = rows;
            return true;
        }
    ds_audit_rows_destroy(rows);
    return false;
}

void ds_audit_rows_destroy(ds_audit_rows_t *rows)
{
    if (rows == NULL)
        return;
    ds_row_compare_destroy(rows->compare);
    ds_row_store_destroy(rows->store);
    ds_sheets_cleanup(&rows->sheets);
    ds_buf_cleanup(&rows->scratch);
    ds_pg_destroy(rows->pg);
    free(rows);
}

/* ---- the snapshot ---- */

static bool take_position(struct pass *pass, const PGresult *result, int row, ds_error_t *error)
{
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++) {
        if (!ds_str_eq(ds_result_text(result, row, 0), ds_str(ds_audit_schema(t)->topic)))
            continue;
        struct position *shown = &pass->topic[t].shown;
        shown->offset = ds_result_i64(result, row, 1);
        shown->epoch = ds_result_i64(result, row, 2);
        shown->seq = ds_result_i64(result, row, 3);
        shown->commands_through = ds_result_i64(result, row, 4);
        shown->event_time_us = ds_result_i64(result, row, 5);
        if (!ds_str_to_array(ds_result_text(result, row, 6), shown->log_id, sizeof shown->log_id))
            return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID,
                                "position of %s: the log identity is too long",
                                ds_audit_schema(t)->topic);
    }
    return true;
}

#define SNAPSHOT_STATEMENTS 3
#define SNAPSHOT_POSITIONS  2

static bool begin_snapshot(struct pass *pass, ds_error_t *error)
{
    ds_pg_t *pg = pass->rows->pg;
    PGresult *results[SNAPSHOT_STATEMENTS] = {NULL};
    char partition[16];

    (void)snprintf(partition, sizeof partition, "%" PRId32, pass->part.partition);
    bool ok = ds_pg_connect(pg, error) &&
              ds_pg_queue_sql(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, error) &&
              /* It waits while the log is read. */
              ds_pg_queue_sql(pg, "SET LOCAL idle_in_transaction_session_timeout = '10min'", NULL,
                              error) &&
              ds_pg_queue_sql(pg,
                              "SELECT topic, last_offset, epoch, seq, commands_through, "
                              "(extract(epoch FROM event_time) * 1000000)::bigint, log_id "
                              "FROM read_v1.position WHERE partition = $1::int",
                              partition, error) &&
              ds_pg_sync(pg, results, SNAPSHOT_STATEMENTS, error);
    for (int i = 0; ok && i < PQntuples(results[SNAPSHOT_POSITIONS]); i++)
        ok = take_position(pass, results[SNAPSHOT_POSITIONS], i, error);
    for (int i = 0; i < SNAPSHOT_STATEMENTS; i++)
        PQclear(results[i]);
    return ok;
}

/* A topic whose beginning is gone, or that ends before the position, cannot be folded up to it. */
static bool choose_topics(struct pass *pass, ds_error_t *error)
{
    int64_t ends[DS_AUDIT_TOPICS];
    int32_t partition = pass->part.partition;

    if (!pass->source->ends(pass->source, partition, ends, error))
        return false;
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++) {
        struct reading *topic = &pass->topic[t];
        topic->is_left_out = pass->source->ranges[partition][t].low > 0; /* damage, reported */
        if (topic->shown.offset >= ends[t]) {
            topic->is_left_out = true;
            ds_audit_found(pass->report, "I6",
                           ds_audit_where(&pass->part, t, topic->shown.offset, DS_STR("")),
                           "PostgreSQL's position is outside the log, which ends at %" PRId64,
                           ends[t]);
        }
        if (!ds_row_bits_init(&topic->events, topic->shown.offset + 1, error) ||
            !ds_row_bits_init(&topic->commands, ends[DS_AUDIT_PROCESSORS + t], error))
            return false;
    }
    return true;
}

/* ---- folding ---- */

static bool want_rows(struct pass *pass, int32_t topic, ds_error_t *error)
{
    const struct reading *r = &pass->topic[topic];
    if (!ds_sheets_reset(&pass->rows->sheets, error))
        return false;
    for (size_t i = 0; i < r->count; i++)
        if (!ds_fold_want(&pass->rows->sheets, fold_topics[topic], r->batch[i].event, error))
            return false;
    return ds_row_store_load(pass->rows->store, &pass->rows->sheets, error);
}

static bool fold_rows(struct pass *pass, int32_t topic, ds_error_t *error)
{
    struct reading *r = &pass->topic[topic];
    struct ds_fold fold = {.sheets = &pass->rows->sheets,
                           .topic = fold_topics[topic],
                           .partition = pass->part.partition,
                           .scratch = &pass->rows->scratch,
                           .command_offset = -1};
    for (size_t i = 0; i < r->count; i++) {
        if (r->begins[i])
            fold.command_offset = -1;
        fold.offset = r->batch[i].offset;
        if (!ds_fold_event(&fold, r->batch[i].event, error))
            return false;
    }
    return true;
}

/* A row that is written once is complete as soon as it is folded. */
static bool compare_once(struct pass *pass, int32_t topic, enum ds_table_id table,
                         ds_error_t *error)
{
    struct reading *r = &pass->topic[topic];
    struct ds_row_bits *bits = table == DS_TABLE_TIMELINE ? &r->events : &r->commands;
    const void *const *rows;
    size_t count;

    if (!ds_sheet_changed(&pass->rows->sheets, table, &rows, &count, error))
        return false;
    for (size_t i = 0; i < count; i++)
        ds_row_bits_set(bits, table == DS_TABLE_TIMELINE
                                  ? ((const struct ds_timeline_row *)rows[i])->event_offset
                                  : ((const struct ds_command_row *)rows[i])->command_offset);
    return ds_row_compare_rows(pass->rows->compare, table, topic, rows, count, &bits->missing,
                               error);
}

static bool compare_written_once(struct pass *pass, int32_t topic, ds_error_t *error)
{
    struct reading *r = &pass->topic[topic];
    int64_t last = r->batch[r->count - 1].offset;
    if (last <= r->compared)
        return true; /* in an earlier pass */
    r->compared = last;
    return compare_once(pass, topic, DS_TABLE_TIMELINE, error) &&
           compare_once(pass, topic, DS_TABLE_COMMANDS, error);
}

static bool keep_rows(struct pass *pass, int32_t topic, ds_error_t *error)
{
    for (int t = 0; t < DS_TABLES; t++)
        if (ds_row_compare_topic((enum ds_table_id)t) == topic &&
            !ds_row_store_keep(pass->rows->store, &pass->rows->sheets, (enum ds_table_id)t, error))
            return false;
    return true;
}

static bool flush(struct pass *pass, int32_t topic, ds_error_t *error)
{
    struct reading *r = &pass->topic[topic];
    bool ok = r->count == 0 ||
              (want_rows(pass, topic, error) && fold_rows(pass, topic, error) &&
               compare_written_once(pass, topic, error) && keep_rows(pass, topic, error));
    r->count = 0;
    ds_arena_reset(pass->part.streams[topic].held);
    return ok;
}

static void note_place(struct reading *r, const struct ds_protocol_event *event)
{
    int64_t through = ds_fold_commands_through(event);
    r->read.event_time_us = event->head.meta.at;
    if (through > r->read.commands_through)
        r->read.commands_through = through;
    if (event->body.kind == DS_PROTOCOL_CLAIM && r->read.log_id[0] == '\0')
        (void)ds_str_to_array(event->body.as.claim.nonce, r->read.log_id, sizeof r->read.log_id);
}

static bool take(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    struct pass *pass = context;
    struct reading *r = &pass->topic[record->topic];
    const struct ds_audit_event *events;
    size_t count;

    if (ds_row_store_is_full(pass->rows->store))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "audit: too many rows at once");
    if (!ds_audit_stream_take(&pass->part, record->topic, record, &events, &count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        note_place(r, events[i].event);
        r->begins[r->count] = i == 0;
        r->batch[r->count++] = events[i];
    }
    /* Not inside a decision: what is held of it would go with the batch. */
    if (count == 0 || (r->count < BATCH_RECORDS &&
                       ds_arena_used(pass->part.streams[record->topic].held) < BATCH_BYTES))
        return true;
    return flush(pass, record->topic, error);
}

static bool begin_streams(struct pass *pass, ds_error_t *error)
{
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++) {
        struct reading *r = &pass->topic[t];
        struct ds_audit_stream *stream = &pass->part.streams[t];
        int64_t end = r->is_left_out ? 0 : r->shown.offset + 1;
        ds_audit_stream_cleanup(stream);
        if (!ds_audit_stream_init(stream, (struct ds_audit_range){0, end, end}, error))
            return false;
        stream->keeps_held = true;
        r->count = 0;
        r->read = (struct position){.offset = -1, .commands_through = -1};
    }
    return true;
}

static bool read_slice(struct pass *pass, ds_error_t *error)
{
    int64_t ends[DS_AUDIT_TOPICS] = {0};
    if (!begin_streams(pass, error))
        return false;
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++)
        ends[t] = pass->part.streams[t].range.end;
    if (!pass->source->read(pass->source, pass->part.partition, ends, take, pass, error))
        return false;
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++)
        if (!flush(pass, t, error))
            return false;
    return true;
}

/* ---- judging ---- */

static bool is_comparable(const struct pass *pass, int32_t topic)
{
    return !pass->topic[topic].is_left_out && !pass->part.streams[topic].stopped;
}

static bool compare_slice(struct pass *pass, ds_error_t *error)
{
    for (int t = 0; t < DS_TABLES; t++) {
        enum ds_table_id table = (enum ds_table_id)t;
        int32_t topic = ds_row_compare_topic(table);
        if (topic >= 0 && is_comparable(pass, topic) &&
            !ds_row_compare_table(pass->rows->compare, table, pass->rows->store, error))
            return false;
    }
    return true;
}

/* @return false with *full_out: begin again with more slices. */
static bool fold_slices(struct pass *pass, uint32_t slices, bool *full_out, ds_error_t *error)
{
    ds_row_store_t *store = pass->rows->store;
    *full_out = false;
    for (uint32_t slice = 0; slice < slices; slice++) {
        if (!ds_row_store_begin(store, slice, slices, error))
            return false;
        bool ok = read_slice(pass, error);
        *full_out = ds_row_store_is_full(store);
        if (!ok || *full_out || !compare_slice(pass, error))
            return false;
    }
    return true;
}

static bool fold_all(struct pass *pass, ds_error_t *error)
{
    bool is_full = false;
    for (uint32_t slices = 1; slices <= SLICES_MAX; slices *= 2) {
        if (fold_slices(pass, slices, &is_full, error))
            return true;
        if (!is_full)
            return false;
        ds_error_clear(error);
    }
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT,
                        "audit: partition %" PRId32 " has too many rows", pass->part.partition);
}

static void judge_position(struct pass *pass, int32_t topic)
{
    const struct reading *r = &pass->topic[topic];
    const struct ds_log_place *place = &pass->part.streams[topic].fence.delivered;
    struct ds_audit_place at = ds_audit_where(&pass->part, topic, r->shown.offset, DS_STR(""));

    pass->report->checked[DS_AUDIT_ROWS]++;
    if (r->shown.offset != place->offset || r->shown.epoch != place->epoch ||
        r->shown.seq != place->seq)
        ds_audit_found(pass->report, "I6", at,
                       "read_v1.position is at (%" PRId64 ", %" PRId64
                       "), the log has delivered (%" PRId64 ", %" PRId64 ") up to offset %" PRId64,
                       r->shown.epoch, r->shown.seq, place->epoch, place->seq, place->offset);
    else if (strcmp(r->shown.log_id, r->read.log_id) != 0)
        ds_audit_found(pass->report, "I6", at, "read_v1.position is of log %s, this one is %s",
                       r->shown.log_id, r->read.log_id);
    else if (r->shown.commands_through != r->read.commands_through)
        ds_audit_found(pass->report, "I6", at,
                       "read_v1.position: commands_through %" PRId64 ", the fold gives %" PRId64,
                       r->shown.commands_through, r->read.commands_through);
    else if (r->shown.offset >= 0 && r->shown.event_time_us != r->read.event_time_us)
        ds_audit_found(pass->report, "I6", at,
                       "read_v1.position: event_time %" PRId64 ", the fold gives %" PRId64,
                       r->shown.event_time_us, r->read.event_time_us);
}

static bool judge_rest(struct pass *pass, ds_error_t *error)
{
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++) {
        if (!is_comparable(pass, t))
            continue;
        judge_position(pass, t);
        if (!ds_row_compare_places(pass->rows->compare, DS_TABLE_TIMELINE, t,
                                   &pass->topic[t].events, error) ||
            !ds_row_compare_places(pass->rows->compare, DS_TABLE_COMMANDS, DS_AUDIT_PROCESSORS + t,
                                   &pass->topic[t].commands, error))
            return false;
    }
    return true;
}

static bool end_snapshot(ds_pg_t *pg, ds_error_t *error)
{
    return ds_pg_queue_sql(pg, "COMMIT", NULL, error) && ds_pg_sync(pg, NULL, 1, error);
}

static bool run(struct pass *pass, ds_error_t *error)
{
    ds_row_compare_begin(pass->rows->compare, pass->report, pass->part.partition,
                         pass->source->partitions);
    return begin_snapshot(pass, error) && choose_topics(pass, error) && fold_all(pass, error) &&
           judge_rest(pass, error) && end_snapshot(pass->rows->pg, error);
}

bool ds_audit_rows_judge_rest(ds_audit_rows_t *rows, int32_t partitions,
                              struct ds_audit_report *report, ds_error_t *error)
{
    ds_row_compare_begin(rows->compare, report, -1, partitions);
    bool ok =
        ds_pg_connect(rows->pg, error) &&
        ds_pg_queue_sql(rows->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, error) &&
        ds_pg_sync(rows->pg, NULL, 1, error) && ds_row_compare_strays(rows->compare, error) &&
        end_snapshot(rows->pg, error);
    if (!ok)
        ds_pg_close(rows->pg); /* ends the transaction */
    return ok;
}

bool ds_audit_rows_judge(ds_audit_rows_t *rows, struct ds_audit_source *source, int32_t partition,
                         struct ds_audit_report *report, ds_error_t *error)
{
    struct pass *pass = calloc(1, sizeof *pass);
    if (pass == NULL)
        return no_memory(error);
    pass->rows = rows;
    pass->source = source;
    pass->report = report;
    pass->aside = ds_audit_report_new();
    pass->part.report = pass->aside;
    pass->part.partition = partition;
    pass->part.partitions = source->partitions;
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++)
        pass->topic[t].shown.offset = pass->topic[t].shown.commands_through =
            pass->topic[t].compared = -1;
    bool ok = (pass->aside != NULL || no_memory(error)) && run(pass, error);
    if (!ok)
        ds_pg_close(rows->pg); /* ends the transaction */
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++) {
        ds_audit_stream_cleanup(&pass->part.streams[t]);
        ds_row_bits_cleanup(&pass->topic[t].events);
        ds_row_bits_cleanup(&pass->topic[t].commands);
    }
    ds_audit_report_destroy(pass->aside);
    free(pass);
    return ok;
}
