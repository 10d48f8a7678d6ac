#include "processors/order/order_events.h"

#include "processors/order/order_lines.h"

static struct ds_order_event *add(ds_decision_t *decision, int32_t kind, ds_error_t *error)
{
    struct ds_order_event *event = ds_decision_add(decision, error);
    if (event != NULL)
        event->body.kind = kind;
    return event;
}

bool ds_order_emit_created(ds_decision_t *decision, const struct ds_place_order *place,
                           int64_t placed_at_us, int64_t reserve_by_us, ds_error_t *error)
{
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_CREATED, error);
    if (event == NULL)
        return false;
    event->body.as.order_created = (struct ds_order_created){
        .order_id = place->order_id,
        .store_id = place->store_id,
        .customer_id = place->customer_id,
        .lines = place->lines,
        .currency = place->currency,
        .subtotal_minor = place->subtotal_minor,
        .delivery_fee_minor = place->delivery_fee_minor,
        .total_minor = place->total_minor,
        .payment_method = place->payment_method,
        .has_payment_token = place->has_payment_token,
        .payment_token = place->payment_token,
        .personal = place->personal,
        .placed_at = placed_at_us,
        .reserve_by = reserve_by_us,
        .store_offset = place->store_offset,
        .has_store_place = place->has_store_place,
        .store_place = place->store_place,
        .has_hand_over_code = place->has_hand_over_code,
        .hand_over_code = place->hand_over_code,
    };
    return true;
}

bool ds_order_emit_refused(ds_decision_t *decision, const struct ds_place_order *place,
                           enum ds_refuse_reason reason, int64_t placed_at_us, ds_error_t *error)
{
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_REFUSED, error);
    if (event == NULL)
        return false;
    event->body.as.order_refused = (struct ds_order_refused){
        .order_id = place->order_id,
        .store_id = place->store_id,
        .customer_id = place->customer_id,
        .lines = place->lines,
        .currency = place->currency,
        .subtotal_minor = place->subtotal_minor,
        .delivery_fee_minor = place->delivery_fee_minor,
        .total_minor = place->total_minor,
        .payment_method = place->payment_method,
        .reason = reason,
        .placed_at = placed_at_us,
    };
    if (reason == DS_REFUSE_REASON_TOO_LARGE) {
        event->body.as.order_refused.lines.count = 0;
        event->body.as.order_refused.currency = DS_STR("");
    }
    return true;
}

bool ds_order_emit_payment_requested(ds_decision_t *decision, const struct ds_order *order,
                                     int64_t pay_by_us, ds_error_t *error)
{
    const struct ds_open_order_image *details = order->details;
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED, error);
    int64_t subtotal = 0;
    int64_t total = 0;

    if (event == NULL || !ds_order_sums(details, NULL, &subtotal, &total, error))
        return false;
    event->body.as.order_payment_requested = (struct ds_order_payment_requested){
        .order_id = order->id,
        .customer_id = order->customer_id,
        .total_minor = total,
        .currency = details->currency,
        .has_payment_token = details->has_payment_token,
        .payment_token = details->payment_token,
        .pay_by = pay_by_us,
    };
    return true;
}

bool ds_order_emit_confirmed(ds_decision_t *decision, const struct ds_order *order,
                             int64_t deliver_by_us, ds_error_t *error)
{
    const struct ds_open_order_image *details = order->details;
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_CONFIRMED, error);
    struct ds_array_of_line_quantity lines;
    int64_t subtotal = 0;
    int64_t total = 0;

    if (event == NULL || !ds_order_sums(details, NULL, &subtotal, &total, error) ||
        !ds_order_lines_left(details, ds_decision_arena(decision), &lines, error))
        return false;
    event->body.as.order_confirmed = (struct ds_order_confirmed){
        .order_id = order->id,
        .customer_id = order->customer_id,
        .lines = lines,
        .payment_method = details->payment_method,
        .total_minor = total,
        .currency = details->currency,
        .personal = details->personal,
        .placed_at = details->placed_at,
        .deliver_by = deliver_by_us,
        .has_store_place = details->has_store_place,
        .store_place = details->store_place,
        .has_hand_over_code = details->has_hand_over_code,
        .hand_over_code = details->hand_over_code,
    };
    return true;
}

bool ds_order_emit_lines_cancelled(ds_decision_t *decision, const struct ds_order *order,
                                   const struct ds_array_of_line_quantity *lines, ds_error_t *error)
{
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_LINES_CANCELLED, error);
    int64_t subtotal = 0;
    int64_t total = 0;

    if (event == NULL || !ds_order_sums(order->details, lines, &subtotal, &total, error))
        return false;
    event->body.as.order_lines_cancelled = (struct ds_order_lines_cancelled){
        .order_id = order->id,
        .lines = *lines,
        .subtotal_minor = subtotal,
        .total_minor = total,
        .currency = order->details->currency,
    };
    return true;
}

bool ds_order_emit_cancel_requested(ds_decision_t *decision, const struct ds_order *order,
                                    enum ds_cancel_by by,
                                    const struct ds_array_of_line_quantity *lines,
                                    const ds_str_t *note, ds_error_t *error)
{
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED, error);
    if (event == NULL)
        return false;
    struct ds_order_cancel_requested *body = &event->body.as.order_cancel_requested;
    body->order_id = order->id;
    body->scope = lines == NULL ? DS_CANCEL_SCOPE_ORDER : DS_CANCEL_SCOPE_LINES;
    body->by = by;
    body->has_note = note != NULL;
    if (note != NULL)
        body->note = *note;
    if (lines == NULL)
        return true;
    body->lines = *lines;
    body->has_lines_total_minor = true;
    return ds_order_lines_price(order->details, lines, &body->lines_total_minor, error);
}

bool ds_order_emit_cancel_refused(ds_decision_t *decision, const struct ds_order *order,
                                  enum ds_cancel_scope scope, ds_error_t *error)
{
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_CANCEL_REFUSED, error);
    if (event == NULL)
        return false;
    event->body.as.order_cancel_refused =
        (struct ds_order_cancel_refused){.order_id = order->id, .scope = scope};
    return true;
}

bool ds_order_emit_picked_up(ds_decision_t *decision, const struct ds_order *order,
                             ds_error_t *error)
{
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_PICKED_UP, error);
    if (event == NULL)
        return false;
    event->body.as.order_picked_up.order_id = order->id;
    return true;
}

bool ds_order_emit_fulfilled(ds_decision_t *decision, const struct ds_order *order,
                             ds_error_t *error)
{
    const struct ds_open_order_image *details = order->details;
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_FULFILLED, error);
    int64_t subtotal = 0;
    int64_t total = 0;

    if (event == NULL || !ds_order_sums(details, NULL, &subtotal, &total, error))
        return false;
    event->body.as.order_fulfilled = (struct ds_order_fulfilled){
        .order_id = order->id,
        .payment_method = details->payment_method,
        .total_minor = total,
        .currency = details->currency,
        .placed_at = details->placed_at,
    };
    return true;
}

bool ds_order_emit_cancelled(ds_decision_t *decision, const struct ds_order *order,
                             enum ds_cancel_reason reason, enum ds_goods goods,
                             const ds_str_t *note, ds_error_t *error)
{
    struct ds_order_event *event = add(decision, DS_ORDER_EVENT_ORDER_CANCELLED, error);
    if (event == NULL)
        return false;
    struct ds_order_cancelled *body = &event->body.as.order_cancelled;
    body->order_id = order->id;
    body->reason = reason;
    body->goods = goods;
    body->has_note = note != NULL;
    if (note != NULL)
        body->note = *note;
    return true;
}
