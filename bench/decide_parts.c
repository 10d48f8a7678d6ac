/* The deciders of an order, fed one input after another without a host: what is timed is decide and
 * evolve alone. Their heap is counted by malloc itself, which this program brings along. */
#include "decide.h"
#include "processors/delivery/delivery.h"
#include "processors/inventory/inventory.h"
#include "processors/order/order.h"
#include "processors/payment/payment.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KINDS_MAX   64
#define RECORDS_MAX (1 << 16)
#define START_US    INT64_C(1700000000000000)

/* ---- the heap ---- */

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void __libc_free(void *memory);

static int64_t live_bytes; /* with the word in front of each block */

static void *count(void *memory, int64_t sign)
{
    if (memory != NULL)
        live_bytes += sign * (int64_t)(malloc_usable_size(memory) + sizeof(size_t));
    return memory;
}

void *malloc(size_t bytes)
{
    return count(__libc_malloc(bytes), 1);
}

void *calloc(size_t items, size_t bytes)
{
    return count(__libc_calloc(items, bytes), 1);
}

void *realloc(void *memory, size_t bytes)
{
    (void)count(memory, -1);
    return count(__libc_realloc(memory, bytes), 1);
}

void free(void *memory)
{
    __libc_free(count(memory, -1));
}

/* ---- the parts ---- */

static const struct ds_decider *const deciders[PARTS] = {&ds_order_decider, &ds_inventory_decider,
                                                         &ds_payment_decider, &ds_delivery_decider};

/* Whose events a part reads, under which number. */
static const struct {
    enum part from, to;
    int32_t input;
} ways[] = {
    {INVENTORY, ORDER, DS_ORDER_INPUT_INVENTORY}, {PAYMENT, ORDER, DS_ORDER_INPUT_PAYMENT},
    {DELIVERY, ORDER, DS_ORDER_INPUT_DELIVERY},   {ORDER, INVENTORY, 1},
    {ORDER, PAYMENT, DS_PAYMENT_INPUT_ORDER},     {ORDER, DELIVERY, 1},
};

/* Times of one kind of input, in nanoseconds. */
struct kind {
    enum part part;
    bool of_order; /* a command of one order */
    bool is_event;
    const char *name;
    uint32_t *ns;
    size_t count, room, events;
};

/* An event on its way to who reads it. */
struct record {
    enum part from;
    size_t at, bytes; /* in the log */
};

struct parts {
    const struct ds_runtime *runtime;
    parts_see_fn see;
    void *context;
    void *settings[PARTS];
    void *states[PARTS];
    ds_decision_t *decisions[PARTS];
    int64_t bytes[PARTS];
    int64_t seq, offset, now_us;
    ds_arena_t *arena;
    ds_buf_t log;
    struct record *records;
    size_t record_count, record_next;
    struct kind kinds[KINDS_MAX];
    size_t kind_count;
};

static _Noreturn void fail(const char *what, const ds_error_t *error)
{
    (void)fprintf(stderr, "bench decide: %s: %s\n", what, error == NULL ? "" : error->message);
    exit(EXIT_FAILURE);
}

static void make_part(struct parts *p, int part)
{
    const struct ds_decider *decider = deciders[part];
    const char *positional[1];
    ds_error_t error = DS_ERROR_INIT;
    int count_of = 0;
    bool help = false;

    p->settings[part] = calloc(1, decider->settings_bytes + 1);
    if (p->settings[part] == NULL ||
        (decider->options != NULL && !ds_options_parse(decider->options, 0, NULL, p->settings[part],
                                                       positional, &count_of, &help, &error)))
        fail("settings", &error);
    p->states[part] = decider->state_new(p->settings[part], &error);
    p->decisions[part] = ds_decision_new(decider->events);
    if (p->states[part] == NULL || p->decisions[part] == NULL)
        fail("a state", &error);
}

struct parts *parts_new(const struct ds_runtime *runtime, parts_see_fn see, void *context)
{
    struct parts *p = calloc(1, sizeof *p);

