/* cli/dlq/dlq.c - `doorstep dlq`: what processors could not decode (dead letters) or found
 * impossible (quarantine), and what to do about it. */
#include "base/crypto.h"
#include "base/limits.h"
#include "cli/dlq/age.h"
#include "cli/roles.h"
#include "schemas/framing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define OUTPUT_BYTES ((size_t)64 * 1024 * 1024)
#define TEXT_BYTES   4096
#define REGISTRY_MS  10000
#define PLACE(m)     offsetof(struct ds_desk_settings, m)

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, PLACE(brokers), "127.0.0.1:29092", 0, 0, false,
     false, "Kafka's bootstrap servers."},
    {"processor", NULL, DS_OPT_TEXT, PLACE(processor), "", 0, 0, false, false,
     "Only what this processor could not decide, such as order."},
    {"error", NULL, DS_OPT_TEXT, PLACE(error), "", 0, 0, false, false,
     "Only what has this error or reason, such as UNKNOWN_SCHEMA or IMPOSSIBLE."},
    {"state", NULL, DS_OPT_TEXT, PLACE(state), "open", 0, 0, false, false,
     "Only open, retried, dropped or edited letters; all: every one. Of quarantined aggregates those "
     "that hold are open; releasing: what waits is being decided."},
    {"after", NULL, DS_OPT_TEXT, PLACE(after), "", 0, 0, false, false,
     "list and show: begin behind this one, the `next` of the page before: PROCESSOR:KEY in a list, "
     "where the key alone is its first."},
    {"limit", NULL, DS_OPT_INT, PLACE(limit), "100", 1, 10000, false, false,
     "list and show: how many at most."},
    {"actor", NULL, DS_OPT_TEXT, PLACE(actor), "", 0, 0, false, false,
     "retry, drop, edit and release: who does it; kept with the letter, or in the log."},
    {"reason", NULL, DS_OPT_TEXT, PLACE(reason), "", 0, 0, false, false,
     "retry, drop, edit and release: why; kept likewise."},
    {"value", NULL, DS_OPT_TEXT, PLACE(value), "", 0, 0, false, false,
     "edit: the file with the record to decide instead, framed as on its topic (show: valueHex)."},
    {"timeout", NULL, DS_OPT_DURATION, PLACE(timeout_us), "2m", DS_US_PER_S, 3600 * DS_US_PER_S,
     false, false, "How long reading the logs may take."},
    {"wait", NULL, DS_OPT_DURATION, PLACE(wait_us), "10s", 0, 3600 * DS_US_PER_S, false, false,
     "release, drop and edit: how long the processor's decision is waited for."},
    {"all", NULL, DS_OPT_BOOL, PLACE(all), "0", 0, 0, false, false,
     "retry and drop: every open letter, release: every aggregate, that the filters leave, instead of "
     "named ones."},
    {"old", NULL, DS_OPT_BOOL, PLACE(old), "0", 0, 0, false, false,
     "retry: also letters older than 24 h, for which command ids are remembered (what was decided "
     "under the id meanwhile is decided twice), and orders older than --order-place-ttl (they are "
     "taken as new, at their old prices). Without it they are left, and the exit code is 1."},
    {"order-place-ttl", "ORDER_PLACE_TTL", DS_OPT_DURATION, PLACE(place_ttl_us), "15m", DS_US_PER_S,
     24 * 3600 * DS_US_PER_S, false, false,
     "retry: how old an order may be; what the order processor has."},
    {"json", NULL, DS_OPT_BOOL, PLACE(json), "0", 0, 0, false, false, "Print JSON."},
    DS_OPTION_END,
};

/* ---- which */

/* What else is asked for was looked at when it was read. */
static bool is_wanted(const struct ds_desk *desk, const struct ds_letter *letter)
{
    const struct ds_desk_settings *s = desk->settings;
    return strcmp(s->state, "all") == 0 ||
           strcmp(s->state, ds_letter_state_text(letter->state)) == 0;
}

