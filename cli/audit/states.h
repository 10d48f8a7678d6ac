/* cli/audit/states.h - which step may follow which: the tables of domain/CHOREOGRAPHY.md as an
 * outsider sees them.
 *
 * Written from the tables and not from the processors' code, so that a mistake there is seen here.
 * Pure, any thread. */
#ifndef DS_CLI_AUDIT_STATES_H
#define DS_CLI_AUDIT_STATES_H

#include <stdbool.h>

enum ds_audit_order_state {
    DS_AUDIT_O_NONE,
    DS_AUDIT_O_RESERVING,
    DS_AUDIT_O_PAYING,
    DS_AUDIT_O_CONFIRMED,
    DS_AUDIT_O_STOPPING,
    DS_AUDIT_O_STOPPING_STAFF,
    DS_AUDIT_O_PICKED_UP,
    DS_AUDIT_O_RECALLING,
    DS_AUDIT_O_FULFILLED,
    DS_AUDIT_O_CANCELLED,
    DS_AUDIT_O_REFUSED,
};

enum ds_audit_order_step {
    DS_AUDIT_ON_CREATED,
    DS_AUDIT_ON_REFUSED,
    DS_AUDIT_ON_PAYMENT_REQUESTED,
    DS_AUDIT_ON_CONFIRMED,
    DS_AUDIT_ON_LINES_CANCELLED,
    DS_AUDIT_ON_ASKED,       /* order.cancel_requested {order} by customer or timer */
    DS_AUDIT_ON_ASKED_STAFF, /* the same by staff */
    DS_AUDIT_ON_ASKED_LINES,
    DS_AUDIT_ON_CANCEL_REFUSED,
    DS_AUDIT_ON_LINES_REFUSED,
    DS_AUDIT_ON_PICKED_UP,
    DS_AUDIT_ON_FULFILLED,
    DS_AUDIT_ON_CANCELLED,      /* goods: not taken */
    DS_AUDIT_ON_CANCELLED_LATE, /* goods: returned or lost */
};

enum ds_audit_payment_state {
    DS_AUDIT_P_NONE,
    DS_AUDIT_P_CHARGING,
    DS_AUDIT_P_SETTLED,
    DS_AUDIT_P_REFUNDING,
    DS_AUDIT_P_REFUND_WAIT,
    DS_AUDIT_P_FAILED,
};

enum ds_audit_payment_step {
    DS_AUDIT_ON_INITIATED,
    DS_AUDIT_ON_CARD,
    DS_AUDIT_ON_CASH,
    DS_AUDIT_ON_NOTHING, /* it costs nothing: no charge */
    DS_AUDIT_ON_FAILED,
    DS_AUDIT_ON_DUE_CHANGED,
    DS_AUDIT_ON_REFUND_INITIATED,
    DS_AUDIT_ON_REFUNDED,
    DS_AUDIT_ON_REFUND_FAILED,
    DS_AUDIT_ON_DISPUTED,
};

enum ds_audit_stock_state {
    DS_AUDIT_S_NONE,
    DS_AUDIT_S_HELD,
    DS_AUDIT_S_REJECTED,
    DS_AUDIT_S_COMMITTED,
    DS_AUDIT_S_RETURNED,
};

enum ds_audit_stock_step {
    DS_AUDIT_ON_RESERVED,
    DS_AUDIT_ON_STOCK_REJECTED,
    DS_AUDIT_ON_RELEASED, /* some pieces, or all: how many are left is counted a line */
    DS_AUDIT_ON_COMMITTED,
    DS_AUDIT_ON_RETURNED_STOCK,
};

enum ds_audit_delivery_state {
    DS_AUDIT_D_NONE,
    DS_AUDIT_D_SEARCHING,
    DS_AUDIT_D_OFFERED,
    DS_AUDIT_D_ASSIGNED,
    DS_AUDIT_D_IN_TRANSIT,
    DS_AUDIT_D_SILENT,
    DS_AUDIT_D_RETURNING,
    DS_AUDIT_D_COMPLETED,
    DS_AUDIT_D_CANCELLED,
    DS_AUDIT_D_RETURNED,
    DS_AUDIT_D_LOST,
};

enum ds_audit_delivery_step {
    DS_AUDIT_ON_REQUESTED,
    DS_AUDIT_ON_OFFERED,
    DS_AUDIT_ON_OFFER_ENDED,
    DS_AUDIT_ON_ASSIGNED,
    DS_AUDIT_ON_UNASSIGNED,
    DS_AUDIT_ON_REASSIGNED,
    DS_AUDIT_ON_DELIVERY_LINES,
    DS_AUDIT_ON_DELIVERY_CANCELLED,
    DS_AUDIT_ON_IN_TRANSIT,
    DS_AUDIT_ON_ARRIVED,
    DS_AUDIT_ON_FAILED_AGAIN,
    DS_AUDIT_ON_FAILED_LAST,
    DS_AUDIT_ON_SILENT,
    DS_AUDIT_ON_RECALLED,
    DS_AUDIT_ON_COMPLETED,
    DS_AUDIT_ON_RETURNED,
    DS_AUDIT_ON_LOST,
};

/** @brief Follow one step. @return false: not from this state; *state is then what the step leads
 * to elsewhere, so that one wrong step is reported once. */
bool ds_audit_follow_order(enum ds_audit_order_state *state, enum ds_audit_order_step step);
bool ds_audit_follow_payment(enum ds_audit_payment_state *state, enum ds_audit_payment_step step);
bool ds_audit_follow_stock(enum ds_audit_stock_state *state, enum ds_audit_stock_step step);
bool ds_audit_follow_delivery(enum ds_audit_delivery_state *state,
                              enum ds_audit_delivery_step step);

/** @brief Upper-case words for messages. */
const char *ds_audit_order_state_text(enum ds_audit_order_state state);
const char *ds_audit_payment_state_text(enum ds_audit_payment_state state);
const char *ds_audit_stock_state_text(enum ds_audit_stock_state state);
const char *ds_audit_delivery_state_text(enum ds_audit_delivery_state state);

#endif
