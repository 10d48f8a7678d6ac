/* See topics.h. */
#include "stream/topics.h"

#include "schemas/schema.h"
#include "stream/kafka_conf.h"
#include "stream/topics_settings.h"

#include <stdio.h>
#include <string.h>

#define TOPICS_MAX       64
#define ADMIN_TIMEOUT_MS 20000
#define KNOWN_AGAIN_MS   50

static const char *const processors[] = {"catalog", "order", "payment", "inventory", "delivery"};
#define PROCESSORS (sizeof(processors) / sizeof(processors[0]))

/* The cleaner leaves the segment alone that is being written; with Kafka's own sizes (1 GiB, a
 * week) many snapshots that later ones have replaced would wait there. */
#define SNAPSHOT_SEGMENT_BYTES "33554432" /* 32 MiB */
#define SNAPSHOT_LAG_MS        "86400000" /* 1 d: then it is closed, however small it is */

/* What a topic is for says what may not be otherwise. */
struct kind {
    const char *suffix;
    const char *retention_ms; /* NULL: compacted, and not deleted by age */
    bool append_time;
    bool is_truth;    /* what is compacted or deleted early was promised to be kept */
    bool is_for_ever; /* ... and nothing of it is ever deleted */
    bool is_timed;    /* decisions count in the time of its records */
};

static void set(struct ds_topic_spec *spec, size_t *n, const char *name, const char *value,
                enum ds_topic_rule rule, bool is_vital)
{
    spec->settings[(*n)++] = (struct ds_topic_setting){name, value, rule, is_vital};
}

static void fill(struct ds_topic_spec *spec, const char *stem, const struct kind *kind)
{
    bool compacted = kind->retention_ms == NULL;
    size_t n = 0;

    *spec = (struct ds_topic_spec){.name = ""};
    (void)snprintf(spec->name, sizeof(spec->name), "%s%s", stem, kind->suffix);
    set(spec, &n, "cleanup.policy", compacted ? "compact" : "delete", DS_TOPIC_SAME,
        kind->is_truth);
    set(spec, &n, "message.timestamp.type", kind->append_time ? "LogAppendTime" : "CreateTime",
        DS_TOPIC_SAME, kind->is_timed);
    if (!compacted)
        set(spec, &n, "retention.ms", kind->retention_ms, DS_TOPIC_AT_LEAST, kind->is_for_ever);
    if (kind->is_truth) /* whatever the brokers' default is */
        set(spec, &n, "retention.bytes", "-1", DS_TOPIC_AT_LEAST, kind->is_for_ever);
    if (compacted) {
        set(spec, &n, "segment.bytes", SNAPSHOT_SEGMENT_BYTES, DS_TOPIC_AT_MOST, false);
        set(spec, &n, "max.compaction.lag.ms", SNAPSHOT_LAG_MS, DS_TOPIC_AT_MOST, false);
    }
}

size_t ds_topics_list(struct ds_topic_spec *list_out, size_t max)
{
    /* The 24 h of a command id count in append time, hence LogAppendTime. Events are kept for ever;
     * by their append time an owner learns that its clock is wrong. */
    static const struct kind kinds[] = {
        {.suffix = ".commands",
         .retention_ms = "1209600000", /* 14 d */
         .append_time = true,
         .is_truth = true,
         .is_timed = true},
        {.suffix = ".events",
         .retention_ms = "-1",
         .append_time = true,
         .is_truth = true,
         .is_for_ever = true},
        {.suffix = ".snapshots"},
        {.suffix = ".dlq", .retention_ms = "2592000000"}, /* 30 d */
    };
    static const struct kind places = {
        .suffix = "", .retention_ms = "86400000", .append_time = true}; /* 1 d */
    /* Notes speak of events of the last 24 h; a position stands at their end at least hourly. */
    static const struct kind notes = {.suffix = "", .retention_ms = "604800000"}; /* 7 d */
    size_t count = 0;

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (size_t p = 0; p < PROCESSORS && count < max; p++)
            fill(&list_out[count++], processors[p], &kinds[k]);
    if (count < max)
        fill(&list_out[count++], "courier.locations", &places);
    if (count < max)
        fill(&list_out[count++], "notifications.sent", &notes);
    return count;
}

static rd_kafka_t *open_admin(struct ds_kafka_owner *owner, const char *brokers, ds_error_t *error)
{
    const struct ds_kafka_setting settings[] = {{NULL, NULL}};
    rd_kafka_conf_t *conf = ds_kafka_conf_new(brokers, "doorstep-topics", owner, settings, error);

    return conf == NULL ? NULL : ds_kafka_new(RD_KAFKA_PRODUCER, conf, error);
}

static rd_kafka_NewTopic_t *new_topic(const struct ds_topic_spec *spec, int32_t partitions,
                                      int32_t replication, ds_error_t *error)
{
    char why[128];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(spec->name, partitions, replication, why, sizeof(why));

    if (topic == NULL) {
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID, "topic %s: %s", spec->name, why);
        return NULL;
    }
    for (size_t i = 0; spec->settings[i].name != NULL; i++)
        rd_kafka_NewTopic_set_config(topic, spec->settings[i].name, spec->settings[i].value);
    if (replication >= 3)
        rd_kafka_NewTopic_set_config(topic, "min.insync.replicas", "2");
    rd_kafka_NewTopic_set_config(topic, "unclean.leader.election.enable", "false");
    return topic;
}

