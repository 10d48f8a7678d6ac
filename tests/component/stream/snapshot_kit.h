/* What the tests of snapshots share: hosts running the real inventory on the rig's log, and an
 * oracle that compares every snapshot in the topic with a fold of the log up to its place. */
#ifndef DS_TESTS_COMPONENT_STREAM_SNAPSHOT_KIT_H
#define DS_TESTS_COMPONENT_STREAM_SNAPSHOT_KIT_H

#include "rig.h"
#include "tests/support/images.h"

#define KIT_EVERY 200 /* events between two snapshots, at least */

/** @brief For rig_start: the inventory, snapshots every KIT_EVERY events. */
void kit_inventory(struct ds_host_config *config);
/** @brief The same decider after a change to its sources. */
void kit_inventory_changed(struct ds_host_config *config);
/** @brief The inventory, and no snapshot before a million events. */
void kit_inventory_without(struct ds_host_config *config);

/** @brief The inventory, which finds impossible what is about the aggregate of kit_break. */
void kit_inventory_broken(struct ds_host_config *config);
/** @brief NULL: nothing is broken any more, as when a mended version is there. Borrowed. */
void kit_break(const char *aggregate);

/** @brief Partition 0: receive so many pieces of `count` products from number `first` on; at most
 * 500. */
void kit_receive(struct rig *rig, int first, int count, int quantity);
/** @brief An order of two products, `first` and the next, on order.events. */
void kit_order(struct rig *rig, int number, int first);
/** @brief What is left of it. */
void kit_cancel(struct rig *rig, int number);

/** @brief The state of a fold of the log of partition 0 up to an offset, itself included; -1: all.
 */
void *kit_fold(struct rig *rig, int64_t until);
/** @brief The host's state is the fold of all of the log, or the test ends. */
void kit_check_state(struct rig *rig, int host);

/** A manifest in inventory.snapshots/0. */
struct kit_manifest {
    int64_t at; /* -1: there is none */
    int64_t epoch;
    int32_t slot;
    int64_t offset;
    int64_t seq;
    size_t chunks;
    int64_t chunks_offset;
    size_t others;
};
/** @brief The last one at or before `until` (-1: of all) that no tombstone has deleted. */
struct kit_manifest kit_last(struct rig *rig, int64_t until);
/** @brief Every manifest that has all its chunks is the fold up to its place. @return how many. */
size_t kit_check_snapshots(struct rig *rig);

#endif
