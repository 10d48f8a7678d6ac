/* processors/delivery/courier.h - a courier: what it is, what is bound to it, and how that changes.
 *
 * Invariant: `bound` holds exactly the deliveries whose `courier` is this one, in the order they
 * were requested, each OFFERED or later and not over; never more than DS_MAX_COURIER_CAPACITY.
 * Threads: part of one state, one thread. */
#ifndef DS_PROCESSORS_DELIVERY_COURIER_H
#define DS_PROCESSORS_DELIVERY_COURIER_H

#include "base/limits.h"
#include "decider/decider.h"
#include "processors/delivery/courier_table.h"

struct ds_delivery;
struct ds_delivery_store;

struct ds_courier {
    ds_str_t id; /* owned, behind the struct */
    struct ds_delivery_store *store;
    struct ds_courier *next; /* in the store, in the order they first came */
    struct ds_courier *previous;
    char *name;    /* owned; NULL: none */
    char *vehicle; /* owned */
    int32_t capacity;
    bool online;
    bool has_place; /* where it was seen last, since it came online */
    struct ds_place place;
    int64_t idle_us; /* event time at which it came online, or last had an order taken off it */
    struct ds_delivery *bound[DS_MAX_COURIER_CAPACITY];
    int32_t load;      /* of them */
    int64_t closed_us; /* while in `closed_couriers`: its last event */
    int32_t closed_handle;
};

/** @brief The whole courier's state, for its own commands. */
enum ds_courier_state ds_courier_state(const struct ds_courier *courier);
/** @brief Its state towards one order. */
enum ds_courier_state ds_courier_state_towards(const struct ds_courier *courier,
                                               const struct ds_delivery *delivery);

/** @brief Apply an event of `delivery` to the courier: bind it, let it go, go offline.
 * `delivery->courier` follows. DS_ERR_DAMAGE: the table has no such row, or there is no room:
 * decide cannot have written this. */
DS_MUST_CHECK bool ds_courier_apply(struct ds_courier *courier, struct ds_delivery *delivery,
                                    enum ds_courier_input input, int64_t at_us, ds_error_t *error);
/** @brief Bind the delivery. DS_ERR_DAMAGE: there is no room. */
DS_MUST_CHECK bool ds_courier_bind(struct ds_courier *courier, struct ds_delivery *delivery,
                                   ds_error_t *error);
/** @brief courier.online: new name, vehicle, capacity; false: out of memory, nothing changed. */
DS_MUST_CHECK bool ds_courier_renew(struct ds_courier *courier,
                                    const struct ds_courier_online *online, int64_t at_us,
                                    ds_error_t *error);

#endif
