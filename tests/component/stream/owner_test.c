/* Becoming the owner, staying it, losing it: protocol R1, R2, R6, R12. */
#include "rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 1);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(owner, .init = set_up, .fini = tear_down, .timeout = 300);

/* The log holds what the running host believes, and nothing in it was decided twice. */
static struct rig_fold check(int host)
{
    struct rig_fold fold = rig_fold(&rig, 0);

    cr_assert(!fold.damaged);
    cr_assert(rig_each_once(&rig, 0));
    cr_assert_eq(rig_state(&rig, host, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(ds_host_unacked(rig.hosts[host], 0), 0);
    cr_assert_eq(rig_counter(&rig, host, 0)->digest, fold.counter.digest);
    return fold;
}

Test(owner, opens_an_epoch_and_decides_commands)
{
    struct rig_fold fold;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_receive(&rig, 0, NULL, 3, 2);
    rig_settle(&rig);
    fold = check(0);
    cr_assert_eq(fold.counter.total, 11);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_CLAIM], 1);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_OPEN], 1);
    cr_assert_eq(fold.decisions, 2);
}

Test(owner, claim_is_found_by_its_nonce_whatever_the_report_says)
{
    struct rig_script script = {RIG_EVENTS, 0, 0, 1, DS_FATE_WRONG_OFFSET};

    rig_foreign_event(&rig, 0, 0, 1, false); /* somebody else's rubbish: the Claim stands at 1 */
    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_settle(&rig);
    cr_assert_eq(check(0).counter.total, 5);
}

Test(owner, claim_without_any_report_is_found_in_the_log)
{
    struct rig_script script = {RIG_EVENTS, 0, 0, 1, DS_FATE_NO_REPORT};

    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_begin(&rig);
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_CLAIM], 1);
}

Test(owner, loser_of_a_claim_writes_nothing_under_that_epoch)
{
    struct rig_script script = {RIG_EVENTS, 0, 0, 1, DS_FATE_HOLD};
    struct rig_fold fold;

    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    rig_foreign_claim(&rig, 0, 1);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_settle(&rig);
    cr_assert_neq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    rig_run(&rig, 2000000);
    fold = check(0);
    cr_assert_eq(fold.fence.epoch, 2);
    cr_assert_eq(fold.skipped[DS_FENCE_SKIP_LOST_CLAIM], 1);
    cr_assert_eq(fold.skipped[DS_FENCE_SKIP_GAP] + fold.skipped[DS_FENCE_SKIP_OLD_EPOCH], 0);
    cr_assert_eq(fold.counter.total, 5);
}

Test(owner, each_attempt_at_a_claim_has_a_fresh_nonce)
{
    struct rig_script script = {RIG_EVENTS, 0, 0, 1, DS_FATE_HOLD};
    struct ds_inventory_event first = {0};
    struct ds_inventory_event second = {0};
    ds_arena_t *arena = ds_arena_new(4096, 1024 * 1024);
    ds_error_t error = DS_ERROR_INIT;

    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 20000000); /* the first is abandoned, the second wins */
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(ds_fake_held(rig.log), 1);
    rig_release(&rig,
                DS_FATE_DELIVER); /* the ghost lands at last: its epoch has begun without it */
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_run(&rig, 3000000);
    cr_assert_eq(check(0).fence.epoch, 1);
    cr_assert(ds_schema_decode(&ds_schema_inventory_events,
                               ds_fake_record(rig.log, RIG_EVENTS, 0, 0)->value, arena, &first,
                               NULL, &error));
    cr_assert(ds_schema_decode(&ds_schema_inventory_events,
                               ds_fake_record(rig.log, RIG_EVENTS, 0, 2)->value, arena, &second,
                               NULL, &error));
    cr_assert_eq(second.body.kind, DS_INVENTORY_EVENT_CLAIM);
    cr_assert(!ds_str_eq(first.body.as.claim.nonce, second.body.as.claim.nonce));
    ds_arena_destroy(arena);
}

