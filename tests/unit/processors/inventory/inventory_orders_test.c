/* What orders do to the stock: CHOREOGRAPHY section 5, and the races of section 9 that end in
 * inventory. */
#include "inventory_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

static const struct ds_inventory_event *event_of(const ds_decider_kit_t *kit, size_t i)
{
    return ds_kit_event(kit, i);
}

static void assert_stock(const ds_decider_kit_t *kit, const char *product_id, int64_t available,
                         int64_t reserved, int64_t committed)
{
    const struct ds_stock *stock = stock_of(kit, product_id);
    cr_assert_not_null(stock);
    cr_assert_eq(stock->available, available, "%s: available %ld", product_id,
                 (long)stock->available);
    cr_assert_eq(stock->reserved, reserved, "%s: reserved %ld", product_id, (long)stock->reserved);
    cr_assert_eq(stock->committed, committed, "%s: committed %ld", product_id,
                 (long)stock->committed);
    cr_assert_eq(stock->received, available + reserved + committed);
}

DS_BEHAVIOURS(inventory_orders, NULL, NULL)

DS_BEHAVIOUR(inventory_orders, order_reserves_all_its_lines_with_levels_after)
{
    ds_decider_kit_t *kit = new_inventory();
    struct part lines[] = {{1, "shop.milk", 2}, {2, "shop.bread", 1}};
    receive(kit, "shop.milk", 10);
    receive(kit, "shop.bread", 1);
    cr_assert_eq(order_created(kit, "shop.o1", lines, 2), 1);
    const struct ds_inventory_reserved *reserved = &event_of(kit, 0)->body.as.inventory_reserved;
    cr_assert_str_eq(ds_kit_types(kit), "inventory.reserved");
    cr_assert_eq(reserved->lines.count, 2);
    cr_assert_eq(reserved->levels.count, 2);
    cr_assert(ds_str_eq(reserved->levels.items[0].product_id, DS_STR("shop.milk")));
    cr_assert_eq(reserved->levels.items[0].available, 8);
    cr_assert_eq(reserved->levels.items[0].reserved, 2);
    cr_assert_eq(reserved->levels.items[0].received, 10);
    assert_stock(kit, "shop.bread", 0, 1, 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, order_short_of_one_product_reserves_nothing)
{
    ds_decider_kit_t *kit = new_inventory();
    struct part lines[] = {{1, "shop.milk", 2}, {2, "shop.bread", 3}, {3, "shop.salt", 1}};
    receive(kit, "shop.milk", 10);
    receive(kit, "shop.bread", 2);
    order_created(kit, "shop.o1", lines, 3);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.rejected");
    const struct ds_inventory_rejected *rejected = &event_of(kit, 0)->body.as.inventory_rejected;
    cr_assert_eq(rejected->shortages.count, 2);
    cr_assert(ds_str_eq(rejected->shortages.items[0].product_id, DS_STR("shop.bread")));
    cr_assert_eq(rejected->shortages.items[0].wanted, 3);
    cr_assert_eq(rejected->shortages.items[0].available, 2);
    cr_assert_eq(rejected->shortages.items[1].available, 0);
    assert_stock(kit, "shop.milk", 10, 0, 0);
    cr_assert_null(stock_of(kit, "shop.salt"));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, lines_of_one_product_are_summed)
{
    ds_decider_kit_t *kit = new_inventory();
    struct part six[] = {{1, "shop.milk", 3}, {2, "shop.milk", 3}};
    struct part five[] = {{1, "shop.milk", 3}, {2, "shop.milk", 2}};
    receive(kit, "shop.milk", 5);
    order_created(kit, "shop.o1", six, 2);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.rejected");
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_rejected.shortages.items[0].wanted, 6);
    order_created(kit, "shop.o2", five, 2);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.reserved");
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_reserved.levels.count, 1);
    assert_stock(kit, "shop.milk", 0, 5, 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, line_without_pieces_or_of_another_store_is_rejected)
{
    ds_decider_kit_t *kit = new_inventory();
    struct part negative[] = {{1, "shop.milk", -1}, {2, "shop.milk", 2}};
    receive(kit, "shop.milk", 5);
    order_one(kit, "shop.o1", "shop.milk", 0);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.rejected");
    order_created(kit, "shop.o2", negative, 2);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.rejected");
    order_one(kit, "shop.o3", "other.milk", 1);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.rejected");
    assert_stock(kit, "shop.milk", 5, 0, 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders,
             last_piece_goes_to_the_first_order_and_a_release_does_not_revive_the_other)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 1);
    order_one(kit, "shop.o1", "shop.milk", 1);
    order_one(kit, "shop.o2", "shop.milk", 1);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.rejected");
    order_cancelled(kit, "shop.o1", DS_GOODS_NOT_TAKEN);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.released");
    cr_assert_eq(reservation_of(kit, "shop.o2"), DS_RESERVATION_NONE);
    assert_stock(kit, "shop.milk", 1, 0, 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, cancelled_lines_and_then_the_rest_are_released_once)
{
    ds_decider_kit_t *kit = new_inventory();
    struct part lines[] = {{1, "shop.milk", 4}, {2, "shop.bread", 1}};
    struct part some[] = {{1, "shop.milk", 1}};
    struct part more[] = {{1, "shop.milk", 9}, {7, "shop.salt", 1}};
    receive(kit, "shop.milk", 10);
    receive(kit, "shop.bread", 10);
    order_created(kit, "shop.o1", lines, 2);
    order_lines_cancelled(kit, "shop.o1", some, 1);
    assert_stock(kit, "shop.milk", 7, 3, 0);
    order_lines_cancelled(kit, "shop.o1", more, 2);
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_released.lines.count, 1);
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_released.lines.items[0].quantity, 3);
    order_lines_cancelled(kit, "shop.o1", more, 2);
    cr_assert_str_eq(ds_kit_types(kit), "");
    order_cancelled(kit, "shop.o1", DS_GOODS_NOT_TAKEN);
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_released.lines.count, 1);
    assert_stock(kit, "shop.milk", 10, 0, 0);
    assert_stock(kit, "shop.bread", 10, 0, 0);
    order_cancelled(kit, "shop.o1", DS_GOODS_NOT_TAKEN);
    cr_assert_str_eq(ds_kit_types(kit), "");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, pick_up_commits_what_is_left_and_returned_goods_are_free_again)
{
    ds_decider_kit_t *kit = new_inventory();
    struct part lines[] = {{1, "shop.milk", 4}, {2, "shop.bread", 1}};
    receive(kit, "shop.milk", 10);
    receive(kit, "shop.bread", 10);
    order_created(kit, "shop.o1", lines, 2);
    order_lines_cancelled(kit, "shop.o1", lines + 1, 1);
    order_picked_up(kit, "shop.o1");
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_committed.lines.count, 1);
    assert_stock(kit, "shop.milk", 6, 0, 4);
    assert_stock(kit, "shop.bread", 10, 0, 0);
    order_cancelled(kit, "shop.o1", DS_GOODS_RETURNED);
    assert_stock(kit, "shop.milk", 10, 0, 0);
    order_cancelled(kit, "shop.o1", DS_GOODS_RETURNED);
    cr_assert_str_eq(ds_kit_types(kit), "");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, lost_goods_stay_committed)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 10);
    order_one(kit, "shop.o1", "shop.milk", 4);
    order_picked_up(kit, "shop.o1");
    order_cancelled(kit, "shop.o1", DS_GOODS_LOST);
    cr_assert_str_eq(ds_kit_types(kit), "");
    assert_stock(kit, "shop.milk", 6, 0, 4);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, other_events_of_an_order_have_no_effect)
{
    ds_decider_kit_t *kit = new_inventory();
    struct ds_order_event event = {0};
    receive(kit, "shop.milk", 10);
    order_one(kit, "shop.o1", "shop.milk", 4);
    event.body.kind = DS_ORDER_EVENT_ORDER_FULFILLED;
    event.body.as.order_fulfilled.order_id = DS_STR("shop.o1");
    cr_assert_eq(ds_kit_feed(kit, 1, &event), 0);
    assert_stock(kit, "shop.milk", 6, 4, 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, what_is_over_is_forgotten_after_seven_days_and_what_is_held_is_not)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 10);
    order_one(kit, "shop.o1", "shop.milk", 1);
    order_one(kit, "shop.o2", "shop.milk", 1);
    order_one(kit, "shop.o3", "shop.milk", 1);
    order_cancelled(kit, "shop.o1", DS_GOODS_NOT_TAKEN);
    order_picked_up(kit, "shop.o2");
    ds_kit_advance(kit, 168 * DS_KIT_HOUR - 1);
    receive(kit, "shop.milk", 1);
    cr_assert_eq(reservation_of(kit, "shop.o1"), DS_RESERVATION_RELEASED);
    ds_kit_advance(kit, 1);
    receive(kit, "shop.milk", 1);
    cr_assert_eq(reservation_of(kit, "shop.o1"), DS_RESERVATION_NONE);
    cr_assert_eq(reservation_of(kit, "shop.o2"), DS_RESERVATION_NONE);
    cr_assert_eq(reservation_of(kit, "shop.o3"), DS_RESERVATION_HELD);
    order_cancelled(kit, "shop.o2", DS_GOODS_RETURNED);
    cr_assert_str_eq(ds_kit_types(kit), "");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, order_cancelled_at_the_seven_days_still_brings_its_goods_back)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 10);
    order_one(kit, "shop.o1", "shop.milk", 1);
    order_picked_up(kit, "shop.o1");
    ds_kit_advance(kit, 168 * DS_KIT_HOUR);
    order_cancelled(kit, "shop.o1", DS_GOODS_RETURNED);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.returned");
    assert_stock(kit, "shop.milk", 10, 0, 0);
    cr_assert_eq(reservation_of(kit, "shop.o1"), DS_RESERVATION_RETURNED);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_orders, order_cancelled_days_after_its_pick_up_brings_its_goods_back)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 10);
    order_one(kit, "shop.o1", "shop.milk", 1);
    order_picked_up(kit, "shop.o1");
    ds_kit_advance(kit, 120 * DS_KIT_HOUR); /* as long as an order can live */
    receive(kit, "shop.milk", 1);
    order_cancelled(kit, "shop.o1", DS_GOODS_RETURNED);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.returned");
    assert_stock(kit, "shop.milk", 11, 0, 0);
    ds_kit_destroy(kit);
}

