#include "line.h"

#include <criterion/criterion.h>

void *line_open(const struct ds_runtime *runtime, const void *config)
{
    (void)config;
    return (void *)(uintptr_t)runtime;
}

void line_close(void *line)
{
    (void)line;
}

struct ds_runtime line_runtime(void)
{
    static struct ds_health health;
    static const volatile sig_atomic_t never;

    return (struct ds_runtime){.log = ds_log_root("test", DS_LOG_ERROR),
                               .clock = ds_system_clock(),
                               .random = ds_system_random(),
                               .metrics = ds_metrics_new(),
                               .health = &health,
                               .stop = &never};
}

ds_sender_t *line_sender(const struct ds_runtime *runtime, const struct ds_channel_ops *ops,
                         enum ds_channel channel, size_t threads)
{
    const struct ds_sender_config config = {.channel = channel,
                                            .ops = ops,
                                            .threads = threads,
                                            .ledger = {.max_age_us = 3600 * DS_US_PER_S}};
    ds_error_t error = DS_ERROR_INIT;
    ds_sender_t *sender;

    cr_assert(ds_sender_new(runtime, &config, &sender, &error), "%s", error.message);
    return sender;
}
