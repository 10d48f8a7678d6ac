/* Reading dead letters from a broker that has one and never hands it out. */
#include "cli/dlq/letters.h"
#include "cli/roles.h"
#include "stream/broker_kafka.h"

#include <criterion/criterion.h>

static const struct ds_decider deciders[DS_DECIDERS] = {
    {.name = "catalog"}, {.name = "order"},    {.name = "inventory"},
    {.name = "payment"}, {.name = "delivery"},
};
const struct ds_decider *const ds_deciders[] = {&deciders[0], &deciders[1], &deciders[2],
                                                &deciders[3], &deciders[4], NULL};

/* Time is what was waited for in polls. */
static int64_t waited_us;

static int64_t now_us(const ds_clock_t *clock)
{
    (void)clock;
    return waited_us;
}

static void destroy(ds_broker_t *broker, int timeout_ms)
{
    (void)broker;
    (void)timeout_ms;
}

static bool poll_nothing(ds_broker_t *broker, int timeout_ms, bool with_records,
                         const struct ds_broker_event **events_out, size_t *count_out,
                         ds_error_t *error)
{
    (void)broker;
    (void)with_records;
    (void)error;
    *events_out = NULL;
    *count_out = 0;
    waited_us += timeout_ms * DS_US_PER_MS;
    return true;
}

static bool start(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                  ds_error_t *error)
{
    (void)broker;
    (void)topic;
    (void)partition;
    (void)offset;
    (void)error;
    return true;
}

static bool ends_at_one(ds_broker_t *broker, struct ds_broker_end *list, size_t count,
                        int timeout_ms, ds_error_t *error)
{
    (void)broker;
    (void)timeout_ms;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        list[i].ok = true;
        list[i].low = 0;
        list[i].end = 1;
    }
    return true;
}

static bool one_partition(ds_broker_t *broker, int32_t topic_count, int timeout_ms,
                          int32_t *count_out, ds_error_t *error)
{
    (void)broker;
    (void)topic_count;
    (void)timeout_ms;
    (void)error;
    *count_out = 1;
    return true;
}

static const struct ds_broker_ops silent_ops = {.destroy = destroy,
                                                .poll = poll_nothing,
                                                .start = start,
                                                .ends = ends_at_one,
                                                .partitions = one_partition};
static ds_broker_t silent = {&silent_ops};

/* In the place of Kafka's (the linker's --wrap). */
bool __wrap_ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                                ds_broker_t **broker_out, ds_error_t *error);
bool __wrap_ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                                ds_broker_t **broker_out, ds_error_t *error)
{
    (void)log;
    (void)config;
    (void)error;
    *broker_out = &silent;
    return true;
}

Test(letters, reading_takes_as_long_as_was_asked_for)
{
    static const int64_t timeouts_us[] = {DS_US_PER_S, 600 * DS_US_PER_S};
    const ds_clock_t clock = {now_us, now_us, NULL};
    const volatile sig_atomic_t stop = 0;
    const struct ds_runtime runtime = {.clock = &clock, .stop = &stop};

    for (size_t i = 0; i < sizeof timeouts_us / sizeof *timeouts_us; i++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_letters_t *letters;

        waited_us = 0;
        cr_assert_not(
            ds_letters_read(&runtime, "nowhere", "order", timeouts_us[i], &letters, &error));
        cr_assert_eq(error.code, DS_ERR_TIMEOUT);
        cr_assert_null(letters);
        cr_assert_geq(waited_us, timeouts_us[i]);
        cr_assert_leq(waited_us, timeouts_us[i] + DS_US_PER_S);
    }
}
