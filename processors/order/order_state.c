#include "processors/order/order_state.h"

#include "base/limits.h"
#include "decider/memory.h"

#include <stdlib.h>

/* Per partition; what runs out first is memory. */
#define MAX_ORDERS  ((size_t)1 << 24)
#define IMAGE_FIRST 4096

static int32_t *deadline_handle(void *item)
{
    return &((struct ds_order_kept *)item)->deadline_handle;
}

static int32_t *expiry_handle(void *item)
{
    return &((struct ds_order_kept *)item)->expiry_handle;
}

static int by_id(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_order_kept *)a)->id, ((const struct ds_order_kept *)b)->id);
}

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "order: no memory for the state");
}

void *ds_orders_new(const void *settings, ds_error_t *error)
{
    struct ds_orders *orders = calloc(1, sizeof(*orders));
    if (orders != NULL) {
        orders->settings = settings;
        orders->by_id = ds_shelf_new(MAX_ORDERS);
        orders->deadlines = ds_heap_new(deadline_handle, by_id, MAX_ORDERS);
        orders->expiries = ds_heap_new(expiry_handle, by_id, MAX_ORDERS);
        orders->arena = ds_arena_new(IMAGE_FIRST, DS_MAX_DECODE_BYTES);
        ds_buf_init(&orders->buf, DS_MAX_RECORD_BYTES);
        if (orders->by_id != NULL && orders->deadlines != NULL && orders->expiries != NULL &&
            orders->arena != NULL)
            return orders;
    }
    (void)no_memory(error);
    ds_orders_destroy(orders);
    return NULL;
}

void ds_orders_destroy(void *state)
{
    struct ds_orders *orders = state;
    if (orders == NULL)
        return;
    ds_heap_destroy(orders->deadlines);
    ds_heap_destroy(orders->expiries);
    ds_shelf_destroy(orders->by_id, ds_order_kept_destroy);
    ds_arena_destroy(orders->arena);
    ds_buf_cleanup(&orders->buf);
    free(orders);
}

const struct ds_order_kept *ds_orders_find(const struct ds_orders *orders, ds_str_t order_id)
{
    return ds_shelf_get(orders->by_id, order_id);
}

static bool is_free(const void *skip, const void *order)
{
    return !ds_timer_is_held(skip, ((const struct ds_order_kept *)order)->id);
}

bool ds_orders_next_timer(const void *state, const struct ds_timer_skip *skip,
                          struct ds_timer *timer_out)
{
    const struct ds_orders *orders = state;
    int64_t due_us = 0;
    const struct ds_order_kept *order = ds_heap_peek_if(orders->deadlines, is_free, skip, &due_us);

    if (order == NULL)
        return false;
    *timer_out = (struct ds_timer){order->id, (int32_t)order->state, due_us};
    return true;
}

static void forget(struct ds_orders *orders, struct ds_order_kept *order)
{
    ds_heap_remove(orders->deadlines, order);
    ds_heap_remove(orders->expiries, order);
    (void)ds_shelf_take(orders->by_id, order->id);
    ds_order_kept_destroy(order);
}

/* A new entry; what stood under its id before (a tombstone) goes, and the image may have borrowed
 * from it. */
static struct ds_order_kept *add(struct ds_orders *orders, const struct ds_order_state_item *image,
                                 ds_error_t *error)
{
    struct ds_order_kept *old = ds_shelf_edit(orders->by_id, image->order_id);
    struct ds_order_kept *order = ds_order_kept_new(image->order_id, error);

    if (order == NULL)
        return NULL;
    order->state = (uint8_t)image->state;
    if (!ds_order_keep(order, image, &orders->buf, error) ||
        (image->has_details &&
         !ds_order_keep_note(order, image->details.has_note, image->details.note, error)))
        goto failed;
    if (old != NULL)
        forget(orders, old);
    if (ds_shelf_put(orders->by_id, order->id, order, NULL, error))
        return order;
failed:
    ds_order_kept_destroy(order);
    return NULL;
}

static bool set_due(struct ds_orders *orders, struct ds_order_kept *order, int64_t due_us,
                    ds_error_t *error)
{
    order->due_us = due_us;
    if (due_us != DS_ORDER_NO_DUE)
        return ds_heap_set(orders->deadlines, order, due_us, error);
    ds_heap_remove(orders->deadlines, order);
    return true;
}

