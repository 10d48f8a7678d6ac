#include "cli/audit/row_compare.h"

#include "base/id.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdlib.h>

#define MAX_SQL_BYTES ((size_t)256 * 1024)
#define ROWS_AT_ONCE  1000
#define KEYS_AT_ONCE  "10000"

struct ds_row_compare {
    ds_pg_t *pg;
    struct ds_arrays arrays;
    ds_buf_t statements;
    ds_buf_t sql;
    struct ds_audit_report *report;
    int32_t partition;
    int32_t partitions;
};

static const char *const names[DS_TABLES] = {
    "compare_timeline",        "compare_commands", "compare_orders",     "compare_order_lines",
    "compare_order_addresses", "compare_payments", "compare_deliveries", "compare_offers",
    "compare_couriers",        "compare_stock",    "compare_stores",     "compare_products",
};

/* A table's keys in a partition. One that has no partition of its own goes by the row it belongs to
 * or, where there is none, by the store in its id. */
static const struct {
    int32_t topic;
    bool has_partition;
    const char *keys;
} tables[DS_TABLES] = {
    [DS_TABLE_TIMELINE] = {-1, true, NULL},
    [DS_TABLE_COMMANDS] = {-1, true, NULL},
    [DS_TABLE_ORDERS] = {DS_AUDIT_ORDER, true,
                         "SELECT order_id, 0 FROM read_v1.orders WHERE partition = $1::int"},
    [DS_TABLE_ORDER_LINES] = {DS_AUDIT_ORDER, false,
                              "SELECT k.order_id, k.line FROM read_v1.order_lines k LEFT JOIN "
                              "read_v1.orders o USING (order_id) "
                              "WHERE coalesce(o.partition, $1::int) = $1::int"},
    [DS_TABLE_ORDER_ADDRESSES] = {DS_AUDIT_ORDER, false,
                                  "SELECT k.order_id, 0 FROM read_v1.order_addresses k LEFT JOIN "
                                  "read_v1.orders o USING (order_id) "
                                  "WHERE coalesce(o.partition, $1::int) = $1::int"},
    [DS_TABLE_PAYMENTS] = {DS_AUDIT_PAYMENT, true,
                           "SELECT order_id, 0 FROM read_v1.payments WHERE partition = $1::int"},
    [DS_TABLE_DELIVERIES] = {DS_AUDIT_DELIVERY, true,
                             "SELECT order_id, 0 FROM read_v1.deliveries "
                             "WHERE partition = $1::int"},
    [DS_TABLE_OFFERS] = {DS_AUDIT_DELIVERY, false,
                         "SELECT k.offer_id, 0, k.order_id FROM read_v1.offers k LEFT JOIN "
                         "read_v1.deliveries d USING (order_id) "
                         "WHERE coalesce(d.partition, $1::int) = $1::int"},
    [DS_TABLE_COURIERS] = {DS_AUDIT_DELIVERY, false,
                           "SELECT courier_id, 0 FROM read_v1.couriers WHERE $1::int >= 0"},
    [DS_TABLE_STOCK] = {DS_AUDIT_INVENTORY, false,
                        "SELECT product_id, 0 FROM read_v1.stock WHERE $1::int >= 0"},
    [DS_TABLE_STORES] = {DS_AUDIT_CATALOG, true,
                         "SELECT store_id, 0 FROM read_v1.stores WHERE partition = $1::int"},
    [DS_TABLE_PRODUCTS] = {DS_AUDIT_CATALOG, false,
                           "SELECT product_id, 0 FROM read_v1.products WHERE $1::int >= 0"},
};

int32_t ds_row_compare_topic(enum ds_table_id table)
{
    return tables[table].topic;
}

static bool prepare(ds_row_compare_t *compare, ds_error_t *error)
{
    size_t starts[DS_TABLES];
    for (int t = 0; t < DS_TABLES; t++) {
        starts[t] = compare->statements.len;
        if (!ds_table_compare_sql(&ds_tables[t], &compare->statements, error) ||
            !ds_buf_append_char(&compare->statements, '\0', error))
            return false;
    }
    for (int t = 0; t < DS_TABLES; t++)
        if (!ds_pg_prepare(compare->pg, names[t],
                           (const char *)compare->statements.data + starts[t], error))
            return false;
    return true;
}

