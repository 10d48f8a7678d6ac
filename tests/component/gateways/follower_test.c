/* The follower on a log in memory: what waits until other topics have been read is told once, and
 * in order, however much of it there is. */
#include "base/limits.h"
#include "fake_log.h"
#include "gateways/notifications/follower.h"
#include "gateways/notifications/limits.h"
#include "gateways/notifications/notes.h"
#include "line.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ORDERS   300
#define EACH     3 /* notices of an order */
#define MAX_HELD 40

static const char *const topics[] = {"order.events", "payment.events", "delivery.events"};
static const char *const notes_topic[] = {"notifications.sent"};

static struct ds_fake_time times;
static struct ds_runtime runtime;
static ds_fake_log_t *events;
static int64_t seqs[DS_NOTICE_TOPICS];
static ds_sender_t *sender;
static ds_follower_t *follower;
static ds_broker_t *broker;

/* What the channel was given. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum ds_notice_kind told[ORDERS][2 * EACH];
static int told_of[ORDERS];
static int told_all;

static int all_told(void)
{
    pthread_mutex_lock(&lock);
    int count = told_all;
    pthread_mutex_unlock(&lock);
    return count;
}

static void send_one(void *line, const struct ds_notice *notice, const atomic_bool *stop,
                     struct ds_told_answer *answer)
{
    char id[32];
    (void)line, (void)stop;
    cr_assert(ds_str_to_array(notice->order_id, id, sizeof id));
    long order = strtol(id + 2, NULL, 10);
    pthread_mutex_lock(&lock);
    if (told_of[order] < 2 * EACH)
        told[order][told_of[order]++] = notice->kind;
    told_all++;
    pthread_mutex_unlock(&lock);
    answer->told = DS_TOLD_SENT;
}

static const struct ds_channel_ops ops = {line_open, line_close, send_one};

/* --- the log -----------------------------------------------------------------------------------
 */

static void append(enum ds_notice_topic topic, void *event)
{
    struct ds_event_head *head = event;
    char id[32];
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    (void)snprintf(id, sizeof id, "e-%d-%lld", (int)topic, (long long)seqs[topic]);
    head->meta.epoch = 1;
    head->meta.seq = seqs[topic]++;
    head->meta.event_id = ds_str(id);
    cr_assert(ds_schema_encode(ds_notice_schemas[topic], event, &bytes, &error), "%s",
              error.message);
    (void)ds_fake_append(events, topics[topic], 0, DS_STR("b"), ds_buf_bytes(&bytes));
    ds_buf_cleanup(&bytes);
}

static void append_claims(void)
{
    struct ds_order_event order = {.body.kind = DS_ORDER_EVENT_CLAIM};
    struct ds_payment_event payment = {.body.kind = DS_PAYMENT_EVENT_CLAIM};
    struct ds_delivery_event delivery = {.body.kind = DS_DELIVERY_EVENT_CLAIM};
    order.body.as.claim.nonce = DS_STR("order");
    payment.body.as.claim.nonce = DS_STR("payment");
    delivery.body.as.claim.nonce = DS_STR("delivery");
    append(DS_NOTICE_ORDER, &order);
    append(DS_NOTICE_PAYMENT, &payment);
    append(DS_NOTICE_DELIVERY, &delivery);
}

static void append_created(ds_str_t id, int64_t at_us)
{
    struct ds_order_event event = {.meta.at = at_us, .body.kind = DS_ORDER_EVENT_ORDER_CREATED};
    struct ds_order_created *created = &event.body.as.order_created;
    created->order_id = id;
    created->currency = DS_STR("EUR");
    created->total_minor = 2999;
    created->personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA;
    append(DS_NOTICE_ORDER, &event);
}

/* @param skew_us  how far the delivery's clock is behind. */
static void append_orders(int64_t skew_us)
{
    int64_t at_us = ds_now_us(runtime.clock) - ORDERS * DS_US_PER_S;
    for (int i = 0; i < ORDERS; i++, at_us += DS_US_PER_S) {
        char text[32];
        (void)snprintf(text, sizeof text, "b.%d", i);
        ds_str_t id = ds_str(text);
        append_created(id, at_us);
        struct ds_order_event confirmed = {.meta.at = at_us + 1,
                                           .body.kind = DS_ORDER_EVENT_ORDER_CONFIRMED};
        confirmed.body.as.order_confirmed.order_id = id;
        append(DS_NOTICE_ORDER, &confirmed);
        struct ds_delivery_event assigned = {.meta.at = at_us + 2 - skew_us,
                                             .body.kind = DS_DELIVERY_EVENT_DELIVERY_ASSIGNED};
        assigned.body.as.delivery_assigned.order_id = id;
        append(DS_NOTICE_DELIVERY, &assigned);
        struct ds_order_event fulfilled = {.meta.at = at_us + 3,
                                           .body.kind = DS_ORDER_EVENT_ORDER_FULFILLED};
        fulfilled.body.as.order_fulfilled.order_id = id;
        append(DS_NOTICE_ORDER, &fulfilled);
    }
}

