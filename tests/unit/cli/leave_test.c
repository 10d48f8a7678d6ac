/* Orders that are over leave the audit's memory, and nothing is judged otherwise for it. */
#include "story.h"

#include <criterion/criterion.h>

#define HOUR (3600 * HIST_SECOND)

/* One order that is over, and one that is over days later, with a sweep at every decision. */
static struct story two_orders(void)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.h->by_time = true;
    s.h->sweep_at = 1;
    story_card(&s);
    s.h->now_us += 300 * HOUR;
    s.id = DS_STR("s.order2");
    story_card(&s);
    return s;
}

Test(audit_leave, an_order_leaves_when_all_topics_are_days_beyond_it)
{
    struct story s = two_orders();
    hist_expect_clean(s.h);
    cr_assert_geq(s.h->left, 1);
    cr_assert_eq(s.h->report->checked[DS_AUDIT_ORDERS], 2);
    story_end(&s);
}

Test(audit_leave, what_is_wrong_with_it_is_found_when_it_leaves)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.h->by_time = true;
    s.h->sweep_at = 1;
    story_card(&s);
    story_refund_initiate(&s, 100, STORY_TOTAL - 100, HIST_TIMER);
    story_refund(&s, 100, 100);
    s.h->now_us += 300 * HOUR;
    s.id = DS_STR("s.order2");
    story_card(&s);
    hist_expect(s.h, "I2", "at rest");
    /* What is kept covers neither what is carried nor what was handed over, and it was not owed. */
    cr_assert_eq(s.h->report->anomalies, 3);
    cr_assert_geq(s.h->left, 1);
    story_end(&s);
}

/* A refund by hand, after all. */
Test(audit_leave, what_comes_later_is_not_judged)
{
    struct story s = two_orders();
    s.h->now_us += 300 * HOUR;
    s.id = DS_STR("s.order1");
    story_refund_initiate(&s, 100, STORY_TOTAL - 100, HIST_TIMER);
    hist_expect_clean(s.h);
    story_end(&s);
}

Test(audit_leave, an_open_order_stays)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.h->by_time = true;
    s.h->sweep_at = 1;
    story_until_confirmed(&s);
    s.h->now_us += 1000 * HOUR;
    story_deliver(&s);
    hist_expect_clean(s.h);
    story_end(&s);
}

/* Ids of orders are made of keys; ten days later the same key is another order. */
static void live_twice(enum ds_payment_method method, bool by_time)
{
    struct story s = story_begin(method);
    void (*live)(struct story *) = method == DS_PAYMENT_METHOD_CARD ? story_card : story_cash;
    s.h->by_time = by_time;
    live(&s);
    s.h->now_us += 241 * HOUR;
    live(&s);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 0);
    story_end(&s);
}

Test(audit_leave, an_id_placed_again_is_fine_however_far_each_topic_is_read)
{
    live_twice(DS_PAYMENT_METHOD_CARD, false);
    live_twice(DS_PAYMENT_METHOD_CASH_ON_DELIVERY, false);
    live_twice(DS_PAYMENT_METHOD_CARD, true);
    live_twice(DS_PAYMENT_METHOD_CASH_ON_DELIVERY, true);
}

Test(audit_leave, an_id_that_was_out_of_stock_is_fine_when_it_is_placed_again)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reject(&s);
    story_cancel(&s, HIST_INPUT(1, s.held), DS_GOODS_NOT_TAKEN);
    s.h->now_us += 241 * HOUR;
    story_card(&s);
    hist_expect_clean(s.h);
    story_end(&s);
}

/* Cancelled before its courier was looked for, with the money kept. */
static void live_unpaid_back(struct story *s)
{
    story_place(s);
    story_reserve(s);
    story_request_payment(s);
    story_initiate(s);
    story_pay(s, STORY_TOTAL, STORY_TOTAL, false);
    story_cancel(s, HIST_INPUT(0, story_ask_cancel(s, "cancel")), DS_GOODS_NOT_TAKEN);
    story_release(s, 2, s->cancelled);
    s->h->now_us += 241 * HOUR;
}

Test(audit_leave, the_end_of_a_first_life_is_judged)
{
    for (int i = 0; i < 4; i++) {
        struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
        live_unpaid_back(&s);
        s.h->by_time = i % 2 == 1;
        if (i < 2)
            story_card(&s);
        else
            story_until_confirmed(&s);
        hist_expect(s.h, "I2", "at rest 250 captured - 0 refunded, it should be 0");
        cr_assert_eq(s.h->report->anomalies, 1, "its deliveries are the second's");
        cr_assert_eq(s.h->report->in_flight, 0);
        story_end(&s);
    }
}

/* Payment has not come to its end. */
Test(audit_leave, a_first_life_that_is_not_at_rest_is_in_flight)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    live_unpaid_back(&s);
    story_place(&s);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 1);
    story_end(&s);
}

/* Its charge may have been asked for so late that it stands among the second's. */
Test(audit_leave, what_a_first_life_lacks_where_only_a_second_is_known_is_in_flight)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    story_release(&s, 2, s.cancelled);
    s.h->now_us += 241 * HOUR;
    story_card(&s);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 1);
    story_end(&s);
}

/* Days after it was forgotten there, of an order that was placed once. */
Test(audit_leave, a_second_life_that_nobody_placed_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    s.h->now_us += 200 * HOUR;
    story_reserve(&s);
    hist_expect(s.h, "I4", "begins anew, and the order was placed once");
    story_initiate(&s);
    hist_expect(s.h, "I2", "begins anew");
    story_search(&s);
    hist_expect(s.h, "STATE", "begins anew");
    story_end(&s);
}

/* The first of two orders; a command id is one for a day. */
static struct story placed_again_after(int64_t us)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.h->by_time = true;
    s.h->sweep_at = 1;
    story_card(&s);
    s.h->now_us += us - 25 * HOUR;
    s.id = DS_STR("s.order2");
    story_card(&s);
    s.h->now_us += 25 * HOUR;
    s.id = DS_STR("s.order1");
    story_place(&s);
    return s;
}

Test(audit_leave, an_id_placed_again_after_it_was_forgotten_is_not_judged)
{
    struct story left = placed_again_after(330 * HOUR);
    struct story known = placed_again_after(250 * HOUR);
    hist_expect_clean(left.h);
    cr_assert_geq(left.h->left, 1);
    hist_expect_clean(known.h);
    story_end(&left);
    story_end(&known);
}

Test(audit_leave, an_id_placed_again_before_it_is_forgotten_is_found)
{
    struct story s = placed_again_after(200 * HOUR);
    hist_expect(s.h, "STATE", "order.created in state FULFILLED");
    story_end(&s);
}