bool ds_row_compare_new(ds_pg_t *pg, ds_row_compare_t **compare_out, ds_error_t *error)
{
    ds_row_compare_t *compare = calloc(1, sizeof *compare);
    *compare_out = NULL;
    if (compare == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: comparing rows");
    compare->pg = pg;
    ds_arrays_init(&compare->arrays);
    ds_buf_init(&compare->statements, MAX_SQL_BYTES);
    ds_buf_init(&compare->sql, MAX_SQL_BYTES);
    if (prepare(compare, error)) {
        *compare_out = compare;
        return true;
    }
    ds_row_compare_destroy(compare);
    return false;
}

void ds_row_compare_destroy(ds_row_compare_t *compare)
{
    if (compare == NULL)
        return;
    ds_arrays_cleanup(&compare->arrays);
    ds_buf_cleanup(&compare->statements);
    ds_buf_cleanup(&compare->sql);
    free(compare);
}

void ds_row_compare_begin(ds_row_compare_t *compare, struct ds_audit_report *report,
                          int32_t partition, int32_t partitions)
{
    compare->report = report;
    compare->partition = partition;
    compare->partitions = partitions;
}

/* ---- what a row is called ---- */

static const void *column_of(enum ds_table_id table, const void *row, const char *name)
{
    for (size_t i = 0; i < ds_tables[table].column_count; i++)
        if (strcmp(ds_tables[table].columns[i].name, name) == 0)
            return (const char *)row + ds_tables[table].columns[i].place;
    return NULL;
}

static struct ds_audit_place place_of(const ds_row_compare_t *compare, enum ds_table_id table,
                                      int32_t topic, const void *row)
{
    const ds_str_t *order = column_of(table, row, "order_id");
    const int64_t *last = column_of(table, row, "last_offset");
    const int64_t *event = column_of(table, row, "event_offset");
    if (last == NULL)
        last = event;
    return (struct ds_audit_place){ds_audit_schema(topic)->topic, compare->partition,
                                   last == NULL ? -1 : *last,
                                   order == NULL || order->data == NULL ? DS_STR("") : *order};
}

/* " of berlin-1.milk", " of line 2", " of command 17"; empty where the place says it all. */
static bool name_row(ds_row_compare_t *compare, enum ds_table_id table, const void *row,
                     ds_error_t *error)
{
    const char *key = ds_tables[table].columns[0].name;
    ds_buf_clear(&compare->sql);
    if (table == DS_TABLE_COMMANDS)
        return ds_buf_printf(&compare->sql, error, " of command %" PRId64,
                             ((const struct ds_command_row *)row)->command_offset);
    if (table == DS_TABLE_ORDER_LINES)
        return ds_buf_printf(&compare->sql, error, " of line %" PRId32,
                             ((const struct ds_order_line_row *)row)->line);
    if (table == DS_TABLE_TIMELINE || strcmp(key, "order_id") == 0)
        return true;
    return ds_buf_printf(&compare->sql, error, " of %.*s",
                         DS_STR_ARG(*(const ds_str_t *)column_of(table, row, key)));
}

static bool report_row(ds_row_compare_t *compare, enum ds_table_id table, int32_t topic,
                       const void *row, bool missing, ds_str_t what, ds_error_t *error)
{
    if (!name_row(compare, table, row, error))
        return false;
    ds_str_t name = ds_buf_str(&compare->sql);
    ds_audit_found(compare->report, "I6", place_of(compare, table, topic, row),
                   "read_v1.%s%s%.*s%s%.*s", ds_tables[table].name,
                   missing ? " lacks the row" : ": row", DS_STR_ARG(name),
                   missing ? "" : " differs from the fold: ", DS_STR_ARG(what));
    return true;
}

/* ---- rows that were folded ---- */

static bool send_rows(ds_row_compare_t *compare, enum ds_table_id table, const void *const *rows,
                      size_t count, PGresult **result_out, ds_error_t *error)
{
    return ds_table_encode(&ds_tables[table], rows, count, &compare->arrays, error) &&
           ds_pg_queue(compare->pg, names[table], (int)ds_tables[table].column_count,
                       compare->arrays.values, compare->arrays.lengths, error) &&
           ds_pg_sync(compare->pg, result_out, 1, error);
}

bool ds_row_compare_rows(ds_row_compare_t *compare, enum ds_table_id table, int32_t topic,
                         const void *const *rows, size_t count, int64_t *missing, ds_error_t *error)
{
    PGresult *wrong = NULL;
    if (count == 0)
        return true;
    if (!send_rows(compare, table, rows, count, &wrong, error))
        return false;
    bool ok = true;
    for (int i = 0; ok && i < PQntuples(wrong); i++) {
        int64_t which = ds_result_i64(wrong, i, 0);
        bool is_missing = PQgetvalue(wrong, i, 1)[0] != 0;
        *missing += is_missing;
        if (which >= 1 && (uint64_t)which <= count)
            ok = report_row(compare, table, topic, rows[which - 1], is_missing,
                            is_missing ? DS_STR("") : ds_result_text(wrong, i, 2), error);
    }
    compare->report->checked[DS_AUDIT_ROWS] += (int64_t)count;
    PQclear(wrong);
    return ok;
}

/* ---- rows that were not ---- */

static bool walk_keys(ds_row_compare_t *compare, const char *query, const char *param,
                      bool (*each)(void *context, const PGresult *rows, int row, ds_error_t *error),
                      void *context, ds_error_t *error)
{
    PGresult *rows = NULL;
    int count = 0;
    ds_buf_clear(&compare->sql);
    const char *declare;
    if (!ds_buf_printf(&compare->sql, error, "DECLARE keys NO SCROLL CURSOR FOR %s", query) ||
        !ds_buf_cstr(&compare->sql, &declare, error) ||
        !ds_pg_queue_sql(compare->pg, declare, param, error) ||
        !ds_pg_sync(compare->pg, NULL, 1, error))
        return false;
    do {
        bool ok = ds_pg_queue_sql(compare->pg, "FETCH " KEYS_AT_ONCE " FROM keys", NULL, error) &&
                  ds_pg_sync(compare->pg, &rows, 1, error);
        count = ok ? PQntuples(rows) : 0;
        for (int i = 0; ok && i < count; i++)
            ok = each(context, rows, i, error);
        PQclear(rows);
        rows = NULL;
        if (!ok)
            return false;
    } while (count > 0);
    return ds_pg_queue_sql(compare->pg, "CLOSE keys", NULL, error) &&
           ds_pg_sync(compare->pg, NULL, 1, error);
}

struct key_walk {
    ds_row_compare_t *compare;
    enum ds_table_id table;
    ds_row_store_t *store;
};

static bool look_up_key(void *context, const PGresult *rows, int row, ds_error_t *error)
{
    const struct key_walk *walk = context;
    const ds_row_compare_t *compare = walk->compare;
    enum ds_table_id table = walk->table;
    ds_str_t id = ds_result_text(rows, row, 0);
    ds_str_t owner = PQnfields(rows) > 2 ? ds_result_text(rows, row, 2) : id;
    int32_t line = ds_result_i32(rows, row, 1);
    bool found;

    if (!ds_row_store_has_slice(walk->store, owner) ||
        (!tables[table].has_partition &&
         ds_partition_of(ds_id_store(owner), compare->partitions) != compare->partition))
        return true;
    if (!ds_row_store_find(walk->store, table, id, line, &found, error))
        return false;
    if (found)
        return true;
    bool of_order = strcmp(ds_tables[table].columns[0].name, "order_id") == 0;
    struct ds_audit_place at = {ds_audit_schema(tables[table].topic)->topic, compare->partition, -1,
                                of_order ? id : DS_STR("")};
    ds_audit_found(compare->report, "I6", at,
                   "read_v1.%s has a row of %.*s%s%.0" PRId32 ", the log does not",
                   ds_tables[table].name, DS_STR_ARG(id), line == 0 ? "" : " line ", line);
    return true;
}

bool ds_row_compare_table(ds_row_compare_t *compare, enum ds_table_id table, ds_row_store_t *store,
                          ds_error_t *error)
{
    const void *rows[ROWS_AT_ONCE];
    struct key_walk walk = {compare, table, store};
    char partition[16];
    int64_t missing = 0;
    size_t cursor = 0;
    size_t count;

    do {
        for (count = 0; count < ROWS_AT_ONCE; count++) {
            rows[count] = ds_row_store_next(store, table, &cursor);
            if (rows[count] == NULL)
                break;
        }
        if (!ds_row_compare_rows(compare, table, tables[table].topic, rows, count, &missing, error))
            return false;
    } while (count == ROWS_AT_ONCE);
    (void)snprintf(partition, sizeof partition, "%" PRId32, compare->partition);
    return walk_keys(compare, tables[table].keys, partition, look_up_key, &walk, error);
}

/* ---- rows of no partition ---- */

/* First the row's topic, its name and its order. */
static const struct {
    const char *table;
    int32_t topics; /* the first of those it may name; -1: it names none */
    const char *columns;
} strays[] = {
    {"position", 0, "topic, topic, NULL"},
    {"timeline", 0, "topic, topic || ' offset ' || event_offset, order_id"},
    {"commands", DS_AUDIT_PROCESSORS, "topic, topic || ' offset ' || command_offset, NULL"},
    {"orders", -1, "'order.events', order_id, order_id"},
    {"payments", -1, "'payment.events', order_id, order_id"},
    {"deliveries", -1, "'delivery.events', order_id, order_id"},
    {"stores", -1, "'catalog.events', store_id, NULL"},
};

/* Each alternative is a range of the tables' keys, (topic, partition, offset): of our topics what
 * is in front of and behind their partitions, and what is between our topics. */
static bool add_topics(ds_buf_t *sql, int32_t first, int32_t partitions, ds_error_t *error)
{
    static const int32_t by_name[DS_AUDIT_PROCESSORS] = {
        DS_AUDIT_CATALOG, DS_AUDIT_DELIVERY, DS_AUDIT_INVENTORY, DS_AUDIT_ORDER, DS_AUDIT_PAYMENT};
    const char *before = ds_audit_topic(first + by_name[0]);
    if (!ds_buf_printf(sql, error, "topic < '%s'", before))
        return false;
    for (size_t i = 0; i < DS_AUDIT_PROCESSORS; i++) {
        const char *name = ds_audit_topic(first + by_name[i]);
        if (!ds_buf_printf(sql, error, " OR topic > '%s' AND topic < '%s'", before, name) ||
            !ds_buf_printf(sql, error, " OR topic = '%s' AND partition < 0", name) ||
            !ds_buf_printf(sql, error, " OR topic = '%s' AND partition >= %" PRId32, name,
                           partitions))
            return false;
        before = name;
    }
    return ds_buf_printf(sql, error, " OR topic > '%s'", before);
}

struct stray_walk {
    ds_row_compare_t *compare;
    const char *table;
};

static bool report_stray(void *context, const PGresult *rows, int row, ds_error_t *error)
{
    const struct stray_walk *walk = context;
    ds_str_t order_id = ds_result_text(rows, row, 2);
    struct ds_audit_place at = {PQgetvalue(rows, row, 0), ds_result_i32(rows, row, 3), -1,
                                order_id.data == NULL ? DS_STR("") : order_id};
    (void)error;
    ds_audit_found(walk->compare->report, "I6", at,
                   "read_v1.%s has a row of %.*s in partition %" PRId32
                   ", which the log does not have",
                   walk->table, DS_STR_ARG(ds_result_text(rows, row, 1)), at.partition);
    return true;
}

static bool walk_strays(ds_row_compare_t *compare, size_t which, ds_buf_t *sql, ds_error_t *error)
{
    struct stray_walk walk = {compare, strays[which].table};
    const char *query;

    ds_buf_clear(sql);
    return ds_buf_printf(sql, error, "SELECT %s, partition FROM read_v1.%s WHERE ",
                         strays[which].columns, strays[which].table) &&
           (strays[which].topics < 0
                ? ds_buf_printf(sql, error, "partition < 0 OR partition >= %" PRId32,
                                compare->partitions)
                : add_topics(sql, strays[which].topics, compare->partitions, error)) &&
           ds_buf_cstr(sql, &query, error) &&
           walk_keys(compare, query, NULL, report_stray, &walk, error);
}

bool ds_row_compare_strays(ds_row_compare_t *compare, ds_error_t *error)
{
    ds_buf_t sql;
    bool ok = true;

    ds_buf_init(&sql, MAX_SQL_BYTES);
    for (size_t i = 0; ok && i < sizeof strays / sizeof *strays; i++)
        ok = walk_strays(compare, i, &sql, error);
    ds_buf_cleanup(&sql);
    return ok;
}

/* ---- timeline and commands ---- */

bool ds_row_bits_init(struct ds_row_bits *bits, int64_t limit, ds_error_t *error)
{
    *bits = (struct ds_row_bits){.limit = limit};
    bits->words = calloc((size_t)limit / 64 + 1, sizeof *bits->words);
    return bits->words != NULL || ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY,
                                               "audit: places of %" PRId64 " rows", limit);
}

