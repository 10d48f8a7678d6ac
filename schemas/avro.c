#include "schemas/avro.h"

#include <assert.h>
#include <stdlib.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "float and double are copied as they stand: little-endian only"
#endif

const uint8_t *ds_avro_fail(struct ds_avro_reader *r, const uint8_t *p, enum ds_error_code code,
                            const char *what)
{
    r->code = code;
    r->what = what;
    r->offset = (size_t)(p - r->start);
    r->path[0] = '\0';
    return NULL;
}

/* The path is built from its end, one piece by each function on the way out. Too long: the
 * beginning is lost. */
static const uint8_t *prepend(struct ds_avro_reader *r, const char *piece, size_t len)
{
    size_t have = strlen(r->path);
    bool dot = have > 0 && r->path[0] != '[';
    size_t more = len + (dot ? 1 : 0);
    if (have + more >= sizeof(r->path))
        return NULL;
    memmove(r->path + more, r->path, have + 1);
    memcpy(r->path, piece, len);
    if (dot)
        r->path[len] = '.';
    return NULL;
}

const uint8_t *ds_avro_at(struct ds_avro_reader *r, const char *field)
{
    return prepend(r, field, strlen(field));
}

const uint8_t *ds_avro_at_index(struct ds_avro_reader *r, size_t index)
{
    char piece[24];
    size_t at = sizeof(piece);
    piece[--at] = ']';
    do {
        piece[--at] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    piece[--at] = '[';
    return prepend(r, piece + at, sizeof(piece) - at);
}

const uint8_t *ds_avro_get_varint(struct ds_avro_reader *r, const uint8_t *p, int64_t *out)
{
    const uint8_t *start = p;
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (p >= r->end)
            return ds_avro_fail(r, start, DS_ERR_TRUNCATED, "ends too early");
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1)
            break;
        bits |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return p;
        }
    }
    return ds_avro_fail(r, start, DS_ERR_INVALID, "varint of more than 64 bits");
}

const uint8_t *ds_avro_get_block(struct ds_avro_reader *r, const uint8_t *p, size_t least_bytes,
                                 size_t *count_out, const uint8_t **block_end_out)
{
    int64_t count = 0;
    const uint8_t *start = p;
    *count_out = 0;
    *block_end_out = NULL;
    p = ds_avro_get_long(r, p, &count);
    if (p == NULL)
        return NULL;
    if (count < 0) {
        int64_t bytes = 0;
        if (count == INT64_MIN)
            return ds_avro_fail(r, start, DS_ERR_INVALID, "item count without a positive");
        count = -count;
        p = ds_avro_get_long(r, p, &bytes);
        if (p == NULL)
            return NULL;
        if (bytes < 0)
            return ds_avro_fail(r, start, DS_ERR_INVALID, "negative block size");
        if (bytes > r->end - p)
            return ds_avro_fail(r, start, DS_ERR_TRUNCATED, "block beyond the end");
        *block_end_out = p + bytes;
    }
    size_t left = (size_t)((*block_end_out != NULL ? *block_end_out : r->end) - p);
    if ((uint64_t)count > left / least_bytes)
        return ds_avro_fail(r, start, DS_ERR_TRUNCATED, "more items than the bytes allow");
    *count_out = (size_t)count;
    return p;
}

void *ds_avro_grow(struct ds_avro_reader *r, void *items, size_t count, size_t more,
                   size_t item_bytes, size_t *capacity)
{
    size_t need = count + more;
    if (need <= *capacity)
        return items;
    size_t wanted = need > *capacity * 2 ? need : *capacity * 2;
    void *grown = ds_arena_calloc(r->arena, wanted, item_bytes, r->error);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, items, count * item_bytes);
    *capacity = wanted;
    return grown;
}

void ds_avro_refuse(struct ds_avro_writer *w, const char *field, const char *what)
{
    if (w->field == NULL) {
        w->field = field;
        w->what = what;
    }
}

static bool write_all(const struct ds_avro_encoder *e, ds_bytes_t frame, const void *value,
                      uint64_t bound, uint8_t *to, size_t *len_out, ds_error_t *error)
{
    struct ds_avro_writer w = {NULL, NULL};
    memcpy(to, frame.data, frame.len);
    uint8_t *end = e->put(&w, to + frame.len, value);
    assert((uint64_t)(end - to) <= bound);
    if (w.field != NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "%s: cannot encode %s: %s",
                            e->topic, w.field, w.what);
    *len_out = (size_t)(end - to);
    if (*len_out > DS_MAX_RECORD_BYTES)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT,
                            "%s: a record of %zu bytes, maximum %d", e->topic, *len_out,
                            DS_MAX_RECORD_BYTES);
    return true;
}

/* The bound does not fit but the record may: a bound counts ten bytes for every number. */
static bool encode_aside(const struct ds_avro_encoder *e, ds_bytes_t frame, const void *value,
                         size_t bound, ds_buf_t *out, ds_error_t *error)
{
    size_t len = 0;
    uint8_t *aside = malloc(bound);
    if (aside == NULL)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_MEMORY, "%s: encode: %zu bytes",
                            e->topic, bound);
    bool ok = write_all(e, frame, value, bound, aside, &len, error) &&
              ds_buf_append(out, aside, len, error);
    free(aside);
    return ok;
}

bool ds_avro_encode(const struct ds_avro_encoder *encoder, ds_bytes_t frame, const void *value,
                    ds_buf_t *out, ds_error_t *error)
{
    uint64_t bound = frame.len + encoder->bound(value);
    size_t len = 0;
    assert(frame.len <= DS_AVRO_FRAME_BYTES);
    if (bound > (uint64_t)DS_MAX_RECORD_BYTES * DS_AVRO_VARINT_BYTES + DS_AVRO_FRAME_BYTES)
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_LIMIT,
                            "%s: a record of more than %d bytes", encoder->topic,
                            DS_MAX_RECORD_BYTES);
    if (bound > out->max_bytes || out->len > out->max_bytes - bound)
        return encode_aside(encoder, frame, value, (size_t)bound, out, error);
    if (!ds_buf_reserve(out, (size_t)bound, error) ||
        !write_all(encoder, frame, value, bound, out->data + out->len, &len, error))
        return false;
    out->len += len;
    return true;
}

const char *ds_avro_enum_text(const char *const *texts, size_t count, int64_t value)
{
    return value >= 0 && (uint64_t)value < count ? texts[value] : "";
}

int32_t ds_avro_enum_find(const char *const *texts, size_t count, ds_str_t text)
{
    for (size_t i = 0; i < count; i++) {
        if (ds_str_eq(ds_str(texts[i]), text))
            return (int32_t)i;
    }
    return -1;
}
