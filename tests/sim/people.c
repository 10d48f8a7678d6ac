/* Who gives the shop its work: staff, customers, couriers, and the payment provider with its
 * gateway. They see what is delivered in the log, and act some time later, or do not. */
#include "sim.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define STOCK_EACH 4
#define FEE        250

enum act_kind {
    OPEN_STORE,
    ADD_PRODUCTS,
    CHANGE_PRICE,
    RECEIVE,
    ADJUST,
    ONLINE,
    OFFLINE,
    PLACE,
    CANCEL,
    CANCEL_LINE,
    ACCEPT,
    DECLINE,
    GIVE_BACK,
    PICK_UP,
    ARRIVE,
    HAND_OVER,
    FAIL_ATTEMPT,
    BACK,
    REASSIGN,
    REPORT,
};

/** A charge or a refund, as the provider has it in its books. */
struct sim_charge {
    struct sim_charge *next;
    bool refund;
    bool approved;
    ds_str_t order_id;
    ds_str_t key;
    int64_t amount_minor;
};

struct act {
    enum act_kind kind;
    int32_t partition;
    int who; /* courier, product, order, or 1: staff */
    ds_str_t id;
    ds_str_t other;
    struct sim_charge *charge;
    bool approve;
};

/* ---- doing things later ---- */

static struct act *later(struct sim *sim, int64_t from_us, int64_t to_us, enum act_kind kind,
                         int32_t partition)
{
    struct act *act = sim_alloc(sim, sizeof(*act));

    *act = (struct act){.kind = kind, .partition = partition};
    sim->people.open_acts++;
    sim_at(sim, sim->now_us + sim_time(&sim->chance, from_us, to_us), SIM_ACT, act, 0);
    return act;
}

static struct act *soon(struct sim *sim, enum act_kind kind, int32_t partition, ds_str_t id)
{
    struct act *act = later(sim, 20 * SIM_MS, 900 * SIM_MS, kind, partition);

    act->id = id;
    return act;
}

static uint64_t percent(struct sim *sim)
{
    return sim_roll(&sim->chance, 100);
}

/* ---- names ---- */

static ds_str_t text(struct sim *sim, const char *format, ...) DS_PRINTF(2, 3);
static ds_str_t text(struct sim *sim, const char *format, ...)
{
    char buffer[DS_MAX_ID_BYTES + 1];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(buffer, sizeof(buffer), format, args);
    va_end(args);
    return (ds_str_t){sim_copy(sim, buffer, (size_t)len), (uint32_t)len};
}

static ds_str_t store_of(struct sim *sim, int32_t partition)
{
    return ds_str(sim->people.store[partition]);
}

static ds_str_t product(struct sim *sim, int32_t partition, int number)
{
    return text(sim, "%s.p%d", sim->people.store[partition], number);
}

static ds_str_t courier(struct sim *sim, int32_t partition, int number)
{
    return text(sim, "%s.c%d", sim->people.store[partition], number);
}

static void name_stores(struct sim *sim)
{
    for (int32_t p = 0; p < sim->plan.partitions; p++)
        for (int n = 0;; n++) {
            (void)snprintf(sim->people.store[p], sizeof(sim->people.store[p]), "shop-%d", n);
            if (ds_partition_of(store_of(sim, p), sim->plan.partitions) == p)
                break;
        }
}

/* ---- staff ---- */

static struct ds_actor staff(void)
{
    return (struct ds_actor){DS_ACTOR_KIND_STAFF, DS_STR("staff")};
}

static void open_store(struct sim *sim, const struct act *act)
{
    enum ds_payment_method methods[] = {DS_PAYMENT_METHOD_CARD, DS_PAYMENT_METHOD_CASH_ON_DELIVERY};
    struct ds_catalog_command c = {.head.actor = staff(),
                                   .body.kind = DS_CATALOG_COMMAND_CREATE_STORE};

    c.body.as.create_store.store = (struct ds_store_info){.store_id = store_of(sim, act->partition),
                                                          .name = DS_STR("A shop"),
                                                          .currency = DS_STR("EUR"),
                                                          .time_zone = DS_STR("UTC"),
                                                          .payment_methods = {methods, 2},
                                                          .delivery_fee_minor = FEE,
                                                          .open = true};
    sim_give_command(sim, DS_AUDIT_CATALOG, act->partition, &c);
}

