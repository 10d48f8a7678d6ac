/* What an operator may do to the topics and groups of a shop that is stopped, for tests.
 *
 *   kafka_admin BROKERS rewind GROUP TOPIC    the group's offsets of all partitions to 0
 *   kafka_admin BROKERS delete TOPIC          and wait until the brokers know nothing of it
 *   kafka_admin BROKERS configure TOPIC NAME=VALUE...   these settings, the broker's own for others
 *
 * Exit code 0: done. 1: not (yet); the reason is on stderr. */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    return EXIT_FAILURE;
}

static rd_kafka_t *open_handle(const char *brokers, const char *group)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why) !=
            RD_KAFKA_CONF_OK ||
        (group != NULL &&
         rd_kafka_conf_set(conf, "group.id", group, why, sizeof why) != RD_KAFKA_CONF_OK)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return rd_kafka_new(group != NULL ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why,
                        sizeof why);
}

/* -1: not known. 0: there is no such topic. */
static int partitions_of(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    int count = -1;
    if (rd_kafka_metadata(rk, 0, rkt, &metadata, TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(rkt);
    return count;
}

static int rewind_group(rd_kafka_t *rk, const char *topic)
{
    int count = partitions_of(rk, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int p = 0; p < count; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
    rd_kafka_resp_err_t err = rd_kafka_commit(rk, list, 0);
    for (int p = 0; p < list->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; p++)
        err = list->elems[p].err;
    rd_kafka_topic_partition_list_destroy(list);
    return count <= 0                          ? fail(topic, "no partitions")
           : err != RD_KAFKA_RESP_ERR_NO_ERROR ? fail("commit", rd_kafka_err2str(err))
                                               : EXIT_SUCCESS;
}

static int delete_topic(rd_kafka_t *rk, const char *topic)
{
    rd_kafka_DeleteTopic_t *one = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopics(rk, &one, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    rd_kafka_resp_err_t err =
        event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteTopic_destroy(one);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail("delete", rd_kafka_err2str(err));
    return partitions_of(rk, topic) == 0 ? EXIT_SUCCESS : fail(topic, "is still there");
}

static bool add_setting(rd_kafka_ConfigResource_t *resource, const char *text)
{
    char name[128];
    const char *value = strchr(text, '=');
    if (value == NULL || (size_t)(value - text) >= sizeof name)
        return false;
    memcpy(name, text, (size_t)(value - text));
    name[value - text] = '\0';
    return rd_kafka_ConfigResource_set_config(resource, name, value + 1) ==
           RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t altered(rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t err =
        event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    size_t count = 0;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err;
    const rd_kafka_ConfigResource_t **told =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);
    return count == 1 ? rd_kafka_ConfigResource_error(told[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
}

static int configure(rd_kafka_t *rk, const char *topic, int count, char **settings)
{
    rd_kafka_ConfigResource_t *one = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < count && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        if (!add_setting(one, settings[i]))
            err = RD_KAFKA_RESP_ERR__INVALID_ARG;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_AlterConfigs(rk, &one, 1, NULL, queue);
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
        err = altered(event);
        if (event != NULL)
            rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(one);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? EXIT_SUCCESS
                                             : fail("configure", rd_kafka_err2str(err));
}

int main(int argc, char **argv)
{
    int code = EXIT_FAILURE;
    bool rewinds = argc == 5 && strcmp(argv[2], "rewind") == 0;
    bool configures = argc >= 4 && strcmp(argv[2], "configure") == 0;
    if (!rewinds && !configures && !(argc == 4 && strcmp(argv[2], "delete") == 0))
        return fail("usage", "kafka_admin BROKERS rewind GROUP TOPIC | delete TOPIC | "
                             "configure TOPIC NAME=VALUE...");
    rd_kafka_t *rk = open_handle(argv[1], rewinds ? argv[3] : NULL);
    if (rk == NULL)
        return fail(argv[1], "no handle");
    code = rewinds      ? rewind_group(rk, argv[4])
           : configures ? configure(rk, argv[3], argc - 4, argv + 4)
                        : delete_topic(rk, argv[3]);
    rd_kafka_destroy(rk);
    return code;
}
