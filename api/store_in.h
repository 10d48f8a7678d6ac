/* api/store_in.h - a store as it comes in: for opening one, and for changing one. */
#ifndef DS_API_STORE_IN_H
#define DS_API_STORE_IN_H

#include "api/json_in.h"
#include "api/request.h"
#include "schemas/schema.h"

/** Fields of a change; see ChangeStore.fields and ChangeProduct.fields. */
#define DS_CHANGED_FIELDS_MAX 12

struct ds_changed_fields {
    ds_str_t names[DS_CHANGED_FIELDS_MAX];
    size_t count;
};

/** @brief The name of a field that is there. @param name a literal, as the schema has it. */
void ds_changed_field(struct ds_changed_fields *changed, const char *name);
/** @brief What a store and a change of one have in common: everything but id, currency and `open`.
 * Problems are noted, fields are not ended.
 *  @param required  whether name, time zone and payment methods must be there.
 *  @param currency  the store's; empty: not known, then it is not compared.
 *  @param changed   gains the fields that were there. */
void ds_store_take(ds_request_t *request, struct ds_fields *body, bool required, ds_str_t currency,
                   struct ds_store_info *store, struct ds_changed_fields *changed);

#endif
