#include "api/server.h"

#include "api/commands.h"
#include "api/headers.h"
#include "api/intake.h"
#include "api/internal.h"
#include "api/peers.h"
#include "api/response.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CONNECTION_MEMORY = 32 * 1024,
    IDLE_S = 10, /* MHD's own timeout: silence */
    IDLE_US =
        30000000, /* between two requests of a connection, first byte of the next line included */
    DROPPED_BODY_MAX = 2 * 1024 * 1024,
};

static const int64_t TELL_UNREAD_US = 3600 * DS_US_PER_S;

struct ds_server {
    struct ds_api *api;
    struct MHD_Daemon *daemon;
    ds_peers_t *peers;
    int listen_fd; /* after quiesce: ours to close */
    int port;
    _Atomic int64_t told_unread_us; /* monotonic; 0: never */
};

static struct ds_connection *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void address_text(const struct sockaddr *address, char text_out[DS_ADDRESS_CHARS])
{
    (void)snprintf(text_out, DS_ADDRESS_CHARS, "unknown");
    if (address != NULL && address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        (void)inet_ntop(AF_INET, &in.sin_addr, text_out, DS_ADDRESS_CHARS);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        (void)inet_ntop(AF_INET6, &in.sin6_addr, text_out, DS_ADDRESS_CHARS);
    }
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    ds_server_t *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context != NULL)
            ds_peers_remove(server->peers, *context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char address[DS_ADDRESS_CHARS];
    address_text(client == NULL ? NULL : client->client_addr, address);
    if (fd != NULL)
        *context =
            ds_peers_add(server->peers, fd->connect_fd, address,
                         ds_api_now_us(server->api) + server->api->settings->request_timeout_us);
}

/* The request line is there. What is returned becomes the request's context. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    ds_server_t *server = cls;
    struct ds_connection *peer = peer_of(connection);
    int64_t now_us = ds_api_now_us(server->api);
    ds_request_t *request = peer == NULL ? NULL : ds_request_new(server->api, uri, now_us);
    if (request == NULL)
        return NULL;
    request->connection = connection;
    request->peer = peer;
    request->deadline_us = now_us + server->api->settings->request_timeout_us;
    ds_peers_set(server->peers, peer, request, request->deadline_us);
    return request;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    ds_server_t *server = cls;
    ds_request_t *request = *context;
    (void)connection, (void)code;
    if (request == NULL)
        return;
    *context = NULL;
    (void)pthread_mutex_lock(&request->lock);
    request->expired = true; /* whoever holds it answers nobody */
    request->suspended = false;
    (void)pthread_mutex_unlock(&request->lock);
    ds_peers_set(server->peers, request->peer, NULL, ds_api_now_us(server->api) + IDLE_US);
    ds_request_unref(request);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Refused only for want of memory or a value we would not send: the answer goes out without it.
     */
    if (MHD_add_response_header(response, name, value) != MHD_YES)
        return;
}

static void add_common(struct MHD_Response *response, const ds_request_t *request, int status)
{
    const struct ds_api_settings *settings = request->api->settings;
    const struct ds_route *route = request->match.route;
    bool public_page =
        route != NULL && (route->flags & DS_ROUTE_PUBLIC) != 0 && (status == 200 || status == 304);
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "Referrer-Policy", "no-referrer");
    add_header(response, "Content-Security-Policy", "default-src 'none'");
    add_header(response, "Cache-Control", public_page ? "public, max-age=5" : "private, no-store");
    add_header(response, "X-Correlation-Id", request->correlation_id);
    if (settings->behind_tls)
        add_header(response, "Strict-Transport-Security", "max-age=31536000");
    /* A cache must not answer a reader who wants to see at least what a token names. */
    if (public_page)
        add_header(response, "Vary", "Consistency-Token");
    if (settings->cors_origins[0] == '\0')
        return;
    add_header(response, "Vary", "Origin");
    if (ds_origin_allowed(settings->cors_origins, request->headers.origin)) {
        add_header(response, "Access-Control-Allow-Origin", request->headers.origin.data);
        add_header(response, "Access-Control-Expose-Headers",
                   "Consistency-Token, ETag, Location, Retry-After, RateLimit, X-Correlation-Id");
    }
}

static void count_answer(const ds_request_t *request, int status)
{
    const struct ds_route *route = request->match.route;
    size_t index = route == NULL ? DS_API_MAX_ROUTES - 1 : (size_t)(route - ds_routes);
    struct ds_route_metrics *metrics = &request->api->metrics[index];
    ds_metric_add(metrics->answers[status / 100 > 5 ? 5 : status / 100], 1);
    ds_metric_observe_us(metrics->seconds, ds_api_now_us(request->api) - request->started_us);
}

static void log_answer(const ds_request_t *request, int status)
{
    const struct ds_route *route = request->match.route;
    ds_log_t log = request->api->log;
    log.correlation_id = ds_str(request->correlation_id);
    enum ds_log_level level = status >= 500 ? DS_LOG_WARN : DS_LOG_DEBUG;
    if (level < log.level)
        return;
    ds_log(&log, level, "api.answer", "answered a request",
           DS_F_CSTR("operation", route == NULL ? "none" : route->operation),
           DS_F_INT("status", status),
           DS_F_INT("us", ds_api_now_us(request->api) - request->started_us));
}

