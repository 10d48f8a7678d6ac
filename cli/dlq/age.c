#include "cli/dlq/age.h"

#include "base/option_value.h"
#include "cli/dlq/since.h"
#include "cli/roles.h"
#include "schemas/schema.h"
#include "stream/window.h"

#include <stdio.h>
#include <stdlib.h>

#define FRESH_US (10 * DS_US_PER_S)

enum limit { LIMIT_WINDOW, LIMIT_PLACE, LIMITS };

/* The first offset of each partition that was younger than a limit when it was asked for. */
struct since {
    int64_t *offsets; /* NULL: not asked for yet */
    int64_t asked_us;
};

struct ds_ages {
    struct ds_desk *desk;
    struct since since[DS_DECIDERS][LIMITS];
};

ds_ages_t *ds_ages_new(struct ds_desk *desk)
{
    ds_ages_t *ages = calloc(1, sizeof *ages);

    if (ages != NULL)
        ages->desk = desk;
    return ages;
}

void ds_ages_destroy(ds_ages_t *ages)
{
    if (ages == NULL)
        return;
    for (size_t d = 0; d < DS_DECIDERS; d++)
        for (size_t i = 0; i < LIMITS; i++)
            free(ages->since[d][i].offsets);
    free(ages);
}

static int64_t limit_us(const ds_ages_t *ages, enum limit limit)
{
    return limit == LIMIT_WINDOW ? DS_WINDOW_US : ages->desk->settings->place_ttl_us;
}

static bool ask(const ds_ages_t *ages, const char *processor, enum limit limit, struct since *since,
                ds_error_t *error)
{
    const struct ds_desk *desk = ages->desk;
    int32_t partitions = ds_letters_partitions(desk->letters);

    since->asked_us = ds_monotonic_us(desk->runtime->clock);
    free(since->offsets);
    since->offsets = calloc((size_t)partitions, sizeof *since->offsets);
    if (since->offsets == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "ages");
    if (ds_commands_since(desk->runtime, desk->settings->brokers, processor, partitions,
                          ds_now_us(desk->runtime->clock) - limit_us(ages, limit), since->offsets,
                          error))
        return true;
    free(since->offsets);
    since->offsets = NULL;
    return false;
}

/* Letters grow old while others are tried again: an answer does not hold for long. */
static bool is_fresh(const ds_ages_t *ages, const struct since *since)
{
    return since->offsets != NULL &&
           ds_monotonic_us(ages->desk->runtime->clock) - since->asked_us <= FRESH_US;
}

static bool is_before(const ds_ages_t *ages, const struct since *since, int64_t partition,
                      int64_t offset)
{
    return partition >= ds_letters_partitions(ages->desk->letters) ||
           offset < since->offsets[partition];
}

static bool is_older(ds_ages_t *ages, const struct ds_letter *letter, enum limit limit,
                     bool *older_out, ds_error_t *error)
{
    size_t d = 0;

    *older_out = letter->at_us < ds_now_us(ages->desk->runtime->clock) - limit_us(ages, limit);
    if (*older_out)
        return true;
    while (strcmp(ds_deciders[d]->name, letter->processor) != 0)
        d++;
    struct since *since = &ages->since[d][limit];
    if (!is_fresh(ages, since) && !ask(ages, letter->processor, limit, since, error))
        return false;
    *older_out =
        is_before(ages, since, letter->content->source_partition, letter->content->source_offset) ||
        is_before(ages, since, letter->content->first_partition, letter->content->first_offset);
    return true;
}

/* What this version cannot read may be anything. What the registry does not tell now it will not
 * tell of the next letter either: then nothing is judged. */
static bool may_place(ds_ages_t *ages, const struct ds_letter *letter, bool *may_out,
                      ds_error_t *error)
{
    const struct ds_schema *schema = ds_schema_of_topic(letter->content->source_topic);
    ds_arena_t *arena = ds_arena_new(64 * 1024, DS_DESK_DECODE_BYTES);
    ds_error_t why = DS_ERROR_INIT;
    const void *command = NULL;

    if (arena != NULL && schema == &ds_schema_order_commands)
        command = ds_desk_decode(ages->desk, schema, letter->content->value, arena, &why);
    *may_out =
        command == NULL || ds_schema_body_kind(schema, command) == DS_ORDER_COMMAND_PLACE_ORDER;
    ds_arena_destroy(arena);
    return why.code != DS_ERR_UNAVAILABLE ||
           ds_error_set(error, why.domain, why.code, "whether %.*s places an order: %s",
                        DS_STR_ARG(letter->key), why.message);
}

static void say_why(const ds_ages_t *ages, enum limit limit, char *why_out)
{
    char age[DS_DURATION_TEXT_BYTES];

    ds_duration_text(limit_us(ages, limit), age);
    if (limit == LIMIT_WINDOW)
        (void)snprintf(why_out, DS_AGE_WHY_BYTES,
                       "it is older than 24 h, for which command ids are remembered: what was "
                       "decided under its id would be decided twice");
    else
        (void)snprintf(why_out, DS_AGE_WHY_BYTES,
                       "it may place an order and is older than ORDER_PLACE_TTL (%s): it would be "
                       "taken as new, at its old prices",
                       age);
}

bool ds_ages_judge(ds_ages_t *ages, const struct ds_letter *letter, bool *may_out, char *why_out,
                   ds_error_t *error)
{
    bool older;

    *may_out = false;
    if (!is_older(ages, letter, LIMIT_WINDOW, &older, error))
        return false;
    if (older) {
        say_why(ages, LIMIT_WINDOW, why_out);
        return true;
    }
    if (strcmp(letter->processor, "order") == 0) {
        bool places = false;

        if (!is_older(ages, letter, LIMIT_PLACE, &older, error) ||
            (older && !may_place(ages, letter, &places, error)))
            return false;
        if (places) {
            say_why(ages, LIMIT_PLACE, why_out);
            return true;
        }
    }
    *may_out = true;
    return true;
}
