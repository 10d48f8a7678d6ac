/* cli/lag.c - `doorstep lag`: how far every reader of the log is behind.
 *
 * Processors and gateways commit the place they have handled as their group's offset, a little
 * later than they handle it; a group that has committed nothing for a partition has position -1.
 * The read models say themselves how far they are. Where a partition ends is not known while it has
 * no leader: that is no lag of nothing, and exit code 1. */
#include "cli/audit/read_models.h"
#include "cli/lag_table.h"
#include "cli/roles.h"
#include "stream/broker_kafka.h"
#include "stream/kafka_conf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS   10000
#define OUTPUT_BYTES ((size_t)8 * 1024 * 1024)
#define MAX_READ     4 /* topics a group reads */

struct settings {
    const char *brokers;
    const char *database_url;
    const char *mongodb_url;
    bool json;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"database-url", "DATABASE_URL", DS_OPT_TEXT, offsetof(struct settings, database_url), "", 0, 0,
     false, true, "PostgreSQL of the read model (libpq URL); empty: left out."},
    {"mongodb-url", "MONGODB_URL", DS_OPT_TEXT, offsetof(struct settings, mongodb_url), "", 0, 0,
     false, true, "MongoDB of the analytics; empty: left out."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct settings, json), "0", 0, 0, false, false,
     "Print one JSON object with a row a partition."},
    DS_OPTION_END,
};

struct reader {
    const char *name; /* of the group, or of the read model */
    int32_t topics[MAX_READ];
    int32_t topic_count;
};

#define COMMANDS(p) (DS_AUDIT_PROCESSORS + (p))

static const struct reader groups[] = {
    {"doorstep-catalog", {COMMANDS(DS_AUDIT_CATALOG)}, 1},
    {"doorstep-order",
     {COMMANDS(DS_AUDIT_ORDER), DS_AUDIT_INVENTORY, DS_AUDIT_PAYMENT, DS_AUDIT_DELIVERY},
     4},
    {"doorstep-inventory", {COMMANDS(DS_AUDIT_INVENTORY), DS_AUDIT_ORDER}, 2},
    {"doorstep-payment", {COMMANDS(DS_AUDIT_PAYMENT), DS_AUDIT_ORDER}, 2},
    {"doorstep-delivery", {COMMANDS(DS_AUDIT_DELIVERY), DS_AUDIT_ORDER}, 2},
    {"doorstep-gateway-payments", {DS_AUDIT_PAYMENT}, 1},
    {"doorstep-notifications", {DS_AUDIT_ORDER}, 1},
};

struct lag {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    int32_t partitions;
    struct ds_broker_end *ends; /* by partition, then topic */
    struct ds_lag_row *rows;
    size_t row_count;
    struct ds_audit_report *notes; /* for its notes only */
};

static const struct ds_broker_end *end_of(const struct lag *lag, int32_t topic, int32_t partition)
{
    return &lag->ends[partition * DS_AUDIT_TOPICS + topic];
}

static void add_row(struct lag *lag, const char *reader, int32_t topic, int32_t partition,
                    int64_t position)
{
    const struct ds_broker_end *end = end_of(lag, topic, partition);

    lag->rows[lag->row_count++] = (struct ds_lag_row){.reader = reader,
                                                      .topic = ds_audit_schema(topic)->topic,
                                                      .partition = partition,
                                                      .position = position,
                                                      .is_known = end->ok,
                                                      .low = end->low,
                                                      .end = end->end};
}

/* ---- asking */

