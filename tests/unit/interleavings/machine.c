#include "machine.h"

#include "base/limits.h"
#include "decider/walk.h"

#include <stdio.h>
#include <stdlib.h>

#define ITEMS_MAX     32
#define ARENA_BYTES   (16 * 1024)
#define CHOICES_MAX   256
#define FAILURE_BYTES 400

#define BLOCK_EVENTS ((size_t)1 << 14)

struct choices {
    struct choice *all; /* owned */
    size_t count;
    bool known;
};

struct machine {
    enum part part;
    int whens;
    const struct ds_decider *decider;
    messages_t *book;
    pool_t *states;
    struct facts *facts; /* of each state; so are the next two */
    struct choices *choices;
    struct choices *timers;
    uint32_t facts_count;
    memo_t *known; /* (state, message, when) to a step */
    struct outcome *steps;
    uint32_t step_count;
    uint32_t events[DS_MAX_DECISION_RECORDS]; /* of the step that is being worked out */
    uint32_t event_count;
    uint32_t **blocks; /* the events of all steps; what is in there stays where it is */
    size_t block_count;
    size_t block_left;
    void *live; /* a state put together, not changed since; NULL: none */
    uint32_t live_state;
    ds_decision_t *decision;
    ds_arena_t *arena; /* of decoded images */
    ds_buf_t images;   /* of a walk, one after the other */
    uint32_t image_ends[ITEMS_MAX];
    size_t image_count;
    ds_buf_t whole; /* the canonical form */
    void *copy;     /* of an event */
};

/* ---- states to numbers, and back ---- */

static bool take(void *context, const void *item, ds_error_t *error)
{
    machine_t *m = context;

    if (m->image_count == ITEMS_MAX)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_LIMIT, "too many images");
    if (!ds_schema_encode(m->decider->item, item, &m->images, error))
        return false;
    m->image_ends[m->image_count++] = (uint32_t)m->images.len;
    return true;
}

static bool walk(machine_t *m, void *state, ds_error_t *error)
{
    ds_walk_t *way = ds_walk_begin(m->decider, state, take, m, error);
    bool done = way == NULL;
    bool ok = way != NULL;

    ds_buf_clear(&m->images);
    m->image_count = 0;
    while (ok && !done)
        ok = ds_walk_next(way, &done, error);
    ds_walk_end(way);
    return ok;
}

static void *decode_item(machine_t *m, ds_bytes_t bytes, ds_error_t *error)
{
    void *item = ds_arena_alloc(m->arena, m->decider->item->struct_bytes, error);

    return item != NULL && ds_schema_decode(m->decider->item, bytes, m->arena, item, NULL, error)
               ? item
               : NULL;
}

static int by_bytes(const void *a, const void *b)
{
    return ds_str_cmp(*(const ds_str_t *)a, *(const ds_str_t *)b);
}

/* One text for the state: the images, each behind its length, in the order of their bytes. */
static bool join(machine_t *m, ds_str_t *images, size_t count, ds_error_t *error)
{
    if (count > 1)
        qsort(images, count, sizeof(*images), by_bytes);
    ds_buf_clear(&m->whole);
    for (size_t i = 0; i < count; i++) {
        if (!ds_buf_append(&m->whole, &images[i].len, sizeof(images[i].len), error) ||
            !ds_buf_append_str(&m->whole, images[i], error))
            return false;
    }
    return true;
}

/* The canonical form of what was walked, into `whole`. */
static bool canonical(machine_t *m, ds_error_t *error)
{
    void *items[ITEMS_MAX];
    ds_str_t texts[ITEMS_MAX];
    size_t count = m->image_count;
    uint32_t from = 0;

    ds_arena_reset(m->arena);
    for (size_t i = 0; i < count; i++) {
        items[i] =
            decode_item(m, (ds_bytes_t){m->images.data + from, m->image_ends[i] - from}, error);
        if (items[i] == NULL)
            return false;
        from = m->image_ends[i];
    }
    canon_items(m->part, items, count);
    ds_buf_clear(&m->whole);
    uint32_t ends[ITEMS_MAX];
    for (size_t i = 0; i < count; i++) {
        if (!ds_schema_encode(m->decider->item, items[i], &m->whole, error))
            return false;
        ends[i] = (uint32_t)m->whole.len;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t begin = i == 0 ? 0 : ends[i - 1];
        if (!ds_arena_dup(m->arena,
                          (ds_str_t){(const char *)m->whole.data + begin, ends[i] - begin},
                          &texts[i], error))
            return false;
    }
    return join(m, texts, count, error);
}

