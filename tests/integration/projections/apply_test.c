/* Writing batches: fenced positions, one transaction, unknown outcomes. No Kafka: the batches are
 * made here. */
#include "projections/postgres/apply.h"
#include "projections/postgres/worker.h"
#include "tests/integration/projections/pg_kit.h"
#include "tests/unit/projections/kit.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define PARTITION 3
#define MAX_BATCH 64

struct worker {
    ds_pg_t *pg;
    ds_apply_t *apply;
    struct ds_slot slots[DS_MAX_PARTITIONS];
    struct ds_unit units[DS_FOLD_TOPICS];
    size_t unit_count;
};

static struct ds_pg_kit kit;
static struct worker first;
static struct worker second;
static struct ds_read_record batch[MAX_BATCH];
static size_t batch_count;
static ds_error_t error;

static void open_worker(struct worker *w, int timeout_ms)
{
    w->pg = ds_pg_kit_link(&kit, timeout_ms);
    cr_assert(ds_apply_new(w->pg, &w->apply, &error), "%s", error.message);
}

static void close_worker(struct worker *w)
{
    ds_apply_destroy(w->apply);
    ds_pg_destroy(w->pg);
    *w = (struct worker){0};
}

static void setup(void)
{
    error = (ds_error_t)DS_ERROR_INIT;
    ds_pg_kit_init(&kit, "apply");
    ds_pg_kit_migrate(&kit);
    open_worker(&first, DS_PG_KIT_PATIENCE_MS);
    open_worker(&second, DS_PG_KIT_PATIENCE_MS);
}

static void teardown(void)
{
    close_worker(&first);
    close_worker(&second);
    ds_pg_kit_cleanup(&kit);
}

TestSuite(apply, .init = setup, .fini = teardown, .timeout = 120);

static void take(struct worker *w)
{
    w->slots[PARTITION].owned = true;
    cr_assert(ds_apply_take(w->apply, PARTITION, w->slots[PARTITION].at, &error), "%s",
              error.message);
}

static void add(enum ds_fold_topic topic, int64_t offset, const void *event)
{
    cr_assert_lt(batch_count, (size_t)MAX_BATCH);
    batch[batch_count++] = (struct ds_read_record){
        .topic = (int32_t)topic,
        .partition = PARTITION,
        .place = {offset, 1, offset + 1},
        .last = true,
        .event = event,
    };
}

static enum ds_disposition write_with(struct worker *w)
{
    w->unit_count = ds_worker_gather(batch, batch_count, w->slots, w->units);
    error = (ds_error_t)DS_ERROR_INIT;
    cr_assert(ds_pg_connect(w->pg, &error), "%s", error.message);
    return ds_apply_batch(w->apply, batch, batch_count, w->units, w->unit_count, &error);
}

static void move_on(struct worker *w)
{
    for (size_t i = 0; i < w->unit_count; i++)
        w->slots[PARTITION].at[w->units[i].topic] = w->units[i].after;
    batch_count = 0;
}

/* An order that is placed by a command and confirmed. */
static struct ds_order_event created;
static struct ds_order_event confirmed;

static void place_order(int64_t offset)
{
    created = ds_kit_created(KIT_ORDER);
    ds_kit_answer(&created, 40, "01KAAAAAAAAAAAAAAAAAAAAAAA");
    add(DS_FOLD_ORDER, offset, &created);
}

static void confirm_order(int64_t offset)
{
    confirmed = ds_kit_confirmed(KIT_ORDER);
    add(DS_FOLD_ORDER, offset, &confirmed);
}

static const char *status(void)
{
    return ds_pg_kit_ask(&kit, "SELECT status FROM shop.orders WHERE order_id = '" KIT_ORDER "'");
}

static const char *position(void)
{
    return ds_pg_kit_ask(&kit, "SELECT last_offset FROM shop.position WHERE topic = 'order.events' "
                               "AND partition = 3");
}

