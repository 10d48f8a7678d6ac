/* The server with a mock Kafka: commands are kept and answered 202, the catalogue prices and shows.
 * No database. */
#include "base/crypto.h"
#include "tests/component/api/kit.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct kit kit;

static void start(void)
{
    kit_init(&kit);
    kit_mock_kafka(&kit);
    kit_start(&kit);
}

static void stop(void)
{
    kit_stop(&kit);
}

TestSuite(commands, .init = start, .fini = stop, .timeout = 300);

#define ADDRESS  "\"deliveryAddress\":{\"street\":\"Main St 1\",\"city\":\"Berlin\"}"
#define TWO_MILK "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}]," ADDRESS "}"

static struct answer order(const char *headers, const char *body)
{
    return kit_call_as(&kit, "customer:anna", "POST", "/api/orders", headers, body);
}

static void expect(struct answer answer, int status, const char *code)
{
    cr_assert_eq(answer.status, status, "status %d, body %s", answer.status, answer.body);
    cr_assert_str_eq(answer_code(&answer), code, "%s", answer.body);
    answer_free(&answer);
}

Test(commands, an_order_is_answered_202_with_its_place)
{
    struct answer answer = order("", TWO_MILK);
    char *location = answer_header(&answer, "Location");
    char *token = answer_header(&answer, "Consistency-Token");
    cr_assert_eq(answer.status, 202, "%s", answer.body);
    cr_assert_eq(strncmp(answer_data(&answer, "orderId"), "berlin-1.", 9), 0);
    cr_assert_eq(strlen(answer_data(&answer, "orderId")), 9 + 26);
    cr_assert_str_eq(answer_data(&answer, "status"), "accepted");
    cr_assert_str_eq(answer_data(&answer, "statusUrl"), location);
    cr_assert_not_null(strstr(location, "?after=ct1."));
    cr_assert_str_eq(strstr(location, "ct1."), token);
    free(location);
    free(token);
    answer_free(&answer);
}

Test(commands, the_same_key_and_body_get_the_same_answer)
{
    struct answer first = order("Idempotency-Key: k1\r\n", TWO_MILK);
    struct answer again = order("Idempotency-Key: \"k1\"\r\n", TWO_MILK);
    char *replayed = answer_header(&again, "Idempotent-Replayed");
    cr_assert_eq(first.status, 202, "%s", first.body);
    cr_assert_str_eq(first.body, again.body);
    cr_assert_str_eq(replayed, "true");
    free(replayed);
    answer_free(&first);
    answer_free(&again);
    struct answer other = kit_call_as(&kit, "customer:eva", "POST", "/api/orders",
                                      "Idempotency-Key: k1\r\n", TWO_MILK);
    cr_assert_eq(other.status, 202);
    cr_assert_null(answer_header(&other, "Idempotent-Replayed"));
    answer_free(&other);
}

Test(commands, the_same_key_with_another_body_is_422)
{
    expect(order("Idempotency-Key: k1\r\n", TWO_MILK), 202, "");
    expect(order("Idempotency-Key: k1\r\n",
                 "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":3}]," ADDRESS "}"),
           422, "idempotency_mismatch");
}

Test(commands, the_body_is_compared_as_parsed_json)
{
    expect(order("Idempotency-Key: k1\r\n", TWO_MILK), 202, "");
    expect(order("Idempotency-Key: k1\r\n", "{ " ADDRESS " , \"lines\" : [ {\"quantity\":2,"
                                            "\"productId\":\"berlin-1.milk\"} ] }"),
           202, "");
}

Test(commands, an_order_may_say_whom_to_tell)
{
    expect(order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}]," ADDRESS
                     ",\"contact\":{\"email\":\"anna@shop.example\",\"pushToken\":\"device:1\","
                     "\"language\":\"de-AT\"}}"),
           202, "");
    expect(order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}]," ADDRESS
                     ",\"contact\":{\"email\":null}}"),
           202, "");
}

