/* I3: the provider's books. */
#include "cli/audit/books.h"
#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Audit the story's partition against books that say this twice. */
static const struct ds_audit_report *audit_with(struct story *s, const char *page)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_audit_range ranges[DS_AUDIT_TOPICS];
    struct ds_audit_part *part;
    ds_audit_books_t *books = ds_audit_books_new();
    char next[64];

    ds_audit_report_destroy(s->h->report);
    s->h->report = ds_audit_report_new();
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        ranges[t] = (struct ds_audit_range){0, (int64_t)s->h->counts[t], (int64_t)s->h->counts[t]};
    cr_assert(
        ds_audit_part_new(s->h->report, s->h->partition, HIST_PARTITIONS, ranges, &part, &error));
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        for (size_t i = 0; i < s->h->counts[t]; i++)
            cr_assert(ds_audit_part_take(part, &s->h->records[t][i].record, &error));
    for (int reading = 0; reading < 2; reading++)
        cr_assert(ds_audit_books_page(books, reading, ds_str(page), next, &error), "%s",
                  error.message);
    ds_audit_books_judge(books, part);
    ds_audit_books_judge_rest(books, s->h->report);
    ds_audit_part_destroy(part);
    ds_audit_books_destroy(books);
    return s->h->report;
}

static const struct ds_audit_report *audit_charge(struct story *s, const char *key, int amount,
                                                  int refunded)
{
    static char page[256];
    (void)snprintf(page, sizeof page,
                   "{\"charges\":[{\"key\":\"%s\",\"amount\":%d,\"amountRefunded\":%d,"
                   "\"status\":\"succeeded\"}],\"next\":null}",
                   key, amount, refunded);
    return audit_with(s, page);
}

Test(audit_books, books_that_agree_are_fine)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 0)->anomalies, 0);
    cr_assert_eq(s.h->report->checked[DS_AUDIT_CHARGES], 1);
    story_end(&s);
}

Test(audit_books, another_amount_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL + 1, 0)->anomalies, 1);
    story_end(&s);
}

Test(audit_books, a_refund_that_the_log_does_not_know_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 10)->anomalies, 1);
    story_end(&s);
}

Test(audit_books, a_charge_that_no_order_asked_for_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    const struct ds_audit_report *report = audit_charge(&s, "s.ghost-c1", 7, 0);
    cr_assert_eq(report->anomalies, 1);
    cr_assert_str_eq(report->list[0].invariant, "I3");
    story_end(&s);
}

Test(audit_books, a_capture_that_the_provider_does_not_know_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    cr_assert_eq(audit_with(&s, "{\"charges\":[],\"next\":null}")->anomalies, 1);
    story_end(&s);
}

Test(audit_books, a_charge_whose_report_is_on_its_way_is_fine)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 0)->anomalies, 0);
    story_end(&s);
}

Test(audit_books, something_else_than_books_is_an_error)
{
    ds_audit_books_t *books = ds_audit_books_new();
    ds_error_t error = DS_ERROR_INIT;
    char next[64];
    cr_assert_not(ds_audit_books_page(books, 0, DS_STR("<html>"), next, &error));
    ds_error_clear(&error);
    cr_assert_not(ds_audit_books_page(books, 0, DS_STR("{\"charges\":[{}]}"), next, &error));
    ds_error_clear(&error);
    cr_assert(
        ds_audit_books_page(books, 0, DS_STR("{\"charges\":[],\"next\":\"7\"}"), next, &error));
    cr_assert_str_eq(next, "7");
    ds_audit_books_destroy(books);
}
