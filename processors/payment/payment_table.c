#include "processors/payment/payment_table.h"

#include "base/planted.h"

#include <assert.h>
#include <stddef.h>

typedef struct ds_payment_reaction reaction_t;

static reaction_t act(enum ds_payment_action action)
{
    return (reaction_t){action, NULL};
}

static reaction_t refuse(const char *reason)
{
    return (reaction_t){DS_PAYMENT_REFUSE, reason};
}

/* One function a state, each a full switch without default: a new input does not compile until
 * every state has answered it. */

static reaction_t when_none(enum ds_payment_input input)
{
    switch (input) {
    case DS_PAYMENT_ON_REQUESTED:
        return act(DS_PAYMENT_INITIATE);
    case DS_PAYMENT_ON_NOTHING_REQUESTED:
        return act(DS_PAYMENT_BOOK_NOTHING);
    case DS_PAYMENT_ON_FULFILLED_CASH:
        return act(DS_PAYMENT_BOOK_CASH);
    /* Money for a charge not known here is payment.unmatched and never comes to this table. */
    case DS_PAYMENT_ON_CHARGED_EXACT:
    case DS_PAYMENT_ON_CHARGED_MORE:
    case DS_PAYMENT_ON_CHARGED_SHORT:
    case DS_PAYMENT_ON_CHARGE_FAILED:
    case DS_PAYMENT_ON_REFUNDED:
    case DS_PAYMENT_ON_REFUNDED_SHORT:
    case DS_PAYMENT_ON_REFUND_FAILED:
    case DS_PAYMENT_ON_OTHER_REFUND:
        return refuse("CHARGE_UNKNOWN");
    case DS_PAYMENT_ON_LESS_DUE:
    case DS_PAYMENT_ON_TIMER:
        return act(DS_PAYMENT_PASS_OVER);
    }
    return act(DS_PAYMENT_PASS_OVER);
}

static reaction_t when_charging(enum ds_payment_input input)
{
    switch (input) {
    case DS_PAYMENT_ON_CHARGED_EXACT:
        return act(DS_PAYMENT_SUCCEED);
    case DS_PAYMENT_ON_CHARGED_MORE:
        return act(DS_PAYMENT_SUCCEED_AND_REFUND);
    case DS_PAYMENT_ON_CHARGED_SHORT:
        return act(DS_PAYMENT_FAIL_AND_GIVE_BACK);
    case DS_PAYMENT_ON_CHARGE_FAILED:
    case DS_PAYMENT_ON_TIMER:
        return act(DS_PAYMENT_FAIL);
    case DS_PAYMENT_ON_LESS_DUE:
        return act(DS_PAYMENT_CHANGE_DUE);
    case DS_PAYMENT_ON_REFUNDED:
    case DS_PAYMENT_ON_REFUNDED_SHORT:
    case DS_PAYMENT_ON_REFUND_FAILED:
    case DS_PAYMENT_ON_OTHER_REFUND:
        return refuse("CHARGE_UNKNOWN"); /* no refund was ever asked for */
    case DS_PAYMENT_ON_REQUESTED:
    case DS_PAYMENT_ON_NOTHING_REQUESTED:
    case DS_PAYMENT_ON_FULFILLED_CASH:
        return act(DS_PAYMENT_PASS_OVER);
    }
    return act(DS_PAYMENT_PASS_OVER);
}

static reaction_t when_settled(enum ds_payment_input input)
{
    switch (input) {
    case DS_PAYMENT_ON_LESS_DUE:
        return act(DS_PAYMENT_REFUND);
    case DS_PAYMENT_ON_CHARGED_EXACT:
        if (DS_PLANTED(NO_WEBHOOK_GUARD))
            return act(DS_PAYMENT_SUCCEED);
        return refuse("CHARGE_KNOWN");
    case DS_PAYMENT_ON_CHARGED_MORE:
    case DS_PAYMENT_ON_CHARGED_SHORT:
    case DS_PAYMENT_ON_CHARGE_FAILED:
        return refuse("CHARGE_KNOWN");
    case DS_PAYMENT_ON_REFUNDED:
    case DS_PAYMENT_ON_REFUNDED_SHORT:
    case DS_PAYMENT_ON_REFUND_FAILED:
    case DS_PAYMENT_ON_OTHER_REFUND:
        return refuse("REFUND_KNOWN");
    case DS_PAYMENT_ON_REQUESTED:
    case DS_PAYMENT_ON_NOTHING_REQUESTED:
    case DS_PAYMENT_ON_FULFILLED_CASH:
    case DS_PAYMENT_ON_TIMER:
        return act(DS_PAYMENT_PASS_OVER);
    }
    return act(DS_PAYMENT_PASS_OVER);
}

static reaction_t when_refunding(enum ds_payment_input input)
{
    switch (input) {
    case DS_PAYMENT_ON_LESS_DUE:
        return act(DS_PAYMENT_CHANGE_DUE); /* the next refund takes what is left */
    case DS_PAYMENT_ON_REFUNDED:
        return act(DS_PAYMENT_BOOK_REFUND);
    case DS_PAYMENT_ON_REFUNDED_SHORT:
        return act(DS_PAYMENT_BOOK_REFUND_AND_REFUND);
    case DS_PAYMENT_ON_REFUND_FAILED:
        return act(DS_PAYMENT_NOTE_REFUND_FAILED);
    case DS_PAYMENT_ON_OTHER_REFUND:
        return refuse("REFUND_KNOWN");
    case DS_PAYMENT_ON_CHARGED_EXACT:
    case DS_PAYMENT_ON_CHARGED_MORE:
    case DS_PAYMENT_ON_CHARGED_SHORT:
    case DS_PAYMENT_ON_CHARGE_FAILED:
        return refuse("CHARGE_KNOWN");
    case DS_PAYMENT_ON_REQUESTED:
    case DS_PAYMENT_ON_NOTHING_REQUESTED:
    case DS_PAYMENT_ON_FULFILLED_CASH:
    case DS_PAYMENT_ON_TIMER:
        return act(DS_PAYMENT_PASS_OVER);
    }
    return act(DS_PAYMENT_PASS_OVER);
}

