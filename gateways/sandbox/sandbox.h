/* gateways/sandbox/sandbox.h - `doorstep sandbox`: a payment provider that charges nobody.
 *
 *   POST /v1/charges {"reference","amount","currency","token"}      Idempotency-Key: <key>
 *   POST /v1/refunds {"charge","amount","currency","reference"}     Idempotency-Key: <key>
 *   GET  /v1/charges?key=<key>   /v1/charges/{id}   /v1/refunds?key=<key>   /v1/refunds/{id}
 *   GET  /v1/books?cursor=&limit=    {"charges": [{..., "refunds": [...]}], "next": null or cursor}
 *   PUT  /v1/control {"mode": "ok|decline|slow|silent|drop", "delayMs"?}     GET: what it is
 *
 * All need `Authorization: Bearer <provider key>`. A charge or refund is an object with id, key,
 * reference, amount, currency, status (succeeded, failed, pending), reason. POST answers 200, 202
 * (pending), 402 (declined) or 422 (a refund that cannot be); the same key gets the same; 409: the
 * key was used for another request. Payment tokens say how a charge goes (behaviour.h).
 *
 * Threads: libmicrohttpd's, one a connection: a handler may wait for the disk, or wait before a
 * slow answer. One more sends webhooks and applies late charges. */
#ifndef DS_GATEWAYS_SANDBOX_H
#define DS_GATEWAYS_SANDBOX_H

#include "base/runtime.h"

struct ds_sandbox_settings {
    const char *bind; /* an IPv4 address */
    int64_t port;     /* 0: any free one */
    const char *dir;
    const char *provider_key;
    const char *webhook_url; /* empty: none */
    const char *webhook_secret;
};

typedef struct ds_sandbox ds_sandbox_t;

/** @brief Start serving in threads of its own. Both arguments are borrowed until ds_sandbox_stop.
 *  @param error  INVALID: a setting is wrong. IO: the port is taken, the disk. BUSY: another
 * sandbox has these books. DAMAGE: they cannot be read. */
DS_MUST_CHECK bool ds_sandbox_start(const struct ds_runtime *runtime,
                                    const struct ds_sandbox_settings *settings,
                                    ds_sandbox_t **sandbox_out, ds_error_t *error);
/** @brief End waiting answers, stop, write what is left, free. NULL is fine. */
void ds_sandbox_stop(ds_sandbox_t *sandbox);
int ds_sandbox_port(const ds_sandbox_t *sandbox);
/** @brief False once the books cannot be written: nothing is answered any more. */
bool ds_sandbox_healthy(ds_sandbox_t *sandbox);

#endif
