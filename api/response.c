#include "api/response.h"

#include "base/clock.h"
#include "base/money.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char bare_500[] =
    "{\"success\":false,\"error\":{\"code\":\"internal\",\"message\":\"out of memory\"}}";

static void reply_bare_500(ds_request_t *request)
{
    ds_error_t error = DS_ERROR_INIT;
    request->status = 500;
    request->reply_type = "application/json";
    ds_buf_clear(&request->reply);
    if (!ds_buf_append_text(&request->reply, bare_500, &error))
        ds_buf_clear(&request->reply); /* then without a body */
}

void ds_answer_header(ds_request_t *request, const char *name, const char *format, ...)
{
    char text[DS_MAX_REPLY_HEADER_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof text ||
        request->reply_header_count == DS_MAX_REPLY_HEADERS)
        return;
    for (int i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return;
    struct ds_name_value *header = &request->reply_headers[request->reply_header_count];
    ds_error_t error = DS_ERROR_INIT;
    header->name = ds_str(name);
    if (ds_arena_dup(request->arena, ds_str(text), &header->value, &error))
        request->reply_header_count++;
}

static bool has_header(const ds_request_t *request, const char *name)
{
    for (size_t i = 0; i < request->reply_header_count; i++)
        if (ds_str_eq(request->reply_headers[i].name, ds_str(name)))
            return true;
    return false;
}

static int append_json(const char *bytes, size_t len, void *out)
{
    ds_error_t error = DS_ERROR_INIT;
    return ds_buf_append(out, bytes, len, &error) ? 0 : -1;
}

/* Takes `json`, which may be NULL for want of memory. */
static void reply_json(ds_request_t *request, int status, json_t *json)
{
    request->status = status;
    request->reply_type = "application/json";
    if ((status == 503 || status == 429) && !has_header(request, "Retry-After"))
        ds_answer_header(request, "Retry-After", "1");
    ds_buf_clear(&request->reply);
    if (json == NULL || json_dump_callback(json, append_json, &request->reply, JSON_COMPACT) != 0)
        reply_bare_500(request);
    json_decref(json);
}

void ds_answer_data(ds_request_t *request, int status, json_t *data)
{
    reply_json(request, status, json_pack("{s:b,s:o}", "success", 1, "data", data));
}

/* The same request with another cursor, for Link. */
static void link_next(ds_request_t *request, ds_str_t next)
{
    ds_str_t path = ds_str_before(request->uri, '?');
    ds_str_t query = ds_str_after(request->uri, '?');
    ds_buf_t link;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&link, 4096);
    bool ok = ds_buf_printf(&link, &error, "%.*s?", DS_STR_ARG(path));
    while (ok && query.len > 0) {
        ds_str_t pair = ds_str_before(query, '&');
        query = ds_str_after(query, '&');
        if (!ds_str_eq(ds_str_before(pair, '='), DS_STR("cursor")) && pair.len > 0)
            ok = ds_buf_printf(&link, &error, "%.*s&", DS_STR_ARG(pair));
    }
    ok = ok && ds_buf_printf(&link, &error, "cursor=%.*s", DS_STR_ARG(next));
    if (ok)
        ds_answer_header(request, "Link", "<%.*s>; rel=\"next\"", (int)link.len,
                         (const char *)link.data);
    ds_buf_cleanup(&link);
}

void ds_answer_page(ds_request_t *request, json_t *data, int64_t limit, ds_str_t next)
{
    if (next.len > 0)
        link_next(request, next);
    reply_json(request, 200,
               json_pack("{s:b,s:o,s:{s:I,s:o}}", "success", 1, "data", data, "page", "limit",
                         (json_int_t)limit, "next", ds_out_text_or_null(next)));
}

