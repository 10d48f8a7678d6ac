/* What a host does every turn beside its records. Questions to the server block for a round trip:
 * they are gathered over all partitions, and after one that failed there is a pause. */
#include "stream/host_service.h"

#include "base/planted.h"
#include "stream/task.h"

#define AWAY_SAY_US (60 * DS_US_PER_S)

/* ---- metrics ---- */

static void register_snapshot_metrics(struct ds_host *host, const struct ds_label *labels)
{
    static const struct {
        enum ds_metric_type type;
        const char *name;
        const char *help;
    } table[DS_SNAPSHOT_METRICS] = {
        [DS_SM_WRITTEN] = {DS_COUNTER, "doorstep_snapshots_written_total", "Snapshots completed."},
        [DS_SM_FAILED] = {DS_COUNTER, "doorstep_snapshots_dropped_total",
                          "Snapshots begun and not completed."},
        [DS_SM_SECONDS] = {DS_HISTOGRAM, "doorstep_snapshot_seconds",
                           "From the cut to the acknowledged manifest."},
        [DS_SM_RESTORED] = {DS_COUNTER, "doorstep_snapshots_restored_total",
                            "Partitions restored from a snapshot."},
        [DS_SM_PASSED_OVER] = {DS_COUNTER, "doorstep_snapshots_passed_over_total",
                               "Snapshots found and of no use: unreadable, or another format."},
    };

    for (int m = 0; m < DS_SNAPSHOT_METRICS; m++)
        host->snapshot_metrics[m] = ds_metrics_get(host->runtime->metrics, table[m].type,
                                                   table[m].name, table[m].help, labels);
}

void ds_host_register_metrics(struct ds_host *host)
{
    static const struct {
        enum ds_metric_type type;
        const char *name;
        const char *help;
    } table[DS_HOST_METRICS] = {
        [DS_HM_CLAIMS] = {DS_COUNTER, "doorstep_claims_total", "Claims written."},
        [DS_HM_CLAIMS_WON] = {DS_COUNTER, "doorstep_claims_won_total", "Epochs begun."},
        [DS_HM_EPOCHS_LOST] = {DS_COUNTER, "doorstep_epochs_lost_total",
                               "Epochs that ended while the partition was still ours."},
        [DS_HM_FENCED] = {DS_COUNTER, "doorstep_fenced_total",
                          "Owners that found another's Claim, or an own record that does not "
                          "count."},
        [DS_HM_SILENT] = {DS_COUNTER, "doorstep_group_silent_total",
                          "Epochs given up because the group was not heard for the session "
                          "timeout."},
        [DS_HM_CLOCK] = {DS_COUNTER, "doorstep_clock_wrong_total",
                         "Epochs given up because the own clock is far off, or was set."},
        [DS_HM_DECISIONS] = {DS_COUNTER, "doorstep_decisions_total", "Decisions appended."},
        [DS_HM_EVENTS] = {DS_COUNTER, "doorstep_events_total", "Events appended."},
        [DS_HM_INPUTS] = {DS_COUNTER, "doorstep_inputs_total", "Input records taken."},
        [DS_HM_REPEATED] = {DS_COUNTER, "doorstep_commands_repeated_total",
                            "Commands whose id was seen within the window."},
        [DS_HM_REJECTED] = {DS_COUNTER, "doorstep_inputs_rejected_total",
                            "Inputs that could not be decided (InputRejected)."},
        [DS_HM_DEAD_LETTERS] = {DS_COUNTER, "doorstep_dead_letters_total",
                                "Originals written to the dead-letter topic."},
        [DS_HM_TIMERS] = {DS_COUNTER, "doorstep_timers_fired_total", "Deadlines decided."},
        [DS_HM_STOPPED] = {DS_COUNTER, "doorstep_partitions_stopped_total",
                           "Partitions stopped for damage: somebody has to look."},
        [DS_HM_UNACKED] = {DS_GAUGE, "doorstep_unacked_records",
                           "Records handed over and not confirmed."},
        [DS_HM_RUNNING] = {DS_GAUGE, "doorstep_partitions_running", "Partitions owned."},
        [DS_HM_TAKEOVER] = {DS_HISTOGRAM, "doorstep_takeover_seconds",
                            "From given by the group, or from the end of the epoch before, "
                            "to the confirmed Open."},
        [DS_HM_OWN_READ] = {DS_COUNTER, "doorstep_own_records_read_total",
                            "Records of the own log read: to own a partition, to settle what was "
                            "written, to follow."},
        [DS_HM_STANDBY] = {DS_GAUGE, "doorstep_standby_partitions",
                           "Partitions of others that a warm copy is kept of."},
        [DS_HM_STANDBY_STOPPED] = {DS_COUNTER, "doorstep_standby_stopped_total",
                                   "Warm copies that met damage: somebody has to look."},
        [DS_HM_LOOP] = {DS_HISTOGRAM, "doorstep_host_service_seconds",
                        "Time a turn spends beside its records."},
    };
    const struct ds_label labels[] = {{"processor", host->decider->name}, {NULL, NULL}};

    register_snapshot_metrics(host, labels);
    for (int m = 0; m < DS_HOST_METRICS; m++)
        host->metrics[m] = ds_metrics_get(host->runtime->metrics, table[m].type, table[m].name,
                                          table[m].help, labels);
    for (size_t t = 0; t <= host->decider->input_count; t++)
        for (int v = DS_FENCE_TAKE + 1; v < DS_FENCE_VERDICTS; v++) {
            const char *topic = t < host->decider->input_count
                                    ? host->decider->inputs[t].schema->topic
                                    : host->decider->events->topic;
            const struct ds_label reason[] = {{"topic", topic},
                                              {"reason",
                                               ds_fence_verdict_text((enum ds_fence_verdict)v)},
                                              {NULL, NULL}};

            host->skipped[t][v] =
                ds_metrics_get(host->runtime->metrics, DS_COUNTER, "doorstep_fence_skipped_total",
                               "Records that rule F does not count.", reason);
        }
}

