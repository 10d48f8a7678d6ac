#include "projections/postgres/sheet.h"

#include <criterion/criterion.h>

Test(table, statements_name_every_column_and_replace_all_but_the_key)
{
    ds_error_t error = DS_ERROR_INIT;
    const char *text = NULL;
    ds_buf_t sql;
    ds_buf_init(&sql, 64 * 1024);
    cr_assert(ds_table_write_sql(&ds_tables[DS_TABLE_OFFERS], &sql, &error));
    cr_assert(ds_buf_cstr(&sql, &text, &error));
    cr_assert_not_null(strstr(text, "INSERT INTO read_v1.offers (offer_id, order_id,"));
    cr_assert_not_null(strstr(text, "ON CONFLICT (offer_id) DO UPDATE SET order_id = "));
    cr_assert_null(strstr(text, "SET offer_id"));
    ds_buf_clear(&sql);
    cr_assert(ds_table_write_sql(&ds_tables[DS_TABLE_TIMELINE], &sql, &error));
    cr_assert(ds_buf_cstr(&sql, &text, &error));
    cr_assert_not_null(strstr(text, "ON CONFLICT (topic, partition, event_offset) DO NOTHING"));
    ds_buf_cleanup(&sql);
}

Test(table, arrays_are_in_the_servers_binary_format)
{
    static const uint8_t expected[] = {0, 0,  0, 1,   0,    0,    0,    1,    0,    0,
                                       0, 25, 0, 0,   0,    3,    0,    0,    0,    1, /* header */
                                       0, 0,  0, 1,   'x',  0xFF, 0xFF, 0xFF, 0xFF, 0,
                                       0, 0,  5, 'a', 0xEF, 0xBF, 0xBD, 'b'};
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t array;
    ds_buf_init(&array, 1024);
    cr_assert(ds_array_begin(&array, DS_OID_TEXT, &error));
    cr_assert(ds_array_text(&array, DS_STR("x"), &error));
    cr_assert(ds_array_null(&array, &error));
    cr_assert(ds_array_text(&array, DS_STR("a\0b"), &error));
    ds_array_end(&array, 3);
    cr_assert_eq(array.len, sizeof expected);
    cr_assert_eq(memcmp(array.data, expected, sizeof expected), 0);
    ds_buf_cleanup(&array);
}

Test(table, times_beyond_the_servers_range_stand_at_its_edge)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t array;
    ds_buf_init(&array, 1024);
    cr_assert(ds_array_begin(&array, DS_OID_TIMESTAMPTZ, &error));
    cr_assert(ds_array_time(&array, INT64_MAX, &error));
    cr_assert(ds_array_time(&array, INT64_MIN, &error));
    cr_assert_eq(array.data[24], 0x7F);
    cr_assert_eq(array.data[36], 0xFD, "4713 BC");
    ds_buf_cleanup(&array);
}

Test(sheet, changed_rows_come_sorted_and_loaded_ones_only_when_changed)
{
    struct ds_sheets sheets;
    ds_error_t error = DS_ERROR_INIT;
    struct ds_stock_row loaded = {.product_id = DS_STR("a")};
    const void *const *rows = NULL;
    size_t count = 0;
    void *made = NULL;
    cr_assert(ds_sheets_init(&sheets, &error));
    cr_assert(ds_sheet_add_loaded(&sheets, DS_TABLE_STOCK, DS_STR("a"), &loaded, &error));
    cr_assert(ds_sheet_make(&sheets, DS_TABLE_STOCK, DS_STR("c"), &made, &error));
    cr_assert(ds_sheet_make(&sheets, DS_TABLE_STOCK, DS_STR("b"), &made, &error));
    cr_assert(ds_sheet_changed(&sheets, DS_TABLE_STOCK, &rows, &count, &error));
    cr_assert_eq(count, 2);
    cr_assert_eq(rows[0], made, "b before c");
    cr_assert_not_null(ds_sheet_change(&sheets, DS_TABLE_STOCK, DS_STR("a")));
    cr_assert(ds_sheet_changed(&sheets, DS_TABLE_STOCK, &rows, &count, &error));
    cr_assert_eq(count, 3);
    cr_assert(ds_sheets_reset(&sheets, &error));
    cr_assert_null(ds_sheet_peek(&sheets, DS_TABLE_STOCK, DS_STR("a")));
    ds_sheets_cleanup(&sheets);
}
