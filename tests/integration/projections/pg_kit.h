/* tests/integration/projections/pg_kit.h - a database of one's own on the server of DATABASE_URL.
 */
#ifndef DS_TESTS_PG_KIT_H
#define DS_TESTS_PG_KIT_H

#include "base/log.h"
#include "projections/postgres/link.h"

/* For what a slow disk may hold up. */
#define DS_PG_KIT_PATIENCE_MS 30000

struct ds_pg_kit {
    char name[64]; /* of the database */
    char url[512];
    PGconn *admin; /* on the server's own database */
    PGconn *db;    /* a second client, as a reader or an intruder */
    ds_log_t log;
};

/** @brief Make a database; fails the test with a clear message when there is no server. */
void ds_pg_kit_init(struct ds_pg_kit *kit, const char *test);
/** @brief Drop it. */
void ds_pg_kit_cleanup(struct ds_pg_kit *kit);
/** @brief Run the compiled-in migrations. */
void ds_pg_kit_migrate(struct ds_pg_kit *kit);
/** @brief A link to it, connected. */
ds_pg_t *ds_pg_kit_link(struct ds_pg_kit *kit, int timeout_ms);
/** @brief The first column of the first row as text ("" for NULL or no row). Valid until the next
 * call. */
const char *ds_pg_kit_ask(struct ds_pg_kit *kit, const char *sql);
void ds_pg_kit_run(struct ds_pg_kit *kit, const char *sql);

#endif
