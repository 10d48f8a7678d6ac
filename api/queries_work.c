/* api/queries_work.c - stock, offers, deliveries and tracking, from the read model. */
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/internal.h"
#include "api/queries.h"
#include "api/response.h"

#include <stdio.h>

/* --- stock */

/* clang-format off */
static const struct ds_sql list_stock = {
    "list_stock",
    "SELECT product_id, received, available, reserved, committed, low"
    " FROM shop.stock"
    " WHERE store_id = $1"
    " AND ($2::text IS NULL OR product_id = $2)"
    " AND (NOT $3::bool OR low)"
    " AND ($4::text IS NULL OR product_id > $4)"
    " ORDER BY product_id"
    " LIMIT $5::int"};
/* clang-format on */

struct stock_filter {
    int64_t limit;
    uint64_t hash;
    ds_str_t after;
    const char *low;
};

static bool take_stock_filter(ds_request_t *request, struct stock_filter *filter)
{
    ds_str_t key;
    ds_str_t low = ds_request_param(request, "low");
    ds_str_t product = ds_request_param(request, "product");
    filter->low = ds_str_eq(low, DS_STR("true")) ? "t" : "f";
    if (low.len > 0 && filter->low[0] == 'f' && !ds_str_eq(low, DS_STR("false"))) {
        ds_answer_bad_parameter(request, "low", "must be true or false");
        return false;
    }
    filter->hash = ds_str_hash(ds_str(ds_request_text(request, "stock|%.*s|%.*s|%s",
                                                      DS_STR_ARG(ds_request_arg(request, 0)),
                                                      DS_STR_ARG(product), filter->low)),
                               0);
    return ds_request_limit(request, &filter->limit) &&
           ds_query_cursor(request, filter->hash, &key, &filter->after);
}

static json_t *stock_json(const PGresult *rows, int row)
{
    return json_pack("{s:o,s:I,s:I,s:I,s:I,s:b}", "productId", ds_cell_text(rows, row, 0),
                     "received", (json_int_t)ds_cell_int(rows, row, 1), "available",
                     (json_int_t)ds_cell_int(rows, row, 2), "reserved",
                     (json_int_t)ds_cell_int(rows, row, 3), "committed",
                     (json_int_t)ds_cell_int(rows, row, 4), "low", (int)ds_cell_bool(rows, row, 5));
}

static bool run_stock(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct stock_filter filter = {0};
    PGresult *rows = NULL;
    if (!take_stock_filter(request, &filter))
        return true;
    const char *params[] = {ds_request_text(request, "%.*s",
                                            DS_STR_ARG(ds_request_arg(request, 0))),
                            ds_param_or_null(request, ds_request_param(request, "product")),
                            filter.low, ds_param_or_null(request, filter.after),
                            ds_request_text(request, "%lld", (long long)filter.limit + 1)};
    if (!ds_db_query(db, &list_stock, 5, params, &rows, error))
        return false;
    const struct ds_page_of_rows page = {filter.limit, filter.hash, stock_json, -1, 0};
    ds_answer_rows(request, rows, &page);
    PQclear(rows);
    return true;
}

void ds_get_stock(ds_request_t *request)
{
    struct stock_filter filter = {0};
    if (!ds_person_works_for(&request->person, ds_request_arg(request, 0)))
        ds_answer_error(request, 403, "forbidden", "you do not work for this store");
    else if (take_stock_filter(request, &filter))
        ds_query_start(request, run_stock);
}

/* --- couriers */

/* clang-format off */
static const struct ds_sql list_offers = {
    "list_offers",
    "SELECT offer_id, order_id, status, " DS_MICROS_SQL("offered_at") ", " DS_MICROS_SQL("expires_at")
    " FROM shop.offers WHERE courier_id = $1 AND status = 'open'"
    " ORDER BY offered_at, offer_id LIMIT 100"};
/* clang-format on */

static bool run_offers(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    PGresult *rows = NULL;
    const char *params[] = {
        ds_request_text(request, "%.*s", DS_STR_ARG(ds_request_arg(request, 0)))};
    if (!ds_db_query(db, &list_offers, 1, params, &rows, error))
        return false;
    json_t *list = json_array();
    for (int row = 0; row < PQntuples(rows); row++)
        (void)json_array_append_new(
            list,
            json_pack("{s:o,s:o,s:o,s:o,s:o}", "offerId", ds_cell_text(rows, row, 0), "orderId",
                      ds_cell_text(rows, row, 1), "status", ds_cell_text(rows, row, 2), "offeredAt",
                      ds_cell_time(rows, row, 3), "expiresAt", ds_cell_time(rows, row, 4)));
    ds_answer_page(request, list, 100, (ds_str_t){0});
    PQclear(rows);
    return true;
}

