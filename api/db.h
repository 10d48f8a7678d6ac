/* api/db.h - one PostgreSQL connection that never waits without an end. Threads: one owner. */
#ifndef DS_API_DB_H
#define DS_API_DB_H

#include "api/database.h"

#define DS_DB_MAX_PREPARED 48

struct ds_db {
    const char *url;
    const struct ds_runtime *runtime;
    int64_t timeout_us; /* of the next statement */
    int64_t default_timeout_us;
    int64_t server_timeout_us; /* what the server ends a statement after */
    PGconn *connection;        /* NULL: none */
    int64_t try_again_us;      /* no new connection before */
    const struct ds_sql *prepared[DS_DB_MAX_PREPARED];
    size_t prepared_count;
};

/** @brief Connect unless connected; at most 2 s. DS_ERR_UNAVAILABLE. */
DS_MUST_CHECK bool ds_db_open(ds_db_t *db, ds_error_t *error);
void ds_db_close(ds_db_t *db);
/** @brief What a statement may take from now on; the server ends it then, and says so. Not within a
 * transaction. Where the limit of before is too short for setting a longer one, it connects anew.
 */
DS_MUST_CHECK bool ds_db_limit(ds_db_t *db, int64_t timeout_us, ds_error_t *error);
/** @brief After a failure: close, unless all there was is that the server ended a statement in
 * time. */
void ds_db_settle(ds_db_t *db, const ds_error_t *error);
/** @brief Notice a connection that the server has closed. */
void ds_db_look(ds_db_t *db);
/** @brief A statement without a result: BEGIN, COMMIT, SET. */
DS_MUST_CHECK bool ds_db_execute(ds_db_t *db, const char *sql, ds_error_t *error);

#endif
