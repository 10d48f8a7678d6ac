#include "base/http_client.h"

#include "base/limits.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

struct ds_http_client {
    CURL *curl;
    size_t max_body_bytes;
    char text[CURL_ERROR_SIZE]; /* libcurl's words for the last failure */
};

/* One exchange: what the callbacks write to, and why they gave up. */
struct exchange {
    struct ds_http_response *response;
    size_t max_body_bytes;
    ds_error_t *error;
};

ds_http_client_t *ds_http_client_new(size_t max_body_bytes)
{
    /* Counted and thread-safe since libcurl 7.84. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    ds_http_client_t *client = calloc(1, sizeof *client);
    if (client == NULL) {
        curl_global_cleanup();
        return NULL;
    }
    client->max_body_bytes = max_body_bytes;
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        ds_http_client_destroy(client);
        return NULL;
    }
    return client;
}

void ds_http_client_destroy(ds_http_client_t *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl); /* NULL is fine */
    free(client);
    curl_global_cleanup();
}

void ds_http_response_init(struct ds_http_response *response, size_t max_body_bytes)
{
    response->status = 0;
    ds_buf_init(&response->body, max_body_bytes);
    ds_buf_init(&response->headers, DS_MAX_HTTP_HEADER_BYTES);
}

void ds_http_response_cleanup(struct ds_http_response *response)
{
    response->status = 0;
    ds_buf_cleanup(&response->body);
    ds_buf_cleanup(&response->headers);
}

static void forget(struct ds_http_response *response)
{
    response->status = 0;
    ds_buf_clear(&response->body);
    ds_buf_clear(&response->headers);
}

/* Giving libcurl another count than it offered makes it give up with CURLE_WRITE_ERROR. */
static size_t take_body(char *data, size_t one, size_t bytes, void *context)
{
    const struct exchange *exchange = context;
    ds_buf_t *body = &exchange->response->body;
    (void)one; /* always 1 */
    if (bytes > exchange->max_body_bytes - body->len) {
        ds_error_set(exchange->error, DS_DOMAIN_HTTP, DS_ERR_LIMIT, "answer of more than %zu bytes",
                     exchange->max_body_bytes);
        return CURL_WRITEFUNC_ERROR;
    }
    return ds_buf_append(body, data, bytes, exchange->error) ? bytes : CURL_WRITEFUNC_ERROR;
}

static size_t take_header(char *data, size_t one, size_t bytes, void *context)
{
    const struct exchange *exchange = context;
    ds_buf_t *headers = &exchange->response->headers;
    (void)one;
    /* A new status line: what came before were the headers of an interim answer (100, 103). */
    if (bytes >= 5 && memcmp(data, "HTTP/", 5) == 0)
        ds_buf_clear(headers);
    return ds_buf_append(headers, data, bytes, exchange->error) ? bytes : CURL_WRITEFUNC_ERROR;
}

static bool has_line_break(const char *text)
{
    return text[strcspn(text, "\r\n")] != '\0';
}

static bool starts_with_name(const char *header, const char *name)
{
    size_t len = strlen(name);
    return strncasecmp(header, name, len) == 0 && (header[len] == ':' || header[len] == ';');
}

static bool sends_body(const struct ds_http_request *request)
{
    return request->body.len > 0 || strcmp(request->method, "POST") == 0 ||
           strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
}

static bool check_request(const struct ds_http_request *request, ds_error_t *error)
{
    size_t method_len = strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (method_len == 0 || method_len > 16 || request->method[method_len] != '\0')
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "not a method: %.20s",
                            request->method);
    if (request->timeout_ms <= 0 || request->timeout_ms > INT32_MAX)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "timeout of %lld ms",
                            (long long)request->timeout_ms);
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
        if (has_line_break(request->headers[i]) || strchr(request->headers[i], ':') == NULL)
            return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID,
                                "header %zu is not one line \"Name: value\"", i);
    return true;
}

static bool add_header(struct curl_slist **list, const char *header, ds_error_t *error)
{
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (longer == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "request header");
    *list = longer;
    return true;
}

/* libcurl's own ideas are switched off: "Expect: 100-continue" costs a second with servers that do
 * not know it, and a body without a type is not a form. "Name:" without a value means: do not send.
 */
static bool build_headers(const struct ds_http_request *request, struct curl_slist **list_out,
                          ds_error_t *error)
{
    bool typed = false;
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        typed = typed || starts_with_name(request->headers[i], "Content-Type");
        if (!add_header(list_out, request->headers[i], error))
            return false;
    }
    return add_header(list_out, "Expect:", error) &&
           (typed || add_header(list_out, "Content-Type:", error));
}

static CURLcode set_limits(CURL *curl, const struct ds_http_request *request)
{
    long timeout_ms = (long)request->timeout_ms;
    long connect_ms = timeout_ms < DS_MAX_HTTP_CONNECT_MS ? timeout_ms : DS_MAX_HTTP_CONNECT_MS;
    CURLcode code = CURLE_OK;
    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    /* No proxy from the environment: behind one, "could not connect" would come as its 502. */
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY, "");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    return code;
}