static bool read_results(rd_kafka_event_t *event, int *created_out, ds_error_t *error)
{
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics;
    size_t count = 0;

    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "create topics: %s",
                            rd_kafka_event_error_string(event));
    topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(topics[i]);

        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            (*created_out)++;
        else if (err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID, "create %s: %s",
                                rd_kafka_topic_result_name(topics[i]),
                                rd_kafka_topic_result_error_string(topics[i]));
    }
    return true;
}

static bool create(rd_kafka_t *rk, rd_kafka_NewTopic_t **topics, size_t count, int *created_out,
                   ds_error_t *error)
{
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_event_t *event;
    char why[128];
    bool ok;

    rd_kafka_AdminOptions_set_request_timeout(options, ADMIN_TIMEOUT_MS, why, sizeof(why));
    rd_kafka_AdminOptions_set_operation_timeout(options, ADMIN_TIMEOUT_MS / 2, why, sizeof(why));
    rd_kafka_CreateTopics(rk, topics, count, options, queue);
    event = rd_kafka_queue_poll(queue, ADMIN_TIMEOUT_MS + 2000);
    if (event == NULL)
        ok = ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "create topics: no answer");
    else
        ok = read_results(event, created_out, error);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return ok;
}

static bool check_topic(const struct rd_kafka_metadata *metadata, const char *name,
                        int32_t *partitions, int32_t *replicas_out, ds_error_t *error)
{
    const rd_kafka_metadata_topic_t *topic = NULL;

    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, name) == 0 && metadata->topics[i].partition_cnt > 0)
            topic = &metadata->topics[i];
    if (topic == NULL)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNKNOWN,
                            "topic %s does not exist: doorstep topics create", name);
    if (*partitions != 0 && topic->partition_cnt != *partitions)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_INVALID,
                            "topic %s has %d partitions, the others have %d", name,
                            topic->partition_cnt, (int)*partitions);
    *partitions = topic->partition_cnt;
    *replicas_out = topic->partitions[0].replica_cnt;
    return true;
}

static bool check_all(const struct ds_runtime *runtime, rd_kafka_t *rk, const char *brokers,
                      int timeout_ms, int32_t *partitions_out, ds_error_t *error)
{
    struct ds_topic_spec specs[TOPICS_MAX];
    int32_t replicas[TOPICS_MAX];
    size_t count = ds_topics_list(specs, TOPICS_MAX);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 1, NULL, &metadata, timeout_ms);
    bool single = false;
    bool ok = true;

    *partitions_out = 0;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "metadata from %s: %s",
                            brokers, rd_kafka_err2str(err));
    for (size_t i = 0; ok && i < count; i++) {
        ok = check_topic(metadata, specs[i].name, partitions_out, &replicas[i], error);
        single = single || (ok && replicas[i] < 2);
    }
    rd_kafka_metadata_destroy(metadata);
    if (ok && single)
        ds_log(&runtime->log, DS_LOG_WARN, "topics.single_replica",
               "topics have one replica: a lost disk is a lost log", DS_F_CSTR("brokers", brokers));
    return ok &&
           ds_topics_settings_check(&runtime->log, rk, specs, replicas, count, timeout_ms, error);
}

bool ds_topics_check(const struct ds_runtime *runtime, const char *brokers, int timeout_ms,
                     int32_t *partitions_out, ds_error_t *error)
{
    struct ds_kafka_owner owner = {&runtime->log};
    rd_kafka_t *rk = open_admin(&owner, brokers, error);
    bool ok;

    *partitions_out = 0;
    if (rk == NULL)
        return false;
    ok = check_all(runtime, rk, brokers, timeout_ms, partitions_out, error);
    rd_kafka_destroy(rk);
    return ok;
}

/* A broker answers for a topic once it has read of it in the controller's log, which may be a
 * moment after the controller has made it. */
static bool check_when_known(const struct ds_runtime *runtime, rd_kafka_t *rk, const char *brokers,
                             ds_error_t *error)
{
    int64_t until_us = ds_monotonic_us(runtime->clock) + ADMIN_TIMEOUT_MS * DS_US_PER_MS;
    int32_t found;

    for (;;) {
        ds_error_t why = DS_ERROR_INIT;

        if (check_all(runtime, rk, brokers, ADMIN_TIMEOUT_MS, &found, &why))
            return true;
        if (why.code != DS_ERR_UNKNOWN || ds_monotonic_us(runtime->clock) >= until_us)
            return ds_error_set(error, why.domain, why.code, "%s", why.message);
        rd_kafka_poll(rk, KNOWN_AGAIN_MS);
    }
}

bool ds_topics_create(const struct ds_runtime *runtime, const char *brokers, int32_t partitions,
                      int32_t replication, int *created_out, ds_error_t *error)
{
    struct ds_kafka_owner owner = {&runtime->log};
    struct ds_topic_spec specs[TOPICS_MAX];
    size_t count = ds_topics_list(specs, TOPICS_MAX);
    rd_kafka_NewTopic_t *topics[TOPICS_MAX] = {NULL};
    rd_kafka_t *rk = open_admin(&owner, brokers, error);
    int created = 0;
    bool ok = rk != NULL;

    for (size_t i = 0; ok && i < count; i++) {
        topics[i] = new_topic(&specs[i], partitions, replication, error);
        ok = topics[i] != NULL;
    }
    ok = ok && create(rk, topics, count, &created, error);
    for (size_t i = 0; i < count; i++)
        if (topics[i] != NULL)
            rd_kafka_NewTopic_destroy(topics[i]);
    ok = ok && check_when_known(runtime, rk, brokers, error);
    if (rk != NULL)
        rd_kafka_destroy(rk);
    if (created_out != NULL)
        *created_out = created;
    return ok;
}