static bool is_self(const ds_request_t *request, ds_str_t courier_id)
{
    return (request->person.roles & DS_COURIER) != 0 &&
           ds_str_eq(request->person.subject, courier_id);
}

void ds_get_courier_offers(ds_request_t *request)
{
    if (is_self(request, ds_request_arg(request, 0)))
        ds_query_start(request, run_offers);
    else
        ds_answer_error(request, 404, "courier_unknown", "there is no such courier");
}

/* clang-format off */
/* Two statements: with a status that may be NULL, a prepared plan could not use the index that has
 * it, and would read all that a courier ever carried. Where lines were cancelled by a version that did
 * not say what is left to pay, only the order's total does. */
#define DELIVERIES_OF \
    "SELECT d.order_id, d.store_id, d.status, d.reason, d.payment_method, " \
    "least(d.total_minor, o.total_minor), d.currency, " \
    DS_MICROS_SQL("d.requested_at") ", " DS_MICROS_SQL("d.assigned_at") ", " \
    DS_MICROS_SQL("d.pick_up_by") ", " DS_MICROS_SQL("d.picked_up_at") ", " \
    DS_MICROS_SQL("d.ended_at") ", a.recipient, a.phone, a.street, a.city, a.zip_code, a.notes" \
    " FROM shop.deliveries d LEFT JOIN shop.order_addresses a ON a.order_id = d.order_id" \
    " LEFT JOIN shop.orders o ON o.order_id = d.order_id" \
    " WHERE d.courier_id = $1" \
    " AND ($2::bigint IS NULL OR (d.requested_at, d.order_id) < (" DS_FROM_MICROS_SQL("$2") ", $3))"
#define NEWEST_FIRST " ORDER BY d.requested_at DESC, d.order_id DESC LIMIT $4::int"

static const struct ds_sql list_deliveries = {"list_deliveries", DELIVERIES_OF NEWEST_FIRST};
static const struct ds_sql list_deliveries_in = {"list_deliveries_in",
                                                 DELIVERIES_OF " AND d.status = $5" NEWEST_FIRST};
/* clang-format on */

static json_t *delivery_json(const PGresult *rows, int row)
{
    static const char *const address_names[] = {"recipient", "phone",   "street",
                                                "city",      "zipCode", "notes"};
    bool cash = ds_str_eq(ds_cell(rows, row, 4), DS_STR("cash_on_delivery"));
    json_t *address = json_object();
    for (int i = 0; i < 6; i++)
        if (!PQgetisnull(rows, row, 12 + i))
            (void)json_object_set_new(address, address_names[i], ds_cell_text(rows, row, 12 + i));
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "orderId", ds_cell_text(rows, row, 0),
        "storeId", ds_cell_text(rows, row, 1), "status", ds_cell_text(rows, row, 2), "reason",
        ds_cell_text(rows, row, 3), "cashToCollect",
        cash ? ds_out_money(ds_cell_int(rows, row, 5), ds_cell(rows, row, 6)) : json_null(),
        "address", address, "requestedAt", ds_cell_time(rows, row, 7), "assignedAt",
        ds_cell_time(rows, row, 8), "pickUpBy", ds_cell_time(rows, row, 9), "pickedUpAt",
        ds_cell_time(rows, row, 10), "endedAt", ds_cell_time(rows, row, 11));
}

struct delivery_filter {
    int64_t limit;
    uint64_t hash;
    ds_str_t key;
    ds_str_t id;
};

static bool take_delivery_filter(ds_request_t *request, struct delivery_filter *filter)
{
    filter->hash =
        ds_str_hash(ds_str(ds_request_text(request, "deliveries|%.*s|%.*s",
                                           DS_STR_ARG(ds_request_arg(request, 0)),
                                           DS_STR_ARG(ds_request_param(request, "status")))),
                    0);
    return ds_request_limit(request, &filter->limit) &&
           ds_query_cursor(request, filter->hash, &filter->key, &filter->id);
}

