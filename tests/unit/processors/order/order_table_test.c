/* The table of the choreography, section 3, as data: every pair of state and input is driven
 * through the decider. */
#include "order_world.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct row {
    enum ds_order_state state;
    enum ds_order_input input;
    const char *events;
    enum ds_order_state then;
};

static const struct row rows[] = {
    {DS_ORDER_NONE, DS_ORDER_ON_PLACE, "order.created", DS_ORDER_RESERVING},
    {DS_ORDER_RESERVING, DS_ORDER_ON_RESERVED_CARD, "order.payment_requested", DS_ORDER_PAYING},
    {DS_ORDER_RESERVING, DS_ORDER_ON_RESERVED_CASH, "order.confirmed", DS_ORDER_CONFIRMED},
    {DS_ORDER_RESERVING, DS_ORDER_ON_STOCK_REJECTED, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_RESERVING, DS_ORDER_ON_CANCEL_BY_CUSTOMER, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_RESERVING, DS_ORDER_ON_CANCEL_BY_STAFF, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_RESERVING, DS_ORDER_ON_TIMER, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_RESERVING, DS_ORDER_ON_CANCEL_LINES, "order.lines_cancelled", DS_ORDER_RESERVING},
    {DS_ORDER_PAYING, DS_ORDER_ON_PAYMENT_SUCCESS, "order.confirmed", DS_ORDER_CONFIRMED},
    {DS_ORDER_PAYING, DS_ORDER_ON_PAYMENT_FAILED, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_PAYING, DS_ORDER_ON_CANCEL_BY_CUSTOMER, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_PAYING, DS_ORDER_ON_CANCEL_BY_STAFF, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_PAYING, DS_ORDER_ON_TIMER, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_PAYING, DS_ORDER_ON_CANCEL_LINES, "order.lines_cancelled", DS_ORDER_PAYING},
    {DS_ORDER_CONFIRMED, DS_ORDER_ON_CANCEL_BY_CUSTOMER, "order.cancel_requested",
     DS_ORDER_STOPPING},
    {DS_ORDER_CONFIRMED, DS_ORDER_ON_TIMER, "order.cancel_requested", DS_ORDER_STOPPING},
    {DS_ORDER_CONFIRMED, DS_ORDER_ON_CANCEL_BY_STAFF, "order.cancel_requested",
     DS_ORDER_STOPPING_STAFF},
    {DS_ORDER_STOPPING, DS_ORDER_ON_CANCEL_BY_STAFF, "order.cancel_requested",
     DS_ORDER_STOPPING_STAFF},
    {DS_ORDER_CONFIRMED, DS_ORDER_ON_CANCEL_LINES, "order.cancel_requested", DS_ORDER_CONFIRMED},
    {DS_ORDER_CONFIRMED, DS_ORDER_ON_DELIVERY_LINES_CANCELLED, "order.lines_cancelled",
     DS_ORDER_CONFIRMED},
    {DS_ORDER_STOPPING, DS_ORDER_ON_DELIVERY_LINES_CANCELLED, "order.lines_cancelled",
     DS_ORDER_STOPPING},
    {DS_ORDER_STOPPING_STAFF, DS_ORDER_ON_DELIVERY_LINES_CANCELLED, "order.lines_cancelled",
     DS_ORDER_STOPPING_STAFF},
    {DS_ORDER_CONFIRMED, DS_ORDER_ON_DELIVERY_CANCELLED, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_STOPPING, DS_ORDER_ON_DELIVERY_CANCELLED, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_STOPPING_STAFF, DS_ORDER_ON_DELIVERY_CANCELLED, "order.cancelled",
     DS_ORDER_CANCELLED},
    {DS_ORDER_CONFIRMED, DS_ORDER_ON_IN_TRANSIT, "order.picked_up", DS_ORDER_PICKED_UP},
    {DS_ORDER_STOPPING, DS_ORDER_ON_IN_TRANSIT, "order.picked_up,order.cancel_refused",
     DS_ORDER_PICKED_UP},
    {DS_ORDER_STOPPING_STAFF, DS_ORDER_ON_IN_TRANSIT, "order.picked_up", DS_ORDER_RECALLING},
    {DS_ORDER_PICKED_UP, DS_ORDER_ON_CANCEL_BY_STAFF, "order.cancel_requested", DS_ORDER_RECALLING},
    {DS_ORDER_PICKED_UP, DS_ORDER_ON_COMPLETED, "order.fulfilled", DS_ORDER_FULFILLED},
    {DS_ORDER_RECALLING, DS_ORDER_ON_COMPLETED, "order.fulfilled,order.cancel_refused",
     DS_ORDER_FULFILLED},
    {DS_ORDER_PICKED_UP, DS_ORDER_ON_RETURNED, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_RECALLING, DS_ORDER_ON_RETURNED, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_PICKED_UP, DS_ORDER_ON_LOST, "order.cancelled", DS_ORDER_CANCELLED},
    {DS_ORDER_RECALLING, DS_ORDER_ON_LOST, "order.cancelled", DS_ORDER_CANCELLED},
};

