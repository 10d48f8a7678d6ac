/* tests/unit/interleavings/scenarios.h - what is explored. */
#ifndef DS_TESTS_INTERLEAVINGS_SCENARIOS_H
#define DS_TESTS_INTERLEAVINGS_SCENARIOS_H

#include "world.h"

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/** @brief By name; NULL: none. */
const struct scenario *scenario_named(const char *name);

#endif
