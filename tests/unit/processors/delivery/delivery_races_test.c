/* The races of CHOREOGRAPHY section 9 that end at delivery: both orders of each. */
#include "delivery_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

DS_BEHAVIOURS(delivery_races, NULL, NULL)

DS_BEHAVIOUR(delivery_races, cancel_before_pick_up_wins)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_CUSTOMER);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.cancelled");
    pick_up(kit, "shop.o1", "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "DELIVERY_OVER");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, customers_cancel_after_pick_up_has_no_effect)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    cr_assert_eq(cancel_order(kit, "shop.o1", DS_CANCEL_BY_CUSTOMER), 0);
    cr_assert_eq(cancel_order(kit, "shop.o1", DS_CANCEL_BY_TIMER), 0);
    cr_assert_eq(cancel_line(kit, "shop.o1", 1, 1), 0);
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_IN_TRANSIT);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, staffs_cancel_after_pick_up_recalls_and_hand_over_is_refused)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_STAFF);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.recalled");
    cr_assert_eq(event_of(kit, 0)->body.as.delivery_recalled.return_by,
                 ds_kit_now(kit) + 24 * DS_KIT_HOUR);
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_refusal(kit), "RETURNING");
    back_at_store(kit, "shop.o1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.returned");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, recall_after_hand_over_has_no_effect)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_COMPLETED, "shop.o1", CARD);
    cr_assert_eq(cancel_order(kit, "shop.o1", DS_CANCEL_BY_STAFF), 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, staffs_cancel_after_the_customers_takes_what_it_may)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_IN_TRANSIT, "shop.o1", CARD);
    cr_assert_eq(cancel_order(kit, "shop.o1", DS_CANCEL_BY_CUSTOMER), 0);
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_STAFF);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.recalled");
    cr_assert_eq(cancel_order(kit, "shop.o1", DS_CANCEL_BY_STAFF), 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, accept_crosses_expiry)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    struct ds_timer timer;
    cr_assert(ds_kit_next_timer(kit, &timer));
    ds_kit_advance(kit, DS_KIT_MINUTE);
    accept(kit, "shop.o1", 1, "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.assigned");
    cr_assert_eq(ds_kit_timer(kit, DS_STR("shop.o1"), timer.kind, timer.due_us), 0);
    ds_kit_destroy(kit);
    kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    ds_kit_fire(kit);
    accept(kit, "shop.o1", 1, "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "OFFER_ENDED");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, accept_crosses_cancel)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_CUSTOMER);
    accept(kit, "shop.o1", 1, "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "DELIVERY_OVER");
    cr_assert_eq(ds_courier_state(courier_of(kit, "shop.c1")), DS_COURIER_FREE);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, no_courier_in_time_crosses_cancel)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_SEARCHING, "shop.o1", CARD);
    ds_kit_fire(kit);
    cr_assert_eq(cancel_order(kit, "shop.o1", DS_CANCEL_BY_CUSTOMER), 0);
    ds_kit_destroy(kit);
    kit = order_in(DS_DELIVERY_SEARCHING, "shop.o1", CARD);
    struct ds_timer timer;
    cr_assert(ds_kit_next_timer(kit, &timer));
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_CUSTOMER);
    cr_assert_eq(ds_kit_timer(kit, DS_STR("shop.o1"), timer.kind, timer.due_us), 0);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, silent_courier_hands_over_until_the_goods_are_lost)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_SILENT, "shop.o1", CARD);
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.completed");
    ds_kit_destroy(kit);
    kit = order_in(DS_DELIVERY_LOST, "shop.o1", CARD);
    hand_over(kit, "shop.o1", "shop.c1", -1);
    cr_assert_str_eq(ds_kit_refusal(kit), "DELIVERY_OVER");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, timer_of_an_earlier_offer_does_not_end_a_later_one)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    struct ds_timer timer;
    cr_assert(ds_kit_next_timer(kit, &timer));
    ds_kit_advance(kit, 29 * DS_KIT_SECOND);
    decline(kit, "shop.o1", 1, "shop.c1");
    online(kit, "shop.c2", 1);
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    cr_assert_eq(ds_kit_timer(kit, DS_STR("shop.o1"), timer.kind, timer.due_us), 0);
    cr_assert(has(kit, "shop.o1", "shop.c2"));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_races, order_confirmed_twice_is_requested_once)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_SEARCHING, "shop.o1", CARD);
    cr_assert_eq(confirmed(kit, "shop.o1", CARD), 0);
    ds_kit_destroy(kit);
    kit = order_in(DS_DELIVERY_COMPLETED, "shop.o1", CARD);
    cr_assert_eq(confirmed(kit, "shop.o1", CARD), 0);
    ds_kit_destroy(kit);
}
