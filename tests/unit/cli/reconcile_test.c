/* A provider's list against the log: what is told, and what a broken list is. */
#include "cli/payments/reconcile.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ds_reconcile_t *books;
static char told[2048];

static void on_difference(const struct ds_difference *d, void *context)
{
    size_t len = strlen(told);
    (void)context;
    snprintf(told + len, sizeof told - len, "%s %s %.*s %lld/%lld\n", ds_difference_name(d->kind),
             d->refund ? "refund" : "charge", DS_STR_ARG(d->key),
             d->has_log ? (long long)d->log_minor : -1LL,
             d->has_provider ? (long long)d->provider_minor : -1LL);
}

static void event(struct ds_payment_event e)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_reconcile_event(books, &e, &error), "%s", error.message);
}

static void charge(const char *key, int64_t asked, int64_t captured)
{
    struct ds_payment_event e = {.body.kind = DS_PAYMENT_EVENT_PAYMENT_INITIATED};
    e.body.as.payment_initiated = (struct ds_payment_initiated){
        .charge_key = ds_str(key), .amount_minor = asked, .currency = DS_STR("EUR")};
    event(e);
    if (captured < 0)
        return;
    struct ds_payment_event s = {.body.kind = DS_PAYMENT_EVENT_PAYMENT_SUCCESS};
    s.body.as.payment_success = (struct ds_payment_success){.has_charge_key = true,
                                                            .charge_key = ds_str(key),
                                                            .amount_minor = captured,
                                                            .currency = DS_STR("EUR")};
    event(s);
}

static void refund(const char *key, int64_t amount, bool done)
{
    struct ds_payment_event e = {.body.kind = DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED};
    e.body.as.payment_refund_initiated = (struct ds_payment_refund_initiated){
        .refund_key = ds_str(key), .amount_minor = amount, .currency = DS_STR("EUR")};
    event(e);
    if (!done)
        return;
    struct ds_payment_event r = {.body.kind = DS_PAYMENT_EVENT_PAYMENT_REFUNDED};
    r.body.as.payment_refunded = (struct ds_payment_refunded){
        .refund_key = ds_str(key), .amount_minor = amount, .currency = DS_STR("EUR")};
    event(r);
}

static void start(void)
{
    told[0] = '\0';
    books = ds_reconcile_new(on_difference, NULL);
    cr_assert_not_null(books);
}

static void stop(void)
{
    ds_reconcile_destroy(books);
}

TestSuite(reconcile, .init = start, .fini = stop);

/* @return NULL, or what is wrong with the list. */
static const char *list(const char *text)
{
    static ds_error_t error;
    struct ds_statement_entry entry;
    bool more = true;
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    ds_statement_t *statement = ds_statement_new(file);
    ds_error_clear(&error);
    cr_assert(file != NULL && statement != NULL);
    bool ok = true;
    while (ok && more)
        ok = ds_statement_next(statement, &entry, &more, &error) &&
             (!more || ds_reconcile_entry(books, &entry, &error));
    ds_statement_destroy(statement);
    fclose(file);
    return ok ? NULL : error.message;
}

#define HEADING "kind,id,key,reference,status,amount,currency\n"

Test(reconcile, equal_books_have_no_difference)
{
    charge("o1-c1", 1000, 1000);
    refund("o1-r1", 400, true);
    charge("o2-c1", 500, -1); /* declined: the provider lists it as failed, or not at all */
    charge("o3-c1", 500, -1);
    cr_expect_null(list(HEADING "charge,ch_1,o1-c1,o1,succeeded,1000,EUR\n"
                                "refund,re_1,o1-r1,o1,succeeded,400,EUR\r\n\n"
                                "charge,ch_2,o2-c1,o2,failed,500,EUR\n"));
    ds_reconcile_end(books, false);
    cr_expect_str_eq(told, "");
}

