#include "cli/audit/books.h"

#include "base/http_client.h"
#include "cli/audit/sum.h"
#include "decider/memory.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#define MAX_CHARGES    ((size_t)1 << 26)
#define MAX_PAGE_BYTES ((size_t)16 * 1024 * 1024)
#define PAGE           1000
#define URL_BYTES      1024
#define HEADER_BYTES   512

struct charge {
    int64_t amount_minor;
    int64_t captured_minor[2]; /* by reading */
    int64_t refunded_minor[2];
    bool known[2];
    bool seen; /* an order asked for it */
};

struct ds_audit_books {
    int64_t asked_us;  /* UTC */
    ds_map_t *charges; /* by idempotency key */
};

ds_audit_books_t *ds_audit_books_new(int64_t now_us)
{
    ds_audit_books_t *books = calloc(1, sizeof *books);
    if (books == NULL)
        return NULL;
    books->asked_us = now_us;
    books->charges = ds_map_new(MAX_CHARGES);
    if (books->charges != NULL)
        return books;
    free(books);
    return NULL;
}

void ds_audit_books_destroy(ds_audit_books_t *books)
{
    if (books == NULL)
        return;
    ds_map_destroy(books->charges, free);
    free(books);
}

/* ---- reading */

static bool no_books(ds_error_t *error, const char *what)
{
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "the provider's books: %s", what);
}

static bool enter(ds_audit_books_t *books, int reading, const json_t *entry, ds_error_t *error)
{
    const json_t *key = json_object_get(entry, "key");
    const json_t *amount = json_object_get(entry, "amount");
    const json_t *refunded = json_object_get(entry, "amountRefunded");
    const char *status = json_string_value(json_object_get(entry, "status"));

    if (!json_is_string(key) || !json_is_integer(amount) || !json_is_integer(refunded) ||
        status == NULL)
        return no_books(error, "a charge without key, amount, amountRefunded or status");
    ds_str_t name = {json_string_value(key), (uint32_t)json_string_length(key)};
    struct charge *charge = ds_map_get(books->charges, name);
    if (charge == NULL) {
        charge = calloc(1, sizeof *charge);
        if (charge == NULL || !ds_map_put(books->charges, name, charge, NULL, error)) {
            free(charge);
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "the provider's books");
        }
    }
    charge->known[reading] = true;
    charge->amount_minor = json_integer_value(amount);
    charge->captured_minor[reading] = strcmp(status, "succeeded") == 0 ? charge->amount_minor : 0;
    charge->refunded_minor[reading] = json_integer_value(refunded);
    return true;
}

bool ds_audit_books_page(ds_audit_books_t *books, int reading, ds_str_t json, char next_out[64],
                         ds_error_t *error)
{
    json_error_t why;
    json_t *page = json_loadb(json.len == 0 ? "" : json.data, json.len, 0, &why);
    const json_t *charges = json_object_get(page, "charges");
    const json_t *next = json_object_get(page, "next");
    bool ok = json_is_array(charges);

    next_out[0] = '\0';
    if (!ok)
        (void)no_books(error, page == NULL ? why.text : "no list of charges");
    for (size_t i = 0; ok && i < json_array_size(charges); i++)
        ok = enter(books, reading, json_array_get(charges, i), error);
    if (ok && json_is_string(next) &&
        !ds_str_to_array((ds_str_t){json_string_value(next), (uint32_t)json_string_length(next)},
                         next_out, 64))
        ok = no_books(error, "a cursor of more than 63 bytes");
    json_decref(page);
    return ok;
}

static bool fetch_page(ds_audit_books_t *books, int reading, ds_http_client_t *client,
                       struct ds_http_request *request, char next[64], ds_error_t *error)
{
    struct ds_http_response response;
    bool ok;

    ds_http_response_init(&response, MAX_PAGE_BYTES);
    ok = ds_http_exchange(client, request, &response, error);
    if (ok && response.status != 200)
        ok = ds_error_set(error, DS_DOMAIN_HTTP,
                          response.status >= 500 ? DS_ERR_UNAVAILABLE : DS_ERR_INVALID,
                          "the provider's books: status %d", response.status);
    ok = ok && ds_audit_books_page(books, reading, ds_buf_str(&response.body), next, error);
    ds_http_response_cleanup(&response);
    return ok;
}

bool ds_audit_books_fetch(ds_audit_books_t *books, int reading, const char *url, const char *key,
                          int timeout_ms, ds_error_t *error)
{
    char next[64] = "";
    char address[URL_BYTES];
    char header[HEADER_BYTES];
    const char *const headers[] = {header, NULL};
    struct ds_http_request request = {
        .method = "GET", .url = address, .headers = headers, .timeout_ms = timeout_ms};
    ds_http_client_t *client = ds_http_client_new(MAX_PAGE_BYTES);
    int len = snprintf(header, sizeof header, "Authorization: Bearer %s", key);
    bool ok = client != NULL && len > 0 && (size_t)len < sizeof header;

    if (!ok)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "no memory, or a key of %zu bytes",
                     strlen(key));
    do {
        len = snprintf(address, sizeof address, "%s/v1/books?limit=%d%s%s", url, PAGE,
                       next[0] == '\0' ? "" : "&cursor=", next);
        if (ok && (len < 0 || (size_t)len >= sizeof address))
            ok = ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "the provider's URL is too long");
        ok = ok && fetch_page(books, reading, client, &request, next, error);
    } while (ok && next[0] != '\0');
    ds_http_client_destroy(client);
    return ok;
}

