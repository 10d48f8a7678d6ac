/* Is all done, and is it right? */
#include "planted.h"
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>

#define SOON_US (60 * SIM_S) /* deadlines within this are waited for */

/* ---- quiet ---- */

static const struct sim_proc *owner_of(const struct sim *sim, int group, int32_t p)
{
    const struct sim_conn *conn = sim->groups[group].owner[p];

    return conn == NULL || !conn->open ? NULL : conn->proc;
}

static bool host_done(struct sim *sim, int processor, int32_t p, const char **why)
{
    const struct sim_proc *proc = owner_of(sim, processor, p);
    struct ds_timer timer;

    *why = "a partition has no owner that runs";
    if (proc == NULL || proc->host == NULL ||
        ds_host_partition(proc->host, p) != DS_PARTITION_RUNNING)
        return false;
    *why = "an owner has records that are not confirmed";
    if (ds_host_unacked(proc->host, p) > 0)
        return false;
    *why = "a deadline is due";
    if (sim_decider(processor)->next_timer(ds_host_state(proc->host, p), NULL, &timer) &&
        timer.due_us < sim->now_us + SOON_US)
        return false;
    *why = "an aggregate is quarantined";
    if (ds_host_quarantined(proc->host, p) > 0)
        return false;
    *why = "commands have no outcome";
    return sim->judges[processor][p].last_cause[0] ==
           sim->log[DS_AUDIT_PROCESSORS + processor][p].end - 1;
}

static bool read_models_done(struct sim *sim, int processor, int32_t p, const char **why)
{
    int64_t last = sim->judges[processor][p].delivered;

    *why = "the read model is behind";
    if (sim_pg_position(sim, processor, p) != last)
        return false;
    *why = "the analytics are behind";
    return processor != DS_AUDIT_ORDER || sim_mongo_position(sim, p) == last;
}

bool sim_quiet(struct sim *sim, const char **why_out)
{
    *why_out = "people have something to do";
    if (sim->people.open_acts > 0 || sim->people.open_commands > 0)
        return false;
    *why_out = "records are on their way";
    if (sim->in_flight_count > 0)
        return false;
    for (int processor = 0; processor < DS_AUDIT_PROCESSORS; processor++)
        for (int32_t p = 0; p < sim->plan.partitions; p++)
            if (!host_done(sim, processor, p, why_out) ||
                !read_models_done(sim, processor, p, why_out))
                return false;
    *why_out = "records go on to be written";
    return true;
}

/* ---- the audit ---- */

static bool feed_topic(struct sim *sim, struct ds_audit_part *part, int32_t topic,
                       ds_error_t *error)
{
    const struct sim_part *log = &sim->log[topic][part->partition];

    for (int64_t i = 0; i < log->end; i++) {
        const struct sim_record *r = &log->records[i];
        const struct ds_audit_record record = {.topic = topic,
                                               .partition = part->partition,
                                               .offset = i,
                                               .appended_us = r->appended_us,
                                               .has_key = r->has_key,
                                               .has_value = r->has_value,
                                               .key = r->key,
                                               .value = r->value};

        if (!ds_audit_part_take(part, &record, error))
            return false;
    }
    return true;
}

static void orders_are_over(struct sim *sim, const struct ds_audit_part *part)
{
    for (int i = 0; i < SIM_ORDERS; i++) {
        const struct sim_order *order = &sim->people.orders[i];
        const struct ds_audit_order *found;
        enum ds_audit_order_state state;

        if (!order->placed || order->partition != part->partition)
            continue;
        found = ds_map_get(part->orders, ds_str(order->id));
        state = found == NULL ? DS_AUDIT_O_NONE : found->order.state;
        if (state != DS_AUDIT_O_FULFILLED && state != DS_AUDIT_O_CANCELLED &&
            state != DS_AUDIT_O_REFUSED)
            sim_fail(sim, "stuck: order %s is %s", order->id, ds_audit_order_state_text(state));
    }
}

static void audit_partition(struct sim *sim, struct ds_audit_report *report, int32_t partition)
{
    struct ds_audit_range ranges[DS_AUDIT_TOPICS];
    struct ds_audit_part *part = NULL;
    ds_error_t error = DS_ERROR_INIT;
    bool ok;

    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        ranges[t] =
            (struct ds_audit_range){0, sim->log[t][partition].end, sim->log[t][partition].end};
    ok = ds_audit_part_new(report, partition, sim->plan.partitions, ranges, &part, &error);
    for (int32_t t = 0; ok && t < DS_AUDIT_TOPICS; t++)
        ok = feed_topic(sim, part, t, &error);
    if (!ok || !ds_audit_part_judge(part, &error)) {
        sim_fail(sim, "the audit fails: %s", error.message);
    } else {
        orders_are_over(sim, part);
        sim_people_judge(sim, part);
    }
    ds_audit_part_destroy(part);
}

static void audit(struct sim *sim)
{
    struct ds_audit_report *report = ds_audit_report_new();

    if (report == NULL) {
        sim_fail(sim, "no memory for an audit");
        return;
    }
    report->allow_skipped = true;
    for (int32_t p = 0; p < sim->plan.partitions; p++)
        audit_partition(sim, report, p);
    for (int32_t n = 0; n < DS_AUDIT_PROCESSORS * sim->plan.partitions && !sim->failed; n++)
        sim_snapshots_audit(sim, report, n / sim->plan.partitions, n % sim->plan.partitions);
    if (report->anomalies > 0)
        sim_fail(sim, "%s: %s/%d offset %" PRId64 " %s: %s", report->list[0].invariant,
                 report->list[0].topic, (int)report->list[0].partition, report->list[0].offset,
                 report->list[0].order_id, report->list[0].what);
    else if (report->in_flight > 0)
        sim_fail(sim, "stuck: %" PRId64 " orders are not at rest", report->in_flight);
    ds_audit_report_destroy(report);
}

void sim_verdict(struct sim *sim)
{
    enum ds_planted was = sim_planted_off();

    for (int processor = 0; processor < DS_AUDIT_PROCESSORS && !sim->failed; processor++)
        for (int32_t p = 0; p < sim->plan.partitions && !sim->failed; p++)
            sim_decide_again(sim, processor, p);
    if (!sim->failed)
        audit(sim);
    for (size_t i = 0; i < sim->people.accepted_count && !sim->failed; i++)
        sim_token_ask(sim, sim->people.accepted[i], true);
    if (!sim->failed)
        sim_pg_judge(sim);
    if (!sim->failed)
        sim_mongo_judge(sim);
    ds_planted = was;
}
