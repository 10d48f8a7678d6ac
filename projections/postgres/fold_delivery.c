#include "base/id.h"
#include "projections/postgres/fold.h"

/* Rows of deliveries, offers and couriers, from delivery.events alone. */

static ds_str_t order_id_of(const struct ds_delivery_event *event)
{
    return ds_schema_delivery_events.order_id(event);
}

static ds_str_t courier_of(const struct ds_delivery_event *event)
{
    switch (event->body.kind) {
    case DS_DELIVERY_EVENT_COURIER_ONLINE:
        return event->body.as.courier_online.courier_id;
    case DS_DELIVERY_EVENT_COURIER_OFFLINE:
        return event->body.as.courier_offline.courier_id;
    case DS_DELIVERY_EVENT_COURIER_SEEN:
        return event->body.as.courier_seen.courier_id;
    case DS_DELIVERY_EVENT_DELIVERY_UNASSIGNED:
        return event->body.as.delivery_unassigned.courier_id;
    case DS_DELIVERY_EVENT_DELIVERY_REASSIGNED:
        return event->body.as.delivery_reassigned.from_courier_id;
    case DS_DELIVERY_EVENT_DELIVERY_LOST:
        return event->body.as.delivery_lost.courier_id;
    default:
        return DS_STR("");
    }
}

static bool about_an_offer(int32_t kind)
{
    return kind == DS_DELIVERY_EVENT_DELIVERY_OFFER_ENDED ||
           kind == DS_DELIVERY_EVENT_DELIVERY_ASSIGNED ||
           kind == DS_DELIVERY_EVENT_DELIVERY_CANCELLED;
}

bool ds_want_delivery(struct ds_sheets *sheets, const struct ds_delivery_event *event,
                      ds_error_t *error)
{
    if (event->body.kind < DS_PROTOCOL_KINDS ||
        event->body.kind == DS_DELIVERY_EVENT_DELIVERY_REQUESTED)
        return true;
    ds_str_t order_id = order_id_of(event);
    ds_str_t courier_id = courier_of(event);
    if (order_id.len > 0 && !ds_sheets_want(sheets, DS_LOAD_DELIVERIES, order_id, error))
        return false;
    if (about_an_offer(event->body.kind) &&
        !ds_sheets_want(sheets, DS_LOAD_OFFERS, order_id, error))
        return false;
    if (event->body.kind == DS_DELIVERY_EVENT_COURIER_SEEN &&
        !ds_sheets_want(sheets, DS_LOAD_SILENT, courier_id, error))
        return false;
    return courier_id.len == 0 || ds_sheets_want(sheets, DS_LOAD_COURIERS, courier_id, error);
}

static bool fold_requested(struct ds_fold *fold, const struct ds_delivery_requested *e,
                           ds_error_t *error)
{
    void *made = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_DELIVERIES, e->order_id, &made, error))
        return false;
    struct ds_delivery_row *row = made;
    row->order_id = e->order_id;
    row->store_id = ds_id_store(e->order_id);
    row->customer_id = e->customer_id;
    row->status = DS_STR("requested");
    row->total_minor = e->total_minor;
    row->currency = e->currency;
    row->placed_at = e->placed_at;
    row->requested_at = fold->at_us;
    row->search_until = e->search_until;
    row->updated_at = fold->at_us;
    row->partition = fold->partition;
    row->last_offset = fold->offset;
    return ds_fold_lower(fold->sheets, ds_payment_method_text(e->payment_method),
                         &row->payment_method, error);
}

static bool fold_offered(struct ds_fold *fold, struct ds_delivery_row *row,
                         const struct ds_delivery_offered *e, ds_error_t *error)
{
    void *made = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_OFFERS, e->offer_id, &made, error))
        return false;
    struct ds_offer_row *offer = made;
    offer->offer_id = e->offer_id;
    offer->order_id = e->order_id;
    offer->courier_id = e->courier_id;
    offer->offer_number = e->offer_number;
    offer->status = DS_STR("open");
    offer->offered_at = fold->at_us;
    offer->expires_at = e->expires_at;
    offer->last_offset = fold->offset;
    if (e->has_distance_m)
        offer->distance_m = e->distance_m;
    offer->load = e->load;
    offer->score = e->score;
    row->status = DS_STR("offered");
    row->offer_id = ds_fold_maybe(true, e->offer_id);
    row->offer_number = e->offer_number;
    row->offer_courier_id = ds_fold_maybe(true, e->courier_id);
    return true;
}

static void end_offer(struct ds_fold *fold, ds_str_t offer_id, ds_str_t status)
{
    struct ds_offer_row *offer = ds_sheet_change(fold->sheets, DS_TABLE_OFFERS, offer_id);
    if (offer == NULL) {
        fold->missed++;
        return;
    }
    offer->status = status;
    offer->ended_at = fold->at_us;
    offer->last_offset = fold->offset;
}