Test(apply, an_order_is_written_and_read_through_the_views)
{
    take(&first);
    place_order(0);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    cr_assert_str_eq(status(), "created");
    cr_assert_str_eq(position(), "0");
    cr_assert_str_eq(
        ds_pg_kit_ask(&kit, "SELECT string_agg(line || ':' || name || ':' || total_minor, ' ' "
                            "ORDER BY line) FROM shop.order_lines"),
        "1:Milk:300 2:Bread:200");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT street FROM shop.order_addresses"), "123 Main St");
    cr_assert_str_eq(ds_pg_kit_ask(&kit,
                                   "SELECT status || ' ' || command_offset FROM shop.commands"),
                     "done 40");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT commands_through FROM shop.position WHERE topic = "
                                         "'order.events'"),
                     "40");
    cr_assert_str_eq(ds_pg_kit_ask(&kit,
                                   "SELECT payment_status || ' ' || delivery_status || ' ' || "
                                   "payment_offset FROM shop.orders"),
                     "none none -1");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT to_char(placed_at AT TIME ZONE 'UTC', "
                                         "'YYYY-MM-DD HH24:MI:SS.US') FROM shop.orders"),
                     "2026-11-21 07:30:33.122456");
}

Test(apply, the_timeline_has_the_event_without_personal_data_and_tokens)
{
    take(&first);
    place_order(0);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT data ->> 'total_minor' FROM shop.timeline"),
                     "600");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT count(*) FROM shop.timeline WHERE data ?| "
                                         "'{personal,payment_token}' OR data::text LIKE "
                                         "'%tok_secret%' OR data::text LIKE '%Main St%'"),
                     "0");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT jsonb_array_length(data -> 'lines') FROM "
                                         "shop.timeline"),
                     "2");
}

Test(apply, the_timeline_has_what_was_edited_without_the_commands_themselves)
{
    static const uint8_t value[] = "123 Main St";
    struct ds_order_event edited = {.body.kind = DS_ORDER_EVENT_INPUT_EDITED};
    edited.body.as.input_edited = (struct ds_input_edited){.topic = DS_STR("order.commands"),
                                                           .offset = 7,
                                                           .reason = DS_STR("as they meant it"),
                                                           .old_value = {value, sizeof value},
                                                           .new_value = {value, sizeof value}};
    take(&first);
    ds_kit_answer(&edited, 40, "01KAAAAAAAAAAAAAAAAAAAAAAA");
    add(DS_FOLD_ORDER, 0, &edited);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT (data ->> 'topic') || (data ->> 'offset') "
                                         "FROM shop.timeline"),
                     "order.commands7");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT data ?| '{old_value,new_value}' OR "
                                         "data::text LIKE '%Main St%' FROM shop.timeline"),
                     "f");
}

Test(apply, a_later_batch_goes_on_from_the_rows_of_an_earlier_one)
{
    take(&first);
    place_order(0);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    move_on(&first);
    confirm_order(1);
    struct ds_order_event line = ds_kit_line_cancelled(KIT_ORDER);
    add(DS_FOLD_ORDER, 2, &line);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    cr_assert_str_eq(status(), "confirmed");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT customer_id || ' ' || total_minor || ' ' || "
                                         "order_offset FROM shop.orders"),
                     "anna 450 2");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT cancelled || ' ' || total_minor FROM "
                                         "shop.order_lines WHERE line = 1"),
                     "1 150");
    cr_assert_eq(ds_apply_missed(first.apply), 0);
}

Test(apply, a_batch_applied_twice_changes_nothing)
{
    char before[64];
    take(&first);
    place_order(0);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    (void)snprintf(before, sizeof before, "%s",
                   ds_pg_kit_ask(&kit, "SELECT xmin FROM read_v1.orders"));
    cr_assert_eq(write_with(&first), DS_APPLY_LOST, "the position is not where it was");
    cr_assert_eq(first.units[0].state, DS_UNIT_LOST);
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT xmin FROM read_v1.orders"), before);
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT count(*) FROM shop.timeline"), "1");
}

Test(apply, an_evicted_worker_writes_nothing)
{
    take(&first);
    place_order(0);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    move_on(&first);
    take(&second);
    cr_assert_eq(second.slots[PARTITION].at[0].generation, 2);
    cr_assert_eq(second.slots[PARTITION].at[0].place.offset, 0, "it goes on where the first was");
    confirm_order(1);
    cr_assert_eq(write_with(&first), DS_APPLY_LOST);
    cr_assert_str_eq(status(), "created");
    cr_assert_str_eq(position(), "0");
    cr_assert_eq(write_with(&second), DS_APPLIED, "%s", error.message);
    cr_assert_str_eq(status(), "confirmed");
}

