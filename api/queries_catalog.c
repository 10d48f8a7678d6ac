/* api/queries_catalog.c - products and stores, from memory. */
#include "api/catalogue.h"
#include "api/handlers.h"
#include "api/internal.h"
#include "api/queries.h"
#include "api/response.h"

#include <stdio.h>

/* --- waiting for a Consistency-Token of catalog.commands */

enum verdict { READY, BEHIND, FOREIGN };

static enum verdict check_tokens(const ds_request_t *request)
{
    ds_catalogue_t *catalog = request->api->catalog;
    enum verdict verdict = READY;
    for (size_t i = 0; i < request->token_count; i++) {
        const struct ds_token *token = &request->tokens[i];
        char identity[64];
        if (token->topic != DS_TOPIC_CATALOG)
            continue; /* nothing here comes from another topic */
        ds_catalogue_log_identity(catalog, DS_TOPIC_CATALOG, token->partition, identity);
        if (token->identity[0] != '\0' && identity[0] != '\0' &&
            strcmp(token->identity, identity) != 0)
            return FOREIGN;
        if (ds_catalogue_commands_through(catalog, token->partition) < token->offset)
            verdict = BEHIND;
    }
    return verdict;
}

static bool is_ready(ds_request_t *request)
{
    return check_tokens(request) != BEHIND;
}

static void go(ds_request_t *request)
{
    request->match.route->handle(request);
    ds_request_release(request);
}

static void late(ds_request_t *request)
{
    double waited_s =
        (double)(ds_api_now_us(request->api) - request->started_us) / (double)DS_US_PER_S;
    ds_answer_error_detail(request, 503, "behind", "the catalogue has not come this far yet",
                           json_pack("{s:f}", "lagSeconds", waited_s));
    ds_request_release(request);
}

/* @return whether the handler may go on now. Else the answer stands, or the request waits. */
static bool consistent(ds_request_t *request)
{
    struct ds_api *api = request->api;
    if (!ds_catalogue_loaded(api->catalog)) {
        ds_answer_error(request, 503, "starting", "the catalogue is still being read");
        return false;
    }
    enum verdict verdict = check_tokens(request);
    if (verdict == FOREIGN)
        ds_answer_error(request, 409, "consistency_token_foreign",
                        "the token is of a log that no longer exists");
    if (verdict != BEHIND)
        return verdict == READY;
    request->wait_ready = is_ready;
    request->wait_go = go;
    request->wait_late = late;
    request->wait_until_us = ds_api_now_us(api) + api->settings->behind_wait_us;
    ds_request_hold(request);
    ds_waiting_enter(api->waiting, request);
    return false;
}

/* --- products */

static json_t *product_json(const struct ds_product_view *product)
{
    const struct ds_product_info *info = &product->info;
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:i,s:b,s:o,s:I}", "productId",
                     ds_out_text(info->product_id), "storeId", ds_out_text(product->store_id),
                     "name", ds_out_text(info->name), "category", ds_out_text(info->category),
                     "unit", ds_out_text(info->unit), "price",
                     ds_out_money(info->price_minor, product->currency), "maxQuantity",
                     (int)info->max_quantity, "available", product->store_open && !product->removed,
                     "imageUrl", info->has_image_url ? ds_out_text(info->image_url) : json_null(),
                     "version", (json_int_t)product->offset);
}

void ds_get_product(ds_request_t *request)
{
    struct ds_product_view product;
    if (!consistent(request))
        return;
    if (!ds_catalogue_product(request->api->catalog, ds_request_arg(request, 0), request->arena,
                              &product) ||
        product.removed) {
        ds_answer_error(request, 404, "product_unknown", "there is no such product");
        return;
    }
    ds_answer_tagged(request,
                     ds_request_text(request, "\"p%lld-%lld\"", (long long)product.offset,
                                     (long long)product.store_offset),
                     product_json(&product));
}