Test(owner, a_delayed_claim_of_its_own_next_epoch_costs_an_attempt_and_no_more)
{
    struct rig_script script = {RIG_EVENTS, 0, 0, 1, DS_FATE_HOLD};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_foreign_claim(&rig, 0, 2);
    rig_run(&rig, 3000000); /* noticed while idle; the new Claim, of epoch 3, hangs */
    cr_assert_eq(ds_fake_held(rig.log), 1);
    rig_run(&rig, 14000000);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_run(&rig, 3000000);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_run(&rig, 5000000);
    cr_assert_eq(check(0).counter.total, 5);
}

Test(owner, torn_decision_leaves_no_trace_and_its_input_is_decided)
{
    struct rig_script script = {RIG_EVENTS, 3, 4, 2, DS_FATE_HOLD};
    struct rig_fold fold;

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_receive(&rig, 0, NULL, 3, 2); /* seq 2, 3, 4: only 2 gets there */
    rig_settle(&rig);
    rig_kill(&rig, 0);
    fold = rig_fold(&rig, 0);
    cr_assert_eq(fold.counter.total, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    fold = check(0);
    cr_assert_eq(fold.counter.total, 6);
    cr_assert_eq(fold.decisions, 1);
    rig_release(&rig,
                DS_FATE_DELIVER); /* the rest of the torn one lands behind the Claim: a zombie's */
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_run(&rig, 3000000);
    fold = check(0);
    cr_assert_eq(fold.counter.total, 7);
    cr_assert_eq(fold.skipped[DS_FENCE_SKIP_OLD_EPOCH], 2);
}

Test(owner, open_names_the_torn_records_before_its_claim)
{
    struct rig_script script = {RIG_EVENTS, 3, 4, 2, DS_FATE_HOLD};
    const struct ds_inventory_event *open;

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_receive(&rig, 0, NULL, 3, 2);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    rig_begin(&rig);
    open = rig_last(&rig, 0, DS_INVENTORY_EVENT_OPEN);
    cr_assert_not_null(open);
    cr_assert_eq(open->body.as.open.claim_offset, 3);
    cr_assert_eq(open->body.as.open.previous_epoch, 1);
    cr_assert_eq(open->body.as.open.previous_seq, 2); /* the torn record counts */
    cr_assert_eq(open->body.as.open.inputs.count, 2);
    cr_assert_eq(open->body.as.open.inputs.items[0].offset, 0); /* the torn cause does not */
}

Test(owner, next_owner_goes_on_behind_the_highest_delivered_cause)
{
    struct rig_fold fold;

    rig_begin(&rig);
    for (int i = 0; i < 10; i++)
        rig_receive(&rig, 0, NULL, 2, 1);
    rig_order_cancelled(&rig, 0);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    for (int i = 0; i < 5; i++)
        rig_receive(&rig, 0, NULL, 2, 1);
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    fold = check(0);
    cr_assert_eq(fold.counter.total, 30);
    cr_assert_eq(fold.counter.orders, 2);
    cr_assert_eq(fold.decisions, 17);
}

Test(owner, claims_only_as_a_member)
{
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    ds_fake_set_member(rig.brokers[0], false);
    rig_run(&rig, 5000000);
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), 0);
    ds_fake_set_member(rig.brokers[0], true);
    rig_run(&rig, 12000000);
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_CLAIM], 1);
}

Test(owner, cut_off_member_does_not_depose_its_successor)
{
    struct rig_fold fold;

    rig_begin(&rig);
    ds_fake_set_member(rig.brokers[0], false); /* it reaches the log, not the coordinator */
    rig_start(&rig, 1, NULL);
    rig_assign(&rig, 1, 0, 1);
    rig_run(&rig, 3000000);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_RUNNING);
    for (int i = 0; i < 50; i++) {
        rig_receive(&rig, 0, NULL, 2, 1);
        rig_run(&rig, 500000);
    }
    fold = check(1);
    cr_assert_eq(fold.fence.epoch, 2);
    cr_assert_eq(fold.counter.total, 100);
}