/* --- the gateway -------------------------------------------------------------------------------
 */

static void start(void)
{
    ds_error_t error = DS_ERROR_INIT;
    sender = line_sender(&runtime, &ops, DS_CHANNEL_LOG, 2);
    broker = ds_fake_broker_new(events, topics, DS_NOTICE_TOPICS);
    const struct ds_follower_config config = {
        .max_age_us = 3600 * DS_US_PER_S,
        .senders = {[DS_CHANNEL_LOG] = sender},
        .max_held = MAX_HELD,
        .broker = broker,
        .lookup = ds_fake_broker_new(events, topics, DS_NOTICE_TOPICS),
        .notes = ds_fake_broker_new(events, notes_topic, 1),
    };
    cr_assert(ds_follower_new(&runtime, &config, &follower, &error), "%s", error.message);
    ds_fake_assign(broker, 0, 1);
}

static void stop(void)
{
    ds_sender_stop(sender, 1000);
    ds_follower_destroy(follower);
    ds_sender_destroy(sender);
}

static void turn(void)
{
    ds_error_t error = DS_ERROR_INIT;
    const struct timespec pause = {0, 1000000};
    cr_assert(ds_follower_turn(follower, &error), "%s", error.message);
    (void)nanosleep(&pause, NULL);
}

/* The topic stays behind until the silence is over. */
static void start_without(enum ds_notice_topic topic)
{
    start();
    for (int turns = 0; turns < 1000 && !ds_fake_reads(broker, topic, 0); turns++)
        turn();
    cr_assert(ds_fake_reads(broker, topic, 0));
    ds_fake_silence(events, topics[topic]);
}

/* Of all that was handed over nothing is to be sent or noted any more. */
static bool is_all_noted(void)
{
    size_t count;
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        if (ds_sender_position(sender, 0, (enum ds_notice_topic)t, INT64_MAX, NULL, 0, &count) !=
            INT64_MAX)
            return false;
    return !ds_sender_active(sender);
}

/* Until nothing more happens by itself: a whole turn found nothing to read and let nothing go. What
 * is not told then waits for a topic that is behind. */
static void turn_until_idle(void)
{
    bool was_idle = false, is_idle = false;
    for (int turns = 0; turns < 20000 && !(was_idle && is_idle); turns++) {
        turn();
        was_idle = is_idle;
        is_idle = ds_fake_is_drained(broker) && is_all_noted();
    }
    cr_assert(was_idle && is_idle);
}

static void turn_until_current(void)
{
    for (int turns = 0; turns < 5000 && !ds_follower_current(follower); turns++)
        turn();
    cr_assert(ds_follower_current(follower));
}

static void turn_until_told(int count)
{
    for (int turns = 0; turns < 20000 && all_told() < count; turns++)
        turn();
    turn_until_current();
    turn_until_idle(); /* nor is anything told twice */
    cr_expect_eq(all_told(), count);
}

static void expect_each_in_order(void)
{
    static const enum ds_notice_kind kinds[EACH] = {DS_NOTICE_CONFIRMED, DS_NOTICE_COURIER_ASSIGNED,
                                                    DS_NOTICE_DELIVERED};
    for (int i = 0; i < ORDERS; i++) {
        cr_assert_eq(told_of[i], EACH, "order %d: told %d", i, told_of[i]);
        cr_assert_arr_eq(told[i], kinds, sizeof kinds, "order %d", i);
    }
}

/* A channel that has begun; then the gateway is away for a while. */
static void set_up(void)
{
    runtime = line_runtime();
    ds_fake_time_init(&times, ds_now_us(runtime.clock));
    events = ds_fake_log_new(&times, 1);
    append_claims();
    start();
    for (int turns = 0; turns < 1000 && !ds_follower_current(follower); turns++)
        turn();
    cr_assert(ds_follower_current(follower));
    stop();
}

static void tear_down(void)
{
    ds_fake_log_destroy(events);
    ds_metrics_destroy(runtime.metrics);
}

