/* tests/unit/interleavings/pool.h - byte strings by number, and numbers by number.
 *
 * A pool gives equal byte strings the same number, for ever: two things are equal exactly when
 * their numbers are. Strings are kept where they were put, so what points into one stays valid. The
 * comparison is of all bytes; a hash only finds the place. Out of memory ends the program: this is
 * a test. */
#ifndef DS_TESTS_INTERLEAVINGS_POOL_H
#define DS_TESTS_INTERLEAVINGS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pool pool_t;

pool_t *pool_new(void);
void pool_destroy(pool_t *pool);
/** @brief The number of a byte string, put in when it is new: 0, 1, 2 ... 16-byte aligned. */
uint32_t pool_id(pool_t *pool, const void *bytes, size_t len);
/** @brief Borrowed. */
const void *pool_get(const pool_t *pool, uint32_t id, size_t *len_out);
uint32_t pool_count(const pool_t *pool);

/** Number to number, for what was worked out before. */
typedef struct memo memo_t;

memo_t *memo_new(void);
void memo_destroy(memo_t *memo);
/** @brief false: nothing is kept under this key. */
bool memo_get(const memo_t *memo, uint64_t key, uint32_t *value_out);
/** @brief Keep; the key must be new. */
void memo_put(memo_t *memo, uint64_t key, uint32_t value);

/** @brief Memory or the end of the program. */
void *must_alloc(size_t count, size_t bytes);
void *must_realloc(void *old, size_t count, size_t bytes);
/** @brief A hash of bytes. */
uint64_t hash_bytes(const void *bytes, size_t len);

#endif
