/* processors/payment/payment_state.h - all payments of one partition, built from payment.events
 * alone.
 *
 * Invariants of a payment: due never rises; refunded + pending <= captured; in `deadlines` exactly
 * while due_us is set; in `expiries` exactly while it is at rest (SETTLED, FAILED):
 * DS_PAYMENT_MEMORY_US of log time after its last event it is forgotten, and what is reported then
 * is payment.unmatched.
 * Threads: one state, one thread.
 *
 * Its image in a snapshot is schemas/avsc/payment.state.avsc; payment_image.c. */
#ifndef DS_PROCESSORS_PAYMENT_PAYMENT_STATE_H
#define DS_PROCESSORS_PAYMENT_PAYMENT_STATE_H

#include "base/heap.h"
#include "processors/payment/payment.h"
#include "processors/payment/payment_table.h"

#define DS_PAYMENT_NO_DUE INT64_MAX

struct ds_payment {
    enum ds_payment_state state;
    bool cash;
    int64_t asked_minor; /* of the charge */
    int64_t due_minor;
    int64_t captured_minor;
    int64_t refunded_minor;
    int64_t pending_minor;   /* of the refund that is out; 0: none */
    int64_t goodwill_minor;  /* given back by staff beyond what was owed; part of what is not due */
    int32_t refund_number;   /* of the last refund asked for */
    int32_t refund_failures; /* since the last refund that was done */
    int64_t due_us;          /* DS_PAYMENT_NO_DUE: nothing to wait for */
    int64_t expires_us;      /* while in `expiries` */
    int32_t deadline_handle;
    int32_t expiry_handle;
    ds_str_t id; /* the order's; this and the next three: in the same allocation */
    ds_str_t currency;
    ds_str_t correlation_id;
    ds_str_t traceparent;     /* empty: none */
    char *provider;           /* owned; NULL until captured */
    char *provider_reference; /* owned; NULL until captured */
};

struct ds_payments {
    const struct ds_payment_settings *settings;
    ds_shelf_t *by_order;
    ds_heap_t *deadlines;
    ds_heap_t *expiries;
};

void *ds_payments_new(const void *settings, ds_error_t *error);
void ds_payments_destroy(void *state);
bool ds_payments_evolve(void *state, const void *event, ds_error_t *error);
bool ds_payments_next_timer(const void *state, const struct ds_timer_skip *skip,
                            struct ds_timer *timer_out);
/** @brief Borrowed; NULL: never seen or forgotten. */
const struct ds_payment *ds_payments_find(const struct ds_payments *payments, ds_str_t order_id);
/** @brief A new payment as its image says. */
DS_MUST_CHECK bool ds_payments_add(struct ds_payments *payments,
                                   const struct ds_payment_state_item *image,
                                   struct ds_payment **payment_out, ds_error_t *error);
/** @brief captured - refunded. */
int64_t ds_payment_kept(const struct ds_payment *payment);

/* payment_image.c; see struct ds_decider. */
size_t ds_payments_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES]);
bool ds_payment_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                      void *item_out, ds_error_t *error);
bool ds_payments_restore(void *state, const void *item, ds_error_t *error);
bool ds_payments_restored(void *state, ds_error_t *error);

#endif
