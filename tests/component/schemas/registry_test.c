/* The registry client: what is asked, and which answers are believed. */
#include "base/clock.h"
#include "fake_registry.h"
#include "http_server.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct fake_registry fake;
static ds_registry_t *registry;
static ds_error_t error;
static uint32_t id;

static void set_up(void)
{
    ds_error_clear(&error);
    id = 0;
    fake_registry_start(&fake, "/apis/ccompat/v7/");
    cr_assert(ds_registry_new(&fake.config, &registry, &error), "%s", error.message);
}

static void tear_down(void)
{
    ds_registry_destroy(registry);
    fake_registry_stop(&fake);
}

TestSuite(registry, .init = set_up, .fini = tear_down, .timeout = 300);

static bool find(void)
{
    ds_error_clear(&error);
    return ds_registry_find(registry, &ds_schema_courier_locations, &id, &error);
}

static bool ask(uint32_t of, bool *ours_out, uint64_t *fingerprint_out)
{
    ds_error_clear(&error);
    return ds_registry_fingerprint(registry, of, ours_out, fingerprint_out, &error);
}

Test(registry, a_schema_is_looked_up_by_its_text_and_not_registered)
{
    cr_assert(find(), "%s", error.message);
    cr_assert_eq(id, FAKE_ID);
    const char *request = http_server_request(fake.server);
    cr_assert_eq(request, strstr(request, "POST /apis/ccompat/v7/subjects/courier.locations-value "
                                          "HTTP/1.1\r\n"));
    cr_assert_not_null(strstr(request, "application/vnd.schemaregistry.v1+json"));
    cr_assert_not_null(strstr(request, "{\"schema\":\"{\\n  \\\"type\\\": \\\"record\\\""));
}

Test(registry, a_subject_that_does_not_have_it_is_told_apart)
{
    static const char *const answers[] = {
        FAKE_JSON("404 Not Found", "{\"error_code\":40401,\"message\":\"Subject not found\"}"),
        FAKE_ABSENT};
    for (size_t i = 0; i < 2; i++) {
        fake_registry_spoil(&fake, answers[i], -1);
        cr_assert(!find());
        cr_expect_eq(error.code, DS_ERR_UNKNOWN, "%s", error.message);
    }
}

/* None of these says that something is not there: taken for that, all of a topic would be set
 * aside. */
static const char *const rubbish[] = {
    FAKE_JSON("404 Not Found", "<html>no such page</html>"),
    FAKE_JSON("404 Not Found", "{\"message\":\"no such page\"}"),
    FAKE_JSON("404 Not Found", "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}"),
    FAKE_JSON("401 Unauthorized", "{\"error_code\":401,\"message\":\"Unauthorized\"}"),
    FAKE_JSON("500 Internal Server Error", "{\"error_code\":50001}"),
    FAKE_JSON("503 Service Unavailable", ""),
    FAKE_JSON("302 Found", "{}"),
    FAKE_JSON("200 OK", ""),
    FAKE_JSON("200 OK", "<html>log in</html>"),
    FAKE_JSON("200 OK", "[7]"),
    FAKE_JSON("200 OK", "{\"id\":7"),
    FAKE_JSON("200 OK", "{}"),
    FAKE_JSON("200 OK", "{\"id\":7}"),
    FAKE_JSON("200 OK", "{\"id\":7,\"schema\":7}"),
    FAKE_JSON("200 OK", "{\"id\":7,\"schema\":\"{\\\"type\\\": \\\"rec\"}"),
    "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":7,",
    "220 mail.example.com ESMTP\r\n",
    "\r\n",
};

Test(registry, rubbish_is_no_answer)
{
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        bool ours;
        uint64_t fingerprint;
        fake_registry_spoil(&fake, rubbish[i], -1);
        cr_expect(!find());
        cr_expect_eq(error.code, DS_ERR_UNAVAILABLE, "%zu: %s", i, error.message);
        cr_expect(!ask(3, &ours, &fingerprint));
        cr_expect_eq(error.code, DS_ERR_UNAVAILABLE, "%zu: %s", i, error.message);
    }
}

