/* processors/delivery/delivery_events.h - appending the events of delivery to a decision. Each
 * function makes one event; texts are borrowed from the state and the input. */
#ifndef DS_PROCESSORS_DELIVERY_DELIVERY_EVENTS_H
#define DS_PROCESSORS_DELIVERY_DELIVERY_EVENTS_H

#include "processors/delivery/delivery_match.h"
#include "processors/delivery/delivery_policy.h"

/** @brief The context of what follows for a delivery without anybody's command: its own correlation
 * id and trace. */
struct ds_context ds_delivery_context(const struct ds_delivery *delivery);

/** @brief delivery.offered, in the context of its order: the order may be another than the decision
 * is about. */
DS_MUST_CHECK bool ds_add_offered(const struct ds_match *match, ds_str_t order_id, int32_t number,
                                  ds_str_t courier_id, const struct ds_policy_inputs *inputs,
                                  int32_t candidates, ds_error_t *error);
/** @brief An offer's id, "<order_id>-<number>", apart; order_id_out is borrowed from it.
 *  @return false: no offer's id; order_id_out is the whole then. */
bool ds_offer_split(ds_str_t offer_id, ds_str_t *order_id_out, int64_t *number_out);
DS_MUST_CHECK bool ds_add_offer_ended(ds_decision_t *decision, const struct ds_delivery *delivery,
                                      enum ds_offer_end reason, ds_error_t *error);
DS_MUST_CHECK bool ds_add_unassigned(ds_decision_t *decision, const struct ds_delivery *delivery,
                                     enum ds_unassign_reason reason, ds_error_t *error);
DS_MUST_CHECK bool ds_add_cancelled(ds_decision_t *decision, const struct ds_delivery *delivery,
                                    enum ds_cancel_reason reason, ds_error_t *error);
DS_MUST_CHECK bool ds_add_lost(ds_decision_t *decision, const struct ds_delivery *delivery,
                               ds_error_t *error);
DS_MUST_CHECK bool ds_add_courier_offline(ds_decision_t *decision, ds_str_t courier_id,
                                          ds_error_t *error);

/** @brief The courier goes offline: its open offers end, and courier.offline. The match is told. An
 * order of it that the decision has dealt with (`except`, may be NULL) is left out. */
DS_MUST_CHECK bool ds_add_going_offline(struct ds_match *match, const struct ds_courier *courier,
                                        const struct ds_delivery *except, ds_error_t *error);

#endif
