/* The role `doorstep notifications`: tells customers what happens to their orders.
 *
 * The main thread reads and notes (notifications/follower.h); each channel has threads of its own
 * (notifications/sender.h), so that a mail server that hangs holds up neither. */
#include "base/contact.h"
#include "base/webhook_signature.h"
#include "gateways/gateways.h"
#include "gateways/notifications/channels.h"
#include "gateways/notifications/follower.h"

#include <stdlib.h>

#define STOP_WAIT_MS 2000

struct settings {
    const char *brokers;
    const char *group_instance_id;
    const char *smtp_url;
    const char *smtp_tls;
    const char *smtp_ca_file;
    const char *smtp_user;
    const char *smtp_password;
    const char *smtp_from;
    const char *smtp_from_name;
    const char *push_url;
    const char *push_secret;
    bool log_notices;
    const char *templates;
    const char *language;
    int64_t max_age_us;
    int64_t timeout_us;
    int64_t max_pause_us;
    int64_t connections;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"group-instance-id", "GROUP_INSTANCE_ID", DS_OPT_TEXT,
     offsetof(struct settings, group_instance_id), "", 0, 0, false, false,
     "Stable name of this process in its consumer group; empty: none."},
    {"smtp-url", "SMTP_URL", DS_OPT_TEXT, offsetof(struct settings, smtp_url), "", 0, 0, false,
     false, "The mail server, as smtp://host:port or smtps://host:port; empty: no mails."},
    {"smtp-tls", "SMTP_TLS", DS_OPT_TEXT, offsetof(struct settings, smtp_tls), "required", 0, 0,
     false, false, "STARTTLS on smtp://: required, try (where it is offered), or none."},
    {"smtp-ca-file", "SMTP_CA_FILE", DS_OPT_TEXT, offsetof(struct settings, smtp_ca_file), "", 0, 0,
     false, false, "Certificates to trust the mail server by; empty: the system's."},
    {"smtp-user", "SMTP_USER", DS_OPT_TEXT, offsetof(struct settings, smtp_user), "", 0, 0, false,
     false, "User at the mail server; empty: no login."},
    {"smtp-password", "SMTP_PASSWORD", DS_OPT_TEXT, offsetof(struct settings, smtp_password), "", 0,
     0, false, true, "Password at the mail server."},
    {"smtp-from", "SMTP_FROM", DS_OPT_TEXT, offsetof(struct settings, smtp_from), "", 0, 0, false,
     false, "Address the mails come from; needed with a mail server."},
    {"smtp-from-name", "SMTP_FROM_NAME", DS_OPT_TEXT, offsetof(struct settings, smtp_from_name), "",
     0, 0, false, false, "Name beside that address."},
    {"push-url", "PUSH_URL", DS_OPT_TEXT, offsetof(struct settings, push_url), "", 0, 0, false,
     false, "Where pushes are posted to; empty: none."},
    {"push-secret", "PUSH_SECRET", DS_OPT_TEXT, offsetof(struct settings, push_secret), "", 0, 0,
     false, true, "Signs pushes (Standard Webhooks): whsec_ and base64; needed with push-url."},
    {"notify-log", "NOTIFY_LOG", DS_OPT_BOOL, offsetof(struct settings, log_notices), "1", 0, 0,
     false, false, "A line of the log for each notice, without personal data."},
    {"notify-templates", "NOTIFY_TEMPLATES", DS_OPT_TEXT, offsetof(struct settings, templates), "",
     0, 0, false, false, "Folder with the templates; empty: those compiled in."},
    {"notify-language", "NOTIFY_LANGUAGE", DS_OPT_TEXT, offsetof(struct settings, language), "en",
     0, 0, false, false, "Language where an order names none, or one without templates."},
    {"notify-max-age", "NOTIFY_MAX_AGE", DS_OPT_DURATION, offsetof(struct settings, max_age_us),
     "24h", DS_US_PER_S, 48 * 3600 * DS_US_PER_S, false, false,
     "What happened longer ago is told to nobody."},
    {"notify-timeout", "NOTIFY_TIMEOUT", DS_OPT_DURATION, offsetof(struct settings, timeout_us),
     "10s", 10 * DS_US_PER_MS, 60 * DS_US_PER_S, false, false,
     "How long one mail or push may take; then its outcome is unknown, and it is tried again."},
    {"notify-pause", "NOTIFY_PAUSE", DS_OPT_DURATION, offsetof(struct settings, max_pause_us), "5m",
     DS_US_PER_S, 3600 * DS_US_PER_S, false, false,
     "Longest pause between two attempts; the first is 1 s, then it doubles."},
    {"notify-connections", "NOTIFY_CONNECTIONS", DS_OPT_INT, offsetof(struct settings, connections),
     "4", 1, 16, false, false,
     "Notices sent at once on each channel; as many can be sent again after a crash."},
    DS_OPTION_END,
};

