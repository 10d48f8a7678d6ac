/* api/queries.h - what the queries share: who may see a row, times, paging. */
#ifndef DS_API_QUERIES_H
#define DS_API_QUERIES_H

#include "api/database.h"
#include "api/request.h"

/** Parameters $1-$4 of every query that shows orders: an admin sees all, a customer theirs, a
 * courier what is assigned to them, staff their stores. NULL where a role is missing, so that the
 * planner drops its condition. */
struct ds_sight {
    const char *all; /* "t" or "f" */
    const char *customer;
    const char *courier;
    const char *stores; /* "{berlin-1,paris-1}" */
};
#define DS_SIGHT_SQL(alias)                                                                        \
    "($1::bool OR " alias ".customer_id = $2 OR " alias ".courier_id = $3 OR " alias               \
    ".store_id = ANY ($4::text[]))"
#define DS_MICROS_SQL(column) "(extract(epoch FROM " column ") * 1000000)::bigint"
#define DS_FROM_MICROS_SQL(parameter)                                                              \
    "(timestamptz 'epoch' + " parameter "::bigint * interval '1 microsecond')"

void ds_sight_of(ds_request_t *request, struct ds_sight *sight_out);
/** @brief An RFC 3339 time. @return false: malformed. */
DS_MUST_CHECK bool ds_time_parse(ds_str_t text, int64_t *time_us_out);
/** @brief The cell as time text; null when NULL. The column is in microseconds (DS_MICROS_SQL). */
json_t *ds_cell_time(const PGresult *rows, int row, int column);
json_t *ds_cell_text(const PGresult *rows, int row, int column);
/** @brief A cursor parameter. @return false: 400 stands in the request. */
DS_MUST_CHECK bool ds_query_cursor(ds_request_t *request, uint64_t filter, ds_str_t *key_out,
                                   ds_str_t *id_out);
/** @brief A cursor behind (key, id); empty without memory. */
ds_str_t ds_query_next(ds_request_t *request, uint64_t filter, ds_str_t key, ds_str_t id);
/** A list that is answered page by page. Its query asks for one row more than the limit: where that
 * comes there is a next page. */
struct ds_page_of_rows {
    int64_t limit;
    uint64_t filter;                                /* for the cursor */
    json_t *(*item)(const PGresult *rows, int row); /* one row as JSON, new */
    int key_column;                                 /* of the cursor; -1: its id says all */
    int id_column;
};
/** @brief Answer with the rows (borrowed) up to the limit, and a cursor behind the last. */
void ds_answer_rows(ds_request_t *request, const PGresult *rows,
                    const struct ds_page_of_rows *page);
/** @brief NULL for an empty text, else the text with a NUL. */
const char *ds_param_or_null(ds_request_t *request, ds_str_t text);

#endif
