/* stream/host.h - runs one decider: owns partitions of its events topic, decides their inputs,
 * exactly once.
 *
 * A host is one worker: its own consumer, producer and partitions, nothing shared with another. It
 * is a step-driven state machine over (broker, clock, random): ds_host_step takes what arrived,
 * decides, applies, appends and lets the acknowledgements arrive later. Nothing it decides becomes
 * visible unless all it was decided on is (DESIGN section 3).
 *
 * A partition is away, waiting (backoff), reading (its own log, under rule F), joining (proving
 * membership), claiming, and then running; damage stops it for good. One that is another's may be
 * followed: its log is read, so that memory is there when it becomes ours. Threads: one host, one
 * thread.
 */
#ifndef DS_STREAM_HOST_H
#define DS_STREAM_HOST_H

#include "base/runtime.h"
#include "decider/decider.h"
#include "stream/broker.h"

struct ds_host_config {
    const struct ds_decider *decider;
    const void *settings; /* of the decider; borrowed for the host's life */
    const char *brokers;
    const char *client_id;         /* NULL: "doorstep-<decider>" */
    const char *group_id;          /* NULL: "doorstep-<decider>" */
    const char *group_instance_id; /* NULL or "": a dynamic member */
    int64_t session_timeout_ms;    /* 0: 10000. Not heard by the group for so long: no owner */
    const char *owner;             /* for people: who claims; NULL: the client id */
    int64_t timer_grace_us;        /* how long an unavailable input holds deadlines back; 0: 30 s */
    size_t max_unacked;            /* records a partition; 0: DS_MAX_UNACKED_RECORDS */
    size_t max_command_ids;        /* kept a partition; 0: 4 million (160 MB) */
    size_t max_held; /* inputs that wait for quarantined aggregates, a partition; 0: 10,000. It is
                        stopped there */
    int64_t snapshot_events; /* a snapshot of a partition after so many; 0: 20,000. At least as many
                                as it has items */
    int64_t snapshot_every_us; /* ... or after this time, if there were any; 0: 10 min */
    int64_t standby;           /* warm copies of partitions that are others', at most; 0: none */
    ds_broker_t *broker;       /* taken, also on failure; NULL: Kafka at `brokers` */
};

enum ds_host_partition {
    DS_PARTITION_AWAY,
    DS_PARTITION_WAITING,
    DS_PARTITION_READING,
    DS_PARTITION_JOINING,
    DS_PARTITION_CLAIMING,
    DS_PARTITION_RUNNING,
    DS_PARTITION_STOPPED,
    DS_PARTITION_FOLLOWING,
};

typedef struct ds_host ds_host_t;

/** @brief A host; waits for no server. */
DS_MUST_CHECK bool ds_host_new(const struct ds_runtime *runtime,
                               const struct ds_host_config *config, ds_host_t **host_out,
                               ds_error_t *error);

/** @brief One turn: wait up to timeout_ms for something to happen, then do all that can be done.
 * Kafka away is no error: it says so (log code kafka.away once a minute, health->waiting) and goes
 * on when it is back.
 *  @param error  the process is to end: MEMORY, or NOT_OWNER (another process has our
 * group_instance_id). */
DS_MUST_CHECK bool ds_host_step(ds_host_t *host, int timeout_ms, ds_error_t *error);

/** @brief Take no more input, wait up to 300 ms for the last acknowledgements, give the partitions
 * up, leave the group (a static member stays in it, for its next life), free. Less than 500 ms in
 * all where Kafka answers, 3 s at most. Log: host.stopped. */
void ds_host_destroy(ds_host_t *host);

/** @brief Free without draining or leaving in order, as if the process had died here. For tests and
 * simulations. */
void ds_host_abandon(ds_host_t *host);

/** @brief True once a partition runs, or the group has given us none. */
bool ds_host_ready(const ds_host_t *host);
/** @brief How many partitions are in this state. */
size_t ds_host_count(const ds_host_t *host, enum ds_host_partition state);
/** @brief For tests and tools: where a partition is, and the decider's state of it (borrowed; NULL:
 * none). */
enum ds_host_partition ds_host_partition(const ds_host_t *host, int32_t partition);
const void *ds_host_state(const ds_host_t *host, int32_t partition);
/** @brief Records handed over and not confirmed yet; 0 for a partition that is not running. */
int64_t ds_host_unacked(const ds_host_t *host, int32_t partition);
/** @brief How many aggregates are quarantined, those that are being released included. */
size_t ds_host_quarantined(const ds_host_t *host, int32_t partition);

#endif