/* An event of the own log: this many of "shop.o1", line 1. */
static void plant_reservation(ds_decider_kit_t *kit, int32_t quantity, struct ds_stock_level level)
{
    struct ds_line_quantity line = {1, DS_STR("shop.milk"), quantity};
    struct ds_inventory_event event = {.context.correlation_id = DS_STR("c")};

    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_RESERVED;
    event.body.as.inventory_reserved =
        (struct ds_inventory_reserved){DS_STR("shop.o1"), {&line, 1}, {&level, 1}};
    ds_kit_apply(kit, &event);
}

/* As a log has it whose owner had forgotten the first, because it remembered for less time. */
DS_BEHAVIOUR(inventory_orders, id_reserved_again_after_its_end_is_another_reservation)
{
    ds_decider_kit_t *kit = new_inventory();
    const struct ds_stock_level level = {.product_id = DS_STR("shop.milk"),
                                         .received = 10,
                                         .available = 6,
                                         .reserved = 3,
                                         .committed = 1};
    receive(kit, "shop.milk", 10);
    order_one(kit, "shop.o1", "shop.milk", 1);
    order_picked_up(kit, "shop.o1");
    ds_kit_advance(kit, 73 * DS_KIT_HOUR);
    plant_reservation(kit, 3, level);
    cr_assert_eq(reservation_of(kit, "shop.o1"), DS_RESERVATION_HELD);
    ds_kit_advance(kit, 168 * DS_KIT_HOUR);
    receive(kit, "shop.milk", 1);
    order_cancelled(kit, "shop.o1", DS_GOODS_NOT_TAKEN);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.released");
    assert_stock(kit, "shop.milk", 10, 0, 1);
    ds_kit_destroy(kit);
}

