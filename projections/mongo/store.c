#include "projections/mongo/store.h"

#include "projections/mongo/documents.h"

#include <assert.h>
#include <mongoc/mongoc.h>
#include <stdlib.h>

#define DUPLICATE_KEY 11000
#define FACTS         "order_facts"
#define POSITIONS     "positions"

struct ds_mongo {
    mongoc_uri_t *uri;
    mongoc_client_t *client;
    mongoc_database_t *database;
};

static bool fail(ds_error_t *error, const char *what, const bson_error_t *cause)
{
    /* Whatever the server says may pass: it is asked again, and the worker reports itself not ready
     * meanwhile. */
    return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_UNAVAILABLE, "MongoDB: %s: %u.%u %s", what,
                        cause->domain, cause->code, cause->message);
}

/* Whoever wrote a timeout into the URL knows better. */
static void default_timeout(mongoc_uri_t *uri, const char *option, int32_t timeout_ms)
{
    if (!mongoc_uri_has_option(uri, option))
        (void)mongoc_uri_set_option_as_int32(uri, option, timeout_ms);
}

static bool open_client(ds_mongo_t *mongo, const char *url, int timeout_ms, ds_error_t *error)
{
    bson_error_t cause = {0};
    mongo->uri = mongoc_uri_new_with_error(url, &cause);
    if (mongo->uri == NULL) /* the library would quote the part it stumbled over: a password */
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID,
                            "MONGODB_URL is no URL of MongoDB (user and password must be "
                            "percent-encoded)");
    default_timeout(mongo->uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, timeout_ms);
    default_timeout(mongo->uri, MONGOC_URI_CONNECTTIMEOUTMS, timeout_ms);
    default_timeout(mongo->uri, MONGOC_URI_SOCKETTIMEOUTMS, timeout_ms);
    mongo->client = mongoc_client_new_from_uri_with_error(mongo->uri, &cause);
    if (mongo->client == NULL)
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID, "MONGODB_URL: %s",
                            cause.message);
    return true;
}

/* Documents are read to be written again: what a lagging secondary holds would be written over what
 * is newer. So here the URL's options do not count. */
static void set_concerns(ds_mongo_t *mongo, int timeout_ms)
{
    mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
    mongoc_write_concern_t *write = mongoc_write_concern_new();
    mongoc_read_concern_t *read = mongoc_read_concern_new();
    mongoc_write_concern_set_wmajority(write, timeout_ms);
    mongoc_write_concern_set_journal(write, true);
    (void)mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
    mongoc_client_set_write_concern(mongo->client, write); /* copied, as the next one */
    mongoc_client_set_read_concern(mongo->client, read);
    mongoc_client_set_read_prefs(mongo->client, primary);
    mongoc_read_prefs_destroy(primary);
    mongoc_write_concern_destroy(write);
    mongoc_read_concern_destroy(read);
}

bool ds_mongo_new(const char *url, int timeout_ms, ds_mongo_t **mongo_out, ds_error_t *error)
{
    ds_mongo_t *mongo = calloc(1, sizeof *mongo);
    *mongo_out = NULL;
    if (mongo == NULL)
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_MEMORY, "no memory for a connection");
    if (!open_client(mongo, url, timeout_ms, error)) {
        ds_mongo_destroy(mongo);
        return false;
    }
    (void)mongoc_client_set_error_api(mongo->client, MONGOC_ERROR_API_VERSION_2);
    (void)mongoc_client_set_appname(mongo->client, "doorstep-project-mongo");
    set_concerns(mongo, timeout_ms);
    const char *name = mongoc_uri_get_database(mongo->uri);
    mongo->database = mongoc_client_get_database(mongo->client,
                                                 name == NULL || *name == '\0' ? "doorstep" : name);
    *mongo_out = mongo;
    return true;
}

void ds_mongo_destroy(ds_mongo_t *mongo)
{
    if (mongo == NULL)
        return;
    mongoc_database_destroy(mongo->database); /* NULL is fine, as for the others */
    mongoc_client_destroy(mongo->client);
    mongoc_uri_destroy(mongo->uri);
    free(mongo);
}

