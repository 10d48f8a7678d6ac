/* Timeline, commands and positions: what every topic has. */
#include "projections/postgres/worker.h"
#include "tests/unit/projections/kit.h"

#include <criterion/criterion.h>

static struct ds_kit kit;

static void setup(void)
{
    ds_kit_init(&kit);
}

static void teardown(void)
{
    ds_kit_cleanup(&kit);
}

TestSuite(fold_common, .init = setup, .fini = teardown);
TestSuite(gather, .init = setup, .fini = teardown);

static const struct ds_command_row *command(size_t index)
{
    return ds_kit_nth(&kit, DS_TABLE_COMMANDS, index);
}

Test(fold_common, each_event_has_a_row_in_the_timeline)
{
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    ds_kit_answer(&e, 41, "CMD");
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    const struct ds_timeline_row *row = ds_kit_nth(&kit, DS_TABLE_TIMELINE, 0);
    cr_assert(ds_kit_is(row->topic, "order.events"));
    cr_assert(ds_kit_is(row->ce_type, "order.created"));
    cr_assert(ds_kit_is(row->order_id, KIT_ORDER));
    cr_assert(ds_kit_is(row->actor_kind, "customer"));
    cr_assert(ds_kit_is(row->command_id, "CMD"));
    cr_assert(ds_kit_is(row->cause_kind, "input"));
    cr_assert(ds_kit_is(row->cause_topic, "order.commands"));
    cr_assert_eq(row->cause_offset, 41);
    cr_assert_eq(row->cause_due_at, DS_NULL_I64);
}

Test(fold_common, a_deadline_is_named_as_cause)
{
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    e.meta.cause.kind = DS_META_CAUSE_TIMER_CAUSE;
    e.meta.cause.as.timer_cause.due_at = 77;
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    const struct ds_timeline_row *row = ds_kit_nth(&kit, DS_TABLE_TIMELINE, 0);
    cr_assert(ds_kit_is(row->cause_kind, "timer"));
    cr_assert_eq(row->cause_due_at, 77);
    cr_assert_eq(row->cause_offset, DS_NULL_I64);
}

Test(fold_common, the_protocols_own_records_are_not_in_the_timeline)
{
    struct ds_order_event e = {0};
    e.body.kind = DS_ORDER_EVENT_OPEN;
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    cr_assert_null(ds_kit_nth(&kit, DS_TABLE_TIMELINE, 0));
    cr_assert_null(command(0));
}

Test(fold_common, a_decision_of_several_events_is_one_outcome)
{
    struct ds_order_event first = ds_kit_created(KIT_ORDER);
    struct ds_order_event second = ds_kit_order(DS_ORDER_EVENT_ORDER_PICKED_UP, KIT_ORDER);
    ds_error_t error = DS_ERROR_INIT;
    ds_kit_answer(&first, 41, "CMD");
    ds_kit_answer(&second, 41, "CMD");
    ds_kit_fold(&kit, DS_FOLD_ORDER, &first);
    kit.fold.offset++; /* the same decision goes on */
    cr_assert(ds_fold_event(&kit.fold, &second, &error));
    cr_assert(ds_kit_is(command(0)->status, "done"));
    cr_assert(ds_kit_is(command(0)->outcome, "order.created"));
    cr_assert(ds_kit_is(command(0)->topic, "order.commands"));
    cr_assert(ds_kit_is(command(0)->target, KIT_ORDER));
    cr_assert(ds_kit_is(command(0)->body_hash, "HASH"));
    cr_assert_eq(command(0)->command_offset, 41);
    cr_assert_null(command(1));
}

Test(fold_common, what_follows_from_another_topic_answers_no_command)
{
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    e.meta.cause.kind = DS_META_CAUSE_INPUT_CAUSE;
    e.meta.cause.as.input_cause.input = 2;
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    const struct ds_timeline_row *row = ds_kit_nth(&kit, DS_TABLE_TIMELINE, 0);
    cr_assert_null(command(0));
    cr_assert(ds_kit_is(row->cause_topic, "payment.events"));
}

