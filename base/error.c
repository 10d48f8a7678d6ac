#include "base/error.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DOTS "..."

/* A full message ends with dots, and not inside a UTF-8 sequence: messages go into JSON. */
static void mark_cut(char message[DS_ERROR_MESSAGE_BYTES])
{
    ds_str_t whole = {message, DS_ERROR_MESSAGE_BYTES - 1};
    ds_str_t kept = ds_utf8_cut(whole, DS_ERROR_MESSAGE_BYTES - sizeof DOTS);
    memcpy(message + kept.len, DOTS, sizeof DOTS);
}

static void format_message(char *to, const char *format, va_list args) DS_PRINTF(2, 0);

static void format_message(char *to, const char *format, va_list args)
{
    int length = vsnprintf(to, DS_ERROR_MESSAGE_BYTES, format, args);
    if (length >= DS_ERROR_MESSAGE_BYTES)
        mark_cut(to);
}

bool ds_error_set(ds_error_t *error, enum ds_error_domain domain, enum ds_error_code code,
                  const char *format, ...)
{
    if (error == NULL || ds_error_is_set(error))
        return false;
    error->domain = domain;
    error->code = code;
    error->retriable = code == DS_ERR_UNAVAILABLE || code == DS_ERR_TIMEOUT ||
                       code == DS_ERR_BUSY || code == DS_ERR_CONFLICT;
    error->fatal = code == DS_ERR_DAMAGE;
    va_list args;
    va_start(args, format);
    format_message(error->message, format, args);
    va_end(args);
    return false;
}

bool ds_error_prefix(ds_error_t *error, const char *format, ...)
{
    if (error == NULL || !ds_error_is_set(error))
        return false;
    char old[DS_ERROR_MESSAGE_BYTES];
    memcpy(old, error->message, sizeof old);
    va_list args;
    va_start(args, format);
    format_message(error->message, format, args);
    va_end(args);
    size_t used = strlen(error->message);
    int length = snprintf(error->message + used, sizeof error->message - used, ": %s", old);
    if (length >= (int)(sizeof error->message - used))
        mark_cut(error->message);
    return false;
}

void ds_error_clear(ds_error_t *error)
{
    if (error != NULL)
        *error = (ds_error_t)DS_ERROR_INIT;
}

const char *ds_error_code_text(enum ds_error_code code)
{
    switch (code) {
    case DS_OK:
        return "OK";
    case DS_ERR_MEMORY:
        return "MEMORY";
    case DS_ERR_LIMIT:
        return "LIMIT";
    case DS_ERR_INVALID:
        return "INVALID";
    case DS_ERR_TRUNCATED:
        return "TRUNCATED";
    case DS_ERR_UNKNOWN:
        return "UNKNOWN";
    case DS_ERR_ORDER:
        return "ORDER";
    case DS_ERR_DAMAGE:
        return "DAMAGE";
    case DS_ERR_NOT_OWNER:
        return "NOT_OWNER";
    case DS_ERR_UNAVAILABLE:
        return "UNAVAILABLE";
    case DS_ERR_TIMEOUT:
        return "TIMEOUT";
    case DS_ERR_BUSY:
        return "BUSY";
    case DS_ERR_CONFLICT:
        return "CONFLICT";
    case DS_ERR_IO:
        return "IO";
    case DS_ERR_SHUTDOWN:
        return "SHUTDOWN";
    case DS_ERR_IMPOSSIBLE:
        return "IMPOSSIBLE";
    }
    return "?";
}

const char *ds_error_domain_text(enum ds_error_domain domain)
{
    switch (domain) {
    case DS_DOMAIN_NONE:
        return "none";
    case DS_DOMAIN_BASE:
        return "base";
    case DS_DOMAIN_SCHEMA:
        return "schema";
    case DS_DOMAIN_STREAM:
        return "stream";
    case DS_DOMAIN_KAFKA:
        return "kafka";
    case DS_DOMAIN_PG:
        return "pg";
    case DS_DOMAIN_MONGO:
        return "mongo";
    case DS_DOMAIN_HTTP:
        return "http";
    case DS_DOMAIN_DECIDER:
        return "decider";
    case DS_DOMAIN_CLI:
        return "cli";
    }
    return "?";
}
