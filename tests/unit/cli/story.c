#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ORDER(kind_, ...)                                                                          \
    struct ds_order_event event = {0};                                                             \
    event.body.kind = (kind_);                                                                     \
    __VA_ARGS__
#define MILK DS_STR("s.milk")

static int64_t total(const struct story *s)
{
    return 2 * s->price + s->fee;
}

static ds_str_t key_of(struct story *s, const char *tail)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t key;
    cr_assert(ds_arena_printf(s->h->arena, &key, &error, "%.*s%s", DS_STR_ARG(s->id), tail));
    return key;
}

static struct ds_array_of_line_quantity lines(struct story *s, int64_t pieces)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_line_quantity *line = ds_arena_alloc(s->h->arena, sizeof *line, &error);
    *line = (struct ds_line_quantity){1, MILK, (int32_t)pieces};
    return (struct ds_array_of_line_quantity){line, 1};
}

static struct ds_array_of_stock_level levels(struct story *s)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_stock_level *level = ds_arena_alloc(s->h->arena, sizeof *level, &error);
    *level = (struct ds_stock_level){MILK, s->available + s->reserved + s->committed, s->available,
                                     s->reserved, s->committed};
    return (struct ds_array_of_stock_level){level, 1};
}

static struct story begin(enum ds_payment_method method, int64_t price, int64_t fee)
{
    struct story s = {
        .h = hist_new(), .id = DS_STR("s.order1"), .method = method, .price = price, .fee = fee};
    struct ds_product_info milk = {.product_id = MILK, .price_minor = price};
    struct ds_catalog_command add = {0};
    struct ds_catalog_event added = {0};

    add.body.kind = DS_CATALOG_COMMAND_ADD_PRODUCTS;
    add.body.as.add_products.products = (struct ds_array_of_product_info){&milk, 1};
    int64_t offset = hist_command(s.h, DS_AUDIT_CATALOG, "add", &add);
    added.body.kind = DS_CATALOG_EVENT_PRODUCT_ADDED;
    added.body.as.product_added.products = add.body.as.add_products.products;
    s.priced = hist_emit(s.h, DS_AUDIT_CATALOG, &added, HIST_INPUT(0, offset), false);
    story_receive(&s, 10);
    return s;
}

struct story story_begin(enum ds_payment_method method)
{
    return begin(method, STORY_PRICE, STORY_FEE);
}

struct story story_begin_free(void)
{
    return begin(DS_PAYMENT_METHOD_CARD, 0, 0);
}

void story_end(struct story *s)
{
    hist_destroy(s->h);
}

void story_receive(struct story *s, int32_t pieces)
{
    struct ds_stock_item item = {MILK, pieces};
    struct ds_inventory_command command = {0};
    struct ds_inventory_event event = {0};
    char id[32];

    (void)snprintf(id, sizeof id, "receive-%d", (int)s->h->counts[DS_AUDIT_INVENTORY]);
    command.body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK;
    command.body.as.receive_stock.items = (struct ds_array_of_stock_item){&item, 1};
    int64_t offset = hist_command(s->h, DS_AUDIT_INVENTORY, id, &command);
    s->available += pieces;
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED;
    event.body.as.inventory_updated.changes = command.body.as.receive_stock.items;
    event.body.as.inventory_updated.levels = levels(s);
    s->stocked = hist_emit(s->h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(0, offset), false);
}

