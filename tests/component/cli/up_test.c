/* The supervisor where the machine gives it no process: others are left alone, and it tries again.
 */
#include "cli/roles.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The processes it makes are of this program; instead of becoming a role they do what the test
 * says. */
#define FORKS_MAX 8

static volatile sig_atomic_t stop;
static int forks;
static int failing;   /* the fork that fails; from 1 */
static int stopping;  /* the fork behind which all are stopped */
static bool ends_now; /* the child being made */
static int64_t forked_us[FORKS_MAX];
static pid_t pids[FORKS_MAX];
static bool alive_at_the_end[FORKS_MAX];

pid_t __real_fork(void);
pid_t __wrap_fork(void);
int __wrap_execv(const char *path, char *const *argv);

static bool is_alive(pid_t pid)
{
    siginfo_t info = {0};
    return pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

pid_t __wrap_fork(void)
{
    cr_assert(forks < FORKS_MAX);
    int number = forks++;
    forked_us[number] = ds_monotonic_us(ds_system_clock());
    ends_now = number == 0;
    if (forks == failing) {
        errno = EAGAIN;
        pids[number] = -1;
        return -1;
    }
    pids[number] = __real_fork();
    if (forks == stopping && pids[number] != 0) {
        stop = 1;
        for (int i = 0; i < forks; i++)
            alive_at_the_end[i] = is_alive(pids[i]);
    }
    return pids[number];
}

int __wrap_execv(const char *path, char *const *argv)
{
    (void)path, (void)argv;
    if (ends_now)
        _exit(3);
    for (;;)
        pause();
}

/* Two roles: the first one ends as soon as it has begun. */
static int run_up(ds_error_t *error)
{
    static struct ds_health health;
    static max_align_t settings[16];
    static const char without[] = "sandbox,processor-catalog,processor-order,processor-payment,"
                                  "processor-inventory,processor-delivery,project-postgres,"
                                  "project-mongo,gateway-payments";
    static char *argv[] = {(char *)(uintptr_t) "--without", (char *)(uintptr_t)without, NULL};
    const struct ds_runtime runtime = {.log = ds_log_root("up", DS_LOG_ERROR),
                                       .clock = ds_system_clock(),
                                       .random = ds_system_random(),
                                       .metrics = ds_metrics_new(),
                                       .health = &health,
                                       .stop = &stop};
    bool help;
    const char *positional[2];
    int positional_count;
    cr_assert_leq(ds_role_up.settings_bytes, sizeof settings);
    cr_assert(ds_options_parse(ds_role_up.options, 2, argv, settings, positional, &positional_count,
                               &help, error),
              "%s", error->message);
    int code = ds_role_up.run(&runtime, settings, 0, NULL, error);
    ds_metrics_destroy(runtime.metrics);
    return code;
}

Test(up, role_that_cannot_be_started_again_is_tried_later_and_the_others_go_on, .timeout = 300)
{
    ds_error_t error = DS_ERROR_INIT;
    failing = 3; /* the first role again */
    stopping = 4;
    cr_expect_eq(run_up(&error), 0, "%s", error.message);
    cr_assert_eq(forks, 4);
    cr_expect(alive_at_the_end[1], "the other role");
    cr_expect(alive_at_the_end[3], "the role that was tried again");
    cr_expect_geq(forked_us[3] - forked_us[2], 50 * DS_US_PER_MS);
}

Test(up, role_that_cannot_be_started_at_all_ends_it, .timeout = 300)
{
    ds_error_t error = DS_ERROR_INIT;
    failing = 2;
    cr_expect_eq(run_up(&error), 1);
    cr_expect_eq(error.code, DS_ERR_IO);
    cr_expect_eq(forks, 2);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "nothing survives it");
}
