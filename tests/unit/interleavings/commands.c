#include "commands.h"

#include <assert.h>
#include <stdio.h>

#define KEY_BYTES 32
#define FAR_E6    100000 /* 11 km from the store: farther than another order is a burden */

int unit_price(int line)
{
    return 4 >> line; /* 4, 2, 1: no two baskets cost the same */
}

static int pieces_of(const struct scenario *scenario, int order, int line)
{
    return scenario->orders[order].pieces[line] == 0 ? 1 : scenario->orders[order].pieces[line];
}

int full_price(const struct scenario *scenario, int order)
{
    int total = DELIVERY_FEE;
    for (int k = 0; k < scenario->orders[order].lines; k++)
        total += pieces_of(scenario, order, k) * unit_price(k);
    return total;
}

int gift_amount(const struct scenario *scenario, int order, int gift)
{
    return gift == 0 ? 1 : full_price(scenario, order) - 1;
}

int gifts_total(const struct scenario *scenario, int order, unsigned gifts)
{
    int total = 0;
    for (int gift = 0; gift < GIFTS; gift++)
        total += (gifts & (1U << gift)) != 0 ? gift_amount(scenario, order, gift) : 0;
    return total;
}

static struct ds_command_head head(enum ds_actor_kind kind, const char *actor)
{
    return (struct ds_command_head){.command_id = DS_STR("id"),
                                    .body_hash = DS_STR("hash"),
                                    .correlation_id = DS_STR("c"),
                                    .actor = {kind, ds_str(actor)}};
}

static void add(struct command_list *list, uint32_t id)
{
    assert(list->count < sizeof(list->ids) / sizeof(list->ids[0]));
    list->ids[list->count++] = id;
}

/* ---- order ---- */

uint32_t command_place(messages_t *book, const struct scenario *scenario, int order, bool stale)
{
    struct ds_order_line lines[LINES];
    int count = scenario->orders[order].lines;
    struct ds_order_command c = {.head = head(DS_ACTOR_KIND_CUSTOMER, CUSTOMER)};

    for (int k = 0; k < count; k++)
        lines[k] = (struct ds_order_line){
            .line = k + 1,
            .product_id = ds_str(product_ids[k]),
            .name = ds_str(product_ids[k]),
            .quantity = pieces_of(scenario, order, k),
            .unit_price_minor = unit_price(k),
            .total_minor = pieces_of(scenario, order, k) * unit_price(k),
        };
    c.body.kind = DS_ORDER_COMMAND_PLACE_ORDER;
    c.body.as.place_order = (struct ds_place_order){
        .order_id = ds_str(order_ids[order]),
        .store_id = DS_STR(STORE_ID),
        .customer_id = DS_STR(CUSTOMER),
        .lines = {lines, (size_t)count},
        .currency = DS_STR("EUR"),
        .subtotal_minor = full_price(scenario, order) - DELIVERY_FEE,
        .delivery_fee_minor = DELIVERY_FEE,
        .total_minor = full_price(scenario, order),
        .payment_method = scenario->orders[order].cash ? DS_PAYMENT_METHOD_CASH_ON_DELIVERY
                                                       : DS_PAYMENT_METHOD_CARD,
        .has_store_place = true,
        .has_hand_over_code = true,
        .hand_over_code = DS_STR(CODE),
    };
    return messages_command(book, ORDER, &c, stale, stale ? "too late" : NULL);
}

static uint32_t cancel(messages_t *book, int order, enum ds_actor_kind by, const char *actor,
                       const char *note)
{
    struct ds_order_command c = {.head = head(by, actor)};

    c.body.kind = DS_ORDER_COMMAND_CANCEL_ORDER;
    c.body.as.cancel_order.order_id = ds_str(order_ids[order]);
    return messages_command(book, ORDER, &c, false, note);
}

static uint32_t cancel_line(messages_t *book, int order, int line)
{
    struct ds_line_quantity item = {line + 1, ds_str(product_ids[line]), 1};
    struct ds_order_command c = {.head = head(DS_ACTOR_KIND_CUSTOMER, CUSTOMER)};
    static const char *const notes[LINES] = {"milk", "bread", "tea"};

    c.body.kind = DS_ORDER_COMMAND_CANCEL_LINES;
    c.body.as.cancel_lines.order_id = ds_str(order_ids[order]);
    c.body.as.cancel_lines.lines = (struct ds_array_of_line_quantity){&item, 1};
    return messages_command(book, ORDER, &c, false, notes[line]);
}

