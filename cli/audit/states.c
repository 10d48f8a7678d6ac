#include "cli/audit/states.h"

#include <stddef.h>

/* One row: from any of these states this step leads there. SAME: it changes no state. */
struct row {
    int step;
    unsigned from; /* a set: 1 << state */
    int to;
};

#define SAME     (-1)
#define O(name)  (1U << DS_AUDIT_O_##name)
#define P(name)  (1U << DS_AUDIT_P_##name)
#define S(name)  (1U << DS_AUDIT_S_##name)
#define D(name)  (1U << DS_AUDIT_D_##name)
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct row order_rows[] = {
    {DS_AUDIT_ON_CREATED, O(NONE), DS_AUDIT_O_RESERVING},
    {DS_AUDIT_ON_REFUSED, O(NONE), DS_AUDIT_O_REFUSED},
    {DS_AUDIT_ON_PAYMENT_REQUESTED, O(RESERVING), DS_AUDIT_O_PAYING},
    {DS_AUDIT_ON_CONFIRMED, O(RESERVING) | O(PAYING), DS_AUDIT_O_CONFIRMED},
    {DS_AUDIT_ON_LINES_CANCELLED,
     O(RESERVING) | O(PAYING) | O(CONFIRMED) | O(STOPPING) | O(STOPPING_STAFF), SAME},
    {DS_AUDIT_ON_ASKED, O(CONFIRMED), DS_AUDIT_O_STOPPING},
    {DS_AUDIT_ON_ASKED_STAFF, O(CONFIRMED) | O(STOPPING), DS_AUDIT_O_STOPPING_STAFF},
    {DS_AUDIT_ON_ASKED_STAFF, O(PICKED_UP), DS_AUDIT_O_RECALLING},
    {DS_AUDIT_ON_ASKED_LINES, O(CONFIRMED), SAME},
    {DS_AUDIT_ON_CANCEL_REFUSED, O(PICKED_UP) | O(FULFILLED), SAME},
    {DS_AUDIT_ON_LINES_REFUSED, O(PICKED_UP) | O(RECALLING), SAME},
    {DS_AUDIT_ON_PICKED_UP, O(CONFIRMED) | O(STOPPING), DS_AUDIT_O_PICKED_UP},
    {DS_AUDIT_ON_PICKED_UP, O(STOPPING_STAFF), DS_AUDIT_O_RECALLING},
    {DS_AUDIT_ON_FULFILLED, O(PICKED_UP) | O(RECALLING), DS_AUDIT_O_FULFILLED},
    {DS_AUDIT_ON_CANCELLED,
     O(RESERVING) | O(PAYING) | O(CONFIRMED) | O(STOPPING) | O(STOPPING_STAFF),
     DS_AUDIT_O_CANCELLED},
    {DS_AUDIT_ON_CANCELLED_LATE, O(PICKED_UP) | O(RECALLING), DS_AUDIT_O_CANCELLED},
};

static const struct row payment_rows[] = {
    {DS_AUDIT_ON_INITIATED, P(NONE), DS_AUDIT_P_CHARGING},
    {DS_AUDIT_ON_CARD, P(CHARGING) | P(FAILED), DS_AUDIT_P_SETTLED},
    {DS_AUDIT_ON_CASH, P(NONE), DS_AUDIT_P_SETTLED},
    {DS_AUDIT_ON_NOTHING, P(NONE), DS_AUDIT_P_SETTLED},
    {DS_AUDIT_ON_FAILED, P(CHARGING), DS_AUDIT_P_FAILED},
    {DS_AUDIT_ON_DUE_CHANGED, P(CHARGING) | P(REFUNDING) | P(REFUND_WAIT), SAME},
    {DS_AUDIT_ON_REFUND_INITIATED, P(SETTLED) | P(REFUND_WAIT), DS_AUDIT_P_REFUNDING},
    {DS_AUDIT_ON_REFUNDED, P(REFUNDING), DS_AUDIT_P_SETTLED},
    {DS_AUDIT_ON_REFUND_FAILED, P(REFUNDING), DS_AUDIT_P_REFUND_WAIT},
    {DS_AUDIT_ON_DISPUTED, P(CHARGING) | P(SETTLED) | P(REFUNDING) | P(REFUND_WAIT) | P(FAILED),
     SAME},
};

static const struct row stock_rows[] = {
    {DS_AUDIT_ON_RESERVED, S(NONE), DS_AUDIT_S_HELD},
    {DS_AUDIT_ON_STOCK_REJECTED, S(NONE), DS_AUDIT_S_REJECTED},
    {DS_AUDIT_ON_RELEASED, S(HELD), SAME},
    {DS_AUDIT_ON_COMMITTED, S(HELD), DS_AUDIT_S_COMMITTED},
    {DS_AUDIT_ON_RETURNED_STOCK, S(COMMITTED), DS_AUDIT_S_RETURNED},
};

/* A courier.seen lifts SILENT without naming the order: what may happen in IN_TRANSIT may happen
 * there too. */
#define MOVING  (D(IN_TRANSIT) | D(SILENT))
#define WAITING (D(SEARCHING) | D(OFFERED) | D(ASSIGNED))

