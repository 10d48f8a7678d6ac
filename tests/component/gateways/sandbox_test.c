#include "kit.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

static void expect_reply(struct reply reply, int status, const char *name, const char *text)
{
    cr_expect_eq(reply.status, status, "%d", reply.status);
    if (name != NULL)
        cr_expect_str_eq(reply_text(&reply, name), text);
    reply_free(&reply);
}

static void expect_error(struct reply reply, int status, const char *code)
{
    cr_expect_eq(reply.status, status, "%d", reply.status);
    const json_t *error = json_object_get(reply.json, "error");
    cr_expect_str_eq(json_string_value(json_object_get(error, "code")), code);
    reply_free(&reply);
}

static struct reply refund(const struct kit *kit, const char *key, const char *charge, int amount)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"reference\":\"b.A\",\"amount\":%d,\"currency\":\"EUR\",\"charge\":\"%s\"}",
                   amount, charge);
    return kit_call(kit, "POST", "/v1/refunds", key, body, ANSWER_MS);
}

Test(sandbox, charge_is_approved_and_found_by_key_and_id)
{
    struct kit *kit = kit_start("");
    char path[128];
    struct reply reply = kit_charge(kit, "b.A-c1", "tok_ok");
    cr_assert_eq(reply.status, 200);
    cr_expect_str_eq(reply_text(&reply, "status"), "succeeded");
    cr_expect_str_eq(reply_text(&reply, "key"), "b.A-c1");
    cr_expect_str_eq(reply_text(&reply, "reference"), "b.A");
    cr_expect_str_eq(reply_text(&reply, "currency"), "EUR");
    cr_expect_eq(reply_int(&reply, "amount"), 2998);
    (void)snprintf(path, sizeof path, "/v1/charges/%s", reply_text(&reply, "id"));
    reply_free(&reply);
    expect_reply(kit_call(kit, "GET", path, NULL, NULL, ANSWER_MS), 200, "key", "b.A-c1");
    expect_reply(kit_call(kit, "GET", "/v1/charges?key=b.A-c1", NULL, NULL, ANSWER_MS), 200,
                 "status", "succeeded");
    expect_error(kit_call(kit, "GET", "/v1/charges?key=b.B-c1", NULL, NULL, ANSWER_MS), 404,
                 "charge_unknown");
    kit_stop(kit);
}

Test(sandbox, same_key_gets_the_same_answer_and_another_body_a_conflict)
{
    struct kit *kit = kit_start("");
    struct reply first = kit_charge(kit, "b.A-c1", "tok_ok");
    struct reply second = kit_charge(kit, "b.A-c1", "tok_ok");
    cr_expect_eq(first.status, second.status);
    cr_expect(json_equal(first.json, second.json));
    reply_free(&first);
    reply_free(&second);
    expect_error(kit_charge(kit, "b.A-c1", "tok_declined"), 409, "key_reused");
    cr_expect_eq(kit_charges(kit), 1);
    kit_stop(kit);
}

Test(sandbox, declined_charge_says_so_and_stays_declined)
{
    struct kit *kit = kit_start("");
    expect_reply(kit_charge(kit, "b.A-c1", "tok_declined"), 402, "reason", "card_declined");
    expect_reply(kit_charge(kit, "b.A-c1", "tok_declined"), 402, "status", "failed");
    expect_reply(kit_call(kit, "GET", "/v1/charges?key=b.A-c1", NULL, NULL, ANSWER_MS), 200,
                 "status", "failed");
    kit_stop(kit);
}

Test(sandbox, dropped_answer_was_applied_and_the_repeat_is_answered)
{
    struct kit *kit = kit_start("");
    struct reply reply = kit_charge(kit, "b.A-c1", "tok_drop");
    cr_expect_eq(reply.status, 0);
    reply_free(&reply);
    cr_expect_eq(kit_charges(kit), 1);
    expect_reply(kit_charge(kit, "b.A-c1", "tok_drop"), 200, "status", "succeeded");
    cr_expect_eq(kit_charges(kit), 1);
    kit_stop(kit);
}

