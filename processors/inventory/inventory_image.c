/* Stock and reservations in a snapshot: an image of each (inventory.state.avsc), and back. */
#include "processors/inventory/inventory_state.h"

enum shelf { PRODUCTS, RESERVATIONS, SHELVES };

size_t ds_inventory_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES])
{
    const struct ds_inventory *inventory = state;

    shelves_out[PRODUCTS] = inventory->products;
    shelves_out[RESERVATIONS] = inventory->reservations;
    return SHELVES;
}

static void fill_stock(const struct ds_stock *stock, struct ds_stock_image *image)
{
    bool owed = stock->owed_correlation_id != NULL;

    *image = (struct ds_stock_image){
        .product_id = stock->product_id,
        .received = stock->received,
        .available = stock->available,
        .reserved = stock->reserved,
        .committed = stock->committed,
        .threshold = stock->threshold,
        .low = stock->low,
        .has_owed_at = owed,
        .owed_at = stock->owed_us,
        .owed_correlation_id = ds_str(stock->owed_correlation_id),
    };
}

static bool fill_reservation(const struct ds_reservation *reservation, ds_arena_t *arena,
                             struct ds_reservation_image *image, ds_error_t *error)
{
    size_t count = reservation->line_count;
    struct ds_line_quantity *lines = ds_arena_calloc(arena, count + 1, sizeof *lines, error);

    if (lines == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        lines[i] = (struct ds_line_quantity){.line = reservation->lines[i].line,
                                             .product_id = reservation->lines[i].stock->product_id,
                                             .quantity = reservation->lines[i].quantity};
    *image = (struct ds_reservation_image){
        .order_id = reservation->order_id,
        .state = (int32_t)reservation->state,
        .has_closed_at = reservation->state != DS_RESERVATION_HELD,
        .closed_at = reservation->closed_us,
        .lines = {lines, count},
    };
    return true;
}

bool ds_inventory_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                        void *item_out, ds_error_t *error)
{
    struct ds_inventory_state_item *item = item_out;

    (void)key;
    if (shelf == PRODUCTS) {
        item->body.kind = DS_INVENTORY_STATE_ITEM_STOCK_IMAGE;
        fill_stock(value, &item->body.as.stock_image);
        return true;
    }
    item->body.kind = DS_INVENTORY_STATE_ITEM_RESERVATION_IMAGE;
    return fill_reservation(value, arena, &item->body.as.reservation_image, error);
}

/* A reservation may have come before its products: then they are there, and empty. */
static bool restore_stock(struct ds_inventory *inventory, const struct ds_stock_image *image,
                          ds_error_t *error)
{
    struct ds_stock *stock = ds_inventory_edit_stock(inventory, image->product_id, error);

    if (stock == NULL)
        return false;
    stock->received = image->received;
    stock->available = image->available;
    stock->reserved = image->reserved;
    stock->committed = image->committed;
    stock->threshold = image->threshold;
    stock->low = image->low;
    return !image->has_owed_at ||
           ds_inventory_owe(inventory, stock, image->owed_at, image->owed_correlation_id, error);
}

static bool restore_reservation(struct ds_inventory *inventory,
                                const struct ds_reservation_image *image, ds_error_t *error)
{
    struct ds_reservation *reservation;

    if (ds_inventory_reservation(inventory, image->order_id) != NULL ||
        image->state < DS_RESERVATION_HELD || image->state >= DS_RESERVATION_STATES ||
        image->has_closed_at == (image->state == DS_RESERVATION_HELD))
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                            "%.*s: no image of a reservation", DS_STR_ARG(image->order_id));
    if (!ds_inventory_add_reservation(inventory, image->order_id, &image->lines, &reservation,
                                      error))
        return false;
    reservation->state = (enum ds_reservation_state)image->state;
    return !image->has_closed_at ||
           ds_inventory_close(inventory, reservation, image->closed_at, error);
}

bool ds_inventory_restore(void *state, const void *item, ds_error_t *error)
{
    const struct ds_inventory_state_item *image = item;

    switch ((enum ds_inventory_state_item_body_kind)image->body.kind) {
    case DS_INVENTORY_STATE_ITEM_STOCK_IMAGE:
        return restore_stock(state, &image->body.as.stock_image, error);
    case DS_INVENTORY_STATE_ITEM_RESERVATION_IMAGE:
        return restore_reservation(state, &image->body.as.reservation_image, error);
    }
    return true;
}

/* What every product's levels say (inventory_state.h); one that no image filled has none. */
bool ds_inventory_restored(void *state, ds_error_t *error)
{
    const struct ds_inventory *inventory = state;
    size_t cursor = 0;
    ds_str_t key;
    const void *value;

    while (ds_shelf_next(inventory->products, &cursor, &key, &value)) {
        const struct ds_stock *stock = value;

        if (stock->received != stock->available + stock->reserved + stock->committed)
            return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                                "%.*s: the levels do not add up", DS_STR_ARG(key));
    }
    return true;
}
