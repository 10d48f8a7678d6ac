/* tests/support/behaviours.h - the tests of a suite, one after another in one process.
 *
 * Criterion starts a process a test: 25 ms each under ASan, while a decider's test takes a tenth of
 * one. A behaviour is written like a Test; all those of a suite are one Criterion test,
 * "behaviours". One that fails ends at its assertion, is named below it, and the next one runs; one
 * that ends the process is named by its stack or by abort(), and takes those behind it with it.
 *
 * A behaviour must leave nothing behind: what it needs is made anew by the suite's set-up. Tests
 * that need a process of their own stay Tests. Threads: none. */
#ifndef DS_TESTS_SUPPORT_BEHAVIOURS_H
#define DS_TESTS_SUPPORT_BEHAVIOURS_H

#include <criterion/criterion.h>

struct ds_behaviour {
    const char *suite;
    const char *name;
    void (*run)(void);
};

/** The Criterion test of a suite, above its behaviours. `init` and `fini` may be NULL. */
#define DS_BEHAVIOURS(suite_, init, fini)                                                          \
    static const char suite_##_suite[] = #suite_;                                                  \
    Test(suite_, behaviours)                                                                       \
    {                                                                                              \
        ds_behaviours_run(suite_##_suite, init, fini);                                             \
    }

/** A behaviour of a suite of this file; its body follows. */
#define DS_BEHAVIOUR(suite_, name_)                                                                \
    static void suite_##_##name_(void);                                                            \
    static const struct ds_behaviour suite_##_##name_##_entry = {suite_##_suite, #name_,           \
                                                                 suite_##_##name_};                \
    __attribute__((used, section("ds_behaviours"))) static const struct ds_behaviour               \
        *const suite_##_##name_##_place = &suite_##_##name_##_entry;                               \
    static void suite_##_##name_(void)

/** @brief Run each behaviour of the suite between init and fini, and fail when there is none. After
 * a failed behaviour fini is not called. */
void ds_behaviours_run(const char *suite, void (*init)(void), void (*fini)(void));

#endif
