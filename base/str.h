/* base/str.h - borrowed text and bytes: a pointer and a length, never owned, never NUL-terminated.
 *
 * A ds_str_t points into memory that somebody else keeps (a message, an arena, a literal). Whoever
 * stores one beyond the life of that memory copies it (ds_arena_dup, ds_str_dup). Empty is {NULL or
 * any, 0}. */
#ifndef DS_BASE_STR_H
#define DS_BASE_STR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *data;
    uint32_t len; /* bytes */
} ds_str_t;

typedef struct {
    const uint8_t *data;
    uint32_t len;
} ds_bytes_t;

/** A string literal as ds_str_t. */
#define DS_STR(literal) ((ds_str_t){"" literal, (uint32_t)(sizeof(literal) - 1)})
/** For printf("%.*s", DS_STR_ARG(s)). */
#define DS_STR_ARG(s) (int)(s).len, (s).data == NULL ? "" : (s).data

/** @brief Borrow a NUL-terminated string; NULL is empty. */
static inline ds_str_t ds_str(const char *text)
{
    return (ds_str_t){text, text == NULL ? 0 : (uint32_t)strlen(text)};
}

static inline bool ds_str_eq(ds_str_t a, ds_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#define DS_I64_CHARS 20 /* the longest in decimal: "-9223372036854775808" */
/** @brief The decimal digits of `value`, without a NUL.
 *  @param to  room for DS_I64_CHARS. @return behind the last. */
char *ds_str_put_i64(char *to, int64_t value);

/** @brief Bytewise order, shorter first on a common prefix. */
int ds_str_cmp(ds_str_t a, ds_str_t b);
/** @brief FNV-1a, 64 bit; for hash tables, not for anything hostile parties may exploit without a
 * seed. */
uint64_t ds_str_hash(ds_str_t s, uint64_t seed);
/** @brief What stands before the first `c`; all of it when there is none. */
ds_str_t ds_str_before(ds_str_t s, char c);
/** @brief What stands behind the first `c`; empty when there is none. */
ds_str_t ds_str_after(ds_str_t s, char c);
/** @brief True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). NUL and other
 * controls pass. */
bool ds_utf8_valid(ds_str_t s);
/** @brief Bytes of the UTF-8 sequence that starts at `at` (< s.len): 1 to 4, or 0 where it is
 * malformed or cut off. */
uint32_t ds_utf8_step(ds_str_t s, uint32_t at);
/** @brief The longest beginning of at most `max_bytes` that does not end inside a sequence. */
ds_str_t ds_utf8_cut(ds_str_t s, uint32_t max_bytes);
/** @brief Number of code points of a well-formed UTF-8 text. */
size_t ds_utf8_length(ds_str_t s);
/** @brief Copy to a fixed char array with NUL. @return false, and an empty text, when it does not
 * fit. */
bool ds_str_to_array(ds_str_t s, char *to, size_t to_bytes);
/** @brief Decimal integer, the whole text, an optional '-'. @return false on anything else or
 * overflow. */
bool ds_str_to_i64(ds_str_t s, int64_t *value_out);
/** @brief Heap copy with NUL; the caller frees it. NULL when memory is out. */
char *ds_str_dup(ds_str_t s);

#endif
