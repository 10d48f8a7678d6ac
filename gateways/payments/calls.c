#include "gateways/payments/calls.h"

#include "gateways/exchange/exchange.h"
#include "gateways/payments/report.h"

#include <pthread.h>
#include <stdlib.h>

#define IDLE_TURN_MS 500

/** A call under way. */
struct call {
    ds_calls_t *calls;
    struct ds_entry *entry;
    bool asks;
    bool is_again; /* the entry's `again`: counts against the share of those asked again */
    struct call *next;
};

struct meters {
    ds_metric_t *calls[DS_VERDICT_UNKNOWN + 1];
    ds_metric_t *again;
    ds_metric_t *outstanding;
    ds_metric_t *given_up;
    ds_metric_t *dropped;
    ds_metric_t *seconds;
};

struct ds_calls {
    const struct ds_runtime *runtime;
    struct ds_calls_config config;
    ds_exchanges_t *exchanges;          /* the thread's */
    struct ds_provider_request request; /* the thread's, used anew for each call */
    struct call *slots;                 /* in_flight_max of them */
    struct call *free;
    size_t again_in_flight;
    pthread_mutex_t lock;
    ds_ledger_t *ledger; /* under lock */
    pthread_t thread;
    bool thread_runs;
    atomic_bool stopping;
    _Atomic int64_t stop_at_us; /* monotonic; calls under way are waited for until then */
    atomic_bool provider_up;
    struct meters meters;
    size_t dropped_told; /* the thread's, as the next */
    bool filling_told;
};

static int64_t now_of(const ds_calls_t *calls)
{
    return ds_monotonic_us(calls->runtime->clock);
}

/* --- one call ----------------------------------------------------------------------------------
 */

static void log_answer(const ds_calls_t *calls, const struct ds_entry *entry, int status,
                       const char *why, const struct ds_provider_answer *answer)
{
    ds_log_t log = calls->runtime->log;
    log.order_id = entry->call.order_id;
    log.correlation_id = entry->correlation_id;
    enum ds_log_level level = answer->alarming                        ? DS_LOG_ERROR
                              : answer->verdict == DS_VERDICT_UNKNOWN ? DS_LOG_WARN
                                                                      : DS_LOG_DEBUG;
    ds_log(&log, level, "payments.answer", "the provider's answer",
           DS_F_TEXT("key", entry->call.key),
           DS_F_CSTR("verdict", ds_verdict_text(answer->verdict)), DS_F_INT("status", status),
           DS_F_CSTR("detail", why != NULL ? why : answer->detail),
           DS_F_INT("attempt", entry->attempt));
}

static void start_call(ds_calls_t *calls, struct call *call);

static void give_back(ds_calls_t *calls, struct call *call, const struct ds_provider_answer *answer,
                      bool unsent, int64_t retry_after_us)
{
    pthread_mutex_lock(&calls->lock);
    bool once_more =
        ds_ledger_called(calls->ledger, call->entry, answer, unsent, retry_after_us, now_of(calls));
    pthread_mutex_unlock(&calls->lock);
    if (once_more && !atomic_load(&calls->stopping)) {
        start_call(calls, call);
        return;
    }
    if (once_more) {
        /* Stopping: whoever comes next does it. */
        static const struct ds_provider_answer unknown = {.verdict = DS_VERDICT_UNKNOWN};
        pthread_mutex_lock(&calls->lock);
        (void)ds_ledger_called(calls->ledger, call->entry, &unknown, true, 0, now_of(calls));
        pthread_mutex_unlock(&calls->lock);
    }
    calls->again_in_flight -= call->is_again;
    call->next = calls->free;
    calls->free = call;
}

static void on_answer(void *context, const struct ds_exchange_answer *answer)
{
    struct call *call = context;
    ds_calls_t *calls = call->calls;
    struct ds_provider_answer said;
    ds_provider_judge(&call->entry->call, call->asks, answer->status, answer->body, &said);
    log_answer(calls, call->entry, answer->status, answer->why, &said);
    ds_metric_add(calls->meters.calls[said.verdict], 1);
    ds_metric_observe_us(calls->meters.seconds, answer->took_us);
    atomic_store(&calls->provider_up, answer->status != 0 && answer->status < 500);
    give_back(calls, call, &said, answer->unsent, answer->retry_after_s * DS_US_PER_S);
}

