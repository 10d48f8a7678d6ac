/* projections/postgres/sheet.h - the rows of the read model that one batch touches, in memory.
 *
 * A batch first says which rows it wants (ds_sheets_want), they are loaded, the events are folded
 * into them one by one (fold.h), and what changed is written in one go, each row once and sorted by
 * key. Texts of rows point into the batch's messages or into the arena; all of it ends with
 * ds_sheets_reset. Threads: one thread. */
#ifndef DS_PROJECTIONS_POSTGRES_SHEET_H
#define DS_PROJECTIONS_POSTGRES_SHEET_H

#include "base/buf.h"
#include "base/map.h"
#include "projections/postgres/rows.h"

/** The ways rows are loaded, each by a list of ids. */
enum ds_load_id {
    DS_LOAD_ORDERS,
    DS_LOAD_ORDER_LINES, /* by order */
    DS_LOAD_PAYMENTS,
    DS_LOAD_DELIVERIES,
    DS_LOAD_SILENT, /* deliveries whose courier was silent, by courier */
    DS_LOAD_OFFERS, /* by order */
    DS_LOAD_COURIERS,
    DS_LOAD_STOCK,
    DS_LOAD_STORES,
    DS_LOAD_PRODUCTS,
    DS_LOADS,
};

struct ds_load {
    enum ds_table_id table;
    const char *condition; /* with $1::text[] */
};

extern const struct ds_load ds_loads[DS_LOADS];

/** One table's rows. */
struct ds_sheet {
    const struct ds_table *table;
    ds_map_t *by_key;           /* NULL for append-only tables */
    struct ds_sheet_row **rows; /* in order of arrival */
    size_t count;
    size_t capacity;
};

struct ds_sheets {
    ds_arena_t *arena;
    struct ds_sheet sheet[DS_TABLES];
    ds_map_t *wants[DS_LOADS]; /* sets of ids */
};

DS_MUST_CHECK bool ds_sheets_init(struct ds_sheets *sheets, ds_error_t *error);
void ds_sheets_cleanup(struct ds_sheets *sheets);
/** @brief Forget everything. */
DS_MUST_CHECK bool ds_sheets_reset(struct ds_sheets *sheets, ds_error_t *error);

/** @brief Ask for a row to be loaded; again: nothing happens. */
DS_MUST_CHECK bool ds_sheets_want(struct ds_sheets *sheets, enum ds_load_id load, ds_str_t id,
                                  ds_error_t *error);

/** @brief A row's place in its table's map. `line` is 0 except for order lines. The text lives in
 * the arena. */
DS_MUST_CHECK bool ds_sheet_key(struct ds_sheets *sheets, ds_str_t id, int32_t line,
                                ds_str_t *key_out, ds_error_t *error);

/** @brief The row with this key, to be changed; NULL when there is none. Marks it as changed. */
void *ds_sheet_change(struct ds_sheets *sheets, enum ds_table_id table, ds_str_t key);
/** @brief The same without changing it. */
const void *ds_sheet_peek(const struct ds_sheets *sheets, enum ds_table_id table, ds_str_t key);
/** @brief The row with this key, made anew (also when there is one): zero, nullable columns NULL.
 * Marked as changed. For append-only tables the key is not used. */
DS_MUST_CHECK bool ds_sheet_make(struct ds_sheets *sheets, enum ds_table_id table, ds_str_t key,
                                 void **row_out, ds_error_t *error);
/** @brief Put a loaded row in, unchanged so far. Nothing happens when its key is there already. */
DS_MUST_CHECK bool ds_sheet_add_loaded(struct ds_sheets *sheets, enum ds_table_id table,
                                       ds_str_t key, const void *row, ds_error_t *error);
/** @brief Walk all rows; start with *cursor = 0. NULL at the end. */
const void *ds_sheet_next(const struct ds_sheets *sheets, enum ds_table_id table, size_t *cursor,
                          ds_str_t *key_out);
/** @brief The changed rows, sorted by key, in the arena. */
DS_MUST_CHECK bool ds_sheet_changed(struct ds_sheets *sheets, enum ds_table_id table,
                                    const void *const **rows_out, size_t *count_out,
                                    ds_error_t *error);

#endif
