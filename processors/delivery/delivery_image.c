/* Stores, couriers and deliveries in a snapshot: an image of each (delivery.state.avsc), and back.
 * Who is bound to whom stands in the deliveries. */
#include "processors/delivery/delivery_state.h"

#include <stdlib.h>

enum shelf { STORES, COURIERS, DELIVERIES, SHELVES };

size_t ds_dispatch_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES])
{
    const struct ds_dispatch *dispatch = state;

    shelves_out[STORES] = dispatch->stores;
    shelves_out[COURIERS] = dispatch->couriers;
    shelves_out[DELIVERIES] = dispatch->deliveries;
    return SHELVES;
}

/* ---- an image ---- */

static void fill_store(const struct ds_delivery_store *store, struct ds_dispatch_store_image *image)
{
    *image = (struct ds_dispatch_store_image){
        .store_id = store->id,
        .requested = store->requested,
        .retry_order_id = ds_str(store->retry_id),
        .retry_at = store->retry_us,
        .has_place = store->has_place,
        .place = store->place,
    };
}

static void fill_courier(const struct ds_courier *courier, struct ds_courier_image *image)
{
    *image = (struct ds_courier_image){
        .courier_id = courier->id,
        .has_name = courier->name != NULL,
        .name = ds_str(courier->name),
        .vehicle = ds_str(courier->vehicle),
        .capacity = courier->capacity,
        .online = courier->online,
        .idle_at = courier->idle_us,
        .has_closed_at = !courier->online && courier->load == 0,
        .closed_at = courier->closed_us,
        .has_place = courier->has_place,
        .place = courier->place,
    };
}

static bool is_over(const struct ds_delivery *delivery)
{
    return delivery->state >= DS_DELIVERY_COMPLETED;
}

static void fill_delivery(const struct ds_delivery *delivery, struct ds_delivery_image *image)
{
    *image = (struct ds_delivery_image){
        .order_id = delivery->order_id,
        .number = delivery->number,
        .state = (int32_t)delivery->state,
        .correlation_id = delivery->correlation_id,
        .traceparent = delivery->traceparent,
        .has_courier_id = delivery->courier != NULL,
        .courier_id = delivery->courier == NULL ? DS_STR("") : delivery->courier->id,
        .payment_method = delivery->payment_method,
        .total_minor = delivery->total_minor,
        .total_known = delivery->total_known,
        .lines = delivery->lines,
        .offer_number = delivery->offer_number,
        .attempts = delivery->attempts,
        .arrived = delivery->arrived,
        .due_at = delivery->due_us,
        .placed_at = delivery->placed_at,
        .search_until = delivery->search_until,
        .offer_us = delivery->offer_us,
        .picked_up_at = delivery->picked_up_at,
        .silent_at = delivery->silent_at,
        .late_at = delivery->late_at,
        .silence_us = delivery->silence_us,
        .has_closed_at = is_over(delivery),
        .closed_at = delivery->closed_us,
        .has_hand_over_code = delivery->hand_over_code.len > 0,
        .hand_over_code = delivery->hand_over_code,
        .code_failures = delivery->code_failures,
    };
}

static bool fill_refusals(const struct ds_delivery *delivery, ds_arena_t *arena,
                          struct ds_array_of_refusal_image *out, ds_error_t *error)
{
    size_t count = (size_t)delivery->refusal_count;

    out->count = count;
    out->items = ds_arena_calloc(arena, count + 1, sizeof *out->items, error);
    for (size_t i = 0; out->items != NULL && i < count; i++)
        out->items[i] = (struct ds_refusal_image){
            .courier_id = ds_str(delivery->refusals[i].courier_id),
            .times = delivery->refusals[i].times,
            .until = delivery->refusals[i].until_us,
        };
    return out->items != NULL;
}

bool ds_dispatch_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                       void *item_out, ds_error_t *error)
{
    struct ds_delivery_state_item *item = item_out;

    (void)key;
    if (shelf == STORES) {
        item->body.kind = DS_DELIVERY_STATE_ITEM_DISPATCH_STORE_IMAGE;
        fill_store(value, &item->body.as.dispatch_store_image);
        return true;
    }
    if (shelf == COURIERS) {
        item->body.kind = DS_DELIVERY_STATE_ITEM_COURIER_IMAGE;
        fill_courier(value, &item->body.as.courier_image);
        return true;
    }
    item->body.kind = DS_DELIVERY_STATE_ITEM_DELIVERY_IMAGE;
    fill_delivery(value, &item->body.as.delivery_image);
    return fill_refusals(value, arena, &item->body.as.delivery_image.refusals, error);
}

