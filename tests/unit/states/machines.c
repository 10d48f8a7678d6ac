#include "machines.h"

#include "processors/delivery/courier_table.h"
#include "processors/delivery/delivery.h"
#include "processors/delivery/delivery_table.h"
#include "processors/inventory/reservation.h"
#include "processors/order/order.h"
#include "processors/order/order_table.h"
#include "processors/payment/payment.h"
#include "processors/payment/payment_table.h"

#include <assert.h>

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static struct machine_step no_row(int state, const char *refusal)
{
    return (struct machine_step){false, "", state, refusal};
}

/* ---- order */

static const char *const order_states[] = {
    [DS_ORDER_NONE] = "NONE",           [DS_ORDER_RESERVING] = "RESERVING",
    [DS_ORDER_PAYING] = "PAYING",       [DS_ORDER_CONFIRMED] = "CONFIRMED",
    [DS_ORDER_STOPPING] = "STOPPING",   [DS_ORDER_STOPPING_STAFF] = "STOPPING_STAFF",
    [DS_ORDER_PICKED_UP] = "PICKED_UP", [DS_ORDER_RECALLING] = "RECALLING",
    [DS_ORDER_FULFILLED] = "FULFILLED", [DS_ORDER_CANCELLED] = "CANCELLED",
};
static_assert(COUNT(order_states) == DS_ORDER_STATES, "a state without a name");

static const char *const order_inputs[] = {
    [DS_ORDER_ON_PLACE] = "place",
    [DS_ORDER_ON_CANCEL_BY_CUSTOMER] = "cancel (customer)",
    [DS_ORDER_ON_CANCEL_BY_STAFF] = "cancel (staff)",
    [DS_ORDER_ON_CANCEL_LINES] = "cancel_lines",
    [DS_ORDER_ON_TIMER] = "timer",
    [DS_ORDER_ON_RESERVED_CARD] = "inventory.reserved (card)",
    [DS_ORDER_ON_RESERVED_CASH] = "inventory.reserved (cash)",
    [DS_ORDER_ON_STOCK_REJECTED] = "inventory.rejected",
    [DS_ORDER_ON_PAYMENT_SUCCESS] = "payment.success",
    [DS_ORDER_ON_PAYMENT_FAILED] = "payment.failed",
    [DS_ORDER_ON_DELIVERY_LINES_CANCELLED] = "delivery.lines_cancelled",
    [DS_ORDER_ON_DELIVERY_CANCELLED] = "delivery.cancelled",
    [DS_ORDER_ON_IN_TRANSIT] = "delivery.in_transit",
    [DS_ORDER_ON_COMPLETED] = "delivery.completed",
    [DS_ORDER_ON_RETURNED] = "delivery.returned",
    [DS_ORDER_ON_LOST] = "delivery.lost",
};
static_assert(COUNT(order_inputs) == DS_ORDER_INPUTS, "an input without a name");

/* What each action writes. -1: nothing more. */
static const struct {
    const char *events;
    int effects[2];
} order_actions[] = {
    [DS_ORDER_CREATE] = {"order.created", {DS_ORDER_WAS_CREATED, -1}},
    [DS_ORDER_REQUEST_PAYMENT] = {"order.payment_requested", {DS_ORDER_PAYMENT_WAS_REQUESTED, -1}},
    [DS_ORDER_CONFIRM] = {"order.confirmed", {DS_ORDER_WAS_CONFIRMED, -1}},
    [DS_ORDER_CANCEL] = {"order.cancelled", {DS_ORDER_WAS_CANCELLED, -1}},
    [DS_ORDER_CANCEL_LINES] = {"order.lines_cancelled", {DS_ORDER_LINES_WERE_CANCELLED, -1}},
    [DS_ORDER_ASK] = {"order.cancel_requested", {DS_ORDER_CANCEL_WAS_ASKED, -1}},
    [DS_ORDER_ASK_LINES] = {"order.cancel_requested", {DS_ORDER_LINES_WERE_ASKED, -1}},
    [DS_ORDER_PICK_UP] = {"order.picked_up", {DS_ORDER_WAS_PICKED_UP, -1}},
    [DS_ORDER_PICK_UP_AND_REFUSE] = {"order.picked_up, order.cancel_refused",
                                     {DS_ORDER_WAS_PICKED_UP, DS_ORDER_CANCEL_WAS_REFUSED}},
    [DS_ORDER_FULFIL] = {"order.fulfilled", {DS_ORDER_WAS_FULFILLED, -1}},
    [DS_ORDER_FULFIL_AND_REFUSE] = {"order.fulfilled, order.cancel_refused",
                                    {DS_ORDER_WAS_FULFILLED, DS_ORDER_CANCEL_WAS_REFUSED}},
};

