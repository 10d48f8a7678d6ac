/* tests/unit/interleavings/outside.h - what stands outside the deciders: the payment provider's
 * books and what it still has to say, and what became of the goods.
 *
 * The provider applies a charge or a refund once per key, and may report it late, twice, never, or
 * say two things. */
#ifndef DS_TESTS_INTERLEAVINGS_OUTSIDE_H
#define DS_TESTS_INTERLEAVINGS_OUTSIDE_H

#include "message.h"

#define REFUNDS_MAX 8

enum charge_state { NOT_ASKED, ASKED, APPROVED, DECLINED };
enum refund_state { NO_REFUND, REFUND_DONE, REFUND_REFUSED };
enum road { AT_STORE, ON_THE_WAY, HANDED_OVER, BACK, LOST };

struct refund_call {
    uint8_t state;   /* enum refund_state */
    uint8_t reports; /* still to come */
    int16_t amount;
};

struct outside_order {
    uint8_t charge;         /* enum charge_state */
    uint8_t ok_reports;     /* still to come */
    uint8_t failed_reports; /* still to come */
    uint8_t refusals;       /* refunds it will still refuse */
    uint8_t gifts;          /* bits: which of staff's refunds of goodwill were taken */
    int16_t asked;
    int16_t approved; /* of what it reports */
    int16_t charged;
    int16_t refunded;
    struct refund_call refunds[REFUNDS_MAX]; /* key n stands at n - 1 */
    /* What the log said so far. */
    uint8_t carried[LINES]; /* from delivery.in_transit */
    uint8_t road;           /* enum road */
    uint8_t successes;      /* of the card */
    bool created;
    bool refused;
    uint8_t ends;
    int16_t fulfilled; /* the total */
};

struct outside {
    struct outside_order orders[ORDERS];
};

#endif
