#include "gateways/notifications/ledger.h"

#include <criterion/criterion.h>

#define S       DS_US_PER_S
#define WALL_US INT64_C(1800000000000000)

static ds_notice_ledger_t *ledger;

static void make(size_t max_waiting, size_t unnoted_max)
{
    const struct ds_notice_ledger_config config = {
        .random = ds_system_random(),
        .first_pause_us = 4 * S,
        .max_pause_us = 16 * S,
        .max_age_us = 3600 * S,
        .max_waiting = max_waiting,
        .unnoted_max = unnoted_max,
    };
    ledger = ds_notice_ledger_new(&config);
    cr_assert_not_null(ledger);
    ds_notice_ledger_assigned(ledger, 0);
    ds_notice_ledger_assigned(ledger, 1);
}

static void start(void)
{
    make(0, 8);
}

static void stop(void)
{
    ds_notice_ledger_destroy(ledger);
}

TestSuite(ledger, .init = start, .fini = stop);

/* An event of an order at an offset of order.events/0, `age_s` seconds ago. */
static bool add_of(enum ds_notice_topic topic, const char *order, int64_t offset, int64_t age_s)
{
    bool full = false;
    ds_error_t error = DS_ERROR_INIT;
    struct ds_notice notice = {
        .order_id = ds_str(order), .event_id = DS_STR("e"), .at_us = WALL_US - age_s * S};
    cr_assert(ds_notice_ledger_add(ledger, 0, topic, offset, &notice, &full, &error));
    return !full;
}

static bool add(const char *order, int64_t offset, int64_t age_s)
{
    return add_of(DS_NOTICE_ORDER, order, offset, age_s);
}

static struct ds_ledger_entry *take(int64_t offset, int64_t now_s)
{
    struct ds_ledger_entry *entry = ds_notice_ledger_take(ledger, now_s * S, WALL_US);
    cr_assert_not_null(entry);
    cr_assert_eq(entry->offset, offset);
    return entry;
}

static void told(struct ds_ledger_entry *entry, enum ds_told outcome, int64_t now_s)
{
    const struct ds_told_answer answer = {.told = outcome};
    ds_notice_ledger_told(ledger, entry, &answer, now_s * S);
}

static void note(int64_t offset, enum ds_told outcome)
{
    struct ds_ledger_entry *entry = ds_notice_ledger_take_note(ledger);
    cr_assert_not_null(entry);
    cr_assert_eq(entry->offset, offset);
    cr_assert_eq(entry->outcome, outcome);
    ds_notice_ledger_noted(ledger, entry, true);
}

static void expect_nothing(int64_t now_s)
{
    cr_expect_null(ds_notice_ledger_take(ledger, now_s * S, WALL_US));
}

static void expect_position(int64_t next, size_t beyond)
{
    int64_t list[8];
    size_t count;
    cr_expect_eq(ds_notice_ledger_position(ledger, 0, DS_NOTICE_ORDER, 1000, list, 8, &count),
                 next);
    cr_expect_eq(count, beyond);
}

Test(ledger, the_next_of_an_order_waits_for_the_note_of_the_one_before)
{
    cr_assert(add("a", 10, 9) && add("a", 11, 8) && add("b", 12, 7));
    struct ds_ledger_entry *first = take(10, 0);
    struct ds_ledger_entry *other = take(12, 0);
    expect_nothing(0);
    told(first, DS_TOLD_SENT, 0);
    expect_nothing(0);
    note(10, DS_TOLD_SENT);
    told(take(11, 0), DS_TOLD_SENT, 0);
    told(other, DS_TOLD_REFUSED, 0);
    note(11, DS_TOLD_SENT);
    note(12, DS_TOLD_REFUSED);
    cr_expect_eq(ds_notice_ledger_count(ledger), 0);
    expect_position(1000, 0);
}

Test(ledger, what_happened_earlier_is_told_earlier)
{
    cr_assert(add_of(DS_NOTICE_DELIVERY, "a", 5, 1) && add("a", 10, 9) && add("a", 11, 5));
    told(take(10, 0), DS_TOLD_SENT, 0);
    note(10, DS_TOLD_SENT);
    cr_assert(add("a", 12, 7)); /* before one that waits, behind none that was tried */
    told(take(12, 0), DS_TOLD_SENT, 0);
    note(12, DS_TOLD_SENT);
    told(take(11, 0), DS_TOLD_SENT, 0);
    note(11, DS_TOLD_SENT);
    told(take(5, 0), DS_TOLD_SENT, 0);
    note(5, DS_TOLD_SENT);
}

Test(ledger, one_that_was_tried_keeps_its_place)
{
    cr_assert(add("a", 10, 5));
    told(take(10, 0), DS_TOLD_LATER, 0);
    cr_assert(add("a", 11, 9));
    expect_nothing(1);
    told(take(10, 100), DS_TOLD_SENT, 100);
    note(10, DS_TOLD_SENT);
    told(take(11, 100), DS_TOLD_SENT, 100);
    note(11, DS_TOLD_SENT);
}

