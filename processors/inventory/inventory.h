/* processors/inventory/inventory.h - the inventory processor: who gets which piece of stock.
 *
 * It alone reserves, refuses, releases, commits and takes back (CHOREOGRAPHY section 5). It acts on
 * order.events for orders and on inventory.commands for staff. A basket comes from one store, so
 * all lines of an order are decided in one decision of one partition: all of them or none.
 * Deadlines: none of its own but one, see inventory_state.h. */
#ifndef DS_PROCESSORS_INVENTORY_INVENTORY_H
#define DS_PROCESSORS_INVENTORY_INVENTORY_H

#include "decider/decider.h"

extern const struct ds_decider ds_inventory_decider;

#endif
