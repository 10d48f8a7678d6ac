#include "cli/dlq/since.h"

#include "stream/kafka_conf.h"

#include <inttypes.h>
#include <stdio.h>

#define ASK_MS      10000
#define TOPIC_BYTES 64

static bool take(const rd_kafka_topic_partition_list_t *answer, int64_t *offsets_out,
                 ds_error_t *error)
{
    for (int i = 0; i < answer->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &answer->elems[i];

        if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return ds_error_set(error, DS_DOMAIN_KAFKA, ds_kafka_code(at->err),
                                "%s/%" PRId32 ": %s", at->topic, at->partition,
                                rd_kafka_err2str(at->err));
        offsets_out[at->partition] = at->offset < 0 ? INT64_MAX : at->offset;
    }
    return true;
}

static bool ask(rd_kafka_t *kafka, const char *topic, int32_t partitions, int64_t at_us,
                int64_t *offsets_out, ds_error_t *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    bool ok;

    for (int32_t p = 0; p < partitions; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = at_us / DS_US_PER_MS;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(kafka, list, ASK_MS);
    ok =
        err == RD_KAFKA_RESP_ERR_NO_ERROR
            ? take(list, offsets_out, error)
            : ds_error_set(error, DS_DOMAIN_KAFKA, ds_kafka_code(err), "%s", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
    return ok;
}

bool ds_commands_since(const struct ds_runtime *runtime, const char *brokers, const char *processor,
                       int32_t partitions, int64_t at_us, int64_t *offsets_out, ds_error_t *error)
{
    static const struct ds_kafka_setting none[] = {{NULL, NULL}};
    struct ds_kafka_owner owner = {&runtime->log};
    char topic[TOPIC_BYTES];
    rd_kafka_conf_t *conf = ds_kafka_conf_new(brokers, "doorstep-dlq", &owner, none, error);
    rd_kafka_t *kafka = conf == NULL ? NULL : ds_kafka_new(RD_KAFKA_PRODUCER, conf, error);
    bool ok;

    if (kafka == NULL)
        return false;
    (void)snprintf(topic, sizeof topic, "%s.commands", processor);
    ok = ask(kafka, topic, partitions, at_us, offsets_out, error);
    rd_kafka_destroy(kafka);
    return ok || ds_error_prefix(error, "how old the records of %s are", topic);
}
