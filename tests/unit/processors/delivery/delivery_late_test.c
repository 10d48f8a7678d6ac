/* Silence, lateness, loss and forgetting: the deadlines of CHOREOGRAPHY section 8. */
#include "delivery_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

static int64_t due(const ds_decider_kit_t *kit)
{
    struct ds_timer timer;
    cr_assert(ds_kit_next_timer(kit, &timer));
    return timer.due_us;
}

DS_BEHAVIOURS(delivery_late, NULL, NULL)

DS_BEHAVIOUR(delivery_late, courier_not_seen_for_ten_minutes_is_silent_and_then_lost)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    cr_assert_eq(due(kit), ds_kit_now(kit) + 10 * DS_KIT_MINUTE);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.courier_silent");
    cr_assert_eq(due(kit), ds_kit_now(kit) + 24 * DS_KIT_HOUR);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.lost,courier.offline");
    cr_assert(has(kit, "shop.o1", NULL));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_late, courier_that_is_seen_is_not_silent)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    for (int i = 0; i < 5; i++) {
        ds_kit_advance(kit, 9 * DS_KIT_MINUTE);
        see(kit, "shop.c1");
        cr_assert_str_eq(ds_kit_types(kit), "courier.seen");
        cr_assert_eq(due(kit), ds_kit_now(kit) + 10 * DS_KIT_MINUTE);
    }
    ds_kit_fire(kit);
    ds_kit_advance(kit, DS_KIT_HOUR);
    see(kit, "shop.c1");
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_IN_TRANSIT);
    cr_assert_eq(due(kit), ds_kit_now(kit) + 10 * DS_KIT_MINUTE);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_late, eight_hours_on_the_way_are_too_long_however_often_it_is_seen)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    int64_t picked_up_us = ds_kit_now(kit);
    while (ds_kit_now(kit) < picked_up_us + 8 * DS_KIT_HOUR - 5 * DS_KIT_MINUTE) {
        ds_kit_advance(kit, 5 * DS_KIT_MINUTE);
        see(kit, "shop.c1");
    }
    cr_assert_eq(due(kit), picked_up_us + 8 * DS_KIT_HOUR);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.courier_silent");
    see(kit, "shop.c1");
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_SILENT);
    cr_assert_eq(due(kit), picked_up_us + 32 * DS_KIT_HOUR);
    ds_kit_advance(kit, DS_KIT_HOUR);
    attempt_failed(kit, "shop.o1", "shop.c1");
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_IN_TRANSIT);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.courier_silent");
    cr_assert_eq(due(kit), picked_up_us + 32 * DS_KIT_HOUR);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_late, failed_attempt_is_a_sign_of_life)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_SILENT, "shop.o1", CARD);
    ds_kit_advance(kit, DS_KIT_HOUR);
    attempt_failed(kit, "shop.o1", "shop.c1");
    cr_assert_eq(due(kit), ds_kit_now(kit) + 10 * DS_KIT_MINUTE);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_late, reassigning_restarts_the_ten_minutes_only)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    int64_t pick_up_by = due(kit);
    ds_kit_advance(kit, DS_KIT_MINUTE);
    online(kit, "shop.c2", 1);
    reassign(kit, "shop.o1", "shop.c2");
    cr_assert_eq(due(kit), pick_up_by);
    ds_kit_destroy(kit);
    kit = order_in(DS_DELIVERY_RETURNING, "shop.o1", CARD);
    int64_t return_by = due(kit);
    ds_kit_advance(kit, DS_KIT_MINUTE);
    online(kit, "shop.c2", 1);
    reassign(kit, "shop.o1", "shop.c2");
    cr_assert_eq(due(kit), return_by);
    ds_kit_destroy(kit);
    kit = order_in(DS_DELIVERY_SILENT, "shop.o1", CARD);
    ds_kit_advance(kit, DS_KIT_MINUTE);
    online(kit, "shop.c2", 1);
    reassign(kit, "shop.o1", "shop.c2");
    cr_assert_eq(due(kit), ds_kit_now(kit) + 10 * DS_KIT_MINUTE);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_late, sign_of_life_counts_for_every_order_of_the_courier)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 2);
    confirmed(kit, "shop.o1", CARD);
    confirmed(kit, "shop.o2", CARD);
    accept(kit, "shop.o1", 1, "shop.c1");
    accept(kit, "shop.o2", 1, "shop.c1");
    pick_up(kit, "shop.o1", "shop.c1");
    pick_up(kit, "shop.o2", "shop.c1");
    ds_kit_fire(kit);
    ds_kit_fire(kit);
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_SILENT);
    cr_assert_eq(state_of(kit, "shop.o2"), DS_DELIVERY_SILENT);
    see(kit, "shop.c1");
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_IN_TRANSIT);
    cr_assert_eq(state_of(kit, "shop.o2"), DS_DELIVERY_IN_TRANSIT);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_late, goods_on_their_way_back_are_lost_after_a_day)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_RETURNING, "shop.o1", CARD);
    cr_assert_eq(due(kit), ds_kit_now(kit) + 24 * DS_KIT_HOUR);
    see(kit, "shop.c1");
    cr_assert_eq(due(kit), ds_kit_now(kit) + 24 * DS_KIT_HOUR);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.lost,courier.offline");
    back_at_store(kit, "shop.o1");
    cr_assert_str_eq(ds_kit_refusal(kit), "DELIVERY_OVER");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_late, what_is_over_is_forgotten_after_72_hours)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_COMPLETED, "shop.o1", CARD);
    offline(kit, "shop.c1");
    ds_kit_advance(kit, 72 * DS_KIT_HOUR - 1);
    online(kit, "other.c1", 1);
    cr_assert_not_null(delivery_of(kit, "shop.o1"));
    cr_assert_not_null(courier_of(kit, "shop.c1"));
    ds_kit_advance(kit, 1);
    online(kit, "other.c1", 1);
    cr_assert_null(delivery_of(kit, "shop.o1"));
    cr_assert_null(courier_of(kit, "shop.c1"));
    cr_assert_not_null(courier_of(kit, "other.c1"));
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_STAFF);
    cr_assert_str_eq(ds_kit_types(kit), "");
    online(kit, "shop.c1", 1);
    cr_assert_str_eq(ds_kit_types(kit), "courier.online");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_late, courier_seen_while_offline_is_remembered_longer)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 1);
    offline(kit, "shop.c1");
    ds_kit_advance(kit, 72 * DS_KIT_HOUR);
    see(kit, "shop.c1");
    cr_assert_not_null(courier_of(kit, "shop.c1"));
    online(kit, "shop.c1", 1);
    ds_kit_advance(kit, 100 * DS_KIT_HOUR);
    online(kit, "other.c1", 1);
    cr_assert_not_null(courier_of(kit, "shop.c1"), "online couriers stay");
    ds_kit_destroy(kit);
}
