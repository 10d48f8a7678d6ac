/* One order and everybody around it, as short calls on a decider kit. */
#ifndef DS_TESTS_ORDER_WORLD_H
#define DS_TESTS_ORDER_WORLD_H

#include "processors/order/order_state.h"
#include "tests/support/decider_kit.h"

#define ORDER_ID    "berlin-1.01K9ZZZZZZZZZZZZZZZZZZZZZZ"
#define CUSTOMER_ID "anna"
#define STRANGER_ID "bert"
#define STAFF_ID    "staff-1"

/* Line 1: 2 x 150 of milk; line 2: 3 x 200 of bread; fee 250: 1150 in all. */
#define TOTAL_MINOR 1150

/** The command of that order, to be changed by the test. Lines point into `lines` (two). */
struct world_place {
    struct ds_order_command command;
    struct ds_order_line lines[2];
};
void world_place_init(struct world_place *place, enum ds_payment_method method);

size_t world_place(ds_decider_kit_t *kit, enum ds_payment_method method);
size_t world_cancel_as(ds_decider_kit_t *kit, enum ds_actor_kind kind, const char *actor,
                       const char *note);
size_t world_cancel(ds_decider_kit_t *kit);       /* by the customer */
size_t world_cancel_staff(ds_decider_kit_t *kit); /* by staff */
size_t world_cancel_line(ds_decider_kit_t *kit, enum ds_actor_kind kind, int32_t line,
                         int32_t quantity);
size_t world_reserved(ds_decider_kit_t *kit);
size_t world_stock_rejected(ds_decider_kit_t *kit);
size_t world_payment_success(ds_decider_kit_t *kit);
size_t world_payment_failed(ds_decider_kit_t *kit);
size_t world_delivery_lines_cancelled(ds_decider_kit_t *kit, int32_t line, int32_t quantity);
size_t world_delivery_cancelled(ds_decider_kit_t *kit, enum ds_cancel_reason reason);
size_t world_in_transit(ds_decider_kit_t *kit);
size_t world_completed(ds_decider_kit_t *kit);
size_t world_returned(ds_decider_kit_t *kit);
size_t world_lost(ds_decider_kit_t *kit);

/** Bring a new kit's order into a state on the shortest way. */
void world_reach(ds_decider_kit_t *kit, enum ds_order_state state, enum ds_payment_method method);
enum ds_order_state world_state(const ds_decider_kit_t *kit);
/** The only event of the last step; the test ends when there is not exactly one. */
const struct ds_order_event *world_only(const ds_decider_kit_t *kit);

#endif
