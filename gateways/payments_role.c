/* The role `doorstep gateway payments`: payment.events in, payment.commands out.
 *
 * The main thread reads and never waits for the provider: calls have their own thread
 * (payments/calls.h), reports go out from there, and what became of them is heard here. */
#include "gateways/exchange/limits.h"
#include "gateways/gateways.h"
#include "gateways/payments/intake.h"
#include "schemas/framing.h"
#include "stream/command_writer.h"

#include <stdlib.h>

#define STOP_WAIT_MS 2000

struct settings {
    const char *brokers;
    const char *group_instance_id;
    const char *provider;
    const char *provider_url;
    const char *provider_key;
    int64_t timeout_us;
    int64_t in_flight_max;
    int64_t outstanding_max;
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
    {"outstanding", "PAYMENT_OUTSTANDING", DS_OPT_INT, offsetof(struct settings, outstanding_max),
     "524288", DS_OUTSTANDING_MIN, DS_OUTSTANDING_MAX, false, false,
     "Charges and refunds without an outcome that are kept in memory, some 500 bytes each; what is "
     "more waits in the log."},
    DS_OPTION_END,
};

struct gateway {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    ds_calls_t *calls;
    ds_intake_t *intake;
    ds_command_writer_t *writer;
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

static void tell_health(const struct gateway *gateway)
{
    const struct ds_health *health = gateway->runtime->health;
    if (ds_intake_current(gateway->intake) &&
        ds_framing_ready(gateway->runtime->framing, &ds_schema_payment_commands))
        atomic_store(&gateway->runtime->health->ready, true);
    const char *reading = ds_intake_waiting(gateway->intake);
    const char *schemas = ds_framing_waiting(gateway->runtime->framing);
    const char *waiting = reading != NULL                         ? reading
                          : schemas != NULL                       ? schemas
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
        .outstanding_max = (size_t)settings->outstanding_max,
        .report = send_report,
        .context = gateway,
    };
    return ds_calls_new(gateway->runtime, &config, &gateway->calls, error);
}

static bool start_intake(struct gateway *gateway, ds_error_t *error)
{
    const char *instance = gateway->settings->group_instance_id;
    const struct ds_intake_config config = {
        .brokers = gateway->settings->brokers,
        .group_instance_id = instance[0] == '\0' ? NULL : instance,
        .calls = gateway->calls,
    };
    return ds_intake_new(gateway->runtime, &config, &gateway->intake, error);
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
           start_calls(gateway, error) && start_intake(gateway, error);
}

/* First the calls, so that no report comes any more; then the writer, which still hears of those
 * that were sent; the ledger they are noted in goes last. */
static void stop(struct gateway *gateway)
{
    if (gateway->calls != NULL)
        ds_calls_stop(gateway->calls, STOP_WAIT_MS);
    if (gateway->writer != NULL)
        ds_command_writer_destroy(gateway->writer);
    ds_intake_destroy(gateway->intake);
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
        ok = ds_intake_turn(gateway->intake, error);
        (void)ds_command_writer_poll(gateway->writer, ds_intake_pause_ms(gateway->intake));
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
