/* Refunds: one at a time, of what is kept above what is due, until it is done. */
#include "payment_world.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

static ds_decider_kit_t *kit;

static void setup(void)
{
    kit = ds_kit_new(&ds_payment_decider, NULL);
}

static void teardown(void)
{
    ds_kit_destroy(kit);
}

DS_BEHAVIOURS(payment_refund, setup, teardown)

static const struct ds_payment_refund_initiated *refund(size_t i)
{
    return &world_event(kit, i)->body.as.payment_refund_initiated;
}

DS_BEHAVIOUR(payment_refund, a_cancelled_order_is_refunded_in_full)
{
    world_reach(kit, DS_PAYMENT_SETTLED);
    world_order_cancelled(kit);
    cr_assert_str_eq(ds_kit_types(kit), "payment.refund_initiated");
    cr_expect_eq(refund(0)->amount_minor, TOTAL_MINOR);
    cr_expect_eq(refund(0)->due_minor, 0);
    cr_expect(ds_str_eq(refund(0)->provider, DS_STR("sandbox")));
    cr_expect(ds_str_eq(refund(0)->provider_reference, DS_STR("ch_1")));
    world_refunded(kit, 1, TOTAL_MINOR);
    const struct ds_payment_refunded *refunded = &world_event(kit, 0)->body.as.payment_refunded;
    cr_assert_str_eq(ds_kit_types(kit), "payment.refunded");
    cr_expect_eq(refunded->captured_minor, TOTAL_MINOR);
    cr_expect_eq(refunded->refunded_minor, TOTAL_MINOR);
}

DS_BEHAVIOUR(payment_refund, what_is_cancelled_while_a_refund_is_out_goes_with_the_next)
{
    world_reach(kit, DS_PAYMENT_REFUNDING);
    world_order_cancelled(kit);
    cr_expect_str_eq(ds_kit_types(kit), "payment.due_changed");
    world_refunded(kit, 1, 400);
    cr_assert_str_eq(ds_kit_types(kit), "payment.refunded,payment.refund_initiated");
    cr_expect_eq(refund(1)->amount_minor, 600);
    cr_expect_eq(refund(1)->number, 2);
    world_refunded(kit, 1, 400);
    cr_expect_str_eq(ds_kit_refusal(kit), "REFUND_KNOWN", "the first one, reported again");
    world_refunded(kit, 2, 600);
    cr_expect_str_eq(ds_kit_types(kit), "payment.refunded");
    cr_expect_eq(ds_payment_kept(world_payment(kit)), 0);
}

DS_BEHAVIOUR(payment_refund, a_refused_refund_is_tried_again_with_a_doubling_pause_and_a_new_key)
{
    int64_t pause_us = DS_KIT_MINUTE;
    world_reach(kit, DS_PAYMENT_REFUNDING);
    for (int32_t i = 1; i <= 11; i++) {
        world_refund_failed(kit, i);
        const struct ds_payment_refund_failed *failed =
            &world_event(kit, 0)->body.as.payment_refund_failed;
        cr_assert_str_eq(ds_kit_types(kit), "payment.refund_failed");
        cr_expect_eq(failed->attempt, i);
        cr_expect_eq(failed->amount_minor, 400);
        cr_expect_eq(failed->retry_at, ds_kit_now(kit) + pause_us, "attempt %d", (int)i);
        pause_us = 2 * pause_us < 6 * DS_KIT_HOUR ? 2 * pause_us : 6 * DS_KIT_HOUR;
        ds_kit_fire(kit);
        cr_expect_eq(refund(0)->number, i + 1);
        cr_expect_eq(refund(0)->amount_minor, 400);
        cr_expect(ds_str_eq(world_event(kit, 0)->context.correlation_id, DS_STR("corr-place")));
    }
    world_refunded(kit, 12, 400);
    cr_expect_eq(world_state(kit), DS_PAYMENT_SETTLED);
    world_order_cancelled(kit);
    cr_expect_eq(world_payment(kit)->refund_failures, 0, "the next one starts with a short pause");
}

DS_BEHAVIOUR(payment_refund, the_next_try_takes_what_is_due_then)
{
    world_reach(kit, DS_PAYMENT_REFUND_WAIT);
    world_order_cancelled(kit);
    cr_expect_str_eq(ds_kit_types(kit), "payment.due_changed");
    world_refunded(kit, 1, 400);
    cr_expect_str_eq(ds_kit_refusal(kit), "REFUND_KNOWN", "a definite failure is final");
    ds_kit_fire(kit);
    cr_expect_eq(refund(0)->amount_minor, TOTAL_MINOR);
    cr_expect_eq(refund(0)->due_minor, 0);
}

