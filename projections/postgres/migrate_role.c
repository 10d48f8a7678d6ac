#include "projections/pause.h"
#include "projections/postgres/migrate.h"
#include "projections/projections.h"

#include <stdio.h>

struct settings {
    const char *database_url;
    int64_t wait_us;
};

#define MAX_WAIT (INT64_C(3600) * DS_US_PER_S)

static const struct ds_option options[] = {
    {"database-url", "DATABASE_URL", DS_OPT_TEXT, offsetof(struct settings, database_url), NULL, 0,
     0, true, true, "Where PostgreSQL is, as a libpq URL."},
    {"wait", "MIGRATE_WAIT", DS_OPT_DURATION, offsetof(struct settings, wait_us), "60s", 0,
     MAX_WAIT, false, false, "How long to wait for PostgreSQL, or for another migration to end."},
    DS_OPTION_END,
};

static void on_notice(void *context, const char *message)
{
    ds_log(context, DS_LOG_INFO, "migrate.notice", "PostgreSQL says",
           DS_F_TEXT("notice", ds_str_before(ds_str(message), '\n')));
}

/* Away, and a lock held elsewhere, pass; anything else does not. */
static bool migrate_in_time(const struct ds_runtime *runtime, ds_pg_t *pg, int64_t wait_us,
                            int *applied_out, ds_error_t *error)
{
    int64_t until = ds_monotonic_us(runtime->clock) + wait_us;
    for (unsigned attempt = 0;; attempt++) {
        ds_error_clear(error);
        ds_health_turn(runtime);
        if (ds_migrate(pg, &runtime->log, ds_migrations, ds_migration_count, applied_out, error))
            return true;
        ds_pg_close(pg);
        if (!error->retriable || ds_stopping(runtime) || ds_monotonic_us(runtime->clock) >= until)
            return false;
        ds_log_error(&runtime->log, DS_LOG_WARN, "migrate.waiting", error);
        ds_pause_us(runtime,
                    ds_backoff_us(runtime->random, attempt, DS_US_PER_MS * 200, DS_US_PER_S * 5));
    }
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    const struct settings *s = settings;
    int applied = 0;
    (void)argv;
    if (argc > 0) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "migrate takes no arguments");
        return 2;
    }
    const struct ds_pg_config config = {s->database_url, "doorstep migrate", 10000, true,
                                        runtime->clock};
    ds_pg_t *pg = ds_pg_new(&config);
    if (pg == NULL) {
        ds_error_set(error, DS_DOMAIN_PG, DS_ERR_MEMORY, "no memory for a connection");
        return 1;
    }
    ds_pg_on_notice(pg, on_notice, (void *)&runtime->log);
    bool ok = migrate_in_time(runtime, pg, s->wait_us, &applied, error);
    ds_pg_destroy(pg);
    if (!ok)
        return 1;
    ds_log(&runtime->log, DS_LOG_INFO, "migrate.done", "the PostgreSQL schemas are up to date",
           DS_F_INT("applied", applied), DS_F_INT("known", (int64_t)ds_migration_count));
    return 0;
}

const struct ds_role ds_role_migrate = {
    .name = "migrate",
    .summary = "bring the PostgreSQL schemas up to date; nothing happens when they are",
    .examples = "DATABASE_URL=postgresql://doorstep@127.0.0.1/doorstep doorstep migrate\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .is_server = false,
    .run = run,
};
