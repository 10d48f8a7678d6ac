/* The api's queries against a real PostgreSQL: rows are put into the read model by hand. Kafka is a
 * mock. */
#include "api/idempotency.h"
#include "api/tokens.h"
#include "tests/component/api/kit.h"
#include "tests/integration/projections/pg_kit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct kit kit;
static struct ds_pg_kit pg;

static void execute(const char *sql)
{
    PGresult *result = PQexec(pg.db, sql);
    cr_assert(PQresultStatus(result) == PGRES_COMMAND_OK ||
                  PQresultStatus(result) == PGRES_TUPLES_OK,
              "%s", PQerrorMessage(pg.db));
    PQclear(result);
}

static const char rows[] =
    "INSERT INTO read_v1.orders (order_id, store_id, customer_id, status, cancel_requested,"
    " payment_method, currency, subtotal_minor, delivery_fee_minor, total_minor, command_id, "
    "body_hash,"
    " correlation_id, placed_at, updated_at, partition, first_offset, last_offset)"
    " SELECT 'berlin-1.O' || n, 'berlin-1', CASE WHEN n < 4 THEN 'anna' ELSE 'eva' END, "
    "'confirmed',"
    " false, 'card', 'EUR', 238, 199, 437, 'C' || n, 'H', 'x',"
    " timestamptz '2026-11-21 07:30:33.123456Z' + n * interval '1 second', now(), 0, n, n"
    " FROM generate_series(1, 5) n;"
    "INSERT INTO read_v1.order_lines VALUES ('berlin-1.O1', 1, 'berlin-1.milk', 'Milk', 2, 0, 119,"
    " 238, 3, 1);"
    "INSERT INTO read_v1.order_addresses (order_id, street, city, lat_e6, lng_e6, last_offset)"
    " VALUES ('berlin-1.O1', 'Main St 1', 'Berlin', 52500000, 13400000, 1);"
    "INSERT INTO read_v1.payments (order_id, status, method, currency, charged_minor, "
    "captured_minor,"
    " refunded_minor, refund_open_minor, due_minor, disputed_minor, late, refund_number, "
    "updated_at,"
    " partition, last_offset) VALUES ('berlin-1.O1', 'succeeded', 'card', 'EUR', 437, 437, 0, 0, "
    "437, 0,"
    " false, 0, now(), 0, 7);"
    "INSERT INTO read_v1.deliveries (order_id, store_id, customer_id, status, courier_id, "
    "courier_name,"
    " vehicle, offer_number, attempt, payment_method, total_minor, currency, placed_at, "
    "requested_at,"
    " search_until, picked_up_at, updated_at, partition, last_offset) VALUES ('berlin-1.O1', "
    "'berlin-1',"
    " 'anna', 'in_transit', 'berlin-1.max', 'Max', 'bicycle', 1, 0, 'cash_on_delivery', 437, "
    "'EUR', now(),"
    " now(), now(), now(), now(), 0, 9);"
    "INSERT INTO read_v1.couriers (courier_id, store_id, vehicle, capacity, online, lat_e6, lng_e6,"
    " seen_at, updated_at, last_offset) VALUES ('berlin-1.max', 'berlin-1', 'bicycle', 1, true, "
    "52510000,"
    " 13410000, now() + interval '1 minute', now(), 9);"
    "INSERT INTO read_v1.timeline (topic, partition, event_offset, ce_type, event_id, order_id,"
    " aggregate, at, actor_kind, actor_id, correlation_id, data) VALUES ('delivery.events', 0, 9,"
    " 'delivery.in_transit', 'e', 'berlin-1.O1', 'berlin-1.O1', '2026-11-21 07:30:33.5Z', "
    "'courier',"
    " 'berlin-1.max', 'x', '{}');"
    "INSERT INTO read_v1.offers VALUES ('berlin-1.O2-1', 'berlin-1.O2', 'berlin-1.max', 1, 'open', "
    "now(),"
    " now() + interval '30 s', NULL, 11);"
    "INSERT INTO read_v1.stock SELECT 'berlin-1.p' || n, 'berlin-1', 10, 8, 1, 1, n = 2, NULL, "
    "now(), n"
    " FROM generate_series(1, 3) n;"
    "INSERT INTO read_v1.commands VALUES ('order.commands', 0, 5, '01ARZ3NDEKTSV4RRFFQ69G5FAV',"
    " 'refused', 'order_picked_up', NULL, 'H', 'berlin-1.O1', 'command.rejected', 'customer', "
    "'anna', 'x',"
    " now(), now(), 20);"
    "INSERT INTO read_v1.position (topic, partition, log_id, last_offset, commands_through, "
    "event_time)"
    " VALUES ('order.events', 0, 'LOG', 20, 5, now()), ('order.events', 1, 'LOG', 20, 5, now()),"
    " ('order.events', 2, 'LOG', 20, 5, now());";

