/* Snapshots: only confirmed state, whatever happens meanwhile; restored they are the fold (protocol
 * R8). */
#include "base/limits.h"
#include "snapshot_kit.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define PRODUCTS 4000 /* some three chunks */
#define FEW      300

static struct rig rig;
static int orders; /* made so far */

static void set_up(void)
{
    rig_init(&rig, 1);
    orders = 0;
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(snapshot, .init = set_up, .fini = tear_down, .timeout = 800);

static void begin(void (*change)(struct ds_host_config *config))
{
    rig_start(&rig, 0, change);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
}

/* kill -9, and the next one on the same log. */
static void again(void (*change)(struct ds_host_config *config))
{
    rig_kill(&rig, 0);
    begin(change);
}

static void fill(int products)
{
    for (int first = 0; first < products; first += 500)
        kit_receive(&rig, first, products - first < 500 ? products - first : 500, 1000);
}

/* A turn that has records does what stands beside them only now and then. */
static void step(int host)
{
    ds_fake_time_add(&rig.time, 2 * DS_US_PER_MS);
    rig_step(&rig, host);
}

/* Orders come and go, products change, a turn after each; so a snapshot under way meets changes. */
static void load(int turns)
{
    for (int i = 0; i < turns; i++, orders++) {
        kit_order(&rig, orders, orders * 37 % (PRODUCTS - 1));
        if (orders % 3 == 0)
            kit_cancel(&rig, orders / 2);
        if (orders % 5 == 0)
            kit_receive(&rig, orders * 101 % (PRODUCTS - 7), 7, 3);
        step(0);
    }
}

/* Load until a snapshot is complete that was begun after this. */
static struct kit_manifest next_snapshot(void)
{
    struct kit_manifest before = kit_last(&rig, -1);

    for (int i = 0; i < 1000; i++) {
        load(20);
        rig_settle(&rig);
        if (kit_last(&rig, -1).at > before.at)
            return kit_last(&rig, -1);
    }
    cr_assert_fail("no snapshot came");
    return before;
}

static int64_t metric(const char *name)
{
    return rig_metric(&rig, name);
}

Test(snapshot, one_taken_under_load_is_the_fold_and_so_is_what_is_restored_from_it)
{
    struct kit_manifest last;

    begin(kit_inventory);
    fill(PRODUCTS);
    load(400);
    last = next_snapshot();
    cr_assert_geq(last.chunks, 2);
    load(50);
    rig_settle(&rig);
    cr_assert_geq(kit_check_snapshots(&rig), 2);
    again(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    kit_check_state(&rig, 0);
    load(50);
    rig_settle(&rig);
    kit_check_state(&rig, 0);
    cr_assert(rig_each_once(&rig, 0));
}

Test(snapshot, a_crash_at_any_turn_of_writing_leaves_the_one_before)
{
    begin(kit_inventory);
    fill(PRODUCTS);
    (void)next_snapshot();
    for (int turns = 1; turns <= 12; turns++) {
        int64_t restored = metric("doorstep_snapshots_restored_total");

        load(100 + turns);
        again(kit_inventory);
        cr_assert_eq(metric("doorstep_snapshots_restored_total"), restored + 1);
        kit_check_state(&rig, 0);
    }
    cr_assert_geq(kit_check_snapshots(&rig), 2);
    cr_assert(rig_each_once(&rig, 0));
}

Test(snapshot, a_stop_at_any_turn_of_reading_one_is_a_clean_end)
{
    begin(kit_inventory);
    fill(PRODUCTS);
    (void)next_snapshot();
    rig_kill(&rig, 0);
    for (int turns = 1; turns <= 12; turns++) {
        rig_start(&rig, 0, kit_inventory);
        rig_assign(&rig, 0, 0, 1);
        for (int turn = 0; turn < turns; turn++)
            rig_step(&rig, 0);
        rig_stop(&rig, 0);
    }
    begin(kit_inventory);
    kit_check_state(&rig, 0);
    cr_assert(rig_each_once(&rig, 0));
}

Test(snapshot, command_ids_and_positions_come_back_too)
{
    begin(kit_inventory);
    rig_receive(&rig, 0, "01K9ZZZZZZZZZZZZZZZZZZZZZZ", 1, 5);
    fill(500);
    (void)next_snapshot();
    again(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    rig_receive(&rig, 0, "01K9ZZZZZZZZZZZZZZZZZZZZZZ", 1, 5);
    rig_settle(&rig);
    cr_assert_eq(metric("doorstep_commands_repeated_total"), 1);
    kit_check_state(&rig, 0);
}

static int64_t append_garbage(const char *text)
{
    return ds_fake_append(rig.log, RIG_COMMANDS, 0, DS_STR("s"),
                          (ds_bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)});
}

/* Rejected before the snapshot's place, its letter not sent: nothing behind that place speaks of
 * it. */
Test(snapshot, an_owed_dead_letter_comes_back_too)
{
    struct rig_script lose = {RIG_DLQ, 0, INT64_MAX, INT32_MAX, DS_FATE_LOSE};
    const struct ds_fake_record *letter;

    begin(kit_inventory);
    ds_fake_set_fate(rig.log, rig_fate, &lose);
    append_garbage("garbage");
    append_garbage("rubbish");
    fill(FEW);
    (void)next_snapshot();
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 0);
    rig_kill(&rig, 0);
    ds_fake_set_fate(rig.log, NULL, NULL);
    begin(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 2);
    letter = ds_fake_record(rig.log, RIG_DLQ, 0, 1);
    cr_assert(ds_str_eq(letter->key, DS_STR("inventory.commands/0/1")));
    cr_assert_eq(letter->value.len, strlen("rubbish"));
    kit_check_state(&rig, 0);
    again(kit_inventory); /* it was noted that they are written */
    cr_assert_eq(ds_fake_end(rig.log, RIG_DLQ, 0), 2);
}

/* ---- quarantine (ADR 21) ---- */

#define BROKEN    "s.order-3"
#define MANY_HELD 600 /* more than one image holds */

static int64_t gauge(const char *name)
{
    const struct ds_label labels[] = {{"processor", "inventory"}, {"partition", "0"}, {NULL, NULL}};

    return ds_metric_value(ds_metrics_get(rig.runtime.metrics, DS_GAUGE, name, "", labels));
}

static void release_broken(void)
{
    struct ds_inventory_command command = {.head = rig_head(&rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_RELEASE_AGGREGATE};

    command.head.actor.kind = DS_ACTOR_KIND_STAFF;
    command.body.as.release_aggregate =
        (struct ds_release_aggregate){DS_STR(BROKEN), DS_STR("mended")};
    (void)rig_command(&rig, 0, &command);
}

/* order-3 is impossible, and its many cancellations wait behind it. */
static void quarantine_many(void)
{
    kit_break(BROKEN);
    begin(kit_inventory_broken);
    fill(PRODUCTS);
    load(4);
    for (int i = 0; i < MANY_HELD; i++) {
        kit_cancel(&rig, 3);
        if (i % 50 == 0)
            rig_settle(&rig);
    }
    rig_settle(&rig);
    cr_assert_eq(gauge("doorstep_quarantined_aggregates"), 1);
    cr_assert_eq(gauge("doorstep_held_inputs"), 1 + MANY_HELD);
}

Test(snapshot, what_waits_for_a_quarantined_aggregate_comes_back_too)
{
    int64_t held;

    quarantine_many();
    (void)next_snapshot();
    held = gauge("doorstep_held_inputs"); /* the load cancels that order too */
    again(kit_inventory_broken);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    kit_cancel(&rig, 3);
    rig_settle(&rig);
    cr_assert_eq(gauge("doorstep_held_inputs"), held + 1);
    kit_check_state(&rig, 0);
    kit_break(NULL);
    again(kit_inventory_broken);
    release_broken();
    rig_run(&rig, 2000000);
    cr_assert_eq(gauge("doorstep_held_inputs"), 0);
    cr_assert_eq(gauge("doorstep_quarantined_aggregates"), 0);
    kit_check_state(&rig, 0);
    cr_assert(rig_each_once(&rig, 0));
}

/* The list shrinks while it is written, and the next owner goes on with what that snapshot says. */
Test(snapshot, owner_that_dies_in_a_release_leaves_the_rest_in_a_snapshot)
{
    int64_t restored = 0;

    quarantine_many();
    kit_break(NULL);
    release_broken();
    for (int i = 0; i < 8 && gauge("doorstep_held_inputs") > 0; i++) {
        load(30);
        again(kit_inventory_broken);
        kit_check_state(&rig, 0);
    }
    restored = metric("doorstep_snapshots_restored_total");
    cr_assert_gt(restored, 0);
    rig_run(&rig, 2000000);
    cr_assert_eq(gauge("doorstep_held_inputs"), 0);
    kit_check_state(&rig, 0);
    cr_assert(rig_each_once(&rig, 0));
}

/* ---- only what is confirmed ---- */

Test(snapshot, nothing_leaves_before_all_it_contains_is_confirmed)
{
    struct rig_script hold = {RIG_EVENTS, 1, INT64_MAX, 1000000, DS_FATE_HOLD};
    struct kit_manifest before;

    begin(kit_inventory);
    fill(FEW);
    before = next_snapshot();
    ds_fake_set_fate(rig.log, rig_fate, &hold);
    load(1000); /* far more than until the next cut, none of it acknowledged */
    cr_assert_eq(ds_fake_end(rig.log, RIG_SNAPSHOTS, 0), before.at + 1);
    ds_fake_set_fate(rig.log, NULL, NULL);
    rig_release(&rig, DS_FATE_LOSE);
    rig_run(&rig, 2000000);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    kit_check_state(&rig, 0);
    (void)next_snapshot();
    cr_assert_geq(kit_check_snapshots(&rig), 2);
}

/* Acknowledged is not confirmed: another's Claim came before it. */
Test(snapshot, what_a_deposed_owner_is_told_was_delivered_is_in_no_snapshot)
{
    struct rig_script hold = {RIG_EVENTS, 1, INT64_MAX, 1000000, DS_FATE_HOLD};
    struct kit_manifest before;

    begin(kit_inventory);
    fill(FEW);
    before = next_snapshot();
    ds_fake_set_fate(rig.log, rig_fate, &hold);
    load(1000);
    rig_foreign_claim(&rig, 0, 2);
    ds_fake_set_fate(rig.log, NULL, NULL);
    rig_release(&rig, DS_FATE_DELIVER);
    rig_settle(&rig);
    for (int64_t at = before.at + 1; at < ds_fake_end(rig.log, RIG_SNAPSHOTS, 0); at++)
        cr_assert_eq(kit_last(&rig, at).at, before.at);
    cr_assert_geq(kit_check_snapshots(&rig), 1);
}

Test(snapshot, a_deposed_owners_snapshot_is_merely_old)
{
    struct kit_manifest zombies;
    struct kit_manifest last;

    begin(kit_inventory);
    fill(PRODUCTS);
    (void)next_snapshot();
    load(30);
    rig_settle(&rig);
    rig_start(&rig, 1, kit_inventory); /* the group gives the partition away; host 0 sleeps */
    ds_fake_assign(rig.brokers[1], 0, 1);
    for (int i = 0; i < 200; i++)
        rig_step(&rig, 1);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_RUNNING);
    for (int i = 0; i < 3000; i++, orders += 2) { /* in less than the session timeout */
        kit_order(&rig, orders, orders * 37 % (PRODUCTS - 1));
        kit_order(&rig, orders + 1, orders * 41 % (PRODUCTS - 1));
        step(1);
    }
    last = kit_last(&rig, -1);
    cr_assert_eq(last.epoch, 2);
    for (int i = 0; i < 200; i++)
        rig_step(&rig, 0); /* it wakes up in the middle of what it did */
    zombies = kit_last(&rig, -1);
    cr_assert_geq(kit_check_snapshots(&rig), 2);
    rig_kill(&rig, 0);
    rig_kill(&rig, 1);
    begin(kit_inventory);
    cr_assert(zombies.epoch <= 2);
    kit_check_state(&rig, 0);
}

/* ---- torn, damaged, strange ---- */

/* A chunk of the last snapshot, as it would be after a bit flipped. */
static void flip_a_bit(int64_t offset, uint32_t byte)
{
    const struct ds_fake_record *r = ds_fake_record(rig.log, RIG_SNAPSHOTS, 0, offset);

    ((uint8_t *)(uintptr_t)r->value.data)[byte % r->value.len] ^= (uint8_t)(1 << byte % 8);
}

static void damage_chunk(const struct kit_manifest *manifest, size_t chunk)
{
    flip_a_bit(manifest->chunks_offset + (int64_t)chunk, 12345);
}

Test(snapshot, a_damaged_chunk_means_the_one_before)
{
    struct kit_manifest first;
    struct kit_manifest last;

    begin(kit_inventory);
    fill(PRODUCTS);
    first = next_snapshot();
    last = next_snapshot();
    cr_assert_neq(first.slot, last.slot);
    damage_chunk(&last, 1);
    again(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_passed_over_total"), 1);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    kit_check_state(&rig, 0);
}

/* Any bit: one in the identity would make it another log's, one in an input's place would leave
 * commands out. */
Test(snapshot, a_damaged_manifest_means_the_one_before)
{
    struct kit_manifest last;

    begin(kit_inventory);
    fill(20);
    (void)next_snapshot();
    last = next_snapshot();
    for (uint32_t byte = 0; byte < ds_fake_record(rig.log, RIG_SNAPSHOTS, 0, last.at)->value.len;
         byte++) {
        int64_t passed_over = metric("doorstep_snapshots_passed_over_total");
        int64_t restored = metric("doorstep_snapshots_restored_total");

        flip_a_bit(last.at, byte);
        again(kit_inventory);
        cr_assert_eq(metric("doorstep_snapshots_passed_over_total"), passed_over + 1, "byte %u",
                     byte);
        cr_assert_eq(metric("doorstep_snapshots_restored_total"), restored + 1, "byte %u", byte);
        kit_check_state(&rig, 0);
        flip_a_bit(last.at, byte);
    }
}

Test(snapshot, with_both_damaged_the_log_is_read)
{
    struct kit_manifest first;
    struct kit_manifest last;

    begin(kit_inventory);
    fill(PRODUCTS);
    first = next_snapshot();
    last = next_snapshot();
    damage_chunk(&first, 0);
    damage_chunk(&last, last.chunks - 1);
    again(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_passed_over_total"), 2);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 0);
    kit_check_state(&rig, 0);
}

Test(snapshot, without_its_manifest_it_is_none)
{
    struct kit_manifest first;
    struct kit_manifest last;

    begin(kit_inventory);
    fill(PRODUCTS);
    first = next_snapshot();
    last = next_snapshot();
    rig_kill(&rig, 0);
    ds_fake_truncate(rig.log, RIG_SNAPSHOTS, 0, last.at);
    begin(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_passed_over_total"), 0);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    cr_assert_eq(kit_last(&rig, last.at - 1).at, first.at);
    kit_check_state(&rig, 0);
}

Test(snapshot, a_chunk_that_compaction_took_means_the_one_before)
{
    struct kit_manifest last;

    begin(kit_inventory);
    fill(PRODUCTS);
    (void)next_snapshot();
    last = next_snapshot();
    ds_fake_remove(rig.log, RIG_SNAPSHOTS, 0, last.chunks_offset + 1);
    again(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_passed_over_total"), 1);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    kit_check_state(&rig, 0);
}

Test(snapshot, a_changed_decider_reads_the_log)
{
    begin(kit_inventory);
    fill(PRODUCTS);
    (void)next_snapshot();
    (void)next_snapshot();
    again(kit_inventory_changed);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 0);
    cr_assert_eq(metric("doorstep_snapshots_passed_over_total"), 2);
    kit_check_state(&rig, 0);
}

/* After a start, the id that the log's last version wrote with is the registry's to explain: no
 * reason to read a whole log. */
Test(snapshot, one_for_a_place_whose_schema_is_not_known_yet_is_waited_for)
{
    rig_registry(&rig);
    rig_teach(&rig, RIG_ID_EVENTS);
    begin(kit_inventory);
    fill(FEW);
    (void)next_snapshot();
    rig_kill(&rig, 0);
    ds_framing_destroy(rig.oracle);
    ds_framing_destroy(rig.runtime.framing);
    rig_registry(&rig);
    rig_teach(&rig, RIG_ID_OTHER_EVENTS);
    rig_start(&rig, 0, kit_inventory);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 30 * DS_US_PER_S);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_READING);
    cr_assert_eq(metric("doorstep_snapshots_passed_over_total"), 0);
    cr_assert_str_eq(atomic_load(&rig.health.waiting), "the schema registry is asked");
    rig_teach(&rig, RIG_ID_EVENTS);
    rig_run(&rig, DS_US_PER_S);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    kit_check_state(&rig, 0);
}

Test(snapshot, the_end_of_the_topic_may_have_no_records)
{
    begin(kit_inventory);
    fill(500);
    (void)next_snapshot();
    for (int i = 0; i < 5; i++)
        ds_fake_skip_offset(rig.log, RIG_SNAPSHOTS, 0);
    again(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    kit_check_state(&rig, 0);
}

/* ---- another log behind it ---- */

static void refused(void)
{
    rig_start(&rig, 0, kit_inventory);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
}

Test(snapshot, a_log_that_lost_its_end_is_refused_and_left_alone)
{
    struct kit_manifest last;

    begin(kit_inventory);
    fill(500);
    last = next_snapshot();
    rig_kill(&rig, 0);
    ds_fake_truncate(rig.log, RIG_EVENTS, 0, last.offset);
    refused();
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), last.offset);
}

/* Damage; reading on behind the one before will come across it if it is more than this snapshot's
 * place. */
Test(snapshot, one_for_a_place_that_the_log_does_not_have_means_the_one_before)
{
    struct kit_manifest first;
    struct kit_manifest last;

    begin(kit_inventory);
    fill(FEW);
    first = next_snapshot();
    last = next_snapshot();
    rig_kill(&rig, 0);
    ds_fake_truncate(rig.log, RIG_EVENTS, 0, first.offset + 1);
    rig_foreign_claim(&rig, 0, 2);
    for (int64_t seq = 1; seq < last.offset - first.offset + 10; seq++)
        rig_foreign_event(&rig, 0, 2, seq, false);
    begin(kit_inventory);
    cr_assert_eq(metric("doorstep_snapshots_passed_over_total"), 1);
    cr_assert_eq(metric("doorstep_snapshots_restored_total"), 1);
    kit_check_state(&rig, 0);
}

/* Snapshots of one log, and another in its place. @return where that ends. */
static int64_t replaced_log(int64_t records)
{
    begin(kit_inventory);
    fill(500);
    (void)next_snapshot();
    rig_kill(&rig, 0);
    ds_fake_truncate(rig.log, RIG_EVENTS, 0, 0);
    rig_foreign_claim(&rig, 0, 1);
    for (int64_t seq = 1; seq < records; seq++)
        rig_foreign_event(&rig, 0, 1, seq, false);
    return ds_fake_end(rig.log, RIG_EVENTS, 0);
}

Test(snapshot, another_log_is_refused_and_left_alone)
{
    int64_t end = replaced_log(2000);

    refused();
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), end);
}

