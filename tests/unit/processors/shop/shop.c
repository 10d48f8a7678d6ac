#include "shop.h"

#include "processors/delivery/delivery.h"
#include "processors/inventory/inventory.h"
#include "processors/order/order.h"
#include "processors/payment/payment.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct {
    enum shop_part from;
    enum shop_part to;
    int32_t input;
} queues[SHOP_QUEUES] = {
    {SHOP_INVENTORY, SHOP_ORDER, DS_ORDER_INPUT_INVENTORY},
    {SHOP_PAYMENT, SHOP_ORDER, DS_ORDER_INPUT_PAYMENT},
    {SHOP_DELIVERY, SHOP_ORDER, DS_ORDER_INPUT_DELIVERY},
    {SHOP_ORDER, SHOP_INVENTORY, 1},
    {SHOP_ORDER, SHOP_PAYMENT, DS_PAYMENT_INPUT_ORDER},
    {SHOP_ORDER, SHOP_DELIVERY, 1},
};

static const char *const order_ids[SHOP_ORDERS] = {"berlin-1.A", "berlin-1.B", "berlin-1.C",
                                                   "berlin-1.D"};
static const char *const courier_ids[SHOP_COURIERS] = {"berlin-1.kim", "berlin-1.lou"};

static ds_str_t order_id(int order)
{
    return ds_str(order_ids[order]);
}

static int order_of(ds_str_t id)
{
    for (int i = 0; i < SHOP_ORDERS; i++) {
        if (ds_str_eq(id, order_id(i)))
            return i;
    }
    return -1;
}

static void note(struct shop *shop, enum shop_part part)
{
    size_t used = strlen(shop->history);
    if (ds_kit_count(shop->kits[part]) > 0 && used < sizeof(shop->history) - 1)
        (void)snprintf(shop->history + used, sizeof(shop->history) - used, "%s%s",
                       used == 0 ? "" : ",", ds_kit_types(shop->kits[part]));
}

static struct ds_command_head head(const char *id, enum ds_actor_kind kind, const char *actor)
{
    return (struct ds_command_head){.command_id = ds_str(id),
                                    .body_hash = DS_STR("hash"),
                                    .correlation_id = DS_STR("corr"),
                                    .actor = {kind, ds_str(actor)}};
}

static void command(struct shop *shop, enum shop_part part, const void *message)
{
    ds_kit_command(shop->kits[part], message);
    note(shop, part);
}

static void receive_stock(struct shop *shop, int32_t milk, int32_t bread)
{
    struct ds_stock_item items[] = {{DS_STR("berlin-1.milk"), milk},
                                    {DS_STR("berlin-1.bread"), bread}};
    struct ds_inventory_command c = {.head = head("stock", DS_ACTOR_KIND_ADMIN, "root")};
    c.body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK;
    c.body.as.receive_stock.store_id = DS_STR("berlin-1");
    c.body.as.receive_stock.items.items = items;
    c.body.as.receive_stock.items.count = 2;
    ds_kit_command(shop->kits[SHOP_INVENTORY], &c);
}

void shop_init(struct shop *shop, int32_t milk, int32_t bread)
{
    memset(shop, 0, sizeof(*shop));
    shop->kits[SHOP_ORDER] = ds_kit_new(&ds_order_decider, NULL);
    shop->kits[SHOP_INVENTORY] = ds_kit_new(&ds_inventory_decider, NULL);
    shop->kits[SHOP_PAYMENT] = ds_kit_new(&ds_payment_decider, NULL);
    shop->kits[SHOP_DELIVERY] = ds_kit_new(&ds_delivery_decider, NULL);
    receive_stock(shop, milk, bread);
}

void shop_cleanup(struct shop *shop)
{
    for (int i = 0; i < SHOP_PARTS; i++)
        ds_kit_destroy(shop->kits[i]);
}

bool shop_deliver(struct shop *shop, int queue)
{
    ds_decider_kit_t *from = shop->kits[queues[queue].from];
    if (shop->read[queue] == ds_kit_log_count(from))
        return false;
    const struct ds_protocol_event *event = ds_kit_logged(from, shop->read[queue]++);
    if (event->body.kind >= DS_PROTOCOL_KINDS) {
        ds_kit_feed(shop->kits[queues[queue].to], queues[queue].input, event);
        note(shop, queues[queue].to);
    }
    return true;
}

