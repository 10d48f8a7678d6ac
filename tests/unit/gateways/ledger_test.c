#include "events.h"
#include "gateways/payments/ledger.h"

#include <criterion/criterion.h>

#define S         DS_US_PER_S
#define FAILED_US (INT64_C(1700000000) * S)

static const struct ds_provider_answer succeeded = {
    .verdict = DS_VERDICT_SUCCEEDED, .amount_minor = 2998, .id = "ch_1"};
static const struct ds_provider_answer declined = {
    .verdict = DS_VERDICT_FAILED, .id = "ch_1", .detail = "card_declined"};
static const struct ds_provider_answer unknown = {.verdict = DS_VERDICT_UNKNOWN};
static const struct ds_provider_answer pending = {.verdict = DS_VERDICT_PENDING};
static const struct ds_provider_answer absent = {.verdict = DS_VERDICT_ABSENT};

static ds_ledger_t *new_ledger(void)
{
    struct ds_ledger_config config = {.random = ds_system_random(), .provider = "sandbox"};
    ds_ledger_t *ledger = ds_ledger_new(&config);
    cr_assert_not_null(ledger);
    ds_ledger_assigned(ledger, 3);
    return ledger;
}

static void note(ds_ledger_t *ledger, struct ds_payment_event event)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_ledger_event(ledger, 3, &event, &error), "%s", error.message);
}

/* A ledger that is up to date and holds one charge. */
static ds_ledger_t *with_charge(void)
{
    ds_ledger_t *ledger = new_ledger();
    ds_ledger_rebuilt(ledger, 3);
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    return ledger;
}

Test(ledger, nothing_is_called_before_the_partition_was_read)
{
    ds_ledger_t *ledger = new_ledger();
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    cr_expect_null(ds_ledger_take_call(ledger, 0, true));
    ds_ledger_rebuilt(ledger, 3);
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    cr_assert_not_null(entry);
    cr_expect(entry->ask_first, "the owner before may have called");
    (void)ds_ledger_called(ledger, entry, &succeeded, false, 0, 0);
    ds_ledger_destroy(ledger);
}

Test(ledger, outcomes_already_in_the_log_leave_nothing_outstanding)
{
    ds_ledger_t *ledger = new_ledger();
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    note(ledger, payment_initiated("b.B", "b.B-c1", "tok_ok", 2998));
    note(ledger, payment_success("b.A"));
    note(ledger, payment_failed("b.B"));
    note(ledger, refund_initiated("b.A", "b.A-r1", "ch_1", 10));
    note(ledger, refund_failed("b.A", "b.A-r1"));
    note(ledger, refund_initiated("b.A", "b.A-r2", "ch_1", 10));
    note(ledger, refunded("b.A", "b.A-r2"));
    ds_ledger_rebuilt(ledger, 3);
    cr_expect_eq(ds_ledger_outstanding(ledger), 0);
    cr_expect_null(ds_ledger_take_call(ledger, 0, true));
    ds_ledger_destroy(ledger);
}

Test(ledger, new_charge_is_called_at_once_with_what_the_event_says)
{
    ds_ledger_t *ledger = with_charge();
    cr_expect_eq(ds_ledger_untried(ledger), 1);
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, false);
    cr_assert_not_null(entry);
    cr_expect_eq(ds_ledger_untried(ledger), 0);
    cr_expect_not(entry->ask_first);
    cr_expect(ds_str_eq(entry->call.key, DS_STR("b.A-c1")));
    cr_expect(ds_str_eq(entry->call.token, DS_STR("tok_ok")));
    cr_expect(ds_str_eq(entry->correlation_id, DS_STR("corr-1")));
    cr_expect_eq(entry->call.amount_minor, 2998);
    cr_expect_null(ds_ledger_take_call(ledger, 0, true), "it is taken");
    cr_expect_not(ds_ledger_called(ledger, entry, &succeeded, false, 0, 0));
    ds_ledger_destroy(ledger);
}

