#include "base/map.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static ds_str_t key_of(uint32_t number, char text[32])
{
    int len = snprintf(text, 32, "berlin-1.%u", number);
    return (ds_str_t){text, (uint32_t)len};
}

static void put(ds_map_t *map, ds_str_t key, void *value)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_map_put(map, key, value, NULL, &error), "%s", error.message);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

Test(map, empty_map_answers)
{
    ds_map_t *map = ds_map_new(10);
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    cr_assert_null(ds_map_get(map, DS_STR("a")));
    cr_assert_null(ds_map_take(map, DS_STR("a")));
    cr_assert_not(ds_map_next(map, &cursor, &key, &value));
    cr_assert_eq(ds_map_count(map), 0);
    ds_map_destroy(map, free);
    ds_map_destroy(NULL, free);
}

Test(map, keys_are_copied)
{
    int value = 7;
    char key[] = "order";
    ds_map_t *map = ds_map_new(10);
    put(map, ds_str(key), &value);
    memset(key, 'x', sizeof key - 1);
    cr_assert_eq(ds_map_get(map, DS_STR("order")), &value);
    cr_assert_null(ds_map_get(map, DS_STR("xxxxx")));
    ds_map_destroy(map, NULL);
}

Test(map, a_borrowing_map_keeps_the_keys_of_the_values_it_holds)
{
    ds_map_t *map = ds_map_new_borrowing(10);
    char first[] = "milk", second[] = "milk", other[] = "bread";
    ds_error_t error = DS_ERROR_INIT;
    size_t cursor = 0;
    ds_str_t key;
    void *value = NULL;

    cr_assert(ds_map_put(map, ds_str(first), first, NULL, &error));
    cr_assert(ds_map_put(map, ds_str(other), other, NULL, &error));
    cr_assert(ds_map_put(map, ds_str(second), second, &value, &error));
    cr_assert_eq(value, first);
    memset(first, 'x', sizeof first - 1); /* its value is out: the map has no use for it */
    cr_assert_eq(ds_map_get(map, DS_STR("milk")), second);
    cr_assert(ds_map_next(map, &cursor, &key, &value));
    cr_assert_eq(key.data, second);
    cr_assert_eq(ds_map_take(map, ds_str(second)), second);
    memset(second, 'x', sizeof second - 1);
    cr_assert_null(ds_map_get(map, DS_STR("milk")));
    cr_assert_eq(ds_map_get(map, DS_STR("bread")), other);
    ds_map_destroy(map, NULL);
}

Test(map, replacing_gives_the_old_value_and_keeps_the_place)
{
    int a = 1, b = 2, c = 3;
    void *old = &c;
    ds_map_t *map = ds_map_new(2);
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_map_put(map, DS_STR("a"), &a, &old, &error));
    cr_assert_null(old);
    put(map, DS_STR("b"), &b);
    cr_assert(ds_map_put(map, DS_STR("a"), &c, &old, &error), "a full map replaces");
    cr_assert_eq(old, &a);
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    cr_assert(ds_map_next(map, &cursor, &key, &value));
    cr_assert(ds_str_eq(key, DS_STR("a")));
    cr_assert_eq(value, &c);
    ds_map_destroy(map, NULL);
}

