/* See fence_kafka.h. */
#include "fence_kafka.h"

#include <stdio.h>
#include <stdlib.h>

#define CALL_MS 60000

static void must(bool ok, const char *what, const char *why)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fence: %s: %s\n", what, why);
    exit(1);
}

static void topic_of(const struct fence_kafka *k, const char *suffix, char text_out[128])
{
    (void)snprintf(text_out, 128, "%s.%s", k->name, suffix);
}

static rd_kafka_t *handle(const struct fence_kafka *k, rd_kafka_type_t type,
                          const char *const *settings)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256] = "";
    rd_kafka_t *rk;

    must(rd_kafka_conf_set(conf, "bootstrap.servers", k->brokers, why, sizeof(why)) == 0, "conf",
         why);
    for (; settings[0] != NULL; settings += 2)
        must(rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof(why)) == 0, "conf", why);
    rk = rd_kafka_new(type, conf, why, sizeof(why));
    must(rk != NULL, "librdkafka", why);
    return rk;
}

/* ---- topics ---- */

#define TOPICS 5
static const char *const suffixes[TOPICS] = {"commands", "orders", "events", "dlq", "snapshots"};

static void create_topics(struct fence_kafka *k)
{
    rd_kafka_NewTopic_t *topics[TOPICS];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->producer);
    rd_kafka_event_t *event;
    char why[256] = "no answer";
    char name[128];

    for (int i = 0; i < TOPICS; i++) {
        topic_of(k, suffixes[i], name);
        topics[i] = rd_kafka_NewTopic_new(name, RIG_PARTITIONS, 1, why, sizeof(why));
        if (i == 0)
            rd_kafka_NewTopic_set_config(topics[i], "message.timestamp.type", "LogAppendTime");
    }
    rd_kafka_CreateTopics(k->producer, topics, TOPICS, NULL, queue);
    event = rd_kafka_queue_poll(queue, CALL_MS);
    must(event != NULL && rd_kafka_event_error(event) == 0, "create topics",
         event == NULL ? "no answer: is Kafka there? dev/stack start kafka --profile test"
                       : rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy_array(topics, TOPICS);
}

static void delete_topics(struct fence_kafka *k)
{
    rd_kafka_DeleteTopic_t *topics[TOPICS];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->producer);
    rd_kafka_event_t *event;
    char name[128];

    for (int i = 0; i < TOPICS; i++) {
        topic_of(k, suffixes[i], name);
        topics[i] = rd_kafka_DeleteTopic_new(name);
    }
    rd_kafka_DeleteTopics(k->producer, topics, TOPICS, NULL, queue);
    event = rd_kafka_queue_poll(queue, CALL_MS);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteTopic_destroy_array(topics, TOPICS);
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct fence_kafka *k = opaque;

    (void)rk;
    k->failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

void fence_kafka_open(struct fence_kafka *k, const char *brokers, const char *name)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256] = "";

    *k = (struct fence_kafka){.brokers = brokers, .name = name};
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    must(rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)) == 0 &&
             rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof(why)) == 0 &&
             rd_kafka_conf_set(conf, "linger.ms", "0", why, sizeof(why)) == 0,
         "conf", why);
    k->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    must(k->producer != NULL, "producer", why);
    create_topics(k);
}

void fence_kafka_close(struct fence_kafka *k)
{
    delete_topics(k);
    rd_kafka_destroy(k->producer);
}

/* ---- inputs ---- */

void fence_kafka_send(struct fence_kafka *k, struct rig *rig, const char *rig_topic,
                      const char *suffix, int64_t from[RIG_PARTITIONS])
{
    char topic[128];

    topic_of(k, suffix, topic);
    for (int32_t p = 0; p < RIG_PARTITIONS; p++)
        for (; from[p] < ds_fake_end(rig->log, rig_topic, p); from[p]++) {
            const struct ds_fake_record *r = ds_fake_record(rig->log, rig_topic, p, from[p]);
            rd_kafka_resp_err_t err =
                rd_kafka_producev(k->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(p),
                                  RD_KAFKA_V_KEY(r->key.data, r->key.len),
                                  RD_KAFKA_V_VALUE((void *)(uintptr_t)r->value.data, r->value.len),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);

            must(err == RD_KAFKA_RESP_ERR_NO_ERROR, "append", rd_kafka_err2str(err));
        }
    rd_kafka_poll(k->producer, 0);
}

/* ---- reading ---- */

int64_t fence_kafka_end(struct fence_kafka *k, const char *suffix, int32_t partition)
{
    char topic[128];
    int64_t low = 0;
    int64_t high = -1;
    rd_kafka_resp_err_t err;

    topic_of(k, suffix, topic);
    err = rd_kafka_query_watermark_offsets(k->producer, topic, partition, &low, &high, CALL_MS);
    must(err == RD_KAFKA_RESP_ERR_NO_ERROR, "end of a partition", rd_kafka_err2str(err));
    return high;
}

static void copy_partition(struct rig *rig, rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t p,
                           const char *rig_topic, int64_t end)
{
    rd_kafka_consume_start(topic, p, 0);
    for (int64_t offset = 0; offset < end; offset++) {
        rd_kafka_message_t *m = rd_kafka_consume(topic, p, CALL_MS);
        rd_kafka_timestamp_type_t type;

        must(m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR, "read",
             m == NULL ? "no record" : rd_kafka_message_errstr(m));
        must(m->offset == offset, "read", "an offset jumps");
        rig->time.now_us = rd_kafka_message_timestamp(m, &type) * DS_US_PER_MS;
        ds_fake_append(rig->log, rig_topic, p, (ds_str_t){m->key, (uint32_t)m->key_len},
                       (ds_bytes_t){m->payload, (uint32_t)m->len});
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consume_stop(topic, p);
    rd_kafka_poll(rk, 0);
}

void fence_kafka_copy(struct fence_kafka *k, struct rig *rig, const char *suffix,
                      const char *rig_topic)
{
    static const char *const settings[] = {"auto.offset.reset",
                                           "error",
                                           "isolation.level",
                                           "read_uncommitted",
                                           "enable.partition.eof",
                                           "false",
                                           NULL};
    rd_kafka_t *rk = handle(k, RD_KAFKA_CONSUMER, settings);
    rd_kafka_topic_t *topic;
    char name[128];

    topic_of(k, suffix, name);
    topic = rd_kafka_topic_new(rk, name, NULL);
    for (int32_t p = 0; p < RIG_PARTITIONS; p++)
        copy_partition(rig, rk, topic, p, rig_topic, fence_kafka_end(k, suffix, p));
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}
