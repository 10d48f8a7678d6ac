#include "fill.h"

#include <stdlib.h>

/* SplitMix64. */
static uint64_t next(struct ds_fill *f)
{
    uint64_t z = (f->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void *take(struct ds_fill *f, size_t bytes)
{
    void *memory = ds_arena_alloc(f->arena, bytes == 0 ? 1 : bytes, NULL);
    if (memory == NULL)
        abort();
    return memory;
}

uint64_t ds_fill_below(struct ds_fill *f, uint64_t bound)
{
    return next(f) % bound;
}

bool ds_fill_bool(struct ds_fill *f)
{
    return f->extreme || (next(f) & 1) != 0;
}

/* Every length of varint and both signs. One draw a statement: C leaves the order inside an
 * expression open, and then every compiler would have golden files of its own. */
static int64_t draw(struct ds_fill *f, unsigned bits)
{
    uint64_t value = next(f) >> (64 - bits);
    value >>= ds_fill_below(f, bits);
    bool negative = ds_fill_bool(f);
    int64_t half = (int64_t)(value >> 1);
    return negative ? -half : half;
}

int64_t ds_fill_long(struct ds_fill *f)
{
    if (f->extreme)
        return INT64_MIN;
    switch (ds_fill_below(f, 16)) {
    case 0:
        return INT64_MIN;
    case 1:
        return INT64_MAX;
    default:
        return draw(f, 64);
    }
}

int32_t ds_fill_int(struct ds_fill *f)
{
    if (f->extreme)
        return INT32_MIN;
    switch (ds_fill_below(f, 16)) {
    case 0:
        return INT32_MIN;
    case 1:
        return INT32_MAX;
    default:
        return (int32_t)draw(f, 32);
    }
}

/* Between 1970 and 2100, so that it can be printed. */
int64_t ds_fill_time(struct ds_fill *f)
{
    return f->extreme ? INT64_MIN : (int64_t)ds_fill_below(f, UINT64_C(4102444800000000));
}

double ds_fill_double(struct ds_fill *f)
{
    return (double)ds_fill_int(f) / 64.0;
}

float ds_fill_float(struct ds_fill *f)
{
    return (float)(ds_fill_int(f) % 100000) / 8.0f;
}

ds_str_t ds_fill_string(struct ds_fill *f)
{
    static const char *const pieces[] = {"a",
                                         "B7",
                                         "-",
                                         "store-1.",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x9A\xB2",
                                         "\"q\\",
                                         "order.",
                                         "0123456789",
                                         "line\n",
                                         "ZZZZZZZZZZZZZZZZZ"};
    char text[160];
    uint32_t len = 0;
    for (uint64_t left = ds_fill_below(f, 7); left > 0; left--) {
        const char *piece = pieces[ds_fill_below(f, sizeof(pieces) / sizeof(pieces[0]))];
        size_t more = strlen(piece);
        memcpy(text + len, piece, more);
        len += (uint32_t)more;
    }
    char *copy = take(f, len);
    memcpy(copy, text, len);
    return (ds_str_t){copy, len};
}

ds_bytes_t ds_fill_bytes(struct ds_fill *f)
{
    uint32_t len = (uint32_t)ds_fill_below(f, 40);
    uint8_t *data = take(f, len);
    ds_fill_raw(f, data, len);
    return (ds_bytes_t){data, len};
}

void ds_fill_raw(struct ds_fill *f, uint8_t *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)next(f);
}

void *ds_fill_items(struct ds_fill *f, size_t count, size_t bytes)
{
    return take(f, count * bytes);
}
