#include "tests/support/decider_kit.h"

#include "base/limits.h"
#include "decider/walk.h"
#include "tests/support/images.h"

#include <stdio.h>
#include <stdlib.h>

#define TYPES_BYTES   2048
#define REFUSAL_BYTES 128
#define LOG_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct record {
    size_t at; /* in the log */
    size_t bytes;
};

/* A snapshot under way, see check_snapshot(). */
struct check {
    ds_walk_t *walk;
    struct ds_images whole; /* the state when the walk began, taken at once */
    struct ds_images parts; /* the same, bit by bit while the state changed */
    size_t record_count;    /* of the log then */
    bool had_timer;
    struct ds_timer timer;
    char timer_of[DS_MAX_ID_BYTES + 1];
};

struct ds_decider_kit {
    const struct ds_decider *decider;
    void *settings; /* NULL: those of the test */
    const void *settings_used;
    void *state;
    ds_decision_t *decision;
    int64_t now_us;
    int64_t seq;
    int64_t offset; /* of the next input record */
    ds_buf_t log;
    struct record *records;
    size_t record_count;
    size_t record_room;
    size_t step_first; /* the last step's first record */
    ds_arena_t *step_arena;
    ds_arena_t *log_arena; /* of ds_kit_logged */
    void *step_events[DS_MAX_DECISION_RECORDS];
    char types[TYPES_BYTES];
    char refusal[REFUSAL_BYTES];
    char impossible[DS_ERROR_MESSAGE_BYTES];
    ds_buf_t fired; /* the deadlines that led to events, "-KIND-AGGREGATE-DUE " each */
    char aggregate[DS_MAX_ID_BYTES + 1];
    struct check check;
    void *restored; /* a state restored from the last snapshot, and evolved since; NULL: none yet */
    ds_decision_t *restored_decision;
};

static void fail(const ds_decider_kit_t *kit, const char *what, const ds_error_t *error)
{
    fprintf(stderr, "decider kit, %s: %s: %s\n", kit->decider->name, what,
            error != NULL ? error->message : "");
    abort();
}

static void must(const ds_decider_kit_t *kit, bool ok, const char *what, const ds_error_t *error)
{
    if (!ok)
        fail(kit, what, error);
}

static void use_defaults(ds_decider_kit_t *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    const char *positional[1];
    int positional_count = 0;
    bool help = false;

    if (kit->decider->options == NULL)
        return;
    kit->settings = calloc(1, kit->decider->settings_bytes);
    must(kit, kit->settings != NULL, "settings", NULL);
    must(kit,
         ds_options_parse(kit->decider->options, 0, NULL, kit->settings, positional,
                          &positional_count, &help, &error),
         "default settings", &error);
    kit->settings_used = kit->settings;
}

ds_decider_kit_t *ds_kit_new(const struct ds_decider *decider, const void *settings)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_decider_kit_t *kit = calloc(1, sizeof(*kit));
    if (kit == NULL)
        abort();
    kit->decider = decider;
    kit->settings_used = settings;
    if (settings == NULL)
        use_defaults(kit);
    kit->now_us = DS_KIT_START_US;
    ds_buf_init(&kit->log, LOG_BYTES_MAX);
    ds_buf_init(&kit->fired, LOG_BYTES_MAX);
    kit->decision = ds_decision_new(decider->events);
    kit->restored_decision = ds_decision_new(decider->events);
    kit->step_arena = ds_arena_new(4096, DS_MAX_DECODE_BYTES);
    kit->log_arena = ds_arena_new(4096, DS_MAX_DECODE_BYTES);
    must(kit,
         kit->decision != NULL && kit->restored_decision != NULL && kit->step_arena != NULL &&
             kit->log_arena != NULL,
         "no memory", NULL);
    kit->state = decider->state_new(kit->settings_used, &error);
    must(kit, kit->state != NULL, "state_new", &error);
    return kit;
}

static void end_check(ds_decider_kit_t *kit)
{
    ds_walk_end(kit->check.walk);
    kit->check.walk = NULL;
    ds_images_cleanup(&kit->check.whole);
    ds_images_cleanup(&kit->check.parts);
}

