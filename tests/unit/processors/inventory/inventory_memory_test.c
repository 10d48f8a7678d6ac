/* A failing Nth allocation, for every N: decide and evolve say so, and nothing is lost or freed
 * twice. The linker puts the functions below between the product and the allocator (--wrap). */
#include "processors/inventory/inventory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);

static int left = -1; /* allocations until one fails; negative: none does */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    return fails() ? NULL : __real_realloc(memory, bytes);
}

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
    for (int nth = 0;; nth++) {
        ds_error_t error = DS_ERROR_INIT;
        cr_assert_lt(nth, 500);
        left = nth;
        bool ok = scenario(&error);
        bool failed = left < 0;
        left = -1;
        cr_assert_eq(ok, !failed, "allocation %d", nth);
        if (!failed) {
            cr_assert_gt(nth, 15, "hardly anything was made to fail");
            return;
        }
        cr_assert(!ds_error_is_set(&error) || error.code == DS_ERR_MEMORY, "%s", error.message);
    }
}
