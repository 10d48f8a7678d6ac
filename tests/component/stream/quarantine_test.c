/* Quarantine (ADR 21): what a decider finds impossible waits with all that follows it, others flow,
 * and after a release each waiting input is decided once, in order, whoever dies meanwhile. */
#include "rig.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#define SECOND INT64_C(1000000)
#define A      "s.a"
#define B      "s.b"

static struct rig rig;
static struct ds_counter_settings settings;
static size_t max_held;

static void set_up(void)
{
    rig_init(&rig, 21);
    settings.broken = A;
    max_held = 0;
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(quarantine, .init = set_up, .fini = tear_down, .timeout = 120);

static void with_settings(struct ds_host_config *config)
{
    config->settings = &settings;
    config->max_held = max_held;
}

static void with_copies(struct ds_host_config *config)
{
    with_settings(config);
    config->standby = 100;
}

static void start(void)
{
    rig_start(&rig, 0, with_settings);
    rig_assign(&rig, 0, 0, 1);
}

static void begin(void)
{
    start();
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
}

/* kill -9, and the next one. */
static void again(void)
{
    rig_kill(&rig, 0);
    begin();
}

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

static int64_t receive_as(const char *id, const char *product, int quantity)
{
    struct ds_stock_item item = {ds_str(product), quantity};
    struct ds_inventory_command command = {.head = rig_head(&rig, id),
                                           .body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};

    command.body.as.receive_stock.store_id = DS_STR("s");
    command.body.as.receive_stock.items = (struct ds_array_of_stock_item){&item, 1};
    return rig_command(&rig, 0, &command);
}

static int64_t receive(const char *product, int quantity)
{
    return receive_as(NULL, product, quantity);
}

static int64_t release_as(enum ds_actor_kind kind, const char *aggregate)
{
    struct ds_inventory_command command = {.head = rig_head(&rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_RELEASE_AGGREGATE};

    command.head.actor.kind = kind;
    command.body.as.release_aggregate =
        (struct ds_release_aggregate){ds_str(aggregate), DS_STR("mended")};
    return rig_command(&rig, 0, &command);
}

static int64_t release(const char *aggregate)
{
    return release_as(DS_ACTOR_KIND_STAFF, aggregate);
}

static void drop(const char *topic, int64_t offset, const char *aggregate)
{
    struct ds_inventory_command command = {.head = rig_head(&rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_DROP_INPUT};

    command.body.as.drop_input =
        (struct ds_drop_input){.topic = ds_str(topic),
                               .offset = offset,
                               .has_aggregate = aggregate != NULL,
                               .aggregate = ds_str(aggregate == NULL ? "" : aggregate),
                               .reason = DS_STR("not needed")};
    (void)rig_command(&rig, 0, &command);
}

static int64_t gauge(const char *name)
{
    const struct ds_label labels[] = {{"processor", "inventory"}, {"partition", "0"}, {NULL, NULL}};

    return ds_metric_value(ds_metrics_get(rig.runtime.metrics, DS_GAUGE, name, "", labels));
}

static bool last_reason_is(const char *reason)
{
    const struct ds_inventory_event *event = rig_last(&rig, 0, DS_INVENTORY_EVENT_COMMAND_REJECTED);

    return event != NULL && ds_str_eq(event->body.as.command_rejected.reason, ds_str(reason));
}

/* ---- waiting */

Test(quarantine, impossible_input_and_what_follows_it_wait_and_others_flow)
{
    const struct ds_inventory_event *event;
    struct rig_fold fold;
    int64_t first;

    begin();
    receive(B, 1);
    first = receive(A, 10);
    receive(B, 2);
    receive(A, 20);
    receive(B, 4);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 7, "what was impossible changed something");
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 1);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_HELD], 1);
    cr_assert_eq(fold.last_input[0], 4);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED);
    cr_assert_eq(event->meta.cause.as.input_cause.offset, first);
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.aggregate, DS_STR(A)));
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.reason, DS_STR("IMPOSSIBLE")));
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.detail,
                        DS_STR("the counter of s.a is broken")));
    cr_assert(!event->context.has_command, "its command has no outcome so far");
    cr_assert_eq(gauge("doorstep_quarantined_aggregates"), 1);
    cr_assert_eq(gauge("doorstep_held_inputs"), 2);
}

