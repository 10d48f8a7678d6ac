/* The inputs of a running partition: where they are resumed, rule F on those that are events, and
 * the order of records. */
#include "base/crypto.h"
#include "stream/partition.h"
#include "stream/task.h"

#include <inttypes.h>
#include <stdio.h>

struct ds_task_input *ds_task_input_numbered(struct ds_task *task, int32_t number)
{
    for (int32_t i = 0; i < task->input_count; i++)
        if (task->inputs[i].input->number == number)
            return &task->inputs[i];
    return NULL;
}

bool ds_task_start_input(struct ds_task *task, struct ds_task_input *in, int64_t offset,
                         ds_error_t *error)
{
    struct ds_host *host = task->host;

    in->since_turn = host->turn;
    in->wait.kind = DS_WAIT_NONE;
    in->reading = host->broker->ops->start(host->broker, in->topic, task->partition, offset, error);
    return in->reading;
}

static void place_input(struct ds_task_input *in)
{
    ds_fence_init(&in->fence, (struct ds_log_place){in->at.offset - 1, in->at.epoch, in->at.seq});
    ds_pending_clear(&in->pending);
    in->release_next = 0;
    in->barrier = -1;
    in->silent = 0;
    in->rereading = false;
    /* One record earlier, to see that it still is the command the log says was answered
     * (protocol R13). */
    in->verify = !in->is_events && in->fingerprint != 0 && in->at.offset > 0;
}

bool ds_task_resume_input(struct ds_task *task, struct ds_task_input *in, ds_error_t *error)
{
    return ds_task_start_input(task, in, in->fence.next_offset - in->verify, error);
}

bool ds_task_start_inputs(struct ds_task *task, ds_error_t *error)
{
    for (int32_t i = 0; i < task->input_count; i++) {
        place_input(&task->inputs[i]);
        if (!ds_task_resend(task, &task->inputs[i], error))
            return false;
    }
    return true;
}

void ds_task_stop_inputs(struct ds_task *task)
{
    for (int32_t i = 0; i < task->input_count; i++) {
        struct ds_task_input *in = &task->inputs[i];

        if (in->reading)
            task->host->broker->ops->stop(task->host->broker, in->topic, task->partition);
        in->reading = false;
        in->wait.kind = DS_WAIT_NONE;
    }
}

/* ---- no room, and none before the own log is read ---- */

/* Records are polled of all partitions or of none. So that the own log comes, and the others go on,
 * those of its inputs pass by, and are read again from where each stands. */
bool ds_task_step_aside(struct ds_task *task)
{
    if (!task->settling)
        return false;
    if (task->aside)
        return true;
    task->aside = true;
    if (task->host->releasing == task)
        task->host->releasing = NULL; /* the rest of that decision waits with the inputs */
    ds_task_stop_inputs(task);
    return true;
}

static bool go_on(struct ds_task *task, struct ds_task_input *in, ds_error_t *error)
{
    in->rereading = false;            /* what waits next for its release, memory knows */
    in->moved_us = ds_task_now(task); /* it stood still for us: timers */
    if (in->pending.count > 0 && !in->fence.pending) { /* complete, and half decided */
        task->host->releasing = task;
        task->host->releasing_input = in;
    }
    return ds_task_resend(task, in, error);
}

void ds_task_step_back(struct ds_task *task)
{
    ds_error_t error = DS_ERROR_INIT;

    if (!task->aside || task->settling || task->host->releasing != NULL)
        return;
    task->aside = false;
    for (int32_t i = 0; i < task->input_count; i++)
        if (!go_on(task, &task->inputs[i], &error)) {
            ds_log_error(&task->log, DS_LOG_INFO, "owner.retry", &error);
            ds_task_lose(task, "an input cannot be read");
            return;
        }
}

/* ---- schemas that are not known yet ---- */

/* The record has moved nothing: not the fence, not the state. The input is left alone and read
 * again from this record; nothing is set aside for that, whatever the time it takes. */
