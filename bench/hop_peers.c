/* Those that bench/hop.c measures: our processor host, a raw librdkafka loop, the same loop with
 * Kafka transactions, and Kafka Streams (bench/peers/Streams.java).
 *
 * Settings of consumers and producers are the product's own (stream/broker_kafka_*.c) everywhere
 * but in Kafka Streams, which keeps its defaults. The raw loop knows no epoch, no seq, no own log
 * and no resume. */
#include "hop.h"
#include "stream/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TXN_CALL_MS      30000
#define TXN_MAX_US       (100 * DS_US_PER_MS)
#define STREAMS_STATE    "build/release/bench/streams-state"
#define MAX_PARTITIONS   64
#define ENDS_TRIES_MAX   1200
#define ENDS_TIMEOUT_MS  10000
#define FULL_PAUSE_MS    5
#define CLOSE_TIMEOUT_MS 5000

void hop_fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench hop: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* ---- our host: an event for each command, nothing kept ---- */

static void *state_new(const void *settings, ds_error_t *error)
{
    (void)settings, (void)error;
    return calloc(1, 1);
}

static bool decide(const void *state, const struct ds_input *input, int64_t now_us,
                   ds_decision_t *decision, ds_error_t *error)
{
    (void)state, (void)now_us;
    const struct ds_catalog_command *command = input->message;
    struct ds_catalog_event *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_CATALOG_EVENT_STORE_CLOSED;
    event->body.as.store_closed.store_id = command->body.as.set_store_open.store_id;
    return true;
}

static bool evolve(void *state, const void *event, ds_error_t *error)
{
    (void)state, (void)event, (void)error;
    return true;
}

static bool next_timer(const void *state, const struct ds_timer_skip *skip,
                       struct ds_timer *timer_out)
{
    (void)state, (void)skip, (void)timer_out;
    return false;
}

static const struct ds_decider_input inputs[] = {{0, &ds_schema_catalog_commands}};
static const struct ds_decider pass_through = {
    .name = "catalog",
    .events = &ds_schema_catalog_events,
    .inputs = inputs,
    .input_count = 1,
    .logic = 1,
    .state_new = state_new,
    .state_destroy = free,
    .decide = decide,
    .evolve = evolve,
    .next_timer = next_timer,
};

static int run_host(const struct hop_peer *peer, const struct ds_runtime *runtime,
                    const char *brokers, const char *classpath)
{
    (void)peer, (void)classpath;
    ds_error_t error = DS_ERROR_INIT;
    struct ds_host_config config = {
        .decider = &pass_through, .brokers = brokers, .group_instance_id = "bench-hop"};
    ds_host_t *host = NULL;
    bool ok = ds_host_new(runtime, &config, &host, &error);
    while (ok && !ds_stopping(runtime))
        ok = ds_host_step(host, HOP_POLL_MS, &error);
    ds_host_destroy(host);
    if (!ok)
        hop_fail("host", error.message);
    return EXIT_SUCCESS;
}

/* ---- handles ---- */

static rd_kafka_t *new_handle(rd_kafka_type_t type, const char *brokers,
                              struct ds_kafka_owner *owner, const struct ds_kafka_setting *settings)
{
    ds_error_t error = DS_ERROR_INIT;
    rd_kafka_conf_t *conf = ds_kafka_conf_new(brokers, "bench-hop", owner, settings, &error);
    rd_kafka_t *handle = conf == NULL ? NULL : ds_kafka_new(type, conf, &error);
    if (handle == NULL)
        hop_fail("librdkafka", error.message);
    return handle;
}

rd_kafka_t *hop_producer(const char *brokers, struct ds_kafka_owner *owner,
                         const char *transactional_id)
{
    const struct ds_kafka_setting settings[] = {
        {"enable.idempotence", "true"},          {"linger.ms", "0"},
        {"queue.buffering.max.kbytes", "32768"}, {"queue.buffering.max.messages", "100000"},
        {"transactional.id", transactional_id},  {NULL, NULL}};
    return new_handle(RD_KAFKA_PRODUCER, brokers, owner, settings);
}

