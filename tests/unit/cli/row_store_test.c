/* The rows of the read model in memory: what the projection's fold leaves there is what it leaves
 * in a database, in one pass or slice by slice. */
#include "cli/audit/row_store.h"
#include "tests/unit/projections/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ORDERS 40

static ds_error_t error;

static void setup(void)
{
    error = (ds_error_t)DS_ERROR_INIT;
}

TestSuite(row_store, .init = setup);

/* One batch, as the audit folds it. */
static void fold(ds_row_store_t *store, const struct ds_order_event *event, int64_t offset)
{
    struct ds_kit kit;
    ds_kit_init(&kit);
    kit.next_offset = offset;
    cr_assert(ds_fold_want(&kit.sheets, DS_FOLD_ORDER, event, &error));
    cr_assert(ds_row_store_load(store, &kit.sheets, &error));
    (void)ds_kit_fold(&kit, DS_FOLD_ORDER, event);
    cr_assert_eq(kit.fold.missed > 0,
                 !ds_row_store_has_slice(store, event->body.as.order_created.order_id) &&
                     event->body.kind != DS_ORDER_EVENT_ORDER_CREATED);
    for (int t = DS_TABLE_ORDERS; t < DS_TABLES; t++)
        cr_assert(ds_row_store_keep(store, &kit.sheets, (enum ds_table_id)t, &error));
    ds_kit_cleanup(&kit);
}

static void fold_orders(ds_row_store_t *store)
{
    for (int64_t i = 0; i < ORDERS; i++) {
        char id[64];
        (void)snprintf(id, sizeof id, "berlin-1.%d", (int)i);
        struct ds_order_event e = ds_kit_created(id);
        fold(store, &e, 4 * i);
        e = ds_kit_confirmed(id);
        fold(store, &e, 4 * i + 1);
        e = ds_kit_line_cancelled(id);
        fold(store, &e, 4 * i + 2);
    }
}

static size_t count(const ds_row_store_t *store, enum ds_table_id table)
{
    size_t cursor = 0;
    size_t rows = 0;
    while (ds_row_store_next(store, table, &cursor) != NULL)
        rows++;
    return rows;
}

static void expect_right(const ds_row_store_t *store)
{
    size_t cursor = 0;
    const struct ds_order_row *order;
    while ((order = ds_row_store_next(store, DS_TABLE_ORDERS, &cursor)) != NULL) {
        cr_expect(ds_kit_is(order->status, "confirmed"));
        cr_expect(ds_kit_is(order->store_id, "berlin-1"));
        cr_expect_null(order->note.data);
        cr_expect_eq(order->last_offset, order->first_offset + 2);
    }
    cursor = 0;
    const struct ds_order_line_row *line;
    while ((line = ds_row_store_next(store, DS_TABLE_ORDER_LINES, &cursor)) != NULL) {
        cr_expect_eq(line->cancelled, line->line == 1 ? 1 : 0);
        cr_expect(
            ds_kit_is(line->product_id, line->line == 1 ? "berlin-1.milk" : "berlin-1.bread"));
    }
}

Test(row_store, rows_are_kept_changed_and_found)
{
    ds_row_store_t *store = ds_row_store_new((size_t)16 * 1024 * 1024);
    bool found;
    cr_assert(ds_row_store_begin(store, 0, 1, &error));
    fold_orders(store);
    cr_expect_eq(count(store, DS_TABLE_ORDERS), ORDERS);
    cr_expect_eq(count(store, DS_TABLE_ORDER_LINES), 2 * ORDERS);
    cr_expect_eq(count(store, DS_TABLE_ORDER_ADDRESSES), ORDERS);
    expect_right(store);
    cr_expect(ds_row_store_find(store, DS_TABLE_ORDERS, DS_STR("berlin-1.7"), 0, &found, &error));
    cr_expect(found);
    cr_expect(
        ds_row_store_find(store, DS_TABLE_ORDER_LINES, DS_STR("berlin-1.7"), 2, &found, &error));
    cr_expect(found);
    cr_expect(
        ds_row_store_find(store, DS_TABLE_ORDER_LINES, DS_STR("berlin-1.7"), 3, &found, &error));
    cr_expect_not(found);
    cr_assert(ds_row_store_begin(store, 0, 1, &error));
    cr_expect_eq(count(store, DS_TABLE_ORDERS), 0);
    ds_row_store_destroy(store);
}

Test(row_store, slices_share_the_rows_out)
{
    ds_row_store_t *store = ds_row_store_new((size_t)16 * 1024 * 1024);
    size_t orders = 0;
    size_t lines = 0;
    for (uint32_t slice = 0; slice < 3; slice++) {
        cr_assert(ds_row_store_begin(store, slice, 3, &error));
        fold_orders(store);
        cr_expect_gt(count(store, DS_TABLE_ORDERS), 0);
        expect_right(store);
        orders += count(store, DS_TABLE_ORDERS);
        lines += count(store, DS_TABLE_ORDER_LINES);
    }
    cr_expect_eq(orders, ORDERS);
    cr_expect_eq(lines, 2 * ORDERS);
    ds_row_store_destroy(store);
}

