/* What order's events and the deadlines lead to. What couriers and staff ask: delivery_command.c.
 */
#include "processors/delivery/delivery_decide.h"

#include "base/money.h"
#include "base/planted.h"
#include "processors/delivery/delivery_events.h"
#include "processors/delivery/delivery_match.h"

typedef struct ds_delivery_event event_t;

static enum ds_delivery_state state_of(const struct ds_delivery *delivery)
{
    return delivery == NULL ? DS_DELIVERY_NONE : delivery->state;
}

/* ---- shared with the commands */

bool ds_decide_offer_not_taken(const struct ds_dispatch *dispatch,
                               const struct ds_delivery *delivery, enum ds_offer_end reason,
                               int64_t now_us, ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_courier *courier = delivery->courier;
    struct ds_match match;
    ds_match_init(&match, dispatch, decision, now_us, delivery->order_id);
    ds_match_courier(&match, courier, -1, courier->online);
    ds_match_waiting(&match, delivery, true, courier);
    return ds_add_offer_ended(decision, delivery, reason, error) && ds_match_run(&match, error);
}

bool ds_decide_not_fetched(const struct ds_dispatch *dispatch, const struct ds_delivery *delivery,
                           enum ds_unassign_reason reason, int64_t now_us, ds_decision_t *decision,
                           ds_error_t *error)
{
    const struct ds_courier *courier = delivery->courier;
    struct ds_match match;
    ds_match_init(&match, dispatch, decision, now_us, delivery->order_id);
    ds_match_courier(&match, courier, -1, false);
    ds_match_waiting(&match, delivery, true, courier);
    return ds_add_unassigned(decision, delivery, reason, error) &&
           ds_add_going_offline(&match, courier, delivery, error) && ds_match_run(&match, error);
}

bool ds_decide_courier_freed(const struct ds_dispatch *dispatch, const struct ds_delivery *delivery,
                             int64_t now_us, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_match match;
    if (delivery->courier == NULL)
        return true;
    ds_match_init(&match, dispatch, decision, now_us, delivery->order_id);
    ds_match_courier(&match, delivery->courier, -1, delivery->courier->online);
    ds_match_waiting(&match, delivery, false, NULL);
    return ds_match_run(&match, error);
}

/* ---- order.events */

static bool decide_confirmed(const struct ds_dispatch *dispatch,
                             const struct ds_order_confirmed *confirmed, int64_t now_us,
                             ds_decision_t *decision, ds_error_t *error)
{
    enum ds_delivery_state state = state_of(ds_dispatch_delivery(dispatch, confirmed->order_id));
    struct ds_match match;

    if (ds_delivery_step(state, DS_DELIVERY_ON_CONFIRMED).verdict != DS_DELIVERY_DO)
        return true;
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_REQUESTED;
    struct ds_delivery_requested *requested = &event->body.as.delivery_requested;
    requested->order_id = confirmed->order_id;
    requested->customer_id = confirmed->customer_id;
    requested->lines = confirmed->lines;
    requested->payment_method = confirmed->payment_method;
    requested->total_minor = confirmed->total_minor;
    requested->currency = confirmed->currency;
    requested->personal = confirmed->personal;
    requested->placed_at = confirmed->placed_at;
    requested->search_until = now_us + dispatch->settings->search_timeout_us;
    requested->has_store_place = confirmed->has_store_place;
    requested->store_place = confirmed->store_place;
    requested->has_hand_over_code = confirmed->has_hand_over_code;
    requested->hand_over_code = confirmed->hand_over_code;
    ds_match_init(&match, dispatch, decision, now_us, confirmed->order_id);
    match.requested = requested;
    return ds_match_run(&match, error);
}

static enum ds_cancel_reason reason_of(enum ds_cancel_by by)
{
    switch (by) {
    case DS_CANCEL_BY_CUSTOMER:
        return DS_CANCEL_REASON_BY_CUSTOMER;
    case DS_CANCEL_BY_STAFF:
        return DS_CANCEL_REASON_BY_STAFF;
    case DS_CANCEL_BY_TIMER:
        break;
    }
    return DS_CANCEL_REASON_DELIVERY_LATE;
}