static struct ds_product_info product_info(struct sim *sim, int32_t partition, int number,
                                           int64_t price_minor)
{
    return (struct ds_product_info){.product_id = product(sim, partition, number),
                                    .name = DS_STR("Milk"),
                                    .category = DS_STR("food"),
                                    .unit = DS_STR("piece"),
                                    .price_minor = price_minor,
                                    .max_quantity = 99};
}

static void add_products(struct sim *sim, const struct act *act)
{
    struct ds_product_info list[SIM_PRODUCTS];
    struct ds_catalog_command c = {.head.actor = staff(),
                                   .body.kind = DS_CATALOG_COMMAND_ADD_PRODUCTS};

    for (int i = 0; i < SIM_PRODUCTS; i++)
        list[i] = product_info(sim, act->partition, i, 100 + 50 * i);
    c.body.as.add_products.store_id = store_of(sim, act->partition);
    c.body.as.add_products.products.items = list;
    c.body.as.add_products.products.count = SIM_PRODUCTS;
    sim_give_command(sim, DS_AUDIT_CATALOG, act->partition, &c);
}

static void change_price(struct sim *sim, const struct act *act)
{
    struct ds_catalog_command c = {.head.actor = staff(),
                                   .body.kind = DS_CATALOG_COMMAND_CHANGE_PRODUCT};

    c.body.as.change_product.product =
        product_info(sim, act->partition, act->who, 100 + (int64_t)sim_roll(&sim->chance, 200));
    sim_give_command(sim, DS_AUDIT_CATALOG, act->partition, &c);
}

static void stock(struct sim *sim, const struct act *act)
{
    struct ds_stock_item items[SIM_PRODUCTS];
    struct ds_inventory_command c = {.head.actor = staff()};
    size_t count = act->kind == RECEIVE ? SIM_PRODUCTS : 1;

    for (int i = 0; i < SIM_PRODUCTS; i++)
        items[i] = (struct ds_stock_item){product(sim, act->partition, i),
                                          1 + (int32_t)sim_roll(&sim->chance, STOCK_EACH)};
    if (act->kind == RECEIVE) {
        c.body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK;
        c.body.as.receive_stock.store_id = store_of(sim, act->partition);
        c.body.as.receive_stock.items.items = items;
        c.body.as.receive_stock.items.count = count;
    } else if (act->who == 0) {
        c.body.kind = DS_INVENTORY_COMMAND_SET_THRESHOLD;
        c.body.as.set_threshold.store_id = store_of(sim, act->partition);
        c.body.as.set_threshold.items.items = items;
        c.body.as.set_threshold.items.count = SIM_PRODUCTS;
    } else {
        items[0].quantity = act->who == 1 ? -1 : 1;
        c.body.kind = DS_INVENTORY_COMMAND_ADJUST_STOCK;
        c.body.as.adjust_stock.store_id = store_of(sim, act->partition);
        c.body.as.adjust_stock.items.items = items;
        c.body.as.adjust_stock.items.count = count;
        c.body.as.adjust_stock.reason = DS_STR("counted again");
    }
    sim_give_command(sim, DS_AUDIT_INVENTORY, act->partition, &c);
}

/* ---- customers ---- */

static bool on_sale(const struct sim *sim, int32_t partition)
{
    for (int i = 0; i < SIM_PRODUCTS; i++)
        if (sim->people.price_offset[partition][i] < 0)
            return false;
    return true;
}

static void fill_lines(struct sim *sim, int32_t partition, struct ds_place_order *place,
                       struct ds_order_line *lines)
{
    size_t count = 1 + sim_roll(&sim->chance, SIM_PRODUCTS);

    for (size_t i = 0; i < count; i++) {
        int32_t quantity = 1 + (int32_t)sim_roll(&sim->chance, 2);
        int64_t price = sim->people.price[partition][i];

        lines[i] = (struct ds_order_line){.line = (int32_t)i + 1,
                                          .product_id = product(sim, partition, (int)i),
                                          .name = DS_STR("Milk"),
                                          .quantity = quantity,
                                          .unit_price_minor = price,
                                          .total_minor = price * quantity,
                                          .catalog_offset = sim->people.price_offset[partition][i]};
        place->subtotal_minor += price * quantity;
    }
    place->lines.items = lines;
    place->lines.count = count;
    place->total_minor = place->subtotal_minor + place->delivery_fee_minor;
}