Test(quarantine, next_owner_goes_on_holding)
{
    begin();
    receive(A, 10);
    rig_settle(&rig);
    settings.broken = NULL; /* a new version alone frees nobody */
    again();
    receive(A, 20);
    receive(B, 1);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 1);
    cr_assert_eq(gauge("doorstep_held_inputs"), 2);
}

Test(quarantine, repeat_of_a_waiting_command_waits_and_takes_effect_once)
{
    struct rig_fold fold;

    begin();
    receive_as("one", A, 10);
    receive_as("one", A, 10);
    rig_settle(&rig);
    settings.broken = NULL;
    release(A);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 10);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_COMMAND_REPEATED], 1);
    cr_assert_eq(rig_last(&rig, 0, DS_INVENTORY_EVENT_COMMAND_REPEATED)
                     ->body.as.command_repeated.first_offset,
                 0);
}

Test(quarantine, full_one_stops_the_partition_and_a_larger_one_goes_on)
{
    max_held = 3;
    begin();
    for (int i = 0; i < 4; i++)
        receive(A, 1);
    release(A);
    rig_settle(&rig);
    settings.broken = NULL;
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(rig_fold(&rig, 0).last_input[0], 2, "an input was passed over");
    max_held = 4;
    again();
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 4);
}

/* ---- release */

Test(quarantine, released_inputs_are_decided_in_order_and_later_ones_flow_again)
{
    const struct ds_inventory_event *event;
    struct rig_fold fold;
    int64_t asked;

    begin();
    receive(A, 10);
    receive(B, 1);
    receive(A, 20);
    rig_settle(&rig);
    settings.broken = NULL;
    asked = release(A);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 31);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_AGGREGATE_RELEASED], 1);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_AGGREGATE_RELEASED);
    cr_assert_eq(event->body.as.aggregate_released.held, 2);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("ann")));
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    cr_assert_eq(event->meta.cause.kind, DS_META_CAUSE_HELD_CAUSE);
    cr_assert_eq(event->meta.cause.as.held_cause.offset, 2);
    cr_assert_eq(event->meta.cause.as.held_cause.release, asked);
    cr_assert_eq(event->body.as.inventory_updated.changes.items[0].quantity, 20);
    cr_assert(event->context.has_command);
    cr_assert_eq(gauge("doorstep_quarantined_aggregates"), 0);
    cr_assert_eq(gauge("doorstep_held_inputs"), 0);
    receive(A, 40);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 71);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_HELD], 1);
}

Test(quarantine, release_of_what_is_still_broken_loses_nothing)
{
    struct rig_fold fold;

    begin();
    receive(A, 10);
    receive(A, 20);
    rig_settle(&rig);
    release(A);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 0);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 2);
    cr_assert_eq(gauge("doorstep_held_inputs"), 2);
    settings.broken = NULL;
    again();
    release(A);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 30);
}

Test(quarantine, release_of_what_is_free_is_refused_and_so_is_a_customers)
{
    begin();
    release(A);
    rig_settle(&rig);
    cr_assert(last_reason_is("NOT_QUARANTINED"));
    receive(A, 10);
    release_as(DS_ACTOR_KIND_CUSTOMER, A);
    rig_settle(&rig);
    cr_assert(last_reason_is("FORBIDDEN"));
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_AGGREGATE_RELEASED], 0);
}

