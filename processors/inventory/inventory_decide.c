/* What an order's events and the deadlines lead to. Staff's commands: inventory_stock.c. */
#include "processors/inventory/inventory_plan.h"

typedef struct ds_array_of_line_quantity lines_t;

/* No column may fall below nothing: what is moved was there before. */
static bool can_be(ds_str_t order_id, const struct ds_stock_change *change, ds_error_t *error)
{
    const struct ds_stock_level *after = &change->after;

    return (after->available >= 0 && after->reserved >= 0 && after->committed >= 0) ||
           ds_impossible(error,
                         "order %.*s: product %.*s would have available=%lld reserved=%lld "
                         "committed=%lld (I1)",
                         DS_STR_ARG(order_id), DS_STR_ARG(change->product_id),
                         (long long)after->available, (long long)after->reserved,
                         (long long)after->committed);
}

/* How a line's pieces move between the three columns of a product. */
static bool move(struct ds_stock_plan *plan, ds_str_t order_id, const lines_t *lines,
                 enum ds_reservation_effect effect, ds_error_t *error)
{
    for (size_t i = 0; i < lines->count; i++) {
        int64_t quantity = lines->items[i].quantity;
        struct ds_stock_change *change =
            ds_stock_plan_change(plan, lines->items[i].product_id, NULL);
        struct ds_stock_level *level = &change->after;
        switch (effect) {
        case DS_RESERVATION_RESERVE:
            level->available -= quantity;
            level->reserved += quantity;
            break;
        case DS_RESERVATION_RELEASE_LINES:
        case DS_RESERVATION_RELEASE_REST:
            level->reserved -= quantity;
            level->available += quantity;
            break;
        case DS_RESERVATION_COMMIT_REST:
            level->reserved -= quantity;
            level->committed += quantity;
            break;
        case DS_RESERVATION_RETURN_ALL:
            level->committed -= quantity;
            level->available += quantity;
            break;
        case DS_RESERVATION_PASS:
        case DS_RESERVATION_REJECT:
            break;
        }
        if (!can_be(order_id, change, error))
            return false;
    }
    return true;
}

/* One event that moves `lines`, and the thresholds it crosses. */
static bool add_move(const struct ds_inventory *inventory, ds_str_t order_id, lines_t lines,
                     enum ds_reservation_effect effect, ds_decision_t *decision, ds_error_t *error)
{
    struct ds_stock_plan plan;
    struct ds_array_of_stock_level levels;
    struct ds_inventory_event *event;

    if (!ds_stock_plan_init(&plan, inventory, decision, lines.count, error) ||
        !move(&plan, order_id, &lines, effect, error) ||
        !ds_stock_plan_levels(&plan, &levels, error))
        return false;
    event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    switch (effect) {
    case DS_RESERVATION_RESERVE:
        event->body.kind = DS_INVENTORY_EVENT_INVENTORY_RESERVED;
        event->body.as.inventory_reserved = (struct ds_inventory_reserved){order_id, lines, levels};
        break;
    case DS_RESERVATION_RELEASE_LINES:
    case DS_RESERVATION_RELEASE_REST:
        event->body.kind = DS_INVENTORY_EVENT_INVENTORY_RELEASED;
        event->body.as.inventory_released = (struct ds_inventory_released){order_id, lines, levels};
        break;
    case DS_RESERVATION_COMMIT_REST:
        event->body.kind = DS_INVENTORY_EVENT_INVENTORY_COMMITTED;
        event->body.as.inventory_committed =
            (struct ds_inventory_committed){order_id, lines, levels};
        break;
    case DS_RESERVATION_RETURN_ALL:
        event->body.kind = DS_INVENTORY_EVENT_INVENTORY_RETURNED;
        event->body.as.inventory_returned = (struct ds_inventory_returned){order_id, lines, levels};
        break;
    case DS_RESERVATION_PASS:
    case DS_RESERVATION_REJECT:
        break;
    }
    return ds_stock_plan_notices(&plan, error);
}

/* ---- order.created */

/* Wanted pieces per product, and whether there is enough of all. A line that cannot be (no pieces,
 * another store's product) is short like one of which there is nothing. */
static bool sum_lines(struct ds_stock_plan *plan, const struct ds_order_created *created)
{
    bool enough = true;
    for (size_t i = 0; i < created->lines.count; i++) {
        const struct ds_order_line *line = &created->lines.items[i];
        struct ds_stock_change *change = ds_stock_plan_change(plan, line->product_id, NULL);
        change->quantity += line->quantity;
        if (line->quantity < 1 || change->quantity > change->after.available ||
            !ds_str_eq(ds_str_before(line->product_id, '.'), created->store_id))
            enough = false;
    }
    return enough;
}

static bool add_rejected(const struct ds_stock_plan *plan, const struct ds_order_created *created,
                         ds_error_t *error)
{
    struct ds_shortage *shortages = ds_arena_calloc(ds_decision_arena(plan->decision),
                                                    plan->count + 1, sizeof *shortages, error);
    struct ds_inventory_event *event;
    size_t count = 0;

    if (shortages == NULL)
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        const struct ds_stock_change *change = &plan->changes[i];
        if (change->quantity < 1 || change->quantity > change->after.available)
            shortages[count++] =
                (struct ds_shortage){change->product_id, change->quantity, change->after.available};
    }
    event = ds_decision_add(plan->decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_INVENTORY_EVENT_INVENTORY_REJECTED;
    event->body.as.inventory_rejected.order_id = created->order_id;
    event->body.as.inventory_rejected.shortages = (struct ds_array_of_shortage){shortages, count};
    return true;
}