void ds_row_bits_cleanup(struct ds_row_bits *bits)
{
    free(bits->words);
    *bits = (struct ds_row_bits){0};
}

void ds_row_bits_set(struct ds_row_bits *bits, int64_t offset)
{
    if (offset < 0 || offset >= bits->limit)
        return;
    uint64_t bit = UINT64_C(1) << (offset % 64);
    bits->count += (bits->words[offset / 64] & bit) == 0;
    bits->words[offset / 64] |= bit;
}

struct place_walk {
    ds_row_compare_t *compare;
    enum ds_table_id table;
    int32_t topic;
    const struct ds_row_bits *bits;
};

static bool look_up_place(void *context, const PGresult *rows, int row, ds_error_t *error)
{
    const struct place_walk *walk = context;
    int64_t offset = ds_result_i64(rows, row, 0);
    (void)error;
    if (offset >= 0 && offset < walk->bits->limit &&
        (walk->bits->words[offset / 64] >> (offset % 64) & 1) != 0)
        return true;
    struct ds_audit_place at = {ds_audit_schema(walk->topic)->topic, walk->compare->partition,
                                offset, DS_STR("")};
    ds_audit_found(walk->compare->report, "I6", at,
                   walk->table == DS_TABLE_TIMELINE
                       ? "read_v1.timeline has a row of it, no event that belongs there counts"
                       : "read_v1.commands has a row of it, no decision answers it");
    return true;
}

