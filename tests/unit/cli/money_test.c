/* I2 and I3. */
#include "story.h"

#include <criterion/criterion.h>

Test(audit_money, a_second_success_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    story_pay(&s, STORY_TOTAL, STORY_TOTAL, false);
    hist_expect(s.h, "I2", "charged a second time");
    story_end(&s);
}

Test(audit_money, a_second_charge_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    s.requested = s.confirmed;
    story_initiate(&s);
    hist_expect(s.h, "I2", "a second charge is made");
    story_end(&s);
}

Test(audit_money, a_refund_above_the_charge_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    story_refund_initiate(&s, STORY_TOTAL + 1, 0, HIST_TIMER);
    hist_expect(s.h, "I2", "only 250 of the charge is left");
    story_end(&s);
}

Test(audit_money, a_refund_that_is_done_twice_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    story_refund_initiate(&s, STORY_TOTAL, 0, HIST_TIMER);
    story_refund(&s, STORY_TOTAL, STORY_TOTAL);
    s.refunds = 0;
    story_refund_initiate(&s, 0, 0, HIST_TIMER);
    story_refund(&s, STORY_TOTAL, 2 * STORY_TOTAL);
    hist_expect(s.h, "I2", "500 refunded of 250 captured");
    story_end(&s);
}

Test(audit_money, due_that_goes_up_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    story_refund_initiate(&s, STORY_TOTAL - 300, 300, HIST_TIMER);
    hist_expect(s.h, "I2", "it only goes down");
    story_end(&s);
}

Test(audit_money, money_kept_for_nothing_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    story_release(&s, 2, s.cancelled);
    hist_expect_clean(s.h); /* payment may not have read the cancellation */
    cr_assert_eq(s.h->report->in_flight, 1);
    /* It answered a later record of order.events: it has. */
    struct ds_payment_event due = {0};
    s.id = DS_STR("s.order2");
    story_place(&s);
    due.body.kind = DS_PAYMENT_EVENT_PAYMENT_INITIATED;
    due.body.as.payment_initiated.order_id = s.id;
    due.body.as.payment_initiated.charge_key = DS_STR("s.order2-c1");
    hist_emit(s.h, DS_AUDIT_PAYMENT, &due, HIST_INPUT(1, s.created), false);
    hist_expect(s.h, "I2", "at rest 250 captured");
    story_end(&s);
}

Test(audit_money, goods_that_are_carried_without_their_money_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    story_pay(&s, STORY_TOTAL - 1, STORY_TOTAL, false);
    story_confirm(&s);
    story_deliver(&s);
    hist_expect(s.h, "I2", "249 kept of the charge, 250 is carried");
    story_end(&s);
}

Test(audit_money, cash_that_is_short_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    story_until_confirmed(&s);
    story_search(&s);
    story_assign(&s);
    story_carry(&s);
    story_pick_up(&s);
    story_commit(&s);
    story_hand_over(&s, STORY_TOTAL - 1);
    story_fulfil(&s);
    story_pay_cash(&s);
    hist_expect(s.h, "I2", "249 collected at the door of 250");
    story_end(&s);
}

Test(audit_money, a_success_that_nobody_asked_for_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_pay(&s, STORY_TOTAL, 0, false);
    hist_expect(s.h, "I3", "never asked for");
    story_end(&s);
}

/* The provider would charge once for the two, and say so to both. */
Test(audit_money, a_charge_that_two_orders_ask_for_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_payment_event event = {0};
    story_until_confirmed(&s);
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_INITIATED;
    event.body.as.payment_initiated.order_id = DS_STR("s.another");
    event.body.as.payment_initiated.charge_key = DS_STR("s.order1-c1");
    event.body.as.payment_initiated.amount_minor = STORY_TOTAL;
    hist_emit(s.h, DS_AUDIT_PAYMENT, &event, HIST_TIMER, false);
    hist_expect(s.h, "I3", "key s.order1-c1, of this order it is s.another-c1");
    story_end(&s);
}