Test(ledger, unknown_outcome_is_asked_for_later_and_later)
{
    ds_ledger_t *ledger = with_charge();
    int64_t now = 0, due = 0;
    for (int64_t most = S; most <= 600 * S; most *= 2) {
        struct ds_entry *entry = ds_ledger_take_call(ledger, now, true);
        cr_assert_not_null(entry);
        cr_expect_not(ds_ledger_called(ledger, entry, &unknown, false, 0, now));
        cr_expect(entry->ask_first, "it may have been applied");
        cr_assert(ds_ledger_next_due(ledger, true, &due));
        int64_t limit = most < 300 * S ? most : 300 * S;
        cr_expect_geq(due - now, limit / 2);
        cr_expect_leq(due - now, limit);
        cr_expect_null(ds_ledger_take_call(ledger, due - 1, true));
        cr_expect_null(ds_ledger_take_call(ledger, due, false), "only untried ones");
        now = due;
    }
    ds_ledger_destroy(ledger);
}

Test(ledger, request_that_never_left_is_done_again_without_asking)
{
    ds_ledger_t *ledger = with_charge();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    (void)ds_ledger_called(ledger, entry, &unknown, true, 0, 0);
    cr_expect_not(entry->ask_first);
    ds_ledger_destroy(ledger);
}

Test(ledger, server_may_ask_for_a_longer_pause)
{
    ds_ledger_t *ledger = with_charge();
    int64_t due = 0;
    (void)ds_ledger_called(ledger, ds_ledger_take_call(ledger, 0, true), &unknown, false, 30 * S,
                           0);
    cr_assert(ds_ledger_next_due(ledger, true, &due));
    cr_expect_geq(due, 30 * S);
    ds_ledger_destroy(ledger);
}

Test(ledger, key_that_the_provider_does_not_know_is_done_at_once)
{
    ds_ledger_t *ledger = with_charge();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    (void)ds_ledger_called(ledger, entry, &unknown, false, 0, 0);
    entry = ds_ledger_take_call(ledger, 2 * S, true);
    cr_expect(ds_ledger_called(ledger, entry, &absent, false, 0, 2 * S));
    cr_expect_not(entry->ask_first);
    cr_expect_eq(entry->state, DS_ENTRY_CALLING);
    (void)ds_ledger_called(ledger, entry, &succeeded, false, 0, 2 * S);
    ds_ledger_destroy(ledger);
}

Test(ledger, pending_charge_is_asked_for_and_not_reported)
{
    ds_ledger_t *ledger = with_charge();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    cr_expect_not(ds_ledger_called(ledger, entry, &pending, false, 0, 0));
    cr_expect_null(ds_ledger_take_report(ledger, 100 * S));
    cr_expect_eq(entry->state, DS_ENTRY_WAITING);
    cr_expect(entry->ask_first);
    ds_ledger_destroy(ledger);
}

Test(ledger, definite_outcome_is_reported_until_it_is_kept)
{
    ds_ledger_t *ledger = with_charge();
    (void)ds_ledger_called(ledger, ds_ledger_take_call(ledger, 0, true), &succeeded, false, 0, 0);
    struct ds_entry *entry = ds_ledger_take_report(ledger, 0);
    cr_assert_not_null(entry);
    cr_expect_null(ds_ledger_take_report(ledger, 0));
    ds_ledger_reported(ledger, entry, false, 0);
    cr_expect_null(ds_ledger_take_report(ledger, 0), "after a pause");
    cr_expect_eq(ds_ledger_take_report(ledger, S), entry);
    ds_ledger_reported(ledger, entry, true, S);
    cr_expect_null(ds_ledger_take_report(ledger, 1000 * S));
    cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
    cr_expect_eq(ds_ledger_outstanding(ledger), 1, "until the event comes back");
    note(ledger, payment_success("b.A"));
    cr_expect_eq(ds_ledger_outstanding(ledger), 0);
    ds_ledger_destroy(ledger);
}

