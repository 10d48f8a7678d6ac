/* Which snapshot memory is restored from: the newest whose format is ours, and that stands for a
 * place of this very log; else the one before, with a warning; else none, and the log is read.
 * Where the log is another, or shorter than what stands in a snapshot, nothing is touched any more
 * (protocol R8, R13). See snapshot.h. */
#include "base/planted.h"
#include "schemas/framing.h"
#include "stream/snapshot_reader.h"

#include <inttypes.h>
#include <stdlib.h>

#define FIRST_WINDOW 64
/* Neither a record nor the word that there is none. */
#define STALLED_US (30 * DS_US_PER_S)

/* ---- life ---- */

static void drop_candidate(struct ds_snapshot_reader *r)
{
    struct ds_snapshot_candidate *candidate = &r->candidates[--r->count];

    free(candidate->bytes);
    ds_arena_destroy(candidate->arena);
    *candidate = (struct ds_snapshot_candidate){0};
}

/* What is read in a step. */
static int32_t topic_of(const struct ds_host *host, enum ds_snapshot_step step)
{
    bool own = step == DS_SNAPSHOT_IDENTIFY || step == DS_SNAPSHOT_PLACE;

    return own ? host->topic_own : host->topic_snapshots;
}

static void stop_reading(struct ds_snapshot_reader *r)
{
    struct ds_host *host = r->task->host;

    if (r->step != DS_SNAPSHOT_ASK)
        host->broker->ops->stop(host->broker, topic_of(host, r->step), r->task->partition);
}

void ds_snapshot_reader_destroy(ds_snapshot_reader_t *r)
{
    if (r == NULL)
        return;
    stop_reading(r);
    r->task->snapshots.wait.kind = DS_WAIT_NONE;
    while (r->count > 0)
        drop_candidate(r);
    ds_snapshot_load_cleanup(r);
    free(r);
}

static bool reader_new(struct ds_task *task, bool survey)
{
    struct ds_snapshot_reader *r = calloc(1, sizeof(*r));
    ds_error_t error = DS_ERROR_INIT;

    task->snapshots.reader = r;
    if (r == NULL) {
        ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a reader of snapshots");
        ds_host_fail(task->host, &error);
        return false;
    }
    r->task = task;
    r->survey = survey;
    r->started_us = ds_task_now(task);
    return true;
}

bool ds_snapshot_restore(struct ds_task *task)
{
    if (task->host->decider->item == NULL || task->snapshots.tried)
        return false;
    return task->snapshots.reader != NULL || reader_new(task, false);
}

void ds_snapshot_survey(struct ds_task *task)
{
    (void)reader_new(task, true);
}

/* A record of the own log whose schema is not known yet is no reason to do without a snapshot: it
 * is read again when the registry has answered. True: it waits. */
static bool wait_for_schema(struct ds_snapshot_reader *r, unsigned answers, const ds_error_t *why)
{
    struct ds_task *task = r->task;
    struct ds_host *host = task->host;

    if (why->code != DS_ERR_UNAVAILABLE)
        return false;
    host->broker->ops->stop(host->broker, host->topic_own, task->partition);
    ds_schema_wait_begin(&task->snapshots.wait, host->runtime, answers, why);
    ds_schema_wait_say(host->runtime, &task->log, why, &host->wait_said_us);
    return true;
}

static bool start(struct ds_snapshot_reader *r, enum ds_snapshot_step step, int64_t offset,
                  ds_error_t *error)
{
    struct ds_host *host = r->task->host;

    stop_reading(r);
    r->task->snapshots.wait.kind = DS_WAIT_NONE;
    r->step = step;
    r->since_turn = host->turn;
    r->next_offset = offset;
    r->moved_us = ds_task_now(r->task);
    return host->broker->ops->start(host->broker, topic_of(host, step), r->task->partition, offset,
                                    error);
}

/* ---- the end of it ---- */

/* The reader is gone; what it was for goes on. */
static void finish(struct ds_snapshot_reader *r)
{
    struct ds_task *task = r->task;
    ds_error_t error = DS_ERROR_INIT;
    bool survey = r->survey;

    task->snapshots.surveyed = true;
    task->snapshots.tried = true;
    task->snapshots.reader = NULL;
    ds_snapshot_reader_destroy(r);
    if (survey || task->state != DS_PARTITION_CLAIMING)
        return; /* READING asks for the end of the own log next */
    task->wake_us = ds_task_now(task) + DS_CLAIM_TIMEOUT_US;
    if (!ds_task_read_own(task, task->confirmed, &error))
        ds_task_lose(task, "cannot read the own log");
}

