/* Charges: what is asked for, what is reported, and what never matches. */
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

DS_BEHAVIOURS(payment_charge, setup, teardown)

DS_BEHAVIOUR(payment_charge, a_charge_is_asked_for_with_its_key_and_its_deadline)
{
    world_requested(kit, TOTAL_MINOR);
    const struct ds_payment_initiated *initiated = &world_event(kit, 0)->body.as.payment_initiated;
    cr_expect(ds_str_eq(initiated->charge_key, DS_STR(CHARGE_KEY)));
    cr_expect_eq(initiated->amount_minor, TOTAL_MINOR);
    cr_expect(ds_str_eq(initiated->payment_token, DS_STR("tok_1")));
    cr_expect_eq(initiated->give_up_at, ds_kit_now(kit) + 24 * DS_KIT_HOUR);
    world_charged(kit, TOTAL_MINOR);
    const struct ds_payment_success *success = &world_event(kit, 0)->body.as.payment_success;
    cr_expect_eq(success->amount_minor, TOTAL_MINOR);
    cr_expect_eq(success->due_minor, TOTAL_MINOR);
    cr_expect_not(success->late);
    cr_expect(ds_str_eq(success->provider_reference, DS_STR("ch_1")));
    cr_expect(ds_str_eq(success->charge_key, DS_STR(CHARGE_KEY)));
}

DS_BEHAVIOUR(payment_charge, nothing_to_pay_is_paid_at_once)
{
    world_requested(kit, 0);
    cr_assert_str_eq(ds_kit_types(kit), "payment.success", "no provider is asked for 0");
    const struct ds_payment_success *success = &world_event(kit, 0)->body.as.payment_success;
    cr_expect_eq(success->method, DS_PAYMENT_METHOD_CARD);
    cr_expect_eq(success->amount_minor, 0);
    cr_expect_eq(success->due_minor, 0);
    cr_expect(ds_str_eq(success->currency, DS_STR("EUR")));
    cr_expect_not(success->has_charge_key);
    cr_expect_not(success->has_provider);
    cr_expect_eq(world_state(kit), DS_PAYMENT_SETTLED);
    world_requested(kit, 0);
    cr_expect_str_eq(ds_kit_types(kit), "");
    world_order_cancelled(kit);
    cr_expect_str_eq(ds_kit_types(kit), "", "there is nothing to give back");
    world_charge_failed(kit);
    cr_expect_str_eq(ds_kit_refusal(kit), "CHARGE_UNKNOWN");
    world_charged(kit, 700);
    cr_expect_str_eq(ds_kit_types(kit), "payment.unmatched", "it has no charge");
}

