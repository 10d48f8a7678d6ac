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
