/* The follower of the catalogue on a log in memory. */
#include "api/catalogue_internal.h"
#include "fake_log.h"
#include "stream/partition.h"
#include "stream/reader.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { PARTITIONS = 6, FRESH_S = 10, POLL_MS = 50 };

static const struct ds_schema *const topics[DS_TOPICS] = {
    &ds_schema_catalog_events, &ds_schema_order_events, &ds_schema_payment_events,
    &ds_schema_inventory_events, &ds_schema_delivery_events};
static const char *const names[DS_TOPICS] = {"catalog.events", "order.events", "payment.events",
                                             "inventory.events", "delivery.events"};

static struct ds_fake_time fake_time;
static struct ds_fake_random fake_random;
static struct ds_runtime runtime;
static ds_fake_log_t *events;
static ds_broker_t *broker;
static ds_catalogue_t *catalogue;
static struct ds_catalogue_follower follower;

static void start(void)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_fake_time_init(&fake_time, 1800000000 * DS_US_PER_S);
    ds_fake_random_init(&fake_random, 1);
    runtime = (struct ds_runtime){
        .clock = &fake_time.clock, .random = &fake_random.random, .metrics = ds_metrics_new()};
    events = ds_fake_log_new(&fake_time, PARTITIONS);
    broker = ds_fake_broker_new(events, names, DS_TOPICS);
    catalogue = ds_catalogue_new(&runtime, FRESH_S * DS_US_PER_S);
    follower.catalog = catalogue;
    const struct ds_reader_config config = {.topics = topics,
                                            .topic_count = DS_TOPICS,
                                            .broker = broker,
                                            .lookup = ds_fake_broker_new(events, names, DS_TOPICS)};
    cr_assert(ds_reader_new(&runtime, &config, &follower.reader, &error), "%s", error.message);
}

static void stop(void)
{
    ds_reader_destroy(follower.reader);
    ds_catalogue_destroy(catalogue);
    ds_fake_log_destroy(events);
    ds_metrics_destroy(runtime.metrics);
}

TestSuite(catalogue_follow, .init = start, .fini = stop);

static int64_t now_us(void)
{
    return fake_time.monotonic_us;
}

static bool fresh(int32_t partition)
{
    char store[32];
    int n = 0;
    do
        (void)snprintf(store, sizeof store, "rome-%d", ++n);
    while (ds_partition_of(ds_str(store), PARTITIONS) != partition);
    return ds_catalogue_fresh(catalogue, ds_str(store), now_us());
}

/* Those in [from, to) are priced all the time. */
static void follow_for(int64_t us, int32_t from, int32_t to)
{
    int64_t until_us = now_us() + us;
    while (now_us() < until_us) {
        (void)ds_catalogue_turn(&follower);
        ds_fake_time_add(&fake_time, POLL_MS * DS_US_PER_MS);
        for (int32_t p = from; p < to; p++)
            cr_assert(fresh(p), "partition %d at %lld", (int)p, (long long)now_us());
    }
}

Test(catalogue_follow, it_is_fresh_where_all_leaders_answer)
{
    follow_for(5 * DS_US_PER_S, 0, 0);
    follow_for(60 * DS_US_PER_S, 0, PARTITIONS);
}

Test(catalogue_follow, a_silent_leader_leaves_the_other_partitions_fresh)
{
    follow_for(5 * DS_US_PER_S, 0, 0);
    ds_fake_deafen(events, "catalog.events", 0);
    follow_for(60 * DS_US_PER_S, 1, PARTITIONS);
    cr_assert_not(fresh(0));
    ds_fake_deafen(events, NULL, 0);
    follow_for(5 * DS_US_PER_S, 1, PARTITIONS);
    cr_assert(fresh(0), "it answers again");
}

Test(catalogue_follow, one_that_starts_beside_a_silent_leader_prices_the_others)
{
    ds_fake_deafen(events, "catalog.events", 0);
    follow_for(15 * DS_US_PER_S, 0, 0);
    follow_for(15 * DS_US_PER_S, 1, PARTITIONS);
    cr_assert_not(fresh(0));
}

Test(catalogue_follow, a_silent_leader_is_asked_seldom)
{
    follow_for(5 * DS_US_PER_S, 0, 0);
    for (int topic = 0; topic < DS_TOPICS; topic++)
        for (int32_t p = 0; p < PARTITIONS; p++)
            follower.identity_at_us[topic][p] = INT64_MAX; /* they are known */
    ds_fake_deafen(events, "catalog.events", 0);
    int64_t began_us = now_us();
    int turns = 0;
    for (; now_us() < began_us + 60 * DS_US_PER_S; turns++) {
        (void)ds_catalogue_turn(&follower);
        ds_fake_time_add(&fake_time, POLL_MS * DS_US_PER_MS);
    }
    /* What is not spent on turns was waited for it. */
    int64_t waited_us = now_us() - began_us - turns * POLL_MS * DS_US_PER_MS;
    cr_assert_leq(waited_us, 15 * DS_US_PER_S);
}
