/* stream/topics.h - the topics of DESIGN section 2: how they are created, what is checked of them
 * at start.
 *
 * Thread-safe; each call opens a handle of its own and blocks for at most some 90 s. */
#ifndef DS_STREAM_TOPICS_H
#define DS_STREAM_TOPICS_H

#include "base/runtime.h"

#define DS_TOPIC_NAME_BYTES 64

/** What of a topic's setting is right; -1 is without a bound. */
enum ds_topic_rule { DS_TOPIC_SAME, DS_TOPIC_AT_LEAST, DS_TOPIC_AT_MOST };

struct ds_topic_setting {
    const char *name;
    const char *value;
    enum ds_topic_rule rule;
    bool is_vital; /* another value loses what must be kept, or changes what was decided */
};

struct ds_topic_spec {
    char name[DS_TOPIC_NAME_BYTES];
    struct ds_topic_setting settings[8]; /* ends with a NULL name */
};

/** @brief All topics of the product. @return how many; writes at most max. Pure. */
size_t ds_topics_list(struct ds_topic_spec *list_out, size_t max);

/** @brief Whether a topic may have this value. NULL: the server did not tell. Pure. */
bool ds_topic_setting_fits(const struct ds_topic_setting *setting, const char *is);

/** @brief Create what is missing. An existing topic is left as it is; then everything is checked,
 *  as soon as the brokers know of it (20 s at most).
 *  @param partitions   of all topics (12).  @param replication  3 in production, 1 on a single
 * broker.
 *  @param created_out  may be NULL. */
DS_MUST_CHECK bool ds_topics_create(const struct ds_runtime *runtime, const char *brokers,
                                    int32_t partitions, int32_t replication, int *created_out,
                                    ds_error_t *error);

/** @brief Check that all topics are there with one partition count and the settings that are meant;
 * blocks for twice the timeout at most. Log: topics.setting, one each that is not as it should be,
 * an error where it is vital, else a warning; topics.single_replica (warning) where a topic has one
 * replica; topics.settings_hidden (warning) where we may not ask. UNAVAILABLE: Kafka is away.
 * UNKNOWN: a topic is missing. INVALID: counts differ, or a vital setting is wrong. */
DS_MUST_CHECK bool ds_topics_check(const struct ds_runtime *runtime, const char *brokers,
                                   int timeout_ms, int32_t *partitions_out, ds_error_t *error);

#endif
