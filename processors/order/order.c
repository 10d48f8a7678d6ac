#include "processors/order/order.h"

#include "processors/order/order_decide.h"
#include "processors/order/order_logic.h"
#include "processors/order/order_state.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const struct ds_decider_input inputs[] = {
    {DS_ORDER_INPUT_COMMANDS, &ds_schema_order_commands},
    {DS_ORDER_INPUT_INVENTORY, &ds_schema_inventory_events},
    {DS_ORDER_INPUT_PAYMENT, &ds_schema_payment_events},
    {DS_ORDER_INPUT_DELIVERY, &ds_schema_delivery_events},
};

static const struct ds_option options[] = {
    {"order-reserve-timeout", "ORDER_RESERVE_TIMEOUT", DS_OPT_DURATION,
     offsetof(struct ds_order_settings, reserve_timeout_us), "60s", SECOND, HOUR, false, false,
     "How long an order waits for its goods to be reserved."},
    {"order-payment-timeout", "ORDER_PAYMENT_TIMEOUT", DS_OPT_DURATION,
     offsetof(struct ds_order_settings, payment_timeout_us), "15m", SECOND, 24 * HOUR, false, false,
     "How long an order waits for its payment."},
    {"order-delivery-timeout", "ORDER_DELIVERY_TIMEOUT", DS_OPT_DURATION,
     offsetof(struct ds_order_settings, delivery_timeout_us), "3h", SECOND, 24 * HOUR, false, false,
     "How long a confirmed order waits for its pick-up; a backstop, delivery ends sooner."},
    {"order-place-ttl", "ORDER_PLACE_TTL", DS_OPT_DURATION,
     offsetof(struct ds_order_settings, place_ttl_us), "15m", SECOND, 24 * HOUR, false, false,
     "How old a request for an order may be when it is read; then it is refused as expired."},
    DS_OPTION_END,
};

const struct ds_decider ds_order_decider = {
    .name = "order",
    .events = &ds_schema_order_events,
    .inputs = inputs,
    .input_count = sizeof(inputs) / sizeof(inputs[0]),
    .logic = DS_LOGIC_ORDER,
    .options = options,
    .settings_bytes = sizeof(struct ds_order_settings),
    .state_new = ds_orders_new,
    .state_destroy = ds_orders_destroy,
    .decide = ds_orders_decide,
    .evolve = ds_orders_evolve,
    .next_timer = ds_orders_next_timer,
    .item = &ds_schema_order_state,
    .shelves = ds_orders_shelves,
    .image = ds_order_image,
    .restore = ds_orders_restore,
    .restored = ds_orders_restored,
};
