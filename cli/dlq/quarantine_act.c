/* cli/dlq/quarantine_act.c - what an operator does about what waits, or about a dead letter, by a
 * command: release, drop, edit. */
#include "base/limits.h"
#include "cli/dlq/desk.h"
#include "cli/dlq/operate.h"

#include <inttypes.h>
#include <stdio.h>

static bool add_asked(struct ds_desk *desk, const struct ds_decider *decider, ds_str_t aggregate,
                      const char *key, const char *command, const char *outcome, const char *reason,
                      ds_error_t *error)
{
    if (!desk->settings->json)
        printf("%s %.*s%s%s: %s%s%s (%s)\n", decider->name, DS_STR_ARG(aggregate),
               key == NULL ? "" : " ", key == NULL ? "" : key, outcome,
               reason[0] == '\0' ? "" : ": ", reason, command);
    return ds_buf_printf(&desk->out, error, "{\"processor\":\"%s\"", decider->name) &&
           ds_desk_text(&desk->out, "aggregate", aggregate, error) &&
           (key == NULL || ds_desk_text(&desk->out, "key", ds_str(key), error)) &&
           ds_desk_text(&desk->out, "command", ds_str(command), error) &&
           ds_desk_text(&desk->out, "outcome", ds_str(outcome), error) &&
           ds_desk_text(&desk->out, "reason", ds_str(reason), error) &&
           ds_buf_append_char(&desk->out, '}', error);
}

/* What became of it, from the log. That it is not decided yet is no failure: it stands there. */
static bool follow(struct ds_desk *desk, const struct ds_decider *decider, int32_t partition,
                   int64_t offset, const char **outcome_out, char reason[64], ds_error_t *error)
{
    enum ds_isolated_outcome outcome = DS_ASKED_UNKNOWN;
    ds_error_t late = DS_ERROR_INIT;

    reason[0] = '\0';
    *outcome_out = "sent";
    if (offset < 0 || desk->settings->wait_us == 0)
        return true;
    if (!ds_isolated_follow(desk->waiting, decider, partition, offset, desk->settings->wait_us,
                            &outcome, reason, &late)) {
        if (late.code == DS_ERR_TIMEOUT)
            return true;
        *error = late;
        return false;
    }
    *outcome_out = outcome == DS_ASKED_REFUSED ? "refused" : "done";
    return true;
}

/* Where a command stands, and whether it is known to be decided. */
struct answer {
    int32_t partition;
    int64_t offset;
    bool done;
};

static bool ask(struct ds_desk *desk, const struct ds_decider *decider, ds_str_t aggregate,
                const char *key, const struct ds_operator_command *command,
                struct answer *answer_out, ds_error_t *error)
{
    const char *outcome;
    char reason[64];
    char place[DS_DESK_KEY_BYTES];

    if (!ds_operate_send(desk->runtime, desk->settings->brokers, decider, command, aggregate,
                         desk->settings->actor, &answer_out->partition, &answer_out->offset,
                         error) ||
        !follow(desk, decider, answer_out->partition, answer_out->offset, &outcome, reason, error))
        return false;
    answer_out->done = strcmp(outcome, "done") == 0;
    (void)snprintf(place, sizeof place, "%s.commands/%" PRId32 "/%" PRId64, decider->name,
                   answer_out->partition, answer_out->offset);
    if (!add_asked(desk, decider, aggregate, key, place, outcome, reason, error))
        return false;
    return strcmp(outcome, "refused") != 0 ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_CONFLICT, "%s refused it: %s", decider->name,
                        reason);
}

static bool release(struct ds_desk *desk, const struct ds_isolated *waiting, size_t *done,
                    ds_error_t *error)
{
    struct ds_operator_command command = {.body.kind = DS_OPERATOR_RELEASE_AGGREGATE};
    struct answer answer;

    command.body.as.release_aggregate =
        (struct ds_release_aggregate){waiting->aggregate, ds_str(desk->settings->reason)};
    return ((*done)++ == 0 || ds_buf_append_char(&desk->out, ',', error)) &&
           ask(desk, waiting->decider, waiting->aggregate, NULL, &command, &answer, error);
}

