#include "projections/postgres/table.h"

#include <assert.h>

/* A one-dimensional array in PostgreSQL's binary format, all integers big-endian:
 *
 *   int32 dimensions (1) | int32 has NULLs | int32 element oid | int32 count | int32 lower bound
 * (1) per element: int32 bytes (-1: NULL) | bytes */
#define HEADER_BYTES 20
#define FLAGS_AT     4
#define COUNT_AT     12

/* Microseconds between 1970 and 2000, where PostgreSQL begins to count, and its range. */
#define EPOCH_2000_US INT64_C(946684800000000)
#define MIN_TIME      (-INT64_C(211813488000000000))
#define MAX_TIME      INT64_C(9223371331199999999)

static void put_be32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

static bool append_be32(ds_buf_t *buf, uint32_t value, ds_error_t *error)
{
    uint8_t bytes[4];
    put_be32(bytes, value);
    return ds_buf_append(buf, bytes, sizeof bytes, error);
}

bool ds_array_begin(ds_buf_t *array, uint32_t oid, ds_error_t *error)
{
    uint8_t header[HEADER_BYTES] = {0};
    assert(array->len == 0);
    put_be32(header, 1);
    put_be32(header + 8, oid);
    put_be32(header + 16, 1);
    return ds_buf_append(array, header, sizeof header, error);
}

void ds_array_end(ds_buf_t *array, size_t count)
{
    assert(array->len >= HEADER_BYTES && count <= INT32_MAX);
    put_be32(array->data + COUNT_AT, (uint32_t)count);
}

bool ds_array_null(ds_buf_t *array, ds_error_t *error)
{
    if (!append_be32(array, UINT32_MAX, error))
        return false;
    put_be32(array->data + FLAGS_AT, 1);
    return true;
}

/* Zero bytes are valid UTF-8 and may stand in a text of a hostile topic; the database would refuse
 * the whole batch. */
static bool append_without_zeros(ds_buf_t *array, ds_str_t text, ds_error_t *error)
{
    size_t start = array->len;
    if (!append_be32(array, 0, error))
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        bool ok = text.data[i] == '\0' ? ds_buf_append(array, "\xEF\xBF\xBD", 3, error)
                                       : ds_buf_append_char(array, text.data[i], error);
        if (!ok)
            return false;
    }
    put_be32(array->data + start, (uint32_t)(array->len - start - 4));
    return true;
}

bool ds_array_text(ds_buf_t *array, ds_str_t text, ds_error_t *error)
{
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
        return append_without_zeros(array, text, error);
    return append_be32(array, text.len, error) && ds_buf_append_str(array, text, error);
}

bool ds_array_i32(ds_buf_t *array, int32_t value, ds_error_t *error)
{
    return append_be32(array, 4, error) && append_be32(array, (uint32_t)value, error);
}

bool ds_array_i64(ds_buf_t *array, int64_t value, ds_error_t *error)
{
    return append_be32(array, 8, error) &&
           append_be32(array, (uint32_t)((uint64_t)value >> 32), error) &&
           append_be32(array, (uint32_t)(uint64_t)value, error);
}

bool ds_array_time(ds_buf_t *array, int64_t time_us, ds_error_t *error)
{
    /* A time outside of what the database knows must not stop the projection. */
    int64_t since = time_us < MIN_TIME + EPOCH_2000_US ? MIN_TIME : time_us - EPOCH_2000_US;
    return ds_array_i64(array, since > MAX_TIME ? MAX_TIME : since, error);
}

static uint32_t read_be32(const char *from)
{
    const uint8_t *b = (const uint8_t *)from;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

int64_t ds_result_i64(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column) || PQgetlength(result, row, column) != 8)
        return DS_NULL_I64;
    const char *at = PQgetvalue(result, row, column);
    return (int64_t)((uint64_t)read_be32(at) << 32 | read_be32(at + 4));
}

int32_t ds_result_i32(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column) || PQgetlength(result, row, column) != 4)
        return DS_NULL_I32;
    return (int32_t)read_be32(PQgetvalue(result, row, column));
}

ds_str_t ds_result_text(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return (ds_str_t){NULL, 0};
    return (ds_str_t){PQgetvalue(result, row, column), (uint32_t)PQgetlength(result, row, column)};
}
