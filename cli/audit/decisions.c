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
    case DS_META_CAUSE_HELD_CAUSE:
        return ds_str_eq(a->as.held_cause.aggregate, b->as.held_cause.aggregate) &&
               a->as.held_cause.input == b->as.held_cause.input &&
               a->as.held_cause.offset == b->as.held_cause.offset;
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
        through(stream, event->body.as.input_gap.input,
                ds_audit_minus(event->body.as.input_gap.to_offset, 1));
    for (size_t i = 0; inputs != NULL && i < inputs->count; i++)
        through(stream, inputs->items[i].input, ds_audit_minus(inputs->items[i].offset, 1));
}

static int32_t kind_of(const struct ds_audit_event *event)
{
    return ((const struct ds_protocol_event *)event->event)->body.kind;
}

/* The first that names a command: a record of another aggregate in a decision (the next offer, say)
 * has a context of its own. */
static size_t naming(const struct ds_audit_event *events, size_t count, size_t from)
{
    while (from < count && !((const struct ds_event_head *)events[from].event)->context.has_command)
        from++;
    return from;
}

static void set_outcome(const struct ds_audit_event *event, struct ds_audit_cause *cause)
{
    const struct ds_protocol_event *e = event->event;

    cause->outcome = DS_AUDIT_EFFECT;
    if (e->body.kind == DS_PROTOCOL_COMMAND_REJECTED)
        cause->outcome = DS_AUDIT_REJECTED;
    else if (e->body.kind == DS_PROTOCOL_COMMAND_REPEATED) {
        cause->outcome = DS_AUDIT_REPEATED;
        cause->first_offset = e->body.as.command_repeated.first_offset;
    } else if (e->body.kind == DS_PROTOCOL_INPUT_REJECTED) {
        cause->outcome = DS_AUDIT_UNREADABLE;
        if (ds_str_eq(e->body.as.input_rejected.reason, DS_STR("UNDECODABLE")))
            cause->refused = DS_AUDIT_REFUSED_UNDECODABLE;
        else if (ds_str_eq(e->body.as.input_rejected.reason, DS_STR("WRONG_PARTITION")))
            cause->refused = DS_AUDIT_REFUSED_PLACE;
    }
}

static void set_command(const struct ds_audit_event *event, struct ds_audit_cause *cause)
{
    cause->has_command = true;
    ds_audit_hash(((const struct ds_event_head *)event->event)->context.command.id,
                  cause->command_hash);
}

/* An edit is the outcome of the command that asks for it; the corrected one, which is decided
 * behind it, has an id of its own. */
static bool answer_edited(struct ds_audit_part *part, const struct ds_audit_event *events,
                          size_t count, struct ds_audit_cause cause, ds_error_t *error)
{
    size_t at = naming(events, count, 1);

    if (at == count)
        return true;
    set_outcome(&events[1], &cause);
    set_command(&events[at], &cause);
    return ds_audit_judge_id(part, events[0].topic, &cause, events[at].event, error);
}

static bool answer_command(struct ds_audit_part *part, const struct ds_audit_event *events,
                           size_t count, struct ds_audit_cause *cause, ds_error_t *error)
{
    size_t at = naming(events, count, 0);

    cause->is_edit = kind_of(&events[0]) == DS_PROTOCOL_INPUT_EDITED;
    if (at < count)
        set_command(&events[at], cause);
    return ds_audit_answer_command(part, events[0].topic, cause, events[at < count ? at : 0].event,
                                   error) &&
           (!cause->is_edit || answer_edited(part, events, count, *cause, error));
}

static void wrong(struct ds_audit_part *part, int32_t processor, int32_t topic, int64_t by,
                  const struct ds_audit_run *run, int64_t offset)
{
    bool there = offset >= 0 && offset < part->streams[topic].range.end;
    ds_audit_found(part->report, "F", ds_audit_where(part, processor, by, DS_STR("")),
                   "it answers %s/%" PRId32 " offset %" PRId64 " (%" PRId64 ", %" PRId64
                   "), which %s",
                   ds_audit_schema(topic)->topic, part->partition, offset, run->epoch,
                   ds_audit_minus(offset, run->shift), there ? "does not count" : "is not there");
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
                                       ds_audit_minus(cause->cause_offset, cause->cause_seq)};
    if (there == NULL || there->epoch != named.epoch || there->shift != named.shift)
        wrong(part, processor, topic, cause->offset, &named, cause->cause_offset);
    return true;
}

static struct ds_audit_cause cause_of(const struct ds_audit_event *event,
                                      const struct ds_held *place)
{
    return (struct ds_audit_cause){.offset = event->offset,
                                   .input = place->input,
                                   .cause_offset = place->offset,
                                   .cause_epoch = place->epoch,
                                   .cause_seq = place->seq,
                                   .fingerprint = place->fingerprint,
                                   .first_offset = -1};
}

