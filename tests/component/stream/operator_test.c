/* Operators' commands (ADR 21): what waits or could not be read is dropped or corrected, by name
 * and with a reason, and both texts stay in the log. */
#include "quarantine_kit.h"
#include "schemas/ids.h"

#include <criterion/criterion.h>
#include <inttypes.h>

TestSuite(operator, .init = qk_set_up, .fini = qk_tear_down, .timeout = 300);

static void drop(const char *topic, int64_t offset, const char *aggregate)
{
    struct ds_inventory_command command = {.head = rig_head(&qk.rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_DROP_INPUT};

    command.body.as.drop_input =
        (struct ds_drop_input){.topic = ds_str(topic),
                               .offset = offset,
                               .has_aggregate = aggregate != NULL,
                               .aggregate = ds_str(aggregate == NULL ? "" : aggregate),
                               .reason = DS_STR("not needed")};
    (void)rig_command(&qk.rig, 0, &command);
}

/* ---- drop */

Test(operator, dropped_input_is_not_decided)
{
    const struct ds_inventory_event *event;

    qk_begin();
    qk_receive(A, 10);
    qk_receive(A, 20);
    qk_receive(A, 40);
    rig_settle(&qk.rig);
    drop(RIG_COMMANDS, 1, A);
    drop(RIG_COMMANDS, 1, A);
    drop(RIG_COMMANDS, 2, B);
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("NOT_HELD"));
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 2);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 2);
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_INPUT_DROPPED);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("ann")));
    cr_assert(ds_str_eq(event->body.as.input_dropped.reason, DS_STR("not needed")));
    qk.settings.broken = NULL;
    qk_release(A);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.total, 50);
}

Test(operator, input_that_is_gone_from_its_topic_is_not_passed_over_in_silence)
{
    const struct ds_inventory_event *event;

    qk_begin();
    qk_receive(A, 10);
    qk_receive(B, 1);
    qk_receive(A, 20);
    rig_settle(&qk.rig);
    ds_fake_drop_before(qk.rig.log, RIG_COMMANDS, 0, 1);
    qk.settings.broken = NULL;
    qk_release(A);
    rig_run(&qk.rig, SECOND);
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED);
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.reason, DS_STR("INPUT_GONE")));
    cr_assert_eq(qk_check().counter.total, 1);
    drop(RIG_COMMANDS, 0, A);
    qk_release(A);
    rig_run(&qk.rig, SECOND);
    cr_assert_eq(qk_check().counter.total, 21);
}

/* ---- dead letters */

static uint32_t corrected_id; /* what corrected commands are framed with; 0: single-object */

static void encode(const struct ds_inventory_command *command, ds_buf_t *bytes_out)
{
    qk.rig.write_id = corrected_id;
    rig_encode(&qk.rig, &ds_schema_inventory_commands, command, bytes_out);
    qk.rig.write_id = 0;
}

