#include "processors/order/order_place.h"

#include "base/id.h"
#include "base/limits.h"
#include "base/money.h"

/* "<store>.<something>", so that whoever has the id knows the partition. */
static bool belongs_to_store(ds_str_t id, ds_str_t store_id)
{
    return id.len <= DS_MAX_ID_BYTES && ds_str_eq(ds_id_store(id), store_id) &&
           ds_str_after(id, '.').len > 0;
}

bool ds_order_place_has_name(const struct ds_place_order *place)
{
    return ds_store_id_valid(place->store_id) &&
           belongs_to_store(place->order_id, place->store_id) && place->customer_id.len > 0 &&
           place->customer_id.len <= DS_ORDER_MAX_PERSON_BYTES;
}

static size_t text_if(bool has, ds_str_t text)
{
    return has ? text.len : 0;
}

static size_t personal_bytes(const struct ds_union_personal_data_sealed_data *personal)
{
    if (personal->kind == DS_UNION_PERSONAL_DATA_SEALED_DATA_SEALED_DATA)
        return (size_t)personal->as.sealed_data.key_id.len + personal->as.sealed_data.data.len;
    const struct ds_personal_data *p = &personal->as.personal_data;
    return text_if(p->has_recipient, p->recipient) + text_if(p->has_phone, p->phone) +
           p->street.len + p->city.len + text_if(p->has_state, p->state) +
           text_if(p->has_zip_code, p->zip_code) + text_if(p->has_country, p->country) +
           text_if(p->has_notes, p->notes) + text_if(p->has_email, p->email) +
           text_if(p->has_push_token, p->push_token) + text_if(p->has_language, p->language);
}

bool ds_order_place_fits(const struct ds_place_order *place)
{
    size_t bytes = place->currency.len + text_if(place->has_payment_token, place->payment_token) +
                   text_if(place->has_hand_over_code, place->hand_over_code) +
                   personal_bytes(&place->personal);

    if (place->lines.count > DS_MAX_ORDER_LINES)
        return false;
    for (size_t i = 0; i < place->lines.count; i++)
        bytes += (size_t)place->lines.items[i].product_id.len + place->lines.items[i].name.len;
    return bytes <= DS_ORDER_MAX_TEXT_BYTES;
}

static bool line_valid(const struct ds_order_line *line, size_t i, ds_str_t store_id)
{
    int64_t total = 0;
    return line->line == (int32_t)i + 1 && belongs_to_store(line->product_id, store_id) &&
           line->quantity >= 1 && line->quantity <= DS_MAX_LINE_QUANTITY &&
           line->unit_price_minor >= 0 &&
           ds_money_mul(line->unit_price_minor, line->quantity, &total) &&
           total == line->total_minor;
}

static bool sums_valid(const struct ds_place_order *place)
{
    int64_t subtotal = 0;
    int64_t total = 0;

    for (size_t i = 0; i < place->lines.count; i++) {
        if (!ds_money_add(subtotal, place->lines.items[i].total_minor, &subtotal))
            return false;
    }
    return place->delivery_fee_minor >= 0 &&
           ds_money_add(subtotal, place->delivery_fee_minor, &total) &&
           subtotal == place->subtotal_minor && total == place->total_minor;
}

bool ds_order_place_valid(const struct ds_place_order *place, const struct ds_actor *actor)
{
    if (place->lines.count == 0 || !ds_currency_valid(place->currency))
        return false;
    if (actor->kind == DS_ACTOR_KIND_CUSTOMER && !ds_str_eq(actor->id, place->customer_id))
        return false;
    for (size_t i = 0; i < place->lines.count; i++) {
        if (!line_valid(&place->lines.items[i], i, place->store_id))
            return false;
    }
    return sums_valid(place);
}
