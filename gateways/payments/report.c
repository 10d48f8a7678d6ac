#include "gateways/payments/report.h"

#include <assert.h>

static ds_bytes_t bytes_of(ds_str_t text)
{
    return (ds_bytes_t){(const uint8_t *)text.data, text.len};
}

static bool derive_id(const struct ds_entry *entry, bool ok, ds_id_t *id_out, ds_error_t *error)
{
    const ds_bytes_t parts[] = {bytes_of(DS_STR("gateway")), bytes_of(entry->call.key),
                                bytes_of(ok ? DS_STR("OK") : DS_STR("FAILED"))};
    return ds_id_derive(parts, sizeof parts / sizeof *parts, id_out, error);
}

static void fill_charge(const struct ds_entry *entry, const char *provider, bool ok,
                        struct ds_report_charge *report)
{
    *report = (struct ds_report_charge){
        .order_id = entry->call.order_id,
        .charge_key = entry->call.key,
        .outcome = ok ? DS_REPORT_OUTCOME_OK : DS_REPORT_OUTCOME_FAILED,
        .amount_minor = ok ? entry->answer->amount_minor : 0,
        .currency = entry->call.currency,
        .provider = ds_str(provider),
        .provider_reference = ds_str(entry->answer->id),
        .has_detail = entry->answer->detail[0] != '\0',
        .detail = ds_str(entry->answer->detail),
    };
}

static void fill_refund(const struct ds_entry *entry, const char *provider, bool ok,
                        struct ds_report_refund *report)
{
    *report = (struct ds_report_refund){
        .order_id = entry->call.order_id,
        .refund_key = entry->call.key,
        .outcome = ok ? DS_REPORT_OUTCOME_OK : DS_REPORT_OUTCOME_FAILED,
        .amount_minor = ok ? entry->answer->amount_minor : 0,
        .currency = entry->call.currency,
        .provider = ds_str(provider),
        .provider_reference = ds_str(entry->answer->id),
        .has_detail = entry->answer->detail[0] != '\0',
        .detail = ds_str(entry->answer->detail),
    };
}

bool ds_report_make(const struct ds_entry *entry, const char *provider, int64_t now_us,
                    ds_id_t *id_out, struct ds_payment_command *command_out, ds_error_t *error)
{
    bool ok = entry->answer->verdict == DS_VERDICT_SUCCEEDED;
    assert(ok || entry->answer->verdict == DS_VERDICT_FAILED);
    *command_out = (struct ds_payment_command){0};
    if (!derive_id(entry, ok, id_out, error))
        return false;
    command_out->head = (struct ds_command_head){
        .command_id = ds_str(id_out->text),
        .correlation_id = entry->correlation_id,
        .actor = {DS_ACTOR_KIND_GATEWAY, DS_STR(DS_GATEWAY_NAME)},
        .has_traceparent = entry->call.traceparent.len > 0,
        .traceparent = entry->call.traceparent,
        .sent_at = now_us,
    };
    if (entry->call.kind == DS_CALL_CHARGE) {
        command_out->body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
        fill_charge(entry, provider, ok, &command_out->body.as.report_charge);
    } else {
        command_out->body.kind = DS_PAYMENT_COMMAND_REPORT_REFUND;
        fill_refund(entry, provider, ok, &command_out->body.as.report_refund);
    }
    return true;
}
