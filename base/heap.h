/* base/heap.h - a binary min-heap of (int64 key, pointer) whose entries can be moved and removed by
 * handle.
 *
 * The handle lives in the caller's object (an int32_t index the heap keeps up to date; -1: not in
 * the heap). Ties are broken by `tie`, so that two runs over the same log pop in the same order.
 * Threads: one heap, one thread. */
#ifndef DS_BASE_HEAP_H
#define DS_BASE_HEAP_H

#include "base/error.h"
#include "base/str.h"

typedef struct ds_heap ds_heap_t;

/** Returns the place of an object's handle. */
typedef int32_t *(*ds_heap_handle_fn)(void *item);
/** Order of two items with the same key: <0, 0, >0. May be NULL. */
typedef int (*ds_heap_tie_fn)(const void *a, const void *b);

ds_heap_t *ds_heap_new(ds_heap_handle_fn handle, ds_heap_tie_fn tie, size_t max_items);
void ds_heap_destroy(ds_heap_t *heap); /* items are not touched */
/** @brief Insert, or move an item that is in. */
DS_MUST_CHECK bool ds_heap_set(ds_heap_t *heap, void *item, int64_t key, ds_error_t *error);
/** @brief Remove; nothing happens when it is not in. */
void ds_heap_remove(ds_heap_t *heap, void *item);
/** @brief The least item, left in. NULL: empty. */
void *ds_heap_peek(const ds_heap_t *heap, int64_t *key_out);
/** @brief The least item that `wanted` takes, left in. Looks at no more than those before it and as
 * many again. NULL: none. */
void *ds_heap_peek_if(const ds_heap_t *heap, bool (*wanted)(const void *context, const void *item),
                      const void *context, int64_t *key_out);
size_t ds_heap_count(const ds_heap_t *heap);

#endif
