#include "processors/catalog/catalog_merge.h"

static bool is(ds_str_t field, const char *name)
{
    return ds_str_eq(field, ds_str(name));
}

static bool merge_store_field(ds_str_t field, const struct ds_store_info *from,
                              struct ds_store_info *to)
{
    if (is(field, "name"))
        to->name = from->name;
    else if (is(field, "time_zone"))
        to->time_zone = from->time_zone;
    else if (is(field, "payment_methods"))
        to->payment_methods = from->payment_methods;
    else if (is(field, "delivery_fee_minor"))
        to->delivery_fee_minor = from->delivery_fee_minor;
    else if (is(field, "minimum_order_minor"))
        to->minimum_order_minor = from->minimum_order_minor;
    else if (is(field, "hours"))
        to->hours = from->hours;
    else if (is(field, "hand_over_code"))
        to->hand_over_code = from->hand_over_code;
    else if (is(field, "place")) {
        to->has_place = from->has_place;
        to->place = from->place;
    } else if (is(field, "delivery_zone")) { /* one of the two, or neither */
        to->delivery_radius_m = from->delivery_radius_m;
        to->delivery_area = from->delivery_area;
    } else
        return false;
    return true;
}

const char *ds_catalog_merge_store(const struct ds_store_info *known,
                                   const struct ds_change_store *change,
                                   struct ds_store_info *after_out)
{
    *after_out = change->fields.count == 0 ? change->store : *known;
    for (size_t i = 0; i < change->fields.count; i++)
        if (!merge_store_field(change->fields.items[i], &change->store, after_out))
            return "INVALID_FIELD";
    return NULL;
}

static bool merge_product_field(ds_str_t field, const struct ds_product_info *from,
                                struct ds_product_info *to)
{
    if (is(field, "name"))
        to->name = from->name;
    else if (is(field, "category"))
        to->category = from->category;
    else if (is(field, "unit"))
        to->unit = from->unit;
    else if (is(field, "price_minor"))
        to->price_minor = from->price_minor;
    else if (is(field, "max_quantity"))
        to->max_quantity = from->max_quantity;
    else if (is(field, "image_url")) {
        to->has_image_url = from->has_image_url;
        to->image_url = from->image_url;
    } else
        return false;
    return true;
}

const char *ds_catalog_merge_product(const struct ds_product_info *known,
                                     const struct ds_change_product *change,
                                     struct ds_product_info *after_out)
{
    *after_out = change->fields.count == 0 ? change->product : *known;
    for (size_t i = 0; i < change->fields.count; i++)
        if (!merge_product_field(change->fields.items[i], &change->product, after_out))
            return "INVALID_FIELD";
    return NULL;
}