Test(fold_common, a_refusal_has_its_reason_in_lower_case)
{
    struct ds_order_event e = {0};
    e.body.kind = DS_ORDER_EVENT_COMMAND_REJECTED;
    e.body.as.command_rejected.target = DS_STR(KIT_ORDER);
    e.body.as.command_rejected.reason = DS_STR("ORDER_PICKED_UP");
    ds_kit_answer(&e, 5, "CANCEL");
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    cr_assert(ds_kit_is(command(0)->status, "refused"));
    cr_assert(ds_kit_is(command(0)->reason, "order_picked_up"));
    cr_assert(ds_kit_is(command(0)->target, KIT_ORDER));
    cr_assert_eq(kit.fold.missed, 0);
}

Test(fold_common, a_repeat_says_whether_the_body_was_the_same)
{
    struct ds_order_event e = {0};
    e.body.kind = DS_ORDER_EVENT_COMMAND_REPEATED;
    e.body.as.command_repeated.of = DS_STR("CMD");
    e.body.as.command_repeated.same_body = true;
    ds_kit_answer(&e, 5, "CMD");
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    e.body.as.command_repeated.same_body = false;
    e.meta.cause.as.input_cause.offset = 6;
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    cr_assert(ds_kit_is(command(0)->status, "repeated"));
    cr_assert(ds_kit_is(command(0)->command_id, "CMD"));
    cr_assert_eq(command(0)->same_body, 1);
    cr_assert(ds_kit_is(command(0)->reason, NULL));
    cr_assert_eq(command(1)->same_body, 0);
    cr_assert(ds_kit_is(command(1)->reason, "idempotency_mismatch"));
}

Test(fold_common, an_undecodable_command_has_an_outcome_by_its_place)
{
    struct ds_order_event e = {0};
    e.body.kind = DS_ORDER_EVENT_INPUT_REJECTED;
    e.body.as.input_rejected.reason = DS_STR("UNDECODABLE");
    e.meta.cause.kind = DS_META_CAUSE_INPUT_CAUSE;
    e.meta.cause.as.input_cause.offset = 12;
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    cr_assert(ds_kit_is(command(0)->status, "refused"));
    cr_assert(ds_kit_is(command(0)->reason, "undecodable"));
    cr_assert_eq(command(0)->command_id.len, 0);
    cr_assert_eq(command(0)->command_offset, 12);
}

/* Its outcome is still to come; what is said of it names no command, only its place. */
Test(fold_common, a_command_that_waits_is_in_the_timeline_by_its_place)
{
    struct ds_order_event e = {0};
    e.body.kind = DS_ORDER_EVENT_INPUT_HELD;
    e.body.as.input_held.aggregate = DS_STR(KIT_ORDER);
    ds_kit_answer(&e, 41, "");
    e.context.has_command = false;
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    const struct ds_timeline_row *row = ds_kit_nth(&kit, DS_TABLE_TIMELINE, 0);
    cr_assert_null(command(0));
    cr_assert_not_null(row);
    cr_assert(ds_kit_is(row->ce_type, "doorstep.input_held"));
    cr_assert(ds_kit_is(row->aggregate, KIT_ORDER));
    cr_assert(ds_kit_is(row->cause_topic, "order.commands"));
    cr_assert_eq(row->cause_offset, 41);
    cr_assert(ds_kit_is(row->command_id, NULL));
}

Test(fold_common, zero_characters_do_not_reach_the_database)
{
    struct ds_order_event e = {0};
    e.body.kind = DS_ORDER_EVENT_COMMAND_REJECTED;
    e.body.as.command_rejected.reason = DS_STR("a\0b\\u0000");
    ds_kit_fold(&kit, DS_FOLD_ORDER, &e);
    const struct ds_timeline_row *row = ds_kit_nth(&kit, DS_TABLE_TIMELINE, 0);
    cr_assert_not_null(strstr(row->data.data, "a\\ufffdb\\\\u0000"), "%s", row->data.data);
}

