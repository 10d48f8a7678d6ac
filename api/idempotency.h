/* api/idempotency.h - Idempotency-Key: which command id a keyed request gets, and the hash of its
 * body.
 *
 * Pure, any thread. */
#ifndef DS_API_IDEMPOTENCY_H
#define DS_API_IDEMPOTENCY_H

#include "base/id.h"

#include <jansson.h>

#define DS_KEY_MAX_CHARS 128

/** @brief Take the key out of the header: 1-128 printable ASCII characters, bare or quoted (then \"
 * and \\ are escapes).
 *  @param key_out  at most as long as the header; `buffer` has room for it. @return false: not a
 * key. */
DS_MUST_CHECK bool ds_key_parse(ds_str_t header, char buffer[DS_KEY_MAX_CHARS], ds_str_t *key_out);
/** @brief First 128 bits of SHA-256 over (version, caller, operation, target or store, key),
 * length-prefixed. */
DS_MUST_CHECK bool ds_command_id_derive(ds_str_t caller, ds_str_t operation, ds_str_t target,
                                        ds_str_t key, ds_id_t *id_out, ds_error_t *error);
/** @brief Base 32 of the first 128 bits of SHA-256 over the parsed body with sorted keys. NULL
 * counts as {}. */
DS_MUST_CHECK bool ds_body_hash(const json_t *body, ds_id_t *hash_out, ds_error_t *error);

#endif
