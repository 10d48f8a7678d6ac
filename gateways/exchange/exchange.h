/* gateways/exchange/exchange.h - many HTTP exchanges at once, on libcurl's multi interface.
 *
 * Where ds_http_client does one exchange and waits for it, this starts some and calls back when
 * each is over. Answers that are slow do not hold up others. Redirects are not followed; only http
 * and https; no proxy from the environment. When a kept connection turns out to be dead before any
 * byte of an answer came, libcurl sends the request once more: what may not happen twice carries an
 * idempotency key.
 * Threads: one thread owns a ds_exchanges_t; only ds_exchanges_wake may be called from others. */
#ifndef DS_GATEWAYS_EXCHANGE_H
#define DS_GATEWAYS_EXCHANGE_H

#include "base/http_client.h"

typedef struct ds_exchanges ds_exchanges_t;

struct ds_exchange_answer {
    int status;            /* 0: no answer came; what became of the request is unknown */
    ds_str_t body;         /* borrowed for the callback; empty without an answer */
    int64_t retry_after_s; /* what the server asks for; 0: nothing */
    int64_t took_us;
    bool unsent;     /* no answer, and certainly not sent */
    const char *why; /* without an answer: libcurl's words; borrowed for the callback */
};

typedef void (*ds_exchange_done_fn)(void *context, const struct ds_exchange_answer *answer);

/** @brief NULL: no memory. */
ds_exchanges_t *ds_exchanges_new(size_t in_flight_max, size_t max_body_bytes);
/** @brief Abort what is under way (its callbacks run, status 0), then free. NULL is fine. */
void ds_exchanges_destroy(ds_exchanges_t *exchanges);
/** @brief Start one; all of the request is copied. `done` is called once, from ds_exchanges_turn or
 *  ds_exchanges_destroy, after a true return.
 *  @param error  BUSY: as many are under way as may be. INVALID: a header is not one line, the
 *                timeout is not positive. MEMORY. */
DS_MUST_CHECK bool ds_exchanges_start(ds_exchanges_t *exchanges,
                                      const struct ds_http_request *request,
                                      ds_exchange_done_fn done, void *context, ds_error_t *error);
/** @brief Move all exchanges on, wait up to timeout_ms for something to do, run callbacks. */
void ds_exchanges_turn(ds_exchanges_t *exchanges, int timeout_ms);
size_t ds_exchanges_in_flight(const ds_exchanges_t *exchanges);
/** @brief End a turn that waits, or the next one. Any thread. */
void ds_exchanges_wake(ds_exchanges_t *exchanges);

#endif
