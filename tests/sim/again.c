/* Every decision of the log, decided again on the state that the log before it leads to. A decider
 * is pure, so the same must come out: an owner whose memory was not the fold is found here,
 * whatever way it got there. */
#include "sim.h"
#include "stream/partition.h"
#include "stream/quarantine.h"
#include "stream/window.h"

#include <inttypes.h>

struct again {
    struct sim *sim;
    int32_t processor;
    int32_t partition;
    const struct ds_decider *decider;
    void *state;
    struct ds_window window;
    struct ds_quarantine quarantine;
    ds_decision_t *decision;
    ds_arena_t *arena;
    ds_buf_t bytes;
    void *message;
    const struct sim_judge *judge;
    const struct sim_decision *at; /* the logged one */
};

static const struct sim_record *logged(const struct again *a, int32_t i)
{
    const struct sim_part *part = &a->sim->log[a->processor][a->partition];

    return &part->records[a->judge->taken[a->at->first + i]];
}

static const struct ds_protocol_event *first_event(const struct again *a)
{
    return logged(a, 0)->event;
}

static void wrong(const struct again *a, const char *what)
{
    sim_fail(a->sim, "%s/%d offset %" PRId64 ": %s", sim_topic_name(a->processor),
             (int)a->partition, a->judge->taken[a->at->first], what);
}

static void must(const struct again *a, bool ok, const char *what)
{
    if (!ok)
        wrong(a, what);
}

/* ---- the input ---- */

static bool read_input(struct again *a, const struct ds_input_cause *cause,
                       struct ds_input *input_out, bool *readable_out)
{
    int32_t topic = sim_input_topic(a->processor, cause->input);
    const struct sim_record *r = &a->sim->log[topic][a->partition].records[cause->offset];
    const struct ds_schema *schema = ds_audit_schema(topic);
    ds_error_t error = DS_ERROR_INIT;

    *input_out =
        (struct ds_input){.kind = topic < DS_AUDIT_PROCESSORS ? DS_INPUT_EVENT : DS_INPUT_COMMAND,
                          .number = cause->input,
                          .offset = cause->offset,
                          .appended_us = r->appended_us};
    ds_arena_reset(a->arena);
    if (topic < DS_AUDIT_PROCESSORS) {
        input_out->message = r->event;
        *readable_out = r->event != NULL;
        return true;
    }
    a->message = ds_arena_alloc(a->arena, schema->struct_bytes, &error);
    input_out->message = a->message;
    /* In another partition than that of its key it is as good as unreadable. */
    *readable_out = a->message != NULL && r->has_key &&
                    ds_partition_of(r->key, a->sim->plan.partitions) == a->partition &&
                    ds_schema_decode(schema, r->value, a->arena, a->message, NULL, &error);
    return a->message != NULL;
}

/* ---- deciding ---- */

static bool decide_command(struct again *a, const struct ds_input *input, int64_t now_us,
                           ds_error_t *error)
{
    const struct ds_command_head *head =
        &((const struct ds_command_envelope *)input->message)->head;
    const struct ds_window_entry *seen =
        head->command_id.len == 0 ? NULL : ds_window_find(&a->window, head->command_id);

    if (seen != NULL)
        return ds_decision_repeat(a->decision, head->command_id,
                                  ds_window_same_body(seen, head->body_hash), seen->first_offset,
                                  error);
    if (!a->decider->decide(a->state, input, now_us, a->decision, error))
        return false;
    return ds_decision_count(a->decision) > 0 ||
           ds_decision_reject(
               a->decision, DS_STR(""),
               ds_str(ds_schema_ce_type(ds_audit_schema(DS_AUDIT_PROCESSORS + a->processor),
                                        input->message)),
               "NOTHING_TO_DO", error);
}

