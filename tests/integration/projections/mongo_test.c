/* The analytics documents on a real server. No Kafka: the batches are made here. */
#include "projections/mongo/worker.h"
#include "tests/unit/projections/kit.h"

#include <criterion/criterion.h>
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PARTITION 3
#define ORDER_2   "berlin-1.01KBBBBBBBBBBBBBBBBBBBBBBB"

static ds_mongo_t *mongo;
static mongoc_client_t *client; /* a second one, to look */
static char database[64];
static struct ds_tallies tallies;
static ds_error_t error;
static struct ds_order_event events[8];
static struct ds_read_record records[8];
static size_t count;

/* The URL of the environment with another database. */
static void make_url(const char *from, char *to, size_t to_bytes)
{
    const char *host = strstr(from, "://");
    const char *slash = host == NULL ? NULL : strchr(host + 3, '/');
    const char *query = strchr(from, '?');
    cr_assert_not_null(slash, "MONGODB_URL has no database: %s", from);
    int n = snprintf(to, to_bytes, "%.*s/%s%s", (int)(slash - from), from, database,
                     query == NULL ? "" : query);
    cr_assert(n > 0 && (size_t)n < to_bytes);
}

static void setup(void)
{
    char url[512];
    const char *from = getenv("MONGODB_URL");
    cr_assert_not_null(from, "MONGODB_URL is not set: eval \"$(dev/stack env --profile test)\"");
    mongoc_init();
    mongoc_log_set_handler(NULL, NULL);
    error = (ds_error_t)DS_ERROR_INIT;
    (void)snprintf(database, sizeof database, "projections_%d", (int)getpid());
    make_url(from, url, sizeof url);
    cr_assert(ds_mongo_new(url, 30000, &mongo, &error), "%s", error.message);
    cr_assert(ds_mongo_ping(mongo, &error), "no MongoDB for the test: %s", error.message);
    client = mongoc_client_new(url);
    cr_assert(ds_tallies_init(&tallies, &error));
    count = 0;
}

static void teardown(void)
{
    mongoc_database_t *db = mongoc_client_get_database(client, database);
    (void)mongoc_database_drop(db, NULL);
    mongoc_database_destroy(db);
    mongoc_client_destroy(client);
    ds_mongo_destroy(mongo);
    ds_tallies_cleanup(&tallies);
    mongoc_cleanup();
}

TestSuite(mongo, .init = setup, .fini = teardown, .timeout = 120);

static void add(int64_t offset, struct ds_order_event event)
{
    events[count] = event;
    records[count] = (struct ds_read_record){.partition = PARTITION,
                                             .place = {offset, 1, offset},
                                             .last = true,
                                             .event = &events[count]};
    count++;
}

static void apply(void)
{
    cr_assert(ds_mongo_apply(mongo, &tallies, records, count, &error), "%s", error.message);
}

/* The sum of a field over a collection, as a reader makes it across partitions. */
static int64_t sum(const char *collection, const char *field)
{
    mongoc_collection_t *c = mongoc_client_get_collection(client, database, collection);
    bson_t all = BSON_INITIALIZER;
    const bson_t *document = NULL;
    int64_t total = 0;
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, &all, NULL, NULL);
    while (mongoc_cursor_next(cursor, &document)) {
        bson_iter_t iter;
        if (bson_iter_init_find(&iter, document, field))
            total += bson_iter_as_int64(&iter);
    }
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(c);
    bson_destroy(&all);
    return total;
}

static void delete_all(const char *collection)
{
    mongoc_collection_t *c = mongoc_client_get_collection(client, database, collection);
    bson_t all = BSON_INITIALIZER;
    cr_assert(mongoc_collection_delete_many(c, &all, NULL, NULL, NULL));
    bson_destroy(&all);
    mongoc_collection_destroy(c);
}

static void place_and_confirm(void)
{
    add(0, ds_kit_created(KIT_ORDER));
    add(1, ds_kit_confirmed(KIT_ORDER));
}

Test(mongo, orders_are_counted_across_batches)
{
    place_and_confirm();
    apply();
    count = 0;
    add(2, ds_kit_created(ORDER_2));
    add(3, ds_kit_cancelled(ORDER_2, DS_CANCEL_REASON_BY_CUSTOMER));
    add(4, ds_kit_fulfilled(KIT_ORDER, 600));
    apply();
    cr_assert_eq(sum("sales_by_hour", "placed_orders"), 2);
    cr_assert_eq(sum("sales_by_store", "placed_minor"), 1200);
    cr_assert_eq(sum("sales_by_store", "fulfilled_minor"), 600);
    cr_assert_eq(sum("sales_by_product", "fulfilled_quantity"), 3, "lines of an earlier batch");
    cr_assert_eq(sum("order_funnel", "cancelled"), 1);
    cr_assert_eq(sum("cancel_reasons", "orders"), 1);
    cr_assert_eq(sum("order_facts", "pos"), 4 + 3);
}

