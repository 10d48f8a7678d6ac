/* Becoming the owner of a partition, and ceasing to be it. See task.h and protocol R1, R2, R6, R12.
 */
#include "base/planted.h"
#include "stream/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- life ---- */

static bool set_up_inputs(struct ds_task *task, ds_error_t *error)
{
    const struct ds_decider *decider = task->host->decider;

    task->inputs = calloc(decider->input_count, sizeof(*task->inputs));
    if (task->inputs == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "inputs of a partition");
    task->input_count = (int32_t)decider->input_count;
    for (int32_t i = 0; i < task->input_count; i++) {
        struct ds_task_input *in = &task->inputs[i];

        in->input = &decider->inputs[i];
        in->topic = i;
        in->is_events = in->input->schema->kind == DS_SCHEMA_EVENTS;
        in->barrier = -1;
        ds_pending_init(&in->pending);
    }
    return true;
}

struct ds_task *ds_task_new(struct ds_host *host, int32_t partition, ds_error_t *error)
{
    struct ds_task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a partition");
        return NULL;
    }
    task->host = host;
    task->partition = partition;
    task->log = host->log;
    task->log.topic = host->decider->events->topic;
    task->log.partition = partition;
    task->log.offset = -1;
    task->confirmed = DS_PLACE_START;
    task->memory = DS_PLACE_START;
    ds_pending_init(&task->pending);
    ds_window_init(&task->window, host->config.max_command_ids);
    task->snapshots.least_events = host->config.snapshot_events;
    if (!set_up_inputs(task, error)) {
        ds_task_destroy(task);
        return NULL;
    }
    return task;
}

void ds_task_destroy(struct ds_task *task)
{
    if (task == NULL)
        return;
    ds_snapshot_leave(task);
    if (task->domain != NULL)
        task->host->decider->state_destroy(task->domain);
    ds_dead_letters_free(task);
    ds_owed_forget(task);
    ds_quarantine_clear(&task->quarantine);
    ds_window_cleanup(&task->window);
    ds_pending_cleanup(&task->pending);
    for (int32_t i = 0; i < task->input_count; i++)
        ds_pending_cleanup(&task->inputs[i].pending);
    free(task->inputs);
    free(task);
}

/* ---- leaving ---- */

void ds_task_stop_own(struct ds_task *task)
{
    task->own_wait.kind = DS_WAIT_NONE;
    if (!task->own_reading)
        return;
    task->own_reading = false;
    task->host->broker->ops->stop(task->host->broker, task->host->topic_own, task->partition);
}

/* Memory stays: it is the fold up to `memory`, and `confirmed` is a place behind which the log is
 * read again. */
static void leave(struct ds_task *task)
{
    bool was_reading = task->state == DS_PARTITION_READING || task->state == DS_PARTITION_JOINING ||
                       task->state == DS_PARTITION_CLAIMING ||
                       task->state == DS_PARTITION_FOLLOWING;

    if (was_reading && task->own_reading)
        task->confirmed = task->own.delivered;
    ds_task_stop_own(task);
    ds_task_stop_inputs(task);
    ds_snapshot_leave(task);
    ds_pending_clear(&task->pending);
    task->settling = false;
    task->aside = false;
    task->claim_number = 0; /* reports of what was handed over are of no interest any more */
    if (task->host->out.task == task)
        task->host->out.task = NULL; /* the rest of that decision never happened */
    if (task->host->full == task)
        task->host->full = NULL;
    if (task->host->releasing == task)
        task->host->releasing = NULL;
}

void ds_task_lose(struct ds_task *task, const char *why)
{
    const struct ds_runtime *runtime = task->host->runtime;

    if (task->state == DS_PARTITION_AWAY || task->state == DS_PARTITION_STOPPED ||
        task->state == DS_PARTITION_WAITING)
        return;
    if (task->state == DS_PARTITION_RUNNING) {
        ds_metric_add(task->host->metrics[DS_HM_EPOCHS_LOST], 1);
        task->given_us = ds_task_now(task);
    }
    leave(task);
    if (task->state == DS_PARTITION_FOLLOWING) {
        ds_follow_pause(task, why);
        return;
    }
    task->state = DS_PARTITION_WAITING;
    task->wake_us = ds_task_now(task) + ds_backoff_us(runtime->random, task->attempts,
                                                      DS_BACKOFF_FIRST_US, DS_BACKOFF_MAX_US);
    task->attempts++;
    ds_log(&task->log, DS_LOG_WARN, "owner.lost", why, DS_F_INT("epoch", task->epoch),
           DS_F_INT("attempts", task->attempts));
}