void ds_kit_destroy(ds_decider_kit_t *kit)
{
    if (kit == NULL)
        return;
    end_check(kit);
    if (kit->restored != NULL)
        kit->decider->state_destroy(kit->restored);
    kit->decider->state_destroy(kit->state);
    ds_decision_destroy(kit->restored_decision);
    ds_decision_destroy(kit->decision);
    ds_arena_destroy(kit->step_arena);
    ds_arena_destroy(kit->log_arena);
    ds_buf_cleanup(&kit->log);
    ds_buf_cleanup(&kit->fired);
    free(kit->records);
    free(kit->settings);
    free(kit);
}

int64_t ds_kit_now(const ds_decider_kit_t *kit)
{
    return kit->now_us;
}

void ds_kit_advance(ds_decider_kit_t *kit, int64_t us)
{
    kit->now_us += us;
}

static void append(ds_decider_kit_t *kit, const void *event)
{
    ds_error_t error = DS_ERROR_INIT;
    size_t at = kit->log.len;

    if (kit->record_count == kit->record_room) {
        size_t room = kit->record_room == 0 ? 64 : 2 * kit->record_room;
        struct record *records = realloc(kit->records, room * sizeof(*records));
        must(kit, records != NULL, "log", NULL);
        kit->records = records;
        kit->record_room = room;
    }
    must(kit, ds_schema_encode(kit->decider->events, event, &kit->log, &error), "encode an event",
         &error);
    kit->records[kit->record_count++] = (struct record){at, kit->log.len - at};
}

static void *read_back(const ds_decider_kit_t *kit, size_t i, ds_arena_t *arena)
{
    ds_error_t error = DS_ERROR_INIT;
    const struct record *record = &kit->records[i];
    void *event = ds_arena_alloc(arena, kit->decider->events->struct_bytes, &error);
    uint8_t *bytes = ds_arena_alloc(arena, record->bytes, &error);

    must(kit, event != NULL && bytes != NULL, "arena", &error);
    memcpy(bytes, kit->log.data + record->at, record->bytes);
    must(kit,
         ds_schema_decode(kit->decider->events, (ds_bytes_t){bytes, (uint32_t)record->bytes}, arena,
                          event, NULL, &error),
         "read an event back", &error);
    return event;
}

static void note_step(ds_decider_kit_t *kit, size_t first)
{
    size_t used = 0;

    kit->step_first = first;
    kit->types[0] = '\0';
    kit->refusal[0] = '\0';
    ds_arena_reset(kit->step_arena);
    for (size_t i = first; i < kit->record_count; i++) {
        const struct ds_schema *schema = kit->decider->events;
        void *event = read_back(kit, i, kit->step_arena);
        int n = snprintf(kit->types + used, TYPES_BYTES - used, "%s%s", used == 0 ? "" : ",",
                         ds_schema_ce_type(schema, event));
        must(kit, n > 0 && (size_t)n < TYPES_BYTES - used, "too many events for the list", NULL);
        used += (size_t)n;
        kit->step_events[i - first] = event;
    }
    if (kit->record_count - first == 1) {
        const struct ds_protocol_event *event = kit->step_events[0];
        if (event->body.kind == DS_PROTOCOL_COMMAND_REJECTED)
            must(kit,
                 ds_str_to_array(event->body.as.command_rejected.reason, kit->refusal,
                                 REFUSAL_BYTES),
                 "a long reason", NULL);
    }
}

static void evolve_record(const ds_decider_kit_t *kit, void *state, size_t i)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_arena_t *arena = ds_arena_new(1024, 2 * DS_MAX_DECODE_BYTES);
    must(kit, arena != NULL, "no memory", NULL);
    must(kit, kit->decider->evolve(state, read_back(kit, i, arena), &error), "evolve", &error);
    ds_arena_destroy(arena);
}

static void begin_check(ds_decider_kit_t *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    struct check *check = &kit->check;

    ds_images_of(&check->whole, kit->decider, kit->state);
    ds_images_init(&check->parts, kit->decider);
    check->record_count = kit->record_count;
    check->had_timer = kit->decider->next_timer(kit->state, NULL, &check->timer);
    must(kit,
         !check->had_timer ||
             ds_str_to_array(check->timer.aggregate, check->timer_of, sizeof(check->timer_of)),
         "a long id", NULL);
    check->walk = ds_walk_begin(kit->decider, kit->state, ds_images_take, &check->parts, &error);
    must(kit, check->walk != NULL, "begin a walk", &error);
}