Test(owner, owner_that_the_group_does_not_hear_gives_up_by_its_own_clock)
{
    struct rig_fold fold;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_settle(&rig);
    ds_fake_set_member(rig.brokers[0], false); /* nobody tells it, nobody else has claimed */
    rig_run(&rig, 9 * DS_US_PER_S);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_settle(&rig);
    cr_assert_eq(check(0).counter.total, 10, "a short silence costs nothing");
    rig_run(&rig, DS_US_PER_S + DS_US_PER_MS * 20);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_run(&rig, 5 * DS_US_PER_S);
    cr_assert_neq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 10);
    cr_assert_eq(rig_metric(&rig, "doorstep_group_silent_total"), 1);
    ds_fake_set_member(rig.brokers[0], true);
    rig_run(&rig, 12 * DS_US_PER_S);
    fold = check(0);
    cr_assert_eq(fold.counter.total, 15);
    cr_assert_eq(fold.fence.epoch, 2);
}

Test(owner, process_that_stood_still_for_a_session_decides_nothing_of_what_it_holds)
{
    struct rig_fold fold;

    rig_begin(&rig);
    ds_fake_set_member(rig.brokers[0], false);
    rig_receive(&rig, 0, NULL, 1, 5); /* in the client's hands when the process is frozen */
    ds_fake_time_add(&rig.time, 11 * DS_US_PER_S);
    rig_step(&rig, 0);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_WAITING);
    fold = rig_fold(&rig, 0);
    cr_assert_eq(fold.decisions, 0);
    cr_assert_eq(fold.records, 2); /* Claim, Open */
    ds_fake_set_member(rig.brokers[0], true);
    rig_run(&rig, DS_US_PER_S);
    cr_assert_eq(check(0).counter.total, 5);
}

Test(owner, owner_that_is_fenced_counts_it)
{
    const struct ds_label labels[] = {{"processor", "inventory"}, {NULL, NULL}};

    rig_begin(&rig);
    rig_foreign_claim(&rig, 0, 2);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_run(&rig, DS_US_PER_S);
    cr_assert_eq(rig_metric(&rig, "doorstep_fenced_total"), 1);
    cr_assert_eq(check(0).fence.epoch, 3);
    cr_assert_eq(ds_metric_value(ds_metrics_get(rig.runtime.metrics, DS_HISTOGRAM,
                                                "doorstep_takeover_seconds", "", labels)),
                 2);
}

Test(owner, attempts_that_fail_come_further_and_further_apart)
{
    struct rig_script script = {RIG_EVENTS, 0, 0, 1000, DS_FATE_LOSE};

    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 60000000);
    cr_assert_leq(1000 - script.count, 20);
    cr_assert_geq(1000 - script.count, 8);
    script.count = 0;
    rig_run(&rig, 12000000);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
}

Test(owner, claiming_again_keeps_memory_that_is_the_fold)
{
    const void *before;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    before = rig_counter(&rig, 0, 0);
    ds_fake_revoke(rig.brokers[0]);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_AWAY);
    rig_assign(&rig, 0, 0, 1);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    cr_assert_eq(check(0).counter.total, 4);
    cr_assert_eq((const void *)rig_counter(&rig, 0, 0), before);
}

Test(owner, what_another_owner_did_meanwhile_is_folded_into_kept_memory)
{
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    ds_fake_revoke(rig.brokers[0]);
    rig_settle(&rig);
    rig_start(&rig, 1, NULL);
    rig_assign(&rig, 1, 0, 1);
    rig_receive(&rig, 0, NULL, 2, 5);
    rig_settle(&rig);
    rig_stop(&rig, 1);
    rig_assign(&rig, 0, 0, 1);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(check(0).counter.total, 13);
}