Test(fold_common, commands_through_follows_causes_open_progress_and_gaps)
{
    struct ds_input_position positions[] = {{.input = 1, .offset = 900},
                                            {.input = 0, .offset = 31}};
    struct ds_order_event e = {0};
    e.body.kind = DS_ORDER_EVENT_OPEN;
    cr_assert_eq(ds_fold_commands_through(&e), -1);
    e.body.as.open.inputs.items = positions;
    e.body.as.open.inputs.count = 2;
    cr_assert_eq(ds_fold_commands_through(&e), 30, "the next to read is 31");
    e.body.kind = DS_ORDER_EVENT_PROGRESS;
    e.body.as.progress.inputs.items = positions;
    e.body.as.progress.inputs.count = 2;
    cr_assert_eq(ds_fold_commands_through(&e), 30);
    e.body.kind = DS_ORDER_EVENT_INPUT_GAP;
    e.body.as.input_gap = (struct ds_input_gap){.input = 0, .from_offset = 31, .to_offset = 50};
    cr_assert_eq(ds_fold_commands_through(&e), 49);
    e.body.as.input_gap.input = 1;
    cr_assert_eq(ds_fold_commands_through(&e), -1);
    e = ds_kit_created(KIT_ORDER);
    ds_kit_answer(&e, 60, "CMD");
    cr_assert_eq(ds_fold_commands_through(&e), 60);
    e.meta.cause.as.input_cause.input = 1;
    cr_assert_eq(ds_fold_commands_through(&e), -1);
}

Test(gather, a_batch_becomes_one_unit_a_topic_and_partition)
{
    static struct ds_slot slots[DS_MAX_PARTITIONS];
    static struct ds_unit units[DS_FOLD_TOPICS * DS_MAX_PARTITIONS];
    struct ds_order_event answered = ds_kit_created(KIT_ORDER);
    struct ds_order_event followed = ds_kit_order(DS_ORDER_EVENT_ORDER_PICKED_UP, KIT_ORDER);
    ds_kit_answer(&answered, 8, "CMD");
    slots[1].owned = true;
    slots[1].at[0] =
        (struct ds_position){.place = {10, 2, 5}, .generation = 4, .commands_through = 7};
    const struct ds_read_record records[] = {
        {.topic = 0, .partition = 1, .place = {11, 2, 6}, .last = true, .event = &answered},
        {.topic = 0, .partition = 2, .place = {3, 1, 1}, .last = true, .event = &answered},
        {.topic = 0, .partition = 1, .place = {12, 2, 7}, .last = true, .event = &followed},
    };
    cr_assert_eq(ds_worker_gather(records, 3, slots, units), 1, "partition 2 is not ours");
    cr_assert_eq(units[0].before.place.offset, 10);
    cr_assert_eq(units[0].after.place.offset, 12);
    cr_assert_eq(units[0].after.place.seq, 7);
    cr_assert_eq(units[0].after.commands_through, 8);
    cr_assert_eq(units[0].after.generation, 4);
}

/* Its Open says what stood before it: a reader that starts behind the Claim cannot check that, and
 * would go on after a lost tail. */
Test(gather, no_position_stands_at_a_claim)
{
    static struct ds_slot slots[DS_MAX_PARTITIONS];
    static struct ds_unit units[DS_FOLD_TOPICS * DS_MAX_PARTITIONS];
    struct ds_order_event answered = ds_kit_created(KIT_ORDER);
    struct ds_order_event claim = {.body.kind = DS_ORDER_EVENT_CLAIM};
    slots[1].owned = true;
    const struct ds_read_record records[] = {
        {.topic = 0, .partition = 1, .place = {11, 2, 6}, .last = true, .event = &answered},
        {.topic = 0, .partition = 1, .place = {12, 3, 0}, .last = true, .event = &claim},
        {.topic = 1, .partition = 1, .place = {4, 1, 0}, .last = true, .event = &claim},
    };
    cr_assert_eq(ds_worker_gather(records, 3, slots, units), 1, "a Claim alone moves nothing");
    cr_assert_eq(units[0].after.place.offset, 11);
    cr_assert_eq(units[0].after.place.epoch, 2);
}
