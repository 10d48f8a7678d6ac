/* cli/up.c - all roles of the shop as child processes of one supervisor, on one machine.
 *
 * A child that ends is started again: at once the first time, then after 100 ms doubling to 5 s,
 * until it has run for 10 s. So is one that the machine had no process for; only where a role
 * cannot be started the first time, all is over. A child has a stable name (group.instance.id), so
 * that the group gives it its partitions back without a session timeout. SIGTERM or SIGINT: all are
 * asked to stop, and killed after 10 s. Nothing survives the supervisor. */
#include "cli/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_US        (10 * DS_US_PER_S)
#define HEALTHY_US     (10 * DS_US_PER_S)
#define FIRST_PAUSE_US (100 * DS_US_PER_MS)
#define MAX_PAUSE_US   (5 * DS_US_PER_S)
#define TICK_NS        (50 * 1000 * 1000)
#define LOG_FILE_BYTES                                                                             \
    (64 * 1024 * 1024) /* beyond that it is set aside as .1 when the child starts */
#define EXIT_CANNOT_EXEC 127

struct settings {
    const char *log_dir;
    const char *run_dir;
    int64_t first_metrics_port;
    const char *without;
};

static const struct ds_option options[] = {
    {"log-dir", "LOG_DIR", DS_OPT_TEXT, offsetof(struct settings, log_dir), "", 0, 0, false, false,
     "Folder for one log file a role; empty: all write to stderr."},
    {"run-dir", "RUN_DIR", DS_OPT_TEXT, offsetof(struct settings, run_dir), "", 0, 0, false, false,
     "Folder for one pid file a role; empty: none."},
    {"first-metrics-port", "FIRST_METRICS_PORT", DS_OPT_INT,
     offsetof(struct settings, first_metrics_port), "9400", 0, 65000, false, false,
     "Probes and metrics of the roles count up from here; 0: none."},
    {"without", "UP_WITHOUT", DS_OPT_TEXT, offsetof(struct settings, without), "", 0, 0, false,
     false, "Roles to leave out by file name, comma separated, such as sandbox."},
    DS_OPTION_END,
};

/** What runs: the words behind `doorstep`, and a name for files and the group. */
static const struct program {
    const char *name;
    const char *words[3];
} programs[] = {
    {"sandbox", {"sandbox"}},
    {"processor-catalog", {"processor", "catalog"}},
    {"processor-order", {"processor", "order"}},
    {"processor-payment", {"processor", "payment"}},
    {"processor-inventory", {"processor", "inventory"}},
    {"processor-delivery", {"processor", "delivery"}},
    {"project-postgres", {"project", "postgres"}},
    {"project-mongo", {"project", "mongo"}},
    {"gateway-payments", {"gateway", "payments"}},
    {"api", {"api"}},
    {"notifications", {"notifications"}},
};
#define PROGRAM_COUNT (sizeof programs / sizeof *programs)

struct child {
    const struct program *program;
    int index;
    pid_t pid; /* 0: not running */
    unsigned failures;
    int64_t started_us;  /* monotonic; 0: it never was */
    int64_t start_at_us; /* monotonic; when not running */
    bool left_out;
};

struct supervisor {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    struct child children[PROGRAM_COUNT];
    ds_metric_t *restarts;
};

static bool is_listed(const char *list, const char *name)
{
    for (ds_str_t rest = ds_str(list); rest.len > 0; rest = ds_str_after(rest, ','))
        if (ds_str_eq(ds_str_before(rest, ','), ds_str(name)))
            return true;
    return false;
}

/* --- in the child, between fork and exec
 * ----------------------------------------------------------------- */

static void redirect_output(const struct supervisor *up, const struct program *program)
{
    if (up->settings->log_dir[0] == '\0')
        return;
    char path[512], old[520];
    (void)snprintf(path, sizeof path, "%s/%s.log", up->settings->log_dir, program->name);
    struct stat status;
    if (stat(path, &status) == 0 && status.st_size > LOG_FILE_BYTES) {
        (void)snprintf(old, sizeof old, "%s.1", path);
        (void)rename(path, old);
    }
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (file < 0)
        return;
    (void)dup2(file, STDOUT_FILENO);
    (void)dup2(file, STDERR_FILENO);
}

static void set_child_environment(const struct supervisor *up, const struct child *child)
{
    char port[24];
    int64_t first = up->settings->first_metrics_port;
    (void)snprintf(port, sizeof port, "%" PRId64, first == 0 ? 0 : first + child->index);
    (void)setenv("METRICS_PORT", port, 1);
    (void)setenv("GROUP_INSTANCE_ID", child->program->name, 1);
}

static void become(const struct supervisor *up, const struct child *child, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* it ended before the line above */
        _exit(EXIT_FAILURE);
    redirect_output(up, child->program);
    set_child_environment(up, child);
    char *argv[5] = {(char *)(uintptr_t) "doorstep"};
    for (size_t i = 0; i < 3 && child->program->words[i] != NULL; i++)
        argv[i + 1] = (char *)(uintptr_t)child->program->words[i];
    (void)execv("/proc/self/exe", argv);
    _exit(EXIT_CANNOT_EXEC);
}

/* --- in the supervisor
 * ------------------------------------------------------------------------------------ */

