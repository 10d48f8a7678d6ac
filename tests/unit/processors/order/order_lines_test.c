/* Cancelling pieces of an order. */
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

DS_BEHAVIOURS(order_lines, setup, teardown)

static size_t customer_cancels(int32_t line, int32_t quantity)
{
    return world_cancel_line(kit, DS_ACTOR_KIND_CUSTOMER, line, quantity);
}

DS_BEHAVIOUR(order_lines, cancelled_pieces_lower_the_total_that_is_asked_for)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    customer_cancels(2, 1);
    const struct ds_order_lines_cancelled *cancelled =
        &world_only(kit)->body.as.order_lines_cancelled;
    cr_assert_str_eq(ds_kit_types(kit), "order.lines_cancelled");
    cr_expect_eq(cancelled->subtotal_minor, 700);
    cr_expect_eq(cancelled->total_minor, 950);
    cr_expect_eq(cancelled->lines.items[0].quantity, 1);
    world_reserved(kit);
    cr_expect_eq(world_only(kit)->body.as.order_payment_requested.total_minor, 950);
    customer_cancels(1, 2);
    cr_expect_eq(world_only(kit)->body.as.order_lines_cancelled.total_minor, 650);
    world_payment_success(kit);
    const struct ds_order_confirmed *confirmed = &world_only(kit)->body.as.order_confirmed;
    cr_expect_eq(confirmed->total_minor, 650);
    cr_expect_eq(confirmed->lines.count, 1);
    cr_expect_eq(confirmed->lines.items[0].line, 2);
    cr_expect_eq(confirmed->lines.items[0].quantity, 2);
}

DS_BEHAVIOUR(order_lines, cancelling_the_last_piece_is_cancelling_the_order)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    customer_cancels(1, 2);
    customer_cancels(2, 3);
    cr_assert_str_eq(ds_kit_types(kit), "order.cancelled");
    cr_expect_eq(world_only(kit)->body.as.order_cancelled.reason, DS_CANCEL_REASON_BY_CUSTOMER);
}

DS_BEHAVIOUR(order_lines, after_confirmation_the_last_piece_asks_for_the_whole_order)
{
    world_reach(kit, DS_ORDER_CONFIRMED, DS_PAYMENT_METHOD_CARD);
    customer_cancels(1, 2);
    cr_expect_eq(world_only(kit)->body.as.order_cancel_requested.scope, DS_CANCEL_SCOPE_LINES);
    cr_expect(world_only(kit)->body.as.order_cancel_requested.has_lines_total_minor);
    cr_expect_eq(world_only(kit)->body.as.order_cancel_requested.lines_total_minor, 300);
    world_cancel_line(kit, DS_ACTOR_KIND_STAFF, 2, 3);
    const struct ds_order_cancel_requested *request =
        &world_only(kit)->body.as.order_cancel_requested;
    cr_expect_eq(request->scope, DS_CANCEL_SCOPE_ORDER);
    cr_expect_eq(request->by, DS_CANCEL_BY_STAFF);
    cr_expect(!request->has_lines_total_minor);
    cr_expect_eq(world_state(kit), DS_ORDER_STOPPING_STAFF);
}

DS_BEHAVIOUR(order_lines, pieces_are_cancelled_when_delivery_lets_them_go)
{
    world_reach(kit, DS_ORDER_CONFIRMED, DS_PAYMENT_METHOD_CARD);
    customer_cancels(2, 2);
    cr_expect_eq(world_only(kit)->body.as.order_cancel_requested.lines.items[0].quantity, 2);
    customer_cancels(2, 2);
    cr_expect_str_eq(ds_kit_refusal(kit), "CANCEL_PENDING");
    world_delivery_lines_cancelled(kit, 2, 2);
    cr_assert_str_eq(ds_kit_types(kit), "order.lines_cancelled");
    cr_expect_eq(world_only(kit)->body.as.order_lines_cancelled.total_minor, 750);
    world_in_transit(kit);
    cr_expect_str_eq(ds_kit_types(kit), "order.picked_up");
    world_completed(kit);
    cr_expect_eq(world_only(kit)->body.as.order_fulfilled.total_minor, 750);
}

