/* cli/payments/reconcile.h - a provider's list of charges and refunds against the log's.
 *
 * First the log: each event of payment.events. Then the list: each of its entries. Then the end:
 * what the log has and the list did not name. A difference is handed out where it is found. Memory:
 * some 200 bytes a charge and a refund. Threads: one reconciliation, one thread. */
#ifndef DS_CLI_PAYMENTS_RECONCILE_H
#define DS_CLI_PAYMENTS_RECONCILE_H

#include "cli/payments/statement.h"
#include "schemas/schema.h"
#include "stream/reader.h"

enum ds_difference_kind {
    DS_DIFFERENCE_UNKNOWN,         /* money moved at the provider; the log never asked */
    DS_DIFFERENCE_NOT_IN_LOG,      /* ... ; the log asked, and does not know that it did */
    DS_DIFFERENCE_NOT_AT_PROVIDER, /* the log says that it moved; the provider does not */
    DS_DIFFERENCE_AMOUNT,          /* both, another amount or currency */
    DS_DIFFERENCE_TWICE,           /* the list has the key twice */
};
#define DS_DIFFERENCE_KINDS 5

struct ds_difference {
    enum ds_difference_kind kind;
    bool refund;
    ds_str_t key;
    bool has_log;
    int64_t log_minor;
    ds_str_t log_currency;
    bool has_provider;
    int64_t provider_minor;
    ds_str_t provider_currency;
    ds_str_t provider_id; /* may be empty */
    int64_t line;         /* of the list; 0: none */
};

typedef struct ds_reconcile ds_reconcile_t;
typedef void (*ds_difference_fn)(const struct ds_difference *difference, void *context);

/** @brief `found` is called for each difference; its texts are borrowed for the call. NULL: no
 * memory. */
ds_reconcile_t *ds_reconcile_new(ds_difference_fn found, void *context);
void ds_reconcile_destroy(ds_reconcile_t *reconcile);
/** @brief An event of payment.events that counts, in the order of its partition. */
DS_MUST_CHECK bool ds_reconcile_event(ds_reconcile_t *reconcile,
                                      const struct ds_payment_event *event, ds_error_t *error);
/** @brief The same, as it was read. DAMAGE: it counts, but cannot be read, so nothing can be
 * judged.
 */
DS_MUST_CHECK bool ds_reconcile_record(ds_reconcile_t *reconcile,
                                       const struct ds_read_record *record, ds_error_t *error);
/** @brief A line of the list, after all events. */
DS_MUST_CHECK bool ds_reconcile_entry(ds_reconcile_t *reconcile,
                                      const struct ds_statement_entry *entry, ds_error_t *error);
/** @brief The end of the list. @param partial  the list covers a part of the time or the shops:
 * what it does not name is not missing. */
void ds_reconcile_end(ds_reconcile_t *reconcile, bool partial);
/** @brief How many charges and refunds the log and the list have. */
void ds_reconcile_counts(const ds_reconcile_t *reconcile, size_t *log_out, size_t *list_out);
/** @brief "not_in_log" and so on. */
const char *ds_difference_name(enum ds_difference_kind kind);

#endif
