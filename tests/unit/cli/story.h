/* story.h - the steps of an order, as the processors write them, one function each.
 *
 * One order, one line of two pieces of the product "s.milk" at 100, a fee of 50: total 250; or all
 * of it for nothing. Offsets of what was written are kept in the story, so that the next step can
 * answer it. */
#ifndef DS_TESTS_UNIT_CLI_STORY_H
#define DS_TESTS_UNIT_CLI_STORY_H

#include "history.h"

#define STORY_PRICE 100
#define STORY_FEE   50
#define STORY_TOTAL 250

struct story {
    struct history *h;
    ds_str_t id;
    enum ds_payment_method method;
    int64_t price; /* of a piece */
    int64_t fee;
    int64_t priced; /* catalogue offset */
    int64_t stocked;
    int64_t available; /* of s.milk */
    int64_t reserved;
    int64_t committed;
    int64_t created;
    int64_t held;
    int64_t requested;
    int64_t initiated;
    int64_t reported; /* the last success, as a command */
    int64_t paid;
    int64_t confirmed;
    int64_t searching;
    int64_t in_transit;
    int64_t picked_up;
    int64_t completed;
    int64_t fulfilled;
    int64_t cancelled;
    int32_t refunds;
    int64_t refund;
};

/** A shop with the product at its price and ten pieces of it. */
struct story story_begin(enum ds_payment_method method);
/** The same for nothing, by card. */
struct story story_begin_free(void);
void story_end(struct story *s);

void story_place(struct story *s);
void story_reserve(struct story *s);
/** inventory.rejected. */
void story_reject(struct story *s);
void story_request_payment(struct story *s);
void story_initiate(struct story *s);
/** @param due  what is due after it. */
void story_pay(struct story *s, int64_t amount, int64_t due, bool more);
/** payment.failed: the provider declined, or was silent for too long. */
void story_fail(struct story *s, enum ds_fail_reason reason);
/** Without a charge, answering `cause`. */
void story_pay_nothing(struct story *s, struct hist_cause cause);
void story_confirm(struct story *s);
/** order.confirmed, answering `cause`. */
void story_confirm_on(struct story *s, struct hist_cause cause);
void story_search(struct story *s);
void story_assign(struct story *s);
void story_carry(struct story *s);
void story_pick_up(struct story *s);
void story_commit(struct story *s);
void story_hand_over(struct story *s, int64_t cash);
void story_fulfil(struct story *s);
void story_pay_cash(struct story *s);
/** order.cancelled, answering `cause`. */
void story_cancel(struct story *s, struct hist_cause cause, enum ds_goods goods);
/** A command of the customer. @return its offset. */
int64_t story_ask_cancel(struct story *s, const char *command_id);
void story_release(struct story *s, int64_t pieces, int64_t cause);
void story_refund_initiate(struct story *s, int64_t amount, int64_t due, struct hist_cause cause);
void story_refund(struct story *s, int64_t amount, int64_t refunded);
/** Staff changes the stock; the levels given are what the story knows, after it. */
void story_receive(struct story *s, int32_t pieces);

/** All of it. */
void story_card(struct story *s);
void story_cash(struct story *s);
/** Up to order.confirmed, by card. */
void story_until_confirmed(struct story *s);
/** From there to delivery.completed. */
void story_deliver(struct story *s);

#endif
