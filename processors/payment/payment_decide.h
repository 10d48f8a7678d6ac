/* processors/payment/payment_decide.h - from an input to the payment's events. Pure. */
#ifndef DS_PROCESSORS_PAYMENT_PAYMENT_DECIDE_H
#define DS_PROCESSORS_PAYMENT_PAYMENT_DECIDE_H

#include "processors/payment/payment_state.h"

bool ds_payments_decide(const void *state, const struct ds_input *input, int64_t now_us,
                        ds_decision_t *decision, ds_error_t *error);

#endif
