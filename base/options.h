/* base/options.h - one typed table per role drives environment, flags, --help and
 * docs/configuration.md.
 *
 * Precedence: flag, then environment, then default; an empty variable counts as absent. Unknown
 * flags fail; all errors are reported at once. The struct the table fills is const after start.
 *
 * Flags are `--name value` and `--name=value`; a value that begins with "--" needs the second form.
 * Booleans are `--name`, `--no-name`, `--name=0`. The last one wins. "--" ends the options; "-"
 * alone is positional. */
#ifndef DS_BASE_OPTIONS_H
#define DS_BASE_OPTIONS_H

#include "base/buf.h"

enum ds_option_type {
    DS_OPT_TEXT,     /* const char * */
    DS_OPT_INT,      /* int64_t, with min and max */
    DS_OPT_BOOL,     /* bool; flag --x or --x=0, environment 0/1/true/false */
    DS_OPT_DURATION, /* int64_t microseconds; "7us", "250ms", "5s", "15m", "3h", "2d"; bounds too */
};

struct ds_option {
    const char *name; /* flag without dashes: "kafka-brokers" */
    const char *env;  /* "KAFKA_BROKERS"; NULL: flag only */
    enum ds_option_type type;
    size_t place;             /* offsetof(struct, member) */
    const char *default_text; /* NULL: required for TEXT only when `required`; else zero */
    int64_t min;              /* min and max both 0: no bounds */
    int64_t max;
    bool required;
    bool secret;      /* value never shown: not in logs, not in --help */
    const char *help; /* one sentence */
};

/** The end of a table. */
#define DS_OPTION_END                                                                              \
    {                                                                                              \
        NULL, NULL, DS_OPT_TEXT, 0, NULL, 0, 0, false, false, NULL                                 \
    }

/** @brief Fill `target` from argv and the environment. Text values point into argv, the environment
 * or the table.
 *  @param argc, argv  what follows the role's name. Positional arguments are collected.
 *  @param positional_out, positional_count_out  those, borrowed from argv (positional_out has room
 * for argc).
 *  @param error  lists every wrong option, separated by "; "; what does not fit is counted ("; and
 * 3 more"). Values of secrets are not in it.
 *  @return false also for "--help" (then error is not set and *help_out is true). */
DS_MUST_CHECK bool ds_options_parse(const struct ds_option *table, int argc, char *const *argv,
                                    void *target, const char **positional_out,
                                    int *positional_count_out, bool *help_out, ds_error_t *error);
/** @brief The options part of --help, aligned, with defaults and environment names. */
DS_MUST_CHECK bool ds_options_help(const struct ds_option *table, ds_buf_t *out, ds_error_t *error);
/** @brief A Markdown table of the same. */
DS_MUST_CHECK bool ds_options_markdown(const struct ds_option *table, ds_buf_t *out,
                                       ds_error_t *error);

#endif
