/* gateways/notifications/mail.h - a mail as bytes: RFC 5322, MIME, UTF-8. Pure.
 *
 * The same notice always makes the same bytes, so that a repeat is recognised as one: the
 * Message-ID follows from the event, the date is the event's. No value can add a line to the head:
 * texts are encoded (RFC 2047) or quoted, addresses checked. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_MAIL_H
#define DS_GATEWAYS_NOTIFICATIONS_MAIL_H

#include "base/buf.h"

struct ds_mail {
    ds_str_t from;      /* an address */
    ds_str_t from_name; /* may be empty */
    ds_str_t to;        /* an address */
    ds_str_t subject;
    ds_str_t id;    /* Message-ID: <id@domain of from>; a dot-atom */
    ds_str_t event; /* "confirmed" */
    const char *language;
    int64_t date_us;
    ds_str_t text; /* lines that end with LF */
};

/** @brief Append the whole mail, lines ending with CRLF. INVALID: an address or the id is none.
 * LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_mail_write(const struct ds_mail *mail, ds_buf_t *out, ds_error_t *error);

/** @brief Append "Name: words" and CRLF, with encoded words (RFC 2047) and folding where plain
 * ASCII will not do. For tests too. */
DS_MUST_CHECK bool ds_mail_header(ds_buf_t *out, const char *name, ds_str_t words,
                                  ds_error_t *error);
/** @brief Append a text in quoted-printable (RFC 2045, 6.7), lines ending with CRLF. */
DS_MUST_CHECK bool ds_mail_quoted(ds_buf_t *out, ds_str_t text, ds_error_t *error);

#endif
