/* stream/broker_kafka_internal.h - shared by the broker_kafka*.c files only. */
#ifndef DS_STREAM_BROKER_KAFKA_INTERNAL_H
#define DS_STREAM_BROKER_KAFKA_INTERNAL_H

#include "base/limits.h"
#include "stream/broker_kafka.h"
#include "stream/kafka_conf.h"

#include <stdatomic.h>

/* Records taken from librdkafka in one poll. Large enough to drain what arrives under load, small
 * enough that reports and rebalances are not kept waiting. */
#define DS_KAFKA_BATCH 1024

struct ds_kafka_events {
    struct ds_broker_event *items;
    size_t count;
    size_t capacity;
};

struct ds_broker_kafka {
    ds_broker_t base;            /* first: the vtable */
    struct ds_kafka_owner owner; /* opaque of all three handles */
    struct ds_log log;
    int32_t topic_count;
    int32_t subscribed;
    char *names[DS_BROKER_MAX_TOPICS];
    bool with_producer;
    int32_t compressed; /* topic; -1: none */
    char *brokers;
    char *client_id;

    rd_kafka_t *reader;
    rd_kafka_queue_t *reader_events; /* of a handle: reports, errors, rebalances */
    rd_kafka_queue_t *read_queue;
    rd_kafka_topic_t *read_topics[DS_BROKER_MAX_TOPICS];
    bool reading[DS_BROKER_MAX_TOPICS][DS_MAX_PARTITIONS];
    rd_kafka_message_t *messages[DS_KAFKA_BATCH]; /* of the last poll with records */
    size_t message_count;
    bool more_waiting;  /* the last poll took a full batch */
    size_t taken_bytes; /* since librdkafka was last woken to fetch */
    size_t wake_bytes;  /* after so many it is */

    rd_kafka_t *group; /* NULL: none */
    rd_kafka_queue_t *group_events;
    int64_t group_polled_ms;
    /* Monotonic: when the last request left that showed the membership; 0: none has. Written by
     * librdkafka's threads. */
    _Atomic int64_t group_heard_us;
    rd_kafka_queue_t *commit_queue;
    uint64_t commit_attempt; /* the one being waited for; late answers to others are ignored */
    bool commit_answered;
    rd_kafka_topic_partition_list_t *commit_results;

    rd_kafka_t *producer;
    rd_kafka_queue_t *producer_events;
    rd_kafka_topic_t *write_topics[DS_BROKER_MAX_TOPICS];
    bool producer_lost;

    struct ds_kafka_events
        with_records; /* what the last poll with records gave: valid until the next such */
    struct ds_kafka_events
        without_records;             /* what the last poll gave that left records where they are */
    struct ds_kafka_events *current; /* where callbacks add; NULL outside of poll: see stray */
    struct ds_kafka_events stray; /* what callbacks told outside of poll: given by the next one */
    bool out_of_memory;
    atomic_bool is_away;
    int zombies; /* handles whose destruction did not end in time: they still know this struct */
};

/** Asking an empty queue is a wait that is over at once, a system call; looking at its length is
 * none. */
static inline bool ds_kafka_waiting(rd_kafka_queue_t *queue)
{
    return rd_kafka_queue_length(queue) > 0;
}

struct ds_broker_kafka *ds_broker_kafka_of_owner(void *opaque);
struct ds_broker_event *ds_broker_kafka_add(struct ds_broker_kafka *k,
                                            enum ds_broker_event_kind kind);
/** rd_kafka_destroy may hang (librdkafka #4528, #4724, #4187): under a deadline, in a thread of its
 * own. Begin it, so that several handles go at the same time. NULL: there is nothing to wait for.
 */
struct ds_kafka_burial *ds_broker_kafka_bury(struct ds_broker_kafka *k, rd_kafka_t *rk,
                                             bool close_consumer);
/** Wait for its end; afterwards it is gone. */
void ds_broker_kafka_buried(struct ds_broker_kafka *k, struct ds_kafka_burial *burial,
                            int64_t until_ms);
void ds_broker_kafka_on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque);

/* broker_kafka_read.c */
bool ds_broker_kafka_open_reader(struct ds_broker_kafka *k,
                                 const struct ds_broker_kafka_config *config, ds_error_t *error);
void ds_broker_kafka_release(struct ds_broker_kafka *k);
void ds_broker_kafka_take_records(struct ds_broker_kafka *k, int timeout_ms);
bool ds_broker_kafka_start(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                           ds_error_t *error);
void ds_broker_kafka_stop(ds_broker_t *broker, int32_t topic, int32_t partition);
size_t ds_broker_kafka_headers(ds_broker_t *broker, const struct ds_broker_event *event,
                               struct ds_broker_header *headers_out, size_t max);
bool ds_broker_kafka_ends(ds_broker_t *broker, struct ds_broker_end *list, size_t count,
                          int timeout_ms, ds_error_t *error);
bool ds_broker_kafka_partitions(ds_broker_t *broker, int32_t topic_count, int timeout_ms,
                                int32_t *count_out, ds_error_t *error);

/* broker_kafka_group.c */
bool ds_broker_kafka_open_group(struct ds_broker_kafka *k,
                                const struct ds_broker_kafka_config *config, ds_error_t *error);
/** Begin to leave: a dynamic member says so, and its partitions go to others at once. */
struct ds_kafka_burial *ds_broker_kafka_close_group(struct ds_broker_kafka *k);
bool ds_broker_kafka_confirm_members(ds_broker_t *broker, const int32_t *partitions, size_t count,
                                     bool *ok_out, int timeout_ms, ds_error_t *error);
int64_t ds_broker_kafka_group_silent_us(const ds_broker_t *broker);
void ds_broker_kafka_commit_hints(ds_broker_t *broker, const struct ds_broker_hint *hints,
                                  size_t count);

/* broker_kafka_produce.c */
bool ds_broker_kafka_open_producer(struct ds_broker_kafka *k, ds_error_t *error);
struct ds_kafka_burial *ds_broker_kafka_close_producer(struct ds_broker_kafka *k);
enum ds_broker_put ds_broker_kafka_produce(ds_broker_t *broker,
                                           const struct ds_broker_message *message, uint64_t tag,
                                           ds_error_t *error);
bool ds_broker_kafka_renew_producer(ds_broker_t *broker, ds_error_t *error);

#endif
