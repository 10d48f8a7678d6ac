/* A failing Nth allocation, for every N: an error like any other, nothing leaked, nothing half
 * done. */
#include "base/buf.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/metrics.h"
#include "tests/support/failing_malloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static bool use_buf(ds_error_t *error)
{
    ds_buf_t buf;
    ds_buf_init(&buf, 1000);
    bool ok = true;
    for (int i = 0; ok && i < 300; i++) {
        ok = ds_buf_append_char(&buf, 'x', error);
        cr_assert_eq(buf.len, (size_t)(ok ? i + 1 : i));
    }
    ds_buf_cleanup(&buf);
    return ok;
}

Test(memory, buffer_keeps_what_it_held)
{
    ds_failing_malloc_each(use_buf, 2);
}

static bool use_arena(ds_error_t *error)
{
    ds_arena_t *arena = ds_arena_new(64, 10000);
    bool ok = arena != NULL;
    for (int i = 0; ok && i < 100; i++) {
        size_t before = ds_arena_used(arena);
        ok = ds_arena_alloc(arena, 50, error) != NULL;
        cr_assert(ok || ds_arena_used(arena) == before);
    }
    ds_arena_destroy(arena);
    return ok;
}

Test(memory, arena_gives_null)
{
    ds_failing_malloc_each(use_arena, 2);
}

static bool use_map(ds_error_t *error)
{
    static int value;
    char text[16];
    ds_map_t *map = ds_map_new(1000);
    bool ok = map != NULL;
    for (uint32_t i = 0; ok && i < 100; i++) {
        ds_str_t key = {text, (uint32_t)snprintf(text, sizeof text, "key-%u", i)};
        ok = ds_map_put(map, key, &value, NULL, error);
        cr_assert_eq(ds_map_count(map), ok ? i + 1 : i);
        cr_assert_eq(ds_map_get(map, key) == &value, ok);
        cr_assert(i == 0 || ds_map_get(map, DS_STR("key-0")) == &value);
    }
    ds_map_destroy(map, NULL);
    return ok;
}

Test(memory, map_is_unchanged)
{
    ds_failing_malloc_each(use_map, 2);
}

static int32_t *handle_of(void *item)
{
    return item;
}

static bool use_heap(ds_error_t *error)
{
    int32_t handles[100];
    ds_heap_t *heap = ds_heap_new(handle_of, NULL, 1000);
    bool ok = heap != NULL;
    for (int i = 0; ok && i < 100; i++) {
        handles[i] = -1;
        ok = ds_heap_set(heap, &handles[i], -i, error);
        cr_assert_eq(ds_heap_count(heap), (size_t)(ok ? i + 1 : i));
        cr_assert_eq(handles[i] >= 0, ok);
    }
    ds_heap_destroy(heap);
    return ok;
}

Test(memory, heap_is_unchanged)
{
    ds_failing_malloc_each(use_heap, 2);
}

/* A metric that could not be had is NULL, and the registry can still be shown. */
static bool use_metrics(ds_error_t *error)
{
    static const struct ds_label labels[] = {{"x", "1"}, {"y", "2"}, {NULL, NULL}};
    ds_metrics_t *metrics = ds_metrics_new();
    ds_metric_t *a = ds_metrics_get(metrics, DS_COUNTER, "a_total", "A.", labels);
    ds_metric_t *w = ds_metrics_get(metrics, DS_HISTOGRAM, "w_seconds", "W.", labels);
    ds_metric_add(a, 1);
    ds_metric_observe_us(w, 1);
    ds_buf_t buf;
    ds_buf_init(&buf, 100000);
    bool shown = metrics != NULL && ds_metrics_prometheus(metrics, &buf, error) &&
                 ds_metrics_json(metrics, &buf, error);
    ds_buf_cleanup(&buf);
    ds_metrics_destroy(metrics);
    return shown && a != NULL && w != NULL;
}

Test(memory, registry_goes_on_without_the_metric)
{
    ds_failing_malloc_each(use_metrics, 2);
}