void story_place(struct story *s)
{
    struct ds_order_line line = {1, MILK, DS_STR("Milk"), 2, s->price, 2 * s->price, s->priced};
    struct ds_order_command command = {0};
    struct ds_order_event event = {0};

    command.body.kind = DS_ORDER_COMMAND_PLACE_ORDER;
    command.body.as.place_order.order_id = s->id;
    command.body.as.place_order.lines = (struct ds_array_of_order_line){&line, 1};
    int64_t offset = hist_command(s->h, DS_AUDIT_ORDER, "place", &command);
    event.body.kind = DS_ORDER_EVENT_ORDER_CREATED;
    event.body.as.order_created = (struct ds_order_created){.order_id = s->id,
                                                            .store_id = DS_STR("s"),
                                                            .lines = {&line, 1},
                                                            .currency = DS_STR("EUR"),
                                                            .subtotal_minor = 2 * s->price,
                                                            .delivery_fee_minor = s->fee,
                                                            .total_minor = total(s),
                                                            .payment_method = s->method,
                                                            .placed_at = s->h->now_us};
    s->created = hist_emit(s->h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, offset), false);
}

void story_reserve(struct story *s)
{
    struct ds_inventory_event event = {0};
    s->available -= 2;
    s->reserved += 2;
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_RESERVED;
    event.body.as.inventory_reserved =
        (struct ds_inventory_reserved){s->id, lines(s, 2), levels(s)};
    s->held = hist_emit(s->h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, s->created), false);
}

void story_reject(struct story *s)
{
    struct ds_inventory_event event = {0};
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_REJECTED;
    event.body.as.inventory_rejected.order_id = s->id;
    s->held = hist_emit(s->h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, s->created), false);
}

void story_request_payment(struct story *s)
{
    ORDER(DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED,
          event.body.as.order_payment_requested.order_id = s->id;
          event.body.as.order_payment_requested.total_minor = total(s););
    s->requested = hist_emit(s->h, DS_AUDIT_ORDER, &event, HIST_INPUT(1, s->held), false);
}

void story_initiate(struct story *s)
{
    struct ds_payment_event event = {0};
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_INITIATED;
    event.body.as.payment_initiated.order_id = s->id;
    event.body.as.payment_initiated.charge_key = key_of(s, "-c1");
    event.body.as.payment_initiated.amount_minor = total(s);
    s->initiated = hist_emit(s->h, DS_AUDIT_PAYMENT, &event, HIST_INPUT(1, s->requested), false);
}

void story_pay(struct story *s, int64_t amount, int64_t due, bool more)
{
    struct ds_payment_command command = {0};
    struct ds_payment_event event = {0};
    char id[32];

    (void)snprintf(id, sizeof id, "charge-%d", (int)s->h->counts[DS_AUDIT_PAYMENT]);
    command.body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
    s->reported = hist_command(s->h, DS_AUDIT_PAYMENT, id, &command);
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_SUCCESS;
    event.body.as.payment_success = (struct ds_payment_success){.order_id = s->id,
                                                                .amount_minor = amount,
                                                                .due_minor = due,
                                                                .has_charge_key = true,
                                                                .charge_key = key_of(s, "-c1")};
    s->paid = hist_emit(s->h, DS_AUDIT_PAYMENT, &event, HIST_INPUT(0, s->reported), more);
}

void story_fail(struct story *s, enum ds_fail_reason reason)
{
    struct ds_payment_command command = {0};
    struct ds_payment_event event = {0};
    struct hist_cause cause = HIST_TIMER;

    if (reason == DS_FAIL_REASON_DECLINED) {
        command.body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
        cause = HIST_INPUT(0, hist_command(s->h, DS_AUDIT_PAYMENT, "declined", &command));
    }
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_FAILED;
    event.body.as.payment_failed.order_id = s->id;
    event.body.as.payment_failed.reason = reason;
    s->paid = hist_emit(s->h, DS_AUDIT_PAYMENT, &event, cause, false);
}

void story_pay_nothing(struct story *s, struct hist_cause cause)
{
    struct ds_payment_event event = {0};
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_SUCCESS;
    event.body.as.payment_success.order_id = s->id;
    s->paid = hist_emit(s->h, DS_AUDIT_PAYMENT, &event, cause, false);
}

