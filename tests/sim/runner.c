/* See runner.h. */
#include "runner.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 16
#define HANG_S      60 /* a seed takes milliseconds */

struct slot {
    pid_t pid;
    _Atomic uint64_t seed; /* that it works on; 0: none */
    _Atomic double since;
};
struct shared {
    _Atomic uint64_t next;
    _Atomic uint64_t done;
    _Atomic uint64_t steps;
    _Atomic uint64_t seen[SIM_SEEN];
    atomic_bool stop;
    atomic_flag lock;
    uint64_t failed;
    size_t listed;
    struct sim_failure failures[SIM_FAILURES];
    struct slot slots[WORKERS_MAX];
    _Atomic uint64_t hash; /* of sim_run_alone */
};

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct shared *share(void)
{
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        abort();
    return shared;
}

/* ---- what failed ---- */

/* Sorted, the lowest first: they are the ones to look at. */
static void list(struct shared *shared, uint64_t seed, const char *what)
{
    size_t at = 0;

    while (at < shared->listed && shared->failures[at].seed < seed)
        at++;
    if (at == SIM_FAILURES)
        return;
    if (shared->listed < SIM_FAILURES)
        shared->listed++;
    memmove(&shared->failures[at + 1], &shared->failures[at],
            (shared->listed - at - 1) * sizeof(shared->failures[0]));
    shared->failures[at].seed = seed;
    (void)snprintf(shared->failures[at].what, sizeof(shared->failures[at].what), "%s", what);
}

static void note_failure(struct shared *shared, const struct sim_job *job, uint64_t seed,
                         const char *what)
{
    while (atomic_flag_test_and_set(&shared->lock))
        ;
    shared->failed++;
    list(shared, seed, what);
    if (job->stop_at_first)
        atomic_store(&shared->stop, true);
    atomic_flag_clear(&shared->lock);
}

/* ---- a worker ---- */

static void work(struct shared *shared, const struct sim_job *job, struct slot *slot)
{
    struct sim *sim = sim_new();
    uint64_t number;

    ds_planted = job->planted;
    while (!atomic_load(&shared->stop) &&
           (number = atomic_fetch_add(&shared->next, 1)) < job->count) {
        struct sim_plan plan;

        sim_plan(job->first + number, &plan);
        atomic_store(&slot->since, seconds());
        atomic_store(&slot->seed, plan.seed);
        if (!sim_run(sim, &plan, false))
            note_failure(shared, job, plan.seed, sim->failure);
        atomic_store(&slot->seed, 0);
        atomic_fetch_add(&shared->steps, sim->steps);
        for (size_t i = 0; i < SIM_SEEN; i++)
            atomic_fetch_add(&shared->seen[i], (uint64_t)sim->seen[i]);
        atomic_fetch_add(&shared->done, 1);
    }
    sim_destroy(sim);
}

static void start_worker(struct shared *shared, const struct sim_job *job, struct slot *slot)
{
    (void)fflush(NULL);
    slot->pid = fork();
    if (slot->pid < 0)
        abort();
    if (slot->pid > 0)
        return;
    work(shared, job, slot);
    exit(0);
}

/* ---- the parent ---- */

static struct slot *slot_of(struct shared *shared, pid_t pid)
{
    for (int i = 0; i < WORKERS_MAX; i++)
        if (shared->slots[i].pid == pid)
            return &shared->slots[i];
    return NULL;
}

/* @return true: another takes its place. */
static bool worker_ended(struct shared *shared, const struct sim_job *job, struct slot *slot,
                         int status)
{
    uint64_t seed = atomic_load(&slot->seed);
    char what[64];

    slot->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    (void)snprintf(what, sizeof(what), "the process ends: signal %d, exit code %d",
                   WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                   WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    note_failure(shared, job, seed, what);
    atomic_fetch_add(&shared->done, 1);
    atomic_store(&slot->seed, 0);
    return !atomic_load(&shared->stop);
}

static void end_hanging(struct shared *shared)
{
    for (int i = 0; i < WORKERS_MAX; i++) {
        struct slot *slot = &shared->slots[i];

        if (slot->pid > 0 && atomic_load(&slot->seed) != 0 &&
            seconds() - atomic_load(&slot->since) > HANG_S)
            (void)kill(slot->pid, SIGKILL);
    }
}

static void tell_progress(const struct sim_job *job, struct shared *shared, double begin,
                          double *told)
{
    double now = seconds();
    uint64_t done = atomic_load(&shared->done);

    if (!job->progress || now - *told < 5)
        return;
    *told = now;
    fprintf(stderr, "sim: %" PRIu64 " of %" PRIu64 " seeds, %.0f a second, %" PRIu64 " failed\n",
            done, job->count, (double)done / (now - begin), shared->failed);
}

static void supervise(struct shared *shared, const struct sim_job *job, int running)
{
    double begin = seconds();
    double told = begin;

    while (running > 0) {
        const struct timespec nap = {0, 20 * 1000 * 1000};
        int status = 0;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        struct slot *slot = pid > 0 ? slot_of(shared, pid) : NULL;

        if (pid < 0 && errno == ECHILD)
            return;
        if (slot != NULL && worker_ended(shared, job, slot, status))
            start_worker(shared, job, slot);
        else if (slot != NULL)
            running--;
        end_hanging(shared);
        tell_progress(job, shared, begin, &told);
        if (pid <= 0)
            (void)nanosleep(&nap, NULL);
    }
}

void sim_run_job(const struct sim_job *job, struct sim_result *result_out)
{
    struct shared *shared = share();
    double begin = seconds();
    int workers = job->workers > WORKERS_MAX ? WORKERS_MAX : job->workers;

    for (int i = 0; i < workers; i++)
        start_worker(shared, job, &shared->slots[i]);
    supervise(shared, job, workers);
    *result_out = (struct sim_result){.done = shared->done,
                                      .failed = shared->failed,
                                      .seconds = seconds() - begin,
                                      .steps = shared->steps,
                                      .listed = shared->listed};
    for (size_t i = 0; i < SIM_SEEN; i++)
        result_out->seen[i] = shared->seen[i];
    memcpy(result_out->failures, shared->failures, sizeof(shared->failures));
    (void)munmap(shared, sizeof(*shared));
}

static int alone(uint64_t seed, enum ds_planted planted, bool tracing, struct shared *shared)
{
    struct sim *sim = sim_new();
    struct sim_plan plan;
    bool ok;

    ds_planted = planted;
    sim_plan(seed, &plan);
    ok = sim_run(sim, &plan, tracing);
    if (!ok && tracing)
        printf("seed %" PRIu64 " FAILED: %s\n", seed, sim->failure);
    atomic_store(&shared->hash, sim->hash);
    sim_destroy(sim);
    return ok ? 0 : 1;
}

bool sim_run_alone(uint64_t seed, enum ds_planted planted, bool tracing, uint64_t *hash_out)
{
    struct shared *shared = share();
    int status = 1;
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0)
        exit(alone(seed, planted, tracing, shared));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *hash_out = atomic_load(&shared->hash);
    (void)munmap(shared, sizeof(*shared));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