static void change_his_mind(struct sim *sim, const struct sim_order *order)
{
    ds_str_t id = ds_str(order->id);

    if (percent(sim) < 15)
        later(sim, 50 * SIM_MS, 6 * SIM_S, CANCEL, order->partition)->id = id;
    if (percent(sim) < 12) {
        struct act *act = later(sim, 50 * SIM_MS, 8 * SIM_S, CANCEL, order->partition);

        act->id = id;
        act->who = 1;
    }
    if (percent(sim) < 20)
        later(sim, 50 * SIM_MS, 5 * SIM_S, CANCEL_LINE, order->partition)->id = id;
}

static void place_order(struct sim *sim, const struct act *act)
{
    struct sim_order *order = &sim->people.orders[act->who];
    struct ds_order_line lines[SIM_PRODUCTS];
    struct ds_order_command c = {.head.actor = {DS_ACTOR_KIND_CUSTOMER, DS_STR("anna")},
                                 .body.kind = DS_ORDER_COMMAND_PLACE_ORDER};
    struct ds_place_order *place = &c.body.as.place_order;

    if (!on_sale(sim, act->partition)) { /* nobody can order what is not there yet */
        later(sim, 100 * SIM_MS, SIM_S, PLACE, act->partition)->who = act->who;
        return;
    }
    c.head.command_id = sim_new_id(sim);
    *place = (struct ds_place_order){.store_id = store_of(sim, act->partition),
                                     .customer_id = DS_STR("anna"),
                                     .currency = DS_STR("EUR"),
                                     .delivery_fee_minor = FEE};
    place->order_id =
        text(sim, "%s.%.*s", sim->people.store[act->partition], DS_STR_ARG(c.head.command_id));
    fill_lines(sim, act->partition, place, lines);
    order->cash = percent(sim) < 30;
    place->payment_method =
        order->cash ? DS_PAYMENT_METHOD_CASH_ON_DELIVERY : DS_PAYMENT_METHOD_CARD;
    place->personal.as.personal_data =
        (struct ds_personal_data){.street = DS_STR("Am Markt 1"), .city = DS_STR("Bremen")};
    (void)ds_str_to_array(place->order_id, order->id, sizeof(order->id));
    order->partition = act->partition;
    order->total_minor = place->total_minor;
    order->placed = true;
    sim_give_command(sim, DS_AUDIT_ORDER, act->partition, &c);
    change_his_mind(sim, order);
}

static void cancel(struct sim *sim, const struct act *act)
{
    struct ds_line_quantity line = {1, product(sim, act->partition, 0), 1};
    struct ds_order_command c = {.head.actor = {DS_ACTOR_KIND_CUSTOMER, DS_STR("anna")}};

    if (act->who == 1)
        c.head.actor = staff();
    if (act->kind == CANCEL) {
        c.body.kind = DS_ORDER_COMMAND_CANCEL_ORDER;
        c.body.as.cancel_order.order_id = act->id;
    } else {
        c.body.kind = DS_ORDER_COMMAND_CANCEL_LINES;
        c.body.as.cancel_lines.order_id = act->id;
        c.body.as.cancel_lines.lines.items = &line;
        c.body.as.cancel_lines.lines.count = 1;
    }
    sim_give_command(sim, DS_AUDIT_ORDER, act->partition, &c);
}

/* ---- couriers ---- */

static void at_the_door(struct sim *sim, const struct act *act, struct ds_delivery_command *c)
{
    if (act->kind == FAIL_ATTEMPT) {
        c->body.kind = DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT;
        c->body.as.report_failed_attempt =
            (struct ds_report_failed_attempt){.order_id = act->id, .reason = DS_STR("nobody home")};
        return;
    }
    (void)sim;
    c->body.kind = DS_DELIVERY_COMMAND_HAND_OVER;
    c->body.as.hand_over = (struct ds_hand_over){
        .order_id = act->id, .has_cash_collected_minor = true, .cash_collected_minor = 1000 * 1000};
}