static void add_call(struct shop *shop, bool refund, ds_str_t order, ds_str_t key, int64_t amount)
{
    struct shop_call *call = &shop->calls[shop->call_count];
    cr_assert_lt(shop->call_count, SHOP_CALLS);
    for (size_t i = 0; i < shop->call_count; i++)
        cr_assert(!ds_str_eq(key, ds_str(shop->calls[i].key)), "a key used twice");
    *call = (struct shop_call){.refund = refund, .order = order_of(order), .amount_minor = amount};
    cr_assert(ds_str_to_array(key, call->key, sizeof(call->key)));
    shop->call_count++;
}

static void read_gateway(struct shop *shop)
{
    ds_decider_kit_t *payment = shop->kits[SHOP_PAYMENT];
    while (shop->gateway_read < ds_kit_log_count(payment)) {
        const struct ds_payment_event *event = ds_kit_logged(payment, shop->gateway_read++);
        const struct ds_payment_initiated *charge = &event->body.as.payment_initiated;
        const struct ds_payment_refund_initiated *refund = &event->body.as.payment_refund_initiated;
        if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_INITIATED)
            add_call(shop, false, charge->order_id, charge->charge_key, charge->amount_minor);
        if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED)
            add_call(shop, true, refund->order_id, refund->refund_key, refund->amount_minor);
    }
}

void shop_settle(struct shop *shop)
{
    bool busy = true;
    while (busy) {
        busy = false;
        for (int q = 0; q < SHOP_QUEUES; q++)
            busy = shop_deliver(shop, q) || busy;
    }
    read_gateway(shop);
}

bool shop_fire(struct shop *shop, enum shop_part part)
{
    struct ds_timer timer;
    if (!ds_kit_next_timer(shop->kits[part], &timer))
        return false;
    ds_kit_fire(shop->kits[part]);
    note(shop, part);
    for (int i = 0; i < SHOP_PARTS; i++) {
        int64_t behind_us = ds_kit_now(shop->kits[part]) - ds_kit_now(shop->kits[i]);
        if (behind_us > 0)
            ds_kit_advance(shop->kits[i], behind_us);
    }
    return true;
}

bool shop_fire_next(struct shop *shop)
{
    int first = -1;
    int64_t due_us = INT64_MAX;
    for (int i = 0; i < SHOP_PARTS; i++) {
        struct ds_timer timer;
        if (ds_kit_next_timer(shop->kits[i], &timer) && timer.due_us < due_us) {
            due_us = timer.due_us;
            first = i;
        }
    }
    return first >= 0 && shop_fire(shop, (enum shop_part)first);
}

void shop_wait(struct shop *shop, int64_t us)
{
    for (int i = 0; i < SHOP_PARTS; i++)
        ds_kit_advance(shop->kits[i], us);
}

static void place(struct shop *shop, int order, enum ds_payment_method method, int64_t milk_minor,
                  int64_t bread_minor, int64_t fee_minor)
{
    struct ds_order_line lines[] = {
        {.line = 1,
         .product_id = DS_STR("berlin-1.milk"),
         .name = DS_STR("Milk"),
         .quantity = 2,
         .unit_price_minor = milk_minor,
         .total_minor = 2 * milk_minor},
        {.line = 2,
         .product_id = DS_STR("berlin-1.bread"),
         .name = DS_STR("Bread"),
         .quantity = 3,
         .unit_price_minor = bread_minor,
         .total_minor = 3 * bread_minor},
    };
    int64_t subtotal_minor = lines[0].total_minor + lines[1].total_minor;
    struct ds_order_command c = {.head = head("place", DS_ACTOR_KIND_CUSTOMER, "anna")};
    c.body.kind = DS_ORDER_COMMAND_PLACE_ORDER;
    c.body.as.place_order = (struct ds_place_order){.order_id = order_id(order),
                                                    .store_id = DS_STR("berlin-1"),
                                                    .customer_id = DS_STR("anna"),
                                                    .lines = {lines, 2},
                                                    .currency = DS_STR("EUR"),
                                                    .subtotal_minor = subtotal_minor,
                                                    .delivery_fee_minor = fee_minor,
                                                    .total_minor = subtotal_minor + fee_minor,
                                                    .payment_method = method};
    command(shop, SHOP_ORDER, &c);
}

