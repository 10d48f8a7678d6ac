/* api/catalogue_read.c - questions to the catalogue. Everything handed out is a copy in the
 * caller's arena. */
#include "api/catalogue_internal.h"
#include "api/opening.h"
#include "base/id.h"
#include "stream/partition.h"

bool ds_catalogue_fresh(ds_catalogue_t *catalog, ds_str_t store_id, int64_t now_us)
{
    (void)pthread_rwlock_rdlock(&catalog->lock);
    int64_t fresh_us = 0;
    if (catalog->partition_count > 0) {
        const struct ds_catalogue_partition *partition =
            &catalog->partitions[ds_partition_of(store_id, catalog->partition_count)];
        fresh_us = partition->lost ? 0 : partition->fresh_us;
    }
    (void)pthread_rwlock_unlock(&catalog->lock);
    return fresh_us > 0 && now_us - fresh_us <= catalog->fresh_us;
}

bool ds_catalogue_loaded(ds_catalogue_t *catalog)
{
    (void)pthread_rwlock_rdlock(&catalog->lock);
    bool loaded = catalog->partition_count > 0;
    for (int32_t i = 0; loaded && i < catalog->partition_count; i++)
        loaded = catalog->partitions[i].fresh_us > 0;
    (void)pthread_rwlock_unlock(&catalog->lock);
    return loaded;
}

static enum ds_store_door door_of(const ds_catalogue_t *catalog,
                                  const struct ds_catalogue_store *store)
{
    if (!store->info.open)
        return DS_DOOR_CLOSED;
    if (store->info.hours.count == 0)
        return DS_DOOR_OPEN;
    if (store->zone == NULL)
        return DS_DOOR_NOT_KNOWN;
    struct ds_wall_time now = ds_timezone_wall(store->zone, ds_now_us(catalog->runtime->clock));
    return ds_hours_hold(&store->info.hours, now) ? DS_DOOR_OPEN : DS_DOOR_CLOSED;
}

static void *copy_list(ds_arena_t *arena, const void *items, size_t count, size_t bytes,
                       ds_error_t *error)
{
    void *copy = ds_arena_calloc(arena, count + 1, bytes, error);
    if (copy != NULL && count > 0)
        memcpy(copy, items, count * bytes);
    return copy;
}

static bool copy_store(const ds_catalogue_t *catalog, const struct ds_catalogue_store *store,
                       ds_arena_t *arena, struct ds_store_view *out, ds_error_t *error)
{
    const struct ds_store_info *info = &store->info;
    *out = (struct ds_store_view){*info, store->offset, store->touched_offset, store->partition,
                                  door_of(catalog, store)};
    out->info.payment_methods.items = copy_list(arena, store->methods, info->payment_methods.count,
                                                sizeof *store->methods, error);
    out->info.hours.items =
        copy_list(arena, store->hours, info->hours.count, sizeof *store->hours, error);
    out->info.delivery_area.items =
        copy_list(arena, store->area, info->delivery_area.count, sizeof *store->area, error);
    if (out->info.payment_methods.items == NULL || out->info.hours.items == NULL ||
        out->info.delivery_area.items == NULL)
        return false;
    return ds_arena_dup(arena, store->info.store_id, &out->info.store_id, error) &&
           ds_arena_dup(arena, store->info.name, &out->info.name, error) &&
           ds_arena_dup(arena, store->info.currency, &out->info.currency, error) &&
           ds_arena_dup(arena, store->info.time_zone, &out->info.time_zone, error);
}

static bool copy_product(const struct ds_catalogue_product *product, ds_arena_t *arena,
                         struct ds_product_view *out, ds_error_t *error)
{
    const struct ds_product_info *info = &product->info;
    const struct ds_store_info *store = &product->store->info;
    *out = (struct ds_product_view){.info = *info,
                                    .store_open = store->open,
                                    .removed = product->removed,
                                    .offset = product->offset,
                                    .store_offset = product->store->offset};
    if (!ds_arena_dup(arena, info->product_id, &out->info.product_id, error) ||
        !ds_arena_dup(arena, info->name, &out->info.name, error) ||
        !ds_arena_dup(arena, info->category, &out->info.category, error) ||
        !ds_arena_dup(arena, info->unit, &out->info.unit, error) ||
        !ds_arena_dup(arena, store->currency, &out->currency, error))
        return false;
    out->store_id = ds_id_store(out->info.product_id);
    return !info->has_image_url ||
           ds_arena_dup(arena, info->image_url, &out->info.image_url, error);
}

