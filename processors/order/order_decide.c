#include "processors/order/order_decide.h"

#include "base/planted.h"
#include "processors/order/order_events.h"
#include "processors/order/order_lines.h"
#include "processors/order/order_place.h"

#include <assert.h>

/* One input on its way to events. */
struct step {
    const struct ds_order_settings *settings;
    const struct ds_input *input;
    const struct ds_order_command *command; /* NULL: not a command */
    const struct ds_order *order;           /* NULL: not known */
    ds_str_t order_id;
    enum ds_order_input what;
    enum ds_cancel_reason delivery_reason;         /* of delivery.cancelled */
    const struct ds_array_of_line_quantity *lines; /* the command's, or delivery's */
    const ds_str_t *note;                          /* NULL: none */
    int64_t now_us;
    ds_decision_t *decision;
};

static enum ds_order_state state_of(const struct ds_order *order)
{
    return order == NULL ? DS_ORDER_NONE : order->state;
}

/* Of the first line that was asked for, and is there. */
static const struct ds_open_line_image *line_of(const struct step *s)
{
    if (s->lines == NULL || s->lines->count == 0 || s->order == NULL || s->order->details == NULL)
        return NULL;
    for (size_t i = 0; i < s->order->details->lines.count; i++)
        if (s->order->details->lines.items[i].line == s->lines->items[0].line)
            return &s->order->details->lines.items[i];
    return NULL;
}

static bool facts_of(const struct step *s, ds_str_t *facts_out, ds_error_t *error)
{
    const struct ds_open_line_image *line = line_of(s);
    ds_arena_t *arena = ds_decision_arena(s->decision);
    const char *state = ds_order_state_name(state_of(s->order));

    if (line == NULL)
        return ds_arena_printf(arena, facts_out, error, "state=%s", state);
    return ds_arena_printf(arena, facts_out, error, "state=%s line=%d ordered=%d left=%d asked=%d",
                           state, (int)line->line, (int)line->ordered, (int)line->left,
                           (int)line->asked);
}

static bool reject(const struct step *s, const char *reason, ds_error_t *error)
{
    const char *operation = ds_schema_order_commands.ce_types[s->command->body.kind];
    ds_str_t facts;

    if (!ds_decision_reject(s->decision, s->order_id, ds_str(operation), reason, error) ||
        !facts_of(s, &facts, error))
        return false;
    ds_decision_facts(s->decision, facts);
    return true;
}

/* An order that is there already. The same customer's is a repeat, however old; the host knows
 * command ids for 24 h only. Another customer learns nothing but that the id is taken. */
static bool place_again(const struct step *s, ds_error_t *error)
{
    const struct ds_command_head *head = &s->command->head;
    const struct ds_place_order *place = &s->command->body.as.place_order;

    if (!ds_str_eq(s->order->customer_id, place->customer_id))
        return reject(s, "ORDER_EXISTS", error);
    if (DS_PLANTED(PLACE_TWICE))
        return ds_order_emit_created(s->decision, place, s->input->appended_us,
                                     s->now_us + s->settings->reserve_timeout_us, error);
    return ds_decision_repeat(s->decision, head->command_id,
                              ds_str_eq(s->order->body_hash, head->body_hash),
                              s->order->placed_offset, error);
}

static bool place_new(const struct step *s, ds_error_t *error)
{
    const struct ds_place_order *place = &s->command->body.as.place_order;
    int64_t placed_at_us = s->input->appended_us;
    enum ds_refuse_reason reason;

    if (!ds_order_place_has_name(place))
        return reject(s, "INVALID", error);
    if (!ds_order_place_fits(place))
        reason = DS_REFUSE_REASON_TOO_LARGE;
    else if (!ds_order_place_valid(place, &s->command->head.actor))
        reason = DS_REFUSE_REASON_INVALID;
    else if (s->order != NULL && ds_str_eq(s->order->customer_id, place->customer_id))
        reason = DS_REFUSE_REASON_CANCELLED_BEFORE_PLACED; /* a tombstone */
    else if (s->now_us - placed_at_us > s->settings->place_ttl_us)
        reason = DS_REFUSE_REASON_EXPIRED;
    else
        return ds_order_emit_created(s->decision, place, placed_at_us,
                                     s->now_us + s->settings->reserve_timeout_us, error);
    return ds_order_emit_refused(s->decision, place, reason, placed_at_us, error);
}

