/* Rule F over one events topic of a partition, with what it skips counted and explained.
 *
 * A skipped record is what a fault leaves behind when a later Claim explains it: the record of an
 * older epoch, a Claim that came too late, and whatever stands behind a hole up to the next Claim
 * (its owner was over). A hole that no Claim follows, or a record without a meta block (somebody
 * else writes to the topic), has no such explanation: I8. */
#include "cli/audit/folds.h"

#include <inttypes.h>
#include <stdlib.h>

#define SCRATCH_FIRST ((size_t)64 * 1024)
#define SCRATCH_MAX   ((size_t)64 * 1024 * 1024)
#define HELD_MAX      ((size_t)256 * 1024 * 1024)
#define MAX_EFFECTS   ((size_t)4 * 1000 * 1000) /* as many as a processor remembers */

bool ds_audit_stream_init(struct ds_audit_stream *stream, struct ds_audit_range range,
                          ds_error_t *error)
{
    *stream = (struct ds_audit_stream){.range = range, .gap_offset = -1, .last_event = -1};
    ds_fence_init(&stream->fence, DS_PLACE_START);
    for (size_t i = 0; i < DS_MAX_INPUTS; i++) {
        stream->last_cause[i] = -1;
        stream->through[i] = -1;
    }
    ds_window_init(&stream->effects, MAX_EFFECTS);
    stream->scratch = ds_arena_new(SCRATCH_FIRST, SCRATCH_MAX);
    stream->held = ds_arena_new(SCRATCH_FIRST, HELD_MAX);
    stream->pending = calloc(DS_MAX_DECISION_RECORDS, sizeof *stream->pending);
    if (stream->scratch != NULL && stream->held != NULL && stream->pending != NULL)
        return true;
    ds_audit_stream_cleanup(stream);
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: a topic");
}

void ds_audit_stream_cleanup(struct ds_audit_stream *stream)
{
    ds_audit_runs_cleanup(&stream->valid);
    free(stream->named);
    ds_window_cleanup(&stream->effects);
    ds_quarantine_clear(&stream->quarantine);
    ds_audit_ids_cleanup(&stream->ids);
    free(stream->pending);
    ds_arena_destroy(stream->scratch);
    ds_arena_destroy(stream->held);
    *stream = (struct ds_audit_stream){0};
}

/* Offsets of an events topic have no holes and begin at 0: nothing is ever deleted from it. */
static void check_offset(struct ds_audit_part *part, struct ds_audit_stream *stream,
                         const struct ds_audit_record *record)
{
    if (record->offset == stream->fence.next_offset)
        return;
    ds_audit_found(part->report, "F",
                   ds_audit_where(part, record->topic, record->offset, DS_STR("")),
                   "damage: offset %" PRId64 " follows %" PRId64, record->offset,
                   stream->fence.next_offset - 1);
    stream->fence.next_offset = record->offset;
}

static void stop(struct ds_audit_part *part, struct ds_audit_stream *stream,
                 const struct ds_audit_record *record, const ds_error_t *why)
{
    ds_audit_found(part->report, "F",
                   ds_audit_where(part, record->topic, record->offset, DS_STR("")),
                   why->code == DS_ERR_UNKNOWN ? "not known here, nothing behind it was read: %s"
                                               : "damage, nothing behind it was read: %s",
                   why->message);
    stream->stopped = true;
}

/* Rule F begins with the first record. Events are kept for ever, so one that is gone was deleted,
 * by a retention that somebody set, by hand, or because the topic was made anew. */
void ds_audit_stream_begin(struct ds_audit_part *part, int32_t processor)
{
    struct ds_audit_stream *stream = &part->streams[processor];

    if (stream->range.low == 0)
        return;
    ds_audit_found(part->report, "F",
                   ds_audit_where(part, processor, stream->range.low, DS_STR("")),
                   "damage: the %" PRId64
                   " records in front of it are gone, and an events topic keeps all "
                   "(retention.ms=-1); nothing of it was read",
                   stream->range.low);
    stream->stopped = true;
}

static void close_gap(struct ds_audit_part *part, struct ds_audit_stream *stream, int32_t topic,
                      bool explained)
{
    if (!stream->gap_open)
        return;
    stream->gap_open = false;
    if (explained || stream->gap_offset >= stream->range.settled)
        return;
    part->report->skipped[DS_AUDIT_SKIP_UNEXPLAINED] += stream->gap_count;
    if (part->report->allow_skipped)
        return;
    ds_audit_found(part->report, "I8", ds_audit_where(part, topic, stream->gap_offset, DS_STR("")),
                   "seq %" PRId64 " of epoch %" PRId64 " was wanted: %" PRId64
                   " records from here on do not count, and no Claim follows",
                   stream->gap_seq, stream->fence.epoch, stream->gap_count);
}