/* Body for body; the meta block and the context are the host's and are taken as they stand. */
static void compare(struct again *a)
{
    const struct ds_schema *schema = ds_audit_schema(a->processor);

    if (ds_decision_count(a->decision) != (size_t)a->at->count) {
        wrong(a, "decided again, it has another number of events");
        return;
    }
    for (int32_t i = 0; i < a->at->count; i++) {
        const struct sim_record *r = logged(a, i);
        struct ds_event_head *head = ds_decision_event(a->decision, (size_t)i);
        ds_error_t error = DS_ERROR_INIT;

        *head = *(const struct ds_event_head *)r->event;
        ds_buf_clear(&a->bytes);
        must(a, ds_schema_encode(schema, head, &a->bytes, &error), "it cannot be encoded");
        if (a->bytes.len != r->value.len || memcmp(a->bytes.data, r->value.data, r->value.len) != 0)
            wrong(a, "decided again, it has another content");
    }
}

static void decide_input(struct again *a, const struct ds_meta *meta)
{
    const struct ds_input_cause *cause = &meta->cause.as.input_cause;
    const struct ds_protocol_event *first = first_event(a);
    struct ds_context context = first->head.context;
    struct ds_input input;
    ds_error_t error = DS_ERROR_INIT;
    bool readable;

    if (!read_input(a, cause, &input, &readable)) {
        wrong(a, "no memory");
        return;
    }
    if (!readable || first->body.kind == DS_PROTOCOL_INPUT_REJECTED) {
        must(a, !readable && first->body.kind == DS_PROTOCOL_INPUT_REJECTED,
             "an input is rejected that can be read, or the other way round");
        return;
    }
    if (input.kind == DS_INPUT_COMMAND &&
        ds_schema_body_kind(ds_audit_schema(DS_AUDIT_PROCESSORS + a->processor), input.message) <
            DS_OPERATOR_KINDS)
        return; /* the host's */
    ds_decision_reset(a->decision, &context);
    must(a,
         input.kind == DS_INPUT_COMMAND
             ? decide_command(a, &input, meta->at, &error)
             : a->decider->decide(a->state, &input, meta->at, a->decision, &error),
         "it cannot be decided");
    compare(a);
}

/* One that waits has no content to compare: that it waits, and is told of in order, is the audit's.
 */
static bool waits(const struct again *a)
{
    int32_t kind = first_event(a)->body.kind;

    return kind == DS_PROTOCOL_AGGREGATE_QUARANTINED || kind == DS_PROTOCOL_INPUT_HELD;
}

/* What had waited, on the state of then: the same again, or nothing where it was passed. */
static void decide_held(struct again *a, const struct ds_meta *meta)
{
    const struct ds_held_cause *of = &meta->cause.as.held_cause;
    const struct ds_input_cause cause = {of->input, of->offset, of->epoch, of->seq,
                                         of->fingerprint};
    struct ds_context context = first_event(a)->head.context;
    struct ds_input input;
    ds_error_t error = DS_ERROR_INIT;
    bool readable;

    if (!read_input(a, &cause, &input, &readable) || !readable) {
        wrong(a, "what had waited cannot be read");
        return;
    }
    ds_decision_reset(a->decision, &context);
    must(a,
         input.kind == DS_INPUT_COMMAND
             ? decide_command(a, &input, meta->at, &error)
             : a->decider->decide(a->state, &input, meta->at, a->decision, &error),
         "it cannot be decided");
    if (first_event(a)->body.kind == DS_PROTOCOL_INPUT_PASSED)
        must(a, ds_decision_count(a->decision) == 0, "decided again, it is not passed");
    else
        compare(a);
}

static bool is_held(const void *quarantine, ds_str_t aggregate)
{
    return ds_quarantine_find(quarantine, aggregate) != NULL;
}