/* An event of the own log that no decider of ours gives: it holds more pieces than the product's
 * column says. */
static void plant_torn_reservation(ds_decider_kit_t *kit)
{
    const struct ds_stock_level level = {
        .product_id = DS_STR("shop.milk"), .received = 10, .available = 8, .reserved = 2};
    plant_reservation(kit, 3, level);
}

DS_BEHAVIOUR(inventory_orders, what_would_leave_less_than_nothing_is_impossible)
{
    ds_decider_kit_t *kit = new_inventory();
    struct ds_order_event event = {.context.correlation_id = DS_STR("c")};

    receive(kit, "shop.milk", 10);
    plant_torn_reservation(kit);
    event.body.kind = DS_ORDER_EVENT_ORDER_PICKED_UP;
    event.body.as.order_picked_up.order_id = DS_STR("shop.o1");
    cr_assert_str_eq(ds_kit_impossible(kit, 1, &event),
                     "order shop.o1: product shop.milk would have available=8 reserved=-1 "
                     "committed=3 (I1)");
    event.body.kind = DS_ORDER_EVENT_ORDER_CANCELLED;
    event.body.as.order_cancelled = (struct ds_order_cancelled){.order_id = DS_STR("shop.o1")};
    cr_assert(strstr(ds_kit_impossible(kit, 1, &event), "reserved=-1") != NULL);
    assert_stock(kit, "shop.milk", 8, 2, 0);
    cr_assert_str_eq(ds_kit_aggregate(kit, 1, &event), "shop.o1");
    ds_kit_destroy(kit);
}