static void wait_for_schema(struct ds_task *task, struct ds_task_input *in, unsigned answers,
                            const ds_error_t *why)
{
    struct ds_host *host = task->host;

    host->broker->ops->stop(host->broker, in->topic, task->partition);
    in->reading = false;
    ds_schema_wait_begin(&in->wait, host->runtime, answers, why);
    ds_schema_wait_say(host->runtime, &task->log, why, &host->wait_said_us);
}

void ds_task_resume_inputs(struct ds_task *task)
{
    ds_error_t error = DS_ERROR_INIT;

    for (int32_t i = 0; i < task->input_count; i++) {
        struct ds_task_input *in = &task->inputs[i];

        if (in->wait.kind == DS_WAIT_NONE || !ds_schema_wait_over(&in->wait, task->host->runtime))
            continue;
        if (!ds_task_resume_input(task, in, &error)) {
            ds_task_lose(task, "an input cannot be read");
            return;
        }
    }
}

/* ---- damage ---- */

static void stop_input(struct ds_task *task, const struct ds_task_input *in, ds_error_t *error)
{
    ds_error_prefix(error, "input %s/%" PRId32, in->input->schema->topic, task->partition);
    ds_task_stop(task, "input.damage", error);
}

static bool verify_last(struct ds_task_input *in, const struct ds_broker_event *record,
                        ds_error_t *error)
{
    int64_t found = ds_fingerprint64(record->value);

    in->verify = false;
    if (record->offset == in->fence.next_offset - 1 && found == in->fingerprint)
        return true;
    return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                        "the command at offset %" PRId64 " is not the one that was answered",
                        in->fence.next_offset - 1);
}

void ds_task_read_failed(struct ds_task *task, const struct ds_broker_event *event)
{
    struct ds_host *host = task->host;
    bool own = event->topic == host->topic_own;
    struct ds_task_input *in =
        own || event->topic >= task->input_count ? NULL : &task->inputs[event->topic];
    struct ds_broker_end end = {
        .topic = event->topic, .partition = task->partition, .want_low = true};
    ds_error_t error = DS_ERROR_INIT;
    int64_t next;

    if (event->topic == host->topic_snapshots) {
        ds_snapshot_record(task, event);
        return;
    }
    if (own && ds_snapshot_own_record(task, event))
        return;
    if (own ? !task->own_reading || host->turn <= task->own_since_turn
            : in == NULL || !in->reading || host->turn <= in->since_turn)
        return;
    if (!host->broker->ops->ends(host->broker, &end, 1, DS_CALL_TIMEOUT_MS, &error)) {
        ds_task_lose(task, "a position was refused, and the ends are not known");
        return;
    }
    if (!own && in->resending) {
        ds_task_resend_gone(task, in, end.low, end.end);
        if (!ds_task_resend(task, in, &error))
            ds_task_lose(task, "an input cannot be read");
        return;
    }
    if (!own && in->rereading) {
        if (!ds_task_reread_failed(task, in, end.low, end.end, &error))
            ds_task_input_failed(task, in, &error);
        return;
    }
    next = own ? task->own.next_offset : in->fence.next_offset;
    if (next < end.low || next > end.end) {
        ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                     "position %" PRId64 " is outside of %" PRId64 " to %" PRId64, next, end.low,
                     end.end);
        if (own)
            ds_task_stop(task, "log.damage", &error);
        else
            stop_input(task, in, &error);
        return;
    }
    if (own) { /* a leader that changed hands: begin again */
        ds_task_lose(task, "reading the own log was refused for a moment");
        return;
    }
    in->verify = false; /* the record before may be past its retention */
    if (!ds_task_resume_input(task, in, &error))
        ds_task_lose(task, "an input cannot be read");
}

/* ---- records ---- */

/* A command's key says which partition decides about what it names. From elsewhere, by a producer
 * with another partitioner, it would be decided on a state that is another partition's. */
