/* Records with registry ids: what is not known waits, what nobody knows is poison, and nothing that
 * is known is held up. */
#include "rig.h"
#include "stream/reader.h"

#include <criterion/criterion.h>

#define SECOND  INT64_C(1000000)
#define GONE_ID 9 /* the registry does not have it */

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 8);
    rig_registry(&rig);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(framing, .init = set_up, .fini = tear_down, .timeout = 300);

static void begin(void)
{
    rig_teach(&rig, RIG_ID_EVENTS);
    rig_begin(&rig);
}

static struct rig_fold check(void)
{
    struct rig_fold fold = rig_fold(&rig, 0);

    cr_assert(!fold.damaged);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_counter(&rig, 0, 0)->digest, fold.counter.digest);
    return fold;
}

static void receive_as(uint32_t id, int quantity)
{
    rig.write_id = id;
    rig_receive(&rig, 0, NULL, 1, quantity);
    rig.write_id = 0;
}

static const char *waiting(void)
{
    const char *text = atomic_load(&rig.health.waiting);
    return text == NULL ? "nothing" : text;
}

/* ---- writing ---- */

Test(framing, no_partition_is_claimed_before_the_id_to_write_with_is_known)
{
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 20 * SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_WAITING);
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), 0);
    cr_assert(!ds_host_ready(rig.hosts[0]));
    cr_assert_str_eq(waiting(), "the schema registry is asked");
    rig_teach(&rig, RIG_ID_EVENTS);
    rig_run(&rig, SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert(ds_host_ready(rig.hosts[0]));
    cr_assert_str_eq(waiting(), "nothing");
}

Test(framing, events_carry_the_id_and_both_framings_are_read)
{
    begin();
    rig_receive(&rig, 0, NULL, 1, 4);
    rig_teach(&rig, RIG_ID_COMMANDS);
    receive_as(RIG_ID_COMMANDS, 5);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 9);
    for (int64_t i = 0; i < ds_fake_end(rig.log, RIG_EVENTS, 0); i++)
        cr_assert_eq(memcmp(ds_fake_record(rig.log, RIG_EVENTS, 0, i)->value.data, "\0\0\0\0\3", 5),
                     0);
}

Test(framing, a_log_that_was_begun_without_a_registry_goes_on_with_one)
{
    ds_framing_t *framing = rig.runtime.framing;

    rig.runtime.framing = NULL;
    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 2, 4);
    rig_settle(&rig);
    rig_stop(&rig, 0);
    rig.runtime.framing = framing;
    begin();
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 9);
}

/* ---- commands ---- */

Test(framing, a_command_whose_id_is_not_known_yet_waits_and_is_not_set_aside)
{
    begin();
    receive_as(RIG_ID_COMMANDS, 4);
    rig_receive(&rig, 0, NULL, 1, 1); /* behind it, and not before it */
    rig_run(&rig, 120 * SECOND);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 0);
    cr_assert_eq(check().counter.total, 0);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 0);
    cr_assert_str_eq(waiting(), "the schema registry is asked");
    rig_teach(&rig, RIG_ID_COMMANDS);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 5);
    cr_assert_eq(check().last_input[0], 1);
    cr_assert_str_eq(waiting(), "nothing");
}

Test(framing, a_command_whose_id_the_registry_does_not_have_is_poison)
{
    begin();
    rig_teach(&rig, GONE_ID);
    receive_as(GONE_ID, 4);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 1);
    cr_assert(ds_str_eq(
        rig_last(&rig, 0, DS_INVENTORY_EVENT_INPUT_REJECTED)->body.as.input_rejected.reason,
        DS_STR("UNKNOWN_SCHEMA")));
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 1);
}

Test(framing, a_command_with_the_id_of_another_topic_is_poison)
{
    begin();
    rig_teach(&rig, RIG_ID_ORDERS);
    receive_as(RIG_ID_ORDERS, 4);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
}

Test(framing, what_was_absent_is_asked_for_again_later)
{
    begin();
    rig_teach(&rig, GONE_ID);
    receive_as(GONE_ID, 4);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
    rig_run(&rig, 61 * SECOND);
    receive_as(GONE_ID, 4);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
    rig_teach(&rig, GONE_ID);
    rig_settle(&rig);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 2);
}

Test(framing, a_command_that_waits_is_decided_by_the_next_owner)
{
    begin();
    receive_as(RIG_ID_COMMANDS, 4);
    rig_settle(&rig);
    rig_stop(&rig, 0);
    rig_begin(&rig);
    rig_run(&rig, SECOND);
    cr_assert_eq(check().counter.total, 0);
    rig_teach(&rig, RIG_ID_COMMANDS);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 4);
}

/* ---- events ---- */

Test(framing, an_event_of_an_unknown_id_holds_up_its_input_only)
{
    begin();
    rig.write_id = RIG_ID_ORDERS;
    rig_order_cancelled(&rig, 0);
    rig.write_id = 0;
    rig_receive(&rig, 0, NULL, 1, 4);
    rig_run(&rig, 20 * SECOND);
    cr_assert_eq(check().counter.total, 4);
    cr_assert_eq(check().last_input[1], -1);
    rig_teach(&rig, RIG_ID_ORDERS);
    rig_settle(&rig);
    cr_assert_eq(check().last_input[1], 1);
}

