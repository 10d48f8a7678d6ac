/* api/queries_order.c - orders and the outcomes of commands, from the read model. */
#include "api/handlers.h"
#include "api/internal.h"
#include "api/queries.h"
#include "api/response.h"

#include <stdio.h>
#include <stdlib.h>

enum column {
    ORDER_ID,
    STORE_ID,
    CUSTOMER_ID,
    STATUS,
    REASON,
    HELD,
    CANCEL_REQUESTED,
    CURRENCY,
    SUBTOTAL,
    FEE,
    TOTAL,
    METHOD,
    PAYMENT_STATUS,
    CAPTURED,
    REFUNDED,
    DELIVERY_STATUS,
    COURIER_ID,
    PLACED_US,
    UPDATED_US,
    ORDER_OFFSET,
    PAYMENT_OFFSET,
    DELIVERY_OFFSET,
    LINES,
    ADDRESS,
    CODE,
};

/* clang-format off */
#define ORDER_COLUMNS                                                                              \
    "o.order_id, o.store_id, o.customer_id, o.status, o.reason, o.held, o.cancel_requested,"       \
    " o.currency, o.subtotal_minor, o.delivery_fee_minor, o.total_minor, o.payment_method,"        \
    " o.payment_status, o.captured_minor, o.refunded_minor, o.delivery_status, o.courier_id, "     \
    DS_MICROS_SQL("o.placed_at") ", " DS_MICROS_SQL("o.updated_at") ", o.order_offset,"            \
    " o.payment_offset, o.delivery_offset,"                                                        \
    " (SELECT json_agg(json_build_array(l.line, l.product_id, l.name, l.quantity, l.cancelled,"    \
    "   l.unit_price_minor, l.total_minor) ORDER BY l.line)"                                       \
    "  FROM shop.order_lines l WHERE l.order_id = o.order_id),"                                    \
    " (SELECT json_build_object('recipient', a.recipient, 'phone', a.phone, 'street', a.street,"   \
    "   'city', a.city, 'state', a.state, 'zipCode', a.zip_code, 'country', a.country,"            \
    "   'coordinates', CASE WHEN a.lat_e6 IS NULL THEN NULL ELSE json_build_object("               \
    "     'lat', a.lat_e6 / 1e6, 'lng', a.lng_e6 / 1e6) END, 'notes', a.notes)"                    \
    "  FROM shop.order_addresses a WHERE a.order_id = o.order_id),"                                \
    /* the courier must hear it from the customer */                                               \
    " CASE WHEN $1::bool OR o.customer_id = $2 OR o.store_id = ANY ($4::text[]) THEN"              \
    "  (SELECT a.hand_over_code FROM shop.order_addresses a WHERE a.order_id = o.order_id) END"

static const struct ds_sql one_order = {
    "one_order",
    "SELECT " ORDER_COLUMNS " FROM shop.orders o WHERE o.order_id = $5 AND " DS_SIGHT_SQL("o")};

static const struct ds_sql list_orders = {
    "list_orders",
    "SELECT " ORDER_COLUMNS " FROM shop.orders o WHERE " DS_SIGHT_SQL("o")
    " AND ($5::text IS NULL OR o.status = $5) AND ($6::text IS NULL OR o.store_id = $6)"
    " AND ($7::bigint IS NULL OR o.placed_at >= " DS_FROM_MICROS_SQL("$7") ")"
    " AND ($8::bigint IS NULL OR o.placed_at < " DS_FROM_MICROS_SQL("$8") ")"
    " AND ($9::bigint IS NULL OR (o.placed_at, o.order_id) < (" DS_FROM_MICROS_SQL("$9") ", $10))"
    " ORDER BY o.placed_at DESC, o.order_id DESC LIMIT $11::int"};
/* clang-format on */

static json_t *money_cell(const PGresult *rows, int row, int column)
{
    return ds_out_money(ds_cell_int(rows, row, column), ds_cell(rows, row, CURRENCY));
}