/* What each state answers to by-customer, by-staff and lines; NULL: a row above. */
static const char *const refusals[DS_ORDER_STATES][3] = {
    [DS_ORDER_NONE] = {"ORDER_UNKNOWN", "ORDER_UNKNOWN", "ORDER_UNKNOWN"},
    [DS_ORDER_STOPPING] = {"CANCEL_PENDING", NULL, "CANCEL_PENDING"},
    [DS_ORDER_STOPPING_STAFF] = {"CANCEL_PENDING", "CANCEL_PENDING", "CANCEL_PENDING"},
    [DS_ORDER_PICKED_UP] = {"ORDER_PICKED_UP", NULL, "ORDER_PICKED_UP"},
    [DS_ORDER_RECALLING] = {"CANCEL_PENDING", "CANCEL_PENDING", "CANCEL_PENDING"},
    [DS_ORDER_FULFILLED] = {"ORDER_FULFILLED", "ORDER_FULFILLED", "ORDER_FULFILLED"},
    [DS_ORDER_CANCELLED] = {"ORDER_CANCELLED", "ORDER_CANCELLED", "ORDER_CANCELLED"},
};

static const struct row *find(enum ds_order_state state, enum ds_order_input input)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].state == state && rows[i].input == input)
            return &rows[i];
    }
    return NULL;
}

static const char *refusal_of(enum ds_order_state state, enum ds_order_input input)
{
    if (input == DS_ORDER_ON_CANCEL_BY_CUSTOMER)
        return refusals[state][0];
    if (input == DS_ORDER_ON_CANCEL_BY_STAFF)
        return refusals[state][1];
    return input == DS_ORDER_ON_CANCEL_LINES ? refusals[state][2] : NULL;
}

static void fire(ds_decider_kit_t *kit)
{
    struct ds_timer timer;
    if (ds_kit_next_timer(kit, &timer))
        ds_kit_fire(kit);
    else /* one that was cleared */
        ds_kit_timer(kit, DS_STR(ORDER_ID), (int32_t)world_state(kit), ds_kit_now(kit));
}

