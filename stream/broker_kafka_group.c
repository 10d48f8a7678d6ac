/* The member of the consumer group. It fetches nothing: its assignment only says which partitions
 * are ours, its commits prove it (protocol R6), and the reading handle does the rest. */
#include "base/clock.h"
#include "stream/broker_kafka_internal.h"

#include <stdio.h>

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct ds_broker_kafka *k = ds_broker_kafka_of_owner(opaque);
    rd_kafka_topic_partition_list_t *none;

    (void)ds_broker_kafka_add(k, DS_BROKER_REVOKED);
    if (err != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        rd_kafka_assign(rk, NULL);
        return;
    }
    for (int i = 0; i < partitions->cnt; i++) {
        struct ds_broker_event *event = ds_broker_kafka_add(k, DS_BROKER_ASSIGNED);

        if (event != NULL) {
            event->topic = k->subscribed;
            event->partition = partitions->elems[i].partition;
        }
    }
    none = rd_kafka_topic_partition_list_new(0);
    rd_kafka_assign(rk, none); /* fetch nothing with this handle */
    rd_kafka_topic_partition_list_destroy(none);
}

/* ---- signs of life ---- */

static int64_t monotonic_us(void)
{
    return ds_monotonic_us(ds_system_clock());
}

/* Nothing of the client tells when the coordinator was heard last, but each answer passes by here,
 * in a thread of the broker's, before anybody has looked into it. A refusal counts as heard: what
 * it means (rejoin, fenced) the client makes of it by itself, and tells by a rebalance or an error.
 * The answer to a request that left before the process was frozen proves nothing of now: the time
 * that counts is when the request left. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int socket, const char *name, int32_t id,
                                       int16_t api, int16_t version, int32_t correlation,
                                       size_t size, int64_t took_us, rd_kafka_resp_err_t err,
                                       void *opaque)
{
    enum { HEARTBEAT = 12, SYNC_GROUP = 14 };
    struct ds_broker_kafka *k = opaque;

    (void)rk, (void)socket, (void)name, (void)id, (void)version, (void)correlation, (void)size;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && took_us >= 0 &&
        (api == HEARTBEAT || api == SYNC_GROUP))
        atomic_store_explicit(&k->group_heard_us, monotonic_us() - took_us, memory_order_relaxed);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                  char *why, size_t why_bytes)
{
    (void)conf, (void)why, (void)why_bytes;
    return rd_kafka_interceptor_add_on_response_received(rk, "doorstep", on_response, opaque);
}

int64_t ds_broker_kafka_group_silent_us(const ds_broker_t *broker)
{
    const struct ds_broker_kafka *k = (const struct ds_broker_kafka *)broker;
    int64_t heard_us = atomic_load_explicit(&k->group_heard_us, memory_order_relaxed);
    int64_t silent_us = heard_us == 0 ? 0 : monotonic_us() - heard_us;

    return silent_us > 0 ? silent_us : 0;
}

/* ---- life ---- */

bool ds_broker_kafka_open_group(struct ds_broker_kafka *k,
                                const struct ds_broker_kafka_config *config, ds_error_t *error)
{
    char session[24];
    const char *instance = config->group_instance_id;
    const struct ds_kafka_setting settings[] = {
        {"group.id", config->group_id},
        {"group.instance.id", instance == NULL || instance[0] == '\0' ? NULL : instance},
        {"session.timeout.ms", session},
        /* A member learns of a rebalance by its next heartbeat, and all partitions stand still
           until the last has: this is most of a planned restart. */
        {"heartbeat.interval.ms", "300"},
        /* Cooperative-sticky of this version loops, hangs and loses assignments (#4800, #4528,
           #4908). */
        {"partition.assignment.strategy", "range"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {NULL, NULL},
    };
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_conf_t *conf;
    rd_kafka_resp_err_t err;

    (void)snprintf(session, sizeof(session), "%lld",
                   (long long)(config->session_timeout_ms > 0 ? config->session_timeout_ms
                                                              : 10000));
    conf = ds_kafka_conf_new(k->brokers, k->client_id, &k->owner, settings, error);
    if (conf == NULL)
        return false;
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, ds_broker_kafka_on_error);
    if (rd_kafka_conf_interceptor_add_on_new(conf, "doorstep", on_new, k) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_conf_destroy(conf);
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_MEMORY, "watching for heartbeats");
    }
    k->group = ds_kafka_new(RD_KAFKA_CONSUMER, conf, error);
    if (k->group == NULL)
        return false;
    rd_kafka_poll_set_consumer(k->group);
    k->group_events = rd_kafka_queue_get_consumer(k->group);
    k->commit_queue = rd_kafka_queue_new(k->group);
    topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, k->names[k->subscribed], RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(k->group, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID, "subscribe to %s: %s",
                            k->names[k->subscribed], rd_kafka_err2str(err));
    return true;
}

