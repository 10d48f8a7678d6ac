/* See fake_log.h. */
#include "fake_inside.h"

#include <assert.h>
#include <stdlib.h>

/* ---- time and chance ---- */

static int64_t fake_now(const ds_clock_t *clock)
{
    return ((const struct ds_fake_time *)clock->state)->now_us;
}

static int64_t fake_monotonic(const ds_clock_t *clock)
{
    return ((const struct ds_fake_time *)clock->state)->monotonic_us;
}

void ds_fake_time_init(struct ds_fake_time *time, int64_t now_us)
{
    time->clock = (ds_clock_t){fake_now, fake_monotonic, time};
    time->now_us = now_us;
    time->monotonic_us = 1;
}

void ds_fake_time_add(struct ds_fake_time *time, int64_t us)
{
    time->now_us += us;
    time->monotonic_us += us;
}

uint64_t ds_fake_random_next(struct ds_fake_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static bool fake_fill(const ds_random_t *random, void *to, size_t bytes, ds_error_t *error)
{
    uint8_t *at = to;

    (void)error;
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)ds_fake_random_next(random->state);
    return true;
}

void ds_fake_random_init(struct ds_fake_random *random, uint64_t seed)
{
    random->random = (ds_random_t){fake_fill, random};
    random->state = seed;
}

/* ---- records ---- */

static void *copy_bytes(const void *data, size_t len)
{
    void *copy = malloc(len + 1);

    assert(copy != NULL);
    if (len > 0)
        memcpy(copy, data, len);
    ((char *)copy)[len] = '\0';
    return copy;
}

struct ds_fake_record *ds_fake_make_record(ds_fake_log_t *log,
                                           const struct ds_broker_message *message)
{
    struct ds_fake_record *r = calloc(1, sizeof(*r));

    assert(r != NULL);
    log->all = realloc(log->all, (log->all_count + 1) * sizeof(struct ds_fake_record *));
    assert(log->all != NULL);
    log->all[log->all_count++] = r;
    r->has_key = message->has_key;
    r->has_value = message->has_value;
    r->key = (ds_str_t){copy_bytes(message->key.data, message->key.len), message->key.len};
    r->value =
        (ds_bytes_t){copy_bytes(message->value.data, message->value.len), message->value.len};
    r->header_count = message->header_count;
    r->headers = calloc(message->header_count + 1, sizeof(*r->headers));
    assert(r->headers != NULL);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct ds_broker_header *h = &message->headers[i];

        r->headers[i].name = copy_bytes(h->name, strlen(h->name));
        r->headers[i].value = (ds_bytes_t){copy_bytes(h->value.data, h->value.len), h->value.len};
    }
    return r;
}

static void free_record(struct ds_fake_record *r)
{
    for (size_t i = 0; i < r->header_count; i++) {
        free((void *)(uintptr_t)r->headers[i].name);
        free((void *)(uintptr_t)r->headers[i].value.data);
    }
    free(r->headers);
    free((void *)(uintptr_t)r->key.data);
    free((void *)(uintptr_t)r->value.data);
    free(r);
}

struct ds_fake_part *ds_fake_part(ds_fake_log_t *log, const char *name, int32_t partition)
{
    struct ds_fake_topic *topic;

    assert(partition >= 0 && partition < log->partitions);
    for (size_t t = 0; t < log->topic_count; t++)
        if (strcmp(log->topics[t].name, name) == 0)
            return &log->topics[t].parts[partition];
    assert(log->topic_count < DS_FAKE_TOPICS_MAX);
    topic = &log->topics[log->topic_count++];
    assert(ds_str_to_array(ds_str(name), topic->name, sizeof(topic->name)));
    return &topic->parts[partition];
}

int64_t ds_fake_put(ds_fake_log_t *log, const char *topic, int32_t partition,
                    struct ds_fake_record *record)
{
    struct ds_fake_part *part = ds_fake_part(log, topic, partition);

    if ((size_t)part->end == part->capacity) {
        part->capacity = part->capacity == 0 ? 64 : part->capacity * 2;
        part->records = realloc(part->records, part->capacity * sizeof(struct ds_fake_record *));
        assert(part->records != NULL);
    }
    if (record != NULL)
        record->appended_us = log->time->now_us + log->ahead_us;
    part->records[part->end] = record;
    return part->end++;
}

/* ---- the server ---- */

void ds_fake_log_ahead(ds_fake_log_t *log, int64_t us)
{
    log->ahead_us = us;
}

ds_fake_log_t *ds_fake_log_new(struct ds_fake_time *time, int32_t partitions)
{
    ds_fake_log_t *log = calloc(1, sizeof(*log));

    assert(log != NULL && partitions <= DS_FAKE_PARTITIONS_MAX);
    log->time = time;
    log->partitions = partitions;
    return log;
}

void ds_fake_log_destroy(ds_fake_log_t *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < log->all_count; i++)
        free_record(log->all[i]);
    for (size_t t = 0; t < log->topic_count; t++)
        for (int32_t p = 0; p < DS_FAKE_PARTITIONS_MAX; p++)
            free(log->topics[t].parts[p].records);
    free(log->all);
    free(log->fates.held);
    free(log);
}

int64_t ds_fake_append(ds_fake_log_t *log, const char *topic, int32_t partition, ds_str_t key,
                       ds_bytes_t value)
{
    const struct ds_broker_message message = {
        .has_key = key.data != NULL, .key = key, .has_value = value.data != NULL, .value = value};

    return ds_fake_put(log, topic, partition, ds_fake_make_record(log, &message));
}

int64_t ds_fake_end(ds_fake_log_t *log, const char *topic, int32_t partition)
{
    return ds_fake_part(log, topic, partition)->end;
}

const struct ds_fake_record *ds_fake_record(ds_fake_log_t *log, const char *topic,
                                            int32_t partition, int64_t offset)
{
    const struct ds_fake_part *part = ds_fake_part(log, topic, partition);

    return offset >= part->low && offset < part->end ? part->records[offset] : NULL;
}

void ds_fake_drop_before(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t low)
{
    ds_fake_part(log, topic, partition)->low = low;
}

void ds_fake_truncate(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t end)
{
    ds_fake_part(log, topic, partition)->end = end;
}

void ds_fake_remove(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t offset)
{
    ds_fake_part(log, topic, partition)->records[offset] = NULL;
}

void ds_fake_skip_offset(ds_fake_log_t *log, const char *topic, int32_t partition)
{
    ds_fake_put(log, topic, partition, NULL);
}
