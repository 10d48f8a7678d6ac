#include "processors/catalog/catalog_state.h"

#include "base/limits.h"

#include <stdlib.h>

/* Per partition; what runs out first is memory. */
#define MAX_STORES   ((size_t)1 << 20)
#define MAX_PRODUCTS ((size_t)1 << 24)
#define STORE_FIRST  512
#define STORE_MAX    DS_MAX_DECODE_BYTES

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
        catalog->stores = ds_shelf_new(MAX_STORES);
        catalog->products = ds_shelf_new(MAX_PRODUCTS);
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

void ds_catalog_destroy(void *state)
{
    struct ds_catalog *catalog = state;
    if (catalog == NULL)
        return;
    ds_shelf_destroy(catalog->stores, store_destroy);
    ds_shelf_destroy(catalog->products, NULL);
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

bool ds_catalog_has_product(const struct ds_catalog *catalog, ds_str_t product_id)
{
    return ds_shelf_get(catalog->products, product_id) != NULL;
}

bool ds_catalog_next_timer(const void *state, struct ds_timer *timer_out)
{
    (void)state;
    (void)timer_out;
    return false;
}

static bool dup_info(ds_arena_t *arena, const struct ds_store_info *from, struct ds_store_info *to,
                     ds_error_t *error)
{
    size_t count = from->payment_methods.count;

    *to = *from;
    to->payment_methods.items =
        ds_arena_calloc(arena, count + 1, sizeof(*to->payment_methods.items), error);
    if (to->payment_methods.items == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        to->payment_methods.items[i] = from->payment_methods.items[i];
    return ds_arena_dup(arena, from->store_id, &to->store_id, error) &&
           ds_arena_dup(arena, from->name, &to->name, error) &&
           ds_arena_dup(arena, from->currency, &to->currency, error) &&
           ds_arena_dup(arena, from->time_zone, &to->time_zone, error);
}

/* The new one is made before the old one goes: the event may repeat the old one's texts. */
bool ds_catalog_put_store(struct ds_catalog *catalog, const struct ds_store_info *info,
                          ds_error_t *error)
{
    ds_arena_t *arena = ds_arena_new(STORE_FIRST, STORE_MAX);
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

bool ds_catalog_put_product(struct ds_catalog *catalog, ds_str_t product_id, ds_error_t *error)
{
    return ds_shelf_put(catalog->products, product_id, catalog, NULL, error);
}

static bool add_products(struct ds_catalog *catalog, const struct ds_product_added *added,
                         ds_error_t *error)
{
    for (size_t i = 0; i < added->products.count; i++) {
        if (!ds_catalog_put_product(catalog, added->products.items[i].product_id, error))
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
    case DS_CATALOG_EVENT_PRODUCT_REMOVED:
        (void)ds_shelf_take(catalog->products, e->body.as.product_removed.product_id);
        return true;
    default: /* changes of a product, refusals: nothing to remember */
        return true;
    }
}
