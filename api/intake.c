#include "api/intake.h"

#include "api/internal.h"
#include "api/json_in.h"
#include "api/response.h"

#include <stdio.h>
#include <strings.h>

enum {
    REQUEST_LINE_MAX = 2048,
    HEAD_MAX = 16 * 1024,
    HEADERS_MAX = 64,
    DROPPED_BODY_MAX =
        2 * 1024 * 1024, /* read and thrown away, so that the client reads the answer */
    MINUTE_US = 60000000,
};

bool ds_origin_allowed(const char *list, ds_str_t origin)
{
    ds_str_t rest = ds_str(list);
    while (origin.len > 0 && rest.len > 0) {
        ds_str_t one = ds_str_before(rest, ',');
        rest = ds_str_after(rest, ',');
        while (one.len > 0 && one.data[0] == ' ')
            one = (ds_str_t){one.data + 1, one.len - 1};
        if (ds_str_eq(one, origin) || ds_str_eq(one, DS_STR("*")))
            return true;
    }
    return false;
}

static bool too_long(ds_request_t *request)
{
    /* The version and the method stand in the line too. */
    if (request->uri.len + 20 > REQUEST_LINE_MAX)
        ds_answer_error(request, 414, "uri_too_long", "the request line may have 2048 bytes");
    else if (request->headers.count > HEADERS_MAX || request->headers.bytes > HEAD_MAX)
        ds_answer_error(request, 431, "headers_too_large",
                        "the head may have 64 headers and 16 KiB");
    return request->status != 0;
}

static void answer_options(ds_request_t *request)
{
    ds_buf_t allow;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&allow, 256);
    if (ds_router_allow(request->match.allowed, &allow, &error)) {
        ds_answer_header(request, "Allow", "%.*s", (int)allow.len, (const char *)allow.data);
        if (ds_origin_allowed(request->api->settings->cors_origins, request->headers.origin)) {
            ds_answer_header(request, "Access-Control-Allow-Methods", "%.*s", (int)allow.len,
                             (const char *)allow.data);
            ds_answer_header(request, "Access-Control-Allow-Headers",
                             "Authorization, Content-Type, Consistency-Token, Idempotency-Key, "
                             "If-None-Match, Prefer, X-Correlation-Id, traceparent, tracestate");
            ds_answer_header(request, "Access-Control-Max-Age", "600");
        }
    }
    ds_buf_cleanup(&allow);
    ds_answer_empty(request, 204);
}

static void refuse_method(ds_request_t *request)
{
    ds_buf_t allow;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&allow, 256);
    if (ds_router_allow(request->match.allowed, &allow, &error))
        ds_answer_header(request, "Allow", "%.*s", (int)allow.len, (const char *)allow.data);
    ds_buf_cleanup(&allow);
    ds_answer_error(request, 405, "method_not_allowed", "this path does not take that method");
}

static bool route(ds_request_t *request)
{
    const struct ds_api *api = request->api;
    ds_router_match(ds_routes, request->method, request->path, &request->match);
    const struct ds_route *found = request->match.route;
    if (request->match.allowed == 0)
        ds_answer_error(request, 404, "route_unknown", "there is nothing at this path");
    else if (request->method == DS_OPTIONS)
        answer_options(request);
    else if (found == NULL)
        refuse_method(request);
    else if ((found->flags & DS_ROUTE_METRICS) != 0 && !api->settings->metrics_on_main)
        ds_answer_error(request, 404, "route_unknown", "there is nothing at this path");
    else if (atomic_load(&api->draining) && (found->flags & DS_ROUTE_PROBE) == 0)
        ds_answer_error(request, 503, "draining", "this replica is stopping");
    return request->status == 0;
}

/* One range of Accept, such as "text/html;q=0.9"; quality zero means "not this". */
static bool range_accepts_json(ds_str_t range)
{
    static const char *const ours[] = {"*/*", "application/*", "application/json",
                                       "application/problem+json"};
    ds_str_t parameters = ds_str_after(range, ';');
    range = ds_str_before(range, ';');
    while (range.len > 0 && (range.data[0] == ' ' || range.data[0] == '\t'))
        range = (ds_str_t){range.data + 1, range.len - 1};
    while (range.len > 0 && range.data[range.len - 1] == ' ')
        range.len--;
    while (parameters.len > 0 && parameters.data[0] == ' ')
        parameters = (ds_str_t){parameters.data + 1, parameters.len - 1};
    if (ds_str_eq(parameters, DS_STR("q=0")) || ds_str_eq(parameters, DS_STR("q=0.0")))
        return false;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (range.len == strlen(ours[i]) && strncasecmp(range.data, ours[i], range.len) == 0)
            return true;
    return false;
}

