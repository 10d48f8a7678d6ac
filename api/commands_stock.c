/* api/commands_stock.c - goods that arrived. */
#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/json_in.h"
#include "api/response.h"
#include "base/limits.h"

enum { MAX_RECEIVED = 1000000 };

static void add_item(const struct ds_fields *in, struct ds_receive_stock *receive,
                     ds_str_t product_id, int64_t quantity)
{
    for (size_t i = 0; i < receive->items.count; i++) {
        struct ds_stock_item *item = &receive->items.items[i];
        if (!ds_str_eq(item->product_id, product_id))
            continue;
        if (item->quantity + quantity > MAX_RECEIVED)
            ds_fields_problem(in, "quantity", "out_of_range", "more than 1000000 in all");
        else
            item->quantity += (int32_t)quantity;
        return;
    }
    receive->items.items[receive->items.count++] =
        (struct ds_stock_item){product_id, (int32_t)quantity};
}

static void take_item(struct ds_fields *in, struct ds_receive_stock *receive)
{
    ds_str_t product_id;
    int64_t quantity;
    bool id_ok = ds_field_text(in, "productId", true, 1, DS_MAX_ID_BYTES, &product_id);
    if (id_ok && (!ds_entity_id_valid(product_id) ||
                  !ds_str_eq(ds_id_store(product_id), receive->store_id))) {
        ds_fields_problem(in, "productId", "invalid", "must be a product of this store");
        id_ok = false;
    }
    bool quantity_ok = ds_field_int(in, "quantity", true, 1, MAX_RECEIVED, &quantity);
    ds_fields_end(in);
    if (id_ok && quantity_ok)
        add_item(in, receive, product_id, quantity);
}

static bool take_items(ds_request_t *request, struct ds_receive_stock *receive)
{
    struct ds_fields body;
    const json_t *items;
    ds_error_t error = DS_ERROR_INIT;
    ds_fields_init(&body, request->json, "", &request->problems);
    receive->items.items =
        ds_arena_calloc(request->arena, DS_MAX_BULK_ITEMS, sizeof *receive->items.items, &error);
    if (receive->items.items == NULL) {
        ds_answer_error(request, 500, "internal", "out of memory");
        return false;
    }
    if (ds_field_array(&body, "items", true, 1, DS_MAX_BULK_ITEMS, &items)) {
        for (size_t i = 0; i < json_array_size(items); i++) {
            struct ds_fields item;
            if (ds_field_item(&body, "items", items, i, &item))
                take_item(&item, receive);
        }
    }
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

void ds_post_stock_receive(ds_request_t *request)
{
    ds_str_t store_id = ds_request_arg(request, 0);
    struct ds_receive_stock receive = {.store_id = store_id};
    if (!ds_person_works_for(&request->person, store_id)) {
        ds_answer_error(request, 403, "forbidden", "you do not work for this store");
        return;
    }
    if (!take_items(request, &receive))
        return;
    struct ds_command_job *job =
        ds_command_new(request, &ds_schema_inventory_commands, DS_TOPIC_INVENTORY, store_id,
                       store_id, DS_STAFF | DS_ADMIN);
    if (job == NULL)
        return;
    struct ds_inventory_command *command = (struct ds_inventory_command *)(void *)job->command;
    command->body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK;
    command->body.as.receive_stock = receive;
    ds_command_name(job, "storeId", store_id);
    ds_command_submit(request, job);
}
