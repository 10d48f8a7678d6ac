/* processors/delivery/delivery_match.h - which waiting order is offered to which courier.
 *
 * Orders of a store are served in the order they were requested. Each goes to the courier of that
 * store, online and with room, that the policy (delivery_policy.h) prefers: near to the store, with
 * few orders, waiting for long. So it is a function of the log alone.
 *
 * A courier that refused the order (declined, let the offer expire, gave it back, did not come) is
 * passed over as long as another one can take it. With nobody else there, it is asked again after a
 * pause: as long as the offer stood, twice that after the second refusal, three times after the
 * third. So one sleepy courier does not lose an order, and nobody is asked in a loop. When a pause
 * ends, a deadline of the delivery (DS_DELIVERY_TIMER_RETRY) brings it about.
 *
 * Past search_until no offer is made; the deadline of SEARCHING is about to cancel.
 *
 * A match is part of the decision of the event that made it possible. That event is not in the
 * state yet, so the match is told what it changes: ds_match_courier, ds_match_waiting and friends.
 */
#ifndef DS_PROCESSORS_DELIVERY_DELIVERY_MATCH_H
#define DS_PROCESSORS_DELIVERY_DELIVERY_MATCH_H

#include "processors/delivery/delivery_state.h"

/* All orders of a courier that goes, and the one it is about. */
#define DS_MATCH_CHANGES_MAX (DS_MAX_COURIER_CAPACITY + 2)
/* More than one event can make possible: a courier's capacity, twice. */
#define DS_MATCH_OFFERS_MAX 64

struct ds_match_courier {
    const struct ds_courier *courier; /* NULL: one that is not in the state yet */
    ds_str_t id;
    int32_t load;
    int32_t capacity;
    bool online;
    int64_t idle_us; /* since when it has waited */
    bool has_place;
    struct ds_place place;
};

struct ds_match_order {
    const struct ds_delivery *delivery;
    bool waiting;                        /* after this decision */
    const struct ds_courier *refused_by; /* in this decision; NULL: nobody */
};

struct ds_match {
    const struct ds_dispatch *dispatch;
    ds_decision_t *decision;
    int64_t now_us;
    const struct ds_delivery_store *store; /* NULL: the store has no couriers and no orders yet */
    struct ds_match_courier couriers[3];   /* what this decision changes of them */
    size_t courier_count;
    struct ds_match_order orders[DS_MATCH_CHANGES_MAX];
    size_t order_count;
    const struct ds_delivery_requested *requested; /* by this decision; NULL: none */
};

/** @param of_id  an order's or courier's id of the store. */
void ds_match_init(struct ds_match *match, const struct ds_dispatch *dispatch,
                   ds_decision_t *decision, int64_t now_us, ds_str_t of_id);
/** @brief The courier loses (-1) or gains orders; `online` as it is afterwards. Adds to what was
 * said of it before. */
void ds_match_courier(struct ds_match *match, const struct ds_courier *courier, int32_t load_change,
                      bool online);
/** @brief The courier comes online, new or renewed. `courier` NULL: new. */
void ds_match_online(struct ds_match *match, const struct ds_courier *courier,
                     const struct ds_go_online *online);
/** @brief The delivery is waiting again, or no longer. */
void ds_match_waiting(struct ds_match *match, const struct ds_delivery *delivery, bool waiting,
                      const struct ds_courier *refused_by);
/** @brief Whom staff may give an order to: the policy's choice without `except`. NULL: nobody is
 * free. */
DS_MUST_CHECK bool ds_match_best(const struct ds_match *match, const struct ds_courier *except,
                                 const struct ds_courier **courier_out, ds_error_t *error);
/** @brief Append delivery.offered for every order that finds a courier. */
DS_MUST_CHECK bool ds_match_run(const struct ds_match *match, ds_error_t *error);

#endif
