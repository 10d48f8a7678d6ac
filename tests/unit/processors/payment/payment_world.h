/* One payment, its order, its gateway and its webhooks, as short calls on a decider kit. */
#ifndef DS_TESTS_PAYMENT_WORLD_H
#define DS_TESTS_PAYMENT_WORLD_H

#include "processors/payment/payment_state.h"
#include "tests/support/decider_kit.h"

#define ORDER_ID    "berlin-1.01K9ZZZZZZZZZZZZZZZZZZZZZZ"
#define CHARGE_KEY  ORDER_ID "-c1"
#define TOTAL_MINOR 1000

size_t world_requested(ds_decider_kit_t *kit, int64_t total_minor);
size_t world_fulfilled(ds_decider_kit_t *kit, enum ds_payment_method method, int64_t total_minor);
size_t world_lines_cancelled(ds_decider_kit_t *kit, int64_t total_minor);
size_t world_order_cancelled(ds_decider_kit_t *kit);
/** A report of the gateway, to be changed by the test. */
struct ds_payment_command world_charge_report(enum ds_report_outcome outcome, int64_t amount_minor);
struct ds_payment_command world_refund_report(int32_t number, enum ds_report_outcome outcome,
                                              int64_t amount_minor);
struct ds_payment_command world_dispute_report(int64_t amount_minor);
size_t world_charged(ds_decider_kit_t *kit, int64_t amount_minor);
size_t world_charge_failed(ds_decider_kit_t *kit);
size_t world_refunded(ds_decider_kit_t *kit, int32_t number, int64_t amount_minor);
size_t world_refund_failed(ds_decider_kit_t *kit, int32_t number);

/** Bring a new kit's payment into a state; REFUNDING and REFUND_WAIT have refund 1 of 400, due 600.
 */
void world_reach(ds_decider_kit_t *kit, enum ds_payment_state state);
/** NULL: none. */
const struct ds_payment *world_payment(const ds_decider_kit_t *kit);
enum ds_payment_state world_state(const ds_decider_kit_t *kit);
const struct ds_payment_event *world_event(const ds_decider_kit_t *kit, size_t i);

#endif
