#include "api/catalogue_internal.h"
#include "stream/partition.h"
#include "stream/reader.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

static ds_catalogue_t *catalogue;
static ds_arena_t *arena;
static struct ds_runtime runtime;

static void start(void)
{
    runtime.random = ds_system_random();
    catalogue = ds_catalogue_new(&runtime, 10 * DS_US_PER_S);
    arena = ds_arena_new(4096, 1024 * 1024);
}

static void stop(void)
{
    ds_catalogue_destroy(catalogue);
    ds_arena_destroy(arena);
}

TestSuite(catalogue, .init = start, .fini = stop);

static void apply(struct ds_catalog_event *event, int64_t offset)
{
    ds_error_t error = DS_ERROR_INIT;
    event->meta.cause.kind = DS_META_CAUSE_INPUT_CAUSE;
    event->meta.cause.as.input_cause.input = 0;
    event->meta.cause.as.input_cause.offset = offset * 10;
    cr_assert(ds_catalogue_apply(catalogue, event, 0, offset, &error), "%s", error.message);
}

static void add_store(const char *id, int64_t offset)
{
    static enum ds_payment_method methods[] = {DS_PAYMENT_METHOD_CARD};
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_STORE_OPENED};
    event.body.as.store_opened.store = (struct ds_store_info){.store_id = ds_str(id),
                                                              .name = DS_STR("A store"),
                                                              .currency = DS_STR("EUR"),
                                                              .time_zone = DS_STR("Europe/Berlin"),
                                                              .payment_methods = {methods, 1},
                                                              .open = true};
    apply(&event, offset);
}

static void add_product(const char *id, const char *name, int64_t price_minor, int64_t offset)
{
    struct ds_product_info info = {.product_id = ds_str(id),
                                   .name = ds_str(name),
                                   .category = DS_STR("c"),
                                   .unit = DS_STR("u"),
                                   .price_minor = price_minor,
                                   .max_quantity = 9};
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_PRODUCT_ADDED};
    event.body.as.product_added.store_id = DS_STR("berlin-1");
    event.body.as.product_added.products.items = &info;
    event.body.as.product_added.products.count = 1;
    apply(&event, offset);
}

Test(catalogue, a_price_has_the_offset_of_the_event_that_gave_it)
{
    struct ds_product_view view;
    add_store("berlin-1", 2);
    add_product("berlin-1.milk", "Milk", 119, 3);
    cr_assert(ds_catalogue_product(catalogue, DS_STR("berlin-1.milk"), arena, &view));
    cr_assert_eq(view.info.price_minor, 119);
    cr_assert_eq(view.offset, 3);
    struct ds_catalog_event changed = {.body.kind = DS_CATALOG_EVENT_PRODUCT_CHANGED};
    changed.body.as.product_changed.product = view.info;
    changed.body.as.product_changed.product.price_minor = 129;
    apply(&changed, 7);
    cr_assert(ds_catalogue_product(catalogue, DS_STR("berlin-1.milk"), arena, &view));
    cr_assert_eq(view.info.price_minor, 129);
    cr_assert_eq(view.offset, 7);
    cr_assert_eq(ds_catalogue_commands_through(catalogue, 0), 70);
}

Test(catalogue, removed_products_and_closed_stores_are_known_as_such)
{
    struct ds_product_view product;
    struct ds_store_view store;
    add_store("berlin-1", 2);
    add_product("berlin-1.milk", "Milk", 119, 3);
    struct ds_catalog_event removed = {.body.kind = DS_CATALOG_EVENT_PRODUCT_REMOVED};
    removed.body.as.product_removed.product_id = DS_STR("berlin-1.milk");
    apply(&removed, 4);
    cr_assert(ds_catalogue_product(catalogue, DS_STR("berlin-1.milk"), arena, &product));
    cr_assert(product.removed);
    struct ds_catalog_event closed = {.body.kind = DS_CATALOG_EVENT_STORE_CLOSED};
    closed.body.as.store_closed.store_id = DS_STR("berlin-1");
    apply(&closed, 5);
    cr_assert(ds_catalogue_store(catalogue, DS_STR("berlin-1"), arena, &store));
    cr_assert_not(store.info.open);
    cr_assert_eq(store.touched_offset, 5);
    cr_assert_not(ds_catalogue_store(catalogue, DS_STR("paris-1"), arena, &store));
}

static int64_t wall_us;

