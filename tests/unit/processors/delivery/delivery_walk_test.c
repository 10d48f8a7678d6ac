/* A long random walk: everybody asks anything at any time, deadlines fire or wait. After every step
 * the couriers' loads are the deliveries bound to them and within the limit, every open delivery
 * has its deadline, the stores list those that search, and no order waits beside a courier that
 * could be asked. A state read back from the log decides the same. With nobody acting any more,
 * deadlines alone end everything. */
#include "base/limits.h"
#include "delivery_inputs.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ORDERS   40
#define COURIERS 6
#define STEPS    3000

static uint64_t next_random(uint64_t *seed)
{
    *seed += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int below(uint64_t *seed, int limit)
{
    return (int)(next_random(seed) % (uint64_t)limit);
}

static const char *courier(int c)
{
    static const char *const ids[COURIERS] = {"shop.c1",  "shop.c2",  "shop.c3",
                                              "other.c1", "other.c2", "other.c3"};
    return ids[c];
}

static bool needs_courier(enum ds_delivery_state state)
{
    return state >= DS_DELIVERY_OFFERED && state <= DS_DELIVERY_RETURNING;
}

static bool is_bound_to(const struct ds_courier *c, const struct ds_delivery *delivery)
{
    int times = 0;
    for (int32_t i = 0; i < c->load; i++)
        times += c->bound[i] == delivery ? 1 : 0;
    cr_assert_leq(times, 1);
    return times == 1;
}

static void check_waiting(const ds_decider_kit_t *kit, const struct ds_delivery *delivery)
{
    if (delivery->state != DS_DELIVERY_SEARCHING || delivery->search_until <= ds_kit_now(kit))
        return;
    for (int c = 0; c < COURIERS; c++) {
        const struct ds_courier *free = courier_of(kit, courier(c));
        if (free == NULL || free->store != delivery->store || !ds_courier_has_room(free))
            continue;
        const struct ds_refusal *refusal = ds_delivery_refusal(delivery, free->id);
        cr_assert(refusal != NULL && refusal->until_us > ds_kit_now(kit), "%.*s waits beside %.*s",
                  DS_STR_ARG(delivery->order_id), DS_STR_ARG(free->id));
    }
}

/* A store's list is those that search, each once, in the order they were requested. */
static size_t check_list(const struct ds_delivery_store *store)
{
    const struct ds_delivery *last = NULL;
    size_t count = 0;
    for (const struct ds_delivery *d = store->waiting_first; d != NULL; last = d, d = d->next) {
        cr_assert_eq(d->state, DS_DELIVERY_SEARCHING);
        cr_assert(d->store == store && d->previous == last);
        cr_assert(last == NULL || last->number < d->number);
        count++;
    }
    cr_assert(store->waiting_last == last);
    return count;
}

static void check_lists(const struct ds_dispatch *dispatch)
{
    size_t listed = 0;
    size_t searching = 0;
    size_t cursor = 0;
    ds_str_t key;
    const void *value;
    while (ds_shelf_next(dispatch->stores, &cursor, &key, &value))
        listed += check_list(value);
    cursor = 0;
    while (ds_shelf_next(dispatch->deliveries, &cursor, &key, &value))
        searching += ((const struct ds_delivery *)value)->state == DS_DELIVERY_SEARCHING ? 1 : 0;
    cr_assert_eq(listed, searching);
}

/* `in_time`: every deadline up to now has fired. */
static void check(const ds_decider_kit_t *kit, bool in_time)
{
    int32_t bound = 0;
    int32_t loads = 0;
    size_t cursor = 0;
    ds_str_t key;
    const void *value;
    check_lists(dispatch_of(kit));
    while (ds_shelf_next(dispatch_of(kit)->deliveries, &cursor, &key, &value)) {
        const struct ds_delivery *delivery = value;
        cr_assert_eq(delivery->courier != NULL, needs_courier(delivery->state));
        cr_assert_eq(delivery->timer_handle >= 0, delivery->state < DS_DELIVERY_COMPLETED);
        if (delivery->courier != NULL) {
            cr_assert(is_bound_to(delivery->courier, delivery));
            cr_assert(delivery->courier->store == delivery->store);
            bound++;
        }
        if (in_time)
            check_waiting(kit, delivery);
    }
    for (int c = 0; c < COURIERS; c++) {
        const struct ds_courier *one = courier_of(kit, courier(c));
        if (one == NULL)
            continue;
        loads += one->load;
        cr_assert_leq(one->load, DS_MAX_COURIER_CAPACITY);
    }
    cr_assert_eq(bound, loads);
}

/* What the courier of the order would most likely do, so that walks get far. */
static void next_of_order(ds_decider_kit_t *kit, const char *order, uint64_t *seed)
{
    char id[DS_MAX_ID_BYTES + 1];
    const struct ds_delivery *delivery = delivery_of(kit, order);
    if (delivery == NULL || delivery->courier == NULL ||
        !ds_str_to_array(delivery->courier->id, id, sizeof id))
        return;
    switch (delivery->state) {
    case DS_DELIVERY_OFFERED:
        if (below(seed, 4) == 0)
            decline(kit, order, delivery->offer_number, id);
        else
            accept(kit, order, delivery->offer_number, id);
        break;
    case DS_DELIVERY_ASSIGNED:
        pick_up(kit, order, id);
        break;
    case DS_DELIVERY_RETURNING:
        back_at_store(kit, order);
        break;
    default:
        if (below(seed, 4) == 0)
            attempt_failed(kit, order, id);
        else
            hand_over(kit, order, id, 1000);
        break;
    }
}

static void step(ds_decider_kit_t *kit, uint64_t *seed)
{
    char order[16];
    int number = below(seed, ORDERS);
    const char *c = courier(below(seed, COURIERS));
    snprintf(order, sizeof order, "%s.o%d", number % 2 == 0 ? "shop" : "other", number);
    switch (below(seed, 24)) {
    case 0:
    case 1:
        confirmed(kit, order, below(seed, 2) == 0 ? CARD : CASH);
        break;
    case 2:
        cancel_order(kit, order, (enum ds_cancel_by)below(seed, 3));
        break;
    case 3:
        cancel_line(kit, order, 1 + below(seed, 3), 1 + below(seed, 2));
        break;
    case 4:
    case 5:
    case 6:
        online(kit, c, 1 + below(seed, 3));
        break;
    case 7:
        offline(kit, c);
        break;
    case 8:
        accept(kit, order, 1 + below(seed, 3), c);
        break;
    case 9:
        decline(kit, order, 1 + below(seed, 3), c);
        break;
    case 10:
        give_back(kit, order, c);
        break;
    case 11:
        reassign(kit, order, below(seed, 2) == 0 ? c : NULL);
        break;
    case 12:
        see(kit, c);
        break;
    case 13:
        arrive(kit, order, c);
        break;
    case 14:
        hand_over(kit, order, c, 500);
        break;
    default:
        next_of_order(kit, order, seed);
        break;
    }
}

/* Deadlines that are due, as the host has them fire before it waits again. */
static void fire_due(ds_decider_kit_t *kit)
{
    struct ds_timer timer;
    int fired = 0;
    while (ds_kit_next_timer(kit, &timer) && timer.due_us <= ds_kit_now(kit)) {
        cr_assert_gt(ds_kit_fire(kit), 0, "a deadline must be cleared or moved");
        cr_assert_lt(++fired, 1000);
    }
}

static void end_by_deadlines(ds_decider_kit_t *kit)
{
    struct ds_timer timer;
    int fired = 0;
    size_t cursor = 0;
    ds_str_t key;
    const void *value;
    while (ds_kit_next_timer(kit, &timer)) {
        cr_assert_gt(ds_kit_fire(kit), 0);
        cr_assert_lt(++fired, 20000);
        check(kit, false);
    }
    while (ds_shelf_next(dispatch_of(kit)->deliveries, &cursor, &key, &value))
        cr_assert_geq(((const struct ds_delivery *)value)->state, DS_DELIVERY_COMPLETED);
    for (int c = 0; c < COURIERS; c++)
        cr_assert(courier_of(kit, courier(c)) == NULL || courier_of(kit, courier(c))->load == 0);
}

static void walk(uint64_t seed)
{
    ds_decider_kit_t *kit = new_dispatch();
    for (int i = 0; i < STEPS; i++) {
        step(kit, &seed);
        check(kit, true);
        int64_t pause_us = (below(&seed, 50) == 0 ? 600 : below(&seed, 10)) * DS_KIT_SECOND;
        ds_kit_advance(kit, pause_us);
        fire_due(kit);
        check(kit, true);
    }
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    check(copy, true);
    for (int i = 0; i < 300; i++) {
        uint64_t same = seed;
        struct ds_timer a = {0};
        struct ds_timer b = {0};
        step(kit, &seed);
        step(copy, &same);
        cr_assert(ds_kit_same_step(kit, copy), "step %d: %s, then %s", i, ds_kit_types(kit),
                  ds_kit_types(copy));
        cr_assert_eq(ds_kit_next_timer(kit, &a), ds_kit_next_timer(copy, &b));
        cr_assert(ds_str_eq(a.aggregate, b.aggregate) && a.kind == b.kind && a.due_us == b.due_us);
    }
    ds_kit_destroy(copy);
    end_by_deadlines(kit);
    ds_kit_destroy(kit);
}

Test(delivery_walk, couriers_and_deliveries_agree_at_every_step)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        walk(seed);
}