/* Calls `each` for every image of a numbered state. */
static bool for_images(machine_t *m, uint32_t state,
                       bool (*each)(machine_t *m, void *context, const void *item,
                                    ds_error_t *error),
                       void *context, ds_error_t *error)
{
    size_t len = 0;
    const uint8_t *bytes = pool_get(m->states, state, &len);
    const uint8_t *end = bytes + len;

    while (bytes < end) {
        uint32_t item_bytes;
        memcpy(&item_bytes, bytes, sizeof(item_bytes));
        bytes += sizeof(item_bytes);
        ds_arena_reset(m->arena);
        const void *item = decode_item(m, (ds_bytes_t){bytes, item_bytes}, error);
        if (item == NULL || !each(m, context, item, error))
            return false;
        bytes += item_bytes;
    }
    return true;
}

static bool restore_item(machine_t *m, void *context, const void *item, ds_error_t *error)
{
    return m->decider->restore(context, item, error);
}

static bool learn_item(machine_t *m, void *context, const void *item, ds_error_t *error)
{
    (void)error;
    facts_add(context, m->part, item);
    return true;
}

static void drop_live(machine_t *m)
{
    if (m->live != NULL)
        m->decider->state_destroy(m->live);
    m->live = NULL;
}

/* The decider must see the earliest of the deadlines that the images hold. */
static bool check_timer(machine_t *m, uint32_t state, ds_error_t *error)
{
    const struct facts *facts = &m->facts[state];
    struct ds_timer next;
    int64_t least_us = INT64_MAX;

    for (size_t i = 0; i < facts->timer_count; i++) {
        if (facts->timers[i].due_us < least_us)
            least_us = facts->timers[i].due_us;
    }
    if (m->decider->next_timer(m->live, NULL, &next) ? next.due_us == least_us
                                                     : facts->timer_count == 0)
        return true;
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                        "next_timer is not the earliest deadline of the images");
}

static bool check_restored(machine_t *m, uint32_t state, ds_error_t *error)
{
    size_t len = 0;
    const void *bytes = pool_get(m->states, state, &len);

    if (!walk(m, m->live, error) || !canonical(m, error))
        return false;
    if (m->whole.len == len && (len == 0 || memcmp(m->whole.data, bytes, len) == 0))
        return check_timer(m, state, error);
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                        "a restored state has other images than the one it was taken of");
}

static bool load(machine_t *m, uint32_t state, ds_error_t *error)
{
    if (m->live != NULL && m->live_state == state)
        return true;
    drop_live(m);
    m->live = m->decider->state_new(canon_settings(m->part), error);
    m->live_state = state;
    return m->live != NULL && for_images(m, state, restore_item, m->live, error) &&
           m->decider->restored(m->live, error) && check_restored(m, state, error);
}

static bool number_state(machine_t *m, uint32_t *state_out, ds_error_t *error)
{
    if (!walk(m, m->live, error) || !canonical(m, error))
        return false;
    uint32_t state = *state_out = pool_id(m->states, m->whole.data, m->whole.len);
    if (state < m->facts_count)
        return true;
    if ((state & (state + 1)) == 0) {
        size_t room = ((size_t)state + 1) * 2;
        m->facts = must_realloc(m->facts, room, sizeof(*m->facts));
        m->choices = must_realloc(m->choices, room, sizeof(*m->choices));
        m->timers = must_realloc(m->timers, room, sizeof(*m->timers));
    }
    m->facts_count = state + 1;
    memset(&m->facts[state], 0, sizeof(m->facts[state]));
    m->choices[state] = m->timers[state] = (struct choices){NULL, 0, false};
    return for_images(m, state, learn_item, &m->facts[state], error);
}

/* ---- a step ---- */

static struct ds_context context_of(const struct message *message)
{
    if (message->kind == A_COMMAND) {
        const struct ds_command_envelope *command = message->value;
        return (struct ds_context){
            .correlation_id = command->head.correlation_id,
            .actor = command->head.actor,
            .has_command = true,
            .command = {command->head.command_id, command->head.body_hash, CANON_NOW_US},
        };
    }
    return (struct ds_context){
        .correlation_id =
            message->kind == AN_EVENT
                ? ((const struct ds_event_head *)message->value)->context.correlation_id
                : DS_STR(""),
        .actor = {.kind = DS_ACTOR_KIND_SYSTEM, .id = DS_STR("")},
    };
}

int32_t machine_input(enum part to, enum part from)
{
    const struct ds_decider *decider = deciders[to];

    for (size_t i = 0; i < decider->input_count; i++) {
        if (decider->inputs[i].schema == deciders[from]->events)
            return decider->inputs[i].number;
    }
    return -1;
}

static struct ds_input input_of(const machine_t *m, const struct message *message)
{
    struct ds_input input = {.kind = DS_INPUT_TIMER, .number = -1, .offset = -1};

