/* Inputs of a running partition: poison (R9), command ids (R11), rule F on event inputs, new inputs
 * (R14). */
#include "base/limits.h"
#include "rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 3);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(inputs, .init = set_up, .fini = tear_down, .timeout = 300);

static struct rig_fold check(void)
{
    struct rig_fold fold = rig_fold(&rig, 0);

    cr_assert(!fold.damaged);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(ds_host_unacked(rig.hosts[0], 0), 0);
    cr_assert_eq(rig_counter(&rig, 0, 0)->digest, fold.counter.digest);
    return fold;
}

static int64_t append_text(const char *topic, const char *text)
{
    return ds_fake_append(rig.log, topic, 0, DS_STR("k"),
                          (ds_bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)});
}

static ds_str_t header(const struct ds_fake_record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return (ds_str_t){(const char *)record->headers[i].value.data,
                              record->headers[i].value.len};
    return DS_STR("(none)");
}

/* ---- poison ---- */

Test(inputs, command_that_cannot_be_decoded_is_rejected_and_the_next_is_decided)
{
    const struct ds_inventory_event *event;

    rig_begin(&rig);
    append_text(RIG_COMMANDS, "\xC3\x01garbage");
    rig_receive(&rig, 0, NULL, 1, 4);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 4);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_REJECTED);
    cr_assert_not_null(event);
    cr_assert_eq(event->meta.cause.as.input_cause.offset, 0);
    cr_assert_eq(event->body.as.input_rejected.size_bytes, 9);
    cr_assert(ds_str_eq(event->body.as.input_rejected.topic, DS_STR(RIG_COMMANDS)));
}

Test(inputs, dead_letter_holds_the_original_and_says_where_and_why)
{
    const struct ds_fake_record *letter;

    rig_begin(&rig);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    letter = ds_fake_record(rig.log, RIG_DLQ, 0, 0);
    cr_assert_not_null(letter);
    cr_assert(ds_str_eq(letter->key, DS_STR("inventory.commands/0/0")));
    cr_assert(ds_str_eq((ds_str_t){(const char *)letter->value.data, letter->value.len},
                        DS_STR("garbage")));
    cr_assert(ds_str_eq(header(letter, "__connect.errors.topic"), DS_STR(RIG_COMMANDS)));
    cr_assert(ds_str_eq(header(letter, "__connect.errors.offset"), DS_STR("0")));
    cr_assert(ds_str_eq(header(letter, "__connect.errors.partition"), DS_STR("0")));
    cr_assert(
        ds_str_eq(header(letter, "__connect.errors.exception.class.name"), DS_STR("UNDECODABLE")));
    cr_assert(ds_str_eq(header(letter, "__doorstep.key"), DS_STR("k")));
}

Test(inputs, dead_letter_waits_for_its_rejection_to_be_confirmed)
{
    struct rig_script s = {RIG_EVENTS, 2, 2, 1, DS_FATE_HOLD};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 0);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_settle(&rig);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 1);
}

Test(inputs, rejection_that_is_lost_sends_one_dead_letter_in_the_end)
{
    struct rig_script s = {RIG_EVENTS, 2, 2, 1, DS_FATE_LOSE};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    append_text(RIG_COMMANDS, "garbage");
    rig_run(&rig, 3000000);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 1);
}

Test(inputs, dead_letter_that_fails_is_sent_again)
{
    struct rig_script s = {RIG_DLQ, 0, 100, 3, DS_FATE_LOSE};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    cr_assert_eq(s.count, 0);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 1);
    cr_assert_eq(check().fence.epoch, 1); /* and costs no epoch */
}

Test(inputs, rejected_input_is_not_decided_again_after_a_takeover)
{
    rig_begin(&rig);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    rig_kill(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
}

Test(inputs, command_on_the_partition_of_another_key_is_rejected_and_dead_lettered)
{
    const struct ds_inventory_event *event;
    const struct ds_fake_record *letter;

    rig_begin(&rig);
    rig.misplace = true;
    rig_receive(&rig, 0, "stray", 1, 4);
    rig.misplace = false;
    rig_receive(&rig, 0, "stray", 1, 5); /* sent again, and well: the id is not taken */
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 5);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_REJECTED);
    cr_assert_not_null(event);
    cr_assert(ds_str_eq(event->body.as.input_rejected.reason, DS_STR("WRONG_PARTITION")));
    cr_assert(!event->context.has_command);
    letter = ds_fake_record(rig.log, RIG_DLQ, 0, 0);
    cr_assert_not_null(letter);
    cr_assert(ds_str_eq(header(letter, "__connect.errors.exception.class.name"),
                        DS_STR("WRONG_PARTITION")));
    cr_assert(ds_str_eq(header(letter, "__doorstep.key"), rig_key(1)));
}

Test(inputs, empty_value_is_rejected)
{
    rig_begin(&rig);
    ds_fake_append(rig.log, RIG_COMMANDS, 0, DS_STR("k"), (ds_bytes_t){NULL, 0});
    rig_settle(&rig);
    cr_assert(ds_str_eq(
        rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_REJECTED)->body.as.input_rejected.reason,
        DS_STR("EMPTY")));
}

