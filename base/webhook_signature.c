#include "base/webhook_signature.h"

#include "base/crypto.h"

#include <inttypes.h>

#define SECRET_PREFIX    "whsec_"
#define SECRET_MIN_BYTES 16

bool ds_webhook_secret(ds_str_t text, ds_buf_t *key_out, ds_error_t *error)
{
    const uint32_t prefix = sizeof SECRET_PREFIX - 1;
    size_t before = key_out->len;
    if (text.len > prefix && memcmp(text.data, SECRET_PREFIX, prefix) == 0)
        text = (ds_str_t){text.data + prefix, text.len - prefix};
    if (ds_base64_decode(key_out, text, NULL) && key_out->len - before >= SECRET_MIN_BYTES)
        return true;
    key_out->len = before;
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID,
                        "webhook secret: wanted whsec_ and base64 of at least %d bytes",
                        SECRET_MIN_BYTES);
}

bool ds_webhook_sign(ds_bytes_t key, ds_str_t id, int64_t timestamp_s, ds_str_t body,
                     ds_buf_t *signature_out, ds_error_t *error)
{
    uint8_t mac[DS_SHA256_BYTES];
    ds_buf_t signed_text;
    ds_buf_init(&signed_text, (size_t)id.len + body.len + 32);
    bool ok = ds_buf_append_str(&signed_text, id, error) &&
              ds_buf_printf(&signed_text, error, ".%" PRId64 ".", timestamp_s) &&
              ds_buf_append_str(&signed_text, body, error) &&
              ds_hmac_sha256(key, ds_buf_bytes(&signed_text), mac, error) &&
              ds_buf_append_text(signature_out, "v1,", error) &&
              ds_base64_append(signature_out, (ds_bytes_t){mac, sizeof mac}, error);
    ds_buf_cleanup(&signed_text);
    return ok;
}
