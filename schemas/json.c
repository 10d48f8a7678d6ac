/* schemas/json.c - how scalars look in JSON. */
#include "base/clock.h"
#include "schemas/avro.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool ds_json_bool(bool value, ds_buf_t *out, ds_error_t *error)
{
    return ds_buf_append_text(out, value ? "true" : "false", error);
}

bool ds_json_long(int64_t value, ds_buf_t *out, ds_error_t *error)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, value);
    return ds_buf_append(out, text, (size_t)len, error);
}

bool ds_json_time(int64_t time_us, ds_buf_t *out, ds_error_t *error)
{
    char text[DS_TIME_TEXT_BYTES];
    ds_time_to_text(time_us, text);
    return ds_buf_append_json(out, ds_str(text), error);
}

bool ds_json_double(double value, ds_buf_t *out, ds_error_t *error)
{
    char text[40];
    if (!isfinite(value))
        return ds_buf_append_text(out, "null", error);
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (memcmp(&back, &value, sizeof(back)) == 0)
            break;
    }
    return ds_buf_append_text(out, text, error);
}

bool ds_json_bytes(ds_bytes_t value, ds_buf_t *out, ds_error_t *error)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = 2 + ((size_t)value.len + 2) / 3 * 4;
    if (!ds_buf_reserve(out, len, error))
        return false;
    char *to = (char *)out->data + out->len;
    *to++ = '"';
    for (uint32_t i = 0; i < value.len; i += 3) {
        uint32_t have = value.len - i;
        uint32_t bits = (uint32_t)value.data[i] << 16;
        bits |= have > 1 ? (uint32_t)value.data[i + 1] << 8 : 0;
        bits |= have > 2 ? value.data[i + 2] : 0;
        *to++ = digits[bits >> 18];
        *to++ = digits[(bits >> 12) & 63];
        *to++ = have > 1 ? digits[(bits >> 6) & 63] : '=';
        *to++ = have > 2 ? digits[bits & 63] : '=';
    }
    *to = '"';
    out->len += len;
    return true;
}

bool ds_json_symbol(const char *text, ds_buf_t *out, ds_error_t *error)
{
    if (text[0] == '\0')
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "json: an enum value is none");
    return ds_buf_append_json(out, ds_str(text), error);
}

bool ds_json_bad_kind(const char *type, int32_t kind, ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_INVALID, "json: %s has no kind %d", type,
                        (int)kind);
}
