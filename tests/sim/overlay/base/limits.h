/* base/limits.h for the simulation: the same, but tables by partition are short. A process steps
 * over them in every turn, and here it turns ten thousand times in ten milliseconds. */
#ifndef DS_TESTS_SIM_LIMITS_H
#define DS_TESTS_SIM_LIMITS_H

#include_next "base/limits.h"

#undef DS_MAX_PARTITIONS
#define DS_MAX_PARTITIONS 4

#endif
