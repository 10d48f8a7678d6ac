/* api/webhooks.h - Standard Webhooks: is it from the provider, and is it new enough? Pure. */
#ifndef DS_API_WEBHOOKS_H
#define DS_API_WEBHOOKS_H

#include "base/buf.h"

#define DS_WEBHOOK_TOLERANCE_S 300

/** @brief HMAC-SHA256 over id.timestamp.body, compared with each "v1,<base64>" of the header (space
 * separated). */
bool ds_webhook_verify(ds_bytes_t key, ds_str_t id, ds_str_t timestamp, ds_str_t signatures,
                       ds_bytes_t body, int64_t now_s);

#endif