static bool run_deliveries(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct delivery_filter filter = {0};
    PGresult *rows = NULL;
    if (!take_delivery_filter(request, &filter))
        return true;
    const char *params[] = {
        ds_request_text(request, "%.*s", DS_STR_ARG(ds_request_arg(request, 0))),
        ds_param_or_null(request, filter.key), ds_param_or_null(request, filter.id),
        ds_request_text(request, "%lld", (long long)filter.limit + 1),
        ds_param_or_null(request, ds_request_param(request, "status"))};
    bool in_status = params[4] != NULL;
    if (!ds_db_query(db, in_status ? &list_deliveries_in : &list_deliveries, in_status ? 5 : 4,
                     params, &rows, error))
        return false;
    const struct ds_page_of_rows page = {filter.limit, filter.hash, delivery_json, 7, 0};
    ds_answer_rows(request, rows, &page);
    PQclear(rows);
    return true;
}

void ds_get_courier_deliveries(ds_request_t *request)
{
    struct delivery_filter filter = {0};
    ds_str_t courier_id = ds_request_arg(request, 0);
    if (!ds_entity_id_valid(courier_id) ||
        (!is_self(request, courier_id) &&
         !ds_person_works_for(&request->person, ds_id_store(courier_id))))
        ds_answer_error(request, 404, "courier_unknown", "there is no such courier");
    else if (take_delivery_filter(request, &filter))
        ds_query_start(request, run_deliveries);
}

/* --- tracking */

/* The place only between pick-up and hand-over, and only one seen since the pick-up. */
/* clang-format off */
static const struct ds_sql one_track = {
    "one_track",
    "SELECT o.order_id, o.status, o.courier_id, o.courier_name, o.vehicle, o.last_offset,"
    " c.lat_e6, c.lng_e6, " DS_MICROS_SQL("c.seen_at") ","
    " (SELECT json_agg(json_build_object('type', t.ce_type, 'at', to_char(t.at AT TIME ZONE 'UTC',"
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')) ORDER BY t.event_offset) FROM shop.timeline t"
    " WHERE t.order_id = o.order_id AND t.topic = 'delivery.events' AND t.ce_type LIKE 'delivery.%')"
    " FROM shop.deliveries o LEFT JOIN shop.couriers c ON c.courier_id = o.courier_id"
    " AND o.status IN ('in_transit', 'arrived', 'silent') AND c.seen_at >= o.picked_up_at"
    " WHERE o.order_id = $5 AND " DS_SIGHT_SQL("o")};
/* clang-format on */

static json_t *location_json(const PGresult *rows)
{
    if (PQgetisnull(rows, 0, 6))
        return json_null();
    return json_pack("{s:f,s:f,s:o}", "lat", (double)ds_cell_int(rows, 0, 6) / 1e6, "lng",
                     (double)ds_cell_int(rows, 0, 7) / 1e6, "at", ds_cell_time(rows, 0, 8));
}

static json_t *track_json(const PGresult *rows)
{
    ds_str_t events = ds_cell(rows, 0, 9);
    json_t *courier = PQgetisnull(rows, 0, 2)
                          ? json_null()
                          : json_pack("{s:o,s:o}", "name", ds_cell_text(rows, 0, 3), "vehicle",
                                      ds_cell_text(rows, 0, 4));
    json_t *list = events.len == 0 ? NULL : json_loadb(events.data, events.len, 0, NULL);
    return json_pack("{s:o,s:o,s:o,s:o,s:n,s:o}", "orderId", ds_cell_text(rows, 0, 0), "status",
                     ds_cell_text(rows, 0, 1), "courier", courier, "location", location_json(rows),
                     "eta", "events", list == NULL ? json_array() : list);
}

static bool run_track(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct ds_sight sight;
    PGresult *rows = NULL;
    ds_sight_of(request, &sight);
    const char *params[] = {sight.all, sight.customer, sight.courier, sight.stores,
                            ds_request_text(request, "%.*s",
                                            DS_STR_ARG(ds_request_arg(request, 0)))};
    if (!ds_db_query(db, &one_track, 5, params, &rows, error))
        return false;
    if (PQntuples(rows) == 0)
        ds_answer_error(request, 404, "delivery_unknown", "there is no such delivery");
    else
        ds_answer_tagged(request,
                         ds_request_text(request, "\"d%s-%s\"", PQgetvalue(rows, 0, 5),
                                         PQgetisnull(rows, 0, 8) ? "" : PQgetvalue(rows, 0, 8)),
                         track_json(rows));
    PQclear(rows);
    return true;
}

void ds_get_track(ds_request_t *request)
{
    ds_query_start(request, run_track);
}
