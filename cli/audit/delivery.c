/* What delivery.events says of an order: its way through the states and what the courier carries.
 */
#include "cli/audit/folds.h"
#include "decider/memory.h"

static bool step_of(const struct ds_delivery_event *e, enum ds_audit_delivery_step *step_out)
{
    static const enum ds_audit_delivery_step steps[] = {
        [DS_DELIVERY_EVENT_DELIVERY_REQUESTED] = DS_AUDIT_ON_REQUESTED,
        [DS_DELIVERY_EVENT_DELIVERY_OFFERED] = DS_AUDIT_ON_OFFERED,
        [DS_DELIVERY_EVENT_DELIVERY_OFFER_ENDED] = DS_AUDIT_ON_OFFER_ENDED,
        [DS_DELIVERY_EVENT_DELIVERY_ASSIGNED] = DS_AUDIT_ON_ASSIGNED,
        [DS_DELIVERY_EVENT_DELIVERY_UNASSIGNED] = DS_AUDIT_ON_UNASSIGNED,
        [DS_DELIVERY_EVENT_DELIVERY_REASSIGNED] = DS_AUDIT_ON_REASSIGNED,
        [DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED] = DS_AUDIT_ON_DELIVERY_LINES,
        [DS_DELIVERY_EVENT_DELIVERY_CANCELLED] = DS_AUDIT_ON_DELIVERY_CANCELLED,
        [DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT] = DS_AUDIT_ON_IN_TRANSIT,
        [DS_DELIVERY_EVENT_DELIVERY_ARRIVED] = DS_AUDIT_ON_ARRIVED,
        [DS_DELIVERY_EVENT_DELIVERY_FAILED] = DS_AUDIT_ON_FAILED_AGAIN,
        [DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT] = DS_AUDIT_ON_SILENT,
        [DS_DELIVERY_EVENT_DELIVERY_RECALLED] = DS_AUDIT_ON_RECALLED,
        [DS_DELIVERY_EVENT_DELIVERY_COMPLETED] = DS_AUDIT_ON_COMPLETED,
        [DS_DELIVERY_EVENT_DELIVERY_RETURNED] = DS_AUDIT_ON_RETURNED,
        [DS_DELIVERY_EVENT_DELIVERY_LOST] = DS_AUDIT_ON_LOST,
    };

    if (e->body.kind < DS_DELIVERY_EVENT_DELIVERY_REQUESTED ||
        e->body.kind > DS_DELIVERY_EVENT_DELIVERY_LOST)
        return false; /* a courier's, or the protocol's */
    *step_out = steps[e->body.kind];
    if (e->body.kind == DS_DELIVERY_EVENT_DELIVERY_FAILED &&
        e->body.as.delivery_failed.next == DS_FAIL_NEXT_RETURN)
        *step_out = DS_AUDIT_ON_FAILED_LAST;
    return true;
}

static bool carry(struct ds_audit_part *part, struct ds_audit_order *order,
                  const struct ds_array_of_line_quantity *lines, ds_error_t *error)
{
    order->delivery.carried =
        ds_arena_calloc(part->arena, lines->count + 1, sizeof *order->delivery.carried, error);
    order->delivery.carried_count = 0;
    if (order->delivery.carried == NULL)
        return false;
    for (size_t i = 0; i < lines->count; i++)
        order->delivery.carried[order->delivery.carried_count++] =
            (struct ds_line_quantity){lines->items[i].line, DS_STR(""), lines->items[i].quantity};
    return true;
}

bool ds_audit_fold_delivery(struct ds_audit_part *part, const struct ds_audit_event *event,
                            ds_error_t *error)
{
    const struct ds_delivery_event *e = event->event;
    enum ds_audit_delivery_step step;

    if (!step_of(e, &step))
        return true;
    struct ds_audit_order *order =
        ds_audit_order_of(part, event, ds_schema_delivery_events.order_id(e), error);
    if (order == NULL)
        return false;
    if (order->has_left ||
        ds_audit_is_over(event, step == DS_AUDIT_ON_REQUESTED, order->delivery.last,
                         order->delivery.last_us, DS_DELIVERY_MEMORY_US, &order->delivery.again))
        return true;
    enum ds_audit_delivery_state before = order->delivery.state;
    if (!ds_audit_follow_delivery(&order->delivery.state, step))
        ds_audit_found(part->report, "STATE", ds_audit_at(part, event, order->id), "%s in state %s",
                       ds_schema_ce_type(&ds_schema_delivery_events, e),
                       ds_audit_delivery_state_text(before));
    if (order->delivery.last < 0)
        order->delivery.first_us = e->meta.at;
    order->delivery.last = event->offset;
    order->delivery.last_us = e->meta.at;
    if (step == DS_AUDIT_ON_REQUESTED) {
        order->delivery.requested = event->offset;
        ds_audit_note_reason(part, event, order, 1, "I5", &order->delivery.requested_by);
    }
    if (step == DS_AUDIT_ON_COMPLETED) {
        order->delivery.completed = event->offset;
        order->delivery.has_cash = e->body.as.delivery_completed.has_cash_collected_minor;
        order->delivery.cash_minor = e->body.as.delivery_completed.cash_collected_minor;
    }
    if (step != DS_AUDIT_ON_IN_TRANSIT)
        return true;
    order->delivery.in_transit = event->offset;
    return carry(part, order, &e->body.as.delivery_in_transit.lines, error);
}
