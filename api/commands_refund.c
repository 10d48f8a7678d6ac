/* api/commands_refund.c - staff gives back what is not owed. */
#include "api/commands.h"
#include "api/handlers.h"
#include "api/ids_in.h"
#include "api/json_in.h"
#include "api/response.h"

void ds_post_refund(ds_request_t *request)
{
    ds_str_t order_id = ds_request_arg(request, 0);
    struct ds_refund refund = {.order_id = order_id};
    struct ds_command_job *job;
    struct ds_fields body;
    if (!ds_entity_id_valid(order_id) ||
        !ds_person_works_for(&request->person, ds_id_store(order_id))) {
        ds_answer_error(request, 404, "order_unknown", "there is no such order");
        return;
    }
    ds_fields_init(&body, request->json, "", &request->problems);
    (void)ds_field_money(&body, "amount", true, 1, &refund.amount_minor, &refund.currency);
    (void)ds_field_text(&body, "reason", true, 1, 200, &refund.reason);
    ds_fields_end(&body);
    if (ds_problems_any(&request->problems)) {
        ds_answer_problems(request);
        return;
    }
    job = ds_command_new(request, &ds_schema_payment_commands, DS_TOPIC_PAYMENT,
                         ds_id_store(order_id), order_id, DS_STAFF | DS_ADMIN);
    if (job == NULL)
        return;
    struct ds_payment_command *command = (struct ds_payment_command *)(void *)job->command;
    command->body.kind = DS_PAYMENT_COMMAND_REFUND;
    command->body.as.refund = refund;
    ds_command_name(job, "orderId", order_id);
    ds_command_submit(request, job);
}
