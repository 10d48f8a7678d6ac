/* A framing and its thread against a registry: ids become known, or not, and nobody waits. */
#include "base/limits.h"
#include "fake_registry.h"
#include "http_server.h"
#include "schemas/framing.h"
#include "schemas/ids.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define WAIT_MS 30000

static struct fake_registry fake;
static struct ds_runtime runtime;
static struct ds_health health;
static ds_framing_t *framing;
static ds_error_t error;
static ds_arena_t *arena;
static ds_buf_t bytes;
static const struct ds_schema *const schema = &ds_schema_courier_locations;
static struct ds_courier_location value = {.courier_id = {"s.c", 3}};

static void open_framing(const struct ds_registry_config *config)
{
    cr_assert(ds_framing_new(&runtime, config, &framing, &error), "%s", error.message);
}

static void set_up(void)
{
    ds_error_clear(&error);
    framing = NULL;
    runtime = (struct ds_runtime){.log = ds_log_root("test", DS_LOG_ERROR),
                                  .metrics = ds_metrics_new(),
                                  .clock = ds_system_clock(),
                                  .random = ds_system_random(),
                                  .health = &health};
    arena = ds_arena_new(4096, DS_MAX_DECODE_BYTES);
    ds_buf_init(&bytes, 65536);
    fake_registry_start(&fake, "");
}

static void tear_down(void)
{
    ds_framing_destroy(framing);
    fake_registry_stop(&fake);
    ds_buf_cleanup(&bytes);
    ds_arena_destroy(arena);
    ds_metrics_destroy(runtime.metrics);
}

TestSuite(framing, .init = set_up, .fini = tear_down, .timeout = 300);

static bool encode(void)
{
    ds_error_clear(&error);
    ds_buf_clear(&bytes);
    return ds_framing_encode(framing, schema, &value, &bytes, &error);
}

static enum ds_error_code decode(uint32_t id)
{
    struct ds_courier_location back;
    uint8_t message[512] = {0, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
                            (uint8_t)id};
    ds_error_clear(&error);
    ds_buf_clear(&bytes);
    cr_assert(ds_schema_encode(schema, &value, &bytes, &error));
    memcpy(message + 5, bytes.data + 10, bytes.len - 10);
    ds_error_clear(&error);
    ds_arena_reset(arena);
    bool ok = ds_framing_decode(framing, schema, (ds_bytes_t){message, (uint32_t)bytes.len - 5},
                                arena, &back, NULL, &error);
    cr_assert_eq(ok, error.code == DS_OK);
    return error.code;
}

/* Until what was asked for is answered. */
static enum ds_error_code decode_patiently(uint32_t id)
{
    for (;;) {
        unsigned seen = ds_framing_answers(framing);
        enum ds_error_code code = decode(id);
        ds_error_t late = DS_ERROR_INIT;
        if (code != DS_ERR_UNAVAILABLE)
            return code;
        cr_assert(ds_framing_wait(framing, seen, WAIT_MS, &late), "%s", late.message);
    }
}

/* Until something is answered, or for 20 ms. */
static void look_again(void)
{
    ds_error_t late = DS_ERROR_INIT;
    bool moved = ds_framing_wait(framing, ds_framing_answers(framing), 20, &late);
    cr_assert(moved || late.code == DS_ERR_UNAVAILABLE);
}

static bool waits_for(const char *words)
{
    const char *waiting = ds_framing_waiting(framing);
    return waiting != NULL && strstr(waiting, words) != NULL;
}

static bool encode_patiently(void)
{
    for (;;) {
        unsigned seen = ds_framing_answers(framing);
        ds_error_t late = DS_ERROR_INIT;
        if (encode())
            return true;
        cr_assert_eq(error.code, DS_ERR_UNAVAILABLE, "%s", error.message);
        cr_assert(ds_framing_wait(framing, seen, WAIT_MS, &late), "%s", late.message);
    }
}

Test(framing, values_are_written_with_the_id_once_it_is_known)
{
    open_framing(&fake.config);
    cr_assert(!ds_framing_ready(framing, schema));
    cr_assert(encode_patiently());
    cr_assert_eq(memcmp(bytes.data, "\x00\x00\x00\x00\x07", 5), 0);
    cr_assert(ds_framing_ready(framing, schema));
    cr_assert_null(ds_framing_waiting(framing));
    int requests = http_server_requests(fake.server);
    cr_assert_eq(decode(FAKE_ID), DS_OK, "%s", error.message); /* the own id is known to readers */
    cr_assert(encode());
    cr_assert_eq(http_server_requests(fake.server), requests);
}

