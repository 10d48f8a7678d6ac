/* Deadlines: protocol R10. */
#include "rig.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 5);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(timers, .init = set_up, .fini = tear_down, .timeout = 300);

static int64_t fired(void)
{
    return rig_fold(&rig, 0).counter.fired;
}

Test(timers, deadline_fires_once_and_not_before_its_time)
{
    const struct ds_inventory_event *event;
    int64_t due = RIG_START_US + 10 * SECOND;

    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 10 * SECOND);
    rig_settle(&rig);
    rig_run(&rig, 9 * SECOND);
    cr_assert_eq(fired(), 0);
    rig_run(&rig, 2 * SECOND);
    cr_assert_eq(fired(), 1);
    rig_run(&rig, 20 * SECOND);
    cr_assert_eq(fired(), 1);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    cr_assert_eq(event->meta.cause.kind, DS_META_CAUSE_TIMER_CAUSE);
    cr_assert(ds_str_eq(event->meta.cause.as.timer_cause.aggregate, DS_STR("s.p")));
    cr_assert_eq(event->meta.cause.as.timer_cause.kind, 7);
    cr_assert_eq(event->meta.cause.as.timer_cause.due_at, due);
    cr_assert(ds_str_eq(event->meta.event_id, DS_STR("inventory-0-t-s.p-7-1700000010000000-0")));
    cr_assert(event->meta.at >= due);
}

Test(timers, deadline_outlives_its_owner)
{
    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 10 * SECOND);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    ds_fake_time_add(&rig.time, 60 * SECOND);
    rig_begin(&rig);
    rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 1);
}

Test(timers, deadline_that_was_decided_but_lost_fires_again)
{
    struct rig_script s = {RIG_EVENTS, 3, 3, 1, DS_FATE_LOSE};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    rig_deadline(&rig, 0, "s.p", SECOND);
    rig_run(&rig, 10 * SECOND);
    cr_assert_eq(s.count, 0);
    cr_assert_eq(fired(), 1);
}

Test(timers, inputs_that_have_not_arrived_hold_deadlines_back)
{
    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    ds_fake_silence(rig.log, RIG_ORDERS);
    rig_order_cancelled(&rig, 0); /* it came in time, but nobody has read it yet */
    rig_run(&rig, 20 * SECOND);
    cr_assert_eq(fired(), 0);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 1);
    cr_assert_eq(rig_fold(&rig, 0).counter.orders, 1);
    /* first what had arrived, then the deadline */
    cr_assert_eq(rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED)->meta.seq,
                 rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_RELEASED)->meta.seq + 1);
}

Test(timers, after_an_outage_the_backlog_goes_first)
{
    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    for (int i = 0; i < 2000; i++)
        rig_receive(&rig, 0, NULL, 1, 1);
    ds_fake_time_add(&rig.time, 3600 * SECOND);
    rig_begin(&rig);
    rig_run(&rig, 2 * SECOND);
    cr_assert_eq(fired(), 1);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 2000);
    cr_assert_eq(rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED)->meta.cause.kind,
                 DS_META_CAUSE_TIMER_CAUSE);
}

Test(timers, input_that_stays_silent_holds_deadlines_back_for_the_grace_only)
{
    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    ds_fake_silence(rig.log, RIG_ORDERS);
    rig_order_cancelled(&rig, 0);
    rig_run(&rig, 34 * SECOND);
    cr_assert_eq(fired(), 0);
    rig_run(&rig, 3 * SECOND);
    cr_assert_eq(fired(), 1);
}

Test(timers, end_that_cannot_be_asked_for_holds_deadlines_back_for_the_grace_only)
{
    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    ds_fake_fail_ends(rig.log, RIG_ORDERS);
    rig_run(&rig, 30 * SECOND);
    cr_assert_eq(fired(), 0);
    rig_run(&rig, 10 * SECOND);
    cr_assert_eq(fired(), 1);
    cr_assert_lt(ds_fake_questions(rig.brokers[0]), 200); /* and it did not ask all the time */
}

/* Host 0 owns both partitions. */
static void begin_both(void)
{
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 2);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_state(&rig, 0, 1), DS_PARTITION_RUNNING);
}

/* One call asks about all partitions, and fails when one leader does not answer. */
Test(timers, leader_that_does_not_answer_holds_back_no_deadline_of_other_partitions)
{
    begin_both();
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    ds_fake_deafen(rig.log, RIG_EVENTS, 1);
    rig_run(&rig, 4 * SECOND);
    cr_assert_eq(fired(), 0);
    rig_run(&rig, 6 * SECOND);
    cr_assert_eq(fired(), 1);
}

Test(timers, leader_of_an_input_that_does_not_answer_holds_deadlines_back_for_the_grace_only)
{
    int64_t began_us;

    begin_both();
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    began_us = rig.time.monotonic_us;
    ds_fake_deafen(rig.log, RIG_ORDERS, 0);
    while (rig.time.monotonic_us - began_us < 34 * SECOND)
        rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 0);
    while (rig.time.monotonic_us - began_us < 45 * SECOND)
        rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 1);
}

