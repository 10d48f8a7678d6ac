/* decider/memory.h - for how long what is over is remembered, by the time of each log; all of it in
 * one place, since the order in which processors forget is a rule (ADR 31).
 *
 * An id comes again when a customer's key does. Order answers that as a repeat for as long as it
 * knows the order; what it has forgotten is a new order to it. So nobody else may still know the id
 * then: inventory and payment would take the end of the new order for that of the old one, put
 * goods on the shelf that are with the customer, and give their price back.
 *
 * Inventory and payment, in turn, must know what an order has taken and paid for as long as it may
 * still be cancelled: for its whole life, and while a processor is away or an aggregate is
 * quarantined.
 *
 * Part of evolve, so not settings; any change here is one of the logic of all processors
 * (processors/CMakeLists.txt). */
#ifndef DS_DECIDER_MEMORY_H
#define DS_DECIDER_MEMORY_H

#include <stdint.h>

#define DS_MEMORY_HOUR_US (INT64_C(3600) * 1000000)
#define DS_MEMORY_DAY_US  (24 * DS_MEMORY_HOUR_US)

/** From its confirmation to its end, at most; the settings of delivery are held to it. */
#define DS_ORDER_LIFE_MAX_US (5 * DS_MEMORY_DAY_US)

/** After its end. */
#define DS_ORDER_MEMORY_US (10 * DS_MEMORY_DAY_US)
/** Of a cancel of an order that is not known: nobody else knows of it, and anybody can make one. */
#define DS_ORDER_TOMBSTONE_US DS_MEMORY_DAY_US
/** After the last event of the payment, the reservation, the delivery. */
#define DS_PAYMENT_MEMORY_US   (7 * DS_MEMORY_DAY_US)
#define DS_INVENTORY_MEMORY_US (7 * DS_MEMORY_DAY_US)
#define DS_DELIVERY_MEMORY_US  (3 * DS_MEMORY_DAY_US)

/** How much later than the rest of an order a processor may be. */
#define DS_MEMORY_SLACK_US (2 * DS_MEMORY_DAY_US)

_Static_assert(DS_PAYMENT_MEMORY_US >= DS_ORDER_LIFE_MAX_US + DS_MEMORY_SLACK_US,
               "what was paid is known when the order is cancelled");
_Static_assert(DS_INVENTORY_MEMORY_US >= DS_ORDER_LIFE_MAX_US + DS_MEMORY_SLACK_US,
               "what was taken is known when the order is cancelled");
_Static_assert(DS_ORDER_MEMORY_US >= DS_PAYMENT_MEMORY_US + DS_MEMORY_SLACK_US &&
                   DS_ORDER_MEMORY_US >= DS_INVENTORY_MEMORY_US + DS_MEMORY_SLACK_US &&
                   DS_ORDER_MEMORY_US >= DS_DELIVERY_MEMORY_US + DS_MEMORY_SLACK_US,
               "an id is free for another order only when nobody else knows it");

#endif