DS_BEHAVIOUR(order_lines, a_pick_up_refuses_the_pieces_asked_for)
{
    world_reach(kit, DS_ORDER_CONFIRMED, DS_PAYMENT_METHOD_CARD);
    customer_cancels(2, 1);
    world_in_transit(kit);
    cr_assert_str_eq(ds_kit_types(kit), "order.picked_up,order.cancel_refused");
    const struct ds_order_event *refused = ds_kit_event(kit, 1);
    cr_expect_eq(refused->body.as.order_cancel_refused.scope, DS_CANCEL_SCOPE_LINES);
    world_completed(kit);
    cr_expect_eq(world_only(kit)->body.as.order_fulfilled.total_minor, TOTAL_MINOR);
}

DS_BEHAVIOUR(order_lines, a_pick_up_refuses_order_and_pieces_where_both_were_asked_for)
{
    world_reach(kit, DS_ORDER_CONFIRMED, DS_PAYMENT_METHOD_CARD);
    customer_cancels(2, 1);
    world_cancel(kit);
    world_in_transit(kit);
    cr_expect_str_eq(ds_kit_types(kit),
                     "order.picked_up,order.cancel_refused,order.cancel_refused");
}

/* A client that shows one button at a line need not know pieces and products. */
DS_BEHAVIOUR(order_lines, no_quantity_is_all_that_is_left_of_the_line)
{
    struct ds_line_quantity item = {.line = 1};
    struct ds_order_command command = {.head = {.command_id = DS_STR("c-lines"),
                                                .correlation_id = DS_STR("corr"),
                                                .actor = {DS_ACTOR_KIND_STAFF, DS_STR("staff-1")}}};
    command.body.kind = DS_ORDER_COMMAND_CANCEL_LINES;
    command.body.as.cancel_lines =
        (struct ds_cancel_lines){.order_id = DS_STR(ORDER_ID), .lines = {&item, 1}};
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    customer_cancels(1, 1);
    ds_kit_command(kit, &command);
    cr_assert_str_eq(ds_kit_types(kit), "order.lines_cancelled");
    const struct ds_array_of_line_quantity *gone =
        &world_only(kit)->body.as.order_lines_cancelled.lines;
    cr_assert_eq(gone->count, 1);
    cr_expect_eq(gone->items[0].quantity, 1);
    cr_expect(gone->items[0].product_id.len > 0);
    ds_kit_command(kit, &command);
    cr_expect_str_eq(ds_kit_refusal(kit), "LINE_CANCELLED");
    cr_expect(ds_str_eq(world_only(kit)->body.as.command_rejected.detail,
                        DS_STR("state=RESERVING line=1 ordered=2 left=0 asked=0")));
    item.line = 9;
    ds_kit_command(kit, &command);
    cr_expect_str_eq(ds_kit_refusal(kit), "LINE_UNKNOWN");
}

DS_BEHAVIOUR(order_lines, wrong_requests_are_refused_with_a_reason)
{
    world_place(kit, DS_PAYMENT_METHOD_CARD);
    customer_cancels(3, 1);
    cr_expect_str_eq(ds_kit_refusal(kit), "LINE_UNKNOWN");
    customer_cancels(1, -1);
    cr_expect_str_eq(ds_kit_refusal(kit), "INVALID");
    customer_cancels(1, 3);
    cr_expect_str_eq(ds_kit_refusal(kit), "INVALID");
    customer_cancels(1, 2);
    customer_cancels(1, 1);
    cr_expect_str_eq(ds_kit_refusal(kit), "LINE_CANCELLED");
}

DS_BEHAVIOUR(order_lines, delivery_cannot_cancel_more_than_there_is)
{
    world_reach(kit, DS_ORDER_CONFIRMED, DS_PAYMENT_METHOD_CARD);
    world_delivery_lines_cancelled(kit, 2, 99);
    cr_expect_eq(world_only(kit)->body.as.order_lines_cancelled.lines.items[0].quantity, 3);
    world_delivery_lines_cancelled(kit, 2, 1);
    cr_expect_str_eq(ds_kit_types(kit), "");
}
