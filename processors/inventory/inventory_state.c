#include "processors/inventory/inventory_state.h"

#include "base/planted.h"
#include "decider/memory.h"

#include <stdlib.h>

static int32_t *owed_handle(void *item)
{
    return &((struct ds_stock *)item)->owed_handle;
}

static int owed_tie(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_stock *)a)->product_id,
                      ((const struct ds_stock *)b)->product_id);
}

static int32_t *closed_handle(void *item)
{
    return &((struct ds_reservation *)item)->closed_handle;
}

static int closed_tie(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_reservation *)a)->order_id,
                      ((const struct ds_reservation *)b)->order_id);
}

struct ds_inventory *ds_inventory_new(ds_error_t *error)
{
    struct ds_inventory *inventory = calloc(1, sizeof *inventory);
    if (inventory == NULL)
        goto out;
    inventory->products = ds_shelf_new(DS_INVENTORY_PRODUCTS_MAX);
    inventory->reservations = ds_shelf_new(DS_INVENTORY_RESERVATIONS_MAX);
    inventory->closed = ds_heap_new(closed_handle, closed_tie, DS_INVENTORY_RESERVATIONS_MAX);
    inventory->owed = ds_heap_new(owed_handle, owed_tie, DS_INVENTORY_PRODUCTS_MAX);
    if (inventory->products != NULL && inventory->reservations != NULL &&
        inventory->closed != NULL && inventory->owed != NULL)
        return inventory;
out:
    ds_inventory_destroy(inventory);
    ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a state of inventory");
    return NULL;
}

static void stock_destroy(void *value)
{
    struct ds_stock *stock = value;
    free(stock->owed_correlation_id);
    free(stock);
}

void ds_inventory_destroy(struct ds_inventory *inventory)
{
    if (inventory == NULL)
        return;
    ds_heap_destroy(inventory->owed);
    ds_heap_destroy(inventory->closed);
    ds_shelf_destroy(inventory->reservations, free);
    ds_shelf_destroy(inventory->products, stock_destroy);
    free(inventory);
}

const struct ds_stock *ds_inventory_stock(const struct ds_inventory *inventory, ds_str_t product_id)
{
    return ds_shelf_get(inventory->products, product_id);
}

const struct ds_reservation *ds_inventory_reservation(const struct ds_inventory *inventory,
                                                      ds_str_t order_id)
{
    return ds_shelf_get(inventory->reservations, order_id);
}

enum ds_reservation_state ds_inventory_reservation_state(const struct ds_inventory *inventory,
                                                         ds_str_t order_id)
{
    const struct ds_reservation *reservation = ds_inventory_reservation(inventory, order_id);
    return reservation == NULL ? DS_RESERVATION_NONE : reservation->state;
}

static struct ds_stock *add_stock(struct ds_inventory *inventory, ds_str_t id, ds_error_t *error)
{
    struct ds_stock *stock = calloc(1, sizeof *stock + id.len + 1);
    if (stock == NULL) {
        ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "stock of a product");
        return NULL;
    }
    char *text = (char *)(stock + 1);
    if (id.len > 0)
        memcpy(text, id.data, id.len);
    stock->product_id = (ds_str_t){text, id.len};
    stock->owed_handle = -1;
    if (!ds_shelf_put(inventory->products, stock->product_id, stock, NULL, error)) {
        free(stock);
        return NULL;
    }
    return stock;
}

struct ds_stock *ds_inventory_edit_stock(struct ds_inventory *inventory, ds_str_t product_id,
                                         ds_error_t *error)
{
    struct ds_stock *stock = ds_shelf_edit(inventory->products, product_id);
    return stock != NULL ? stock : add_stock(inventory, product_id, error);
}

