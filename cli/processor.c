/* cli/processor.c - `doorstep processor NAME...`: --workers threads a name, each a host with a
 * consumer, a producer and partitions of its own. The role is ready when all of them are; one that
 * ends ends the role, and `up` starts it anew.
 *
 * The first thread watches the others. One whose work does not come round any more (it hangs in a
 * call, or in a decider) would stay a member for minutes, since librdkafka's own threads go on
 * sending heartbeats. It cannot be ended alone, so the process ends: at once, without a word to
 * the group, for whatever it hangs in may be what leaving would need. Nothing is lost by that. */
#include "base/limits.h"
#include "base/watchdog.h"
#include "cli/roles.h"
#include "decider/decider.h"
#include "stream/host.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS     100
#define LOOK_NS     (20 * 1000 * 1000)
#define STOP_NS     (2 * 1000 * 1000) /* between looks while it stops */
#define NAME_BYTES  96
#define WORKERS_MAX 64
#define EXIT_STUCK  70

struct settings {
    const char *brokers;
    const char *instance;
    int64_t workers;
    int64_t stuck_after_us;
    int64_t session_timeout_us;
    int64_t timer_grace_us;
    int64_t max_held;
    int64_t snapshot_events;
    int64_t snapshot_every_us;
    int64_t standby;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"group-instance-id", "GROUP_INSTANCE_ID", DS_OPT_TEXT, offsetof(struct settings, instance), "",
     0, 0, false, false,
     "A stable name: a restart within the session timeout has its partitions back at once. Empty: "
     "a "
     "dynamic member. With more than one worker, all but the first add .w2, .w3 ... to it."},
    {"workers", "WORKERS", DS_OPT_INT, offsetof(struct settings, workers), "1", 1, WORKERS_MAX,
     false, false,
     "Threads of each processor in this process. Each is a member of the group by itself, with "
     "partitions, a consumer and a producer of its own; more than there are partitions are idle."},
    {"stuck-after", "STUCK_AFTER", DS_OPT_DURATION, offsetof(struct settings, stuck_after_us),
     "30s", DS_US_PER_S, 24 * 3600 * DS_US_PER_S, false, false,
     "A worker that has not come round for so long ends the process (exit code 70), to be started "
     "anew. Time in which the whole process stood still does not count."},
    {"session-timeout", "SESSION_TIMEOUT", DS_OPT_DURATION,
     offsetof(struct settings, session_timeout_us), "10s", 6 * DS_US_PER_S, 300 * DS_US_PER_S,
     false, false, "How long a member may be silent before the group gives its partitions away."},
    {"timer-grace", "TIMER_GRACE", DS_OPT_DURATION, offsetof(struct settings, timer_grace_us),
     "30s", DS_US_PER_MS, 3600 * DS_US_PER_S, false, false,
     "How long an unavailable input holds deadlines back."},
    {"max-held", "MAX_HELD", DS_OPT_INT, offsetof(struct settings, max_held), "10000", 1, 1000000,
     false, false,
     "How many inputs of a partition may wait for quarantined aggregates; it is stopped there."},
    {"snapshot-events", "SNAPSHOT_EVENTS", DS_OPT_INT, offsetof(struct settings, snapshot_events),
     "20000", 1, INT64_MAX, false, false,
     "A snapshot of a partition is taken after so many events, or as many as it has items if those "
     "are more."},
    {"snapshot-every", "SNAPSHOT_EVERY", DS_OPT_DURATION,
     offsetof(struct settings, snapshot_every_us), "10m", DS_US_PER_S, 24 * 3600 * DS_US_PER_S,
     false, false, "A snapshot of a partition is taken after this time, if there were any events."},
    {"standby", "STANDBY", DS_OPT_INT, offsetof(struct settings, standby), "0", 0,
     DS_MAX_PARTITIONS, false, false,
     "Keep a warm copy of up to so many partitions that other instances own: taking one over then "
     "does not wait for its log to be read. Each costs the memory of an owned one."},
    DS_OPTION_END,
};

struct worker {
    const struct ds_decider *decider;
    int number; /* of its processor, from 1 */
    char instance[NAME_BYTES];
    char client_id[NAME_BYTES];
    struct ds_watchdog dog; /* the first thread's */
    const void *settings;   /* of the decider */
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
    struct ds_host_config config = {
        .decider = worker->decider,
        .settings = worker->settings,
        .brokers = worker->shared->brokers,
        .client_id = worker->client_id,
        .group_instance_id = worker->instance[0] == '\0' ? NULL : worker->instance,
        .owner = worker->instance[0] == '\0' ? worker->client_id : NULL,
        .session_timeout_ms = worker->shared->session_timeout_us / DS_US_PER_MS,
        .timer_grace_us = worker->shared->timer_grace_us,
        .max_held = (size_t)worker->shared->max_held,
        .snapshot_events = worker->shared->snapshot_events,
        .snapshot_every_us = worker->shared->snapshot_every_us,
        .standby = worker->shared->standby,
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
    char name[16]; /* for top, gdb and /proc */
    (void)snprintf(name, sizeof name, "%.11s-%d", worker->decider->name, worker->number);
    (void)prctl(PR_SET_NAME, name);
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

/* Members of one group must differ in their names; groups differ by processor. */
static bool name_member(struct worker *worker, ds_error_t *error)
{
    const char *instance = worker->shared->instance;
    char suffix[16] = "";
    int len;
    if (worker->number > 1)
        (void)snprintf(suffix, sizeof suffix, ".w%d", worker->number);
    (void)snprintf(worker->client_id, sizeof worker->client_id, "doorstep-%s%s",
                   worker->decider->name, suffix);
    len = instance[0] == '\0'
              ? 0
              : snprintf(worker->instance, sizeof worker->instance, "%s%s", instance, suffix);
    if (len < 0 || (size_t)len >= sizeof worker->instance)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT,
                            "group-instance-id: more than %d bytes", NAME_BYTES - 16);
    return true;
}

static bool prepare(const struct ds_runtime *runtime, const struct settings *settings,
                    const char *name, int number, struct worker *worker, ds_error_t *error)
{
    size_t index = 0;
    worker->number = number;
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
    return name_member(worker, error);
}

static bool start(struct worker *worker, ds_error_t *error)
{
    ds_health_turn(&worker->runtime); /* it is watched from here on */
    worker->started = pthread_create(&worker->thread, NULL, work, worker) == 0;
    if (!worker->started)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "cannot start a thread");
    return true;
}

