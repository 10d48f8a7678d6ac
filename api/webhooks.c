#include "api/webhooks.h"

#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/intake.h"
#include "api/internal.h"
#include "api/json_in.h"
#include "api/response.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/money.h"

static bool signature_matches(ds_str_t signatures, const uint8_t mac[DS_SHA256_BYTES])
{
    bool matches = false;
    while (signatures.len > 0) {
        ds_str_t one = ds_str_before(signatures, ' ');
        signatures = ds_str_after(signatures, ' ');
        ds_buf_t claimed;
        ds_error_t error = DS_ERROR_INIT;
        ds_buf_init(&claimed, 64);
        if (ds_str_eq(ds_str_before(one, ','), DS_STR("v1")) &&
            ds_base64_decode(&claimed, ds_str_after(one, ','), &error) &&
            ds_equal_constant_time(ds_buf_bytes(&claimed), (ds_bytes_t){mac, DS_SHA256_BYTES}))
            matches = true;
        ds_buf_cleanup(&claimed);
    }
    return matches;
}

bool ds_webhook_verify(ds_bytes_t key, ds_str_t id, ds_str_t timestamp, ds_str_t signatures,
                       ds_bytes_t body, int64_t now_s)
{
    int64_t sent_s;
    uint8_t mac[DS_SHA256_BYTES];
    ds_buf_t text;
    ds_error_t error = DS_ERROR_INIT;
    if (key.len == 0 || id.len == 0 || id.len > 256 || signatures.len > 2048 ||
        !ds_str_to_i64(timestamp, &sent_s) || sent_s < now_s - DS_WEBHOOK_TOLERANCE_S ||
        sent_s > now_s + DS_WEBHOOK_TOLERANCE_S)
        return false;
    ds_buf_init(&text, (size_t)body.len + 512);
    bool ok = ds_buf_printf(&text, &error, "%.*s.%.*s.", DS_STR_ARG(id), DS_STR_ARG(timestamp)) &&
              ds_buf_append(&text, body.data, body.len, &error) &&
              ds_hmac_sha256(key, ds_buf_bytes(&text), mac, &error) &&
              signature_matches(signatures, mac);
    ds_buf_cleanup(&text);
    return ok;
}

/* What the provider says happened. */
enum notice_kind { CHARGE, REFUND, DISPUTE };

struct notice {
    enum notice_kind kind;
    enum ds_report_outcome outcome;
    ds_str_t order_id;
    ds_str_t key;
    ds_str_t reference;
    int64_t amount_minor;
    ds_str_t currency;
    bool has_reason;
    ds_str_t reason;
};

static bool take_type(ds_str_t type, struct notice *notice)
{
    static const struct {
        const char *type;
        enum notice_kind kind;
        enum ds_report_outcome outcome;
    } types[] = {
        {"charge.succeeded", CHARGE, DS_REPORT_OUTCOME_OK},
        {"charge.failed", CHARGE, DS_REPORT_OUTCOME_FAILED},
        {"charge.disputed", DISPUTE, DS_REPORT_OUTCOME_OK},
        {"refund.succeeded", REFUND, DS_REPORT_OUTCOME_OK},
        {"refund.failed", REFUND, DS_REPORT_OUTCOME_FAILED},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!ds_str_eq(type, ds_str(types[i].type)))
            continue;
        notice->kind = types[i].kind;
        notice->outcome = types[i].outcome;
        return true;
    }
    return false;
}

/* A provider may add fields, so unknown ones pass here. */
static bool take_notice(ds_request_t *request, struct notice *notice)
{
    struct ds_fields body;
    struct ds_fields data;
    ds_str_t type;
    ds_fields_init(&body, request->json, "", &request->problems);
    bool known = ds_field_text(&body, "type", true, 1, 64, &type) && take_type(type, notice);
    if (ds_field_object(&body, "data", true, &data)) {
        (void)ds_field_text(&data, "reference", true, 1, DS_MAX_ID_BYTES, &notice->order_id);
        (void)ds_field_text(&data, "key", true, 1, 160, &notice->key);
        (void)ds_field_text(&data, "id", true, 1, 160, &notice->reference);
        (void)ds_field_int(&data, "amount", true, 0, INT64_C(1000000000000), &notice->amount_minor);
        (void)ds_field_text(&data, "currency", true, 3, 3, &notice->currency);
        notice->has_reason = ds_field_text(&data, "reason", false, 0, 200, &notice->reason);
    }
    if (notice->outcome == DS_REPORT_OUTCOME_FAILED)
        notice->amount_minor = 0;
    return known && !ds_problems_any(&request->problems) && ds_entity_id_valid(notice->order_id) &&
           ds_currency_valid(notice->currency);
}