bool ds_inventory_owe(struct ds_inventory *inventory, struct ds_stock *stock, int64_t at_us,
                      ds_str_t correlation_id, ds_error_t *error)
{
    char *copy = ds_str_dup(correlation_id);
    if (copy == NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a correlation id");
    free(stock->owed_correlation_id);
    stock->owed_correlation_id = copy;
    stock->owed_us = at_us;
    return ds_heap_set(inventory->owed, stock, at_us, error);
}

/* Keep `owed` right after a product's level, threshold or announcement has changed. */
static bool settle_notice(struct ds_inventory *inventory, struct ds_stock *stock,
                          const struct ds_inventory_event *event, ds_error_t *error)
{
    if ((stock->available < stock->threshold) != stock->low)
        return ds_inventory_owe(inventory, stock, event->meta.at, event->context.correlation_id,
                                error);
    ds_heap_remove(inventory->owed, stock);
    free(stock->owed_correlation_id);
    stock->owed_correlation_id = NULL;
    return true;
}

static bool apply_levels(struct ds_inventory *inventory, const struct ds_stock_level *levels,
                         size_t count, const struct ds_inventory_event *event, ds_error_t *error)
{
    for (size_t i = 0; i < count; i++) {
        struct ds_stock *stock = ds_inventory_edit_stock(inventory, levels[i].product_id, error);
        if (stock == NULL)
            return false;
        stock->received = levels[i].received;
        stock->available = levels[i].available;
        stock->reserved = levels[i].reserved;
        stock->committed = levels[i].committed;
        if (!settle_notice(inventory, stock, event, error))
            return false;
    }
    return true;
}

static bool apply_updated(struct ds_inventory *inventory, const struct ds_inventory_event *event,
                          ds_error_t *error)
{
    const struct ds_inventory_updated *updated = &event->body.as.inventory_updated;
    if (updated->kind == DS_UPDATE_KIND_THRESHOLD)
        for (size_t i = 0; i < updated->changes.count; i++) {
            const struct ds_stock_item *item = &updated->changes.items[i];
            struct ds_stock *stock = ds_inventory_edit_stock(inventory, item->product_id, error);
            if (stock == NULL)
                return false;
            stock->threshold = item->quantity;
        }
    return apply_levels(inventory, updated->levels.items, updated->levels.count, event, error);
}

static bool apply_notice(struct ds_inventory *inventory, ds_str_t product_id, bool low,
                         const struct ds_inventory_event *event, ds_error_t *error)
{
    struct ds_stock *stock = ds_inventory_edit_stock(inventory, product_id, error);
    if (stock == NULL)
        return false;
    stock->low = low;
    return settle_notice(inventory, stock, event, error);
}

static struct ds_reservation *new_reservation(struct ds_inventory *inventory, ds_str_t order_id,
                                              const struct ds_array_of_line_quantity *lines,
                                              ds_error_t *error)
{
    size_t lines_bytes = lines->count * sizeof(struct ds_reserved_line);
    struct ds_reservation *reservation = NULL;

    reservation = calloc(1, sizeof *reservation + lines_bytes + order_id.len + 1);
    if (reservation == NULL) {
        ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a reservation");
        return NULL;
    }
    char *text = (char *)(reservation->lines + lines->count);
    if (order_id.len > 0)
        memcpy(text, order_id.data, order_id.len);
    reservation->order_id = (ds_str_t){text, order_id.len};
    reservation->state = DS_RESERVATION_HELD;
    reservation->closed_handle = -1;
    reservation->line_count = lines->count;
    for (size_t i = 0; i < lines->count; i++) {
        struct ds_stock *stock =
            ds_inventory_edit_stock(inventory, lines->items[i].product_id, error);
        if (stock == NULL) {
            free(reservation);
            return NULL;
        }
        reservation->lines[i] =
            (struct ds_reserved_line){stock, lines->items[i].line, lines->items[i].quantity};
    }
    return reservation;
}

bool ds_inventory_add_reservation(struct ds_inventory *inventory, ds_str_t order_id,
                                  const struct ds_array_of_line_quantity *lines,
                                  struct ds_reservation **reservation_out, ds_error_t *error)
{
    struct ds_reservation *reservation = new_reservation(inventory, order_id, lines, error);

    *reservation_out = NULL;
    if (reservation == NULL)
        return false;
    if (!ds_shelf_put(inventory->reservations, reservation->order_id, reservation, NULL, error)) {
        free(reservation);
        return false;
    }
    *reservation_out = reservation;
    return true;
}

bool ds_inventory_close(struct ds_inventory *inventory, struct ds_reservation *reservation,
                        int64_t at_us, ds_error_t *error)
{
    reservation->closed_us = at_us;
    return ds_heap_set(inventory->closed, reservation, at_us, error);
}

static void forget(struct ds_inventory *inventory, struct ds_reservation *reservation)
{
    ds_heap_remove(inventory->closed, reservation);
    (void)ds_shelf_take(inventory->reservations, reservation->order_id);
    free(reservation);
}

/* decide reserves only where it knows no reservation. One that is over and known here had been
 * forgotten when this was decided, by a logic that remembered for less time. */
static bool apply_reserved(struct ds_inventory *inventory, const struct ds_inventory_event *event,
                           ds_error_t *error)
{
    const struct ds_inventory_reserved *reserved = &event->body.as.inventory_reserved;
    struct ds_reservation *reservation = ds_shelf_edit(inventory->reservations, reserved->order_id);
    if (reservation != NULL && reservation->state == DS_RESERVATION_HELD)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "%.*s is reserved twice",
                            DS_STR_ARG(reserved->order_id));
    if (reservation != NULL)
        forget(inventory, reservation);
    return ds_inventory_add_reservation(inventory, reserved->order_id, &reserved->lines,
                                        &reservation, error) &&
           apply_levels(inventory, reserved->levels.items, reserved->levels.count, event, error);
}

static void take_off(struct ds_reservation *reservation,
                     const struct ds_array_of_line_quantity *off)
{
    for (size_t i = 0; i < off->count; i++)
        for (size_t k = 0; k < reservation->line_count; k++)
            if (reservation->lines[k].line == off->items[i].line) {
                reservation->lines[k].quantity -= off->items[i].quantity;
                break;
            }
}

