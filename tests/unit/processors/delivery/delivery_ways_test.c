/* The happy ways and the ways out of a delivery: CHOREOGRAPHY sections 6 to 8. */
#include "delivery_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

DS_BEHAVIOURS(delivery_ways, NULL, NULL)

DS_BEHAVIOUR(delivery_ways, card_order_is_delivered)
{
    ds_decider_kit_t *kit = new_dispatch();
    int64_t placed_at = ds_kit_now(kit) - 5 * DS_KIT_SECOND;
    online(kit, "shop.c1", 1);
    confirmed(kit, "shop.o1", CARD);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.requested,delivery.offered");
    const struct ds_delivery_offered *offered = &event_of(kit, 1)->body.as.delivery_offered;
    cr_assert(ds_str_eq(offered->offer_id, DS_STR("shop.o1-1")));
    cr_assert_eq(offered->expires_at, ds_kit_now(kit) + 30 * DS_KIT_SECOND);
    cr_assert(ds_str_eq(event_of(kit, 1)->context.correlation_id, DS_STR("order-correlation")));
    accept(kit, "shop.o1", 1, "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.assigned");
    cr_assert(ds_str_eq(event_of(kit, 0)->body.as.delivery_assigned.courier_name, DS_STR("Kim")));
    ds_kit_advance(kit, DS_KIT_MINUTE);
    int64_t picked_up_at = ds_kit_now(kit);
    pick_up(kit, "shop.o1", "shop.c1");
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_in_transit.lines.count, 2);
    ds_kit_advance(kit, DS_KIT_MINUTE);
    arrive(kit, "shop.o1", "shop.c1");
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed");
    const struct ds_delivery_completed *completed = &event_of(kit, 0)->body.as.delivery_completed;
    cr_assert_eq(completed->placed_at, placed_at);
    cr_assert_eq(completed->picked_up_at, picked_up_at);
    cr_assert(!completed->has_cash_collected_minor);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, arrival_is_said_once_an_attempt)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    arrive(kit, "shop.o1", "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.arrived");
    arrive(kit, "shop.o1", "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "ALREADY_ARRIVED");
    attempt_failed(kit, "shop.o1", "shop.c1");
    arrive(kit, "shop.o1", "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.arrived");
    online(kit, "shop.c2", 1);
    reassign(kit, "shop.o1", "shop.c2");
    arrive(kit, "shop.o1", "shop.c2");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.arrived");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, reassigned_says_whether_the_goods_have_left)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    online(kit, "shop.c2", 1);
    reassign(kit, "shop.o1", "shop.c2");
    cr_assert_not(event_of(kit, 0)->body.as.delivery_reassigned.picked_up);
    pick_up(kit, "shop.o1", "shop.c2");
    online(kit, "shop.c1", 1);
    reassign(kit, "shop.o1", "shop.c1");
    cr_assert(event_of(kit, 0)->body.as.delivery_reassigned.picked_up);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, cash_must_be_collected_in_full)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CASH);
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_refusal(kit), "CASH_SHORT");
    hand_over(kit, "shop.o1", "shop.c1", 999);
    cr_assert_str_eq(ds_kit_refusal(kit), "CASH_SHORT");
    hand_over(kit, "shop.o1", "shop.c1", 1000);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed");
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_completed.cash_collected_minor, 1000);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, no_courier_in_time_cancels)
{
    ds_decider_kit_t *kit = new_dispatch();
    struct ds_timer timer;
    confirmed(kit, "shop.o1", CARD);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.requested");
    cr_assert(ds_kit_next_timer(kit, &timer));
    cr_assert_eq(timer.due_us, ds_kit_now(kit) + 30 * DS_KIT_MINUTE);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.cancelled");
    const struct ds_delivery_event *event = event_of(kit, 0);
    cr_assert_eq(event->body.as.delivery_cancelled.reason, DS_CANCEL_REASON_NO_COURIER);
    cr_assert(!event->body.as.delivery_cancelled.has_courier_id);
    cr_assert_eq(event->context.actor.kind, DS_ACTOR_KIND_SYSTEM);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("delivery")));
    cr_assert(ds_str_eq(event->context.correlation_id, DS_STR("order-correlation")));
    cr_assert(ds_str_eq(event->context.traceparent, DS_STR("00-1-2-01")));
    cr_assert(!ds_kit_next_timer(kit, &timer));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, declined_offer_goes_to_a_second_courier_who_delivers)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 1);
    ds_kit_advance(kit, DS_KIT_SECOND);
    online(kit, "shop.c2", 1);
    confirmed(kit, "shop.o1", CARD);
    cr_assert(has(kit, "shop.o1", "shop.c1"));
    decline(kit, "shop.o1", 1, "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.offer_ended,delivery.offered");
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_offer_ended.reason, DS_OFFER_END_DECLINED);
    cr_assert_eq(event_of(kit, 1)->body.as.delivery_offered.offer_number, 2);
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    accept(kit, "shop.o1", 1, "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "OFFER_ENDED");
    accept(kit, "shop.o1", 2, "shop.c2");
    pick_up(kit, "shop.o1", "shop.c2");
    hand_over(kit, "shop.o1", "shop.c2", -1);
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_COMPLETED);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, expired_offer_goes_to_a_second_courier)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 1);
    ds_kit_advance(kit, DS_KIT_SECOND);
    online(kit, "shop.c2", 1);
    confirmed(kit, "shop.o1", CARD);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.offer_ended,delivery.offered");
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_offer_ended.reason, DS_OFFER_END_EXPIRED);
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    cr_assert_eq(courier_of(kit, "shop.c1")->load, 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, courier_who_goes_offline_lets_the_offer_go)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 1);
    ds_kit_advance(kit, DS_KIT_SECOND);
    online(kit, "shop.c2", 1);
    confirmed(kit, "shop.o1", CARD);
    offline(kit, "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.offer_ended,courier.offline,delivery.offered");
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_offer_ended.reason, DS_OFFER_END_WENT_OFFLINE);
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, order_given_back_or_not_fetched_goes_to_another_courier)
{
    for (int timeout = 0; timeout < 2; timeout++) {
        ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
        online(kit, "shop.c2", 1);
        if (timeout)
            ds_kit_fire(kit);
        else
            give_back(kit, "shop.o1", "shop.c1");
        cr_assert_str_eq(ds_kit_types(kit), "delivery.unassigned,courier.offline,delivery.offered");
        cr_assert_eq(event_of(kit, 0)->body.as.delivery_unassigned.reason,
                     timeout ? DS_UNASSIGN_REASON_NOT_PICKED_UP : DS_UNASSIGN_REASON_GIVEN_BACK);
        cr_assert(has(kit, "shop.o1", "shop.c2"));
        cr_assert_eq(ds_kit_now(kit) - DS_KIT_START_US, timeout ? 20 * DS_KIT_MINUTE : 0);
        ds_kit_destroy(kit);
    }
}

