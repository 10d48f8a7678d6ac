/* Payments, deliveries, stock and the catalogue: each from its own topic. */
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

TestSuite(fold_payment, .init = setup, .fini = teardown);
TestSuite(fold_delivery, .init = setup, .fini = teardown);
TestSuite(fold_inventory, .init = setup, .fini = teardown);
TestSuite(fold_catalog, .init = setup, .fini = teardown);

#define COURIER "berlin-1.cora"
#define OFFER   KIT_ORDER "-1"

static void head(void *event)
{
    struct ds_event_head *h = event;
    h->meta.at = KIT_TIME;
    h->meta.event_id = DS_STR("e");
    h->context.actor.kind = DS_ACTOR_KIND_SYSTEM;
}

/* ---- payment ---- */

static const struct ds_payment_row *payment(void)
{
    return ds_kit_row(&kit, DS_TABLE_PAYMENTS, KIT_ORDER);
}

static struct ds_payment_event payment_event(int32_t kind)
{
    struct ds_payment_event e = {0};
    head(&e);
    e.body.kind = kind;
    e.body.as.payment_failed.order_id = DS_STR(KIT_ORDER);
    return e;
}

static void initiate(int64_t amount_minor)
{
    struct ds_payment_event e = payment_event(DS_PAYMENT_EVENT_PAYMENT_INITIATED);
    e.body.as.payment_initiated.amount_minor = amount_minor;
    e.body.as.payment_initiated.charge_key = DS_STR(KIT_ORDER "-c1");
    e.body.as.payment_initiated.currency = DS_STR("EUR");
    ds_kit_fold(&kit, DS_FOLD_PAYMENT, &e);
}

static void succeed(int64_t amount_minor, int64_t due_minor, bool late, enum ds_payment_method how)
{
    struct ds_payment_event e = payment_event(DS_PAYMENT_EVENT_PAYMENT_SUCCESS);
    e.body.as.payment_success.amount_minor = amount_minor;
    e.body.as.payment_success.due_minor = due_minor;
    e.body.as.payment_success.late = late;
    e.body.as.payment_success.method = how;
    e.body.as.payment_success.currency = DS_STR("EUR");
    ds_kit_fold(&kit, DS_FOLD_PAYMENT, &e);
}

static void ask_refund(int64_t amount_minor, int64_t due_minor)
{
    struct ds_payment_event e = payment_event(DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED);
    e.body.as.payment_refund_initiated.amount_minor = amount_minor;
    e.body.as.payment_refund_initiated.due_minor = due_minor;
    e.body.as.payment_refund_initiated.number = 1;
    ds_kit_fold(&kit, DS_FOLD_PAYMENT, &e);
}

static void refunded(int64_t captured_minor, int64_t refunded_minor)
{
    struct ds_payment_event e = payment_event(DS_PAYMENT_EVENT_PAYMENT_REFUNDED);
    e.body.as.payment_refunded.captured_minor = captured_minor;
    e.body.as.payment_refunded.refunded_minor = refunded_minor;
    ds_kit_fold(&kit, DS_FOLD_PAYMENT, &e);
}

Test(fold_payment, a_card_is_charged_and_captured)
{
    initiate(600);
    cr_assert(ds_kit_is(payment()->status, "initiated"));
    cr_assert_eq(payment()->due_minor, 600);
    succeed(600, 600, false, DS_PAYMENT_METHOD_CARD);
    cr_assert(ds_kit_is(payment()->status, "succeeded"));
    cr_assert(ds_kit_is(payment()->charge_key, KIT_ORDER "-c1"), "the charge's key stays");
    cr_assert_eq(payment()->captured_minor, 600);
}