static void start(void)
{
    ds_pg_kit_init(&pg, "api");
    ds_pg_kit_migrate(&pg);
    execute(rows);
    kit_init(&kit);
    kit_mock_kafka(&kit);
    kit.settings.database_url = pg.url;
    kit_start(&kit);
    cr_assert(kit_wait_status(&kit, "/readyz/queries", 200));
}

static void stop(void)
{
    kit_stop(&kit);
    ds_pg_kit_cleanup(&pg);
}

TestSuite(queries, .init = start, .fini = stop, .timeout = 120);

static struct answer get(const char *who, const char *path)
{
    return kit_call_as(&kit, who, "GET", path, "", NULL);
}

static void expect(struct answer answer, int status, const char *code)
{
    cr_assert_eq(answer.status, status, "status %d, body %s", answer.status, answer.body);
    cr_assert_str_eq(answer_code(&answer), code, "%s", answer.body);
    answer_free(&answer);
}

static const json_t *data_of(const struct answer *answer)
{
    return json_object_get(answer->json, "data");
}

static const char *next_of(const struct answer *answer)
{
    return json_string_value(json_object_get(json_object_get(answer->json, "page"), "next"));
}

Test(queries, an_order_is_shown_with_all_its_parts)
{
    struct answer answer = get("customer:anna", "/api/orders/berlin-1.O1");
    const json_t *order = data_of(&answer);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    const json_t *line = json_array_get(json_object_get(order, "lines"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(line, "productId")), "berlin-1.milk");
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(line, "total"), "text")),
                     "2.38");
    cr_assert_str_eq(json_string_value(json_object_get(order, "createdAt")),
                     "2026-11-21T07:30:34.123456Z");
    const json_t *payment = json_object_get(order, "payment");
    cr_assert_str_eq(json_string_value(json_object_get(payment, "status")), "succeeded");
    const json_t *address = json_object_get(json_object_get(order, "delivery"), "address");
    cr_assert_str_eq(json_string_value(json_object_get(address, "city")), "Berlin");
    cr_assert_null(json_object_get(address, "phone"));
    char *etag = answer_header(&answer, "ETag");
    cr_assert_str_eq(etag, "\"o1-7-9\"");
    free(etag);
    answer_free(&answer);
    expect(kit_call_as(&kit, "customer:anna", "GET", "/api/orders/berlin-1.O1",
                       "If-None-Match: \"o1-7-9\"\r\n", NULL),
           304, "");
}

Test(queries, an_order_is_seen_by_whom_it_concerns_and_nobody_else)
{
    expect(get("customer:eva", "/api/orders/berlin-1.O1"), 404, "order_unknown");
    expect(get("courier:berlin-1.max", "/api/orders/berlin-1.O1"), 200, "");
    expect(get("courier:berlin-1.eva", "/api/orders/berlin-1.O1"), 404, "order_unknown");
    expect(get("staff:jo:berlin-1,paris-1", "/api/orders/berlin-1.O1"), 200, "");
    expect(get("staff:jo:paris-1", "/api/orders/berlin-1.O1"), 404, "order_unknown");
    expect(get("admin:root", "/api/orders/berlin-1.O1"), 200, "");
    expect(get("admin:root", "/api/orders/berlin-1.nothing"), 404, "order_unknown");
}

Test(queries, orders_are_listed_newest_first_in_pages)
{
    struct answer page = get("customer:anna", "/api/orders?limit=2&status=confirmed&store=berlin-1"
                                              "&from=2026-01-01T00:00:00Z");
    char path[1024];
    cr_assert_eq(page.status, 200, "%s", page.body);
    cr_assert_eq(json_array_size(data_of(&page)), 2);
    cr_assert_str_eq(
        json_string_value(json_object_get(json_array_get(data_of(&page), 0), "orderId")),
        "berlin-1.O3");
    (void)snprintf(path, sizeof path,
                   "/api/orders?limit=2&status=confirmed&store=berlin-1&from=2026-01-01T00:00:00Z"
                   "&cursor=%s",
                   next_of(&page));
    struct answer rest = get("customer:anna", path);
    cr_assert_eq(json_array_size(data_of(&rest)), 1, "%s", rest.body);
    cr_assert_null(next_of(&rest));
    char *link = answer_header(&page, "Link");
    cr_assert_not_null(strstr(link, "rel=\"next\""));
    free(link);
    answer_free(&page);
    answer_free(&rest);
    struct answer all = get("admin:root", "/api/orders");
    cr_assert_eq(json_array_size(data_of(&all)), 5);
    answer_free(&all);
    expect(get("customer:anna", "/api/orders?status=lost"), 400, "invalid_parameter");
    expect(get("customer:anna", "/api/orders?from=yesterday"), 400, "invalid_parameter");
}

