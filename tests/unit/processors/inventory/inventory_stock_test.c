/* What staff do to the stock, and thresholds: CHOREOGRAPHY section 5, second table. */
#include "base/limits.h"
#include "inventory_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define RECEIVE   DS_INVENTORY_COMMAND_RECEIVE_STOCK
#define ADJUST    DS_INVENTORY_COMMAND_ADJUST_STOCK
#define COUNT     DS_INVENTORY_COMMAND_COUNT_STOCK
#define THRESHOLD DS_INVENTORY_COMMAND_SET_THRESHOLD

static const struct ds_inventory_event *event_of(const ds_decider_kit_t *kit, size_t i)
{
    return ds_kit_event(kit, i);
}

static void assert_refused(const ds_decider_kit_t *kit, const char *reason)
{
    cr_assert_str_eq(ds_kit_refusal(kit), reason, "%s, wanted %s", ds_kit_refusal(kit), reason);
}

/* 10 pieces of milk, 4 of them reserved and 1 committed. */
static ds_decider_kit_t *shop_with_milk(void)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 10);
    order_one(kit, "shop.o1", "shop.milk", 1);
    order_picked_up(kit, "shop.o1");
    order_one(kit, "shop.o2", "shop.milk", 4);
    return kit;
}

DS_BEHAVIOURS(inventory_stock, NULL, NULL)