static bool anything_left(const struct ds_reservation *reservation)
{
    for (size_t k = 0; k < reservation->line_count; k++)
        if (reservation->lines[k].quantity > 0)
            return true;
    return false;
}

static bool find_reservation(struct ds_inventory *inventory, ds_str_t order_id,
                             struct ds_reservation **reservation_out, ds_error_t *error)
{
    *reservation_out = ds_shelf_edit(inventory->reservations, order_id);
    if (*reservation_out != NULL)
        return true;
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                        "an event about %.*s, which is not reserved", DS_STR_ARG(order_id));
}

/* Some lines released: HELD stays. All that was left: RELEASED, also when nothing was left any
 * more. A release of lines that leaves nothing looks the same in the log; order.cancelled follows
 * it and finds nothing to do. */
static bool apply_released(struct ds_inventory *inventory, const struct ds_inventory_event *event,
                           ds_error_t *error)
{
    const struct ds_inventory_released *released = &event->body.as.inventory_released;
    struct ds_reservation *reservation;
    if (!find_reservation(inventory, released->order_id, &reservation, error))
        return false;
    if (!DS_PLANTED(DOUBLE_RELEASE))
        take_off(reservation, &released->lines);
    if (!anything_left(reservation)) {
        reservation->state = DS_RESERVATION_RELEASED;
        if (!ds_inventory_close(inventory, reservation, event->meta.at, error))
            return false;
    }
    return apply_levels(inventory, released->levels.items, released->levels.count, event, error);
}

static bool apply_committed(struct ds_inventory *inventory, const struct ds_inventory_event *event,
                            ds_error_t *error)
{
    const struct ds_inventory_committed *committed = &event->body.as.inventory_committed;
    struct ds_reservation *reservation;
    if (!find_reservation(inventory, committed->order_id, &reservation, error))
        return false;
    reservation->state = DS_RESERVATION_COMMITTED;
    return ds_inventory_close(inventory, reservation, event->meta.at, error) &&
           apply_levels(inventory, committed->levels.items, committed->levels.count, event, error);
}

static bool apply_returned(struct ds_inventory *inventory, const struct ds_inventory_event *event,
                           ds_error_t *error)
{
    const struct ds_inventory_returned *returned = &event->body.as.inventory_returned;
    struct ds_reservation *reservation;
    if (!find_reservation(inventory, returned->order_id, &reservation, error))
        return false;
    reservation->state = DS_RESERVATION_RETURNED;
    return ds_inventory_close(inventory, reservation, event->meta.at, error) &&
           apply_levels(inventory, returned->levels.items, returned->levels.count, event, error);
}

static void forget_old(struct ds_inventory *inventory, int64_t at_us)
{
    int64_t last_us;
    struct ds_reservation *oldest;
    while ((oldest = ds_heap_peek(inventory->closed, &last_us)) != NULL &&
           last_us + DS_INVENTORY_MEMORY_US <= at_us)
        forget(inventory, oldest);
}

static bool apply(struct ds_inventory *inventory, const struct ds_inventory_event *event,
                  ds_error_t *error)
{
    switch (event->body.kind) {
    case DS_INVENTORY_EVENT_INVENTORY_UPDATED:
        return apply_updated(inventory, event, error);
    case DS_INVENTORY_EVENT_INVENTORY_RESERVED:
        return apply_reserved(inventory, event, error);
    case DS_INVENTORY_EVENT_INVENTORY_RELEASED:
        return apply_released(inventory, event, error);
    case DS_INVENTORY_EVENT_INVENTORY_COMMITTED:
        return apply_committed(inventory, event, error);
    case DS_INVENTORY_EVENT_INVENTORY_RETURNED:
        return apply_returned(inventory, event, error);
    case DS_INVENTORY_EVENT_INVENTORY_LOW_STOCK:
        return apply_notice(inventory, event->body.as.inventory_low_stock.product_id, true, event,
                            error);
    case DS_INVENTORY_EVENT_INVENTORY_RESTOCKED:
        return apply_notice(inventory, event->body.as.inventory_restocked.product_id, false, event,
                            error);
    default: /* inventory.rejected, command.rejected, command.repeated: nothing is kept of them */
        return true;
    }
}

bool ds_inventory_evolve(struct ds_inventory *inventory, const struct ds_inventory_event *event,
                         ds_error_t *error)
{
    if (!apply(inventory, event, error))
        return false;
    forget_old(inventory, event->meta.at);
    return true;
}

static bool is_free(const void *skip, const void *stock)
{
    return !ds_timer_is_held(skip, ((const struct ds_stock *)stock)->product_id);
}

bool ds_inventory_next_timer(const struct ds_inventory *inventory, const struct ds_timer_skip *skip,
                             struct ds_timer *timer_out)
{
    int64_t due_us;
    const struct ds_stock *stock = ds_heap_peek_if(inventory->owed, is_free, skip, &due_us);
    if (stock == NULL)
        return false;
    *timer_out = (struct ds_timer){stock->product_id, DS_INVENTORY_TIMER_NOTICE, due_us};
    return true;
}
