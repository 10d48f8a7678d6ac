/* stream/reader_internal.h - shared by reader.c, reader_read.c and reader_lookup.c only. */
#ifndef DS_STREAM_READER_INTERNAL_H
#define DS_STREAM_READER_INTERNAL_H

#include "base/limits.h"
#include "stream/broker_kafka.h"
#include "stream/fence.h"
#include "stream/pending.h"
#include "stream/reader.h"
#include "stream/schema_wait.h"
#include "stream/silent.h"

_Static_assert(DS_SILENT_TOPICS == DS_BROKER_MAX_TOPICS, "silent.h counts topics as a reader does");

#define DS_READER_IDENTITY_BYTES 64

/** One partition of one topic. */
struct ds_stream {
    bool active;         /* being read */
    bool paused;         /* not being read, as somebody above wishes */
    bool damaged;        /* stopped for good */
    uint64_t since_turn; /* records of broker turns up to this one are of an earlier reading */
    struct ds_fence fence;
    struct ds_pending pending;
    struct ds_schema_wait wait;
    char identity[DS_READER_IDENTITY_BYTES]; /* "": not known */
};

/** A partition number as the group sees it. */
struct ds_reader_part {
    bool given;   /* by the group */
    bool reading; /* `assigned` said where from */
    unsigned attempt;
    int64_t ask_at_us; /* monotonic: when to call `assigned` (again) */
};

struct ds_reader {
    const struct ds_runtime *runtime;
    struct ds_reader_config config; /* texts copied */
    char *brokers;
    char *client_id;
    const struct ds_schema *topics[DS_BROKER_MAX_TOPICS];
    ds_broker_t *broker;
    ds_broker_t
        *lookup; /* reads beginnings of logs beside the running reading; NULL: not needed now */
    int64_t lookup_used_us;
    int64_t lookup_alone_us; /* monotonic: until then one log is looked up at a time */
    int32_t partitions;      /* 0: not known yet */

    struct ds_stream *streams[DS_BROKER_MAX_TOPICS][DS_MAX_PARTITIONS];
    struct ds_reader_part parts[DS_MAX_PARTITIONS];
    ds_metric_t *skipped[DS_BROKER_MAX_TOPICS][DS_FENCE_VERDICTS];

    struct ds_silent silent;
    size_t waiting; /* streams that wait for a schema */
    int64_t wait_said_us;
    int64_t sight_at_us; /* monotonic: when to look again whether Kafka is back */
    uint64_t turn;       /* of the broker's poll */
    const struct ds_broker_event *events;
    size_t event_count;
    size_t event_next; /* events before it are done */

    ds_arena_t *arena;
    struct ds_read_record *records;
    size_t record_count;
    size_t record_capacity;
    ds_error_t later; /* a damage found behind records that are handed out first */
};

/** @brief Decode, judge, and hand out when its decision is complete. false: the partition is to be
 * stopped. */
DS_MUST_CHECK bool ds_reader_take(struct ds_reader *reader, struct ds_stream *stream,
                                  const struct ds_broker_event *record, ds_error_t *error);
/** @brief True when the batch should be handed out before more is taken. */
bool ds_reader_full(const struct ds_reader *reader);
/** @brief Ask about one partition, unless its leader was silent (stream/silent.h). */
DS_MUST_CHECK bool ds_reader_ask(struct ds_reader *reader, struct ds_broker_end *end,
                                 int timeout_ms, ds_error_t *error);
/** @brief The stream, made when it is asked for the first time. NULL: LIMIT, MEMORY. */
struct ds_stream *ds_reader_stream(struct ds_reader *reader, int32_t topic, int32_t partition,
                                   ds_error_t *error);
void ds_reader_note_identity(struct ds_stream *stream, const struct ds_fence *fence,
                             const struct ds_protocol_event *event);
void ds_reader_close_lookup(struct ds_reader *reader);

#endif
