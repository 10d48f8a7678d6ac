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

/* A record that can be read, on its way to a decision. */
struct asked {
    struct ds_task_input *in;
    const struct ds_broker_event *record;
    const struct ds_decision_cause *cause;
    const void *message; /* what is decided */
    struct ds_context context;
    const struct ds_edit_input
        *edit; /* it stands in the place of a dead letter; NULL: for itself */
    struct ds_context editor;
};

static bool is_operators(const struct ds_task_input *in, const void *message)
{
    return !in->is_events && ds_schema_body_kind(in->input->schema, message) < DS_OPERATOR_KINDS;
}

static struct ds_input input_of(const struct asked *a)
{
    return (struct ds_input){
        .kind = a->in->is_events ? DS_INPUT_EVENT : DS_INPUT_COMMAND,
        .number = a->in->input->number,
        .offset = a->record->offset,
        .appended_us = a->record->appended_us,
        .message = a->message,
    };
}

static bool add_edited(struct ds_task *task, const struct asked *a, ds_error_t *error)
{
    struct ds_protocol_event *event = ds_decision_add(task->host->decision, error);

    if (event == NULL)
        return false;
    event->head.context = a->editor;
    event->body.kind = DS_PROTOCOL_INPUT_EDITED;
    event->body.as.input_edited = (struct ds_input_edited){.topic = a->edit->topic,
                                                           .offset = a->edit->offset,
                                                           .reason = a->edit->reason,
                                                           .old_value = a->edit->old_value,
                                                           .new_value = a->edit->new_value};
    return true;
}

/* A command id of the window is answered with a repeat. */
static bool decide_repeat(struct ds_task *task, const struct ds_command_head *head,
                          bool *repeat_out, ds_error_t *error)
{
    const struct ds_window_entry *seen =
        head->command_id.len == 0 ? NULL : ds_window_find(&task->window, head->command_id);

    *repeat_out = seen != NULL && !DS_PLANTED(IDS);
    if (!*repeat_out)
        return true;
    ds_metric_add(task->host->metrics[DS_HM_REPEATED], 1);
    return ds_decision_repeat(task->host->decision, head->command_id,
                              ds_window_same_body(seen, head->body_hash), seen->first_offset,
                              error);
}

static bool decide_message(struct ds_task *task, const struct asked *a, ds_error_t *error)
{
    struct ds_host *host = task->host;
    const struct ds_command_head *head =
        a->in->is_events ? NULL : &((const struct ds_command_envelope *)a->message)->head;
    const struct ds_input input = input_of(a);
    size_t before;
    bool repeat = false;

    if (a->edit != NULL && !add_edited(task, a, error))
        return false;
    before = ds_decision_count(host->decision);
    if (head != NULL && !decide_repeat(task, head, &repeat, error))
        return false;
    if (repeat)
        return true;
    if (is_operators(a->in, a->message))
        return ds_task_operate(task, a->in, a->message, error);
    if (!host->decider->decide(task->domain, &input, a->cause->at_us, host->decision, error))
        return false;
    if (a->edit != NULL) /* the decider may have set that of all */
        ((struct ds_event_head *)ds_decision_event(host->decision, 0))->context = a->editor;
    if (head == NULL || ds_decision_count(host->decision) > before)
        return true;
    /* Every command has an outcome in the log: somebody waits for it. */
    return ds_decision_reject(host->decision, DS_STR(""),
                              ds_str(ds_schema_ce_type(a->in->input->schema, a->message)),
                              "NOTHING_TO_DO", error);
}

/* A decision that no log would take is replaced by a refusal that one will (protocol R4). */
static bool refuse_too_large(struct ds_task *task, const struct asked *a, ds_error_t *error)
{
    if (a->in->is_events)
        return reject_input(task, a->in, a->record, a->cause, "TOO_LARGE",
                            "its decision is over the limits", error);
    ds_decision_reset(task->host->decision, a->edit == NULL ? &a->context : &a->editor);
    if (!ds_decision_reject(task->host->decision, DS_STR(""),
                            ds_str(ds_schema_ce_type(a->in->input->schema, a->message)),
                            "TOO_LARGE", error))
        return false;
    switch (ds_task_append(task, a->cause, error)) {
    case DS_APPEND_OK:
        return true;
    case DS_APPEND_FAILED:
        return false;
    case DS_APPEND_TOO_LARGE:
        break;
    }
    /* What a refusal copies of the command (its id, its actor) is too large by itself. */
    ds_error_clear(error);
    return reject_input(task, a->in, a->record, a->cause, "TOO_LARGE",
                        "its context is over the limits", error);
}

