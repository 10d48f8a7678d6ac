#include "processors/catalog/catalog_check.h"

#include "base/id.h"
#include "base/limits.h"
#include "base/money.h"

static bool has_control(ds_str_t text)
{
    for (uint32_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

static bool name_valid(ds_str_t name)
{
    return name.len > 0 && name.len <= 4 * DS_CATALOG_MAX_NAME_CHARS && !has_control(name) &&
           ds_utf8_length(name) <= DS_CATALOG_MAX_NAME_CHARS;
}

static bool short_text_valid(ds_str_t text, uint32_t max_bytes)
{
    return text.len > 0 && text.len <= max_bytes && !has_control(text);
}

/* "Europe/Berlin", "Etc/GMT+2", "UTC". Whether the zone exists is not for a pure function to know:
 * the list changes. */
static bool time_zone_valid(ds_str_t zone)
{
    bool after_slash = true;

    if (zone.len == 0 || zone.len > DS_CATALOG_MAX_TIME_ZONE_BYTES)
        return false;
    for (uint32_t i = 0; i < zone.len; i++) {
        char c = zone.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool other = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        if (!letter && (after_slash || (!other && c != '/')))
            return false;
        after_slash = c == '/';
    }
    return !after_slash;
}

static bool methods_valid(const struct ds_store_info *store)
{
    unsigned seen = 0;

    for (size_t i = 0; i < store->payment_methods.count; i++) {
        unsigned bit = 1U << (unsigned)store->payment_methods.items[i];
        if ((seen & bit) != 0)
            return false;
        seen |= bit;
    }
    return seen != 0;
}

static bool place_valid(const struct ds_place *place)
{
    return place->lat_e6 >= -90000000 && place->lat_e6 <= 90000000 && place->lng_e6 >= -180000000 &&
           place->lng_e6 <= 180000000;
}

/* A stretch begins on a day of the week and lasts a day at most. */
static bool hours_valid(const struct ds_store_info *store)
{
    if (store->hours.count > DS_CATALOG_MAX_HOURS)
        return false;
    for (size_t i = 0; i < store->hours.count; i++) {
        const struct ds_open_hours *hours = &store->hours.items[i];
        if (hours->day < 1 || hours->day > 7 || hours->from_minute < 0 ||
            hours->from_minute >= 1440 || hours->to_minute <= hours->from_minute ||
            hours->to_minute > hours->from_minute + 1440)
            return false;
    }
    return true;
}

/* Edges are straight in longitude (base/geo.h): what lies on both sides of the 180th meridian would
 * be the whole way round. */
static bool is_half_the_world_wide(const struct ds_store_info *store)
{
    int64_t west = INT32_MAX;
    int64_t east = INT32_MIN;

    for (size_t i = 0; i < store->delivery_area.count; i++) {
        int64_t lng = store->delivery_area.items[i].lng_e6;
        west = lng < west ? lng : west;
        east = lng > east ? lng : east;
    }
    return east - west > 180000000;
}

/* A radius around the store's place, or a polygon; not both. */
static bool zone_valid(const struct ds_store_info *store)
{
    size_t corners = store->delivery_area.count;
    if (store->delivery_radius_m < 0 || store->delivery_radius_m > DS_CATALOG_MAX_RADIUS_M)
        return false;
    if (store->delivery_radius_m > 0)
        return store->has_place && corners == 0;
    if (corners > 0 && (corners < 3 || corners > DS_CATALOG_MAX_AREA))
        return false;
    for (size_t i = 0; i < corners; i++)
        if (!place_valid(&store->delivery_area.items[i]))
            return false;
    return !is_half_the_world_wide(store);
}

const char *ds_catalog_check_store(const struct ds_store_info *store)
{
    if (!ds_store_id_valid(store->store_id))
        return "INVALID_STORE_ID";
    if (!name_valid(store->name))
        return "INVALID_NAME";
    if (!ds_currency_valid(store->currency))
        return "INVALID_CURRENCY";
    if (!time_zone_valid(store->time_zone))
        return "INVALID_TIME_ZONE";
    if (!methods_valid(store))
        return "INVALID_PAYMENT_METHODS";
    if (store->delivery_fee_minor < 0 || store->minimum_order_minor < 0)
        return "INVALID_PRICE";
    if (store->has_place && !place_valid(&store->place))
        return "INVALID_PLACE";
    if (!hours_valid(store))
        return "INVALID_HOURS";
    if (!zone_valid(store))
        return "INVALID_ZONE";
    return NULL;
}

static bool product_id_valid(ds_str_t id)
{
    ds_str_t local = ds_str_after(id, '.');
    return id.len <= DS_MAX_ID_BYTES && ds_store_id_valid(ds_id_store(id)) && local.len > 0 &&
           !has_control(local);
}

const char *ds_catalog_check_product(const struct ds_product_info *product)
{
    if (!product_id_valid(product->product_id))
        return "INVALID_PRODUCT_ID";
    if (!name_valid(product->name))
        return "INVALID_NAME";
    if (!name_valid(product->category))
        return "INVALID_CATEGORY";
    if (!short_text_valid(product->unit, DS_CATALOG_MAX_UNIT_BYTES))
        return "INVALID_UNIT";
    if (product->price_minor < 0)
        return "INVALID_PRICE";
    if (product->max_quantity < 1 || product->max_quantity > DS_MAX_LINE_QUANTITY)
        return "INVALID_MAX_QUANTITY";
    if (product->has_image_url && !short_text_valid(product->image_url, DS_CATALOG_MAX_URL_BYTES))
        return "INVALID_IMAGE_URL";
    return NULL;
}
