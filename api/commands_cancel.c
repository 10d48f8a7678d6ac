/* api/commands_cancel.c - cancelling an order, or some pieces of one of its lines. */
#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/json_in.h"
#include "api/response.h"
#include "base/limits.h"

/* The customer, or staff of the store; whose order it is the decider knows. */
static bool may_cancel(ds_request_t *request, ds_str_t order_id)
{
    bool customer = (request->person.roles & DS_CUSTOMER) != 0;
    if (ds_entity_id_valid(order_id) &&
        (customer || ds_person_works_for(&request->person, ds_id_store(order_id))))
        return true;
    ds_answer_error(request, 404, "order_unknown", "there is no such order");
    return false;
}

static bool body_ok(ds_request_t *request, const struct ds_fields *body)
{
    ds_fields_end(body);
    if (ds_problems_any(&request->problems))
        ds_answer_problems(request);
    return request->status == 0;
}

static struct ds_order_command *new_command(ds_request_t *request, ds_str_t order_id,
                                            ds_str_t target, int32_t kind,
                                            struct ds_command_job **job_out)
{
    *job_out = ds_command_new(request, &ds_schema_order_commands, DS_TOPIC_ORDER,
                              ds_id_store(order_id), target, DS_CUSTOMER | DS_STAFF | DS_ADMIN);
    if (*job_out == NULL)
        return NULL;
    struct ds_order_command *command = (struct ds_order_command *)(void *)(*job_out)->command;
    command->body.kind = kind;
    return command;
}

void ds_post_order_cancel(ds_request_t *request)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    struct ds_cancel_order cancel = {.order_id = order_id};
    struct ds_command_job *job;
    struct ds_fields body;
    ds_fields_init(&body, request->json, "", &request->problems);
    cancel.has_note = ds_field_text(&body, "reason", false, 0, 200, &cancel.note);
    if (!body_ok(request, &body) || !may_cancel(request, order_id))
        return;
    struct ds_order_command *command =
        new_command(request, order_id, order_id, DS_ORDER_COMMAND_CANCEL_ORDER, &job);
    if (command == NULL)
        return;
    command->body.as.cancel_order = cancel;
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}

/* Pieces and product are filled in by the decider where the client does not say them. */
void ds_post_line_cancel(ds_request_t *request)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    ds_str_t number = ds_request_arg(request, 1);
    struct ds_cancel_lines cancel = {.order_id = order_id};
    struct ds_line_quantity *item;
    struct ds_command_job *job;
    struct ds_fields body;
    ds_error_t error = DS_ERROR_INIT;
    int64_t line = 0;
    int64_t quantity = 0;
    ds_fields_init(&body, request->json, "", &request->problems);
    (void)ds_field_int(&body, "quantity", false, 1, DS_MAX_LINE_QUANTITY, &quantity);
    cancel.has_note = ds_field_text(&body, "reason", false, 0, 200, &cancel.note);
    if (!body_ok(request, &body) || !may_cancel(request, order_id))
        return;
    if (!ds_str_to_i64(number, &line) || line < 1 || line > DS_MAX_ORDER_LINES) {
        ds_answer_error(request, 404, "not_found", "there is no such line");
        return;
    }
    item = ds_arena_calloc(request->arena, 1, sizeof *item, &error);
    if (item == NULL) {
        ds_answer_error(request, 500, "internal", "out of memory");
        return;
    }
    *item = (struct ds_line_quantity){.line = (int32_t)line, .quantity = (int32_t)quantity};
    cancel.lines = (struct ds_array_of_line_quantity){item, 1};
    ds_str_t target =
        ds_str(ds_request_text(request, "%.*s/%lld", DS_STR_ARG(order_id), (long long)line));
    struct ds_order_command *command =
        new_command(request, order_id, target, DS_ORDER_COMMAND_CANCEL_LINES, &job);
    if (command == NULL)
        return;
    command->body.as.cancel_lines = cancel;
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}