TestSuite(follower, .init = set_up, .fini = tear_down, .timeout = 300);

Test(follower, what_waits_for_its_orders_is_told_when_they_are_read_however_much_it_is)
{
    append_orders(0);
    start_without(DS_NOTICE_ORDER);
    turn_until_idle();
    cr_expect_eq(all_told(), 0);
    cr_expect_not(ds_fake_reads(broker, DS_NOTICE_DELIVERY, 0), "enough of it waits");
    ds_fake_silence(events, NULL);
    turn_until_told(EACH * ORDERS);
    expect_each_in_order();
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        cr_expect(ds_fake_reads(broker, t, 0), "%s", topics[t]);
    stop();
}

Test(follower, what_was_not_told_before_a_death_is_told_after_it)
{
    append_orders(0);
    start_without(DS_NOTICE_ORDER);
    turn_until_idle();
    ds_fake_silence(events, NULL);
    stop();
    start();
    turn_until_told(EACH * ORDERS);
    expect_each_in_order();
    stop();
}

Test(follower, order_of_notices_is_kept_when_orders_are_read_far_ahead)
{
    append_orders(0);
    start_without(DS_NOTICE_DELIVERY);
    turn_until_idle();
    cr_expect_eq(all_told(), 0);
    cr_expect_not(ds_fake_reads(broker, DS_NOTICE_ORDER, 0), "enough of it waits");
    ds_fake_silence(events, NULL);
    turn_until_told(EACH * ORDERS);
    expect_each_in_order();
    stop();
}

/* By their times the deliveries come before their orders: nothing is told before the order is
 * known, or not at all. */
Test(follower, clock_that_is_behind_loses_nothing)
{
    append_orders(ORDERS * DS_US_PER_S / 2);
    start_without(DS_NOTICE_ORDER);
    turn_until_idle();
    ds_fake_silence(events, NULL);
    turn_until_told(EACH * ORDERS);
    for (int i = 0; i < ORDERS; i++)
        cr_expect_eq(told_of[i], EACH, "order %d", i);
    stop();
}

/* Its order stood before it, so that reading on would not make it known. */
Test(follower, notice_of_an_order_that_was_never_placed_holds_nothing_back)
{
    int64_t at_us = ds_now_us(runtime.clock) - 2 * ORDERS * DS_US_PER_S;
    struct ds_delivery_event assigned = {.meta.at = at_us + 1,
                                         .body.kind = DS_DELIVERY_EVENT_DELIVERY_ASSIGNED};
    struct ds_order_event confirmed = {.meta.at = at_us,
                                       .body.kind = DS_ORDER_EVENT_ORDER_CONFIRMED};
    assigned.body.as.delivery_assigned.order_id = DS_STR("b.never");
    confirmed.body.as.order_confirmed.order_id = DS_STR("b.never");
    append(DS_NOTICE_DELIVERY, &assigned);
    start();
    turn_until_current(); /* the delivery's time is known, and later than that of what comes now */
    ds_fake_silence(events, topics[DS_NOTICE_DELIVERY]);
    int64_t read = ds_fake_end(events, topics[DS_NOTICE_ORDER], 0);
    append(DS_NOTICE_ORDER, &confirmed);
    append_orders(0);
    for (int turns = 0; turns < 20000 && ds_fake_hint(broker, DS_NOTICE_ORDER, 0) <= read; turns++)
        turn();
    cr_expect_not(ds_fake_reads(broker, DS_NOTICE_ORDER, 0), "enough of it waits");
    cr_expect_gt(ds_fake_hint(broker, DS_NOTICE_ORDER, 0), read);
    cr_expect_lt(ds_fake_hint(broker, DS_NOTICE_ORDER, 0),
                 ds_fake_end(events, topics[DS_NOTICE_ORDER], 0));
    ds_fake_silence(events, NULL);
    turn_until_told(EACH * ORDERS);
    expect_each_in_order();
    stop();
}

/* --- what others have noted since --------------------------------------------------------------
 */

#define NOTES     6000
#define MINUTE_US (60 * DS_US_PER_S)

static void append_note(const struct ds_notification_note *note)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    cr_assert(ds_schema_encode(&ds_schema_notifications_sent, note, &bytes, &error), "%s",
              error.message);
    (void)ds_fake_append(events, notes_topic[0], 0, DS_STR("note"), ds_buf_bytes(&bytes));
    ds_buf_cleanup(&bytes);
}