Test(fold_payment, a_partial_refund_is_not_a_whole_one)
{
    initiate(600);
    succeed(600, 600, false, DS_PAYMENT_METHOD_CARD);
    ask_refund(150, 450);
    cr_assert(ds_kit_is(payment()->status, "refund_pending"));
    cr_assert_eq(payment()->refund_open_minor, 150);
    refunded(600, 150);
    cr_assert(ds_kit_is(payment()->status, "partly_refunded"));
    cr_assert_eq(payment()->refund_open_minor, 0);
    ask_refund(450, 0);
    refunded(600, 600);
    cr_assert(ds_kit_is(payment()->status, "refunded"));
    cr_assert_eq(payment()->refunded_minor, 600);
    cr_assert_eq(payment()->due_minor, 0);
}

Test(fold_payment, a_late_success_after_a_failure_is_refunded)
{
    struct ds_payment_event failed = payment_event(DS_PAYMENT_EVENT_PAYMENT_FAILED);
    failed.body.as.payment_failed.reason = DS_FAIL_REASON_PROVIDER_SILENT;
    initiate(600);
    ds_kit_fold(&kit, DS_FOLD_PAYMENT, &failed);
    cr_assert(ds_kit_is(payment()->status, "failed"));
    cr_assert(ds_kit_is(payment()->reason, "provider_silent"));
    cr_assert_eq(payment()->due_minor, 0);
    succeed(600, 0, true, DS_PAYMENT_METHOD_CARD);
    ask_refund(600, 0);
    cr_assert(payment()->late);
    cr_assert(ds_kit_is(payment()->status, "refund_pending"));
}

Test(fold_payment, cash_is_captured_without_a_charge)
{
    succeed(600, 600, false, DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    cr_assert(ds_kit_is(payment()->status, "succeeded"));
    cr_assert(ds_kit_is(payment()->method, "cash_on_delivery"));
    cr_assert_eq(payment()->captured_minor, 600);
    cr_assert_eq(kit.fold.missed, 0);
}

Test(fold_payment, nothing_is_paid_without_a_charge)
{
    struct ds_payment_event e = payment_event(DS_PAYMENT_EVENT_PAYMENT_SUCCESS);
    ds_kit_fold(&kit, DS_FOLD_PAYMENT, &e);
    cr_assert(ds_kit_is(payment()->status, "succeeded"));
    cr_assert(ds_kit_is(payment()->method, "card"));
    cr_assert_eq(payment()->captured_minor, 0);
    cr_assert_eq(kit.fold.missed, 0);
}

Test(fold_payment, an_unmatched_charge_is_in_the_timeline_only)
{
    struct ds_payment_event e = payment_event(DS_PAYMENT_EVENT_PAYMENT_UNMATCHED);
    ds_kit_fold(&kit, DS_FOLD_PAYMENT, &e);
    cr_assert_null(payment());
    cr_assert_eq(kit.fold.missed, 0);
    cr_assert_not_null(ds_kit_nth(&kit, DS_TABLE_TIMELINE, 0));
}

/* ---- delivery ---- */

static const struct ds_delivery_row *delivery(void)
{
    return ds_kit_row(&kit, DS_TABLE_DELIVERIES, KIT_ORDER);
}

static const struct ds_offer_row *offer(void)
{
    return ds_kit_row(&kit, DS_TABLE_OFFERS, OFFER);
}

static const struct ds_courier_row *courier(void)
{
    return ds_kit_row(&kit, DS_TABLE_COURIERS, COURIER);
}

static struct ds_delivery_event delivery_event(int32_t kind)
{
    struct ds_delivery_event e = {0};
    head(&e);
    e.body.kind = kind;
    e.body.as.delivery_returned.order_id = DS_STR(KIT_ORDER);
    return e;
}

static void fold_delivery(struct ds_delivery_event e)
{
    ds_kit_fold(&kit, DS_FOLD_DELIVERY, &e);
}

static void go_online(void)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_COURIER_ONLINE);
    e.body.as.courier_online = (struct ds_courier_online){
        .courier_id = DS_STR(COURIER), .vehicle = DS_STR("bicycle"), .capacity = 2};
    fold_delivery(e);
}