Test(owner, memory_ahead_of_the_log_is_thrown_away)
{
    struct rig_script script = {RIG_EVENTS, 2, 100, 100, DS_FATE_HOLD};
    struct rig_fold fold;

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_counter(&rig, 0, 0)->total, 4);
    script.count = 0;
    ds_fake_revoke(rig.brokers[0]);
    rig_settle(&rig);
    rig_assign(&rig, 0, 0, 1); /* its records are still on their way when it claims again */
    rig_settle(&rig);
    rig_run(&rig, 1000000);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_run(&rig, 3000000);
    fold = check(0);
    cr_assert_eq(fold.counter.total, 4);
    cr_assert_eq(fold.decisions, 2);
    cr_assert_eq(fold.skipped[DS_FENCE_SKIP_OLD_EPOCH], 4);
}

Test(owner, records_that_land_before_the_claim_after_all_are_kept)
{
    struct rig_script script = {RIG_EVENTS, 2, 3, 2, DS_FATE_HOLD};
    struct rig_fold fold;
    const void *before;

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    before = rig_counter(&rig, 0, 0);
    ds_fake_revoke(rig.brokers[0]);
    rig_settle(&rig);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    fold = check(0);
    cr_assert_eq(fold.counter.total, 2);
    cr_assert_eq(fold.decisions, 1);
    cr_assert_eq((const void *)rig_counter(&rig, 0, 0), before);
}

Test(owner, two_that_believe_to_own_a_partition_write_one_history)
{
    struct rig_fold fold;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_settle(&rig);
    rig_start(&rig, 1, NULL);
    rig_assign(&rig, 1, 0, 1); /* nobody told host 0 */
    for (int i = 0; i < 200; i++)
        rig_step(&rig, 1);
    for (int i = 0; i < 30; i++) {
        rig_receive(&rig, 0, NULL, 2, 1);
        rig_step(&rig, 0); /* both decide it */
        rig_step(&rig, 1);
    }
    ds_fake_revoke(rig.brokers[0]);
    rig_run(&rig, 15000000);
    rig_assign(&rig, 1, 0, 1);
    rig_run(&rig, 5000000);
    fold = check(1);
    cr_assert_eq(fold.counter.total, 62);
    cr_assert_eq(fold.decisions, 31);
}

Test(owner, a_new_log_is_resumed_at_the_beginning_of_its_inputs)
{
    rig_order_cancelled(&rig, 0);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check(0).counter.orders, 1);
    cr_assert_null(rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_ATTACHED));
}

Test(owner, partitions_are_independent)
{
    rig_start(&rig, 0, NULL);
    rig_start(&rig, 1, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_assign(&rig, 1, 1, 2);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_receive(&rig, 1, NULL, 1, 7);
    rig_settle(&rig);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 1);
    cr_assert_eq(rig_fold(&rig, 1).counter.total, 7);
}

Test(owner, stopping_waits_for_what_is_on_its_way)
{
    struct rig_script script = {RIG_EVENTS, 2, 100, 100, DS_FATE_NO_OFFSET};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &script);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_step(&rig, 0);
    rig_stop(&rig, 0);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 2);
}

/* One call asks about all partitions, and fails when one leader does not answer. */
Test(owner, leader_that_does_not_answer_keeps_nobody_from_taking_over_other_partitions)
{
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 2);
    rig_settle(&rig);
    ds_fake_deafen(rig.log, RIG_EVENTS, 1);
    rig_kill(&rig, 0);
    rig_start(&rig, 1, NULL);
    rig_assign(&rig, 1, 0, 2);
    rig_run(&rig, 10 * INT64_C(1000000));
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_RUNNING);
    cr_assert_neq(rig_state(&rig, 1, 1), DS_PARTITION_RUNNING);
    ds_fake_deafen(rig.log, NULL, 0);
    rig_run(&rig, 10 * INT64_C(1000000));
    cr_assert_eq(rig_state(&rig, 1, 1), DS_PARTITION_RUNNING);
}
