/* I6 in MongoDB: sums over the analytics documents of one partition. */
#include "cli/audit/folds.h"
#include "cli/audit/read_models.h"

#include <inttypes.h>
#include <mongoc/mongoc.h>
#include <poll.h>
#include <stdlib.h>

#define TIMEOUT_MS 10000
#define PAUSE_MS   200

struct ds_audit_mongo {
    const struct ds_runtime *runtime;
    mongoc_client_t *client;
    char *database;
    int64_t deadline_us;
    int64_t patience_us;
};

/* The counters that are summed up. */
enum sum {
    CREATED,
    AWAITING,
    CONFIRMED,
    PICKED_UP,
    FULFILLED,
    CANCELLED,
    REFUSED,
    FUNNEL, /* how many of these */
    PLACED_ORDERS = FUNNEL,
    PLACED_MINOR,
    CONFIRMED_ORDERS,
    CONFIRMED_MINOR,
    FULFILLED_ORDERS,
    FULFILLED_MINOR,
    CANCELLED_ORDERS,
    CANCELLED_MINOR,
    SUMS,
};

static const char *const names[SUMS] = {
    "created",         "awaiting_payment", "confirmed",       "picked_up",
    "fulfilled",       "cancelled",        "refused",         "placed_orders",
    "placed_minor",    "confirmed_orders", "confirmed_minor", "fulfilled_orders",
    "fulfilled_minor", "cancelled_orders", "cancelled_minor",
};

bool ds_audit_mongo_new(const struct ds_runtime *runtime, const char *url, int64_t patience_us,
                        ds_audit_mongo_t **mongo_out, ds_error_t *error)
{
    bson_error_t why;
    ds_audit_mongo_t *mongo = calloc(1, sizeof *mongo);
    mongoc_uri_t *uri;
    const char *name;

    *mongo_out = NULL;
    if (mongo == NULL)
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_MEMORY, "no memory for a connection");
    mongo->runtime = runtime;
    mongo->patience_us = patience_us;
    mongoc_init();
    uri = mongoc_uri_new_with_error(url, &why);
    if (uri == NULL) {
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID, "MONGODB_URL: %s", why.message);
        goto out;
    }
    (void)mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, TIMEOUT_MS);
    (void)mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, TIMEOUT_MS);
    name = mongoc_uri_get_database(uri);
    mongo->database = ds_str_dup(ds_str(name == NULL || *name == '\0' ? "doorstep" : name));
    mongo->client = mongoc_client_new_from_uri_with_error(uri, &why);
    if (mongo->client == NULL || mongo->database == NULL) {
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID, "MONGODB_URL: no client");
        goto out;
    }
    mongoc_uri_destroy(uri);
    *mongo_out = mongo;
    return true;
out:
    mongoc_uri_destroy(uri);
    ds_audit_mongo_destroy(mongo);
    return false;
}

void ds_audit_mongo_destroy(ds_audit_mongo_t *mongo)
{
    if (mongo == NULL)
        return;
    mongoc_client_destroy(mongo->client);
    free(mongo->database);
    free(mongo);
}

/* ---- reading */

static void add(const bson_t *document, enum sum from, enum sum to, int64_t *sums)
{
    bson_iter_t at;
    for (enum sum s = from; s < to; s++)
        if (bson_iter_init_find(&at, document, names[s]))
            sums[s] += bson_iter_as_int64(&at);
}

/* @param each  called with every document of the partition. */
static bool walk(const ds_audit_mongo_t *mongo, const char *collection, int32_t partition,
                 enum sum from, enum sum to, int64_t *sums, int64_t *pos_out, ds_error_t *error)
{
    mongoc_collection_t *c =
        mongoc_client_get_collection(mongo->client, mongo->database, collection);
    bson_t *filter =
        BCON_NEW("_id.topic", BCON_UTF8("order.events"), "_id.partition", BCON_INT32(partition));
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, filter, NULL, NULL);
    const bson_t *document;
    bson_error_t why;
    bson_iter_t at;

    while (mongoc_cursor_next(cursor, &document)) {
        add(document, from, to, sums);
        if (pos_out != NULL && bson_iter_init_find(&at, document, "pos"))
            *pos_out = bson_iter_as_int64(&at);
    }
    bool failed = mongoc_cursor_error(cursor, &why);
    if (failed)
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_UNAVAILABLE, "MongoDB: %s: %s", collection,
                     why.message);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    mongoc_collection_destroy(c);
    return !failed;
}

