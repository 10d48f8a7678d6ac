#include "processors/delivery/delivery_state.h"

#include "base/planted.h"
#include "decider/memory.h"

#include <stdlib.h>

static int32_t *timer_handle(void *item)
{
    return &((struct ds_delivery *)item)->timer_handle;
}

static int32_t *closed_delivery_handle(void *item)
{
    return &((struct ds_delivery *)item)->closed_handle;
}

static int delivery_tie(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_delivery *)a)->order_id,
                      ((const struct ds_delivery *)b)->order_id);
}

static int32_t *closed_courier_handle(void *item)
{
    return &((struct ds_courier *)item)->closed_handle;
}

static int courier_tie(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_courier *)a)->id, ((const struct ds_courier *)b)->id);
}

static int32_t *retry_handle(void *item)
{
    return &((struct ds_delivery_store *)item)->retry_handle;
}

static int store_tie(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_delivery_store *)a)->id,
                      ((const struct ds_delivery_store *)b)->id);
}

struct ds_dispatch *ds_dispatch_new(const struct ds_delivery_settings *settings, ds_error_t *error)
{
    struct ds_dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (dispatch == NULL)
        goto out;
    dispatch->settings = settings;
    dispatch->deliveries = ds_shelf_new(DS_DELIVERIES_MAX);
    dispatch->couriers = ds_shelf_new(DS_COURIERS_MAX);
    dispatch->stores = ds_shelf_new(DS_DELIVERY_STORES_MAX);
    dispatch->timers = ds_heap_new(timer_handle, delivery_tie, DS_DELIVERIES_MAX);
    dispatch->retries = ds_heap_new(retry_handle, store_tie, DS_DELIVERY_STORES_MAX);
    dispatch->closed_deliveries =
        ds_heap_new(closed_delivery_handle, delivery_tie, DS_DELIVERIES_MAX);
    dispatch->closed_couriers = ds_heap_new(closed_courier_handle, courier_tie, DS_COURIERS_MAX);
    if (dispatch->deliveries != NULL && dispatch->couriers != NULL && dispatch->stores != NULL &&
        dispatch->timers != NULL && dispatch->retries != NULL &&
        dispatch->closed_deliveries != NULL && dispatch->closed_couriers != NULL)
        return dispatch;
out:
    ds_dispatch_destroy(dispatch);
    ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a state of delivery");
    return NULL;
}

static void destroy_delivery(void *value)
{
    struct ds_delivery *delivery = value;
    free(delivery->lines.items);
    free(delivery->refusals);
    free(delivery);
}

static void destroy_courier(void *value)
{
    struct ds_courier *courier = value;
    free(courier->name);
    free(courier->vehicle);
    free(courier);
}

void ds_dispatch_destroy(struct ds_dispatch *dispatch)
{
    if (dispatch == NULL)
        return;
    ds_heap_destroy(dispatch->closed_couriers);
    ds_heap_destroy(dispatch->closed_deliveries);
    ds_heap_destroy(dispatch->retries);
    ds_heap_destroy(dispatch->timers);
    ds_shelf_destroy(dispatch->stores, free);
    ds_shelf_destroy(dispatch->couriers, destroy_courier);
    ds_shelf_destroy(dispatch->deliveries, destroy_delivery);
    free(dispatch);
}

const struct ds_delivery *ds_dispatch_delivery(const struct ds_dispatch *dispatch,
                                               ds_str_t order_id)
{
    return ds_shelf_get(dispatch->deliveries, order_id);
}

const struct ds_courier *ds_dispatch_courier(const struct ds_dispatch *dispatch,
                                             ds_str_t courier_id)
{
    return ds_shelf_get(dispatch->couriers, courier_id);
}

const struct ds_delivery_store *ds_dispatch_store_of(const struct ds_dispatch *dispatch,
                                                     ds_str_t id)
{
    return ds_shelf_get(dispatch->stores, ds_str_before(id, '.'));
}

const struct ds_refusal *ds_delivery_refusal(const struct ds_delivery *delivery,
                                             ds_str_t courier_id)
{
    for (int32_t i = 0; i < delivery->refusal_count; i++)
        if (ds_str_eq(ds_str(delivery->refusals[i].courier_id), courier_id))
            return &delivery->refusals[i];
    return NULL;
}