/* That nothing comes is no word that nothing is there. */
Test(snapshot, another_log_is_refused_however_late_the_snapshots_come)
{
    int64_t end = replaced_log(1);

    ds_fake_silence(rig.log, RIG_SNAPSHOTS);
    rig_start(&rig, 0, kit_inventory);
    rig_assign(&rig, 0, 0, 1);
    rig_run(&rig, 100 * DS_US_PER_S);
    cr_assert_neq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, 100 * DS_US_PER_S);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_STOPPED);
    cr_assert_eq(ds_fake_end(rig.log, RIG_EVENTS, 0), end);
}

/* It has its memory and decides; only what stands in the topic it does not hear. */
Test(snapshot, an_owner_that_hears_nothing_of_the_snapshots_goes_on)
{
    int64_t lost;

    begin(kit_inventory);
    fill(FEW);
    (void)next_snapshot();
    ds_fake_revoke(rig.brokers[0]);
    rig_settle(&rig);
    ds_fake_silence(rig.log, RIG_SNAPSHOTS);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    lost = metric("doorstep_epochs_lost_total");
    load(10 * KIT_EVERY); /* one is due */
    rig_run(&rig, 100 * DS_US_PER_S);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(metric("doorstep_epochs_lost_total"), lost);
    ds_fake_silence(rig.log, NULL);
    (void)next_snapshot();
    kit_check_state(&rig, 0);
}

