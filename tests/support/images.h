/* tests/support/images.h - the images of a decider's state (decider/walk.h), kept and compared.
 *
 * An image is kept as the bytes it would have in a snapshot. Two sets are the same when they hold
 * the same images, in whatever order. Anything unexpected ends the test with a message. Threads:
 * one set, one thread. */
#ifndef DS_TESTS_SUPPORT_IMAGES_H
#define DS_TESTS_SUPPORT_IMAGES_H

#include "decider/decider.h"

struct ds_images {
    const struct ds_decider *decider;
    ds_buf_t bytes;
    size_t *ends; /* of each image */
    size_t count;
    size_t room;
};

void ds_images_init(struct ds_images *images, const struct ds_decider *decider);
void ds_images_cleanup(struct ds_images *images);
/** @brief A ds_walk_take_fn; the context is a struct ds_images. */
bool ds_images_take(void *images, const void *item, ds_error_t *error);
/** @brief All of a state, at once. */
void ds_images_of(struct ds_images *images, const struct ds_decider *decider, void *state);
/** @brief NULL: the same; else what is only in one of them, as JSON in a static buffer. */
const char *ds_images_differ(const struct ds_images *a, const struct ds_images *b);
/** @brief A new state that the images are put into, in their order. */
void *ds_images_restore(const struct ds_images *images, const void *settings);

#endif
