/* cli/processor.c - `doorstep processor NAME...`: one thread a name, each a host with a consumer
 * and producer of its own. The role is ready when all of them are; one that ends ends the role, and
 * `up` starts it anew. */
#include "cli/roles.h"
#include "decider/decider.h"
#include "stream/host.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define STEP_MS    100
#define LOOK_NS    (20 * 1000 * 1000)
#define NAME_BYTES 96

struct settings {
    const char *brokers;
    const char *instance;
    int64_t session_timeout_us;
    int64_t timer_grace_us;
    int64_t snapshot_events;
    int64_t snapshot_every_us;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"group-instance-id", "GROUP_INSTANCE_ID", DS_OPT_TEXT, offsetof(struct settings, instance), "",
     0, 0, false, false,
     "A stable name: a restart within the session timeout has its partitions back at once. Empty: "
     "a "
     "dynamic member."},
    {"session-timeout", "SESSION_TIMEOUT", DS_OPT_DURATION,
     offsetof(struct settings, session_timeout_us), "10s", 6 * DS_US_PER_S, 300 * DS_US_PER_S,
     false, false, "How long a member may be silent before the group gives its partitions away."},
    {"timer-grace", "TIMER_GRACE", DS_OPT_DURATION, offsetof(struct settings, timer_grace_us),
     "30s", DS_US_PER_MS, 3600 * DS_US_PER_S, false, false,
     "How long an unavailable input holds deadlines back."},
    {"snapshot-events", "SNAPSHOT_EVENTS", DS_OPT_INT, offsetof(struct settings, snapshot_events),
     "20000", 1, INT64_MAX, false, false,
     "A snapshot of a partition is taken after so many events, or as many as it has items if those "
     "are more."},
    {"snapshot-every", "SNAPSHOT_EVERY", DS_OPT_DURATION,
     offsetof(struct settings, snapshot_every_us), "10m", DS_US_PER_S, 24 * 3600 * DS_US_PER_S,
     false, false, "A snapshot of a partition is taken after this time, if there were any events."},
    DS_OPTION_END,
};

struct worker {
    const struct ds_decider *decider;
    const void *settings; /* of the decider */
    const struct settings *shared;
    struct ds_runtime runtime; /* the role's, with a health of its own */
    struct ds_health health;
    ds_error_t error;
    pthread_t thread;
    bool started;
    atomic_bool ended;
};

static bool run_host(struct worker *worker, ds_error_t *error)
{
    char instance[NAME_BYTES];
    (void)snprintf(instance, sizeof instance, "%s", worker->shared->instance);
    struct ds_host_config config = {
        .decider = worker->decider,
        .settings = worker->settings,
        .brokers = worker->shared->brokers,
        .group_instance_id = instance[0] == '\0' ? NULL : instance,
        .session_timeout_ms = worker->shared->session_timeout_us / DS_US_PER_MS,
        .timer_grace_us = worker->shared->timer_grace_us,
        .snapshot_events = worker->shared->snapshot_events,
        .snapshot_every_us = worker->shared->snapshot_every_us,
    };
    ds_host_t *host = NULL;
    bool ok = ds_host_new(&worker->runtime, &config, &host, error);
    while (ok && !ds_stopping(&worker->runtime)) {
        ok = ds_host_step(host, STEP_MS, error);
        if (ok && ds_host_ready(host))
            atomic_store(&worker->health.ready, true);
        ds_health_turn(&worker->runtime);
    }
    ds_host_destroy(host);
    return ok;
}

static void *work(void *worker_)
{
    struct worker *worker = worker_;
    if (!run_host(worker, &worker->error))
        ds_log_error(&worker->runtime.log, DS_LOG_ERROR, "processor.ended", &worker->error);
    atomic_store(&worker->ended, true);
    return NULL;
}

static const struct ds_decider *find_decider(const char *name, size_t *index_out)
{
    for (size_t i = 0; i < DS_DECIDERS; i++)
        if (strcmp(ds_deciders[i]->name, name) == 0) {
            *index_out = i;
            return ds_deciders[i];
        }
    return NULL;
}

/* The role is as ready, and as slow, as the least of its workers. */
static void gather_health(const struct ds_runtime *runtime, struct worker *workers, size_t count)
{
    bool ready = true;
    const char *waiting = NULL;
    int64_t slowest = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        ready = ready && atomic_load(&workers[i].health.ready);
        const char *why = atomic_load(&workers[i].health.waiting);
        waiting = why == NULL ? waiting : why;
        int64_t turn = atomic_load_explicit(&workers[i].health.progress_us, memory_order_relaxed);
        slowest = turn < slowest ? turn : slowest;
    }
    atomic_store(&runtime->health->waiting, waiting);
    atomic_store_explicit(&runtime->health->progress_us, slowest, memory_order_relaxed);
    if (ready)
        atomic_store(&runtime->health->ready, true);
}

static bool any_ended(const struct worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (atomic_load(&workers[i].ended))
            return true;
    return false;
}

static bool prepare(const struct ds_runtime *runtime, const struct settings *settings,
                    const char *name, struct worker *worker, ds_error_t *error)
{
    size_t index = 0;
    worker->decider = find_decider(name, &index);
    if (worker->decider == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID,
                            "'%s' is not catalog, order, payment, inventory or delivery", name);
    struct ds_option_part parts[DS_MAX_PARTS];
    (void)ds_role_parts(&ds_role_processor, parts);
    worker->settings = ds_options_part(parts, DS_PART_ROLE, DS_PART_DECIDERS + index, settings);
    worker->shared = settings;
    worker->runtime = *runtime;
    worker->runtime.health = &worker->health;
    worker->runtime.log.role = worker->decider->name;
    return true;
}

static bool start(struct worker *worker, ds_error_t *error)
{
    worker->started = pthread_create(&worker->thread, NULL, work, worker) == 0;
    if (!worker->started)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "cannot start a thread");
    return true;
}

/* A worker that ended cannot stop the others by itself: the runtime's flag is the process's. */
static int finish(struct worker *workers, size_t count, ds_error_t *error)
{
    int code = 0;
    for (size_t i = 0; i < count; i++) {
        if (!workers[i].started)
            continue;
        (void)raise(SIGTERM);
        (void)pthread_join(workers[i].thread, NULL);
        if (ds_error_is_set(&workers[i].error)) {
            *error = workers[i].error;
            code = 1;
        }
    }
    return code;
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    static const struct timespec look = {0, LOOK_NS};
    struct worker workers[DS_DECIDERS] = {0};
    size_t count = (size_t)argc;
    if (argc < 1 || argc > DS_DECIDERS) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "name one or more processors");
        return 2;
    }
    for (size_t i = 0; i < count; i++)
        if (!prepare(runtime, settings, argv[i], &workers[i], error))
            return 2;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = start(&workers[i], error);
    while (ok && !ds_stopping(runtime) && !any_ended(workers, count)) {
        gather_health(runtime, workers, count);
        (void)nanosleep(&look, NULL);
    }
    atomic_store(&runtime->health->draining, true);
    int code = finish(workers, count, error);
    return ok ? code : 1;
}

const struct ds_role ds_role_processor = {
    .name = "processor",
    .summary = "decide: catalog, order, payment, inventory, delivery",
    .usage = "NAME...",
    .examples = "  doorstep processor order\n"
                "  doorstep processor catalog order payment inventory delivery\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .is_server = true,
    .run = run,
};
