/* What an event makes of the state. Each kind of event has one function; what it says is true, so
 * none of them looks at the table again, except that a courier's part is checked (courier.c). */
#include "base/planted.h"
#include "processors/delivery/delivery_state.h"

typedef struct ds_delivery_event event_t;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When a courier on the way is taken to be silent. A time that is past has fired already, and a
 * deadline gives its events their ids: what is late is due anew, by another deadline. */
static int64_t silence_due(const struct ds_delivery *delivery, int64_t at_us)
{
    return least(delivery->silent_at, delivery->late_at > at_us ? delivery->late_at : at_us + 1);
}

/* To be changed: an event says something new of it. */
static bool find(struct ds_dispatch *dispatch, ds_str_t order_id, struct ds_delivery **delivery_out,
                 ds_error_t *error)
{
    *delivery_out = ds_shelf_edit(dispatch->deliveries, order_id);
    if (*delivery_out != NULL)
        return true;
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                        "an event about %.*s, which was never requested", DS_STR_ARG(order_id));
}

/* The courier's part of an event; `courier` NULL: it has none. */
static bool apply_courier(struct ds_dispatch *dispatch, struct ds_courier *courier,
                          struct ds_delivery *delivery, enum ds_courier_input input, int64_t at_us,
                          ds_error_t *error)
{
    if (courier == NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "%.*s has no such courier",
                            DS_STR_ARG(delivery->order_id));
    ds_shelf_touch(dispatch->couriers, courier->id);
    return ds_courier_apply(courier, delivery, input, at_us, error) &&
           ds_dispatch_settle_courier(dispatch, courier, at_us, error);
}

static bool settle(struct ds_dispatch *dispatch, struct ds_delivery_store *store, int64_t at_us,
                   ds_error_t *error)
{
    return ds_dispatch_settle_store(dispatch, store, at_us, error);
}

static bool on_requested(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_delivery_requested *requested = &event->body.as.delivery_requested;
    struct ds_delivery_store *store;
    struct ds_delivery *delivery;
    if (ds_dispatch_delivery(dispatch, requested->order_id) != NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE, "%.*s is requested twice",
                            DS_STR_ARG(requested->order_id));
    store = ds_dispatch_edit_store(dispatch, requested->order_id, error);
    if (store == NULL)
        return false;
    const struct ds_delivery_image image = {
        .order_id = requested->order_id,
        .number = ++store->requested,
        .correlation_id = event->context.correlation_id,
        .traceparent = event->context.has_traceparent ? event->context.traceparent : DS_STR(""),
        .payment_method = requested->payment_method,
        .total_minor = requested->total_minor,
        .total_known = true,
        .lines = requested->lines,
        .placed_at = requested->placed_at,
        .search_until = requested->search_until,
        .has_hand_over_code = requested->has_hand_over_code,
        .hand_over_code = requested->hand_over_code,
    };
    if (requested->has_store_place) {
        store->has_place = true;
        store->place = requested->store_place;
    }
    return ds_dispatch_add_delivery(dispatch, &image, &delivery, error) &&
           ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_SEARCHING, requested->search_until,
                             event->meta.at, error);
}

static bool on_offered(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_delivery_offered *offered = &event->body.as.delivery_offered;
    struct ds_delivery *delivery;
    if (!find(dispatch, offered->order_id, &delivery, error))
        return false;
    delivery->offer_number = offered->offer_number;
    delivery->offer_us = offered->expires_at - event->meta.at;
    return apply_courier(dispatch, ds_shelf_edit(dispatch->couriers, offered->courier_id), delivery,
                         DS_COURIER_ON_OFFERED, event->meta.at, error) &&
           ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_OFFERED, offered->expires_at,
                             event->meta.at, error) &&
           settle(dispatch, delivery->store, event->meta.at, error);
}