static void request_and_offer(void)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_REQUESTED);
    e.body.as.delivery_requested.personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_SEALED_DATA;
    e.body.as.delivery_requested.total_minor = 600;
    fold_delivery(e);
    e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_OFFERED);
    e.body.as.delivery_offered.offer_id = DS_STR(OFFER);
    e.body.as.delivery_offered.offer_number = 1;
    e.body.as.delivery_offered.courier_id = DS_STR(COURIER);
    fold_delivery(e);
}

static void assign(void)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_ASSIGNED);
    e.body.as.delivery_assigned.offer_id = DS_STR(OFFER);
    e.body.as.delivery_assigned.courier_id = DS_STR(COURIER);
    e.body.as.delivery_assigned.has_courier_name = true;
    e.body.as.delivery_assigned.courier_name = DS_STR("Cora");
    e.body.as.delivery_assigned.vehicle = DS_STR("bicycle");
    fold_delivery(e);
}

static void pick_up(int64_t late_at)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT);
    e.body.as.delivery_in_transit.courier_id = DS_STR(COURIER);
    e.body.as.delivery_in_transit.late_at = late_at;
    fold_delivery(e);
}

Test(fold_delivery, an_accepted_offer_gives_the_delivery_its_courier)
{
    go_online();
    request_and_offer();
    cr_assert(ds_kit_is(delivery()->status, "offered"));
    cr_assert(ds_kit_is(delivery()->courier_id, NULL));
    cr_assert(ds_kit_is(delivery()->offer_courier_id, COURIER));
    cr_assert(ds_kit_is(offer()->status, "open"));
    assign();
    cr_assert(ds_kit_is(delivery()->status, "assigned"));
    cr_assert(ds_kit_is(delivery()->courier_name, "Cora"));
    cr_assert(ds_kit_is(offer()->status, "accepted"));
    cr_assert(ds_kit_is(delivery()->store_id, "berlin-1"));
}

Test(fold_delivery, a_declined_offer_puts_it_back_on_the_search)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_OFFER_ENDED);
    e.body.as.delivery_offer_ended.offer_id = DS_STR(OFFER);
    e.body.as.delivery_offer_ended.courier_id = DS_STR(COURIER);
    e.body.as.delivery_offer_ended.reason = DS_OFFER_END_DECLINED;
    go_online();
    request_and_offer();
    fold_delivery(e);
    cr_assert(ds_kit_is(delivery()->status, "requested"));
    cr_assert(ds_kit_is(delivery()->offer_id, NULL));
    cr_assert(ds_kit_is(offer()->status, "declined"));
    cr_assert(courier()->online);
}

Test(fold_delivery, cancelling_while_an_offer_is_open_ends_the_offer)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_CANCELLED);
    e.body.as.delivery_cancelled.reason = DS_CANCEL_REASON_NO_COURIER;
    go_online();
    request_and_offer();
    fold_delivery(e);
    cr_assert(ds_kit_is(delivery()->status, "cancelled"));
    cr_assert(ds_kit_is(delivery()->reason, "no_courier"));
    cr_assert(ds_kit_is(offer()->status, "cancelled"));
}

Test(fold_delivery, a_delivery_given_back_takes_the_courier_offline)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_UNASSIGNED);
    e.body.as.delivery_unassigned.courier_id = DS_STR(COURIER);
    go_online();
    request_and_offer();
    assign();
    fold_delivery(e);
    cr_assert(ds_kit_is(delivery()->status, "requested"));
    cr_assert(ds_kit_is(delivery()->courier_id, NULL));
    cr_assert_not(courier()->online);
}

Test(fold_delivery, a_sign_of_life_ends_the_silence)
{
    struct ds_delivery_event silent = delivery_event(DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT);
    struct ds_delivery_event seen = delivery_event(DS_DELIVERY_EVENT_COURIER_SEEN);
    silent.body.as.delivery_courier_silent.courier_id = DS_STR(COURIER);
    seen.body.as.courier_seen = (struct ds_courier_seen){
        .courier_id = DS_STR(COURIER), .place = {.lat_e6 = 52500000, .lng_e6 = 13400000}};
    go_online();
    request_and_offer();
    assign();
    pick_up(KIT_TIME + 1);
    fold_delivery(silent);
    cr_assert(ds_kit_is(delivery()->status, "silent"));
    fold_delivery(seen);
    cr_assert(ds_kit_is(delivery()->status, "in_transit"));
    cr_assert_eq(courier()->lat_e6, 52500000);
}

