/* Threads of a channel, with a channel that does as it is told. */
#include "line.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static struct ds_runtime runtime;
static atomic_int sends;
static atomic_bool hangs;

static void pause_ms(long ms)
{
    const struct timespec pause = {0, ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        for (int turns_ = 0; turns_ < 2000 && !(condition); turns_++)                              \
            pause_ms(5);                                                                           \
        cr_assert(condition);                                                                      \
    } while (0)

static void send_one(void *line, const struct ds_notice *notice, const atomic_bool *stop,
                     struct ds_told_answer *answer)
{
    (void)line, (void)notice;
    while (atomic_load(&hangs) && !atomic_load(stop))
        pause_ms(1);
    atomic_fetch_add(&sends, 1);
    answer->told = atomic_load(stop) ? DS_TOLD_LATER : DS_TOLD_SENT;
}

static const struct ds_channel_ops ops = {line_open, line_close, send_one};

static ds_sender_t *start(size_t threads)
{
    runtime = line_runtime();
    ds_sender_t *sender = line_sender(&runtime, &ops, DS_CHANNEL_EMAIL, threads);
    ds_sender_assigned(sender, 0);
    return sender;
}

static void end(ds_sender_t *sender)
{
    ds_sender_destroy(sender);
    ds_metrics_destroy(runtime.metrics);
}

static void add(ds_sender_t *sender, const char *order, int64_t offset)
{
    ds_error_t error = DS_ERROR_INIT;
    const struct ds_notice notice = {.order_id = ds_str(order),
                                     .event_id = DS_STR("e"),
                                     .at_us = ds_now_us(runtime.clock) + offset};
    cr_assert(ds_sender_add(sender, 0, DS_NOTICE_ORDER, offset, &notice, &error));
}

static void allow(ds_sender_t *sender)
{
    ds_sender_allow(sender, ds_monotonic_us(runtime.clock) + 60 * DS_US_PER_S);
}

static struct ds_ledger_entry *wait_note(ds_sender_t *sender)
{
    struct ds_ledger_entry *entry = ds_sender_take_note(sender);
    for (int turns = 0; turns < 2000 && entry == NULL; turns++) {
        pause_ms(5);
        entry = ds_sender_take_note(sender);
    }
    cr_assert_not_null(entry);
    return entry;
}

TestSuite(sender, .timeout = 300);

Test(sender, sends_all_that_is_given_and_hands_it_out_to_be_noted)
{
    ds_sender_t *sender = start(4);
    allow(sender);
    for (int64_t i = 0; i < 100; i++)
        add(sender, (const char *[]){"a", "b", "c", "d", "e"}[i % 5], i);
    for (int64_t i = 0; i < 100; i++)
        ds_sender_noted(sender, wait_note(sender), true);
    cr_expect_eq(atomic_load(&sends), 100);
    cr_expect_not(ds_sender_active(sender));
    cr_expect_not(ds_sender_busy(sender, 0));
    end(sender);
}

Test(sender, does_not_send_again_what_could_not_be_noted)
{
    ds_sender_t *sender = start(1);
    allow(sender);
    add(sender, "a", 1);
    for (int i = 0; i < 3; i++)
        ds_sender_noted(sender, wait_note(sender), false);
    ds_sender_noted(sender, wait_note(sender), true);
    add(sender, "b", 2);
    ds_sender_noted(sender, wait_note(sender), true);
    cr_expect_eq(atomic_load(&sends), 2);
    end(sender);
}

/* The second is given when leave has ended: were it sent without, it would be among the notes. */
Test(sender, sends_by_leave_only)
{
    ds_sender_t *sender = start(1);
    allow(sender);
    add(sender, "a", 1);
    struct ds_ledger_entry *first = wait_note(sender);
    ds_sender_allow(sender, 0);
    ds_sender_noted(sender, first, true);
    add(sender, "b", 2);
    add(sender, "c", 3);
    ds_sender_revoked(sender, 0);
    add(sender, "d", 4);
    cr_expect_null(ds_sender_take_note(sender));
    allow(sender);
    struct ds_ledger_entry *entry = wait_note(sender);
    cr_expect_eq(entry->offset, 4);
    ds_sender_noted(sender, entry, true);
    cr_expect_eq(atomic_load(&sends), 2);
    end(sender);
}

Test(sender, a_send_that_hangs_does_not_keep_it_from_ending)
{
    ds_sender_t *sender = start(2);
    atomic_store(&hangs, true);
    allow(sender);
    add(sender, "a", 1);
    WAIT_FOR(ds_sender_busy(sender, 0));
    ds_sender_stop(sender, 0);
    cr_expect_null(ds_sender_take_note(sender));
    end(sender);
}