Test(sandbox, slow_answer_is_late_but_applied_at_once)
{
    struct kit *kit = kit_start("");
    size_t charges = 0;
    while (charges == 0) { /* where the machine is slow, nothing may have been sent by then */
        struct reply reply = kit_call(kit, "POST", "/v1/charges", "b.A-c1",
                                      "{\"reference\":\"b.A\",\"amount\":1,\"currency\":\"EUR\","
                                      "\"token\":\"tok_slow_60000\"}",
                                      200);
        cr_assert_eq(reply.status, 0, "it takes longer than that");
        reply_free(&reply);
        charges = kit_charges(kit);
    }
    expect_reply(kit_call(kit, "GET", "/v1/charges?key=b.A-c1", NULL, NULL, ANSWER_MS), 200,
                 "status", "succeeded");
    expect_reply(kit_charge(kit, "b.B-c1", "tok_slow_20"), 200, "status", "succeeded");
    kit_stop(kit); /* and does not wait for the minute */
}

Test(sandbox, silence_applies_nothing)
{
    struct kit *kit = kit_start("");
    struct reply reply = kit_call(
        kit, "POST", "/v1/charges", "b.A-c1",
        "{\"reference\":\"b.A\",\"amount\":1,\"currency\":\"EUR\",\"token\":\"tok_silent\"}", 200);
    cr_expect_eq(reply.status, 0);
    reply_free(&reply);
    expect_error(kit_call(kit, "GET", "/v1/charges?key=b.A-c1", NULL, NULL, ANSWER_MS), 404,
                 "charge_unknown");
    cr_expect_eq(kit_charges(kit), 0);
    kit_stop(kit);
}

Test(sandbox, late_charge_is_pending_until_its_time_has_come)
{
    struct kit *kit = kit_start("");
    expect_reply(kit_charge(kit, "b.A-c1", "tok_late_300"), 202, "status", "pending");
    bool done = false;
    for (int i = 0; i < 6000 && !done; i++) {
        struct reply reply = kit_call(kit, "GET", "/v1/charges?key=b.A-c1", NULL, NULL, ANSWER_MS);
        done = strcmp(reply_text(&reply, "status"), "succeeded") == 0;
        reply_free(&reply);
        kit_pause();
    }
    cr_expect(done);
    expect_reply(kit_charge(kit, "b.A-c1", "tok_late_300"), 200, "status", "succeeded");
    kit_stop(kit);
}

Test(sandbox, restart_keeps_the_books_and_what_is_pending)
{
    struct kit *kit = kit_start("");
    char charge[64];
    struct reply reply = kit_charge(kit, "b.A-c1", "tok_ok");
    (void)snprintf(charge, sizeof charge, "%s", reply_text(&reply, "id"));
    reply_free(&reply);
    expect_reply(refund(kit, "b.A-r1", charge, 1000), 200, "status", "succeeded");
    expect_reply(kit_charge(kit, "b.B-c1", "tok_late_100"), 202, "status", "pending");
    kit_sandbox_stop(kit);
    kit_sandbox_start(kit);
    expect_error(kit_charge(kit, "b.A-c1", "tok_declined"), 409, "key_reused");
    expect_reply(kit_charge(kit, "b.A-c1", "tok_ok"), 200, "id", charge);
    reply = refund(kit, "b.A-r2", charge, 1999);
    cr_expect_eq(reply.status, 422, "1000 of 2998 went back before");
    reply_free(&reply);
    bool done = false;
    for (int i = 0; i < 6000 && !done; i++) {
        reply = kit_charge(kit, "b.B-c1", "tok_late_100");
        done = strcmp(reply_text(&reply, "status"), "succeeded") == 0;
        reply_free(&reply);
        kit_pause();
    }
    cr_expect(done);
    cr_expect_eq(kit_charges(kit), 2);
    kit_stop(kit);
}

