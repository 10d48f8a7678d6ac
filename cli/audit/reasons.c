/* Each step of an order answers the one record that allows it: an order is confirmed on its very
 * payment and not on the next best record, goods are committed on its pick-up. Only so it is
 * certain that the reason was there before the step; that both are there at the end is less. */
#include "cli/audit/folds.h"

#include <inttypes.h>

void ds_audit_note_reason(struct ds_audit_part *part, const struct ds_audit_event *event,
                          const struct ds_audit_order *order, int32_t input, const char *invariant,
                          int64_t *by)
{
    const struct ds_event_head *head = event->event;
    const struct ds_meta_cause *cause = &head->meta.cause;

    if (order->reborn)
        return;
    if (cause->kind == DS_META_CAUSE_INPUT_CAUSE && cause->as.input_cause.input == input) {
        *by = cause->as.input_cause.offset;
        return;
    }
    if (cause->kind == DS_META_CAUSE_HELD_CAUSE && cause->as.held_cause.input == input) {
        *by = cause->as.held_cause.offset; /* it had waited for a quarantined aggregate */
        return;
    }
    ds_audit_found(part->report, invariant, ds_audit_at(part, event, order->id),
                   "%s answers no record of %s",
                   ds_schema_ce_type(ds_audit_schema(event->topic), event->event),
                   ds_audit_topic(ds_audit_input(event->topic, input)));
}

struct reason {
    const char *what;
    const char *invariant;
    int32_t topic;
    int64_t offset;
    int64_t by;
    int32_t of; /* the topic of `by` and `was` */
    int64_t was;
};

static void judge(struct ds_audit_part *part, const struct ds_audit_order *order,
                  const struct reason *r)
{
    /* What is not there at all is told elsewhere. */
    if (r->offset < 0 || r->by < 0 || r->was < 0 || r->by == r->was)
        return;
    ds_audit_found(part->report, r->invariant, ds_audit_where(part, r->topic, r->offset, order->id),
                   "%s answers offset %" PRId64 " of %s, the order's own is %" PRId64, r->what,
                   r->by, ds_audit_topic(r->of), r->was);
}

void ds_audit_judge_reasons(struct ds_audit_part *part, const struct ds_audit_order *o)
{
    const bool card = o->order.method == DS_PAYMENT_METHOD_CARD;
    const int64_t stock = o->stock.reserved >= 0 ? o->stock.reserved : o->stock.rejected;
    const int64_t carried =
        o->order.state == DS_AUDIT_O_FULFILLED ? o->delivery.completed : o->delivery.last;
    const struct reason reasons[] = {
        {"the request for a payment", "STATE", DS_AUDIT_ORDER, o->order.requested,
         o->order.requested_by, DS_AUDIT_INVENTORY, o->stock.reserved},
        {"the confirmation", "I5", DS_AUDIT_ORDER, o->order.confirmed, o->order.confirmed_by,
         card ? DS_AUDIT_PAYMENT : DS_AUDIT_INVENTORY,
         card ? o->payment.success : o->stock.reserved},
        {"the pick-up", "I5", DS_AUDIT_ORDER, o->order.picked_up, o->order.picked_up_by,
         DS_AUDIT_DELIVERY, o->delivery.in_transit},
        {"the end", "I5", DS_AUDIT_ORDER, o->order.ended, o->order.ended_by, DS_AUDIT_DELIVERY,
         carried},
        {"the reservation, or its refusal,", "STATE", DS_AUDIT_INVENTORY, stock,
         o->stock.answered_by, DS_AUDIT_ORDER, o->order.created},
        {"what is committed", "I4", DS_AUDIT_INVENTORY, o->stock.committed, o->stock.committed_by,
         DS_AUDIT_ORDER, o->order.picked_up},
        {"what is returned", "I4", DS_AUDIT_INVENTORY, o->stock.returned, o->stock.returned_by,
         DS_AUDIT_ORDER, o->order.ended},
        {"the charge", "I3", DS_AUDIT_PAYMENT, o->payment.initiated, o->payment.initiated_by,
         DS_AUDIT_ORDER, o->order.requested},
        {"the cash", "I2", DS_AUDIT_PAYMENT, o->payment.is_cash ? o->payment.success : -1,
         o->payment.success_by, DS_AUDIT_ORDER, o->order.ended},
        {"the payment of nothing", "I3", DS_AUDIT_PAYMENT,
         o->payment.is_nothing ? o->payment.success : -1, o->payment.success_by, DS_AUDIT_ORDER,
         o->order.requested},
        {"the search for a courier", "I5", DS_AUDIT_DELIVERY, o->delivery.requested,
         o->delivery.requested_by, DS_AUDIT_ORDER, o->order.confirmed},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        judge(part, o, &reasons[i]);
}
