/* Seeded random walks: whatever comes in whatever order, some things always hold. */
#include "order_world.h"

#include <criterion/criterion.h>

#define WALKS 60
#define STEPS 40

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void fire(ds_decider_kit_t *kit)
{
    struct ds_timer timer;
    if (ds_kit_next_timer(kit, &timer))
        ds_kit_fire(kit);
    else /* one that was cleared */
        ds_kit_timer(kit, DS_STR(ORDER_ID), DS_ORDER_PAYING, ds_kit_now(kit));
}

static void one_step(ds_decider_kit_t *kit, uint64_t r, enum ds_payment_method method)
{
    int32_t line = (int32_t)(r >> 8 & 1) + 1;
    int32_t quantity = (int32_t)(r >> 9 & 1) + 1;
    enum ds_actor_kind kind = (r >> 10 & 1) != 0 ? DS_ACTOR_KIND_STAFF : DS_ACTOR_KIND_CUSTOMER;

    ds_kit_advance(kit, (int64_t)(r >> 16 & 0xff) * DS_KIT_SECOND);
    switch (r % 18) {
    case 0:
    case 1:
        world_place(kit, method);
        return;
    case 2:
        world_cancel(kit);
        return;
    case 3:
        world_cancel_staff(kit);
        return;
    case 4:
    case 5:
        world_cancel_line(kit, kind, line, quantity);
        return;
    case 6:
    case 7:
        world_reserved(kit);
        return;
    case 8:
        world_stock_rejected(kit);
        return;
    case 9:
    case 10:
        world_payment_success(kit);
        return;
    case 11:
        world_payment_failed(kit);
        return;
    case 12:
        world_delivery_lines_cancelled(kit, line, quantity);
        return;
    case 13:
        world_delivery_cancelled(kit, (r >> 11 & 1) != 0 ? DS_CANCEL_REASON_BY_CUSTOMER
                                                         : DS_CANCEL_REASON_NO_COURIER);
        return;
    case 14:
        world_in_transit(kit);
        return;
    case 15:
        world_completed(kit);
        return;
    case 16:
        (r >> 11 & 1) != 0 ? world_returned(kit) : world_lost(kit);
        return;
    default:
        fire(kit);
        return;
    }
}

struct watched {
    int64_t total_minor;
    int finals;
};

/* The total only falls, what is confirmed and fulfilled is that total, and an order ends once. */
static void watch(const ds_decider_kit_t *kit, struct watched *w)
{
    for (size_t i = 0; i < ds_kit_count(kit); i++) {
        const struct ds_order_event *event = ds_kit_event(kit, i);
        int64_t total = w->total_minor;
        if (event->body.kind == DS_ORDER_EVENT_ORDER_LINES_CANCELLED)
            total = event->body.as.order_lines_cancelled.total_minor;
        if (event->body.kind == DS_ORDER_EVENT_ORDER_CONFIRMED)
            cr_assert_eq(event->body.as.order_confirmed.total_minor, total);
        if (event->body.kind == DS_ORDER_EVENT_ORDER_FULFILLED)
            cr_assert_eq(event->body.as.order_fulfilled.total_minor, total);
        cr_assert_leq(total, w->total_minor);
        cr_assert_geq(total, 250, "the fee at least");
        w->total_minor = total;
        w->finals += event->body.kind == DS_ORDER_EVENT_ORDER_FULFILLED ||
                     event->body.kind == DS_ORDER_EVENT_ORDER_CANCELLED;
        cr_assert_leq(w->finals, 1);
    }
}

static void walk(uint64_t seed)
{
    ds_decider_kit_t *kit = ds_kit_new(&ds_order_decider, NULL);
    enum ds_payment_method method =
        seed % 2 == 0 ? DS_PAYMENT_METHOD_CARD : DS_PAYMENT_METHOD_CASH_ON_DELIVERY;
    struct watched watched = {.total_minor = TOTAL_MINOR};

    seed = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int i = 0; i < STEPS; i++) {
        uint64_t r = next_random(&seed);
        ds_decider_kit_t *copy = i % 8 == 7 ? ds_kit_replay(kit) : NULL;
        one_step(kit, r, method);
        watch(kit, &watched);
        if (copy != NULL) {
            one_step(copy, r, method);
            cr_assert(ds_kit_same_step(kit, copy), "%s here, %s after reading back",
                      ds_kit_types(kit), ds_kit_types(copy));
            ds_kit_destroy(copy);
        }
    }
    ds_kit_destroy(kit);
}

Test(order_walk, totals_fall_an_order_ends_once_and_a_state_read_back_decides_the_same)
{
    for (uint64_t seed = 1; seed <= WALKS; seed++)
        walk(seed);
}