static int64_t test_now_us(const ds_clock_t *clock)
{
    (void)clock;
    return wall_us;
}

/* Berlin's Monday, 08:00 to 22:00: in winter 07:00 to 21:00 UTC, in summer 06:00 to 20:00. */
Test(catalogue, a_store_is_open_within_its_hours_by_its_own_clock)
{
    static const ds_clock_t clock = {.now_us = test_now_us};
    struct ds_open_hours hours = {1, 480, 1320};
    struct ds_store_view view;
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_STORE_CHANGED};
    static const struct {
        int64_t at_s;
        enum ds_store_door door;
    } cases[] = {
        {1768806000 - 1, DS_DOOR_CLOSED}, /* Monday 2026-01-19 07:00 UTC */
        {1768806000, DS_DOOR_OPEN},       {1768856400, DS_DOOR_CLOSED}, /* 21:00 UTC */
        {1784527200 - 1, DS_DOOR_CLOSED}, /* Monday 2026-07-20 06:00 UTC */
        {1784527200, DS_DOOR_OPEN},       {1784577600, DS_DOOR_CLOSED}, /* 20:00 UTC */
    };
    runtime.clock = &clock;
    add_store("berlin-1", 2);
    cr_assert(ds_catalogue_store(catalogue, DS_STR("berlin-1"), arena, &view));
    cr_assert_eq(view.door, DS_DOOR_OPEN, "without hours: always");
    event.body.as.store_changed.store = view.info;
    event.body.as.store_changed.store.hours.items = &hours;
    event.body.as.store_changed.store.hours.count = 1;
    apply(&event, 3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wall_us = cases[i].at_s * 1000000;
        cr_assert(ds_catalogue_store(catalogue, DS_STR("berlin-1"), arena, &view));
        cr_expect_eq(view.door, cases[i].door, "case %zu", i);
    }
    event.body.as.store_changed.store.open = false;
    apply(&event, 4);
    wall_us = INT64_C(1768806000) * 1000000;
    cr_assert(ds_catalogue_store(catalogue, DS_STR("berlin-1"), arena, &view));
    cr_expect_eq(view.door, DS_DOOR_CLOSED, "closed is closed, whatever the hour");
    cr_expect_eq(view.info.hours.count, 1);
}

Test(catalogue, it_prices_only_while_it_is_fresh)
{
    cr_assert_not(ds_catalogue_fresh(catalogue, DS_STR("berlin-1"), 1));
    ds_catalogue_caught_up(catalogue, 0, 1, 1000);
    cr_assert(ds_catalogue_fresh(catalogue, DS_STR("berlin-1"), 1000 + 10 * DS_US_PER_S));
    cr_assert_not(ds_catalogue_fresh(catalogue, DS_STR("berlin-1"), 1001 + 10 * DS_US_PER_S));
}

Test(catalogue, it_is_loaded_when_every_partition_was_read)
{
    ds_catalogue_caught_up(catalogue, 0, 2, 1000);
    cr_assert_not(ds_catalogue_loaded(catalogue));
    ds_catalogue_caught_up(catalogue, 1, 2, 1000);
    cr_assert(ds_catalogue_loaded(catalogue));
}

/* --- readers and the writer */

static void *write_once(void *unused)
{
    (void)unused;
    ds_catalogue_caught_up(catalogue, 0, 1, 1000);
    return NULL;
}

/* @return whether a new reader is held back while one is at it. */
static bool reader_is_held_back(void)
{
    if (pthread_rwlock_tryrdlock(&catalogue->lock) != 0)
        return true;
    (void)pthread_rwlock_unlock(&catalogue->lock);
    return false;
}

/* Else lists that overlap keep the writer out for as long as people look at products, nothing is
 * fresh any more, and every order is refused. */
Test(catalogue, a_writer_that_waits_goes_before_new_readers, .timeout = 60)
{
    const struct timespec pause = {0, 1000000};
    pthread_t writer;
    int left = 20000;
    (void)pthread_rwlock_rdlock(&catalogue->lock);
    cr_assert_eq(pthread_create(&writer, NULL, write_once, NULL), 0);
    while (!reader_is_held_back() && --left > 0)
        (void)nanosleep(&pause, NULL);
    (void)pthread_rwlock_unlock(&catalogue->lock);
    (void)pthread_join(writer, NULL);
    cr_expect_gt(left, 0, "readers still come in before it");
    cr_expect(ds_catalogue_fresh(catalogue, DS_STR("berlin-1"), 1000));
}

