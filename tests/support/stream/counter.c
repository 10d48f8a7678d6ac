/* See counter.h. */
#include "counter.h"

#include <stdlib.h>

#define HUGE_BYTES (950 * 1024)

static void *counter_new(const void *settings, ds_error_t *error)
{
    struct ds_counter_state *state = calloc(1, sizeof(*state));

    if (state != NULL)
        state->settings = settings;
    else
        ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a counter");
    return state;
}

static bool add_update(ds_decision_t *decision, enum ds_update_kind kind, ds_str_t store,
                       const struct ds_stock_item *item, ds_str_t reason, ds_error_t *error)
{
    struct ds_inventory_event *event = ds_decision_add(decision, error);
    struct ds_stock_item *copy;

    if (event == NULL)
        return false;
    copy = ds_arena_calloc(ds_decision_arena(decision), 1, sizeof(*copy), error);
    if (copy == NULL)
        return false;
    *copy = *item;
    event->body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED;
    event->body.as.inventory_updated.store_id = store;
    event->body.as.inventory_updated.kind = kind;
    event->body.as.inventory_updated.changes.items = copy;
    event->body.as.inventory_updated.changes.count = 1;
    event->body.as.inventory_updated.has_reason = reason.len > 0;
    event->body.as.inventory_updated.reason = reason;
    return true;
}

static bool decide_adjust(const struct ds_adjust_stock *adjust, int64_t now_us,
                          ds_decision_t *decision, ds_error_t *error)
{
    int64_t in_us = 0;
    ds_str_t due;

    if (!ds_str_to_i64(ds_str_after(adjust->reason, ':'), &in_us) || adjust->items.count == 0)
        return ds_decision_reject(decision, adjust->store_id, DS_STR("inventory.adjust"),
                                  "NO_DEADLINE", error);
    return ds_arena_printf(ds_decision_arena(decision), &due, error, "due:%lld",
                           (long long)(now_us + in_us)) &&
           add_update(decision, DS_UPDATE_KIND_ADJUSTED, adjust->store_id, &adjust->items.items[0],
                      due, error);
}

static bool decide_count(const struct ds_count_stock *count, ds_decision_t *decision,
                         ds_error_t *error)
{
    ds_str_t reason = {0};

    if (ds_str_eq(count->store_id, DS_STR("huge"))) {
        char *text = ds_arena_alloc(ds_decision_arena(decision), HUGE_BYTES, error);

        if (text == NULL)
            return false;
        memset(text, 'x', HUGE_BYTES);
        reason = (ds_str_t){text, HUGE_BYTES};
        return add_update(decision, DS_UPDATE_KIND_RECEIVED, count->store_id,
                          &count->items.items[0], reason, error);
    }
    for (int32_t i = 0; i < count->items.items[0].quantity; i++)
        if (!add_update(decision, DS_UPDATE_KIND_RECEIVED, count->store_id,
                        &(struct ds_stock_item){count->items.items[0].product_id, 1}, reason,
                        error))
            return false;
    return true;
}

static bool decide_command(const struct ds_inventory_command *command, int64_t now_us,
                           ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_receive_stock *receive = &command->body.as.receive_stock;

    switch ((enum ds_inventory_command_body_kind)command->body.kind) {
    case DS_INVENTORY_COMMAND_RECEIVE_STOCK:
        for (size_t i = 0; i < receive->items.count; i++)
            if (!add_update(decision, DS_UPDATE_KIND_RECEIVED, receive->store_id,
                            &receive->items.items[i], DS_STR(""), error))
                return false;
        return true;
    case DS_INVENTORY_COMMAND_ADJUST_STOCK:
        return decide_adjust(&command->body.as.adjust_stock, now_us, decision, error);
    case DS_INVENTORY_COMMAND_COUNT_STOCK:
        return decide_count(&command->body.as.count_stock, decision, error);
    case DS_INVENTORY_COMMAND_SET_THRESHOLD:
        return true;
    case DS_INVENTORY_COMMAND_RELEASE_AGGREGATE: /* the host's */
    case DS_INVENTORY_COMMAND_DROP_INPUT:
    case DS_INVENTORY_COMMAND_EDIT_INPUT:
        return true;
    }
    return true;
}

static bool decide_event(const struct ds_order_event *order, ds_decision_t *decision,
                         ds_error_t *error)
{
    struct ds_inventory_event *event;

    if (order->body.kind != DS_ORDER_EVENT_ORDER_CANCELLED)
        return true;
    event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_INVENTORY_EVENT_INVENTORY_RELEASED;
    event->body.as.inventory_released.order_id = order->body.as.order_cancelled.order_id;
    return true;
}

static ds_str_t first_product(const struct ds_array_of_stock_item *items, ds_str_t store_id)
{
    return items->count > 0 ? items->items[0].product_id : store_id;
}