static void write_pid_file(const struct supervisor *up, const struct child *child)
{
    if (up->settings->run_dir[0] == '\0')
        return;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.pid", up->settings->run_dir, child->program->name);
    if (child->pid == 0) {
        (void)unlink(path);
        return;
    }
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return;
    (void)fprintf(file, "%d\n", (int)child->pid);
    (void)fclose(file);
}

static bool start_child(struct supervisor *up, struct child *child, ds_error_t *error)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "cannot start %s: %s",
                            child->program->name, strerror(errno));
    if (pid == 0)
        become(up, child, parent);
    child->pid = pid;
    child->started_us = ds_monotonic_us(up->runtime->clock);
    write_pid_file(up, child);
    ds_log(&up->runtime->log, DS_LOG_INFO, "up.started", "a role was started",
           DS_F_CSTR("name", child->program->name), DS_F_INT("pid", pid));
    return true;
}

static int64_t put_off(const struct supervisor *up, struct child *child, int64_t now)
{
    int64_t pause = child->failures == 0 ? 0
                                         : ds_backoff_us(up->runtime->random, child->failures - 1,
                                                         FIRST_PAUSE_US, MAX_PAUSE_US);
    child->start_at_us = now + pause;
    return pause;
}

static void child_ended(struct supervisor *up, struct child *child, int status)
{
    int64_t now = ds_monotonic_us(up->runtime->clock);
    int64_t ran_us = now - child->started_us;
    bool killed = WIFSIGNALED(status);
    child->failures = ran_us > HEALTHY_US ? 0 : child->failures + 1;
    int64_t pause = put_off(up, child, now);
    child->pid = 0;
    write_pid_file(up, child);
    ds_metric_add(up->restarts, 1);
    ds_log(&up->runtime->log, DS_LOG_WARN, "up.ended", "a role ended and is started again",
           DS_F_CSTR("name", child->program->name),
           DS_F_INT(killed ? "signal" : "exit", killed ? WTERMSIG(status) : WEXITSTATUS(status)),
           DS_F_INT("ran_ms", ran_us / DS_US_PER_MS), DS_F_INT("pause_ms", pause / DS_US_PER_MS));
}

static size_t reap(struct supervisor *up, bool stopping)
{
    size_t running = 0;
    for (size_t i = 0; i < PROGRAM_COUNT; i++) {
        struct child *child = &up->children[i];
        int status = 0;
        if (child->pid != 0 && waitpid(child->pid, &status, WNOHANG) == child->pid) {
            if (!stopping)
                child_ended(up, child, status);
            child->pid = 0;
            write_pid_file(up, child);
        }
        running += child->pid != 0;
    }
    return running;
}

static void signal_all(struct supervisor *up, int signal_number)
{
    for (size_t i = 0; i < PROGRAM_COUNT; i++)
        if (up->children[i].pid != 0)
            (void)kill(up->children[i].pid, signal_number);
}

static void wait_for_child_signal(void)
{
    const struct timespec tick = {0, TICK_NS};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)sigtimedwait(&child, NULL, &tick); /* SIGTERM ends it early: EINTR */
}

static void stop_all(struct supervisor *up)
{
    atomic_store(&up->runtime->health->draining, true);
    int64_t deadline = ds_monotonic_us(up->runtime->clock) + STOP_US;
    signal_all(up, SIGTERM);
    while (reap(up, true) > 0 && ds_monotonic_us(up->runtime->clock) < deadline)
        wait_for_child_signal();
    signal_all(up, SIGKILL);
    while (reap(up, true) > 0)
        wait_for_child_signal();
}

static bool start_due(struct supervisor *up, ds_error_t *error)
{
    int64_t now = ds_monotonic_us(up->runtime->clock);
    for (size_t i = 0; i < PROGRAM_COUNT; i++) {
        struct child *child = &up->children[i];
        ds_error_t why = DS_ERROR_INIT;
        if (child->left_out || child->pid != 0 || child->start_at_us > now ||
            start_child(up, child, &why))
            continue;
        if (child->started_us == 0) {
            *error = why;
            return false;
        }
        child->failures++;
        (void)put_off(up, child, now);
        ds_log_error(&up->runtime->log, DS_LOG_ERROR, "up.not_started", &why);
    }
    return true;
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argc, (void)argv;
    struct supervisor up = {.runtime = runtime, .settings = settings};
    up.restarts = ds_metrics_get(runtime->metrics, DS_COUNTER, "doorstep_up_restarts_total",
                                 "Roles that ended and were started again.", NULL);
    for (size_t i = 0; i < PROGRAM_COUNT; i++) {
        up.children[i].program = &programs[i];
        up.children[i].index = (int)i;
        up.children[i].left_out = is_listed(up.settings->without, programs[i].name);
    }
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL);

    bool ok = true;
    atomic_store(&runtime->health->ready, true);
    while (ok && !ds_stopping(runtime)) {
        ok = start_due(&up, error);
        wait_for_child_signal();
        (void)reap(&up, false);
        ds_health_turn(runtime);
    }
    stop_all(&up);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_up = {
    .name = "up",
    .summary = "run all roles on this machine, supervised",
    .examples = "  doorstep up --log-dir /var/log/doorstep\n"
                "  doorstep up --without sandbox\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
