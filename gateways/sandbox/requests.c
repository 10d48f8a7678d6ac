/* Charges, refunds and questions: the requests of the sandbox's HTTP interface. */
#include "base/money.h"
#include "gateways/sandbox/service_internal.h"

#include <jansson.h>
#include <stdlib.h>

#define MAX_AMOUNT_MINOR INT64_C(1000000000000)
#define DEFAULT_SLOW_MS  2000
#define MAX_SLOW_MS      60000
#define SILENCE_MS       30000
#define DEFAULT_PAGE     100

/* --- reading a request -------------------------------------------------------------------------
 */

static ds_str_t text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (ds_str_t){json_string_value(value), (uint32_t)json_string_length(value)};
}

static bool text_fits(ds_str_t text)
{
    return text.len > 0 && text.len <= DS_MAX_PROVIDER_TEXT_BYTES && ds_utf8_valid(text) &&
           memchr(text.data, 0, text.len) == NULL;
}

static const char *wrong_in(const struct ds_service_request *request, bool refund)
{
    if (!text_fits(request->key))
        return "Idempotency-Key: wanted, at most 128 bytes";
    if (!text_fits(request->reference))
        return "reference: wanted, at most 128 bytes";
    if (request->amount_minor <= 0 || request->amount_minor > MAX_AMOUNT_MINOR)
        return "amount: wanted, a positive integer of minor units";
    if (!ds_currency_valid(request->currency))
        return "currency: wanted, three upper-case letters";
    if (!text_fits(refund ? request->charge : request->token))
        return refund ? "charge: wanted" : "token: wanted, at most 128 bytes";
    return NULL;
}

