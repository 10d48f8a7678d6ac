/* Which order goes to which courier: delivery_match.h. */
#include "delivery_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

DS_BEHAVIOURS(delivery_match, NULL, NULL)

DS_BEHAVIOUR(delivery_match, courier_with_fewest_orders_then_longest_wait_then_id)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c3", 2);
    ds_kit_advance(kit, DS_KIT_SECOND);
    online(kit, "shop.c2", 2);
    online(kit, "shop.c1", 2);
    confirmed(kit, "shop.o1", CARD);
    cr_assert(has(kit, "shop.o1", "shop.c3"), "has waited longest");
    confirmed(kit, "shop.o2", CARD);
    cr_assert(has(kit, "shop.o2", "shop.c1"), "as long as c2, lower id");
    confirmed(kit, "shop.o3", CARD);
    cr_assert(has(kit, "shop.o3", "shop.c2"), "the only one with none");
    confirmed(kit, "shop.o4", CARD);
    cr_assert(has(kit, "shop.o4", "shop.c3"), "all have one");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, renewed_go_online_keeps_the_place_in_the_queue)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c2", 1);
    ds_kit_advance(kit, DS_KIT_SECOND);
    online(kit, "shop.c1", 1);
    ds_kit_advance(kit, DS_KIT_SECOND);
    online(kit, "shop.c2", 1);
    confirmed(kit, "shop.o1", CARD);
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, waiting_orders_are_served_first_come_first_served)
{
    ds_decider_kit_t *kit = new_dispatch();
    confirmed(kit, "shop.o2", CARD);
    confirmed(kit, "shop.o1", CARD);
    confirmed(kit, "shop.o3", CARD);
    online(kit, "shop.c1", 2);
    cr_assert_str_eq(ds_kit_types(kit), "courier.online,delivery.offered,delivery.offered");
    cr_assert(has(kit, "shop.o2", "shop.c1"));
    cr_assert(has(kit, "shop.o1", "shop.c1"));
    cr_assert(has(kit, "shop.o3", NULL));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, freed_courier_gets_the_next_order_in_the_same_decision)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    confirmed(kit, "shop.o2", CARD);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.requested");
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed,delivery.offered");
    cr_assert(has(kit, "shop.o2", "shop.c1"));
    cancel_order(kit, "shop.o2", DS_CANCEL_BY_CUSTOMER);
    confirmed(kit, "shop.o3", CARD);
    confirmed(kit, "shop.o4", CARD);
    cancel_order(kit, "shop.o3", DS_CANCEL_BY_CUSTOMER);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.cancelled,delivery.offered");
    cr_assert(has(kit, "shop.o4", "shop.c1"));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, offer_of_another_order_carries_that_orders_context)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    confirmed(kit, "shop.o2", CARD);
    hand_over(kit, "shop.o1", "shop.c1", -1);
    const struct ds_context *own = &event_of(kit, 0)->context;
    const struct ds_context *others = &event_of(kit, 1)->context;
    cr_assert(own->has_command);
    cr_assert(ds_str_eq(own->correlation_id, DS_STR("command-correlation")));
    cr_assert(!others->has_command);
    cr_assert(ds_str_eq(others->correlation_id, DS_STR("order-correlation")));
    cr_assert_eq(others->actor.kind, DS_ACTOR_KIND_SYSTEM);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, couriers_get_orders_of_their_own_store_only)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "other.c1", 5);
    confirmed(kit, "shop.o1", CARD);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.requested");
    confirmed(kit, "other.o1", CARD);
    cr_assert(has(kit, "other.o1", "other.c1"));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, courier_takes_as_many_as_its_capacity)
{
    static const char *const orders[] = {"shop.o0", "shop.o1", "shop.o2",  "shop.o3",
                                         "shop.o4", "shop.o5", "shop.o6",  "shop.o7",
                                         "shop.o8", "shop.o9", "shop.o10", "shop.o11"};
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 10);
    for (size_t i = 0; i < 12; i++) {
        confirmed(kit, orders[i], CARD);
        cr_assert(has(kit, orders[i], i < 10 ? "shop.c1" : NULL));
    }
    for (size_t i = 0; i < 10; i++)
        accept(kit, orders[i], 1, "shop.c1");
    cr_assert_eq(courier_of(kit, "shop.c1")->load, 10);
    pick_up(kit, orders[3], "shop.c1");
    hand_over(kit, orders[3], "shop.c1", -1);
    cr_assert(has(kit, orders[10], "shop.c1"));
    cr_assert_eq(courier_of(kit, "shop.c1")->load, 10);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, all_offers_of_a_courier_who_goes_are_given_on)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 3);
    confirmed(kit, "shop.o1", CARD);
    confirmed(kit, "shop.o2", CARD);
    confirmed(kit, "shop.o3", CARD);
    ds_kit_advance(kit, DS_KIT_SECOND);
    /* Its three offers are its own until it goes. */
    online(kit, "shop.c2", 2);
    offline(kit, "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit),
                     "delivery.offer_ended,delivery.offer_ended,delivery.offer_ended,"
                     "courier.offline,delivery.offered,delivery.offered");
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    cr_assert(has(kit, "shop.o2", "shop.c2"));
    cr_assert(has(kit, "shop.o3", NULL));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, courier_taken_offline_keeps_its_other_orders_and_gets_no_new_ones)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 3);
    confirmed(kit, "shop.o1", CARD);
    confirmed(kit, "shop.o2", CARD);
    accept(kit, "shop.o1", 1, "shop.c1");
    accept(kit, "shop.o2", 1, "shop.c1");
    confirmed(kit, "shop.o3", CARD);
    give_back(kit, "shop.o1", "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.unassigned,delivery.offer_ended,courier.offline");
    pick_up(kit, "shop.o2", "shop.c1");
    hand_over(kit, "shop.o2", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed");
    cr_assert(!courier_of(kit, "shop.c1")->online);
    /* Of the two that wait, one it has given back. */
    online(kit, "shop.c1", 3);
    cr_assert_str_eq(ds_kit_types(kit), "courier.online,delivery.offered");
    cr_assert(has(kit, "shop.o3", "shop.c1"));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, courier_who_declined_gets_another_order)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    confirmed(kit, "shop.o2", CARD);
    decline(kit, "shop.o1", 1, "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.offer_ended,delivery.offered");
    cr_assert(has(kit, "shop.o2", "shop.c1"));
    cr_assert(has(kit, "shop.o1", NULL));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, one_who_has_not_refused_goes_before_one_who_has)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    online(kit, "shop.c2", 1);
    decline(kit, "shop.o1", 1, "shop.c1");
    accept(kit, "shop.o1", 2, "shop.c2");
    online(kit, "shop.c3", 2);
    confirmed(kit, "shop.o2", CARD);
    decline(kit, "shop.o2", 1, "shop.c1");
    cr_assert(has(kit, "shop.o2", "shop.c3"));
    ds_kit_advance(kit, DS_KIT_MINUTE);
    /* c1 has no order, waits longest and its pause is over; c3 has one order. */
    give_back(kit, "shop.o1", "shop.c2");
    cr_assert(has(kit, "shop.o1", "shop.c3"));
    ds_kit_destroy(kit);
}