DS_BEHAVIOUR(payment_refund, a_refund_of_less_than_asked_is_completed_by_another)
{
    world_reach(kit, DS_PAYMENT_REFUNDING);
    world_refunded(kit, 1, 150);
    cr_assert_str_eq(ds_kit_types(kit), "payment.refunded,payment.refund_initiated");
    cr_expect_eq(world_event(kit, 0)->body.as.payment_refunded.amount_minor, 150);
    cr_expect_eq(refund(1)->amount_minor, 250);
}

DS_BEHAVIOUR(payment_refund, a_refund_of_nothing_counts_as_refused)
{
    world_reach(kit, DS_PAYMENT_REFUNDING);
    world_refunded(kit, 1, 0);
    cr_expect_str_eq(ds_kit_types(kit), "payment.refund_failed");
}

DS_BEHAVIOUR(payment_refund, a_refund_of_more_than_asked_is_booked_as_asked_and_shown)
{
    world_reach(kit, DS_PAYMENT_REFUNDING);
    world_refunded(kit, 1, 5000);
    cr_assert_str_eq(ds_kit_types(kit), "payment.refunded,payment.unmatched");
    cr_expect_eq(world_event(kit, 0)->body.as.payment_refunded.amount_minor, 400);
    cr_expect_eq(world_event(kit, 1)->body.as.payment_unmatched.amount_minor, 5000);
    cr_expect_eq(world_state(kit), DS_PAYMENT_SETTLED);
}

DS_BEHAVIOUR(payment_refund, a_refund_in_another_currency_is_shown_and_stays_pending)
{
    struct ds_payment_command report = world_refund_report(1, DS_REPORT_OUTCOME_OK, 400);
    world_reach(kit, DS_PAYMENT_REFUNDING);
    report.body.as.report_refund.currency = DS_STR("USD");
    ds_kit_command(kit, &report);
    cr_expect_str_eq(ds_kit_types(kit), "payment.unmatched");
    cr_expect_eq(world_state(kit), DS_PAYMENT_REFUNDING);
}

DS_BEHAVIOUR(payment_refund, an_open_refund_is_never_forgotten)
{
    world_reach(kit, DS_PAYMENT_REFUNDING);
    ds_kit_advance(kit, 500 * DS_KIT_HOUR);
    world_order_cancelled(kit);
    world_refunded(kit, 1, 400);
    cr_expect_str_eq(ds_kit_types(kit), "payment.refunded,payment.refund_initiated");
}

/* ---- goodwill */

static const char *give(enum ds_actor_kind actor, int64_t amount_minor, const char *currency)
{
    struct ds_payment_command c = {.head = {.command_id = DS_STR("c-gift"),
                                            .correlation_id = DS_STR("corr"),
                                            .actor = {actor, DS_STR("boss")}}};
    c.body.kind = DS_PAYMENT_COMMAND_REFUND;
    c.body.as.refund = (struct ds_refund){DS_STR(ORDER_ID), amount_minor, ds_str(currency),
                                          DS_STR("late and cold")};
    ds_kit_command(kit, &c);
    return ds_kit_refusal(kit);
}

static const char *staff_gives(int64_t amount_minor)
{
    return give(DS_ACTOR_KIND_STAFF, amount_minor, "EUR");
}

DS_BEHAVIOUR(payment_refund, goodwill_lowers_what_is_due_and_is_refunded)
{
    world_reach(kit, DS_PAYMENT_SETTLED);
    cr_expect_str_eq(staff_gives(100), "");
    cr_assert_str_eq(ds_kit_types(kit), "payment.refund_initiated");
    cr_expect_eq(refund(0)->amount_minor, 100);
    cr_expect_eq(refund(0)->due_minor, 900);
    cr_expect_eq(refund(0)->goodwill_minor, 100);
    cr_expect(ds_str_eq(refund(0)->reason, DS_STR("late and cold")));
    cr_expect_str_eq(staff_gives(50), "");
    cr_assert_str_eq(ds_kit_types(kit), "payment.due_changed", "one refund at a time");
    world_refunded(kit, 1, 100);
    cr_assert_str_eq(ds_kit_types(kit), "payment.refunded,payment.refund_initiated");
    cr_expect_eq(refund(1)->amount_minor, 50);
    cr_expect_eq(refund(1)->goodwill_minor, 150);
    cr_expect_not(refund(1)->has_reason, "the reason stands where it was said");
}

