/* base/planted.h - mistakes planted for the simulation (tests/sim) and for the exploration of the
 * choreography (tests/unit/interleavings), each breaking one rule.
 *
 * A tester that never finds anything may be blind. Both compile their own copy of some sources with
 * DS_PLANTED_BUGS and switch one mistake on at a time; they must find each of theirs. Everywhere
 * else DS_PLANTED is false at compile time and leaves nothing behind. */
#ifndef DS_BASE_PLANTED_H
#define DS_BASE_PLANTED_H

#include <stdbool.h>

enum ds_planted {
    DS_PLANTED_NOTHING,
    DS_PLANTED_NONCE,         /* R1: any Claim of the epoch is taken for the own */
    DS_PLANTED_TORN,          /* R2: what a torn decision says counts */
    DS_PLANTED_SAME_EPOCH,    /* R3: after a failed delivery the seq is used again */
    DS_PLANTED_FULL,          /* R4: a record that finds the queue full is left out */
    DS_PLANTED_OFFSET,        /* R5: a reported offset is believed */
    DS_PLANTED_MEMBER,        /* R6: a Claim without membership */
    DS_PLANTED_SILENCE,       /* R6: an owner that the group does not hear goes on */
    DS_PLANTED_UNCONFIRMED,   /* R8: a snapshot of what is not confirmed */
    DS_PLANTED_CHECKSUM,      /* R8: a restore does not look at checksums */
    DS_PLANTED_FORMAT,        /* R8: another version's snapshot is used */
    DS_PLANTED_FOREIGN,       /* R8: another log's snapshot is used */
    DS_PLANTED_DEAD_LETTER,   /* R9: a dead letter leaves before its InputRejected is confirmed */
    DS_PLANTED_TIMER,         /* R10: a deadline fires before the inputs are read */
    DS_PLANTED_CLOCK,         /* R10: an owner whose clock is far off decides */
    DS_PLANTED_IDS,           /* R11: command ids are forgotten */
    DS_PLANTED_MEMORY,        /* R12: memory is kept although the log ends elsewhere */
    DS_PLANTED_WARM,          /* a follower folds what rule F skips */
    DS_PLANTED_LAGGARD,       /* a follower that lags takes itself for warm */
    DS_PLANTED_OPEN,          /* R13: an Open is not held against what was read */
    DS_PLANTED_SEQ,           /* F: any seq of the epoch counts */
    DS_PLANTED_EPOCH,         /* F: a record of an older epoch counts where its seq fits */
    DS_PLANTED_HALF_DECISION, /* a reader hands out a decision that is not complete */
    DS_PLANTED_POSITION,      /* a position is moved without a look at what it was */
    DS_PLANTED_TALLY,         /* an event is added to the analytics again */
    DS_PLANTED_COUNT,         /* of those above, which the simulation must find */

    /* In the deciders; the exploration must find them. */
    DS_PLANTED_NO_LATE_REFUND,       /* a success with nothing due is kept */
    DS_PLANTED_NO_LATE_RELEASE,      /* a reservation is not released by order.cancelled */
    DS_PLANTED_DOUBLE_RELEASE,       /* order.cancelled releases again what was released */
    DS_PLANTED_NO_WEBHOOK_GUARD,     /* a second report of a charge is booked again */
    DS_PLANTED_NO_REFUND_KEY,        /* any refund report is taken for the refund pending */
    DS_PLANTED_ORDER_CANCELS_ALONE,  /* after confirmation, order does not ask delivery */
    DS_PLANTED_PICK_UP_AFTER_CANCEL, /* delivery hands out what it has cancelled */
    DS_PLANTED_REFUSAL_NOT_LEARNED,  /* order, waiting to be cancelled, does not see the pick-up */
    DS_PLANTED_CANCEL_PASSED_OVER,   /* delivery does not let go of an assigned order */
    DS_PLANTED_LINE_NOT_REFUSED,     /* delivery drops a line after the pick-up */
    DS_PLANTED_DUE_NOT_LOWERED,      /* a line cancelled while the charge is open is still due */
    DS_PLANTED_DUE_CAN_RISE,         /* what is due is set by every event, upwards too */
    DS_PLANTED_NOT_RESERVED,         /* order goes on although nothing is reserved */
    DS_PLANTED_NO_PAYMENT_DEADLINE,  /* nobody gives up a charge */
    DS_PLANTED_NO_SEARCH_DEADLINE,   /* nobody gives up looking for a courier */
    DS_PLANTED_NO_RETURN_DEADLINE,   /* goods may be on their way back for ever */
    DS_PLANTED_NO_REFUND_RETRY,      /* a refund that failed is not tried again */
    DS_PLANTED_KEEP_COURIER,         /* a cancelled delivery keeps its courier */
    DS_PLANTED_OLD_OFFER,            /* the answer to an old offer counts for the one that stands */
    DS_PLANTED_NO_CAPACITY,          /* a courier is offered more than it can carry */
    DS_PLANTED_PLACE_TWICE,          /* a repeated order begins again */
    DS_PLANTED_GIFT_FORGOTTEN,       /* a new total takes back what staff gave */
    DS_PLANTED_GIFT_TOO_LARGE,       /* staff may give more than is due */
    DS_PLANTED_DISPUTE_REFUNDS,      /* a dispute gives the money back by itself */
    DS_PLANTED_ANY_CODE,             /* the code at the door is not compared */
    DS_PLANTED_CODE_GUESSED,         /* wrong codes are not counted */
    DS_PLANTED_LESS_CASH,            /* the cash at the door is not compared */
    DS_PLANTED_CASH_UNTOLD,          /* after a cancelled line, any cash will do */
    DS_PLANTED_OLD_TOTAL,            /* a cancelled line is still to be paid for at the door */
    DS_PLANTED_LATE_GIVE_BACK,       /* a courier gives an order back that it has on the road */
    DS_PLANTED_NO_RESTOCK,           /* what came back to the store stays off the shelf */
    DS_PLANTED_LOST_RESTOCKED,       /* what is lost goes back on the shelf */
    DS_PLANTED_END,
};

#ifdef DS_PLANTED_BUGS
extern enum ds_planted ds_planted;
#define DS_PLANTED(bug) (ds_planted == DS_PLANTED_##bug)
#else
#define DS_PLANTED(bug) (false)
#endif

#endif
