/* Taking an order: what is created, refused, rejected and repeated. */
#include "order_world.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

static ds_decider_kit_t *kit;
static struct world_place place;
static struct ds_place_order *body;

static void setup(void)
{
    kit = ds_kit_new(&ds_order_decider, NULL);
    world_place_init(&place, DS_PAYMENT_METHOD_CARD);
    body = &place.command.body.as.place_order;
}

static void teardown(void)
{
    ds_kit_destroy(kit);
}

DS_BEHAVIOURS(order_place, setup, teardown)

static void expect_refused(enum ds_refuse_reason reason)
{
    ds_kit_command(kit, &place.command);
    cr_assert_str_eq(ds_kit_types(kit), "order.refused");
    cr_expect_eq(world_only(kit)->body.as.order_refused.reason, reason, "reason %s",
                 ds_refuse_reason_text(world_only(kit)->body.as.order_refused.reason));
}

DS_BEHAVIOUR(order_place, an_order_keeps_what_was_placed)
{
    ds_kit_command(kit, &place.command);
    cr_assert_str_eq(ds_kit_types(kit), "order.created");
    const struct ds_order_created *created = &world_only(kit)->body.as.order_created;
    cr_expect(ds_str_eq(created->order_id, DS_STR(ORDER_ID)));
    cr_expect_eq(created->total_minor, TOTAL_MINOR);
    cr_expect_eq(created->lines.count, 2);
    cr_expect_eq(created->lines.items[1].catalog_offset, 8);
    cr_expect(ds_str_eq(created->personal.as.personal_data.notes, DS_STR("ring twice")));
    cr_expect(ds_str_eq(created->personal.as.personal_data.email, DS_STR("anna@shop.example")));
    cr_expect(ds_str_eq(created->personal.as.personal_data.push_token, DS_STR("device:1")));
    cr_expect(ds_str_eq(created->personal.as.personal_data.language, DS_STR("de-AT")));
    cr_expect_eq(created->placed_at, ds_kit_now(kit));
    cr_expect_eq(created->reserve_by, ds_kit_now(kit) + DS_KIT_MINUTE);
}

DS_BEHAVIOUR(order_place, a_repeat_of_the_same_body_is_answered_as_a_repeat)
{
    ds_kit_command(kit, &place.command);
    ds_kit_command(kit, &place.command);
    cr_assert_str_eq(ds_kit_types(kit), "command.repeated");
    const struct ds_command_repeated *repeated = &world_only(kit)->body.as.command_repeated;
    cr_expect(repeated->same_body);
    cr_expect_eq(repeated->first_offset, 0);
    cr_expect(ds_str_eq(repeated->of, place.command.head.command_id));
}

DS_BEHAVIOUR(order_place, a_repeat_with_another_body_says_so)
{
    ds_kit_command(kit, &place.command);
    place.command.head.body_hash = DS_STR("ANOTHER-HASH");
    ds_kit_command(kit, &place.command);
    cr_assert_str_eq(ds_kit_types(kit), "command.repeated");
    cr_expect_not(world_only(kit)->body.as.command_repeated.same_body);
}

DS_BEHAVIOUR(order_place, another_customer_learns_only_that_the_id_is_taken)
{
    ds_kit_command(kit, &place.command);
    body->customer_id = DS_STR(STRANGER_ID);
    place.command.head.actor.id = DS_STR(STRANGER_ID);
    ds_kit_command(kit, &place.command);
    cr_expect_str_eq(ds_kit_refusal(kit), "ORDER_EXISTS");
}

DS_BEHAVIOUR(order_place, an_order_read_too_late_is_refused_as_expired)
{
    int64_t appended_us = ds_kit_now(kit);
    ds_kit_advance(kit, 15 * DS_KIT_MINUTE + 1);
    ds_kit_command_at(kit, &place.command, appended_us);
    cr_assert_str_eq(ds_kit_types(kit), "order.refused");
    cr_expect_eq(world_only(kit)->body.as.order_refused.reason, DS_REFUSE_REASON_EXPIRED);
}

DS_BEHAVIOUR(order_place, an_order_read_just_in_time_is_taken)
{
    int64_t appended_us = ds_kit_now(kit);
    ds_kit_advance(kit, 15 * DS_KIT_MINUTE);
    ds_kit_command_at(kit, &place.command, appended_us);
    cr_expect_str_eq(ds_kit_types(kit), "order.created");
    cr_expect_eq(world_only(kit)->body.as.order_created.placed_at, appended_us);
}

DS_BEHAVIOUR(order_place, a_refused_order_is_there_for_a_repeat_and_a_cancel)
{
    body->total_minor++;
    expect_refused(DS_REFUSE_REASON_INVALID);
    ds_kit_command(kit, &place.command);
    cr_expect_str_eq(ds_kit_types(kit), "command.repeated");
    world_cancel(kit);
    cr_expect_str_eq(ds_kit_refusal(kit), "ORDER_CANCELLED");
}

