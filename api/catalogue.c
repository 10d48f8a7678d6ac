/* api/catalogue.c - the fold: events into stores and products. */
#include "api/catalogue_internal.h"
#include "base/id.h"

#include <stdlib.h>

/* By default glibc lets readers in for as long as there is one, and lists overlap. No reader takes
 * the lock twice. */
static void init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t writers_first;
    (void)pthread_rwlockattr_init(&writers_first);
    (void)pthread_rwlockattr_setkind_np(&writers_first,
                                        PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(lock, &writers_first);
    (void)pthread_rwlockattr_destroy(&writers_first);
}

ds_catalogue_t *ds_catalogue_new(const struct ds_runtime *runtime, int64_t fresh_us)
{
    ds_catalogue_t *catalog = calloc(1, sizeof *catalog);
    ds_error_t error = DS_ERROR_INIT;
    if (catalog == NULL)
        return NULL;
    catalog->runtime = runtime;
    catalog->fresh_us = fresh_us;
    init_lock(&catalog->lock);
    for (size_t i = 0; i < DS_MAX_PARTITIONS; i++)
        catalog->partitions[i].commands_through = catalog->partitions[i].touched = -1;
    catalog->stores = ds_map_new(DS_CATALOGUE_MAX_STORES);
    catalog->products = ds_map_new(DS_CATALOGUE_MAX_PRODUCTS);
    catalog->categories = ds_map_new(DS_CATALOGUE_MAX_PRODUCTS);
    if (catalog->stores == NULL || catalog->products == NULL || catalog->categories == NULL ||
        !ds_catalogue_shelves_init(catalog, &error)) {
        ds_catalogue_destroy(catalog);
        return NULL;
    }
    return catalog;
}

static void free_copies(struct ds_catalogue_store *store)
{
    free(store->id);
    free(store->name);
    free(store->currency);
    free(store->time_zone);
    free(store->hours);
    free(store->area);
}

static void free_store(void *value)
{
    struct ds_catalogue_store *store = value;
    free_copies(store);
    ds_timezone_destroy(store->zone);
    free(store->products);
    free(store);
}

static void free_product(void *value)
{
    struct ds_catalogue_product *product = value;
    free(product->texts);
    free(product);
}

bool ds_catalogue_start(ds_catalogue_t *catalog, const char *brokers, ds_error_t *error)
{
    catalog->brokers = brokers;
    catalog->thread_runs =
        pthread_create(&catalog->thread, NULL, ds_catalogue_follow, catalog) == 0;
    return catalog->thread_runs
               ? true
               : ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "start the catalogue's thread");
}

void ds_catalogue_destroy(ds_catalogue_t *catalog)
{
    if (catalog == NULL)
        return;
    atomic_store(&catalog->stop, true);
    if (catalog->thread_runs)
        (void)pthread_join(catalog->thread, NULL);
    ds_map_destroy(catalog->products, free_product);
    ds_map_destroy(catalog->stores, free_store);
    ds_map_destroy(catalog->categories, free);
    (void)pthread_rwlock_destroy(&catalog->lock);
    free(catalog);
}

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for the catalogue");
}

static struct ds_catalogue_store *store_of(ds_catalogue_t *catalog, ds_str_t id, ds_error_t *error)
{
    struct ds_catalogue_store *store = ds_map_get(catalog->stores, id);
    if (store != NULL)
        return store;
    store = calloc(1, sizeof *store);
    if (store == NULL || !ds_map_put(catalog->stores, id, store, NULL, error)) {
        free(store);
        (void)no_memory(error);
        return NULL;
    }
    return store;
}

static bool copy_text(char **text_out, ds_str_t value, ds_str_t *view_out)
{
    *text_out = ds_str_dup(value);
    *view_out = (ds_str_t){*text_out, value.len};
    return *text_out != NULL;
}

static void *copy_items(const void *items, size_t count, size_t bytes)
{
    void *copy = malloc((count + 1) * bytes);
    if (copy != NULL && count > 0)
        memcpy(copy, items, count * bytes);
    return copy;
}

/* What the event says of a store, in memory of its own. false: `copy` holds what is to be freed. */
static bool copy_info(const struct ds_store_info *info, struct ds_catalogue_store *copy)
{
    *copy = (struct ds_catalogue_store){.info = *info};
    copy->info.hours.items = copy->hours =
        copy_items(info->hours.items, info->hours.count, sizeof *copy->hours);
    copy->info.delivery_area.items = copy->area =
        copy_items(info->delivery_area.items, info->delivery_area.count, sizeof *copy->area);
    return copy->hours != NULL && copy->area != NULL &&
           copy_text(&copy->id, info->store_id, &copy->info.store_id) &&
           copy_text(&copy->name, info->name, &copy->info.name) &&
           copy_text(&copy->currency, info->currency, &copy->info.currency) &&
           copy_text(&copy->time_zone, info->time_zone, &copy->info.time_zone);
}

