#include "projections/postgres/sheet.h"

#include <stdlib.h>

#define FIRST_ARENA_BYTES (256u * 1024)
#define MAX_ARENA_BYTES   (256u * 1024 * 1024)
#define MAX_ROWS          (1u << 20)

/* A row's struct stands behind this head, aligned for any of its members. */
struct ds_sheet_row {
    ds_str_t key;
    bool changed;
    _Alignas(16) unsigned char row[];
};

const struct ds_load ds_loads[DS_LOADS] = {
    [DS_LOAD_ORDERS] = {DS_TABLE_ORDERS, "order_id = ANY($1::text[])"},
    [DS_LOAD_ORDER_LINES] = {DS_TABLE_ORDER_LINES, "order_id = ANY($1::text[])"},
    [DS_LOAD_PAYMENTS] = {DS_TABLE_PAYMENTS, "order_id = ANY($1::text[])"},
    [DS_LOAD_DELIVERIES] = {DS_TABLE_DELIVERIES, "order_id = ANY($1::text[])"},
    [DS_LOAD_SILENT] = {DS_TABLE_DELIVERIES, "courier_id = ANY($1::text[]) AND status = 'silent'"},
    [DS_LOAD_OFFERS] = {DS_TABLE_OFFERS, "order_id = ANY($1::text[])"},
    [DS_LOAD_COURIERS] = {DS_TABLE_COURIERS, "courier_id = ANY($1::text[])"},
    [DS_LOAD_STOCK] = {DS_TABLE_STOCK, "product_id = ANY($1::text[])"},
    [DS_LOAD_STORES] = {DS_TABLE_STORES, "store_id = ANY($1::text[])"},
    [DS_LOAD_PRODUCTS] = {DS_TABLE_PRODUCTS, "product_id = ANY($1::text[])"},
};

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_MEMORY, "no memory for a batch of rows");
}

/* An emptied map: one that was never used is kept. */
static bool renew(ds_map_t **map, ds_error_t *error)
{
    if (*map != NULL && ds_map_count(*map) == 0)
        return true;
    ds_map_destroy(*map, NULL);
    *map = ds_map_new(MAX_ROWS);
    return *map != NULL || no_memory(error);
}

bool ds_sheets_init(struct ds_sheets *sheets, ds_error_t *error)
{
    *sheets = (struct ds_sheets){0};
    sheets->arena = ds_arena_new(FIRST_ARENA_BYTES, MAX_ARENA_BYTES);
    for (int i = 0; i < DS_TABLES; i++)
        sheets->sheet[i].table = &ds_tables[i];
    return sheets->arena == NULL ? no_memory(error) : ds_sheets_reset(sheets, error);
}

void ds_sheets_cleanup(struct ds_sheets *sheets)
{
    for (int i = 0; i < DS_TABLES; i++) {
        ds_map_destroy(sheets->sheet[i].by_key, NULL);
        free(sheets->sheet[i].rows);
    }
    for (int i = 0; i < DS_LOADS; i++)
        ds_map_destroy(sheets->wants[i], NULL);
    ds_arena_destroy(sheets->arena);
    *sheets = (struct ds_sheets){0};
}

bool ds_sheets_reset(struct ds_sheets *sheets, ds_error_t *error)
{
    ds_arena_reset(sheets->arena);
    for (int i = 0; i < DS_TABLES; i++) {
        struct ds_sheet *sheet = &sheets->sheet[i];
        sheet->count = 0;
        if (!sheet->table->append_only && !renew(&sheet->by_key, error))
            return false;
    }
    for (int i = 0; i < DS_LOADS; i++) {
        if (!renew(&sheets->wants[i], error))
            return false;
    }
    return true;
}

bool ds_sheets_want(struct ds_sheets *sheets, enum ds_load_id load, ds_str_t id, ds_error_t *error)
{
    return ds_map_get(sheets->wants[load], id) != NULL ||
           ds_map_put(sheets->wants[load], id, sheets, NULL, error);
}

bool ds_sheet_key(struct ds_sheets *sheets, ds_str_t id, int32_t line, ds_str_t *key_out,
                  ds_error_t *error)
{
    *key_out = id;
    return line == 0 ||
           ds_arena_printf(sheets->arena, key_out, error, "%.*s#%06d", DS_STR_ARG(id), (int)line);
}

