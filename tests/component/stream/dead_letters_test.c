/* Dead letters at least once (protocol R9): an owner that dies leaves the next one knowing which
 * are owed, and what is noted is not sent again. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SECOND INT64_C(1000000)

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 9);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(dead_letters, .init = set_up, .fini = tear_down, .timeout = 300);

static struct rig_fold check(int host)
{
    struct rig_fold fold = rig_fold(&rig, 0);

    cr_assert(!fold.damaged);
    cr_assert(rig_each_once(&rig, 0));
    cr_assert_eq(rig_state(&rig, host, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(ds_host_unacked(rig.hosts[host], 0), 0);
    cr_assert_eq(rig_counter(&rig, host, 0)->digest, fold.counter.digest);
    return fold;
}

static int64_t append_text(const char *topic, const char *text)
{
    return ds_fake_append(rig.log, topic, 0, DS_STR("k"),
                          (ds_bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)});
}

static int64_t letters(void)
{
    return ds_fake_end(rig.log, RIG_DLQ, 0);
}

static ds_str_t header(int64_t letter, const char *name)
{
    const struct ds_fake_record *r = ds_fake_record(rig.log, RIG_DLQ, 0, letter);

    for (size_t i = 0; i < r->header_count; i++)
        if (strcmp(r->headers[i].name, name) == 0)
            return (ds_str_t){(const char *)r->headers[i].value.data, r->headers[i].value.len};
    return DS_STR("(none)");
}

static bool letter_is(int64_t letter, const char *key, const char *value)
{
    const struct ds_fake_record *r = ds_fake_record(rig.log, RIG_DLQ, 0, letter);

    return ds_str_eq(r->key, ds_str(key)) &&
           ds_str_eq((ds_str_t){(const char *)r->value.data, r->value.len}, ds_str(value));
}

/* From now on the dead-letter topic takes none. */
static void block(enum ds_fake_fate fate)
{
    static struct rig_script s;

    s = (struct rig_script){RIG_DLQ, 0, INT64_MAX, 1000000, fate};
    ds_fake_set_fate(rig.log, rig_fate, &s);
}

static void unblock(void)
{
    ds_fake_set_fate(rig.log, NULL, NULL);
}

static void succeed(void)
{
    rig_kill(&rig, 0);
    unblock();
    rig_begin(&rig);
    rig_settle(&rig);
}

Test(dead_letters, owner_that_dies_before_sending_leaves_it_to_the_next)
{
    rig_begin(&rig);
    block(DS_FATE_LOSE);
    rig_receive(&rig, 0, NULL, 1, 1);
    append_text(RIG_COMMANDS, "garbage");
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(letters(), 0);
    succeed();
    cr_assert_eq(letters(), 1);
    cr_assert(letter_is(0, "inventory.commands/0/1", "garbage"));
    cr_assert(ds_str_eq(header(0, "__connect.errors.exception.class.name"), DS_STR("UNDECODABLE")));
    cr_assert(ds_str_eq(header(0, "__connect.errors.offset"), DS_STR("1")));
    cr_assert(ds_str_eq(header(0, "__doorstep.key"), DS_STR("k")));
    cr_assert_gt(header(0, "__connect.errors.exception.message").len, 0);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(check(0).counter.total, 3);
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 1);
}

Test(dead_letters, written_and_noted_are_not_sent_again)
{
    rig_begin(&rig);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    cr_assert_eq(letters(), 1);
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_PROGRESS], 1);
    succeed();
    cr_assert_eq(letters(), 1);
}

