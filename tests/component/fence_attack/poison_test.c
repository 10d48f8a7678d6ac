/* Inputs that somebody made to break the host: each must end in an outcome in the log, and the next
 * command must be decided. A step that fails ends the process, and with it the test. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define LONG_TEXT (940 * 1024) /* fits in a command, not in an event */
#define SECOND    INT64_C(1000000)

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 3);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(poison, .init = set_up, .fini = tear_down, .timeout = 300);

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

static ds_str_t long_text(void)
{
    static char text[LONG_TEXT];

    memset(text, 'x', sizeof(text));
    return (ds_str_t){text, sizeof(text)};
}

/* The encoder refuses records this large, a stranger's does not: written with a short text, which
 * is then stretched. */
static void append_stretched(struct ds_inventory_command *command, ds_str_t *field)
{
    static const char mark[] = "MARKMARKMARKMARK";
    uint8_t *bytes = malloc(LONG_TEXT + 65536);
    ds_error_t error = DS_ERROR_INIT;
    uint64_t zigzag = (uint64_t)LONG_TEXT * 2;
    ds_buf_t encoded;
    size_t at;
    size_t n = 0;

    *field = DS_STR("MARKMARKMARKMARK");
    ds_buf_init(&encoded, 65536);
    cr_assert(ds_schema_encode(&ds_schema_inventory_commands, command, &encoded, &error));
    for (at = 0; memcmp(encoded.data + at, mark, 16) != 0; at++)
        cr_assert_lt(at, encoded.len);
    memcpy(bytes, encoded.data, at - 1); /* its length is one byte */
    n = at - 1;
    for (; zigzag >= 0x80; zigzag >>= 7)
        bytes[n++] = (uint8_t)(zigzag | 0x80);
    bytes[n++] = (uint8_t)zigzag;
    memcpy(bytes + n, long_text().data, LONG_TEXT);
    n += LONG_TEXT;
    memcpy(bytes + n, encoded.data + at + 16, encoded.len - at - 16);
    n += encoded.len - at - 16;
    ds_fake_append(rig.log, RIG_COMMANDS, 0, rig_key(0), (ds_bytes_t){bytes, (uint32_t)n});
    ds_buf_cleanup(&encoded);
    free(bytes);
}

static struct ds_inventory_command receive(struct ds_stock_item *item)
{
    struct ds_inventory_command command = {.head = rig_head(&rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};

    *item = (struct ds_stock_item){DS_STR("s.p"), 1};
    command.body.as.receive_stock.store_id = DS_STR("s");
    command.body.as.receive_stock.items.items = item;
    command.body.as.receive_stock.items.count = 1;
    return command;
}

static void is_rejected_and_the_next_is_decided(void)
{
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_begin(&rig);
    rig_run(&rig, SECOND);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
    cr_assert_eq(check().counter.total, 5);
    cr_assert_eq(check().decisions, 2);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 1);
    rig_kill(&rig, 0);
    rig_begin(&rig);
    rig_run(&rig, SECOND);
    cr_assert_eq(check().decisions, 2);
}

Test(poison, correlation_id_too_long_for_any_refusal)
{
    struct ds_stock_item item;
    struct ds_inventory_command command = receive(&item);

    append_stretched(&command, &command.head.correlation_id);
    is_rejected_and_the_next_is_decided();
}

Test(poison, actor_too_long_for_any_refusal)
{
    struct ds_stock_item item;
    struct ds_inventory_command command = receive(&item);

    append_stretched(&command, &command.head.actor.id);
    is_rejected_and_the_next_is_decided();
}

Test(poison, command_id_too_long_for_any_refusal)
{
    struct ds_stock_item item;
    struct ds_inventory_command command = receive(&item);

    append_stretched(&command, &command.head.command_id);
    is_rejected_and_the_next_is_decided();
}

