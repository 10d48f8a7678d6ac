/* From decision to confirmed record: protocol R3, R4, R5. */
#include "rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 2);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(writer, .init = set_up, .fini = tear_down, .timeout = 300);

static struct rig_fold check(void)
{
    struct rig_fold fold = rig_fold(&rig, 0);

    cr_assert(!fold.damaged);
    cr_assert(rig_each_once(&rig, 0));
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(ds_host_unacked(rig.hosts[0], 0), 0);
    cr_assert_eq(rig_counter(&rig, 0, 0)->digest, fold.counter.digest);
    return fold;
}

static void script(struct rig_script *s)
{
    ds_fake_set_fate(rig.log, rig_fate, s);
}

/* Ten commands of two records, with one fault at seq 5, then time to mend. */
static struct rig_fold run_with(enum ds_fake_fate fate)
{
    struct rig_script s = {RIG_EVENTS, 5, 5, 1, fate};

    rig_begin(&rig);
    script(&s);
    for (int i = 0; i < 10; i++) {
        rig_receive(&rig, 0, NULL, 2, 1);
        if (i % 3 == 0)
            rig_settle(&rig);
    }
    rig_run(&rig, 20000000);
    cr_assert_eq(s.count, 0);
    return check();
}

Test(writer, failed_delivery_ends_the_epoch)
{
    struct rig_fold fold = run_with(DS_FATE_LOSE);

    cr_assert_eq(fold.counter.total, 20);
    cr_assert_eq(fold.decisions, 10);
    cr_assert_eq(fold.fence.epoch, 2);
}

Test(writer, failed_delivery_that_landed_is_not_decided_again)
{
    struct rig_fold fold = run_with(DS_FATE_FAIL_AFTER);

    cr_assert_eq(fold.counter.total, 20);
    cr_assert_eq(fold.decisions, 10);
    cr_assert_eq(fold.fence.epoch, 2);
}

Test(writer, acknowledged_record_that_is_not_in_the_log_ends_the_epoch)
{
    struct rig_fold fold = run_with(DS_FATE_LOSE_SILENTLY);

    cr_assert_eq(fold.counter.total, 20);
    cr_assert_eq(fold.decisions, 10);
    cr_assert_eq(fold.fence.epoch, 2);
}

Test(writer, acknowledged_last_record_that_is_not_in_the_log_ends_the_epoch)
{
    struct rig_script s = {RIG_EVENTS, 3, 3, 1, DS_FATE_LOSE_SILENTLY};

    rig_begin(&rig);
    script(&s);
    rig_receive(&rig, 0, NULL, 2, 1); /* nothing comes behind it that would show the hole */
    rig_run(&rig, 20000000);
    cr_assert_eq(check().counter.total, 2);
    cr_assert_eq(rig_fold(&rig, 0).fence.epoch, 2);
}

Test(writer, own_record_behind_a_hole_ends_the_epoch_at_once)
{
    struct rig_script s = {RIG_EVENTS, 2, 2, 1, DS_FATE_LOSE_SILENTLY};

    rig_begin(&rig);
    script(&s);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig); /* the clock stands: the log itself shows it */
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_WAITING);
    rig_run(&rig, 3000000);
    cr_assert_eq(check().counter.total, 2);
}

Test(writer, report_without_an_offset_is_settled_by_reading)
{
    struct rig_fold fold = run_with(DS_FATE_NO_OFFSET);

    cr_assert_eq(fold.counter.total, 20);
    cr_assert_eq(fold.fence.epoch, 1);
    cr_assert(!ds_fake_reads(rig.brokers[0], 2, 0)); /* and reading stops when it is settled */
}

Test(writer, wrong_offset_is_not_believed)
{
    struct rig_fold fold = run_with(DS_FATE_WRONG_OFFSET);

    cr_assert_eq(fold.counter.total, 20);
    cr_assert_eq(fold.fence.epoch, 1);
}

Test(writer, record_that_stands_twice_in_the_log_counts_once)
{
    struct rig_fold fold = run_with(DS_FATE_DUPLICATE);

    cr_assert_eq(fold.counter.total, 20);
    cr_assert_eq(fold.skipped[DS_FENCE_SKIP_GAP], 1);
}

