/* api/request.h - one HTTP request and its answer, from the first byte to the last.
 *
 * A request belongs to one thread at a time. The polling thread fills it and calls its route's
 * handler. The handler answers at once (ds_answer_*), or hands the request on: ds_request_hold,
 * then to the producer, a query thread or the waiting room, which answers it and calls
 * ds_request_release. Whoever holds it may use the arena and write the answer. When the deadline
 * passes first, the polling thread answers from a few words of its own and the late answer is
 * dropped: the memory stays until the holder has released it (a count of owners).
 *
 * States, changed under `lock` only:
 *   READING   -> the head is known, the body arrives        (a deadline here: 408, sent by the
 * ticker) WORKING   -> the handler runs, or somebody holds it     (a deadline here: expired = true,
 * and the polling thread is woken) ANSWERED  -> the answer was queued */
#ifndef DS_API_REQUEST_H
#define DS_API_REQUEST_H

#include "api/auth.h"
#include "api/idempotency.h"
#include "api/problems.h"
#include "api/router.h"
#include "api/tokens.h"

#include <pthread.h>

struct MHD_Connection;
struct ds_api;
struct ds_connection;

enum ds_request_state { DS_REQUEST_READING, DS_REQUEST_WORKING, DS_REQUEST_ANSWERED };

#define DS_MAX_REPLY_HEADERS 24
#define DS_MAX_QUERY_PARAMS  24
/* Link holds the request line (2 KiB) and a cursor (512). */
#define DS_MAX_REPLY_HEADER_BYTES 3072
#define DS_CORRELATION_CHARS      64
#define DS_TRACEPARENT_CHARS      55
#define DS_MAX_REPLY_BYTES        (4 * 1024 * 1024)

struct ds_name_value {
    ds_str_t name;
    ds_str_t value;
};

/** The headers that mean something here; empty (data NULL) when absent. In the arena, with a NUL
 * behind them: whoever holds the request may read them after the connection's end. */
struct ds_request_headers {
    ds_str_t host;
    ds_str_t authorization;
    ds_str_t idempotency_key;
    ds_str_t consistency_token;
    ds_str_t if_none_match;
    ds_str_t accept;
    ds_str_t content_type;
    ds_str_t content_length;
    ds_str_t transfer_encoding;
    ds_str_t origin;
    ds_str_t forwarded_for;
    ds_str_t webhook_id;
    ds_str_t webhook_timestamp;
    ds_str_t webhook_signature;
    ds_str_t correlation_id;
    ds_str_t traceparent;
    size_t lengths; /* Content-Length and Transfer-Encoding headers in all */
    size_t count;
    size_t bytes;
    const char *wrong; /* why the head must be refused; NULL: it need not */
    bool no_memory;
};

struct ds_command_job; /* commands.h */
struct ds_query_job;   /* database.h */

typedef struct ds_request {
    struct ds_api *api;
    struct MHD_Connection *connection;
    struct ds_connection *peer;
    ds_arena_t *arena;
    int64_t started_us; /* monotonic */
    int64_t deadline_us;

    ds_str_t uri; /* as it came */
    ds_str_t path;
    enum ds_method method;
    bool routed; /* the first call was made */
    struct ds_match match;
    struct ds_request_headers headers;
    struct ds_name_value params[DS_MAX_QUERY_PARAMS];
    size_t param_count;
    ds_str_t address; /* of the client, for limits */
    char correlation_id[DS_CORRELATION_CHARS + 1];
    char traceparent[DS_TRACEPARENT_CHARS + 1];
    struct ds_person person;
    struct ds_token tokens[DS_MAX_TOKENS];
    size_t token_count;
    ds_buf_t body;
    bool body_too_large;
    uint64_t dropped_bytes;
    json_t *json;  /* owned; NULL without a body */
    json_t *owned; /* something else to free with the request; may be NULL */
    struct ds_problems problems;
    char key_buffer[DS_KEY_MAX_CHARS];
    ds_str_t key; /* empty: none */

    int status; /* of the answer; 0: none yet */
    ds_buf_t reply;
    const char *reply_type;
    struct ds_name_value reply_headers[DS_MAX_REPLY_HEADERS];
    size_t reply_header_count;

    struct ds_command_job *command;
    struct ds_query_job *query;
    int64_t wait_until_us; /* for Consistency-Tokens */
    bool (*wait_ready)(struct ds_request *request);
    void (*wait_go)(struct ds_request *request);
    void (*wait_late)(struct ds_request *request);
    struct ds_request *next; /* in a queue of whoever holds it */

    pthread_mutex_t lock;
    int owners;
    enum ds_request_state state;
    bool held;      /* somebody will release it */
    bool suspended; /* the connection is, since the handler returned first */
    bool expired;   /* the deadline came first */
    bool asks;      /* it is a query; set before it is held */
    bool sent; /* a command was handed to the producer: its outcome is unknown until reported */
} ds_request_t;

/** @brief NULL: no memory. One owner. */
ds_request_t *ds_request_new(struct ds_api *api, const char *uri, int64_t now_us);
void ds_request_unref(ds_request_t *request);

/** @brief From the handler: it will be answered later, by a call of ds_request_release. Adds an
 * owner. */
void ds_request_hold(ds_request_t *request);
/** @brief The answer stands in the request; the holder touches it no more. Any thread. */
void ds_request_release(ds_request_t *request);
/** @brief False once the deadline has answered: nothing more needs to be done for it. */
bool ds_request_alive(ds_request_t *request);
/** @brief Note that a command is about to be sent. False when the deadline came first: then nothing
 * may be sent. */
bool ds_request_mark_sent(ds_request_t *request, bool sent);

/** @brief Decode path and parameters of the URI. false: malformed (the path is empty then). */
DS_MUST_CHECK bool ds_request_parse_uri(ds_request_t *request);
/** @brief A parameter of the query, decoded; empty when absent. */
ds_str_t ds_request_param(const ds_request_t *request, const char *name);
/** @brief `limit`: 1-100, default 20. false: a problem was noted. */
DS_MUST_CHECK bool ds_request_limit(ds_request_t *request, int64_t *limit_out);
/** @brief Texts from X-Correlation-Id and traceparent, or new ones. */
void ds_request_take_ids(ds_request_t *request);
/** @brief The i-th {parameter} of the path. */
static inline ds_str_t ds_request_arg(const ds_request_t *request, size_t i)
{
    return request->match.args[i];
}
/** @brief Copy into the request's arena as NUL-terminated text; "" without memory. */
const char *ds_request_text(ds_request_t *request, const char *format, ...) DS_PRINTF(2, 3);

#endif
