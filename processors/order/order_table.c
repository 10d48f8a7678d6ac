#include "processors/order/order_table.h"

#include "base/planted.h"

#include <assert.h>
#include <stddef.h>

typedef struct ds_order_reaction reaction_t;

static reaction_t act(enum ds_order_action action)
{
    return (reaction_t){action, NULL};
}

static reaction_t refuse(const char *reason)
{
    return (reaction_t){DS_ORDER_REFUSE, reason};
}

/* One function a state, each a full switch without default: a new input does not compile until
 * every state has answered it. What stands under PASS_OVER either does occur and is harmless (a
 * reservation crossed by a cancellation) or cannot come; both change nothing. */

static reaction_t when_none(enum ds_order_input input)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return act(DS_ORDER_CREATE);
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_BY_STAFF:
    case DS_ORDER_ON_CANCEL_LINES:
        return refuse("ORDER_UNKNOWN");
    case DS_ORDER_ON_TIMER:
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_STOCK_REJECTED:
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_PAYMENT_FAILED:
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
    case DS_ORDER_ON_DELIVERY_CANCELLED:
    case DS_ORDER_ON_IN_TRANSIT:
    case DS_ORDER_ON_COMPLETED:
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

static reaction_t when_reserving(enum ds_order_input input)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return refuse("ORDER_EXISTS");
    case DS_ORDER_ON_STOCK_REJECTED:
        if (DS_PLANTED(NOT_RESERVED))
            return act(DS_ORDER_REQUEST_PAYMENT);
        return act(DS_ORDER_CANCEL);
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_BY_STAFF:
    case DS_ORDER_ON_TIMER:
        return act(DS_ORDER_CANCEL);
    case DS_ORDER_ON_CANCEL_LINES:
        return act(DS_ORDER_CANCEL_LINES);
    case DS_ORDER_ON_RESERVED_CARD:
        return act(DS_ORDER_REQUEST_PAYMENT);
    case DS_ORDER_ON_RESERVED_CASH:
        return act(DS_ORDER_CONFIRM);
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_PAYMENT_FAILED:
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
    case DS_ORDER_ON_DELIVERY_CANCELLED:
    case DS_ORDER_ON_IN_TRANSIT:
    case DS_ORDER_ON_COMPLETED:
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

static reaction_t when_paying(enum ds_order_input input)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return refuse("ORDER_EXISTS");
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_BY_STAFF:
    case DS_ORDER_ON_TIMER:
    case DS_ORDER_ON_PAYMENT_FAILED:
        return act(DS_ORDER_CANCEL);
    case DS_ORDER_ON_CANCEL_LINES:
        return act(DS_ORDER_CANCEL_LINES);
    case DS_ORDER_ON_PAYMENT_SUCCESS:
        return act(DS_ORDER_CONFIRM);
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_STOCK_REJECTED:
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
    case DS_ORDER_ON_DELIVERY_CANCELLED:
    case DS_ORDER_ON_IN_TRANSIT:
    case DS_ORDER_ON_COMPLETED:
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

/* From here on delivery decides about a cancellation: order asks, and learns from delivery's events
 * how it ended. */
static reaction_t when_confirmed(enum ds_order_input input)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return refuse("ORDER_EXISTS");
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_BY_STAFF:
        if (DS_PLANTED(ORDER_CANCELS_ALONE))
            return act(DS_ORDER_CANCEL);
        return act(DS_ORDER_ASK);
    case DS_ORDER_ON_TIMER:
        return act(DS_ORDER_ASK);
    case DS_ORDER_ON_CANCEL_LINES:
        return act(DS_ORDER_ASK_LINES);
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
        return act(DS_ORDER_CANCEL_LINES);
    case DS_ORDER_ON_DELIVERY_CANCELLED:
        return act(DS_ORDER_CANCEL);
    case DS_ORDER_ON_IN_TRANSIT:
        return act(DS_ORDER_PICK_UP);
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_STOCK_REJECTED:
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_PAYMENT_FAILED:
    case DS_ORDER_ON_COMPLETED:
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

static reaction_t when_stopping(enum ds_order_input input)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return refuse("ORDER_EXISTS");
    case DS_ORDER_ON_CANCEL_BY_STAFF:
        return act(DS_ORDER_ASK); /* again, with the right to recall */
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_LINES:
        return refuse("CANCEL_PENDING");
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
        return act(DS_ORDER_CANCEL_LINES);
    case DS_ORDER_ON_DELIVERY_CANCELLED:
        return act(DS_ORDER_CANCEL);
    case DS_ORDER_ON_IN_TRANSIT:
        if (DS_PLANTED(REFUSAL_NOT_LEARNED))
            return act(DS_ORDER_PASS_OVER);
        return act(DS_ORDER_PICK_UP_AND_REFUSE);
    case DS_ORDER_ON_TIMER:
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_STOCK_REJECTED:
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_PAYMENT_FAILED:
    case DS_ORDER_ON_COMPLETED:
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

static reaction_t when_stopping_staff(enum ds_order_input input)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return refuse("ORDER_EXISTS");
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_BY_STAFF:
    case DS_ORDER_ON_CANCEL_LINES:
        return refuse("CANCEL_PENDING");
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
        return act(DS_ORDER_CANCEL_LINES);
    case DS_ORDER_ON_DELIVERY_CANCELLED:
        return act(DS_ORDER_CANCEL);
    case DS_ORDER_ON_IN_TRANSIT:
        return act(DS_ORDER_PICK_UP);
    case DS_ORDER_ON_TIMER:
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_STOCK_REJECTED:
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_PAYMENT_FAILED:
    case DS_ORDER_ON_COMPLETED:
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