static bool on_offer_ended(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_delivery_offer_ended *ended = &event->body.as.delivery_offer_ended;
    struct ds_delivery *delivery;
    if (!find(dispatch, ended->order_id, &delivery, error) ||
        !apply_courier(dispatch, delivery->courier, delivery, DS_COURIER_ON_OFFER_ENDED,
                       event->meta.at, error))
        return false;
    /* Whoever goes home has said nothing about this order. */
    if (ended->reason != DS_OFFER_END_WENT_OFFLINE &&
        !ds_delivery_note_refusal(delivery, ended->courier_id, event->meta.at, error))
        return false;
    return ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_SEARCHING, delivery->search_until,
                             event->meta.at, error) &&
           settle(dispatch, delivery->store, event->meta.at, error);
}

static bool on_assigned(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_delivery_assigned *assigned = &event->body.as.delivery_assigned;
    struct ds_delivery *delivery;
    return find(dispatch, assigned->order_id, &delivery, error) &&
           apply_courier(dispatch, delivery->courier, delivery, DS_COURIER_ON_ASSIGNED,
                         event->meta.at, error) &&
           ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_ASSIGNED, assigned->pick_up_by,
                             event->meta.at, error);
}

static bool on_unassigned(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_delivery_unassigned *unassigned = &event->body.as.delivery_unassigned;
    struct ds_delivery *delivery;
    return find(dispatch, unassigned->order_id, &delivery, error) &&
           apply_courier(dispatch, delivery->courier, delivery, DS_COURIER_ON_UNASSIGNED,
                         event->meta.at, error) &&
           ds_delivery_note_refusal(delivery, unassigned->courier_id, event->meta.at, error) &&
           ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_SEARCHING, delivery->search_until,
                             event->meta.at, error) &&
           settle(dispatch, delivery->store, event->meta.at, error);
}

/* On the way, the 10 minutes start again and a silence is over. Before and after, the deadline
 * stays what it was. */
static bool on_reassigned(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_delivery_reassigned *reassigned = &event->body.as.delivery_reassigned;
    struct ds_delivery *delivery;
    if (!find(dispatch, reassigned->order_id, &delivery, error) ||
        !apply_courier(dispatch, delivery->courier, delivery, DS_COURIER_ON_REASSIGNED_AWAY,
                       event->meta.at, error) ||
        !apply_courier(dispatch, ds_shelf_edit(dispatch->couriers, reassigned->courier_id),
                       delivery, DS_COURIER_ON_REASSIGNED_TO, event->meta.at, error))
        return false;
    delivery->arrived = false;
    if (delivery->state == DS_DELIVERY_IN_TRANSIT || delivery->state == DS_DELIVERY_SILENT) {
        delivery->silent_at = reassigned->silent_at;
        delivery->silence_us = reassigned->silent_at - event->meta.at;
        if (!ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_IN_TRANSIT,
                               silence_due(delivery, event->meta.at), event->meta.at, error))
            return false;
    }
    return settle(dispatch, delivery->store, event->meta.at, error);
}

static bool on_lines_cancelled(struct ds_dispatch *dispatch, const event_t *event,
                               ds_error_t *error)
{
    const struct ds_delivery_lines_cancelled *off = &event->body.as.delivery_lines_cancelled;
    struct ds_delivery *delivery;
    size_t kept = 0;
    if (!find(dispatch, off->order_id, &delivery, error))
        return false;
    delivery->total_known = off->has_total_minor;
    if (off->has_total_minor && !DS_PLANTED(OLD_TOTAL))
        delivery->total_minor = off->total_minor;
    for (size_t i = 0; i < off->lines.count; i++)
        for (size_t k = 0; k < delivery->lines.count; k++)
            if (delivery->lines.items[k].line == off->lines.items[i].line)
                delivery->lines.items[k].quantity -= off->lines.items[i].quantity;
    for (size_t k = 0; k < delivery->lines.count; k++)
        if (delivery->lines.items[k].quantity > 0)
            delivery->lines.items[kept++] = delivery->lines.items[k];
    delivery->lines.count = kept;
    return true;
}

