#include "base/heap.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct item {
    int32_t handle;
    int number;
    int64_t key; /* what the model thinks */
    bool in;
};

static int32_t *handle_of(void *item)
{
    return &((struct item *)item)->handle;
}

static int by_number(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static void set(ds_heap_t *heap, struct item *item, int64_t key)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_heap_set(heap, item, key, &error), "%s", error.message);
    item->key = key;
    item->in = true;
}

Test(heap, empty_heap_answers)
{
    ds_heap_t *heap = ds_heap_new(handle_of, NULL, 10);
    struct item item = {-1, 0, 0, false};
    int64_t key = 5;
    cr_assert_null(ds_heap_peek(heap, &key));
    cr_assert_eq(key, 0);
    cr_assert_null(ds_heap_peek(heap, NULL));
    ds_heap_remove(heap, &item);
    cr_assert_eq(ds_heap_count(heap), 0);
    ds_heap_destroy(heap);
    ds_heap_destroy(NULL);
}

Test(heap, least_key_comes_first_and_ties_by_the_second_order)
{
    ds_heap_t *heap = ds_heap_new(handle_of, by_number, 100);
    struct item items[60];
    for (int i = 0; i < 60; i++) {
        items[i] = (struct item){-1, (i * 37) % 60, 0, false};
        set(heap, &items[i], items[i].number / 10 - 3);
    }
    for (int i = 0; i < 60; i++) {
        int64_t key;
        struct item *first = ds_heap_peek(heap, &key);
        cr_assert_eq(first->number, i);
        cr_assert_eq(key, i / 10 - 3);
        ds_heap_remove(heap, first);
        cr_assert_eq(first->handle, -1);
    }
    ds_heap_destroy(heap);
}

Test(heap, zeroed_handle_is_not_taken_for_membership)
{
    ds_heap_t *heap = ds_heap_new(handle_of, NULL, 10);
    struct item in = {-1, 1, 0, false}, out = {0, 2, 0, false};
    set(heap, &in, 5);
    ds_heap_remove(heap, &out);
    cr_assert_eq(ds_heap_count(heap), 1);
    set(heap, &out, 3);
    cr_assert_eq(ds_heap_count(heap), 2);
    cr_assert_eq(ds_heap_peek(heap, NULL), &out);
    ds_heap_destroy(heap);
}

Test(heap, maximum_is_an_error_but_moving_is_not)
{
    ds_heap_t *heap = ds_heap_new(handle_of, NULL, 20);
    struct item items[21];
    for (int i = 0; i < 20; i++) {
        items[i] = (struct item){-1, i, 0, false};
        set(heap, &items[i], i);
    }
    items[20] = (struct item){-1, 20, 0, false};
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_not(ds_heap_set(heap, &items[20], -1, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    cr_assert_eq(items[20].handle, -1);
    set(heap, &items[10], -5);
    cr_assert_eq(ds_heap_peek(heap, NULL), &items[10]);
    ds_heap_destroy(heap);
}

Test(heap, extreme_keys_are_ordered)
{
    ds_heap_t *heap = ds_heap_new(handle_of, NULL, 3);
    struct item a = {-1, 0, 0, false}, b = {-1, 1, 0, false}, c = {-1, 2, 0, false};
    set(heap, &a, INT64_MAX);
    set(heap, &b, INT64_MIN);
    set(heap, &c, 0);
    cr_assert_eq(ds_heap_peek(heap, NULL), &b);
    ds_heap_remove(heap, &b);
    cr_assert_eq(ds_heap_peek(heap, NULL), &c);
    ds_heap_destroy(heap);
}

static struct item *naive_first(struct item *items, int count)
{
    struct item *first = NULL;
    for (int i = 0; i < count; i++)
        if (items[i].in && (first == NULL || items[i].key < first->key ||
                            (items[i].key == first->key && items[i].number < first->number)))
            first = &items[i];
    return first;
}

Test(heap, random_history_agrees_with_a_naive_search, .timeout = 60)
{
    enum { COUNT = 200, STEPS = 100000 };
    static struct item items[COUNT];
    uint32_t seed = 20261121;
    size_t count = 0;
    ds_heap_t *heap = ds_heap_new(handle_of, by_number, COUNT);
    for (int i = 0; i < COUNT; i++)
        items[i] = (struct item){-1, i, 0, false};
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        struct item *item = &items[(seed >> 8) % COUNT];
        bool fill = step / 3000 % 2 == 0;
        if ((seed >> 20) % 4 < (fill ? 3u : 1u)) {
            count += !item->in;
            set(heap, item, (int64_t)(seed >> 24) % 40 - 20); /* many ties */
        } else {
            count -= item->in;
            ds_heap_remove(heap, item);
            item->in = false;
            cr_assert_eq(item->handle, -1);
        }
        struct item *want = naive_first(items, COUNT);
        int64_t key;
        cr_assert_eq(ds_heap_peek(heap, &key), want, "step %d", step);
        cr_assert_eq(key, want == NULL ? 0 : want->key);
        cr_assert_eq(ds_heap_count(heap), count);
    }
    ds_heap_destroy(heap);
}
