/* api/ids_in.h - ids as they come in: their shape, and what they say of the store. Pure. */
#ifndef DS_API_IDS_IN_H
#define DS_API_IDS_IN_H

#include "base/id.h"

/** @brief "<store>.<local>", local 1-63 of [A-Za-z0-9_-]. */
bool ds_entity_id_valid(ds_str_t id);
/** @brief [A-Za-z0-9_-]{1,63}. */
bool ds_local_id_valid(ds_str_t local);
/** @brief "<order id>-<number>". @param order_out the order's part. */
bool ds_offer_id_valid(ds_str_t id, ds_str_t *order_out);

#endif