static struct machine_step order_step(int state, int input)
{
    struct ds_order_reaction reaction =
        ds_order_react((enum ds_order_state)state, (enum ds_order_input)input);
    enum ds_order_state next = (enum ds_order_state)state;

    if (reaction.action == DS_ORDER_PASS_OVER || reaction.action == DS_ORDER_REFUSE)
        return no_row(state, reaction.refusal);
    for (int i = 0; i < 2 && order_actions[reaction.action].effects[i] >= 0; i++) {
        int effect = order_actions[reaction.action].effects[i];
        if (effect == DS_ORDER_CANCEL_WAS_ASKED && input == DS_ORDER_ON_CANCEL_BY_STAFF)
            effect = DS_ORDER_CANCEL_WAS_ASKED_BY_STAFF;
        next = ds_order_follow(next, (enum ds_order_effect)effect);
    }
    return (struct machine_step){true, order_actions[reaction.action].events, (int)next, NULL};
}

/* ---- payment */

static const char *const payment_states[] = {
    [DS_PAYMENT_NONE] = "NONE",
    [DS_PAYMENT_CHARGING] = "CHARGING",
    [DS_PAYMENT_SETTLED] = "SETTLED",
    [DS_PAYMENT_REFUNDING] = "REFUNDING",
    [DS_PAYMENT_REFUND_WAIT] = "REFUND_WAIT",
    [DS_PAYMENT_FAILED] = "FAILED",
};
static_assert(COUNT(payment_states) == DS_PAYMENT_STATES, "a state without a name");

static const char *const payment_inputs[] = {
    [DS_PAYMENT_ON_REQUESTED] = "order.payment_requested",
    [DS_PAYMENT_ON_NOTHING_REQUESTED] = "order.payment_requested (of nothing)",
    [DS_PAYMENT_ON_FULFILLED_CASH] = "order.fulfilled (cash)",
    [DS_PAYMENT_ON_LESS_DUE] = "less is due",
    [DS_PAYMENT_ON_CHARGED_EXACT] = "charge_ok (captured as much as is due)",
    [DS_PAYMENT_ON_CHARGED_MORE] = "charge_ok (captured more than is due)",
    [DS_PAYMENT_ON_CHARGED_SHORT] = "charge_ok (captured less than is due)",
    [DS_PAYMENT_ON_CHARGE_FAILED] = "charge_failed",
    [DS_PAYMENT_ON_REFUNDED] = "refund_ok (kept as much as is due)",
    [DS_PAYMENT_ON_REFUNDED_SHORT] = "refund_ok (still kept more than is due)",
    [DS_PAYMENT_ON_REFUND_FAILED] = "refund_failed",
    [DS_PAYMENT_ON_OTHER_REFUND] = "report on another refund",
    [DS_PAYMENT_ON_TIMER] = "timer",
};
static_assert(COUNT(payment_inputs) == DS_PAYMENT_INPUTS, "an input without a name");

static const struct {
    const char *events;
    int effects[3];
} payment_actions[] = {
    [DS_PAYMENT_INITIATE] = {"payment.initiated", {DS_PAYMENT_WAS_INITIATED, -1}},
    [DS_PAYMENT_BOOK_NOTHING] = {"payment.success", {DS_PAYMENT_HAS_SUCCEEDED, -1}},
    [DS_PAYMENT_BOOK_CASH] = {"payment.success", {DS_PAYMENT_HAS_SUCCEEDED, -1}},
    [DS_PAYMENT_SUCCEED] = {"payment.success", {DS_PAYMENT_HAS_SUCCEEDED, -1}},
    [DS_PAYMENT_SUCCEED_AND_REFUND] = {"payment.success, payment.refund_initiated",
                                       {DS_PAYMENT_HAS_SUCCEEDED, DS_PAYMENT_REFUND_WAS_INITIATED,
                                        -1}},
    [DS_PAYMENT_FAIL] = {"payment.failed", {DS_PAYMENT_HAS_FAILED, -1}},
    [DS_PAYMENT_FAIL_AND_GIVE_BACK] = {"payment.failed, payment.success, payment.refund_initiated",
                                       {DS_PAYMENT_HAS_FAILED, DS_PAYMENT_HAS_SUCCEEDED,
                                        DS_PAYMENT_REFUND_WAS_INITIATED}},
    [DS_PAYMENT_CHANGE_DUE] = {"payment.due_changed", {DS_PAYMENT_DUE_HAS_CHANGED, -1}},
    [DS_PAYMENT_REFUND] = {"payment.refund_initiated", {DS_PAYMENT_REFUND_WAS_INITIATED, -1}},
    [DS_PAYMENT_BOOK_REFUND] = {"payment.refunded", {DS_PAYMENT_WAS_REFUNDED, -1}},
    [DS_PAYMENT_BOOK_REFUND_AND_REFUND] = {"payment.refunded, payment.refund_initiated",
                                           {DS_PAYMENT_WAS_REFUNDED,
                                            DS_PAYMENT_REFUND_WAS_INITIATED, -1}},
    [DS_PAYMENT_NOTE_REFUND_FAILED] = {"payment.refund_failed", {DS_PAYMENT_REFUND_HAS_FAILED, -1}},
};

