#include "canon.h"

#include "decider/memory.h"
#include "processors/delivery/delivery.h"
#include "processors/delivery/delivery_state.h"
#include "processors/order/order.h"
#include "processors/payment/payment.h"

#include <stdlib.h>

#define DELIVERIES_MAX 8
#define HOUR_US        (3600 * SECOND_US)

/* offer < MIDDLE < pick-up, silence < search, late < LATE; nothing is forgotten, which begins after
 * a day. */
static const struct ds_order_settings order_settings = {.reserve_timeout_us = 60 * SECOND_US,
                                                        .payment_timeout_us = 900 * SECOND_US,
                                                        .delivery_timeout_us = 2 * HOUR_US,
                                                        .place_ttl_us = 900 * SECOND_US};
static const struct ds_payment_settings payment_settings = {
    .give_up_us = HOUR_US, .refund_retry_first_us = 60 * SECOND_US, .refund_retry_max_us = HOUR_US};
static const struct ds_delivery_settings delivery_settings = {
    .search_timeout_us = 1000 * SECOND_US,
    .offer_timeout_us = 10 * SECOND_US,
    .pickup_timeout_us = 100 * SECOND_US,
    .silent_us = 200 * SECOND_US,
    .late_us = 2000 * SECOND_US,
    .lost_us = 5000 * SECOND_US,
    .attempts_max = 2,
};
const int64_t canon_stale_us = 901 * SECOND_US;
static const int64_t moments[WHENS] = {0, 60 * SECOND_US, 3000 * SECOND_US};

const void *canon_settings(enum part part)
{
    switch (part) {
    case ORDER:
        return &order_settings;
    case PAYMENT:
        return &payment_settings;
    case DELIVERY:
        return &delivery_settings;
    case INVENTORY:
    case PARTS:
        break;
    }
    return NULL;
}

bool canon_minds_time(enum part part)
{
    return part == DELIVERY;
}

int64_t canon_now(const struct message *message, enum when when)
{
    int64_t now_us = CANON_NOW_US + moments[when];
    return message->kind == A_TIMER && message->timer.due_us > now_us ? message->timer.due_us
                                                                      : now_us;
}

bool canon_is_in_time(const struct ds_timer *timer)
{
    return timer->due_us < CANON_NOW_US + delivery_settings.search_timeout_us - SECOND_US;
}

/* ---- events ---- */

static void delivery_event(struct ds_delivery_event *event)
{
    switch (event->body.kind) {
    case DS_DELIVERY_EVENT_DELIVERY_REQUESTED:
        event->body.as.delivery_requested.search_until = 0;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_OFFERED: /* and why this courier was chosen */
        event->body.as.delivery_offered = (struct ds_delivery_offered){
            .order_id = event->body.as.delivery_offered.order_id,
            .offer_id = event->body.as.delivery_offered.offer_id,
            .offer_number = event->body.as.delivery_offered.offer_number,
            .courier_id = event->body.as.delivery_offered.courier_id,
        };
        break;
    case DS_DELIVERY_EVENT_DELIVERY_ASSIGNED:
        event->body.as.delivery_assigned.pick_up_by = 0;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_REASSIGNED:
        event->body.as.delivery_reassigned.silent_at = 0;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT:
        event->body.as.delivery_in_transit.silent_at = 0;
        event->body.as.delivery_in_transit.late_at = 0;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_FAILED:
        event->body.as.delivery_failed.return_by = 0;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT:
        event->body.as.delivery_courier_silent.lost_at = 0;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_RECALLED:
        event->body.as.delivery_recalled.return_by = 0;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_COMPLETED:
        event->body.as.delivery_completed.picked_up_at = 0;
        break;
    case DS_DELIVERY_EVENT_COURIER_SEEN:
        event->body.as.courier_seen.silent_at = 0;
        break;
    default: /* no time in it */
        break;
    }
}