void shop_place(struct shop *shop, int order, enum ds_payment_method method)
{
    place(shop, order, method, 150, 200, 250);
}

void shop_place_free_milk(struct shop *shop, int order, int64_t bread_minor)
{
    place(shop, order, DS_PAYMENT_METHOD_CARD, 0, bread_minor, 0);
}

void shop_cancel(struct shop *shop, int order, enum ds_actor_kind by)
{
    struct ds_order_command c = {
        .head = head("cancel", by, by == DS_ACTOR_KIND_CUSTOMER ? "anna" : "staff")};
    c.body.kind = DS_ORDER_COMMAND_CANCEL_ORDER;
    c.body.as.cancel_order.order_id = order_id(order);
    command(shop, SHOP_ORDER, &c);
}

void shop_cancel_line(struct shop *shop, int order, int32_t line, int32_t quantity)
{
    struct ds_line_quantity item = {
        line, line == 1 ? DS_STR("berlin-1.milk") : DS_STR("berlin-1.bread"), quantity};
    struct ds_order_command c = {.head = head("lines", DS_ACTOR_KIND_CUSTOMER, "anna")};
    c.body.kind = DS_ORDER_COMMAND_CANCEL_LINES;
    c.body.as.cancel_lines.order_id = order_id(order);
    c.body.as.cancel_lines.lines.items = &item;
    c.body.as.cancel_lines.lines.count = 1;
    command(shop, SHOP_ORDER, &c);
}

void shop_couriers_online(struct shop *shop)
{
    for (int i = 0; i < SHOP_COURIERS; i++) {
        struct ds_delivery_command c = {.head =
                                            head("online", DS_ACTOR_KIND_COURIER, courier_ids[i])};
        c.body.kind = DS_DELIVERY_COMMAND_GO_ONLINE;
        c.body.as.go_online = (struct ds_go_online){
            .courier_id = ds_str(courier_ids[i]), .vehicle = DS_STR("bicycle"), .capacity = 1};
        ds_kit_command(shop->kits[SHOP_DELIVERY], &c);
    }
}

void shop_answer_offer(struct shop *shop, int order, bool accept)
{
    ds_decider_kit_t *delivery = shop->kits[SHOP_DELIVERY];
    for (size_t i = ds_kit_log_count(delivery); i-- > 0;) {
        const struct ds_delivery_event *event = ds_kit_logged(delivery, i);
        const struct ds_delivery_offered *offer = &event->body.as.delivery_offered;
        if (event->body.kind != DS_DELIVERY_EVENT_DELIVERY_OFFERED ||
            order_of(offer->order_id) != order)
            continue;
        struct ds_delivery_command c = {.head = head("offer", DS_ACTOR_KIND_COURIER, "")};
        c.head.actor.id = offer->courier_id;
        c.body.kind = accept ? DS_DELIVERY_COMMAND_ACCEPT_OFFER : DS_DELIVERY_COMMAND_DECLINE_OFFER;
        if (accept)
            c.body.as.accept_offer = (struct ds_accept_offer){offer->offer_id, offer->courier_id};
        else
            c.body.as.decline_offer = (struct ds_decline_offer){offer->offer_id, offer->courier_id};
        command(shop, SHOP_DELIVERY, &c);
        return;
    }
}

void shop_pick_up(struct shop *shop, int order)
{
    struct ds_delivery_command c = {.head = head("pick-up", DS_ACTOR_KIND_STAFF, "staff")};
    c.body.kind = DS_DELIVERY_COMMAND_PICK_UP;
    c.body.as.pick_up.order_id = order_id(order);
    command(shop, SHOP_DELIVERY, &c);
}

/* As a courier is shown it. */
static int64_t to_collect(struct shop *shop, int order)
{
    ds_decider_kit_t *kit = shop->kits[SHOP_DELIVERY];
    int64_t total_minor = 0;
    for (size_t i = 0; i < ds_kit_log_count(kit); i++) {
        const struct ds_delivery_event *event = ds_kit_logged(kit, i);
        const struct ds_delivery_requested *requested = &event->body.as.delivery_requested;
        const struct ds_delivery_lines_cancelled *off = &event->body.as.delivery_lines_cancelled;
        if (event->body.kind == DS_DELIVERY_EVENT_DELIVERY_REQUESTED &&
            order_of(requested->order_id) == order)
            total_minor = requested->total_minor;
        if (event->body.kind == DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED &&
            order_of(off->order_id) == order && off->has_total_minor)
            total_minor = off->total_minor;
    }
    return total_minor;
}

