/* tests/support/stream/fake_log.h - a log in memory behind stream/broker.h, for tests without a
 * server.
 *
 * One ds_fake_log_t is the server; each ds_fake_broker_new() is one worker's connection to it.
 * Appends land at once and are reported with the next poll, unless a fate says otherwise: they can
 * be held and released later (in any order, also after their sender is gone), lost, written twice,
 * reported wrongly or not at all. The group is what the test says it is. Everything is
 * deterministic; nothing waits. Records stay at their address until the log is destroyed. */
#ifndef DS_TESTS_FAKE_LOG_H
#define DS_TESTS_FAKE_LOG_H

#include "base/clock.h"
#include "stream/broker.h"

typedef struct ds_fake_log ds_fake_log_t;

/** A clock that stands until it is moved. */
struct ds_fake_time {
    ds_clock_t clock;
    int64_t now_us;
    int64_t monotonic_us;
};
void ds_fake_time_init(struct ds_fake_time *time, int64_t now_us);
void ds_fake_time_add(struct ds_fake_time *time, int64_t us);

/** A random source that repeats itself: splitmix64 from a seed. */
struct ds_fake_random {
    ds_random_t random;
    uint64_t state;
};
void ds_fake_random_init(struct ds_fake_random *random, uint64_t seed);
uint64_t ds_fake_random_next(struct ds_fake_random *random);

enum ds_fake_fate {
    DS_FATE_DELIVER,       /* appended, reported with its offset */
    DS_FATE_HOLD,          /* waits until it is released */
    DS_FATE_LOSE,          /* not appended, reported as failed */
    DS_FATE_LOSE_SILENTLY, /* not appended, reported as delivered without an offset (librdkafka's
                              implicit ack) */
    DS_FATE_TOO_LARGE,     /* not appended, reported as larger than the topic takes */
    DS_FATE_FAIL_AFTER,    /* appended, reported as failed */
    DS_FATE_NO_OFFSET,     /* appended, reported without an offset */
    DS_FATE_WRONG_OFFSET,  /* appended, reported with a small, plausible, wrong offset */
    DS_FATE_DUPLICATE,     /* appended twice, reported with the first offset */
    DS_FATE_NO_REPORT,     /* appended, never reported */
    DS_FATE_FULL,          /* refused: the queue is full */
    DS_FATE_REFUSE,        /* refused: an error */
};

/** An append on its way; what a fate function may look at. */
struct ds_fake_append {
    const char *topic;
    int32_t partition;
    uint64_t tag;
    ds_bytes_t value;
};
typedef enum ds_fake_fate (*ds_fake_fate_fn)(void *context, const struct ds_fake_append *append);

struct ds_fake_record {
    int64_t appended_us;
    bool has_key;
    bool has_value;
    ds_str_t key;
    ds_bytes_t value;
    size_t header_count;
    struct ds_broker_header *headers;
};

ds_fake_log_t *ds_fake_log_new(struct ds_fake_time *time, int32_t partitions);
void ds_fake_log_destroy(ds_fake_log_t *log);
/** A worker's connection. The log outlives it. @param topics  as in the host: inputs, own, dlq. */
ds_broker_t *ds_fake_broker_new(ds_fake_log_t *log, const char *const *topics, int32_t topic_count);
/** It takes the server for away, until an answer to `ends` shows that it is not. */
void ds_fake_broker_lose_sight(ds_broker_t *broker);

/* ---- the server's side ---- */
int64_t ds_fake_append(ds_fake_log_t *log, const char *topic, int32_t partition, ds_str_t key,
                       ds_bytes_t value);
int64_t ds_fake_end(ds_fake_log_t *log, const char *topic, int32_t partition);
/** NULL: there is none. */
const struct ds_fake_record *ds_fake_record(ds_fake_log_t *log, const char *topic,
                                            int32_t partition, int64_t offset);
/** Forget records before `low` (retention) or from `end` on (a power cut). */
void ds_fake_drop_before(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t low);
void ds_fake_truncate(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t end);
/** Compaction takes one record; its offset stays empty. */
void ds_fake_remove(ds_fake_log_t *log, const char *topic, int32_t partition, int64_t offset);
/** An offset that no record has: the next append leaves a jump. */
void ds_fake_skip_offset(ds_fake_log_t *log, const char *topic, int32_t partition);

/* ---- faults ---- */
void ds_fake_set_fate(ds_fake_log_t *log, ds_fake_fate_fn fate, void *context); /* NULL: deliver */
size_t ds_fake_held(const ds_fake_log_t *log);
/** Let the i-th held append go on with this fate (not HOLD, FULL, REFUSE). */
void ds_fake_release(ds_fake_log_t *log, size_t i, enum ds_fake_fate fate);
/** Questions about ends fail, for one topic or (NULL) for none. */
void ds_fake_fail_ends(ds_fake_log_t *log, const char *topic);
/** The leader of one partition (-1: of all) does not answer: a call that asks about it fails as a
 * whole, for all that it asks about, once its time is over. NULL: all answer. */
void ds_fake_deafen(ds_fake_log_t *log, const char *topic, int32_t partition);
/** Its own time, that of its records, is so much ahead of the workers' clock; less than 0: behind.
 */
void ds_fake_log_ahead(ds_fake_log_t *log, int64_t us);
/** Who asks is told so many partitions. */
void ds_fake_tell_partitions(ds_fake_log_t *log, int32_t count);
/** Nothing of this topic arrives at any worker. NULL: all flows. */
void ds_fake_silence(ds_fake_log_t *log, const char *topic);

/* ---- the group ---- */
/** Give partitions [from, to) to this worker: REVOKED, then ASSIGNED. It is a member from now on.
 */
void ds_fake_assign(ds_broker_t *broker, int32_t from, int32_t to);
/** Take all back. It is no member any more. */
void ds_fake_revoke(ds_broker_t *broker);
/** Cut off from the coordinator: what it believes to own stays, its commits fail, and the group is
 * not heard from now on. */
void ds_fake_set_member(ds_broker_t *broker, bool is_member);
void ds_fake_lose_producer(ds_broker_t *broker);
int ds_fake_renewals(const ds_broker_t *broker);
/** How often this worker asked where partitions end. */
int ds_fake_questions(const ds_broker_t *broker);
int64_t ds_fake_hint(const ds_broker_t *broker, int32_t topic, int32_t partition);
/** How often this worker committed hints. */
int ds_fake_commits(const ds_broker_t *broker);
bool ds_fake_reads(const ds_broker_t *broker, int32_t topic, int32_t partition);
/** Its next poll gives nothing, as long as nobody appends, and it reads no more than it does. */
bool ds_fake_is_drained(const ds_broker_t *broker);

#endif
