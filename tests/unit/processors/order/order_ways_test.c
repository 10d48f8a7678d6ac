/* The happy way and the ways out, with what their events say. */
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

DS_BEHAVIOURS(order_ways, setup, teardown)

static void expect_cancelled(enum ds_cancel_reason reason, enum ds_goods goods, const char *note)
{
    const struct ds_order_event *event = world_only(kit);
    const struct ds_order_cancelled *cancelled = &event->body.as.order_cancelled;

    cr_assert_eq(event->body.kind, DS_ORDER_EVENT_ORDER_CANCELLED, "got %s", ds_kit_types(kit));
    cr_expect_eq(cancelled->reason, reason, "reason %s", ds_cancel_reason_text(cancelled->reason));
    cr_expect_eq(cancelled->goods, goods);
    cr_expect_eq(cancelled->has_note, note != NULL);
    if (note != NULL)
        cr_expect(ds_str_eq(cancelled->note, ds_str(note)));
}

DS_BEHAVIOUR(order_ways, an_order_by_card_is_paid_before_it_is_confirmed)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    ds_kit_advance(kit, DS_KIT_SECOND);
    world_reserved(kit);
    const struct ds_order_payment_requested *request =
        &world_only(kit)->body.as.order_payment_requested;
    cr_assert_str_eq(ds_kit_types(kit), "order.payment_requested");
    cr_expect_eq(request->total_minor, TOTAL_MINOR);
    cr_expect(ds_str_eq(request->currency, DS_STR("EUR")));
    cr_expect(ds_str_eq(request->payment_token, DS_STR("tok_1")));
    cr_expect(ds_str_eq(request->customer_id, DS_STR(CUSTOMER_ID)));
    cr_expect_eq(request->pay_by, ds_kit_now(kit) + 15 * DS_KIT_MINUTE);
    world_payment_success(kit);
    cr_assert_str_eq(ds_kit_types(kit), "order.confirmed");
    const struct ds_order_confirmed *confirmed = &world_only(kit)->body.as.order_confirmed;
    cr_expect_eq(confirmed->total_minor, TOTAL_MINOR);
    cr_expect_eq(confirmed->lines.count, 2);
    cr_expect_eq(confirmed->lines.items[1].quantity, 3);
    cr_expect(ds_str_eq(confirmed->personal.as.personal_data.street, DS_STR("Hauptstr. 1")));
    /* Whom to tell is in order.created, and nowhere else. */
    cr_expect_not(confirmed->personal.as.personal_data.has_email);
    cr_expect_not(confirmed->personal.as.personal_data.has_push_token);
    cr_expect_not(confirmed->personal.as.personal_data.has_language);
    cr_expect_eq(confirmed->placed_at, DS_KIT_START_US);
    cr_expect_eq(confirmed->deliver_by, ds_kit_now(kit) + 3 * DS_KIT_HOUR);
    world_in_transit(kit);
    cr_assert_str_eq(ds_kit_types(kit), "order.picked_up");
    world_completed(kit);
    cr_assert_str_eq(ds_kit_types(kit), "order.fulfilled");
    const struct ds_order_fulfilled *fulfilled = &world_only(kit)->body.as.order_fulfilled;
    cr_expect_eq(fulfilled->payment_method, DS_PAYMENT_METHOD_CARD);
    cr_expect_eq(fulfilled->total_minor, TOTAL_MINOR);
    cr_expect(ds_str_eq(fulfilled->currency, DS_STR("EUR")));
}

