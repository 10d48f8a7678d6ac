/* The vtable, the turn of poll, and the life of the three handles. */
#include "stream/broker_kafka.h"

#include "stream/broker_kafka_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* A poll's. More than the producer's queue holds messages, so that all its reports fit. */
#define EVENTS_MAX    (256 * 1024)
#define GROUP_POLL_MS 1000

struct ds_broker_kafka *ds_broker_kafka_of_owner(void *opaque)
{
    return (struct ds_broker_kafka *)(void *)((char *)opaque -
                                              offsetof(struct ds_broker_kafka, owner));
}

struct ds_broker_event *ds_broker_kafka_add(struct ds_broker_kafka *k,
                                            enum ds_broker_event_kind kind)
{
    struct ds_kafka_events *list = k->current == NULL ? &k->stray : k->current;

    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? DS_KAFKA_BATCH : list->capacity * 2;
        struct ds_broker_event *items = NULL;

        if (capacity <= EVENTS_MAX)
            items = realloc(list->items, capacity * sizeof(*items));
        if (items == NULL) {
            k->out_of_memory = true; /* poll fails: nothing may be lost silently */
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count] =
        (struct ds_broker_event){.kind = kind, .topic = -1, .partition = -1, .offset = -1};
    return &list->items[list->count++];
}

/* What callbacks told while a synchronous call ran; such events borrow nothing that could be gone.
 */
static void take_stray(struct ds_broker_kafka *k)
{
    for (size_t i = 0; i < k->stray.count; i++) {
        struct ds_broker_event *event = ds_broker_kafka_add(k, k->stray.items[i].kind);

        if (event != NULL)
            *event = k->stray.items[i];
    }
    k->stray.count = 0;
}

/* Runs inside rd_kafka_poll, rd_kafka_consumer_poll or rd_kafka_queue_poll_callback, so in the
 * broker's thread. */
void ds_broker_kafka_on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct ds_broker_kafka *k = ds_broker_kafka_of_owner(opaque);

    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        atomic_store(&k->is_away, true);
        return;
    }
    if (err != RD_KAFKA_RESP_ERR__FATAL)
        return;
    ds_log(&k->log, DS_LOG_WARN, "kafka.fatal", reason, DS_F_CSTR("client", rd_kafka_name(rk)));
    if (rk == k->producer)
        k->producer_lost = true;
    else if (rk == k->group)
        (void)ds_broker_kafka_add(k, DS_BROKER_GROUP_LOST);
}

/* It reads nothing: only an error can come, a fatal one only here. Now and then it is asked without
 * need: librdkafka takes a member that never asks for dead. */
static void poll_group(struct ds_broker_kafka *k)
{
    rd_kafka_message_t *message;
    int64_t now_ms = ds_kafka_monotonic_ms();

    if (ds_kafka_waiting(k->commit_queue))
        rd_kafka_queue_poll_callback(k->commit_queue, 0);
    if (!ds_kafka_waiting(k->group_events) && now_ms - k->group_polled_ms < GROUP_POLL_MS)
        return;
    k->group_polled_ms = now_ms;
    message = rd_kafka_consumer_poll(k->group, 0);
    if (message == NULL)
        return;
    if (message->err == RD_KAFKA_RESP_ERR__FATAL)
        ds_broker_kafka_on_error(k->group, message->err, rd_kafka_message_errstr(message),
                                 &k->owner);
    rd_kafka_message_destroy(message);
}

