/* processors/catalog/catalog_state.h - stores and products of one partition, built from
 * catalog.events alone.
 *
 * All that is known of either is kept: a command may name some fields of it, an event says the
 * whole. Threads: one state, one thread. */
#ifndef DS_PROCESSORS_CATALOG_CATALOG_STATE_H
#define DS_PROCESSORS_CATALOG_CATALOG_STATE_H

#include "processors/catalog/catalog.h"

struct ds_catalog_store {
    ds_arena_t *arena; /* holds the texts, and this */
    struct ds_store_info info;
};

struct ds_catalog_product {
    ds_arena_t *arena; /* holds the texts, and this */
    struct ds_product_info info;
};

struct ds_catalog {
    ds_shelf_t *stores;   /* by store id: struct ds_catalog_store */
    ds_shelf_t *products; /* by product id: struct ds_catalog_product */
};

void *ds_catalog_new(const void *settings, ds_error_t *error);
void ds_catalog_destroy(void *state);
bool ds_catalog_evolve(void *state, const void *event, ds_error_t *error);
/** @brief Never: the catalog waits for nothing. */
bool ds_catalog_next_timer(const void *state, const struct ds_timer_skip *skip,
                           struct ds_timer *timer_out);
/** @brief Borrowed; NULL: unknown. */
const struct ds_store_info *ds_catalog_find_store(const struct ds_catalog *catalog,
                                                  ds_str_t store_id);
const struct ds_product_info *ds_catalog_find_product(const struct ds_catalog *catalog,
                                                      ds_str_t product_id);
/* For evolve and for restoring. */
DS_MUST_CHECK bool ds_catalog_put_store(struct ds_catalog *catalog,
                                        const struct ds_store_info *info, ds_error_t *error);
DS_MUST_CHECK bool ds_catalog_put_product(struct ds_catalog *catalog,
                                          const struct ds_product_info *info, ds_error_t *error);

/* catalog_image.c; see struct ds_decider. Images: schemas/avsc/catalog.state.avsc. */
size_t ds_catalog_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES]);
bool ds_catalog_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                      void *item_out, ds_error_t *error);
bool ds_catalog_restore(void *state, const void *item, ds_error_t *error);
bool ds_catalog_restored(void *state, ds_error_t *error);

#endif
