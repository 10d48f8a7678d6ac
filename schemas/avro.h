/* schemas/avro.h - the Avro wire (1.11, binary encoding), as generated code reads and writes it.
 *
 * Reading: a cursor `p` is threaded through, NULL after a failure; the failure (what, where, which
 * field) is kept in the reader and becomes an error in ds_schema_decode(). Nothing is read behind
 * `end`. A string is a borrowed slice. Writing: generated code first computes an upper bound of the
 * size, the buffer is reserved once, and then written without checks; a value that cannot be
 * written (bad enum, kind or UTF-8) is noted in the writer and fails at the end. Only generated
 * code and schemas/ include this. Threads: a reader or writer belongs to one call. */
#ifndef DS_SCHEMAS_AVRO_H
#define DS_SCHEMAS_AVRO_H

#include "base/buf.h"
#include "base/limits.h"

#define DS_AVRO_PATH_BYTES   160
#define DS_AVRO_FRAME_BYTES  10 /* the longest: C3 01 and a fingerprint */
#define DS_AVRO_VARINT_BYTES 10
/* What a bound says when a list is longer than any record could be. */
#define DS_AVRO_TOO_LARGE (UINT64_C(1) << 40)

#define DS_AVRO_LIKELY(x) __builtin_expect(!!(x), 1)
#define DS_AVRO_COLD      __attribute__((cold, noinline))

struct ds_avro_reader {
    const uint8_t *start;
    const uint8_t *end;
    ds_arena_t *arena;
    ds_error_t *error; /* of the arena */
    bool head_ok;      /* the meta block of an event was read */
    enum ds_error_code code;
    const char *what;              /* a constant text */
    size_t offset;                 /* where in the body it failed */
    char path[DS_AVRO_PATH_BYTES]; /* "body.OrderCreated.lines[3].name" */
};

struct ds_avro_writer {
    const char *field; /* the first one that cannot be written; NULL: all is well */
    const char *what;
};

/** One writer schema that can be read; generated. */
struct ds_schema_version {
    uint64_t fingerprint;
    const char *name; /* "current", "v1" */
    const uint8_t *(*decode)(struct ds_avro_reader *r, const uint8_t *p, void *value);
};

/** How a topic's struct is written; generated. */
struct ds_avro_encoder {
    const char *topic;
    uint64_t (*bound)(const void *value);
    uint8_t *(*put)(struct ds_avro_writer *w, uint8_t *p, const void *value);
};

/** @brief Note a failure at `p`. @return NULL. */
DS_AVRO_COLD const uint8_t *ds_avro_fail(struct ds_avro_reader *r, const uint8_t *p,
                                         enum ds_error_code code, const char *what);
/** @brief Put a field name, or an index, in front of the path of a failure. @return NULL. */
DS_AVRO_COLD const uint8_t *ds_avro_at(struct ds_avro_reader *r, const char *field);
DS_AVRO_COLD const uint8_t *ds_avro_at_index(struct ds_avro_reader *r, size_t index);

/** @brief A varint of two bytes or more. */
const uint8_t *ds_avro_get_varint(struct ds_avro_reader *r, const uint8_t *p, int64_t *out);
/** @brief The head of an array block; count 0 ends the array. Refuses more items than `least_bytes`
 * each allow.
 *  @param block_end_out  where the block must end, if it says so; else NULL. */
const uint8_t *ds_avro_get_block(struct ds_avro_reader *r, const uint8_t *p, size_t least_bytes,
                                 size_t *count_out, const uint8_t **block_end_out);
/** @brief Room for `more` items behind `count`; doubles, so that many small blocks cost no more
 * than one large.
 *  @return NULL when the arena is full. */
void *ds_avro_grow(struct ds_avro_reader *r, void *items, size_t count, size_t more,
                   size_t item_bytes, size_t *capacity);

/** @brief Frame and body behind what `out` holds; on failure `out` is as before.
 *  @param frame  at most DS_AVRO_FRAME_BYTES. */
DS_MUST_CHECK bool ds_avro_encode(const struct ds_avro_encoder *encoder, ds_bytes_t frame,
                                  const void *value, ds_buf_t *out, ds_error_t *error);
DS_AVRO_COLD void ds_avro_refuse(struct ds_avro_writer *w, const char *field, const char *what);

