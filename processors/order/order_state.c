#include "processors/order/order_state.h"

#include "base/limits.h"

#include <stdlib.h>

/* Per partition; what runs out first is memory. */
#define MAX_ORDERS    ((size_t)1 << 24)
#define DETAILS_FIRST 1024
#define DETAILS_MAX   DS_MAX_DECODE_BYTES

static int32_t *deadline_handle(void *item)
{
    return &((struct ds_order *)item)->deadline_handle;
}

static int32_t *expiry_handle(void *item)
{
    return &((struct ds_order *)item)->expiry_handle;
}

static int by_id(const void *a, const void *b)
{
    return ds_str_cmp(((const struct ds_order *)a)->id, ((const struct ds_order *)b)->id);
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
        if (orders->by_id != NULL && orders->deadlines != NULL && orders->expiries != NULL)
            return orders;
    }
    (void)no_memory(error);
    ds_orders_destroy(orders);
    return NULL;
}

static void details_destroy(struct ds_order_details *details)
{
    if (details != NULL)
        ds_arena_destroy(details->arena); /* the struct itself lives in it */
}

static void order_destroy(void *value)
{
    struct ds_order *order = value;
    if (order == NULL)
        return;
    details_destroy(order->details);
    free(order);
}

void ds_orders_destroy(void *state)
{
    struct ds_orders *orders = state;
    if (orders == NULL)
        return;
    ds_heap_destroy(orders->deadlines);
    ds_heap_destroy(orders->expiries);
    ds_shelf_destroy(orders->by_id, order_destroy);
    free(orders);
}

const struct ds_order *ds_orders_find(const struct ds_orders *orders, ds_str_t order_id)
{
    return ds_shelf_get(orders->by_id, order_id);
}

static bool is_free(const void *skip, const void *order)
{
    return !ds_timer_is_held(skip, ((const struct ds_order *)order)->id);
}

bool ds_orders_next_timer(const void *state, const struct ds_timer_skip *skip,
                          struct ds_timer *timer_out)
{
    const struct ds_orders *orders = state;
    int64_t due_us = 0;
    const struct ds_order *order = ds_heap_peek_if(orders->deadlines, is_free, skip, &due_us);

    if (order == NULL)
        return false;
    *timer_out = (struct ds_timer){order->id, (int32_t)order->state, due_us};
    return true;
}

static ds_str_t pack(char **place, ds_str_t text)
{
    ds_str_t copy = {*place, text.len};
    if (text.len > 0)
        memcpy(*place, text.data, text.len);
    *place += text.len;
    return copy;
}

static void forget(struct ds_orders *orders, struct ds_order *order)
{
    ds_heap_remove(orders->deadlines, order);
    ds_heap_remove(orders->expiries, order);
    (void)ds_shelf_take(orders->by_id, order->id);
    order_destroy(order);
}

/* A new entry; what stood under its id before (a tombstone) goes. */
static struct ds_order *add(struct ds_orders *orders, const struct ds_order_state_item *image,
                            ds_error_t *error)
{
    size_t texts = (size_t)image->order_id.len + image->customer_id.len + image->body_hash.len +
                   image->correlation_id.len + image->traceparent.len;
    struct ds_order *old = ds_shelf_edit(orders->by_id, image->order_id);
    struct ds_order *order = calloc(1, sizeof(*order) + texts);

    if (order == NULL) {
        (void)no_memory(error);
        return NULL;
    }
    char *place = (char *)(order + 1);
    order->id = pack(&place, image->order_id);
    order->customer_id = pack(&place, image->customer_id);
    order->body_hash = pack(&place, image->body_hash);
    order->correlation_id = pack(&place, image->correlation_id);
    order->traceparent = pack(&place, image->traceparent);
    order->state = (enum ds_order_state)image->state;
    order->due_us = DS_ORDER_NO_DUE;
    order->placed_offset = image->placed_offset;
    order->deadline_handle = -1;
    order->expiry_handle = -1;
    if (old != NULL)
        forget(orders, old);
    if (!ds_shelf_put(orders->by_id, order->id, order, NULL, error)) {
        free(order);
        return NULL;
    }
    return order;
}

static bool set_due(struct ds_orders *orders, struct ds_order *order, int64_t due_us,
                    ds_error_t *error)
{
    order->due_us = due_us;
    if (due_us != DS_ORDER_NO_DUE)
        return ds_heap_set(orders->deadlines, order, due_us, error);
    ds_heap_remove(orders->deadlines, order);
    return true;
}

static bool forget_at(struct ds_orders *orders, struct ds_order *order, int64_t expires_us,
                      ds_error_t *error)
{
    order->expires_us = expires_us;
    return ds_heap_set(orders->expiries, order, expires_us, error);
}

