#include "base/money.h"

bool ds_money_add(int64_t a_minor, int64_t b_minor, int64_t *sum_out)
{
    int64_t sum;
    bool ok = !__builtin_add_overflow(a_minor, b_minor, &sum);
    *sum_out = ok ? sum : 0;
    return ok;
}

bool ds_money_sub(int64_t a_minor, int64_t b_minor, int64_t *difference_out)
{
    int64_t difference;
    bool ok = !__builtin_sub_overflow(a_minor, b_minor, &difference);
    *difference_out = ok ? difference : 0;
    return ok;
}

bool ds_money_mul(int64_t price_minor, int64_t quantity, int64_t *product_out)
{
    int64_t product;
    bool ok = !__builtin_mul_overflow(price_minor, quantity, &product);
    *product_out = ok ? product : 0;
    return ok;
}

bool ds_money_mul_add(int64_t total_minor, int64_t price_minor, int64_t quantity,
                      int64_t *total_out)
{
    int64_t product;
    if (ds_money_mul(price_minor, quantity, &product))
        return ds_money_add(total_minor, product, total_out);
    *total_out = 0;
    return false;
}

bool ds_currency_valid(ds_str_t currency)
{
    if (currency.len != 3)
        return false;
    for (uint32_t i = 0; i < 3; i++)
        if (currency.data[i] < 'A' || currency.data[i] > 'Z')
            return false;
    return true;
}

unsigned ds_currency_exponent(ds_str_t currency)
{
    static const struct {
        char code[4];
        unsigned exponent;
    } others[] = {
        {"BHD", 3}, {"BIF", 0}, {"CLF", 4}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"IQD", 3},
        {"ISK", 0}, {"JOD", 3}, {"JPY", 0}, {"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3},
        {"OMR", 3}, {"PYG", 0}, {"RWF", 0}, {"TND", 3}, {"UGX", 0}, {"UYI", 0}, {"UYW", 4},
        {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (ds_str_eq(currency, (ds_str_t){others[i].code, 3}))
            return others[i].exponent;
    return 2;
}

void ds_money_text(int64_t amount_minor, ds_str_t currency, char text_out[DS_MONEY_TEXT_BYTES])
{
    unsigned exponent = ds_currency_exponent(currency);
    /* The magnitude as unsigned: that of INT64_MIN is no int64_t. */
    uint64_t left = amount_minor < 0 ? 0 - (uint64_t)amount_minor : (uint64_t)amount_minor;
    char reversed[DS_MONEY_TEXT_BYTES];
    size_t length = 0;
    for (unsigned digits = 0; left > 0 || digits <= exponent; digits++) {
        if (digits == exponent && exponent > 0)
            reversed[length++] = '.';
        reversed[length++] = (char)('0' + left % 10);
        left /= 10;
    }
    if (amount_minor < 0)
        reversed[length++] = '-';
    for (size_t i = 0; i < length; i++)
        text_out[i] = reversed[length - 1 - i];
    text_out[length] = '\0';
}
