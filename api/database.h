/* api/database.h - PostgreSQL for queries: a few threads, one connection each, a bounded queue.
 *
 * A handler holds its request and submits it with a job; a query thread runs the job, which answers
 * and releases. When the database is away, the queue is full, or the job's time is over before a
 * thread took it, `away` runs instead: it answers 503, or goes on without the database where a
 * command does.
 *
 * Every statement has a limit on both sides: statement_timeout in the server, and a wait on the
 * socket here, since a frozen server keeps no timeouts. A connection whose answer did not come is
 * thrown away. Threads: submit from any; jobs run in the query threads, `away` there, in the ticker
 * or in the submitter. */
#ifndef DS_API_DATABASE_H
#define DS_API_DATABASE_H

#include "api/request.h"
#include "base/runtime.h"

#include <libpq-fe.h>

typedef struct ds_database ds_database_t;
typedef struct ds_db ds_db_t; /* one connection, lent to a job */

/** A statement, prepared once a connection. Names are unique. */
struct ds_sql {
    const char *name;
    const char *text;
};

struct ds_query_job {
    /** Runs in a query thread: reads, and writes the answer. When it returns false the database
     * failed (error says how). */
    bool (*run)(ds_request_t *request, ds_db_t *db, ds_error_t *error);
    /** Instead of run. NULL: 503 database_unavailable. It answers and releases, or hands the
     * request on. */
    void (*away)(ds_request_t *request);
    /** After run: NULL: release. Else it releases, or hands the request on. */
    void (*then)(ds_request_t *request);
    int64_t timeout_us; /* 0: the option's */
    int64_t give_up_us; /* set by submit */
    bool consistent;    /* wait for the request's Consistency-Tokens */
};

struct ds_database_config {
    const char *url;
    size_t threads;
    size_t queue_max;
    int64_t timeout_us;
};

/** @brief Start the threads; the server may be away. */
DS_MUST_CHECK bool ds_database_new(const struct ds_runtime *runtime,
                                   const struct ds_database_config *config,
                                   ds_database_t **database_out, ds_error_t *error);
/** @brief Stop; what is queued gets `away`. NULL is fine. */
void ds_database_destroy(ds_database_t *database);
/** @brief Whether the last thing that was tried succeeded. */
bool ds_database_up(const ds_database_t *database);
/** @brief Queue the request (held by the caller) with its job, which must live in its arena. */
void ds_database_submit(ds_database_t *database, ds_request_t *request, struct ds_query_job *job);
/** @brief Run `away` for jobs whose time is over. @locality the ticker. */
void ds_database_tick(ds_database_t *database, int64_t now_us);
/** @brief Hold the request and run the query; for handlers of GET. */
void ds_query_start(ds_request_t *request,
                    bool (*run)(ds_request_t *request, ds_db_t *db, ds_error_t *error));

/** @brief Run a statement with text parameters (NULL is SQL NULL). @param rows_out PQclear it; NULL
 * on failure. DS_ERR_UNAVAILABLE: no connection; DS_ERR_TIMEOUT. @locality a query thread. */
DS_MUST_CHECK bool ds_db_query(ds_db_t *db, const struct ds_sql *sql, int param_count,
                               const char *const *params, PGresult **rows_out, ds_error_t *error);

/* Cells of a result. A NULL reads as empty, 0 or false. */
ds_str_t ds_cell(const PGresult *rows, int row, int column);
int64_t ds_cell_int(const PGresult *rows, int row, int column);
bool ds_cell_bool(const PGresult *rows, int row, int column);

#endif
