/* What couriers and staff ask of delivery. A courier acts for itself: the id of its token is its
 * courier id. Staff act for whoever an order is assigned to, or for the courier they name. */
#include "base/limits.h"
#include "base/planted.h"
#include "processors/delivery/delivery_decide.h"
#include "processors/delivery/delivery_events.h"
#include "processors/delivery/delivery_match.h"

typedef struct ds_delivery_event event_t;

/* One command on its way through the checks. */
struct ask {
    const struct ds_dispatch *dispatch;
    const struct ds_delivery_command *command;
    int64_t now_us;
    ds_decision_t *decision;
    const struct ds_delivery *delivery; /* NULL: none, or not about one */
    ds_str_t target;
};

static bool refuse(const struct ask *ask, const char *reason, ds_error_t *error)
{
    ds_str_t operation = ds_str(ds_schema_ce_type(&ds_schema_delivery_commands, ask->command));
    const struct ds_delivery *delivery = ask->delivery;
    ds_str_t facts;

    if (!ds_decision_reject(ask->decision, ask->target, operation, reason, error))
        return false;
    if (delivery == NULL)
        return true;
    if (!ds_arena_printf(ds_decision_arena(ask->decision), &facts, error,
                         "state=%s offer=%d courier=%.*s wrong_codes=%d",
                         ds_delivery_state_name(delivery->state), (int)delivery->offer_number,
                         DS_STR_ARG(delivery->courier == NULL ? DS_STR("none")
                                                              : delivery->courier->id),
                         (int)delivery->code_failures))
        return false;
    ds_decision_facts(ask->decision, facts);
    return true;
}

static event_t *add(const struct ask *ask, int32_t kind, ds_error_t *error)
{
    event_t *event = ds_decision_add(ask->decision, error);
    if (event != NULL)
        event->body.kind = kind;
    return event;
}

static bool is_staff(const struct ask *ask)
{
    switch (ask->command->head.actor.kind) {
    case DS_ACTOR_KIND_STAFF:
    case DS_ACTOR_KIND_ADMIN:
    case DS_ACTOR_KIND_SYSTEM:
        return true;
    case DS_ACTOR_KIND_COURIER:
    case DS_ACTOR_KIND_CUSTOMER:
    case DS_ACTOR_KIND_GATEWAY:
        break;
    }
    return false;
}

/* Whether the actor may act as this courier. */
static bool may_act_as(const struct ask *ask, ds_str_t courier_id)
{
    const struct ds_actor *actor = &ask->command->head.actor;
    if (actor->kind == DS_ACTOR_KIND_COURIER)
        return ds_str_eq(actor->id, courier_id);
    return is_staff(ask);
}

static void about(struct ask *ask, ds_str_t order_id)
{
    ask->target = order_id;
    ask->delivery = ds_dispatch_delivery(ask->dispatch, order_id);
}

static struct ds_delivery_step step_of(const struct ask *ask, enum ds_delivery_input input)
{
    return ds_delivery_step(ask->delivery == NULL ? DS_DELIVERY_NONE : ask->delivery->state, input);
}

/* ---- of the courier that has the order */

/* NULL: go on. Whose order it is comes before what state it is in: another courier learns nothing.
 */
static const char *judge_bound(const struct ask *ask, bool has_courier_id, ds_str_t courier_id,
                               enum ds_delivery_input input)
{
    const struct ds_actor *actor = &ask->command->head.actor;
    const struct ds_delivery *delivery = ask->delivery;
    struct ds_delivery_step step = step_of(ask, input);

    if (!has_courier_id && actor->kind == DS_ACTOR_KIND_COURIER)
        courier_id = actor->id;
    else if (has_courier_id ? !may_act_as(ask, courier_id) : !is_staff(ask))
        return "OTHER_COURIER";
    bool anyone = !has_courier_id && is_staff(ask);
    if (!anyone && delivery != NULL && delivery->courier != NULL &&
        delivery->state != DS_DELIVERY_OFFERED && !ds_str_eq(delivery->courier->id, courier_id))
        return "OTHER_COURIER";
    return step.verdict == DS_DELIVERY_REFUSE ? step.reason : NULL;
}