bool ds_courier_has_room(const struct ds_courier *courier)
{
    return courier->online && courier->load < courier->capacity + (DS_PLANTED(NO_CAPACITY) ? 1 : 0);
}

/* ---- adding */

/* Copy a text to *place and move on behind it. */
static ds_str_t put_text(char **place, ds_str_t text)
{
    ds_str_t copy = {*place, text.len};
    if (text.len > 0)
        memcpy(*place, text.data, text.len);
    (*place)[text.len] = '\0';
    *place += text.len + 1;
    return copy;
}

struct ds_delivery_store *ds_dispatch_edit_store(struct ds_dispatch *dispatch, ds_str_t of_id,
                                                 ds_error_t *error)
{
    ds_str_t id = ds_str_before(of_id, '.');
    struct ds_delivery_store *store = ds_shelf_edit(dispatch->stores, id);
    if (store != NULL)
        return store;
    store = calloc(1, sizeof *store + id.len + 1);
    if (store == NULL) {
        ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a store");
        return NULL;
    }
    char *place = (char *)(store + 1);
    store->id = put_text(&place, id);
    store->retry_handle = -1;
    if (!ds_shelf_put(dispatch->stores, store->id, store, NULL, error)) {
        free(store);
        return NULL;
    }
    return store;
}

static bool copy_lines(struct ds_delivery *delivery, const struct ds_array_of_line_quantity *lines,
                       ds_error_t *error)
{
    size_t bytes = (lines->count + 1) * sizeof *lines->items;
    for (size_t i = 0; i < lines->count; i++)
        bytes += lines->items[i].product_id.len + 1;
    delivery->lines.items = malloc(bytes);
    if (delivery->lines.items == NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "the lines of a delivery");
    delivery->lines.count = lines->count;
    char *place = (char *)(delivery->lines.items + lines->count);
    for (size_t i = 0; i < lines->count; i++) {
        delivery->lines.items[i] = lines->items[i];
        delivery->lines.items[i].product_id = put_text(&place, lines->items[i].product_id);
    }
    return true;
}

static bool copy_refusals(struct ds_delivery *delivery,
                          const struct ds_array_of_refusal_image *from, ds_error_t *error)
{
    if (from->count == 0)
        return true;
    if (from->count > DS_DELIVERY_REFUSALS_MAX)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "%zu refusals", from->count);
    delivery->refusals = calloc(from->count, sizeof *delivery->refusals);
    if (delivery->refusals == NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "refusals");
    for (size_t i = 0; i < from->count; i++) {
        struct ds_refusal *to = &delivery->refusals[i];
        if (!ds_str_to_array(from->items[i].courier_id, to->courier_id, sizeof to->courier_id))
            return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "a courier id of %u bytes",
                                from->items[i].courier_id.len);
        to->times = from->items[i].times;
        to->until_us = from->items[i].until;
    }
    delivery->refusal_count = (int32_t)from->count;
    return true;
}

static void copy_numbers(struct ds_delivery *delivery, const struct ds_delivery_image *image)
{
    delivery->state = (enum ds_delivery_state)image->state;
    delivery->number = image->number;
    delivery->payment_method = image->payment_method;
    delivery->total_minor = image->total_minor;
    delivery->total_known = image->total_known;
    delivery->offer_number = image->offer_number;
    delivery->attempts = image->attempts;
    delivery->arrived = image->arrived;
    delivery->code_failures = image->code_failures;
    delivery->due_us = image->due_at;
    delivery->placed_at = image->placed_at;
    delivery->search_until = image->search_until;
    delivery->offer_us = image->offer_us;
    delivery->picked_up_at = image->picked_up_at;
    delivery->silent_at = image->silent_at;
    delivery->late_at = image->late_at;
    delivery->silence_us = image->silence_us;
    delivery->closed_us = image->has_closed_at ? image->closed_at : 0;
}

