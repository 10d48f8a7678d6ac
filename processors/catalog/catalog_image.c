/* Stores and products in a snapshot: an image of each (catalog.state.avsc), and back. */
#include "processors/catalog/catalog_state.h"

enum shelf { STORES, PRODUCTS, SHELVES };

size_t ds_catalog_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES])
{
    const struct ds_catalog *catalog = state;

    shelves_out[STORES] = catalog->stores;
    shelves_out[PRODUCTS] = catalog->products;
    return SHELVES;
}

bool ds_catalog_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                      void *item_out, ds_error_t *error)
{
    struct ds_catalog_state_item *item = item_out;

    (void)key;
    (void)arena;
    (void)error;
    if (shelf == STORES) {
        item->body.kind = DS_CATALOG_STATE_ITEM_STORE_IMAGE;
        item->body.as.store_image.store = ((const struct ds_catalog_store *)value)->info;
    } else {
        item->body.kind = DS_CATALOG_STATE_ITEM_PRODUCT_IMAGE;
        item->body.as.product_image.product = ((const struct ds_catalog_product *)value)->info;
    }
    return true;
}

bool ds_catalog_restore(void *state, const void *item, ds_error_t *error)
{
    const struct ds_catalog_state_item *image = item;

    switch ((enum ds_catalog_state_item_body_kind)image->body.kind) {
    case DS_CATALOG_STATE_ITEM_STORE_IMAGE:
        return ds_catalog_put_store(state, &image->body.as.store_image.store, error);
    case DS_CATALOG_STATE_ITEM_PRODUCT_IMAGE:
        return ds_catalog_put_product(state, &image->body.as.product_image.product, error);
    }
    return true;
}

bool ds_catalog_restored(void *state, ds_error_t *error)
{
    (void)state;
    (void)error;
    return true; /* stores and products do not depend on each other */
}
