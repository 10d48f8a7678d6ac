#include "delivery_inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ds_decider_kit_t *new_dispatch(void)
{
    return ds_kit_new(&ds_delivery_decider, NULL);
}

const struct ds_dispatch *dispatch_of(const ds_decider_kit_t *kit)
{
    return ds_kit_state(kit);
}

const struct ds_delivery *delivery_of(const ds_decider_kit_t *kit, const char *order_id)
{
    return ds_dispatch_delivery(dispatch_of(kit), ds_str(order_id));
}

const struct ds_courier *courier_of(const ds_decider_kit_t *kit, const char *courier_id)
{
    return ds_dispatch_courier(dispatch_of(kit), ds_str(courier_id));
}

enum ds_delivery_state state_of(const ds_decider_kit_t *kit, const char *order_id)
{
    const struct ds_delivery *delivery = delivery_of(kit, order_id);
    return delivery == NULL ? DS_DELIVERY_NONE : delivery->state;
}

bool has(const ds_decider_kit_t *kit, const char *order_id, const char *courier_id)
{
    const struct ds_delivery *delivery = delivery_of(kit, order_id);
    if (delivery == NULL || delivery->courier == NULL)
        return courier_id == NULL;
    return courier_id != NULL && ds_str_eq(delivery->courier->id, ds_str(courier_id));
}

const struct ds_delivery_event *event_of(const ds_decider_kit_t *kit, size_t i)
{
    return ds_kit_event(kit, i);
}

static struct ds_order_event order_event(int32_t kind)
{
    struct ds_order_event event = {0};
    event.context.correlation_id = DS_STR("order-correlation");
    event.context.has_traceparent = true;
    event.context.traceparent = DS_STR("00-1-2-01");
    event.context.actor.kind = DS_ACTOR_KIND_CUSTOMER;
    event.context.actor.id = DS_STR("ann");
    event.body.kind = kind;
    return event;
}

size_t confirmed(ds_decider_kit_t *kit, const char *order_id, enum ds_payment_method method)
{
    struct ds_line_quantity lines[] = {{1, DS_STR("shop.milk"), 2}, {2, DS_STR("shop.bread"), 1}};
    struct ds_order_event event = order_event(DS_ORDER_EVENT_ORDER_CONFIRMED);
    struct ds_order_confirmed *order = &event.body.as.order_confirmed;
    order->order_id = ds_str(order_id);
    order->customer_id = DS_STR("ann");
    order->lines.items = lines;
    order->lines.count = 2;
    order->payment_method = method;
    order->total_minor = 1000;
    order->currency = DS_STR("EUR");
    order->personal.as.personal_data.street = DS_STR("Main Street 1");
    order->placed_at = ds_kit_now(kit) - 5 * DS_KIT_SECOND;
    return ds_kit_feed(kit, 1, &event);
}

size_t cancel_order(ds_decider_kit_t *kit, const char *order_id, enum ds_cancel_by by)
{
    struct ds_order_event event = order_event(DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED);
    event.body.as.order_cancel_requested.order_id = ds_str(order_id);
    event.body.as.order_cancel_requested.scope = DS_CANCEL_SCOPE_ORDER;
    event.body.as.order_cancel_requested.by = by;
    return ds_kit_feed(kit, 1, &event);
}

static size_t ask_to_cancel_line(ds_decider_kit_t *kit, const char *order_id, int32_t line,
                                 int32_t quantity, bool priced)
{
    struct ds_line_quantity lines[] = {{line, DS_STR("shop.milk"), quantity}};
    struct ds_order_event event = order_event(DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED);
    struct ds_order_cancel_requested *asked = &event.body.as.order_cancel_requested;
    asked->order_id = ds_str(order_id);
    asked->scope = DS_CANCEL_SCOPE_LINES;
    asked->by = DS_CANCEL_BY_CUSTOMER;
    asked->lines.items = lines;
    asked->lines.count = 1;
    asked->has_lines_total_minor = priced;
    asked->lines_total_minor = priced ? (line == 1 ? MILK_PRICE : BREAD_PRICE) * quantity : 0;
    return ds_kit_feed(kit, 1, &event);
}

