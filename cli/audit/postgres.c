/* I6 in PostgreSQL: the views of schema shop, row by row. All columns are read as text. */
#include "cli/audit/folds.h"
#include "cli/audit/read_models.h"
#include "projections/postgres/link.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define PAUSE_MS 200

struct ds_audit_postgres {
    const struct ds_runtime *runtime;
    ds_pg_t *pg;
    int32_t partitions;
    int64_t deadline_us; /* monotonic; 0: the waiting has not begun */
    int64_t patience_us;
};

/* In the order of the queries below. */
enum result { POSITIONS = 1, ORDERS, PAYMENTS, DELIVERIES, STOCK, RESULTS = STOCK + 2 };

static const char *const queries[RESULTS] = {
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SELECT topic, last_offset::text FROM shop.position WHERE partition = $1::int",
    "SELECT order_id, status, total_minor::text FROM shop.orders WHERE partition = $1::int",
    "SELECT order_id, captured_minor::text, refunded_minor::text, due_minor::text"
    " FROM shop.payments WHERE partition = $1::int",
    "SELECT order_id, status FROM shop.deliveries WHERE partition = $1::int",
    "SELECT product_id, store_id, received::text, available::text, reserved::text,"
    " committed::text FROM shop.stock",
    "COMMIT",
};

ds_audit_postgres_t *ds_audit_postgres_new(const struct ds_runtime *runtime, const char *url,
                                           int32_t partitions, int timeout_ms, int64_t patience_us)
{
    struct ds_pg_config config = {.url = url,
                                  .application_name = "doorstep-audit",
                                  .timeout_ms = timeout_ms,
                                  .synchronous_commit = true,
                                  .clock = runtime->clock};
    ds_audit_postgres_t *postgres = calloc(1, sizeof *postgres);
    if (postgres == NULL)
        return NULL;
    *postgres = (ds_audit_postgres_t){runtime, ds_pg_new(&config), partitions, 0, patience_us};
    if (postgres->pg != NULL)
        return postgres;
    free(postgres);
    return NULL;
}

void ds_audit_postgres_destroy(ds_audit_postgres_t *postgres)
{
    if (postgres == NULL)
        return;
    ds_pg_destroy(postgres->pg);
    free(postgres);
}

enum ds_audit_reach ds_audit_reach(const struct ds_audit_stream *stream, int64_t position)
{
    if (position < stream->last_event)
        return DS_AUDIT_BEHIND;
    return position > stream->fence.delivered.offset ? DS_AUDIT_AHEAD : DS_AUDIT_EQUAL;
}

static ds_str_t cell(const PGresult *rows, int row, int column)
{
    return (ds_str_t){PQgetvalue(rows, row, column), (uint32_t)PQgetlength(rows, row, column)};
}

static int64_t number(const PGresult *rows, int row, int column)
{
    int64_t value;
    return ds_str_to_i64(cell(rows, row, column), &value) ? value : INT64_MIN;
}

static bool ask(ds_audit_postgres_t *postgres, int32_t partition, PGresult *results[RESULTS],
                ds_error_t *error)
{
    char param[16];

    (void)snprintf(param, sizeof param, "%" PRId32, partition);
    if (!ds_pg_connect(postgres->pg, error))
        return false;
    for (int i = 0; i < RESULTS; i++)
        if (!ds_pg_queue_sql(postgres->pg, queries[i],
                             i == 0 || i == STOCK || i == STOCK + 1 ? NULL : param, error))
            return false;
    return ds_pg_sync(postgres->pg, results, RESULTS, error);
}

static void clear(PGresult *results[RESULTS])
{
    for (int i = 0; i < RESULTS; i++) {
        PQclear(results[i]);
        results[i] = NULL;
    }
}

static int64_t position_of(const PGresult *rows, int32_t topic)
{
    for (int i = 0; i < PQntuples(rows); i++)
        if (ds_str_eq(cell(rows, i, 0), ds_str(ds_audit_schema(topic)->topic)))
            return number(rows, i, 1);
    return -1;
}