    if (message->kind == A_TIMER) {
        input.timer = message->timer;
        input.appended_us = message->timer.due_us;
        return input;
    }
    input.kind = message->kind == A_COMMAND ? DS_INPUT_COMMAND : DS_INPUT_EVENT;
    input.number = message->kind == A_COMMAND ? 0 : machine_input(m->part, message->part);
    input.offset = 0;
    input.appended_us = CANON_NOW_US - (message->stale ? canon_stale_us : 0);
    input.message = message->value;
    return input;
}

static void note_event(machine_t *m, const void *event)
{
    memcpy(m->copy, event, m->decider->events->struct_bytes);
    canon_event(m->part, m->copy);
    m->events[m->event_count++] = messages_event(m->book, m->part, m->copy);
}

static bool run(machine_t *m, uint32_t state, uint32_t id, enum when when, uint32_t *state_out,
                ds_error_t *error)
{
    const struct message message = *messages_get(m->book, id);
    struct ds_context context = context_of(&message);
    struct ds_input input = input_of(m, &message);
    int64_t now_us = canon_now(&message, when);

    *state_out = state;
    if (!load(m, state, error))
        return false;
    ds_decision_reset(m->decision, &context);
    if (!m->decider->decide(m->live, &input, now_us, m->decision, error))
        return false;
    size_t count = ds_decision_count(m->decision);
    for (size_t i = 0; i < count; i++) {
        struct ds_event_head *event = ds_decision_event(m->decision, i);
        event->meta.at = now_us;
        if (message.kind != A_TIMER) {
            event->meta.cause.kind = DS_META_CAUSE_INPUT_CAUSE;
            event->meta.cause.as.input_cause.input = input.number;
        }
        note_event(m, event);
    }
    for (size_t i = 0; i < count; i++) {
        if (!m->decider->evolve(m->live, ds_decision_event(m->decision, i), error))
            return false;
    }
    return count == 0 || number_state(m, state_out, error);
}

static const uint32_t *keep_events(machine_t *m)
{
    if (m->event_count == 0)
        return NULL;
    if (m->block_left < m->event_count) {
        m->blocks = must_realloc(m->blocks, m->block_count + 1, sizeof(*m->blocks));
        m->blocks[m->block_count++] = must_alloc(BLOCK_EVENTS, sizeof(uint32_t));
        m->block_left = BLOCK_EVENTS;
    }
    uint32_t *place = m->blocks[m->block_count - 1] + (BLOCK_EVENTS - m->block_left);
    memcpy(place, m->events, m->event_count * sizeof(*place));
    m->block_left -= m->event_count;
    return place;
}

static const char *failure_text(const ds_error_t *error)
{
    char *text = must_alloc(FAILURE_BYTES, 1);
    (void)snprintf(text, FAILURE_BYTES, "%s", error->message);
    return text;
}

struct outcome machine_step(machine_t *m, uint32_t state, uint32_t message, enum when when)
{
    uint64_t key = ((uint64_t)state << 34) | ((uint64_t)message << 2) | (uint64_t)when;
    uint32_t number;
    ds_error_t error = DS_ERROR_INIT;
    struct outcome outcome = {.state = state};

    if (memo_get(m->known, key, &number))
        return m->steps[number];
    m->event_count = 0;
    if (!run(m, state, message, when, &outcome.state, &error))
        outcome.failure = failure_text(&error);
    outcome.count = m->event_count;
    outcome.events = keep_events(m);
    if (outcome.count > 0 || outcome.failure != NULL)
        drop_live(m); /* it has gone on */
    if (m->step_count % 1024 == 0)
        m->steps = must_realloc(m->steps, m->step_count + 1024, sizeof(*m->steps));
    m->steps[m->step_count] = outcome;
    memo_put(m->known, key, m->step_count++);
    return outcome;
}

static void must_not_fail(const machine_t *m, bool ok, const ds_error_t *error)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s: %s\n", m->decider->name, error->message);
    exit(70);
}

bool machine_ignores(machine_t *m, uint32_t state, uint32_t id)
{
    const struct message *message = messages_get(m->book, id);
    struct ds_context context = context_of(message);
    struct ds_input input = input_of(m, message);
    ds_error_t error = DS_ERROR_INIT;

    must_not_fail(m, load(m, state, &error), &error);
    ds_decision_reset(m->decision, &context);
    must_not_fail(
        m, m->decider->decide(m->live, &input, canon_now(message, EARLY), m->decision, &error),
        &error);
    return ds_decision_count(m->decision) == 0;
}

bool machine_ignores_repeat(machine_t *m, uint32_t state)
{
    struct ds_context context = {.correlation_id = DS_STR("c")};
    ds_error_t error = DS_ERROR_INIT;
    uint32_t after;

    must_not_fail(m, load(m, state, &error), &error);
    ds_decision_reset(m->decision, &context);
    must_not_fail(m,
                  ds_decision_repeat(m->decision, DS_STR("id"), true, 0, &error) &&
                      m->decider->evolve(m->live, ds_decision_event(m->decision, 0), &error) &&
                      number_state(m, &after, &error),
                  &error);
    drop_live(m);
    return after == state;
}

