/* cli/load/load.c - `doorstep load`: many orders at a fixed rate, and whether the shop kept each of
 * them once. */
#include "cli/load/run.h"
#include "cli/load/samples.h"
#include "cli/load/storm.h"
#include "cli/roles.h"
#include "cli/shop/courier.h"
#include "cli/shop/demo_shop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_THREADS   64
#define TICK_US       (200 * DS_US_PER_MS)
#define STOCK_WAIT_US (10 * DS_US_PER_S)

static const struct ds_option options[] = {
    DS_SHOP_OPTIONS,
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct ds_load_settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers, to watch the log."},
    {"orders", NULL, DS_OPT_INT, offsetof(struct ds_load_settings, orders), "1000", 1, 10000000,
     false, false, "How many orders are placed."},
    {"rate", NULL, DS_OPT_INT, offsetof(struct ds_load_settings, rate), "100", 1, 100000, false,
     false, "Orders a second; an open loop, late answers delay nothing."},
    {"senders", NULL, DS_OPT_INT, offsetof(struct ds_load_settings, senders), "16", 1, 48, false,
     false, "Threads that place orders."},
    {"courier-threads", NULL, DS_OPT_INT, offsetof(struct ds_load_settings, courier_threads), "4",
     1, 12, false, false, "Threads that act as couriers."},
    {"cash-percent", NULL, DS_OPT_INT, offsetof(struct ds_load_settings, cash_percent), "20", 0,
     100, false, false, "Orders paid at the door."},
    {"declined-percent", NULL, DS_OPT_INT, offsetof(struct ds_load_settings, declined_percent), "3",
     0, 100, false, false, "Orders whose card is declined."},
    {"give-up", NULL, DS_OPT_DURATION, offsetof(struct ds_load_settings, give_up_us), "60s",
     DS_US_PER_S, 3600 * DS_US_PER_S, false, false,
     "How long an order is tried while the shop does not take it."},
    {"settle", NULL, DS_OPT_DURATION, offsetof(struct ds_load_settings, settle_us), "120s",
     DS_US_PER_S, 7200 * DS_US_PER_S, false, false,
     "How long the last orders may take to be over."},
    {"profile", NULL, DS_OPT_TEXT, offsetof(struct ds_load_settings, profile), "steady", 0, 0,
     false, false,
     "steady: the demo shop. storm: few goods in stores of its own, cancels, declined and late "
     "cards, lazy couriers, every command twice."},
    {"units", NULL, DS_OPT_INT, offsetof(struct ds_load_settings, units), "100", 1, 1000000, false,
     false, "storm: pieces on sale, all of which must be sold at the end."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct ds_load_settings, json), "0", 0, 0, false, false,
     "Print the result as JSON."},
    DS_OPTION_END,
};

void ds_load_fail(struct ds_load_run *run, const ds_error_t *error)
{
    pthread_mutex_lock(&run->lock);
    ds_error_set(&run->error, error->domain, error->code, "%s", error->message);
    run->done = true;
    pthread_mutex_unlock(&run->lock);
}

bool ds_load_is_done(struct ds_load_run *run)
{
    pthread_mutex_lock(&run->lock);
    bool done = run->done;
    pthread_mutex_unlock(&run->lock);
    return done;
}

struct threads {
    pthread_t list[MAX_THREADS];
    size_t count;
};

static bool spawn(struct threads *threads, void *(*body)(void *), void *argument, ds_error_t *error)
{
    if (pthread_create(&threads->list[threads->count], NULL, body, argument) != 0)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_IO, "cannot start a thread");
    threads->count++;
    return true;
}

static void join_all(struct threads *threads)
{
    while (threads->count > 0)
        (void)pthread_join(threads->list[--threads->count], NULL);
}

struct progress {
    size_t sent, accepted, over, failed;
    bool done;
};

static struct progress look(struct ds_load_run *run)
{
    pthread_mutex_lock(&run->lock);
    struct progress now = {run->next, run->accepted, run->over, run->failed, run->done};
    pthread_mutex_unlock(&run->lock);
    return now;
}

static void show_progress(const struct ds_load_run *run, const struct progress *now, bool last)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    if (!terminal && !last)
        return;
    (void)fprintf(stderr, "%splaced %zu of %" PRId64 ", accepted %zu, over %zu, not accepted %zu%s",
                  terminal ? "\r" : "", now->sent, run->settings->orders, now->accepted, now->over,
                  now->failed, last ? "\n" : "   ");
}

/* Until every accepted order is over, or the time to settle has passed since the last was placed.
 */
