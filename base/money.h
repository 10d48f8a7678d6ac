/* base/money.h - money in minor units (cents) with checked arithmetic, and its text form.
 *
 * An amount is an int64_t of minor units and travels beside an ISO 4217 code; nothing here converts
 * currencies. An overflow is false, never a wrapped number. Pure, any thread. */
#ifndef DS_BASE_MONEY_H
#define DS_BASE_MONEY_H

#include "base/error.h"
#include "base/str.h"

#define DS_MONEY_TEXT_BYTES 32

/** @brief a + b. @param sum_out  0 on overflow; may be the variable that `a` was read from. */
DS_MUST_CHECK bool ds_money_add(int64_t a_minor, int64_t b_minor, int64_t *sum_out);
/** @brief a - b. */
DS_MUST_CHECK bool ds_money_sub(int64_t a_minor, int64_t b_minor, int64_t *difference_out);
/** @brief price * quantity. */
DS_MUST_CHECK bool ds_money_mul(int64_t price_minor, int64_t quantity, int64_t *product_out);
/** @brief total + price * quantity: one line of an order. */
DS_MUST_CHECK bool ds_money_mul_add(int64_t total_minor, int64_t price_minor, int64_t quantity,
                                    int64_t *total_out);

/** @brief True for three upper-case letters. Whether a store trades in it is not known here. */
bool ds_currency_valid(ds_str_t currency);
/** @brief Decimals of the currency in ISO 4217: 0 for JPY, 3 for BHD, 4 for CLF, 2 for what is not
 * listed. */
unsigned ds_currency_exponent(ds_str_t currency);
/** @brief "29.99" for 2999 EUR, "2999" for JPY, "-0.05"; no currency, no grouping. */
void ds_money_text(int64_t amount_minor, ds_str_t currency, char text_out[DS_MONEY_TEXT_BYTES]);

#endif