/* ---- what waits for quarantined aggregates (ADR 21) ----
 *
 * That it is a delivered record is judged where it begins to wait: its topic is read about as far
 * then, and what comes behind it goes on in order. Of a command nothing is known until it is
 * decided or dropped. */

/* What the list does not take, an owner does not fold. @return false: out of memory. */
static bool folds(struct ds_audit_part *part, const struct ds_audit_event *event, bool ok,
                  ds_error_t *error)
{
    if (ok || error->code == DS_ERR_MEMORY)
        return ok;
    ds_audit_found(part->report, "F", ds_audit_at(part, event, DS_STR("")), "no owner folds it: %s",
                   error->message);
    ds_error_clear(error);
    return true;
}

static bool note_waiting(struct ds_audit_part *part, struct ds_audit_stream *stream,
                         const struct ds_audit_event *event, ds_str_t aggregate, ds_error_t *error)
{
    const struct ds_meta *meta = meta_of(event);
    const struct ds_input_cause *input = &meta->cause.as.input_cause;
    const struct ds_held held = {input->input, input->offset, input->epoch, input->seq,
                                 input->fingerprint};

    return meta->cause.kind != DS_META_CAUSE_INPUT_CAUSE ||
           folds(part, event, ds_quarantine_hold(&stream->quarantine, aggregate, &held, error),
                 error);
}

static bool note_quarantined(struct ds_audit_part *part, struct ds_audit_stream *stream,
                             const struct ds_audit_event *event, ds_str_t aggregate,
                             ds_error_t *error)
{
    if (!ds_quarantine_begin(&stream->quarantine, aggregate, error))
        return folds(part, event, false, error);
    return note_waiting(part, stream, event, aggregate, error);
}

/* A dead letter that is dropped waits nowhere. */
static bool note_dropped(struct ds_audit_part *part, struct ds_audit_stream *stream,
                         const struct ds_audit_event *event, const struct ds_input_dropped *dropped,
                         ds_error_t *error)
{
    for (int32_t input = 0; dropped->has_aggregate && input < DS_MAX_INPUTS; input++) {
        int32_t topic = ds_audit_input(event->topic, input);
        const struct ds_held *held;

        if (topic < 0 || !ds_str_eq(dropped->topic, ds_str(ds_audit_schema(topic)->topic)))
            continue;
        held = ds_quarantine_held(&stream->quarantine, dropped->aggregate, input, dropped->offset);
        if (held == NULL)
            break;
        struct ds_audit_cause cause = cause_of(event, held);
        cause.outcome = DS_AUDIT_DROPPED;
        (void)ds_quarantine_drop(&stream->quarantine, dropped->aggregate, input, dropped->offset);
        return input != 0 ||
               ds_audit_answer_command(part, event->topic, &cause, event->event, error);
    }
    if (dropped->has_aggregate)
        ds_audit_found(part->report, "F", ds_audit_at(part, event, DS_STR("")),
                       "it drops offset %" PRId64 ", which does not wait", dropped->offset);
    return true;
}

/* The command that edits waits in the place of the one it corrects, which has no other outcome. */
static bool note_edited(struct ds_audit_part *part, struct ds_audit_stream *stream,
                        const struct ds_audit_event *event, const struct ds_input_edited *edited,
                        ds_error_t *error)
{
    const struct ds_input_cause *of = &meta_of(event)->cause.as.input_cause;
    const struct ds_held by = {of->input, of->offset, of->epoch, of->seq, of->fingerprint};
    const struct ds_held *held;
    struct ds_audit_cause cause;

    if (!edited->has_aggregate)
        return true;
    held = ds_quarantine_held(&stream->quarantine, edited->aggregate, of->input, edited->offset);
    if (meta_of(event)->cause.kind != DS_META_CAUSE_INPUT_CAUSE || held == NULL) {
        ds_audit_found(part->report, "F", ds_audit_at(part, event, DS_STR("")),
                       "it edits offset %" PRId64 ", which does not wait", edited->offset);
        return true;
    }
    cause = cause_of(event, held);
    cause.outcome = DS_AUDIT_DROPPED;
    (void)ds_quarantine_replace(&stream->quarantine, edited->aggregate, of->input, edited->offset,
                                &by);
    return of->input != 0 ||
           ds_audit_answer_command(part, event->topic, &cause, event->event, error);
}

