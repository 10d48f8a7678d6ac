/* processors/order/order_place.h - what a PlaceOrder must be to be taken. Pure, any thread. */
#ifndef DS_PROCESSORS_ORDER_ORDER_PLACE_H
#define DS_PROCESSORS_ORDER_ORDER_PLACE_H

#include "processors/order/order.h"

/** All texts of an order together, in bytes. The api takes bodies of 64 KiB; an order above this
 * would not fit beside others into what readers hold for a batch. */
#define DS_ORDER_MAX_TEXT_BYTES   (128 * 1024)
#define DS_ORDER_MAX_PERSON_BYTES 128

/** @brief Whether the order can be named at all: an id of its store, a customer. Without them
 * nothing can be refused readably, and the command is rejected. */
bool ds_order_place_has_name(const struct ds_place_order *place);
/** @brief Whether it is small enough to be repeated in events. */
bool ds_order_place_fits(const struct ds_place_order *place);
/** @brief Whether the rest holds: 1-50 numbered lines of the store's products, prices, sums,
 * currency, and a customer who orders for themself. */
bool ds_order_place_valid(const struct ds_place_order *place, const struct ds_actor *actor);

#endif