static bool close_order(struct ds_orders *orders, struct ds_order *order, int64_t at_us,
                        ds_error_t *error)
{
    details_destroy(order->details);
    order->details = NULL;
    return forget_at(orders, order, at_us + DS_ORDER_MEMORY_US, error) &&
           set_due(orders, order, DS_ORDER_NO_DUE, error);
}

static void expire(struct ds_orders *orders, int64_t at_us)
{
    int64_t expires_us = 0;
    struct ds_order *order = ds_heap_peek(orders->expiries, &expires_us);
    while (order != NULL && expires_us <= at_us) {
        forget(orders, order);
        order = ds_heap_peek(orders->expiries, &expires_us);
    }
}

static bool dup_optional(ds_arena_t *arena, bool has, ds_str_t *text, ds_error_t *error)
{
    return !has || ds_arena_dup(arena, *text, text, error);
}

static bool dup_personal(ds_arena_t *arena, struct ds_union_personal_data_sealed_data *personal,
                         ds_error_t *error)
{
    if (personal->kind == DS_UNION_PERSONAL_DATA_SEALED_DATA_SEALED_DATA) {
        struct ds_sealed_data *sealed = &personal->as.sealed_data;
        ds_str_t data = {(const char *)sealed->data.data, sealed->data.len};
        if (!ds_arena_dup(arena, sealed->key_id, &sealed->key_id, error) ||
            !ds_arena_dup(arena, data, &data, error))
            return false;
        sealed->data = (ds_bytes_t){(const uint8_t *)data.data, data.len};
        return true;
    }
    struct ds_personal_data *p = &personal->as.personal_data;
    return dup_optional(arena, p->has_recipient, &p->recipient, error) &&
           dup_optional(arena, p->has_phone, &p->phone, error) &&
           ds_arena_dup(arena, p->street, &p->street, error) &&
           ds_arena_dup(arena, p->city, &p->city, error) &&
           dup_optional(arena, p->has_state, &p->state, error) &&
           dup_optional(arena, p->has_zip_code, &p->zip_code, error) &&
           dup_optional(arena, p->has_country, &p->country, error) &&
           dup_optional(arena, p->has_notes, &p->notes, error);
}

static bool fill_lines(struct ds_order_details *details,
                       const struct ds_array_of_open_line_image *lines, ds_error_t *error)
{
    size_t count = lines->count;
    details->lines = ds_arena_calloc(details->arena, count + 1, sizeof(*details->lines), error);
    if (details->lines == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct ds_open_line_image *from = &lines->items[i];
        struct ds_order_open_line *line = &details->lines[i];
        line->line = from->line;
        line->ordered = from->ordered;
        line->left = from->left;
        line->asked = from->asked;
        line->unit_price_minor = from->unit_price_minor;
        if (!ds_arena_dup(details->arena, from->product_id, &line->product_id, error))
            return false;
    }
    details->line_count = count;
    return true;
}

static struct ds_order_details *details_new(const struct ds_open_order_image *image,
                                            ds_error_t *error)
{
    ds_arena_t *arena = ds_arena_new(DETAILS_FIRST, DETAILS_MAX);
    struct ds_order_details *details = NULL;

    if (arena == NULL) {
        (void)no_memory(error);
        return NULL;
    }
    details = ds_arena_alloc(arena, sizeof(*details), error);
    if (details == NULL)
        goto out;
    details->arena = arena;
    details->delivery_fee_minor = image->delivery_fee_minor;
    details->payment_method = image->payment_method;
    details->has_payment_token = image->has_payment_token;
    details->payment_token = image->payment_token;
    details->personal = image->personal;
    details->has_store_place = image->has_store_place;
    details->store_place = image->store_place;
    details->has_hand_over_code = image->has_hand_over_code;
    details->hand_over_code = image->hand_over_code;
    details->placed_at_us = image->placed_at;
    details->has_note = image->has_note;
    details->note = image->note;
    if (ds_arena_dup(arena, image->currency, &details->currency, error) &&
        dup_optional(arena, details->has_payment_token, &details->payment_token, error) &&
        dup_optional(arena, details->has_hand_over_code, &details->hand_over_code, error) &&
        dup_optional(arena, details->has_note, &details->note, error) &&
        dup_personal(arena, &details->personal, error) && fill_lines(details, &image->lines, error))
        return details;
out:
    ds_arena_destroy(arena);
    return NULL;
}

bool ds_orders_add(struct ds_orders *orders, const struct ds_order_state_item *image,
                   struct ds_order **order_out, ds_error_t *error)
{
    struct ds_order *order = *order_out = add(orders, image, error);

    if (order == NULL)
        return false;
    if (image->has_details) {
        order->details = details_new(&image->details, error);
        if (order->details == NULL)
            return false;
    }
    return (!image->has_due_at || set_due(orders, order, image->due_at, error)) &&
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
    struct ds_order *order;

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
    struct ds_order *order;

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
    const struct ds_order *known = ds_orders_find(orders, rejected->target);