static bool decide_pick_up(struct ask *ask, const struct ds_pick_up *body, ds_error_t *error)
{
    about(ask, body->order_id);
    const char *reason =
        judge_bound(ask, body->has_courier_id, body->courier_id, DS_DELIVERY_ON_PICK_UP);
    if (reason != NULL)
        return refuse(ask, reason, error);
    const struct ds_courier *courier = ask->delivery->courier;
    event_t *event = add(ask, DS_DELIVERY_EVENT_DELIVERY_IN_TRANSIT, error);
    if (event == NULL)
        return false;
    event->body.as.delivery_in_transit = (struct ds_delivery_in_transit){
        ask->delivery->order_id,
        DS_PLANTED(PICK_UP_AFTER_CANCEL) && courier == NULL ? body->courier_id : courier->id,
        ask->delivery->lines, ask->now_us + ask->dispatch->settings->silent_us,
        ask->now_us + ask->dispatch->settings->late_us};
    return true;
}

static bool decide_arrive(struct ask *ask, const struct ds_arrive *body, ds_error_t *error)
{
    about(ask, body->order_id);
    const char *reason =
        judge_bound(ask, body->has_courier_id, body->courier_id, DS_DELIVERY_ON_ARRIVE);
    if (reason == NULL && ask->delivery->arrived)
        reason = "ALREADY_ARRIVED";
    if (reason != NULL)
        return refuse(ask, reason, error);
    event_t *event = add(ask, DS_DELIVERY_EVENT_DELIVERY_ARRIVED, error);
    if (event == NULL)
        return false;
    event->body.as.delivery_arrived =
        (struct ds_delivery_arrived){ask->delivery->order_id, ask->delivery->courier->id};
    return true;
}

static bool is_cash_short(const struct ds_delivery *delivery, const struct ds_hand_over *body)
{
    if (delivery->payment_method != DS_PAYMENT_METHOD_CASH_ON_DELIVERY || DS_PLANTED(LESS_CASH))
        return false;
    if (!body->has_cash_collected_minor || body->cash_collected_minor < 0)
        return true;
    return delivery->total_known && body->cash_collected_minor < delivery->total_minor;
}

/* The customer's code, where there is one. Staff answer for their customers without it. */
static bool is_code_wrong(const struct ask *ask, const struct ds_hand_over *body)
{
    const struct ds_delivery *delivery = ask->delivery;
    if (delivery->hand_over_code.len == 0 || is_staff(ask) || DS_PLANTED(ANY_CODE))
        return false;
    bool too_many = delivery->code_failures >= DS_DELIVERY_CODE_TRIES && !DS_PLANTED(CODE_GUESSED);
    return too_many || !body->has_code || !ds_str_eq(body->code, delivery->hand_over_code);
}

static bool decide_hand_over(struct ask *ask, const struct ds_hand_over *body, ds_error_t *error)
{
    about(ask, body->order_id);
    const char *reason =
        judge_bound(ask, body->has_courier_id, body->courier_id, DS_DELIVERY_ON_HAND_OVER);
    if (reason == NULL && is_code_wrong(ask, body))
        reason = "CODE_WRONG";
    if (reason == NULL && is_cash_short(ask->delivery, body))
        reason = "CASH_SHORT";
    if (reason != NULL)
        return refuse(ask, reason, error);
    event_t *event = add(ask, DS_DELIVERY_EVENT_DELIVERY_COMPLETED, error);
    if (event == NULL)
        return false;
    struct ds_delivery_completed *completed = &event->body.as.delivery_completed;
    completed->order_id = ask->delivery->order_id;
    completed->courier_id = ask->delivery->courier->id;
    completed->placed_at = ask->delivery->placed_at;
    completed->picked_up_at = ask->delivery->picked_up_at;
    if (ask->delivery->payment_method == DS_PAYMENT_METHOD_CASH_ON_DELIVERY) {
        completed->has_cash_collected_minor = true;
        completed->cash_collected_minor = body->cash_collected_minor;
    }
    return ds_decide_courier_freed(ask->dispatch, ask->delivery, ask->now_us, ask->decision, error);
}

static bool decide_failed(struct ask *ask, const struct ds_report_failed_attempt *body,
                          ds_error_t *error)
{
    about(ask, body->order_id);
    int32_t attempt = ask->delivery == NULL ? 1 : ask->delivery->attempts + 1;
    bool last = attempt >= ask->dispatch->settings->attempts_max;
    const char *reason =
        judge_bound(ask, body->has_courier_id, body->courier_id,
                    last ? DS_DELIVERY_ON_FAILED_LAST : DS_DELIVERY_ON_FAILED_AGAIN);
    if (reason != NULL)
        return refuse(ask, reason, error);
    event_t *event = add(ask, DS_DELIVERY_EVENT_DELIVERY_FAILED, error);
    if (event == NULL)
        return false;
    struct ds_delivery_failed *failed = &event->body.as.delivery_failed;
    failed->order_id = ask->delivery->order_id;
    failed->courier_id = ask->delivery->courier->id;
    failed->attempt = attempt;
    failed->next = last ? DS_FAIL_NEXT_RETURN : DS_FAIL_NEXT_AGAIN;
    failed->reason = body->reason;
    failed->has_return_by = last;
    failed->return_by = last ? ask->now_us + ask->dispatch->settings->lost_us : 0;
    return true;
}

