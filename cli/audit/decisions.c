/* Decisions: each answers one cause, no cause is answered twice, and each cause is something that
 * happened. */
#include "cli/audit/folds.h"

#include <inttypes.h>
#include <stdlib.h>

#define FIRST_IDS ((size_t)1024)

/* The slot of a hash in a table, or the free one where it belongs. */
static uint64_t *slot_of(const struct ds_audit_id_table *table, const uint64_t hash[2])
{
    size_t at = (size_t)hash[0] & (table->capacity - 1);
    while ((table->slots[at][0] != 0 || table->slots[at][1] != 0) &&
           (table->slots[at][0] != hash[0] || table->slots[at][1] != hash[1]))
        at = (at + 1) & (table->capacity - 1);
    return table->slots[at];
}

static bool holds(const struct ds_audit_id_table *table, const uint64_t hash[2])
{
    if (table->capacity == 0)
        return false;
    const uint64_t *slot = slot_of(table, hash);
    return slot[0] != 0 || slot[1] != 0;
}

static bool grow(struct ds_audit_id_table *table, ds_error_t *error)
{
    struct ds_audit_id_table bigger = {
        .capacity = table->capacity == 0 ? FIRST_IDS : table->capacity * 2, .count = table->count};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu event ids",
                            bigger.capacity);
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i][0] != 0 || table->slots[i][1] != 0)
            memcpy(slot_of(&bigger, table->slots[i]), table->slots[i], sizeof *table->slots);
    free(table->slots);
    *table = bigger;
    return true;
}

/* At most half full. What was in the older table leaves when the newer one takes its place. */
static bool make_room(struct ds_audit_ids *ids, ds_error_t *error)
{
    if (ids->newer.count == DS_AUDIT_IDS) {
        struct ds_audit_id_table empty = ids->older;
        ids->older = ids->newer;
        empty.count = 0;
        if (empty.capacity > 0)
            memset(empty.slots, 0, empty.capacity * sizeof *empty.slots);
        ids->newer = empty;
    }
    return ids->newer.count * 2 < ids->newer.capacity || grow(&ids->newer, error);
}

void ds_audit_ids_cleanup(struct ds_audit_ids *ids)
{
    free(ids->newer.slots);
    free(ids->older.slots);
    *ids = (struct ds_audit_ids){0};
}

static bool add_id(struct ds_audit_ids *ids, ds_str_t id, bool *known_out, ds_error_t *error)
{
    uint64_t hash[2];
    *known_out = false;
    if (!make_room(ids, error))
        return false;
    ds_audit_hash(id, hash);
    uint64_t *slot = slot_of(&ids->newer, hash);
    *known_out = slot[0] != 0 || slot[1] != 0 || holds(&ids->older, hash);
    if (*known_out)
        return true;
    memcpy(slot, hash, sizeof hash);
    ids->newer.count++;
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

/* Which command the decision answers: a record of another aggregate in it (the next offer, say) has
 * a context of its own. */
static const struct ds_event_head *note_command(const struct ds_audit_event *events, size_t count,
                                                struct ds_audit_cause *cause)
{
    for (size_t i = 0; i < count; i++) {
        const struct ds_event_head *head = events[i].event;
        if (!head->context.has_command)
            continue;
        cause->has_command = true;
        ds_audit_hash(head->context.command.id, cause->command_hash);
        return head;
    }
    return events[0].event;
}

static void wrong(struct ds_audit_part *part, int32_t processor, int32_t topic, int64_t by,
                  const struct ds_audit_run *run, int64_t offset)
{
    bool there = offset >= 0 && offset < part->streams[topic].range.end;
    ds_audit_found(part->report, "F", ds_audit_where(part, processor, by, DS_STR("")),
                   "it answers %s/%" PRId32 " offset %" PRId64 " (%" PRId64 ", %" PRId64
                   "), which %s",
                   ds_audit_schema(topic)->topic, part->partition, offset, run->epoch,
                   offset - run->shift, there ? "does not count" : "is not there");
}

/* Where the input's topic is read beyond the record already, it is known now whether that counts;
 * else it is kept until all is read. */
static bool name(struct ds_audit_part *part, struct ds_audit_stream *stream,
                 const struct ds_audit_cause *cause, ds_error_t *error)
{
    int32_t processor = (int32_t)(stream - part->streams);
    int32_t topic = ds_audit_input(processor, cause->input);
    const struct ds_audit_stream *from = &part->streams[topic];
    int64_t known = from->pending_count > 0 ? from->pending[0].offset : from->fence.next_offset;

    if (cause->offset >= stream->range.settled)
        return true;
    if (cause->cause_offset >= known || cause->outcome == DS_AUDIT_UNREADABLE)
        return ds_audit_name(stream, cause, error);
    const struct ds_audit_run *there = ds_audit_runs_find(&from->valid, cause->cause_offset);
    const struct ds_audit_run named = {cause->cause_offset, cause->cause_offset, cause->cause_epoch,
                                       cause->cause_offset - cause->cause_seq};
    if (there == NULL || there->epoch != named.epoch || there->shift != named.shift)
        wrong(part, processor, topic, cause->offset, &named, cause->cause_offset);
    return true;
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
                                   .fingerprint = input->fingerprint,
                                   .first_offset = -1};

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
    else if (first->body.kind == DS_PROTOCOL_COMMAND_REPEATED) {
        cause.outcome = DS_AUDIT_REPEATED;
        cause.first_offset = first->body.as.command_repeated.first_offset;
    } else if (first->body.kind == DS_PROTOCOL_INPUT_REJECTED)
        cause.outcome = DS_AUDIT_UNREADABLE;
    if (input->input != 0)
        return name(part, stream, &cause, error);
    const struct ds_event_head *by = note_command(events, count, &cause);
    return ds_audit_answer_command(part, events[0].topic, &cause, by, error);
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
 * is not there. An input record that could not be read has its own epoch and seq only where its
 * meta block could. */
static void judge_named(struct ds_audit_part *part, int32_t processor,
                        const struct ds_audit_named *named)
{
    int32_t topic = ds_audit_input(processor, named->input);
    const struct ds_audit_stream *from = &part->streams[topic];
    struct ds_audit_run run = named->run;

    if (from->stopped && run.last >= from->fence.next_offset)
        run.last = from->fence.next_offset - 1; /* nothing behind it was read */
    if (run.last < run.first)
        return;
    const struct ds_audit_run *there = ds_audit_runs_find(&from->valid, run.first);
    bool begins = there != NULL && there->epoch == run.epoch && there->shift == run.shift;
    if (named->unreadable ? run.last < from->range.end : begins && there->last >= run.last)
        return;
    if (begins)
        wrong(part, processor, topic, named->last_by, &named->run, named->run.last);
    else
        wrong(part, processor, topic, named->first_by, &run, run.first);
}

void ds_audit_judge_causes(struct ds_audit_part *part, int32_t processor)
{
    const struct ds_audit_stream *stream = &part->streams[processor];
    for (size_t i = 0; i < stream->named_count; i++)
        judge_named(part, processor, &stream->named[i]);
}
