/* tests/unit/interleavings/facts.h - what the checks want to know of a decider's state, read from
 * its images. */
#ifndef DS_TESTS_INTERLEAVINGS_FACTS_H
#define DS_TESTS_INTERLEAVINGS_FACTS_H

#include "message.h"

#define TIMERS_MAX (ORDERS + LINES + 1)
#define NOBODY     (-1)
#define NOT_KNOWN  (-1)

struct order_facts {
    uint8_t state; /* enum ds_order_state */
    uint8_t left[LINES];
};

struct reservation_facts {
    uint8_t state; /* enum ds_reservation_state */
    int8_t quantity[LINES];
};

struct stock_facts {
    int16_t available;
    int16_t reserved;
    int16_t committed;
    int16_t received;
};

struct payment_facts {
    uint8_t state; /* enum ds_payment_state */
    int16_t due;
    int16_t captured;
    int16_t refunded;
    int16_t pending;
    int16_t goodwill;
};

struct delivery_facts {
    uint8_t state; /* enum ds_delivery_state */
    int8_t courier;
    uint8_t offer_number;
    uint8_t code_failures;
    int16_t total; /* NOT_KNOWN: it will take any cash */
    uint8_t left[LINES];
};

struct courier_facts {
    bool online;
    uint8_t capacity;
    uint8_t bound; /* deliveries that name it */
};

/** Of one part's state; what belongs to the others is zero. */
struct facts {
    struct order_facts orders[ORDERS];
    struct reservation_facts reservations[ORDERS];
    struct stock_facts stock[LINES];
    struct payment_facts payments[ORDERS];
    struct delivery_facts deliveries[ORDERS];
    struct courier_facts couriers[COURIERS];
    struct ds_timer timers[TIMERS_MAX]; /* every deadline in it; texts borrowed from constants */
    uint8_t timer_count;
};

/** @brief Add what an image says. */
void facts_add(struct facts *facts, enum part part, const void *item);

#endif