static bool decide_give_back(struct ask *ask, const struct ds_give_back *body, ds_error_t *error)
{
    about(ask, body->order_id);
    const char *reason = judge_bound(ask, true, body->courier_id, DS_DELIVERY_ON_GIVE_BACK);
    if (reason != NULL)
        return refuse(ask, reason, error);
    return ds_decide_not_fetched(ask->dispatch, ask->delivery, DS_UNASSIGN_REASON_GIVEN_BACK,
                                 ask->now_us, ask->decision, error);
}

/* ---- of a courier that is asked */

static bool is_at_store(const struct ds_delivery *delivery)
{
    return delivery->state == DS_DELIVERY_SEARCHING || delivery->state == DS_DELIVERY_OFFERED ||
           delivery->state == DS_DELIVERY_ASSIGNED;
}

/* NULL: it is the offer that stands, and this courier's. */
static const char *judge_offer(const struct ask *ask, ds_str_t courier_id, int64_t number,
                               enum ds_delivery_input input)
{
    const struct ds_delivery *delivery = ask->delivery;
    struct ds_delivery_step step = step_of(ask, input);

    if (!may_act_as(ask, courier_id))
        return "OTHER_COURIER";
    if (DS_PLANTED(OLD_OFFER) && delivery != NULL && number < delivery->offer_number)
        number = delivery->offer_number;
    if (delivery != NULL && is_at_store(delivery) &&
        (number < delivery->offer_number ||
         (number == delivery->offer_number && delivery->state != DS_DELIVERY_OFFERED)))
        return "OFFER_ENDED";
    if (step.verdict == DS_DELIVERY_REFUSE)
        return step.reason;
    if (number != delivery->offer_number)
        return "NOT_OFFERED";
    return ds_str_eq(delivery->courier->id, courier_id) ? NULL : "OTHER_COURIER";
}

static const char *find_offer(struct ask *ask, ds_str_t offer_id, ds_str_t courier_id,
                              enum ds_delivery_input input)
{
    ds_str_t order_id;
    int64_t number;
    ask->target = offer_id;
    if (!ds_offer_split(offer_id, &order_id, &number))
        return "DELIVERY_UNKNOWN";
    about(ask, order_id);
    return judge_offer(ask, courier_id, number, input);
}

static bool decide_accept(struct ask *ask, const struct ds_accept_offer *body, ds_error_t *error)
{
    const char *reason = find_offer(ask, body->offer_id, body->courier_id, DS_DELIVERY_ON_ACCEPT);
    if (reason != NULL)
        return refuse(ask, reason, error);
    const struct ds_courier *courier = ask->delivery->courier;
    event_t *event = add(ask, DS_DELIVERY_EVENT_DELIVERY_ASSIGNED, error);
    if (event == NULL)
        return false;
    struct ds_delivery_assigned *assigned = &event->body.as.delivery_assigned;
    assigned->order_id = ask->delivery->order_id;
    assigned->offer_id = body->offer_id;
    assigned->courier_id = courier->id;
    assigned->has_courier_name = courier->name != NULL;
    assigned->courier_name = ds_str(courier->name);
    assigned->vehicle = ds_str(courier->vehicle);
    assigned->pick_up_by = ask->now_us + ask->dispatch->settings->pickup_timeout_us;
    return true;
}

static bool decide_decline(struct ask *ask, const struct ds_decline_offer *body, ds_error_t *error)
{
    const char *reason = find_offer(ask, body->offer_id, body->courier_id, DS_DELIVERY_ON_DECLINE);
    if (reason != NULL)
        return refuse(ask, reason, error);
    return ds_decide_offer_not_taken(ask->dispatch, ask->delivery, DS_OFFER_END_DECLINED,
                                     ask->now_us, ask->decision, error);
}

/* ---- of staff */

