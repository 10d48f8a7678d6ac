#include "processors/payment/payment_events.h"

#include <stdio.h>

#define KEY_TAIL_BYTES 16

static struct ds_payment_event *add(ds_decision_t *decision, int32_t kind, ds_error_t *error)
{
    struct ds_payment_event *event = ds_decision_add(decision, error);
    if (event != NULL)
        event->body.kind = kind;
    return event;
}

static bool is_key(ds_str_t order_id, const char *tail, ds_str_t key)
{
    ds_str_t end = ds_str(tail);
    return key.len == order_id.len + end.len &&
           ds_str_eq((ds_str_t){key.data, order_id.len}, order_id) &&
           ds_str_eq((ds_str_t){key.data + order_id.len, end.len}, end);
}

bool ds_payment_is_charge_key(ds_str_t order_id, ds_str_t key)
{
    return is_key(order_id, "-c1", key);
}

bool ds_payment_is_refund_key(ds_str_t order_id, int32_t number, ds_str_t key)
{
    char tail[KEY_TAIL_BYTES];
    (void)snprintf(tail, sizeof(tail), "-r%d", (int)number); /* 13 bytes at most */
    return is_key(order_id, tail, key);
}

static bool refund_key(ds_decision_t *decision, ds_str_t order_id, int32_t number,
                       ds_str_t *key_out, ds_error_t *error)
{
    return ds_arena_printf(ds_decision_arena(decision), key_out, error, "%.*s-r%d",
                           DS_STR_ARG(order_id), (int)number);
}

bool ds_payment_emit_initiated(ds_decision_t *decision,
                               const struct ds_order_payment_requested *request,
                               int64_t give_up_at_us, ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_INITIATED, error);
    if (event == NULL)
        return false;
    struct ds_payment_initiated *body = &event->body.as.payment_initiated;
    *body = (struct ds_payment_initiated){
        .order_id = request->order_id,
        .customer_id = request->customer_id,
        .amount_minor = request->total_minor,
        .currency = request->currency,
        .has_payment_token = request->has_payment_token,
        .payment_token = request->payment_token,
        .give_up_at = give_up_at_us,
    };
    return ds_arena_printf(ds_decision_arena(decision), &body->charge_key, error, "%.*s-c1",
                           DS_STR_ARG(request->order_id));
}

bool ds_payment_emit_cash(ds_decision_t *decision, const struct ds_order_fulfilled *fulfilled,
                          ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_SUCCESS, error);
    if (event == NULL)
        return false;
    event->body.as.payment_success = (struct ds_payment_success){
        .order_id = fulfilled->order_id,
        .method = DS_PAYMENT_METHOD_CASH_ON_DELIVERY,
        .amount_minor = fulfilled->total_minor,
        .currency = fulfilled->currency,
        .due_minor = fulfilled->total_minor,
    };
    return true;
}

bool ds_payment_emit_nothing(ds_decision_t *decision,
                             const struct ds_order_payment_requested *request, ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_SUCCESS, error);
    if (event == NULL)
        return false;
    event->body.as.payment_success = (struct ds_payment_success){
        .order_id = request->order_id,
        .method = DS_PAYMENT_METHOD_CARD,
        .currency = request->currency,
    };
    return true;
}

bool ds_payment_emit_success(ds_decision_t *decision, const struct ds_report_charge *report,
                             int64_t due_minor, bool late, ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_SUCCESS, error);
    if (event == NULL)
        return false;
    event->body.as.payment_success = (struct ds_payment_success){
        .order_id = report->order_id,
        .method = DS_PAYMENT_METHOD_CARD,
        .amount_minor = report->amount_minor,
        .currency = report->currency,
        .late = late,
        .due_minor = due_minor,
        .has_charge_key = true,
        .charge_key = report->charge_key,
        .has_provider = true,
        .provider = report->provider,
        .has_provider_reference = true,
        .provider_reference = report->provider_reference,
    };
    return true;
}