/* False: this input cancels nothing, whatever the table says. */
static bool cancel_reason(const struct step *s, enum ds_cancel_reason *reason_out)
{
    enum ds_order_state state = s->order->state;

    *reason_out = DS_CANCEL_REASON_BY_STAFF;
    switch (s->what) {
    case DS_ORDER_ON_STOCK_REJECTED:
        *reason_out = DS_CANCEL_REASON_OUT_OF_STOCK;
        return true;
    case DS_ORDER_ON_PAYMENT_FAILED:
        *reason_out = DS_CANCEL_REASON_PAYMENT_FAILED;
        return true;
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
        *reason_out = DS_CANCEL_REASON_BY_CUSTOMER;
        return true;
    case DS_ORDER_ON_CANCEL_BY_STAFF:
        *reason_out = DS_CANCEL_REASON_BY_STAFF;
        return true;
    case DS_ORDER_ON_TIMER:
        *reason_out = state == DS_ORDER_PAYING ? DS_CANCEL_REASON_PAYMENT_TIMEOUT
                                               : DS_CANCEL_REASON_RESERVE_TIMEOUT;
        return true;
    case DS_ORDER_ON_DELIVERY_CANCELLED:
        *reason_out = s->delivery_reason; /* delivery knows which of several ends came first */
        return true;
    case DS_ORDER_ON_RETURNED:
        *reason_out = state == DS_ORDER_RECALLING ? DS_CANCEL_REASON_RECALLED
                                                  : DS_CANCEL_REASON_NOT_DELIVERED;
        return true;
    case DS_ORDER_ON_LOST:
        *reason_out = DS_CANCEL_REASON_LOST;
        return true;
    case DS_ORDER_ON_PLACE:
    case DS_ORDER_ON_CANCEL_LINES:
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
    case DS_ORDER_ON_IN_TRANSIT:
    case DS_ORDER_ON_COMPLETED:
        break;
    }
    return false;
}

/* What a person wrote belongs to the cancellation only when it is that person's that came true. */
static const ds_str_t *note_for(const struct step *s, enum ds_cancel_reason reason)
{
    if (s->command != NULL)
        return s->note;
    if (!s->order->details->has_note ||
        (reason != DS_CANCEL_REASON_BY_CUSTOMER && reason != DS_CANCEL_REASON_BY_STAFF &&
         reason != DS_CANCEL_REASON_RECALLED))
        return NULL;
    return &s->order->details->note;
}

static bool cancel(const struct step *s, ds_error_t *error)
{
    enum ds_cancel_reason reason;
    enum ds_goods goods = s->what == DS_ORDER_ON_RETURNED ? DS_GOODS_RETURNED
                          : s->what == DS_ORDER_ON_LOST   ? DS_GOODS_LOST
                                                          : DS_GOODS_NOT_TAKEN;

    if (!cancel_reason(s, &reason))
        return ds_impossible(error, "state %d: input %d cancels the order, without a reason",
                             (int)s->order->state, (int)s->what);
    return ds_order_emit_cancelled(s->decision, s->order, reason, goods, note_for(s, reason),
                                   error);
}

static bool cancel_lines(const struct step *s, ds_error_t *error)
{
    struct ds_array_of_line_quantity lines;

    if (!ds_order_lines_clip(s->order->details, s->lines, ds_decision_arena(s->decision), &lines,
                             error))
        return false;
    return lines.count == 0 || ds_order_emit_lines_cancelled(s->decision, s->order, &lines, error);
}

static enum ds_cancel_by right_of(const struct step *s)
{
    if (s->what == DS_ORDER_ON_TIMER)
        return DS_CANCEL_BY_TIMER;
    return s->command->head.actor.kind == DS_ACTOR_KIND_CUSTOMER ? DS_CANCEL_BY_CUSTOMER
                                                                 : DS_CANCEL_BY_STAFF;
}

/* The pieces are gone: whoever asked for some of them gets an answer. */
static bool pick_up(const struct step *s, bool refuse_order, ds_error_t *error)
{
    if (!ds_order_emit_picked_up(s->decision, s->order, error))
        return false;
    if (refuse_order &&
        !ds_order_emit_cancel_refused(s->decision, s->order, DS_CANCEL_SCOPE_ORDER, error))
        return false;
    return !ds_order_lines_asked(s->order->details) ||
           ds_order_emit_cancel_refused(s->decision, s->order, DS_CANCEL_SCOPE_LINES, error);
}

