/* base/crypto.h - digests and text forms of bytes, on OpenSSL. Thread-safe. */
#ifndef DS_BASE_CRYPTO_H
#define DS_BASE_CRYPTO_H

#include "base/buf.h"

#define DS_SHA256_BYTES 32

/** @brief SHA-256 over several parts, each preceded by its length (8 bytes, big endian), so that
 *  ("ab","c") and ("a","bc") differ. FIPS 180-4. */
DS_MUST_CHECK bool ds_sha256_parts(const ds_bytes_t *parts, size_t part_count,
                                   uint8_t digest_out[DS_SHA256_BYTES], ds_error_t *error);
/** @brief Plain SHA-256 of one text. */
DS_MUST_CHECK bool ds_sha256(ds_bytes_t data, uint8_t digest_out[DS_SHA256_BYTES],
                             ds_error_t *error);
/** @brief HMAC-SHA256 (RFC 2104). */
DS_MUST_CHECK bool ds_hmac_sha256(ds_bytes_t key, ds_bytes_t data, uint8_t mac_out[DS_SHA256_BYTES],
                                  ds_error_t *error);
/** @brief Compare without telling where the difference is. */
bool ds_equal_constant_time(ds_bytes_t a, ds_bytes_t b);
DS_MUST_CHECK bool ds_base64_append(ds_buf_t *buf, ds_bytes_t data, ds_error_t *error);
/** @brief URL-safe alphabet, no padding (RFC 4648 section 5). */
DS_MUST_CHECK bool ds_base64url_append(ds_buf_t *buf, ds_bytes_t data, ds_error_t *error);
/** @brief Standard or URL-safe, padding optional; DS_ERR_INVALID for anything else. Appends. */
DS_MUST_CHECK bool ds_base64_decode(ds_buf_t *buf, ds_str_t text, ds_error_t *error);
DS_MUST_CHECK bool ds_hex_append(ds_buf_t *buf, ds_bytes_t data, ds_error_t *error);
/** @brief CRC-32C, for checksums of stored bytes (not for security). */
uint32_t ds_crc32c(ds_bytes_t data);
/** @brief FNV-1a over bytes, 64 bit: fingerprints of inputs (protocol R13). */
int64_t ds_fingerprint64(ds_bytes_t data);

#endif