/* The request could not be made: nothing was sent. Asked again like any other, and an error in the
 * log each time. */
static void not_started(ds_calls_t *calls, struct call *call, const ds_error_t *error)
{
    struct ds_provider_answer answer = {.verdict = DS_VERDICT_UNKNOWN, .alarming = true};
    log_answer(calls, call->entry, 0, error->message, &answer);
    give_back(calls, call, &answer, true, 0);
}

static void start_call(ds_calls_t *calls, struct call *call)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_entry *entry = call->entry;
    call->asks = entry->ask_first;
    bool ok =
        ds_provider_request_make(&calls->request, calls->config.provider_url,
                                 calls->config.provider_key, &entry->call, call->asks, &error);
    struct ds_http_request request = {
        .method = calls->request.method,
        .url = (const char *)calls->request.url.data, /* ends with a NUL */
        .headers = calls->request.headers,
        .body = ds_buf_bytes(&calls->request.body),
        .timeout_ms = calls->config.timeout_ms,
    };
    if (!ok || !ds_exchanges_start(calls->exchanges, &request, on_answer, call, &error))
        not_started(calls, call, &error);
}

/* --- the thread --------------------------------------------------------------------------------
 */

static bool may_ask_again(const ds_calls_t *calls)
{
    return calls->again_in_flight < calls->config.in_flight_max / DS_RETRY_SHARE_DIVISOR;
}

static void start_calls(ds_calls_t *calls)
{
    while (calls->free != NULL) {
        pthread_mutex_lock(&calls->lock);
        struct ds_entry *entry =
            ds_ledger_take_call(calls->ledger, now_of(calls), may_ask_again(calls));
        pthread_mutex_unlock(&calls->lock);
        if (entry == NULL)
            return;
        struct call *call = calls->free;
        calls->free = call->next;
        call->entry = entry;
        call->is_again = entry->again;
        calls->again_in_flight += call->is_again;
        if (call->is_again)
            ds_metric_add(calls->meters.again, 1);
        start_call(calls, call);
    }
}

static void send_reports(ds_calls_t *calls)
{
    for (;;) {
        pthread_mutex_lock(&calls->lock);
        struct ds_entry *entry = ds_ledger_take_report(calls->ledger, now_of(calls));
        pthread_mutex_unlock(&calls->lock);
        if (entry == NULL)
            return;
        ds_id_t id;
        struct ds_payment_command command;
        ds_error_t error = DS_ERROR_INIT;
        if (ds_report_make(entry, calls->config.provider, ds_now_us(calls->runtime->clock), &id,
                           &command, &error) &&
            calls->config.report(calls->config.context, &command, ds_id_store(entry->call.order_id),
                                 entry, &error))
            continue; /* the entry is the reporter's until ds_calls_reported */
        ds_log_error(&calls->runtime->log, DS_LOG_WARN, "payments.report", &error);
        ds_calls_reported(calls, entry, false);
    }
}

/* What was given up and is too old, or too much. */
static void look_after_given_up(ds_calls_t *calls)
{
    pthread_mutex_lock(&calls->lock);
    ds_ledger_expire(calls->ledger, ds_now_us(calls->runtime->clock));
    size_t dropped = ds_ledger_dropped(calls->ledger) - calls->dropped_told;
    pthread_mutex_unlock(&calls->lock);
    if (dropped == 0)
        return;
    calls->dropped_told += dropped;
    ds_metric_add(calls->meters.dropped, (int64_t)dropped);
    ds_log(&calls->runtime->log, DS_LOG_WARN, "payments.dropped",
           "too much is outstanding: the oldest charges given up are asked for no more",
           DS_F_INT("charges", (int64_t)dropped));
}

/* In time for somebody to give it more room; again only when half of it has been free. */
static void look_after_room(ds_calls_t *calls)
{
    pthread_mutex_lock(&calls->lock);
    size_t outstanding = ds_ledger_outstanding(calls->ledger);
    size_t given_up = ds_ledger_given_up(calls->ledger);
    size_t max = ds_ledger_max(calls->ledger);
    bool has_room = ds_ledger_has_room(calls->ledger);
    pthread_mutex_unlock(&calls->lock);
    ds_metric_set(calls->meters.outstanding, (int64_t)outstanding);
    ds_metric_set(calls->meters.given_up, (int64_t)given_up);
    if (outstanding < max / 4 * 3 || calls->filling_told) {
        calls->filling_told = calls->filling_told && !has_room;
        return;
    }
    calls->filling_told = true;
    ds_log(&calls->runtime->log, DS_LOG_WARN, "payments.filling",
           "three quarters of what may be outstanding is",
           DS_F_INT("outstanding", (int64_t)outstanding), DS_F_INT("max", (int64_t)max));
}

