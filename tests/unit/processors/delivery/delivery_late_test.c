/* Silence, lateness, loss and forgetting: the deadlines of CHOREOGRAPHY section 8. */
#include "decider/memory.h"
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

/* ---- how long an order can live (ADR 31) */

static bool parse(struct ds_delivery_settings *settings, char *const argv[], int count,
                  ds_error_t *error)
{
    const char *positional[8];
    int positional_count = 0;
    bool help = false;
    return ds_options_parse(ds_delivery_decider.options, count, argv, settings, positional,
                            &positional_count, &help, error);
}

/* The longest way there is. @return how long it took from the confirmation. */
static int64_t longest_way(const struct ds_delivery_settings *settings)
{
    ds_decider_kit_t *kit = ds_kit_new(&ds_delivery_decider, settings);
    int64_t began_us = ds_kit_now(kit);

    confirmed(kit, "shop.o1", CARD);
    ds_kit_advance(kit, due(kit) - ds_kit_now(kit) - 1);
    online(kit, "shop.c1", 1);
    ds_kit_advance(kit, due(kit) - ds_kit_now(kit) - 1);
    accept(kit, "shop.o1", 1, "shop.c1");
    ds_kit_advance(kit, due(kit) - ds_kit_now(kit) - 1);
    pick_up(kit, "shop.o1", "shop.c1");
    while (delivery_of(kit, "shop.o1")->late_at > ds_kit_now(kit) + settings->silent_us) {
        ds_kit_advance(kit, settings->silent_us - 1);
        see(kit, "shop.c1");
    }
    ds_kit_fire(kit);
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_SILENT);
    ds_kit_advance(kit, due(kit) - ds_kit_now(kit) - 1);
    attempt_failed(kit, "shop.o1", "shop.c1");
    ds_kit_fire(kit);
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_SILENT, "an attempt does not lengthen it");
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_STAFF);
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_RETURNING);
    ds_kit_fire(kit);
    cr_assert_eq(state_of(kit, "shop.o1"), DS_DELIVERY_LOST);
    int64_t took_us = ds_kit_now(kit) - began_us;
    ds_kit_destroy(kit);
    return took_us;
}

DS_BEHAVIOUR(delivery_late, no_setting_lets_an_order_live_for_more_than_five_days)
{
    char *const argv[] = {(char *)"--delivery-search-timeout=6h",
                          (char *)"--delivery-offer-timeout=1h",
                          (char *)"--delivery-pickup-timeout=5h", (char *)"--delivery-late=12h",
                          (char *)"--delivery-lost=48h"};
    struct ds_delivery_settings settings = {0};
    ds_error_t error = DS_ERROR_INIT;

    cr_assert(parse(&settings, argv, 0, &error), "%s", error.message);
    cr_expect_leq(longest_way(&settings), 60 * DS_KIT_HOUR, "by the defaults");
    cr_assert(parse(&settings, argv, 5, &error), "%s", error.message);
    cr_expect_leq(longest_way(&settings), DS_ORDER_LIFE_MAX_US);
    cr_expect_geq(longest_way(&settings), DS_ORDER_LIFE_MAX_US - DS_KIT_HOUR);
}

DS_BEHAVIOUR(delivery_late, settings_that_let_an_order_live_for_longer_are_refused)
{
    static const struct {
        const char *option;
        const char *refusal;
    } cases[] = {
        {"--delivery-search-timeout=7h",
         "--delivery-search-timeout: \"7h\" is out of range (1s to 6h)"},
        {"--delivery-offer-timeout=2h",
         "--delivery-offer-timeout: \"2h\" is out of range (1s to 1h)"},
        {"--delivery-pickup-timeout=6h",
         "--delivery-pickup-timeout: \"6h\" is out of range (1s to 5h)"},
        {"--delivery-late=13h", "--delivery-late: \"13h\" is out of range (1s to 12h)"},
        {"--delivery-lost=49h", "--delivery-lost: \"49h\" is out of range (1s to 2d)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_delivery_settings settings = {0};
        ds_error_t error = DS_ERROR_INIT;
        char *const argv[] = {(char *)(uintptr_t)cases[i].option};
        cr_expect_not(parse(&settings, argv, 1, &error), "%s", cases[i].option);
        cr_expect_str_eq(error.message, cases[i].refusal);
    }
}