void ds_task_stop(struct ds_task *task, const char *code, ds_error_t *error)
{
    if (task->state == DS_PARTITION_STOPPED)
        return;
    leave(task);
    task->stopped_following = task->state == DS_PARTITION_FOLLOWING;
    if (task->stopped_following) {
        ds_follow_end(task);
        ds_error_prefix(error, "warm copy");
    }
    task->state = DS_PARTITION_STOPPED;
    ds_metric_add(
        task->host->metrics[task->stopped_following ? DS_HM_STANDBY_STOPPED : DS_HM_STOPPED], 1);
    ds_log_error(&task->log, DS_LOG_ERROR, code, error);
    ds_error_clear(error);
}

void ds_task_given(struct ds_task *task)
{
    if (task->state == DS_PARTITION_FOLLOWING) {
        leave(task);
        if (DS_PLANTED(LAGGARD) && task->read_until > task->confirmed.offset)
            task->confirmed.offset = task->read_until - 1;
        ds_follow_end(task);
        ds_log(&task->log, DS_LOG_INFO, "standby.taken_over", "the warm copy becomes the owner's",
               DS_F_INT("memory_seq", task->memory.seq));
    } else if (task->state != DS_PARTITION_AWAY) {
        if (task->stopped_following) /* what the copy met concerns the owner that we would be */
            ds_metric_add(task->host->metrics[DS_HM_STOPPED], 1);
        task->stopped_following = false;
        return;
    }
    task->state = DS_PARTITION_WAITING;
    task->attempts = 0;
    task->given_us = ds_task_now(task);
    task->wake_us = task->given_us;
}

void ds_task_taken_away(struct ds_task *task)
{
    if (task->state == DS_PARTITION_AWAY || task->state == DS_PARTITION_STOPPED ||
        task->state == DS_PARTITION_FOLLOWING)
        return;
    leave(task);
    task->state = DS_PARTITION_AWAY;
    task->snapshots.surveyed = false; /* the next owner writes there */
    task->letters_held = true;        /* the next owner knows from the log what is owed */
    task->wake_us = ds_task_now(task) + DS_PARKED_US;
}

/* ---- reading the own log ---- */

bool ds_task_read_own(struct ds_task *task, struct ds_log_place place, ds_error_t *error)
{
    struct ds_host *host = task->host;

    ds_fence_init(&task->own, place);
    ds_pending_clear(&task->pending);
    task->own_wait.kind = DS_WAIT_NONE;
    task->own_since_turn = host->turn;
    task->own_reading = host->broker->ops->start(host->broker, host->topic_own, task->partition,
                                                 task->own.next_offset, error);
    return task->own_reading;
}

/* Nothing is known of the record but that it stands there: the reading pauses in front of it. */
static void wait_for_schema(struct ds_task *task, unsigned answers, const ds_error_t *why)
{
    struct ds_host *host = task->host;

    host->broker->ops->stop(host->broker, host->topic_own, task->partition);
    ds_schema_wait_begin(&task->own_wait, host->runtime, answers, why);
    ds_schema_wait_say(host->runtime, &task->log, why, &host->wait_said_us);
}

void ds_task_resume_own(struct ds_task *task)
{
    struct ds_host *host = task->host;
    ds_error_t error = DS_ERROR_INIT;

    if (task->own_wait.kind == DS_WAIT_NONE || !ds_schema_wait_over(&task->own_wait, host->runtime))
        return;
    task->own_wait.kind = DS_WAIT_NONE;
    task->own_since_turn = host->turn;
    if (!host->broker->ops->start(host->broker, host->topic_own, task->partition,
                                  task->own.next_offset, &error))
        ds_task_lose(task, "the own log cannot be read");
}

/* Memory turned out not to be the fold: throw it away, and begin with a snapshot, or read the log
 * from the beginning. A Claim under way is met again on that way; before one, the end to read to is
 * asked for anew. */
static bool restore(struct ds_task *task, ds_error_t *error)
{
    ds_task_stop_own(task);
    if (!ds_task_forget(task, error))
        return false;
    if (task->state == DS_PARTITION_FOLLOWING)
        task->wake_us = ds_task_now(task);
    else if (task->state != DS_PARTITION_CLAIMING)
        task->state = DS_PARTITION_READING;
    if (task->state != DS_PARTITION_CLAIMING)
        task->read_until = -1;
    return ds_snapshot_restore(task) || task->state != DS_PARTITION_CLAIMING ||
           ds_task_read_own(task, DS_PLACE_START, error);
}

