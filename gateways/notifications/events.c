#include "gateways/notifications/events.h"

#include <stdio.h>

static bool of_order(const struct ds_order_event *event, struct ds_notice *notice)
{
    static const char *const reasons[] = {
        [DS_CANCEL_REASON_OUT_OF_STOCK] = "OUT_OF_STOCK",
        [DS_CANCEL_REASON_RESERVE_TIMEOUT] = "RESERVE_TIMEOUT",
        [DS_CANCEL_REASON_PAYMENT_FAILED] = "PAYMENT_FAILED",
        [DS_CANCEL_REASON_PAYMENT_TIMEOUT] = "PAYMENT_TIMEOUT",
        [DS_CANCEL_REASON_BY_CUSTOMER] = "BY_CUSTOMER",
        [DS_CANCEL_REASON_BY_STAFF] = "BY_STAFF",
        [DS_CANCEL_REASON_NO_COURIER] = "NO_COURIER",
        [DS_CANCEL_REASON_DELIVERY_LATE] = "DELIVERY_LATE",
        [DS_CANCEL_REASON_NOT_DELIVERED] = "NOT_DELIVERED",
        [DS_CANCEL_REASON_RECALLED] = "RECALLED",
        [DS_CANCEL_REASON_LOST] = "LOST",
    };
    switch ((int)event->body.kind) {
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        notice->kind = DS_NOTICE_CONFIRMED;
        notice->order_id = event->body.as.order_confirmed.order_id;
        return true;
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        notice->kind = DS_NOTICE_CANCELLED;
        notice->order_id = event->body.as.order_cancelled.order_id;
        notice->reason = ds_str(reasons[event->body.as.order_cancelled.reason]);
        return true;
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        notice->kind = DS_NOTICE_DELIVERED;
        notice->order_id = event->body.as.order_fulfilled.order_id;
        return true;
    default:
        return false;
    }
}

static bool of_payment(const struct ds_payment_event *event, char *amount, struct ds_notice *notice)
{
    if ((int)event->body.kind != DS_PAYMENT_EVENT_PAYMENT_REFUNDED)
        return false;
    const struct ds_payment_refunded *refunded = &event->body.as.payment_refunded;
    char number[DS_MONEY_TEXT_BYTES];
    ds_money_text(refunded->amount_minor, refunded->currency, number);
    (void)snprintf(amount, DS_AMOUNT_TEXT_BYTES, "%s %.*s", number,
                   DS_STR_ARG(ds_utf8_cut(refunded->currency, 3)));
    notice->kind = DS_NOTICE_REFUNDED;
    notice->order_id = refunded->order_id;
    notice->amount = ds_str(amount);
    return true;
}

static bool of_delivery(const struct ds_delivery_event *event, struct ds_notice *notice)
{
    const struct ds_delivery_assigned *assigned = &event->body.as.delivery_assigned;
    const struct ds_delivery_reassigned *reassigned = &event->body.as.delivery_reassigned;
    switch ((int)event->body.kind) {
    case DS_DELIVERY_EVENT_DELIVERY_ASSIGNED:
        notice->kind = DS_NOTICE_COURIER_ASSIGNED;
        notice->order_id = assigned->order_id;
        notice->courier = assigned->has_courier_name ? assigned->courier_name : (ds_str_t){0};
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_REASSIGNED:
        /* Who is on the way with it, or back, fetches nothing. */
        if (reassigned->picked_up)
            return false;
        notice->kind = DS_NOTICE_COURIER_ASSIGNED;
        notice->order_id = reassigned->order_id;
        notice->courier = reassigned->has_courier_name ? reassigned->courier_name : (ds_str_t){0};
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_ARRIVED:
        notice->kind = DS_NOTICE_ARRIVING;
        notice->order_id = event->body.as.delivery_arrived.order_id;
        return true;
    default:
        return false;
    }
}

bool ds_notice_of_event(enum ds_notice_topic topic, const void *event,
                        char amount_out[DS_AMOUNT_TEXT_BYTES], struct ds_notice *notice_out)
{
    const struct ds_event_head *head = event;
    *notice_out = (struct ds_notice){
        .at_us = head->meta.at,
        .event_id = head->meta.event_id,
        .correlation_id = head->context.correlation_id,
    };
    switch (topic) {
    case DS_NOTICE_ORDER:
        return of_order(event, notice_out);
    case DS_NOTICE_PAYMENT:
        return of_payment(event, amount_out, notice_out);
    case DS_NOTICE_DELIVERY:
        return of_delivery(event, notice_out);
    case DS_NOTICE_TOPICS:
        break;
    }
    return false;
}
