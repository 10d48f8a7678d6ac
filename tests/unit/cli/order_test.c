/* Transitions, totals, I5 and I9. */
#include "story.h"

#include <criterion/criterion.h>

Test(audit_order, goods_that_are_carried_without_payment_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    s.paid = 0;
    story_confirm(&s);
    story_deliver(&s);
    hist_expect(s.h, "I5", "it was never paid");
    story_end(&s);
}

Test(audit_order, goods_that_are_carried_without_reservation_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    story_place(&s);
    s.held = 0;
    story_confirm(&s);
    hist_expect(s.h, "I5", "it was never reserved");
    story_end(&s);
}

Test(audit_order, a_delivery_that_was_never_confirmed_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    s.confirmed = s.created;
    story_search(&s);
    hist_expect(s.h, "I5", "it was never confirmed");
    story_end(&s);
}

Test(audit_order, an_order_fulfilled_without_hand_over_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    story_search(&s);
    story_assign(&s);
    story_carry(&s);
    story_pick_up(&s);
    story_commit(&s);
    s.completed = s.in_transit + 1;
    story_fulfil(&s);
    hist_expect(s.h, "I5", "nobody handed it over");
    story_end(&s);
}

Test(audit_order, a_step_that_the_table_does_not_know_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    hist_expect(s.h, "STATE", "order.cancelled in state FULFILLED");
    story_end(&s);
}

Test(audit_order, a_wrong_total_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_order_event event = {0};
    story_place(&s);
    story_reserve(&s);
    event.body.kind = DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED;
    event.body.as.order_payment_requested.order_id = s.id;
    event.body.as.order_payment_requested.total_minor = STORY_TOTAL - 1;
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(1, s.held), false);
    hist_expect(s.h, "STATE", "total 249, its lines come to 250");
    story_end(&s);
}

Test(audit_order, more_pieces_cancelled_than_ordered_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_line_quantity line = {1, DS_STR("s.milk"), 3};
    struct ds_order_event event = {0};
    story_place(&s);
    event.body.kind = DS_ORDER_EVENT_ORDER_LINES_CANCELLED;
    event.body.as.order_lines_cancelled.order_id = s.id;
    event.body.as.order_lines_cancelled.lines = (struct ds_array_of_line_quantity){&line, 1};
    event.body.as.order_lines_cancelled.total_minor = STORY_TOTAL;
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, story_ask_cancel(&s, "lines")), false);
    hist_expect(s.h, "STATE", "3 pieces of line 1 cancelled, it has 2");
    story_end(&s);
}

Test(audit_order, an_event_that_was_lost_between_two_processors_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s); /* inventory never answers this one ... */
    s.id = DS_STR("s.order2");
    story_place(&s);
    story_reserve(&s); /* ... though it has read further */
    hist_expect(s.h, "STATE", "neither reserved nor refused");
    story_end(&s);
}

Test(audit_order, an_order_that_only_others_know_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    s.id = DS_STR("s.ghost");
    story_reserve(&s);
    hist_expect(s.h, "STATE", "order.events knows nothing of");
    story_end(&s);
}

static void change_price(struct story *s, int64_t price)
{
    struct ds_catalog_event event = {0};
    event.body.kind = DS_CATALOG_EVENT_PRODUCT_CHANGED;
    event.body.as.product_changed.product.product_id = DS_STR("s.milk");
    event.body.as.product_changed.product.price_minor = price;
    hist_emit(s->h, DS_AUDIT_CATALOG, &event, HIST_TIMER, false);
}

Test(audit_order, a_price_that_the_catalogue_did_not_say_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    change_price(&s, STORY_PRICE + 1);
    s.priced = (int64_t)s.h->counts[DS_AUDIT_CATALOG] - 1;
    story_card(&s);
    hist_expect(s.h, "I9", "says 101");
    story_end(&s);
}

Test(audit_order, a_price_from_nowhere_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.priced = 0;
    story_card(&s);
    hist_expect(s.h, "I9", "says nothing of s.milk");
    story_end(&s);
}

Test(audit_order, a_price_may_be_a_minute_old_and_no_older)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    change_price(&s, STORY_PRICE + 1);
    s.h->now_us += 50 * HIST_SECOND;
    story_card(&s);
    hist_expect_clean(s.h);
    story_end(&s);

    s = story_begin(DS_PAYMENT_METHOD_CARD);
    change_price(&s, STORY_PRICE + 1);
    s.h->now_us += 70 * HIST_SECOND;
    story_card(&s);
    hist_expect(s.h, "I9", "more than 60 s before");
    story_end(&s);
}