static bool ask_ends(struct lag *lag, ds_error_t *error)
{
    const char *topics[DS_AUDIT_TOPICS];
    struct ds_broker_kafka_config config = {.brokers = lag->settings->brokers,
                                            .client_id = "doorstep-lag",
                                            .topics = topics,
                                            .topic_count = DS_AUDIT_TOPICS};
    ds_broker_t *broker = NULL;
    size_t count = 0;
    bool ok = false;

    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++)
        topics[t] = ds_audit_schema(t)->topic;
    if (!ds_broker_kafka_new(&lag->runtime->log, &config, &broker, error) ||
        !broker->ops->partitions(broker, DS_AUDIT_TOPICS, TIMEOUT_MS, &lag->partitions, error))
        goto out;
    count = (size_t)lag->partitions * DS_AUDIT_TOPICS;
    lag->ends = calloc(count, sizeof *lag->ends);
    /* 12 rows of groups, 5 of PostgreSQL and 1 of MongoDB a partition number. */
    lag->rows = calloc(count * 4, sizeof *lag->rows);
    if (lag->ends == NULL || lag->rows == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "lag of %zu partitions", count);
        goto out;
    }
    for (size_t i = 0; i < count; i++)
        lag->ends[i] = (struct ds_broker_end){.topic = (int32_t)(i % DS_AUDIT_TOPICS),
                                              .partition = (int32_t)(i / DS_AUDIT_TOPICS),
                                              .want_low = true};
    ok = broker->ops->ends(broker, lag->ends, count, TIMEOUT_MS, error);
out:
    if (broker != NULL)
        broker->ops->destroy(broker, 1000);
    return ok;
}

static void add_group(struct lag *lag, const struct reader *group,
                      const rd_kafka_topic_partition_list_t *found)
{
    for (int32_t i = 0; i < group->topic_count; i++)
        for (int32_t p = 0; p < lag->partitions; p++) {
            const rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_find(
                found, ds_audit_schema(group->topics[i])->topic, p);
            add_row(lag, group->name, group->topics[i], p,
                    at != NULL && at->err == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset >= 0
                        ? at->offset
                        : -1);
        }
}

static bool read_answer(struct lag *lag, const struct reader *group, rd_kafka_event_t *event,
                        ds_error_t *error)
{
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        event == NULL ? NULL : rd_kafka_event_ListConsumerGroupOffsets_result(event);
    size_t count = 0;
    const rd_kafka_group_result_t **answers =
        result == NULL ? NULL : rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);

    if (event == NULL)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_TIMEOUT, "offsets of %s: no answer",
                            group->name);
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR || count != 1)
        return ds_error_set(error, DS_DOMAIN_KAFKA, ds_kafka_code(rd_kafka_event_error(event)),
                            "offsets of %s: %s", group->name, rd_kafka_event_error_string(event));
    const rd_kafka_error_t *why = rd_kafka_group_result_error(answers[0]);
    if (why != NULL)
        return ds_error_set(error, DS_DOMAIN_KAFKA, ds_kafka_code(rd_kafka_error_code(why)),
                            "offsets of %s: %s", group->name, rd_kafka_error_string(why));
    add_group(lag, group, rd_kafka_group_result_partitions(answers[0]));
    return true;
}

static bool ask_group(struct lag *lag, rd_kafka_t *kafka, const struct reader *group,
                      ds_error_t *error)
{
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new(64);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    rd_kafka_ListConsumerGroupOffsets_t *request;

    for (int32_t i = 0; i < group->topic_count; i++)
        for (int32_t p = 0; p < lag->partitions; p++)
            rd_kafka_topic_partition_list_add(wanted, ds_audit_schema(group->topics[i])->topic, p);
    request = rd_kafka_ListConsumerGroupOffsets_new(group->name, wanted);
    rd_kafka_ListConsumerGroupOffsets(kafka, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    bool ok = read_answer(lag, group, event, error);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(wanted);
    return ok;
}

static bool ask_groups(struct lag *lag, ds_error_t *error)
{
    static const struct ds_kafka_setting none[] = {{NULL, NULL}};
    struct ds_kafka_owner owner = {&lag->runtime->log};
    rd_kafka_conf_t *conf =
        ds_kafka_conf_new(lag->settings->brokers, "doorstep-lag", &owner, none, error);
    rd_kafka_t *kafka = conf == NULL ? NULL : ds_kafka_new(RD_KAFKA_PRODUCER, conf, error);
    bool ok = kafka != NULL;

    for (size_t i = 0; ok && i < sizeof groups / sizeof *groups; i++)
        ok = ask_group(lag, kafka, &groups[i], error);
    if (kafka != NULL)
        rd_kafka_destroy(kafka);
    return ok;
}

static bool ask_postgres(struct lag *lag, ds_error_t *error)
{
    ds_audit_postgres_t *postgres = ds_audit_postgres_new(lag->runtime, lag->settings->database_url,
                                                          lag->partitions, TIMEOUT_MS, 0);
    bool ok = postgres != NULL ||
              ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "a connection to PostgreSQL");

    for (int32_t p = 0; ok && p < lag->partitions; p++) {
        int64_t positions[DS_AUDIT_PROCESSORS];
        ok = ds_audit_postgres_positions(postgres, p, positions, error);
        for (int32_t t = 0; ok && t < DS_AUDIT_PROCESSORS; t++)
            add_row(lag, "postgres", t, p, positions[t] + 1);
    }
    ds_audit_postgres_destroy(postgres);
    return ok;
}