/* A valid event whose last byte is missing: its meta block can be read, its body cannot. */
static int64_t append_cut(const char *topic, int64_t offset)
{
    const struct ds_fake_record *whole = ds_fake_record(rig.log, topic, 0, offset);
    ds_bytes_t value = {whole->value.data, whole->value.len - 1};

    ds_fake_truncate(rig.log, topic, 0, offset);
    return ds_fake_append(rig.log, topic, 0, DS_STR("k"), value);
}

Test(inputs, event_with_a_broken_body_advances_the_fence_and_is_rejected)
{
    const struct ds_inventory_event *event;
    struct rig_fold fold;

    rig_order_cancelled(&rig, 0);
    append_cut(RIG_ORDERS, 1);
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.orders, 1);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_REJECTED);
    cr_assert_not_null(event);
    cr_assert_eq(event->meta.cause.as.input_cause.input, 1);
    cr_assert_eq(event->meta.cause.as.input_cause.seq, 1);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 1);
}

Test(inputs, own_event_with_a_broken_body_stops_the_owner)
{
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    append_cut(RIG_EVENTS, 2);
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 2000000);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), 3);
}

Test(inputs, stranger_on_an_events_topic_is_skipped)
{
    rig_order_cancelled(&rig, 0);
    append_text(RIG_ORDERS, "hello");
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 2);
}

/* ---- rule F on inputs ---- */

Test(inputs, skipped_events_are_not_decided)
{
    rig_order_claim(&rig, 0, 1);
    rig_order_cancelled(&rig, 0);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 3}, true); /* behind a hole */
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 1}, true); /* again */
    rig_order_claim(&rig, 0, 2);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 2}, true); /* a zombie's */
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 2);
}

Test(inputs, half_a_decision_is_not_decided)
{
    rig_order_claim(&rig, 0, 1);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 1, .more = true}, true);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 0);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 2}, true);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 2);
}

Test(inputs, claim_tears_an_incomplete_decision)
{
    rig_order_claim(&rig, 0, 1);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 1, .more = true}, true);
    rig_begin(&rig);
    rig_settle(&rig);
    rig_order_claim(&rig, 0, 2);
    rig_order_cancelled(&rig, 0);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 1);
}

Test(inputs, resume_in_the_middle_of_a_delivered_decision)
{
    struct rig_script s = {RIG_EVENTS, 3, 100, 100, DS_FATE_HOLD};

    rig_order_claim(&rig, 0, 1);
    for (int64_t seq = 1; seq <= 3; seq++)
        rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = seq, .more = seq < 3}, true);
    rig_order_claim(&rig, 0, 2);
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig); /* the fate is set too late for this: begin again */
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 4);
    tear_down();
    set_up();
    rig_order_claim(&rig, 0, 1);
    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    for (int64_t seq = 1; seq <= 3; seq++)
        rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = seq, .more = seq < 3}, true);
    rig_settle(&rig);
    rig_kill(&rig, 0); /* only the answer to the first of the three got there */
    s.count = 0;
    cr_assert_eq(rig_fold(&rig, 0).counter.orders, 1);
    rig_order_claim(&rig, 0, 2);
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 4);
}

Test(inputs, cause_carries_the_place_of_the_event)
{
    const struct ds_input_cause *cause;

    rig_order_claim(&rig, 0, 1);
    rig_order_claim(&rig, 0, 2);
    rig_order_cancelled(&rig, 0);
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cause = &rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_RELEASED)->meta.cause.as.input_cause;
    cr_assert_eq(cause->input, 1);
    cr_assert_eq(cause->offset, 3);
    cr_assert_eq(cause->epoch, 2);
    cr_assert_eq(cause->seq, 2);
}

/* ---- command ids ---- */

#define ID "01ARZ3NDEKTSV4RRFFQ69G5FAV"

Test(inputs, repeated_command_changes_nothing_and_names_the_first)
{
    const struct ds_inventory_event *event;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_receive(&rig, 0, ID, 1, 10);
    rig_receive(&rig, 0, ID, 1, 10);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 11);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_COMMAND_REPEATED);
    cr_assert_not_null(event);
    cr_assert(ds_str_eq(event->body.as.command_repeated.of, DS_STR(ID)));
    cr_assert(event->body.as.command_repeated.same_body);
    cr_assert_eq(event->body.as.command_repeated.first_offset, 1);
}

/* Both were sent within a moment; that they are decided a day later makes them no two commands. */
Test(inputs, repeated_command_is_known_behind_a_backlog_older_than_a_day)
{
    rig_receive(&rig, 0, ID, 1, 10);
    rig_receive(&rig, 0, ID, 1, 10);
    ds_fake_time_add(&rig.time, 25 * 3600 * DS_US_PER_S);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 10);
    cr_assert_not_null(rig_last(&rig, 0, DS_INVENTORY_EVENT_COMMAND_REPEATED));
}

