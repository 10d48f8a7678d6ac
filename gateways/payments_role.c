/* The role `doorstep gateway payments`: payment.events in, payment.commands out.
 *
 * The main thread reads and never waits for the provider: calls have their own thread
 * (payments/calls.h), reports go out from there, and what became of them is heard here. */
#include "base/limits.h"
#include "gateways/gateways.h"
#include "gateways/payments/calls.h"
#include "schemas/framing.h"
#include "stream/command_writer.h"
#include "stream/reader.h"

#include <stdlib.h>

#define GROUP_ID       "doorstep-gateway-payments"
#define POLL_MS        50
#define FULL_POLL_MS   5
#define AWAY_POLL_MS   100
#define END_TIMEOUT_MS 1000
#define HINT_US        DS_US_PER_S
#define STOP_WAIT_MS   2000
#define UNREADABLE_US  (30 * DS_US_PER_S)

struct settings {
    const char *brokers;
    const char *group_instance_id;
    const char *provider;
    const char *provider_url;
    const char *provider_key;
    int64_t timeout_us;
    int64_t in_flight_max;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"group-instance-id", "GROUP_INSTANCE_ID", DS_OPT_TEXT,
     offsetof(struct settings, group_instance_id), "", 0, 0, false, false,
     "Stable name of this process in its consumer group; empty: none."},
    {"provider", "PAYMENT_PROVIDER", DS_OPT_TEXT, offsetof(struct settings, provider), "sandbox", 0,
     0, false, false, "The payment provider's name, as events and webhooks call it."},
    {"provider-url", "PAYMENT_PROVIDER_URL", DS_OPT_TEXT, offsetof(struct settings, provider_url),
     "http://127.0.0.1:9500", 0, 0, false, false, "The payment provider's address."},
    {"provider-key", "PAYMENT_PROVIDER_KEY", DS_OPT_TEXT, offsetof(struct settings, provider_key),
     NULL, 0, 0, true, true, "Bearer key for the payment provider."},
    {"provider-timeout", "PAYMENT_PROVIDER_TIMEOUT", DS_OPT_DURATION,
     offsetof(struct settings, timeout_us), "5s", 10 * DS_US_PER_MS, 60 * DS_US_PER_S, false, false,
     "How long one call may take; then its outcome is unknown, and asked for."},
    {"provider-calls", "PAYMENT_PROVIDER_CALLS", DS_OPT_INT,
     offsetof(struct settings, in_flight_max), "64", 2, 256, false, false,
     "Calls to the payment provider at once."},
    DS_OPTION_END,
};

enum slot_state {
    SLOT_NONE,     /* not ours */
    SLOT_ASSIGNED, /* the end is not known yet */
    SLOT_READING,  /* towards that end */
    SLOT_CURRENT,  /* its charges may be called */
};

struct slot {
    enum slot_state state;
    int64_t end;
    int64_t hinted; /* the group's offset as last committed */
};

struct gateway {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    ds_calls_t *calls;
    ds_reader_t *reader;
    ds_command_writer_t *writer;
    struct slot slots[DS_MAX_PARTITIONS];
    int64_t quiet_until_us[DS_MAX_PARTITIONS]; /* not read before; an event there is not known */
    int64_t hint_at_us;
    bool kafka_away;
    bool unreadable;         /* one of those was met */
    ds_metric_t *reports[3]; /* by enum ds_command_outcome */
};

/* --- reports -----------------------------------------------------------------------------------
 */

struct ticket {
    struct gateway *gateway;
    struct ds_entry *entry;
};

static void on_report(void *context, const struct ds_command_report *report)
{
    struct ticket *ticket = context;
    struct gateway *gateway = ticket->gateway;
    ds_metric_add(gateway->reports[report->outcome], 1);
    /* One that may be in the log is sent again: the second would be a repeat of the same id. */
    ds_calls_reported(gateway->calls, ticket->entry, report->outcome == DS_COMMAND_KEPT);
    free(ticket);
}

static bool send_report(void *context, const struct ds_payment_command *command, ds_str_t store,
                        struct ds_entry *entry, ds_error_t *error)
{
    struct gateway *gateway = context;
    struct ticket *ticket = malloc(sizeof *ticket);
    if (ticket == NULL)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_MEMORY, "report");
    *ticket = (struct ticket){gateway, entry};
    if (ds_command_writer_send(gateway->writer, &ds_schema_payment_commands, command, store,
                               on_report, ticket, error))
        return true;
    free(ticket);
    return false;
}

/* --- partitions --------------------------------------------------------------------------------
 */

static bool on_assigned(void *context, int32_t partition, struct ds_log_place *places_out,
                        ds_error_t *error)
{
    struct gateway *gateway = context;
    if (ds_monotonic_us(gateway->runtime->clock) < gateway->quiet_until_us[partition])
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE,
                            "an event of this partition cannot be read");
    ds_calls_assigned(gateway->calls, partition);
    gateway->slots[partition] = (struct slot){.state = SLOT_ASSIGNED};
    places_out[0] = DS_PLACE_START;
    return true;
}