Test(ledger, outcome_in_the_log_ends_every_state)
{
    for (int state = DS_ENTRY_UNTRIED; state <= DS_ENTRY_REPORTED; state++) {
        ds_ledger_t *ledger = with_charge();
        struct ds_entry *entry = NULL;
        if (state >= DS_ENTRY_CALLING)
            entry = ds_ledger_take_call(ledger, 0, true);
        if (state >= DS_ENTRY_WAITING)
            (void)ds_ledger_called(ledger, entry, state == DS_ENTRY_WAITING ? &unknown : &succeeded,
                                   false, 0, 0);
        if (state >= DS_ENTRY_REPORTING)
            entry = ds_ledger_take_report(ledger, 0);
        if (state == DS_ENTRY_REPORTED)
            ds_ledger_reported(ledger, entry, true, 0);
        note(ledger, payment_success("b.A"));
        if (state == DS_ENTRY_CALLING)
            cr_expect_not(ds_ledger_called(ledger, entry, &succeeded, false, 0, 0));
        if (state == DS_ENTRY_REPORTING)
            ds_ledger_reported(ledger, entry, false, 0);
        cr_expect_eq(ds_ledger_outstanding(ledger), 0, "state %d", state);
        cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true), "state %d", state);
        cr_expect_null(ds_ledger_take_report(ledger, 1000 * S), "state %d", state);
        ds_ledger_destroy(ledger);
    }
}

Test(ledger, success_after_the_payment_was_given_up_is_still_reported)
{
    ds_ledger_t *ledger = with_charge();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    note(ledger, payment_failed("b.A"));
    cr_expect_not(ds_ledger_called(ledger, entry, &succeeded, false, 0, 0));
    cr_assert_eq(ds_ledger_take_report(ledger, 0), entry);
    ds_ledger_reported(ledger, entry, false, 0);
    cr_assert_eq(ds_ledger_take_report(ledger, S), entry, "and again until it is kept");
    ds_ledger_reported(ledger, entry, true, S);
    cr_expect_null(ds_ledger_take_report(ledger, 1000 * S));
    ds_ledger_destroy(ledger);
}

Test(ledger, failure_after_the_payment_was_given_up_is_no_news)
{
    ds_ledger_t *ledger = with_charge();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    note(ledger, payment_failed("b.A"));
    (void)ds_ledger_called(ledger, entry, &declined, false, 0, 0);
    cr_expect_null(ds_ledger_take_report(ledger, 1000 * S));
    ds_ledger_destroy(ledger);
}

Test(ledger, charge_given_up_is_not_done_when_the_provider_lacks_it)
{
    ds_ledger_t *ledger = with_charge();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    note(ledger, payment_failed("b.A"));
    cr_expect_not(ds_ledger_called(ledger, entry, &absent, false, 0, 0));
    cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
    ds_ledger_destroy(ledger);
}

/* --- given up for want of an answer ------------------------------------------------------------
 */

/* A charge that was called without an answer, and then given up. */
static ds_ledger_t *with_given_up(void)
{
    ds_ledger_t *ledger = with_charge();
    (void)ds_ledger_called(ledger, ds_ledger_take_call(ledger, 0, true), &unknown, false, 0, 0);
    note(ledger, payment_silent("b.A", FAILED_US));
    return ledger;
}

Test(ledger, charge_given_up_in_silence_is_asked_for_until_it_is_known)
{
    ds_ledger_t *ledger = with_given_up();
    int64_t now = 0, due = 0;
    for (int i = 0; i < 20; i++) {
        struct ds_entry *entry = ds_ledger_take_call(ledger, now, true);
        cr_assert_not_null(entry);
        cr_expect(entry->ask_first, "never done any more");
        cr_expect_not(
            ds_ledger_called(ledger, entry, i % 2 == 0 ? &unknown : &pending, true, 0, now));
        cr_assert(ds_ledger_next_due(ledger, true, &due));
        cr_expect_geq(due - now, 150 * S);
        cr_expect_leq(due - now, 300 * S);
        cr_expect_null(ds_ledger_take_call(ledger, due, false));
        now = due;
    }
    struct ds_entry *entry = ds_ledger_take_call(ledger, now, true);
    cr_expect_not(ds_ledger_called(ledger, entry, &succeeded, false, 0, now));
    cr_assert_eq(ds_ledger_take_report(ledger, now), entry);
    ds_ledger_reported(ledger, entry, false, now);
    cr_assert_eq(ds_ledger_take_report(ledger, now + S), entry, "and again until it is kept");
    ds_ledger_reported(ledger, entry, true, now + S);
    cr_expect_null(ds_ledger_take_call(ledger, now + 1000 * S, true));
    note(ledger, payment_success("b.A"));
    cr_expect_eq(ds_ledger_given_up(ledger), 0);
    ds_ledger_destroy(ledger);
}