static bool acceptable(ds_request_t *request)
{
    ds_str_t rest = request->headers.accept;
    if (rest.len == 0 || (request->match.route->flags & DS_ROUTE_PLAIN_TEXT) != 0)
        return true;
    while (rest.len > 0) {
        if (range_accepts_json(ds_str_before(rest, ',')))
            return true;
        rest = ds_str_after(rest, ',');
    }
    ds_answer_error(request, 406, "not_acceptable", "answers are application/json");
    return false;
}

static void refuse_token(ds_request_t *request, enum ds_auth_verdict verdict)
{
    if (verdict == DS_AUTH_ABSENT) {
        ds_answer_error(request, 401, "unauthenticated", "a bearer token is needed");
        return;
    }
    bool expired = verdict == DS_AUTH_EXPIRED;
    ds_answer_header(request, "WWW-Authenticate",
                     "Bearer realm=\"doorstep\", error=\"invalid_token\", error_description=\"%s\"",
                     expired ? "expired" : "not valid");
    ds_answer_error(request, 401, expired ? "token_expired" : "token_invalid",
                    expired ? "the token has expired" : "the token is not valid");
}

static bool authenticate(ds_request_t *request, enum ds_auth_verdict *verdict_out)
{
    const struct ds_api *api = request->api;
    *verdict_out = ds_auth_check(&api->auth, request->headers.authorization,
                                 ds_now_us(api->runtime->clock) / DS_US_PER_S, request->arena,
                                 &request->person);
    return *verdict_out == DS_AUTH_OK || request->match.route->roles == 0;
}

static bool take_rate(ds_request_t *request, const char *name, const char *who, int64_t quota,
                      int64_t window_us, const char *code)
{
    struct ds_api *api = request->api;
    struct ds_rate_verdict verdict;
    int64_t share =
        quota <= 0 ? 0 : (quota + api->settings->rate_replicas - 1) / api->settings->rate_replicas;
    if (share == 0)
        return true;
    ds_ratelimit_take(api->limits, ds_str(who), share, window_us, ds_api_now_us(api), &verdict);
    if (strcmp(name, "client") == 0) {
        ds_answer_header(request, "RateLimit-Policy", "\"client\";q=%lld;w=%lld", (long long)share,
                         (long long)(window_us / DS_US_PER_S));
        ds_answer_header(request, "RateLimit", "\"client\";r=%lld;t=%lld",
                         (long long)verdict.remaining, (long long)verdict.reset_s);
    }
    if (verdict.allowed)
        return true;
    ds_answer_header(request, "Retry-After", "%lld", (long long)verdict.retry_s);
    ds_answer_error(request, 429, code, "too many requests; see Retry-After");
    return false;
}

bool ds_intake_store_rate(ds_request_t *request, ds_str_t store_id)
{
    const char *who = ds_request_text(request, "s|%.*s", DS_STR_ARG(store_id));
    return take_rate(request, "store", who, request->api->settings->rate_store, DS_US_PER_S,
                     "store_quota");
}

bool ds_intake_address_rate(ds_request_t *request)
{
    const char *who = ds_request_text(request, "a|%.*s", DS_STR_ARG(request->address));
    return take_rate(request, "client", who, request->api->settings->rate_anonymous, MINUTE_US,
                     "rate_limited");
}

static bool within_rate(ds_request_t *request)
{
    const struct ds_api_settings *settings = request->api->settings;
    const struct ds_person *person = &request->person;
    unsigned flags = request->match.route->flags;
    /* A webhook's signature is checked first: the provider's address sends for all shops. */
    if ((flags & (DS_ROUTE_PROBE | DS_ROUTE_WEBHOOK | DS_ROUTE_METRICS)) != 0)
        return true;
    if (person->subject.len == 0)
        return ds_intake_address_rate(request);
    bool works = (person->roles & (DS_STAFF | DS_COURIER | DS_ADMIN)) != 0;
    const char *who = ds_request_text(request, "p|%.*s", DS_STR_ARG(person->subject));
    return take_rate(request, "client", who, works ? settings->rate_staff : settings->rate_person,
                     MINUTE_US, "rate_limited");
}

static bool allowed(ds_request_t *request)
{
    enum ds_auth_verdict verdict;
    bool known = authenticate(request, &verdict);
    if (!within_rate(request))
        return false;
    unsigned roles = request->match.route->roles;
    if (!known)
        refuse_token(request, verdict);
    else if (roles != 0 && (roles & request->person.roles) == 0)
        ds_answer_error(request, 403, "forbidden", "your roles do not allow this");
    return request->status == 0;
}

size_t ds_intake_body_max(const ds_request_t *request)
{
    const struct ds_api_settings *settings = request->api->settings;
    unsigned flags = request->match.route == NULL ? 0 : request->match.route->flags;
    if ((flags & DS_ROUTE_WEBHOOK) != 0)
        return (size_t)settings->webhook_max_bytes;
    return (size_t)((flags & DS_ROUTE_BULK) != 0 ? settings->bulk_max_bytes
                                                 : settings->body_max_bytes);
}