Test(writer, record_refused_by_the_producer_ends_the_epoch)
{
    struct rig_fold fold = run_with(DS_FATE_REFUSE);

    cr_assert_eq(fold.counter.total, 20);
    cr_assert_eq(fold.decisions, 10);
    cr_assert_eq(fold.fence.epoch, 2);
}

Test(writer, nothing_follows_a_failed_delivery_under_that_epoch)
{
    struct rig_script s = {RIG_EVENTS, 3, 1000, 1000, DS_FATE_HOLD};

    rig_begin(&rig);
    script(&s);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    s.count = 0;
    ds_fake_release(rig.log, 0, DS_FATE_LOSE);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), 3); /* Claim, Open, seq 2 */
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_WAITING);
    rig_run(&rig, 3000000);
    cr_assert_eq(check().counter.total, 4);
}

Test(writer, full_queue_is_tried_again_with_the_same_record_first)
{
    struct rig_script s = {RIG_EVENTS, 3, 3, 7, DS_FATE_FULL};
    struct rig_fold fold;

    rig_begin(&rig);
    script(&s);
    for (int i = 0; i < 5; i++)
        rig_receive(&rig, 0, NULL, 3, 1); /* seq 3 is in the middle of the first decision */
    rig_settle(&rig);
    cr_assert_eq(s.count, 0);
    fold = check();
    cr_assert_eq(fold.fence.epoch, 1);
    cr_assert_eq(fold.counter.total, 15);
    cr_assert_eq(fold.records, 17);
}

Test(writer, full_queue_stops_inputs_and_nothing_else)
{
    struct rig_script s = {RIG_EVENTS, 2, 2, 1000000, DS_FATE_FULL};

    rig_begin(&rig);
    script(&s);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_receive(&rig, 0, NULL, 1, 1);
    for (int i = 0; i < 50; i++)
        rig_step(&rig, 0);
    cr_assert_eq(rig_counter(&rig, 0, 0)->total, 1); /* the second is not decided on top of it */
    s.count = 0;
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 2);
}

Test(writer, full_queue_between_the_records_of_an_input_decision_loses_none)
{
    struct rig_script s = {RIG_EVENTS, 3, 3, 7, DS_FATE_FULL};
    struct rig_fold fold;

    rig_order_claim(&rig, 0, 1);
    rig_begin(&rig);
    script(&s);
    for (int64_t seq = 1; seq <= 4; seq++)
        rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = seq, .more = seq < 4}, true);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(s.count, 0);
    fold = check();
    cr_assert_eq(fold.counter.orders, 4);
    cr_assert_eq(fold.counter.total, 1);
    cr_assert_eq(fold.fence.epoch, 1);
}

Test(writer, queue_that_stays_full_ends_the_epoch_so_that_others_go_on)
{
    struct rig_script s = {RIG_EVENTS, 2, 2, 1000000, DS_FATE_FULL};

    rig_begin(&rig);
    script(&s);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_run(&rig, 11000000);
    cr_assert_eq(rig_metric(&rig, "doorstep_epochs_lost_total"), 1);
    s.count = 0;
    rig_run(&rig, 5000000);
    cr_assert_eq(check().counter.total, 1);
}

static void small_bound(struct ds_host_config *config)
{
    config->max_unacked = 8;
}

Test(writer, unacknowledged_records_are_bounded)
{
    struct rig_script s = {RIG_EVENTS, 2, 1000, 1000000, DS_FATE_HOLD};

    rig_start(&rig, 0, small_bound);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    script(&s);
    for (int i = 0; i < 50; i++)
        rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    cr_assert_eq(ds_fake_held(rig.log), 8);
    cr_assert_eq(ds_host_unacked(rig.hosts[0], 0), 8);
    s.count = 0;
    rig_release(&rig, DS_FATE_DELIVER);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 100);
    cr_assert_eq(rig_fold(&rig, 0).fence.epoch, 1);
}

/* Host 0 runs both partitions with a small bound; the third record of partition 0 will be reported
 * without an offset. */
