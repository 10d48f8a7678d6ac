/* Histories in which nothing is wrong. */
#include "story.h"

#include <criterion/criterion.h>

Test(audit_clean, an_empty_log_has_nothing_wrong)
{
    struct history *h = hist_new();
    hist_expect_clean(h);
    cr_assert_eq(h->report->checked[DS_AUDIT_EVENTS], 2 * DS_AUDIT_PROCESSORS);
    hist_destroy(h);
}

Test(audit_clean, a_card_order_that_is_delivered_has_nothing_wrong)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 0);
    cr_assert_eq(s.h->report->checked[DS_AUDIT_ORDERS], 1);
    cr_assert_eq(s.h->report->checked[DS_AUDIT_LINES], 1);
    cr_assert_eq(s.h->report->checked[DS_AUDIT_STOCKED], 1);
    story_end(&s);
}

Test(audit_clean, a_card_order_that_costs_nothing_has_nothing_wrong)
{
    struct story s = story_begin_free();
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_pay_nothing(&s, HIST_INPUT(1, s.requested));
    story_confirm(&s);
    hist_expect_clean(s.h);
    story_deliver(&s);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 0);
    story_end(&s);
}

Test(audit_clean, a_cash_order_that_is_delivered_has_nothing_wrong)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    story_cash(&s);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 0);
    story_end(&s);
}

/* At every step the log is a possible one: what has not followed yet is in flight. */
Test(audit_clean, an_order_that_is_under_way_is_in_flight_and_no_anomaly)
{
    static void (*const steps[])(struct story *) = {
        story_place, story_reserve, story_request_payment, story_initiate,
        NULL,        story_confirm, story_search,          story_assign,
        story_carry, story_pick_up, story_commit,
    };
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (steps[i] != NULL)
            steps[i](&s);
        else
            story_pay(&s, STORY_TOTAL, STORY_TOTAL, false);
        hist_expect_clean(s.h);
        cr_assert_eq(s.h->report->in_flight, 1, "step %zu", i);
    }
    story_hand_over(&s, 0);
    hist_expect_clean(s.h);
    story_end(&s);
}

Test(audit_clean, a_cancellation_before_confirmation_leaves_nothing_behind)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    hist_expect_clean(s.h);
    story_release(&s, 2, s.cancelled);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 0);
    story_end(&s);
}

static void stop_before_pick_up(struct story *s)
{
    struct ds_order_event asked = {0};
    struct ds_delivery_event stopped = {0};

    story_until_confirmed(s);
    story_search(s);
    asked.body.kind = DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED;
    asked.body.as.order_cancel_requested.order_id = s->id;
    int64_t at = hist_emit(s->h, DS_AUDIT_ORDER, &asked,
                           HIST_INPUT(0, story_ask_cancel(s, "cancel")), false);
    stopped.body.kind = DS_DELIVERY_EVENT_DELIVERY_CANCELLED;
    stopped.body.as.delivery_cancelled.order_id = s->id;
    at = hist_emit(s->h, DS_AUDIT_DELIVERY, &stopped, HIST_INPUT(1, at), false);
    story_cancel(s, HIST_INPUT(3, at), DS_GOODS_NOT_TAKEN);
    story_release(s, 2, s->cancelled);
}

Test(audit_clean, a_cancellation_after_confirmation_is_refunded)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    stop_before_pick_up(&s);
    story_refund_initiate(&s, STORY_TOTAL, 0, HIST_INPUT(1, s.cancelled));
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 1);
    story_refund(&s, STORY_TOTAL, STORY_TOTAL);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 0);
    story_end(&s);
}

Test(audit_clean, a_late_success_is_refunded_in_the_same_decision)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_payment_event failed = {0};

    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    failed.body.kind = DS_PAYMENT_EVENT_PAYMENT_FAILED;
    failed.body.as.payment_failed.order_id = s.id;
    int64_t at = hist_emit(s.h, DS_AUDIT_PAYMENT, &failed, HIST_TIMER, false);
    story_cancel(&s, HIST_INPUT(2, at), DS_GOODS_NOT_TAKEN);
    story_release(&s, 2, s.cancelled);
    story_pay(&s, STORY_TOTAL, 0, true);
    int64_t report = (int64_t)s.h->counts[DS_AUDIT_PROCESSORS + DS_AUDIT_PAYMENT] - 1;
    story_refund_initiate(&s, STORY_TOTAL, 0, HIST_INPUT(0, report));
    story_refund(&s, STORY_TOTAL, STORY_TOTAL);
    hist_expect_clean(s.h);
    story_end(&s);
}

Test(audit_clean, a_new_owner_and_what_the_old_one_still_writes_are_explained)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    hist_claim(s.h, DS_AUDIT_ORDER);
    hist_copy(s.h, DS_AUDIT_ORDER, s.created); /* the old owner's, late */
    story_reserve(&s);
    story_request_payment(&s);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->skipped[DS_AUDIT_SKIP_OLD_EPOCH], 1);
    cr_assert_eq(s.h->report->skipped[DS_AUDIT_SKIP_UNEXPLAINED], 0);
    story_end(&s);
}

Test(audit_clean, a_gap_that_ends_an_epoch_is_explained_by_the_next_claim)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    int64_t seq = s.h->seq[DS_AUDIT_INVENTORY];
    s.h->seq[DS_AUDIT_INVENTORY]++; /* a record that never arrived */
    story_receive(&s, 5);
    s.available -= 5;
    hist_remove(s.h, DS_AUDIT_PROCESSORS + DS_AUDIT_INVENTORY, 1, true);
    s.h->seq[DS_AUDIT_INVENTORY] = seq;
    hist_claim(s.h, DS_AUDIT_INVENTORY);
    story_receive(&s, 5);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->skipped[DS_AUDIT_SKIP_GAP], 1);
    story_end(&s);
}

Test(audit_clean, a_torn_decision_leaves_no_trace)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_delivery_event torn = {0};
    story_until_confirmed(&s);
    torn.body.kind = DS_DELIVERY_EVENT_DELIVERY_REQUESTED;
    torn.body.as.delivery_requested.order_id = s.id;
    hist_emit(s.h, DS_AUDIT_DELIVERY, &torn, HIST_INPUT(1, s.confirmed), true);
    hist_claim(s.h, DS_AUDIT_DELIVERY);
    story_deliver(&s);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->skipped[DS_AUDIT_SKIP_TORN], 1);
    story_end(&s);
}

Test(audit_clean, what_was_written_after_the_ends_were_asked_is_not_judged)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    /* The stock of the order was read before inventory's end was known to be settled: the rest is
     * in flight. */
    s.h->unsettled[DS_AUDIT_ORDER] = s.created;
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 1);
    story_end(&s);
}