Test(commands, prices_come_from_the_catalogue)
{
    struct answer answer =
        order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}],"
                  "\"expectedTotal\":{\"amount\":1,\"currency\":\"EUR\"}," ADDRESS "}");
    json_t *detail =
        json_array_get(json_object_get(json_object_get(answer.json, "error"), "details"), 0);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(detail, "total"), "amount")),
                 2 * 119 + 199, "%s", answer.body);
    expect(answer, 409, "price_changed");
    expect(order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}],"
                     "\"expectedTotal\":{\"amount\":437,\"currency\":\"EUR\"}," ADDRESS "}"),
           202, "");
}

Test(commands, an_order_that_the_catalogue_refuses_is_not_kept)
{
    expect(order("",
                 "{\"lines\":[{\"productId\":\"berlin-1.nothing\",\"quantity\":2}]," ADDRESS "}"),
           404, "product_unknown");
    expect(order("", "{\"lines\":[{\"productId\":\"nowhere.milk\",\"quantity\":2}]," ADDRESS "}"),
           404, "store_unknown");
    expect(order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":11}]," ADDRESS "}"),
           409, "quantity_limit");
    expect(order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":6},"
                     "{\"productId\":\"berlin-1.milk\",\"quantity\":6}]," ADDRESS "}"),
           409, "quantity_limit");
    expect(order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":1}]," ADDRESS "}"),
           409, "below_minimum");
    expect(order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2},"
                     "{\"productId\":\"paris-1.milk\",\"quantity\":2}]," ADDRESS "}"),
           400, "mixed_stores");
    expect(order("", "{" ADDRESS "}"), 409, "cart_empty");
}

Test(commands, a_refused_line_is_named_as_it_was_sent)
{
    struct answer answer =
        order("", "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":1},"
                  "{\"productId\":\"berlin-1.milk\",\"quantity\":1},"
                  "{\"productId\":\"berlin-1.nothing\",\"quantity\":2}]," ADDRESS "}");
    json_t *detail =
        json_array_get(json_object_get(json_object_get(answer.json, "error"), "details"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(detail, "field")), "lines[2]", "%s",
                     answer.body);
    expect(answer, 404, "product_unknown");
}

Test(commands, a_blank_behind_a_key_does_not_make_it_another_key)
{
    struct answer first = order("Idempotency-Key: k1\r\n", TWO_MILK);
    struct answer again = order("Idempotency-Key: k1 \r\n", TWO_MILK);
    cr_assert_str_eq(first.body, again.body);
    answer_free(&first);
    answer_free(&again);
}

/* A shared or a browser's cache must not answer a reader who brings a Consistency-Token. */
Test(commands, what_is_public_varies_with_the_token)
{
    struct answer answer = kit_call(&kit, "GET", "/api/products", "", NULL);
    char *vary = answer_header(&answer, "Vary");
    cr_assert_not_null(vary);
    cr_assert_not_null(strstr(vary, "Consistency-Token"), "%s", vary);
    free(vary);
    answer_free(&answer);
}

