#include "processors/inventory/inventory_plan.h"

bool ds_stock_plan_init(struct ds_stock_plan *plan, const struct ds_inventory *inventory,
                        ds_decision_t *decision, size_t products_max, ds_error_t *error)
{
    *plan = (struct ds_stock_plan){inventory, decision, NULL, 0};
    plan->changes = ds_arena_calloc(ds_decision_arena(decision), products_max + 1,
                                    sizeof *plan->changes, error);
    return plan->changes != NULL;
}

static struct ds_stock_change *find_change(const struct ds_stock_plan *plan,
                                           const struct ds_stock *stock, ds_str_t product_id)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct ds_stock_change *change = &plan->changes[i];
        if (stock != NULL ? change->stock == stock
                          : change->stock == NULL && ds_str_eq(change->product_id, product_id))
            return change;
    }
    return NULL;
}

struct ds_stock_change *ds_stock_plan_change(struct ds_stock_plan *plan, ds_str_t product_id,
                                             bool *known_out)
{
    const struct ds_stock *stock = ds_inventory_stock(plan->inventory, product_id);
    struct ds_stock_change *change = find_change(plan, stock, product_id);
    if (known_out != NULL)
        *known_out = change != NULL;
    if (change != NULL)
        return change;
    change = &plan->changes[plan->count++];
    *change = (struct ds_stock_change){.stock = stock, .product_id = product_id};
    change->after.product_id = product_id;
    if (stock != NULL) {
        change->after = (struct ds_stock_level){product_id, stock->received, stock->available,
                                                stock->reserved, stock->committed};
        change->threshold = stock->threshold;
    }
    return change;
}

bool ds_stock_plan_levels(const struct ds_stock_plan *plan,
                          struct ds_array_of_stock_level *levels_out, ds_error_t *error)
{
    levels_out->items = ds_arena_calloc(ds_decision_arena(plan->decision), plan->count + 1,
                                        sizeof *levels_out->items, error);
    if (levels_out->items == NULL)
        return false;
    levels_out->count = plan->count;
    for (size_t i = 0; i < plan->count; i++)
        levels_out->items[i] = plan->changes[i].after;
    return true;
}

bool ds_stock_notice(ds_decision_t *decision, ds_str_t product_id, bool low, int64_t available,
                     int64_t threshold, ds_error_t *error)
{
    struct ds_inventory_event *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    if (low) {
        event->body.kind = DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK;
        event->body.as.inventory_low_stock =
            (struct ds_inventory_low_stock){product_id, available, threshold};
    } else {
        event->body.kind = DS_INVENTORY_EVENT_INVENTORY_RESTOCKED;
        event->body.as.inventory_restocked =
            (struct ds_inventory_restocked){product_id, available, threshold};
    }
    return true;
}

bool ds_stock_plan_notices(const struct ds_stock_plan *plan, ds_error_t *error)
{
    size_t told = 0;
    for (size_t i = 0; i < plan->count && told < DS_INVENTORY_NOTICES_MAX; i++) {
        const struct ds_stock_change *change = &plan->changes[i];
        bool low = change->after.available < change->threshold;
        if (low == (change->stock != NULL && change->stock->low))
            continue;
        if (!ds_stock_notice(plan->decision, change->product_id, low, change->after.available,
                             change->threshold, error))
            return false;
        told++;
    }
    return true;
}
