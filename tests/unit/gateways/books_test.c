#include "gateways/sandbox/books.h"

#include <criterion/criterion.h>

static struct ds_book_charge *charge(ds_books_t *books, const char *key, int64_t amount,
                                     enum ds_book_status status)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_book_charge *entered;
    struct ds_book_charge_entry entry = {
        .key = ds_str(key),
        .reference = DS_STR("berlin-1.A"),
        .currency = DS_STR("EUR"),
        .token = DS_STR("tok_\"ok\"\n"),
        .amount_minor = amount,
        .at_us = 1,
        .status = status,
    };
    cr_assert(ds_books_enter_charge(books, &entry, &entered, &error), "%s", error.message);
    return entered;
}

static bool refund(ds_books_t *books, struct ds_book_charge *of, const char *key, int64_t amount,
                   enum ds_book_status status, ds_error_t *error)
{
    struct ds_book_refund *entered;
    struct ds_book_refund_entry entry = {
        .key = ds_str(key),
        .reference = DS_STR("berlin-1.A"),
        .currency = DS_STR("EUR"),
        .amount_minor = amount,
        .status = status,
    };
    return ds_books_enter_refund(books, of, &entry, &entered, error);
}

Test(books, one_key_is_one_charge)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_books_t *books = ds_books_new(100);
    struct ds_book_charge *first = charge(books, "k-c1", 500, DS_BOOK_SUCCEEDED);
    struct ds_book_charge *second = NULL;
    struct ds_book_charge_entry again = {.key = DS_STR("k-c1"), .amount_minor = 1};
    cr_expect_not(ds_books_enter_charge(books, &again, &second, &error));
    cr_expect_eq(error.code, DS_ERR_CONFLICT);
    cr_expect_null(second);
    cr_expect_eq(ds_books_charges(books), 1);
    cr_expect_eq(ds_books_charge_by_key(books, DS_STR("k-c1")), first);
    cr_expect_eq(ds_books_charge(books, ds_str(first->id)), first);
    cr_expect_null(ds_books_charge_by_key(books, DS_STR("k-c2")));
    ds_books_destroy(books);
}

Test(books, refunds_never_exceed_the_charge)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_books_t *books = ds_books_new(100);
    struct ds_book_charge *paid = charge(books, "k-c1", 500, DS_BOOK_SUCCEEDED);
    cr_expect(refund(books, paid, "k-r1", 300, DS_BOOK_SUCCEEDED, &error));
    cr_expect_str_eq(ds_books_refund_refusal(paid, 201, DS_STR("EUR")), "amount_too_large");
    cr_expect_null(ds_books_refund_refusal(paid, 200, DS_STR("EUR")));
    cr_expect_str_eq(ds_books_refund_refusal(paid, 1, DS_STR("USD")), "wrong_currency");
    cr_expect_not(refund(books, paid, "k-r2", 201, DS_BOOK_SUCCEEDED, &error));
    cr_expect_eq(error.code, DS_ERR_INVALID);
    cr_expect_eq(paid->refunded_minor, 300);
    ds_error_clear(&error);
    cr_expect(refund(books, paid, "k-r3", 201, DS_BOOK_FAILED, &error));
    cr_expect_eq(paid->refunded_minor, 300);
    cr_expect_eq(paid->refunds_failed, 1);
    ds_books_destroy(books);
}

Test(books, charge_that_was_not_captured_cannot_be_refunded)
{
    ds_books_t *books = ds_books_new(100);
    cr_expect_str_eq(ds_books_refund_refusal(charge(books, "a", 5, DS_BOOK_FAILED), 1,
                                             DS_STR("EUR")),
                     "charge_not_captured");
    cr_expect_str_eq(ds_books_refund_refusal(charge(books, "b", 5, DS_BOOK_PENDING), 1,
                                             DS_STR("EUR")),
                     "charge_not_captured");
    ds_books_destroy(books);
}

Test(books, journal_lines_make_the_same_books)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_books_t *books = ds_books_new(100), *copy = ds_books_new(100);
    struct ds_book_charge *paid = charge(books, "k-c1", 500, DS_BOOK_PENDING);
    ds_buf_t lines[3], json[2];
    for (size_t i = 0; i < 3; i++)
        ds_buf_init(&lines[i], 4096);
    for (size_t i = 0; i < 2; i++)
        ds_buf_init(&json[i], 4096);
    cr_assert(ds_books_charge_line(paid, &lines[0], &error));
    ds_books_settle(paid);
    cr_assert(ds_books_settle_line(paid, &lines[1], &error));
    cr_assert(refund(books, paid, "k-r1", 20, DS_BOOK_SUCCEEDED, &error));
    cr_assert(ds_books_refund_line(paid->refunds, &lines[2], &error));
    for (size_t i = 0; i < 3; i++)
        cr_assert(ds_books_apply(copy, ds_buf_str(&lines[i]), &error), "%s", error.message);
    cr_assert(ds_books_charge_json(paid, true, &json[0], &error));
    cr_assert(ds_books_charge_json(ds_books_charge_at(copy, 0), true, &json[1], &error));
    cr_expect(ds_str_eq(ds_buf_str(&json[0]), ds_buf_str(&json[1])), "%.*s",
              DS_STR_ARG(ds_buf_str(&json[1])));
    cr_expect_str_eq(ds_books_charge_at(copy, 0)->token, "tok_\"ok\"\n");
    for (size_t i = 0; i < 3; i++)
        ds_buf_cleanup(&lines[i]);
    for (size_t i = 0; i < 2; i++)
        ds_buf_cleanup(&json[i]);
    ds_books_destroy(books);
    ds_books_destroy(copy);
}

Test(books, lines_that_make_no_sense_are_refused)
{
    static const struct {
        const char *line;
        enum ds_error_code code;
    } rows[] = {
        {"", DS_ERR_TRUNCATED},
        {"{\"type\":\"charge\",\"am", DS_ERR_TRUNCATED},
        {"[]", DS_ERR_TRUNCATED},
        {"{\"type\":\"gift\"}", DS_ERR_INVALID},
        {"{\"type\":\"charge\",\"key\":\"k\",\"status\":\"succeeded\"}", DS_ERR_INVALID},
        {"{\"type\":\"charge\",\"key\":\"k\",\"amount\":1,\"status\":\"odd\"}", DS_ERR_INVALID},
        {"{\"type\":\"refund\",\"key\":\"k\",\"amount\":1,\"status\":\"failed\"}", DS_ERR_INVALID},
        {"{\"type\":\"settle\",\"charge\":\"ch_x\"}", DS_ERR_INVALID},
    };
    ds_books_t *books = ds_books_new(100);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ds_error_t error = DS_ERROR_INIT;
        cr_expect_not(ds_books_apply(books, ds_str(rows[i].line), &error), "%s", rows[i].line);
        cr_expect_eq(error.code, rows[i].code, "%s: %s", rows[i].line, error.message);
    }
    cr_expect_eq(ds_books_charges(books), 0);
    ds_books_destroy(books);
}

Test(books, full_books_take_no_more)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_books_t *books = ds_books_new(1);
    struct ds_book_charge *more;
    (void)charge(books, "a", 5, DS_BOOK_SUCCEEDED);
    struct ds_book_charge_entry entry = {.key = DS_STR("b"), .amount_minor = 1};
    cr_expect_not(ds_books_enter_charge(books, &entry, &more, &error));
    cr_expect_eq(error.code, DS_ERR_LIMIT);
    ds_books_destroy(books);
}
