#include "processors/payment/payment.h"

#include "decider/memory.h"
#include "processors/payment/payment_decide.h"
#include "processors/payment/payment_logic.h"
#include "processors/payment/payment_state.h"

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

/* The memory of a charge that is given up begins then, that of its order when it is cancelled,
 * which may be as long before. */
#define GIVE_UP_MAX (2 * DAY)
_Static_assert(GIVE_UP_MAX + DS_PAYMENT_MEMORY_US <= DS_ORDER_MEMORY_US,
               "a charge that was given up is forgotten before its order is");

static const struct ds_decider_input inputs[] = {
    {DS_PAYMENT_INPUT_COMMANDS, &ds_schema_payment_commands},
    {DS_PAYMENT_INPUT_ORDER, &ds_schema_order_events},
};

static const struct ds_option options[] = {
    {"payment-give-up", "PAYMENT_GIVE_UP", DS_OPT_DURATION,
     offsetof(struct ds_payment_settings, give_up_us), "24h", SECOND, GIVE_UP_MAX, false, false,
     "How long a charge may stay without an answer; then it counts as failed."},
    {"payment-refund-retry-first", "PAYMENT_REFUND_RETRY_FIRST", DS_OPT_DURATION,
     offsetof(struct ds_payment_settings, refund_retry_first_us), "1m", SECOND, DAY, false, false,
     "Pause after a refund was refused; it doubles each time."},
    {"payment-refund-retry-max", "PAYMENT_REFUND_RETRY_MAX", DS_OPT_DURATION,
     offsetof(struct ds_payment_settings, refund_retry_max_us), "6h", SECOND, 7 * DAY, false, false,
     "Longest pause between two tries of a refund."},
    DS_OPTION_END,
};

const struct ds_decider ds_payment_decider = {
    .name = "payment",
    .events = &ds_schema_payment_events,
    .inputs = inputs,
    .input_count = sizeof(inputs) / sizeof(inputs[0]),
    .logic = DS_LOGIC_PAYMENT,
    .options = options,
    .settings_bytes = sizeof(struct ds_payment_settings),
    .state_new = ds_payments_new,
    .state_destroy = ds_payments_destroy,
    .decide = ds_payments_decide,
    .evolve = ds_payments_evolve,
    .next_timer = ds_payments_next_timer,
    .item = &ds_schema_payment_state,
    .shelves = ds_payments_shelves,
    .image = ds_payment_image,
    .restore = ds_payments_restore,
    .restored = ds_payments_restored,
};