static void edit(const void *value, ds_bytes_t framed)
{
    struct ds_inventory_command command = {.head = rig_head(&qk.rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_EDIT_INPUT};
    ds_buf_t bytes = {0};

    if (value != NULL) {
        encode(value, &bytes);
        framed = ds_buf_bytes(&bytes);
    }
    command.body.as.edit_input =
        (struct ds_edit_input){.topic = DS_STR(RIG_COMMANDS),
                               .offset = 0,
                               .reason = DS_STR("a typing error"),
                               .old_value = {(const uint8_t *)"garbage", 7},
                               .new_value = framed};
    (void)rig_command(&qk.rig, 0, &command);
    ds_buf_cleanup(&bytes);
}

static struct ds_inventory_command corrected(struct ds_stock_item *item)
{
    struct ds_inventory_command command = {
        .head = {.command_id = DS_STR("corrected"),
                 .body_hash = DS_STR(""),
                 .correlation_id = DS_STR("c"),
                 .actor = {DS_ACTOR_KIND_GATEWAY, DS_STR("robot")}},
        .body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};

    command.body.as.receive_stock.store_id = DS_STR("s");
    command.body.as.receive_stock.items = (struct ds_array_of_stock_item){item, 1};
    return command;
}

static void append_garbage(void)
{
    (void)ds_fake_append(qk.rig.log, RIG_COMMANDS, 0, DS_STR("s"),
                         (ds_bytes_t){(const uint8_t *)"garbage", 7});
}

Test(operator, edited_dead_letter_is_decided_and_both_texts_stay)
{
    struct ds_stock_item item = {DS_STR(B), 5};
    struct ds_inventory_command command = corrected(&item);
    const struct ds_inventory_event *event;
    struct rig_fold fold;

    qk_begin();
    append_garbage();
    edit(&command, (ds_bytes_t){0});
    edit(&command, (ds_bytes_t){0}); /* its id has been seen */
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 5);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 2);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_COMMAND_REPEATED], 1);
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_INPUT_EDITED);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("ann")));
    cr_assert_eq(event->body.as.input_edited.old_value.len, 7);
    cr_assert_gt(event->body.as.input_edited.new_value.len, 10);
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("robot")));
    cr_assert(ds_str_eq(event->context.command.id, DS_STR("corrected")));
}

Test(operator, edit_to_garbage_is_refused)
{
    qk_begin();
    append_garbage();
    edit(NULL, (ds_bytes_t){(const uint8_t *)"rubbish", 7});
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("INVALID"));
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 0);
}

/* The refusal answers the edit: the corrected command was not decided, and its id is not seen. */
Test(operator, edit_that_leads_to_too_much_is_refused_itself)
{
    struct ds_stock_item item = {DS_STR(B), 256}; /* as many records, and one of the edit */
    struct ds_inventory_command command = corrected(&item);
    const struct ds_inventory_event *event;

    command.body.kind = DS_INVENTORY_COMMAND_COUNT_STOCK;
    command.body.as.count_stock.store_id = DS_STR("s");
    command.body.as.count_stock.items = (struct ds_array_of_stock_item){&item, 1};
    qk_begin();
    append_garbage();
    edit(&command, (ds_bytes_t){0});
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("TOO_LARGE"));
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_COMMAND_REJECTED);
    cr_assert(!ds_str_eq(event->context.command.id, DS_STR("corrected")));
    cr_assert_eq(qk_check().counter.total, 0);
}

Test(operator, edited_command_of_a_quarantined_aggregate_waits_too)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);
    struct rig_fold fold;

    qk_begin();
    append_garbage();
    edit(&command, (ds_bytes_t){0});
    qk_receive(A, 1);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 0);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 2);
    qk.settings.broken = NULL;
    qk_release(A);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 6);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 1);
}

Test(operator, dropped_dead_letter_is_noted_in_the_log)
{
    qk_begin();
    append_garbage();
    drop(RIG_COMMANDS, 0, NULL);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_INPUT_DROPPED], 1);
}

/* ---- editing what waits */

/* What stands at this place, as a text of its own: the topic's memory may move. */
static void copy_value(int64_t offset, ds_buf_t *copy)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_bytes_t value = ds_fake_record(qk.rig.log, RIG_COMMANDS, 0, offset)->value;

    ds_buf_init(copy, 4096);
    cr_assert(ds_buf_append(copy, value.data, value.len, &error));
}

