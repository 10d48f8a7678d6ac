#include "projections/postgres/link.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_PREPARED 64

struct prepared {
    const char *name;
    const char *sql;
};

struct ds_pg {
    struct ds_pg_config config;
    PGconn *conn;
    size_t queued;
    struct prepared prepared[MAX_PREPARED];
    size_t prepared_count;
    size_t prepared_here; /* of these, known to the present connection */
    void (*notice)(void *context, const char *message);
    void *notice_context;
};

ds_pg_t *ds_pg_new(const struct ds_pg_config *config)
{
    ds_pg_t *pg = calloc(1, sizeof *pg);
    if (pg != NULL)
        pg->config = *config;
    return pg;
}

void ds_pg_close(ds_pg_t *pg)
{
    PQfinish(pg->conn); /* NULL is fine */
    pg->conn = NULL;
    pg->queued = 0;
    pg->prepared_here = 0;
}

void ds_pg_destroy(ds_pg_t *pg)
{
    if (pg == NULL)
        return;
    ds_pg_close(pg);
    free(pg);
}

bool ds_pg_connected(const ds_pg_t *pg)
{
    return pg->conn != NULL;
}

/* libpq's messages end with a newline and may have several lines; one is enough. */
static ds_str_t first_line(const char *message)
{
    return ds_str_before(ds_str(message), '\n');
}

/* Whether it may work on a new connection: connection errors, shutdowns and restarts, lack of
 * resources, deadlocks and serialization, lock and statement timeouts. */
static bool passing(const char *sqlstate)
{
    static const char *const classes[] = {"08", "53", "57", "58", "40", "55P03", "25P03", "3D000"};
    if (sqlstate == NULL)
        return true;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0)
            return true;
    }
    return false;
}

/* The one end of every failure: note it and close. */
static bool fail(ds_pg_t *pg, enum ds_error_code code, const char *what, const char *message,
                 ds_error_t *error)
{
    ds_error_set(error, DS_DOMAIN_PG, code, "%s: %.*s", what, DS_STR_ARG(first_line(message)));
    ds_pg_close(pg);
    return false;
}

static bool fail_connection(ds_pg_t *pg, const char *what, ds_error_t *error)
{
    return fail(pg, DS_ERR_UNAVAILABLE, what, PQerrorMessage(pg->conn), error);
}

static bool fail_result(ds_pg_t *pg, PGresult *result, ds_error_t *error)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum ds_error_code code = passing(sqlstate) ? DS_ERR_UNAVAILABLE : DS_ERR_INVALID;
    ds_error_set(error, DS_DOMAIN_PG, code, "PostgreSQL: %s %s",
                 sqlstate == NULL ? "connection lost" : sqlstate, detail == NULL ? "" : detail);
    PQclear(result);
    ds_pg_close(pg);
    return false;
}

static int remaining_ms(const ds_pg_t *pg, int64_t deadline_us)
{
    int64_t left = deadline_us - ds_monotonic_us(pg->config.clock);
    return left <= 0 ? 0 : (int)(left / DS_US_PER_MS) + 1;
}

/* Send and receive until a result can be had without waiting. */
static bool wait_result(ds_pg_t *pg, int64_t deadline_us, ds_error_t *error)
{
    for (;;) {
        int unsent = PQflush(pg->conn);
        if (unsent < 0)
            return fail_connection(pg, "sending to PostgreSQL", error);
        if (unsent == 0 && !PQisBusy(pg->conn))
            return true;
        struct pollfd fd = {PQsocket(pg->conn), POLLIN, 0};
        if (unsent > 0)
            fd.events = POLLIN | POLLOUT;
        int left_ms = remaining_ms(pg, deadline_us);
        int ready = left_ms == 0 ? 0 : poll(&fd, 1, left_ms);
        if (ready < 0 && errno != EINTR)
            return fail(pg, DS_ERR_UNAVAILABLE, "waiting for PostgreSQL", strerror(errno), error);
        if (ready == 0 && remaining_ms(pg, deadline_us) == 0)
            return fail(pg, DS_ERR_UNAVAILABLE, "waiting for PostgreSQL", "no answer in time",
                        error);
        if (!PQconsumeInput(pg->conn))
            return fail_connection(pg, "reading from PostgreSQL", error);
    }
}

static bool next_result(ds_pg_t *pg, int64_t deadline_us, PGresult **result_out, ds_error_t *error)
{
    *result_out = NULL;
    if (!wait_result(pg, deadline_us, error))
        return false;
    *result_out = PQgetResult(pg->conn);
    return true;
}