static struct ds_sheet_row *find(const struct ds_sheets *sheets, enum ds_table_id table,
                                 ds_str_t key)
{
    const struct ds_sheet *sheet = &sheets->sheet[table];
    return sheet->by_key == NULL ? NULL : ds_map_get(sheet->by_key, key);
}

void *ds_sheet_change(struct ds_sheets *sheets, enum ds_table_id table, ds_str_t key)
{
    struct ds_sheet_row *row = find(sheets, table, key);
    if (row == NULL)
        return NULL;
    row->changed = true;
    return row->row;
}

const void *ds_sheet_peek(const struct ds_sheets *sheets, enum ds_table_id table, ds_str_t key)
{
    const struct ds_sheet_row *row = find(sheets, table, key);
    return row == NULL ? NULL : row->row;
}

static bool grow(struct ds_sheet *sheet, ds_error_t *error)
{
    if (sheet->count < sheet->capacity)
        return true;
    if (sheet->count >= MAX_ROWS)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_LIMIT, "more than %u rows of %s in a batch",
                            MAX_ROWS, sheet->table->name);
    size_t capacity = sheet->capacity == 0 ? 64 : sheet->capacity * 2;
    struct ds_sheet_row **rows = realloc(sheet->rows, capacity * sizeof *rows);
    if (rows == NULL)
        return no_memory(error);
    sheet->rows = rows;
    sheet->capacity = capacity;
    return true;
}

static bool add(struct ds_sheets *sheets, enum ds_table_id table, ds_str_t key,
                struct ds_sheet_row **row_out, ds_error_t *error)
{
    struct ds_sheet *sheet = &sheets->sheet[table];
    struct ds_sheet_row *row =
        ds_arena_alloc(sheets->arena, sizeof *row + sheet->table->row_bytes, error);
    if (row == NULL || !grow(sheet, error) || !ds_arena_dup(sheets->arena, key, &row->key, error))
        return false;
    if (sheet->by_key != NULL && !ds_map_put(sheet->by_key, key, row, NULL, error))
        return false;
    sheet->rows[sheet->count++] = row;
    *row_out = row;
    return true;
}

bool ds_sheet_make(struct ds_sheets *sheets, enum ds_table_id table, ds_str_t key, void **row_out,
                   ds_error_t *error)
{
    struct ds_sheet_row *row = find(sheets, table, key);
    *row_out = NULL;
    if (row == NULL && !add(sheets, table, key, &row, error))
        return false;
    ds_table_clear(&ds_tables[table], row->row);
    row->changed = true;
    *row_out = row->row;
    return true;
}

bool ds_sheet_add_loaded(struct ds_sheets *sheets, enum ds_table_id table, ds_str_t key,
                         const void *row, ds_error_t *error)
{
    struct ds_sheet_row *added = find(sheets, table, key);
    if (added != NULL)
        return true;
    if (!add(sheets, table, key, &added, error))
        return false;
    memcpy(added->row, row, ds_tables[table].row_bytes);
    return true;
}

const void *ds_sheet_next(const struct ds_sheets *sheets, enum ds_table_id table, size_t *cursor,
                          ds_str_t *key_out)
{
    const struct ds_sheet *sheet = &sheets->sheet[table];
    if (*cursor >= sheet->count)
        return NULL;
    const struct ds_sheet_row *row = sheet->rows[(*cursor)++];
    *key_out = row->key;
    return row->row;
}

static int by_key(const void *a, const void *b)
{
    const struct ds_sheet_row *const *left = a;
    const struct ds_sheet_row *const *right = b;
    return ds_str_cmp((*left)->key, (*right)->key);
}

bool ds_sheet_changed(struct ds_sheets *sheets, enum ds_table_id table,
                      const void *const **rows_out, size_t *count_out, ds_error_t *error)
{
    struct ds_sheet *sheet = &sheets->sheet[table];
    const void **rows = NULL;
    *rows_out = NULL;
    *count_out = 0;
    if (sheet->count == 0)
        return true;
    rows = ds_arena_calloc(sheets->arena, sheet->count, sizeof *rows, error);
    if (rows == NULL)
        return false;
    /* Sorted, so that two workers never wait for each other in a circle. */
    if (!sheet->table->append_only)
        qsort(sheet->rows, sheet->count, sizeof(struct ds_sheet_row *), by_key);
    for (size_t i = 0; i < sheet->count; i++) {
        if (sheet->rows[i]->changed)
            rows[(*count_out)++] = sheet->rows[i]->row;
    }
    *rows_out = rows;
    return true;
}