bool ds_desk_release(struct ds_desk *desk, ds_error_t *error)
{
    size_t done = 0;
    bool ok = ds_buf_append_text(&desk->out, "{\"asked\":[", error);

    for (int i = 0; ok && i < desk->key_count; i++) {
        const struct ds_isolated *waiting;

        ok = ds_desk_read_waiting(desk, desk->keys[i], error) &&
             (waiting = ds_desk_find_waiting(desk, desk->keys[i], error)) != NULL &&
             release(desk, waiting, &done, error);
    }
    if (ok && desk->settings->all)
        ok = ds_desk_read_waiting(desk, NULL, error);
    for (size_t i = 0; ok && desk->settings->all && i < ds_isolated_count(desk->waiting); i++) {
        const struct ds_isolated *waiting = ds_isolated_at(desk->waiting, i);

        if (!waiting->state->releasing && ds_desk_wants_waiting(desk, waiting))
            ok = release(desk, waiting, &done, error);
    }
    return ok && ds_buf_printf(&desk->out, error, "],\"count\":%zu}", done);
}

bool ds_desk_drop_waiting(struct ds_desk *desk, const char *key, bool first, ds_error_t *error)
{
    struct ds_operator_command command = {.body.kind = DS_OPERATOR_DROP_INPUT};
    const struct ds_held *held;
    const struct ds_isolated *waiting;
    struct answer answer;

    if (!ds_desk_read_waiting(desk, key, error))
        return false;
    waiting = ds_desk_find_input(desk, key, &held, error);
    if (waiting == NULL)
        return false;
    command.body.as.drop_input =
        (struct ds_drop_input){.topic = ds_str(ds_isolated_topic(waiting->decider, held->input)),
                               .offset = held->offset,
                               .has_aggregate = true,
                               .aggregate = waiting->aggregate,
                               .reason = ds_str(desk->settings->reason)};
    return (first || ds_buf_append_char(&desk->out, ',', error)) &&
           ask(desk, waiting->decider, waiting->aggregate, key, &command, &answer, error);
}

/* ---- edit */

static bool read_value(const char *path, ds_buf_t *value, ds_error_t *error)
{
    FILE *file = fopen(path, "rbe");
    uint8_t bytes[4096];
    size_t n;
    bool ok = true;

    if (file == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "--value: %s cannot be read",
                            path);
    while (ok && (n = fread(bytes, 1, sizeof bytes, file)) > 0)
        ok = ds_buf_append(value, bytes, (uint32_t)n, error);
    if (ok && ferror(file) != 0)
        ok = ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "--value: %s cannot be read", path);
    (void)fclose(file);
    return ok || ds_error_prefix(error, "--value");
}

/* The processor would only say INVALID; here it is said what is wrong, and where. */
static bool is_command(struct ds_desk *desk, const struct ds_decider *decider, ds_bytes_t by,
                       ds_error_t *error)
{
    const struct ds_schema *schema = ds_schema_of_topic(ds_str(ds_isolated_topic(decider, 0)));
    ds_arena_t *arena = ds_arena_new(64 * 1024, DS_DESK_DECODE_BYTES);
    ds_error_t why = DS_ERROR_INIT;
    bool ok;

    if (arena == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "a command");
    ok = ds_desk_decode(desk, schema, by, arena, &why) != NULL;
    ds_arena_destroy(arena);
    return ok ||
           ds_error_set(error, DS_DOMAIN_CLI,
                        why.retriable || why.code == DS_ERR_MEMORY ? why.code : DS_ERR_INVALID,
                        "--value: %s holds no command of %s: %s", desk->settings->value,
                        decider->name, why.message);
}

