#include "projections/postgres/table.h"

#include <assert.h>

#define MAX_ARRAY_BYTES (256u * 1024 * 1024)
#define EPOCH_2000_US   INT64_C(946684800000000)

/* How each type is handed over and what the statement makes of it. */
static const struct {
    uint32_t oid;
    const char *array;
} types[] = {
    [DS_COLUMN_TEXT] = {DS_OID_TEXT, "text"},
    [DS_COLUMN_INT] = {DS_OID_INT4, "integer"},
    [DS_COLUMN_BIGINT] = {DS_OID_INT8, "bigint"},
    [DS_COLUMN_BOOL] = {DS_OID_BOOL, "boolean"},
    [DS_COLUMN_MAYBE] = {DS_OID_BOOL, "boolean"},
    [DS_COLUMN_TIME] = {DS_OID_TIMESTAMPTZ, "timestamptz"},
    [DS_COLUMN_WORDS] = {DS_OID_TEXT, "text"},
    [DS_COLUMN_EVENT] = {DS_OID_TEXT, "text"},
};

void ds_arrays_init(struct ds_arrays *arrays)
{
    for (size_t i = 0; i < DS_MAX_COLUMNS; i++)
        ds_buf_init(&arrays->columns[i], MAX_ARRAY_BYTES);
}

void ds_arrays_cleanup(struct ds_arrays *arrays)
{
    for (size_t i = 0; i < DS_MAX_COLUMNS; i++)
        ds_buf_cleanup(&arrays->columns[i]);
}

static const char *comma(size_t i)
{
    return i == 0 ? "" : ", ";
}

bool ds_table_load_sql(const struct ds_table *table, const char *condition, ds_buf_t *out,
                       ds_error_t *error)
{
    bool ok = ds_buf_append_text(out, "SELECT ", error);
    for (size_t i = 0; ok && i < table->column_count; i++) {
        const struct ds_column *c = &table->columns[i];
        ok = c->type == DS_COLUMN_WORDS
                 ? ds_buf_printf(out, error, "%sarray_to_string(%s, ',')", comma(i), c->name)
                 : ds_buf_printf(out, error, "%s%s", comma(i), c->name);
    }
    return ok && ds_buf_printf(out, error, " FROM read_v1.%s WHERE %s", table->name, condition);
}

/* What stands in the SELECT over the arrays. The event's JSON has the log's blocks around the body,
 * which the table has in columns; personal data and the code at the door are in one table only, the
 * commands of an edit have them too, and a payment token is nobody's to read. */
static bool append_source(const struct ds_column *c, size_t i, ds_buf_t *out, ds_error_t *error)
{
    if (c->type == DS_COLUMN_WORDS)
        return ds_buf_printf(out, error, "%sstring_to_array(n.%s, ',')", comma(i), c->name);
    if (c->type == DS_COLUMN_EVENT)
        return ds_buf_printf(
            out, error,
            "%scoalesce((n.%s::jsonb -> 'body' -> n.ce_type) - "
            "'{personal,payment_token,hand_over_code,old_value,new_value}'::text[], "
            "'{}')",
            comma(i), c->name);
    return ds_buf_printf(out, error, "%sn.%s", comma(i), c->name);
}

static bool append_names(const struct ds_table *table, size_t count, ds_buf_t *out,
                         ds_error_t *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = ds_buf_printf(out, error, "%s%s", comma(i), table->columns[i].name);
    return ok;
}

static bool append_conflict(const struct ds_table *table, ds_buf_t *out, ds_error_t *error)
{
    bool ok = ds_buf_append_text(out, " ON CONFLICT (", error) &&
              append_names(table, table->key_columns, out, error);
    if (table->append_only)
        return ok && ds_buf_append_text(out, ") DO NOTHING", error);
    ok = ok && ds_buf_append_text(out, ") DO UPDATE SET ", error);
    for (size_t i = table->key_columns; ok && i < table->column_count; i++)
        ok = ds_buf_printf(out, error, "%s%s = excluded.%s", comma(i - table->key_columns),
                           table->columns[i].name, table->columns[i].name);
    return ok;
}

