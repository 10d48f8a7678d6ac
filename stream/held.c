/* Quarantine (ADR 21): an input that the decider finds impossible, and all later ones of its
 * aggregate, wait in their topics, known by their place; an operator releases them, and they are
 * read again and decided, oldest first. Everything that changes which ones wait is a record of the
 * own log, so a new owner goes on where the last one was.
 *
 * Reading again: the input is left where it stands, read at the place of what waits, and resumed
 * (as for owed dead letters, resend.c). Its fence does not move meanwhile: a place of an events
 * topic is known with its epoch and seq, so it was delivered, and is held against the record that
 * stands there. */
#include "base/crypto.h"
#include "stream/task.h"

#include <inttypes.h>
#include <stdio.h>

#define READ_ON_MAX  1000 /* further apart: reading begins anew there */
#define REREAD_MAX   256  /* then the input is resumed for a while */
#define REREAD_PAUSE (20 * DS_US_PER_MS)
#define REREAD_AGAIN (1 * DS_US_PER_S) /* what could not be read now */
#define REASON_GONE  "INPUT_GONE"
#define GONE_TEXT    "what waits is not in its topic any more"
#define CHANGED_TEXT "another record stands where the one that waits stood"

/* ---- waiting */

static bool is_full(struct ds_task *task, ds_str_t aggregate)
{
    const struct ds_quarantine *quarantine = &task->quarantine;
    ds_error_t error = DS_ERROR_INIT;

    if (quarantine->held_count < task->host->config.max_held &&
        (ds_quarantine_count(quarantine) < DS_MAX_QUARANTINED || ds_task_waits(task, aggregate)) &&
        aggregate.len <= DS_MAX_AGGREGATE_BYTES)
        return false;
    ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_LIMIT,
                 "%zu inputs wait for %zu quarantined aggregates, at most %zu may: release them, "
                 "after a restart with a larger --max-held",
                 quarantine->held_count, ds_quarantine_count(quarantine),
                 task->host->config.max_held);
    ds_task_stop(task, "quarantine.full", &error);
    return true;
}

/* Its outcome is still to come, so it names no command (whose id would count as seen). */
static struct ds_protocol_event *begin(struct ds_task *task, const struct ds_context *of,
                                       int32_t kind, ds_error_t *error)
{
    struct ds_context context = *of;
    struct ds_protocol_event *event;

    context.has_command = false;
    ds_decision_reset(task->host->decision, &context);
    event = ds_decision_add(task->host->decision, error);
    if (event != NULL)
        event->body.kind = kind;
    return event;
}

/* The system's, and what is short enough to find the event by. */
static void shorten(const struct ds_task *task, struct ds_context *context)
{
    const ds_str_t correlation_id = context->correlation_id;

    *context =
        (struct ds_context){.actor = {DS_ACTOR_KIND_SYSTEM, ds_str(task->host->decider->name)}};
    if (correlation_id.len <= DS_MAX_ID_BYTES)
        context->correlation_id = correlation_id;
}

/* What the event copies of its input may be too large for any record. It waits all the same, known
 * by its cause, and the event goes without. */
static bool append(struct ds_task *task, const struct ds_decision_cause *cause, ds_error_t *error)
{
    struct ds_event_head *head = ds_decision_event(task->host->decision, 0);

    switch (ds_task_append(task, cause, error)) {
    case DS_APPEND_OK:
        return true;
    case DS_APPEND_FAILED:
        return false;
    case DS_APPEND_TOO_LARGE:
        break;
    }
    ds_log_error(&task->log, DS_LOG_WARN, "decision.too_large", error);
    ds_error_clear(error);
    shorten(task, &head->context);
    return ds_task_append(task, cause, error) == DS_APPEND_OK;
}

bool ds_task_hold(struct ds_task *task, const struct ds_decision_cause *cause,
                  const struct ds_context *context, ds_str_t aggregate, ds_error_t *error)
{
    struct ds_protocol_event *event;

    if (is_full(task, aggregate))
        return true;
    event = begin(task, context, DS_PROTOCOL_INPUT_HELD, error);
    if (event == NULL)
        return false;
    event->body.as.input_held.aggregate = aggregate;
    return append(task, cause, error);
}