static void note_stranger(struct ds_audit_part *part, const struct ds_audit_record *record,
                          const ds_error_t *why)
{
    part->report->skipped[DS_AUDIT_SKIP_STRANGER]++;
    part->report->skipped[DS_AUDIT_SKIP_UNEXPLAINED]++;
    if (!part->report->allow_skipped)
        ds_audit_found(part->report, "I8",
                       ds_audit_where(part, record->topic, record->offset, DS_STR("")),
                       "a record that no processor wrote: %s", why->message);
}

static void note_skip(struct ds_audit_part *part, struct ds_audit_stream *stream,
                      const struct ds_audit_record *record, enum ds_fence_verdict verdict)
{
    switch (verdict) {
    case DS_FENCE_SKIP_OLD_EPOCH:
        part->report->skipped[DS_AUDIT_SKIP_OLD_EPOCH]++;
        break;
    case DS_FENCE_SKIP_LOST_CLAIM:
        part->report->skipped[DS_AUDIT_SKIP_LOST_CLAIM]++;
        break;
    case DS_FENCE_SKIP_GAP:
        part->report->skipped[DS_AUDIT_SKIP_GAP]++;
        if (!stream->gap_open) {
            stream->gap_open = true;
            stream->gap_offset = record->offset;
            stream->gap_seq = stream->fence.seq + 1;
            stream->gap_count = 0;
        }
        stream->gap_count++;
        break;
    case DS_FENCE_TAKE:
    case DS_FENCE_SKIP_STRANGER:
    case DS_FENCE_VERDICTS:
        break;
    }
}

/* The protocol's own shape: a Claim is seq 0, an Open is seq 1 and nothing else is. */
static void check_shape(struct ds_audit_part *part, struct ds_audit_stream *stream,
                        const struct ds_audit_record *record, const struct ds_protocol_event *event)
{
    struct ds_audit_place at = ds_audit_where(part, record->topic, record->offset, DS_STR(""));
    const struct ds_meta *meta = &event->head.meta;
    ds_error_t why = DS_ERROR_INIT;

    if ((event->body.kind == DS_PROTOCOL_CLAIM) != (meta->seq == 0))
        ds_audit_found(part->report, "F", at,
                       "a Claim has seq 0 and nothing else has, here: %" PRId64, meta->seq);
    else if ((event->body.kind == DS_PROTOCOL_OPEN) != (meta->seq == 1))
        ds_audit_found(part->report, "F", at,
                       "an Open has seq 1 and nothing else has, here: %" PRId64, meta->seq);
    else if (event->body.kind == DS_PROTOCOL_OPEN &&
             !ds_fence_check_open(&stream->fence, &event->body.as.open, &why))
        ds_audit_found(part->report, "F", at, "damage: %s", why.message);
}

/* A store is one partition in every topic: an event elsewhere is decided on a state that is not its
 * store's. The protocol's own records, and answers to garbage, have no key or any. */
static void check_key(struct ds_audit_part *part, const struct ds_audit_record *record,
                      const struct ds_protocol_event *event)
{
    if (event->body.kind >= DS_PROTOCOL_KINDS && !ds_audit_is_placed(part, record))
        ds_audit_found(part->report, "F",
                       ds_audit_where(part, record->topic, record->offset, DS_STR("")),
                       record->has_key ? "its key belongs to another partition"
                                       : "it has no key, which names its partition");
}

/* What was pending when a Claim came was never completed: it left no trace. */
static void drop_pending(struct ds_audit_part *part, struct ds_audit_stream *stream)
{
    part->report->skipped[DS_AUDIT_SKIP_TORN] += (int64_t)stream->pending_count;
    stream->pending_count = 0;
}

/* Keep a copy that lives until the decision is complete. */
static bool hold(const struct ds_audit_part *part, struct ds_audit_stream *stream,
                 const struct ds_audit_record *record, ds_error_t *error)
{
    struct ds_audit_record held = *record;
    ds_str_t copy;
    void *event;

    if (stream->pending_count == 0 && !stream->keeps_held)
        ds_arena_reset(stream->held);
    event = ds_arena_alloc(stream->held, ds_audit_schema(record->topic)->struct_bytes, error);
    if (event == NULL ||
        !ds_arena_dup(stream->held, (ds_str_t){(const char *)record->value.data, record->value.len},
                      &copy, error))
        return false;
    held.value = (ds_bytes_t){(const uint8_t *)copy.data, copy.len};
    if (!ds_audit_decode(part, &held, stream->held, event, NULL, error))
        return false;
    stream->pending[stream->pending_count++] =
        (struct ds_audit_event){record->topic, record->offset, event};
    return true;
}

/* Most decisions are one record: that is handed out as it was decoded, while its bytes are there.
 */
static bool keep(const struct ds_audit_part *part, struct ds_audit_stream *stream,
                 const struct ds_audit_record *record, const struct ds_protocol_event *event,
                 ds_error_t *error)
{
    if (stream->pending_count > 0 || event->head.meta.more || stream->keeps_held)
        return hold(part, stream, record, error);
    stream->pending[stream->pending_count++] =
        (struct ds_audit_event){record->topic, record->offset, event};
    return true;
}