Test(quarantine, inputs_of_two_topics_are_decided_in_the_order_they_came)
{
    struct rig_fold fold;

    settings.broken = "s.o";
    begin();
    receive("s.o", 10);
    rig_settle(&rig);
    rig_order_cancelled(&rig, 0);
    rig_settle(&rig);
    receive("s.o", 20);
    rig_settle(&rig);
    rig_order_cancelled(&rig, 0);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.orders, 0);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_HELD], 3);
    settings.broken = NULL;
    release("s.o");
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 30);
    cr_assert_eq(fold.counter.orders, 2);
    cr_assert_eq(
        rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_RELEASED)->meta.cause.as.held_cause.offset,
        2);
    rig_order_cancelled(&rig, 0); /* the input goes on where it stood */
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 3);
}

Test(quarantine, waiting_event_that_leads_to_nothing_is_passed)
{
    struct rig_fold fold;

    settings.broken = "t";
    begin();
    rig_order_claim(&rig, 0, 1);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 1}, false);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 1);
    settings.broken = NULL;
    release("t");
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_PASSED], 1);
    cr_assert_eq(gauge("doorstep_quarantined_aggregates"), 0);
}

/* Every step of a release is the last of some owner. */
Test(quarantine, owner_that_dies_at_any_step_of_a_release_leaves_the_rest_to_the_next)
{
    int64_t total = 0;

    begin();
    for (int steps = 0; steps < 15; steps++) {
        settings.broken = A;
        for (int i = 0; i < 5; i++, total += 3) {
            receive(A, 1);
            rig_settle(&rig);
            receive(B, 2);
        }
        rig_settle(&rig);
        settings.broken = NULL;
        release(A);
        for (int n = 0; n < steps; n++)
            rig_step(&rig, 0);
        receive(A, 1);
        total++;
        again();
        rig_settle(&rig);
        cr_assert_eq(check().counter.total, total, "after %d steps: %" PRId64 ", wanted %" PRId64,
                     steps, check().counter.total, total);
    }
    cr_assert_eq(gauge("doorstep_held_inputs"), 0);
}

Test(quarantine, many_wait_far_apart_and_what_comes_meanwhile_waits_behind)
{
    int64_t total = 0;

    begin();
    for (int i = 0; i < 1500; i++) {
        receive(i % 5 == 0 ? A : B, 1);
        total++;
        if (i % 50 == 0)
            rig_settle(&rig);
    }
    rig_settle(&rig);
    cr_assert_eq(gauge("doorstep_held_inputs"), 300);
    settings.broken = NULL;
    release(A);
    for (int i = 0; i < 200; i++) {
        receive(A, 1);
        total++;
        rig_step(&rig, 0);
    }
    rig_run(&rig, 2 * SECOND);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, total);
    cr_assert_eq(rig_counter(&rig, 0, 0)->digest, rig_fold(&rig, 0).counter.digest);
    cr_assert_eq(gauge("doorstep_held_inputs"), 0);
}

/* What a follower holds is what its turn as owner begins with. */
Test(quarantine, follower_goes_on_holding_and_with_a_release_under_way)
{
    struct rig_fold fold;

    begin();
    receive(A, 1);
    rig_settle(&rig);
    rig_start(&rig, 1, with_copies);
    rig_assign(&rig, 1, 0, 0);
    rig_run(&rig, 3 * SECOND);
    for (int i = 0; i < 300; i++)
        receive(A, 2);
    receive(B, 4);
    rig_run(&rig, 3 * SECOND);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_FOLLOWING);
    settings.broken = NULL;
    release(A);
    for (int i = 0; i < 3; i++)
        rig_step(&rig, 0);
    rig_kill(&rig, 0);
    rig_assign(&rig, 1, 0, 1);
    receive(A, 8);
    rig_run(&rig, SECOND);
    fold = rig_fold(&rig, 0);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_RUNNING);
    cr_assert(!fold.damaged);
    cr_assert(rig_each_once(&rig, 0));
    cr_assert_eq(fold.counter.total, 613);
    cr_assert_eq(rig_counter(&rig, 1, 0)->digest, fold.counter.digest);
    cr_assert_eq(gauge("doorstep_held_inputs"), 0);
}

