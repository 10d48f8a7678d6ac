/* See fake_log.h. */
#include "fake_log.h"

#include <assert.h>
#include <stdlib.h>

#define TOPICS_MAX     16
#define PARTITIONS_MAX 16
#define BATCH_MAX      512

struct part {
    struct ds_fake_record **records; /* NULL: an offset without a record */
    int64_t low;
    int64_t end;
    size_t capacity;
};

struct topic {
    char name[64];
    struct part parts[PARTITIONS_MAX];
};

struct fake_broker;

struct held {
    struct fake_broker *sender; /* NULL: gone */
    int generation;             /* of the sender's producer */
    char topic[64];
    int32_t partition;
    int32_t index; /* of the topic at the sender */
    uint64_t tag;
    struct ds_fake_record *record;
};

struct ds_fake_log {
    struct ds_fake_time *time;
    int32_t partitions;
    struct topic topics[TOPICS_MAX];
    size_t topic_count;
    struct held *held;
    size_t held_count;
    ds_fake_fate_fn fate;
    void *fate_context;
    const char *fail_ends;
    const char *deaf;
    int32_t deaf_partition;
    const char *silent;
    struct ds_fake_record **all; /* to free */
    size_t all_count;
};

struct fake_broker {
    ds_broker_t base;
    ds_fake_log_t *log;
    int32_t topic_count;
    char names[TOPICS_MAX][64];
    bool reading[TOPICS_MAX][PARTITIONS_MAX];
    int64_t next[TOPICS_MAX][PARTITIONS_MAX];
    int64_t told_end[TOPICS_MAX][PARTITIONS_MAX]; /* -1: none since it began to read */
    int64_t hints[TOPICS_MAX][PARTITIONS_MAX];
    int commits;
    bool is_member;
    int64_t cut_off_us; /* monotonic: not heard since; 0: heard */
    bool is_away;
    int generation;
    int renewals;
    int questions;
    struct ds_broker_event *queued; /* reports and news of the group, for the next poll */
    size_t queued_count;
    struct ds_broker_event *given[2];
};

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