DS_BEHAVIOUR(order_ways, an_order_by_cash_asks_for_no_payment)
{
    world_place(kit, DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    world_reserved(kit);
    cr_assert_str_eq(ds_kit_types(kit), "order.confirmed");
    cr_expect_eq(world_only(kit)->body.as.order_confirmed.payment_method,
                 DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    world_in_transit(kit);
    world_completed(kit);
    cr_assert_str_eq(ds_kit_types(kit), "order.fulfilled");
    cr_expect_eq(world_only(kit)->body.as.order_fulfilled.payment_method,
                 DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
}

DS_BEHAVIOUR(order_ways, an_order_cannot_be_confirmed_before_payment)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    world_payment_success(kit);
    cr_expect_str_eq(ds_kit_types(kit), "");
    cr_expect_eq(world_state(kit), DS_ORDER_RESERVING);
}

DS_BEHAVIOUR(order_ways, an_order_without_stock_is_cancelled)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    world_stock_rejected(kit);
    expect_cancelled(DS_CANCEL_REASON_OUT_OF_STOCK, DS_GOODS_NOT_TAKEN, NULL);
}

DS_BEHAVIOUR(order_ways, a_refused_payment_cancels)
{
    world_reach(kit, DS_ORDER_PAYING, DS_PAYMENT_METHOD_CARD);
    world_payment_failed(kit);
    expect_cancelled(DS_CANCEL_REASON_PAYMENT_FAILED, DS_GOODS_NOT_TAKEN, NULL);
}

DS_BEHAVIOUR(order_ways, a_reservation_not_answered_in_time_cancels)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    ds_kit_fire(kit);
    cr_expect_eq(ds_kit_now(kit), DS_KIT_START_US + DS_KIT_MINUTE);
    expect_cancelled(DS_CANCEL_REASON_RESERVE_TIMEOUT, DS_GOODS_NOT_TAKEN, NULL);
}

DS_BEHAVIOUR(order_ways, a_payment_not_answered_in_time_cancels)
{
    world_reach(kit, DS_ORDER_PAYING, DS_PAYMENT_METHOD_CARD);
    ds_kit_fire(kit);
    cr_expect_eq(ds_kit_now(kit), DS_KIT_START_US + 15 * DS_KIT_MINUTE);
    expect_cancelled(DS_CANCEL_REASON_PAYMENT_TIMEOUT, DS_GOODS_NOT_TAKEN, NULL);
}

DS_BEHAVIOUR(order_ways, what_a_deadline_does_keeps_the_request_it_belongs_to)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    ds_kit_fire(kit);
    const struct ds_context *context = &world_only(kit)->context;
    cr_expect(ds_str_eq(context->correlation_id, DS_STR("corr-place")));
    cr_expect(ds_str_eq(context->traceparent, DS_STR("00-trace-place-01")));
    cr_expect_eq(context->actor.kind, DS_ACTOR_KIND_SYSTEM);
    cr_expect(ds_str_eq(context->actor.id, DS_STR("order")));
    cr_expect_not(context->has_command);
}

DS_BEHAVIOUR(order_ways, a_customer_cancels_at_once_before_confirmation)
{
    world_reach(kit, DS_ORDER_PAYING, DS_PAYMENT_METHOD_CARD);
    world_cancel(kit);
    expect_cancelled(DS_CANCEL_REASON_BY_CUSTOMER, DS_GOODS_NOT_TAKEN, "changed my mind");
}

DS_BEHAVIOUR(order_ways, staff_cancel_at_once_before_confirmation)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    world_cancel_as(kit, DS_ACTOR_KIND_ADMIN, "root", NULL);
    expect_cancelled(DS_CANCEL_REASON_BY_STAFF, DS_GOODS_NOT_TAKEN, NULL);
}

static void expect_requested(enum ds_cancel_by by)
{
    const struct ds_order_event *event = world_only(kit);
    cr_assert_eq(event->body.kind, DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED, "got %s",
                 ds_kit_types(kit));
    cr_expect_eq(event->body.as.order_cancel_requested.scope, DS_CANCEL_SCOPE_ORDER);
    cr_expect_eq(event->body.as.order_cancel_requested.by, by);
}

