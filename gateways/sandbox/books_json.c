/* The books as text: journal lines and what the HTTP interface shows. One JSON object each. */
#include "base/clock.h"
#include "gateways/sandbox/books.h"

#include <inttypes.h>
#include <jansson.h>

/* --- writing -----------------------------------------------------------------------------------
 */

static bool put_member(ds_buf_t *out, const char *name, const char *value, ds_error_t *error)
{
    return ds_buf_printf(out, error, ",\"%s\":", name) &&
           (value == NULL ? ds_buf_append_text(out, "null", error)
                          : ds_buf_append_json(out, ds_str(value), error));
}

static bool put_time(ds_buf_t *out, const char *name, int64_t at_us, ds_error_t *error)
{
    char text[DS_TIME_TEXT_BYTES];
    ds_time_to_text(at_us, text);
    return put_member(out, name, text, error);
}

bool ds_books_charge_line(const struct ds_book_charge *charge, ds_buf_t *out, ds_error_t *error)
{
    return ds_buf_printf(out, error,
                         "{\"type\":\"charge\",\"amount\":%" PRId64 ",\"at_us\":%" PRId64
                         ",\"due_us\":%" PRId64,
                         charge->amount_minor, charge->at_us, charge->due_us) &&
           put_member(out, "key", charge->key, error) &&
           put_member(out, "reference", charge->reference, error) &&
           put_member(out, "currency", charge->currency, error) &&
           put_member(out, "token", charge->token, error) &&
           put_member(out, "status", ds_book_status_text(charge->status), error) &&
           put_member(out, "reason", charge->reason, error) && ds_buf_append_char(out, '}', error);
}

bool ds_books_refund_line(const struct ds_book_refund *refund, ds_buf_t *out, ds_error_t *error)
{
    return ds_buf_printf(out, error,
                         "{\"type\":\"refund\",\"amount\":%" PRId64 ",\"at_us\":%" PRId64,
                         refund->amount_minor, refund->at_us) &&
           put_member(out, "key", refund->key, error) &&
           put_member(out, "charge", refund->charge->id, error) &&
           put_member(out, "reference", refund->reference, error) &&
           put_member(out, "currency", refund->currency, error) &&
           put_member(out, "status", ds_book_status_text(refund->status), error) &&
           put_member(out, "reason", refund->reason, error) && ds_buf_append_char(out, '}', error);
}

bool ds_books_settle_line(const struct ds_book_charge *charge, ds_buf_t *out, ds_error_t *error)
{
    return ds_buf_append_text(out, "{\"type\":\"settle\"", error) &&
           put_member(out, "charge", charge->id, error) && ds_buf_append_char(out, '}', error);
}

bool ds_books_refund_json(const struct ds_book_refund *refund, ds_buf_t *out, ds_error_t *error)
{
    return ds_buf_printf(out, error, "{\"amount\":%" PRId64, refund->amount_minor) &&
           put_member(out, "currency", refund->currency, error) &&
           put_member(out, "id", refund->id, error) && put_member(out, "key", refund->key, error) &&
           put_member(out, "charge", refund->charge->id, error) &&
           put_member(out, "reference", refund->reference, error) &&
           put_member(out, "status", ds_book_status_text(refund->status), error) &&
           put_member(out, "reason", refund->reason, error) &&
           put_time(out, "createdAt", refund->at_us, error) && ds_buf_append_char(out, '}', error);
}

static bool put_refunds(const struct ds_book_charge *charge, ds_buf_t *out, ds_error_t *error)
{
    if (!ds_buf_append_text(out, ",\"refunds\":[", error))
        return false;
    for (const struct ds_book_refund *refund = charge->refunds; refund != NULL;
         refund = refund->next)
        if ((refund != charge->refunds && !ds_buf_append_char(out, ',', error)) ||
            !ds_books_refund_json(refund, out, error))
            return false;
    return ds_buf_append_char(out, ']', error);
}

