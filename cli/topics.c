/* cli/topics.c - `doorstep topics create|check`. */
#include "stream/topics.h"

#include "base/limits.h"
#include "cli/roles.h"

#include <inttypes.h>
#include <stdio.h>

#define CHECK_MS 10000

struct settings {
    const char *brokers;
    int64_t partitions;
    int64_t replication;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"partitions", "TOPIC_PARTITIONS", DS_OPT_INT, offsetof(struct settings, partitions), "12", 1,
     DS_MAX_PARTITIONS, false, false, "Partitions of every topic; fixed once they exist."},
    {"replication", "TOPIC_REPLICATION", DS_OPT_INT, offsetof(struct settings, replication), "1", 1,
     9, false, false, "Replicas; 3 in production."},
    DS_OPTION_END,
};

static int create(const struct ds_runtime *runtime, const struct settings *settings,
                  ds_error_t *error)
{
    int created = 0;
    if (!ds_topics_create(runtime, settings->brokers, (int32_t)settings->partitions,
                          (int32_t)settings->replication, &created, error))
        return 1;
    printf("%d topics created; all have %" PRId64 " partitions\n", created, settings->partitions);
    return 0;
}

static int check(const struct ds_runtime *runtime, const struct settings *settings,
                 ds_error_t *error)
{
    int32_t partitions = 0;
    if (!ds_topics_check(runtime, settings->brokers, CHECK_MS, &partitions, error))
        return 1;
    printf("all topics are there, with %" PRId32 " partitions\n", partitions);
    return 0;
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    if (argc == 1 && strcmp(argv[0], "create") == 0)
        return create(runtime, settings, error);
    if (argc == 1 && strcmp(argv[0], "check") == 0)
        return check(runtime, settings, error);
    ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "say create or check");
    return 2;
}

const struct ds_role ds_role_topics = {
    .name = "topics",
    .summary = "create the topics, or check that they are as they should be",
    .usage = "create|check",
    .examples = "  doorstep topics create --replication 3\n"
                "  doorstep topics check\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
