/* The payments gateway on a log in memory, with a real sandbox provider: what is outstanding is
 * charged once, however much of it there is, and whenever the provider comes back. */
#include "base/limits.h"
#include "events.h"
#include "fake_log.h"
#include "gateways/payments/intake.h"
#include "kit.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTITIONS 2
#define ROOM       10 /* outstanding at once */
#define MAX_TOLD   256
#define ID_BYTES   48

static const char *const topic[] = {"payment.events"};

struct told {
    char order_id[ID_BYTES];
    char key[ID_BYTES];
    bool refund;
    bool ok;
};

static struct kit *kit;
static struct ds_fake_time times;
static struct ds_fake_random chance;
static struct ds_runtime reading; /* by the clock of the log */
static ds_fake_log_t *events;
static int64_t seqs[PARTITIONS];
static int64_t epoch = 1; /* of what is appended */
static ds_calls_t *calls;
static ds_intake_t *intake;
static ds_broker_t *broker;

/* What the gateway reported, in the thread of the calls. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct told told[MAX_TOLD];
static size_t told_count;
static size_t written; /* of those, by payment */

/* --- payment -----------------------------------------------------------------------------------
 */

static void append(int32_t partition, struct ds_payment_event event)
{
    char id[32];
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    (void)snprintf(id, sizeof id, "e-%d-%lld", (int)partition, (long long)seqs[partition]);
    event.meta.epoch = epoch;
    event.meta.seq = seqs[partition]++;
    event.meta.event_id = ds_str(id);
    cr_assert(ds_schema_encode(&ds_schema_payment_events, &event, &bytes, &error), "%s",
              error.message);
    (void)ds_fake_append(events, topic[0], partition, DS_STR("b"), ds_buf_bytes(&bytes));
    ds_buf_cleanup(&bytes);
}

static void append_claim(int32_t partition)
{
    struct ds_payment_event claim = {.body.kind = DS_PAYMENT_EVENT_CLAIM};
    claim.body.as.claim.nonce = DS_STR("payment");
    append(partition, claim);
}

/* Orders stand in the partition that their number gives. */
static int32_t partition_of(int order)
{
    return order % PARTITIONS;
}

static void name_order(int order, char id[ID_BYTES])
{
    (void)snprintf(id, ID_BYTES, "b.%d", order);
}

static void append_charges(int from, int to)
{
    for (int i = from; i < to; i++) {
        char id[ID_BYTES], key[ID_BYTES + 4];
        name_order(i, id);
        (void)snprintf(key, sizeof key, "%s-c1", id);
        append(partition_of(i), payment_initiated(id, key, "tok_ok", 100 + i));
    }
}

static void append_successes(int from, int to)
{
    for (int i = from; i < to; i++) {
        char id[ID_BYTES];
        name_order(i, id);
        append(partition_of(i), payment_success(id));
    }
}

static bool take_report(void *context, const struct ds_payment_command *command, ds_str_t store,
                        struct ds_entry *entry, ds_error_t *error)
{
    struct told one = {.refund = command->body.kind == DS_PAYMENT_COMMAND_REPORT_REFUND};
    const struct ds_report_charge *charge = &command->body.as.report_charge;
    const struct ds_report_refund *refund = &command->body.as.report_refund;
    (void)context, (void)store, (void)error;
    (void)ds_str_to_array(one.refund ? refund->order_id : charge->order_id, one.order_id, ID_BYTES);
    (void)ds_str_to_array(one.refund ? refund->refund_key : charge->charge_key, one.key, ID_BYTES);
    one.ok = (one.refund ? refund->outcome : charge->outcome) == DS_REPORT_OUTCOME_OK;
    pthread_mutex_lock(&lock);
    cr_assert_lt(told_count, MAX_TOLD);
    told[told_count++] = one;
    pthread_mutex_unlock(&lock);
    ds_calls_reported(calls, entry, true);
    return true;
}

/* An event for each report, as payment would write it. */
static void write_outcomes(void)
{
    pthread_mutex_lock(&lock);
    for (; written < told_count; written++) {
        const struct told *one = &told[written];
        int32_t partition = partition_of((int)strtol(one->order_id + 2, NULL, 10));
        cr_expect(one->ok, "%s", one->key);
        append(partition,
               one->refund ? refunded(one->order_id, one->key) : payment_success(one->order_id));
    }
    pthread_mutex_unlock(&lock);
}

