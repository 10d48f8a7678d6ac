/* One mistake a test, by invariant: what other tests of this folder do not plant. */
#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define MILK DS_STR("s.milk")

/* On its way to the customer. */
static struct story carried(void)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    story_search(&s);
    story_assign(&s);
    story_carry(&s);
    story_pick_up(&s);
    story_commit(&s);
    return s;
}

/* ---- I1 */

static void set_level(struct story *s, struct ds_stock_level level)
{
    struct ds_inventory_event event = {0};
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED;
    event.body.as.inventory_updated.kind = DS_UPDATE_KIND_THRESHOLD;
    event.body.as.inventory_updated.levels = (struct ds_array_of_stock_level){&level, 1};
    hist_emit(s->h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
}

Test(audit_planted, pieces_that_are_nowhere_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    set_level(&s, (struct ds_stock_level){MILK, 10, 9, 0, 0});
    hist_expect(s.h, "I1", "received 10 is not available 9 + reserved 0 + committed 0");
    story_end(&s);
}

static void notice(struct story *s, int32_t kind, int64_t available)
{
    struct ds_inventory_event event = {0};
    event.body.kind = kind;
    if (kind == DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK)
        event.body.as.inventory_low_stock = (struct ds_inventory_low_stock){MILK, available, 20};
    else
        event.body.as.inventory_restocked = (struct ds_inventory_restocked){MILK, available, 5};
    hist_emit(s->h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
}

Test(audit_planted, a_notice_of_stock_that_is_not_there_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    notice(&s, DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK, 10);
    notice(&s, DS_INVENTORY_EVENT_INVENTORY_RESTOCKED, 10);
    hist_expect_clean(s.h);
    notice(&s, DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK, 3);
    hist_expect(s.h, "I1", "3 are said to be available, the fold gives 10");
    story_end(&s);
}

/* ---- I2 */

static void initiate(struct story *s, int64_t amount, const char *key, struct hist_cause cause)
{
    struct ds_payment_event event = {0};
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_INITIATED;
    event.body.as.payment_initiated.order_id = s->id;
    event.body.as.payment_initiated.charge_key = ds_str(key);
    event.body.as.payment_initiated.amount_minor = amount;
    s->initiated = hist_emit(s->h, DS_AUDIT_PAYMENT, &event, cause, false);
}

Test(audit_planted, a_charge_of_another_amount_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    initiate(&s, STORY_TOTAL + 100, "s.order1-c1", HIST_INPUT(1, s.requested));
    hist_expect(s.h, "I2", "a charge of 350, order asked for 250");
    story_end(&s);
}

struct refund {
    int64_t amount;
    int64_t due;
    int64_t goodwill;
    enum ds_actor_kind actor;
    const char *key;
    struct hist_cause cause;
};

static void refund(struct story *s, const struct refund *r)
{
    struct ds_payment_event event = {.context.actor.kind = r->actor};
    char tail[32];
    (void)snprintf(tail, sizeof tail, "s.order1-r%d", (int)++s->refunds);
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED;
    event.body.as.payment_refund_initiated =
        (struct ds_payment_refund_initiated){.order_id = s->id,
                                             .refund_key = ds_str(r->key != NULL ? r->key : tail),
                                             .number = s->refunds,
                                             .amount_minor = r->amount,
                                             .due_minor = r->due,
                                             .goodwill_minor = r->goodwill};
    s->refund = hist_emit(s->h, DS_AUDIT_PAYMENT, &event, r->cause, false);
}

static struct hist_cause gift(struct story *s)
{
    struct ds_payment_command command = {0};
    char id[32];
    (void)snprintf(id, sizeof id, "gift-%d", (int)s->h->counts[DS_AUDIT_PAYMENT]);
    command.body.kind = DS_PAYMENT_COMMAND_REFUND;
    return HIST_INPUT(0, hist_command(s->h, DS_AUDIT_PAYMENT, id, &command));
}

Test(audit_planted, what_staff_gives_back_is_fine_and_what_others_give_back_is_found)
{
    static const enum ds_actor_kind actors[] = {DS_ACTOR_KIND_STAFF, DS_ACTOR_KIND_ADMIN,
                                                DS_ACTOR_KIND_CUSTOMER, DS_ACTOR_KIND_GATEWAY};
    for (size_t i = 0; i < sizeof actors / sizeof *actors; i++) {
        struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
        story_card(&s);
        refund(&s, &(struct refund){100, 150, 100, actors[i], NULL, gift(&s)});
        story_refund(&s, 100, 100);
        if (i < 2)
            hist_expect_clean(s.h);
        else
            hist_expect(s.h, "I2", "100 given back that was owed, and not by staff");
        story_end(&s);
    }
}

Test(audit_planted, what_staff_gave_back_stays_given)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    refund(&s, &(struct refund){100, 150, 100, DS_ACTOR_KIND_STAFF, NULL, gift(&s)});
    story_refund(&s, 100, 100);
    refund(&s, &(struct refund){50, 100, 50, DS_ACTOR_KIND_STAFF, NULL, gift(&s)});
    hist_expect(s.h, "I2", "50 given back by staff, and it was 100");
    story_end(&s);
}

static void come_back(struct story *s)
{
    struct ds_delivery_event event = {0};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_RECALLED;
    event.body.as.delivery_recalled.order_id = s->id;
    hist_emit(s->h, DS_AUDIT_DELIVERY, &event, HIST_TIMER, false);
    event = (struct ds_delivery_event){0};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_RETURNED;
    event.body.as.delivery_returned.order_id = s->id;
    s->completed = hist_emit(s->h, DS_AUDIT_DELIVERY, &event, HIST_TIMER, false);
    story_cancel(s, HIST_INPUT(3, s->completed), DS_GOODS_RETURNED);
}

static void take_back(struct story *s, int64_t cause)
{
    struct ds_line_quantity line = {1, MILK, 2};
    struct ds_stock_level level = {MILK, 10, 10, 0, 0};
    struct ds_inventory_event event = {0};
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_RETURNED;
    event.body.as.inventory_returned =
        (struct ds_inventory_returned){s->id, {&line, 1}, {&level, 1}};
    hist_emit(s->h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, cause), false);
}

