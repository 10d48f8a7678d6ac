/* stream/broker.h - all that stream/ knows of the log's server: a table of functions.
 *
 * broker_kafka.c puts librdkafka behind it, tests and simulations a log in memory. What stands
 * above it (owner, writer, host, reader) has no thread and waits nowhere but in poll, ends and
 * confirm_members; so it is a function of (broker, clock, random), and one seed replays a run.
 *
 * A broker knows a fixed list of topics, named by index. It reads any (topic, partition) from a
 * given offset, is a member of at most one group, whose subscription is one topic, and appends to a
 * named partition. What it reads and reports comes out of poll in the order it happened for each
 * (topic, partition). Threads: one broker, one thread. */
#ifndef DS_STREAM_BROKER_H
#define DS_STREAM_BROKER_H

#include "base/error.h"
#include "base/str.h"

typedef struct ds_broker ds_broker_t;

enum ds_broker_event_kind {
    DS_BROKER_RECORD, /* a record of a partition that is being read */
    DS_BROKER_AT_END, /* the server said that behind all that was read nothing stands now: `offset`
                         is the next to be written. Once for each end that reading came to */
    DS_BROKER_DELIVERY, /* what became of an append */
    DS_BROKER_ASSIGNED, /* the group gave us this partition */
    DS_BROKER_REVOKED, /* the group took all partitions back; what is ours still follows as ASSIGNED
                        */
    DS_BROKER_READ_FAILED,   /* reading stopped: `code` DAMAGE (the offset is outside the log) or
                                UNAVAILABLE */
    DS_BROKER_PRODUCER_LOST, /* no append will succeed until renew_producer */
    DS_BROKER_GROUP_LOST,    /* membership is over for good: another instance has our name */
};

struct ds_broker_event {
    enum ds_broker_event_kind kind;
    int32_t topic;     /* index; -1 where it does not apply */
    int32_t partition; /* the same */
    int64_t offset;    /* RECORD: its own. AT_END: of the end. DELIVERY: as reported, -1: none */
    int64_t appended_us;
    bool has_key;
    bool has_value; /* RECORD: false for a tombstone */
    ds_str_t key;
    ds_bytes_t value;
    uint64_t tag;            /* DELIVERY: what produce was given */
    enum ds_error_code code; /* DELIVERY: DS_OK or why not; READ_FAILED */
    const char *reason;      /* for people; may be NULL */
    const void *native;      /* for headers() */
};

struct ds_broker_header {
    const char *name;
    ds_bytes_t value;
};

struct ds_broker_message {
    int32_t topic;
    int32_t partition;
    bool has_key;
    ds_str_t key;
    bool has_value;
    ds_bytes_t value;
    const struct ds_broker_header *headers;
    size_t header_count;
};

enum ds_broker_put {
    DS_BROKER_PUT_OK,   /* a DELIVERY event with this tag will follow, once */
    DS_BROKER_PUT_FULL, /* the queue is full: poll, then the same record again */
    DS_BROKER_PUT_FAILED,
};

/** Where a partition begins and ends. */
struct ds_broker_end {
    int32_t topic;
    int32_t partition;
    bool want_low; /* ask for the beginning too: costs another round */
    bool ok;
    int64_t low;
    int64_t end; /* the next offset to be written */
};

/** What lag tools see of a group: the next offset it will handle. Nothing of ours is resumed by it:
 * the log itself says where (docs/adr/0012-group-offsets-for-lag-tools-only.md). */
struct ds_broker_hint {
    int32_t topic;
    int32_t partition;
    int64_t next;
};

struct ds_broker_ops {
    /** Leave the group, close, free. Bounded by timeout_ms. */
    void (*destroy)(ds_broker_t *broker, int timeout_ms);
    /** Wait up to timeout_ms for something to happen, then give all that has. Events, their texts
     * and bytes are borrowed until the next poll of the same kind. with_records false: records stay
     * where they are (backpressure), and what the last poll with records gave stays valid. */
    bool (*poll)(ds_broker_t *broker, int timeout_ms, bool with_records,
                 const struct ds_broker_event **events_out, size_t *count_out, ds_error_t *error);
    /** Begin to read at an offset (>= 0). Reading already: begin anew there; nothing of before
     * comes any more. */
    bool (*start)(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                  ds_error_t *error);
    /** Nothing of it comes any more, except what the last poll gave. */
    void (*stop)(ds_broker_t *broker, int32_t topic, int32_t partition);
    /** Hand over a record; key, value and headers are copied. acks=all, order kept, never to
     * another partition. */
    enum ds_broker_put (*produce)(ds_broker_t *broker, const struct ds_broker_message *message,
                                  uint64_t tag, ds_error_t *error);
    /** The headers of a RECORD event, borrowed as it is. @return how many, at most max. */
    size_t (*headers)(ds_broker_t *broker, const struct ds_broker_event *event,
                      struct ds_broker_header *headers_out, size_t max);
    /** Ask where partitions end now: an answer from the leader, not a memory. False when none is
     * known. */
    bool (*ends)(ds_broker_t *broker, struct ds_broker_end *list, size_t count, int timeout_ms,
                 ds_error_t *error);
    /** Commit the stored offset again for partitions of the subscribed topic (protocol R6).
     * ok_out[i]: it succeeded in the current generation, so at that moment the partition was ours.
     */
    bool (*confirm_members)(ds_broker_t *broker, const int32_t *partitions, size_t count,
                            bool *ok_out, int timeout_ms, ds_error_t *error);
    /** How long ago, by the monotonic clock and in microseconds, a sign of life left that the
     * group's coordinator has answered (protocol R6). 0 while there is no group or nothing was
     * ever answered. What the answer says of the membership comes out of poll. */
    int64_t (*group_silent_us)(const ds_broker_t *broker);
    /** Commit group offsets. Best effort, does not wait. */
    void (*commit_hints)(ds_broker_t *broker, const struct ds_broker_hint *hints, size_t count);
    /** Partition count of the topics with index below topic_count, which must all be the same.
     * UNAVAILABLE; INVALID: they differ or one does not exist. */
    bool (*partitions)(ds_broker_t *broker, int32_t topic_count, int timeout_ms, int32_t *count_out,
                       ds_error_t *error);
    /** Drop the producer with all it still holds and make a new one. No DELIVERY of the old one
     * follows. */
    bool (*renew_producer)(ds_broker_t *broker, ds_error_t *error);
    /** True while no server can be reached, as far as is known. */
    bool (*away)(const ds_broker_t *broker);
};

struct ds_broker {
    const struct ds_broker_ops *ops;
};

#endif