Test(row_store, more_than_the_maximum_is_said)
{
    ds_row_store_t *store = ds_row_store_new((size_t)10 * 1024);
    cr_assert(ds_row_store_begin(store, 0, 1, &error));
    cr_expect_not(ds_row_store_is_full(store));
    struct ds_order_event e = ds_kit_created(KIT_ORDER);
    for (int64_t i = 0; i < ORDERS && !ds_row_store_is_full(store); i++) {
        char id[64];
        (void)snprintf(id, sizeof id, "berlin-1.%d", (int)i);
        e = ds_kit_created(id);
        fold(store, &e, i);
    }
    cr_expect(ds_row_store_is_full(store));
    cr_expect_lt(count(store, DS_TABLE_ORDERS), ORDERS);
    cr_assert(ds_row_store_begin(store, 0, 2, &error));
    cr_expect_not(ds_row_store_is_full(store));
    ds_row_store_destroy(store);
}

static struct ds_delivery_event delivery(int32_t kind)
{
    struct ds_delivery_event e = {.meta = {.at = KIT_TIME}};
    e.context.actor = (struct ds_actor){.kind = DS_ACTOR_KIND_SYSTEM, .id = DS_STR("delivery")};
    e.body.kind = kind;
    return e;
}

static void fold_delivery(ds_row_store_t *store, const struct ds_delivery_event *event,
                          int64_t offset)
{
    struct ds_kit kit;
    ds_kit_init(&kit);
    kit.next_offset = offset;
    cr_assert(ds_fold_want(&kit.sheets, DS_FOLD_DELIVERY, event, &error));
    cr_assert(ds_row_store_load(store, &kit.sheets, &error));
    (void)ds_kit_fold(&kit, DS_FOLD_DELIVERY, event);
    cr_assert_eq(kit.fold.missed, 0);
    for (int t = DS_TABLE_ORDERS; t < DS_TABLES; t++)
        cr_assert(ds_row_store_keep(store, &kit.sheets, (enum ds_table_id)t, &error));
    ds_kit_cleanup(&kit);
}

/* The fold finds a delivery by its courier there, and offers by their order. */
Test(row_store, silent_couriers_deliveries_and_an_orders_offers_are_found)
{
    ds_row_store_t *store = ds_row_store_new((size_t)16 * 1024 * 1024);
    size_t cursor = 0;
    cr_assert(ds_row_store_begin(store, 0, 1, &error));
    struct ds_delivery_event e = delivery(DS_DELIVERY_EVENT_COURIER_ONLINE);
    e.body.as.courier_online =
        (struct ds_courier_online){.courier_id = DS_STR("berlin-1.c"), .vehicle = DS_STR("bike")};
    fold_delivery(store, &e, 0);
    e = delivery(DS_DELIVERY_EVENT_DELIVERY_REQUESTED);
    e.body.as.delivery_requested =
        (struct ds_delivery_requested){.order_id = DS_STR(KIT_ORDER), .currency = DS_STR("EUR")};
    fold_delivery(store, &e, 1);
    e = delivery(DS_DELIVERY_EVENT_DELIVERY_OFFERED);
    e.body.as.delivery_offered = (struct ds_delivery_offered){.order_id = DS_STR(KIT_ORDER),
                                                              .offer_id = DS_STR(KIT_ORDER "-1"),
                                                              .courier_id = DS_STR("berlin-1.c")};
    fold_delivery(store, &e, 2);
    e = delivery(DS_DELIVERY_EVENT_DELIVERY_ASSIGNED);
    e.body.as.delivery_assigned = (struct ds_delivery_assigned){.order_id = DS_STR(KIT_ORDER),
                                                                .offer_id = DS_STR(KIT_ORDER "-1"),
                                                                .courier_id = DS_STR("berlin-1.c")};
    fold_delivery(store, &e, 3);
    const struct ds_offer_row *offer = ds_row_store_next(store, DS_TABLE_OFFERS, &cursor);
    cr_assert_not_null(offer);
    cr_expect(ds_kit_is(offer->status, "accepted"));
    e = delivery(DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT);
    e.body.as.delivery_courier_silent.order_id = DS_STR(KIT_ORDER);
    fold_delivery(store, &e, 4);
    e = delivery(DS_DELIVERY_EVENT_COURIER_SEEN);
    e.body.as.courier_seen.courier_id = DS_STR("berlin-1.c");
    fold_delivery(store, &e, 5);
    cursor = 0;
    const struct ds_delivery_row *row = ds_row_store_next(store, DS_TABLE_DELIVERIES, &cursor);
    cr_assert_not_null(row);
    cr_expect(ds_kit_is(row->status, "in_transit"));
    cr_expect_eq(row->last_offset, 5);
    ds_row_store_destroy(store);
}
