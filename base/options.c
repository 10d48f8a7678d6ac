#include "base/options.h"

#include "base/option_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* All that is wrong, in one message. Once one problem does not fit, the later ones are only
 * counted. */
struct problems {
    char text[DS_ERROR_MESSAGE_BYTES];
    size_t len;
    unsigned more;
};

#define MORE_BYTES    sizeof "; and 4294967295 more"
#define PROBLEM_BYTES (DS_ERROR_MESSAGE_BYTES - MORE_BYTES)
#define VALUE_BYTES   40 /* of a wrong value that are shown */

static void add_problem(struct problems *problems, const char *format, ...) DS_PRINTF(2, 3);

static void add_problem(struct problems *problems, const char *format, ...)
{
    char text[PROBLEM_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t gap = problems->len == 0 ? 0 : 2;
    if (problems->more > 0 || problems->len + gap + strlen(text) >= PROBLEM_BYTES) {
        problems->more++;
        return;
    }
    memcpy(problems->text + problems->len, "; ", gap);
    memcpy(problems->text + problems->len + gap, text, strlen(text) + 1);
    problems->len += gap + strlen(text);
}

static bool report(struct problems *problems, ds_error_t *error)
{
    if (problems->len == 0)
        return true;
    if (problems->more > 0)
        (void)snprintf(problems->text + problems->len, MORE_BYTES, "; and %u more", problems->more);
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s", problems->text);
}

static void *place_of(const struct ds_option *option, void *target)
{
    return (char *)target + option->place;
}

static void store_zero(const struct ds_option *option, void *target)
{
    const char *const text = NULL;
    const int64_t number = 0;
    const bool truth = false;
    switch (option->type) {
    case DS_OPT_TEXT:
        memcpy(place_of(option, target), &text, sizeof text);
        return;
    case DS_OPT_BOOL:
        memcpy(place_of(option, target), &truth, sizeof truth);
        return;
    case DS_OPT_INT:
    case DS_OPT_DURATION:
        memcpy(place_of(option, target), &number, sizeof number);
        return;
    }
}

static bool store_number(const struct ds_option *option, const char *value, void *target,
                         const char **wrong_out)
{
    int64_t number = 0;
    bool read = option->type == DS_OPT_INT ? ds_str_to_i64(ds_str(value), &number)
                                           : ds_duration_parse(value, &number);
    *wrong_out = option->type == DS_OPT_INT ? "is not a whole number" : "is not a duration like 5s";
    if (!read)
        return false;
    *wrong_out = "is out of range";
    if (ds_option_has_range(option) && (number < option->min || number > option->max))
        return false;
    memcpy(place_of(option, target), &number, sizeof number);
    return true;
}

static bool store_bool(const struct ds_option *option, const char *value, void *target,
                       const char **wrong_out)
{
    bool truth;
    *wrong_out = "is none of 0, 1, true, false";
    if (!ds_bool_parse(value, &truth))
        return false;
    memcpy(place_of(option, target), &truth, sizeof truth);
    return true;
}

static bool store(const struct ds_option *option, const char *value, void *target,
                  const char **wrong_out)
{
    switch (option->type) {
    case DS_OPT_TEXT:
        memcpy(place_of(option, target), &value, sizeof value);
        return true;
    case DS_OPT_BOOL:
        return store_bool(option, value, target, wrong_out);
    case DS_OPT_INT:
    case DS_OPT_DURATION:
        return store_number(option, value, target, wrong_out);
    }
    return false;
}

/* @param source  "--name", the variable's name, or "default of --name". */
static void set_value(const struct ds_option *option, const char *prefix, const char *source,
                      const char *value, void *target, struct problems *problems)
{
    const char *wrong = "";
    if (store(option, value, target, &wrong))
        return;
    char bounds[DS_OPTION_RANGE_BYTES];
    char range[DS_OPTION_RANGE_BYTES + 4] = "";
    if (ds_option_range_text(option, bounds))
        (void)snprintf(range, sizeof range, " (%s)", bounds);
    ds_str_t shown = ds_utf8_cut(ds_str(value), VALUE_BYTES);
    if (option->secret)
        add_problem(problems, "%s%s: its value %s%s", prefix, source, wrong, range);
    else
        add_problem(problems, "%s%s: \"%.*s\" %s%s", prefix, source, DS_STR_ARG(shown), wrong,
                    range);
}

/* --- the command line ------------------------------------------------------------------------- */

enum argument_kind { ARG_POSITIONAL, ARG_OPTION, ARG_HELP, ARG_UNKNOWN, ARG_NO_VALUE, ARG_EXCESS };

struct argument {
    enum argument_kind kind;
    const struct ds_option *option; /* OPTION, NO_VALUE, EXCESS */
    const char *text;               /* the value of an OPTION, otherwise the argument itself */
};

struct command_line {
    const struct ds_option *table;
    char *const *argv;
    int argc;
    int at;
    bool options_ended;
};

static const struct ds_option *find(const struct ds_option *table, ds_str_t name)
{
    for (; table->name != NULL; table++)
        if (ds_str_eq(name, ds_str(table->name)))
            return table;
    return NULL;
}

static const struct ds_option *find_negated(const struct ds_option *table, ds_str_t name)
{
    if (name.len <= 3 || memcmp(name.data, "no-", 3) != 0)
        return NULL;
    const struct ds_option *option = find(table, (ds_str_t){name.data + 3, name.len - 3});
    return option != NULL && option->type == DS_OPT_BOOL ? option : NULL;
}

/* `--name=value`, `--name value`, `--bool`, `--no-bool`. A value that begins with "--" needs the
 * form with '=', so that a forgotten value does not swallow the next option. */
static struct argument read_option(struct command_line *line, const char *text)
{
    ds_str_t name = ds_str_before(ds_str(text + 2), '=');
    const char *equals = strchr(text, '=');
    const struct ds_option *option = find(line->table, name);
    if (option == NULL) {
        option = find_negated(line->table, name);
        if (option == NULL)
            return (struct argument){ARG_UNKNOWN, NULL, text};
        return equals != NULL ? (struct argument){ARG_EXCESS, option, text}
                              : (struct argument){ARG_OPTION, option, "0"};
    }
    if (equals != NULL)
        return (struct argument){ARG_OPTION, option, equals + 1};
    if (option->type == DS_OPT_BOOL)
        return (struct argument){ARG_OPTION, option, "1"};
    if (line->at >= line->argc || strncmp(line->argv[line->at], "--", 2) == 0)
        return (struct argument){ARG_NO_VALUE, option, text};
    return (struct argument){ARG_OPTION, option, line->argv[line->at++]};
}

static bool next_argument(struct command_line *line, struct argument *out)
{
    if (line->at < line->argc && !line->options_ended && strcmp(line->argv[line->at], "--") == 0) {
        line->options_ended = true;
        line->at++;
    }
    if (line->at >= line->argc)
        return false;
    const char *text = line->argv[line->at++];
    if (line->options_ended || text[0] != '-' || text[1] == '\0')
        *out = (struct argument){ARG_POSITIONAL, NULL, text};
    else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
        *out = (struct argument){ARG_HELP, NULL, text};
    else if (text[1] != '-')
        *out = (struct argument){ARG_UNKNOWN, NULL, text};
    else
        *out = read_option(line, text);
    return true;
}

static bool given(const struct ds_option *option, struct command_line line)
{
    struct argument argument;
    while (next_argument(&line, &argument))
        if (argument.option == option)
            return true;
    return false;
}

static bool asks_for_help(struct command_line line)
{
    struct argument argument;
    while (next_argument(&line, &argument))
        if (argument.kind == ARG_HELP)
            return true;
    return false;
}

/* What an option is without a flag. An empty variable counts as absent: that is how compose files
 * pass on what nobody has set. */
static void set_unflagged(const struct ds_option *option, void *target, struct problems *problems)
{
    const char *variable = option->env == NULL ? NULL : getenv(option->env);
    if (variable != NULL && variable[0] != '\0')
        set_value(option, "", option->env, variable, target, problems);
    else if (option->default_text != NULL)
        set_value(option, "default of --", option->name, option->default_text, target, problems);
    else if (option->required)
        add_problem(problems, "--%s%s%s is required", option->name,
                    option->env == NULL ? "" : " or ", option->env == NULL ? "" : option->env);
}

static void apply(const struct argument *argument, void *target, struct problems *problems)
{
    const struct ds_option *option = argument->option;
    /* Only the name of an unknown option: what stands behind it may be a secret of which the name
     * was misspelt. */
    bool lone_letter = argument->text[0] == '-' && argument->text[1] != '-';
    ds_str_t shown =
        ds_utf8_cut(ds_str_before(ds_str(argument->text), '='), lone_letter ? 2 : VALUE_BYTES);
    switch (argument->kind) {
    case ARG_OPTION:
        if (option->required && option->type == DS_OPT_TEXT && argument->text[0] == '\0')
            add_problem(problems, "--%s is required and may not be empty", option->name);
        else
            set_value(option, "--", option->name, argument->text, target, problems);
        return;
    case ARG_UNKNOWN:
        add_problem(problems, "%.*s: unknown option", DS_STR_ARG(shown));
        return;
    case ARG_NO_VALUE:
        add_problem(problems, "--%s: no value given", option->name);
        return;
    case ARG_EXCESS:
        add_problem(problems, "%.*s takes no value", DS_STR_ARG(shown));
        return;
    case ARG_POSITIONAL:
    case ARG_HELP:
        return;
    }
}

bool ds_options_parse(const struct ds_option *table, int argc, char *const *argv, void *target,
                      const char **positional_out, int *positional_count_out, bool *help_out,
                      ds_error_t *error)
{
    struct command_line line = {table, argv, argc, 0, false};
    struct problems problems = {"", 0, 0};
    *positional_count_out = 0;
    for (const struct ds_option *option = table; option->name != NULL; option++)
        store_zero(option, target);
    *help_out = asks_for_help(line);
    if (*help_out)
        return false;
    for (const struct ds_option *option = table; option->name != NULL; option++)
        if (!given(option, line))
            set_unflagged(option, target, &problems);
    struct argument argument;
    while (next_argument(&line, &argument)) {
        if (argument.kind == ARG_POSITIONAL)
            positional_out[(*positional_count_out)++] = argument.text;
        else
            apply(&argument, target, &problems);
    }
    return report(&problems, error);
}
