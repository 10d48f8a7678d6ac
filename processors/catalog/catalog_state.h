/* processors/catalog/catalog_state.h - stores and products of one partition, built from
 * catalog.events alone.
 *
 * Of a store everything is kept (opening it again repeats the whole), of a product only that it is
 * there. Threads: one state, one thread. */
#ifndef DS_PROCESSORS_CATALOG_CATALOG_STATE_H
#define DS_PROCESSORS_CATALOG_CATALOG_STATE_H

#include "base/map.h"
#include "processors/catalog/catalog.h"

struct ds_catalog_store {
    ds_arena_t *arena; /* holds the texts, and this */
    struct ds_store_info info;
};

struct ds_catalog {
    ds_map_t *stores;   /* by store id: struct ds_catalog_store */
    ds_map_t *products; /* by product id: a mark, not owned */
};

void *ds_catalog_new(const void *settings, ds_error_t *error);
void ds_catalog_destroy(void *state);
bool ds_catalog_evolve(void *state, const void *event, ds_error_t *error);
/** @brief Never: the catalog waits for nothing. */
bool ds_catalog_next_timer(const void *state, struct ds_timer *timer_out);
/** @brief Borrowed; NULL: unknown. */
const struct ds_store_info *ds_catalog_find_store(const struct ds_catalog *catalog,
                                                  ds_str_t store_id);
bool ds_catalog_has_product(const struct ds_catalog *catalog, ds_str_t product_id);

#endif
