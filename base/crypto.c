#include "base/crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static bool openssl_failed(const char *what, ds_error_t *error)
{
    /* Digests on memory fail for want of memory or because the provider does not load; neither is
     * the input's fault. */
    return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_MEMORY, "%s: OpenSSL gave nothing", what);
}

static bool add_part(EVP_MD_CTX *context, ds_bytes_t part)
{
    uint8_t length[8] = {0};
    for (int i = 0; i < 4; i++)
        length[4 + i] = (uint8_t)(part.len >> (24 - 8 * i));
    return EVP_DigestUpdate(context, length, sizeof length) == 1 &&
           (part.len == 0 || EVP_DigestUpdate(context, part.data, part.len) == 1);
}

bool ds_sha256_parts(const ds_bytes_t *parts, size_t part_count,
                     uint8_t digest_out[DS_SHA256_BYTES], ds_error_t *error)
{
    memset(digest_out, 0, DS_SHA256_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < part_count; i++)
        ok = add_part(context, parts[i]);
    ok = ok && EVP_DigestFinal_ex(context, digest_out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return ok || openssl_failed("SHA-256", error);
}

bool ds_sha256(ds_bytes_t data, uint8_t digest_out[DS_SHA256_BYTES], ds_error_t *error)
{
    memset(digest_out, 0, DS_SHA256_BYTES);
    const void *from = data.len == 0 ? "" : (const void *)data.data;
    return EVP_Digest(from, data.len, digest_out, NULL, EVP_sha256(), NULL) == 1 ||
           openssl_failed("SHA-256", error);
}

bool ds_hmac_sha256(ds_bytes_t key, ds_bytes_t data, uint8_t mac_out[DS_SHA256_BYTES],
                    ds_error_t *error)
{
    memset(mac_out, 0, DS_SHA256_BYTES);
    if (key.len > INT_MAX)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_LIMIT, "HMAC key of %u bytes", key.len);
    const uint8_t none[1] = {0};
    return HMAC(EVP_sha256(), key.len == 0 ? none : key.data, (int)key.len,
                data.len == 0 ? none : data.data, data.len, mac_out, NULL) != NULL ||
           openssl_failed("HMAC-SHA256", error);
}

bool ds_equal_constant_time(ds_bytes_t a, ds_bytes_t b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

static const char STANDARD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL_SAFE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool base64_append(ds_buf_t *buf, ds_bytes_t data, const char *alphabet, bool padded,
                          ds_error_t *error)
{
    if (!ds_buf_reserve(buf, ((size_t)data.len + 2) / 3 * 4, error))
        return false;
    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i < 3 ? data.len - i : 3;
        uint32_t group = (uint32_t)data.data[i] << 16;
        group |= left > 1 ? (uint32_t)data.data[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)data.data[i + 2] : 0;
        for (size_t k = 0; k < 4; k++) {
            if (k <= left)
                buf->data[buf->len++] = (uint8_t)alphabet[group >> (18 - 6 * k) & 63];
            else if (padded)
                buf->data[buf->len++] = '=';
        }
    }
    return true;
}

bool ds_base64_append(ds_buf_t *buf, ds_bytes_t data, ds_error_t *error)
{
    return base64_append(buf, data, STANDARD, true, error);
}

bool ds_base64url_append(ds_buf_t *buf, ds_bytes_t data, ds_error_t *error)
{
    return base64_append(buf, data, URL_SAFE, false, error);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* Everything that two decoders might read differently is refused: a mix of both alphabets, padding
 * of the wrong length, bits left over in the last character. Otherwise one signed value would have
 * several texts. */
static bool base64_digits(ds_str_t text, uint32_t *count_out)
{
    uint32_t count = text.len;
    while (count > 0 && text.len - count < 2 && text.data[count - 1] == '=')
        count--;
    if (count % 4 == 1 || (count < text.len && text.len % 4 != 0))
        return false;
    bool standard = false, url_safe = false;
    for (uint32_t i = 0; i < count; i++) {
        if (base64_value(text.data[i]) < 0)
            return false;
        standard |= text.data[i] == '+' || text.data[i] == '/';
        url_safe |= text.data[i] == '-' || text.data[i] == '_';
    }
    int last = count == 0 ? 0 : base64_value(text.data[count - 1]);
    int unused = count % 4 == 2 ? 15 : count % 4 == 3 ? 3 : 0;
    *count_out = count;
    return !(standard && url_safe) && (last & unused) == 0;
}

bool ds_base64_decode(ds_buf_t *buf, ds_str_t text, ds_error_t *error)
{
    uint32_t count;
    if (!base64_digits(text, &count))
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_INVALID, "%u bytes are not base64",
                            text.len);
    if (!ds_buf_reserve(buf, (size_t)count * 3 / 4, error))
        return false;
    uint32_t bits = 0;
    unsigned held = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits = bits << 6 | (uint32_t)base64_value(text.data[i]);
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf->data[buf->len++] = (uint8_t)(bits >> held);
        }
    }
    return true;
}

bool ds_hex_append(ds_buf_t *buf, ds_bytes_t data, ds_error_t *error)
{
    if (!ds_buf_reserve(buf, (size_t)data.len * 2, error))
        return false;
    for (uint32_t i = 0; i < data.len; i++) {
        buf->data[buf->len++] = (uint8_t) "0123456789abcdef"[data.data[i] >> 4];
        buf->data[buf->len++] = (uint8_t) "0123456789abcdef"[data.data[i] & 15];
    }
    return true;
}

/* Castagnoli's polynomial, reflected: 0x82F63B78. One entry per half byte: 64 bytes of table stay
 * in the cache. */
static const uint32_t CRC32C[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

#if defined(__x86_64__)
/* The processor's own instruction, some 50 times as fast. */
__attribute__((target("sse4.2"))) static uint32_t crc32c_fast(ds_bytes_t data)
{
    uint64_t crc = UINT32_MAX;
    uint32_t i = 0;
    for (; i + 8 <= data.len; i += 8) {
        uint64_t word;
        memcpy(&word, data.data + i, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    for (; i < data.len; i++)
        crc = __builtin_ia32_crc32qi((uint32_t)crc, data.data[i]);
    return ~(uint32_t)crc;
}
#endif

uint32_t ds_crc32c(ds_bytes_t data)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_fast(data);
#endif
    uint32_t crc = UINT32_MAX;
    for (uint32_t i = 0; i < data.len; i++) {
        crc ^= data.data[i];
        crc = crc >> 4 ^ CRC32C[crc & 15];
        crc = crc >> 4 ^ CRC32C[crc & 15];
    }
    return ~crc;
}

int64_t ds_fingerprint64(ds_bytes_t data)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (uint32_t i = 0; i < data.len; i++) {
        hash ^= data.data[i];
        hash *= UINT64_C(1099511628211);
    }
    int64_t fingerprint;
    memcpy(&fingerprint, &hash, sizeof fingerprint);
    return fingerprint;
}