/** @brief The symbol of an enum value; "" for a number that is none. */
const char *ds_avro_enum_text(const char *const *texts, size_t count, int64_t value);
/** @brief The number of a symbol; -1 when there is none. */
int32_t ds_avro_enum_find(const char *const *texts, size_t count, ds_str_t text);

/* ---- reading ---- */

static inline const uint8_t *ds_avro_get_long(struct ds_avro_reader *r, const uint8_t *p,
                                              int64_t *out)
{
    if (DS_AVRO_LIKELY(p < r->end && *p < 0x80)) {
        *out = (int64_t)(*p >> 1) ^ -(int64_t)(*p & 1);
        return p + 1;
    }
    return ds_avro_get_varint(r, p, out);
}

static inline const uint8_t *ds_avro_get_int(struct ds_avro_reader *r, const uint8_t *p,
                                             int32_t *out)
{
    int64_t value = 0;
    const uint8_t *next = ds_avro_get_long(r, p, &value);
    if (next != NULL && (value < INT32_MIN || value > INT32_MAX))
        return ds_avro_fail(r, p, DS_ERR_INVALID, "int out of range");
    *out = (int32_t)value;
    return next;
}

/** A number in [0, count): of an enum symbol or a union branch. */
static inline const uint8_t *ds_avro_get_index(struct ds_avro_reader *r, const uint8_t *p,
                                               int32_t count, const char *what, int32_t *out)
{
    int64_t value = 0;
    const uint8_t *next = ds_avro_get_long(r, p, &value);
    if (next != NULL && (value < 0 || value >= count))
        return ds_avro_fail(r, p, DS_ERR_INVALID, what);
    *out = (int32_t)value;
    return next;
}

static inline const uint8_t *ds_avro_get_bool(struct ds_avro_reader *r, const uint8_t *p, bool *out)
{
    if (p >= r->end)
        return ds_avro_fail(r, p, DS_ERR_TRUNCATED, "ends too early");
    if (*p > 1)
        return ds_avro_fail(r, p, DS_ERR_INVALID, "boolean is neither 0 nor 1");
    *out = *p == 1;
    return p + 1;
}

static inline const uint8_t *ds_avro_get_raw(struct ds_avro_reader *r, const uint8_t *p, void *to,
                                             size_t bytes)
{
    if ((size_t)(r->end - p) < bytes)
        return ds_avro_fail(r, p, DS_ERR_TRUNCATED, "ends too early");
    memcpy(to, p, bytes);
    return p + bytes;
}

static inline const uint8_t *ds_avro_get_float(struct ds_avro_reader *r, const uint8_t *p,
                                               float *out)
{
    return ds_avro_get_raw(r, p, out, sizeof(*out));
}

static inline const uint8_t *ds_avro_get_double(struct ds_avro_reader *r, const uint8_t *p,
                                                double *out)
{
    return ds_avro_get_raw(r, p, out, sizeof(*out));
}

static inline const uint8_t *ds_avro_get_bytes(struct ds_avro_reader *r, const uint8_t *p,
                                               ds_bytes_t *out)
{
    int64_t len = 0;
    const uint8_t *next = ds_avro_get_long(r, p, &len);
    if (next == NULL)
        return NULL;
    if (len < 0)
        return ds_avro_fail(r, p, DS_ERR_INVALID, "negative length");
    if (len > r->end - next)
        return ds_avro_fail(r, p, DS_ERR_TRUNCATED, "length beyond the end");
    out->data = next;
    out->len = (uint32_t)len;
    return next + len;
}

