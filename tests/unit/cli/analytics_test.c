/* The audit's own fold of the analytics documents, against numbers worked out by hand from
 * docs/read-models.md. */
#include "cli/audit/analytics.h"
#include "tests/unit/projections/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define DAY  INT64_C(86400000000)
#define HOUR INT64_C(3600000000)

static ds_audit_analytics_t *analytics;
static ds_error_t error;

static void setup(void)
{
    error = (ds_error_t)DS_ERROR_INIT;
    analytics = ds_audit_analytics_new((size_t)1024 * 1024);
    cr_assert_not_null(analytics);
    cr_assert(ds_audit_analytics_begin(analytics, 0, 1, &error));
}

static void teardown(void)
{
    ds_audit_analytics_destroy(analytics);
}

TestSuite(analytics, .init = setup, .fini = teardown);

static void fold(int64_t offset, struct ds_order_event event, int64_t at_us)
{
    event.meta.at = at_us;
    cr_assert(ds_audit_analytics_fold(analytics, offset, &event, &error), "%s", error.message);
}

static const struct ds_audit_sum *sum(enum ds_audit_collection collection, int64_t at_us,
                                      const char *outcome, const char *subject)
{
    int64_t length = collection == DS_AUDIT_SALES_BY_HOUR ? HOUR : DAY;
    bool currency = ds_audit_shapes[collection].currency;
    struct ds_audit_sum_id id = {collection,         at_us - at_us % length,
                                 DS_STR("berlin-1"), currency ? DS_STR("EUR") : DS_STR(""),
                                 ds_str(outcome),    ds_str(subject)};
    struct ds_audit_sum *found;
    cr_assert(ds_audit_analytics_sum(analytics, &id, &found, &error));
    return found;
}

static void expect(const struct ds_audit_sum *found, const int64_t *counters, size_t count)
{
    cr_assert_not_null(found);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(found->counters[i], counters[i], "counter %zu: %lld", i,
                     (long long)found->counters[i]);
}

/* Placed one day, handed over the next. */
static void fold_order(const char *id, int64_t first)
{
    fold(first, ds_kit_created(id), KIT_TIME);
    fold(first + 1, ds_kit_order(DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED, id), KIT_TIME);
    fold(first + 2, ds_kit_confirmed(id), KIT_TIME);
    fold(first + 3, ds_kit_line_cancelled(id), KIT_TIME);
    fold(first + 4, ds_kit_order(DS_ORDER_EVENT_ORDER_PICKED_UP, id), KIT_TIME);
    fold(first + 5, ds_kit_fulfilled(id, 450), KIT_TIME + DAY);
}

Test(analytics, a_step_is_counted_when_it_happened_and_the_funnel_when_it_was_placed)
{
    fold_order(KIT_ORDER, 10);
    static const int64_t first[] = {1, 600, 1, 600, 0, 0, 0, 0};
    static const int64_t next[] = {0, 0, 0, 0, 1, 450, 0, 0};
    static const int64_t milk[] = {2, 300, 2, 300, 0, 0};
    static const int64_t milk_next[] = {0, 0, 0, 0, 1, 150};
    static const int64_t funnel[] = {1, 1, 1, 1, 1, 0, 0};
    expect(sum(DS_AUDIT_SALES_BY_HOUR, KIT_TIME, NULL, NULL), first, 8);
    expect(sum(DS_AUDIT_SALES_BY_STORE, KIT_TIME, NULL, NULL), first, 8);
    expect(sum(DS_AUDIT_SALES_BY_STORE, KIT_TIME + DAY, NULL, NULL), next, 8);
    expect(sum(DS_AUDIT_SALES_BY_PRODUCT, KIT_TIME, NULL, "berlin-1.milk"), milk, 6);
    expect(sum(DS_AUDIT_SALES_BY_PRODUCT, KIT_TIME + DAY, NULL, "berlin-1.milk"), milk_next, 6);
    expect(sum(DS_AUDIT_ORDER_FUNNEL, KIT_TIME, NULL, NULL), funnel, 7);
    cr_expect_null(sum(DS_AUDIT_ORDER_FUNNEL, KIT_TIME + DAY, NULL, NULL));
    cr_expect_eq(sum(DS_AUDIT_ORDER_FUNNEL, KIT_TIME, NULL, NULL)->pos, 15);
    cr_expect_eq(sum(DS_AUDIT_SALES_BY_HOUR, KIT_TIME, NULL, NULL)->pos, 12);
}

