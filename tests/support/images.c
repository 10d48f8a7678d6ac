#include "tests/support/images.h"

#include "base/limits.h"
#include "decider/walk.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES_MAX ((size_t)256 * 1024 * 1024)

static void must(bool ok, const char *what, const ds_error_t *error)
{
    if (ok)
        return;
    fprintf(stderr, "images: %s: %s\n", what, error->message);
    abort();
}

void ds_images_init(struct ds_images *images, const struct ds_decider *decider)
{
    *images = (struct ds_images){.decider = decider};
    ds_buf_init(&images->bytes, BYTES_MAX);
}

void ds_images_cleanup(struct ds_images *images)
{
    ds_buf_cleanup(&images->bytes);
    free(images->ends);
    images->ends = NULL;
    images->count = images->room = 0;
}

bool ds_images_take(void *images_, const void *item, ds_error_t *error)
{
    struct ds_images *images = images_;

    if (images->count == images->room) {
        images->room = images->room == 0 ? 64 : 2 * images->room;
        images->ends = realloc(images->ends, images->room * sizeof(*images->ends));
        must(images->ends != NULL, "no memory", error);
    }
    must(ds_schema_encode(images->decider->item, item, &images->bytes, error), "encode", error);
    images->ends[images->count++] = images->bytes.len;
    return true;
}

void ds_images_of(struct ds_images *images, const struct ds_decider *decider, void *state)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_walk_t *walk;
    bool done = false;

    ds_images_init(images, decider);
    walk = ds_walk_begin(decider, state, ds_images_take, images, &error);
    must(walk != NULL, "begin a walk", &error);
    while (!done)
        must(ds_walk_next(walk, &done, &error), "walk", &error);
    ds_walk_end(walk);
}

static ds_bytes_t image_at(const struct ds_images *images, size_t i)
{
    size_t from = i == 0 ? 0 : images->ends[i - 1];

    return (ds_bytes_t){images->bytes.data + from, (uint32_t)(images->ends[i] - from)};
}

static int order(const void *a_, const void *b_)
{
    const ds_bytes_t *a = a_;
    const ds_bytes_t *b = b_;
    int cmp = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return cmp != 0 ? cmp : (a->len > b->len) - (a->len < b->len);
}

static ds_bytes_t *sorted(const struct ds_images *images)
{
    static const ds_error_t none = DS_ERROR_INIT;
    ds_bytes_t *list = calloc(images->count + 1, sizeof(*list));

    must(list != NULL, "no memory", &none);
    for (size_t i = 0; i < images->count; i++)
        list[i] = image_at(images, i);
    qsort(list, images->count, sizeof(*list), order);
    return list;
}

static void decode(const struct ds_images *images, ds_bytes_t bytes, ds_arena_t *arena, void *item)
{
    ds_error_t error = DS_ERROR_INIT;

    must(ds_schema_decode(images->decider->item, bytes, arena, item, NULL, &error), "decode",
         &error);
}

static void *item_new(const struct ds_images *images)
{
    static const ds_error_t none = DS_ERROR_INIT;
    void *item = aligned_alloc(16, (images->decider->item->struct_bytes + 15) & ~(size_t)15);

    must(item != NULL, "no memory", &none);
    return item;
}

static const char *print(const struct ds_images *images, const char *where, ds_bytes_t bytes)
{
    static char text[4096];
    ds_arena_t *arena = ds_arena_new(4096, DS_MAX_DECODE_BYTES);
    void *item = item_new(images);
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t json;

    ds_buf_init(&json, DS_MAX_DECODE_BYTES);
    decode(images, bytes, arena, item);
    must(ds_schema_print_json(images->decider->item, item, &json, &error), "print", &error);
    (void)snprintf(text, sizeof(text), "only in %s: %.*s", where, (int)json.len,
                   (const char *)json.data);
    ds_buf_cleanup(&json);
    ds_arena_destroy(arena);
    free(item);
    return text;
}

const char *ds_images_differ(const struct ds_images *a, const struct ds_images *b)
{
    ds_bytes_t *x = sorted(a);
    ds_bytes_t *y = sorted(b);
    size_t i = 0;
    const char *text = NULL;

    while (i < a->count && i < b->count && order(&x[i], &y[i]) == 0)
        i++;
    if (i < a->count && (i == b->count || order(&x[i], &y[i]) < 0))
        text = print(a, "the first", x[i]);
    else if (i < b->count)
        text = print(b, "the second", y[i]);
    free(x);
    free(y);
    return text;
}

void *ds_images_restore(const struct ds_images *images, const void *settings)
{
    const struct ds_decider *decider = images->decider;
    ds_arena_t *arena = ds_arena_new(4096, DS_MAX_DECODE_BYTES);
    void *item = item_new(images);
    ds_error_t error = DS_ERROR_INIT;
    void *state = decider->state_new(settings, &error);

    must(state != NULL && arena != NULL, "state_new", &error);
    for (size_t i = 0; i < images->count; i++) {
        ds_bytes_t bytes = image_at(images, i);
        uint8_t *copy = malloc(bytes.len); /* so that ASan sees a text borrowed for too long */

        must(copy != NULL, "no memory", &error);
        memcpy(copy, bytes.data, bytes.len);
        ds_arena_reset(arena);
        decode(images, (ds_bytes_t){copy, bytes.len}, arena, item);
        must(decider->restore(state, item, &error), "restore", &error);
        free(copy);
    }
    must(decider->restored(state, &error), "restored", &error);
    ds_arena_destroy(arena);
    free(item);
    return state;
}