Test(queries, a_commands_outcome_is_shown_to_its_caller)
{
    struct answer answer = get("customer:anna", "/api/commands/01ARZ3NDEKTSV4RRFFQ69G5FAV");
    cr_assert_str_eq(answer_data(&answer, "status"), "refused", "%s", answer.body);
    cr_assert_str_eq(answer_data(&answer, "reason"), "order_picked_up");
    answer_free(&answer);
    expect(get("customer:eva", "/api/commands/01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404, "not_found");
    expect(get("customer:anna", "/api/commands/01BRZ3NDEKTSV4RRFFQ69G5FAV"), 404, "not_found");
}

static void expect_cash(int64_t amount)
{
    struct answer work = get("courier:berlin-1.max", "/api/couriers/berlin-1.max/deliveries");
    const json_t *cash = json_object_get(json_array_get(data_of(&work), 0), "cashToCollect");
    cr_assert_eq(json_integer_value(json_object_get(cash, "amount")), amount, "%s", work.body);
    answer_free(&work);
}

Test(queries, stock_offers_deliveries_and_track_are_shown)
{
    struct answer stock = get("staff:jo:berlin-1", "/api/stores/berlin-1/stock?low=true");
    cr_assert_eq(json_array_size(data_of(&stock)), 1, "%s", stock.body);
    answer_free(&stock);
    stock = get("staff:jo:berlin-1", "/api/stores/berlin-1/stock?limit=2");
    cr_assert_not_null(next_of(&stock), "%s", stock.body);
    answer_free(&stock);
    struct answer offers = get("courier:berlin-1.max", "/api/couriers/berlin-1.max/offers");
    cr_assert_eq(json_array_size(data_of(&offers)), 1, "%s", offers.body);
    answer_free(&offers);
    expect_cash(437);
    struct answer track = get("customer:anna", "/api/deliveries/berlin-1.O1/track");
    const json_t *event = json_array_get(json_object_get(data_of(&track), "events"), 0);
    cr_assert_eq(track.status, 200, "%s", track.body);
    cr_assert_str_eq(json_string_value(json_object_get(event, "at")),
                     "2026-11-21T07:30:33.500000Z");
    cr_assert_not_null(json_object_get(json_object_get(data_of(&track), "location"), "lat"));
    answer_free(&track);
    expect(get("customer:eva", "/api/deliveries/berlin-1.O1/track"), 404, "delivery_unknown");
}

/* Earlier versions did not say to the delivery what the cancelled lines leave to pay. */
Test(queries, cash_is_what_is_left_of_the_order_whichever_version_cancelled_its_lines)
{
    execute("UPDATE read_v1.orders SET total_minor = 318 WHERE order_id = 'berlin-1.O1'");
    expect_cash(318);
    execute("UPDATE read_v1.deliveries SET total_minor = 318 WHERE order_id = 'berlin-1.O1'");
    expect_cash(318);
    execute("DELETE FROM read_v1.orders WHERE order_id = 'berlin-1.O1'");
    expect_cash(318);
}

static struct answer with_token(const char *identity, int64_t offset)
{
    struct ds_token token = {.topic = DS_TOPIC_ORDER, .partition = 0, .offset = offset};
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t text;
    char header[512];
    (void)snprintf(token.identity, sizeof token.identity, "%s", identity);
    ds_buf_init(&text, 512);
    cr_assert(ds_token_write(&token, (ds_bytes_t){(const uint8_t *)KIT_SECRET, 32}, &text, &error));
    (void)snprintf(header, sizeof header, "Consistency-Token: %.*s\r\n", (int)text.len,
                   (const char *)text.data);
    ds_buf_cleanup(&text);
    return kit_call_as(&kit, "customer:anna", "GET", "/api/orders/berlin-1.O1", header, NULL);
}

Test(queries, a_consistency_token_is_met_waited_for_or_foreign)
{
    expect(with_token("LOG", 5), 200, "");
    expect(with_token("", 5), 200, "");
    expect(with_token("OTHER", 5), 409, "consistency_token_foreign");
    kit.settings.behind_wait_us = 300000;
    struct answer behind = with_token("LOG", 6);
    const json_t *detail =
        json_array_get(json_object_get(json_object_get(behind.json, "error"), "details"), 0);
    cr_assert(json_is_number(json_object_get(detail, "lagSeconds")), "%s", behind.body);
    expect(behind, 503, "behind");
}

Test(queries, a_waiting_query_goes_on_when_the_read_model_comes)
{
    struct ds_token token = {
        .identity = "LOG", .topic = DS_TOPIC_ORDER, .partition = 0, .offset = 6};
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t text;
    char request[2048];
    ds_buf_init(&text, 512);
    cr_assert(ds_token_write(&token, (ds_bytes_t){(const uint8_t *)KIT_SECRET, 32}, &text, &error));
    char *jwt = kit_token("anna", "customer", "", 60);
    int len = snprintf(request, sizeof request,
                       "GET /api/orders/berlin-1.O1?after=%.*s HTTP/1.1\r\nHost: t\r\n"
                       "Authorization: Bearer %s\r\n\r\n",
                       (int)text.len, (const char *)text.data, jwt);
    free(jwt);
    ds_buf_cleanup(&text);
    kit.settings.behind_wait_us = 9 * DS_US_PER_S; /* a disk may take its time for the update */
    int fd = kit_connect(&kit);
    kit_send(fd, request, (size_t)len);
    execute("UPDATE read_v1.position SET commands_through = 6");
    struct answer answer = kit_read(fd, KIT_PATIENCE_MS);
    expect(answer, 200, "");
}

/* --- commands of a quarantined order: no row of shop.commands says what became of them */

#define WAITING_ID "01ARZ3NDEKTSV4RRFFQ69G5FB0"

static struct answer waiting_command(const char *who)
{
    struct ds_token token = {
        .identity = "LOG", .topic = DS_TOPIC_ORDER, .partition = 0, .offset = 4};
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t text;
    char path[512];
    ds_buf_init(&text, 512);
    cr_assert(ds_token_write(&token, (ds_bytes_t){(const uint8_t *)KIT_SECRET, 32}, &text, &error));
    (void)snprintf(path, sizeof path, "/api/commands/" WAITING_ID "?after=%.*s", (int)text.len,
                   (const char *)text.data);
    ds_buf_cleanup(&text);
    return get(who, path);
}

static void expect_command(const char *status, const char *reason)
{
    struct answer answer = waiting_command("customer:anna");
    cr_assert_eq(answer.status, 200, "status %d, body %s", answer.status, answer.body);
    cr_assert_str_eq(answer_data(&answer, "status"), status, "%s", answer.body);
    if (reason == NULL)
        cr_assert(strstr(answer.body, "\"reason\":null") != NULL, "%s", answer.body);
    else
        cr_assert_str_eq(answer_data(&answer, "reason"), reason, "%s", answer.body);
    cr_assert_str_eq(answer_data(&answer, "commandId"), WAITING_ID);
    cr_assert_str_eq(answer_data(&answer, "target"), "berlin-1.O1");
    answer_free(&answer);
}

/* `cause` is the offset of the command that the event answers. */
static void add_to_timeline(int offset, const char *type, const char *actor, int cause,
                            const char *data)
{
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO read_v1.timeline (topic, partition, event_offset, ce_type, event_id,"
        " aggregate, at, actor_kind, actor_id, correlation_id, cause_kind, cause_topic,"
        " cause_offset, data) VALUES ('order.events', 0, %d, 'doorstep.%s', 'e%d',"
        " 'berlin-1.O1', now(), 'customer', '%s', 'x', 'input', 'order.commands', %d,"
        " '%s')",
        offset, type, offset, actor, cause, data);
    execute(sql);
}

Test(queries, a_command_that_waits_is_held_until_it_is_decided)
{
    expect(waiting_command("customer:anna"), 404, "not_found");
    add_to_timeline(18, "aggregate_quarantined", "anna", 4, "{}");
    expect_command("held", NULL);
    add_to_timeline(19, "aggregate_quarantined", "order", 4, "{}"); /* released, and again */
    expect_command("held", NULL);
    expect(waiting_command("customer:eva"), 404, "not_found");
    struct answer seen = waiting_command("admin:root");
    expect(seen, 200, "");
    execute("INSERT INTO read_v1.commands VALUES ('order.commands', 0, 4, '" WAITING_ID "', 'done',"
            " NULL, NULL, 'H', 'berlin-1.O1', 'order.cancelled', 'customer', 'anna', 'x', now(),"
            " now(), 20)");
    expect_command("done", NULL);
}

Test(queries, a_command_that_was_dropped_is_refused)
{
    add_to_timeline(18, "input_held", "anna", 4, "{}");
    add_to_timeline(19, "input_dropped", "jo", 5, "{\"topic\":\"order.events\",\"offset\":4}");
    add_to_timeline(20, "input_dropped", "jo", 5, "{\"topic\":\"order.commands\",\"offset\":3}");
    expect_command("held", NULL);
    add_to_timeline(21, "input_dropped", "jo", 5, "{\"topic\":\"order.commands\",\"offset\":4}");
    expect_command("refused", "dropped");
}

Test(queries, a_command_that_was_edited_has_the_outcome_of_what_stands_in_its_place)
{
    add_to_timeline(18, "input_held", "anna", 4, "{}");
    add_to_timeline(19, "input_edited", "jo", 6, "{\"topic\":\"order.commands\",\"offset\":4}");
    add_to_timeline(20, "input_edited", "jo", 7, "{\"topic\":\"order.commands\",\"offset\":6}");
    expect_command("held", NULL);
    execute("INSERT INTO read_v1.commands VALUES ('order.commands', 0, 7, 'ANOTHER', 'refused',"
            " 'order_picked_up', NULL, 'H', 'berlin-1.O1', 'command.rejected', 'staff', 'jo', 'x',"
            " now(), now(), 21)");
    expect_command("refused", "order_picked_up");
}

/* The token is that of another command, which waits. */
Test(queries, a_command_is_not_held_because_another_of_its_caller_is)
{
    add_to_timeline(18, "input_held", "anna", 4, "{}");
    execute("INSERT INTO read_v1.commands VALUES ('order.commands', 0, 3, '" WAITING_ID "', 'done',"
            " NULL, NULL, 'H', 'berlin-1.O1', 'order.created', 'customer', 'anna', 'x', now(),"
            " now(), 15)");
    expect_command("done", NULL);
    expect(waiting_command("customer:eva"), 404, "not_found");
}

Test(queries, a_command_that_nobody_knows_has_no_outcome_of_another)
{
    add_to_timeline(18, "input_held", "anna", 4, "{}");
    execute("INSERT INTO read_v1.commands VALUES ('order.commands', 0, 4, 'ANOTHER', 'done',"
            " NULL, NULL, 'H', 'berlin-1.O1', 'order.cancelled', 'customer', 'anna', 'x', now(),"
            " now(), 20)");
    expect(waiting_command("customer:anna"), 404, "not_found");
}

/* A replica that has not seen what others kept. */
static void start_anew(void)
{
    ds_api_stop(kit.api);
    kit_start(&kit);
    cr_assert(kit_wait_status(&kit, "/readyz/queries", 200));
}

Test(queries, a_key_the_read_model_knows_is_a_repeat)
{
    static const char body[] = "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}],"
                               "\"deliveryAddress\":{\"street\":\"S\",\"city\":\"B\"}}";
    struct answer first =
        kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "Idempotency-Key: k9\r\n", body);
    char sql[512];
    cr_assert_eq(first.status, 202, "%s", first.body);
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO read_v1.commands VALUES ('order.commands', 0, 3, '%s', 'done', NULL,"
        " NULL, 'ANOTHER', 'x', 'order.created', 'customer', 'anna', 'x', now(), now(), 2)",
        answer_data(&first, "commandId"));
    execute(sql);
    answer_free(&first);
    start_anew();
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "Idempotency-Key: k9\r\n",
                       body),
           422, "idempotency_mismatch");
}

