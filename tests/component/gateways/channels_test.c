/* Mails to a server that misbehaves, and pushes. */
#include "base/webhook_signature.h"
#include "gateways/notifications/channels.h"
#include "http_server.h"
#include "smtp_server.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SILENCE_MS 300   /* so long a silent server is waited for, */
#define ANSWER_MS  30000 /* and one that answers on a machine that may pause */

static ds_templates_t *templates;
static struct ds_health health;
static volatile sig_atomic_t never;
static struct ds_runtime runtime;
static atomic_bool stop;

static void start(void)
{
    ds_error_t error = DS_ERROR_INIT;
    runtime = (struct ds_runtime){.log = ds_log_root("test", DS_LOG_ERROR),
                                  .clock = ds_system_clock(),
                                  .random = ds_system_random(),
                                  .health = &health,
                                  .stop = &never};
    cr_assert(ds_templates_load("", "en", &templates, &error), "%s", error.message);
}

static void end(void)
{
    ds_templates_destroy(templates);
}

TestSuite(channels, .init = start, .fini = end, .timeout = 300);

static const struct ds_notice notice = {
    .kind = DS_NOTICE_CONFIRMED,
    .at_us = INT64_C(1800000000000000),
    .event_id = {"order-2-0-7-0", 13},
    .order_id = {"berlin-1.01K9", 13},
    .total = {"29.99 EUR", 9},
    .recipient = {"Anna\r\n.\r\nQUIT", 13},
    .email = {"anna@home.example", 17},
    .push_token = {"device:1", 8},
    .language = {"de", 2},
};

/* --- mail --------------------------------------------------------------------------------------
 */

static struct ds_told_answer mail_to(const char *url, const char *user, int times,
                                     int64_t timeout_ms)
{
    const struct ds_email_config config = {
        .templates = templates,
        .url = url,
        .tls = DS_SMTP_PLAIN,
        .ca_file = "",
        .user = user,
        .password = "secret-of-the-test",
        .from = "shop@shop.example",
        .from_name = "Shop",
        .timeout_ms = timeout_ms,
    };
    struct ds_told_answer answer = {.told = DS_TOLD_LATER};
    void *line = ds_email_ops.open(&runtime, &config);
    cr_assert_not_null(line);
    for (int i = 0; i < times; i++) {
        answer = (struct ds_told_answer){.told = DS_TOLD_LATER};
        ds_email_ops.send(line, &notice, &stop, &answer);
    }
    ds_email_ops.close(line);
    cr_expect_null(strstr(answer.detail, "secret-of-the-test"));
    cr_expect_null(strstr(answer.detail, "anna"), "%s", answer.detail);
    return answer;
}

static bool falls_silent(const struct smtp_script *script)
{
    const char *const said[] = {script->greeting, script->mail,   script->rcpt,
                                script->data,     script->within, script->end};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (said[i] != NULL && said[i][0] == '\0')
            return true;
    return false;
}

static void expect_mail(struct smtp_script script, enum ds_told told, int status, bool away)
{
    smtp_server_t *server = smtp_server_start(&script);
    struct ds_told_answer answer =
        mail_to(smtp_server_url(server), "", 1, falls_silent(&script) ? SILENCE_MS : ANSWER_MS);
    cr_expect_eq(answer.told, told, "%d: %s", (int)answer.told, answer.detail);
    cr_expect_eq(answer.away, away, "%s", answer.detail);
    if (status != 0)
        cr_expect_eq(answer.status, status);
    smtp_server_stop(server);
}

Test(channels, a_mail_goes_out_whole_and_a_name_cannot_end_it)
{
    smtp_server_t *server = smtp_server_start(&(struct smtp_script){0});
    struct ds_told_answer answer = mail_to(smtp_server_url(server), "", 1, ANSWER_MS);
    cr_assert_eq(answer.told, DS_TOLD_SENT, "%s", answer.detail);
    cr_expect_eq(answer.status, 250);
    cr_expect_eq(smtp_server_mails(server), 1);
    const char *mail = smtp_server_mail(server);
    cr_expect_eq(strncmp(mail, "MAIL FROM:<shop@shop.example>", 29), 0, "%s", mail);
    cr_expect_not_null(strstr(mail, "\nRCPT TO:<anna@home.example>\n"));
    cr_expect_not_null(strstr(mail, "\nMessage-ID: <berlin-1.01K9.order-2-0-7-0@shop.example>\n"),
                       "%s", mail);
    cr_expect_not_null(strstr(mail, "\nGuten Tag Anna  .  QUIT,\n"), "%s", mail);
    cr_expect_not_null(strstr(mail, "=C3=BCber 29.99 EUR"), "%s", mail);
    smtp_server_stop(server);
}

