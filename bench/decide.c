/* bench/decide.c - what a decision takes (decide and evolve, without a host), and what an open
 * order keeps in the memory of the processors.
 *
 *   bench_decide [--orders N]    prints one JSON object
 *
 * N orders of five lines are placed in N / 100 stores, reserved, paid by card and confirmed, so
 * that all four processors of an order hold them; then the heap of each is divided by N. After that
 * couriers come and take some twenty orders of each store to their end, in all ways there are.
 * What is timed is every input that leads to an event, among N open orders; an input that leads to
 * none is not. */
#include "decide.h"

#include "heads.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LINES            5
#define ORDERS_A_STORE   100
#define PRODUCTS_A_STORE 100
#define COURIERS_A_STORE 10
#define CAPACITY         2
#define OFFERS_MAX       256
#define REFUNDS_MAX      64
#define ID_BYTES         96
#define TARGET_US        2
#define TARGET_BYTES     600
#define PRICE            250
#define TOTAL            (LINES * 2 * PRICE + 199)

struct order {
    char id[ID_BYTES];
    char customer[ID_BYTES];
    char products[LINES][ID_BYTES];
};

struct offer {
    char order[ID_BYTES], offer[ID_BYTES], courier[ID_BYTES];
};

struct refund {
    char order[ID_BYTES], key[ID_BYTES];
    int64_t amount_minor;
};

struct driver {
    const struct ds_runtime *runtime;
    struct parts *parts;
    struct offer offers[OFFERS_MAX];
    size_t offer_count;
    struct refund refunds[REFUNDS_MAX];
    size_t refund_count;
    int64_t confirmed;
    int64_t ways; /* counts the orders that were taken: the way each goes */
    struct order *orders;
    int64_t order_count;
};

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "bench decide: %s\n", what);
    exit(EXIT_FAILURE);
}

/* ---- commands ---- */

static struct ds_command_head head(const struct driver *d, struct bench_ids *ids,
                                   enum ds_actor_kind kind, const char *actor)
{
    return bench_head(d->runtime, ids, kind, actor);
}

static void product_id(char to[ID_BYTES], int64_t store, int64_t product)
{
    (void)snprintf(to, ID_BYTES, "berlin-%" PRId64 ".product-%" PRId64, store, product);
}

static void receive(struct driver *d, int64_t store)
{
    struct ds_stock_item items[PRODUCTS_A_STORE];
    char names[PRODUCTS_A_STORE][ID_BYTES], store_id[ID_BYTES];
    struct bench_ids ids;
    struct ds_inventory_command c = {.head = head(d, &ids, DS_ACTOR_KIND_STAFF, "staff-1")};

    (void)snprintf(store_id, sizeof store_id, "berlin-%" PRId64, store);
    for (int i = 0; i < PRODUCTS_A_STORE; i++) {
        product_id(names[i], store, i);
        items[i] = (struct ds_stock_item){ds_str(names[i]), 100000};
    }
    c.body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK;
    c.body.as.receive_stock.store_id = ds_str(store_id);
    c.body.as.receive_stock.items.items = items;
    c.body.as.receive_stock.items.count = PRODUCTS_A_STORE;
    parts_command(d->parts, INVENTORY, false, &c);
}

