/* Progress: inputs that yield nothing are noted in the log, bounded in time and number, and an idle
 * shop writes nothing. */
#include "rig.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 5);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(progress, .init = set_up, .fini = tear_down, .timeout = 300);

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

/* Nothing comes of them. */
static void silent_events(int count)
{
    if (rig.order_epoch == 0)
        rig_order_claim(&rig, 0, 1);
    for (int i = 0; i < count; i++)
        rig_order_event(&rig, 0,
                        &(struct ds_meta){.epoch = rig.order_epoch, .seq = ++rig.order_seq}, false);
}

static int written(void)
{
    return check().kinds[DS_INVENTORY_EVENT_PROGRESS];
}

static int64_t resumed_at(int32_t input)
{
    const struct ds_inventory_event *open = rig_last(&rig, 0, DS_INVENTORY_EVENT_OPEN);

    for (size_t i = 0; i < open->body.as.open.inputs.count; i++)
        if (open->body.as.open.inputs.items[i].input == input)
            return open->body.as.open.inputs.items[i].offset;
    return -1;
}

Test(progress, input_that_yields_nothing_is_noted_after_a_while)
{
    const struct ds_array_of_input_position *inputs;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    silent_events(3); /* behind a Claim: offsets 1 to 3 */
    rig_run(&rig, 29 * SECOND);
    cr_assert_eq(written(), 0);
    rig_run(&rig, 2 * SECOND);
    cr_assert_eq(written(), 1);
    inputs = &rig_last(&rig, 0, DS_INVENTORY_EVENT_PROGRESS)->body.as.progress.inputs;
    cr_assert_eq(inputs->count, 1); /* a command's decision says itself how far commands are */
    cr_assert_eq(inputs->items[0].input, 1);
    cr_assert_eq(inputs->items[0].offset, 4);
    cr_assert_eq(inputs->items[0].epoch, 1);
    cr_assert_eq(inputs->items[0].seq, 3);
}

Test(progress, next_owner_goes_on_where_progress_says)
{
    rig_begin(&rig);
    silent_events(3);
    rig_run(&rig, 31 * SECOND);
    rig_kill(&rig, 0);
    rig_order_cancelled(&rig, 0);
    rig_begin(&rig);
    cr_assert_eq(resumed_at(1), 4);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 1);
}

Test(progress, idle_shop_writes_nothing)
{
    int64_t end;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_order_cancelled(&rig, 0);
    silent_events(1);
    rig_run(&rig, 40 * SECOND);
    end = ds_fake_end(rig.log, RIG_EVENTS, 0);
    rig_run(&rig, 600 * SECOND);
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), end);
}

/* Order listens to inventory and inventory to order: if one's Progress led to the other's, they
 * would never rest. */
Test(progress, records_of_the_protocol_alone_lead_to_none)
{
    struct ds_order_event event = {
        .meta = {.epoch = 1, .seq = 1, .event_id = DS_STR("p")},
        .body.kind = DS_ORDER_EVENT_PROGRESS,
    };
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;

    rig_begin(&rig);
    rig_order_claim(&rig, 0, 1);
    ds_buf_init(&bytes, 4096);
    for (event.meta.seq = 1; event.meta.seq <= 20; event.meta.seq++) {
        ds_buf_clear(&bytes);
        cr_assert(ds_schema_encode(&ds_schema_order_events, &event, &bytes, &error));
        ds_fake_append(rig.log, RIG_ORDERS, 0, (ds_str_t){NULL, 0}, ds_buf_bytes(&bytes));
        rig_run(&rig, 10 * SECOND);
    }
    ds_buf_cleanup(&bytes);
    cr_assert_eq(written(), 0);
}

Test(progress, many_records_are_noted_at_once_and_then_after_a_pause)
{
    rig_begin(&rig);
    silent_events(10001);
    rig_run(&rig, SECOND);
    cr_assert_eq(written(), 1);
    silent_events(20000);
    rig_run(&rig, 2 * SECOND);
    cr_assert_eq(written(), 1);
    rig_run(&rig, 4 * SECOND);
    cr_assert_eq(written(), 2);
}

Test(progress, input_with_decisions_is_not_noted)
{
    rig_begin(&rig);
    for (int i = 0; i < 60; i++) {
        silent_events(1);
        rig_order_cancelled(&rig, 0);
        rig_run(&rig, SECOND);
    }
    cr_assert_eq(written(), 0);
}

Test(progress, half_a_decision_is_not_noted)
{
    rig_begin(&rig);
    silent_events(2);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = ++rig.order_seq, .more = true},
                    true);
    rig_run(&rig, 60 * SECOND);
    cr_assert_eq(written(), 0); /* it would stand inside of what may be torn yet */
    rig_kill(&rig, 0);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = ++rig.order_seq}, true);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 2);
}

Test(progress, lost_with_its_epoch_it_moves_nothing)
{
    struct rig_script s = {RIG_EVENTS, 2, 2, 1, DS_FATE_LOSE};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    silent_events(3);
    rig_run(&rig, 31 * SECOND);
    cr_assert_eq(s.count, 0);
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(resumed_at(1), 0);
    rig_run(&rig, 31 * SECOND);
    cr_assert_eq(written(), 1);
    rig_order_cancelled(&rig, 0);
    rig_settle(&rig);
    cr_assert_eq(check().counter.orders, 1);
}

Test(progress, commands_say_themselves_how_far_they_are)
{
    rig_begin(&rig);
    for (int i = 0; i < 70; i++) {
        rig_receive(&rig, 0, NULL, 1, 1);
        rig_run(&rig, SECOND);
    }
    cr_assert_eq(written(), 0);
}