/* ---- and back ---- */

/* A delivery may have come before its store and its courier: then they are there, and empty. */
static bool restore_store(struct ds_dispatch *dispatch, const struct ds_dispatch_store_image *image,
                          ds_error_t *error)
{
    struct ds_delivery_store *store = ds_dispatch_edit_store(dispatch, image->store_id, error);

    if (store == NULL)
        return false;
    store->requested = image->requested;
    store->retry_us = image->retry_at;
    store->has_place = image->has_place;
    store->place = image->place;
    if (!ds_str_to_array(image->retry_order_id, store->retry_id, sizeof store->retry_id))
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "an order id of %u bytes",
                            image->retry_order_id.len);
    return image->retry_order_id.len == 0 ||
           ds_heap_set(dispatch->retries, store, image->retry_at, error);
}

static bool edit_courier(struct ds_dispatch *dispatch, ds_str_t id, struct ds_courier **courier_out,
                         ds_error_t *error)
{
    *courier_out = ds_shelf_edit(dispatch->couriers, id);
    return *courier_out != NULL || ds_dispatch_add_courier(dispatch, id, courier_out, error);
}

static bool restore_courier(struct ds_dispatch *dispatch, const struct ds_courier_image *image,
                            ds_error_t *error)
{
    struct ds_courier *courier;

    if (!edit_courier(dispatch, image->courier_id, &courier, error))
        return false;
    if (courier->vehicle != NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "%.*s comes twice",
                            DS_STR_ARG(image->courier_id));
    courier->vehicle = ds_str_dup(image->vehicle);
    courier->name = image->has_name ? ds_str_dup(image->name) : NULL;
    if (courier->vehicle == NULL || (image->has_name && courier->name == NULL))
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a courier's name");
    courier->capacity = image->capacity;
    courier->online = image->online;
    courier->idle_us = image->idle_at;
    courier->has_place = image->has_place;
    courier->place = image->place;
    return !image->has_closed_at ||
           ds_dispatch_settle_courier(dispatch, courier, image->closed_at, error);
}

static bool restore_delivery(struct ds_dispatch *dispatch, const struct ds_delivery_image *image,
                             ds_error_t *error)
{
    struct ds_delivery *delivery;
    struct ds_courier *courier;

    if (ds_dispatch_delivery(dispatch, image->order_id) != NULL ||
        image->state <= DS_DELIVERY_NONE || image->state >= DS_DELIVERY_STATES ||
        image->has_closed_at != (image->state >= DS_DELIVERY_COMPLETED))
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "%.*s: no image of a delivery",
                            DS_STR_ARG(image->order_id));
    if (!ds_dispatch_add_delivery(dispatch, image, &delivery, error) ||
        !ds_dispatch_place(dispatch, delivery, error))
        return false;
    return !image->has_courier_id || (edit_courier(dispatch, image->courier_id, &courier, error) &&
                                      ds_courier_bind(courier, delivery, error));
}

bool ds_dispatch_restore(void *state, const void *item, ds_error_t *error)
{
    const struct ds_delivery_state_item *image = item;

    switch ((enum ds_delivery_state_item_body_kind)image->body.kind) {
    case DS_DELIVERY_STATE_ITEM_DISPATCH_STORE_IMAGE:
        return restore_store(state, &image->body.as.dispatch_store_image, error);
    case DS_DELIVERY_STATE_ITEM_COURIER_IMAGE:
        return restore_courier(state, &image->body.as.courier_image, error);
    case DS_DELIVERY_STATE_ITEM_DELIVERY_IMAGE:
        return restore_delivery(state, &image->body.as.delivery_image, error);
    }
    return true;
}

/* ---- what depends on several of them ---- */

static bool check_courier(const struct ds_courier *courier, ds_error_t *error)
{
    return courier->vehicle != NULL ||
           ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "the courier %.*s is missing",
                        DS_STR_ARG(courier->id));
}

static bool check_delivery(const struct ds_delivery *delivery, ds_error_t *error)
{
    return delivery->number <= delivery->store->requested ||
           ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "the store of %.*s is missing",
                        DS_STR_ARG(delivery->order_id));
}

bool ds_dispatch_restored(void *state, ds_error_t *error)
{
    struct ds_dispatch *dispatch = state;
    size_t cursor = 0;
    ds_str_t key;
    const void *value;

    while (ds_shelf_next(dispatch->couriers, &cursor, &key, &value))
        if (!check_courier(value, error))
            return false;
    cursor = 0;
    while (ds_shelf_next(dispatch->deliveries, &cursor, &key, &value))
        if (!check_delivery(value, error))
            return false;
    return true;
}