/* Delivered: causes of others may name it from now on. */
static bool note_valid(struct ds_audit_stream *stream, ds_error_t *error)
{
    for (size_t i = 0; i < stream->pending_count; i++) {
        const struct ds_event_head *head = stream->pending[i].event;
        if (!ds_audit_runs_add(&stream->valid, stream->pending[i].offset, head->meta.epoch,
                               head->meta.seq, error))
            return false;
    }
    return true;
}

static bool take_undecodable(struct ds_audit_part *part, struct ds_audit_stream *stream,
                             const struct ds_audit_record *record, const struct ds_meta *meta,
                             ds_error_t *error)
{
    ds_audit_found(part->report, "F",
                   ds_audit_where(part, record->topic, record->offset, DS_STR("")),
                   "it counts, but its body cannot be read");
    if (!note_valid(stream, error))
        return false;
    if (!meta->more)
        stream->pending_count = 0;
    return ds_audit_runs_add(&stream->valid, record->offset, meta->epoch, meta->seq, error);
}

static bool take(struct ds_audit_part *part, struct ds_audit_stream *stream,
                 const struct ds_audit_record *record, const struct ds_protocol_event *event,
                 const struct ds_audit_event **events_out, size_t *count_out, ds_error_t *error)
{
    check_shape(part, stream, record, event);
    check_key(part, record, event);
    if (event->body.kind == DS_PROTOCOL_CLAIM) {
        drop_pending(part, stream);
        close_gap(part, stream, record->topic, true);
    }
    if (!keep(part, stream, record, event, error))
        return false;
    if (event->head.meta.more)
        return true;
    if (!note_valid(stream, error))
        return false;
    *events_out = stream->pending;
    *count_out = stream->pending_count;
    stream->pending_count = 0;
    return true;
}

/* @return false: the record does not reach rule F (error not set), or out of memory. */
static bool decode(struct ds_audit_part *part, struct ds_audit_stream *stream,
                   const struct ds_audit_record *record, struct ds_protocol_event **event_out,
                   bool *undecodable_out, ds_error_t *error)
{
    ds_error_t why = DS_ERROR_INIT;
    bool head_ok = false;

    ds_arena_reset(stream->scratch);
    *undecodable_out = false;
    *event_out =
        ds_arena_alloc(stream->scratch, ds_audit_schema(record->topic)->struct_bytes, error);
    if (*event_out == NULL)
        return false;
    if (ds_audit_decode(part, record, stream->scratch, *event_out, &head_ok, &why))
        return true;
    if (why.code == DS_ERR_MEMORY || why.code == DS_ERR_UNAVAILABLE) {
        *error = why;
    } else if (why.code == DS_ERR_UNKNOWN) {
        stop(part, stream, record, &why); /* readers wait there for the version that knows it */
    } else if (head_ok) {
        *undecodable_out = true;
        return true;
    } else {
        note_stranger(part, record, &why);
        stream->fence.next_offset = record->offset + 1;
    }
    return false;
}

bool ds_audit_stream_take(struct ds_audit_part *part, int32_t processor,
                          const struct ds_audit_record *record,
                          const struct ds_audit_event **events_out, size_t *count_out,
                          ds_error_t *error)
{
    struct ds_audit_stream *stream = &part->streams[processor];
    enum ds_fence_verdict verdict;
    struct ds_protocol_event *event;
    ds_error_t why = DS_ERROR_INIT;
    bool undecodable;

    *events_out = NULL;
    *count_out = 0;
    if (stream->stopped)
        return true;
    check_offset(part, stream, record);
    if (!decode(part, stream, record, &event, &undecodable, error))
        return !ds_error_is_set(error);
    bool is_claim = undecodable ? event->head.meta.seq == 0 : event->body.kind == DS_PROTOCOL_CLAIM;
    if (!ds_fence_judge(&stream->fence, &event->head.meta, is_claim, record->offset,
                        record->value.len, &verdict, &why)) {
        stop(part, stream, record, &why);
        return true;
    }
    note_skip(part, stream, record, verdict);
    if (verdict != DS_FENCE_TAKE)
        return true;
    return undecodable ? take_undecodable(part, stream, record, &event->head.meta, error)
                       : take(part, stream, record, event, events_out, count_out, error);
}

void ds_audit_stream_judge(struct ds_audit_part *part, int32_t processor)
{
    struct ds_audit_stream *stream = &part->streams[processor];
    close_gap(part, stream, processor, false);
    if (!stream->stopped && stream->fence.next_offset < stream->range.end)
        ds_audit_found(part->report, "F",
                       ds_audit_where(part, processor, stream->fence.next_offset, DS_STR("")),
                       "the log ends here, %" PRId64 " records were said to be in it",
                       stream->range.end);
    ds_audit_judge_causes(part, processor);
}