/* ---- deadlines */

Test(quarantine, deadlines_of_a_quarantined_aggregate_wait_and_others_fire)
{
    settings.broken = NULL;
    begin();
    rig_deadline(&rig, 0, A, SECOND);
    rig_deadline(&rig, 0, B, 2 * SECOND);
    rig_settle(&rig);
    settings.broken = A;
    receive(A, 1);
    rig_settle(&rig);
    rig_run(&rig, 4 * SECOND);
    cr_assert_eq(check().counter.fired, 1);
    settings.broken = NULL;
    release(A);
    rig_run(&rig, SECOND);
    cr_assert_eq(check().counter.fired, 2);
    cr_assert_eq(check().counter.total, 1);
}

Test(quarantine, impossible_deadline_waits_until_the_release)
{
    settings.broken = NULL;
    begin();
    rig_deadline(&rig, 0, A, SECOND);
    rig_settle(&rig);
    settings.broken = A;
    rig_run(&rig, 2 * SECOND);
    cr_assert_eq(check().counter.fired, 0);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 1);
    release(A);
    rig_run(&rig, SECOND);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED], 2);
    settings.broken = NULL;
    release(A);
    rig_run(&rig, SECOND);
    cr_assert_eq(check().counter.fired, 1);
    cr_assert_eq(gauge("doorstep_quarantined_aggregates"), 0);
}

/* ---- drop */

Test(quarantine, dropped_input_is_not_decided)
{
    const struct ds_inventory_event *event;

    begin();
    receive(A, 10);
    receive(A, 20);
    receive(A, 40);
    rig_settle(&rig);
    drop(RIG_COMMANDS, 1, A);
    drop(RIG_COMMANDS, 1, A);
    drop(RIG_COMMANDS, 2, B);
    rig_settle(&rig);
    cr_assert(last_reason_is("NOT_HELD"));
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 2);
    cr_assert_eq(gauge("doorstep_held_inputs"), 2);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_DROPPED);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("ann")));
    cr_assert(ds_str_eq(event->body.as.input_dropped.reason, DS_STR("not needed")));
    settings.broken = NULL;
    release(A);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 50);
}

Test(quarantine, input_that_is_gone_from_its_topic_is_not_passed_over_in_silence)
{
    const struct ds_inventory_event *event;

    begin();
    receive(A, 10);
    receive(B, 1);
    receive(A, 20);
    rig_settle(&rig);
    ds_fake_drop_before(rig.log, RIG_COMMANDS, 0, 1);
    settings.broken = NULL;
    release(A);
    rig_run(&rig, SECOND);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED);
    cr_assert(ds_str_eq(event->body.as.aggregate_quarantined.reason, DS_STR("INPUT_GONE")));
    cr_assert_eq(check().counter.total, 1);
    drop(RIG_COMMANDS, 0, A);
    release(A);
    rig_run(&rig, SECOND);
    cr_assert_eq(check().counter.total, 21);
}

/* ---- dead letters */