void commands_order(messages_t *book, const struct scenario *scenario, struct command_list *out)
{
    for (int i = 0; i < ORDERS; i++) {
        if (scenario->orders[i].lines == 0)
            continue;
        add(out, command_place(book, scenario, i, false));
        if (scenario->stale)
            add(out, command_place(book, scenario, i, true));
        if (scenario->cancel) {
            add(out, cancel(book, i, DS_ACTOR_KIND_CUSTOMER, CUSTOMER, "by the customer"));
            add(out, cancel(book, i, DS_ACTOR_KIND_CUSTOMER, "mallory", "by a stranger"));
        }
        if (scenario->staff)
            add(out, cancel(book, i, DS_ACTOR_KIND_STAFF, "staff", "by staff"));
        for (int k = 0; k < scenario->orders[i].lines; k++) {
            if ((scenario->line & (1U << k)) != 0)
                add(out, cancel_line(book, i, k));
        }
    }
}

/* ---- inventory ---- */

static uint32_t stock_command(messages_t *book, int32_t kind, int product, int pieces)
{
    struct ds_stock_item item = {ds_str(product_ids[product]), pieces};
    struct ds_array_of_stock_item items = {&item, 1};
    struct ds_inventory_command c = {.head = head(DS_ACTOR_KIND_STAFF, "staff")};

    c.body.kind = kind;
    if (kind == DS_INVENTORY_COMMAND_RECEIVE_STOCK)
        c.body.as.receive_stock = (struct ds_receive_stock){DS_STR(STORE_ID), items};
    else if (kind == DS_INVENTORY_COMMAND_COUNT_STOCK)
        c.body.as.count_stock =
            (struct ds_count_stock){.store_id = DS_STR(STORE_ID), .items = items};
    else if (kind == DS_INVENTORY_COMMAND_SET_THRESHOLD)
        c.body.as.set_threshold = (struct ds_set_threshold){DS_STR(STORE_ID), items};
    else
        c.body.as.adjust_stock =
            (struct ds_adjust_stock){DS_STR(STORE_ID), items, DS_STR("broken")};
    return messages_command(book, INVENTORY, &c, false, product_ids[product]);
}

uint32_t command_receive(messages_t *book, int product, int pieces)
{
    return stock_command(book, DS_INVENTORY_COMMAND_RECEIVE_STOCK, product, pieces);
}

uint32_t command_threshold(messages_t *book, int product, int pieces)
{
    return stock_command(book, DS_INVENTORY_COMMAND_SET_THRESHOLD, product, pieces);
}

void commands_inventory(messages_t *book, const struct scenario *scenario, struct command_list *out)
{
    int products = scenario->orders[0].lines > scenario->orders[1].lines
                       ? scenario->orders[0].lines
                       : scenario->orders[1].lines;

    for (int k = 0; scenario->receive > 0 && k < products; k++) {
        add(out, command_receive(book, k, 1));
        add(out, stock_command(book, DS_INVENTORY_COMMAND_ADJUST_STOCK, k, -1));
        add(out, stock_command(book, DS_INVENTORY_COMMAND_COUNT_STOCK, k, 1));
    }
}

/* ---- delivery ---- */

static struct ds_delivery_command by_courier(int courier, int32_t kind)
{
    struct ds_delivery_command c = {.head = head(DS_ACTOR_KIND_COURIER, courier_ids[courier])};
    c.body.kind = kind;
    return c;
}

static struct ds_delivery_command by_staff(int32_t kind)
{
    struct ds_delivery_command c = {.head = head(DS_ACTOR_KIND_STAFF, "staff")};
    c.body.kind = kind;
    return c;
}

static uint32_t of_courier(messages_t *book, const struct ds_delivery_command *c, int courier)
{
    return messages_command(book, DELIVERY, c, false, courier_ids[courier]);
}

uint32_t command_online(messages_t *book, int courier, int capacity)
{
    struct ds_delivery_command c = by_courier(courier, DS_DELIVERY_COMMAND_GO_ONLINE);
    c.body.as.go_online = (struct ds_go_online){.courier_id = ds_str(courier_ids[courier]),
                                                .vehicle = DS_STR("bicycle"),
                                                .capacity = capacity,
                                                .has_place = true};
    return of_courier(book, &c, courier);
}

static void answer_offers(messages_t *book, int order, int courier, bool decline_too,
                          struct command_list *out)
{
    for (int number = 1; number <= 2; number++) {
        char offer[KEY_BYTES];
        (void)snprintf(offer, sizeof(offer), "%s-%d", order_ids[order], number);
        struct ds_delivery_command c = by_courier(courier, DS_DELIVERY_COMMAND_ACCEPT_OFFER);
        c.body.as.accept_offer =
            (struct ds_accept_offer){ds_str(offer), ds_str(courier_ids[courier])};
        add(out, of_courier(book, &c, courier));
        if (!decline_too)
            continue;
        c = by_courier(courier, DS_DELIVERY_COMMAND_DECLINE_OFFER);
        c.body.as.decline_offer =
            (struct ds_decline_offer){ds_str(offer), ds_str(courier_ids[courier])};
        add(out, of_courier(book, &c, courier));
    }
}

