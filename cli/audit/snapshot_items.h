/* cli/audit/snapshot_items.h - the items of a snapshot: what they sum up to, and which differs.
 * Threads: one. */
#ifndef DS_CLI_AUDIT_SNAPSHOT_ITEMS_H
#define DS_CLI_AUDIT_SNAPSHOT_ITEMS_H

#include "cli/audit/hash.h"
#include "stream/log_fold.h"

/** How many there are and what their hashes sum up to: the order does not matter. */
struct ds_snapshot_sum {
    int64_t items;
    uint64_t hash[2];
};

/** Takes one item, framed. */
typedef bool (*ds_snapshot_item_fn)(void *context, const struct ds_schema *schema, ds_bytes_t bytes,
                                    ds_error_t *error);

/** Room for one item; reused. */
struct ds_snapshot_room {
    const struct ds_decider *decider;
    ds_arena_t *arena; /* of the record */
    ds_arena_t *item_arena;
    void *item;
    ds_buf_t bytes;
};
DS_MUST_CHECK bool ds_snapshot_room_init(struct ds_snapshot_room *room,
                                         const struct ds_decider *decider, ds_error_t *error);
void ds_snapshot_room_cleanup(struct ds_snapshot_room *room);

void ds_snapshot_sum_add(struct ds_snapshot_sum *sum, ds_bytes_t item);
bool ds_snapshot_sum_equal(const struct ds_snapshot_sum *a, const struct ds_snapshot_sum *b);
/** @brief Give the items of a chunk, command ids and owed letters one by one. @param error  as
 * decoding; MEMORY. */
DS_MUST_CHECK bool ds_snapshot_chunk_items(struct ds_snapshot_room *room, ds_bytes_t chunk,
                                           ds_snapshot_item_fn take, void *context,
                                           ds_error_t *error);
/** @brief Give the items of a fold. MEMORY, LIMIT. */
DS_MUST_CHECK bool ds_snapshot_fold_items(struct ds_snapshot_room *room, ds_log_fold_t *fold,
                                          ds_snapshot_item_fn take, void *context,
                                          ds_error_t *error);

/** The items of a fold by name, to find the first that differs. */
typedef struct ds_snapshot_index ds_snapshot_index_t;
DS_MUST_CHECK bool ds_snapshot_index_new(struct ds_snapshot_room *room, ds_log_fold_t *fold,
                                         ds_snapshot_index_t **index_out, ds_error_t *error);
void ds_snapshot_index_destroy(ds_snapshot_index_t *index);
/** @brief An item of the snapshot (a ds_snapshot_item_fn; context: the index): it is taken out. */
bool ds_snapshot_index_item(void *index, const struct ds_schema *schema, ds_bytes_t bytes,
                            ds_error_t *error);
/** @brief All are taken out: what differed first, by kind, id and field, never by value; borrowed.
 */
const char *ds_snapshot_index_difference(ds_snapshot_index_t *index);

#endif
