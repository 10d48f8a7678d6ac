/* The server without Kafka and without a database: what is refused before a command is made. */
#include "tests/component/api/kit.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct kit kit;

static void start(void)
{
    kit_init(&kit);
    kit_start(&kit);
}

static void stop(void)
{
    kit_stop(&kit);
}

TestSuite(ingress, .init = start, .fini = stop, .timeout = 300);

static void expect(struct answer answer, int status, const char *code)
{
    cr_assert_eq(answer.status, status, "status %d, body %s", answer.status, answer.body);
    cr_assert_str_eq(answer_code(&answer), code, "%s", answer.body);
    char *correlation = answer_header(&answer, "X-Correlation-Id");
    char *nosniff = answer_header(&answer, "X-Content-Type-Options");
    cr_assert_not_null(correlation);
    cr_assert_not_null(nosniff);
    free(correlation);
    free(nosniff);
    answer_free(&answer);
}

static void expect_raw(const char *bytes, int status, const char *code)
{
    expect(kit_raw(&kit, bytes, strlen(bytes)), status, code);
}

Test(ingress, a_path_nobody_knows_is_404)
{
    expect(kit_call(&kit, "GET", "/api/nothing", "", NULL), 404, "route_unknown");
}

Test(ingress, a_method_nobody_takes_is_405_with_allow)
{
    struct answer answer = kit_call(&kit, "DELETE", "/api/products", "", NULL);
    char *allow = answer_header(&answer, "Allow");
    cr_assert_str_eq(allow, "GET, HEAD, OPTIONS");
    free(allow);
    expect(answer, 405, "method_not_allowed");
}

Test(ingress, options_answers_allow)
{
    struct answer answer = kit_call(&kit, "OPTIONS", "/api/v1/orders", "", NULL);
    char *allow = answer_header(&answer, "Allow");
    cr_assert_eq(answer.status, 204);
    cr_assert_str_eq(allow, "GET, HEAD, POST, OPTIONS");
    free(allow);
    answer_free(&answer);
}

Test(ingress, a_request_without_a_token_is_401)
{
    expect(kit_call(&kit, "POST", "/api/orders", "", "{}"), 401, "unauthenticated");
    expect(kit_call(&kit, "POST", "/api/orders", "Authorization: Bearer x.y.z\r\n", "{}"), 401,
           "token_invalid");
}

Test(ingress, an_expired_token_is_401)
{
    char *token = kit_token("anna", "customer", "", -100);
    char header[1024];
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", token);
    expect(kit_call(&kit, "GET", "/api/orders", header, NULL), 401, "token_expired");
    free(token);
}

Test(ingress, another_role_is_403)
{
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/stores", "", "{}"), 403, "forbidden");
    expect(kit_call_as(&kit, "staff:jo:paris-1", "POST", "/api/stores/berlin-1/products", "", "{}"),
           403, "forbidden");
}

Test(ingress, what_is_another_persons_is_404)
{
    expect(kit_call_as(&kit, "courier:berlin-1.max", "POST", "/api/couriers/berlin-1.eva/online",
                       "", "{\"vehicle\":\"car\",\"capacity\":1}"),
           404, "courier_unknown");
    expect(kit_call_as(&kit, "courier:paris-1.max", "POST", "/api/deliveries/berlin-1.X/pickup", "",
                       NULL),
           404, "delivery_unknown");
    expect(kit_call_as(&kit, "staff:jo:paris-1", "POST", "/api/orders/berlin-1.X/cancel", "", "{}"),
           404, "order_unknown");
}

Test(ingress, a_body_must_say_that_it_is_json)
{
    char *token = kit_token("anna", "customer", "", 60);
    char request[2048];
    (void)snprintf(request, sizeof request,
                   "POST /api/orders HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
                   token);
    expect_raw(request, 415, "unsupported_media_type");
    free(token);
}

Test(ingress, a_body_that_is_too_large_is_413)
{
    size_t bytes = 80 * 1024;
    char *body = malloc(bytes + 1);
    memset(body, ' ', bytes);
    body[bytes] = '\0';
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "", body), 413,
           "body_too_large");
    free(body);
}

Test(ingress, a_chunked_body_that_is_too_large_is_413)
{
    char *token = kit_token("anna", "customer", "", 60);
    char head[2048];
    (void)snprintf(head, sizeof head,
                   "POST /api/orders HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
                   token);
    free(token);
    int fd = kit_connect(&kit);
    kit_send(fd, head, strlen(head));
    char chunk[16 * 1024 + 16];
    int at = snprintf(chunk, sizeof chunk, "4000\r\n");
    memset(chunk + at, ' ', 0x4000);
    memcpy(chunk + at + 0x4000, "\r\n", 2);
    for (int i = 0; i < 6; i++)
        kit_send(fd, chunk, (size_t)at + 0x4002);
    kit_send(fd, "0\r\n\r\n", 5);
    expect(kit_read(fd, KIT_PATIENCE_MS), 413, "body_too_large");
}

