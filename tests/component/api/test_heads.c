/* Heads that could be read in two ways: refused, and nothing behind them on the connection runs. */
#include "tests/component/api/kit.h"

#include <criterion/criterion.h>
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

TestSuite(heads, .init = start, .fini = stop, .timeout = 300);

#define SECOND "GET /health HTTP/1.1\r\nHost: t\r\n\r\n"

/* Everything until the server closes: it must, at once, with one answer. It closes any silent
 * connection after 10 s. */
static void expect_refused(const char *request, size_t len, const char *code)
{
    char text[8192] = "";
    size_t have = 0;
    ssize_t got = 0;
    int64_t from_us = ds_monotonic_us(ds_system_clock());
    int fd = kit_connect(&kit);
    struct timeval patience = {.tv_sec = KIT_PATIENCE_MS / 1000};
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    kit_send(fd, request, len);
    while (have < sizeof text - 1 && (got = recv(fd, text + have, sizeof text - 1 - have, 0)) > 0)
        have += (size_t)got;
    close(fd);
    cr_assert_not_null(strstr(text, code), "%s: %s", request, text);
    cr_assert_null(strstr(text, "uptimeSeconds"), "the second request ran: %s", text);
    cr_assert_lt(ds_monotonic_us(ds_system_clock()) - from_us, 9 * DS_US_PER_S);
}

#define EXPECT_REFUSED(request, code) expect_refused(request, sizeof(request) - 1, code)

#define POST "POST /api/orders HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"

Test(heads, a_transfer_encoding_other_than_chunked_is_400)
{
    EXPECT_REFUSED(POST "Transfer-Encoding: identity\r\n\r\n{}" SECOND, "invalid_header");
    EXPECT_REFUSED(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SECOND, "invalid_header");
    EXPECT_REFUSED(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SECOND,
                   "invalid_header");
}

Test(heads, a_name_that_is_no_token_is_400)
{
    EXPECT_REFUSED(POST "Content-Length : 2\r\n\r\n" SECOND, "invalid_header");
    EXPECT_REFUSED(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SECOND, "invalid_header");
}

Test(heads, a_value_with_control_characters_is_400)
{
    EXPECT_REFUSED("GET /livez HTTP/1.1\r\nHost: t\r\nX: a\x01"
                   "b\r\n\r\n" SECOND,
                   "invalid_header");
}

Test(heads, a_length_that_cannot_be_counted_closes_at_once)
{
    EXPECT_REFUSED(POST "Content-Length: 9223372036854775808\r\n\r\n{}" SECOND, "\"code\"");
}

Test(heads, what_means_one_thing_comes_once)
{
    EXPECT_REFUSED("GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" SECOND, "invalid_header");
    EXPECT_REFUSED("GET /livez HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\n"
                   "Authorization: Bearer b\r\n\r\n" SECOND,
                   "invalid_header");
    EXPECT_REFUSED(POST "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"
                        "Content-Length: 2\r\n\r\n{}" SECOND,
                   "invalid_header");
}

Test(heads, a_list_may_be_split_over_lines)
{
    struct answer answer =
        kit_call_as(&kit, "customer:anna", "GET", "/api/orders/berlin-1.X",
                    "Consistency-Token: not-one-of-ours\r\nConsistency-Token: \r\n", NULL);
    cr_assert_str_eq(answer_code(&answer), "consistency_token_invalid", "%s", answer.body);
    answer_free(&answer);
    answer =
        kit_call(&kit, "GET", "/livez", "Accept: application/json\r\nAccept: text/html\r\n", NULL);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    answer_free(&answer);
}

Test(heads, blanks_behind_a_value_do_not_belong_to_it)
{
    struct answer answer = kit_call(&kit, "GET", "/livez", "X-Correlation-Id: abc \t \r\n", NULL);
    char *id = answer_header(&answer, "X-Correlation-Id");
    cr_assert_str_eq(id, "abc");
    free(id);
    answer_free(&answer);
    char *token = kit_token("anna", "customer", "", 60);
    char header[1024];
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s \r\n", token);
    free(token);
    answer = kit_call(&kit, "GET", "/api/orders/berlin-1.X", header, NULL);
    cr_assert_str_eq(answer_code(&answer), "database_unavailable", "%s", answer.body);
    answer_free(&answer);
}
