/* Rule F once more, written from protocol/REASONING.md and not from stream/fence.c: it reads each
 * record when it reaches the log, says what is delivered, and looks at once at what can be wrong
 * with it. */
#include "base/crypto.h"
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>

#define AHEAD_MAX_US (70 * SIM_S) /* healthy clocks are 5 s from the time, 60 s are not noticed */

struct at {
    struct sim *sim;
    struct sim_judge *judge;
    int32_t processor;
    int32_t partition;
    int64_t offset;
    bool rewinding; /* people have seen it */
};

static void wrong(const struct at *at, const char *what)
{
    sim_fail(at->sim, "%s/%d offset %" PRId64 ": %s", sim_topic_name(at->processor),
             (int)at->partition, at->offset, what);
}

static void reset(struct sim_judge *judge)
{
    *judge = (struct sim_judge){.delivered = -1, .latest_due_us = INT64_MIN};
    for (int n = 0; n < DS_MAX_INPUTS; n++)
        judge->last_cause[n] = -1;
}

void sim_judge_reset(struct sim *sim)
{
    for (int p = 0; p < DS_AUDIT_PROCESSORS; p++)
        for (int i = 0; i < SIM_PARTITIONS; i++)
            reset(&sim->judges[p][i]);
}

int32_t sim_input_topic(int32_t processor, int32_t input)
{
    return input < 0 || input >= DS_MAX_INPUTS ? -1 : ds_audit_input(processor, input);
}

static struct sim_record *record_at(const struct at *at, int64_t offset)
{
    return &at->sim->log[at->processor][at->partition].records[offset];
}

static const struct ds_protocol_event *event_at(const struct at *at, int64_t offset)
{
    return record_at(at, offset)->event;
}

/* ---- what a decision answers ---- */

/* Protocol R10, where clocks agree and inputs are waited for: what had arrived before a deadline
 * passed is decided before it fires. */
static void not_overtaken(const struct at *at, int64_t arrived_us)
{
    if (at->sim->plan.on_time && arrived_us < at->judge->latest_due_us)
        wrong(at, "a deadline fired before this input, which had arrived before it passed");
}

static void check_input(const struct at *at, const struct ds_input_cause *cause)
{
    int32_t topic = sim_input_topic(at->processor, cause->input);
    const struct sim_part *part;
    const struct sim_record *r;

    if (topic < 0 || cause->offset >= at->sim->log[topic][at->partition].end) {
        wrong(at, "its cause is no record of an input");
        return;
    }
    if (cause->offset <= at->judge->last_cause[cause->input])
        wrong(at, "its input was decided before, or a later one was");
    part = &at->sim->log[topic][at->partition];
    r = &part->records[cause->offset];
    if (topic < DS_AUDIT_PROCESSORS) {
        const struct ds_event_head *head = r->event;

        if (r->delivered_us == 0 || head == NULL)
            wrong(at, "its cause was never delivered");
        else if (head->meta.epoch != cause->epoch || head->meta.seq != cause->seq)
            wrong(at, "its cause has another epoch and seq");
        not_overtaken(at, r->delivered_us);
    } else {
        if (cause->offset != at->judge->last_cause[cause->input] + 1)
            wrong(at, "a command before its own has no outcome");
        if (cause->fingerprint != ds_fingerprint64(r->value))
            wrong(at, "its cause has another fingerprint");
        not_overtaken(at, r->appended_us);
    }
    at->judge->last_cause[cause->input] = cause->offset;
}

/* Which of those that wait it is, and in which order, is the audit's; that it is that very record
 * is seen here. */
static void check_held(const struct at *at, const struct ds_held_cause *cause)
{
    int32_t topic = sim_input_topic(at->processor, cause->input);
    const struct sim_record *r;

    if (topic < 0 || cause->offset > at->judge->last_cause[cause->input]) {
        wrong(at, "what it decides cannot have waited");
        return;
    }
    r = &at->sim->log[topic][at->partition].records[cause->offset];
    if (topic >= DS_AUDIT_PROCESSORS) {
        if (cause->fingerprint != ds_fingerprint64(r->value))
            wrong(at, "its cause has another fingerprint");
    } else if (r->event == NULL ||
               ((const struct ds_event_head *)r->event)->meta.epoch != cause->epoch ||
               ((const struct ds_event_head *)r->event)->meta.seq != cause->seq) {
        wrong(at, "its cause has another epoch and seq");
    }
}

