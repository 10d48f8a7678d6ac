/* From an input or a deadline to a decision in the log. The window of command ids is asked before
 * the decider. */
#include "base/crypto.h"
#include "base/planted.h"
#include "stream/task.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static struct ds_context system_context(const struct ds_task *task)
{
    return (struct ds_context){.actor = {DS_ACTOR_KIND_SYSTEM, ds_str(task->host->decider->name)}};
}

static struct ds_context context_of(const struct ds_task *task, const struct ds_task_input *in,
                                    const struct ds_broker_event *record, const void *message)
{
    struct ds_context context = system_context(task);

    if (message == NULL)
        return context;
    if (in->is_events) {
        const struct ds_context *of = &((const struct ds_event_head *)message)->context;

        context.correlation_id = of->correlation_id;
        context.has_traceparent = of->has_traceparent;
        context.traceparent = of->traceparent;
        return context;
    }
    const struct ds_command_head *head = &((const struct ds_command_envelope *)message)->head;

    context.correlation_id = head->correlation_id;
    context.actor = head->actor;
    context.has_command = true;
    context.command =
        (struct ds_command_ref){head->command_id, head->body_hash, record->appended_us};
    context.has_traceparent = head->has_traceparent;
    context.traceparent = head->traceparent;
    return context;
}

/* "<processor>-<partition>-<input>-<offset>": for every record, so not by printf. */
static void put_stem(char to[DS_ID_STEM_BYTES], const struct ds_task *task, int32_t input,
                     int64_t offset)
{
    const char *name = task->host->decider->name;
    size_t len = strlen(name);

    assert(len + 3 * (size_t)(1 + DS_I64_CHARS) < DS_ID_STEM_BYTES);
    memcpy(to, name, len);
    to += len;
    *to++ = '-';
    to = ds_str_put_i64(to, task->partition);
    *to++ = '-';
    to = ds_str_put_i64(to, input);
    *to++ = '-';
    *ds_str_put_i64(to, offset) = '\0';
}

static void record_cause(const struct ds_task *task, const struct ds_task_input *in,
                         const struct ds_broker_event *record, const struct ds_meta *meta,
                         struct ds_decision_cause *cause_out)
{
    cause_out->has_key = record->has_key;
    cause_out->key = record->key;
    cause_out->is_protocol = false;
    cause_out->at_us = ds_task_decision_time(task);
    cause_out->cause.kind = DS_META_CAUSE_INPUT_CAUSE;
    cause_out->cause.as.input_cause =
        (struct ds_input_cause){.input = in->input->number,
                                .offset = record->offset,
                                .epoch = meta == NULL ? 0 : meta->epoch,
                                .seq = meta == NULL ? 0 : meta->seq,
                                .fingerprint = in->is_events ? 0 : ds_fingerprint64(record->value)};
    put_stem(cause_out->id_stem, task, in->input->number, record->offset);
}