void shop_hand_over(struct shop *shop, int order)
{
    shop_hand_over_for(shop, order, to_collect(shop, order));
}

void shop_hand_over_for(struct shop *shop, int order, int64_t cash_minor)
{
    struct ds_delivery_command c = {.head = head("hand-over", DS_ACTOR_KIND_STAFF, "staff")};
    c.body.kind = DS_DELIVERY_COMMAND_HAND_OVER;
    c.body.as.hand_over.order_id = order_id(order);
    c.body.as.hand_over.has_cash_collected_minor = true;
    c.body.as.hand_over.cash_collected_minor = cash_minor;
    command(shop, SHOP_DELIVERY, &c);
}

void shop_fail_attempt(struct shop *shop, int order)
{
    struct ds_delivery_command c = {.head = head("failed", DS_ACTOR_KIND_STAFF, "staff")};
    c.body.kind = DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT;
    c.body.as.report_failed_attempt.order_id = order_id(order);
    c.body.as.report_failed_attempt.reason = DS_STR("nobody home");
    command(shop, SHOP_DELIVERY, &c);
}

void shop_back_at_store(struct shop *shop, int order)
{
    struct ds_delivery_command c = {.head = head("back", DS_ACTOR_KIND_STAFF, "staff")};
    c.body.kind = DS_DELIVERY_COMMAND_BACK_AT_STORE;
    c.body.as.back_at_store.order_id = order_id(order);
    command(shop, SHOP_DELIVERY, &c);
}

static void decide_call(struct shop *shop, struct shop_call *call, bool approve)
{
    /* Once approved, a call stays so; a refund that was refused stays refused, a charge may still
     * come. */
    if (call->decided && (call->approved || call->refund || !approve))
        return;
    call->decided = true;
    call->approved = approve;
    if (approve && call->refund)
        shop->provider_refunded[call->order] += call->amount_minor;
    else if (approve)
        shop->provider_captured[call->order] += call->amount_minor;
}

void shop_report(struct shop *shop, size_t i, bool approve)
{
    struct shop_call *call = &shop->calls[i];
    struct ds_payment_command c = {.head = head("report", DS_ACTOR_KIND_GATEWAY, "sandbox")};
    decide_call(shop, call, approve);
    enum ds_report_outcome outcome =
        call->approved ? DS_REPORT_OUTCOME_OK : DS_REPORT_OUTCOME_FAILED;
    int64_t amount_minor = call->approved ? call->amount_minor : 0;
    if (call->refund) {
        c.body.kind = DS_PAYMENT_COMMAND_REPORT_REFUND;
        c.body.as.report_refund = (struct ds_report_refund){.order_id = order_id(call->order),
                                                            .refund_key = ds_str(call->key),
                                                            .outcome = outcome,
                                                            .amount_minor = amount_minor,
                                                            .currency = DS_STR("EUR"),
                                                            .provider = DS_STR("sandbox"),
                                                            .provider_reference = DS_STR("re")};
    } else {
        c.body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
        c.body.as.report_charge = (struct ds_report_charge){.order_id = order_id(call->order),
                                                            .charge_key = ds_str(call->key),
                                                            .outcome = outcome,
                                                            .amount_minor = amount_minor,
                                                            .currency = DS_STR("EUR"),
                                                            .provider = DS_STR("sandbox"),
                                                            .provider_reference = DS_STR("ch")};
    }
    command(shop, SHOP_PAYMENT, &c);
}