Test(sandbox, refunds_stay_within_the_charge_and_honour_their_key)
{
    struct kit *kit = kit_start("");
    char charge[64];
    struct reply reply = kit_charge(kit, "b.A-c1", "tok_ok");
    (void)snprintf(charge, sizeof charge, "%s", reply_text(&reply, "id"));
    reply_free(&reply);
    expect_reply(refund(kit, "b.A-r1", charge, 2000), 200, "status", "succeeded");
    expect_reply(refund(kit, "b.A-r1", charge, 2000), 200, "status", "succeeded");
    expect_error(refund(kit, "b.A-r1", charge, 998), 409, "key_reused");
    expect_reply(refund(kit, "b.A-r2", charge, 999), 422, "reason", "amount_too_large");
    expect_reply(refund(kit, "b.A-r2", charge, 999), 422, "status", "failed");
    expect_reply(refund(kit, "b.A-r3", charge, 998), 200, "status", "succeeded");
    expect_error(refund(kit, "b.A-r4", "ch_none", 1), 404, "charge_unknown");
    reply = kit_call(kit, "GET", "/v1/books", NULL, NULL, ANSWER_MS);
    const json_t *books = json_array_get(json_object_get(reply.json, "charges"), 0);
    cr_expect_eq(json_integer_value(json_object_get(books, "amountRefunded")), 2998);
    cr_expect_eq(json_array_size(json_object_get(books, "refunds")), 3);
    reply_free(&reply);
    kit_stop(kit);
}

Test(sandbox, first_refund_fails_where_the_token_says_so)
{
    struct kit *kit = kit_start("");
    char charge[64];
    struct reply reply = kit_charge(kit, "b.A-c1", "tok_refund_fail");
    (void)snprintf(charge, sizeof charge, "%s", reply_text(&reply, "id"));
    reply_free(&reply);
    expect_reply(refund(kit, "b.A-r1", charge, 10), 402, "reason", "refund_declined");
    expect_reply(refund(kit, "b.A-r2", charge, 10), 200, "status", "succeeded");
    expect_reply(refund(kit, "b.A-r1", charge, 10), 402, "status", "failed");
    kit_stop(kit);
}

struct racer {
    const struct kit *kit;
    char id[64];
    int status;
};

static void *race(void *context)
{
    struct racer *racer = context;
    struct reply reply = kit_charge(racer->kit, "b.A-c1", "tok_ok");
    racer->status = reply.status;
    (void)snprintf(racer->id, sizeof racer->id, "%s", reply_text(&reply, "id"));
    reply_free(&reply);
    return NULL;
}

Test(sandbox, concurrent_requests_with_one_key_are_one_charge)
{
    struct kit *kit = kit_start("");
    struct racer racers[8];
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++) {
        racers[i] = (struct racer){.kit = kit};
        cr_assert_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        (void)pthread_join(threads[i], NULL);
        cr_expect_eq(racers[i].status, 200);
        cr_expect_str_eq(racers[i].id, racers[0].id);
    }
    cr_expect_eq(kit_charges(kit), 1);
    kit_stop(kit);
}

Test(sandbox, books_come_in_pages)
{
    struct kit *kit = kit_start("");
    char key[32], path[64];
    for (int i = 0; i < 5; i++) {
        (void)snprintf(key, sizeof key, "b.%d-c1", i);
        struct reply reply = kit_charge(kit, key, i == 3 ? "tok_declined" : "tok_ok");
        reply_free(&reply);
    }
    size_t seen = 0, pages = 0;
    (void)snprintf(path, sizeof path, "/v1/books?limit=2");
    for (bool more = true; more; pages++) {
        struct reply reply = kit_call(kit, "GET", path, NULL, NULL, ANSWER_MS);
        cr_assert_eq(reply.status, 200);
        seen += json_array_size(json_object_get(reply.json, "charges"));
        more = json_is_string(json_object_get(reply.json, "next"));
        (void)snprintf(path, sizeof path, "/v1/books?limit=2&cursor=%s",
                       reply_text(&reply, "next"));
        reply_free(&reply);
    }
    cr_expect_eq(seen, 5);
    cr_expect_eq(pages, 3);
    expect_error(kit_call(kit, "GET", "/v1/books?limit=0", NULL, NULL, ANSWER_MS), 400,
                 "invalid_request");
    expect_error(kit_call(kit, "GET", "/v1/books?cursor=x", NULL, NULL, ANSWER_MS), 400,
                 "invalid_request");
    kit_stop(kit);
}