static void take_copy(struct ds_catalogue_store *store, const struct ds_catalogue_store *copy)
{
    free_copies(store);
    store->id = copy->id;
    store->name = copy->name;
    store->currency = copy->currency;
    store->time_zone = copy->time_zone;
    store->hours = copy->hours;
    store->area = copy->area;
    store->info = copy->info;
}

/* Hours need the zone's clock. Where it cannot be had the store is not judged by the hour: such an
 * order is answered 503 (api/commands_order.c). */
static void set_zone(ds_catalogue_t *catalog, struct ds_catalogue_store *store,
                     const struct ds_store_info *info)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_timezone_destroy(store->zone);
    store->zone = NULL;
    if (info->hours.count == 0)
        return;
    store->zone = ds_timezone_load(NULL, info->time_zone, &error);
    if (store->zone == NULL)
        ds_log_error(&catalog->runtime->log, DS_LOG_ERROR, "catalog.time_zone", &error);
}

static void take_methods(struct ds_catalogue_store *store, const struct ds_store_info *info)
{
    size_t count = info->payment_methods.count;
    if (count > DS_STORE_MAX_METHODS)
        count = DS_STORE_MAX_METHODS;
    if (count > 0)
        memcpy(store->methods, info->payment_methods.items, count * sizeof *store->methods);
    store->info.payment_methods.items = store->methods;
    store->info.payment_methods.count = count;
}

/* What fails changes nothing: there may be orders in between, and the event is gone afterwards. */
static bool fold_store(ds_catalogue_t *catalog, const struct ds_store_info *info, int32_t partition,
                       int64_t offset, ds_error_t *error)
{
    struct ds_catalogue_store copy;
    struct ds_catalogue_store *store = store_of(catalog, info->store_id, error);
    if (store == NULL)
        return false;
    if (!copy_info(info, &copy)) {
        free_copies(&copy);
        return no_memory(error);
    }
    bool is_new = store->id == NULL;
    take_copy(store, &copy);
    if (is_new)
        ds_catalogue_put_store(catalog, store);
    take_methods(store, info);
    set_zone(catalog, store, info);
    store->offset = store->touched_offset = offset;
    store->partition = partition;
    return true;
}

/* @return the block that the copy's texts stand in; NULL: no memory. */
static char *copy_texts(const struct ds_product_info *info, struct ds_product_info *copy)
{
    const ds_str_t from[] = {info->product_id, info->name, info->category, info->unit,
                             info->image_url};
    ds_str_t *to[] = {&copy->product_id, &copy->name, &copy->category, &copy->unit,
                      &copy->image_url};
    size_t count = info->has_image_url ? 5 : 4;
    size_t bytes = 1;
    for (size_t i = 0; i < count; i++)
        bytes += from[i].len;
    char *texts = malloc(bytes);
    char *at = texts;
    *copy = *info;
    for (size_t i = 0; texts != NULL && i < count; i++) {
        *to[i] = (ds_str_t){at, from[i].len};
        if (from[i].len > 0)
            memcpy(at, from[i].data, from[i].len);
        at += from[i].len;
    }
    return texts;
}

static bool room_in_store(struct ds_catalogue_store *store)
{
    if (store->product_count < store->product_capacity)
        return true;
    size_t capacity = store->product_capacity == 0 ? 64 : store->product_capacity * 2;
    void *grown = realloc(store->products, capacity * sizeof *store->products);
    if (grown == NULL)
        return false;
    store->products = grown;
    store->product_capacity = capacity;
    return true;
}

static struct ds_catalogue_product *product_of(ds_catalogue_t *catalog, ds_str_t id,
                                               ds_error_t *error)
{
    struct ds_catalogue_product *product = ds_map_get(catalog->products, id);
    if (product != NULL)
        return product;
    struct ds_catalogue_store *store = store_of(catalog, ds_id_store(id), error);
    if (store == NULL)
        return NULL;
    product = calloc(1, sizeof *product);
    if (product == NULL || !room_in_store(store) ||
        !ds_map_put(catalog->products, id, product, NULL, error)) {
        free(product);
        (void)no_memory(error);
        return NULL;
    }
    product->store = store;
    store->products[store->product_count++] = product;
    return product;
}

static bool fold_product(ds_catalogue_t *catalog, const struct ds_product_info *info,
                         int64_t offset, ds_error_t *error)
{
    struct ds_product_info copy;
    struct ds_catalogue_shelf *category = ds_catalogue_category(catalog, info->category, error);
    if (category == NULL)
        return false;
    char *texts = copy_texts(info, &copy);
    if (texts == NULL)
        return no_memory(error);
    struct ds_catalogue_product *product = product_of(catalog, info->product_id, error);
    if (product == NULL) {
        free(texts);
        return false;
    }
    ds_catalogue_take_down(catalog, product);
    free(product->texts);
    product->texts = texts;
    product->info = copy;
    ds_catalogue_put_up(catalog, product, category);
    product->offset = product->store->touched_offset = offset;
    product->removed = false;
    return true;
}

