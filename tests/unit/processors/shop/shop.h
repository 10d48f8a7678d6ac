/* A shop in memory: the four deciders of an order with a queue for each input, a provider with
 * books of its own, and people. One thread, one clock, no server. What is delivered when is up to
 * the test. */
#ifndef DS_TESTS_SHOP_H
#define DS_TESTS_SHOP_H

#include "tests/support/decider_kit.h"

enum shop_part { SHOP_ORDER, SHOP_INVENTORY, SHOP_PAYMENT, SHOP_DELIVERY, SHOP_PARTS };

#define SHOP_ORDERS   4
#define SHOP_COURIERS 2
#define SHOP_CALLS    64
#define SHOP_QUEUES   6
#define SHOP_TOTAL    1150 /* 2 x 150 + 3 x 200 + 250 */

/** A charge or a refund that the gateway asked the provider for. */
struct shop_call {
    bool refund;
    int order;
    int64_t amount_minor;
    char key[96];
    bool decided;
    bool approved;
};

struct shop {
    ds_decider_kit_t *kits[SHOP_PARTS];
    size_t read[SHOP_QUEUES]; /* of the log each queue reads */
    size_t gateway_read;
    struct shop_call calls[SHOP_CALLS];
    size_t call_count;
    int64_t provider_captured[SHOP_ORDERS];
    int64_t provider_refunded[SHOP_ORDERS];
    char history[4096]; /* the wire names of all events in the order they were written */
};

void shop_init(struct shop *shop, int32_t milk, int32_t bread);
void shop_cleanup(struct shop *shop);

/** Hand over the next record of a queue; false: it is empty. */
bool shop_deliver(struct shop *shop, int queue);
/** Hand over everything there is, and what follows from it. */
void shop_settle(struct shop *shop);
/** Fire the earliest deadline of a part and move all clocks; false: it has none. */
bool shop_fire(struct shop *shop, enum shop_part part);
/** Fire the earliest deadline of all; false: there is none. */
bool shop_fire_next(struct shop *shop);
/** Move all clocks; nothing happens meanwhile, and no deadline fires. */
void shop_wait(struct shop *shop, int64_t us);

void shop_place(struct shop *shop, int order, enum ds_payment_method method);
/** By card, without a fee; the milk costs nothing. */
void shop_place_free_milk(struct shop *shop, int order, int64_t bread_minor);
void shop_cancel(struct shop *shop, int order, enum ds_actor_kind by);
void shop_cancel_line(struct shop *shop, int order, int32_t line, int32_t quantity);
void shop_couriers_online(struct shop *shop);
/** The courier of the last offer of an order takes it, or does not. */
void shop_answer_offer(struct shop *shop, int order, bool accept);
/** Staff act for whoever is assigned. */
void shop_pick_up(struct shop *shop, int order);
/** For as much as delivery says is to be collected. */
void shop_hand_over(struct shop *shop, int order);
void shop_hand_over_for(struct shop *shop, int order, int64_t cash_minor);
void shop_fail_attempt(struct shop *shop, int order);
void shop_back_at_store(struct shop *shop, int order);
/** The provider decides a call once (a declined charge may be approved later), and reports it. */
void shop_report(struct shop *shop, size_t call, bool approve);

/** What the log says of an order: OPEN, REFUSED, CANCELLED, FULFILLED; ends the test when it says
 * two things. */
enum shop_end { SHOP_UNKNOWN, SHOP_OPEN, SHOP_REFUSED, SHOP_CANCELLED, SHOP_FULFILLED };
enum shop_end shop_end_of(struct shop *shop, int order, int64_t *total_minor_out);
/** Captured - refunded by payment's events; the second counts unmatched reports. */
int64_t shop_kept(struct shop *shop, int order, int *unmatched_out);
/** In cash, by delivery's events. */
int64_t shop_collected(struct shop *shop, int order);
/** Checks every inventory event, and that nothing is reserved at the end when `rest`. */
void shop_check_stock(struct shop *shop, bool rest);

#endif