static bool is_misplaced(const struct ds_task *task, const struct ds_task_input *in,
                         const struct ds_broker_event *record)
{
    return !in->is_events &&
           (!record->has_key ||
            ds_partition_of(record->key, task->host->partitions) != task->partition);
}

static bool decide(struct ds_task *task, struct ds_task_input *in,
                   const struct ds_broker_event *record, const struct ds_meta *meta,
                   const void *message, const ds_error_t *why, ds_error_t *error)
{
    const char *reason = NULL;
    char detail[DS_ERROR_MESSAGE_BYTES];

    if (message != NULL && is_misplaced(task, in, record)) {
        if (record->has_key)
            (void)snprintf(detail, sizeof(detail), "its key belongs to partition %" PRId32,
                           ds_partition_of(record->key, task->host->partitions));
        else
            (void)snprintf(detail, sizeof(detail), "it has no key");
        return ds_task_decide_record(task, in, record, meta, NULL, "WRONG_PARTITION", detail,
                                     error);
    }
    if (message == NULL)
        reason = !record->has_value            ? "EMPTY"
                 : why->code == DS_ERR_UNKNOWN ? "UNKNOWN_SCHEMA"
                                               : "UNDECODABLE";
    return ds_task_decide_record(task, in, record, meta, message, reason, why->message, error);
}

static bool command_record(struct ds_task *task, struct ds_task_input *in,
                           const struct ds_broker_event *record, ds_error_t *error)
{
    struct ds_host *host = task->host;
    unsigned answers = ds_framing_answers(host->runtime->framing);
    ds_error_t why;
    bool ok;
    bool whole;

    ds_error_init(&why);
    if (record->offset != in->fence.next_offset)
        return ds_error_set(error, DS_DOMAIN_STREAM,
                            record->offset < in->fence.next_offset ? DS_ERR_ORDER : DS_ERR_DAMAGE,
                            "offset %" PRId64 ", wanted %" PRId64, record->offset,
                            in->fence.next_offset);
    ds_arena_reset(host->arena);
    ok = ds_framing_decode(host->runtime->framing, in->input->schema, record->value, host->arena,
                           host->message, NULL, &why);
    whole = ok && ds_task_reads_edit(task, in, host->message, &why);
    if (!whole && why.code == DS_ERR_MEMORY) {
        *error = why;
        return false;
    }
    if (!whole && ds_schema_waits(in->input->schema, &why)) {
        wait_for_schema(task, in, answers, &why);
        return true;
    }
    in->fence.next_offset++;
    return decide(task, in, record, NULL, ok ? host->message : NULL, &why, error);
}

/* An event of another processor, known to be delivered. */
static bool delivered_event(struct ds_task *task, struct ds_task_input *in,
                            const struct ds_broker_event *record, bool undecodable,
                            ds_error_t *error)
{
    const struct ds_protocol_event *event = task->host->message;
    ds_error_t why;

    ds_error_init(&why);
    if (record->offset < in->decide_from || record->offset < in->at.offset)
        return true; /* read for rule F only */
    if (undecodable) {
        (void)snprintf(why.message, sizeof(why.message), "the body cannot be decoded");
        return decide(task, in, record, &event->head.meta, NULL, &why, error);
    }
    if (event->body.kind < DS_PROTOCOL_COMMAND_REJECTED)
        return true; /* the other log's own business: nothing to decide */
    if (!decide(task, in, record, &event->head.meta, task->host->message, &why, error))
        return false;
    ds_task_input_handled(task, in, record->offset);
    return true;
}

/* Decide the records of a decision that is complete now, each for itself. Where the producer's
 * queue is full between two of them the host comes back here when it has room, before it takes
 * another record. */
