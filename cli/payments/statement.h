/* cli/payments/statement.h - a provider's list of charges and refunds, from a file.
 *
 * Two forms. CSV with a heading that names the columns, in any order; others are passed over:
 *
 *   kind,id,key,reference,status,amount,currency
 *   charge,ch_01H...,berlin-1.01K9...-c1,berlin-1.01K9...,succeeded,2999,EUR
 *   refund,re_01H...,berlin-1.01K9...-r1,berlin-1.01K9...,succeeded,500,EUR
 *
 * or JSON lines, one object a line with these names. Needed are kind (charge, refund), key (ours,
 * which the provider had as idempotency key), status (succeeded; anything else is: no money moved),
 * amount (minor units, an integer) and currency. Threads: none. */
#ifndef DS_CLI_PAYMENTS_STATEMENT_H
#define DS_CLI_PAYMENTS_STATEMENT_H

#include "base/buf.h"

#include <stdio.h>

/** One line of it. Texts live until the next line. */
struct ds_statement_entry {
    bool refund;
    bool succeeded;
    ds_str_t key;
    ds_str_t id; /* the provider's; may be empty */
    int64_t amount_minor;
    ds_str_t currency;
    int64_t line;
};

typedef struct ds_statement ds_statement_t;

/** @brief @param file  borrowed. NULL: no memory. */
ds_statement_t *ds_statement_new(FILE *file);
void ds_statement_destroy(ds_statement_t *statement);
/** @brief The next entry. @param more_out  false at the end: then there is none. DS_ERR_INVALID
 * names the line and what is wrong with it. */
DS_MUST_CHECK bool ds_statement_next(ds_statement_t *statement,
                                     struct ds_statement_entry *entry_out, bool *more_out,
                                     ds_error_t *error);

#endif
