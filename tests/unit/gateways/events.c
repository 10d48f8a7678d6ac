#include "events.h"

static struct ds_payment_event event(int32_t kind)
{
    struct ds_payment_event made = {.context = {.correlation_id = DS_STR("corr-1"),
                                                .has_traceparent = true,
                                                .traceparent = DS_STR("00-aa-bb-01")}};
    made.body.kind = kind;
    return made;
}

struct ds_payment_event payment_initiated(const char *order_id, const char *key, const char *token,
                                          int64_t amount)
{
    struct ds_payment_event made = event(DS_PAYMENT_EVENT_PAYMENT_INITIATED);
    made.body.as.payment_initiated =
        (struct ds_payment_initiated){.order_id = ds_str(order_id),
                                      .charge_key = ds_str(key),
                                      .currency = DS_STR("EUR"),
                                      .amount_minor = amount,
                                      .has_payment_token = token != NULL,
                                      .payment_token = ds_str(token)};
    return made;
}

struct ds_payment_event payment_success(const char *order_id)
{
    struct ds_payment_event made = event(DS_PAYMENT_EVENT_PAYMENT_SUCCESS);
    made.body.as.payment_success = (struct ds_payment_success){.order_id = ds_str(order_id)};
    return made;
}

struct ds_payment_event payment_failed(const char *order_id)
{
    struct ds_payment_event made = event(DS_PAYMENT_EVENT_PAYMENT_FAILED);
    made.body.as.payment_failed = (struct ds_payment_failed){.order_id = ds_str(order_id)};
    return made;
}

struct ds_payment_event payment_silent(const char *order_id, int64_t at_us)
{
    struct ds_payment_event made = payment_failed(order_id);
    made.meta.at = at_us;
    made.body.as.payment_failed.reason = DS_FAIL_REASON_PROVIDER_SILENT;
    return made;
}

struct ds_payment_event refund_initiated(const char *order_id, const char *key, const char *charge,
                                         int64_t amount)
{
    struct ds_payment_event made = event(DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED);
    made.body.as.payment_refund_initiated =
        (struct ds_payment_refund_initiated){.order_id = ds_str(order_id),
                                             .refund_key = ds_str(key),
                                             .number = 1,
                                             .currency = DS_STR("EUR"),
                                             .amount_minor = amount,
                                             .provider = DS_STR("sandbox"),
                                             .provider_reference = ds_str(charge)};
    return made;
}

struct ds_payment_event refunded(const char *order_id, const char *key)
{
    struct ds_payment_event made = event(DS_PAYMENT_EVENT_PAYMENT_REFUNDED);
    made.body.as.payment_refunded =
        (struct ds_payment_refunded){.order_id = ds_str(order_id), .refund_key = ds_str(key)};
    return made;
}

struct ds_payment_event refund_failed(const char *order_id, const char *key)
{
    struct ds_payment_event made = event(DS_PAYMENT_EVENT_PAYMENT_REFUND_FAILED);
    made.body.as.payment_refund_failed =
        (struct ds_payment_refund_failed){.order_id = ds_str(order_id), .refund_key = ds_str(key)};
    return made;
}