Test(inputs, repeated_command_is_a_new_one_a_day_later)
{
    rig_begin(&rig);
    rig_receive(&rig, 0, ID, 1, 10);
    rig_settle(&rig);
    ds_fake_time_add(&rig.time, 25 * 3600 * DS_US_PER_S);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_receive(&rig, 0, ID, 1, 10);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 21);
}

Test(inputs, repeat_with_another_body_says_so)
{
    struct ds_inventory_command command = {.head = rig_head(&rig, ID),
                                           .body.kind = DS_INVENTORY_COMMAND_SET_THRESHOLD};

    rig_begin(&rig);
    rig_receive(&rig, 0, ID, 1, 10);
    command.head.body_hash = DS_STR("another");
    command.body.as.set_threshold.store_id = DS_STR("s");
    rig_command(&rig, 0, &command);
    rig_settle(&rig);
    cr_assert(!rig_last(&rig, 0, DS_INVENTORY_EVENT_COMMAND_REPEATED)
                   ->body.as.command_repeated.same_body);
}

Test(inputs, command_ids_outlive_their_owner)
{
    rig_begin(&rig);
    rig_receive(&rig, 0, ID, 1, 10);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    rig_receive(&rig, 0, ID, 1, 10);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 10);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_COMMAND_REPEATED], 1);
}

Test(inputs, refused_command_is_remembered_too)
{
    struct ds_stock_item item = {DS_STR("s.p"), 1};
    struct ds_inventory_command command = {.head = rig_head(&rig, ID),
                                           .body.kind = DS_INVENTORY_COMMAND_ADJUST_STOCK};

    rig_begin(&rig);
    command.body.as.adjust_stock.items.items = &item;
    command.body.as.adjust_stock.items.count = 1;
    command.body.as.adjust_stock.reason = DS_STR("no deadline");
    rig_command(&rig, 0, &command);
    rig_command(&rig, 0, &command);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 1);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_COMMAND_REPEATED], 1);
}

Test(inputs, command_id_is_forgotten_a_day_after_it_was_appended)
{
    const int64_t day_us = INT64_C(24) * 3600 * 1000000;

    rig_begin(&rig);
    rig_receive(&rig, 0, ID, 1, 10);
    rig_settle(&rig);
    ds_fake_time_add(&rig.time, day_us - 1000000);
    rig_receive(&rig, 0, ID, 1, 10); /* a repeat, which does not begin the day anew */
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 10);
    ds_fake_time_add(&rig.time, 2000000);
    rig_receive(&rig, 0, NULL, 1, 1); /* an event this late lets the id go */
    rig_settle(&rig);
    rig_receive(&rig, 0, ID, 1, 10);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 21);
}

Test(inputs, command_that_changes_nothing_has_an_outcome)
{
    struct ds_inventory_command command = {.head = rig_head(&rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_SET_THRESHOLD};

    rig_begin(&rig);
    command.body.as.set_threshold.store_id = DS_STR("s");
    rig_command(&rig, 0, &command);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 1);
}

Test(inputs, event_that_changes_nothing_yields_nothing)
{
    rig_begin(&rig);
    rig_order_claim(&rig, 0, 1);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 1}, false);
    rig_settle(&rig);
    cr_assert_eq(check().records, 2); /* Claim, Open */
}

/* ---- new inputs ---- */

static void old_version(struct ds_host_config *config)
{
    config->decider = &ds_counter_decider_old;
}

Test(inputs, new_input_of_an_old_log_begins_at_its_end)
{
    const struct ds_inventory_event *event;

    rig_order_cancelled(&rig, 0);
    rig_order_cancelled(&rig, 0);
    rig_start(&rig, 0, old_version);
    rig_assign(&rig, 0, 0, 1);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_stop(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_ATTACHED);
    cr_assert_not_null(event);
    cr_assert_eq(event->body.as.input_attached.input, 1);
    cr_assert_eq(event->body.as.input_attached.start_offset, 3);
    cr_assert_eq(check().counter.orders, 0); /* years of history are not decided */
    rig_order_cancelled(&rig, 0);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 1); /* and F was kept up on the way */
    rig_kill(&rig, 0);
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 2);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_ATTACHED], 1);
}

Test(inputs, attached_input_that_yielded_nothing_keeps_its_start)
{
    rig_order_cancelled(&rig, 0);
    rig_start(&rig, 0, old_version);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    rig_stop(&rig, 0);
    for (int i = 0; i < 3; i++) {
        rig_begin(&rig);
        rig_settle(&rig);
        rig_stop(&rig, 0);
    }
    rig_begin(&rig);
    cr_assert_eq(check().counter.orders, 0);
    rig_order_cancelled(&rig, 0);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 1);
}

Test(inputs, owner_of_an_unopened_log_attaches_nothing)
{
    rig_order_cancelled(&rig, 0);
    rig_foreign_claim(&rig, 0, 1); /* it died before its Open */
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 1);
    cr_assert_null(rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_ATTACHED));
}