static void on_the_way(struct sim *sim, const struct act *act, struct ds_delivery_command *c)
{
    switch (act->kind) {
    case PICK_UP:
        c->body.kind = DS_DELIVERY_COMMAND_PICK_UP;
        c->body.as.pick_up.order_id = act->id;
        return;
    case ARRIVE:
        c->body.kind = DS_DELIVERY_COMMAND_ARRIVE;
        c->body.as.arrive.order_id = act->id;
        return;
    case BACK:
        c->body.kind = DS_DELIVERY_COMMAND_BACK_AT_STORE;
        c->body.as.back_at_store.order_id = act->id;
        return;
    case REASSIGN:
        c->body.kind = DS_DELIVERY_COMMAND_REASSIGN;
        c->body.as.reassign = (struct ds_reassign){
            .order_id = act->id,
            .has_to_courier_id = true,
            .to_courier_id =
                courier(sim, act->partition, (int)sim_roll(&sim->chance, SIM_COURIERS))};
        return;
    default:
        at_the_door(sim, act, c);
        return;
    }
}

static bool line_up(struct sim *sim, const struct act *act, struct ds_delivery_command *c)
{
    ds_str_t who = courier(sim, act->partition, act->who);

    switch (act->kind) {
    case ONLINE:
        c->body.kind = DS_DELIVERY_COMMAND_GO_ONLINE;
        c->body.as.go_online =
            (struct ds_go_online){.courier_id = who, .vehicle = DS_STR("bike"), .capacity = 2};
        return true;
    case OFFLINE:
        c->body.kind = DS_DELIVERY_COMMAND_GO_OFFLINE;
        c->body.as.go_offline.courier_id = who;
        return true;
    case ACCEPT:
        c->body.kind = DS_DELIVERY_COMMAND_ACCEPT_OFFER;
        c->body.as.accept_offer = (struct ds_accept_offer){act->id, act->other};
        return true;
    case DECLINE:
        c->body.kind = DS_DELIVERY_COMMAND_DECLINE_OFFER;
        c->body.as.decline_offer = (struct ds_decline_offer){act->id, act->other};
        return true;
    case GIVE_BACK:
        c->body.kind = DS_DELIVERY_COMMAND_GIVE_BACK;
        c->body.as.give_back = (struct ds_give_back){act->id, act->other};
        return true;
    default:
        return false;
    }
}

static void deliver(struct sim *sim, const struct act *act)
{
    struct ds_delivery_command c = {.head.actor = staff()};

    if (!line_up(sim, act, &c))
        on_the_way(sim, act, &c);
    sim_give_command(sim, DS_AUDIT_DELIVERY, act->partition, &c);
}

static void see_delivery(struct sim *sim, int32_t p, const struct ds_delivery_event *event)
{
    uint64_t r = percent(sim);

    switch (event->body.kind) {
    case DS_DELIVERY_EVENT_DELIVERY_OFFERED:
        if (r < 85)
            soon(sim, r < 75 ? ACCEPT : DECLINE, p, event->body.as.delivery_offered.offer_id)
                ->other = event->body.as.delivery_offered.courier_id;
        return;
    case DS_DELIVERY_EVENT_DELIVERY_ASSIGNED:
        if (r < 92)
            soon(sim,
                 r < 82   ? PICK_UP
                 : r < 87 ? GIVE_BACK
                          : REASSIGN,
                 p, event->body.as.delivery_assigned.order_id)
                ->other = event->body.as.delivery_assigned.courier_id;
        return;
    case DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT:
        if (r < 90)
            soon(sim,
                 r < 70   ? HAND_OVER
                 : r < 85 ? FAIL_ATTEMPT
                          : ARRIVE,
                 p, event->body.as.delivery_in_transit.order_id);
        return;
    case DS_DELIVERY_EVENT_DELIVERY_ARRIVED:
    case DS_DELIVERY_EVENT_DELIVERY_FAILED:
        if (r < 80)
            soon(sim,
                 r < 50   ? HAND_OVER
                 : r < 65 ? FAIL_ATTEMPT
                          : BACK,
                 p,
                 event->body.kind == DS_DELIVERY_EVENT_DELIVERY_ARRIVED
                     ? event->body.as.delivery_arrived.order_id
                     : event->body.as.delivery_failed.order_id);
        return;
    case DS_DELIVERY_EVENT_DELIVERY_RECALLED:
        if (r < 70)
            soon(sim, BACK, p, event->body.as.delivery_recalled.order_id);
        return;
    case DS_DELIVERY_EVENT_COURIER_OFFLINE:
        if (r < 80)
            later(sim, 100 * SIM_MS, 3 * SIM_S, ONLINE, p)->who = (int)(r % SIM_COURIERS);
        return;
    default:
        return;
    }
}

