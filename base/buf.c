#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void ds_buf_init(ds_buf_t *buf, size_t max_bytes)
{
    *buf = (ds_buf_t){NULL, 0, 0, max_bytes};
}

void ds_buf_cleanup(ds_buf_t *buf)
{
    free(buf->data);
    ds_buf_init(buf, buf->max_bytes);
}

bool ds_buf_reserve(ds_buf_t *buf, size_t more, ds_error_t *error)
{
    if (more <= buf->capacity - buf->len)
        return true;
    if (more > buf->max_bytes || buf->len > buf->max_bytes - more)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_LIMIT,
                            "buffer of %zu bytes cannot take %zu more: maximum %zu", buf->len, more,
                            buf->max_bytes);
    size_t need = buf->len + more;
    size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
    while (capacity < need)
        capacity = capacity > buf->max_bytes / 2 ? buf->max_bytes : capacity * 2;
    if (capacity > buf->max_bytes && need <= buf->max_bytes)
        capacity = buf->max_bytes;
    uint8_t *data = realloc(buf->data, capacity);
    if (data == NULL)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_MEMORY, "buffer of %zu bytes", capacity);
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

bool ds_buf_append(ds_buf_t *buf, const void *data, size_t len, ds_error_t *error)
{
    if (len == 0)
        return true;
    if (!ds_buf_reserve(buf, len, error))
        return false;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return true;
}

bool ds_buf_append_str(ds_buf_t *buf, ds_str_t text, ds_error_t *error)
{
    return ds_buf_append(buf, text.data, text.len, error);
}

bool ds_buf_append_text(ds_buf_t *buf, const char *text, ds_error_t *error)
{
    return ds_buf_append(buf, text, strlen(text), error);
}

bool ds_buf_append_char(ds_buf_t *buf, char c, ds_error_t *error)
{
    return ds_buf_append(buf, &c, 1, error);
}

bool ds_buf_printf(ds_buf_t *buf, ds_error_t *error, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool ok = length >= 0 ? ds_buf_reserve(buf, (size_t)length + 1, error)
                          : ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_INVALID,
                                         "buffer: cannot format \"%.40s\"", format);
    if (ok) {
        (void)vsnprintf((char *)buf->data + buf->len, (size_t)length + 1, format, again);
        buf->len += (size_t)length;
    }
    va_end(again);
    return ok;
}

static const char *json_escape(uint8_t c, char unicode[7])
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        (void)snprintf(unicode, 7, "\\u%04x", c);
        return unicode;
    }
}

bool ds_buf_append_json(ds_buf_t *buf, ds_str_t text, ds_error_t *error)
{
    size_t start = buf->len;
    bool ok = ds_buf_append_char(buf, '"', error);
    uint32_t clean = 0;
    for (uint32_t i = 0; ok && i < text.len; i++) {
        uint8_t c = (uint8_t)text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        char unicode[7];
        ok = ds_buf_append(buf, text.data + clean, i - clean, error) &&
             ds_buf_append_text(buf, json_escape(c, unicode), error);
        clean = i + 1;
    }
    if (ok && text.len > clean)
        ok = ds_buf_append(buf, text.data + clean, text.len - clean, error);
    if (ok)
        ok = ds_buf_append_char(buf, '"', error);
    if (!ok)
        buf->len = start;
    return ok;
}

bool ds_buf_cstr(ds_buf_t *buf, const char **text_out, ds_error_t *error)
{
    *text_out = "";
    if (!ds_buf_reserve(buf, 1, error))
        return false;
    buf->data[buf->len] = '\0';
    *text_out = (const char *)buf->data;
    return true;
}

struct block {
    struct block *next;
    size_t capacity;
    size_t used;
    _Alignas(16) uint8_t data[];
};

struct ds_arena {
    struct block *first;
    struct block *last;
    size_t first_bytes;
    size_t max_bytes;
    size_t held_bytes; /* capacity of all blocks */
};

