/* Who is asked first, what is written down of it, and the code at the door. */
#include "delivery_inputs.h"
#include "processors/delivery/delivery_policy.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct ds_place store_place = {52500000, 13400000};

/* An order of a store whose place is known, with a code for the door. */
static size_t confirmed_at(ds_decider_kit_t *kit, const char *order_id, const char *code)
{
    struct ds_line_quantity line = {1, DS_STR("shop.milk"), 2};
    struct ds_order_event event = {.context = {.correlation_id = DS_STR("corr"),
                                               .actor = {DS_ACTOR_KIND_SYSTEM, DS_STR("order")}}};
    event.body.kind = DS_ORDER_EVENT_ORDER_CONFIRMED;
    event.body.as.order_confirmed = (struct ds_order_confirmed){.order_id = ds_str(order_id),
                                                                .customer_id = DS_STR("ann"),
                                                                .lines = {&line, 1},
                                                                .payment_method = CARD,
                                                                .total_minor = 500,
                                                                .currency = DS_STR("EUR"),
                                                                .placed_at = ds_kit_now(kit),
                                                                .has_store_place = true,
                                                                .store_place = store_place,
                                                                .has_hand_over_code = code != NULL,
                                                                .hand_over_code = ds_str(code)};
    return ds_kit_feed(kit, 1, &event);
}

/* Online, so many thousandths of a degree north of the store: 111 m each. */
static size_t online_at(ds_decider_kit_t *kit, const char *courier_id, int32_t steps)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_GO_ONLINE};
    command.body.as.go_online =
        (struct ds_go_online){.courier_id = ds_str(courier_id),
                              .vehicle = DS_STR("bicycle"),
                              .capacity = 3,
                              .has_place = true,
                              .place = {store_place.lat_e6 + steps * 1000, store_place.lng_e6}};
    return ask(kit, DS_ACTOR_KIND_COURIER, courier_id, command);
}

static size_t hand_over_with(ds_decider_kit_t *kit, enum ds_actor_kind actor, const char *code)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_HAND_OVER};
    command.body.as.hand_over = (struct ds_hand_over){
        .order_id = DS_STR("shop.o1"), .has_code = code != NULL, .code = ds_str(code)};
    return ask(kit, actor, actor == DS_ACTOR_KIND_COURIER ? "shop.c1" : "boss", command);
}

static const struct ds_delivery_offered *offered(ds_decider_kit_t *kit)
{
    return &event_of(kit, ds_kit_count(kit) - 1)->body.as.delivery_offered;
}

DS_BEHAVIOURS(delivery_policy, NULL, NULL)

DS_BEHAVIOUR(delivery_policy, a_score_is_way_and_load_less_the_wait)
{
    struct ds_policy_inputs near = {.has_distance = true, .distance_m = 100};
    struct ds_policy_inputs far = {.has_distance = true, .distance_m = 5000};
    struct ds_policy_inputs unknown = {.has_distance = false};
    cr_expect_eq(ds_policy_score(&near), 100);
    cr_expect_eq(ds_policy_score(&unknown), 3000);
    near.load = 1;
    cr_expect_eq(ds_policy_score(&near), 4100);
    far.idle_s = 1800;
    cr_expect_eq(ds_policy_score(&far), 3500, "half an hour is worth 1500 m");
    far.idle_s = 36000;
    cr_expect_eq(ds_policy_score(&far), 2000, "never more than 3000 m");
}

DS_BEHAVIOUR(delivery_policy, the_nearest_is_asked_and_the_event_says_why)
{
    ds_decider_kit_t *kit = new_dispatch();
    online_at(kit, "shop.c1", 20);
    online_at(kit, "shop.c2", 10);
    online(kit, "shop.c3", 1); /* of unknown place */
    ds_kit_advance(kit, 10 * DS_KIT_SECOND);
    confirmed_at(kit, "shop.o1", NULL);
    cr_assert_str_eq(ds_kit_types(kit), "delivery.requested,delivery.offered");
    cr_expect(has(kit, "shop.o1", "shop.c2"));
    cr_assert(offered(kit)->has_distance_m);
    cr_expect_eq(offered(kit)->distance_m, 1112);
    cr_expect_eq(offered(kit)->load, 0);
    cr_expect_eq(offered(kit)->idle_seconds, 10);
    cr_expect_eq(offered(kit)->score, 1112 - 8);
    cr_expect_eq(offered(kit)->candidates, 3);
    confirmed_at(kit, "shop.o2", NULL);
    cr_expect(has(kit, "shop.o2", "shop.c1"), "an order more is worse than a kilometre");
    cr_expect_eq(offered(kit)->distance_m, 2224);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_policy, a_courier_is_where_it_was_seen_last)
{
    ds_decider_kit_t *kit = new_dispatch();
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_SEE_COURIER};
    online_at(kit, "shop.c1", 10);
    online_at(kit, "shop.c2", 20);
    command.body.as.see_courier.courier_id = DS_STR("shop.c2");
    command.body.as.see_courier.place = store_place;
    ask(kit, DS_ACTOR_KIND_COURIER, "shop.c2", command);
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    confirmed_at(kit, "shop.o1", NULL);
    confirmed_at(copy, "shop.o1", NULL);
    cr_expect(has(kit, "shop.o1", "shop.c2"));
    cr_expect_eq(offered(kit)->distance_m, 0);
    cr_expect(ds_kit_same_step(kit, copy));
    ds_kit_destroy(copy);
    ds_kit_destroy(kit);
}

