#include "tests/support/behaviours.h"

#include <criterion/theories.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define BEHAVIOURS_MAX 64

/* The linker's bounds of the section that the macro fills. */
extern const struct ds_behaviour *const __start_ds_behaviours[];
extern const struct ds_behaviour *const __stop_ds_behaviours[];

/* Criterion calls back without an argument of ours. */
static struct {
    const char *suite;
    void (*init)(void);
    void (*fini)(void);
    const char *name; /* of the one that runs */
} now;

static void run_one(const char *name)
{
    for (const struct ds_behaviour *const *b = __start_ds_behaviours; b < __stop_ds_behaviours;
         b++) {
        if (strcmp((*b)->suite, now.suite) != 0 || strcmp((*b)->name, name) != 0)
            continue;
        now.name = name;
        if (now.init != NULL)
            now.init();
        (*b)->run();
        if (now.fini != NULL)
            now.fini();
        return;
    }
}

static void on_abort(int number)
{
    static const char said[] = "aborted in: ";
    (void)!write(STDERR_FILENO, said, sizeof(said) - 1);
    (void)!write(STDERR_FILENO, now.name, strlen(now.name));
    (void)!write(STDERR_FILENO, "\n", 1);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* A theory's data points are the names: Criterion goes on with the next one when an assertion ends
 * one, and prints which one it was. */
void ds_behaviours_run(const char *suite, void (*init)(void), void (*fini)(void))
{
    const char *names[BEHAVIOURS_MAX];
    struct criterion_datapoints points = {sizeof(names[0]), 0, "const char *", names};

    for (const struct ds_behaviour *const *b = __start_ds_behaviours; b < __stop_ds_behaviours;
         b++) {
        if (strcmp((*b)->suite, suite) != 0)
            continue;
        cr_assert_lt(points.len, BEHAVIOURS_MAX, "%s has too many behaviours", suite);
        names[points.len++] = (*b)->name;
    }
    cr_assert_gt(points.len, 0, "%s has no behaviour", suite);
    now.suite = suite;
    now.init = init;
    now.fini = fini;
    (void)signal(SIGABRT, on_abort);
    cr_theory_main(&points, 1, (void (*)(void))run_one);
}