Test(ingress, content_length_and_transfer_encoding_together_are_400_and_nothing_else_runs)
{
    static const char both[] = "POST /api/orders HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                               "GET /health HTTP/1.1\r\nHost: t\r\n\r\n";
    int fd = kit_connect(&kit);
    kit_send(fd, both, sizeof both - 1);
    char text[8192] = "";
    size_t len = 0;
    ssize_t got;
    while (len < sizeof text - 1 && (got = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0)
        len += (size_t)got;
    close(fd);
    cr_assert_not_null(strstr(text, "ambiguous_length"), "%s", text);
    cr_assert_null(strstr(text, "uptimeSeconds"), "the second request ran: %s", text);
}

Test(ingress, a_repeated_content_length_is_400)
{
    expect_raw("POST /api/orders HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n"
               "Content-Length: 2\r\n\r\n{}",
               400, "ambiguous_length");
}

Test(ingress, a_long_request_line_is_414)
{
    char request[4096];
    memset(request, 'a', sizeof request);
    memcpy(request, "GET /api/", 9);
    (void)snprintf(request + 3000, sizeof request - 3000, " HTTP/1.1\r\nHost: t\r\n\r\n");
    expect_raw(request, 414, "uri_too_long");
}

Test(ingress, too_many_headers_are_431)
{
    ds_buf_t request;
    ds_error_t error = DS_ERROR_INIT;
    const char *text;
    ds_buf_init(&request, 16384);
    cr_assert(ds_buf_append_text(&request, "GET /health HTTP/1.1\r\nHost: t\r\n", &error));
    for (int i = 0; i < 70; i++)
        cr_assert(ds_buf_printf(&request, &error, "X-%d: 1\r\n", i));
    cr_assert(ds_buf_append_text(&request, "\r\n", &error) && ds_buf_cstr(&request, &text, &error));
    expect_raw(text, 431, "headers_too_large");
    ds_buf_cleanup(&request);
}

Test(ingress, an_accept_without_json_is_406)
{
    expect(kit_call(&kit, "GET", "/api/products", "Accept: text/html\r\n", NULL), 406,
           "not_acceptable");
}

Test(ingress, broken_json_repeated_keys_and_unknown_fields_are_400)
{
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "", "{"), 400, "invalid_json");
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "", "{\"a\":1,\"a\":1}"), 400,
           "invalid_json");
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders/berlin-1.X/cancel", "",
                       "{\"colour\":1}"),
           400, "unknown_field");
}

Test(ingress, every_wrong_field_is_listed)
{
    struct answer answer = kit_call_as(
        &kit, "customer:anna", "POST", "/api/orders", "",
        "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":0},{\"productId\":\"x\"}],"
        "\"deliveryAddress\":{\"street\":\"\",\"city\":\"B\"}}");
    json_t *details = json_object_get(json_object_get(answer.json, "error"), "details");
    cr_assert_eq(json_array_size(details), 4, "%s", answer.body);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(details, 0), "field")),
                     "lines[0].quantity");
    expect(answer, 400, "invalid_field");
}

/* A contact that could end a line of a mail or of a request never gets in. */
Test(ingress, a_contact_that_is_none_is_refused)
{
    static const char *const wrong[][2] = {
        {"{\"email\":\"anna\"}", "contact.email"},
        {"{\"email\":\"a@b.example,c@d.example\"}", "contact.email"},
        {"{\"email\":\"a@b.example\\r\\nBcc: c@d.example\"}", "contact.email"},
        {"{\"email\":7}", "contact.email"},
        {"{\"pushToken\":\"two words\"}", "contact.pushToken"},
        {"{\"language\":\"../de\"}", "contact.language"},
        {"{\"fax\":\"1\"}", "contact.fax"},
        {"\"anna@shop.example\"", "contact"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char body[512];
        (void)snprintf(body, sizeof body,
                       "{\"lines\":[{\"productId\":\"berlin-1.milk\",\"quantity\":2}],"
                       "\"deliveryAddress\":{\"street\":\"A\",\"city\":\"B\"},\"contact\":%s}",
                       wrong[i][0]);
        struct answer answer = kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "", body);
        json_t *details = json_object_get(json_object_get(answer.json, "error"), "details");
        cr_assert_eq(answer.status, 400, "%s", answer.body);
        cr_assert_eq(json_array_size(details), 1, "%s", answer.body);
        cr_assert_str_eq(json_string_value(json_object_get(json_array_get(details, 0), "field")),
                         wrong[i][1], "%s", answer.body);
        answer_free(&answer);
    }
}