/* ---- judging */

/* Money that the provider has may still come into the log: for want of an answer the gateway asks
 * on for as long as payment knows the charge, and what was reported may wait to be decided. */
static bool may_still_come(const ds_audit_books_t *books, const struct ds_audit_part *part,
                           const struct ds_audit_order *order)
{
    const int64_t through = part->streams[DS_AUDIT_PAYMENT].through[0];
    return ds_audit_minus(books->asked_us, order->payment.last_us) < DS_PAYMENT_MEMORY_US &&
           (order->payment.is_asked_for ||
            through < part->commands[DS_AUDIT_PAYMENT].range.settled - 1);
}

/* What was given back by hand, with the provider, is nobody's any more. */
static void judge_failed(const ds_audit_books_t *books, const struct ds_audit_part *part,
                         const struct ds_audit_order *order, const struct charge *charge)
{
    if (charge->captured_minor[0] <= charge->refunded_minor[1])
        return;
    if (may_still_come(books, part, order))
        part->report->in_flight += order->is_at_rest;
    else
        ds_audit_found(part->report, "I3",
                       ds_audit_where(part, DS_AUDIT_PAYMENT, order->payment.last, order->id),
                       "it failed, the provider's books have %" PRId64 " captured",
                       charge->captured_minor[0]);
}

static void judge_charge(const struct ds_audit_part *part, const struct ds_audit_order *order,
                         const struct charge *charge)
{
    struct ds_audit_place at =
        ds_audit_where(part, DS_AUDIT_PAYMENT, order->payment.last, order->id);
    int64_t captured = order->payment.captured_minor;
    int64_t refunded = order->payment.refunded_minor;
    bool answered = order->payment.state == DS_AUDIT_P_SETTLED ||
                    order->payment.state == DS_AUDIT_P_REFUND_WAIT;

    if (charge->amount_minor != order->payment.charged_minor)
        ds_audit_found(part->report, "I3", at,
                       "%" PRId64 " was asked for, the provider's books have %" PRId64,
                       order->payment.charged_minor, charge->amount_minor);
    else if (captured > charge->captured_minor[1] ||
             (order->payment.success >= 0 && captured < charge->captured_minor[1]))
        ds_audit_found(part->report, "I3", at,
                       "%" PRId64 " captured, the provider's books have %" PRId64, captured,
                       charge->captured_minor[1]);
    else if (refunded > charge->refunded_minor[1])
        ds_audit_found(part->report, "I3", at,
                       "%" PRId64 " refunded, the provider's books have %" PRId64, refunded,
                       charge->refunded_minor[1]);
    else if (answered && refunded < charge->refunded_minor[0])
        ds_audit_found(part->report, "I3", at,
                       "%" PRId64 " refunded, the provider's books have %" PRId64, refunded,
                       charge->refunded_minor[0]);
}

void ds_audit_books_judge_order(ds_audit_books_t *books, const struct ds_audit_part *part,
                                const struct ds_audit_order *order)
{
    if (order->payment.charge_key.len == 0)
        return;
    struct charge *charge = ds_map_get(books->charges, order->payment.charge_key);
    if (charge != NULL) {
        charge->seen = true;
        part->report->checked[DS_AUDIT_CHARGES]++;
    }
    if (order->in_flight || order->reborn)
        return;
    if (charge != NULL && charge->known[1]) {
        judge_charge(part, order, charge);
        if (order->payment.state == DS_AUDIT_P_FAILED)
            judge_failed(books, part, order, charge);
    } else if (order->payment.captured_minor > 0)
        ds_audit_found(part->report, "I3",
                       ds_audit_where(part, DS_AUDIT_PAYMENT, order->payment.success, order->id),
                       "%" PRId64 " captured, the provider's books do not have the charge",
                       order->payment.captured_minor);
}

void ds_audit_books_judge(ds_audit_books_t *books, const struct ds_audit_part *part)
{
    ds_str_t id;
    void *value;
    size_t cursor = 0;

    while (ds_map_next(part->orders, &cursor, &id, &value))
        ds_audit_books_judge_order(books, part, value);
}

void ds_audit_books_judge_rest(const ds_audit_books_t *books, struct ds_audit_report *report)
{
    ds_str_t key;
    void *value;
    size_t cursor = 0;

    while (ds_map_next(books->charges, &cursor, &key, &value)) {
        const struct charge *charge = value;
        if (!charge->seen && charge->known[0])
            ds_audit_found(report, "I3", (struct ds_audit_place){"", -1, -1, DS_STR("")},
                           "the provider's books have %" PRId64
                           " under %.*s, which no order asked for",
                           charge->amount_minor, DS_STR_ARG(key));
    }
}