static struct ds_fake_record *make_record(ds_fake_log_t *log,
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

static struct part *part_of(ds_fake_log_t *log, const char *name, int32_t partition)
{
    struct topic *topic;

    assert(partition >= 0 && partition < log->partitions);
    for (size_t t = 0; t < log->topic_count; t++)
        if (strcmp(log->topics[t].name, name) == 0)
            return &log->topics[t].parts[partition];
    assert(log->topic_count < TOPICS_MAX);
    topic = &log->topics[log->topic_count++];
    assert(ds_str_to_array(ds_str(name), topic->name, sizeof(topic->name)));
    return &topic->parts[partition];
}

static int64_t put(ds_fake_log_t *log, const char *topic, int32_t partition,
                   struct ds_fake_record *record)
{
    struct part *part = part_of(log, topic, partition);

    if ((size_t)part->end == part->capacity) {
        part->capacity = part->capacity == 0 ? 64 : part->capacity * 2;
        part->records = realloc(part->records, part->capacity * sizeof(struct ds_fake_record *));
        assert(part->records != NULL);
    }
    if (record != NULL)
        record->appended_us = log->time->now_us;
    part->records[part->end] = record;
    return part->end++;
}

/* ---- the server ---- */

ds_fake_log_t *ds_fake_log_new(struct ds_fake_time *time, int32_t partitions)
{
    ds_fake_log_t *log = calloc(1, sizeof(*log));

    assert(log != NULL && partitions <= PARTITIONS_MAX);
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
        for (int32_t p = 0; p < PARTITIONS_MAX; p++)
            free(log->topics[t].parts[p].records);
    free(log->all);
    free(log->held);
    free(log);
}

int64_t ds_fake_append(ds_fake_log_t *log, const char *topic, int32_t partition, ds_str_t key,
                       ds_bytes_t value)
{
    const struct ds_broker_message message = {
        .has_key = key.data != NULL, .key = key, .has_value = value.data != NULL, .value = value};

    return put(log, topic, partition, make_record(log, &message));
}

int64_t ds_fake_end(ds_fake_log_t *log, const char *topic, int32_t partition)
{
    return part_of(log, topic, partition)->end;
}

const struct ds_fake_record *ds_fake_record(ds_fake_log_t *log, const char *topic,
                                            int32_t partition, int64_t offset)
{
    const struct part *part = part_of(log, topic, partition);

    return offset >= part->low && offset < part->end ? part->records[offset] : NULL;
}

void ds_fake_drop_before(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t low)
{
    part_of(log, topic, partition)->low = low;
}

void ds_fake_truncate(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t end)
{
    part_of(log, topic, partition)->end = end;
}

void ds_fake_remove(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t offset)
{
    part_of(log, topic, partition)->records[offset] = NULL;
}

void ds_fake_skip_offset(ds_fake_log_t *log, const char *topic, int32_t partition)
{
    put(log, topic, partition, NULL);
}

void ds_fake_set_fate(ds_fake_log_t *log, ds_fake_fate_fn fate, void *context)
{
    log->fate = fate;
    log->fate_context = context;
}

void ds_fake_fail_ends(ds_fake_log_t *log, const char *topic)
{
    log->fail_ends = topic;
}

void ds_fake_deafen(ds_fake_log_t *log, const char *topic, int32_t partition)
{
    log->deaf = topic;
    log->deaf_partition = partition;
}

void ds_fake_silence(ds_fake_log_t *log, const char *topic)
{
    log->silent = topic;
}

/* ---- appends ---- */

static struct ds_broker_event *queue_event(struct fake_broker *b, enum ds_broker_event_kind kind)
{
    b->queued = realloc(b->queued, (b->queued_count + 1) * sizeof(*b->queued));
    assert(b->queued != NULL);
    b->queued[b->queued_count] =
        (struct ds_broker_event){.kind = kind, .topic = -1, .partition = -1, .offset = -1};
    return &b->queued[b->queued_count++];
}

static void report(const struct held *h, enum ds_error_code code, int64_t offset)
{
    struct ds_broker_event *event;

    if (h->sender == NULL || h->generation != h->sender->generation)
        return;
    event = queue_event(h->sender, DS_BROKER_DELIVERY);
    event->topic = h->index;
    event->partition = h->partition;
    event->tag = h->tag;
    event->code = code;
    event->offset = offset;
    event->reason = code == DS_OK ? NULL : "made up by the test";
}

static void carry_out(ds_fake_log_t *log, const struct held *h, enum ds_fake_fate fate)
{
    int64_t offset = -1;

    if (fate != DS_FATE_LOSE && fate != DS_FATE_LOSE_SILENTLY && fate != DS_FATE_TOO_LARGE)
        offset = put(log, h->topic, h->partition, h->record);
    switch (fate) {
    case DS_FATE_DELIVER:
        report(h, DS_OK, offset);
        break;
    case DS_FATE_DUPLICATE:
        put(log, h->topic, h->partition, h->record);
        report(h, DS_OK, offset);
        break;
    case DS_FATE_LOSE:
    case DS_FATE_FAIL_AFTER:
        report(h, DS_ERR_TIMEOUT, -1);
        break;
    case DS_FATE_TOO_LARGE:
        report(h, DS_ERR_LIMIT, -1);
        break;
    case DS_FATE_LOSE_SILENTLY:
    case DS_FATE_NO_OFFSET:
        report(h, DS_OK, -1);
        break;
    case DS_FATE_WRONG_OFFSET:
        report(h, DS_OK, 0);
        break;
    case DS_FATE_NO_REPORT:
        break;
    case DS_FATE_HOLD:
    case DS_FATE_FULL:
    case DS_FATE_REFUSE:
        assert(false);
    }
}

size_t ds_fake_held(const ds_fake_log_t *log)
{
    return log->held_count;
}

void ds_fake_release(ds_fake_log_t *log, size_t i, enum ds_fake_fate fate)
{
    struct held h;

    assert(i < log->held_count);
    h = log->held[i];
    memmove(&log->held[i], &log->held[i + 1], (log->held_count - i - 1) * sizeof(h));
    log->held_count--;
    carry_out(log, &h, fate);
}

static enum ds_broker_put produce(ds_broker_t *broker, const struct ds_broker_message *message,
                                  uint64_t tag, ds_error_t *error)
{
    struct fake_broker *b = (struct fake_broker *)broker;
    ds_fake_log_t *log = b->log;
    const struct ds_fake_append append = {b->names[message->topic], message->partition, tag,
                                          message->value};
    enum ds_fake_fate fate =
        log->fate == NULL ? DS_FATE_DELIVER : log->fate(log->fate_context, &append);
    struct held h = {.sender = b,
                     .generation = b->generation,
                     .partition = message->partition,
                     .index = message->topic,
                     .tag = tag};

    if (fate == DS_FATE_FULL)
        return DS_BROKER_PUT_FULL;
    if (fate == DS_FATE_REFUSE) {
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "refused by the test");
        return DS_BROKER_PUT_FAILED;
    }
    memcpy(h.topic, b->names[message->topic], sizeof(h.topic));
    h.record = make_record(log, message);
    if (fate != DS_FATE_HOLD) {
        carry_out(log, &h, fate);
        return DS_BROKER_PUT_OK;
    }
    log->held = realloc(log->held, (log->held_count + 1) * sizeof(h));
    assert(log->held != NULL);
    log->held[log->held_count++] = h;
    return DS_BROKER_PUT_OK;
}