/* --- the gateway -------------------------------------------------------------------------------
 */

static void start_with(size_t room, size_t in_flight)
{
    ds_error_t error = DS_ERROR_INIT;
    const struct ds_calls_config calling = {
        .provider = "sandbox",
        .provider_url = kit->url,
        .provider_key = PROVIDER_KEY,
        .timeout_ms = 2000,
        .in_flight_max = in_flight,
        .outstanding_max = room,
        .first_pause_us = 20 * DS_US_PER_MS,
        .max_pause_us = 100 * DS_US_PER_MS,
        .report = take_report,
    };
    cr_assert(ds_calls_new(&kit->runtime, &calling, &calls, &error), "%s", error.message);
    broker = ds_fake_broker_new(events, topic, 1);
    const struct ds_intake_config config = {
        .calls = calls,
        .broker = broker,
        .lookup = ds_fake_broker_new(events, topic, 1),
    };
    cr_assert(ds_intake_new(&reading, &config, &intake, &error), "%s", error.message);
    ds_fake_assign(broker, 0, PARTITIONS);
}

static void start(void)
{
    start_with(ROOM, 16);
}

static void stop(void)
{
    if (calls != NULL)
        ds_calls_stop(calls, 1000);
    ds_intake_destroy(intake);
    ds_calls_destroy(calls);
    intake = NULL;
    calls = NULL;
}

static void turn(void)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_intake_turn(intake, &error), "%s", error.message);
    write_outcomes();
    ds_fake_time_add(&times, 10 * DS_US_PER_MS);
}

static void turn_often(int turns)
{
    while (turns-- > 0)
        turn();
}

static void turn_until_current(void)
{
    for (int turns = 0; turns < 5000 && !ds_intake_current(intake); turns++)
        turn();
    cr_assert(ds_intake_current(intake));
}

static bool is_all_done(size_t count)
{
    return written >= count && ds_calls_outstanding(calls) == 0 &&
           ds_intake_waiting(intake) == NULL && ds_intake_current(intake);
}

/* Every outcome is told once, and nothing is left. */
static void turn_until_done(size_t count)
{
    for (int turns = 0; turns < 5000 && !is_all_done(count); turns++) {
        turn();
        kit_pause();
    }
    cr_expect(is_all_done(count), "%zu of %zu told, %zu outstanding", written, count,
              ds_calls_outstanding(calls));
    turn_often(50);
    cr_expect_eq(written, count);
}

static void set_up(void)
{
    kit = kit_start("");
    ds_fake_time_init(&times, ds_now_us(kit->runtime.clock));
    ds_fake_random_init(&chance, 1);
    reading = kit->runtime;
    reading.clock = &times.clock;
    reading.random = &chance.random;
    events = ds_fake_log_new(&times, PARTITIONS);
    for (int32_t p = 0; p < PARTITIONS; p++)
        append_claim(p);
}

static void tear_down(void)
{
    stop();
    ds_fake_log_destroy(events);
    kit_stop(kit);
}

TestSuite(intake, .init = set_up, .fini = tear_down, .timeout = 120);

/* --- more than may be outstanding --------------------------------------------------------------
 */

Test(intake, more_than_may_be_outstanding_is_charged_once_when_the_provider_is_back)
{
    start();
    turn_until_current();
    kit_sandbox_stop(kit);
    append_charges(0, 8 * ROOM);
    turn_often(50);
    kit_sandbox_start(kit);
    turn_until_done(8 * ROOM);
    cr_expect_eq(kit_charges(kit), 8 * ROOM);
}

Test(intake, peak_that_is_over_does_not_keep_a_restart_from_coming_up)
{
    append_charges(0, 8 * ROOM);
    append_successes(0, 7 * ROOM);
    start();
    turn_until_done(ROOM);
    cr_expect_eq(kit_charges(kit), ROOM, "those that are closed are not done");
}

Test(intake, restart_in_the_middle_of_a_peak_charges_all_of_it_once)
{
    start();
    turn_until_current();
    append_charges(0, 8 * ROOM);
    for (int turns = 0; turns < 5000 && written < 2 * ROOM; turns++) {
        turn();
        kit_pause();
    }
    stop();
    start();
    turn_until_done(written > 8 * ROOM ? written : 8 * ROOM);
    cr_expect_eq(kit_charges(kit), 8 * ROOM);
}