/* ---- membership ---- */

/* A process that stood still goes on with the records it holds; that its time is over it would
 * learn a moment later. So it looks at the clock before it decides anything, and whoever the group
 * cannot hear gives up by itself: sooner than the group gives the partitions to another. */
void ds_host_watch_group(struct ds_host *host)
{
    int64_t silent_us = host->broker->ops->group_silent_us(host->broker);

    if (silent_us <= host->config.session_timeout_ms * DS_US_PER_MS || DS_PLANTED(SILENCE))
        return;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        struct ds_task *task = host->tasks[p];

        if (task == NULL ||
            (task->state != DS_PARTITION_RUNNING && task->state != DS_PARTITION_CLAIMING))
            continue;
        ds_metric_add(host->metrics[DS_HM_SILENT], 1);
        ds_task_lose(task, "the group was not heard for the session timeout");
    }
}

static void prove_membership(struct ds_host *host, int64_t now_us)
{
    int32_t partitions[DS_MAX_PARTITIONS];
    bool ok[DS_MAX_PARTITIONS];
    ds_error_t error = DS_ERROR_INIT;
    size_t count = 0;

    if (now_us < host->call_after_us || host->draining || host->out.task != NULL)
        return;
    for (int32_t p = 0; p < host->partitions; p++)
        if (host->tasks[p] != NULL && host->tasks[p]->state == DS_PARTITION_JOINING)
            partitions[count++] = p;
    if (count == 0)
        return;
    if (!host->broker->ops->confirm_members(host->broker, partitions, count, ok, DS_CALL_TIMEOUT_MS,
                                            &error)) {
        host->call_after_us = ds_monotonic_us(host->runtime->clock) + DS_CALL_PAUSE_US;
        ds_log_error(&host->log, DS_LOG_INFO, "owner.not_proved", &error);
    }
    for (size_t i = 0; i < count; i++)
        ds_task_member(host->tasks[partitions[i]], ok[i]);
}

