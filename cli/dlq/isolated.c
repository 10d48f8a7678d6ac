#include "cli/dlq/isolated.h"

#include "base/map.h"
#include "cli/log_span.h"
#include "cli/roles.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define POLL_MS      100
#define ASK_MS       10000
#define ARENA_BYTES  ((size_t)256 * 1024 * 1024)
#define REASON_BYTES 64

/* Of one processor and partition. */
struct part {
    struct ds_quarantine quarantine;
    ds_map_t *notes; /* by aggregate, to struct ds_isolated; NULL: none ever */
    bool mid_decision;
};

struct ds_isolated_list {
    const struct ds_runtime *runtime;
    ds_reader_t *reader;
    const struct ds_decider *deciders[DS_DECIDERS];
    const struct ds_schema *topics[DS_DECIDERS];
    int32_t decider_count;
    int32_t partitions;
    struct ds_log_span span;
    struct part *parts; /* [decider * partitions + partition] */
    ds_arena_t *arena;
    struct ds_isolated *list;
    size_t count;
    /* What ds_isolated_follow looks for; decider NULL: nothing. */
    const struct ds_decider *sought;
    int32_t sought_partition;
    int64_t sought_offset;
    enum ds_isolated_outcome outcome;
    char reason[REASON_BYTES];
};

const char *ds_isolated_topic(const struct ds_decider *decider, int32_t input)
{
    for (size_t i = 0; i < decider->input_count; i++)
        if (decider->inputs[i].number == input)
            return decider->inputs[i].schema->topic;
    return "";
}

/* ---- the fold */

static struct part *part_of(struct ds_isolated_list *list, int32_t decider, int32_t partition)
{
    return &list->parts[decider * list->partitions + partition];
}

static bool note(struct ds_isolated_list *list, struct part *part, const struct ds_read_record *r,
                 ds_error_t *error)
{
    const struct ds_protocol_event *e = r->event;
    const struct ds_aggregate_quarantined *said = &e->body.as.aggregate_quarantined;
    const struct ds_meta_cause *cause = &e->head.meta.cause;
    struct ds_isolated *waiting;

    if (part->notes == NULL)
        part->notes = ds_map_new(DS_MAX_QUARANTINED);
    waiting = ds_arena_calloc(list->arena, 1, sizeof *waiting, error);
    if (waiting == NULL || part->notes == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "quarantined aggregates");
    waiting->decider = list->deciders[r->topic];
    waiting->partition = r->partition;
    waiting->since_us = e->head.meta.at;
    waiting->offset = r->place.offset;
    if (cause->kind == DS_META_CAUSE_INPUT_CAUSE) {
        waiting->has_cause = true;
        waiting->cause_input = cause->as.input_cause.input;
        waiting->cause_offset = cause->as.input_cause.offset;
    } else if (cause->kind == DS_META_CAUSE_HELD_CAUSE) {
        waiting->has_cause = true;
        waiting->cause_input = cause->as.held_cause.input;
        waiting->cause_offset = cause->as.held_cause.offset;
    }
    return ds_arena_dup(list->arena, said->aggregate, &waiting->aggregate, error) &&
           ds_arena_dup(list->arena, said->reason, &waiting->reason, error) &&
           ds_arena_dup(list->arena, said->detail, &waiting->detail, error) &&
           ds_map_put(part->notes, waiting->aggregate, waiting, NULL, error);
}

static bool fold(struct ds_isolated_list *list, const struct ds_read_record *r, ds_error_t *error)
{
    struct part *part = part_of(list, r->topic, r->partition);
    const struct ds_protocol_event *e = r->event;
    bool first = !part->mid_decision;

    part->mid_decision = !r->last;
    if (r->undecodable)
        return true; /* of a newer version: not one of those that are looked at here */
    return ds_quarantine_fold(&part->quarantine, list->deciders[r->topic], e, first, error) &&
           (e->body.kind != DS_PROTOCOL_AGGREGATE_QUARANTINED || note(list, part, r, error));
}

/* The first record of a decision says what became of a command. */
static void look(struct ds_isolated_list *list, const struct ds_read_record *r)
{
    const struct ds_protocol_event *e = r->event;
    const struct ds_input_cause *cause = &e->head.meta.cause.as.input_cause;

    if (list->outcome != DS_ASKED_UNKNOWN || list->deciders[r->topic] != list->sought ||
        r->partition != list->sought_partition ||
        e->head.meta.cause.kind != DS_META_CAUSE_INPUT_CAUSE || cause->input != 0 ||
        cause->offset != list->sought_offset)
        return;
    list->outcome = DS_ASKED_DONE;
    if (r->undecodable || (e->body.kind != DS_PROTOCOL_COMMAND_REJECTED &&
                           e->body.kind != DS_PROTOCOL_INPUT_REJECTED))
        return;
    list->outcome = DS_ASKED_REFUSED;
    (void)snprintf(list->reason, sizeof list->reason, "%.*s",
                   DS_STR_ARG(e->body.kind == DS_PROTOCOL_COMMAND_REJECTED
                                  ? e->body.as.command_rejected.reason
                                  : e->body.as.input_rejected.reason));
}

/* ---- reading */

static bool choose(struct ds_isolated_list *list, const char *processor, ds_error_t *error)
{
    for (int32_t d = 0; d < DS_DECIDERS; d++)
        if (processor[0] == '\0' || strcmp(processor, ds_deciders[d]->name) == 0) {
            list->deciders[list->decider_count] = ds_deciders[d];
            list->topics[list->decider_count++] = ds_deciders[d]->events;
        }
    return list->decider_count > 0 || ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN,
                                                   "no processor is called '%s'", processor);
}