Test(commands, staff_couriers_and_admins_are_answered_202)
{
    expect(
        kit_call_as(&kit, "admin:root", "POST", "/api/stores", "",
                    "{\"storeId\":\"rome-1\",\"name\":\"Roma\",\"currency\":\"EUR\",\"timeZone\":"
                    "\"Europe/Rome\",\"paymentMethods\":[\"card\",\"cash_on_delivery\"]}"),
        202, "");
    struct answer product =
        kit_call_as(&kit, "staff:jo:berlin-1", "POST", "/api/stores/berlin-1/products", "",
                    "{\"localId\":\"eggs\",\"name\":\"Eggs\",\"category\":\"dairy\",\"unit\":\"6\","
                    "\"price\":{\"amount\":250,\"currency\":\"EUR\"}}");
    cr_assert_str_eq(answer_data(&product, "productId"), "berlin-1.eggs", "%s", product.body);
    expect(product, 202, "");
    expect(kit_call_as(&kit, "staff:jo:berlin-1", "POST", "/api/stores/berlin-1/products", "",
                       "{\"items\":[{\"name\":\"A\",\"category\":\"c\",\"unit\":\"u\",\"price\":"
                       "{\"amount\":250,\"currency\":\"USD\"}}]}"),
           400, "invalid_field");
    expect(kit_call_as(&kit, "staff:jo:berlin-1", "POST", "/api/stores/berlin-1/stock/receive",
                       "Idempotency-Key: r1\r\n",
                       "{\"items\":[{\"productId\":\"berlin-1.milk\",\"quantity\":100}]}"),
           202, "");
    expect(kit_call_as(&kit, "courier:berlin-1.max", "POST", "/api/couriers/berlin-1.max/online",
                       "",
                       "{\"vehicle\":\"bicycle\",\"capacity\":2,\"location\":{\"lat\":52.5,"
                       "\"lng\":13.4}}"),
           202, "");
    expect(kit_call_as(&kit, "courier:berlin-1.max", "POST", "/api/offers/berlin-1.X-1/accept", "",
                       NULL),
           202, "");
    expect(kit_call_as(&kit, "courier:berlin-1.max", "POST", "/api/deliveries/berlin-1.X/pickup",
                       "", NULL),
           202, "");
    expect(kit_call_as(&kit, "staff:jo:berlin-1", "POST", "/api/deliveries/berlin-1.X/handover", "",
                       "{\"cashCollected\":{\"amount\":437,\"currency\":\"EUR\"}}"),
           202, "");
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders/berlin-1.X/cancel", "",
                       "{\"reason\":\"no\"}"),
           202, "");
}

Test(commands, cash_is_collected_in_the_currency_of_the_orders_store)
{
    static const char path[] = "/api/deliveries/berlin-1.X/handover";
    struct answer answer = kit_call_as(&kit, "staff:jo:berlin-1", "POST", path, "",
                                       "{\"cashCollected\":{\"amount\":437,\"currency\":\"JPY\"}}");
    json_t *detail =
        json_array_get(json_object_get(json_object_get(answer.json, "error"), "details"), 0);
    cr_assert_str_eq(answer_code(&answer), "invalid_field", "%s", answer.body);
    cr_expect_str_eq(json_string_value(json_object_get(detail, "field")), "cashCollected.currency");
    expect(answer, 400, "invalid_field");
    /* Of a store that is not known here nothing can be said. */
    expect(kit_call_as(&kit, "admin:root", "POST", "/api/deliveries/paris-1.X/handover", "",
                       "{\"cashCollected\":{\"amount\":437,\"currency\":\"JPY\"}}"),
           202, "");
}

Test(commands, products_are_shown_sorted_and_in_pages)
{
    struct answer page =
        kit_call(&kit, "GET", "/api/products?store=berlin-1&limit=1&sort=price", "", NULL);
    json_t *first = json_array_get(json_object_get(page.json, "data"), 0);
    const char *next =
        json_string_value(json_object_get(json_object_get(page.json, "page"), "next"));
    char path[1024];
    cr_assert_eq(page.status, 200, "%s", page.body);
    cr_assert_str_eq(json_string_value(json_object_get(first, "productId")), "berlin-1.milk");
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(first, "price"), "text")),
                     "1.19");
    cr_assert_not_null(next);
    (void)snprintf(path, sizeof path, "/api/products?store=berlin-1&limit=1&sort=price&cursor=%s",
                   next);
    struct answer rest = kit_call(&kit, "GET", path, "", NULL);
    cr_assert_str_eq(json_string_value(json_object_get(
                         json_array_get(json_object_get(rest.json, "data"), 0), "productId")),
                     "berlin-1.bread");
    cr_assert(json_is_null(json_object_get(json_object_get(rest.json, "page"), "next")));
    (void)snprintf(path, sizeof path, "/api/products?limit=1&sort=price&cursor=%s", next);
    expect(kit_call(&kit, "GET", path, "", NULL), 400, "invalid_cursor");
    answer_free(&page);
    answer_free(&rest);
}

