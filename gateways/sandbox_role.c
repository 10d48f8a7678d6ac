/* The role `doorstep sandbox`. */
#include "gateways/gateways.h"
#include "gateways/sandbox/sandbox.h"

#include <time.h>

#define TURN_NS (100 * 1000 * 1000)

static const struct ds_option options[] = {
    {"sandbox-port", "SANDBOX_PORT", DS_OPT_INT, offsetof(struct ds_sandbox_settings, port), "9500",
     0, 65535, false, false, "Port of the provider's HTTP interface; 0: any free one."},
    {"sandbox-bind", "SANDBOX_BIND", DS_OPT_TEXT, offsetof(struct ds_sandbox_settings, bind),
     "127.0.0.1", 0, 0, false, false, "Its address (IPv4)."},
    {"sandbox-dir", "SANDBOX_DIR", DS_OPT_TEXT, offsetof(struct ds_sandbox_settings, dir),
     "sandbox-books", 0, 0, false, false, "Folder of the provider's books; made when missing."},
    {"provider-key", "PAYMENT_PROVIDER_KEY", DS_OPT_TEXT,
     offsetof(struct ds_sandbox_settings, provider_key), NULL, 0, 0, true, true,
     "Bearer key that callers must show."},
    {"webhook-url", "WEBHOOK_URL", DS_OPT_TEXT, offsetof(struct ds_sandbox_settings, webhook_url),
     "", 0, 0, false, false, "Where webhooks go; empty: none are sent."},
    {"webhook-secret", "WEBHOOK_SECRET", DS_OPT_TEXT,
     offsetof(struct ds_sandbox_settings, webhook_secret), "", 0, 0, false, true,
     "Signs webhooks: whsec_ and base64 of at least 16 bytes."},
    DS_OPTION_END,
};

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    ds_sandbox_t *sandbox;
    (void)argc, (void)argv;
    if (!ds_sandbox_start(runtime, settings, &sandbox, error))
        return error->code == DS_ERR_INVALID ? 2 : 1;
    ds_log(&runtime->log, DS_LOG_INFO, "sandbox.ready", "the sandbox provider answers",
           DS_F_INT("port", ds_sandbox_port(sandbox)));
    atomic_store(&runtime->health->ready, true);
    bool ok = true;
    while (ok && !ds_stopping(runtime)) {
        const struct timespec turn = {0, TURN_NS};
        (void)nanosleep(&turn, NULL); /* a signal ends it */
        ds_health_turn(runtime);
        ok = ds_sandbox_healthy(sandbox) ||
             ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "the books cannot be written");
    }
    atomic_store(&runtime->health->draining, true);
    ds_sandbox_stop(sandbox);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_sandbox = {
    .name = "sandbox",
    .summary = "a payment provider that charges nobody, with books of its own",
    .examples = "  PAYMENT_PROVIDER_KEY=... doorstep sandbox --sandbox-dir /var/lib/doorstep\n"
                "  curl -X PUT -H \"Authorization: Bearer $PAYMENT_PROVIDER_KEY\" "
                "-d '{\"mode\":\"silent\"}' \\\n"
                "       http://127.0.0.1:9500/v1/control     # an outage; \"ok\" ends it\n",
    .options = options,
    .settings_bytes = sizeof(struct ds_sandbox_settings),
    .is_server = true,
    .run = run,
};