/* The grace is over for the one that stands still, and not for those that deadlines did not wait
 * for so far: they may have got something since. */
Test(timers, input_that_stands_still_takes_no_grace_from_the_others)
{
    begin_both();
    rig_deadline(&rig, 0, "s.first", 5 * SECOND);
    rig_deadline(&rig, 0, "s.second", 10 * SECOND);
    rig_settle(&rig);
    ds_fake_deafen(rig.log, RIG_ORDERS, 0);
    rig_run(&rig, 20 * SECOND);
    cr_assert_eq(fired(), 0);
    ds_fake_silence(rig.log, RIG_COMMANDS);
    rig_receive(&rig, 0, NULL, 1, 1); /* it came in time, but nobody has read it yet */
    for (int i = 0; i < 4000 && fired() == 0; i++)
        rig_run(&rig, SECOND / 100);
    rig_run(&rig, 10 * SECOND);
    cr_assert_eq(fired(), 1);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 2);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 1);
    /* first what had arrived, then the deadline */
    cr_assert_eq(rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED)->meta.cause.kind,
                 DS_META_CAUSE_TIMER_CAUSE);
}

/* While records are under way all the time no idle partition's end is asked for: that somebody
 * answers must be found out all the same. */
Test(timers, busy_owner_fires_after_the_grace_too)
{
    struct rig_script s = {RIG_EVENTS, 2, INT64_C(1) << 39, 1 << 30, DS_FATE_HOLD};
    int64_t began_us;

    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    began_us = rig.time.monotonic_us;
    ds_fake_set_fate(rig.log, rig_fate, &s);
    ds_fake_deafen(rig.log, RIG_ORDERS, 0);
    while (rig.time.monotonic_us - began_us < 45 * SECOND) {
        rig_receive(&rig, 0, NULL, 1, 1);
        rig_run(&rig, SECOND);
        if (ds_fake_held(rig.log) > 1)
            ds_fake_release(rig.log, 0, DS_FATE_DELIVER);
    }
    ds_fake_set_fate(rig.log, NULL, NULL);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_settle(&rig);
    cr_assert_eq(fired(), 1);
}

Test(timers, leader_that_does_not_answer_blocks_its_host_for_a_small_part_of_the_time)
{
    int64_t began_us;
    int64_t stood_us = 0;

    begin_both();
    ds_fake_deafen(rig.log, RIG_EVENTS, 1);
    began_us = rig.time.monotonic_us;
    while (rig.time.monotonic_us - began_us < 60 * SECOND) {
        int64_t before_us;

        ds_fake_time_add(&rig.time, 10000);
        before_us = rig.time.monotonic_us;
        rig_step(&rig, 0);
        cr_assert_leq(rig.time.monotonic_us - before_us, SECOND); /* one such call a turn */
        stood_us += rig.time.monotonic_us - before_us;
    }
    cr_assert_lt(stood_us, 15 * SECOND);
    ds_fake_deafen(rig.log, NULL, 0);
    rig_receive(&rig, 1, NULL, 1, 1);
    rig_run(&rig, SECOND);
    cr_assert_eq(rig_fold(&rig, 1).counter.total, 1);
}

/* Nobody is found to be away so far: the requests only stay without an answer. */
Test(timers, none_fires_while_no_leader_answers)
{
    int64_t began_us;

    begin_both();
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_order_claim(&rig, 0, 1);
    rig_settle(&rig);
    ds_fake_deafen(rig.log, RIG_EVENTS, -1);
    ds_fake_silence(rig.log, RIG_ORDERS);
    rig_order_cancelled(&rig, 0);
    began_us = rig.time.monotonic_us;
    while (rig.time.monotonic_us - began_us < 120 * SECOND)
        rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 0);
    ds_fake_deafen(rig.log, NULL, 0);
    rig_run(&rig, 10 * SECOND);
    cr_assert_eq(fired(), 0);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 1);
    cr_assert_eq(rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED)->meta.seq,
                 rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_RELEASED)->meta.seq + 1);
}

Test(timers, deadline_that_its_decision_leaves_in_place_stops_the_partition)
{
    rig_begin(&rig);
    rig_deadline(&rig, 0, "stuck", SECOND);
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
    cr_assert_leq(fired(), 1);
}

Test(timers, time_of_decisions_never_goes_back)
{
    int64_t before;

    rig_begin(&rig);
    ds_fake_time_add(&rig.time, 100 * SECOND);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    before = rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED)->meta.at;
    rig_kill(&rig, 0);
    rig.time.now_us -= 50 * SECOND; /* the next owner's clock is behind */
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_geq(rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED)->meta.at, before);
}

Test(timers, deadline_is_due_by_the_time_of_the_log_not_by_a_slow_clock)
{
    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    ds_fake_time_add(&rig.time, 4 * SECOND);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    rig.time.now_us -= 60 * SECOND;
    rig_begin(&rig);
    rig_run(&rig, 2 * SECOND);
    cr_assert_eq(fired(), 0);
    rig_run(&rig, 70 * SECOND);
    cr_assert_eq(fired(), 1);
}
