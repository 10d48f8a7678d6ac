#include "gateways/notifications/channels.h"
#include "gateways/notifications/limits.h"
#include "gateways/notifications/mail.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_MS        5000
#define IDLE_CONNECTION_S 20L
#define ADDRESS_BYTES     264

struct line {
    const struct ds_email_config *config;
    CURL *curl;
    ds_buf_t subject;
    ds_buf_t text;
    ds_buf_t mail;
    size_t given; /* of the mail, to libcurl */
    bool ended;   /* all of it was */
    const atomic_bool *stop;
    char why[CURL_ERROR_SIZE];
};

static void close_line(void *context)
{
    struct line *line = context;
    curl_easy_cleanup(line->curl); /* NULL is fine */
    ds_buf_cleanup(&line->subject);
    ds_buf_cleanup(&line->text);
    ds_buf_cleanup(&line->mail);
    free(line);
    curl_global_cleanup();
}

static void *open_line(const struct ds_runtime *runtime, const void *config)
{
    (void)runtime;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counted, thread-safe */
        return NULL;
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL) {
        curl_global_cleanup();
        return NULL;
    }
    line->config = config;
    line->curl = curl_easy_init();
    ds_buf_init(&line->subject, DS_MAX_RENDERED_BYTES);
    ds_buf_init(&line->text, DS_MAX_RENDERED_BYTES);
    ds_buf_init(&line->mail, DS_MAX_MAIL_BYTES);
    if (line->curl != NULL)
        return line;
    close_line(line);
    return NULL;
}

static bool write_mail(struct line *line, const struct ds_notice *notice, ds_error_t *error)
{
    const char *language = NULL;
    char id[DS_NOTICE_ID_BYTES];
    ds_buf_clear(&line->subject);
    ds_buf_clear(&line->text);
    ds_buf_clear(&line->mail);
    if (!ds_notice_id(notice, id))
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "the ids of a notice are none");
    if (!ds_templates_fill(line->config->templates, notice, DS_FORMAT_SUBJECT, &line->subject, NULL,
                           error) ||
        !ds_templates_fill(line->config->templates, notice, DS_FORMAT_TEXT, &line->text, &language,
                           error))
        return false;
    const struct ds_mail mail = {
        .from = ds_str(line->config->from),
        .from_name = ds_str(line->config->from_name),
        .to = notice->email,
        .subject = ds_utf8_cut(ds_buf_str(&line->subject), DS_MAX_SUBJECT_BYTES),
        .id = ds_str(id),
        .event = ds_str(ds_notice_kind_text(notice->kind)),
        .language = language,
        .date_us = notice->at_us,
        .text = ds_buf_str(&line->text),
    };
    return ds_mail_write(&mail, &line->mail, error);
}

/* --- libcurl -----------------------------------------------------------------------------------
 */

static size_t give_mail(char *to, size_t one, size_t room, void *context)
{
    struct line *line = context;
    size_t bytes = line->mail.len - line->given;
    if (bytes > one * room)
        bytes = one * room;
    if (bytes > 0)
        memcpy(to, line->mail.data + line->given, bytes);
    line->given += bytes;
    line->ended = line->given == line->mail.len;
    return bytes;
}

static int look_at_stop(void *context, curl_off_t down, curl_off_t downed, curl_off_t up,
                        curl_off_t upped)
{
    struct line *line = context;
    (void)down, (void)downed, (void)up, (void)upped;
    return atomic_load(line->stop) ? 1 : 0;
}

static long use_ssl(enum ds_smtp_tls tls)
{
    return tls == DS_SMTP_REQUIRED ? (long)CURLUSESSL_ALL
           : tls == DS_SMTP_TRY    ? (long)CURLUSESSL_TRY
                                   : (long)CURLUSESSL_NONE;
}

static CURLcode set_server(struct line *line)
{
    const struct ds_email_config *config = line->config;
    CURL *curl = line->curl;
    long timeout_ms = (long)config->timeout_ms;
    long connect_ms = timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_URL, config->url);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY, "");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_USE_SSL, use_ssl(config->tls));
    code = code ? code : curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    if (config->ca_file[0] != '\0')
        code = code ? code : curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca_file);
    if (config->user[0] != '\0') {
        code = code ? code : curl_easy_setopt(curl, CURLOPT_USERNAME, config->user);
        code = code ? code : curl_easy_setopt(curl, CURLOPT_PASSWORD, config->password);
    }
    return code;
}

static CURLcode set_mail(struct line *line, const char *from, struct curl_slist *to)
{
    CURL *curl = line->curl;
    line->given = 0;
    line->ended = false;
    line->why[0] = '\0';
    CURLcode code = curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    code =
        code ? code : curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)line->mail.len);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_mail);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_READDATA, line);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_XFERINFODATA, line);
    return code ? code : curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, line->why);
}

static CURLcode perform(struct line *line, ds_str_t address, int *status_out)
{
    char from[ADDRESS_BYTES], to[ADDRESS_BYTES];
    long status = 0;
    (void)snprintf(from, sizeof from, "<%s>", line->config->from);
    (void)snprintf(to, sizeof to, "<%.*s>", DS_STR_ARG(address));
    struct curl_slist *list = curl_slist_append(NULL, to);
    if (list == NULL)
        return CURLE_OUT_OF_MEMORY;
    CURLcode code = set_server(line);
    code = code ? code : set_mail(line, from, list);
    code = code ? code : curl_easy_perform(line->curl);
    if (curl_easy_getinfo(line->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
        *status_out = (int)status;
    curl_easy_reset(line->curl); /* the connection stays */
    curl_slist_free_all(list);
    return code;
}

/* --- what it means -----------------------------------------------------------------------------
 */

/* "Log in first", "that login is wrong": a matter of our settings, not of this mail. */
static bool is_about_login(int status)
{
    return status == 530 || status == 534 || status == 535 || status == 538;
}

enum ds_told ds_smtp_judge(bool sent_ok, bool answered, int status)
{
    if (sent_ok)
        return DS_TOLD_SENT;
    return answered && status >= 500 && status <= 599 && !is_about_login(status) ? DS_TOLD_REFUSED
                                                                                 : DS_TOLD_LATER;
}

static void send_mail(void *context, const struct ds_notice *notice, const atomic_bool *stop,
                      struct ds_told_answer *answer)
{
    struct line *line = context;
    ds_error_t error = DS_ERROR_INIT;
    line->stop = stop;
    if (!write_mail(line, notice, &error)) {
        /* It will not become another mail. */
        answer->told = error.code == DS_ERR_MEMORY ? DS_TOLD_LATER : DS_TOLD_REFUSED;
        (void)snprintf(answer->detail, sizeof answer->detail, "%.95s", error.message);
        return;
    }
    CURLcode code = perform(line, notice->email, &answer->status);
    /* libcurl: SEND_ERROR is the answer to MAIL, RCPT or DATA (or a broken line, and then the last
     * code is no 5xx), WEIRD_SERVER_REPLY that to the greeting, or to the mail's end. */
    bool answered = code == CURLE_SEND_ERROR || (code == CURLE_WEIRD_SERVER_REPLY && line->ended);
    answer->told = ds_smtp_judge(code == CURLE_OK, answered, answer->status);
    answer->away = answer->told == DS_TOLD_LATER && !(answered && answer->status >= 400);
    if (code != CURLE_OK)
        (void)snprintf(answer->detail, sizeof answer->detail, "%.95s",
                       line->why[0] != '\0' ? line->why : curl_easy_strerror(code));
}

const struct ds_channel_ops ds_email_ops = {open_line, close_line, send_mail};