DS_BEHAVIOUR(payment_charge, cash_is_booked_when_the_order_is_fulfilled)
{
    world_fulfilled(kit, DS_PAYMENT_METHOD_CASH_ON_DELIVERY, 700);
    const struct ds_payment_success *success = &world_event(kit, 0)->body.as.payment_success;
    cr_assert_str_eq(ds_kit_types(kit), "payment.success");
    cr_expect_eq(success->method, DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    cr_expect_eq(success->amount_minor, 700);
    cr_expect_eq(success->due_minor, 700);
    cr_expect_not(success->has_charge_key);
    cr_expect_not(success->has_provider);
    world_charged(kit, 700);
    cr_expect_str_eq(ds_kit_types(kit), "payment.unmatched", "cash has no charge");
    world_order_cancelled(kit);
    cr_expect_str_eq(ds_kit_types(kit), "", "and is not refunded to a card");
}

DS_BEHAVIOUR(payment_charge, an_order_by_card_that_is_fulfilled_books_nothing)
{
    world_reach(kit, DS_PAYMENT_SETTLED);
    world_fulfilled(kit, DS_PAYMENT_METHOD_CARD, TOTAL_MINOR);
    cr_expect_str_eq(ds_kit_types(kit), "");
}

DS_BEHAVIOUR(payment_charge, a_refused_charge_says_why)
{
    world_reach(kit, DS_PAYMENT_CHARGING);
    world_charge_failed(kit);
    const struct ds_payment_failed *failed = &world_event(kit, 0)->body.as.payment_failed;
    cr_expect_eq(failed->reason, DS_FAIL_REASON_DECLINED);
    cr_expect(ds_str_eq(failed->detail, DS_STR("card declined")));
}

DS_BEHAVIOUR(payment_charge, a_silent_provider_fails_the_charge_after_a_day)
{
    world_reach(kit, DS_PAYMENT_CHARGING);
    ds_kit_fire(kit);
    const struct ds_payment_event *event = world_event(kit, 0);
    cr_expect_eq(ds_kit_now(kit), DS_KIT_START_US + 24 * DS_KIT_HOUR);
    cr_expect_eq(event->body.as.payment_failed.reason, DS_FAIL_REASON_PROVIDER_SILENT);
    cr_expect(ds_str_eq(event->context.correlation_id, DS_STR("corr-place")));
    cr_expect(ds_str_eq(event->context.traceparent, DS_STR("00-trace-01")));
    cr_expect(ds_str_eq(event->context.actor.id, DS_STR("payment")));
}

DS_BEHAVIOUR(payment_charge, a_late_success_is_refunded_in_the_same_decision)
{
    world_reach(kit, DS_PAYMENT_FAILED);
    world_charged(kit, TOTAL_MINOR);
    cr_assert_str_eq(ds_kit_types(kit), "payment.success,payment.refund_initiated");
    cr_expect(world_event(kit, 0)->body.as.payment_success.late);
    cr_expect_eq(world_event(kit, 0)->body.as.payment_success.due_minor, 0);
    cr_expect_eq(world_event(kit, 1)->body.as.payment_refund_initiated.amount_minor, TOTAL_MINOR);
    world_order_cancelled(kit);
    cr_expect_str_eq(ds_kit_types(kit), "", "due is 0 already, and never rises");
    world_lines_cancelled(kit, 500);
    cr_expect_str_eq(ds_kit_types(kit), "");
}

DS_BEHAVIOUR(payment_charge, a_success_that_crosses_the_cancellation_is_refunded)
{
    world_reach(kit, DS_PAYMENT_CHARGING);
    world_order_cancelled(kit);
    cr_assert_str_eq(ds_kit_types(kit), "payment.due_changed");
    cr_expect_eq(world_event(kit, 0)->body.as.payment_due_changed.due_minor, 0);
    world_charged(kit, TOTAL_MINOR);
    cr_assert_str_eq(ds_kit_types(kit), "payment.success,payment.refund_initiated");
    cr_expect_not(world_event(kit, 0)->body.as.payment_success.late);
    cr_expect_eq(world_event(kit, 1)->body.as.payment_refund_initiated.amount_minor, TOTAL_MINOR);
}

DS_BEHAVIOUR(payment_charge, a_line_cancelled_while_the_charge_is_open_is_refunded_after_it)
{
    world_reach(kit, DS_PAYMENT_CHARGING);
    world_lines_cancelled(kit, 700);
    world_lines_cancelled(kit, 900);
    cr_expect_str_eq(ds_kit_types(kit), "", "due never rises");
    world_charged(kit, TOTAL_MINOR);
    const struct ds_payment_refund_initiated *refund =
        &world_event(kit, 1)->body.as.payment_refund_initiated;
    cr_expect_eq(refund->amount_minor, 300);
    cr_expect_eq(refund->due_minor, 700);
    cr_expect_eq(refund->number, 1);
    cr_expect(ds_str_eq(refund->refund_key, DS_STR(ORDER_ID "-r1")));
    cr_expect(ds_str_eq(refund->provider_reference, DS_STR("ch_1")));
}

DS_BEHAVIOUR(payment_charge, a_capture_below_what_is_due_is_booked_and_given_back)
{
    world_reach(kit, DS_PAYMENT_CHARGING);
    world_charged(kit, 400);
    cr_assert_str_eq(ds_kit_types(kit), "payment.failed,payment.success,payment.refund_initiated");
    cr_expect_eq(world_event(kit, 1)->body.as.payment_success.amount_minor, 400);
    cr_expect_eq(world_event(kit, 1)->body.as.payment_success.due_minor, 0);
    cr_expect(world_event(kit, 1)->body.as.payment_success.late);
    cr_expect_eq(world_event(kit, 2)->body.as.payment_refund_initiated.amount_minor, 400);
    cr_expect_eq(world_payment(kit)->due_minor, 0);
    world_refunded(kit, 1, 400);
    cr_expect_eq(world_state(kit), DS_PAYMENT_SETTLED);
    cr_expect_eq(ds_payment_kept(world_payment(kit)), 0);
}

DS_BEHAVIOUR(payment_charge, a_capture_of_nothing_does_not_end_the_charge)
{
    world_reach(kit, DS_PAYMENT_CHARGING);
    world_charged(kit, 0);
    cr_expect_str_eq(ds_kit_refusal(kit), "AMOUNT_MISMATCH");
    world_charged(kit, -5);
    cr_expect_str_eq(ds_kit_refusal(kit), "AMOUNT_MISMATCH");
    world_charged(kit, TOTAL_MINOR);
    cr_expect_str_eq(ds_kit_types(kit), "payment.success");
}

DS_BEHAVIOUR(payment_charge, money_that_matches_no_charge_is_shown)
{
    struct ds_payment_command report = world_charge_report(DS_REPORT_OUTCOME_OK, 500);
    ds_kit_command(kit, &report);
    cr_assert_str_eq(ds_kit_types(kit), "payment.unmatched");
    cr_expect_eq(world_event(kit, 0)->body.as.payment_unmatched.amount_minor, 500);
    world_charge_failed(kit);
    cr_expect_str_eq(ds_kit_refusal(kit), "CHARGE_UNKNOWN");
    world_reach(kit, DS_PAYMENT_CHARGING);
    report.body.as.report_charge.charge_key = DS_STR(ORDER_ID "-c2");
    ds_kit_command(kit, &report);
    cr_expect_str_eq(ds_kit_types(kit), "payment.unmatched", "another key");
    report.body.as.report_charge.charge_key = DS_STR(CHARGE_KEY);
    report.body.as.report_charge.currency = DS_STR("USD");
    ds_kit_command(kit, &report);
    cr_expect_str_eq(ds_kit_types(kit), "payment.unmatched", "another currency");
    cr_expect_eq(world_state(kit), DS_PAYMENT_CHARGING);
}

DS_BEHAVIOUR(payment_charge, a_second_report_of_the_same_charge_is_refused)
{
    world_reach(kit, DS_PAYMENT_SETTLED);
    world_charged(kit, TOTAL_MINOR);
    cr_expect_str_eq(ds_kit_refusal(kit), "CHARGE_KNOWN");
    world_charge_failed(kit);
    cr_expect_str_eq(ds_kit_refusal(kit), "CHARGE_KNOWN", "a stale failure after the success");
}

DS_BEHAVIOUR(payment_charge, a_customer_cannot_report_a_payment)
{
    struct ds_payment_command report = world_charge_report(DS_REPORT_OUTCOME_OK, TOTAL_MINOR);
    world_reach(kit, DS_PAYMENT_CHARGING);
    report.head.actor.kind = DS_ACTOR_KIND_CUSTOMER;
    ds_kit_command(kit, &report);
    cr_expect_str_eq(ds_kit_refusal(kit), "FORBIDDEN");
}

DS_BEHAVIOUR(payment_charge, a_dispute_is_shown_and_moves_no_money)
{
    struct ds_payment_command report = world_dispute_report(TOTAL_MINOR);
    world_reach(kit, DS_PAYMENT_SETTLED);
    ds_kit_command(kit, &report);
    cr_expect_str_eq(ds_kit_types(kit), "payment.disputed");
    cr_expect_eq(world_state(kit), DS_PAYMENT_SETTLED);
    report.body.as.report_dispute.order_id = DS_STR("berlin-1.unknown");
    ds_kit_command(kit, &report);
    cr_expect_str_eq(ds_kit_types(kit), "payment.unmatched");
}

/* Any event moves the log's clock; this one is about nothing that is known. */
static void tick(void)
{
    struct ds_payment_command report = world_dispute_report(TOTAL_MINOR);
    report.body.as.report_dispute.order_id = DS_STR("berlin-1.unknown");
    ds_kit_command(kit, &report);
}

DS_BEHAVIOUR(payment_charge, a_payment_at_rest_is_forgotten_after_seven_days)
{
    world_reach(kit, DS_PAYMENT_FAILED);
    ds_kit_advance(kit, 168 * DS_KIT_HOUR - 1);
    tick();
    cr_expect_eq(world_state(kit), DS_PAYMENT_FAILED);
    ds_kit_advance(kit, 1);
    tick();
    cr_expect_eq(world_state(kit), DS_PAYMENT_NONE);
    world_charged(kit, TOTAL_MINOR);
    cr_expect_str_eq(ds_kit_types(kit), "payment.unmatched");
}

DS_BEHAVIOUR(payment_charge, a_payment_whose_time_is_up_is_woken_by_an_event_of_its_own)
{
    world_reach(kit, DS_PAYMENT_FAILED);
    ds_kit_advance(kit, 200 * DS_KIT_HOUR); /* and nothing else moved the log's clock */
    world_charged(kit, TOTAL_MINOR);
    cr_expect_str_eq(ds_kit_types(kit), "payment.success,payment.refund_initiated");
    world_refunded(kit, 1, TOTAL_MINOR);
    cr_expect_str_eq(ds_kit_types(kit), "payment.refunded");
}

DS_BEHAVIOUR(payment_charge, an_order_cancelled_days_after_it_was_paid_is_given_back)
{
    world_reach(kit, DS_PAYMENT_SETTLED);
    ds_kit_advance(kit, 120 * DS_KIT_HOUR); /* as long as an order can live */
    tick();
    world_order_cancelled(kit);
    cr_expect_str_eq(ds_kit_types(kit), "payment.refund_initiated");
}

/* As a log has it whose owner had forgotten the first, because it remembered for less time. */
DS_BEHAVIOUR(payment_charge, a_charge_after_the_end_of_another_is_another_payment)
{
    struct ds_payment_event event = {.context.correlation_id = DS_STR("corr")};
    world_reach(kit, DS_PAYMENT_SETTLED);
    ds_kit_advance(kit, 73 * DS_KIT_HOUR);
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_INITIATED;
    event.body.as.payment_initiated =
        (struct ds_payment_initiated){.order_id = DS_STR(ORDER_ID),
                                      .amount_minor = 300,
                                      .currency = DS_STR("EUR"),
                                      .charge_key = DS_STR(CHARGE_KEY),
                                      .give_up_at = ds_kit_now(kit) + DS_KIT_HOUR};
    ds_kit_apply(kit, &event);
    cr_assert_eq(world_state(kit), DS_PAYMENT_CHARGING);
    world_charge_failed(kit);
    cr_expect_eq(world_payment(kit)->captured_minor, 0, "what was captured is the first's");
    cr_expect_eq(world_state(kit), DS_PAYMENT_FAILED);
}