static void edit(const void *value, ds_bytes_t framed)
{
    struct ds_inventory_command command = {.head = rig_head(&rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_EDIT_INPUT};
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;

    ds_buf_init(&bytes, 4096);
    if (value != NULL) {
        cr_assert(ds_schema_encode(&ds_schema_inventory_commands, value, &bytes, &error));
        framed = ds_buf_bytes(&bytes);
    }
    command.body.as.edit_input =
        (struct ds_edit_input){.topic = DS_STR(RIG_COMMANDS),
                               .offset = 0,
                               .reason = DS_STR("a typing error"),
                               .old_value = {(const uint8_t *)"garbage", 7},
                               .new_value = framed};
    (void)rig_command(&rig, 0, &command);
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
    (void)ds_fake_append(rig.log, RIG_COMMANDS, 0, DS_STR("s"),
                         (ds_bytes_t){(const uint8_t *)"garbage", 7});
}

Test(quarantine, edited_dead_letter_is_decided_and_both_texts_stay)
{
    struct ds_stock_item item = {DS_STR(B), 5};
    struct ds_inventory_command command = corrected(&item);
    const struct ds_inventory_event *event;
    struct rig_fold fold;

    begin();
    append_garbage();
    edit(&command, (ds_bytes_t){0});
    edit(&command, (ds_bytes_t){0}); /* its id has been seen */
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 5);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 2);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_COMMAND_REPEATED], 1);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_EDITED);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("ann")));
    cr_assert_eq(event->body.as.input_edited.old_value.len, 7);
    cr_assert_gt(event->body.as.input_edited.new_value.len, 10);
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("robot")));
    cr_assert(ds_str_eq(event->context.command.id, DS_STR("corrected")));
}

Test(quarantine, edit_to_garbage_is_refused)
{
    begin();
    append_garbage();
    edit(NULL, (ds_bytes_t){(const uint8_t *)"rubbish", 7});
    rig_settle(&rig);
    cr_assert(last_reason_is("INVALID"));
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 0);
}

/* The refusal answers the edit: the corrected command was not decided, and its id is not seen. */
Test(quarantine, edit_that_leads_to_too_much_is_refused_itself)
{
    struct ds_stock_item item = {DS_STR(B), 256}; /* as many records, and one of the edit */
    struct ds_inventory_command command = corrected(&item);
    const struct ds_inventory_event *event;

    command.body.kind = DS_INVENTORY_COMMAND_COUNT_STOCK;
    command.body.as.count_stock.store_id = DS_STR("s");
    command.body.as.count_stock.items = (struct ds_array_of_stock_item){&item, 1};
    begin();
    append_garbage();
    edit(&command, (ds_bytes_t){0});
    rig_settle(&rig);
    cr_assert(last_reason_is("TOO_LARGE"));
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_COMMAND_REJECTED);
    cr_assert(!ds_str_eq(event->context.command.id, DS_STR("corrected")));
    cr_assert_eq(check().counter.total, 0);
}

Test(quarantine, edited_command_of_a_quarantined_aggregate_waits_too)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);
    struct rig_fold fold;

    begin();
    append_garbage();
    edit(&command, (ds_bytes_t){0});
    receive(A, 1);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 0);
    cr_assert_eq(gauge("doorstep_held_inputs"), 2);
    settings.broken = NULL;
    release(A);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 6);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 1);
}

Test(quarantine, dropped_dead_letter_is_noted_in_the_log)
{
    begin();
    append_garbage();
    drop(RIG_COMMANDS, 0, NULL);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_DROPPED], 1);
}

/* ---- editing what waits */

/* What stands at this place, as a text of its own: the topic's memory may move. */
static void copy_value(int64_t offset, ds_buf_t *copy)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_bytes_t value = ds_fake_record(rig.log, RIG_COMMANDS, 0, offset)->value;

    ds_buf_init(copy, 4096);
    cr_assert(ds_buf_append(copy, value.data, value.len, &error));
}