static void wrong_subtotal(void)
{
    body->subtotal_minor--;
}

static void wrong_line_totals(void)
{
    place.lines[0].total_minor = 299;
    place.lines[1].total_minor = 601;
}

static void overflowing_line(void)
{
    place.lines[0].unit_price_minor = INT64_MAX / 2 + 1;
    place.lines[0].total_minor = INT64_MIN;
}

static void overflowing_sum(void)
{
    for (int i = 0; i < 2; i++) {
        place.lines[i].quantity = 1;
        place.lines[i].unit_price_minor = INT64_MAX - 1;
        place.lines[i].total_minor = INT64_MAX - 1;
    }
    body->subtotal_minor = -4;
    body->total_minor = 246;
}

static void negative_price(void)
{
    place.lines[0].unit_price_minor = -150;
    place.lines[0].total_minor = -300;
    body->subtotal_minor = 300;
    body->total_minor = 550;
}

static void negative_fee(void)
{
    body->delivery_fee_minor = -900;
    body->total_minor = 0;
}

static void no_pieces(void)
{
    place.lines[0].quantity = 0;
    place.lines[0].total_minor = 0;
    body->subtotal_minor = 600;
    body->total_minor = 850;
}

static void product_of_another_store(void)
{
    place.lines[1].product_id = DS_STR("berlin-2.bread");
}

static void lines_out_of_number(void)
{
    place.lines[1].line = 1;
}

static void no_lines(void)
{
    body->lines.count = 0;
    body->subtotal_minor = 0;
    body->total_minor = 250;
}

static void ordered_for_another(void)
{
    body->customer_id = DS_STR(STRANGER_ID);
}

static void no_currency(void)
{
    body->currency = DS_STR("euro");
}

DS_BEHAVIOUR(order_place, an_order_that_does_not_add_up_is_refused_as_invalid)
{
    static void (*const spoil[])(void) = {
        wrong_subtotal, wrong_line_totals, overflowing_line,    overflowing_sum,
        negative_price, negative_fee,      no_pieces,           product_of_another_store,
        no_lines,       no_currency,       lines_out_of_number, ordered_for_another,
    };
    for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
        teardown();
        setup();
        spoil[i]();
        ds_kit_command(kit, &place.command);
        cr_assert_str_eq(ds_kit_types(kit), "order.refused", "case %zu", i);
        cr_expect_eq(world_only(kit)->body.as.order_refused.reason, DS_REFUSE_REASON_INVALID);
    }
}

DS_BEHAVIOUR(order_place, an_order_of_a_megabyte_is_refused_without_its_lines)
{
    static char name[200 * 1024];
    memset(name, 'x', sizeof(name));
    place.lines[0].name = (ds_str_t){name, sizeof(name)};
    expect_refused(DS_REFUSE_REASON_TOO_LARGE);
    cr_expect_eq(world_only(kit)->body.as.order_refused.lines.count, 0);
}

DS_BEHAVIOUR(order_place, an_id_that_is_not_of_the_store_cannot_be_an_order)
{
    body->store_id = DS_STR("berlin-2");
    ds_kit_command(kit, &place.command);
    cr_expect_str_eq(ds_kit_refusal(kit), "INVALID");
    cr_expect_eq(world_state(kit), DS_ORDER_NONE);
}

DS_BEHAVIOUR(order_place, an_order_overtaken_by_its_own_cancel_is_refused)
{
    world_cancel(kit);
    cr_assert_str_eq(ds_kit_refusal(kit), "ORDER_UNKNOWN");
    expect_refused(DS_REFUSE_REASON_CANCELLED_BEFORE_PLACED);
}

DS_BEHAVIOUR(order_place, a_cancel_by_somebody_else_does_not_stop_an_order)
{
    world_cancel_as(kit, DS_ACTOR_KIND_CUSTOMER, STRANGER_ID, NULL);
    cr_assert_str_eq(ds_kit_refusal(kit), "ORDER_UNKNOWN");
    ds_kit_command(kit, &place.command);
    cr_expect_str_eq(ds_kit_types(kit), "order.created");
    world_reserved(kit);
    cr_expect_str_eq(ds_kit_types(kit), "order.payment_requested");
}

DS_BEHAVIOUR(order_place, the_memory_of_a_cancel_ends_after_a_day)
{
    world_cancel(kit);
    ds_kit_advance(kit, 24 * DS_KIT_HOUR);
    world_cancel_as(kit, DS_ACTOR_KIND_STAFF, STAFF_ID, NULL); /* any event moves the log's clock */
    ds_kit_command(kit, &place.command);
    cr_expect_str_eq(ds_kit_types(kit), "order.created");
}