/* False: there is none to decide, `why` says for what reason. */
static bool decode_corrected(const struct ds_task *task, const struct ds_task_input *in,
                             const struct ds_edit_input *edit, const void **inner_out,
                             ds_error_t *why)
{
    struct ds_host *host = task->host;
    const struct ds_schema *schema = in->input->schema;
    void *inner = ds_arena_calloc(host->arena, 1, (schema->struct_bytes + 15) & ~(size_t)15, why);

    *inner_out = NULL;
    if (inner == NULL || !ds_framing_decode(host->runtime->framing, schema, edit->new_value,
                                            host->arena, inner, NULL, why))
        return false;
    if (is_operators(in, inner))
        return ds_error_set(why, DS_DOMAIN_STREAM, DS_ERR_INVALID,
                            "an operator's command corrects none");
    *inner_out = inner;
    return true;
}

bool ds_task_corrected(const struct ds_task *task, const struct ds_task_input *in,
                       const struct ds_edit_input *edit, const void **inner_out, ds_error_t *why,
                       ds_error_t *error)
{
    if (decode_corrected(task, in, edit, inner_out, why) || why->code != DS_ERR_MEMORY)
        return true;
    *error = *why;
    return false;
}

bool ds_task_reads_edit(const struct ds_task *task, const struct ds_task_input *in,
                        const void *message, ds_error_t *why)
{
    const struct ds_operator_command *command = message;
    const void *inner;

    return !is_operators(in, message) || command->body.kind != DS_OPERATOR_EDIT_INPUT ||
           decode_corrected(task, in, &command->body.as.edit_input, &inner, why);
}

/* The corrected command in the place of the one that asks for it. What waits is left where it is,
 * and what has waited was noted as edited before. One that has waited could be read then: what
 * cannot now goes on waiting, and a->message is NULL. */
static bool open_edit(struct ds_task *task, struct asked *a, ds_error_t *error)
{
    const struct ds_operator_command *command = a->message;
    const struct ds_edit_input *edit = &command->body.as.edit_input;
    bool was_held = a->cause->cause.kind == DS_META_CAUSE_HELD_CAUSE;
    ds_error_t why = DS_ERROR_INIT;
    const void *inner;

    if (!ds_task_corrected(task, a->in, edit, &inner, &why, error))
        return false;
    if (inner == NULL && was_held) {
        a->message = NULL;
        return ds_task_quarantine(task, a->cause, &a->context,
                                  a->cause->cause.as.held_cause.aggregate, "UNDECODABLE",
                                  why.message, error);
    }
    if (inner == NULL || !ds_operator_may(&command->head.actor) ||
        (edit->has_aggregate && !was_held))
        return true; /* it is left as it is */
    if (!edit->has_aggregate) {
        a->editor = a->context;
        a->edit = edit;
    }
    a->message = inner;
    a->context = context_of(task, a->in, a->record, inner);
    return true;
}

static bool decide_known(struct ds_task *task, struct asked *a, ds_error_t *error)
{
    struct ds_host *host = task->host;
    struct ds_input input;
    ds_str_t aggregate = DS_STR("");
    enum ds_append done;

    a->context = context_of(task, a->in, a->record, a->message);
    if (is_operators(a->in, a->message) &&
        ((const struct ds_operator_command *)a->message)->body.kind == DS_OPERATOR_EDIT_INPUT &&
        !open_edit(task, a, error))
        return false;
    if (a->message == NULL)
        return true;
    input = input_of(a);
    if (!is_operators(a->in, a->message))
        aggregate = ds_decider_aggregate(host->decider, &input);
    if (a->cause->cause.kind == DS_META_CAUSE_INPUT_CAUSE && ds_task_waits(task, aggregate))
        return ds_task_hold(task, a->cause, &a->context, aggregate, error);
    ds_decision_reset(host->decision, &a->context);
    if (decide_message(task, a, error)) {
        done = ds_task_append(task, a->cause, error);
        if (done == DS_APPEND_OK)
            return true;
    } else if (error->code == DS_ERR_IMPOSSIBLE && aggregate.len > 0) {
        const ds_error_t why = *error;

        ds_error_clear(error);
        return ds_task_quarantine(task, a->cause, &a->context, aggregate, "IMPOSSIBLE", why.message,
                                  error);
    } else {
        done = error->code == DS_ERR_LIMIT ? DS_APPEND_TOO_LARGE : DS_APPEND_FAILED;
    }
    if (done == DS_APPEND_FAILED)
        return false;
    ds_log_error(&task->log, DS_LOG_WARN, "decision.too_large", error);
    ds_error_clear(error);
    return refuse_too_large(task, a, error);
}

