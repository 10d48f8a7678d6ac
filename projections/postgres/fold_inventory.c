#include "base/id.h"
#include "projections/postgres/fold.h"

/* Rows of stock, from inventory.events alone. Every event carries the levels after it, so nothing
 * is added up here. */

struct levels {
    const struct ds_stock_level *items;
    size_t count;
};

static struct levels levels_of(const struct ds_inventory_event *event)
{
    switch (event->body.kind) {
    case DS_INVENTORY_EVENT_INVENTORY_UPDATED:
        return (struct levels){event->body.as.inventory_updated.levels.items,
                               event->body.as.inventory_updated.levels.count};
    case DS_INVENTORY_EVENT_INVENTORY_RESERVED:
        return (struct levels){event->body.as.inventory_reserved.levels.items,
                               event->body.as.inventory_reserved.levels.count};
    case DS_INVENTORY_EVENT_INVENTORY_RELEASED:
        return (struct levels){event->body.as.inventory_released.levels.items,
                               event->body.as.inventory_released.levels.count};
    case DS_INVENTORY_EVENT_INVENTORY_COMMITTED:
        return (struct levels){event->body.as.inventory_committed.levels.items,
                               event->body.as.inventory_committed.levels.count};
    case DS_INVENTORY_EVENT_INVENTORY_RETURNED:
        return (struct levels){event->body.as.inventory_returned.levels.items,
                               event->body.as.inventory_returned.levels.count};
    default:
        return (struct levels){NULL, 0};
    }
}

/* inventory.low_stock and inventory.restocked; empty for the others. */
static ds_str_t threshold_product(const struct ds_inventory_event *event, int64_t *threshold_out)
{
    *threshold_out = DS_NULL_I64;
    if (event->body.kind == DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK) {
        *threshold_out = event->body.as.inventory_low_stock.threshold;
        return event->body.as.inventory_low_stock.product_id;
    }
    if (event->body.kind == DS_INVENTORY_EVENT_INVENTORY_RESTOCKED) {
        *threshold_out = event->body.as.inventory_restocked.threshold;
        return event->body.as.inventory_restocked.product_id;
    }
    return DS_STR("");
}

bool ds_want_inventory(struct ds_sheets *sheets, const struct ds_inventory_event *event,
                       ds_error_t *error)
{
    int64_t threshold = 0;
    struct levels levels = levels_of(event);
    for (size_t i = 0; i < levels.count; i++) {
        if (!ds_sheets_want(sheets, DS_LOAD_STOCK, levels.items[i].product_id, error))
            return false;
    }
    ds_str_t product = threshold_product(event, &threshold);
    return product.len == 0 || ds_sheets_want(sheets, DS_LOAD_STOCK, product, error);
}

static bool stock_row(struct ds_fold *fold, ds_str_t product_id, struct ds_stock_row **row_out,
                      ds_error_t *error)
{
    void *made = ds_sheet_change(fold->sheets, DS_TABLE_STOCK, product_id);
    *row_out = NULL;
    if (made == NULL) {
        if (!ds_sheet_make(fold->sheets, DS_TABLE_STOCK, product_id, &made, error))
            return false;
        struct ds_stock_row *fresh = made;
        fresh->product_id = product_id;
        fresh->store_id = ds_id_store(product_id);
    }
    *row_out = made;
    (*row_out)->updated_at = fold->at_us;
    (*row_out)->last_offset = fold->offset;
    return true;
}

static bool set_levels(struct ds_fold *fold, struct levels levels, ds_error_t *error)
{
    for (size_t i = 0; i < levels.count; i++) {
        const struct ds_stock_level *level = &levels.items[i];
        struct ds_stock_row *row = NULL;
        if (!stock_row(fold, level->product_id, &row, error))
            return false;
        row->received = level->received;
        row->available = level->available;
        row->reserved = level->reserved;
        row->committed = level->committed;
    }
    return true;
}

/* Staff set a threshold: the change's quantity is its value. */
static bool set_thresholds(struct ds_fold *fold, const struct ds_inventory_updated *e,
                           ds_error_t *error)
{
    for (size_t i = 0; i < e->changes.count; i++) {
        struct ds_stock_row *row = NULL;
        if (!stock_row(fold, e->changes.items[i].product_id, &row, error))
            return false;
        row->threshold = e->changes.items[i].quantity;
    }
    return true;
}

bool ds_fold_inventory(struct ds_fold *fold, const struct ds_inventory_event *event,
                       ds_error_t *error)
{
    int64_t threshold = 0;
    ds_str_t product = threshold_product(event, &threshold);
    if (product.len > 0) {
        struct ds_stock_row *row = NULL;
        if (!stock_row(fold, product, &row, error))
            return false;
        row->low = event->body.kind == DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK;
        row->threshold = threshold;
        return true;
    }
    if (!set_levels(fold, levels_of(event), error))
        return false;
    const struct ds_inventory_updated *updated = &event->body.as.inventory_updated;
    return event->body.kind != DS_INVENTORY_EVENT_INVENTORY_UPDATED ||
           updated->kind != DS_UPDATE_KIND_THRESHOLD || set_thresholds(fold, updated, error);
}
