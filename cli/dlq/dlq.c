/* cli/dlq/dlq.c - `doorstep dlq list|show|retry|drop`: what processors could not decode, and what
 * to do about it. */
#include "base/limits.h"
#include "cli/dlq/letters.h"
#include "cli/roles.h"
#include "schemas/framing.h"

#include <inttypes.h>
#include <stdio.h>

#define OUTPUT_BYTES ((size_t)64 * 1024 * 1024)
#define TEXT_BYTES   4096
#define REGISTRY_MS  10000

struct settings {
    const char *brokers;
    const char *processor;
    const char *error;
    const char *state;
    const char *after;
    int64_t limit;
    const char *actor;
    const char *reason;
    bool all;
    bool json;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"processor", NULL, DS_OPT_TEXT, offsetof(struct settings, processor), "", 0, 0, false, false,
     "Only letters of this processor, such as order."},
    {"error", NULL, DS_OPT_TEXT, offsetof(struct settings, error), "", 0, 0, false, false,
     "Only letters with this error, such as UNKNOWN_SCHEMA."},
    {"state", NULL, DS_OPT_TEXT, offsetof(struct settings, state), "open", 0, 0, false, false,
     "Only open, retried or dropped ones; all: every one."},
    {"after", NULL, DS_OPT_TEXT, offsetof(struct settings, after), "", 0, 0, false, false,
     "list: begin behind this key, the `next` of the page before."},
    {"limit", NULL, DS_OPT_INT, offsetof(struct settings, limit), "100", 1, 10000, false, false,
     "list: how many at most."},
    {"actor", NULL, DS_OPT_TEXT, offsetof(struct settings, actor), "", 0, 0, false, false,
     "retry and drop: who does it; kept with the letter."},
    {"reason", NULL, DS_OPT_TEXT, offsetof(struct settings, reason), "", 0, 0, false, false,
     "retry and drop: why; kept with the letter."},
    {"all", NULL, DS_OPT_BOOL, offsetof(struct settings, all), "0", 0, 0, false, false,
     "retry and drop: every open letter that the filters leave, instead of named ones."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct settings, json), "0", 0, 0, false, false,
     "Print JSON."},
    DS_OPTION_END,
};

struct desk {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    ds_letters_t *letters;
    const char *const *keys;
    int key_count;
    ds_buf_t out;
};

/* ---- which */

static bool is_wanted(const struct desk *desk, const struct ds_letter *letter)
{
    const struct settings *s = desk->settings;
    return (s->error[0] == '\0' || ds_str_eq(letter->error, ds_str(s->error))) &&
           (strcmp(s->state, "all") == 0 ||
            strcmp(s->state, ds_letter_state_text(letter->state)) == 0);
}

/* A key names one letter, unless two processors could not read the same event. */
static struct ds_letter *find(const struct desk *desk, const char *key, ds_error_t *error)
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

/* ---- printing */

static bool add_text(ds_buf_t *out, const char *name, ds_str_t text, ds_error_t *error)
{
    return ds_buf_printf(out, error, ",\"%s\":", name) && ds_buf_append_json(out, text, error);
}

static bool add_time(ds_buf_t *out, const char *name, int64_t at_us, ds_error_t *error)
{
    char at[DS_TIME_TEXT_BYTES];
    ds_time_to_text(at_us, at);
    return ds_buf_printf(out, error, ",\"%s\":\"%s\"", name, at);
}

static bool add_letter(ds_buf_t *out, const struct ds_letter *letter, ds_error_t *error)
{
    bool ok =
        ds_buf_printf(out, error, "{\"processor\":\"%s\"", letter->processor) &&
        add_text(out, "key", letter->key, error) &&
        ds_buf_printf(out, error, ",\"state\":\"%s\"", ds_letter_state_text(letter->state)) &&
        add_text(out, "error", letter->error, error) &&
        add_text(out, "detail", letter->detail, error) &&
        add_time(out, "at", letter->at_us, error) &&
        ds_buf_printf(out, error,
                      ",\"bytes\":%" PRIu32 ",\"place\":\"%s.dlq/%" PRId32 "/%" PRId64 "\"",
                      letter->value.len, letter->processor, letter->partition, letter->offset);
    if (ok && letter->state != DS_LETTER_OPEN)
        ok = add_time(out, "handledAt", letter->handled_us, error) &&
             add_text(out, "actor", letter->actor, error) &&
             add_text(out, "reason", letter->reason, error) &&
             add_text(out, "retriedAs", letter->retried_as, error);
    return ok;
}

