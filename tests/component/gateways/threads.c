/* The sandbox and the gateway's calls with all their threads, for ThreadSanitizer, which Criterion
 * does not start under. Also prints charges a second: `component_gateways_threads 5000`. */
#include "events.h"
#include "gateways/payments/calls.h"
#include "gateways/sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_US (60 * DS_US_PER_S)

struct run {
    struct ds_runtime runtime;
    ds_calls_t *calls;
    _Atomic int reports;
};

static bool take_report(void *context, const struct ds_payment_command *command, ds_str_t store,
                        struct ds_entry *entry, ds_error_t *error)
{
    struct run *run = context;
    (void)command, (void)store, (void)error;
    ds_calls_reported(run->calls, entry, true);
    atomic_fetch_add(&run->reports, 1);
    return true;
}

static bool feed(struct run *run, int count, ds_error_t *error)
{
    char order[32], key[40];
    for (int i = 0; i < count; i++) {
        (void)snprintf(order, sizeof order, "b.%d", i);
        (void)snprintf(key, sizeof key, "b.%d-c1", i);
        struct ds_payment_event event =
            payment_initiated(order, key, i % 10 == 9 ? "tok_drop" : "tok_ok", 100 + i);
        if (!ds_calls_event(run->calls, i % 4, &event, error))
            return false;
    }
    ds_calls_go(run->calls);
    return true;
}

static bool wait_for(struct run *run, int count)
{
    const struct timespec pause = {0, 2 * 1000 * 1000};
    int64_t end = ds_monotonic_us(run->runtime.clock) + LIMIT_US;
    while (atomic_load(&run->reports) < count && ds_monotonic_us(run->runtime.clock) < end)
        (void)nanosleep(&pause, NULL);
    return atomic_load(&run->reports) == count;
}

static bool charge_all(struct run *run, const char *url, int count, ds_error_t *error)
{
    struct ds_calls_config config = {
        .provider = "sandbox",
        .provider_url = url,
        .provider_key = "key",
        .timeout_ms = 10000,
        .in_flight_max = 64,
        .first_pause_us = 20 * DS_US_PER_MS,
        .report = take_report,
        .context = run,
    };
    if (!ds_calls_new(&run->runtime, &config, &run->calls, error))
        return false;
    int64_t begin = ds_monotonic_us(run->runtime.clock);
    bool ok = feed(run, count, error) && wait_for(run, count);
    int64_t took_us = ds_monotonic_us(run->runtime.clock) - begin;
    printf("%d of %d reports in %lld ms: %lld a second\n", atomic_load(&run->reports), count,
           (long long)(took_us / DS_US_PER_MS), (long long)count * DS_US_PER_S / (took_us + 1));
    ds_calls_destroy(run->calls);
    return ok;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/ds_sandbox_XXXXXX", path[64], url[64];
    int64_t count = 300;
    struct ds_health health = {0};
    ds_error_t error = DS_ERROR_INIT;
    ds_sandbox_t *sandbox = NULL;
    if ((argc > 1 && !ds_str_to_i64(ds_str(argv[1]), &count)) || mkdtemp(dir) == NULL)
        return 2;
    struct run run = {.runtime = {.log = ds_log_root("test", DS_LOG_ERROR),
                                  .metrics = ds_metrics_new(),
                                  .clock = ds_system_clock(),
                                  .random = ds_system_random(),
                                  .health = &health}};
    struct ds_sandbox_settings settings = {
        .bind = "127.0.0.1", .dir = dir, .provider_key = "key", .webhook_url = ""};
    bool ok = ds_sandbox_start(&run.runtime, &settings, &sandbox, &error);
    if (ok) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", ds_sandbox_port(sandbox));
        ok = charge_all(&run, url, (int)count, &error);
    }
    ds_sandbox_stop(sandbox);
    (void)snprintf(path, sizeof path, "%s/books.jsonl", dir);
    (void)unlink(path);
    (void)rmdir(dir);
    ds_metrics_destroy(run.runtime.metrics);
    if (!ok)
        (void)fprintf(stderr, "failed: %s\n", error.message);
    return ok ? 0 : 1;
}