static bool parse_sort(ds_str_t text, enum ds_product_sort *sort_out)
{
    *sort_out = DS_SORT_NAME;
    if (text.len == 0 || ds_str_eq(text, DS_STR("name")))
        return true;
    if (ds_str_eq(text, DS_STR("price")))
        *sort_out = DS_SORT_PRICE_UP;
    else if (ds_str_eq(text, DS_STR("-price")))
        *sort_out = DS_SORT_PRICE_DOWN;
    else
        return false;
    return true;
}

static uint64_t filter_hash(ds_request_t *request, const struct ds_product_query *query)
{
    return ds_str_hash(ds_str(ds_request_text(request, "products|%.*s|%.*s|%d",
                                              DS_STR_ARG(query->store), DS_STR_ARG(query->category),
                                              (int)query->sort)),
                       0);
}

static bool take_query(ds_request_t *request, struct ds_product_query *query)
{
    int64_t limit;
    *query = (struct ds_product_query){.store = ds_request_param(request, "store"),
                                       .category = ds_request_param(request, "category")};
    if (!ds_request_limit(request, &limit))
        return false;
    query->limit = (size_t)limit;
    if (!parse_sort(ds_request_param(request, "sort"), &query->sort)) {
        ds_answer_bad_parameter(request, "sort", "must be name, price or -price");
        return false;
    }
    if (ds_request_param(request, "q").data != NULL) {
        ds_answer_bad_parameter(request, "q", "searching is not supported yet");
        return false;
    }
    if (!ds_query_cursor(request, filter_hash(request, query), &query->after_key, &query->after_id))
        return false;
    query->has_after = query->after_id.len > 0;
    struct ds_product_view last;
    if (query->has_after && query->after_key.len == 0 &&
        ds_catalogue_product(request->api->catalog, query->after_id, request->arena, &last))
        query->after_key = last.info.name;
    return true;
}

/* A longer name does not fit into a cursor: then the product is looked up again. */
enum { CURSOR_NAME_MAX = 240 };

static ds_str_t next_cursor(ds_request_t *request, const struct ds_product_query *query,
                            const struct ds_product_view *last)
{
    ds_str_t price = ds_str(ds_request_text(request, "%lld", (long long)last->info.price_minor));
    return ds_query_next(request, filter_hash(request, query),
                         query->sort != DS_SORT_NAME              ? price
                         : last->info.name.len <= CURSOR_NAME_MAX ? last->info.name
                                                                  : (ds_str_t){0},
                         last->info.product_id);
}

/* @return whether the client has this list already; then 304 stands in the request. */
static bool unchanged(ds_request_t *request, const char *etag)
{
    ds_answer_header(request, "ETag", "%s", etag);
    if (!ds_etag_matches(request->headers.if_none_match, ds_str(etag)))
        return false;
    ds_answer_empty(request, 304);
    return true;
}

void ds_get_products(ds_request_t *request)
{
    struct ds_product_query query;
    struct ds_product_view *products;
    size_t count;
    bool more;
    int64_t version;
    ds_error_t error = DS_ERROR_INIT;
    if (!consistent(request) || !take_query(request, &query))
        return;
    if (!ds_catalogue_list(request->api->catalog, &query, request->arena, &products, &count, &more,
                           &version, &error)) {
        ds_answer_error(request, 500, "internal", "something went wrong here");
        return;
    }
    if (unchanged(request, ds_request_text(request, "\"l%lld\"", (long long)version)))
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, product_json(&products[i]));
    ds_str_t next = {0};
    if (more && count > 0)
        next = next_cursor(request, &query, &products[count - 1]);
    ds_answer_page(request, list, (int64_t)query.limit, next);
}

/* --- stores */

static json_t *corner_json(const struct ds_place *place)
{
    return json_pack("{s:f,s:f}", "lat", (double)place->lat_e6 / 1e6, "lng",
                     (double)place->lng_e6 / 1e6);
}

