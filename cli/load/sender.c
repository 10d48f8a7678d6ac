#include "cli/load/run.h"
#include "cli/load/storm.h"
#include "cli/shop/demo_shop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool take_slot(struct ds_load_run *run, size_t *slot_out)
{
    pthread_mutex_lock(&run->lock);
    *slot_out = run->next;
    bool got = !run->done && run->next < (size_t)run->settings->orders;
    run->next += got;
    pthread_mutex_unlock(&run->lock);
    return got;
}

static void wait_for_schedule(const struct ds_load_run *run, size_t slot)
{
    int64_t due = run->start_mono_us + (int64_t)slot * DS_US_PER_S / run->settings->rate;
    int64_t left = due - ds_monotonic_us(run->runtime->clock);
    if (left > 0)
        (void)ds_shop_pause(run->runtime, left, due);
}

void ds_load_customer(const struct ds_load_run *run, size_t slot, char *to, size_t to_bytes)
{
    if (run->stormy)
        (void)snprintf(to, to_bytes, "%s-%zu", run->customer, slot % 997);
    else
        (void)snprintf(to, to_bytes, "%s", run->customer);
}

static json_t *body_of(const struct ds_load_run *run, size_t slot)
{
    if (run->stormy)
        return ds_storm_order_body(run, slot);
    /* A fixed pattern, so that two runs are comparable. */
    int64_t percent = (int64_t)(slot * 37 % 100);
    const char *token = percent < run->settings->cash_percent ? NULL
                        : percent < run->settings->cash_percent + run->settings->declined_percent
                            ? "tok_declined"
                            : "tok_ok";
    return ds_demo_order_body(slot % DS_DEMO_STORES, slot * 7, 1 + slot % 4, token);
}

static void note_answer(struct ds_load_run *run, size_t slot, const struct ds_shop_answer *answer)
{
    const char *id = json_string_value(json_object_get(answer->data, "orderId"));
    pthread_mutex_lock(&run->lock);
    struct ds_load_order *order = &run->orders[slot];
    order->last_status = answer->status;
    if (answer->status == 202 && id != NULL &&
        ds_str_to_array(ds_str(id), order->id, sizeof order->id)) {
        order->accepted_us = ds_now_us(run->runtime->clock);
        run->accepted++;
        ds_error_t error = DS_ERROR_INIT;
        void *early = NULL; /* what the watcher saw before the answer came */
        if (!ds_map_put(run->by_id, ds_str(order->id), order, &early, &error))
            ds_error_set(&run->error, error.domain, error.code, "%s", error.message);
        if (early != NULL && early != order) {
            struct ds_load_order *seen = early;
            order->confirmed_us = seen->confirmed_us;
            order->over_us = seen->over_us;
            order->created_count = seen->created_count;
            order->end_count = seen->end_count;
            order->fulfilled = seen->fulfilled;
            order->pieces = seen->pieces;
            memcpy(order->reason, seen->reason, sizeof order->reason);
            run->strangers--;
            free(seen);
        }
    }
    pthread_mutex_unlock(&run->lock);
}

/* In a storm every button is pressed twice. */
static void repeat(struct ds_load_run *run, ds_shop_client_t *client, size_t slot, json_t *body,
                   const char *key)
{
    struct ds_shop_answer answer;
    ds_error_t error = DS_ERROR_INIT;
    if (!run->stormy || !ds_shop_call(client, "POST", "/api/orders", body, key, &answer, &error))
        return;
    const char *id = json_string_value(json_object_get(answer.data, "orderId"));
    pthread_mutex_lock(&run->lock);
    run->other_answers +=
        answer.status == 202 && (id == NULL || strcmp(id, run->orders[slot].id) != 0);
    pthread_mutex_unlock(&run->lock);
    ds_shop_answer_cleanup(&answer);
}

/* The same key again and again while the shop is away: at most one order comes of it. */
void ds_load_place(struct ds_load_run *run, ds_shop_client_t *client, size_t slot, json_t *body)
{
    char key[96], customer[96];
    (void)snprintf(key, sizeof key, "%s-%zu", run->customer, slot);
    ds_load_customer(run, slot, customer, sizeof customer);
    ds_error_t error = DS_ERROR_INIT;
    struct ds_shop_answer answer;
    int64_t deadline = ds_monotonic_us(run->runtime->clock) + run->settings->give_up_us;
    bool ok = ds_shop_act_as(client, "customer", customer, &error) &&
              ds_shop_expect(client, "POST", "/api/orders", body, key, deadline, &answer, &error);
    if (ok) {
        note_answer(run, slot, &answer);
        ds_shop_answer_cleanup(&answer);
        repeat(run, client, slot, body, key);
        return;
    }
    pthread_mutex_lock(&run->lock);
    run->failed++;
    (void)snprintf(run->orders[slot].reason, sizeof run->orders[slot].reason, "%.31s",
                   error.message);
    pthread_mutex_unlock(&run->lock);
    ds_log_error(&run->runtime->log, DS_LOG_WARN, "load.not_accepted", &error);
}

static void place(struct ds_load_run *run, ds_shop_client_t *client, size_t slot)
{
    json_t *body = body_of(run, slot);
    ds_load_place(run, client, slot, body);
    json_decref(body);
    if (run->stormy)
        ds_storm_meddle(run, client, slot);
}

void *ds_load_sender(void *run_)
{
    struct ds_load_run *run = run_;
    ds_shop_client_t *client = ds_shop_client_new(run->runtime, &run->settings->shop);
    size_t slot;
    while (client != NULL && !ds_stopping(run->runtime) && take_slot(run, &slot)) {
        wait_for_schedule(run, slot);
        run->orders[slot].scheduled_us =
            run->start_us + (int64_t)slot * DS_US_PER_S / run->settings->rate;
        place(run, client, slot);
    }
    ds_shop_client_destroy(client);
    return NULL;
}
