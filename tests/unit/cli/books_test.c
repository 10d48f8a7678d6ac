/* I3: the provider's books. */
#include "cli/audit/books.h"
#include "decider/memory.h"
#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Audit the story's partition against books that say this twice. */
static const struct ds_audit_report *audit_with(struct story *s, const char *page)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_audit_range ranges[DS_AUDIT_TOPICS];
    struct ds_audit_part *part;
    ds_audit_books_t *books = ds_audit_books_new(s->h->now_us);
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
    cr_assert(ds_audit_part_judge(part, &error));
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

static void expect_found(const struct ds_audit_report *report, const char *what)
{
    cr_assert_eq(report->anomalies, 1, "%d of them", (int)report->anomalies);
    cr_assert_str_eq(report->list[0].invariant, "I3");
    cr_assert_not_null(strstr(report->list[0].what, what), "%s", report->list[0].what);
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

Test(audit_books, a_success_that_is_booked_short_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    story_pay(&s, STORY_TOTAL - 100, STORY_TOTAL - 100, false);
    expect_found(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 0),
                 "150 captured, the provider's books have 250");
    story_end(&s);
}

/* Nobody was charged, says the log, and the order is cancelled for it. */
static struct story failed(enum ds_fail_reason reason, int64_t ago_us)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    story_fail(&s, reason);
    story_cancel(&s, HIST_INPUT(2, s.paid), DS_GOODS_NOT_TAKEN);
    story_release(&s, 2, s.cancelled);
    s.h->now_us += ago_us;
    return s;
}

Test(audit_books, money_of_a_charge_that_was_declined_is_found)
{
    struct story s = failed(DS_FAIL_REASON_DECLINED, 0);
    expect_found(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 0),
                 "failed, the provider's books have 250 captured");
    cr_assert_eq(s.h->report->in_flight, 0);
    story_end(&s);
}

Test(audit_books, money_of_a_charge_given_up_is_found_when_nobody_asks_for_it_any_more)
{
    struct story s = failed(DS_FAIL_REASON_PROVIDER_SILENT, DS_PAYMENT_MEMORY_US + HIST_SECOND);
    expect_found(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 0),
                 "failed, the provider's books have 250 captured");
    story_end(&s);
}

Test(audit_books, money_of_a_charge_given_up_is_in_flight_while_the_gateway_asks)
{
    struct story s = failed(DS_FAIL_REASON_PROVIDER_SILENT, DS_PAYMENT_MEMORY_US - HIST_SECOND);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 0)->anomalies, 0);
    cr_assert_eq(s.h->report->in_flight, 1);
    story_end(&s);
}

/* The provider has said so after all, and payment is yet to read it. */
Test(audit_books, money_whose_report_waits_to_be_decided_is_in_flight)
{
    struct story s = failed(DS_FAIL_REASON_DECLINED, 0);
    struct ds_payment_command late = {0};
    late.body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
    hist_command(s.h, DS_AUDIT_PAYMENT, "late", &late);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 0)->anomalies, 0);
    cr_assert_eq(s.h->report->in_flight, 1);
    story_end(&s);
}

Test(audit_books, a_late_success_that_is_given_back_is_fine)
{
    struct story s = failed(DS_FAIL_REASON_PROVIDER_SILENT, 0);
    story_pay(&s, STORY_TOTAL, 0, true);
    story_refund_initiate(&s, STORY_TOTAL, 0, HIST_INPUT(0, s.reported));
    story_refund(&s, STORY_TOTAL, STORY_TOTAL);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL, STORY_TOTAL)->anomalies, 0);
    cr_assert_eq(s.h->report->in_flight, 0);
    story_end(&s);
}

/* A charge in another currency, or one that payment had forgotten: done with the provider. */
Test(audit_books, money_that_was_given_back_by_hand_is_fine)
{
    struct story s = failed(DS_FAIL_REASON_PROVIDER_SILENT, 2 * DS_PAYMENT_MEMORY_US);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL, STORY_TOTAL)->anomalies, 0);
    story_end(&s);
}

Test(audit_books, a_charge_that_failed_on_both_sides_is_fine)
{
    struct story s = failed(DS_FAIL_REASON_DECLINED, 2 * DS_PAYMENT_MEMORY_US);
    cr_assert_eq(audit_with(&s, "{\"charges\":[{\"key\":\"s.order1-c1\",\"amount\":250,"
                                "\"amountRefunded\":0,\"status\":\"failed\"}],\"next\":null}")
                     ->anomalies,
                 0);
    story_end(&s);
}

/* Its id is the provider's key, so there is one charge. order.events is read first here. */
Test(audit_books, an_order_that_was_placed_again_after_it_was_forgotten_is_fine)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    s.h->now_us += DS_ORDER_MEMORY_US + HIST_SECOND;
    story_card(&s);
    cr_assert_eq(audit_charge(&s, "s.order1-c1", STORY_TOTAL, 0)->anomalies, 0);
    cr_assert_eq(s.h->report->checked[DS_AUDIT_CHARGES], 1);
    story_end(&s);
}

Test(audit_books, something_else_than_books_is_an_error)
{
    ds_audit_books_t *books = ds_audit_books_new(HIST_START_US);
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
