/* processors/order/order_events.h - builds the order's events into a decision.
 *
 * Texts are borrowed from the state and the input. Each returns false for DS_ERR_LIMIT or
 * DS_ERR_MEMORY. */
#ifndef DS_PROCESSORS_ORDER_ORDER_EVENTS_H
#define DS_PROCESSORS_ORDER_ORDER_EVENTS_H

#include "processors/order/order_state.h"

DS_MUST_CHECK bool ds_order_emit_created(ds_decision_t *decision,
                                         const struct ds_place_order *place, int64_t placed_at_us,
                                         int64_t reserve_by_us, ds_error_t *error);
/** @brief For TOO_LARGE the lines and texts that could be too large are left out. */
DS_MUST_CHECK bool ds_order_emit_refused(ds_decision_t *decision,
                                         const struct ds_place_order *place,
                                         enum ds_refuse_reason reason, int64_t placed_at_us,
                                         ds_error_t *error);
DS_MUST_CHECK bool ds_order_emit_payment_requested(ds_decision_t *decision,
                                                   const struct ds_order *order, int64_t pay_by_us,
                                                   ds_error_t *error);
DS_MUST_CHECK bool ds_order_emit_confirmed(ds_decision_t *decision, const struct ds_order *order,
                                           int64_t deliver_by_us, ds_error_t *error);
DS_MUST_CHECK bool ds_order_emit_lines_cancelled(ds_decision_t *decision,
                                                 const struct ds_order *order,
                                                 const struct ds_array_of_line_quantity *lines,
                                                 ds_error_t *error);
/** @brief @param lines  NULL: the whole order. @param note  NULL: none. */
DS_MUST_CHECK bool ds_order_emit_cancel_requested(ds_decision_t *decision,
                                                  const struct ds_order *order,
                                                  enum ds_cancel_by by,
                                                  const struct ds_array_of_line_quantity *lines,
                                                  const ds_str_t *note, ds_error_t *error);
DS_MUST_CHECK bool ds_order_emit_cancel_refused(ds_decision_t *decision,
                                                const struct ds_order *order,
                                                enum ds_cancel_scope scope, ds_error_t *error);
DS_MUST_CHECK bool ds_order_emit_picked_up(ds_decision_t *decision, const struct ds_order *order,
                                           ds_error_t *error);
DS_MUST_CHECK bool ds_order_emit_fulfilled(ds_decision_t *decision, const struct ds_order *order,
                                           ds_error_t *error);
/** @brief @param note  NULL: none. */
DS_MUST_CHECK bool ds_order_emit_cancelled(ds_decision_t *decision, const struct ds_order *order,
                                           enum ds_cancel_reason reason, enum ds_goods goods,
                                           const ds_str_t *note, ds_error_t *error);

#endif