struct ds_kafka_burial *ds_broker_kafka_close_group(struct ds_broker_kafka *k)
{
    rd_kafka_t *group = k->group;

    if (group == NULL)
        return NULL;
    rd_kafka_queue_destroy(k->commit_queue);
    rd_kafka_queue_destroy(k->group_events);
    if (k->commit_results != NULL)
        rd_kafka_topic_partition_list_destroy(k->commit_results);
    k->group = NULL; /* what it says from here on is nobody's */
    return ds_broker_kafka_bury(k, group, true);
}

/* The answer to a commit. `attempt` tells a late answer from the one that is waited for. */
static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *offsets, void *attempt)
{
    struct ds_broker_kafka *k = ds_broker_kafka_of_owner(rd_kafka_opaque(rk));

    if (attempt == NULL || (uintptr_t)attempt != k->commit_attempt)
        return;
    k->commit_answered = true;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && offsets != NULL)
        k->commit_results = rd_kafka_topic_partition_list_copy(offsets);
}

/* What is stored already, so that committing it again changes nothing. */
static rd_kafka_topic_partition_list_t *stored_offsets(struct ds_broker_kafka *k,
                                                       const int32_t *partitions, size_t count,
                                                       int timeout_ms, ds_error_t *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    rd_kafka_resp_err_t err;

    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, k->names[k->subscribed], partitions[i]);
    err = rd_kafka_committed(k->group, list, timeout_ms);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "stored offsets of %s: %s",
                     k->names[k->subscribed], rd_kafka_err2str(err));
        rd_kafka_topic_partition_list_destroy(list);
        return NULL;
    }
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset < 0)
            list->elems[i].offset = 0; /* none stored yet: nothing is handled */
    return list;
}

bool ds_broker_kafka_confirm_members(ds_broker_t *broker, const int32_t *partitions, size_t count,
                                     bool *ok_out, int timeout_ms, ds_error_t *error)
{
    struct ds_broker_kafka *k = (struct ds_broker_kafka *)broker;
    int64_t until = ds_kafka_monotonic_ms() + timeout_ms;
    int64_t asked_us;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t err;

    for (size_t i = 0; i < count; i++)
        ok_out[i] = false;
    list = stored_offsets(k, partitions, count, timeout_ms, error);
    if (list == NULL)
        return false;
    k->commit_attempt++;
    k->commit_answered = false;
    asked_us = monotonic_us();
    err = rd_kafka_commit_queue(k->group, list, k->commit_queue, on_commit,
                                (void *)(uintptr_t)k->commit_attempt);
    rd_kafka_topic_partition_list_destroy(list);
    while (err == RD_KAFKA_RESP_ERR_NO_ERROR && !k->commit_answered &&
           ds_kafka_monotonic_ms() < until)
        rd_kafka_queue_poll_callback(k->commit_queue, (int)(until - ds_kafka_monotonic_ms()));
    k->commit_attempt++; /* an answer from here on is late */
    if (k->commit_results == NULL)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                            "commit as a member, %zu partitions of %s: %s", count,
                            k->names[k->subscribed], k->commit_answered ? "refused" : "no answer");
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *got = rd_kafka_topic_partition_list_find(
            k->commit_results, k->names[k->subscribed], partitions[i]);

        ok_out[i] = got != NULL && got->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (ok_out[i])
            atomic_store_explicit(&k->group_heard_us, asked_us, memory_order_relaxed);
    }
    rd_kafka_topic_partition_list_destroy(k->commit_results);
    k->commit_results = NULL;
    return true;
}

void ds_broker_kafka_commit_hints(ds_broker_t *broker, const struct ds_broker_hint *hints,
                                  size_t count)
{
    struct ds_broker_kafka *k = (struct ds_broker_kafka *)broker;
    rd_kafka_topic_partition_list_t *list;

    if (k->group == NULL || count == 0)
        return;
    list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, k->names[hints[i].topic], hints[i].partition)
            ->offset = hints[i].next;
    (void)rd_kafka_commit_queue(k->group, list, k->commit_queue, on_commit, NULL);
    rd_kafka_topic_partition_list_destroy(list);
}
