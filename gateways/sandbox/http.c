#include "gateways/sandbox/http.h"

#include "base/crypto.h"
#include "gateways/exchange/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define IDLE_TIMEOUT_S   60u
#define CONNECTION_BYTES (32u * 1024)
#define THREAD_STACK     (512u * 1024)
#define LISTEN_BACKLOG   128u
#define LOOK_AT_PEER_MS  100
#define BEARER           "Bearer "

struct ds_sandbox_http {
    const struct ds_sandbox_settings *settings;
    ds_service_t *service;
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    pthread_cond_t stopped; /* ends waiting answers */
    bool stopping;
};

/** One request: MHD's con_cls. */
struct call {
    struct MHD_Connection *connection;
    const char *path;
    bool is_post, is_put, is_get;
    ds_buf_t body;
    bool too_large;
    struct ds_reply reply;
};

static ds_str_t header_of(const struct call *call, const char *name)
{
    return ds_str(MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name));
}

static ds_str_t argument_of(const struct call *call, const char *name)
{
    return ds_str(MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name));
}

/* --- waiting -----------------------------------------------------------------------------------
 */

static bool peer_left(const struct call *call)
{
    char byte;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL || recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void add_ms(struct timespec *time, int64_t ms)
{
    time->tv_sec += (time_t)(ms / 1000);
    time->tv_nsec += (long)(ms % 1000) * 1000000;
    if (time->tv_nsec >= 1000000000) {
        time->tv_sec++;
        time->tv_nsec -= 1000000000;
    }
}

/* Hold the answer back; not for a client that has hung up, nor when the server stops. */
static void hold_back(ds_sandbox_http_t *http, const struct call *call, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    pthread_mutex_lock(&http->lock);
    while (ms > 0 && !http->stopping && !peer_left(call)) {
        int64_t slice = ms < LOOK_AT_PEER_MS ? ms : LOOK_AT_PEER_MS;
        add_ms(&until, slice);
        ms -= slice;
        while (!http->stopping &&
               pthread_cond_timedwait(&http->stopped, &http->lock, &until) != ETIMEDOUT)
            continue;
    }
    pthread_mutex_unlock(&http->lock);
}

/* --- routes ------------------------------------------------------------------------------------
 */

static bool is_authorized(const ds_sandbox_http_t *http, const struct call *call)
{
    ds_str_t given = header_of(call, MHD_HTTP_HEADER_AUTHORIZATION);
    const uint32_t prefix = sizeof BEARER - 1;
    if (given.len <= prefix || strncasecmp(given.data, BEARER, prefix) != 0)
        return false;
    ds_str_t key = ds_str(http->settings->provider_key);
    return ds_equal_constant_time((ds_bytes_t){(const uint8_t *)given.data + prefix,
                                               given.len - prefix},
                                  (ds_bytes_t){(const uint8_t *)key.data, key.len});
}

/* Idempotency-Key is a structured string in quotes; most clients send it bare. */
static ds_str_t idempotency_key(const struct call *call)
{
    ds_str_t key = header_of(call, "Idempotency-Key");
    if (key.len >= 2 && key.data[0] == '"' && key.data[key.len - 1] == '"')
        return (ds_str_t){key.data + 1, key.len - 2};
    return key;
}

typedef void (*find_fn)(ds_service_t *, ds_str_t key, ds_str_t id, struct ds_reply *);
typedef void (*make_fn)(ds_service_t *, ds_str_t key, ds_str_t body, struct ds_reply *);

/* /v1/charges and /v1/refunds; `rest` is what stands behind that, "" or "/{id}". */
static void collection(ds_sandbox_http_t *http, struct call *call, const char *rest, make_fn make,
                       find_fn find)
{
    ds_str_t key = argument_of(call, "key"), id = {NULL, 0};
    if (call->is_post && rest[0] == '\0') {
        make(http->service, idempotency_key(call), ds_buf_str(&call->body), &call->reply);
        return;
    }
    if (rest[0] == '/') {
        key = id;
        id = ds_str(rest + 1);
    }
    if (!call->is_get)
        ds_reply_error(&call->reply, 405, "method_not_allowed", "GET; POST without an id");
    else if (key.len == 0 && id.len == 0)
        ds_reply_error(&call->reply, 400, "invalid_request", "key or id wanted");
    else
        find(http->service, key, id, &call->reply);
}

static bool has_prefix(const char *path, const char *prefix, const char **rest_out)
{
    size_t len = strlen(prefix);
    *rest_out = path + len;
    return strncmp(path, prefix, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static void route(ds_sandbox_http_t *http, struct call *call)
{
    const char *rest;
    struct ds_reply *reply = &call->reply;
    if (call->too_large)
        ds_reply_error(reply, 413, "too_large", "at most 16 KiB");
    else if (!is_authorized(http, call))
        ds_reply_error(reply, 401, "unauthorized", "wanted: Authorization: Bearer <provider key>");
    else if (has_prefix(call->path, "/v1/charges", &rest))
        collection(http, call, rest, ds_service_charge, ds_service_find_charge);
    else if (has_prefix(call->path, "/v1/refunds", &rest))
        collection(http, call, rest, ds_service_refund, ds_service_find_refund);
    else if (strcmp(call->path, "/v1/books") == 0 && call->is_get)
        ds_service_books(http->service, argument_of(call, "cursor"), argument_of(call, "limit"),
                         reply);
    else if (strcmp(call->path, "/v1/control") == 0 && call->is_put && call->body.len > 0)
        ds_service_control(http->service, ds_buf_str(&call->body), reply);
    else if (strcmp(call->path, "/v1/control") == 0 && call->is_get)
        ds_service_control(http->service, (ds_str_t){NULL, 0}, reply);
    else
        ds_reply_error(reply, 404, "not_found", "no such resource");
}

/* --- libmicrohttpd -----------------------------------------------------------------------------
 */

static enum MHD_Result answer(struct call *call)
{
    /* The response copies the body. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        call->reply.body.len, call->reply.body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result result =
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    if (result == MHD_YES && call->reply.status == 401)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (result == MHD_YES)
        result = MHD_queue_response(call->connection, (unsigned)call->reply.status, response);
    MHD_destroy_response(response);
    return result;
}

static void free_call(struct call *call)
{
    ds_buf_cleanup(&call->body);
    ds_reply_cleanup(&call->reply);
    free(call);
}

static struct call *new_call(struct MHD_Connection *connection, const char *url, const char *method)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->connection = connection;
    call->path = url;
    call->is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    call->is_post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    call->is_put = strcmp(method, MHD_HTTP_METHOD_PUT) == 0;
    ds_buf_init(&call->body, DS_MAX_PROVIDER_BODY_BYTES);
    ds_reply_init(&call->reply);
    return call;
}

static enum MHD_Result count_length(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    unsigned *count = context;
    (void)kind, (void)value;
    *count += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
              strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/* Two lengths: where the body ends is anybody's guess, and a second request may hide in it. */
static bool is_smuggling(struct MHD_Connection *connection)
{
    unsigned count = 0;
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, count_length, &count);
    return count > 1;
}

static enum MHD_Result begin(struct call *call)
{
    if (!is_smuggling(call->connection))
        return MHD_YES;
    ds_reply_error(&call->reply, 400, "invalid_request", "more than one length");
    return answer(call);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **con_cls)
{
    ds_sandbox_http_t *http = context;
    struct call *call = *con_cls;
    (void)version;
    if (call == NULL) {
        *con_cls = call = new_call(connection, url, method);
        return call == NULL ? MHD_NO : begin(call);
    }
    if (*data_size > 0) {
        if (!ds_buf_append(&call->body, data, *data_size, NULL))
            call->too_large = true; /* the rest is read and thrown away */
        *data_size = 0;
        return MHD_YES;
    }
    call->path = url;
    route(http, call);
    if (call->reply.delay_ms > 0)
        hold_back(http, call, call->reply.delay_ms);
    return call->reply.status == 0 ? MHD_NO : answer(call); /* MHD_NO closes the connection */
}

static void completed(void *context, struct MHD_Connection *connection, void **con_cls,
                      enum MHD_RequestTerminationCode code)
{
    (void)context, (void)connection, (void)code;
    if (*con_cls != NULL)
        free_call(*con_cls);
    *con_cls = NULL;
}

static bool listen_at(ds_sandbox_http_t *http, ds_error_t *error)
{
    const struct ds_sandbox_settings *settings = http->settings;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)settings->port)};
    if (inet_pton(AF_INET, settings->bind, &address.sin_addr) != 1)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID,
                            "sandbox-bind: '%s' is no IPv4 address", settings->bind);
    http->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ITC,
        (uint16_t)settings->port, NULL, NULL, handle, http, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)DS_MAX_SANDBOX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, LISTEN_BACKLOG, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, completed, http, MHD_OPTION_END);
    if (http->daemon == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "listen on %s:%d: %s", settings->bind,
                            (int)settings->port, strerror(errno));
    return true;
}

bool ds_sandbox_http_start(const struct ds_sandbox_settings *settings, ds_service_t *service,
                           ds_sandbox_http_t **http_out, ds_error_t *error)
{
    *http_out = NULL;
    ds_sandbox_http_t *http = calloc(1, sizeof *http);
    if (http == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "http server");
    http->settings = settings;
    http->service = service;
    pthread_mutex_init(&http->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&http->stopped, &attributes);
    pthread_condattr_destroy(&attributes);
    if (!listen_at(http, error)) {
        ds_sandbox_http_stop(http);
        return false;
    }
    *http_out = http;
    return true;
}

void ds_sandbox_http_stop(ds_sandbox_http_t *http)
{
    if (http == NULL)
        return;
    pthread_mutex_lock(&http->lock);
    http->stopping = true;
    pthread_cond_broadcast(&http->stopped);
    pthread_mutex_unlock(&http->lock);
    if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    pthread_cond_destroy(&http->stopped);
    pthread_mutex_destroy(&http->lock);
    free(http);
}

int ds_sandbox_http_port(const ds_sandbox_http_t *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info == NULL ? 0 : info->port;
}