Test(ledger, definite_no_ends_a_charge_that_was_given_up)
{
    const struct ds_provider_answer *const ends[] = {&declined, &absent};
    for (size_t i = 0; i < 2; i++) {
        ds_ledger_t *ledger = with_given_up();
        cr_expect_eq(ds_ledger_given_up(ledger), 1);
        cr_expect_eq(ds_ledger_outstanding(ledger), 0, "the log has an outcome");
        struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
        cr_assert_not_null(entry);
        cr_expect_not(ds_ledger_called(ledger, entry, ends[i], false, 0, 0));
        cr_expect_eq(ds_ledger_given_up(ledger), 0);
        cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
        cr_expect_null(ds_ledger_take_report(ledger, 1000 * S));
        ds_ledger_destroy(ledger);
    }
}

Test(ledger, charge_given_up_is_asked_for_after_a_restart_too)
{
    ds_ledger_t *ledger = new_ledger();
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    note(ledger, payment_silent("b.A", FAILED_US));
    note(ledger, payment_initiated("b.B", "b.B-c1", "tok_ok", 2998));
    cr_expect_null(ds_ledger_take_call(ledger, 0, true));
    ds_ledger_rebuilt(ledger, 3);
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    cr_assert_not_null(entry);
    cr_expect(ds_str_eq(entry->call.key, DS_STR("b.B-c1")), "those that are wanted come first");
    (void)ds_ledger_called(ledger, entry, &unknown, false, 0, 0);
    entry = ds_ledger_take_call(ledger, 0, true);
    cr_assert_not_null(entry);
    cr_expect(ds_str_eq(entry->call.key, DS_STR("b.A-c1")));
    cr_expect(entry->ask_first);
    cr_expect(entry->again);
    (void)ds_ledger_called(ledger, entry, &succeeded, false, 0, 0);
    cr_assert_eq(ds_ledger_take_report(ledger, 0), entry);
    ds_ledger_reported(ledger, entry, true, 0);
    ds_ledger_destroy(ledger);
}

Test(ledger, given_up_in_any_state_is_asked_for_or_reported)
{
    for (int state = DS_ENTRY_UNTRIED; state <= DS_ENTRY_REPORTED; state++) {
        ds_ledger_t *ledger = with_charge();
        struct ds_entry *entry = NULL;
        if (state >= DS_ENTRY_CALLING)
            entry = ds_ledger_take_call(ledger, 0, true);
        if (state >= DS_ENTRY_WAITING)
            (void)ds_ledger_called(ledger, entry, state == DS_ENTRY_WAITING ? &unknown : &succeeded,
                                   false, 0, 0);
        if (state >= DS_ENTRY_REPORTING)
            entry = ds_ledger_take_report(ledger, 0);
        if (state == DS_ENTRY_REPORTED)
            ds_ledger_reported(ledger, entry, true, 0);
        note(ledger, payment_silent("b.A", FAILED_US));
        if (state == DS_ENTRY_CALLING)
            (void)ds_ledger_called(ledger, entry, &unknown, true, 0, 0);
        if (state == DS_ENTRY_REPORTING)
            ds_ledger_reported(ledger, entry, false, 0);
        bool known = state >= DS_ENTRY_ANSWERED;
        entry = ds_ledger_take_call(ledger, 1000 * S, true);
        cr_expect_eq(entry == NULL, known, "state %d", state);
        if (entry != NULL) {
            cr_expect(entry->ask_first, "state %d", state);
            (void)ds_ledger_called(ledger, entry, &succeeded, false, 0, 1000 * S);
        }
        entry = ds_ledger_take_report(ledger, 1000 * S);
        cr_expect_eq(entry == NULL, state == DS_ENTRY_REPORTED, "state %d", state);
        if (entry != NULL)
            ds_ledger_reported(ledger, entry, true, 1000 * S);
        note(ledger, payment_success("b.A"));
        cr_expect_eq(ds_ledger_given_up(ledger), 0, "state %d", state);
        ds_ledger_destroy(ledger);
    }
}