static void must_agree(const ds_decider_kit_t *kit, const char *what, const struct ds_images *a,
                       const struct ds_images *b)
{
    const char *differ = ds_images_differ(a, b);

    if (differ == NULL)
        return;
    fprintf(stderr, "%s\n", differ);
    fail(kit, what, NULL);
}

static void must_agree_state(const ds_decider_kit_t *kit, const char *what,
                             const struct ds_images *a, void *state)
{
    struct ds_images b;

    ds_images_of(&b, kit->decider, state);
    must_agree(kit, what, a, &b);
    ds_images_cleanup(&b);
}

static void must_agree_timer(const ds_decider_kit_t *kit, const void *state)
{
    const struct check *check = &kit->check;
    struct ds_timer timer;
    bool has = kit->decider->next_timer(state, NULL, &timer);

    must(kit,
         has == check->had_timer &&
             (!has || (timer.kind == check->timer.kind && timer.due_us == check->timer.due_us &&
                       ds_str_eq(timer.aggregate, ds_str(check->timer_of)))),
         "a restored state has another deadline", NULL);
}

/* The walk saw the state as it was; a state made of that is that state; and what happened since
 * makes of it what it made of the state. */
static void complete_check(ds_decider_kit_t *kit)
{
    const struct check *check = &kit->check;
    struct ds_images now;
    void *state;

    must_agree(kit, "whole state, state bit by bit", &check->whole, &check->parts);
    state = ds_images_restore(&check->parts, kit->settings_used);
    must_agree_state(kit, "state, state restored", &check->whole, state);
    must_agree_timer(kit, state);
    for (size_t i = check->record_count; i < kit->record_count; i++)
        evolve_record(kit, state, i);
    ds_images_of(&now, kit->decider, kit->state);
    must_agree_state(kit, "state, state restored and evolved", &now, state);
    ds_images_cleanup(&now);
    if (kit->restored != NULL)
        kit->decider->state_destroy(kit->restored);
    kit->restored = state;
    end_check(kit);
}

static void check_snapshot(ds_decider_kit_t *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    bool done = false;

    if (kit->decider->item == NULL)
        return;
    if (kit->check.walk == NULL)
        begin_check(kit);
    else
        must(kit, ds_walk_next(kit->check.walk, &done, &error), "walk", &error);
    if (done)
        complete_check(kit);
}

static void set_cause(struct ds_meta *meta, const struct ds_input *input)
{
    if (input->kind == DS_INPUT_TIMER) {
        meta->cause.kind = DS_META_CAUSE_TIMER_CAUSE;
        meta->cause.as.timer_cause.aggregate = input->timer.aggregate;
        meta->cause.as.timer_cause.kind = input->timer.kind;
        meta->cause.as.timer_cause.due_at = input->timer.due_us;
    } else {
        meta->cause.kind = DS_META_CAUSE_INPUT_CAUSE;
        meta->cause.as.input_cause.input = input->number;
        meta->cause.as.input_cause.offset = input->offset;
    }
}

static void fill_meta(const ds_decider_kit_t *kit, ds_decision_t *decision,
                      const struct ds_input *input, size_t i)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_meta *meta = &((struct ds_event_head *)ds_decision_event(decision, i))->meta;

    meta->epoch = 1;
    meta->seq = kit->seq + (int64_t)i + 1;
    meta->more = i + 1 < ds_decision_count(decision);
    meta->at = kit->now_us;
    set_cause(meta, input);
    must(kit,
         ds_arena_printf(ds_decision_arena(decision), &meta->event_id, &error, "%s-0-%d-%lld-%zu",
                         kit->decider->name, (int)input->number, (long long)input->offset, i),
         "event id", &error);
}

static void decide(const ds_decider_kit_t *kit, const void *state, const struct ds_input *input,
                   const struct ds_context *context, ds_decision_t *decision)
{
    ds_error_t error = DS_ERROR_INIT;

    ds_decision_reset(decision, context);
    must(kit, kit->decider->decide(state, input, kit->now_us, decision, &error), "decide", &error);
    for (size_t i = 0; i < ds_decision_count(decision); i++)
        fill_meta(kit, decision, input, i);
}