bool ds_mongo_ping(ds_mongo_t *mongo, ds_error_t *error)
{
    bson_error_t cause = {0};
    bson_t command = BSON_INITIALIZER;
    bool ok = BSON_APPEND_INT32(&command, "ping", 1) &&
              mongoc_database_command_simple(mongo->database, &command, NULL, NULL, &cause);
    bson_destroy(&command);
    return ok || fail(error, "ping", &cause);
}

/* ---- loading ---- */

typedef bool (*take_fn)(void *context, const bson_t *document, ds_error_t *error);

static bool find(ds_mongo_t *mongo, const char *collection_name, const bson_t *filter, take_fn take,
                 void *context, ds_error_t *error)
{
    bson_error_t cause = {0};
    const bson_t *document = NULL;
    bool ok = true;
    mongoc_collection_t *collection =
        mongoc_database_get_collection(mongo->database, collection_name);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, filter, NULL, NULL);
    while (ok && mongoc_cursor_next(cursor, &document))
        ok = take(context, document, error);
    if (ok && mongoc_cursor_error(cursor, &cause))
        ok = fail(error, collection_name, &cause);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(collection);
    return ok;
}

/* {_id: {$in: [...]}} is put together an id at a time and closed at the end. */
struct in_list {
    bson_t filter;
    bson_t by_id;
    bson_t ids;
    uint32_t count;
};

static void begin_in(struct in_list *in)
{
    *in = (struct in_list){0};
    bson_init(&in->filter);
    BSON_APPEND_DOCUMENT_BEGIN(&in->filter, "_id", &in->by_id);
    BSON_APPEND_ARRAY_BEGIN(&in->by_id, "$in", &in->ids);
}

static bool add_in(struct in_list *in, const bson_t *id)
{
    char buffer[16];
    const char *key = NULL;
    size_t len = bson_uint32_to_string(in->count++, &key, buffer, sizeof buffer);
    return bson_append_document(&in->ids, key, (int)len, id);
}

static void end_in(struct in_list *in)
{
    bson_append_array_end(&in->by_id, &in->ids);
    bson_append_document_end(&in->filter, &in->by_id);
}

/* A filter with many thousands of ids would pass the document limit of 16 MiB. */
#define IDS_A_QUESTION 5000

static bool take_fact(void *context, const bson_t *document, ds_error_t *error)
{
    return ds_document_read_fact(context, document, error);
}

static bool take_tally(void *context, const bson_t *document, ds_error_t *error)
{
    return ds_document_read_tally(context, document, error);
}

static bool ask(ds_mongo_t *mongo, const char *collection, struct in_list *in, take_fn take,
                struct ds_tallies *t, ds_error_t *error)
{
    end_in(in);
    bool ok = in->count == 0 || find(mongo, collection, &in->filter, take, t, error);
    bson_destroy(&in->filter);
    return ok;
}

bool ds_mongo_load_facts(ds_mongo_t *mongo, struct ds_tallies *t, ds_error_t *error)
{
    struct in_list in;
    size_t cursor = 0;
    ds_str_t key;
    void *value = NULL;
    bool ok = true;
    begin_in(&in);
    while (ok && ds_map_next(t->facts, &cursor, &key, &value)) {
        bson_t id = BSON_INITIALIZER;
        ok = ds_document_fact_id(value, &id) && add_in(&in, &id);
        bson_destroy(&id);
        if (ok && in.count == IDS_A_QUESTION) {
            ok = ask(mongo, FACTS, &in, take_fact, t, error);
            begin_in(&in);
        }
    }
    if (!ok)
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_LIMIT, "asking for facts");
    return ask(mongo, FACTS, &in, take_fact, t, error) && ok;
}

