/* The reader: whole decisions under rule F, places, damage, the group's callbacks. */
#include "base/id.h"
#include "base/limits.h"
#include "rig.h"
#include "stream/reader.h"

#include <criterion/criterion.h>

static struct rig rig;
static ds_reader_t *reader;
static ds_broker_t *broker;
static ds_error_t error = DS_ERROR_INIT;
static const struct ds_schema *const both[] = {&ds_schema_inventory_events,
                                               &ds_schema_order_events};
static const char *const names[] = {RIG_EVENTS, RIG_ORDERS};

/* what the callbacks were told */
static int assigned_count;
static int revoked_count;
static int refuse; /* so many times, retriably */
static struct ds_log_place start;

static bool on_assigned(void *context, int32_t partition, struct ds_log_place *places_out,
                        ds_error_t *why)
{
    (void)context;
    (void)partition;
    assigned_count++;
    if (refuse > 0) {
        refuse--;
        return ds_error_set(why, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "not yet");
    }
    places_out[0] = start;
    return true;
}

static void on_revoked(void *context, int32_t partition)
{
    (void)context;
    (void)partition;
    revoked_count++;
}

static void open_reader(const char *group)
{
    struct ds_reader_config config = {.group_id = group,
                                      .topics = both,
                                      .topic_count = 2,
                                      .assigned = on_assigned,
                                      .revoked = on_revoked};

    broker = ds_fake_broker_new(rig.log, names, 2);
    config.broker = broker;
    config.lookup = ds_fake_broker_new(rig.log, names, 2);
    cr_assert(ds_reader_new(&rig.runtime, &config, &reader, &error), "%s", error.message);
}

static void set_up(void)
{
    rig_init(&rig, 6);
    start = DS_PLACE_START;
    rig_begin(&rig);
}

static void tear_down(void)
{
    ds_reader_destroy(reader);
    rig_cleanup(&rig);
}

TestSuite(reader, .init = set_up, .fini = tear_down, .timeout = 300);

/* Reads all there is; counts records by topic and checks that no batch ends inside a decision. */
struct got {
    size_t count[2];
    struct ds_log_place last[2];
    int64_t total;
};

static struct got read_all(void)
{
    struct got got = {0};
    struct ds_read_batch batch;

    for (int n = 0; n < 20; n++) {
        cr_assert(ds_reader_poll(reader, 0, &batch, &error), "%s", error.message);
        for (size_t i = 0; i < batch.count; i++) {
            const struct ds_read_record *r = &batch.records[i];
            const struct ds_inventory_event *event = r->event;

            got.count[r->topic]++;
            got.last[r->topic] = r->place;
            if (r->topic == 0 && event->body.kind == DS_INVENTORY_EVENT_INVENTORY_UPDATED)
                got.total += event->body.as.inventory_updated.changes.items[0].quantity;
            if (i + 1 == batch.count)
                cr_assert(r->last);
        }
    }
    return got;
}

static void assign(struct ds_log_place place)
{
    cr_assert(ds_reader_assign(reader, 0, 0, place, &error), "%s", error.message);
}

Test(reader, hands_out_what_counts)
{
    struct got got;

    rig_receive(&rig, 0, NULL, 3, 2);
    rig_settle(&rig);
    rig_foreign_event(&rig, 0, 0, 4, false);
    open_reader(NULL);
    assign(DS_PLACE_START);
    got = read_all();
    cr_assert_eq(got.count[0], 5); /* Claim, Open, three events */
    cr_assert_eq(got.total, 6);
    cr_assert_eq(got.last[0].offset, 4);
    cr_assert_eq(got.last[0].epoch, 1);
    cr_assert_eq(got.last[0].seq, 4);
    cr_assert_eq(ds_reader_next_offset(reader, 0, 0), 6);
}

Test(reader, decision_is_handed_out_when_it_is_complete)
{
    open_reader(NULL);
    assign(DS_PLACE_START);
    rig_kill(&rig, 0);
    rig_foreign_event(&rig, 0, 1, 2, true);
    cr_assert_eq(read_all().count[0], 2);
    cr_assert_eq(ds_reader_next_offset(reader, 0, 0), 3);
    rig_foreign_event(&rig, 0, 1, 3, true);
    cr_assert_eq(read_all().count[0], 0);
    rig_foreign_event(&rig, 0, 1, 4, false);
    cr_assert_eq(read_all().count[0], 3);
}

Test(reader, torn_decision_is_never_handed_out)
{
    open_reader(NULL);
    assign(DS_PLACE_START);
    rig_kill(&rig, 0);
    rig_foreign_event(&rig, 0, 1, 2, true);
    cr_assert_eq(read_all().count[0], 2);
    rig_foreign_claim(&rig, 0, 2);
    rig_foreign_event(&rig, 0, 1, 3, false);
    cr_assert_eq(read_all().count[0], 1); /* the Claim */
}

