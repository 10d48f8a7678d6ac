/* The ways of an order through all deciders, in the words of the choreography. */
#include "processors/payment/payment.h"
#include "shop.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

static struct shop shop;

static void setup(void)
{
    shop_init(&shop, 10, 10);
    shop_couriers_online(&shop);
}

static void teardown(void)
{
    shop_cleanup(&shop);
}

DS_BEHAVIOURS(shop_ways, setup, teardown)

static void expect_rest(int order, enum shop_end end, int64_t kept_minor)
{
    int64_t total_minor = 0;
    int unmatched = 0;
    cr_expect_eq(shop_end_of(&shop, order, &total_minor), end);
    cr_expect_eq(shop_kept(&shop, order, &unmatched), kept_minor);
    cr_expect_eq(unmatched, 0);
    shop_check_stock(&shop, true);
}

DS_BEHAVIOUR(shop_ways, an_order_by_card_takes_fourteen_events)
{
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    shop_report(&shop, 0, true);
    shop_settle(&shop);
    shop_answer_offer(&shop, 0, true);
    shop_pick_up(&shop, 0);
    shop_settle(&shop);
    shop_hand_over(&shop, 0);
    shop_settle(&shop);
    cr_expect_str_eq(shop.history,
                     "order.created,inventory.reserved,order.payment_requested,payment.initiated,"
                     "payment.success,order.confirmed,delivery.requested,delivery.offered,"
                     "delivery.assigned,delivery.in_transit,order.picked_up,inventory.committed,"
                     "delivery.completed,order.fulfilled");
    expect_rest(0, SHOP_FULFILLED, SHOP_TOTAL);
}

DS_BEHAVIOUR(shop_ways, an_order_by_cash_takes_twelve_events)
{
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    shop_settle(&shop);
    shop_answer_offer(&shop, 0, true);
    shop_pick_up(&shop, 0);
    shop_settle(&shop);
    shop_hand_over(&shop, 0);
    shop_settle(&shop);
    cr_expect_str_eq(shop.history,
                     "order.created,inventory.reserved,order.confirmed,delivery.requested,"
                     "delivery.offered,delivery.assigned,delivery.in_transit,order.picked_up,"
                     "inventory.committed,delivery.completed,order.fulfilled,payment.success");
    expect_rest(0, SHOP_FULFILLED, SHOP_TOTAL);
}

DS_BEHAVIOUR(shop_ways, of_an_order_by_cash_what_is_left_of_it_is_collected)
{
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    shop_settle(&shop);
    shop_answer_offer(&shop, 0, true);
    shop_cancel_line(&shop, 0, 1, 1);
    shop_settle(&shop);
    shop_cancel_line(&shop, 0, 2, 2);
    shop_cancel_line(&shop, 0, 1, 1);
    shop_settle(&shop);
    shop_pick_up(&shop, 0);
    shop_settle(&shop);
    shop_hand_over_for(&shop, 0, 0);
    cr_expect_str_eq(ds_kit_refusal(shop.kits[SHOP_DELIVERY]), "CASH_SHORT");
    shop_hand_over_for(&shop, 0, 449);
    cr_expect_str_eq(ds_kit_refusal(shop.kits[SHOP_DELIVERY]), "CASH_SHORT");
    shop_hand_over(&shop, 0);
    shop_settle(&shop);
    cr_expect_eq(shop_collected(&shop, 0), 450);
    expect_rest(0, SHOP_FULFILLED, 450);
}

DS_BEHAVIOUR(shop_ways, an_order_that_costs_nothing_asks_no_provider)
{
    shop_place_free_milk(&shop, 0, 0);
    shop_settle(&shop);
    cr_assert_eq(shop.call_count, 0, "nothing is charged");
    cr_expect_str_eq(shop.history,
                     "order.created,inventory.reserved,order.payment_requested,payment.success,"
                     "order.confirmed,delivery.requested,delivery.offered");
    shop_answer_offer(&shop, 0, true);
    shop_pick_up(&shop, 0);
    shop_settle(&shop);
    shop_hand_over(&shop, 0);
    shop_settle(&shop);
    expect_rest(0, SHOP_FULFILLED, 0);
}

DS_BEHAVIOUR(shop_ways, what_is_free_without_its_cancelled_lines_is_confirmed_and_not_refunded)
{
    shop_place_free_milk(&shop, 0, 200);
    shop_cancel_line(&shop, 0, 2, 3);
    shop_settle(&shop);
    cr_assert_not_null(strstr(shop.history, "order.confirmed"));
    shop_cancel(&shop, 0, DS_ACTOR_KIND_CUSTOMER);
    shop_settle(&shop);
    cr_expect_eq(shop.call_count, 0, "neither a charge nor a refund");
    expect_rest(0, SHOP_CANCELLED, 0);
}

DS_BEHAVIOUR(shop_ways, a_cancel_after_confirmation_gives_back_goods_and_money)
{
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    shop_report(&shop, 0, true);
    shop_settle(&shop);
    shop_cancel(&shop, 0, DS_ACTOR_KIND_CUSTOMER);
    shop_settle(&shop);
    cr_assert_eq(shop.call_count, 2, "a refund is asked for");
    shop_report(&shop, 1, true);
    expect_rest(0, SHOP_CANCELLED, 0);
}

DS_BEHAVIOUR(shop_ways, a_payment_that_comes_after_the_timeout_goes_back)
{
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    shop_fire(&shop, SHOP_ORDER); /* the payment is not answered in time */
    shop_report(&shop, 0, true);
    shop_settle(&shop);
    cr_assert_eq(shop.call_count, 2);
    shop_report(&shop, 1, true);
    shop_settle(&shop);
    expect_rest(0, SHOP_CANCELLED, 0);
}