static bool add_recalled(const struct ds_dispatch *dispatch, const struct ds_delivery *delivery,
                         int64_t now_us, ds_decision_t *decision, ds_error_t *error)
{
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_RECALLED;
    event->body.as.delivery_recalled = (struct ds_delivery_recalled){
        delivery->order_id, delivery->courier->id, now_us + dispatch->settings->lost_us};
    return true;
}

static bool decide_cancel_order(const struct ds_dispatch *dispatch,
                                const struct ds_order_cancel_requested *asked, int64_t now_us,
                                ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_delivery *delivery = ds_dispatch_delivery(dispatch, asked->order_id);
    enum ds_delivery_input input =
        asked->by == DS_CANCEL_BY_STAFF ? DS_DELIVERY_ON_CANCEL_BY_STAFF : DS_DELIVERY_ON_CANCEL;
    struct ds_delivery_step step = ds_delivery_step(state_of(delivery), input);
    if (step.effect == DS_DELIVERY_CANCEL)
        return ds_add_cancelled(decision, delivery, reason_of(asked->by), error) &&
               ds_decide_courier_freed(dispatch, delivery, now_us, decision, error);
    if (step.effect == DS_DELIVERY_RECALL)
        return add_recalled(dispatch, delivery, now_us, decision, error);
    return true;
}

/* How many pieces of a line are to be cancelled: never more than are carried. */
static int32_t pieces_off(const struct ds_line_quantity *line,
                          const struct ds_array_of_line_quantity *asked)
{
    int64_t off = 0;
    for (size_t i = 0; i < asked->count; i++)
        if (asked->items[i].line == line->line && asked->items[i].quantity > 0)
            off += asked->items[i].quantity;
    return off < line->quantity ? (int32_t)off : line->quantity;
}

/* What is left to pay. Not known where order did not say what the lines cost, or where not all that
 * it asked for is carried. */
static bool total_without(const struct ds_delivery *delivery,
                          const struct ds_order_cancel_requested *asked,
                          const struct ds_array_of_line_quantity *off, int64_t *total_out)
{
    int64_t pieces = 0;

    for (size_t i = 0; i < asked->lines.count; i++)
        pieces += asked->lines.items[i].quantity;
    for (size_t i = 0; i < off->count; i++)
        pieces -= off->items[i].quantity;
    if (!delivery->total_known || !asked->has_lines_total_minor || pieces != 0 ||
        DS_PLANTED(CASH_UNTOLD))
        return false;
    return ds_money_sub(delivery->total_minor, asked->lines_total_minor, total_out);
}

static bool decide_cancel_lines(const struct ds_dispatch *dispatch,
                                const struct ds_order_cancel_requested *asked,
                                ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_delivery *delivery = ds_dispatch_delivery(dispatch, asked->order_id);
    struct ds_delivery_step step =
        ds_delivery_step(state_of(delivery), DS_DELIVERY_ON_CANCEL_LINES);
    struct ds_array_of_line_quantity off = {NULL, 0};

    if (step.effect != DS_DELIVERY_CANCEL_LINES)
        return true;
    off.items = ds_arena_calloc(ds_decision_arena(decision), delivery->lines.count + 1,
                                sizeof *off.items, error);
    if (off.items == NULL)
        return false;
    for (size_t k = 0; k < delivery->lines.count; k++) {
        struct ds_line_quantity line = delivery->lines.items[k];
        line.quantity = pieces_off(&line, &asked->lines);
        if (line.quantity > 0)
            off.items[off.count++] = line;
    }
    if (off.count == 0)
        return true;
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED;
    struct ds_delivery_lines_cancelled *cancelled = &event->body.as.delivery_lines_cancelled;
    cancelled->order_id = delivery->order_id;
    cancelled->lines = off;
    cancelled->has_total_minor = total_without(delivery, asked, &off, &cancelled->total_minor);
    return true;
}

static bool decide_order_event(const struct ds_dispatch *dispatch,
                               const struct ds_order_event *event, int64_t now_us,
                               ds_decision_t *decision, ds_error_t *error)
{
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        return decide_confirmed(dispatch, &event->body.as.order_confirmed, now_us, decision, error);
    case DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED:
        if (event->body.as.order_cancel_requested.scope == DS_CANCEL_SCOPE_LINES)
            return decide_cancel_lines(dispatch, &event->body.as.order_cancel_requested, decision,
                                       error);
        return decide_cancel_order(dispatch, &event->body.as.order_cancel_requested, now_us,
                                   decision, error);
    default: /* the rest of order.events is not delivery's business (CHOREOGRAPHY section 2) */
        return true;
    }
}

