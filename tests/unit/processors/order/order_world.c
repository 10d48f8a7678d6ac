#include "order_world.h"

#include <criterion/criterion.h>

static const struct ds_actor customer = {DS_ACTOR_KIND_CUSTOMER, {CUSTOMER_ID, 4}};

void world_place_init(struct world_place *place, enum ds_payment_method method)
{
    memset(place, 0, sizeof(*place));
    place->lines[0] = (struct ds_order_line){.line = 1,
                                             .product_id = DS_STR("berlin-1.milk-1l"),
                                             .name = DS_STR("Milk"),
                                             .quantity = 2,
                                             .unit_price_minor = 150,
                                             .total_minor = 300,
                                             .catalog_offset = 7};
    place->lines[1] = (struct ds_order_line){.line = 2,
                                             .product_id = DS_STR("berlin-1.bread"),
                                             .name = DS_STR("Bread"),
                                             .quantity = 3,
                                             .unit_price_minor = 200,
                                             .total_minor = 600,
                                             .catalog_offset = 8};
    place->command.head =
        (struct ds_command_head){.command_id = DS_STR("01K9ZZZZZZZZZZZZZZZZZZZZZZ"),
                                 .body_hash = DS_STR("HASH-OF-THE-BODY"),
                                 .correlation_id = DS_STR("corr-place"),
                                 .actor = customer,
                                 .has_traceparent = true,
                                 .traceparent = DS_STR("00-trace-place-01")};
    place->command.body.kind = DS_ORDER_COMMAND_PLACE_ORDER;
    place->command.body.as.place_order = (struct ds_place_order){
        .order_id = DS_STR(ORDER_ID),
        .store_id = DS_STR("berlin-1"),
        .customer_id = DS_STR(CUSTOMER_ID),
        .lines = {place->lines, 2},
        .currency = DS_STR("EUR"),
        .subtotal_minor = 900,
        .delivery_fee_minor = 250,
        .total_minor = TOTAL_MINOR,
        .payment_method = method,
        .has_payment_token = method == DS_PAYMENT_METHOD_CARD,
        .payment_token = DS_STR("tok_1"),
    };
    struct ds_personal_data *personal =
        &place->command.body.as.place_order.personal.as.personal_data;
    place->command.body.as.place_order.personal.kind =
        DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA;
    personal->has_recipient = true;
    personal->recipient = DS_STR("Anna");
    personal->street = DS_STR("Hauptstr. 1");
    personal->city = DS_STR("Berlin");
    personal->has_notes = true;
    personal->notes = DS_STR("ring twice");
    personal->has_email = personal->has_push_token = personal->has_language = true;
    personal->email = DS_STR("anna@shop.example");
    personal->push_token = DS_STR("device:1");
    personal->language = DS_STR("de-AT");
}

size_t world_place(ds_decider_kit_t *kit, enum ds_payment_method method)
{
    struct world_place place;
    world_place_init(&place, method);
    return ds_kit_command(kit, &place.command);
}

static struct ds_command_head head_of(enum ds_actor_kind kind, const char *actor)
{
    return (struct ds_command_head){.command_id = DS_STR("01K9CANCEL"),
                                    .body_hash = DS_STR("HASH-OF-A-CANCEL"),
                                    .correlation_id = DS_STR("corr-cancel"),
                                    .actor = {kind, ds_str(actor)}};
}

size_t world_cancel_as(ds_decider_kit_t *kit, enum ds_actor_kind kind, const char *actor,
                       const char *note)
{
    struct ds_order_command command = {.head = head_of(kind, actor)};
    command.body.kind = DS_ORDER_COMMAND_CANCEL_ORDER;
    command.body.as.cancel_order = (struct ds_cancel_order){
        .order_id = DS_STR(ORDER_ID), .has_note = note != NULL, .note = ds_str(note)};
    return ds_kit_command(kit, &command);
}

size_t world_cancel(ds_decider_kit_t *kit)
{
    return world_cancel_as(kit, DS_ACTOR_KIND_CUSTOMER, CUSTOMER_ID, "changed my mind");
}

size_t world_cancel_staff(ds_decider_kit_t *kit)
{
    return world_cancel_as(kit, DS_ACTOR_KIND_STAFF, STAFF_ID, "freezer broken");
}

static struct ds_line_quantity pieces(int32_t line, int32_t quantity)
{
    return (struct ds_line_quantity){.line = line,
                                     .product_id = line == 1 ? DS_STR("berlin-1.milk-1l")
                                                             : DS_STR("berlin-1.bread"),
                                     .quantity = quantity};
}

size_t world_cancel_line(ds_decider_kit_t *kit, enum ds_actor_kind kind, int32_t line,
                         int32_t quantity)
{
    struct ds_line_quantity item = pieces(line, quantity);
    struct ds_order_command command = {
        .head = head_of(kind, kind == DS_ACTOR_KIND_CUSTOMER ? CUSTOMER_ID : STAFF_ID)};
    command.body.kind = DS_ORDER_COMMAND_CANCEL_LINES;
    command.body.as.cancel_lines =
        (struct ds_cancel_lines){.order_id = DS_STR(ORDER_ID), .lines = {&item, 1}};
    return ds_kit_command(kit, &command);
}

static struct ds_context context_of(const char *correlation)
{
    return (struct ds_context){.correlation_id = ds_str(correlation),
                               .actor = {DS_ACTOR_KIND_SYSTEM, DS_STR("other")}};
}

size_t world_reserved(ds_decider_kit_t *kit)
{
    struct ds_inventory_event event = {.context = context_of("corr-place")};
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_RESERVED;
    event.body.as.inventory_reserved.order_id = DS_STR(ORDER_ID);
    return ds_kit_feed(kit, DS_ORDER_INPUT_INVENTORY, &event);
}

