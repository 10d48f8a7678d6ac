/* What inventory is fed with in its tests: orders and staff's commands of the store "shop", product
 * by product. */
#ifndef DS_TESTS_UNIT_PROCESSORS_INVENTORY_INVENTORY_INPUTS_H
#define DS_TESTS_UNIT_PROCESSORS_INVENTORY_INVENTORY_INPUTS_H

#include "processors/inventory/inventory.h"
#include "processors/inventory/inventory_state.h"
#include "tests/support/decider_kit.h"

/** A line of an order, or an item of a command (then `line` is not used). */
struct part {
    int32_t line;
    const char *product_id;
    int32_t quantity;
};

ds_decider_kit_t *new_inventory(void);
const struct ds_inventory *inventory_of(const ds_decider_kit_t *kit);
const struct ds_stock *stock_of(const ds_decider_kit_t *kit, const char *product_id);
enum ds_reservation_state reservation_of(const ds_decider_kit_t *kit, const char *order_id);

size_t order_created(ds_decider_kit_t *kit, const char *order_id, const struct part *lines,
                     size_t count);
size_t order_lines_cancelled(ds_decider_kit_t *kit, const char *order_id, const struct part *lines,
                             size_t count);
size_t order_cancelled(ds_decider_kit_t *kit, const char *order_id, enum ds_goods goods);
size_t order_picked_up(ds_decider_kit_t *kit, const char *order_id);

/** @brief A command of the kind, by staff. */
size_t staff(ds_decider_kit_t *kit, int32_t kind, const struct part *items, size_t count);
size_t somebody(ds_decider_kit_t *kit, enum ds_actor_kind actor, int32_t kind,
                const struct part *items, size_t count);
/** @brief One product. */
size_t receive(ds_decider_kit_t *kit, const char *product_id, int32_t quantity);
size_t set_threshold(ds_decider_kit_t *kit, const char *product_id, int32_t threshold);

/** @brief An order of one line, number 1. */
size_t order_one(ds_decider_kit_t *kit, const char *order_id, const char *product_id,
                 int32_t quantity);

#endif
