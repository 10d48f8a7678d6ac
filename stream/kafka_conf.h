/* stream/kafka_conf.h - librdkafka handles with the settings of docs (why each: the table in
 * kafka_conf.c).
 *
 * Only the files broker_kafka*.c, command_writer.c, topics.c, lag.c and since.c see librdkafka.
 * Threads: any. */
#ifndef DS_STREAM_KAFKA_CONF_H
#define DS_STREAM_KAFKA_CONF_H

#include "base/log.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct ds_kafka_setting {
    const char *name;
    const char *value; /* NULL: leave the default */
};

/** What callbacks and rd_kafka_opaque() get begins with this. */
struct ds_kafka_owner {
    const ds_log_t *log; /* where librdkafka's own lines go; outlives the handle */
};

/** @brief A configuration with the common settings and then `settings` (ends with {NULL, NULL}).
 *  @param owner  becomes the opaque; must outlive the handle.
 *  @return the caller's; ds_kafka_new takes it. NULL: error set. */
rd_kafka_conf_t *ds_kafka_conf_new(const char *brokers, const char *client_id,
                                   struct ds_kafka_owner *owner,
                                   const struct ds_kafka_setting *settings, ds_error_t *error);

/** @brief A handle; `conf` is taken in any case. NULL: error set. */
rd_kafka_t *ds_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, ds_error_t *error);

/** @brief Our code for one of librdkafka's. */
enum ds_error_code ds_kafka_code(rd_kafka_resp_err_t err);

/** @brief For the timeouts of calls to librdkafka, which run on the machine's time whatever clock
 * the roles use. */
int64_t ds_kafka_monotonic_ms(void);

#endif
