/* Quarantine (ADR 21): what a decider finds impossible waits with all that follows it, others flow,
 * and after a release each waiting input is decided once, in order, whoever dies meanwhile. */
#include "base/limits.h"
#include "quarantine_kit.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

TestSuite(quarantine, .init = qk_set_up, .fini = qk_tear_down, .timeout = 300);

static void with_copies(struct ds_host_config *config)
{
    qk_with_settings(config);
    config->standby = 100;
}

/* ---- waiting */

Test(quarantine, impossible_input_and_what_follows_it_wait_and_others_flow)
{
    const struct ds_inventory_event *event;
    struct rig_fold fold;
    int64_t first;

    qk_begin();
    qk_receive(B, 1);
    first = qk_receive(A, 10);
    qk_receive(B, 2);
    qk_receive(A, 20);
    qk_receive(B, 4);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 7, "what was impossible changed something");
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 1);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_HELD], 1);
    cr_assert_eq(fold.last_input[0], 4);
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED);
    cr_assert_eq(event->meta.cause.as.input_cause.offset, first);
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.aggregate, DS_STR(A)));
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.reason, DS_STR("IMPOSSIBLE")));
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.detail,
                        DS_STR("the counter of s.a is broken")));
    cr_assert(!event->context.has_command, "its command has no outcome so far");
    cr_assert_eq(qk_gauge("doorstep_quarantined_aggregates"), 1);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 2);
}

Test(quarantine, next_owner_goes_on_holding)
{
    qk_begin();
    qk_receive(A, 10);
    rig_settle(&qk.rig);
    qk.settings.broken = NULL; /* a new version alone frees nobody */
    qk_again();
    qk_receive(A, 20);
    qk_receive(B, 1);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.total, 1);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 2);
}

Test(quarantine, repeat_of_a_waiting_command_waits_and_takes_effect_once)
{
    struct rig_fold fold;

    qk_begin();
    qk_receive_as("one", A, 10);
    qk_receive_as("one", A, 10);
    rig_settle(&qk.rig);
    qk.settings.broken = NULL;
    qk_release(A);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 10);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_COMMAND_REPEATED], 1);
    cr_assert_eq(rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_COMMAND_REPEATED)
                     ->body.as.command_repeated.first_offset,
                 0);
}

Test(quarantine, full_one_stops_the_partition_and_a_larger_one_goes_on)
{
    qk.max_held = 3;
    qk_begin();
    for (int i = 0; i < 4; i++)
        qk_receive(A, 1);
    qk_release(A);
    rig_settle(&qk.rig);
    qk.settings.broken = NULL;
    cr_assert_eq(rig_state(&qk.rig, 0, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(rig_fold(&qk.rig, 0).last_input[0], 2, "an input was passed over");
    qk.max_held = 4;
    qk_again();
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.total, 4);
}

/* As large as a record may be; what an event copies of it is larger. */
static int64_t receive_with_huge_context(const char *product, int quantity)
{
    static char text[DS_MAX_RECORD_BYTES];
    struct ds_stock_item item = {ds_str(product), quantity};
    struct ds_inventory_command command = {.head = rig_head(&qk.rig, product),
                                           .body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};
    ds_buf_t bytes;

    memset(text, 'x', sizeof(text));
    command.head.correlation_id = DS_STR("");
    command.body.as.receive_stock.store_id = DS_STR("s");
    command.body.as.receive_stock.items = (struct ds_array_of_stock_item){&item, 1};
    rig_encode(&qk.rig, &ds_schema_inventory_commands, &command, &bytes);
    /* its length takes two bytes more then */
    command.head.correlation_id = (ds_str_t){text, (uint32_t)(DS_MAX_RECORD_BYTES - bytes.len - 2)};
    ds_buf_cleanup(&bytes);
    return rig_command(&qk.rig, 0, &command);
}

Test(quarantine, huge_context_waits_as_any_other)
{
    const struct ds_inventory_event *event;
    struct rig_fold fold;
    int64_t held;

    qk_begin();
    qk_receive(A, 10);
    held = receive_with_huge_context(A, 20);
    qk_receive(A, 40);
    qk_receive(B, 1);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 1);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_HELD], 2);
    cr_assert_eq(fold.last_input[0], held + 2);
    qk.settings.broken = NULL;
    qk_again();
    qk_release(A);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 51, "its decision is over the limits, that of others is not");
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_INPUT_REJECTED);
    cr_assert_eq(event->meta.cause.as.held_cause.offset, held);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 0);
}

Test(quarantine, huge_context_of_what_is_impossible_stops_nothing)
{
    const struct ds_inventory_event *event;
    int64_t first;

    qk_begin();
    first = receive_with_huge_context(A, 10);
    qk_receive(B, 1);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.total, 1);
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED);
    cr_assert_eq(event->meta.cause.as.input_cause.offset, first);
    cr_assert_eq(event->context.correlation_id.len, 0);
    cr_assert_eq(event->context.actor.kind, DS_ACTOR_KIND_SYSTEM);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 1);
}

