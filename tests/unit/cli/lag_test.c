#include "cli/lag_table.h"

#include <criterion/criterion.h>

static const char catalog[] = "catalog.events";
static const char order[] = "order.events";
static const char reader[] = "postgres";

static const struct ds_lag_row rows[] = {
    {reader, catalog, 0, .position = 7, .is_known = true, .low = 0, .end = 10},
    {reader, catalog, 1, .position = -1, .is_known = true, .low = 5, .end = 9},
    {reader, catalog, 2, .position = 12, .is_known = true, .low = 0, .end = 10},
    {reader, catalog, 3, .position = 7},
    {reader, order, 0, .position = -1},
    {reader, order, 1, .position = 0},
};
enum { ROWS = sizeof rows / sizeof *rows };

Test(lag, what_is_not_known_is_no_lag_of_nothing)
{
    static const int64_t wanted[ROWS] = {3, 4, 0, -1, -1, -1};

    for (int i = 0; i < ROWS; i++)
        cr_assert_eq(ds_lag_of(&rows[i]), wanted[i], "row %d", i);
    cr_assert_eq(ds_lag_unknown(rows, ROWS), 3);
    cr_assert_eq(ds_lag_unknown(rows, 3), 0);
}

static void check(bool (*print)(const struct ds_lag_row *, size_t, const struct ds_audit_report *,
                                ds_buf_t *, ds_error_t *),
                  const char *const *wanted)
{
    struct ds_audit_report *notes = ds_audit_report_new();
    ds_error_t error = DS_ERROR_INIT;
    const char *text;
    ds_buf_t out;

    ds_buf_init(&out, 1 << 20);
    ds_audit_note(notes, "a note");
    cr_assert(print(rows, ROWS, notes, &out, &error));
    cr_assert(ds_buf_cstr(&out, &text, &error));
    for (size_t i = 0; wanted[i] != NULL; i++)
        cr_assert_not_null(strstr(text, wanted[i]), "%s is not in %s", wanted[i], text);
    ds_buf_cleanup(&out);
    ds_audit_report_destroy(notes);
}

Test(lag, json_has_null_for_it_and_sums_of_the_rest)
{
    static const char *const wanted[] = {
        "{\"lag\":7,\"unknown\":3,\"rows\":[{",
        "\"topic\":\"catalog.events\",\"partition\":1,\"end\":9,\"position\":-1,\"lag\":4}",
        "\"topic\":\"catalog.events\",\"partition\":3,\"end\":null,\"position\":7,\"lag\":null}",
        "],\"notes\":[\"a note\"]}\n",
        NULL,
    };
    check(ds_lag_print_json, wanted);
}

Test(lag, text_has_a_dash_where_nothing_is_known_and_counts_it)
{
    static const char *const wanted[] = {
        "catalog.events                 24            7          4        1\n",
        "order.events                    -            -          -        2\n",
        "\nnote: a note\n",
        NULL,
    };
    check(ds_lag_print_text, wanted);
}