Test(map, maximum_is_an_error_and_changes_nothing)
{
    int value = 0;
    ds_map_t *map = ds_map_new(3);
    put(map, DS_STR("a"), &value);
    put(map, DS_STR("b"), &value);
    put(map, DS_STR("c"), &value);
    ds_error_t error = DS_ERROR_INIT;
    cr_assert_not(ds_map_put(map, DS_STR("d"), &value, NULL, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    cr_assert_eq(ds_map_count(map), 3);
    cr_assert_null(ds_map_get(map, DS_STR("d")));
    cr_assert_eq(ds_map_take(map, DS_STR("b")), &value);
    put(map, DS_STR("d"), &value);
    ds_map_destroy(map, NULL);
}

Test(map, keys_may_be_empty_binary_or_prefixes_of_each_other)
{
    static int values[20];
    ds_map_t *map = ds_map_new(100);
    for (uint32_t len = 0; len < 20; len++)
        put(map, (ds_str_t){"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", len}, &values[len]);
    cr_assert_eq(ds_map_count(map), 20);
    for (uint32_t len = 0; len < 20; len++)
        cr_assert_eq(ds_map_get(map, (ds_str_t){"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", len}),
                     &values[len]);
    cr_assert_eq(ds_map_take(map, (ds_str_t){NULL, 0}), &values[0]);
    ds_map_destroy(map, NULL);
}

static void count_value(void *value)
{
    (*(int *)value)++;
}

Test(map, destroying_visits_each_remaining_value_once)
{
    int counts[100] = {0};
    char text[32];
    ds_map_t *map = ds_map_new(100);
    for (uint32_t i = 0; i < 100; i++)
        put(map, key_of(i, text), &counts[i]);
    for (uint32_t i = 0; i < 100; i += 3)
        cr_assert_eq(ds_map_take(map, key_of(i, text)), &counts[i]);
    ds_map_destroy(map, count_value);
    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(counts[i], i % 3 != 0, "%u", i);
}

/* Walk and compare with the numbers that should be there, in this order. */
static void expect_walk(const ds_map_t *map, const uint32_t *numbers, size_t count)
{
    size_t cursor = 0, at = 0;
    ds_str_t key;
    void *value;
    char text[32];
    while (ds_map_next(map, &cursor, &key, &value)) {
        cr_assert_lt(at, count);
        cr_assert(ds_str_eq(key, key_of(numbers[at], text)), "at %zu: %.*s", at, DS_STR_ARG(key));
        at++;
    }
    cr_assert_eq(at, count);
}

Test(map, walk_follows_insertion_through_deletion_and_growth)
{
    enum { COUNT = 5000 };
    static uint32_t numbers[COUNT];
    static int value;
    char text[32];
    ds_map_t *map = ds_map_new(COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        put(map, key_of(i, text), &value);
    for (uint32_t i = 0; i < COUNT; i += 2)
        cr_assert_not_null(ds_map_take(map, key_of(i, text)));
    for (uint32_t i = 0; i < COUNT; i += 4) /* come back, at the end */
        put(map, key_of(i, text), &value);
    size_t count = 0;
    for (uint32_t i = 1; i < COUNT; i += 2)
        numbers[count++] = i;
    for (uint32_t i = 0; i < COUNT; i += 4)
        numbers[count++] = i;
    expect_walk(map, numbers, count);
    ds_map_destroy(map, NULL);
}

Test(map, two_maps_with_the_same_history_walk_alike)
{
    ds_map_t *maps[2] = {ds_map_new(1000), ds_map_new(1000)};
    static int value;
    for (int m = 0; m < 2; m++) {
        uint32_t seed = 7;
        char text[32];
        for (int i = 0; i < 3000; i++) {
            ds_str_t key = key_of(next_random(&seed) % 500, text);
            if (next_random(&seed) % 3 == 0)
                (void)ds_map_take(maps[m], key);
            else
                put(maps[m], key, &value);
        }
    }
    size_t cursors[2] = {0, 0};
    ds_str_t keys[2];
    void *ignored;
    for (;;) {
        bool more = ds_map_next(maps[0], &cursors[0], &keys[0], &ignored);
        cr_assert_eq(ds_map_next(maps[1], &cursors[1], &keys[1], &ignored), more);
        if (!more)
            break;
        cr_assert(ds_str_eq(keys[0], keys[1]));
    }
    ds_map_destroy(maps[0], NULL);
    ds_map_destroy(maps[1], NULL);
}

Test(map, current_entry_may_be_taken_while_walking)
{
    for (uint32_t keep = 1; keep < 6; keep++) { /* 1: none is kept */
        static int value;
        char text[32];
        ds_map_t *map = ds_map_new(1000);
        for (uint32_t i = 0; i < 1000; i++)
            put(map, key_of(i, text), &value);
        size_t cursor = 0, seen = 0;
        ds_str_t key;
        void *found;
        while (ds_map_next(map, &cursor, &key, &found)) {
            cr_assert(ds_str_eq(key, key_of((uint32_t)seen, text)));
            if (keep == 1 || seen % keep != 0)
                cr_assert_eq(ds_map_take(map, key), &value);
            seen++;
        }
        cr_assert_eq(seen, 1000);
        cr_assert_eq(ds_map_count(map), keep == 1 ? 0 : (999 / keep + 1));
        put(map, DS_STR("after"), &value);
        cr_assert_eq(ds_map_get(map, DS_STR("after")), &value);
        ds_map_destroy(map, NULL);
    }
}

Test(map, hundred_thousand_entries_survive_deletions, .timeout = 60)
{
    enum { COUNT = 100000 };
    static int values[COUNT];
    char text[32];
    ds_map_t *map = ds_map_new(COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        put(map, key_of(i, text), &values[i]);
    for (uint32_t i = 0; i < COUNT; i++)
        if (i % 7 != 0)
            cr_assert_eq(ds_map_take(map, key_of(i, text)), &values[i]);
    cr_assert_eq(ds_map_count(map), (COUNT + 6) / 7);
    for (uint32_t i = 0; i < COUNT; i++)
        cr_assert_eq(ds_map_get(map, key_of(i, text)), i % 7 == 0 ? &values[i] : NULL, "%u", i);
    for (uint32_t i = 0; i < COUNT; i++)
        if (i % 7 != 0)
            put(map, key_of(i, text), &values[i]);
    for (uint32_t i = 0; i < COUNT; i++)
        cr_assert_eq(ds_map_get(map, key_of(i, text)), &values[i]);
    ds_map_destroy(map, NULL);
}

/* A queue of open things: put behind, take in front. Must not slow down as it moves on. */
Test(map, sliding_window_over_a_full_map_stays_fast, .timeout = 60)
{
    enum { WIDTH = 1000, STEPS = 300000 };
    static int value;
    char text[32];
    ds_map_t *map = ds_map_new(WIDTH);
    for (uint32_t i = 0; i < STEPS; i++) {
        if (i >= WIDTH)
            cr_assert_eq(ds_map_take(map, key_of(i - WIDTH, text)), &value);
        put(map, key_of(i, text), &value);
        size_t cursor = 0;
        ds_str_t key;
        void *found;
        cr_assert(ds_map_next(map, &cursor, &key, &found));
        if (i >= WIDTH)
            cr_assert(ds_str_eq(key, key_of(i - WIDTH + 1, text)));
    }
    ds_map_destroy(map, NULL);
}

Test(map, random_history_agrees_with_a_plain_array, .timeout = 60)
{
    enum { KEYS = 700, STEPS = 200000, MOST = 400 };
    static void *model[KEYS];
    static int values[8];
    uint32_t seed = 20261121;
    size_t count = 0;
    char text[32];
    ds_map_t *map = ds_map_new(MOST);
    for (int step = 0; step < STEPS; step++) {
        uint32_t number = next_random(&seed) % KEYS;
        ds_str_t key = key_of(number, text);
        /* Phases of filling and of emptying, so that both ends are visited. */
        bool filling = step / 5000 % 2 == 0;
        if (next_random(&seed) % 4 < (filling ? 3u : 1u)) {
            void *old, *value = &values[next_random(&seed) % 8];
            bool fits = model[number] != NULL || count < MOST;
            cr_assert_eq(ds_map_put(map, key, value, &old, NULL), fits);
            cr_assert_eq(old, model[number]);
            count += fits && model[number] == NULL;
            model[number] = fits ? value : model[number];
        } else {
            cr_assert_eq(ds_map_take(map, key), model[number]);
            count -= model[number] != NULL;
            model[number] = NULL;
        }
        uint32_t other = next_random(&seed) % KEYS;
        cr_assert_eq(ds_map_get(map, key_of(other, text)), model[other]);
        cr_assert_eq(ds_map_count(map), count);
    }
    ds_map_destroy(map, NULL);
}

#define WATCHED 64

struct watcher {
    int value[WATCHED]; /* as the watch saw it; 0: not seen */
    int times[WATCHED];
};

static void see(void *context, ds_str_t key, const void *value)
{
    struct watcher *w = context;
    int64_t number = -1;
    cr_assert(ds_str_to_i64(ds_str_after(key, '.'), &number));
    w->value[number] = *(const int *)value;
    w->times[number]++;
}

static void change(ds_map_t *map, int values[WATCHED], uint32_t *seed)
{
    char text[32];
    uint32_t number = next_random(seed) % WATCHED;
    ds_str_t key = key_of(number, text);
    int *value = NULL;
    switch (next_random(seed) % 4) {
    case 0:
        if (ds_map_get(map, key) == NULL) {
            values[number] = 1000 + (int)number;
            put(map, key, &values[number]);
        }
        return;
    case 1:
        (void)ds_map_take(map, key);
        return;
    default:
        value = ds_map_edit(map, key);
        if (value != NULL)
            (*value)++;
        return;
    }
}

/* Whatever happens meanwhile, a watch shows what was there, as it was, once. */
Test(map, a_watch_shows_each_entry_as_it_was)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        uint32_t state = seed;
        int values[WATCHED];
        int before[WATCHED] = {0};
        struct watcher w = {{0}, {0}};
        ds_map_t *map = ds_map_new(WATCHED);
        size_t cursor = 0;
        ds_str_t key;
        void *value;
        for (int i = 0; i < 300; i++)
            change(map, values, &state);
        while (ds_map_next(map, &cursor, &key, &value))
            before[(int *)value - values] = *(int *)value;
        ds_map_watch(map, see, &w);
        for (bool more = true; more; more = ds_map_watch_next(map))
            for (uint32_t i = next_random(&state) % 8; i > 0; i--)
                change(map, values, &state);
        for (int n = 0; n < WATCHED; n++) {
            cr_assert_eq(w.times[n], before[n] == 0 ? 0 : 1);
            cr_assert_eq(w.value[n], before[n]);
        }
        ds_map_watch(map, NULL, NULL);
        change(map, values, &state);
        ds_map_destroy(map, NULL);
    }
}