static bool fold_offer_ended(struct ds_fold *fold, struct ds_delivery_row *row,
                             const struct ds_delivery_offer_ended *e, ds_error_t *error)
{
    ds_str_t status;
    if (!ds_fold_lower(fold->sheets, ds_offer_end_text(e->reason), &status, error))
        return false;
    end_offer(fold, e->offer_id, status);
    row->status = DS_STR("requested");
    row->offer_id = (ds_str_t){NULL, 0};
    row->offer_courier_id = (ds_str_t){NULL, 0};
    return true;
}

static void fold_assigned(struct ds_fold *fold, struct ds_delivery_row *row,
                          const struct ds_delivery_assigned *e)
{
    end_offer(fold, e->offer_id, DS_STR("accepted"));
    row->status = DS_STR("assigned");
    row->courier_id = ds_fold_maybe(true, e->courier_id);
    row->courier_name = ds_fold_maybe(e->has_courier_name, e->courier_name);
    row->vehicle = ds_fold_maybe(true, e->vehicle);
    row->offer_id = ds_fold_maybe(true, e->offer_id);
    row->offer_courier_id = (ds_str_t){NULL, 0};
    row->pick_up_by = e->pick_up_by;
    row->assigned_at = fold->at_us;
}

static void fold_unassigned(struct ds_delivery_row *row)
{
    row->status = DS_STR("requested");
    row->courier_id = (ds_str_t){NULL, 0};
    row->courier_name = (ds_str_t){NULL, 0};
    row->vehicle = (ds_str_t){NULL, 0};
    row->offer_id = (ds_str_t){NULL, 0};
    row->pick_up_by = DS_NULL_I64;
    row->assigned_at = DS_NULL_I64;
}

static void fold_reassigned(struct ds_delivery_row *row, const struct ds_delivery_reassigned *e)
{
    if (ds_str_eq(row->status, DS_STR("silent")))
        row->status = DS_STR("in_transit");
    row->courier_id = ds_fold_maybe(true, e->courier_id);
    row->courier_name = ds_fold_maybe(e->has_courier_name, e->courier_name);
    row->vehicle = ds_fold_maybe(true, e->vehicle);
}

/* The courier who had it keeps seeing it, as cancelled; one who was only asked does not. */
static bool fold_cancelled(struct ds_fold *fold, struct ds_delivery_row *row,
                           const struct ds_delivery_cancelled *e, ds_error_t *error)
{
    if (ds_str_eq(row->status, DS_STR("offered")))
        end_offer(fold, row->offer_id, DS_STR("cancelled"));
    row->status = DS_STR("cancelled");
    row->offer_courier_id = (ds_str_t){NULL, 0};
    row->ended_at = fold->at_us;
    return ds_fold_lower(fold->sheets, ds_cancel_reason_text(e->reason), &row->reason, error);
}

static void fold_failed(struct ds_delivery_row *row, const struct ds_delivery_failed *e)
{
    row->status = e->next == DS_FAIL_NEXT_RETURN ? DS_STR("returning") : DS_STR("in_transit");
    row->attempt = e->attempt;
    row->reason = ds_fold_maybe(true, e->reason);
    row->arrived_at = DS_NULL_I64;
}

static void end_delivery(struct ds_fold *fold, struct ds_delivery_row *row, ds_str_t status)
{
    row->status = status;
    row->ended_at = fold->at_us;
}

static bool fold_step(struct ds_fold *fold, struct ds_delivery_row *row,
                      const struct ds_delivery_event *event, ds_error_t *error)
{
    const struct ds_delivery_completed *completed = &event->body.as.delivery_completed;
    switch (event->body.kind) {
    case DS_DELIVERY_EVENT_DELIVERY_OFFERED:
        return fold_offered(fold, row, &event->body.as.delivery_offered, error);
    case DS_DELIVERY_EVENT_DELIVERY_OFFER_ENDED:
        return fold_offer_ended(fold, row, &event->body.as.delivery_offer_ended, error);
    case DS_DELIVERY_EVENT_DELIVERY_ASSIGNED:
        fold_assigned(fold, row, &event->body.as.delivery_assigned);
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_UNASSIGNED:
        fold_unassigned(row);
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_REASSIGNED:
        fold_reassigned(row, &event->body.as.delivery_reassigned);
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_CANCELLED:
        return fold_cancelled(fold, row, &event->body.as.delivery_cancelled, error);
    case DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED:
        if (event->body.as.delivery_lines_cancelled.has_total_minor)
            row->total_minor = event->body.as.delivery_lines_cancelled.total_minor;
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT:
        row->status = DS_STR("in_transit");
        row->picked_up_at = fold->at_us;
        row->late_at = event->body.as.delivery_in_transit.late_at;
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_ARRIVED:
        row->status = DS_STR("arrived");
        row->arrived_at = fold->at_us;
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_FAILED:
        fold_failed(row, &event->body.as.delivery_failed);
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT:
        row->status = DS_STR("silent");
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_RECALLED:
        row->status = DS_STR("returning");
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_COMPLETED:
        end_delivery(fold, row, DS_STR("completed"));
        if (completed->has_cash_collected_minor)
            row->cash_collected_minor = completed->cash_collected_minor;
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_RETURNED:
        end_delivery(fold, row, DS_STR("returned"));
        return true;
    case DS_DELIVERY_EVENT_DELIVERY_LOST:
        end_delivery(fold, row, DS_STR("lost"));
        return true;
    default:
        return true;
    }
}