static bool edit_waiting(struct ds_desk *desk, const char *key, ds_bytes_t by, ds_error_t *error)
{
    struct ds_operator_command command = {.body.kind = DS_OPERATOR_EDIT_INPUT};
    const struct ds_held *held;
    const struct ds_isolated *waiting;
    struct answer answer;
    ds_buf_t old;
    bool ok;

    if (!ds_desk_read_waiting(desk, key, error))
        return false;
    waiting = ds_desk_find_input(desk, key, &held, error);
    if (waiting == NULL)
        return false;
    if (held->input != 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "%s is an event: what happened cannot be edited, only dropped", key);
    if (!is_command(desk, waiting->decider, by, error))
        return false;
    ds_buf_init(&old, DS_MAX_RECORD_BYTES);
    ok = ds_desk_fetch_held(desk, waiting, held, &old, error);
    command.body.as.edit_input =
        (struct ds_edit_input){.topic = ds_str(ds_isolated_topic(waiting->decider, held->input)),
                               .offset = held->offset,
                               .has_aggregate = true,
                               .aggregate = waiting->aggregate,
                               .reason = ds_str(desk->settings->reason),
                               .old_value = ds_buf_bytes(&old),
                               .new_value = by};
    ok = ok && ask(desk, waiting->decider, waiting->aggregate, key, &command, &answer, error);
    ds_buf_cleanup(&old);
    return ok;
}

/* Whether a letter can be edited at all, by these bytes. */
static bool may_edit(struct ds_desk *desk, const struct ds_letter *letter, ds_bytes_t by,
                     ds_error_t *error)
{
    const struct ds_decider *decider = ds_letter_decider(letter);

    if (!ds_str_eq(letter->content->source_topic, ds_str(ds_isolated_topic(decider, 0))))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "%.*s is an event: only its processor may write one",
                            DS_STR_ARG(letter->key));
    if (letter->content->original_key.len == 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "%.*s has no key, so no partition decides about it: send the corrected "
                            "command anew, with its key, and drop the letter",
                            DS_STR_ARG(letter->key));
    return is_command(desk, decider, by, error);
}

/* The log from its beginning, to follow what is decided about a key. */
static bool read_log(struct ds_desk *desk, const struct ds_decider *decider, ds_str_t key,
                     ds_error_t *error)
{
    const struct ds_isolated_scope scope = {
        .processor = decider->name, .aggregate = key, .partition = -1};

    return desk->settings->wait_us == 0 ||
           ds_isolated_read(desk->runtime, desk->settings->brokers, &scope,
                            desk->settings->timeout_us, &desk->waiting, error);
}

static bool edit_letter(struct ds_desk *desk, struct ds_letter *letter, ds_bytes_t by,
                        ds_error_t *error)
{
    struct ds_operator_command command = {.body.kind = DS_OPERATOR_EDIT_INPUT};
    ds_str_t key = {(const char *)letter->content->original_key.data,
                    letter->content->original_key.len};
    const struct ds_decider *decider = ds_letter_decider(letter);
    struct answer answer;

    command.body.as.edit_input = (struct ds_edit_input){.topic = letter->content->source_topic,
                                                        .offset = letter->content->source_offset,
                                                        .reason = ds_str(desk->settings->reason),
                                                        .old_value = letter->content->value,
                                                        .new_value = by};
    if (!may_edit(desk, letter, by, error) || !read_log(desk, decider, key, error) ||
        !ask(desk, decider, key, desk->keys[0], &command, &answer, error))
        return false;
    return !answer.done || ds_letter_edited(desk->letters, letter, answer.partition, answer.offset,
                                            desk->settings->actor, desk->settings->reason, error);
}

bool ds_desk_edit(struct ds_desk *desk, const char *key, struct ds_letter *letter,
                  ds_error_t *error)
{
    ds_buf_t by;
    bool ok;

    ds_buf_init(&by, DS_MAX_RECORD_BYTES);
    ok = read_value(desk->settings->value, &by, error) &&
         (letter != NULL ? edit_letter(desk, letter, ds_buf_bytes(&by), error)
                         : edit_waiting(desk, key, ds_buf_bytes(&by), error));
    ds_buf_cleanup(&by);
    return ok;
}