Test(dead_letters, written_and_not_noted_are_sent_again_under_the_same_key)
{
    struct rig_script s = {RIG_EVENTS, 3, 3, 1, DS_FATE_HOLD};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    cr_assert_eq(s.count, 0);
    cr_assert_eq(letters(), 1);
    succeed();
    cr_assert_eq(letters(), 2);
    cr_assert(letter_is(0, "inventory.commands/0/0", "garbage"));
    cr_assert(letter_is(1, "inventory.commands/0/0", "garbage"));
    rig_kill(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(letters(), 2); /* it was noted this time */
}

/* Of a valid event the last byte is missing. */
static void break_event(int64_t offset)
{
    const struct ds_fake_record *whole = ds_fake_record(rig.log, RIG_ORDERS, 0, offset);
    ds_bytes_t value = {whole->value.data, whole->value.len - 1};

    ds_fake_truncate(rig.log, RIG_ORDERS, 0, offset);
    ds_fake_append(rig.log, RIG_ORDERS, 0, DS_STR("k"), value);
}

static void append_broken_event(void)
{
    break_event(rig_order_cancelled(&rig, 0));
}

Test(dead_letters, event_of_another_topic_is_read_again_for_its_letter)
{
    rig_begin(&rig);
    block(DS_FATE_LOSE);
    rig_order_cancelled(&rig, 0);
    append_broken_event();
    rig_order_cancelled(&rig, 0);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    succeed();
    cr_assert_eq(letters(), 2);
    rig_order_cancelled(&rig, 0);
    rig_settle(&rig);
    cr_assert_eq(check(0).counter.orders, 3); /* and rule F went on where it stood */
}

Test(dead_letters, originals_far_apart_are_all_sent)
{
    rig_begin(&rig);
    block(DS_FATE_LOSE);
    for (int i = 0; i < 4; i++) {
        append_text(RIG_COMMANDS, i % 2 == 0 ? "even" : "odd");
        for (int n = 0; n < 1500; n++)
            rig_receive(&rig, 0, NULL, 1, 1);
        rig_run(&rig, SECOND);
    }
    succeed();
    cr_assert_eq(letters(), 4);
    cr_assert(letter_is(3, "inventory.commands/0/4503", "odd"));
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_fold(&rig, 0).counter.total, 6001);
}

Test(dead_letters, more_than_may_wait_are_sent_one_after_the_other)
{
    rig_begin(&rig);
    block(DS_FATE_LOSE);
    for (int i = 0; i < 400; i++)
        append_text(RIG_COMMANDS, "garbage");
    rig_run(&rig, SECOND);
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 256);
    rig_kill(&rig, 0);
    unblock();
    rig_begin(&rig);
    rig_run(&rig, SECOND);
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 400);
    cr_assert_eq(letters(), 400);
}

Test(dead_letters, original_that_is_gone_is_given_up)
{
    rig_begin(&rig);
    block(DS_FATE_LOSE);
    append_text(RIG_COMMANDS, "garbage");
    append_text(RIG_COMMANDS, "rubbish");
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    ds_fake_drop_before(rig.log, RIG_COMMANDS, 0, 1); /* past its retention */
    succeed();
    cr_assert_eq(letters(), 1);
    cr_assert(letter_is(0, "inventory.commands/0/1", "rubbish"));
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_settle(&rig);
    rig_run(&rig, 6 * SECOND);
    cr_assert_eq(check(0).counter.total, 2);
    rig_kill(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(letters(), 1); /* for good */
}

Test(dead_letters, another_record_in_its_place_is_not_sent)
{
    rig_begin(&rig);
    block(DS_FATE_LOSE);
    rig_order_claim(&rig, 0, 1);
    append_broken_event();
    rig_settle(&rig);
    ds_fake_truncate(rig.log, RIG_ORDERS, 0, 1);
    append_text(RIG_ORDERS, "somebody else's");
    succeed();
    cr_assert_eq(letters(), 0);
    check(0);
}

Test(dead_letters, clean_stop_notes_what_is_written)
{
    rig_begin(&rig);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    append_text(RIG_COMMANDS, "rubbish"); /* too soon after the first to be noted yet */
    rig_settle(&rig);
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_PROGRESS], 1);
    rig_stop(&rig, 0);
    rig_begin(&rig);
    rig_settle(&rig);
    cr_assert_eq(letters(), 2);
}

Test(dead_letters, partition_that_moves_takes_its_letters_along)
{
    rig_begin(&rig);
    block(DS_FATE_LOSE);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    ds_fake_revoke(rig.brokers[0]);
    rig_settle(&rig);
    unblock();
    rig_start(&rig, 1, NULL);
    rig_assign(&rig, 1, 0, 1);
    rig_run(&rig, 5 * SECOND); /* both would send it now */
    check(1);
    cr_assert_eq(letters(), 1);
    ds_fake_revoke(rig.brokers[1]);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 5 * SECOND); /* the first has it at hand, and reads that it is written */
    check(0);
    cr_assert_eq(letters(), 1);
}