static void fold_removed(ds_catalogue_t *catalog, ds_str_t product_id, int64_t offset)
{
    struct ds_catalogue_product *product = ds_map_get(catalog->products, product_id);
    if (product == NULL)
        return;
    ds_catalogue_take_down(catalog, product);
    product->removed = true;
    product->offset = product->store->touched_offset = offset;
}

static void fold_closed(ds_catalogue_t *catalog, ds_str_t store_id, int64_t offset)
{
    struct ds_catalogue_store *store = ds_map_get(catalog->stores, store_id);
    if (store == NULL)
        return;
    store->info.open = false;
    store->offset = store->touched_offset = offset;
}

static void reach(struct ds_catalogue_partition *partition, int64_t commands_through)
{
    if (commands_through > partition->commands_through)
        partition->commands_through = commands_through;
}

/* Which commands are decided: what a decision answers, and what the protocol's records say of input
 * 0. */
static void fold_positions(struct ds_catalogue_partition *partition,
                           const struct ds_catalog_event *event)
{
    const struct ds_array_of_input_position *inputs = NULL;
    if (event->meta.cause.kind == DS_META_CAUSE_INPUT_CAUSE &&
        event->meta.cause.as.input_cause.input == 0)
        reach(partition, event->meta.cause.as.input_cause.offset);
    if (event->body.kind == DS_CATALOG_EVENT_OPEN)
        inputs = &event->body.as.open.inputs;
    else if (event->body.kind == DS_CATALOG_EVENT_PROGRESS)
        inputs = &event->body.as.progress.inputs;
    for (size_t i = 0; inputs != NULL && i < inputs->count; i++)
        if (inputs->items[i].input == 0)
            reach(partition, inputs->items[i].offset - 1);
    if (event->body.kind == DS_CATALOG_EVENT_INPUT_GAP && event->body.as.input_gap.input == 0)
        reach(partition, event->body.as.input_gap.to_offset - 1);
}

bool ds_catalogue_fold(ds_catalogue_t *catalog, const struct ds_catalog_event *event,
                       int32_t partition, int64_t offset, ds_error_t *error)
{
    bool ok = true;
    if (partition < 0 || partition >= DS_MAX_PARTITIONS)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_LIMIT, "partition %d", (int)partition);
    switch (event->body.kind) {
    case DS_CATALOG_EVENT_STORE_OPENED:
        ok = fold_store(catalog, &event->body.as.store_opened.store, partition, offset, error);
        break;
    case DS_CATALOG_EVENT_STORE_CHANGED:
        ok = fold_store(catalog, &event->body.as.store_changed.store, partition, offset, error);
        break;
    case DS_CATALOG_EVENT_STORE_CLOSED:
        fold_closed(catalog, event->body.as.store_closed.store_id, offset);
        break;
    case DS_CATALOG_EVENT_PRODUCT_ADDED:
        for (size_t i = 0; ok && i < event->body.as.product_added.products.count; i++)
            ok = fold_product(catalog, &event->body.as.product_added.products.items[i], offset,
                              error);
        break;
    case DS_CATALOG_EVENT_PRODUCT_CHANGED:
        ok = fold_product(catalog, &event->body.as.product_changed.product, offset, error);
        break;
    case DS_CATALOG_EVENT_PRODUCT_REMOVED:
        fold_removed(catalog, event->body.as.product_removed.product_id, offset);
        break;
    default:
        break; /* the protocol's own records change no product */
    }
    if (event->body.kind >= DS_CATALOG_EVENT_STORE_OPENED)
        catalog->partitions[partition].touched = offset;
    fold_positions(&catalog->partitions[partition], event);
    return ok;
}

bool ds_catalogue_apply(ds_catalogue_t *catalog, const struct ds_catalog_event *event,
                        int32_t partition, int64_t offset, ds_error_t *error)
{
    (void)pthread_rwlock_wrlock(&catalog->lock);
    bool ok = ds_catalogue_fold(catalog, event, partition, offset, error);
    (void)pthread_rwlock_unlock(&catalog->lock);
    return ok;
}

void ds_catalogue_caught_up(ds_catalogue_t *catalog, int32_t partition, int32_t partition_count,
                            int64_t asked_us)
{
    (void)pthread_rwlock_wrlock(&catalog->lock);
    catalog->partition_count = partition_count;
    if (partition >= 0 && partition < DS_MAX_PARTITIONS)
        catalog->partitions[partition].fresh_us = asked_us > 0 ? asked_us : 1;
    (void)pthread_rwlock_unlock(&catalog->lock);
}
