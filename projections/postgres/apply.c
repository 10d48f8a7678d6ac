#include "projections/postgres/apply_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SQL_BYTES     (256 * 1024)
#define MAX_SCRATCH_BYTES (16 * 1024 * 1024)

static const char *const load_names[DS_LOADS] = {
    "load_orders", "load_order_lines", "load_payments", "load_deliveries", "load_silent",
    "load_offers", "load_couriers",    "load_stock",    "load_stores",     "load_products",
};
static const char *const write_names[DS_TABLES] = {
    "write_timeline",        "write_commands", "write_orders",     "write_order_lines",
    "write_order_addresses", "write_payments", "write_deliveries", "write_offers",
    "write_couriers",        "write_stock",    "write_stores",     "write_products",
};

_Static_assert(DS_LOADS + 2 <= DS_PG_MAX_QUEUED, "round trip 1 fits in a pipeline");
_Static_assert(DS_TABLES + 1 <= DS_PG_MAX_QUEUED, "round trip 2 fits in a pipeline");

/* The texts stand one behind the other, each with a NUL; they are named only when the buffer grows
 * no more. */
static bool write_texts(struct ds_apply *apply, size_t starts[DS_LOADS + DS_TABLES],
                        ds_error_t *error)
{
    size_t n = 0;
    for (int i = 0; i < DS_LOADS; i++) {
        starts[n++] = apply->sql.len;
        if (!ds_table_load_sql(&ds_tables[ds_loads[i].table], ds_loads[i].condition, &apply->sql,
                               error) ||
            !ds_buf_append_char(&apply->sql, '\0', error))
            return false;
    }
    for (int i = 0; i < DS_TABLES; i++) {
        starts[n++] = apply->sql.len;
        if (!ds_table_write_sql(&ds_tables[i], &apply->sql, error) ||
            !ds_buf_append_char(&apply->sql, '\0', error))
            return false;
    }
    return true;
}

static bool prepare(struct ds_apply *apply, ds_error_t *error)
{
    size_t starts[DS_LOADS + DS_TABLES];
    if (!write_texts(apply, starts, error) || !ds_position_prepare(apply->pg, error))
        return false;
    const char *texts = (const char *)apply->sql.data;
    for (int i = 0; i < DS_LOADS; i++) {
        if (!ds_pg_prepare(apply->pg, load_names[i], texts + starts[i], error))
            return false;
    }
    for (int i = 0; i < DS_TABLES; i++) {
        if (!ds_pg_prepare(apply->pg, write_names[i], texts + starts[DS_LOADS + i], error))
            return false;
    }
    return true;
}

bool ds_apply_new(ds_pg_t *pg, ds_apply_t **apply_out, ds_error_t *error)
{
    struct ds_apply *apply = calloc(1, sizeof *apply);
    *apply_out = NULL;
    if (apply == NULL)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_MEMORY, "no memory for a worker");
    apply->pg = pg;
    ds_arrays_init(&apply->arrays);
    ds_buf_init(&apply->scratch, MAX_SCRATCH_BYTES);
    ds_buf_init(&apply->sql, MAX_SQL_BYTES);
    if (!ds_sheets_init(&apply->sheets, error) || !prepare(apply, error)) {
        ds_apply_destroy(apply);
        return false;
    }
    *apply_out = apply;
    return true;
}

void ds_apply_destroy(ds_apply_t *apply)
{
    if (apply == NULL)
        return;
    ds_pg_close(apply->pg);
    ds_sheets_cleanup(&apply->sheets);
    ds_arrays_cleanup(&apply->arrays);
    ds_buf_cleanup(&apply->scratch);
    ds_buf_cleanup(&apply->sql);
    free(apply);
}

int64_t ds_apply_missed(const ds_apply_t *apply)
{
    return apply->missed;
}

static struct ds_unit *unit_of(struct ds_unit *units, size_t count,
                               const struct ds_read_record *record)
{
    for (size_t i = 0; i < count; i++) {
        if ((int32_t)units[i].topic == record->topic && units[i].partition == record->partition)
            return &units[i];
    }
    return NULL;
}

