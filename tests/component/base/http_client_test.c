#include "base/clock.h"
#include "base/http_client.h"
#include "base/limits.h"
#include "http_server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_BODY   10000
#define ANSWER_MS  30000 /* an answer that comes, on a machine that may pause */
#define SILENCE_MS 2000  /* one that does not; all is sent well before that */

struct fixture {
    http_server_t *server;
    ds_http_client_t *client;
    struct ds_http_response response;
    ds_error_t error;
};

static void start(struct fixture *fixture, struct http_script script)
{
    fixture->server = http_server_start(&script);
    fixture->client = ds_http_client_new(MAX_BODY);
    cr_assert_not_null(fixture->client);
    ds_http_response_init(&fixture->response, MAX_BODY);
    ds_error_clear(&fixture->error);
}

static void stop(struct fixture *fixture)
{
    ds_http_response_cleanup(&fixture->response);
    ds_http_response_cleanup(&fixture->response);
    ds_http_client_destroy(fixture->client);
    http_server_stop(fixture->server);
}

static bool exchange(struct fixture *fixture, const char *method, const char *body)
{
    struct ds_http_request request = {
        .method = method,
        .url = http_server_url(fixture->server, "/pay?token=hidden"),
        .body = {(const uint8_t *)body, (uint32_t)strlen(body)},
        .timeout_ms = ANSWER_MS,
    };
    return ds_http_exchange(fixture->client, &request, &fixture->response, &fixture->error);
}

static void expect_failure(const struct fixture *fixture, enum ds_error_code code)
{
    cr_assert_eq(fixture->error.code, code, "%s: %s", ds_error_code_text(fixture->error.code),
                 fixture->error.message);
    cr_assert_eq(fixture->error.domain, DS_DOMAIN_HTTP);
    cr_assert_null(strstr(fixture->error.message, "hidden"), "%s", fixture->error.message);
    cr_assert_eq(fixture->response.status, 0);
    cr_assert_eq(fixture->response.body.len, 0);
    cr_assert_eq(fixture->response.headers.len, 0);
}

#define ANSWER_200 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: Good  \r\n\r\nhello"

Test(http_client, answer_comes_with_status_headers_and_body)
{
    struct fixture f;
    start(&f, (struct http_script){.answer = ANSWER_200});
    cr_assert(exchange(&f, "GET", ""), "%s", f.error.message);
    cr_assert_eq(f.response.status, 200);
    cr_assert(ds_str_eq(ds_buf_str(&f.response.body), DS_STR("hello")));
    cr_assert(ds_str_eq(ds_http_header(&f.response, "x-kind"), DS_STR("Good")));
    cr_assert(ds_str_eq(ds_http_header(&f.response, "CONTENT-LENGTH"), DS_STR("5")));
    cr_assert_eq(ds_http_header(&f.response, "X-Kin").len, 0);
    cr_assert_eq(ds_http_header(&f.response, "HTTP/1.1 200 OK").len, 0);
    cr_assert_not_null(strstr(http_server_request(f.server), "GET /pay?token=hidden HTTP/1.1\r\n"));
    stop(&f);
}

Test(http_client, request_carries_method_headers_and_body)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};
    struct fixture f;
    start(&f, (struct http_script){.answer = ANSWER_200});
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char line[64];
        const char *const headers[] = {"Content-Type: application/json", "X-Key: a:b", NULL};
        struct ds_http_request request = {
            .method = methods[i],
            .url = http_server_url(f.server, "/"),
            .headers = headers,
            .body = {(const uint8_t *)"{\"a\":1}", 7},
            .timeout_ms = ANSWER_MS,
        };
        cr_assert(ds_http_exchange(f.client, &request, &f.response, &f.error), "%s",
                  f.error.message);
        const char *sent = http_server_request(f.server);
        (void)snprintf(line, sizeof line, "%s / HTTP/1.1\r\n", methods[i]);
        cr_assert_eq(strncmp(sent, line, strlen(line)), 0, "%s", sent);
        cr_assert_not_null(strstr(sent, "Content-Type: application/json\r\n"));
        cr_assert_not_null(strstr(sent, "X-Key: a:b\r\n"));
        cr_assert_not_null(strstr(sent, "Content-Length: 7\r\n"));
        cr_assert_not_null(strstr(sent, "\r\n\r\n{\"a\":1}"));
    }
    stop(&f);
}

Test(http_client, empty_post_has_a_length_and_no_type)
{
    struct fixture f;
    start(&f, (struct http_script){.answer = ANSWER_200});
    cr_assert(exchange(&f, "POST", ""), "%s", f.error.message);
    cr_assert_not_null(strstr(http_server_request(f.server), "Content-Length: 0\r\n"));
    cr_assert_null(strstr(http_server_request(f.server), "Content-Type"));
    cr_assert_null(strstr(http_server_request(f.server), "Expect"));
    cr_assert(exchange(&f, "DELETE", ""), "%s", f.error.message);
    cr_assert_null(strstr(http_server_request(f.server), "Content-Length"));
    stop(&f);
}

