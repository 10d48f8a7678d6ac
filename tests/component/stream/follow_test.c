/* Followers: a warm copy writes nothing, disturbs nobody, and is an owner's memory when its turn
 * comes. */
#include "snapshot_kit.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 3);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(follow, .init = set_up, .fini = tear_down, .timeout = 300);

static void one_copy(struct ds_host_config *config)
{
    config->standby = 1;
}

static void copies_of_all(struct ds_host_config *config)
{
    config->standby = 100;
}

static void inventory_with_copy(struct ds_host_config *config)
{
    kit_inventory(config);
    config->standby = 2;
}

/* Host i is a member that owns nothing. */
static void start_follower(int i, void (*change)(struct ds_host_config *config))
{
    rig_start(&rig, i, change);
    rig_assign(&rig, i, 0, 0);
    rig_run(&rig, 3 * SECOND);
}

static void own(int i, int32_t from, int32_t to)
{
    rig_start(&rig, i, NULL);
    rig_assign(&rig, i, from, to);
    rig_settle(&rig);
}

static void receive(int32_t partition, int count)
{
    for (int n = 0; n < count; n++)
        rig_receive(&rig, partition, NULL, 2, 1);
    rig_run(&rig, 3 * SECOND);
}

static void must_be_fold(int host, int32_t partition, enum ds_host_partition state)
{
    struct rig_fold fold = rig_fold(&rig, partition);

    cr_assert_eq(rig_state(&rig, host, partition), state);
    cr_assert_eq(rig_counter(&rig, host, partition)->digest, fold.counter.digest);
}

static int64_t own_read(void)
{
    return rig_metric(&rig, "doorstep_own_records_read_total");
}

static int64_t lag_of(const char *partition)
{
    const struct ds_label labels[] = {
        {"processor", "inventory"}, {"partition", partition}, {NULL, NULL}};

    return ds_metric_value(
        ds_metrics_get(rig.runtime.metrics, DS_GAUGE, "doorstep_standby_lag_records", "", labels));
}

Test(follow, copy_is_the_fold_and_writes_nothing)
{
    own(0, 0, 1);
    receive(0, 20);
    start_follower(1, copies_of_all);
    must_be_fold(1, 0, DS_PARTITION_FOLLOWING);
    receive(0, 20);
    must_be_fold(1, 0, DS_PARTITION_FOLLOWING);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 80);
    cr_assert_eq(rig_fold(&rig, 0).kinds[DS_INVENTORY_EVENT_CLAIM], 1);
    cr_assert(ds_host_ready(rig.hosts[1]));
}

Test(follow, taking_over_does_not_read_again)
{
    const void *memory;
    int64_t read;

    own(0, 0, 1);
    receive(0, 50);
    start_follower(1, copies_of_all);
    memory = rig_counter(&rig, 1, 0);
    rig_kill(&rig, 0);
    read = own_read();
    rig_assign(&rig, 1, 0, 1);
    rig_settle(&rig);
    must_be_fold(1, 0, DS_PARTITION_RUNNING);
    cr_assert_eq((const void *)rig_counter(&rig, 1, 0), memory);
    cr_assert_leq(own_read() - read, 1, "its own Claim");
    receive(0, 10);
    must_be_fold(1, 0, DS_PARTITION_RUNNING);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 120);
    cr_assert(rig_each_once(&rig, 0));
}

Test(follow, owner_that_loses_its_partition_goes_on_as_its_follower)
{
    const void *memory;

    own(0, 0, 1);
    rig_start(&rig, 1, copies_of_all);
    rig_assign(&rig, 1, 1, 2);
    rig_run(&rig, 3 * SECOND);
    must_be_fold(1, 0, DS_PARTITION_FOLLOWING);
    rig_assign(&rig, 1, 0, 2); /* to 1, and back again */
    rig_settle(&rig);
    receive(0, 10);
    must_be_fold(1, 0, DS_PARTITION_RUNNING);
    memory = rig_counter(&rig, 1, 0);
    rig_assign(&rig, 1, 1, 2);
    rig_assign(&rig, 0, 0, 1);
    receive(0, 10);
    rig_run(&rig, 120 * SECOND); /* longer than memory is kept that is of no use */
    must_be_fold(0, 0, DS_PARTITION_RUNNING);
    must_be_fold(1, 0, DS_PARTITION_FOLLOWING);
    cr_assert_eq((const void *)rig_counter(&rig, 1, 0), memory);
    cr_assert_eq(rig_state(&rig, 1, 1), DS_PARTITION_RUNNING);
}

/* What it decided last never got there; the next owner's Claim says so. */
Test(follow, copy_that_was_ahead_of_the_log_becomes_the_fold)
{
    struct rig_script lose = {RIG_EVENTS, 4, INT64_MAX, 1000, DS_FATE_HOLD};

    rig_start(&rig, 0, copies_of_all);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &lose);
    receive(0, 10);
    ds_fake_set_fate(rig.log, NULL, NULL);
    rig_assign(&rig, 0, 0, 0);
    rig_run(&rig, 3 * SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_FOLLOWING);
    own(1, 0, 1);
    receive(0, 3);
    must_be_fold(1, 0, DS_PARTITION_RUNNING);
    must_be_fold(0, 0, DS_PARTITION_FOLLOWING);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 26);
}

Test(follow, no_more_than_so_many)
{
    own(0, 0, 2);
    receive(0, 3);
    receive(1, 3);
    start_follower(1, one_copy);
    cr_assert_eq(ds_host_count(rig.hosts[1], DS_PARTITION_FOLLOWING), 1);
    start_follower(2, copies_of_all);
    must_be_fold(2, 0, DS_PARTITION_FOLLOWING);
    must_be_fold(2, 1, DS_PARTITION_FOLLOWING);
}

