#include "gateways/sandbox/books.h"

#include "base/id.h"
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#define CHARGE_PREFIX "ch_"
#define REFUND_PREFIX "re_"
#define BOOK_ID_BYTES (3 + DS_ID_CHARS + 1)

struct ds_books {
    ds_map_t *charges_by_id;
    ds_map_t *refunds_by_id;
    struct ds_book_charge **charges; /* in order */
    size_t count;
    size_t capacity;
    size_t max_entries;
};

ds_books_t *ds_books_new(size_t max_entries)
{
    ds_books_t *books = calloc(1, sizeof *books);
    if (books == NULL)
        return NULL;
    books->max_entries = max_entries;
    books->charges_by_id = ds_map_new(max_entries);
    books->refunds_by_id = ds_map_new(max_entries);
    if (books->charges_by_id == NULL || books->refunds_by_id == NULL) {
        ds_books_destroy(books);
        return NULL;
    }
    return books;
}

void ds_books_destroy(ds_books_t *books)
{
    if (books == NULL)
        return;
    ds_map_destroy(books->charges_by_id, free);
    ds_map_destroy(books->refunds_by_id, free);
    free(books->charges);
    free(books);
}

/* --- finding -----------------------------------------------------------------------------------
 */

/* One key, one id: that a key cannot charge twice follows from the map. */
static void id_of_key(const char *prefix, ds_str_t key, char id_out[BOOK_ID_BYTES])
{
    const ds_bytes_t parts[] = {{(const uint8_t *)prefix, 3}, {(const uint8_t *)key.data, key.len}};
    ds_id_t id;
    bool derived = ds_id_derive(parts, 2, &id, NULL);
    assert(derived); /* SHA-256 fails only without memory for its context */
    memcpy(id_out, prefix, 3);
    memcpy(id_out + 3, id.text, sizeof id.text);
}

struct ds_book_charge *ds_books_charge(ds_books_t *books, ds_str_t id)
{
    return ds_map_get(books->charges_by_id, id);
}

struct ds_book_charge *ds_books_charge_by_key(ds_books_t *books, ds_str_t key)
{
    char id[BOOK_ID_BYTES];
    id_of_key(CHARGE_PREFIX, key, id);
    return ds_books_charge(books, ds_str(id));
}

struct ds_book_refund *ds_books_refund(ds_books_t *books, ds_str_t id)
{
    return ds_map_get(books->refunds_by_id, id);
}

struct ds_book_refund *ds_books_refund_by_key(ds_books_t *books, ds_str_t key)
{
    char id[BOOK_ID_BYTES];
    id_of_key(REFUND_PREFIX, key, id);
    return ds_books_refund(books, ds_str(id));
}

size_t ds_books_charges(const ds_books_t *books)
{
    return books->count;
}

struct ds_book_charge *ds_books_charge_at(const ds_books_t *books, size_t i)
{
    return i < books->count ? books->charges[i] : NULL;
}

/* --- entering ----------------------------------------------------------------------------------
 */

/* Copies a text behind the struct and moves on. */
static const char *put_text(char **at, ds_str_t text)
{
    char *copy = *at;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *at += text.len + 1;
    return copy;
}

static struct ds_book_charge *new_charge(const struct ds_book_charge_entry *entry)
{
    char id[BOOK_ID_BYTES];
    id_of_key(CHARGE_PREFIX, entry->key, id);
    size_t texts = sizeof id + entry->key.len + entry->reference.len + entry->currency.len +
                   entry->token.len + entry->reason.len + 5;
    struct ds_book_charge *charge = calloc(1, sizeof *charge + texts);
    if (charge == NULL)
        return NULL;
    char *at = (char *)(charge + 1);
    charge->id = put_text(&at, ds_str(id));
    charge->key = put_text(&at, entry->key);
    charge->reference = put_text(&at, entry->reference);
    charge->currency = put_text(&at, entry->currency);
    charge->token = put_text(&at, entry->token);
    charge->reason = entry->reason.len == 0 ? NULL : put_text(&at, entry->reason);
    charge->amount_minor = entry->amount_minor;
    charge->at_us = entry->at_us;
    charge->due_us = entry->due_us;
    charge->status = entry->status;
    charge->handle = -1;
    return charge;
}