/* --- what cannot be taken */

static struct ds_catalog_event priced(const char *product_id, int64_t price_minor)
{
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_PRODUCT_CHANGED};
    event.body.as.product_changed.product =
        (struct ds_product_info){.product_id = ds_str(product_id),
                                 .name = DS_STR("Milk"),
                                 .category = DS_STR("c"),
                                 .unit = DS_STR("u"),
                                 .price_minor = price_minor,
                                 .max_quantity = 9};
    return event;
}

/* Two partitions, berlin-1 in one of them; a batch has a record of the other one first, and then a
 * new price in berlin-1. */
static void take_before_a_price(struct ds_read_record first)
{
    struct ds_catalog_event changed = priced("berlin-1.milk", 129);
    int32_t berlin = ds_partition_of(DS_STR("berlin-1"), 2);
    first.partition = 1 - berlin;
    const struct ds_read_record records[] = {
        first, {.partition = berlin, .place.offset = 8, .event = &changed}};
    const struct ds_read_batch batch = {records, 2};
    add_store("berlin-1", 2);
    add_product("berlin-1.milk", "Milk", 119, 3);
    ds_catalogue_caught_up(catalogue, 1 - berlin, 2, 1000);
    ds_catalogue_take(catalogue, &batch);
    ds_catalogue_caught_up(catalogue, 0, 2, 2000);
    ds_catalogue_caught_up(catalogue, 1, 2, 2000);
}

/* A store of the partition that berlin-1 is not in. */
static const char *elsewhere(void)
{
    static char id[16];
    int32_t berlin = ds_partition_of(DS_STR("berlin-1"), 2);
    int n = 0;
    do
        (void)snprintf(id, sizeof id, "rome-%d", ++n);
    while (ds_partition_of(ds_str(id), 2) == berlin);
    return id;
}

static void only_elsewhere_prices_no_more(void)
{
    struct ds_product_view view;
    cr_assert(ds_catalogue_product(catalogue, DS_STR("berlin-1.milk"), arena, &view));
    cr_expect_eq(view.info.price_minor, 129, "the rest of the batch is lost");
    cr_expect(ds_catalogue_fresh(catalogue, DS_STR("berlin-1"), 2000));
    cr_expect_not(ds_catalogue_fresh(catalogue, ds_str(elsewhere()), 2000));
    cr_expect(ds_catalogue_loaded(catalogue), "it was read, and the others' orders are taken");
}

Test(catalogue, an_event_that_finds_no_room_costs_its_own_partition_the_prices_and_nobody_else)
{
    struct ds_catalog_event opened = {.body.kind = DS_CATALOG_EVENT_STORE_OPENED};
    opened.body.as.store_opened.store =
        (struct ds_store_info){.store_id = ds_str(elsewhere()), .name = DS_STR("A store")};
    ds_map_destroy(catalogue->stores, NULL);
    catalogue->stores = ds_map_new(1);
    take_before_a_price((struct ds_read_record){.place.offset = 4, .event = &opened});
    only_elsewhere_prices_no_more();
}

Test(catalogue, an_event_that_nobody_here_can_read_costs_its_own_partition_the_prices)
{
    struct ds_catalog_event head = {0};
    take_before_a_price(
        (struct ds_read_record){.place.offset = 4, .undecodable = true, .event = &head});
    only_elsewhere_prices_no_more();
}

Test(catalogue, it_has_room_for_what_the_processor_accepts)
{
    cr_expect_geq(DS_CATALOGUE_MAX_STORES, DS_MAX_PARTITION_STORES);
    cr_expect_geq(DS_CATALOGUE_MAX_PRODUCTS, DS_MAX_PARTITION_PRODUCTS);
}

static void walk(enum ds_product_sort sort, char order[64])
{
    struct ds_product_query query = {.store = DS_STR("berlin-1"), .sort = sort, .limit = 2};
    size_t at = 0;
    bool more = true;
    while (more) {
        struct ds_product_view *products;
        size_t count;
        int64_t version;
        ds_error_t error = DS_ERROR_INIT;
        char price[32];
        cr_assert(ds_catalogue_list(catalogue, &query, arena, &products, &count, &more, &version,
                                    &error));
        for (size_t i = 0; i < count; i++)
            order[at++] = products[i].info.product_id.data[9];
        if (count == 0)
            break;
        (void)snprintf(price, sizeof price, "%lld",
                       (long long)products[count - 1].info.price_minor);
        query.has_after = true;
        query.after_id = products[count - 1].info.product_id;
        cr_assert(ds_arena_dup(arena,
                               sort == DS_SORT_NAME ? products[count - 1].info.name : ds_str(price),
                               &query.after_key, &error));
    }
    order[at] = '\0';
}

