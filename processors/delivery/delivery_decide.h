/* processors/delivery/delivery_decide.h - decide of delivery, in two halves: what happens, and what
 * is asked. */
#ifndef DS_PROCESSORS_DELIVERY_DELIVERY_DECIDE_H
#define DS_PROCESSORS_DELIVERY_DELIVERY_DECIDE_H

#include "processors/delivery/delivery_state.h"

/** @brief See struct ds_decider. */
DS_MUST_CHECK bool ds_delivery_decide(const struct ds_dispatch *dispatch,
                                      const struct ds_input *input, int64_t now_us,
                                      ds_decision_t *decision, ds_error_t *error);
/** @brief Decide a command (delivery_command.c). */
DS_MUST_CHECK bool ds_delivery_command_decide(const struct ds_dispatch *dispatch,
                                              const struct ds_delivery_command *command,
                                              int64_t now_us, ds_decision_t *decision,
                                              ds_error_t *error);

/** @brief The offer was not taken: delivery.offer_ended, and whom it goes to next. */
DS_MUST_CHECK bool ds_decide_offer_not_taken(const struct ds_dispatch *dispatch,
                                             const struct ds_delivery *delivery,
                                             enum ds_offer_end reason, int64_t now_us,
                                             ds_decision_t *decision, ds_error_t *error);
/** @brief The courier does not fetch it: delivery.unassigned, the courier goes offline, another is
 * looked for. */
DS_MUST_CHECK bool ds_decide_not_fetched(const struct ds_dispatch *dispatch,
                                         const struct ds_delivery *delivery,
                                         enum ds_unassign_reason reason, int64_t now_us,
                                         ds_decision_t *decision, ds_error_t *error);
/** @brief The courier has one order less: waiting orders of the store may go to it. */
DS_MUST_CHECK bool ds_decide_courier_freed(const struct ds_dispatch *dispatch,
                                           const struct ds_delivery *delivery, int64_t now_us,
                                           ds_decision_t *decision, ds_error_t *error);

#endif