static void note_candidate(struct ds_snapshot_reader *r, bool is_newest)
{
    struct ds_task_snapshots *s = &r->task->snapshots;
    const struct ds_snapshot_manifest *manifest = ds_snapshot_tried(r);

    for (size_t i = 0; i < manifest->others.count; i++)
        ds_snapshot_note_keys(s, manifest->others.items[i].epoch, manifest->others.items[i].slot,
                              manifest->others.items[i].chunks);
    if (!is_newest)
        return;
    s->has_kept = true;
    s->kept = (struct ds_snapshot_keys){.epoch = manifest->epoch, .slot = manifest->slot};
}

static void restored(struct ds_snapshot_reader *r)
{
    struct ds_task *task = r->task;
    const struct ds_snapshot_manifest *manifest = ds_snapshot_tried(r);

    note_candidate(r, true);
    task->snapshots.events = 0;
    ds_metric_add(task->host->snapshot_metrics[DS_SM_RESTORED], 1);
    ds_log(&task->log, DS_LOG_INFO, "snapshot.restored", "memory is as a snapshot says",
           DS_F_INT("epoch", manifest->epoch), DS_F_INT("slot", manifest->slot),
           DS_F_INT("seq", manifest->seq), DS_F_INT("own_offset", manifest->offset),
           DS_F_INT("items", r->load.items),
           DS_F_INT("took_us", ds_task_now(task) - r->started_us));
    finish(r);
}

static void fail(struct ds_snapshot_reader *r, ds_error_t *error)
{
    struct ds_task *task = r->task;

    if (error->code == DS_ERR_MEMORY)
        ds_host_fail(task->host, error);
    ds_log_error(&task->log, DS_LOG_WARN, "snapshot.not_read", error);
    ds_error_clear(error);
    finish(r); /* without one the log is read */
}

/* ---- the candidates, best last ---- */

static void scan_on(struct ds_snapshot_reader *r);

static void refuse(struct ds_snapshot_reader *r, const char *what)
{
    const struct ds_snapshot_manifest *manifest = ds_snapshot_tried(r);
    struct ds_task *task = r->task;
    ds_error_t error = DS_ERROR_INIT;

    ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                 "%s: a snapshot stands for offset %" PRId64 " (epoch %" PRId64 ", seq %" PRId64
                 ") of log %.*s; here is log %s, %" PRId64 " to %" PRId64
                 ". Another cluster, a topic made anew, or a log that lost its end",
                 what, manifest->offset, manifest->epoch, manifest->seq,
                 DS_STR_ARG(manifest->identity), r->identity[0] == '\0' ? "?" : r->identity,
                 r->own_low, r->own_end);
    ds_task_stop(task, "log.foreign", &error);
}

static bool is_outside(const struct ds_snapshot_reader *r)
{
    const struct ds_snapshot_manifest *manifest = ds_snapshot_tried(r);

    return manifest->offset < r->own_low || manifest->offset >= r->own_end;
}

static void next_candidate(struct ds_snapshot_reader *r)
{
    const struct ds_snapshot_manifest *manifest;
    ds_error_t error = DS_ERROR_INIT;

    if (r->count == 0) {
        scan_on(r);
        return;
    }
    manifest = ds_snapshot_tried(r);
    if (r->survey) {
        note_candidate(r, true);
        finish(r);
    } else if (is_outside(r)) {
        refuse(r, "beyond the log");
    } else if (!r->identified) {
        ds_fence_init(&r->fence, DS_PLACE_START);
        if (!start(r, DS_SNAPSHOT_IDENTIFY, 0, &error))
            fail(r, &error);
    } else if (!ds_str_eq(manifest->identity, ds_str(r->identity)) && !DS_PLANTED(FOREIGN)) {
        refuse(r, "another log");
    } else if (!start(r, DS_SNAPSHOT_PLACE, manifest->offset, &error)) {
        fail(r, &error);
    }
}

