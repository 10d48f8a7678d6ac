#include "api/db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

enum {
    CONNECT_US = 2000000,
    TRY_AGAIN_US = 250000,
    /* For the server to say that it ended a statement. Who does not wait for that leaves a backend
     * behind. */
    ANSWER_US = 500000,
};

static int64_t now_us(const ds_db_t *db)
{
    return ds_monotonic_us(db->runtime->clock);
}

void ds_db_close(ds_db_t *db)
{
    if (db->connection != NULL)
        PQfinish(db->connection);
    db->connection = NULL;
    db->prepared_count = 0;
}

/* The message of libpq ends with a newline and may be long; it holds no parameters. */
static bool unavailable(ds_db_t *db, const char *what, ds_error_t *error)
{
    char text[160];
    ds_str_t message =
        ds_str_before(ds_str(db->connection == NULL ? "" : PQerrorMessage(db->connection)), '\n');
    (void)ds_str_to_array(ds_utf8_cut(message, sizeof text - 1), text, sizeof text);
    ds_db_close(db);
    db->try_again_us = now_us(db) + TRY_AGAIN_US;
    return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "%s: %s", what, text);
}

static bool wait_socket(ds_db_t *db, short events, int64_t until_us)
{
    for (;;) {
        int64_t left_us = until_us - now_us(db);
        if (left_us <= 0)
            return false;
        struct pollfd fd = {PQsocket(db->connection), events, 0};
        int ready = poll(&fd, 1, (int)((left_us + 999) / 1000));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

static bool finish_connecting(ds_db_t *db, int64_t until_us)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED ||
            !wait_socket(db, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_us))
            return false;
        state = PQconnectPoll(db->connection);
    }
    return true;
}

bool ds_db_open(ds_db_t *db, ds_error_t *error)
{
    static const char *const names[] = {"dbname", "application_name", "tcp_user_timeout",
                                        "keepalives_idle", NULL};
    const char *values[] = {db->url, "doorstep api", "5000", "10", NULL};
    char settings[400];
    if (db->connection != NULL)
        return true;
    if (now_us(db) < db->try_again_us)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "the database is away");
    db->connection = PQconnectStartParams(names, values, 1);
    if (db->connection == NULL || PQstatus(db->connection) == CONNECTION_BAD ||
        !finish_connecting(db, now_us(db) + CONNECT_US))
        return unavailable(db, "connect to the database", error);
    (void)snprintf(
        settings, sizeof settings,
        "SET statement_timeout = %lld; SET lock_timeout = 500;"
        "SET idle_in_transaction_session_timeout = 10000;"
        "SET default_transaction_read_only = on; SET TimeZone = 'UTC';"
        /* filters that were not given are NULL: planned away only with their values known */
        "SET plan_cache_mode = force_custom_plan",
        (long long)(db->default_timeout_us / DS_US_PER_MS));
    db->timeout_us = CONNECT_US;
    db->server_timeout_us = db->default_timeout_us;
    return ds_db_execute(db, settings, error);
}

static bool set_limit(ds_db_t *db, int64_t timeout_us, ds_error_t *error)
{
    char setting[64];
    db->timeout_us = timeout_us;
    if (db->server_timeout_us == timeout_us)
        return true;
    (void)snprintf(setting, sizeof setting, "SET statement_timeout = %lld",
                   (long long)(timeout_us / DS_US_PER_MS));
    if (!ds_db_execute(db, setting, error))
        return false;
    db->server_timeout_us = timeout_us;
    return true;
}

/* The statement that sets a limit runs under the one before. Where a short one was over first, a
 * slow server would never be given more: a new connection begins without. */
bool ds_db_limit(ds_db_t *db, int64_t timeout_us, ds_error_t *error)
{
    ds_error_t first = DS_ERROR_INIT;
    bool longer = timeout_us > db->server_timeout_us;
    if (set_limit(db, timeout_us, &first))
        return true;
    if (!longer || db->connection == NULL || first.code != DS_ERR_TIMEOUT) {
        *error = first;
        return false;
    }
    ds_db_close(db);
    return ds_db_open(db, error) && set_limit(db, timeout_us, error);
}

void ds_db_settle(ds_db_t *db, const ds_error_t *error)
{
    if (db->connection == NULL || error->domain != DS_DOMAIN_PG || error->code != DS_ERR_TIMEOUT ||
        PQtransactionStatus(db->connection) != PQTRANS_IDLE)
        ds_db_close(db);
}

