#include "api/store_in.h"

#include "api/internal.h"
#include "base/timezone.h"

#include <math.h>

enum { MAX_HOURS = 28, MAX_CORNERS = 100, MAX_RADIUS_M = 200000, DAY_MINUTES = 1440 };

void ds_changed_field(struct ds_changed_fields *changed, const char *name)
{
    if (changed->count < DS_CHANGED_FIELDS_MAX)
        changed->names[changed->count++] = ds_str(name);
}

static bool parse_method(ds_str_t text, enum ds_payment_method *method_out)
{
    *method_out = DS_PAYMENT_METHOD_CARD;
    if (ds_str_eq(text, DS_STR("cash_on_delivery")))
        *method_out = DS_PAYMENT_METHOD_CASH_ON_DELIVERY;
    else if (!ds_str_eq(text, DS_STR("card")))
        return false;
    return true;
}

static bool take_methods(ds_request_t *request, struct ds_fields *body, bool required,
                         struct ds_store_info *store)
{
    const json_t *list;
    ds_error_t error = DS_ERROR_INIT;
    if (!ds_field_array(body, "paymentMethods", required, 1, 2, &list))
        return false;
    store->payment_methods.items =
        ds_arena_calloc(request->arena, 2, sizeof *store->payment_methods.items, &error);
    for (size_t i = 0; store->payment_methods.items != NULL && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        enum ds_payment_method method;
        if (text == NULL || !parse_method(ds_str(text), &method) ||
            (i == 1 && method == store->payment_methods.items[0])) {
            ds_fields_problem(body, "paymentMethods", "invalid",
                              "card, cash_on_delivery or both, each once");
            return false;
        }
        store->payment_methods.items[store->payment_methods.count++] = method;
    }
    return true;
}

static bool take_fee(struct ds_fields *body, const char *name, ds_str_t store_currency,
                     int64_t *amount_minor_out)
{
    ds_str_t currency;
    if (!ds_field_money(body, name, false, 0, amount_minor_out, &currency))
        return false;
    if (store_currency.len > 0 && !ds_str_eq(currency, store_currency))
        ds_fields_problem(body, name, "currency", "must be in the store's currency");
    return true;
}

static bool take_time_zone(struct ds_fields *body, bool required, ds_str_t *name_out)
{
    ds_error_t error = DS_ERROR_INIT;
    if (!ds_field_text(body, "timeZone", required, 1, 64, name_out))
        return false;
    ds_timezone_t *zone = ds_timezone_load(NULL, *name_out, &error);
    if (zone == NULL)
        ds_fields_problem(body, "timeZone", "invalid", "must be a name such as Europe/Berlin");
    ds_timezone_destroy(zone);
    return true;
}

/* ---- hours */

static bool parse_day(ds_str_t text, int32_t *day_out)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (int32_t i = 0; i < 7; i++) {
        *day_out = i + 1;
        if (ds_str_eq(text, ds_str(days[i])))
            return true;
    }
    return false;
}

/* "08:30"; "24:00" ends a day. */
static bool parse_clock(ds_str_t text, int32_t *minute_out)
{
    const char *c = text.data;
    if (text.len != 5 || c[2] != ':')
        return false;
    for (int i = 0; i < 5; i++)
        if (i != 2 && (c[i] < '0' || c[i] > '9'))
            return false;
    int32_t minutes = (c[3] - '0') * 10 + (c[4] - '0');
    *minute_out = ((c[0] - '0') * 10 + (c[1] - '0')) * 60 + minutes;
    return minutes < 60 && *minute_out <= DAY_MINUTES;
}

static void take_stretch(struct ds_fields *in, struct ds_open_hours *hours)
{
    ds_str_t day;
    ds_str_t from;
    ds_str_t to;
    bool there = ds_field_text(in, "day", true, 3, 3, &day);
    there = ds_field_text(in, "from", true, 5, 5, &from) && there;
    there = ds_field_text(in, "to", true, 5, 5, &to) && there;
    ds_fields_end(in);
    if (!there)
        return;
    if (!parse_day(day, &hours->day))
        ds_fields_problem(in, "day", "invalid", "mon, tue, wed, thu, fri, sat or sun");
    if (!parse_clock(from, &hours->from_minute) || hours->from_minute == DAY_MINUTES)
        ds_fields_problem(in, "from", "invalid", "must be a time such as 08:30");
    if (!parse_clock(to, &hours->to_minute))
        ds_fields_problem(in, "to", "invalid", "must be a time such as 22:00, at most 24:00");
    else if (hours->to_minute <= hours->from_minute)
        hours->to_minute += DAY_MINUTES; /* past midnight */
}

