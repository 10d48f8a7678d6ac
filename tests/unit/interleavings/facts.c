#include "facts.h"

#include "processors/delivery/delivery_state.h"
#include "processors/delivery/delivery_table.h"
#include "processors/inventory/inventory_state.h"

#include <assert.h>

static void add_timer(struct facts *facts, const char *aggregate, int32_t kind, int64_t due_us)
{
    assert(facts->timer_count < TIMERS_MAX);
    facts->timers[facts->timer_count++] = (struct ds_timer){ds_str(aggregate), kind, due_us};
}

static void count_lines(const struct ds_array_of_line_quantity *lines, uint8_t counts[LINES])
{
    for (size_t i = 0; i < lines->count; i++)
        counts[lines->items[i].line - 1] = (uint8_t)lines->items[i].quantity;
}

static void add_order(struct facts *facts, const struct ds_order_state_item *item)
{
    int order = order_of(item->order_id);
    struct order_facts *to = &facts->orders[order];

    to->state = (uint8_t)item->state;
    for (size_t i = 0; item->has_details && i < item->details.lines.count; i++)
        to->left[i] = (uint8_t)item->details.lines.items[i].left;
    if (item->has_due_at)
        add_timer(facts, order_ids[order], item->state, item->due_at);
}

static void add_payment(struct facts *facts, const struct ds_payment_state_item *item)
{
    int order = order_of(item->order_id);

    facts->payments[order] = (struct payment_facts){
        .state = (uint8_t)item->state,
        .due = (int16_t)item->due_minor,
        .captured = (int16_t)item->captured_minor,
        .refunded = (int16_t)item->refunded_minor,
        .pending = (int16_t)item->pending_minor,
        .goodwill = (int16_t)item->goodwill_minor,
    };
    if (item->has_due_at)
        add_timer(facts, order_ids[order], item->state, item->due_at);
}

static void add_stock(struct facts *facts, const struct ds_stock_image *image)
{
    int product = product_of(image->product_id);

    facts->stock[product] =
        (struct stock_facts){(int16_t)image->available, (int16_t)image->reserved,
                             (int16_t)image->committed, (int16_t)image->received};
    if (image->has_owed_at)
        add_timer(facts, product_ids[product], DS_INVENTORY_TIMER_NOTICE, image->owed_at);
}

static void add_reservation(struct facts *facts, const struct ds_reservation_image *image)
{
    struct reservation_facts *to = &facts->reservations[order_of(image->order_id)];

    to->state = (uint8_t)image->state;
    for (size_t i = 0; i < image->lines.count; i++)
        to->quantity[image->lines.items[i].line - 1] = (int8_t)image->lines.items[i].quantity;
}

static void add_delivery(struct facts *facts, const struct ds_delivery_image *image)
{
    int order = order_of(image->order_id);
    struct delivery_facts *to = &facts->deliveries[order];

    to->state = (uint8_t)image->state;
    to->courier = image->has_courier_id ? (int8_t)courier_of(image->courier_id) : NOBODY;
    to->offer_number = (uint8_t)image->offer_number;
    to->code_failures = (uint8_t)image->code_failures;
    to->total = image->total_known ? (int16_t)image->total_minor : NOT_KNOWN;
    count_lines(&image->lines, to->left);
    if (to->courier != NOBODY)
        facts->couriers[to->courier].bound++;
    if (image->due_at != 0)
        add_timer(facts, order_ids[order], image->state, image->due_at);
}

static void add_dispatch(struct facts *facts, const struct ds_delivery_state_item *item)
{
    switch ((enum ds_delivery_state_item_body_kind)item->body.kind) {
    case DS_DELIVERY_STATE_ITEM_DISPATCH_STORE_IMAGE:
        if (item->body.as.dispatch_store_image.retry_order_id.len > 0)
            add_timer(facts, order_ids[order_of(item->body.as.dispatch_store_image.retry_order_id)],
                      DS_DELIVERY_TIMER_RETRY, item->body.as.dispatch_store_image.retry_at);
        break;
    case DS_DELIVERY_STATE_ITEM_COURIER_IMAGE: {
        struct courier_facts *to =
            &facts->couriers[courier_of(item->body.as.courier_image.courier_id)];
        to->online = item->body.as.courier_image.online;
        to->capacity = (uint8_t)item->body.as.courier_image.capacity;
        break;
    }
    case DS_DELIVERY_STATE_ITEM_DELIVERY_IMAGE:
        add_delivery(facts, &item->body.as.delivery_image);
        break;
    }
}

void facts_add(struct facts *facts, enum part part, const void *item)
{
    const struct ds_inventory_state_item *inventory = item;

    switch (part) {
    case ORDER:
        add_order(facts, item);
        break;
    case PAYMENT:
        add_payment(facts, item);
        break;
    case DELIVERY:
        add_dispatch(facts, item);
        break;
    case INVENTORY:
        if (inventory->body.kind == DS_INVENTORY_STATE_ITEM_STOCK_IMAGE)
            add_stock(facts, &inventory->body.as.stock_image);
        else
            add_reservation(facts, &inventory->body.as.reservation_image);
        break;
    case PARTS:
        break;
    }
}
