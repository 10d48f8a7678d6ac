#include "cli/payments/reconcile.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 16 << 20 };

/* A charge or a refund of the log. */
struct item {
    bool refund;
    bool moved;  /* money did */
    bool listed; /* the list names it */
    int64_t amount_minor;
    char currency[4];
};

struct ds_reconcile {
    ds_difference_fn found;
    void *context;
    ds_map_t *items; /* by key */
    size_t listed;
};

ds_reconcile_t *ds_reconcile_new(ds_difference_fn found, void *context)
{
    ds_reconcile_t *reconcile = calloc(1, sizeof *reconcile);
    if (reconcile == NULL)
        return NULL;
    reconcile->found = found;
    reconcile->context = context;
    reconcile->items = ds_map_new(ENTRIES_MAX);
    if (reconcile->items == NULL) {
        free(reconcile);
        return NULL;
    }
    return reconcile;
}

void ds_reconcile_destroy(ds_reconcile_t *reconcile)
{
    if (reconcile == NULL)
        return;
    ds_map_destroy(reconcile->items, free);
    free(reconcile);
}

void ds_reconcile_counts(const ds_reconcile_t *reconcile, size_t *log_out, size_t *list_out)
{
    *log_out = ds_map_count(reconcile->items);
    *list_out = reconcile->listed;
}

const char *ds_difference_name(enum ds_difference_kind kind)
{
    switch (kind) {
    case DS_DIFFERENCE_UNKNOWN:
        return "unknown";
    case DS_DIFFERENCE_NOT_IN_LOG:
        return "not_in_log";
    case DS_DIFFERENCE_NOT_AT_PROVIDER:
        return "not_at_provider";
    case DS_DIFFERENCE_AMOUNT:
        return "amount";
    case DS_DIFFERENCE_TWICE:
        return "twice";
    }
    return "?";
}

/* ---- the log */

static bool note(ds_reconcile_t *reconcile, ds_str_t key, bool refund, bool moved,
                 int64_t amount_minor, ds_str_t currency, ds_error_t *error)
{
    struct item *item = ds_map_get(reconcile->items, key);
    if (item == NULL) {
        item = calloc(1, sizeof *item);
        if (item == NULL)
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "a charge or refund");
        if (!ds_map_put(reconcile->items, key, item, NULL, error)) {
            free(item);
            return false;
        }
    }
    item->refund = refund;
    item->moved = item->moved || moved;
    item->amount_minor = amount_minor;
    (void)ds_str_to_array(currency, item->currency, sizeof item->currency);
    return true;
}

bool ds_reconcile_event(ds_reconcile_t *reconcile, const struct ds_payment_event *event,
                        ds_error_t *error)
{
    const struct ds_payment_initiated *asked = &event->body.as.payment_initiated;
    const struct ds_payment_success *success = &event->body.as.payment_success;
    const struct ds_payment_refund_initiated *refund = &event->body.as.payment_refund_initiated;
    const struct ds_payment_refunded *refunded = &event->body.as.payment_refunded;
    switch (event->body.kind) {
    case DS_PAYMENT_EVENT_PAYMENT_INITIATED:
        return note(reconcile, asked->charge_key, false, false, asked->amount_minor,
                    asked->currency, error);
    case DS_PAYMENT_EVENT_PAYMENT_SUCCESS: /* cash has no key, and no provider */
        return !success->has_charge_key || note(reconcile, success->charge_key, false, true,
                                                success->amount_minor, success->currency, error);
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED:
        return note(reconcile, refund->refund_key, true, false, refund->amount_minor,
                    refund->currency, error);
    case DS_PAYMENT_EVENT_PAYMENT_REFUNDED:
        return note(reconcile, refunded->refund_key, true, true, refunded->amount_minor,
                    refunded->currency, error);
    default:
        return true;
    }
}

bool ds_reconcile_record(ds_reconcile_t *reconcile, const struct ds_read_record *record,
                         ds_error_t *error)
{
    if (record->undecodable)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_DAMAGE,
                            "%s/%d offset %lld: it counts, but cannot be read; nothing is judged",
                            ds_schema_payment_events.topic, (int)record->partition,
                            (long long)record->place.offset);
    return ds_reconcile_event(reconcile, record->event, error);
}

/* ---- the list */

static void tell(ds_reconcile_t *reconcile, enum ds_difference_kind kind, bool refund, ds_str_t key,
                 const struct item *item, const struct ds_statement_entry *entry)
{
    struct ds_difference difference = {.kind = kind, .refund = refund, .key = key};
    if (item != NULL) {
        difference.has_log = true;
        difference.log_minor = item->amount_minor;
        difference.log_currency = ds_str(item->currency);
    }
    if (entry != NULL) {
        difference.has_provider = true;
        difference.provider_minor = entry->amount_minor;
        difference.provider_currency = entry->currency;
        difference.provider_id = entry->id;
        difference.line = entry->line;
    }
    reconcile->found(&difference, reconcile->context);
}

bool ds_reconcile_entry(ds_reconcile_t *reconcile, const struct ds_statement_entry *entry,
                        ds_error_t *error)
{
    struct item *item = ds_map_get(reconcile->items, entry->key);
    bool refund = entry->refund;

    (void)error;
    reconcile->listed++;
    if (item == NULL || item->refund != refund) {
        if (entry->succeeded)
            tell(reconcile, DS_DIFFERENCE_UNKNOWN, refund, entry->key, NULL, entry);
        return true;
    }
    if (item->listed) {
        tell(reconcile, DS_DIFFERENCE_TWICE, refund, entry->key, item, entry);
        return true;
    }
    item->listed = true;
    if (entry->succeeded && !item->moved)
        tell(reconcile, DS_DIFFERENCE_NOT_IN_LOG, refund, entry->key, item, entry);
    else if (!entry->succeeded && item->moved)
        tell(reconcile, DS_DIFFERENCE_NOT_AT_PROVIDER, refund, entry->key, item, entry);
    else if (entry->succeeded && (entry->amount_minor != item->amount_minor ||
                                  !ds_str_eq(entry->currency, ds_str(item->currency))))
        tell(reconcile, DS_DIFFERENCE_AMOUNT, refund, entry->key, item, entry);
    return true;
}

void ds_reconcile_end(ds_reconcile_t *reconcile, bool partial)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    while (!partial && ds_map_next(reconcile->items, &cursor, &key, &value)) {
        const struct item *item = value;
        if (item->moved && !item->listed)
            tell(reconcile, DS_DIFFERENCE_NOT_AT_PROVIDER, item->refund, key, item, NULL);
    }
}