Test(commands, a_known_etag_is_answered_304)
{
    struct answer answer = kit_call(&kit, "GET", "/api/v1/products/berlin-1.milk", "", NULL);
    char *etag = answer_header(&answer, "ETag");
    char header[256];
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    (void)snprintf(header, sizeof header, "If-None-Match: \"x\", W/%s\r\n", etag);
    expect(kit_call(&kit, "GET", "/api/products/berlin-1.milk", header, NULL), 304, "");
    free(etag);
    answer_free(&answer);
    expect(kit_call(&kit, "GET", "/api/products/berlin-1.cheese", "", NULL), 404,
           "product_unknown");
    expect(kit_call(&kit, "GET", "/api/stores/berlin-1", "", NULL), 200, "");
}

static _Atomic int64_t wall_us;

static int64_t told_now_us(const ds_clock_t *clock)
{
    (void)clock;
    return atomic_load(&wall_us);
}

static int64_t real_monotonic_us(const ds_clock_t *clock)
{
    (void)clock;
    return ds_monotonic_us(ds_system_clock());
}

static bool open_now(const struct answer *answer)
{
    const json_t *open = json_object_get(json_object_get(answer->json, "data"), "openNow");
    cr_assert(json_is_boolean(open), "%s", answer->body);
    return json_is_true(open);
}

Test(hours, a_known_etag_of_a_store_is_another_when_its_hours_are_over, .timeout = 300)
{
    static const ds_clock_t clock = {.now_us = told_now_us, .monotonic_us = real_monotonic_us};
    const int64_t end_s = 1768856400; /* Monday 2026-01-19, 22:00 in Berlin */
    char header[256];
    kit_init(&kit);
    kit.runtime.clock = &clock;
    atomic_store(&wall_us, (end_s - 1) * DS_US_PER_S);
    kit_mock_kafka(&kit);
    kit_mondays_only(&kit);
    kit_start(&kit);
    struct answer before = kit_call(&kit, "GET", "/api/stores/berlin-1", "", NULL);
    char *etag = answer_header(&before, "ETag");
    cr_assert(open_now(&before));
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", etag);
    expect(kit_call(&kit, "GET", "/api/stores/berlin-1", header, NULL), 304, "");
    atomic_store(&wall_us, end_s * DS_US_PER_S);
    struct answer after = kit_call(&kit, "GET", "/api/stores/berlin-1", header, NULL);
    cr_assert_eq(after.status, 200, "status %d", after.status);
    cr_assert_not(open_now(&after));
    free(etag);
    answer_free(&before);
    answer_free(&after);
    kit_stop(&kit);
}

/* Decided commands are known from catalog.events; nobody decides here. */
Test(commands, a_token_that_is_not_reached_is_503_behind)
{
    struct answer answer = kit_call_as(&kit, "admin:root", "POST", "/api/stores", "",
                                       "{\"storeId\":\"berlin-1\",\"name\":\"B\",\"currency\":"
                                       "\"EUR\",\"timeZone\":\"Europe/Berlin\","
                                       "\"paymentMethods\":[\"card\"]}");
    char *token = answer_header(&answer, "Consistency-Token");
    char header[512];
    (void)snprintf(header, sizeof header, "Consistency-Token: %s\r\n", token);
    free(token);
    answer_free(&answer);
    expect(kit_call(&kit, "GET", "/api/stores/berlin-1", header, NULL), 503, "behind");
}

static struct answer webhook_of(const char *provider, const char *id, const char *body,
                                int64_t age_s)
{
    ds_buf_t key, text, signature;
    ds_error_t error = DS_ERROR_INIT;
    uint8_t mac[DS_SHA256_BYTES];
    char headers[1024];
    char path[128];
    int64_t at_s = ds_now_us(ds_system_clock()) / DS_US_PER_S - age_s;
    ds_buf_init(&key, 256);
    ds_buf_init(&text, 4096);
    ds_buf_init(&signature, 256);
    cr_assert(ds_base64_decode(&key, ds_str(&KIT_WEBHOOK_SECRET[6]), &error));
    cr_assert(ds_buf_printf(&text, &error, "%s.%lld.%s", id, (long long)at_s, body));
    cr_assert(ds_hmac_sha256(ds_buf_bytes(&key), ds_buf_bytes(&text), mac, &error));
    cr_assert(ds_base64_append(&signature, (ds_bytes_t){mac, sizeof mac}, &error));
    (void)snprintf(headers, sizeof headers,
                   "webhook-id: %s\r\nwebhook-timestamp: %lld\r\n"
                   "webhook-signature: v1,AAAA v1,%.*s\r\n",
                   id, (long long)at_s, (int)signature.len, (const char *)signature.data);
    ds_buf_cleanup(&key);
    ds_buf_cleanup(&text);
    ds_buf_cleanup(&signature);
    (void)snprintf(path, sizeof path, "/api/webhooks/payments/%s", provider);
    return kit_call(&kit, "POST", path, headers, body);
}