void canon_event(enum part part, void *event)
{
    struct ds_event_head *head = event;
    struct ds_protocol_event *refusal = event;

    head->meta = (struct ds_meta){.epoch = 0};
    head->context = (struct ds_context){.correlation_id = head->context.correlation_id};
    if (refusal->body.kind == DS_PROTOCOL_COMMAND_REJECTED)
        refusal->body.as.command_rejected.has_detail = false;
    if (part == DELIVERY)
        delivery_event(event);
}

/* ---- states ---- */

static void order_item(struct ds_order_state_item *item)
{
    if (item->has_expires_at)
        item->expires_at = CANON_NOW_US + DS_ORDER_MEMORY_US;
}

static void payment_item(struct ds_payment_state_item *item)
{
    if (item->has_expires_at)
        item->expires_at = CANON_NOW_US + DS_PAYMENT_MEMORY_US;
}

static void inventory_item(struct ds_inventory_state_item *item)
{
    if (item->body.kind == DS_INVENTORY_STATE_ITEM_RESERVATION_IMAGE &&
        item->body.as.reservation_image.has_closed_at)
        item->body.as.reservation_image.closed_at = CANON_NOW_US;
    if (item->body.kind == DS_INVENTORY_STATE_ITEM_STOCK_IMAGE &&
        item->body.as.stock_image.has_owed_at)
        item->body.as.stock_image.owed_at = CANON_NOW_US;
}

static int64_t due_of(const struct ds_delivery_image *image)
{
    switch ((enum ds_delivery_state)image->state) {
    case DS_DELIVERY_SEARCHING:
        return delivery_settings.search_timeout_us;
    case DS_DELIVERY_OFFERED:
        return delivery_settings.offer_timeout_us;
    case DS_DELIVERY_ASSIGNED:
        return delivery_settings.pickup_timeout_us;
    case DS_DELIVERY_IN_TRANSIT:
        return delivery_settings.silent_us;
    case DS_DELIVERY_SILENT:
    case DS_DELIVERY_RETURNING:
        return delivery_settings.lost_us;
    case DS_DELIVERY_NONE:
    case DS_DELIVERY_COMPLETED:
    case DS_DELIVERY_CANCELLED:
    case DS_DELIVERY_RETURNED:
    case DS_DELIVERY_LOST:
    case DS_DELIVERY_STATES:
        break;
    }
    return -CANON_NOW_US; /* none: 0 */
}

static int by_courier(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_refusal_image *)a)->courier_id,
                      ((const struct ds_refusal_image *)b)->courier_id);
}

/* Of one that is over, only that it is, and how, is ever looked at (delivery_state.c, strip). */
static void over_image(struct ds_delivery_image *image)
{
    image->offer_number = 0;
    image->attempts = 0;
    image->arrived = false;
    image->code_failures = 0;
    image->offer_us = 0;
    image->silence_us = 0;
    image->late_at = 0;
    image->total_known = true;
    image->total_minor = 0;
    image->search_until = 0;
}

static void delivery_image(struct ds_delivery_image *image)
{
    if (image->state >= DS_DELIVERY_COMPLETED)
        over_image(image);
    bool on_the_way = image->late_at != 0;
    image->offer_number = image->offer_number > 2 ? 2 : image->offer_number;
    if (image->code_failures > 0 && image->code_failures < DS_DELIVERY_CODE_TRIES)
        image->code_failures = DS_DELIVERY_CODE_TRIES - 1;
    image->due_at = CANON_NOW_US + due_of(image);
    image->picked_up_at = on_the_way ? CANON_NOW_US : 0;
    image->silent_at = on_the_way ? CANON_NOW_US + delivery_settings.silent_us : 0;
    image->late_at = on_the_way ? CANON_NOW_US + delivery_settings.late_us : 0;
    if (image->has_closed_at)
        image->closed_at = CANON_NOW_US;
    if (image->refusals.count > 1)
        qsort(image->refusals.items, image->refusals.count, sizeof(*image->refusals.items),
              by_courier);
    for (size_t i = 0; i < image->refusals.count; i++)
        image->refusals.items[i].times = 1;
}