/* A key names one letter, unless two processors could not read the same event. */
static struct ds_letter *find(const struct ds_desk *desk, const char *key, ds_error_t *error)
{
    struct ds_letter *found = NULL;

    for (size_t i = 0; i < ds_letters_count(desk->letters); i++) {
        struct ds_letter *letter = ds_letters_at(desk->letters, i);
        if (!ds_str_eq(letter->key, ds_str(key)))
            continue;
        if (found != NULL) {
            ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                         "%s is a letter of %s and of %s: name one with --processor", key,
                         found->processor, letter->processor);
            return NULL;
        }
        found = letter;
    }
    if (found == NULL)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN,
                     "there is no dead letter %s; `doorstep dlq list` has them", key);
    return found;
}

/* The letter of this name; NULL without an error: it may be one that waits. */
static struct ds_letter *look_for(const struct ds_desk *desk, const char *key, ds_error_t *error)
{
    ds_error_t why = DS_ERROR_INIT;
    struct ds_letter *letter = find(desk, key, &why);

    if (letter == NULL && why.code != DS_ERR_UNKNOWN)
        *error = why;
    return letter;
}

/* ---- printing */

bool ds_desk_text(ds_buf_t *out, const char *name, ds_str_t text, ds_error_t *error)
{
    return ds_buf_printf(out, error, ",\"%s\":", name) && ds_buf_append_json(out, text, error);
}

bool ds_desk_time(ds_buf_t *out, const char *name, int64_t at_us, ds_error_t *error)
{
    char at[DS_TIME_TEXT_BYTES];
    ds_time_to_text(at_us, at);
    return ds_buf_printf(out, error, ",\"%s\":\"%s\"", name, at);
}

static bool add_letter(ds_buf_t *out, const struct ds_letter *letter, ds_error_t *error)
{
    bool ok = ds_buf_printf(out, error, "{\"processor\":\"%s\"", letter->processor) &&
              ds_desk_text(out, "key", letter->key, error) &&
              ds_buf_printf(out, error, ",\"state\":\"%s\"", ds_letter_state_text(letter->state)) &&
              ds_desk_text(out, "error", letter->content->error, error) &&
              ds_desk_text(out, "detail", letter->content->detail, error) &&
              ds_desk_time(out, "at", letter->at_us, error) &&
              ds_buf_printf(out, error,
                            ",\"bytes\":%" PRIu32 ",\"place\":\"%s.dlq/%" PRId32 "/%" PRId64 "\"",
                            letter->bytes, letter->processor, letter->partition, letter->offset);
    if (ok && letter->state != DS_LETTER_OPEN)
        ok = ds_desk_time(out, "handledAt", letter->content->handled_us, error) &&
             ds_desk_text(out, "actor", letter->content->actor, error) &&
             ds_desk_text(out, "reason", letter->content->reason, error) &&
             ds_desk_text(out, "retriedAs", letter->content->retried_as, error);
    return ok;
}

static void print_line(const struct ds_letter *letter)
{
    char at[DS_TIME_TEXT_BYTES];
    ds_time_to_text(letter->at_us, at);
    printf("%s  %-8s %-28.*s %-16.*s %.*s\n", at, ds_letter_state_text(letter->state),
           DS_STR_ARG(letter->key), DS_STR_ARG(letter->content->error),
           DS_STR_ARG(letter->content->detail));
    if (letter->state != DS_LETTER_OPEN)
        printf("%30s by %.*s: %.*s\n", "", DS_STR_ARG(letter->content->actor),
               DS_STR_ARG(letter->content->reason));
}

/* "order:order.commands/3/17", or the key alone: it has no colon. */
static bool is_after(const struct ds_desk *desk, const char *processor, ds_str_t key)
{
    ds_str_t after = ds_str(desk->settings->after);
    ds_str_t name = ds_str_before(after, ':');

    return ds_str_eq(key, after) ||
           (ds_str_eq(name, ds_str(processor)) && ds_str_eq(key, ds_str_after(after, ':')));
}