Test(reader, goes_on_behind_a_saved_place)
{
    struct got got;

    rig_receive(&rig, 0, NULL, 3, 2);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_settle(&rig);
    open_reader(NULL);
    assign((struct ds_log_place){4, 1, 4});
    got = read_all();
    cr_assert_eq(got.count[0], 1);
    cr_assert_eq(got.total, 5);
}

Test(reader, place_with_a_wrong_seq_is_not_made_to_fit)
{
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_settle(&rig);
    open_reader(NULL);
    assign((struct ds_log_place){2, 1, 7});
    cr_assert_eq(read_all().count[0], 0);
}

static void damage_is_found(void)
{
    struct ds_read_batch batch;
    bool found = false;

    for (int n = 0; n < 5 && !found; n++) {
        ds_error_clear(&error);
        found = !ds_reader_poll(reader, 0, &batch, &error);
    }
    cr_assert(found);
    cr_assert_eq(error.code, DS_ERR_DAMAGE);
    cr_assert_not_null(strstr(error.message, RIG_EVENTS "/0"));
    ds_error_clear(&error);
}

Test(reader, damage_stops_its_partition_behind_what_was_read_and_not_the_others)
{
    struct got got;

    open_reader(NULL);
    assign(DS_PLACE_START);
    cr_assert(ds_reader_assign(reader, 1, 0, DS_PLACE_START, &error));
    rig_foreign_event(&rig, 0, 9, 1, false); /* an epoch that the log never opened */
    got = (struct got){0};
    {
        struct ds_read_batch batch;

        cr_assert(ds_reader_poll(reader, 0, &batch, &error)); /* Claim and Open come first */
        cr_assert_eq(batch.count, 2);
    }
    damage_is_found();
    rig_order_cancelled(&rig, 0);
    got = read_all();
    cr_assert_eq(got.count[0], 0);
    cr_assert_eq(got.count[1], 2);
}

Test(reader, jump_of_offsets_is_damage)
{
    open_reader(NULL);
    assign(DS_PLACE_START);
    read_all();
    ds_fake_skip_offset(rig.log, RIG_EVENTS, 0);
    rig_foreign_event(&rig, 0, 1, 2, false);
    damage_is_found();
}

Test(reader, place_outside_the_log_is_damage)
{
    open_reader(NULL);
    assign((struct ds_log_place){50, 1, 1});
    damage_is_found();
}

Test(reader, undecodable_body_keeps_the_fence_and_is_marked)
{
    const struct ds_fake_record *whole;
    struct ds_read_batch batch;

    rig_receive(&rig, 0, NULL, 1, 5);
    rig_settle(&rig);
    rig_kill(&rig, 0);
    whole = ds_fake_record(rig.log, RIG_EVENTS, 0, 2);
    ds_fake_truncate(rig.log, RIG_EVENTS, 0, 2);
    ds_fake_append(rig.log, RIG_EVENTS, 0, whole->key,
                   (ds_bytes_t){whole->value.data, whole->value.len - 1});
    rig_foreign_event(&rig, 0, 1, 3, false);
    open_reader(NULL);
    assign(DS_PLACE_START);
    cr_assert(ds_reader_poll(reader, 0, &batch, &error));
    cr_assert_eq(batch.count, 4);
    cr_assert(batch.records[2].undecodable);
    cr_assert_eq(batch.records[2].place.seq, 2);
    cr_assert(!batch.records[3].undecodable);
}

Test(reader, identity_is_the_nonce_of_the_first_valid_claim)
{
    ds_str_t by_reading;
    ds_str_t by_lookup;

    open_reader(NULL);
    cr_assert(ds_reader_log_identity(reader, 0, 0, 1000, &by_lookup, &error), "%s", error.message);
    cr_assert_gt(by_lookup.len, 0);
    ds_reader_destroy(reader);
    open_reader(NULL);
    assign(DS_PLACE_START);
    read_all();
    cr_assert(ds_reader_log_identity(reader, 0, 0, 1000, &by_reading, &error));
    cr_assert_eq(by_reading.len, DS_ID_CHARS);
    cr_assert(ds_reader_log_identity(reader, 0, 1, 1000, &by_lookup, &error));
    cr_assert_eq(by_lookup.len, 0); /* a log without a Claim has none */
}

