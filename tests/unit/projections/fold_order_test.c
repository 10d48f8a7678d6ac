#include "tests/unit/projections/kit.h"

#include <criterion/criterion.h>

static struct ds_kit kit;

static void setup(void)
{
    ds_kit_init(&kit);
}

static void teardown(void)
{
    ds_kit_cleanup(&kit);
}

TestSuite(fold_order, .init = setup, .fini = teardown);

static int64_t fold(struct ds_order_event event)
{
    return ds_kit_fold(&kit, DS_FOLD_ORDER, &event);
}

static const struct ds_order_row *order(void)
{
    return ds_kit_row(&kit, DS_TABLE_ORDERS, KIT_ORDER);
}

Test(fold_order, a_created_order_has_its_row_lines_and_address)
{
    fold(ds_kit_created(KIT_ORDER));
    const struct ds_order_line_row *line =
        ds_kit_row(&kit, DS_TABLE_ORDER_LINES, KIT_ORDER "#000001");
    const struct ds_order_address_row *address =
        ds_kit_row(&kit, DS_TABLE_ORDER_ADDRESSES, KIT_ORDER);
    cr_assert(ds_kit_is(order()->status, "created"));
    cr_assert(ds_kit_is(order()->payment_method, "card"));
    cr_assert(ds_kit_is(order()->reason, NULL));
    cr_assert_eq(order()->total_minor, 600);
    cr_assert_eq(order()->placed_at, KIT_TIME - 1000);
    cr_assert_eq(order()->confirmed_at, DS_NULL_I64);
    cr_assert_eq(order()->partition, 3);
    cr_assert(ds_kit_is(line->product_id, "berlin-1.milk"));
    cr_assert_eq(line->total_minor, 300);
    cr_assert(ds_kit_is(address->street, "123 Main St"));
    cr_assert(ds_kit_is(address->phone, NULL));
    cr_assert_eq(address->lat_e6, DS_NULL_I32);
}

Test(fold_order, the_status_follows_the_way_of_a_card_order)
{
    fold(ds_kit_created(KIT_ORDER));
    fold(ds_kit_order(DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED, KIT_ORDER));
    cr_assert(ds_kit_is(order()->status, "awaiting_payment"));
    fold(ds_kit_confirmed(KIT_ORDER));
    cr_assert(ds_kit_is(order()->status, "confirmed"));
    cr_assert_eq(order()->confirmed_at, KIT_TIME);
    fold(ds_kit_order(DS_ORDER_EVENT_ORDER_PICKED_UP, KIT_ORDER));
    cr_assert(ds_kit_is(order()->status, "picked_up"));
    int64_t last = fold(ds_kit_fulfilled(KIT_ORDER, 600));
    cr_assert(ds_kit_is(order()->status, "fulfilled"));
    cr_assert_eq(order()->closed_at, KIT_TIME);
    cr_assert_eq(order()->first_offset, 0);
    cr_assert_eq(order()->last_offset, last);
    cr_assert_eq(kit.fold.missed, 0);
}

Test(fold_order, a_cancelled_line_lowers_its_total_and_the_orders)
{
    fold(ds_kit_created(KIT_ORDER));
    fold(ds_kit_line_cancelled(KIT_ORDER));
    const struct ds_order_line_row *line =
        ds_kit_row(&kit, DS_TABLE_ORDER_LINES, KIT_ORDER "#000001");
    cr_assert_eq(line->quantity, 2);
    cr_assert_eq(line->cancelled, 1);
    cr_assert_eq(line->total_minor, 150);
    cr_assert_eq(order()->subtotal_minor, 350);
    cr_assert_eq(order()->total_minor, 450);
    cr_assert(ds_kit_is(order()->status, "created"));
}

