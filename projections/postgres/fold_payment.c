#include "projections/postgres/fold.h"

/* Rows of payments, from payment.events alone. */

static ds_str_t order_id_of(const struct ds_payment_event *event)
{
    return ds_schema_payment_events.order_id(event);
}

bool ds_want_payment(struct ds_sheets *sheets, const struct ds_payment_event *event,
                     ds_error_t *error)
{
    if (event->body.kind < DS_PROTOCOL_KINDS ||
        event->body.kind == DS_PAYMENT_EVENT_PAYMENT_INITIATED ||
        event->body.kind == DS_PAYMENT_EVENT_PAYMENT_UNMATCHED)
        return true;
    return ds_sheets_want(sheets, DS_LOAD_PAYMENTS, order_id_of(event), error);
}

static bool make_payment(struct ds_fold *fold, ds_str_t order_id, ds_str_t currency,
                         struct ds_payment_row **row_out, ds_error_t *error)
{
    void *made = NULL;
    *row_out = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_PAYMENTS, order_id, &made, error))
        return false;
    struct ds_payment_row *row = made;
    row->order_id = order_id;
    row->method = DS_STR("card");
    row->status = DS_STR("none");
    row->currency = currency;
    row->partition = fold->partition;
    *row_out = row;
    return true;
}

static bool fold_initiated(struct ds_fold *fold, const struct ds_payment_initiated *e,
                           ds_error_t *error)
{
    struct ds_payment_row *row = NULL;
    if (!make_payment(fold, e->order_id, e->currency, &row, error))
        return false;
    row->status = DS_STR("initiated");
    row->charged_minor = e->amount_minor;
    row->due_minor = e->amount_minor;
    row->charge_key = ds_fold_maybe(true, e->charge_key);
    row->initiated_at = fold->at_us;
    row->updated_at = fold->at_us;
    row->last_offset = fold->offset;
    return true;
}

static bool fold_success(struct ds_fold *fold, struct ds_payment_row *row,
                         const struct ds_payment_success *e, ds_error_t *error)
{
    row->status = DS_STR("succeeded");
    row->captured_minor = ds_fold_add(row->captured_minor, e->amount_minor);
    row->due_minor = e->due_minor;
    row->late = e->late;
    row->captured_at = fold->at_us;
    if (e->has_charge_key)
        row->charge_key = ds_fold_maybe(true, e->charge_key);
    row->provider = ds_fold_maybe(e->has_provider, e->provider);
    row->provider_reference = ds_fold_maybe(e->has_provider_reference, e->provider_reference);
    return ds_fold_lower(fold->sheets, ds_payment_method_text(e->method), &row->method, error);
}

static void fold_refunded(struct ds_payment_row *row, const struct ds_payment_refunded *e)
{
    row->captured_minor = e->captured_minor;
    row->refunded_minor = e->refunded_minor;
    row->refund_open_minor = 0;
    row->retry_at = DS_NULL_I64;
    row->detail = (ds_str_t){NULL, 0};
    row->status =
        e->refunded_minor >= e->captured_minor ? DS_STR("refunded") : DS_STR("partly_refunded");
}

static bool fold_step(struct ds_fold *fold, struct ds_payment_row *row,
                      const struct ds_payment_event *event, ds_error_t *error)
{
    const struct ds_payment_failed *failed = &event->body.as.payment_failed;
    const struct ds_payment_refund_initiated *refund = &event->body.as.payment_refund_initiated;
    const struct ds_payment_refund_failed *stuck = &event->body.as.payment_refund_failed;
    switch (event->body.kind) {
    case DS_PAYMENT_EVENT_PAYMENT_SUCCESS:
        return fold_success(fold, row, &event->body.as.payment_success, error);
    case DS_PAYMENT_EVENT_PAYMENT_FAILED:
        row->status = DS_STR("failed");
        row->due_minor = 0;
        row->detail = ds_fold_maybe(failed->has_detail, failed->detail);
        return ds_fold_lower(fold->sheets, ds_fail_reason_text(failed->reason), &row->reason,
                             error);
    case DS_PAYMENT_EVENT_PAYMENT_DUE_CHANGED:
        row->due_minor = event->body.as.payment_due_changed.due_minor;
        row->goodwill_minor = event->body.as.payment_due_changed.goodwill_minor;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED:
        row->status = DS_STR("refund_pending");
        row->due_minor = refund->due_minor;
        row->goodwill_minor = refund->goodwill_minor;
        row->refund_open_minor = refund->amount_minor;
        row->refund_key = ds_fold_maybe(true, refund->refund_key);
        row->refund_number = refund->number;
        row->retry_at = DS_NULL_I64;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUNDED:
        fold_refunded(row, &event->body.as.payment_refunded);
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_FAILED:
        row->refund_open_minor = 0;
        row->retry_at = stuck->retry_at;
        row->detail = ds_fold_maybe(stuck->has_detail, stuck->detail);
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_DISPUTED:
        row->disputed_minor =
            ds_fold_add(row->disputed_minor, event->body.as.payment_disputed.amount_minor);
        return true;
    default:
        return true;
    }
}

bool ds_fold_payment(struct ds_fold *fold, const struct ds_payment_event *event, ds_error_t *error)
{
    if (event->body.kind < DS_PROTOCOL_KINDS ||
        event->body.kind == DS_PAYMENT_EVENT_PAYMENT_UNMATCHED)
        return true; /* the timeline has it; whose charge it was is not known */
    if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_INITIATED)
        return fold_initiated(fold, &event->body.as.payment_initiated, error);
    ds_str_t id = order_id_of(event);
    struct ds_payment_row *row = ds_sheet_change(fold->sheets, DS_TABLE_PAYMENTS, id);
    /* Cash has no charge: its success, at the door, is the first that is heard of it. */
    if (row == NULL && event->body.kind == DS_PAYMENT_EVENT_PAYMENT_SUCCESS &&
        !make_payment(fold, id, event->body.as.payment_success.currency, &row, error))
        return false;
    if (row == NULL) {
        fold->missed++;
        return true;
    }
    row->updated_at = fold->at_us;
    row->last_offset = fold->offset;
    return fold_step(fold, row, event, error);
}
