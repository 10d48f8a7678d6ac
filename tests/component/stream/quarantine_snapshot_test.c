/* What waits for a quarantined aggregate is part of a snapshot: an owner that begins with one goes
 * on with it, and an audit's fold of the log has the same. */
#include "cli/audit/snapshots.h"
#include "processors/inventory/inventory.h"
#include "snapshot_kit.h"

#include <criterion/criterion.h>

#define BROKEN    "s.order-7"
#define WAITING   700 /* more than one image holds */
#define PRODUCTS  300
#define ARENA_MAX ((size_t)256 * 1024 * 1024)

static struct rig rig;
static struct ds_decider picky;
static bool broken;

static bool decide(const void *state, const struct ds_input *input, int64_t now_us,
                   ds_decision_t *decision, ds_error_t *error)
{
    if (broken && ds_str_eq(ds_decider_aggregate(&picky, input), DS_STR(BROKEN)))
        return ds_impossible(error, "it is broken");
    return ds_inventory_decider.decide(state, input, now_us, decision, error);
}

static void picky_inventory(struct ds_host_config *config)
{
    kit_inventory(config);
    config->decider = &picky;
}

static void set_up(void)
{
    rig_init(&rig, 7);
    picky = ds_inventory_decider;
    picky.decide = decide;
    broken = true;
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(quarantine_snapshot, .init = set_up, .fini = tear_down, .timeout = 800);

static void begin(void)
{
    rig_start(&rig, 0, picky_inventory);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
}

/* Other orders, until a snapshot is complete that was begun after this. */
static void next_snapshot(int *orders)
{
    int64_t before = kit_last(&rig, -1).at;

    for (int i = 0; i < 1000 && kit_last(&rig, -1).at == before; i++) {
        for (int n = 0; n < 20; n++) {
            kit_order(&rig, *orders, *orders % (PRODUCTS - 1));
            ++*orders;
            rig_step(&rig, 0);
        }
        rig_settle(&rig);
    }
    cr_assert_gt(kit_last(&rig, -1).at, before, "no snapshot came");
}

static int64_t held(void)
{
    const struct ds_label labels[] = {{"processor", "inventory"}, {"partition", "0"}, {NULL, NULL}};

    return ds_metric_value(
        ds_metrics_get(rig.runtime.metrics, DS_GAUGE, "doorstep_held_inputs", "", labels));
}

/* ---- the audit */

static void feed_snapshots(ds_audit_snapshots_t *snapshots)
{
    ds_error_t error = DS_ERROR_INIT;

    for (int64_t at = 0; at < ds_fake_end(rig.log, RIG_SNAPSHOTS, 0); at++) {
        const struct ds_fake_record *r = ds_fake_record(rig.log, RIG_SNAPSHOTS, 0, at);
        const struct ds_audit_record record = {.offset = at,
                                               .has_key = true,
                                               .has_value = r->has_value,
                                               .key = r->key,
                                               .value = r->value};

        cr_assert(ds_audit_snapshots_take(snapshots, &record, &error), "%s", error.message);
    }
}

static void feed_log(ds_audit_snapshots_t *snapshots)
{
    static struct ds_inventory_event pending[DS_MAX_DECISION_RECORDS];
    static struct ds_audit_event events[DS_MAX_DECISION_RECORDS];
    ds_arena_t *arena = ds_arena_new(1024 * 1024, ARENA_MAX);
    ds_error_t error = DS_ERROR_INIT;
    struct ds_fence fence;
    size_t count = 0;

    ds_fence_init(&fence, DS_PLACE_START);
    for (int64_t offset = 0; offset < ds_fake_end(rig.log, RIG_EVENTS, 0); offset++) {
        const struct ds_fake_record *r = ds_fake_record(rig.log, RIG_EVENTS, 0, offset);
        enum ds_fence_verdict verdict;
        bool undecodable;

        cr_assert(ds_fence_read(&fence, rig.oracle, &ds_schema_inventory_events, r->value, offset,
                                arena, &pending[count], &undecodable, &verdict, &error),
                  "%s", error.message);
        if (verdict != DS_FENCE_TAKE)
            continue;
        if (pending[count].body.kind == DS_INVENTORY_EVENT_CLAIM && count > 0) {
            pending[0] = pending[count];
            count = 0;
        }
        events[count] = (struct ds_audit_event){DS_AUDIT_INVENTORY, offset, &pending[count]};
        if (pending[count++].meta.more)
            continue;
        cr_assert(ds_audit_snapshots_decision(snapshots, events, count, &error), "%s",
                  error.message);
        count = 0;
    }
    ds_arena_destroy(arena);
}

/* @return how many snapshots were held against the log. */
static int64_t audit(void)
{
    struct ds_audit_report *report = ds_audit_report_new();
    ds_audit_snapshots_t *snapshots;
    ds_error_t error = DS_ERROR_INIT;
    int64_t checked;

    cr_assert(ds_audit_snapshots_new(report, &picky, DS_AUDIT_INVENTORY, 0, &snapshots, &error));
    feed_snapshots(snapshots);
    cr_assert(ds_audit_snapshots_begin(snapshots, &error), "%s", error.message);
    feed_log(snapshots);
    checked = report->checked[DS_AUDIT_SNAPSHOTS];
    cr_assert_eq(report->anomalies, 0, "%s", report->list[0].what);
    cr_assert_eq(report->noted, 0, "%s", report->notes[0]);
    cr_assert(ds_audit_snapshots_judge(snapshots, NULL, false, &error));
    cr_assert_eq(report->anomalies, 0, "%s", report->list[0].what);
    ds_audit_snapshots_destroy(snapshots);
    ds_audit_report_destroy(report);
    return checked;
}

/* ---- */

Test(quarantine_snapshot, owner_that_begins_with_one_goes_on_with_what_waits)
{
    struct ds_inventory_command release = {.body.kind = DS_INVENTORY_COMMAND_RELEASE_AGGREGATE};
    int orders = 100;
    int64_t read;

    begin();
    kit_receive(&rig, 0, PRODUCTS, 1000);
    kit_order(&rig, 7, 0);
    for (int i = 1; i < WAITING; i++)
        kit_cancel(&rig, 7);
    rig_settle(&rig);
    cr_assert_eq(held(), WAITING);
    next_snapshot(&orders);
    cr_assert_geq(audit(), 1);

    read = rig_metric(&rig, "doorstep_own_records_read_total");
    rig_kill(&rig, 0);
    begin();
    cr_assert_lt(rig_metric(&rig, "doorstep_own_records_read_total") - read, WAITING,
                 "it read the log");
    cr_assert_eq(held(), WAITING);

    broken = false;
    release.head = rig_head(&rig, NULL);
    release.body.as.release_aggregate =
        (struct ds_release_aggregate){DS_STR(BROKEN), DS_STR("mended")};
    (void)rig_command(&rig, 0, &release);
    for (int i = 0; i < 4; i++)
        rig_step(&rig, 0);
    next_snapshot(&orders); /* perhaps while some are still waiting */
    for (int i = 0; i < 100 && held() > 0; i++)
        rig_run(&rig, 1000000);
    cr_assert_eq(held(), 0);
    kit_check_state(&rig, 0);
    cr_assert_geq(audit(), 1);
}
