#include "processors/catalog/catalog_decide.h"

#include "base/id.h"
#include "base/limits.h"
#include "processors/catalog/catalog_check.h"
#include "processors/catalog/catalog_merge.h"

/* One command on its way to an event. */
struct step {
    const struct ds_catalog *catalog;
    const struct ds_catalog_command *command;
    ds_decision_t *decision;
};

/* `detail` says which of many; empty: nothing to say. */
static bool reject(const struct step *s, ds_str_t target, const char *reason, ds_str_t detail,
                   ds_error_t *error)
{
    const char *operation = ds_schema_catalog_commands.ce_types[s->command->body.kind];

    if (!ds_decision_reject(s->decision, target, ds_str(operation), reason, error))
        return false;
    if (detail.len > 0) {
        struct ds_catalog_event *event =
            ds_decision_event(s->decision, ds_decision_count(s->decision) - 1);
        event->body.as.command_rejected.has_detail = true;
        event->body.as.command_rejected.detail = detail;
    }
    return true;
}

static struct ds_catalog_event *add(const struct step *s, int32_t kind, ds_error_t *error)
{
    struct ds_catalog_event *event = ds_decision_add(s->decision, error);
    if (event != NULL)
        event->body.kind = kind;
    return event;
}

static bool emit_store(const struct step *s, int32_t kind, const struct ds_store_info *info,
                       bool open, ds_error_t *error)
{
    struct ds_catalog_event *event = add(s, kind, error);
    struct ds_store_info *store = NULL;

    if (event == NULL)
        return false;
    store = kind == DS_CATALOG_EVENT_STORE_OPENED ? &event->body.as.store_opened.store
                                                  : &event->body.as.store_changed.store;
    *store = *info;
    store->open = open;
    return true;
}

static bool create_store(const struct step *s, ds_error_t *error)
{
    const struct ds_store_info *info = &s->command->body.as.create_store.store;
    const char *reason = ds_catalog_check_store(info);

    if (reason == NULL && ds_catalog_find_store(s->catalog, info->store_id) != NULL)
        reason = "STORE_EXISTS";
    if (reason != NULL)
        return reject(s, info->store_id, reason, DS_STR(""), error);
    return emit_store(s, DS_CATALOG_EVENT_STORE_OPENED, info, info->open, error);
}

static bool change_store(const struct step *s, ds_error_t *error)
{
    const struct ds_change_store *command = &s->command->body.as.change_store;
    const struct ds_store_info *known = ds_catalog_find_store(s->catalog, command->store.store_id);
    struct ds_store_info after;
    const char *reason = NULL;

    if (known == NULL)
        return reject(s, command->store.store_id, "STORE_UNKNOWN", DS_STR(""), error);
    reason = ds_catalog_merge_store(known, command, &after);
    if (reason == NULL)
        reason = ds_catalog_check_store(&after);
    if (reason == NULL && !ds_str_eq(known->currency, after.currency))
        reason = "INVALID_CURRENCY"; /* the prices of its products would change their meaning */
    if (reason != NULL)
        return reject(s, command->store.store_id, reason, DS_STR(""), error);
    return emit_store(s, DS_CATALOG_EVENT_STORE_CHANGED, &after, after.open, error);
}

/* Opening an open store, or closing a closed one, is said again: the caller gets what was asked
 * for. */
static bool set_open(const struct step *s, ds_error_t *error)
{
    const struct ds_set_store_open *command = &s->command->body.as.set_store_open;
    const struct ds_store_info *known = ds_catalog_find_store(s->catalog, command->store_id);
    struct ds_catalog_event *event = NULL;

    if (known == NULL)
        return reject(s, command->store_id, "STORE_UNKNOWN", DS_STR(""), error);
    if (command->open)
        return emit_store(s, DS_CATALOG_EVENT_STORE_CHANGED, known, true, error);
    event = add(s, DS_CATALOG_EVENT_STORE_CLOSED, error);
    if (event == NULL)
        return false;
    event->body.as.store_closed.store_id = command->store_id;
    return true;
}

/* Why the i-th product of a bulk may not be added; NULL: it may. */
static const char *check_new_product(const struct step *s, const struct ds_add_products *bulk,
                                     ds_map_t *seen, size_t i, ds_error_t *error)
{
    const struct ds_product_info *product = &bulk->products.items[i];
    const char *reason = ds_catalog_check_product(product);

    if (reason != NULL)
        return reason;
    if (!ds_str_eq(ds_id_store(product->product_id), bulk->store_id))
        return "INVALID_PRODUCT_ID";
    if (ds_catalog_find_product(s->catalog, product->product_id) != NULL ||
        ds_map_get(seen, product->product_id) != NULL)
        return "PRODUCT_EXISTS";
    if (!ds_map_put(seen, product->product_id, seen, NULL, error))
        return NULL; /* the caller asks `error` */
    return NULL;
}