/* A store that only products have named is not one yet. */
static bool is_store(const struct ds_catalogue_store *store)
{
    return store != NULL && store->id != NULL;
}

bool ds_catalogue_store(ds_catalogue_t *catalog, ds_str_t store_id, ds_arena_t *arena,
                        struct ds_store_view *store_out)
{
    ds_error_t error = DS_ERROR_INIT;
    (void)pthread_rwlock_rdlock(&catalog->lock);
    const struct ds_catalogue_store *store = ds_map_get(catalog->stores, store_id);
    bool ok = is_store(store) && copy_store(catalog, store, arena, store_out, &error);
    (void)pthread_rwlock_unlock(&catalog->lock);
    return ok;
}

bool ds_catalogue_product(ds_catalogue_t *catalog, ds_str_t product_id, ds_arena_t *arena,
                          struct ds_product_view *product_out)
{
    ds_error_t error = DS_ERROR_INIT;
    (void)pthread_rwlock_rdlock(&catalog->lock);
    const struct ds_catalogue_product *product = ds_map_get(catalog->products, product_id);
    bool ok = product != NULL && is_store(product->store) &&
              copy_product(product, arena, product_out, &error);
    (void)pthread_rwlock_unlock(&catalog->lock);
    return ok;
}

/* Offsets only go up, so their sum changes whenever one of them does. */
static int64_t version_of_all(const ds_catalogue_t *catalog)
{
    int64_t sum = 0;
    for (size_t i = 0; i < DS_MAX_PARTITIONS; i++)
        sum += catalog->partitions[i].touched + 1;
    return sum;
}

bool ds_catalogue_stores(ds_catalogue_t *catalog, ds_str_t after, size_t limit, ds_arena_t *arena,
                         struct ds_store_view **stores_out, size_t *count_out, bool *more_out,
                         ds_error_t *error)
{
    limit = limit > DS_CATALOGUE_PAGE_MAX ? DS_CATALOGUE_PAGE_MAX : limit;
    size_t count = 0;
    *count_out = 0;
    *more_out = false;
    *stores_out = ds_arena_calloc(arena, limit + 1, sizeof **stores_out, error);
    if (*stores_out == NULL)
        return false;
    bool ok = true;
    (void)pthread_rwlock_rdlock(&catalog->lock);
    const struct ds_catalogue_store *store = ds_catalogue_next_store(catalog, after);
    for (; ok && store != NULL && count < limit; count++) {
        ok = copy_store(catalog, store, arena, &(*stores_out)[count], error);
        store = ds_catalogue_next_store(catalog, store->info.store_id);
    }
    *more_out = ok && store != NULL;
    (void)pthread_rwlock_unlock(&catalog->lock);
    *count_out = ok ? count : 0;
    return ok;
}

/* The page being gathered: the first limit + 1 behind the cursor, in order. */
struct page {
    const struct ds_product_query *query;
    const struct ds_catalogue_product *items[DS_CATALOGUE_PAGE_MAX + 1];
    size_t count;
    size_t max;
    struct ds_product_info after; /* where there is a cursor */
};

static int compare_price(int64_t a, int64_t b, bool down)
{
    int order = a < b ? -1 : a > b;
    return down ? -order : order;
}

static int compare(const struct page *page, const struct ds_product_info *a,
                   const struct ds_product_info *b)
{
    int order = page->query->sort == DS_SORT_NAME
                    ? ds_str_cmp(a->name, b->name)
                    : compare_price(a->price_minor, b->price_minor,
                                    page->query->sort == DS_SORT_PRICE_DOWN);
    return order != 0 ? order : ds_str_cmp(a->product_id, b->product_id);
}

static bool is_behind(const struct page *page, const struct ds_product_info *info)
{
    return !page->query->has_after || compare(page, info, &page->after) > 0;
}

