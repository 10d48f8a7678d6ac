#include "gateways/notifications/mail.h"

#include "base/clock.h"
#include "base/contact.h"
#include "base/crypto.h"

#include <inttypes.h>
#include <time.h>

#define PLAIN_WORDS_BYTES 60
/* With "=?UTF-8?B?", "?=" and the name of the header a line stays below 76. */
#define ENCODED_BYTES 36
#define QUOTED_CHARS  75 /* and the "=" of a soft break */

/* --- the head ----------------------------------------------------------------------------------
 */

static bool is_plain(ds_str_t words)
{
    for (uint32_t i = 0; i < words.len; i++)
        if (words.data[i] < ' ' || words.data[i] > '~' ||
            (words.data[i] == '=' && i + 1 < words.len && words.data[i + 1] == '?'))
            return false;
    return words.len <= PLAIN_WORDS_BYTES;
}

static bool append_encoded(ds_buf_t *out, ds_str_t words, ds_error_t *error)
{
    bool ok = true;
    while (ok && words.len > 0) {
        ds_str_t piece = ds_utf8_cut(words, ENCODED_BYTES);
        if (piece.len == 0) /* malformed: byte by byte */
            piece = (ds_str_t){words.data, 1};
        words = (ds_str_t){words.data + piece.len, words.len - piece.len};
        ok = ds_buf_append_text(out, "=?UTF-8?B?", error) &&
             ds_base64_append(out, (ds_bytes_t){(const uint8_t *)piece.data, piece.len}, error) &&
             ds_buf_append_text(out, words.len > 0 ? "?=\r\n " : "?=", error);
    }
    return ok;
}

bool ds_mail_header(ds_buf_t *out, const char *name, ds_str_t words, ds_error_t *error)
{
    return ds_buf_printf(out, error, "%s: ", name) &&
           (is_plain(words) ? ds_buf_append_str(out, words, error)
                            : append_encoded(out, words, error)) &&
           ds_buf_append_text(out, "\r\n", error);
}

/* A name in front of an address: quoted where that will do. */
static bool append_name(ds_buf_t *out, ds_str_t name, ds_error_t *error)
{
    if (!is_plain(name))
        return append_encoded(out, name, error) && ds_buf_append_text(out, " ", error);
    bool ok = ds_buf_append_char(out, '"', error);
    for (uint32_t i = 0; ok && i < name.len; i++) {
        char c = name.data[i];
        ok = ((c != '"' && c != '\\') || ds_buf_append_char(out, '\\', error)) &&
             ds_buf_append_char(out, c, error);
    }
    return ok && ds_buf_append_text(out, "\" ", error);
}

static bool append_from(ds_buf_t *out, const struct ds_mail *mail, ds_error_t *error)
{
    return ds_buf_append_text(out, "From: ", error) &&
           (mail->from_name.len == 0 || append_name(out, mail->from_name, error)) &&
           ds_buf_printf(out, error, "<%.*s>\r\n", DS_STR_ARG(mail->from));
}

/* RFC 5322, 3.3; names of days and months are not the locale's. */
static bool append_date(ds_buf_t *out, int64_t date_us, ds_error_t *error)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm utc;
    time_t seconds = (time_t)(date_us / DS_US_PER_S);
    if (gmtime_r(&seconds, &utc) == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "a mail's date");
    return ds_buf_printf(out, error, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n",
                         days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900,
                         utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static bool append_head(ds_buf_t *out, const struct ds_mail *mail, ds_error_t *error)
{
    return append_date(out, mail->date_us, error) && append_from(out, mail, error) &&
           ds_buf_printf(out, error, "To: <%.*s>\r\n", DS_STR_ARG(mail->to)) &&
           ds_mail_header(out, "Subject", mail->subject, error) &&
           ds_buf_printf(out, error, "Message-ID: <%.*s@%.*s>\r\n", DS_STR_ARG(mail->id),
                         DS_STR_ARG(ds_str_after(mail->from, '@'))) &&
           ds_buf_printf(out, error,
                         "X-Doorstep-Event: %.*s\r\n"
                         "Auto-Submitted: auto-generated\r\n"
                         "MIME-Version: 1.0\r\n"
                         "Content-Type: text/plain; charset=utf-8\r\n"
                         "Content-Transfer-Encoding: quoted-printable\r\n"
                         "Content-Language: %s\r\n\r\n",
                         DS_STR_ARG(mail->event), mail->language);
}

/* --- the text ----------------------------------------------------------------------------------
 */

static bool is_literal(ds_str_t line, uint32_t i)
{
    unsigned char c = (unsigned char)line.data[i];
    bool blank = c == ' ' || c == '\t';
    return (c > ' ' && c <= '~' && c != '=') || (blank && i + 1 < line.len);
}

static bool append_quoted_line(ds_buf_t *out, ds_str_t line, ds_error_t *error)
{
    size_t chars = 0;
    for (uint32_t i = 0; i < line.len; i++) {
        bool literal = is_literal(line, i);
        size_t width = literal ? 1 : 3;
        if (chars + width > QUOTED_CHARS) {
            if (!ds_buf_append_text(out, "=\r\n", error))
                return false;
            chars = 0;
        }
        chars += width;
        if (!(literal ? ds_buf_append_char(out, line.data[i], error)
                      : ds_buf_printf(out, error, "=%02X", (unsigned char)line.data[i])))
            return false;
    }
    return ds_buf_append_text(out, "\r\n", error);
}

bool ds_mail_quoted(ds_buf_t *out, ds_str_t text, ds_error_t *error)
{
    while (text.len > 0) {
        if (!append_quoted_line(out, ds_str_before(text, '\n'), error))
            return false;
        text = ds_str_after(text, '\n');
    }
    return true;
}

/* How much of an id is letters, digits and "-_.". */
static uint32_t plain_bytes(ds_str_t id)
{
    uint32_t i = 0;
    while (i < id.len &&
           ((id.data[i] >= 'a' && id.data[i] <= 'z') || (id.data[i] >= 'A' && id.data[i] <= 'Z') ||
            (id.data[i] >= '0' && id.data[i] <= '9') || id.data[i] == '-' || id.data[i] == '_' ||
            id.data[i] == '.'))
        i++;
    return i;
}

bool ds_mail_write(const struct ds_mail *mail, ds_buf_t *out, ds_error_t *error)
{
    if (!ds_email_valid(mail->from) || !ds_email_valid(mail->to))
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "an address of a mail is none");
    if (mail->id.len == 0 || plain_bytes(mail->id) != mail->id.len)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "a mail's id is none");
    return append_head(out, mail, error) && ds_mail_quoted(out, mail->text, error);
}