Test(http_client, head_does_not_wait_for_a_body)
{
    struct fixture f;
    start(&f, (struct http_script){.answer = "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"});
    cr_assert(exchange(&f, "HEAD", ""), "%s", f.error.message);
    cr_assert(ds_str_eq(ds_http_header(&f.response, "content-length"), DS_STR("99999")));
    cr_assert_eq(f.response.body.len, 0);
    stop(&f);
}

Test(http_client, any_status_is_an_answer)
{
    static const char *const answers[] = {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 3\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 Nothing\r\n\r\n",
    };
    static const int statuses[] = {404, 500, 503, 302, 204};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct fixture f;
        start(&f, (struct http_script){.answer = answers[i]});
        cr_assert(exchange(&f, "GET", ""), "%s", f.error.message);
        cr_assert_eq(f.response.status, statuses[i]);
        cr_assert_eq(http_server_requests(f.server), 1, "a redirect is not followed");
        stop(&f);
    }
}

Test(http_client, connection_is_kept_and_nothing_leaks_into_the_next_exchange)
{
    struct fixture f;
    start(&f, (struct http_script){.answer = ANSWER_200});
    cr_assert(exchange(&f, "POST", "first"), "%s", f.error.message);
    cr_assert(exchange(&f, "GET", ""), "%s", f.error.message);
    cr_assert_eq(http_server_connections(f.server), 1);
    cr_assert_eq(strncmp(http_server_request(f.server), "GET ", 4), 0);
    cr_assert_null(strstr(http_server_request(f.server), "first"));
    cr_assert(ds_str_eq(ds_buf_str(&f.response.body), DS_STR("hello")));
    stop(&f);
}

Test(http_client, interim_answers_are_passed_over)
{
    struct fixture f;
    start(&f, (struct http_script){.answer = "HTTP/1.1 103 Early Hints\r\nX-Kind: early\r\n\r\n"
                                             "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n"
                                             "X-Kind: final\r\n\r\nok"});
    cr_assert(exchange(&f, "POST", "x"), "%s", f.error.message);
    cr_assert_eq(f.response.status, 201);
    cr_assert(ds_str_eq(ds_http_header(&f.response, "X-Kind"), DS_STR("final")));
    stop(&f);
}

/* --- the server is away: nothing was sent -------------------------------------------------------
 */

static void expect_url_failure(const char *url, int64_t timeout_ms, enum ds_error_code code)
{
    struct fixture f;
    start(&f, (struct http_script){.answer = ANSWER_200});
    struct ds_http_request request = {.method = "POST", .url = url, .timeout_ms = timeout_ms};
    cr_assert_not(ds_http_exchange(f.client, &request, &f.response, &f.error));
    expect_failure(&f, code);
    cr_assert_eq(http_server_connections(f.server), 0);
    stop(&f);
}

Test(http_client, refused_connection_is_unavailable)
{
    char url[128];
    (void)snprintf(url, sizeof url, "http://user:hidden@127.0.0.1:%d/pay?token=hidden",
                   http_closed_port());
    expect_url_failure(url, ANSWER_MS, DS_ERR_UNAVAILABLE);
}

Test(http_client, unknown_host_is_unavailable)
{
    expect_url_failure("http://no-such-host.invalid/", ANSWER_MS, DS_ERR_UNAVAILABLE);
}

Test(http_client, connection_that_hangs_is_unavailable_not_unknown)
{
    struct http_hanging hanging;
    char url[64];
    cr_assert(http_hanging_start(&hanging));
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", hanging.port);
    expect_url_failure(url, 300, DS_ERR_UNAVAILABLE);
    http_hanging_stop(&hanging);
}