static int64_t deadline(const ds_pg_t *pg, int timeout_ms)
{
    return ds_monotonic_us(pg->config.clock) + timeout_ms * DS_US_PER_MS;
}

/* Finite timeouts on the server's side too, so that a dead client's transaction does not hold rows;
 * and no plan that was made while a table was empty: all statements go by primary keys. */
static bool set_session(ds_pg_t *pg, ds_error_t *error)
{
    char sql[512];
    int n = snprintf(sql, sizeof sql,
                     "SELECT set_config('statement_timeout', '%d', false), "
                     "set_config('lock_timeout', '%d', false), "
                     "set_config('idle_in_transaction_session_timeout', '%d', false), "
                     "set_config('synchronous_commit', '%s', false), set_config('enable_seqscan', "
                     "'off', false), "
                     "set_config('plan_cache_mode', 'force_generic_plan', false), "
                     "set_config('jit', 'off', false)",
                     pg->config.timeout_ms, pg->config.timeout_ms, pg->config.timeout_ms,
                     pg->config.synchronous_commit ? "on" : "off");
    if (n < 0 || (size_t)n >= sizeof sql)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_LIMIT, "session settings are too long");
    return ds_pg_queue_sql(pg, sql, NULL, error) && ds_pg_sync(pg, NULL, 1, error);
}

static bool queue_prepare(ds_pg_t *pg, const struct prepared *p, ds_error_t *error)
{
    if (!PQsendPrepare(pg->conn, p->name, p->sql, 0, NULL))
        return fail_connection(pg, "preparing a statement", error);
    pg->queued++;
    return true;
}

/* What this connection does not know yet. */
static bool prepare_rest(ds_pg_t *pg, ds_error_t *error)
{
    while (pg->prepared_here < pg->prepared_count) {
        size_t count = 0;
        while (pg->prepared_here < pg->prepared_count && count < DS_PG_MAX_QUEUED) {
            if (!queue_prepare(pg, &pg->prepared[pg->prepared_here], error))
                return false;
            pg->prepared_here++;
            count++;
        }
        if (!ds_pg_sync(pg, NULL, count, error))
            return false;
    }
    return true;
}

static bool start_connection(ds_pg_t *pg, ds_error_t *error)
{
    char seconds[16];
    char milliseconds[16];
    int timeout_s = pg->config.timeout_ms / 1000;
    (void)snprintf(seconds, sizeof seconds, "%d", timeout_s < 2 ? 2 : timeout_s);
    (void)snprintf(milliseconds, sizeof milliseconds, "%d", pg->config.timeout_ms);
    /* The first is expanded as a URL; what stands behind it wins over what is in it. */
    const char *const names[] = {"dbname",           "application_name", "connect_timeout",
                                 "tcp_user_timeout", "keepalives_idle",  "keepalives_interval",
                                 "keepalives_count", "client_encoding",  NULL};
    const char *const values[] = {pg->config.url,
                                  pg->config.application_name,
                                  seconds,
                                  milliseconds,
                                  "10",
                                  "5",
                                  "3",
                                  "UTF8",
                                  NULL};
    pg->conn = PQconnectdbParams(names, values, 1);
    if (pg->conn == NULL)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_MEMORY, "no memory for a connection");
    if (PQstatus(pg->conn) != CONNECTION_OK)
        return fail_connection(pg, "connecting to PostgreSQL", error);
    return true;
}

static void on_notice(void *context, const char *message)
{
    ds_pg_t *pg = context;
    if (pg->notice != NULL)
        pg->notice(pg->notice_context, message);
}

bool ds_pg_connect(ds_pg_t *pg, ds_error_t *error)
{
    if (pg->conn != NULL)
        return prepare_rest(pg, error);
    PQconninfoOption *parsed = PQconninfoParse(pg->config.url, NULL);
    if (parsed == NULL) /* libpq would quote the part it stumbled over: a password */
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID,
                            "DATABASE_URL is no URL of PostgreSQL and no list of key=value (user "
                            "and password must be percent-encoded)");
    PQconninfoFree(parsed);
    if (!start_connection(pg, error))
        return false;
    (void)PQsetNoticeProcessor(pg->conn, on_notice, pg);
    if (PQsetnonblocking(pg->conn, 1) != 0)
        return fail_connection(pg, "connecting to PostgreSQL", error);
    return set_session(pg, error) && prepare_rest(pg, error);
}