/* After every line that may be cancelled was. */
static int least_price(const struct scenario *scenario, int order)
{
    int total = full_price(scenario, order);
    for (int k = 0; k < scenario->orders[order].lines; k++)
        if ((scenario->line & (1U << k)) != 0)
            total -= pieces_of(scenario, order, k) * unit_price(k);
    return total;
}

static void hand_over(messages_t *book, const struct scenario *scenario, int order, int courier,
                      struct command_list *out)
{
    struct ds_delivery_command c = by_courier(courier, DS_DELIVERY_COMMAND_HAND_OVER);
    struct ds_hand_over *body = &c.body.as.hand_over;

    *body = (struct ds_hand_over){.order_id = ds_str(order_ids[order]),
                                  .has_courier_id = true,
                                  .courier_id = ds_str(courier_ids[courier]),
                                  .has_code = true,
                                  .code = DS_STR(CODE),
                                  .has_cash_collected_minor = true,
                                  .cash_collected_minor = full_price(scenario, order)};
    add(out, of_courier(book, &c, courier));
    if (scenario->orders[order].cash && scenario->line != 0) {
        body->cash_collected_minor = least_price(scenario, order);
        add(out, messages_command(book, DELIVERY, &c, false, "for what is left"));
        body->cash_collected_minor--;
        add(out, messages_command(book, DELIVERY, &c, false, "for less than is left"));
    }
    if (!scenario->codes)
        return;
    body->cash_collected_minor = full_price(scenario, order) - 1;
    add(out, messages_command(book, DELIVERY, &c, false, "for less"));
    body->cash_collected_minor++;
    body->code = DS_STR("0815");
    add(out, messages_command(book, DELIVERY, &c, false, "with a wrong code"));
    body->has_code = false;
    add(out, messages_command(book, DELIVERY, &c, false, "without a code"));
    c.head = head(DS_ACTOR_KIND_STAFF, "staff");
    add(out, messages_command(book, DELIVERY, &c, false, "by staff"));
}

static void carry(messages_t *book, const struct scenario *scenario, int order, int courier,
                  struct command_list *out)
{
    ds_str_t order_id = ds_str(order_ids[order]);
    ds_str_t courier_id = ds_str(courier_ids[courier]);
    struct ds_delivery_command c = by_courier(courier, DS_DELIVERY_COMMAND_PICK_UP);

    c.body.as.pick_up = (struct ds_pick_up){order_id, true, courier_id};
    add(out, of_courier(book, &c, courier));
    hand_over(book, scenario, order, courier, out);
    if (scenario->short_ways)
        return;
    c = by_courier(courier, DS_DELIVERY_COMMAND_ARRIVE);
    c.body.as.arrive = (struct ds_arrive){order_id, true, courier_id};
    add(out, of_courier(book, &c, courier));
    c = by_courier(courier, DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT);
    c.body.as.report_failed_attempt =
        (struct ds_report_failed_attempt){order_id, true, courier_id, DS_STR("nobody home")};
    add(out, of_courier(book, &c, courier));
    c = by_courier(courier, DS_DELIVERY_COMMAND_GIVE_BACK);
    c.body.as.give_back = (struct ds_give_back){order_id, courier_id};
    add(out, of_courier(book, &c, courier));
}

static void staff_commands(messages_t *book, const struct scenario *scenario, int order,
                           struct command_list *out)
{
    ds_str_t order_id = ds_str(order_ids[order]);
    struct ds_delivery_command c = by_staff(DS_DELIVERY_COMMAND_BACK_AT_STORE);

    if (scenario->short_ways)
        return;
    c.body.as.back_at_store.order_id = order_id;
    add(out, messages_command(book, DELIVERY, &c, false, NULL));
    if (!scenario->reassign)
        return;
    c = by_staff(DS_DELIVERY_COMMAND_REASSIGN);
    c.body.as.reassign.order_id = order_id;
    add(out, messages_command(book, DELIVERY, &c, false, "to anybody"));
    for (int x = 0; x < COURIERS; x++) {
        if (scenario->capacity[x] == 0)
            continue;
        c.body.as.reassign.has_to_courier_id = true;
        c.body.as.reassign.to_courier_id = ds_str(courier_ids[x]);
        add(out, of_courier(book, &c, x));
    }
}

static void courier_commands(messages_t *book, const struct scenario *scenario, int courier,
                             struct command_list *out)
{
    struct ds_delivery_command c = by_courier(courier, DS_DELIVERY_COMMAND_SEE_COURIER);