static void place(struct driver *d, int64_t number)
{
    int64_t store = number % (d->order_count / ORDERS_A_STORE);
    struct order *order = &d->orders[number];
    struct ds_order_line lines[LINES];
    char store_id[ID_BYTES], street[ID_BYTES], phone[ID_BYTES];
    ds_id_t id;
    struct bench_ids ids;

    bench_id(d->runtime, &id);
    (void)snprintf(order->id, ID_BYTES, "berlin-%" PRId64 ".%s", store, id.text);
    (void)snprintf(order->customer, ID_BYTES, "customer-%" PRId64, number % 200000);
    (void)snprintf(store_id, sizeof store_id, "berlin-%" PRId64, store);
    (void)snprintf(street, sizeof street, "Hauptstrasse %" PRId64, number % 300);
    (void)snprintf(phone, sizeof phone, "+4930%07" PRId64, number);
    for (int i = 0; i < LINES; i++) {
        product_id(order->products[i], store, (number * 7 + i * 13) % PRODUCTS_A_STORE);
        lines[i] = (struct ds_order_line){.line = i + 1,
                                          .product_id = ds_str(order->products[i]),
                                          .name = DS_STR("A thing from the shelf"),
                                          .quantity = 2,
                                          .unit_price_minor = PRICE,
                                          .total_minor = 2 * PRICE};
    }
    struct ds_order_command c = {.head = head(d, &ids, DS_ACTOR_KIND_CUSTOMER, order->customer)};
    struct ds_place_order *p = &c.body.as.place_order;
    c.body.kind = DS_ORDER_COMMAND_PLACE_ORDER;
    *p = (struct ds_place_order){.order_id = ds_str(order->id),
                                 .store_id = ds_str(store_id),
                                 .customer_id = ds_str(order->customer),
                                 .lines = {lines, LINES},
                                 .currency = DS_STR("EUR"),
                                 .subtotal_minor = TOTAL - 199,
                                 .delivery_fee_minor = 199,
                                 .total_minor = TOTAL,
                                 .payment_method = DS_PAYMENT_METHOD_CARD,
                                 .has_payment_token = true,
                                 .payment_token = DS_STR("tok_ok"),
                                 .has_store_place = true,
                                 .store_place = {52520008, 13404954},
                                 .has_hand_over_code = true,
                                 .hand_over_code = DS_STR("482913")};
    p->personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA;
    p->personal.as.personal_data = (struct ds_personal_data){.has_recipient = true,
                                                             .recipient = DS_STR("Emine"),
                                                             .has_phone = true,
                                                             .phone = ds_str(phone),
                                                             .street = ds_str(street),
                                                             .city = DS_STR("Berlin"),
                                                             .has_zip_code = true,
                                                             .zip_code = DS_STR("10115")};
    parts_command(d->parts, ORDER, true, &c);
}

static void report_charge(struct driver *d, const struct order *order)
{
    char key[ID_BYTES + 8];
    struct bench_ids ids;
    struct ds_payment_command c = {.head = head(d, &ids, DS_ACTOR_KIND_GATEWAY, "sandbox")};

    (void)snprintf(key, sizeof key, "%s-c1", order->id);
    c.body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
    c.body.as.report_charge =
        (struct ds_report_charge){.order_id = ds_str(order->id),
                                  .charge_key = ds_str(key),
                                  .outcome = DS_REPORT_OUTCOME_OK,
                                  .amount_minor = TOTAL,
                                  .currency = DS_STR("EUR"),
                                  .provider = DS_STR("sandbox"),
                                  .provider_reference = DS_STR("ch_01K6X5Q7Z3N8")};
    parts_command(d->parts, PAYMENT, true, &c);
}

static void report_refunds(struct driver *d)
{
    while (d->refund_count > 0) {
        struct refund refund = d->refunds[--d->refund_count];
        struct bench_ids ids;
        struct ds_payment_command c = {.head = head(d, &ids, DS_ACTOR_KIND_GATEWAY, "sandbox")};

        c.body.kind = DS_PAYMENT_COMMAND_REPORT_REFUND;
        c.body.as.report_refund =
            (struct ds_report_refund){.order_id = ds_str(refund.order),
                                      .refund_key = ds_str(refund.key),
                                      .outcome = DS_REPORT_OUTCOME_OK,
                                      .amount_minor = refund.amount_minor,
                                      .currency = DS_STR("EUR"),
                                      .provider = DS_STR("sandbox"),
                                      .provider_reference = DS_STR("re_01K6X5Q7Z3N8")};
        parts_command(d->parts, PAYMENT, true, &c);
    }
}