static bool add_reassigned(struct ask *ask, const struct ds_courier *to, ds_error_t *error)
{
    const struct ds_courier *from = ask->delivery->courier;
    struct ds_match match;
    event_t *event = add(ask, DS_DELIVERY_EVENT_DELIVERY_REASSIGNED, error);
    if (event == NULL)
        return false;
    struct ds_delivery_reassigned *reassigned = &event->body.as.delivery_reassigned;
    reassigned->order_id = ask->delivery->order_id;
    reassigned->from_courier_id = from->id;
    reassigned->courier_id = to->id;
    reassigned->has_courier_name = to->name != NULL;
    reassigned->courier_name = ds_str(to->name);
    reassigned->vehicle = ds_str(to->vehicle);
    reassigned->silent_at = ask->now_us + ask->dispatch->settings->silent_us;
    reassigned->picked_up = ask->delivery->state != DS_DELIVERY_ASSIGNED;
    ds_match_init(&match, ask->dispatch, ask->decision, ask->now_us, ask->delivery->order_id);
    ds_match_courier(&match, to, 1, true);
    ds_match_courier(&match, from, -1, false);
    return ds_add_going_offline(&match, from, ask->delivery, error) && ds_match_run(&match, error);
}

/* The courier staff name, or the policy's choice. */
static const char *judge_successor(const struct ask *ask, const struct ds_reassign *body,
                                   const struct ds_courier *chosen,
                                   const struct ds_courier **to_out)
{
    *to_out = chosen;
    if (!body->has_to_courier_id)
        return chosen == NULL ? "COURIER_BUSY" : NULL;
    const struct ds_courier *to = ds_dispatch_courier(ask->dispatch, body->to_courier_id);
    *to_out = to;
    if (to == NULL || !to->online || to->store != ask->delivery->store)
        return "COURIER_UNKNOWN";
    return to == ask->delivery->courier || !ds_courier_has_room(to) ? "COURIER_BUSY" : NULL;
}

static bool decide_reassign(struct ask *ask, const struct ds_reassign *body, ds_error_t *error)
{
    const struct ds_courier *chosen = NULL;
    const struct ds_courier *to = NULL;
    struct ds_match match;

    about(ask, body->order_id);
    struct ds_delivery_step step = step_of(ask, DS_DELIVERY_ON_REASSIGN);
    if (!is_staff(ask))
        return refuse(ask, "OTHER_COURIER", error);
    if (step.verdict == DS_DELIVERY_REFUSE)
        return refuse(ask, step.reason, error);
    ds_match_init(&match, ask->dispatch, ask->decision, ask->now_us, body->order_id);
    if (!body->has_to_courier_id && !ds_match_best(&match, ask->delivery->courier, &chosen, error))
        return false;
    const char *reason = judge_successor(ask, body, chosen, &to);
    if (reason != NULL)
        return refuse(ask, reason, error);
    return add_reassigned(ask, to, error);
}

static bool decide_back_at_store(struct ask *ask, const struct ds_back_at_store *body,
                                 ds_error_t *error)
{
    about(ask, body->order_id);
    struct ds_delivery_step step = step_of(ask, DS_DELIVERY_ON_BACK_AT_STORE);
    if (!is_staff(ask))
        return refuse(ask, "OTHER_COURIER", error);
    if (step.verdict == DS_DELIVERY_REFUSE)
        return refuse(ask, step.reason, error);
    event_t *event = add(ask, DS_DELIVERY_EVENT_DELIVERY_RETURNED, error);
    if (event == NULL)
        return false;
    event->body.as.delivery_returned =
        (struct ds_delivery_returned){ask->delivery->order_id, ask->delivery->courier->id};
    return ds_decide_courier_freed(ask->dispatch, ask->delivery, ask->now_us, ask->decision, error);
}

/* ---- of a courier itself */

static bool courier_id_valid(ds_str_t id)
{
    return id.len <= DS_MAX_ID_BYTES && ds_str_before(id, '.').len > 0 &&
           ds_str_after(id, '.').len > 0;
}

static const char *judge_online(const struct ask *ask, const struct ds_go_online *body,
                                const struct ds_courier *courier)
{
    if (!may_act_as(ask, body->courier_id))
        return "OTHER_COURIER";
    if (!courier_id_valid(body->courier_id))
        return "COURIER_UNKNOWN";
    if (body->capacity < 1 || body->capacity > DS_MAX_COURIER_CAPACITY)
        return "INVALID_CAPACITY";
    if (courier == NULL && ds_shelf_count(ask->dispatch->couriers) >= DS_COURIERS_MAX)
        return "TOO_MANY_COURIERS";
    if (ds_dispatch_store_of(ask->dispatch, body->courier_id) == NULL &&
        ds_shelf_count(ask->dispatch->stores) >= DS_MAX_PARTITION_STORES)
        return "TOO_MANY_COURIERS";
    return NULL;
}

