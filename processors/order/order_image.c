/* Orders in a snapshot: an image of each (order.state.avsc), and back. */
#include "processors/order/order_state.h"

size_t ds_orders_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES])
{
    shelves_out[0] = ((struct ds_orders *)state)->by_id;
    return 1;
}

bool ds_order_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                    void *item_out, ds_error_t *error)
{
    (void)shelf;
    (void)key;
    return ds_order_recall(value, arena, item_out, error);
}

bool ds_orders_restore(void *state, const void *item, ds_error_t *error)
{
    const struct ds_order_state_item *image = item;
    struct ds_order_kept *order;

    if (ds_orders_find(state, image->order_id) != NULL || image->state < 0 ||
        image->state >= DS_ORDER_STATES || image->has_details == image->has_expires_at)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "%.*s: no image of an order",
                            DS_STR_ARG(image->order_id));
    return ds_orders_add(state, image, &order, error);
}

bool ds_orders_restored(void *state, ds_error_t *error)
{
    (void)state;
    (void)error;
    return true; /* orders do not depend on each other */
}
