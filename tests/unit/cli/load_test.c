/* `doorstep load` on a log that holds more than is read while the last orders settle. */
#include "cli/load/storm.h"
#include "cli/roles.h"
#include "cli/shop/courier.h"
#include "stream/reader.h"

#include <criterion/criterion.h>
#include <time.h>

#define OLD_EVENTS 5
#define WAIT_MS    20

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int64_t clock_us = 1;
static int64_t handed_out; /* records of the log, by the reader */
static bool placed;        /* the run's order */

static void wait_a_little(void)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&changed, &lock, &until);
}

/* ---- time: what was paused for */

static int64_t now_us(const ds_clock_t *clock)
{
    (void)clock;
    (void)pthread_mutex_lock(&lock);
    int64_t now = clock_us;
    (void)pthread_mutex_unlock(&lock);
    return now;
}

bool ds_shop_pause(const struct ds_runtime *runtime, int64_t pause_us, int64_t deadline_us)
{
    (void)runtime;
    (void)pthread_mutex_lock(&lock);
    clock_us += pause_us;
    wait_a_little();
    bool in_time = clock_us < deadline_us;
    (void)pthread_mutex_unlock(&lock);
    return in_time;
}

/* ---- the log: one old event a poll, each of which takes a while, and none once the order is
 * placed: the rest would take longer than the order may. Behind them the order's own events. */

struct ds_reader {
    struct ds_read_record record;
    struct ds_order_event event;
};

static void make_old(struct ds_order_event *event)
{
    event->body.kind = DS_ORDER_EVENT_ORDER_CREATED;
    event->body.as.order_created.order_id = DS_STR("store.old");
    event->body.as.order_created.customer_id = DS_STR("somebody");
}

static void make_own(struct ds_order_event *event, bool first)
{
    event->body.kind = first ? DS_ORDER_EVENT_ORDER_CREATED : DS_ORDER_EVENT_ORDER_FULFILLED;
    if (first)
        event->body.as.order_created.order_id = DS_STR("store.own");
    else
        event->body.as.order_fulfilled.order_id = DS_STR("store.own");
}

bool ds_reader_poll(ds_reader_t *reader, int timeout_ms, struct ds_read_batch *batch_out,
                    ds_error_t *error)
{
    (void)timeout_ms;
    (void)error;
    *batch_out = (struct ds_read_batch){&reader->record, 0};
    (void)pthread_mutex_lock(&lock);
    wait_a_little();
    bool old = handed_out < OLD_EVENTS;
    if (old != placed && handed_out < OLD_EVENTS + 2) {
        reader->event = (struct ds_order_event){0};
        if (old)
            make_old(&reader->event);
        else
            make_own(&reader->event, handed_out == OLD_EVENTS);
        reader->record.event = &reader->event;
        reader->record.place.offset = handed_out++;
        batch_out->count = 1;
    }
    (void)pthread_mutex_unlock(&lock);
    return true;
}

bool ds_reader_new(const struct ds_runtime *runtime, const struct ds_reader_config *config,
                   ds_reader_t **reader_out, ds_error_t *error)
{
    (void)runtime;
    (void)config;
    (void)error;
    *reader_out = calloc(1, sizeof **reader_out);
    return *reader_out != NULL;
}

void ds_reader_destroy(ds_reader_t *reader)
{
    free(reader);
}

bool ds_reader_partitions(ds_reader_t *reader, int timeout_ms, int32_t *count_out,
                          ds_error_t *error)
{
    (void)reader;
    (void)timeout_ms;
    (void)error;
    *count_out = 1;
    return true;
}

bool ds_reader_end(ds_reader_t *reader, int32_t topic, int32_t partition, int timeout_ms,
                   int64_t *end_out, ds_error_t *error)
{
    (void)reader;
    (void)topic;
    (void)partition;
    (void)timeout_ms;
    (void)error;
    *end_out = OLD_EVENTS;
    return true;
}