DS_BEHAVIOUR(inventory_stock, receiving_makes_a_product_known)
{
    ds_decider_kit_t *kit = new_inventory();
    struct part items[] = {{0, "shop.milk", 5}, {0, "shop.bread", 2}, {0, "shop.milk", 1}};
    staff(kit, RECEIVE, items, 3);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.updated");
    const struct ds_inventory_updated *updated = &event_of(kit, 0)->body.as.inventory_updated;
    cr_assert_eq(updated->kind, DS_UPDATE_KIND_RECEIVED);
    cr_assert_eq(updated->changes.count, 2);
    cr_assert_eq(updated->changes.items[0].quantity, 6);
    cr_assert_eq(updated->levels.items[0].available, 6);
    cr_assert(!updated->has_reason);
    cr_assert_eq(stock_of(kit, "shop.milk")->received, 6);
    cr_assert_eq(stock_of(kit, "shop.bread")->available, 2);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_stock, an_adjustment_takes_free_pieces_only)
{
    ds_decider_kit_t *kit = shop_with_milk();
    staff(kit, ADJUST, &(struct part){0, "shop.milk", -6}, 1);
    assert_refused(kit, "STOCK_RESERVED");
    staff(kit, ADJUST, &(struct part){0, "shop.milk", -5}, 1);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.updated");
    cr_assert(ds_str_eq(event_of(kit, 0)->body.as.inventory_updated.reason, DS_STR("broken")));
    cr_assert_eq(stock_of(kit, "shop.milk")->available, 0);
    cr_assert_eq(stock_of(kit, "shop.milk")->received, 5);
    staff(kit, ADJUST, &(struct part){0, "shop.milk", 2}, 1);
    cr_assert_eq(stock_of(kit, "shop.milk")->available, 2);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_stock, a_count_sets_what_is_on_the_shelf)
{
    ds_decider_kit_t *kit = shop_with_milk();
    staff(kit, COUNT, &(struct part){0, "shop.milk", 3}, 1);
    assert_refused(kit, "COUNT_BELOW_RESERVED");
    cr_assert(ds_str_eq(event_of(kit, 0)->body.as.command_rejected.detail,
                        DS_STR("shop.milk: 5 available, 4 reserved")));
    staff(kit, COUNT, &(struct part){0, "shop.milk", 4}, 1);
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_updated.differences.count, 1);
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_updated.differences.items[0].quantity, -5);
    cr_assert_eq(stock_of(kit, "shop.milk")->available, 0);
    cr_assert_eq(stock_of(kit, "shop.milk")->reserved, 4);
    cr_assert_eq(stock_of(kit, "shop.milk")->received, 5);
    staff(kit, COUNT, &(struct part){0, "shop.milk", 20}, 1);
    cr_assert_eq(event_of(kit, 0)->body.as.inventory_updated.differences.items[0].quantity, 16);
    cr_assert_eq(stock_of(kit, "shop.milk")->available, 16);
    cr_assert_eq(stock_of(kit, "shop.milk")->received, 21);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_stock, all_items_of_a_command_or_none)
{
    ds_decider_kit_t *kit = shop_with_milk();
    struct part items[] = {{0, "shop.milk", 5}, {0, "shop.salt", 1}};
    staff(kit, ADJUST, items, 2);
    assert_refused(kit, "PRODUCT_UNKNOWN");
    cr_assert(ds_str_eq(event_of(kit, 0)->body.as.command_rejected.detail, DS_STR("shop.salt")));
    cr_assert(
        ds_str_eq(event_of(kit, 0)->body.as.command_rejected.operation, DS_STR("stock.adjust")));
    cr_assert_eq(stock_of(kit, "shop.milk")->available, 5);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_stock, refusals_have_reasons)
{
    static struct part many[DS_MAX_BULK_ITEMS + 1];
    ds_decider_kit_t *kit = shop_with_milk();
    struct part twice[] = {{0, "shop.milk", 5}, {0, "shop.milk", 6}};
    staff(kit, COUNT, &(struct part){0, "shop.salt", 1}, 1);
    assert_refused(kit, "PRODUCT_UNKNOWN");
    staff(kit, THRESHOLD, &(struct part){0, "shop.salt", 1}, 1);
    assert_refused(kit, "PRODUCT_UNKNOWN");
    receive(kit, "other.milk", 1);
    assert_refused(kit, "PRODUCT_UNKNOWN");
    receive(kit, "shop.milk", 0);
    assert_refused(kit, "INVALID_QUANTITY");
    receive(kit, "shop.milk", -1);
    assert_refused(kit, "INVALID_QUANTITY");
    receive(kit, "shop.milk", 1000001);
    assert_refused(kit, "INVALID_QUANTITY");
    staff(kit, ADJUST, &(struct part){0, "shop.milk", INT32_MIN}, 1);
    assert_refused(kit, "INVALID_QUANTITY");
    staff(kit, COUNT, &(struct part){0, "shop.milk", -1}, 1);
    assert_refused(kit, "INVALID_QUANTITY");
    staff(kit, THRESHOLD, twice, 2);
    assert_refused(kit, "INVALID_QUANTITY");
    staff(kit, RECEIVE, many, 0);
    assert_refused(kit, "INVALID_QUANTITY");
    for (size_t i = 0; i < DS_MAX_BULK_ITEMS + 1; i++)
        many[i] = (struct part){0, "shop.milk", 1};
    staff(kit, RECEIVE, many, DS_MAX_BULK_ITEMS + 1);
    assert_refused(kit, "TOO_LARGE");
    somebody(kit, DS_ACTOR_KIND_CUSTOMER, RECEIVE, many, 1);
    assert_refused(kit, "FORBIDDEN");
    cr_assert_eq(stock_of(kit, "shop.milk")->available, 5);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_stock, crossing_the_threshold_is_announced_once_in_the_same_decision)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 5);
    set_threshold(kit, "shop.milk", 4);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.updated");
    order_one(kit, "shop.o1", "shop.milk", 1);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.reserved");
    order_one(kit, "shop.o2", "shop.milk", 1);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.reserved,inventory.low_stock");
    cr_assert_eq(event_of(kit, 1)->body.as.inventory_low_stock.available, 3);
    cr_assert_eq(event_of(kit, 1)->body.as.inventory_low_stock.threshold, 4);
    order_one(kit, "shop.o3", "shop.milk", 1);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.reserved");
    order_cancelled(kit, "shop.o2", DS_GOODS_NOT_TAKEN);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.released");
    order_cancelled(kit, "shop.o3", DS_GOODS_NOT_TAKEN);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.released,inventory.restocked");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_stock, a_new_threshold_is_judged_at_once)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 5);
    set_threshold(kit, "shop.milk", 6);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.updated,inventory.low_stock");
    set_threshold(kit, "shop.milk", 0);
    cr_assert_str_eq(ds_kit_types(kit), "inventory.updated,inventory.restocked");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_stock, more_crossings_than_a_decision_holds_are_announced_right_afterwards)
{
    static char ids[DS_MAX_BULK_ITEMS][16];
    static struct part items[DS_MAX_BULK_ITEMS];
    ds_decider_kit_t *kit = new_inventory();
    struct ds_timer timer;
    size_t announced = 0;
    for (int i = 0; i < DS_MAX_BULK_ITEMS; i++) {
        snprintf(ids[i], sizeof ids[i], "shop.p%d", i);
        items[i] = (struct part){0, ids[i], 5};
    }
    staff(kit, RECEIVE, items, DS_MAX_BULK_ITEMS);
    cr_assert(!ds_kit_next_timer(kit, &timer));
    for (int i = 0; i < DS_MAX_BULK_ITEMS; i++)
        items[i].quantity = 6;
    announced = staff(kit, THRESHOLD, items, DS_MAX_BULK_ITEMS) - 1;
    cr_assert_eq(announced, DS_INVENTORY_NOTICES_MAX);
    ds_kit_advance(kit, DS_KIT_SECOND);
    while (ds_kit_next_timer(kit, &timer)) {
        cr_assert_leq(timer.due_us, ds_kit_now(kit));
        cr_assert_eq(ds_kit_fire(kit), 1);
        cr_assert_str_eq(ds_kit_types(kit), "inventory.low_stock");
        cr_assert(ds_str_eq(event_of(kit, 0)->context.correlation_id, DS_STR("correlation-2")));
        announced++;
    }
    cr_assert_eq(announced, DS_MAX_BULK_ITEMS);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(inventory_stock, a_notice_that_was_overtaken_is_not_given)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 5);
    cr_assert_eq(ds_kit_timer(kit, DS_STR("shop.milk"), DS_INVENTORY_TIMER_NOTICE, 1), 0);
    cr_assert_eq(ds_kit_timer(kit, DS_STR("shop.salt"), DS_INVENTORY_TIMER_NOTICE, 1), 0);
    ds_kit_destroy(kit);
}
