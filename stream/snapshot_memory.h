/* stream/snapshot_memory.h - what a host remembers of a partition besides the decider's state, in a
 * snapshot. Whatever is added to the "Memory" of struct ds_task belongs here, and fold.c, which
 * says how it comes about, into the hash of the format (stream/CMakeLists.txt). Internal to
 * snapshot_*.c. */
#ifndef DS_STREAM_SNAPSHOT_MEMORY_H
#define DS_STREAM_SNAPSHOT_MEMORY_H

#include "stream/task.h"

/* Command ids of one image. */
#define DS_MEMORY_IDS 512
/* Owed dead letters of one image. */
#define DS_MEMORY_OWED 64
/* Held inputs of one image. */
#define DS_MEMORY_HELD 512

/** @brief What the manifest says of memory: small, so it is taken at once, at the cut.
 *  @param inputs  room for DS_MAX_INPUTS. */
void ds_memory_to_manifest(const struct ds_task *task, struct ds_snapshot_input *inputs,
                           struct ds_snapshot_manifest *manifest);
/** @brief Set it again. */
void ds_memory_from_manifest(struct ds_task *task, const struct ds_snapshot_manifest *manifest);
/** @brief One command id into an image, and back. */
void ds_memory_image_id(const struct ds_window_entry *entry, struct ds_command_id_image *image);
DS_MUST_CHECK bool ds_memory_restore_ids(struct ds_window *window,
                                         const struct ds_host_state_item *item, ds_error_t *error);
/** @brief Owed dead letters from the i-th on, at most DS_MEMORY_OWED, into `images`, whose texts
 * are borrowed from the task; and back. @return how many. */
size_t ds_memory_image_owed(const struct ds_task *task, size_t i,
                            struct ds_owed_letter_image images[DS_MEMORY_OWED]);
/** @param owed,count  grows by the item's; owned by the caller. DAMAGE, MEMORY. */
DS_MUST_CHECK bool ds_memory_restore_owed(struct ds_owed **owed, size_t *count,
                                          const struct ds_host_state_item *item, ds_error_t *error);
/** @brief The quarantined aggregates of an image, back. */
DS_MUST_CHECK bool ds_memory_restore_quarantine(struct ds_quarantine *quarantine,
                                                const struct ds_host_state_item *item,
                                                ds_error_t *error);

#endif
