/* processors/payment/payment_table.h - the payment's state machine, and nothing else.
 *
 * ds_payment_react says what an input leads to in a state, ds_payment_follow which state an event
 * leads to. decide uses the first, evolve the second; a table test walks every pair and compares
 * both with the choreography. Pure, any thread. */
#ifndef DS_PROCESSORS_PAYMENT_PAYMENT_TABLE_H
#define DS_PROCESSORS_PAYMENT_PAYMENT_TABLE_H

/** The numbers are permanent: a deadline's kind is the state it ends. */
enum ds_payment_state {
    DS_PAYMENT_NONE = 0,
    DS_PAYMENT_CHARGING = 1,
    DS_PAYMENT_SETTLED = 2,
    DS_PAYMENT_REFUNDING = 3,
    DS_PAYMENT_REFUND_WAIT = 4,
    DS_PAYMENT_FAILED = 5,
};
#define DS_PAYMENT_STATES 6

enum ds_payment_input {
    DS_PAYMENT_ON_REQUESTED,
    DS_PAYMENT_ON_NOTHING_REQUESTED, /* order.payment_requested of an order that costs nothing */
    DS_PAYMENT_ON_FULFILLED_CASH,
    DS_PAYMENT_ON_LESS_DUE, /* order.lines_cancelled or order.cancelled that lowers what is due */
    DS_PAYMENT_ON_CHARGED_EXACT, /* captured = due */
    DS_PAYMENT_ON_CHARGED_MORE,  /* captured > due */
    DS_PAYMENT_ON_CHARGED_SHORT, /* captured < due */
    DS_PAYMENT_ON_CHARGE_FAILED,
    DS_PAYMENT_ON_REFUNDED,       /* the pending refund; then kept = due */
    DS_PAYMENT_ON_REFUNDED_SHORT, /* the pending refund; still kept > due */
    DS_PAYMENT_ON_REFUND_FAILED,  /* the pending refund */
    DS_PAYMENT_ON_OTHER_REFUND,   /* a report on a refund that is not pending */
    DS_PAYMENT_ON_TIMER,
};
#define DS_PAYMENT_INPUTS 13

/** The records an input leads to. */
enum ds_payment_action {
    DS_PAYMENT_PASS_OVER,
    DS_PAYMENT_REFUSE,
    DS_PAYMENT_INITIATE,
    DS_PAYMENT_BOOK_NOTHING, /* success: no provider is asked for nothing */
    DS_PAYMENT_BOOK_CASH,    /* success */
    DS_PAYMENT_SUCCEED,
    DS_PAYMENT_SUCCEED_AND_REFUND,
    DS_PAYMENT_FAIL,
    DS_PAYMENT_FAIL_AND_GIVE_BACK, /* failed, success {late}, refund_initiated: what came is not
                                      enough */
    DS_PAYMENT_CHANGE_DUE,
    DS_PAYMENT_REFUND, /* refund_initiated */
    DS_PAYMENT_BOOK_REFUND,
    DS_PAYMENT_BOOK_REFUND_AND_REFUND,
    DS_PAYMENT_NOTE_REFUND_FAILED,
};

struct ds_payment_reaction {
    enum ds_payment_action action;
    const char *refusal; /* for DS_PAYMENT_REFUSE: the reason; a constant */
};

/** An event as far as it matters to the state. */
enum ds_payment_effect {
    DS_PAYMENT_WAS_INITIATED,
    DS_PAYMENT_HAS_SUCCEEDED,
    DS_PAYMENT_HAS_FAILED,
    DS_PAYMENT_DUE_HAS_CHANGED,
    DS_PAYMENT_REFUND_WAS_INITIATED,
    DS_PAYMENT_WAS_REFUNDED,
    DS_PAYMENT_REFUND_HAS_FAILED,
};

/** @brief What an input leads to; a pair without a row passes an event over and refuses a command.
 */
struct ds_payment_reaction ds_payment_react(enum ds_payment_state state,
                                            enum ds_payment_input input);
/** @brief The state after an event. */
enum ds_payment_state ds_payment_follow(enum ds_payment_state state, enum ds_payment_effect effect);

/** @brief "SETTLED" and so on: as in docs/states. */
const char *ds_payment_state_name(enum ds_payment_state state);

#endif
