#include "cli/load/samples.h"

#include <stdlib.h>

bool ds_samples_init(struct ds_samples *samples, size_t capacity, ds_error_t *error)
{
    *samples = (struct ds_samples){calloc(capacity + 1, sizeof(int64_t)), 0, capacity};
    if (samples->values_us == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "%zu samples", capacity);
    return true;
}

void ds_samples_cleanup(struct ds_samples *samples)
{
    free(samples->values_us);
    *samples = (struct ds_samples){NULL, 0, 0};
}

void ds_samples_add(struct ds_samples *samples, int64_t value_us)
{
    if (samples->count < samples->capacity)
        samples->values_us[samples->count++] = value_us;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t ds_samples_percentile(struct ds_samples *samples, double p)
{
    if (samples->count == 0)
        return 0;
    qsort(samples->values_us, samples->count, sizeof *samples->values_us, ascending);
    size_t rank = (size_t)(p / 100.0 * (double)samples->count + 0.999999);
    if (rank == 0)
        rank = 1;
    return samples->values_us[(rank > samples->count ? samples->count : rank) - 1];
}