Test(ledger, pauses_grow_to_their_maximum)
{
    int64_t due_us, now_s = 0;
    cr_assert(add("a", 10, 1));
    static const int64_t at_most_s[] = {4, 8, 16, 16, 16};
    for (size_t i = 0; i < 5; i++) {
        told(take(10, now_s), DS_TOLD_LATER, now_s);
        cr_assert(ds_notice_ledger_next_due(ledger, &due_us));
        cr_expect_geq(due_us - now_s * S, at_most_s[i] * S / 2);
        cr_expect_leq(due_us - now_s * S, at_most_s[i] * S);
        expect_nothing(now_s);
        now_s += at_most_s[i];
    }
    const struct ds_told_answer asked = {.told = DS_TOLD_LATER, .retry_after_us = 3600 * S};
    ds_notice_ledger_told(ledger, take(10, now_s), &asked, now_s * S);
    cr_assert(ds_notice_ledger_next_due(ledger, &due_us));
    cr_expect_eq(due_us, (now_s + 16) * S);
}

Test(ledger, what_is_too_old_is_not_told)
{
    cr_assert(add("a", 10, 3601) && add("b", 11, 3599));
    struct ds_ledger_entry *entry = take(11, 0);
    told(entry, DS_TOLD_SENT, 0);
    note(10, DS_TOLD_EXPIRED);
    note(11, DS_TOLD_SENT);
}

Test(ledger, positions_know_what_is_told_behind_an_open_one)
{
    expect_position(1000, 0);
    cr_assert(add("a", 10, 3) && add("b", 20, 2) && add("c", 30, 1));
    expect_position(10, 0);
    struct ds_ledger_entry *a = take(10, 0);
    told(take(20, 0), DS_TOLD_SENT, 0);
    expect_position(10, 1); /* told is enough: it is true */
    note(20, DS_TOLD_SENT);
    expect_position(10, 1);
    told(take(30, 0), DS_TOLD_SENT, 0);
    note(30, DS_TOLD_SENT);
    expect_position(10, 2);
    told(a, DS_TOLD_SENT, 0);
    expect_position(1000, 0);
    note(10, DS_TOLD_SENT);
    expect_position(1000, 0);
}

Test(ledger, positions_know_what_the_notes_knew)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_notice_ledger_add_over(ledger, 0, DS_NOTICE_ORDER, 5, &error));
    cr_assert(add("a", 10, 3));
    cr_assert(ds_notice_ledger_add_over(ledger, 0, DS_NOTICE_ORDER, 20, &error));
    expect_position(10, 1);
}

Test(ledger, a_note_that_was_not_kept_is_noted_again_and_nothing_is_told_again)
{
    cr_assert(add("a", 10, 3));
    told(take(10, 0), DS_TOLD_SENT, 0);
    ds_notice_ledger_noted(ledger, ds_notice_ledger_take_note(ledger), false);
    expect_nothing(1000);
    note(10, DS_TOLD_SENT);
    cr_expect_eq(ds_notice_ledger_count(ledger), 0);
}

Test(ledger, a_partition_that_goes_takes_what_waits_and_leaves_what_is_under_way)
{
    cr_assert(add("a", 10, 3) && add("a", 11, 2) && add("b", 12, 1) && add("c", 13, 1));
    struct ds_ledger_entry *a = take(10, 0);
    struct ds_ledger_entry *b = take(12, 0);
    ds_notice_ledger_revoked(ledger, 0);
    cr_expect(ds_notice_ledger_busy(ledger, 0));
    cr_expect_not(ds_notice_ledger_busy(ledger, 1));
    expect_nothing(0);
    told(a, DS_TOLD_SENT, 0);
    told(b, DS_TOLD_LATER, 0);
    note(10, DS_TOLD_SENT);
    cr_expect_not(ds_notice_ledger_busy(ledger, 0));
    cr_expect_eq(ds_notice_ledger_count(ledger), 0);
    expect_nothing(1000);
}

Test(ledger, only_so_many_are_told_and_not_noted)
{
    stop();
    make(0, 2);
    cr_assert(add("a", 10, 3) && add("b", 11, 2) && add("c", 12, 1));
    struct ds_ledger_entry *a = take(10, 0);
    told(take(11, 0), DS_TOLD_SENT, 0);
    expect_nothing(0);
    told(a, DS_TOLD_LATER, 0);
    told(take(12, 0), DS_TOLD_SENT, 0);
    expect_nothing(100);
    note(11, DS_TOLD_SENT);
    note(12, DS_TOLD_SENT);
    told(take(10, 100), DS_TOLD_SENT, 100);
    note(10, DS_TOLD_SENT);
}

Test(ledger, a_full_channel_puts_off_and_asks_for_the_partition_again)
{
    stop();
    make(4, 8);
    for (int64_t i = 0; i < 4; i++)
        cr_assert(add((const char *[]){"a", "b", "c", "d"}[i], i, 9));
    cr_expect_not(add("e", 4, 9));
    cr_expect_not(add("f", 5, 9));
    expect_position(0, 0);
    for (int64_t i = 0; i < 4; i++) {
        cr_expect_eq(ds_notice_ledger_wants_again(ledger, 0), i >= 2);
        told(take(i, 0), DS_TOLD_SENT, 0);
        note(i, DS_TOLD_SENT);
        cr_expect_not(add("g", 6 + i, 9), "one that was put off comes first");
    }
    expect_position(4, 0);
    ds_notice_ledger_assigned(ledger, 0);
    cr_expect(add("e", 4, 9));
    told(take(4, 0), DS_TOLD_SENT, 0);
    note(4, DS_TOLD_SENT);
}
