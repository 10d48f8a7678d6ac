/* What delivery is fed with in its tests: orders of two lines (2 milk, 1 bread; 150 for the way;
 * total 1000), couriers, staff. Every function returns how many events were decided. */
#ifndef DS_TESTS_UNIT_PROCESSORS_DELIVERY_DELIVERY_INPUTS_H
#define DS_TESTS_UNIT_PROCESSORS_DELIVERY_DELIVERY_INPUTS_H

#include "processors/delivery/delivery.h"
#include "processors/delivery/delivery_state.h"
#include "tests/support/decider_kit.h"

#define CARD DS_PAYMENT_METHOD_CARD
#define CASH DS_PAYMENT_METHOD_CASH_ON_DELIVERY

#define MILK_PRICE  300
#define BREAD_PRICE 250

ds_decider_kit_t *new_dispatch(void);
const struct ds_dispatch *dispatch_of(const ds_decider_kit_t *kit);
const struct ds_delivery *delivery_of(const ds_decider_kit_t *kit, const char *order_id);
const struct ds_courier *courier_of(const ds_decider_kit_t *kit, const char *courier_id);
enum ds_delivery_state state_of(const ds_decider_kit_t *kit, const char *order_id);
/** @brief Whether the order is bound to the courier; NULL: to nobody. */
bool has(const ds_decider_kit_t *kit, const char *order_id, const char *courier_id);
const struct ds_delivery_event *event_of(const ds_decider_kit_t *kit, size_t i);

size_t confirmed(ds_decider_kit_t *kit, const char *order_id, enum ds_payment_method method);
size_t cancel_order(ds_decider_kit_t *kit, const char *order_id, enum ds_cancel_by by);
size_t cancel_line(ds_decider_kit_t *kit, const char *order_id, int32_t line, int32_t quantity);
/** @brief As order asked before its event said what the lines cost. */
size_t cancel_line_without_price(ds_decider_kit_t *kit, const char *order_id, int32_t line,
                                 int32_t quantity);

/** Commands by the courier itself, in the order of the schema. */
size_t online(ds_decider_kit_t *kit, const char *courier_id, int32_t capacity);
size_t offline(ds_decider_kit_t *kit, const char *courier_id);
/** @brief The order's offer of that number. */
size_t accept(ds_decider_kit_t *kit, const char *order_id, int number, const char *courier_id);
size_t decline(ds_decider_kit_t *kit, const char *order_id, int number, const char *courier_id);
size_t give_back(ds_decider_kit_t *kit, const char *order_id, const char *courier_id);
size_t pick_up(ds_decider_kit_t *kit, const char *order_id, const char *courier_id);
size_t arrive(ds_decider_kit_t *kit, const char *order_id, const char *courier_id);
/** @param cash_minor  below zero: none. */
size_t hand_over(ds_decider_kit_t *kit, const char *order_id, const char *courier_id,
                 int64_t cash_minor);
size_t attempt_failed(ds_decider_kit_t *kit, const char *order_id, const char *courier_id);
size_t see(ds_decider_kit_t *kit, const char *courier_id);
/** Commands by staff. */
/** @param to  NULL: whoever is free. */
size_t reassign(ds_decider_kit_t *kit, const char *order_id, const char *to);
size_t back_at_store(ds_decider_kit_t *kit, const char *order_id);
/** @brief Any command, by anybody; the head is filled in. */
size_t ask(ds_decider_kit_t *kit, enum ds_actor_kind actor, const char *actor_id,
           struct ds_delivery_command command);

/** @brief An order on its way with courier "shop.c1" up to a state; a courier only where there must
 * be one. */
ds_decider_kit_t *order_in(enum ds_delivery_state state, const char *order_id,
                           enum ds_payment_method method);

#endif