/* The same with the couriers known in the other order, which must not matter. */
DS_BEHAVIOUR(delivery_match, order_in_which_couriers_came_does_not_matter)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c3", 1);
    confirmed(kit, "shop.o0", CARD);
    online(kit, "shop.c1", 1);
    confirmed(kit, "shop.o1", CARD);
    decline(kit, "shop.o1", 1, "shop.c1");
    online(kit, "shop.c2", 1);
    accept(kit, "shop.o1", 2, "shop.c2");
    accept(kit, "shop.o0", 1, "shop.c3");
    online(kit, "shop.c3", 2);
    ds_kit_advance(kit, DS_KIT_MINUTE);
    give_back(kit, "shop.o1", "shop.c2");
    cr_assert(has(kit, "shop.o1", "shop.c3"));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, courier_whose_order_was_taken_off_waits_behind_the_others)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 1);
    ds_kit_advance(kit, DS_KIT_SECOND);
    online(kit, "shop.c2", 1);
    ds_kit_advance(kit, DS_KIT_SECOND);
    confirmed(kit, "shop.o1", CARD);
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_CUSTOMER);
    confirmed(kit, "shop.o2", CARD);
    cr_assert(has(kit, "shop.o2", "shop.c2"));
    ds_kit_destroy(kit);
}