static bool decide_go_online(struct ask *ask, const struct ds_go_online *body, ds_error_t *error)
{
    const struct ds_courier *courier = ds_dispatch_courier(ask->dispatch, body->courier_id);
    struct ds_match match;

    ask->target = body->courier_id;
    const char *reason = judge_online(ask, body, courier);
    if (reason != NULL)
        return refuse(ask, reason, error);
    event_t *event = add(ask, DS_DELIVERY_EVENT_COURIER_ONLINE, error);
    if (event == NULL)
        return false;
    struct ds_courier_online *online = &event->body.as.courier_online;
    online->courier_id = body->courier_id;
    online->has_name = body->has_name;
    online->name = body->name;
    online->vehicle = body->vehicle;
    online->capacity = body->capacity;
    online->has_place = body->has_place;
    online->place = body->place;
    ds_match_init(&match, ask->dispatch, ask->decision, ask->now_us, body->courier_id);
    ds_match_online(&match, courier, body);
    return ds_match_run(&match, error);
}

static bool decide_go_offline(struct ask *ask, const struct ds_go_offline *body, ds_error_t *error)
{
    const struct ds_courier *courier = ds_dispatch_courier(ask->dispatch, body->courier_id);
    struct ds_match match;

    ask->target = body->courier_id;
    if (!may_act_as(ask, body->courier_id))
        return refuse(ask, "OTHER_COURIER", error);
    if (courier == NULL)
        return refuse(ask, "COURIER_UNKNOWN", error);
    struct ds_courier_step step =
        ds_courier_step(ds_courier_state(courier), DS_COURIER_ON_GO_OFFLINE);
    if (!step.allowed)
        return refuse(ask, step.reason, error);
    ds_match_init(&match, ask->dispatch, ask->decision, ask->now_us, body->courier_id);
    return ds_add_going_offline(&match, courier, NULL, error) && ds_match_run(&match, error);
}

static bool decide_see(struct ask *ask, const struct ds_see_courier *body, ds_error_t *error)
{
    ask->target = body->courier_id;
    if (!may_act_as(ask, body->courier_id))
        return refuse(ask, "OTHER_COURIER", error);
    if (ds_dispatch_courier(ask->dispatch, body->courier_id) == NULL)
        return refuse(ask, "COURIER_UNKNOWN", error);
    event_t *event = add(ask, DS_DELIVERY_EVENT_COURIER_SEEN, error);
    if (event == NULL)
        return false;
    event->body.as.courier_seen = (struct ds_courier_seen){
        body->courier_id, body->place, ask->now_us + ask->dispatch->settings->silent_us};
    return true;
}

bool ds_delivery_command_decide(const struct ds_dispatch *dispatch,
                                const struct ds_delivery_command *command, int64_t now_us,
                                ds_decision_t *decision, ds_error_t *error)
{
    struct ask ask = {dispatch, command, now_us, decision, NULL, {NULL, 0}};
    switch (command->body.kind) {
    case DS_DELIVERY_COMMAND_GO_ONLINE:
        return decide_go_online(&ask, &command->body.as.go_online, error);
    case DS_DELIVERY_COMMAND_GO_OFFLINE:
        return decide_go_offline(&ask, &command->body.as.go_offline, error);
    case DS_DELIVERY_COMMAND_ACCEPT_OFFER:
        return decide_accept(&ask, &command->body.as.accept_offer, error);
    case DS_DELIVERY_COMMAND_DECLINE_OFFER:
        return decide_decline(&ask, &command->body.as.decline_offer, error);
    case DS_DELIVERY_COMMAND_GIVE_BACK:
        return decide_give_back(&ask, &command->body.as.give_back, error);
    case DS_DELIVERY_COMMAND_PICK_UP:
        return decide_pick_up(&ask, &command->body.as.pick_up, error);
    case DS_DELIVERY_COMMAND_ARRIVE:
        return decide_arrive(&ask, &command->body.as.arrive, error);
    case DS_DELIVERY_COMMAND_HAND_OVER:
        return decide_hand_over(&ask, &command->body.as.hand_over, error);
    case DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT:
        return decide_failed(&ask, &command->body.as.report_failed_attempt, error);
    case DS_DELIVERY_COMMAND_REASSIGN:
        return decide_reassign(&ask, &command->body.as.reassign, error);
    case DS_DELIVERY_COMMAND_BACK_AT_STORE:
        return decide_back_at_store(&ask, &command->body.as.back_at_store, error);
    case DS_DELIVERY_COMMAND_SEE_COURIER:
        return decide_see(&ask, &command->body.as.see_courier, error);
    default: /* the decoder knows no other */
        return true;
    }
}