/* Every row that has to be there was looked up: when there are as many, there are no others. */
static bool has_others(ds_row_compare_t *compare, const char *where, const struct ds_row_bits *bits,
                       bool *others_out, ds_error_t *error)
{
    PGresult *rows = NULL;
    const char *sql;
    ds_buf_clear(&compare->sql);
    if (!ds_buf_printf(&compare->sql, error, "SELECT count(*) FROM %s", where) ||
        !ds_buf_cstr(&compare->sql, &sql, error) ||
        !ds_pg_queue_sql(compare->pg, sql, NULL, error) ||
        !ds_pg_sync(compare->pg, &rows, 1, error))
        return false;
    *others_out = PQntuples(rows) != 1 || ds_result_i64(rows, 0, 0) != bits->count - bits->missing;
    PQclear(rows);
    return true;
}

bool ds_row_compare_places(ds_row_compare_t *compare, enum ds_table_id table, int32_t topic,
                           const struct ds_row_bits *bits, ds_error_t *error)
{
    struct place_walk walk = {compare, table, topic, bits};
    const struct ds_table *shape = &ds_tables[table];
    char where[256];
    char query[sizeof where + 64];
    bool others = false;

    (void)snprintf(where, sizeof where, "read_v1.%s WHERE topic = '%s' AND partition = %" PRId32,
                   shape->name, ds_audit_schema(topic)->topic, compare->partition);
    (void)snprintf(query, sizeof query, "SELECT %s FROM %s", shape->columns[2].name, where);
    return has_others(compare, where, bits, &others, error) &&
           (!others || walk_keys(compare, query, NULL, look_up_place, &walk, error));
}