/* Payment knows it for seven days, and would give a late success back. */
Test(ledger, charge_given_up_is_asked_for_while_payment_knows_it)
{
    ds_ledger_t *ledger = with_given_up();
    ds_ledger_expire(ledger, FAILED_US + INT64_C(6) * 24 * 3600 * S);
    struct ds_entry *entry = ds_ledger_take_call(ledger, 1000 * S, true);
    cr_assert_not_null(entry);
    cr_expect(entry->ask_first);
    (void)ds_ledger_called(ledger, entry, &succeeded, false, 0, 1000 * S);
    cr_assert_eq(ds_ledger_take_report(ledger, 1000 * S), entry);
    ds_ledger_reported(ledger, entry, true, 1000 * S);
    ds_ledger_destroy(ledger);
}

Test(ledger, charge_given_up_is_dropped_when_payment_has_forgotten_it)
{
    ds_ledger_t *ledger = with_given_up();
    ds_ledger_expire(ledger, FAILED_US + DS_GIVEN_UP_US - 1);
    cr_expect_eq(ds_ledger_given_up(ledger), 1);
    ds_ledger_expire(ledger, FAILED_US + DS_GIVEN_UP_US);
    cr_expect_eq(ds_ledger_given_up(ledger), 0);
    cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
    ds_ledger_destroy(ledger);

    /* A rebuild reads old ones as well, and never holds many of them. */
    ledger = new_ledger();
    for (int64_t day = 0; day < 10; day++) {
        note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
        note(ledger, payment_initiated("b.B", "b.B-c1", "tok_ok", 2998));
        note(ledger,
             payment_silent(day % 2 == 0 ? "b.A" : "b.B", FAILED_US + day * DS_GIVEN_UP_US));
        cr_expect_eq(ds_ledger_given_up(ledger), 1);
    }
    ds_ledger_destroy(ledger);
}

Test(ledger, what_expires_while_somebody_has_it_is_asked_for_no_more)
{
    ds_ledger_t *ledger = with_given_up();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    cr_assert_not_null(entry);
    ds_ledger_expire(ledger, FAILED_US + DS_GIVEN_UP_US);
    (void)ds_ledger_called(ledger, entry, &succeeded, false, 0, 0);
    cr_expect_null(ds_ledger_take_report(ledger, 1000 * S), "payment would not know it");
    ds_ledger_destroy(ledger);
}

Test(ledger, partition_that_leaves_takes_what_was_given_up_with_it)
{
    ds_ledger_t *ledger = with_given_up();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    ds_ledger_revoked(ledger, 3);
    cr_expect_eq(ds_ledger_given_up(ledger), 0);
    (void)ds_ledger_called(ledger, entry, &declined, false, 0, 0);
    cr_expect_null(ds_ledger_take_report(ledger, 1000 * S), "that is no news");
    ds_ledger_destroy(ledger);
}

Test(ledger, those_given_up_first_make_room)
{
    struct ds_ledger_config config = {
        .random = ds_system_random(), .provider = "sandbox", .max_entries = 2};
    ds_ledger_t *ledger = ds_ledger_new(&config);
    ds_error_t error = DS_ERROR_INIT;
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 1));
    note(ledger, payment_initiated("b.B", "b.B-c1", "tok_ok", 1));
    note(ledger, payment_silent("b.B", FAILED_US));
    note(ledger, payment_silent("b.A", FAILED_US + 1));
    cr_expect_eq(ds_ledger_dropped(ledger), 0);
    note(ledger, payment_initiated("b.C", "b.C-c1", "tok_ok", 1));
    cr_expect_eq(ds_ledger_dropped(ledger), 1);
    note(ledger, payment_success("b.A"));
    cr_expect_eq(ds_ledger_given_up(ledger), 0, "the older one had gone");
    note(ledger, payment_initiated("b.D", "b.D-c1", "tok_ok", 1));
    struct ds_payment_event more = payment_initiated("b.E", "b.E-c1", "tok_ok", 1);
    cr_expect_not(ds_ledger_event(ledger, 3, &more, &error));
    cr_expect_eq(error.code, DS_ERR_LIMIT);
    ds_ledger_destroy(ledger);
}

