#include "cli/audit/report.h"

#include <criterion/criterion.h>
#include <jansson.h>

Test(audit_report, json_has_counts_and_the_first_hundred)
{
    struct ds_audit_report *report = ds_audit_report_new();
    struct ds_audit_place at = {"order.events", 3, 17, DS_STR("s.\"x\"")};
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t text;
    const char *json;

    for (int i = 0; i < 120; i++)
        ds_audit_found(report, "I2", at, "number %d", i);
    report->in_flight = 4;
    report->skipped[DS_AUDIT_SKIP_GAP] = 2;
    ds_audit_note(report, "left out");
    ds_audit_note(report, "left out");
    ds_buf_init(&text, 1 << 20);
    cr_assert(ds_audit_print_json(report, &text, &error));
    cr_assert(ds_buf_cstr(&text, &json, &error));
    cr_assert_not_null(strstr(json, "\"anomalies\": 120,\"complete\":true,"));
    json_t *value = json_loads(json, 0, NULL);
    cr_assert_eq(json_integer_value(json_object_get(value, "anomalies")), 120);
    cr_assert_eq(json_integer_value(json_object_get(value, "inFlight")), 4);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(value, "skipped"), "gap")), 2);
    cr_assert_eq(json_array_size(json_object_get(value, "list")), 100);
    cr_assert_eq(json_array_size(json_object_get(value, "notes")), 1);
    json_t *first = json_array_get(json_object_get(value, "list"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(first, "orderId")), "s.\"x\"");
    cr_assert_str_eq(json_string_value(json_object_get(first, "what")), "number 0");
    json_decref(value);
    ds_buf_clear(&text);
    cr_assert(ds_audit_print_text(report, &text, &error));
    cr_assert(ds_buf_cstr(&text, &json, &error));
    cr_assert_not_null(strstr(json, "I2    order.events/3/17"));
    cr_assert_not_null(strstr(json, "... and 20 more"));
    cr_assert_not_null(strstr(json, "120 anomalies\n"));
    report->incomplete = true;
    ds_buf_clear(&text);
    cr_assert(ds_audit_print_text(report, &text, &error));
    cr_assert(ds_audit_print_json(report, &text, &error));
    cr_assert(ds_buf_cstr(&text, &json, &error));
    cr_assert_not_null(strstr(json, "120 anomalies; not all was compared\n"));
    cr_assert_not_null(strstr(json, "\"complete\":false,"));
    ds_buf_cleanup(&text);
    ds_audit_report_destroy(report);
}