static void begin_small(struct rig_script *s)
{
    *s = (struct rig_script){RIG_EVENTS, 3, 3, 1, DS_FATE_NO_OFFSET};
    rig_start(&rig, 0, small_bound);
    rig_assign(&rig, 0, 0, 2);
    rig_settle(&rig);
    script(s);
}

static void receive(int32_t p, int count)
{
    for (int i = 0; i < count; i++)
        rig_receive(&rig, p, NULL, 2, 1);
}

Test(writer, full_partition_settles_and_keeps_its_epoch)
{
    struct rig_script s;

    begin_small(&s);
    receive(0, 50);
    rig_run(&rig, 1000000);
    cr_assert_eq(s.count, 0);
    cr_assert_eq(check().counter.total, 100);
    cr_assert_eq(rig_fold(&rig, 0).fence.epoch, 1);
    cr_assert_eq(rig_metric(&rig, "doorstep_epochs_lost_total"), 0);
    cr_assert(!ds_fake_reads(rig.brokers[0], 2, 0));
}

Test(writer, full_partition_that_settles_does_not_hold_up_another)
{
    struct rig_script s;

    begin_small(&s);
    receive(0, 20);
    rig_step(&rig, 0);
    cr_assert_eq(s.count, 0);
    ds_fake_silence(rig.log, RIG_EVENTS); /* what it waits for does not come */
    receive(1, 20);
    rig_run(&rig, 5000000);
    cr_assert_eq(rig_counter(&rig, 0, 1)->total, 40);
    cr_assert_lt(rig_counter(&rig, 0, 0)->total, 40);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, 1000000);
    cr_assert_eq(check().counter.total, 40);
    cr_assert_eq(rig_fold(&rig, 0).fence.epoch, 1);
}

/* One of them in the middle of a decision of another processor. */
Test(writer, inputs_go_on_where_a_settling_partition_left_them)
{
    struct rig_script s;
    struct rig_fold fold;

    begin_small(&s);
    rig_order_claim(&rig, 0, 1);
    for (int64_t seq = 1; seq <= 2; seq++)
        rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = seq, .more = true}, true);
    rig_settle(&rig);
    receive(0, 30);
    rig_step(&rig, 0);
    ds_fake_silence(rig.log, RIG_EVENTS);
    rig_run(&rig, 1000000);
    cr_assert(!ds_fake_reads(rig.brokers[0], 0, 0));
    cr_assert(!ds_fake_reads(rig.brokers[0], 1, 0));
    for (int64_t seq = 3; seq <= 4; seq++)
        rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = seq, .more = seq < 4}, true);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, 1000000);
    fold = check();
    cr_assert_eq(fold.counter.total, 60);
    cr_assert_eq(fold.counter.orders, 4);
    cr_assert_eq(fold.fence.epoch, 1);
}

/* Reports keep coming, of records that are not there either. */
Test(writer, later_reports_do_not_put_off_the_search_for_an_acknowledged_record)
{
    struct rig_script s = {RIG_EVENTS, 2, 1000, 1000, DS_FATE_LOSE_SILENTLY};

    rig_begin(&rig);
    script(&s);
    for (int i = 0; i < 12; i++) {
        rig_receive(&rig, 0, NULL, 1, 1);
        rig_run(&rig, 1000000);
    }
    cr_assert_eq(rig_metric(&rig, "doorstep_epochs_lost_total"), 1);
    s.count = 0;
    rig_run(&rig, 20000000);
    cr_assert_eq(check().counter.total, 12);
}

Test(writer, decision_of_too_many_records_is_refused_and_changes_nothing)
{
    const struct ds_inventory_event *refusal;

    rig_begin(&rig);
    rig_count(&rig, 0, "s", 257);
    rig_count(&rig, 0, "s", 256);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 256);
    refusal = rig_last(&rig, 0, DS_INVENTORY_EVENT_COMMAND_REJECTED);
    cr_assert_not_null(refusal);
    cr_assert(ds_str_eq(refusal->body.as.command_rejected.reason, DS_STR("TOO_LARGE")));
    cr_assert_eq(refusal->meta.cause.as.input_cause.offset, 0);
}

