/* What is remembered, for how long, and that reading the log back gives the same. */
#include "order_world.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

static ds_decider_kit_t *kit;

static void setup(void)
{
    kit = ds_kit_new(&ds_order_decider, NULL);
}

static void teardown(void)
{
    ds_kit_destroy(kit);
}

DS_BEHAVIOURS(order_memory, setup, teardown)

/* Any event moves the log's clock; this one is about nothing. */
static void tick(void)
{
    struct ds_order_event event;
    memset(&event, 0, sizeof(event));
    event.body.kind = DS_ORDER_EVENT_COMMAND_REPEATED;
    event.body.as.command_repeated.of = DS_STR("nothing");
    ds_kit_apply(kit, &event);
}

DS_BEHAVIOUR(order_memory, a_closed_order_answers_for_ten_days)
{
    world_reach(kit, DS_ORDER_FULFILLED, DS_PAYMENT_METHOD_CARD);
    ds_kit_advance(kit, 240 * DS_KIT_HOUR - 1);
    tick();
    world_cancel(kit);
    cr_expect_str_eq(ds_kit_refusal(kit), "ORDER_FULFILLED");
}

DS_BEHAVIOUR(order_memory, a_closed_order_is_forgotten_after_ten_days)
{
    world_reach(kit, DS_ORDER_FULFILLED, DS_PAYMENT_METHOD_CARD);
    ds_kit_advance(kit, 240 * DS_KIT_HOUR);
    tick();
    world_cancel(kit);
    cr_expect_str_eq(ds_kit_refusal(kit), "ORDER_UNKNOWN");
}

DS_BEHAVIOUR(order_memory, an_open_order_is_never_forgotten)
{
    world_reach(kit, DS_ORDER_PICKED_UP, DS_PAYMENT_METHOD_CARD);
    ds_kit_advance(kit, 500 * DS_KIT_HOUR);
    tick();
    world_completed(kit);
    cr_expect_str_eq(ds_kit_types(kit), "order.fulfilled");
}

DS_BEHAVIOUR(order_memory, a_repeat_is_known_while_the_order_is_open_however_long)
{
    world_reach(kit, DS_ORDER_PICKED_UP, DS_PAYMENT_METHOD_CARD);
    ds_kit_advance(kit, 48 * DS_KIT_HOUR);
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    cr_expect_str_eq(ds_kit_types(kit), "command.repeated");
}

DS_BEHAVIOUR(order_memory, a_state_read_back_waits_for_the_same_deadline)
{
    struct ds_timer here;
    struct ds_timer there;
    world_reach(kit, DS_ORDER_PAYING, DS_PAYMENT_METHOD_CARD);
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    cr_assert(ds_kit_next_timer(kit, &here));
    cr_assert(ds_kit_next_timer(copy, &there));
    cr_expect_eq(here.due_us, there.due_us);
    cr_expect_eq(here.kind, there.kind);
    ds_kit_destroy(copy);
}

DS_BEHAVIOUR(order_memory, a_tombstone_survives_reading_back)
{
    world_cancel(kit);
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    world_place(copy, DS_PAYMENT_METHOD_CARD);
    cr_expect_str_eq(ds_kit_types(copy), "order.refused");
    ds_kit_destroy(copy);
}