/* ---- hints ---- */

static bool half_read(const struct ds_task *task)
{
    for (int32_t i = 0; i < task->input_count; i++)
        if (task->inputs[i].fence.pending || task->inputs[i].pending.count > 0)
            return true;
    return false;
}

/* Where the inputs stand now; to be told when all that was handed over up to now is confirmed. */
static void note_hint(struct ds_task *task)
{
    for (int32_t i = 0; i < task->input_count; i++)
        task->inputs[i].hint = task->inputs[i].fence.next_offset;
    task->hint_seq = task->next_seq - 1;
}

/* What has not changed is told once a minute: nobody says whether a commit succeeded. */
static void tell_hint(struct ds_task *task)
{
    struct ds_broker_hint hints[DS_MAX_INPUTS];
    bool again = ds_task_now(task) >= task->tell_again_us;
    size_t count = 0;

    for (int32_t i = 0; i < task->input_count; i++) {
        struct ds_task_input *in = &task->inputs[i];

        if (in->hint == in->told && !again)
            continue;
        in->told = in->hint;
        hints[count++] = (struct ds_broker_hint){
            .topic = in->topic, .partition = task->partition, .next = in->hint};
    }
    if (again)
        task->tell_again_us = ds_task_now(task) + DS_TELL_AGAIN_US;
    if (count > 0)
        task->host->broker->ops->commit_hints(task->host->broker, hints, count);
    task->hint_seq = 0;
}

void ds_host_commit_hints(struct ds_host *host, bool all)
{
    for (int32_t p = 0; p < host->partitions; p++) {
        struct ds_task *task = host->tasks[p];

        if (task == NULL || task->state != DS_PARTITION_RUNNING || !task->opened)
            continue;
        if (task->hint_seq == 0 && (all || ds_task_now(task) >= task->hint_us) &&
            !half_read(task)) {
            note_hint(task);
            task->hint_us = ds_task_now(task) + DS_HINT_US;
        }
        if (task->hint_seq > 0 && task->confirmed.seq >= task->hint_seq)
            tell_hint(task);
    }
}

/* ---- the server's presence ---- */

/* What keeps records from being written or read, though Kafka is there. */
static const char *waits_for(struct ds_host *host)
{
    static const struct ds_schema_wait writing = {.kind = DS_WAIT_REGISTRY};
    ds_framing_t *framing = host->runtime->framing;
    const char *text = NULL;

    if (!ds_framing_ready(framing, host->decider->events))
        return ds_schema_wait_text(&writing, framing);
    for (int32_t p = 0; p < host->partitions && text == NULL; p++) {
        const struct ds_task *task = host->tasks[p];

        if (task == NULL || task->state == DS_PARTITION_FOLLOWING)
            continue; /* nobody waits for a warm copy */
        text = ds_schema_wait_text(&task->own_wait, framing);
        if (text == NULL)
            text = ds_schema_wait_text(&task->snapshots.wait, framing);
        for (int32_t i = 0; i < task->input_count && text == NULL; i++)
            text = ds_schema_wait_text(&task->inputs[i].wait, framing);
    }
    return text;
}

