/* The races of the choreography, section 9, as far as order decides them. */
#include "order_world.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

static ds_decider_kit_t *kit;

static void setup(void)
{
    kit = ds_kit_new(&ds_order_decider, NULL);
}

static void teardown(void)
{
    ds_kit_destroy(kit);
}

DS_BEHAVIOURS(order_races, setup, teardown)

DS_BEHAVIOUR(order_races, a_cancel_that_crosses_the_reservation_stands)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    world_cancel(kit);
    world_reserved(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
    cr_expect_eq(world_state(kit), DS_ORDER_CANCELLED);
}

DS_BEHAVIOUR(order_races, a_timeout_that_crosses_the_payment_stands)
{
    world_reach(kit, DS_ORDER_PAYING, DS_PAYMENT_METHOD_CARD);
    ds_kit_fire(kit);
    world_payment_success(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
    cr_expect_eq(world_state(kit), DS_ORDER_CANCELLED);
}

DS_BEHAVIOUR(order_races, a_late_success_after_a_failed_payment_changes_nothing)
{
    world_reach(kit, DS_ORDER_PAYING, DS_PAYMENT_METHOD_CARD);
    world_payment_failed(kit);
    world_payment_success(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
}

DS_BEHAVIOUR(order_races, the_booking_of_cash_changes_nothing_any_more)
{
    world_reach(kit, DS_ORDER_FULFILLED, DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    world_payment_success(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
}

DS_BEHAVIOUR(order_races, a_pick_up_before_the_customers_cancel_refuses_it)
{
    world_reach(kit, DS_ORDER_STOPPING, DS_PAYMENT_METHOD_CARD);
    world_in_transit(kit);
    cr_assert_str_eq(ds_kit_types(kit), "order.picked_up,order.cancel_refused");
    const struct ds_order_event *refused = ds_kit_event(kit, 1);
    cr_expect_eq(refused->body.as.order_cancel_refused.scope, DS_CANCEL_SCOPE_ORDER);
    world_completed(kit);
    cr_expect_str_eq(ds_kit_types(kit), "order.fulfilled");
}

DS_BEHAVIOUR(order_races, a_pick_up_before_staffs_cancel_becomes_a_recall)
{
    world_reach(kit, DS_ORDER_STOPPING_STAFF, DS_PAYMENT_METHOD_CARD);
    world_in_transit(kit);
    cr_expect_str_eq(ds_kit_types(kit), "order.picked_up");
    world_returned(kit);
    cr_expect_eq(world_only(kit)->body.as.order_cancelled.reason, DS_CANCEL_REASON_RECALLED);
}

DS_BEHAVIOUR(order_races, a_hand_over_before_the_recall_refuses_it)
{
    world_reach(kit, DS_ORDER_RECALLING, DS_PAYMENT_METHOD_CARD);
    world_completed(kit);
    cr_expect_str_eq(ds_kit_types(kit), "order.fulfilled,order.cancel_refused");
    cr_expect_eq(world_state(kit), DS_ORDER_FULFILLED);
}

DS_BEHAVIOUR(order_races, staff_may_ask_again_after_the_customer)
{
    world_reach(kit, DS_ORDER_STOPPING, DS_PAYMENT_METHOD_CARD);
    world_cancel(kit);
    cr_expect_str_eq(ds_kit_refusal(kit), "CANCEL_PENDING");
    world_cancel_staff(kit);
    cr_expect_eq(world_only(kit)->body.as.order_cancel_requested.by, DS_CANCEL_BY_STAFF);
    world_delivery_cancelled(kit, DS_CANCEL_REASON_BY_STAFF);
    cr_expect_str_eq(ds_kit_types(kit), "order.cancelled");
}

DS_BEHAVIOUR(order_races, no_courier_may_win_against_a_cancel)
{
    world_reach(kit, DS_ORDER_STOPPING, DS_PAYMENT_METHOD_CARD);
    world_delivery_cancelled(kit, DS_CANCEL_REASON_NO_COURIER);
    const struct ds_order_cancelled *cancelled = &world_only(kit)->body.as.order_cancelled;
    cr_expect_eq(cancelled->reason, DS_CANCEL_REASON_NO_COURIER);
    cr_expect_not(cancelled->has_note, "the customer's note belongs to the customer's reason");
}

DS_BEHAVIOUR(order_races, a_deadline_cleared_since_does_nothing)
{
    struct ds_timer timer;
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    cr_assert(ds_kit_next_timer(kit, &timer));
    int64_t reserve_by_us = timer.due_us;
    world_reserved(kit);
    ds_kit_timer(kit, DS_STR(ORDER_ID), DS_ORDER_RESERVING, reserve_by_us);
    cr_expect_str_eq(ds_kit_types(kit), "");
    ds_kit_timer(kit, DS_STR(ORDER_ID), DS_ORDER_PAYING, reserve_by_us);
    cr_expect_str_eq(ds_kit_types(kit), "");
}

DS_BEHAVIOUR(order_races, every_input_twice_changes_nothing_the_second_time)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    world_reserved(kit);
    world_reserved(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
    world_payment_success(kit);
    world_payment_success(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
    world_in_transit(kit);
    world_in_transit(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
    world_completed(kit);
    world_completed(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
}