static bool any_behind(const struct ds_audit_part *part, const PGresult *positions)
{
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++)
        if (!part->streams[t].stopped &&
            ds_audit_reach(&part->streams[t], position_of(positions, t)) == DS_AUDIT_BEHIND)
            return true;
    return false;
}

static bool may_wait(ds_audit_postgres_t *postgres)
{
    int64_t now_us = ds_monotonic_us(postgres->runtime->clock);
    if (postgres->deadline_us == 0)
        postgres->deadline_us = now_us + postgres->patience_us;
    if (now_us >= postgres->deadline_us || ds_stopping(postgres->runtime))
        return false;
    (void)poll(NULL, 0, PAUSE_MS);
    return true;
}

/* ---- the tables */

static void missing_row(const struct ds_audit_part *part, int32_t topic, int64_t offset,
                        ds_str_t order_id, const char *view)
{
    ds_audit_found(part->report, "I6", ds_audit_where(part, topic, offset, order_id),
                   "shop.%s has no row of it", view);
}

static const char *order_status(enum ds_audit_order_state state)
{
    static const char *const texts[] = {"",          "created",   "awaiting_payment", "confirmed",
                                        "confirmed", "confirmed", "picked_up",        "picked_up",
                                        "fulfilled", "cancelled", "refused"};
    return texts[state];
}

static void judge_orders(const struct ds_audit_part *part, const PGresult *rows)
{
    int64_t known = 0;
    for (int i = 0; i < PQntuples(rows); i++) {
        ds_str_t id = cell(rows, i, 0);
        const struct ds_audit_order *order = ds_map_get(part->orders, id);
        struct ds_audit_place at =
            ds_audit_where(part, DS_AUDIT_ORDER, order == NULL ? -1 : order->order.created, id);
        if (order != NULL && order->reborn)
            continue;
        if (order == NULL || order->order.state == DS_AUDIT_O_NONE) {
            ds_audit_found(part->report, "I6", at, "shop.orders has a row of it, the log does not");
            continue;
        }
        known++;
        if (!ds_str_eq(cell(rows, i, 1), ds_str(order_status(order->order.state))))
            ds_audit_found(part->report, "I6", at, "shop.orders: status %.*s, the fold gives %s",
                           DS_STR_ARG(cell(rows, i, 1)), order_status(order->order.state));
        else if (order->order.created >= 0 && number(rows, i, 2) != ds_audit_total_now(order))
            ds_audit_found(part->report, "I6", at,
                           "shop.orders: total_minor %" PRId64 ", the fold gives %" PRId64,
                           number(rows, i, 2), ds_audit_total_now(order));
    }
    part->report->checked[DS_AUDIT_ROWS] += PQntuples(rows);
    ds_str_t key;
    void *value;
    size_t cursor = 0;
    int64_t wanted = 0;
    while (ds_map_next(part->orders, &cursor, &key, &value)) {
        const struct ds_audit_order *order = value;
        wanted += !order->reborn && order->order.state != DS_AUDIT_O_NONE;
    }
    if (known < wanted)
        ds_audit_found(part->report, "I6", ds_audit_where(part, DS_AUDIT_ORDER, -1, DS_STR("")),
                       "shop.orders lacks %" PRId64 " of %" PRId64 " orders", wanted - known,
                       wanted);
}

static void judge_payment(const struct ds_audit_part *part, const struct ds_audit_order *order,
                          const PGresult *rows, int i)
{
    if (number(rows, i, 1) == order->payment.captured_minor &&
        number(rows, i, 2) == order->payment.refunded_minor &&
        number(rows, i, 3) == order->payment.due_minor)
        return;
    ds_audit_found(part->report, "I6",
                   ds_audit_where(part, DS_AUDIT_PAYMENT, order->payment.last, order->id),
                   "shop.payments: captured/refunded/due %" PRId64 "/%" PRId64 "/%" PRId64
                   ", the fold gives %" PRId64 "/%" PRId64 "/%" PRId64,
                   number(rows, i, 1), number(rows, i, 2), number(rows, i, 3),
                   order->payment.captured_minor, order->payment.refunded_minor,
                   order->payment.due_minor);
}