static ds_str_t counter_aggregate(const struct ds_input *input)
{
    const struct ds_inventory_command *command = input->message;

    if (input->kind == DS_INPUT_EVENT)
        return ds_schema_order_events.aggregate(input->message);
    if (command->body.kind == DS_INVENTORY_COMMAND_RECEIVE_STOCK)
        return first_product(&command->body.as.receive_stock.items,
                             command->body.as.receive_stock.store_id);
    if (command->body.kind == DS_INVENTORY_COMMAND_ADJUST_STOCK)
        return first_product(&command->body.as.adjust_stock.items,
                             command->body.as.adjust_stock.store_id);
    return ds_schema_inventory_commands.aggregate(command);
}

static bool is_broken(const struct ds_counter_state *state, const struct ds_input *input,
                      ds_str_t *aggregate_out)
{
    *aggregate_out = ds_decider_aggregate(&ds_counter_decider, input);
    return state->settings != NULL && state->settings->broken != NULL &&
           ds_str_eq(*aggregate_out, ds_str(state->settings->broken));
}

static bool counter_decide(const void *state, const struct ds_input *input, int64_t now_us,
                           ds_decision_t *decision, ds_error_t *error)
{
    ds_str_t aggregate;

    if (is_broken(state, input, &aggregate))
        return add_update(decision, DS_UPDATE_KIND_RECEIVED, DS_STR("s"),
                          &(struct ds_stock_item){aggregate, 1000}, DS_STR(""), error) &&
               ds_impossible(error, "the counter of %.*s is broken", DS_STR_ARG(aggregate));
    switch (input->kind) {
    case DS_INPUT_COMMAND:
        return decide_command(input->message, now_us, decision, error);
    case DS_INPUT_EVENT:
        return decide_event(input->message, decision, error);
    case DS_INPUT_TIMER:
        break;
    }
    return add_update(decision, DS_UPDATE_KIND_COUNTED, DS_STR("s"),
                      &(struct ds_stock_item){input->timer.aggregate, 0}, DS_STR("fired"), error);
}

static void set_deadline(struct ds_counter_state *state, ds_str_t product, int64_t due_us)
{
    size_t i = state->deadline_count;

    if (i == DS_COUNTER_DEADLINES ||
        !ds_str_to_array(product, state->deadlines[i].product, sizeof(state->deadlines[i].product)))
        return;
    state->deadlines[i].due_us = due_us;
    state->deadline_count++;
}

static void clear_deadline(struct ds_counter_state *state, ds_str_t product)
{
    state->fired++;
    if (product.len >= 5 && memcmp(product.data, "stuck", 5) == 0)
        return;
    for (size_t i = 0; i < state->deadline_count; i++)
        if (ds_str_eq(ds_str(state->deadlines[i].product), product)) {
            state->deadlines[i] = state->deadlines[--state->deadline_count];
            return;
        }
}

static void evolve_update(struct ds_counter_state *state, const struct ds_inventory_updated *update)
{
    int64_t due_us = 0;

    if (update->kind == DS_UPDATE_KIND_RECEIVED)
        state->total += update->changes.items[0].quantity;
    else if (update->kind == DS_UPDATE_KIND_COUNTED)
        clear_deadline(state, update->changes.items[0].product_id);
    else if (ds_str_to_i64(ds_str_after(update->reason, ':'), &due_us))
        set_deadline(state, update->changes.items[0].product_id, due_us);
}

static bool counter_evolve(void *opaque, const void *event, ds_error_t *error)
{
    struct ds_counter_state *state = opaque;
    const struct ds_inventory_event *e = event;

    (void)error;
    state->events++;
    state->digest = ds_str_hash(e->meta.event_id, state->digest);
    if (e->body.kind == DS_INVENTORY_EVENT_INVENTORY_UPDATED)
        evolve_update(state, &e->body.as.inventory_updated);
    else if (e->body.kind == DS_INVENTORY_EVENT_INVENTORY_RELEASED)
        state->orders++;
    return true;
}

static bool counter_next_timer(const void *opaque, const struct ds_timer_skip *skip,
                               struct ds_timer *timer_out)
{
    const struct ds_counter_state *state = opaque;
    size_t least = state->deadline_count;

    for (size_t i = 0; i < state->deadline_count; i++)
        if (!ds_timer_is_held(skip, ds_str(state->deadlines[i].product)) &&
            (least == state->deadline_count ||
             state->deadlines[i].due_us < state->deadlines[least].due_us))
            least = i;
    if (least == state->deadline_count)
        return false;
    *timer_out = (struct ds_timer){ds_str(state->deadlines[least].product), 7,
                                   state->deadlines[least].due_us};
    return true;
}

static const struct ds_decider_input inputs[] = {{0, &ds_schema_inventory_commands},
                                                 {1, &ds_schema_order_events}};

#define COUNTER(count)                                                                             \
    {                                                                                              \
        .name = "inventory", .events = &ds_schema_inventory_events, .inputs = inputs,              \
        .input_count = (count), .logic = 1, .state_new = counter_new, .state_destroy = free,       \
        .decide = counter_decide, .evolve = counter_evolve, .next_timer = counter_next_timer,      \
        .aggregate = counter_aggregate,                                                            \
    }

const struct ds_decider ds_counter_decider = COUNTER(2);
const struct ds_decider ds_counter_decider_old = COUNTER(1);