static void print_line(const struct ds_letter *letter)
{
    char at[DS_TIME_TEXT_BYTES];
    ds_time_to_text(letter->at_us, at);
    printf("%s  %-8s %-28.*s %-16.*s %.*s\n", at, ds_letter_state_text(letter->state),
           DS_STR_ARG(letter->key), DS_STR_ARG(letter->error), DS_STR_ARG(letter->detail));
    if (letter->state != DS_LETTER_OPEN)
        printf("%30s by %.*s: %.*s\n", "", DS_STR_ARG(letter->actor), DS_STR_ARG(letter->reason));
}

static bool list(struct desk *desk, ds_error_t *error)
{
    const struct settings *s = desk->settings;
    bool begun = s->after[0] == '\0';
    const struct ds_letter *last = NULL;
    bool more = false;
    int64_t shown = 0;
    bool ok = ds_buf_append_text(&desk->out, "{\"letters\":[", error);

    for (size_t i = 0; ok && !more && i < ds_letters_count(desk->letters); i++) {
        const struct ds_letter *letter = ds_letters_at(desk->letters, i);
        bool wanted = begun && is_wanted(desk, letter);
        begun = begun || ds_str_eq(letter->key, ds_str(s->after));
        more = wanted && shown == s->limit;
        if (!wanted || more)
            continue;
        ok = (shown == 0 || ds_buf_append_char(&desk->out, ',', error)) &&
             add_letter(&desk->out, letter, error) && ds_buf_append_char(&desk->out, '}', error);
        if (!s->json)
            print_line(letter);
        last = letter;
        shown++;
    }
    if (ok && !begun)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "--after: no dead letter %s",
                            s->after);
    ok = ok && ds_buf_append_text(&desk->out, "],\"next\":", error) &&
         (more ? ds_buf_append_json(&desk->out, last->key, error)
               : ds_buf_append_text(&desk->out, "null", error)) &&
         ds_buf_append_char(&desk->out, '}', error);
    if (!s->json)
        printf("%" PRId64 " letters%s\n", shown, more ? ", and more: --after the last key" : "");
    return ok;
}

/* What this build makes of the bytes now: after an upgrade it may be readable. */
static bool add_decoded(struct desk *desk, const struct ds_letter *letter, ds_error_t *error)
{
    const struct ds_schema *schema = ds_schema_of_topic(letter->source_topic);
    ds_arena_t *arena = ds_arena_new(64 * 1024, (size_t)2 * DS_MAX_DECODE_BYTES);
    ds_error_t why = DS_ERROR_INIT;
    void *message = NULL;
    bool ok;

    if (arena != NULL && schema != NULL)
        message = ds_arena_calloc(arena, 1, (schema->struct_bytes + 15) & ~(size_t)15, error);
    if (message == NULL) {
        ok = ds_buf_append_text(&desk->out, ",\"decoded\":null", error);
    } else if (!ds_framing_decode_patiently(desk->runtime->framing, schema, letter->value, arena,
                                            message, NULL, REGISTRY_MS, &why)) {
        ok = ds_buf_append_text(&desk->out, ",\"decoded\":null", error) &&
             add_text(&desk->out, "decodeError", ds_str(why.message), error);
    } else {
        ok = ds_buf_append_text(&desk->out, ",\"decoded\":", error) &&
             ds_schema_print_json(schema, message, &desk->out, error);
    }
    ds_arena_destroy(arena);
    return ok;
}

static bool add_hex(ds_buf_t *out, const char *name, ds_bytes_t bytes, ds_error_t *error)
{
    bool ok = ds_buf_printf(out, error, ",\"%s\":\"", name);
    for (uint32_t i = 0; ok && i < bytes.len; i++)
        ok = ds_buf_printf(out, error, "%02x", bytes.data[i]);
    return ok && ds_buf_append_char(out, '"', error);
}

static bool show(struct desk *desk, ds_error_t *error)
{
    const struct ds_letter *letter = find(desk, desk->keys[0], error);
    if (letter == NULL || !add_letter(&desk->out, letter, error) ||
        !add_hex(&desk->out, "keyHex", letter->original_key, error) ||
        !add_hex(&desk->out, "valueHex", letter->value, error) ||
        !ds_buf_append_text(&desk->out, ",\"headers\":{", error))
        return false;
    for (size_t i = 0; i < letter->header_count; i++) {
        const struct ds_letter_header *header = &letter->headers[i];
        if ((i > 0 && !ds_buf_append_char(&desk->out, ',', error)) ||
            !ds_buf_append_json(&desk->out, header->name, error) ||
            !ds_buf_append_char(&desk->out, ':', error) ||
            !ds_buf_append_json(
                &desk->out, (ds_str_t){(const char *)header->value.data, header->value.len}, error))
            return false;
    }
    return ds_buf_append_char(&desk->out, '}', error) && add_decoded(desk, letter, error) &&
           ds_buf_append_char(&desk->out, '}', error);
}

/* ---- acting */

typedef bool (*act_fn)(ds_letters_t *, struct ds_letter *, const char *actor, const char *reason,
                       ds_error_t *);