size_t cancel_line(ds_decider_kit_t *kit, const char *order_id, int32_t line, int32_t quantity)
{
    return ask_to_cancel_line(kit, order_id, line, quantity, true);
}

size_t cancel_line_without_price(ds_decider_kit_t *kit, const char *order_id, int32_t line,
                                 int32_t quantity)
{
    return ask_to_cancel_line(kit, order_id, line, quantity, false);
}

size_t ask(ds_decider_kit_t *kit, enum ds_actor_kind actor, const char *actor_id,
           struct ds_delivery_command command)
{
    command.head.command_id = DS_STR("command-1");
    command.head.correlation_id = DS_STR("command-correlation");
    command.head.actor.kind = actor;
    command.head.actor.id = ds_str(actor_id);
    return ds_kit_command(kit, &command);
}

static size_t by_courier(ds_decider_kit_t *kit, const char *courier_id,
                         struct ds_delivery_command command)
{
    return ask(kit, DS_ACTOR_KIND_COURIER, courier_id, command);
}

size_t online(ds_decider_kit_t *kit, const char *courier_id, int32_t capacity)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_GO_ONLINE};
    command.body.as.go_online.courier_id = ds_str(courier_id);
    command.body.as.go_online.has_name = true;
    command.body.as.go_online.name = DS_STR("Kim");
    command.body.as.go_online.vehicle = DS_STR("bicycle");
    command.body.as.go_online.capacity = capacity;
    return by_courier(kit, courier_id, command);
}

size_t offline(ds_decider_kit_t *kit, const char *courier_id)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_GO_OFFLINE};
    command.body.as.go_offline.courier_id = ds_str(courier_id);
    return by_courier(kit, courier_id, command);
}

static ds_str_t offer_id(char text[64], const char *order_id, int number)
{
    snprintf(text, 64, "%s-%d", order_id, number);
    return ds_str(text);
}

size_t accept(ds_decider_kit_t *kit, const char *order_id, int number, const char *courier_id)
{
    char text[64];
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_ACCEPT_OFFER};
    command.body.as.accept_offer.offer_id = offer_id(text, order_id, number);
    command.body.as.accept_offer.courier_id = ds_str(courier_id);
    return by_courier(kit, courier_id, command);
}

size_t decline(ds_decider_kit_t *kit, const char *order_id, int number, const char *courier_id)
{
    char text[64];
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_DECLINE_OFFER};
    command.body.as.decline_offer.offer_id = offer_id(text, order_id, number);
    command.body.as.decline_offer.courier_id = ds_str(courier_id);
    return by_courier(kit, courier_id, command);
}

size_t give_back(ds_decider_kit_t *kit, const char *order_id, const char *courier_id)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_GIVE_BACK};
    command.body.as.give_back.order_id = ds_str(order_id);
    command.body.as.give_back.courier_id = ds_str(courier_id);
    return by_courier(kit, courier_id, command);
}

size_t pick_up(ds_decider_kit_t *kit, const char *order_id, const char *courier_id)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_PICK_UP};
    command.body.as.pick_up.order_id = ds_str(order_id);
    command.body.as.pick_up.has_courier_id = true;
    command.body.as.pick_up.courier_id = ds_str(courier_id);
    return by_courier(kit, courier_id, command);
}

size_t arrive(ds_decider_kit_t *kit, const char *order_id, const char *courier_id)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_ARRIVE};
    command.body.as.arrive.order_id = ds_str(order_id);
    command.body.as.arrive.has_courier_id = true;
    command.body.as.arrive.courier_id = ds_str(courier_id);
    return by_courier(kit, courier_id, command);
}

size_t hand_over(ds_decider_kit_t *kit, const char *order_id, const char *courier_id,
                 int64_t cash_minor)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_HAND_OVER};
    command.body.as.hand_over.order_id = ds_str(order_id);
    command.body.as.hand_over.has_courier_id = true;
    command.body.as.hand_over.courier_id = ds_str(courier_id);
    command.body.as.hand_over.has_cash_collected_minor = cash_minor >= 0;
    command.body.as.hand_over.cash_collected_minor = cash_minor;
    return by_courier(kit, courier_id, command);
}

