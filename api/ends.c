#include "api/ends.h"

#include "base/limits.h"
#include "stream/broker.h"
#include "stream/partition.h"
#include "stream/reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    TIMEOUT_MS = 1000,
    PATIENCE_US = 100000, /* a leader that lives has answered by then */
    RETRY_US = 1000000,
};

/* Who asks has the turn, and with it all from `reader` on. The query threads ask, and a leader that
 * does not answer would hold all of them up: so nobody waits for a turn that takes long, and of the
 * leaders that are silent the reader asks one in a second. */
struct ds_ends {
    const struct ds_runtime *runtime;
    const char *brokers;
    struct ds_broker *broker; /* NULL: Kafka, or it is the reader's by now */
    pthread_mutex_t lock;
    pthread_cond_t over; /* a turn is */
    bool busy;
    int64_t began_us;
    ds_reader_t *reader; /* never polled: it only asks */
    int32_t partitions;
    int64_t retry_us; /* before that they are not counted again */
};

static const struct ds_schema *const topics[DS_TOPICS] = {
    [DS_TOPIC_CATALOG] = &ds_schema_catalog_commands,
    [DS_TOPIC_ORDER] = &ds_schema_order_commands,
    [DS_TOPIC_PAYMENT] = &ds_schema_payment_commands,
    [DS_TOPIC_INVENTORY] = &ds_schema_inventory_commands,
    [DS_TOPIC_DELIVERY] = &ds_schema_delivery_commands,
};

ds_ends_t *ds_ends_new(const struct ds_runtime *runtime, const char *brokers,
                       struct ds_broker *broker)
{
    pthread_condattr_t monotonic;
    ds_ends_t *ends = calloc(1, sizeof *ends);
    if (ends == NULL)
        return NULL;
    ends->runtime = runtime;
    ends->brokers = brokers;
    ends->broker = broker;
    (void)pthread_mutex_init(&ends->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&ends->over, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return ends;
}

void ds_ends_destroy(ds_ends_t *ends)
{
    if (ends == NULL)
        return;
    ds_reader_destroy(ends->reader);
    if (ends->broker != NULL)
        ends->broker->ops->destroy(ends->broker, 0);
    (void)pthread_cond_destroy(&ends->over);
    (void)pthread_mutex_destroy(&ends->lock);
    free(ends);
}

static bool open_reader(ds_ends_t *ends, ds_error_t *error)
{
    const struct ds_reader_config config = {.brokers = ends->brokers,
                                            .client_id = "doorstep-api-ends",
                                            .topics = topics,
                                            .topic_count = DS_TOPICS,
                                            .silent_pause_us = RETRY_US,
                                            .broker = ends->broker};
    if (ends->reader != NULL)
        return true;
    ends->broker = NULL; /* the reader has it, also when it fails */
    return ds_reader_new(ends->runtime, &config, &ends->reader, error);
}

static int64_t now_us(const ds_ends_t *ends)
{
    return ds_monotonic_us(ends->runtime->clock);
}

static bool not_asked(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                        "a leader that does not answer holds this up");
}

/* The first question of all finds out how many partitions there are. */
static bool count_partitions(ds_ends_t *ends, ds_error_t *error)
{
    if (ends->partitions > 0)
        return true;
    if (now_us(ends) < ends->retry_us)
        return not_asked(error);
    if (open_reader(ends, error) &&
        ds_reader_partitions(ends->reader, TIMEOUT_MS, &ends->partitions, error))
        return true;
    ends->retry_us = now_us(ends) + RETRY_US;
    return false;
}

static bool ask(ds_ends_t *ends, enum ds_commands_topic topic, ds_str_t key, int32_t *partition_out,
                int64_t *end_out, ds_error_t *error)
{
    if (!count_partitions(ends, error))
        return false;
    *partition_out = ds_partition_of(key, ends->partitions);
    return ds_reader_end(ends->reader, (int32_t)topic, *partition_out, TIMEOUT_MS, end_out, error);
}

/* @locks ends. @return false: the turn that another has takes too long. */
static bool wait_for_turn(ds_ends_t *ends)
{
    struct timespec until;
    int64_t left_us = ends->began_us + PATIENCE_US - now_us(ends);
    if (left_us <= 0)
        return false;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)left_us * 1000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return pthread_cond_timedwait(&ends->over, &ends->lock, &until) == 0;
}

static bool begin_turn(ds_ends_t *ends, ds_error_t *error)
{
    (void)pthread_mutex_lock(&ends->lock);
    while (ends->busy && wait_for_turn(ends))
        ;
    bool ok = !ends->busy;
    if (ok) {
        ends->busy = true;
        ends->began_us = now_us(ends);
    }
    (void)pthread_mutex_unlock(&ends->lock);
    return ok || not_asked(error);
}

static void end_turn(ds_ends_t *ends)
{
    (void)pthread_mutex_lock(&ends->lock);
    ends->busy = false;
    (void)pthread_cond_signal(&ends->over);
    (void)pthread_mutex_unlock(&ends->lock);
}

bool ds_ends_ask(ds_ends_t *ends, enum ds_commands_topic topic, ds_str_t key,
                 int32_t *partition_out, int64_t *end_out, ds_error_t *error)
{
    *partition_out = 0;
    *end_out = 0;
    if (!begin_turn(ends, error))
        return false;
    bool ok = ask(ends, topic, key, partition_out, end_out, error);
    end_turn(ends);
    return ok;
}
