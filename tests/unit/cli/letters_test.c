/* Reading dead letters from a broker that has one and never hands it out. */
#include "cli/dlq/letters.h"
#include "cli/roles.h"
#include "fake_log.h"
#include "stream/broker_kafka.h"

#include <criterion/criterion.h>

static const struct ds_decider deciders[DS_DECIDERS] = {
    {.name = "catalog"}, {.name = "order"},    {.name = "inventory"},
    {.name = "payment"}, {.name = "delivery"},
};
const struct ds_decider *const ds_deciders[] = {&deciders[0], &deciders[1], &deciders[2],
                                                &deciders[3], &deciders[4], NULL};

/* Time is what was waited for in polls. */
static struct ds_fake_time waited;
static ds_fake_log_t *server;
static struct ds_broker_ops silent_ops;

static bool poll_nothing(ds_broker_t *broker, int timeout_ms, bool with_records,
                         const struct ds_broker_event **events_out, size_t *count_out,
                         ds_error_t *error)
{
    (void)broker;
    (void)with_records;
    (void)error;
    *events_out = NULL;
    *count_out = 0;
    ds_fake_time_add(&waited, timeout_ms * DS_US_PER_MS);
    return true;
}

/* In the place of Kafka's (the linker's --wrap). */
bool __wrap_ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                                ds_broker_t **broker_out, ds_error_t *error);
bool __wrap_ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                                ds_broker_t **broker_out, ds_error_t *error)
{
    (void)log;
    (void)error;
    *broker_out = ds_fake_broker_new(server, config->topics, config->topic_count);
    silent_ops = *(*broker_out)->ops;
    silent_ops.poll = poll_nothing;
    (*broker_out)->ops = &silent_ops;
    return true;
}

Test(letters, reading_takes_as_long_as_was_asked_for)
{
    static const int64_t timeouts_us[] = {DS_US_PER_S, 600 * DS_US_PER_S};
    const volatile sig_atomic_t stop = 0;
    const struct ds_runtime runtime = {.clock = &waited.clock, .stop = &stop};
    const struct ds_letters_filter filter = {.processor = "order", .error = ""};

    ds_fake_time_init(&waited, 0);
    server = ds_fake_log_new(&waited, 1);
    (void)ds_fake_append(server, "order.dlq", 0, DS_STR("order.commands/0/1"),
                         (ds_bytes_t){NULL, 0});
    for (size_t i = 0; i < sizeof timeouts_us / sizeof *timeouts_us; i++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_letters_t *letters;
        int64_t began_us = waited.monotonic_us;

        cr_assert_not(
            ds_letters_read(&runtime, "nowhere", &filter, timeouts_us[i], &letters, &error));
        cr_assert_eq(error.code, DS_ERR_TIMEOUT);
        cr_assert_null(letters);
        cr_assert_geq(waited.monotonic_us - began_us, timeouts_us[i]);
        cr_assert_leq(waited.monotonic_us - began_us, timeouts_us[i] + DS_US_PER_S);
    }
    ds_fake_log_destroy(server);
}
