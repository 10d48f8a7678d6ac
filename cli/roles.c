#include "cli/roles.h"

#include "api/api.h"
#include "decider/decider.h"
#include "gateways/gateways.h"
#include "processors/catalog/catalog.h"
#include "processors/delivery/delivery.h"
#include "processors/inventory/inventory.h"
#include "processors/order/order.h"
#include "processors/payment/payment.h"
#include "projections/projections.h"

const struct ds_decider *const ds_deciders[] = {
    &ds_catalog_decider,   &ds_order_decider,    &ds_payment_decider,
    &ds_inventory_decider, &ds_delivery_decider, NULL,
};
_Static_assert(sizeof ds_deciders / sizeof *ds_deciders == DS_DECIDERS + 1,
               "DS_DECIDERS counts them");

static const struct ds_role *const roles[] = {
    &ds_role_api,
    &ds_role_processor,
    &ds_role_project_postgres,
    &ds_role_project_mongo,
    &ds_role_gateway_payments,
    &ds_role_notifications,
    &ds_role_sandbox,
    &ds_role_up,
    &ds_role_topics,
    &ds_role_schemas,
    &ds_role_migrate,
    &ds_role_seed,
    &ds_role_demo,
    &ds_role_load,
    &ds_role_events,
    &ds_role_order,
    &ds_role_audit,
    &ds_role_lag,
    &ds_role_dlq,
    &ds_role_payments,
    &ds_role_token,
    &ds_role_healthcheck,
    &ds_role_config_doc,
    NULL,
};

const struct ds_role *const *ds_roles(void)
{
    return roles;
}

size_t ds_role_parts(const struct ds_role *role, struct ds_option_part parts_out[DS_MAX_PARTS])
{
    size_t count = 0;
    parts_out[count++] =
        (struct ds_option_part){ds_common_options, sizeof(struct ds_common_settings)};
    parts_out[count++] = (struct ds_option_part){role->options, role->settings_bytes};
    for (size_t i = 0; role == &ds_role_processor && i < DS_DECIDERS; i++)
        parts_out[count++] =
            (struct ds_option_part){ds_deciders[i]->options, ds_deciders[i]->settings_bytes};
    return count;
}