static void go_online(struct driver *d, int64_t store, int number)
{
    char courier[ID_BYTES];
    struct bench_ids ids;
    struct ds_delivery_command c = {.body.kind = DS_DELIVERY_COMMAND_GO_ONLINE};

    (void)snprintf(courier, sizeof courier, "berlin-%" PRId64 ".courier-%d", store, number);
    c.head = head(d, &ids, DS_ACTOR_KIND_COURIER, courier);
    c.body.as.go_online = (struct ds_go_online){.courier_id = ds_str(courier),
                                                .vehicle = DS_STR("bicycle"),
                                                .capacity = CAPACITY,
                                                .has_place = true,
                                                .place = {52521000, 13405000}};
    parts_command(d->parts, DELIVERY, false, &c);
}

/* A command of an order's delivery that names nothing but the order, by staff. */
static void deliver(struct driver *d, int32_t kind, const char *order)
{
    struct bench_ids ids;
    struct ds_delivery_command c = {.head = head(d, &ids, DS_ACTOR_KIND_STAFF, "staff-1"),
                                    .body.kind = kind};

    switch (kind) {
    case DS_DELIVERY_COMMAND_PICK_UP:
        c.body.as.pick_up.order_id = ds_str(order);
        break;
    case DS_DELIVERY_COMMAND_ARRIVE:
        c.body.as.arrive.order_id = ds_str(order);
        break;
    case DS_DELIVERY_COMMAND_HAND_OVER:
        c.body.as.hand_over.order_id = ds_str(order);
        c.body.as.hand_over.has_code = true;
        c.body.as.hand_over.code = DS_STR("482913");
        break;
    case DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT:
        c.body.as.report_failed_attempt.order_id = ds_str(order);
        c.body.as.report_failed_attempt.reason = DS_STR("NOBODY_HOME");
        break;
    case DS_DELIVERY_COMMAND_REASSIGN:
        c.body.as.reassign.order_id = ds_str(order);
        break;
    case DS_DELIVERY_COMMAND_BACK_AT_STORE:
        c.body.as.back_at_store.order_id = ds_str(order);
        break;
    default:
        fail("no such command");
    }
    parts_command(d->parts, DELIVERY, true, &c);
}

static void answer_offer(struct driver *d, const struct offer *offer, int32_t kind)
{
    struct bench_ids ids;
    struct ds_delivery_command c = {.head = head(d, &ids, DS_ACTOR_KIND_COURIER, offer->courier),
                                    .body.kind = kind};

    if (kind == DS_DELIVERY_COMMAND_ACCEPT_OFFER)
        c.body.as.accept_offer =
            (struct ds_accept_offer){ds_str(offer->offer), ds_str(offer->courier)};
    else if (kind == DS_DELIVERY_COMMAND_DECLINE_OFFER)
        c.body.as.decline_offer =
            (struct ds_decline_offer){ds_str(offer->offer), ds_str(offer->courier)};
    else
        c.body.as.give_back = (struct ds_give_back){ds_str(offer->order), ds_str(offer->courier)};
    parts_command(d->parts, DELIVERY, true, &c);
}

/* The orders of a store lie as many apart as there are stores. */
static const struct order *find(const struct driver *d, const char *id)
{
    int64_t stores = d->order_count / ORDERS_A_STORE;
    int64_t number = strtoll(id + strlen("berlin-"), NULL, 10);

    for (; number < d->order_count; number += stores)
        if (strcmp(d->orders[number].id, id) == 0)
            return &d->orders[number];
    fail("an order that was not placed");
}

static void cancel(struct driver *d, const char *order, bool lines)
{
    struct bench_ids ids;
    struct ds_order_command c = {.head = head(d, &ids, DS_ACTOR_KIND_STAFF, "staff-1")};
    struct ds_line_quantity piece = {1, DS_STR(""), 1};

    if (lines)
        piece.product_id = ds_str(find(d, order)->products[0]);
    c.body.kind = lines ? DS_ORDER_COMMAND_CANCEL_LINES : DS_ORDER_COMMAND_CANCEL_ORDER;
    if (lines)
        c.body.as.cancel_lines =
            (struct ds_cancel_lines){.order_id = ds_str(order), .lines = {&piece, 1}};
    else
        c.body.as.cancel_order = (struct ds_cancel_order){.order_id = ds_str(order)};
    parts_command(d->parts, ORDER, true, &c);
}