static CURLcode set_request(CURL *curl, const struct ds_http_request *request,
                            struct curl_slist *headers)
{
    CURLcode code = CURLE_OK;
    code = code ? code : curl_easy_setopt(curl, CURLOPT_URL, request->url);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_USERAGENT, "doorstep");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (sends_body(request)) {
        /* Borrowed until the exchange is over. */
        const char *body = request->body.len == 0 ? "" : (const char *)request->body.data;
        code = code ? code : curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        code = code ? code
                    : curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                       (curl_off_t)request->body.len);
    } else if (strcmp(request->method, "HEAD") == 0) {
        return code ? code : curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    return code ? code : curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static CURLcode set_callbacks(CURL *curl, struct exchange *exchange, char *text)
{
    CURLcode code = CURLE_OK;
    code = code ? code : curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    return code;
}

/* Whether any of the request may have reached the server. Both are asked: the time also stands for
 * a request that was begun and of which the kernel took nothing. */
static bool may_be_sent(CURL *curl)
{
    curl_off_t started_us = 0;
    long request_bytes = 0;
    return curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &started_us) != CURLE_OK ||
           curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_bytes) != CURLE_OK ||
           started_us > 0 || request_bytes > 0;
}

static enum ds_error_code code_of(CURL *curl, CURLcode code)
{
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return DS_ERR_MEMORY;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
        /* libcurl also calls an answer that is not HTTP an unsupported protocol: by then the
         * request is out. */
        return may_be_sent(curl) ? DS_ERR_TIMEOUT : DS_ERR_INVALID;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return DS_ERR_UNAVAILABLE;
    default:
        return may_be_sent(curl) ? DS_ERR_TIMEOUT : DS_ERR_UNAVAILABLE;
    }
}

/* The URL without what may be secret: user and password, query. */
static void shown_url(const char *url, ds_str_t *host_and_path_out)
{
    const char *authority = strstr(url, "://");
    authority = authority == NULL ? url : authority + 3;
    const char *end = authority + strcspn(authority, "/?#");
    for (const char *at = authority; at < end; at++)
        if (*at == '@')
            authority = at + 1;
    size_t len = strcspn(authority, "?#");
    *host_and_path_out = (ds_str_t){authority, (uint32_t)(len < 100 ? len : 100)};
}

static bool failed(const ds_http_client_t *client, const struct ds_http_request *request,
                   CURLcode code, ds_error_t *error)
{
    ds_str_t url;
    shown_url(request->url, &url);
    const char *text = client->text[0] != '\0' ? client->text : curl_easy_strerror(code);
    if (error != NULL && ds_error_is_set(error)) /* a callback has said why */
        return ds_error_prefix(error, "%s %.*s", request->method, DS_STR_ARG(url));
    return ds_error_set(error, DS_DOMAIN_HTTP, code_of(client->curl, code), "%s %.*s: %s",
                        request->method, DS_STR_ARG(url), text);
}

bool ds_http_exchange(ds_http_client_t *client, const struct ds_http_request *request,
                      struct ds_http_response *response, ds_error_t *error)
{
    forget(response);
    if (!check_request(request, error))
        return false;
    bool ok = false;
    struct curl_slist *headers = NULL;
    ds_error_t cause = DS_ERROR_INIT;
    size_t max_body_bytes = client->max_body_bytes < response->body.max_bytes
                                ? client->max_body_bytes
                                : response->body.max_bytes;
    struct exchange exchange = {response, max_body_bytes, &cause};
    client->text[0] = '\0';
    curl_easy_reset(client->curl); /* options only: connections stay */
    if (!build_headers(request, &headers, error))
        goto out;
    CURLcode code = set_limits(client->curl, request);
    code = code ? code : set_request(client->curl, request, headers);
    code = code ? code : set_callbacks(client->curl, &exchange, client->text);
    code = code ? code : curl_easy_perform(client->curl);
    long status = 0;
    code = code ? code : curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        (void)failed(client, request, code, &cause);
        ds_error_set(error, DS_DOMAIN_HTTP, cause.code, "%s", cause.message);
        goto out;
    }
    response->status = (int)status;
    ok = true;
out:
    if (!ok)
        forget(response);
    curl_easy_reset(client->curl); /* nothing of this exchange is borrowed any longer */
    curl_slist_free_all(headers);
    return ok;
}

ds_str_t ds_http_header(const struct ds_http_response *response, const char *name)
{
    ds_str_t rest = ds_buf_str(&response->headers);
    uint32_t name_len = (uint32_t)strlen(name);
    while (rest.len > 0) {
        ds_str_t line = ds_str_before(rest, '\n');
        rest = ds_str_after(rest, '\n');
        if (line.len <= name_len || line.data[name_len] != ':' ||
            strncasecmp(line.data, name, name_len) != 0)
            continue;
        ds_str_t value = {line.data + name_len + 1, line.len - name_len - 1};
        while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t'))
            value = (ds_str_t){value.data + 1, value.len - 1};
        while (value.len > 0 && strchr(" \t\r", value.data[value.len - 1]) != NULL)
            value.len--;
        return value;
    }
    return (ds_str_t){NULL, 0};
}
