/* processors/payment/payment_events.h - builds the payment's events into a decision.
 *
 * Texts are borrowed from the state and the input. Each returns false for DS_ERR_LIMIT or
 * DS_ERR_MEMORY. */
#ifndef DS_PROCESSORS_PAYMENT_PAYMENT_EVENTS_H
#define DS_PROCESSORS_PAYMENT_PAYMENT_EVENTS_H

#include "processors/payment/payment_state.h"

/** The provider's charge: what a refund goes back to. */
struct ds_payment_charge {
    ds_str_t provider;
    ds_str_t reference;
};

/** @brief "<order>-c1": there is one charge an order. */
bool ds_payment_is_charge_key(ds_str_t order_id, ds_str_t key);
/** @brief "<order>-r<number>". */
bool ds_payment_is_refund_key(ds_str_t order_id, int32_t number, ds_str_t key);

/** What staff gave back that was not owed: all of it so far, and why where this event is about
 * that. */
struct ds_payment_goodwill {
    int64_t minor;
    const ds_str_t *reason; /* NULL: none */
};

DS_MUST_CHECK bool ds_payment_emit_initiated(ds_decision_t *decision,
                                             const struct ds_order_payment_requested *request,
                                             int64_t give_up_at_us, ds_error_t *error);
/** @brief payment.success of an order that costs nothing: without a charge. */
DS_MUST_CHECK bool ds_payment_emit_nothing(ds_decision_t *decision,
                                           const struct ds_order_payment_requested *request,
                                           ds_error_t *error);
DS_MUST_CHECK bool ds_payment_emit_cash(ds_decision_t *decision,
                                        const struct ds_order_fulfilled *fulfilled,
                                        ds_error_t *error);
DS_MUST_CHECK bool ds_payment_emit_success(ds_decision_t *decision,
                                           const struct ds_report_charge *report, int64_t due_minor,
                                           bool late, ds_error_t *error);
/** @brief @param detail  NULL: none. */
DS_MUST_CHECK bool ds_payment_emit_failed(ds_decision_t *decision, ds_str_t order_id,
                                          enum ds_fail_reason reason, const ds_str_t *detail,
                                          ds_error_t *error);
DS_MUST_CHECK bool ds_payment_emit_due_changed(ds_decision_t *decision,
                                               const struct ds_payment *payment, int64_t due_minor,
                                               const struct ds_payment_goodwill *goodwill,
                                               ds_error_t *error);
DS_MUST_CHECK bool ds_payment_emit_refund_initiated(ds_decision_t *decision,
                                                    const struct ds_payment *payment,
                                                    const struct ds_payment_charge *charge,
                                                    int64_t amount_minor, int64_t due_minor,
                                                    const struct ds_payment_goodwill *goodwill,
                                                    ds_error_t *error);
DS_MUST_CHECK bool ds_payment_emit_refunded(ds_decision_t *decision,
                                            const struct ds_payment *payment,
                                            const struct ds_report_refund *report,
                                            int64_t amount_minor, ds_error_t *error);
DS_MUST_CHECK bool ds_payment_emit_refund_failed(ds_decision_t *decision,
                                                 const struct ds_payment *payment,
                                                 const struct ds_report_refund *report,
                                                 int64_t retry_at_us, ds_error_t *error);
DS_MUST_CHECK bool ds_payment_emit_disputed(ds_decision_t *decision,
                                            const struct ds_report_dispute *report,
                                            ds_error_t *error);
/** @brief All texts as reported. */
DS_MUST_CHECK bool ds_payment_emit_unmatched(ds_decision_t *decision,
                                             const struct ds_payment_unmatched *report,
                                             ds_error_t *error);

#endif