/* Without the token the replica still knows where it put the command. */
Test(queries, a_command_that_waits_is_held_without_a_token_too)
{
    static const char body[] = "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}],"
                               "\"deliveryAddress\":{\"street\":\"S\",\"city\":\"B\"}}";
    char path[128];
    char sql[256];
    struct answer kept = kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "", body);
    cr_assert_eq(kept.status, 202, "%s", kept.body);
    (void)snprintf(path, sizeof path, "/api/commands/%s", answer_data(&kept, "commandId"));
    answer_free(&kept);
    struct answer accepted = get("customer:anna", path);
    const json_t *position = json_object_get(json_object_get(accepted.json, "data"), "position");
    cr_assert_str_eq(answer_data(&accepted, "status"), "accepted", "%s", accepted.body);
    add_to_timeline(18, "input_held", "anna",
                    (int)json_integer_value(json_object_get(position, "offset")), "{}");
    (void)snprintf(sql, sizeof sql,
                   "UPDATE read_v1.timeline SET partition = %d WHERE event_offset = 18",
                   (int)json_integer_value(json_object_get(position, "partition")));
    execute(sql);
    answer_free(&accepted);
    struct answer held = get("customer:anna", path);
    cr_assert_str_eq(answer_data(&held, "status"), "held", "%s", held.body);
    answer_free(&held);
}