Test(ledger, revoked_partition_is_called_no_more_but_what_is_learnt_is_told)
{
    ds_ledger_t *ledger = with_charge();
    note(ledger, payment_initiated("b.B", "b.B-c1", "tok_ok", 5));
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    ds_ledger_revoked(ledger, 3);
    cr_expect_eq(ds_ledger_outstanding(ledger), 0);
    cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
    cr_expect_not(ds_ledger_called(ledger, entry, &succeeded, false, 0, 0));
    entry = ds_ledger_take_report(ledger, 0);
    cr_assert_not_null(entry);
    ds_ledger_reported(ledger, entry, false, 0);
    cr_expect_null(ds_ledger_take_report(ledger, 1000 * S), "its new owner asks by itself");
    ds_ledger_destroy(ledger);
}

Test(ledger, partition_assigned_again_begins_anew)
{
    ds_ledger_t *ledger = with_charge();
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    ds_ledger_assigned(ledger, 3);
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    cr_expect_null(ds_ledger_take_call(ledger, 0, true));
    (void)ds_ledger_called(ledger, entry, &unknown, false, 0, 0);
    ds_ledger_rebuilt(ledger, 3);
    cr_expect_eq(ds_ledger_outstanding(ledger), 1);
    cr_expect_eq(ds_ledger_untried(ledger), 1);
    ds_ledger_destroy(ledger);
}

Test(ledger, refund_of_another_provider_is_left_alone)
{
    ds_ledger_t *ledger = new_ledger();
    struct ds_payment_event event = refund_initiated("b.A", "b.A-r1", "x", 10);
    event.body.as.payment_refund_initiated.provider = DS_STR("elsewhere");
    note(ledger, event);
    cr_expect_eq(ds_ledger_outstanding(ledger), 0);
    ds_ledger_destroy(ledger);
}

Test(ledger, events_of_the_protocol_and_others_change_nothing)
{
    ds_ledger_t *ledger = with_charge();
    for (int32_t kind = 0; kind < DS_PAYMENT_EVENT_PAYMENT_INITIATED; kind++) {
        struct ds_payment_event event = {.body.kind = kind};
        note(ledger, event);
    }
    struct ds_payment_event lowered = {.body.kind = DS_PAYMENT_EVENT_PAYMENT_DUE_CHANGED};
    note(ledger, lowered);
    cr_expect_eq(ds_ledger_outstanding(ledger), 1);
    ds_ledger_destroy(ledger);
}

Test(ledger, too_many_are_an_error_and_the_rest_stays)
{
    struct ds_ledger_config config = {
        .random = ds_system_random(), .provider = "sandbox", .max_entries = 1};
    ds_error_t error = DS_ERROR_INIT;
    ds_ledger_t *ledger = ds_ledger_new(&config);
    struct ds_payment_event first = payment_initiated("b.A", "b.A-c1", "tok_ok", 1);
    struct ds_payment_event second = payment_initiated("b.B", "b.B-c1", "tok_ok", 1);
    cr_assert(ds_ledger_event(ledger, 3, &first, &error));
    cr_expect_not(ds_ledger_event(ledger, 3, &second, &error));
    cr_expect_eq(error.code, DS_ERR_LIMIT);
    cr_expect_eq(ds_ledger_outstanding(ledger), 1);
    ds_ledger_destroy(ledger);
}

/* --- read again --------------------------------------------------------------------------------
 */

