/* tests/component/gateways/smtp_server.h - a mail server that says what a test tells it to, on a
 * free port of the loopback. One thread takes one connection after the other. Nothing here waits
 * longer than five seconds. */
#ifndef DS_TESTS_SMTP_SERVER_H
#define DS_TESTS_SMTP_SERVER_H

#include <stddef.h>

#define SMTP_MAIL_BYTES 16384

/** What is answered at each point; NULL: all well. "" is silence, "!" hangs up. */
struct smtp_script {
    const char *greeting;
    const char *auth;
    const char *mail;
    const char *rcpt;
    const char *data;
    const char *within; /* the mail: after its first line */
    const char *end;
};

typedef struct smtp_server smtp_server_t;

smtp_server_t *smtp_server_start(const struct smtp_script *script);
void smtp_server_stop(smtp_server_t *server);
/** "smtp://127.0.0.1:port". */
const char *smtp_server_url(const smtp_server_t *server);
/** After the exchange: the last mail that was read whole, its envelope in front, one a line. */
const char *smtp_server_mail(smtp_server_t *server);
int smtp_server_mails(smtp_server_t *server);
int smtp_server_connections(smtp_server_t *server);

#endif