static inline uint64_t ds_avro_load8(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

static inline uint32_t ds_avro_load4(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/** Whether all bytes are below 0x80: most texts are, and then they are UTF-8 already. */
static inline bool ds_avro_ascii(const uint8_t *p, uint32_t len)
{
    uint64_t seen = 0;
    if (len >= 8) {
        for (uint32_t i = 0; i + 8 < len; i += 8)
            seen |= ds_avro_load8(p + i);
        seen |= ds_avro_load8(p + len - 8);
    } else if (len >= 4) {
        seen = (uint64_t)ds_avro_load4(p) | ds_avro_load4(p + len - 4);
    } else {
        for (uint32_t i = 0; i < len; i++)
            seen |= p[i];
    }
    return (seen & UINT64_C(0x8080808080808080)) == 0;
}

static inline const uint8_t *ds_avro_get_string(struct ds_avro_reader *r, const uint8_t *p,
                                                ds_str_t *out)
{
    ds_bytes_t bytes = {NULL, 0};
    const uint8_t *next = ds_avro_get_bytes(r, p, &bytes);
    if (next == NULL)
        return NULL;
    *out = (ds_str_t){(const char *)bytes.data, bytes.len};
    if (!DS_AVRO_LIKELY(ds_avro_ascii(bytes.data, bytes.len)) && !ds_utf8_valid(*out))
        return ds_avro_fail(r, p, DS_ERR_INVALID, "not UTF-8");
    return next;
}

/* ---- writing: `p` has room, see the bound ---- */

static inline uint8_t *ds_avro_put_long(uint8_t *p, int64_t value)
{
    uint64_t bits = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    while (bits >= 0x80) {
        *p++ = (uint8_t)(bits | 0x80);
        bits >>= 7;
    }
    *p++ = (uint8_t)bits;
    return p;
}

static inline uint8_t *ds_avro_put_bool(uint8_t *p, bool value)
{
    *p = value ? 1 : 0;
    return p + 1;
}

static inline uint8_t *ds_avro_put_raw(uint8_t *p, const void *from, size_t bytes)
{
    memcpy(p, from, bytes);
    return p + bytes;
}

static inline uint8_t *ds_avro_put_bytes(uint8_t *p, ds_bytes_t value)
{
    p = ds_avro_put_long(p, value.len);
    if (value.len > 0)
        memcpy(p, value.data, value.len);
    return p + value.len;
}

/** Texts are short: copying them in words and looking for high bits on the way beats two calls. */
static inline uint8_t *ds_avro_put_string(struct ds_avro_writer *w, uint8_t *p, ds_str_t value,
                                          const char *field)
{
    const uint8_t *from = (const uint8_t *)value.data;
    uint32_t len = value.len;
    uint64_t seen = 0;
    p = ds_avro_put_long(p, len);
    if (len >= 8) {
        for (uint32_t i = 0; i + 8 < len; i += 8) {
            uint64_t word = ds_avro_load8(from + i);
            memcpy(p + i, &word, 8);
            seen |= word;
        }
        uint64_t tail = ds_avro_load8(from + len - 8);
        memcpy(p + len - 8, &tail, 8);
        seen |= tail;
    } else if (len >= 4) {
        uint32_t head = ds_avro_load4(from);
        uint32_t tail = ds_avro_load4(from + len - 4);
        memcpy(p, &head, 4);
        memcpy(p + len - 4, &tail, 4);
        seen = (uint64_t)head | tail;
    } else {
        for (uint32_t i = 0; i < len; i++) {
            p[i] = from[i];
            seen |= from[i];
        }
    }
    if ((seen & UINT64_C(0x8080808080808080)) != 0 && !ds_utf8_valid(value))
        ds_avro_refuse(w, field, "not UTF-8");
    return p + len;
}

/** An enum or a kind: refused, not written, when it is out of range. */
static inline uint8_t *ds_avro_put_index(struct ds_avro_writer *w, uint8_t *p, int64_t value,
                                         int64_t count, const char *field)
{
    if (value < 0 || value >= count) {
        ds_avro_refuse(w, field, "no such symbol or kind");
        value = 0;
    }
    return ds_avro_put_long(p, value);
}

/* ---- JSON ---- */

DS_MUST_CHECK bool ds_json_bool(bool value, ds_buf_t *out, ds_error_t *error);
DS_MUST_CHECK bool ds_json_long(int64_t value, ds_buf_t *out, ds_error_t *error);
DS_MUST_CHECK bool ds_json_time(int64_t time_us, ds_buf_t *out, ds_error_t *error);
/** @brief As short as it reads back; null for what JSON has no number for. */
DS_MUST_CHECK bool ds_json_double(double value, ds_buf_t *out, ds_error_t *error);
/** @brief Base 64. */
DS_MUST_CHECK bool ds_json_bytes(ds_bytes_t value, ds_buf_t *out, ds_error_t *error);
/** @brief A symbol; INVALID when `text` is "". */
DS_MUST_CHECK bool ds_json_symbol(const char *text, ds_buf_t *out, ds_error_t *error);
/** @brief A kind that is none. @return false. */
DS_MUST_CHECK bool ds_json_bad_kind(const char *type, int32_t kind, ds_error_t *error);

#endif
