#include "projections/postgres/fold.h"

/* Rows of orders, order_lines and order_addresses, from order.events alone. */

static ds_str_t order_id_of(const struct ds_order_event *event)
{
    return ds_schema_order_events.order_id(event);
}

bool ds_want_order(struct ds_sheets *sheets, const struct ds_order_event *event, ds_error_t *error)
{
    ds_str_t id = order_id_of(event);
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        if (!ds_sheets_want(sheets, DS_LOAD_ORDER_LINES, id, error))
            return false;
        break;
    case DS_ORDER_EVENT_ORDER_CREATED:
    case DS_ORDER_EVENT_ORDER_REFUSED:
        return true; /* its rows begin here */
    default:
        if (event->body.kind < DS_PROTOCOL_KINDS)
            return true;
        break;
    }
    return ds_sheets_want(sheets, DS_LOAD_ORDERS, id, error);
}

static bool make_line(struct ds_fold *fold, ds_str_t order_id, const struct ds_order_line *line,
                      ds_error_t *error)
{
    ds_str_t key;
    void *made = NULL;
    if (!ds_sheet_key(fold->sheets, order_id, line->line, &key, error) ||
        !ds_sheet_make(fold->sheets, DS_TABLE_ORDER_LINES, key, &made, error))
        return false;
    struct ds_order_line_row *row = made;
    row->order_id = order_id;
    row->line = line->line;
    row->product_id = line->product_id;
    row->name = line->name;
    row->quantity = line->quantity;
    row->unit_price_minor = line->unit_price_minor;
    row->total_minor = line->total_minor;
    row->catalog_offset = line->catalog_offset;
    row->last_offset = fold->offset;
    return true;
}

static bool make_lines(struct ds_fold *fold, ds_str_t order_id, const struct ds_order_line *lines,
                       size_t count, ds_error_t *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!make_line(fold, order_id, &lines[i], error))
            return false;
    }
    return true;
}

static void set_address(struct ds_order_address_row *row, const struct ds_personal_data *data)
{
    row->recipient = ds_fold_maybe(data->has_recipient, data->recipient);
    row->phone = ds_fold_maybe(data->has_phone, data->phone);
    row->street = ds_fold_maybe(true, data->street);
    row->city = ds_fold_maybe(true, data->city);
    row->state = ds_fold_maybe(data->has_state, data->state);
    row->zip_code = ds_fold_maybe(data->has_zip_code, data->zip_code);
    row->country = ds_fold_maybe(data->has_country, data->country);
    row->notes = ds_fold_maybe(data->has_notes, data->notes);
    if (data->has_place) {
        row->lat_e6 = data->place.lat_e6;
        row->lng_e6 = data->place.lng_e6;
    }
}

static bool make_address(struct ds_fold *fold, const struct ds_order_created *created,
                         ds_error_t *error)
{
    void *made = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_ORDER_ADDRESSES, created->order_id, &made, error))
        return false;
    struct ds_order_address_row *row = made;
    row->order_id = created->order_id;
    row->last_offset = fold->offset;
    row->hand_over_code = ds_fold_maybe(created->has_hand_over_code, created->hand_over_code);
    if (created->personal.kind == DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA)
        set_address(row, &created->personal.as.personal_data);
    else
        row->sealed_key_id = created->personal.as.sealed_data.key_id;
    return true;
}

/* What order.created and order.refused have in common. */
static bool make_order(struct ds_fold *fold, const struct ds_order_event *event, ds_str_t order_id,
                       struct ds_order_row **row_out, ds_error_t *error)
{
    void *made = NULL;
    *row_out = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_ORDERS, order_id, &made, error))
        return false;
    struct ds_order_row *row = made;
    row->order_id = order_id;
    row->correlation_id = event->context.correlation_id;
    if (event->context.has_command) {
        row->command_id = event->context.command.id;
        row->body_hash = event->context.command.body_hash;
    }
    row->updated_at = fold->at_us;
    row->partition = fold->partition;
    row->first_offset = fold->offset;
    row->last_offset = fold->offset;
    *row_out = row;
    return true;
}

static bool fold_created(struct ds_fold *fold, const struct ds_order_event *event,
                         ds_error_t *error)
{
    const struct ds_order_created *e = &event->body.as.order_created;
    struct ds_order_row *row = NULL;
    if (!make_order(fold, event, e->order_id, &row, error))
        return false;
    row->store_id = e->store_id;
    row->customer_id = e->customer_id;
    row->status = DS_STR("created");
    row->currency = e->currency;
    row->subtotal_minor = e->subtotal_minor;
    row->delivery_fee_minor = e->delivery_fee_minor;
    row->total_minor = e->total_minor;
    row->placed_at = e->placed_at;
    return ds_fold_lower(fold->sheets, ds_payment_method_text(e->payment_method),
                         &row->payment_method, error) &&
           make_lines(fold, e->order_id, e->lines.items, e->lines.count, error) &&
           make_address(fold, e, error);
}

