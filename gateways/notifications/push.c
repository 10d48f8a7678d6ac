#include "base/webhook_signature.h"
#include "gateways/exchange/exchange.h"
#include "gateways/exchange/limits.h"
#include "gateways/notifications/channels.h"
#include "gateways/notifications/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TURN_MS      100
#define HEADER_BYTES (DS_NOTICE_ID_BYTES + 32)

struct line {
    const struct ds_push_config *config;
    const ds_clock_t *clock;
    ds_exchanges_t *exchanges;
    ds_buf_t body;
    ds_buf_t signature;
    struct ds_told_answer *answer;
    bool answered;
};

static void close_line(void *context)
{
    struct line *line = context;
    ds_exchanges_destroy(line->exchanges); /* NULL is fine */
    ds_buf_cleanup(&line->body);
    ds_buf_cleanup(&line->signature);
    free(line);
}

static void *open_line(const struct ds_runtime *runtime, const void *config)
{
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL)
        return NULL;
    line->config = config;
    line->clock = runtime->clock;
    ds_buf_init(&line->body, DS_MAX_RENDERED_BYTES);
    ds_buf_init(&line->signature, HEADER_BYTES);
    line->exchanges = ds_exchanges_new(1, DS_MAX_PROVIDER_BODY_BYTES);
    if (line->exchanges != NULL)
        return line;
    close_line(line);
    return NULL;
}

enum ds_told ds_push_judge(int status)
{
    if (status >= 200 && status <= 299)
        return DS_TOLD_SENT;
    switch (status) {
    case 401: /* a wrong secret, a clock that is off: not a matter of this notice */
    case 403:
    case 408:
    case 409: /* the same key is being worked on */
    case 425:
    case 429:
        return DS_TOLD_LATER;
    default:
        return status >= 400 && status <= 499 ? DS_TOLD_REFUSED : DS_TOLD_LATER;
    }
}

static void on_answer(void *context, const struct ds_exchange_answer *answer)
{
    struct line *line = context;
    line->answered = true;
    line->answer->status = answer->status;
    line->answer->told = ds_push_judge(answer->status);
    line->answer->away = line->answer->told == DS_TOLD_LATER && answer->status != 429;
    line->answer->retry_after_us = answer->retry_after_s * DS_US_PER_S;
    if (answer->why != NULL)
        (void)snprintf(line->answer->detail, sizeof line->answer->detail, "%.95s", answer->why);
}

/* Signed anew at each attempt: receivers take no timestamp older than some minutes. */
static bool start(struct line *line, const struct ds_notice *notice, ds_error_t *error)
{
    int64_t now_s = ds_now_us(line->clock) / DS_US_PER_S;
    char notice_id[DS_NOTICE_ID_BYTES];
    char key[HEADER_BYTES], id[HEADER_BYTES], timestamp[HEADER_BYTES], signature[HEADER_BYTES];
    ds_buf_clear(&line->signature);
    if (!ds_notice_id(notice, notice_id))
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "the ids of a notice are none");
    if (!ds_webhook_sign(line->config->key, ds_str(notice_id), now_s, ds_buf_str(&line->body),
                         &line->signature, error))
        return false;
    (void)snprintf(key, sizeof key, "Idempotency-Key: %s", notice_id);
    (void)snprintf(id, sizeof id, "webhook-id: %s", notice_id);
    (void)snprintf(timestamp, sizeof timestamp, "webhook-timestamp: %" PRId64, now_s);
    (void)snprintf(signature, sizeof signature, "webhook-signature: %.*s",
                   DS_STR_ARG(ds_buf_str(&line->signature)));
    const char *const headers[] = {
        key, id, timestamp, signature, "Content-Type: application/json; charset=utf-8", NULL};
    const struct ds_http_request request = {
        .method = "POST",
        .url = line->config->url,
        .headers = headers,
        .body = ds_buf_bytes(&line->body),
        .timeout_ms = line->config->timeout_ms,
    };
    return ds_exchanges_start(line->exchanges, &request, on_answer, line, error);
}

static void send_push(void *context, const struct ds_notice *notice, const atomic_bool *stop,
                      struct ds_told_answer *answer)
{
    struct line *line = context;
    ds_error_t error = DS_ERROR_INIT;
    line->answer = answer;
    line->answered = false;
    ds_buf_clear(&line->body);
    if (line->exchanges == NULL)
        return; /* stopping */
    if (!ds_templates_fill(line->config->templates, notice, DS_FORMAT_JSON, &line->body, NULL,
                           &error) ||
        !start(line, notice, &error)) {
        answer->told = error.code == DS_ERR_INVALID || error.code == DS_ERR_LIMIT ? DS_TOLD_REFUSED
                                                                                  : DS_TOLD_LATER;
        (void)snprintf(answer->detail, sizeof answer->detail, "%.95s", error.message);
        return;
    }
    while (!line->answered && !atomic_load(stop))
        ds_exchanges_turn(line->exchanges, TURN_MS);
    if (line->answered)
        return;
    ds_exchanges_destroy(line->exchanges); /* calls back: no answer came */
    line->exchanges = NULL;
}

const struct ds_channel_ops ds_push_ops = {open_line, close_line, send_push};
