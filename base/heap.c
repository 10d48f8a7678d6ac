#include "base/heap.h"

#include <stdlib.h>

struct node {
    int64_t key;
    void *item;
};

struct ds_heap {
    struct node *nodes;
    size_t count;
    size_t capacity;
    size_t max_items;
    ds_heap_handle_fn handle;
    ds_heap_tie_fn tie;
};

ds_heap_t *ds_heap_new(ds_heap_handle_fn handle, ds_heap_tie_fn tie, size_t max_items)
{
    ds_heap_t *heap = calloc(1, sizeof *heap);
    if (heap == NULL)
        return NULL;
    heap->handle = handle;
    heap->tie = tie;
    heap->max_items = max_items < INT32_MAX ? max_items : INT32_MAX;
    return heap;
}

void ds_heap_destroy(ds_heap_t *heap)
{
    if (heap == NULL)
        return;
    free(heap->nodes);
    free(heap);
}

static bool before(const ds_heap_t *heap, struct node a, struct node b)
{
    if (a.key != b.key)
        return a.key < b.key;
    return heap->tie != NULL && heap->tie(a.item, b.item) < 0;
}

static void place(ds_heap_t *heap, size_t at, struct node node)
{
    heap->nodes[at] = node;
    *heap->handle(node.item) = (int32_t)at;
}

/* Put `node` into the hole at `at`, or wherever above or below the order wants it. */
static void sift(ds_heap_t *heap, size_t at, struct node node)
{
    while (at > 0 && before(heap, node, heap->nodes[(at - 1) / 2])) {
        place(heap, at, heap->nodes[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && before(heap, heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (!before(heap, heap->nodes[child], node))
            break;
        place(heap, at, heap->nodes[child]);
        at = child;
    }
    place(heap, at, node);
}

/* A handle of 0 in a zeroed object is not taken for the first place: the item there must be the
 * same. */
static bool holds(const ds_heap_t *heap, void *item, size_t *at_out)
{
    int32_t handle = *heap->handle(item);
    *at_out = (size_t)handle;
    return handle >= 0 && (size_t)handle < heap->count && heap->nodes[handle].item == item;
}

static bool grow(ds_heap_t *heap, ds_error_t *error)
{
    if (heap->count < heap->capacity)
        return true;
    if (heap->count >= heap->max_items)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_LIMIT, "heap is full: %zu items",
                            heap->count);
    size_t capacity = heap->capacity < 8 ? 16 : heap->capacity * 2;
    if (capacity > heap->max_items)
        capacity = heap->max_items;
    struct node *nodes = realloc(heap->nodes, capacity * sizeof *nodes);
    if (nodes == NULL)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_MEMORY, "heap of %zu items", capacity);
    heap->nodes = nodes;
    heap->capacity = capacity;
    return true;
}

bool ds_heap_set(ds_heap_t *heap, void *item, int64_t key, ds_error_t *error)
{
    size_t at;
    if (!holds(heap, item, &at)) {
        if (!grow(heap, error))
            return false;
        at = heap->count++;
    }
    sift(heap, at, (struct node){key, item});
    return true;
}

void ds_heap_remove(ds_heap_t *heap, void *item)
{
    size_t at;
    if (!holds(heap, item, &at))
        return;
    struct node last = heap->nodes[--heap->count];
    if (at != heap->count)
        sift(heap, at, last);
    *heap->handle(item) = -1;
}

void *ds_heap_peek(const ds_heap_t *heap, int64_t *key_out)
{
    if (key_out != NULL)
        *key_out = heap->count == 0 ? 0 : heap->nodes[0].key;
    return heap->count == 0 ? NULL : heap->nodes[0].item;
}

/* An item that is wanted is the least of its subtree; of one that is not, both children may be. */
static size_t least_if(const ds_heap_t *heap, size_t at,
                       bool (*wanted)(const void *context, const void *item), const void *context)
{
    if (at >= heap->count || wanted(context, heap->nodes[at].item))
        return at < heap->count ? at : heap->count;
    size_t left = least_if(heap, 2 * at + 1, wanted, context);
    size_t right = least_if(heap, 2 * at + 2, wanted, context);
    if (left == heap->count ||
        (right < heap->count && before(heap, heap->nodes[right], heap->nodes[left])))
        return right;
    return left;
}

void *ds_heap_peek_if(const ds_heap_t *heap, bool (*wanted)(const void *context, const void *item),
                      const void *context, int64_t *key_out)
{
    size_t at = least_if(heap, 0, wanted, context);
    if (key_out != NULL)
        *key_out = at == heap->count ? 0 : heap->nodes[at].key;
    return at == heap->count ? NULL : heap->nodes[at].item;
}

size_t ds_heap_count(const ds_heap_t *heap)
{
    return heap->count;
}