DS_BEHAVIOUR(shop_ways, no_courier_in_time_gives_back_goods_and_money)
{
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    shop_report(&shop, 0, true);
    shop_settle(&shop);
    for (int i = 0; i < 200 && strstr(shop.history, "delivery.cancelled") == NULL; i++)
        cr_assert(shop_fire(&shop, SHOP_DELIVERY), "delivery waits for nothing");
    shop_settle(&shop);
    cr_assert_eq(shop.call_count, 2);
    shop_report(&shop, 1, true);
    expect_rest(0, SHOP_CANCELLED, 0);
}

DS_BEHAVIOUR(shop_ways, a_recalled_order_comes_back_and_is_refunded)
{
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    shop_report(&shop, 0, true);
    shop_settle(&shop);
    shop_answer_offer(&shop, 0, true);
    shop_pick_up(&shop, 0);
    shop_settle(&shop);
    shop_cancel(&shop, 0, DS_ACTOR_KIND_STAFF);
    shop_settle(&shop);
    shop_back_at_store(&shop, 0);
    shop_settle(&shop);
    cr_assert_eq(shop.call_count, 2);
    shop_report(&shop, 1, true);
    expect_rest(0, SHOP_CANCELLED, 0);
}

/* ---- how long closed things are remembered (ADR 31) */

static void deliver_by_card(int order, size_t charge)
{
    shop_place(&shop, order, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    shop_report(&shop, charge, true);
    shop_settle(&shop);
    shop_answer_offer(&shop, order, true);
    shop_pick_up(&shop, order);
    shop_settle(&shop);
    shop_hand_over(&shop, order);
    shop_settle(&shop);
}

/* Its key comes once more, as another command, and the api could not look it up. */
static void expect_repeat_after(int64_t us)
{
    deliver_by_card(0, 0);
    shop_wait(&shop, us);
    deliver_by_card(1, 1); /* another order moves the time of all logs */
    shop.history[0] = '\0';
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    while (shop_fire_next(&shop))
        shop_settle(&shop);
    cr_expect_str_eq(shop.history, "command.repeated");
    cr_expect_eq(shop.call_count, 2, "nothing is charged or given back");
    expect_rest(0, SHOP_FULFILLED, SHOP_TOTAL);
    expect_rest(1, SHOP_FULFILLED, SHOP_TOTAL);
}

DS_BEHAVIOUR(shop_ways, an_order_delivered_a_day_ago_is_not_given_back_by_a_repeat)
{
    expect_repeat_after(25 * DS_KIT_HOUR);
}

DS_BEHAVIOUR(shop_ways, an_order_delivered_three_days_ago_is_not_given_back_by_a_repeat)
{
    expect_repeat_after(71 * DS_KIT_HOUR);
}

DS_BEHAVIOUR(shop_ways, an_order_delivered_three_days_ago_is_not_carried_again_by_a_repeat)
{
    expect_repeat_after(73 * DS_KIT_HOUR);
}

DS_BEHAVIOUR(shop_ways, an_order_delivered_eight_days_ago_is_not_carried_again_by_a_repeat)
{
    expect_repeat_after(8 * 24 * DS_KIT_HOUR);
}

/* Order gives up at once, payment later: its days begin then. */
static struct ds_payment_settings slow = {.refund_retry_first_us = DS_KIT_MINUTE,
                                          .refund_retry_max_us = DS_KIT_HOUR};

static void give_up_unanswered(int64_t give_up_us)
{
    slow.give_up_us = give_up_us;
    ds_kit_destroy(shop.kits[SHOP_PAYMENT]);
    shop.kits[SHOP_PAYMENT] = ds_kit_new(&ds_payment_decider, &slow);
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    while (shop_fire_next(&shop))
        shop_settle(&shop);
    cr_assert_not_null(strstr(shop.history, "order.cancelled"));
    cr_assert_not_null(strstr(shop.history, "payment.failed"));
    shop_wait(&shop, 241 * DS_KIT_HOUR - give_up_us); /* order knows it for ten days */
    deliver_by_card(1, 1);
    shop.history[0] = '\0';
}

static int64_t give_up_max_us(void)
{
    for (const struct ds_option *o = ds_payment_decider.options; o->name != NULL; o++)
        if (strcmp(o->name, "payment-give-up") == 0)
            return o->max;
    cr_assert_fail("there is no such option");
    return 0;
}

DS_BEHAVIOUR(shop_ways, a_payment_given_up_is_forgotten_before_its_order_however_late)
{
    give_up_unanswered(give_up_max_us());
    shop_report(&shop, 0, true);
    shop_settle(&shop);
    cr_expect_str_eq(shop.history, "payment.unmatched");
}

/* Payment's log stood still, say, so it knows the charge of an order that order has forgotten. */
DS_BEHAVIOUR(shop_ways, a_late_payment_does_not_pay_for_an_order_that_has_the_id_again)
{
    give_up_unanswered(7 * 24 * DS_KIT_HOUR);
    shop_place(&shop, 0, DS_PAYMENT_METHOD_CARD);
    shop_settle(&shop);
    shop_report(&shop, 0, true);
    shop_settle(&shop);
    cr_expect_str_eq(shop.history, "order.created,inventory.reserved,order.payment_requested,"
                                   "payment.success,payment.refund_initiated");
    cr_assert_eq(shop.call_count, 3);
    shop_report(&shop, 2, true);
    shop_fire(&shop, SHOP_ORDER);
    shop_settle(&shop);
    cr_expect_not_null(strstr(shop.history, "order.cancelled"));
    cr_expect_null(strstr(shop.history, "order.confirmed"));
    shop_check_stock(&shop, true);
}
