/* api/commands_stock.c - goods that arrived, are gone or were counted, and when they are few. */
#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/json_in.h"
#include "api/response.h"
#include "base/limits.h"

enum { MAX_PIECES = 1000000 };

/* The four operations have one shape. */
struct stock_in {
    int32_t kind; /* of the command */
    int64_t least;
    int64_t most;
    bool has_reason; /* there may be one */
    bool reason_required;
    ds_str_t store_id;
    struct ds_array_of_stock_item items;
    bool reason_given;
    ds_str_t reason;
};

/* Pieces of one product in several places are one number, but for thresholds: two of them
 * contradict each other, and the decider says so. */
static void add_item(const struct ds_fields *in, struct stock_in *stock, ds_str_t product_id,
                     int64_t quantity)
{
    for (size_t i = 0; i < stock->items.count && stock->kind != DS_INVENTORY_COMMAND_SET_THRESHOLD;
         i++) {
        struct ds_stock_item *item = &stock->items.items[i];
        int64_t sum = item->quantity + quantity;
        if (!ds_str_eq(item->product_id, product_id))
            continue;
        if (sum > MAX_PIECES || sum < -MAX_PIECES ||
            (sum == 0 && stock->kind == DS_INVENTORY_COMMAND_ADJUST_STOCK))
            ds_fields_problem(in, "quantity", "out_of_range", "in all: none, or over 1000000");
        else
            item->quantity = (int32_t)sum;
        return;
    }
    stock->items.items[stock->items.count++] =
        (struct ds_stock_item){product_id, (int32_t)quantity};
}

static void take_item(struct ds_fields *in, struct stock_in *stock)
{
    ds_str_t product_id;
    int64_t quantity;
    bool id_ok = ds_field_text(in, "productId", true, 1, DS_MAX_ID_BYTES, &product_id);
    if (id_ok &&
        (!ds_entity_id_valid(product_id) || !ds_str_eq(ds_id_store(product_id), stock->store_id))) {
        ds_fields_problem(in, "productId", "invalid", "must be a product of this store");
        id_ok = false;
    }
    bool quantity_ok = ds_field_int(in, "quantity", true, stock->least, stock->most, &quantity);
    if (quantity_ok && quantity == 0 && stock->kind == DS_INVENTORY_COMMAND_ADJUST_STOCK) {
        ds_fields_problem(in, "quantity", "out_of_range", "must not be 0");
        quantity_ok = false;
    }
    ds_fields_end(in);
    if (id_ok && quantity_ok)
        add_item(in, stock, product_id, quantity);
}

static bool take_stock(ds_request_t *request, struct stock_in *stock)
{
    struct ds_fields body;
    const json_t *items;
    ds_error_t error = DS_ERROR_INIT;
    ds_fields_init(&body, request->json, "", &request->problems);
    stock->items.items =
        ds_arena_calloc(request->arena, DS_MAX_BULK_ITEMS, sizeof *stock->items.items, &error);
    if (stock->items.items == NULL) {
        ds_answer_error(request, 500, "internal", "out of memory");
        return false;
    }
    if (ds_field_array(&body, "items", true, 1, DS_MAX_BULK_ITEMS, &items)) {
        for (size_t i = 0; i < json_array_size(items); i++) {
            struct ds_fields item;
            if (ds_field_item(&body, "items", items, i, &item))
                take_item(&item, stock);
        }
    }
    if (stock->has_reason)
        stock->reason_given =
            ds_field_text(&body, "reason", stock->reason_required, 1, 200, &stock->reason);
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

static void fill(struct ds_inventory_command *command, const struct stock_in *stock)
{
    command->body.kind = stock->kind;
    switch (stock->kind) {
    case DS_INVENTORY_COMMAND_ADJUST_STOCK:
        command->body.as.adjust_stock =
            (struct ds_adjust_stock){stock->store_id, stock->items, stock->reason};
        break;
    case DS_INVENTORY_COMMAND_COUNT_STOCK:
        command->body.as.count_stock = (struct ds_count_stock){stock->store_id, stock->items,
                                                               stock->reason_given, stock->reason};
        break;
    case DS_INVENTORY_COMMAND_SET_THRESHOLD:
        command->body.as.set_threshold = (struct ds_set_threshold){stock->store_id, stock->items};
        break;
    default:
        command->body.as.receive_stock = (struct ds_receive_stock){stock->store_id, stock->items};
        break;
    }
}

static void post_stock(ds_request_t *request, struct stock_in stock)
{
    stock.store_id = ds_request_arg(request, 0);
    if (!ds_person_works_for(&request->person, stock.store_id)) {
        ds_answer_error(request, 403, "forbidden", "you do not work for this store");
        return;
    }
    if (!take_stock(request, &stock))
        return;
    struct ds_command_job *job =
        ds_command_new(request, &ds_schema_inventory_commands, DS_TOPIC_INVENTORY, stock.store_id,
                       stock.store_id, DS_STAFF | DS_ADMIN);
    if (job == NULL)
        return;
    fill((struct ds_inventory_command *)(void *)job->command, &stock);
    ds_command_name(job, "storeId", stock.store_id);
    ds_command_submit(request, job);
}

void ds_post_stock_receive(ds_request_t *request)
{
    post_stock(request, (struct stock_in){.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK,
                                          .least = 1,
                                          .most = MAX_PIECES});
}

void ds_post_stock_adjust(ds_request_t *request)
{
    post_stock(request, (struct stock_in){.kind = DS_INVENTORY_COMMAND_ADJUST_STOCK,
                                          .least = -MAX_PIECES,
                                          .most = MAX_PIECES,
                                          .has_reason = true,
                                          .reason_required = true});
}

void ds_post_stock_count(ds_request_t *request)
{
    post_stock(request, (struct stock_in){.kind = DS_INVENTORY_COMMAND_COUNT_STOCK,
                                          .most = MAX_PIECES,
                                          .has_reason = true});
}

void ds_post_stock_threshold(ds_request_t *request)
{
    post_stock(request,
               (struct stock_in){.kind = DS_INVENTORY_COMMAND_SET_THRESHOLD, .most = MAX_PIECES});
}