Test(framing, an_event_that_nobody_knows_waits_for_a_version_that_does)
{
    begin();
    rig_teach(&rig, GONE_ID);
    rig.write_id = GONE_ID;
    rig_order_cancelled(&rig, 0);
    rig.write_id = 0;
    rig_run(&rig, 30 * SECOND);
    rig_receive(&rig, 0, NULL, 1, 4);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 4);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 0);
    cr_assert_not_null(strstr(waiting(), "a newer version"), "%s", waiting());
}

/* What was paid meanwhile may stand in the input that waits. */
Test(framing, deadlines_wait_for_the_registry_beyond_the_grace)
{
    begin();
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    receive_as(RIG_ID_COMMANDS, 4);
    rig_run(&rig, 120 * SECOND);
    cr_assert_eq(check().counter.fired, 0);
    rig_teach(&rig, RIG_ID_COMMANDS);
    rig_run(&rig, 2 * SECOND);
    cr_assert_eq(check().counter.fired, 1);
    cr_assert_eq(check().counter.total, 4);
}

/* ---- the own log ---- */

Test(framing, an_own_log_with_an_unknown_id_is_waited_for)
{
    begin();
    rig_receive(&rig, 0, NULL, 1, 4);
    rig_settle(&rig);
    rig_stop(&rig, 0);
    rig_registry_again(&rig);
    rig_teach(&rig, RIG_ID_OTHER_EVENTS); /* what to write with: another id */
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 30 * SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_READING);
    rig_teach(&rig, RIG_ID_EVENTS);
    rig_run(&rig, SECOND);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 5);
}

/* ---- the reader ---- */

static ds_reader_t *reader;
static ds_error_t error;

static size_t read_all(int64_t *last_offset_out)
{
    size_t count = 0;
    struct ds_read_batch batch;

    for (int n = 0; n < 20; n++) {
        cr_assert(ds_reader_poll(reader, 0, &batch, &error), "%s", error.message);
        count += batch.count;
        if (batch.count > 0)
            *last_offset_out = batch.records[batch.count - 1].place.offset;
    }
    return count;
}

static void open_reader(void)
{
    static const struct ds_schema *const both[] = {&ds_schema_inventory_events,
                                                   &ds_schema_order_events};
    static const char *const names[] = {RIG_EVENTS, RIG_ORDERS};
    struct ds_reader_config config = {.topics = both, .topic_count = 2};

    config.broker = ds_fake_broker_new(rig.log, names, 2);
    config.lookup = ds_fake_broker_new(rig.log, names, 2);
    cr_assert(ds_reader_new(&rig.runtime, &config, &reader, &error), "%s", error.message);
    for (int32_t t = 0; t < 2; t++)
        cr_assert(ds_reader_assign(reader, t, 0, DS_PLACE_START, &error), "%s", error.message);
}

Test(framing, a_reader_waits_in_front_of_what_it_does_not_know_and_reads_the_rest)
{
    int64_t last = -1;

    begin();
    rig_order_claim(&rig, 0, 1);
    rig.write_id = RIG_ID_ORDERS;
    rig_order_cancelled(&rig, 0);
    rig.write_id = 0;
    rig_order_cancelled(&rig, 0);
    open_reader();
    cr_assert_eq(read_all(&last), 3); /* Claim and Open of one, the Claim of the other */
    cr_assert_eq(ds_reader_next_offset(reader, 1, 0), 1);
    cr_assert_str_eq(ds_reader_waiting(reader), "the schema registry is asked");
    rig_teach(&rig, RIG_ID_ORDERS);
    cr_assert_eq(read_all(&last), 2);
    cr_assert_eq(last, 2);
    cr_assert_null(ds_reader_waiting(reader));
    ds_reader_destroy(reader);
}

Test(framing, a_decision_cut_by_the_wait_is_handed_out_whole)
{
    int64_t last = -1;

    begin();
    rig_order_claim(&rig, 0, 1);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 1, .more = true}, true);
    rig.write_id = RIG_ID_ORDERS;
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 2}, true);
    rig.write_id = 0;
    open_reader();
    cr_assert_eq(read_all(&last), 3);
    rig_teach(&rig, RIG_ID_ORDERS);
    cr_assert_eq(read_all(&last), 2);
    ds_reader_destroy(reader);
}

Test(framing, a_reader_that_is_placed_anew_forgets_what_it_waited_for)
{
    int64_t last = -1;

    begin();
    rig_order_claim(&rig, 0, 1);
    rig.write_id = RIG_ID_ORDERS;
    rig_order_cancelled(&rig, 0);
    rig.write_id = 0;
    open_reader();
    cr_assert_eq(read_all(&last), 3);
    cr_assert_not_null(ds_reader_waiting(reader));
    cr_assert(ds_reader_assign(reader, 1, 0, (struct ds_log_place){1, 1, 1}, &error));
    cr_assert_null(ds_reader_waiting(reader));
    rig_order_cancelled(&rig, 0);
    cr_assert_eq(read_all(&last), 1);
    ds_reader_destroy(reader);
}
