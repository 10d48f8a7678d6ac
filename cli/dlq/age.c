#include "cli/dlq/age.h"

#include "base/option_value.h"
#include "cli/dlq/since.h"
#include "cli/roles.h"
#include "schemas/schema.h"
#include "stream/window.h"

#include <stdio.h>
#include <stdlib.h>

enum limit { LIMIT_WINDOW, LIMIT_PLACE, LIMITS };

struct ds_ages {
    struct ds_desk *desk;
    int64_t now_us;
    /* By processor and limit: the first offset of each partition that is younger. NULL: not asked
     * for yet. */
    int64_t *since[DS_DECIDERS][LIMITS];
};

ds_ages_t *ds_ages_new(struct ds_desk *desk)
{
    ds_ages_t *ages = calloc(1, sizeof *ages);

    if (ages != NULL) {
        ages->desk = desk;
        ages->now_us = ds_now_us(desk->runtime->clock);
    }
    return ages;
}

void ds_ages_destroy(ds_ages_t *ages)
{
    if (ages == NULL)
        return;
    for (size_t d = 0; d < DS_DECIDERS; d++)
        for (size_t i = 0; i < LIMITS; i++)
            free(ages->since[d][i]);
    free(ages);
}

static int64_t limit_us(const ds_ages_t *ages, enum limit limit)
{
    return limit == LIMIT_WINDOW ? DS_WINDOW_US : ages->desk->settings->place_ttl_us;
}

static bool ask(ds_ages_t *ages, const char *processor, enum limit limit, int64_t **since,
                ds_error_t *error)
{
    int32_t partitions = ds_letters_partitions(ages->desk->letters);

    *since = calloc((size_t)partitions, sizeof **since);
    if (*since == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "ages");
    if (ds_commands_since(ages->desk->runtime, ages->desk->settings->brokers, processor, partitions,
                          ages->now_us - limit_us(ages, limit), *since, error))
        return true;
    free(*since);
    *since = NULL;
    return false;
}

static bool is_before(const ds_ages_t *ages, const int64_t *since, int64_t partition,
                      int64_t offset)
{
    return partition >= ds_letters_partitions(ages->desk->letters) || offset < since[partition];
}

static bool is_older(ds_ages_t *ages, const struct ds_letter *letter, enum limit limit,
                     bool *older_out, ds_error_t *error)
{
    size_t d = 0;

    *older_out = letter->at_us < ages->now_us - limit_us(ages, limit);
    if (*older_out)
        return true;
    while (strcmp(ds_deciders[d]->name, letter->processor) != 0)
        d++;
    int64_t **since = &ages->since[d][limit];
    if (*since == NULL && !ask(ages, letter->processor, limit, since, error))
        return false;
    *older_out =
        is_before(ages, *since, letter->content->source_partition,
                  letter->content->source_offset) ||
        is_before(ages, *since, letter->content->first_partition, letter->content->first_offset);
    return true;
}

/* What this version cannot read may be anything. */
static bool may_place(ds_ages_t *ages, const struct ds_letter *letter)
{
    const struct ds_schema *schema = ds_schema_of_topic(letter->content->source_topic);
    ds_arena_t *arena = ds_arena_new(64 * 1024, DS_DESK_DECODE_BYTES);
    ds_error_t why = DS_ERROR_INIT;
    const void *command = NULL;

    if (arena != NULL && schema == &ds_schema_order_commands)
        command = ds_desk_decode(ages->desk, schema, letter->content->value, arena, &why);
    bool may =
        command == NULL || ds_schema_body_kind(schema, command) == DS_ORDER_COMMAND_PLACE_ORDER;
    ds_arena_destroy(arena);
    return may;
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
        if (!is_older(ages, letter, LIMIT_PLACE, &older, error))
            return false;
        if (older && may_place(ages, letter)) {
            say_why(ages, LIMIT_PLACE, why_out);
            return true;
        }
    }
    *may_out = true;
    return true;
}