/* @param old_offset  whose bytes are said to be the old ones. */
static int64_t edit_held(int64_t offset, int64_t old_offset, const char *aggregate,
                         const struct ds_inventory_command *by)
{
    struct ds_inventory_command command = {.head = rig_head(&rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_EDIT_INPUT};
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t old;
    ds_buf_t bytes;
    int64_t asked;

    copy_value(old_offset, &old);
    ds_buf_init(&bytes, 4096);
    cr_assert(ds_schema_encode(&ds_schema_inventory_commands, by, &bytes, &error));
    command.body.as.edit_input = (struct ds_edit_input){.topic = DS_STR(RIG_COMMANDS),
                                                        .offset = offset,
                                                        .has_aggregate = true,
                                                        .aggregate = ds_str(aggregate),
                                                        .reason = DS_STR("one too many"),
                                                        .old_value = ds_buf_bytes(&old),
                                                        .new_value = ds_buf_bytes(&bytes)};
    asked = rig_command(&rig, 0, &command);
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
    for (int64_t i = 0; i < ds_fake_end(rig.log, RIG_EVENTS, 0); i++) {
        const struct ds_fake_record *record = ds_fake_record(rig.log, RIG_EVENTS, 0, i);
        struct ds_inventory_event event;

        cr_assert(ds_framing_decode(rig.oracle, &ds_schema_inventory_events, record->value, arena,
                                    &event, NULL, &error));
        if (event.body.kind == DS_INVENTORY_EVENT_INVENTORY_UPDATED && order_count < 8)
            order_seen[order_count++] = event.body.as.inventory_updated.changes.items[0].quantity;
    }
    ds_arena_destroy(arena);
}

Test(quarantine, edited_one_that_waits_is_decided_in_the_place_of_what_it_corrects)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);
    const struct ds_inventory_event *event;
    struct rig_fold fold;
    int64_t asked;

    begin();
    receive(A, 10);
    receive(A, 20);
    receive(A, 40);
    rig_settle(&rig);
    asked = edit_held(1, 1, A, &command);
    receive(B, 1);
    rig_settle(&rig);
    fold = check();
    cr_assert_eq(fold.counter.total, 1);
    cr_assert_eq(gauge("doorstep_held_inputs"), 3, "it takes the place of one");
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_EDITED);
    cr_assert(ds_str_eq(event->context.actor.id, DS_STR("ann")));
    cr_assert(ds_str_eq(event->body.as.input_edited.reason, DS_STR("one too many")));
    cr_assert(ds_str_eq(event->body.as.input_edited.aggregate, DS_STR(A)));
    again(); /* the next owner has it from the log */
    settings.broken = NULL;
    release(A);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 56);
    note_quantities();
    cr_assert_eq(order_count, 4);
    cr_assert_eq(order_seen[1], 10);
    cr_assert_eq(order_seen[2], 5);
    cr_assert_eq(order_seen[3], 40);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_EDITED], 1);
    cr_assert_eq(gauge("doorstep_held_inputs"), 0);
    cr_assert_eq(asked, 3);
}

Test(quarantine, edited_one_may_be_edited_again_or_dropped)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);
    int64_t first;
    int64_t second;

    begin();
    receive(A, 10);
    receive(A, 20);
    rig_settle(&rig);
    first = edit_held(0, 0, A, &command);
    rig_settle(&rig);
    item.quantity = 7;
    second = edit_held(first, first, A, &command);
    rig_settle(&rig);
    cr_assert_eq(gauge("doorstep_held_inputs"), 2);
    drop(RIG_COMMANDS, second, A);
    rig_settle(&rig);
    cr_assert_eq(gauge("doorstep_held_inputs"), 1);
    settings.broken = NULL;
    release(A);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 20);
}

Test(quarantine, edit_of_what_does_not_wait_or_of_other_bytes_or_to_another_aggregate_is_refused)
{
    struct ds_stock_item item = {DS_STR(A), 5};
    struct ds_inventory_command command = corrected(&item);

    begin();
    receive(B, 1);
    receive(A, 10);
    receive(A, 20);
    rig_settle(&rig);
    (void)edit_held(0, 0, A, &command);
    rig_settle(&rig);
    cr_assert(last_reason_is("NOT_HELD"));
    (void)edit_held(1, 2, A, &command);
    rig_settle(&rig);
    cr_assert(last_reason_is("NOT_HELD"));
    item.product_id = DS_STR(B);
    (void)edit_held(1, 1, A, &command);
    rig_settle(&rig);
    cr_assert(last_reason_is("INVALID"));
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_COMMAND_REJECTED], 3);
    cr_assert_eq(gauge("doorstep_held_inputs"), 2);
}
