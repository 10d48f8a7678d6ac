/* cli/dlq/quarantine.c - what waits for a quarantined aggregate: found, listed and shown. */
#include "base/crypto.h"
#include "base/limits.h"
#include "cli/dlq/desk.h"
#include "cli/dlq/operate.h"

#include <inttypes.h>
#include <stdio.h>

#define LISTED_HELD 20 /* of each aggregate, in a list; `show` has all */

bool ds_desk_is_input(const char *key)
{
    return strchr(key, '/') != NULL;
}

/* "order.commands/3/17" */
static bool split(const char *key, ds_str_t *topic_out, int64_t *partition_out, int64_t *offset_out)
{
    ds_str_t rest = ds_str_after(ds_str(key), '/');

    *topic_out = ds_str_before(ds_str(key), '/');
    return ds_str_to_i64(ds_str_before(rest, '/'), partition_out) && *partition_out >= 0 &&
           *partition_out < DS_MAX_PARTITIONS && ds_str_to_i64(ds_str_after(rest, '/'), offset_out);
}

bool ds_desk_read_waiting(struct ds_desk *desk, const char *key, ds_error_t *error)
{
    struct ds_isolated_scope scope = {.processor = desk->settings->processor, .partition = -1};
    ds_str_t topic;
    int64_t partition;
    int64_t offset;

    if (key != NULL && !ds_desk_is_input(key))
        scope.aggregate = ds_str(key);
    if (key != NULL && ds_desk_is_input(key)) {
        if (!split(key, &topic, &partition, &offset))
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                                "'%s' is no topic/partition/offset", key);
        scope.partition = (int32_t)partition;
    }
    ds_isolated_destroy(desk->waiting);
    desk->waiting = NULL;
    return ds_isolated_read(desk->runtime, desk->settings->brokers, &scope,
                            desk->settings->timeout_us, &desk->waiting, error);
}

/* ---- which */

static const char *state_text(const struct ds_isolated *waiting)
{
    return waiting->state->releasing ? "releasing" : "holding";
}

/* --state open is what waits for somebody: all that is not being released. */
bool ds_desk_wants_waiting(const struct ds_desk *desk, const struct ds_isolated *waiting)
{
    const struct ds_desk_settings *s = desk->settings;
    bool open = strcmp(s->state, "open") == 0 && !waiting->state->releasing;

    return (s->error[0] == '\0' || ds_str_eq(waiting->reason, ds_str(s->error))) &&
           (open || strcmp(s->state, "all") == 0 || strcmp(s->state, state_text(waiting)) == 0);
}

const struct ds_isolated *ds_desk_find_waiting(const struct ds_desk *desk, const char *aggregate,
                                               ds_error_t *error)
{
    const struct ds_isolated *found = NULL;

    for (size_t i = 0; i < ds_isolated_count(desk->waiting); i++) {
        const struct ds_isolated *waiting = ds_isolated_at(desk->waiting, i);

        if (!ds_str_eq(waiting->aggregate, ds_str(aggregate)))
            continue;
        if (found != NULL) {
            ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                         "%s is quarantined in %s and in %s: name one with --processor", aggregate,
                         found->decider->name, waiting->decider->name);
            return NULL;
        }
        found = waiting;
    }
    if (found == NULL)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN,
                     "%s is not quarantined; `doorstep dlq list` has those that are", aggregate);
    return found;
}

static const struct ds_held *held_at(const struct ds_isolated *waiting, ds_str_t topic,
                                     int64_t offset)
{
    const struct ds_quarantined *state = waiting->state;

    for (size_t i = state->first; i < state->end; i++)
        if (state->held[i].offset == offset &&
            ds_str_eq(topic, ds_str(ds_isolated_topic(waiting->decider, state->held[i].input))))
            return &state->held[i];
    return NULL;
}

/* Which aggregate an input waits for. An event may wait in several processors. */
const struct ds_isolated *ds_desk_find_input(const struct ds_desk *desk, const char *key,
                                             const struct ds_held **held_out, ds_error_t *error)
{
    const struct ds_isolated *found = NULL;
    ds_str_t topic;
    int64_t partition;
    int64_t offset;

    *held_out = NULL;
    if (!split(key, &topic, &partition, &offset)) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "'%s' is no topic/partition/offset",
                     key);
        return NULL;
    }
    for (size_t i = 0; i < ds_isolated_count(desk->waiting); i++) {
        const struct ds_isolated *waiting = ds_isolated_at(desk->waiting, i);
        const struct ds_held *held =
            waiting->partition == partition ? held_at(waiting, topic, offset) : NULL;

        if (held == NULL)
            continue;
        if (found != NULL) {
            ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                         "%s waits in %s and in %s: name one with --processor", key,
                         found->decider->name, waiting->decider->name);
            return NULL;
        }
        found = waiting;
        *held_out = held;
    }
    if (found == NULL)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN,
                     "%s is no dead letter and waits for no aggregate", key);
    return found;
}