Test(writer, record_over_the_size_is_refused_and_changes_nothing)
{
    rig_begin(&rig);
    rig_count(&rig, 0, "huge", 1);
    rig_receive(&rig, 0, NULL, 1, 3);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 3);
    cr_assert_eq(rig_fold(&rig, 0).kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 1);
}

Test(writer, foreign_claim_is_noticed_with_the_next_record)
{
    struct rig_fold fold;

    rig_begin(&rig);
    rig_foreign_claim(&rig, 0, 2);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig); /* the clock stands: not the idle check */
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_WAITING);
    rig_run(&rig, 3000000);
    fold = check();
    cr_assert_eq(fold.counter.total, 2);
    cr_assert_eq(fold.fence.epoch, 3);
    cr_assert_eq(rig_metric(&rig, "doorstep_epochs_lost_total"), 1);
}

Test(writer, foreign_claim_is_noticed_while_idle)
{
    rig_begin(&rig);
    rig_foreign_claim(&rig, 0, 2);
    rig_run(&rig, 5000000);
    cr_assert_eq(check().fence.epoch, 3);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 2);
}

Test(writer, stranger_in_the_own_log_costs_no_epoch)
{
    struct rig_fold fold;

    rig_begin(&rig);
    ds_fake_append(rig.log, RIG_EVENTS, 0, DS_STR("x"), (ds_bytes_t){(const uint8_t *)"hello", 5});
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    rig_foreign_event(&rig, 0, 0, 9, false);
    rig_run(&rig, 5000000);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.fence.epoch, 1);
    cr_assert_eq(fold.counter.total, 4);
    cr_assert_eq(fold.skipped[DS_FENCE_SKIP_STRANGER], 1);
    cr_assert_eq(fold.skipped[DS_FENCE_SKIP_OLD_EPOCH], 1);
}

Test(writer, lost_producer_is_renewed_and_the_partitions_claimed_again)
{
    struct rig_script s = {RIG_EVENTS, 3, 3, 1, DS_FATE_HOLD};
    struct rig_fold fold;

    rig_begin(&rig);
    script(&s);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    ds_fake_lose_producer(rig.brokers[0]);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_run(&rig, 3000000);
    cr_assert_eq(ds_fake_renewals(rig.brokers[0]), 1);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_run(&rig, 3000000);
    fold = check();
    cr_assert_eq(fold.counter.total, 4);
    cr_assert_eq(fold.decisions, 2);
}

Test(writer, events_are_named_after_their_cause)
{
    const struct ds_inventory_event *event;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_receive(&rig, 0, NULL, 3, 1);
    rig_settle(&rig);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    cr_assert(ds_str_eq(event->meta.event_id, DS_STR("inventory-0-0-1-2")));
    cr_assert(!event->meta.more);
    cr_assert(ds_str_eq(event->context.correlation_id, DS_STR("c")));
    cr_assert(event->context.has_command);
    cr_assert_eq(event->context.command.appended_at, RIG_START_US);
}

Test(writer, records_carry_key_and_type)
{
    const struct ds_fake_record *record;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    record = ds_fake_record(rig.log, RIG_EVENTS, 0, 2);
    cr_assert(ds_str_eq(record->key, rig_key(0)));
    cr_assert_eq(record->header_count, 1);
    cr_assert_str_eq(record->headers[0].name, "ce_type");
    cr_assert(ds_str_eq((ds_str_t){(const char *)record->headers[0].value.data,
                                   record->headers[0].value.len},
                        DS_STR("inventory.updated")));
}

Test(writer, hints_are_given_for_confirmed_inputs_only)
{
    struct rig_script s = {RIG_EVENTS, 2, 2, 1, DS_FATE_HOLD};

    rig_begin(&rig);
    script(&s);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_run(&rig, 7000000);
    cr_assert_eq(ds_fake_hint(rig.brokers[0], 0, 0), 0);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_run(&rig, 7000000);
    cr_assert_eq(ds_fake_hint(rig.brokers[0], 0, 0), 1);
}