/* Where it stands is said, so that somebody can look. */
static void pass_over(struct ds_snapshot_reader *r, ds_error_t *why)
{
    const struct ds_snapshot_candidate *candidate = &r->candidates[r->count - 1];
    const struct ds_snapshot_manifest *manifest = ds_snapshot_tried(r);
    struct ds_host *host = r->task->host;

    if (why->code == DS_ERR_MEMORY)
        ds_host_fail(host, why);
    ds_metric_add(host->snapshot_metrics[DS_SM_PASSED_OVER], 1);
    ds_log(&r->task->log, DS_LOG_WARN, "snapshot.passed_over", why->message,
           DS_F_CSTR("decider", host->decider->name), DS_F_INT("epoch", manifest->epoch),
           DS_F_INT("slot", manifest->slot), DS_F_INT("seq", manifest->seq),
           DS_F_INT("manifest_offset", candidate->at));
    ds_error_clear(why);
    stop_reading(r);
    r->step = DS_SNAPSHOT_ASK;
    ds_snapshot_load_cleanup(r);
    note_candidate(r, false);
    ds_snapshot_note_keys(&r->task->snapshots, manifest->epoch, manifest->slot,
                          (int32_t)manifest->chunks.count);
    drop_candidate(r);
    next_candidate(r);
}

/* ---- the topic, backwards ---- */

