/* CHOREOGRAPHY section 6, second table, written out once more, and each of its rows as what becomes
 * of a courier of capacity 1. */
#include "delivery_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

#define S(x) DS_COURIER_##x
#define I(x) DS_COURIER_ON_##x

static const struct {
    enum ds_courier_state state;
    enum ds_courier_input input;
    enum ds_courier_state next;
} rows[] = {
    {S(OFFLINE), I(GO_ONLINE), S(FREE)},
    {S(FREE), I(GO_OFFLINE), S(OFFLINE)},
    {S(OFFERED), I(GO_OFFLINE), S(OFFLINE)},
    {S(FREE), I(OFFERED), S(OFFERED)},
    {S(FREE), I(REASSIGNED_TO), S(BUSY)},
    {S(OFFERED), I(ASSIGNED), S(BUSY)},
    {S(OFFERED), I(OFFER_ENDED), S(FREE)},
    {S(OFFERED), I(CANCELLED), S(FREE)},
    {S(BUSY), I(COMPLETED), S(FREE)},
    {S(BUSY), I(RETURNED), S(FREE)},
    {S(BUSY), I(CANCELLED), S(FREE)},
    {S(BUSY), I(UNASSIGNED), S(OFFLINE)},
    {S(BUSY), I(LOST), S(OFFLINE)},
    {S(BUSY), I(REASSIGNED_AWAY), S(OFFLINE)},
    /* renewals: see courier_table.h */
    {S(FREE), I(GO_ONLINE), S(FREE)},
    {S(OFFERED), I(GO_ONLINE), S(OFFERED)},
    {S(BUSY), I(GO_ONLINE), S(BUSY)},
};

DS_BEHAVIOURS(courier_table, NULL, NULL)

DS_BEHAVIOUR(courier_table, every_pair_is_as_in_the_choreography)
{
    for (int s = 0; s < DS_COURIER_STATES; s++)
        for (int i = 0; i < DS_COURIER_INPUTS; i++) {
            struct ds_courier_step step =
                ds_courier_step((enum ds_courier_state)s, (enum ds_courier_input)i);
            size_t row = 0;
            while (row < sizeof rows / sizeof rows[0] &&
                   ((int)rows[row].state != s || (int)rows[row].input != i))
                row++;
            bool there = row < sizeof rows / sizeof rows[0];
            cr_assert_eq(step.allowed, there, "state %d input %d", s, i);
            cr_assert_eq((int)step.next, there ? (int)rows[row].next : s, "state %d input %d", s,
                         i);
            if (!there)
                cr_assert_str_eq(step.reason, s == DS_COURIER_BUSY && i == DS_COURIER_ON_GO_OFFLINE
                                                  ? "COURIER_BUSY"
                                                  : "COURIER_UNKNOWN");
        }
}

static void assert_courier(ds_decider_kit_t *kit, enum ds_courier_state state)
{
    cr_assert_eq(ds_courier_state(courier_of(kit, "shop.c1")), state, "courier is %d, wanted %d",
                 (int)ds_courier_state(courier_of(kit, "shop.c1")), (int)state);
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(courier_table, courier_comes_and_goes)
{
    ds_decider_kit_t *kit = new_dispatch();
    online(kit, "shop.c1", 1);
    cr_assert_eq(ds_courier_state(courier_of(kit, "shop.c1")), DS_COURIER_FREE);
    offline(kit, "shop.c1");
    cr_assert_str_eq(ds_kit_types(kit), "courier.offline");
    offline(kit, "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_UNKNOWN");
    offline(kit, "shop.c7");
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_UNKNOWN");
    assert_courier(kit, DS_COURIER_OFFLINE);
}

DS_BEHAVIOUR(courier_table, courier_with_an_order_cannot_go_offline)
{
    ds_decider_kit_t *kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    offline(kit, "shop.c1");
    cr_assert_str_eq(ds_kit_refusal(kit), "COURIER_BUSY");
    assert_courier(kit, DS_COURIER_BUSY);
}

DS_BEHAVIOUR(courier_table, courier_is_free_after_what_ends_well_and_offline_after_what_does_not)
{
    ds_decider_kit_t *kit;
    assert_courier(order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD), DS_COURIER_OFFERED);
    assert_courier(order_in(DS_DELIVERY_COMPLETED, "shop.o1", CARD), DS_COURIER_FREE);
    assert_courier(order_in(DS_DELIVERY_CANCELLED, "shop.o1", CARD), DS_COURIER_FREE);
    assert_courier(order_in(DS_DELIVERY_RETURNED, "shop.o1", CARD), DS_COURIER_FREE);
    assert_courier(order_in(DS_DELIVERY_LOST, "shop.o1", CARD), DS_COURIER_OFFLINE);
    kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    cancel_order(kit, "shop.o1", DS_CANCEL_BY_CUSTOMER);
    assert_courier(kit, DS_COURIER_FREE);
    kit = order_in(DS_DELIVERY_OFFERED, "shop.o1", CARD);
    decline(kit, "shop.o1", 1, "shop.c1");
    assert_courier(kit, DS_COURIER_FREE);
    kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    give_back(kit, "shop.o1", "shop.c1");
    assert_courier(kit, DS_COURIER_OFFLINE);
    kit = order_in(DS_DELIVERY_ASSIGNED, "shop.o1", CARD);
    online(kit, "shop.c2", 1);
    reassign(kit, "shop.o1", "shop.c2");
    cr_assert_eq(ds_courier_state(courier_of(kit, "shop.c2")), DS_COURIER_BUSY);
    assert_courier(kit, DS_COURIER_OFFLINE);
}
