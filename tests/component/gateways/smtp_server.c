#include "smtp_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_BYTES 2048
#define TURN_MS    20
#define TURNS_MAX  250

struct smtp_server {
    struct smtp_script script;
    int listener;
    int peer;
    pthread_t thread;
    atomic_bool stop;
    atomic_int mails;
    atomic_int connections;
    char url[64];
    char in[LINE_BYTES];
    size_t in_bytes;
    char mail[SMTP_MAIL_BYTES];
    pthread_mutex_t lock; /* over `shown` */
    char shown[SMTP_MAIL_BYTES];
};

/* One line without its end. false: the other side is gone, or the test ends. */
static bool read_line(struct smtp_server *server, char line[LINE_BYTES])
{
    for (int turn = 0; turn < TURNS_MAX && !atomic_load(&server->stop);) {
        char *end = memchr(server->in, '\n', server->in_bytes);
        if (end != NULL) {
            size_t bytes = (size_t)(end - server->in) + 1;
            size_t text = bytes >= 2 && end[-1] == '\r' ? bytes - 2 : bytes - 1;
            memcpy(line, server->in, text);
            line[text] = '\0';
            server->in_bytes -= bytes;
            memmove(server->in, server->in + bytes, server->in_bytes);
            return true;
        }
        struct pollfd poll_one = {server->peer, POLLIN, 0};
        if (poll(&poll_one, 1, TURN_MS) == 0) {
            turn++;
            continue;
        }
        ssize_t got = recv(server->peer, server->in + server->in_bytes,
                           sizeof server->in - server->in_bytes, 0);
        if (got <= 0)
            return false;
        server->in_bytes += (size_t)got;
    }
    return false;
}

static void stay_silent(struct smtp_server *server)
{
    char line[LINE_BYTES];
    while (read_line(server, line))
        continue;
}

/* false: the session is over. */
static bool say(struct smtp_server *server, const char *scripted, const char *usual)
{
    const char *text = scripted != NULL ? scripted : usual;
    char line[LINE_BYTES];
    if (strcmp(text, "!") == 0)
        return false;
    if (text[0] == '\0') {
        stay_silent(server);
        return false;
    }
    int bytes = snprintf(line, sizeof line, "%s\r\n", text);
    return send(server->peer, line, (size_t)bytes, MSG_NOSIGNAL) == bytes;
}

static void keep(struct smtp_server *server, const char *line)
{
    size_t used = strlen(server->mail);
    (void)snprintf(server->mail + used, sizeof server->mail - used, "%s\n", line);
}

static bool take_mail(struct smtp_server *server)
{
    char line[LINE_BYTES];
    bool first = true;
    if (!say(server, server->script.data, "354 go on") || server->script.data != NULL)
        return server->script.data != NULL && server->script.data[0] >= '0';
    while (read_line(server, line) && strcmp(line, ".") != 0) {
        keep(server, line[0] == '.' ? line + 1 : line);
        if (first && server->script.within != NULL)
            return say(server, server->script.within, "") && false;
        first = false;
    }
    if (strcmp(line, ".") != 0)
        return false;
    pthread_mutex_lock(&server->lock);
    memcpy(server->shown, server->mail, sizeof server->shown);
    pthread_mutex_unlock(&server->lock);
    atomic_fetch_add(&server->mails, 1);
    return say(server, server->script.end, "250 kept");
}

static void serve(struct smtp_server *server)
{
    char line[LINE_BYTES];
    bool go_on = say(server, server->script.greeting, "220 test");
    while (go_on && read_line(server, line)) {
        if (strncmp(line, "EHLO", 4) == 0) {
            go_on = say(server, NULL, "250-test\r\n250 AUTH PLAIN");
        } else if (strncmp(line, "AUTH", 4) == 0) {
            go_on = say(server, server->script.auth, "235 welcome");
        } else if (strncmp(line, "MAIL", 4) == 0) {
            server->mail[0] = '\0';
            keep(server, line);
            go_on = say(server, server->script.mail, "250 ok");
        } else if (strncmp(line, "RCPT", 4) == 0) {
            keep(server, line);
            go_on = say(server, server->script.rcpt, "250 ok");
        } else if (strcmp(line, "DATA") == 0) {
            go_on = take_mail(server);
        } else if (strcmp(line, "QUIT") == 0) {
            (void)say(server, NULL, "221 bye");
            return;
        } else {
            go_on = say(server, NULL, "502 what?");
        }
    }
}

static void *run(void *context)
{
    struct smtp_server *server = context;
    while (!atomic_load(&server->stop)) {
        struct pollfd poll_one = {server->listener, POLLIN, 0};
        if (poll(&poll_one, 1, TURN_MS) <= 0)
            continue;
        server->peer = accept(server->listener, NULL, NULL);
        if (server->peer < 0)
            continue;
        server->in_bytes = 0;
        atomic_fetch_add(&server->connections, 1);
        serve(server);
        (void)close(server->peer);
    }
    return NULL;
}

smtp_server_t *smtp_server_start(const struct smtp_script *script)
{
    struct smtp_server *server = calloc(1, sizeof *server);
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof place;
    if (server == NULL)
        abort();
    server->script = *script;
    pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, (void *)&place, sizeof place) != 0 ||
        listen(server->listener, 16) != 0 ||
        getsockname(server->listener, (void *)&place, &bytes) != 0)
        abort();
    (void)snprintf(server->url, sizeof server->url, "smtp://127.0.0.1:%d",
                   (int)ntohs(place.sin_port));
    if (pthread_create(&server->thread, NULL, run, server) != 0)
        abort();
    return server;
}

void smtp_server_stop(smtp_server_t *server)
{
    atomic_store(&server->stop, true);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->listener);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *smtp_server_url(const smtp_server_t *server)
{
    return server->url;
}

const char *smtp_server_mail(smtp_server_t *server)
{
    pthread_mutex_lock(&server->lock);
    pthread_mutex_unlock(&server->lock);
    return server->shown;
}

int smtp_server_mails(smtp_server_t *server)
{
    return atomic_load(&server->mails);
}

int smtp_server_connections(smtp_server_t *server)
{
    return atomic_load(&server->connections);
}
