/* The tools' client of the HTTP interface: its tokens. */
#include "cli/shop/client.h"
#include "http_server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define HOUR_US (3600 * DS_US_PER_S)

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

static int64_t now_us;
static http_server_t *server;
static ds_shop_client_t *client;
static struct ds_runtime runtime;
static struct ds_shop_settings settings;
static char url[64];

static int64_t wall(const ds_clock_t *clock)
{
    (void)clock;
    return now_us;
}

static int64_t monotonic(const ds_clock_t *clock)
{
    (void)clock;
    return 0;
}

static const ds_clock_t standing = {wall, monotonic, NULL};

static void set_up(void)
{
    static const struct http_script script = {.answer = answer};
    server = http_server_start(&script);
    (void)snprintf(url, sizeof url, "%s", http_server_url(server, ""));
    settings = (struct ds_shop_settings){url, "a-secret-of-thirty-two-bytes-or-so"};
    runtime = (struct ds_runtime){.clock = &standing};
    now_us = 1000 * HOUR_US;
    client = ds_shop_client_new(&runtime, &settings);
    cr_assert_not_null(client);
}

static void tear_down(void)
{
    ds_shop_client_destroy(client);
    http_server_stop(server);
}

TestSuite(shop_client, .init = set_up, .fini = tear_down, .timeout = 300);

/* The header that a call brings along at this hour. */
static void call_at(int64_t hour, char header_out[2048])
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_shop_answer got;
    now_us = (1000 + hour) * HOUR_US;
    cr_assert(ds_shop_act_as(client, "customer", "c-1", &error), "%s", error.message);
    cr_assert(ds_shop_call(client, "GET", "/api/x", NULL, NULL, &got, &error), "%s", error.message);
    ds_shop_answer_cleanup(&got);
    const char *header = strstr(http_server_request(server), "Authorization: Bearer ");
    cr_assert_not_null(header);
    (void)snprintf(header_out, 2048, "%.*s", (int)strcspn(header, "\r"), header);
}

Test(shop_client, token_is_signed_anew_long_before_it_ends)
{
    char first[2048], later[2048], half[2048], last[2048];
    call_at(0, first);
    call_at(11, later);
    cr_expect_str_eq(later, first);
    call_at(12, half);
    cr_expect_str_neq(half, first);
    call_at(1000, last);
    cr_expect_str_neq(last, half);
}

/* It would be of a time that has not come. */
Test(shop_client, token_is_signed_anew_when_the_clock_was_set_back)
{
    char first[2048], later[2048];
    call_at(5, first);
    call_at(4, later);
    cr_expect_str_neq(later, first);
}