/* ---- round trip 1 ---- */

static bool want_rows(struct ds_apply *apply, const struct ds_read_record *records, size_t count,
                      struct ds_unit *units, size_t unit_count, ds_error_t *error)
{
    if (!ds_sheets_reset(&apply->sheets, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct ds_read_record *r = &records[i];
        if (r->undecodable || unit_of(units, unit_count, r) == NULL)
            continue;
        if (!ds_fold_want(&apply->sheets, (enum ds_fold_topic)r->topic, r->event, error))
            return false;
    }
    return true;
}

static bool queue_load(struct ds_apply *apply, int load, ds_error_t *error)
{
    ds_buf_t *ids = &apply->arrays.columns[0];
    size_t cursor = 0;
    ds_str_t id;
    void *value = NULL;
    ds_buf_clear(ids);
    if (!ds_array_begin(ids, DS_OID_TEXT, error))
        return false;
    while (ds_map_next(apply->sheets.wants[load], &cursor, &id, &value)) {
        if (!ds_array_text(ids, id, error))
            return false;
    }
    ds_array_end(ids, ds_map_count(apply->sheets.wants[load]));
    const char *const values[] = {(const char *)ids->data};
    const int lengths[] = {(int)ids->len};
    return ds_pg_queue(apply->pg, load_names[load], 1, values, lengths, error);
}

/* An order line's place in its sheet has the line's number in it. */
static bool key_of(struct ds_apply *apply, enum ds_table_id table, const void *row,
                   ds_str_t *key_out, ds_error_t *error)
{
    const struct ds_order_line_row *line = row;
    if (table == DS_TABLE_ORDER_LINES)
        return ds_sheet_key(&apply->sheets, line->order_id, line->line, key_out, error);
    const struct ds_column *key = &ds_tables[table].columns[0];
    *key_out = *(const ds_str_t *)(const void *)((const char *)row + key->place);
    return true;
}

static bool add_rows(struct ds_apply *apply, enum ds_table_id table, const PGresult *rows,
                     ds_error_t *error)
{
    for (int r = 0; r < PQntuples(rows); r++) {
        void *row = ds_arena_alloc(apply->sheets.arena, ds_tables[table].row_bytes, error);
        ds_str_t key;
        if (row == NULL ||
            !ds_table_decode(&ds_tables[table], rows, r, apply->sheets.arena, row, error) ||
            !key_of(apply, table, row, &key, error) ||
            !ds_sheet_add_loaded(&apply->sheets, table, key, row, error))
            return false;
    }
    return true;
}

static bool queue_first(struct ds_apply *apply, const struct ds_unit *units, size_t unit_count,
                        int *loads, size_t *load_count, ds_error_t *error)
{
    if (!ds_pg_queue_sql(apply->pg, "BEGIN", NULL, error) ||
        !ds_position_queue_move(apply, units, unit_count, error))
        return false;
    for (int i = 0; i < DS_LOADS; i++) {
        if (ds_map_count(apply->sheets.wants[i]) == 0)
            continue;
        if (!queue_load(apply, i, error))
            return false;
        loads[(*load_count)++] = i;
    }
    return true;
}

#define FIRST_MOVED 1
#define FIRST_LOADS 2

/* @return AGAIN with an error: nothing was written. APPLIED: go on. */
static enum ds_disposition first_trip(struct ds_apply *apply, struct ds_unit *units,
                                      size_t unit_count, ds_error_t *error)
{
    PGresult *results[DS_PG_MAX_QUEUED] = {NULL};
    int loads[DS_LOADS];
    size_t load_count = 0;
    enum ds_disposition disposition = DS_APPLY_AGAIN;
    if (!queue_first(apply, units, unit_count, loads, &load_count, error) ||
        !ds_pg_sync(apply->pg, results, FIRST_LOADS + load_count, error))
        goto out;
    if (ds_position_mark_lost(results[FIRST_MOVED], units, unit_count) > 0) {
        disposition = DS_APPLY_LOST;
        goto out;
    }
    for (size_t i = 0; i < load_count; i++) {
        if (!add_rows(apply, ds_loads[loads[i]].table, results[FIRST_LOADS + i], error))
            goto out;
    }
    disposition = DS_APPLIED;
out:
    for (size_t i = 0; i < DS_PG_MAX_QUEUED; i++)
        PQclear(results[i]);
    return disposition;
}

/* ---- between ---- */

static bool fold_records(struct ds_apply *apply, const struct ds_read_record *records, size_t count,
                         struct ds_unit *units, size_t unit_count, ds_error_t *error)
{
    struct ds_fold fold = {
        .sheets = &apply->sheets, .scratch = &apply->scratch, .command_offset = -1};
    bool begins = true;
    for (size_t i = 0; i < count; i++) {
        const struct ds_read_record *r = &records[i];
        bool ours = unit_of(units, unit_count, r) != NULL;
        if (begins)
            fold.command_offset = -1;
        begins = r->last;
        if (!ours)
            continue;
        if (r->undecodable) {
            apply->missed++; /* the reader has said so; its place is passed all the same */
            continue;
        }
        fold.topic = (enum ds_fold_topic)r->topic;
        fold.partition = r->partition;
        fold.offset = r->place.offset;
        if (!ds_fold_event(&fold, r->event, error))
            return ds_error_prefix(error, "%s/%d@%lld", ds_fold_schemas[fold.topic]->topic,
                                   (int)fold.partition, (long long)fold.offset);
    }
    apply->missed += fold.missed;
    return true;
}

/* ---- round trip 2 ---- */

static bool queue_write(struct ds_apply *apply, enum ds_table_id table, size_t *queued,
                        ds_error_t *error)
{
    const void *const *rows = NULL;
    size_t count = 0;
    if (!ds_sheet_changed(&apply->sheets, table, &rows, &count, error))
        return false;
    if (count == 0)
        return true;
    (*queued)++;
    return ds_table_encode(&ds_tables[table], rows, count, &apply->arrays, error) &&
           ds_pg_queue(apply->pg, write_names[table], (int)ds_tables[table].column_count,
                       apply->arrays.values, apply->arrays.lengths, error);
}

static enum ds_disposition second_trip(struct ds_apply *apply, ds_error_t *error)
{
    size_t queued = 0;
    for (int i = 0; i < DS_TABLES; i++) {
        if (!queue_write(apply, (enum ds_table_id)i, &queued, error))
            return DS_APPLY_AGAIN; /* no COMMIT was queued */
    }
    if (!ds_pg_queue_sql(apply->pg, "COMMIT", NULL, error))
        return DS_APPLY_AGAIN;
    if (ds_pg_sync(apply->pg, NULL, queued + 1, error))
        return DS_APPLIED;
    /* A statement that the server refused aborts the pipeline in front of the COMMIT. */
    return error->retriable ? DS_APPLY_UNKNOWN : DS_APPLY_AGAIN;
}

enum ds_disposition ds_apply_batch(ds_apply_t *apply, const struct ds_read_record *records,
                                   size_t record_count, struct ds_unit *units, size_t unit_count,
                                   ds_error_t *error)
{
    enum ds_disposition disposition = DS_APPLY_AGAIN;
    assert(unit_count > 0);
    if (!ds_pg_connected(apply->pg)) {
        ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "no connection to PostgreSQL");
        return DS_APPLY_AGAIN;
    }
    if (want_rows(apply, records, record_count, units, unit_count, error))
        disposition = first_trip(apply, units, unit_count, error);
    if (disposition == DS_APPLIED)
        disposition = fold_records(apply, records, record_count, units, unit_count, error)
                          ? second_trip(apply, error)
                          : DS_APPLY_AGAIN;
    if (disposition != DS_APPLIED) {
        ds_pg_close(apply->pg); /* rolls back */
        return disposition;
    }
    for (size_t i = 0; i < unit_count; i++)
        units[i].state = DS_UNIT_DONE;
    return DS_APPLIED;
}
