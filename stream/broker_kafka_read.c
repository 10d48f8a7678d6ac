/* The reading handle: librdkafka's simple consumer, one queue for all partitions. */
#include "base/clock.h"
#include "stream/broker_kafka_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define FETCH_WAIT_MS 100 /* at the broker, where nothing arrives */
#define AHEAD_MB      32
#define WAKE_MS       50

static bool open_topics(struct ds_broker_kafka *k, ds_error_t *error)
{
    k->read_queue = rd_kafka_queue_new(k->reader);
    for (int32_t t = 0; t < k->topic_count; t++) {
        /* A handle kept for good: a record's topic is found by comparing this pointer. */
        k->read_topics[t] = rd_kafka_topic_new(k->reader, k->names[t], NULL);
        if (k->read_topics[t] == NULL)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID, "topic %s: %s", k->names[t],
                                rd_kafka_err2str(rd_kafka_last_error()));
    }
    return true;
}

bool ds_broker_kafka_open_reader(struct ds_broker_kafka *k,
                                 const struct ds_broker_kafka_config *config, ds_error_t *error)
{
    const int64_t gather_ms = config->gather_ms;
    const int32_t ahead_mb = config->ahead_mb > 0 ? config->ahead_mb : AHEAD_MB;
    char wait_ms[24];
    char ahead_kb[24];
    const struct ds_kafka_setting settings[] = {
        {"isolation.level", "read_uncommitted"},
        {"auto.offset.reset", "error"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"check.crcs", "true"},
        /* In a compacted topic no record says that it is the last. */
        {"enable.partition.eof", "true"},
        /* A partition that starts while a fetch waits at the broker waits with it: this bounds a
           take-over. */
        {"fetch.wait.max.ms", wait_ms},
        /* A broker that wakes every reader for every record is kept busy by nothing else. */
        {"fetch.min.bytes", gather_ms > 0 ? "1048576" : "1"},
        {"fetch.error.backoff.ms", "50"},
        /* Over either bound the next fetch waits a fixed second (librdkafka #2879): hold more than
           that. */
        {"queued.min.messages", config->ahead_mb > 0 ? "10000000" : "300000"},
        {"queued.max.messages.kbytes", ahead_kb},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf;

    k->wake_bytes = (size_t)ahead_mb * 1024 * 1024 / 2;
    (void)snprintf(ahead_kb, sizeof(ahead_kb), "%d", (int)ahead_mb * 1024);
    (void)snprintf(wait_ms, sizeof(wait_ms), "%lld",
                   (long long)(gather_ms > 0 ? gather_ms : FETCH_WAIT_MS));
    conf = ds_kafka_conf_new(k->brokers, k->client_id, &k->owner, settings, error);
    if (conf == NULL)
        return false;
    rd_kafka_conf_set_error_cb(conf, ds_broker_kafka_on_error);
    k->reader = ds_kafka_new(RD_KAFKA_CONSUMER, conf, error);
    if (k->reader == NULL)
        return false;
    k->reader_events = rd_kafka_queue_get_main(k->reader);
    return open_topics(k, error);
}

void ds_broker_kafka_release(struct ds_broker_kafka *k)
{
    for (size_t i = 0; i < k->message_count; i++)
        rd_kafka_message_destroy(k->messages[i]);
    k->message_count = 0;
}

static int32_t topic_index(const struct ds_broker_kafka *k, const rd_kafka_topic_t *rkt)
{
    for (int32_t t = 0; t < k->topic_count; t++)
        if (k->read_topics[t] == rkt)
            return t;
    return -1;
}

static void add_record(struct ds_broker_kafka *k, const rd_kafka_message_t *m, int32_t topic)
{
    struct ds_broker_event *event = ds_broker_kafka_add(k, DS_BROKER_RECORD);
    rd_kafka_timestamp_type_t type;

    if (event == NULL)
        return;
    event->topic = topic;
    event->partition = m->partition;
    event->offset = m->offset;
    event->appended_us = rd_kafka_message_timestamp(m, &type) * DS_US_PER_MS;
    event->has_key = m->key != NULL;
    event->key = (ds_str_t){m->key, (uint32_t)m->key_len};
    event->has_value = m->payload != NULL;
    event->value = (ds_bytes_t){m->payload, (uint32_t)m->len};
    event->native = m;
}

static void add_end(struct ds_broker_kafka *k, const rd_kafka_message_t *m, int32_t topic)
{
    struct ds_broker_event *event = ds_broker_kafka_add(k, DS_BROKER_AT_END);

    if (event == NULL)
        return;
    event->topic = topic;
    event->partition = m->partition;
    event->offset = m->offset;
}

static void add_failure(struct ds_broker_kafka *k, const rd_kafka_message_t *m, int32_t topic)
{
    struct ds_broker_event *event;

    if (ds_kafka_code(m->err) != DS_ERR_DAMAGE) {
        /* librdkafka goes on by itself: a leader that moved, a broker that is away. */
        ds_log(&k->log, DS_LOG_DEBUG, "kafka.fetch", rd_kafka_err2str(m->err),
               DS_F_INT("partition", m->partition));
        return;
    }
    event = ds_broker_kafka_add(k, DS_BROKER_READ_FAILED);
    if (event == NULL)
        return;
    event->topic = topic;
    event->partition = m->partition;
    event->code = DS_ERR_DAMAGE;
    event->reason = rd_kafka_err2str(m->err);
}

static void add_message(struct ds_broker_kafka *k, const rd_kafka_message_t *m)
{
    int32_t topic = m->rkt == NULL ? -1 : topic_index(k, m->rkt);

    if (topic < 0)
        return;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        add_failure(k, m, topic);
        return;
    }
    atomic_store_explicit(&k->is_away, false, memory_order_relaxed);
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        add_end(k, m, topic);
    else
        add_record(k, m, topic);
}

