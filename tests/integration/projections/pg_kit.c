#include "tests/integration/projections/pg_kit.h"

#include "projections/postgres/migrate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char answer[512];

static PGconn *open_connection(const char *url, const char *database)
{
    const char *const names[] = {"dbname", "connect_timeout", database == NULL ? NULL : "dbname",
                                 NULL};
    const char *const values[] = {url, "30", database, NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    cr_assert_eq(PQstatus(conn), CONNECTION_OK, "no PostgreSQL for the test: %s",
                 PQerrorMessage(conn));
    return conn;
}

static void quiet(void *context, const char *message)
{
    (void)context;
    (void)message;
}

static void run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", sql,
              PQerrorMessage(conn));
    PQclear(result);
}

/* The URL of the environment with another database: libpq takes the later dbname, a link has one
 * text. So it is put together from what libpq found in it. */
static void make_url(struct ds_pg_kit *kit)
{
    int n = snprintf(kit->url, sizeof kit->url, "host=%s port=%s user=%s password='%s' dbname=%s",
                     PQhost(kit->admin), PQport(kit->admin), PQuser(kit->admin),
                     PQpass(kit->admin) == NULL ? "" : PQpass(kit->admin), kit->name);
    cr_assert(n > 0 && (size_t)n < sizeof kit->url);
}

void ds_pg_kit_init(struct ds_pg_kit *kit, const char *test)
{
    char sql[128];
    const char *url = getenv("DATABASE_URL");
    *kit = (struct ds_pg_kit){.log = ds_log_root("test", DS_LOG_ERROR)};
    cr_assert_not_null(url, "DATABASE_URL is not set: eval \"$(dev/stack env --profile test)\"");
    kit->admin = open_connection(url, NULL);
    (void)snprintf(kit->name, sizeof kit->name, "projections_%s_%d", test, (int)getpid());
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s", kit->name);
    run(kit->admin, sql);
    make_url(kit);
    kit->db = open_connection(kit->url, NULL);
    (void)PQsetNoticeProcessor(kit->db, quiet, NULL);
}

/* Not WITH (FORCE), which is refused while the server vacuums it: as another role. Without it the
 * server calls its vacuum off. */
void ds_pg_kit_cleanup(struct ds_pg_kit *kit)
{
    char sql[256];
    PQfinish(kit->db);
    (void)snprintf(sql, sizeof sql,
                   "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
                   " WHERE datname = '%s' AND usename = current_user",
                   kit->name);
    run(kit->admin, sql);
    (void)snprintf(sql, sizeof sql, "DROP DATABASE %s", kit->name);
    run(kit->admin, sql);
    PQfinish(kit->admin);
}

ds_pg_t *ds_pg_kit_link(struct ds_pg_kit *kit, int timeout_ms)
{
    ds_error_t error = DS_ERROR_INIT;
    const struct ds_pg_config config = {kit->url, "projection test", timeout_ms, false,
                                        ds_system_clock()};
    ds_pg_t *pg = ds_pg_new(&config);
    cr_assert_not_null(pg);
    ds_pg_on_notice(pg, quiet, NULL);
    cr_assert(ds_pg_connect(pg, &error), "%s", error.message);
    return pg;
}

void ds_pg_kit_migrate(struct ds_pg_kit *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    int applied = 0;
    ds_pg_t *pg = ds_pg_kit_link(kit, DS_PG_KIT_PATIENCE_MS);
    cr_assert(ds_migrate(pg, &kit->log, ds_migrations, ds_migration_count, &applied, &error), "%s",
              error.message);
    ds_pg_destroy(pg);
}

const char *ds_pg_kit_ask(struct ds_pg_kit *kit, const char *sql)
{
    PGresult *result = PQexec(kit->db, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(kit->db));
    (void)snprintf(answer, sizeof answer, "%s",
                   PQntuples(result) == 0 ? "" : PQgetvalue(result, 0, 0));
    PQclear(result);
    return answer;
}

void ds_pg_kit_run(struct ds_pg_kit *kit, const char *sql)
{
    run(kit->db, sql);
}