static bool append_unnest(const struct ds_table *table, ds_buf_t *out, ds_error_t *error)
{
    bool ok = ds_buf_append_text(out, " FROM unnest(", error);
    for (size_t i = 0; ok && i < table->column_count; i++)
        ok = ds_buf_printf(out, error, "%s$%zu::%s[]", comma(i), i + 1,
                           types[table->columns[i].type].array);
    return ok && ds_buf_append_char(out, ')', error);
}

bool ds_table_write_sql(const struct ds_table *table, ds_buf_t *out, ds_error_t *error)
{
    bool ok = ds_buf_printf(out, error, "INSERT INTO read_v1.%s (", table->name) &&
              append_names(table, table->column_count, out, error) &&
              ds_buf_append_text(out, ") SELECT ", error);
    for (size_t i = 0; ok && i < table->column_count; i++)
        ok = append_source(&table->columns[i], i, out, error);
    return ok && append_unnest(table, out, error) && ds_buf_append_text(out, " AS n(", error) &&
           append_names(table, table->column_count, out, error) &&
           ds_buf_append_text(out, ")", error) && append_conflict(table, out, error);
}

static bool is_shown(const struct ds_column *c)
{
    return c->type != DS_COLUMN_TEXT && c->type != DS_COLUMN_EVENT;
}

/* The column's name, with both values, where the two differ; NULL where they do not. */
static bool append_difference(const struct ds_column *c, size_t i, ds_buf_t *out, ds_error_t *error)
{
    return ds_buf_printf(out, error, "%sCASE WHEN t.%s IS DISTINCT FROM ", comma(i), c->name) &&
           append_source(c, 0, out, error) &&
           (is_shown(c)
                ? ds_buf_printf(out, error,
                                " THEN format('%s %%s, the fold gives %%s', "
                                "coalesce(t.%s::text, 'NULL'), coalesce(n.%s::text, 'NULL')) END",
                                c->name, c->name, c->name)
                : ds_buf_printf(out, error, " THEN '%s' END", c->name));
}

bool ds_table_compare_sql(const struct ds_table *table, ds_buf_t *out, ds_error_t *error)
{
    const char *key = table->columns[0].name;
    bool ok = ds_buf_printf(out, error, "SELECT n.i, t.%s IS NULL, d.what", key) &&
              append_unnest(table, out, error) &&
              ds_buf_append_text(out, " WITH ORDINALITY AS n(", error) &&
              append_names(table, table->column_count, out, error) &&
              ds_buf_printf(out, error, ", i) LEFT JOIN read_v1.%s t ON ", table->name);
    for (size_t i = 0; ok && i < table->key_columns; i++)
        ok = ds_buf_printf(out, error, "%st.%s = n.%s", i == 0 ? "" : " AND ",
                           table->columns[i].name, table->columns[i].name);
    ok = ok && ds_buf_append_text(out, " CROSS JOIN LATERAL (SELECT concat_ws(', ', ", error);
    for (size_t i = table->key_columns; ok && i < table->column_count; i++)
        ok = append_difference(&table->columns[i], i - table->key_columns, out, error);
    return ok && ds_buf_printf(out, error, ")) AS d(what) WHERE t.%s IS NULL OR d.what <> ''", key);
}

static const void *place_of(const struct ds_column *c, const void *row)
{
    return (const char *)row + c->place;
}

static bool encode_text(const struct ds_column *c, const void *row, ds_buf_t *array,
                        ds_error_t *error)
{
    ds_str_t text = *(const ds_str_t *)place_of(c, row);
    return text.data == NULL && c->nullable ? ds_array_null(array, error)
                                            : ds_array_text(array, text, error);
}

static bool encode_i64(const struct ds_column *c, const void *row, ds_buf_t *array,
                       ds_error_t *error)
{
    int64_t value = *(const int64_t *)place_of(c, row);
    if (value == DS_NULL_I64 && c->nullable)
        return ds_array_null(array, error);
    return c->type == DS_COLUMN_TIME ? ds_array_time(array, value, error)
                                     : ds_array_i64(array, value, error);
}

static bool append_bool(ds_buf_t *array, bool value, ds_error_t *error)
{
    const uint8_t bytes[5] = {0, 0, 0, 1, value ? 1 : 0};
    return ds_buf_append(array, bytes, sizeof bytes, error);
}