static bool keep_bytes(struct ds_snapshot_candidate *candidate, ds_bytes_t value, ds_error_t *error)
{
    candidate->bytes = malloc(value.len);
    candidate->arena = ds_arena_new(64 * 1024, DS_MAX_DECODE_BYTES);
    if (candidate->bytes == NULL || candidate->arena == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a manifest");
    memcpy(candidate->bytes, value.data, value.len);
    candidate->record = ds_arena_alloc(candidate->arena, sizeof(*candidate->record), error);
    return candidate->record != NULL &&
           ds_schema_decode(&ds_schema_host_snapshot_state,
                            (ds_bytes_t){candidate->bytes, value.len}, candidate->arena,
                            candidate->record, NULL, error) &&
           ds_snapshot_manifest_check(candidate->record, value, error);
}

/* By the place they stand for: what a deposed owner wrote last is older all the same. */
static int64_t place_of(const struct ds_snapshot_candidate *candidate)
{
    return candidate->record->body.as.snapshot_manifest.offset;
}

static void add_manifest(struct ds_snapshot_reader *r, const struct ds_broker_event *record,
                         ds_error_t *error)
{
    struct ds_snapshot_candidate candidate = {.at = record->offset};
    size_t at = r->count;

    if (!keep_bytes(&candidate, record->value, error)) {
        free(candidate.bytes);
        ds_arena_destroy(candidate.arena);
        ds_error_prefix(error, "the manifest at offset %" PRId64, record->offset);
        ds_metric_add(r->task->host->snapshot_metrics[DS_SM_PASSED_OVER], 1);
        ds_log_error(&r->task->log, DS_LOG_WARN, "snapshot.passed_over", error);
        return;
    }
    if (r->count == DS_SNAPSHOT_CANDIDATES) { /* the worst of them goes */
        struct ds_snapshot_candidate worst = r->candidates[0];

        memmove(&r->candidates[0], &r->candidates[1], (r->count - 1) * sizeof(candidate));
        r->candidates[r->count - 1] = worst;
        drop_candidate(r);
        at = r->count;
    }
    for (; at > 0 && place_of(&r->candidates[at - 1]) > place_of(&candidate); at--)
        r->candidates[at] = r->candidates[at - 1];
    r->candidates[at] = candidate;
    r->count++;
}

static void scan_on(struct ds_snapshot_reader *r)
{
    ds_error_t error = DS_ERROR_INIT;

    if (r->from <= r->low) {
        finish(r);
        return;
    }
    r->until = r->from;
    r->width *= 2;
    r->from = r->until - r->width > r->low ? r->until - r->width : r->low;
    if (!start(r, DS_SNAPSHOT_SCAN, r->from, &error))
        fail(r, &error);
}

static void window_read(struct ds_snapshot_reader *r)
{
    stop_reading(r);
    r->step = DS_SNAPSHOT_ASK;
    next_candidate(r);
}

static void scan_record(struct ds_snapshot_reader *r, const struct ds_broker_event *record)
{
    struct ds_snapshot_key key;
    ds_error_t error = DS_ERROR_INIT;

    if (record->offset < r->until && record->has_value &&
        ds_snapshot_key_parse(record->key, &key) && key.partition == r->task->partition) {
        ds_snapshot_note_keys(&r->task->snapshots, key.epoch, key.slot, key.chunk + 1);
        if (key.chunk < 0)
            add_manifest(r, record, &error);
        if (error.code == DS_ERR_MEMORY)
            ds_host_fail(r->task->host, &error);
    }
    if (record->offset >= r->until - 1)
        window_read(r);
}

/* The own log's after that of the snapshots: so none of those that are seen can be ahead of it. */
int32_t ds_snapshot_asks(const struct ds_task *task)
{
    const struct ds_snapshot_reader *r = task->snapshots.reader;

    if (r == NULL || r->step != DS_SNAPSHOT_ASK)
        return -1;
    return r->has_end ? task->host->topic_own : task->host->topic_snapshots;
}

void ds_snapshot_ends(struct ds_task *task, const struct ds_broker_end *end)
{
    struct ds_snapshot_reader *r = task->snapshots.reader;

    if (r == NULL || r->step != DS_SNAPSHOT_ASK || !end->ok)
        return;
    if (end->topic == task->host->topic_snapshots) {
        r->has_end = true;
        r->low = end->low;
        r->from = end->end;
        r->width = FIRST_WINDOW / 2;
    } else if (r->has_end) {
        r->own_low = end->low;
        r->own_end = end->end;
        scan_on(r);
    }
}

/* ---- the own log ---- */

static void identified(struct ds_snapshot_reader *r)
{
    r->identified = true;
    stop_reading(r);
    r->step = DS_SNAPSHOT_ASK;
    next_candidate(r);
}

static void identify(struct ds_snapshot_reader *r, const struct ds_broker_event *record)
{
    struct ds_host *host = r->task->host;
    const struct ds_protocol_event *event = host->message;
    unsigned answers = ds_framing_answers(host->runtime->framing);
    ds_error_t error = DS_ERROR_INIT;
    enum ds_fence_verdict verdict;
    bool undecodable = false;

    ds_arena_reset(host->arena);
    if (!ds_fence_read(&r->fence, host->runtime->framing, host->decider->events, record->value,
                       record->offset, host->arena, host->message, &undecodable, &verdict,
                       &error)) {
        if (!wait_for_schema(r, answers, &error))
            fail(r, &error); /* reading the log will come across it, and say so */
        return;
    }
    if (verdict == DS_FENCE_TAKE && !undecodable && event->body.kind == DS_PROTOCOL_CLAIM &&
        !ds_str_to_array(event->body.as.claim.nonce, r->identity, sizeof(r->identity)))
        r->identity[0] = '\0';
    if (r->fence.epoch > 0 || r->fence.next_offset >= r->own_end)
        identified(r);
}

static void check_place(struct ds_snapshot_reader *r, const struct ds_broker_event *record)
{
    struct ds_host *host = r->task->host;
    const struct ds_snapshot_manifest *manifest = ds_snapshot_tried(r);
    const struct ds_meta *meta = &((const struct ds_event_head *)host->message)->meta;
    unsigned answers = ds_framing_answers(host->runtime->framing);
    ds_error_t error = DS_ERROR_INIT;
    bool head_ok = false;
    bool ok;

    ds_arena_reset(host->arena);
    ok = ds_framing_decode(host->runtime->framing, host->decider->events, record->value,
                           host->arena, host->message, &head_ok, &error);
    if (!ok && wait_for_schema(r, answers, &error))
        return;
    ds_error_clear(&error);
    if (record->offset != manifest->offset || !(ok || head_ok) || meta->epoch != manifest->epoch ||
        meta->seq != manifest->seq || meta->more)
        ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_INVALID,
                     "it stands for epoch %" PRId64 ", seq %" PRId64 " at offset %" PRId64
                     ", and that is not what the log has there",
                     manifest->epoch, manifest->seq, manifest->offset);
    else if (manifest->format != ds_snapshot_format(host->decider) && !DS_PLANTED(FORMAT))
        ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_INVALID,
                     "another version of the program made it: state format %016" PRIx64
                     ", ours is %016" PRIx64,
                     (uint64_t)manifest->format, (uint64_t)ds_snapshot_format(host->decider));
    else if (ds_snapshot_load_begin(r, &error) && manifest->chunks.count > 0)
        (void)start(r, DS_SNAPSHOT_LOAD, manifest->chunks_offset, &error);
    else if (!ds_error_is_set(&error) && ds_snapshot_load_take(r, &error))
        restored(r);
    if (ds_error_is_set(&error))
        pass_over(r, &error);
}

/* ---- records ---- */

static void load_record(struct ds_snapshot_reader *r, const struct ds_broker_event *record)
{
    ds_error_t error = DS_ERROR_INIT;
    bool done = false;

    if (!ds_snapshot_load_record(r, record, &done, &error) ||
        (done && !ds_snapshot_load_take(r, &error)))
        pass_over(r, &error);
    else if (done)
        restored(r);
}

