/* Memory as the fold of the own log: what each delivered event changes, the protocol's own records
 * included. */
#include "base/planted.h"
#include "stream/task.h"

#include <inttypes.h>

static void forget_inputs(struct ds_task *task)
{
    for (int32_t i = 0; i < task->input_count; i++) {
        struct ds_task_input *in = &task->inputs[i];

        in->known = false;
        in->at = (struct ds_input_position){.input = in->input->number};
        in->fingerprint = 0;
        in->decide_from = 0;
    }
}

bool ds_task_forget(struct ds_task *task, ds_error_t *error)
{
    const struct ds_decider *decider = task->host->decider;

    if (task->domain != NULL)
        decider->state_destroy(task->domain);
    task->domain = decider->state_new(task->host->config.settings, error);
    ds_window_clear(&task->window);
    forget_inputs(task);
    ds_owed_forget(task);
    ds_quarantine_clear(&task->quarantine);
    task->memory = DS_PLACE_START;
    task->confirmed = DS_PLACE_START;
    task->last_event_us = 0;
    task->mid_decision = false;
    task->snapshots.identity[0] = '\0';
    task->snapshots.events = 0;
    task->snapshots.tried = false;
    return task->domain != NULL;
}

static bool apply_cause(struct ds_task *task, const struct ds_input_cause *cause, ds_error_t *error)
{
    struct ds_task_input *in = ds_task_input_numbered(task, cause->input);

    if (in == NULL)
        return true; /* an input that this version does not read any more */
    if (!task->mid_decision && in->known && cause->offset < in->at.offset)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                            "input %" PRId32 ": offset %" PRId64
                            " is decided again, the log was at %" PRId64,
                            cause->input, cause->offset, in->at.offset);
    in->known = true;
    in->at.offset = cause->offset + 1;
    in->at.epoch = cause->epoch;
    in->at.seq = cause->seq;
    in->fingerprint = cause->fingerprint;
    return true;
}

static void apply_positions(struct ds_task *task, const struct ds_array_of_input_position *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct ds_task_input *in = ds_task_input_numbered(task, list->items[i].input);

        if (list->items[i].input == DS_INPUT_OWN_LOG)
            ds_owed_noted(task, list->items[i].epoch, list->items[i].seq);
        if (in == NULL)
            continue;
        if (!in->known || list->items[i].offset > in->at.offset) {
            in->at = list->items[i];
            in->fingerprint = 0;
        }
        in->known = true;
    }
}

static void apply_gap(struct ds_task *task, const struct ds_input_gap *gap)
{
    struct ds_task_input *in = ds_task_input_numbered(task, gap->input);

    if (in == NULL || gap->to_offset <= in->at.offset)
        return;
    in->known = true;
    in->at.offset = gap->to_offset;
    in->fingerprint = 0;
}

static void apply_attached(struct ds_task *task, const struct ds_input_attached *attached)
{
    struct ds_task_input *in = ds_task_input_numbered(task, attached->input);

    if (in == NULL)
        return;
    /* Read from the beginning, since F's (epoch, seq) at the start is not known; decided from the
     * start on. */
    in->known = true;
    in->decide_from = attached->start_offset;
}

/* Ids leave by the append time of later commands: neither a backlog older than the window nor an
 * owner's clock ahead of the time may make a repeat a new command. An append time ahead of the
 * decision is nobody's word for what time it is. */
static void expire_ids(struct ds_task *task, const struct ds_protocol_event *event)
{
    int64_t appended_us = event->head.context.command.appended_at;

    if (event->head.context.has_command)
        ds_window_expire(&task->window,
                         appended_us < event->head.meta.at ? appended_us : event->head.meta.at);
}

static bool apply_command_id(struct ds_task *task, const struct ds_protocol_event *event,
                             ds_error_t *error)
{
    const struct ds_meta *meta = &event->head.meta;
    const struct ds_context *context = &event->head.context;
    int64_t since_us = context->command.appended_at;
    int64_t first = -1;

    if (meta->cause.kind == DS_META_CAUSE_INPUT_CAUSE && meta->cause.as.input_cause.input == 0)
        first = meta->cause.as.input_cause.offset;
    if (meta->cause.kind == DS_META_CAUSE_HELD_CAUSE && meta->cause.as.held_cause.input == 0) {
        first = meta->cause.as.held_cause.offset;
        since_us = meta->at; /* a repeat of it waits behind it: later commands must not part them */
    }
    if (context->has_command && context->command.id.len > 0 &&
        event->body.kind != DS_PROTOCOL_COMMAND_REPEATED &&
        !ds_window_add(&task->window, context->command.id, context->command.body_hash, since_us,
                       first, error))
        return false;
    expire_ids(task, event);
    return true;
}