static struct ds_delivery *new_delivery(const struct ds_delivery_image *image, ds_error_t *error)
{
    struct ds_delivery *delivery =
        calloc(1, sizeof *delivery + image->order_id.len + image->correlation_id.len +
                      image->traceparent.len + image->hand_over_code.len + 4);
    if (delivery == NULL) {
        ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a delivery");
        return NULL;
    }
    char *place = (char *)(delivery + 1);
    delivery->order_id = put_text(&place, image->order_id);
    delivery->correlation_id = put_text(&place, image->correlation_id);
    delivery->traceparent = put_text(&place, image->traceparent);
    if (image->has_hand_over_code)
        delivery->hand_over_code = put_text(&place, image->hand_over_code);
    delivery->timer_handle = -1;
    delivery->closed_handle = -1;
    copy_numbers(delivery, image);
    if (!copy_lines(delivery, &image->lines, error) ||
        !copy_refusals(delivery, &image->refusals, error)) {
        destroy_delivery(delivery);
        return NULL;
    }
    return delivery;
}

bool ds_dispatch_add_delivery(struct ds_dispatch *dispatch, const struct ds_delivery_image *image,
                              struct ds_delivery **delivery_out, ds_error_t *error)
{
    struct ds_delivery_store *store = ds_dispatch_edit_store(dispatch, image->order_id, error);
    struct ds_delivery *delivery = store == NULL ? NULL : new_delivery(image, error);
    *delivery_out = NULL;
    if (delivery == NULL)
        return false;
    delivery->store = store;
    if (!ds_shelf_put(dispatch->deliveries, delivery->order_id, delivery, NULL, error)) {
        destroy_delivery(delivery);
        return false;
    }
    *delivery_out = delivery;
    return true;
}

bool ds_dispatch_add_courier(struct ds_dispatch *dispatch, ds_str_t id,
                             struct ds_courier **courier_out, ds_error_t *error)
{
    struct ds_delivery_store *store = ds_dispatch_edit_store(dispatch, id, error);
    *courier_out = NULL;
    if (store == NULL)
        return false;
    struct ds_courier *courier = calloc(1, sizeof *courier + id.len + 1);
    if (courier == NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a courier");
    char *place = (char *)(courier + 1);
    courier->id = put_text(&place, id);
    courier->closed_handle = -1;
    courier->store = store;
    if (!ds_shelf_put(dispatch->couriers, courier->id, courier, NULL, error)) {
        free(courier);
        return false;
    }
    courier->next = store->couriers;
    if (store->couriers != NULL)
        store->couriers->previous = courier;
    store->couriers = courier;
    *courier_out = courier;
    return true;
}

/* ---- keeping lists and heaps true */

/* Behind which one of the list it belongs; NULL: in front of all. Whoever waits again was
 * requested early, whoever is new comes last: so both ends are walked from. */
static struct ds_delivery *find_previous(const struct ds_delivery_store *store, int64_t number)
{
    struct ds_delivery *from_first = store->waiting_first;
    struct ds_delivery *from_last = store->waiting_last;