/* Until something is due; what comes from outside wakes the thread. */
static int turn_ms(ds_calls_t *calls)
{
    int64_t due_us = 0;
    pthread_mutex_lock(&calls->lock);
    bool waits =
        ds_ledger_next_due(calls->ledger, calls->free != NULL && may_ask_again(calls), &due_us);
    pthread_mutex_unlock(&calls->lock);
    int64_t left_us = due_us - now_of(calls);
    if (!waits || left_us > IDLE_TURN_MS * DS_US_PER_MS)
        return IDLE_TURN_MS;
    return left_us <= 0 ? 0 : (int)(left_us / DS_US_PER_MS) + 1;
}

static void *run(void *context)
{
    ds_calls_t *calls = context;
    while (!atomic_load(&calls->stopping)) {
        look_after_given_up(calls);
        look_after_room(calls);
        start_calls(calls);
        send_reports(calls);
        ds_exchanges_turn(calls->exchanges, turn_ms(calls));
    }
    while (ds_exchanges_in_flight(calls->exchanges) > 0 &&
           now_of(calls) < atomic_load(&calls->stop_at_us)) {
        ds_exchanges_turn(calls->exchanges, 10);
        send_reports(calls);
    }
    send_reports(calls);
    return NULL;
}

/* --- outside -----------------------------------------------------------------------------------
 */

static void make_meters(ds_calls_t *calls)
{
    ds_metrics_t *metrics = calls->runtime->metrics;
    for (int i = 0; i <= DS_VERDICT_UNKNOWN; i++) {
        const struct ds_label labels[] = {{"outcome", ds_verdict_text((enum ds_verdict)i)},
                                          {NULL, NULL}};
        calls->meters.calls[i] =
            ds_metrics_get(metrics, DS_COUNTER, "doorstep_payments_calls_total",
                           "Calls to the payment provider, by outcome.", labels);
    }
    calls->meters.again =
        ds_metrics_get(metrics, DS_COUNTER, "doorstep_payments_asked_again_total",
                       "Charges and refunds taken up again, because it was not known.", NULL);
    calls->meters.outstanding =
        ds_metrics_get(metrics, DS_GAUGE, "doorstep_payments_outstanding",
                       "Charges and refunds whose outcome is not in the log.", NULL);
    calls->meters.given_up =
        ds_metrics_get(metrics, DS_GAUGE, "doorstep_payments_given_up",
                       "Charges that failed for want of an answer, and are asked for.", NULL);
    calls->meters.dropped =
        ds_metrics_get(metrics, DS_COUNTER, "doorstep_payments_given_up_dropped_total",
                       "Those of them asked for no more because there was too much.", NULL);
    calls->meters.seconds = ds_metrics_get(metrics, DS_HISTOGRAM, "doorstep_payments_call_seconds",
                                           "Time of a call to the payment provider.", NULL);
}

static bool make_slots(ds_calls_t *calls)
{
    calls->slots = calloc(calls->config.in_flight_max, sizeof *calls->slots);
    for (size_t i = 0; calls->slots != NULL && i < calls->config.in_flight_max; i++) {
        calls->slots[i].calls = calls;
        calls->slots[i].next = calls->free;
        calls->free = &calls->slots[i];
    }
    return calls->slots != NULL;
}