static bool perform(const struct step *s, ds_error_t *error)
{
    struct ds_order_reaction reaction = ds_order_react(state_of(s->order), s->what);

    switch (reaction.action) {
    case DS_ORDER_PASS_OVER:
        return true;
    case DS_ORDER_REFUSE:
        return s->what == DS_ORDER_ON_PLACE ? place_again(s, error)
                                            : reject(s, reaction.refusal, error);
    case DS_ORDER_CREATE:
        return place_new(s, error);
    case DS_ORDER_REQUEST_PAYMENT:
        return ds_order_emit_payment_requested(s->decision, s->order,
                                               s->now_us + s->settings->payment_timeout_us, error);
    case DS_ORDER_CONFIRM:
        return ds_order_emit_confirmed(s->decision, s->order,
                                       s->now_us + s->settings->delivery_timeout_us, error);
    case DS_ORDER_CANCEL:
        return cancel(s, error);
    case DS_ORDER_CANCEL_LINES:
        return cancel_lines(s, error);
    case DS_ORDER_ASK:
        return ds_order_emit_cancel_requested(s->decision, s->order, right_of(s), NULL, s->note,
                                              error);
    case DS_ORDER_ASK_LINES:
        return ds_order_emit_cancel_requested(s->decision, s->order, right_of(s), s->lines, s->note,
                                              error);
    case DS_ORDER_PICK_UP:
        return pick_up(s, false, error);
    case DS_ORDER_PICK_UP_AND_REFUSE:
        return pick_up(s, true, error);
    case DS_ORDER_FULFIL:
        return ds_order_emit_fulfilled(s->decision, s->order, error);
    case DS_ORDER_FULFIL_AND_REFUSE:
        return ds_order_emit_fulfilled(s->decision, s->order, error) &&
               ds_order_emit_cancel_refused(s->decision, s->order, DS_CANCEL_SCOPE_ORDER, error);
    }
    assert(0 && "an action outside the enum");
    return false;
}

/* Somebody else's order is an unknown order. So is any order to a courier or a gateway. */
static bool is_stranger(const struct step *s)
{
    const struct ds_actor *actor = &s->command->head.actor;

    if (actor->kind == DS_ACTOR_KIND_CUSTOMER)
        return state_of(s->order) != DS_ORDER_NONE && !ds_str_eq(actor->id, s->order->customer_id);
    return actor->kind != DS_ACTOR_KIND_STAFF && actor->kind != DS_ACTOR_KIND_ADMIN;
}

static bool decide_cancel(struct step *s, ds_error_t *error)
{
    struct ds_array_of_line_quantity named;
    bool whole = false;

    if (is_stranger(s))
        return reject(s, "ORDER_UNKNOWN", error);
    if (s->command->body.kind == DS_ORDER_COMMAND_CANCEL_LINES &&
        ds_order_react(state_of(s->order), DS_ORDER_ON_CANCEL_LINES).action != DS_ORDER_REFUSE) {
        if (!ds_order_lines_resolve(s->order->details, s->lines, ds_decision_arena(s->decision),
                                    &named, error))
            return false;
        s->lines = &named;
        const char *refusal = ds_order_lines_judge(s->order->details, s->lines, &whole);
        if (refusal != NULL)
            return reject(s, refusal, error);
    }
    if (s->command->body.kind == DS_ORDER_COMMAND_CANCEL_LINES && !whole)
        s->what = DS_ORDER_ON_CANCEL_LINES;
    else
        s->what = s->command->head.actor.kind == DS_ACTOR_KIND_CUSTOMER
                      ? DS_ORDER_ON_CANCEL_BY_CUSTOMER
                      : DS_ORDER_ON_CANCEL_BY_STAFF;
    return perform(s, error);
}

static bool look_up(const struct ds_orders *orders, struct step *s, ds_str_t order_id,
                    ds_error_t *error)
{
    return ds_orders_view(orders, order_id, ds_decision_arena(s->decision), &s->order, error);
}

static bool decide_command(const struct ds_orders *orders, struct step *s, ds_error_t *error)
{
    const struct ds_order_command *command = s->input->message;

    s->command = command;
    switch (command->body.kind) {
    case DS_ORDER_COMMAND_PLACE_ORDER:
        s->order_id = command->body.as.place_order.order_id;
        if (!look_up(orders, s, s->order_id, error))
            return false;
        s->what = DS_ORDER_ON_PLACE;
        return perform(s, error);
    case DS_ORDER_COMMAND_CANCEL_ORDER:
        s->order_id = command->body.as.cancel_order.order_id;
        s->note =
            command->body.as.cancel_order.has_note ? &command->body.as.cancel_order.note : NULL;
        break;
    case DS_ORDER_COMMAND_CANCEL_LINES:
        s->order_id = command->body.as.cancel_lines.order_id;
        s->lines = &command->body.as.cancel_lines.lines;
        s->note =
            command->body.as.cancel_lines.has_note ? &command->body.as.cancel_lines.note : NULL;
        break;
    default: /* the decoder knows no other */
        return true;
    }
    if (!look_up(orders, s, s->order_id, error))
        return false;
    return decide_cancel(s, error);
}