    while (from_last != NULL && from_last->number > number) {
        if (from_first->number > number)
            return from_first->previous;
        from_first = from_first->next;
        from_last = from_last->previous;
    }
    return from_last;
}

static void list(struct ds_delivery *delivery)
{
    struct ds_delivery_store *store = delivery->store;
    struct ds_delivery **from_previous;
    struct ds_delivery **from_next;

    if (delivery->listed)
        return;
    delivery->listed = true;
    delivery->previous = find_previous(store, delivery->number);
    from_previous = delivery->previous == NULL ? &store->waiting_first : &delivery->previous->next;
    delivery->next = *from_previous;
    from_next = delivery->next == NULL ? &store->waiting_last : &delivery->next->previous;
    *from_previous = *from_next = delivery;
}

static void unlist(struct ds_delivery *delivery)
{
    struct ds_delivery_store *store = delivery->store;

    if (!delivery->listed)
        return;
    delivery->listed = false;
    *(delivery->previous == NULL ? &store->waiting_first : &delivery->previous->next) =
        delivery->next;
    *(delivery->next == NULL ? &store->waiting_last : &delivery->next->previous) =
        delivery->previous;
}

static void count_refused(struct ds_delivery *delivery)
{
    bool refused = delivery->state == DS_DELIVERY_SEARCHING && delivery->refusal_count > 0;
    if (refused && !delivery->refused)
        delivery->store->refused++;
    if (!refused && delivery->refused)
        delivery->store->refused--;
    delivery->refused = refused;
}

/* What a delivery that is over still needs is its id and its state. */
static void strip(struct ds_delivery *delivery)
{
    free(delivery->lines.items);
    delivery->lines.items = NULL;
    delivery->lines.count = 0;
    free(delivery->refusals);
    delivery->refusals = NULL;
    delivery->refusal_count = 0;
}

bool ds_dispatch_place(struct ds_dispatch *dispatch, struct ds_delivery *delivery,
                       ds_error_t *error)
{
    switch (delivery->state) {
    case DS_DELIVERY_SEARCHING:
        list(delivery);
        count_refused(delivery);
        return ds_heap_set(dispatch->timers, delivery, delivery->due_us, error);
    case DS_DELIVERY_OFFERED:
    case DS_DELIVERY_ASSIGNED:
    case DS_DELIVERY_IN_TRANSIT:
    case DS_DELIVERY_SILENT:
    case DS_DELIVERY_RETURNING:
        unlist(delivery);
        count_refused(delivery);
        return ds_heap_set(dispatch->timers, delivery, delivery->due_us, error);
    case DS_DELIVERY_COMPLETED:
    case DS_DELIVERY_CANCELLED:
    case DS_DELIVERY_RETURNED:
    case DS_DELIVERY_LOST:
    case DS_DELIVERY_NONE:
    case DS_DELIVERY_STATES:
        break;
    }
    unlist(delivery);
    count_refused(delivery);
    ds_heap_remove(dispatch->timers, delivery);
    strip(delivery);
    return ds_heap_set(dispatch->closed_deliveries, delivery, delivery->closed_us, error);
}

bool ds_dispatch_enter(struct ds_dispatch *dispatch, struct ds_delivery *delivery,
                       enum ds_delivery_state state, int64_t due_us, int64_t at_us,
                       ds_error_t *error)
{
    delivery->state = state;
    delivery->due_us = due_us;
    delivery->closed_us = at_us;
    return ds_dispatch_place(dispatch, delivery, error);
}

bool ds_dispatch_settle_courier(struct ds_dispatch *dispatch, struct ds_courier *courier,
                                int64_t at_us, ds_error_t *error)
{
    courier->closed_us = at_us;
    if (!courier->online && courier->load == 0)
        return ds_heap_set(dispatch->closed_couriers, courier, at_us, error);
    ds_heap_remove(dispatch->closed_couriers, courier);
    return true;
}

/* Where a courier's refusal stands, or goes: a new place, or that of the one whose pause ends
 * first. */
static struct ds_refusal *refusal_place(struct ds_delivery *delivery, ds_str_t courier_id,
                                        ds_error_t *error)
{
    struct ds_refusal *place = NULL;
    for (int32_t i = 0; i < delivery->refusal_count; i++) {
        struct ds_refusal *refusal = &delivery->refusals[i];
        if (ds_str_eq(ds_str(refusal->courier_id), courier_id))
            return refusal;
        if (place == NULL || refusal->until_us < place->until_us)
            place = refusal;
    }
    if (delivery->refusal_count < DS_DELIVERY_REFUSALS_MAX) {
        size_t count = (size_t)delivery->refusal_count + 1;
        struct ds_refusal *refusals = realloc(delivery->refusals, count * sizeof *refusals);
        if (refusals == NULL) {
            ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "a refusal");
            return NULL;
        }
        delivery->refusals = refusals;
        place = &refusals[delivery->refusal_count++];
    }
    memset(place, 0, sizeof *place);
    return place;
}

bool ds_delivery_note_refusal(struct ds_delivery *delivery, ds_str_t courier_id, int64_t at_us,
                              ds_error_t *error)
{
    struct ds_refusal *refusal = refusal_place(delivery, courier_id, error);
    if (refusal == NULL)
        return false;
    if (!ds_str_to_array(courier_id, refusal->courier_id, sizeof refusal->courier_id))
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "a courier id of %u bytes",
                            courier_id.len);
    refusal->times++;
    refusal->until_us = at_us + delivery->offer_us * refusal->times;
    count_refused(delivery);
    return true;
}

/* When this searching delivery may go to a courier that refused it and has room. */
static bool retry_time(const struct ds_dispatch *dispatch, const struct ds_delivery *delivery,
                       int64_t at_us, int64_t *due_out)
{
    bool found = false;
    *due_out = 0;
    for (int32_t i = 0; i < delivery->refusal_count; i++) {
        const struct ds_refusal *refusal = &delivery->refusals[i];
        const struct ds_courier *courier =
            ds_dispatch_courier(dispatch, ds_str(refusal->courier_id));
        int64_t due_us = refusal->until_us > at_us ? refusal->until_us : at_us;
        if (courier == NULL || !ds_courier_has_room(courier) || due_us >= delivery->search_until)
            continue;
        if (!found || due_us < *due_out)
            *due_out = due_us;
        found = true;
    }
    return found;
}