static bool start(struct ds_isolated_list *list, const struct ds_isolated_scope *scope,
                  ds_error_t *error)
{
    int32_t only = scope->partition;

    if (!ds_reader_partitions(list->reader, ASK_MS, &list->partitions, error))
        return false;
    if (only < 0 && scope->aggregate.len > 0)
        only = ds_partition_of(ds_str_before(scope->aggregate, '.'), list->partitions);
    if (only >= list->partitions)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN,
                            "there is no partition %" PRId32 ", but %" PRId32, only,
                            list->partitions);
    list->parts =
        calloc((size_t)list->partitions * (size_t)list->decider_count, sizeof *list->parts);
    if (list->parts == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "partitions");
    return ds_log_span_begin(&list->span, list->reader, list->decider_count, only < 0 ? 0 : only,
                             only < 0 ? list->partitions : only + 1, error);
}

/* One poll. */
static bool turn(struct ds_isolated_list *list, bool folds, ds_error_t *error)
{
    struct ds_read_batch batch;

    if (!ds_reader_poll(list->reader, POLL_MS, &batch, error))
        return false;
    for (size_t i = 0; i < batch.count; i++) {
        look(list, &batch.records[i]);
        if (folds && !fold(list, &batch.records[i], error))
            return false;
    }
    return true;
}

static bool may_wait(const struct ds_isolated_list *list, int64_t until_us, const char *what,
                     ds_error_t *error)
{
    return (!ds_stopping(list->runtime) && ds_monotonic_us(list->runtime->clock) < until_us) ||
           ds_log_span_not_read(&list->span, what, error);
}

static bool read_all(struct ds_isolated_list *list, int64_t timeout_us, ds_error_t *error)
{
    int64_t until_us = ds_monotonic_us(list->runtime->clock) + timeout_us;

    while (!ds_log_span_is_read(&list->span))
        if (!may_wait(list, until_us, "the events topics could not be read to their ends in time",
                      error) ||
            !turn(list, true, error))
            return false;
    return true;
}

/* ---- the list */

static size_t count_all(const struct ds_isolated_list *list)
{
    size_t count = 0;

    for (int32_t i = 0; i < list->decider_count * list->partitions; i++)
        count += ds_quarantine_count(&list->parts[i].quarantine);
    return count;
}

static void list_part(struct ds_isolated_list *list, const struct part *part)
{
    size_t cursor = 0;
    ds_str_t aggregate;
    void *entry;

    while (part->quarantine.by_aggregate != NULL &&
           ds_map_next(part->quarantine.by_aggregate, &cursor, &aggregate, &entry)) {
        const struct ds_isolated *noted = ds_map_get(part->notes, aggregate);

        list->list[list->count] = *noted;
        list->list[list->count++].state = entry;
    }
}

static bool make_list(struct ds_isolated_list *list, ds_error_t *error)
{
    list->list = calloc(count_all(list) + 1, sizeof *list->list);
    if (list->list == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "quarantined aggregates");
    for (int32_t i = 0; i < list->decider_count * list->partitions; i++)
        list_part(list, &list->parts[i]);
    return true;
}

bool ds_isolated_read(const struct ds_runtime *runtime, const char *brokers,
                      const struct ds_isolated_scope *scope, int64_t timeout_us,
                      ds_isolated_list_t **list_out, ds_error_t *error)
{
    ds_isolated_list_t *list = calloc(1, sizeof *list);
    struct ds_reader_config config = {.brokers = brokers, .client_id = "doorstep-dlq"};

    *list_out = NULL;
    if (list != NULL) {
        list->runtime = runtime;
        list->arena = ds_arena_new(64 * 1024, ARENA_BYTES);
    }
    if (list == NULL || list->arena == NULL) {
        ds_isolated_destroy(list);
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "quarantined aggregates");
    }
    if (choose(list, scope->processor, error)) {
        config.topics = list->topics;
        config.topic_count = (size_t)list->decider_count;
        if (ds_reader_new(runtime, &config, &list->reader, error) && start(list, scope, error) &&
            read_all(list, timeout_us, error) && make_list(list, error)) {
            *list_out = list;
            return true;
        }
    }
    ds_isolated_destroy(list);
    return false;
}

void ds_isolated_destroy(ds_isolated_list_t *list)
{
    if (list == NULL)
        return;
    for (int32_t i = 0; list->parts != NULL && i < list->decider_count * list->partitions; i++) {
        ds_quarantine_clear(&list->parts[i].quarantine);
        ds_map_destroy(list->parts[i].notes, NULL);
    }
    ds_log_span_cleanup(&list->span);
    ds_reader_destroy(list->reader);
    free(list->parts);
    free(list->list);
    ds_arena_destroy(list->arena);
    free(list);
}

size_t ds_isolated_count(const ds_isolated_list_t *list)
{
    return list->count;
}

const struct ds_isolated *ds_isolated_at(const ds_isolated_list_t *list, size_t i)
{
    return &list->list[i];
}

bool ds_isolated_follow(ds_isolated_list_t *list, const struct ds_decider *decider,
                        int32_t partition, int64_t offset, int64_t timeout_us,
                        enum ds_isolated_outcome *outcome_out, char reason_out[64],
                        ds_error_t *error)
{
    int64_t until_us = ds_monotonic_us(list->runtime->clock) + timeout_us;
    bool ok = true;

    list->sought = decider;
    list->sought_partition = partition;
    list->sought_offset = offset;
    list->outcome = DS_ASKED_UNKNOWN;
    list->reason[0] = '\0';
    while (ok && list->outcome == DS_ASKED_UNKNOWN)
        ok = may_wait(list, until_us, "it is not decided yet; its processor will", error) &&
             turn(list, false, error);
    list->sought = NULL;
    *outcome_out = list->outcome;
    (void)snprintf(reason_out, REASON_BYTES, "%s", list->reason);
    return ok;
}