Test(ingress, card_numbers_are_refused_everywhere)
{
    expect(kit_call_as(&kit, "customer:anna", "POST", "/api/orders", "",
                       "{\"notes\":\"card 4111 1111 1111 1111\"}"),
           400, "card_number_refused");
}

Test(ingress, a_key_is_needed_where_a_repeat_adds_up)
{
    expect(kit_call_as(&kit, "admin:root", "POST", "/api/stores/berlin-1/stock/receive", "",
                       "{\"items\":[]}"),
           400, "idempotency_key_required");
    expect(kit_call_as(&kit, "admin:root", "POST", "/api/stores/berlin-1/stock/receive",
                       "Idempotency-Key: \"\"\r\n", "{\"items\":[]}"),
           400, "idempotency_key_invalid");
}

Test(ingress, commands_are_503_while_kafka_is_away)
{
    struct answer answer =
        kit_call_as(&kit, "admin:root", "POST", "/api/stores", "",
                    "{\"storeId\":\"berlin-1\",\"name\":\"B\",\"currency\":\"EUR\","
                    "\"timeZone\":\"Europe/Berlin\",\"paymentMethods\":[\"card\"]}");
    char *retry = answer_header(&answer, "Retry-After");
    cr_assert_not_null(retry);
    free(retry);
    expect(answer, 503, "kafka_unavailable");
}

Test(ingress, queries_are_503_while_the_database_is_away)
{
    expect(kit_call_as(&kit, "customer:anna", "GET", "/api/orders/berlin-1.X", "", NULL), 503,
           "database_unavailable");
}

Test(ingress, a_made_up_consistency_token_is_400)
{
    expect(kit_call_as(&kit, "customer:anna", "GET", "/api/orders/berlin-1.X?after=ct1.abc.def", "",
                       NULL),
           400, "consistency_token_invalid");
}

Test(ingress, a_correlation_id_comes_back)
{
    struct answer answer =
        kit_call(&kit, "GET", "/api/nothing", "X-Correlation-Id: my-own_1.2\r\n", NULL);
    char *id = answer_header(&answer, "X-Correlation-Id");
    cr_assert_str_eq(id, "my-own_1.2");
    free(id);
    expect(answer, 404, "route_unknown");
}

Test(ingress, probes_answer_without_kafka)
{
    struct answer live = kit_call(&kit, "GET", "/livez", "", NULL);
    cr_assert_eq(live.status, 200);
    answer_free(&live);
    expect(kit_call(&kit, "GET", "/readyz", "", NULL), 503, "starting");
    struct answer health = kit_call(&kit, "GET", "/health", "", NULL);
    cr_assert_eq(health.status, 503);
    cr_assert_str_eq(answer_data(&health, "status"), "down");
    char *retry = answer_header(&health, "Retry-After");
    cr_assert_not_null(retry);
    free(retry);
    answer_free(&health);
    struct answer text = kit_call(&kit, "GET", "/metrics/prometheus", "", NULL);
    cr_assert_eq(text.status, 200);
    cr_assert_not_null(strstr(text.body, "doorstep_api_requests_total"));
    answer_free(&text);
}

Test(ingress, head_sends_no_body)
{
    struct answer answer = kit_call(&kit, "HEAD", "/livez", "", NULL);
    cr_assert_eq(answer.status, 200);
    cr_assert_str_eq(answer.body, "");
    answer_free(&answer);
}

Test(ingress, a_webhook_with_a_bad_signature_is_401)
{
    expect(kit_call(&kit, "POST", "/api/webhooks/payments/sandbox",
                    "webhook-id: 1\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,AAAA\r\n",
                    "{}"),
           401, "bad_signature");
}

/* --- settings of their own
 * -------------------------------------------------------------------------- */

Test(deadlines, a_body_that_never_ends_is_408, .timeout = 300)
{
    kit_init(&kit);
    kit.settings.request_timeout_us = 700000;
    kit_start(&kit);
    char *token = kit_token("anna", "customer", "", 60);
    char head[2048];
    (void)snprintf(head, sizeof head,
                   "POST /api/orders HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
                   token);
    free(token);
    int fd = kit_connect(&kit);
    kit_send(fd, head, strlen(head));
    struct answer answer = kit_read(fd, KIT_PATIENCE_MS);
    cr_assert_eq(answer.status, 408, "%s", answer.head);
    cr_assert_str_eq(answer_code(&answer), "request_timeout");
    answer_free(&answer);
    kit_stop(&kit);
}