/* The texts point into *json_out, which the caller gives back. */
static bool read_request(ds_str_t key, ds_str_t body, bool refund,
                         struct ds_service_request *request, json_t **json_out,
                         struct ds_reply *reply)
{
    json_t *json =
        json_loadb(body.len == 0 ? "" : body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    *json_out = json;
    if (!json_is_object(json)) {
        ds_reply_error(reply, 400, "invalid_json", "the body is no JSON object");
        return false;
    }
    ds_str_t own_key = text_of(json, "key");
    if (key.len > 0 && own_key.len > 0 && !ds_str_eq(key, own_key)) {
        ds_reply_error(reply, 400, "invalid_request", "key and Idempotency-Key differ");
        return false;
    }
    *request = (struct ds_service_request){
        .key = key.len > 0 ? key : own_key,
        .reference = text_of(json, "reference"),
        .currency = text_of(json, "currency"),
        .token = text_of(json, "token"),
        .charge = text_of(json, "charge"),
        .amount_minor = json_integer_value(json_object_get(json, "amount")),
    };
    const char *wrong = wrong_in(request, refund);
    if (wrong != NULL)
        ds_reply_error(reply, 400, "invalid_request", wrong);
    return wrong == NULL;
}

static void other_body(struct ds_reply *reply)
{
    ds_reply_error(reply, 409, "key_reused", "this key was used for another request");
}

static void stop_answering(struct ds_reply *reply)
{
    ds_reply_error(reply, 500, "books_unavailable", "the books cannot be written");
}

/* What becomes of an answer that is ready. */
static void deliver(struct ds_behaviour behaviour, bool *dropped, struct ds_reply *reply)
{
    if (behaviour.act == DS_SANDBOX_SLOW)
        reply->delay_ms = behaviour.delay_ms;
    if (behaviour.act == DS_SANDBOX_DROP && !*dropped) {
        *dropped = true;
        reply->status = 0;
    }
}

static void stay_silent(struct ds_reply *reply)
{
    reply->status = 0;
    reply->delay_ms = SILENCE_MS;
}

/* --- charges -----------------------------------------------------------------------------------
 */

static bool same_charge(const struct ds_book_charge *charge,
                        const struct ds_service_request *request)
{
    return charge->amount_minor == request->amount_minor &&
           ds_str_eq(ds_str(charge->reference), request->reference) &&
           ds_str_eq(ds_str(charge->currency), request->currency) &&
           ds_str_eq(ds_str(charge->token), request->token);
}

static bool keep_charge(ds_service_t *service, struct ds_book_charge *charge)
{
    ds_buf_t line;
    ds_buf_init(&line, DS_MAX_JOURNAL_LINE_BYTES);
    bool ok =
        ds_books_charge_line(charge, &line, NULL) && ds_service_log(service, &line, &charge->line);
    if (ok && charge->status == DS_BOOK_PENDING)
        ok = ds_heap_set(service->pending, charge, charge->due_us, NULL);
    ds_buf_cleanup(&line);
    service->broken = service->broken || !ok;
    ds_metric_add(service->charges[charge->status], 1);
    return ok;
}

static struct ds_book_charge *enter_charge(ds_service_t *service,
                                           const struct ds_service_request *request,
                                           struct ds_behaviour behaviour)
{
    int64_t now = ds_now_us(service->runtime->clock);
    bool late = behaviour.act == DS_SANDBOX_LATE;
    bool declined = behaviour.act == DS_SANDBOX_DECLINE;
    struct ds_book_charge_entry entry = {
        .key = request->key,
        .reference = request->reference,
        .currency = request->currency,
        .token = request->token,
        .reason = ds_str(behaviour.reason),
        .amount_minor = request->amount_minor,
        .at_us = now,
        .due_us = late ? now + behaviour.delay_ms * DS_US_PER_MS : 0,
        .status = late       ? DS_BOOK_PENDING
                  : declined ? DS_BOOK_FAILED
                             : DS_BOOK_SUCCEEDED,
    };
    ds_error_t error = DS_ERROR_INIT;
    struct ds_book_charge *charge;
    if (!ds_books_enter_charge(service->books, &entry, &charge, &error)) {
        ds_log_error(&service->runtime->log, DS_LOG_ERROR, "sandbox.charge", &error);
        return NULL;
    }
    return keep_charge(service, charge) ? charge : NULL;
}

static void charge_locked(ds_service_t *service, const struct ds_service_request *request,
                          struct ds_reply *reply)
{
    struct ds_behaviour behaviour =
        ds_behaviour_under(ds_behaviour_of_token(request->token), service->control);
    struct ds_book_charge *charge = ds_books_charge_by_key(service->books, request->key);
    bool is_new = charge == NULL;
    if (!is_new && !same_charge(charge, request)) {
        other_body(reply);
        return;
    }
    if (behaviour.act == DS_SANDBOX_SILENT) {
        stay_silent(reply);
        return;
    }
    if (is_new)
        charge = enter_charge(service, request, behaviour);
    /* A repeat waits too: the first may still be on its way to the disk. */
    if (charge == NULL || !ds_service_wait(service, charge->line)) {
        stop_answering(reply);
        return;
    }
    if (is_new && charge->status != DS_BOOK_PENDING)
        ds_service_tell_charge(service, charge);
    else if (is_new)
        ds_postman_wake(service->postman); /* its thread keeps the time of pending charges too */
    ds_service_show_charge(charge, false, reply);
    if (is_new || behaviour.act == DS_SANDBOX_DROP)
        deliver(behaviour, &charge->dropped, reply);
}

void ds_service_charge(ds_service_t *service, ds_str_t key, ds_str_t body, struct ds_reply *reply)
{
    json_t *json = NULL;
    struct ds_service_request request;
    if (read_request(key, body, false, &request, &json, reply)) {
        pthread_mutex_lock(&service->lock);
        charge_locked(service, &request, reply);
        pthread_mutex_unlock(&service->lock);
    }
    json_decref(json);
}

/* --- refunds -----------------------------------------------------------------------------------
 */

static bool same_refund(const struct ds_book_refund *refund,
                        const struct ds_service_request *request)
{
    return refund->amount_minor == request->amount_minor &&
           ds_str_eq(ds_str(refund->charge->id), request->charge) &&
           ds_str_eq(ds_str(refund->reference), request->reference) &&
           ds_str_eq(ds_str(refund->currency), request->currency);
}

static const char *refusal_of(const struct ds_service_request *request,
                              const struct ds_book_charge *charge, struct ds_behaviour behaviour)
{
    const char *refusal = ds_books_refund_refusal(charge, request->amount_minor, request->currency);
    if (refusal != NULL)
        return refusal;
    bool unlucky = ds_behaviour_of_token(ds_str(charge->token)).first_refund_fails &&
                   charge->refunds_failed == 0;
    return unlucky || behaviour.act == DS_SANDBOX_DECLINE ? "refund_declined" : NULL;
}

static struct ds_book_refund *enter_refund(ds_service_t *service,
                                           const struct ds_service_request *request,
                                           struct ds_book_charge *charge,
                                           struct ds_behaviour behaviour)
{
    const char *refusal = refusal_of(request, charge, behaviour);
    struct ds_book_refund_entry entry = {
        .key = request->key,
        .reference = request->reference,
        .currency = request->currency,
        .reason = ds_str(refusal),
        .amount_minor = request->amount_minor,
        .at_us = ds_now_us(service->runtime->clock),
        .status = refusal == NULL ? DS_BOOK_SUCCEEDED : DS_BOOK_FAILED,
    };
    ds_error_t error = DS_ERROR_INIT;
    struct ds_book_refund *refund;
    if (!ds_books_enter_refund(service->books, charge, &entry, &refund, &error)) {
        ds_log_error(&service->runtime->log, DS_LOG_ERROR, "sandbox.refund", &error);
        return NULL;
    }
    ds_buf_t line;
    ds_buf_init(&line, DS_MAX_JOURNAL_LINE_BYTES);
    bool ok =
        ds_books_refund_line(refund, &line, NULL) && ds_service_log(service, &line, &refund->line);
    ds_buf_cleanup(&line);
    service->broken = service->broken || !ok;
    ds_metric_add(service->refunds[refund->status], 1);
    return ok ? refund : NULL;
}

static void refund_locked(ds_service_t *service, const struct ds_service_request *request,
                          struct ds_reply *reply)
{
    struct ds_behaviour behaviour =
        ds_behaviour_under((struct ds_behaviour){.act = DS_SANDBOX_APPROVE}, service->control);
    struct ds_book_charge *charge = ds_books_charge(service->books, request->charge);
    struct ds_book_refund *refund = ds_books_refund_by_key(service->books, request->key);
    bool is_new = refund == NULL;
    if (charge == NULL) {
        ds_reply_error(reply, 404, "charge_unknown", "there is no such charge");
        return;
    }
    if (!is_new && !same_refund(refund, request)) {
        other_body(reply);
        return;
    }
    if (behaviour.act == DS_SANDBOX_SILENT) {
        stay_silent(reply);
        return;
    }
    if (is_new)
        refund = enter_refund(service, request, charge, behaviour);
    if (refund == NULL || !ds_service_wait(service, refund->line)) {
        stop_answering(reply);
        return;
    }
    if (is_new)
        ds_service_tell_refund(service, refund);
    ds_service_show_refund(refund, false, reply);
    if (is_new || behaviour.act == DS_SANDBOX_DROP)
        deliver(behaviour, &refund->dropped, reply);
}

void ds_service_refund(ds_service_t *service, ds_str_t key, ds_str_t body, struct ds_reply *reply)
{
    json_t *json = NULL;
    struct ds_service_request request;
    if (read_request(key, body, true, &request, &json, reply)) {
        pthread_mutex_lock(&service->lock);
        refund_locked(service, &request, reply);
        pthread_mutex_unlock(&service->lock);
    }
    json_decref(json);
}

/* --- questions ---------------------------------------------------------------------------------
 */

void ds_service_find_charge(ds_service_t *service, ds_str_t key, ds_str_t id,
                            struct ds_reply *reply)
{
    pthread_mutex_lock(&service->lock);
    struct ds_book_charge *charge = id.len > 0 ? ds_books_charge(service->books, id)
                                               : ds_books_charge_by_key(service->books, key);
    if (charge == NULL)
        ds_reply_error(reply, 404, "charge_unknown", "there is no such charge");
    else if (!ds_service_wait(service, charge->line))
        stop_answering(reply);
    else
        ds_service_show_charge(charge, true, reply);
    pthread_mutex_unlock(&service->lock);
}

void ds_service_find_refund(ds_service_t *service, ds_str_t key, ds_str_t id,
                            struct ds_reply *reply)
{
    pthread_mutex_lock(&service->lock);
    struct ds_book_refund *refund = id.len > 0 ? ds_books_refund(service->books, id)
                                               : ds_books_refund_by_key(service->books, key);
    if (refund == NULL)
        ds_reply_error(reply, 404, "refund_unknown", "there is no such refund");
    else if (!ds_service_wait(service, refund->line))
        stop_answering(reply);
    else
        ds_service_show_refund(refund, true, reply);
    pthread_mutex_unlock(&service->lock);
}

static bool put_page(ds_service_t *service, size_t from, size_t count, ds_buf_t *out)
{
    bool ok = ds_buf_append_text(out, "{\"charges\":[", NULL);
    size_t i = from;
    for (struct ds_book_charge *charge;
         ok && i - from < count && (charge = ds_books_charge_at(service->books, i)) != NULL; i++)
        ok = (i == from || ds_buf_append_char(out, ',', NULL)) &&
             ds_books_charge_json(charge, true, out, NULL);
    if (!ok)
        return false;
    if (i >= ds_books_charges(service->books))
        return ds_buf_append_text(out, "],\"next\":null}", NULL);
    return ds_buf_printf(out, NULL, "],\"next\":\"%zu\"}", i);
}

void ds_service_books(ds_service_t *service, ds_str_t cursor, ds_str_t limit,
                      struct ds_reply *reply)
{
    int64_t from = 0, count = DEFAULT_PAGE;
    if ((cursor.len > 0 && (!ds_str_to_i64(cursor, &from) || from < 0)) ||
        (limit.len > 0 &&
         (!ds_str_to_i64(limit, &count) || count < 1 || count > DS_MAX_BOOKS_PAGE))) {
        ds_reply_error(reply, 400, "invalid_request", "cursor: as given; limit: 1 to 1000");
        return;
    }
    pthread_mutex_lock(&service->lock);
    reply->status = 200;
    if (!put_page(service, (size_t)from, (size_t)count, &reply->body))
        ds_reply_error(reply, 500, "internal", "no memory, or a page too large: lower the limit");
    pthread_mutex_unlock(&service->lock);
}

/* --- control -----------------------------------------------------------------------------------
 */

static bool read_control(ds_str_t body, struct ds_sandbox_control *control)
{
    json_t *json = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *delay = json_object_get(json, "delayMs");
    control->delay_ms = delay == NULL ? DEFAULT_SLOW_MS : json_integer_value(delay);
    bool ok = ds_sandbox_mode_parse(text_of(json, "mode"), &control->mode) &&
              (delay == NULL || json_is_integer(delay)) && control->delay_ms >= 0 &&
              control->delay_ms <= MAX_SLOW_MS;
    json_decref(json);
    return ok;
}

void ds_service_control(ds_service_t *service, ds_str_t body, struct ds_reply *reply)
{
    struct ds_sandbox_control control;
    if (body.len > 0 && !read_control(body, &control)) {
        ds_reply_error(reply, 400, "invalid_request",
                       "mode: ok, decline, slow, silent or drop; delayMs: 0 to 60000");
        return;
    }
    pthread_mutex_lock(&service->lock);
    if (body.len > 0)
        service->control = control;
    control = service->control;
    pthread_mutex_unlock(&service->lock);
    reply->status = 200;
    if (!ds_buf_printf(&reply->body, NULL, "{\"mode\":\"%s\",\"delayMs\":%lld}",
                       ds_sandbox_mode_text(control.mode), (long long)control.delay_ms))
        ds_reply_error(reply, 500, "internal", "no memory");
}
