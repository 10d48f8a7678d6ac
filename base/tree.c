#include "base/tree.h"

bool ds_tree_init(struct ds_tree *tree, ds_tree_compare_fn compare, size_t offset,
                  const ds_random_t *random, ds_error_t *error)
{
    *tree = (struct ds_tree){.compare = compare, .offset = offset};
    if (!random->fill(random, &tree->random, sizeof tree->random, error))
        return false;
    if (tree->random == 0) /* xorshift would stay there */
        tree->random = 1;
    return true;
}

static struct ds_tree_node *node_of(const struct ds_tree *tree, void *item)
{
    return (struct ds_tree_node *)(void *)((char *)item + tree->offset);
}

static void *item_of(const struct ds_tree *tree, struct ds_tree_node *node)
{
    return node == NULL ? NULL : (char *)node - tree->offset;
}

static int compare(const struct ds_tree *tree, const void *key, struct ds_tree_node *node)
{
    return tree->compare(key, item_of(tree, node));
}

/* xorshift64 */
static uint64_t next_random(struct ds_tree *tree)
{
    tree->random ^= tree->random << 13;
    tree->random ^= tree->random >> 7;
    tree->random ^= tree->random << 17;
    return tree->random;
}

/* It takes the place of the first on its way that has less priority; what stood there is
 * parted by the key below it. */
void ds_tree_put(struct ds_tree *tree, void *item, const void *key)
{
    struct ds_tree_node *node = node_of(tree, item);
    struct ds_tree_node **place = &tree->root;
    struct ds_tree_node **before = &node->left;
    struct ds_tree_node **behind = &node->right;
    node->priority = next_random(tree);
    while (*place != NULL && (*place)->priority >= node->priority)
        place = compare(tree, key, *place) < 0 ? &(*place)->left : &(*place)->right;
    struct ds_tree_node *rest = *place;
    *place = node;
    while (rest != NULL) {
        if (compare(tree, key, rest) < 0) {
            *behind = rest;
            behind = &rest->left;
            rest = rest->left;
        } else {
            *before = rest;
            before = &rest->right;
            rest = rest->right;
        }
    }
    *before = *behind = NULL;
}

static void join(struct ds_tree_node **place, struct ds_tree_node *before,
                 struct ds_tree_node *behind)
{
    while (before != NULL && behind != NULL) {
        if (before->priority >= behind->priority) {
            *place = before;
            place = &before->right;
            before = before->right;
        } else {
            *place = behind;
            place = &behind->left;
            behind = behind->left;
        }
    }
    *place = before != NULL ? before : behind;
}

void ds_tree_take(struct ds_tree *tree, void *item, const void *key)
{
    struct ds_tree_node *node = node_of(tree, item);
    struct ds_tree_node **place = &tree->root;
    while (*place != NULL && *place != node)
        place = compare(tree, key, *place) < 0 ? &(*place)->left : &(*place)->right;
    if (*place == NULL)
        return;
    join(place, node->left, node->right);
    node->left = node->right = NULL;
}

void *ds_tree_above(const struct ds_tree *tree, const void *key)
{
    struct ds_tree_node *found = NULL;
    struct ds_tree_node *node = tree->root;
    while (node != NULL) {
        bool above = compare(tree, key, node) < 0;
        found = above ? node : found;
        node = above ? node->left : node->right;
    }
    return item_of(tree, found);
}

void *ds_tree_below(const struct ds_tree *tree, const void *key)
{
    struct ds_tree_node *found = NULL;
    struct ds_tree_node *node = tree->root;
    while (node != NULL) {
        bool below = compare(tree, key, node) > 0;
        found = below ? node : found;
        node = below ? node->right : node->left;
    }
    return item_of(tree, found);
}

void *ds_tree_last(const struct ds_tree *tree)
{
    struct ds_tree_node *node = tree->root;
    while (node != NULL && node->right != NULL)
        node = node->right;
    return item_of(tree, node);
}