/* ---- choices ---- */

static bool same_outcome(const struct outcome *a, const struct outcome *b)
{
    return a->state == b->state && a->count == b->count && a->failure == b->failure &&
           (a->count == 0 || memcmp(a->events, b->events, a->count * sizeof(*a->events)) == 0);
}

static bool is_rejection(const machine_t *m, const struct outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->count; i++) {
        if (messages_get(m->book, outcome->events[i])->body >= DS_PROTOCOL_KINDS)
            return false;
    }
    return true;
}

/* Steps that lead nowhere are left out, and those that another one stands for. */
static void add_choices(machine_t *m, struct choices *to, uint32_t state, uint32_t message)
{
    size_t first = to->count;

    for (int when = 0; when < m->whens; when++) {
        struct outcome outcome = machine_step(m, state, message, (enum when)when);
        bool known = outcome.failure == NULL && outcome.state == state && is_rejection(m, &outcome);
        for (size_t i = first; i < to->count && !known; i++)
            known = same_outcome(&outcome, &to->all[i].outcome);
        if (known)
            continue;
        to->all = must_realloc(to->all, to->count + 1, sizeof(*to->all));
        to->all[to->count++] = (struct choice){message, (enum when)when, outcome};
    }
}

const struct choice *machine_choices(machine_t *m, uint32_t state, const uint32_t *messages,
                                     size_t count, size_t *count_out)
{
    if (!m->choices[state].known) {
        struct choices found = {NULL, 0, true};
        for (size_t i = 0; i < count; i++)
            add_choices(m, &found, state, messages[i]);
        m->choices[state] = found;
    }
    *count_out = m->choices[state].count;
    return m->choices[state].all;
}

const struct choice *machine_timers(machine_t *m, uint32_t state, size_t *count_out)
{
    if (!m->timers[state].known) {
        struct choices found = {NULL, 0, true};
        const struct facts facts = m->facts[state];
        for (size_t i = 0; i < facts.timer_count; i++)
            add_choices(m, &found, state, messages_timer(m->book, m->part, &facts.timers[i]));
        m->timers[state] = found;
    }
    *count_out = m->timers[state].count;
    return m->timers[state].all;
}

/* ---- */

machine_t *machine_new(enum part part, messages_t *book, int whens)
{
    ds_error_t error = DS_ERROR_INIT;
    machine_t *m = must_alloc(1, sizeof(*m));
    uint32_t empty;

    m->part = part;
    m->whens = canon_minds_time(part) ? whens : 1;
    m->decider = deciders[part];
    m->book = book;
    m->states = pool_new();
    m->known = memo_new();
    m->decision = ds_decision_new(m->decider->events);
    m->arena = ds_arena_new(ARENA_BYTES, DS_MAX_DECODE_BYTES);
    m->copy = must_alloc(1, m->decider->events->struct_bytes);
    ds_buf_init(&m->images, (size_t)ITEMS_MAX * DS_MAX_RECORD_BYTES);
    ds_buf_init(&m->whole, (size_t)ITEMS_MAX * DS_MAX_RECORD_BYTES);
    m->live = m->decider->state_new(canon_settings(part), &error);
    if (m->decision == NULL || m->arena == NULL || m->live == NULL ||
        !number_state(m, &empty, &error) || empty != MACHINE_EMPTY) {
        (void)fprintf(stderr, "%s: %s\n", m->decider->name, error.message);
        exit(70);
    }
    return m;
}

static void drop_choices(struct choices *choices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(choices[i].all);
    free(choices);
}

void machine_destroy(machine_t *m)
{
    if (m == NULL)
        return;
    drop_live(m);
    drop_choices(m->choices, m->facts_count);
    drop_choices(m->timers, m->facts_count);
    for (uint32_t i = 0; i < m->step_count; i++)
        free((char *)(uintptr_t)m->steps[i].failure);
    for (size_t i = 0; i < m->block_count; i++)
        free(m->blocks[i]);
    free(m->blocks);
    free(m->steps);
    free(m->facts);
    free(m->copy);
    memo_destroy(m->known);
    pool_destroy(m->states);
    ds_decision_destroy(m->decision);
    ds_arena_destroy(m->arena);
    ds_buf_cleanup(&m->images);
    ds_buf_cleanup(&m->whole);
    free(m);
}

int machine_whens(const machine_t *m)
{
    return m->whens;
}

const struct facts *machine_facts(const machine_t *m, uint32_t state)
{
    return &m->facts[state];
}

uint32_t machine_states(const machine_t *m)
{
    return m->facts_count;
}

uint32_t machine_decisions(const machine_t *m)
{
    return m->step_count;
}