Test(apply, one_lost_topic_keeps_the_whole_batch_from_being_written)
{
    struct ds_payment_event paid = {0};
    paid.body.kind = DS_PAYMENT_EVENT_PAYMENT_SUCCESS;
    paid.meta.event_id = DS_STR("p");
    paid.body.as.payment_success.order_id = DS_STR(KIT_ORDER);
    take(&first);
    ds_pg_kit_run(&kit,
                  "UPDATE read_v1.position SET generation = 9 WHERE topic = 'payment.events'");
    place_order(0);
    add(DS_FOLD_PAYMENT, 0, &paid);
    cr_assert_eq(write_with(&first), DS_APPLY_LOST);
    cr_assert_eq(first.units[0].state, DS_UNIT_OPEN);
    cr_assert_eq(first.units[1].state, DS_UNIT_LOST);
    cr_assert_str_eq(status(), "");
}

Test(apply, positions_and_rows_are_one_transaction)
{
    take(&first);
    place_order(0);
    ds_pg_kit_run(&kit, "ALTER TABLE read_v1.orders ADD CHECK (status <> 'created')");
    cr_assert_eq(write_with(&first), DS_APPLY_AGAIN, "refused in the trip that commits");
    cr_assert_not(error.retriable);
    cr_assert_str_eq(position(), "-1");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT count(*) FROM shop.timeline"), "0");
    error = (ds_error_t)DS_ERROR_INIT;
    cr_assert_eq(ds_apply_settle(first.apply, first.units, first.unit_count, &error),
                 DS_APPLY_AGAIN);
}

Test(apply, an_unknown_outcome_that_was_a_commit_is_not_repeated)
{
    take(&first);
    place_order(0);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    first.units[0].state = DS_UNIT_OPEN; /* as if the answer had been lost */
    ds_pg_close(first.pg);
    cr_assert_eq(ds_apply_settle(first.apply, first.units, first.unit_count, &error), DS_APPLIED,
                 "%s", error.message);
    cr_assert_eq(first.units[0].state, DS_UNIT_DONE);
}

Test(apply, an_unknown_outcome_waits_for_the_old_backend)
{
    struct worker hasty = {0};
    open_worker(&hasty, 4000); /* enough for a slow disk */
    take(&hasty);
    /* The server's patience is the client's, and would end in the same moment. */
    cr_assert(ds_pg_script(hasty.pg, "SET statement_timeout = 0; SET lock_timeout = 0", 4000,
                           &error),
              "%s", error.message);
    place_order(0);
    /* The second round trip waits for this lock until the client gives up: its COMMIT is under way.
     */
    ds_pg_kit_run(&kit, "BEGIN");
    ds_pg_kit_run(&kit, "LOCK TABLE read_v1.timeline IN SHARE MODE");
    cr_assert_eq(write_with(&hasty), DS_APPLY_UNKNOWN);
    ds_pg_kit_run(&kit, "COMMIT");
    enum ds_disposition settled = DS_APPLY_UNKNOWN;
    for (int i = 0; i < 20 && settled == DS_APPLY_UNKNOWN; i++) {
        error = (ds_error_t)DS_ERROR_INIT;
        settled = ds_apply_settle(hasty.apply, hasty.units, hasty.unit_count, &error);
    }
    if (settled == DS_APPLY_AGAIN)
        settled = write_with(&hasty);
    cr_assert_eq(settled, DS_APPLIED, "%s", error.message);
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT count(*) FROM shop.timeline"), "1");
    cr_assert_str_eq(position(), "0");
    close_worker(&hasty);
}

Test(apply, an_unknown_outcome_after_another_took_over_is_lost)
{
    take(&first);
    place_order(0);
    first.unit_count = ds_worker_gather(batch, batch_count, first.slots, first.units);
    take(&second);
    cr_assert_eq(ds_apply_settle(first.apply, first.units, first.unit_count, &error),
                 DS_APPLY_LOST);
    cr_assert_eq(first.units[0].state, DS_UNIT_LOST);
}

Test(apply, without_a_server_nothing_is_lost_and_it_goes_on_afterwards)
{
    char sql[256];
    take(&first);
    place_order(0);
    (void)snprintf(
        sql, sizeof sql,
        "SELECT count(pg_terminate_backend(pid, 30000)) FROM pg_stat_activity WHERE datname = "
        "'%s' AND application_name = 'projection test'",
        kit.name);
    (void)ds_pg_kit_ask(&kit, sql);
    first.unit_count = ds_worker_gather(batch, batch_count, first.slots, first.units);
    enum ds_disposition d =
        ds_apply_batch(first.apply, batch, batch_count, first.units, first.unit_count, &error);
    cr_assert_eq(d, DS_APPLY_AGAIN);
    cr_assert(error.retriable);
    cr_assert_not(ds_pg_connected(first.pg));
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
}

