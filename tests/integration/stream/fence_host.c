/* See fence_host.h. */
#include "fence_host.h"

#include "base/runtime.h"
#include "counter.h"
#include "stream/host.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PARTITIONS 2
#define TELL_US    (50 * DS_US_PER_MS)

static struct ds_schema commands;
static struct ds_schema orders;
static struct ds_schema events;
static char topics[3][96];
static struct ds_decider_input inputs[2];
static struct ds_decider decider;

/* The counter, with topics of other names. */
static void name_decider(const char *name)
{
    (void)snprintf(topics[0], sizeof(topics[0]), "%s.commands", name);
    (void)snprintf(topics[1], sizeof(topics[1]), "%s.orders", name);
    (void)snprintf(topics[2], sizeof(topics[2]), "%s.events", name);
    commands = ds_schema_inventory_commands;
    commands.topic = topics[0];
    orders = ds_schema_order_events;
    orders.topic = topics[1];
    events = ds_schema_inventory_events;
    events.topic = topics[2];
    inputs[0] = (struct ds_decider_input){0, &commands};
    inputs[1] = (struct ds_decider_input){1, &orders};
    decider = ds_counter_decider;
    decider.name = name;
    decider.events = &events;
    decider.inputs = inputs;
}

static volatile sig_atomic_t stop;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

static bool write_metrics(const ds_metrics_t *metrics, const char *dir)
{
    ds_error_t error = DS_ERROR_INIT;
    char path[512];
    ds_buf_t text;
    FILE *file;
    bool ok;

    (void)snprintf(path, sizeof(path), "%s/%d.json", dir, (int)getpid());
    ds_buf_init(&text, 4 * 1024 * 1024);
    file = fopen(path, "we");
    ok = file != NULL && ds_metrics_json(metrics, &text, &error) &&
         fwrite(text.data, text.len, 1, file) == 1;
    if (file != NULL)
        ok = fclose(file) == 0 && ok;
    ds_buf_cleanup(&text);
    return ok;
}

/* What it is and has, for whoever reads the other end of the pipe. */
static void tell(const struct ds_runtime *runtime, ds_host_t *host)
{
    static int64_t wake_us;
    const struct ds_label labels[] = {{"processor", decider.name}, {NULL, NULL}};
    ds_metric_t *read =
        ds_metrics_get(runtime->metrics, DS_COUNTER, "doorstep_own_records_read_total", "", labels);

    if (ds_monotonic_us(runtime->clock) < wake_us)
        return;
    wake_us = ds_monotonic_us(runtime->clock) + TELL_US;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        const struct ds_counter_state *state = ds_host_state(host, p);

        (void)printf("%d %d %" PRId64 " %" PRId64 "\n", (int)p, (int)ds_host_partition(host, p),
                     state == NULL ? -1 : state->total, ds_metric_value(read));
    }
    (void)fflush(stdout);
}

int fence_host_main(const struct fence_host *what)
{
    static struct ds_health health;
    const struct sigaction on_term = {.sa_handler = on_stop};
    struct ds_runtime runtime = {.log = ds_log_root("fence", DS_LOG_ERROR),
                                 .metrics = ds_metrics_new(),
                                 .clock = ds_system_clock(),
                                 .random = ds_system_random(),
                                 .health = &health,
                                 .stop = &stop};
    struct ds_host_config config = {.decider = &decider,
                                    .brokers = what->brokers,
                                    .group_instance_id = what->instance,
                                    .session_timeout_ms = 6000,
                                    .standby = what->standby};
    ds_error_t error = DS_ERROR_INIT;
    ds_host_t *host;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigaction(SIGTERM, &on_term, NULL);
    name_decider(what->name);
    if (!ds_host_new(&runtime, &config, &host, &error)) {
        (void)fprintf(stderr, "fence host: %s\n", error.message);
        return 1;
    }
    while (!stop && ds_host_step(host, 50, &error))
        if (what->tells)
            tell(&runtime, host);
    if (!ds_error_is_set(&error)) {
        ds_host_destroy(host);
        _Exit(what->metrics_dir == NULL || what->metrics_dir[0] == '\0' ||
                      write_metrics(runtime.metrics, what->metrics_dir)
                  ? 0
                  : 1);
    }
    /* The name is another process's: what a supervisor starts anew. */
    (void)fprintf(stderr, "fence host %s ends: %s\n", what->instance, error.message);
    _Exit(error.code == DS_ERR_NOT_OWNER ? 3 : 1);
}