DS_BEHAVIOUR(order_ways, after_confirmation_a_customer_cancels_through_delivery)
{
    world_reach(kit, DS_ORDER_CONFIRMED, DS_PAYMENT_METHOD_CARD);
    world_cancel(kit);
    expect_requested(DS_CANCEL_BY_CUSTOMER);
    world_delivery_cancelled(kit, DS_CANCEL_REASON_BY_CUSTOMER);
    expect_cancelled(DS_CANCEL_REASON_BY_CUSTOMER, DS_GOODS_NOT_TAKEN, "changed my mind");
}

DS_BEHAVIOUR(order_ways, no_courier_in_time_cancels)
{
    world_reach(kit, DS_ORDER_CONFIRMED, DS_PAYMENT_METHOD_CARD);
    world_delivery_cancelled(kit, DS_CANCEL_REASON_NO_COURIER);
    expect_cancelled(DS_CANCEL_REASON_NO_COURIER, DS_GOODS_NOT_TAKEN, NULL);
}

DS_BEHAVIOUR(order_ways, an_order_not_picked_up_in_three_hours_is_taken_back)
{
    world_reach(kit, DS_ORDER_CONFIRMED, DS_PAYMENT_METHOD_CARD);
    ds_kit_fire(kit);
    cr_expect_eq(ds_kit_now(kit), DS_KIT_START_US + 3 * DS_KIT_HOUR);
    expect_requested(DS_CANCEL_BY_TIMER);
    world_delivery_cancelled(kit, DS_CANCEL_REASON_DELIVERY_LATE);
    expect_cancelled(DS_CANCEL_REASON_DELIVERY_LATE, DS_GOODS_NOT_TAKEN, NULL);
}

DS_BEHAVIOUR(order_ways, staff_recall_what_is_on_its_way)
{
    world_reach(kit, DS_ORDER_PICKED_UP, DS_PAYMENT_METHOD_CARD);
    world_cancel_staff(kit);
    expect_requested(DS_CANCEL_BY_STAFF);
    world_returned(kit);
    expect_cancelled(DS_CANCEL_REASON_RECALLED, DS_GOODS_RETURNED, "freezer broken");
}

DS_BEHAVIOUR(order_ways, goods_nobody_took_come_back)
{
    world_reach(kit, DS_ORDER_PICKED_UP, DS_PAYMENT_METHOD_CARD);
    world_returned(kit);
    expect_cancelled(DS_CANCEL_REASON_NOT_DELIVERED, DS_GOODS_RETURNED, NULL);
}

DS_BEHAVIOUR(order_ways, lost_goods_cancel)
{
    world_reach(kit, DS_ORDER_RECALLING, DS_PAYMENT_METHOD_CARD);
    world_lost(kit);
    expect_cancelled(DS_CANCEL_REASON_LOST, DS_GOODS_LOST, NULL);
}

DS_BEHAVIOUR(order_ways, somebody_elses_order_is_an_unknown_order)
{
    world_reach(kit, DS_ORDER_PAYING, DS_PAYMENT_METHOD_CARD);
    world_cancel_as(kit, DS_ACTOR_KIND_CUSTOMER, STRANGER_ID, NULL);
    cr_expect_str_eq(ds_kit_refusal(kit), "ORDER_UNKNOWN");
    world_cancel_as(kit, DS_ACTOR_KIND_COURIER, CUSTOMER_ID, NULL);
    cr_expect_str_eq(ds_kit_refusal(kit), "ORDER_UNKNOWN");
    cr_expect_eq(world_state(kit), DS_ORDER_PAYING);
}

DS_BEHAVIOUR(order_ways, a_refusal_names_the_order_and_the_command)
{
    world_cancel(kit);
    const struct ds_command_rejected *rejected = &world_only(kit)->body.as.command_rejected;
    cr_expect(ds_str_eq(rejected->target, DS_STR(ORDER_ID)));
    cr_expect(ds_str_eq(rejected->operation, DS_STR("order.cancel")));
}
