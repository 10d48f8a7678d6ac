/* api/locations.c - where couriers are: to courier.locations, where loss is allowed, and once a
 * minute to delivery, which decides by it. */
#include "api/locations.h"

#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/internal.h"
#include "api/json_in.h"
#include "api/queries.h"
#include "api/response.h"

#include <math.h>

bool ds_locations_due(struct ds_locations *locations, ds_str_t courier_id, int64_t now_us)
{
    uint64_t hash = ds_str_hash(courier_id, 0) | 1;
    size_t i = (size_t)(hash >> 1) % DS_LOCATIONS_PLACES;
    if (locations->places[i].courier == hash &&
        now_us - locations->places[i].told_us < DS_LOCATIONS_US)
        return false;
    locations->places[i].courier = hash;
    locations->places[i].told_us = now_us;
    return true;
}

/* Nobody waits for it; what is lost is made good by the next one. */
static void forget(void *context, const struct ds_command_report *report)
{
    (void)context;
    (void)report;
}

static void send_location(ds_request_t *request, const struct ds_courier_location *location)
{
    ds_error_t error = DS_ERROR_INIT;
    (void)!ds_command_writer_send(request->api->writer, &ds_schema_courier_locations, location,
                                  ds_id_store(location->courier_id), forget, NULL, &error);
}

static int32_t rounded(int32_t degrees_e6)
{
    return (degrees_e6 + (degrees_e6 < 0 ? -500 : 500)) / 1000 * 1000;
}

static void tell_delivery(ds_request_t *request, const struct ds_courier_location *location)
{
    const struct ds_runtime *runtime = request->api->runtime;
    ds_error_t error = DS_ERROR_INIT;
    ds_id_t id;
    if (!ds_id_new(runtime->clock, runtime->random, &id, &error))
        return;
    struct ds_delivery_command command = {
        .head = {.command_id = ds_str(id.text),
                 .body_hash = DS_STR(""),
                 .correlation_id = ds_str(request->correlation_id),
                 .actor = {DS_ACTOR_KIND_COURIER, location->courier_id},
                 .sent_at = ds_now_us(runtime->clock)},
        .body.kind = DS_DELIVERY_COMMAND_SEE_COURIER,
    };
    /* Kept for ever: to some hundred metres, which is all that choosing a courier needs. */
    command.body.as.see_courier = (struct ds_see_courier){
        location->courier_id, {rounded(location->place.lat_e6), rounded(location->place.lng_e6)}};
    (void)!ds_command_writer_send(request->api->writer, &ds_schema_delivery_commands, &command,
                                  ds_id_store(location->courier_id), forget, NULL, &error);
}

static bool take_location(ds_request_t *request, struct ds_courier_location *location)
{
    struct ds_fields body;
    double lat = 0;
    double lng = 0;
    int64_t accuracy_m;
    ds_str_t at;
    ds_fields_init(&body, request->json, "", &request->problems);
    (void)ds_field_number(&body, "lat", true, -90, 90, &lat);
    (void)ds_field_number(&body, "lng", true, -180, 180, &lng);
    location->has_accuracy_m = ds_field_int(&body, "accuracy", false, 0, 1000000, &accuracy_m);
    location->accuracy_m = (int32_t)accuracy_m;
    if (ds_field_text(&body, "at", true, 1, 64, &at) && !ds_time_parse(at, &location->at))
        ds_fields_problem(&body, "at", "invalid", "must be a time such as 2026-11-21T07:30:33Z");
    ds_fields_end(&body);
    location->place = (struct ds_place){(int32_t)lround(lat * 1e6), (int32_t)lround(lng * 1e6)};
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

void ds_post_courier_location(ds_request_t *request)
{
    struct ds_courier_location location = {.courier_id = ds_request_arg(request, 0)};
    if (!ds_entity_id_valid(location.courier_id) ||
        !ds_str_eq(request->person.subject, location.courier_id)) {
        ds_answer_error(request, 404, "courier_unknown", "there is no such courier");
        return;
    }
    if (!take_location(request, &location))
        return;
    send_location(request, &location);
    if (ds_locations_due(&request->api->locations, location.courier_id,
                         ds_api_now_us(request->api)))
        tell_delivery(request, &location);
    ds_answer_empty(request, 204);
}