Test(catalogue, pages_are_in_order_and_complete)
{
    char order[64];
    add_store("berlin-1", 2);
    add_product("berlin-1.a", "Delta", 3, 3);
    add_product("berlin-1.b", "Alpha", 2, 4);
    add_product("berlin-1.c", "Charlie", 2, 5);
    add_product("berlin-1.d", "Bravo", 1, 6);
    add_product("berlin-1.e", "Alpha", 9, 7);
    walk(DS_SORT_NAME, order);
    cr_assert_str_eq(order, "bedca");
    walk(DS_SORT_PRICE_UP, order);
    cr_assert_str_eq(order, "dbcae");
    walk(DS_SORT_PRICE_DOWN, order);
    cr_assert_str_eq(order, "eabcd");
}

/* --- products of all stores */

enum { KINDS = 60 };

static struct ds_product_info kinds[KINDS];
static bool gone[KINDS];

/* @return whether a is listed before b. */
static bool is_before(enum ds_product_sort sort, const struct ds_product_info *a,
                      const struct ds_product_info *b)
{
    int64_t order = sort == DS_SORT_NAME       ? ds_str_cmp(a->name, b->name)
                    : sort == DS_SORT_PRICE_UP ? a->price_minor - b->price_minor
                                               : b->price_minor - a->price_minor;
    return order != 0 ? order < 0 : ds_str_cmp(a->product_id, b->product_id) < 0;
}

/* The next one behind `last` (-1: none yet), by looking at all. */
static int next_kind(enum ds_product_sort sort, ds_str_t category, int last)
{
    int best = -1;
    for (int i = 0; i < KINDS; i++)
        if (!gone[i] && (category.len == 0 || ds_str_eq(category, kinds[i].category)) &&
            (last < 0 || is_before(sort, &kinds[last], &kinds[i])) &&
            (best < 0 || is_before(sort, &kinds[i], &kinds[best])))
            best = i;
    return best;
}

static void expect_pages(enum ds_product_sort sort, ds_str_t category, size_t limit)
{
    struct ds_product_query query = {.category = category, .sort = sort, .limit = limit};
    int last = -1;
    bool more = true;
    ds_arena_t *pages = ds_arena_new(4096, 1024 * 1024);
    while (more) {
        struct ds_product_view *products;
        size_t count;
        int64_t version;
        ds_error_t error = DS_ERROR_INIT;
        char price[32];
        cr_assert(ds_catalogue_list(catalogue, &query, pages, &products, &count, &more, &version,
                                    &error));
        for (size_t i = 0; i < count; i++) {
            last = next_kind(sort, category, last);
            cr_assert_geq(last, 0);
            cr_assert(ds_str_eq(products[i].info.product_id, kinds[last].product_id),
                      "sort %d: %.*s", (int)sort, DS_STR_ARG(products[i].info.product_id));
        }
        if (count == 0)
            break;
        (void)snprintf(price, sizeof price, "%lld", (long long)kinds[last].price_minor);
        query.has_after = true;
        query.after_id = kinds[last].product_id;
        cr_assert(ds_arena_dup(pages, sort == DS_SORT_NAME ? kinds[last].name : ds_str(price),
                               &query.after_key, &error));
    }
    ds_arena_destroy(pages);
    cr_expect_eq(next_kind(sort, category, last), -1, "some are missing");
}

static void expect_all_pages(void)
{
    const ds_str_t categories[] = {{0}, DS_STR("c0"), DS_STR("c1"), DS_STR("c2"), DS_STR("none")};
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        for (size_t limit = 1; limit <= 64; limit = limit * 3 + 1) {
            expect_pages(DS_SORT_NAME, categories[i], limit);
            expect_pages(DS_SORT_PRICE_UP, categories[i], limit);
            expect_pages(DS_SORT_PRICE_DOWN, categories[i], limit);
        }
}

