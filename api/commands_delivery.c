/* api/commands_delivery.c - what couriers do, and staff for them. */
#include "api/catalogue.h"
#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/internal.h"
#include "api/json_in.h"
#include "api/response.h"
#include "base/limits.h"

static struct ds_delivery_command *new_command(ds_request_t *request, ds_str_t store_id,
                                               ds_str_t target, unsigned roles, int32_t kind,
                                               struct ds_command_job **job_out)
{
    *job_out = ds_command_new(request, &ds_schema_delivery_commands, DS_TOPIC_DELIVERY, store_id,
                              target, roles);
    if (*job_out == NULL)
        return NULL;
    struct ds_delivery_command *command = (struct ds_delivery_command *)(void *)(*job_out)->command;
    command->body.kind = kind;
    return command;
}

static bool no_fields(ds_request_t *request)
{
    struct ds_fields body;
    ds_fields_init(&body, request->json, "", &request->problems);
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

/* The courier themselves, or staff of their store. */
static bool may_act_for(ds_request_t *request, ds_str_t courier_id)
{
    const struct ds_person *person = &request->person;
    bool self = (person->roles & DS_COURIER) != 0 && ds_str_eq(person->subject, courier_id);
    if (ds_entity_id_valid(courier_id) &&
        (self || ds_person_works_for(person, ds_id_store(courier_id))))
        return true;
    ds_answer_error(request, 404, "courier_unknown", "there is no such courier");
    return false;
}

static bool is_vehicle(ds_str_t text)
{
    static const char *const vehicles[] = {"bicycle", "scooter", "car", "van", "foot"};
    for (size_t i = 0; i < sizeof vehicles / sizeof *vehicles; i++)
        if (ds_str_eq(text, ds_str(vehicles[i])))
            return true;
    return false;
}

static bool take_online(ds_request_t *request, struct ds_go_online *online)
{
    struct ds_fields body;
    int64_t capacity = 1;
    int32_t lat_e6;
    int32_t lng_e6;
    ds_fields_init(&body, request->json, "", &request->problems);
    online->has_name = ds_field_text(&body, "name", false, 1, 100, &online->name);
    if (ds_field_text(&body, "vehicle", true, 1, 32, &online->vehicle) &&
        !is_vehicle(online->vehicle))
        ds_fields_problem(&body, "vehicle", "invalid", "bicycle, scooter, car, van or foot");
    (void)ds_field_int(&body, "capacity", true, 1, DS_MAX_COURIER_CAPACITY, &capacity);
    online->capacity = (int32_t)capacity;
    online->has_place = ds_field_place(&body, "location", false, &lat_e6, &lng_e6);
    if (online->has_place)
        online->place = (struct ds_place){lat_e6, lng_e6};
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

void ds_post_courier_online(ds_request_t *request)
{
    ds_str_t courier_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    struct ds_go_online online = {.courier_id = courier_id};
    if (!may_act_for(request, courier_id) || !take_online(request, &online))
        return;
    struct ds_delivery_command *command =
        new_command(request, ds_id_store(courier_id), courier_id, DS_COURIER | DS_STAFF | DS_ADMIN,
                    DS_DELIVERY_COMMAND_GO_ONLINE, &job);
    if (command == NULL)
        return;
    command->body.as.go_online = online;
    ds_command_name(job, "courierId", courier_id);
    ds_command_submit(request, job);
}

void ds_post_courier_offline(ds_request_t *request)
{
    ds_str_t courier_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    if (!may_act_for(request, courier_id) || !no_fields(request))
        return;
    struct ds_delivery_command *command =
        new_command(request, ds_id_store(courier_id), courier_id, DS_COURIER | DS_STAFF | DS_ADMIN,
                    DS_DELIVERY_COMMAND_GO_OFFLINE, &job);
    if (command == NULL)
        return;
    command->body.as.go_offline.courier_id = courier_id;
    ds_command_name(job, "courierId", courier_id);
    ds_command_submit(request, job);
}

/* An offer of the courier's own store; whose it is the decider knows. */
static bool may_answer(ds_request_t *request, ds_str_t offer_id)
{
    ds_str_t order_id;
    ds_str_t courier_id = request->person.subject;
    if (ds_offer_id_valid(offer_id, &order_id) && ds_entity_id_valid(courier_id) &&
        ds_str_eq(ds_id_store(order_id), ds_id_store(courier_id)))
        return true;
    ds_answer_error(request, 404, "not_found", "there is no such offer");
    return false;
}

void ds_post_offer_accept(ds_request_t *request)
{
    ds_str_t offer_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    if (!may_answer(request, offer_id) || !no_fields(request))
        return;
    struct ds_delivery_command *command =
        new_command(request, ds_id_store(offer_id), offer_id, DS_COURIER,
                    DS_DELIVERY_COMMAND_ACCEPT_OFFER, &job);
    if (command == NULL)
        return;
    command->body.as.accept_offer = (struct ds_accept_offer){offer_id, request->person.subject};
    ds_command_name(job, "offerId", offer_id);
    ds_command_submit(request, job);
}

void ds_post_offer_decline(ds_request_t *request)
{
    ds_str_t offer_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    if (!may_answer(request, offer_id) || !no_fields(request))
        return;
    struct ds_delivery_command *command =
        new_command(request, ds_id_store(offer_id), offer_id, DS_COURIER,
                    DS_DELIVERY_COMMAND_DECLINE_OFFER, &job);
    if (command == NULL)
        return;
    command->body.as.decline_offer = (struct ds_decline_offer){offer_id, request->person.subject};
    ds_command_name(job, "offerId", offer_id);
    ds_command_submit(request, job);
}

/* A courier of the order's store, or staff. @param courier_out the courier who acts; empty: staff
 * acts for whoever is assigned. */
static bool may_deliver(ds_request_t *request, ds_str_t order_id, ds_str_t *courier_out)
{
    const struct ds_person *person = &request->person;
    ds_str_t store_id = ds_id_store(order_id);
    *courier_out = (ds_str_t){0};
    if (ds_entity_id_valid(order_id) && ds_person_works_for(person, store_id))
        return true;
    if (ds_entity_id_valid(order_id) && (person->roles & DS_COURIER) != 0 &&
        ds_entity_id_valid(person->subject) && ds_str_eq(ds_id_store(person->subject), store_id)) {
        *courier_out = person->subject;
        return true;
    }
    ds_answer_error(request, 404, "delivery_unknown", "there is no such delivery");
    return false;
}

/* What a courier does with an order that it has, without a body. */
static void post_step(ds_request_t *request, int32_t kind)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    ds_str_t courier_id;
    if (!may_deliver(request, order_id, &courier_id) || !no_fields(request))
        return;
    struct ds_delivery_command *command = new_command(request, ds_id_store(order_id), order_id,
                                                      DS_COURIER | DS_STAFF | DS_ADMIN, kind, &job);
    if (command == NULL)
        return;
    if (kind == DS_DELIVERY_COMMAND_PICK_UP)
        command->body.as.pick_up = (struct ds_pick_up){
            .order_id = order_id, .has_courier_id = courier_id.len > 0, .courier_id = courier_id};
    else
        command->body.as.arrive = (struct ds_arrive){
            .order_id = order_id, .has_courier_id = courier_id.len > 0, .courier_id = courier_id};
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}

void ds_post_pickup(ds_request_t *request)
{
    post_step(request, DS_DELIVERY_COMMAND_PICK_UP);
}

void ds_post_arrived(ds_request_t *request)
{
    post_step(request, DS_DELIVERY_COMMAND_ARRIVE);
}

/* The courier gives an order back that it did not fetch yet. */
void ds_post_giveback(ds_request_t *request)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    ds_str_t courier_id;
    if (!may_deliver(request, order_id, &courier_id) || !no_fields(request))
        return;
    struct ds_delivery_command *command = new_command(
        request, ds_id_store(order_id), order_id, DS_COURIER, DS_DELIVERY_COMMAND_GIVE_BACK, &job);
    if (command == NULL)
        return;
    command->body.as.give_back = (struct ds_give_back){order_id, request->person.subject};
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}

