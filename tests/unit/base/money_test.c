#include "base/money.h"

#include <criterion/criterion.h>

Test(money, sums_and_products_are_exact)
{
    int64_t out;
    cr_assert(ds_money_add(2999, -1000, &out));
    cr_assert_eq(out, 1999);
    cr_assert(ds_money_sub(1000, 2999, &out));
    cr_assert_eq(out, -1999);
    cr_assert(ds_money_mul(2999, 3, &out));
    cr_assert_eq(out, 8997);
    int64_t total = 100;
    cr_assert(ds_money_mul_add(total, 2999, 2, &total));
    cr_assert_eq(total, 6098);
}

Test(money, overflow_is_false_and_gives_nothing)
{
    int64_t out = 5;
    cr_assert_not(ds_money_add(INT64_MAX, 1, &out));
    cr_assert_eq(out, 0);
    out = 5;
    cr_assert_not(ds_money_add(INT64_MIN, -1, &out));
    cr_assert_eq(out, 0);
    out = 5;
    cr_assert_not(ds_money_sub(0, INT64_MIN, &out));
    cr_assert_eq(out, 0);
    out = 5;
    cr_assert_not(ds_money_mul(INT64_MAX / 999 + 1, 999, &out));
    cr_assert_eq(out, 0);
    out = 5;
    cr_assert_not(ds_money_mul_add(0, INT64_MAX, 2, &out));
    cr_assert_eq(out, 0);
    out = 5;
    cr_assert_not(ds_money_mul_add(1, INT64_MAX, 1, &out));
    cr_assert_eq(out, 0);
    cr_assert(ds_money_mul_add(0, INT64_MAX, 1, &out));
    cr_assert_eq(out, INT64_MAX);
    cr_assert(ds_money_mul(INT64_MAX / 999, 999, &out));
}

Test(money, text_has_the_decimals_of_its_currency)
{
    static const struct {
        int64_t amount;
        const char *currency;
        const char *text;
    } rows[] = {
        {2999, "EUR", "29.99"},
        {0, "EUR", "0.00"},
        {5, "EUR", "0.05"},
        {-5, "EUR", "-0.05"},
        {100, "USD", "1.00"},
        {-123456, "USD", "-1234.56"},
        {2999, "JPY", "2999"},
        {0, "KRW", "0"},
        {-7, "CLP", "-7"},
        {2999, "BHD", "2.999"},
        {1, "KWD", "0.001"},
        {12345, "CLF", "1.2345"},
        {2999, "XXX", "29.99"},
        {INT64_MAX, "EUR", "92233720368547758.07"},
        {INT64_MIN, "EUR", "-92233720368547758.08"},
        {INT64_MIN, "BHD", "-9223372036854775.808"},
        {INT64_MIN, "JPY", "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[DS_MONEY_TEXT_BYTES];
        ds_money_text(rows[i].amount, ds_str(rows[i].currency), text);
        cr_assert_str_eq(text, rows[i].text);
    }
}

Test(money, currency_is_three_upper_case_letters)
{
    cr_assert(ds_currency_valid(DS_STR("EUR")));
    cr_assert_not(ds_currency_valid(DS_STR("eur")));
    cr_assert_not(ds_currency_valid(DS_STR("EU")));
    cr_assert_not(ds_currency_valid(DS_STR("EURO")));
    cr_assert_not(ds_currency_valid(DS_STR("E1R")));
    cr_assert_not(ds_currency_valid((ds_str_t){NULL, 0}));
    cr_assert_eq(ds_currency_exponent(DS_STR("jpy")), 2);
    cr_assert_eq(ds_currency_exponent((ds_str_t){NULL, 0}), 2);
}
