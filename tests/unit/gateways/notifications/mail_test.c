#include "gateways/notifications/channels.h"
#include "gateways/notifications/limits.h"
#include "gateways/notifications/mail.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct ds_mail plain_mail(void)
{
    return (struct ds_mail){
        .from = DS_STR("shop@shop.example"),
        .to = DS_STR("anna@home.example"),
        .subject = DS_STR("Your order"),
        .id = DS_STR("berlin-1.01K9.order-2-0-7-0"),
        .event = DS_STR("confirmed"),
        .language = "en",
        .date_us = INT64_C(1800000000123456),
        .text = DS_STR("Hello,\n\nbye\n"),
    };
}

static char *text_of(const struct ds_mail *mail)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t out;
    ds_buf_init(&out, DS_MAX_MAIL_BYTES);
    cr_assert(ds_mail_write(mail, &out, &error), "%s", error.message);
    char *text = ds_str_dup(ds_buf_str(&out));
    ds_buf_cleanup(&out);
    return text;
}

Test(mail, is_the_same_bytes_each_time)
{
    struct ds_mail mail = plain_mail();
    char *text = text_of(&mail);
    cr_expect_str_eq(text, "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
                           "From: <shop@shop.example>\r\n"
                           "To: <anna@home.example>\r\n"
                           "Subject: Your order\r\n"
                           "Message-ID: <berlin-1.01K9.order-2-0-7-0@shop.example>\r\n"
                           "X-Doorstep-Event: confirmed\r\n"
                           "Auto-Submitted: auto-generated\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "Content-Language: en\r\n"
                           "\r\n"
                           "Hello,\r\n\r\nbye\r\n");
    free(text);
}

static char *header_of(const char *words)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t out;
    ds_buf_init(&out, 4096);
    cr_assert(ds_mail_header(&out, "Subject", ds_str(words), &error));
    char *text = ds_str_dup(ds_buf_str(&out));
    ds_buf_cleanup(&out);
    return text;
}

static void expect_header(const char *words, const char *wanted)
{
    char *got = header_of(words);
    cr_expect_str_eq(got, wanted);
    free(got);
}

Test(mail, words_are_encoded_where_ascii_will_not_do)
{
    expect_header("a = b?", "Subject: a = b?\r\n");
    expect_header("K\xc3\xa4se", "Subject: =?UTF-8?B?S8Okc2U=?=\r\n");
    expect_header("=?UTF-8?B?QQ==?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?=\r\n");
    /* Whatever comes in, one header goes out. */
    expect_header("a\r\nBcc: x@y.example", "Subject: =?UTF-8?B?YQ0KQmNjOiB4QHkuZXhhbXBsZQ==?=\r\n");
    expect_header("a\nb", "Subject: =?UTF-8?B?YQpi?=\r\n");
}

Test(mail, long_words_are_folded_between_characters)
{
    char words[301] = "";
    for (size_t i = 0; i < 150; i++)
        memcpy(words + 2 * i, "\xc3\xa4", 2);
    char *got = header_of(words);
    size_t lines = 0;
    for (char *line = got; *line != '\0'; lines++) {
        char *end = strstr(line, "\r\n");
        cr_assert_not_null(end);
        cr_expect_leq(end - line, 76);
        cr_expect(line == got || line[0] == ' ');
        line = end + 2;
    }
    cr_expect_gt(lines, 5);
    free(got);
}

static void expect_quoted(const char *text, const char *wanted)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t out;
    ds_buf_init(&out, 4096);
    cr_assert(ds_mail_quoted(&out, ds_str(text), &error));
    cr_expect(ds_str_eq(ds_buf_str(&out), ds_str(wanted)), "%.*s", DS_STR_ARG(ds_buf_str(&out)));
    ds_buf_cleanup(&out);
}

Test(mail, text_is_quoted_printable)
{
    expect_quoted("a=b\n", "a=3Db\r\n");
    expect_quoted("\xe2\x82\xac\n", "=E2=82=AC\r\n");
    expect_quoted("a \nb\t\n c", "a=20\r\nb=09\r\n c\r\n");
    expect_quoted("a\rb", "a=0Db\r\n");
    expect_quoted(".\n..\n", ".\r\n..\r\n"); /* the dots of SMTP are libcurl's matter */
    expect_quoted("0123456789012345678901234567890123456789012345678901234567890123456789012345678",
                  "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n"
                  "5678\r\n");
    expect_quoted(
        "01234567890123456789012345678901234567890123456789012345678901234567890123\xc3\xa4",
        "01234567890123456789012345678901234567890123456789012345678901234567890123=\r\n"
        "=C3=A4\r\n");
}