struct gateway {
    const struct ds_runtime *runtime;
    const struct settings *settings;
    ds_templates_t *templates;
    ds_buf_t push_key;
    struct ds_email_config email;
    struct ds_push_config push;
    ds_sender_t *senders[DS_CHANNELS];
    ds_follower_t *follower;
};

/* --- settings ----------------------------------------------------------------------------------
 */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool wrong(ds_error_t *error, const char *what)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "%s", what);
}

static bool take_tls(const char *text, enum ds_smtp_tls *tls_out, ds_error_t *error)
{
    static const struct {
        const char *word;
        enum ds_smtp_tls tls;
    } words[] = {{"required", DS_SMTP_REQUIRED}, {"try", DS_SMTP_TRY}, {"none", DS_SMTP_PLAIN}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i].word) != 0)
            continue;
        *tls_out = words[i].tls;
        return true;
    }
    return wrong(error, "smtp-tls: wanted required, try or none");
}

static bool is_one_line(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static bool take_email(struct gateway *gateway, ds_error_t *error)
{
    const struct settings *settings = gateway->settings;
    if (!begins_with(settings->smtp_url, "smtp://") && !begins_with(settings->smtp_url, "smtps://"))
        return wrong(error, "smtp-url: wanted smtp://host:port or smtps://host:port");
    if (strchr(settings->smtp_url, '@') != NULL)
        return wrong(error, "smtp-url: user and password go into smtp-user and smtp-password");
    if (!ds_email_valid(ds_str(settings->smtp_from)))
        return wrong(error, "smtp-from: wanted an address such as shop@shop.example");
    if (!is_one_line(settings->smtp_from_name) || !ds_utf8_valid(ds_str(settings->smtp_from_name)))
        return wrong(error, "smtp-from-name: wanted one line of UTF-8");
    gateway->email = (struct ds_email_config){
        .templates = gateway->templates,
        .url = settings->smtp_url,
        .ca_file = settings->smtp_ca_file,
        .user = settings->smtp_user,
        .password = settings->smtp_password,
        .from = settings->smtp_from,
        .from_name = settings->smtp_from_name,
        .timeout_ms = settings->timeout_us / DS_US_PER_MS,
    };
    return take_tls(settings->smtp_tls, &gateway->email.tls, error);
}

static bool take_push(struct gateway *gateway, ds_error_t *error)
{
    const struct settings *settings = gateway->settings;
    if (!begins_with(settings->push_url, "http://") && !begins_with(settings->push_url, "https://"))
        return wrong(error, "push-url: wanted http:// or https://");
    if (!ds_webhook_secret(ds_str(settings->push_secret), &gateway->push_key, error))
        return ds_error_prefix(error, "push-secret");
    gateway->push = (struct ds_push_config){
        .templates = gateway->templates,
        .url = settings->push_url,
        .key = ds_buf_bytes(&gateway->push_key),
        .timeout_ms = settings->timeout_us / DS_US_PER_MS,
    };
    return true;
}

/* --- start and end -----------------------------------------------------------------------------
 */

static bool start_sender(struct gateway *gateway, enum ds_channel channel,
                         const struct ds_channel_ops *ops, const void *config, ds_error_t *error)
{
    const struct ds_sender_config sender = {
        .channel = channel,
        .ops = ops,
        .channel_config = config,
        .threads = channel == DS_CHANNEL_LOG ? 1 : (size_t)gateway->settings->connections,
        .ledger = {.max_age_us = gateway->settings->max_age_us,
                   .max_pause_us = gateway->settings->max_pause_us},
    };
    return ds_sender_new(gateway->runtime, &sender, &gateway->senders[channel], error);
}

static bool start_channels(struct gateway *gateway, ds_error_t *error)
{
    const struct settings *settings = gateway->settings;
    if (settings->smtp_url[0] != '\0' &&
        (!take_email(gateway, error) ||
         !start_sender(gateway, DS_CHANNEL_EMAIL, &ds_email_ops, &gateway->email, error)))
        return false;
    if (settings->push_url[0] != '\0' &&
        (!take_push(gateway, error) ||
         !start_sender(gateway, DS_CHANNEL_PUSH, &ds_push_ops, &gateway->push, error)))
        return false;
    if (settings->log_notices && !start_sender(gateway, DS_CHANNEL_LOG, &ds_log_ops, NULL, error))
        return false;
    for (int c = 0; c < DS_CHANNELS; c++)
        if (gateway->senders[c] != NULL)
            return true;
    return wrong(error, "there is no channel: set smtp-url, push-url or notify-log");
}

static bool start(struct gateway *gateway, ds_error_t *error)
{
    struct ds_follower_config config = {
        .brokers = gateway->settings->brokers,
        .group_instance_id = gateway->settings->group_instance_id,
        .max_age_us = gateway->settings->max_age_us,
    };
    if (!ds_templates_load(gateway->settings->templates, gateway->settings->language,
                           &gateway->templates, error) ||
        !start_channels(gateway, error))
        return false;
    memcpy(config.senders, gateway->senders, sizeof config.senders);
    return ds_follower_new(gateway->runtime, &config, &gateway->follower, error);
}

/* First the channels, so that nothing more is told; then what was told is noted. */
static void stop(struct gateway *gateway)
{
    for (int c = 0; c < DS_CHANNELS; c++)
        if (gateway->senders[c] != NULL)
            ds_sender_stop(gateway->senders[c], STOP_WAIT_MS);
    ds_follower_destroy(gateway->follower);
    for (int c = 0; c < DS_CHANNELS; c++)
        ds_sender_destroy(gateway->senders[c]);
    ds_templates_destroy(gateway->templates);
    ds_buf_cleanup(&gateway->push_key);
}

static const char *channel_away(const struct gateway *gateway)
{
    if (gateway->senders[DS_CHANNEL_EMAIL] != NULL &&
        !ds_sender_up(gateway->senders[DS_CHANNEL_EMAIL]))
        return "the mail server is away";
    if (gateway->senders[DS_CHANNEL_PUSH] != NULL &&
        !ds_sender_up(gateway->senders[DS_CHANNEL_PUSH]))
        return "the push service is away";
    return NULL;
}

static void tell_health(const struct gateway *gateway)
{
    struct ds_health *health = gateway->runtime->health;
    const char *waiting = ds_follower_waiting(gateway->follower);
    if (ds_follower_current(gateway->follower))
        atomic_store(&health->ready, true);
    else if (ds_follower_refused(gateway->follower))
        atomic_store(&health->ready, false);
    if (waiting == NULL && !atomic_load(&health->ready))
        waiting = "reading the events";
    if (waiting == NULL)
        waiting = channel_away(gateway);
    atomic_store(&health->waiting, waiting);
    ds_health_turn(gateway->runtime);
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    (void)argc, (void)argv;
    struct gateway gateway = {.runtime = runtime, .settings = settings};
    ds_buf_init(&gateway.push_key, DS_WEBHOOK_SECRET_MAX_BYTES);
    bool ok = start(&gateway, error);
    while (ok && !ds_stopping(runtime)) {
        ok = ds_follower_turn(gateway.follower, error);
        tell_health(&gateway);
    }
    atomic_store(&runtime->health->draining, true);
    stop(&gateway);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_notifications = {
    .name = "notifications",
    .summary = "tells customers what happens to their orders: mail, push, log",
    .examples = "  SMTP_URL=smtp://mail.shop.example:587 SMTP_FROM=shop@shop.example \\\n"
                "      SMTP_USER=shop SMTP_PASSWORD=... doorstep notifications\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .is_server = true,
    .run = run,
};