/* @param token_out  free it. */
static void keep_order(char path_out[128], char **token_out, int *partition_out, int *offset_out)
{
    static const char body[] = "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}],"
                               "\"deliveryAddress\":{\"street\":\"S\",\"city\":\"B\"}}";
    struct answer kept = kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "", body);
    cr_assert_eq(kept.status, 202, "%s", kept.body);
    *token_out = answer_header(&kept, "Consistency-Token");
    (void)snprintf(path_out, 128, "/api/commands/%s", answer_data(&kept, "commandId"));
    answer_free(&kept);
    struct answer accepted = get("customer:anna", path_out);
    const json_t *position = json_object_get(data_of(&accepted), "position");
    *partition_out = (int)json_integer_value(json_object_get(position, "partition"));
    *offset_out = (int)json_integer_value(json_object_get(position, "offset"));
    answer_free(&accepted);
}

static void expect_with(const char *token, const char *path, const char *status)
{
    char header[512];
    (void)snprintf(header, sizeof header, "Consistency-Token: %s\r\n", token);
    struct answer answer = kit_call_as(&kit, "customer:anna", "GET", path, header, NULL);
    if (status == NULL)
        cr_assert_eq(answer.status, 404, "%s", answer.body);
    else
        cr_assert_str_eq(answer_data(&answer, "status"), status, "%s", answer.body);
    answer_free(&answer);
}

