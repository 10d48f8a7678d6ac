#include "api/peers.h"

#include "base/heap.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { LOOK_AGAIN_US = 1000000 };

struct ds_peers {
    pthread_mutex_t lock;
    ds_heap_t *heap;
    struct ds_connection **all; /* for ds_peers_expire_held */
    size_t count;
    size_t max;
};

static int32_t *handle_of(void *item)
{
    return &((struct ds_connection *)item)->handle;
}

ds_peers_t *ds_peers_new(size_t max_connections)
{
    ds_peers_t *peers = calloc(1, sizeof *peers);
    if (peers == NULL)
        return NULL;
    (void)pthread_mutex_init(&peers->lock, NULL);
    peers->max = max_connections;
    peers->heap = ds_heap_new(handle_of, NULL, max_connections);
    peers->all = calloc(max_connections, sizeof *peers->all);
    if (peers->heap == NULL || peers->all == NULL) {
        ds_peers_destroy(peers);
        return NULL;
    }
    return peers;
}

void ds_peers_destroy(ds_peers_t *peers)
{
    if (peers == NULL)
        return;
    ds_heap_destroy(peers->heap);
    free(peers->all);
    (void)pthread_mutex_destroy(&peers->lock);
    free(peers);
}

struct ds_connection *ds_peers_add(ds_peers_t *peers, int fd, const char *address, int64_t due_us)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->fd = fd;
    connection->handle = -1;
    (void)snprintf(connection->address, sizeof connection->address, "%s", address);
    (void)pthread_mutex_lock(&peers->lock);
    bool ok = peers->count < peers->max && ds_heap_set(peers->heap, connection, due_us, &error);
    if (ok)
        peers->all[peers->count++] = connection;
    (void)pthread_mutex_unlock(&peers->lock);
    if (!ok) {
        free(connection);
        return NULL;
    }
    return connection;
}

void ds_peers_remove(ds_peers_t *peers, struct ds_connection *connection)
{
    (void)pthread_mutex_lock(&peers->lock);
    ds_heap_remove(peers->heap, connection);
    for (size_t i = 0; i < peers->count; i++) {
        if (peers->all[i] == connection) {
            peers->all[i] = peers->all[--peers->count];
            break;
        }
    }
    (void)pthread_mutex_unlock(&peers->lock);
    free(connection);
}

void ds_peers_set(ds_peers_t *peers, struct ds_connection *connection, ds_request_t *request,
                  int64_t due_us)
{
    ds_error_t error = DS_ERROR_INIT;
    (void)pthread_mutex_lock(&peers->lock);
    connection->request = request;
    /* Moving an entry that is in cannot fail. */
    if (!ds_heap_set(peers->heap, connection, due_us, &error))
        (void)shutdown(connection->fd, SHUT_RDWR);
    (void)pthread_mutex_unlock(&peers->lock);
}

/* libmicrohttpd cannot answer while a body arrives. Nothing else writes to the socket then, so we
 * may. */
static void send_408(int fd, const char *correlation_id)
{
    char body[256];
    char head[512];
    int body_len =
        snprintf(body, sizeof body,
                 "{\"success\":false,\"error\":{\"code\":\"request_timeout\",\"message\":"
                 "\"the request took too long to arrive\",\"details\":[],"
                 "\"correlationId\":\"%s\"}}",
                 correlation_id);
    int head_len = snprintf(head, sizeof head,
                            "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                            "Content-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
                            "X-Correlation-Id: %s\r\nContent-Length: %d\r\n\r\n",
                            correlation_id, body_len);
    if (head_len > 0 && send(fd, head, (size_t)head_len, MSG_NOSIGNAL | MSG_DONTWAIT) == head_len)
        (void)send(fd, body, (size_t)body_len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* @locks peers. true: the connection was ended; false: look again in a second. */
static bool expire_one(struct ds_connection *connection)
{
    ds_request_t *request = connection->request;
    bool over = true;
    if (request != NULL) {
        (void)pthread_mutex_lock(&request->lock);
        if (request->state == DS_REQUEST_READING) {
            send_408(connection->fd, request->correlation_id);
        } else if (request->state == DS_REQUEST_WORKING) {
            over = false;
            if (request->suspended && !request->expired) {
                request->expired = true;
                request->suspended = false;
                MHD_resume_connection(request->connection);
            }
        }
        (void)pthread_mutex_unlock(&request->lock);
    }
    if (over)
        (void)shutdown(connection->fd, SHUT_RDWR); /* MHD sees the end and frees the connection */
    return over;
}

void ds_peers_expire(ds_peers_t *peers, int64_t now_us)
{
    ds_error_t error = DS_ERROR_INIT;
    int64_t due_us;
    (void)pthread_mutex_lock(&peers->lock);
    for (;;) {
        struct ds_connection *connection = ds_heap_peek(peers->heap, &due_us);
        if (connection == NULL || due_us > now_us)
            break;
        (void)expire_one(connection);
        if (!ds_heap_set(peers->heap, connection, now_us + LOOK_AGAIN_US, &error))
            break;
    }
    (void)pthread_mutex_unlock(&peers->lock);
}

int ds_peers_busy(ds_peers_t *peers)
{
    int busy = 0;
    (void)pthread_mutex_lock(&peers->lock);
    for (size_t i = 0; i < peers->count; i++)
        busy += peers->all[i]->request != NULL;
    (void)pthread_mutex_unlock(&peers->lock);
    return busy;
}

void ds_peers_expire_held(ds_peers_t *peers)
{
    (void)pthread_mutex_lock(&peers->lock);
    for (size_t i = 0; i < peers->count; i++) {
        ds_request_t *request = peers->all[i]->request;
        if (request == NULL)
            continue;
        (void)pthread_mutex_lock(&request->lock);
        if (request->suspended && !request->expired) {
            request->expired = true;
            request->suspended = false;
            MHD_resume_connection(request->connection);
        }
        (void)pthread_mutex_unlock(&request->lock);
    }
    (void)pthread_mutex_unlock(&peers->lock);
}