bool ds_task_quarantine(struct ds_task *task, const struct ds_decision_cause *cause,
                        const struct ds_context *context, ds_str_t aggregate, const char *reason,
                        const char *detail, ds_error_t *error)
{
    struct ds_protocol_event *event;

    if (cause->cause.kind != DS_META_CAUSE_HELD_CAUSE && is_full(task, aggregate))
        return true;
    event = begin(task, context, DS_PROTOCOL_AGGREGATE_QUARANTINED, error);
    if (event == NULL)
        return false;
    event->body.as.aggregate_quarantined = (struct ds_aggregate_quarantined){
        .aggregate = aggregate, .reason = ds_str(reason), .detail = ds_str(detail)};
    ds_log(&task->log, DS_LOG_ERROR, "aggregate.quarantined", detail,
           DS_F_TEXT("aggregate", aggregate), DS_F_CSTR("reason", reason));
    return append(task, cause, error);
}

/* ---- what an operator asks */

bool ds_operator_may(const struct ds_actor *actor)
{
    return actor->kind == DS_ACTOR_KIND_STAFF || actor->kind == DS_ACTOR_KIND_ADMIN;
}

static bool release(struct ds_task *task, const struct ds_release_aggregate *asked,
                    ds_error_t *error)
{
    const struct ds_quarantined *entry = ds_quarantine_find(&task->quarantine, asked->aggregate);
    ds_decision_t *decision = task->host->decision;
    struct ds_protocol_event *event;

    if (entry == NULL || entry->releasing)
        return ds_decision_reject(decision, asked->aggregate, DS_STR("operator.release"),
                                  entry == NULL ? "NOT_QUARANTINED" : "NOTHING_TO_DO", error);
    event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_PROTOCOL_AGGREGATE_RELEASED;
    event->body.as.aggregate_released =
        (struct ds_aggregate_released){.aggregate = asked->aggregate,
                                       .reason = asked->reason,
                                       .held = (int32_t)ds_quarantined_count(entry)};
    ds_log(&task->log, DS_LOG_INFO, "aggregate.released", "what waits for it is decided now",
           DS_F_TEXT("aggregate", asked->aggregate),
           DS_F_INT("held", (int64_t)ds_quarantined_count(entry)));
    return true;
}

static bool waits(const struct ds_task *task, const struct ds_drop_input *asked)
{
    for (int32_t i = 0; i < task->input_count; i++)
        if (ds_str_eq(ds_str(task->inputs[i].input->schema->topic), asked->topic))
            return ds_quarantine_held(&task->quarantine, asked->aggregate,
                                      task->inputs[i].input->number, asked->offset) != NULL;
    return false;
}

static bool drop(struct ds_task *task, const struct ds_drop_input *asked, ds_error_t *error)
{
    ds_decision_t *decision = task->host->decision;
    struct ds_protocol_event *event;

    if (asked->has_aggregate && !waits(task, asked))
        return ds_decision_reject(decision, asked->aggregate, DS_STR("operator.drop"), "NOT_HELD",
                                  error);
    event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_PROTOCOL_INPUT_DROPPED;
    event->body.as.input_dropped = (struct ds_input_dropped){.topic = asked->topic,
                                                             .offset = asked->offset,
                                                             .has_aggregate = asked->has_aggregate,
                                                             .aggregate = asked->aggregate,
                                                             .reason = asked->reason};
    return true;
}

/* Whether the edit is one of what waits: NULL, or why not. */
static const char *judge_edit(const struct ds_task *task, const struct ds_task_input *in,
                              const struct ds_edit_input *asked, const void *inner)
{
    const struct ds_input input = {
        .kind = DS_INPUT_COMMAND, .number = in->input->number, .message = inner};
    const struct ds_held *held =
        ds_quarantine_held(&task->quarantine, asked->aggregate, in->input->number, asked->offset);

    if (held == NULL || !ds_str_eq(asked->topic, ds_str(in->input->schema->topic)) ||
        held->fingerprint != ds_fingerprint64(asked->old_value))
        return "NOT_HELD";
    if (inner == NULL ||
        !ds_str_eq(ds_decider_aggregate(task->host->decider, &input), asked->aggregate))
        return "INVALID";
    return NULL;
}

/* The edit waits in the place of what it corrects. That of a dead letter is decided instead of this
 * command (decide.c), unless it has none. */
static bool edit(struct ds_task *task, const struct ds_task_input *in,
                 const struct ds_edit_input *asked, ds_error_t *error)
{
    ds_decision_t *decision = task->host->decision;
    struct ds_protocol_event *event;
    const char *reason = "INVALID";
    ds_error_t why = DS_ERROR_INIT;
    const void *inner;

    if (asked->has_aggregate) {
        if (!ds_task_corrected(task, in, asked, &inner, &why, error))
            return false;
        reason = judge_edit(task, in, asked, inner);
    }
    if (reason != NULL)
        return ds_decision_reject(decision, asked->aggregate, DS_STR("operator.edit"), reason,
                                  error);
    event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_PROTOCOL_INPUT_EDITED;
    event->body.as.input_edited = (struct ds_input_edited){.topic = asked->topic,
                                                           .offset = asked->offset,
                                                           .has_aggregate = true,
                                                           .aggregate = asked->aggregate,
                                                           .reason = asked->reason,
                                                           .old_value = asked->old_value,
                                                           .new_value = asked->new_value};
    return true;
}

