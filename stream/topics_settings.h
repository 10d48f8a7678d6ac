/* stream/topics_settings.h - whether topics have the settings that are meant. Internal to topics.c.
 */
#ifndef DS_STREAM_TOPICS_SETTINGS_H
#define DS_STREAM_TOPICS_SETTINGS_H

#include "stream/topics.h"

#include <librdkafka/rdkafka.h>

/** @brief Ask for the settings of all topics and say what is not as it should be (ds_topics_check).
 *  @param replicas  how many each topic has. */
DS_MUST_CHECK bool ds_topics_settings_check(const ds_log_t *log, rd_kafka_t *rk,
                                            const struct ds_topic_spec *specs,
                                            const int32_t *replicas, size_t count, int timeout_ms,
                                            ds_error_t *error);

#endif