static bool forget_at(struct ds_orders *orders, struct ds_order_kept *order, int64_t expires_us,
                      ds_error_t *error)
{
    order->expires_us = expires_us;
    return ds_heap_set(orders->expiries, order, expires_us, error);
}

/* Its image, to be changed and kept again. Valid until the next. NULL: an error. */
static struct ds_order_state_item *recall(const struct ds_orders *orders,
                                          const struct ds_order_kept *order, ds_error_t *error)
{
    ds_arena_reset(orders->arena);
    struct ds_order_state_item *image = ds_arena_alloc(orders->arena, sizeof(*image), error);

    return image != NULL && ds_order_recall(order, orders->arena, image, error) ? image : NULL;
}

static bool close_order(struct ds_orders *orders, struct ds_order_kept *order, int64_t at_us,
                        ds_error_t *error)
{
    struct ds_order_state_item *image = recall(orders, order, error);
    int64_t memory_us = order->state == DS_ORDER_NONE ? DS_ORDER_TOMBSTONE_US : DS_ORDER_MEMORY_US;

    if (image == NULL)
        return false;
    image->has_details = false;
    return ds_order_keep(order, image, &orders->buf, error) &&
           ds_order_keep_note(order, false, DS_STR(""), error) &&
           forget_at(orders, order, at_us + memory_us, error) &&
           set_due(orders, order, DS_ORDER_NO_DUE, error);
}

static void expire(struct ds_orders *orders, int64_t at_us)
{
    int64_t expires_us = 0;
    struct ds_order_kept *order = ds_heap_peek(orders->expiries, &expires_us);
    while (order != NULL && expires_us <= at_us) {
        forget(orders, order);
        order = ds_heap_peek(orders->expiries, &expires_us);
    }
}

bool ds_orders_add(struct ds_orders *orders, const struct ds_order_state_item *image,
                   struct ds_order_kept **order_out, ds_error_t *error)
{
    struct ds_order_kept *order = *order_out = add(orders, image, error);

    return order != NULL && (!image->has_due_at || set_due(orders, order, image->due_at, error)) &&
           (!image->has_expires_at || forget_at(orders, order, image->expires_at, error));
}

/* What an event that begins an order says of it. */
static struct ds_order_state_item image_of(ds_str_t order_id, ds_str_t customer_id,
                                           const struct ds_context *context)
{
    return (struct ds_order_state_item){
        .order_id = order_id,
        .state = DS_ORDER_NONE,
        .placed_offset = -1,
        .customer_id = customer_id,
        .body_hash = context->has_command ? context->command.body_hash : DS_STR(""),
        .correlation_id = context->correlation_id,
        .traceparent = context->has_traceparent ? context->traceparent : DS_STR(""),
    };
}

static int64_t offset_of_command(const struct ds_meta *meta)
{
    if (meta->cause.kind != DS_META_CAUSE_INPUT_CAUSE ||
        meta->cause.as.input_cause.input != DS_ORDER_INPUT_COMMANDS)
        return -1;
    return meta->cause.as.input_cause.offset;
}

/* Whom to tell stands in order.created for those who tell; this processor never needs it again. */
static struct ds_union_personal_data_sealed_data without_contact(
    struct ds_union_personal_data_sealed_data personal)
{
    if (personal.kind == DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA) {
        struct ds_personal_data *p = &personal.as.personal_data;
        p->has_email = p->has_push_token = p->has_language = false;
        p->email = p->push_token = p->language = (ds_str_t){0};
    }
    return personal;
}

static void fill_created(const struct ds_order_created *created, struct ds_open_line_image *lines,
                         struct ds_open_order_image *image)
{
    for (size_t i = 0; i < created->lines.count; i++)
        lines[i] = (struct ds_open_line_image){
            .line = created->lines.items[i].line,
            .product_id = created->lines.items[i].product_id,
            .ordered = created->lines.items[i].quantity,
            .left = created->lines.items[i].quantity,
            .unit_price_minor = created->lines.items[i].unit_price_minor,
        };
    *image = (struct ds_open_order_image){
        .lines = {lines, created->lines.count},
        .currency = created->currency,
        .delivery_fee_minor = created->delivery_fee_minor,
        .payment_method = created->payment_method,
        .has_payment_token = created->has_payment_token,
        .payment_token = created->payment_token,
        .personal = without_contact(created->personal),
        .has_store_place = created->has_store_place,
        .store_place = created->store_place,
        .has_hand_over_code = created->has_hand_over_code,
        .hand_over_code = created->hand_over_code,
        .placed_at = created->placed_at,
    };
}

