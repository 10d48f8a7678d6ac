/* api/internal.h - what the parts of the api share: one struct of parts, made by api.c and handed
 * to everything. */
#ifndef DS_API_INTERNAL_H
#define DS_API_INTERNAL_H

#include "api/api.h"
#include "api/auth.h"
#include "api/catalogue.h"
#include "api/database.h"
#include "api/ends.h"
#include "api/locations.h"
#include "api/ratelimit.h"
#include "api/recent.h"
#include "api/server.h"
#include "api/waiting.h"
#include "stream/command_writer.h"

#include <pthread.h>

#define DS_API_MAX_ROUTES 64

/** Answers by the hundred of their status. */
struct ds_route_metrics {
    ds_metric_t *answers[6];
    ds_metric_t *seconds;
};

struct ds_api {
    const struct ds_runtime *runtime;
    const struct ds_api_settings *settings;
    ds_log_t log;
    struct ds_auth_config auth;
    ds_bytes_t token_key;
    ds_buf_t webhook_key; /* decoded */
    ds_ratelimit_t *limits;
    ds_recent_t *recent;
    ds_catalogue_t *catalog;
    ds_database_t *database;
    ds_positions_t *positions;
    ds_waiting_t *waiting;
    ds_ends_t *ends;
    ds_server_t *server;
    ds_command_writer_t *writer;
    struct ds_locations locations;
    struct ds_route_metrics metrics[DS_API_MAX_ROUTES];
    ds_metric_t *in_flight;
    int64_t started_us; /* monotonic */
    pthread_t producer; /* polls the writer for reports */
    bool producer_runs;
    pthread_t ticker;
    bool ticker_runs;
    pthread_mutex_t tick_lock;
    pthread_cond_t tick_wake;
    atomic_bool tick_soon;
    atomic_bool producer_stop;
    atomic_bool ticker_stop;
    atomic_bool draining;
    _Atomic int64_t producer_turn_us; /* monotonic: for /livez */
    atomic_bool served;               /* it was ready once */
};

/** @brief Let the ticker look at the waiting room within milliseconds. Any thread. */
void ds_api_wake_ticker(ds_api_t *api);
static inline int64_t ds_api_now_us(const ds_api_t *api)
{
    return ds_monotonic_us(api->runtime->clock);
}
/** Commands can be taken; queries can be answered. */
bool ds_api_commands_ready(const ds_api_t *api);
bool ds_api_queries_ready(const ds_api_t *api);

#endif
