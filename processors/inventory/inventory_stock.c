/* What staff asks of the stock: goods come in, are found or gone, are counted, get a threshold. All
 * items or none. */
#include "base/limits.h"
#include "processors/inventory/inventory_plan.h"

/* The four commands have the same shape. */
struct request {
    enum ds_update_kind kind;
    ds_str_t store_id;
    const struct ds_array_of_stock_item *items;
    ds_str_t reason; /* of an adjustment or a count; else empty */
};

static struct request read_request(const struct ds_inventory_command *command)
{
    switch (command->body.kind) {
    case DS_INVENTORY_COMMAND_ADJUST_STOCK:
        return (struct request){DS_UPDATE_KIND_ADJUSTED, command->body.as.adjust_stock.store_id,
                                &command->body.as.adjust_stock.items,
                                command->body.as.adjust_stock.reason};
    case DS_INVENTORY_COMMAND_COUNT_STOCK:
        return (struct request){DS_UPDATE_KIND_COUNTED, command->body.as.count_stock.store_id,
                                &command->body.as.count_stock.items,
                                command->body.as.count_stock.has_reason
                                    ? command->body.as.count_stock.reason
                                    : DS_STR("")};
    case DS_INVENTORY_COMMAND_SET_THRESHOLD:
        return (struct request){DS_UPDATE_KIND_THRESHOLD, command->body.as.set_threshold.store_id,
                                &command->body.as.set_threshold.items, DS_STR("")};
    default:
        return (struct request){DS_UPDATE_KIND_RECEIVED, command->body.as.receive_stock.store_id,
                                &command->body.as.receive_stock.items, DS_STR("")};
    }
}

/* What one item may ask for. */
static bool quantity_valid(enum ds_update_kind kind, int32_t quantity)
{
    switch (kind) {
    case DS_UPDATE_KIND_RECEIVED:
        return quantity >= 1 && quantity <= DS_INVENTORY_QUANTITY_MAX;
    case DS_UPDATE_KIND_ADJUSTED:
        return quantity != 0 && quantity >= -DS_INVENTORY_QUANTITY_MAX &&
               quantity <= DS_INVENTORY_QUANTITY_MAX;
    case DS_UPDATE_KIND_COUNTED:
    case DS_UPDATE_KIND_THRESHOLD:
        return quantity >= 0 && quantity <= DS_INVENTORY_QUANTITY_MAX;
    }
    return false;
}

/* The change of one product's level; NULL: fine, else the reason to refuse. `quantity` is a sum of
 * at most 500 items of a million, and a level at most 10^12: nothing here overflows. */
static const char *change_level(enum ds_update_kind kind, struct ds_stock_change *change)
{
    struct ds_stock_level *level = &change->after;
    if (change->stock == NULL && kind != DS_UPDATE_KIND_RECEIVED)
        return "PRODUCT_UNKNOWN";
    switch (kind) {
    case DS_UPDATE_KIND_RECEIVED:
    case DS_UPDATE_KIND_ADJUSTED:
        if (level->available + change->quantity < 0)
            return "STOCK_RESERVED";
        level->available += change->quantity;
        level->received += change->quantity;
        break;
    case DS_UPDATE_KIND_COUNTED:
        if (change->quantity < level->reserved)
            return "COUNT_BELOW_RESERVED";
        level->available = change->quantity - level->reserved;
        level->received = change->quantity + level->committed;
        break;
    case DS_UPDATE_KIND_THRESHOLD:
        change->threshold = change->quantity;
        break;
    }
    return level->received > DS_INVENTORY_LEVEL_MAX ? "INVALID_QUANTITY" : NULL;
}

/* Sum the items per product. The pieces of one product may be counted in several places; two
 * thresholds of one product contradict each other. */
static const char *sum_items(struct ds_stock_plan *plan, const struct request *request,
                             ds_str_t *culprit_out)
{
    for (size_t i = 0; i < request->items->count; i++) {
        const struct ds_stock_item *item = &request->items->items[i];
        bool again = false;
        *culprit_out = item->product_id;
        if (!quantity_valid(request->kind, item->quantity))
            return "INVALID_QUANTITY";
        if (!ds_str_eq(ds_str_before(item->product_id, '.'), request->store_id) ||
            item->product_id.len > DS_MAX_ID_BYTES)
            return "PRODUCT_UNKNOWN";
        ds_stock_plan_change(plan, item->product_id, &again)->quantity += item->quantity;
        if (again && request->kind == DS_UPDATE_KIND_THRESHOLD)
            return "INVALID_QUANTITY";
    }
    return NULL;
}

