/* gateways/notifications/channels.h - the three ways to tell a customer.
 *
 *   email  SMTP on libcurl. Repeats of a notice are the same mail: same bytes, same Message-ID. A
 *          mail is sent when the server has answered its end with 250; a connection that breaks
 *          before that answer leaves it unknown, and the mail is sent again.
 *   push   a POST, signed after Standard Webhooks, to whoever pushes. `Idempotency-Key` and
 *          `webhook-id` are the notice's id.
 *   log    a line of the role's own log. No address, no name. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_CHANNELS_H
#define DS_GATEWAYS_NOTIFICATIONS_CHANNELS_H

#include "gateways/notifications/sender.h"
#include "gateways/notifications/templates.h"

enum ds_smtp_tls {
    DS_SMTP_PLAIN,    /* never: for a relay on this machine, and for tests */
    DS_SMTP_TRY,      /* STARTTLS where the server offers it */
    DS_SMTP_REQUIRED, /* STARTTLS or nothing */
};

/* All texts are borrowed. */

struct ds_email_config {
    const ds_templates_t *templates;
    const char *url; /* smtp://host[:port] or smtps://host[:port] */
    enum ds_smtp_tls tls;
    const char *ca_file; /* "": the system's */
    const char *user;    /* "": no login */
    const char *password;
    const char *from;      /* an address */
    const char *from_name; /* may be "" */
    int64_t timeout_ms;    /* of one mail, connecting included */
};

struct ds_push_config {
    const ds_templates_t *templates;
    const char *url;
    ds_bytes_t key; /* of the signature */
    int64_t timeout_ms;
};

extern const struct ds_channel_ops ds_email_ops; /* struct ds_email_config */
extern const struct ds_channel_ops ds_push_ops;  /* struct ds_push_config */
extern const struct ds_channel_ops ds_log_ops;   /* no config */

/** @brief What an answer of the mail server means. Pure; for tests.
 *  @param sent_ok   libcurl says that all is well.
 *  @param answered  the failure is the server's answer to MAIL, RCPT, DATA or the mail's end.
 *  @param status    the server's last code. */
enum ds_told ds_smtp_judge(bool sent_ok, bool answered, int status);
/** @brief What an answer of the push service means. @param status  0: none came. Pure. */
enum ds_told ds_push_judge(int status);

#endif