/* @param old_offset  whose bytes are said to be the old ones. */
static int64_t edit_held(int64_t offset, int64_t old_offset, const char *aggregate,
                         const struct ds_inventory_command *by)
{
    struct ds_inventory_command command = {.head = rig_head(&qk.rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_EDIT_INPUT};
    ds_buf_t old;
    ds_buf_t bytes;
    int64_t asked;

    copy_value(old_offset, &old);
    encode(by, &bytes);
    command.body.as.edit_input = (struct ds_edit_input){.topic = DS_STR(RIG_COMMANDS),
                                                        .offset = offset,
                                                        .has_aggregate = true,
                                                        .aggregate = ds_str(aggregate),
                                                        .reason = DS_STR("one too many"),
                                                        .old_value = ds_buf_bytes(&old),
                                                        .new_value = ds_buf_bytes(&bytes)};
    asked = rig_command(&qk.rig, 0, &command);
    ds_buf_cleanup(&old);
    ds_buf_cleanup(&bytes);
    return asked;
}

static int64_t order_seen[8];
static size_t order_count;

/* The quantities that were received, in the order of the log. */
static void note_quantities(void)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_arena_t *arena = ds_arena_new(4096, 1024 * 1024);

    order_count = 0;
    for (int64_t i = 0; i < ds_fake_end(qk.rig.log, RIG_EVENTS, 0); i++) {
        const struct ds_fake_record *record = ds_fake_record(qk.rig.log, RIG_EVENTS, 0, i);
        struct ds_inventory_event event;

        cr_assert(ds_framing_decode(qk.rig.oracle, &ds_schema_inventory_events, record->value,
                                    arena, &event, NULL, &error));
        if (event.body.kind == DS_INVENTORY_EVENT_INVENTORY_UPDATED && order_count < 8)
            order_seen[order_count++] = event.body.as.inventory_updated.changes.items[0].quantity;
    }
    ds_arena_destroy(arena);
}

Test(operator, edited_one_that_waits_is_decided_in_the_place_of_what_it_corrects)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);
    const struct ds_inventory_event *event;
    struct rig_fold fold;
    int64_t asked;

    qk_begin();
    qk_receive(A, 10);
    qk_receive(A, 20);
    qk_receive(A, 40);
    rig_settle(&qk.rig);
    asked = edit_held(1, 1, A, &command);
    qk_receive(B, 1);
    rig_settle(&qk.rig);
    fold = qk_check();
    cr_assert_eq(fold.counter.total, 1);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 3, "it takes the place of one");
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_INPUT_EDITED);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("ann")));
    cr_assert(ds_str_eq(event->body.as.input_edited.reason, DS_STR("one too many")));
    cr_assert(ds_str_eq(event->body.as.input_edited.aggregate, DS_STR(A)));
    qk_again(); /* the next owner has it from the log */
    qk.settings.broken = NULL;
    qk_release(A);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.total, 56);
    note_quantities();
    cr_assert_eq(order_count, 4);
    cr_assert_eq(order_seen[1], 10);
    cr_assert_eq(order_seen[2], 5);
    cr_assert_eq(order_seen[3], 40);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 1);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 0);
    cr_assert_eq(asked, 3);
}

Test(operator, edited_one_may_be_edited_again_or_dropped)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);
    int64_t first;
    int64_t second;

    qk_begin();
    qk_receive(A, 10);
    qk_receive(A, 20);
    rig_settle(&qk.rig);
    first = edit_held(0, 0, A, &command);
    rig_settle(&qk.rig);
    item.quantity = 7;
    second = edit_held(first, first, A, &command);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 2);
    drop(RIG_COMMANDS, second, A);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 1);
    qk.settings.broken = NULL;
    qk_release(A);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.total, 20);
}

Test(operator, edit_of_what_does_not_wait_or_of_other_bytes_or_to_another_aggregate_is_refused)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);

    qk_begin();
    qk_receive(B, 1);
    qk_receive(A, 10);
    qk_receive(A, 20);
    rig_settle(&qk.rig);
    (void)edit_held(0, 0, A, &command);
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("NOT_HELD"));
    (void)edit_held(1, 2, A, &command);
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("NOT_HELD"));
    item.product_id = DS_STR(B);
    (void)edit_held(1, 1, A, &command);
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("INVALID"));
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 3);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 2);
}

/* ---- corrected commands with registry ids */

/* Two wait for A, and the second was edited by one that is framed with an id. The next owner has
 * not met that id. */