static bool on_in_transit(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_delivery_in_transit *start = &event->body.as.delivery_in_transit;
    struct ds_delivery *delivery;
    if (!find(dispatch, start->order_id, &delivery, error))
        return false;
    delivery->picked_up_at = event->meta.at;
    delivery->silent_at = start->silent_at;
    delivery->late_at = start->late_at;
    delivery->silence_us = start->silent_at - event->meta.at;
    return ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_IN_TRANSIT,
                             silence_due(delivery, event->meta.at), event->meta.at, error);
}

/* A failed attempt is a sign of life: as long as one was good for before, it is again. */
static bool on_failed(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_delivery_failed *failed = &event->body.as.delivery_failed;
    struct ds_delivery *delivery;
    if (!find(dispatch, failed->order_id, &delivery, error))
        return false;
    delivery->attempts = failed->attempt;
    delivery->arrived = false;
    if (failed->next == DS_FAIL_NEXT_RETURN)
        return ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_RETURNING, failed->return_by,
                                 event->meta.at, error);
    delivery->silent_at = event->meta.at + delivery->silence_us;
    return ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_IN_TRANSIT,
                             silence_due(delivery, event->meta.at), event->meta.at, error);
}

static bool on_arrived(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    struct ds_delivery *delivery;
    if (!find(dispatch, event->body.as.delivery_arrived.order_id, &delivery, error))
        return false;
    delivery->arrived = true;
    return true;
}

static bool enter(struct ds_dispatch *dispatch, ds_str_t order_id, enum ds_delivery_state state,
                  int64_t due_us, const event_t *event, ds_error_t *error)
{
    struct ds_delivery *delivery;
    return find(dispatch, order_id, &delivery, error) &&
           ds_dispatch_enter(dispatch, delivery, state, due_us, event->meta.at, error);
}

/* It is over: the courier, if there is one, has one order less. */
static bool finish(struct ds_dispatch *dispatch, ds_str_t order_id, enum ds_delivery_state state,
                   enum ds_courier_input input, const event_t *event, ds_error_t *error)
{
    struct ds_delivery *delivery;
    if (!find(dispatch, order_id, &delivery, error))
        return false;
    if (delivery->courier != NULL &&
        !(DS_PLANTED(KEEP_COURIER) && state == DS_DELIVERY_CANCELLED) &&
        !apply_courier(dispatch, delivery->courier, delivery, input, event->meta.at, error))
        return false;
    return ds_dispatch_enter(dispatch, delivery, state, 0, event->meta.at, error) &&
           settle(dispatch, delivery->store, event->meta.at, error);
}

static bool on_courier_online(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_courier_online *online = &event->body.as.courier_online;
    struct ds_courier *courier = ds_shelf_edit(dispatch->couriers, online->courier_id);
    if (courier == NULL && !ds_dispatch_add_courier(dispatch, online->courier_id, &courier, error))
        return false;
    return ds_courier_renew(courier, online, event->meta.at, error) &&
           ds_dispatch_settle_courier(dispatch, courier, event->meta.at, error) &&
           settle(dispatch, courier->store, event->meta.at, error);
}

static bool on_courier_offline(struct ds_dispatch *dispatch, const event_t *event,
                               ds_error_t *error)
{
    struct ds_courier *courier =
        ds_shelf_edit(dispatch->couriers, event->body.as.courier_offline.courier_id);
    if (courier == NULL)
        return true;
    courier->online = false;
    return ds_dispatch_settle_courier(dispatch, courier, event->meta.at, error) &&
           settle(dispatch, courier->store, event->meta.at, error);
}