Test(analytics, a_cancellation_has_its_reason_and_its_last_total)
{
    fold(1, ds_kit_created(KIT_ORDER), KIT_TIME);
    fold(2, ds_kit_line_cancelled(KIT_ORDER), KIT_TIME);
    fold(3, ds_kit_cancelled(KIT_ORDER, DS_CANCEL_REASON_OUT_OF_STOCK), KIT_TIME);
    static const int64_t reasons[] = {1, 450};
    expect(sum(DS_AUDIT_CANCEL_REASONS, KIT_TIME, "cancelled", "out_of_stock"), reasons, 2);
    cr_expect_eq(sum(DS_AUDIT_SALES_BY_HOUR, KIT_TIME, NULL, NULL)->counters[7], 450);
}

Test(analytics, an_order_is_remembered_as_it_stands)
{
    fold_order(KIT_ORDER, 10);
    fold(16, ds_kit_order(DS_ORDER_EVENT_ORDER_CANCEL_REFUSED, KIT_ORDER), KIT_TIME + DAY);
    const struct ds_audit_fact *fact = ds_audit_analytics_fact(analytics, DS_STR(KIT_ORDER));
    cr_assert_not_null(fact);
    cr_expect_eq(fact->pos, 16);
    cr_expect_str_eq(fact->status, "fulfilled");
    cr_expect_eq(fact->total_minor, 450);
    cr_expect_eq(fact->confirmed_us, KIT_TIME);
    cr_expect_eq(fact->closed_us, KIT_TIME + DAY);
    cr_expect_eq(fact->line_count, 2);
    cr_expect_eq(fact->lines[0].cancelled, 1);
    fold(17, ds_kit_created(KIT_ORDER), KIT_TIME + 2 * DAY);
    cr_expect_eq(fact->confirmed_us, 0, "an id that comes again begins anew");
    cr_expect_eq(fact->lines[0].cancelled, 0);
}

Test(analytics, slices_add_up_to_the_same_sums)
{
    size_t facts = 0;
    for (uint32_t slice = 0; slice < 3; slice++) {
        cr_assert(ds_audit_analytics_begin(analytics, slice, 3, &error));
        for (int i = 0; i < 20; i++) {
            char id[64];
            (void)snprintf(id, sizeof id, "berlin-1.%d", i);
            fold_order(id, 10 * i);
        }
        size_t cursor = 0;
        while (ds_audit_analytics_next_fact(analytics, &cursor) != NULL)
            facts++;
    }
    static const int64_t first[] = {20, 12000, 20, 12000, 0, 0, 0, 0};
    cr_expect_eq(facts, 20);
    expect(sum(DS_AUDIT_SALES_BY_HOUR, KIT_TIME, NULL, NULL), first, 8);
    cr_expect_eq(sum(DS_AUDIT_SALES_BY_HOUR, KIT_TIME, NULL, NULL)->pos, 192);
}

Test(analytics, more_orders_than_fit_are_said)
{
    ds_audit_analytics_t *small = ds_audit_analytics_new(4096);
    cr_assert(ds_audit_analytics_begin(small, 0, 1, &error));
    for (int i = 0; i < 100; i++) {
        char id[64];
        (void)snprintf(id, sizeof id, "berlin-1.%d", i);
        struct ds_order_event e = ds_kit_created(id);
        cr_assert(ds_audit_analytics_fold(small, i, &e, &error));
    }
    cr_expect(ds_audit_analytics_is_full(small));
    ds_audit_analytics_destroy(small);
}