Test(mail, a_name_beside_the_address_is_quoted_or_encoded)
{
    struct ds_mail mail = plain_mail();
    mail.from_name = DS_STR("A \"B\" \\ <c>");
    char *text = text_of(&mail);
    cr_expect_not_null(strstr(text, "\r\nFrom: \"A \\\"B\\\" \\\\ <c>\" <shop@shop.example>\r\n"),
                       "%s", text);
    free(text);
    mail.from_name = DS_STR("K\xc3\xa4se\r\nBcc: x");
    text = text_of(&mail);
    cr_expect_not_null(strstr(text, "\r\nFrom: =?UTF-8?B?S8Okc2UNCkJjYzogeA==?= <shop@"), "%s",
                       text);
    free(text);
}

Test(mail, no_mail_is_made_for_what_is_no_address)
{
    static const char *const wrong[] = {"", "anna", "a@b.example\r\nBcc: c@d.example",
                                        "a@b.example>\r\n", "a@b.example,c@d.example"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_buf_t out;
        struct ds_mail mail = plain_mail();
        mail.to = ds_str(wrong[i]);
        ds_buf_init(&out, DS_MAX_MAIL_BYTES);
        cr_expect_not(ds_mail_write(&mail, &out, &error));
        cr_expect_eq(error.code, DS_ERR_INVALID);
        cr_expect_eq(out.len, 0);
        mail = plain_mail();
        mail.id = DS_STR("a>\r\nBcc: c@d.example");
        ds_error_clear(&error);
        cr_expect_not(ds_mail_write(&mail, &out, &error));
        ds_buf_cleanup(&out);
    }
}

Test(judge, of_mail_servers)
{
    cr_expect_eq(ds_smtp_judge(true, false, 250), DS_TOLD_SENT);
    cr_expect_eq(ds_smtp_judge(false, true, 550), DS_TOLD_REFUSED);
    cr_expect_eq(ds_smtp_judge(false, true, 554), DS_TOLD_REFUSED);
    cr_expect_eq(ds_smtp_judge(false, true, 451), DS_TOLD_LATER);
    cr_expect_eq(ds_smtp_judge(false, true, 530), DS_TOLD_LATER); /* log in first */
    cr_expect_eq(ds_smtp_judge(false, true, 535), DS_TOLD_LATER);
    cr_expect_eq(ds_smtp_judge(false, false, 554), DS_TOLD_LATER); /* the greeting's */
    cr_expect_eq(ds_smtp_judge(false, false, 0), DS_TOLD_LATER);
    cr_expect_eq(ds_smtp_judge(false, true, 354), DS_TOLD_LATER); /* a line that broke */
}

Test(judge, of_push_services)
{
    cr_expect_eq(ds_push_judge(200), DS_TOLD_SENT);
    cr_expect_eq(ds_push_judge(204), DS_TOLD_SENT);
    cr_expect_eq(ds_push_judge(400), DS_TOLD_REFUSED);
    cr_expect_eq(ds_push_judge(404), DS_TOLD_REFUSED);
    cr_expect_eq(ds_push_judge(410), DS_TOLD_REFUSED);
    cr_expect_eq(ds_push_judge(401), DS_TOLD_LATER);
    cr_expect_eq(ds_push_judge(409), DS_TOLD_LATER);
    cr_expect_eq(ds_push_judge(429), DS_TOLD_LATER);
    cr_expect_eq(ds_push_judge(500), DS_TOLD_LATER);
    cr_expect_eq(ds_push_judge(302), DS_TOLD_LATER);
    cr_expect_eq(ds_push_judge(0), DS_TOLD_LATER);
}

Test(notice, its_id_is_one_word)
{
    char id[DS_NOTICE_ID_BYTES];
    struct ds_notice notice = {.order_id = DS_STR("berlin-1.01K9"),
                               .event_id = DS_STR("order-2-0-7-0")};
    cr_assert(ds_notice_id(&notice, id));
    cr_expect_str_eq(id, "berlin-1.01K9.order-2-0-7-0");
    notice.event_id = DS_STR("a>\r\nBcc: b");
    cr_expect_not(ds_notice_id(&notice, id));
    notice.event_id = DS_STR("");
    cr_expect_not(ds_notice_id(&notice, id));
    notice.event_id = DS_STR("a\0b");
    cr_expect_not(ds_notice_id(&notice, id));
    notice.event_id = DS_STR("a");
    notice.order_id = DS_STR("b..c");
    cr_expect_not(ds_notice_id(&notice, id));
}