bool ds_books_charge_json(const struct ds_book_charge *charge, bool with_refunds, ds_buf_t *out,
                          ds_error_t *error)
{
    return ds_buf_printf(out, error, "{\"amount\":%" PRId64 ",\"amountRefunded\":%" PRId64,
                         charge->amount_minor, charge->refunded_minor) &&
           put_member(out, "currency", charge->currency, error) &&
           put_member(out, "id", charge->id, error) && put_member(out, "key", charge->key, error) &&
           put_member(out, "reference", charge->reference, error) &&
           put_member(out, "status", ds_book_status_text(charge->status), error) &&
           put_member(out, "reason", charge->reason, error) &&
           put_time(out, "createdAt", charge->at_us, error) &&
           (!with_refunds || put_refunds(charge, out, error)) &&
           ds_buf_append_char(out, '}', error);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static ds_str_t text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (ds_str_t){json_string_value(value), (uint32_t)json_string_length(value)};
}

static int64_t integer_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool status_of(const json_t *object, enum ds_book_status *status_out)
{
    for (int i = DS_BOOK_PENDING; i <= DS_BOOK_FAILED; i++) {
        *status_out = (enum ds_book_status)i;
        if (ds_str_eq(text_of(object, "status"), ds_str(ds_book_status_text(*status_out))))
            return true;
    }
    return false;
}

static bool no_sense(ds_error_t *error, const char *what)
{
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "%s", what);
}

static bool apply_charge(ds_books_t *books, const json_t *line, ds_error_t *error)
{
    struct ds_book_charge *charge;
    struct ds_book_charge_entry entry = {
        .key = text_of(line, "key"),
        .reference = text_of(line, "reference"),
        .currency = text_of(line, "currency"),
        .token = text_of(line, "token"),
        .reason = text_of(line, "reason"),
        .amount_minor = integer_of(line, "amount"),
        .at_us = integer_of(line, "at_us"),
        .due_us = integer_of(line, "due_us"),
    };
    if (!status_of(line, &entry.status) || entry.key.len == 0 || entry.amount_minor <= 0)
        return no_sense(error, "a charge without key, amount or status");
    return ds_books_enter_charge(books, &entry, &charge, error);
}

static bool apply_refund(ds_books_t *books, const json_t *line, ds_error_t *error)
{
    struct ds_book_refund *refund;
    struct ds_book_charge *charge = ds_books_charge(books, text_of(line, "charge"));
    struct ds_book_refund_entry entry = {
        .key = text_of(line, "key"),
        .reference = text_of(line, "reference"),
        .currency = text_of(line, "currency"),
        .reason = text_of(line, "reason"),
        .amount_minor = integer_of(line, "amount"),
        .at_us = integer_of(line, "at_us"),
    };
    if (!status_of(line, &entry.status) || entry.status == DS_BOOK_PENDING || entry.key.len == 0 ||
        entry.amount_minor <= 0 || charge == NULL)
        return no_sense(error, "a refund without key, amount, status or known charge");
    return ds_books_enter_refund(books, charge, &entry, &refund, error);
}

static bool apply_settle(ds_books_t *books, const json_t *line, ds_error_t *error)
{
    struct ds_book_charge *charge = ds_books_charge(books, text_of(line, "charge"));
    if (charge == NULL || charge->status != DS_BOOK_PENDING)
        return no_sense(error, "the settlement of a charge that is not pending");
    ds_books_settle(charge);
    return true;
}

bool ds_books_apply(ds_books_t *books, ds_str_t line, ds_error_t *error)
{
    json_error_t why;
    json_t *object =
        json_loadb(line.len == 0 ? "" : line.data, line.len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(object)) {
        json_decref(object);
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_TRUNCATED, "not JSON: %s", why.text);
    }
    ds_str_t type = text_of(object, "type");
    bool ok = ds_str_eq(type, DS_STR("charge"))   ? apply_charge(books, object, error)
              : ds_str_eq(type, DS_STR("refund")) ? apply_refund(books, object, error)
              : ds_str_eq(type, DS_STR("settle")) ? apply_settle(books, object, error)
                                                  : no_sense(error, "a line of no known type");
    json_decref(object);
    return ok;
}