/* ---- a worker's connection ---- */

static void take_records(struct fake_broker *b, struct ds_broker_event *out, size_t *count)
{
    for (int32_t t = 0; t < b->topic_count; t++) {
        if (b->log->silent != NULL && strcmp(b->log->silent, b->names[t]) == 0)
            continue;
        for (int32_t p = 0; p < b->log->partitions; p++) {
            struct part *part = part_of(b->log, b->names[t], p);

            if (b->reading[t][p] && (b->next[t][p] < part->low || b->next[t][p] > part->end)) {
                b->reading[t][p] = false;
                out[(*count)++] = (struct ds_broker_event){.kind = DS_BROKER_READ_FAILED,
                                                           .topic = t,
                                                           .partition = p,
                                                           .code = DS_ERR_DAMAGE};
            }
            while (b->reading[t][p] && b->next[t][p] < part->end && *count < BATCH_MAX) {
                int64_t offset = b->next[t][p]++;
                const struct ds_fake_record *r = part->records[offset];

                if (r != NULL)
                    out[(*count)++] = (struct ds_broker_event){.kind = DS_BROKER_RECORD,
                                                               .topic = t,
                                                               .partition = p,
                                                               .offset = offset,
                                                               .appended_us = r->appended_us,
                                                               .has_key = r->has_key,
                                                               .has_value = r->has_value,
                                                               .key = r->key,
                                                               .value = r->value,
                                                               .native = r};
            }
            if (b->reading[t][p] && b->next[t][p] == part->end && b->told_end[t][p] != part->end &&
                *count < BATCH_MAX) {
                b->told_end[t][p] = part->end;
                out[(*count)++] = (struct ds_broker_event){
                    .kind = DS_BROKER_AT_END, .topic = t, .partition = p, .offset = part->end};
            }
        }
    }
}

