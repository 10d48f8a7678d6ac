/* processors/order/order_lines.h - pieces and sums of an open order.
 *
 * Pure; results live in the decision's arena. Any thread. */
#ifndef DS_PROCESSORS_ORDER_ORDER_LINES_H
#define DS_PROCESSORS_ORDER_ORDER_LINES_H

#include "processors/order/order_state.h"

/** @brief What a request means: a quantity of 0 is all that is left of the line, and not yet asked
 * for; a product that is not named is the line's. */
DS_MUST_CHECK bool ds_order_lines_resolve(const struct ds_open_order_image *details,
                                          const struct ds_array_of_line_quantity *wanted,
                                          ds_arena_t *arena, struct ds_array_of_line_quantity *out,
                                          ds_error_t *error);
/** @brief Judge a request to cancel some pieces.
 *  @param whole_out  true when nothing but pieces already asked for would be left: that is
 * cancelling the order.
 *  @return the reason of the refusal, a constant; NULL: it may be done. */
const char *ds_order_lines_judge(const struct ds_open_order_image *details,
                                 const struct ds_array_of_line_quantity *wanted, bool *whole_out);
/** @brief The part of `named` that the order still has; unknown lines and pieces already cancelled
 * are left out. */
DS_MUST_CHECK bool ds_order_lines_clip(const struct ds_open_order_image *details,
                                       const struct ds_array_of_line_quantity *named,
                                       ds_arena_t *arena, struct ds_array_of_line_quantity *out,
                                       ds_error_t *error);
/** @brief All that is left. */
DS_MUST_CHECK bool ds_order_lines_left(const struct ds_open_order_image *details, ds_arena_t *arena,
                                       struct ds_array_of_line_quantity *out, ds_error_t *error);
/** @brief Whether delivery was asked to let go some pieces. */
bool ds_order_lines_asked(const struct ds_open_order_image *details);
/** @brief What these pieces of it cost together. DS_ERR_LIMIT: overflow. */
DS_MUST_CHECK bool ds_order_lines_price(const struct ds_open_order_image *details,
                                        const struct ds_array_of_line_quantity *lines,
                                        int64_t *price_out, ds_error_t *error);
/** @brief Sums in minor units without the pieces in `without` (may be NULL). DS_ERR_LIMIT:
 * overflow. */
DS_MUST_CHECK bool ds_order_sums(const struct ds_open_order_image *details,
                                 const struct ds_array_of_line_quantity *without,
                                 int64_t *subtotal_out, int64_t *total_out, ds_error_t *error);

#endif