/* 1000 paid, 100 given: a line of 400 less leaves 600 - 100. */
DS_BEHAVIOUR(payment_refund, goodwill_stays_given_when_lines_are_cancelled)
{
    world_reach(kit, DS_PAYMENT_SETTLED);
    staff_gives(100);
    world_refunded(kit, 1, 100);
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    world_lines_cancelled(kit, 600);
    world_lines_cancelled(copy, 600);
    cr_assert_str_eq(ds_kit_types(kit), "payment.refund_initiated");
    cr_expect_eq(refund(0)->amount_minor, 400);
    cr_expect_eq(refund(0)->due_minor, 500);
    cr_expect(ds_kit_same_step(kit, copy), "it is in the log");
    ds_kit_destroy(copy);
    world_refunded(kit, 2, 400);
    world_order_cancelled(kit);
    cr_expect_eq(refund(0)->amount_minor, 500, "all that is left");
}

DS_BEHAVIOUR(payment_refund, goodwill_of_more_than_is_due_is_refused)
{
    cr_expect_str_eq(staff_gives(1), "CHARGE_UNKNOWN");
    world_reach(kit, DS_PAYMENT_SETTLED);
    cr_expect_str_eq(staff_gives(TOTAL_MINOR + 1), "REFUND_TOO_LARGE");
    cr_expect(ds_str_eq(world_event(kit, 0)->body.as.command_rejected.detail,
                        DS_STR("state=SETTLED captured=1000 refunded=0 pending=0 due=1000")));
    cr_expect_str_eq(staff_gives(0), "AMOUNT_MISMATCH");
    cr_expect_str_eq(give(DS_ACTOR_KIND_ADMIN, 1, "USD"), "AMOUNT_MISMATCH");
    cr_expect_str_eq(give(DS_ACTOR_KIND_CUSTOMER, 1, "EUR"), "FORBIDDEN");
    cr_expect_str_eq(give(DS_ACTOR_KIND_GATEWAY, 1, "EUR"), "FORBIDDEN");
    cr_expect_str_eq(staff_gives(TOTAL_MINOR), "");
    cr_expect_str_eq(staff_gives(1), "REFUND_TOO_LARGE");
}

/* While the provider has not answered, what is due is lower at once, and the difference goes back
 * after the capture. */
DS_BEHAVIOUR(payment_refund, goodwill_before_the_capture_is_refunded_after_it)
{
    world_reach(kit, DS_PAYMENT_CHARGING);
    cr_expect_str_eq(staff_gives(100), "");
    cr_assert_str_eq(ds_kit_types(kit), "payment.due_changed");
    world_charged(kit, TOTAL_MINOR);
    cr_assert_str_eq(ds_kit_types(kit), "payment.success,payment.refund_initiated");
    cr_expect_eq(refund(1)->amount_minor, 100);
    cr_expect_eq(refund(1)->goodwill_minor, 100);
}

DS_BEHAVIOUR(payment_refund, cash_is_not_given_back_through_a_provider)
{
    world_fulfilled(kit, DS_PAYMENT_METHOD_CASH_ON_DELIVERY, TOTAL_MINOR);
    cr_expect_str_eq(staff_gives(1), "CHARGE_UNKNOWN");
}

/* An event of the own log that no decider of ours gives: money goes back that nobody asked for. */
DS_BEHAVIOUR(payment_refund, a_refund_of_what_is_not_kept_is_impossible)
{
    struct ds_payment_event back = {.context.correlation_id = DS_STR("c")};
    struct ds_order_event event = {.context.correlation_id = DS_STR("c")};

    world_reach(kit, DS_PAYMENT_SETTLED);
    back.body.kind = DS_PAYMENT_EVENT_PAYMENT_REFUNDED;
    back.body.as.payment_refunded = (struct ds_payment_refunded){.order_id = DS_STR(ORDER_ID),
                                                                 .currency = DS_STR("EUR"),
                                                                 .amount_minor = TOTAL_MINOR,
                                                                 .captured_minor = TOTAL_MINOR,
                                                                 .refunded_minor = TOTAL_MINOR};
    ds_kit_apply(kit, &back);
    event.body.kind = DS_ORDER_EVENT_ORDER_CANCELLED;
    event.body.as.order_cancelled = (struct ds_order_cancelled){.order_id = DS_STR(ORDER_ID)};
    cr_assert_str_eq(ds_kit_impossible(kit, DS_PAYMENT_INPUT_ORDER, &event),
                     "a refund of what is not kept: kept=0 due=0 (I2)");
    cr_assert_str_eq(ds_kit_aggregate(kit, DS_PAYMENT_INPUT_ORDER, &event), ORDER_ID);
}
