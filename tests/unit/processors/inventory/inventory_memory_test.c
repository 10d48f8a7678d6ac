/* A failing Nth allocation, for every N: decide and evolve say so, and nothing is lost or freed
 * twice. */
#include "processors/inventory/inventory.h"
#include "tests/support/failing_malloc.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* What the host does with an input, without the log. */
static bool step(void *state, ds_decision_t *decision, const struct ds_input *input,
                 ds_error_t *error)
{
    struct ds_context context = {.correlation_id = DS_STR("c"), .actor.id = DS_STR("a")};
    ds_decision_reset(decision, &context);
    if (!ds_inventory_decider.decide(state, input, 1000, decision, error))
        return false;
    for (size_t i = 0; i < ds_decision_count(decision); i++)
        if (!ds_inventory_decider.evolve(state, ds_decision_event(decision, i), error))
            return false;
    return true;
}

static bool receive(void *state, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_stock_item items[] = {{DS_STR("shop.milk"), 5}, {DS_STR("shop.bread"), 5}};
    struct ds_inventory_command command = {.body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};
    struct ds_input input = {.kind = DS_INPUT_COMMAND, .message = &command};
    command.head.actor.kind = DS_ACTOR_KIND_STAFF;
    command.body.as.receive_stock.store_id = DS_STR("shop");
    command.body.as.receive_stock.items.items = items;
    command.body.as.receive_stock.items.count = 2;
    return step(state, decision, &input, error);
}

static bool threshold(void *state, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_stock_item items[] = {{DS_STR("shop.milk"), 9}};
    struct ds_inventory_command command = {.body.kind = DS_INVENTORY_COMMAND_SET_THRESHOLD};
    struct ds_input input = {.kind = DS_INPUT_COMMAND, .message = &command};
    command.head.actor.kind = DS_ACTOR_KIND_STAFF;
    command.body.as.set_threshold.store_id = DS_STR("shop");
    command.body.as.set_threshold.items.items = items;
    command.body.as.set_threshold.items.count = 1;
    return step(state, decision, &input, error);
}

static bool order(void *state, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_order_line lines[] = {{.line = 1, .product_id = DS_STR("shop.milk"), .quantity = 2}};
    struct ds_order_event created = {.body.kind = DS_ORDER_EVENT_ORDER_CREATED};
    struct ds_order_event picked_up = {.body.kind = DS_ORDER_EVENT_ORDER_PICKED_UP};
    struct ds_input first = {.kind = DS_INPUT_EVENT, .number = 1, .message = &created};
    struct ds_input second = {.kind = DS_INPUT_EVENT, .number = 1, .message = &picked_up};
    created.body.as.order_created.order_id = DS_STR("shop.o1");
    created.body.as.order_created.store_id = DS_STR("shop");
    created.body.as.order_created.lines.items = lines;
    created.body.as.order_created.lines.count = 1;
    picked_up.body.as.order_picked_up.order_id = DS_STR("shop.o1");
    return step(state, decision, &first, error) && step(state, decision, &second, error);
}

static bool scenario(ds_error_t *error)
{
    ds_decision_t *decision = NULL;
    bool ok = false;
    void *state = ds_inventory_decider.state_new(NULL, error);
    if (state == NULL)
        goto out;
    decision = ds_decision_new(&ds_schema_inventory_events);
    if (decision == NULL)
        goto out;
    ok = receive(state, decision, error) && threshold(state, decision, error) &&
         order(state, decision, error);
out:
    ds_decision_destroy(decision);
    ds_inventory_decider.state_destroy(state);
    return ok;
}

Test(inventory_memory, failing_allocation_is_an_error_and_leaks_nothing)
{
    ds_failing_malloc_each(scenario, 16);
}