static struct answer webhook(const char *id, const char *body, int64_t age_s)
{
    return webhook_of("sandbox", id, body, age_s);
}

#define CHARGED                                                                                    \
    "{\"type\":\"charge.succeeded\",\"data\":{\"reference\":\"berlin-1.X\",\"key\":"               \
    "\"berlin-1.X-c1\",\"id\":\"ch_1\",\"amount\":437,\"currency\":\"EUR\",\"reason\":null}}"

Test(providers, webhooks_are_those_of_the_provider_that_is_set, .timeout = 300)
{
    kit_init(&kit);
    kit.settings.payment_provider = "acme";
    kit_mock_kafka(&kit);
    kit_start(&kit);
    expect(webhook_of("acme", "wh1", CHARGED, 0), 200, "");
    expect(webhook_of("sandbox", "wh2", CHARGED, 0), 404, "not_found");
    kit_stop(&kit);
}

Test(commands, a_signed_webhook_is_kept_and_an_old_or_foreign_one_is_not)
{
    expect(webhook("wh1", CHARGED, 0), 200, "");
    expect(webhook("wh1", CHARGED, 0), 200, "");
    expect(webhook("wh2", CHARGED, 1000), 401, "bad_signature");
    expect(webhook("wh3", "{\"type\":\"payout.paid\",\"data\":{}}", 0), 422, "unroutable");
    expect(webhook("wh4",
                   "{\"type\":\"charge.succeeded\",\"data\":{\"reference\":\"berlin-1.X\",\"key\":"
                   "\"berlin-1.X-c1\",\"id\":\"ch_1\",\"amount\":437,\"currency\":\"e-1\"}}",
                   0),
           422, "unroutable");
}

Test(commands, requests_on_one_connection_are_answered_in_turn)
{
    static const char two[] = "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n"
                              "GET /api/products HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    struct answer answer = kit_raw(&kit, two, sizeof two - 1);
    cr_assert_eq(answer.status, 200);
    answer_free(&answer);
}

static size_t write_order(char *request, size_t bytes)
{
    char *token = kit_token("anna", "customer", "", 60);
    int len = snprintf(request, bytes,
                       "POST /api/orders HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       token, strlen(TWO_MILK), TWO_MILK);
    free(token);
    return (size_t)len;
}

static void *stop_in_thread(void *unused)
{
    stop();
    return unused;
}

/* Asks on a connection that is older than the drain: a new one is not taken any more. A server that
 * drains closes it behind the first answer it gives, which may still have been decided before.
 * Closes it. */
static void wait_for_drain(int fd)
{
    static const char ask[] = "GET /readyz HTTP/1.1\r\nHost: test\r\n\r\n";
    int64_t until_us = ds_monotonic_us(ds_system_clock()) + KIT_PATIENCE_MS * DS_US_PER_MS;
    bool draining = false;
    while (!draining && ds_monotonic_us(ds_system_clock()) < until_us) {
        kit_send(fd, ask, sizeof ask - 1);
        struct answer answer = kit_read(dup(fd), KIT_PATIENCE_MS); /* closes what it reads from */
        char *connection = answer_header(&answer, "Connection");
        draining = connection != NULL && strcmp(connection, "close") == 0;
        free(connection);
        answer_free(&answer);
    }
    (void)close(fd);
    cr_assert(draining);
}

/* Kafka answers while the server drains; one request's last byte comes only then, too. */
Test(stopping, a_server_that_drains_answers_what_was_under_way, .timeout = 300)
{
    enum { COUNT = 20 };
    int fds[COUNT];
    char request[4096];
    pthread_t stopper;
    start();
    int watch = kit_connect(&kit);
    kit_slow_kafka(&kit, 800);
    size_t len = write_order(request, sizeof request);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = kit_connect(&kit);
        kit_send(fds[i], request, i == 0 ? len - 1 : len);
    }
    struct answer live = kit_call(&kit, "GET", "/livez", "", NULL); /* what was sent was read */
    answer_free(&live);
    cr_assert_eq(pthread_create(&stopper, NULL, stop_in_thread, NULL), 0);
    wait_for_drain(watch);
    kit_send(fds[0], request + len - 1, 1);
    for (int i = 0; i < COUNT; i++) {
        struct answer answer = kit_read(fds[i], KIT_PATIENCE_MS);
        cr_assert_eq(answer.status, 202, "connection %d: %d %s", i, answer.status, answer.body);
        answer_free(&answer);
    }
    cr_assert_eq(pthread_join(stopper, NULL), 0);
}