static bool apply_body(struct ds_task *task, const struct ds_protocol_event *event,
                       ds_error_t *error)
{
    switch ((enum ds_protocol_kind)event->body.kind) {
    case DS_PROTOCOL_CLAIM:
        return true;
    case DS_PROTOCOL_INPUT_REJECTED:
        return ds_owed_add(task, &event->head.meta, &event->body.as.input_rejected, error);
    case DS_PROTOCOL_OPEN:
        apply_positions(task, &event->body.as.open.inputs);
        return true;
    case DS_PROTOCOL_PROGRESS:
        apply_positions(task, &event->body.as.progress.inputs);
        return true;
    case DS_PROTOCOL_INPUT_GAP:
        apply_gap(task, &event->body.as.input_gap);
        return true;
    case DS_PROTOCOL_INPUT_ATTACHED:
        apply_attached(task, &event->body.as.input_attached);
        return true;
    case DS_PROTOCOL_AGGREGATE_QUARANTINED: /* ds_quarantine_fold did it */
    case DS_PROTOCOL_INPUT_HELD:
    case DS_PROTOCOL_AGGREGATE_RELEASED:
    case DS_PROTOCOL_INPUT_PASSED:
    case DS_PROTOCOL_INPUT_DROPPED:
    case DS_PROTOCOL_INPUT_EDITED:
        return true;
    case DS_PROTOCOL_COMMAND_REJECTED:
    case DS_PROTOCOL_COMMAND_REPEATED:
    case DS_PROTOCOL_KINDS:
        break;
    }
    return task->host->decider->evolve(task->domain, event, error);
}

bool ds_task_apply(struct ds_task *task, const void *event, ds_error_t *error)
{
    const struct ds_protocol_event *e = event;
    const struct ds_meta *meta = &e->head.meta;

    if (meta->cause.kind == DS_META_CAUSE_INPUT_CAUSE &&
        !apply_cause(task, &meta->cause.as.input_cause, error))
        return false;
    if (!ds_quarantine_fold(&task->quarantine, task->host->decider, e, !task->mid_decision,
                            error) ||
        !apply_command_id(task, e, error) || !apply_body(task, e, error))
        return false;
    if (meta->at > task->last_event_us)
        task->last_event_us = meta->at;
    task->mid_decision = meta->more;
    ds_snapshot_applied(&task->snapshots);
    return true;
}

static bool apply_pending(struct ds_task *task, ds_error_t *error)
{
    struct ds_host *host = task->host;

    for (size_t i = 0; i < task->pending.count; i++) {
        ds_arena_reset(host->arena);
        if (!ds_framing_decode(host->runtime->framing, host->decider->events,
                               ds_pending_value(&task->pending, i), host->arena, host->message,
                               NULL, error) ||
            !ds_task_apply(task, host->message, error))
            return false;
    }
    ds_pending_clear(&task->pending);
    return true;
}

bool ds_task_fold_record(struct ds_task *task, const struct ds_broker_event *record,
                         const void *event, ds_error_t *error)
{
    const struct ds_fence *own = &task->own;
    const struct ds_log_place here = {record->offset, own->epoch, own->seq};

    if (own->epoch == task->memory.epoch && own->seq <= task->memory.seq) {
        ds_dead_letters_confirmed(task, here);
        return true; /* memory has this decision: it was made here (protocol R12) */
    }
    if (own->pending && !DS_PLANTED(TORN))
        return ds_pending_add(&task->pending, record, false, error);
    if (task->pending.count > 0) {
        if (!ds_pending_add(&task->pending, record, false, error) || !apply_pending(task, error))
            return false;
    } else if (!ds_task_apply(task, event, error)) {
        return false;
    }
    ds_dead_letters_confirmed(task, here);
    task->memory = own->delivered;
    return true;
}