static bool on_created(struct ds_orders *orders, const struct ds_order_event *event,
                       ds_error_t *error)
{
    const struct ds_order_created *created = &event->body.as.order_created;
    struct ds_order_state_item image =
        image_of(created->order_id, created->customer_id, &event->context);
    struct ds_open_line_image *lines = calloc(created->lines.count + 1, sizeof(*lines));
    struct ds_order_kept *order;

    if (lines == NULL)
        return no_memory(error);
    image.state = (int32_t)ds_order_follow(DS_ORDER_NONE, DS_ORDER_WAS_CREATED);
    image.placed_offset = offset_of_command(&event->meta);
    image.has_due_at = true;
    image.due_at = created->reserve_by;
    image.has_details = true;
    fill_created(created, lines, &image.details);
    bool ok = ds_orders_add(orders, &image, &order, error);
    free(lines);
    return ok;
}

static bool on_refused(struct ds_orders *orders, const struct ds_order_event *event,
                       ds_error_t *error)
{
    const struct ds_order_refused *refused = &event->body.as.order_refused;
    struct ds_order_state_item image =
        image_of(refused->order_id, refused->customer_id, &event->context);
    struct ds_order_kept *order;

    image.state = (int32_t)ds_order_follow(DS_ORDER_NONE, DS_ORDER_WAS_REFUSED);
    image.placed_offset = offset_of_command(&event->meta);
    return ds_orders_add(orders, &image, &order, error) &&
           close_order(orders, order, event->meta.at, error);
}

/* A refused cancel of an unknown order leaves a tombstone. The order may be known and somebody
 * else's: then it stays. */
static bool on_rejected(struct ds_orders *orders, const struct ds_order_event *event,
                        ds_error_t *error)
{
    const struct ds_command_rejected *rejected = &event->body.as.command_rejected;
    const struct ds_order_kept *known = ds_orders_find(orders, rejected->target);

    if (!ds_str_eq(rejected->reason, DS_STR("ORDER_UNKNOWN")) ||
        !ds_str_eq(rejected->operation, DS_STR("order.cancel")) ||
        event->context.actor.kind != DS_ACTOR_KIND_CUSTOMER || rejected->target.len == 0 ||
        rejected->target.len > DS_MAX_ID_BYTES || (known != NULL && known->state != DS_ORDER_NONE))
        return true;
    const struct ds_order_state_item image =
        image_of(rejected->target, event->context.actor.id, &event->context);
    struct ds_order_kept *stone;
    return ds_orders_add(orders, &image, &stone, error) &&
           close_order(orders, stone, event->meta.at, error);
}

static uint8_t follow(const struct ds_order_kept *order, enum ds_order_effect effect)
{
    return (uint8_t)ds_order_follow((enum ds_order_state)order->state, effect);
}

static struct ds_open_line_image *line_of(const struct ds_open_order_image *details, int32_t number)
{
    for (size_t i = 0; i < details->lines.count; i++) {
        if (details->lines.items[i].line == number)
            return &details->lines.items[i];
    }
    return NULL;
}

static void ask_lines(const struct ds_open_order_image *details,
                      const struct ds_line_quantity *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ds_open_line_image *line = line_of(details, items[i].line);
        if (line != NULL)
            line->asked += items[i].quantity;
    }
}

static bool cancel_lines(struct ds_orders *orders, struct ds_order_kept *order,
                         const struct ds_array_of_line_quantity *lines, ds_error_t *error)
{
    struct ds_order_state_item *image = recall(orders, order, error);

    if (image == NULL)
        return false;
    for (size_t i = 0; i < lines->count; i++) {
        struct ds_open_line_image *line = line_of(&image->details, lines->items[i].line);
        int32_t quantity = lines->items[i].quantity;
        if (line == NULL)
            continue;
        line->left -= quantity;
        line->asked -= quantity < line->asked ? quantity : line->asked;
    }
    order->state = follow(order, DS_ORDER_LINES_WERE_CANCELLED);
    return ds_order_keep(order, image, &orders->buf, error);
}

