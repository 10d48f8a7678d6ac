#include "base/tree.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ITEMS = 2000 };

struct item {
    int key;
    bool in;
    struct ds_tree_node node;
};

static struct item items[ITEMS];
static struct item copies[ITEMS];
static struct ds_tree tree;
static struct ds_tree other;

static int compare(const void *key, const void *item)
{
    int a = *(const int *)key;
    int b = ((const struct item *)item)->key;
    return a < b ? -1 : a > b;
}

static int key_of(const struct item *item)
{
    return item == NULL ? -1 : item->key;
}

static void put(int key)
{
    items[key].key = key;
    items[key].in = true;
    ds_tree_put(&tree, &items[key], &key);
}

static void take(int key)
{
    items[key].in = false;
    ds_tree_take(&tree, &items[key], &key);
}

static int next_in(int key, int step)
{
    do
        key += step;
    while (key >= 0 && key < ITEMS && !items[key].in);
    return key < ITEMS ? key : -1;
}

static void is_right_everywhere(void)
{
    for (int key = 0; key < ITEMS; key++) {
        cr_assert_eq(key_of(ds_tree_above(&tree, &key)), next_in(key, 1), "above %d", key);
        cr_assert_eq(key_of(ds_tree_below(&tree, &key)), next_in(key, -1), "below %d", key);
    }
    cr_assert_eq(key_of(ds_tree_last(&tree)), next_in(ITEMS, -1));
}

static int height(const struct ds_tree_node *node)
{
    if (node == NULL)
        return 0;
    int left = height(node->left);
    int right = height(node->right);
    return 1 + (left > right ? left : right);
}

static void init(struct ds_tree *which, const ds_random_t *random)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_tree_init(which, compare, offsetof(struct item, node), random, &error), "%s",
              error.message);
}

static void start(void)
{
    init(&tree, ds_system_random());
}

TestSuite(tree, .init = start);

Test(tree, it_finds_neighbours_whatever_is_put_and_taken)
{
    is_right_everywhere();
    for (int i = 0; i < ITEMS; i++)
        put((i * 7919) % ITEMS);
    is_right_everywhere();
    for (int i = 0; i < ITEMS; i += 3)
        take((i * 101) % ITEMS);
    is_right_everywhere();
    for (int i = 0; i < ITEMS; i += 6)
        put((i * 101) % ITEMS);
    is_right_everywhere();
    for (int i = 0; i < ITEMS; i++)
        if (items[i].in)
            take(i);
    cr_assert_null(tree.root);
}

Test(tree, what_is_not_in_is_not_taken)
{
    int two = 2;
    put(1);
    put(3);
    ds_tree_take(&tree, &items[2], &two);
    is_right_everywhere();
}

Test(tree, it_stays_flat_when_keys_come_in_order)
{
    for (int i = 0; i < ITEMS; i++)
        put(i);
    cr_assert_lt(height(tree.root), 60, "%d", height(tree.root));
}

/* The same is put into both. */
static bool same_shape(const struct ds_tree_node *a, const struct ds_tree_node *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return (const char *)a - (const char *)items == (const char *)b - (const char *)copies &&
           same_shape(a->left, b->left) && same_shape(a->right, b->right);
}

/* Else whoever chooses keys could choose them for the numbers that are known. */
Test(tree, two_trees_of_the_same_keys_have_different_shapes)
{
    init(&other, ds_system_random());
    for (int i = 0; i < ITEMS; i++) {
        put(i);
        copies[i].key = i;
        ds_tree_put(&other, &copies[i], &i);
    }
    cr_assert_not(same_shape(tree.root, other.root));
}

static bool fill_with_zeros(const ds_random_t *random, void *to, size_t bytes, ds_error_t *error)
{
    (void)random;
    (void)error;
    memset(to, 0, bytes);
    return true;
}

Test(tree, it_stays_flat_when_the_seed_is_zero)
{
    init(&tree, &(ds_random_t){fill_with_zeros, NULL});
    for (int i = 0; i < ITEMS; i++)
        put(i);
    cr_assert_lt(height(tree.root), 60, "%d", height(tree.root));
}

static bool fill_nothing(const ds_random_t *random, void *to, size_t bytes, ds_error_t *error)
{
    (void)random;
    (void)to;
    return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_IO, "no %zu bytes", bytes);
}

Test(tree, there_is_no_tree_without_a_seed)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_not(ds_tree_init(&tree, compare, offsetof(struct item, node),
                               &(ds_random_t){fill_nothing, NULL}, &error));
    cr_assert_eq(error.code, DS_ERR_IO);
}
