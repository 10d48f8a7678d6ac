#include "gateways/payments/provider.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#define MAX_URL_BYTES 2048

/* --- requests ----------------------------------------------------------------------------------
 */

void ds_provider_request_init(struct ds_provider_request *request)
{
    *request = (struct ds_provider_request){0};
    ds_buf_init(&request->url, MAX_URL_BYTES);
    ds_buf_init(&request->body, DS_MAX_PROVIDER_BODY_BYTES);
}

void ds_provider_request_cleanup(struct ds_provider_request *request)
{
    ds_buf_cleanup(&request->url);
    ds_buf_cleanup(&request->body);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static bool append_escaped(ds_buf_t *out, ds_str_t text, ds_error_t *error)
{
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!(is_unreserved(c) ? ds_buf_append_char(out, c, error)
                               : ds_buf_printf(out, error, "%%%02X", (unsigned)(uint8_t)c)))
            return false;
    }
    return true;
}

static bool make_url(struct ds_provider_request *request, const char *base_url,
                     const struct ds_payment_call *call, bool ask, ds_error_t *error)
{
    size_t len = strlen(base_url);
    while (len > 0 && base_url[len - 1] == '/')
        len--;
    ds_buf_clear(&request->url);
    bool ok =
        ds_buf_append(&request->url, base_url, len, error) &&
        ds_buf_append_text(&request->url,
                           call->kind == DS_CALL_CHARGE ? "/v1/charges" : "/v1/refunds", error);
    const char *text;
    return ok &&
           (!ask || (ds_buf_append_text(&request->url, "?key=", error) &&
                     append_escaped(&request->url, call->key, error))) &&
           ds_buf_cstr(&request->url, &text, error);
}

static bool add_header(struct ds_provider_request *request, size_t *count, const char *name,
                       ds_str_t value, ds_error_t *error)
{
    char *text = request->text[*count];
    int len = snprintf(text, DS_PROVIDER_HEADER_BYTES, "%s: %.*s", name, DS_STR_ARG(value));
    if (len < 0 || (size_t)len >= DS_PROVIDER_HEADER_BYTES)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "header %s: too long", name);
    request->headers[(*count)++] = text;
    request->headers[*count] = NULL;
    return true;
}

static bool make_headers(struct ds_provider_request *request, const char *provider_key,
                         const struct ds_payment_call *call, bool ask, ds_error_t *error)
{
    char bearer[512];
    size_t count = 0;
    int len = snprintf(bearer, sizeof bearer, "Bearer %s", provider_key);
    if (len < 0 || (size_t)len >= sizeof bearer)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "provider key: too long");
    return add_header(request, &count, "Authorization", ds_str(bearer), error) &&
           (call->traceparent.len == 0 ||
            add_header(request, &count, "traceparent", call->traceparent, error)) &&
           (ask ||
            (add_header(request, &count, "Idempotency-Key", call->key, error) &&
             add_header(request, &count, "Content-Type", DS_STR("application/json"), error)));
}

static bool put_text(ds_buf_t *out, const char *name, ds_str_t value, ds_error_t *error)
{
    return ds_buf_printf(out, error, ",\"%s\":", name) && ds_buf_append_json(out, value, error);
}

static bool make_body(struct ds_provider_request *request, const struct ds_payment_call *call,
                      ds_error_t *error)
{
    ds_buf_t *out = &request->body;
    bool charge = call->kind == DS_CALL_CHARGE;
    return ds_buf_printf(out, error, "{\"amount\":%" PRId64, call->amount_minor) &&
           put_text(out, "currency", call->currency, error) &&
           put_text(out, "reference", call->order_id, error) &&
           put_text(out, charge ? "token" : "charge", charge ? call->token : call->charge, error) &&
           ds_buf_append_char(out, '}', error);
}