static void wait_until_over(struct ds_load_run *run)
{
    int64_t settle_from = 0;
    for (;;) {
        struct progress now = look(run);
        int64_t clock = ds_monotonic_us(run->runtime->clock);
        bool placed = now.accepted + now.failed == (size_t)run->settings->orders;
        if (placed && settle_from == 0)
            settle_from = clock;
        bool over = placed && now.over >= now.accepted;
        if (over || now.done ||
            (settle_from != 0 && clock - settle_from > run->settings->settle_us) ||
            !ds_shop_pause(run->runtime, TICK_US, INT64_MAX)) {
            show_progress(run, &now, true);
            break;
        }
        show_progress(run, &now, false);
    }
}

static void end_all(struct ds_load_run *run)
{
    pthread_mutex_lock(&run->lock);
    run->done = true;
    pthread_mutex_unlock(&run->lock);
}

/* Until every order that was accepted so far is over. @return false: not in time. */
static bool wait_for_the_last(struct ds_load_run *run)
{
    int64_t until_us = ds_monotonic_us(run->runtime->clock) + run->settings->settle_us;
    struct progress now = look(run);
    while (now.over < now.accepted) {
        if (now.done || ds_monotonic_us(run->runtime->clock) > until_us ||
            !ds_shop_pause(run->runtime, TICK_US, INT64_MAX))
            return false;
        now = look(run);
    }
    return true;
}

static int64_t delivered(struct ds_load_run *run)
{
    int64_t pieces = 0;
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; i < run->slots; i++)
        pieces += run->orders[i].fulfilled ? run->orders[i].pieces : 0;
    pthread_mutex_unlock(&run->lock);
    return pieces;
}

static bool place_plain(struct ds_load_run *run, ds_shop_client_t *client, size_t *slot,
                        ds_error_t *error)
{
    size_t store = 0;
    int64_t left = 0;
    if (!ds_storm_left(run, client, &store, &left, error))
        return false;
    for (int64_t i = 0; i < left && i < 16 && *slot < run->slots; i++, (*slot)++) {
        json_t *body = ds_storm_plain_body(run, store);
        run->orders[*slot].scheduled_us = ds_now_us(run->runtime->clock);
        ds_load_place(run, client, *slot, body);
        json_decref(body);
    }
    return true;
}

/* What cancelled orders left over goes to plain orders, a few at a time, until all is delivered. */
static bool sell_out(struct ds_load_run *run, ds_error_t *error)
{
    ds_shop_client_t *client = ds_shop_client_new(run->runtime, &run->settings->shop);
    int64_t until_us = ds_monotonic_us(run->runtime->clock) + run->settings->settle_us;
    size_t slot = (size_t)run->settings->orders;
    bool ok = client != NULL;
    while (ok && wait_for_the_last(run) && delivered(run) < run->settings->units &&
           slot < run->slots && ds_shop_pause(run->runtime, TICK_US, until_us))
        ok = place_plain(run, client, &slot, error);
    ds_shop_client_destroy(client);
    return ok;
}

static bool all_online(struct ds_load_run *run, ds_error_t *error)
{
    if (run->stormy)
        return ds_storm_open(run, error);
    ds_shop_client_t *client = ds_shop_client_new(run->runtime, &run->settings->shop);
    int64_t deadline = ds_monotonic_us(run->runtime->clock) + run->settings->give_up_us;
    bool ok = client != NULL;
    for (size_t s = 0; ok && s < DS_DEMO_STORES; s++)
        for (size_t c = 0; ok && c < DS_DEMO_COURIERS_A_STORE; c++)
            ok = ds_courier_go_online(client, s, c, deadline, error);
    ds_shop_client_destroy(client);
    return ok;
}

/* Nothing is placed before the log is watched. */
static bool wait_until_watched(struct ds_load_run *run, ds_error_t *error)
{
    for (;;) {
        pthread_mutex_lock(&run->lock);
        bool watching = run->watching, done = run->done;
        pthread_mutex_unlock(&run->lock);
        if (watching)
            return true;
        if (done) /* the watcher's error is the run's */
            return ds_error_set(error, run->error.domain, run->error.code, "%s",
                                run->error.message);
        if (!ds_shop_pause(run->runtime, TICK_US, INT64_MAX))
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_TIMEOUT,
                                "stopped before the first order");
    }
}