static bool fold_delivery(struct ds_fold *fold, const struct ds_delivery_event *event,
                          ds_error_t *error)
{
    if (event->body.kind == DS_DELIVERY_EVENT_DELIVERY_REQUESTED)
        return fold_requested(fold, &event->body.as.delivery_requested, error);
    struct ds_delivery_row *row =
        ds_sheet_change(fold->sheets, DS_TABLE_DELIVERIES, order_id_of(event));
    if (row == NULL) {
        fold->missed++;
        return true;
    }
    row->updated_at = fold->at_us;
    row->last_offset = fold->offset;
    return fold_step(fold, row, event, error);
}

static bool fold_online(struct ds_fold *fold, const struct ds_courier_online *e, ds_error_t *error)
{
    void *made = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_COURIERS, e->courier_id, &made, error))
        return false;
    struct ds_courier_row *row = made;
    row->courier_id = e->courier_id;
    row->store_id = ds_id_store(e->courier_id);
    row->name = ds_fold_maybe(e->has_name, e->name);
    row->vehicle = e->vehicle;
    row->capacity = e->capacity;
    row->online = true;
    row->online_at = fold->at_us;
    row->seen_at = fold->at_us;
    row->updated_at = fold->at_us;
    row->last_offset = fold->offset;
    if (e->has_place) {
        row->lat_e6 = e->place.lat_e6;
        row->lng_e6 = e->place.lng_e6;
    }
    return true;
}

/* A sign of life ends the silence, except where the delivery has been on its way for too long. */
static bool end_silence(struct ds_fold *fold, ds_str_t courier_id)
{
    size_t cursor = 0;
    ds_str_t key;
    const struct ds_delivery_row *row;
    while ((row = ds_sheet_next(fold->sheets, DS_TABLE_DELIVERIES, &cursor, &key)) != NULL) {
        if (!ds_str_eq(row->status, DS_STR("silent")) || !ds_str_eq(row->courier_id, courier_id) ||
            (row->late_at != DS_NULL_I64 && row->late_at <= fold->at_us))
            continue;
        struct ds_delivery_row *changed = ds_sheet_change(fold->sheets, DS_TABLE_DELIVERIES, key);
        changed->status = DS_STR("in_transit");
        changed->updated_at = fold->at_us;
        changed->last_offset = fold->offset;
    }
    return true;
}

static bool fold_courier(struct ds_fold *fold, const struct ds_delivery_event *event,
                         ds_error_t *error)
{
    const struct ds_courier_seen *seen = &event->body.as.courier_seen;
    ds_str_t courier_id = courier_of(event);
    if (event->body.kind == DS_DELIVERY_EVENT_COURIER_ONLINE)
        return fold_online(fold, &event->body.as.courier_online, error);
    struct ds_courier_row *row = ds_sheet_change(fold->sheets, DS_TABLE_COURIERS, courier_id);
    if (row == NULL) {
        fold->missed++;
        return true;
    }
    row->updated_at = fold->at_us;
    row->last_offset = fold->offset;
    if (event->body.kind != DS_DELIVERY_EVENT_COURIER_SEEN) {
        row->online = false; /* it comes back by going online */
        return true;
    }
    row->seen_at = fold->at_us;
    row->lat_e6 = seen->place.lat_e6;
    row->lng_e6 = seen->place.lng_e6;
    return end_silence(fold, courier_id);
}

bool ds_fold_delivery(struct ds_fold *fold, const struct ds_delivery_event *event,
                      ds_error_t *error)
{
    if (event->body.kind < DS_PROTOCOL_KINDS)
        return true;
    if (order_id_of(event).len > 0 && !fold_delivery(fold, event, error))
        return false;
    return courier_of(event).len == 0 || fold_courier(fold, event, error);
}
