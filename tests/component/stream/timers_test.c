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

TestSuite(timers, .init = set_up, .fini = tear_down, .timeout = 60);

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