Test(fold_delivery, a_sign_of_life_does_not_lift_what_is_late)
{
    struct ds_delivery_event silent = delivery_event(DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT);
    struct ds_delivery_event seen = delivery_event(DS_DELIVERY_EVENT_COURIER_SEEN);
    silent.body.as.delivery_courier_silent.courier_id = DS_STR(COURIER);
    seen.body.as.courier_seen = (struct ds_courier_seen){.courier_id = DS_STR(COURIER)};
    go_online();
    request_and_offer();
    assign();
    pick_up(KIT_TIME);
    fold_delivery(silent);
    fold_delivery(seen);
    cr_assert(ds_kit_is(delivery()->status, "silent"));
}

Test(fold_delivery, a_cancelled_line_leaves_less_to_collect)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED);
    request_and_offer();
    cr_assert_eq(delivery()->total_minor, 600);
    fold_delivery(e);
    cr_assert_eq(delivery()->total_minor, 600, "not known: what was known stays");
    e.body.as.delivery_lines_cancelled.has_total_minor = true;
    e.body.as.delivery_lines_cancelled.total_minor = 450;
    fold_delivery(e);
    cr_assert_eq(delivery()->total_minor, 450);
}

Test(fold_delivery, the_hand_over_notes_the_cash)
{
    struct ds_delivery_event e = delivery_event(DS_DELIVERY_EVENT_DELIVERY_COMPLETED);
    e.body.as.delivery_completed.courier_id = DS_STR(COURIER);
    e.body.as.delivery_completed.has_cash_collected_minor = true;
    e.body.as.delivery_completed.cash_collected_minor = 600;
    go_online();
    request_and_offer();
    assign();
    pick_up(KIT_TIME + 1);
    fold_delivery(e);
    cr_assert(ds_kit_is(delivery()->status, "completed"));
    cr_assert_eq(delivery()->cash_collected_minor, 600);
    cr_assert_eq(delivery()->ended_at, KIT_TIME);
    cr_assert_eq(kit.fold.missed, 0);
}

/* ---- inventory ---- */

Test(fold_inventory, levels_are_taken_over_and_the_threshold_stays)
{
    struct ds_stock_level level = {DS_STR("berlin-1.milk"), 10, 8, 2, 0};
    struct ds_inventory_event low = {0};
    struct ds_inventory_event reserved = {0};
    head(&low);
    head(&reserved);
    low.body.kind = DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK;
    low.body.as.inventory_low_stock =
        (struct ds_inventory_low_stock){DS_STR("berlin-1.milk"), 1, 5};
    reserved.body.kind = DS_INVENTORY_EVENT_INVENTORY_RESERVED;
    reserved.body.as.inventory_reserved.order_id = DS_STR(KIT_ORDER);
    reserved.body.as.inventory_reserved.levels.items = &level;
    reserved.body.as.inventory_reserved.levels.count = 1;
    ds_kit_fold(&kit, DS_FOLD_INVENTORY, &low);
    int64_t last = ds_kit_fold(&kit, DS_FOLD_INVENTORY, &reserved);
    const struct ds_stock_row *stock = ds_kit_row(&kit, DS_TABLE_STOCK, "berlin-1.milk");
    cr_assert_eq(stock->available, 8);
    cr_assert_eq(stock->reserved, 2);
    cr_assert_eq(stock->threshold, 5);
    cr_assert(stock->low);
    cr_assert_eq(stock->last_offset, last);
    cr_assert(ds_kit_is(stock->store_id, "berlin-1"));
}

/* ---- catalogue ---- */

