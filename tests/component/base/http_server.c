#include "http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 60000

struct http_server {
    struct http_script script;
    pthread_t thread;
    int listener;
    int stop[2]; /* a pipe; closing its writing end wakes every poll */
    int port;
    char url[256];
    pthread_mutex_t lock; /* of what follows */
    char request[HTTP_REQUEST_BYTES];
    int connections;
    int requests;
};

static int listen_on_loopback(int backlog, int *port_out)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    *port_out = ntohs(address.sin_port);
    return fd;
}

/* @return poll()'s: 0 when a minute have passed; *readable_out is false then, and when the
 * server is to stop. */
static int wait_once(const http_server_t *server, int fd, bool *readable_out)
{
    struct pollfd fds[] = {{server->stop[0], POLLIN, 0}, {fd, POLLIN, 0}};
    int count = poll(fds, 2, WAIT_MS);
    *readable_out = count > 0 && fds[0].revents == 0 && fds[1].revents != 0;
    return count;
}

/* True when `fd` can be read; false when the server is to stop or a minute have passed. */
static bool wait_readable(const http_server_t *server, int fd)
{
    bool readable;
    (void)wait_once(server, fd, &readable);
    return readable;
}

/* A client may take its time until it comes. False when the server is to stop. */
static bool wait_for_client(const http_server_t *server)
{
    bool readable;
    while (wait_once(server, server->listener, &readable) == 0)
        ;
    return readable;
}

static size_t body_bytes(const char *head)
{
    const char *field = strstr(head, "Content-Length: ");
    return field == NULL ? 0 : strtoul(field + strlen("Content-Length: "), NULL, 10);
}

/* One whole request into `to`. False when the connection ends or the server stops. */
static bool read_request(http_server_t *server, int fd, char *to)
{
    size_t len = 0, want = 0;
    to[0] = '\0';
    while (want == 0 || len < want) {
        if (len + 1 == HTTP_REQUEST_BYTES || !wait_readable(server, fd))
            return false;
        ssize_t got = recv(fd, to + len, HTTP_REQUEST_BYTES - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        to[len] = '\0';
        const char *end = strstr(to, "\r\n\r\n");
        if (want == 0 && end != NULL)
            want = (size_t)(end + 4 - to) + body_bytes(to);
    }
    return true;
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool send_answer(const struct http_script *script, const char *request, int fd)
{
    const char *answer =
        script->answer_to == NULL ? script->answer : script->answer_to(script->context, request);
    size_t len = script->answer_bytes;
    if (answer != NULL && len == 0)
        len = strlen(answer);
    bool ok = send_all(fd, answer, len);
    char filler[1024];
    memset(filler, 'x', sizeof filler);
    for (size_t left = script->filler_bytes; ok && left > 0;) {
        size_t step = left < sizeof filler ? left : sizeof filler;
        ok = send_all(fd, filler, step);
        left -= step;
    }
    return ok;
}

static void serve(http_server_t *server, int fd)
{
    char request[HTTP_REQUEST_BYTES];
    while (read_request(server, fd, request)) {
        pthread_mutex_lock(&server->lock);
        memcpy(server->request, request, sizeof request);
        server->requests++;
        pthread_mutex_unlock(&server->lock);
        bool ok = send_answer(&server->script, request, fd);
        if (server->script.stay_silent)
            (void)wait_readable(server, server->stop[0]);
        if (!ok || server->script.stay_silent || server->script.close_after ||
            server->script.reset_after)
            break;
    }
    if (server->script.reset_after) {
        struct linger now = {1, 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(fd);
}

static void *run(void *context)
{
    http_server_t *server = context;
    while (wait_for_client(server)) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            break;
        pthread_mutex_lock(&server->lock);
        server->connections++;
        pthread_mutex_unlock(&server->lock);
        serve(server, fd);
    }
    return NULL;
}

http_server_t *http_server_start(const struct http_script *script)
{
    http_server_t *server = calloc(1, sizeof *server);
    if (server == NULL)
        abort();
    server->script = *script;
    server->listener = listen_on_loopback(16, &server->port);
    if (pipe(server->stop) != 0 || pthread_mutex_init(&server->lock, NULL) != 0 ||
        pthread_create(&server->thread, NULL, run, server) != 0)
        abort();
    return server;
}

void http_server_stop(http_server_t *server)
{
    close(server->stop[1]);
    pthread_join(server->thread, NULL);
    close(server->stop[0]);
    close(server->listener);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *http_server_url(http_server_t *server, const char *path)
{
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d%s", server->port, path);
    return server->url;
}

const char *http_server_request(http_server_t *server)
{
    return server->request;
}

static int read_locked(http_server_t *server, const int *number)
{
    pthread_mutex_lock(&server->lock);
    int value = *number;
    pthread_mutex_unlock(&server->lock);
    return value;
}

int http_server_connections(http_server_t *server)
{
    return read_locked(server, &server->connections);
}

int http_server_requests(http_server_t *server)
{
    return read_locked(server, &server->requests);
}

int http_closed_port(void)
{
    int port;
    close(listen_on_loopback(1, &port));
    return port;
}

/* Connect without waiting. @return true when the connection hangs. */
static bool connect_hangs(int port, int *fd_out)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *fd_out = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)connect(*fd_out, (struct sockaddr *)&address, sizeof address);
    struct pollfd wait = {*fd_out, POLLOUT, 0};
    return poll(&wait, 1, 200) == 0;
}

bool http_hanging_start(struct http_hanging *hanging)
{
    hanging->filler_count = 0;
    hanging->listener = listen_on_loopback(0, &hanging->port);
    while (hanging->filler_count < 16)
        if (connect_hangs(hanging->port, &hanging->fillers[hanging->filler_count++]))
            return true;
    return false;
}

void http_hanging_stop(struct http_hanging *hanging)
{
    for (int i = 0; i < hanging->filler_count; i++)
        close(hanging->fillers[i]);
    close(hanging->listener);
}