rd_kafka_t *hop_consumer(const char *brokers, struct ds_kafka_owner *owner, const char *topic,
                         int partitions, bool committed_only)
{
    const struct ds_kafka_setting settings[] = {
        {"group.id", "bench-hop-peer"},
        {"enable.auto.commit", "false"},
        {"auto.offset.reset", "error"},
        {"isolation.level", committed_only ? "read_committed" : "read_uncommitted"},
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "50"},
        {"queued.min.messages", "300000"},
        {"queued.max.messages.kbytes", "32768"},
        {"check.crcs", "true"},
        {NULL, NULL}};
    rd_kafka_t *consumer = new_handle(RD_KAFKA_CONSUMER, brokers, owner, settings);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t p = 0; p < partitions; p++) {
        int64_t low, high;
        rd_kafka_resp_err_t code;
        int asked = 0; /* a handle that has just been made does not know the leaders yet */
        while ((code = rd_kafka_query_watermark_offsets(consumer, topic, p, &low, &high,
                                                        ENDS_TIMEOUT_MS)) != 0 &&
               ++asked < ENDS_TRIES_MAX)
            (void)rd_kafka_poll(consumer, 50);
        if (code != 0)
            hop_fail(topic, rd_kafka_err2str(code));
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = high;
    }
    (void)rd_kafka_poll_set_consumer(consumer);
    if (rd_kafka_assign(consumer, list) != 0)
        hop_fail(topic, "cannot be assigned");
    rd_kafka_topic_partition_list_destroy(list);
    return consumer;
}

int hop_count_partitions(rd_kafka_t *handle, const char *topic)
{
    rd_kafka_topic_t *local = rd_kafka_topic_new(handle, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(handle, 0, local, &metadata, ENDS_TIMEOUT_MS) != 0 ||
        metadata->topics[0].partition_cnt == 0)
        hop_fail(topic, "is not there (doorstep topics create)");
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(local);
    if (count > MAX_PARTITIONS)
        hop_fail(topic, "has more than 64 partitions");
    return count;
}

void hop_put(rd_kafka_t *producer, const char *topic, int32_t partition, ds_bytes_t key,
             ds_bytes_t value)
{
    rd_kafka_resp_err_t code;
    while ((code = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic),
                                     RD_KAFKA_V_PARTITION(partition),
                                     RD_KAFKA_V_KEY(key.data, key.len),
                                     RD_KAFKA_V_VALUE((void *)(uintptr_t)value.data, value.len),
                                     RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END)) ==
           RD_KAFKA_RESP_ERR__QUEUE_FULL)
        (void)rd_kafka_poll(producer, FULL_PAUSE_MS);
    if (code != 0)
        hop_fail("cannot produce", rd_kafka_err2str(code));
}

static void pass_on(rd_kafka_t *producer, const char *topic, const rd_kafka_message_t *message)
{
    hop_put(producer, topic, message->partition,
            (ds_bytes_t){message->key, (uint32_t)message->key_len},
            (ds_bytes_t){message->payload, (uint32_t)message->len});
}

static void close_loop(rd_kafka_t *consumer, rd_kafka_t *producer)
{
    (void)rd_kafka_flush(producer, CLOSE_TIMEOUT_MS);
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
}

/* ---- the raw loop ---- */

static int run_raw(const struct hop_peer *peer, const struct ds_runtime *runtime,
                   const char *brokers, const char *classpath)
{
    (void)classpath;
    struct ds_kafka_owner owner = {&runtime->log};
    rd_kafka_t *producer = hop_producer(brokers, &owner, NULL);
    rd_kafka_t *consumer = hop_consumer(brokers, &owner, HOP_IN_TOPIC,
                                        hop_count_partitions(producer, HOP_IN_TOPIC), false);
    while (!ds_stopping(runtime)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, HOP_POLL_MS);
        if (message != NULL && message->err == 0)
            pass_on(producer, peer->out_topic, message);
        if (message != NULL)
            rd_kafka_message_destroy(message);
        (void)rd_kafka_poll(producer, 0);
    }
    close_loop(consumer, producer);
    return EXIT_SUCCESS;
}