Test(ledger, partition_that_is_read_again_keeps_what_it_holds_and_calls_none_of_it)
{
    ds_ledger_t *ledger = with_charge();
    note(ledger, payment_initiated("b.B", "b.B-c1", "tok_ok", 5));
    note(ledger, payment_initiated("b.C", "b.C-c1", "tok_ok", 5));
    struct ds_entry *calling = ds_ledger_take_call(ledger, 0, true);
    struct ds_entry *waiting = ds_ledger_take_call(ledger, 0, true);
    (void)ds_ledger_called(ledger, waiting, &unknown, false, 0, 0);
    ds_ledger_again(ledger, 3);
    cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
    cr_expect_not(ds_ledger_called(ledger, calling, &absent, false, 0, 0), "not even what is due");
    cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
    note(ledger, payment_initiated("b.B", "b.B-c1", "tok_ok", 5));
    note(ledger, payment_initiated("b.C", "b.C-c1", "tok_ok", 5));
    note(ledger, payment_success("b.C"));
    cr_expect_eq(ds_ledger_outstanding(ledger), 2);
    ds_ledger_rebuilt(ledger, 3);
    for (int i = 0; i < 2; i++) {
        struct ds_entry *entry = ds_ledger_take_call(ledger, 1000 * S, true);
        cr_assert(entry == calling || entry == waiting);
        cr_expect(entry->ask_first);
        cr_expect(entry->again);
        (void)ds_ledger_called(ledger, entry, &succeeded, false, 0, 1000 * S);
    }
    cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
    ds_ledger_destroy(ledger);
}

Test(ledger, answer_and_report_outlive_that_their_partition_is_read_again)
{
    for (int state = DS_ENTRY_ANSWERED; state <= DS_ENTRY_REPORTED; state++) {
        ds_ledger_t *ledger = with_charge();
        (void)ds_ledger_called(ledger, ds_ledger_take_call(ledger, 0, true), &succeeded, false, 0,
                               0);
        struct ds_entry *entry = NULL;
        if (state >= DS_ENTRY_REPORTING)
            entry = ds_ledger_take_report(ledger, 0);
        if (state == DS_ENTRY_REPORTED)
            ds_ledger_reported(ledger, entry, true, 0);
        ds_ledger_again(ledger, 3);
        note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
        if (state == DS_ENTRY_ANSWERED)
            entry = ds_ledger_take_report(ledger, 0);
        if (state < DS_ENTRY_REPORTED)
            ds_ledger_reported(ledger, entry, true, 0);
        ds_ledger_rebuilt(ledger, 3);
        cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true), "state %d", state);
        cr_expect_null(ds_ledger_take_report(ledger, 1000 * S), "state %d", state);
        cr_expect_eq(ds_ledger_outstanding(ledger), 1, "state %d", state);
        note(ledger, payment_success("b.A"));
        cr_expect_eq(ds_ledger_outstanding(ledger), 0, "state %d", state);
        ds_ledger_destroy(ledger);
    }
}

Test(ledger, charge_given_up_stays_given_up_when_it_is_read_again)
{
    ds_ledger_t *ledger = with_given_up();
    ds_ledger_again(ledger, 3);
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 2998));
    note(ledger, payment_silent("b.A", FAILED_US));
    cr_expect_null(ds_ledger_take_call(ledger, 1000 * S, true));
    ds_ledger_rebuilt(ledger, 3);
    cr_expect_eq(ds_ledger_given_up(ledger), 1);
    struct ds_entry *entry = ds_ledger_take_call(ledger, 0, true);
    cr_assert_not_null(entry);
    cr_expect_not(ds_ledger_called(ledger, entry, &absent, false, 0, 0), "never done any more");
    cr_expect_eq(ds_ledger_given_up(ledger), 0);
    ds_ledger_destroy(ledger);
}

Test(ledger, what_it_holds_already_needs_no_room)
{
    struct ds_ledger_config config = {
        .random = ds_system_random(), .provider = "sandbox", .max_entries = 2};
    ds_ledger_t *ledger = ds_ledger_new(&config);
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 1));
    cr_expect(ds_ledger_has_room(ledger));
    note(ledger, payment_initiated("b.B", "b.B-c1", "tok_ok", 1));
    cr_expect_not(ds_ledger_has_room(ledger));
    note(ledger, payment_initiated("b.A", "b.A-c1", "tok_ok", 1));
    note(ledger, payment_silent("b.A", FAILED_US));
    cr_expect_not(ds_ledger_has_room(ledger), "what was given up may have been called");
    note(ledger, payment_success("b.B"));
    cr_expect(ds_ledger_has_room(ledger));
    cr_expect_eq(ds_ledger_max(ledger), 2);
    ds_ledger_destroy(ledger);
}
