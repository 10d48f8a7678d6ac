/* api/queries_payment.c - what became of the money of an order, from the read model. */
#include "api/handlers.h"
#include "api/internal.h"
#include "api/queries.h"
#include "api/response.h"

/* clang-format off */
static const struct ds_sql order_payments = {
    "order_payments",
    "SELECT p.status, p.method, p.currency, p.charged_minor, p.captured_minor, p.refunded_minor, p.due_minor,"
    " p.disputed_minor, p.goodwill_minor, p.reason, p.late, p.provider, p.provider_reference, "
    DS_MICROS_SQL("p.initiated_at") ", " DS_MICROS_SQL("p.captured_at")
    " FROM shop.orders o LEFT JOIN shop.payments p ON p.order_id = o.order_id"
    " WHERE o.order_id = $5 AND " DS_SIGHT_SQL("o")};

/* One row a refund, from its events; a refund that failed is tried again under another key. */
static const struct ds_sql order_refunds = {
    "order_refunds",
    "SELECT o.currency, r.refund_key, r.amount_minor, r.status, r.reason, "
    DS_MICROS_SQL("r.requested_at") ", " DS_MICROS_SQL("r.ended_at")
    " FROM shop.orders o LEFT JOIN LATERAL ("
    "  SELECT e.body->>'refund_key' AS refund_key, max((e.body->>'amount_minor')::bigint) AS amount_minor,"
    "   CASE WHEN bool_or(e.ce_type = 'payment.refunded') THEN 'succeeded'"
    "    WHEN bool_or(e.ce_type = 'payment.refund_failed') THEN 'failed' ELSE 'requested' END AS status,"
    "   max(e.body->>'reason') AS reason, min(e.at) AS requested_at,"
    "   max(e.at) FILTER (WHERE e.ce_type <> 'payment.refund_initiated') AS ended_at"
    "  FROM (SELECT ce_type, at, data AS body FROM shop.timeline"
    "   WHERE order_id = $5 AND topic = 'payment.events'"
    "   AND ce_type IN ('payment.refund_initiated', 'payment.refunded', 'payment.refund_failed')) e"
    "  GROUP BY 1) r ON true"
    " WHERE o.order_id = $5 AND " DS_SIGHT_SQL("o") " ORDER BY r.requested_at, r.refund_key LIMIT 100"};
/* clang-format on */

static json_t *money(const PGresult *rows, int row, int column, int currency)
{
    return ds_out_money(ds_cell_int(rows, row, column), ds_cell(rows, row, currency));
}

static json_t *payment_json(const PGresult *rows, int row)
{
    enum { STATUS, METHOD, CURRENCY, CHARGED, CAPTURED, REFUNDED, DUE, DISPUTED, GOODWILL };
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o}", "status",
        ds_cell_text(rows, row, STATUS), "method", ds_cell_text(rows, row, METHOD), "charged",
        money(rows, row, CHARGED, CURRENCY), "captured", money(rows, row, CAPTURED, CURRENCY),
        "refunded", money(rows, row, REFUNDED, CURRENCY), "due", money(rows, row, DUE, CURRENCY),
        "disputed", money(rows, row, DISPUTED, CURRENCY), "goodwill",
        money(rows, row, GOODWILL, CURRENCY), "reason", ds_cell_text(rows, row, GOODWILL + 1),
        "late", (int)ds_cell_bool(rows, row, GOODWILL + 2), "provider",
        ds_cell_text(rows, row, GOODWILL + 3), "providerReference",
        ds_cell_text(rows, row, GOODWILL + 4), "initiatedAt", ds_cell_time(rows, row, GOODWILL + 5),
        "capturedAt", ds_cell_time(rows, row, GOODWILL + 6));
}

static json_t *refund_json(const PGresult *rows, int row)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "refundKey", ds_cell_text(rows, row, 1), "amount",
                     money(rows, row, 2, 0), "status", ds_cell_text(rows, row, 3), "reason",
                     ds_cell_text(rows, row, 4), "requestedAt", ds_cell_time(rows, row, 5),
                     "endedAt", ds_cell_time(rows, row, 6));
}

/* An order without money yet has one row, and nothing in it but `marker`, NULL. */
static bool run_list(ds_request_t *request, ds_db_t *db, const struct ds_sql *sql, int marker,
                     json_t *(*row_json)(const PGresult *rows, int row), ds_error_t *error)
{
    struct ds_sight sight;
    PGresult *rows = NULL;
    ds_sight_of(request, &sight);
    const char *params[] = {sight.all, sight.customer, NULL, sight.stores,
                            ds_request_text(request, "%.*s",
                                            DS_STR_ARG(ds_request_arg(request, 0)))};
    if (!ds_db_query(db, sql, 5, params, &rows, error))
        return false;
    if (PQntuples(rows) == 0) {
        ds_answer_error(request, 404, "order_unknown", "there is no such order");
    } else {
        json_t *list = json_array();
        for (int row = 0; row < PQntuples(rows); row++)
            if (!PQgetisnull(rows, row, marker))
                (void)json_array_append_new(list, row_json(rows, row));
        ds_answer_page(request, list, 100, (ds_str_t){0});
    }
    PQclear(rows);
    return true;
}

static bool run_payments(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    return run_list(request, db, &order_payments, 0, payment_json, error);
}

static bool run_refunds(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    return run_list(request, db, &order_refunds, 1, refund_json, error);
}

void ds_get_order_payments(ds_request_t *request)
{
    ds_query_start(request, run_payments);
}

void ds_get_order_refunds(ds_request_t *request)
{
    ds_query_start(request, run_refunds);
}