DS_BEHAVIOUR(delivery_ways, time_to_search_is_never_restarted)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_SEARCHING, "shop.o1", CARD);
    struct ds_timer timer;
    ds_kit_advance(kit, 29 * DS_KIT_MINUTE);
    online(kit, "shop.c1", 1);
    accept(kit, "shop.o1", 1, "shop.c1");
    ds_kit_advance(kit, 2 * DS_KIT_MINUTE);
    online(kit, "shop.c2", 1);
    give_back(kit, "shop.o1", "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.unassigned,courier.offline");
    cr_assert(ds_kit_next_timer(kit, &timer));
    cr_assert_eq(timer.due_us, DS_KIT_START_US + 30 * DS_KIT_MINUTE);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.cancelled");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, cancellation_says_why_and_who_had_it)
{
    static const enum ds_cancel_reason reasons[] = {
        DS_CANCEL_REASON_BY_CUSTOMER, DS_CANCEL_REASON_BY_STAFF, DS_CANCEL_REASON_DELIVERY_LATE};
    static const enum ds_cancel_by by[] = {DS_CANCEL_BY_CUSTOMER, DS_CANCEL_BY_STAFF,
                                           DS_CANCEL_BY_TIMER};
    for (size_t i = 0; i < 3; i++) {
        ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
        cancel_order(kit, "shop.o1", by[i]);
        const struct ds_delivery_cancelled *e = &event_of(kit, 0)->body.as.delivery_cancelled;
        cr_assert_eq(e->reason, reasons[i]);
        cr_assert(e->has_courier_id && ds_str_eq(e->courier_id, DS_STR("shop.c1")));
        ds_kit_destroy(kit);
    }
}

