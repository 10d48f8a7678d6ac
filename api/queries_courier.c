/* api/queries_courier.c - the couriers of the stores that somebody works for. */
#include "api/handlers.h"
#include "api/internal.h"
#include "api/queries.h"
#include "api/response.h"

/* clang-format off */
static const struct ds_sql list_couriers = {
    "list_couriers",
    "SELECT courier_id, store_id, name, vehicle, capacity, online, lat_e6, lng_e6, "
    DS_MICROS_SQL("seen_at") ", " DS_MICROS_SQL("online_at") ","
    " (SELECT count(*) FROM shop.deliveries d WHERE d.courier_id = c.courier_id"
    "   AND d.status IN ('assigned', 'in_transit', 'arrived', 'silent', 'returning'))"
    " FROM shop.couriers c WHERE ($1::bool OR store_id = ANY ($2::text[]))"
    " AND ($3::text IS NULL OR store_id = $3) AND ($4::bool IS NULL OR online = $4)"
    " AND ($5::text IS NULL OR courier_id > $5) ORDER BY courier_id LIMIT $6::int"};
/* clang-format on */

struct filter {
    int64_t limit;
    uint64_t hash;
    ds_str_t after;
    const char *online; /* NULL: all */
};

static bool take_filter(ds_request_t *request, struct filter *filter)
{
    ds_str_t key;
    ds_str_t status = ds_request_param(request, "status");
    filter->online = NULL;
    if (ds_str_eq(status, DS_STR("online")))
        filter->online = "t";
    else if (ds_str_eq(status, DS_STR("offline")))
        filter->online = "f";
    else if (status.len > 0) {
        ds_answer_bad_parameter(request, "status", "must be online or offline");
        return false;
    }
    filter->hash = ds_str_hash(
        ds_str(ds_request_text(request, "couriers|%.*s|%.*s",
                               DS_STR_ARG(ds_request_param(request, "store")), DS_STR_ARG(status))),
        0);
    return ds_request_limit(request, &filter->limit) &&
           ds_query_cursor(request, filter->hash, &key, &filter->after);
}

static json_t *courier_json(const PGresult *rows, int row)
{
    json_t *place =
        PQgetisnull(rows, row, 6)
            ? json_null()
            : json_pack("{s:f,s:f,s:o}", "lat", (double)ds_cell_int(rows, row, 6) / 1e6, "lng",
                        (double)ds_cell_int(rows, row, 7) / 1e6, "at", ds_cell_time(rows, row, 8));
    return json_pack("{s:o,s:o,s:o,s:o,s:I,s:b,s:I,s:o,s:o}", "courierId",
                     ds_cell_text(rows, row, 0), "storeId", ds_cell_text(rows, row, 1), "name",
                     ds_cell_text(rows, row, 2), "vehicle", ds_cell_text(rows, row, 3), "capacity",
                     (json_int_t)ds_cell_int(rows, row, 4), "online",
                     (int)ds_cell_bool(rows, row, 5), "deliveries",
                     (json_int_t)ds_cell_int(rows, row, 10), "location", place, "onlineAt",
                     ds_cell_time(rows, row, 9));
}

static bool run_couriers(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct ds_sight sight;
    struct filter filter = {0};
    PGresult *rows = NULL;
    if (!take_filter(request, &filter))
        return true;
    ds_sight_of(request, &sight);
    const char *params[] = {sight.all,
                            sight.stores,
                            ds_param_or_null(request, ds_request_param(request, "store")),
                            filter.online,
                            ds_param_or_null(request, filter.after),
                            ds_request_text(request, "%lld", (long long)filter.limit + 1)};
    if (!ds_db_query(db, &list_couriers, 6, params, &rows, error))
        return false;
    const struct ds_page_of_rows page = {filter.limit, filter.hash, courier_json, -1, 0};
    ds_answer_rows(request, rows, &page);
    PQclear(rows);
    return true;
}

void ds_get_couriers(ds_request_t *request)
{
    struct filter filter = {0};
    if (take_filter(request, &filter))
        ds_query_start(request, run_couriers);
}