Test(mongo, a_batch_applied_twice_changes_nothing)
{
    place_and_confirm();
    apply();
    apply();
    cr_assert_eq(sum("sales_by_hour", "placed_orders"), 1);
    cr_assert_eq(sum("sales_by_hour", "confirmed_minor"), 600);
    cr_assert_eq(sum("sales_by_product", "placed_quantity"), 3);
}

Test(mongo, a_batch_cut_off_before_its_facts_is_made_whole)
{
    place_and_confirm();
    apply();
    delete_all("order_facts");  /* as if the worker had died before writing them ... */
    delete_all("order_funnel"); /* ... and before one of the collections */
    add(2, ds_kit_fulfilled(KIT_ORDER, 600));
    apply();
    cr_assert_eq(sum("sales_by_hour", "placed_orders"), 1);
    cr_assert_eq(sum("sales_by_hour", "fulfilled_orders"), 1);
    cr_assert_eq(sum("order_funnel", "created"), 1);
    cr_assert_eq(sum("order_funnel", "fulfilled"), 1);
    cr_assert_eq(sum("order_facts", "pos"), 2);
}

Test(mongo, an_older_worker_does_not_set_newer_documents_back)
{
    place_and_confirm();
    add(2, ds_kit_fulfilled(KIT_ORDER, 600));
    apply();
    count = 2; /* one that is behind writes what it has */
    apply();
    cr_assert_eq(sum("sales_by_hour", "fulfilled_orders"), 1);
    cr_assert_eq(sum("order_facts", "pos"), 2);
}

Test(mongo, a_position_only_goes_forward)
{
    struct ds_mongo_position at = {.place = {7, 2, 3}, .event_time_us = KIT_TIME};
    struct ds_mongo_position read;
    bool newer = true;
    (void)snprintf(at.log_id, sizeof at.log_id, "NONCE");
    cr_assert(ds_mongo_load_position(mongo, PARTITION, &read, &error), "%s", error.message);
    cr_assert_eq(read.place.offset, -1);
    cr_assert(ds_mongo_write_position(mongo, PARTITION, &at, KIT_TIME, &newer, &error), "%s",
              error.message);
    cr_assert_not(newer);
    at.place.offset = 5;
    cr_assert(ds_mongo_write_position(mongo, PARTITION, &at, KIT_TIME, &newer, &error), "%s",
              error.message);
    cr_assert(newer, "another worker is further on");
    cr_assert(ds_mongo_load_position(mongo, PARTITION, &read, &error), "%s", error.message);
    cr_assert_eq(read.place.offset, 7);
    cr_assert_eq(read.place.epoch, 2);
    cr_assert_str_eq(read.log_id, "NONCE");
}

/* What a lagging secondary answers would be added to, and written over what is newer. */
Test(mongo, a_read_preference_of_the_url_is_not_ours)
{
    char url[512];
    char with_preference[600];
    make_url(getenv("MONGODB_URL"), url, sizeof url);
    (void)snprintf(with_preference, sizeof with_preference, "%s%sreadPreference=secondary", url,
                   strchr(url, '?') == NULL ? "?" : "&");
    ds_mongo_destroy(mongo);
    mongo = NULL;
    cr_assert(ds_mongo_new(with_preference, 30000, &mongo, &error), "%s", error.message);
    place_and_confirm();
    apply(); /* no secondary is there to be asked */
    cr_assert_eq(sum("sales_by_hour", "placed_orders"), 1);
}

Test(mongo, a_password_is_in_no_error)
{
    ds_mongo_t *broken = NULL;
    cr_assert_not(ds_mongo_new("mongodb://shop:s%cret@db/doorstep", 300, &broken, &error));
    cr_assert_eq(error.code, DS_ERR_INVALID);
    cr_assert_null(strstr(error.message, "cret"), "%s", error.message);
    error = (ds_error_t)DS_ERROR_INIT;
    cr_assert_not(ds_mongo_new("mongodb://shop:secret@db:p/doorstep", 300, &broken, &error));
    cr_assert_null(strstr(error.message, "cret"), "%s", error.message);
}

Test(mongo, a_server_that_is_away_is_an_ordinary_error)
{
    ds_mongo_t *away = NULL;
    cr_assert(ds_mongo_new("mongodb://127.0.0.1:9/doorstep", 300, &away, &error));
    cr_assert_not(ds_mongo_ping(away, &error));
    cr_assert_eq(error.code, DS_ERR_UNAVAILABLE);
    cr_assert(error.retriable);
    ds_mongo_destroy(away);
}
