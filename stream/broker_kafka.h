/* stream/broker_kafka.h - the log's server as librdkafka shows it (broker.h).
 *
 * Three handles: one reads partitions (the simple consumer: each (topic, partition) starts and
 * stops by itself at an offset we name, without disturbing the others), one is the member of the
 * group (it fetches nothing), one appends (idempotent). All are driven by the thread that calls
 * poll. */
#ifndef DS_STREAM_BROKER_KAFKA_H
#define DS_STREAM_BROKER_KAFKA_H

#include "base/log.h"
#include "stream/broker.h"

#define DS_BROKER_MAX_TOPICS 16

struct ds_broker_kafka_config {
    const char *brokers;
    const char *client_id;         /* short */
    const char *group_id;          /* NULL: no group */
    const char *group_instance_id; /* NULL or "": a dynamic member */
    int32_t subscribed;            /* index of the topic the group subscribes to */
    int64_t session_timeout_ms;    /* 0: 10000 */
    const char *const *topics;     /* borrowed until new returns */
    int32_t topic_count;           /* at most DS_BROKER_MAX_TOPICS */
    bool with_producer;
    const char *compressed; /* name of a topic whose records are large; NULL: none */
    int64_t gather_ms;      /* larger fetches, up to this much later (ds_reader_config) */
    int32_t ahead_mb;       /* fetched and not taken yet, at most; 0: 32 */
};

/** @brief A broker; does not wait for any server. @param log borrowed, must outlive it. */
DS_MUST_CHECK bool ds_broker_kafka_new(const ds_log_t *log,
                                       const struct ds_broker_kafka_config *config,
                                       ds_broker_t **broker_out, ds_error_t *error);

#endif
