/* See walk.h. */
#include "decider/walk.h"

#include "base/limits.h"

#include <stdlib.h>

#define FIRST_BLOCK_BYTES (8 * 1024)

/* What a shelf's watch is given: whose walk, which shelf. */
struct stop {
    ds_walk_t *walk;
    size_t shelf;
};

struct ds_walk {
    const struct ds_decider *decider;
    ds_shelf_t *shelves[DS_DECIDER_SHELVES];
    struct stop stops[DS_DECIDER_SHELVES];
    size_t count;
    size_t at; /* the shelf that is being walked */
    ds_walk_take_fn take;
    void *context;
    void *item;
    ds_arena_t *arena; /* of one image */
    ds_error_t error;  /* of the first image that failed */
};

static void see(void *context, ds_str_t key, const void *value)
{
    const struct stop *stop = context;
    ds_walk_t *walk = stop->walk;

    if (ds_error_is_set(&walk->error))
        return;
    ds_arena_reset(walk->arena);
    memset(walk->item, 0, walk->decider->item->struct_bytes);
    if (walk->decider->image(stop->shelf, key, value, walk->arena, walk->item, &walk->error))
        (void)walk->take(walk->context, walk->item, &walk->error);
}

static bool allocate(ds_walk_t *walk)
{
    size_t bytes = (walk->decider->item->struct_bytes + 15) & ~(size_t)15;

    walk->item = aligned_alloc(16, bytes);
    walk->arena = ds_arena_new(FIRST_BLOCK_BYTES, DS_MAX_DECODE_BYTES);
    return walk->item != NULL && walk->arena != NULL;
}

ds_walk_t *ds_walk_begin(const struct ds_decider *decider, void *state, ds_walk_take_fn take,
                         void *context, ds_error_t *error)
{
    ds_walk_t *walk = calloc(1, sizeof(*walk));

    if (walk != NULL)
        walk->decider = decider;
    if (walk == NULL || !allocate(walk)) {
        ds_walk_end(walk);
        ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a walk over a state");
        return NULL;
    }
    walk->take = take;
    walk->context = context;
    walk->count = decider->shelves(state, walk->shelves);
    for (size_t i = 0; i < walk->count; i++) {
        walk->stops[i] = (struct stop){walk, i};
        ds_map_watch((ds_map_t *)walk->shelves[i], see, &walk->stops[i]);
    }
    return walk;
}

bool ds_walk_next(ds_walk_t *walk, bool *done_out, ds_error_t *error)
{
    while (walk->at < walk->count && !ds_map_watch_next((ds_map_t *)walk->shelves[walk->at]))
        walk->at++;
    *done_out = walk->at == walk->count;
    if (!ds_error_is_set(&walk->error))
        return true;
    *error = walk->error;
    return false;
}

void ds_walk_end(ds_walk_t *walk)
{
    if (walk == NULL)
        return;
    for (size_t i = 0; i < walk->count; i++)
        ds_map_watch((ds_map_t *)walk->shelves[i], NULL, NULL);
    ds_arena_destroy(walk->arena);
    free(walk->item);
    free(walk);
}
