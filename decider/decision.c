/* The events of one decision, and the memory their texts live in. See decider.h. */
#include "base/limits.h"
#include "decider/decider.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_BLOCK_BYTES (64 * 1024)
#define MAX_BYTES         (4 * (size_t)DS_MAX_DECISION_BYTES)

struct ds_decision {
    const struct ds_schema *schema;
    ds_arena_t *arena;
    struct ds_context context;
    size_t count;
    void *events[DS_MAX_DECISION_RECORDS];
};

ds_decision_t *ds_decision_new(const struct ds_schema *schema)
{
    ds_decision_t *decision = calloc(1, sizeof(*decision));

    if (decision == NULL)
        return NULL;
    decision->schema = schema;
    decision->arena = ds_arena_new(FIRST_BLOCK_BYTES, MAX_BYTES);
    if (decision->arena == NULL) {
        free(decision);
        return NULL;
    }
    return decision;
}

void ds_decision_destroy(ds_decision_t *decision)
{
    if (decision == NULL)
        return;
    ds_arena_destroy(decision->arena);
    free(decision);
}

void ds_decision_reset(ds_decision_t *decision, const struct ds_context *context)
{
    ds_arena_reset(decision->arena);
    decision->count = 0;
    decision->context = *context;
}

void *ds_decision_add(ds_decision_t *decision, ds_error_t *error)
{
    struct ds_event_head *event;

    if (decision->count == DS_MAX_DECISION_RECORDS) {
        ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_LIMIT, "a decision of more than %d records",
                     DS_MAX_DECISION_RECORDS);
        return NULL;
    }
    event = ds_arena_alloc(decision->arena, decision->schema->struct_bytes, error);
    if (event == NULL)
        return NULL;
    event->context = decision->context;
    decision->events[decision->count++] = event;
    return event;
}

static struct ds_protocol_event *add_protocol(ds_decision_t *decision, int32_t kind,
                                              ds_error_t *error)
{
    struct ds_protocol_event *event = ds_decision_add(decision, error);

    if (event != NULL)
        event->body.kind = kind;
    return event;
}

bool ds_decision_reject(ds_decision_t *decision, ds_str_t target, ds_str_t operation,
                        const char *reason, ds_error_t *error)
{
    struct ds_protocol_event *event = add_protocol(decision, DS_PROTOCOL_COMMAND_REJECTED, error);

    if (event == NULL)
        return false;
    event->body.as.command_rejected = (struct ds_command_rejected){
        .target = target, .operation = operation, .reason = ds_str(reason)};
    return true;
}

void ds_decision_facts(ds_decision_t *decision, ds_str_t facts)
{
    struct ds_protocol_event *event = decision->events[decision->count - 1];

    assert(event->body.kind == DS_PROTOCOL_COMMAND_REJECTED);
    event->body.as.command_rejected.has_detail = facts.len > 0;
    event->body.as.command_rejected.detail = facts;
}

bool ds_decision_repeat(ds_decision_t *decision, ds_str_t of, bool same_body, int64_t first_offset,
                        ds_error_t *error)
{
    struct ds_protocol_event *event = add_protocol(decision, DS_PROTOCOL_COMMAND_REPEATED, error);

    if (event == NULL)
        return false;
    event->body.as.command_repeated = (struct ds_command_repeated){
        .of = of, .same_body = same_body, .first_offset = first_offset};
    return true;
}

void ds_decision_set_context(ds_decision_t *decision, const struct ds_context *context)
{
    decision->context = *context;
    for (size_t i = 0; i < decision->count; i++)
        ((struct ds_event_head *)decision->events[i])->context = *context;
}

ds_arena_t *ds_decision_arena(ds_decision_t *decision)
{
    return decision->arena;
}

size_t ds_decision_count(const ds_decision_t *decision)
{
    return decision->count;
}

void *ds_decision_event(const ds_decision_t *decision, size_t i)
{
    return i < decision->count ? decision->events[i] : NULL;
}

bool ds_impossible(ds_error_t *error, const char *format, ...)
{
    char text[DS_ERROR_MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_IMPOSSIBLE, "%s", text);
}

ds_str_t ds_decider_aggregate(const struct ds_decider *decider, const struct ds_input *input)
{
    if (input->kind == DS_INPUT_TIMER)
        return input->timer.aggregate;
    if (decider->aggregate != NULL)
        return decider->aggregate(input);
    for (size_t i = 0; i < decider->input_count; i++)
        if (decider->inputs[i].number == input->number)
            return decider->inputs[i].schema->aggregate(input->message);
    return DS_STR("");
}
