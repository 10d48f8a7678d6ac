#include "projections/mongo/worker.h"
#include "projections/projections.h"

#define OPTION(member) offsetof(struct ds_mongo_settings, member)

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, OPTION(brokers), "127.0.0.1:29092", 0, 0, false,
     false, "Kafka's bootstrap servers, comma separated."},
    {"mongodb-url", "MONGODB_URL", DS_OPT_TEXT, OPTION(mongodb_url), NULL, 0, 0, true, true,
     "Where MongoDB is, as a mongodb:// URL with the name of the database."},
    {"group-instance-id", "GROUP_INSTANCE_ID", DS_OPT_TEXT, OPTION(group_instance_id), NULL, 0, 0,
     false, false,
     "A stable name in the consumer group, so that a restart has its partitions back."},
    {"mongodb-timeout", "MONGODB_TIMEOUT", DS_OPT_DURATION, OPTION(timeout_us), "5s",
     100 * DS_US_PER_MS, 60 * DS_US_PER_S, false, false,
     "The longest a question may take before MongoDB counts as away."},
    {"mongodb-hold", "MONGODB_HOLD", DS_OPT_DURATION, OPTION(hold_us), "30s", 0, 120 * DS_US_PER_S,
     false, false,
     "How long a batch is held while MongoDB is away before its partitions are taken anew."},
    DS_OPTION_END,
};

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argv;
    if (argc > 0) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "project mongo takes no arguments");
        return 2;
    }
    return ds_mongo_worker_run(runtime, settings, error);
}

const struct ds_role ds_role_project_mongo = {
    .name = "project mongo",
    .summary = "fold order events into the analytics collections in MongoDB",
    .examples = "MONGODB_URL=mongodb://127.0.0.1/doorstep doorstep project mongo\n",
    .options = options,
    .settings_bytes = sizeof(struct ds_mongo_settings),
    .is_server = true,
    .run = run,
};