/* When as much is ahead as may be, librdkafka's broker thread stops fetching and looks again after
 * a whole second, however soon there is room (#2879): catching up would be waiting for the most
 * part. But any request to that broker wakes the thread, and then it looks. So whoever has taken
 * half of what may be ahead asks for an end: a round trip for 16 MiB, by default. */
static void keep_fetching(struct ds_broker_kafka *k, const rd_kafka_message_t *last)
{
    rd_kafka_topic_partition_list_t *wanted;

    k->taken_bytes = 0;
    if (last->rkt == NULL)
        return;
    wanted = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(wanted, rd_kafka_topic_name(last->rkt), last->partition)
        ->offset = RD_KAFKA_OFFSET_END;
    (void)rd_kafka_offsets_for_times(k->reader, wanted, WAKE_MS); /* of no interest */
    rd_kafka_topic_partition_list_destroy(wanted);
}

void ds_broker_kafka_take_records(struct ds_broker_kafka *k, int timeout_ms)
{
    rd_kafka_message_t *first;
    size_t here;
    ssize_t more = 0;

    /* The batch call waits until the batch is full: so wait for one, then take what is there
     * besides. */
    first = rd_kafka_consume_queue(k->read_queue, k->more_waiting ? 0 : timeout_ms);
    k->more_waiting = false;
    if (first == NULL)
        return;
    k->messages[0] = first;
    k->message_count = 1;
    here = rd_kafka_queue_length(k->read_queue);
    if (here > DS_KAFKA_BATCH - 1)
        here = DS_KAFKA_BATCH - 1;
    if (here > 0)
        more = rd_kafka_consume_batch_queue(k->read_queue, 0, k->messages + 1, here);
    if (more > 0)
        k->message_count += (size_t)more;
    k->more_waiting = k->message_count == DS_KAFKA_BATCH;
    for (size_t i = 0; i < k->message_count; i++) {
        add_message(k, k->messages[i]);
        if (k->messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            k->taken_bytes += k->messages[i]->len;
    }
    if (k->taken_bytes >= k->wake_bytes)
        keep_fetching(k, k->messages[k->message_count - 1]);
}

void ds_broker_kafka_stop(ds_broker_t *broker, int32_t topic, int32_t partition)
{
    struct ds_broker_kafka *k = (struct ds_broker_kafka *)broker;

    if (partition < 0 || partition >= DS_MAX_PARTITIONS || !k->reading[topic][partition])
        return;
    k->reading[topic][partition] = false;
    (void)rd_kafka_consume_stop(k->read_topics[topic], partition);
}

bool ds_broker_kafka_start(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                           ds_error_t *error)
{
    struct ds_broker_kafka *k = (struct ds_broker_kafka *)broker;

    if (partition < 0 || partition >= DS_MAX_PARTITIONS)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_LIMIT, "partition %d", (int)partition);
    ds_broker_kafka_stop(broker, topic, partition);
    if (rd_kafka_consume_start_queue(k->read_topics[topic], partition, offset, k->read_queue) != 0)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "read %s/%d from %lld: %s",
                            k->names[topic], (int)partition, (long long)offset,
                            rd_kafka_err2str(rd_kafka_last_error()));
    k->reading[topic][partition] = true;
    return true;
}

size_t ds_broker_kafka_headers(ds_broker_t *broker, const struct ds_broker_event *event,
                               struct ds_broker_header *headers_out, size_t max)
{
    rd_kafka_headers_t *headers = NULL;
    size_t count = 0;

