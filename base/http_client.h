/* base/http_client.h - one HTTP exchange on libcurl, with finite timeouts and bounded answers.
 *
 * A client belongs to one thread and keeps its connections. Redirects are not followed; only http
 * and https; a proxy from the environment is not used. When a kept connection turns out to be dead
 * before any byte of an answer came, libcurl sends the request once more on a new one: what may not
 * happen twice carries an idempotency key. */
#ifndef DS_BASE_HTTP_CLIENT_H
#define DS_BASE_HTTP_CLIENT_H

#include "base/buf.h"

typedef struct ds_http_client ds_http_client_t;

struct ds_http_request {
    const char *method; /* "GET", "POST", ... */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    ds_bytes_t body;            /* sent when len > 0 or the method is POST, PUT or PATCH */
    int64_t timeout_ms;         /* whole exchange; must be > 0 */
};

struct ds_http_response {
    int status;
    ds_buf_t body;    /* at most the client's max_body_bytes */
    ds_buf_t headers; /* raw, at most 32 KiB */
};

/** @brief NULL: no memory. */
ds_http_client_t *ds_http_client_new(size_t max_body_bytes);
void ds_http_client_destroy(ds_http_client_t *client);
void ds_http_response_init(struct ds_http_response *response, size_t max_body_bytes);
void ds_http_response_cleanup(struct ds_http_response *response);
/** @brief Do the exchange. True means an answer with a status came, whatever the status. false:
 * DS_ERR_UNAVAILABLE (not sent: no connection), DS_ERR_TIMEOUT (sent or half sent: the outcome is
 * unknown), DS_ERR_LIMIT (the answer is too big: the outcome is unknown too), DS_ERR_INVALID (wrong
 * request, not sent), DS_ERR_MEMORY. The response is empty then. Messages name host and path, never
 * user, password or query. */
DS_MUST_CHECK bool ds_http_exchange(ds_http_client_t *client, const struct ds_http_request *request,
                                    struct ds_http_response *response, ds_error_t *error);
/** @brief The value of a header, case-insensitive; empty when absent. Borrowed from `response`. */
ds_str_t ds_http_header(const struct ds_http_response *response, const char *name);

#endif
