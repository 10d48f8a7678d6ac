#include "base/id.h"

#include "base/crypto.h"
#include "base/limits.h"

static const char CROCKFORD[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void ds_id_from_bytes(const uint8_t bytes[16], ds_id_t *id_out)
{
    /* 128 bits in 26 characters of 5: the two bits too many are zeros in front, so the first
     * character is 0-7. */
    uint32_t bits = 0;
    unsigned held = 2;
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        bits = (bits << 8 | bytes[i]) & 0xFFFF;
        held += 8;
        while (held >= 5) {
            held -= 5;
            id_out->text[at++] = CROCKFORD[bits >> held & 31];
        }
    }
    id_out->text[DS_ID_CHARS] = '\0';
}

bool ds_id_new(const ds_clock_t *clock, const ds_random_t *random, ds_id_t *id_out,
               ds_error_t *error)
{
    *id_out = (ds_id_t){""};
    int64_t now_ms = ds_now_us(clock) / DS_US_PER_MS;
    if (now_ms < 0 || now_ms >= INT64_C(1) << 48)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_INVALID,
                            "id: the clock says %lld ms, outside of 48 bits", (long long)now_ms);
    uint8_t bytes[16];
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    if (!random->fill(random, bytes + 6, 10, error))
        return ds_error_prefix(error, "id");
    ds_id_from_bytes(bytes, id_out);
    return true;
}

bool ds_id_derive(const ds_bytes_t *parts, size_t part_count, ds_id_t *id_out, ds_error_t *error)
{
    *id_out = (ds_id_t){""};
    uint8_t digest[DS_SHA256_BYTES];
    if (!ds_sha256_parts(parts, part_count, digest, error))
        return false;
    ds_id_from_bytes(digest, id_out);
    return true;
}

bool ds_id_valid(ds_str_t text)
{
    if (text.len != DS_ID_CHARS || text.data[0] < '0' || text.data[0] > '7')
        return false;
    for (uint32_t i = 0; i < text.len; i++)
        if (memchr(CROCKFORD, text.data[i], sizeof CROCKFORD - 1) == NULL)
            return false;
    return true;
}

bool ds_store_id_valid(ds_str_t text)
{
    if (text.len == 0 || text.len > DS_MAX_STORE_BYTES)
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}