/* ---- what is deleted ---- */

Test(snapshot, keys_of_earlier_epochs_go_when_there_are_two_newer_ones)
{
    struct kit_manifest first;
    struct kit_manifest last;

    begin(kit_inventory);
    fill(PRODUCTS);
    (void)next_snapshot();
    first = next_snapshot();
    again(kit_inventory);
    last = next_snapshot();
    cr_assert_eq(last.epoch, 2);
    rig_settle(&rig);
    cr_assert_eq(kit_last(&rig, last.at - 1).at, first.at, "the one before stays");
    last = next_snapshot();
    rig_settle(&rig);
    cr_assert_neq(kit_last(&rig, first.at).epoch, 1);
    for (int64_t at = 0; at < ds_fake_end(rig.log, RIG_SNAPSHOTS, 0); at++)
        cr_assert_neq(kit_last(&rig, at).epoch, 1);
    last = next_snapshot();
    cr_assert_eq(last.others, 0);
    again(kit_inventory);
    kit_check_state(&rig, 0);
}

Test(snapshot, one_that_cannot_be_written_is_tried_again_in_the_same_slot)
{
    struct rig_script lose = {RIG_SNAPSHOTS, 0, INT64_MAX, 1, DS_FATE_LOSE};
    struct kit_manifest first;

    begin(kit_inventory);
    fill(PRODUCTS);
    first = next_snapshot();
    ds_fake_set_fate(rig.log, rig_fate, &lose);
    for (int i = 0; i < 1000 && metric("doorstep_snapshots_dropped_total") == 0; i++)
        load(20);
    rig_settle(&rig);
    cr_assert_eq(metric("doorstep_snapshots_dropped_total"), 1);
    cr_assert_eq(kit_last(&rig, -1).at, first.at);
    ds_fake_time_add(&rig.time, 61 * DS_US_PER_S);
    cr_assert_neq(next_snapshot().slot, first.slot);
    again(kit_inventory);
    kit_check_state(&rig, 0);
}
