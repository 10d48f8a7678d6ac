/* gateways/sandbox/books.h - what the sandbox provider has charged and refunded.
 *
 * A charge or refund is found by its idempotency key or its id, which is derived from the key: so
 * one key is one charge, for ever. Refunds never exceed what was captured. Every change is one
 * journal line; applying the lines in order gives the same books.
 * Threads: one at a time; the sandbox holds a lock. Charges and refunds are never freed before the
 * books, and their texts never change. */
#ifndef DS_GATEWAYS_SANDBOX_BOOKS_H
#define DS_GATEWAYS_SANDBOX_BOOKS_H

#include "base/buf.h"

enum ds_book_status { DS_BOOK_PENDING, DS_BOOK_SUCCEEDED, DS_BOOK_FAILED };

struct ds_book_charge;

struct ds_book_refund {
    const char *id;
    const char *key;
    const char *reference;
    const char *currency;
    const char *reason; /* NULL: none */
    int64_t amount_minor;
    int64_t at_us;
    enum ds_book_status status; /* never PENDING */
    struct ds_book_charge *charge;
    struct ds_book_refund *next; /* of the same charge, in order */
    uint64_t line;               /* the journal's number; 0: from before this start */
    bool dropped;                /* its first answer was lost on purpose */
};

struct ds_book_charge {
    const char *id;
    const char *key;
    const char *reference;
    const char *currency;
    const char *token;
    const char *reason; /* NULL: none */
    int64_t amount_minor;
    int64_t refunded_minor;
    int64_t at_us;
    int64_t due_us; /* while pending: when it is applied; UTC */
    enum ds_book_status status;
    struct ds_book_refund *refunds;
    struct ds_book_refund *last_refund;
    uint32_t refunds_failed;
    int32_t handle; /* in a heap of pending ones; -1 */
    uint64_t line;
    bool dropped;
};

/** A charge about to be entered; borrowed. */
struct ds_book_charge_entry {
    ds_str_t key;
    ds_str_t reference;
    ds_str_t currency;
    ds_str_t token;
    ds_str_t reason; /* empty: none */
    int64_t amount_minor;
    int64_t at_us;
    int64_t due_us;
    enum ds_book_status status;
};

struct ds_book_refund_entry {
    ds_str_t key;
    ds_str_t reference;
    ds_str_t currency;
    ds_str_t reason;
    int64_t amount_minor;
    int64_t at_us;
    enum ds_book_status status;
};

typedef struct ds_books ds_books_t;

/** @brief NULL: no memory. */
ds_books_t *ds_books_new(size_t max_entries);
void ds_books_destroy(ds_books_t *books);

struct ds_book_charge *ds_books_charge_by_key(ds_books_t *books, ds_str_t key);
struct ds_book_charge *ds_books_charge(ds_books_t *books, ds_str_t id);
struct ds_book_refund *ds_books_refund_by_key(ds_books_t *books, ds_str_t key);
struct ds_book_refund *ds_books_refund(ds_books_t *books, ds_str_t id);
size_t ds_books_charges(const ds_books_t *books);
/** @brief In the order they were entered; NULL behind the last. */
struct ds_book_charge *ds_books_charge_at(const ds_books_t *books, size_t i);

/** @brief Why this refund must fail; NULL: it may succeed. A literal. */
const char *ds_books_refund_refusal(const struct ds_book_charge *charge, int64_t amount_minor,
                                    ds_str_t currency);

/** @brief Enter a charge whose key is new. CONFLICT: it is not. LIMIT, MEMORY: unchanged. */
DS_MUST_CHECK bool ds_books_enter_charge(ds_books_t *books,
                                         const struct ds_book_charge_entry *entry,
                                         struct ds_book_charge **charge_out, ds_error_t *error);
/** @brief The same for a refund; INVALID: it says SUCCEEDED and would exceed the charge. */
DS_MUST_CHECK bool ds_books_enter_refund(ds_books_t *books, struct ds_book_charge *charge,
                                         const struct ds_book_refund_entry *entry,
                                         struct ds_book_refund **refund_out, ds_error_t *error);
/** @brief A pending charge succeeds. */
void ds_books_settle(struct ds_book_charge *charge);

/* Journal lines, without newline. */
DS_MUST_CHECK bool ds_books_charge_line(const struct ds_book_charge *charge, ds_buf_t *out,
                                        ds_error_t *error);
DS_MUST_CHECK bool ds_books_refund_line(const struct ds_book_refund *refund, ds_buf_t *out,
                                        ds_error_t *error);
DS_MUST_CHECK bool ds_books_settle_line(const struct ds_book_charge *charge, ds_buf_t *out,
                                        ds_error_t *error);
/** @brief Apply a line. TRUNCATED: no JSON. INVALID: it makes no sense here. LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_books_apply(ds_books_t *books, ds_str_t line, ds_error_t *error);

/* As the HTTP interface shows them. */
DS_MUST_CHECK bool ds_books_charge_json(const struct ds_book_charge *charge, bool with_refunds,
                                        ds_buf_t *out, ds_error_t *error);
DS_MUST_CHECK bool ds_books_refund_json(const struct ds_book_refund *refund, ds_buf_t *out,
                                        ds_error_t *error);
const char *ds_book_status_text(enum ds_book_status status);

#endif