/* Only the amount is kept. Of a store that is not known here nothing can be said. */
static void check_currency(ds_request_t *request, ds_str_t order_id, ds_str_t currency)
{
    struct ds_store_view store;
    if (ds_catalogue_store(request->api->catalog, ds_id_store(order_id), request->arena, &store) &&
        !ds_str_eq(store.info.currency, currency))
        ds_problem(&request->problems, "cashCollected.currency", "currency",
                   "the order's currency is %.*s", DS_STR_ARG(store.info.currency));
}

static bool take_handover(ds_request_t *request, struct ds_hand_over *hand_over)
{
    struct ds_fields body;
    ds_str_t currency;
    ds_fields_init(&body, request->json, "", &request->problems);
    hand_over->has_code = ds_field_text(&body, "code", false, 1, 32, &hand_over->code);
    hand_over->has_cash_collected_minor = ds_field_money(
        &body, "cashCollected", false, 0, &hand_over->cash_collected_minor, &currency);
    if (hand_over->has_cash_collected_minor)
        check_currency(request, hand_over->order_id, currency);
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

void ds_post_handover(ds_request_t *request)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    struct ds_hand_over hand_over = {.order_id = order_id};
    struct ds_command_job *job;
    if (!may_deliver(request, order_id, &hand_over.courier_id) ||
        !take_handover(request, &hand_over))
        return;
    hand_over.has_courier_id = hand_over.courier_id.len > 0;
    struct ds_delivery_command *command =
        new_command(request, ds_id_store(order_id), order_id, DS_COURIER | DS_STAFF | DS_ADMIN,
                    DS_DELIVERY_COMMAND_HAND_OVER, &job);
    if (command == NULL)
        return;
    command->body.as.hand_over = hand_over;
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}