/* ---- printing */

/* Why it waits: it was found impossible itself, or came later. */
static ds_str_t why(const struct ds_isolated *waiting, const struct ds_held *held)
{
    return waiting->has_cause && waiting->cause_input == held->input &&
                   waiting->cause_offset == held->offset
               ? waiting->reason
               : DS_STR("HELD");
}

static void key_of(const struct ds_isolated *waiting, const struct ds_held *held,
                   char key[DS_DESK_KEY_BYTES])
{
    (void)snprintf(key, DS_DESK_KEY_BYTES, "%s/%" PRId32 "/%" PRId64,
                   ds_isolated_topic(waiting->decider, held->input), waiting->partition,
                   held->offset);
}

static bool add_held(ds_buf_t *out, const struct ds_isolated *waiting, const struct ds_held *held,
                     ds_error_t *error)
{
    char key[DS_DESK_KEY_BYTES];

    key_of(waiting, held, key);
    return ds_buf_printf(out, error,
                         "{\"key\":\"%s\",\"topic\":\"%s\",\"partition\":%" PRId32
                         ",\"offset\":%" PRId64 ",\"cause\":\"%.*s\"",
                         key, ds_isolated_topic(waiting->decider, held->input), waiting->partition,
                         held->offset, DS_STR_ARG(why(waiting, held))) &&
           (held->epoch == 0 || ds_buf_printf(out, error, ",\"epoch\":%" PRId64 ",\"seq\":%" PRId64,
                                              held->epoch, held->seq)) &&
           ds_buf_append_char(out, '}', error);
}

/* Up to `max` of those that wait, from the n-th on. */
static bool add_all_held(ds_buf_t *out, const struct ds_isolated *waiting, size_t n, size_t max,
                         ds_error_t *error)
{
    const struct ds_quarantined *state = waiting->state;
    size_t end = state->end - state->first < n + max ? state->end : state->first + n + max;
    bool ok = ds_buf_append_text(out, ",\"held\":[", error);

    for (size_t i = state->first + n; ok && i < end; i++)
        ok = (i == state->first + n || ds_buf_append_char(out, ',', error)) &&
             add_held(out, waiting, &state->held[i], error);
    return ok && ds_buf_append_char(out, ']', error);
}

static bool add_waiting(ds_buf_t *out, const struct ds_isolated *waiting, ds_error_t *error)
{
    return ds_buf_printf(out, error, "{\"processor\":\"%s\",\"partition\":%" PRId32,
                         waiting->decider->name, waiting->partition) &&
           ds_desk_text(out, "aggregate", waiting->aggregate, error) &&
           ds_buf_printf(out, error, ",\"state\":\"%s\"", state_text(waiting)) &&
           ds_desk_text(out, "reason", waiting->reason, error) &&
           ds_desk_text(out, "detail", waiting->detail, error) &&
           ds_desk_time(out, "since", waiting->since_us, error) &&
           ds_buf_printf(out, error, ",\"place\":\"%s/%" PRId32 "/%" PRId64 "\",\"heldCount\":%zu",
                         waiting->decider->events->topic, waiting->partition, waiting->offset,
                         ds_quarantined_count(waiting->state));
}

static void print_lines(const struct ds_isolated *waiting)
{
    const struct ds_quarantined *state = waiting->state;
    char at[DS_TIME_TEXT_BYTES];

    ds_time_to_text(waiting->since_us, at);
    printf("%s  %-9s %s %.*s: %zu wait  %.*s %.*s\n", at, state_text(waiting),
           waiting->decider->name, DS_STR_ARG(waiting->aggregate), ds_quarantined_count(state),
           DS_STR_ARG(waiting->reason), DS_STR_ARG(waiting->detail));
    for (size_t i = state->first; i < state->end && i < state->first + LISTED_HELD; i++) {
        char key[DS_DESK_KEY_BYTES];

        key_of(waiting, &state->held[i], key);
        printf("%30s %s %.*s\n", "", key, DS_STR_ARG(why(waiting, &state->held[i])));
    }
    if (ds_quarantined_count(state) > LISTED_HELD)
        printf("%30s and %zu more: dlq show %.*s\n", "", ds_quarantined_count(state) - LISTED_HELD,
               DS_STR_ARG(waiting->aggregate));
}