static bool poll(ds_broker_t *broker, int timeout_ms, bool with_records,
                 const struct ds_broker_event **events_out, size_t *count_out, ds_error_t *error)
{
    struct fake_broker *b = (struct fake_broker *)broker;
    struct ds_broker_event *out;
    size_t count = b->queued_count;

    (void)timeout_ms;
    (void)error;
    out = realloc(b->given[with_records],
                  (b->queued_count + BATCH_MAX + TOPICS_MAX * PARTITIONS_MAX) * sizeof(*out));
    assert(out != NULL);
    b->given[with_records] = out;
    if (count > 0)
        memcpy(out, b->queued, count * sizeof(*out));
    b->queued_count = 0;
    if (with_records)
        take_records(b, out, &count);
    *events_out = out;
    *count_out = count;
    return true;
}

static bool start(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                  ds_error_t *error)
{
    struct fake_broker *b = (struct fake_broker *)broker;

    (void)error;
    b->reading[topic][partition] = true;
    b->next[topic][partition] = offset;
    b->told_end[topic][partition] = -1;
    return true;
}

static void stop(ds_broker_t *broker, int32_t topic, int32_t partition)
{
    ((struct fake_broker *)broker)->reading[topic][partition] = false;
}

static size_t headers(ds_broker_t *broker, const struct ds_broker_event *event,
                      struct ds_broker_header *headers_out, size_t max)
{
    const struct ds_fake_record *r = event->native;
    size_t count = r == NULL ? 0 : r->header_count < max ? r->header_count : max;

    (void)broker;
    if (count > 0)
        memcpy(headers_out, r->headers, count * sizeof(*headers_out));
    return count;
}

static bool is_deaf(const struct fake_broker *b, const struct ds_broker_end *about)
{
    const ds_fake_log_t *log = b->log;

    return log->deaf != NULL &&
           (log->deaf_partition < 0 || (log->deaf_partition == about->partition &&
                                        strcmp(log->deaf, b->names[about->topic]) == 0));
}

static bool ends(ds_broker_t *broker, struct ds_broker_end *list, size_t count, int timeout_ms,
                 ds_error_t *error)
{
    struct fake_broker *b = (struct fake_broker *)broker;
    bool any = false;

    b->questions++;
    for (size_t i = 0; i < count; i++)
        if (is_deaf(b, &list[i])) {
            ds_fake_time_add(b->log->time, timeout_ms * DS_US_PER_MS);
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "no answer in time");
        }
    for (size_t i = 0; i < count; i++) {
        const struct part *part = part_of(b->log, b->names[list[i].topic], list[i].partition);

        list[i].ok =
            b->log->fail_ends == NULL || strcmp(b->log->fail_ends, b->names[list[i].topic]) != 0;
        list[i].low = part->low;
        list[i].end = part->end;
        any = any || list[i].ok;
    }
    b->is_away = b->is_away && !any;
    return any || ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "no ends today");
}

static bool confirm_members(ds_broker_t *broker, const int32_t *partitions, size_t count,
                            bool *ok_out, int timeout_ms, ds_error_t *error)
{
    const struct fake_broker *b = (const struct fake_broker *)broker;

    (void)partitions;
    (void)timeout_ms;
    for (size_t i = 0; i < count; i++)
        ok_out[i] = b->is_member;
    return b->is_member || ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_NOT_OWNER, "not a member");
}

static int64_t group_silent_us(const ds_broker_t *broker)
{
    const struct fake_broker *b = (const struct fake_broker *)broker;

    return b->cut_off_us == 0 ? 0 : b->log->time->monotonic_us - b->cut_off_us;
}

static void commit_hints(ds_broker_t *broker, const struct ds_broker_hint *hints, size_t count)
{
    struct fake_broker *b = (struct fake_broker *)broker;

    b->commits++;
    for (size_t i = 0; i < count; i++)
        b->hints[hints[i].topic][hints[i].partition] = hints[i].next;
}

static bool partitions(ds_broker_t *broker, int32_t topic_count, int timeout_ms, int32_t *count_out,
                       ds_error_t *error)
{
    (void)topic_count;
    (void)timeout_ms;
    (void)error;
    *count_out = ((struct fake_broker *)broker)->log->partitions;
    return true;
}

