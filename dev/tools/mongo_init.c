/* Makes a private mongod a replica set of one, and says whether it is ready to be written to.
 *
 *   mongo_init HOST:PORT SET TIMEOUT_MS      exit code 0: the server is the primary of SET
 *
 * One call does one step and does not wait for an election: dev/stack calls it until it answers 0.
 * The mongod that is downloaded for development comes without a shell, hence this program. A set
 * that was initiated on another port is moved to this one, so that the port can be changed.
 */
#include <mongoc/mongoc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_YET_INITIALIZED = 94, TIMEOUT_MS_MAX = 60000 };

/* Runs one admin command. The caller destroys `reply_out` whatever the result. */
static bool run(mongoc_client_t *client, bson_t *command, bson_t *reply_out, bson_error_t *error)
{
    bool ok = mongoc_client_command_simple(client, "admin", command, NULL, reply_out, error);
    bson_destroy(command);
    return ok;
}

static bson_t *one_member_config(const char *set, const char *address, int version)
{
    return BCON_NEW("_id", BCON_UTF8(set), "version", BCON_INT32(version), "members", "[", "{",
                    "_id", BCON_INT32(0), "host", BCON_UTF8(address), "}", "]");
}

static bool initiate(mongoc_client_t *client, const char *set, const char *address,
                     bson_error_t *error)
{
    bson_t *config = one_member_config(set, address, 1);
    bson_t reply;
    bool ok = run(client, BCON_NEW("replSetInitiate", BCON_DOCUMENT(config)), &reply, error);
    bson_destroy(&reply);
    bson_destroy(config);
    return ok;
}

static bool move(mongoc_client_t *client, const char *set, const char *address, int version,
                 bson_error_t *error)
{
    bson_t *config = one_member_config(set, address, version + 1);
    bson_t reply;
    bool ok =
        run(client, BCON_NEW("replSetReconfig", BCON_DOCUMENT(config), "force", BCON_BOOL(true)),
            &reply, error);
    bson_destroy(&reply);
    bson_destroy(config);
    return ok;
}

/* The set exists after this, with `address` as its only member. */
static bool ensure_set(mongoc_client_t *client, const char *set, const char *address,
                       bson_error_t *error)
{
    bson_t reply;
    bool ok = run(client, BCON_NEW("replSetGetConfig", BCON_INT32(1)), &reply, error);
    if (!ok) {
        if (error->code == NOT_YET_INITIALIZED) {
            ok = initiate(client, set, address, error);
        }
    } else {
        bson_iter_t top;
        bson_iter_t found;
        int version = 1;
        if (bson_iter_init(&top, &reply) &&
            bson_iter_find_descendant(&top, "config.version", &found) &&
            BSON_ITER_HOLDS_INT32(&found)) {
            version = bson_iter_int32(&found);
        }
        if (bson_iter_init(&top, &reply) &&
            bson_iter_find_descendant(&top, "config.members.0.host", &found) &&
            BSON_ITER_HOLDS_UTF8(&found) && strcmp(bson_iter_utf8(&found, NULL), address) != 0) {
            ok = move(client, set, address, version, error);
        }
    }
    bson_destroy(&reply);
    return ok;
}

static bool is_primary(mongoc_client_t *client, bson_error_t *error)
{
    bson_t reply;
    bson_iter_t found;
    bool ok = run(client, BCON_NEW("hello", BCON_INT32(1)), &reply, error);
    bool primary =
        ok && bson_iter_init_find(&found, &reply, "isWritablePrimary") && bson_iter_as_bool(&found);
    if (ok && !primary) {
        bson_set_error(error, MONGOC_ERROR_COMMAND, 0, "not the primary yet");
    }
    bson_destroy(&reply);
    return primary;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long timeout_ms = argc == 4 ? strtol(argv[3], &end, 10) : 0;
    if (argc != 4 || *end != '\0' || timeout_ms < 1 || timeout_ms > TIMEOUT_MS_MAX) {
        fprintf(stderr, "usage: mongo_init HOST:PORT SET TIMEOUT_MS\n");
        return 2;
    }
    mongoc_init();
    bson_error_t error = {0};
    bool ok = false;
    char *text = bson_strdup_printf("mongodb://%s/?directConnection=true&connectTimeoutMS=%ld"
                                    "&socketTimeoutMS=%ld&serverSelectionTimeoutMS=%ld",
                                    argv[1], timeout_ms, timeout_ms, timeout_ms);
    mongoc_uri_t *uri = mongoc_uri_new_with_error(text, &error);
    mongoc_client_t *client = uri ? mongoc_client_new_from_uri(uri) : NULL;
    if (client) {
        ok = ensure_set(client, argv[2], argv[1], &error) && is_primary(client, &error);
    }
    if (!ok) {
        fprintf(stderr, "mongo_init: %s: %s\n", argv[1], error.message);
    }
    mongoc_client_destroy(client);
    mongoc_uri_destroy(uri);
    bson_free(text);
    mongoc_cleanup();
    return ok ? 0 : 1;
}