/* A restored state decides the same, byte by byte. */
static void decide_restored(const ds_decider_kit_t *kit, const struct ds_input *input,
                            const struct ds_context *context)
{
    const struct ds_schema *schema = kit->decider->events;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t a;
    ds_buf_t b;
    size_t count;

    if (kit->restored == NULL)
        return;
    ds_buf_init(&a, LOG_BYTES_MAX);
    ds_buf_init(&b, LOG_BYTES_MAX);
    decide(kit, kit->restored, input, context, kit->restored_decision);
    count = ds_decision_count(kit->decision);
    must(kit, count == ds_decision_count(kit->restored_decision),
         "a restored state decides another number of events", NULL);
    for (size_t i = 0; i < count; i++)
        must(kit,
             ds_schema_encode(schema, ds_decision_event(kit->decision, i), &a, &error) &&
                 ds_schema_encode(schema, ds_decision_event(kit->restored_decision, i), &b, &error),
             "encode an event", &error);
    must(kit, ds_str_eq(ds_buf_str(&a), ds_buf_str(&b)), "a restored state decides another thing",
         NULL);
    ds_buf_cleanup(&a);
    ds_buf_cleanup(&b);
}

static void evolve_restored(const ds_decider_kit_t *kit, size_t first)
{
    for (size_t i = first; kit->restored != NULL && i < kit->record_count; i++)
        evolve_record(kit, kit->restored, i);
}

/* What the host does with an input: decide, append, evolve. The log is written before evolve runs,
 * for evolve may drop what the events borrow. */
static size_t step(ds_decider_kit_t *kit, const struct ds_input *input,
                   const struct ds_context *context)
{
    ds_error_t error = DS_ERROR_INIT;
    size_t first = kit->record_count;

    decide(kit, kit->state, input, context, kit->decision);
    decide_restored(kit, input, context);
    size_t count = ds_decision_count(kit->decision);
    for (size_t i = 0; i < count; i++)
        append(kit, ds_decision_event(kit->decision, i));
    kit->seq += (int64_t)count;
    for (size_t i = 0; i < count; i++)
        must(kit, kit->decider->evolve(kit->state, ds_decision_event(kit->decision, i), &error),
             "evolve", &error);
    evolve_restored(kit, first);
    note_step(kit, first);
    check_snapshot(kit);
    return count;
}

/* A copy of an input that has gone through its bytes and lives in memory of its own until the step
 * is over. */
struct passage {
    ds_buf_t bytes;
    ds_arena_t *arena;
    void *message;
};

static void passage_init(const ds_decider_kit_t *kit, struct passage *p,
                         const struct ds_schema *schema, const void *message)
{
    ds_error_t error = DS_ERROR_INIT;

    ds_buf_init(&p->bytes, DS_MAX_DECODE_BYTES);
    p->arena = ds_arena_new(1024, 2 * DS_MAX_DECODE_BYTES);
    must(kit, p->arena != NULL, "no memory", NULL);
    p->message = ds_arena_alloc(p->arena, schema->struct_bytes, &error);
    must(kit, p->message != NULL, "arena", &error);
    must(kit, ds_schema_encode(schema, message, &p->bytes, &error), "encode an input", &error);
    must(kit, ds_schema_decode(schema, ds_buf_bytes(&p->bytes), p->arena, p->message, NULL, &error),
         "decode an input", &error);
}

static void passage_cleanup(struct passage *p)
{
    ds_arena_destroy(p->arena);
    ds_buf_cleanup(&p->bytes);
}

static const struct ds_schema *schema_of(const ds_decider_kit_t *kit, int32_t number)
{
    for (size_t i = 0; i < kit->decider->input_count; i++) {
        if (kit->decider->inputs[i].number == number)
            return kit->decider->inputs[i].schema;
    }
    fail(kit, "no such input", NULL);
    return NULL;
}

