/* I1 and I4: the levels of each product are the fold of what happened to it, none is below zero,
 * and the pieces of a reservation go back or leave exactly once. */
#include "cli/audit/folds.h"
#include "decider/memory.h"

#include <inttypes.h>

/* The input of inventory that is order.events. */
#define BY_ORDER 1

/* ---- levels */

static void check_level(struct ds_audit_part *part, const struct ds_audit_event *event,
                        ds_str_t order_id, const struct ds_audit_product *folded,
                        const struct ds_stock_level *level)
{
    struct ds_audit_place at = ds_audit_at(part, event, order_id);
    if (level->received < 0 || level->available < 0 || level->reserved < 0 || level->committed < 0)
        ds_audit_found(part->report, "I1", at,
                       "%.*s below zero: received %" PRId64 ", available %" PRId64
                       ", reserved %" PRId64 ", committed %" PRId64,
                       DS_STR_ARG(level->product_id), level->received, level->available,
                       level->reserved, level->committed);
    else if (level->received !=
             ds_audit_plus(ds_audit_plus(level->available, level->reserved), level->committed))
        ds_audit_found(part->report, "I1", at,
                       "%.*s: received %" PRId64 " is not available %" PRId64 " + reserved %" PRId64
                       " + committed %" PRId64,
                       DS_STR_ARG(level->product_id), level->received, level->available,
                       level->reserved, level->committed);
    else if (level->received != folded->received || level->available != folded->available ||
             level->reserved != folded->reserved || level->committed != folded->committed)
        ds_audit_found(part->report, "I1", at,
                       "%.*s: received/available/reserved/committed %" PRId64 "/%" PRId64
                       "/%" PRId64 "/%" PRId64 ", the fold gives %" PRId64 "/%" PRId64 "/%" PRId64
                       "/%" PRId64,
                       DS_STR_ARG(level->product_id), level->received, level->available,
                       level->reserved, level->committed, folded->received, folded->available,
                       folded->reserved, folded->committed);
}

static bool has_level(const struct ds_array_of_stock_level *levels, ds_str_t product_id)
{
    for (size_t i = 0; i < levels->count; i++)
        if (ds_str_eq(levels->items[i].product_id, product_id))
            return true;
    return false;
}

/* The levels an event carries against the fold. What it says is taken over, so that one mistake is
 * told once. */
static bool check_levels(struct ds_audit_part *part, const struct ds_audit_event *event,
                         ds_str_t order_id, const struct ds_array_of_stock_level *levels,
                         ds_error_t *error)
{
    for (size_t i = 0; i < levels->count; i++) {
        const struct ds_stock_level *level = &levels->items[i];
        struct ds_audit_product *product = ds_audit_product_of(part, level->product_id, error);
        if (product == NULL)
            return false;
        check_level(part, event, order_id, product, level);
        if (!product->stocked)
            part->report->checked[DS_AUDIT_STOCKED]++;
        product->stocked = true;
        product->received = level->received;
        product->available = level->available;
        product->reserved = level->reserved;
        product->committed = level->committed;
    }
    return true;
}

/* low_stock and restocked: how many they say there are. */
static bool check_notice(struct ds_audit_part *part, const struct ds_audit_event *event,
                         ds_str_t product_id, int64_t available, ds_error_t *error)
{
    const struct ds_audit_product *product = ds_audit_product_of(part, product_id, error);

    if (product == NULL)
        return false;
    if (product->available != available)
        ds_audit_found(part->report, "I1", ds_audit_at(part, event, DS_STR("")),
                       "%.*s: %" PRId64 " are said to be available, the fold gives %" PRId64,
                       DS_STR_ARG(product_id), available, product->available);
    return true;
}

static void need_level(struct ds_audit_part *part, const struct ds_audit_event *event,
                       ds_str_t order_id, const struct ds_array_of_stock_level *levels,
                       ds_str_t product_id)
{
    if (!has_level(levels, product_id))
        ds_audit_found(part->report, "I1", ds_audit_at(part, event, order_id),
                       "it changes %.*s and does not give its level", DS_STR_ARG(product_id));
}

static bool update(struct ds_audit_part *part, const struct ds_audit_event *event,
                   const struct ds_inventory_updated *updated, ds_error_t *error)
{
    for (size_t i = 0; i < updated->changes.count; i++) {
        const struct ds_stock_item *item = &updated->changes.items[i];
        struct ds_audit_product *product = ds_audit_product_of(part, item->product_id, error);
        if (product == NULL)
            return false;
        need_level(part, event, DS_STR(""), &updated->levels, item->product_id);
        switch (updated->kind) {
        case DS_UPDATE_KIND_RECEIVED:
        case DS_UPDATE_KIND_ADJUSTED:
            product->available = ds_audit_plus(product->available, item->quantity);
            product->received = ds_audit_plus(product->received, item->quantity);
            break;
        case DS_UPDATE_KIND_COUNTED:
            product->available = ds_audit_minus(item->quantity, product->reserved);
            product->received = ds_audit_plus(item->quantity, product->committed);
            break;
        case DS_UPDATE_KIND_THRESHOLD:
            break;
        }
    }
    return check_levels(part, event, DS_STR(""), &updated->levels, error);
}