bool ds_reader_assign(ds_reader_t *reader, int32_t topic, int32_t partition,
                      struct ds_log_place place, ds_error_t *error)
{
    (void)reader;
    (void)topic;
    (void)partition;
    (void)place;
    (void)error;
    return true;
}

int64_t ds_reader_next_offset(const ds_reader_t *reader, int32_t topic, int32_t partition)
{
    (void)reader;
    (void)topic;
    (void)partition;
    (void)pthread_mutex_lock(&lock);
    int64_t next = handed_out;
    (void)pthread_mutex_unlock(&lock);
    return next;
}

const char *ds_reader_waiting(const ds_reader_t *reader)
{
    (void)reader;
    return NULL;
}

/* ---- the shop: it takes the one order at once */

void *ds_load_sender(void *run_)
{
    struct ds_load_run *run = run_;
    struct ds_load_order *order = &run->orders[0];
    ds_error_t error = DS_ERROR_INIT;

    (void)pthread_mutex_lock(&run->lock);
    run->next = 1;
    run->accepted = 1;
    (void)snprintf(order->id, sizeof order->id, "store.own");
    order->scheduled_us = run->start_us;
    order->accepted_us = run->start_us;
    cr_assert(ds_map_put(run->by_id, ds_str(order->id), order, NULL, &error));
    (void)pthread_mutex_unlock(&run->lock);
    (void)pthread_mutex_lock(&lock);
    placed = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    return NULL;
}

void *ds_load_courier(void *argument)
{
    (void)argument;
    return NULL;
}

void ds_load_place(struct ds_load_run *run, ds_shop_client_t *client, size_t slot, json_t *body)
{
    (void)run;
    (void)client;
    (void)slot;
    (void)body;
}

ds_shop_client_t *ds_shop_client_new(const struct ds_runtime *runtime,
                                     const struct ds_shop_settings *settings)
{
    (void)runtime;
    (void)settings;
    return (ds_shop_client_t *)&lock; /* nobody looks at it */
}

void ds_shop_client_destroy(ds_shop_client_t *client)
{
    (void)client;
}

bool ds_courier_go_online(ds_shop_client_t *client, size_t s, size_t c, int64_t deadline_us,
                          ds_error_t *error)
{
    (void)client;
    (void)s;
    (void)c;
    (void)deadline_us;
    (void)error;
    return true;
}

bool ds_storm_open(struct ds_load_run *run, ds_error_t *error)
{
    (void)run;
    (void)error;
    return true;
}

bool ds_storm_stock(struct ds_load_run *run, ds_shop_client_t *client,
                    struct ds_storm_stock *stock_out, ds_error_t *error)
{
    (void)run;
    (void)client;
    (void)error;
    *stock_out = (struct ds_storm_stock){0};
    return true;
}

bool ds_storm_left(struct ds_load_run *run, ds_shop_client_t *client, size_t *store_out,
                   int64_t *left_out, ds_error_t *error)
{
    (void)run;
    (void)client;
    (void)error;
    *store_out = 0;
    *left_out = 0;
    return true;
}

json_t *ds_storm_plain_body(const struct ds_load_run *run, size_t store)
{
    (void)run;
    (void)store;
    return NULL;
}

Test(load, an_order_is_not_lost_because_an_old_log_is_long)
{
    const ds_clock_t clock = {now_us, now_us, NULL};
    const volatile sig_atomic_t stop = 0;
    const struct ds_runtime runtime = {.clock = &clock, .stop = &stop};
    const struct ds_load_settings settings = {.brokers = "nowhere",
                                              .orders = 1,
                                              .rate = 1,
                                              .senders = 1,
                                              .courier_threads = 1,
                                              .give_up_us = 60 * DS_US_PER_S,
                                              .settle_us = 60 * DS_US_PER_S,
                                              .profile = "steady",
                                              .json = true};
    ds_error_t error = DS_ERROR_INIT;

    cr_assert_eq(ds_role_load.run(&runtime, &settings, 0, NULL, &error), 0, "%s", error.message);
    cr_assert_eq(handed_out, OLD_EVENTS + 2);
}