static void fail_or_lose(struct ds_task *task, ds_error_t *error, const char *why)
{
    if (error->code == DS_ERR_MEMORY)
        ds_host_fail(task->host, error);
    ds_log_error(&task->log, DS_LOG_INFO, "owner.retry", error);
    ds_task_lose(task, why);
}

void ds_task_read_end(struct ds_task *task, const struct ds_broker_end *end)
{
    ds_error_t error = DS_ERROR_INIT;
    int64_t next;

    if (task->domain == NULL && !ds_task_forget(task, &error)) {
        ds_host_fail(task->host, &error);
        return;
    }
    next = task->confirmed.offset + 1;
    if (next < end->low || next > end->end) {
        ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                     "own log: position %" PRId64 " is outside of %" PRId64 " to %" PRId64, next,
                     end->low, end->end);
        ds_task_stop(task, "log.damage", &error);
        return;
    }
    task->read_until = end->end;
    if (!ds_task_read_own(task, task->confirmed, &error))
        fail_or_lose(task, &error, "cannot read the own log");
    else if (task->state == DS_PARTITION_READING && task->own.next_offset >= task->read_until)
        task->state = DS_PARTITION_JOINING;
}

/* ---- the claim ---- */

void ds_task_member(struct ds_task *task, bool is_member)
{
    ds_error_t error = DS_ERROR_INIT;
    uint8_t nonce[16]; /* all 128 bits random (R1): no clock is in it */

    if (!is_member && !DS_PLANTED(MEMBER)) {
        ds_task_lose(task, "not a member of the group just now");
        return;
    }
    if (!task->host->runtime->random->fill(task->host->runtime->random, nonce, sizeof(nonce),
                                           &error)) {
        fail_or_lose(task, &error, "no randomness for a nonce");
        return;
    }
    ds_id_from_bytes(nonce, &task->nonce);
    task->epoch = task->own.epoch + 1;
    task->claim_number = ++task->host->claims & 0xffffffU;
    task->state = DS_PARTITION_CLAIMING;
    task->wake_us = ds_task_now(task) + DS_CLAIM_TIMEOUT_US;
    ds_task_clock_begin(task);
    ds_metric_add(task->host->metrics[DS_HM_CLAIMS], 1);
    if (!ds_task_write_claim(task, &error))
        fail_or_lose(task, &error, "the Claim could not be handed over");
}

bool ds_task_system_event(struct ds_task *task, int32_t kind, struct ds_protocol_event **event_out,
                          ds_error_t *error)
{
    const struct ds_context context = {
        .actor = {DS_ACTOR_KIND_SYSTEM, ds_str(task->host->decider->name)}};

    ds_decision_reset(task->host->decision, &context);
    *event_out = ds_decision_add(task->host->decision, error);
    if (*event_out == NULL)
        return false;
    (*event_out)->body.kind = kind;
    return true;
}

bool ds_task_append_system(struct ds_task *task, const char *what, int64_t number,
                           ds_error_t *error)
{
    struct ds_decision_cause cause = {.is_protocol = true, .at_us = ds_task_decision_time(task)};

    (void)snprintf(cause.id_stem, sizeof(cause.id_stem), "%s-%" PRId32 "-%s-%" PRId64,
                   task->host->decider->name, task->partition, what, number);
    return ds_task_append(task, &cause, error) == DS_APPEND_OK;
}

/* No Open was ever delivered, so nothing was decided: all inputs begin at their beginning. Claims
 * alone (an owner that died before its Open) do not make a log old. */
static void begin_inputs(struct ds_task *task)
{
    for (int32_t i = 0; i < task->input_count; i++)
        if (task->inputs[i].known)
            return;
    for (int32_t i = 0; i < task->input_count; i++)
        task->inputs[i].known = true;
}