static bool load_kind(ds_mongo_t *mongo, struct ds_tallies *t, enum ds_tally_kind kind,
                      ds_error_t *error)
{
    const char *collection = ds_tally_shapes[kind].collection;
    struct in_list in;
    size_t cursor = 0;
    ds_str_t key;
    void *value = NULL;
    bool ok = true;
    begin_in(&in);
    while (ok && ds_map_next(t->tallies, &cursor, &key, &value)) {
        const struct ds_tally *tally = value;
        bson_t id = BSON_INITIALIZER;
        ok = tally->kind != kind || (ds_document_tally_id(tally, &id) && add_in(&in, &id));
        bson_destroy(&id);
        if (ok && in.count == IDS_A_QUESTION) {
            ok = ask(mongo, collection, &in, take_tally, t, error);
            begin_in(&in);
        }
    }
    if (!ok)
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_LIMIT, "asking for %s", collection);
    return ask(mongo, collection, &in, take_tally, t, error) && ok;
}

bool ds_mongo_load_tallies(ds_mongo_t *mongo, struct ds_tallies *t, ds_error_t *error)
{
    for (int kind = 0; kind < DS_TALLY_KINDS; kind++) {
        if (!load_kind(mongo, t, (enum ds_tally_kind)kind, error))
            return false;
    }
    return true;
}

static bool take_position(void *context, const bson_t *document, ds_error_t *error)
{
    return ds_document_read_position(context, document, error);
}

bool ds_mongo_load_position(ds_mongo_t *mongo, int32_t partition,
                            struct ds_mongo_position *position_out, ds_error_t *error)
{
    struct in_list in;
    bson_t id = BSON_INITIALIZER;
    *position_out = (struct ds_mongo_position){.place = DS_PLACE_START};
    begin_in(&in);
    bool ok = ds_document_position_id(partition, &id) && add_in(&in, &id);
    end_in(&in);
    ok = ok && find(mongo, POSITIONS, &in.filter, take_position, position_out, error);
    bson_destroy(&id);
    bson_destroy(&in.filter);
    return ok;
}

/* ---- writing ---- */

struct bulk {
    mongoc_collection_t *collection;
    mongoc_bulk_operation_t *operation;
    size_t count;
};

static void begin_bulk(ds_mongo_t *mongo, const char *name, struct bulk *bulk)
{
    bson_t options = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&options, "ordered", false);
    bulk->collection = mongoc_database_get_collection(mongo->database, name);
    bulk->operation = mongoc_collection_create_bulk_operation_with_opts(bulk->collection, &options);
    bulk->count = 0;
    bson_destroy(&options);
}

/* Replace where pos is lower, or insert. `document` has _id and pos. */
static bool add_replace(struct bulk *bulk, const bson_t *id, int64_t pos, const bson_t *document,
                        ds_error_t *error)
{
    bson_error_t cause = {0};
    bson_t filter = BSON_INITIALIZER;
    bson_t lower;
    bson_t options = BSON_INITIALIZER;
    BSON_APPEND_DOCUMENT(&filter, "_id", id);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "pos", &lower);
    BSON_APPEND_INT64(&lower, "$lt", pos);
    bson_append_document_end(&filter, &lower);
    BSON_APPEND_BOOL(&options, "upsert", true);
    bool ok = mongoc_bulk_operation_replace_one_with_opts(bulk->operation, &filter, document,
                                                          &options, &cause);
    bulk->count++;
    bson_destroy(&options);
    bson_destroy(&filter);
    return ok || fail(error, "adding to a bulk", &cause);
}

/* Counts the duplicate keys; anything else is an error. */
static bool only_duplicates(const bson_t *reply, size_t *duplicates_out)
{
    bson_iter_t iter;
    bson_iter_t list;
    *duplicates_out = 0;
    if (bson_iter_init_find(&iter, reply, "writeConcernErrors") && BSON_ITER_HOLDS_ARRAY(&iter) &&
        bson_iter_recurse(&iter, &list) && bson_iter_next(&list))
        return false;
    if (!bson_iter_init_find(&iter, reply, "writeErrors") || !BSON_ITER_HOLDS_ARRAY(&iter) ||
        !bson_iter_recurse(&iter, &list))
        return false;
    while (bson_iter_next(&list)) {
        bson_iter_t code;
        if (!bson_iter_recurse(&list, &code) || !bson_iter_find(&code, "code") ||
            bson_iter_as_int64(&code) != DUPLICATE_KEY)
            return false;
        (*duplicates_out)++;
    }
    return *duplicates_out > 0;
}