size_t ds_kit_command_at(ds_decider_kit_t *kit, const void *command, int64_t appended_us)
{
    struct passage p;
    passage_init(kit, &p, schema_of(kit, 0), command);
    const struct ds_command_head *head = &((const struct ds_command_envelope *)p.message)->head;
    struct ds_context context = {
        .correlation_id = head->correlation_id,
        .actor = head->actor,
        .has_command = true,
        .command = {.id = head->command_id,
                    .body_hash = head->body_hash,
                    .appended_at = appended_us},
        .has_traceparent = head->has_traceparent,
        .traceparent = head->traceparent,
    };
    struct ds_input input = {.kind = DS_INPUT_COMMAND,
                             .number = 0,
                             .offset = kit->offset++,
                             .appended_us = appended_us,
                             .message = p.message};
    size_t count = step(kit, &input, &context);
    passage_cleanup(&p);
    return count;
}

size_t ds_kit_command(ds_decider_kit_t *kit, const void *command)
{
    return ds_kit_command_at(kit, command, kit->now_us);
}

size_t ds_kit_feed(ds_decider_kit_t *kit, int32_t number, const void *event)
{
    struct passage p;
    passage_init(kit, &p, schema_of(kit, number), event);
    const struct ds_context *theirs = &((const struct ds_event_head *)p.message)->context;
    struct ds_context context = {
        .correlation_id = theirs->correlation_id,
        .actor = {.kind = DS_ACTOR_KIND_SYSTEM, .id = ds_str(kit->decider->name)},
        .has_traceparent = theirs->has_traceparent,
        .traceparent = theirs->traceparent,
    };
    struct ds_input input = {.kind = DS_INPUT_EVENT,
                             .number = number,
                             .offset = kit->offset++,
                             .appended_us = kit->now_us,
                             .message = p.message};
    size_t count = step(kit, &input, &context);
    passage_cleanup(&p);
    return count;
}

static struct ds_input input_of(const ds_decider_kit_t *kit, int32_t number,
                                const struct passage *p)
{
    return (struct ds_input){.kind = number == 0 ? DS_INPUT_COMMAND : DS_INPUT_EVENT,
                             .number = number,
                             .offset = kit->offset,
                             .appended_us = kit->now_us,
                             .message = p->message};
}

const char *ds_kit_impossible(ds_decider_kit_t *kit, int32_t number, const void *message)
{
    struct passage p;
    const struct ds_context context = {.correlation_id = DS_STR("")};
    ds_error_t error = DS_ERROR_INIT;

    passage_init(kit, &p, schema_of(kit, number), message);
    const struct ds_input input = input_of(kit, number, &p);
    ds_decision_reset(kit->decision, &context);
    bool decided = kit->decider->decide(kit->state, &input, kit->now_us, kit->decision, &error);
    must(kit, !decided && error.code == DS_ERR_IMPOSSIBLE, "it is possible", &error);
    ds_decision_reset(kit->decision, &context);
    passage_cleanup(&p);
    (void)snprintf(kit->impossible, sizeof(kit->impossible), "%s", error.message);
    return kit->impossible;
}

const char *ds_kit_aggregate(ds_decider_kit_t *kit, int32_t number, const void *message)
{
    struct passage p;

    passage_init(kit, &p, schema_of(kit, number), message);
    const struct ds_input input = input_of(kit, number, &p);
    must(kit,
         ds_str_to_array(ds_decider_aggregate(kit->decider, &input), kit->aggregate,
                         sizeof(kit->aggregate)),
         "a long id", NULL);
    passage_cleanup(&p);
    return kit->aggregate;
}

size_t ds_kit_timer(ds_decider_kit_t *kit, ds_str_t aggregate, int32_t kind, int64_t due_us)
{
    struct ds_context context = {
        .actor = {.kind = DS_ACTOR_KIND_SYSTEM, .id = ds_str(kit->decider->name)}};
    struct ds_input input = {.kind = DS_INPUT_TIMER,
                             .number = -1,
                             .offset = -1,
                             .appended_us = due_us,
                             .timer = {aggregate, kind, due_us}};
    if (kit->now_us < due_us)
        kit->now_us = due_us;
    return step(kit, &input, &context);
}

/* The ids of what a deadline leads to are made of these three (docs/events.md, "meta"). */
static void note_fired(ds_decider_kit_t *kit, const char *aggregate, int32_t kind, int64_t due_us)
{
    char identity[DS_MAX_ID_BYTES + 64];
    ds_error_t error = DS_ERROR_INIT;

    (void)snprintf(identity, sizeof(identity), "-%d-%s-%lld ", (int)kind, aggregate,
                   (long long)due_us);
    must(kit, kit->fired.len == 0 || strstr((const char *)kit->fired.data, identity) == NULL,
         "a deadline fires again: its events have the ids of the first", NULL);
    if (kit->fired.len > 0)
        kit->fired.len--; /* the terminator */
    must(kit, ds_buf_append(&kit->fired, identity, strlen(identity) + 1, &error), "no memory",
         &error);
}

