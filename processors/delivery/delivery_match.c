#include "processors/delivery/delivery_match.h"

#include "processors/delivery/delivery_events.h"

#include <assert.h>

void ds_match_init(struct ds_match *match, const struct ds_dispatch *dispatch,
                   ds_decision_t *decision, int64_t now_us, ds_str_t of_id)
{
    *match = (struct ds_match){
        .dispatch = dispatch,
        .decision = decision,
        .now_us = now_us,
        .store = ds_dispatch_store_of(dispatch, of_id),
    };
}

static struct ds_match_courier of_state(const struct ds_courier *courier)
{
    return (struct ds_match_courier){courier,           courier->id,     courier->load,
                                     courier->capacity, courier->online, courier->idle_us};
}

static struct ds_match_courier *changed(struct ds_match *match, const struct ds_courier *courier)
{
    for (size_t i = 0; i < match->courier_count; i++)
        if (match->couriers[i].courier == courier)
            return &match->couriers[i];
    assert(match->courier_count < sizeof match->couriers / sizeof match->couriers[0]);
    match->couriers[match->courier_count] = of_state(courier);
    return &match->couriers[match->courier_count++];
}

void ds_match_courier(struct ds_match *match, const struct ds_courier *courier, int32_t load_change,
                      bool online)
{
    struct ds_match_courier *change = changed(match, courier);
    change->load += load_change;
    change->online = online;
    if (load_change < 0)
        change->idle_us = match->now_us;
}

void ds_match_online(struct ds_match *match, const struct ds_courier *courier, ds_str_t id,
                     int32_t capacity)
{
    if (courier == NULL) {
        match->couriers[match->courier_count++] =
            (struct ds_match_courier){NULL, id, 0, capacity, true, match->now_us};
        return;
    }
    struct ds_match_courier *change = changed(match, courier);
    if (!change->online)
        change->idle_us = match->now_us;
    change->online = true;
    change->capacity = capacity;
}

void ds_match_waiting(struct ds_match *match, const struct ds_delivery *delivery, bool waiting,
                      const struct ds_courier *refused_by)
{
    assert(match->order_count < DS_MATCH_CHANGES_MAX);
    match->orders[match->order_count++] = (struct ds_match_order){delivery, waiting, refused_by};
}

/* ---- who could take something */

struct candidates {
    struct ds_match_courier *items;
    size_t count;
    int64_t room; /* of all */
};

static void consider(struct candidates *all, struct ds_match_courier courier)
{
    if (!courier.online || courier.load >= courier.capacity)
        return;
    all->items[all->count++] = courier;
    all->room += courier.capacity - courier.load;
}

static bool is_changed(const struct ds_match *match, const struct ds_courier *courier)
{
    for (size_t i = 0; i < match->courier_count; i++)
        if (match->couriers[i].courier == courier)
            return true;
    return false;
}

static bool find_candidates(const struct ds_match *match, struct candidates *all, ds_error_t *error)
{
    size_t count = match->courier_count + 1;
    for (const struct ds_courier *c = match->store == NULL ? NULL : match->store->couriers;
         c != NULL; c = c->next)
        count += ds_courier_has_room(c) ? 1 : 0;
    *all = (struct candidates){NULL, 0, 0};
    all->items =
        ds_arena_calloc(ds_decision_arena(match->decision), count, sizeof *all->items, error);
    if (all->items == NULL)
        return false;
    for (size_t i = 0; i < match->courier_count; i++)
        consider(all, match->couriers[i]);
    for (const struct ds_courier *c = match->store == NULL ? NULL : match->store->couriers;
         c != NULL; c = c->next)
        if (ds_courier_has_room(c) && !is_changed(match, c))
            consider(all, of_state(c));
    return true;
}

static bool is_better(const struct ds_match_courier *a, const struct ds_match_courier *b)
{
    if (a->load != b->load)
        return a->load < b->load;
    if (a->idle_us != b->idle_us)
        return a->idle_us < b->idle_us;
    return ds_str_cmp(a->id, b->id) < 0;
}

/* ---- who takes this one */

enum willingness { UNASKED, ASK_AGAIN, NOT_NOW };

static enum willingness willingness(const struct ds_match *match,
                                    const struct ds_match_order *order,
                                    const struct ds_match_courier *courier)
{
    const struct ds_refusal *refusal;
    if (order->delivery == NULL || courier->courier == NULL)
        refusal = NULL;
    else
        refusal = ds_delivery_refusal(order->delivery, courier->id);
    if (order->refused_by != NULL && order->refused_by == courier->courier)
        return NOT_NOW;
    if (refusal == NULL)
        return UNASKED;
    return refusal->until_us <= match->now_us ? ASK_AGAIN : NOT_NOW;
}

static struct ds_match_courier *choose(const struct ds_match *match,
                                       const struct ds_match_order *order,
                                       const struct candidates *all)
{
    struct ds_match_courier *best = NULL;
    enum willingness best_will = NOT_NOW;
    for (size_t i = 0; i < all->count; i++) {
        struct ds_match_courier *courier = &all->items[i];
        enum willingness will =
            courier->load < courier->capacity ? willingness(match, order, courier) : NOT_NOW;
        if (will == NOT_NOW || (best != NULL && will > best_will))
            continue;
        if (best == NULL || will < best_will || is_better(courier, best)) {
            best = courier;
            best_will = will;
        }
    }
    return best;
}

/* The order as it stands after this decision. */
static struct ds_match_order order_of(const struct ds_match *match,
                                      const struct ds_delivery *delivery)
{
    for (size_t i = 0; i < match->order_count; i++)
        if (match->orders[i].delivery == delivery)
            return match->orders[i];
    bool waiting =
        ds_delivery_step(delivery->state, DS_DELIVERY_ON_FOUND).verdict == DS_DELIVERY_DO;
    return (struct ds_match_order){delivery, waiting, NULL};
}

static bool offer(const struct ds_match *match, struct ds_match_courier *to, ds_str_t order_id,
                  int32_t number, struct candidates *all, ds_error_t *error)
{
    to->load++;
    all->room--;
    return ds_add_offered(match, order_id, number, to->id, error);
}

bool ds_match_run(const struct ds_match *match, ds_error_t *error)
{
    struct candidates all;
    size_t offers = 0;

    if (!find_candidates(match, &all, error))
        return false;
    for (const struct ds_delivery *d = match->store == NULL ? NULL : match->store->open_first;
         d != NULL && all.room > 0 && offers < DS_MATCH_OFFERS_MAX; d = d->next) {
        struct ds_match_order order = order_of(match, d);
        if (!order.waiting || d->search_until <= match->now_us)
            continue;
        struct ds_match_courier *to = choose(match, &order, &all);
        if (to == NULL)
            continue;
        if (!offer(match, to, d->order_id, d->offer_number + 1, &all, error))
            return false;
        offers++;
    }
    if (match->requested != NULL && all.room > 0) {
        struct ds_match_order order = {NULL, true, NULL};
        struct ds_match_courier *to = choose(match, &order, &all);
        if (to != NULL && !offer(match, to, match->requested->order_id, 1, &all, error))
            return false;
    }
    return true;
}

bool ds_match_best(const struct ds_match *match, const struct ds_courier *except,
                   const struct ds_courier **courier_out, ds_error_t *error)
{
    struct candidates all;
    const struct ds_match_courier *best = NULL;
    *courier_out = NULL;
    if (!find_candidates(match, &all, error))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (all.items[i].courier != except && (best == NULL || is_better(&all.items[i], best)))
            best = &all.items[i];
    if (best != NULL)
        *courier_out = best->courier;
    return true;
}
