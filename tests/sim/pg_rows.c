/* Rows, and in the end what they should be. */
#include "pg.h"

#include <stdlib.h>

/* ---- elements ---- */

static uint32_t be32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* The length of the element with its own four bytes. */
static uint32_t element_bytes(const uint8_t *at)
{
    uint32_t len = be32(at);

    return len == UINT32_MAX ? 4 : 4 + len;
}

bool sim_element(ds_bytes_t elements, size_t i, ds_bytes_t *bytes_out)
{
    const uint8_t *at = elements.data;

    while (i-- > 0)
        at += element_bytes(at);
    *bytes_out = (ds_bytes_t){at + 4, element_bytes(at) - 4};
    return be32(at) != UINT32_MAX;
}

#define ARRAY_HEADER 20
#define ARRAY_COUNT  12

size_t sim_array_count(ds_bytes_t array)
{
    return be32(array.data + ARRAY_COUNT);
}

ds_bytes_t sim_array_elements(ds_bytes_t array)
{
    return (ds_bytes_t){array.data + ARRAY_HEADER, array.len - ARRAY_HEADER};
}

int64_t sim_be(ds_bytes_t bytes)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < bytes.len; i++)
        value = value << 8 | bytes.data[i];
    return bytes.len == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

/* ---- tables ---- */

static size_t bucket_of(ds_bytes_t key)
{
    return ds_str_hash((ds_str_t){(const char *)key.data, key.len}, 0) % SIM_BUCKETS;
}

