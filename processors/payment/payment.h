/* processors/payment/payment.h - the payment processor: charge once, and give back what is not due.
 *
 * One number rules the money of an order: what is *due*. It starts at the total and only ever goes
 * down. Whenever more is kept (captured - refunded) than is due and no refund is out, the
 * difference is refunded. It charges nobody itself: the gateway acts on its events and reports, a
 * webhook may report the same again. */
#ifndef DS_PROCESSORS_PAYMENT_PAYMENT_H
#define DS_PROCESSORS_PAYMENT_PAYMENT_H

#include "decider/decider.h"

/** The permanent numbers of its inputs. */
enum ds_payment_input_number {
    DS_PAYMENT_INPUT_COMMANDS = 0,
    DS_PAYMENT_INPUT_ORDER = 1,
};

struct ds_payment_settings {
    int64_t give_up_us;
    int64_t refund_retry_first_us;
    int64_t refund_retry_max_us;
};

extern const struct ds_decider ds_payment_decider;

#endif