static void offer(struct page *page, const struct ds_catalogue_product *product)
{
    const struct ds_product_query *query = page->query;
    if (product->removed || !is_store(product->store) ||
        (query->category.len > 0 && !ds_str_eq(product->info.category, query->category)) ||
        !is_behind(page, &product->info))
        return;
    size_t at = page->count;
    while (at > 0 && compare(page, &product->info, &page->items[at - 1]->info) < 0)
        at--;
    if (at >= page->max)
        return;
    size_t last = page->count < page->max ? page->count : page->max - 1;
    memmove(&page->items[at + 1], &page->items[at], (last - at) * sizeof *page->items);
    page->items[at] = product;
    page->count = last + 1;
}

/* What is sold by any store, in order already. */
static void take_from_shelf(const ds_catalogue_t *catalog, struct page *page)
{
    const struct ds_product_query *query = page->query;
    const struct ds_catalogue_shelf *shelf =
        query->category.len > 0 ? ds_map_get(catalog->categories, query->category) : &catalog->all;
    const struct ds_product_info *last = query->has_after ? &page->after : NULL;
    while (shelf != NULL && page->count < page->max) {
        const struct ds_catalogue_product *product = ds_catalogue_next(shelf, query->sort, last);
        if (product == NULL)
            return;
        if (is_store(product->store))
            page->items[page->count++] = product;
        last = &product->info;
    }
}

static int64_t gather(const ds_catalogue_t *catalog, struct page *page)
{
    if (page->query->store.len > 0) {
        const struct ds_catalogue_store *store = ds_map_get(catalog->stores, page->query->store);
        for (size_t i = 0; store != NULL && i < store->product_count; i++)
            offer(page, store->products[i]);
        return store == NULL ? -1 : store->touched_offset;
    }
    take_from_shelf(catalog, page);
    return version_of_all(catalog);
}

bool ds_catalogue_list(ds_catalogue_t *catalog, const struct ds_product_query *query,
                       ds_arena_t *arena, struct ds_product_view **products_out, size_t *count_out,
                       bool *more_out, int64_t *version_out, ds_error_t *error)
{
    size_t limit = query->limit > DS_CATALOGUE_PAGE_MAX ? DS_CATALOGUE_PAGE_MAX : query->limit;
    struct page page = {.query = query,
                        .max = limit + 1,
                        .after = {.product_id = query->after_id, .name = query->after_key}};
    *count_out = 0;
    if (query->has_after && query->sort != DS_SORT_NAME &&
        !ds_str_to_i64(query->after_key, &page.after.price_minor))
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "the cursor has no price");
    *products_out = ds_arena_calloc(arena, limit + 1, sizeof **products_out, error);
    if (*products_out == NULL)
        return false;
    bool ok = true;
    (void)pthread_rwlock_rdlock(&catalog->lock);
    *version_out = gather(catalog, &page);
    *more_out = page.count > limit;
    size_t count = *more_out ? limit : page.count;
    for (size_t i = 0; ok && i < count; i++)
        ok = copy_product(page.items[i], arena, &(*products_out)[i], error);
    (void)pthread_rwlock_unlock(&catalog->lock);
    *count_out = ok ? count : 0;
    return ok;
}

void ds_catalogue_log_identity(ds_catalogue_t *catalog, enum ds_commands_topic topic,
                               int32_t partition, char identity_out[64])
{
    identity_out[0] = '\0';
    if (partition < 0 || partition >= DS_MAX_PARTITIONS)
        return;
    (void)pthread_rwlock_rdlock(&catalog->lock);
    memcpy(identity_out, catalog->partitions[partition].identity[topic], 64);
    (void)pthread_rwlock_unlock(&catalog->lock);
}

int64_t ds_catalogue_commands_through(ds_catalogue_t *catalog, int32_t partition)
{
    if (partition < 0 || partition >= DS_MAX_PARTITIONS)
        return -1;
    (void)pthread_rwlock_rdlock(&catalog->lock);
    int64_t through = catalog->partitions[partition].commands_through;
    (void)pthread_rwlock_unlock(&catalog->lock);
    return through;
}