/* ---- reservations */

static void move(struct ds_audit_product *product, enum ds_audit_stock_step step, int64_t quantity)
{
    switch (step) {
    case DS_AUDIT_ON_RESERVED:
        product->available = ds_audit_minus(product->available, quantity);
        product->reserved = ds_audit_plus(product->reserved, quantity);
        break;
    case DS_AUDIT_ON_RELEASED:
        product->reserved = ds_audit_minus(product->reserved, quantity);
        product->available = ds_audit_plus(product->available, quantity);
        break;
    case DS_AUDIT_ON_COMMITTED:
        product->reserved = ds_audit_minus(product->reserved, quantity);
        product->committed = ds_audit_plus(product->committed, quantity);
        break;
    case DS_AUDIT_ON_RETURNED_STOCK:
        product->committed = ds_audit_minus(product->committed, quantity);
        product->available = ds_audit_plus(product->available, quantity);
        break;
    case DS_AUDIT_ON_STOCK_REJECTED:
        break;
    }
}

static struct ds_audit_held *held_line(const struct ds_audit_order *order, int32_t number)
{
    for (size_t i = 0; i < order->stock.line_count; i++)
        if (order->stock.lines[i].line == number)
            return &order->stock.lines[i];
    return NULL;
}

static void settle_line(struct ds_audit_part *part, const struct ds_audit_event *event,
                        const struct ds_audit_order *order, enum ds_audit_stock_step step,
                        const struct ds_line_quantity *item)
{
    struct ds_audit_place at = ds_audit_at(part, event, order->id);
    struct ds_audit_held *held = held_line(order, item->line);

    if (held == NULL || !ds_str_eq(held->product->id, item->product_id)) {
        ds_audit_found(part->report, "I4", at, "line %" PRId32 " was never reserved", item->line);
        return;
    }
    if (item->quantity < 0)
        ds_audit_found(part->report, "I4", at, "%" PRId32 " pieces of line %" PRId32,
                       item->quantity, item->line);
    if (step == DS_AUDIT_ON_RELEASED)
        held->released += item->quantity;
    else if (step == DS_AUDIT_ON_COMMITTED)
        held->committed += item->quantity;
    else if (step == DS_AUDIT_ON_RETURNED_STOCK)
        held->returned += item->quantity;
    if (held->released + held->committed > held->reserved)
        ds_audit_found(part->report, "I4", at,
                       "line %" PRId32 ": %" PRId64 " pieces released and %" PRId64
                       " committed of %" PRId64 " reserved",
                       item->line, held->released, held->committed, held->reserved);
    if (held->returned > held->committed)
        ds_audit_found(part->report, "I4", at,
                       "line %" PRId32 ": %" PRId64 " pieces returned of %" PRId64 " committed",
                       item->line, held->returned, held->committed);
}

static bool reserve(struct ds_audit_part *part, struct ds_audit_order *order,
                    const struct ds_array_of_line_quantity *lines, ds_error_t *error)
{
    order->stock.lines =
        ds_arena_calloc(part->arena, lines->count + 1, sizeof *order->stock.lines, error);
    order->stock.line_count = 0;
    if (order->stock.lines == NULL)
        return false;
    for (size_t i = 0; i < lines->count; i++) {
        struct ds_audit_held *held = &order->stock.lines[order->stock.line_count++];
        held->line = lines->items[i].line;
        held->reserved = lines->items[i].quantity;
        held->product = ds_audit_product_of(part, lines->items[i].product_id, error);
        if (held->product == NULL)
            return false;
    }
    return true;
}

static void follow(struct ds_audit_part *part, const struct ds_audit_event *event,
                   struct ds_audit_order *order, enum ds_audit_stock_step step)
{
    enum ds_audit_stock_state before = order->stock.state;
    if (!ds_audit_follow_stock(&order->stock.state, step))
        ds_audit_found(part->report, "I4", ds_audit_at(part, event, order->id), "%s in state %s",
                       ds_schema_ce_type(&ds_schema_inventory_events, event->event),
                       ds_audit_stock_state_text(before));
    const int64_t at_us = ((const struct ds_event_head *)event->event)->meta.at;
    if (order->stock.last < 0)
        order->stock.first_us = at_us;
    order->stock.last = event->offset;
    order->stock.last_us = at_us;
}

