#include "api/request.h"

#include "api/internal.h"
#include "api/response.h"
#include "base/crypto.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_FIRST = 4096, ARENA_MAX = 8 * 1024 * 1024 };

ds_request_t *ds_request_new(struct ds_api *api, const char *uri, int64_t now_us)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_request_t *request = calloc(1, sizeof *request);
    if (request == NULL)
        return NULL;
    request->api = api;
    request->started_us = now_us;
    request->owners = 1;
    (void)pthread_mutex_init(&request->lock, NULL);
    ds_buf_init(&request->body, (size_t)api->settings->body_max_bytes);
    ds_buf_init(&request->reply, DS_MAX_REPLY_BYTES);
    request->arena = ds_arena_new(ARENA_FIRST, ARENA_MAX);
    if (request->arena == NULL ||
        !ds_arena_dup(request->arena, ds_str(uri), &request->uri, &error)) {
        ds_request_unref(request);
        return NULL;
    }
    return request;
}

void ds_request_unref(ds_request_t *request)
{
    (void)pthread_mutex_lock(&request->lock);
    int owners = --request->owners;
    (void)pthread_mutex_unlock(&request->lock);
    if (owners > 0)
        return;
    json_decref(request->json);
    json_decref(request->owned);
    ds_problems_cleanup(&request->problems);
    ds_buf_cleanup(&request->body);
    ds_buf_cleanup(&request->reply);
    ds_arena_destroy(request->arena);
    (void)pthread_mutex_destroy(&request->lock);
    free(request);
}

void ds_request_hold(ds_request_t *request)
{
    (void)pthread_mutex_lock(&request->lock);
    request->owners++;
    request->held = true;
    (void)pthread_mutex_unlock(&request->lock);
}

void ds_request_release(ds_request_t *request)
{
    (void)pthread_mutex_lock(&request->lock);
    request->held = false;
    /* Under the lock, so that the connection cannot be resumed twice, nor after its end. */
    if (request->suspended && !request->expired) {
        request->suspended = false;
        MHD_resume_connection(request->connection);
    }
    (void)pthread_mutex_unlock(&request->lock);
    ds_request_unref(request);
}

bool ds_request_alive(ds_request_t *request)
{
    (void)pthread_mutex_lock(&request->lock);
    bool alive = !request->expired;
    (void)pthread_mutex_unlock(&request->lock);
    return alive;
}

bool ds_request_mark_sent(ds_request_t *request, bool sent)
{
    (void)pthread_mutex_lock(&request->lock);
    bool alive = !request->expired;
    if (alive)
        request->sent = sent;
    (void)pthread_mutex_unlock(&request->lock);
    return alive;
}

static bool parse_params(ds_request_t *request, ds_str_t query)
{
    while (query.len > 0) {
        ds_str_t pair = ds_str_before(query, '&');
        ds_str_t name = ds_str_before(pair, '=');
        ds_str_t value = ds_str_after(pair, '=');
        query = ds_str_after(query, '&');
        if (name.len == 0)
            continue;
        if (request->param_count == DS_MAX_QUERY_PARAMS)
            return false;
        struct ds_name_value *param = &request->params[request->param_count];
        if (!ds_percent_decode(request->arena, name, false, &param->name) ||
            !ds_percent_decode(request->arena, value, false, &param->value))
            return false;
        if (ds_request_param(request, param->name.data).data != NULL)
            return false; /* which of the two counts nobody can say */
        request->param_count++;
    }
    return true;
}

bool ds_request_parse_uri(ds_request_t *request)
{
    ds_str_t path = ds_str_before(request->uri, '?');
    ds_str_t query = ds_str_after(request->uri, '?');
    if (!ds_percent_decode(request->arena, path, true, &request->path)) {
        request->path = (ds_str_t){0};
        return false;
    }
    return parse_params(request, query);
}

ds_str_t ds_request_param(const ds_request_t *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i++)
        if (ds_str_eq(request->params[i].name, ds_str(name)))
            return request->params[i].value;
    return (ds_str_t){0};
}

bool ds_request_limit(ds_request_t *request, int64_t *limit_out)
{
    ds_str_t text = ds_request_param(request, "limit");
    *limit_out = 20;
    if (text.data == NULL)
        return true;
    if (ds_str_to_i64(text, limit_out) && *limit_out >= 1 && *limit_out <= 100)
        return true;
    ds_answer_bad_parameter(request, "limit", "must be a number from 1 to 100");
    return false;
}

static bool correlation_ok(ds_str_t text)
{
    if (text.len == 0 || text.len > DS_CORRELATION_CHARS)
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static bool lower_hex(const char *text, size_t count)
{
    bool zero = true;
    for (size_t i = 0; i < count; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
        zero = zero && text[i] == '0';
    }
    return !zero;
}

/* 00-<32 hex>-<16 hex>-<2 hex>, neither id all zeros (W3C Trace Context level 1). */
static bool traceparent_ok(ds_str_t text)
{
    return text.len == DS_TRACEPARENT_CHARS && memcmp(text.data, "00-", 3) == 0 &&
           lower_hex(text.data + 3, 32) && text.data[35] == '-' && lower_hex(text.data + 36, 16) &&
           text.data[52] == '-' &&
           (lower_hex(text.data + 53, 2) || memcmp(text.data + 53, "00", 2) == 0);
}

static void new_traceparent(ds_request_t *request)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[24];
    ds_error_t error = DS_ERROR_INIT;
    const ds_random_t *random = request->api->runtime->random;
    char *to = request->traceparent;
    if (!random->fill(random, bytes, sizeof bytes, &error))
        return;
    bytes[0] |= 1, bytes[16] |= 1;
    memcpy(to, "00-", 3);
    for (size_t i = 0; i < 24; i++) {
        size_t at = 3 + 2 * i + (i >= 16 ? 1 : 0);
        to[at] = digits[bytes[i] >> 4];
        to[at + 1] = digits[bytes[i] & 15];
    }
    to[35] = '-';
    memcpy(to + 52, "-00", 4);
}

void ds_request_take_ids(ds_request_t *request)
{
    const struct ds_request_headers *headers = &request->headers;
    ds_error_t error = DS_ERROR_INIT;
    ds_id_t id;
    if (correlation_ok(headers->correlation_id))
        (void)ds_str_to_array(headers->correlation_id, request->correlation_id,
                              sizeof request->correlation_id);
    else if (ds_id_new(request->api->runtime->clock, request->api->runtime->random, &id, &error))
        (void)ds_str_to_array(ds_str(id.text), request->correlation_id,
                              sizeof request->correlation_id);
    if (traceparent_ok(headers->traceparent))
        (void)ds_str_to_array(headers->traceparent, request->traceparent,
                              sizeof request->traceparent);
    else
        new_traceparent(request);
}

const char *ds_request_text(ds_request_t *request, const char *format, ...)
{
    ds_error_t error = DS_ERROR_INIT;
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = len < 0 ? NULL : ds_arena_alloc(request->arena, (size_t)len + 1, &error);
    if (text != NULL)
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text == NULL ? "" : text;
}