Test(queries, a_replica_does_not_take_commands_that_it_knows_for_one_another)
{
    enum { FLOWS, WAITS, COUNT };
    char paths[COUNT][128];
    char *tokens[COUNT];
    int partitions[COUNT];
    int offsets[COUNT];
    char sql[256];
    for (int i = 0; i < COUNT; i++)
        keep_order(paths[i], &tokens[i], &partitions[i], &offsets[i]);
    add_to_timeline(18, "input_held", "anna", offsets[WAITS], "{}");
    (void)snprintf(sql, sizeof sql,
                   "UPDATE read_v1.timeline SET partition = %d"
                   " WHERE event_offset = 18",
                   partitions[WAITS]);
    execute(sql);
    execute("UPDATE read_v1.position SET commands_through = 99");
    expect_with(tokens[WAITS], paths[WAITS], "held");
    expect_with(tokens[WAITS], paths[FLOWS], "accepted");
    expect_with(tokens[FLOWS], paths[WAITS], "held");
    expect_with(tokens[WAITS], "/api/commands/" WAITING_ID, NULL);
    for (int i = 0; i < COUNT; i++)
        free(tokens[i]);
}

Test(queries, a_keyed_order_the_catalogue_refuses_is_looked_up_first)
{
    static const char body[] = "{\"lines\":[{\"productId\":\"berlin-1.gone\",\"quantity\":2}],"
                               "\"deliveryAddress\":{\"street\":\"S\",\"city\":\"B\"}}";
    /* Everything in the partition is decided, and nothing has that id. */
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "Idempotency-Key: g1\r\n",
                       body),
           404, "product_unknown");
    /* Something in it is not decided yet: the earlier attempt may be it. */
    execute("UPDATE read_v1.position SET commands_through = -1");
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "",
                       "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}],"
                       "\"deliveryAddress\":{\"street\":\"S\",\"city\":\"B\"}}"),
           202, "");
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "Idempotency-Key: g1\r\n",
                       body),
           503, "outcome_unknown");
}

#define CASH_ORDER                                                                                 \
    "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}],\"paymentMethod\":"             \
    "\"cash_on_delivery\",\"deliveryAddress\":{\"street\":\"S\",\"city\":\"B\"}}"

static struct answer cash_order(const char *key)
{
    char header[64];
    (void)snprintf(header, sizeof header, "Idempotency-Key: %s\r\n", key);
    return kit_call_as(&kit, "customer:anna", "POST", "/api/orders", header, CASH_ORDER);
}