Test(registry, an_id_that_comes_with_another_schema_is_not_taken)
{
    static const char *const answers[] = {
        FAKE_JSON("200 OK", "{\"id\":7,\"schema\":\"\\\"string\\\"\"}"),
        FAKE_JSON("200 OK", "{\"id\":0,\"schema\":\"\\\"string\\\"\"}"),
        FAKE_JSON("200 OK", "{\"id\":-1}"),
        FAKE_JSON("200 OK", "{\"id\":4294967296}"),
        FAKE_JSON("200 OK", "{\"id\":\"7\"}"),
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        fake_registry_spoil(&fake, answers[i], -1);
        cr_expect(!find());
        cr_expect_eq(error.code, DS_ERR_UNAVAILABLE, "%zu: %s", i, error.message);
    }
}

Test(registry, the_text_behind_an_id_gives_the_fingerprint)
{
    bool ours = false;
    uint64_t fingerprint = 0;
    cr_assert(ask(FAKE_ID, &ours, &fingerprint), "%s", error.message);
    cr_assert(ours);
    cr_assert_eq(fingerprint, ds_schema_courier_locations.fingerprint);
    const char *request = http_server_request(fake.server);
    cr_assert_eq(request, strstr(request, "GET /apis/ccompat/v7/schemas/ids/7 HTTP/1.1\r\n"));
}

Test(registry, other_space_docs_and_attributes_are_the_same_schema)
{
    bool ours = false;
    uint64_t fingerprint = 0;
    uint64_t again = 0;
    atomic_store(&fake.text, "{\"type\":\"record\",\"name\":\"a.B\",\"fields\":[{\"name\":\"c\","
                             "\"type\":\"int\"}]}");
    cr_assert(ask(3, &ours, &fingerprint) && ours);
    atomic_store(&fake.text,
                 " { \"doc\": \"x\", \"namespace\": \"a\", \"fields\": [ { \"type\": {\"type\": "
                 "\"int\"}, \"name\": \"c\", \"default\": 3 } ], \"name\": \"B\", \"topic\": "
                 "\"t\", \"type\": \"record\" } ");
    cr_assert(ask(3, &ours, &again) && ours);
    cr_assert_eq(fingerprint, again);
}

Test(registry, a_schema_that_cannot_be_ours_is_an_answer)
{
    static const char *const texts[] = {
        "{\"type\":\"map\",\"values\":\"int\"}",
        "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\","
        "\"L\"]}]}",
        "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"x\",\"type\":\"other.X\"}]}",
        "17",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool ours = true;
        uint64_t fingerprint = 0;
        atomic_store(&fake.text, texts[i]);
        cr_expect(ask(3, &ours, &fingerprint), "%zu: %s", i, error.message);
        cr_expect(!ours);
    }
    fake_registry_spoil(
        &fake, FAKE_JSON("200 OK", "{\"schemaType\":\"PROTOBUF\",\"schema\":\"message X {}\"}"),
        -1);
    bool ours = true;
    uint64_t fingerprint = 0;
    cr_assert(ask(3, &ours, &fingerprint), "%s", error.message);
    cr_assert(!ours);
}

/* Each of forty records holds the one before twice, the last is the item of an array: 2^40 visits
 * for who counts what an item takes from the bottom each time. */
Test(registry, a_schema_built_to_take_for_ever_does_not)
{
    bool ours = false;
    uint64_t fingerprint = 0;
    ds_buf_t text;
    const char *cstr = NULL;
    ds_buf_init(&text, 16384);
    cr_assert(ds_buf_append_text(&text,
                                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":"
                                 "\"a\",\"type\":{\"type\":\"record\",\"name\":\"T0\","
                                 "\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}}",
                                 &error));
    for (int i = 1; i < 40; i++)
        cr_assert(ds_buf_printf(&text, &error,
                                ",{\"name\":\"f%d\",\"type\":{\"type\":\"record\",\"name\":"
                                "\"T%d\",\"fields\":[{\"name\":\"a\",\"type\":\"T%d\"},"
                                "{\"name\":\"b\",\"type\":\"T%d\"}]}}",
                                i, i, i - 1, i - 1));
    cr_assert(ds_buf_append_text(&text,
                                 ",{\"name\":\"z\",\"type\":{\"type\":\"array\",\"items\":"
                                 "\"T39\"}}]}",
                                 &error));
    cr_assert(ds_buf_cstr(&text, &cstr, &error));
    atomic_store(&fake.text, cstr);
    cr_assert(ask(3, &ours, &fingerprint), "%s", error.message);
    cr_assert(ours);
    ds_buf_cleanup(&text);
}

