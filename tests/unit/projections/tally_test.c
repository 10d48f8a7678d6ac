#include "projections/mongo/documents.h"
#include "tests/unit/projections/kit.h"

#include <criterion/criterion.h>

#define HOUR INT64_C(3600000000)

static struct ds_tallies tallies;
static ds_error_t error;

static void setup(void)
{
    error = (ds_error_t)DS_ERROR_INIT;
    cr_assert(ds_tallies_init(&tallies, &error));
}

static void teardown(void)
{
    ds_tallies_cleanup(&tallies);
}

TestSuite(tally, .init = setup, .fini = teardown);

static void fold(int64_t offset, const struct ds_order_event *event)
{
    cr_assert(ds_tallies_want(&tallies, 3, event, &error));
    cr_assert(ds_tallies_fold(&tallies, 3, offset, event, &error), "%s", error.message);
}

static const struct ds_tally *tally(enum ds_tally_kind kind, const char *subject,
                                    const char *outcome)
{
    int64_t length = ds_tally_shapes[kind].bucket_us;
    struct ds_tally like = {.kind = kind, .partition = 3, .store = DS_STR("berlin-1")};
    struct ds_tally *found = NULL;
    like.time_us = KIT_TIME - KIT_TIME % length;
    like.currency = ds_tally_shapes[kind].currency ? DS_STR("EUR") : DS_STR("");
    like.subject = ds_str(subject);
    like.outcome = ds_str(outcome);
    cr_assert(ds_tallies_find(&tallies, &like, &found, &error));
    return found;
}

static void fold_whole_order(void)
{
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    fold(10, &e);
    e = ds_kit_order(DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED, KIT_ORDER);
    fold(11, &e);
    e = ds_kit_confirmed(KIT_ORDER);
    fold(12, &e);
    e = ds_kit_line_cancelled(KIT_ORDER);
    fold(13, &e);
    e = ds_kit_order(DS_ORDER_EVENT_ORDER_PICKED_UP, KIT_ORDER);
    fold(14, &e);
    e = ds_kit_fulfilled(KIT_ORDER, 450);
    fold(15, &e);
}

Test(tally, an_order_is_counted_at_each_step_it_takes)
{
    fold_whole_order();
    ds_tallies_merge(&tallies);
    static const int64_t sales[] = {1, 600, 1, 600, 1, 450, 0, 0};
    static const int64_t milk[] = {2, 300, 2, 300, 1, 150};
    static const int64_t funnel[] = {1, 1, 1, 1, 1, 0, 0};
    cr_assert_eq(memcmp(tally(DS_TALLY_HOUR, NULL, NULL)->counters, sales, sizeof sales), 0);
    cr_assert_eq(memcmp(tally(DS_TALLY_STORE, NULL, NULL)->counters, sales, sizeof sales), 0);
    cr_assert_eq(
        memcmp(tally(DS_TALLY_PRODUCT, "berlin-1.milk", NULL)->counters, milk, sizeof milk), 0);
    cr_assert_eq(memcmp(tally(DS_TALLY_FUNNEL, NULL, NULL)->counters, funnel, sizeof funnel), 0);
    cr_assert_eq(tally(DS_TALLY_HOUR, NULL, NULL)->pos, 15);
    cr_assert_eq(tally(DS_TALLY_HOUR, NULL, NULL)->time_us % HOUR, 0);
    cr_assert_eq(ds_tallies_fact(&tallies, DS_STR(KIT_ORDER))->pos, 15);
}

Test(tally, events_at_or_below_pos_are_in_already)
{
    fold_whole_order();
    struct ds_tally *hour = (struct ds_tally *)(uintptr_t)tally(DS_TALLY_HOUR, NULL, NULL);
    hour->pos = 12; /* as loaded: placed and confirmed were written before the crash */
    hour->counters[0] = 1;
    hour->counters[2] = 1;
    ds_tallies_merge(&tallies);
    cr_assert_eq(hour->counters[0], 1);
    cr_assert_eq(hour->counters[2], 1);
    cr_assert_eq(hour->counters[4], 1, "fulfilled was behind pos");
    cr_assert_eq(hour->pos, 15);
    cr_assert(hour->changed);
}

Test(tally, a_tally_that_has_all_of_the_batch_is_not_written)
{
    fold_whole_order();
    struct ds_tally *hour = (struct ds_tally *)(uintptr_t)tally(DS_TALLY_HOUR, NULL, NULL);
    hour->pos = 15;
    ds_tallies_merge(&tallies);
    cr_assert_not(hour->changed);
    cr_assert_eq(hour->counters[0], 0, "as loaded");
}