Test(poison, repeated_command_whose_context_is_too_long)
{
    struct ds_stock_item item;
    struct ds_inventory_command command = receive(&item);

    command.head.command_id = DS_STR("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    rig_command(&rig, 0, &command);
    append_stretched(&command, &command.head.correlation_id);
    rig_begin(&rig);
    rig_run(&rig, SECOND);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
    cr_assert_eq(check().counter.total, 1);
}

/* ---- events of a kind this version does not know ---- */

/* Decodable up to the meta block, broken behind it. */
static void order_event_broken(int64_t seq, bool more)
{
    struct ds_order_event event = {
        .meta = {.epoch = 1, .seq = seq, .more = more, .event_id = DS_STR("e")},
        .body.kind = DS_ORDER_EVENT_ORDER_CANCELLED};
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;

    event.body.as.order_cancelled.order_id = DS_STR("s.o");
    ds_buf_init(&bytes, 4096);
    cr_assert(ds_schema_encode(&ds_schema_order_events, &event, &bytes, &error));
    ds_fake_append(rig.log, RIG_ORDERS, 0, rig_key(0),
                   (ds_bytes_t){bytes.data, (uint32_t)bytes.len - 1});
    ds_buf_cleanup(&bytes);
}

/* More of them than dead letters may wait, most in one decision, while the dead-letter topic takes
 * none. */
Test(poison, whole_decision_that_cannot_be_decoded_while_dead_letters_wait)
{
    struct rig_script s = {RIG_DLQ, 0, INT64_MAX, 1000000, DS_FATE_HOLD};
    int64_t seq = 0;

    rig_order_claim(&rig, 0, 1);
    for (int i = 0; i < 50; i++)
        order_event_broken(++seq, false);
    for (int i = 0; i < 256; i++)
        order_event_broken(++seq, i < 255);
    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    rig_run(&rig, 15 * SECOND);
    s.count = 0;
    rig_release(&rig, DS_FATE_DELIVER);
    rig_run(&rig, 15 * SECOND);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_run(&rig, 15 * SECOND);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 306);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 306);
    cr_assert_eq(check().counter.total, 5);
}

/* A dead-letter topic that takes nothing stops its partition's inputs, and no other's. */
Test(poison, dead_letters_that_cannot_leave_do_not_hold_up_other_partitions)
{
    struct rig_script s = {RIG_DLQ, 0, INT64_MAX, 1000000, DS_FATE_HOLD};
    int64_t started;

    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 2);
    rig_settle(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    for (int i = 0; i < 400; i++)
        ds_fake_append(rig.log, RIG_COMMANDS, 0, rig_key(0),
                       (ds_bytes_t){(const uint8_t *)"garbage", 7});
    rig_run(&rig, 25 * SECOND);
    started = rig_fold(&rig, 1).decisions;
    for (int i = 0; i < 20; i++) {
        rig_receive(&rig, 1, NULL, 1, 1);
        rig_run(&rig, SECOND);
    }
    cr_expect_geq(rig_fold(&rig, 1).decisions - started, 10);
    s.count = 0;
    rig_release(&rig, DS_FATE_DELIVER);
    rig_run(&rig, 25 * SECOND);
    cr_assert_eq(rig_fold(&rig, 1).counter.total, 20);
    cr_assert_eq(rig_fold(&rig, 0).kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 400);
}

/* ---- tombstones and rubbish at each place ---- */

static void tombstone(const char *topic)
{
    ds_fake_append(rig.log, topic, 0, rig_key(0), (ds_bytes_t){NULL, 0});
}

Test(poison, tombstones_everywhere)
{
    rig_order_claim(&rig, 0, 1);
    tombstone(RIG_COMMANDS);
    tombstone(RIG_EVENTS);
    tombstone(RIG_ORDERS);
    rig_order_cancelled(&rig, 0);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_begin(&rig);
    tombstone(RIG_COMMANDS);
    tombstone(RIG_EVENTS);
    tombstone(RIG_ORDERS);
    rig_receive(&rig, 0, NULL, 2, 1);
    rig_order_cancelled(&rig, 0);
    rig_run(&rig, 5 * SECOND);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 4);
    cr_assert_eq(check().counter.orders, 2);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 2);
    cr_assert_eq(check().fence.epoch, 1);
}

