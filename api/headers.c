#include "api/headers.h"

#include <microhttpd.h>
#include <stddef.h>
#include <strings.h>

/* How often a header may come. */
enum times {
    ONCE,   /* which of two counts nobody can say */
    LIST,   /* the lines are one list */
    LATEST, /* it only names the request: the last one does */
};

#define WANTED(name, member, times)                                                                \
    {                                                                                              \
        DS_STR(name), offsetof(struct ds_request_headers, member), times                           \
    }

static const struct wanted {
    ds_str_t name;
    size_t place;
    enum times times;
} wanted_headers[] = {
    WANTED("Host", host, ONCE),
    WANTED("Authorization", authorization, ONCE),
    WANTED("Idempotency-Key", idempotency_key, ONCE),
    WANTED("Consistency-Token", consistency_token, LIST),
    WANTED("If-None-Match", if_none_match, LIST),
    WANTED("Accept", accept, LIST),
    WANTED("Content-Type", content_type, ONCE),
    WANTED("Content-Length", content_length, LATEST),       /* counted in `lengths` */
    WANTED("Transfer-Encoding", transfer_encoding, LATEST), /* too */
    WANTED("Origin", origin, ONCE),
    WANTED("X-Forwarded-For", forwarded_for, LIST),
    WANTED("webhook-id", webhook_id, ONCE),
    WANTED("webhook-timestamp", webhook_timestamp, ONCE),
    WANTED("webhook-signature", webhook_signature, ONCE),
    WANTED("X-Correlation-Id", correlation_id, LATEST),
    WANTED("traceparent", traceparent, LATEST),
};

static bool same_name(ds_str_t a, ds_str_t b)
{
    return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

/* A token of RFC 9110. */
static bool is_name(ds_str_t text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return text.len > 0;
}

static bool has_control(ds_str_t text)
{
    for (uint32_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static ds_str_t without_blanks(ds_str_t text)
{
    while (text.len > 0 && is_blank(text.data[0]))
        text = (ds_str_t){text.data + 1, text.len - 1};
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* In the arena: a query thread may look at it when the connection is gone. @return false: no
 * memory. */
static bool join(ds_request_t *request, ds_str_t *list, ds_str_t line)
{
    ds_error_t error = DS_ERROR_INIT;
    if (list->data == NULL)
        return ds_arena_dup(request->arena, line, list, &error);
    const char *both = ds_request_text(request, "%.*s,%.*s", DS_STR_ARG(*list), DS_STR_ARG(line));
    *list = ds_str(both);
    return list->len > 0;
}

static bool keep(ds_request_t *request, const struct wanted *wanted, ds_str_t value)
{
    struct ds_request_headers *headers = &request->headers;
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t *place = (ds_str_t *)(void *)((char *)headers + wanted->place);
    if (wanted->times == LIST)
        return join(request, place, value);
    if (wanted->times == ONCE && place->data != NULL)
        headers->wrong = "a header that means one thing came twice";
    return ds_arena_dup(request->arena, value, place, &error);
}

static enum MHD_Result take(void *request_, enum MHD_ValueKind kind, const char *name_text,
                            size_t name_len, const char *value_text, size_t value_len)
{
    ds_request_t *request = request_;
    struct ds_request_headers *headers = &request->headers;
    ds_str_t name = {name_text, (uint32_t)name_len};
    ds_str_t value = {value_text == NULL ? "" : value_text,
                      value_text == NULL ? 0 : (uint32_t)value_len};
    (void)kind;
    headers->count++;
    headers->bytes += name_len + value.len + 4;
    if (same_name(name, DS_STR("Content-Length")) || same_name(name, DS_STR("Transfer-Encoding")))
        headers->lengths++;
    if (!is_name(name))
        headers->wrong = "the name of a header is malformed";
    else if (has_control(value))
        headers->wrong = "the value of a header holds control characters";
    value = without_blanks(value);
    for (size_t i = 0; i < sizeof wanted_headers / sizeof *wanted_headers; i++)
        if (same_name(name, wanted_headers[i].name))
            headers->no_memory = headers->no_memory || !keep(request, &wanted_headers[i], value);
    return headers->no_memory ? MHD_NO : MHD_YES;
}

bool ds_headers_take(ds_request_t *request)
{
    struct ds_request_headers *headers = &request->headers;
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, take, request);
    /* Another coding than chunked would be read until the end of the connection. */
    if (headers->transfer_encoding.data != NULL &&
        !same_name(headers->transfer_encoding, DS_STR("chunked")))
        headers->wrong = "Transfer-Encoding may only be chunked";
    return !headers->no_memory;
}