static const struct ds_delivery *next_retry(const struct ds_dispatch *dispatch,
                                            const struct ds_delivery_store *store, int64_t at_us,
                                            int64_t *best_out)
{
    const struct ds_delivery *best = NULL;
    size_t left = store->refused; /* most of them are old: near the front */
    for (const struct ds_delivery *d = store->waiting_first; d != NULL && left > 0; d = d->next) {
        int64_t due_us;
        left -= d->refused;
        if (!d->refused || !retry_time(dispatch, d, at_us, &due_us))
            continue;
        if (best == NULL || due_us < *best_out) {
            best = d;
            *best_out = due_us;
        }
    }
    return best;
}

bool ds_dispatch_settle_store(struct ds_dispatch *dispatch, struct ds_delivery_store *store,
                              int64_t at_us, ds_error_t *error)
{
    int64_t retry_us = 0;
    const struct ds_delivery *retry = next_retry(dispatch, store, at_us, &retry_us);
    ds_shelf_touch(dispatch->stores, store->id);
    store->retry_us = retry_us;
    if (!ds_str_to_array(retry == NULL ? DS_STR("") : retry->order_id, store->retry_id,
                         sizeof store->retry_id))
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "an order id of %u bytes",
                            retry->order_id.len);
    if (retry != NULL)
        return ds_heap_set(dispatch->retries, store, retry_us, error);
    ds_heap_remove(dispatch->retries, store);
    return true;
}

static void forget_courier(struct ds_dispatch *dispatch, struct ds_courier *courier)
{
    if (courier->previous != NULL)
        courier->previous->next = courier->next;
    else
        courier->store->couriers = courier->next;
    if (courier->next != NULL)
        courier->next->previous = courier->previous;
    (void)ds_shelf_take(dispatch->couriers, courier->id);
    destroy_courier(courier);
}

void ds_dispatch_forget(struct ds_dispatch *dispatch, int64_t at_us)
{
    int64_t last_us;
    void *oldest;
    while ((oldest = ds_heap_peek(dispatch->closed_deliveries, &last_us)) != NULL &&
           last_us + DS_DELIVERY_MEMORY_US <= at_us) {
        ds_heap_remove(dispatch->closed_deliveries, oldest);
        (void)ds_shelf_take(dispatch->deliveries, ((struct ds_delivery *)oldest)->order_id);
        destroy_delivery(oldest);
    }
    while ((oldest = ds_heap_peek(dispatch->closed_couriers, &last_us)) != NULL &&
           last_us + DS_DELIVERY_MEMORY_US <= at_us) {
        ds_heap_remove(dispatch->closed_couriers, oldest);
        forget_courier(dispatch, oldest);
    }
}

static bool is_free(const void *skip, const void *delivery)
{
    return !ds_timer_is_held(skip, ((const struct ds_delivery *)delivery)->order_id);
}

/* A store has one retry, the earliest: while that order is quarantined it waits for all. */
static bool may_retry(const void *skip, const void *store)
{
    return !ds_timer_is_held(skip, ds_str(((const struct ds_delivery_store *)store)->retry_id));
}

bool ds_dispatch_next_timer(const struct ds_dispatch *dispatch, const struct ds_timer_skip *skip,
                            struct ds_timer *timer_out)
{
    int64_t due_us;
    int64_t retry_us;
    const struct ds_delivery *delivery = ds_heap_peek_if(dispatch->timers, is_free, skip, &due_us);
    const struct ds_delivery_store *store =
        ds_heap_peek_if(dispatch->retries, may_retry, skip, &retry_us);
    if (delivery == NULL && store == NULL)
        return false;
    if (store != NULL && (delivery == NULL || retry_us < due_us))
        *timer_out = (struct ds_timer){ds_str(store->retry_id), DS_DELIVERY_TIMER_RETRY, retry_us};
    else
        *timer_out = (struct ds_timer){delivery->order_id, (int32_t)delivery->state, due_us};
    return true;
}