bool ds_desk_wants(struct ds_desk *desk, const char *processor, ds_str_t key, bool filtered_in)
{
    bool wanted = desk->begun && filtered_in;

    desk->begun = desk->begun || is_after(desk, processor, key);
    if (wanted && desk->shown == desk->settings->limit)
        desk->more = true;
    if (!wanted || desk->more)
        return false;
    desk->last_processor = processor;
    desk->last = key;
    desk->shown++;
    return true;
}

/* Adds a letter to desk->out, behind a comma unless it is the first. */
static bool add_listed(struct ds_desk *desk, const struct ds_letter *letter, bool first,
                       ds_error_t *error)
{
    if (!desk->settings->json) {
        print_line(letter);
        return true;
    }
    return (first || ds_buf_append_char(&desk->out, ',', error)) &&
           add_letter(&desk->out, letter, error) && ds_buf_append_char(&desk->out, '}', error);
}

struct page {
    struct ds_desk *desk;
    bool begun;
};

static bool list_one(void *page_, struct ds_letter *letter, ds_error_t *error)
{
    struct page *page = page_;
    bool first = !page->begun;

    page->begun = true;
    return add_listed(page->desk, letter, first, error);
}

static bool list_letters(struct ds_desk *desk, ds_error_t *error)
{
    struct ds_letter **list = calloc((size_t)desk->settings->limit, sizeof(struct ds_letter *));
    struct page page = {.desk = desk};
    size_t count = 0;
    bool ok = list != NULL || ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "a page");

    for (size_t i = 0; ok && i < ds_letters_count(desk->letters); i++) {
        struct ds_letter *letter = ds_letters_at(desk->letters, i);

        if (ds_desk_wants(desk, letter->processor, letter->key, is_wanted(desk, letter)))
            list[count++] = letter;
    }
    ok = ok && ds_buf_append_text(&desk->out, "\"letters\":[", error) &&
         ds_letters_each(desk->letters, list, count, list_one, &page, error) &&
         ds_buf_append_char(&desk->out, ']', error);
    free(list);
    return ok;
}

static bool add_next(struct ds_desk *desk, ds_error_t *error)
{
    ds_buf_t next;
    bool ok;

    if (!desk->more)
        return ds_buf_append_text(&desk->out, ",\"next\":null", error);
    ds_buf_init(&next, TEXT_BYTES);
    ok = ds_buf_printf(&next, error, "%s:%.*s", desk->last_processor, DS_STR_ARG(desk->last)) &&
         ds_desk_text(&desk->out, "next", ds_buf_str(&next), error);
    if (ok && !desk->settings->json)
        printf("and more: --after %.*s\n", DS_STR_ARG(ds_buf_str(&next)));
    ds_buf_cleanup(&next);
    return ok;
}

/* Letters first, then quarantined aggregates; one page goes over both. */
static bool list(struct ds_desk *desk, ds_error_t *error)
{
    desk->begun = desk->settings->after[0] == '\0';
    if (!ds_desk_read_waiting(desk, NULL, error) || !ds_buf_append_char(&desk->out, '{', error) ||
        !list_letters(desk, error) || !ds_buf_append_char(&desk->out, ',', error) ||
        !ds_desk_list_waiting(desk, error))
        return false;
    if (!desk->begun)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN,
                            "--after: no dead letter or quarantined aggregate %s",
                            desk->settings->after);
    if (!desk->settings->json)
        printf("%" PRId64 " in all\n", desk->shown);
    return add_next(desk, error) && ds_buf_append_char(&desk->out, '}', error);
}

