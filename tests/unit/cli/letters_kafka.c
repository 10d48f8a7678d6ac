#include "letters_kafka.h"

#include "cli/roles.h"
#include "decider/decider.h"
#include "stream/broker_kafka.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define AT_ONCE 256

static const struct ds_decider deciders[DS_DECIDERS] = {
    {.name = "catalog"}, {.name = "order"},    {.name = "inventory"},
    {.name = "payment"}, {.name = "delivery"},
};
const struct ds_decider *const ds_deciders[] = {&deciders[0], &deciders[1], &deciders[2],
                                                &deciders[3], &deciders[4], NULL};

int64_t kafka_ends[KAFKA_TOPICS];
void (*kafka_record_at)(int32_t topic, int64_t offset, struct kafka_record *record);
struct kafka_written kafka_written[16];
size_t kafka_written_count;
int64_t kafka_now_us;
int64_t kafka_put_us;
volatile sig_atomic_t kafka_stop;

static int64_t next[KAFKA_TOPICS]; /* to be read; -1: not read */
static uint64_t reported;          /* tag of the last message whose delivery was told */
static uint64_t handed_over;
static struct kafka_record records[AT_ONCE];
static struct ds_broker_event events[AT_ONCE];

static int64_t now_us(const ds_clock_t *clock)
{
    (void)clock;
    return kafka_now_us;
}

static const ds_clock_t clock_of_test = {now_us, now_us, NULL};
const struct ds_runtime kafka_runtime = {.clock = &clock_of_test, .stop = &kafka_stop};

void kafka_begin(void)
{
    memset(kafka_ends, 0, sizeof kafka_ends);
    for (size_t t = 0; t < KAFKA_TOPICS; t++)
        next[t] = -1;
    kafka_written_count = 0;
    handed_over = reported = 0;
    kafka_now_us = INT64_C(1700000000) * DS_US_PER_S;
    kafka_put_us = 0;
    kafka_stop = 0;
}

static void destroy(ds_broker_t *broker, int timeout_ms)
{
    (void)broker;
    (void)timeout_ms;
}

static struct ds_broker_event event_of(int32_t topic, int64_t offset, struct kafka_record *record)
{
    *record = (struct kafka_record){.has_value = true, .at_us = kafka_now_us};
    kafka_record_at(topic, offset, record);
    return (struct ds_broker_event){.kind = DS_BROKER_RECORD,
                                    .topic = topic,
                                    .offset = offset,
                                    .appended_us = record->at_us,
                                    .has_key = true,
                                    .key = ds_str(record->key),
                                    .has_value = record->has_value,
                                    .value = record->value,
                                    .native = record};
}

static bool poll(ds_broker_t *broker, int timeout_ms, bool with_records,
                 const struct ds_broker_event **events_out, size_t *count_out, ds_error_t *error)
{
    static struct ds_broker_event delivery;
    size_t count = 0;

    (void)broker;
    (void)error;
    *events_out = events;
    if (reported < handed_over) {
        delivery = (struct ds_broker_event){
            .kind = DS_BROKER_DELIVERY, .tag = ++reported, .offset = 1000 + (int64_t)reported};
        *events_out = &delivery;
        *count_out = 1;
        return true;
    }
    for (int32_t t = 0; with_records && t < KAFKA_TOPICS; t++)
        for (; next[t] >= 0 && next[t] < kafka_ends[t] && count < AT_ONCE; count++, next[t]++)
            events[count] = event_of(t, next[t], &records[count]);
    *count_out = count;
    if (count == 0)
        kafka_now_us += timeout_ms * DS_US_PER_MS;
    return true;
}

static bool start(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                  ds_error_t *error)
{
    (void)broker;
    (void)partition;
    (void)error;
    next[topic] = offset;
    return true;
}

static void stop(ds_broker_t *broker, int32_t topic, int32_t partition)
{
    (void)broker;
    (void)partition;
    next[topic] = -1;
}

static bool ask_ends(ds_broker_t *broker, struct ds_broker_end *list, size_t count, int timeout_ms,
                     ds_error_t *error)
{
    (void)broker;
    (void)timeout_ms;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        list[i].ok = true;
        list[i].low = 0;
        list[i].end = kafka_ends[list[i].topic];
    }
    return true;
}

static bool one_partition(ds_broker_t *broker, int32_t topic_count, int timeout_ms,
                          int32_t *count_out, ds_error_t *error)
{
    (void)broker;
    (void)topic_count;
    (void)timeout_ms;
    (void)error;
    *count_out = 1;
    return true;
}

static size_t headers_of(ds_broker_t *broker, const struct ds_broker_event *event,
                         struct ds_broker_header *headers_out, size_t max)
{
    const struct kafka_record *record = event->native;
    const struct {
        const char *name, *text;
    } all[] = {
        {"__connect.errors.exception.class.name", record->error},
        {"doorstep.dlq.action", record->action},
        {"doorstep.retry-of", record->retry_of},
        {"doorstep.retry-first", record->retry_first},
        {"__doorstep.key", record->action == NULL ? "berlin-1" : NULL},
    };
    size_t count = 0;

    (void)broker;
    cr_assert_geq(max, sizeof all / sizeof *all);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].text != NULL)
            headers_out[count++] = (struct ds_broker_header){
                all[i].name, {(const uint8_t *)all[i].text, (uint32_t)strlen(all[i].text)}};
    return count;
}

static void keep_text(char *to, size_t to_bytes, const uint8_t *data, uint32_t len)
{
    (void)snprintf(to, to_bytes, "%.*s", (int)len, (const char *)data);
}

static enum ds_broker_put produce(ds_broker_t *broker, const struct ds_broker_message *message,
                                  uint64_t tag, ds_error_t *error)
{
    struct kafka_written *w = &kafka_written[kafka_written_count++ % 16];

    (void)broker;
    (void)error;
    *w = (struct kafka_written){.topic = message->topic, .value = message->value};
    keep_text(w->key, sizeof w->key, (const uint8_t *)message->key.data, message->key.len);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct ds_broker_header *h = &message->headers[i];
        if (strcmp(h->name, "doorstep.retry-of") == 0)
            keep_text(w->retry_of, sizeof w->retry_of, h->value.data, h->value.len);
        else if (strcmp(h->name, "doorstep.retry-first") == 0)
            keep_text(w->retry_first, sizeof w->retry_first, h->value.data, h->value.len);
        else if (strcmp(h->name, "doorstep.dlq.action") == 0)
            keep_text(w->action, sizeof w->action, h->value.data, h->value.len);
    }
    kafka_now_us += kafka_put_us;
    handed_over = tag;
    return DS_BROKER_PUT_OK;
}

static const struct ds_broker_ops ops = {.destroy = destroy,
                                         .poll = poll,
                                         .start = start,
                                         .stop = stop,
                                         .produce = produce,
                                         .headers = headers_of,
                                         .ends = ask_ends,
                                         .partitions = one_partition};
static ds_broker_t kafka = {&ops};

bool __wrap_ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                                ds_broker_t **broker_out, ds_error_t *error);
bool __wrap_ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                                ds_broker_t **broker_out, ds_error_t *error)
{
    (void)log;
    (void)config;
    (void)error;
    *broker_out = &kafka;
    return true;
}
