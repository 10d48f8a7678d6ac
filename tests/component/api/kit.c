#include "tests/component/api/kit.h"

#include "schemas/schema.h"
#include "stream/partition.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <jwt.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PARTITIONS = 3 };

void kit_init(struct kit *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    bool help = false;
    int count = 0;
    memset(kit, 0, sizeof *kit);
    kit->runtime.log = ds_log_root("api", DS_LOG_ERROR);
    kit->runtime.metrics = ds_metrics_new();
    kit->runtime.clock = ds_system_clock();
    kit->runtime.random = ds_system_random();
    kit->runtime.health = &kit->health;
    kit->runtime.stop = &kit->stop;
    static char jwt[] = "--jwt-secret", token[] = "--token-secret", secret[] = KIT_SECRET;
    char *arguments[] = {jwt, secret, token, secret};
    const char *positional[4];
    cr_assert(ds_options_parse(ds_api_options, 4, arguments, &kit->settings, positional, &count,
                               &help, &error),
              "%s", error.message);
    kit->settings.port = 0;
    kit->settings.brokers = "127.0.0.1:1";
    kit->settings.database_url = "";
    kit->settings.webhook_secret = KIT_WEBHOOK_SECRET;
    kit->settings.rate_anonymous = 0;
}

/* --- a mock Kafka with a catalogue
 * ------------------------------------------------------------------ */

static void produce(rd_kafka_t *kafka, const char *topic, int32_t partition, const void *event)
{
    ds_buf_t value;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&value, 65536);
    cr_assert(ds_schema_encode(&ds_schema_catalog_events, event, &value, &error), "%s",
              error.message);
    rd_kafka_resp_err_t err =
        rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(value.data, value.len), RD_KAFKA_V_END);
    cr_assert_eq(err, 0);
    cr_assert_eq(rd_kafka_flush(kafka, KIT_PATIENCE_MS), 0);
    ds_buf_cleanup(&value);
}

static struct ds_catalog_event event_of(int64_t seq, int32_t kind)
{
    struct ds_catalog_event event = {0};
    event.meta.epoch = 1;
    event.meta.seq = seq;
    event.meta.event_id = DS_STR("e");
    event.meta.at = 1;
    event.context.correlation_id = DS_STR("c");
    event.context.actor.kind = DS_ACTOR_KIND_SYSTEM;
    event.context.actor.id = DS_STR("test");
    event.body.kind = kind;
    return event;
}

/* It takes the first of these methods only, or all. */
static struct ds_store_info berlin(size_t method_count)
{
    static enum ds_payment_method methods[] = {DS_PAYMENT_METHOD_CARD,
                                               DS_PAYMENT_METHOD_CASH_ON_DELIVERY};
    return (struct ds_store_info){.store_id = DS_STR("berlin-1"),
                                  .name = DS_STR("Berlin"),
                                  .currency = DS_STR("EUR"),
                                  .time_zone = DS_STR("Europe/Berlin"),
                                  .payment_methods = {methods, method_count},
                                  .delivery_fee_minor = 199,
                                  .minimum_order_minor = 200,
                                  .open = true};
}