static void feed(ds_decider_kit_t *kit, enum ds_order_input input, enum ds_payment_method method)
{
    switch (input) {
    case DS_ORDER_ON_PLACE:
        world_place(kit, method);
        return;
    case DS_ORDER_ON_CANCEL_BY_CUSTOMER:
        world_cancel(kit);
        return;
    case DS_ORDER_ON_CANCEL_BY_STAFF:
        world_cancel_staff(kit);
        return;
    case DS_ORDER_ON_CANCEL_LINES:
        world_cancel_line(kit, DS_ACTOR_KIND_CUSTOMER, 2, 1);
        return;
    case DS_ORDER_ON_TIMER:
        fire(kit);
        return;
    case DS_ORDER_ON_RESERVED_CARD:
    case DS_ORDER_ON_RESERVED_CASH:
        world_reserved(kit);
        return;
    case DS_ORDER_ON_STOCK_REJECTED:
        world_stock_rejected(kit);
        return;
    case DS_ORDER_ON_PAYMENT_SUCCESS:
        world_payment_success(kit);
        return;
    case DS_ORDER_ON_PAYMENT_FAILED:
        world_payment_failed(kit);
        return;
    case DS_ORDER_ON_DELIVERY_LINES_CANCELLED:
        world_delivery_lines_cancelled(kit, 2, 1);
        return;
    case DS_ORDER_ON_DELIVERY_CANCELLED:
        world_delivery_cancelled(kit, DS_CANCEL_REASON_NO_COURIER);
        return;
    case DS_ORDER_ON_IN_TRANSIT:
        world_in_transit(kit);
        return;
    case DS_ORDER_ON_COMPLETED:
        world_completed(kit);
        return;
    case DS_ORDER_ON_RETURNED:
        world_returned(kit);
        return;
    case DS_ORDER_ON_LOST:
        world_lost(kit);
        return;
    }
}

static void check_pair(enum ds_order_state state, enum ds_order_input input)
{
    enum ds_payment_method method = input == DS_ORDER_ON_RESERVED_CASH && state != DS_ORDER_PAYING
                                        ? DS_PAYMENT_METHOD_CASH_ON_DELIVERY
                                        : DS_PAYMENT_METHOD_CARD;
    const struct row *row = find(state, input);
    const char *refusal = refusal_of(state, input);
    const char *events = row != NULL ? row->events : refusal != NULL ? "command.rejected" : "";
    ds_decider_kit_t *kit = ds_kit_new(&ds_order_decider, NULL);

    if (state != DS_ORDER_NONE && input == DS_ORDER_ON_PLACE)
        events = "command.repeated"; /* ORDER_EXISTS for anybody else: see order_place_test.c */
    world_reach(kit, state, method);
    feed(kit, input, method);
    cr_expect_str_eq(ds_kit_types(kit), events, "state %d, input %d: \"%s\", wanted \"%s\"",
                     (int)state, (int)input, ds_kit_types(kit), events);
    cr_expect_str_eq(ds_kit_refusal(kit), refusal == NULL ? "" : refusal,
                     "state %d, input %d: refused as \"%s\"", (int)state, (int)input,
                     ds_kit_refusal(kit));
    cr_expect_eq(world_state(kit), row == NULL ? state : row->then, "state %d, input %d: then %d",
                 (int)state, (int)input, (int)world_state(kit));
    ds_kit_destroy(kit);
}

DS_BEHAVIOURS(order_table, NULL, NULL)

DS_BEHAVIOUR(order_table, every_pair_of_state_and_input_does_what_the_choreography_says)
{
    for (int state = 0; state < DS_ORDER_STATES; state++) {
        for (int input = 0; input < DS_ORDER_INPUTS; input++)
            check_pair((enum ds_order_state)state, (enum ds_order_input)input);
    }
}

DS_BEHAVIOUR(order_table, only_three_states_have_a_deadline)
{
    for (int state = 0; state < DS_ORDER_STATES; state++) {
        ds_decider_kit_t *kit = ds_kit_new(&ds_order_decider, NULL);
        struct ds_timer timer;
        bool wanted =
            state == DS_ORDER_RESERVING || state == DS_ORDER_PAYING || state == DS_ORDER_CONFIRMED;
        world_reach(kit, (enum ds_order_state)state, DS_PAYMENT_METHOD_CARD);
        cr_expect_eq(ds_kit_next_timer(kit, &timer), wanted, "state %d", state);
        if (wanted)
            cr_expect_eq(timer.kind, state);
        ds_kit_destroy(kit);
    }
}