/* ---- the loop with Kafka transactions ---- */

static void must(const char *what, rd_kafka_error_t *error)
{
    if (error != NULL)
        hop_fail(what, rd_kafka_error_string(error));
}

static void commit(rd_kafka_t *producer, rd_kafka_t *consumer, int partitions, const int64_t *next)
{
    rd_kafka_topic_partition_list_t *positions = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);
    for (int32_t p = 0; p < partitions; p++)
        if (next[p] > 0)
            rd_kafka_topic_partition_list_add(positions, HOP_IN_TOPIC, p)->offset = next[p];
    must("offsets", rd_kafka_send_offsets_to_transaction(producer, positions, group, TXN_CALL_MS));
    must("commit", rd_kafka_commit_transaction(producer, TXN_CALL_MS));
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(positions);
}

/* What has arrived, for 100 ms at most, is one transaction. */
static int run_txn(const struct hop_peer *peer, const struct ds_runtime *runtime,
                   const char *brokers, const char *classpath)
{
    (void)classpath;
    struct ds_kafka_owner owner = {&runtime->log};
    rd_kafka_t *producer = hop_producer(brokers, &owner, "bench-hop");
    must("init", rd_kafka_init_transactions(producer, TXN_CALL_MS));
    int partitions = hop_count_partitions(producer, HOP_IN_TOPIC);
    rd_kafka_t *consumer = hop_consumer(brokers, &owner, HOP_IN_TOPIC, partitions, true);
    while (!ds_stopping(runtime)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, HOP_POLL_MS);
        int64_t next[MAX_PARTITIONS] = {0};
        int64_t until = ds_monotonic_us(runtime->clock) + TXN_MAX_US;
        if (message == NULL)
            continue;
        must("begin", rd_kafka_begin_transaction(producer));
        for (; message != NULL; message = ds_monotonic_us(runtime->clock) < until
                                              ? rd_kafka_consumer_poll(consumer, 0)
                                              : NULL) {
            if (message->err == 0) {
                pass_on(producer, peer->out_topic, message);
                next[message->partition] = message->offset + 1;
            }
            rd_kafka_message_destroy(message);
            (void)rd_kafka_poll(producer, 0);
        }
        commit(producer, consumer, partitions, next);
    }
    close_loop(consumer, producer);
    return EXIT_SUCCESS;
}

/* ---- Kafka Streams, in the place of this process ---- */

static int run_streams(const struct hop_peer *peer, const struct ds_runtime *runtime,
                       const char *brokers, const char *classpath)
{
    char application[64];
    (void)runtime;
    /* A new one each time: it begins at the end, as the loops do. */
    (void)snprintf(application, sizeof application, "bench-hop-%ld", (long)getpid());
    (void)execlp("java", "java", "-Xmx512m", "-cp", classpath, "Streams", brokers, application,
                 HOP_IN_TOPIC, peer->out_topic, STREAMS_STATE,
                 peer->commit_ms == NULL ? "default" : peer->commit_ms, (char *)NULL);
    hop_fail("java", "is not there");
}

static const struct hop_peer peers[] = {
    {"raw", "inventory.events", false, false, 3, NULL, run_raw},
    {"host", "catalog.events", true, false, 3, NULL, run_host},
    {"transactions", "payment.events", false, true, 3, NULL, run_txn},
    /* The virtual machine compiles for some seconds. */
    {"streams", "order.events", false, true, 12, NULL, run_streams},
    {"streams20ms", "order.events", false, true, 12, "20", run_streams},
};

const struct hop_peer *hop_peer_named(const char *name)
{
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        if (strcmp(peers[i].name, name) == 0)
            return &peers[i];
    return NULL;
}
