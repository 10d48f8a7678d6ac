/* See chaos.h. The wrapped broker keeps its address: only its table of functions is exchanged. */
#include "chaos.h"

#include <assert.h>
#include <stdlib.h>

#define WRAPPED_MAX 8
#define ENOUGH      300 /* records waiting here before the fake is asked for more */

struct events {
    struct ds_broker_event *items;
    size_t count;
    size_t capacity;
};

struct wrapped {
    ds_broker_t *broker;
    const struct ds_broker_ops *inner;
    struct chaos *chaos;
    struct events records;
    struct events news;
    struct events given[2];
};

static struct wrapped all[WRAPPED_MAX];

static struct wrapped *find(const ds_broker_t *broker)
{
    for (size_t i = 0; i < WRAPPED_MAX; i++)
        if (all[i].broker == broker)
            return &all[i];
    return NULL;
}

static bool happens(struct chaos *chaos, unsigned of_100)
{
    return of_100 > 0 && ds_fake_random_next(&chaos->dice) % 100 < of_100;
}

static void add(struct events *events, const struct ds_broker_event *event)
{
    if (events->count == events->capacity) {
        events->capacity = events->capacity == 0 ? 256 : events->capacity * 2;
        events->items = realloc(events->items, events->capacity * sizeof(*events->items));
        assert(events->items != NULL);
    }
    events->items[events->count++] = *event;
}

static struct ds_broker_event take(struct events *events, size_t i)
{
    struct ds_broker_event event = events->items[i];

    memmove(&events->items[i], &events->items[i + 1], (events->count - i - 1) * sizeof(event));
    events->count--;
    return event;
}

/* The first that waits of the (topic, partition) of a random one: order holds within each only. */
static struct ds_broker_event take_any(struct wrapped *w)
{
    size_t like = ds_fake_random_next(&w->chaos->dice) % w->records.count;
    size_t i = 0;

    while (w->records.items[i].topic != w->records.items[like].topic ||
           w->records.items[i].partition != w->records.items[like].partition)
        i++;
    return take(&w->records, i);
}

static bool poll(ds_broker_t *broker, int timeout_ms, bool with_records,
                 const struct ds_broker_event **events_out, size_t *count_out, ds_error_t *error)
{
    struct wrapped *w = find(broker);
    struct events *given = &w->given[with_records];
    const struct ds_broker_event *events;
    size_t count;
    size_t news;
    size_t records;

    if (!w->inner->poll(broker, timeout_ms, with_records && w->records.count < ENOUGH, &events,
                        &count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool is_record = events[i].kind == DS_BROKER_RECORD || events[i].kind == DS_BROKER_AT_END ||
                         events[i].kind == DS_BROKER_READ_FAILED;

        add(is_record ? &w->records : &w->news, &events[i]);
    }
    given->count = 0;
    news = happens(w->chaos, w->chaos->late)
               ? ds_fake_random_next(&w->chaos->dice) % (w->news.count + 1)
               : w->news.count;
    while (news-- > 0) {
        struct ds_broker_event event = take(&w->news, 0);

        add(given, &event);
    }
    records = !with_records                        ? 0
              : happens(w->chaos, w->chaos->small) ? ds_fake_random_next(&w->chaos->dice) % 4
                                                   : w->records.count;
    while (records-- > 0 && w->records.count > 0) {
        struct ds_broker_event event = take_any(w);

        add(given, &event);
    }
    *events_out = given->items;
    *count_out = given->count;
    return true;
}

static void forget(struct wrapped *w, int32_t topic, int32_t partition)
{
    for (size_t i = w->records.count; i-- > 0;)
        if (w->records.items[i].topic == topic && w->records.items[i].partition == partition)
            (void)take(&w->records, i);
}

static bool broken(struct wrapped *w, ds_error_t *error)
{
    if (!happens(w->chaos, w->chaos->broken))
        return false;
    ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "chaos");
    return true;
}

static bool start(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                  ds_error_t *error)
{
    struct wrapped *w = find(broker);

    forget(w, topic, partition);
    return !broken(w, error) && w->inner->start(broker, topic, partition, offset, error);
}

static void stop(ds_broker_t *broker, int32_t topic, int32_t partition)
{
    struct wrapped *w = find(broker);

    forget(w, topic, partition);
    w->inner->stop(broker, topic, partition);
}

static bool ends(ds_broker_t *broker, struct ds_broker_end *list, size_t count, int timeout_ms,
                 ds_error_t *error)
{
    struct wrapped *w = find(broker);

    for (size_t i = 0; i < count; i++)
        list[i].ok = false;
    if (broken(w, error) || !w->inner->ends(broker, list, count, timeout_ms, error))
        return false;
    for (size_t i = 0; i < count && count > 1; i++)
        list[i].ok = list[i].ok && !happens(w->chaos, w->chaos->broken);
    return true;
}

static bool confirm_members(ds_broker_t *broker, const int32_t *partitions, size_t count,
                            bool *ok_out, int timeout_ms, ds_error_t *error)
{
    struct wrapped *w = find(broker);

    for (size_t i = 0; i < count; i++)
        ok_out[i] = false;
    return !broken(w, error) &&
           w->inner->confirm_members(broker, partitions, count, ok_out, timeout_ms, error);
}

static bool renew_producer(ds_broker_t *broker, ds_error_t *error)
{
    struct wrapped *w = find(broker);

    for (size_t i = w->news.count; i-- > 0;)
        if (w->news.items[i].kind == DS_BROKER_DELIVERY)
            (void)take(&w->news, i);
    return w->inner->renew_producer(broker, error);
}

static void destroy(ds_broker_t *broker, int timeout_ms)
{
    struct wrapped *w = find(broker);
    const struct ds_broker_ops *inner = w->inner;

    free(w->records.items);
    free(w->news.items);
    free(w->given[0].items);
    free(w->given[1].items);
    *w = (struct wrapped){0};
    inner->destroy(broker, timeout_ms);
}

void chaos_over(ds_broker_t *broker, struct chaos *chaos)
{
    static struct ds_broker_ops ops;
    struct wrapped *w = find(NULL);

    assert(w != NULL);
    *w = (struct wrapped){.broker = broker, .inner = broker->ops, .chaos = chaos};
    ops = *broker->ops; /* all fakes have the same */
    ops.destroy = destroy;
    ops.poll = poll;
    ops.start = start;
    ops.stop = stop;
    ops.ends = ends;
    ops.confirm_members = confirm_members;
    ops.renew_producer = renew_producer;
    broker->ops = &ops;
}
