/* A failing Nth allocation, for every N: decide and evolve say so, and nothing is lost or freed
 * twice. */
#include "processors/delivery/delivery.h"
#include "tests/support/failing_malloc.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct ds_delivery_settings settings = {
    .search_timeout_us = 1800000000,
    .offer_timeout_us = 30000000,
    .pickup_timeout_us = 1200000000,
    .silent_us = 600000000,
    .late_us = 28800000000,
    .lost_us = 86400000000,
    .attempts_max = 2,
};

/* What the host does with an input, without the log. */
static bool step(void *state, ds_decision_t *decision, const struct ds_input *input,
                 ds_error_t *error)
{
    struct ds_context context = {.correlation_id = DS_STR("c"), .actor.id = DS_STR("a")};
    ds_decision_reset(decision, &context);
    if (!ds_delivery_decider.decide(state, input, 1000, decision, error))
        return false;
    for (size_t i = 0; i < ds_decision_count(decision); i++)
        if (!ds_delivery_decider.evolve(state, ds_decision_event(decision, i), error))
            return false;
    return true;
}

static bool confirm(void *state, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_line_quantity lines[] = {{1, DS_STR("shop.milk"), 2}};
    struct ds_order_event event = {.body.kind = DS_ORDER_EVENT_ORDER_CONFIRMED};
    struct ds_input input = {.kind = DS_INPUT_EVENT, .number = 1, .message = &event};
    event.body.as.order_confirmed.order_id = DS_STR("shop.o1");
    event.body.as.order_confirmed.lines.items = lines;
    event.body.as.order_confirmed.lines.count = 1;
    return step(state, decision, &input, error);
}

static bool command(void *state, ds_decision_t *decision, struct ds_delivery_command *asked,
                    ds_error_t *error)
{
    struct ds_input input = {.kind = DS_INPUT_COMMAND, .message = asked};
    asked->head.actor.kind = DS_ACTOR_KIND_ADMIN;
    return step(state, decision, &input, error);
}

static bool online_and_decline(void *state, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_delivery_command online = {.body.kind = DS_DELIVERY_COMMAND_GO_ONLINE};
    struct ds_delivery_command decline = {.body.kind = DS_DELIVERY_COMMAND_DECLINE_OFFER};
    online.body.as.go_online.courier_id = DS_STR("shop.c1");
    online.body.as.go_online.has_name = true;
    online.body.as.go_online.name = DS_STR("Kim");
    online.body.as.go_online.vehicle = DS_STR("van");
    online.body.as.go_online.capacity = 1;
    decline.body.as.decline_offer.offer_id = DS_STR("shop.o1-1");
    decline.body.as.decline_offer.courier_id = DS_STR("shop.c1");
    return command(state, decision, &online, error) && command(state, decision, &decline, error);
}

static bool scenario(ds_error_t *error)
{
    ds_decision_t *decision = NULL;
    bool ok = false;
    void *state = ds_delivery_decider.state_new(&settings, error);
    if (state == NULL)
        goto out;
    decision = ds_decision_new(&ds_schema_delivery_events);
    if (decision == NULL)
        goto out;
    ok = confirm(state, decision, error) && online_and_decline(state, decision, error);
out:
    ds_decision_destroy(decision);
    ds_delivery_decider.state_destroy(state);
    return ok;
}

Test(delivery_memory, failing_allocation_is_an_error_and_leaks_nothing)
{
    ds_failing_malloc_each(scenario, 21);
}