static reaction_t when_picked_up(enum ds_order_input input)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return refuse("ORDER_EXISTS");
    case DS_ORDER_ON_CANCEL_BY_STAFF:
        return act(DS_ORDER_ASK);
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_LINES:
        return refuse("ORDER_PICKED_UP");
    case DS_ORDER_ON_COMPLETED:
        return act(DS_ORDER_FULFIL);
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_CANCEL);
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
        return act(DS_PLANTED(LINE_NOT_REFUSED) ? DS_ORDER_CANCEL_LINES : DS_ORDER_PASS_OVER);
    case DS_ORDER_ON_TIMER:
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_STOCK_REJECTED:
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_PAYMENT_FAILED:
    case DS_ORDER_ON_DELIVERY_CANCELLED:
    case DS_ORDER_ON_IN_TRANSIT:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

static reaction_t when_recalling(enum ds_order_input input)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return refuse("ORDER_EXISTS");
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_BY_STAFF:
    case DS_ORDER_ON_CANCEL_LINES:
        return refuse("CANCEL_PENDING");
    case DS_ORDER_ON_COMPLETED:
        return act(DS_ORDER_FULFIL_AND_REFUSE);
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_CANCEL);
    case DS_ORDER_ON_TIMER:
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_STOCK_REJECTED:
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_PAYMENT_FAILED:
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
    case DS_ORDER_ON_DELIVERY_CANCELLED:
    case DS_ORDER_ON_IN_TRANSIT:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

/* The two final states differ in one word. */
static reaction_t when_final(enum ds_order_input input, const char *refusal)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        return refuse("ORDER_EXISTS");
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
    case DS_ORDER_ON_CANCEL_BY_STAFF:
    case DS_ORDER_ON_CANCEL_LINES:
        return refuse(refusal);
    case DS_ORDER_ON_TIMER:
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
    case DS_ORDER_ON_STOCK_REJECTED:
    case DS_ORDER_ON_PAYMENT_SUCCESS:
    case DS_ORDER_ON_PAYMENT_FAILED:
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
    case DS_ORDER_ON_DELIVERY_CANCELLED:
    case DS_ORDER_ON_IN_TRANSIT:
    case DS_ORDER_ON_COMPLETED:
    case DS_ORDER_ON_RETURNED:
    case DS_ORDER_ON_LOST:
        return act(DS_ORDER_PASS_OVER);
    }
    return act(DS_ORDER_PASS_OVER);
}

struct ds_order_reaction ds_order_react(enum ds_order_state state, enum ds_order_input input)
{
    switch (state) {
    case DS_ORDER_NONE:
        return when_none(input);
    case DS_ORDER_RESERVING:
        return when_reserving(input);
    case DS_ORDER_PAYING:
        return when_paying(input);
    case DS_ORDER_CONFIRMED:
        return when_confirmed(input);
    case DS_ORDER_STOPPING:
        return when_stopping(input);
    case DS_ORDER_STOPPING_STAFF:
        return when_stopping_staff(input);
    case DS_ORDER_PICKED_UP:
        return when_picked_up(input);
    case DS_ORDER_RECALLING:
        return when_recalling(input);
    case DS_ORDER_FULFILLED:
        return when_final(input, "ORDER_FULFILLED");
    case DS_ORDER_CANCELLED:
        return when_final(input, "ORDER_CANCELLED");
    }
    assert(0 && "an order state outside the enum");
    return act(DS_ORDER_PASS_OVER);
}

enum ds_order_state ds_order_follow(enum ds_order_state state, enum ds_order_effect effect)
{
    switch (effect) {
    case DS_ORDER_WAS_CREATED:
        return DS_ORDER_RESERVING;
    case DS_ORDER_PAYMENT_WAS_REQUESTED:
        return DS_ORDER_PAYING;
    case DS_ORDER_WAS_CONFIRMED:
        return DS_ORDER_CONFIRMED;
    case DS_ORDER_CANCEL_WAS_ASKED:
        return DS_ORDER_STOPPING;
    case DS_ORDER_CANCEL_WAS_ASKED_BY_STAFF:
        return state == DS_ORDER_PICKED_UP ? DS_ORDER_RECALLING : DS_ORDER_STOPPING_STAFF;
    case DS_ORDER_WAS_PICKED_UP:
        return state == DS_ORDER_STOPPING_STAFF ? DS_ORDER_RECALLING : DS_ORDER_PICKED_UP;
    case DS_ORDER_WAS_FULFILLED:
        return DS_ORDER_FULFILLED;
    case DS_ORDER_WAS_REFUSED:
    case DS_ORDER_WAS_CANCELLED:
        return DS_ORDER_CANCELLED;
    case DS_ORDER_LINES_WERE_CANCELLED:
    case DS_ORDER_LINES_WERE_ASKED:
    case DS_ORDER_LINES_WERE_REFUSED:
    case DS_ORDER_CANCEL_WAS_REFUSED:
        return state;
    }
    assert(0 && "an order effect outside the enum");
    return state;
}

const char *ds_order_state_name(enum ds_order_state state)
{
    switch (state) {
    case DS_ORDER_NONE:
        return "NONE";
    case DS_ORDER_RESERVING:
        return "RESERVING";
    case DS_ORDER_PAYING:
        return "PAYING";
    case DS_ORDER_CONFIRMED:
        return "CONFIRMED";
    case DS_ORDER_STOPPING:
        return "STOPPING";
    case DS_ORDER_STOPPING_STAFF:
        return "STOPPING_STAFF";
    case DS_ORDER_PICKED_UP:
        return "PICKED_UP";
    case DS_ORDER_RECALLING:
        return "RECALLING";
    case DS_ORDER_FULFILLED:
        return "FULFILLED";
    case DS_ORDER_CANCELLED:
        return "CANCELLED";
    }
    return "?";
}
