#include "cli/shop/courier.h"

#include "cli/load/run.h"
#include "cli/load/storm.h"
#include "cli/shop/demo_shop.h"

#define ALL_COURIERS ((size_t)DS_DEMO_STORES * DS_DEMO_COURIERS_A_STORE)
#define ROUND_US     (250 * DS_US_PER_MS)

/* Thread i of n serves the couriers i, i + n, i + 2n ..., each at most once in ROUND_US: the load
 * is the orders, not how often an app can ask. */
void *ds_load_courier(void *argument_)
{
    const struct ds_load_courier_argument *argument = argument_;
    struct ds_load_run *run = argument->run;
    ds_shop_client_t *client = ds_shop_client_new(run->runtime, &run->settings->shop);
    size_t step = (size_t)run->settings->courier_threads;
    size_t turn = 0;
    while (client != NULL && !ds_stopping(run->runtime) && !ds_load_is_done(run)) {
        int64_t next_us = ds_monotonic_us(run->runtime->clock) + ROUND_US;
        if (run->stormy)
            ds_storm_round(run, client, argument->index, step, turn++);
        for (size_t i = argument->index; !run->stormy && i < ALL_COURIERS; i += step) {
            char courier[96];
            size_t acted = 0;
            ds_error_t attempt = DS_ERROR_INIT; /* a server that is away: the next look shows */
            ds_demo_courier_id(i % DS_DEMO_STORES, i / DS_DEMO_STORES, courier, sizeof courier);
            (void)!ds_courier_round(client, courier, &acted, &attempt);
        }
        (void)ds_shop_pause(run->runtime, ROUND_US, next_us);
    }
    ds_shop_client_destroy(client);
    return NULL;
}