static enum MHD_Result queue(ds_request_t *request, struct MHD_Response *response, int status)
{
    if (response == NULL)
        return MHD_NO; /* no memory: the connection ends */
    add_common(response, request, status);
    if (ds_intake_must_close(request) || atomic_load(&request->api->draining))
        add_header(response, "Connection", "close");
    (void)pthread_mutex_lock(&request->lock);
    request->state = DS_REQUEST_ANSWERED;
    (void)pthread_mutex_unlock(&request->lock);
    count_answer(request, status);
    log_answer(request, status);
    enum MHD_Result result = MHD_queue_response(request->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_answer(ds_request_t *request)
{
    if (request->status == 0)
        ds_answer_error(request, 500, "internal", "something went wrong here");
    struct MHD_Response *response = MHD_create_response_from_buffer(
        request->reply.len, request->reply.data, MHD_RESPMEM_MUST_COPY);
    for (size_t i = 0; response != NULL && i < request->reply_header_count; i++)
        add_header(response, request->reply_headers[i].name.data,
                   request->reply_headers[i].value.data);
    if (response != NULL && request->reply_type != NULL)
        add_header(response, "Content-Type", request->reply_type);
    return queue(request, response, request->status);
}

/* The deadline came first. Whoever holds the request may be writing to it: nothing but what stood
 * before is read. */
static enum MHD_Result send_expired(ds_request_t *request, bool sent)
{
    const char *code = sent ? "outcome_unknown" : "busy";
    const char *message = sent ? "not known yet whether this was kept; look at statusUrl"
                               : "no answer in time; nothing was kept";
    const char *status_url = sent ? ds_command_status_path(request) : NULL;
    if (!sent && request->asks) {
        code = "database_unavailable";
        message = "the database did not answer in time";
    }
    json_t *details =
        status_url == NULL ? json_array() : json_pack("[{s:s}]", "statusUrl", status_url);
    json_t *json =
        json_pack("{s:b,s:{s:s,s:s,s:o,s:s}}", "success", 0, "error", "code", code, "message",
                  message, "details", details, "correlationId", request->correlation_id);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    struct MHD_Response *response =
        text == NULL ? NULL
                     : MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(text);
    else {
        add_header(response, "Content-Type", "application/json");
        add_header(response, "Retry-After", "1");
    }
    return queue(request, response, 503);
}

/* Once an hour: every request of that proxy is like this one. */
static void tell_unread(struct ds_api *api, const char *peer)
{
    int64_t now_us = ds_api_now_us(api);
    int64_t told_us = atomic_load(&api->server->told_unread_us);
    if ((told_us != 0 && now_us - told_us < TELL_UNREAD_US) ||
        !atomic_compare_exchange_strong(&api->server->told_unread_us, &told_us, now_us))
        return;
    ds_log(&api->log, DS_LOG_WARN, "api.forwarded_unread",
           "a trusted proxy's X-Forwarded-For names no address: its callers share one rate limit",
           DS_F_CSTR("peer", peer));
}

static enum MHD_Result first_call(ds_request_t *request, const char *method)
{
    char address[DS_ADDRESS_CHARS];
    struct ds_api *api = request->api;
    ds_error_t error = DS_ERROR_INIT;
    request->routed = true;
    request->method = ds_method_parse(method);
    if (!ds_headers_take(request))
        return MHD_NO;
    if (!ds_client_address(request->peer->address, request->headers.forwarded_for,
                           api->settings->trusted_proxies, address))
        tell_unread(api, request->peer->address);
    if (!ds_arena_dup(request->arena, ds_str(address), &request->address, &error))
        return MHD_NO;
    ds_intake_head(request);
    request->body.max_bytes = ds_intake_body_max(request);
    const char *expect =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Expect");
    if (ds_intake_must_close(request) || (request->status != 0 && expect != NULL))
        return send_answer(request);
    return MHD_YES;
}

static enum MHD_Result take_body(ds_request_t *request, const char *data, size_t bytes)
{
    ds_error_t error = DS_ERROR_INIT;
    if (request->status == 0 && !request->body_too_large) {
        if (ds_buf_append(&request->body, data, bytes, &error))
            return MHD_YES;
        if (error.code != DS_ERR_LIMIT)
            return MHD_NO;
        request->body_too_large = true;
    }
    request->dropped_bytes += bytes;
    return request->dropped_bytes > DROPPED_BODY_MAX ? MHD_NO : MHD_YES;
}

/* The whole request is there: run it. */
static enum MHD_Result last_call(ds_request_t *request)
{
    (void)pthread_mutex_lock(&request->lock);
    request->state = DS_REQUEST_WORKING;
    (void)pthread_mutex_unlock(&request->lock);
    if (request->status == 0)
        ds_intake_body(request);
    if (request->status == 0)
        request->match.route->handle(request);
    (void)pthread_mutex_lock(&request->lock);
    bool suspend = request->held;
    if (suspend) {
        request->suspended = true;
        MHD_suspend_connection(request->connection);
    }
    (void)pthread_mutex_unlock(&request->lock);
    return suspend ? MHD_YES : send_answer(request);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_bytes, void **context)
{
    ds_request_t *request = *context;
    (void)cls, (void)connection, (void)url, (void)version;
    if (request == NULL)
        return MHD_NO;
    if (!request->routed)
        return first_call(request, method);
    if (*data_bytes > 0) {
        size_t bytes = *data_bytes;
        *data_bytes = 0;
        return take_body(request, data, bytes);
    }
    (void)pthread_mutex_lock(&request->lock);
    enum ds_request_state state = request->state;
    bool expired = request->expired;
    bool sent = request->sent;
    (void)pthread_mutex_unlock(&request->lock);
    if (state == DS_REQUEST_READING)
        return last_call(request);
    return expired ? send_expired(request, sent) : send_answer(request);
}

static void __attribute__((format(printf, 2, 0)))
on_mhd_log(void *cls, const char *format, va_list arguments)
{
    const struct ds_api *api = cls;
    char text[256];
    int len = vsnprintf(text, sizeof text, format, arguments);
    ds_log(&api->log, DS_LOG_DEBUG, "api.http", "libmicrohttpd says something",
           DS_F_INT("chars", len), DS_F_CSTR("text", text));
}

static bool is_loopback(const char *bind)
{
    return strncmp(bind, "127.", 4) == 0 || strcmp(bind, "::1") == 0;
}

static bool parse_bind(const struct ds_api_settings *settings, struct sockaddr_storage *out,
                       bool *v6_out, ds_error_t *error)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)settings->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons((uint16_t)settings->port)};
    memset(out, 0, sizeof *out);
    *v6_out = false;
    if (inet_pton(AF_INET, settings->bind, &in.sin_addr) == 1) {
        memcpy(out, &in, sizeof in);
        return true;
    }
    if (inet_pton(AF_INET6, settings->bind, &in6.sin6_addr) == 1) {
        memcpy(out, &in6, sizeof in6);
        *v6_out = true;
        return true;
    }
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "API_BIND %s is not an IP address",
                        settings->bind);
}