/* Going online once more, for another capacity, says nothing of the place; coming back does. */
DS_BEHAVIOUR(delivery_policy, a_place_is_forgotten_with_going_offline)
{
    ds_decider_kit_t *kit = new_dispatch();
    online_at(kit, "shop.c1", 10);
    online(kit, "shop.c1", 2);
    cr_expect(courier_of(kit, "shop.c1")->has_place);
    offline(kit, "shop.c1");
    online(kit, "shop.c1", 2);
    cr_expect_not(courier_of(kit, "shop.c1")->has_place);
    confirmed_at(kit, "shop.o1", NULL);
    cr_expect_not(offered(kit)->has_distance_m);
    ds_kit_destroy(kit);
}

static ds_decider_kit_t *at_the_door(const char *code)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 1);
    confirmed_at(kit, "shop.o1", code);
    accept(kit, "shop.o1", 1, "shop.c1");
    pick_up(kit, "shop.o1", "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "delivery.in_transit");
    return kit;
}

DS_BEHAVIOUR(delivery_policy, the_courier_needs_the_customers_code)
{
    ds_decider_kit_t *kit = at_the_door("482913");
    hand_over_with(kit, DS_ACTOR_KIND_COURIER, NULL);
    cr_expect_str_eq(ds_kit_refusal(kit), "CODE_WRONG");
    hand_over_with(kit, DS_ACTOR_KIND_COURIER, "482914");
    cr_expect_str_eq(ds_kit_refusal(kit), "CODE_WRONG");
    cr_expect(ds_str_eq(event_of(kit, 0)->body.as.command_rejected.detail,
                        DS_STR("state=IN_TRANSIT offer=1 courier=shop.c1 wrong_codes=1")));
    hand_over_with(kit, DS_ACTOR_KIND_COURIER, "482913");
    cr_expect_str_eq(ds_kit_types(kit), "delivery.completed");
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_policy, after_five_wrong_codes_only_staff_hands_over)
{
    ds_decider_kit_t *kit = at_the_door("482913");
    for (int i = 0; i < DS_DELIVERY_CODE_TRIES; i++)
        hand_over_with(kit, DS_ACTOR_KIND_COURIER, "000000");
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    hand_over_with(kit, DS_ACTOR_KIND_COURIER, "482913");
    hand_over_with(copy, DS_ACTOR_KIND_COURIER, "482913");
    cr_expect_str_eq(ds_kit_refusal(kit), "CODE_WRONG");
    cr_expect_str_eq(ds_kit_refusal(copy), "CODE_WRONG", "the tries are in the log");
    hand_over_with(kit, DS_ACTOR_KIND_STAFF, NULL);
    cr_expect_str_eq(ds_kit_types(kit), "delivery.completed");
    ds_kit_destroy(copy);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_policy, without_a_code_none_is_asked_for)
{
    ds_decider_kit_t *kit = at_the_door(NULL);
    hand_over_with(kit, DS_ACTOR_KIND_COURIER, "whatever");
    cr_expect_str_eq(ds_kit_types(kit), "delivery.completed");
    ds_kit_destroy(kit);
}

static const struct ds_delivery_event *first_decided(const struct ds_dispatch *dispatch,
                                                     ds_decision_t *decision,
                                                     const struct ds_input *input)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_context context = {.correlation_id = DS_STR("c"), .actor.id = DS_STR("boss")};
    ds_decision_reset(decision, &context);
    if (!ds_delivery_decider.decide(dispatch, input, 1000, decision, &error))
        cr_assert_fail("decide: %s", error.message);
    return ds_decision_event(decision, 0);
}