/* False: it is of an earlier reading, or nobody waits for it. */
static bool is_current(const struct ds_snapshot_reader *r)
{
    return r != NULL && r->step != DS_SNAPSHOT_ASK && r->task->host->turn > r->since_turn &&
           r->task->snapshots.wait.kind == DS_WAIT_NONE;
}

/* True: it is of this reading, and the next. */
static bool is_next(struct ds_snapshot_reader *r, const struct ds_broker_event *event)
{
    if (!is_current(r))
        return false;
    if (event->kind == DS_BROKER_READ_FAILED)
        return true;
    if (event->offset < r->next_offset)
        return false;
    r->next_offset = event->offset + 1;
    r->moved_us = ds_task_now(r->task);
    return true;
}

static void read_failed(struct ds_snapshot_reader *r, const struct ds_broker_event *event)
{
    ds_error_t error = DS_ERROR_INIT;

    ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_UNAVAILABLE, "offset %" PRId64 ": %s",
                 r->next_offset, event->reason == NULL ? "refused" : event->reason);
    fail(r, &error);
}

void ds_snapshot_record(struct ds_task *task, const struct ds_broker_event *event)
{
    struct ds_snapshot_reader *r = task->snapshots.reader;

    if (r == NULL || (r->step != DS_SNAPSHOT_SCAN && r->step != DS_SNAPSHOT_LOAD) ||
        !is_next(r, event))
        return;
    if (event->kind == DS_BROKER_READ_FAILED)
        read_failed(r, event);
    else if (r->step == DS_SNAPSHOT_SCAN)
        scan_record(r, event);
    else
        load_record(r, event);
}

bool ds_snapshot_own_record(struct ds_task *task, const struct ds_broker_event *event)
{
    struct ds_snapshot_reader *r = task->snapshots.reader;

    if (r == NULL || r->survey)
        return false;
    if ((r->step != DS_SNAPSHOT_IDENTIFY && r->step != DS_SNAPSHOT_PLACE) || !is_next(r, event))
        return true;
    if (event->kind == DS_BROKER_READ_FAILED)
        read_failed(r, event);
    else if (r->step == DS_SNAPSHOT_IDENTIFY)
        identify(r, event);
    else
        check_place(r, event);
    return true;
}

/* In a compacted topic the last offsets may have no records, and what a manifest names may be gone:
 * that nothing is left to come is the server's word, not a silence. */
void ds_snapshot_at_end(struct ds_task *task, const struct ds_broker_event *event)
{
    struct ds_snapshot_reader *r = task->snapshots.reader;
    ds_error_t error = DS_ERROR_INIT;

    if (!is_current(r) || event->offset < r->next_offset ||
        event->topic != topic_of(task->host, r->step))
        return;
    ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_INVALID, "nothing stands behind offset %" PRId64,
                 r->next_offset - 1);
    switch (r->step) {
    case DS_SNAPSHOT_ASK:
        return;
    case DS_SNAPSHOT_SCAN:
        window_read(r); /* that is all there is */
        return;
    case DS_SNAPSHOT_IDENTIFY:
        fail(r, &error);
        return;
    case DS_SNAPSHOT_PLACE:
    case DS_SNAPSHOT_LOAD:
        pass_over(r, &error);
        return;
    }
}

/* The record that was met last, once more. */
static void read_again(struct ds_snapshot_reader *r)
{
    ds_error_t error = DS_ERROR_INIT;

    if (ds_schema_wait_over(&r->task->snapshots.wait, r->task->host->runtime) &&
        !start(r, r->step, r->next_offset - 1, &error))
        fail(r, &error);
}

void ds_snapshot_read_time(struct ds_task *task, int64_t now_us)
{
    struct ds_snapshot_reader *r = task->snapshots.reader;
    ds_error_t error = DS_ERROR_INIT;

    if (task->snapshots.wait.kind != DS_WAIT_NONE) {
        read_again(r);
        return;
    }
    if (r == NULL || r->step == DS_SNAPSHOT_ASK || now_us - r->moved_us < STALLED_US ||
        task->host->broker->ops->away(task->host->broker))
        return;
    if (!r->survey) {
        ds_task_lose(task, "the snapshots do not come");
        return;
    }
    ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_TIMEOUT, "the snapshots do not come");
    fail(r, &error); /* it decides all the same */
}