    if (!ds_str_eq(rejected->reason, DS_STR("ORDER_UNKNOWN")) ||
        !ds_str_eq(rejected->operation, DS_STR("order.cancel")) ||
        event->context.actor.kind != DS_ACTOR_KIND_CUSTOMER || rejected->target.len == 0 ||
        rejected->target.len > DS_MAX_ID_BYTES || (known != NULL && known->state != DS_ORDER_NONE))
        return true;
    const struct ds_order_state_item image =
        image_of(rejected->target, event->context.actor.id, &event->context);
    struct ds_order *stone;
    return ds_orders_add(orders, &image, &stone, error) &&
           close_order(orders, stone, event->meta.at, error);
}

static struct ds_order_open_line *line_of(struct ds_order_details *details, int32_t number)
{
    for (size_t i = 0; i < details->line_count; i++) {
        if (details->lines[i].line == number)
            return &details->lines[i];
    }
    return NULL;
}

static void ask_lines(struct ds_order_details *details, const struct ds_line_quantity *items,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ds_order_open_line *line = line_of(details, items[i].line);
        if (line != NULL)
            line->asked += items[i].quantity;
    }
}

static void cancel_lines(struct ds_order_details *details, const struct ds_line_quantity *items,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ds_order_open_line *line = line_of(details, items[i].line);
        if (line == NULL)
            continue;
        line->left -= items[i].quantity;
        line->asked -= items[i].quantity < line->asked ? items[i].quantity : line->asked;
    }
}

static bool on_cancel_requested(struct ds_orders *orders, struct ds_order *order,
                                const struct ds_order_cancel_requested *request, ds_error_t *error)
{
    struct ds_order_details *details = order->details;

    if (request->scope == DS_CANCEL_SCOPE_LINES) {
        order->state = ds_order_follow(order->state, DS_ORDER_LINES_WERE_ASKED);
        ask_lines(details, request->lines.items, request->lines.count);
        return true;
    }
    order->state = ds_order_follow(order->state, request->by == DS_CANCEL_BY_STAFF
                                                     ? DS_ORDER_CANCEL_WAS_ASKED_BY_STAFF
                                                     : DS_ORDER_CANCEL_WAS_ASKED);
    details->has_note = request->has_note;
    details->note = request->note;
    return dup_optional(details->arena, details->has_note, &details->note, error) &&
           set_due(orders, order, DS_ORDER_NO_DUE, error);
}

static void on_cancel_refused(struct ds_order *order, enum ds_cancel_scope scope)
{
    if (scope == DS_CANCEL_SCOPE_ORDER) {
        order->state = ds_order_follow(order->state, DS_ORDER_CANCEL_WAS_REFUSED);
        return;
    }
    order->state = ds_order_follow(order->state, DS_ORDER_LINES_WERE_REFUSED);
    for (size_t i = 0; i < order->details->line_count; i++)
        order->details->lines[i].asked = 0;
}

static bool move(struct ds_orders *orders, struct ds_order *order, enum ds_order_effect effect,
                 int64_t due_us, ds_error_t *error)
{
    order->state = ds_order_follow(order->state, effect);
    return set_due(orders, order, due_us, error);
}

/* The open order an event is about. An event about another is left alone: what the log says of an
 * order that this logic has forgotten has no effect any more. */
static struct ds_order *open_order(struct ds_orders *orders, const struct ds_order_event *event)
{
    struct ds_order *order = ds_shelf_edit(orders->by_id, ds_schema_order_events.order_id(event));
    return order != NULL && order->details != NULL ? order : NULL;
}

static bool on_event_of_open(struct ds_orders *orders, struct ds_order *order,
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
        cancel_lines(order->details, event->body.as.order_lines_cancelled.lines.items,
                     event->body.as.order_lines_cancelled.lines.count);
        return move(orders, order, DS_ORDER_LINES_WERE_CANCELLED, order->due_us, error);
    case DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED:
        return on_cancel_requested(orders, order, &event->body.as.order_cancel_requested, error);
    case DS_ORDER_EVENT_ORDER_CANCEL_REFUSED:
        on_cancel_refused(order, event->body.as.order_cancel_refused.scope);
        return true;
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        return move(orders, order, DS_ORDER_WAS_PICKED_UP, DS_ORDER_NO_DUE, error);
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        order->state = ds_order_follow(order->state, DS_ORDER_WAS_FULFILLED);
        return close_order(orders, order, event->meta.at, error);
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        order->state = ds_order_follow(order->state, DS_ORDER_WAS_CANCELLED);
        return close_order(orders, order, event->meta.at, error);
    default: /* kinds of another table: the union also holds the protocol's records */
        return true;
    }
}

bool ds_orders_evolve(void *state, const void *event, ds_error_t *error)
{
    struct ds_orders *orders = state;
    const struct ds_order_event *e = event;
    struct ds_order *order = NULL;
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