static bool poll_all(ds_broker_t *broker, int timeout_ms, bool with_records,
                     const struct ds_broker_event **events_out, size_t *count_out,
                     ds_error_t *error)
{
    struct ds_broker_kafka *k = (struct ds_broker_kafka *)broker;

    k->current = with_records ? &k->with_records : &k->without_records;
    k->current->count = 0;
    take_stray(k);
    if (with_records)
        ds_broker_kafka_release(k);
    if (k->producer != NULL && (!with_records || ds_kafka_waiting(k->producer_events)))
        rd_kafka_poll(k->producer, with_records ? 0 : timeout_ms);
    if (k->producer_lost) {
        k->producer_lost = false;
        (void)ds_broker_kafka_add(k, DS_BROKER_PRODUCER_LOST);
    }
    if (ds_kafka_waiting(k->reader_events))
        rd_kafka_poll(k->reader, 0);
    if (k->group != NULL)
        poll_group(k);
    if (with_records)
        ds_broker_kafka_take_records(k, k->current->count > 0 ? 0 : timeout_ms);
    *events_out = k->current->items;
    *count_out = k->current->count;
    k->current = NULL;
    if (k->out_of_memory)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_MEMORY, "%zu broker events", *count_out);
    return true;
}

static bool is_away(const ds_broker_t *broker)
{
    return atomic_load(&((const struct ds_broker_kafka *)broker)->is_away);
}

/* ---- destruction under a deadline ---- */

struct ds_kafka_burial {
    rd_kafka_t *rk;
    bool close_consumer;
    bool done;
    bool abandoned;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
};

static void burial_free(struct ds_kafka_burial *burial)
{
    pthread_mutex_destroy(&burial->mutex);
    pthread_cond_destroy(&burial->changed);
    free(burial);
}

static void *bury(void *argument)
{
    struct ds_kafka_burial *burial = argument;
    bool abandoned;

    if (burial->close_consumer)
        rd_kafka_consumer_close(burial->rk);
    rd_kafka_destroy_flags(burial->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    pthread_mutex_lock(&burial->mutex);
    burial->done = true;
    abandoned = burial->abandoned;
    pthread_cond_signal(&burial->changed);
    pthread_mutex_unlock(&burial->mutex);
    if (abandoned)
        burial_free(burial);
    return NULL;
}

static bool wait_done(struct ds_kafka_burial *burial, int64_t timeout_ms)
{
    struct timespec until;
    int rc = 0;
    bool done;

    if (timeout_ms < 0)
        timeout_ms = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&burial->mutex);
    while (!burial->done && rc == 0)
        rc = pthread_cond_timedwait(&burial->changed, &burial->mutex, &until);
    done = burial->done;
    burial->abandoned = !done;
    pthread_mutex_unlock(&burial->mutex);
    return done;
}

struct ds_kafka_burial *ds_broker_kafka_bury(struct ds_broker_kafka *k, rd_kafka_t *rk,
                                             bool close_consumer)
{
    struct ds_kafka_burial *burial;

    if (rk == NULL)
        return NULL;
    burial = calloc(1, sizeof(*burial));
    if (burial == NULL) {
        k->zombies++; /* leaving it is the only thing that cannot hang */
        return NULL;
    }
    burial->rk = rk;
    burial->close_consumer = close_consumer;
    pthread_mutex_init(&burial->mutex, NULL);
    pthread_cond_init(&burial->changed, NULL);
    if (pthread_create(&burial->thread, NULL, bury, burial) == 0)
        return burial;
    k->zombies++;
    burial_free(burial);
    return NULL;
}

void ds_broker_kafka_buried(struct ds_broker_kafka *k, struct ds_kafka_burial *burial,
                            int64_t until_ms)
{
    pthread_t thread;

    if (burial == NULL)
        return;
    thread = burial->thread; /* a burial that is given up is the thread's own */
    if (wait_done(burial, until_ms - ds_kafka_monotonic_ms())) {
        pthread_join(thread, NULL);
        burial_free(burial);
        return;
    }
    pthread_detach(thread);
    k->zombies++;
    ds_log(&k->log, DS_LOG_WARN, "kafka.close_hangs", "a handle did not close in time; left alone",
           DS_F_INT("handles", k->zombies));
}

