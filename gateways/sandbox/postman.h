/* gateways/sandbox/postman.h - the sandbox's webhooks: signed, repeated until they are taken.
 *
 * A letter is tried at once, then after 1 s doubling to 5 min with jitter, for an hour; 410 and 422
 * end it, as does any 2xx. Letters live in memory only: after a restart the gateway finds out by
 * asking. At most DS_MAX_WEBHOOKS wait; what comes then is dropped and counted.
 * Threads: ds_postman_post from any; turn and destroy from one. */
#ifndef DS_GATEWAYS_SANDBOX_POSTMAN_H
#define DS_GATEWAYS_SANDBOX_POSTMAN_H

#include "base/runtime.h"

typedef struct ds_postman ds_postman_t;

/** @brief Borrows runtime, and url and secret until destroyed. An empty URL: letters are thrown
 *  away. INVALID: the secret is none. */
DS_MUST_CHECK bool ds_postman_new(const struct ds_runtime *runtime, const char *url,
                                  const char *secret, ds_postman_t **postman_out,
                                  ds_error_t *error);
void ds_postman_destroy(ds_postman_t *postman);
/** @brief Send `body`, copied, under this id (the same event: the same id). */
void ds_postman_post(ds_postman_t *postman, ds_str_t id, ds_str_t body);
/** @brief Send what is due; waits up to timeout_ms for answers or a new letter. */
void ds_postman_turn(ds_postman_t *postman, int timeout_ms);
/** @brief End a turn that waits. Any thread. */
void ds_postman_wake(ds_postman_t *postman);

#endif