static bool run_threads(struct ds_load_run *run, ds_error_t *error)
{
    struct threads threads = {.count = 0};
    struct ds_load_courier_argument couriers[12];
    bool ok = spawn(&threads, ds_load_watcher, run, error) && wait_until_watched(run, error) &&
              all_online(run, error);
    run->start_us = ds_now_us(run->runtime->clock);
    run->start_mono_us = ds_monotonic_us(run->runtime->clock);
    for (size_t i = 0; ok && i < (size_t)run->settings->courier_threads; i++) {
        couriers[i] = (struct ds_load_courier_argument){run, i};
        ok = spawn(&threads, ds_load_courier, &couriers[i], error);
    }
    for (int64_t i = 0; ok && i < run->settings->senders; i++)
        ok = spawn(&threads, ds_load_sender, run, error);
    if (ok)
        wait_until_over(run);
    ok = ok && (!run->stormy || sell_out(run, error));
    if (ok)
        end_all(run);
    else
        ds_load_fail(run, error);
    join_all(&threads);
    if (ok && ds_error_is_set(&run->error))
        ok = ds_error_set(error, run->error.domain, run->error.code, "%s", run->error.message);
    return ok;
}

/* --- the verdict
 * -------------------------------------------------------------------------------------------- */

struct verdict {
    size_t accepted, fulfilled, cancelled, lost, doubled, strangers, not_accepted;
    int64_t pieces; /* of what was delivered */
    struct ds_storm_stock stock;
    int64_t accepted_us[3], confirmed_us[3], delivered_us[3]; /* p50, p95, p99 */
};

static void count_order(struct verdict *verdict, const struct ds_load_order *order)
{
    if (order->accepted_us == 0)
        return;
    verdict->accepted++;
    verdict->lost += order->created_count == 0 || order->end_count == 0;
    verdict->doubled += order->created_count > 1 || order->end_count > 1;
    verdict->fulfilled += order->fulfilled;
    verdict->pieces += order->fulfilled ? order->pieces : 0;
    verdict->cancelled += order->end_count > 0 && !order->fulfilled;
}

static void percentiles(struct ds_samples *samples, int64_t to_us[3])
{
    to_us[0] = ds_samples_percentile(samples, 50);
    to_us[1] = ds_samples_percentile(samples, 95);
    to_us[2] = ds_samples_percentile(samples, 99);
}

static bool judge(const struct ds_load_run *run, struct verdict *verdict, ds_error_t *error)
{
    size_t orders = run->slots;
    struct ds_samples accepted = {0}, confirmed = {0}, delivered = {0};
    bool ok = ds_samples_init(&accepted, orders, error) &&
              ds_samples_init(&confirmed, orders, error) &&
              ds_samples_init(&delivered, orders, error);
    for (size_t i = 0; ok && i < orders; i++) {
        const struct ds_load_order *order = &run->orders[i];
        count_order(verdict, order);
        if (order->accepted_us != 0)
            ds_samples_add(&accepted, order->accepted_us - order->scheduled_us);
        if (order->confirmed_us != 0)
            ds_samples_add(&confirmed, order->confirmed_us - order->scheduled_us);
        if (order->fulfilled)
            ds_samples_add(&delivered, order->over_us - order->scheduled_us);
    }
    percentiles(&accepted, verdict->accepted_us);
    percentiles(&confirmed, verdict->confirmed_us);
    percentiles(&delivered, verdict->delivered_us);
    verdict->not_accepted = run->failed;
    verdict->doubled += run->other_answers;
    verdict->strangers = run->strangers;
    ds_samples_cleanup(&accepted);
    ds_samples_cleanup(&confirmed);
    ds_samples_cleanup(&delivered);
    return ok;
}

static void print_latency(const char *name, const int64_t us[3], bool json, const char *comma)
{
    if (json)
        printf("  \"%sMs\": {\"p50\": %.2f, \"p95\": %.2f, \"p99\": %.2f}%s\n", name,
               (double)us[0] / 1000, (double)us[1] / 1000, (double)us[2] / 1000, comma);
    else
        printf("  %-10s p50 %9.1f ms   p95 %9.1f ms   p99 %9.1f ms\n", name, (double)us[0] / 1000,
               (double)us[1] / 1000, (double)us[2] / 1000);
}

/* The goods: sold is what left the stores for good. */
static bool storm_is_right(const struct ds_load_run *run, const struct verdict *v)
{
    return !run->stormy || (v->stock.received == run->settings->units && v->stock.available == 0 &&
                            v->stock.reserved == 0 && v->stock.committed == run->settings->units &&
                            v->pieces == run->settings->units);
}

static void print_stock(const struct ds_load_run *run, const struct verdict *v)
{
    if (run->settings->json)
        printf("  \"units\": %" PRId64 ", \"sold\": %" PRId64 ", \"delivered\": %" PRId64
               ", \"available\": %" PRId64 ", \"reserved\": %" PRId64 ",\n",
               run->settings->units, v->stock.committed, v->pieces, v->stock.available,
               v->stock.reserved);
    else
        printf("%" PRId64 " pieces on sale: %" PRId64 " sold, %" PRId64 " delivered, %" PRId64
               " left, %" PRId64 " reserved\n",
               run->settings->units, v->stock.committed, v->pieces, v->stock.available,
               v->stock.reserved);
}

