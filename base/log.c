#include "base/log.h"

#include "base/clock.h"
#include "base/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* A line is put together on the stack: logging must work when memory is out. Behind `BODY_BYTES`
 * there is always room for the end of the object, so a line that is cut is still JSON; it says so
 * itself. */
#define LINE_END     "}\n"
#define LINE_END_CUT ",\"cut\":true}\n"
#define BODY_BYTES   (DS_MAX_LOG_LINE_BYTES - (sizeof LINE_END_CUT - 1))

struct line {
    size_t len;
    bool cut;
    char text[DS_MAX_LOG_LINE_BYTES];
};

static bool put(struct line *line, const char *text, size_t len)
{
    if (line->cut || len > BODY_BYTES - line->len) {
        line->cut = true;
        return false;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
}

/* One character (or one malformed byte) of `text` in JSON form. @return its bytes in `to`;
 * *step_out those read. */
static size_t escape(ds_str_t text, uint32_t at, char to[8], uint32_t *step_out)
{
    uint8_t c = (uint8_t)text.data[at];
    uint32_t step = ds_utf8_step(text, at);
    *step_out = step == 0 ? 1 : step;
    if (step == 0) {
        memcpy(to, "\\ufffd", 6);
        return 6;
    }
    if (c == '"' || c == '\\') {
        to[0] = '\\';
        to[1] = (char)c;
        return 2;
    }
    if (c == '\n' || c == '\t' || c == '\r') {
        to[0] = '\\';
        to[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
        return 2;
    }
    if (c < 0x20 || c == 0x7F) {
        (void)snprintf(to, 8, "\\u%04x", c);
        return 6;
    }
    memcpy(to, text.data + at, step);
    return step;
}

/* A text that does not fit keeps its beginning: one byte is held back for the closing quote. */
static void put_text(struct line *line, ds_str_t text)
{
    if (!put(line, "\"", 1))
        return;
    bool full = false;
    for (uint32_t at = 0, step = 0; at < text.len; at += step) {
        char escaped[8];
        size_t len = escape(text, at, escaped, &step);
        full = len + 1 > BODY_BYTES - line->len;
        if (full || !put(line, escaped, len))
            break;
    }
    (void)put(line, "\"", 1);
    line->cut = line->cut || full;
}

/* `,"name":`, with room for at least an empty text behind it; otherwise nothing at all. */
static bool put_name(struct line *line, const char *name)
{
    if (strlen(name) + sizeof ",\"\":\"\"" - 1 > BODY_BYTES - line->len)
        line->cut = true;
    if (line->cut)
        return false;
    if (line->len > 1)
        (void)put(line, ",", 1);
    (void)put(line, "\"", 1);
    (void)put(line, name, strlen(name));
    return put(line, "\":", 2);
}

static void put_text_member(struct line *line, const char *name, ds_str_t text)
{
    if (put_name(line, name))
        put_text(line, text);
}

/* A number or a word is written whole, together with its name, or not at all. */
static void put_bare_member(struct line *line, const char *name, const char *value)
{
    size_t start = line->len;
    if (put_name(line, name) && !put(line, value, strlen(value)))
        line->len = start;
}

static void put_int_member(struct line *line, const char *name, int64_t value)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    put_bare_member(line, name, digits);
}

static void put_real_member(struct line *line, const char *name, double value)
{
    char digits[32];
    (void)snprintf(digits, sizeof digits, "%.9g", value);
    put_bare_member(line, name, isfinite(value) ? digits : "null");
}

static const char *level_text(enum ds_log_level level)
{
    switch (level) {
    case DS_LOG_DEBUG:
        return "debug";
    case DS_LOG_INFO:
        return "info";
    case DS_LOG_WARN:
        return "warn";
    case DS_LOG_ERROR:
        return "error";
    }
    return "?";
}

static void put_context(struct line *line, const ds_log_t *log)
{
    if (log->topic != NULL) {
        put_text_member(line, "topic", ds_str(log->topic));
        if (log->partition >= 0)
            put_int_member(line, "partition", log->partition);
        if (log->offset >= 0)
            put_int_member(line, "offset", log->offset);
    }
    if (log->order_id.len > 0)
        put_text_member(line, "order", log->order_id);
    if (log->correlation_id.len > 0)
        put_text_member(line, "correlation", log->correlation_id);
}

static void put_field(struct line *line, const struct ds_log_field *field)
{
    switch (field->type) {
    case DS_FIELD_TEXT:
        put_text_member(line, field->name, field->text);
        return;
    case DS_FIELD_INT:
        put_int_member(line, field->name, field->integer);
        return;
    case DS_FIELD_DOUBLE:
        put_real_member(line, field->name, field->real);
        return;
    case DS_FIELD_BOOL:
        put_bare_member(line, field->name, field->integer != 0 ? "true" : "false");
        return;
    case DS_FIELD_END:
        return;
    }
}

static void write_line(struct line *line, int fd)
{
    const char *end = line->cut ? LINE_END_CUT : LINE_END;
    memcpy(line->text + line->len, end, strlen(end));
    line->len += strlen(end);
    /* A short or failed write is not repeated: the rest would mix with other threads' lines, and
     * there is nobody to tell. */
    ssize_t written;
    do
        written = write(fd, line->text, line->len);
    while (written < 0 && errno == EINTR);
}

ds_log_t ds_log_root(const char *role, enum ds_log_level level)
{
    return (
        ds_log_t){.role = role, .level = level, .fd = STDERR_FILENO, .partition = -1, .offset = -1};
}

void ds_log_write(const ds_log_t *log, enum ds_log_level level, const char *code,
                  const char *message, const struct ds_log_field *fields)
{
    if (log == NULL || level < log->level)
        return;
    int saved_errno = errno;
    struct line line;
    line.len = 0;
    line.cut = false;
    char now[DS_TIME_TEXT_BYTES];
    ds_time_to_text(ds_now_us(ds_system_clock()), now);
    (void)put(&line, "{", 1);
    put_text_member(&line, "ts", ds_str(now));
    put_text_member(&line, "level", ds_str(level_text(level)));
    if (log->role != NULL)
        put_text_member(&line, "role", ds_str(log->role));
    put_text_member(&line, "code", ds_str(code));
    if (message != NULL)
        put_text_member(&line, "msg", ds_str(message));
    put_context(&line, log);
    for (; fields != NULL && fields->type != DS_FIELD_END; fields++)
        put_field(&line, fields);
    write_line(&line, log->fd);
    errno = saved_errno;
}

void ds_log_error(const ds_log_t *log, enum ds_log_level level, const char *code,
                  const ds_error_t *error)
{
    ds_log(log, level, code, error->message,
           DS_F_CSTR("error_domain", ds_error_domain_text(error->domain)),
           DS_F_CSTR("error_code", ds_error_code_text(error->code)),
           DS_F_BOOL("retriable", error->retriable), DS_F_BOOL("fatal", error->fatal));
}

bool ds_log_level_parse(ds_str_t text, enum ds_log_level *level_out)
{
    *level_out = DS_LOG_INFO;
    for (int level = DS_LOG_DEBUG; level <= DS_LOG_ERROR; level++) {
        if (!ds_str_eq(text, ds_str(level_text((enum ds_log_level)level))))
            continue;
        *level_out = (enum ds_log_level)level;
        return true;
    }
    return false;
}