static bool decide_timer(const struct ds_orders *orders, struct step *s, ds_error_t *error)
{
    const struct ds_timer *timer = &s->input->timer;

    if (!look_up(orders, s, timer->aggregate, error))
        return false;
    s->what = DS_ORDER_ON_TIMER;
    if (s->order == NULL || (int32_t)s->order->state != timer->kind ||
        s->order->due_us != timer->due_us)
        return true; /* cleared or moved since */
    if ((DS_PLANTED(NO_PAYMENT_DEADLINE) && s->order->state == DS_ORDER_PAYING) ||
        (DS_PLANTED(NO_SEARCH_DEADLINE) && s->order->state == DS_ORDER_CONFIRMED))
        return true;
    struct ds_context context = {
        .correlation_id = s->order->correlation_id,
        .actor = {.kind = DS_ACTOR_KIND_SYSTEM, .id = DS_STR("order")},
        .has_traceparent = s->order->traceparent.len > 0,
        .traceparent = s->order->traceparent,
    };
    ds_decision_set_context(s->decision, &context);
    return perform(s, error);
}

static bool decide_inventory(const struct ds_orders *orders, struct step *s, ds_error_t *error)
{
    const struct ds_inventory_event *event = s->input->message;

    if (!look_up(orders, s, ds_schema_inventory_events.order_id(event), error))
        return false;
    switch (event->body.kind) {
    case DS_INVENTORY_EVENT_INVENTORY_RESERVED:
        s->what = DS_ORDER_ON_RESERVED_CARD;
        if (s->order != NULL && s->order->details != NULL &&
            s->order->details->payment_method == DS_PAYMENT_METHOD_CASH_ON_DELIVERY)
            s->what = DS_ORDER_ON_RESERVED_CASH;
        return perform(s, error);
    case DS_INVENTORY_EVENT_INVENTORY_REJECTED:
        s->what = DS_ORDER_ON_STOCK_REJECTED;
        return perform(s, error);
    default: /* of no concern to an order */
        return true;
    }
}

static bool decide_payment(const struct ds_orders *orders, struct step *s, ds_error_t *error)
{
    const struct ds_payment_event *event = s->input->message;

    if (!look_up(orders, s, ds_schema_payment_events.order_id(event), error))
        return false;
    switch (event->body.kind) {
    case DS_PAYMENT_EVENT_PAYMENT_SUCCESS:
        /* A late one goes back, and its payment.failed was here before it: an order that still
         * waits has its id from one that is forgotten (ADR 31). */
        if (event->body.as.payment_success.late)
            return true;
        s->what = DS_ORDER_ON_PAYMENT_SUCCESS;
        return perform(s, error);
    case DS_PAYMENT_EVENT_PAYMENT_FAILED:
        s->what = DS_ORDER_ON_PAYMENT_FAILED;
        return perform(s, error);
    default: /* of no concern to an order */
        return true;
    }
}

static bool decide_delivery(const struct ds_orders *orders, struct step *s, ds_error_t *error)
{
    const struct ds_delivery_event *event = s->input->message;

    if (!look_up(orders, s, ds_schema_delivery_events.order_id(event), error))
        return false;
    switch (event->body.kind) {
    case DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED:
        s->what = DS_ORDER_ON_DELIVERY_LINES_CANCELLED;
        s->lines = &event->body.as.delivery_lines_cancelled.lines;
        return perform(s, error);
    case DS_DELIVERY_EVENT_DELIVERY_CANCELLED:
        s->what = DS_ORDER_ON_DELIVERY_CANCELLED;
        s->delivery_reason = event->body.as.delivery_cancelled.reason;
        return perform(s, error);
    case DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT:
        s->what = DS_ORDER_ON_IN_TRANSIT;
        return perform(s, error);
    case DS_DELIVERY_EVENT_DELIVERY_COMPLETED:
        s->what = DS_ORDER_ON_COMPLETED;
        return perform(s, error);
    case DS_DELIVERY_EVENT_DELIVERY_RETURNED:
        s->what = DS_ORDER_ON_RETURNED;
        return perform(s, error);
    case DS_DELIVERY_EVENT_DELIVERY_LOST:
        s->what = DS_ORDER_ON_LOST;
        return perform(s, error);
    default: /* of no concern to an order */
        return true;
    }
}

bool ds_orders_decide(const void *state, const struct ds_input *input, int64_t now_us,
                      ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_orders *orders = state;
    struct step s = {
        .settings = orders->settings, .input = input, .now_us = now_us, .decision = decision};

    if (input->kind == DS_INPUT_TIMER)
        return decide_timer(orders, &s, error);
    switch ((enum ds_order_input_number)input->number) {
    case DS_ORDER_INPUT_COMMANDS:
        return decide_command(orders, &s, error);
    case DS_ORDER_INPUT_INVENTORY:
        return decide_inventory(orders, &s, error);
    case DS_ORDER_INPUT_PAYMENT:
        return decide_payment(orders, &s, error);
    case DS_ORDER_INPUT_DELIVERY:
        return decide_delivery(orders, &s, error);
    }
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_INVALID, "order: input %d is not its own",
                        (int)input->number);
}