DS_BEHAVIOUR(delivery_ways, cancelled_lines_are_not_carried)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    cancel_line(kit, "shop.o1", 7, 1);
    cr_assert_str_eq(ds_kit_types(kit), "");
    cancel_line(kit, "shop.o1", 1, 1);
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_lines_cancelled.lines.items[0].quantity, 1);
    cancel_line(kit, "shop.o1", 1, 5);
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_lines_cancelled.lines.items[0].quantity, 1);
    cancel_line(kit, "shop.o1", 1, 1);
    cr_assert_str_eq(ds_kit_types(kit), "");
    pick_up(kit, "shop.o1", "shop.c1");
    const struct ds_delivery_in_transit *start = &event_of(kit, 0)->body.as.delivery_in_transit;
    cr_assert_eq(start->lines.count, 1);
    cr_assert(ds_str_eq(start->lines.items[0].product_id, DS_STR("shop.bread")));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, after_a_cancelled_line_what_is_left_is_collected)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CASH);
    cancel_line(kit, "shop.o1", 1, 1);
    const struct ds_delivery_lines_cancelled *off =
        &event_of(kit, 0)->body.as.delivery_lines_cancelled;
    cr_assert(off->has_total_minor);
    cr_assert_eq(off->total_minor, 700);
    cancel_line(kit, "shop.o1", 2, 1);
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_lines_cancelled.total_minor, 450);
    pick_up(kit, "shop.o1", "shop.c1");
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_refusal(kit), "CASH_SHORT");
    hand_over(kit, "shop.o1", "shop.c1", 0);
    cr_assert_str_eq(ds_kit_refusal(kit), "CASH_SHORT");
    hand_over(kit, "shop.o1", "shop.c1", 449);
    cr_assert_str_eq(ds_kit_refusal(kit), "CASH_SHORT");
    hand_over(kit, "shop.o1", "shop.c1", 450);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed");
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_completed.cash_collected_minor, 450);
    ds_kit_destroy(kit);
}

/* Asked by an order that did not say what its lines cost, or for more than there is: from then on
 * nobody here knows the total. */
DS_BEHAVIOUR(delivery_ways, a_total_that_is_not_known_is_the_couriers_word)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CASH);
    cancel_line_without_price(kit, "shop.o1", 1, 1);
    cr_assert(!event_of(kit, 0)->body.as.delivery_lines_cancelled.has_total_minor);
    cancel_line(kit, "shop.o1", 1, 1);
    cr_assert(!event_of(kit, 0)->body.as.delivery_lines_cancelled.has_total_minor);
    pick_up(kit, "shop.o1", "shop.c1");
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_refusal(kit), "CASH_SHORT");
    hand_over(kit, "shop.o1", "shop.c1", 1);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed");
    ds_kit_destroy(kit);

    kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CASH);
    cancel_line(kit, "shop.o1", 1, 3);
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_lines_cancelled.lines.items[0].quantity, 2);
    cr_assert(!event_of(kit, 0)->body.as.delivery_lines_cancelled.has_total_minor);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, second_failed_attempt_sends_the_goods_back)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    attempt_failed(kit, "shop.o1", "shop.c1");
    const struct ds_delivery_failed *failed = &event_of(kit, 0)->body.as.delivery_failed;
    cr_assert_eq(failed->attempt, 1);
    cr_assert_eq(failed->next, DS_FAIL_NEXT_AGAIN);
    cr_assert(!failed->has_return_by);
    attempt_failed(kit, "shop.o1", "shop.c1");
    failed = &event_of(kit, 0)->body.as.delivery_failed;
    cr_assert_eq(failed->attempt, 2);
    cr_assert_eq(failed->next, DS_FAIL_NEXT_RETURN);
    cr_assert_eq(failed->return_by, ds_kit_now(kit) + 24 * DS_KIT_HOUR);
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_refusal(kit), "RETURNING");
    back_at_store(kit, "shop.o1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.returned");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, staff_reassign_to_the_courier_they_name_or_to_a_free_one)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    reassign(kit, "shop.o1", NULL);
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_BUSY");
    reassign(kit, "shop.o1", "shop.c2");
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_UNKNOWN");
    reassign(kit, "shop.o1", "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_BUSY");
    online(kit, "other.c1", 1);
    reassign(kit, "shop.o1", "other.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_UNKNOWN");
    online(kit, "shop.c2", 1);
    reassign(kit, "shop.o1", NULL);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.reassigned,courier.offline");
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_refusal(kit), "OTHER_COURIER");
    hand_over(kit, "shop.o1", "shop.c2", -1);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed");
    ds_kit_destroy(kit);
}

static struct ds_delivery_command pick_up_of(const char *order_id)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_PICK_UP};
    command.body.as.pick_up.order_id = ds_str(order_id);
    return command;
}

