/* stream/partition.h - which partition a key belongs to: murmur2 as the Java client computes it, so
 * that every tool agrees. */
#ifndef DS_STREAM_PARTITION_H
#define DS_STREAM_PARTITION_H

#include "base/str.h"

/** @brief (murmur2(key) & 0x7fffffff) % partition_count. Pure. partition_count > 0. */
int32_t ds_partition_of(ds_str_t key, int32_t partition_count);

#endif
