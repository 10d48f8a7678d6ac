/* processors/order/order_decide.h - from an input to the order's events. Pure. */
#ifndef DS_PROCESSORS_ORDER_ORDER_DECIDE_H
#define DS_PROCESSORS_ORDER_ORDER_DECIDE_H

#include "processors/order/order_state.h"

bool ds_orders_decide(const void *state, const struct ds_input *input, int64_t now_us,
                      ds_decision_t *decision, ds_error_t *error);

#endif
