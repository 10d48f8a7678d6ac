/* base/map.h - a hash table from text to a pointer, with a maximum, and an iteration order that
 * does not depend on addresses or seeds (insertion order): deciders must not differ between two
 * runs over the same log.
 *
 * The map copies keys, unless it is one that borrows them, and does not own values; a key it gives
 * is valid until its entry is taken.
 * Every operation is O(1), puts and takes amortised; memory follows the largest number of entries
 * so far. Threads: one map, one thread. */
#ifndef DS_BASE_MAP_H
#define DS_BASE_MAP_H

#include "base/error.h"
#include "base/str.h"

typedef struct ds_map ds_map_t;

/** @brief NULL: no memory. */
ds_map_t *ds_map_new(size_t max_entries);
/** @brief A map for values that hold their keys: what ds_map_put is given as key (not NULL, even
 * when it is empty) must stay where it is until its entry is taken or replaced. NULL: no memory. */
ds_map_t *ds_map_new_borrowing(size_t max_entries);
/** @brief Frees the map; calls `destroy_value` (may be NULL) on each value. NULL is fine. */
void ds_map_destroy(ds_map_t *map, void (*destroy_value)(void *value));
/** @brief The value, borrowed; NULL when there is none. */
void *ds_map_get(const ds_map_t *map, ds_str_t key);
/** @brief Set or replace; `old_out` (may be NULL) gets the replaced value. DS_ERR_LIMIT,
 * DS_ERR_MEMORY: unchanged. */
DS_MUST_CHECK bool ds_map_put(ds_map_t *map, ds_str_t key, void *value, void **old_out,
                              ds_error_t *error);
/** @brief Take the value out; NULL when there was none. */
void *ds_map_take(ds_map_t *map, ds_str_t key);
size_t ds_map_count(const ds_map_t *map);
/** @brief Walk in insertion order: start with *cursor = 0; false at the end. Taking the current
 * entry while walking is allowed, putting is not. */
bool ds_map_next(const ds_map_t *map, size_t *cursor, ds_str_t *key_out, void **value_out);

/** Sees an entry as it was when the watch began. May look at the value; may not touch the map. */
typedef void (*ds_map_seen_fn)(void *context, ds_str_t key, const void *value);
/** @brief Begin to watch: every entry that is in the map now is shown to `seen` once, as it is now.
 * Either by ds_map_watch_next, or just before it changes: by ds_map_edit, by ds_map_take, and by a
 * ds_map_put that replaces it. What is put in from now on is not shown. So a copy of a large map
 * can be made bit by bit while it goes on changing. One watch at a time: a new one ends the old.
 *  @param seen  NULL: end the watch. */
void ds_map_watch(ds_map_t *map, ds_map_seen_fn seen, void *context);
/** @brief Show the next entry that was not shown yet. false: all were. */
bool ds_map_watch_next(ds_map_t *map);
/** @brief The value, about to be changed by the caller; NULL when there is none. */
void *ds_map_edit(ds_map_t *map, ds_str_t key);

#endif
