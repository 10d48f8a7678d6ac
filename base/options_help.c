/* base/options_help.c - an option table as --help and as Markdown. */
#include "base/option_value.h"

#include <stdio.h>

/* A secret's default is not shown either: tables of private servers hold passwords. */
static const char *shown_default(const struct ds_option *option)
{
    if (option->default_text == NULL)
        return NULL;
    return option->secret ? "(secret)" : option->default_text;
}

/* "--port INT", "--[no-]verbose". @return its length. */
static int flag_text(const struct ds_option *option, char *to, size_t to_bytes)
{
    if (option->type == DS_OPT_BOOL)
        return snprintf(to, to_bytes, "--[no-]%s", option->name);
    return snprintf(to, to_bytes, "--%s %s", option->name, ds_option_type_text(option->type));
}

static bool help_line(const struct ds_option *option, int width, ds_buf_t *out, ds_error_t *error)
{
    char flag[96];
    char range[DS_OPTION_RANGE_BYTES];
    const char *usual = shown_default(option);
    (void)flag_text(option, flag, sizeof flag);
    bool ok = ds_buf_printf(out, error, "  %-*s  %s", width, flag, option->help);
    if (ok && ds_option_range_text(option, range))
        ok = ds_buf_printf(out, error, " Range: %s.", range);
    if (ok && usual != NULL)
        ok = ds_buf_printf(out, error, " Default: %s.", usual[0] == '\0' ? "empty" : usual);
    if (ok && option->required && usual == NULL)
        ok = ds_buf_append_text(out, " Required.", error);
    if (ok && option->env != NULL)
        ok = ds_buf_printf(out, error, " [%s]", option->env);
    return ok && ds_buf_append_char(out, '\n', error);
}

bool ds_options_help(const struct ds_option *table, ds_buf_t *out, ds_error_t *error)
{
    int width = 6;
    for (const struct ds_option *option = table; option->name != NULL; option++) {
        int length = flag_text(option, NULL, 0);
        width = length > width ? length : width;
    }
    for (const struct ds_option *option = table; option->name != NULL; option++)
        if (!help_line(option, width, out, error))
            return false;
    return ds_buf_printf(out, error, "  %-*s  Show this text.\n", width, "--help");
}

/* Text in a cell: a '|' would end it. */
static bool cell(ds_buf_t *out, const char *text, const char *quote, ds_error_t *error)
{
    bool empty = text == NULL || text[0] == '\0';
    bool ok =
        ds_buf_append_char(out, ' ', error) && (empty || ds_buf_append_text(out, quote, error));
    for (; ok && !empty && *text != '\0'; text++)
        ok = (*text != '|' || ds_buf_append_char(out, '\\', error)) &&
             ds_buf_append_char(out, *text == '\n' ? ' ' : *text, error);
    return ok && (empty || ds_buf_append_text(out, quote, error)) &&
           ds_buf_append_text(out, " |", error);
}

static bool markdown_row(const struct ds_option *option, ds_buf_t *out, ds_error_t *error)
{
    char flag[96];
    char range[DS_OPTION_RANGE_BYTES];
    const char *usual = shown_default(option);
    (void)snprintf(flag, sizeof flag, "--%s", option->name);
    (void)ds_option_range_text(option, range);
    bool needed = option->required && usual == NULL;
    return ds_buf_append_char(out, '|', error) && cell(out, flag, "`", error) &&
           cell(out, option->env, "`", error) &&
           cell(out, ds_option_type_text(option->type), "", error) &&
           cell(out, needed ? "required" : usual, needed || option->secret ? "" : "`", error) &&
           cell(out, range, "", error) && cell(out, option->help, "", error) &&
           ds_buf_append_char(out, '\n', error);
}

bool ds_options_markdown(const struct ds_option *table, ds_buf_t *out, ds_error_t *error)
{
    if (!ds_buf_append_text(out,
                            "| Flag | Environment | Type | Default | Range | Meaning |\n"
                            "|---|---|---|---|---|---|\n",
                            error))
        return false;
    for (const struct ds_option *option = table; option->name != NULL; option++)
        if (!markdown_row(option, out, error))
            return false;
    return true;
}
