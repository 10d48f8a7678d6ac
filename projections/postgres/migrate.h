/* projections/postgres/migrate.h - brings the PostgreSQL schemas up to date.
 *
 * The files of projections/postgres/migrations are compiled into the program. Each runs in one
 * transaction, in order of its number, and is noted in public.doorstep_migrations with a checksum:
 * a file that was changed after it ran stops the migration, since the database would not be what
 * the files say. An advisory lock keeps two runs apart. */
#ifndef DS_PROJECTIONS_POSTGRES_MIGRATE_H
#define DS_PROJECTIONS_POSTGRES_MIGRATE_H

#include "base/log.h"
#include "projections/postgres/link.h"

struct ds_migration {
    int version;
    const char *name; /* "0001_read_model" */
    const char *sql;
};

/** @brief Those compiled in, by version. */
extern const struct ds_migration ds_migrations[];
extern const size_t ds_migration_count;

/** @brief Run what has not run yet. @param applied_out  how many that were.
 *  @param error  UNAVAILABLE: PostgreSQL is away; CONFLICT: another run holds the lock; INVALID: a
 * file fails or was changed. */
DS_MUST_CHECK bool ds_migrate(ds_pg_t *pg, const ds_log_t *log,
                              const struct ds_migration *migrations, size_t count, int *applied_out,
                              ds_error_t *error);

#endif
