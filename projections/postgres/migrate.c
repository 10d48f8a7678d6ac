#include "projections/postgres/migrate.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>

#define SCRIPT_TIMEOUT_MS (10 * 60 * 1000)
#define MAX_SCRIPT_BYTES  (1024 * 1024)
/* Any number nobody else uses: "doorstep" in ASCII. */
#define LOCK "7237125663561639280"

/* The ten minutes are this program's; a statement may take them all, but a lock that somebody else
 * holds is waited for only briefly, since everybody behind it waits too. */
static const char session_sql[] =
    "SET statement_timeout = '10min'; SET lock_timeout = '5s'; "
    "SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on; "
    "SET client_min_messages = notice; "
    "CREATE TABLE IF NOT EXISTS public.doorstep_migrations ("
    "version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, "
    "applied_at timestamptz NOT NULL DEFAULT now())";

static void checksum(const char *sql, char text_out[17])
{
    (void)snprintf(text_out, 17, "%016" PRIx64, ds_str_hash(ds_str(sql), 0));
}

/* @return the first column of the first row as text in `to`, empty when there is none. */
static bool ask(ds_pg_t *pg, const char *sql, const char *param, char *to, size_t to_bytes,
                ds_error_t *error)
{
    PGresult *result = NULL;
    bool ok = false;
    if (!ds_pg_queue_sql(pg, sql, param, error) || !ds_pg_sync(pg, &result, 1, error))
        goto out;
    ds_str_t text = {NULL, 0};
    if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
        text = (ds_str_t){PQgetvalue(result, 0, 0), (uint32_t)PQgetlength(result, 0, 0)};
    ok = ds_str_to_array(text, to, to_bytes) ||
         ds_error_set(error, DS_DOMAIN_PG, DS_ERR_LIMIT, "the answer to \"%s\" is too long", sql);
out:
    PQclear(result);
    return ok;
}

static bool take_lock(ds_pg_t *pg, ds_error_t *error)
{
    char got[8];
    if (!ask(pg, "SELECT pg_try_advisory_lock(" LOCK ")::text", NULL, got, sizeof got, error))
        return false;
    return strcmp(got, "true") == 0 ||
           ds_error_set(error, DS_DOMAIN_PG, DS_ERR_CONFLICT, "another migration is running");
}

static bool append_literal(ds_buf_t *sql, const char *text, ds_error_t *error)
{
    bool ok = ds_buf_append_char(sql, '\'', error);
    for (const char *c = text; ok && *c != '\0'; c++)
        ok = (*c != '\'' || ds_buf_append_char(sql, '\'', error)) &&
             ds_buf_append_char(sql, *c, error);
    return ok && ds_buf_append_char(sql, '\'', error);
}

static bool run_one(ds_pg_t *pg, const struct ds_migration *m, const char *sum, ds_error_t *error)
{
    bool ok = false;
    const char *script = NULL;
    ds_buf_t sql;
    ds_buf_init(&sql, MAX_SCRIPT_BYTES);
    if (!ds_buf_printf(&sql, error,
                       "BEGIN;\n%s\n;INSERT INTO public.doorstep_migrations "
                       "(version, name, checksum) VALUES (%d, ",
                       m->sql, m->version) ||
        !append_literal(&sql, m->name, error) ||
        !ds_buf_printf(&sql, error, ", '%s');\nCOMMIT", sum) || !ds_buf_cstr(&sql, &script, error))
        goto out;
    ok = ds_pg_script(pg, script, SCRIPT_TIMEOUT_MS, error) ||
         ds_error_prefix(error, "migration %s", m->name);
out:
    ds_buf_cleanup(&sql);
    return ok;
}

static bool migrate_one(ds_pg_t *pg, const ds_log_t *log, const struct ds_migration *m,
                        int *applied, ds_error_t *error)
{
    char version[16];
    char sum[17];
    char had[32];
    checksum(m->sql, sum);
    (void)snprintf(version, sizeof version, "%d", m->version);
    if (!ask(pg,
             "SELECT checksum FROM public.doorstep_migrations WHERE version = $1::text::integer",
             version, had, sizeof had, error))
        return false;
    if (had[0] != '\0' && strcmp(had, sum) != 0)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID,
                            "migration %s was changed after it ran; changes go into a new file",
                            m->name);
    if (had[0] != '\0')
        return true;
    if (!run_one(pg, m, sum, error))
        return false;
    (*applied)++;
    ds_log(log, DS_LOG_INFO, "migrate.applied", "a migration ran", DS_F_CSTR("name", m->name));
    return true;
}

bool ds_migrate(ds_pg_t *pg, const ds_log_t *log, const struct ds_migration *migrations,
                size_t count, int *applied_out, ds_error_t *error)
{
    *applied_out = 0;
    if (!ds_pg_connect(pg, error) || !take_lock(pg, error) ||
        !ds_pg_script(pg, session_sql, SCRIPT_TIMEOUT_MS, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!migrate_one(pg, log, &migrations[i], applied_out, error))
            return false;
    }
    /* The lock ends with the connection. */
    ds_pg_close(pg);
    return true;
}