static struct ds_notification_note settled(enum ds_notification_channel channel, int64_t offset,
                                           int64_t at_us)
{
    return (struct ds_notification_note){.channel = channel,
                                         .at = at_us,
                                         .has_settled = true,
                                         .settled = {.topic = DS_STR("order.events"),
                                                     .offset = offset}};
}

/* Another channel's, one every `step_us`. @return when the last one was made. */
static int64_t append_notes_of_another(int64_t step_us)
{
    int64_t at_us = ds_now_us(runtime.clock);
    for (int i = 0; i < NOTES; i++, at_us += step_us) {
        struct ds_notification_note note = settled(DS_NOTIFICATION_CHANNEL_EMAIL, i, at_us);
        append_note(&note);
    }
    return at_us;
}

Test(follower, channel_that_was_off_for_longer_than_notices_are_told_begins_at_the_end)
{
    (void)append_notes_of_another(2 * MINUTE_US);
    append_orders(0);
    start();
    turn_until_current();
    turn_until_idle();
    cr_expect_eq(all_told(), 0);
    stop();
}

Test(follower, channel_that_was_off_for_a_while_goes_on_where_it_was)
{
    (void)append_notes_of_another(DS_US_PER_S);
    append_orders(0);
    start();
    turn_until_told(EACH * ORDERS);
    stop();
}

/* The gateway was away for long, which is no silence of one channel. */
Test(follower, channel_whose_notes_are_before_a_long_gap_goes_on_where_it_was)
{
    int64_t at_us = append_notes_of_another(DS_US_PER_S);
    struct ds_notification_note late =
        settled(DS_NOTIFICATION_CHANNEL_EMAIL, NOTES, at_us + 6000 * MINUTE_US);
    append_note(&late);
    append_orders(0);
    start();
    turn_until_told(EACH * ORDERS);
    stop();
}

/* Too much was settled behind one that is open for a position to be noted. */
Test(follower, channel_that_tells_but_notes_no_position_goes_on_where_it_was)
{
    int64_t at_us = append_notes_of_another(2 * MINUTE_US);
    struct ds_notification_note mine =
        settled(DS_NOTIFICATION_CHANNEL_LOG, 10 * (int64_t)ORDERS, at_us);
    append_note(&mine);
    append_orders(0);
    start();
    turn_until_told(EACH * ORDERS);
    stop();
}

/* 2,000 of them; 1,100 times that is more than is taken. */
static void append_beyond(int64_t first)
{
    static int64_t list[DS_MAX_SETTLED_BEYOND];
    for (size_t i = 0; i < DS_MAX_SETTLED_BEYOND; i++)
        list[i] = first + (int64_t)i;
    struct ds_notice_topic_position topic = {.topic = DS_STR("order.events"),
                                             .identity = DS_STR("order")};
    topic.beyond.items = list;
    topic.beyond.count = DS_MAX_SETTLED_BEYOND;
    struct ds_notification_note note = {.channel = DS_NOTIFICATION_CHANNEL_LOG,
                                        .at = ds_now_us(runtime.clock),
                                        .has_position = true};
    note.position.topics.items = &topic;
    note.position.topics.count = 1;
    append_note(&note);
}

/* The channels may go on for 3 s after a turn: a longer one stops what can be told. */
Test(follower, turn_is_short_beside_leaders_that_do_not_answer)
{
    ds_fake_log_destroy(events);
    events = ds_fake_log_new(&times, 8);
    start();
    ds_fake_assign(broker, 0, 8);
    ds_fake_deafen(events, topics[0], -1);
    for (int turns = 0; turns < 100; turns++) {
        int64_t began_us = times.monotonic_us;
        turn();
        cr_assert_leq(times.monotonic_us - began_us, 3 * DS_US_PER_S);
    }
    stop();
}

Test(follower, notes_that_cannot_be_taken_make_it_wait_and_are_tried_again)
{
    int64_t first = ds_fake_end(events, notes_topic[0], 0);
    for (int64_t i = 0; i < 1100; i++)
        append_beyond(1000 * 1000 + i * DS_MAX_SETTLED_BEYOND);
    start();
    for (int turns = 0; turns < 1000 && ds_follower_waiting(follower) == NULL; turns++)
        turn();
    cr_expect_not(ds_follower_current(follower));
    cr_assert_not_null(ds_follower_waiting(follower));
    ds_fake_drop_before(events, notes_topic[0], 0, first + 100);
    turn_until_current();
    cr_expect_null(ds_follower_waiting(follower));
    stop();
}
