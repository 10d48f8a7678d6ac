#include "cli/audit/row_store.h"

#include <assert.h>
#include <stdlib.h>

#define MAX_ROWS      ((size_t)1 << 28)
#define MAX_KEY_BYTES ((size_t)1024 * 1024) /* a log may say anything */
#define ENTRY_BYTES   80                    /* of a map, beside the key */

/* What a row's bytes stand in; its texts stand behind them. */
struct block {
    struct block *next; /* of what is to be freed */
    size_t bytes;
    _Alignas(16) unsigned char row[];
};

struct node {
    struct node *sibling; /* the next row of the same order, where rows are loaded by order */
    struct block *block;
};

struct ds_row_store {
    size_t max_bytes;
    size_t bytes;
    bool is_full;
    uint32_t slice;
    uint32_t slices;
    ds_map_t *rows[DS_TABLES]; /* struct node by key */
    ds_map_t *lines;           /* the first node by order, as the next */
    ds_map_t *offers;
    ds_map_t *silent; /* deliveries whose courier is silent, by order */
    ds_arena_t *nodes;
    struct block *replaced; /* sheets may still borrow from these */
    ds_buf_t key;
};

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: rows of the read model");
}

ds_row_store_t *ds_row_store_new(size_t max_bytes)
{
    ds_row_store_t *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->max_bytes = max_bytes;
    ds_buf_init(&store->key, MAX_KEY_BYTES);
    store->nodes = ds_arena_new((size_t)64 * 1024, max_bytes);
    if (store->nodes != NULL)
        return store;
    free(store);
    return NULL;
}

static void free_replaced(ds_row_store_t *store)
{
    while (store->replaced != NULL) {
        struct block *next = store->replaced->next;
        free(store->replaced);
        store->replaced = next;
    }
}

static void free_node(void *value)
{
    free(((struct node *)value)->block);
}

static void forget(ds_row_store_t *store)
{
    for (int t = 0; t < DS_TABLES; t++) {
        ds_map_destroy(store->rows[t], free_node);
        store->rows[t] = NULL;
    }
    ds_map_destroy(store->lines, NULL);
    ds_map_destroy(store->offers, NULL);
    ds_map_destroy(store->silent, NULL);
    store->lines = store->offers = store->silent = NULL;
    free_replaced(store);
    ds_arena_reset(store->nodes);
    store->bytes = 0;
    store->is_full = false;
}

void ds_row_store_destroy(ds_row_store_t *store)
{
    if (store == NULL)
        return;
    forget(store);
    ds_arena_destroy(store->nodes);
    ds_buf_cleanup(&store->key);
    free(store);
}

bool ds_row_store_begin(ds_row_store_t *store, uint32_t slice, uint32_t slices, ds_error_t *error)
{
    assert(slice < slices);
    forget(store);
    store->slice = slice;
    store->slices = slices;
    store->lines = ds_map_new(MAX_ROWS);
    store->offers = ds_map_new(MAX_ROWS);
    store->silent = ds_map_new(MAX_ROWS);
    bool ok = store->lines != NULL && store->offers != NULL && store->silent != NULL;
    for (int t = 0; ok && t < DS_TABLES; t++) {
        store->rows[t] = ds_map_new(MAX_ROWS);
        ok = store->rows[t] != NULL;
    }
    return ok || no_memory(error);
}

bool ds_row_store_is_full(const ds_row_store_t *store)
{
    return store->is_full;
}

bool ds_row_store_has_slice(const ds_row_store_t *store, ds_str_t id)
{
    return ds_str_hash(id, UINT64_C(0x510e527fade682d1)) % store->slices == store->slice;
}

/* ---- keys ---- */

static ds_str_t text_at(const struct ds_column *column, const void *row)
{
    return *(const ds_str_t *)(const void *)((const char *)row + column->place);
}

/* What the fold finds a row by. */
static ds_str_t owner_of(enum ds_table_id table, const void *row)
{
    return table == DS_TABLE_OFFERS ? ((const struct ds_offer_row *)row)->order_id
                                    : text_at(&ds_tables[table].columns[0], row);
}

static bool key_of(ds_row_store_t *store, ds_str_t id, int32_t line, ds_str_t *key_out,
                   ds_error_t *error)
{
    *key_out = id;
    if (line == 0)
        return true;
    ds_buf_clear(&store->key);
    bool ok = ds_buf_printf(&store->key, error, "%.*s#%d", DS_STR_ARG(id), (int)line);
    *key_out = ds_buf_str(&store->key);
    return ok;
}

static int32_t line_of(enum ds_table_id table, const void *row)
{
    return table == DS_TABLE_ORDER_LINES ? ((const struct ds_order_line_row *)row)->line : 0;
}

static ds_map_t *chains_of(const ds_row_store_t *store, enum ds_table_id table)
{
    if (table == DS_TABLE_ORDER_LINES)
        return store->lines;
    return table == DS_TABLE_OFFERS ? store->offers : NULL;
}

/* ---- keeping ---- */

static bool is_text(const struct ds_column *column)
{
    return column->type == DS_COLUMN_TEXT || column->type == DS_COLUMN_WORDS;
}

static struct block *copy_row(const struct ds_table *table, const void *row)
{
    size_t bytes = table->row_bytes;
    for (size_t i = 0; i < table->column_count; i++)
        if (is_text(&table->columns[i]))
            bytes += text_at(&table->columns[i], row).len;
    struct block *block = malloc(sizeof *block + bytes);
    if (block == NULL)
        return NULL;
    *block = (struct block){NULL, sizeof *block + bytes};
    memcpy(block->row, row, table->row_bytes);
    char *to = (char *)block->row + table->row_bytes;
    for (size_t i = 0; i < table->column_count; i++) {
        ds_str_t *text = (ds_str_t *)(void *)(block->row + table->columns[i].place);
        if (!is_text(&table->columns[i]) || text->data == NULL)
            continue;
        memcpy(to, text->data, text->len);
        text->data = to;
        to += text->len;
    }
    return block;
}

