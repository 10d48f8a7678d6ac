#include "gateways/payments/report.h"

#include <criterion/criterion.h>

static struct ds_provider_answer answers[DS_VERDICT_UNKNOWN + 1]; /* of the entries below */

static struct ds_entry entry_of(enum ds_call_kind kind, enum ds_verdict verdict)
{
    answers[verdict] = (struct ds_provider_answer){
        .verdict = verdict, .amount_minor = 2998, .id = "ch_1", .detail = "why"};
    return (struct ds_entry){
        .call = {.kind = kind,
                 .key = DS_STR("berlin-1.A-c1"),
                 .order_id = DS_STR("berlin-1.A"),
                 .currency = DS_STR("EUR"),
                 .traceparent = DS_STR("00-aa-bb-01"),
                 .amount_minor = 2998},
        .correlation_id = DS_STR("corr-1"),
        .answer = &answers[verdict],
    };
}

Test(report, success_of_a_charge_says_what_was_captured)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_id_t id;
    struct ds_payment_command command;
    struct ds_entry entry = entry_of(DS_CALL_CHARGE, DS_VERDICT_SUCCEEDED);
    cr_assert(ds_report_make(&entry, "sandbox", 77, &id, &command, &error));
    cr_expect(ds_id_valid(command.head.command_id));
    cr_expect_eq(command.head.actor.kind, DS_ACTOR_KIND_GATEWAY);
    cr_expect(ds_str_eq(command.head.actor.id, DS_STR("payments")));
    cr_expect(ds_str_eq(command.head.correlation_id, DS_STR("corr-1")));
    cr_expect(command.head.has_traceparent);
    cr_expect_eq(command.head.sent_at, 77);
    cr_assert_eq(command.body.kind, DS_PAYMENT_COMMAND_REPORT_CHARGE);
    const struct ds_report_charge *report = &command.body.as.report_charge;
    cr_expect_eq(report->outcome, DS_REPORT_OUTCOME_OK);
    cr_expect_eq(report->amount_minor, 2998);
    cr_expect(ds_str_eq(report->charge_key, DS_STR("berlin-1.A-c1")));
    cr_expect(ds_str_eq(report->provider, DS_STR("sandbox")));
    cr_expect(ds_str_eq(report->provider_reference, DS_STR("ch_1")));
}

Test(report, failure_moves_no_money)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_id_t id;
    struct ds_payment_command command;
    struct ds_entry entry = entry_of(DS_CALL_REFUND, DS_VERDICT_FAILED);
    cr_assert(ds_report_make(&entry, "sandbox", 77, &id, &command, &error));
    cr_assert_eq(command.body.kind, DS_PAYMENT_COMMAND_REPORT_REFUND);
    cr_expect_eq(command.body.as.report_refund.outcome, DS_REPORT_OUTCOME_FAILED);
    cr_expect_eq(command.body.as.report_refund.amount_minor, 0);
    cr_expect(ds_str_eq(command.body.as.report_refund.detail, DS_STR("why")));
}

Test(report, command_id_follows_from_key_and_outcome)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_id_t ids[3];
    struct ds_payment_command command;
    struct ds_entry ok = entry_of(DS_CALL_CHARGE, DS_VERDICT_SUCCEEDED);
    struct ds_entry failed = entry_of(DS_CALL_CHARGE, DS_VERDICT_FAILED);
    cr_assert(ds_report_make(&ok, "sandbox", 1, &ids[0], &command, &error));
    cr_assert(ds_report_make(&ok, "sandbox", 2, &ids[1], &command, &error));
    cr_assert(ds_report_make(&failed, "sandbox", 3, &ids[2], &command, &error));
    cr_expect_str_eq(ids[0].text, ids[1].text);
    cr_expect_str_neq(ids[0].text, ids[2].text);
}

Test(report, command_can_be_written_and_read)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_id_t id;
    struct ds_payment_command command, read;
    struct ds_entry entry = entry_of(DS_CALL_CHARGE, DS_VERDICT_SUCCEEDED);
    cr_assert(ds_report_make(&entry, "sandbox", 77, &id, &command, &error));
    ds_buf_t bytes;
    ds_buf_init(&bytes, 4096);
    ds_arena_t *arena = ds_arena_new(1024, 65536);
    cr_assert(ds_schema_encode(&ds_schema_payment_commands, &command, &bytes, &error), "%s",
              error.message);
    cr_assert(ds_schema_decode(&ds_schema_payment_commands, ds_buf_bytes(&bytes), arena, &read,
                               NULL, &error));
    cr_expect(ds_str_eq(read.body.as.report_charge.order_id, DS_STR("berlin-1.A")));
    ds_arena_destroy(arena);
    ds_buf_cleanup(&bytes);
}