static bool write_open(struct ds_task *task, ds_error_t *error)
{
    struct ds_protocol_event *event;
    struct ds_open *open;

    begin_inputs(task);
    if (!ds_task_system_event(task, DS_PROTOCOL_OPEN, &event, error))
        return false;
    open = &event->body.as.open;
    open->claim_offset = task->confirmed.offset;
    open->previous_epoch = task->own.before_epoch;
    open->previous_seq = task->own.before_seq;
    open->inputs.items =
        ds_arena_calloc(ds_decision_arena(task->host->decision), (size_t)task->input_count,
                        sizeof(*open->inputs.items), error);
    if (open->inputs.items == NULL)
        return false;
    for (int32_t i = 0; i < task->input_count; i++)
        if (task->inputs[i].known)
            open->inputs.items[open->inputs.count++] = task->inputs[i].at;
    return ds_task_append_system(task, "open", task->epoch, error);
}

/* A new input of an old log begins at its present end: what happened before is not decided again
 * (protocol R14). */
static bool attach_input(struct ds_task *task, struct ds_task_input *in, ds_error_t *error)
{
    struct ds_broker_end end = {.topic = in->topic, .partition = task->partition};
    struct ds_protocol_event *event;

    if (!ds_host_flush(task->host))
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_BUSY, "the producer's queue is full");
    if (!task->host->broker->ops->ends(task->host->broker, &end, 1, DS_CALL_TIMEOUT_MS, error) ||
        !ds_task_system_event(task, DS_PROTOCOL_INPUT_ATTACHED, &event, error))
        return false;
    event->body.as.input_attached =
        (struct ds_input_attached){.input = in->input->number,
                                   .topic = ds_str(in->input->schema->topic),
                                   .start_offset = end.end};
    if (!ds_task_append_system(task, "attached", in->input->number, error))
        return false;
    ds_log(&task->log, DS_LOG_INFO, "owner.input_attached", in->input->schema->topic,
           DS_F_INT("input", in->input->number), DS_F_INT("start", end.end));
    return true;
}

static void won(struct ds_task *task)
{
    ds_error_t error = DS_ERROR_INIT;
    bool ok;

    task->state = DS_PARTITION_RUNNING;
    task->confirmed = task->own.delivered; /* the Claim */
    task->expected_offset = task->confirmed.offset + 1;
    task->next_seq = 1;
    task->acked_seq = 0;
    task->opened = false;
    task->settling = false;
    task->barrier_us = 0;
    task->hint_seq = 0;
    task->idle_check_us = ds_task_now(task) + DS_IDLE_CHECK_US;
    task->hint_us = ds_task_now(task) + DS_HINT_US;
    task->tell_again_us = 0;
    task->progress_wake_us = 0;
    task->reread_wake_us = 0;
    task->snapshots.due_us = ds_task_now(task) + task->host->config.snapshot_every_us;
    ds_task_stop_own(task);
    ds_dead_letters_drop_noted(task);
    ds_metric_add(task->host->metrics[DS_HM_CLAIMS_WON], 1);
    ok = write_open(task, &error);
    for (int32_t i = 0; ok && i < task->input_count; i++)
        if (!task->inputs[i].known && task->state == DS_PARTITION_RUNNING)
            ok = attach_input(task, &task->inputs[i], &error);
    ok = ok && (task->state != DS_PARTITION_RUNNING || ds_task_start_inputs(task, &error));
    if (!ok)
        fail_or_lose(task, &error, "the epoch could not be opened");
}

/* A valid Claim: ours, or another's. `before` is what was delivered in front of it. */
static void on_claim(struct ds_task *task, struct ds_log_place before, ds_str_t nonce,
                     int64_t appended_us, ds_error_t *error)
{
    bool same = before.epoch == task->memory.epoch && before.seq == task->memory.seq;

    if (task->state == DS_PARTITION_RUNNING) {
        ds_metric_add(task->host->metrics[DS_HM_FENCED], 1);
        ds_task_lose(task, "another instance has claimed the partition");
        return;
    }
    if (!same && !DS_PLANTED(MEMORY)) {
        /* What was handed over did not all get there: the log decides. The Claim is read again on
         * the way. */
        ds_log(&task->log, DS_LOG_INFO, "owner.restore", "memory is ahead of the log",
               DS_F_INT("memory_seq", task->memory.seq), DS_F_INT("log_seq", before.seq));
        if (!restore(task, error))
            fail_or_lose(task, error, "cannot read the own log");
        return;
    }
    ds_dead_letters_drop_before(task, task->own.epoch);
    task->memory = task->own.delivered;
    task->mid_decision = false;
    if (task->state != DS_PARTITION_CLAIMING || task->own.epoch != task->epoch)
        return;
    if (!ds_str_eq(nonce, ds_str(task->nonce.text)) && !DS_PLANTED(NONCE))
        ds_task_lose(task, "another Claim of this epoch was first");
    else if (ds_task_clock_fits(task, appended_us))
        won(task);
}

