/* processors/order/order_table.h - the order's state machine, and nothing else.
 *
 * Two functions: ds_order_react says what an input leads to in a state, ds_order_follow says which
 * state an event leads to. decide uses the first, evolve the second; a table test walks every pair
 * and compares both with the choreography. Pure, any thread. */
#ifndef DS_PROCESSORS_ORDER_ORDER_TABLE_H
#define DS_PROCESSORS_ORDER_ORDER_TABLE_H

/** The numbers are permanent: a deadline's kind is the state it ends. */
enum ds_order_state {
    DS_ORDER_NONE = 0,
    DS_ORDER_RESERVING = 1,
    DS_ORDER_PAYING = 2,
    DS_ORDER_CONFIRMED = 3,
    DS_ORDER_STOPPING =
        4, /* delivery was asked to let go, with the customer's right or for lateness */
    DS_ORDER_STOPPING_STAFF = 5, /* the same with staff's right: after the pick-up it is a recall */
    DS_ORDER_PICKED_UP = 6,
    DS_ORDER_RECALLING = 7,
    DS_ORDER_FULFILLED = 8,
    DS_ORDER_CANCELLED = 9, /* refused orders are here too */
};
#define DS_ORDER_STATES 10

enum ds_order_input {
    DS_ORDER_ON_PLACE,
    DS_ORDER_ON_CANCEL_BY_CUSTOMER,
    DS_ORDER_ON_CANCEL_BY_STAFF,
    DS_ORDER_ON_CANCEL_LINES, /* not all that is left: that is one of the two above */
    DS_ORDER_ON_TIMER,
    DS_ORDER_ON_RESERVED_CARD,
    DS_ORDER_ON_RESERVED_CASH,
    DS_ORDER_ON_STOCK_REJECTED,
    DS_ORDER_ON_PAYMENT_SUCCESS,
    DS_ORDER_ON_PAYMENT_FAILED,
    DS_ORDER_ON_DELIVERY_LINES_CANCELLED,
    DS_ORDER_ON_DELIVERY_CANCELLED,
    DS_ORDER_ON_IN_TRANSIT,
    DS_ORDER_ON_COMPLETED,
    DS_ORDER_ON_RETURNED,
    DS_ORDER_ON_LOST,
};
#define DS_ORDER_INPUTS 16

/** The records an input leads to. */
enum ds_order_action {
    DS_ORDER_PASS_OVER,
    DS_ORDER_REFUSE,
    DS_ORDER_CREATE,
    DS_ORDER_REQUEST_PAYMENT,
    DS_ORDER_CONFIRM,
    DS_ORDER_CANCEL,
    DS_ORDER_CANCEL_LINES,
    DS_ORDER_ASK,       /* cancel_requested {order} */
    DS_ORDER_ASK_LINES, /* cancel_requested {lines} */
    DS_ORDER_PICK_UP,   /* and cancel_refused {lines} where some were asked for; so below */
    DS_ORDER_PICK_UP_AND_REFUSE, /* and cancel_refused {order} */
    DS_ORDER_FULFIL,
    DS_ORDER_FULFIL_AND_REFUSE,
};

struct ds_order_reaction {
    enum ds_order_action action;
    const char *refusal; /* for DS_ORDER_REFUSE: the reason; a constant */
};

/** An event as far as it matters to the state. */
enum ds_order_effect {
    DS_ORDER_WAS_CREATED,
    DS_ORDER_WAS_REFUSED,
    DS_ORDER_PAYMENT_WAS_REQUESTED,
    DS_ORDER_WAS_CONFIRMED,
    DS_ORDER_LINES_WERE_CANCELLED,
    DS_ORDER_CANCEL_WAS_ASKED, /* by the customer or the deadline */
    DS_ORDER_CANCEL_WAS_ASKED_BY_STAFF,
    DS_ORDER_LINES_WERE_ASKED,
    DS_ORDER_CANCEL_WAS_REFUSED,
    DS_ORDER_LINES_WERE_REFUSED,
    DS_ORDER_WAS_PICKED_UP,
    DS_ORDER_WAS_FULFILLED,
    DS_ORDER_WAS_CANCELLED,
};
#define DS_ORDER_EFFECTS 13

/** @brief What an input leads to; a pair without a row passes an event over and refuses a command.
 */
struct ds_order_reaction ds_order_react(enum ds_order_state state, enum ds_order_input input);
/** @brief The state after an event. */
enum ds_order_state ds_order_follow(enum ds_order_state state, enum ds_order_effect effect);

/** @brief "PICKED_UP" and so on: as in docs/states. */
const char *ds_order_state_name(enum ds_order_state state);

#endif
