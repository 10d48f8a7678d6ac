/* api/commands_catalog.c - opening stores and adding products. */
#include "api/catalogue.h"
#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/internal.h"
#include "api/json_in.h"
#include "api/response.h"
#include "api/store_in.h"
#include "base/limits.h"
#include "base/money.h"

#include <stdio.h>

enum { STORE_WAIT_US = 2000000 };

static bool take_store(ds_request_t *request, struct ds_store_info *store)
{
    struct ds_fields body;
    struct ds_changed_fields all = {.count = 0};
    ds_fields_init(&body, request->json, "", &request->problems);
    if (ds_field_text(&body, "storeId", true, 1, DS_MAX_STORE_BYTES, &store->store_id) &&
        !ds_store_id_valid(store->store_id))
        ds_fields_problem(&body, "storeId", "invalid", "must be of a-z, 0-9 and -");
    if (ds_field_text(&body, "currency", true, 3, 3, &store->currency) &&
        !ds_currency_valid(store->currency))
        ds_fields_problem(&body, "currency", "invalid", "must be an ISO 4217 code such as EUR");
    ds_store_take(request, &body, true, store->currency, store, &all);
    store->open = true;
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

void ds_post_store(ds_request_t *request)
{
    struct ds_store_info store = {0};
    if (!take_store(request, &store))
        return;
    struct ds_command_job *job =
        ds_command_new(request, &ds_schema_catalog_commands, DS_TOPIC_CATALOG, store.store_id,
                       store.store_id, DS_ADMIN);
    if (job == NULL)
        return;
    struct ds_catalog_command *command = (struct ds_catalog_command *)(void *)job->command;
    command->body.kind = DS_CATALOG_COMMAND_CREATE_STORE;
    command->body.as.create_store.store = store;
    ds_command_name(job, "storeId", store.store_id);
    ds_command_submit(request, job);
}

/* The products of a request, and what their ids and currencies still have to be checked for. */
struct products_in {
    struct ds_product_info *items;
    size_t count;
    ds_str_t currency; /* the first one's; empty: none yet */
    bool bulk;
};

static void take_local_id(ds_request_t *request, struct ds_fields *in, struct products_in *products,
                          struct ds_product_info *product)
{
    ds_str_t local;
    if (!ds_field_text(in, "localId", false, 1, 63, &local))
        return; /* one is made from the command's id */
    if (!ds_local_id_valid(local)) {
        ds_fields_problem(in, "localId", "invalid", "must be of a-z, A-Z, 0-9, - and _");
        return;
    }
    product->product_id = ds_str(ds_request_text(
        request, "%.*s.%.*s", DS_STR_ARG(ds_request_arg(request, 0)), DS_STR_ARG(local)));
    for (size_t i = 0; i < products->count; i++)
        if (ds_str_eq(products->items[i].product_id, product->product_id))
            ds_fields_problem(in, "localId", "repeated", "is in the list already");
}

static void take_price(struct ds_fields *in, struct products_in *products,
                       struct ds_product_info *product)
{
    ds_str_t currency;
    if (!ds_field_money(in, "price", true, 0, &product->price_minor, &currency))
        return;
    if (products->currency.len == 0)
        products->currency = currency;
    if (!ds_str_eq(products->currency, currency))
        ds_fields_problem(in, "price", "currency", "all prices must be in the store's currency");
}

static void take_product(ds_request_t *request, struct ds_fields *in, struct products_in *products)
{
    int64_t max_quantity = DS_MAX_LINE_QUANTITY;
    struct ds_product_info *product = &products->items[products->count];
    take_local_id(request, in, products, product);
    (void)ds_field_text(in, "name", true, 1, 100, &product->name);
    (void)ds_field_text(in, "category", true, 1, 100, &product->category);
    (void)ds_field_text(in, "unit", true, 1, 32, &product->unit);
    take_price(in, products, product);
    if (!ds_field_int(in, "maxQuantity", false, 1, DS_MAX_LINE_QUANTITY, &max_quantity))
        max_quantity = DS_MAX_LINE_QUANTITY;
    product->max_quantity = (int32_t)max_quantity;
    product->has_image_url = ds_field_text(in, "imageUrl", false, 1, 500, &product->image_url);
    if (product->has_image_url &&
        (product->image_url.len < 8 || memcmp(product->image_url.data, "https://", 8) != 0))
        ds_fields_problem(in, "imageUrl", "invalid", "must begin with https://");
    ds_fields_end(in);
    products->count++;
}

static bool take_products(ds_request_t *request, struct products_in *products)
{
    struct ds_fields body;
    const json_t *items;
    ds_error_t error = DS_ERROR_INIT;
    ds_fields_init(&body, request->json, "", &request->problems);
    products->bulk = ds_fields_has(&body, "items");
    size_t most = products->bulk ? DS_MAX_BULK_ITEMS : 1;
    products->items = ds_arena_calloc(request->arena, most, sizeof *products->items, &error);
    if (products->items == NULL) {
        ds_answer_error(request, 500, "internal", "out of memory");
        return false;
    }
    if (!products->bulk) {
        take_product(request, &body, products);
    } else if (ds_field_array(&body, "items", true, 1, DS_MAX_BULK_ITEMS, &items)) {
        for (size_t i = 0; i < json_array_size(items); i++) {
            struct ds_fields item;
            if (ds_field_item(&body, "items", items, i, &item))
                take_product(request, &item, products);
        }
        ds_fields_end(&body);
    }
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

/* Products without a localId: from the command's id, so that a repeat makes the same ones. */
static bool make_ids(ds_request_t *request, struct products_in *products,
                     const struct ds_command_job *job)
{
    for (size_t i = 0; i < products->count; i++) {
        ds_id_t local;
        ds_error_t error = DS_ERROR_INIT;
        uint8_t index[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        const ds_bytes_t parts[] = {{(const uint8_t *)job->id.text, DS_ID_CHARS},
                                    {index, sizeof index}};
        if (products->items[i].product_id.len > 0)
            continue;
        if (!ds_id_derive(parts, 2, &local, &error)) {
            ds_answer_error(request, 500, "internal", "something went wrong here");
            return false;
        }
        products->items[i].product_id = ds_str(ds_request_text(
            request, "%.*s.%s", DS_STR_ARG(ds_request_arg(request, 0)), local.text));
    }
    return true;
}

static void name_products(ds_request_t *request, const struct products_in *products,
                          struct ds_command_job *job)
{
    if (!products->bulk) {
        ds_command_name(job, "productId", products->items[0].product_id);
        return;
    }
    job->list = request->owned = json_array();
    for (size_t i = 0; i < products->count; i++)
        (void)json_array_append_new(job->list, ds_out_text(products->items[i].product_id));
}

/* @return whether the store is known; then the products' currency was compared with its. */
static bool check_store(ds_request_t *request, const struct ds_command_job *job)
{
    struct ds_store_view store;
    if (!ds_catalogue_store(request->api->catalog, job->key, request->arena, &store))
        return false;
    if (!ds_str_eq(job->currency, store.info.currency)) {
        ds_problem(&request->problems, "price.currency", "currency", "the store's currency is %.*s",
                   DS_STR_ARG(store.info.currency));
        ds_answer_problems(request);
    }
    return true;
}

static bool store_there(ds_request_t *request)
{
    return check_store(request, request->command);
}

static void store_came(ds_request_t *request)
{
    if (request->status == 0)
        ds_command_submit_held(request, request->command);
    else
        ds_request_release(request);
}

static void store_missing(ds_request_t *request)
{
    ds_answer_error(request, 404, "store_unknown", "there is no such store");
    ds_request_release(request);
}

/* A shop that was opened a moment ago may not have reached this replica: it is waited for. */
static void wait_for_store(ds_request_t *request)
{
    struct ds_api *api = request->api;
    request->wait_ready = store_there;
    request->wait_go = store_came;
    request->wait_late = store_missing;
    request->wait_until_us = ds_api_now_us(api) + STORE_WAIT_US;
    ds_request_hold(request);
    ds_waiting_enter(api->waiting, request);
}

static void fill_products(ds_request_t *request, struct ds_command_job *job,
                          const struct products_in *products)
{
    struct ds_catalog_command *command = (struct ds_catalog_command *)(void *)job->command;
    struct ds_add_products *add = &command->body.as.add_products;
    command->body.kind = DS_CATALOG_COMMAND_ADD_PRODUCTS;
    add->store_id = job->key;
    add->products.items = products->items;
    add->products.count = products->count;
    job->currency = products->currency;
    name_products(request, products, job);
}

void ds_post_products(ds_request_t *request)
{
    struct products_in products = {0};
    ds_str_t store_id = ds_request_arg(request, 0);
    if (!ds_person_works_for(&request->person, store_id)) {
        ds_answer_error(request, 403, "forbidden", "you do not work for this store");
        return;
    }
    if (!take_products(request, &products))
        return;
    struct ds_command_job *job =
        ds_command_new(request, &ds_schema_catalog_commands, DS_TOPIC_CATALOG, store_id, store_id,
                       DS_STAFF | DS_ADMIN);
    if (job == NULL || !make_ids(request, &products, job))
        return;
    fill_products(request, job, &products);
    request->command = job;
    if (!check_store(request, job))
        wait_for_store(request);
    else if (request->status == 0)
        ds_command_submit(request, job);
}
