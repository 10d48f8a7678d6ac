#include "processors/catalog/catalog.h"

#include "base/id.h"
#include "processors/catalog/catalog_decide.h"
#include "processors/catalog/catalog_logic.h"
#include "processors/catalog/catalog_state.h"

static const struct ds_decider_input inputs[] = {
    {DS_CATALOG_INPUT_COMMANDS, &ds_schema_catalog_commands},
};

/* A product is its store's: what is added and what is changed must wait together. */
static ds_str_t aggregate(const struct ds_input *input)
{
    const struct ds_catalog_command *command = input->message;

    switch (command->body.kind) {
    case DS_CATALOG_COMMAND_CREATE_STORE:
        return command->body.as.create_store.store.store_id;
    case DS_CATALOG_COMMAND_CHANGE_STORE:
        return command->body.as.change_store.store.store_id;
    case DS_CATALOG_COMMAND_CHANGE_PRODUCT:
        return ds_id_store(command->body.as.change_product.product.product_id);
    default:
        return ds_id_store(ds_schema_catalog_commands.aggregate(command));
    }
}

const struct ds_decider ds_catalog_decider = {
    .name = "catalog",
    .events = &ds_schema_catalog_events,
    .inputs = inputs,
    .input_count = sizeof(inputs) / sizeof(inputs[0]),
    .logic = DS_LOGIC_CATALOG,
    .options = NULL, /* it waits for nothing */
    .settings_bytes = 0,
    .state_new = ds_catalog_new,
    .state_destroy = ds_catalog_destroy,
    .decide = ds_catalog_decide,
    .evolve = ds_catalog_evolve,
    .next_timer = ds_catalog_next_timer,
    .aggregate = aggregate,
    .item = &ds_schema_catalog_state,
    .shelves = ds_catalog_shelves,
    .image = ds_catalog_image,
    .restore = ds_catalog_restore,
    .restored = ds_catalog_restored,
};