Test(sandbox, control_makes_an_outage_and_ends_it)
{
    struct kit *kit = kit_start("");
    kit_mode(kit, "decline");
    expect_reply(kit_charge(kit, "b.A-c1", "tok_ok"), 402, "status", "failed");
    kit_mode(kit, "drop");
    struct reply reply = kit_charge(kit, "b.B-c1", "tok_ok");
    cr_expect_eq(reply.status, 0);
    reply_free(&reply);
    expect_reply(kit_charge(kit, "b.B-c1", "tok_ok"), 200, "status", "succeeded");
    kit_mode(kit, "silent");
    reply = kit_call(kit, "POST", "/v1/charges", "b.C-c1",
                     "{\"reference\":\"b\",\"amount\":1,\"currency\":\"EUR\",\"token\":\"tok_ok\"}",
                     200);
    cr_expect_eq(reply.status, 0);
    reply_free(&reply);
    expect_reply(kit_call(kit, "GET", "/v1/control", NULL, NULL, ANSWER_MS), 200, "mode", "silent");
    kit_mode(kit, "ok");
    expect_reply(kit_charge(kit, "b.C-c1", "tok_ok"), 200, "status", "succeeded");
    expect_error(kit_call(kit, "PUT", "/v1/control", NULL, "{\"mode\":\"lunch\"}", ANSWER_MS), 400,
                 "invalid_request");
    kit_stop(kit);
}

static const struct {
    const char *key;
    const char *body;
    int status;
    const char *code;
} wrong[] = {
    {"k", "", 400, "invalid_json"},
    {"k", "[1]", 400, "invalid_json"},
    {"k", "{\"amount\":1,\"amount\":2}", 400, "invalid_json"},
    {NULL, "{\"reference\":\"b\",\"amount\":1,\"currency\":\"EUR\",\"token\":\"tok_ok\"}", 400,
     "invalid_request"},
    {"k",
     "{\"key\":\"other\",\"reference\":\"b\",\"amount\":1,\"currency\":\"EUR\",\"token\":\"t\"}",
     400, "invalid_request"},
    {"k", "{\"reference\":\"b\",\"amount\":0,\"currency\":\"EUR\",\"token\":\"tok_ok\"}", 400,
     "invalid_request"},
    {"k", "{\"reference\":\"b\",\"amount\":1.5,\"currency\":\"EUR\",\"token\":\"tok_ok\"}", 400,
     "invalid_request"},
    {"k", "{\"reference\":\"b\",\"amount\":1,\"currency\":\"eur\",\"token\":\"tok_ok\"}", 400,
     "invalid_request"},
    {"k", "{\"reference\":\"b\",\"amount\":1,\"currency\":\"EUR\"}", 400, "invalid_request"},
    {"k\xff", "{\"reference\":\"b\",\"amount\":1,\"currency\":\"EUR\",\"token\":\"tok_ok\"}", 400,
     "invalid_request"},
};

Test(sandbox, wrong_requests_are_refused_and_nothing_is_charged)
{
    struct kit *kit = kit_start("");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_error(kit_call(kit, "POST", "/v1/charges", wrong[i].key, wrong[i].body, ANSWER_MS),
                     wrong[i].status, wrong[i].code);
    cr_expect_eq(kit_charges(kit), 0);
    expect_error(kit_call(kit, "GET", "/v2/charges", NULL, NULL, ANSWER_MS), 404, "not_found");
    expect_error(kit_call(kit, "DELETE", "/v1/charges", NULL, NULL, ANSWER_MS), 405,
                 "method_not_allowed");
    kit_stop(kit);
}

Test(sandbox, caller_without_the_key_is_turned_away)
{
    struct kit *kit = kit_start("");
    kit->settings.provider_key = "another"; /* read at each request */
    expect_error(kit_charge(kit, "b.A-c1", "tok_ok"), 401, "unauthorized");
    kit_stop(kit);
}

Test(sandbox, port_in_use_and_books_in_use_are_told)
{
    struct kit *kit = kit_start("");
    ds_error_t error = DS_ERROR_INIT;
    ds_sandbox_t *second = NULL;
    struct ds_sandbox_settings settings = kit->settings;
    cr_expect_not(ds_sandbox_start(&kit->runtime, &settings, &second, &error));
    cr_expect_eq(error.code, DS_ERR_BUSY, "%s", error.message);
    ds_error_clear(&error);
    char dir[80];
    (void)snprintf(dir, sizeof dir, "%s/second", kit->dir);
    settings.dir = dir;
    cr_expect_not(ds_sandbox_start(&kit->runtime, &settings, &second, &error));
    cr_expect_eq(error.code, DS_ERR_IO, "%s", error.message);
    cr_expect_null(second);
    kit_stop(kit);
}
