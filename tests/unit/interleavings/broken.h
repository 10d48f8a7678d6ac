/* tests/unit/interleavings/broken.h - rules broken on purpose: the exploration must find each. */
#ifndef DS_TESTS_INTERLEAVINGS_BROKEN_H
#define DS_TESTS_INTERLEAVINGS_BROKEN_H

#include "base/planted.h"
#include "world.h"

struct broken_rule {
    const char *name;
    const char *what;
    enum ds_planted planted; /* in a decider */
    enum wiring wiring;      /* or in the world */
    const char *scenario;    /* that shows it */
    const char *found_by;    /* what the check says that finds it */
};

extern const struct broken_rule broken_rules[];
extern const size_t broken_rule_count;

/** @brief Break it, each in a process of its own (a decider may end at an assert), and see that the
 * right check finds it. Prints which did; with `trace` the way too. */
bool broken_rule_is_found(const struct broken_rule *rule, bool trace);

#endif
