#include "events.h"
#include "gateways/payments/calls.h"
#include "kit.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_REPORTS 600

struct report {
    char order_id[64];
    char key[64];
    char command_id[32];
    char reference[64];
    char detail[64];
    enum ds_report_outcome outcome;
    int64_t amount;
    int64_t at_us; /* monotonic */
    bool refund;
};

struct fixture {
    struct kit *kit;
    int64_t timeout_ms;
    ds_calls_t *calls;
    pthread_mutex_t lock;
    struct report reports[MAX_REPORTS];
    size_t count;
    int lose;   /* so many reports are not kept */
    int refuse; /* so many are not even taken */
};

static void keep_charge(struct report *report, const struct ds_report_charge *charge)
{
    report->outcome = charge->outcome;
    report->amount = charge->amount_minor;
    (void)ds_str_to_array(charge->order_id, report->order_id, sizeof report->order_id);
    (void)ds_str_to_array(charge->charge_key, report->key, sizeof report->key);
    (void)ds_str_to_array(charge->provider_reference, report->reference, sizeof report->reference);
    (void)ds_str_to_array(charge->detail, report->detail, sizeof report->detail);
}

static void keep_refund(struct report *report, const struct ds_report_refund *refund)
{
    report->refund = true;
    report->outcome = refund->outcome;
    report->amount = refund->amount_minor;
    (void)ds_str_to_array(refund->order_id, report->order_id, sizeof report->order_id);
    (void)ds_str_to_array(refund->refund_key, report->key, sizeof report->key);
    (void)ds_str_to_array(refund->provider_reference, report->reference, sizeof report->reference);
}

static bool take_report(void *context, const struct ds_payment_command *command, ds_str_t store,
                        struct ds_entry *entry, ds_error_t *error)
{
    struct fixture *fixture = context;
    struct report report = {0};
    if (command->body.kind == DS_PAYMENT_COMMAND_REPORT_CHARGE)
        keep_charge(&report, &command->body.as.report_charge);
    else
        keep_refund(&report, &command->body.as.report_refund);
    (void)ds_str_to_array(command->head.command_id, report.command_id, sizeof report.command_id);
    cr_expect(ds_str_eq(store, DS_STR("b")));
    report.at_us = ds_monotonic_us(fixture->kit->runtime.clock);
    pthread_mutex_lock(&fixture->lock);
    bool refused = fixture->refuse > 0 && fixture->refuse-- > 0;
    bool lost = !refused && fixture->lose > 0 && fixture->lose-- > 0;
    if (!refused && fixture->count < MAX_REPORTS)
        fixture->reports[fixture->count++] = report;
    pthread_mutex_unlock(&fixture->lock);
    if (refused)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_BUSY, "the queue is full");
    ds_calls_reported(fixture->calls, entry, !lost);
    return true;
}

static size_t report_count(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    size_t count = fixture->count;
    pthread_mutex_unlock(&fixture->lock);
    return count;
}

static void start_calls(struct fixture *fixture)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_calls_config config = {
        .provider = "sandbox",
        .provider_url = fixture->kit->url,
        .provider_key = PROVIDER_KEY,
        .timeout_ms = fixture->timeout_ms,
        .in_flight_max = 16,
        .first_pause_us = 20 * DS_US_PER_MS,
        .max_pause_us = 100 * DS_US_PER_MS,
        .report = take_report,
        .context = fixture,
    };
    cr_assert(ds_calls_new(&fixture->kit->runtime, &config, &fixture->calls, &error), "%s",
              error.message);
    ds_calls_assigned(fixture->calls, 0);
}

static struct fixture *start_with(int64_t timeout_ms)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->timeout_ms = timeout_ms;
    fixture->kit = kit_start("");
    pthread_mutex_init(&fixture->lock, NULL);
    start_calls(fixture);
    return fixture;
}

static struct fixture *start(void)
{
    return start_with(300);
}

static void stop(struct fixture *fixture)
{
    ds_calls_destroy(fixture->calls);
    kit_stop(fixture->kit);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
}

static void event(struct fixture *fixture, struct ds_payment_event it)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_calls_event(fixture->calls, 0, &it, &error), "%s", error.message);
    ds_calls_go(fixture->calls);
}

static void expect_report(struct fixture *fixture, size_t i, const char *key,
                          enum ds_report_outcome outcome, int64_t amount)
{
    WAIT_FOR(report_count(fixture) > i);
    cr_expect_str_eq(fixture->reports[i].key, key);
    cr_expect_eq(fixture->reports[i].outcome, outcome);
    cr_expect_eq(fixture->reports[i].amount, amount);
}