size_t ds_kit_fire(ds_decider_kit_t *kit)
{
    struct ds_timer timer;
    char aggregate[DS_MAX_ID_BYTES + 1];
    size_t count;

    must(kit, kit->decider->next_timer(kit->state, NULL, &timer), "no timer to fire", NULL);
    must(kit, ds_str_to_array(timer.aggregate, aggregate, sizeof(aggregate)), "a long id", NULL);
    count = ds_kit_timer(kit, ds_str(aggregate), timer.kind, timer.due_us);
    if (count > 0)
        note_fired(kit, aggregate, timer.kind, timer.due_us);
    return count;
}

bool ds_kit_next_timer(const ds_decider_kit_t *kit, struct ds_timer *timer_out)
{
    return kit->decider->next_timer(kit->state, NULL, timer_out);
}

void ds_kit_apply(ds_decider_kit_t *kit, const void *event)
{
    void *copy = malloc(kit->decider->events->struct_bytes);
    must(kit, copy != NULL, "no memory", NULL);
    memcpy(copy, event, kit->decider->events->struct_bytes);
    struct ds_meta *meta = &((struct ds_event_head *)copy)->meta;
    meta->epoch = 1;
    meta->seq = ++kit->seq;
    meta->at = kit->now_us;
    append(kit, copy);
    free(copy);
    evolve_record(kit, kit->state, kit->record_count - 1);
    evolve_restored(kit, kit->record_count - 1);
    note_step(kit, kit->record_count - 1);
    check_snapshot(kit);
}

const char *ds_kit_types(const ds_decider_kit_t *kit)
{
    return kit->types;
}

size_t ds_kit_count(const ds_decider_kit_t *kit)
{
    return kit->record_count - kit->step_first;
}

const void *ds_kit_event(const ds_decider_kit_t *kit, size_t i)
{
    must(kit, i < ds_kit_count(kit), "the last step has no such event", NULL);
    return kit->step_events[i];
}

const char *ds_kit_refusal(const ds_decider_kit_t *kit)
{
    return kit->refusal;
}

ds_decider_kit_t *ds_kit_replay(const ds_decider_kit_t *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_decider_kit_t *copy = ds_kit_new(kit->decider, kit->settings_used);

    copy->now_us = kit->now_us;
    copy->seq = kit->seq;
    copy->offset = kit->offset;
    must(copy, ds_buf_append(&copy->log, kit->log.data, kit->log.len, &error), "log", &error);
    copy->records = calloc(kit->record_room + 1, sizeof(*copy->records));
    must(copy, copy->records != NULL, "log", NULL);
    if (kit->record_count > 0)
        memcpy(copy->records, kit->records, kit->record_count * sizeof(*copy->records));
    copy->record_count = kit->record_count;
    copy->record_room = kit->record_room + 1;
    for (size_t i = 0; i < copy->record_count; i++)
        evolve_record(copy, copy->state, i);
    note_step(copy, kit->step_first);
    return copy;
}

static ds_str_t step_bytes(const ds_decider_kit_t *kit)
{
    if (ds_kit_count(kit) == 0)
        return (ds_str_t){NULL, 0};
    size_t at = kit->records[kit->step_first].at;
    return (ds_str_t){(const char *)kit->log.data + at, (uint32_t)(kit->log.len - at)};
}

bool ds_kit_same_step(const ds_decider_kit_t *a, const ds_decider_kit_t *b)
{
    return ds_str_eq(step_bytes(a), step_bytes(b));
}

size_t ds_kit_log_count(const ds_decider_kit_t *kit)
{
    return kit->record_count;
}

const void *ds_kit_logged(ds_decider_kit_t *kit, size_t i)
{
    must(kit, i < kit->record_count, "the log has no such event", NULL);
    ds_arena_reset(kit->log_arena);
    return read_back(kit, i, kit->log_arena);
}

const void *ds_kit_state(const ds_decider_kit_t *kit)
{
    return kit->state;
}