static void forget_reports(struct fake_broker *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->queued_count; i++)
        if (b->queued[i].kind != DS_BROKER_DELIVERY)
            b->queued[kept++] = b->queued[i];
    b->queued_count = kept;
}

static bool renew_producer(ds_broker_t *broker, ds_error_t *error)
{
    struct fake_broker *b = (struct fake_broker *)broker;

    (void)error;
    b->generation++;
    b->renewals++;
    forget_reports(b);
    return true;
}

static bool away(const ds_broker_t *broker)
{
    return ((const struct fake_broker *)broker)->is_away;
}

void ds_fake_broker_lose_sight(ds_broker_t *broker)
{
    ((struct fake_broker *)broker)->is_away = true;
}

static void destroy(ds_broker_t *broker, int timeout_ms)
{
    struct fake_broker *b = (struct fake_broker *)broker;

    (void)timeout_ms;
    for (size_t i = 0; i < b->log->held_count; i++)
        if (b->log->held[i].sender == b)
            b->log->held[i].sender = NULL;
    free(b->queued);
    free(b->given[0]);
    free(b->given[1]);
    free(b);
}

static const struct ds_broker_ops fake_ops = {
    .destroy = destroy,
    .poll = poll,
    .start = start,
    .stop = stop,
    .produce = produce,
    .headers = headers,
    .ends = ends,
    .confirm_members = confirm_members,
    .group_silent_us = group_silent_us,
    .commit_hints = commit_hints,
    .partitions = partitions,
    .renew_producer = renew_producer,
    .away = away,
};

ds_broker_t *ds_fake_broker_new(ds_fake_log_t *log, const char *const *topics, int32_t topic_count)
{
    struct fake_broker *b = calloc(1, sizeof(*b));

    assert(b != NULL && topic_count <= TOPICS_MAX);
    b->base.ops = &fake_ops;
    b->log = log;
    b->topic_count = topic_count;
    for (int32_t t = 0; t < topic_count; t++) {
        assert(ds_str_to_array(ds_str(topics[t]), b->names[t], sizeof(b->names[t])));
        (void)part_of(log, topics[t], 0);
    }
    return &b->base;
}

/* ---- the group ---- */

void ds_fake_assign(ds_broker_t *broker, int32_t from, int32_t to)
{
    struct fake_broker *b = (struct fake_broker *)broker;

    ds_fake_set_member(broker, true);
    queue_event(b, DS_BROKER_REVOKED);
    for (int32_t p = from; p < to; p++) {
        struct ds_broker_event *event = queue_event(b, DS_BROKER_ASSIGNED);

        event->topic = 0;
        event->partition = p;
    }
}

void ds_fake_revoke(ds_broker_t *broker)
{
    struct fake_broker *b = (struct fake_broker *)broker;

    b->is_member = false;
    queue_event(b, DS_BROKER_REVOKED);
}

void ds_fake_set_member(ds_broker_t *broker, bool is_member)
{
    struct fake_broker *b = (struct fake_broker *)broker;

    b->is_member = is_member;
    b->cut_off_us = is_member ? 0 : b->log->time->monotonic_us;
}

void ds_fake_lose_producer(ds_broker_t *broker)
{
    queue_event((struct fake_broker *)broker, DS_BROKER_PRODUCER_LOST);
}

int ds_fake_renewals(const ds_broker_t *broker)
{
    return ((const struct fake_broker *)broker)->renewals;
}

int ds_fake_questions(const ds_broker_t *broker)
{
    return ((const struct fake_broker *)broker)->questions;
}

int64_t ds_fake_hint(const ds_broker_t *broker, int32_t topic, int32_t partition)
{
    return ((const struct fake_broker *)broker)->hints[topic][partition];
}

bool ds_fake_reads(const ds_broker_t *broker, int32_t topic, int32_t partition)
{
    return ((const struct fake_broker *)broker)->reading[topic][partition];
}

int ds_fake_commits(const ds_broker_t *broker)
{
    return ((const struct fake_broker *)broker)->commits;
}
