#include "api/ratelimit.h"

#include <pthread.h>
#include <stdlib.h>

enum { SETS = 8192, WAYS = 8, LOCKS = 64 }; /* 65,536 clients, about 2 MiB */

struct bucket {
    uint64_t hash; /* 0: free */
    double tokens;
    int64_t at_us;
};

struct ds_ratelimit {
    uint64_t seed;
    pthread_mutex_t locks[LOCKS];
    struct bucket buckets[SETS][WAYS];
};

ds_ratelimit_t *ds_ratelimit_new(uint64_t seed)
{
    ds_ratelimit_t *limits = calloc(1, sizeof *limits);
    if (limits == NULL)
        return NULL;
    limits->seed = seed;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&limits->locks[i], NULL);
    return limits;
}

void ds_ratelimit_destroy(ds_ratelimit_t *limits)
{
    if (limits == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&limits->locks[i]);
    free(limits);
}

static struct bucket *find(struct bucket set[WAYS], uint64_t hash, double full, int64_t now_us)
{
    struct bucket *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].hash == 0 || set[i].at_us < oldest->at_us)
            oldest = &set[i];
        if (oldest->hash == 0)
            break;
    }
    *oldest = (struct bucket){hash, full, now_us};
    return oldest;
}

static int64_t seconds_up(double us)
{
    return us <= 0 ? 0 : (int64_t)((us + 999999.0) / 1e6);
}

void ds_ratelimit_take(ds_ratelimit_t *limits, ds_str_t who, int64_t quota, int64_t window_us,
                       int64_t now_us, struct ds_rate_verdict *verdict_out)
{
    *verdict_out = (struct ds_rate_verdict){.allowed = true};
    if (quota <= 0)
        return;
    uint64_t hash = ds_str_hash(who, limits->seed) | 1U;
    size_t set = (size_t)((hash >> 16) % SETS);
    double per_us = (double)quota / (double)window_us;
    pthread_mutex_t *lock = &limits->locks[set % LOCKS];
    (void)pthread_mutex_lock(lock);
    struct bucket *bucket = find(limits->buckets[set], hash, (double)quota, now_us);
    if (now_us > bucket->at_us)
        bucket->tokens += (double)(now_us - bucket->at_us) * per_us;
    if (bucket->tokens > (double)quota)
        bucket->tokens = (double)quota;
    bucket->at_us = now_us;
    verdict_out->allowed = bucket->tokens >= 1.0;
    if (verdict_out->allowed)
        bucket->tokens -= 1.0;
    else
        verdict_out->retry_s = seconds_up((1.0 - bucket->tokens) / per_us);
    verdict_out->remaining = (int64_t)bucket->tokens;
    verdict_out->reset_s = seconds_up(((double)quota - bucket->tokens) / per_us);
    (void)pthread_mutex_unlock(lock);
}