Test(dead_letters, letter_at_hand_outlives_its_epoch)
{
    rig_begin(&rig);
    block(DS_FATE_LOSE);
    append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    ds_fake_lose_producer(rig.brokers[0]);
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(check(0).fence.epoch, 2);
    unblock();
    rig_run(&rig, 5 * SECOND);
    cr_assert_eq(letters(), 1);
}

Test(dead_letters, flood_is_noted_without_pauses)
{
    int notes;

    rig_begin(&rig);
    for (int i = 0; i < 2500; i++)
        append_text(RIG_COMMANDS, "garbage");
    rig_run(&rig, SECOND);
    cr_assert_eq(letters(), 2500);
    notes = rig_fold(&rig, 0).kinds[DS_INVENTORY_EVENT_PROGRESS];
    cr_assert_geq(notes, 3);
    cr_assert_leq(notes, 4);
    succeed(); /* what is not noted yet is sent again, and no more */
    cr_assert_leq(letters(), 2500 + 1024 + 256);
}

/* The topic takes no letter whose original is this one. */
static enum ds_fake_fate refuse_rubbish(void *context, const struct ds_fake_append *append)
{
    int *sent = context;

    if (strcmp(append->topic, RIG_DLQ) != 0 || append->value.len != 7 ||
        memcmp(append->value.data, "rubbish", 7) != 0)
        return DS_FATE_DELIVER;
    ++*sent;
    return DS_FATE_TOO_LARGE;
}

Test(dead_letters, one_that_the_broker_finds_too_large_is_given_up)
{
    int sent = 0;

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, refuse_rubbish, &sent);
    append_text(RIG_COMMANDS, "rubbish");
    append_text(RIG_COMMANDS, "garbage");
    rig_run(&rig, 60 * SECOND);
    cr_assert_eq(sent, 2); /* among others, and alone */
    cr_assert_eq(letters(), 1);
    cr_assert(letter_is(0, "inventory.commands/0/1", "garbage"));
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_PROGRESS], 1); /* nothing is owed any more */
    succeed();
    cr_assert_eq(letters(), 1);
}

Test(dead_letters, those_that_are_too_large_together_are_sent_one_by_one)
{
    struct rig_script s = {RIG_DLQ, 0, INT64_MAX, 3, DS_FATE_TOO_LARGE};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    for (int i = 0; i < 3; i++)
        append_text(RIG_COMMANDS, "garbage");
    rig_settle(&rig);
    cr_assert_eq(s.count, 0);
    cr_assert_eq(letters(), 3);
    rig_run(&rig, 6 * SECOND); /* and are noted */
    succeed();
    cr_assert_eq(letters(), 3);
    check(0);
}

/* As many as may wait, none of them confirmed, and a decision of another processor is half decided:
 * the partition reads its own log and goes on behind the last one that is. */
Test(dead_letters, as_many_as_may_wait_do_not_keep_a_partition_from_settling)
{
    struct rig_script s = {RIG_EVENTS, 2, 2, 1, DS_FATE_NO_OFFSET};

    rig_begin(&rig);
    ds_fake_set_fate(rig.log, rig_fate, &s);
    for (int i = 0; i < 250; i++)
        append_text(RIG_COMMANDS, "garbage");
    rig_order_claim(&rig, 0, 1);
    for (int64_t seq = 1; seq <= 20; seq++)
        break_event(rig_order_event(
            &rig, 0, &(struct ds_meta){.epoch = 1, .seq = seq, .more = seq < 20}, true));
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 21}, true);
    rig_receive(&rig, 0, NULL, 1, 1);
    rig_run(&rig, SECOND);
    cr_assert_eq(s.count, 0);
    cr_assert_eq(letters(), 270);
    cr_assert_eq(check(0).kinds[DS_INVENTORY_EVENT_INPUT_REJECTED], 270);
    cr_assert_eq(check(0).counter.orders, 1);
    cr_assert_eq(check(0).counter.total, 1);
    cr_assert_eq(check(0).fence.epoch, 1);
}
