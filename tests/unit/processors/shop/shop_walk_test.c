/* Seeded random shops: queues, deadlines, the provider and people in any order. When everything has
 * come to rest, each order is final, and goods and money are where the choreography says. */
#include "shop.h"

#include <criterion/criterion.h>

#define WALKS 60
#define STEPS 220

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Again: a repeat, also after its end, for longer than a walk takes. */
static void place(struct shop *shop, int order)
{
    shop_place(shop, order,
               order == 3 ? DS_PAYMENT_METHOD_CASH_ON_DELIVERY : DS_PAYMENT_METHOD_CARD);
}

static void person(struct shop *shop, uint64_t r)
{
    int order = (int)(r >> 8 & 3);
    switch (r >> 16 & 15) {
    case 0:
        shop_cancel(shop, order, DS_ACTOR_KIND_CUSTOMER);
        return;
    case 1:
        shop_cancel(shop, order, DS_ACTOR_KIND_STAFF);
        return;
    case 2:
        shop_cancel_line(shop, order, (int32_t)(r >> 20 & 1) + 1, (int32_t)(r >> 21 & 1) + 1);
        return;
    case 3:
        shop_answer_offer(shop, order, false);
        return;
    case 4:
    case 5:
    case 6:
        shop_answer_offer(shop, order, true);
        return;
    case 7:
    case 8:
        shop_pick_up(shop, order);
        return;
    case 9:
    case 10:
        shop_hand_over(shop, order);
        return;
    case 11:
        shop_fail_attempt(shop, order);
        return;
    case 12:
        shop_back_at_store(shop, order);
        return;
    case 13:
        shop_couriers_online(shop); /* some have gone */
        return;
    default:
        place(shop, order);
        return;
    }
}

static void one_step(struct shop *shop, uint64_t r)
{
    if (r % 16 < 9)
        (void)shop_deliver(shop, (int)((r >> 8) % SHOP_QUEUES));
    else if (r % 16 < 14)
        person(shop, r);
    else if (r % 16 == 14 && shop->call_count > 0)
        shop_report(shop, (size_t)(r >> 8) % shop->call_count, (r >> 40 & 3) != 0);
    else if ((r >> 8 & 7) == 0)
        (void)shop_fire(shop, (enum shop_part)((r >> 12) % SHOP_PARTS));
}

static bool answer_refunds(struct shop *shop)
{
    bool any = false;
    for (size_t c = 0; c < shop->call_count; c++) {
        if (!shop->calls[c].refund || shop->calls[c].decided)
            continue;
        shop_report(shop, c, true);
        any = true;
    }
    return any;
}

/* No act of a person any more, no answer to a charge: queues, deadlines and refunds alone. */
static void bring_to_rest(struct shop *shop)
{
    for (int i = 0; i < 2000; i++) {
        shop_settle(shop);
        if (!answer_refunds(shop) && !shop_fire_next(shop))
            return;
    }
    cr_assert_fail("the shop does not come to rest");
}

static void check(struct shop *shop)
{
    shop_check_stock(shop, true);
    for (int order = 0; order < SHOP_ORDERS; order++) {
        int64_t owed_minor = 0;
        int unmatched = 0;
        enum shop_end end = shop_end_of(shop, order, &owed_minor);
        int64_t kept_minor = shop_kept(shop, order, &unmatched);
        int64_t provider_minor = shop->provider_captured[order] - shop->provider_refunded[order];

        cr_assert_neq(end, SHOP_OPEN, "order %d is not final", order);
        if (unmatched > 0)
            continue; /* reported when it was forgotten: a matter for reconciliation */
        cr_assert_eq(kept_minor, owed_minor, "order %d: kept %lld, owed %lld", order,
                     (long long)kept_minor, (long long)owed_minor);
        if (order != 3)
            cr_assert_eq(provider_minor, owed_minor, "order %d: the provider keeps %lld", order,
                         (long long)provider_minor);
        else
            cr_assert_eq(shop_collected(shop, order), owed_minor, "%lld collected of %lld",
                         (long long)shop_collected(shop, order), (long long)owed_minor);
    }
}

static void walk(uint64_t seed)
{
    struct shop shop;

    shop_init(&shop, 5, 9); /* milk for two orders, bread for three */
    shop_couriers_online(&shop);
    seed = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int i = 0; i < STEPS; i++) {
        one_step(&shop, next_random(&seed));
        if (i % 16 == 15)
            shop_settle(&shop);
    }
    bring_to_rest(&shop);
    check(&shop);
    shop_cleanup(&shop);
}

Test(shop_walk, everything_comes_to_rest_with_goods_and_money_in_place)
{
    for (uint64_t seed = 1; seed <= WALKS; seed++)
        walk(seed);
}
