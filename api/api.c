/* api/api.c - puts the parts together, starts and stops their threads. */
#include "api/api.h"

#include "api/intake.h"
#include "api/internal.h"
#include "base/webhook_signature.h"
#include "schemas/framing.h"

#include <stdlib.h>
#include <time.h>

enum {
    RECENT_COMMANDS = 16384,
    WAITING_MAX = 4000,
    PRODUCER_POLL_MS = 100,
    PRODUCER_LOOKS_US = 1000000, /* librdkafka looks once a second which messages are too old */
    TICK_US = 10000,
    TICK_IDLE_US = 50000,
    DRAIN_US = 6000000,
    SECRET_MIN_BYTES = 32,
};

static bool check_secret(const char *name, const char *secret, ds_error_t *error)
{
    if (strlen(secret) >= SECRET_MIN_BYTES)
        return true;
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "%s must have at least %d bytes",
                        name, SECRET_MIN_BYTES);
}

static bool take_webhook_secret(ds_api_t *api, ds_error_t *error)
{
    return ds_webhook_secret(ds_str(api->settings->webhook_secret), &api->webhook_key, error) ||
           ds_error_prefix(error, "WEBHOOK_SECRET");
}

static bool take_secrets(ds_api_t *api, ds_error_t *error)
{
    const struct ds_api_settings *settings = api->settings;
    ds_buf_init(&api->webhook_key, 1024);
    if (!check_secret("JWT_SECRET", settings->jwt_secret, error) ||
        !check_secret("TOKEN_SECRET", settings->token_secret, error) ||
        (settings->jwt_secret_previous[0] != '\0' &&
         !check_secret("JWT_SECRET_PREVIOUS", settings->jwt_secret_previous, error)))
        return false;
    api->auth =
        (struct ds_auth_config){ds_str(settings->jwt_secret), ds_str(settings->jwt_secret_previous),
                                settings->jwt_issuer, settings->jwt_audience};
    api->token_key = (ds_bytes_t){(const uint8_t *)settings->token_secret,
                                  (uint32_t)strlen(settings->token_secret)};
    return settings->webhook_secret[0] == '\0' || take_webhook_secret(api, error);
}

static void register_metrics(ds_api_t *api)
{
    static const char *const classes[] = {"0", "1xx", "2xx", "3xx", "4xx", "5xx"};
    ds_metrics_t *metrics = api->runtime->metrics;
    for (size_t i = 0; i < DS_API_MAX_ROUTES; i++) {
        bool last = i == DS_API_MAX_ROUTES - 1;
        if (!last && ds_routes[i].pattern == NULL)
            i = DS_API_MAX_ROUTES - 1, last = true;
        const char *operation = last ? "none" : ds_routes[i].operation;
        for (size_t c = 2; c < 6; c++) {
            const struct ds_label labels[] = {
                {"operation", operation}, {"status", classes[c]}, {NULL, NULL}};
            api->metrics[i].answers[c] =
                ds_metrics_get(metrics, DS_COUNTER, "doorstep_api_requests_total",
                               "Answers by operation and hundred of the status.", labels);
        }
        const struct ds_label labels[] = {{"operation", operation}, {NULL, NULL}};
        api->metrics[i].seconds =
            ds_metrics_get(metrics, DS_HISTOGRAM, "doorstep_api_request_seconds",
                           "From the request line to the answer.", labels);
    }
    api->in_flight = ds_metrics_get(metrics, DS_GAUGE, "doorstep_api_commands_in_flight",
                                    "Commands sent to Kafka and not reported yet.", NULL);
}

/* What librdkafka is told, so that a command is answered within the setting. */
static int64_t message_timeout_ms(const struct ds_api_settings *settings)
{
    int64_t timeout_us = settings->message_timeout_us;
    int64_t early_us = timeout_us / 2 < PRODUCER_LOOKS_US ? timeout_us / 2 : PRODUCER_LOOKS_US;
    return (timeout_us - early_us) / DS_US_PER_MS;
}

