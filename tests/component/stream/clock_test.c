/* An owner whose clock is wrong decides nothing: the time of a log never goes back. */
#include "base/limits.h"
#include "rig.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 23);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(clock, .init = set_up, .fini = tear_down, .timeout = 60);

/* The workers' clock is set; the broker's is right. */
static void be_ahead(int64_t us)
{
    static int64_t was_us;

    rig.time.now_us += us - was_us;
    ds_fake_log_ahead(rig.log, -us);
    was_us = us;
}

/* It is set, and the broker knows of no other time (CreateTime). */
static void set_all(int64_t us)
{
    rig.time.now_us += us;
}

static void start(void)
{
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
}

static int64_t wrong(void)
{
    return rig_metric(&rig, "doorstep_clock_wrong_total");
}

static int64_t seconds_ahead(void)
{
    const struct ds_label labels[] = {{"processor", "inventory"}, {"partition", "0"}, {NULL, NULL}};

    return ds_metric_value(
        ds_metrics_get(rig.runtime.metrics, DS_GAUGE, "doorstep_log_ahead_seconds", "", labels));
}

static void refuses(int64_t ahead_us)
{
    struct rig_fold fold;

    be_ahead(ahead_us);
    rig_receive(&rig, 0, NULL, 1, 1);
    start();
    rig_run(&rig, 10 * SECOND);
    cr_assert_neq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_metric(&rig, "doorstep_claims_total"), 1, "it tries again after a pause");
    cr_assert_eq(wrong(), 1);
    rig_run(&rig, 120 * SECOND);
    cr_assert_gt(wrong(), 1);
    fold = rig_fold(&rig, 0);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_OPEN], 0);
    cr_assert_eq(fold.counter.total, 0);
    be_ahead(0);
    rig_run(&rig, 30 * SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 1);
    cr_assert_leq(rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED)->meta.at,
                  rig.time.now_us);
    cr_assert_eq(seconds_ahead(), 0);
}

Test(clock, owner_that_is_ahead_opens_nothing_until_it_is_put_right)
{
    refuses(DAY);
}

Test(clock, owner_that_is_behind_opens_nothing_until_it_is_put_right)
{
    refuses(-DAY);
}

Test(clock, owner_that_was_refused_costs_the_next_one_nothing)
{
    rig_begin(&rig);
    rig_deadline(&rig, 0, "s.p", 100 * SECOND);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    be_ahead(DAY);
    start();
    cr_assert_eq(wrong(), 1);
    rig_kill(&rig, 0);
    be_ahead(0);
    cr_assert_leq(rig_last(&rig, 0, DS_INVENTORY_EVENT_CLAIM)->meta.at, rig.time.now_us);
    rig_begin(&rig);
    rig_run(&rig, 50 * SECOND);
    cr_assert_eq(rig_fold(&rig, 0).counter.fired, 0);
    rig_run(&rig, 60 * SECOND);
    cr_assert_eq(rig_fold(&rig, 0).counter.fired, 1);
}

Test(clock, seconds_apart_are_nothing)
{
    be_ahead(30 * SECOND);
    rig_begin(&rig);
    rig_kill(&rig, 0);
    be_ahead(-30 * SECOND);
    rig_begin(&rig);
    cr_assert_eq(wrong(), 0);
}

Test(clock, one_that_is_set_while_running_ends_the_epoch_before_it_decides)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        int64_t lost = rig_metric(&rig, "doorstep_epochs_lost_total");
        int64_t total = rig_fold(&rig, 0).counter.total;

        start();
        rig_run(&rig, 100 * SECOND);
        rig_deadline(&rig, 0, "s.p", 3600 * SECOND);
        rig_settle(&rig);
        be_ahead(sign * DAY);
        rig_receive(&rig, 0, NULL, 1, 1);
        rig_run(&rig, 10 * SECOND);
        cr_assert_eq(rig_metric(&rig, "doorstep_epochs_lost_total"), lost + 1);
        cr_assert_eq(rig_fold(&rig, 0).counter.total, total);
        cr_assert_eq(rig_fold(&rig, 0).counter.fired, 0);
        be_ahead(0);
        rig_run(&rig, 30 * SECOND);
        cr_assert_eq(rig_fold(&rig, 0).counter.total, total + 1);
        cr_assert_leq(rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED)->meta.at,
                      rig.time.now_us);
        rig_kill(&rig, 0);
    }
}

/* Its deadlines would stand still for an hour, and nothing else happens there. */
Test(clock, one_that_is_set_back_is_noticed_where_nothing_happens)
{
    start();
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_deadline(&rig, 0, "s.p", 100 * SECOND);
    rig_settle(&rig);
    be_ahead(-3600 * SECOND);
    rig_run(&rig, 30 * SECOND);
    cr_assert_gt(wrong(), 0);
    cr_assert_eq(seconds_ahead(), 0, "the log is right");
    be_ahead(0);
    rig_run(&rig, 120 * SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_fold(&rig, 0).counter.fired, 1);
}

Test(clock, no_deadline_fires_by_one_that_was_set)
{
    start();
    rig_deadline(&rig, 0, "s.p", 3600 * SECOND);
    rig_settle(&rig);
    be_ahead(DAY);
    rig_run(&rig, 30 * SECOND);
    cr_assert_eq(rig_fold(&rig, 0).counter.fired, 0);
    cr_assert_neq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
    be_ahead(0);
    rig_run(&rig, 30 * SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_fold(&rig, 0).counter.fired, 0);
}

/* What cannot be decided leaves as a dead letter, and only once. */
Test(clock, what_was_rejected_as_it_was_set_is_rejected_once)
{
    start();
    be_ahead(DAY);
    ds_fake_append(rig.log, RIG_COMMANDS, 0, rig_key(0), (ds_bytes_t){(const uint8_t *)"?", 1});
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 0);
    be_ahead(0);
    rig_run(&rig, 40 * SECOND);
    cr_assert_eq(rig_fold(&rig, 0).kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 1);
}

/* Where records have their sender's time nothing can be told of a clock; that it was set can. */
Test(clock, one_that_is_set_where_nothing_else_tells_the_time_goes_on_in_a_new_epoch)
{
    start();
    set_all(DAY);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(rig_fold(&rig, 0).fence.epoch, 2);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 1);
    cr_assert_eq(wrong(), 1);
}

Test(clock, log_that_is_ahead_already_is_named_until_the_time_has_caught_up)
{
    set_all(1000 * SECOND);
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    set_all(-1000 * SECOND);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING, "the log's time is no clock");
    cr_assert_gt(seconds_ahead(), 900);
    for (int64_t s = 0; s < 1000; s += 100)
        ds_fake_time_add(&rig.time, 100 * SECOND);
    rig_run(&rig, SECOND);
    cr_assert_eq(seconds_ahead(), 0);
}