static bool take_hours(ds_request_t *request, struct ds_fields *body, struct ds_store_info *store)
{
    const json_t *list;
    ds_error_t error = DS_ERROR_INIT;
    if (!ds_field_array(body, "hours", false, 0, MAX_HOURS, &list))
        return false;
    store->hours.items =
        ds_arena_calloc(request->arena, MAX_HOURS, sizeof *store->hours.items, &error);
    for (size_t i = 0; store->hours.items != NULL && i < json_array_size(list); i++) {
        struct ds_fields in;
        if (ds_field_item(body, "hours", list, i, &in))
            take_stretch(&in, &store->hours.items[store->hours.count++]);
    }
    return true;
}

/* ---- zone */

static void take_corners(ds_request_t *request, struct ds_fields *zone, const json_t *list,
                         struct ds_store_info *store)
{
    ds_error_t error = DS_ERROR_INIT;
    store->delivery_area.items =
        ds_arena_calloc(request->arena, MAX_CORNERS, sizeof *store->delivery_area.items, &error);
    for (size_t i = 0; store->delivery_area.items != NULL && i < json_array_size(list); i++) {
        struct ds_place *corner = &store->delivery_area.items[store->delivery_area.count];
        struct ds_fields in;
        double lat;
        double lng;
        if (!ds_field_item(zone, "polygon", list, i, &in))
            continue;
        bool there = ds_field_number(&in, "lat", true, -90, 90, &lat);
        there = ds_field_number(&in, "lng", true, -180, 180, &lng) && there;
        ds_fields_end(&in);
        if (!there)
            continue;
        *corner = (struct ds_place){(int32_t)lround(lat * 1e6), (int32_t)lround(lng * 1e6)};
        store->delivery_area.count++;
    }
}

/* {"radiusMetres": 5000}, {"polygon": [{"lat", "lng"}, ...]}, or {}: everywhere. */
static bool take_zone(ds_request_t *request, struct ds_fields *body, struct ds_store_info *store)
{
    struct ds_fields zone;
    const json_t *corners;
    int64_t radius_m;
    if (!ds_field_object(body, "zone", false, &zone))
        return false;
    if (ds_field_int(&zone, "radiusMetres", false, 1, MAX_RADIUS_M, &radius_m))
        store->delivery_radius_m = (int32_t)radius_m;
    if (ds_field_array(&zone, "polygon", false, 3, MAX_CORNERS, &corners)) {
        take_corners(request, &zone, corners, store);
        if (store->delivery_radius_m > 0)
            ds_fields_problem(&zone, "polygon", "invalid", "a radius or a polygon, not both");
    }
    ds_fields_end(&zone);
    return true;
}

static bool take_place(struct ds_fields *body, struct ds_store_info *store)
{
    int32_t lat_e6;
    int32_t lng_e6;
    store->has_place = ds_field_place(body, "location", false, &lat_e6, &lng_e6);
    if (store->has_place)
        store->place = (struct ds_place){lat_e6, lng_e6};
    return store->has_place;
}

void ds_store_take(ds_request_t *request, struct ds_fields *body, bool required, ds_str_t currency,
                   struct ds_store_info *store, struct ds_changed_fields *changed)
{
    if (ds_field_text(body, "name", required, 1, 100, &store->name))
        ds_changed_field(changed, "name");
    if (take_time_zone(body, required, &store->time_zone))
        ds_changed_field(changed, "time_zone");
    if (take_methods(request, body, required, store))
        ds_changed_field(changed, "payment_methods");
    if (take_fee(body, "deliveryFee", currency, &store->delivery_fee_minor))
        ds_changed_field(changed, "delivery_fee_minor");
    if (take_fee(body, "minimumOrder", currency, &store->minimum_order_minor))
        ds_changed_field(changed, "minimum_order_minor");
    if (take_place(body, store))
        ds_changed_field(changed, "place");
    if (take_hours(request, body, store))
        ds_changed_field(changed, "hours");
    if (take_zone(request, body, store))
        ds_changed_field(changed, "delivery_zone");
    if (ds_field_bool(body, "handOverCode", false, &store->hand_over_code))
        ds_changed_field(changed, "hand_over_code");
    if (required && store->delivery_radius_m > 0 && !store->has_place)
        ds_fields_problem(body, "location", "required", "a radius needs the store's place");
}