bool ds_desk_list_waiting(struct ds_desk *desk, ds_error_t *error)
{
    bool ok = ds_buf_append_text(&desk->out, "\"quarantined\":[", error);
    bool first = true;

    for (size_t i = 0; ok && i < ds_isolated_count(desk->waiting); i++) {
        const struct ds_isolated *waiting = ds_isolated_at(desk->waiting, i);

        if (!ds_desk_wants(desk, waiting->decider->name, waiting->aggregate,
                           ds_desk_wants_waiting(desk, waiting)))
            continue;
        ok = (first || ds_buf_append_char(&desk->out, ',', error)) &&
             add_waiting(&desk->out, waiting, error) &&
             add_all_held(&desk->out, waiting, 0, LISTED_HELD, error) &&
             ds_buf_append_char(&desk->out, '}', error);
        first = false;
        if (!desk->settings->json)
            print_lines(waiting);
    }
    return ok && ds_buf_append_char(&desk->out, ']', error);
}

/* ---- show */

/* A page of what waits: --after is the key of one of them. */
static bool show_aggregate(struct ds_desk *desk, const struct ds_isolated *waiting,
                           ds_error_t *error)
{
    const struct ds_quarantined *state = waiting->state;
    size_t count = ds_quarantined_count(state);
    size_t n = 0;
    size_t max = (size_t)desk->settings->limit;
    char key[DS_DESK_KEY_BYTES] = "";

    while (desk->settings->after[0] != '\0' && strcmp(key, desk->settings->after) != 0) {
        if (n == count)
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "--after: %s does not wait",
                                desk->settings->after);
        key_of(waiting, &state->held[state->first + n++], key);
    }
    if (!add_waiting(&desk->out, waiting, error) ||
        !add_all_held(&desk->out, waiting, n, max, error))
        return false;
    if (n + max >= count)
        return ds_buf_append_text(&desk->out, ",\"next\":null}", error);
    key_of(waiting, &state->held[state->first + n + max - 1], key);
    return ds_desk_text(&desk->out, "next", ds_str(key), error) &&
           ds_buf_append_char(&desk->out, '}', error);
}

/* Its record, and the fingerprint is that of the one that was held. */
bool ds_desk_fetch_held(struct ds_desk *desk, const struct ds_isolated *waiting,
                        const struct ds_held *held, ds_buf_t *value, ds_error_t *error)
{
    char key[DS_DESK_KEY_BYTES];

    if (!ds_operate_fetch(desk->runtime, desk->settings->brokers,
                          ds_isolated_topic(waiting->decider, held->input), waiting->partition,
                          held->offset, value, error))
        return false;
    key_of(waiting, held, key);
    return held->fingerprint == 0 || held->fingerprint == ds_fingerprint64(ds_buf_bytes(value)) ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_DAMAGE,
                        "%s: another record stands there than the one that waits", key);
}

static bool show_input(struct ds_desk *desk, const struct ds_isolated *waiting,
                       const struct ds_held *held, ds_error_t *error)
{
    ds_str_t topic = ds_str(ds_isolated_topic(waiting->decider, held->input));
    ds_buf_t value;
    bool ok;

    ds_buf_init(&value, DS_MAX_RECORD_BYTES);
    ok = ds_desk_fetch_held(desk, waiting, held, &value, error) &&
         add_waiting(&desk->out, waiting, error) &&
         ds_buf_append_text(&desk->out, ",\"input\":", error) &&
         add_held(&desk->out, waiting, held, error) &&
         ds_desk_hex(&desk->out, "valueHex", ds_buf_bytes(&value), error) &&
         ds_desk_decoded(desk, topic, ds_buf_bytes(&value), error) &&
         ds_buf_append_char(&desk->out, '}', error);
    ds_buf_cleanup(&value);
    return ok;
}

bool ds_desk_show_waiting(struct ds_desk *desk, const char *key, ds_error_t *error)
{
    const struct ds_held *held;
    const struct ds_isolated *waiting;

    if (!ds_desk_is_input(key)) {
        waiting = ds_desk_find_waiting(desk, key, error);
        return waiting != NULL && show_aggregate(desk, waiting, error);
    }
    waiting = ds_desk_find_input(desk, key, &held, error);
    return waiting != NULL && show_input(desk, waiting, held, error);
}
