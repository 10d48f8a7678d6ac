#include "processors/delivery/delivery_events.h"

typedef struct ds_delivery_event event_t;

struct ds_context ds_delivery_context(const struct ds_delivery *delivery)
{
    return (struct ds_context){
        .correlation_id = delivery->correlation_id,
        .actor = {.kind = DS_ACTOR_KIND_SYSTEM, .id = DS_STR("delivery")},
        .has_traceparent = delivery->traceparent.len > 0,
        .traceparent = delivery->traceparent,
    };
}

bool ds_add_offered(const struct ds_match *match, ds_str_t order_id, int32_t number,
                    ds_str_t courier_id, const struct ds_policy_inputs *inputs, int32_t candidates,
                    ds_error_t *error)
{
    const struct ds_delivery *delivery = ds_dispatch_delivery(match->dispatch, order_id);
    event_t *event = ds_decision_add(match->decision, error);
    if (event == NULL)
        return false;
    /* One that this decision requests has the decision's context already. */
    if (delivery != NULL)
        event->context = ds_delivery_context(delivery);
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_OFFERED;
    struct ds_delivery_offered *offered = &event->body.as.delivery_offered;
    offered->order_id = order_id;
    offered->offer_number = number;
    offered->courier_id = courier_id;
    offered->expires_at = match->now_us + match->dispatch->settings->offer_timeout_us;
    offered->has_distance_m = inputs->has_distance;
    offered->distance_m = inputs->distance_m;
    offered->load = inputs->load;
    offered->idle_seconds = inputs->idle_s;
    offered->score = ds_policy_score(inputs);
    offered->candidates = candidates;
    return ds_arena_printf(ds_decision_arena(match->decision), &offered->offer_id, error, "%.*s-%d",
                           DS_STR_ARG(order_id), (int)number);
}

bool ds_offer_split(ds_str_t offer_id, ds_str_t *order_id_out, int64_t *number_out)
{
    uint32_t dash = offer_id.len;
    while (dash > 0 && offer_id.data[dash - 1] != '-')
        dash--;
    *order_id_out = offer_id;
    *number_out = 0;
    if (dash < 2 ||
        !ds_str_to_i64((ds_str_t){offer_id.data + dash, offer_id.len - dash}, number_out) ||
        *number_out < 1)
        return false;
    order_id_out->len = dash - 1;
    return true;
}

bool ds_add_offer_ended(ds_decision_t *decision, const struct ds_delivery *delivery,
                        enum ds_offer_end reason, ds_error_t *error)
{
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_OFFER_ENDED;
    struct ds_delivery_offer_ended *ended = &event->body.as.delivery_offer_ended;
    ended->order_id = delivery->order_id;
    ended->courier_id = delivery->courier->id;
    ended->reason = reason;
    return ds_arena_printf(ds_decision_arena(decision), &ended->offer_id, error, "%.*s-%d",
                           DS_STR_ARG(delivery->order_id), (int)delivery->offer_number);
}

bool ds_add_unassigned(ds_decision_t *decision, const struct ds_delivery *delivery,
                       enum ds_unassign_reason reason, ds_error_t *error)
{
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_UNASSIGNED;
    event->body.as.delivery_unassigned =
        (struct ds_delivery_unassigned){delivery->order_id, delivery->courier->id, reason};
    return true;
}

bool ds_add_cancelled(ds_decision_t *decision, const struct ds_delivery *delivery,
                      enum ds_cancel_reason reason, ds_error_t *error)
{
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_CANCELLED;
    event->body.as.delivery_cancelled.order_id = delivery->order_id;
    event->body.as.delivery_cancelled.reason = reason;
    if (delivery->courier != NULL) {
        event->body.as.delivery_cancelled.has_courier_id = true;
        event->body.as.delivery_cancelled.courier_id = delivery->courier->id;
    }
    return true;
}

bool ds_add_lost(ds_decision_t *decision, const struct ds_delivery *delivery, ds_error_t *error)
{
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_DELIVERY_LOST;
    event->body.as.delivery_lost =
        (struct ds_delivery_lost){delivery->order_id, delivery->courier->id};
    return true;
}

bool ds_add_courier_offline(ds_decision_t *decision, ds_str_t courier_id, ds_error_t *error)
{
    event_t *event = ds_decision_add(decision, error);
    if (event == NULL)
        return false;
    event->body.kind = DS_DELIVERY_EVENT_COURIER_OFFLINE;
    event->body.as.courier_offline.courier_id = courier_id;
    return true;
}

bool ds_add_going_offline(struct ds_match *match, const struct ds_courier *courier,
                          const struct ds_delivery *except, ds_error_t *error)
{
    for (int32_t i = 0; i < courier->load; i++) {
        const struct ds_delivery *delivery = courier->bound[i];
        struct ds_delivery_step step =
            ds_delivery_step(delivery->state, DS_DELIVERY_ON_WENT_OFFLINE);
        if (delivery == except || step.effect != DS_DELIVERY_END_OFFER)
            continue;
        if (!ds_add_offer_ended(match->decision, delivery, DS_OFFER_END_WENT_OFFLINE, error))
            return false;
        ds_match_courier(match, courier, -1, false);
        ds_match_waiting(match, delivery, true, NULL);
    }
    ds_match_courier(match, courier, 0, false);
    return ds_add_courier_offline(match->decision, courier->id, error);
}
