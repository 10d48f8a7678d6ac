/* The settings all our librdkafka handles share, and how its log lines and codes become ours. */
#include "stream/kafka_conf.h"

#include <time.h>

static const struct ds_kafka_setting common[] = {
    /* A delayed ACK costs 40 ms a round as soon as a producer writes to two partitions (librdkafka
       #4986). */
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"allow.auto.create.topics", "false"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "2000"},
    /* Lines of ours say when Kafka is away, once a minute. */
    {"log.connection.close", "false"},
    {NULL, NULL},
};

static bool set_all(rd_kafka_conf_t *conf, const struct ds_kafka_setting *settings,
                    ds_error_t *error)
{
    char why[256];

    for (; settings->name != NULL; settings++) {
        if (settings->value == NULL)
            continue;
        if (rd_kafka_conf_set(conf, settings->name, settings->value, why, sizeof(why)) !=
            RD_KAFKA_CONF_OK)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID, "librdkafka %s=%s: %s",
                                settings->name, settings->value, why);
    }
    return true;
}

rd_kafka_conf_t *ds_kafka_conf_new(const char *brokers, const char *client_id,
                                   struct ds_kafka_owner *owner,
                                   const struct ds_kafka_setting *settings, ds_error_t *error)
{
    const struct ds_kafka_setting who[] = {
        {"bootstrap.servers", brokers}, {"client.id", client_id}, {NULL, NULL}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (!set_all(conf, common, error) || !set_all(conf, who, error) ||
        !set_all(conf, settings, error)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, owner);
    return conf;
}

static void forward_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct ds_kafka_owner *owner = rk == NULL ? NULL : rd_kafka_opaque(rk);

    /* Connection trouble is reported by the roles as kafka.away; these lines are for somebody who
     * looks closer. */
    if (owner == NULL)
        return;
    ds_log(owner->log, level <= 2 ? DS_LOG_WARN : DS_LOG_DEBUG, "kafka.client", text,
           DS_F_CSTR("facility", facility));
}

rd_kafka_t *ds_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, ds_error_t *error)
{
    char why[256];
    rd_kafka_t *rk;

    rd_kafka_conf_set_log_cb(conf, forward_log);
    rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf); /* not taken on failure */
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID, "librdkafka: %s", why);
    }
    return rk;
}

enum ds_error_code ds_kafka_code(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return DS_OK;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return DS_ERR_TIMEOUT;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return DS_ERR_BUSY;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
        return DS_ERR_LIMIT;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        return DS_ERR_DAMAGE;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return DS_ERR_UNKNOWN;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return DS_ERR_NOT_OWNER;
    default:
        return DS_ERR_UNAVAILABLE;
    }
}

int64_t ds_kafka_monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