static bool ask_mongo(struct lag *lag, ds_error_t *error)
{
    ds_audit_mongo_t *mongo;
    bool ok =
        ds_audit_mongo_new(lag->runtime, lag->settings->mongodb_url, TIMEOUT_MS, 0, &mongo, error);

    for (int32_t p = 0; ok && p < lag->partitions; p++) {
        int64_t position;
        ok = ds_audit_mongo_position(mongo, p, &position, error);
        if (ok)
            add_row(lag, "mongo", DS_AUDIT_ORDER, p, position + 1);
    }
    ds_audit_mongo_destroy(mongo);
    return ok;
}

/* A database that is away is said, and the rest is shown. */
static void ask_models(struct lag *lag)
{
    ds_error_t why = DS_ERROR_INIT;
    if (lag->settings->database_url[0] != '\0' && !ask_postgres(lag, &why))
        ds_audit_note(lag->notes, "%s", why.message);
    ds_error_clear(&why);
    if (lag->settings->mongodb_url[0] != '\0' && !ask_mongo(lag, &why))
        ds_audit_note(lag->notes, "%s", why.message);
}

/* One topic after another: there is room for so many notes, not for one a partition. */
static void note_unknown(struct lag *lag)
{
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++) {
        int32_t count = 0;
        int32_t last = 0;
        for (int32_t p = 0; p < lag->partitions; p++)
            if (!end_of(lag, t, p)->ok) {
                count++;
                last = p;
            }
        if (count > 0)
            ds_audit_note(lag->notes,
                          "%s: the end of %" PRId32 " partitions is not known, such as %" PRId32,
                          ds_audit_schema(t)->topic, count, last);
    }
}

static bool print(const struct lag *lag, ds_buf_t *out, ds_error_t *error)
{
    return lag->settings->json
               ? ds_lag_print_json(lag->rows, lag->row_count, lag->notes, out, error)
               : ds_lag_print_text(lag->rows, lag->row_count, lag->notes, out, error);
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    struct lag lag = {.runtime = runtime, .settings = settings};
    ds_buf_t text;
    if (argc != 0) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "'%s': nothing more is expected",
                     argv[0]);
        return 2;
    }
    ds_buf_init(&text, OUTPUT_BYTES);
    lag.notes = ds_audit_report_new();
    bool ok = lag.notes != NULL || ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "lag");
    ok = ok && ask_ends(&lag, error) && ask_groups(&lag, error);
    if (ok) {
        note_unknown(&lag);
        ask_models(&lag);
    }
    ok = ok && print(&lag, &text, error);
    if (ok)
        printf("%.*s", DS_STR_ARG(ds_buf_str(&text)));
    ok = ok && ds_lag_unknown(lag.rows, lag.row_count) == 0;
    ds_buf_cleanup(&text);
    ds_audit_report_destroy(lag.notes);
    free(lag.rows);
    free(lag.ends);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_lag = {
    .name = "lag",
    .summary = "how far processors, gateways and read models are behind the log",
    .usage = "",
    .examples = "  doorstep lag\n"
                "  doorstep lag --json | jq '.rows[] | select(.lag > 0)'\n"
                "\nExit code: 0 all is known, 1 the end of a partition is not, or nothing is.\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
