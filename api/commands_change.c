/* api/commands_change.c - changes of stores and products: fields of them, open and closed, gone. */
#include "api/catalogue.h"
#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/internal.h"
#include "api/json_in.h"
#include "api/response.h"
#include "api/store_in.h"
#include "base/limits.h"

static struct ds_catalog_command *new_command(ds_request_t *request, ds_str_t store_id,
                                              ds_str_t target, int32_t kind,
                                              struct ds_command_job **job_out)
{
    *job_out = ds_command_new(request, &ds_schema_catalog_commands, DS_TOPIC_CATALOG, store_id,
                              target, DS_STAFF | DS_ADMIN);
    if (*job_out == NULL)
        return NULL;
    struct ds_catalog_command *command = (struct ds_catalog_command *)(void *)(*job_out)->command;
    command->body.kind = kind;
    return command;
}

/* The body is read: one problem more where it changes nothing. */
static bool body_ok(ds_request_t *request, struct ds_fields *body,
                    const struct ds_changed_fields *changed)
{
    ds_fields_end(body);
    if (changed != NULL && changed->count == 0 && !ds_problems_any(&request->problems))
        ds_problem(&request->problems, "", "required", "name at least one field to change");
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

static bool no_fields(ds_request_t *request)
{
    struct ds_fields body;
    ds_fields_init(&body, request->json, "", &request->problems);
    return body_ok(request, &body, NULL);
}

/* What the catalogue here knows is for early answers; the decider merges into what is true. */
static ds_str_t currency_of(ds_request_t *request, ds_str_t store_id)
{
    struct ds_store_view store;
    if (!ds_catalogue_store(request->api->catalog, store_id, request->arena, &store))
        return (ds_str_t){0};
    return store.info.currency;
}

static struct ds_array_of_string names_of(ds_request_t *request,
                                          const struct ds_changed_fields *changed)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_array_of_string names = {
        ds_arena_calloc(request->arena, DS_CHANGED_FIELDS_MAX, sizeof(ds_str_t), &error), 0};
    if (names.items == NULL) {
        ds_answer_error(request, 500, "internal", "out of memory");
        return names;
    }
    memcpy(names.items, changed->names, sizeof changed->names);
    names.count = changed->count;
    return names;
}

void ds_patch_store(ds_request_t *request)
{
    ds_str_t store_id = ds_request_arg(request, 0);
    struct ds_store_info store = {.store_id = store_id};
    struct ds_changed_fields changed = {.count = 0};
    struct ds_command_job *job;
    struct ds_fields body;
    if (!ds_store_id_valid(store_id)) {
        ds_answer_error(request, 404, "store_unknown", "there is no such store");
        return;
    }
    ds_fields_init(&body, request->json, "", &request->problems);
    ds_store_take(request, &body, false, currency_of(request, store_id), &store, &changed);
    if (!body_ok(request, &body, &changed))
        return;
    struct ds_array_of_string fields = names_of(request, &changed);
    if (request->status != 0)
        return;
    struct ds_catalog_command *command =
        new_command(request, store_id, store_id, DS_CATALOG_COMMAND_CHANGE_STORE, &job);
    if (command == NULL)
        return;
    command->body.as.change_store = (struct ds_change_store){store, fields};
    ds_command_name(job, "storeId", store_id);
    ds_command_submit(request, job);
}

static void set_open(ds_request_t *request, bool open)
{
    ds_str_t store_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    if (!ds_person_works_for(&request->person, store_id)) {
        ds_answer_error(request, 403, "forbidden", "you do not work for this store");
        return;
    }
    if (!no_fields(request))
        return;
    struct ds_catalog_command *command =
        new_command(request, store_id, store_id, DS_CATALOG_COMMAND_SET_STORE_OPEN, &job);
    if (command == NULL)
        return;
    command->body.as.set_store_open = (struct ds_set_store_open){store_id, open};
    ds_command_name(job, "storeId", store_id);
    ds_command_submit(request, job);
}

