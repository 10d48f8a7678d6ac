/* See topics_settings.h. */
#include "stream/topics_settings.h"

#include <stdlib.h>
#include <string.h>

/* The largest batch that librdkafka makes. */
#define BATCH_BYTES "1000000"

static int64_t bound_of(const char *text)
{
    int64_t value = 0;

    if (!ds_str_to_i64(ds_str(text), &value))
        return 0; /* below all bounds */
    return value < 0 ? INT64_MAX : value;
}

bool ds_topic_setting_fits(const struct ds_topic_setting *setting, const char *is)
{
    if (is == NULL)
        return false;
    switch (setting->rule) {
    case DS_TOPIC_SAME:
        return strcmp(is, setting->value) == 0;
    case DS_TOPIC_AT_LEAST:
        return bound_of(is) >= bound_of(setting->value);
    case DS_TOPIC_AT_MOST:
        return bound_of(is) <= bound_of(setting->value);
    }
    return false;
}

static const char *rule_text(enum ds_topic_rule rule)
{
    switch (rule) {
    case DS_TOPIC_SAME:
        break;
    case DS_TOPIC_AT_LEAST:
        return "at least ";
    case DS_TOPIC_AT_MOST:
        return "at most ";
    }
    return "";
}

/* ---- one topic ---- */

static const char *value_of(const rd_kafka_ConfigEntry_t *const *entries, size_t count,
                            const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    return NULL;
}

struct findings {
    ds_log_t log;
    size_t vital;
    ds_error_t *error; /* the first vital one */
};

static void look_at(struct findings *findings, const char *topic,
                    const struct ds_topic_setting *setting, const char *is)
{
    const char *told = is == NULL ? "not told" : is;
    const char *rule = strcmp(setting->value, "-1") == 0 ? "" : rule_text(setting->rule);
    char must[64];

    if (ds_topic_setting_fits(setting, is))
        return;
    (void)snprintf(must, sizeof(must), "%s%s", rule, setting->value);
    findings->log.topic = topic;
    ds_log(&findings->log, setting->is_vital ? DS_LOG_ERROR : DS_LOG_WARN, "topics.setting",
           setting->is_vital ? "a setting of the topic loses what must be kept"
                             : "a setting of the topic is not what is meant",
           DS_F_CSTR("setting", setting->name), DS_F_CSTR("is", told), DS_F_CSTR("must", must));
    if (!setting->is_vital)
        return;
    if (findings->vital++ == 0)
        ds_error_set(findings->error, DS_DOMAIN_KAFKA, DS_ERR_INVALID,
                     "topic %s: %s is %s, must be %s", topic, setting->name, told, must);
}

/* What create does not set, or by the number of replicas. */
static void look_at_common(struct findings *findings, const char *topic, int32_t replicas,
                           const rd_kafka_ConfigEntry_t *const *entries, size_t count)
{
    const struct ds_topic_setting common[] = {
        {"min.insync.replicas", replicas >= 3 ? "2" : "1", DS_TOPIC_AT_LEAST, false},
        {"unclean.leader.election.enable", "false", DS_TOPIC_SAME, false},
        {"max.message.bytes", BATCH_BYTES, DS_TOPIC_AT_LEAST, false},
    };

    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        look_at(findings, topic, &common[i], value_of(entries, count, common[i].name));
}

static bool check_topic(struct findings *findings, const rd_kafka_ConfigResource_t *resource,
                        const struct ds_topic_spec *spec, int32_t replicas, ds_error_t *error)
{
    rd_kafka_resp_err_t err = rd_kafka_ConfigResource_error(resource);
    const rd_kafka_ConfigEntry_t *const *entries;
    size_t count = 0;

    if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        findings->log.topic = spec->name;
        ds_log(&findings->log, DS_LOG_WARN, "topics.settings_hidden",
               "the topic's settings are not told to us: allow DescribeConfigs",
               DS_F_INT("replicas", replicas));
        return true;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ds_error_set(error, DS_DOMAIN_KAFKA,
                            err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? DS_ERR_UNKNOWN
                                                                           : DS_ERR_UNAVAILABLE,
                            "settings of %s: %s", spec->name, rd_kafka_err2str(err));
    entries =
        (const rd_kafka_ConfigEntry_t *const *)rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; spec->settings[i].name != NULL; i++)
        look_at(findings, spec->name, &spec->settings[i],
                value_of(entries, count, spec->settings[i].name));
    look_at_common(findings, spec->name, replicas, entries, count);
    return true;
}

/* ---- all ---- */

static rd_kafka_event_t *describe(rd_kafka_t *rk, const struct ds_topic_spec *specs, size_t count,
                                  int timeout_ms)
{
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t **wanted = calloc(count, sizeof(rd_kafka_ConfigResource_t *));
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_event_t *event = NULL;
    char why[128];

    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof(why));
    for (size_t i = 0; wanted != NULL && i < count; i++)
        wanted[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, specs[i].name);
    if (wanted != NULL) {
        rd_kafka_DescribeConfigs(rk, wanted, count, options, queue); /* copies */
        event = rd_kafka_queue_poll(queue, timeout_ms);
        rd_kafka_ConfigResource_destroy_array(wanted, count);
    }
    free(wanted);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return event;
}

static const rd_kafka_ConfigResource_t *told_of(const rd_kafka_ConfigResource_t **resources,
                                                size_t count, const char *topic)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rd_kafka_ConfigResource_name(resources[i]), topic) == 0)
            return resources[i];
    return NULL;
}

static bool check_answer(struct findings *findings, rd_kafka_event_t *event,
                         const struct ds_topic_spec *specs, const int32_t *replicas, size_t count,
                         ds_error_t *error)
{
    const rd_kafka_ConfigResource_t **resources;
    size_t told = 0;
    bool ok = true;

    resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &told);
    for (size_t i = 0; ok && i < count; i++) {
        const rd_kafka_ConfigResource_t *resource = told_of(resources, told, specs[i].name);

        ok = resource == NULL ? ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                                             "settings of %s: not told", specs[i].name)
                              : check_topic(findings, resource, &specs[i], replicas[i], error);
    }
    return ok;
}

bool ds_topics_settings_check(const ds_log_t *log, rd_kafka_t *rk,
                              const struct ds_topic_spec *specs, const int32_t *replicas,
                              size_t count, int timeout_ms, ds_error_t *error)
{
    ds_error_t first = DS_ERROR_INIT;
    struct findings findings = {.log = *log, .error = &first};
    rd_kafka_event_t *event = describe(rk, specs, count, timeout_ms);
    bool ok;

    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        ok = ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "settings of the topics: %s",
                          event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    else
        ok = check_answer(&findings, event, specs, replicas, count, error);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    if (ok && findings.vital > 0)
        ok = ds_error_set(error, first.domain, first.code, "%s (%zu such settings: topics.setting)",
                          first.message, findings.vital);
    return ok;
}
