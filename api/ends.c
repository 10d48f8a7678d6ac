#include "api/ends.h"

#include "stream/partition.h"
#include "stream/reader.h"

#include <pthread.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 1000 };

struct ds_ends {
    const struct ds_runtime *runtime;
    const char *brokers;
    pthread_mutex_t lock;
    ds_reader_t *reader; /* never polled: it only asks */
    int32_t partitions;
};

static const struct ds_schema *const topics[DS_TOPICS] = {
    [DS_TOPIC_CATALOG] = &ds_schema_catalog_commands,
    [DS_TOPIC_ORDER] = &ds_schema_order_commands,
    [DS_TOPIC_PAYMENT] = &ds_schema_payment_commands,
    [DS_TOPIC_INVENTORY] = &ds_schema_inventory_commands,
    [DS_TOPIC_DELIVERY] = &ds_schema_delivery_commands,
};

ds_ends_t *ds_ends_new(const struct ds_runtime *runtime, const char *brokers)
{
    ds_ends_t *ends = calloc(1, sizeof *ends);
    if (ends == NULL)
        return NULL;
    ends->runtime = runtime;
    ends->brokers = brokers;
    (void)pthread_mutex_init(&ends->lock, NULL);
    return ends;
}

void ds_ends_destroy(ds_ends_t *ends)
{
    if (ends == NULL)
        return;
    ds_reader_destroy(ends->reader);
    (void)pthread_mutex_destroy(&ends->lock);
    free(ends);
}

static bool ask(ds_ends_t *ends, enum ds_commands_topic topic, ds_str_t key, int32_t *partition_out,
                int64_t *end_out, ds_error_t *error)
{
    const struct ds_reader_config config = {.brokers = ends->brokers,
                                            .client_id = "doorstep-api-ends",
                                            .topics = topics,
                                            .topic_count = DS_TOPICS};
    if (ends->reader == NULL && !ds_reader_new(ends->runtime, &config, &ends->reader, error))
        return false;
    if (ends->partitions == 0 &&
        !ds_reader_partitions(ends->reader, TIMEOUT_MS, &ends->partitions, error))
        return false;
    *partition_out = ds_partition_of(key, ends->partitions);
    return ds_reader_end(ends->reader, (int32_t)topic, *partition_out, TIMEOUT_MS, end_out, error);
}

bool ds_ends_ask(ds_ends_t *ends, enum ds_commands_topic topic, ds_str_t key,
                 int32_t *partition_out, int64_t *end_out, ds_error_t *error)
{
    *partition_out = 0;
    *end_out = 0;
    (void)pthread_mutex_lock(&ends->lock);
    bool ok = ask(ends, topic, key, partition_out, end_out, error);
    (void)pthread_mutex_unlock(&ends->lock);
    return ok;
}
