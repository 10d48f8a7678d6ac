/* A failing Nth allocation, for every N: an event that could not be folded has changed nothing that
 * can be seen, and what is shown is never memory that is gone. */
#include "api/catalogue.h"
#include "tests/support/failing_malloc.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct ds_runtime runtime;

static bool fold_store(ds_catalogue_t *catalogue, const char *name)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_place corners[] = {{1, 1}, {1, 9}, {9, 9}};
    char *own = strdup(name); /* what an event says is gone when it is folded */
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_STORE_CHANGED};
    event.body.as.store_changed.store = (struct ds_store_info){.store_id = DS_STR("berlin-1"),
                                                               .name = ds_str(own),
                                                               .currency = DS_STR("EUR"),
                                                               .time_zone = DS_STR("UTC"),
                                                               .delivery_area = {corners, 3}};
    bool ok = ds_catalogue_apply(catalogue, &event, 0, 1, &error);
    free(own);
    return ok;
}

static bool fold_product(ds_catalogue_t *catalogue, const char *id, const char *name)
{
    ds_error_t error = DS_ERROR_INIT;
    char *own = strdup(name);
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_PRODUCT_CHANGED};
    event.body.as.product_changed.product = (struct ds_product_info){.product_id = ds_str(id),
                                                                     .name = ds_str(own),
                                                                     .category = ds_str(id),
                                                                     .unit = DS_STR("u"),
                                                                     .price_minor = 1};
    bool ok = ds_catalogue_apply(catalogue, &event, 0, 2, &error);
    free(own);
    return ok;
}

static void nothing_but(ds_catalogue_t *catalogue, const char *store_name, const char *milk_name,
                        size_t products)
{
    const struct ds_product_query query = {.limit = 10};
    struct ds_product_view *listed;
    struct ds_product_view milk;
    struct ds_store_view store;
    size_t count;
    bool more;
    int64_t version;
    ds_error_t error = DS_ERROR_INIT;
    ds_arena_t *arena = ds_arena_new(4096, 1024 * 1024);
    cr_assert(ds_catalogue_store(catalogue, DS_STR("berlin-1"), arena, &store));
    cr_assert(ds_str_eq(store.info.name, ds_str(store_name)));
    cr_assert_eq(store.info.delivery_area.count, 3);
    cr_assert(ds_catalogue_product(catalogue, DS_STR("berlin-1.milk"), arena, &milk));
    cr_assert(ds_str_eq(milk.info.name, ds_str(milk_name)));
    cr_assert(
        ds_catalogue_list(catalogue, &query, arena, &listed, &count, &more, &version, &error));
    cr_assert_eq(count, products);
    ds_arena_destroy(arena);
}

enum change { STORE, MILK, BREAD };

/* @return whether the Nth allocation of that change was there to fail. */
static bool nth_fails(enum change change, int nth)
{
    runtime.random = ds_system_random();
    ds_catalogue_t *catalogue = ds_catalogue_new(&runtime, 1);
    cr_assert(fold_store(catalogue, "Berlin") && fold_product(catalogue, "berlin-1.milk", "Milk"));
    ds_failing_malloc_begin(nth);
    bool ok = change == STORE  ? fold_store(catalogue, "Another")
              : change == MILK ? fold_product(catalogue, "berlin-1.milk", "Another")
                               : fold_product(catalogue, "berlin-1.bread", "Bread");
    bool failed = ds_failing_malloc_end();
    cr_assert_eq(ok, !failed, "change %d, allocation %d", (int)change, nth);
    nothing_but(catalogue, ok && change == STORE ? "Another" : "Berlin",
                ok && change == MILK ? "Another" : "Milk", ok && change == BREAD ? 2 : 1);
    ds_catalogue_destroy(catalogue);
    return failed;
}

static int allocations_of(enum change change)
{
    int nth = 0;
    while (nth_fails(change, nth))
        nth++;
    return nth;
}

Test(catalogue_memory, a_change_that_could_not_be_folded_is_not_seen)
{
    cr_expect_geq(allocations_of(STORE), 6);
    cr_expect_geq(allocations_of(MILK), 1);
    cr_expect_geq(allocations_of(BREAD), 5);
}