static void set_kind(int i, int round)
{
    static char ids[KINDS][16];
    static char names[KINDS][16];
    static char categories[KINDS][4];
    (void)snprintf(ids[i], sizeof ids[i], "%s.k%d", i % 2 ? "berlin-1" : "rome-1", i);
    (void)snprintf(names[i], sizeof names[i], "Name %d", (i * 7 + round) % 20);
    (void)snprintf(categories[i], sizeof categories[i], "c%d", (i + round) % 3);
    kinds[i] = (struct ds_product_info){.product_id = ds_str(ids[i]),
                                        .name = ds_str(names[i]),
                                        .category = ds_str(categories[i]),
                                        .unit = DS_STR("u"),
                                        .price_minor = (i * 11 + round * 5) % 17,
                                        .max_quantity = 9};
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_PRODUCT_CHANGED};
    event.body.as.product_changed.product = kinds[i];
    apply(&event, 100 + i + KINDS * round);
    gone[i] = false;
}

static void remove_kind(int i)
{
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_PRODUCT_REMOVED};
    event.body.as.product_removed.product_id = kinds[i].product_id;
    apply(&event, 900 + i);
    gone[i] = true;
}

Test(catalogue, lists_of_all_stores_follow_every_change)
{
    add_store("berlin-1", 2);
    add_store("rome-1", 3);
    for (int i = 0; i < KINDS; i++)
        set_kind(i, 0);
    expect_all_pages();
    for (int i = 0; i < KINDS; i += 2)
        set_kind(i, 1);
    for (int i = 0; i < KINDS; i += 5)
        remove_kind(i);
    expect_all_pages();
    for (int i = 0; i < KINDS; i += 10)
        set_kind(i, 2);
    expect_all_pages();
}

Test(catalogue, products_of_a_store_that_nobody_opened_are_not_listed)
{
    struct ds_product_query query = {.limit = 1};
    struct ds_product_view *products;
    size_t count;
    bool more;
    int64_t version;
    ds_error_t error = DS_ERROR_INIT;
    add_store("rome-1", 2);
    add_product("berlin-1.a", "Alpha", 1, 3);
    add_product("rome-1.b", "Bravo", 2, 4);
    cr_assert(
        ds_catalogue_list(catalogue, &query, arena, &products, &count, &more, &version, &error));
    cr_assert_eq(count, 1);
    cr_expect(ds_str_eq(products[0].info.product_id, DS_STR("rome-1.b")));
    cr_expect_not(more);
    add_store("berlin-1", 5);
    cr_assert(
        ds_catalogue_list(catalogue, &query, arena, &products, &count, &more, &version, &error));
    cr_expect(ds_str_eq(products[0].info.product_id, DS_STR("berlin-1.a")));
    cr_expect(more);
}

/* --- stores */

static void add_wide_store(const char *id, int64_t offset)
{
    static struct ds_place corners[100];
    struct ds_catalog_event event = {.body.kind = DS_CATALOG_EVENT_STORE_OPENED};
    event.body.as.store_opened.store = (struct ds_store_info){.store_id = ds_str(id),
                                                              .name = DS_STR("A store"),
                                                              .currency = DS_STR("EUR"),
                                                              .time_zone = DS_STR("UTC"),
                                                              .delivery_area = {corners, 100},
                                                              .open = true};
    apply(&event, offset);
}

Test(catalogue, a_page_of_stores_costs_the_memory_of_a_page)
{
    enum { STORES = 2000 };
    struct ds_store_view *stores;
    size_t count;
    bool more;
    char id[24];
    ds_error_t error = DS_ERROR_INIT;
    for (int i = 0; i < STORES; i++) {
        (void)snprintf(id, sizeof id, "store-%04d", (i * 7919) % STORES);
        add_wide_store(id, i);
    }
    cr_assert(ds_catalogue_stores(catalogue, DS_STR("store-1994"), 4, arena, &stores, &count, &more,
                                  &error),
              "%s", error.message);
    cr_assert_eq(count, 4);
    cr_expect(more);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(id, sizeof id, "store-%04zu", 1995 + i);
        cr_expect(ds_str_eq(stores[i].info.store_id, ds_str(id)));
    }
    cr_assert(ds_catalogue_stores(catalogue, stores[3].info.store_id, 4, arena, &stores, &count,
                                  &more, &error));
    cr_expect_eq(count, 1);
    cr_expect_not(more);
}