static json_t *parsed_cell(const PGresult *rows, int row, int column)
{
    ds_str_t text = ds_cell(rows, row, column);
    return text.len == 0 ? NULL : json_loadb(text.data, text.len, 0, NULL);
}

static json_t *line_json(const json_t *line, ds_str_t currency)
{
    return json_pack("{s:O,s:O,s:O,s:O,s:O,s:o,s:o}", "line", json_array_get(line, 0), "productId",
                     json_array_get(line, 1), "name", json_array_get(line, 2), "quantity",
                     json_array_get(line, 3), "cancelled", json_array_get(line, 4), "unitPrice",
                     ds_out_money(json_integer_value(json_array_get(line, 5)), currency), "total",
                     ds_out_money(json_integer_value(json_array_get(line, 6)), currency));
}

static json_t *lines_json(const PGresult *rows, int row)
{
    json_t *raw = parsed_cell(rows, row, LINES);
    json_t *lines = json_array();
    size_t i;
    json_t *line;
    json_array_foreach(raw, i, line)
    {
        (void)json_array_append_new(lines, line_json(line, ds_cell(rows, row, CURRENCY)));
    }
    json_decref(raw);
    return lines;
}

/* Fields that were never given are left out. */
static json_t *address_json(const PGresult *rows, int row)
{
    json_t *address = parsed_cell(rows, row, ADDRESS);
    const char *key;
    json_t *value;
    void *next;
    if (address == NULL)
        return json_null();
    json_object_foreach_safe(address, next, key, value)
    {
        if (json_is_null(value))
            (void)json_object_del(address, key);
    }
    return address;
}

static json_t *order_json(const PGresult *rows, int row)
{
    json_t *order =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:b,s:b,s:o,s:o,s:o,s:o}", "orderId",
                  ds_cell_text(rows, row, ORDER_ID), "storeId", ds_cell_text(rows, row, STORE_ID),
                  "customerId", ds_cell_text(rows, row, CUSTOMER_ID), "status",
                  ds_cell_text(rows, row, STATUS), "reason", ds_cell_text(rows, row, REASON),
                  "held", ds_cell_bool(rows, row, HELD), "cancelRequested",
                  ds_cell_bool(rows, row, CANCEL_REQUESTED), "lines", lines_json(rows, row),
                  "subtotal", money_cell(rows, row, SUBTOTAL), "deliveryFee",
                  money_cell(rows, row, FEE), "total", money_cell(rows, row, TOTAL));
    json_t *payment =
        json_pack("{s:o,s:o,s:o,s:o}", "method", ds_cell_text(rows, row, METHOD), "status",
                  ds_cell_text(rows, row, PAYMENT_STATUS), "captured",
                  money_cell(rows, row, CAPTURED), "refunded", money_cell(rows, row, REFUNDED));
    json_t *delivery =
        json_pack("{s:o,s:o,s:o}", "status", ds_cell_text(rows, row, DELIVERY_STATUS), "courierId",
                  ds_cell_text(rows, row, COURIER_ID), "address", address_json(rows, row));
    (void)json_object_set_new(order, "payment", payment);
    (void)json_object_set_new(order, "delivery", delivery);
    (void)json_object_set_new(order, "handOverCode", ds_cell_text(rows, row, CODE));
    (void)json_object_set_new(order, "createdAt", ds_cell_time(rows, row, PLACED_US));
    (void)json_object_set_new(order, "updatedAt", ds_cell_time(rows, row, UPDATED_US));
    return order;
}

static bool run_order(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct ds_sight sight;
    PGresult *rows = NULL;
    ds_sight_of(request, &sight);
    const char *params[] = {sight.all, sight.customer, sight.courier, sight.stores,
                            ds_request_text(request, "%.*s",
                                            DS_STR_ARG(ds_request_arg(request, 0)))};
    if (!ds_db_query(db, &one_order, 5, params, &rows, error))
        return false;
    if (PQntuples(rows) == 0)
        ds_answer_error(request, 404, "order_unknown", "there is no such order");
    else
        ds_answer_tagged(request,
                         ds_request_text(request, "\"o%s-%s-%s\"",
                                         PQgetvalue(rows, 0, ORDER_OFFSET),
                                         PQgetvalue(rows, 0, PAYMENT_OFFSET),
                                         PQgetvalue(rows, 0, DELIVERY_OFFSET)),
                         order_json(rows, 0));
    PQclear(rows);
    return true;
}

