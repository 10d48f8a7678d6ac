#include "projections/postgres/worker.h"
#include "projections/projections.h"

#define OPTION(member) offsetof(struct ds_worker_settings, member)

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, OPTION(brokers), "127.0.0.1:29092", 0, 0, false,
     false, "Kafka's bootstrap servers, comma separated."},
    {"database-url", "DATABASE_URL", DS_OPT_TEXT, OPTION(database_url), NULL, 0, 0, true, true,
     "Where PostgreSQL is, as a libpq URL."},
    {"group-instance-id", "GROUP_INSTANCE_ID", DS_OPT_TEXT, OPTION(group_instance_id), NULL, 0, 0,
     false, false,
     "A stable name in the consumer group, so that a restart has its partitions back."},
    {"postgres-timeout", "POSTGRES_TIMEOUT", DS_OPT_DURATION, OPTION(timeout_us), "10s",
     100 * DS_US_PER_MS, 300 * DS_US_PER_S, false, false,
     "The longest a batch may take before PostgreSQL counts as away."},
    {"postgres-hold", "POSTGRES_HOLD", DS_OPT_DURATION, OPTION(hold_us), "30s", 0,
     120 * DS_US_PER_S, false, false,
     "How long a batch is held while PostgreSQL is away before its partitions are taken anew."},
    {"postgres-synchronous-commit", "POSTGRES_SYNCHRONOUS_COMMIT", DS_OPT_BOOL,
     OPTION(synchronous_commit), "0", 0, 0, false, false,
     "Wait for the disk at each batch; without it a crash of PostgreSQL costs reading a few "
     "again."},
    DS_OPTION_END,
};

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argv;
    if (argc > 0) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "project postgres takes no arguments");
        return 2;
    }
    return ds_worker_run(runtime, settings, error);
}

const struct ds_role ds_role_project_postgres = {
    .name = "project postgres",
    .summary = "fold all events into the read model in PostgreSQL",
    .examples = "DATABASE_URL=postgresql://doorstep@127.0.0.1/doorstep doorstep project postgres\n",
    .options = options,
    .settings_bytes = sizeof(struct ds_worker_settings),
    .is_server = true,
    .run = run,
};