static bool encode_i32(const struct ds_column *c, const void *row, ds_buf_t *array,
                       ds_error_t *error)
{
    int32_t value = *(const int32_t *)place_of(c, row);
    if (value == DS_NULL_I32 && c->nullable)
        return ds_array_null(array, error);
    return c->type == DS_COLUMN_MAYBE ? append_bool(array, value != 0, error)
                                      : ds_array_i32(array, value, error);
}

static bool encode_value(const struct ds_column *c, const void *row, ds_buf_t *array,
                         ds_error_t *error)
{
    switch (c->type) {
    case DS_COLUMN_TEXT:
    case DS_COLUMN_WORDS:
    case DS_COLUMN_EVENT:
        return encode_text(c, row, array, error);
    case DS_COLUMN_INT:
    case DS_COLUMN_MAYBE:
        return encode_i32(c, row, array, error);
    case DS_COLUMN_BIGINT:
    case DS_COLUMN_TIME:
        return encode_i64(c, row, array, error);
    case DS_COLUMN_BOOL:
        return append_bool(array, *(const bool *)place_of(c, row), error);
    }
    return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID, "column %s has no type", c->name);
}

bool ds_table_encode(const struct ds_table *table, const void *const *rows, size_t count,
                     struct ds_arrays *arrays, ds_error_t *error)
{
    assert(table->column_count <= DS_MAX_COLUMNS);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct ds_column *c = &table->columns[i];
        ds_buf_t *array = &arrays->columns[i];
        ds_buf_clear(array);
        if (!ds_array_begin(array, types[c->type].oid, error))
            return false;
        for (size_t r = 0; r < count; r++) {
            if (!encode_value(c, rows[r], array, error))
                return ds_error_prefix(error, "encoding %s.%s", table->name, c->name);
        }
        ds_array_end(array, count);
        arrays->values[i] = (const char *)array->data;
        arrays->lengths[i] = (int)array->len;
    }
    return true;
}

static bool decode_text(const PGresult *result, int row, int column, ds_arena_t *arena,
                        ds_str_t *text_out, ds_error_t *error)
{
    *text_out = (ds_str_t){NULL, 0};
    if (PQgetisnull(result, row, column))
        return true;
    return ds_arena_dup(arena, ds_result_text(result, row, column), text_out, error);
}

static bool decode_value(const struct ds_column *c, const PGresult *result, int row, int column,
                         ds_arena_t *arena, void *to, ds_error_t *error)
{
    int64_t wide = DS_NULL_I64;
    switch (c->type) {
    case DS_COLUMN_TEXT:
    case DS_COLUMN_WORDS:
        return decode_text(result, row, column, arena, to, error);
    case DS_COLUMN_INT:
        *(int32_t *)to = ds_result_i32(result, row, column);
        return true;
    case DS_COLUMN_BIGINT:
        *(int64_t *)to = ds_result_i64(result, row, column);
        return true;
    case DS_COLUMN_TIME:
        wide = ds_result_i64(result, row, column);
        *(int64_t *)to = wide == DS_NULL_I64 ? wide : wide + EPOCH_2000_US;
        return true;
    case DS_COLUMN_BOOL:
        *(bool *)to = !PQgetisnull(result, row, column) && PQgetvalue(result, row, column)[0] != 0;
        return true;
    case DS_COLUMN_MAYBE:
    case DS_COLUMN_EVENT:
        break;
    }
    return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID, "column %s cannot be loaded", c->name);
}

bool ds_table_decode(const struct ds_table *table, const PGresult *result, int row,
                     ds_arena_t *arena, void *row_out, ds_error_t *error)
{
    if (PQnfields(result) != (int)table->column_count)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID, "loading %s: %d columns, not %zu",
                            table->name, PQnfields(result), table->column_count);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct ds_column *c = &table->columns[i];
        if (!decode_value(c, result, row, (int)i, arena, (char *)row_out + c->place, error))
            return false;
    }
    return true;
}

void ds_table_clear(const struct ds_table *table, void *row)
{
    memset(row, 0, table->row_bytes);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct ds_column *c = &table->columns[i];
        void *to = (char *)row + c->place;
        if (!c->nullable)
            continue;
        if (c->type == DS_COLUMN_BIGINT || c->type == DS_COLUMN_TIME)
            *(int64_t *)to = DS_NULL_I64;
        else if (c->type == DS_COLUMN_INT || c->type == DS_COLUMN_MAYBE)
            *(int32_t *)to = DS_NULL_I32;
    }
}