static bool delivery_agrees(enum ds_audit_delivery_state state, ds_str_t status)
{
    static const char *const texts[] = {"",           "requested", "offered",   "assigned",
                                        "in_transit", "silent",    "returning", "completed",
                                        "cancelled",  "returned",  "lost"};
    /* courier.seen lifts a silence without naming the order, and delivery.arrived is no state. */
    if (state == DS_AUDIT_D_IN_TRANSIT || state == DS_AUDIT_D_SILENT)
        return ds_str_eq(status, DS_STR("in_transit")) || ds_str_eq(status, DS_STR("arrived")) ||
               ds_str_eq(status, DS_STR("silent"));
    return ds_str_eq(status, ds_str(texts[state]));
}

static void judge_delivery(const struct ds_audit_part *part, const struct ds_audit_order *order,
                           const PGresult *rows, int i)
{
    if (!delivery_agrees(order->delivery.state, cell(rows, i, 1)))
        ds_audit_found(part->report, "I6",
                       ds_audit_where(part, DS_AUDIT_DELIVERY, order->delivery.last, order->id),
                       "shop.deliveries: status %.*s, the fold gives %s",
                       DS_STR_ARG(cell(rows, i, 1)),
                       ds_audit_delivery_state_text(order->delivery.state));
}

static int64_t last_of(const struct ds_audit_order *order, int32_t topic)
{
    return topic == DS_AUDIT_PAYMENT ? order->payment.last : order->delivery.last;
}

/* Payments and deliveries: one row an order, there when the topic names the order. That of an id
 * that was placed again is of its second life. */
static void judge_rows(const struct ds_audit_part *part, int32_t topic, const char *view,
                       const PGresult *rows)
{
    ds_map_t *seen = ds_map_new((size_t)PQntuples(rows) + 1);
    ds_error_t why = DS_ERROR_INIT;
    ds_str_t key;
    void *value;
    size_t cursor = 0;

    for (int i = 0; seen != NULL && i < PQntuples(rows); i++) {
        struct ds_audit_order *order = ds_map_get(part->orders, cell(rows, i, 0));
        if (order != NULL && order->reborn)
            continue;
        if (order == NULL || last_of(order, topic) < 0)
            ds_audit_found(part->report, "I6", ds_audit_where(part, topic, -1, cell(rows, i, 0)),
                           "shop.%s has a row of it, the log does not", view);
        else if (!ds_map_put(seen, order->id, order, NULL, &why))
            break;
        else if (topic == DS_AUDIT_PAYMENT)
            judge_payment(part, order, rows, i);
        else
            judge_delivery(part, order, rows, i);
    }
    part->report->checked[DS_AUDIT_ROWS] += PQntuples(rows);
    while (seen != NULL && !ds_error_is_set(&why) &&
           ds_map_next(part->orders, &cursor, &key, &value)) {
        const struct ds_audit_order *order = value;
        if (!order->reborn && last_of(order, topic) >= 0 && ds_map_get(seen, order->id) == NULL)
            missing_row(part, topic, last_of(order, topic), order->id, view);
    }
    if (seen == NULL || ds_error_is_set(&why))
        ds_audit_note(part->report, "shop.%s was compared in part: out of memory", view);
    ds_map_destroy(seen, NULL);
}

