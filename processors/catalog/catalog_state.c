#include "processors/catalog/catalog_state.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

#define STORE_FIRST   512
#define PRODUCT_FIRST 256
#define ITEM_MAX      DS_MAX_DECODE_BYTES

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY,
                        "catalog: no memory for the state");
}

void *ds_catalog_new(const void *settings, ds_error_t *error)
{
    struct ds_catalog *catalog = calloc(1, sizeof(*catalog));

    (void)settings;
    if (catalog != NULL) {
        catalog->stores = ds_shelf_new(DS_MAX_PARTITION_STORES);
        catalog->products = ds_shelf_new(DS_MAX_PARTITION_PRODUCTS);
        if (catalog->stores != NULL && catalog->products != NULL)
            return catalog;
    }
    (void)no_memory(error);
    ds_catalog_destroy(catalog);
    return NULL;
}

static void store_destroy(void *value)
{
    struct ds_catalog_store *store = value;
    if (store != NULL)
        ds_arena_destroy(store->arena);
}

static void product_destroy(void *value)
{
    struct ds_catalog_product *product = value;
    if (product != NULL)
        ds_arena_destroy(product->arena);
}

void ds_catalog_destroy(void *state)
{
    struct ds_catalog *catalog = state;
    if (catalog == NULL)
        return;
    ds_shelf_destroy(catalog->stores, store_destroy);
    ds_shelf_destroy(catalog->products, product_destroy);
    free(catalog);
}

static const struct ds_catalog_store *find(const struct ds_catalog *catalog, ds_str_t store_id)
{
    return ds_shelf_get(catalog->stores, store_id);
}

const struct ds_store_info *ds_catalog_find_store(const struct ds_catalog *catalog,
                                                  ds_str_t store_id)
{
    const struct ds_catalog_store *store = find(catalog, store_id);
    return store == NULL ? NULL : &store->info;
}

const struct ds_product_info *ds_catalog_find_product(const struct ds_catalog *catalog,
                                                      ds_str_t product_id)
{
    const struct ds_catalog_product *product = ds_shelf_get(catalog->products, product_id);
    return product == NULL ? NULL : &product->info;
}

bool ds_catalog_next_timer(const void *state, const struct ds_timer_skip *skip,
                           struct ds_timer *timer_out)
{
    (void)state;
    (void)skip;
    (void)timer_out;
    return false;
}

/* A copy of `count` items of a list; NULL: no memory. */
static void *dup_list(ds_arena_t *arena, const void *items, size_t count, size_t bytes,
                      ds_error_t *error)
{
    void *copy = ds_arena_calloc(arena, count + 1, bytes, error);
    if (copy != NULL && count > 0)
        memcpy(copy, items, count * bytes);
    return copy;
}

static bool dup_info(ds_arena_t *arena, const struct ds_store_info *from, struct ds_store_info *to,
                     ds_error_t *error)
{
    *to = *from;
    to->payment_methods.items =
        dup_list(arena, from->payment_methods.items, from->payment_methods.count,
                 sizeof *to->payment_methods.items, error);
    to->hours.items =
        dup_list(arena, from->hours.items, from->hours.count, sizeof *to->hours.items, error);
    to->delivery_area.items = dup_list(arena, from->delivery_area.items, from->delivery_area.count,
                                       sizeof *to->delivery_area.items, error);
    if (to->payment_methods.items == NULL || to->hours.items == NULL ||
        to->delivery_area.items == NULL)
        return false;
    return ds_arena_dup(arena, from->store_id, &to->store_id, error) &&
           ds_arena_dup(arena, from->name, &to->name, error) &&
           ds_arena_dup(arena, from->currency, &to->currency, error) &&
           ds_arena_dup(arena, from->time_zone, &to->time_zone, error);
}

/* The new one is made before the old one goes: the event may repeat the old one's texts. */
bool ds_catalog_put_store(struct ds_catalog *catalog, const struct ds_store_info *info,
                          ds_error_t *error)
{
    ds_arena_t *arena = ds_arena_new(STORE_FIRST, ITEM_MAX);
    struct ds_catalog_store *store = NULL;
    void *old = NULL;

    if (arena == NULL)
        return no_memory(error);
    store = ds_arena_alloc(arena, sizeof(*store), error);
    if (store == NULL)
        goto fail;
    store->arena = arena;
    if (!dup_info(arena, info, &store->info, error) ||
        !ds_shelf_put(catalog->stores, store->info.store_id, store, &old, error))
        goto fail;
    store_destroy(old);
    return true;
fail:
    ds_arena_destroy(arena);
    return false;
}

static bool dup_product(ds_arena_t *arena, const struct ds_product_info *from,
                        struct ds_product_info *to, ds_error_t *error)
{
    *to = *from;
    return ds_arena_dup(arena, from->product_id, &to->product_id, error) &&
           ds_arena_dup(arena, from->name, &to->name, error) &&
           ds_arena_dup(arena, from->category, &to->category, error) &&
           ds_arena_dup(arena, from->unit, &to->unit, error) &&
           (!from->has_image_url || ds_arena_dup(arena, from->image_url, &to->image_url, error));
}

bool ds_catalog_put_product(struct ds_catalog *catalog, const struct ds_product_info *info,
                            ds_error_t *error)
{
    ds_arena_t *arena = ds_arena_new(PRODUCT_FIRST, ITEM_MAX);
    struct ds_catalog_product *product = NULL;
    void *old = NULL;

    if (arena == NULL)
        return no_memory(error);
    product = ds_arena_alloc(arena, sizeof(*product), error);
    if (product == NULL)
        goto fail;
    product->arena = arena;
    if (!dup_product(arena, info, &product->info, error) ||
        !ds_shelf_put(catalog->products, product->info.product_id, product, &old, error))
        goto fail;
    product_destroy(old);
    return true;
fail:
    ds_arena_destroy(arena);
    return false;
}

static bool add_products(struct ds_catalog *catalog, const struct ds_product_added *added,
                         ds_error_t *error)
{
    for (size_t i = 0; i < added->products.count; i++) {
        if (!ds_catalog_put_product(catalog, &added->products.items[i], error))
            return false;
    }
    return true;
}

bool ds_catalog_evolve(void *state, const void *event, ds_error_t *error)
{
    struct ds_catalog *catalog = state;
    const struct ds_catalog_event *e = event;
    struct ds_catalog_store *store = NULL;

    switch (e->body.kind) {
    case DS_CATALOG_EVENT_STORE_OPENED:
        return ds_catalog_put_store(catalog, &e->body.as.store_opened.store, error);
    case DS_CATALOG_EVENT_STORE_CHANGED:
        return ds_catalog_put_store(catalog, &e->body.as.store_changed.store, error);
    case DS_CATALOG_EVENT_STORE_CLOSED:
        store = ds_shelf_edit(catalog->stores, e->body.as.store_closed.store_id);
        if (store != NULL)
            store->info.open = false;
        return true;
    case DS_CATALOG_EVENT_PRODUCT_ADDED:
        return add_products(catalog, &e->body.as.product_added, error);
    case DS_CATALOG_EVENT_PRODUCT_CHANGED:
        return ds_catalog_put_product(catalog, &e->body.as.product_changed.product, error);
    case DS_CATALOG_EVENT_PRODUCT_REMOVED:
        product_destroy(ds_shelf_take(catalog->products, e->body.as.product_removed.product_id));
        return true;
    default: /* refusals: nothing to remember */
        return true;
    }
}