Test(audit_planted, a_refund_when_the_goods_are_back_is_fine)
{
    struct story s = carried();
    come_back(&s);
    take_back(&s, s.cancelled);
    story_refund_initiate(&s, STORY_TOTAL, 0, HIST_INPUT(1, s.cancelled));
    story_refund(&s, STORY_TOTAL, STORY_TOTAL);
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->in_flight, 0);
    story_end(&s);
}

/* In the end all is where it belongs. In between it was carried and not paid. */
Test(audit_planted, a_refund_while_the_goods_are_carried_is_found)
{
    struct story s = carried();
    story_refund_initiate(&s, STORY_TOTAL, 0, HIST_INPUT(1, s.picked_up));
    story_refund(&s, STORY_TOTAL, STORY_TOTAL);
    hist_expect(s.h, "I2", "0 is owed from here on, and 250 is carried");
    come_back(&s);
    take_back(&s, s.cancelled);
    hist_expect(s.h, "I2", "0 is owed from here on, and 250 is carried");
    cr_assert_eq(s.h->report->anomalies, 1);
    cr_assert_eq(s.h->report->list[0].offset, s.refund);
    story_end(&s);
}

Test(audit_planted, more_refunded_than_was_asked_for_is_found)
{
    struct story s = carried();
    come_back(&s);
    take_back(&s, s.cancelled);
    refund(&s, &(struct refund){STORY_TOTAL, 0, 0, DS_ACTOR_KIND_SYSTEM, NULL,
                                HIST_INPUT(1, s.cancelled)});
    story_refund(&s, STORY_TOTAL + 1, STORY_TOTAL + 1);
    hist_expect(s.h, "I2", "251 refunded, 250 was asked for");
    story_end(&s);
}

static void book_cash(struct story *s, struct hist_cause cause)
{
    struct ds_payment_event event = {0};
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_SUCCESS;
    event.body.as.payment_success =
        (struct ds_payment_success){.order_id = s->id,
                                    .method = DS_PAYMENT_METHOD_CASH_ON_DELIVERY,
                                    .amount_minor = STORY_TOTAL,
                                    .due_minor = STORY_TOTAL};
    hist_emit(s->h, DS_AUDIT_PAYMENT, &event, cause, false);
}