DS_BEHAVIOUR(delivery_ways, staff_act_for_whoever_has_the_order_and_others_do_not)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    ask(kit, DS_ACTOR_KIND_CUSTOMER, "ann", pick_up_of("shop.o1"));
    cr_assert_str_eq(ds_kit_refusal(kit), "OTHER_COURIER");
    ask(kit, DS_ACTOR_KIND_COURIER, "shop.c2", pick_up_of("shop.o1"));
    cr_assert_str_eq(ds_kit_refusal(kit), "OTHER_COURIER");
    ask(kit, DS_ACTOR_KIND_STAFF, "bob", pick_up_of("shop.o1"));
    cr_assert_str_eq(ds_kit_types(kit), "delivery.in_transit");
    cr_assert(
        ds_str_eq(event_of(kit, 0)->body.as.delivery_in_transit.courier_id, DS_STR("shop.c1")));
    ds_kit_destroy(kit);
    kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    ask(kit, DS_ACTOR_KIND_COURIER, "shop.c1", pick_up_of("shop.o1"));
    cr_assert_str_eq(ds_kit_types(kit), "delivery.in_transit");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, courier_cannot_act_as_another)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_ACCEPT_OFFER};
    command.body.as.accept_offer.offer_id = DS_STR("shop.o1-1");
    command.body.as.accept_offer.courier_id = DS_STR("shop.c1");
    ask(kit, DS_ACTOR_KIND_COURIER, "shop.c2", command);
    cr_assert_str_eq(ds_kit_refusal(kit), "OTHER_COURIER");
    command.body.kind = DS_DELIVERY_COMMAND_GO_OFFLINE;
    command.body.as.go_offline.courier_id = DS_STR("shop.c1");
    ask(kit, DS_ACTOR_KIND_COURIER, "shop.c2", command);
    cr_assert_str_eq(ds_kit_refusal(kit), "OTHER_COURIER");
    ask(kit, DS_ACTOR_KIND_ADMIN, "root", command);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.offer_ended,courier.offline");
    command.body.kind = DS_DELIVERY_COMMAND_BACK_AT_STORE;
    command.body.as.back_at_store.order_id = DS_STR("shop.o1");
    ask(kit, DS_ACTOR_KIND_COURIER, "shop.c1", command);
    cr_assert_str_eq(ds_kit_refusal(kit), "OTHER_COURIER");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, offers_that_are_not_there_are_refused)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_ACCEPT_OFFER};
    static const char *const broken[] = {"",         "-",         "-1",        "shop.o1",
                                         "shop.o1-", "shop.o1-0", "shop.o1-x", "shop.o9-1"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        command.body.as.accept_offer.offer_id = ds_str(broken[i]);
        command.body.as.accept_offer.courier_id = DS_STR("shop.c1");
        ask(kit, DS_ACTOR_KIND_COURIER, "shop.c1", command);
        cr_assert_str_eq(ds_kit_refusal(kit), "DELIVERY_UNKNOWN", "%s", broken[i]);
    }
    accept(kit, "shop.o1", 2, "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "NOT_OFFERED");
    accept(kit, "shop.o1", 1, "shop.c2");
    cr_assert_str_eq(ds_kit_refusal(kit), "OTHER_COURIER");
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_OFFERED);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, courier_without_a_store_or_with_a_strange_capacity_is_refused)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "c1", 1);
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_UNKNOWN");
    online(kit, "shop.", 1);
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_UNKNOWN");
    online(kit, "shop.c1", 0);
    cr_assert_str_eq(ds_kit_refusal(kit), "INVALID_CAPACITY");
    online(kit, "shop.c1", 11);
    cr_assert_str_eq(ds_kit_refusal(kit), "INVALID_CAPACITY");
    see(kit, "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_UNKNOWN");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_ways, offer_waits_with_its_order)
{
    ds_decider_kit_t *kit = new_dispatch();
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_ACCEPT_OFFER};
    command.body.as.accept_offer.offer_id = DS_STR("shop.o-1-12");
    cr_assert_str_eq(ds_kit_aggregate(kit, 0, &command), "shop.o-1");
    command.body.kind = DS_DELIVERY_COMMAND_DECLINE_OFFER;
    command.body.as.decline_offer.offer_id = DS_STR("shop.o2-1");
    cr_assert_str_eq(ds_kit_aggregate(kit, 0, &command), "shop.o2");
    command.body.kind = DS_DELIVERY_COMMAND_PICK_UP;
    command.body.as.pick_up.order_id = DS_STR("shop.o3");
    cr_assert_str_eq(ds_kit_aggregate(kit, 0, &command), "shop.o3");
    command.body.kind = DS_DELIVERY_COMMAND_GO_OFFLINE;
    command.body.as.go_offline.courier_id = DS_STR("shop.c1");
    cr_assert_str_eq(ds_kit_aggregate(kit, 0, &command), "shop.c1");
    ds_kit_destroy(kit);
}
