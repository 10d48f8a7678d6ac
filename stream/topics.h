/* stream/topics.h - the topics of DESIGN section 2: how they are created, what is checked of them
 * at start.
 *
 * Thread-safe; each call opens a handle of its own and blocks for at most some 30 s. */
#ifndef DS_STREAM_TOPICS_H
#define DS_STREAM_TOPICS_H

#include "base/runtime.h"

#define DS_TOPIC_NAME_BYTES 64

struct ds_topic_spec {
    char name[DS_TOPIC_NAME_BYTES];
    struct {
        const char *name;
        const char *value;
    } settings[6]; /* ends with a NULL name */
};

/** @brief All topics of the product. @return how many; writes at most max. Pure. */
size_t ds_topics_list(struct ds_topic_spec *list_out, size_t max);

/** @brief Create what is missing. An existing topic is left as it is; then everything is checked,
 *  as soon as the brokers know of it (20 s at most).
 *  @param partitions   of all topics (12).  @param replication  3 in production, 1 on a single
 * broker.
 *  @param created_out  may be NULL. */
DS_MUST_CHECK bool ds_topics_create(const struct ds_runtime *runtime, const char *brokers,
                                    int32_t partitions, int32_t replication, int *created_out,
                                    ds_error_t *error);

/** @brief Check that all topics are there with one partition count. Warns (log code
 * topics.single_replica) where a topic has one replica. UNAVAILABLE: Kafka is away. UNKNOWN: a
 * topic is missing. INVALID: counts differ. */
DS_MUST_CHECK bool ds_topics_check(const struct ds_runtime *runtime, const char *brokers,
                                   int timeout_ms, int32_t *partitions_out, ds_error_t *error);

#endif