bool ds_provider_request_make(struct ds_provider_request *request, const char *base_url,
                              const char *provider_key, const struct ds_payment_call *call,
                              bool ask, ds_error_t *error)
{
    ds_buf_clear(&request->body);
    request->method = ask ? "GET" : "POST";
    return make_url(request, base_url, call, ask, error) &&
           make_headers(request, provider_key, call, ask, error) &&
           (ask || make_body(request, call, error));
}

/* --- answers -----------------------------------------------------------------------------------
 */

static ds_str_t text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (ds_str_t){json_string_value(value), (uint32_t)json_string_length(value)};
}

static void take_detail(struct ds_provider_answer *answer, ds_str_t text)
{
    (void)ds_str_to_array(ds_utf8_cut(text, DS_MAX_DETAIL_BYTES), answer->detail,
                          sizeof answer->detail);
}

static void alarm_with(struct ds_provider_answer *answer, const char *what)
{
    answer->verdict = DS_VERDICT_UNKNOWN;
    answer->alarming = true;
    take_detail(answer, ds_str(what));
}

/* The provider's object for our key: its status is the outcome. */
static bool judge_object(const struct ds_payment_call *call, const json_t *object,
                         struct ds_provider_answer *answer)
{
    ds_str_t status = text_of(object, "status");
    if (!ds_str_eq(text_of(object, "key"), call->key) || status.len == 0)
        return false;
    answer->amount_minor = json_integer_value(json_object_get(object, "amount"));
    take_detail(answer, text_of(object, "reason"));
    if (!ds_str_to_array(text_of(object, "id"), answer->id, sizeof answer->id) ||
        answer->id[0] == '\0')
        alarm_with(answer, "an object without an id");
    else if (ds_str_eq(status, DS_STR("failed")))
        answer->verdict = DS_VERDICT_FAILED;
    else if (!ds_str_eq(text_of(object, "currency"), call->currency))
        alarm_with(answer, "another currency than asked for");
    else if (ds_str_eq(status, DS_STR("succeeded")) && answer->amount_minor > 0)
        answer->verdict = DS_VERDICT_SUCCEEDED;
    else if (ds_str_eq(status, DS_STR("pending")))
        answer->verdict = DS_VERDICT_PENDING;
    else
        alarm_with(answer, "a status or an amount that is none");
    return true;
}

/* No object of ours: what the status alone says. */
static void judge_status(bool asked, int status, const json_t *body,
                         struct ds_provider_answer *answer)
{
    take_detail(answer, text_of(json_object_get(body, "error"), "code"));
    if (asked) {
        /* A 404 of something in between is not the provider's word that it has no such key. */
        bool known_error = answer->detail[0] != '\0';
        answer->verdict = status == 404 && known_error ? DS_VERDICT_ABSENT : DS_VERDICT_UNKNOWN;
        answer->alarming = status == 401 || status == 403;
        return;
    }
    bool refused = status == 400 || status == 404 || status == 422;
    answer->verdict = refused && answer->detail[0] != '\0' ? DS_VERDICT_FAILED : DS_VERDICT_UNKNOWN;
    answer->alarming = answer->verdict == DS_VERDICT_UNKNOWN && status != 0 && status < 500 &&
                       status != 408 && status != 425 && status != 429;
}

void ds_provider_judge(const struct ds_payment_call *call, bool asked, int status, ds_str_t body,
                       struct ds_provider_answer *answer_out)
{
    *answer_out = (struct ds_provider_answer){.verdict = DS_VERDICT_UNKNOWN};
    if (status == 0 || status >= 500)
        return;
    json_t *json =
        body.len == 0 ? NULL : json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!judge_object(call, json, answer_out))
        judge_status(asked, status, json, answer_out);
    json_decref(json);
}

const char *ds_verdict_text(enum ds_verdict verdict)
{
    switch (verdict) {
    case DS_VERDICT_SUCCEEDED:
        return "succeeded";
    case DS_VERDICT_FAILED:
        return "failed";
    case DS_VERDICT_PENDING:
        return "pending";
    case DS_VERDICT_ABSENT:
        return "absent";
    case DS_VERDICT_UNKNOWN:
        return "unknown";
    }
    return "";
}