static struct machine_step payment_step(int state, int input)
{
    struct ds_payment_reaction reaction =
        ds_payment_react((enum ds_payment_state)state, (enum ds_payment_input)input);
    enum ds_payment_state next = (enum ds_payment_state)state;

    if (reaction.action == DS_PAYMENT_PASS_OVER || reaction.action == DS_PAYMENT_REFUSE)
        return no_row(state, reaction.refusal);
    for (int i = 0; i < 3 && payment_actions[reaction.action].effects[i] >= 0; i++)
        next = ds_payment_follow(
            next, (enum ds_payment_effect)payment_actions[reaction.action].effects[i]);
    return (struct machine_step){true, payment_actions[reaction.action].events, (int)next, NULL};
}

/* ---- inventory */

static const char *const reservation_states[] = {
    [DS_RESERVATION_NONE] = "NONE",         [DS_RESERVATION_HELD] = "HELD",
    [DS_RESERVATION_RELEASED] = "RELEASED", [DS_RESERVATION_COMMITTED] = "COMMITTED",
    [DS_RESERVATION_RETURNED] = "RETURNED",
};
static_assert(COUNT(reservation_states) == DS_RESERVATION_STATES, "a state without a name");

static const char *const reservation_inputs[] = {
    [DS_RESERVATION_CREATED_ENOUGH] = "order.created (enough of all)",
    [DS_RESERVATION_CREATED_SHORT] = "order.created (short of one)",
    [DS_RESERVATION_LINES_CANCELLED] = "order.lines_cancelled",
    [DS_RESERVATION_CANCELLED] = "order.cancelled",
    [DS_RESERVATION_CANCELLED_LOST] = "order.cancelled (goods lost)",
    [DS_RESERVATION_PICKED_UP] = "order.picked_up",
};
static_assert(COUNT(reservation_inputs) == DS_RESERVATION_INPUTS, "an input without a name");

static const char *const reservation_events[] = {
    [DS_RESERVATION_RESERVE] = "inventory.reserved",
    [DS_RESERVATION_REJECT] = "inventory.rejected",
    [DS_RESERVATION_RELEASE_LINES] = "inventory.released",
    [DS_RESERVATION_RELEASE_REST] = "inventory.released",
    [DS_RESERVATION_COMMIT_REST] = "inventory.committed",
    [DS_RESERVATION_RETURN_ALL] = "inventory.returned",
};

static struct machine_step reservation_step(int state, int input)
{
    struct ds_reservation_step step =
        ds_reservation_step((enum ds_reservation_state)state, (enum ds_reservation_input)input);
    if (step.effect == DS_RESERVATION_PASS)
        return no_row(state, NULL);
    return (struct machine_step){true, reservation_events[step.effect], (int)step.next, NULL};
}

/* ---- delivery */

static const char *const delivery_states[] = {
    [DS_DELIVERY_NONE] = "NONE",
    [DS_DELIVERY_SEARCHING] = "SEARCHING",
    [DS_DELIVERY_OFFERED] = "OFFERED",
    [DS_DELIVERY_ASSIGNED] = "ASSIGNED",
    [DS_DELIVERY_IN_TRANSIT] = "IN_TRANSIT",
    [DS_DELIVERY_SILENT] = "SILENT",
    [DS_DELIVERY_RETURNING] = "RETURNING",
    [DS_DELIVERY_COMPLETED] = "COMPLETED",
    [DS_DELIVERY_CANCELLED] = "CANCELLED",
    [DS_DELIVERY_RETURNED] = "RETURNED",
    [DS_DELIVERY_LOST] = "LOST",
};
static_assert(COUNT(delivery_states) == DS_DELIVERY_STATES, "a state without a name");