void ds_get_order(ds_request_t *request)
{
    ds_query_start(request, run_order);
}

/* --- the list */

/* The filter, kept in the request between the handler and the query thread. */
struct list_filter {
    const char *status;
    const char *store;
    const char *from_us;
    const char *to_us;
    const char *cursor_us;
    const char *cursor_id;
    int64_t limit;
    uint64_t hash;
};

static bool take_time(ds_request_t *request, const char *name, const char **us_out)
{
    int64_t time_us;
    ds_str_t text = ds_request_param(request, name);
    *us_out = NULL;
    if (text.len == 0)
        return true;
    if (!ds_time_parse(text, &time_us)) {
        ds_answer_bad_parameter(request, name, "must be a time such as 2026-11-21T07:30:33Z");
        return false;
    }
    *us_out = ds_request_text(request, "%lld", (long long)time_us);
    return true;
}

static bool is_status(ds_str_t text)
{
    static const char *const all[] = {"created",   "awaiting_payment", "confirmed", "picked_up",
                                      "fulfilled", "cancelled",        "refused"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (ds_str_eq(text, ds_str(all[i])))
            return true;
    return false;
}

static bool take_filter(ds_request_t *request, struct list_filter *filter)
{
    ds_str_t key;
    ds_str_t id;
    ds_str_t status = ds_request_param(request, "status");
    ds_str_t store = ds_request_param(request, "store");
    if (!ds_request_limit(request, &filter->limit))
        return false;
    if (status.len > 0 && !is_status(status)) {
        ds_answer_bad_parameter(request, "status", "there is no such status of an order");
        return false;
    }
    if (!take_time(request, "from", &filter->from_us) || !take_time(request, "to", &filter->to_us))
        return false;
    filter->status = ds_param_or_null(request, status);
    filter->store = ds_param_or_null(request, store);
    filter->hash = ds_str_hash(
        ds_str(ds_request_text(request, "orders|%.*s|%.*s|%s|%s", DS_STR_ARG(status),
                               DS_STR_ARG(store), filter->from_us == NULL ? "" : filter->from_us,
                               filter->to_us == NULL ? "" : filter->to_us)),
        0);
    if (!ds_query_cursor(request, filter->hash, &key, &id))
        return false;
    filter->cursor_us = ds_param_or_null(request, key);
    filter->cursor_id = ds_param_or_null(request, id);
    return true;
}

static bool run_list(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct ds_sight sight;
    struct list_filter filter = {0};
    PGresult *rows = NULL;
    ds_sight_of(request, &sight);
    if (!take_filter(request, &filter))
        return true;
    const char *params[] = {sight.all,
                            sight.customer,
                            sight.courier,
                            sight.stores,
                            filter.status,
                            filter.store,
                            filter.from_us,
                            filter.to_us,
                            filter.cursor_us,
                            filter.cursor_id,
                            ds_request_text(request, "%lld", (long long)filter.limit + 1)};
    if (!ds_db_query(db, &list_orders, 11, params, &rows, error))
        return false;
    const struct ds_page_of_rows page = {filter.limit, filter.hash, order_json, PLACED_US,
                                         ORDER_ID};
    ds_answer_rows(request, rows, &page);
    PQclear(rows);
    return true;
}

void ds_get_orders(ds_request_t *request)
{
    struct list_filter filter = {0};
    /* Wrong parameters need no database. */
    if (take_filter(request, &filter))
        ds_query_start(request, run_list);
}

/* --- outcomes of commands */

/* clang-format off */
static const struct ds_sql one_command = {
    "one_command",
    "SELECT topic, partition, command_offset, status, reason, coalesce(same_body, true), "
    "actor_id, target, " DS_MICROS_SQL("decided_at")
    " FROM shop.commands"
    " WHERE command_id = $1"
    " AND ($2::text IS NULL OR (topic = $2"
    " AND partition = $3::int"
    " AND command_offset = $4::bigint))"
    " ORDER BY command_offset"
    " LIMIT 1"};

/* A command without a row of its own: it waits in quarantine, or waited and was dropped or edited.
 * Those records name no command, only its place ($2, $3, $4). What was edited has the outcome of
 * what stands in its place; whoever holds an aggregate again is not the one who asked. Where a
 * command with another id than $5 was decided at the place, it is that one's. */
static const struct ds_sql waiting_command = {
    "waiting_command",
    "WITH RECURSIVE place(at) AS (SELECT $4::bigint UNION"
    "  SELECT e.cause_offset FROM place, shop.timeline e"
    "  WHERE e.topic = $1 AND e.partition = $3::int AND e.ce_type = 'doorstep.input_edited'"
    "  AND e.data->>'topic' = $2 AND e.data->>'offset' = place.at::text)"
    " SELECT $2::text, $3::int, $4::bigint,"
    "  coalesce(c.status, CASE WHEN d.at IS NULL THEN 'held' ELSE 'refused' END),"
    "  CASE WHEN c.status IS NOT NULL THEN c.reason WHEN d.at IS NOT NULL THEN 'dropped' END,"
    "  coalesce(c.same_body, true), h.actor_id, h.aggregate, "
    DS_MICROS_SQL("coalesce(c.decided_at, d.at)")
    " FROM (SELECT actor_id, aggregate FROM shop.timeline WHERE topic = $1"
    "  AND partition = $3::int AND cause_offset = $4::bigint AND cause_topic = $2"
    "  AND ce_type IN ('doorstep.aggregate_quarantined', 'doorstep.input_held')"
    "  ORDER BY event_offset LIMIT 1) h"
    " LEFT JOIN LATERAL (SELECT status, reason, same_body, decided_at FROM shop.commands"
    "  WHERE topic = $2 AND partition = $3::int AND command_offset IN (SELECT at FROM place)"
    "  ORDER BY command_offset DESC LIMIT 1) c ON true"
    " LEFT JOIN LATERAL (SELECT at FROM shop.timeline WHERE topic = $1"
    "  AND partition = $3::int AND ce_type = 'doorstep.input_dropped' AND data->>'topic' = $2"
    "  AND data->>'offset' IN (SELECT at::text FROM place) LIMIT 1) d ON true"
    " WHERE NOT EXISTS (SELECT FROM shop.commands WHERE topic = $2 AND partition = $3::int"
    "  AND command_offset = $4::bigint AND command_id <> $5)"};
/* clang-format on */

static bool may_see(const ds_request_t *request, ds_str_t actor_id)
{
    return (request->person.roles & DS_ADMIN) != 0 || ds_str_eq(actor_id, request->person.subject);
}

static json_t *command_json(const ds_request_t *request, const PGresult *rows)
{
    bool mismatch = !ds_cell_bool(rows, 0, 5);
    return json_pack("{s:o,s:o,s:o,s:o,s:{s:o,s:I,s:I},s:o}", "commandId",
                     ds_out_text(ds_request_arg(request, 0)), "status", ds_cell_text(rows, 0, 3),
                     "reason",
                     mismatch ? json_string("idempotency_mismatch") : ds_cell_text(rows, 0, 4),
                     "target", ds_cell_text(rows, 0, 7), "position", "topic",
                     ds_cell_text(rows, 0, 0), "partition", (json_int_t)ds_cell_int(rows, 0, 1),
                     "offset", (json_int_t)ds_cell_int(rows, 0, 2), "decidedAt",
                     ds_cell_time(rows, 0, 8));
}

static void reply_accepted(ds_request_t *request, const struct ds_recent_command *recent)
{
    ds_answer_data(request, 200,
                   json_pack("{s:s,s:s,s:n,s:n,s:{s:s,s:i,s:I},s:n}", "commandId", recent->id.text,
                             "status", "accepted", "reason", "target", "position", "topic",
                             ds_topic_commands(recent->place.topic), "partition",
                             (int)recent->place.partition, "offset",
                             (json_int_t)recent->place.offset, "decidedAt"));
}

static bool ask_waiting(ds_request_t *request, ds_db_t *db, const struct ds_token *place,
                        PGresult **rows_out, ds_error_t *error)
{
    const char *params[] = {ds_topic_events(place->topic), ds_topic_commands(place->topic),
                            ds_request_text(request, "%d", (int)place->partition),
                            ds_request_text(request, "%lld", (long long)place->offset),
                            ds_request_text(request, "%.*s",
                                            DS_STR_ARG(ds_request_arg(request, 0)))};
    return ds_db_query(db, &waiting_command, 5, params, rows_out, error);
}

/* Where the command waits, if it does. A token names no command, so what this replica remembers of
 * the id goes before it. Where it remembers nothing, the token's place counts, unless it is that of
 * a command with another id: one that is remembered here, or has a row (waiting_command). NULL:
 * nobody knows. */
static const struct ds_token *waiting_place(const ds_request_t *request,
                                            struct ds_recent_command *recent_out,
                                            bool *remembered_out)
{
    const struct ds_token *token = request->token_count == 1 ? &request->tokens[0] : NULL;
    bool known = ds_recent_get(request->api->recent, ds_request_arg(request, 0), recent_out);
    *remembered_out = known && (recent_out->caller == ds_str_hash(request->person.subject, 0) ||
                                (request->person.roles & DS_ADMIN) != 0);
    if (known)
        return *remembered_out ? &recent_out->place : NULL;
    return token == NULL || ds_recent_at(request->api->recent, token) ? NULL : token;
}

static bool answer_undecided(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct ds_recent_command recent;
    PGresult *rows = NULL;
    bool remembered;
    const struct ds_token *place = waiting_place(request, &recent, &remembered);
    if (place != NULL && !ask_waiting(request, db, place, &rows, error))
        return false;
    if (rows != NULL && PQntuples(rows) > 0 && may_see(request, ds_cell(rows, 0, 6)))
        ds_answer_data(request, 200, command_json(request, rows));
    else if (remembered)
        reply_accepted(request, &recent);
    else
        ds_answer_error(request, 404, "not_found", "there is no such command");
    PQclear(rows); /* NULL is fine */
    return true;
}

/* @param place  of the attempt; NULL: the first one. */
static bool ask_outcome(ds_request_t *request, ds_db_t *db, const struct ds_token *place,
                        PGresult **rows_out, ds_error_t *error)
{
    const char *params[] = {
        ds_request_text(request, "%.*s", DS_STR_ARG(ds_request_arg(request, 0))),
        place == NULL ? NULL : ds_topic_commands(place->topic),
        place == NULL ? "0" : ds_request_text(request, "%d", (int)place->partition),
        place == NULL ? "0" : ds_request_text(request, "%lld", (long long)place->offset)};
    return ds_db_query(db, &one_command, 4, params, rows_out, error);
}

/* With the token of an attempt: the outcome of that attempt; else, and where the token is not of an
 * attempt that was decided, of the first. */
static bool run_command(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    const struct ds_token *token = request->token_count == 1 ? &request->tokens[0] : NULL;
    PGresult *rows = NULL;
    bool ok = true;
    if (!ask_outcome(request, db, token, &rows, error))
        return false;
    if (token != NULL && PQntuples(rows) == 0) {
        PQclear(rows);
        if (!ask_outcome(request, db, NULL, &rows, error))
            return false;
    }
    if (PQntuples(rows) == 0)
        ok = answer_undecided(request, db, error);
    else if (!may_see(request, ds_cell(rows, 0, 6)))
        ds_answer_error(request, 404, "not_found", "there is no such command");
    else
        ds_answer_data(request, 200, command_json(request, rows));
    PQclear(rows);
    return ok;
}

void ds_get_command(ds_request_t *request)
{
    if (ds_id_valid(ds_request_arg(request, 0)))
        ds_query_start(request, run_command);
    else
        ds_answer_error(request, 404, "not_found", "there is no such command");
}