void ds_db_look(ds_db_t *db)
{
    if (db->connection == NULL)
        return;
    if (PQconsumeInput(db->connection) != 1 || PQstatus(db->connection) == CONNECTION_BAD)
        ds_db_close(db);
}

/* Wait for all results; the last one counts. */
static bool take_results(ds_db_t *db, PGresult **result_out, ds_error_t *error)
{
    int64_t until_us = now_us(db) + db->timeout_us + ANSWER_US;
    *result_out = NULL;
    for (;;) {
        while (PQisBusy(db->connection)) {
            if (!wait_socket(db, POLLIN, until_us)) {
                PQclear(*result_out);
                *result_out = NULL;
                (void)ds_error_set(error, DS_DOMAIN_PG, DS_ERR_TIMEOUT,
                                   "the database did not answer in %lld ms",
                                   (long long)((db->timeout_us + ANSWER_US) / DS_US_PER_MS));
                ds_db_close(db);
                return false;
            }
            if (PQconsumeInput(db->connection) != 1)
                break;
        }
        PGresult *next = PQgetResult(db->connection);
        if (next == NULL)
            return true;
        PQclear(*result_out);
        *result_out = next;
    }
}

static bool check_result(ds_db_t *db, PGresult **result, const char *what, ds_error_t *error)
{
    ExecStatusType status = *result == NULL ? PGRES_FATAL_ERROR : PQresultStatus(*result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return true;
    const char *state = *result == NULL ? NULL : PQresultErrorField(*result, PG_DIAG_SQLSTATE);
    if (PQstatus(db->connection) == CONNECTION_BAD)
        (void)unavailable(db, what, error);
    else
        (void)ds_error_set(error, DS_DOMAIN_PG,
                           state != NULL && strcmp(state, "57014") == 0 ? DS_ERR_TIMEOUT
                                                                        : DS_ERR_INVALID,
                           "%s: SQLSTATE %s", what, state == NULL ? "unknown" : state);
    PQclear(*result);
    *result = NULL;
    return false;
}

bool ds_db_execute(ds_db_t *db, const char *sql, ds_error_t *error)
{
    PGresult *result = NULL;
    if (PQsendQuery(db->connection, sql) != 1)
        return unavailable(db, "send a statement", error);
    bool ok = take_results(db, &result, error) && check_result(db, &result, "a statement", error);
    PQclear(result);
    return ok;
}

static bool prepare(ds_db_t *db, const struct ds_sql *sql, ds_error_t *error)
{
    PGresult *result = NULL;
    for (size_t i = 0; i < db->prepared_count; i++)
        if (db->prepared[i] == sql)
            return true;
    if (db->prepared_count == DS_DB_MAX_PREPARED)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_LIMIT, "too many prepared statements");
    if (PQsendPrepare(db->connection, sql->name, sql->text, 0, NULL) != 1)
        return unavailable(db, "prepare a statement", error);
    if (!take_results(db, &result, error) || !check_result(db, &result, sql->name, error))
        return false;
    PQclear(result);
    db->prepared[db->prepared_count++] = sql;
    return true;
}

bool ds_db_query(ds_db_t *db, const struct ds_sql *sql, int param_count, const char *const *params,
                 PGresult **rows_out, ds_error_t *error)
{
    *rows_out = NULL;
    if (db->connection == NULL)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "the database is away");
    if (!prepare(db, sql, error))
        return false;
    if (PQsendQueryPrepared(db->connection, sql->name, param_count, params, NULL, NULL, 0) != 1)
        return unavailable(db, sql->name, error);
    return take_results(db, rows_out, error) && check_result(db, rows_out, sql->name, error);
}

ds_str_t ds_cell(const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column))
        return (ds_str_t){0};
    return (ds_str_t){PQgetvalue(rows, row, column), (uint32_t)PQgetlength(rows, row, column)};
}

int64_t ds_cell_int(const PGresult *rows, int row, int column)
{
    int64_t value = 0;
    return ds_str_to_i64(ds_cell(rows, row, column), &value) ? value : 0;
}

bool ds_cell_bool(const PGresult *rows, int row, int column)
{
    return ds_str_eq(ds_cell(rows, row, column), DS_STR("t"));
}