const void *ds_desk_decode(struct ds_desk *desk, const struct ds_schema *schema, ds_bytes_t value,
                           ds_arena_t *arena, ds_error_t *error)
{
    void *message = ds_arena_calloc(arena, 1, (schema->struct_bytes + 15) & ~(size_t)15, error);

    return message != NULL && ds_framing_decode_patiently(desk->runtime->framing, schema, value,
                                                          arena, message, NULL, REGISTRY_MS, error)
               ? message
               : NULL;
}

/* What this build makes of the bytes now: after an upgrade it may be readable. */
bool ds_desk_decoded(struct ds_desk *desk, ds_str_t topic, ds_bytes_t value, ds_error_t *error)
{
    const struct ds_schema *schema = ds_schema_of_topic(topic);
    ds_arena_t *arena = ds_arena_new(64 * 1024, DS_DESK_DECODE_BYTES);
    ds_error_t why = DS_ERROR_INIT;
    const void *message;
    bool ok;

    if (arena == NULL || schema == NULL) {
        ok = ds_buf_append_text(&desk->out, ",\"decoded\":null", error);
    } else if ((message = ds_desk_decode(desk, schema, value, arena, &why)) == NULL) {
        ok = ds_buf_append_text(&desk->out, ",\"decoded\":null", error) &&
             ds_desk_text(&desk->out, "decodeError", ds_str(why.message), error);
    } else {
        ok = ds_buf_append_text(&desk->out, ",\"decoded\":", error) &&
             ds_schema_print_json(schema, message, &desk->out, error);
    }
    ds_arena_destroy(arena);
    return ok;
}

bool ds_desk_hex(ds_buf_t *out, const char *name, ds_bytes_t bytes, ds_error_t *error)
{
    return ds_buf_printf(out, error, ",\"%s\":\"", name) && ds_hex_append(out, bytes, error) &&
           ds_buf_append_char(out, '"', error);
}

static bool show_letter(struct ds_desk *desk, const struct ds_letter *letter, ds_error_t *error)
{
    if (!add_letter(&desk->out, letter, error) ||
        !ds_desk_hex(&desk->out, "keyHex", letter->content->original_key, error) ||
        !ds_desk_hex(&desk->out, "valueHex", letter->content->value, error) ||
        !ds_buf_append_text(&desk->out, ",\"headers\":{", error))
        return false;
    for (size_t i = 0; i < letter->content->header_count; i++) {
        const struct ds_letter_header *header = &letter->content->headers[i];
        if ((i > 0 && !ds_buf_append_char(&desk->out, ',', error)) ||
            !ds_buf_append_json(&desk->out, header->name, error) ||
            !ds_buf_append_char(&desk->out, ':', error) ||
            !ds_buf_append_json(
                &desk->out, (ds_str_t){(const char *)header->value.data, header->value.len}, error))
            return false;
    }
    return ds_buf_append_char(&desk->out, '}', error) &&
           ds_desk_decoded(desk, letter->content->source_topic, letter->content->value, error) &&
           ds_buf_append_char(&desk->out, '}', error);
}

static bool show(struct ds_desk *desk, ds_error_t *error)
{
    struct ds_letter *letter =
        ds_desk_is_input(desk->keys[0]) ? look_for(desk, desk->keys[0], error) : NULL;

    if (letter != NULL)
        return ds_letters_load(desk->letters, &letter, 1, error) &&
               show_letter(desk, letter, error);
    return !ds_error_is_set(error) && ds_desk_read_waiting(desk, desk->keys[0], error) &&
           ds_desk_show_waiting(desk, desk->keys[0], error);
}

/* ---- acting */

typedef bool (*act_fn)(ds_letters_t *, struct ds_letter *, const char *actor, const char *reason,
                       ds_error_t *);

/* A long list is printed as it grows; of a short one nothing is, if the last of them fails. */
static void print_some(struct ds_desk *desk)
{
    if (desk->out.len < OUTPUT_BYTES / 2)
        return;
    printf("%.*s", DS_STR_ARG(ds_buf_str(&desk->out)));
    ds_buf_clear(&desk->out);
}