Test(writer, hints_that_do_not_change_are_rare)
{
    int before;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_run(&rig, 12000000);
    before = ds_fake_commits(rig.brokers[0]);
    rig_run(&rig, 600000000);
    cr_assert_leq(ds_fake_commits(rig.brokers[0]) - before, 10);
    cr_assert_geq(ds_fake_commits(rig.brokers[0]) - before, 9);
}

/* Many seeds of random faults: the log stays one history, every command is decided once, and in the
 * end all are. */
static enum ds_fake_fate random_fate(void *random, const struct ds_fake_append *append)
{
    static const enum ds_fake_fate faults[] = {DS_FATE_HOLD,          DS_FATE_LOSE,
                                               DS_FATE_LOSE_SILENTLY, DS_FATE_FAIL_AFTER,
                                               DS_FATE_NO_OFFSET,     DS_FATE_WRONG_OFFSET,
                                               DS_FATE_DUPLICATE,     DS_FATE_NO_REPORT,
                                               DS_FATE_FULL,          DS_FATE_REFUSE};
    uint64_t dice = ds_fake_random_next(random);

    (void)append;
    return dice % 8 == 0 ? faults[(dice >> 8) % 10] : DS_FATE_DELIVER;
}

static void random_turn(struct ds_fake_random *dice, void (*change)(struct ds_host_config *config))
{
    uint64_t what = ds_fake_random_next(dice) % 100;
    int host = (int)(ds_fake_random_next(dice) % 2);

    if (what < 30)
        rig_receive(&rig, 0, NULL, 1 + (int)(ds_fake_random_next(dice) % 4), 1);
    else if (what < 40)
        rig_order_cancelled(&rig, 0);
    else if (what < 46 && ds_fake_held(rig.log) > 0)
        ds_fake_release(rig.log, ds_fake_random_next(dice) % ds_fake_held(rig.log),
                        DS_FATE_DELIVER);
    else if (what < 48) {
        rig_kill(&rig, host);
        rig_start(&rig, host, change);
        rig_assign(&rig, host, 0, 1);
    } else if (what < 50)
        ds_fake_revoke(rig.brokers[host]);
    else if (what < 52)
        rig_assign(&rig, host, 0, 1);
    else if (what < 53)
        ds_fake_lose_producer(rig.brokers[host]);
    else if (what < 60)
        rig_run(&rig, 10000 * (int64_t)(1 + ds_fake_random_next(dice) % 100));
    else
        rig_step(&rig, host);
}

static void random_run(uint64_t seed, void (*change)(struct ds_host_config *config))
{
    struct ds_fake_random dice;
    struct rig_fold fold;
    int64_t commands;

    tear_down();
    rig_init(&rig, seed);
    ds_fake_random_init(&dice, seed * 7919);
    rig_start(&rig, 0, change);
    rig_start(&rig, 1, change);
    rig_assign(&rig, 0, 0, 1);
    ds_fake_set_fate(rig.log, random_fate, &dice);
    for (int n = 0; n < 600; n++)
        random_turn(&dice, change);
    ds_fake_set_fate(rig.log, NULL, NULL);
    ds_fake_revoke(rig.brokers[1]);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 60000000);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_run(&rig, 60000000);
    commands = ds_fake_end(rig.log, RIG_COMMANDS, 0);
    fold = rig_fold(&rig, 0);
    cr_assert(!fold.damaged, "seed %lu", (unsigned long)seed);
    cr_assert(rig_each_once(&rig, 0), "seed %lu", (unsigned long)seed);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING, "seed %lu", (unsigned long)seed);
    cr_assert_eq(fold.decisions - fold.counter.orders, commands, "seed %lu", (unsigned long)seed);
    cr_assert_eq(fold.counter.orders, rig.order_seq, "seed %lu", (unsigned long)seed);
    cr_assert_eq(rig_counter(&rig, 0, 0)->digest, fold.counter.digest, "seed %lu",
                 (unsigned long)seed);
}

Test(writer, random_faults_never_change_what_is_decided)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        random_run(seed, NULL);
}

Test(writer, random_faults_at_the_bound_change_nothing_either)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        random_run(seed, small_bound);
}