bool ds_calls_new(const struct ds_runtime *runtime, const struct ds_calls_config *config,
                  ds_calls_t **calls_out, ds_error_t *error)
{
    *calls_out = NULL;
    ds_calls_t *calls = calloc(1, sizeof *calls);
    if (calls == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "calls");
    calls->runtime = runtime;
    calls->config = *config;
    atomic_store(&calls->provider_up, true);
    pthread_mutex_init(&calls->lock, NULL);
    ds_provider_request_init(&calls->request);
    make_meters(calls);
    struct ds_ledger_config ledger = {
        .random = runtime->random,
        .provider = config->provider,
        .first_pause_us = config->first_pause_us,
        .max_pause_us = config->max_pause_us,
        .max_entries = config->outstanding_max,
    };
    calls->ledger = ds_ledger_new(&ledger);
    /* One more: an answer may start the next exchange while its own slot is still taken. */
    calls->exchanges = ds_exchanges_new(config->in_flight_max + 1, DS_MAX_PROVIDER_BODY_BYTES);
    if (calls->ledger != NULL)
        ds_metric_set(
            ds_metrics_get(runtime->metrics, DS_GAUGE, "doorstep_payments_outstanding_max",
                           "How many may be; those given up count, until they have to go.", NULL),
            (int64_t)ds_ledger_max(calls->ledger));
    bool ok = calls->ledger != NULL && calls->exchanges != NULL && make_slots(calls) &&
              pthread_create(&calls->thread, NULL, run, calls) == 0;
    calls->thread_runs = ok;
    if (!ok) {
        ds_calls_destroy(calls);
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "calls: memory or thread");
    }
    *calls_out = calls;
    return true;
}

void ds_calls_stop(ds_calls_t *calls, int64_t wait_ms)
{
    if (!calls->thread_runs)
        return;
    atomic_store(&calls->stop_at_us, now_of(calls) + wait_ms * DS_US_PER_MS);
    atomic_store(&calls->stopping, true);
    ds_exchanges_wake(calls->exchanges);
    (void)pthread_join(calls->thread, NULL);
    calls->thread_runs = false;
}

void ds_calls_destroy(ds_calls_t *calls)
{
    if (calls == NULL)
        return;
    ds_calls_stop(calls, 0);
    ds_exchanges_destroy(calls->exchanges); /* gives entries back to the ledger */
    ds_ledger_destroy(calls->ledger);
    ds_provider_request_cleanup(&calls->request);
    free(calls->slots);
    pthread_mutex_destroy(&calls->lock);
    free(calls);
}

void ds_calls_assigned(ds_calls_t *calls, int32_t partition)
{
    pthread_mutex_lock(&calls->lock);
    ds_ledger_assigned(calls->ledger, partition);
    pthread_mutex_unlock(&calls->lock);
}

void ds_calls_again(ds_calls_t *calls, int32_t partition)
{
    pthread_mutex_lock(&calls->lock);
    ds_ledger_again(calls->ledger, partition);
    pthread_mutex_unlock(&calls->lock);
}

void ds_calls_rebuilt(ds_calls_t *calls, int32_t partition)
{
    pthread_mutex_lock(&calls->lock);
    ds_ledger_rebuilt(calls->ledger, partition);
    pthread_mutex_unlock(&calls->lock);
    ds_calls_go(calls);
}

void ds_calls_revoked(ds_calls_t *calls, int32_t partition)
{
    pthread_mutex_lock(&calls->lock);
    ds_ledger_revoked(calls->ledger, partition);
    pthread_mutex_unlock(&calls->lock);
}

bool ds_calls_event(ds_calls_t *calls, int32_t partition, const struct ds_payment_event *event,
                    ds_error_t *error)
{
    pthread_mutex_lock(&calls->lock);
    bool ok = ds_ledger_event(calls->ledger, partition, event, error);
    pthread_mutex_unlock(&calls->lock);
    return ok;
}

void ds_calls_go(ds_calls_t *calls)
{
    ds_exchanges_wake(calls->exchanges);
}

void ds_calls_reported(ds_calls_t *calls, struct ds_entry *entry, bool kept)
{
    pthread_mutex_lock(&calls->lock);
    ds_ledger_reported(calls->ledger, entry, kept, now_of(calls));
    pthread_mutex_unlock(&calls->lock);
    /* Not kept: due again in 100 ms or more, and the thread looks within half a second. */
}

size_t ds_calls_outstanding(ds_calls_t *calls)
{
    pthread_mutex_lock(&calls->lock);
    size_t outstanding = ds_ledger_outstanding(calls->ledger);
    pthread_mutex_unlock(&calls->lock);
    return outstanding;
}

bool ds_calls_has_room(ds_calls_t *calls)
{
    pthread_mutex_lock(&calls->lock);
    bool has_room = ds_ledger_has_room(calls->ledger);
    pthread_mutex_unlock(&calls->lock);
    return has_room;
}

bool ds_calls_provider_up(const ds_calls_t *calls)
{
    return atomic_load(&calls->provider_up);
}