static bool add_input_rejected(struct ds_task *task, const struct ds_task_input *in,
                               const struct ds_broker_event *record, const char *reason,
                               const char *detail, ds_error_t *error)
{
    struct ds_context context = system_context(task);
    struct ds_protocol_event *event;

    ds_decision_reset(task->host->decision, &context);
    event = ds_decision_add(task->host->decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_PROTOCOL_INPUT_REJECTED;
    event->body.as.input_rejected =
        (struct ds_input_rejected){.topic = ds_str(in->input->schema->topic),
                                   .reason = ds_str(reason),
                                   .detail = ds_str(detail),
                                   .checksum = (int64_t)ds_crc32c(record->value),
                                   .size_bytes = (int32_t)record->value.len};
    return true;
}

/* The dead letter first: it waits for the record that is appended next to be confirmed. */
static bool reject_input(struct ds_task *task, struct ds_task_input *in,
                         const struct ds_broker_event *record,
                         const struct ds_decision_cause *cause, const char *reason,
                         const char *detail, ds_error_t *error)
{
    if (!add_input_rejected(task, in, record, reason, detail, error) ||
        !ds_dead_letter_add(task, in, record, reason, detail, error))
        return false;
    ds_metric_add(task->host->metrics[DS_HM_REJECTED], 1);
    ds_log(&task->log, DS_LOG_WARN, "input.rejected", detail,
           DS_F_CSTR("input", in->input->schema->topic), DS_F_INT("input_offset", record->offset),
           DS_F_CSTR("reason", reason));
    return ds_task_append(task, cause, error) == DS_APPEND_OK;
}

static bool decide_message(struct ds_task *task, struct ds_task_input *in,
                           const struct ds_broker_event *record, const void *message, int64_t at_us,
                           ds_error_t *error)
{
    struct ds_host *host = task->host;
    const struct ds_command_head *head =
        in->is_events ? NULL : &((const struct ds_command_envelope *)message)->head;
    const struct ds_input input = {
        .kind = in->is_events ? DS_INPUT_EVENT : DS_INPUT_COMMAND,
        .number = in->input->number,
        .offset = record->offset,
        .appended_us = record->appended_us,
        .message = message,
    };

    if (head != NULL && head->command_id.len > 0) {
        const struct ds_window_entry *seen = ds_window_find(&task->window, head->command_id);

        if (seen != NULL && !DS_PLANTED(IDS)) {
            ds_metric_add(host->metrics[DS_HM_REPEATED], 1);
            return ds_decision_repeat(host->decision, head->command_id,
                                      ds_window_same_body(seen, head->body_hash),
                                      seen->first_offset, error);
        }
    }
    if (!host->decider->decide(task->domain, &input, at_us, host->decision, error))
        return false;
    if (head == NULL || ds_decision_count(host->decision) > 0)
        return true;
    /* Every command has an outcome in the log: somebody waits for it. */
    return ds_decision_reject(host->decision, DS_STR(""),
                              ds_str(ds_schema_ce_type(in->input->schema, message)),
                              "NOTHING_TO_DO", error);
}

/* A decision that no log would take is replaced by a refusal that one will (protocol R4). */
static bool refuse_too_large(struct ds_task *task, struct ds_task_input *in,
                             const struct ds_broker_event *record,
                             const struct ds_decision_cause *cause,
                             const struct ds_context *context, const void *message,
                             ds_error_t *error)
{
    if (in->is_events)
        return reject_input(task, in, record, cause, "TOO_LARGE", "its decision is over the limits",
                            error);
    ds_decision_reset(task->host->decision, context);
    if (!ds_decision_reject(task->host->decision, DS_STR(""),
                            ds_str(ds_schema_ce_type(in->input->schema, message)), "TOO_LARGE",
                            error))
        return false;
    switch (ds_task_append(task, cause, error)) {
    case DS_APPEND_OK:
        return true;
    case DS_APPEND_FAILED:
        return false;
    case DS_APPEND_TOO_LARGE:
        break;
    }
    /* What a refusal copies of the command (its id, its actor) is too large by itself. */
    ds_error_clear(error);
    return reject_input(task, in, record, cause, "TOO_LARGE", "its context is over the limits",
                        error);
}

bool ds_task_decide_record(struct ds_task *task, struct ds_task_input *in,
                           const struct ds_broker_event *record, const struct ds_meta *meta,
                           const void *message, const char *reason, const char *detail,
                           ds_error_t *error)
{
    struct ds_context context = context_of(task, in, record, message);
    struct ds_decision_cause cause;
    enum ds_append done;

    record_cause(task, in, record, meta, &cause);
    if (message == NULL)
        return reject_input(task, in, record, &cause, reason, detail, error);
    ds_decision_reset(task->host->decision, &context);
    if (decide_message(task, in, record, message, cause.at_us, error)) {
        done = ds_task_append(task, &cause, error);
        if (done == DS_APPEND_OK)
            return true;
    } else {
        done = error->code == DS_ERR_LIMIT ? DS_APPEND_TOO_LARGE : DS_APPEND_FAILED;
    }
    if (done == DS_APPEND_FAILED)
        return false;
    ds_log_error(&task->log, DS_LOG_WARN, "decision.too_large", error);
    ds_error_clear(error);
    return refuse_too_large(task, in, record, &cause, &context, message, error);
}

bool ds_task_decide_timer(struct ds_task *task, const struct ds_timer *timer, ds_error_t *error)
{
    struct ds_host *host = task->host;
    struct ds_context context = system_context(task);
    struct ds_decision_cause cause = {.cause.kind = DS_META_CAUSE_TIMER_CAUSE,
                                      .has_key = true,
                                      .at_us = ds_task_decision_time(task)};
    struct ds_input input = {.kind = DS_INPUT_TIMER,
                             .number = -1,
                             .offset = -1,
                             .appended_us = timer->due_us,
                             .timer = *timer};
    ds_str_t aggregate;

    ds_decision_reset(host->decision, &context);
    /* A copy: the state's own text may go when the events are applied. */
    if (!ds_arena_dup(ds_decision_arena(host->decision), timer->aggregate, &aggregate, error))
        return false;
    input.timer.aggregate = aggregate;
    cause.key = ds_id_store(aggregate);
    cause.cause.as.timer_cause = (struct ds_timer_cause){aggregate, timer->kind, timer->due_us};
    (void)snprintf(cause.id_stem, sizeof(cause.id_stem),
                   "%s-%" PRId32 "-t-%.*s-%" PRId32 "-%" PRId64, host->decider->name,
                   task->partition, DS_STR_ARG(aggregate), timer->kind, timer->due_us);
    ds_metric_add(host->metrics[DS_HM_TIMERS], 1);
    return host->decider->decide(task->domain, &input, cause.at_us, host->decision, error) &&
           ds_task_append(task, &cause, error) == DS_APPEND_OK;
}
