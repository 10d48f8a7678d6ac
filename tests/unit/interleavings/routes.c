/* Where an event goes, and what it says about the world outside. */
#include "processors/order/order.h"
#include "shop.h"

#include <string.h>

enum part shop_reader(enum queue queue)
{
    switch (queue) {
    case ORDER_TO_INVENTORY:
    case DELIVERY_TO_INVENTORY:
        return INVENTORY;
    case ORDER_TO_PAYMENT:
        return PAYMENT;
    case ORDER_TO_DELIVERY:
        return DELIVERY;
    case INVENTORY_TO_ORDER:
    case PAYMENT_TO_ORDER:
    case DELIVERY_TO_ORDER:
        return ORDER;
    case PAYMENT_TO_GATEWAY:
    case QUEUES:
        break;
    }
    return PARTS;
}

#define TO(queue) (1U << (queue))

static unsigned order_route(const struct shop *shop, const struct ds_order_event *event)
{
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_CREATED:
        return TO(ORDER_TO_INVENTORY) | TO_OUTSIDE;
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        return shop->wiring == COMMIT_FROM_DELIVERY ? 0 : TO(ORDER_TO_INVENTORY);
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        return TO(ORDER_TO_INVENTORY) | TO(ORDER_TO_PAYMENT);
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        return TO(ORDER_TO_INVENTORY) | TO(ORDER_TO_PAYMENT) | TO_OUTSIDE;
    case DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED:
        return TO(ORDER_TO_PAYMENT);
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        return TO(ORDER_TO_PAYMENT) | TO_OUTSIDE;
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
    case DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED:
        return TO(ORDER_TO_DELIVERY);
    case DS_ORDER_EVENT_ORDER_REFUSED:
        return TO_OUTSIDE;
    default: /* order.cancel_refused is for people */
        return 0;
    }
}

static unsigned inventory_route(const struct ds_inventory_event *event)
{
    return event->body.kind == DS_INVENTORY_EVENT_INVENTORY_RESERVED ||
                   event->body.kind == DS_INVENTORY_EVENT_INVENTORY_REJECTED
               ? TO(INVENTORY_TO_ORDER)
               : 0;
}

static unsigned payment_route(const struct ds_payment_event *event)
{
    switch (event->body.kind) {
    case DS_PAYMENT_EVENT_PAYMENT_SUCCESS:
        return TO(PAYMENT_TO_ORDER) | TO_OUTSIDE;
    case DS_PAYMENT_EVENT_PAYMENT_FAILED:
        return TO(PAYMENT_TO_ORDER);
    case DS_PAYMENT_EVENT_PAYMENT_INITIATED:
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED:
        return TO(PAYMENT_TO_GATEWAY);
    default: /* payment.due_changed asks the gateway for a void, which is a courtesy */
        return 0;
    }
}

static unsigned delivery_route(const struct shop *shop, const struct ds_delivery_event *event)
{
    switch (event->body.kind) {
    case DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT:
        return TO(DELIVERY_TO_ORDER) | TO_OUTSIDE |
               (shop->wiring == COMMIT_FROM_DELIVERY ? TO(DELIVERY_TO_INVENTORY) : 0);
    case DS_DELIVERY_EVENT_DELIVERY_COMPLETED:
    case DS_DELIVERY_EVENT_DELIVERY_RETURNED:
    case DS_DELIVERY_EVENT_DELIVERY_LOST:
        return TO(DELIVERY_TO_ORDER) | TO_OUTSIDE;
    case DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED:
    case DS_DELIVERY_EVENT_DELIVERY_CANCELLED:
        return TO(DELIVERY_TO_ORDER);
    default:
        return 0;
    }
}

static unsigned route(const struct shop *shop, const struct message *message)
{
    switch (message->part) {
    case ORDER:
        return order_route(shop, message->value);
    case INVENTORY:
        return inventory_route(message->value);
    case PAYMENT:
        return payment_route(message->value);
    case DELIVERY:
        return delivery_route(shop, message->value);
    case PARTS:
        break;
    }
    return 0;
}

unsigned shop_route(struct shop *shop, uint32_t event)
{
    if (event >= shop->route_count) {
        uint32_t count = (event + 1) * 2;
        shop->routes = must_realloc(shop->routes, count, sizeof(*shop->routes));
        memset(shop->routes + shop->route_count, 0xff,
               (count - shop->route_count) * sizeof(*shop->routes));
        shop->route_count = count;
    }
    if (shop->routes[event] == ROUTE_UNKNOWN)
        shop->routes[event] = (uint16_t)route(shop, messages_get(shop->book, event));
    return shop->routes[event];
}

/* ---- what is said ---- */

static const char *order_said(struct outside_order *order, const struct ds_order_event *event)
{
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_CREATED:
        if (order->created || order->refused)
            return "an order is created twice";
        order->created = true;
        return NULL;
    case DS_ORDER_EVENT_ORDER_REFUSED:
        order->refused = true;
        return order->created ? "an order is refused that was created" : NULL;
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        order->fulfilled = (int16_t)event->body.as.order_fulfilled.total_minor;
        return order->ends++ > 0 ? "an order ends twice" : NULL;
    default:
        return order->ends++ > 0 ? "an order ends twice" : NULL;
    }
}

static const char *delivery_said(struct outside_order *order, const struct ds_delivery_event *event)
{
    const struct ds_array_of_line_quantity *lines = &event->body.as.delivery_in_transit.lines;

    switch (event->body.kind) {
    case DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT:
        memset(order->carried, 0, sizeof(order->carried));
        for (size_t i = 0; i < lines->count; i++)
            order->carried[lines->items[i].line - 1] = (uint8_t)lines->items[i].quantity;
        order->road = ON_THE_WAY;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_COMPLETED:
        order->road = HANDED_OVER;
        break;
    case DS_DELIVERY_EVENT_DELIVERY_RETURNED:
        order->road = BACK;
        break;
    default:
        order->road = LOST;
        break;
    }
    return NULL;
}

const char *shop_observe(const struct shop *shop, struct outside *outside, uint32_t event)
{
    const struct message *message = messages_get(shop->book, event);
    struct outside_order *order = &outside->orders[message->order];

    if (message->part == ORDER)
        return order_said(order, message->value);
    if (message->part == DELIVERY)
        return delivery_said(order, message->value);
    return order->successes++ > 0 ? "I2: a charge is booked twice" : NULL;
}