/* Empty means that the log has no Claim; a projection takes that for another log, and stops. */
Test(reader, identity_is_not_known_where_the_end_is_not)
{
    ds_str_t identity;

    open_reader(NULL);
    cr_assert(ds_reader_assign(reader, 0, 0, DS_PLACE_START, &error));
    cr_assert(ds_reader_assign(reader, 1, 0, DS_PLACE_START, &error));
    ds_fake_fail_ends(rig.log, RIG_EVENTS);
    cr_assert_not(ds_reader_log_identity(reader, 0, 0, 1000, &identity, &error));
    cr_assert_eq(error.code, DS_ERR_UNAVAILABLE);
    ds_error_clear(&error);
    cr_assert(ds_reader_log_identity(reader, 1, 0, 1000, &identity, &error), "the others are");
    ds_fake_fail_ends(rig.log, NULL);
    cr_assert(ds_reader_log_identity(reader, 0, 0, 1000, &identity, &error));
    cr_assert_gt(identity.len, 0);
}

/* One call asks for all that are held, and no part of its answer is had where one leader is silent.
 */
Test(reader, identity_is_known_beside_a_silent_leader)
{
    ds_str_t identity;

    rig_order_cancelled(&rig, 0);
    open_reader(NULL);
    assign(DS_PLACE_START);
    cr_assert(ds_reader_assign(reader, 1, 0, DS_PLACE_START, &error));
    cr_assert(ds_reader_assign(reader, 0, 1, DS_PLACE_START, &error));
    ds_fake_deafen(rig.log, RIG_EVENTS, 1);
    for (int32_t t = 0; t < 2; t++) {
        cr_assert(ds_reader_log_identity(reader, t, 0, 1000, &identity, &error), "%s",
                  error.message);
        cr_assert_gt(identity.len, 0);
    }
    cr_assert_not(ds_reader_log_identity(reader, 0, 1, 1000, &identity, &error));
    cr_assert_eq(error.code, DS_ERR_UNAVAILABLE);
}

/* Asked in a loop: what is waited for the silent ones, and whether the others are asked. */
static int64_t ask_for(int64_t us, int answered[2][2])
{
    int64_t until_us = rig.time.monotonic_us + us;
    int64_t waited_us = 0;

    while (rig.time.monotonic_us < until_us) {
        int64_t began_us = rig.time.monotonic_us;

        for (int32_t i = 0; i < 4; i++) {
            int64_t end;
            ds_error_t ignored = DS_ERROR_INIT;

            answered[i / 2][i % 2] += ds_reader_end(reader, i / 2, i % 2, 1000, &end, &ignored);
        }
        waited_us += rig.time.monotonic_us - began_us;
        ds_fake_time_add(&rig.time, 50 * DS_US_PER_MS);
    }
    return waited_us;
}

Test(reader, silent_leaders_hold_up_whoever_asks_for_little)
{
    int answered[2][2] = {0};

    open_reader(NULL);
    ds_fake_deafen(rig.log, RIG_EVENTS, -1);
    cr_assert_leq(ask_for(60 * DS_US_PER_S, answered), 15 * DS_US_PER_S);
    cr_assert_eq(answered[0][0] + answered[0][1] + answered[1][0] + answered[1][1], 0);
    ds_fake_deafen(rig.log, NULL, 0);
    cr_assert_eq(ask_for(10 * DS_US_PER_S, answered), 0);
    for (int i = 0; i < 4; i++)
        cr_assert_gt(answered[i / 2][i % 2], 50, "%d", i);
    ds_fake_deafen(rig.log, RIG_EVENTS, 1);
    answered[0][0] = answered[0][1] = 0;
    cr_assert_leq(ask_for(60 * DS_US_PER_S, answered), 15 * DS_US_PER_S);
    cr_assert_gt(answered[0][0], 500);
    cr_assert_eq(answered[0][1], 0);
}

/* Seen on a real Kafka that was frozen: where nobody writes, no record tells that it is back. */
Test(reader, that_lost_sight_of_kafka_finds_it_again_without_a_record)
{
    struct ds_read_batch batch;

    open_reader(NULL);
    assign(DS_PLACE_START);
    (void)read_all();
    ds_fake_broker_lose_sight(broker);
    ds_fake_fail_ends(rig.log, RIG_EVENTS);
    cr_assert_not(ds_reader_poll(reader, 0, &batch, &error));
    cr_assert_eq(error.code, DS_ERR_UNAVAILABLE);
    ds_error_clear(&error);
    ds_fake_fail_ends(rig.log, NULL);
    ds_fake_time_add(&rig.time, 2 * DS_US_PER_S);
    cr_assert(ds_reader_poll(reader, 0, &batch, &error), "%s", error.message);
}