    if (p == NULL)
        fail("memory", NULL);
    *p = (struct parts){.runtime = runtime, .see = see, .context = context, .now_us = START_US};
    p->arena = ds_arena_new(1 << 16, 1 << 26);
    p->records = calloc(RECORDS_MAX, sizeof *p->records);
    ds_buf_init(&p->log, (size_t)1 << 28);
    if (p->arena == NULL || p->records == NULL)
        fail("memory", NULL);
    for (int part = 0; part < PARTS; part++)
        make_part(p, part);
    return p;
}

void parts_destroy(struct parts *p)
{
    for (int part = 0; part < PARTS; part++) {
        deciders[part]->state_destroy(p->states[part]);
        ds_decision_destroy(p->decisions[part]);
        free(p->settings[part]);
    }
    for (size_t i = 0; i < p->kind_count; i++)
        free(p->kinds[i].ns);
    ds_arena_destroy(p->arena);
    ds_buf_cleanup(&p->log);
    free(p->records);
    free(p);
}

/* ---- times ---- */

static struct kind *kind_of(struct parts *p, enum part part, const char *name)
{
    size_t i = 0;

    while (i < p->kind_count && (p->kinds[i].part != part || p->kinds[i].name != name))
        i++;
    if (i == KINDS_MAX)
        fail("too many kinds of input", NULL);
    if (i == p->kind_count)
        p->kinds[p->kind_count++] = (struct kind){.part = part, .name = name};
    return &p->kinds[i];
}