Test(channels, the_connection_to_the_mail_server_is_kept_and_mails_are_alike)
{
    smtp_server_t *server = smtp_server_start(&(struct smtp_script){0});
    struct ds_told_answer answer = mail_to(smtp_server_url(server), "", 3, ANSWER_MS);
    cr_expect_eq(answer.told, DS_TOLD_SENT);
    cr_expect_eq(smtp_server_mails(server), 3);
    cr_expect_eq(smtp_server_connections(server), 1);
    smtp_server_stop(server);
}

Test(channels, a_mail_server_refuses_at_every_point)
{
    expect_mail((struct smtp_script){.mail = "550 no"}, DS_TOLD_REFUSED, 550, false);
    expect_mail((struct smtp_script){.rcpt = "550 no"}, DS_TOLD_REFUSED, 550, false);
    expect_mail((struct smtp_script){.data = "554 no"}, DS_TOLD_REFUSED, 554, false);
    expect_mail((struct smtp_script){.end = "552 no"}, DS_TOLD_REFUSED, 552, false);
    expect_mail((struct smtp_script){.mail = "451 later"}, DS_TOLD_LATER, 451, false);
    expect_mail((struct smtp_script){.rcpt = "452 later"}, DS_TOLD_LATER, 452, false);
    expect_mail((struct smtp_script){.end = "451 later"}, DS_TOLD_LATER, 451, false);
    /* Not about this mail. */
    expect_mail((struct smtp_script){.greeting = "554 go away"}, DS_TOLD_LATER, 0, true);
    expect_mail((struct smtp_script){.greeting = "421 busy"}, DS_TOLD_LATER, 0, true);
    expect_mail((struct smtp_script){.mail = "530 log in first"}, DS_TOLD_LATER, 530, false);
}

