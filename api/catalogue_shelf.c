/* api/catalogue_shelf.c - the orders in which stores and products are listed. */
#include "api/catalogue_internal.h"

#include <stdlib.h>

static int by_name(const void *key, const void *item)
{
    const struct ds_product_info *a = key;
    const struct ds_product_info *b = &((const struct ds_catalogue_product *)item)->info;
    int order = ds_str_cmp(a->name, b->name);
    return order != 0 ? order : ds_str_cmp(a->product_id, b->product_id);
}

static int by_price(const void *key, const void *item)
{
    const struct ds_product_info *a = key;
    const struct ds_product_info *b = &((const struct ds_catalogue_product *)item)->info;
    if (a->price_minor != b->price_minor)
        return a->price_minor < b->price_minor ? -1 : 1;
    return ds_str_cmp(a->product_id, b->product_id);
}

static int by_id(const void *key, const void *item)
{
    return ds_str_cmp(*(const ds_str_t *)key,
                      ((const struct ds_catalogue_store *)item)->info.store_id);
}

/* @param place  where in a product its place on this shelf is. */
static bool shelf_init(struct ds_catalogue_shelf *shelf, size_t place, const ds_random_t *random,
                       ds_error_t *error)
{
    return ds_tree_init(&shelf->by_name, by_name,
                        place + offsetof(struct ds_catalogue_place, by_name), random, error) &&
           ds_tree_init(&shelf->by_price, by_price,
                        place + offsetof(struct ds_catalogue_place, by_price), random, error);
}

bool ds_catalogue_shelves_init(ds_catalogue_t *catalog, ds_error_t *error)
{
    const ds_random_t *random = catalog->runtime->random;
    return shelf_init(&catalog->all, offsetof(struct ds_catalogue_product, among_all), random,
                      error) &&
           ds_tree_init(&catalog->stores_by_id, by_id, offsetof(struct ds_catalogue_store, by_id),
                        random, error);
}

struct ds_catalogue_shelf *ds_catalogue_category(ds_catalogue_t *catalog, ds_str_t name,
                                                 ds_error_t *error)
{
    struct ds_catalogue_shelf *shelf = ds_map_get(catalog->categories, name);
    if (shelf != NULL)
        return shelf;
    shelf = malloc(sizeof *shelf);
    if (shelf != NULL && !shelf_init(shelf, offsetof(struct ds_catalogue_product, in_category),
                                     catalog->runtime->random, error)) {
        free(shelf);
        return NULL;
    }
    if (shelf == NULL || !ds_map_put(catalog->categories, name, shelf, NULL, error)) {
        free(shelf);
        (void)ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for a category");
        return NULL;
    }
    return shelf;
}

static void put(struct ds_catalogue_shelf *shelf, struct ds_catalogue_product *product)
{
    ds_tree_put(&shelf->by_name, product, &product->info);
    ds_tree_put(&shelf->by_price, product, &product->info);
}

static void take(struct ds_catalogue_shelf *shelf, struct ds_catalogue_product *product)
{
    ds_tree_take(&shelf->by_name, product, &product->info);
    ds_tree_take(&shelf->by_price, product, &product->info);
}

void ds_catalogue_put_up(ds_catalogue_t *catalog, struct ds_catalogue_product *product,
                         struct ds_catalogue_shelf *category)
{
    put(&catalog->all, product);
    put(category, product);
    product->category = category;
}

void ds_catalogue_take_down(ds_catalogue_t *catalog, struct ds_catalogue_product *product)
{
    if (product->category == NULL)
        return;
    take(&catalog->all, product);
    take(product->category, product);
    product->category = NULL;
}

/* Prices fall, but among those of one price ids rise. */
static const struct ds_catalogue_product *next_down(const struct ds_tree *by_price,
                                                    const struct ds_product_info *after)
{
    const struct ds_catalogue_product *next = NULL;
    struct ds_product_info first_of_price = {.price_minor = after == NULL ? 0 : after->price_minor};
    if (after != NULL)
        next = ds_tree_above(by_price, after);
    if (next != NULL && next->info.price_minor == after->price_minor)
        return next;
    next = after == NULL ? ds_tree_last(by_price) : ds_tree_below(by_price, &first_of_price);
    if (next == NULL)
        return NULL;
    first_of_price.price_minor = next->info.price_minor;
    return ds_tree_above(by_price, &first_of_price);
}

const struct ds_catalogue_product *ds_catalogue_next(const struct ds_catalogue_shelf *shelf,
                                                     enum ds_product_sort sort,
                                                     const struct ds_product_info *after)
{
    static const struct ds_product_info before_all = {.price_minor = INT64_MIN};
    if (sort == DS_SORT_PRICE_DOWN)
        return next_down(&shelf->by_price, after);
    return ds_tree_above(sort == DS_SORT_NAME ? &shelf->by_name : &shelf->by_price,
                         after == NULL ? &before_all : after);
}

void ds_catalogue_put_store(ds_catalogue_t *catalog, struct ds_catalogue_store *store)
{
    ds_tree_put(&catalog->stores_by_id, store, &store->info.store_id);
}

const struct ds_catalogue_store *ds_catalogue_next_store(const ds_catalogue_t *catalog,
                                                         ds_str_t after)
{
    return ds_tree_above(&catalog->stores_by_id, &after);
}