static bool act_on(struct ds_desk *desk, struct ds_letter *letter, act_fn act, size_t *done,
                   ds_error_t *error)
{
    if (letter->state != DS_LETTER_OPEN)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_CONFLICT, "%.*s was %s by %.*s already",
                            DS_STR_ARG(letter->key), ds_letter_state_text(letter->state),
                            DS_STR_ARG(letter->content->actor));
    if (!act(desk->letters, letter, desk->settings->actor, desk->settings->reason, error) ||
        !add_listed(desk, letter, *done == 0, error))
        return false;
    print_some(desk);
    (*done)++;
    return true;
}

/* Named ones: before the first is tried, all may be. */
static bool named_may_be_retried(struct ds_desk *desk, ds_ages_t *ages, ds_error_t *error)
{
    char why[DS_AGE_WHY_BYTES];
    bool may = true;

    for (int i = 0; may && i < desk->key_count; i++) {
        struct ds_letter *letter = find(desk, desk->keys[i], error);

        if (letter == NULL || !ds_letters_load(desk->letters, &letter, 1, error))
            return false;
        if (letter->state != DS_LETTER_OPEN || !ds_letter_is_command(letter))
            continue; /* which is told when its turn comes */
        if (!ds_ages_judge(ages, letter, &may, why, error))
            return false;
        if (!may)
            ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_CONFLICT,
                         "%.*s is left: %s; --old retries it all the same", DS_STR_ARG(letter->key),
                         why);
    }
    return may;
}

static bool act_on_named(struct ds_desk *desk, act_fn act, size_t *done, ds_error_t *error)
{
    bool ok = true;

    for (int i = 0; ok && i < desk->key_count; i++) {
        struct ds_letter *letter = act == ds_letter_drop ? look_for(desk, desk->keys[i], error)
                                                         : find(desk, desk->keys[i], error);

        if (letter != NULL)
            ok = ds_letters_load(desk->letters, &letter, 1, error) &&
                 act_on(desk, letter, act, done, error);
        else
            ok = !ds_error_is_set(error) &&
                 ds_desk_drop_waiting(desk, desk->keys[i], (*done)++ == 0, error);
    }
    return ok;
}

/* What is done with letters. */
struct acting {
    struct ds_desk *desk;
    act_fn act;
    ds_ages_t *ages; /* NULL: whatever their age */
    size_t done;
};

/* One of all: done, or left because it is too old. */
static bool act_or_leave(void *acting_, struct ds_letter *letter, ds_error_t *error)
{
    struct acting *acting = acting_;
    char why[DS_AGE_WHY_BYTES];
    bool may = true;

    if (ds_stopping(acting->desk->runtime))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_SHUTDOWN,
                            "asked to stop: %zu done, the rest is open", acting->done);
    if (acting->ages != NULL && ds_letter_is_command(letter) &&
        !ds_ages_judge(acting->ages, letter, &may, why, error))
        return false;
    if (may)
        return act_on(acting->desk, letter, acting->act, &acting->done, error);
    acting->desk->left++;
    if (!acting->desk->settings->json)
        printf("left: %.*s: %s\n", DS_STR_ARG(letter->key), why);
    return true;
}

static bool act_on_all(struct acting *acting, ds_error_t *error)
{
    const struct ds_desk *desk = acting->desk;
    size_t all = ds_letters_count(desk->letters);
    struct ds_letter **list = calloc(all + 1, sizeof(struct ds_letter *));
    size_t count = 0;

    if (list == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "dead letters");
    for (size_t i = 0; i < all; i++) {
        struct ds_letter *letter = ds_letters_at(desk->letters, i);
        if (letter->state == DS_LETTER_OPEN && is_wanted(desk, letter))
            list[count++] = letter;
    }
    bool ok = ds_letters_each(desk->letters, list, count, act_or_leave, acting, error);
    free(list);
    return ok;
}

