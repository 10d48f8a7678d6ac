/* I1 and I4. */
#include "story.h"

#include <criterion/criterion.h>

Test(audit_stock, a_level_below_zero_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.available = -11;
    story_receive(&s, 10);
    hist_expect(s.h, "I1", "below zero");
    story_end(&s);
}

Test(audit_stock, a_level_that_is_not_the_fold_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.available++;
    story_receive(&s, 5);
    hist_expect(s.h, "I1", "the fold gives 15/15/0/0");
    cr_assert_eq(s.h->report->anomalies, 1);
    story_receive(&s, 5);
    hist_audit(s.h);
    cr_assert_eq(s.h->report->anomalies, 1, "one mistake is told once");
    story_end(&s);
}

Test(audit_stock, a_reservation_beyond_the_stock_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.available = 1 - 10;
    story_receive(&s, 10);
    s.available = 1;
    story_place(&s);
    story_reserve(&s);
    hist_expect(s.h, "I1", "below zero");
    story_end(&s);
}

Test(audit_stock, a_release_that_is_done_twice_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    story_release(&s, 2, s.cancelled);
    story_release(&s, 2, s.cancelled);
    hist_expect(s.h, "I4", "4 pieces released and 0 committed of 2 reserved");
    story_end(&s);
}

Test(audit_stock, goods_that_are_released_and_carried_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    story_release(&s, 1, s.confirmed);
    story_deliver(&s);
    hist_expect(s.h, "I4", "1 pieces released and 2 committed of 2 reserved");
    story_end(&s);
}

Test(audit_stock, a_return_of_what_never_left_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_line_quantity line = {1, DS_STR("s.milk"), 2};
    struct ds_stock_level level = {DS_STR("s.milk"), 10, 10, 2, -2};
    struct ds_inventory_event event = {0};
    story_place(&s);
    story_reserve(&s);
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_RETURNED;
    event.body.as.inventory_returned =
        (struct ds_inventory_returned){s.id, {&line, 1}, {&level, 1}};
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
    hist_expect(s.h, "I4", "in state HELD");
    hist_expect(s.h, "I4", "2 pieces returned of 0 committed");
    story_end(&s);
}

Test(audit_stock, a_reservation_that_is_never_released_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    s.id = DS_STR("s.order2");
    story_place(&s);
    story_reserve(&s); /* inventory has read beyond the cancellation */
    hist_expect(s.h, "I4", "at rest line 1 has 2 reserved, 0 released");
    story_end(&s);
}

Test(audit_stock, a_change_without_a_level_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_stock_item item = {DS_STR("s.bread"), 3};
    struct ds_inventory_event event = {0};
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED;
    event.body.as.inventory_updated.changes = (struct ds_array_of_stock_item){&item, 1};
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
    hist_expect(s.h, "I1", "does not give its level");
    story_end(&s);
}

Test(audit_stock, a_count_sets_what_is_on_the_shelf)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_stock_item item = {DS_STR("s.milk"), 6};
    struct ds_stock_level level = {DS_STR("s.milk"), 6, 4, 2, 0};
    struct ds_inventory_event event = {0};
    story_place(&s);
    story_reserve(&s);
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED;
    event.body.as.inventory_updated.kind = DS_UPDATE_KIND_COUNTED;
    event.body.as.inventory_updated.changes = (struct ds_array_of_stock_item){&item, 1};
    event.body.as.inventory_updated.levels = (struct ds_array_of_stock_level){&level, 1};
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
    hist_expect_clean(s.h);
    story_end(&s);
}