static void check_timer(const struct at *at, const struct ds_meta *meta)
{
    const struct ds_timer_cause *cause = &meta->cause.as.timer_cause;

    if (meta->at < cause->due_at)
        wrong(at, "a deadline fired before its time");
    if (cause->due_at > at->judge->latest_due_us)
        at->judge->latest_due_us = cause->due_at;
}

/* The broker has the true time. */
static void check_clock(const struct at *at, int64_t offset)
{
    if (event_at(at, offset)->head.meta.at - record_at(at, offset)->appended_us > AHEAD_MAX_US)
        wrong(at, "it was decided by a clock far ahead");
}

/* ---- delivered ---- */

static void note_taken(const struct at *at, int64_t offset)
{
    struct sim_judge *judge = at->judge;

    judge->taken = sim_grow(at->sim, judge->taken, judge->taken_count, &judge->taken_capacity,
                            sizeof(*judge->taken));
    judge->taken[judge->taken_count++] = offset;
    record_at(at, offset)->delivered_us = at->sim->now_us;
    judge->delivered = offset;
}

static void delivered(const struct at *at)
{
    struct sim_judge *judge = at->judge;
    int64_t first = judge->pending[0];
    const struct ds_meta *meta = &event_at(at, first)->head.meta;
    size_t count = judge->pending_count;

    judge->decisions = sim_grow(at->sim, judge->decisions, judge->decision_count,
                                &judge->decision_capacity, sizeof(*judge->decisions));
    judge->decisions[judge->decision_count++] =
        (struct sim_decision){(int64_t)judge->taken_count, (int32_t)count};
    for (size_t i = 0; i < count; i++)
        note_taken(at, judge->pending[i]);
    judge->pending_count = 0;
    check_clock(at, first);
    if (meta->cause.kind == DS_META_CAUSE_INPUT_CAUSE)
        check_input(at, &meta->cause.as.input_cause);
    else if (meta->cause.kind == DS_META_CAUSE_HELD_CAUSE)
        check_held(at, &meta->cause.as.held_cause);
    else if (meta->cause.kind == DS_META_CAUSE_TIMER_CAUSE &&
             event_at(at, first)->body.kind != DS_PROTOCOL_AGGREGATE_QUARANTINED)
        check_timer(at, meta);
    /* A HeldCause says nothing of where an input stands; the audit holds it against what waits. */
    for (size_t i = 0; i < count && !at->rewinding; i++)
        sim_people_see(at->sim, at->processor, at->partition,
                       judge->taken[judge->taken_count - count + i],
                       event_at(at, judge->taken[judge->taken_count - count + i]));
}

/* ---- one record ---- */

static void take_claim(const struct at *at, const struct ds_protocol_event *event)
{
    struct sim_judge *judge = at->judge;

    judge->before_epoch = judge->epoch;
    judge->before_seq = judge->seq;
    judge->epoch = event->head.meta.epoch;
    judge->seq = 0;
    judge->pending_count = 0;
    judge->claim_offset = at->offset;
    judge->claims++;
    if (judge->epoch == 1)
        (void)ds_str_to_array(event->body.as.claim.nonce, judge->identity, sizeof(judge->identity));
    record_at(at, at->offset)->delivered_us = at->sim->now_us;
}

static void check_open(const struct at *at, const struct ds_open *open)
{
    const struct sim_judge *judge = at->judge;

    if (open->claim_offset != judge->claim_offset || open->previous_epoch != judge->before_epoch ||
        open->previous_seq != judge->before_seq)
        wrong(at, "an Open that does not say what stood before its Claim");
}

static void take(const struct at *at, const struct ds_protocol_event *event)
{
    struct sim_judge *judge = at->judge;

    judge->seq = event->head.meta.seq;
    if (judge->pending_count == DS_MAX_DECISION_RECORDS) {
        wrong(at, "a decision without an end");
        return;
    }
    judge->pending[judge->pending_count++] = at->offset;
    if (event->body.kind == DS_PROTOCOL_OPEN)
        check_open(at, &event->body.as.open);
    if (!event->head.meta.more)
        delivered(at);
}

