/* decider/shelf.h - the aggregates of one kind in a decider's state, such that a snapshot can be
 * taken of them while they change.
 *
 * A map (base/map.h) that tells looking from changing. What ds_shelf_get gives is const; whoever
 * changes an item takes it with ds_shelf_edit, or, holding it already, says so with ds_shelf_touch
 * first. Then a walk under way (decider/walk.h) writes down the item as it was. Putting and taking
 * need no such word. Every member of an item that its image repeats counts; heap handles, links and
 * sums that are made again on restoring do not. The key is kept in the item alone: what an item is
 * put under must be its own. Threads: one shelf, one thread. */
#ifndef DS_DECIDER_SHELF_H
#define DS_DECIDER_SHELF_H

#include "base/map.h"

typedef struct ds_shelf ds_shelf_t; /* a ds_map_t under another name: const is checked */

static inline ds_shelf_t *ds_shelf_new(size_t max_items)
{
    return (ds_shelf_t *)ds_map_new_borrowing(max_items);
}

static inline void ds_shelf_destroy(ds_shelf_t *shelf, void (*destroy_item)(void *item))
{
    ds_map_destroy((ds_map_t *)shelf, destroy_item);
}

/** @brief To look at; NULL: none. */
static inline const void *ds_shelf_get(const ds_shelf_t *shelf, ds_str_t key)
{
    return ds_map_get((const ds_map_t *)shelf, key);
}

/** @brief To change; NULL: none. Before the first change, not after. */
static inline void *ds_shelf_edit(ds_shelf_t *shelf, ds_str_t key)
{
    return ds_map_edit((ds_map_t *)shelf, key);
}

/** @brief The item with this key, which the caller holds, is about to change. */
static inline void ds_shelf_touch(ds_shelf_t *shelf, ds_str_t key)
{
    (void)ds_map_edit((ds_map_t *)shelf, key);
}

/** @brief See ds_map_put; `key` is borrowed while the item stands here. */
DS_MUST_CHECK static inline bool ds_shelf_put(ds_shelf_t *shelf, ds_str_t key, void *item,
                                              void **old_out, ds_error_t *error)
{
    return ds_map_put((ds_map_t *)shelf, key, item, old_out, error);
}

static inline void *ds_shelf_take(ds_shelf_t *shelf, ds_str_t key)
{
    return ds_map_take((ds_map_t *)shelf, key);
}

static inline size_t ds_shelf_count(const ds_shelf_t *shelf)
{
    return ds_map_count((const ds_map_t *)shelf);
}

/** @brief See ds_map_next. */
static inline bool ds_shelf_next(const ds_shelf_t *shelf, size_t *cursor, ds_str_t *key_out,
                                 const void **item_out)
{
    void *item;
    bool found = ds_map_next((const ds_map_t *)shelf, cursor, key_out, &item);

    *item_out = item;
    return found;
}

#endif