bool ds_task_release_pending(struct ds_task *task, struct ds_task_input *in, ds_error_t *error)
{
    struct ds_host *host = task->host;

    host->releasing = task;
    host->releasing_input = in;
    while (in->release_next < in->pending.count) {
        const struct ds_pending_item *item = &in->pending.items[in->release_next];
        struct ds_broker_event record = {.kind = DS_BROKER_RECORD,
                                         .topic = in->topic,
                                         .partition = task->partition,
                                         .offset = item->offset,
                                         .appended_us = item->appended_us,
                                         .has_key = item->has_key,
                                         .key = ds_pending_key(&in->pending, in->release_next),
                                         .has_value = true,
                                         .value = ds_pending_value(&in->pending, in->release_next)};
        ds_error_t ignored = DS_ERROR_INIT;

        if (!ds_host_flush(host) || task->state != DS_PARTITION_RUNNING ||
            task->dead_letter_count == DS_MAX_DEAD_LETTERS)
            return true;
        ds_arena_reset(host->arena);
        if (!ds_framing_decode(host->runtime->framing, in->input->schema, record.value, host->arena,
                               host->message, NULL, &ignored) &&
            ignored.code == DS_ERR_MEMORY) {
            *error = ignored;
            return false;
        }
        in->release_next++;
        if (!delivered_event(task, in, &record, item->undecodable, error))
            return false;
    }
    host->releasing = NULL;
    in->release_next = 0;
    ds_pending_clear(&in->pending);
    return true;
}

static bool event_record(struct ds_task *task, struct ds_task_input *in,
                         const struct ds_broker_event *record, ds_error_t *error)
{
    struct ds_host *host = task->host;
    unsigned answers = ds_framing_answers(host->runtime->framing);
    enum ds_fence_verdict verdict;
    bool undecodable = false;

    ds_arena_reset(host->arena);
    if (!ds_fence_read(&in->fence, host->runtime->framing, in->input->schema, record->value,
                       record->offset, host->arena, host->message, &undecodable, &verdict, error)) {
        if (!ds_schema_waits(in->input->schema, error))
            return false;
        wait_for_schema(task, in, answers, error);
        ds_error_clear(error);
        return true;
    }
    if (verdict != DS_FENCE_TAKE) {
        ds_metric_add(host->skipped[in->topic][verdict], 1);
        return true;
    }
    if (in->fence.seq == 0)
        ds_pending_clear(&in->pending); /* a Claim tears what was not complete */
    if (!in->fence.pending && in->pending.count == 0)
        return delivered_event(task, in, record, undecodable, error);
    if (!ds_pending_add(&in->pending, record, undecodable, error))
        return false;
    return in->fence.pending || ds_task_release_pending(task, in, error);
}

void ds_task_input_failed(struct ds_task *task, const struct ds_task_input *in, ds_error_t *error)
{
    if (error->code == DS_ERR_MEMORY) {
        ds_host_fail(task->host, error);
    } else if (error->code == DS_ERR_UNAVAILABLE) { /* the server's, not the record's */
        ds_log_error(&task->log, DS_LOG_INFO, "owner.retry", error);
        ds_task_lose(task, "an input cannot be read");
    } else {
        stop_input(task, in, error);
    }
}

void ds_task_input_record(struct ds_task *task, struct ds_task_input *in,
                          const struct ds_broker_event *record)
{
    ds_error_t error;
    bool ok;

    ds_error_init(&error);
    if (task->state != DS_PARTITION_RUNNING || !in->reading || task->host->turn <= in->since_turn)
        return;
    in->moved_us = ds_task_now(task);
    task->log.offset = record->offset;
    ds_metric_add(task->host->metrics[DS_HM_INPUTS], 1);
    if (in->resending)
        ok = ds_task_resend_record(task, in, record, &error);
    else if (in->rereading)
        ok = ds_task_reread_record(task, in, record, &error);
    else if (in->verify)
        ok = verify_last(in, record, &error);
    else
        ok = in->is_events ? event_record(task, in, record, &error)
                           : command_record(task, in, record, &error);
    if (ok)
        return;
    ds_task_input_failed(task, in, &error);
}