    (void)broker;
    if (event->native == NULL ||
        rd_kafka_message_headers(event->native, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    while (count < max) {
        const char *name;
        const void *value;
        size_t size;

        if (rd_kafka_header_get_all(headers, count, &name, &value, &size) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        headers_out[count].name = name;
        headers_out[count].value = (ds_bytes_t){value, (uint32_t)size};
        count++;
    }
    return count;
}

/* One round to the leaders for all partitions. "The offset for time t" answers the end for t = -1
 * and the beginning for t = -2 (the ListOffsets request's own convention), so this is a batched
 * watermark query. */
static bool query(struct ds_broker_kafka *k, struct ds_broker_end *list, size_t count, bool low,
                  int timeout_ms, ds_error_t *error)
{
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new((int)count);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    bool any = false;

    for (size_t i = 0; i < count; i++)
        if (!low || list[i].want_low)
            rd_kafka_topic_partition_list_add(wanted, k->names[list[i].topic], list[i].partition)
                ->offset = low ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    if (wanted->cnt > 0)
        err = rd_kafka_offsets_for_times(k->reader, wanted, timeout_ms);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *got =
            rd_kafka_topic_partition_list_find(wanted, k->names[list[i].topic], list[i].partition);
        bool ok = err == RD_KAFKA_RESP_ERR_NO_ERROR && got != NULL &&
                  got->err == RD_KAFKA_RESP_ERR_NO_ERROR && got->offset >= 0;

        if (low && !list[i].want_low)
            continue;
        list[i].ok = low ? list[i].ok && ok : ok;
        any = any || ok;
        if (ok && low)
            list[i].low = got->offset;
        else if (ok)
            list[i].end = got->offset;
    }
    any = any || wanted->cnt == 0;
    rd_kafka_topic_partition_list_destroy(wanted);
    if (!any)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                            "ends of %zu partitions (%s/%d ...): %s", count,
                            k->names[list[0].topic], (int)list[0].partition, rd_kafka_err2str(err));
    atomic_store(&k->is_away, false);
    return true;
}

bool ds_broker_kafka_ends(ds_broker_t *broker, struct ds_broker_end *list, size_t count,
                          int timeout_ms, ds_error_t *error)
{
    struct ds_broker_kafka *k = (struct ds_broker_kafka *)broker;

    return query(k, list, count, false, timeout_ms, error) &&
           query(k, list, count, true, timeout_ms, error);
}

/* A connection that breaks while it is set up fails the call at once: ask again until the time is
 * over. */
static rd_kafka_resp_err_t ask_metadata(struct ds_broker_kafka *k, int32_t topic,
                                        const struct rd_kafka_metadata **metadata_out,
                                        int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = until_ms - ds_kafka_monotonic_ms();
        rd_kafka_resp_err_t err = rd_kafka_metadata(k->reader, 0, k->read_topics[topic],
                                                    metadata_out, left_ms < 1 ? 1 : (int)left_ms);

        if (err != RD_KAFKA_RESP_ERR__TRANSPORT || ds_kafka_monotonic_ms() + 50 >= until_ms)
            return err;
        rd_kafka_poll(k->reader, 50); /* a pause that serves callbacks */
    }
}

static bool count_partitions(struct ds_broker_kafka *k, int32_t topic, int64_t until_ms,
                             int32_t *count_out, ds_error_t *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = ask_metadata(k, topic, &metadata, until_ms);
    bool ok = false;

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "metadata of %s: %s",
                     k->names[topic], rd_kafka_err2str(err));
    } else if (metadata->topic_cnt != 1 || metadata->topics[0].partition_cnt < 1) {
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNKNOWN, "topic %s does not exist",
                     k->names[topic]);
    } else {
        *count_out = metadata->topics[0].partition_cnt;
        atomic_store(&k->is_away, false);
        ok = true;
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    return ok;
}

bool ds_broker_kafka_partitions(ds_broker_t *broker, int32_t topic_count, int timeout_ms,
                                int32_t *count_out, ds_error_t *error)
{
    struct ds_broker_kafka *k = (struct ds_broker_kafka *)broker;
    int64_t until_ms = ds_kafka_monotonic_ms() + timeout_ms;
    int32_t first = 0;

    for (int32_t t = 0; t < topic_count; t++) {
        int32_t count = 0;

        if (!count_partitions(k, t, until_ms, &count, error))
            return false;
        if (t > 0 && count != first)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID,
                                "%s has %d partitions, %s has %d: they must be the same",
                                k->names[0], (int)first, k->names[t], (int)count);
        first = count;
    }
    *count_out = first;
    return true;
}