    c.body.as.see_courier.courier_id = ds_str(courier_ids[courier]);
    if (!scenario->short_ways)
        add(out, of_courier(book, &c, courier));
    c.body.as.see_courier.place.lat_e6 = FAR_E6;
    if (scenario->places)
        add(out, messages_command(book, DELIVERY, &c, false, "far away"));
    if (!scenario->offline)
        return;
    add(out, command_online(book, courier, scenario->capacity[courier]));
    c = by_courier(courier, DS_DELIVERY_COMMAND_GO_OFFLINE);
    c.body.as.go_offline.courier_id = ds_str(courier_ids[courier]);
    add(out, of_courier(book, &c, courier));
}

void commands_delivery(messages_t *book, const struct scenario *scenario, struct command_list *out)
{
    for (int x = 0; x < COURIERS; x++) {
        if (scenario->capacity[x] == 0)
            continue;
        courier_commands(book, scenario, x, out);
        for (int i = 0; i < ORDERS; i++) {
            if (scenario->orders[i].lines == 0)
                continue;
            answer_offers(book, i, x, !scenario->short_ways, out);
            carry(book, scenario, i, x, out);
        }
    }
    for (int i = 0; i < ORDERS; i++) {
        if (scenario->orders[i].lines > 0)
            staff_commands(book, scenario, i, out);
    }
}

/* ---- payment ---- */

uint32_t command_charge_report(messages_t *book, int order, bool ok, int amount)
{
    char key[KEY_BYTES];
    struct ds_payment_command c = {.head = head(DS_ACTOR_KIND_GATEWAY, "sandbox")};

    (void)snprintf(key, sizeof(key), "%s-c1", order_ids[order]);
    c.body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
    c.body.as.report_charge = (struct ds_report_charge){
        .order_id = ds_str(order_ids[order]),
        .charge_key = ds_str(key),
        .outcome = ok ? DS_REPORT_OUTCOME_OK : DS_REPORT_OUTCOME_FAILED,
        .amount_minor = ok ? amount : 0,
        .currency = DS_STR("EUR"),
        .provider = DS_STR("sandbox"),
        .provider_reference = DS_STR("ch"),
    };
    return messages_command(book, PAYMENT, &c, false, ok ? "ok" : "failed");
}

uint32_t command_refund_report(messages_t *book, int order, int key, bool ok, int amount)
{
    char text[KEY_BYTES];
    struct ds_payment_command c = {.head = head(DS_ACTOR_KIND_GATEWAY, "sandbox")};

    (void)snprintf(text, sizeof(text), "%s-r%d", order_ids[order], key);
    c.body.kind = DS_PAYMENT_COMMAND_REPORT_REFUND;
    c.body.as.report_refund = (struct ds_report_refund){
        .order_id = ds_str(order_ids[order]),
        .refund_key = ds_str(text),
        .outcome = ok ? DS_REPORT_OUTCOME_OK : DS_REPORT_OUTCOME_FAILED,
        .amount_minor = ok ? amount : 0,
        .currency = DS_STR("EUR"),
        .provider = DS_STR("sandbox"),
        .provider_reference = DS_STR("re"),
    };
    return messages_command(book, PAYMENT, &c, false, ok ? "ok" : "failed");
}

uint32_t command_dispute(messages_t *book, int order, int amount, bool known)
{
    char key[KEY_BYTES];
    struct ds_payment_command c = {.head = head(DS_ACTOR_KIND_GATEWAY, "sandbox")};

    (void)snprintf(key, sizeof(key), "%s-%s", order_ids[order], known ? "c1" : "c9");
    c.body.kind = DS_PAYMENT_COMMAND_REPORT_DISPUTE;
    c.body.as.report_dispute = (struct ds_report_dispute){
        .order_id = ds_str(order_ids[order]),
        .charge_key = ds_str(key),
        .amount_minor = amount,
        .currency = DS_STR("EUR"),
        .provider = DS_STR("sandbox"),
        .provider_reference = DS_STR("dp"),
    };
    return messages_command(book, PAYMENT, &c, false, known ? "known" : "unknown");
}

uint32_t command_gift(messages_t *book, int order, int amount)
{
    struct ds_payment_command c = {.head = head(DS_ACTOR_KIND_STAFF, "staff")};

    c.body.kind = DS_PAYMENT_COMMAND_REFUND;
    c.body.as.refund = (struct ds_refund){.order_id = ds_str(order_ids[order]),
                                          .amount_minor = amount,
                                          .currency = DS_STR("EUR"),
                                          .reason = DS_STR("sorry")};
    return messages_command(book, PAYMENT, &c, false, amount == 1 ? "of one" : "of all but one");
}
