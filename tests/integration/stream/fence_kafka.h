/* tests/integration/stream/fence_kafka.h - what the test itself does with Kafka: topics, inputs,
 * and a copy of everything for the oracle. A thin layer over librdkafka, none of stream/ is used.
 */
#ifndef DS_TESTS_FENCE_KAFKA_H
#define DS_TESTS_FENCE_KAFKA_H

#include "rig.h"

#include <librdkafka/rdkafka.h>

struct fence_kafka {
    const char *brokers;
    const char *name;
    rd_kafka_t *producer;
    int64_t failed; /* appends that were not acknowledged */
};

/** Exits with a message on failure, as all of these. */
void fence_kafka_open(struct fence_kafka *k, const char *brokers, const char *name);
void fence_kafka_close(struct fence_kafka *k); /* deletes the topics */
/** Append all that has been appended to the rig's topics since `from[p]`, in order. */
void fence_kafka_send(struct fence_kafka *k, struct rig *rig, const char *rig_topic,
                      const char *suffix, int64_t from[RIG_PARTITIONS]);
int64_t fence_kafka_end(struct fence_kafka *k, const char *suffix, int32_t partition);
/** Copy a topic into the rig's log, times included; it must be empty there. */
void fence_kafka_copy(struct fence_kafka *k, struct rig *rig, const char *suffix,
                      const char *rig_topic);

#endif