Test(reconcile, each_difference_is_named)
{
    charge("o1-c1", 1000, 1000);
    charge("o2-c1", 1000, -1);
    charge("o3-c1", 1000, 1000);
    charge("o4-c1", 1000, 1000);
    refund("o4-r1", 200, true);
    refund("o4-r2", 300, false);
    cr_expect_null(
        list("{\"kind\":\"charge\",\"key\":\"o1-c1\",\"status\":\"succeeded\",\"amount\":999,"
             "\"currency\":\"EUR\"}\n"
             "{\"kind\":\"charge\",\"key\":\"o2-c1\",\"status\":\"succeeded\",\"amount\":1000,"
             "\"currency\":\"EUR\",\"more\":[1]}\n"
             "{\"kind\":\"charge\",\"key\":\"o3-c1\",\"status\":\"failed\",\"amount\":1000,"
             "\"currency\":\"EUR\"}\n"
             "{\"kind\":\"charge\",\"key\":\"x-c1\",\"status\":\"succeeded\",\"amount\":\"7\","
             "\"currency\":\"EUR\"}\n"
             "{\"kind\":\"charge\",\"key\":\"y-c1\",\"status\":\"failed\",\"amount\":7,"
             "\"currency\":\"EUR\"}\n"
             "{\"kind\":\"charge\",\"key\":\"o1-c1\",\"status\":\"succeeded\",\"amount\":1000,"
             "\"currency\":\"EUR\"}\n"
             "{\"kind\":\"refund\",\"key\":\"o4-r2\",\"status\":\"succeeded\",\"amount\":300,"
             "\"currency\":\"EUR\"}\n"
             "{\"kind\":\"charge\",\"key\":\"o4-c1\",\"status\":\"succeeded\",\"amount\":1000,"
             "\"currency\":\"USD\"}\n"));
    ds_reconcile_end(books, false);
    cr_expect_str_eq(told,
                     "amount charge o1-c1 1000/999\n"
                     "not_in_log charge o2-c1 1000/1000\n"
                     "not_at_provider charge o3-c1 1000/1000\n"
                     "unknown charge x-c1 -1/7\n"
                     "twice charge o1-c1 1000/1000\n"
                     "not_in_log refund o4-r2 300/300\n"
                     "amount charge o4-c1 1000/1000\n"
                     "not_at_provider refund o4-r1 200/-1\n",
                     "%s", told);
}

Test(reconcile, a_part_of_the_books_misses_nothing)
{
    charge("o1-c1", 1000, 1000);
    charge("o2-c1", 1000, 1000);
    cr_expect_null(list(HEADING "charge,ch_1,o1-c1,o1,succeeded,1000,EUR\n"));
    ds_reconcile_end(books, true);
    cr_expect_str_eq(told, "");
    ds_reconcile_end(books, false);
    cr_expect_str_eq(told, "not_at_provider charge o2-c1 1000/-1\n");
}

Test(reconcile, columns_may_stand_in_any_order_and_be_quoted)
{
    charge("o1-c1", 1000, 1000);
    cr_expect_null(list("\"note, free\",currency,amount,status,key,kind\n"
                        "\"says \"\"hi\"\", twice\",EUR,1000,succeeded,\"o1-c1\",charge\n"));
    ds_reconcile_end(books, false);
    cr_expect_str_eq(told, "");
}

Test(reconcile, a_broken_list_names_its_line)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"kind,key,status,amount\n", "line 1: the heading has no column currency"},
        {HEADING "charge,ch_1,o1-c1\n", "line 2: not as many columns as the heading"},
        {HEADING "tip,ch_1,o1-c1,o1,succeeded,1,EUR\n",
         "line 2: kind is neither charge nor refund"},
        {HEADING "\ncharge,ch_1,,o1,succeeded,1,EUR\n", "line 3: there is no key"},
        {HEADING "charge,ch_1,k,o1,,1,EUR\n", "line 2: there is no status"},
        {HEADING "charge,ch_1,k,o1,succeeded,1.50,EUR\n",
         "line 2: amount is not a number of minor units"},
        {HEADING "charge,ch_1,k,o1,succeeded,-1,EUR\n",
         "line 2: amount is not a number of minor units"},
        {HEADING "charge,ch_1,k,o1,succeeded,1,EURO\n", "line 2: currency is not three letters"},
        {HEADING "charge,\"ch\"_1,k,o1,succeeded,1,EUR\n", "line 2: text behind a closing quote"},
        {"key,key\n", "line 1: a column stands there twice"},
        {"{\"kind\": }\n", "line 1: not a JSON object"},
        {"{\"kind\": \"charge\", \"key\": 7}\n", "line 1: there is no key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *says = list(cases[i].text);
        cr_expect(says != NULL && strcmp(says, cases[i].says) == 0, "case %zu: %s", i,
                  says == NULL ? "taken" : says);
    }
}

/* Passed over, a charge that it asked for would be one that the log never asked for. */
Test(reconcile, an_event_that_cannot_be_read_ends_it)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_payment_event head = {.meta.seq = 7};
    struct ds_read_record record = {
        .partition = 3, .place.offset = 42, .event = &head, .undecodable = true};
    cr_assert_not(ds_reconcile_record(books, &record, &error));
    cr_expect_eq(error.code, DS_ERR_DAMAGE);
    cr_expect_not_null(strstr(error.message, "payment.events/3 offset 42"), "%s", error.message);
    record.undecodable = false;
    ds_error_clear(&error);
    cr_expect(ds_reconcile_record(books, &record, &error));
}