static bool act_on_letters(struct ds_desk *desk, act_fn act, ds_ages_t *ages, ds_error_t *error)
{
    struct acting acting = {desk, act, ages, 0};

    return ds_buf_append_text(&desk->out, "{\"letters\":[", error) &&
           (ages == NULL || named_may_be_retried(desk, ages, error)) &&
           act_on_named(desk, act, &acting.done, error) &&
           (!desk->settings->all || act_on_all(&acting, error)) &&
           ds_buf_printf(&desk->out, error, "],\"count\":%zu,\"left\":%zu}", acting.done,
                         desk->left);
}

static bool retry(struct ds_desk *desk, ds_error_t *error)
{
    ds_ages_t *ages = desk->settings->old ? NULL : ds_ages_new(desk);
    bool ok = desk->settings->old || ages != NULL
                  ? act_on_letters(desk, ds_letter_retry, ages, error)
                  : ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "ages");

    ds_ages_destroy(ages);
    return ok;
}

static bool edit(struct ds_desk *desk, ds_error_t *error)
{
    struct ds_letter *letter = look_for(desk, desk->keys[0], error);

    if (letter != NULL && !ds_letters_load(desk->letters, &letter, 1, error))
        return false;
    if (letter != NULL && letter->state != DS_LETTER_OPEN)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_CONFLICT, "%.*s was %s by %.*s already",
                            DS_STR_ARG(letter->key), ds_letter_state_text(letter->state),
                            DS_STR_ARG(letter->content->actor));
    return !ds_error_is_set(error) && ds_desk_edit(desk, desk->keys[0], letter, error);
}

static bool act(struct ds_desk *desk, const char *verb, ds_error_t *error)
{
    if (strcmp(verb, "list") == 0)
        return list(desk, error);
    if (strcmp(verb, "show") == 0)
        return show(desk, error);
    if (strcmp(verb, "release") == 0)
        return ds_desk_release(desk, error);
    if (strcmp(verb, "edit") == 0)
        return edit(desk, error);
    if (strcmp(verb, "retry") == 0)
        return retry(desk, error);
    return act_on_letters(desk, ds_letter_drop, NULL, error);
}

static bool is_one_of(const char *text, const char *const *texts)
{
    while (*texts != NULL && strcmp(text, *texts) != 0)
        texts++;
    return *texts != NULL;
}

static bool invalid(ds_error_t *error, const char *verb, const char *what)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s %s", verb, what);
}

/* Keys, as many as the verb takes. */
static bool has_keys(const struct ds_desk_settings *s, const char *verb, int keys,
                     ds_error_t *error)
{
    static const char *const one[] = {"show", "edit", NULL};
    static const char *const acts[] = {"retry", "drop", "release", NULL};

    if (strcmp(verb, "list") == 0 && keys > 0)
        return invalid(error, verb, "takes no key");
    if (is_one_of(verb, one) && keys != 1)
        return invalid(error, verb, "takes one key");
    if (is_one_of(verb, acts) && (keys > 0) == s->all)
        return invalid(error, verb, "takes keys, or --all with filters");
    return true;
}

/* What was asked for makes sense; nothing was read yet. */
static bool is_complete(const struct ds_desk_settings *s, const char *verb, const char *const *keys,
                        int count, ds_error_t *error)
{
    static const char *const verbs[] = {"list", "show", "retry", "edit", "drop", "release", NULL};
    static const char *const states[] = {"open", "retried", "dropped",   "edited",
                                         "all",  "holding", "releasing", NULL};
    bool acts = strcmp(verb, "list") != 0 && strcmp(verb, "show") != 0;

    if (!is_one_of(verb, verbs))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "say list, show KEY, retry, edit KEY, drop or release AGGREGATE");
    if (!has_keys(s, verb, count, error))
        return false;
    for (int i = 0; i < count; i++)
        if ((strcmp(verb, "release") == 0) == ds_desk_is_input(keys[i]) &&
            strcmp(verb, "show") != 0)
            return invalid(error, verb,
                           ds_desk_is_input(keys[i]) ? "takes aggregates, such as an order's id"
                                                     : "takes keys: topic/partition/offset");
    if (acts && (s->actor[0] == '\0' || s->reason[0] == '\0'))
        return invalid(error, verb, "needs --actor and --reason: they stay with what is done");
    if (strcmp(verb, "edit") == 0 && s->value[0] == '\0')
        return invalid(error, verb, "needs --value, the file with the corrected record");
    if (strlen(s->actor) > TEXT_BYTES || strlen(s->reason) > TEXT_BYTES)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT,
                            "--actor and --reason: at most %d bytes", TEXT_BYTES);
    return is_one_of(s->state, states) ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                        "--state: open, retried, dropped, edited, holding, releasing or all");
}

