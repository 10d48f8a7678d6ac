/* CHOREOGRAPHY section 5, first table, written out once more: every pair of state and input, as a
 * table and as what the decider does. */
#include "inventory_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

#define S(x) DS_RESERVATION_##x

static const struct {
    enum ds_reservation_state state;
    enum ds_reservation_input input;
    enum ds_reservation_effect effect;
    enum ds_reservation_state next;
    char event[24];
} rows[] = {
    {S(NONE), S(CREATED_ENOUGH), S(RESERVE), S(HELD), "inventory.reserved"},
    {S(NONE), S(CREATED_SHORT), S(REJECT), S(NONE), "inventory.rejected"},
    {S(HELD), S(LINES_CANCELLED), S(RELEASE_LINES), S(HELD), "inventory.released"},
    {S(HELD), S(CANCELLED), S(RELEASE_REST), S(RELEASED), "inventory.released"},
    {S(HELD), S(CANCELLED_LOST), S(RELEASE_REST), S(RELEASED), "inventory.released"},
    {S(HELD), S(PICKED_UP), S(COMMIT_REST), S(COMMITTED), "inventory.committed"},
    {S(COMMITTED), S(CANCELLED), S(RETURN_ALL), S(RETURNED), "inventory.returned"},
};

static size_t row_of(enum ds_reservation_state state, enum ds_reservation_input input)
{
    size_t i = 0;
    while (i < sizeof rows / sizeof rows[0] && (rows[i].state != state || rows[i].input != input))
        i++;
    return i;
}

static bool has_row(size_t row)
{
    return row < sizeof rows / sizeof rows[0];
}

DS_BEHAVIOURS(inventory_table, NULL, NULL)

DS_BEHAVIOUR(inventory_table, every_pair_is_as_in_the_choreography)
{
    for (int s = 0; s < DS_RESERVATION_STATES; s++)
        for (int i = 0; i < DS_RESERVATION_INPUTS; i++) {
            enum ds_reservation_state state = (enum ds_reservation_state)s;
            enum ds_reservation_input input = (enum ds_reservation_input)i;
            size_t row = row_of(state, input);
            struct ds_reservation_step step = ds_reservation_step(state, input);
            cr_assert_eq(step.effect, has_row(row) ? rows[row].effect : DS_RESERVATION_PASS,
                         "state %d input %d", s, i);
            cr_assert_eq(step.next, has_row(row) ? rows[row].next : state, "state %d input %d", s,
                         i);
        }
}

/* Two lines of two products, 10 pieces of each there. */
static const struct part two_lines[] = {{1, "shop.milk", 2}, {2, "shop.bread", 3}};

static ds_decider_kit_t *in_state(enum ds_reservation_state state)
{
    ds_decider_kit_t *kit = new_inventory();
    receive(kit, "shop.milk", 10);
    receive(kit, "shop.bread", 10);
    if (state != DS_RESERVATION_NONE)
        order_created(kit, "shop.o1", two_lines, 2);
    if (state == DS_RESERVATION_RELEASED)
        order_cancelled(kit, "shop.o1", DS_GOODS_NOT_TAKEN);
    if (state == DS_RESERVATION_COMMITTED || state == DS_RESERVATION_RETURNED)
        order_picked_up(kit, "shop.o1");
    if (state == DS_RESERVATION_RETURNED)
        order_cancelled(kit, "shop.o1", DS_GOODS_RETURNED);
    cr_assert_eq(reservation_of(kit, "shop.o1"), state);
    return kit;
}

static void feed(ds_decider_kit_t *kit, enum ds_reservation_input input)
{
    switch (input) {
    case DS_RESERVATION_CREATED_ENOUGH:
        order_created(kit, "shop.o1", two_lines, 2);
        break;
    case DS_RESERVATION_CREATED_SHORT:
        order_one(kit, "shop.o1", "shop.milk", 11);
        break;
    case DS_RESERVATION_LINES_CANCELLED:
        order_lines_cancelled(kit, "shop.o1", two_lines, 1);
        break;
    case DS_RESERVATION_CANCELLED:
        order_cancelled(kit, "shop.o1", DS_GOODS_RETURNED);
        break;
    case DS_RESERVATION_CANCELLED_LOST:
        order_cancelled(kit, "shop.o1", DS_GOODS_LOST);
        break;
    case DS_RESERVATION_PICKED_UP:
        order_picked_up(kit, "shop.o1");
        break;
    case DS_RESERVATION_INPUTS:
        break;
    }
}

DS_BEHAVIOUR(inventory_table, decider_does_what_each_pair_says)
{
    for (int s = 0; s < DS_RESERVATION_STATES; s++)
        for (int i = 0; i < DS_RESERVATION_INPUTS; i++) {
            enum ds_reservation_state state = (enum ds_reservation_state)s;
            size_t row = row_of(state, (enum ds_reservation_input)i);
            ds_decider_kit_t *kit = in_state(state);
            feed(kit, (enum ds_reservation_input)i);
            cr_assert_str_eq(ds_kit_types(kit), has_row(row) ? rows[row].event : "",
                             "state %d input %d", s, i);
            cr_assert_eq(reservation_of(kit, "shop.o1"), has_row(row) ? rows[row].next : state,
                         "state %d input %d", s, i);
            ds_kit_destroy(kit);
        }
}