static bool decide_created(const struct ds_inventory *inventory,
                           const struct ds_order_created *created, ds_decision_t *decision,
                           ds_error_t *error)
{
    struct ds_stock_plan plan;
    lines_t lines = {NULL, created->lines.count};

    if (!ds_stock_plan_init(&plan, inventory, decision, created->lines.count, error))
        return false;
    enum ds_reservation_input input =
        sum_lines(&plan, created) ? DS_RESERVATION_CREATED_ENOUGH : DS_RESERVATION_CREATED_SHORT;
    enum ds_reservation_effect effect =
        ds_reservation_step(ds_inventory_reservation_state(inventory, created->order_id), input)
            .effect;
    if (effect == DS_RESERVATION_PASS)
        return true;
    if (effect == DS_RESERVATION_REJECT)
        return add_rejected(&plan, created, error);
    lines.items =
        ds_arena_calloc(ds_decision_arena(decision), lines.count + 1, sizeof *lines.items, error);
    if (lines.items == NULL)
        return false;
    for (size_t i = 0; i < lines.count; i++) {
        const struct ds_order_line *line = &created->lines.items[i];
        lines.items[i] = (struct ds_line_quantity){line->line, line->product_id, line->quantity};
    }
    return add_move(inventory, created->order_id, lines, effect, decision, error);
}

/* ---- what follows */

/* Which pieces an effect concerns: of the cancelled lines as many as are still held, else all that
 * is left. */
static int32_t concerned(const struct ds_reserved_line *line, const lines_t *only)
{
    int64_t wanted = 0;
    if (only == NULL)
        return line->quantity;
    for (size_t i = 0; i < only->count; i++)
        if (only->items[i].line == line->line && only->items[i].quantity > 0)
            wanted += only->items[i].quantity;
    return wanted < line->quantity ? (int32_t)wanted : line->quantity;
}

static bool collect(const struct ds_reservation *reservation, const lines_t *only,
                    ds_arena_t *arena, lines_t *lines_out, ds_error_t *error)
{
    *lines_out = (lines_t){NULL, 0};
    lines_out->items =
        ds_arena_calloc(arena, reservation->line_count + 1, sizeof *lines_out->items, error);
    if (lines_out->items == NULL)
        return false;
    for (size_t k = 0; k < reservation->line_count; k++) {
        const struct ds_reserved_line *line = &reservation->lines[k];
        int32_t quantity = concerned(line, only);
        if (quantity > 0)
            lines_out->items[lines_out->count++] =
                (struct ds_line_quantity){line->line, line->stock->product_id, quantity};
    }
    return true;
}

static bool decide_step(const struct ds_inventory *inventory, ds_str_t order_id,
                        enum ds_reservation_input input, const lines_t *cancelled,
                        ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_reservation *reservation = ds_inventory_reservation(inventory, order_id);
    enum ds_reservation_effect effect =
        ds_reservation_step(ds_inventory_reservation_state(inventory, order_id), input).effect;
    lines_t lines;

    if (effect == DS_RESERVATION_PASS || reservation == NULL)
        return true;
    if (!collect(reservation, effect == DS_RESERVATION_RELEASE_LINES ? cancelled : NULL,
                 ds_decision_arena(decision), &lines, error))
        return false;
    if (lines.count == 0 && effect == DS_RESERVATION_RELEASE_LINES)
        return true; /* none of them is held: nothing happens */
    return add_move(inventory, order_id, lines, effect, decision, error);
}

static bool decide_order_event(const struct ds_inventory *inventory,
                               const struct ds_order_event *event, ds_decision_t *decision,
                               ds_error_t *error)
{
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_CREATED:
        return decide_created(inventory, &event->body.as.order_created, decision, error);
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        return decide_step(inventory, event->body.as.order_lines_cancelled.order_id,
                           DS_RESERVATION_LINES_CANCELLED,
                           &event->body.as.order_lines_cancelled.lines, decision, error);
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        return decide_step(inventory, event->body.as.order_cancelled.order_id,
                           event->body.as.order_cancelled.goods == DS_GOODS_LOST
                               ? DS_RESERVATION_CANCELLED_LOST
                               : DS_RESERVATION_CANCELLED,
                           NULL, decision, error);
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        return decide_step(inventory, event->body.as.order_picked_up.order_id,
                           DS_RESERVATION_PICKED_UP, NULL, decision, error);
    default: /* the rest of order.events is not inventory's business (CHOREOGRAPHY section 2) */
        return true;
    }
}

static bool decide_notice(const struct ds_inventory *inventory, const struct ds_timer *timer,
                          ds_decision_t *decision, ds_error_t *error)
{
    const struct ds_stock *stock = ds_inventory_stock(inventory, timer->aggregate);
    if (stock == NULL || (stock->available < stock->threshold) == stock->low)
        return true;
    ds_str_t correlation_id;
    /* A copy: the state's own goes when the event is applied. */
    if (!ds_arena_dup(ds_decision_arena(decision), ds_str(stock->owed_correlation_id),
                      &correlation_id, error))
        return false;
    struct ds_context context = {
        .correlation_id = correlation_id,
        .actor = {.kind = DS_ACTOR_KIND_SYSTEM, .id = DS_STR("inventory")},
    };
    ds_decision_set_context(decision, &context);
    return ds_stock_notice(decision, stock->product_id, !stock->low, stock->available,
                           stock->threshold, error);
}

bool ds_inventory_decide(const struct ds_inventory *inventory, const struct ds_input *input,
                         ds_decision_t *decision, ds_error_t *error)
{
    switch (input->kind) {
    case DS_INPUT_COMMAND:
        return ds_inventory_command(inventory, input->message, decision, error);
    case DS_INPUT_EVENT:
        return decide_order_event(inventory, input->message, decision, error);
    case DS_INPUT_TIMER:
        return decide_notice(inventory, &input->timer, decision, error);
    }
    return true;
}