/* It is kept and decided, as the read model says too. */
static void keep_cash_order(const char *key)
{
    struct answer answer = cash_order(key);
    json_t *body = json_loads(CASH_ORDER, 0, NULL);
    ds_id_t hash;
    ds_error_t error = DS_ERROR_INIT;
    char sql[512];
    cr_assert_eq(answer.status, 202, "%s", answer.body);
    cr_assert(ds_body_hash(body, &hash, &error), "%s", error.message);
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO read_v1.commands VALUES ('order.commands', 0, 3, '%s', 'done', NULL,"
        " NULL, '%s', 'x', 'order.created', 'customer', 'anna', 'x', now(), now(), 2)",
        answer_data(&answer, "commandId"), hash.text);
    execute(sql);
    json_decref(body);
    answer_free(&answer);
}

static void expect_replayed(struct answer answer)
{
    char *replayed = answer_header(&answer, "Idempotent-Replayed");
    cr_assert_eq(answer.status, 202, "status %d, body %s", answer.status, answer.body);
    cr_assert_str_eq(replayed, "true");
    free(replayed);
    answer_free(&answer);
}

Test(queries, a_keyed_order_that_was_kept_is_a_repeat_although_the_store_takes_cash_no_more)
{
    keep_cash_order("p1");
    kit_card_only(&kit);
    start_anew();
    expect_replayed(cash_order("p1"));
    struct answer refused = cash_order("p2");
    const json_t *detail =
        json_array_get(json_object_get(json_object_get(refused.json, "error"), "details"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(detail, "code")), "not_taken", "%s",
                     refused.body);
    expect(refused, 400, "invalid_field");
}

Test(queries, a_keyed_order_that_was_kept_is_a_repeat_although_prices_are_stale)
{
    keep_cash_order("p1");
    kit.settings.catalog_fresh_us = -1; /* nothing is as new as that */
    start_anew();
    expect_replayed(cash_order("p1"));
    expect(cash_order("p2"), 503, "catalog_stale");
}

/* --- a key that cannot be looked up in time */

static long backends(const char *where)
{
    char sql[1024];
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s'"
                   " AND application_name = 'doorstep api' AND %s",
                   pg.name, where);
    PGresult *result = PQexec(pg.admin, sql);
    cr_assert_eq(PQntuples(result), 1, "%s", PQerrorMessage(pg.admin));
    long number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

static void wait_until_none(const char *where)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    for (int left = 2000; backends(where) > 0; left--) {
        cr_assert_gt(left, 0, "there are still some that are %s", where);
        (void)nanosleep(&pause, NULL);
    }
}

/* Backends that are there already. */
static void those_of_now(char where[128])
{
    PGresult *result = PQexec(pg.admin, "SELECT now()");
    (void)snprintf(where, 128, "backend_start <= '%s'", PQgetvalue(result, 0, 0));
    PQclear(result);
}

/* Else every such command leaves a statement that waits on, and connects anew. */
Test(queries, a_lookup_that_takes_too_long_is_ended_by_the_server_and_keeps_its_connection)
{
    char before[128];
    char key[16];
    those_of_now(before);
    long count = backends(before);
    cr_assert_gt(count, 0);
    execute("BEGIN; LOCK TABLE read_v1.commands IN ACCESS EXCLUSIVE MODE");
    for (int i = 0; i < 12; i++) {
        (void)snprintf(key, sizeof key, "w%d", i);
        expect(cash_order(key), 202, "");
    }
    wait_until_none("state = 'active'");
    cr_expect_eq(backends(before), count);
    execute("COMMIT");
    keep_cash_order("w12");
    start_anew();
    expect_replayed(cash_order("w12"));
}

Test(queries, a_query_after_a_lookup_has_the_time_of_a_query)
{
    execute("CREATE OR REPLACE VIEW shop.order_addresses AS SELECT order_id, recipient, phone,"
            " street, current_setting('statement_timeout') AS city, state, zip_code, country,"
            " lat_e6, lng_e6, notes, sealed_key_id, hand_over_code FROM read_v1.order_addresses");
    kit.settings.query_threads = 1;
    start_anew();
    for (int i = 0; i < 2; i++) {
        expect(cash_order(i == 0 ? "t0" : "t1"), 202, "");
        struct answer answer = get("customer:anna", "/api/orders/berlin-1.O1");
        const json_t *delivery = json_object_get(data_of(&answer), "delivery");
        const json_t *address = json_object_get(delivery, "address");
        cr_assert_str_eq(json_string_value(json_object_get(address, "city")), "2s", "%s",
                         answer.body);
        answer_free(&answer);
    }
}

