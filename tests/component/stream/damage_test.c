/* Damage stops a partition and is never skipped over: protocol R13. */
#include "rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 4);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(damage, .init = set_up, .fini = tear_down, .timeout = 300);

/* The partition stops, and says nothing more in the log. */
static void stops(void)
{
    int64_t end;

    rig_run(&rig, 3000000);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(rig_metric(&rig, "doorstep_partitions_stopped_total"), 1);
    end = ds_fake_end(rig.log, RIG_EVENTS, 0);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_run(&rig, 3000000);
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), end);
}

static void start(void)
{
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
}

Test(damage, jump_in_commands)
{
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    ds_fake_skip_offset(rig.log, RIG_COMMANDS, 0);
    rig_receive(&rig, 0, NULL, 1, 1);
    stops();
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 1);
}

Test(damage, jump_in_an_event_input)
{
    rig_begin(&rig);
    rig_order_cancelled(&rig, 0);
    ds_fake_skip_offset(rig.log, RIG_ORDERS, 0);
    rig_order_cancelled(&rig, 0);
    stops();
    cr_assert_eq(rig_fold(&rig, 0).counter.orders, 1);
}

Test(damage, later_epoch_in_an_event_input)
{
    rig_begin(&rig);
    rig_order_cancelled(&rig, 0);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 2, .seq = 1}, true);
    stops();
}

Test(damage, claim_that_leaves_out_an_epoch)
{
    rig_begin(&rig);
    rig_order_cancelled(&rig, 0);
    rig_order_claim(&rig, 0, 3);
    stops();
}

Test(damage, jump_in_the_own_log)
{
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    ds_fake_skip_offset(rig.log, RIG_EVENTS, 0);
    rig_foreign_claim(&rig, 0, 2);
    start();
    stops();
}

Test(damage, open_that_contradicts_what_was_read)
{
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    rig_begin(&rig);
    rig_kill(&rig, 0);
    /* the tail of epoch 1 is gone: the Open of epoch 2 names a seq that the log no longer holds */
    {
        const struct ds_fake_record *claim = ds_fake_record(rig.log, RIG_EVENTS, 0, 3);
        const struct ds_fake_record *open = ds_fake_record(rig.log, RIG_EVENTS, 0, 4);

        ds_fake_truncate(rig.log, RIG_EVENTS, 0, 2);
        ds_fake_append(rig.log, RIG_EVENTS, 0, claim->key, claim->value);
        ds_fake_append(rig.log, RIG_EVENTS, 0, open->key, open->value);
    }
    start();
    stops();
}

Test(damage, own_log_without_its_beginning)
{
    rig_begin(&rig);
    rig_kill(&rig, 0);
    ds_fake_drop_before(rig.log, RIG_EVENTS, 0, 1);
    start();
    stops();
}

Test(damage, own_log_cut_off_under_a_running_owner)
{
    rig_begin(&rig);
    for (int i = 0; i < 5; i++)
        rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    ds_fake_truncate(rig.log, RIG_EVENTS, 0, 4);
    rig_run(&rig, 3000000);
    stops();
}

Test(damage, commands_lost_before_they_were_read)
{
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_receive(&rig, 0, NULL, 1, 1);
    ds_fake_drop_before(rig.log, RIG_COMMANDS, 0, 2);
    start();
    stops();
}

Test(damage, commands_that_end_before_what_was_decided)
{
    rig_begin(&rig);
    for (int i = 0; i < 5; i++)
        rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    ds_fake_truncate(rig.log, RIG_COMMANDS, 0, 2);
    start();
    stops();
}

Test(damage, commands_refilled_with_others)
{
    rig_begin(&rig);
    for (int i = 0; i < 3; i++)
        rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    ds_fake_truncate(rig.log, RIG_COMMANDS, 0, 0);
    for (int i = 0; i < 5; i++)
        rig_receive(&rig, 0, NULL, 1, 9);
    start();
    stops();
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 3);
}

Test(damage, commands_past_their_retention_are_not_missed_when_they_were_decided)
{
    rig_begin(&rig);
    for (int i = 0; i < 3; i++)
        rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    ds_fake_drop_before(rig.log, RIG_COMMANDS, 0, 3);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 4);
}

Test(damage, of_one_partition_leaves_the_others_alone)
{
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 2);
    rig_settle(&rig);
    ds_fake_skip_offset(rig.log, RIG_COMMANDS, 0);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_receive(&rig, 1, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(rig_state(&rig, 0, 1), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_fold(&rig, 1).counter.total, 1);
}

Test(damage, stopped_partition_stays_stopped_when_the_group_gives_it_again)
{
    rig_begin(&rig);
    ds_fake_skip_offset(rig.log, RIG_COMMANDS, 0);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_assign(&rig, 0, 0, 1);
    stops();
}