size_t attempt_failed(ds_decider_kit_t *kit, const char *order_id, const char *courier_id)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT};
    command.body.as.report_failed_attempt.order_id = ds_str(order_id);
    command.body.as.report_failed_attempt.has_courier_id = true;
    command.body.as.report_failed_attempt.courier_id = ds_str(courier_id);
    command.body.as.report_failed_attempt.reason = DS_STR("nobody home");
    return by_courier(kit, courier_id, command);
}

size_t see(ds_decider_kit_t *kit, const char *courier_id)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_SEE_COURIER};
    command.body.as.see_courier.courier_id = ds_str(courier_id);
    return by_courier(kit, courier_id, command);
}

size_t reassign(ds_decider_kit_t *kit, const char *order_id, const char *to)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_REASSIGN};
    command.body.as.reassign.order_id = ds_str(order_id);
    command.body.as.reassign.has_to_courier_id = to != NULL;
    command.body.as.reassign.to_courier_id = ds_str(to);
    return ask(kit, DS_ACTOR_KIND_STAFF, "bob", command);
}

size_t back_at_store(ds_decider_kit_t *kit, const char *order_id)
{
    struct ds_delivery_command command = {.body.kind = DS_DELIVERY_COMMAND_BACK_AT_STORE};
    command.body.as.back_at_store.order_id = ds_str(order_id);
    return ask(kit, DS_ACTOR_KIND_STAFF, "bob", command);
}

/* The way through the states: each one by way of the one before it. */
static void bring_to(ds_decider_kit_t *kit, enum ds_delivery_state state, const char *order_id,
                     enum ds_payment_method method)
{
    switch (state) {
    case DS_DELIVERY_NONE:
    case DS_DELIVERY_STATES:
        return;
    case DS_DELIVERY_SEARCHING:
        confirmed(kit, order_id, method);
        return;
    case DS_DELIVERY_OFFERED:
        bring_to(kit, DS_DELIVERY_SEARCHING, order_id, method);
        online(kit, "shop.c1", 1);
        return;
    case DS_DELIVERY_ASSIGNED:
        bring_to(kit, DS_DELIVERY_OFFERED, order_id, method);
        accept(kit, order_id, 1, "shop.c1");
        return;
    case DS_DELIVERY_IN_TRANSIT:
        bring_to(kit, DS_DELIVERY_ASSIGNED, order_id, method);
        pick_up(kit, order_id, "shop.c1");
        return;
    case DS_DELIVERY_SILENT:
        bring_to(kit, DS_DELIVERY_IN_TRANSIT, order_id, method);
        ds_kit_fire(kit);
        return;
    case DS_DELIVERY_RETURNING:
        bring_to(kit, DS_DELIVERY_IN_TRANSIT, order_id, method);
        cancel_order(kit, order_id, DS_CANCEL_BY_STAFF);
        return;
    case DS_DELIVERY_COMPLETED:
        bring_to(kit, DS_DELIVERY_IN_TRANSIT, order_id, method);
        hand_over(kit, order_id, "shop.c1", 1000);
        return;
    case DS_DELIVERY_CANCELLED:
        bring_to(kit, DS_DELIVERY_ASSIGNED, order_id, method);
        cancel_order(kit, order_id, DS_CANCEL_BY_CUSTOMER);
        return;
    case DS_DELIVERY_RETURNED:
        bring_to(kit, DS_DELIVERY_RETURNING, order_id, method);
        back_at_store(kit, order_id);
        return;
    case DS_DELIVERY_LOST:
        bring_to(kit, DS_DELIVERY_SILENT, order_id, method);
        ds_kit_fire(kit);
        return;
    }
}

ds_decider_kit_t *order_in(enum ds_delivery_state state, const char *order_id,
                           enum ds_payment_method method)
{
    ds_decider_kit_t *kit = new_dispatch();
    bring_to(kit, state, order_id, method);
    if (state_of(kit, order_id) != state) {
        fprintf(stderr, "%s is in state %d, wanted %d\n", order_id, (int)state_of(kit, order_id),
                (int)state);
        abort();
    }
    return kit;
}