/* 30 s, then 60 s, then 90 s ... until the search is over. */
DS_BEHAVIOUR(delivery_match, the_only_courier_is_asked_again_after_growing_pauses)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    struct ds_timer timer;
    int asked = 1;
    for (;;) {
        decline(kit, "shop.o1", asked, "shop.c1");
        cr_assert_str_eq(ds_kit_types(kit), "delivery.offer_ended");
        int64_t declined_us = ds_kit_now(kit);
        cr_assert(ds_kit_next_timer(kit, &timer));
        ds_kit_fire(kit);
        if (state_of(kit, "shop.o1") == DS_DELIVERY_CANCELLED)
            break;
        cr_assert_str_eq(ds_kit_types(kit), "delivery.offered");
        cr_assert_eq(ds_kit_now(kit) - declined_us, asked * 30 * DS_KIT_SECOND);
        asked++;
    }
    cr_assert_eq(ds_kit_now(kit), DS_KIT_START_US + 30 * DS_KIT_MINUTE);
    cr_assert_eq(asked, 11);
    cr_assert(!ds_kit_next_timer(kit, &timer));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, pause_that_ends_while_the_courier_is_full_ends_when_it_is_free)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    struct ds_timer timer;
    confirmed(kit, "shop.o2", CARD);
    decline(kit, "shop.o1", 1, "shop.c1");
    accept(kit, "shop.o2", 1, "shop.c1");
    pick_up(kit, "shop.o2", "shop.c1");
    cr_assert(ds_kit_next_timer(kit, &timer));
    cr_assert_neq(timer.kind, DS_DELIVERY_TIMER_RETRY);
    ds_kit_advance(kit, DS_KIT_MINUTE);
    hand_over(kit, "shop.o2", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed,delivery.offered");
    cr_assert(has(kit, "shop.o1", "shop.c1"));
    ds_kit_destroy(kit);
}

/* Nothing ran for an hour: the pause and the search are both over. */
DS_BEHAVIOUR(delivery_match, pause_noticed_after_the_search_is_over_cancels)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    struct ds_timer timer;
    decline(kit, "shop.o1", 1, "shop.c1");
    ds_kit_advance(kit, DS_KIT_HOUR);
    cr_assert(ds_kit_next_timer(kit, &timer));
    cr_assert_eq(timer.kind, DS_DELIVERY_TIMER_RETRY);
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.cancelled");
    cr_assert(!ds_kit_next_timer(kit, &timer));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, no_offer_is_made_past_the_time_to_search)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_SEARCHING, "shop.o1", CARD);
    ds_kit_advance(kit, 30 * DS_KIT_MINUTE);
    online(kit, "shop.c1", 1);
    cr_assert_str_eq(ds_kit_types(kit), "courier.online");
    ds_kit_fire(kit);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.cancelled");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_match, reassigned_order_leaves_the_other_couriers_offers_alone)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    online(kit, "shop.c1", 2);
    confirmed(kit, "shop.o2", CARD);
    cr_assert(has(kit, "shop.o2", "shop.c1"));
    online(kit, "shop.c2", 2);
    reassign(kit, "shop.o1", "shop.c2");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.reassigned,delivery.offer_ended,courier.offline,"
                                        "delivery.offered");
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    cr_assert(has(kit, "shop.o2", "shop.c2"));
    ds_kit_destroy(kit);
}