bool ds_payment_emit_failed(ds_decision_t *decision, ds_str_t order_id, enum ds_fail_reason reason,
                            const ds_str_t *detail, ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_FAILED, error);
    if (event == NULL)
        return false;
    struct ds_payment_failed *body = &event->body.as.payment_failed;
    body->order_id = order_id;
    body->reason = reason;
    body->has_detail = detail != NULL;
    if (detail != NULL)
        body->detail = *detail;
    return true;
}

bool ds_payment_emit_due_changed(ds_decision_t *decision, const struct ds_payment *payment,
                                 int64_t due_minor, const struct ds_payment_goodwill *goodwill,
                                 ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_DUE_CHANGED, error);
    if (event == NULL)
        return false;
    event->body.as.payment_due_changed = (struct ds_payment_due_changed){
        .order_id = payment->id,
        .due_minor = due_minor,
        .currency = payment->currency,
        .goodwill_minor = goodwill->minor,
        .has_reason = goodwill->reason != NULL,
        .reason = goodwill->reason == NULL ? DS_STR("") : *goodwill->reason,
    };
    return true;
}

bool ds_payment_emit_refund_initiated(ds_decision_t *decision, const struct ds_payment *payment,
                                      const struct ds_payment_charge *charge, int64_t amount_minor,
                                      int64_t due_minor, const struct ds_payment_goodwill *goodwill,
                                      ds_error_t *error)
{
    struct ds_payment_event *event =
        add(decision, DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED, error);
    if (event == NULL)
        return false;
    struct ds_payment_refund_initiated *body = &event->body.as.payment_refund_initiated;
    *body = (struct ds_payment_refund_initiated){
        .order_id = payment->id,
        .number = payment->refund_number + 1,
        .amount_minor = amount_minor,
        .due_minor = due_minor,
        .currency = payment->currency,
        .provider = charge->provider,
        .provider_reference = charge->reference,
        .goodwill_minor = goodwill->minor,
        .has_reason = goodwill->reason != NULL,
        .reason = goodwill->reason == NULL ? DS_STR("") : *goodwill->reason,
    };
    return refund_key(decision, payment->id, body->number, &body->refund_key, error);
}

bool ds_payment_emit_refunded(ds_decision_t *decision, const struct ds_payment *payment,
                              const struct ds_report_refund *report, int64_t amount_minor,
                              ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_REFUNDED, error);
    if (event == NULL)
        return false;
    event->body.as.payment_refunded = (struct ds_payment_refunded){
        .order_id = payment->id,
        .refund_key = report->refund_key,
        .amount_minor = amount_minor,
        .currency = payment->currency,
        .captured_minor = payment->captured_minor,
        .refunded_minor = payment->refunded_minor + amount_minor,
        .provider_reference = report->provider_reference,
    };
    return true;
}

bool ds_payment_emit_refund_failed(ds_decision_t *decision, const struct ds_payment *payment,
                                   const struct ds_report_refund *report, int64_t retry_at_us,
                                   ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_REFUND_FAILED, error);
    if (event == NULL)
        return false;
    event->body.as.payment_refund_failed = (struct ds_payment_refund_failed){
        .order_id = payment->id,
        .refund_key = report->refund_key,
        .amount_minor = payment->pending_minor,
        .currency = payment->currency,
        .attempt = payment->refund_failures + 1,
        .retry_at = retry_at_us,
        .has_detail = report->has_detail,
        .detail = report->detail,
    };
    return true;
}

bool ds_payment_emit_disputed(ds_decision_t *decision, const struct ds_report_dispute *report,
                              ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_DISPUTED, error);
    if (event == NULL)
        return false;
    event->body.as.payment_disputed = (struct ds_payment_disputed){
        .order_id = report->order_id,
        .amount_minor = report->amount_minor,
        .currency = report->currency,
        .provider_reference = report->provider_reference,
        .has_charge_key = true,
        .charge_key = report->charge_key,
        .has_detail = report->has_detail,
        .detail = report->detail,
    };
    return true;
}

bool ds_payment_emit_unmatched(ds_decision_t *decision, const struct ds_payment_unmatched *report,
                               ds_error_t *error)
{
    struct ds_payment_event *event = add(decision, DS_PAYMENT_EVENT_PAYMENT_UNMATCHED, error);
    if (event == NULL)
        return false;
    event->body.as.payment_unmatched = *report;
    return true;
}