static bool fold_refused(struct ds_fold *fold, const struct ds_order_event *event,
                         ds_error_t *error)
{
    const struct ds_order_refused *e = &event->body.as.order_refused;
    struct ds_order_row *row = NULL;
    if (!make_order(fold, event, e->order_id, &row, error))
        return false;
    row->store_id = e->store_id;
    row->customer_id = e->customer_id;
    row->status = DS_STR("refused");
    row->currency = e->currency;
    row->subtotal_minor = e->subtotal_minor;
    row->delivery_fee_minor = e->delivery_fee_minor;
    row->total_minor = e->total_minor;
    row->placed_at = e->placed_at;
    row->closed_at = fold->at_us;
    return ds_fold_lower(fold->sheets, ds_payment_method_text(e->payment_method),
                         &row->payment_method, error) &&
           ds_fold_lower(fold->sheets, ds_refuse_reason_text(e->reason), &row->reason, error) &&
           make_lines(fold, e->order_id, e->lines.items, e->lines.count, error);
}

static bool fold_lines_cancelled(struct ds_fold *fold, struct ds_order_row *row,
                                 const struct ds_order_lines_cancelled *e, ds_error_t *error)
{
    row->subtotal_minor = e->subtotal_minor;
    row->total_minor = e->total_minor;
    for (size_t i = 0; i < e->lines.count; i++) {
        const struct ds_line_quantity *cancelled = &e->lines.items[i];
        ds_str_t key;
        if (!ds_sheet_key(fold->sheets, e->order_id, cancelled->line, &key, error))
            return false;
        struct ds_order_line_row *line = ds_sheet_change(fold->sheets, DS_TABLE_ORDER_LINES, key);
        if (line == NULL) {
            fold->missed++;
            continue;
        }
        line->cancelled = ds_fold_add_i32(line->cancelled, cancelled->quantity);
        line->total_minor =
            ds_fold_times((int64_t)line->quantity - line->cancelled, line->unit_price_minor);
        line->last_offset = fold->offset;
    }
    return true;
}

static bool fold_cancelled(struct ds_fold *fold, struct ds_order_row *row,
                           const struct ds_order_cancelled *e, ds_error_t *error)
{
    row->status = DS_STR("cancelled");
    row->cancel_requested = false;
    row->closed_at = fold->at_us;
    if (e->has_note)
        row->note = ds_fold_maybe(true, e->note);
    return ds_fold_lower(fold->sheets, ds_cancel_reason_text(e->reason), &row->reason, error) &&
           ds_fold_lower(fold->sheets, ds_goods_text(e->goods), &row->goods, error);
}

static bool fold_step(struct ds_fold *fold, struct ds_order_row *row,
                      const struct ds_order_event *event, ds_error_t *error)
{
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED:
        row->status = DS_STR("awaiting_payment");
        return true;
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        row->status = DS_STR("confirmed");
        row->confirmed_at = fold->at_us;
        row->deliver_by = event->body.as.order_confirmed.deliver_by;
        return true;
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        return fold_lines_cancelled(fold, row, &event->body.as.order_lines_cancelled, error);
    case DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED:
        if (event->body.as.order_cancel_requested.scope == DS_CANCEL_SCOPE_ORDER) {
            row->cancel_requested = true;
            row->note = ds_fold_maybe(event->body.as.order_cancel_requested.has_note,
                                      event->body.as.order_cancel_requested.note);
        }
        return true;
    case DS_ORDER_EVENT_ORDER_CANCEL_REFUSED:
        if (event->body.as.order_cancel_refused.scope == DS_CANCEL_SCOPE_ORDER)
            row->cancel_requested = false;
        return true;
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        row->status = DS_STR("picked_up");
        row->picked_up_at = fold->at_us;
        return true;
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        row->status = DS_STR("fulfilled");
        row->cancel_requested = false;
        row->closed_at = fold->at_us;
        row->total_minor = event->body.as.order_fulfilled.total_minor;
        return true;
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        return fold_cancelled(fold, row, &event->body.as.order_cancelled, error);
    default:
        return true;
    }
}

bool ds_fold_order(struct ds_fold *fold, const struct ds_order_event *event, ds_error_t *error)
{
    if (event->body.kind < DS_PROTOCOL_KINDS)
        return true;
    if (event->body.kind == DS_ORDER_EVENT_ORDER_CREATED)
        return fold_created(fold, event, error);
    if (event->body.kind == DS_ORDER_EVENT_ORDER_REFUSED)
        return fold_refused(fold, event, error);
    struct ds_order_row *row = ds_sheet_change(fold->sheets, DS_TABLE_ORDERS, order_id_of(event));
    if (row == NULL) {
        fold->missed++;
        return true;
    }
    row->updated_at = fold->at_us;
    row->last_offset = fold->offset;
    return fold_step(fold, row, event, error);
}