enum shop_end shop_end_of(struct shop *shop, int order, int64_t *total_minor_out)
{
    ds_decider_kit_t *kit = shop->kits[SHOP_ORDER];
    enum shop_end end = SHOP_UNKNOWN;
    *total_minor_out = 0;
    for (size_t i = 0; i < ds_kit_log_count(kit); i++) {
        const struct ds_order_event *event = ds_kit_logged(kit, i);
        if (event->body.kind < DS_PROTOCOL_KINDS ||
            order_of(ds_schema_order_events.order_id(event)) != order)
            continue;
        if (event->body.kind == DS_ORDER_EVENT_ORDER_CREATED && end == SHOP_UNKNOWN)
            end = SHOP_OPEN;
        else if (event->body.kind == DS_ORDER_EVENT_ORDER_REFUSED && end == SHOP_UNKNOWN)
            end = SHOP_REFUSED;
        else if (event->body.kind == DS_ORDER_EVENT_ORDER_CANCELLED) {
            cr_assert_eq(end, SHOP_OPEN, "order %d ends twice", order);
            end = SHOP_CANCELLED;
        } else if (event->body.kind == DS_ORDER_EVENT_ORDER_FULFILLED) {
            cr_assert_eq(end, SHOP_OPEN, "order %d ends twice", order);
            end = SHOP_FULFILLED;
            *total_minor_out = event->body.as.order_fulfilled.total_minor;
        }
    }
    return end;
}

int64_t shop_kept(struct shop *shop, int order, int *unmatched_out)
{
    ds_decider_kit_t *kit = shop->kits[SHOP_PAYMENT];
    int64_t kept_minor = 0;
    *unmatched_out = 0;
    for (size_t i = 0; i < ds_kit_log_count(kit); i++) {
        const struct ds_payment_event *event = ds_kit_logged(kit, i);
        if (event->body.kind < DS_PROTOCOL_KINDS ||
            order_of(ds_schema_payment_events.order_id(event)) != order)
            continue;
        if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_SUCCESS)
            kept_minor += event->body.as.payment_success.amount_minor;
        if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_REFUNDED)
            kept_minor -= event->body.as.payment_refunded.amount_minor;
        *unmatched_out += event->body.kind == DS_PAYMENT_EVENT_PAYMENT_UNMATCHED;
    }
    return kept_minor;
}

int64_t shop_collected(struct shop *shop, int order)
{
    ds_decider_kit_t *kit = shop->kits[SHOP_DELIVERY];
    int64_t collected_minor = 0;
    for (size_t i = 0; i < ds_kit_log_count(kit); i++) {
        const struct ds_delivery_event *event = ds_kit_logged(kit, i);
        const struct ds_delivery_completed *completed = &event->body.as.delivery_completed;
        if (event->body.kind == DS_DELIVERY_EVENT_DELIVERY_COMPLETED &&
            order_of(completed->order_id) == order && completed->has_cash_collected_minor)
            collected_minor += completed->cash_collected_minor;
    }
    return collected_minor;
}

static const struct ds_array_of_stock_level *levels_of(const struct ds_inventory_event *event)
{
    switch (event->body.kind) {
    case DS_INVENTORY_EVENT_INVENTORY_UPDATED:
        return &event->body.as.inventory_updated.levels;
    case DS_INVENTORY_EVENT_INVENTORY_RESERVED:
        return &event->body.as.inventory_reserved.levels;
    case DS_INVENTORY_EVENT_INVENTORY_RELEASED:
        return &event->body.as.inventory_released.levels;
    case DS_INVENTORY_EVENT_INVENTORY_COMMITTED:
        return &event->body.as.inventory_committed.levels;
    case DS_INVENTORY_EVENT_INVENTORY_RETURNED:
        return &event->body.as.inventory_returned.levels;
    default:
        return NULL;
    }
}

void shop_check_stock(struct shop *shop, bool rest)
{
    ds_decider_kit_t *kit = shop->kits[SHOP_INVENTORY];
    int64_t reserved[2] = {0, 0};
    for (size_t i = 0; i < ds_kit_log_count(kit); i++) {
        const struct ds_array_of_stock_level *levels = levels_of(ds_kit_logged(kit, i));
        for (size_t k = 0; levels != NULL && k < levels->count; k++) {
            const struct ds_stock_level *level = &levels->items[k];
            cr_assert_eq(level->received, level->available + level->reserved + level->committed);
            cr_assert(level->available >= 0 && level->reserved >= 0 && level->committed >= 0);
            reserved[ds_str_eq(level->product_id, DS_STR("berlin-1.milk"))] = level->reserved;
        }
    }
    cr_assert(!rest || (reserved[0] == 0 && reserved[1] == 0), "a reservation is left");
}