Test(channels, a_mail_server_hangs_up_or_falls_silent_at_every_point)
{
    static const struct smtp_script scripts[] = {
        {.greeting = "!"}, {.mail = "!"}, {.rcpt = "!"},    {.data = "!"},
        {.within = "!"},   {.end = "!"},  {.greeting = ""}, {.mail = ""},
        {.rcpt = ""},      {.data = ""},  {.within = ""},   {.end = ""},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        expect_mail(scripts[i], DS_TOLD_LATER, 0, true);
}

Test(channels, nobody_listens)
{
    char url[64];
    (void)snprintf(url, sizeof url, "smtp://127.0.0.1:%d", http_closed_port());
    struct ds_told_answer answer = mail_to(url, "", 1, ANSWER_MS);
    cr_expect_eq(answer.told, DS_TOLD_LATER);
    cr_expect(answer.away);
}

Test(channels, a_wrong_login_is_not_the_mails_fault)
{
    const struct smtp_script script = {.auth = "535 wrong"};
    smtp_server_t *server = smtp_server_start(&script);
    struct ds_told_answer answer = mail_to(smtp_server_url(server), "shop", 1, ANSWER_MS);
    cr_expect_eq(answer.told, DS_TOLD_LATER);
    cr_expect(answer.away);
    smtp_server_stop(server);
}

Test(channels, without_tls_nothing_is_sent_where_it_is_required)
{
    smtp_server_t *server = smtp_server_start(&(struct smtp_script){0});
    const struct ds_email_config config = {.templates = templates,
                                           .url = smtp_server_url(server),
                                           .tls = DS_SMTP_REQUIRED,
                                           .ca_file = "",
                                           .user = "shop",
                                           .password = "secret",
                                           .from = "shop@shop.example",
                                           .from_name = "",
                                           .timeout_ms = ANSWER_MS};
    struct ds_told_answer answer = {.told = DS_TOLD_SENT};
    void *line = ds_email_ops.open(&runtime, &config);
    ds_email_ops.send(line, &notice, &stop, &answer);
    ds_email_ops.close(line);
    cr_expect_eq(answer.told, DS_TOLD_LATER);
    cr_expect_eq(smtp_server_mails(server), 0);
    smtp_server_stop(server);
}

/* --- push --------------------------------------------------------------------------------------
 */

static struct ds_told_answer push_to(const char *url, int64_t timeout_ms)
{
    const struct ds_push_config config = {
        .templates = templates,
        .url = url,
        .key = {(const uint8_t *)"0123456789abcdef", 16},
        .timeout_ms = timeout_ms,
    };
    struct ds_told_answer answer = {.told = DS_TOLD_LATER};
    void *line = ds_push_ops.open(&runtime, &config);
    cr_assert_not_null(line);
    ds_push_ops.send(line, &notice, &stop, &answer);
    ds_push_ops.close(line);
    return answer;
}

static void header_of(const char *request, const char *name, char value[256])
{
    const char *at = strstr(request, name);
    cr_assert_not_null(at, "%s in %s", name, request);
    at += strlen(name);
    size_t bytes = strcspn(at, "\r\n");
    cr_assert_lt(bytes, 256);
    memcpy(value, at, bytes);
    value[bytes] = '\0';
}

Test(channels, a_push_is_signed_and_bears_its_key)
{
    const struct http_script script = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    http_server_t *server = http_server_start(&script);
    struct ds_told_answer answer = push_to(http_server_url(server, "/push"), ANSWER_MS);
    cr_assert_eq(answer.told, DS_TOLD_SENT, "%s", answer.detail);
    const char *request = http_server_request(server);
    char id[256], key[256], timestamp[256], signature[256];
    header_of(request, "\r\nwebhook-id: ", id);
    header_of(request, "\r\nIdempotency-Key: ", key);
    header_of(request, "\r\nwebhook-timestamp: ", timestamp);
    header_of(request, "\r\nwebhook-signature: ", signature);
    cr_expect_str_eq(id, "berlin-1.01K9.order-2-0-7-0");
    cr_expect_str_eq(key, id);
    const char *body = strstr(request, "\r\n\r\n") + 4;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t wanted;
    ds_buf_init(&wanted, 256);
    cr_assert(ds_webhook_sign((ds_bytes_t){(const uint8_t *)"0123456789abcdef", 16}, ds_str(id),
                              strtoll(timestamp, NULL, 10), ds_str(body), &wanted, &error));
    cr_expect(ds_str_eq(ds_buf_str(&wanted), ds_str(signature)));
    ds_buf_cleanup(&wanted);
    json_t *json = json_loads(body, 0, NULL);
    json_t *message = json_object_get(json, "message");
    cr_expect_str_eq(json_string_value(json_object_get(message, "token")), "device:1");
    cr_expect_str_eq(
        json_string_value(json_object_get(json_object_get(message, "data"), "orderId")),
        "berlin-1.01K9");
    json_decref(json);
    http_server_stop(server);
}

Test(channels, what_a_push_service_answers)
{
    static const struct {
        const char *answer;
        enum ds_told told;
        int64_t retry_after_us;
        bool away;
    } cases[] = {
        {"HTTP/1.1 204 No\r\n\r\n", DS_TOLD_SENT, 0, false},
        {"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", DS_TOLD_REFUSED, 0, false},
        {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", DS_TOLD_LATER, 0, true},
        {"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", DS_TOLD_LATER,
         7 * DS_US_PER_S, false},
        {"", DS_TOLD_LATER, 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct http_script script = {.answer = cases[i].answer,
                                           .stay_silent = cases[i].answer[0] == '\0'};
        http_server_t *server = http_server_start(&script);
        struct ds_told_answer answer =
            push_to(http_server_url(server, "/push"), script.stay_silent ? SILENCE_MS : ANSWER_MS);
        cr_expect_eq(answer.told, cases[i].told, "case %zu: %s", i, answer.detail);
        cr_expect_eq(answer.retry_after_us, cases[i].retry_after_us, "case %zu", i);
        cr_expect_eq(answer.away, cases[i].away, "case %zu", i);
        http_server_stop(server);
    }
}
