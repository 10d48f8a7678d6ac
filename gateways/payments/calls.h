/* gateways/payments/calls.h - the payments gateway without Kafka: events in, reports out.
 *
 * A thread of its own calls the provider, many calls at once, and hands a report out for each
 * definite outcome. A timeout or a 5xx is unknown: the provider is asked again (1 s doubling to
 * 5 min, jittered) until it says, for 7 days also where payment has given the charge up. Every
 * request carries the key of its event, so nothing is charged twice, whoever repeats it.
 *
 * Threads: all functions from any thread; `report` is called from the calling thread without a lock
 * held, and may call ds_calls_reported. */
#ifndef DS_GATEWAYS_PAYMENTS_CALLS_H
#define DS_GATEWAYS_PAYMENTS_CALLS_H

#include "base/runtime.h"
#include "gateways/payments/ledger.h"

typedef struct ds_calls ds_calls_t;

struct ds_calls_config {
    const char *provider;     /* its name in reports */
    const char *provider_url; /* without a path */
    const char *provider_key;
    int64_t timeout_ms;     /* of one call */
    size_t in_flight_max;   /* calls at once */
    size_t outstanding_max; /* 0: DS_OUTSTANDING_DEFAULT */
    int64_t first_pause_us; /* 0: 1 s */
    int64_t max_pause_us;   /* 0: 5 min */
    /** A definite outcome. The command is borrowed for the call; `entry` is the ticket for
     *  ds_calls_reported. false: not sent, it comes again after a pause. */
    bool (*report)(void *context, const struct ds_payment_command *command, ds_str_t store,
                   struct ds_entry *entry, ds_error_t *error);
    void *context;
};

/** @brief Start the thread. The config's texts and runtime are borrowed until destroyed. */
DS_MUST_CHECK bool ds_calls_new(const struct ds_runtime *runtime,
                                const struct ds_calls_config *config, ds_calls_t **calls_out,
                                ds_error_t *error);
/** @brief Start no more calls, wait up to `wait_ms` for those under way, end the thread. No report
 *  is handed out afterwards. */
void ds_calls_stop(ds_calls_t *calls, int64_t wait_ms);
/** @brief Stop if need be, free. Every ticket must have been given back. NULL is fine. */
void ds_calls_destroy(ds_calls_t *calls);

/* The log, as in ledger.h. Events are acted on at ds_calls_go. */
void ds_calls_assigned(ds_calls_t *calls, int32_t partition);
void ds_calls_again(ds_calls_t *calls, int32_t partition);
void ds_calls_rebuilt(ds_calls_t *calls, int32_t partition);
void ds_calls_revoked(ds_calls_t *calls, int32_t partition);
DS_MUST_CHECK bool ds_calls_event(ds_calls_t *calls, int32_t partition,
                                  const struct ds_payment_event *event, ds_error_t *error);
/** @brief Look at what is new. */
void ds_calls_go(ds_calls_t *calls);
/** @brief What became of a report that was sent. */
void ds_calls_reported(ds_calls_t *calls, struct ds_entry *entry, bool kept);
size_t ds_calls_outstanding(ds_calls_t *calls);
bool ds_calls_has_room(ds_calls_t *calls);
/** @brief The provider answered the last call. */
bool ds_calls_provider_up(const ds_calls_t *calls);

#endif
