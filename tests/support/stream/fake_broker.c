/* A worker's connection: see fake_log.h. */
#include "fake_inside.h"

#include <assert.h>
#include <stdlib.h>

#define BATCH_MAX 512

struct fake_broker {
    ds_broker_t base;
    ds_fake_log_t *log;
    int32_t topic_count;
    char names[DS_FAKE_TOPICS_MAX][DS_FAKE_NAME_BYTES];
    bool reading[DS_FAKE_TOPICS_MAX][DS_FAKE_PARTITIONS_MAX];
    int64_t next[DS_FAKE_TOPICS_MAX][DS_FAKE_PARTITIONS_MAX];
    /* -1: none since it began to read */
    int64_t told_end[DS_FAKE_TOPICS_MAX][DS_FAKE_PARTITIONS_MAX];
    int64_t hints[DS_FAKE_TOPICS_MAX][DS_FAKE_PARTITIONS_MAX];
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

/* ---- faults ---- */

void ds_fake_fail_ends(ds_fake_log_t *log, const char *topic)
{
    log->faults.fail_ends = topic;
}

void ds_fake_deafen(ds_fake_log_t *log, const char *topic, int32_t partition)
{
    log->faults.deaf = topic;
    log->faults.deaf_partition = partition;
}

void ds_fake_tell_partitions(ds_fake_log_t *log, int32_t count)
{
    log->faults.told_partitions = count;
}

void ds_fake_silence(ds_fake_log_t *log, const char *topic)
{
    log->faults.silent = topic;
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

void ds_fake_report(const struct ds_fake_sender *sender, const struct ds_broker_event *event)
{
    struct fake_broker *b = (struct fake_broker *)sender->broker;

    if (sender->generation == b->generation)
        *queue_event(b, event->kind) = *event;
}

static enum ds_broker_put produce(ds_broker_t *broker, const struct ds_broker_message *message,
                                  uint64_t tag, ds_error_t *error)
{
    struct fake_broker *b = (struct fake_broker *)broker;
    const struct ds_fake_sender sender = {broker, b->generation};

    return ds_fake_send(b->log, &sender, b->names[message->topic], message, tag, error);
}

/* ---- reading and asking ---- */

static bool is_silent(const struct fake_broker *b, int32_t topic)
{
    const char *silent = b->log->faults.silent;

    return silent != NULL && strcmp(silent, b->names[topic]) == 0;
}

static void take_records(struct fake_broker *b, struct ds_broker_event *out, size_t *count)
{
    for (int32_t t = 0; t < b->topic_count; t++) {
        if (is_silent(b, t))
            continue;
        for (int32_t p = 0; p < b->log->partitions; p++) {
            struct ds_fake_part *part = ds_fake_part(b->log, b->names[t], p);

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
                  (b->queued_count + BATCH_MAX + DS_FAKE_TOPICS_MAX * DS_FAKE_PARTITIONS_MAX) *
                      sizeof(*out));
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

    return log->faults.deaf != NULL && (log->faults.deaf_partition < 0 ||
                                        (log->faults.deaf_partition == about->partition &&
                                         strcmp(log->faults.deaf, b->names[about->topic]) == 0));
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
        const struct ds_fake_part *part =
            ds_fake_part(b->log, b->names[list[i].topic], list[i].partition);

        list[i].ok = b->log->faults.fail_ends == NULL ||
                     strcmp(b->log->faults.fail_ends, b->names[list[i].topic]) != 0;
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
    const ds_fake_log_t *log = ((struct fake_broker *)broker)->log;

    (void)topic_count;
    (void)timeout_ms;
    (void)error;
    *count_out = log->faults.told_partitions > 0 ? log->faults.told_partitions : log->partitions;
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
    ds_fake_forget_sender(b->log, broker);
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

    assert(b != NULL && topic_count <= DS_FAKE_TOPICS_MAX);
    b->base.ops = &fake_ops;
    b->log = log;
    b->topic_count = topic_count;
    for (int32_t t = 0; t < topic_count; t++) {
        assert(ds_str_to_array(ds_str(topics[t]), b->names[t], sizeof(b->names[t])));
        (void)ds_fake_part(log, topics[t], 0);
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

bool ds_fake_is_drained(const ds_broker_t *broker)
{
    const struct fake_broker *b = (const struct fake_broker *)broker;
    bool more = b->queued_count > 0;

    for (int32_t t = 0; t < b->topic_count; t++)
        for (int32_t p = 0; p < b->log->partitions; p++)
            more = more || (b->reading[t][p] && !is_silent(b, t) &&
                            b->told_end[t][p] != ds_fake_part(b->log, b->names[t], p)->end);
    return !more;
}