void ds_post_failed(ds_request_t *request)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    struct ds_report_failed_attempt failed = {.order_id = order_id};
    struct ds_command_job *job;
    struct ds_fields body;
    if (!may_deliver(request, order_id, &failed.courier_id))
        return;
    failed.has_courier_id = failed.courier_id.len > 0;
    ds_fields_init(&body, request->json, "", &request->problems);
    (void)ds_field_text(&body, "reason", true, 1, 200, &failed.reason);
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems)) {
        ds_answer_problems(request);
        return;
    }
    struct ds_delivery_command *command =
        new_command(request, ds_id_store(order_id), order_id, DS_COURIER | DS_STAFF | DS_ADMIN,
                    DS_DELIVERY_COMMAND_REPORT_FAILED_ATTEMPT, &job);
    if (command == NULL)
        return;
    command->body.as.report_failed_attempt = failed;
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}

/* Staff of the order's store; to others the delivery is not there. */
static bool may_direct(ds_request_t *request, ds_str_t order_id)
{
    if (ds_entity_id_valid(order_id) &&
        ds_person_works_for(&request->person, ds_id_store(order_id)))
        return true;
    ds_answer_error(request, 404, "delivery_unknown", "there is no such delivery");
    return false;
}

void ds_post_reassign(ds_request_t *request)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    struct ds_reassign reassign = {.order_id = order_id};
    struct ds_command_job *job;
    struct ds_fields body;
    if (!may_direct(request, order_id))
        return;
    ds_fields_init(&body, request->json, "", &request->problems);
    reassign.has_to_courier_id =
        ds_field_text(&body, "courierId", false, 1, DS_MAX_ID_BYTES, &reassign.to_courier_id);
    if (reassign.has_to_courier_id &&
        (!ds_entity_id_valid(reassign.to_courier_id) ||
         !ds_str_eq(ds_id_store(reassign.to_courier_id), ds_id_store(order_id))))
        ds_fields_problem(&body, "courierId", "invalid", "must be a courier of this store");
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems)) {
        ds_answer_problems(request);
        return;
    }
    struct ds_delivery_command *command =
        new_command(request, ds_id_store(order_id), order_id, DS_STAFF | DS_ADMIN,
                    DS_DELIVERY_COMMAND_REASSIGN, &job);
    if (command == NULL)
        return;
    command->body.as.reassign = reassign;
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}

void ds_post_returned(ds_request_t *request)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    if (!may_direct(request, order_id) || !no_fields(request))
        return;
    struct ds_delivery_command *command =
        new_command(request, ds_id_store(order_id), order_id, DS_STAFF | DS_ADMIN,
                    DS_DELIVERY_COMMAND_BACK_AT_STORE, &job);
    if (command == NULL)
        return;
    command->body.as.back_at_store.order_id = order_id;
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}