static bool new_node(ds_row_store_t *store, enum ds_table_id table, ds_str_t key, ds_str_t owner,
                     struct node **node_out, ds_error_t *error)
{
    ds_map_t *chains = chains_of(store, table);
    struct node *node = ds_arena_alloc(store->nodes, sizeof *node, error);
    *node_out = node;
    if (node == NULL || !ds_map_put(store->rows[table], key, node, NULL, error))
        return false;
    store->bytes += sizeof *node + key.len + ENTRY_BYTES;
    if (chains == NULL)
        return true;
    node->sibling = ds_map_get(chains, owner);
    store->bytes += node->sibling == NULL ? owner.len + ENTRY_BYTES : 0;
    return ds_map_put(chains, owner, node, NULL, error);
}

static bool note_silence(ds_row_store_t *store, const struct ds_delivery_row *row,
                         struct node *node, ds_error_t *error)
{
    if (ds_str_eq(row->status, DS_STR("silent")))
        return ds_map_put(store->silent, row->order_id, node, NULL, error);
    (void)ds_map_take(store->silent, row->order_id);
    return true;
}

static bool keep_row(ds_row_store_t *store, enum ds_table_id table, const void *row,
                     ds_error_t *error)
{
    ds_str_t owner = owner_of(table, row);
    ds_str_t key;
    if (!ds_row_store_has_slice(store, owner))
        return true;
    if (!key_of(store, text_at(&ds_tables[table].columns[0], row), line_of(table, row), &key,
                error))
        return false;
    struct node *node = ds_map_get(store->rows[table], key);
    if (node == NULL && !new_node(store, table, key, owner, &node, error))
        return false;
    struct block *block = copy_row(&ds_tables[table], row);
    if (block == NULL)
        return no_memory(error);
    if (node->block != NULL) {
        node->block->next = store->replaced;
        store->replaced = node->block;
        store->bytes -= node->block->bytes;
    }
    node->block = block;
    store->bytes += block->bytes;
    return table != DS_TABLE_DELIVERIES || note_silence(store, row, node, error);
}

bool ds_row_store_keep(ds_row_store_t *store, struct ds_sheets *sheets, enum ds_table_id table,
                       ds_error_t *error)
{
    const void *const *rows;
    size_t count;
    if (!ds_sheet_changed(sheets, table, &rows, &count, error))
        return false;
    for (size_t i = 0; i < count && !store->is_full; i++) {
        if (!keep_row(store, table, rows[i], error))
            return false;
        store->is_full = store->bytes > store->max_bytes;
    }
    return true;
}

/* ---- loading ---- */

static bool give(struct ds_sheets *sheets, enum ds_table_id table, const struct node *node,
                 ds_error_t *error)
{
    const void *row = node->block->row;
    ds_str_t key;
    return ds_sheet_key(sheets, text_at(&ds_tables[table].columns[0], row), line_of(table, row),
                        &key, error) &&
           ds_sheet_add_loaded(sheets, table, key, row, error);
}

static bool give_silent(ds_row_store_t *store, struct ds_sheets *sheets, ds_str_t courier_id,
                        ds_error_t *error)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    while (ds_map_next(store->silent, &cursor, &key, &value)) {
        const struct node *node = value;
        const struct ds_delivery_row *row = (const void *)node->block->row;
        if (ds_str_eq(row->courier_id, courier_id) &&
            !give(sheets, DS_TABLE_DELIVERIES, node, error))
            return false;
    }
    return true;
}

static bool give_wanted(ds_row_store_t *store, struct ds_sheets *sheets, enum ds_load_id load,
                        ds_str_t id, ds_error_t *error)
{
    enum ds_table_id table = ds_loads[load].table;
    ds_map_t *chains = chains_of(store, table);
    if (load == DS_LOAD_SILENT)
        return give_silent(store, sheets, id, error);
    for (const struct node *node = ds_map_get(chains == NULL ? store->rows[table] : chains, id);
         node != NULL; node = node->sibling)
        if (!give(sheets, table, node, error))
            return false;
    return true;
}

bool ds_row_store_load(ds_row_store_t *store, struct ds_sheets *sheets, ds_error_t *error)
{
    free_replaced(store);
    for (int load = 0; load < DS_LOADS; load++) {
        size_t cursor = 0;
        ds_str_t id;
        void *value;
        while (ds_map_next(sheets->wants[load], &cursor, &id, &value))
            if (!give_wanted(store, sheets, (enum ds_load_id)load, id, error))
                return false;
    }
    return true;
}

/* ---- looking ---- */

bool ds_row_store_find(ds_row_store_t *store, enum ds_table_id table, ds_str_t id, int32_t line,
                       bool *found_out, ds_error_t *error)
{
    ds_str_t key;
    *found_out = false;
    if (!key_of(store, id, line, &key, error))
        return false;
    *found_out = ds_map_get(store->rows[table], key) != NULL;
    return true;
}

const void *ds_row_store_next(const ds_row_store_t *store, enum ds_table_id table, size_t *cursor)
{
    ds_str_t key;
    void *value;
    if (!ds_map_next(store->rows[table], cursor, &key, &value))
        return NULL;
    return ((const struct node *)value)->block->row;
}