static void give_money_back(struct driver *d, const char *order, bool dispute)
{
    char key[ID_BYTES + 8];
    struct bench_ids ids;
    struct ds_payment_command c = {
        .head = head(d, &ids, dispute ? DS_ACTOR_KIND_GATEWAY : DS_ACTOR_KIND_STAFF, "staff-1")};

    (void)snprintf(key, sizeof key, "%s-c1", order);
    c.body.kind = dispute ? DS_PAYMENT_COMMAND_REPORT_DISPUTE : DS_PAYMENT_COMMAND_REFUND;
    if (dispute)
        c.body.as.report_dispute =
            (struct ds_report_dispute){.order_id = ds_str(order),
                                       .charge_key = ds_str(key),
                                       .amount_minor = TOTAL,
                                       .currency = DS_STR("EUR"),
                                       .provider = DS_STR("sandbox"),
                                       .provider_reference = DS_STR("dp_01K6X5Q7Z3N8")};
    else
        c.body.as.refund = (struct ds_refund){ds_str(order), 100, DS_STR("EUR"), DS_STR("COLD")};
    parts_command(d->parts, PAYMENT, true, &c);
}

/* ---- what is decided, as far as somebody outside answers it ---- */

static void copy(ds_str_t from, char to[ID_BYTES])
{
    if (!ds_str_to_array(from, to, ID_BYTES))
        fail("a long id");
}

static void see(void *context, enum part part, const void *record)
{
    struct driver *d = context;
    const struct ds_order_event *order = record;
    const struct ds_delivery_event *delivery = record;
    const struct ds_payment_event *payment = record;

    if (part == ORDER && order->body.kind == DS_ORDER_EVENT_ORDER_CONFIRMED)
        d->confirmed++;
    if (part == DELIVERY && delivery->body.kind == DS_DELIVERY_EVENT_DELIVERY_OFFERED) {
        const struct ds_delivery_offered *offered = &delivery->body.as.delivery_offered;
        struct offer *offer = &d->offers[d->offer_count++];

        if (d->offer_count == OFFERS_MAX)
            fail("too many offers");
        copy(offered->order_id, offer->order);
        copy(offered->offer_id, offer->offer);
        copy(offered->courier_id, offer->courier);
    } else if (part == PAYMENT && payment->body.kind == DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED) {
        const struct ds_payment_refund_initiated *asked =
            &payment->body.as.payment_refund_initiated;
        struct refund *refund = &d->refunds[d->refund_count++];

        if (d->refund_count == REFUNDS_MAX)
            fail("too many refunds");
        copy(asked->order_id, refund->order);
        copy(asked->refund_key, refund->key);
        refund->amount_minor = asked->amount_minor;
    }
}

/* ---- lives ---- */

static void to_the_door(struct driver *d, const struct offer *offer)
{
    answer_offer(d, offer, DS_DELIVERY_COMMAND_ACCEPT_OFFER);
    deliver(d, DS_DELIVERY_COMMAND_PICK_UP, offer->order);
    deliver(d, DS_DELIVERY_COMMAND_ARRIVE, offer->order);
}

