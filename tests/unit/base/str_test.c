#include "base/str.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

Test(str, empty_texts_are_equal_wherever_they_point)
{
    cr_assert(ds_str_eq((ds_str_t){NULL, 0}, DS_STR("")));
    cr_assert(ds_str_eq(ds_str(NULL), ds_str("")));
    cr_assert_not(ds_str_eq(DS_STR("a"), DS_STR("")));
    cr_assert_eq(ds_str_cmp((ds_str_t){NULL, 0}, DS_STR("")), 0);
}

Test(str, order_is_bytewise_and_a_prefix_comes_first)
{
    static const char *const sorted[] = {"", "A", "a", "aa", "ab", "b", "\x7f", "\xc3\xa9"};
    size_t count = sizeof sorted / sizeof *sorted;
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < count; b++) {
            int order = ds_str_cmp(ds_str(sorted[a]), ds_str(sorted[b]));
            cr_assert_eq((order > 0) - (order < 0), (a > b) - (a < b), "%zu %zu", a, b);
        }
}

Test(str, before_and_after_split_at_the_first_mark)
{
    cr_assert(ds_str_eq(ds_str_before(DS_STR("berlin-1.a.b"), '.'), DS_STR("berlin-1")));
    cr_assert(ds_str_eq(ds_str_after(DS_STR("berlin-1.a.b"), '.'), DS_STR("a.b")));
    cr_assert(ds_str_eq(ds_str_before(DS_STR("plain"), '.'), DS_STR("plain")));
    cr_assert_eq(ds_str_after(DS_STR("plain"), '.').len, 0);
    cr_assert_eq(ds_str_after(DS_STR("end."), '.').len, 0);
    cr_assert_eq(ds_str_before((ds_str_t){NULL, 0}, '.').len, 0);
    cr_assert_eq(ds_str_after((ds_str_t){NULL, 0}, '.').len, 0);
}

Test(str, hash_depends_on_text_and_seed)
{
    cr_assert_eq(ds_str_hash(DS_STR("a"), 1), ds_str_hash(DS_STR("a"), 1));
    cr_assert_neq(ds_str_hash(DS_STR("a"), 1), ds_str_hash(DS_STR("a"), 2));
    cr_assert_neq(ds_str_hash(DS_STR("a"), 1), ds_str_hash(DS_STR("b"), 1));
}

struct utf8_row {
    const char *bytes;
    bool valid;
};

/* The boundaries of table 3-7 of the Unicode standard, and what lies just outside of them. */
static const struct utf8_row UTF8[] = {
    {"", true},
    {"plain", true},
    {"\x01\x7f", true},
    {"\x80", false},
    {"\xbf", false},
    {"\xc0\x80", false},
    {"\xc1\xbf", false},
    {"\xc2\x80", true},
    {"\xdf\xbf", true},
    {"\xc2", false},
    {"\xc2\x7f", false},
    {"\xc2\xc0", false},
    {"\xe0\x9f\xbf", false},
    {"\xe0\xa0\x80", true},
    {"\xe1\x80\x80", true},
    {"\xec\xbf\xbf", true},
    {"\xed\x9f\xbf", true},
    {"\xed\xa0\x80", false},
    {"\xed\xbf\xbf", false},
    {"\xee\x80\x80", true},
    {"\xef\xbf\xbf", true},
    {"\xe1\x80", false},
    {"\xe1\x80\x7f", false},
    {"\xe1\x80\xc0", false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf0\x90\x80\x80", true},
    {"\xf3\xbf\xbf\xbf", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false},
    {"\xff", false},
    {"\xf0\x90\x80", false},
    {"\xf0\x90\x80\x7f", false},
    {"\xf0\x90\x7f\x80", false},
};

Test(str, utf8_is_judged_by_the_unicode_table)
{
    for (size_t i = 0; i < sizeof UTF8 / sizeof *UTF8; i++)
        cr_assert_eq(ds_utf8_valid(ds_str(UTF8[i].bytes)), UTF8[i].valid, "row %zu", i);
}

Test(str, utf8_is_judged_alike_behind_ascii_of_any_length)
{
    for (size_t i = 0; i < sizeof UTF8 / sizeof *UTF8; i++)
        for (uint32_t ahead = 0; ahead < 20; ahead++) {
            char text[64];
            memset(text, 'x', ahead);
            uint32_t len = (uint32_t)strlen(UTF8[i].bytes);
            memcpy(text + ahead, UTF8[i].bytes, len);
            memset(text + ahead + len, 'y', 9);
            cr_assert_eq(ds_utf8_valid((ds_str_t){text, ahead + len + 9}), UTF8[i].valid,
                         "row %zu behind %u", i, ahead);
        }
}

Test(str, utf8_length_counts_code_points)
{
    cr_assert_eq(ds_utf8_length(DS_STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x92")), 4);
    cr_assert_eq(ds_utf8_length(DS_STR("")), 0);
}

Test(str, utf8_step_tells_sequences_from_noise)
{
    ds_str_t text = DS_STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x92\x80\xe2\x82");
    cr_assert_eq(ds_utf8_step(text, 0), 1);
    cr_assert_eq(ds_utf8_step(text, 1), 2);
    cr_assert_eq(ds_utf8_step(text, 3), 3);
    cr_assert_eq(ds_utf8_step(text, 6), 4);
    cr_assert_eq(ds_utf8_step(text, 10), 0);
    cr_assert_eq(ds_utf8_step(text, 11), 0);
}

Test(str, utf8_cut_never_ends_inside_a_sequence)
{
    ds_str_t text = DS_STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x92z");
    static const uint32_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (uint32_t max = 0; max < sizeof want / sizeof *want; max++)
        cr_assert_eq(ds_utf8_cut(text, max).len, want[max], "max %u", max);
}

Test(str, array_takes_a_text_only_whole)
{
    char array[4] = "old";
    cr_assert(ds_str_to_array(DS_STR("abc"), array, sizeof array));
    cr_assert_str_eq(array, "abc");
    cr_assert_not(ds_str_to_array(DS_STR("abcd"), array, sizeof array));
    cr_assert_str_empty(array);
    cr_assert(ds_str_to_array((ds_str_t){NULL, 0}, array, sizeof array));
}

Test(str, integers_are_read_whole_or_not_at_all)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"-12", true, -12},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = 99;
        cr_assert_eq(ds_str_to_i64(ds_str(rows[i].text), &value), rows[i].ok, "%s", rows[i].text);
        cr_assert_eq(value, rows[i].value, "%s", rows[i].text);
    }
}

Test(str, writes_numbers_as_printf_does)
{
    static const int64_t numbers[] = {0,           1,  9,   10,        99,       100,
                                      12345678901, -1, -10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char wanted[32], got[DS_I64_CHARS + 1];
        (void)snprintf(wanted, sizeof wanted, "%" PRId64, numbers[i]);
        *ds_str_put_i64(got, numbers[i]) = '\0';
        cr_assert_str_eq(got, wanted);
    }
}

Test(str, copy_is_terminated)
{
    char *copy = ds_str_dup((ds_str_t){"abcdef", 3});
    cr_assert_str_eq(copy, "abc");
    free(copy);
    copy = ds_str_dup((ds_str_t){NULL, 0});
    cr_assert_str_empty(copy);
    free(copy);
}
