/* base/log.h - one JSON object a line, on stderr.
 *
 *   {"ts":"2026-11-21T07:30:33.123456Z","level":"warn","role":"processor","code":"fence.skipped",
 *    "msg":"...","topic":"order.events","partition":3,"offset":812,"order":"berlin-1.01K9..."}
 *
 * `code` is stable and what tests look at; `msg` is for people. Never a payload, never a secret.
 * Thread-safe: a line is written with one write(2). Lines are cut at 8 KiB. */
#ifndef DS_BASE_LOG_H
#define DS_BASE_LOG_H

#include "base/error.h"
#include "base/str.h"

enum ds_log_level { DS_LOG_DEBUG, DS_LOG_INFO, DS_LOG_WARN, DS_LOG_ERROR };

/** Where a line belongs; handed down, not global. Copy and extend it. Zero-initialise what does not
 * apply; partition and offset are left out when negative or when topic is NULL. */
typedef struct ds_log {
    const char *role; /* "processor order" */
    enum ds_log_level level;
    int fd; /* 2 */
    const char *topic;
    int32_t partition;
    int64_t offset;
    ds_str_t order_id;
    ds_str_t correlation_id;
} ds_log_t;

/** One field of a line. */
struct ds_log_field {
    const char *name;
    enum { DS_FIELD_END, DS_FIELD_TEXT, DS_FIELD_INT, DS_FIELD_DOUBLE, DS_FIELD_BOOL } type;
    ds_str_t text;
    int64_t integer;
    double real;
};

#define DS_F_TEXT(n, s) ((struct ds_log_field){(n), DS_FIELD_TEXT, (s), 0, 0})
#define DS_F_CSTR(n, s) ((struct ds_log_field){(n), DS_FIELD_TEXT, ds_str(s), 0, 0})
#define DS_F_INT(n, i)  ((struct ds_log_field){(n), DS_FIELD_INT, {0}, (i), 0})
#define DS_F_REAL(n, d) ((struct ds_log_field){(n), DS_FIELD_DOUBLE, {0}, 0, (d)})
#define DS_F_BOOL(n, b) ((struct ds_log_field){(n), DS_FIELD_BOOL, {0}, (b), 0})

ds_log_t ds_log_root(const char *role, enum ds_log_level level);
void ds_log_write(const ds_log_t *log, enum ds_log_level level, const char *code,
                  const char *message, const struct ds_log_field *fields);

/** ds_log(log, DS_LOG_WARN, "fence.skipped", "a record of an old epoch", DS_F_INT("epoch", 4)); at
 * least one field (C11 has no __VA_OPT__): a line without any is ds_log_write(..., NULL). */
#define ds_log(log, level, code, message, ...)                                                     \
    ds_log_write((log), (level), (code), (message), (const struct ds_log_field[]){__VA_ARGS__, {0}})
/** @brief A line for an error: code, message, and the error's domain, code, message. */
void ds_log_error(const ds_log_t *log, enum ds_log_level level, const char *code,
                  const ds_error_t *error);
DS_MUST_CHECK bool ds_log_level_parse(ds_str_t text, enum ds_log_level *level_out);

#endif