static bool reserve_charge(ds_books_t *books, ds_error_t *error)
{
    if (books->count < books->capacity)
        return true;
    if (books->count >= books->max_entries)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_LIMIT, "the books are full: %zu charges",
                            books->count);
    size_t capacity = books->capacity == 0 ? 256 : books->capacity * 2;
    struct ds_book_charge **charges = realloc(books->charges, capacity * sizeof(*charges));
    if (charges == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "%zu charges", capacity);
    books->charges = charges;
    books->capacity = capacity;
    return true;
}

bool ds_books_enter_charge(ds_books_t *books, const struct ds_book_charge_entry *entry,
                           struct ds_book_charge **charge_out, ds_error_t *error)
{
    *charge_out = NULL;
    if (!reserve_charge(books, error))
        return false;
    struct ds_book_charge *charge = new_charge(entry);
    if (charge == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "charge");
    bool ok = ds_books_charge(books, ds_str(charge->id)) == NULL ||
              ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_CONFLICT, "charge key %s is in the books",
                           charge->key);
    if (!ok || !ds_map_put(books->charges_by_id, ds_str(charge->id), charge, NULL, error)) {
        free(charge);
        return false;
    }
    books->charges[books->count++] = charge;
    *charge_out = charge;
    return true;
}

const char *ds_books_refund_refusal(const struct ds_book_charge *charge, int64_t amount_minor,
                                    ds_str_t currency)
{
    if (charge->status != DS_BOOK_SUCCEEDED)
        return "charge_not_captured";
    if (!ds_str_eq(ds_str(charge->currency), currency))
        return "wrong_currency";
    if (amount_minor > charge->amount_minor - charge->refunded_minor)
        return "amount_too_large";
    return NULL;
}

static struct ds_book_refund *new_refund(struct ds_book_charge *charge,
                                         const struct ds_book_refund_entry *entry)
{
    char id[BOOK_ID_BYTES];
    id_of_key(REFUND_PREFIX, entry->key, id);
    size_t texts = sizeof id + entry->key.len + entry->reference.len + entry->currency.len +
                   entry->reason.len + 4;
    struct ds_book_refund *refund = calloc(1, sizeof *refund + texts);
    if (refund == NULL)
        return NULL;
    char *at = (char *)(refund + 1);
    refund->id = put_text(&at, ds_str(id));
    refund->key = put_text(&at, entry->key);
    refund->reference = put_text(&at, entry->reference);
    refund->currency = put_text(&at, entry->currency);
    refund->reason = entry->reason.len == 0 ? NULL : put_text(&at, entry->reason);
    refund->amount_minor = entry->amount_minor;
    refund->at_us = entry->at_us;
    refund->status = entry->status;
    refund->charge = charge;
    return refund;
}

static void link_refund(struct ds_book_charge *charge, struct ds_book_refund *refund)
{
    if (charge->last_refund == NULL)
        charge->refunds = refund;
    else
        charge->last_refund->next = refund;
    charge->last_refund = refund;
    if (refund->status == DS_BOOK_SUCCEEDED)
        charge->refunded_minor += refund->amount_minor; /* at most the charge: checked before */
    else
        charge->refunds_failed++;
}

bool ds_books_enter_refund(ds_books_t *books, struct ds_book_charge *charge,
                           const struct ds_book_refund_entry *entry,
                           struct ds_book_refund **refund_out, ds_error_t *error)
{
    *refund_out = NULL;
    const char *refusal = ds_books_refund_refusal(charge, entry->amount_minor, entry->currency);
    if (entry->status == DS_BOOK_SUCCEEDED && refusal != NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "refund of %s: %s", charge->id,
                            refusal);
    struct ds_book_refund *refund = new_refund(charge, entry);
    if (refund == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "refund");
    bool ok = ds_books_refund(books, ds_str(refund->id)) == NULL ||
              ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_CONFLICT, "refund key %s is in the books",
                           refund->key);
    if (!ok || !ds_map_put(books->refunds_by_id, ds_str(refund->id), refund, NULL, error)) {
        free(refund);
        return false;
    }
    link_refund(charge, refund);
    *refund_out = refund;
    return true;
}

void ds_books_settle(struct ds_book_charge *charge)
{
    assert(charge->status == DS_BOOK_PENDING);
    charge->status = DS_BOOK_SUCCEEDED;
    charge->due_us = 0;
}

const char *ds_book_status_text(enum ds_book_status status)
{
    switch (status) {
    case DS_BOOK_PENDING:
        return "pending";
    case DS_BOOK_SUCCEEDED:
        return "succeeded";
    case DS_BOOK_FAILED:
        return "failed";
    }
    return "";
}