static const char *judge(struct ds_stock_plan *plan, const struct request *request,
                         ds_str_t *culprit_out)
{
    size_t unknown = 0;
    const char *reason = sum_items(plan, request, culprit_out);
    for (size_t i = 0; reason == NULL && i < plan->count; i++) {
        *culprit_out = plan->changes[i].product_id;
        unknown += plan->changes[i].stock == NULL ? 1 : 0;
        reason = change_level(request->kind, &plan->changes[i]);
    }
    if (reason == NULL &&
        ds_shelf_count(plan->inventory->products) + unknown > DS_INVENTORY_PRODUCTS_MAX)
        reason = "TOO_LARGE";
    return reason;
}

/* What is on the shelf after a count less what was expected to be; the reserved pieces stand there
 * too, before and after. */
static bool add_differences(const struct ds_stock_plan *plan,
                            struct ds_array_of_stock_difference *out, ds_error_t *error)
{
    out->items = ds_arena_calloc(ds_decision_arena(plan->decision), plan->count + 1,
                                 sizeof *out->items, error);
    if (out->items == NULL)
        return false;
    out->count = plan->count;
    for (size_t i = 0; i < plan->count; i++)
        out->items[i] = (struct ds_stock_difference){plan->changes[i].product_id,
                                                     plan->changes[i].after.available -
                                                         plan->changes[i].stock->available};
    return true;
}

static bool add_updated(const struct ds_stock_plan *plan, const struct request *request,
                        ds_error_t *error)
{
    struct ds_stock_item *changes =
        ds_arena_calloc(ds_decision_arena(plan->decision), plan->count + 1, sizeof *changes, error);
    struct ds_inventory_event *event;

    if (changes == NULL)
        return false;
    for (size_t i = 0; i < plan->count; i++)
        changes[i] =
            (struct ds_stock_item){plan->changes[i].product_id, (int32_t)plan->changes[i].quantity};
    event = ds_decision_add(plan->decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED;
    struct ds_inventory_updated *updated = &event->body.as.inventory_updated;
    updated->store_id = request->store_id;
    updated->kind = request->kind;
    updated->changes = (struct ds_array_of_stock_item){changes, plan->count};
    if (request->kind == DS_UPDATE_KIND_COUNTED &&
        !add_differences(plan, &updated->differences, error))
        return false;
    updated->has_reason = request->reason.len > 0;
    updated->reason = request->reason;
    return ds_stock_plan_levels(plan, &updated->levels, error);
}

/* "shop.milk: 3 available, 2 reserved"; a product that nobody knows has no levels. */
static bool reject(const struct ds_inventory *inventory, ds_decision_t *decision,
                   const struct ds_inventory_command *command, const struct request *request,
                   const char *reason, ds_str_t culprit, ds_error_t *error)
{
    ds_str_t operation = ds_str(ds_schema_ce_type(&ds_schema_inventory_commands, command));
    const struct ds_stock *stock = ds_inventory_stock(inventory, culprit);
    ds_str_t facts = culprit;

    if (!ds_decision_reject(decision, request->store_id, operation, reason, error))
        return false;
    if (stock != NULL &&
        !ds_arena_printf(ds_decision_arena(decision), &facts, error,
                         "%.*s: %lld available, %lld reserved", DS_STR_ARG(culprit),
                         (long long)stock->available, (long long)stock->reserved))
        return false;
    ds_decision_facts(decision, facts);
    return true;
}

bool ds_inventory_command(const struct ds_inventory *inventory,
                          const struct ds_inventory_command *command, ds_decision_t *decision,
                          ds_error_t *error)
{
    struct request request = read_request(command);
    enum ds_actor_kind actor = command->head.actor.kind;
    struct ds_stock_plan plan;
    ds_str_t culprit = {NULL, 0};
    const char *reason;

    if (actor == DS_ACTOR_KIND_CUSTOMER || actor == DS_ACTOR_KIND_COURIER)
        return reject(inventory, decision, command, &request, "FORBIDDEN", culprit, error);
    if (request.items->count == 0)
        return reject(inventory, decision, command, &request, "INVALID_QUANTITY", culprit, error);
    if (request.items->count > DS_MAX_BULK_ITEMS)
        return reject(inventory, decision, command, &request, "TOO_LARGE", culprit, error);
    if (!ds_stock_plan_init(&plan, inventory, decision, request.items->count, error))
        return false;
    reason = judge(&plan, &request, &culprit);
    if (reason != NULL)
        return reject(inventory, decision, command, &request, reason, culprit, error);
    return add_updated(&plan, &request, error) && ds_stock_plan_notices(&plan, error);
}