Test(intake, refunds_beyond_what_may_be_outstanding_are_made_too)
{
    append_charges(0, 3 * ROOM);
    start();
    turn_until_done(3 * ROOM);
    kit_sandbox_stop(kit);
    append_charges(3 * ROOM, 6 * ROOM);
    struct reply books = {0};
    kit_sandbox_start(kit);
    books = kit_call(kit, "GET", "/v1/books?limit=1000", NULL, NULL, 4000);
    json_t *charges = json_object_get(books.json, "charges");
    for (size_t i = 0; i < 3 * ROOM; i++) {
        const json_t *charge = json_array_get(charges, i);
        const char *key = json_string_value(json_object_get(charge, "key"));
        char order[ID_BYTES], refund[ID_BYTES + 4];
        cr_assert_not_null(key);
        int number = (int)strtol(key + 2, NULL, 10);
        name_order(number, order);
        (void)snprintf(refund, sizeof refund, "%s-r1", order);
        append(partition_of(number),
               refund_initiated(order, refund, json_string_value(json_object_get(charge, "id")),
                                10));
    }
    reply_free(&books);
    turn_until_done(9 * ROOM);
    cr_expect_eq(kit_charges(kit), 6 * ROOM);
}

Test(intake, charge_given_up_while_there_was_no_room_for_it_is_not_done)
{
    start();
    turn_until_current();
    kit_sandbox_stop(kit);
    append_charges(0, 4 * ROOM);
    turn_often(50);
    for (int i = 2 * ROOM; i < 4 * ROOM; i++) {
        char id[ID_BYTES];
        name_order(i, id);
        append(partition_of(i), payment_silent(id, times.now_us));
    }
    turn_often(50);
    kit_sandbox_start(kit);
    turn_until_done(2 * ROOM);
    cr_expect_eq(kit_charges(kit), 2 * ROOM);
}

Test(intake, partitions_that_go_and_come_in_a_peak_are_charged_once)
{
    start();
    turn_until_current();
    kit_sandbox_stop(kit);
    append_charges(0, 4 * ROOM);
    turn_often(50);
    ds_fake_revoke(broker);
    turn_often(5);
    ds_fake_assign(broker, 0, PARTITIONS);
    turn_often(50);
    kit_sandbox_start(kit);
    turn_until_done(4 * ROOM);
    cr_expect_eq(kit_charges(kit), 4 * ROOM);
}

Test(intake, partition_that_is_damaged_keeps_no_other_waiting)
{
    epoch = 9;
    append_charges(0, 1);
    epoch = 1;
    append_charges(0, 8 * ROOM);
    start();
    for (int turns = 0; turns < 5000 && written < 4 * ROOM; turns++) {
        turn();
        kit_pause();
    }
    cr_expect_eq(written, 4 * ROOM, "%zu of the other partition's", written);
    cr_expect_eq(kit_charges(kit), 4 * ROOM);
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* A provider that takes its time over each call must not keep the gateway from learning what has
 * become of the others. */
Test(intake, outcomes_are_read_however_many_wait_for_their_first_call)
{
    start_with(10000, 2);
    turn_until_current();
    kit_mode(kit, "silent");
    append_charges(0, 6000);
    for (int turns = 0; turns < 500 && ds_calls_outstanding(calls) < 4000; turns++)
        turn();
    append_successes(0, 6000);
    turn_often(500);
    cr_expect_eq(ds_calls_outstanding(calls), 0);
}

/* --- a leader that hangs -----------------------------------------------------------------------
 */

Test(intake, leader_that_hangs_holds_up_its_own_partition_alone)
{
    append_charges(0, ROOM);
    ds_fake_deafen(events, topic[0], 0);
    start();
    int64_t began_us = times.monotonic_us;
    turn_often(400);
    int64_t turns_us = 400 * 10 * DS_US_PER_MS;
    int64_t asked_us = times.monotonic_us - began_us - turns_us;
    cr_expect_leq(asked_us, turns_us, "most of the time is for reading");
    cr_expect_not(ds_intake_current(intake));
    for (int i = 0; i < 1000 && written < ROOM / 2; i++) {
        turn();
        kit_pause();
    }
    cr_expect_eq(written, ROOM / 2, "the other partition's");
    ds_fake_deafen(events, NULL, 0);
    turn_until_done(ROOM);
}