/* ---- the provider ---- */

static struct sim_charge *book(struct sim *sim, bool refund, ds_str_t order_id, ds_str_t key,
                               int64_t amount_minor)
{
    struct sim_charge *charge = sim_alloc(sim, sizeof(*charge));

    for (const struct sim_charge *c = sim->people.charges; c != NULL; c = c->next)
        if (ds_str_eq(c->key, key))
            sim_fail(sim, "the key %.*s is used for two charges", DS_STR_ARG(key));
    *charge = (struct sim_charge){.next = sim->people.charges,
                                  .refund = refund,
                                  .order_id = order_id,
                                  .key = key,
                                  .amount_minor = amount_minor};
    sim->people.charges = charge;
    return charge;
}

static void answer(struct sim *sim, int32_t p, struct sim_charge *charge, int64_t to_us,
                   bool approve)
{
    struct act *act = later(sim, 10 * SIM_MS, to_us, REPORT, p);

    act->charge = charge;
    act->approve = approve;
}

/* A charge may stay without an answer, or be declined and approved later; a refund is answered. */
static void see_payment(struct sim *sim, int32_t p, const struct ds_payment_event *event)
{
    uint64_t r = percent(sim);

    if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_INITIATED) {
        const struct ds_payment_initiated *it = &event->body.as.payment_initiated;
        struct sim_charge *charge =
            book(sim, false, it->order_id, it->charge_key, it->amount_minor);

        if (r < 10)
            return;
        answer(sim, p, charge, r < 20 ? 12 * SIM_S : SIM_S, r >= 32);
        if (r > 25 && r < 40)
            answer(sim, p, charge, 3 * SIM_S, true);
    } else if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED) {
        const struct ds_payment_refund_initiated *it = &event->body.as.payment_refund_initiated;

        answer(sim, p, book(sim, true, it->order_id, it->refund_key, it->amount_minor), SIM_S,
               r >= 20 || sim->healed);
    }
}

static void fill_report(const struct sim_charge *charge, bool ok, struct ds_payment_command *c)
{
    enum ds_report_outcome outcome = ok ? DS_REPORT_OUTCOME_OK : DS_REPORT_OUTCOME_FAILED;
    int64_t amount_minor = ok ? charge->amount_minor : 0;

    c->head.actor = (struct ds_actor){DS_ACTOR_KIND_GATEWAY, DS_STR("sandbox")};
    if (charge->refund) {
        c->body.kind = DS_PAYMENT_COMMAND_REPORT_REFUND;
        c->body.as.report_refund = (struct ds_report_refund){.order_id = charge->order_id,
                                                             .refund_key = charge->key,
                                                             .outcome = outcome,
                                                             .amount_minor = amount_minor,
                                                             .currency = DS_STR("EUR"),
                                                             .provider = DS_STR("sandbox"),
                                                             .provider_reference = DS_STR("re")};
        return;
    }
    c->body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
    c->body.as.report_charge = (struct ds_report_charge){.order_id = charge->order_id,
                                                         .charge_key = charge->key,
                                                         .outcome = outcome,
                                                         .amount_minor = amount_minor,
                                                         .currency = DS_STR("EUR"),
                                                         .provider = DS_STR("sandbox"),
                                                         .provider_reference = DS_STR("ch")};
}

static void report(struct sim *sim, const struct act *act)
{
    struct ds_payment_command c = {0};

    act->charge->approved = act->charge->approved || act->approve;
    fill_report(act->charge, act->charge->approved, &c);
    sim_give_command(sim, DS_AUDIT_PAYMENT, act->partition, &c);
}

/* I3: the books of the provider against what payment says. */
void sim_people_judge(struct sim *sim, const struct ds_audit_part *part)
{
    for (int i = 0; i < SIM_ORDERS; i++) {
        const struct sim_order *order = &sim->people.orders[i];
        const struct ds_audit_order *found;
        int64_t captured = 0;
        int64_t refunded = 0;

        if (!order->placed || order->partition != part->partition)
            continue;
        for (const struct sim_charge *c = sim->people.charges; c != NULL; c = c->next)
            if (c->approved && ds_str_eq(c->order_id, ds_str(order->id)))
                *(c->refund ? &refunded : &captured) += c->amount_minor;
        found = ds_map_get(part->orders, ds_str(order->id));
        if (found == NULL)
            sim_fail(sim, "order %s is not in the log", order->id);
        else if (!order->cash && (found->payment.captured_minor != captured ||
                                  found->payment.refunded_minor != refunded))
            sim_fail(sim, "I3: order %s: the provider has %" PRId64 " - %" PRId64, order->id,
                     captured, refunded);
    }
}