static bool act_on(struct desk *desk, struct ds_letter *letter, act_fn act, size_t *done,
                   ds_error_t *error)
{
    if (letter->state != DS_LETTER_OPEN)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_CONFLICT, "%.*s was %s by %.*s already",
                            DS_STR_ARG(letter->key), ds_letter_state_text(letter->state),
                            DS_STR_ARG(letter->actor));
    if (!act(desk->letters, letter, desk->settings->actor, desk->settings->reason, error))
        return false;
    if ((*done > 0 && !ds_buf_append_char(&desk->out, ',', error)) ||
        !add_letter(&desk->out, letter, error) || !ds_buf_append_char(&desk->out, '}', error))
        return false;
    if (!desk->settings->json)
        print_line(letter);
    (*done)++;
    return true;
}

static bool act_on_all(struct desk *desk, act_fn act, ds_error_t *error)
{
    size_t done = 0;
    bool ok = ds_buf_append_text(&desk->out, "{\"letters\":[", error);

    for (int i = 0; ok && i < desk->key_count; i++) {
        struct ds_letter *letter = find(desk, desk->keys[i], error);
        ok = letter != NULL && act_on(desk, letter, act, &done, error);
    }
    for (size_t i = 0; ok && desk->settings->all && i < ds_letters_count(desk->letters); i++) {
        struct ds_letter *letter = ds_letters_at(desk->letters, i);
        if (letter->state == DS_LETTER_OPEN && is_wanted(desk, letter))
            ok = act_on(desk, letter, act, &done, error);
    }
    return ok && ds_buf_printf(&desk->out, error, "],\"count\":%zu}", done);
}

static bool act(struct desk *desk, const char *verb, ds_error_t *error)
{
    if (strcmp(verb, "list") == 0)
        return list(desk, error);
    if (strcmp(verb, "show") == 0)
        return show(desk, error);
    return act_on_all(desk, strcmp(verb, "retry") == 0 ? ds_letter_retry : ds_letter_drop, error);
}

/* What was asked for makes sense; nothing was read yet. */
static bool is_complete(const struct settings *s, const char *verb, int keys, ds_error_t *error)
{
    bool acts = strcmp(verb, "retry") == 0 || strcmp(verb, "drop") == 0;
    if (!acts && strcmp(verb, "list") != 0 && strcmp(verb, "show") != 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "say list, show KEY, retry or drop");
    if (strcmp(verb, "list") == 0 && keys > 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "list takes no key");
    if (strcmp(verb, "show") == 0 && keys != 1)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "show takes one key");
    if (acts && (keys > 0) == s->all)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "%s takes keys, or --all with filters", verb);
    if (acts && (s->actor[0] == '\0' || s->reason[0] == '\0'))
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "%s needs --actor and --reason: they stay with the letter", verb);
    if (strlen(s->actor) > TEXT_BYTES || strlen(s->reason) > TEXT_BYTES)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT,
                            "--actor and --reason: at most %d bytes", TEXT_BYTES);
    if (strcmp(s->state, "open") != 0 && strcmp(s->state, "retried") != 0 &&
        strcmp(s->state, "dropped") != 0 && strcmp(s->state, "all") != 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "--state: open, retried, dropped or all");
    return true;
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    struct desk desk = {.runtime = runtime, .settings = settings};
    const char *verb = argc == 0 ? "" : argv[0];
    if (!is_complete(desk.settings, verb, argc - 1, error))
        return 2;
    desk.keys = argv + 1;
    desk.key_count = argc - 1;
    ds_buf_init(&desk.out, OUTPUT_BYTES);
    bool ok = ds_letters_read(runtime, desk.settings->brokers, desk.settings->processor,
                              &desk.letters, error) &&
              act(&desk, verb, error);
    if (ok && (desk.settings->json || strcmp(verb, "show") == 0))
        printf("%.*s\n", DS_STR_ARG(ds_buf_str(&desk.out)));
    bool asked_wrong = error->code == DS_ERR_INVALID || error->code == DS_ERR_UNKNOWN;
    ds_letters_destroy(desk.letters);
    ds_buf_cleanup(&desk.out);
    return ok ? 0 : asked_wrong ? 2 : 1;
}

const struct ds_role ds_role_dlq = {
    .name = "dlq",
    .summary = "what processors could not decode: list it, look at it, try it again or drop it",
    .usage = "list|show|retry|drop [KEY...]",
    .examples =
        "  doorstep dlq list --processor order --json\n"
        "  doorstep dlq show order.commands/3/17\n"
        "  doorstep dlq retry --all --error UNKNOWN_SCHEMA --actor anna --reason 'reads it now'\n"
        "  doorstep dlq drop order.commands/3/17 --actor anna --reason 'a test of ours'\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