Test(follow, lag_is_what_it_has_not_read)
{
    own(0, 0, 1);
    receive(0, 5);
    start_follower(1, copies_of_all);
    cr_assert_eq(lag_of("0"), 0);
    rig_stop(&rig, 0);
    ds_fake_silence(rig.log, RIG_EVENTS);
    for (int64_t seq = 0; seq < 7; seq++)
        rig_foreign_event(&rig, 0, 0, seq, false);
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(lag_of("0"), 7);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(lag_of("0"), 0);
}

/* ---- damage ---- */

Test(follow, log_that_lost_its_end_stops_the_copy_and_nothing_else)
{
    int64_t end;

    own(0, 0, 1);
    receive(0, 5);
    rig_start(&rig, 1, copies_of_all);
    rig_assign(&rig, 1, 1, 2);
    rig_run(&rig, 3 * SECOND);
    must_be_fold(1, 0, DS_PARTITION_FOLLOWING);
    rig_kill(&rig, 0);
    ds_fake_truncate(rig.log, RIG_EVENTS, 0, 6);
    rig_run(&rig, 30 * SECOND);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(rig_metric(&rig, "doorstep_standby_stopped_total"), 1);
    cr_assert_eq(rig_metric(&rig, "doorstep_partitions_stopped_total"), 0);
    receive(1, 5);
    must_be_fold(1, 1, DS_PARTITION_RUNNING);
    cr_assert(ds_host_ready(rig.hosts[1]));
    end = ds_fake_end(rig.log, RIG_EVENTS, 0);
    rig_assign(&rig, 1, 0, 2); /* who knows that the log lost something does not go on with it */
    rig_run(&rig, 10 * SECOND);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(rig_metric(&rig, "doorstep_partitions_stopped_total"), 1);
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), end);
    must_be_fold(1, 1, DS_PARTITION_RUNNING);
}

/* The tail was lost, and others went on from there: their Open does not name what was read. */
Test(follow, another_history_is_noticed_at_its_open)
{
    own(0, 0, 1);
    receive(0, 5);
    start_follower(1, copies_of_all);
    rig_kill(&rig, 0);
    ds_fake_silence(rig.log, RIG_EVENTS);
    ds_fake_truncate(rig.log, RIG_EVENTS, 0, 8);
    for (int64_t i = 0; i < 20; i++) /* ghosts of the first epoch: beyond what it has read */
        rig_foreign_event(&rig, 0, 1, 1, false);
    rig_start(&rig, 2, NULL);
    rig_assign(&rig, 2, 0, 1);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(rig_state(&rig, 2, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_STOPPED);
}

/* ---- with snapshots ---- */

static void fill(int from)
{
    for (int first = from; first < from + 600; first += 20)
        kit_receive(&rig, first, 20, 1000);
    rig_run(&rig, 2 * SECOND);
}

Test(follow, begins_with_a_snapshot_and_takes_over_warm)
{
    int64_t read;

    rig_start(&rig, 0, kit_inventory);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    for (int i = 0; i < 10; i++)
        fill(600 * i);
    cr_assert_geq(kit_last(&rig, -1).at, 0);
    read = own_read();
    start_follower(1, inventory_with_copy);
    cr_assert_eq(rig_metric(&rig, "doorstep_snapshots_restored_total"), 1);
    cr_assert_leq(own_read() - read,
                  ds_fake_end(rig.log, RIG_EVENTS, 0) - kit_last(&rig, -1).offset);
    kit_check_state(&rig, 1);
    fill(0);
    rig_kill(&rig, 0);
    read = own_read();
    rig_assign(&rig, 1, 0, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_RUNNING);
    cr_assert_leq(own_read() - read, 1);
    for (int i = 0; i < 10; i++)
        fill(600 * i);
    cr_assert_eq(kit_last(&rig, -1).epoch, 2);
    cr_assert_geq(kit_check_snapshots(&rig), 2);
    kit_check_state(&rig, 1);
}

/* Memory of a partition that was another's for long is dropped; it comes back from a snapshot. */
Test(follow, without_a_copy_a_snapshot_is_read_when_it_comes_back)
{
    rig_start(&rig, 0, kit_inventory);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    for (int i = 0; i < 10; i++)
        fill(600 * i);
    cr_assert_geq(kit_last(&rig, -1).at, 0);
    ds_fake_revoke(rig.brokers[0]);
    rig_run(&rig, 90 * SECOND);
    cr_assert_null(ds_host_state(rig.hosts[0], 0));
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_metric(&rig, "doorstep_snapshots_restored_total"), 1);
    kit_check_state(&rig, 0);
}

/* A read that gets no answer begins anew: with the snapshot again, not with all of the log. */
Test(follow, copy_whose_snapshot_does_not_come_at_first_reads_it_later)
{
    int64_t read;

    rig_start(&rig, 0, kit_inventory);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    for (int i = 0; i < 10; i++)
        fill(600 * i);
    cr_assert_geq(kit_last(&rig, -1).at, 0);
    ds_fake_silence(rig.log, RIG_SNAPSHOTS);
    read = own_read();
    start_follower(1, inventory_with_copy);
    rig_run(&rig, 35 * SECOND);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, 15 * SECOND);
    kit_check_state(&rig, 1);
    cr_assert_eq(rig_metric(&rig, "doorstep_snapshots_restored_total"), 1);
    cr_assert_leq(own_read() - read,
                  ds_fake_end(rig.log, RIG_EVENTS, 0) - kit_last(&rig, -1).offset);
}