Test(stopping, a_server_that_drains_lets_a_body_arrive, .timeout = 300)
{
    char request[4096];
    pthread_t stopper;
    start();
    size_t len = write_order(request, sizeof request);
    int watch = kit_connect(&kit);
    int fd = kit_connect(&kit);
    kit_send(fd, request, len - 1);
    struct answer live = kit_call(&kit, "GET", "/livez", "", NULL); /* what was sent was read */
    answer_free(&live);
    cr_assert_eq(pthread_create(&stopper, NULL, stop_in_thread, NULL), 0);
    wait_for_drain(watch);
    kit_send(fd, request + len - 1, 1);
    struct answer answer = kit_read(fd, KIT_PATIENCE_MS);
    char *connection = answer_header(&answer, "Connection");
    cr_assert_eq(answer.status, 202, "%d %s", answer.status, answer.body);
    cr_assert_not_null(connection);
    cr_assert_str_eq(connection, "close");
    free(connection);
    answer_free(&answer);
    cr_assert_eq(pthread_join(stopper, NULL), 0);
}

/* Long before it answers, and before the request's own time is over, which is 10 s. */
Test(pressure, a_kafka_that_stopped_answering_is_503_within_6_s, .timeout = 300)
{
    kit_init(&kit);
    kit_mock_kafka(&kit);
    kit.settings.message_timeout_us = DS_US_PER_S;
    kit_start(&kit);
    kit_slow_kafka(&kit, 30000);
    int64_t from_us = ds_monotonic_us(ds_system_clock());
    struct answer answer = order("", TWO_MILK);
    int64_t took_us = ds_monotonic_us(ds_system_clock()) - from_us;
    cr_assert_lt(took_us, 6 * DS_US_PER_S);
    expect(answer, 503, "outcome_unknown");
    kit_slow_kafka(&kit, 0);
    stop();
}

Test(pressure, more_commands_than_the_bound_are_503_busy_or_kept, .timeout = 300)
{
    kit_init(&kit);
    kit_mock_kafka(&kit);
    kit.settings.in_flight_max = 1;
    kit_start(&kit);
    int fds[8];
    char *token = kit_token("anna", "customer", "", 60);
    char request[4096];
    int len = snprintf(request, sizeof request,
                       "POST /api/orders HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       token, strlen(TWO_MILK), TWO_MILK);
    free(token);
    for (int i = 0; i < 8; i++) {
        fds[i] = kit_connect(&kit);
        kit_send(fds[i], request, (size_t)len);
    }
    int kept = 0;
    for (int i = 0; i < 8; i++) {
        struct answer answer = kit_read(fds[i], KIT_PATIENCE_MS);
        bool busy = answer.status == 503 && strcmp(answer_code(&answer), "busy") == 0;
        cr_assert(answer.status == 202 || busy, "%d %s", answer.status, answer.body);
        kept += answer.status == 202;
        answer_free(&answer);
    }
    cr_assert_geq(kept, 1);
    kit_stop(&kit);
}
