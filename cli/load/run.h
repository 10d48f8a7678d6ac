/* cli/load/run.h - what the threads of one load run share.
 *
 * The watcher reads what the log held before; then senders place orders at their scheduled times
 * (open loop: a late answer delays nothing, and every latency counts from the schedule). Couriers
 * act through the public interface. The watcher reads order.events under rule F and notes what the
 * log says of each order. An order is slot i of `orders`; whoever knows its id finds it in `by_id`.
 * Threads: `lock` guards orders, by_id and the counters; `start_us` and the settings are constant.
 */
#ifndef DS_CLI_LOAD_RUN_H
#define DS_CLI_LOAD_RUN_H

#include "base/map.h"
#include "cli/shop/client.h"

#include <pthread.h>

struct ds_load_settings {
    struct ds_shop_settings shop;
    const char *brokers;
    int64_t orders;
    int64_t rate;    /* a second */
    int64_t senders; /* threads */
    int64_t courier_threads;
    int64_t cash_percent;
    int64_t declined_percent;
    int64_t give_up_us;  /* how long an order is tried, and the couriers' first step */
    int64_t settle_us;   /* how long the last orders may take after the last was placed */
    const char *profile; /* "steady" or "storm" */
    int64_t units;       /* storm: pieces on sale */
    bool json;
};

#define DS_STORM_STORES 4

struct ds_load_order {
    char id[96];          /* empty: not accepted (yet) */
    int64_t scheduled_us; /* wall clock */
    int64_t accepted_us;  /* wall clock; 0: not */
    int64_t confirmed_us; /* decided at */
    int64_t over_us;      /* decided at; 0: not over */
    int created_count;    /* order.created or order.refused in the log */
    int end_count;        /* fulfilled, cancelled or refused in the log */
    int64_t pieces;       /* as the log says, without what was cancelled by line */
    bool fulfilled;
    char reason[32]; /* of a cancellation or refusal */
    int last_status; /* the last HTTP answer when it was not accepted */
};

struct ds_load_run {
    const struct ds_runtime *runtime;
    const struct ds_load_settings *settings;
    char customer[64]; /* unique to this run: what customers of this run begin with */
    bool stormy;
    char storm[24];   /* what the storm's stores begin with */
    int64_t start_us; /* wall clock of the first order */
    int64_t start_mono_us;
    pthread_mutex_t lock;
    struct ds_load_order *orders;
    size_t slots; /* of `orders`; the storm has more than it was asked for, to sell out */
    ds_map_t *by_id;
    size_t next; /* to be sent */
    size_t accepted;
    size_t failed; /* given up */
    size_t over;
    size_t other_answers; /* a repeat that named another order */
    size_t strangers;     /* orders of this customer in the log that no answer named */
    bool watching;        /* the watcher has read what the log held when the run began */
    bool done;            /* all threads end */
    ds_error_t error;     /* the first that a thread met */
};

/** @brief Thread bodies; the argument is the run. */
void *ds_load_sender(void *run);
void *ds_load_courier(void *argument); /* struct ds_load_courier_argument */
void *ds_load_watcher(void *run);

struct ds_load_courier_argument {
    struct ds_load_run *run;
    size_t index; /* of the thread */
};

/** @brief Who places order `slot`: one customer, in a storm many. */
void ds_load_customer(const struct ds_load_run *run, size_t slot, char *to, size_t to_bytes);
/** @brief Place the order of a slot with its key, until it is taken or given up. @param body the
 * caller's. */
void ds_load_place(struct ds_load_run *run, ds_shop_client_t *client, size_t slot, json_t *body);

/** @brief Note the first error of a thread and let all end. */
void ds_load_fail(struct ds_load_run *run, const ds_error_t *error);
bool ds_load_is_done(struct ds_load_run *run);

#endif
