#include "base/webhook_signature.h"
#include "http_server.h"
#include "kit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define OK_200 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void header_of(const char *request, const char *name, char *value, size_t bytes)
{
    const char *at = strstr(request, name);
    cr_assert_not_null(at, "%s in %s", name, request);
    at += strlen(name) + 2;
    (void)snprintf(value, bytes, "%.*s", (int)strcspn(at, "\r\n"), at);
}

static void expect_signed(const char *request, const char *body)
{
    char id[128], timestamp[32], signature[128];
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t key, wanted;
    header_of(request, "webhook-id", id, sizeof id);
    header_of(request, "webhook-timestamp", timestamp, sizeof timestamp);
    header_of(request, "webhook-signature", signature, sizeof signature);
    ds_buf_init(&key, DS_WEBHOOK_SECRET_MAX_BYTES);
    ds_buf_init(&wanted, 128);
    int64_t at_s;
    cr_assert(ds_str_to_i64(ds_str(timestamp), &at_s));
    cr_assert(ds_webhook_secret(DS_STR(WEBHOOK_SECRET), &key, &error));
    cr_assert(ds_webhook_sign(ds_buf_bytes(&key), ds_str(id), at_s, ds_str(body), &wanted, &error));
    cr_expect(ds_str_eq(ds_buf_str(&wanted), ds_str(signature)));
    ds_buf_cleanup(&key);
    ds_buf_cleanup(&wanted);
}

static void expect_webhook(http_server_t *server, int number, const char *body)
{
    WAIT_FOR(http_server_requests(server) >= number);
    const char *request = http_server_request(server);
    const char *got = strstr(request, "\r\n\r\n");
    cr_assert_not_null(got);
    cr_expect_str_eq(got + 4, body);
    expect_signed(request, body);
}

/* Bodies hold the provider's ids: these follow from the keys. */
static void charge_id(const struct kit *kit, const char *key, char id[64])
{
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/charges?key=%s", key);
    struct reply reply = kit_call(kit, "GET", path, NULL, NULL, ANSWER_MS);
    (void)snprintf(id, 64, "%s", reply_text(&reply, "id"));
    reply_free(&reply);
}

Test(webhook, charge_is_told_signed_and_to_the_letter)
{
    struct http_script script = {.answer = OK_200};
    http_server_t *server = http_server_start(&script);
    struct kit *kit = kit_start(http_server_url(server, "/hook"));
    char id[64], body[512];
    struct reply reply = kit_charge(kit, "b.A-c1", "tok_ok");
    reply_free(&reply);
    charge_id(kit, "b.A-c1", id);
    (void)snprintf(
        body, sizeof body,
        "{\"type\":\"charge.succeeded\",\"data\":{\"reference\":\"b.A\",\"key\":\"b.A-c1\","
        "\"id\":\"%s\",\"amount\":2998,\"currency\":\"EUR\",\"reason\":null}}",
        id);
    expect_webhook(server, 1, body);
    reply = kit_charge(kit, "b.B-c1", "tok_declined");
    reply_free(&reply);
    charge_id(kit, "b.B-c1", id);
    (void)snprintf(body, sizeof body,
                   "{\"type\":\"charge.failed\",\"data\":{\"reference\":\"b.A\",\"key\":\"b.B-c1\","
                   "\"id\":\"%s\",\"amount\":2998,\"currency\":\"EUR\","
                   "\"reason\":\"card_declined\"}}",
                   id);
    expect_webhook(server, 2, body);
    kit_stop(kit);
    http_server_stop(server);
}

Test(webhook, late_charge_is_told_when_it_is_applied)
{
    struct http_script script = {.answer = OK_200};
    http_server_t *server = http_server_start(&script);
    struct kit *kit = kit_start(http_server_url(server, "/hook"));
    int64_t begun_us = ds_monotonic_us(kit->runtime.clock);
    struct reply reply = kit_charge(kit, "b.A-c1", "tok_late_700");
    cr_expect_eq(reply.status, 202);
    reply_free(&reply);
    WAIT_FOR(http_server_requests(server) == 1);
    cr_expect_geq(ds_monotonic_us(kit->runtime.clock) - begun_us, 600 * DS_US_PER_MS);
    cr_expect_not_null(strstr(http_server_request(server), "charge.succeeded"));
    kit_stop(kit);
    http_server_stop(server);
}

Test(webhook, refused_delivery_is_repeated_with_the_same_id)
{
    struct http_script script = {.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"};
    http_server_t *server = http_server_start(&script);
    struct kit *kit = kit_start(http_server_url(server, "/hook"));
    char first[128], second[128];
    struct reply reply = kit_charge(kit, "b.A-c1", "tok_ok");
    reply_free(&reply);
    WAIT_FOR(http_server_requests(server) >= 1);
    header_of(http_server_request(server), "webhook-id", first, sizeof first);
    int seen = http_server_requests(server); /* more than one, where this thread had to wait */
    WAIT_FOR(http_server_requests(server) > seen);
    header_of(http_server_request(server), "webhook-id", second, sizeof second);
    cr_expect_str_eq(first, second);
    kit_stop(kit);
    http_server_stop(server);
}

Test(webhook, repeat_of_a_charge_tells_nothing_new)
{
    struct http_script script = {.answer = OK_200};
    http_server_t *server = http_server_start(&script);
    struct kit *kit = kit_start(http_server_url(server, "/hook"));
    for (int i = 0; i < 3; i++) {
        struct reply reply = kit_charge(kit, "b.A-c1", "tok_ok");
        reply_free(&reply);
    }
    struct reply reply = kit_charge(kit, "b.B-c1", "tok_ok");
    reply_free(&reply);
    WAIT_FOR(strstr(http_server_request(server), "b.B-c1") != NULL);
    cr_expect_eq(http_server_requests(server), 2);
    kit_stop(kit);
    http_server_stop(server);
}

Test(webhook, wrong_secret_is_told_at_start)
{
    struct kit *kit = kit_start("");
    ds_error_t error = DS_ERROR_INIT;
    ds_sandbox_t *sandbox;
    struct ds_sandbox_settings settings = kit->settings;
    settings.webhook_url = "http://127.0.0.1:1/";
    settings.webhook_secret = "short";
    cr_expect_not(ds_sandbox_start(&kit->runtime, &settings, &sandbox, &error));
    cr_expect_eq(error.code, DS_ERR_INVALID);
    kit_stop(kit);
}
