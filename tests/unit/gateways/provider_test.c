#include "gateways/payments/provider.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct ds_payment_call charge = {
    .kind = DS_CALL_CHARGE,
    .key = {"berlin-1.A-c1", 13},
    .order_id = {"berlin-1.A", 10},
    .currency = {"EUR", 3},
    .token = {"tok_\"ok", 7},
    .traceparent = {"00-aa-bb-01", 11},
    .amount_minor = 2998,
};

static struct ds_provider_answer judge(bool asked, int status, const char *body)
{
    struct ds_provider_answer answer;
    ds_provider_judge(&charge, asked, status, ds_str(body), &answer);
    return answer;
}

#define OBJECT(status, more)                                                                       \
    "{\"id\":\"ch_1\",\"key\":\"berlin-1.A-c1\",\"amount\":2998,\"currency\":\"EUR\","             \
    "\"status\":\"" status "\"" more "}"

static const struct {
    bool asked;
    int status;
    const char *body;
    enum ds_verdict verdict;
    bool alarming;
} rows[] = {
    {false, 200, OBJECT("succeeded", ""), DS_VERDICT_SUCCEEDED, false},
    {true, 200, OBJECT("succeeded", ""), DS_VERDICT_SUCCEEDED, false},
    {false, 402, OBJECT("failed", ",\"reason\":\"card_declined\""), DS_VERDICT_FAILED, false},
    {true, 200, OBJECT("failed", ""), DS_VERDICT_FAILED, false},
    {false, 202, OBJECT("pending", ""), DS_VERDICT_PENDING, false},
    {false, 422, "{\"error\":{\"code\":\"invalid_request\"}}", DS_VERDICT_FAILED, false},
    {false, 400, "{\"error\":{\"code\":\"invalid_request\"}}", DS_VERDICT_FAILED, false},
    {true, 404, "{\"error\":{\"code\":\"charge_unknown\"}}", DS_VERDICT_ABSENT, false},
    {true, 404, "<html>not the provider</html>", DS_VERDICT_UNKNOWN, false},
    {false, 404, "<html>not the provider</html>", DS_VERDICT_UNKNOWN, true},
    {false, 0, "", DS_VERDICT_UNKNOWN, false},
    {false, 500, OBJECT("succeeded", ""), DS_VERDICT_UNKNOWN, false},
    {false, 503, "{\"error\":{\"code\":\"busy\"}}", DS_VERDICT_UNKNOWN, false},
    {false, 429, "{\"error\":{\"code\":\"slow_down\"}}", DS_VERDICT_UNKNOWN, false},
    {false, 408, "", DS_VERDICT_UNKNOWN, false},
    {false, 401, "{\"error\":{\"code\":\"unauthorized\"}}", DS_VERDICT_UNKNOWN, true},
    {true, 401, "{\"error\":{\"code\":\"unauthorized\"}}", DS_VERDICT_UNKNOWN, true},
    {false, 409, "{\"error\":{\"code\":\"key_reused\"}}", DS_VERDICT_UNKNOWN, true},
    {false, 200, "", DS_VERDICT_UNKNOWN, true},
    {false, 200, "{\"status\":\"succeeded\"}", DS_VERDICT_UNKNOWN, true},
    {false, 200, "{\"key\":\"other\",\"id\":\"ch_1\",\"status\":\"succeeded\"}", DS_VERDICT_UNKNOWN,
     true},
    {false, 200,
     "{\"key\":\"berlin-1.A-c1\",\"id\":\"ch_1\",\"amount\":2998,\"currency\":\"USD\","
     "\"status\":\"succeeded\"}",
     DS_VERDICT_UNKNOWN, true},
    {false, 200,
     "{\"key\":\"berlin-1.A-c1\",\"amount\":2998,\"currency\":\"EUR\",\"status\":\"succeeded\"}",
     DS_VERDICT_UNKNOWN, true},
    {false, 200, OBJECT("on_its_way", ""), DS_VERDICT_UNKNOWN, true},
};

Test(provider, only_its_own_word_makes_an_outcome_definite)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ds_provider_answer answer = judge(rows[i].asked, rows[i].status, rows[i].body);
        cr_expect_eq(answer.verdict, rows[i].verdict, "row %zu: %s", i,
                     ds_verdict_text(answer.verdict));
        cr_expect_eq(answer.alarming, rows[i].alarming, "row %zu", i);
    }
}

Test(provider, answer_carries_id_amount_and_reason)
{
    struct ds_provider_answer answer =
        judge(false, 402, OBJECT("failed", ",\"reason\":\"card_declined\""));
    cr_expect_str_eq(answer.id, "ch_1");
    cr_expect_str_eq(answer.detail, "card_declined");
    cr_expect_eq(judge(false, 200, OBJECT("succeeded", "")).amount_minor, 2998);
}

Test(provider, long_reason_is_cut_between_characters)
{
    char body[600];
    char reason[200] = "";
    for (size_t i = 0; i + 2 < sizeof reason - 1; i += 2)
        memcpy(reason + i, "\xc3\xa9", 3);
    (void)snprintf(body, sizeof body,
                   "{\"id\":\"ch_1\",\"key\":\"berlin-1.A-c1\",\"amount\":1,\"currency\":\"EUR\","
                   "\"status\":\"failed\",\"reason\":\"%s\"}",
                   reason);
    struct ds_provider_answer answer = judge(false, 402, body);
    cr_expect_eq(answer.verdict, DS_VERDICT_FAILED);
    cr_expect_eq(strlen(answer.detail), (size_t)DS_MAX_DETAIL_BYTES);
    cr_expect(ds_utf8_valid(ds_str(answer.detail)));
}

Test(provider, charge_is_posted_with_its_key)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_provider_request request;
    ds_provider_request_init(&request);
    cr_assert(ds_provider_request_make(&request, "http://p:1/", "secret", &charge, false, &error));
    cr_expect_str_eq(request.method, "POST");
    cr_expect_str_eq((const char *)request.url.data, "http://p:1/v1/charges");
    cr_expect_str_eq(request.headers[0], "Authorization: Bearer secret");
    cr_expect_str_eq(request.headers[1], "traceparent: 00-aa-bb-01");
    cr_expect_str_eq(request.headers[2], "Idempotency-Key: berlin-1.A-c1");
    cr_expect_str_eq(request.headers[3], "Content-Type: application/json");
    cr_expect_null(request.headers[4]);
    cr_expect(ds_str_eq(ds_buf_str(&request.body),
                        DS_STR("{\"amount\":2998,\"currency\":\"EUR\",\"reference\":\"berlin-1.A\","
                               "\"token\":\"tok_\\\"ok\"}")));
    ds_provider_request_cleanup(&request);
}

Test(provider, asking_changes_nothing_and_escapes_the_key)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_provider_request request;
    struct ds_payment_call refund = {.kind = DS_CALL_REFUND, .key = DS_STR("a&b /-r1")};
    ds_provider_request_init(&request);
    cr_assert(ds_provider_request_make(&request, "http://p:1", "secret", &refund, true, &error));
    cr_expect_str_eq(request.method, "GET");
    cr_expect_str_eq((const char *)request.url.data, "http://p:1/v1/refunds?key=a%26b%20%2F-r1");
    cr_expect_eq(request.body.len, 0);
    cr_expect_null(request.headers[1]);
    ds_provider_request_cleanup(&request);
}