void ds_post_store_open(ds_request_t *request)
{
    set_open(request, true);
}

void ds_post_store_close(ds_request_t *request)
{
    set_open(request, false);
}

/* A product of a store they work for; else 404, or 403. */
static bool may_change(ds_request_t *request, ds_str_t product_id)
{
    if (!ds_entity_id_valid(product_id))
        ds_answer_error(request, 404, "product_unknown", "there is no such product");
    else if (!ds_person_works_for(&request->person, ds_id_store(product_id)))
        ds_answer_error(request, 403, "forbidden", "you do not work for this store");
    return request->status == 0;
}

static void take_price(ds_request_t *request, struct ds_fields *body,
                       struct ds_product_info *product, struct ds_changed_fields *changed)
{
    ds_str_t currency;
    ds_str_t known = currency_of(request, ds_id_store(product->product_id));
    if (!ds_field_money(body, "price", false, 0, &product->price_minor, &currency))
        return;
    if (known.len > 0 && !ds_str_eq(known, currency))
        ds_fields_problem(body, "price", "currency", "must be in the store's currency");
    ds_changed_field(changed, "price_minor");
}

static void take_changes(ds_request_t *request, struct ds_fields *body,
                         struct ds_product_info *product, struct ds_changed_fields *changed)
{
    int64_t max_quantity;
    if (ds_field_text(body, "name", false, 1, 100, &product->name))
        ds_changed_field(changed, "name");
    if (ds_field_text(body, "category", false, 1, 100, &product->category))
        ds_changed_field(changed, "category");
    if (ds_field_text(body, "unit", false, 1, 32, &product->unit))
        ds_changed_field(changed, "unit");
    take_price(request, body, product, changed);
    if (ds_field_int(body, "maxQuantity", false, 1, DS_MAX_LINE_QUANTITY, &max_quantity)) {
        product->max_quantity = (int32_t)max_quantity;
        ds_changed_field(changed, "max_quantity");
    }
    product->has_image_url = ds_field_text(body, "imageUrl", false, 1, 500, &product->image_url);
    if (!product->has_image_url)
        return;
    if (product->image_url.len < 8 || memcmp(product->image_url.data, "https://", 8) != 0)
        ds_fields_problem(body, "imageUrl", "invalid", "must begin with https://");
    ds_changed_field(changed, "image_url");
}

void ds_patch_product(ds_request_t *request)
{
    ds_str_t product_id = ds_request_arg(request, 0);
    struct ds_product_info product = {.product_id = product_id};
    struct ds_changed_fields changed = {.count = 0};
    struct ds_command_job *job;
    struct ds_fields body;
    if (!may_change(request, product_id))
        return;
    ds_fields_init(&body, request->json, "", &request->problems);
    take_changes(request, &body, &product, &changed);
    if (!body_ok(request, &body, &changed))
        return;
    struct ds_array_of_string fields = names_of(request, &changed);
    if (request->status != 0)
        return;
    struct ds_catalog_command *command = new_command(request, ds_id_store(product_id), product_id,
                                                     DS_CATALOG_COMMAND_CHANGE_PRODUCT, &job);
    if (command == NULL)
        return;
    command->body.as.change_product = (struct ds_change_product){product, fields};
    ds_command_name(job, "productId", product_id);
    ds_command_submit(request, job);
}

void ds_delete_product(ds_request_t *request)
{
    ds_str_t product_id = ds_request_arg(request, 0);
    struct ds_command_job *job;
    if (!may_change(request, product_id) || !no_fields(request))
        return;
    struct ds_catalog_command *command = new_command(request, ds_id_store(product_id), product_id,
                                                     DS_CATALOG_COMMAND_REMOVE_PRODUCT, &job);
    if (command == NULL)
        return;
    command->body.as.remove_product.product_id = product_id;
    ds_command_name(job, "productId", product_id);
    ds_command_submit(request, job);
}