/* Replace times by their places among themselves. */
static void rank(int64_t **times, size_t count, int64_t base_us)
{
    int64_t sorted[DELIVERIES_MAX * COURIERS];

    for (size_t i = 0; i < count; i++) {
        int64_t below = 0;
        for (size_t k = 0; k < count; k++) {
            bool seen = false;
            for (size_t j = 0; j < k; j++)
                seen = seen || *times[j] == *times[k];
            below += !seen && *times[k] < *times[i];
        }
        sorted[i] = base_us + below;
    }
    for (size_t i = 0; i < count; i++)
        *times[i] = sorted[i];
}

/* The refusal that a store's next retry waits for: the one over last of those that are over then.
 */
static const int64_t *retry_of(const struct ds_dispatch_store_image *store,
                               struct ds_delivery_image *image)
{
    const int64_t *best = NULL;

    for (size_t k = 0; k < image->refusals.count; k++) {
        const int64_t *until = &image->refusals.items[k].until;
        if (*until <= store->retry_at && (best == NULL || *until > *best))
            best = until;
    }
    return best;
}

/* Couriers are idle since the past, refusals last until the pauses' end, and whoever is looked for
 * already is given up before one who is looked for from now on. */
static void delivery_items(struct ds_delivery_state_item **items, size_t count)
{
    int64_t *idle[COURIERS];
    int64_t *until[DELIVERIES_MAX * COURIERS];
    int64_t *search[DELIVERIES_MAX];
    size_t idle_count = 0;
    size_t until_count = 0;
    size_t search_count = 0;
    struct ds_dispatch_store_image *store = NULL;
    const int64_t *retry = NULL;

    for (size_t i = 0; i < count; i++) {
        if (items[i]->body.kind == DS_DELIVERY_STATE_ITEM_DISPATCH_STORE_IMAGE)
            store = &items[i]->body.as.dispatch_store_image;
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i]->body.kind == DS_DELIVERY_STATE_ITEM_COURIER_IMAGE) {
            struct ds_courier_image *courier = &items[i]->body.as.courier_image;
            if (courier->has_closed_at)
                courier->closed_at = CANON_NOW_US;
            idle[idle_count++] = &courier->idle_at;
        } else if (items[i]->body.kind == DS_DELIVERY_STATE_ITEM_DELIVERY_IMAGE) {
            struct ds_delivery_image *image = &items[i]->body.as.delivery_image;
            delivery_image(image);
            for (size_t k = 0; k < image->refusals.count; k++)
                until[until_count++] = &image->refusals.items[k].until;
            if (!image->has_closed_at)
                search[search_count++] = &image->search_until;
            if (store != NULL && ds_str_eq(image->order_id, store->retry_order_id))
                retry = retry_of(store, image);
        }
    }
    rank(idle, idle_count, CANON_NOW_US - SECOND_US);
    rank(until, until_count, CANON_NOW_US + delivery_settings.offer_timeout_us + 1);
    rank(search, search_count, CANON_NOW_US + delivery_settings.search_timeout_us - SECOND_US);
    for (size_t i = 0; i < count; i++) {
        struct ds_delivery_image *image = &items[i]->body.as.delivery_image;
        if (items[i]->body.kind == DS_DELIVERY_STATE_ITEM_DELIVERY_IMAGE &&
            image->state == DS_DELIVERY_SEARCHING)
            image->due_at = image->search_until;
    }
    if (store != NULL)
        store->retry_at = retry == NULL ? 0 : *retry;
}

void canon_items(enum part part, void **items, size_t count)
{
    if (part == DELIVERY) {
        delivery_items((struct ds_delivery_state_item **)items, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (part == ORDER)
            order_item(items[i]);
        else if (part == PAYMENT)
            payment_item(items[i]);
        else
            inventory_item(items[i]);
    }
}