static bool emit_products(const struct step *s, const struct ds_add_products *bulk,
                          ds_error_t *error)
{
    struct ds_catalog_event *event = add(s, DS_CATALOG_EVENT_PRODUCT_ADDED, error);
    if (event == NULL)
        return false;
    event->body.as.product_added.store_id = bulk->store_id;
    event->body.as.product_added.products = bulk->products;
    return true;
}

/* All or none: one bad product refuses the bulk, and the detail names it. */
static bool add_products(const struct step *s, ds_error_t *error)
{
    const struct ds_add_products *bulk = &s->command->body.as.add_products;
    ds_map_t *seen = NULL;
    bool ok = false;

    if (ds_catalog_find_store(s->catalog, bulk->store_id) == NULL)
        return reject(s, bulk->store_id, "STORE_UNKNOWN", DS_STR(""), error);
    if (bulk->products.count == 0 || bulk->products.count > DS_MAX_BULK_ITEMS)
        return reject(s, bulk->store_id, "INVALID_COUNT", DS_STR(""), error);
    seen = ds_map_new(DS_MAX_BULK_ITEMS);
    if (seen == NULL)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_MEMORY, "catalog: no memory");
    for (size_t i = 0; i < bulk->products.count; i++) {
        const char *reason = check_new_product(s, bulk, seen, i, error);
        if (ds_error_is_set(error))
            goto out;
        if (reason != NULL) {
            ok = reject(s, bulk->store_id, reason, bulk->products.items[i].product_id, error);
            goto out;
        }
    }
    ok = emit_products(s, bulk, error);
out:
    ds_map_destroy(seen, NULL);
    return ok;
}

static bool change_product(const struct step *s, ds_error_t *error)
{
    const struct ds_change_product *command = &s->command->body.as.change_product;
    ds_str_t product_id = command->product.product_id;
    const struct ds_product_info *known = ds_catalog_find_product(s->catalog, product_id);
    struct ds_product_info after;
    const char *reason = NULL;
    struct ds_catalog_event *event = NULL;

    if (known == NULL)
        return reject(s, product_id, "PRODUCT_UNKNOWN", DS_STR(""), error);
    reason = ds_catalog_merge_product(known, command, &after);
    if (reason == NULL)
        reason = ds_catalog_check_product(&after);
    if (reason != NULL)
        return reject(s, product_id, reason, DS_STR(""), error);
    event = add(s, DS_CATALOG_EVENT_PRODUCT_CHANGED, error);
    if (event == NULL)
        return false;
    event->body.as.product_changed.product = after;
    return true;
}

static bool remove_product(const struct step *s, ds_error_t *error)
{
    ds_str_t product_id = s->command->body.as.remove_product.product_id;
    struct ds_catalog_event *event = NULL;

    if (ds_catalog_find_product(s->catalog, product_id) == NULL)
        return reject(s, product_id, "PRODUCT_UNKNOWN", DS_STR(""), error);
    event = add(s, DS_CATALOG_EVENT_PRODUCT_REMOVED, error);
    if (event == NULL)
        return false;
    event->body.as.product_removed.product_id = product_id;
    return true;
}

static bool may_change(const struct ds_actor *actor)
{
    return actor->kind == DS_ACTOR_KIND_STAFF || actor->kind == DS_ACTOR_KIND_ADMIN ||
           actor->kind == DS_ACTOR_KIND_SYSTEM;
}

bool ds_catalog_decide(const void *state, const struct ds_input *input, int64_t now_us,
                       ds_decision_t *decision, ds_error_t *error)
{
    struct step s = {.catalog = state, .command = input->message, .decision = decision};

    (void)now_us;
    if (input->kind != DS_INPUT_COMMAND)
        return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_INVALID,
                            "catalog: input %d is not its own", (int)input->number);
    if (!may_change(&s.command->head.actor))
        return reject(&s, ds_schema_catalog_commands.aggregate(s.command), "FORBIDDEN", DS_STR(""),
                      error);
    switch (s.command->body.kind) {
    case DS_CATALOG_COMMAND_CREATE_STORE:
        return create_store(&s, error);
    case DS_CATALOG_COMMAND_CHANGE_STORE:
        return change_store(&s, error);
    case DS_CATALOG_COMMAND_SET_STORE_OPEN:
        return set_open(&s, error);
    case DS_CATALOG_COMMAND_ADD_PRODUCTS:
        return add_products(&s, error);
    case DS_CATALOG_COMMAND_CHANGE_PRODUCT:
        return change_product(&s, error);
    case DS_CATALOG_COMMAND_REMOVE_PRODUCT:
        return remove_product(&s, error);
    default: /* the decoder knows no other */
        return true;
    }
}
