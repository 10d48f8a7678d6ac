/* base/buf.h - a growing byte buffer that is born with its maximum, and an arena for short lives.
 *
 * ds_buf_t: append-only bytes. Going over the maximum is DS_ERR_LIMIT, and the buffer keeps what it
 * held before.
 *
 * ds_arena_t: many small allocations that die together; also with a maximum. Reset keeps the first
 * block. Threads: one buffer, one thread. */
#ifndef DS_BASE_BUF_H
#define DS_BASE_BUF_H

#include "base/error.h"
#include "base/str.h"

typedef struct {
    uint8_t *data; /* NULL while empty */
    size_t len;
    size_t capacity;
    size_t max_bytes;
} ds_buf_t;

void ds_buf_init(ds_buf_t *buf, size_t max_bytes);
/** @brief Free the bytes; the buffer may be used again. Safe twice. */
void ds_buf_cleanup(ds_buf_t *buf);
/** @brief Forget the content, keep the memory. */
static inline void ds_buf_clear(ds_buf_t *buf)
{
    buf->len = 0;
}
/** @brief Make room for `more` bytes behind len. DS_ERR_LIMIT, DS_ERR_MEMORY. */
DS_MUST_CHECK bool ds_buf_reserve(ds_buf_t *buf, size_t more, ds_error_t *error);
DS_MUST_CHECK bool ds_buf_append(ds_buf_t *buf, const void *data, size_t len, ds_error_t *error);
DS_MUST_CHECK bool ds_buf_append_str(ds_buf_t *buf, ds_str_t text, ds_error_t *error);
DS_MUST_CHECK bool ds_buf_append_text(ds_buf_t *buf, const char *text, ds_error_t *error);
DS_MUST_CHECK bool ds_buf_append_char(ds_buf_t *buf, char c, ds_error_t *error);
DS_MUST_CHECK bool ds_buf_printf(ds_buf_t *buf, ds_error_t *error, const char *format, ...)
    DS_PRINTF(3, 4);
/** @brief Append `text` as a JSON string, quotes included. Control characters are escaped, UTF-8
 * passes. */
DS_MUST_CHECK bool ds_buf_append_json(ds_buf_t *buf, ds_str_t text, ds_error_t *error);
/** @brief Put a NUL behind the content (not counted in len) and give it as C text. */
DS_MUST_CHECK bool ds_buf_cstr(ds_buf_t *buf, const char **text_out, ds_error_t *error);
/** @brief Borrow the content; valid until the next append. */
static inline ds_str_t ds_buf_str(const ds_buf_t *buf)
{
    return (ds_str_t){(const char *)buf->data, (uint32_t)buf->len};
}
static inline ds_bytes_t ds_buf_bytes(const ds_buf_t *buf)
{
    return (ds_bytes_t){buf->data, (uint32_t)buf->len};
}

typedef struct ds_arena ds_arena_t;

/** @brief An arena whose blocks start at `first_bytes` and that never holds more than `max_bytes`.
 * NULL: no memory. */
ds_arena_t *ds_arena_new(size_t first_bytes, size_t max_bytes);
void ds_arena_destroy(ds_arena_t *arena);
/** @brief Forget all allocations; the first block stays. */
void ds_arena_reset(ds_arena_t *arena);
/** @brief Zeroed memory, 16-byte aligned, valid until reset. NULL and DS_ERR_LIMIT or
 * DS_ERR_MEMORY. */
void *ds_arena_alloc(ds_arena_t *arena, size_t bytes, ds_error_t *error);
/** @brief `count` zeroed items of `bytes` each; checks the multiplication. */
void *ds_arena_calloc(ds_arena_t *arena, size_t count, size_t bytes, ds_error_t *error);
/** @brief Copy a text into the arena (with a NUL behind it). */
DS_MUST_CHECK bool ds_arena_dup(ds_arena_t *arena, ds_str_t text, ds_str_t *copy_out,
                                ds_error_t *error);
/** @brief Formatted text in the arena. */
DS_MUST_CHECK bool ds_arena_printf(ds_arena_t *arena, ds_str_t *text_out, ds_error_t *error,
                                   const char *format, ...) DS_PRINTF(4, 5);
/** @brief Bytes handed out since the last reset. */
size_t ds_arena_used(const ds_arena_t *arena);

#endif
