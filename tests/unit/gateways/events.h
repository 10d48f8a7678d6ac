/* tests/unit/gateways/events.h - events of payment.events, as a test writes them. */
#ifndef DS_TESTS_GATEWAYS_EVENTS_H
#define DS_TESTS_GATEWAYS_EVENTS_H

#include "schemas/schema.h"

struct ds_payment_event payment_initiated(const char *order_id, const char *key, const char *token,
                                          int64_t amount);
struct ds_payment_event payment_success(const char *order_id);
struct ds_payment_event payment_failed(const char *order_id);
/** @param at_us  the time of the event. */
struct ds_payment_event payment_silent(const char *order_id, int64_t at_us);
struct ds_payment_event refund_initiated(const char *order_id, const char *key, const char *charge,
                                         int64_t amount);
struct ds_payment_event refunded(const char *order_id, const char *key);
struct ds_payment_event refund_failed(const char *order_id, const char *key);

#endif