static bool same(ds_bytes_t a, ds_bytes_t b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

const struct sim_row *sim_find_row(const struct sim_table *table, ds_bytes_t key)
{
    const struct sim_row *row = table->buckets[bucket_of(key)];

    while (row != NULL && !same(row->key, key))
        row = row->next;
    return row;
}

/* INSERT ... ON CONFLICT DO NOTHING, or DO UPDATE. */
void sim_put_row(struct sim *sim, int number, const struct sim_row *row)
{
    struct sim_table *table = &sim->pg->tables[number];
    struct sim_row *old = (struct sim_row *)(uintptr_t)sim_find_row(table, row->key);
    struct sim_row **bucket = &table->buckets[bucket_of(row->key)];

    if (old != NULL && ds_tables[number].append_only)
        return;
    sim_note_bytes(sim, row->columns);
    if (old != NULL) {
        old->columns = row->columns;
        return;
    }
    old = sim_copy(sim, row, sizeof(*row));
    old->next = *bucket;
    *bucket = old;
    table->count++;
}

struct sim_row sim_row_of(struct sim *sim, int number, const ds_bytes_t *arrays, size_t i)
{
    const struct ds_table *table = &ds_tables[number];
    const uint8_t *places[DS_MAX_COLUMNS];
    size_t bytes = 0;
    size_t key_bytes = 0;
    uint8_t *to;
    struct sim_row row;

    for (size_t c = 0; c < table->column_count; c++) {
        ds_bytes_t element;

        (void)sim_element(sim_array_elements(arrays[c]), i, &element);
        places[c] = element.data - 4;
        bytes += element_bytes(places[c]);
        if (c < table->key_columns)
            key_bytes = bytes;
    }
    to = sim_alloc(sim, bytes);
    row = (struct sim_row){.key = {to, (uint32_t)key_bytes}, .columns = {to, (uint32_t)bytes}};
    for (size_t c = 0; c < table->column_count; c++) {
        memcpy(to, places[c], element_bytes(places[c]));
        to += element_bytes(places[c]);
    }
    return row;
}

/* ---- results ---- */

PGresult *sim_result(int columns)
{
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc descriptions[DS_MAX_COLUMNS] = {0};

    for (int c = 0; c < columns; c++)
        descriptions[c].name = (char *)(uintptr_t) "c";
    if (result == NULL || (columns > 0 && !PQsetResultAttrs(result, columns, descriptions)))
        abort();
    return result;
}

void sim_result_bytes(PGresult *result, int row, int column, const void *bytes, size_t len)
{
    if (!PQsetvalue(result, row, column, (char *)(uintptr_t)bytes, (int)len))
        abort();
}

void sim_result_number(PGresult *result, int row, int column, int64_t value, int bytes)
{
    uint8_t be[8];

    for (int i = 0; i < bytes; i++)
        be[i] = (uint8_t)((uint64_t)value >> 8 * (bytes - 1 - i));
    sim_result_bytes(result, row, column, be, (size_t)bytes);
}

static void add_row(PGresult *result, const struct ds_table *table, const struct sim_row *row)
{
    int at = PQntuples(result);

    for (size_t c = 0; c < table->column_count; c++) {
        ds_bytes_t value;
        bool there = sim_element(row->columns, c, &value);

        if (!PQsetvalue(result, at, (int)c, (char *)(uintptr_t)value.data,
                        there ? (int)value.len : -1))
            abort();
    }
}

/* ---- loading ---- */

static size_t column_of(const struct ds_table *table, ds_str_t name)
{
    for (size_t c = 0; c < table->column_count; c++)
        if (ds_str_eq(ds_str(table->columns[c].name), name))
            return c;
    abort();
}

static bool in_list(ds_bytes_t list, ds_bytes_t value)
{
    ds_bytes_t elements = sim_array_elements(list);

    for (size_t i = 0; i < sim_array_count(list); i++) {
        ds_bytes_t id;

        if (sim_element(elements, i, &id) && same(id, value))
            return true;
    }
    return false;
}

/* The conditions are "<column> = ANY($1::text[])", one with "AND status = 'silent'" behind it. */
static bool matches(const struct ds_load *load, const struct ds_table *table,
                    const struct sim_row *row, ds_bytes_t ids)
{
    ds_bytes_t value;

    if (!sim_element(row->columns, column_of(table, ds_str_before(ds_str(load->condition), ' ')),
                     &value) ||
        !in_list(ids, value))
        return false;
    if (strstr(load->condition, " AND ") == NULL)
        return true;
    (void)sim_element(row->columns, column_of(table, DS_STR("status")), &value);
    return ds_str_eq((ds_str_t){(const char *)value.data, value.len}, DS_STR("silent"));
}

PGresult *sim_load(struct sim *sim, int number, ds_bytes_t ids)
{
    const struct ds_load *load = &ds_loads[number];
    const struct ds_table *table = &ds_tables[load->table];
    PGresult *result = sim_result((int)table->column_count);

    for (size_t b = 0; b < SIM_BUCKETS; b++)
        for (const struct sim_row *row = sim->pg->tables[load->table].buckets[b]; row != NULL;
             row = row->next)
            if (matches(load, table, row, ids))
                add_row(result, table, row);
    return result;
}

/* ---- I6: the rows against a fold from scratch ---- */

static bool fold_part(struct sim *sim, struct ds_fold *fold, int32_t processor, int32_t partition,
                      ds_error_t *error)
{
    const struct sim_judge *judge = &sim->judges[processor][partition];
    const struct sim_part *part = &sim->log[processor][partition];

    for (size_t d = 0; d < judge->decision_count; d++) {
        const struct sim_decision *decision = &judge->decisions[d];

        fold->command_offset = -1;
        for (int32_t i = 0; i < decision->count; i++) {
            fold->offset = judge->taken[decision->first + i];
            if (!ds_fold_event(fold, part->records[fold->offset].event, error))
                return false;
        }
    }
    return true;
}

static bool fold_all(struct sim *sim, struct ds_sheets *sheets, ds_buf_t *scratch,
                     ds_error_t *error)
{
    struct ds_fold fold = {.sheets = sheets, .scratch = scratch, .command_offset = -1};

    for (int t = 0; t < DS_FOLD_TOPICS; t++)
        for (int32_t p = 0; p < sim->plan.partitions; p++) {
            fold.topic = (enum ds_fold_topic)t;
            fold.partition = p;
            if (!fold_part(sim, &fold, sim_topic_of(ds_fold_schemas[t]->topic), p, error))
                return false;
        }
    return true;
}

static const char *what_differs(const struct ds_table *table, const struct sim_row *a,
                                const struct sim_row *b)
{
    for (size_t c = 0; c < table->column_count; c++) {
        ds_bytes_t of_a;
        ds_bytes_t of_b;

        if (sim_element(a->columns, c, &of_a) != sim_element(b->columns, c, &of_b) ||
            !same(of_a, of_b))
            return table->columns[c].name;
    }
    return NULL;
}

static bool compare_table(struct sim *sim, struct ds_sheets *sheets, int number,
                          struct ds_arrays *arrays, ds_error_t *error)
{
    const struct ds_table *table = &ds_tables[number];
    ds_bytes_t columns[DS_MAX_COLUMNS];
    const void *const *rows = NULL;
    size_t count = 0;

    if (!ds_sheet_changed(sheets, (enum ds_table_id)number, &rows, &count, error) ||
        !ds_table_encode(table, rows, count, arrays, error))
        return false;
    if (count != sim->pg->tables[number].count)
        sim_fail(sim, "I6: %s has %zu rows, a fold from scratch %zu", table->name,
                 sim->pg->tables[number].count, count);
    for (size_t c = 0; c < table->column_count; c++)
        columns[c] = ds_buf_bytes(&arrays->columns[c]);
    for (size_t i = 0; i < count && !sim->failed; i++) {
        struct sim_row row = sim_row_of(sim, number, columns, i);
        const struct sim_row *found = sim_find_row(&sim->pg->tables[number], row.key);
        const char *differs = found == NULL ? "its key" : what_differs(table, &row, found);

        if (differs != NULL)
            sim_fail(sim, "I6: a row of %s differs from a fold from scratch in %s", table->name,
                     differs);
    }
    return true;
}

void sim_pg_judge(struct sim *sim)
{
    struct ds_sheets sheets;
    struct ds_arrays arrays;
    ds_buf_t scratch;
    ds_error_t error = DS_ERROR_INIT;
    bool ok;

    ds_arrays_init(&arrays);
    ds_buf_init(&scratch, (size_t)16 * 1024 * 1024);
    ok = ds_sheets_init(&sheets, &error) && fold_all(sim, &sheets, &scratch, &error);
    for (int t = 0; ok && t < DS_TABLES; t++)
        ok = compare_table(sim, &sheets, t, &arrays, &error);
    if (!ok)
        sim_fail(sim, "a fold from scratch fails: %s", error.message);
    ds_sheets_cleanup(&sheets);
    ds_arrays_cleanup(&arrays);
    ds_buf_cleanup(&scratch);
}