void ds_task_own_record(struct ds_task *task, const struct ds_broker_event *record)
{
    struct ds_host *host = task->host;
    const struct ds_protocol_event *event = host->message;
    struct ds_log_place before = task->own.delivered;
    unsigned answers = ds_framing_answers(host->runtime->framing);
    ds_error_t error;
    enum ds_fence_verdict verdict;
    bool undecodable = false;
    bool is_claim;

    ds_error_init(&error);
    if (ds_snapshot_own_record(task, record))
        return;
    if (!task->own_reading || task->own_wait.kind != DS_WAIT_NONE ||
        host->turn <= task->own_since_turn)
        return;
    task->log.offset = record->offset;
    ds_metric_add(host->metrics[DS_HM_OWN_READ], 1);
    ds_arena_reset(host->arena);
    if (!ds_fence_read(&task->own, host->runtime->framing, host->decider->events, record->value,
                       record->offset, host->arena, host->message, &undecodable, &verdict,
                       &error)) {
        if (ds_schema_waits(host->decider->events, &error)) {
            wait_for_schema(task, answers, &error);
            return;
        }
        if (error.code == DS_ERR_MEMORY)
            ds_host_fail(host, &error);
        ds_task_stop(task, "log.damage", &error);
        return;
    }
    is_claim = undecodable ? event->head.meta.seq == 0 : event->body.kind == DS_PROTOCOL_CLAIM;
    if (verdict != DS_FENCE_TAKE) {
        ds_metric_add(host->skipped[task->input_count][verdict], 1);
        if (DS_PLANTED(WARM) && task->state == DS_PARTITION_FOLLOWING &&
            verdict != DS_FENCE_SKIP_STRANGER && !is_claim && !undecodable &&
            !ds_task_apply(task, event, &error))
            ds_error_clear(&error);
    } else if (undecodable) {
        ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                     "own event at offset %" PRId64 " cannot be decoded", record->offset);
        ds_task_stop(task, "log.undecodable", &error);
        return;
    } else if (is_claim) {
        ds_pending_clear(&task->pending);
        if (task->own.epoch == 1 &&
            !ds_str_to_array(event->body.as.claim.nonce, task->snapshots.identity,
                             sizeof(task->snapshots.identity)))
            task->snapshots.identity[0] = '\0'; /* no nonce of ours is as long */
        on_claim(task, before, event->body.as.claim.nonce, record->appended_us, &error);
    } else if (task->state != DS_PARTITION_RUNNING &&
               !ds_task_fold_record(task, record, host->message, &error)) {
        if (error.code == DS_ERR_MEMORY)
            ds_host_fail(host, &error);
        ds_task_stop(task, "log.damage", &error);
        return;
    }
    if (task->state == DS_PARTITION_RUNNING && task->settling)
        ds_task_settle_record(task, record, &event->head.meta, verdict != DS_FENCE_SKIP_STRANGER,
                              is_claim, verdict);
    if (task->state == DS_PARTITION_READING && task->read_until >= 0 &&
        task->own.next_offset >= task->read_until)
        task->state = DS_PARTITION_JOINING;
}

void ds_task_owner_time(struct ds_task *task, int64_t now_us)
{
    if (now_us < task->wake_us)
        return;
    if (task->state == DS_PARTITION_WAITING && task->host->partitions > 0 &&
        !task->host->draining &&
        ds_framing_ready(task->host->runtime->framing, task->host->decider->events)) {
        if (ds_dead_letters_stuck(task))
            return; /* it could take no input, and would hold up the other partitions */
        task->state = DS_PARTITION_READING;
        task->read_until = -1;
        if (task->domain == NULL || task->memory.epoch == 0)
            (void)ds_snapshot_restore(task);
    } else if (task->state == DS_PARTITION_CLAIMING && task->snapshots.reader == NULL) {
        ds_task_lose(task, "the Claim did not turn up in time");
    } else if (task->state == DS_PARTITION_AWAY && task->domain != NULL) {
        task->host->decider->state_destroy(task->domain);
        task->domain = NULL; /* it is another's for long: memory is worth more elsewhere */
        ds_window_clear(&task->window);
        ds_quarantine_clear(&task->quarantine);
        ds_dead_letters_free(task);
    }
}