static struct block *block_new(size_t capacity)
{
    struct block *block = malloc(sizeof *block + capacity);
    if (block != NULL)
        *block = (struct block){NULL, capacity, 0};
    return block;
}

ds_arena_t *ds_arena_new(size_t first_bytes, size_t max_bytes)
{
    ds_arena_t *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        return NULL;
    arena->first_bytes = first_bytes < max_bytes ? first_bytes : max_bytes;
    arena->max_bytes = max_bytes;
    return arena;
}

static void free_blocks(struct block *block)
{
    while (block != NULL) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void ds_arena_destroy(ds_arena_t *arena)
{
    if (arena == NULL)
        return;
    free_blocks(arena->first);
    free(arena);
}

void ds_arena_reset(ds_arena_t *arena)
{
    if (arena->first == NULL)
        return;
    free_blocks(arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->last = arena->first;
    arena->held_bytes = arena->first->capacity;
}

static bool add_block(ds_arena_t *arena, size_t bytes, ds_error_t *error)
{
    size_t left = arena->max_bytes - arena->held_bytes;
    if (bytes > left)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_LIMIT,
                            "arena cannot take %zu bytes more: maximum %zu", bytes,
                            arena->max_bytes);
    size_t capacity = arena->last == NULL ? arena->first_bytes : arena->last->capacity * 2;
    if (capacity > left)
        capacity = left;
    if (capacity < bytes)
        capacity = bytes;
    struct block *block = block_new(capacity);
    if (block == NULL)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_MEMORY, "arena block of %zu bytes",
                            capacity);
    if (arena->last == NULL)
        arena->first = block;
    else
        arena->last->next = block;
    arena->last = block;
    arena->held_bytes += capacity;
    return true;
}

void *ds_arena_alloc(ds_arena_t *arena, size_t bytes, ds_error_t *error)
{
    if (bytes > SIZE_MAX - 15) {
        ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_LIMIT, "arena: %zu bytes asked for", bytes);
        return NULL;
    }
    size_t rounded = (bytes + 15) & ~(size_t)15;
    struct block *last = arena->last;
    if ((last == NULL || last->capacity - last->used < rounded) &&
        !add_block(arena, rounded, error))
        return NULL;
    last = arena->last;
    void *memory = last->data + last->used;
    last->used += rounded;
    memset(memory, 0, rounded);
    return memory;
}

void *ds_arena_calloc(ds_arena_t *arena, size_t count, size_t bytes, ds_error_t *error)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_LIMIT, "arena: %zu items of %zu bytes", count,
                     bytes);
        return NULL;
    }
    return ds_arena_alloc(arena, total, error);
}

bool ds_arena_dup(ds_arena_t *arena, ds_str_t text, ds_str_t *copy_out, ds_error_t *error)
{
    *copy_out = (ds_str_t){NULL, 0};
    char *copy = ds_arena_alloc(arena, (size_t)text.len + 1, error);
    if (copy == NULL)
        return false;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    *copy_out = (ds_str_t){copy, text.len};
    return true;
}

bool ds_arena_printf(ds_arena_t *arena, ds_str_t *text_out, ds_error_t *error, const char *format,
                     ...)
{
    *text_out = (ds_str_t){NULL, 0};
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char brief[128]; /* most are short: formatted once */
    int length = vsnprintf(brief, sizeof brief, format, args);
    va_end(args);
    char *text = NULL;
    if (length < 0)
        ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_INVALID, "arena: cannot format \"%.40s\"",
                     format);
    else
        text = ds_arena_alloc(arena, (size_t)length + 1, error);
    if (text != NULL) {
        if ((size_t)length < sizeof brief)
            memcpy(text, brief, (size_t)length + 1);
        else
            (void)vsnprintf(text, (size_t)length + 1, format, again);
        *text_out = (ds_str_t){text, (uint32_t)length};
    }
    va_end(again);
    return text != NULL;
}

size_t ds_arena_used(const ds_arena_t *arena)
{
    size_t used = 0;
    for (const struct block *block = arena->first; block != NULL; block = block->next)
        used += block->used;
    return used;
}