static bool note_quarantine(struct ds_audit_part *part, struct ds_audit_stream *stream,
                            const struct ds_audit_event *event, ds_error_t *error)
{
    const struct ds_protocol_event *e = event->event;

    switch (e->body.kind) {
    case DS_PROTOCOL_AGGREGATE_QUARANTINED:
        return note_quarantined(part, stream, event, e->body.as.aggregate_quarantined.aggregate,
                                error);
    case DS_PROTOCOL_INPUT_HELD:
        return note_waiting(part, stream, event, e->body.as.input_held.aggregate, error);
    case DS_PROTOCOL_AGGREGATE_RELEASED:
        if (meta_of(event)->cause.kind == DS_META_CAUSE_INPUT_CAUSE)
            ds_quarantine_release(&stream->quarantine, e->body.as.aggregate_released.aggregate,
                                  meta_of(event)->cause.as.input_cause.offset);
        return true;
    case DS_PROTOCOL_INPUT_DROPPED:
        return note_dropped(part, stream, event, &e->body.as.input_dropped, error);
    case DS_PROTOCOL_INPUT_EDITED:
        return note_edited(part, stream, event, &e->body.as.input_edited, error);
    default:
        return true;
    }
}

/* It is said of the very record that waits. @return false: nothing waits there. */
static bool judge_held(struct ds_audit_part *part, const struct ds_audit_stream *stream,
                       const struct ds_audit_event *event, const struct ds_held_cause *of)
{
    const struct ds_held *held =
        ds_quarantine_held(&stream->quarantine, of->aggregate, of->input, of->offset);

    if (held == NULL) {
        ds_audit_found(part->report, "F", ds_audit_at(part, event, DS_STR("")),
                       "offset %" PRId64 " of input %" PRId32 " does not wait for %.*s", of->offset,
                       of->input, DS_STR_ARG(of->aggregate));
        return false;
    }
    if (held->epoch != of->epoch || held->seq != of->seq || held->fingerprint != of->fingerprint)
        ds_audit_found(part->report, "F", ds_audit_at(part, event, DS_STR("")),
                       "another record than the one that waits, offset %" PRId64
                       " of input %" PRId32,
                       of->offset, of->input);
    return true;
}

/* What waited is decided once, oldest first, after its aggregate was released. */
static bool answer_held(struct ds_audit_part *part, struct ds_audit_stream *stream,
                        const struct ds_audit_event *events, size_t count, ds_error_t *error)
{
    const struct ds_held_cause *of = &meta_of(&events[0])->cause.as.held_cause;
    const struct ds_held held = {of->input, of->offset, of->epoch, of->seq, of->fingerprint};
    struct ds_audit_cause cause = cause_of(&events[0], &held);
    ds_error_t why = DS_ERROR_INIT;

    if (!judge_held(part, stream, &events[0], of) ||
        kind_of(&events[0]) == DS_PROTOCOL_AGGREGATE_QUARANTINED)
        return true; /* in the latter case it goes on waiting */
    if (!ds_quarantine_decided(&stream->quarantine, of->aggregate, of->input, of->offset, &why)) {
        ds_audit_found(part->report, "F", ds_audit_at(part, &events[0], DS_STR("")), "%s",
                       why.message);
        return true;
    }
    if (of->input != 0)
        return true;
    cause.was_held = true;
    set_outcome(&events[0], &cause);
    return answer_command(part, events, count, &cause, error);
}

/* Its outcome is still to come. */
static bool still_waits(const struct ds_protocol_event *first)
{
    return first->body.kind == DS_PROTOCOL_AGGREGATE_QUARANTINED ||
           first->body.kind == DS_PROTOCOL_INPUT_HELD ||
           (first->body.kind == DS_PROTOCOL_INPUT_EDITED &&
            first->body.as.input_edited.has_aggregate);
}

static bool answer_input(struct ds_audit_part *part, struct ds_audit_stream *stream,
                         const struct ds_audit_event *events, size_t count, ds_error_t *error)
{
    const struct ds_input_cause *input = &meta_of(&events[0])->cause.as.input_cause;
    struct ds_audit_place at = ds_audit_at(part, &events[0], DS_STR(""));
    const struct ds_held place = {input->input, input->offset, input->epoch, input->seq,
                                  input->fingerprint};
    struct ds_audit_cause cause = cause_of(&events[0], &place);

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
    set_outcome(&events[0], &cause);
    if (input->input != 0)
        return name(part, stream, &cause, error);
    if (still_waits(events[0].event))
        return true;
    return answer_command(part, events, count, &cause, error);
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
                       ds_audit_minus(stream->last_at_us, meta->at));
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
        if (!note_quarantine(part, stream, &events[i], error))
            return false;
        if (kind_of(&events[i]) >= DS_PROTOCOL_KINDS)
            stream->last_event = events[i].offset;
    }
    part->report->checked[DS_AUDIT_EVENTS] += (int64_t)count;
    if (meta_of(&events[0])->cause.kind == DS_META_CAUSE_HELD_CAUSE)
        return answer_held(part, stream, events, count, error);
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