Test(framing, an_id_that_was_met_is_asked_for_once)
{
    open_framing(&fake.config);
    cr_assert_eq(decode(FAKE_ID), DS_ERR_UNAVAILABLE);
    cr_assert(error.retriable);
    cr_assert_eq(decode_patiently(FAKE_ID), DS_OK, "%s", error.message);
    cr_assert_eq(decode(FAKE_ID), DS_OK);
    cr_assert_eq(http_server_requests(fake.server), 1);
}

Test(framing, an_id_the_registry_does_not_have_is_refused_without_asking_again)
{
    open_framing(&fake.config);
    cr_assert_eq(decode_patiently(3), DS_ERR_UNKNOWN);
    cr_assert_not_null(strstr(error.message, "no such schema"), "%s", error.message);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(decode(3), DS_ERR_UNKNOWN);
    cr_assert_eq(http_server_requests(fake.server), 1);
}

Test(framing, an_id_is_believed_only_for_a_schema_that_is_known_here)
{
    atomic_store(&fake.text, "\"string\"");
    open_framing(&fake.config);
    cr_assert_eq(decode_patiently(3), DS_ERR_UNKNOWN);
    cr_assert_not_null(strstr(error.message, "none that is known here"), "%s", error.message);
}

Test(framing, an_id_of_another_topic_is_refused)
{
    open_framing(&fake.config);
    ds_ids_learn(framing, 4, ds_schema_order_events.fingerprint);
    cr_assert_eq(decode(4), DS_ERR_UNKNOWN);
    cr_assert_not_null(strstr(error.message, "not one of this topic"), "%s", error.message);
}

Test(framing, a_registry_that_fails_is_asked_again_until_it_answers)
{
    fake_registry_spoil(&fake, FAKE_JSON("503 Service Unavailable", ""), 3);
    open_framing(&fake.config);
    cr_assert_eq(decode_patiently(FAKE_ID), DS_OK, "%s", error.message);
    cr_assert_eq(http_server_requests(fake.server), 4);
}

Test(framing, a_schema_that_is_not_registered_is_waited_for)
{
    fake_registry_spoil(
        &fake, FAKE_JSON("404 Not Found", "{\"error_code\":40401,\"message\":\"no subject\"}"), -1);
    open_framing(&fake.config);
    cr_assert(!encode());
    while (!waits_for("doorstep schemas register"))
        look_again();
    fake_registry_spoil(&fake, NULL, 0);
    cr_assert(encode_patiently());
}

/* Whatever ids a topic holds: the burst, and then ten a second. */
Test(framing, a_flood_of_ids_does_not_flood_the_registry)
{
    open_framing(&fake.config);
    int64_t began_us = ds_monotonic_us(runtime.clock);
    for (uint32_t id = 100; id < 5100; id++)
        cr_assert_eq(decode(id), DS_ERR_UNAVAILABLE);
    while (http_server_requests(fake.server) < 32)
        look_again();
    int requests = http_server_requests(fake.server); /* before the time they took is measured */
    int64_t tenths = (ds_monotonic_us(runtime.clock) - began_us) / (100 * DS_US_PER_MS);
    cr_assert_leq(requests, 31 + 1 + tenths);
}

Test(framing, the_registry_away_hinders_nothing_that_is_known)
{
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", http_closed_port());
    const struct ds_registry_config away = {url, DS_US_PER_S};
    open_framing(&away);
    ds_ids_learn_own(framing, schema, 5);
    cr_assert(encode());
    cr_assert_eq(decode(5), DS_OK);
    cr_assert_eq(decode(6), DS_ERR_UNAVAILABLE);
    while (!waits_for("the schema registry is away"))
        look_again();
    cr_assert(encode());
    cr_assert_eq(decode(5), DS_OK);
}

Test(framing, a_registry_that_never_answers_holds_up_nobody)
{
    struct http_hanging hanging;
    char url[64];
    if (!http_hanging_start(&hanging))
        cr_skip_test("the system takes every connection");
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", hanging.port);
    const struct ds_registry_config silent = {url, 10 * DS_US_PER_S};
    open_framing(&silent);
    ds_ids_learn(framing, 5, schema->fingerprint);
    cr_assert_eq(decode(6), DS_ERR_UNAVAILABLE);
    for (int i = 0; i < 1000; i++) /* the exchange takes ten seconds; none of these waits for it */
        cr_assert_eq(decode(5), DS_OK);
    cr_assert_null(strstr(ds_framing_waiting(framing), "away"));
    http_hanging_stop(&hanging);
}

Test(framing, a_url_that_is_none_is_refused)
{
    const struct ds_registry_config wrong = {"registry:8081", DS_US_PER_S};
    cr_assert(!ds_framing_new(&runtime, &wrong, &framing, &error));
    cr_assert_null(framing);
    cr_assert_eq(error.code, DS_ERR_INVALID);
}