void story_confirm_on(struct story *s, struct hist_cause cause)
{
    ORDER(DS_ORDER_EVENT_ORDER_CONFIRMED, event.body.as.order_confirmed.order_id = s->id;
          event.body.as.order_confirmed.payment_method = s->method;
          event.body.as.order_confirmed.total_minor = total(s);
          event.body.as.order_confirmed.lines = lines(s, 2););
    s->confirmed = hist_emit(s->h, DS_AUDIT_ORDER, &event, cause, false);
}

void story_confirm(struct story *s)
{
    story_confirm_on(s, s->method == DS_PAYMENT_METHOD_CARD ? HIST_INPUT(2, s->paid)
                                                            : HIST_INPUT(1, s->held));
}

static int64_t deliver(struct story *s, struct ds_delivery_event *event, struct hist_cause cause,
                       bool more)
{
    return hist_emit(s->h, DS_AUDIT_DELIVERY, event, cause, more);
}

static struct hist_cause courier_command(struct story *s)
{
    struct ds_delivery_command command = {0};
    char id[32];
    (void)snprintf(id, sizeof id, "courier-%d", (int)s->h->counts[DS_AUDIT_DELIVERY]);
    command.body.kind = DS_DELIVERY_COMMAND_PICK_UP;
    return HIST_INPUT(0, hist_command(s->h, DS_AUDIT_DELIVERY, id, &command));
}

void story_search(struct story *s)
{
    struct ds_delivery_event event = {0};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_REQUESTED;
    event.body.as.delivery_requested.order_id = s->id;
    event.body.as.delivery_requested.lines = lines(s, 2);
    s->searching = deliver(s, &event, HIST_INPUT(1, s->confirmed), true);
    event = (struct ds_delivery_event){0};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_OFFERED;
    event.body.as.delivery_offered.order_id = s->id;
    deliver(s, &event, HIST_INPUT(1, s->confirmed), false);
}

void story_assign(struct story *s)
{
    struct ds_delivery_event event = {0};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_ASSIGNED;
    event.body.as.delivery_assigned.order_id = s->id;
    deliver(s, &event, courier_command(s), false);
}

void story_carry(struct story *s)
{
    struct ds_delivery_event event = {0};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT;
    event.body.as.delivery_in_transit.order_id = s->id;
    event.body.as.delivery_in_transit.lines = lines(s, 2);
    s->in_transit = deliver(s, &event, courier_command(s), false);
}

void story_pick_up(struct story *s)
{
    ORDER(DS_ORDER_EVENT_ORDER_PICKED_UP, event.body.as.order_picked_up.order_id = s->id;);
    s->picked_up = hist_emit(s->h, DS_AUDIT_ORDER, &event, HIST_INPUT(3, s->in_transit), false);
}

void story_commit(struct story *s)
{
    struct ds_inventory_event event = {0};
    s->reserved -= 2;
    s->committed += 2;
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_COMMITTED;
    event.body.as.inventory_committed =
        (struct ds_inventory_committed){s->id, lines(s, 2), levels(s)};
    hist_emit(s->h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, s->picked_up), false);
}

void story_hand_over(struct story *s, int64_t cash)
{
    struct ds_delivery_event event = {0};
    event.body.kind = DS_DELIVERY_EVENT_DELIVERY_COMPLETED;
    event.body.as.delivery_completed.order_id = s->id;
    event.body.as.delivery_completed.has_cash_collected_minor = cash > 0;
    event.body.as.delivery_completed.cash_collected_minor = cash;
    s->completed = deliver(s, &event, courier_command(s), false);
}

void story_fulfil(struct story *s)
{
    ORDER(DS_ORDER_EVENT_ORDER_FULFILLED, event.body.as.order_fulfilled.order_id = s->id;
          event.body.as.order_fulfilled.payment_method = s->method;
          event.body.as.order_fulfilled.total_minor = total(s););
    s->fulfilled = hist_emit(s->h, DS_AUDIT_ORDER, &event, HIST_INPUT(3, s->completed), false);
}