Test(fold_order, a_cancellation_asked_for_shows_until_it_is_decided)
{
    struct ds_order_event asked = ds_kit_order(DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED, KIT_ORDER);
    fold(ds_kit_created(KIT_ORDER));
    fold(ds_kit_confirmed(KIT_ORDER));
    fold(asked);
    cr_assert(order()->cancel_requested);
    cr_assert(ds_kit_is(order()->status, "confirmed"));
    fold(ds_kit_order(DS_ORDER_EVENT_ORDER_CANCEL_REFUSED, KIT_ORDER));
    cr_assert_not(order()->cancel_requested);
    fold(asked);
    fold(ds_kit_cancelled(KIT_ORDER, DS_CANCEL_REASON_BY_CUSTOMER));
    cr_assert_not(order()->cancel_requested);
    cr_assert(ds_kit_is(order()->status, "cancelled"));
    cr_assert(ds_kit_is(order()->reason, "by_customer"));
    cr_assert(ds_kit_is(order()->goods, "not_taken"));
}

Test(fold_order, asking_for_lines_does_not_mark_the_order)
{
    struct ds_order_event asked = ds_kit_order(DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED, KIT_ORDER);
    asked.body.as.order_cancel_requested.scope = DS_CANCEL_SCOPE_LINES;
    fold(ds_kit_created(KIT_ORDER));
    fold(asked);
    cr_assert_not(order()->cancel_requested);
}

Test(fold_order, a_refused_order_is_readable_with_its_reason)
{
    struct ds_order_event created = ds_kit_created(KIT_ORDER);
    struct ds_order_event e = ds_kit_order(DS_ORDER_EVENT_ORDER_REFUSED, KIT_ORDER);
    e.body.as.order_refused.lines = created.body.as.order_created.lines;
    e.body.as.order_refused.store_id = DS_STR("berlin-1");
    e.body.as.order_refused.customer_id = DS_STR("anna");
    e.body.as.order_refused.reason = DS_REFUSE_REASON_EXPIRED;
    ds_kit_answer(&e, 9, "01KAAAAAAAAAAAAAAAAAAAAAAA");
    fold(e);
    const struct ds_command_row *command = ds_kit_nth(&kit, DS_TABLE_COMMANDS, 0);
    cr_assert(ds_kit_is(order()->status, "refused"));
    cr_assert(ds_kit_is(order()->reason, "expired"));
    cr_assert(ds_kit_is(order()->body_hash, "HASH"));
    cr_assert_not_null(ds_kit_row(&kit, DS_TABLE_ORDER_LINES, KIT_ORDER "#000002"));
    cr_assert(ds_kit_is(command->status, "refused"));
    cr_assert(ds_kit_is(command->reason, "expired"));
}

Test(fold_order, sealed_data_leaves_the_address_empty)
{
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    e.body.as.order_created.personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_SEALED_DATA;
    e.body.as.order_created.personal.as.sealed_data = (struct ds_sealed_data){DS_STR("key-1"), {0}};
    fold(e);
    const struct ds_order_address_row *address =
        ds_kit_row(&kit, DS_TABLE_ORDER_ADDRESSES, KIT_ORDER);
    cr_assert(ds_kit_is(address->street, NULL));
    cr_assert(ds_kit_is(address->sealed_key_id, "key-1"));
}

Test(fold_order, an_event_of_an_unknown_order_changes_nothing_and_is_counted)
{
    fold(ds_kit_order(DS_ORDER_EVENT_ORDER_PICKED_UP, KIT_ORDER));
    cr_assert_null(order());
    cr_assert_eq(kit.fold.missed, 1);
    cr_assert_not_null(ds_kit_nth(&kit, DS_TABLE_TIMELINE, 0),
                       "it is in the timeline all the same");
}

Test(fold_order, quantities_beyond_all_bounds_do_not_wrap)
{
    struct ds_order_event e = ds_kit_line_cancelled(KIT_ORDER);
    struct ds_line_quantity huge[] = {{.line = 1, .quantity = INT32_MAX}};
    e.body.as.order_lines_cancelled.lines.items = huge;
    fold(ds_kit_created(KIT_ORDER));
    fold(e);
    fold(e);
    const struct ds_order_line_row *line =
        ds_kit_row(&kit, DS_TABLE_ORDER_LINES, KIT_ORDER "#000001");
    cr_assert_eq(line->cancelled, INT32_MAX);
}
