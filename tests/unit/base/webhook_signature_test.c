#include "base/webhook_signature.h"

#include <criterion/criterion.h>

/* The example of the Standard Webhooks libraries. */
Test(signature, published_vector_is_reproduced)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t key, signature;
    ds_buf_init(&key, DS_WEBHOOK_SECRET_MAX_BYTES);
    ds_buf_init(&signature, 128);
    cr_assert(ds_webhook_secret(DS_STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key, &error));
    cr_assert(ds_webhook_sign(ds_buf_bytes(&key), DS_STR("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                              1614265330, DS_STR("{\"test\": 2432232314}"), &signature, &error));
    cr_expect(ds_str_eq(ds_buf_str(&signature),
                        DS_STR("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));
    ds_buf_cleanup(&key);
    ds_buf_cleanup(&signature);
}

Test(signature, secret_may_stand_without_its_prefix)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t with, without;
    ds_buf_init(&with, DS_WEBHOOK_SECRET_MAX_BYTES);
    ds_buf_init(&without, DS_WEBHOOK_SECRET_MAX_BYTES);
    cr_assert(ds_webhook_secret(DS_STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &with, &error));
    cr_assert(ds_webhook_secret(DS_STR("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &without, &error));
    cr_expect(ds_str_eq(ds_buf_str(&with), ds_buf_str(&without)));
    ds_buf_clear(&with);
    cr_assert(ds_webhook_secret(DS_STR("whsec_MDEyMzQ1Njc4OWFiY2RlZg=="), &with, &error));
    cr_expect(ds_str_eq(ds_buf_str(&with), DS_STR("0123456789abcdef")));
    ds_buf_cleanup(&with);
    ds_buf_cleanup(&without);
}

Test(signature, short_or_malformed_secret_is_refused_and_not_shown)
{
    static const char *const wrong[] = {"", "whsec_", "whsec_c2hvcnQ=", "whsec_AAAA",
                                        "whsec_$$$$$$$$$$$$$$$$$$$$"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ds_error_t error = DS_ERROR_INIT;
        ds_buf_t key;
        ds_buf_init(&key, DS_WEBHOOK_SECRET_MAX_BYTES);
        cr_expect_not(ds_webhook_secret(ds_str(wrong[i]), &key, &error), "%s", wrong[i]);
        cr_expect_eq(error.code, DS_ERR_INVALID);
        cr_expect_eq(key.len, 0);
        cr_expect_null(strstr(error.message, "c2hvcnQ"));
        ds_buf_cleanup(&key);
    }
}
