/* base/webhook_signature.h - signs a message after Standard Webhooks (standardwebhooks.com).
 *
 *   webhook-signature: v1,<base64 of HMAC-SHA256(secret, "<id>.<timestamp>.<body>")>
 *
 * Pure. */
#ifndef DS_BASE_WEBHOOK_SIGNATURE_H
#define DS_BASE_WEBHOOK_SIGNATURE_H

#include "base/buf.h"

#define DS_WEBHOOK_SECRET_MAX_BYTES 128

/** @brief "whsec_<base64>", the prefix may be missing, to bytes, appended. INVALID: not base64, or
 *  fewer than 16 bytes. The message never holds the secret. */
DS_MUST_CHECK bool ds_webhook_secret(ds_str_t text, ds_buf_t *key_out, ds_error_t *error);
/** @brief Append "v1,<base64>". */
DS_MUST_CHECK bool ds_webhook_sign(ds_bytes_t key, ds_str_t id, int64_t timestamp_s, ds_str_t body,
                                   ds_buf_t *signature_out, ds_error_t *error);

#endif
