/* Decisions: each answers one cause, no cause is answered twice, and each cause is something that
 * happened. */
#include "cli/audit/folds.h"

#include <inttypes.h>
#include <stdlib.h>

#define FIRST_IDS    1024
#define FIRST_CAUSES 256

/* The slot of a hash, or the free one where it belongs. FNV's low bits are weak: they are mixed
 * once more. */
static uint64_t *slot_of(const struct ds_audit_ids *ids, const uint64_t hash[2])
{
    size_t at = (size_t)((hash[0] * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (ids->capacity - 1);
    while ((ids->slots[at][0] != 0 || ids->slots[at][1] != 0) &&
           (ids->slots[at][0] != hash[0] || ids->slots[at][1] != hash[1]))
        at = (at + 1) & (ids->capacity - 1);
    return ids->slots[at];
}

static bool grow(struct ds_audit_ids *ids, ds_error_t *error)
{
    struct ds_audit_ids bigger = {.capacity = ids->capacity == 0 ? FIRST_IDS : ids->capacity * 2};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu event ids",
                            bigger.capacity);
    for (size_t i = 0; i < ids->capacity; i++) {
        if (ids->slots[i][0] == 0 && ids->slots[i][1] == 0)
            continue;
        memcpy(slot_of(&bigger, ids->slots[i]), ids->slots[i], sizeof *ids->slots);
    }
    bigger.count = ids->count;
    free(ids->slots);
    *ids = bigger;
    return true;
}

static bool add_id(struct ds_audit_ids *ids, ds_str_t id, bool *known_out, ds_error_t *error)
{
    uint64_t hash[2];
    *known_out = false;
    if (ids->count * 2 >= ids->capacity && !grow(ids, error))
        return false;
    ds_audit_hash(id, hash);
    uint64_t *slot = slot_of(ids, hash);
    *known_out = slot[0] != 0 || slot[1] != 0;
    if (*known_out)
        return true;
    memcpy(slot, hash, sizeof hash);
    ids->count++;
    return true;
}

static const struct ds_meta *meta_of(const struct ds_audit_event *event)
{
    return &((const struct ds_event_head *)event->event)->meta;
}

static bool same_cause(const struct ds_meta_cause *a, const struct ds_meta_cause *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case DS_META_CAUSE_INPUT_CAUSE:
        return a->as.input_cause.input == b->as.input_cause.input &&
               a->as.input_cause.offset == b->as.input_cause.offset;
    case DS_META_CAUSE_TIMER_CAUSE:
        return ds_str_eq(a->as.timer_cause.aggregate, b->as.timer_cause.aggregate) &&
               a->as.timer_cause.kind == b->as.timer_cause.kind &&
               a->as.timer_cause.due_at == b->as.timer_cause.due_at;
    default:
        return true;
    }
}

static void through(struct ds_audit_stream *stream, int32_t input, int64_t offset)
{
    if (input >= 0 && input < DS_MAX_INPUTS && offset > stream->through[input])
        stream->through[input] = offset;
}

static void note_positions(struct ds_audit_stream *stream, const struct ds_protocol_event *event)
{
    const struct ds_array_of_input_position *inputs = NULL;
    if (event->body.kind == DS_PROTOCOL_OPEN)
        inputs = &event->body.as.open.inputs;
    else if (event->body.kind == DS_PROTOCOL_PROGRESS)
        inputs = &event->body.as.progress.inputs;
    else if (event->body.kind == DS_PROTOCOL_INPUT_GAP)
        through(stream, event->body.as.input_gap.input, event->body.as.input_gap.to_offset - 1);
    for (size_t i = 0; inputs != NULL && i < inputs->count; i++)
        through(stream, inputs->items[i].input, inputs->items[i].offset - 1);
}

static bool keep_cause(struct ds_audit_stream *stream, const struct ds_audit_cause *cause,
                       ds_error_t *error)
{
    if (stream->cause_count == stream->cause_capacity) {
        size_t capacity = stream->cause_capacity == 0 ? FIRST_CAUSES : stream->cause_capacity * 2;
        struct ds_audit_cause *causes = realloc(stream->causes, capacity * sizeof *causes);
        if (causes == NULL)
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu causes", capacity);
        stream->causes = causes;
        stream->cause_capacity = capacity;
    }
    stream->causes[stream->cause_count++] = *cause;
    return true;
}

/* Which command the decision answers: a record of another aggregate in it (the next offer, say) has
 * a context of its own. */
static void note_command(const struct ds_audit_event *events, size_t count,
                         struct ds_audit_cause *cause)
{
    for (size_t i = 0; i < count; i++) {
        const struct ds_context *context =
            &((const struct ds_event_head *)events[i].event)->context;
        if (!context->has_command)
            continue;
        cause->has_command = true;
        ds_audit_hash(context->command.id, cause->command_hash);
        return;
    }
}