static bool make_parts(ds_api_t *api, ds_error_t *error)
{
    const struct ds_api_settings *settings = api->settings;
    uint64_t seed = 0;
    if (!api->runtime->random->fill(api->runtime->random, &seed, sizeof seed, error))
        return false;
    api->limits = ds_ratelimit_new(seed);
    api->recent = ds_recent_new(RECENT_COMMANDS);
    api->catalog = ds_catalogue_new(api->runtime, settings->catalog_fresh_us);
    api->ends = ds_ends_new(api->runtime, settings->brokers, NULL);
    if (api->limits == NULL || api->recent == NULL || api->catalog == NULL || api->ends == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for the api");
    const struct ds_database_config database = {settings->database_url,
                                                (size_t)settings->query_threads,
                                                (size_t)settings->query_queue_max,
                                                settings->query_timeout_us};
    if (settings->database_url[0] != '\0' &&
        (!ds_positions_new(api->runtime, settings->database_url, &api->positions, error) ||
         !ds_database_new(api->runtime, &database, &api->database, error)))
        return false;
    api->waiting = ds_waiting_new(api, api->positions, WAITING_MAX);
    const struct ds_command_writer_config writer = {settings->brokers, "doorstep-api",
                                                    message_timeout_ms(settings),
                                                    (size_t)settings->in_flight_max};
    if (api->waiting == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for the api");
    return ds_command_writer_new(api->runtime, &writer, &api->writer, error) &&
           ds_catalogue_start(api->catalog, settings->brokers, error);
}

static void *poll_producer(void *api_)
{
    ds_api_t *api = api_;
    while (!atomic_load(&api->producer_stop)) {
        (void)ds_command_writer_poll(api->writer, PRODUCER_POLL_MS);
        atomic_store(&api->producer_turn_us, ds_api_now_us(api));
    }
    return NULL;
}

void ds_api_wake_ticker(ds_api_t *api)
{
    if (atomic_exchange(&api->tick_soon, true))
        return;
    (void)pthread_mutex_lock(&api->tick_lock);
    (void)pthread_cond_signal(&api->tick_wake);
    (void)pthread_mutex_unlock(&api->tick_lock);
}

static void wait_for_tick(ds_api_t *api, int64_t pause_us)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanos = until.tv_nsec + pause_us * 1000;
    until.tv_sec += (time_t)(nanos / 1000000000);
    until.tv_nsec = (long)(nanos % 1000000000);
    (void)pthread_mutex_lock(&api->tick_lock);
    if (pause_us <= TICK_US || !atomic_load(&api->tick_soon))
        (void)pthread_cond_timedwait(&api->tick_wake, &api->tick_lock, &until);
    (void)pthread_mutex_unlock(&api->tick_lock);
}

static void note_health(ds_api_t *api)
{
    struct ds_health *health = api->runtime->health;
    bool commands = ds_api_commands_ready(api) && ds_catalogue_loaded(api->catalog);
    bool queries = api->database == NULL || ds_api_queries_ready(api);
    if (commands && !atomic_exchange(&api->served, true))
        ds_log(&api->log, DS_LOG_INFO, "api.ready", "commands are taken",
               DS_F_INT("port", ds_api_port(api)));
    const char *waiting = NULL;
    if (!commands)
        waiting = ds_framing_waiting(api->runtime->framing);
    if (!commands && waiting == NULL)
        waiting = "Kafka is away, or the catalogue is not read yet";
    else if (commands && !queries)
        waiting = "PostgreSQL is away";
    atomic_store(&health->ready, atomic_load(&api->served));
    atomic_store(&health->waiting, waiting);
}

static void *tick(void *api_)
{
    ds_api_t *api = api_;
    while (!atomic_load(&api->ticker_stop)) {
        int64_t now_us = ds_api_now_us(api);
        atomic_store(&api->tick_soon, false);
        ds_server_tick(api->server, now_us);
        ds_database_tick(api->database, now_us);
        bool soon = ds_waiting_tick(api->waiting, now_us);
        note_health(api);
        wait_for_tick(api, soon ? TICK_US : TICK_IDLE_US);
    }
    return NULL;
}

static bool start_threads(ds_api_t *api, ds_error_t *error)
{
    atomic_store(&api->producer_turn_us, ds_api_now_us(api));
    api->producer_runs = pthread_create(&api->producer, NULL, poll_producer, api) == 0;
    if (!api->producer_runs)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "start the producer's thread");
    if (!ds_server_new(api, &api->server, error))
        return false;
    api->ticker_runs = pthread_create(&api->ticker, NULL, tick, api) == 0;
    return api->ticker_runs ? true
                            : ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "start the ticker");
}

