#include "processors/inventory/inventory.h"

#include "processors/inventory/inventory_logic.h"
#include "processors/inventory/inventory_state.h"

static const struct ds_decider_input inputs[] = {
    {0, &ds_schema_inventory_commands},
    {1, &ds_schema_order_events},
};

static void *state_new(const void *settings, ds_error_t *error)
{
    (void)settings; /* it has none */
    return ds_inventory_new(error);
}

static void state_destroy(void *state)
{
    ds_inventory_destroy(state);
}

static bool decide(const void *state, const struct ds_input *input, int64_t now_us,
                   ds_decision_t *decision, ds_error_t *error)
{
    (void)now_us; /* no deadline depends on the time of a decision */
    return ds_inventory_decide(state, input, decision, error);
}

static bool evolve(void *state, const void *event, ds_error_t *error)
{
    return ds_inventory_evolve(state, event, error);
}

static bool next_timer(const void *state, const struct ds_timer_skip *skip,
                       struct ds_timer *timer_out)
{
    return ds_inventory_next_timer(state, skip, timer_out);
}

const struct ds_decider ds_inventory_decider = {
    .name = "inventory",
    .events = &ds_schema_inventory_events,
    .inputs = inputs,
    .input_count = sizeof inputs / sizeof inputs[0],
    .logic = DS_LOGIC_INVENTORY,
    .options = NULL,
    .settings_bytes = 0,
    .state_new = state_new,
    .state_destroy = state_destroy,
    .decide = decide,
    .evolve = evolve,
    .next_timer = next_timer,
    .item = &ds_schema_inventory_state,
    .shelves = ds_inventory_shelves,
    .image = ds_inventory_image,
    .restore = ds_inventory_restore,
    .restored = ds_inventory_restored,
};