static void fill_catalog(rd_kafka_t *kafka)
{
    static struct ds_product_info products[] = {
        {.product_id = {"berlin-1.milk", 13},
         .name = {"Milk", 4},
         .category = {"dairy", 5},
         .unit = {"1 l", 3},
         .price_minor = 119,
         .max_quantity = 10},
        {.product_id = {"berlin-1.bread", 14},
         .name = {"Bread", 5},
         .category = {"bakery", 6},
         .unit = {"piece", 5},
         .price_minor = 299,
         .max_quantity = 999},
    };
    const char *topic = "catalog.events";
    int32_t p = ds_partition_of(DS_STR("berlin-1"), PARTITIONS);
    struct ds_catalog_event claim = event_of(0, DS_CATALOG_EVENT_CLAIM);
    claim.body.as.claim.nonce = DS_STR("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    claim.body.as.claim.owner = DS_STR("test");
    produce(kafka, topic, p, &claim);
    struct ds_catalog_event open = event_of(1, DS_CATALOG_EVENT_OPEN);
    produce(kafka, topic, p, &open);
    struct ds_catalog_event store = event_of(2, DS_CATALOG_EVENT_STORE_OPENED);
    store.body.as.store_opened.store = berlin(2);
    produce(kafka, topic, p, &store);
    struct ds_catalog_event added = event_of(3, DS_CATALOG_EVENT_PRODUCT_ADDED);
    added.body.as.product_added.store_id = DS_STR("berlin-1");
    added.body.as.product_added.products.items = products;
    added.body.as.product_added.products.count = 2;
    produce(kafka, topic, p, &added);
}

void kit_mock_kafka(struct kit *kit)
{
    char message[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    cr_assert_eq(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", message, sizeof message), 0);
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message);
    cr_assert_not_null(kafka, "%s", message);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(kafka);
    for (const struct ds_schema *const *schema = ds_schemas(); *schema != NULL; schema++)
        cr_assert_eq(rd_kafka_mock_topic_create(cluster, (*schema)->topic, PARTITIONS, 1), 0);
    (void)snprintf(kit->brokers, sizeof kit->brokers, "%s",
                   rd_kafka_mock_cluster_bootstraps(cluster));
    kit->settings.brokers = kit->brokers;
    kit->kafka = kafka;
    fill_catalog(kafka);
}

/* The mock's log has four records by now. */
static void change_store(struct kit *kit, const struct ds_store_info *info)
{
    struct ds_catalog_event changed = event_of(4, DS_CATALOG_EVENT_STORE_CHANGED);
    changed.body.as.store_changed.store = *info;
    produce(kit->kafka, "catalog.events", ds_partition_of(info->store_id, PARTITIONS), &changed);
}

void kit_card_only(struct kit *kit)
{
    struct ds_store_info info = berlin(1);
    change_store(kit, &info);
}

void kit_mondays_only(struct kit *kit)
{
    struct ds_open_hours monday = {1, 480, 1320};
    struct ds_store_info info = berlin(2);
    info.hours.items = &monday;
    info.hours.count = 1;
    change_store(kit, &info);
}

void kit_slow_kafka(struct kit *kit, int ms)
{
    rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(kit->kafka);
    cr_assert_eq(rd_kafka_mock_broker_set_rtt(cluster, 1, ms), 0);
}

void kit_start(struct kit *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_api_start(&kit->runtime, &kit->settings, &kit->api, &error), "%s", error.message);
    if (kit->kafka != NULL)
        cr_assert(kit_wait_status(kit, "/readyz", 200));
}

void kit_stop(struct kit *kit)
{
    ds_api_stop(kit->api);
    ds_metrics_destroy(kit->runtime.metrics);
    if (kit->kafka != NULL)
        rd_kafka_destroy(kit->kafka);
}

/* --- tokens
 * ----------------------------------------------------------------------------------------- */

static json_t *list_of(const char *text)
{
    json_t *list = json_array();
    ds_str_t rest = ds_str(text);
    while (rest.len > 0) {
        ds_str_t one = ds_str_before(rest, ',');
        rest = ds_str_after(rest, ',');
        json_array_append_new(list, json_stringn(one.data, one.len));
    }
    return list;
}

char *kit_token(const char *subject, const char *roles, const char *stores, int64_t expires_in_s)
{
    jwt_t *jwt = NULL;
    int64_t now_s = ds_now_us(ds_system_clock()) / DS_US_PER_S;
    json_t *lists = json_pack("{s:o,s:o}", "roles", list_of(roles), "stores", list_of(stores));
    char *text = json_dumps(lists, JSON_COMPACT);
    cr_assert_eq(jwt_new(&jwt), 0);
    jwt_add_grant(jwt, "iss", "doorstep");
    jwt_add_grant(jwt, "aud", "doorstep");
    jwt_add_grant(jwt, "sub", subject);
    jwt_add_grant_int(jwt, "exp", (long)(now_s + expires_in_s));
    jwt_add_grants_json(jwt, text);
    jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)KIT_SECRET, (int)strlen(KIT_SECRET));
    char *token = jwt_encode_str(jwt);
    jwt_free(jwt);
    free(text);
    json_decref(lists);
    return token;
}

/* --- a client
 * --------------------------------------------------------------------------------------- */

int kit_connect(const struct kit *kit)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)ds_api_port(kit->api))};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void kit_send(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

static bool complete(const ds_buf_t *buf)
{
    if (buf->len == 0)
        return false;
    const char *text = (const char *)buf->data;
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL)
        return false;
    size_t head = (size_t)(end - text) + 4;
    const char *length = strcasestr(text, "\r\nContent-Length:");
    if (length == NULL || length > end)
        return strstr(text, " 204 ") != NULL || strstr(text, " 304 ") != NULL;
    return buf->len >= head + strtoul(length + 17, NULL, 10);
}

