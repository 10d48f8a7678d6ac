/* cli/load/samples.h - durations, and their percentiles. One writer a set, or a lock around it. */
#ifndef DS_CLI_LOAD_SAMPLES_H
#define DS_CLI_LOAD_SAMPLES_H

#include "base/error.h"

#include <stdint.h>

struct ds_samples {
    int64_t *values_us;
    size_t count;
    size_t capacity; /* fixed at init */
};

DS_MUST_CHECK bool ds_samples_init(struct ds_samples *samples, size_t capacity, ds_error_t *error);
void ds_samples_cleanup(struct ds_samples *samples);
/** @brief Beyond the capacity nothing is kept. */
void ds_samples_add(struct ds_samples *samples, int64_t value_us);
/** @brief The p-th percentile (nearest rank, 0 < p <= 100) in microseconds; sorts. 0 without
 * samples. */
int64_t ds_samples_percentile(struct ds_samples *samples, double p);

#endif
