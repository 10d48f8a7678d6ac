/* processors/delivery/courier_table.h - a courier's states: CHOREOGRAPHY section 6, second table.
 *
 * With a capacity above one, a courier is OFFERED or BUSY towards each order that is bound to it;
 * towards any other it is FREE while online and OFFLINE while not. An input from an order moves the
 * state towards that order alone, with one exception: what ends in OFFLINE takes the courier
 * offline altogether, though orders it has already stay with it until they end. The two commands
 * look at the courier as a whole: BUSY with one order is BUSY.
 *
 * One addition to the table: go_online in any state renews name, vehicle and capacity, and brings
 * back one that went offline with orders still bound to it. Pure, any thread. */
#ifndef DS_PROCESSORS_DELIVERY_COURIER_TABLE_H
#define DS_PROCESSORS_DELIVERY_COURIER_TABLE_H

#include <stdbool.h>

enum ds_courier_state {
    DS_COURIER_OFFLINE,
    DS_COURIER_FREE,
    DS_COURIER_OFFERED,
    DS_COURIER_BUSY,
    DS_COURIER_STATES,
};

enum ds_courier_input {
    DS_COURIER_ON_GO_ONLINE,
    DS_COURIER_ON_GO_OFFLINE,
    DS_COURIER_ON_OFFERED,
    DS_COURIER_ON_OFFER_ENDED,
    DS_COURIER_ON_ASSIGNED,
    DS_COURIER_ON_UNASSIGNED,
    DS_COURIER_ON_CANCELLED,
    DS_COURIER_ON_COMPLETED,
    DS_COURIER_ON_RETURNED,
    DS_COURIER_ON_LOST,
    DS_COURIER_ON_REASSIGNED_AWAY,
    DS_COURIER_ON_REASSIGNED_TO,
    DS_COURIER_INPUTS,
};

struct ds_courier_step {
    bool allowed; /* false: no such row; a command is refused, an event cannot be */
    enum ds_courier_state next;
    const char *reason; /* of a command that is refused */
};

/** @brief What the input leads to in the state. Both must be real ones. */
struct ds_courier_step ds_courier_step(enum ds_courier_state state, enum ds_courier_input input);

#endif