bool ds_etag_matches(ds_str_t if_none_match, ds_str_t etag)
{
    while (if_none_match.len > 0) {
        ds_str_t one = ds_str_before(if_none_match, ',');
        if_none_match = ds_str_after(if_none_match, ',');
        while (one.len > 0 && one.data[0] == ' ')
            one = (ds_str_t){one.data + 1, one.len - 1};
        while (one.len > 0 && one.data[one.len - 1] == ' ')
            one.len--;
        if (one.len > 2 && memcmp(one.data, "W/", 2) == 0)
            one = (ds_str_t){one.data + 2, one.len - 2};
        if (ds_str_eq(one, etag) || ds_str_eq(one, DS_STR("*")))
            return true;
    }
    return false;
}

void ds_answer_tagged(ds_request_t *request, const char *etag, json_t *data)
{
    ds_answer_header(request, "ETag", "%s", etag);
    if (!ds_etag_matches(request->headers.if_none_match, ds_str(etag))) {
        ds_answer_data(request, 200, data);
        return;
    }
    json_decref(data);
    ds_answer_empty(request, 304);
}

void ds_answer_text(ds_request_t *request, int status, const char *type, ds_str_t text)
{
    ds_error_t error = DS_ERROR_INIT;
    request->status = status;
    request->reply_type = type;
    ds_buf_clear(&request->reply);
    if (!ds_buf_append_str(&request->reply, text, &error))
        reply_bare_500(request);
}

void ds_answer_empty(ds_request_t *request, int status)
{
    request->status = status;
    request->reply_type = NULL;
    ds_buf_clear(&request->reply);
}

void ds_answer_error(ds_request_t *request, int status, const char *code, const char *message)
{
    json_t *details = request->problems.details;
    json_t *error = json_pack("{s:s,s:s,s:O?,s:s}", "code", code, "message", message, "details",
                              details, "correlationId", request->correlation_id);
    if (error != NULL && details == NULL)
        (void)json_object_set_new(error, "details", json_array());
    if (status == 401 && !has_header(request, "WWW-Authenticate"))
        ds_answer_header(request, "WWW-Authenticate", "Bearer realm=\"doorstep\"");
    reply_json(request, status, json_pack("{s:b,s:o}", "success", 0, "error", error));
}

void ds_answer_error_detail(ds_request_t *request, int status, const char *code,
                            const char *message, json_t *detail)
{
    if (request->problems.details == NULL)
        request->problems.details = json_array();
    bool kept = request->problems.details != NULL && detail != NULL &&
                json_array_append(request->problems.details, detail) == 0;
    json_decref(detail);
    if (kept)
        ds_answer_error(request, status, code, message);
    else
        reply_bare_500(request);
}

void ds_answer_problems(ds_request_t *request)
{
    const char *code = ds_problems_code(&request->problems);
    const char *message = "some fields are wrong";
    if (strcmp(code, "missing_field") == 0)
        message = "required fields are missing";
    else if (strcmp(code, "unknown_field") == 0)
        message = "some fields are not known here";
    else if (strcmp(code, "mixed_stores") == 0)
        message = "all lines must be of one store";
    ds_answer_error(request, 400, code, message);
}

void ds_answer_bad_parameter(ds_request_t *request, const char *name, const char *message)
{
    ds_problem(&request->problems, name, "invalid", "%s", message);
    ds_answer_error(request, 400, "invalid_parameter", "a parameter of the query is wrong");
}

json_t *ds_out_text(ds_str_t text)
{
    return json_stringn(text.data == NULL ? "" : text.data, text.len);
}

json_t *ds_out_text_or_null(ds_str_t text)
{
    return text.len == 0 ? json_null() : ds_out_text(text);
}

json_t *ds_out_money(int64_t amount_minor, ds_str_t currency)
{
    char text[DS_MONEY_TEXT_BYTES];
    ds_money_text(amount_minor, currency, text);
    return json_pack("{s:I,s:o,s:s}", "amount", (json_int_t)amount_minor, "currency",
                     ds_out_text(currency), "text", text);
}

json_t *ds_out_time(int64_t time_us)
{
    char text[DS_TIME_TEXT_BYTES];
    ds_time_to_text(time_us, text);
    return json_string(text);
}
