/* cli/main.c - finds the role, reads its options, makes its runtime, runs it. The only place that
 * exits. */
#include "cli/env_file.h"
#include "cli/probes.h"
#include "cli/roles.h"
#include "cli/settings.h"
#include "schemas/framing.h"

#include <stdio.h>
#include <stdlib.h>

#define HELP_BYTES (256 * 1024)

enum { EXIT_USAGE = 2 };

static volatile sig_atomic_t stop_flag;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_flag = 1;
}

static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static int print_overview(FILE *to)
{
    (void)fputs("doorstep - the backend of a shop with home delivery, on an event log\n\n"
                "Usage: doorstep ROLE [OPTIONS]      doorstep ROLE --help\n\n",
                to);
    for (int server = 1; server >= 0; server--) {
        (void)fputs(server ? "Roles:\n" : "\nTools:\n", to);
        for (const struct ds_role *const *role = ds_roles(); *role != NULL; role++)
            if ((*role)->is_server == (server == 1))
                (void)fprintf(to, "  %-18s %s\n", (*role)->name, (*role)->summary);
    }
    return to == stderr ? EXIT_USAGE : EXIT_SUCCESS;
}

/* A role's name is one word or two; how many arguments it took, or 0. */
static int match_role(const struct ds_role *role, int argc, char **argv)
{
    const char *space = strchr(role->name, ' ');
    if (space == NULL)
        return strcmp(role->name, argv[1]) == 0 ? 1 : 0;
    size_t first = (size_t)(space - role->name);
    bool same = argc > 2 && strlen(argv[1]) == first && memcmp(role->name, argv[1], first) == 0 &&
                strcmp(space + 1, argv[2]) == 0;
    return same ? 2 : 0;
}

static const struct ds_role *find_role(int argc, char **argv, int *words_out)
{
    *words_out = 0;
    for (const struct ds_role *const *role = ds_roles(); argc > 1 && *role != NULL; role++)
        if ((*words_out = match_role(*role, argc, argv)) > 0)
            return *role;
    return NULL;
}

static int print_help(const struct ds_role *role, const struct ds_option *table)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t text;
    ds_buf_init(&text, HELP_BYTES);
    printf("doorstep %s - %s\n\nUsage: doorstep %s [OPTIONS]%s%s\n\nOptions:\n", role->name,
           role->summary, role->name, role->usage == NULL ? "" : " ",
           role->usage == NULL ? "" : role->usage);
    if (ds_options_help(table, &text, &error))
        printf("%.*s", DS_STR_ARG(ds_buf_str(&text)));
    if (role->examples != NULL)
        printf("\nExamples:\n%s", role->examples);
    ds_buf_cleanup(&text);
    return EXIT_SUCCESS;
}

static bool start_probes(const struct ds_runtime *runtime, const struct ds_common_settings *common,
                         ds_probes_t **probes_out, ds_error_t *error)
{
    *probes_out = NULL;
    if (common->metrics_port == 0)
        return true;
    return ds_probes_start(runtime, common->metrics_bind, (uint16_t)common->metrics_port,
                           probes_out, error);
}

static bool open_framing(struct ds_runtime *runtime, const struct ds_common_settings *common,
                         ds_error_t *error)
{
    const struct ds_registry_config config = {common->registry_url, common->registry_timeout_us};
    return common->registry_url[0] == '\0' ||
           ds_framing_new(runtime, &config, &runtime->framing, error);
}

static int run_role(const struct ds_role *role, const struct ds_common_settings *common,
                    const void *settings, int argc, const char *const *argv)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_probes_t *probes = NULL;
    struct ds_health health = {0};
    enum ds_log_level level = DS_LOG_INFO;
    int code = EXIT_FAILURE;

    struct ds_runtime runtime = {.metrics = ds_metrics_new(),
                                 .clock = ds_system_clock(),
                                 .random = ds_system_random(),
                                 .health = &health,
                                 .stop = &stop_flag};
    if (!ds_log_level_parse(ds_str(common->log_level), &level)) {
        ds_error_set(&error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                     "log-level: '%s' is not debug, info, warn or error", common->log_level);
        code = EXIT_USAGE;
        goto out;
    }
    runtime.log = ds_log_root(role->name, level);
    if (runtime.metrics == NULL) {
        ds_error_set(&error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "metrics");
        goto out;
    }
    if (!open_framing(&runtime, common, &error)) {
        code = EXIT_USAGE;
        goto out;
    }
    if (role->is_server && !start_probes(&runtime, common, &probes, &error))
        goto out;
    code = role->run(&runtime, settings, argc, argv, &error);
out:
    if (ds_error_is_set(&error))
        (void)fprintf(stderr, "doorstep %s: %s\n", role->name, error.message);
    ds_probes_stop(probes);
    ds_framing_destroy(runtime.framing);
    ds_metrics_destroy(runtime.metrics);
    return code;
}

int main(int argc, char **argv)
{
    catch_signals();
    int words = 0;
    const struct ds_role *role = find_role(argc, argv, &words);
    if (role == NULL) {
        if (argc > 1 && strcmp(argv[1], "--version") == 0)
            return printf("doorstep %s\n", DS_VERSION) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
            return print_overview(stdout);
        if (argc > 1)
            (void)fprintf(stderr, "doorstep: there is no role or tool '%s'\n\n", argv[1]);
        return print_overview(stderr);
    }

    ds_error_t error = DS_ERROR_INIT;
    struct ds_merged_options merged;
    struct ds_option_part parts[DS_MAX_PARTS];
    if (!ds_env_file_load(&error) ||
        !ds_options_merge(parts, ds_role_parts(role, parts), &merged, &error)) {
        (void)fprintf(stderr, "doorstep: %s\n", error.message);
        return EXIT_FAILURE;
    }
    int code = EXIT_USAGE;
    int positional_count = 0;
    bool help = false;
    const char **positional = calloc((size_t)argc, sizeof *positional);
    char *settings = calloc(1, merged.bytes + 1);
    if (positional == NULL || settings == NULL)
        (void)fprintf(stderr, "doorstep: out of memory\n");
    else if (ds_options_parse(merged.table, argc - 1 - words, argv + 1 + words, settings,
                              positional, &positional_count, &help, &error))
        code = run_role(role, (const struct ds_common_settings *)(const void *)settings,
                        settings + merged.offsets[DS_PART_ROLE], positional_count, positional);
    else if (help)
        code = print_help(role, merged.table);
    else
        (void)fprintf(stderr, "doorstep %s: %s\n(doorstep %s --help)\n", role->name, error.message,
                      role->name);
    free(settings);
    free(positional);
    ds_merged_options_cleanup(&merged);
    return code;
}