/* A release looks at no letter. */
static bool read_letters(struct ds_desk *desk, const char *verb, ds_error_t *error)
{
    bool none = strcmp(verb, "release") == 0 ||
                (strcmp(verb, "show") == 0 && !ds_desk_is_input(desk->keys[0]));

    /* Who names a letter means it whatever its error is. */
    const struct ds_letters_filter filter = {.processor = desk->settings->processor,
                                             .error =
                                                 desk->key_count > 0 ? "" : desk->settings->error,
                                             .keys = desk->keys,
                                             .key_count = desk->key_count};

    return none || ds_letters_read(desk->runtime, desk->settings->brokers, &filter,
                                   desk->settings->timeout_us, &desk->letters, error);
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    struct ds_desk desk = {.runtime = runtime, .settings = settings};
    const char *verb = argc == 0 ? "" : argv[0];
    if (!is_complete(desk.settings, verb, argv + 1, argc - 1, error))
        return 2;
    desk.keys = argv + 1;
    desk.key_count = argc - 1;
    ds_buf_init(&desk.out, OUTPUT_BYTES);
    bool ok = read_letters(&desk, verb, error) && act(&desk, verb, error);
    if (ok && (desk.settings->json || strcmp(verb, "show") == 0))
        printf("%.*s\n", DS_STR_ARG(ds_buf_str(&desk.out)));
    if (ok && desk.left > 0)
        ok = ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_CONFLICT,
                          "%zu letter%s left: older than 24 h, or an order older than "
                          "ORDER_PLACE_TTL; --old retries them all the same",
                          desk.left, desk.left == 1 ? " was" : "s were");
    bool asked_wrong = error->code == DS_ERR_INVALID || error->code == DS_ERR_UNKNOWN;
    ds_letters_destroy(desk.letters);
    ds_isolated_destroy(desk.waiting);
    ds_buf_cleanup(&desk.out);
    return ok ? 0 : asked_wrong ? 2 : 1;
}

const struct ds_role ds_role_dlq = {
    .name = "dlq",
    .summary = "what processors could not decode or found impossible: look, try again, edit, drop, "
               "release",
    .usage = "list|show|retry|edit|drop|release [KEY...]",
    .examples =
        "  doorstep dlq list --processor order --json\n"
        "  doorstep dlq show order.commands/3/17\n"
        "  doorstep dlq retry --all --error UNKNOWN_SCHEMA --actor anna --reason 'reads it now'\n"
        "  doorstep dlq retry order.commands/3/17 --old --actor anna --reason 'asked the customer'\n"
        "  doorstep dlq drop order.commands/3/17 --actor anna --reason 'a test of ours'\n"
        "  doorstep dlq edit order.commands/3/17 --value mended.bin --actor anna --reason typo\n"
        "  doorstep dlq show berlin-1.01K9ZV3Q4T8W2N6M5B7C1D0E9F\n"
        "  doorstep dlq release berlin-1.01K9ZV3Q4T8W2N6M5B7C1D0E9F --actor anna --reason mended\n",
    .options = options,
    .settings_bytes = sizeof(struct ds_desk_settings),
    .run = run,
};