Test(poison, command_without_a_key_is_rejected_and_the_next_is_decided)
{
    struct ds_stock_item item;
    struct ds_inventory_command command = receive(&item);
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;

    ds_buf_init(&bytes, 4096);
    cr_assert(ds_schema_encode(&ds_schema_inventory_commands, &command, &bytes, &error));
    ds_fake_append(rig.log, RIG_COMMANDS, 0, (ds_str_t){NULL, 0}, ds_buf_bytes(&bytes));
    ds_buf_cleanup(&bytes);
    rig_receive(&rig, 0, NULL, 1, 4);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(check().counter.total, 4);
    cr_assert_eq(check().kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
}

Test(poison, random_bytes_never_stop_the_commands)
{
    struct ds_fake_random dice;

    ds_fake_random_init(&dice, 99);
    for (int i = 0; i < 400; i++) {
        const struct ds_fake_record *good;
        uint8_t bytes[512];
        uint32_t len;

        rig_receive(&rig, 0, NULL, 1, 1);
        good = ds_fake_record(rig.log, RIG_COMMANDS, 0, ds_fake_end(rig.log, RIG_COMMANDS, 0) - 1);
        len = good->value.len < 512 ? good->value.len : 512;
        memcpy(bytes, good->value.data, len);
        for (int k = 0; k < 4; k++) /* mutate behind the frame, or anywhere */
            bytes[ds_fake_random_next(&dice) % len] = (uint8_t)ds_fake_random_next(&dice);
        len -= (uint32_t)(ds_fake_random_next(&dice) % 3);
        ds_fake_append(rig.log, RIG_COMMANDS, 0, rig_key(0), (ds_bytes_t){bytes, len});
    }
    rig_begin(&rig);
    rig_run(&rig, 60 * SECOND);
    cr_assert_eq(check().decisions, 800);
}

/* ---- deciders with a mistake ---- */

static bool bad_text(const void *state, const struct ds_input *input, int64_t now_us,
                     ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_inventory_command *command = input->message;

    if (input->kind == DS_INPUT_COMMAND && command->body.kind == DS_INVENTORY_COMMAND_COUNT_STOCK)
        return ds_decision_reject(decision, DS_STR("\xff"), DS_STR("x"), "X", error);
    return ds_counter_decider.decide(state, input, now_us, decision, error);
}

static struct ds_decider mistaken;

static void use_mistaken(struct ds_host_config *config)
{
    mistaken = ds_counter_decider;
    mistaken.decide = bad_text;
    config->decider = &mistaken;
}

Test(poison, decision_that_nobody_could_read_stops_its_partition_only)
{
    rig_start(&rig, 0, use_mistaken);
    rig_assign(&rig, 0, 0, 2);
    rig_settle(&rig);
    rig_count(&rig, 0, "s", 1);
    rig_receive(&rig, 1, NULL, 1, 5);
    rig_run(&rig, SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(rig_state(&rig, 0, 1), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_fold(&rig, 1).counter.total, 5);
}

/* ---- a dead-letter topic that takes nothing ---- */

static void tries_are_few(enum ds_fake_fate fate)
{
    struct rig_script s = {RIG_DLQ, 0, INT64_MAX, 1000000, fate};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    ds_fake_append(rig.log, RIG_COMMANDS, 0, rig_key(0),
                   (ds_bytes_t){(const uint8_t *)"garbage", 7});
    rig_run(&rig, 20 * SECOND); /* 2000 turns */
    cr_assert_leq(1000000 - s.count, 50);
    s.count = 0;
    rig_run(&rig, 3 * SECOND);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 1);
    cr_assert_eq(check().fence.epoch, 1);
}

Test(poison, dead_letter_that_is_refused_is_not_tried_in_every_turn)
{
    tries_are_few(DS_FATE_REFUSE);
}

Test(poison, dead_letter_that_always_fails_is_not_tried_in_every_turn)
{
    tries_are_few(DS_FATE_LOSE);
}