/* @param duplicates_out  documents of which a newer one is there. */
static bool end_bulk(struct bulk *bulk, bool run, size_t *duplicates_out, ds_error_t *error)
{
    bson_error_t cause = {0};
    bson_t reply;
    bool ok = run;
    *duplicates_out = 0;
    if (run && bulk->count > 0) {
        ok = mongoc_bulk_operation_execute(bulk->operation, &reply, &cause) != 0 ||
             only_duplicates(&reply, duplicates_out) || fail(error, "a bulk", &cause);
        bson_destroy(&reply);
    }
    mongoc_bulk_operation_destroy(bulk->operation);
    mongoc_collection_destroy(bulk->collection);
    return ok;
}

static bool add_tally(struct bulk *bulk, const struct ds_tally *tally, ds_error_t *error)
{
    bson_t id = BSON_INITIALIZER;
    bson_t document = BSON_INITIALIZER;
    bool ok = ds_document_tally_id(tally, &id) && ds_document_tally(tally, &id, &document);
    if (!ok)
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_LIMIT, "a document is too large");
    ok = ok && add_replace(bulk, &id, tally->pos, &document, error);
    bson_destroy(&document);
    bson_destroy(&id);
    return ok;
}

static bool write_kind(ds_mongo_t *mongo, const struct ds_tallies *t, enum ds_tally_kind kind,
                       ds_error_t *error)
{
    struct bulk bulk;
    size_t cursor = 0;
    size_t duplicates = 0;
    ds_str_t key;
    void *value = NULL;
    bool ok = true;
    begin_bulk(mongo, ds_tally_shapes[kind].collection, &bulk);
    while (ok && ds_map_next(t->tallies, &cursor, &key, &value)) {
        const struct ds_tally *tally = value;
        if (tally->kind == kind && tally->changed)
            ok = add_tally(&bulk, tally, error);
    }
    return end_bulk(&bulk, ok, &duplicates, error);
}

static bool add_fact(struct bulk *bulk, const struct ds_fact *fact, ds_error_t *error)
{
    bson_t id = BSON_INITIALIZER;
    bson_t document = BSON_INITIALIZER;
    bool ok = ds_document_fact_id(fact, &id) && ds_document_fact(fact, &id, &document);
    if (!ok)
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_LIMIT, "a document is too large");
    ok = ok && add_replace(bulk, &id, fact->pos, &document, error);
    bson_destroy(&document);
    bson_destroy(&id);
    return ok;
}

static bool write_facts(ds_mongo_t *mongo, const struct ds_tallies *t, ds_error_t *error)
{
    struct bulk bulk;
    size_t cursor = 0;
    size_t duplicates = 0;
    ds_str_t key;
    void *value = NULL;
    bool ok = true;
    begin_bulk(mongo, FACTS, &bulk);
    while (ok && ds_map_next(t->facts, &cursor, &key, &value)) {
        const struct ds_fact *fact = value;
        if (fact->changed)
            ok = add_fact(&bulk, fact, error);
    }
    return end_bulk(&bulk, ok, &duplicates, error);
}

bool ds_mongo_write(ds_mongo_t *mongo, const struct ds_tallies *t, ds_error_t *error)
{
    for (int kind = 0; kind < DS_TALLY_KINDS; kind++) {
        if (!write_kind(mongo, t, (enum ds_tally_kind)kind, error))
            return false;
    }
    return write_facts(mongo, t, error);
}

bool ds_mongo_write_position(ds_mongo_t *mongo, int32_t partition,
                             const struct ds_mongo_position *position, int64_t now_us,
                             bool *newer_out, ds_error_t *error)
{
    struct bulk bulk;
    size_t duplicates = 0;
    bson_t id = BSON_INITIALIZER;
    bson_t document = BSON_INITIALIZER;
    begin_bulk(mongo, POSITIONS, &bulk);
    bool ok = ds_document_position_id(partition, &id) &&
              ds_document_position(position, now_us, &id, &document) &&
              add_replace(&bulk, &id, position->place.offset, &document, error);
    ok = end_bulk(&bulk, ok, &duplicates, error);
    *newer_out = duplicates > 0;
    bson_destroy(&document);
    bson_destroy(&id);
    return ok;
}
