/* An order's image as bytes, and back: how orders are kept (order_state.h). */
#include "processors/order/order_state.h"

#include <stdlib.h>

struct ds_order_kept *ds_order_kept_new(ds_str_t id, ds_error_t *error)
{
    struct ds_order_kept *order = calloc(1, sizeof(*order) + id.len + 1);

    if (order == NULL) {
        ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "an order");
        return NULL;
    }
    char *text = (char *)(order + 1);
    if (id.len > 0)
        memcpy(text, id.data, id.len);
    order->id = (ds_str_t){text, id.len};
    order->due_us = DS_ORDER_NO_DUE;
    order->deadline_handle = -1;
    order->expiry_handle = -1;
    return order;
}

void ds_order_kept_destroy(void *value)
{
    struct ds_order_kept *order = value;

    if (order == NULL)
        return;
    free(order->bytes);
    free((char *)(uintptr_t)order->note.data);
    free(order);
}

bool ds_order_keep_note(struct ds_order_kept *order, bool has_note, ds_str_t note,
                        ds_error_t *error)
{
    char *copy = has_note ? ds_str_dup(note) : NULL;

    if (has_note && copy == NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a note of %u bytes",
                            note.len);
    free((char *)(uintptr_t)order->note.data);
    order->note = (ds_str_t){copy, has_note ? note.len : 0};
    return true;
}

bool ds_order_keep(struct ds_order_kept *order, const struct ds_order_state_item *image,
                   ds_buf_t *buf, ds_error_t *error)
{
    struct ds_order_state_item rest = *image;
    uint8_t *bytes;

    rest.order_id = DS_STR("");
    rest.state = 0;
    rest.has_due_at = false;
    rest.has_expires_at = false;
    rest.details.has_note = false;
    ds_buf_clear(buf);
    if (!ds_schema_encode(&ds_schema_order_state, &rest, buf, error))
        return false;
    bytes = malloc(buf->len);
    if (bytes == NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "an order of %zu bytes",
                            buf->len);
    memcpy(bytes, buf->data, buf->len);
    free(order->bytes); /* the image may have borrowed from it */
    order->bytes = bytes;
    order->byte_count = (uint32_t)buf->len;
    order->is_open = image->has_details;
    return true;
}

bool ds_order_recall(const struct ds_order_kept *order, ds_arena_t *arena,
                     struct ds_order_state_item *image_out, ds_error_t *error)
{
    const ds_bytes_t bytes = {order->bytes, order->byte_count};

    if (!ds_schema_decode(&ds_schema_order_state, bytes, arena, image_out, NULL, error))
        return false;
    image_out->order_id = order->id;
    image_out->state = order->state;
    image_out->has_due_at = order->due_us != DS_ORDER_NO_DUE;
    image_out->due_at = order->due_us;
    image_out->has_expires_at = !order->is_open;
    image_out->expires_at = order->expires_us;
    image_out->details.has_note = image_out->has_details && order->note.data != NULL;
    if (image_out->details.has_note)
        image_out->details.note = order->note;
    return true;
}

bool ds_orders_view(const struct ds_orders *orders, ds_str_t order_id, ds_arena_t *arena,
                    const struct ds_order **view_out, ds_error_t *error)
{
    const struct ds_order_kept *kept = ds_orders_find(orders, order_id);
    struct ds_order_state_item *image;
    struct ds_order *view;

    *view_out = NULL;
    if (kept == NULL)
        return true;
    image = ds_arena_alloc(arena, sizeof(*image), error);
    view = ds_arena_alloc(arena, sizeof(*view), error);
    if (image == NULL || view == NULL || !ds_order_recall(kept, arena, image, error))
        return false;
    *view = (struct ds_order){.state = (enum ds_order_state)kept->state,
                              .due_us = kept->due_us,
                              .placed_offset = image->placed_offset,
                              .id = kept->id,
                              .customer_id = image->customer_id,
                              .body_hash = image->body_hash,
                              .correlation_id = image->correlation_id,
                              .traceparent = image->traceparent,
                              .details = image->has_details ? &image->details : NULL};
    *view_out = view;
    return true;
}