/* The read model may be a moment behind the log. */
static bool judge_stock(struct ds_load_run *run, struct verdict *verdict, ds_error_t *error)
{
    if (!run->stormy)
        return true;
    ds_shop_client_t *client = ds_shop_client_new(run->runtime, &run->settings->shop);
    int64_t until_us = ds_monotonic_us(run->runtime->clock) + STOCK_WAIT_US;
    bool ok = client != NULL;
    do
        ok = ok && ds_storm_stock(run, client, &verdict->stock, error);
    while (ok && !storm_is_right(run, verdict) && ds_shop_pause(run->runtime, TICK_US, until_us));
    ds_shop_client_destroy(client);
    return ok;
}

static void print_verdict(const struct ds_load_run *run, const struct verdict *v, bool ok)
{
    bool json = run->settings->json;
    if (json)
        printf("{\n  \"ok\": %s, \"orders\": %" PRId64 ", \"rate\": %" PRId64
               ",\n  \"accepted\": %zu, \"notAccepted\": %zu, \"fulfilled\": %zu, "
               "\"cancelled\": %zu,\n  \"lost\": %zu, \"doubled\": %zu, \"strangers\": %zu,\n",
               ok ? "true" : "false", run->settings->orders, run->settings->rate, v->accepted,
               v->not_accepted, v->fulfilled, v->cancelled, v->lost, v->doubled, v->strangers);
    else
        printf("accepted %zu: %zu fulfilled, %zu cancelled or refused with a reason\n"
               "not accepted %zu, lost %zu, doubled %zu, in the log without an answer %zu\n"
               "since the scheduled moment:\n",
               v->accepted, v->fulfilled, v->cancelled, v->not_accepted, v->lost, v->doubled,
               v->strangers);
    if (run->stormy)
        print_stock(run, v);
    print_latency("accepted", v->accepted_us, json, ",");
    print_latency("confirmed", v->confirmed_us, json, ",");
    print_latency("delivered", v->delivered_us, json, "");
    if (json)
        printf("}\n");
}

static void destroy_stranger(void *value, const struct ds_load_run *run)
{
    const struct ds_load_order *order = value;
    if (order < run->orders || order >= run->orders + run->slots)
        free(value);
}

static void free_run(struct ds_load_run *run)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    while (run->by_id != NULL && ds_map_next(run->by_id, &cursor, &key, &value))
        destroy_stranger(value, run);
    ds_map_destroy(run->by_id, NULL);
    free(run->orders);
    (void)pthread_mutex_destroy(&run->lock);
}

static int run(const struct ds_runtime *runtime, const void *settings_, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argc, (void)argv;
    const struct ds_load_settings *settings = settings_;
    struct ds_load_run load = {.runtime = runtime, .settings = settings};
    (void)pthread_mutex_init(&load.lock, NULL);
    load.stormy = strcmp(settings->profile, "storm") == 0;
    if (!load.stormy && strcmp(settings->profile, "steady") != 0) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "profile %s: steady or storm",
                     settings->profile);
        return 2;
    }
    load.slots = (size_t)(settings->orders + (load.stormy ? 4 * settings->units + 64 : 0));
    load.orders = calloc(load.slots, sizeof *load.orders);
    load.by_id = ds_map_new(load.slots * 2 + 1000);
    (void)snprintf(load.customer, sizeof load.customer, "load-%" PRId64, ds_now_us(runtime->clock));
    (void)snprintf(load.storm, sizeof load.storm, "storm-%" PRIx64,
                   (uint64_t)ds_now_us(runtime->clock));
    struct verdict verdict = {0};
    bool ok = load.orders != NULL && load.by_id != NULL && run_threads(&load, error) &&
              judge(&load, &verdict, error) && judge_stock(&load, &verdict, error);
    if (ok) {
        ok = verdict.lost == 0 && verdict.doubled == 0 && verdict.strangers == 0 &&
             verdict.accepted > 0 && storm_is_right(&load, &verdict);
        print_verdict(&load, &verdict, ok);
    }
    free_run(&load);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_load = {
    .name = "load",
    .summary = "place many orders at a fixed rate and check that each was kept once",
    .examples = "  doorstep load --orders 1000 --rate 50\n"
                "  doorstep load --orders 5000 --rate 200 --json\n"
                "  doorstep load --profile storm --orders 20000 --json\n",
    .options = options,
    .settings_bytes = sizeof(struct ds_load_settings),
    .run = run,
};
