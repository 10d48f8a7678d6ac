/* stream/reader.h - reads events topics under rule F and hands out whole decisions.
 *
 * Used by projections, gateways, the api's followers and the tools. One reader, one thread: whoever
 * polls. It keeps a fence per (topic, partition); skipped records are counted
 * (doorstep_fence_skipped_total{topic,reason}); damage (an offset that jumps, a later epoch than
 * the log opened, an Open that contradicts what was read, a position outside the log) stops that
 * partition with DS_ERR_DAMAGE and is never skipped over. A record of a schema that is not known
 * (yet) is not skipped either: its partition waits in front of it, the others go on.
 *
 * Two ways to get partitions: with a group (it subscribes to topics[0]; partition p of all other
 * topics is assigned by hand beside p of topics[0]), or without one (ds_reader_assign). */
#ifndef DS_STREAM_READER_H
#define DS_STREAM_READER_H

#include "base/runtime.h"
#include "schemas/schema.h"

/** A place in one partition of one topic: the last delivered record, or the beginning {-1, 0, 0}.
 */
struct ds_log_place {
    int64_t offset; /* of the last delivered record; reading goes on at offset + 1 */
    int64_t epoch;
    int64_t seq;
};
#define DS_PLACE_START ((struct ds_log_place){-1, 0, 0})

/** One delivered record. Borrowed until the next poll. */
struct ds_read_record {
    int32_t topic; /* index in the reader's topics */
    int32_t partition;
    struct ds_log_place place;
    int64_t appended_us; /* the broker's timestamp */
    bool last;           /* of its decision; a batch never ends inside one */
    bool undecodable;    /* the meta block is right, the body is not: event holds the head only */
    const void *event;   /* the topic's struct; begins with struct ds_event_head */
    ds_bytes_t value;    /* as it stands in the log */
    ds_str_t key;
};

struct ds_read_batch {
    const struct ds_read_record
        *records; /* per (topic, partition) in offset order; a decision's are adjacent */
    size_t count;
};

struct ds_reader_config {
    const char *brokers;
    const char *client_id;
    const char *group_id;          /* NULL: no group */
    const char *group_instance_id; /* NULL: a dynamic member */
    const struct ds_schema *const *topics;
    size_t topic_count;
    size_t max_batch_records; /* 0: 4096 */
    int64_t gather_ms; /* records may come this late, in fewer and larger fetches; 0: at once. Each
                          fetch costs the broker more than its records do. At most 1000. */
    /** Group only, called from poll: partition p is ours now. Fill places_out[topic_count]; false
     * with a retriable error: it is asked again after a pause; with another: the partition is left
     * alone. */
    bool (*assigned)(void *context, int32_t partition, struct ds_log_place *places_out,
                     ds_error_t *error);
    /** Group only: p is another's now; nothing more of it will be delivered. */
    void (*revoked)(void *context, int32_t partition);
    void *context;
    int64_t silent_pause_us; /* as in stream/silent.h */
    /** For tests and simulations; both are taken, also on failure. NULL: Kafka at `brokers`. */
    struct ds_broker *broker;
    struct ds_broker *lookup; /* for ds_reader_log_identity */
};

typedef struct ds_reader ds_reader_t;

DS_MUST_CHECK bool ds_reader_new(const struct ds_runtime *runtime,
                                 const struct ds_reader_config *config, ds_reader_t **reader_out,
                                 ds_error_t *error);
/** @brief Leave and free; takes at most 5 s. */
void ds_reader_destroy(ds_reader_t *reader);
/** @brief Without a group: read this partition of topics[topic] behind `place`. Again: begin anew
 * from there. */
DS_MUST_CHECK bool ds_reader_assign(ds_reader_t *reader, int32_t topic, int32_t partition,
                                    struct ds_log_place place, ds_error_t *error);
/** @brief Stop reading p of all topics (e.g. the position row says that another worker took over);
 * with a group it is asked for again through `assigned` after a pause, while the group still gives
 * it to us. */
void ds_reader_drop(ds_reader_t *reader, int32_t partition);
/** @brief Read no more of one topic's partition, or (false) go on where it stood: for whoever can
 * take no more of one topic before another one has come up. Say so with each turn: what could not
 * be begun again is tried then, and so is one that waited for its schema when it was to stop. */
void ds_reader_pause(ds_reader_t *reader, int32_t topic, int32_t partition, bool paused);
/** @brief Wait up to timeout_ms for records, then give all that arrived (an empty batch is not an
 * error).
 *  @param error  UNAVAILABLE: Kafka is away, nothing is lost, poll again. DAMAGE: see above; the
 * message names topic, partition and offset; other partitions go on with the next poll. LIMIT: the
 * group gave a partition of a number that none may have; the others go on as well. */
DS_MUST_CHECK bool ds_reader_poll(ds_reader_t *reader, int timeout_ms,
                                  struct ds_read_batch *batch_out, ds_error_t *error);
/** @brief What a partition waits for, a literal for people: the schema registry, or a version that
 * knows a schema. NULL: none does. It is logged (schema.waiting) and goes on by itself. */
const char *ds_reader_waiting(const ds_reader_t *reader);
/** @brief Ask the leader for the end (next offset to be written), for `timeout_ms` at most. One
 * that was silent is not asked each time (stream/silent.h): then it fails at once.
 *  @param error  UNAVAILABLE. */
DS_MUST_CHECK bool ds_reader_end(ds_reader_t *reader, int32_t topic, int32_t partition,
                                 int timeout_ms, int64_t *end_out, ds_error_t *error);
/** @brief False: its leader was silent, and ds_reader_end would not ask it now. */
bool ds_reader_may_ask(const ds_reader_t *reader, int32_t topic, int32_t partition);
/** @brief How far rule F has read: everything before this offset was delivered, skipped, or is part
 * of a decision not yet complete. Compare with ds_reader_end to know whether one has caught up. */
int64_t ds_reader_next_offset(const ds_reader_t *reader, int32_t topic, int32_t partition);
/** @brief The log's identity: the nonce of the partition's first valid Claim, which is looked up
 * where it is not known yet. Empty when the partition has none so far. Borrowed from the reader. */
DS_MUST_CHECK bool ds_reader_log_identity(ds_reader_t *reader, int32_t topic, int32_t partition,
                                          int timeout_ms, ds_str_t *identity_out,
                                          ds_error_t *error);
/** @brief Partition count of the topics (the same for all; checked). LIMIT: more than
 * DS_MAX_PARTITIONS. */
DS_MUST_CHECK bool ds_reader_partitions(ds_reader_t *reader, int timeout_ms, int32_t *count_out,
                                        ds_error_t *error);
/** @brief Group only: how long ago, in microseconds, a sign of life left that the group has
 * answered. 0: never yet, or no group. Whoever acts on the world may have lost its partitions when
 * this comes near the session timeout. */
int64_t ds_reader_group_silent_us(const ds_reader_t *reader);
/** @brief Group only: commit `next` as the group's offset of topics[0], for lag tools.
 * Asynchronous, best effort. */
void ds_reader_commit_hint(ds_reader_t *reader, int32_t partition, int64_t next);

#endif