static void note_step(struct ds_audit_part *part, const struct ds_audit_event *event,
                      struct ds_audit_order *order, enum ds_audit_stock_step step)
{
    switch (step) {
    case DS_AUDIT_ON_RESERVED:
        order->stock.reserved = event->offset;
        ds_audit_note_reason(part, event, order, BY_ORDER, "STATE", &order->stock.answered_by);
        break;
    case DS_AUDIT_ON_STOCK_REJECTED:
        order->stock.rejected = event->offset;
        ds_audit_note_reason(part, event, order, BY_ORDER, "STATE", &order->stock.answered_by);
        break;
    case DS_AUDIT_ON_COMMITTED:
        order->stock.committed = event->offset;
        ds_audit_note_reason(part, event, order, BY_ORDER, "I4", &order->stock.committed_by);
        break;
    case DS_AUDIT_ON_RETURNED_STOCK:
        order->stock.returned = event->offset;
        ds_audit_note_reason(part, event, order, BY_ORDER, "I4", &order->stock.returned_by);
        break;
    case DS_AUDIT_ON_RELEASED: /* how many is counted a line */
        break;
    }
}

/* Of another life only the levels count. */
static bool is_over(const struct ds_audit_event *event, struct ds_audit_order *order,
                    enum ds_audit_stock_step step)
{
    bool is_first = step == DS_AUDIT_ON_RESERVED || step == DS_AUDIT_ON_STOCK_REJECTED;
    return order->has_left ||
           ds_audit_is_over(event, is_first, order->stock.last, order->stock.last_us,
                            DS_INVENTORY_MEMORY_US, &order->stock.again);
}

static bool step(struct ds_audit_part *part, const struct ds_audit_event *event, ds_str_t order_id,
                 enum ds_audit_stock_step what, const struct ds_array_of_line_quantity *lines,
                 const struct ds_array_of_stock_level *levels, ds_error_t *error)
{
    struct ds_audit_order *order = ds_audit_order_of(part, event, order_id, error);
    if (order == NULL)
        return false;
    const bool over = is_over(event, order, what);
    if (!over) {
        follow(part, event, order, what);
        note_step(part, event, order, what);
    }
    if (!over && what == DS_AUDIT_ON_RESERVED && !reserve(part, order, lines, error))
        return false;
    for (size_t i = 0; i < lines->count; i++) {
        struct ds_audit_product *product =
            ds_audit_product_of(part, lines->items[i].product_id, error);
        if (product == NULL)
            return false;
        move(product, what, lines->items[i].quantity);
        need_level(part, event, order_id, levels, product->id);
        if (!over && what != DS_AUDIT_ON_RESERVED)
            settle_line(part, event, order, what, &lines->items[i]);
    }
    return check_levels(part, event, order_id, levels, error);
}

bool ds_audit_fold_stock(struct ds_audit_part *part, const struct ds_audit_event *event,
                         ds_error_t *error)
{
    const struct ds_inventory_event *e = event->event;
    const struct ds_inventory_reserved *reserved = &e->body.as.inventory_reserved;
    const struct ds_inventory_released *released = &e->body.as.inventory_released;
    const struct ds_inventory_committed *committed = &e->body.as.inventory_committed;
    const struct ds_inventory_returned *returned = &e->body.as.inventory_returned;
    struct ds_audit_order *order;

    switch (e->body.kind) {
    case DS_INVENTORY_EVENT_INVENTORY_UPDATED:
        return update(part, event, &e->body.as.inventory_updated, error);
    case DS_INVENTORY_EVENT_INVENTORY_RESERVED:
        return step(part, event, reserved->order_id, DS_AUDIT_ON_RESERVED, &reserved->lines,
                    &reserved->levels, error);
    case DS_INVENTORY_EVENT_INVENTORY_RELEASED:
        return step(part, event, released->order_id, DS_AUDIT_ON_RELEASED, &released->lines,
                    &released->levels, error);
    case DS_INVENTORY_EVENT_INVENTORY_COMMITTED:
        return step(part, event, committed->order_id, DS_AUDIT_ON_COMMITTED, &committed->lines,
                    &committed->levels, error);
    case DS_INVENTORY_EVENT_INVENTORY_RETURNED:
        return step(part, event, returned->order_id, DS_AUDIT_ON_RETURNED_STOCK, &returned->lines,
                    &returned->levels, error);
    case DS_INVENTORY_EVENT_INVENTORY_REJECTED:
        order = ds_audit_order_of(part, event, e->body.as.inventory_rejected.order_id, error);
        if (order == NULL || is_over(event, order, DS_AUDIT_ON_STOCK_REJECTED))
            return order != NULL;
        follow(part, event, order, DS_AUDIT_ON_STOCK_REJECTED);
        note_step(part, event, order, DS_AUDIT_ON_STOCK_REJECTED);
        return true;
    case DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK:
        return check_notice(part, event, e->body.as.inventory_low_stock.product_id,
                            e->body.as.inventory_low_stock.available, error);
    case DS_INVENTORY_EVENT_INVENTORY_RESTOCKED:
        return check_notice(part, event, e->body.as.inventory_restocked.product_id,
                            e->body.as.inventory_restocked.available, error);
    default:
        return true;
    }
}
