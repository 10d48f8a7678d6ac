/* base/error.h - how a failure travels to somebody who can act on it.
 *
 * An error is a value of fixed size on the caller's stack. The first error wins: setting an error
 * that is already set changes nothing, so cleanup can never hide the cause. `retriable` and `fatal`
 * tell the caller what to do next. Threads: an error belongs to one thread. No allocation. */
#ifndef DS_BASE_ERROR_H
#define DS_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define DS_MUST_CHECK   __attribute__((warn_unused_result))
#define DS_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum ds_error_domain {
    DS_DOMAIN_NONE,
    DS_DOMAIN_BASE,
    DS_DOMAIN_SCHEMA,
    DS_DOMAIN_STREAM,
    DS_DOMAIN_KAFKA,
    DS_DOMAIN_PG,
    DS_DOMAIN_MONGO,
    DS_DOMAIN_HTTP,
    DS_DOMAIN_DECIDER,
    DS_DOMAIN_CLI,
};

enum ds_error_code {
    DS_OK,
    DS_ERR_MEMORY,      /* an allocation failed */
    DS_ERR_LIMIT,       /* a documented maximum would be exceeded */
    DS_ERR_INVALID,     /* the input is wrong; repeating it will not help */
    DS_ERR_TRUNCATED,   /* the input ends too early */
    DS_ERR_UNKNOWN,     /* a name, fingerprint or id that nobody here knows */
    DS_ERR_ORDER,       /* offsets went backwards or jumped: the reader lost its place */
    DS_ERR_DAMAGE,      /* the log itself is damaged (protocol.md): stop and alarm */
    DS_ERR_NOT_OWNER,   /* another worker owns this now */
    DS_ERR_UNAVAILABLE, /* a server is away; retriable */
    DS_ERR_TIMEOUT,     /* the finite timeout ran out; the outcome may be unknown */
    DS_ERR_BUSY,        /* a queue is full: stop reading inputs, try again */
    DS_ERR_CONFLICT,    /* a compare-and-set found something else */
    DS_ERR_IO,          /* a system call failed */
    DS_ERR_SHUTDOWN,    /* asked to stop */
    DS_ERR_IMPOSSIBLE,  /* a decider: this input would break an invariant of ours (a bug) */
};

#define DS_ERROR_MESSAGE_BYTES 256

typedef struct {
    enum ds_error_domain domain;
    enum ds_error_code code; /* DS_OK: no error */
    bool retriable;
    bool fatal;
    char message[DS_ERROR_MESSAGE_BYTES]; /* UTF-8, NUL-terminated; cut with "..." when too long */
} ds_error_t;

#define DS_ERROR_INIT                                                                              \
    {                                                                                              \
        DS_DOMAIN_NONE, DS_OK, false, false, ""                                                    \
    }

/** @brief An error that is not set, as DS_ERROR_INIT; the message is not zeroed to its end. For
 * functions that run for every record. */
static inline void ds_error_init(ds_error_t *error)
{
    error->domain = DS_DOMAIN_NONE;
    error->code = DS_OK;
    error->retriable = false;
    error->fatal = false;
    error->message[0] = '\0';
}

/** @brief Set the error, unless one is set already. UNAVAILABLE, TIMEOUT, BUSY and CONFLICT are
 * retriable; DAMAGE is fatal. @param error may be NULL. @param format says what was tried, on what,
 * and what came back.
 *  @return false, always, so that `return ds_error_set(...)` reads well. */
bool ds_error_set(ds_error_t *error, enum ds_error_domain domain, enum ds_error_code code,
                  const char *format, ...) DS_PRINTF(4, 5);

/** @brief Put "what: " in front of the message, to add the caller's context. @return false. */
bool ds_error_prefix(ds_error_t *error, const char *format, ...) DS_PRINTF(2, 3);

void ds_error_clear(ds_error_t *error);
static inline bool ds_error_is_set(const ds_error_t *error)
{
    return error->code != DS_OK;
}

/** @brief "LIMIT", "DAMAGE", ... a stable word for logs. */
const char *ds_error_code_text(enum ds_error_code code);
/** @brief "kafka", "pg", ... a stable word for logs. */
const char *ds_error_domain_text(enum ds_error_domain domain);

#endif
