/* projections/postgres/table.h - a table of the read model as data: its columns and where they
 * stand in a C struct.
 *
 * From this the statements are made that load and write whole rows in binary arrays, so that a
 * table is described once. SQL NULL is a text without data, DS_NULL_I64, DS_NULL_I32; only nullable
 * columns may hold it. Threads: constants, and buffers of the caller. */
#ifndef DS_PROJECTIONS_POSTGRES_TABLE_H
#define DS_PROJECTIONS_POSTGRES_TABLE_H

#include "base/buf.h"

#include <libpq-fe.h>

#define DS_NULL_I64 INT64_MIN
#define DS_NULL_I32 INT32_MIN

enum ds_column_type {
    DS_COLUMN_TEXT,   /* ds_str_t */
    DS_COLUMN_INT,    /* int32_t */
    DS_COLUMN_BIGINT, /* int64_t */
    DS_COLUMN_BOOL,   /* bool */
    DS_COLUMN_MAYBE,  /* int32_t: a boolean that may be NULL */
    DS_COLUMN_TIME,   /* int64_t, microseconds since 1970 */
    DS_COLUMN_WORDS,  /* ds_str_t "a,b": text[] in the database */
    DS_COLUMN_EVENT,  /* ds_str_t: an event as printed by schemas/; its body is kept as jsonb.
                         Written, never loaded. */
};

struct ds_column {
    const char *name;
    enum ds_column_type type;
    size_t place; /* in the row's struct */
    bool nullable;
};

#define DS_MAX_COLUMNS 32

struct ds_table {
    const char *name; /* in schema read_v1 */
    size_t row_bytes;
    const struct ds_column *columns; /* those of the primary key first */
    size_t column_count;
    size_t key_columns;
    bool append_only; /* rows are never changed: written once, never loaded */
};

/** The columns of a batch of rows as PostgreSQL's binary arrays. */
struct ds_arrays {
    ds_buf_t columns[DS_MAX_COLUMNS];
    const char *values[DS_MAX_COLUMNS];
    int lengths[DS_MAX_COLUMNS];
};

void ds_arrays_init(struct ds_arrays *arrays);
void ds_arrays_cleanup(struct ds_arrays *arrays);

/** @brief Append "SELECT columns FROM read_v1.table WHERE condition". */
DS_MUST_CHECK bool ds_table_load_sql(const struct ds_table *table, const char *condition,
                                     ds_buf_t *out, ds_error_t *error);
/** @brief Append the statement that inserts, or replaces whole rows, from one array a column ($1,
 * $2 ...). */
DS_MUST_CHECK bool ds_table_write_sql(const struct ds_table *table, ds_buf_t *out,
                                      ds_error_t *error);
/** @brief Append the statement that holds the rows in the table against rows from the same arrays:
 * one result row a row that is missing or differs, {place in the arrays from 1 (bigint), missing
 * (boolean), what differs (text)}. Values are named where they are no texts: texts may be personal.
 */
DS_MUST_CHECK bool ds_table_compare_sql(const struct ds_table *table, ds_buf_t *out,
                                        ds_error_t *error);
/** @brief Encode `count` rows. Zero bytes in texts, which PostgreSQL does not take, become U+FFFD.
 */
DS_MUST_CHECK bool ds_table_encode(const struct ds_table *table, const void *const *rows,
                                   size_t count, struct ds_arrays *arrays, ds_error_t *error);
/** @brief Read one row of a binary result of ds_table_load_sql. Texts are copied into the arena. */
DS_MUST_CHECK bool ds_table_decode(const struct ds_table *table, const PGresult *result, int row,
                                   ds_arena_t *arena, void *row_out, ds_error_t *error);
/** @brief Zero a row and set its nullable columns to NULL. */
void ds_table_clear(const struct ds_table *table, void *row);

/* Single arrays, for statements that are not about a table's rows. */

/** @brief Begin an array in an empty buffer. @param oid  of the elements. */
DS_MUST_CHECK bool ds_array_begin(ds_buf_t *array, uint32_t oid, ds_error_t *error);
DS_MUST_CHECK bool ds_array_text(ds_buf_t *array, ds_str_t text, ds_error_t *error);
DS_MUST_CHECK bool ds_array_i32(ds_buf_t *array, int32_t value, ds_error_t *error);
DS_MUST_CHECK bool ds_array_i64(ds_buf_t *array, int64_t value, ds_error_t *error);
DS_MUST_CHECK bool ds_array_time(ds_buf_t *array, int64_t time_us, ds_error_t *error);
DS_MUST_CHECK bool ds_array_null(ds_buf_t *array, ds_error_t *error);
/** @brief Write the element count into the header. */
void ds_array_end(ds_buf_t *array, size_t count);

#define DS_OID_BOOL        16u
#define DS_OID_INT8        20u
#define DS_OID_INT4        23u
#define DS_OID_TEXT        25u
#define DS_OID_TIMESTAMPTZ 1184u

/** @brief Integers of a binary result. NULL or another size: DS_NULL_I64, DS_NULL_I32. */
int64_t ds_result_i64(const PGresult *result, int row, int column);
int32_t ds_result_i32(const PGresult *result, int row, int column);
ds_str_t ds_result_text(const PGresult *result, int row, int column);

#endif