Test(http_client, proxy_of_the_environment_is_not_used)
{
    char proxy[64];
    struct fixture f;
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", http_closed_port());
    setenv("http_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    unsetenv("no_proxy");
    start(&f, (struct http_script){.answer = ANSWER_200});
    cr_assert(exchange(&f, "GET", ""), "%s", f.error.message);
    stop(&f);
}

/* --- something was sent: the outcome is unknown -------------------------------------------------
 */

static void expect_unknown(struct http_script script, int64_t timeout_ms)
{
    struct fixture f;
    start(&f, script);
    struct ds_http_request request = {
        .method = "POST",
        .url = http_server_url(f.server, "/pay?token=hidden"),
        .body = {(const uint8_t *)"x", 1},
        .timeout_ms = timeout_ms,
    };
    cr_assert_not(ds_http_exchange(f.client, &request, &f.response, &f.error));
    expect_failure(&f, DS_ERR_TIMEOUT);
    cr_assert(f.error.retriable);
    stop(&f);
}

Test(http_client, slow_answer_is_a_timeout)
{
    expect_unknown((struct http_script){.stay_silent = true}, SILENCE_MS);
}

Test(http_client, answer_that_stops_in_the_middle_is_a_timeout)
{
    expect_unknown((struct http_script){.answer =
                                            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                        .stay_silent = true},
                   SILENCE_MS);
}

Test(http_client, connection_closed_without_an_answer_is_unknown)
{
    expect_unknown((struct http_script){.close_after = true}, ANSWER_MS);
}

Test(http_client, connection_reset_is_unknown)
{
    expect_unknown((struct http_script){.reset_after = true}, ANSWER_MS);
}

Test(http_client, connection_closed_inside_the_body_is_unknown)
{
    expect_unknown((struct http_script){.answer =
                                            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                        .close_after = true},
                   ANSWER_MS);
}

Test(http_client, answer_that_is_not_http_is_unknown)
{
    expect_unknown((struct http_script){.answer = "220 mail.example ESMTP\r\n",
                                        .close_after = true},
                   ANSWER_MS);
}

Test(http_client, timeout_on_a_kept_connection_is_unknown)
{
    struct fixture f;
    start(&f, (struct http_script){.answer = ANSWER_200});
    cr_assert(exchange(&f, "GET", ""), "%s", f.error.message);
    http_server_stop(f.server); /* the kept connection ends */
    f.server = http_server_start(&(struct http_script){.stay_silent = true});
    struct ds_http_request request = {
        .method = "GET", .url = http_server_url(f.server, "/"), .timeout_ms = SILENCE_MS};
    cr_assert_not(ds_http_exchange(f.client, &request, &f.response, &f.error));
    expect_failure(&f, DS_ERR_TIMEOUT);
    stop(&f);
}

/* --- limits and wrong requests ------------------------------------------------------------------
 */

Test(http_client, body_may_fill_its_maximum_but_not_pass_it)
{
    for (size_t over = 0; over < 2; over++) {
        struct fixture f;
        start(&f, (struct http_script){.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
                                       .filler_bytes = MAX_BODY + over,
                                       .close_after = true});
        cr_assert_eq(exchange(&f, "GET", ""), over == 0, "%s", f.error.message);
        if (over == 0)
            cr_assert_eq(f.response.body.len, MAX_BODY);
        else
            expect_failure(&f, DS_ERR_LIMIT);
        stop(&f);
    }
}

Test(http_client, smaller_maximum_of_the_response_counts)
{
    struct fixture f;
    start(&f, (struct http_script){.answer = ANSWER_200});
    ds_http_response_cleanup(&f.response);
    ds_http_response_init(&f.response, 4);
    cr_assert_not(exchange(&f, "GET", ""));
    expect_failure(&f, DS_ERR_LIMIT);
    stop(&f);
}

Test(http_client, oversized_headers_are_a_limit)
{
    struct fixture f;
    static char answer[DS_MAX_HTTP_HEADER_BYTES + 4096];
    int len = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    while ((size_t)len < DS_MAX_HTTP_HEADER_BYTES + 2000)
        len += snprintf(answer + len, sizeof answer - (size_t)len, "X-Filler: %0512d\r\n", 7);
    (void)snprintf(answer + len, sizeof answer - (size_t)len, "\r\n");
    start(&f, (struct http_script){.answer = answer});
    cr_assert_not(exchange(&f, "GET", ""));
    expect_failure(&f, DS_ERR_LIMIT);
    stop(&f);
}

Test(http_client, other_protocols_and_wrong_urls_are_invalid)
{
    expect_url_failure("file:///etc/hostname", 1000, DS_ERR_INVALID);
    expect_url_failure("gopher://127.0.0.1/", 1000, DS_ERR_INVALID);
    expect_url_failure("", 1000, DS_ERR_INVALID);
    expect_url_failure("http://127.0.0.1:99999/", 1000, DS_ERR_INVALID);
    expect_url_failure("http://127.0.0.1/a b", 1000, DS_ERR_INVALID);
    expect_url_failure("http://127.0.0.1/a\r\nX-Evil: 1", 1000, DS_ERR_INVALID);
}

Test(http_client, request_without_a_finite_timeout_is_invalid)
{
    expect_url_failure("http://127.0.0.1/", 0, DS_ERR_INVALID);
    expect_url_failure("http://127.0.0.1/", -1, DS_ERR_INVALID);
    expect_url_failure("http://127.0.0.1/", INT64_MAX, DS_ERR_INVALID);
}

Test(http_client, headers_and_methods_cannot_smuggle_lines)
{
    static const char *const headers[] = {"X-A: 1\r\nX-Evil: 1", "X-A: 1\nX-Evil: 1", "no colon"};
    static const char *const methods[] = {"", "get", "GET / HTTP/1.1\r\nX:", "G ET",
                                          "ABCDEFGHIJKLMNOPQ"};
    struct fixture f;
    start(&f, (struct http_script){.answer = ANSWER_200});
    for (size_t i = 0; i < 3; i++) {
        const char *const list[] = {"X-First: 1", headers[i], NULL};
        struct ds_http_request request = {.method = "GET",
                                          .url = http_server_url(f.server, "/"),
                                          .headers = list,
                                          .timeout_ms = 1000};
        ds_error_clear(&f.error);
        cr_assert_not(ds_http_exchange(f.client, &request, &f.response, &f.error));
        expect_failure(&f, DS_ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        ds_error_clear(&f.error);
        cr_assert_not(exchange(&f, methods[i], ""));
        expect_failure(&f, DS_ERR_INVALID);
    }
    cr_assert_eq(http_server_connections(f.server), 0);
    stop(&f);
}
