#include "inventory_inputs.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define PARTS_MAX (DS_MAX_BULK_ITEMS + 1)

static struct ds_line_quantity quantities[PARTS_MAX];
static struct ds_stock_item stock_items[PARTS_MAX];
static struct ds_order_line order_lines[PARTS_MAX];

ds_decider_kit_t *new_inventory(void)
{
    return ds_kit_new(&ds_inventory_decider, NULL);
}

const struct ds_inventory *inventory_of(const ds_decider_kit_t *kit)
{
    return ds_kit_state(kit);
}

const struct ds_stock *stock_of(const ds_decider_kit_t *kit, const char *product_id)
{
    return ds_inventory_stock(inventory_of(kit), ds_str(product_id));
}

enum ds_reservation_state reservation_of(const ds_decider_kit_t *kit, const char *order_id)
{
    return ds_inventory_reservation_state(inventory_of(kit), ds_str(order_id));
}

static struct ds_order_event order_event(int32_t kind)
{
    struct ds_order_event event = {0};
    event.context.correlation_id = DS_STR("correlation-1");
    event.context.actor.kind = DS_ACTOR_KIND_CUSTOMER;
    event.context.actor.id = DS_STR("ann");
    event.body.kind = kind;
    return event;
}

size_t order_created(ds_decider_kit_t *kit, const char *order_id, const struct part *lines,
                     size_t count)
{
    struct ds_order_event event = order_event(DS_ORDER_EVENT_ORDER_CREATED);
    struct ds_order_created *created = &event.body.as.order_created;
    for (size_t i = 0; i < count; i++)
        order_lines[i] = (struct ds_order_line){.line = lines[i].line,
                                                .product_id = ds_str(lines[i].product_id),
                                                .quantity = lines[i].quantity};
    created->order_id = ds_str(order_id);
    created->store_id = DS_STR("shop");
    created->lines.items = order_lines;
    created->lines.count = count;
    return ds_kit_feed(kit, 1, &event);
}

size_t order_lines_cancelled(ds_decider_kit_t *kit, const char *order_id, const struct part *lines,
                             size_t count)
{
    struct ds_order_event event = order_event(DS_ORDER_EVENT_ORDER_LINES_CANCELLED);
    struct ds_order_lines_cancelled *cancelled = &event.body.as.order_lines_cancelled;
    for (size_t i = 0; i < count; i++)
        quantities[i] = (struct ds_line_quantity){lines[i].line, ds_str(lines[i].product_id),
                                                  lines[i].quantity};
    cancelled->order_id = ds_str(order_id);
    cancelled->lines.items = quantities;
    cancelled->lines.count = count;
    return ds_kit_feed(kit, 1, &event);
}

size_t order_cancelled(ds_decider_kit_t *kit, const char *order_id, enum ds_goods goods)
{
    struct ds_order_event event = order_event(DS_ORDER_EVENT_ORDER_CANCELLED);
    event.body.as.order_cancelled.order_id = ds_str(order_id);
    event.body.as.order_cancelled.goods = goods;
    return ds_kit_feed(kit, 1, &event);
}

size_t order_picked_up(ds_decider_kit_t *kit, const char *order_id)
{
    struct ds_order_event event = order_event(DS_ORDER_EVENT_ORDER_PICKED_UP);
    event.body.as.order_picked_up.order_id = ds_str(order_id);
    return ds_kit_feed(kit, 1, &event);
}

size_t somebody(ds_decider_kit_t *kit, enum ds_actor_kind actor, int32_t kind,
                const struct part *items, size_t count)
{
    struct ds_inventory_command command = {0};
    struct ds_array_of_stock_item array = {stock_items, count};
    for (size_t i = 0; i < count; i++)
        stock_items[i] = (struct ds_stock_item){ds_str(items[i].product_id), items[i].quantity};
    command.head.command_id = DS_STR("command-1");
    command.head.correlation_id = DS_STR("correlation-2");
    command.head.actor.kind = actor;
    command.head.actor.id = DS_STR("bob");
    command.body.kind = kind;
    switch (kind) {
    case DS_INVENTORY_COMMAND_RECEIVE_STOCK:
        command.body.as.receive_stock = (struct ds_receive_stock){DS_STR("shop"), array};
        break;
    case DS_INVENTORY_COMMAND_ADJUST_STOCK:
        command.body.as.adjust_stock =
            (struct ds_adjust_stock){DS_STR("shop"), array, DS_STR("broken")};
        break;
    case DS_INVENTORY_COMMAND_COUNT_STOCK:
        command.body.as.count_stock =
            (struct ds_count_stock){.store_id = DS_STR("shop"), .items = array};
        break;
    case DS_INVENTORY_COMMAND_SET_THRESHOLD:
        command.body.as.set_threshold = (struct ds_set_threshold){DS_STR("shop"), array};
        break;
    default:
        fprintf(stderr, "no such command\n");
        abort();
    }
    return ds_kit_command(kit, &command);
}

size_t staff(ds_decider_kit_t *kit, int32_t kind, const struct part *items, size_t count)
{
    return somebody(kit, DS_ACTOR_KIND_STAFF, kind, items, count);
}

size_t receive(ds_decider_kit_t *kit, const char *product_id, int32_t quantity)
{
    return staff(kit, DS_INVENTORY_COMMAND_RECEIVE_STOCK, &(struct part){0, product_id, quantity},
                 1);
}

size_t set_threshold(ds_decider_kit_t *kit, const char *product_id, int32_t threshold)
{
    return staff(kit, DS_INVENTORY_COMMAND_SET_THRESHOLD, &(struct part){0, product_id, threshold},
                 1);
}

size_t order_one(ds_decider_kit_t *kit, const char *order_id, const char *product_id,
                 int32_t quantity)
{
    return order_created(kit, order_id, &(struct part){1, product_id, quantity}, 1);
}
