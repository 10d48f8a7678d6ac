/* What order.events says of an order: its way through the states, its lines and its total. */
#include "base/money.h"
#include "cli/audit/folds.h"
#include "decider/memory.h"

#include <inttypes.h>

/* The inputs of order by number. */
enum { BY_INVENTORY = 1, BY_PAYMENT = 2, BY_DELIVERY = 3 };

int64_t ds_audit_pieces_left(const struct ds_audit_order *order, int32_t line)
{
    for (size_t i = 0; i < order->order.line_count; i++)
        if (order->order.lines[i].line == line)
            return order->order.lines[i].ordered - order->order.lines[i].cancelled;
    return 0;
}

int64_t ds_audit_total_now(const struct ds_audit_order *order)
{
    int64_t total = order->order.fee_minor;
    for (size_t i = 0; i < order->order.line_count; i++) {
        const struct ds_audit_line *line = &order->order.lines[i];
        if (!ds_money_mul_add(total, line->price_minor, line->ordered - line->cancelled, &total))
            return -1;
    }
    return total;
}

static enum ds_audit_order_step step_of(const struct ds_order_event *e)
{
    const struct ds_order_cancel_requested *asked = &e->body.as.order_cancel_requested;
    switch (e->body.kind) {
    case DS_ORDER_EVENT_ORDER_CREATED:
        return DS_AUDIT_ON_CREATED;
    case DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED:
        return DS_AUDIT_ON_PAYMENT_REQUESTED;
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        return DS_AUDIT_ON_CONFIRMED;
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        return DS_AUDIT_ON_LINES_CANCELLED;
    case DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED:
        if (asked->scope == DS_CANCEL_SCOPE_LINES)
            return DS_AUDIT_ON_ASKED_LINES;
        return asked->by == DS_CANCEL_BY_STAFF ? DS_AUDIT_ON_ASKED_STAFF : DS_AUDIT_ON_ASKED;
    case DS_ORDER_EVENT_ORDER_CANCEL_REFUSED:
        return e->body.as.order_cancel_refused.scope == DS_CANCEL_SCOPE_LINES
                   ? DS_AUDIT_ON_LINES_REFUSED
                   : DS_AUDIT_ON_CANCEL_REFUSED;
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        return DS_AUDIT_ON_PICKED_UP;
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        return DS_AUDIT_ON_FULFILLED;
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        return e->body.as.order_cancelled.goods == DS_GOODS_NOT_TAKEN ? DS_AUDIT_ON_CANCELLED
                                                                      : DS_AUDIT_ON_CANCELLED_LATE;
    default:
        return DS_AUDIT_ON_REFUSED;
    }
}

static bool set_lines(struct ds_audit_part *part, struct ds_audit_order *order,
                      const struct ds_array_of_order_line *lines, ds_error_t *error)
{
    order->order.lines =
        ds_arena_calloc(part->arena, lines->count + 1, sizeof *order->order.lines, error);
    order->order.line_count = 0;
    if (order->order.lines == NULL)
        return false;
    for (size_t i = 0; i < lines->count; i++) {
        const struct ds_order_line *from = &lines->items[i];
        struct ds_audit_product *product = ds_audit_product_of(part, from->product_id, error);
        if (product == NULL)
            return false;
        order->order.lines[order->order.line_count++] = (struct ds_audit_line){
            from->line, product, from->quantity, 0, from->unit_price_minor, from->catalog_offset};
    }
    return true;
}

static void check_total(struct ds_audit_part *part, const struct ds_audit_event *event,
                        const struct ds_audit_order *order, int64_t total_minor)
{
    int64_t now = ds_audit_total_now(order);
    if (total_minor != now)
        ds_audit_found(part->report, "STATE", ds_audit_at(part, event, order->id),
                       "total %" PRId64 ", its lines come to %" PRId64, total_minor, now);
}

static bool create(struct ds_audit_part *part, const struct ds_audit_event *event,
                   struct ds_audit_order *order, ds_error_t *error)
{
    const struct ds_order_event *e = event->event;
    const struct ds_order_created *created = &e->body.as.order_created;

    order->order.method = created->payment_method;
    order->order.fee_minor = created->delivery_fee_minor;
    order->order.placed_at_us = created->placed_at;
    order->order.placed_minor = created->total_minor;
    order->order.created = event->offset;
    if (!set_lines(part, order, &created->lines, error))
        return false;
    check_total(part, event, order, created->total_minor);
    return true;
}