static void on_revoked(void *context, int32_t partition)
{
    struct gateway *gateway = context;
    ds_calls_revoked(gateway->calls, partition);
    gateway->slots[partition] = (struct slot){.state = SLOT_NONE};
}

/* An event that this version does not know may be one to act on, or the end of one: skipping it
 * could charge what was cancelled. The partition is read anew after a pause, and waits like that
 * for a version that knows the event. */
static void drop(struct gateway *gateway, int32_t partition)
{
    gateway->unreadable = true;
    gateway->quiet_until_us[partition] = ds_monotonic_us(gateway->runtime->clock) + UNREADABLE_US;
    on_revoked(gateway, partition);
    ds_reader_drop(gateway->reader, partition);
}

/* Nothing is called before all that the log knows has been read: the outcome may stand there. */
static void follow_up(struct gateway *gateway, int32_t partition)
{
    struct slot *slot = &gateway->slots[partition];
    ds_error_t error = DS_ERROR_INIT;
    if (slot->state == SLOT_ASSIGNED) {
        if (!ds_reader_end(gateway->reader, 0, partition, END_TIMEOUT_MS, &slot->end, &error))
            return; /* asked again with the next turn */
        slot->state = SLOT_READING;
    }
    if (slot->state != SLOT_READING ||
        ds_reader_next_offset(gateway->reader, 0, partition) < slot->end)
        return;
    slot->state = SLOT_CURRENT;
    ds_calls_rebuilt(gateway->calls, partition);
    ds_log_t log = gateway->runtime->log;
    log.topic = ds_schema_payment_events.topic;
    log.partition = partition;
    log.offset = slot->end;
    ds_log(&log, DS_LOG_INFO, "payments.rebuilt", "what is outstanding is known",
           DS_F_INT("outstanding", (int64_t)ds_calls_outstanding(gateway->calls)));
}

static void hint(struct gateway *gateway, int32_t partition)
{
    struct slot *slot = &gateway->slots[partition];
    int64_t next = ds_reader_next_offset(gateway->reader, 0, partition);
    if (slot->state != SLOT_CURRENT || next == slot->hinted)
        return;
    ds_reader_commit_hint(gateway->reader, partition, next);
    slot->hinted = next;
}

static void look_after_partitions(struct gateway *gateway)
{
    int64_t now = ds_monotonic_us(gateway->runtime->clock);
    bool hints = now >= gateway->hint_at_us;
    bool any = false, all = true;
    if (hints)
        gateway->hint_at_us = now + HINT_US;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        if (gateway->slots[p].state == SLOT_NONE)
            continue;
        if (gateway->slots[p].state != SLOT_CURRENT && !gateway->kafka_away)
            follow_up(gateway, p);
        if (hints)
            hint(gateway, p);
        any = true;
        all = all && gateway->slots[p].state == SLOT_CURRENT;
    }
    if (any && all && ds_framing_ready(gateway->runtime->framing, &ds_schema_payment_commands))
        atomic_store(&gateway->runtime->health->ready, true);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void log_record(const struct gateway *gateway, const struct ds_read_record *record,
                       const char *code, const ds_error_t *error)
{
    ds_log_t log = gateway->runtime->log;
    log.topic = ds_schema_payment_events.topic;
    log.partition = record->partition;
    log.offset = record->place.offset;
    ds_log_error(&log, DS_LOG_ERROR, code, error);
}

static bool take_record(struct gateway *gateway, const struct ds_read_record *record,
                        ds_error_t *error)
{
    ds_error_t cause = DS_ERROR_INIT;
    if (gateway->slots[record->partition].state == SLOT_NONE)
        return true; /* dropped earlier in this batch */
    if (record->undecodable) {
        ds_error_set(&cause, DS_DOMAIN_SCHEMA, DS_ERR_UNKNOWN,
                     "an event cannot be read; its partition waits for a version that can");
        log_record(gateway, record, "payments.unreadable", &cause);
        drop(gateway, record->partition);
        return true;
    }
    if (ds_calls_event(gateway->calls, record->partition, record->event, &cause))
        return true;
    log_record(gateway, record, "payments.event", &cause);
    if (cause.code == DS_ERR_INVALID)
        return true; /* it could not be called either: for people to look at */
    *error = cause;
    return false;
}

static bool take_batch(struct gateway *gateway, const struct ds_read_batch *batch,
                       ds_error_t *error)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!take_record(gateway, &batch->records[i], error))
            return false;
    if (batch->count > 0)
        ds_calls_go(gateway->calls);
    return true;
}