/* Ids that somebody made up may not take the place of a store that has an order. */
DS_BEHAVIOUR(delivery_policy, stores_of_couriers_leave_room_for_those_of_the_catalog)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_delivery_settings settings = {.offer_timeout_us = 1, .attempts_max = 1};
    struct ds_dispatch *dispatch = ds_dispatch_new(&settings, &error);
    ds_decision_t *decision = ds_decision_new(&ds_schema_delivery_events);
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_GO_ONLINE};
    const struct ds_input asked = {.kind = DS_INPUT_COMMAND, .message = &command};
    struct ds_order_event confirmed = {.body.kind = DS_ORDER_EVENT_ORDER_CONFIRMED};
    const struct ds_input read = {.kind = DS_INPUT_EVENT, .number = 1, .message = &confirmed};
    const struct ds_delivery_event *event;
    cr_assert(dispatch != NULL && decision != NULL);
    for (int i = 0; i < DS_MAX_PARTITION_STORES; i++) {
        char id[32];
        snprintf(id, sizeof id, "s%d.c", i);
        if (ds_dispatch_edit_store(dispatch, ds_str(id), &error) == NULL)
            cr_assert_fail("store %d: %s", i, error.message);
    }
    command.head.actor = (struct ds_actor){DS_ACTOR_KIND_STAFF, DS_STR("boss")};
    command.body.as.go_online.courier_id = DS_STR("shop.c1");
    command.body.as.go_online.vehicle = DS_STR("car");
    command.body.as.go_online.capacity = 1;
    event = first_decided(dispatch, decision, &asked);
    cr_assert_eq(event->body.kind, DS_DELIVERY_EVENT_COMMAND_REJECTED);
    cr_expect(ds_str_eq(event->body.as.command_rejected.reason, DS_STR("TOO_MANY_COURIERS")));
    confirmed.body.as.order_confirmed.order_id = DS_STR("shop.o1");
    event = first_decided(dispatch, decision, &read);
    cr_assert_eq(event->body.kind, DS_DELIVERY_EVENT_DELIVERY_REQUESTED);
    if (!ds_dispatch_evolve(dispatch, event, &error))
        cr_assert_fail("evolve: %s", error.message);
    event = first_decided(dispatch, decision, &asked); /* a store that is known now */
    cr_expect_eq(event->body.kind, DS_DELIVERY_EVENT_COURIER_ONLINE);
    ds_decision_destroy(decision);
    ds_dispatch_destroy(dispatch);
}

/* More couriers than a partition may know: somebody makes ids up. */
DS_BEHAVIOUR(delivery_policy, one_courier_too_many_is_refused)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_delivery_settings settings = {.offer_timeout_us = 1, .attempts_max = 1};
    struct ds_dispatch *dispatch = ds_dispatch_new(&settings, &error);
    ds_decision_t *decision = ds_decision_new(&ds_schema_delivery_events);
    struct ds_context context = {.correlation_id = DS_STR("c"), .actor.id = DS_STR("boss")};
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_GO_ONLINE};
    cr_assert(dispatch != NULL && decision != NULL);
    for (int i = 0; i < DS_COURIERS_MAX; i++) {
        char id[32];
        struct ds_delivery_event event = {.body.kind = DS_DELIVERY_EVENT_COURIER_ONLINE};
        snprintf(id, sizeof id, "s%d.c", i);
        event.body.as.courier_online.courier_id = ds_str(id);
        event.body.as.courier_online.vehicle = DS_STR("car");
        event.body.as.courier_online.capacity = 1;
        if (!ds_dispatch_evolve(dispatch, &event, &error))
            cr_assert_fail("courier %d: %s", i, error.message);
    }
    command.head.actor = (struct ds_actor){DS_ACTOR_KIND_STAFF, DS_STR("boss")};
    command.body.as.go_online.courier_id = DS_STR("shop.c1");
    command.body.as.go_online.vehicle = DS_STR("car");
    command.body.as.go_online.capacity = 1;
    const struct ds_input input = {.kind = DS_INPUT_COMMAND, .message = &command};
    ds_decision_reset(decision, &context);
    cr_assert(ds_delivery_decider.decide(dispatch, &input, 1000, decision, &error));
    const struct ds_delivery_event *event = ds_decision_event(decision, 0);
    cr_assert_eq(event->body.kind, DS_DELIVERY_EVENT_COMMAND_REJECTED);
    cr_expect(ds_str_eq(event->body.as.command_rejected.reason, DS_STR("TOO_MANY_COURIERS")));
    command.body.as.go_online.courier_id = DS_STR("s7.c"); /* one that is known */
    ds_decision_reset(decision, &context);
    cr_assert(ds_delivery_decider.decide(dispatch, &input, 1000, decision, &error));
    event = ds_decision_event(decision, 0);
    cr_expect_eq(event->body.kind, DS_DELIVERY_EVENT_COURIER_ONLINE);
    ds_decision_destroy(decision);
    ds_dispatch_destroy(dispatch);
}