static const struct row delivery_rows[] = {
    {DS_AUDIT_ON_REQUESTED, D(NONE), DS_AUDIT_D_SEARCHING},
    {DS_AUDIT_ON_OFFERED, D(SEARCHING), DS_AUDIT_D_OFFERED},
    {DS_AUDIT_ON_OFFER_ENDED, D(OFFERED), DS_AUDIT_D_SEARCHING},
    {DS_AUDIT_ON_ASSIGNED, D(OFFERED), DS_AUDIT_D_ASSIGNED},
    {DS_AUDIT_ON_UNASSIGNED, D(ASSIGNED), DS_AUDIT_D_SEARCHING},
    {DS_AUDIT_ON_REASSIGNED, D(ASSIGNED) | D(IN_TRANSIT) | D(RETURNING), SAME},
    {DS_AUDIT_ON_REASSIGNED, D(SILENT), DS_AUDIT_D_IN_TRANSIT},
    {DS_AUDIT_ON_DELIVERY_LINES, WAITING, SAME},
    {DS_AUDIT_ON_DELIVERY_CANCELLED, WAITING, DS_AUDIT_D_CANCELLED},
    {DS_AUDIT_ON_IN_TRANSIT, D(ASSIGNED), DS_AUDIT_D_IN_TRANSIT},
    {DS_AUDIT_ON_ARRIVED, MOVING, DS_AUDIT_D_IN_TRANSIT},
    {DS_AUDIT_ON_FAILED_AGAIN, MOVING, DS_AUDIT_D_IN_TRANSIT},
    {DS_AUDIT_ON_FAILED_LAST, MOVING, DS_AUDIT_D_RETURNING},
    {DS_AUDIT_ON_SILENT, MOVING, DS_AUDIT_D_SILENT},
    {DS_AUDIT_ON_RECALLED, MOVING, DS_AUDIT_D_RETURNING},
    {DS_AUDIT_ON_COMPLETED, MOVING, DS_AUDIT_D_COMPLETED},
    {DS_AUDIT_ON_RETURNED, D(RETURNING), DS_AUDIT_D_RETURNED},
    {DS_AUDIT_ON_LOST, D(SILENT) | D(RETURNING), DS_AUDIT_D_LOST},
};

static bool follow(const struct row *rows, size_t count, int state, int step, int *next_out)
{
    *next_out = state;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].step != step)
            continue;
        *next_out = rows[i].to == SAME ? state : rows[i].to;
        if ((rows[i].from & 1U << state) != 0)
            return true;
    }
    return false;
}

bool ds_audit_follow_order(enum ds_audit_order_state *state, enum ds_audit_order_step step)
{
    int next;
    bool legal = follow(order_rows, COUNT(order_rows), (int)*state, (int)step, &next);
    *state = (enum ds_audit_order_state)next;
    return legal;
}

bool ds_audit_follow_payment(enum ds_audit_payment_state *state, enum ds_audit_payment_step step)
{
    int next;
    bool legal = follow(payment_rows, COUNT(payment_rows), (int)*state, (int)step, &next);
    *state = (enum ds_audit_payment_state)next;
    return legal;
}

bool ds_audit_follow_stock(enum ds_audit_stock_state *state, enum ds_audit_stock_step step)
{
    int next;
    bool legal = follow(stock_rows, COUNT(stock_rows), (int)*state, (int)step, &next);
    *state = (enum ds_audit_stock_state)next;
    return legal;
}

bool ds_audit_follow_delivery(enum ds_audit_delivery_state *state, enum ds_audit_delivery_step step)
{
    int next;
    bool legal = follow(delivery_rows, COUNT(delivery_rows), (int)*state, (int)step, &next);
    *state = (enum ds_audit_delivery_state)next;
    return legal;
}

const char *ds_audit_order_state_text(enum ds_audit_order_state state)
{
    static const char *const texts[] = {"NONE",      "RESERVING",      "PAYING",    "CONFIRMED",
                                        "STOPPING",  "STOPPING_STAFF", "PICKED_UP", "RECALLING",
                                        "FULFILLED", "CANCELLED",      "REFUSED"};
    return texts[state];
}

const char *ds_audit_payment_state_text(enum ds_audit_payment_state state)
{
    static const char *const texts[] = {"NONE",      "CHARGING",    "SETTLED",
                                        "REFUNDING", "REFUND_WAIT", "FAILED"};
    return texts[state];
}

const char *ds_audit_stock_state_text(enum ds_audit_stock_state state)
{
    static const char *const texts[] = {"NONE", "HELD", "REJECTED", "COMMITTED", "RETURNED"};
    return texts[state];
}

const char *ds_audit_delivery_state_text(enum ds_audit_delivery_state state)
{
    static const char *const texts[] = {"NONE",       "SEARCHING", "OFFERED",   "ASSIGNED",
                                        "IN_TRANSIT", "SILENT",    "RETURNING", "COMPLETED",
                                        "CANCELLED",  "RETURNED",  "LOST"};
    return texts[state];
}