Test(tally, an_event_that_its_fact_has_leaves_no_entries)
{
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    cr_assert(ds_tallies_want(&tallies, 3, &e, &error));
    ds_tallies_fact(&tallies, DS_STR(KIT_ORDER))->pos = 10; /* as loaded */
    fold(10, &e);
    cr_assert_null(tally(DS_TALLY_HOUR, NULL, NULL));
    cr_assert_not(ds_tallies_fact(&tallies, DS_STR(KIT_ORDER))->changed);
}

Test(tally, a_cancellation_is_counted_by_its_reason)
{
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    fold(1, &e);
    e = ds_kit_cancelled(KIT_ORDER, DS_CANCEL_REASON_OUT_OF_STOCK);
    fold(2, &e);
    ds_tallies_merge(&tallies);
    cr_assert_eq(tally(DS_TALLY_REASON, "out_of_stock", "cancelled")->counters[0], 1);
    cr_assert_eq(tally(DS_TALLY_REASON, "out_of_stock", "cancelled")->counters[1], 600);
    cr_assert_eq(tally(DS_TALLY_HOUR, NULL, NULL)->counters[6], 1);
    cr_assert_eq(tally(DS_TALLY_FUNNEL, NULL, NULL)->counters[5], 1);
}

Test(tally, an_id_that_comes_again_begins_anew)
{
    fold_whole_order();
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    fold(20, &e);
    const struct ds_fact *fact = ds_tallies_fact(&tallies, DS_STR(KIT_ORDER));
    cr_expect_eq(fact->pos, 20);
    cr_expect(ds_str_eq(fact->status, DS_STR("created")));
    cr_expect_eq(fact->confirmed_us, 0);
    cr_expect_eq(fact->picked_up_us, 0);
    cr_expect_eq(fact->closed_us, 0);
    cr_expect_eq(fact->lines[0].cancelled, 0);
}

Test(tally, an_order_nobody_saw_begin_is_passed_over)
{
    struct ds_order_event e = ds_kit_fulfilled(KIT_ORDER, 450);
    fold(9, &e);
    cr_assert_eq(tallies.missed, 1);
    cr_assert_not(ds_tallies_fact(&tallies, DS_STR(KIT_ORDER))->changed);
}

Test(tally, documents_read_back_as_they_were_written)
{
    fold_whole_order();
    ds_tallies_merge(&tallies);
    const struct ds_tally *written = tally(DS_TALLY_REASON, "none", "none");
    cr_assert_null(written);
    written = tally(DS_TALLY_PRODUCT, "berlin-1.bread", NULL);
    bson_t id = BSON_INITIALIZER;
    bson_t document = BSON_INITIALIZER;
    cr_assert(ds_document_tally_id(written, &id) && ds_document_tally(written, &id, &document));
    struct ds_tally before = *written;
    ((struct ds_tally *)(uintptr_t)written)->pos = -1;
    memset(((struct ds_tally *)(uintptr_t)written)->counters, 0, sizeof written->counters);
    cr_assert(ds_document_read_tally(&tallies, &document, &error));
    cr_assert_eq(written->pos, before.pos);
    cr_assert_eq(memcmp(written->counters, before.counters, sizeof before.counters), 0);
    bson_destroy(&document);
    bson_destroy(&id);
}

Test(tally, facts_read_back_with_their_lines)
{
    fold_whole_order();
    struct ds_fact *fact = ds_tallies_fact(&tallies, DS_STR(KIT_ORDER));
    bson_t id = BSON_INITIALIZER;
    bson_t document = BSON_INITIALIZER;
    cr_assert(ds_document_fact_id(fact, &id) && ds_document_fact(fact, &id, &document));
    *fact = (struct ds_fact){.order_id = fact->order_id, .partition = 3, .pos = -1};
    cr_assert(ds_document_read_fact(&tallies, &document, &error));
    cr_assert_eq(fact->pos, 15);
    cr_assert_eq(fact->line_count, 2);
    cr_assert_eq(fact->lines[0].cancelled, 1);
    cr_assert(ds_kit_is(fact->lines[1].product, "berlin-1.bread"));
    cr_assert(ds_kit_is(fact->status, "fulfilled"));
    cr_assert_eq(fact->total_minor, 450);
    bson_destroy(&document);
    bson_destroy(&id);
}