static reaction_t when_refund_wait(enum ds_payment_input input)
{
    switch (input) {
    case DS_PAYMENT_ON_LESS_DUE:
        return act(DS_PAYMENT_CHANGE_DUE);
    case DS_PAYMENT_ON_TIMER:
        return act(DS_PAYMENT_REFUND);
    case DS_PAYMENT_ON_REFUNDED:
    case DS_PAYMENT_ON_REFUNDED_SHORT:
    case DS_PAYMENT_ON_REFUND_FAILED:
    case DS_PAYMENT_ON_OTHER_REFUND:
        return refuse("REFUND_KNOWN"); /* a definite failure is final */
    case DS_PAYMENT_ON_CHARGED_EXACT:
    case DS_PAYMENT_ON_CHARGED_MORE:
    case DS_PAYMENT_ON_CHARGED_SHORT:
    case DS_PAYMENT_ON_CHARGE_FAILED:
        return refuse("CHARGE_KNOWN");
    case DS_PAYMENT_ON_REQUESTED:
    case DS_PAYMENT_ON_NOTHING_REQUESTED:
    case DS_PAYMENT_ON_FULFILLED_CASH:
        return act(DS_PAYMENT_PASS_OVER);
    }
    return act(DS_PAYMENT_PASS_OVER);
}

/* Nothing is due any more: whatever still comes in goes back. */
static reaction_t when_failed(enum ds_payment_input input)
{
    switch (input) {
    case DS_PAYMENT_ON_CHARGED_MORE:
        return act(DS_PAYMENT_SUCCEED_AND_REFUND);
    case DS_PAYMENT_ON_CHARGED_EXACT: /* a capture of nothing */
    case DS_PAYMENT_ON_CHARGED_SHORT:
    case DS_PAYMENT_ON_CHARGE_FAILED:
        return refuse("CHARGE_KNOWN");
    case DS_PAYMENT_ON_REFUNDED:
    case DS_PAYMENT_ON_REFUNDED_SHORT:
    case DS_PAYMENT_ON_REFUND_FAILED:
    case DS_PAYMENT_ON_OTHER_REFUND:
        return refuse("CHARGE_UNKNOWN");
    case DS_PAYMENT_ON_REQUESTED:
    case DS_PAYMENT_ON_NOTHING_REQUESTED:
    case DS_PAYMENT_ON_FULFILLED_CASH:
    case DS_PAYMENT_ON_LESS_DUE:
    case DS_PAYMENT_ON_TIMER:
        return act(DS_PAYMENT_PASS_OVER);
    }
    return act(DS_PAYMENT_PASS_OVER);
}

struct ds_payment_reaction ds_payment_react(enum ds_payment_state state,
                                            enum ds_payment_input input)
{
    switch (state) {
    case DS_PAYMENT_NONE:
        return when_none(input);
    case DS_PAYMENT_CHARGING:
        return when_charging(input);
    case DS_PAYMENT_SETTLED:
        return when_settled(input);
    case DS_PAYMENT_REFUNDING:
        return when_refunding(input);
    case DS_PAYMENT_REFUND_WAIT:
        return when_refund_wait(input);
    case DS_PAYMENT_FAILED:
        return when_failed(input);
    }
    assert(0 && "a payment state outside the enum");
    return act(DS_PAYMENT_PASS_OVER);
}

enum ds_payment_state ds_payment_follow(enum ds_payment_state state, enum ds_payment_effect effect)
{
    switch (effect) {
    case DS_PAYMENT_WAS_INITIATED:
        return DS_PAYMENT_CHARGING;
    case DS_PAYMENT_HAS_SUCCEEDED:
    case DS_PAYMENT_WAS_REFUNDED:
        return DS_PAYMENT_SETTLED; /* unless a refund is initiated in the same decision */
    case DS_PAYMENT_HAS_FAILED:
        return DS_PAYMENT_FAILED;
    case DS_PAYMENT_REFUND_WAS_INITIATED:
        return DS_PAYMENT_REFUNDING;
    case DS_PAYMENT_REFUND_HAS_FAILED:
        return DS_PAYMENT_REFUND_WAIT;
    case DS_PAYMENT_DUE_HAS_CHANGED:
        return state;
    }
    assert(0 && "a payment effect outside the enum");
    return state;
}

const char *ds_payment_state_name(enum ds_payment_state state)
{
    switch (state) {
    case DS_PAYMENT_NONE:
        return "NONE";
    case DS_PAYMENT_CHARGING:
        return "CHARGING";
    case DS_PAYMENT_SETTLED:
        return "SETTLED";
    case DS_PAYMENT_REFUNDING:
        return "REFUNDING";
    case DS_PAYMENT_REFUND_WAIT:
        return "REFUND_WAIT";
    case DS_PAYMENT_FAILED:
        return "FAILED";
    }
    return "?";
}