static bool verify(ds_request_t *request)
{
    struct ds_api *api = request->api;
    const struct ds_request_headers *headers = &request->headers;
    if (ds_webhook_verify(ds_buf_bytes(&api->webhook_key), headers->webhook_id,
                          headers->webhook_timestamp, headers->webhook_signature,
                          ds_buf_bytes(&request->body),
                          ds_now_us(api->runtime->clock) / DS_US_PER_S))
        return true;
    /* Guessing is limited; the provider itself is not. */
    if (ds_intake_address_rate(request))
        ds_answer_error(request, 401, "bad_signature", "the signature does not match");
    return false;
}

static void fill_charge(const struct notice *notice, ds_str_t provider,
                        struct ds_report_charge *report)
{
    *report = (struct ds_report_charge){
        .order_id = notice->order_id,
        .charge_key = notice->key,
        .outcome = notice->outcome,
        .amount_minor = notice->amount_minor,
        .currency = notice->currency,
        .provider = provider,
        .provider_reference = notice->reference,
        .has_detail = notice->has_reason,
        .detail = notice->reason,
    };
}

static void fill_refund(const struct notice *notice, ds_str_t provider,
                        struct ds_report_refund *report)
{
    *report = (struct ds_report_refund){
        .order_id = notice->order_id,
        .refund_key = notice->key,
        .outcome = notice->outcome,
        .amount_minor = notice->amount_minor,
        .currency = notice->currency,
        .provider = provider,
        .provider_reference = notice->reference,
        .has_detail = notice->has_reason,
        .detail = notice->reason,
    };
}

static void fill_dispute(const struct notice *notice, ds_str_t provider,
                         struct ds_report_dispute *report)
{
    *report = (struct ds_report_dispute){
        .order_id = notice->order_id,
        .charge_key = notice->key,
        .amount_minor = notice->amount_minor,
        .currency = notice->currency,
        .provider = provider,
        .provider_reference = notice->reference,
        .has_detail = notice->has_reason,
        .detail = notice->reason,
    };
}

static void fill(struct ds_payment_command *command, const struct notice *notice, ds_str_t provider)
{
    switch (notice->kind) {
    case CHARGE:
        command->body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
        fill_charge(notice, provider, &command->body.as.report_charge);
        return;
    case REFUND:
        command->body.kind = DS_PAYMENT_COMMAND_REPORT_REFUND;
        fill_refund(notice, provider, &command->body.as.report_refund);
        return;
    case DISPUTE:
        command->body.kind = DS_PAYMENT_COMMAND_REPORT_DISPUTE;
        fill_dispute(notice, provider, &command->body.as.report_dispute);
        return;
    }
}

static void send_notice(ds_request_t *request, const struct notice *notice, ds_str_t provider)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t store_id = ds_id_store(notice->order_id);
    /* The "caller" is the provider: its own commands are its own key space. */
    request->person.subject =
        ds_str(ds_request_text(request, "payments-%.*s", DS_STR_ARG(provider)));
    request->key = (ds_str_t){0}; /* webhook-id is the key here */
    struct ds_command_job *job = ds_command_new(request, &ds_schema_payment_commands,
                                                DS_TOPIC_PAYMENT, store_id, store_id, 0);
    if (job == NULL)
        return;
    if (!ds_command_id_derive(request->person.subject, DS_STR("webhook.payment"), provider,
                              request->headers.webhook_id, &job->id, &error)) {
        ds_answer_error(request, 500, "internal", "something went wrong here");
        return;
    }
    job->plain_ok = true;
    fill((struct ds_payment_command *)(void *)job->command, notice, provider);
    ds_command_submit(request, job);
}

void ds_post_payment_webhook(ds_request_t *request)
{
    struct notice notice = {0};
    char why[128];
    ds_str_t provider = ds_request_arg(request, 0);
    if (!ds_str_eq(provider, ds_str(request->api->settings->payment_provider))) {
        ds_answer_error(request, 404, "not_found", "there is no such provider");
        return;
    }
    if (!verify(request))
        return;
    if (!ds_json_parse(ds_buf_str(&request->body), &request->json, why, sizeof why))
        ds_answer_error(request, 400, "invalid_json", why);
    else if (!take_notice(request, &notice))
        ds_answer_error(request, 422, "unroutable", "this belongs to no order of ours");
    else
        send_notice(request, &notice, provider);
}