/* A sign of life counts for everything the courier carries that is not too late. */
static bool on_courier_seen(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    const struct ds_courier_seen *seen = &event->body.as.courier_seen;
    struct ds_courier *courier = ds_shelf_edit(dispatch->couriers, seen->courier_id);
    if (courier == NULL)
        return true;
    courier->has_place = true;
    courier->place = seen->place;
    for (int32_t i = 0; i < courier->load; i++) {
        struct ds_delivery *delivery = courier->bound[i];
        if (delivery->state != DS_DELIVERY_SILENT && delivery->state != DS_DELIVERY_IN_TRANSIT)
            continue;
        if (event->meta.at >= delivery->late_at)
            continue;
        ds_shelf_touch(dispatch->deliveries, delivery->order_id);
        delivery->silent_at = seen->silent_at;
        delivery->silence_us = seen->silent_at - event->meta.at;
        if (!ds_dispatch_enter(dispatch, delivery, DS_DELIVERY_IN_TRANSIT,
                               silence_due(delivery, event->meta.at), event->meta.at, error))
            return false;
    }
    return ds_dispatch_settle_courier(dispatch, courier, event->meta.at, error);
}

/* A refusal changes nothing, but that wrong codes are counted. */
static bool on_rejected(struct ds_dispatch *dispatch, const event_t *event)
{
    const struct ds_command_rejected *rejected = &event->body.as.command_rejected;
    if (!ds_str_eq(rejected->reason, DS_STR("CODE_WRONG")))
        return true;
    struct ds_delivery *delivery = ds_shelf_edit(dispatch->deliveries, rejected->target);
    if (delivery != NULL && delivery->code_failures < DS_DELIVERY_CODE_TRIES)
        delivery->code_failures++;
    return true;
}

static bool apply(struct ds_dispatch *dispatch, const event_t *event, ds_error_t *error)
{
    switch (event->body.kind) {
    case DS_DELIVERY_EVENT_DELIVERY_REQUESTED:
        return on_requested(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_OFFERED:
        return on_offered(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_OFFER_ENDED:
        return on_offer_ended(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_ASSIGNED:
        return on_assigned(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_UNASSIGNED:
        return on_unassigned(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_REASSIGNED:
        return on_reassigned(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_LINES_CANCELLED:
        return on_lines_cancelled(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_CANCELLED:
        return finish(dispatch, event->body.as.delivery_cancelled.order_id, DS_DELIVERY_CANCELLED,
                      DS_COURIER_ON_CANCELLED, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT:
        return on_in_transit(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_ARRIVED:
        return on_arrived(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_FAILED:
        return on_failed(dispatch, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_COURIER_SILENT:
        return enter(dispatch, event->body.as.delivery_courier_silent.order_id, DS_DELIVERY_SILENT,
                     event->body.as.delivery_courier_silent.lost_at, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_RECALLED:
        return enter(dispatch, event->body.as.delivery_recalled.order_id, DS_DELIVERY_RETURNING,
                     event->body.as.delivery_recalled.return_by, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_COMPLETED:
        return finish(dispatch, event->body.as.delivery_completed.order_id, DS_DELIVERY_COMPLETED,
                      DS_COURIER_ON_COMPLETED, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_RETURNED:
        return finish(dispatch, event->body.as.delivery_returned.order_id, DS_DELIVERY_RETURNED,
                      DS_COURIER_ON_RETURNED, event, error);
    case DS_DELIVERY_EVENT_DELIVERY_LOST:
        return finish(dispatch, event->body.as.delivery_lost.order_id, DS_DELIVERY_LOST,
                      DS_COURIER_ON_LOST, event, error);
    case DS_DELIVERY_EVENT_COURIER_ONLINE:
        return on_courier_online(dispatch, event, error);
    case DS_DELIVERY_EVENT_COURIER_OFFLINE:
        return on_courier_offline(dispatch, event, error);
    case DS_DELIVERY_EVENT_COURIER_SEEN:
        return on_courier_seen(dispatch, event, error);
    case DS_DELIVERY_EVENT_COMMAND_REJECTED:
        return on_rejected(dispatch, event);
    default: /* command.repeated: nothing is kept of it */
        return true;
    }
}

bool ds_dispatch_evolve(struct ds_dispatch *dispatch, const struct ds_delivery_event *event,
                        ds_error_t *error)
{
    if (!apply(dispatch, event, error))
        return false;
    ds_dispatch_forget(dispatch, event->meta.at);
    return true;
}