bool ds_task_decide_record(struct ds_task *task, struct ds_task_input *in,
                           const struct ds_broker_event *record, const struct ds_meta *meta,
                           const void *message, const char *reason, const char *detail,
                           ds_error_t *error)
{
    struct ds_decision_cause cause;
    struct asked asked = {.in = in, .record = record, .cause = &cause, .message = message};

    record_cause(task, in, record, meta, &cause);
    if (message == NULL)
        return reject_input(task, in, record, &cause, reason, detail, error);
    return decide_known(task, &asked, error);
}

/* ---- inputs that waited */

static void held_cause(const struct ds_task *task, const struct ds_task_input *in,
                       ds_str_t aggregate, const struct ds_held *held, int64_t release,
                       struct ds_decision_cause *cause_out)
{
    *cause_out = (struct ds_decision_cause){
        .has_key = true, .key = ds_id_store(aggregate), .at_us = ds_task_decision_time(task)};
    cause_out->cause.kind = DS_META_CAUSE_HELD_CAUSE;
    cause_out->cause.as.held_cause = (struct ds_held_cause){.aggregate = aggregate,
                                                            .input = held->input,
                                                            .offset = held->offset,
                                                            .epoch = held->epoch,
                                                            .seq = held->seq,
                                                            .fingerprint = held->fingerprint,
                                                            .release = release};
    (void)snprintf(cause_out->id_stem, sizeof(cause_out->id_stem),
                   "%s-%" PRId32 "-%" PRId32 "-%" PRId64 "-h%" PRId64, task->host->decider->name,
                   task->partition, in->input->number, held->offset, release);
}

bool ds_task_requarantine(struct ds_task *task, const struct ds_task_input *in, ds_str_t aggregate,
                          const struct ds_held *held, int64_t release, const char *reason,
                          const char *detail, ds_error_t *error)
{
    struct ds_context context = system_context(task);
    struct ds_decision_cause cause;

    held_cause(task, in, aggregate, held, release, &cause);
    return ds_task_quarantine(task, &cause, &context, aggregate, reason, detail, error);
}

/* It led to nothing: the log must say that it does not wait any more. */
static bool pass_held(struct ds_task *task, struct ds_decision_cause *cause, ds_str_t aggregate,
                      ds_error_t *error)
{
    struct ds_context context = system_context(task);
    struct ds_protocol_event *event;

    cause->has_key = true;
    cause->key = ds_id_store(aggregate);
    ds_decision_reset(task->host->decision, &context);
    event = ds_decision_add(task->host->decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_PROTOCOL_INPUT_PASSED;
    event->body.as.input_passed.aggregate = aggregate;
    return ds_task_append(task, cause, error) == DS_APPEND_OK;
}

bool ds_task_decide_held(struct ds_task *task, struct ds_task_input *in,
                         const struct ds_broker_event *record, ds_str_t aggregate,
                         const struct ds_held *held, int64_t release, const void *message,
                         ds_error_t *error)
{
    struct ds_decision_cause cause;
    struct asked asked = {.in = in, .record = record, .cause = &cause, .message = message};
    int64_t next_seq = task->next_seq;

    held_cause(task, in, aggregate, held, release, &cause);
    cause.has_key = record->has_key;
    cause.key = record->key;
    if (!decide_known(task, &asked, error))
        return false;
    return task->state != DS_PARTITION_RUNNING || task->next_seq > next_seq ||
           pass_held(task, &cause, aggregate, error);
}

/* The deadline stays: when the aggregate is free it fires again. So its cause can come back, and
 * the id of this event is not made of it. */
static bool quarantine_timer(struct ds_task *task, struct ds_decision_cause *cause,
                             const struct ds_timer *timer, ds_error_t *error)
{
    const struct ds_context context = system_context(task);
    const ds_error_t why = *error;

    ds_error_clear(error);
    cause->key = ds_id_store(timer->aggregate);
    cause->cause.as.timer_cause.aggregate = timer->aggregate;
    (void)snprintf(cause->id_stem, sizeof(cause->id_stem), "%s-%" PRId32 "-q-%" PRId64 "-%" PRId64,
                   task->host->decider->name, task->partition, task->epoch, task->next_seq);
    return ds_task_quarantine(task, cause, &context, timer->aggregate, "IMPOSSIBLE", why.message,
                              error);
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
    if (host->decider->decide(task->domain, &input, cause.at_us, host->decision, error))
        return ds_task_append(task, &cause, error) == DS_APPEND_OK;
    if (error->code != DS_ERR_IMPOSSIBLE)
        return false;
    return quarantine_timer(task, &cause, timer, error);
}
