/* The order processor under measurement: the product's host on Kafka, watched from its own loop. */
#include "processors/order/order.h"
#include "restore.h"
#include "stream/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#define STEP_MS     20
#define WARM_US     (5 * DS_US_PER_S) /* near the end for so long */
#define WARM_LAG    2000              /* orders go on being placed */
#define SESSION_MS  6000
#define OPTIONS_MAX 8
/* A turn that decides more is what waited for the owner, not what a snapshot adds. */
#define FEW_DECISIONS 8

struct watched {
    const struct ds_runtime *runtime;
    const struct restore_host_config *config;
    ds_host_t *host;
    bool ours;
    bool running;
    bool warm_said;
    int64_t near_since_us; /* 0: it is not near the end */
    int64_t snapshots;
    double cpu_at_running_us;
    double turn_cpu_us; /* the longest since it runs */
    int64_t turn_us;
};

static double cpu_us(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int64_t metric(const struct watched *w, enum ds_metric_type type, const char *name)
{
    const struct ds_label labels[] = {{"processor", "order"}, {NULL, NULL}};
    return ds_metric_value(ds_metrics_get(w->runtime->metrics, type, name, "", labels));
}

static int64_t lag(const struct watched *w)
{
    char partition[16];
    const struct ds_label labels[] = {
        {"processor", "order"}, {"partition", partition}, {NULL, NULL}};
    (void)snprintf(partition, sizeof partition, "%" PRId32, w->config->partition);
    return ds_metric_value(
        ds_metrics_get(w->runtime->metrics, DS_GAUGE, "doorstep_standby_lag_records", "", labels));
}

static int64_t records_read(const struct watched *w)
{
    return metric(w, DS_COUNTER, "doorstep_own_records_read_total");
}

static void watch_owner(struct watched *w, int64_t before_us)
{
    enum ds_host_partition state = ds_host_partition(w->host, w->config->partition);
    bool ours = state != DS_PARTITION_AWAY && state != DS_PARTITION_FOLLOWING;
    bool running = state == DS_PARTITION_RUNNING;

    if (state == DS_PARTITION_STOPPED)
        hop_fail("the partition", "stopped: see the log");
    if (ours && !w->ours)
        printf("given %" PRId64 "\n", before_us);
    if (running && !w->running) {
        printf("running %" PRId64 " %" PRId64 "\n", ds_monotonic_us(w->runtime->clock),
               records_read(w));
        w->cpu_at_running_us = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
        w->turn_cpu_us = 0;
        w->turn_us = 0;
    }
    if (!ours && w->ours)
        printf("away\n");
    w->ours = ours;
    w->running = running;
}

static void watch_copy(struct watched *w, int64_t now_us)
{
    bool near = ds_host_partition(w->host, w->config->partition) == DS_PARTITION_FOLLOWING &&
                ds_host_state(w->host, w->config->partition) != NULL && records_read(w) > 0 &&
                lag(w) < WARM_LAG;

    if (!near) {
        w->near_since_us = 0;
        w->warm_said = false;
    } else if (w->near_since_us == 0) {
        w->near_since_us = now_us;
    } else if (!w->warm_said && now_us - w->near_since_us > WARM_US) {
        w->warm_said = true;
        printf("warm %" PRId64 "\n", records_read(w));
    }
}

static void watch_snapshots(struct watched *w)
{
    int64_t written = metric(w, DS_COUNTER, "doorstep_snapshots_written_total");

    if (written > w->snapshots && w->running)
        printf("snapshot %.0f %.0f %" PRId64 "\n",
               cpu_us(CLOCK_PROCESS_CPUTIME_ID) - w->cpu_at_running_us, w->turn_cpu_us, w->turn_us);
    w->snapshots = written;
}

static bool step(struct watched *w, ds_error_t *error)
{
    int64_t before_us = ds_monotonic_us(w->runtime->clock);
    int64_t decisions = metric(w, DS_COUNTER, "doorstep_decisions_total");
    double cpu = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    bool ok = ds_host_step(w->host, STEP_MS, error);
    int64_t now_us = ds_monotonic_us(w->runtime->clock);

    cpu = cpu_us(CLOCK_THREAD_CPUTIME_ID) - cpu;
    decisions = metric(w, DS_COUNTER, "doorstep_decisions_total") - decisions;
    if (w->running && decisions <= FEW_DECISIONS && cpu > w->turn_cpu_us)
        w->turn_cpu_us = cpu;
    if (w->running && decisions <= FEW_DECISIONS && now_us - before_us > w->turn_us)
        w->turn_us = now_us - before_us;
    watch_owner(w, before_us);
    watch_copy(w, now_us);
    watch_snapshots(w);
    return ok;
}

/* Open orders stay open: nobody reserves or pays, and no deadline passes meanwhile. */
static void parse_settings(struct ds_order_settings *settings)
{
    static char reserve[] = "--order-reserve-timeout=1h", place[] = "--order-place-ttl=24h";
    char *const argv[] = {reserve, place};
    const char *positional[OPTIONS_MAX];
    ds_error_t error = DS_ERROR_INIT;
    int count;
    bool help;

    if (!ds_options_parse(ds_order_decider.options, 2, argv, settings, positional, &count, &help,
                          &error))
        hop_fail("options", error.message);
}

int restore_host(const struct ds_runtime *runtime, const struct restore_host_config *config)
{
    struct ds_order_settings settings;
    struct ds_host_config host_config = {.decider = &ds_order_decider,
                                         .settings = &settings,
                                         .brokers = config->brokers,
                                         .session_timeout_ms = SESSION_MS,
                                         .snapshot_events = config->snapshot_events,
                                         .snapshot_every_us = 24 * 3600 * DS_US_PER_S,
                                         .standby = config->standby};
    struct watched watched = {.runtime = runtime, .config = config};
    ds_error_t error = DS_ERROR_INIT;
    bool ok;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    parse_settings(&settings);
    ok = ds_host_new(runtime, &host_config, &watched.host, &error);
    while (ok && !ds_stopping(runtime))
        ok = step(&watched, &error);
    if (!ok)
        hop_fail("host", error.message);
    ds_host_destroy(watched.host);
    return EXIT_SUCCESS;
}
