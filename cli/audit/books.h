/* cli/audit/books.h - I3: the payment provider's own books against the log.
 *
 * The books are read twice, before the log's ends are asked and after: what they say only grows, so
 * what the log says at its end lies between the two. On a quiet shop both are the same, and the
 * comparison is exact. */
#ifndef DS_CLI_AUDIT_BOOKS_H
#define DS_CLI_AUDIT_BOOKS_H

#include "cli/audit/model.h"

typedef struct ds_audit_books ds_audit_books_t;

/** @brief Empty books. @param now_us  UTC, before they are read. NULL: no memory. */
ds_audit_books_t *ds_audit_books_new(int64_t now_us);
void ds_audit_books_destroy(ds_audit_books_t *books);
/** @brief Read all pages. @param reading  0: before the log, 1: after its ends were asked.
 *  @param url  of the provider, without path. UNAVAILABLE, TIMEOUT, INVALID: it gave something else
 * than books. */
DS_MUST_CHECK bool ds_audit_books_fetch(ds_audit_books_t *books, int reading, const char *url,
                                        const char *key, int timeout_ms, ds_error_t *error);
/** @brief Enter one page, as the provider sends it. @param next_out  the cursor of the next page;
 * empty: that was all. Room for 64 bytes. */
DS_MUST_CHECK bool ds_audit_books_page(ds_audit_books_t *books, int reading, ds_str_t json,
                                       char next_out[64], ds_error_t *error);
/** @brief Compare an order that leaves. */
void ds_audit_books_judge_order(ds_audit_books_t *books, const struct ds_audit_part *part,
                                const struct ds_audit_order *order);
/** @brief Compare the orders of a partition that is read. */
void ds_audit_books_judge(ds_audit_books_t *books, const struct ds_audit_part *part);
/** @brief After all partitions: charges that no order asked for. */
void ds_audit_books_judge_rest(const ds_audit_books_t *books, struct ds_audit_report *report);

#endif