static bool is_json(ds_str_t content_type)
{
    ds_str_t type = ds_str_before(content_type, ';');
    while (type.len > 0 && type.data[type.len - 1] == ' ')
        type.len--;
    return type.len == 16 && strncasecmp(type.data, "application/json", 16) == 0;
}

static bool body_ok(ds_request_t *request)
{
    const struct ds_request_headers *headers = &request->headers;
    int64_t length = -1;
    bool has_length = headers->content_length.len > 0;
    if (has_length && (!ds_str_to_i64(headers->content_length, &length) || length < 0)) {
        ds_answer_error(request, 400, "invalid_header", "Content-Length is not a number");
        return false;
    }
    bool has_body = headers->lengths > 0 && length != 0;
    if (!has_body || request->method == DS_GET || request->method == DS_HEAD)
        return true;
    if (length > (int64_t)ds_intake_body_max(request))
        ds_answer_error(request, 413, "body_too_large", "the body is larger than this path takes");
    else if ((request->match.route->flags & DS_ROUTE_WEBHOOK) == 0 &&
             !is_json(headers->content_type))
        ds_answer_error(request, 415, "unsupported_media_type",
                        "bodies are application/json; say so in Content-Type");
    return request->status == 0;
}

static bool take_key(ds_request_t *request)
{
    ds_str_t header = request->headers.idempotency_key;
    if (request->method != DS_POST)
        return true;
    if (header.data != NULL && !ds_key_parse(header, request->key_buffer, &request->key))
        ds_answer_error(request, 400, "idempotency_key_invalid",
                        "Idempotency-Key must be 1 to 128 printable ASCII characters");
    else if (request->key.len == 0 && (request->match.route->flags & DS_ROUTE_KEY_REQUIRED) != 0)
        ds_answer_error(request, 400, "idempotency_key_required",
                        "a repeat of this would add up: send an Idempotency-Key");
    return request->status == 0;
}

static bool take_tokens(ds_request_t *request, ds_str_t list)
{
    ds_error_t error = DS_ERROR_INIT;
    while (list.len > 0) {
        ds_str_t one = ds_str_before(list, ',');
        list = ds_str_after(list, ',');
        while (one.len > 0 && one.data[0] == ' ')
            one = (ds_str_t){one.data + 1, one.len - 1};
        while (one.len > 0 && one.data[one.len - 1] == ' ')
            one.len--;
        if (request->token_count == DS_MAX_TOKENS ||
            !ds_token_read(one, request->api->token_key, &request->tokens[request->token_count],
                           &error)) {
            ds_answer_error(request, 400, "consistency_token_invalid",
                            "a Consistency-Token is not one of ours, or there are more than 8");
            return false;
        }
        request->token_count++;
    }
    return true;
}

void ds_intake_head(ds_request_t *request)
{
    bool uri_ok = ds_request_parse_uri(request);
    ds_request_take_ids(request);
    if (request->headers.lengths > 1) {
        ds_answer_error(request, 400, "ambiguous_length",
                        "Content-Length and Transfer-Encoding: one of them, once");
        return;
    }
    if (request->headers.wrong != NULL) {
        ds_answer_error(request, 400, "invalid_header", request->headers.wrong);
        return;
    }
    if (too_long(request))
        return;
    if (!uri_ok) {
        ds_answer_error(request, 400, "invalid_parameter", "the path or the query is malformed");
        return;
    }
    if (!route(request) || !acceptable(request) || !allowed(request) || !body_ok(request) ||
        !take_key(request))
        return;
    if (request->method == DS_GET || request->method == DS_HEAD) {
        if (take_tokens(request, request->headers.consistency_token))
            (void)take_tokens(request, ds_request_param(request, "after"));
    }
}

bool ds_intake_must_close(const ds_request_t *request)
{
    const struct ds_request_headers *headers = &request->headers;
    int64_t length = 0;
    if (headers->lengths > 1 || headers->wrong != NULL)
        return true;
    return request->status != 0 && headers->content_length.data != NULL &&
           (!ds_str_to_i64(headers->content_length, &length) || length > DROPPED_BODY_MAX);
}

void ds_intake_body(ds_request_t *request)
{
    char why[128];
    if (request->body_too_large) {
        ds_answer_error(request, 413, "body_too_large", "the body is larger than this path takes");
        return;
    }
    const unsigned with_body = DS_POST | DS_PUT | DS_PATCH | DS_DELETE;
    if ((request->method & with_body) == 0 || (request->match.route->flags & DS_ROUTE_WEBHOOK) != 0)
        return;
    if (request->body.len == 0) {
        request->json = json_object(); /* then every required field is reported as missing */
    } else if (!ds_json_parse(ds_buf_str(&request->body), &request->json, why, sizeof why)) {
        ds_answer_error(request, 400, "invalid_json", why);
        return;
    }
    if (ds_json_has_card_number(request->json))
        ds_answer_error(request, 400, "card_number_refused",
                        "something here looks like a card number; send the provider's token");
}