Test(calls, charge_is_made_and_reported)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_str_eq(fixture->reports[0].order_id, "b.A");
    cr_expect_str_neq(fixture->reports[0].reference, "");
    event(fixture, payment_success("b.A"));
    cr_expect_eq(ds_calls_outstanding(fixture->calls), 0);
    cr_expect_eq(report_count(fixture), 1);
    cr_expect_eq(kit_charges(fixture->kit), 1);
    stop(fixture);
}

Test(calls, declined_charge_is_reported_as_failed)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_declined", 2998));
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_FAILED, 0);
    cr_expect_str_eq(fixture->reports[0].detail, "card_declined");
    stop(fixture);
}

Test(calls, request_the_provider_refuses_is_reported_as_failed)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", NULL, 2998));
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_FAILED, 0);
    cr_expect_str_eq(fixture->reports[0].detail, "invalid_request");
    stop(fixture);
}

Test(calls, dropped_answer_is_asked_for_and_charged_once)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_drop", 2998));
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_eq(kit_charges(fixture->kit), 1);
    stop(fixture);
}

Test(calls, answer_slower_than_the_timeout_is_asked_for)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_slow_2000", 2998));
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_eq(kit_charges(fixture->kit), 1);
    stop(fixture);
}

Test(calls, late_charge_is_reported_when_it_is_definite)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    int64_t begun_us = ds_monotonic_us(fixture->kit->runtime.clock);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_late_1000", 2998));
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_geq(fixture->reports[0].at_us - begun_us, 900 * DS_US_PER_MS, "it was pending");
    cr_expect_eq(kit_charges(fixture->kit), 1);
    stop(fixture);
}

Test(calls, silent_provider_is_no_outcome_until_it_speaks)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    kit_mode(fixture->kit, "silent");
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    ds_metric_t *calls =
        ds_metrics_get(fixture->kit->runtime.metrics, DS_COUNTER, "doorstep_payments_calls_total",
                       "", (const struct ds_label[]){{"outcome", "unknown"}, {NULL, NULL}});
    WAIT_FOR(ds_metric_value(calls) >= 2);
    cr_expect_eq(report_count(fixture), 0);
    kit_mode(fixture->kit, "ok");
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_eq(kit_charges(fixture->kit), 1);
    stop(fixture);
}

Test(calls, provider_that_is_away_is_called_again_when_it_is_back)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    kit_sandbox_stop(fixture->kit);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    WAIT_FOR(!ds_calls_provider_up(fixture->calls));
    cr_expect_eq(report_count(fixture), 0);
    kit_sandbox_start(fixture->kit);
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect(ds_calls_provider_up(fixture->calls));
    stop(fixture);
}

Test(calls, nothing_is_called_before_the_rebuild_is_done)
{
    struct fixture *fixture = start();
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    event(fixture, payment_initiated("b.B", "b.B-c1", "tok_ok", 2998));
    event(fixture, payment_success("b.A"));
    cr_expect_eq(kit_charges(fixture->kit), 0);
    ds_calls_rebuilt(fixture->calls, 0);
    expect_report(fixture, 0, "b.B-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_eq(kit_charges(fixture->kit), 1);
    stop(fixture);
}

Test(calls, gateway_that_died_after_its_call_charges_no_second_time)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    ds_calls_destroy(fixture->calls); /* its report was lost, say */
    start_calls(fixture);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    ds_calls_rebuilt(fixture->calls, 0);
    expect_report(fixture, 1, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_str_eq(fixture->reports[0].command_id, fixture->reports[1].command_id);
    cr_expect_str_eq(fixture->reports[0].reference, fixture->reports[1].reference);
    cr_expect_eq(kit_charges(fixture->kit), 1);
    stop(fixture);
}

Test(calls, refund_is_made_and_its_failure_reported)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_refund_fail", 2998));
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    event(fixture, payment_success("b.A"));
    const char *charge = fixture->reports[0].reference;
    event(fixture, refund_initiated("b.A", "b.A-r1", charge, 500));
    expect_report(fixture, 1, "b.A-r1", DS_REPORT_OUTCOME_FAILED, 0);
    event(fixture, refund_failed("b.A", "b.A-r1"));
    event(fixture, refund_initiated("b.A", "b.A-r2", charge, 500));
    expect_report(fixture, 2, "b.A-r2", DS_REPORT_OUTCOME_OK, 500);
    cr_expect(fixture->reports[2].refund);
    stop(fixture);
}

