/* bench/hop.h - what the driver (hop.c) and those it measures (hop_peers.c) share. */
#ifndef DS_BENCH_HOP_H
#define DS_BENCH_HOP_H

#include "base/runtime.h"
#include "stream/kafka_conf.h"

#define HOP_IN_TOPIC "catalog.commands"
#define HOP_POLL_MS  100

/* One way to pass a record on, run as a process of its own. */
struct hop_peer {
    const char *name;      /* in the results */
    const char *out_topic; /* all of the kind *.events: the same settings */
    bool is_host;          /* its records are events, the others' are copies of the commands */
    bool in_transactions;  /* its records count when they are committed */
    int64_t warm_up_s;
    const char *commit_ms; /* of Kafka Streams; NULL: its default */
    int (*run)(const struct hop_peer *peer, const struct ds_runtime *runtime, const char *brokers,
               const char *classpath);
};

/** @brief NULL: there is no such peer. */
const struct hop_peer *hop_peer_named(const char *name);

/** @brief Says why on stderr and ends the process: a benchmark has nothing to save. */
_Noreturn void hop_fail(const char *what, const char *why);

rd_kafka_t *hop_producer(const char *brokers, struct ds_kafka_owner *owner,
                         const char *transactional_id);
/** @brief A consumer that stands at the present ends of the topic. */
rd_kafka_t *hop_consumer(const char *brokers, struct ds_kafka_owner *owner, const char *topic,
                         int partitions, bool committed_only);
int hop_count_partitions(rd_kafka_t *handle, const char *topic);
/** @brief Hands a record over; where the producer's queue is full, waits for room. */
void hop_put(rd_kafka_t *producer, const char *topic, int32_t partition, ds_bytes_t key,
             ds_bytes_t value);

#endif
