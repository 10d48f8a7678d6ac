#include "api/ends.h"
#include "fake_log.h"
#include "stream/broker.h"
#include "stream/partition.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTITIONS = 3, CALLERS = 20 };

/* A server of which the leaders of some partitions are silent: whoever asks them waits until the
 * test says that the time is over. */
struct server {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool silent[PARTITIONS];
    bool holds; /* a question stays without its outcome */
    int asks;
};

static struct server server;
static struct ds_broker_ops server_ops;
static struct ds_fake_time fake_time;
static ds_fake_log_t *fake_log;
static struct ds_runtime runtime;
static ds_metrics_t *metrics;
static ds_ends_t *ends;

static bool answer_ends(ds_broker_t *broker, struct ds_broker_end *list, size_t count,
                        int timeout_ms, ds_error_t *error)
{
    (void)broker;
    (void)timeout_ms;
    cr_assert_eq(count, 1);
    (void)pthread_mutex_lock(&server.lock);
    server.asks++;
    (void)pthread_cond_broadcast(&server.moved);
    while (server.holds)
        (void)pthread_cond_wait(&server.moved, &server.lock);
    bool silent = server.silent[list->partition];
    (void)pthread_mutex_unlock(&server.lock);
    list->ok = !silent;
    list->end = 7;
    return !silent || ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "no answer in time");
}

static void start(void)
{
    static const char *const topics[DS_TOPICS] = {[DS_TOPIC_CATALOG] = "catalog.commands",
                                                  [DS_TOPIC_ORDER] = "order.commands",
                                                  [DS_TOPIC_PAYMENT] = "payment.commands",
                                                  [DS_TOPIC_INVENTORY] = "inventory.commands",
                                                  [DS_TOPIC_DELIVERY] = "delivery.commands"};

    ds_fake_time_init(&fake_time, 1800000000 * DS_US_PER_S);
    metrics = ds_metrics_new();
    runtime = (struct ds_runtime){.clock = &fake_time.clock, .metrics = metrics};
    fake_log = ds_fake_log_new(&fake_time, PARTITIONS);
    ds_broker_t *broker = ds_fake_broker_new(fake_log, topics, DS_TOPICS);
    server_ops = *broker->ops;
    server_ops.ends = answer_ends;
    broker->ops = &server_ops;
    (void)pthread_mutex_init(&server.lock, NULL);
    (void)pthread_cond_init(&server.moved, NULL);
    ends = ds_ends_new(&runtime, "nowhere", broker);
}

static void stop(void)
{
    ds_ends_destroy(ends);
    ds_fake_log_destroy(fake_log);
    ds_metrics_destroy(metrics);
}

TestSuite(ends, .init = start, .fini = stop, .timeout = 60);

static bool ask(int32_t partition)
{
    char key[32];
    int32_t asked;
    int64_t end;
    ds_error_t error = DS_ERROR_INIT;
    for (int i = 0;; i++) {
        (void)snprintf(key, sizeof key, "store-%d", i);
        if (ds_partition_of(ds_str(key), PARTITIONS) == partition)
            break;
    }
    return ds_ends_ask(ends, DS_TOPIC_ORDER, ds_str(key), &asked, &end, &error);
}

static void *ask_0(void *answered)
{
    *(bool *)answered = ask(0);
    return NULL;
}

static void hold(bool holds)
{
    (void)pthread_mutex_lock(&server.lock);
    server.holds = holds;
    (void)pthread_cond_broadcast(&server.moved);
    (void)pthread_mutex_unlock(&server.lock);
}

static void wait_for_asks(int asks)
{
    (void)pthread_mutex_lock(&server.lock);
    while (server.asks < asks)
        (void)pthread_cond_wait(&server.moved, &server.lock);
    (void)pthread_mutex_unlock(&server.lock);
}

Test(ends, nobody_waits_behind_a_question_that_stays_without_an_answer)
{
    pthread_t first;
    pthread_t others[CALLERS];
    bool first_answered = true;
    bool answered[CALLERS];
    server.silent[0] = true;
    hold(true);
    cr_assert_eq(pthread_create(&first, NULL, ask_0, &first_answered), 0);
    wait_for_asks(1);
    for (int i = 0; i < CALLERS; i++)
        cr_assert_eq(pthread_create(&others[i], NULL, ask_0, &answered[i]), 0);
    for (int i = 0; i < CALLERS; i++) {
        (void)pthread_join(others[i], NULL); /* while the first is still there */
        cr_assert_not(answered[i]);
    }
    hold(false);
    (void)pthread_join(first, NULL);
    cr_assert_not(first_answered);
    cr_assert_eq(server.asks, 1);
}

Test(ends, a_silent_leader_is_asked_again_after_a_while_only)
{
    server.silent[0] = true;
    for (int i = 0; i < CALLERS; i++)
        cr_assert_not(ask(0));
    cr_assert_eq(server.asks, 1);
    ds_fake_time_add(&fake_time, 2 * DS_US_PER_S);
    server.silent[0] = false;
    for (int i = 0; i < CALLERS; i++)
        cr_assert(ask(0));
    cr_assert_eq(server.asks, 1 + CALLERS);
}

Test(ends, leaders_that_answer_are_asked_beside_silent_ones)
{
    server.silent[0] = server.silent[1] = true;
    for (int i = 0; i < CALLERS; i++) {
        cr_assert_not(ask(0));
        cr_assert_not(ask(1));
        cr_assert(ask(2));
    }
    cr_assert_eq(server.asks, 2 + CALLERS);
}

Test(ends, silent_leaders_cost_one_question_in_a_while_all_together)
{
    server.silent[0] = server.silent[1] = true;
    cr_assert_not(ask(0));
    cr_assert_not(ask(1));
    ds_fake_time_add(&fake_time, 2 * DS_US_PER_S);
    cr_assert_not(ask(0));
    cr_assert_not(ask(1));
    cr_assert_eq(server.asks, 3);
    ds_fake_time_add(&fake_time, 2 * DS_US_PER_S);
    server.silent[0] = server.silent[1] = false;
    cr_assert(ask(0));
    cr_assert(ask(1));
}