Test(audit_planted, cash_that_nobody_collected_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    story_until_confirmed(&s);
    book_cash(&s, HIST_INPUT(1, s.confirmed));
    hist_expect(s.h, "I2", "cash of an order that was not handed over");
    story_end(&s);
}

Test(audit_planted, an_order_that_is_not_free_and_paid_with_nothing_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_pay_nothing(&s, HIST_INPUT(1, s.requested));
    story_confirm(&s);
    hist_expect(s.h, "I2", "paid with nothing, order asked for 250");
    story_end(&s);
}

Test(audit_planted, nothing_that_order_did_not_ask_to_pay_is_found)
{
    struct story s = story_begin_free();
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_pay_nothing(&s, HIST_INPUT(1, s.created));
    hist_expect(s.h, "I3", "the payment of nothing answers offset");
    story_end(&s);
}

Test(audit_planted, nothing_that_nobody_asked_to_pay_is_found)
{
    struct story s = story_begin_free();
    story_place(&s);
    story_pay_nothing(&s, HIST_INPUT(1, s.created));
    hist_expect(s.h, "I3", "paid with nothing, and order never asked for it");
    story_end(&s);
}

Test(audit_planted, cash_for_an_order_paid_by_card_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    book_cash(&s, HIST_INPUT(1, s.created));
    hist_expect(s.h, "I2", "booked as cash, the order is paid by card");
    story_end(&s);
}

/* ---- I3 */

Test(audit_planted, a_charge_that_order_never_asked_for_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    initiate(&s, STORY_TOTAL, "s.order1-c1", HIST_INPUT(1, s.created));
    hist_expect(s.h, "I3", "a charge that order never asked for");
    story_end(&s);
}

Test(audit_planted, a_success_that_nobody_reported_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_payment_event event = {0};
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_SUCCESS;
    event.body.as.payment_success =
        (struct ds_payment_success){.order_id = s.id,
                                    .amount_minor = STORY_TOTAL,
                                    .due_minor = STORY_TOTAL,
                                    .has_charge_key = true,
                                    .charge_key = DS_STR("s.order1-c1")};
    hist_emit(s.h, DS_AUDIT_PAYMENT, &event, HIST_TIMER, false);
    hist_expect(s.h, "I3", "payment.success answers no record of payment.commands");
    story_end(&s);
}

Test(audit_planted, a_refund_under_another_orders_key_is_found)
{
    struct story s = carried();
    come_back(&s);
    take_back(&s, s.cancelled);
    refund(&s, &(struct refund){STORY_TOTAL, 0, 0, DS_ACTOR_KIND_SYSTEM, "s.order2-r1",
                                HIST_INPUT(1, s.cancelled)});
    hist_expect(s.h, "I3", "key s.order2-r1, of this order it is s.order1-r1");
    story_end(&s);
}

Test(audit_planted, a_dispute_of_another_charge_is_found)
{
    static const char *const keys[] = {"s.order1-c1", "s.order2-c1"};
    for (int i = 0; i < 2; i++) {
        struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
        struct ds_payment_event event = {0};
        story_card(&s);
        event.body.kind = DS_PAYMENT_EVENT_PAYMENT_DISPUTED;
        event.body.as.payment_disputed.order_id = s.id;
        event.body.as.payment_disputed.has_charge_key = true;
        event.body.as.payment_disputed.charge_key = ds_str(keys[i]);
        hist_emit(s.h, DS_AUDIT_PAYMENT, &event, gift(&s), false);
        if (i == 0)
            hist_expect_clean(s.h);
        else
            hist_expect(s.h, "I3", "charge s.order2-c1 is disputed, s.order1-c1 was asked for");
        story_end(&s);
    }
}

/* ---- I4 */

Test(audit_planted, goods_that_are_committed_before_their_pick_up_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    s.picked_up = s.confirmed;
    story_commit(&s);
    hist_expect(s.h, "I4", "committed, and it was not picked up");
    story_end(&s);
}

Test(audit_planted, goods_that_are_returned_while_they_are_carried_are_found)
{
    struct story s = carried();
    int64_t at = (int64_t)s.h->counts[DS_AUDIT_ORDER];
    story_ask_cancel(&s, "nobody reads it");
    s.id = DS_STR("s.order2");
    story_place(&s); /* something to answer */
    s.id = DS_STR("s.order1");
    take_back(&s, at);
    hist_expect(s.h, "I4", "returned, and its goods did not come back");
    story_end(&s);
}

