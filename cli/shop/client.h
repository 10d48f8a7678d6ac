/* cli/shop/client.h - a client of the public HTTP interface, for seed, demo and load.
 *
 * It knows what any stranger's client may know: paths, bearer tokens, Idempotency-Key. One client,
 * one thread. */
#ifndef DS_CLI_SHOP_CLIENT_H
#define DS_CLI_SHOP_CLIENT_H

#include "base/runtime.h"

#include <jansson.h>

typedef struct ds_shop_client ds_shop_client_t;

struct ds_shop_settings {
    const char *api_url;    /* "http://127.0.0.1:3000" */
    const char *jwt_secret; /* signs the tokens of the actors */
};

/** Options for the settings, to be put first in a tool's table: they fill a struct that begins with
 *  struct ds_shop_settings. */
#define DS_SHOP_OPTIONS                                                                            \
    {"api-url",                                                                                    \
     "API_URL",                                                                                    \
     DS_OPT_TEXT,                                                                                  \
     offsetof(struct ds_shop_settings, api_url),                                                   \
     "http://127.0.0.1:3000",                                                                      \
     0,                                                                                            \
     0,                                                                                            \
     false,                                                                                        \
     false,                                                                                        \
     "Where the HTTP interface is."},                                                              \
    {                                                                                              \
        "jwt-secret", "JWT_SECRET", DS_OPT_TEXT, offsetof(struct ds_shop_settings, jwt_secret),    \
            NULL, 0, 0, true, true, "Signs the tokens of customers, staff and couriers."           \
    }

struct ds_shop_answer {
    int status;
    json_t *data;         /* the `data` of a success; borrowed from body */
    ds_str_t code;        /* error.code of a failure; empty otherwise */
    ds_str_t retry_after; /* borrowed from the client, until the next call */
    json_t *body;         /* owned by the answer */
};

/** @brief NULL: no memory. `settings` are borrowed. */
ds_shop_client_t *ds_shop_client_new(const struct ds_runtime *runtime,
                                     const struct ds_shop_settings *settings);
void ds_shop_client_destroy(ds_shop_client_t *client);
/** @brief Whom the next calls act as; an actor's token is kept, and signed anew long before
 * it ends. To be called again at least every few hours. An empty role: nobody. */
DS_MUST_CHECK bool ds_shop_act_as(ds_shop_client_t *client, const char *role, const char *subject,
                                  ds_error_t *error);
/** @brief One request. @param path  such as "/api/orders". @param body  may be NULL; stays the
 * caller's.
 *  @param key  the Idempotency-Key; NULL: none. @return true when an answer came, whatever its
 * status; release it with ds_shop_answer_cleanup. UNAVAILABLE, TIMEOUT: none came. */
DS_MUST_CHECK bool ds_shop_call(ds_shop_client_t *client, const char *method, const char *path,
                                json_t *body, const char *key, struct ds_shop_answer *answer_out,
                                ds_error_t *error);
/** @brief The same, repeated with the same key while the answer is 429, 503 or none, until
 * deadline_us (monotonic); then, and for any status but 2xx, an error that tells the status and
 * code. */
DS_MUST_CHECK bool ds_shop_expect(ds_shop_client_t *client, const char *method, const char *path,
                                  json_t *body, const char *key, int64_t deadline_us,
                                  struct ds_shop_answer *answer_out, ds_error_t *error);
void ds_shop_answer_cleanup(struct ds_shop_answer *answer);

/** @brief Wait, at most until deadline_us (monotonic) or a stop. @return false when one of them has
 * come. */
bool ds_shop_pause(const struct ds_runtime *runtime, int64_t pause_us, int64_t deadline_us);

#endif
