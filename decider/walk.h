/* decider/walk.h - the state of a decider as it is at one moment, item by item, while it goes on
 * changing.
 *
 * From ds_walk_begin on, each item that was in the state then comes to `take` exactly once, as it
 * was then: either from ds_walk_next, which the caller asks for as many as it has time for, or from
 * inside evolve, when that is about to change the item (decider/shelf.h). The order is of no
 * meaning. Threads: a walk belongs to its state's thread. */
#ifndef DS_DECIDER_WALK_H
#define DS_DECIDER_WALK_H

#include "decider/decider.h"

/** Takes one item: the struct of decider->item, borrowed for the call. false and an error: the walk
 * has failed; nothing more comes. */
typedef bool (*ds_walk_take_fn)(void *context, const void *item, ds_error_t *error);

typedef struct ds_walk ds_walk_t;

/** @brief Begin. The state may have one walk at a time; it must outlive it. NULL: MEMORY. */
ds_walk_t *ds_walk_begin(const struct ds_decider *decider, void *state, ds_walk_take_fn take,
                         void *context, ds_error_t *error);
/** @brief Give one more item, unless all were given: then *done_out. false: the walk has failed,
 * here or inside evolve. */
DS_MUST_CHECK bool ds_walk_next(ds_walk_t *walk, bool *done_out, ds_error_t *error);
/** @brief End it, complete or not. NULL is fine. */
void ds_walk_end(ds_walk_t *walk);

#endif