/* ---- the first thread ---- */

struct crew {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    struct worker *workers;
    size_t count;
};

static bool hire(struct crew *crew, int name_count, const char *const *names, ds_error_t *error)
{
    int64_t each = crew->settings->workers;
    crew->workers = calloc((size_t)name_count * (size_t)each, sizeof *crew->workers);
    if (crew->workers == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "workers");
    for (int i = 0; i < name_count; i++)
        for (int n = 1; n <= each; n++)
            if (!prepare(crew->runtime, crew->settings, names[i], n, &crew->workers[crew->count++],
                         error))
                return false;
    return true;
}

static bool start_all(struct crew *crew, ds_error_t *error)
{
    for (size_t i = 0; i < crew->count; i++)
        if (!start(&crew->workers[i], error))
            return false;
    return true;
}

/* A thread that hangs cannot be waited for, and what it holds cannot be taken down. */
static void watch(struct crew *crew)
{
    int64_t now_us = ds_monotonic_us(crew->runtime->clock);
    for (size_t i = 0; i < crew->count; i++) {
        struct worker *worker = &crew->workers[i];
        if (!worker->started || atomic_load(&worker->ended))
            continue;
        int64_t turn_us = atomic_load_explicit(&worker->health.progress_us, memory_order_relaxed);
        int64_t still_us = ds_watchdog_look(&worker->dog, turn_us, now_us);
        if (still_us < crew->settings->stuck_after_us)
            continue;
        ds_log(&worker->runtime.log, DS_LOG_ERROR, "processor.stuck",
               "its work does not come round any more: the process ends, to be started anew",
               DS_F_CSTR("processor", worker->decider->name), DS_F_INT("worker", worker->number),
               DS_F_INT("still_ms", still_us / DS_US_PER_MS));
        _exit(EXIT_STUCK);
    }
}

static size_t at_work(const struct crew *crew)
{
    size_t count = 0;
    for (size_t i = 0; i < crew->count; i++)
        count += crew->workers[i].started && !atomic_load(&crew->workers[i].ended);
    return count;
}

/* A worker that ended cannot stop the others by itself: the runtime's flag is the process's. */
static void stop_all(struct crew *crew)
{
    static const struct timespec look = {0, STOP_NS};
    int64_t since_us = ds_monotonic_us(crew->runtime->clock);
    atomic_store(&crew->runtime->health->draining, true);
    if (!ds_stopping(crew->runtime))
        (void)raise(SIGTERM);
    while (at_work(crew) > 0) {
        watch(crew);
        (void)nanosleep(&look, NULL);
    }
    ds_log(&crew->runtime->log, DS_LOG_INFO, "processor.stopped", "all workers have ended",
           DS_F_INT("workers", (int64_t)crew->count),
           DS_F_INT("ms", (ds_monotonic_us(crew->runtime->clock) - since_us) / DS_US_PER_MS));
}

static int dismiss(struct crew *crew, ds_error_t *error)
{
    int code = 0;
    for (size_t i = 0; i < crew->count; i++) {
        if (!crew->workers[i].started)
            continue;
        (void)pthread_join(crew->workers[i].thread, NULL);
        if (ds_error_is_set(&crew->workers[i].error)) {
            *error = crew->workers[i].error;
            code = 1;
        }
    }
    free(crew->workers);
    return code;
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    static const struct timespec look = {0, LOOK_NS};
    struct crew crew = {.runtime = runtime, .settings = settings};
    if (argc < 1 || argc > DS_DECIDERS) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "name one or more processors");
        return 2;
    }
    if (!hire(&crew, argc, argv, error)) {
        free(crew.workers);
        return 2;
    }
    bool ok = start_all(&crew, error);
    while (ok && !ds_stopping(runtime) && at_work(&crew) == crew.count) {
        gather_health(runtime, crew.workers, crew.count);
        watch(&crew);
        (void)nanosleep(&look, NULL);
    }
    stop_all(&crew);
    int code = dismiss(&crew, error);
    return ok ? code : 1;
}

const struct ds_role ds_role_processor = {
    .name = "processor",
    .summary = "decide: catalog, order, payment, inventory, delivery",
    .usage = "NAME...",
    .examples = "  doorstep processor order\n"
                "  doorstep processor catalog order payment inventory delivery\n"
                "  doorstep processor order --workers 4\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .is_server = true,
    .run = run,
};