/* Calls under way are many: let them be made before more is read. */
static bool turn(struct gateway *gateway, ds_error_t *error)
{
    struct ds_read_batch batch;
    ds_error_t cause = DS_ERROR_INIT;
    if (ds_calls_untried(gateway->calls) >= DS_MAX_UNTRIED) {
        (void)ds_command_writer_poll(gateway->writer, FULL_POLL_MS);
        return true;
    }
    if (ds_reader_poll(gateway->reader, POLL_MS, &batch, &cause)) {
        gateway->kafka_away = false;
        (void)ds_command_writer_poll(gateway->writer, 0);
        return take_batch(gateway, &batch, error);
    }
    if (cause.code == DS_ERR_NOT_OWNER) { /* another process bears our name in the group */
        *error = cause;
        return false;
    }
    gateway->kafka_away = cause.code == DS_ERR_UNAVAILABLE;
    if (!gateway->kafka_away)
        ds_log_error(&gateway->runtime->log, DS_LOG_ERROR, "payments.read", &cause);
    (void)ds_command_writer_poll(gateway->writer, AWAY_POLL_MS);
    return true;
}

static void tell_health(const struct gateway *gateway)
{
    const struct ds_health *health = gateway->runtime->health;
    const char *schemas = ds_reader_waiting(gateway->reader);
    if (schemas == NULL)
        schemas = ds_framing_waiting(gateway->runtime->framing);
    const char *waiting = gateway->kafka_away                     ? "kafka is away"
                          : schemas != NULL                       ? schemas
                          : gateway->unreadable                   ? "an event cannot be read"
                          : !atomic_load(&health->ready)          ? "reading payment.events"
                          : !ds_calls_provider_up(gateway->calls) ? "the payment provider is away"
                                                                  : NULL;
    atomic_store(&gateway->runtime->health->waiting, waiting);
    ds_health_turn(gateway->runtime);
}

/* --- the role ----------------------------------------------------------------------------------
 */

static bool start_calls(struct gateway *gateway, ds_error_t *error)
{
    const struct settings *settings = gateway->settings;
    struct ds_calls_config config = {
        .provider = settings->provider,
        .provider_url = settings->provider_url,
        .provider_key = settings->provider_key,
        .timeout_ms = settings->timeout_us / DS_US_PER_MS,
        .in_flight_max = (size_t)settings->in_flight_max,
        .report = send_report,
        .context = gateway,
    };
    return ds_calls_new(gateway->runtime, &config, &gateway->calls, error);
}

static bool start_reader(struct gateway *gateway, ds_error_t *error)
{
    static const struct ds_schema *const topics[] = {&ds_schema_payment_events};
    const char *instance = gateway->settings->group_instance_id;
    struct ds_reader_config config = {
        .brokers = gateway->settings->brokers,
        .client_id = "gateway-payments",
        .group_id = GROUP_ID,
        .group_instance_id = instance[0] == '\0' ? NULL : instance,
        .topics = topics,
        .topic_count = 1,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .context = gateway,
    };
    return ds_reader_new(gateway->runtime, &config, &gateway->reader, error);
}

static bool start(struct gateway *gateway, ds_error_t *error)
{
    static const char *const outcomes[] = {"kept", "not_kept", "unknown"};
    for (int i = 0; i < 3; i++) {
        const struct ds_label labels[] = {{"outcome", outcomes[i]}, {NULL, NULL}};
        gateway->reports[i] =
            ds_metrics_get(gateway->runtime->metrics, DS_COUNTER, "doorstep_payments_reports_total",
                           "Reports to the payment processor, by what became of them.", labels);
    }
    struct ds_command_writer_config writer = {.brokers = gateway->settings->brokers,
                                              .client_id = "gateway-payments"};
    return ds_command_writer_new(gateway->runtime, &writer, &gateway->writer, error) &&
           start_calls(gateway, error) && start_reader(gateway, error);
}

/* First the calls, so that no report comes any more; then the writer, which still hears of those
 * that were sent; the ledger they are noted in goes last. */
static void stop(struct gateway *gateway)
{
    if (gateway->calls != NULL)
        ds_calls_stop(gateway->calls, STOP_WAIT_MS);
    if (gateway->writer != NULL)
        ds_command_writer_destroy(gateway->writer);
    if (gateway->reader != NULL)
        ds_reader_destroy(gateway->reader);
    ds_calls_destroy(gateway->calls);
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argc, (void)argv;
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL) {
        ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "gateway");
        return 1;
    }
    gateway->runtime = runtime;
    gateway->settings = settings;
    bool ok = start(gateway, error);
    while (ok && !ds_stopping(runtime)) {
        ok = turn(gateway, error);
        look_after_partitions(gateway);
        tell_health(gateway);
    }
    atomic_store(&runtime->health->draining, true);
    stop(gateway);
    free(gateway);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_gateway_payments = {
    .name = "gateway payments",
    .summary = "calls the payment provider for what payment.events asks",
    .examples = "  PAYMENT_PROVIDER_KEY=... doorstep gateway payments \\\n"
                "      --provider-url http://127.0.0.1:9500\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .is_server = true,
    .run = run,
};