static void open_store(void)
{
    enum ds_payment_method methods[] = {DS_PAYMENT_METHOD_CARD, DS_PAYMENT_METHOD_CASH_ON_DELIVERY};
    struct ds_catalog_event e = {0};
    head(&e);
    e.body.kind = DS_CATALOG_EVENT_STORE_OPENED;
    struct ds_store_info *store = &e.body.as.store_opened.store;
    store->store_id = DS_STR("berlin-1");
    store->currency = DS_STR("EUR");
    store->payment_methods.items = methods;
    store->payment_methods.count = 2;
    store->open = true;
    ds_kit_fold(&kit, DS_FOLD_CATALOG, &e);
}

Test(fold_catalog, a_closed_store_keeps_its_row)
{
    struct ds_catalog_event e = {0};
    head(&e);
    e.body.kind = DS_CATALOG_EVENT_STORE_CLOSED;
    e.body.as.store_closed.store_id = DS_STR("berlin-1");
    open_store();
    ds_kit_fold(&kit, DS_FOLD_CATALOG, &e);
    const struct ds_store_row *store = ds_kit_row(&kit, DS_TABLE_STORES, "berlin-1");
    cr_assert_not(store->open);
    cr_assert(ds_kit_is(store->payment_methods, "card,cash_on_delivery"));
}

Test(fold_catalog, hours_and_zone_are_words)
{
    struct ds_open_hours hours[] = {{1, 480, 1320}, {7, 1080, 1560}};
    struct ds_place corners[] = {{52520008, 13404954}, {-1, 0}, {0, 180000000}};
    struct ds_catalog_event e = {0};
    head(&e);
    e.body.kind = DS_CATALOG_EVENT_STORE_CHANGED;
    e.body.as.store_changed.store = (struct ds_store_info){.store_id = DS_STR("berlin-1"),
                                                           .currency = DS_STR("EUR"),
                                                           .hours = {hours, 2},
                                                           .delivery_area = {corners, 3},
                                                           .hand_over_code = true};
    open_store();
    const struct ds_store_row *store = ds_kit_row(&kit, DS_TABLE_STORES, "berlin-1");
    cr_assert(ds_kit_is(store->hours, ""));
    ds_kit_fold(&kit, DS_FOLD_CATALOG, &e);
    store = ds_kit_row(&kit, DS_TABLE_STORES, "berlin-1");
    cr_assert(ds_kit_is(store->hours, "mon 08:00-22:00,sun 18:00-02:00"));
    cr_assert(ds_kit_is(store->delivery_area,
                        "52.520008 13.404954,-0.000001 0.000000,0.000000 180.000000"));
    cr_assert(store->hand_over_code);
}

Test(fold_catalog, a_changed_product_keeps_its_store_and_a_removed_one_its_row)
{
    struct ds_product_info milk = {.product_id = DS_STR("berlin-1.milk"), .price_minor = 150};
    struct ds_catalog_event e = {0};
    head(&e);
    e.body.kind = DS_CATALOG_EVENT_PRODUCT_ADDED;
    e.body.as.product_added.store_id = DS_STR("berlin-1");
    e.body.as.product_added.products.items = &milk;
    e.body.as.product_added.products.count = 1;
    ds_kit_fold(&kit, DS_FOLD_CATALOG, &e);
    e.body.kind = DS_CATALOG_EVENT_PRODUCT_CHANGED;
    e.body.as.product_changed.product = milk;
    e.body.as.product_changed.product.price_minor = 175;
    ds_kit_fold(&kit, DS_FOLD_CATALOG, &e);
    const struct ds_product_row *row = ds_kit_row(&kit, DS_TABLE_PRODUCTS, "berlin-1.milk");
    cr_assert_eq(row->price_minor, 175);
    cr_assert_eq(row->last_offset, 1, "the offset that order lines name");
    cr_assert(ds_kit_is(row->store_id, "berlin-1"));
    e.body.kind = DS_CATALOG_EVENT_PRODUCT_REMOVED;
    e.body.as.product_removed.product_id = DS_STR("berlin-1.milk");
    ds_kit_fold(&kit, DS_FOLD_CATALOG, &e);
    cr_assert(row->removed);
    cr_assert_eq(row->price_minor, 175);
}