bool ds_pg_prepare(ds_pg_t *pg, const char *name, const char *sql, ds_error_t *error)
{
    if (pg->prepared_count == MAX_PREPARED)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_LIMIT, "more than %d prepared statements",
                            MAX_PREPARED);
    pg->prepared[pg->prepared_count++] = (struct prepared){name, sql};
    return true;
}

static bool ready_to_queue(ds_pg_t *pg, ds_error_t *error)
{
    assert(pg->queued < DS_PG_MAX_QUEUED);
    if (pg->conn == NULL)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "no connection to PostgreSQL");
    if (PQpipelineStatus(pg->conn) == PQ_PIPELINE_OFF && !PQenterPipelineMode(pg->conn))
        return fail_connection(pg, "entering pipeline mode", error);
    return true;
}

bool ds_pg_queue(ds_pg_t *pg, const char *name, int param_count, const char *const *values,
                 const int *lengths, ds_error_t *error)
{
    static const int binary[64] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert(param_count <= 64);
    if (!ready_to_queue(pg, error))
        return false;
    if (!PQsendQueryPrepared(pg->conn, name, param_count, values, lengths, binary, 1))
        return fail_connection(pg, name, error);
    pg->queued++;
    return true;
}

bool ds_pg_queue_sql(ds_pg_t *pg, const char *sql, const char *param, ds_error_t *error)
{
    if (!ready_to_queue(pg, error))
        return false;
    if (!PQsendQueryParams(pg->conn, sql, param == NULL ? 0 : 1, NULL, &param, NULL, NULL, 1))
        return fail_connection(pg, "sending to PostgreSQL", error);
    pg->queued++;
    return true;
}

/* A statement's result and the NULL behind it. */
static bool collect_one(ds_pg_t *pg, int64_t deadline_us, PGresult **result_out, ds_error_t *error)
{
    PGresult *end = NULL;
    if (!next_result(pg, deadline_us, result_out, error))
        return false;
    ExecStatusType status = PQresultStatus(*result_out);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        PGresult *failed = *result_out;
        *result_out = NULL;
        return fail_result(pg, failed, error);
    }
    if (!next_result(pg, deadline_us, &end, error))
        return false;
    assert(end == NULL);
    return true;
}

static bool collect(ds_pg_t *pg, PGresult **results, size_t count, ds_error_t *error)
{
    int64_t deadline_us = deadline(pg, pg->config.timeout_ms);
    PGresult *sync = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!collect_one(pg, deadline_us, &results[i], error))
            return false;
    }
    if (!next_result(pg, deadline_us, &sync, error))
        return false;
    bool ok = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return ok || fail(pg, DS_ERR_UNAVAILABLE, "PostgreSQL", "the pipeline was not answered", error);
}

bool ds_pg_sync(ds_pg_t *pg, PGresult **results_out, size_t count, ds_error_t *error)
{
    PGresult *results[DS_PG_MAX_QUEUED] = {NULL};
    assert(count <= DS_PG_MAX_QUEUED);
    if (pg->conn == NULL)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "no connection to PostgreSQL");
    assert(pg->queued == count);
    pg->queued = 0;
    bool ok = PQpipelineSync(pg->conn) ? collect(pg, results, count, error)
                                       : fail_connection(pg, "sending to PostgreSQL", error);
    for (size_t i = 0; i < count; i++) {
        if (ok && results_out != NULL) {
            results_out[i] = results[i];
            continue;
        }
        PQclear(results[i]);
        if (results_out != NULL)
            results_out[i] = NULL;
    }
    return ok;
}

bool ds_pg_script(ds_pg_t *pg, const char *sql, int timeout_ms, ds_error_t *error)
{
    PGresult *result = NULL;
    if (pg->conn == NULL)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "no connection to PostgreSQL");
    if (PQpipelineStatus(pg->conn) != PQ_PIPELINE_OFF && !PQexitPipelineMode(pg->conn))
        return fail_connection(pg, "leaving pipeline mode", error);
    if (!PQsendQuery(pg->conn, sql))
        return fail_connection(pg, "sending to PostgreSQL", error);
    int64_t deadline_us = deadline(pg, timeout_ms);
    for (;;) {
        if (!next_result(pg, deadline_us, &result, error))
            return false;
        if (result == NULL)
            return true;
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
            return fail_result(pg, result, error);
        PQclear(result);
    }
}

void ds_pg_on_notice(ds_pg_t *pg, void (*notice)(void *context, const char *message), void *context)
{
    pg->notice = notice;
    pg->notice_context = context;
}