static const char *const delivery_inputs[] = {
    [DS_DELIVERY_ON_CONFIRMED] = "order.confirmed",
    [DS_DELIVERY_ON_CANCEL] = "order.cancel_requested (customer or timer)",
    [DS_DELIVERY_ON_CANCEL_BY_STAFF] = "order.cancel_requested (staff)",
    [DS_DELIVERY_ON_CANCEL_LINES] = "order.cancel_requested (lines)",
    [DS_DELIVERY_ON_FOUND] = "a courier with room",
    [DS_DELIVERY_ON_TIMER] = "timer",
    [DS_DELIVERY_ON_WENT_OFFLINE] = "go_offline",
    [DS_DELIVERY_ON_SEEN] = "seen",
    [DS_DELIVERY_ON_ACCEPT] = "accept",
    [DS_DELIVERY_ON_DECLINE] = "decline",
    [DS_DELIVERY_ON_GIVE_BACK] = "give_back",
    [DS_DELIVERY_ON_PICK_UP] = "pick_up",
    [DS_DELIVERY_ON_ARRIVE] = "arrive",
    [DS_DELIVERY_ON_HAND_OVER] = "hand_over",
    [DS_DELIVERY_ON_FAILED_AGAIN] = "attempt_failed (not the last)",
    [DS_DELIVERY_ON_FAILED_LAST] = "attempt_failed (the last)",
    [DS_DELIVERY_ON_REASSIGN] = "reassign (staff)",
    [DS_DELIVERY_ON_BACK_AT_STORE] = "back_at_store (staff)",
};
static_assert(COUNT(delivery_inputs) == DS_DELIVERY_INPUTS, "an input without a name");

static const char *const delivery_events[] = {
    [DS_DELIVERY_REQUEST] = "delivery.requested",
    [DS_DELIVERY_OFFER] = "delivery.offered",
    [DS_DELIVERY_END_OFFER] = "delivery.offer_ended",
    [DS_DELIVERY_ASSIGN] = "delivery.assigned",
    [DS_DELIVERY_UNASSIGN] = "delivery.unassigned",
    [DS_DELIVERY_REASSIGN] = "delivery.reassigned",
    [DS_DELIVERY_CANCEL_LINES] = "delivery.lines_cancelled",
    [DS_DELIVERY_CANCEL] = "delivery.cancelled",
    [DS_DELIVERY_START] = "delivery.in_transit",
    [DS_DELIVERY_ARRIVE] = "delivery.arrived",
    [DS_DELIVERY_FAIL] = "delivery.failed",
    [DS_DELIVERY_FALL_SILENT] = "delivery.courier_silent",
    [DS_DELIVERY_LIFT_SILENCE] = "courier.seen",
    [DS_DELIVERY_RECALL] = "delivery.recalled",
    [DS_DELIVERY_COMPLETE] = "delivery.completed",
    [DS_DELIVERY_TAKE_BACK] = "delivery.returned",
    [DS_DELIVERY_LOSE] = "delivery.lost",
};

static struct machine_step delivery_step(int state, int input)
{
    struct ds_delivery_step step =
        ds_delivery_step((enum ds_delivery_state)state, (enum ds_delivery_input)input);
    if (step.verdict != DS_DELIVERY_DO)
        return no_row(state, step.verdict == DS_DELIVERY_REFUSE ? step.reason : NULL);
    return (struct machine_step){true, delivery_events[step.effect], (int)step.next, NULL};
}

/* ---- courier */

static const char *const courier_states[] = {
    [DS_COURIER_OFFLINE] = "OFFLINE",
    [DS_COURIER_FREE] = "FREE",
    [DS_COURIER_OFFERED] = "OFFERED",
    [DS_COURIER_BUSY] = "BUSY",
};
static_assert(COUNT(courier_states) == DS_COURIER_STATES, "a state without a name");

