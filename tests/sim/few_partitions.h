/* tests/sim/few_partitions.h - included before everything else: tables by partition are short here.
 *
 * A process steps over them in every turn, and in a simulation it turns a thousand times in a few
 * milliseconds. */
#ifndef DS_TESTS_SIM_FEW_PARTITIONS_H
#define DS_TESTS_SIM_FEW_PARTITIONS_H

#include "base/limits.h"

#undef DS_MAX_PARTITIONS
#define DS_MAX_PARTITIONS 4

#endif
