/* processors/order/order.h - the order processor: accept, ask for the payment, confirm, cancel,
 * fulfil.
 *
 * The hub of the choreography: it listens to inventory, payment and delivery, and they listen to
 * it. Its table is in order_table.h, its state in order_state.h. An order's events are the only
 * place where a cancellation becomes true. */
#ifndef DS_PROCESSORS_ORDER_ORDER_H
#define DS_PROCESSORS_ORDER_ORDER_H

#include "decider/decider.h"

/** The permanent numbers of its inputs. */
enum ds_order_input_number {
    DS_ORDER_INPUT_COMMANDS = 0,
    DS_ORDER_INPUT_INVENTORY = 1,
    DS_ORDER_INPUT_PAYMENT = 2,
    DS_ORDER_INPUT_DELIVERY = 3,
};

struct ds_order_settings {
    int64_t reserve_timeout_us;
    int64_t payment_timeout_us;
    int64_t delivery_timeout_us;
    int64_t place_ttl_us;
};

extern const struct ds_decider ds_order_decider;

#endif