static json_t *hours_json(ds_request_t *request, const struct ds_store_info *info)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    json_t *list = json_array();
    for (size_t i = 0; i < info->hours.count; i++) {
        const struct ds_open_hours *open = &info->hours.items[i];
        int32_t to = open->to_minute > 1440 ? open->to_minute - 1440 : open->to_minute;
        (void)json_array_append_new(
            list,
            json_pack("{s:s,s:s,s:s}", "day", days[(open->day + 6) % 7], "from",
                      ds_request_text(request, "%02d:%02d", (int)(open->from_minute / 60),
                                      (int)(open->from_minute % 60)),
                      "to", ds_request_text(request, "%02d:%02d", (int)(to / 60), (int)(to % 60))));
    }
    return list;
}

static json_t *zone_json(const struct ds_store_info *info)
{
    if (info->delivery_radius_m > 0)
        return json_pack("{s:i}", "radiusMetres", (int)info->delivery_radius_m);
    if (info->delivery_area.count == 0)
        return json_null();
    json_t *corners = json_array();
    for (size_t i = 0; i < info->delivery_area.count; i++)
        (void)json_array_append_new(corners, corner_json(&info->delivery_area.items[i]));
    return json_pack("{s:o}", "polygon", corners);
}

static json_t *store_json(ds_request_t *request, const struct ds_store_view *store)
{
    const struct ds_store_info *info = &store->info;
    json_t *methods = json_array();
    for (size_t i = 0; i < info->payment_methods.count; i++)
        (void)json_array_append_new(methods, json_string(info->payment_methods.items[i] ==
                                                                 DS_PAYMENT_METHOD_CARD
                                                             ? "card"
                                                             : "cash_on_delivery"));
    json_t *door =
        store->door == DS_DOOR_NOT_KNOWN ? json_null() : json_boolean(store->door == DS_DOOR_OPEN);
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:b,s:I}", "storeId",
                     ds_out_text(info->store_id), "name", ds_out_text(info->name), "currency",
                     ds_out_text(info->currency), "timeZone", ds_out_text(info->time_zone),
                     "paymentMethods", methods, "deliveryFee",
                     ds_out_money(info->delivery_fee_minor, info->currency), "minimumOrder",
                     ds_out_money(info->minimum_order_minor, info->currency), "open",
                     (int)info->open, "openNow", door, "hours", hours_json(request, info), "zone",
                     zone_json(info), "location",
                     info->has_place ? corner_json(&info->place) : json_null(), "handOverCode",
                     (int)info->hand_over_code, "version", (json_int_t)store->offset);
}

void ds_get_store(ds_request_t *request)
{
    struct ds_store_view store;
    if (!consistent(request))
        return;
    if (!ds_catalogue_store(request->api->catalog, ds_request_arg(request, 0), request->arena,
                            &store)) {
        ds_answer_error(request, 404, "store_unknown", "there is no such store");
        return;
    }
    /* `openNow` changes by the clock, too. */
    ds_answer_tagged(
        request, ds_request_text(request, "\"s%lld-%d\"", (long long)store.offset, (int)store.door),
        store_json(request, &store));
}

void ds_get_stores(ds_request_t *request)
{
    struct ds_store_view *stores;
    size_t count;
    bool more;
    int64_t limit;
    ds_str_t key;
    ds_str_t after;
    const uint64_t filter = ds_str_hash(DS_STR("stores"), 0);
    ds_error_t error = DS_ERROR_INIT;
    if (!consistent(request) || !ds_request_limit(request, &limit) ||
        !ds_query_cursor(request, filter, &key, &after))
        return;
    if (!ds_catalogue_stores(request->api->catalog, after, (size_t)limit, request->arena, &stores,
                             &count, &more, &error)) {
        ds_answer_error(request, 500, "internal", "something went wrong here");
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, store_json(request, &stores[i]));
    ds_str_t next = {0};
    if (more && count > 0)
        next = ds_query_next(request, filter, (ds_str_t){0}, stores[count - 1].info.store_id);
    ds_answer_page(request, list, limit, next);
}
