/* base/tree.h - an ordered set of the caller's objects, which hold its nodes: a treap.
 *
 * Finding what comes behind a key costs O(log n), whatever came before; so do putting and taking,
 * and neither allocates. The balance comes from numbers that nobody outside can know, with a seed
 * for each tree; the order does not depend on them. An item has a node for every tree it is in. The
 * caller says how a key and an item compare, and leaves alone what items are compared by while they
 * are in. Threads: one writer, or many readers. */
#ifndef DS_BASE_TREE_H
#define DS_BASE_TREE_H

#include "base/clock.h"

#include <stddef.h>

struct ds_tree_node {
    struct ds_tree_node *left;
    struct ds_tree_node *right;
    uint64_t priority;
};

/** <0: the key comes before the item's, 0: they are the same, >0: behind it. */
typedef int (*ds_tree_compare_fn)(const void *key, const void *item);

struct ds_tree {
    struct ds_tree_node *root;
    ds_tree_compare_fn compare;
    size_t offset;   /* of the node in an item */
    uint64_t random; /* not 0 */
};

/** @brief Empty. @param random  gives the seed; it fails as the source does. */
DS_MUST_CHECK bool ds_tree_init(struct ds_tree *tree, ds_tree_compare_fn compare, size_t offset,
                                const ds_random_t *random, ds_error_t *error);
/** @brief Put an item in. @param key  its own; no item of the tree has the same. */
void ds_tree_put(struct ds_tree *tree, void *item, const void *key);
/** @brief Take it out; nothing happens when it is not in. @param key  its own. */
void ds_tree_take(struct ds_tree *tree, void *item, const void *key);
/** @brief The first item behind the key; NULL: none. */
void *ds_tree_above(const struct ds_tree *tree, const void *key);
/** @brief The last item before the key; NULL: none. */
void *ds_tree_below(const struct ds_tree *tree, const void *key);
/** @brief The last item of all; NULL: none. */
void *ds_tree_last(const struct ds_tree *tree);

#endif
