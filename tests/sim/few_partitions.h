/* tests/sim/few_partitions.h - included before everything else: tables by partition are short here,
 * and so are the chunks of a snapshot and what of one is made in a turn.
 *
 * A process steps over its partitions in every turn, and in a simulation it turns a thousand times
 * in a few milliseconds. The states are small: in the product's measure each would be one chunk,
 * made at once, and no event would ever come between. */
#ifndef DS_TESTS_SIM_FEW_PARTITIONS_H
#define DS_TESTS_SIM_FEW_PARTITIONS_H

#include "base/limits.h"

#undef DS_MAX_PARTITIONS
#define DS_MAX_PARTITIONS 4
#undef DS_SNAPSHOT_CHUNK_BYTES
#define DS_SNAPSHOT_CHUNK_BYTES 400
#undef DS_SNAPSHOT_TURN_ITEMS
#define DS_SNAPSHOT_TURN_ITEMS 4

#endif
