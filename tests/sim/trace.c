/* What happened: as a hash, so that two runs of a seed can be compared, and as lines for people.
 * The product's log goes into the lines; its metrics go nowhere. */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sim_note(struct sim *sim, uint64_t what, uint64_t a, uint64_t b)
{
    uint64_t h = sim->hash;

    h = (h ^ what) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 29 ^ a) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 32 ^ b) * UINT64_C(0x94d049bb133111eb);
    sim->hash = h ^ h >> 31 ^ (uint64_t)sim->now_us;
}

void sim_note_bytes(struct sim *sim, ds_bytes_t bytes)
{
    sim_note(sim, bytes.len, ds_str_hash((ds_str_t){(const char *)bytes.data, bytes.len}, 0), 0);
}

static void print_time(const struct sim *sim)
{
    printf("%10.6f ", (double)(sim->now_us - SIM_START_US) / (double)SIM_S);
}

void sim_say(struct sim *sim, const char *format, ...)
{
    va_list args;

    if (!sim->tracing)
        return;
    print_time(sim);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)putchar('\n');
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;

    if (sim->failed || sim->damaged)
        return;
    sim->failed = true;
    va_start(args, format);
    (void)vsnprintf(sim->failure, sizeof(sim->failure), format, args);
    va_end(args);
    sim_say(sim, "FAILED %s", sim->failure);
}

/* ---- instead of base/log.c ---- */

ds_log_t ds_log_root(const char *role, enum ds_log_level level)
{
    return (ds_log_t){.role = role, .level = level, .partition = -1, .offset = -1};
}

/* Codes that say that a partition is given up: in a world without damage none may appear. */
static bool is_stop(const char *code)
{
    static const char *const codes[] = {"log.damage",           "log.undecodable", "input.damage",
                                        "timer.stuck",          "timer.failed",    "reader.stopped",
                                        "projection.other_log", "log.foreign"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

static const char *const seen_codes[SIM_SEEN] = {
    [SIM_SEEN_WRITTEN] = "snapshot.written",         [SIM_SEEN_RESTORED] = "snapshot.restored",
    [SIM_SEEN_PASSED_OVER] = "snapshot.passed_over", [SIM_SEEN_FOREIGN] = "log.foreign",
    [SIM_SEEN_FOLLOWS] = "standby.follows",          [SIM_SEEN_WARM] = "standby.taken_over"};
const char *const sim_seen_text[SIM_SEEN] = {
    [SIM_SEEN_WRITTEN] = "snapshots written", [SIM_SEEN_RESTORED] = "restored from",
    [SIM_SEEN_PASSED_OVER] = "passed over",   [SIM_SEEN_FOREIGN] = "refused as another log's",
    [SIM_SEEN_FOLLOWS] = "warm copies begun", [SIM_SEEN_WARM] = "taken over by them"};

static void note_seen(struct sim *sim, const char *code)
{
    for (size_t i = 0; i < SIM_SEEN; i++)
        sim->seen[i] += strcmp(code, seen_codes[i]) == 0;
}

static void print_fields(const struct ds_log_field *fields)
{
    for (; fields != NULL && fields->name != NULL; fields++) {
        if (fields->type == DS_FIELD_TEXT)
            printf(" %s=%.*s", fields->name, DS_STR_ARG(fields->text));
        else
            printf(" %s=%" PRId64, fields->name, fields->integer);
    }
}

void ds_log_write(const ds_log_t *log, enum ds_log_level level, const char *code,
                  const char *message, const struct ds_log_field *fields)
{
    struct sim *sim = sim_world;

    (void)level;
    note_seen(sim, code);
    if (is_stop(code)) {
        sim->stopped++;
        sim_fail(sim, "%s: %s (%s): %s", log->role == NULL ? "" : log->role, code,
                 log->topic == NULL ? "" : log->topic, message);
    }
    if (!sim->tracing)
        return;
    print_time(sim);
    printf("%s %s", log->role == NULL ? "" : log->role, code);
    if (log->topic != NULL)
        printf(" %s/%d", log->topic, (int)log->partition);
    print_fields(fields);
    printf(": %s\n", message);
}

void ds_log_error(const ds_log_t *log, enum ds_log_level level, const char *code,
                  const ds_error_t *error)
{
    ds_log_write(log, level, code, error->message, NULL);
}

bool ds_log_level_parse(ds_str_t text, enum ds_log_level *level_out)
{
    (void)text;
    *level_out = DS_LOG_INFO;
    return false;
}

/* ---- instead of base/metrics.c ---- */

ds_metric_t *ds_metrics_get(ds_metrics_t *metrics, enum ds_metric_type type, const char *name,
                            const char *help, const struct ds_label *labels)
{
    (void)metrics;
    (void)type;
    (void)name;
    (void)help;
    (void)labels;
    return NULL;
}

void ds_metric_add(ds_metric_t *metric, int64_t amount)
{
    (void)metric;
    (void)amount;
}

void ds_metric_set(ds_metric_t *metric, int64_t value)
{
    (void)metric;
    (void)value;
}

void ds_metric_observe_us(ds_metric_t *metric, int64_t us)
{
    (void)metric;
    (void)us;
}
