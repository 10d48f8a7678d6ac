#include "processors/delivery/courier.h"

#include "processors/delivery/delivery_state.h"

#include <stdlib.h>

static bool is_bound(const struct ds_courier *courier, const struct ds_delivery *delivery)
{
    return delivery->courier == courier;
}

enum ds_courier_state ds_courier_state_towards(const struct ds_courier *courier,
                                               const struct ds_delivery *delivery)
{
    if (!is_bound(courier, delivery))
        return courier->online ? DS_COURIER_FREE : DS_COURIER_OFFLINE;
    return delivery->state == DS_DELIVERY_OFFERED ? DS_COURIER_OFFERED : DS_COURIER_BUSY;
}

enum ds_courier_state ds_courier_state(const struct ds_courier *courier)
{
    enum ds_courier_state state = courier->online ? DS_COURIER_FREE : DS_COURIER_OFFLINE;
    for (int32_t i = 0; i < courier->load; i++) {
        if (courier->bound[i]->state != DS_DELIVERY_OFFERED)
            return DS_COURIER_BUSY;
        state = DS_COURIER_OFFERED;
    }
    return state;
}

bool ds_courier_bind(struct ds_courier *courier, struct ds_delivery *delivery, ds_error_t *error)
{
    int32_t at = courier->load;
    if (is_bound(courier, delivery))
        return true;
    if (courier->load >= DS_MAX_COURIER_CAPACITY)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                            "courier %.*s has no room for %.*s", DS_STR_ARG(courier->id),
                            DS_STR_ARG(delivery->order_id));
    for (; at > 0 && courier->bound[at - 1]->number > delivery->number; at--)
        courier->bound[at] = courier->bound[at - 1];
    courier->bound[at] = delivery;
    courier->load++;
    delivery->courier = courier;
    return true;
}

static void let_go(struct ds_courier *courier, struct ds_delivery *delivery, int64_t at_us)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < courier->load; i++)
        if (courier->bound[i] != delivery)
            courier->bound[kept++] = courier->bound[i];
    courier->load = kept;
    courier->idle_us = at_us;
    delivery->courier = NULL;
}

bool ds_courier_apply(struct ds_courier *courier, struct ds_delivery *delivery,
                      enum ds_courier_input input, int64_t at_us, ds_error_t *error)
{
    enum ds_courier_state state = ds_courier_state_towards(courier, delivery);
    struct ds_courier_step step = ds_courier_step(state, input);
    if (!step.allowed)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                            "courier %.*s, state %d towards %.*s: no row for input %d",
                            DS_STR_ARG(courier->id), (int)state, DS_STR_ARG(delivery->order_id),
                            (int)input);
    switch (step.next) {
    case DS_COURIER_OFFERED:
    case DS_COURIER_BUSY:
        return ds_courier_bind(courier, delivery, error);
    case DS_COURIER_OFFLINE:
        courier->online = false;
        let_go(courier, delivery, at_us);
        return true;
    case DS_COURIER_FREE:
    case DS_COURIER_STATES:
        break;
    }
    let_go(courier, delivery, at_us);
    return true;
}

bool ds_courier_renew(struct ds_courier *courier, const struct ds_courier_online *online,
                      int64_t at_us, ds_error_t *error)
{
    char *vehicle = ds_str_dup(online->vehicle);
    char *name = online->has_name ? ds_str_dup(online->name) : NULL;
    if (vehicle == NULL || (online->has_name && name == NULL)) {
        free(vehicle);
        free(name);
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a courier's name");
    }
    free(courier->vehicle);
    free(courier->name);
    courier->vehicle = vehicle;
    courier->name = name;
    courier->capacity = online->capacity;
    if (online->has_place || !courier->online) {
        courier->has_place = online->has_place;
        courier->place = online->place;
    }
    /* A renewal must not cost a waiting courier its place in the row. */
    if (!courier->online)
        courier->idle_us = at_us;
    courier->online = true;
    return true;
}
