/* projections/postgres/link.h - one connection to PostgreSQL on which nothing waits for ever.
 *
 * Statements are queued and sent together (pipeline mode), so that a batch costs two round trips.
 * libpq's own waits have no deadline against a server that is frozen while its kernel still
 * answers; here every wait is a poll(2) with one. After any error the connection is closed, which
 * rolls back what was not committed. Threads: one link, one thread. */
#ifndef DS_PROJECTIONS_POSTGRES_LINK_H
#define DS_PROJECTIONS_POSTGRES_LINK_H

#include "base/clock.h"
#include "base/str.h"

#include <libpq-fe.h>

#define DS_PG_MAX_QUEUED 32

struct ds_pg_config {
    const char *url; /* libpq's URL or key=value form */
    const char *application_name;
    int timeout_ms; /* of one round trip, and of connecting (in whole seconds, at least 2) */
    bool synchronous_commit; /* false: a commit does not wait for the disk; see ds_pg_ownership */
    const ds_clock_t *clock;
};

typedef struct ds_pg ds_pg_t;

/** @brief Not connected yet. @param config  its texts are borrowed. NULL: no memory. */
ds_pg_t *ds_pg_new(const struct ds_pg_config *config);
void ds_pg_destroy(ds_pg_t *pg);

/** @brief Connect where there is no connection; nothing otherwise. Blocks for at most the timeout.
 *  @param error  UNAVAILABLE: away, or not ready; INVALID: it will not work later either (a wrong
 * URL). */
DS_MUST_CHECK bool ds_pg_connect(ds_pg_t *pg, ds_error_t *error);
bool ds_pg_connected(const ds_pg_t *pg);
/** @brief Close; the next ds_pg_connect makes a new connection. */
void ds_pg_close(ds_pg_t *pg);

/** @brief Prepare a statement for this connection and the ones after it, under a name. At most 64;
 * the texts are borrowed. */
DS_MUST_CHECK bool ds_pg_prepare(ds_pg_t *pg, const char *name, const char *sql, ds_error_t *error);

/** @brief Queue a prepared statement. Parameters and results are binary; parameters are copied. */
DS_MUST_CHECK bool ds_pg_queue(ds_pg_t *pg, const char *name, int param_count,
                               const char *const *values, const int *lengths, ds_error_t *error);
/** @brief Queue a statement by its text, with one text parameter or none (NULL). Results are
 * binary. */
DS_MUST_CHECK bool ds_pg_queue_sql(ds_pg_t *pg, const char *sql, const char *param,
                                   ds_error_t *error);
/** @brief Send what is queued and collect one result each, in order.
 *  @param results_out  room for `count`; the caller clears each (PQclear). All NULL on failure. May
 * be NULL.
 *  @param error  UNAVAILABLE (retriable): the server or the connection went away, a timeout, a
 * deadlock. INVALID: it refused a statement. Either way the connection is closed; whether a COMMIT
 * in the queue took effect is not known. */
DS_MUST_CHECK bool ds_pg_sync(ds_pg_t *pg, PGresult **results_out, size_t count, ds_error_t *error);

/** @brief A script of several statements, outside of a pipeline (migrations). */
DS_MUST_CHECK bool ds_pg_script(ds_pg_t *pg, const char *sql, int timeout_ms, ds_error_t *error);
/** @brief Hear the server's notices. @param notice  its message, with a newline. */
void ds_pg_on_notice(ds_pg_t *pg, void (*notice)(void *context, const char *message),
                     void *context);

#endif