static bool answer_input(struct ds_audit_part *part, struct ds_audit_stream *stream,
                         const struct ds_audit_event *events, size_t count, ds_error_t *error)
{
    const struct ds_protocol_event *first = events[0].event;
    const struct ds_input_cause *input = &first->head.meta.cause.as.input_cause;
    struct ds_audit_place at = ds_audit_at(part, &events[0], DS_STR(""));
    struct ds_audit_cause cause = {.offset = events[0].offset,
                                   .input = input->input,
                                   .cause_offset = input->offset,
                                   .cause_epoch = input->epoch,
                                   .cause_seq = input->seq,
                                   .fingerprint = input->fingerprint};

    if (ds_audit_input(events[0].topic, input->input) < 0) {
        ds_audit_found(part->report, "F", at,
                       "it answers input %" PRId32 ", which there is none of", input->input);
        return true;
    }
    if (input->offset <= stream->last_cause[input->input])
        ds_audit_found(part->report, "F", at,
                       "record %" PRId64 " of input %" PRId32
                       " is decided twice or out of order: %" PRId64 " was decided before",
                       input->offset, input->input, stream->last_cause[input->input]);
    else
        stream->last_cause[input->input] = input->offset;
    through(stream, input->input, input->offset);
    if (first->body.kind == DS_PROTOCOL_COMMAND_REJECTED)
        cause.outcome = DS_AUDIT_REJECTED;
    else if (first->body.kind == DS_PROTOCOL_COMMAND_REPEATED)
        cause.outcome = DS_AUDIT_REPEATED;
    else if (first->body.kind == DS_PROTOCOL_INPUT_REJECTED)
        cause.outcome = DS_AUDIT_UNREADABLE;
    note_command(events, count, &cause);
    return keep_cause(stream, &cause, error);
}

static bool check_record(struct ds_audit_part *part, struct ds_audit_stream *stream,
                         const struct ds_audit_event *first, const struct ds_audit_event *event,
                         ds_error_t *error)
{
    const struct ds_meta *meta = meta_of(event);
    struct ds_audit_place at = ds_audit_at(part, event, DS_STR(""));
    bool known;

    if (!same_cause(&meta_of(first)->cause, &meta->cause))
        ds_audit_found(part->report, "F", at, "another cause than the rest of its decision");
    if (!add_id(&stream->ids, meta->event_id, &known, error))
        return false;
    if (known)
        ds_audit_found(part->report, "F", at, "event id %.*s a second time",
                       DS_STR_ARG(meta->event_id));
    /* A Claim is written by somebody who may not have read the end. */
    if (meta->seq > 0 && meta->at < stream->last_at_us)
        ds_audit_found(part->report, "F", at, "decided %" PRId64 " us before what stands in front",
                       stream->last_at_us - meta->at);
    if (meta->seq > 0 && meta->at > stream->last_at_us)
        stream->last_at_us = meta->at;
    return true;
}

bool ds_audit_decision(struct ds_audit_part *part, int32_t processor,
                       const struct ds_audit_event *events, size_t count, ds_error_t *error)
{
    struct ds_audit_stream *stream = &part->streams[processor];
    for (size_t i = 0; i < count; i++) {
        if (!check_record(part, stream, &events[0], &events[i], error))
            return false;
        note_positions(stream, events[i].event);
        if (((const struct ds_protocol_event *)events[i].event)->body.kind >= DS_PROTOCOL_KINDS)
            stream->last_event = events[i].offset;
    }
    part->report->checked[DS_AUDIT_EVENTS] += (int64_t)count;
    if (meta_of(&events[0])->cause.kind != DS_META_CAUSE_INPUT_CAUSE)
        return true;
    return answer_input(part, stream, events, count, error);
}

/* A cause out of an events topic is a delivered record of it: never a skipped one, never one that
 * is not there. */
void ds_audit_judge_causes(struct ds_audit_part *part, int32_t processor)
{
    const struct ds_audit_stream *stream = &part->streams[processor];
    for (size_t i = 0; i < stream->cause_count; i++) {
        const struct ds_audit_cause *cause = &stream->causes[i];
        int32_t topic = ds_audit_input(processor, cause->input);
        if (topic >= DS_AUDIT_PROCESSORS || cause->offset >= stream->range.settled)
            continue;
        const struct ds_audit_stream *from = &part->streams[topic];
        if (from->stopped && cause->cause_offset >= from->fence.next_offset)
            continue;
        bool there = cause->cause_offset >= 0 && cause->cause_offset < from->range.end;
        bool counts = there && from->valid[cause->cause_offset][0] > 0;
        /* An input record that could not be read has its own epoch and seq only where its meta
         * block could. */
        if (there && (cause->outcome == DS_AUDIT_UNREADABLE ||
                      (counts && from->valid[cause->cause_offset][0] == cause->cause_epoch &&
                       from->valid[cause->cause_offset][1] == cause->cause_seq)))
            continue;
        ds_audit_found(
            part->report, "F", ds_audit_where(part, processor, cause->offset, DS_STR("")),
            "it answers %s/%" PRId32 " offset %" PRId64 " (%" PRId64 ", %" PRId64 "), which %s",
            ds_audit_schema(topic)->topic, part->partition, cause->cause_offset, cause->cause_epoch,
            cause->cause_seq, there ? "does not count" : "is not there");
    }
}