static void edit_and_forget(void)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);

    rig_registry(&qk.rig);
    rig_teach(&qk.rig, RIG_ID_EVENTS);
    rig_teach(&qk.rig, RIG_ID_COMMANDS);
    corrected_id = RIG_ID_COMMANDS;
    qk_begin();
    qk_receive(A, 10);
    qk_receive(A, 20);
    rig_settle(&qk.rig);
    (void)edit_held(1, 1, A, &command);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 1);
    rig_kill(&qk.rig, 0);
    rig_registry_again(&qk.rig);
    rig_teach(&qk.rig, RIG_ID_EVENTS);
    qk_begin();
    qk.settings.broken = NULL;
}

Test(operator, edited_one_whose_id_is_not_known_yet_waits_on_when_it_is_released)
{
    edit_and_forget();
    qk_release(A);
    rig_run(&qk.rig, 5 * SECOND);
    cr_assert_eq(qk_check().counter.total, 10);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 1);
    rig_teach(&qk.rig, RIG_ID_COMMANDS);
    rig_run(&qk.rig, 2 * SECOND);
    cr_assert_eq(qk_check().counter.total, 15);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_COMMAND_REPEATED], 0);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 0);
}

Test(operator, edited_one_that_cannot_be_read_any_more_is_quarantined_again)
{
    const struct ds_inventory_event *event;

    edit_and_forget();
    ds_ids_learn_absent(qk.rig.runtime.framing, RIG_ID_COMMANDS, DS_IDS_ABSENT);
    qk_release(A);
    rig_run(&qk.rig, SECOND);
    cr_assert_eq(qk_check().counter.total, 10);
    cr_assert_eq(qk_gauge("doorstep_held_inputs"), 1);
    event = rig_last(&qk.rig, 0, DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED);
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.aggregate, DS_STR(A)));
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.reason, DS_STR("UNDECODABLE")));
    rig_teach(&qk.rig, RIG_ID_COMMANDS);
    qk_release(A);
    rig_run(&qk.rig, SECOND);
    cr_assert_eq(qk_check().counter.total, 15);
}

Test(operator, edit_waits_for_the_id_of_the_command_it_holds)
{
    struct ds_stock_item item = {DS_STR(B), 5};
    struct ds_inventory_command command = corrected(&item);

    rig_registry(&qk.rig);
    rig_teach(&qk.rig, RIG_ID_EVENTS);
    corrected_id = RIG_ID_COMMANDS;
    qk_begin();
    append_garbage();
    edit(&command, (ds_bytes_t){0});
    qk_receive(B, 1); /* behind it, and not before it */
    rig_run(&qk.rig, 20 * SECOND);
    cr_assert_eq(qk_check().counter.total, 0);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 0);
    rig_teach(&qk.rig, RIG_ID_COMMANDS);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().counter.total, 6);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 1);
}

Test(operator, edit_of_one_that_waits_waits_for_the_id_of_the_command_it_holds)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);

    rig_registry(&qk.rig);
    rig_teach(&qk.rig, RIG_ID_EVENTS);
    corrected_id = RIG_ID_COMMANDS;
    qk_begin();
    qk_receive(A, 10);
    rig_settle(&qk.rig);
    (void)edit_held(0, 0, A, &command);
    rig_run(&qk.rig, 20 * SECOND);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 0);
    rig_teach(&qk.rig, RIG_ID_COMMANDS);
    rig_settle(&qk.rig);
    cr_assert_eq(qk_check().kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 1);
}

Test(operator, edit_to_an_id_that_the_registry_does_not_have_is_refused)
{
    struct ds_stock_item item = {DS_STR(B), 5};
    struct ds_inventory_command command = corrected(&item);

    rig_registry(&qk.rig);
    rig_teach(&qk.rig, RIG_ID_EVENTS);
    ds_ids_learn_absent(qk.rig.runtime.framing, RIG_ID_COMMANDS, DS_IDS_ABSENT);
    corrected_id = RIG_ID_COMMANDS;
    qk_begin();
    append_garbage();
    edit(&command, (ds_bytes_t){0});
    rig_settle(&qk.rig);
    cr_assert(qk_last_reason_is("INVALID"));
}
