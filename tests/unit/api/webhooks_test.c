#include "api/webhooks.h"
#include "base/crypto.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NOW_S INT64_C(1800000000)

static const ds_bytes_t key = {(const uint8_t *)"0123456789abcdef", 16};
static const ds_bytes_t body = {(const uint8_t *)"{\"a\":1}", 7};

static bool verify(const char *id, const char *timestamp, const char *signed_timestamp,
                   const char *prefix)
{
    ds_buf_t text, header;
    ds_error_t error = DS_ERROR_INIT;
    uint8_t mac[DS_SHA256_BYTES];
    ds_buf_init(&text, 1024);
    ds_buf_init(&header, 1024);
    cr_assert(ds_buf_printf(&text, &error, "%s.%s.{\"a\":1}", id, signed_timestamp));
    cr_assert(ds_hmac_sha256(key, ds_buf_bytes(&text), mac, &error));
    cr_assert(ds_buf_append_text(&header, prefix, &error));
    cr_assert(ds_base64_append(&header, (ds_bytes_t){mac, sizeof mac}, &error));
    bool ok =
        ds_webhook_verify(key, ds_str(id), ds_str(timestamp), ds_buf_str(&header), body, NOW_S);
    ds_buf_cleanup(&text);
    ds_buf_cleanup(&header);
    return ok;
}

Test(webhooks, a_signature_over_id_time_and_body_is_taken)
{
    cr_assert(verify("wh_1", "1800000000", "1800000000", "v1,"));
    cr_assert(verify("wh_1", "1800000000", "1800000000", "v1,AAAA v2,x v1,"));
}

Test(webhooks, another_time_version_or_age_is_refused)
{
    cr_assert_not(verify("wh_1", "1800000001", "1800000000", "v1,"));
    cr_assert_not(verify("wh_1", "1800000000", "1800000000", "v1a,"));
    cr_assert(verify("wh_1", "1799999700", "1799999700", "v1,"));
    cr_assert_not(verify("wh_1", "1799999699", "1799999699", "v1,"));
    cr_assert_not(verify("wh_1", "1800000301", "1800000301", "v1,"));
    cr_assert_not(verify("", "1800000000", "1800000000", "v1,"));
}

Test(webhooks, without_a_secret_nothing_is_taken)
{
    cr_assert_not(ds_webhook_verify((ds_bytes_t){0}, DS_STR("a"), DS_STR("1800000000"),
                                    DS_STR("v1,AAAA"), body, NOW_S));
}