static void decide_timer(struct again *a, const struct ds_meta *meta)
{
    const struct ds_timer_cause *cause = &meta->cause.as.timer_cause;
    struct ds_context context = first_event(a)->head.context;
    struct ds_input input = {.kind = DS_INPUT_TIMER,
                             .number = -1,
                             .offset = -1,
                             .appended_us = cause->due_at,
                             .timer = {cause->aggregate, cause->kind, cause->due_at}};
    const struct ds_timer_skip skip = {is_held, &a->quarantine};
    ds_error_t error = DS_ERROR_INIT;
    struct ds_timer next;

    if (!a->decider->next_timer(a->state, &skip, &next) || next.kind != cause->kind ||
        next.due_us != cause->due_at || !ds_str_eq(next.aggregate, cause->aggregate)) {
        wrong(a, "a deadline fires that is not the next");
        return;
    }
    ds_decision_reset(a->decision, &context);
    must(a, a->decider->decide(a->state, &input, meta->at, a->decision, &error),
         "it cannot be decided");
    compare(a);
}

/* Where the command stands; -1: none. */
static int64_t first_offset(const struct ds_meta *meta)
{
    if (meta->cause.kind == DS_META_CAUSE_INPUT_CAUSE && meta->cause.as.input_cause.input == 0)
        return meta->cause.as.input_cause.offset;
    if (meta->cause.kind == DS_META_CAUSE_HELD_CAUSE && meta->cause.as.held_cause.input == 0)
        return meta->cause.as.held_cause.offset;
    return -1;
}

static void apply(struct again *a)
{
    for (int32_t i = 0; i < a->at->count; i++) {
        const struct ds_protocol_event *event = logged(a, i)->event;
        const struct ds_context *context = &event->head.context;
        const struct ds_meta *meta = &event->head.meta;
        bool was_held = meta->cause.kind == DS_META_CAUSE_HELD_CAUSE;
        ds_error_t error = DS_ERROR_INIT;

        must(a, ds_quarantine_fold(&a->quarantine, a->decider, event, i == 0, &error),
             error.message);
        if (context->has_command && context->command.id.len > 0 &&
            event->body.kind != DS_PROTOCOL_COMMAND_REPEATED)
            must(a,
                 ds_window_add(&a->window, context->command.id, context->command.body_hash,
                               was_held ? meta->at : context->command.appended_at,
                               first_offset(meta), &error),
                 "no memory");
        if (event->body.kind >= DS_PROTOCOL_COMMAND_REJECTED)
            must(a, a->decider->evolve(a->state, event, &error), "it cannot be applied");
    }
}

static void run(struct again *a)
{
    for (size_t i = 0; i < a->judge->decision_count && !a->sim->failed; i++) {
        const struct ds_meta *meta;

        a->at = &a->judge->decisions[i];
        meta = &first_event(a)->head.meta;
        if (waits(a))
            ; /* nothing was decided */
        else if (meta->cause.kind == DS_META_CAUSE_HELD_CAUSE)
            decide_held(a, meta);
        else if (meta->cause.kind == DS_META_CAUSE_INPUT_CAUSE)
            decide_input(a, meta);
        else if (meta->cause.kind == DS_META_CAUSE_TIMER_CAUSE)
            decide_timer(a, meta);
        apply(a);
    }
}

void sim_decide_again(struct sim *sim, int32_t processor, int32_t partition)
{
    struct again a = {.sim = sim,
                      .processor = processor,
                      .partition = partition,
                      .decider = sim_decider(processor),
                      .judge = &sim->judges[processor][partition]};
    ds_error_t error = DS_ERROR_INIT;

    a.state = a.decider->state_new(sim_settings(processor), &error);
    a.decision = ds_decision_new(a.decider->events);
    a.arena = ds_arena_new((size_t)64 * 1024, (size_t)16 * 1024 * 1024);
    ds_window_init(&a.window, 4096);
    ds_buf_init(&a.bytes, DS_MAX_DECISION_BYTES);
    if (a.state == NULL || a.decision == NULL || a.arena == NULL)
        sim_fail(sim, "no memory to decide again");
    else
        run(&a);
    ds_buf_cleanup(&a.bytes);
    ds_window_cleanup(&a.window);
    ds_quarantine_clear(&a.quarantine);
    ds_arena_destroy(a.arena);
    ds_decision_destroy(a.decision);
    if (a.state != NULL)
        a.decider->state_destroy(a.state);
}
