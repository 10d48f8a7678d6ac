/* processors/inventory/inventory_plan.h - what a decision is about to do to the stock: shared by
 * the two halves of decide (orders, staff). Everything lives in the decision's arena. */
#ifndef DS_PROCESSORS_INVENTORY_INVENTORY_PLAN_H
#define DS_PROCESSORS_INVENTORY_INVENTORY_PLAN_H

#include "processors/inventory/inventory_state.h"

/** One product, summed over the lines or items that name it. */
struct ds_stock_change {
    const struct ds_stock *stock; /* NULL: a product not known yet */
    ds_str_t product_id;
    int64_t quantity;
    struct ds_stock_level after; /* starts as the level of now */
    int64_t threshold;           /* likewise */
};

struct ds_stock_plan {
    const struct ds_inventory *inventory;
    ds_decision_t *decision;
    struct ds_stock_change *changes;
    size_t count;
};

/** @brief Room for as many products as there may be. */
DS_MUST_CHECK bool ds_stock_plan_init(struct ds_stock_plan *plan,
                                      const struct ds_inventory *inventory, ds_decision_t *decision,
                                      size_t products_max, ds_error_t *error);
/** @brief The product's change; added when it is the first of it. `known_out` (may be NULL):
 * whether it was there. */
struct ds_stock_change *ds_stock_plan_change(struct ds_stock_plan *plan, ds_str_t product_id,
                                             bool *known_out);
/** @brief The levels after it all, for an event. */
DS_MUST_CHECK bool ds_stock_plan_levels(const struct ds_stock_plan *plan,
                                        struct ds_array_of_stock_level *levels_out,
                                        ds_error_t *error);
/** @brief Append inventory.low_stock and .restocked for what crossed its threshold, as many as fit
 * in a decision. */
DS_MUST_CHECK bool ds_stock_plan_notices(const struct ds_stock_plan *plan, ds_error_t *error);

/** @brief Append inventory.low_stock or .restocked. */
DS_MUST_CHECK bool ds_stock_notice(ds_decision_t *decision, ds_str_t product_id, bool low,
                                   int64_t available, int64_t threshold, ds_error_t *error);

/** @brief Decide a command of staff (inventory_stock.c). */
DS_MUST_CHECK bool ds_inventory_command(const struct ds_inventory *inventory,
                                        const struct ds_inventory_command *command,
                                        ds_decision_t *decision, ds_error_t *error);

#endif
