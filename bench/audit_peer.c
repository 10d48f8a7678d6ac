/* Reads topics from their beginning to their end with librdkafka and looks at nothing: what an
 * audit of the same records is measured against.
 *
 * bench_audit_peer BROKERS TOPIC... : one line of JSON, {"records", "bytes", "seconds"}; seconds
 * from the first record asked for to the last that came. */
#include "stream/kafka_conf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TIMEOUT_MS 30000
#define BATCH      10000
#define TRIES_MAX  100

struct peer {
    rd_kafka_t *consumer;
    rd_kafka_topic_partition_list_t *list; /* offset: where the partition ends */
    int64_t left;                          /* records */
    int64_t records;
    int64_t bytes;
};

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fail(const char *what)
{
    (void)fprintf(stderr, "bench_audit_peer: %s\n", what);
    return EXIT_FAILURE;
}

static bool open_consumer(struct peer *peer, const char *brokers)
{
    static const struct ds_kafka_setting settings[] = {{"group.id", "bench-audit-peer"},
                                                       {"enable.auto.commit", "false"},
                                                       {"auto.offset.reset", "error"},
                                                       {"isolation.level", "read_uncommitted"},
                                                       {"fetch.wait.max.ms", "5"},
                                                       {"fetch.min.bytes", "1048576"},
                                                       {"queued.min.messages", "300000"},
                                                       {"queued.max.messages.kbytes", "32768"},
                                                       {"check.crcs", "true"},
                                                       {NULL, NULL}};
    static struct ds_kafka_owner owner;
    ds_error_t error = DS_ERROR_INIT;
    rd_kafka_conf_t *conf =
        ds_kafka_conf_new(brokers, "bench-audit-peer", &owner, settings, &error);
    peer->consumer = conf == NULL ? NULL : ds_kafka_new(RD_KAFKA_CONSUMER, conf, &error);
    return peer->consumer != NULL && rd_kafka_poll_set_consumer(peer->consumer) == 0;
}

/* A handle that has just been made does not know the leaders yet. */
static bool add_partition(struct peer *peer, const char *topic, int32_t partition)
{
    int64_t low = 0;
    int64_t high = 0;
    int tries = 0;
    while (rd_kafka_query_watermark_offsets(peer->consumer, topic, partition, &low, &high,
                                            TIMEOUT_MS) != 0)
        if (++tries == TRIES_MAX)
            return false;
    if (high > low) {
        rd_kafka_topic_partition_list_add(peer->list, topic, partition)->offset = low;
        peer->left += high - low;
    }
    return true;
}

static bool add_topic(struct peer *peer, const char *topic)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(peer->consumer, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    bool ok = handle != NULL &&
              rd_kafka_metadata(peer->consumer, 0, handle, &metadata, TIMEOUT_MS) == 0 &&
              metadata->topic_cnt == 1;
    for (int p = 0; ok && p < metadata->topics[0].partition_cnt; p++)
        ok = add_partition(peer, topic, p);
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    if (handle != NULL)
        rd_kafka_topic_destroy(handle);
    return ok;
}

static bool read_all(struct peer *peer)
{
    static rd_kafka_message_t *messages[BATCH];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(peer->consumer);
    double heard_s = now_s();

    while (peer->left > 0 && now_s() - heard_s < TIMEOUT_MS / 1000.0) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 5, messages, BATCH);
        for (ssize_t i = 0; i < count; i++) {
            if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                peer->records++;
                peer->left--;
                peer->bytes += (int64_t)(messages[i]->len + messages[i]->key_len);
            }
            rd_kafka_message_destroy(messages[i]);
        }
        if (count > 0)
            heard_s = now_s();
    }
    rd_kafka_queue_destroy(queue);
    return peer->left == 0;
}

int main(int argc, char **argv)
{
    struct peer peer = {0};

    if (argc < 3)
        return fail("usage: bench_audit_peer BROKERS TOPIC...");
    peer.list = rd_kafka_topic_partition_list_new(argc);
    if (!open_consumer(&peer, argv[1]))
        return fail("no consumer");
    for (int i = 2; i < argc; i++)
        if (!add_topic(&peer, argv[i]))
            return fail(argv[i]);
    double began_s = now_s();
    if (rd_kafka_assign(peer.consumer, peer.list) != 0 || !read_all(&peer))
        return fail("not all records came");
    printf("{\"records\": %" PRId64 ", \"bytes\": %" PRId64 ", \"seconds\": %.3f}\n", peer.records,
           peer.bytes, now_s() - began_s);
    rd_kafka_topic_partition_list_destroy(peer.list);
    (void)rd_kafka_consumer_close(peer.consumer);
    rd_kafka_destroy(peer.consumer);
    return EXIT_SUCCESS;
}