static struct answer parse(const ds_buf_t *buf)
{
    struct answer answer = {0};
    const char *text = buf->len == 0 ? "" : (const char *)buf->data;
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL) {
        answer.head = strdup(text);
        answer.body = strdup("");
        return answer;
    }
    answer.head = strndup(text, (size_t)(end - text) + 2);
    answer.body = strdup(end + 4);
    answer.status = (int)strtol(text + 9, NULL, 10);
    answer.json = json_loads(answer.body, 0, NULL);
    return answer;
}

struct answer kit_read(int fd, int timeout_ms)
{
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    const char *text;
    ds_buf_init(&buf, 4 * 1024 * 1024);
    int64_t until_us = ds_monotonic_us(ds_system_clock()) + timeout_ms * DS_US_PER_MS;
    while (!complete(&buf)) {
        int64_t left_ms = (until_us - ds_monotonic_us(ds_system_clock())) / DS_US_PER_MS;
        struct pollfd ready = {fd, POLLIN, 0};
        char chunk[4096];
        if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0)
            break;
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0)
            break;
        cr_assert(ds_buf_append(&buf, chunk, (size_t)got, &error));
        cr_assert(ds_buf_cstr(&buf, &text, &error));
    }
    struct answer answer = parse(&buf);
    ds_buf_cleanup(&buf);
    close(fd);
    return answer;
}

struct answer kit_raw(const struct kit *kit, const char *bytes, size_t len)
{
    int fd = kit_connect(kit);
    kit_send(fd, bytes, len);
    return kit_read(fd, KIT_PATIENCE_MS);
}

struct answer kit_call(const struct kit *kit, const char *method, const char *path,
                       const char *headers, const char *body)
{
    ds_buf_t request;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&request, 4 * 1024 * 1024);
    /* The end of an answer that has a length and no body is the end of its connection. */
    cr_assert(ds_buf_printf(&request, &error, "%s %s HTTP/1.1\r\nHost: test\r\n%s%s", method, path,
                            strcmp(method, "HEAD") == 0 ? "Connection: close\r\n" : "", headers));
    if (body != NULL)
        cr_assert(ds_buf_printf(&request, &error,
                                "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                                strlen(body)));
    cr_assert(ds_buf_append_text(&request, "\r\n", &error));
    if (body != NULL)
        cr_assert(ds_buf_append_text(&request, body, &error));
    int fd = kit_connect(kit);
    kit_send(fd, (const char *)request.data, request.len);
    ds_buf_cleanup(&request);
    return kit_read(fd, KIT_PATIENCE_MS);
}

struct answer kit_call_as(const struct kit *kit, const char *who, const char *method,
                          const char *path, const char *headers, const char *body)
{
    char role[16], subject[64], stores[64], all[4096];
    ds_str_t rest = ds_str_after(ds_str(who), ':');
    cr_assert(ds_str_to_array(ds_str_before(ds_str(who), ':'), role, sizeof role));
    cr_assert(ds_str_to_array(ds_str_before(rest, ':'), subject, sizeof subject));
    cr_assert(ds_str_to_array(ds_str_after(rest, ':'), stores, sizeof stores));
    char *token = kit_token(subject, role, stores, 3600);
    (void)snprintf(all, sizeof all, "Authorization: Bearer %s\r\n%s", token, headers);
    free(token);
    return kit_call(kit, method, path, all, body);
}

void answer_free(struct answer *answer)
{
    free(answer->head);
    free(answer->body);
    json_decref(answer->json);
    *answer = (struct answer){0};
}

const char *answer_code(const struct answer *answer)
{
    const char *code =
        json_string_value(json_object_get(json_object_get(answer->json, "error"), "code"));
    return code == NULL ? "" : code;
}

const char *answer_data(const struct answer *answer, const char *name)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(answer->json, "data"), name));
    return text == NULL ? "" : text;
}

char *answer_header(const struct answer *answer, const char *name)
{
    char wanted[80];
    (void)snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *at = strcasestr(answer->head, wanted);
    if (at == NULL)
        return NULL;
    at += strlen(wanted);
    return strndup(at, strcspn(at, "\r\n"));
}

bool kit_wait_status(const struct kit *kit, const char *path, int status)
{
    int64_t until_us = ds_monotonic_us(ds_system_clock()) + KIT_PATIENCE_MS * DS_US_PER_MS;
    int last = 0;
    while (last != status && ds_monotonic_us(ds_system_clock()) < until_us) {
        struct answer answer = kit_call(kit, "GET", path, "", NULL);
        last = answer.status;
        answer_free(&answer);
        struct timespec pause = {0, 20000000L}; /* between two looks, bounded by until_us */
        if (last != status)
            (void)nanosleep(&pause, NULL);
    }
    return last == status;
}
