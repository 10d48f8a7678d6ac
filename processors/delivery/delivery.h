/* processors/delivery/delivery.h - the delivery processor: which courier, pick-up, hand-over,
 * return, loss.
 *
 * After order.confirmed it alone says whether an order still can be cancelled (CHOREOGRAPHY
 * sections 1 and 6): first at delivery wins. It acts on order.events and on delivery.commands of
 * couriers and staff. A courier belongs to a store and is offered that store's orders only, so
 * everything a decision needs is in one partition.
 *
 * How a courier is chosen: delivery_match.h. */
#ifndef DS_PROCESSORS_DELIVERY_DELIVERY_H
#define DS_PROCESSORS_DELIVERY_DELIVERY_H

#include "decider/decider.h"

/** For decide only; what evolve needs of them is in the events. */
struct ds_delivery_settings {
    int64_t search_timeout_us; /* after delivery.requested; never restarted */
    int64_t offer_timeout_us;
    int64_t pickup_timeout_us; /* after delivery.assigned */
    int64_t silent_us;         /* not seen for so long */
    int64_t late_us;           /* on the way for so long */
    int64_t lost_us;           /* silent, or on the way back, for so long */
    int64_t attempts_max;      /* at the door */
};

extern const struct ds_decider ds_delivery_decider;

#endif