/* ---- deadlines */

static bool decide_silent(const struct ds_dispatch *dispatch, const struct ds_delivery *delivery,
                          int64_t now_us, ds_decision_t *decision, ds_error_t *error)
{
    int64_t lost_us = dispatch->settings->lost_us;
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT;
    struct ds_delivery_courier_silent *silent = &event->body.as.delivery_courier_silent;
    silent->order_id = delivery->order_id;
    silent->courier_id = delivery->courier->id;
    /* However often it is heard of again, the goods are not out for ever. */
    silent->lost_at = (now_us < delivery->late_at ? now_us : delivery->late_at) + lost_us;
    return true;
}

static bool decide_lost(const struct ds_dispatch *dispatch, const struct ds_delivery *delivery,
                        int64_t now_us, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_match match;
    ds_match_init(&match, dispatch, decision, now_us, delivery->order_id);
    ds_match_courier(&match, delivery->courier, -1, false);
    return ds_add_lost(decision, delivery, error) &&
           ds_add_going_offline(&match, delivery->courier, delivery, error) &&
           ds_match_run(&match, error);
}

/* A pause after a refusal is over. Too late for an offer, the search is over as well. */
static bool decide_retry(const struct ds_dispatch *dispatch, const struct ds_delivery *delivery,
                         int64_t now_us, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_match match;
    if (delivery->state != DS_DELIVERY_SEARCHING)
        return true;
    if (delivery->search_until <= now_us)
        return ds_add_cancelled(decision, delivery, DS_CANCEL_REASON_NO_COURIER, error);
    ds_match_init(&match, dispatch, decision, now_us, delivery->order_id);
    return ds_match_run(&match, error);
}

static bool decide_timer(const struct ds_dispatch *dispatch, const struct ds_timer *timer,
                         int64_t now_us, ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_delivery *delivery = ds_dispatch_delivery(dispatch, timer->aggregate);
    if (delivery == NULL)
        return true;
    struct ds_context context = ds_delivery_context(delivery);
    ds_decision_set_context(decision, &context);
    if (timer->kind == DS_DELIVERY_TIMER_RETRY)
        return decide_retry(dispatch, delivery, now_us, decision, error);
    if (timer->kind != (int32_t)delivery->state || timer->due_us != delivery->due_us)
        return true; /* of a state it has left */
    if ((DS_PLANTED(NO_SEARCH_DEADLINE) && delivery->state == DS_DELIVERY_SEARCHING) ||
        (DS_PLANTED(NO_RETURN_DEADLINE) && delivery->state == DS_DELIVERY_RETURNING))
        return true;
    switch (ds_delivery_step(delivery->state, DS_DELIVERY_ON_TIMER).effect) {
    case DS_DELIVERY_CANCEL:
        return ds_add_cancelled(decision, delivery, DS_CANCEL_REASON_NO_COURIER, error);
    case DS_DELIVERY_END_OFFER:
        return ds_decide_offer_not_taken(dispatch, delivery, DS_OFFER_END_EXPIRED, now_us, decision,
                                         error);
    case DS_DELIVERY_UNASSIGN:
        return ds_decide_not_fetched(dispatch, delivery, DS_UNASSIGN_REASON_NOT_PICKED_UP, now_us,
                                     decision, error);
    case DS_DELIVERY_FALL_SILENT:
        return decide_silent(dispatch, delivery, now_us, decision, error);
    case DS_DELIVERY_LOSE:
        return decide_lost(dispatch, delivery, now_us, decision, error);
    default: /* no other effect in the column of the timer */
        return true;
    }
}

bool ds_delivery_decide(const struct ds_dispatch *dispatch, const struct ds_input *input,
                        int64_t now_us, ds_decision_t *decision, ds_error_t *error)
{
    switch (input->kind) {
    case DS_INPUT_COMMAND:
        return ds_delivery_command_decide(dispatch, input->message, now_us, decision, error);
    case DS_INPUT_EVENT:
        return decide_order_event(dispatch, input->message, now_us, decision, error);
    case DS_INPUT_TIMER:
        return decide_timer(dispatch, &input->timer, now_us, decision, error);
    }
    return true;
}