static bool on_cancel_requested(struct ds_orders *orders, struct ds_order_kept *order,
                                const struct ds_order_cancel_requested *request, ds_error_t *error)
{
    struct ds_order_state_item *image;

    if (request->scope == DS_CANCEL_SCOPE_ORDER) {
        order->state =
            follow(order, request->by == DS_CANCEL_BY_STAFF ? DS_ORDER_CANCEL_WAS_ASKED_BY_STAFF
                                                            : DS_ORDER_CANCEL_WAS_ASKED);
        return ds_order_keep_note(order, request->has_note, request->note, error) &&
               set_due(orders, order, DS_ORDER_NO_DUE, error);
    }
    image = recall(orders, order, error);
    if (image == NULL)
        return false;
    order->state = follow(order, DS_ORDER_LINES_WERE_ASKED);
    ask_lines(&image->details, request->lines.items, request->lines.count);
    return ds_order_keep(order, image, &orders->buf, error);
}

static bool on_cancel_refused(struct ds_orders *orders, struct ds_order_kept *order,
                              enum ds_cancel_scope scope, ds_error_t *error)
{
    struct ds_order_state_item *image;

    if (scope == DS_CANCEL_SCOPE_ORDER) {
        order->state = follow(order, DS_ORDER_CANCEL_WAS_REFUSED);
        return true;
    }
    order->state = follow(order, DS_ORDER_LINES_WERE_REFUSED);
    image = recall(orders, order, error);
    if (image == NULL)
        return false;
    for (size_t i = 0; i < image->details.lines.count; i++)
        image->details.lines.items[i].asked = 0;
    return ds_order_keep(order, image, &orders->buf, error);
}

static bool move(struct ds_orders *orders, struct ds_order_kept *order, enum ds_order_effect effect,
                 int64_t due_us, ds_error_t *error)
{
    order->state = follow(order, effect);
    return set_due(orders, order, due_us, error);
}

/* The open order an event is about. An event about another is left alone: what the log says of an
 * order that this logic has forgotten has no effect any more. */
static struct ds_order_kept *open_order(struct ds_orders *orders,
                                        const struct ds_order_event *event)
{
    struct ds_order_kept *order =
        ds_shelf_edit(orders->by_id, ds_schema_order_events.order_id(event));
    return order != NULL && order->is_open ? order : NULL;
}

static bool on_event_of_open(struct ds_orders *orders, struct ds_order_kept *order,
                             const struct ds_order_event *event, ds_error_t *error)
{
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED:
        return move(orders, order, DS_ORDER_PAYMENT_WAS_REQUESTED,
                    event->body.as.order_payment_requested.pay_by, error);
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        return move(orders, order, DS_ORDER_WAS_CONFIRMED,
                    event->body.as.order_confirmed.deliver_by, error);
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        return cancel_lines(orders, order, &event->body.as.order_lines_cancelled.lines, error);
    case DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED:
        return on_cancel_requested(orders, order, &event->body.as.order_cancel_requested, error);
    case DS_ORDER_EVENT_ORDER_CANCEL_REFUSED:
        return on_cancel_refused(orders, order, event->body.as.order_cancel_refused.scope, error);
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        return move(orders, order, DS_ORDER_WAS_PICKED_UP, DS_ORDER_NO_DUE, error);
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        order->state = follow(order, DS_ORDER_WAS_FULFILLED);
        return close_order(orders, order, event->meta.at, error);
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        order->state = follow(order, DS_ORDER_WAS_CANCELLED);
        return close_order(orders, order, event->meta.at, error);
    default: /* kinds of another table: the union also holds the protocol's records */
        return true;
    }
}

bool ds_orders_evolve(void *state, const void *event, ds_error_t *error)
{
    struct ds_orders *orders = state;
    const struct ds_order_event *e = event;
    struct ds_order_kept *order = NULL;
    bool ok = true;

    if (e->body.kind == DS_ORDER_EVENT_ORDER_CREATED)
        ok = on_created(orders, e, error);
    else if (e->body.kind == DS_ORDER_EVENT_ORDER_REFUSED)
        ok = on_refused(orders, e, error);
    else if (e->body.kind == DS_ORDER_EVENT_COMMAND_REJECTED)
        ok = on_rejected(orders, e, error);
    else if ((order = open_order(orders, e)) != NULL)
        ok = on_event_of_open(orders, order, e, error);
    /* Last: the event may be about an order whose time is up, and borrow its texts. */
    if (ok)
        expire(orders, e->meta.at);
    return ok;
}