bool ds_api_start(const struct ds_runtime *runtime, const struct ds_api_settings *settings,
                  ds_api_t **api_out, ds_error_t *error)
{
    pthread_condattr_t monotonic;
    ds_api_t *api = calloc(1, sizeof *api);
    *api_out = NULL;
    if (api == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for the api");
    api->runtime = runtime;
    api->settings = settings;
    api->log = runtime->log;
    api->started_us = ds_api_now_us(api);
    (void)pthread_mutex_init(&api->tick_lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&api->tick_wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (!take_secrets(api, error) || !ds_trusted_proxies_check(settings->trusted_proxies, error) ||
        !make_parts(api, error)) {
        ds_api_stop(api);
        return false;
    }
    register_metrics(api);
    if (!start_threads(api, error)) {
        ds_api_stop(api);
        return false;
    }
    *api_out = api;
    return true;
}

int ds_api_port(const ds_api_t *api)
{
    return ds_server_port(api->server);
}

static void drain(ds_api_t *api)
{
    int64_t until_us = ds_api_now_us(api) + DRAIN_US;
    atomic_store(&api->draining, true);
    ds_server_quiesce(api->server);
    while (ds_server_busy(api->server) > 0 && ds_api_now_us(api) < until_us)
        wait_for_tick(api, TICK_US);
}

/* The order matters: nobody may resume a connection after its daemon is gone, and nobody may be
 * asked for an answer by a part that is freed. So: no new requests, answer what is held, stop the
 * daemon, then the rest. What is still held then keeps its request's memory until its holder lets
 * go. */
void ds_api_stop(ds_api_t *api)
{
    if (api == NULL)
        return;
    if (api->server != NULL)
        drain(api);
    atomic_store(&api->ticker_stop, true);
    if (api->ticker_runs)
        (void)pthread_join(api->ticker, NULL);
    ds_server_destroy(api->server);
    atomic_store(&api->producer_stop, true);
    if (api->producer_runs)
        (void)pthread_join(api->producer, NULL);
    ds_waiting_destroy(api->waiting);
    ds_database_destroy(api->database);
    ds_command_writer_destroy(api->writer);
    ds_positions_destroy(api->positions);
    ds_catalogue_destroy(api->catalog);
    ds_ends_destroy(api->ends);
    ds_recent_destroy(api->recent);
    ds_ratelimit_destroy(api->limits);
    ds_buf_cleanup(&api->webhook_key);
    (void)pthread_cond_destroy(&api->tick_wake);
    (void)pthread_mutex_destroy(&api->tick_lock);
    free(api);
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    ds_api_t *api = NULL;
    const struct timespec pause = {0, 100000000L};
    (void)argc, (void)argv;
    if (!ds_api_start(runtime, settings, &api, error))
        return 1;
    ds_log(&runtime->log, DS_LOG_INFO, "api.listening", "the api listens",
           DS_F_INT("port", ds_api_port(api)));
    while (!ds_stopping(runtime)) {
        /* The threads' own turns count, not this one's: a stuck producer must be seen. */
        atomic_store(&runtime->health->progress_us, atomic_load(&api->producer_turn_us));
        (void)nanosleep(&pause, NULL);
    }
    atomic_store(&runtime->health->draining, true);
    ds_api_stop(api);
    return 0;
}

const struct ds_role ds_role_api = {
    .name = "api",
    .summary = "take commands over HTTP and answer queries",
    .examples = "  doorstep api --api-port 3000\n"
                "  curl -s localhost:3000/api/products?store=berlin-1\n",
    .options = ds_api_options,
    .settings_bytes = sizeof(struct ds_api_settings),
    .is_server = true,
    .run = run,
};
