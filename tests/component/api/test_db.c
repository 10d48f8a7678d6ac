/* The api's connection to PostgreSQL, against a server of ours that says how long statements take.
 */
#include "api/db.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* No time passes: a statement is ended when its connection's statement_timeout is below that. */
static struct {
    int listener;
    pthread_t thread;
    char url[128];
    atomic_int takes_ms;
    atomic_int connections;
    atomic_int limit_ms; /* of the last connection; 0: none */
} server;

static struct ds_runtime runtime;
static ds_db_t db;

static bool take(int fd, void *to, size_t bytes)
{
    char *at = to;
    while (bytes > 0) {
        ssize_t got = read(fd, at, bytes);
        if (got <= 0)
            return false;
        at += got;
        bytes -= (size_t)got;
    }
    return true;
}

static void give(int fd, const void *bytes, size_t count)
{
    cr_assert_eq(write(fd, bytes, count), (ssize_t)count);
}

/* What is behind a message's type: its length, itself included, and that. NULL: the end. */
static char *take_body(int fd)
{
    uint32_t length;
    if (!take(fd, &length, sizeof length))
        return NULL;
    size_t bytes = ntohl(length) - sizeof length;
    char *body = calloc(1, bytes + 1);
    cr_assert_not_null(body);
    if (take(fd, body, bytes))
        return body;
    free(body);
    return NULL;
}

static const char ready[] = {'Z', 0, 0, 0, 5, 'I'};

static void answer_statement(int fd, const char *sql)
{
    static const char done[] = {'C', 0, 0, 0, 8, 'S', 'E', 'T', 0};
    static const char canceled[] = {'E', 0, 0, 0, 12, 'C', '5', '7', '0', '1', '4', 0, 0};
    static const char set[] = "SET statement_timeout = ";
    if (server.limit_ms > 0 && server.limit_ms < server.takes_ms) {
        give(fd, canceled, sizeof canceled);
    } else {
        if (strncmp(sql, set, sizeof set - 1) == 0)
            server.limit_ms = (int)strtol(sql + sizeof set - 1, NULL, 10);
        give(fd, done, sizeof done);
    }
    give(fd, ready, sizeof ready);
}

static void serve(int fd)
{
    static const char authenticated[] = {'R', 0, 0, 0, 8, 0, 0, 0, 0};
    char type;
    char *body = take_body(fd);
    server.connections++;
    server.limit_ms = 0;
    give(fd, authenticated, sizeof authenticated);
    give(fd, ready, sizeof ready);
    while (body != NULL) {
        free(body);
        body = take(fd, &type, 1) ? take_body(fd) : NULL;
        if (body != NULL && type == 'Q')
            answer_statement(fd, body);
    }
}

static void *run(void *context)
{
    int fd;
    while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
        serve(fd);
        (void)close(fd);
    }
    return context;
}

static void start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof address;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(server.listener, (struct sockaddr *)&address, bytes), 0);
    cr_assert_eq(listen(server.listener, 4), 0);
    cr_assert_eq(getsockname(server.listener, (struct sockaddr *)&address, &bytes), 0);
    (void)snprintf(server.url, sizeof server.url,
                   "postgresql://x@127.0.0.1:%d/x?sslmode=disable&gssencmode=disable",
                   ntohs(address.sin_port));
    cr_assert_eq(pthread_create(&server.thread, NULL, run, NULL), 0);
    runtime.clock = ds_system_clock();
    db = (ds_db_t){.url = server.url, .runtime = &runtime, .default_timeout_us = 2 * DS_US_PER_S};
}

static void stop(void)
{
    ds_db_close(&db);
    (void)shutdown(server.listener, SHUT_RDWR);
    (void)pthread_join(server.thread, NULL);
    (void)close(server.listener);
}

TestSuite(db, .init = start, .fini = stop, .timeout = 60);

static void limit(int64_t timeout_us)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_db_limit(&db, timeout_us, &error), "%s", error.message);
}

static void open_for_a_lookup(void)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_db_open(&db, &error), "%s", error.message);
    limit(50 * DS_US_PER_MS);
    cr_assert_eq(server.limit_ms, 50);
    cr_assert_eq(server.connections, 1);
}

Test(db, a_limit_is_lengthened_on_its_connection)
{
    open_for_a_lookup();
    limit(2 * DS_US_PER_S);
    cr_assert_eq(server.limit_ms, 2000);
    cr_assert_eq(server.connections, 1);
}

/* The statement that lengthens it runs under the short one. */
Test(db, a_limit_is_lengthened_though_the_server_is_slower_than_the_short_one)
{
    ds_error_t error = DS_ERROR_INIT;
    open_for_a_lookup();
    server.takes_ms = 100;
    limit(2 * DS_US_PER_S);
    cr_assert_eq(server.limit_ms, 2000);
    cr_assert_eq(server.connections, 2);
    cr_assert(ds_db_execute(&db, "SELECT 1", &error), "%s", error.message);
}

Test(db, a_limit_longer_than_the_defaults_is_set_on_the_new_connection_too)
{
    open_for_a_lookup();
    server.takes_ms = 100;
    limit(3 * DS_US_PER_S);
    cr_assert_eq(server.limit_ms, 3000);
    cr_assert_eq(server.connections, 2);
}

/* A shorter one has nothing to gain from a new connection. */
Test(db, a_server_too_slow_for_any_limit_costs_no_second_connection)
{
    ds_error_t error = DS_ERROR_INIT;
    open_for_a_lookup();
    server.takes_ms = 100;
    cr_assert_not(ds_db_limit(&db, 40 * DS_US_PER_MS, &error));
    cr_assert_eq(error.code, DS_ERR_TIMEOUT);
    cr_assert_eq(server.connections, 1);
}