static void note_time(struct kind *kind, int64_t ns)
{
    if (kind->count == kind->room) {
        kind->room = kind->room == 0 ? 1024 : 2 * kind->room;
        kind->ns = realloc(kind->ns, kind->room * sizeof *kind->ns);
        if (kind->ns == NULL)
            fail("memory", NULL);
    }
    kind->ns[kind->count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

void parts_print_times(struct parts *p, double *worst_us_out, double *worst_event_us_out)
{
    const char *comma = "";
    double other = 0;

    *worst_us_out = *worst_event_us_out = 0;
    printf("{");
    for (size_t i = 0; i < p->kind_count; i++) {
        const struct kind *kind = &p->kinds[i];
        double *worst = kind->is_event   ? worst_event_us_out
                        : kind->of_order ? worst_us_out
                                         : &other;

        if (kind->count == 0)
            continue;
        qsort(kind->ns, kind->count, sizeof *kind->ns, by_size);
        double median_us = kind->ns[kind->count / 2] / 1000.0;
        printf("%s\n  \"%s: %s\": {\"count\": %zu, \"events\": %.1f, \"medianUs\": %.2f}", comma,
               parts_name(kind->part), kind->name, kind->count,
               (double)kind->events / (double)kind->count, median_us);
        comma = ",";
        if (median_us > *worst)
            *worst = median_us;
    }
    printf("}");
}

/* ---- feeding ---- */

const char *parts_name(enum part part)
{
    return deciders[part]->name;
}

int64_t parts_bytes(const struct parts *p, enum part part)
{
    return p->bytes[part];
}

static void fill_meta(struct parts *p, ds_decision_t *decision, const struct ds_input *input)
{
    ds_error_t error = DS_ERROR_INIT;

    for (size_t i = 0; i < ds_decision_count(decision); i++) {
        struct ds_meta *meta = &((struct ds_event_head *)ds_decision_event(decision, i))->meta;

        meta->epoch = 1;
        meta->seq = ++p->seq;
        meta->at = p->now_us;
        meta->more = i + 1 < ds_decision_count(decision);
        meta->cause.kind = DS_META_CAUSE_INPUT_CAUSE;
        meta->cause.as.input_cause.input = input->number;
        meta->cause.as.input_cause.offset = input->offset;
        if (!ds_arena_printf(ds_decision_arena(decision), &meta->event_id, &error,
                             "bench-0-%" PRId64, p->seq))
            fail("an id", &error);
    }
}

static void put_records(struct parts *p, enum part part)
{
    ds_decision_t *decision = p->decisions[part];
    ds_error_t error = DS_ERROR_INIT;

    for (size_t i = 0; i < ds_decision_count(decision); i++) {
        size_t at = p->log.len;

        if (p->record_count == RECORDS_MAX ||
            !ds_schema_encode(deciders[part]->events, ds_decision_event(decision, i), &p->log,
                              &error))
            fail("an event", &error);
        p->records[p->record_count++] = (struct record){part, at, p->log.len - at};
    }
}

static void feed(struct parts *p, enum part part, const struct ds_input *input,
                 const struct ds_context *context, bool of_order, const char *name)
{
    const struct ds_decider *decider = deciders[part];
    ds_decision_t *decision = p->decisions[part];
    ds_error_t error = DS_ERROR_INIT;
    int64_t before_bytes, ns, evolve_ns;

    ds_decision_reset(decision, context);
    before_bytes = live_bytes;
    ns = now_ns();
    if (!decider->decide(p->states[part], input, p->now_us, decision, &error))
        fail("decide", &error);
    ns = now_ns() - ns;
    fill_meta(p, decision, input);
    put_records(p, part); /* before evolve, which may drop what the events borrow */
    evolve_ns = now_ns();
    for (size_t i = 0; i < ds_decision_count(decision); i++)
        if (!decider->evolve(p->states[part], ds_decision_event(decision, i), &error))
            fail("evolve", &error);
    ns += now_ns() - evolve_ns;
    p->bytes[part] += live_bytes - before_bytes;
    if (ds_decision_count(decision) > 0) {
        struct kind *kind = kind_of(p, part, name);
        kind->is_event = input->kind == DS_INPUT_EVENT;
        kind->of_order = of_order;
        kind->events += ds_decision_count(decision);
        note_time(kind, ns);
    }
}

static void feed_event(struct parts *p, const struct record *record)
{
    const struct ds_schema *schema = deciders[record->from]->events;
    const ds_bytes_t bytes = {p->log.data + record->at, (uint32_t)record->bytes};
    ds_error_t error = DS_ERROR_INIT;
    struct ds_event_head *event;

    ds_arena_reset(p->arena);
    event = ds_arena_alloc(p->arena, schema->struct_bytes, &error);
    uint8_t *copy = ds_arena_alloc(p->arena, record->bytes, &error); /* the log may move */
    if (event == NULL || copy == NULL)
        fail("an event", &error);
    memcpy(copy, bytes.data, bytes.len);
    if (!ds_schema_decode(schema, (ds_bytes_t){copy, bytes.len}, p->arena, event, NULL, &error))
        fail("an event", &error);
    p->see(p->context, record->from, event);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (ways[i].from != record->from)
            continue;
        struct ds_context context = event->context;
        struct ds_input input = {.kind = DS_INPUT_EVENT,
                                 .number = ways[i].input,
                                 .offset = ++p->offset,
                                 .appended_us = p->now_us,
                                 .message = event};
        context.has_command = false;
        feed(p, ways[i].to, &input, &context, true, ds_schema_ce_type(schema, event));
    }
}

void parts_command(struct parts *p, enum part part, bool of_order, const void *command)
{
    const struct ds_schema *schema = deciders[part]->inputs[0].schema;
    const struct ds_command_head *head = command;
    const struct ds_context context = {.correlation_id = head->correlation_id,
                                       .actor = head->actor,
                                       .has_command = true,
                                       .command = {.id = head->command_id,
                                                   .body_hash = head->body_hash}};
    const struct ds_input input = {.kind = DS_INPUT_COMMAND,
                                   .number = 0,
                                   .offset = ++p->offset,
                                   .appended_us = p->now_us,
                                   .message = command};

    p->now_us += 1000;
    p->record_count = p->record_next = 0;
    ds_buf_clear(&p->log);
    feed(p, part, &input, &context, of_order, ds_schema_ce_type(schema, command));
    while (p->record_next < p->record_count) {
        struct record record = p->records[p->record_next++];
        feed_event(p, &record);
    }
}