Test(calls, report_that_was_not_kept_is_sent_again_under_the_same_id)
{
    struct fixture *fixture = start();
    fixture->refuse = 1;
    fixture->lose = 1;
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    expect_report(fixture, 1, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_str_eq(fixture->reports[0].command_id, fixture->reports[1].command_id);
    stop(fixture);
}

Test(calls, many_charges_go_at_once_past_those_that_hang)
{
    struct fixture *fixture = start();
    char order[32], key[40];
    ds_calls_rebuilt(fixture->calls, 0);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(order, sizeof order, "b.%d", i);
        (void)snprintf(key, sizeof key, "b.%d-c1", i);
        ds_error_t error = DS_ERROR_INIT;
        struct ds_payment_event it =
            payment_initiated(order, key, i % 50 == 0 ? "tok_silent" : "tok_ok", 100 + i);
        cr_assert(ds_calls_event(fixture->calls, 0, &it, &error));
    }
    ds_calls_go(fixture->calls);
    WAIT_FOR(report_count(fixture) == 490);
    cr_expect_eq(kit_charges(fixture->kit), 490);
    for (size_t i = 0; i < 490; i++)
        cr_expect_eq(fixture->reports[i].outcome, DS_REPORT_OUTCOME_OK);
    stop(fixture);
}

#define SILENCE_MS 3000 /* the call is not asked about before that */

/* A charge that the provider has, of which nobody knows: the answer is lost, and then it is
 * silent. */
static void charge_in_silence(struct fixture *fixture)
{
    struct reply lost = kit_charge(fixture->kit, "b.A-c1", "tok_ok");
    cr_assert_eq(lost.status, 200);
    reply_free(&lost);
    kit_mode(fixture->kit, "silent");
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
}

static int64_t gauge(struct fixture *fixture, const char *name)
{
    return ds_metric_value(ds_metrics_get(fixture->kit->runtime.metrics, DS_GAUGE, name, "", NULL));
}

Test(calls, charge_that_succeeded_after_it_was_given_up_is_reported)
{
    struct fixture *fixture = start_with(SILENCE_MS);
    ds_calls_rebuilt(fixture->calls, 0);
    charge_in_silence(fixture);
    event(fixture, payment_silent("b.A", ds_now_us(fixture->kit->runtime.clock)));
    WAIT_FOR(gauge(fixture, "doorstep_payments_given_up") == 1);
    cr_expect_eq(gauge(fixture, "doorstep_payments_outstanding"), 0);
    kit_mode(fixture->kit, "ok");
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    event(fixture, payment_success("b.A"));
    WAIT_FOR(gauge(fixture, "doorstep_payments_given_up") == 0);
    cr_expect_eq(kit_charges(fixture->kit), 1);
    stop(fixture);
}

Test(calls, charge_given_up_is_asked_for_by_the_next_gateway)
{
    struct fixture *fixture = start_with(SILENCE_MS);
    ds_calls_rebuilt(fixture->calls, 0);
    charge_in_silence(fixture);
    ds_calls_destroy(fixture->calls);
    kit_mode(fixture->kit, "ok");
    start_calls(fixture);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    event(fixture, payment_silent("b.A", ds_now_us(fixture->kit->runtime.clock)));
    event(fixture, payment_initiated("b.B", "b.B-c1", "tok_ok", 2998));
    event(fixture, payment_silent("b.B", ds_now_us(fixture->kit->runtime.clock)));
    event(fixture, payment_initiated("b.C", "b.C-c1", "tok_ok", 2998));
    event(fixture, payment_silent("b.C", 0));
    ds_calls_rebuilt(fixture->calls, 0);
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    event(fixture, payment_success("b.A"));
    WAIT_FOR(gauge(fixture, "doorstep_payments_given_up") == 0);
    cr_expect_eq(report_count(fixture), 1);
    cr_expect_eq(kit_charges(fixture->kit), 1, "what the provider has not got is not done");
    stop(fixture);
}

Test(calls, stop_waits_for_calls_under_way_and_reports_them)
{
    struct fixture *fixture = start_with(5000); /* nothing but the stop ends the wait */
    ds_calls_rebuilt(fixture->calls, 0);
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_slow_150", 2998));
    WAIT_FOR(kit_charges(fixture->kit) == 1);
    ds_calls_stop(fixture->calls, 5000);
    cr_expect_eq(report_count(fixture), 1);
    stop(fixture);
}

Test(calls, wrong_provider_key_is_no_outcome)
{
    struct fixture *fixture = start();
    ds_calls_rebuilt(fixture->calls, 0);
    fixture->kit->settings.provider_key = "another";
    event(fixture, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    ds_metric_t *calls =
        ds_metrics_get(fixture->kit->runtime.metrics, DS_COUNTER, "doorstep_payments_calls_total",
                       "", (const struct ds_label[]){{"outcome", "unknown"}, {NULL, NULL}});
    WAIT_FOR(ds_metric_value(calls) >= 2);
    fixture->kit->settings.provider_key = PROVIDER_KEY;
    expect_report(fixture, 0, "b.A-c1", DS_REPORT_OUTCOME_OK, 2998);
    cr_expect_eq(report_count(fixture), 1);
    stop(fixture);
}
