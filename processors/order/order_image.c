/* Orders in a snapshot: an image of each (order.state.avsc), and back. */
#include "processors/order/order_state.h"

size_t ds_orders_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES])
{
    shelves_out[0] = ((struct ds_orders *)state)->by_id;
    return 1;
}

static bool fill_details(const struct ds_order_details *details, ds_arena_t *arena,
                         struct ds_open_order_image *image, ds_error_t *error)
{
    struct ds_open_line_image *lines =
        ds_arena_calloc(arena, details->line_count + 1, sizeof(*lines), error);

    if (lines == NULL)
        return false;
    for (size_t i = 0; i < details->line_count; i++) {
        const struct ds_order_open_line *from = &details->lines[i];
        lines[i] = (struct ds_open_line_image){.line = from->line,
                                               .product_id = from->product_id,
                                               .ordered = from->ordered,
                                               .left = from->left,
                                               .asked = from->asked,
                                               .unit_price_minor = from->unit_price_minor};
    }
    *image = (struct ds_open_order_image){.lines = {lines, details->line_count},
                                          .currency = details->currency,
                                          .delivery_fee_minor = details->delivery_fee_minor,
                                          .payment_method = details->payment_method,
                                          .has_payment_token = details->has_payment_token,
                                          .payment_token = details->payment_token,
                                          .personal = details->personal,
                                          .placed_at = details->placed_at_us,
                                          .has_note = details->has_note,
                                          .note = details->note,
                                          .has_store_place = details->has_store_place,
                                          .store_place = details->store_place,
                                          .has_hand_over_code = details->has_hand_over_code,
                                          .hand_over_code = details->hand_over_code};
    return true;
}

bool ds_order_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                    void *item_out, ds_error_t *error)
{
    const struct ds_order *order = value;
    struct ds_order_state_item *item = item_out;

    (void)shelf;
    (void)key;
    *item = (struct ds_order_state_item){.order_id = order->id,
                                         .state = (int32_t)order->state,
                                         .has_due_at = order->due_us != DS_ORDER_NO_DUE,
                                         .due_at = order->due_us,
                                         .has_expires_at = order->details == NULL,
                                         .expires_at = order->expires_us,
                                         .placed_offset = order->placed_offset,
                                         .customer_id = order->customer_id,
                                         .body_hash = order->body_hash,
                                         .correlation_id = order->correlation_id,
                                         .traceparent = order->traceparent,
                                         .has_details = order->details != NULL};
    return order->details == NULL || fill_details(order->details, arena, &item->details, error);
}

bool ds_orders_restore(void *state, const void *item, ds_error_t *error)
{
    const struct ds_order_state_item *image = item;
    struct ds_order *order;

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