/* ---- release */

Test(quarantine, released_inputs_are_decided_in_order_and_later_ones_flow_again)
{
    const struct ds_inventory_event *event;
    struct rig_fold fold;
    int64_t asked;

    qk_begin();
    qk_receive(A, 10);
    qk_receive(B, 1);
    qk_receive(A, 20);
    rig_settle(&qk.rig);
    qk.settings.broken = NULL;
    asked = qk_release(A);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 31);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_AGGREGATE_RELEASED], 1);
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_AGGREGATE_RELEASED);
    cr_assert_eq(event->body.as.aggregate_released.held, 2);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("ann")));
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    cr_assert_eq(event->meta.cause.kind, DS_META_CAUSE_HELD_CAUSE);
    cr_assert_eq(event->meta.cause.as.held_cause.offset, 2);
    cr_assert_eq(event->meta.cause.as.held_cause.release, asked);
    cr_assert_eq(event->body.as.inventory_updated.changes.items[0].quantity, 20);
    cr_assert(event->context.has_command);
    cr_assert_eq(qk_gauge("doorstep_quarantined_aggregates"), 0);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 0);
    qk_receive(A, 40);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 71);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_HELD], 1);
}

Test(quarantine, release_of_what_is_still_broken_loses_nothing)
{
    struct rig_fold fold;

    qk_begin();
    qk_receive(A, 10);
    qk_receive(A, 20);
    rig_settle(&qk.rig);
    qk_release(A);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 0);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 2);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 2);
    qk.settings.broken = NULL;
    qk_again();
    qk_release(A);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.total, 30);
}

Test(quarantine, release_of_what_is_free_is_refused_and_so_is_a_customers)
{
    qk_begin();
    qk_release(A);
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("NOT_QUARANTINED"));
    qk_receive(A, 10);
    qk_release_as(DS_ACTOR_KIND_CUSTOMER, A);
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("FORBIDDEN"));
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_AGGREGATE_RELEASED], 0);
}

Test(quarantine, inputs_of_two_topics_are_decided_in_the_order_they_came)
{
    struct rig_fold fold;

    qk.settings.broken = "s.o";
    qk_begin();
    qk_receive("s.o", 10);
    rig_settle(&qk.rig);
    rig_order_cancelled(&qk.rig, 0);
    rig_settle(&qk.rig);
    qk_receive("s.o", 20);
    rig_settle(&qk.rig);
    rig_order_cancelled(&qk.rig, 0);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.orders, 0);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_HELD], 3);
    qk.settings.broken = NULL;
    qk_release("s.o");
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 30);
    cr_assert_eq(fold.counter.orders, 2);
    cr_assert_eq(rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_INVENTORY_RELEASED)
                     ->meta.cause.as.held_cause.offset,
                 2);
    rig_order_cancelled(&qk.rig, 0); /* the input goes on where it stood */
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.orders, 3);
}

Test(quarantine, waiting_event_that_leads_to_nothing_is_passed)
{
    struct rig_fold fold;

    qk.settings.broken = "t";
    qk_begin();
    rig_order_claim(&qk.rig, 0, 1);
    rig_order_event(&qk.rig, 0, &(struct ds_meta){.epoch = 1, .seq = 1}, false);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 1);
    qk.settings.broken = NULL;
    qk_release("t");
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_PASSED], 1);
    cr_assert_eq(qk_gauge("doorstep_quarantined_aggregates"), 0);
}

/* Every step of a release is the last of some owner. */
Test(quarantine, owner_that_dies_at_any_step_of_a_release_leaves_the_rest_to_the_next)
{
    int64_t total = 0;

    qk_begin();
    for (int steps = 0; steps < 15; steps++) {
        qk.settings.broken = A;
        for (int i = 0; i < 5; i++, total += 3) {
            qk_receive(A, 1);
            rig_settle(&qk.rig);
            qk_receive(B, 2);
        }
        rig_settle(&qk.rig);
        qk.settings.broken = NULL;
        qk_release(A);
        for (int n = 0; n < steps; n++)
            rig_step(&qk.rig, 0);
        qk_receive(A, 1);
        total++;
        qk_again();
        rig_settle(&qk.rig);
        cr_assert_eq(qk_check().counter.total, total,
                     "after %d steps: %" PRId64 ", wanted %" PRId64, steps,
                     qk_check().counter.total, total);
    }
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 0);
}

