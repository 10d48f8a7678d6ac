/* tests/sim/planted.h - the planted mistakes as the simulation handles them. */
#ifndef DS_TESTS_SIM_PLANTED_H
#define DS_TESTS_SIM_PLANTED_H

#include "base/planted.h"

struct sim_bug {
    const char *rule;
    const char *what;
};
extern const struct sim_bug sim_bugs[DS_PLANTED_COUNT];

/** The judges use the product's code too, and want it right. @return what was on. */
enum ds_planted sim_planted_off(void);

#endif