static void take(struct driver *d, const struct offer *offer)
{
    switch (d->ways++ % 8) {
    case 0:
        cancel(d, offer->order, false);
        break;
    case 1:
        answer_offer(d, offer, DS_DELIVERY_COMMAND_ACCEPT_OFFER);
        cancel(d, offer->order, true);
        deliver(d, DS_DELIVERY_COMMAND_PICK_UP, offer->order);
        deliver(d, DS_DELIVERY_COMMAND_HAND_OVER, offer->order);
        break;
    case 2:
        answer_offer(d, offer, DS_DELIVERY_COMMAND_DECLINE_OFFER);
        break;
    case 3:
        to_the_door(d, offer);
        deliver(d, DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT, offer->order);
        deliver(d, DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT, offer->order);
        deliver(d, DS_DELIVERY_COMMAND_BACK_AT_STORE, offer->order);
        break;
    case 4:
        answer_offer(d, offer, DS_DELIVERY_COMMAND_ACCEPT_OFFER);
        answer_offer(d, offer, DS_DELIVERY_COMMAND_GIVE_BACK);
        break;
    case 5:
        answer_offer(d, offer, DS_DELIVERY_COMMAND_ACCEPT_OFFER);
        deliver(d, DS_DELIVERY_COMMAND_REASSIGN, offer->order);
        break;
    case 6:
        to_the_door(d, offer);
        deliver(d, DS_DELIVERY_COMMAND_HAND_OVER, offer->order);
        give_money_back(d, offer->order, false);
        give_money_back(d, offer->order, true);
        break;
    default:
        to_the_door(d, offer);
        deliver(d, DS_DELIVERY_COMMAND_HAND_OVER, offer->order);
        break;
    }
    report_refunds(d);
}

static void run_store(struct driver *d, int64_t store)
{
    for (int i = 0; i < COURIERS_A_STORE; i++)
        go_online(d, store, i);
    for (int taken = 0; d->offer_count > 0; taken++) {
        struct offer offer = d->offers[--d->offer_count];

        if (taken < COURIERS_A_STORE * CAPACITY)
            take(d, &offer);
    }
}

static void measure_bytes(struct driver *d, const int64_t before[PARTS])
{
    double sum = 0;

    printf(" \"bytesAnOpenOrder\": {");
    for (int part = 0; part < PARTS; part++) {
        double bytes = (double)(parts_bytes(d->parts, (enum part)part) - before[part]) /
                       (double)d->order_count;

        sum += bytes;
        printf("\"%s\": %.0f, ", parts_name((enum part)part), bytes);
    }
    printf("\"all\": %.0f},\n", sum);
}

static void run(struct driver *d)
{
    int64_t stores = d->order_count / ORDERS_A_STORE, before[PARTS];
    double worst_us, worst_event_us;

    for (int64_t store = 0; store < stores; store++)
        receive(d, store);
    for (int part = 0; part < PARTS; part++)
        before[part] = parts_bytes(d->parts, (enum part)part);
    for (int64_t i = 0; i < d->order_count; i++) {
        place(d, i);
        report_charge(d, &d->orders[i]);
    }
    if (d->confirmed != d->order_count)
        fail("not all orders were confirmed");
    printf("{\"bench\": \"decide\", \"orders\": %" PRId64 ", \"lines\": %d,\n"
           " \"targets\": {\"commandUs\": %d, \"bytesAnOpenOrder\": %d},\n",
           d->order_count, LINES, TARGET_US, TARGET_BYTES);
    measure_bytes(d, before);
    for (int64_t store = 0; store < stores; store++)
        run_store(d, store);
    printf(" \"inputs\": ");
    parts_print_times(d->parts, &worst_us, &worst_event_us);
    printf(",\n \"worstOrderCommandUs\": %.2f, \"worstEventUs\": %.2f}\n", worst_us,
           worst_event_us);
}

int main(int argc, char **argv)
{
    struct ds_runtime runtime = {.clock = ds_system_clock(), .random = ds_system_random()};
    struct driver d = {.runtime = &runtime, .order_count = 100000};

    if (argc == 3 && strcmp(argv[1], "--orders") == 0)
        d.order_count = strtoll(argv[2], NULL, 10);
    else if (argc != 1)
        fail("bench_decide [--orders N]");
    if (d.order_count < ORDERS_A_STORE || d.order_count > 10000000)
        fail("--orders: 100 to 10000000");
    d.orders = calloc((size_t)d.order_count, sizeof *d.orders);
    d.parts = parts_new(&runtime, see, &d);
    if (d.orders == NULL)
        fail("memory");
    run(&d);
    parts_destroy(d.parts);
    free(d.orders);
    return EXIT_SUCCESS;
}