static const char *const courier_inputs[] = {
    [DS_COURIER_ON_GO_ONLINE] = "go_online",
    [DS_COURIER_ON_GO_OFFLINE] = "go_offline",
    [DS_COURIER_ON_OFFERED] = "delivery.offered",
    [DS_COURIER_ON_OFFER_ENDED] = "delivery.offer_ended",
    [DS_COURIER_ON_ASSIGNED] = "delivery.assigned",
    [DS_COURIER_ON_UNASSIGNED] = "delivery.unassigned",
    [DS_COURIER_ON_CANCELLED] = "delivery.cancelled",
    [DS_COURIER_ON_COMPLETED] = "delivery.completed",
    [DS_COURIER_ON_RETURNED] = "delivery.returned",
    [DS_COURIER_ON_LOST] = "delivery.lost",
    [DS_COURIER_ON_REASSIGNED_AWAY] = "delivery.reassigned (away from it)",
    [DS_COURIER_ON_REASSIGNED_TO] = "delivery.reassigned (to it)",
};
static_assert(COUNT(courier_inputs) == DS_COURIER_INPUTS, "an input without a name");

/* The two commands are events of the courier; the rest happens with an event of a delivery. */
static struct machine_step courier_step(int state, int input)
{
    struct ds_courier_step step =
        ds_courier_step((enum ds_courier_state)state, (enum ds_courier_input)input);
    bool command = input == DS_COURIER_ON_GO_ONLINE || input == DS_COURIER_ON_GO_OFFLINE;

    if (!step.allowed)
        return no_row(state, command ? step.reason : NULL);
    return (struct machine_step){true,
                                 input == DS_COURIER_ON_GO_ONLINE    ? "courier.online"
                                 : input == DS_COURIER_ON_GO_OFFLINE ? "courier.offline"
                                                                     : "",
                                 (int)step.next, NULL};
}

/* ---- all */

static const struct machine order = {
    .name = "order",
    .title = "An order",
    .source = "processors/order/order_table.c",
    .about = "Cancelling all that is left of the lines is cancelling the order. Where lines were "
             "asked for, `delivery.in_transit` also yields\n`order.cancel_refused` for them.\n",
    .memory = "10 days after its end, a cancel of an order that is not known (NONE) after a day\n"
              "(`DS_ORDER_MEMORY_US` and `DS_ORDER_TOMBSTONE_US` in `decider/memory.h`)",
    .states = order_states,
    .state_count = DS_ORDER_STATES,
    .inputs = order_inputs,
    .input_count = DS_ORDER_INPUTS,
    .decider = &ds_order_decider,
    .step = order_step,
};
static const struct machine payment = {
    .name = "payment",
    .title = "A payment",
    .source = "processors/payment/payment_table.c",
    .about = "\"Less is due\" is what lowers the one number refunds follow: a cancelled line, a "
             "cancelled order. What is due never rises.\n",
    .memory = "7 days after its last event (`DS_PAYMENT_MEMORY_US` in `decider/memory.h`)",
    .states = payment_states,
    .state_count = DS_PAYMENT_STATES,
    .inputs = payment_inputs,
    .input_count = DS_PAYMENT_INPUTS,
    .decider = &ds_payment_decider,
    .step = payment_step,
};
static const struct machine reservation = {
    .name = "inventory",
    .title = "An order's reservation",
    .source = "processors/inventory/reservation.c",
    .about = "It has no deadline of its own: order's deadlines end it.\n",
    .memory = "7 days after its last event (`DS_INVENTORY_MEMORY_US` in `decider/memory.h`)",
    .states = reservation_states,
    .state_count = DS_RESERVATION_STATES,
    .inputs = reservation_inputs,
    .input_count = DS_RESERVATION_INPUTS,
    .step = reservation_step,
};
static const struct machine delivery = {
    .name = "delivery",
    .title = "A delivery",
    .source = "processors/delivery/delivery_table.c",
    .about = "",
    .memory = "3 days after its last event (`DS_DELIVERY_MEMORY_US` in `decider/memory.h`)",
    .states = delivery_states,
    .state_count = DS_DELIVERY_STATES,
    .inputs = delivery_inputs,
    .input_count = DS_DELIVERY_INPUTS,
    .decider = &ds_delivery_decider,
    .step = delivery_step,
};
static const struct machine courier = {
    .name = "courier",
    .title = "A courier, towards one order",
    .source = "processors/delivery/courier_table.c",
    .about = "With room for several orders a courier is in a state towards each of them; towards "
             "all others it is FREE or OFFLINE.\n",
    .memory = "3 days after its last event, offline and without orders\n"
              "(`DS_DELIVERY_MEMORY_US` in `decider/memory.h`)",
    .states = courier_states,
    .state_count = DS_COURIER_STATES,
    .inputs = courier_inputs,
    .input_count = DS_COURIER_INPUTS,
    .step = courier_step,
};

const struct machine *const machines[] = {&order,    &payment, &reservation,
                                          &delivery, &courier, NULL};
