#include "api/ids_in.h"

bool ds_local_id_valid(ds_str_t local)
{
    if (local.len == 0 || local.len > 63)
        return false;
    for (uint32_t i = 0; i < local.len; i++) {
        char c = local.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

bool ds_entity_id_valid(ds_str_t id)
{
    return ds_store_id_valid(ds_id_store(id)) && ds_local_id_valid(ds_str_after(id, '.'));
}

bool ds_offer_id_valid(ds_str_t id, ds_str_t *order_out)
{
    uint32_t at = id.len;
    int64_t number;
    *order_out = (ds_str_t){0};
    while (at > 0 && id.data[at - 1] != '-')
        at--;
    if (at < 2 || !ds_str_to_i64((ds_str_t){id.data + at, id.len - at}, &number) || number < 1)
        return false;
    *order_out = (ds_str_t){id.data, at - 1};
    return ds_entity_id_valid(*order_out);
}