Test(reader, paused_topic_waits_and_the_other_goes_on)
{
    struct got got;

    open_reader(NULL);
    assign(DS_PLACE_START);
    cr_assert(ds_reader_assign(reader, 1, 0, DS_PLACE_START, &error));
    read_all();
    rig_kill(&rig, 0);
    rig_foreign_event(&rig, 0, 1, 2, true);
    cr_assert_eq(read_all().count[0], 0);
    ds_reader_pause(reader, 0, 0, true);
    rig_foreign_event(&rig, 0, 1, 3, false);
    rig_order_cancelled(&rig, 0);
    got = read_all();
    cr_assert_eq(got.count[0], 0);
    cr_assert_eq(got.count[1], 2);
    cr_assert_eq(ds_reader_next_offset(reader, 0, 0), 3);
    ds_reader_pause(reader, 0, 0, false);
    ds_reader_pause(reader, 0, 0, false);
    got = read_all();
    cr_assert_eq(got.count[0], 2); /* with the half that had been read */
    cr_assert_eq(got.count[1], 0);
}

Test(reader, pause_ends_with_the_reading)
{
    open_reader("g");
    ds_fake_assign(broker, 0, 1);
    cr_assert_eq(read_all().count[0], 2);
    ds_reader_pause(reader, 0, 0, true);
    ds_fake_revoke(broker);
    cr_assert_eq(read_all().count[0], 0);
    ds_reader_pause(reader, 0, 0, false);
    cr_assert_not(ds_fake_reads(broker, 0, 0));
    ds_fake_assign(broker, 0, 1);
    cr_assert_eq(read_all().count[0], 2);
}

Test(reader, group_gives_and_takes_partitions)
{
    open_reader("g");
    ds_fake_assign(broker, 0, 1);
    cr_assert_eq(read_all().count[0], 2);
    cr_assert_eq(assigned_count, 1);
    rig_order_cancelled(&rig, 0);
    cr_assert_eq(read_all().count[1], 2); /* the other topic's partition beside it */
    ds_fake_revoke(broker);
    rig_order_cancelled(&rig, 0);
    cr_assert_eq(read_all().count[1], 0);
    cr_assert_eq(revoked_count, 1);
}

Test(reader, assignment_that_fails_for_now_is_asked_again_after_a_pause)
{
    struct ds_read_batch batch;

    open_reader("g");
    refuse = 2;
    ds_fake_assign(broker, 0, 1);
    for (int n = 0; n < 10; n++)
        cr_assert(ds_reader_poll(reader, 0, &batch, &error));
    cr_assert_eq(assigned_count, 1);
    for (int n = 0; n < 100; n++) {
        ds_fake_time_add(&rig.time, 10000);
        cr_assert(ds_reader_poll(reader, 0, &batch, &error));
    }
    cr_assert_eq(assigned_count, 3);
    cr_assert_eq(ds_reader_next_offset(reader, 0, 0), 2);
}

Test(reader, dropped_partition_is_asked_for_again)
{
    open_reader("g");
    ds_fake_assign(broker, 0, 1);
    read_all();
    ds_reader_drop(reader, 0);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_settle(&rig);
    cr_assert_eq(read_all().count[0], 0);
    start = (struct ds_log_place){1, 1, 1};
    ds_fake_time_add(&rig.time, 6000000);
    cr_assert_eq(read_all().total, 5);
    cr_assert_eq(assigned_count, 2);
}

Test(reader, partition_over_the_maximum_is_refused_and_the_others_are_read)
{
    struct ds_read_batch batch;

    open_reader("g");
    ds_fake_assign(broker, DS_MAX_PARTITIONS, DS_MAX_PARTITIONS + 1);
    cr_assert_not(ds_reader_poll(reader, 0, &batch, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    cr_assert_not_null(strstr(error.message, RIG_EVENTS "/256"), "%s", error.message);
    cr_assert_eq(assigned_count, 0);
    ds_error_clear(&error);
    ds_fake_assign(broker, 0, 1);
    cr_assert_eq(read_all().count[0], 2);
}

Test(reader, topic_of_more_partitions_than_the_maximum_is_refused)
{
    int32_t count;
    ds_str_t identity;

    open_reader(NULL);
    ds_fake_tell_partitions(rig.log, DS_MAX_PARTITIONS + 1);
    cr_assert_not(ds_reader_log_identity(reader, 0, 0, 1000, &identity, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    ds_error_clear(&error);
    cr_assert_not(ds_reader_partitions(reader, 1000, &count, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    cr_assert_eq(count, 0);
    ds_error_clear(&error);
    ds_fake_tell_partitions(rig.log, DS_MAX_PARTITIONS);
    cr_assert(ds_reader_partitions(reader, 1000, &count, &error), "%s", error.message);
    cr_assert_eq(count, DS_MAX_PARTITIONS);
}