Test(apply, a_courier_who_was_silent_is_found_again_in_the_database)
{
    struct ds_delivery_event e[6] = {0};
    e[0].body.kind = DS_DELIVERY_EVENT_COURIER_ONLINE;
    e[0].body.as.courier_online = (struct ds_courier_online){.courier_id = DS_STR("berlin-1.cora")};
    e[1].body.kind = DS_DELIVERY_EVENT_DELIVERY_REQUESTED;
    e[1].body.as.delivery_requested.order_id = DS_STR(KIT_ORDER);
    e[1].body.as.delivery_requested.personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_SEALED_DATA;
    e[2].body.kind = DS_DELIVERY_EVENT_DELIVERY_OFFERED;
    e[2].body.as.delivery_offered =
        (struct ds_delivery_offered){.order_id = DS_STR(KIT_ORDER),
                                     .offer_id = DS_STR(KIT_ORDER "-1"),
                                     .courier_id = DS_STR("berlin-1.cora")};
    e[3].body.kind = DS_DELIVERY_EVENT_DELIVERY_ASSIGNED;
    e[3].body.as.delivery_assigned =
        (struct ds_delivery_assigned){.order_id = DS_STR(KIT_ORDER),
                                      .offer_id = DS_STR(KIT_ORDER "-1"),
                                      .courier_id = DS_STR("berlin-1.cora")};
    e[4].body.kind = DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT;
    e[4].body.as.delivery_courier_silent.order_id = DS_STR(KIT_ORDER);
    e[5].body.kind = DS_DELIVERY_EVENT_COURIER_SEEN;
    e[5].body.as.courier_seen.courier_id = DS_STR("berlin-1.cora");
    take(&first);
    for (int i = 0; i < 6; i++) { /* a batch each */
        e[i].meta.event_id = DS_STR("d");
        add(DS_FOLD_DELIVERY, i, &e[i]);
        cr_assert_eq(write_with(&first), DS_APPLIED, "%d: %s", i, error.message);
        move_on(&first);
        if (i == 4)
            cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT status FROM shop.deliveries"), "silent");
    }
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT status FROM shop.deliveries"), "in_transit");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT status FROM shop.offers"), "accepted");
    cr_assert_eq(ds_apply_missed(first.apply), 0);
}

Test(apply, the_catalogue_and_the_stock_meet_in_the_view_of_products)
{
    enum ds_payment_method methods[] = {DS_PAYMENT_METHOD_CASH_ON_DELIVERY};
    struct ds_product_info milk = {.product_id = DS_STR("berlin-1.milk"), .price_minor = 150};
    struct ds_stock_level level = {DS_STR("berlin-1.milk"), 10, 8, 2, 0};
    struct ds_catalog_event store = {0};
    struct ds_catalog_event product = {0};
    struct ds_inventory_event stock = {0};
    store.body.kind = DS_CATALOG_EVENT_STORE_OPENED;
    store.body.as.store_opened.store.store_id = DS_STR("berlin-1");
    store.body.as.store_opened.store.currency = DS_STR("EUR");
    store.body.as.store_opened.store.payment_methods.items = methods;
    store.body.as.store_opened.store.payment_methods.count = 1;
    product.body.kind = DS_CATALOG_EVENT_PRODUCT_ADDED;
    product.body.as.product_added.store_id = DS_STR("berlin-1");
    product.body.as.product_added.products.items = &milk;
    product.body.as.product_added.products.count = 1;
    stock.body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED;
    stock.body.as.inventory_updated.levels.items = &level;
    stock.body.as.inventory_updated.levels.count = 1;
    take(&first);
    add(DS_FOLD_CATALOG, 0, &store);
    add(DS_FOLD_CATALOG, 1, &product);
    add(DS_FOLD_INVENTORY, 0, &stock);
    cr_assert_eq(write_with(&first), DS_APPLIED, "%s", error.message);
    cr_assert_str_eq(ds_pg_kit_ask(&kit,
                                   "SELECT currency || ' ' || price_minor || ' ' || available "
                                   "|| ' ' || last_offset FROM shop.products"),
                     "EUR 150 8 1");
    cr_assert_str_eq(ds_pg_kit_ask(&kit, "SELECT payment_methods[1] FROM shop.stores"),
                     "cash_on_delivery");
}