/* Protocol R3: one (epoch, seq), one content, in all of the log. */
static void one_content(const struct at *at, const struct ds_meta *meta)
{
    ds_bytes_t value = record_at(at, at->offset)->value;

    for (int64_t i = at->offset - 1; i >= 0; i--) {
        const struct ds_protocol_event *event = event_at(at, i);
        ds_bytes_t other = record_at(at, i)->value;

        if (event == NULL || event->head.meta.epoch != meta->epoch ||
            event->head.meta.seq != meta->seq)
            continue;
        if (other.len != value.len || memcmp(other.data, value.data, value.len) != 0)
            wrong(at, "its epoch and seq stand in the log with another content");
        return;
    }
}

static const struct ds_protocol_event *decode(const struct at *at)
{
    const struct ds_schema *schema = ds_audit_schema(at->processor);
    struct sim_record *r = record_at(at, at->offset);
    ds_error_t error = DS_ERROR_INIT;
    void *event = ds_arena_alloc(at->sim->decoded, schema->struct_bytes, &error);

    if (event != NULL && ds_schema_decode(schema, r->value, at->sim->decoded, event, NULL, &error))
        r->event = event;
    return r->event;
}

static void judge_record(const struct at *of)
{
    const struct at at = *of;
    struct sim *sim = at.sim;
    const struct ds_protocol_event *event = decode(&at);
    const struct sim_judge *judge = at.judge;
    bool is_claim;
    bool taken;

    if (event == NULL)
        return; /* a stranger's */
    is_claim = event->body.kind == DS_PROTOCOL_CLAIM;
    if (event->head.meta.epoch > judge->epoch + is_claim)
        wrong(&at, "a record of an epoch that was never opened");
    if (!is_claim)
        one_content(&at, &event->head.meta);
    taken = is_claim ? event->head.meta.epoch == judge->epoch + 1
                     : judge->epoch > 0 && event->head.meta.epoch == judge->epoch &&
                           event->head.meta.seq == judge->seq + 1;
    sim_say(sim, "%s/%d @%" PRId64 " %s%s (%" PRId64 ", %" PRId64 ")%s",
            sim_topic_name(at.processor), (int)at.partition, at.offset, taken ? "" : "SKIPPED ",
            ds_schema_ce_type(ds_audit_schema(at.processor), event), event->head.meta.epoch,
            event->head.meta.seq, event->head.meta.more ? " ..." : "");
    if (taken && is_claim)
        take_claim(&at, event);
    else if (taken)
        take(&at, event);
}

void sim_judge_event(struct sim *sim, int32_t processor, int32_t partition, int64_t offset)
{
    judge_record(
        &(struct at){sim, &sim->judges[processor][partition], processor, partition, offset, false});
}

void sim_judge_rewind(struct sim *sim, int32_t processor, int32_t partition)
{
    struct sim_judge *judge = &sim->judges[processor][partition];

    reset(judge);
    for (int64_t i = 0; i < sim->log[processor][partition].end; i++)
        judge_record(&(struct at){sim, judge, processor, partition, i, true});
}

/* ---- what leaves before its time ---- */

void sim_judge_dead_letter(struct sim *sim, int32_t processor, ds_str_t key)
{
    ds_str_t topic = ds_str_before(key, '/');
    ds_str_t rest = ds_str_after(key, '/');
    int64_t partition = -1;
    int64_t offset = -1;
    const struct sim_judge *judge;

    if (!ds_str_to_i64(ds_str_before(rest, '/'), &partition) ||
        !ds_str_to_i64(ds_str_after(rest, '/'), &offset) || partition < 0 ||
        partition >= sim->plan.partitions) {
        sim_fail(sim, "a dead letter has the key %.*s", DS_STR_ARG(key));
        return;
    }
    judge = &sim->judges[processor][partition];
    for (size_t i = 0; i < judge->taken_count; i++) {
        const struct ds_protocol_event *event =
            sim->log[processor][partition].records[judge->taken[i]].event;

        if (event->body.kind == DS_PROTOCOL_INPUT_REJECTED &&
            ds_str_eq(event->body.as.input_rejected.topic, topic) &&
            event->head.meta.cause.as.input_cause.offset == offset)
            return;
    }
    sim_fail(sim, "the dead letter %.*s leaves before its InputRejected is in the log",
             DS_STR_ARG(key));
}

/* Group offsets are for lag tools, and never ahead of the log. */
void sim_judge_hint(struct sim *sim, const struct ds_broker_hint *hint, int32_t topic)
{
    if (hint->next > sim->log[topic][hint->partition].end)
        sim_fail(sim, "%s/%d: a hint is beyond the end", sim_topic_name(topic),
                 (int)hint->partition);
}