static struct MHD_Daemon *start_daemon(ds_server_t *server, const struct sockaddr_storage *address,
                                       bool v6)
{
    const struct ds_api_settings *settings = server->api->settings;
    /* poll, not epoll: libmicrohttpd's epoll loop stalls when 128 connections are ready together.
     */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG | (v6 ? (unsigned)MHD_USE_IPv6 : 0U);
    bool limit_address = !is_loopback(settings->bind) && settings->trusted_proxies[0] == '\0';
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_mhd_log, server->api},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_uri, server},
        {MHD_OPTION_SOCK_ADDR, 0, (void *)(uintptr_t)address},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->connections_max, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT,
         limit_address ? (intptr_t)settings->connections_per_address_max : 0, NULL},
        {settings->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
         (intptr_t)settings->threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(flags, (uint16_t)settings->port, NULL, NULL, on_request, server,
                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

bool ds_server_new(struct ds_api *api, ds_server_t **server_out, ds_error_t *error)
{
    struct sockaddr_storage address;
    bool v6;
    ds_server_t *server = calloc(1, sizeof *server);
    *server_out = NULL;
    if (server == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for the server");
    server->api = api;
    server->listen_fd = -1;
    server->peers = ds_peers_new((size_t)api->settings->connections_max + 8);
    api->server = server; /* callbacks run before this returns */
    if (server->peers == NULL)
        (void)ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for the connections");
    else if (parse_bind(api->settings, &address, &v6, error))
        server->daemon = start_daemon(server, &address, v6);
    if (server->daemon == NULL) {
        (void)ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "listen on %s port %lld: %s",
                           api->settings->bind, (long long)api->settings->port, strerror(errno));
        api->server = NULL;
        ds_server_destroy(server);
        return false;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info == NULL ? (int)api->settings->port : info->port;
    *server_out = server;
    return true;
}

int ds_server_port(const ds_server_t *server)
{
    return server->port;
}

void ds_server_tick(ds_server_t *server, int64_t now_us)
{
    ds_peers_expire(server->peers, now_us);
}

void ds_server_quiesce(ds_server_t *server)
{
    if (server->listen_fd == -1)
        server->listen_fd = MHD_quiesce_daemon(server->daemon);
}

int ds_server_busy(ds_server_t *server)
{
    return ds_peers_busy(server->peers);
}

void ds_server_destroy(ds_server_t *server)
{
    if (server == NULL)
        return;
    if (server->daemon != NULL) {
        /* A suspended connection at MHD_stop_daemon would be a panic. */
        ds_peers_expire_held(server->peers);
        MHD_stop_daemon(server->daemon);
    }
    if (server->listen_fd != -1)
        (void)close(server->listen_fd);
    ds_peers_destroy(server->peers);
    free(server);
}