size_t world_stock_rejected(ds_decider_kit_t *kit)
{
    struct ds_inventory_event event = {.context = context_of("corr-place")};
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_REJECTED;
    event.body.as.inventory_rejected.order_id = DS_STR(ORDER_ID);
    return ds_kit_feed(kit, DS_ORDER_INPUT_INVENTORY, &event);
}

size_t world_payment_success(ds_decider_kit_t *kit)
{
    struct ds_payment_event event = {.context = context_of("corr-place")};
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_SUCCESS;
    event.body.as.payment_success.order_id = DS_STR(ORDER_ID);
    event.body.as.payment_success.amount_minor = TOTAL_MINOR;
    event.body.as.payment_success.currency = DS_STR("EUR");
    return ds_kit_feed(kit, DS_ORDER_INPUT_PAYMENT, &event);
}

size_t world_payment_failed(ds_decider_kit_t *kit)
{
    struct ds_payment_event event = {.context = context_of("corr-place")};
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_FAILED;
    event.body.as.payment_failed.order_id = DS_STR(ORDER_ID);
    return ds_kit_feed(kit, DS_ORDER_INPUT_PAYMENT, &event);
}

size_t world_delivery_lines_cancelled(ds_decider_kit_t *kit, int32_t line, int32_t quantity)
{
    struct ds_line_quantity item = pieces(line, quantity);
    struct ds_delivery_event event = {.context = context_of("corr-cancel")};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED;
    event.body.as.delivery_lines_cancelled =
        (struct ds_delivery_lines_cancelled){.order_id = DS_STR(ORDER_ID), .lines = {&item, 1}};
    return ds_kit_feed(kit, DS_ORDER_INPUT_DELIVERY, &event);
}

size_t world_delivery_cancelled(ds_decider_kit_t *kit, enum ds_cancel_reason reason)
{
    struct ds_delivery_event event = {.context = context_of("corr-cancel")};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_CANCELLED;
    event.body.as.delivery_cancelled.order_id = DS_STR(ORDER_ID);
    event.body.as.delivery_cancelled.reason = reason;
    return ds_kit_feed(kit, DS_ORDER_INPUT_DELIVERY, &event);
}

size_t world_in_transit(ds_decider_kit_t *kit)
{
    struct ds_delivery_event event = {.context = context_of("corr-courier")};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT;
    event.body.as.delivery_in_transit.order_id = DS_STR(ORDER_ID);
    return ds_kit_feed(kit, DS_ORDER_INPUT_DELIVERY, &event);
}

size_t world_completed(ds_decider_kit_t *kit)
{
    struct ds_delivery_event event = {.context = context_of("corr-courier")};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_COMPLETED;
    event.body.as.delivery_completed.order_id = DS_STR(ORDER_ID);
    return ds_kit_feed(kit, DS_ORDER_INPUT_DELIVERY, &event);
}

size_t world_returned(ds_decider_kit_t *kit)
{
    struct ds_delivery_event event = {.context = context_of("corr-courier")};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_RETURNED;
    event.body.as.delivery_returned.order_id = DS_STR(ORDER_ID);
    return ds_kit_feed(kit, DS_ORDER_INPUT_DELIVERY, &event);
}

size_t world_lost(ds_decider_kit_t *kit)
{
    struct ds_delivery_event event = {.context = context_of("corr-courier")};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_LOST;
    event.body.as.delivery_lost.order_id = DS_STR(ORDER_ID);
    return ds_kit_feed(kit, DS_ORDER_INPUT_DELIVERY, &event);
}

static void confirm(ds_decider_kit_t *kit, enum ds_payment_method method)
{
    world_reserved(kit);
    if (method == DS_PAYMENT_METHOD_CARD)
        world_payment_success(kit);
}

void world_reach(ds_decider_kit_t *kit, enum ds_order_state state, enum ds_payment_method method)
{
    if (state == DS_ORDER_NONE)
        return;
    world_place(kit, method);
    if (state == DS_ORDER_PAYING)
        world_reserved(kit);
    if (state == DS_ORDER_CANCELLED)
        world_cancel(kit);
    if (state == DS_ORDER_CONFIRMED || state == DS_ORDER_STOPPING ||
        state == DS_ORDER_STOPPING_STAFF || state == DS_ORDER_PICKED_UP ||
        state == DS_ORDER_RECALLING || state == DS_ORDER_FULFILLED)
        confirm(kit, method);
    if (state == DS_ORDER_STOPPING)
        world_cancel(kit);
    if (state == DS_ORDER_STOPPING_STAFF || state == DS_ORDER_RECALLING)
        world_cancel_staff(kit);
    if (state == DS_ORDER_PICKED_UP || state == DS_ORDER_RECALLING || state == DS_ORDER_FULFILLED)
        world_in_transit(kit);
    if (state == DS_ORDER_FULFILLED)
        world_completed(kit);
    cr_assert_eq(world_state(kit), state, "state %d was not reached", (int)state);
}

enum ds_order_state world_state(const ds_decider_kit_t *kit)
{
    const struct ds_order_kept *order = ds_orders_find(ds_kit_state(kit), DS_STR(ORDER_ID));
    return order == NULL ? DS_ORDER_NONE : order->state;
}

const struct ds_order_event *world_only(const ds_decider_kit_t *kit)
{
    cr_assert_eq(ds_kit_count(kit), 1, "one event wanted, got: %s", ds_kit_types(kit));
    return ds_kit_event(kit, 0);
}
