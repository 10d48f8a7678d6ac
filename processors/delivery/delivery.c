#include "processors/delivery/delivery.h"

#include "decider/memory.h"
#include "processors/delivery/delivery_decide.h"
#include "processors/delivery/delivery_events.h"
#include "processors/delivery/delivery_logic.h"
#include "processors/delivery/delivery_state.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US   (INT64_C(3600) * SECOND_US)
#define DAY_US    (24 * HOUR_US)
#define PLACE(m)  offsetof(struct ds_delivery_settings, m)

/* The longest way: an offer made as the search ends, a courier at the store at the last moment, on
 * the way until late, silent until just before the goods count as lost, then called back and lost
 * on the way. No setting may make it longer than the others remember what was paid and taken. */
#define SEARCH_MAX_US (6 * HOUR_US)
#define OFFER_MAX_US  HOUR_US
#define PICKUP_MAX_US (5 * HOUR_US)
#define LATE_MAX_US   (12 * HOUR_US)
#define LOST_MAX_US   (48 * HOUR_US)
_Static_assert(SEARCH_MAX_US + OFFER_MAX_US + PICKUP_MAX_US + LATE_MAX_US + 2 * LOST_MAX_US <=
                   DS_ORDER_LIFE_MAX_US,
               "an order is over in time, whatever is set");

static const struct ds_decider_input inputs[] = {
    {0, &ds_schema_delivery_commands},
    {1, &ds_schema_order_events},
};

static const struct ds_option options[] = {
    {"delivery-search-timeout", "DELIVERY_SEARCH_TIMEOUT", DS_OPT_DURATION,
     PLACE(search_timeout_us), "30m", SECOND_US, SEARCH_MAX_US, false, false,
     "How long a courier is looked for; then the order is cancelled."},
    {"delivery-offer-timeout", "DELIVERY_OFFER_TIMEOUT", DS_OPT_DURATION, PLACE(offer_timeout_us),
     "30s", SECOND_US, OFFER_MAX_US, false, false, "How long an offer stands."},
    {"delivery-pickup-timeout", "DELIVERY_PICKUP_TIMEOUT", DS_OPT_DURATION,
     PLACE(pickup_timeout_us), "20m", SECOND_US, PICKUP_MAX_US, false, false,
     "How long a courier may take to the store; then another is looked for."},
    {"delivery-silent", "DELIVERY_SILENT", DS_OPT_DURATION, PLACE(silent_us), "10m", SECOND_US,
     DAY_US, false, false, "A courier on the way who is not seen for this long counts as silent."},
    {"delivery-late", "DELIVERY_LATE", DS_OPT_DURATION, PLACE(late_us), "8h", SECOND_US,
     LATE_MAX_US, false, false,
     "A courier on the way for this long counts as silent, seen or not."},
    {"delivery-lost", "DELIVERY_LOST", DS_OPT_DURATION, PLACE(lost_us), "24h", SECOND_US,
     LOST_MAX_US, false, false,
     "Goods of a silent courier, or on their way back for this long, count as lost."},
    {"delivery-attempts", "DELIVERY_ATTEMPTS", DS_OPT_INT, PLACE(attempts_max), "2", 1, 10, false,
     false, "How often a hand-over is tried before the goods go back."},
    DS_OPTION_END,
};

static void *state_new(const void *settings, ds_error_t *error)
{
    return ds_dispatch_new(settings, error);
}

static void state_destroy(void *state)
{
    ds_dispatch_destroy(state);
}

static bool decide(const void *state, const struct ds_input *input, int64_t now_us,
                   ds_decision_t *decision, ds_error_t *error)
{
    return ds_delivery_decide(state, input, now_us, decision, error);
}

static bool evolve(void *state, const void *event, ds_error_t *error)
{
    return ds_dispatch_evolve(state, event, error);
}

static bool next_timer(const void *state, const struct ds_timer_skip *skip,
                       struct ds_timer *timer_out)
{
    return ds_dispatch_next_timer(state, skip, timer_out);
}

/* An offer is its order's: both wait together. */
static ds_str_t aggregate(const struct ds_input *input)
{
    const struct ds_delivery_command *command = input->message;
    ds_str_t order_id;
    int64_t number;

    if (input->kind == DS_INPUT_EVENT)
        return ds_schema_order_events.aggregate(input->message);
    if (command->body.kind == DS_DELIVERY_COMMAND_ACCEPT_OFFER)
        (void)ds_offer_split(command->body.as.accept_offer.offer_id, &order_id, &number);
    else if (command->body.kind == DS_DELIVERY_COMMAND_DECLINE_OFFER)
        (void)ds_offer_split(command->body.as.decline_offer.offer_id, &order_id, &number);
    else
        order_id = ds_schema_delivery_commands.aggregate(command);
    return order_id;
}

const struct ds_decider ds_delivery_decider = {
    .name = "delivery",
    .events = &ds_schema_delivery_events,
    .inputs = inputs,
    .input_count = sizeof inputs / sizeof inputs[0],
    .logic = DS_LOGIC_DELIVERY,
    .options = options,
    .settings_bytes = sizeof(struct ds_delivery_settings),
    .state_new = state_new,
    .state_destroy = state_destroy,
    .decide = decide,
    .evolve = evolve,
    .next_timer = next_timer,
    .aggregate = aggregate,
    .item = &ds_schema_delivery_state,
    .shelves = ds_dispatch_shelves,
    .image = ds_dispatch_image,
    .restore = ds_dispatch_restore,
    .restored = ds_dispatch_restored,
};