/* ---- the catalogue, as the api reads it ---- */

static void see_product(struct sim *sim, int32_t p, int64_t offset,
                        const struct ds_product_info *info)
{
    for (int i = 0; i < SIM_PRODUCTS; i++)
        if (ds_str_eq(info->product_id, product(sim, p, i))) {
            sim->people.price[p][i] = info->price_minor;
            sim->people.price_offset[p][i] = offset;
        }
}

static void see_catalog(struct sim *sim, int32_t p, int64_t offset,
                        const struct ds_catalog_event *event)
{
    if (event->body.kind == DS_CATALOG_EVENT_STORE_OPENED)
        later(sim, SIM_MS, 50 * SIM_MS, ADD_PRODUCTS, p);
    if (event->body.kind == DS_CATALOG_EVENT_PRODUCT_CHANGED)
        see_product(sim, p, offset, &event->body.as.product_changed.product);
    if (event->body.kind != DS_CATALOG_EVENT_PRODUCT_ADDED)
        return;
    for (size_t i = 0; i < event->body.as.product_added.products.count; i++)
        see_product(sim, p, offset, &event->body.as.product_added.products.items[i]);
}

void sim_people_see(struct sim *sim, int32_t processor, int32_t partition, int64_t offset,
                    const void *event)
{
    if (processor == DS_AUDIT_CATALOG)
        see_catalog(sim, partition, offset, event);
    else if (processor == DS_AUDIT_DELIVERY)
        see_delivery(sim, partition, event);
    else if (processor == DS_AUDIT_PAYMENT)
        see_payment(sim, partition, event);
}

/* ---- the day ---- */

void sim_people_act(struct sim *sim, void *subject)
{
    const struct act *act = subject;

    sim->people.open_acts--;
    switch (act->kind) {
    case OPEN_STORE:
        open_store(sim, act);
        return;
    case ADD_PRODUCTS:
        add_products(sim, act);
        return;
    case CHANGE_PRICE:
        change_price(sim, act);
        return;
    case RECEIVE:
    case ADJUST:
        stock(sim, act);
        return;
    case PLACE:
        place_order(sim, act);
        return;
    case CANCEL:
    case CANCEL_LINE:
        cancel(sim, act);
        return;
    case REPORT:
        report(sim, act);
        return;
    default:
        deliver(sim, act);
        return;
    }
}

static void begin_partition(struct sim *sim, int32_t p)
{
    int64_t to_us = sim->plan.active_us;

    for (int i = 0; i < SIM_PRODUCTS; i++)
        sim->people.price_offset[p][i] = -1;
    later(sim, 0, 10 * SIM_MS, OPEN_STORE, p);
    later(sim, 0, 200 * SIM_MS, RECEIVE, p);
    if (percent(sim) < 50)
        later(sim, SIM_S, to_us, CHANGE_PRICE, p)->who = (int)(percent(sim) % SIM_PRODUCTS);
    if (percent(sim) < 60)
        later(sim, SIM_S, to_us, RECEIVE, p);
    if (percent(sim) < 60)
        later(sim, SIM_S, to_us, ADJUST, p)->who = (int)(percent(sim) % 3);
    for (int i = 0; i < SIM_COURIERS; i++)
        later(sim, 100 * SIM_MS, 3 * SIM_S, ONLINE, p)->who = i;
    if (percent(sim) < 40)
        later(sim, 3 * SIM_S, to_us, OFFLINE, p)->who = 0;
}

void sim_people_begin(struct sim *sim)
{
    name_stores(sim);
    for (int32_t p = 0; p < sim->plan.partitions; p++)
        begin_partition(sim, p);
    for (int i = 0; i < sim->plan.orders; i++)
        later(sim, 300 * SIM_MS, sim->plan.active_us * 3 / 4, PLACE,
              (int32_t)sim_roll(&sim->chance, (uint64_t)sim->plan.partitions))
            ->who = i;
}