Test(deadlines, a_head_that_never_ends_closes_the_connection, .timeout = 300)
{
    kit_init(&kit);
    kit.settings.request_timeout_us = 700000;
    kit_start(&kit);
    int fd = kit_connect(&kit);
    kit_send(fd, "GET /health HT", 14);
    int64_t from_us = ds_monotonic_us(ds_system_clock());
    struct answer answer = kit_read(fd, KIT_PATIENCE_MS);
    cr_assert_eq(answer.status, 0);
    /* Any silent connection is closed after 10 s. */
    cr_assert_lt(ds_monotonic_us(ds_system_clock()) - from_us, 9 * DS_US_PER_S);
    answer_free(&answer);
    kit_stop(&kit);
}

Test(limits, the_anonymous_rate_is_limited_with_headers, .timeout = 300)
{
    kit_init(&kit);
    kit.settings.rate_anonymous = 2;
    kit_start(&kit);
    for (int i = 0; i < 2; i++) {
        struct answer answer = kit_call(&kit, "GET", "/api/products", "", NULL);
        char *policy = answer_header(&answer, "RateLimit-Policy");
        cr_assert_str_eq(policy, "\"client\";q=2;w=60");
        free(policy);
        answer_free(&answer);
    }
    struct answer answer = kit_call(&kit, "GET", "/api/products", "", NULL);
    char *retry = answer_header(&answer, "Retry-After");
    cr_assert_not_null(retry);
    free(retry);
    expect(answer, 429, "rate_limited");
    struct answer probe = kit_call(&kit, "GET", "/livez", "", NULL);
    cr_assert_eq(probe.status, 200);
    answer_free(&probe);
    kit_stop(&kit);
}

Test(start, a_trusted_proxy_that_is_no_network_is_named, .timeout = 300)
{
    static const struct {
        const char *proxies;
        const char *named; /* NULL: it starts */
    } cases[] = {
        {"traefik", "traefik"},
        {"10.0.0.0/8, traefik", "traefik"},
        {"10.0.0.0/33", "10.0.0.0/33"},
        {"10.0.0.0/", "10.0.0.0/"},
        {"10.0.0.0/8,,127.0.0.1", "\"\""},
        {"10.0.0.0/8, 127.0.0.1 , 2001:db8::/32,", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ds_error_t error = DS_ERROR_INIT;
        kit_init(&kit);
        kit.settings.trusted_proxies = cases[i].proxies;
        bool ok = ds_api_start(&kit.runtime, &kit.settings, &kit.api, &error);
        cr_expect_eq(ok, cases[i].named == NULL, "%s: %s", cases[i].proxies, error.message);
        cr_expect(ok || (strstr(error.message, "TRUSTED_PROXIES") != NULL &&
                         strstr(error.message, cases[i].named) != NULL),
                  "%s: %s", cases[i].proxies, error.message);
        cr_expect(ok || error.code == DS_ERR_INVALID);
        kit_stop(&kit);
    }
}

Test(cors, only_listed_origins_are_answered, .timeout = 300)
{
    kit_init(&kit);
    kit.settings.cors_origins = "https://shop.example";
    kit_start(&kit);
    struct answer answer =
        kit_call(&kit, "GET", "/livez", "Origin: https://shop.example\r\n", NULL);
    char *allowed = answer_header(&answer, "Access-Control-Allow-Origin");
    cr_assert_str_eq(allowed, "https://shop.example");
    free(allowed);
    answer_free(&answer);
    answer = kit_call(&kit, "GET", "/livez", "Origin: https://evil.example\r\n", NULL);
    cr_assert_null(answer_header(&answer, "Access-Control-Allow-Origin"));
    answer_free(&answer);
    kit_stop(&kit);
}

/* What the api wrote since, at most 8 kB of it. */
static size_t times_logged(int from, const char *code)
{
    char text[8192];
    ssize_t len = read(from, text, sizeof text - 1);
    size_t times = 0;
    text[len > 0 ? len : 0] = '\0';
    for (const char *at = text; (at = strstr(at, code)) != NULL; at++)
        times++;
    return times;
}

Test(limits, a_proxy_that_names_no_address_is_told_of_once, .timeout = 300)
{
    int ends[2];
    cr_assert(pipe(ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    kit_init(&kit);
    kit.runtime.log.level = DS_LOG_WARN;
    kit.runtime.log.fd = ends[1];
    kit.settings.trusted_proxies = "127.0.0.1";
    kit_start(&kit);
    expect(kit_call(&kit, "GET", "/livez", "X-Forwarded-For: 1.2.3.4:5\r\n", NULL), 200, "");
    cr_expect_eq(times_logged(ends[0], "api.forwarded_unread"), 0);
    for (int i = 0; i < 3; i++)
        expect(kit_call(&kit, "GET", "/livez", "X-Forwarded-For: unknown\r\n", NULL), 200, "");
    cr_expect_eq(times_logged(ends[0], "api.forwarded_unread"), 1);
    kit_stop(&kit);
    (void)close(ends[0]);
    (void)close(ends[1]);
}