Test(registry, an_id_that_is_not_there_is_told_apart)
{
    bool ours;
    uint64_t fingerprint;
    cr_assert(!ask(3, &ours, &fingerprint));
    cr_assert_eq(error.code, DS_ERR_UNKNOWN, "%s", error.message);
}

Test(registry, registering_sets_the_compatibility_and_gives_the_id)
{
    ds_error_clear(&error);
    cr_assert(ds_registry_set_compatibility(registry, &ds_schema_order_events, &error), "%s",
              error.message);
    const char *request = http_server_request(fake.server);
    cr_assert_eq(request,
                 strstr(request, "PUT /apis/ccompat/v7/config/order.events-value HTTP/1.1\r\n"));
    cr_assert_not_null(strstr(request, "{\"compatibility\":\"BACKWARD_TRANSITIVE\"}"));
    cr_assert(ds_registry_register(registry, &ds_schema_courier_locations, &id, &error), "%s",
              error.message);
    cr_assert_eq(id, FAKE_ID);
    request = http_server_request(fake.server);
    cr_assert_eq(request, strstr(request, "POST /apis/ccompat/v7/subjects/courier.locations-value/"
                                          "versions HTTP/1.1\r\n"));
}

Test(registry, what_the_registry_refuses_is_told_with_its_words)
{
    fake_registry_spoil(&fake,
                        FAKE_JSON("409 Conflict",
                                  "{\"error_code\":409,\"message\":\"a field is in the way\"}"),
                        -1);
    cr_assert(!ds_registry_register(registry, &ds_schema_courier_locations, &id, &error));
    cr_assert_eq(error.code, DS_ERR_CONFLICT);
    cr_assert_not_null(strstr(error.message, "a field is in the way"), "%s", error.message);
    ds_error_clear(&error);
    fake_registry_spoil(
        &fake, FAKE_JSON("422 Unprocessable", "{\"error_code\":42201,\"message\":\"no schema\"}"),
        -1);
    cr_assert(!ds_registry_register(registry, &ds_schema_courier_locations, &id, &error));
    cr_assert_eq(error.code, DS_ERR_INVALID);
}

Test(registry, only_a_url_without_query_is_one)
{
    static const char *const wrong[] = {"",           "registry:8081",      "ftp://registry",
                                        "http://",    "http:///path",       "http://r/?x=1",
                                        "http://r/#", "http://r/a b",       "http://r/\n",
                                        "https://",   "http://u:secret@r/?"};
    cr_expect(ds_registry_check_url("http://r", &error));
    cr_expect(ds_registry_check_url("https://u:secret@r:8081/apis/ccompat/v7/", &error));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ds_error_clear(&error);
        cr_expect(!ds_registry_check_url(wrong[i], &error), "%s", wrong[i]);
        cr_expect_eq(error.code, DS_ERR_INVALID);
        cr_expect_null(strstr(error.message, "secret"));
    }
}

Test(registry, a_password_goes_to_the_server_and_into_no_message)
{
    char url[300];
    ds_registry_t *other = NULL;
    (void)snprintf(url, sizeof url, "http://ann:secret@%.255s", fake.url + strlen("http://"));
    const struct ds_registry_config config = {url, 30 * DS_US_PER_S};
    cr_assert(ds_registry_new(&config, &other, &error));
    fake_registry_spoil(&fake, FAKE_JSON("500 Oops", "{}"), -1);
    cr_assert(!ds_registry_find(other, &ds_schema_courier_locations, &id, &error));
    cr_assert_not_null(
        strstr(http_server_request(fake.server), "Authorization: Basic YW5uOnNlY3JldA=="));
    cr_assert_null(strstr(error.message, "secret"), "%s", error.message);
    ds_registry_destroy(other);
}