bool ds_task_operate(struct ds_task *task, const struct ds_task_input *in,
                     const struct ds_operator_command *command, ds_error_t *error)
{
    ds_str_t operation = ds_str(ds_schema_ce_type(in->input->schema, command));

    if (!ds_operator_may(&command->head.actor))
        return ds_decision_reject(task->host->decision, DS_STR(""), operation, "FORBIDDEN", error);
    switch ((enum ds_operator_kind)command->body.kind) {
    case DS_OPERATOR_RELEASE_AGGREGATE:
        return release(task, &command->body.as.release_aggregate, error);
    case DS_OPERATOR_DROP_INPUT:
        return drop(task, &command->body.as.drop_input, error);
    case DS_OPERATOR_EDIT_INPUT:
        return edit(task, in, &command->body.as.edit_input, error);
    case DS_OPERATOR_KINDS:
        break;
    }
    return ds_decision_reject(task->host->decision, DS_STR(""), operation, "INVALID", error);
}

/* ---- deciding what waited */

/* What is to be decided next; NULL: nothing. */
static const struct ds_held *next_held(const struct ds_task *task, ds_str_t *aggregate_out,
                                       int64_t *release_out)
{
    const struct ds_quarantined *entry = ds_quarantine_releasing(&task->quarantine, aggregate_out);

    *release_out = entry == NULL ? -1 : entry->release;
    return entry == NULL ? NULL : &entry->held[entry->first];
}

/* A name of its own: that in memory goes with the last input that is decided. */
static bool copy_name(struct ds_task *task, ds_str_t *aggregate, ds_error_t *error)
{
    return ds_arena_dup(task->host->arena, *aggregate, aggregate, error);
}

static void pause_rereading(struct ds_task *task, int64_t us)
{
    task->reread_wake_us = ds_task_now(task) + us;
    task->reread_count = 0;
}

void ds_task_release_turn(struct ds_task *task)
{
    ds_error_t error = DS_ERROR_INIT;
    const struct ds_held *held;
    struct ds_task_input *in;
    ds_str_t aggregate;
    int64_t release;

    if (task->quarantine.releasing_count == 0 || !task->opened ||
        ds_task_now(task) < task->reread_wake_us)
        return;
    for (int32_t i = 0; i < task->input_count; i++)
        if (task->inputs[i].rereading || task->inputs[i].resending)
            return;
    held = next_held(task, &aggregate, &release);
    in = ds_task_input_numbered(task, held->input);
    if (in == NULL) { /* an input that this version does not read */
        pause_rereading(task, REREAD_AGAIN);
        ds_log(&task->log, DS_LOG_ERROR, "release.stuck", "its input is not read by this version",
               DS_F_INT("input", held->input), DS_F_TEXT("aggregate", aggregate));
        return;
    }
    in->rereading = true;
    in->reread_at = held->offset;
    if (!ds_task_start_input(task, in, held->offset, &error)) {
        ds_log_error(&task->log, DS_LOG_INFO, "owner.retry", &error);
        ds_task_lose(task, "an input cannot be read");
    }
}

static bool resume(struct ds_task *task, struct ds_task_input *in, int64_t pause_us,
                   ds_error_t *error)
{
    if (pause_us > 0)
        pause_rereading(task, pause_us);
    in->rereading = false;
    return task->state != DS_PARTITION_RUNNING || ds_task_resume_input(task, in, error);
}

static bool is_same(const struct ds_task *task, const struct ds_task_input *in,
                    const struct ds_broker_event *record, const struct ds_held *held)
{
    const struct ds_meta *meta = &((const struct ds_event_head *)task->host->message)->meta;

    return in->is_events ? meta->epoch == held->epoch && meta->seq == held->seq
                         : ds_fingerprint64(record->value) == held->fingerprint;
}