/* Sent, not read. */
static int begin_cash_order(const char *jwt, int number)
{
    char request[2048];
    int fd = kit_connect(&kit);
    int len = snprintf(request, sizeof request,
                       "POST /api/orders HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
                       "Idempotency-Key: h%d\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       jwt, number, strlen(CASH_ORDER), CASH_ORDER);
    kit_send(fd, request, (size_t)len);
    return fd;
}

/* Each order asks the hung leader of its commands. Were that done one after the other, it would
 * take longer than a query waits for its turn. */
Test(queries, they_are_answered_while_orders_ask_a_leader_that_hangs)
{
    enum { ORDERS = 20 };
    int orders[ORDERS];
    kit.settings.catalog_fresh_us = -1;
    start_anew();
    expect(cash_order("h"), 503, "catalog_stale");
    kit_slow_kafka(&kit, 10000);
    char *jwt = kit_token("anna", "customer", "", 60);
    for (int i = 0; i < ORDERS; i++)
        orders[i] = begin_cash_order(jwt, i);
    free(jwt);
    for (int i = 0; i < 2; i++)
        expect(get("customer:anna", "/api/orders/berlin-1.O1"), 200, "");
    for (int i = 0; i < ORDERS; i++)
        expect(kit_read(orders[i], KIT_PATIENCE_MS), 503, "outcome_unknown");
    kit_slow_kafka(&kit, 0);
}

/* ---- cost: what a person asks for must not read what others have ---- */

/* Rows of the table that statements have read so far. Other sessions report theirs with a delay. */
static long read_rows(const char *table, long *scans_out)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "SELECT seq_scan + idx_scan, seq_tup_read + idx_tup_fetch"
                   " FROM pg_stat_user_tables WHERE relname = '%s'",
                   table);
    PGresult *result = PQexec(pg.db, sql);
    cr_assert_eq(PQntuples(result), 1, "%s", PQerrorMessage(pg.db));
    *scans_out = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    long rows_read = strtol(PQgetvalue(result, 0, 1), NULL, 10);
    PQclear(result);
    return rows_read;
}

/* Asks ten times (a prepared statement may change its plan after five) and returns how many rows
 * of the table that took. */
static long rows_read_by(const char *who, const char *path, const char *table)
{
    const struct timespec pause = {0, 50 * 1000 * 1000};
    long scans_before;
    long scans = 0;
    long before = read_rows(table, &scans_before);
    long after = before;
    for (int i = 0; i < 10; i++)
        expect(get(who, path), 200, "");
    for (int i = 0; i < 400 && scans < scans_before + 10; i++) { /* until they are reported */
        (void)nanosleep(&pause, NULL);
        struct answer poke = get(who, "/api/commands/01ARZ3NDEKTSV4RRFFQ69G5FAV");
        answer_free(&poke); /* a session reports when it is asked again */
        after = read_rows(table, &scans);
    }
    cr_assert_geq(scans, scans_before + 10);
    return after - before;
}

Test(queries, a_list_of_orders_does_not_read_the_orders_of_others)
{
    execute(
        "INSERT INTO read_v1.orders (order_id, store_id, customer_id, status, cancel_requested,"
        " payment_method, currency, subtotal_minor, delivery_fee_minor, total_minor, command_id,"
        " body_hash, correlation_id, placed_at, updated_at, partition, first_offset, last_offset)"
        " SELECT 'berlin-1.X' || n, 'berlin-1', 'other-' || n, 'fulfilled', false, 'card', 'EUR',"
        " 238, 199, 437, 'X' || n, 'H', 'x', timestamptz '2026-11-22 00:00Z' + n * interval"
        " '1 second', now(), 0, n + 100, n + 100 FROM generate_series(1, 20000) n;"
        "ANALYZE read_v1.orders");
    cr_assert_lt(rows_read_by("customer:anna", "/api/orders", "orders"), 1000);
}

Test(queries, a_courier_s_open_deliveries_do_not_read_the_closed_ones)
{
    execute("INSERT INTO read_v1.deliveries (order_id, store_id, customer_id, status, courier_id,"
            " courier_name, vehicle, offer_number, attempt, payment_method, total_minor, currency,"
            " placed_at, requested_at, search_until, updated_at, partition, last_offset)"
            " SELECT 'berlin-1.X' || n, 'berlin-1', 'c', 'completed', 'berlin-1.max', 'Max',"
            " 'bicycle', 1, 0, 'card', 437, 'EUR', now(), now() + n * interval '1 second', now(),"
            " now(), 0, n + 100 FROM generate_series(1, 20000) n;"
            "ANALYZE read_v1.deliveries");
    cr_assert_lt(rows_read_by("courier:berlin-1.max",
                              "/api/couriers/berlin-1.max/deliveries?status=in_transit",
                              "deliveries"),
                 1000);
}
