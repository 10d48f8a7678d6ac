#include "base/str.h"

#include <stdlib.h>

int ds_str_cmp(ds_str_t a, ds_str_t b)
{
    uint32_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

uint64_t ds_str_hash(ds_str_t s, uint64_t seed)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ seed;
    for (uint32_t i = 0; i < s.len; i++) {
        hash ^= (uint8_t)s.data[i];
        hash *= UINT64_C(1099511628211);
    }
    return hash ^ (hash >> 32);
}

ds_str_t ds_str_before(ds_str_t s, char c)
{
    const char *found = s.len == 0 ? NULL : memchr(s.data, c, s.len);
    return found == NULL ? s : (ds_str_t){s.data, (uint32_t)(found - s.data)};
}

ds_str_t ds_str_after(ds_str_t s, char c)
{
    const char *found = s.len == 0 ? NULL : memchr(s.data, c, s.len);
    if (found == NULL)
        return (ds_str_t){NULL, 0};
    return (ds_str_t){found + 1, s.len - (uint32_t)(found + 1 - s.data)};
}

/* The length of the sequence that starts at p, or 0 where it is malformed. Table 3-7 of the Unicode
 * standard. */
static uint32_t utf8_sequence(const uint8_t *p, uint32_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    uint32_t need = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (left < need)
        return 0;
    uint8_t low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (uint32_t i = 2; i < need; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

/* Eight bytes at once while all are ASCII: nearly all of our text is. */
static uint32_t skip_ascii(const uint8_t *p, uint32_t len)
{
    uint32_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return i;
}

bool ds_utf8_valid(ds_str_t s)
{
    const uint8_t *p = (const uint8_t *)s.data;
    uint32_t i = s.len == 0 ? 0 : skip_ascii(p, s.len);
    while (i < s.len) {
        uint32_t step = utf8_sequence(p + i, s.len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

uint32_t ds_utf8_step(ds_str_t s, uint32_t at)
{
    return utf8_sequence((const uint8_t *)s.data + at, s.len - at);
}

ds_str_t ds_utf8_cut(ds_str_t s, uint32_t max_bytes)
{
    if (s.len <= max_bytes)
        return s;
    uint32_t end = max_bytes;
    while (end > 0 && max_bytes - end < 3 && ((uint8_t)s.data[end] & 0xC0) == 0x80)
        end--;
    return (ds_str_t){s.data, end};
}

size_t ds_utf8_length(ds_str_t s)
{
    size_t count = 0;
    for (uint32_t i = 0; i < s.len; i++)
        count += ((uint8_t)s.data[i] & 0xC0) != 0x80;
    return count;
}

bool ds_str_to_array(ds_str_t s, char *to, size_t to_bytes)
{
    if (s.len >= to_bytes) {
        to[0] = '\0';
        return false;
    }
    if (s.len > 0)
        memcpy(to, s.data, s.len);
    to[s.len] = '\0';
    return true;
}

bool ds_str_to_i64(ds_str_t s, int64_t *value_out)
{
    *value_out = 0;
    bool negative = s.len > 0 && s.data[0] == '-';
    uint32_t i = negative ? 1 : 0;
    if (i == s.len)
        return false;
    int64_t value = 0; /* built downwards, so that INT64_MIN fits */
    for (; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, s.data[i] - '0', &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *value_out = value;
    return true;
}

char *ds_str_put_i64(char *to, int64_t value)
{
    char digits[DS_I64_CHARS];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        *to++ = '-';
    memcpy(to, digits + at, sizeof digits - at);
    return to + (sizeof digits - at);
}

char *ds_str_dup(ds_str_t s)
{
    char *copy = malloc((size_t)s.len + 1);
    if (copy == NULL)
        return NULL;
    if (s.len > 0)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}