/* *later_out: it cannot be told yet, its schema is not known, or that of what an edit holds. */
static bool decide_it(struct ds_task *task, struct ds_task_input *in,
                      const struct ds_broker_event *record, ds_str_t aggregate,
                      const struct ds_held *held, int64_t release, bool *later_out,
                      ds_error_t *error)
{
    struct ds_host *host = task->host;
    ds_error_t why = DS_ERROR_INIT;
    bool ok = ds_framing_decode(host->runtime->framing, in->input->schema, record->value,
                                host->arena, host->message, NULL, &why);
    bool whole = ok && ds_task_reads_edit(task, in, host->message, &why);

    *later_out = !whole && ds_schema_waits(in->input->schema, &why);
    if (*later_out)
        return true;
    if (!whole && why.code == DS_ERR_MEMORY) {
        *error = why;
        return false;
    }
    if (!ok)
        return ds_task_requarantine(task, in, aggregate, held, release, "UNDECODABLE", why.message,
                                    error);
    if (!is_same(task, in, record, held))
        return ds_task_requarantine(task, in, aggregate, held, release, REASON_GONE, CHANGED_TEXT,
                                    error);
    return ds_task_decide_held(task, in, record, aggregate, held, release, host->message, error);
}

bool ds_task_reread_record(struct ds_task *task, struct ds_task_input *in,
                           const struct ds_broker_event *record, ds_error_t *error)
{
    const struct ds_held *next;
    struct ds_held held;
    ds_str_t aggregate;
    int64_t release;
    bool later = false;
    bool ok;

    next = next_held(task, &aggregate, &release);
    /* Another may be next by now (one was dropped, say), and its place be passed already. */
    if (next == NULL || next->input != in->input->number || next->offset < in->reread_at)
        return resume(task, in, 0, error);
    in->reread_at = record->offset + 1;
    if (record->offset < next->offset)
        return true;
    held = *next;
    ds_arena_reset(task->host->arena);
    if (!copy_name(task, &aggregate, error))
        return false;
    ok = record->offset == held.offset
             ? decide_it(task, in, record, aggregate, &held, release, &later, error)
             : ds_task_requarantine(task, in, aggregate, &held, release, REASON_GONE, GONE_TEXT,
                                    error);
    if (!ok || task->state != DS_PARTITION_RUNNING)
        return ok;
    if (later)
        return resume(task, in, REREAD_AGAIN, error);
    if (++task->reread_count >= REREAD_MAX)
        return resume(task, in, REREAD_PAUSE, error);
    next = next_held(task, &aggregate, &release);
    if (next != NULL && next->input == held.input && next->offset > record->offset &&
        next->offset - record->offset <= READ_ON_MAX)
        return true;
    return resume(task, in, 0, error);
}

bool ds_task_reread_failed(struct ds_task *task, struct ds_task_input *in, int64_t low, int64_t end,
                           ds_error_t *error)
{
    ds_str_t aggregate;
    int64_t release;
    const struct ds_held *next = next_held(task, &aggregate, &release);
    struct ds_held held;

    if (next == NULL || next->input != in->input->number ||
        (next->offset >= low && next->offset < end))
        return resume(task, in, REREAD_AGAIN, error);
    if (!ds_host_flush(task->host)) /* no room for an event just now */
        return resume(task, in, REREAD_AGAIN, error);
    held = *next;
    ds_arena_reset(task->host->arena);
    return copy_name(task, &aggregate, error) &&
           ds_task_requarantine(task, in, aggregate, &held, release, REASON_GONE, GONE_TEXT,
                                error) &&
           resume(task, in, 0, error);
}

/* ---- what is seen of it */

void ds_task_tell_quarantine(struct ds_task *task)
{
    static const char *const names[2] = {"doorstep_quarantined_aggregates", "doorstep_held_inputs"};
    static const char *const helps[2] = {"Aggregates whose inputs wait for somebody.",
                                         "Inputs that wait for a quarantined aggregate."};
    bool running = task->state == DS_PARTITION_RUNNING;
    const int64_t values[2] = {running ? (int64_t)ds_quarantine_count(&task->quarantine) : 0,
                               running ? (int64_t)task->quarantine.held_count : 0};

    if (values[0] == 0 && task->quarantine_metrics[0] == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        char partition[16];
        const struct ds_label labels[] = {
            {"processor", task->host->decider->name}, {"partition", partition}, {NULL, NULL}};

        (void)snprintf(partition, sizeof(partition), "%" PRId32, task->partition);
        if (task->quarantine_metrics[i] == NULL)
            task->quarantine_metrics[i] =
                ds_metrics_get(task->host->runtime->metrics, DS_GAUGE, names[i], helps[i], labels);
        ds_metric_set(task->quarantine_metrics[i], values[i]);
    }
}