static void close_reader(struct ds_broker_kafka *k)
{
    ds_broker_kafka_release(k);
    for (int32_t t = 0; t < k->topic_count; t++)
        if (k->read_topics[t] != NULL)
            rd_kafka_topic_destroy(k->read_topics[t]);
    if (k->read_queue != NULL)
        rd_kafka_queue_destroy(k->read_queue);
    if (k->reader_events != NULL)
        rd_kafka_queue_destroy(k->reader_events);
}

static void destroy(ds_broker_t *broker, int timeout_ms)
{
    struct ds_broker_kafka *k = (struct ds_broker_kafka *)broker;
    int64_t until_ms = ds_kafka_monotonic_ms() + timeout_ms;
    struct ds_kafka_burial *burials[3];

    if (k == NULL)
        return;
    burials[0] = ds_broker_kafka_close_group(k); /* others wait for it */
    burials[1] = ds_broker_kafka_close_producer(k);
    close_reader(k);
    burials[2] = ds_broker_kafka_bury(k, k->reader, false);
    for (size_t i = 0; i < 3; i++)
        ds_broker_kafka_buried(k, burials[i], until_ms);
    if (k->zombies > 0)
        return; /* they still know all of it */
    free(k->with_records.items);
    free(k->without_records.items);
    free(k->stray.items);
    for (int32_t t = 0; t < k->topic_count; t++)
        free(k->names[t]);
    free(k->brokers);
    free(k->client_id);
    free(k);
}

static const struct ds_broker_ops kafka_ops = {
    .destroy = destroy,
    .poll = poll_all,
    .start = ds_broker_kafka_start,
    .stop = ds_broker_kafka_stop,
    .produce = ds_broker_kafka_produce,
    .headers = ds_broker_kafka_headers,
    .ends = ds_broker_kafka_ends,
    .confirm_members = ds_broker_kafka_confirm_members,
    .group_silent_us = ds_broker_kafka_group_silent_us,
    .commit_hints = ds_broker_kafka_commit_hints,
    .partitions = ds_broker_kafka_partitions,
    .renew_producer = ds_broker_kafka_renew_producer,
    .away = is_away,
};

static bool copy_names(struct ds_broker_kafka *k, const struct ds_broker_kafka_config *config,
                       ds_error_t *error)
{
    k->brokers = ds_str_dup(ds_str(config->brokers));
    k->client_id = ds_str_dup(ds_str(config->client_id));
    for (int32_t t = 0; t < config->topic_count; t++) {
        k->names[t] = ds_str_dup(ds_str(config->topics[t]));
        k->topic_count = t + 1;
        if (k->names[t] == NULL)
            break;
    }
    if (k->brokers == NULL || k->client_id == NULL || k->topic_count < config->topic_count ||
        k->names[k->topic_count - 1] == NULL)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_MEMORY, "names of topics");
    return true;
}

bool ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                         ds_broker_t **broker_out, ds_error_t *error)
{
    struct ds_broker_kafka *k;

    *broker_out = NULL;
    if (config->topic_count < 1 || config->topic_count > DS_BROKER_MAX_TOPICS)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_LIMIT, "%d topics",
                            (int)config->topic_count);
    k = calloc(1, sizeof(*k));
    if (k == NULL)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_MEMORY, "a broker");
    k->base.ops = &kafka_ops;
    k->log = *log;
    k->owner.log = &k->log;
    k->subscribed = config->subscribed;
    k->with_producer = config->with_producer;
    k->compressed = -1;
    for (int32_t t = 0; config->compressed != NULL && t < config->topic_count; t++)
        if (strcmp(config->topics[t], config->compressed) == 0)
            k->compressed = t;
    if (!copy_names(k, config, error) || !ds_broker_kafka_open_reader(k, config, error))
        goto failed;
    if (config->group_id != NULL && !ds_broker_kafka_open_group(k, config, error))
        goto failed;
    if (config->with_producer && !ds_broker_kafka_open_producer(k, error))
        goto failed;
    *broker_out = &k->base;
    return true;
failed:
    destroy(&k->base, 1000);
    return false;
}