Test(audit_planted, pieces_that_are_released_and_still_wanted_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    story_release(&s, 1, s.confirmed);
    hist_expect(s.h, "I4", "1 pieces of line 1 released, 0 are cancelled");
    story_end(&s);
}

Test(audit_planted, goods_that_are_committed_for_another_order_are_found)
{
    struct story s = carried();
    struct story other = s;
    other.id = DS_STR("s.order2");
    story_until_confirmed(&other);
    story_search(&other);
    story_assign(&other);
    story_carry(&other);
    story_pick_up(&other);
    other.picked_up = other.confirmed; /* answers the confirmation, not the pick-up */
    story_commit(&other);
    hist_expect(s.h, "I4", "what is committed answers offset");
    story_end(&s);
}

/* ---- I5 */

Test(audit_planted, a_line_that_is_not_reserved_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_inventory_event event = {0};
    struct ds_line_quantity line = {1, MILK, 1};
    struct ds_stock_level level = {MILK, 10, 9, 1, 0};
    story_place(&s);
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_RESERVED;
    event.body.as.inventory_reserved =
        (struct ds_inventory_reserved){s.id, {&line, 1}, {&level, 1}};
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, s.created), false);
    hist_expect(s.h, "I5", "1 pieces of line 1 reserved, 2 are ordered");
    story_end(&s);
}

/* The payment comes, but later. */
Test(audit_planted, an_order_confirmed_before_its_payment_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    s.paid = s.initiated;
    story_confirm(&s);
    story_pay(&s, STORY_TOTAL, STORY_TOTAL, false);
    hist_expect(s.h, "I5", "the confirmation answers offset");
    cr_assert_eq(s.h->report->anomalies, 1);
    story_end(&s);
}

Test(audit_planted, an_order_confirmed_by_its_deadline_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    struct ds_order_event event = {0};
    story_place(&s);
    story_reserve(&s);
    event.body.kind = DS_ORDER_EVENT_ORDER_CONFIRMED;
    event.body.as.order_confirmed.order_id = s.id;
    event.body.as.order_confirmed.total_minor = STORY_TOTAL;
    s.confirmed = hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_TIMER, false);
    hist_expect(s.h, "I5", "order.confirmed answers no record of inventory.events");
    story_end(&s);
}

Test(audit_planted, pieces_that_are_carried_twice_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_line_quantity twice[] = {{1, MILK, 2}, {1, MILK, 2}};
    struct ds_delivery_event event = {0};
    story_until_confirmed(&s);
    story_search(&s);
    story_assign(&s);
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT;
    event.body.as.delivery_in_transit.order_id = s.id;
    event.body.as.delivery_in_transit.lines = (struct ds_array_of_line_quantity){twice, 2};
    s.in_transit = hist_emit(s.h, DS_AUDIT_DELIVERY, &event, HIST_TIMER, false);
    story_pick_up(&s);
    story_commit(&s);
    hist_expect(s.h, "I5", "4 pieces carried of 2");
    story_end(&s);
}

Test(audit_planted, a_pick_up_that_answers_something_else_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    story_search(&s);
    story_assign(&s);
    story_carry(&s);
    s.in_transit--;
    story_pick_up(&s);
    hist_expect(s.h, "I5", "the pick-up answers offset");
    story_end(&s);
}

/* ---- I7 */

static void refuse_unread(struct story *s, int64_t at, const char *reason)
{
    struct ds_order_event event = {0};
    event.body.kind = DS_ORDER_EVENT_INPUT_REJECTED;
    event.body.as.input_rejected.reason = ds_str(reason);
    hist_emit(s->h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
}

Test(audit_planted, a_good_command_that_is_thrown_away_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    refuse_unread(&s, story_ask_cancel(&s, "good"), "TOO_LARGE"); /* may be */
    hist_expect_clean(s.h);
    refuse_unread(&s, story_ask_cancel(&s, "another"), "UNDECODABLE");
    hist_expect(s.h, "I7", "command 1 is refused as undecodable, and can be read");
    refuse_unread(&s, story_ask_cancel(&s, "third"), "WRONG_PARTITION");
    hist_expect(s.h, "I7", "command 2 is refused as one of another partition");
    story_end(&s);
}
