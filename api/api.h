/* api/api.h - the HTTP ingress: commands onto Kafka, queries from PostgreSQL, the catalogue from
 * memory.
 *
 * What clients may rely on is the HTTP contract (api/openapi.yaml). Inside:
 *
 *   server.c       libmicrohttpd: one polling thread, limits, deadlines, suspend and resume
 *   router.c       method and path -> struct ds_route; routes.c is the table
 *   commands*.c    validate, price, send with ds_command_writer; the report answers the request
 *   database.c     query threads, one PostgreSQL connection each; queries_*.c run there
 *   catalogue.c    stores and products in memory, followed from catalog.events under rule F
 *   waiting.c      requests that wait for a Consistency-Token
 *
 * Threads: the polling thread runs handlers and never blocks; the producer thread runs delivery
 * reports; the query threads run SQL; the follower owns the catalogue's reader; the ticker keeps
 * deadlines. A request belongs to one of them at a time (request.h says how it is handed over). */
#ifndef DS_API_API_H
#define DS_API_API_H

#include "base/runtime.h"

struct ds_api_settings {
    const char *bind;
    int64_t port; /* 0: any free one */
    int64_t threads;
    const char *brokers;
    const char *database_url; /* empty: no queries */
    const char *jwt_secret;
    const char *jwt_secret_previous;
    const char *jwt_issuer;
    const char *jwt_audience;
    const char *token_secret;
    const char *webhook_secret;
    const char *payment_provider;
    const char *cors_origins;
    const char *trusted_proxies;
    bool behind_tls;
    bool metrics_on_main;
    bool keys_strict;
    int64_t body_max_bytes;
    int64_t webhook_max_bytes;
    int64_t bulk_max_bytes;
    int64_t request_timeout_us;
    int64_t query_timeout_us;
    int64_t query_threads;
    int64_t query_queue_max;
    int64_t message_timeout_us;
    int64_t in_flight_max;
    int64_t connections_max;
    int64_t connections_per_address_max;
    int64_t behind_wait_us;
    int64_t catalog_fresh_us;
    int64_t rate_anonymous;
    int64_t rate_person;
    int64_t rate_staff;
    int64_t rate_store;
    int64_t rate_replicas;
};

extern const struct ds_option ds_api_options[];
extern const struct ds_role ds_role_api;

typedef struct ds_api ds_api_t;

/** @brief Start serving in threads of its own. `settings` is borrowed until ds_api_stop.
 * DS_ERR_INVALID: a setting is wrong; DS_ERR_IO: the port is taken. Kafka and PostgreSQL may be
 * away: then the answers say so. */
DS_MUST_CHECK bool ds_api_start(const struct ds_runtime *runtime,
                                const struct ds_api_settings *settings, ds_api_t **api_out,
                                ds_error_t *error);
/** @brief Take no new connections, finish what is under way (at most 6 s), free. NULL is fine. */
void ds_api_stop(ds_api_t *api);
/** @brief The port it listens on. */
int ds_api_port(const ds_api_t *api);

#endif