Test(quarantine, many_wait_far_apart_and_what_comes_meanwhile_waits_behind)
{
    int64_t total = 0;

    qk_begin();
    for (int i = 0; i < 1500; i++) {
        qk_receive(i % 5 == 0 ? A : B, 1);
        total++;
        if (i % 50 == 0)
            rig_settle(&qk.rig);
    }
    rig_settle(&qk.rig);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 300);
    qk.settings.broken = NULL;
    qk_release(A);
    for (int i = 0; i < 200; i++) {
        qk_receive(A, 1);
        total++;
        rig_step(&qk.rig, 0);
    }
    rig_run(&qk.rig, 2 * SECOND);
    cr_assert_eq(rig_fold(&qk.rig, 0).counter.total, total);
    cr_assert_eq(rig_counter(&qk.rig, 0, 0)->digest, rig_fold(&qk.rig, 0).counter.digest);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 0);
}

static void small_bound(struct ds_host_config *config)
{
    qk_with_settings(config);
    config->max_unacked = 8;
}

/* At its bound, and no report is believed: the release is left and taken up again. */
Test(quarantine, release_goes_on_where_a_settling_partition_left_it)
{
    struct rig_script s = {RIG_EVENTS, 2, INT64_MAX, 1000000, DS_FATE_NO_OFFSET};
    struct rig_fold fold;

    rig_start(&qk.rig, 0, small_bound);
    rig_assign(&qk.rig, 0, 0, 1);
    rig_settle(&qk.rig);
    for (int i = 0; i < 60; i++)
        qk_receive(i % 2 == 0 ? A : B, 1);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 30);
    qk.settings.broken = NULL;
    ds_fake_set_fate(qk.rig.log, rig_fate, &s);
    qk_release(A);
    for (int i = 0; i < 20; i++)
        qk_receive(A, 1);
    rig_run(&qk.rig, 2 * SECOND);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 80);
    cr_assert_eq(fold.fence.epoch, 1);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 0);
}

/* What a follower holds is what its turn as owner begins with. */
Test(quarantine, follower_goes_on_holding_and_with_a_release_under_way)
{
    struct rig_fold fold;

    qk_begin();
    qk_receive(A, 1);
    rig_settle(&qk.rig);
    rig_start(&qk.rig, 1, with_copies);
    rig_assign(&qk.rig, 1, 0, 0);
    rig_run(&qk.rig, 3 * SECOND);
    for (int i = 0; i < 300; i++)
        qk_receive(A, 2);
    qk_receive(B, 4);
    rig_run(&qk.rig, 3 * SECOND);
    cr_assert_eq(rig_state(&qk.rig, 1, 0), DS_PARTITION_FOLLOWING);
    qk.settings.broken = NULL;
    qk_release(A);
    for (int i = 0; i < 3; i++)
        rig_step(&qk.rig, 0);
    rig_kill(&qk.rig, 0);
    rig_assign(&qk.rig, 1, 0, 1);
    qk_receive(A, 8);
    rig_run(&qk.rig, SECOND);
    fold = rig_fold(&qk.rig, 0);
    cr_assert_eq(rig_state(&qk.rig, 1, 0), DS_PARTITION_RUNNING);
    cr_assert(!fold.damaged);
    cr_assert(rig_each_once(&qk.rig, 0));
    cr_assert_eq(fold.counter.total, 613);
    cr_assert_eq(rig_counter(&qk.rig, 1, 0)->digest, fold.counter.digest);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 0);
}

/* ---- deadlines */

Test(quarantine, deadlines_of_a_quarantined_aggregate_wait_and_others_fire)
{
    qk.settings.broken = NULL;
    qk_begin();
    rig_deadline(&qk.rig, 0, A, SECOND);
    rig_deadline(&qk.rig, 0, B, 2 * SECOND);
    rig_settle(&qk.rig);
    qk.settings.broken = A;
    qk_receive(A, 1);
    rig_settle(&qk.rig);
    rig_run(&qk.rig, 4 * SECOND);
    cr_assert_eq(qk_check().counter.fired, 1);
    qk.settings.broken = NULL;
    qk_release(A);
    rig_run(&qk.rig, SECOND);
    cr_assert_eq(qk_check().counter.fired, 2);
    cr_assert_eq(qk_check().counter.total, 1);
}

Test(quarantine, impossible_deadline_waits_until_the_release)
{
    qk.settings.broken = NULL;
    qk_begin();
    rig_deadline(&qk.rig, 0, A, SECOND);
    rig_settle(&qk.rig);
    qk.settings.broken = A;
    rig_run(&qk.rig, 2 * SECOND);
    cr_assert_eq(qk_check().counter.fired, 0);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 1);
    qk_release(A);
    rig_run(&qk.rig, SECOND);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 2);
    qk.settings.broken = NULL;
    qk_release(A);
    rig_run(&qk.rig, SECOND);
    cr_assert_eq(qk_check().counter.fired, 1);
    cr_assert_eq(qk_gauge("doorstep_quarantined_aggregates"), 0);
}
