#include "processors/delivery/delivery_match.h"

#include "base/geo.h"
#include "base/planted.h"
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
    return (struct ds_match_courier){
        .courier = courier,
        .id = courier->id,
        .load = courier->load,
        .capacity = courier->capacity,
        .online = courier->online,
        .idle_us = courier->idle_us,
        .has_place = courier->has_place,
        .place = courier->place,
    };
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

void ds_match_online(struct ds_match *match, const struct ds_courier *courier,
                     const struct ds_go_online *online)
{
    struct ds_match_courier *change = NULL;
    if (courier == NULL) {
        change = &match->couriers[match->courier_count++];
        *change = (struct ds_match_courier){.id = online->courier_id};
    } else {
        change = changed(match, courier);
    }
    if (online->has_place || !change->online) {
        change->has_place = online->has_place;
        change->place = online->place;
    }
    if (!change->online)
        change->idle_us = match->now_us;
    change->online = true;
    change->capacity = online->capacity;
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
    if (DS_PLANTED(NO_CAPACITY))
        courier.capacity++;
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

/* Where the order is fetched. */
static const struct ds_place *store_place(const struct ds_match *match)
{
    if (match->requested != NULL && match->requested->has_store_place)
        return &match->requested->store_place;
    return match->store != NULL && match->store->has_place ? &match->store->place : NULL;
}

static struct ds_policy_inputs inputs_of(const struct ds_match *match,
                                         const struct ds_match_courier *courier)
{
    const struct ds_place *store = store_place(match);
    int64_t idle_us = match->now_us - courier->idle_us;
    struct ds_policy_inputs inputs = {.load = courier->load,
                                      .idle_s = idle_us > 0 ? idle_us / 1000000 : 0};
    if (store != NULL && courier->has_place) {
        inputs.has_distance = true;
        inputs.distance_m =
            ds_geo_distance_m((struct ds_geo_point){courier->place.lat_e6, courier->place.lng_e6},
                              (struct ds_geo_point){store->lat_e6, store->lng_e6});
    }
    return inputs;
}

static bool is_better(const struct ds_match *match, const struct ds_match_courier *a,
                      const struct ds_match_courier *b)
{
    struct ds_policy_inputs of_a = inputs_of(match, a);
    struct ds_policy_inputs of_b = inputs_of(match, b);
    int64_t score_a = ds_policy_score(&of_a);
    int64_t score_b = ds_policy_score(&of_b);
    if (score_a != score_b)
        return score_a < score_b;
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
        if (best == NULL || will < best_will || is_better(match, courier, best)) {
            best = courier;
            best_will = will;
        }
    }
    return best;
}

/* The orders that wait after this decision, in the order of their numbers: those of the store's
 * list that it leaves there, and those that it puts back. */
struct waiting {
    const struct ds_match *match;
    const struct ds_delivery *listed; /* next of the list */
    const struct ds_match_order *back[DS_MATCH_CHANGES_MAX];
    size_t back_count;
    size_t back_next;
};

static void put_back(struct waiting *all, const struct ds_match_order *order)
{
    size_t at = all->back_count++;
    for (; at > 0 && all->back[at - 1]->delivery->number > order->delivery->number; at--)
        all->back[at] = all->back[at - 1];
    all->back[at] = order;
}

static void find_waiting(const struct ds_match *match, struct waiting *all)
{
    *all = (struct waiting){.match = match,
                            .listed = match->store == NULL ? NULL : match->store->waiting_first};
    for (size_t i = 0; i < match->order_count; i++)
        if (match->orders[i].waiting && !match->orders[i].delivery->listed)
            put_back(all, &match->orders[i]);
}

/* What the decision says of one that is listed. */
static struct ds_match_order listed_order(const struct ds_match *match,
                                          const struct ds_delivery *delivery)
{
    for (size_t i = 0; i < match->order_count; i++)
        if (match->orders[i].delivery == delivery)
            return match->orders[i];
    return (struct ds_match_order){delivery, true, NULL};
}

/* False: there are no more. */
static bool next_waiting(struct waiting *all, struct ds_match_order *order_out)
{
    const struct ds_match_order *back =
        all->back_next < all->back_count ? all->back[all->back_next] : NULL;

    if (back != NULL && (all->listed == NULL || back->delivery->number < all->listed->number)) {
        all->back_next++;
        *order_out = *back;
        return true;
    }
    if (all->listed == NULL)
        return false;
    *order_out = listed_order(all->match, all->listed);
    all->listed = all->listed->next;
    return true;
}

static int32_t with_room(const struct candidates *all)
{
    int32_t count = 0;
    for (size_t i = 0; i < all->count; i++)
        count += all->items[i].load < all->items[i].capacity ? 1 : 0;
    return count;
}

static bool offer(const struct ds_match *match, struct ds_match_courier *to, ds_str_t order_id,
                  int32_t number, struct candidates *all, ds_error_t *error)
{
    struct ds_policy_inputs inputs = inputs_of(match, to);
    int32_t candidates = with_room(all);
    to->load++;
    all->room--;
    return ds_add_offered(match, order_id, number, to->id, &inputs, candidates, error);
}

bool ds_match_run(const struct ds_match *match, ds_error_t *error)
{
    struct candidates all;
    struct waiting waiting;
    struct ds_match_order order;
    size_t offers = 0;

    if (!find_candidates(match, &all, error))
        return false;
    find_waiting(match, &waiting);
    while (all.room > 0 && offers < DS_MATCH_OFFERS_MAX && next_waiting(&waiting, &order)) {
        const struct ds_delivery *d = order.delivery;
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
        order = (struct ds_match_order){NULL, true, NULL};
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
        if (all.items[i].courier != except &&
            (best == NULL || is_better(match, &all.items[i], best)))
            best = &all.items[i];
    if (best != NULL)
        *courier_out = best->courier;
    return true;
}