static void look_for_server(struct ds_host *host, int64_t now_us)
{
    ds_error_t error = DS_ERROR_INIT;
    bool away = host->broker->ops->away(host->broker);

    if ((host->partitions == 0 || away) && now_us >= host->call_after_us) {
        int32_t partitions = 0;

        if (host->broker->ops->partitions(host->broker, host->topic_snapshots + 1,
                                          DS_CALL_TIMEOUT_MS, &partitions, &error))
            host->partitions = partitions;
        else
            host->call_after_us = ds_monotonic_us(host->runtime->clock) + DS_CALL_PAUSE_US;
    }
    if (host->partitions > DS_MAX_PARTITIONS) {
        ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "%d partitions",
                     (int)host->partitions);
        host->partitions = 0;
        ds_host_fail(host, &error);
        return;
    }
    if (host->partitions > 0 && !away && !ds_error_is_set(&error)) {
        if (host->away_said_us != 0)
            ds_log(&host->log, DS_LOG_INFO, "kafka.back", "Kafka answers",
                   DS_F_CSTR("processor", host->decider->name));
        host->away_said_us = 0;
        atomic_store(&host->runtime->health->waiting, waits_for(host));
        return;
    }
    atomic_store(&host->runtime->health->waiting,
                 error.code == DS_ERR_UNKNOWN || error.code == DS_ERR_INVALID
                     ? "topics are missing or differ: doorstep topics create"
                     : "kafka is away");
    if (!ds_error_is_set(&error) ||
        (host->away_said_us != 0 && now_us - host->away_said_us < AWAY_SAY_US))
        return;
    host->away_said_us = now_us;
    ds_log_error(&host->log, DS_LOG_WARN, "kafka.away", &error);
}

/* ---- the turn ---- */

static bool takes_inputs(const struct ds_task *task)
{
    return task->state == DS_PARTITION_RUNNING && !task->host->draining && !task->aside;
}

static void service_task(struct ds_task *task, int64_t now_us)
{
    ds_task_resume_own(task);
    if (task->state == DS_PARTITION_RUNNING && !ds_task_clock_stepped(task, task->last_event_us)) {
        if (task->settling)
            ds_task_confirm_time(task, now_us);
        if (!task->host->draining)
            ds_task_step_back(task);
        if (takes_inputs(task))
            ds_task_resume_inputs(task);
        if (takes_inputs(task))
            ds_task_release_turn(task);
        if (takes_inputs(task))
            ds_task_fire_timers(task);
        if (task->state == DS_PARTITION_RUNNING)
            ds_task_progress(task);
        if (task->state == DS_PARTITION_RUNNING)
            ds_snapshot_turn(task);
    } else if (task->state == DS_PARTITION_FOLLOWING) {
        ds_follow_time(task);
    } else {
        ds_task_owner_time(task, now_us);
    }
    ds_snapshot_read_time(task, now_us);
    if (task->dead_letter_count > 0)
        ds_dead_letters_send(task);
}

/* Hosts of one processor share the gauge. */
static void set_share(ds_metric_t *metric, int64_t *told, int64_t value)
{
    if (value != *told)
        ds_metric_add(metric, value - *told);
    *told = value;
}

void ds_host_leave_gauges(struct ds_host *host)
{
    set_share(host->metrics[DS_HM_UNACKED], &host->told_unacked, 0);
    set_share(host->metrics[DS_HM_RUNNING], &host->told_running, 0);
}

void ds_host_service(struct ds_host *host)
{
    int64_t now_us = ds_monotonic_us(host->runtime->clock);
    int64_t unacked = 0;
    int64_t running = 0;

    host->snapshots_busy = false;
    look_for_server(host, now_us);
    for (int32_t p = 0; p < DS_MAX_PARTITIONS && !host->fatal_set; p++) {
        struct ds_task *task = host->tasks[p];

        if (task == NULL)
            continue;
        service_task(task, now_us);
        ds_task_tell_quarantine(task);
        ds_task_tell_clock(task);
        unacked += ds_task_unacked(task);
        running += task->state == DS_PARTITION_RUNNING;
        host->snapshots_busy = host->snapshots_busy || ds_snapshot_is_busy(task);
    }
    if (host->fatal_set)
        return;
    ds_follow_turn(host, now_us);
    ds_host_ask_ends(host);
    prove_membership(host, now_us);
    ds_host_commit_hints(host, false);
    set_share(host->metrics[DS_HM_UNACKED], &host->told_unacked, unacked);
    set_share(host->metrics[DS_HM_RUNNING], &host->told_running, running);
    if (ds_host_ready(host))
        atomic_store(&host->runtime->health->ready, true);
}