static bool load(const ds_audit_mongo_t *mongo, int32_t partition, int64_t *sums, int64_t *pos_out,
                 ds_error_t *error)
{
    *pos_out = -1;
    for (enum sum s = 0; s < SUMS; s++)
        sums[s] = 0;
    return walk(mongo, "positions", partition, 0, 0, sums, pos_out, error) &&
           walk(mongo, "order_funnel", partition, 0, FUNNEL, sums, NULL, error) &&
           walk(mongo, "sales_by_store", partition, FUNNEL, SUMS, sums, NULL, error);
}

/* ---- judging */

static void count_order(const struct ds_audit_order *order, int64_t *sums)
{
    bool over = order->order.ended >= 0;
    if (order->order.state == DS_AUDIT_O_REFUSED)
        sums[REFUSED]++;
    if (order->order.created < 0)
        return;
    sums[CREATED]++;
    sums[PLACED_ORDERS]++;
    sums[PLACED_MINOR] += order->order.placed_minor;
    sums[AWAITING] += order->order.requested >= 0;
    sums[PICKED_UP] += order->order.picked_up >= 0;
    if (order->order.confirmed >= 0) {
        sums[CONFIRMED]++;
        sums[CONFIRMED_ORDERS]++;
        sums[CONFIRMED_MINOR] += order->order.confirmed_minor;
    }
    if (over && order->order.state == DS_AUDIT_O_FULFILLED) {
        sums[FULFILLED]++;
        sums[FULFILLED_ORDERS]++;
        sums[FULFILLED_MINOR] += order->order.total_minor;
    } else if (over) {
        sums[CANCELLED]++;
        sums[CANCELLED_ORDERS]++;
        sums[CANCELLED_MINOR] += ds_audit_total_now(order);
    }
}

/* @return false: an order was placed twice under one id, which the sums cannot tell. */
static bool fold(const struct ds_audit_part *part, int64_t *sums)
{
    ds_str_t id;
    void *value;
    size_t cursor = 0;

    for (enum sum s = 0; s < SUMS; s++)
        sums[s] = 0;
    while (ds_map_next(part->orders, &cursor, &id, &value)) {
        if (((const struct ds_audit_order *)value)->reborn)
            return false;
        count_order(value, sums);
    }
    return true;
}

static bool may_wait(ds_audit_mongo_t *mongo)
{
    int64_t now_us = ds_monotonic_us(mongo->runtime->clock);
    if (mongo->deadline_us == 0)
        mongo->deadline_us = now_us + mongo->patience_us;
    if (now_us >= mongo->deadline_us || ds_stopping(mongo->runtime))
        return false;
    (void)poll(NULL, 0, PAUSE_MS);
    return true;
}

bool ds_audit_mongo_judge(ds_audit_mongo_t *mongo, const struct ds_audit_part *part,
                          ds_error_t *error)
{
    const struct ds_audit_stream *stream = &part->streams[DS_AUDIT_ORDER];
    int64_t shown[SUMS];
    int64_t folded[SUMS];
    int64_t position;

    if (stream->stopped || stream->last_event < 0 || !fold(part, folded))
        return true;
    do {
        if (!load(mongo, part->partition, shown, &position, error))
            return false;
    } while (ds_audit_reach(stream, position) == DS_AUDIT_BEHIND && may_wait(mongo));
    if (ds_audit_reach(stream, position) != DS_AUDIT_EQUAL) {
        ds_audit_note(part->report,
                      "MongoDB is %s in order.events/%" PRId32 ": at %" PRId64 ", not compared",
                      position < stream->last_event ? "behind" : "ahead", part->partition,
                      position);
        return true;
    }
    part->report->checked[DS_AUDIT_ROWS] += SUMS;
    for (enum sum s = 0; s < SUMS; s++)
        if (shown[s] != folded[s])
            ds_audit_found(part->report, "I6", ds_audit_where(part, DS_AUDIT_ORDER, -1, DS_STR("")),
                           "MongoDB %s: %s is %" PRId64 ", the fold gives %" PRId64,
                           s < FUNNEL ? "order_funnel" : "sales_by_store", names[s], shown[s],
                           folded[s]);
    return true;
}

bool ds_audit_mongo_position(ds_audit_mongo_t *mongo, int32_t partition, int64_t *position_out,
                             ds_error_t *error)
{
    int64_t none[SUMS];
    *position_out = -1;
    return walk(mongo, "positions", partition, 0, 0, none, position_out, error);
}
