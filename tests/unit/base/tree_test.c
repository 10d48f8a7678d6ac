#include "base/tree.h"

#include <criterion/criterion.h>

enum { ITEMS = 2000 };

struct item {
    int key;
    bool in;
    struct ds_tree_node node;
};

static struct item items[ITEMS];
static struct ds_tree tree;

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

static void start(void)
{
    ds_tree_init(&tree, compare, offsetof(struct item, node));
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