static void judge_stock(const ds_audit_postgres_t *postgres, const struct ds_audit_part *part,
                        const PGresult *rows)
{
    ds_str_t key;
    void *value;
    size_t cursor = 0;
    int64_t known = 0;
    int64_t wanted = 0;

    for (int i = 0; i < PQntuples(rows); i++) {
        const struct ds_audit_product *product = ds_map_get(part->products, cell(rows, i, 0));
        struct ds_audit_place at = ds_audit_where(part, DS_AUDIT_INVENTORY, -1, DS_STR(""));
        if (ds_partition_of(cell(rows, i, 1), postgres->partitions) != part->partition)
            continue;
        part->report->checked[DS_AUDIT_ROWS]++;
        if (product == NULL || !product->stocked) {
            ds_audit_found(part->report, "I6", at, "shop.stock has a row of %.*s, the log does not",
                           DS_STR_ARG(cell(rows, i, 0)));
            continue;
        }
        known++;
        if (number(rows, i, 2) != product->received || number(rows, i, 3) != product->available ||
            number(rows, i, 4) != product->reserved || number(rows, i, 5) != product->committed)
            ds_audit_found(part->report, "I6", at,
                           "shop.stock of %.*s: %" PRId64 "/%" PRId64 "/%" PRId64 "/%" PRId64
                           ", the fold gives %" PRId64 "/%" PRId64 "/%" PRId64 "/%" PRId64,
                           DS_STR_ARG(product->id), number(rows, i, 2), number(rows, i, 3),
                           number(rows, i, 4), number(rows, i, 5), product->received,
                           product->available, product->reserved, product->committed);
    }
    while (ds_map_next(part->products, &cursor, &key, &value))
        wanted += ((const struct ds_audit_product *)value)->stocked;
    if (known < wanted)
        ds_audit_found(part->report, "I6", ds_audit_where(part, DS_AUDIT_INVENTORY, -1, DS_STR("")),
                       "shop.stock lacks %" PRId64 " of %" PRId64 " products", wanted - known,
                       wanted);
}

/* @return true when the topic's table holds exactly what was read. */
static bool is_equal(const struct ds_audit_part *part, const PGresult *positions, int32_t topic)
{
    int64_t position = position_of(positions, topic);
    const char *name = ds_audit_schema(topic)->topic;
    if (part->streams[topic].stopped)
        return false;
    switch (ds_audit_reach(&part->streams[topic], position)) {
    case DS_AUDIT_EQUAL:
        return true;
    case DS_AUDIT_BEHIND:
        ds_audit_note(part->report,
                      "PostgreSQL is behind in %s/%" PRId32 ": at %" PRId64 " of %" PRId64
                      ", not compared",
                      name, part->partition, position, part->streams[topic].last_event);
        return false;
    case DS_AUDIT_AHEAD:
        ds_audit_note(part->report,
                      "PostgreSQL has gone on in %s/%" PRId32
                      " since the log was read, not compared",
                      name, part->partition);
        return false;
    }
    return false;
}

bool ds_audit_postgres_judge(ds_audit_postgres_t *postgres, const struct ds_audit_part *part,
                             ds_error_t *error)
{
    PGresult *results[RESULTS] = {NULL};

    do {
        clear(results);
        if (!ask(postgres, part->partition, results, error))
            return false;
    } while (any_behind(part, results[POSITIONS]) && may_wait(postgres));
    if (is_equal(part, results[POSITIONS], DS_AUDIT_ORDER))
        judge_orders(part, results[ORDERS]);
    if (is_equal(part, results[POSITIONS], DS_AUDIT_PAYMENT))
        judge_rows(part, DS_AUDIT_PAYMENT, "payments", results[PAYMENTS]);
    if (is_equal(part, results[POSITIONS], DS_AUDIT_DELIVERY))
        judge_rows(part, DS_AUDIT_DELIVERY, "deliveries", results[DELIVERIES]);
    if (is_equal(part, results[POSITIONS], DS_AUDIT_INVENTORY))
        judge_stock(postgres, part, results[STOCK]);
    clear(results);
    return true;
}

bool ds_audit_postgres_positions(ds_audit_postgres_t *postgres, int32_t partition,
                                 int64_t positions_out[DS_AUDIT_PROCESSORS], ds_error_t *error)
{
    PGresult *rows = NULL;
    char param[16];

    (void)snprintf(param, sizeof param, "%" PRId32, partition);
    if (!ds_pg_connect(postgres->pg, error) ||
        !ds_pg_queue_sql(postgres->pg, queries[POSITIONS], param, error) ||
        !ds_pg_sync(postgres->pg, &rows, 1, error))
        return false;
    for (int32_t t = 0; t < DS_AUDIT_PROCESSORS; t++)
        positions_out[t] = position_of(rows, t);
    PQclear(rows);
    return true;
}