static void cancel_lines(struct ds_audit_part *part, const struct ds_audit_event *event,
                         struct ds_audit_order *order,
                         const struct ds_order_lines_cancelled *cancelled)
{
    for (size_t i = 0; i < cancelled->lines.count; i++) {
        const struct ds_line_quantity *item = &cancelled->lines.items[i];
        struct ds_audit_line *line = NULL;
        for (size_t k = 0; k < order->order.line_count; k++)
            if (order->order.lines[k].line == item->line)
                line = &order->order.lines[k];
        if (line != NULL && line->cancelled + item->quantity <= line->ordered &&
            item->quantity > 0) {
            line->cancelled += item->quantity;
            continue;
        }
        ds_audit_found(part->report, "STATE", ds_audit_at(part, event, order->id),
                       "%" PRId32 " pieces of line %" PRId32 " cancelled, it has %" PRId64,
                       item->quantity, item->line, ds_audit_pieces_left(order, item->line));
    }
    check_total(part, event, order, cancelled->total_minor);
}

static void confirm(struct ds_audit_part *part, const struct ds_audit_event *event,
                    struct ds_audit_order *order, const struct ds_order_confirmed *confirmed)
{
    order->order.confirmed = event->offset;
    order->order.confirmed_minor = confirmed->total_minor;
    check_total(part, event, order, confirmed->total_minor);
    ds_audit_note_reason(part, event, order,
                         order->order.method == DS_PAYMENT_METHOD_CARD ? BY_PAYMENT : BY_INVENTORY,
                         "I5", &order->order.confirmed_by);
}

static void end(const struct ds_audit_event *event, struct ds_audit_order *order)
{
    order->order.ended = event->offset;
    order->order.ended_at_us = ((const struct ds_event_head *)event->event)->meta.at;
}

static bool apply(struct ds_audit_part *part, const struct ds_audit_event *event,
                  struct ds_audit_order *order, ds_error_t *error)
{
    const struct ds_order_event *e = event->event;
    switch (e->body.kind) {
    case DS_ORDER_EVENT_ORDER_CREATED:
        return create(part, event, order, error);
    case DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED:
        order->order.requested = event->offset;
        order->order.requested_minor = e->body.as.order_payment_requested.total_minor;
        check_total(part, event, order, e->body.as.order_payment_requested.total_minor);
        ds_audit_note_reason(part, event, order, BY_INVENTORY, "STATE", &order->order.requested_by);
        break;
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        confirm(part, event, order, &e->body.as.order_confirmed);
        break;
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        cancel_lines(part, event, order, &e->body.as.order_lines_cancelled);
        break;
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        order->order.picked_up = event->offset;
        ds_audit_note_reason(part, event, order, BY_DELIVERY, "I5", &order->order.picked_up_by);
        break;
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        order->order.total_minor = e->body.as.order_fulfilled.total_minor;
        check_total(part, event, order, e->body.as.order_fulfilled.total_minor);
        ds_audit_note_reason(part, event, order, BY_DELIVERY, "I5", &order->order.ended_by);
        end(event, order);
        break;
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        order->order.goods = e->body.as.order_cancelled.goods;
        if (order->order.goods != DS_GOODS_NOT_TAKEN)
            ds_audit_note_reason(part, event, order, BY_DELIVERY, "I5", &order->order.ended_by);
        end(event, order);
        break;
    case DS_ORDER_EVENT_ORDER_REFUSED:
        end(event, order);
        break;
    default:
        break;
    }
    return true;
}

/* An id that a key led to again, after the processor forgot the first. */
static bool is_reborn(const struct ds_audit_order *order, const struct ds_order_event *e)
{
    return (e->body.kind == DS_ORDER_EVENT_ORDER_CREATED ||
            e->body.kind == DS_ORDER_EVENT_ORDER_REFUSED) &&
           order->order.ended >= 0 &&
           ds_audit_minus(e->meta.at, order->order.ended_at_us) >= DS_ORDER_MEMORY_US;
}

bool ds_audit_fold_order(struct ds_audit_part *part, const struct ds_audit_event *event,
                         ds_error_t *error)
{
    const struct ds_order_event *e = event->event;
    if (e->body.kind < DS_PROTOCOL_KINDS)
        return true;
    struct ds_audit_order *order =
        ds_audit_order_of(part, event, ds_schema_order_events.order_id(e), error);
    if (order == NULL)
        return false;
    if (!order->reborn && is_reborn(order, e)) {
        order->reborn = true;
        order->reborn_us = e->meta.at;
    }
    if (order->reborn)
        return true;
    enum ds_audit_order_state before = order->order.state;
    if (!ds_audit_follow_order(&order->order.state, step_of(e)))
        ds_audit_found(part->report, "STATE", ds_audit_at(part, event, order->id), "%s in state %s",
                       ds_schema_ce_type(&ds_schema_order_events, e),
                       ds_audit_order_state_text(before));
    return apply(part, event, order, error);
}