void story_pay_cash(struct story *s)
{
    struct ds_payment_event event = {0};
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_SUCCESS;
    event.body.as.payment_success =
        (struct ds_payment_success){.order_id = s->id,
                                    .method = DS_PAYMENT_METHOD_CASH_ON_DELIVERY,
                                    .amount_minor = total(s),
                                    .due_minor = total(s)};
    hist_emit(s->h, DS_AUDIT_PAYMENT, &event, HIST_INPUT(1, s->fulfilled), false);
}

int64_t story_ask_cancel(struct story *s, const char *command_id)
{
    struct ds_order_command command = {0};
    command.body.kind = DS_ORDER_COMMAND_CANCEL_ORDER;
    command.body.as.cancel_order.order_id = s->id;
    return hist_command(s->h, DS_AUDIT_ORDER, command_id, &command);
}

void story_cancel(struct story *s, struct hist_cause cause, enum ds_goods goods)
{
    ORDER(DS_ORDER_EVENT_ORDER_CANCELLED, event.body.as.order_cancelled.order_id = s->id;
          event.body.as.order_cancelled.goods = goods;);
    s->cancelled = hist_emit(s->h, DS_AUDIT_ORDER, &event, cause, false);
}

void story_release(struct story *s, int64_t pieces, int64_t cause)
{
    struct ds_inventory_event event = {0};
    s->reserved -= pieces;
    s->available += pieces;
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_RELEASED;
    event.body.as.inventory_released =
        (struct ds_inventory_released){s->id, lines(s, pieces), levels(s)};
    hist_emit(s->h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, cause), false);
}

void story_refund_initiate(struct story *s, int64_t amount, int64_t due, struct hist_cause cause)
{
    struct ds_payment_event event = {0};
    char tail[16];
    (void)snprintf(tail, sizeof tail, "-r%d", (int)++s->refunds);
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED;
    event.body.as.payment_refund_initiated =
        (struct ds_payment_refund_initiated){.order_id = s->id,
                                             .refund_key = key_of(s, tail),
                                             .number = s->refunds,
                                             .amount_minor = amount,
                                             .due_minor = due};
    s->refund = hist_emit(s->h, DS_AUDIT_PAYMENT, &event, cause, false);
}

void story_refund(struct story *s, int64_t amount, int64_t refunded)
{
    struct ds_payment_command command = {0};
    struct ds_payment_event event = {0};
    char tail[16];
    (void)snprintf(tail, sizeof tail, "-r%d", (int)s->refunds);
    command.body.kind = DS_PAYMENT_COMMAND_REPORT_REFUND;
    int64_t offset = hist_command(s->h, DS_AUDIT_PAYMENT, tail, &command);
    event.body.kind = DS_PAYMENT_EVENT_PAYMENT_REFUNDED;
    event.body.as.payment_refunded = (struct ds_payment_refunded){.order_id = s->id,
                                                                  .refund_key = key_of(s, tail),
                                                                  .amount_minor = amount,
                                                                  .captured_minor = total(s),
                                                                  .refunded_minor = refunded};
    hist_emit(s->h, DS_AUDIT_PAYMENT, &event, HIST_INPUT(0, offset), false);
}

void story_until_confirmed(struct story *s)
{
    story_place(s);
    story_reserve(s);
    if (s->method == DS_PAYMENT_METHOD_CARD) {
        story_request_payment(s);
        story_initiate(s);
        story_pay(s, total(s), total(s), false);
    }
    story_confirm(s);
}

void story_deliver(struct story *s)
{
    story_search(s);
    story_assign(s);
    story_carry(s);
    story_pick_up(s);
    story_commit(s);
    story_hand_over(s, s->method == DS_PAYMENT_METHOD_CARD ? 0 : total(s));
    story_fulfil(s);
}

void story_card(struct story *s)
{
    story_until_confirmed(s);
    story_deliver(s);
}

void story_cash(struct story *s)
{
    story_until_confirmed(s);
    story_deliver(s);
    story_pay_cash(s);
}
