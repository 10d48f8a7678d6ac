/* base/id.h - 128-bit ids as 26 characters of Crockford base 32.
 *
 * Ids are opaque text. A fresh one has the ULID layout (48 bits of milliseconds, 80 random bits)
 * for the index's sake; no time is ever read from one. A derived one is the first 128 bits of a
 * SHA-256 (command ids of keyed requests). */
#ifndef DS_BASE_ID_H
#define DS_BASE_ID_H

#include "base/clock.h"
#include "base/str.h"

#define DS_ID_CHARS 26

typedef struct {
    char text[DS_ID_CHARS + 1]; /* NUL-terminated, upper case */
} ds_id_t;

DS_MUST_CHECK bool ds_id_new(const ds_clock_t *clock, const ds_random_t *random, ds_id_t *id_out,
                             ds_error_t *error);
/** @brief The text form of 16 bytes (first character 0-7). */
void ds_id_from_bytes(const uint8_t bytes[16], ds_id_t *id_out);
/** @brief First 128 bits of SHA-256 over the length-prefixed parts. */
DS_MUST_CHECK bool ds_id_derive(const ds_bytes_t *parts, size_t part_count, ds_id_t *id_out,
                                ds_error_t *error);
/** @brief True for 26 characters of the Crockford alphabet, upper case, the first 0-7. */
bool ds_id_valid(ds_str_t text);
/** @brief The store of an order, product, courier or offer id: what stands before the first '.'. */
static inline ds_str_t ds_id_store(ds_str_t id)
{
    return ds_str_before(id, '.');
}
/** @brief True for [a-z0-9-]{1,32}. */
bool ds_store_id_valid(ds_str_t text);

#endif
