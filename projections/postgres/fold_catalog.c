#include "projections/postgres/fold.h"

/* Rows of stores and products, from catalog.events alone. */

bool ds_want_catalog(struct ds_sheets *sheets, const struct ds_catalog_event *event,
                     ds_error_t *error)
{
    if (event->body.kind == DS_CATALOG_EVENT_STORE_CLOSED)
        return ds_sheets_want(sheets, DS_LOAD_STORES, event->body.as.store_closed.store_id, error);
    if (event->body.kind == DS_CATALOG_EVENT_PRODUCT_CHANGED)
        return ds_sheets_want(sheets, DS_LOAD_PRODUCTS,
                              event->body.as.product_changed.product.product_id, error);
    if (event->body.kind == DS_CATALOG_EVENT_PRODUCT_REMOVED)
        return ds_sheets_want(sheets, DS_LOAD_PRODUCTS, event->body.as.product_removed.product_id,
                              error);
    return true; /* the others carry the whole row */
}

/* "CARD" and "CASH_ON_DELIVERY" as "card,cash_on_delivery". */
static bool method_words(struct ds_fold *fold, const struct ds_store_info *store,
                         ds_str_t *words_out, ds_error_t *error)
{
    ds_buf_clear(fold->scratch);
    for (size_t i = 0; i < store->payment_methods.count; i++) {
        if (!ds_buf_printf(fold->scratch, error, "%s%s", i == 0 ? "" : ",",
                           ds_payment_method_text(store->payment_methods.items[i])))
            return false;
    }
    ds_str_t upper;
    return ds_arena_dup(fold->sheets->arena, ds_buf_str(fold->scratch), &upper, error) &&
           ds_fold_lower(fold->sheets, upper.data, words_out, error);
}

/* "mon 08:00-22:00,fri 18:00-02:00". */
static bool hours_words(struct ds_fold *fold, const struct ds_store_info *store,
                        ds_str_t *words_out, ds_error_t *error)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    ds_buf_clear(fold->scratch);
    for (size_t i = 0; i < store->hours.count; i++) {
        const struct ds_open_hours *open = &store->hours.items[i];
        int32_t to = open->to_minute > 1440 ? open->to_minute - 1440 : open->to_minute;
        if (!ds_buf_printf(fold->scratch, error, "%s%s %02d:%02d-%02d:%02d", i == 0 ? "" : ",",
                           days[(uint32_t)(open->day - 1) % 7], (int)(open->from_minute / 60),
                           (int)(open->from_minute % 60), (int)(to / 60), (int)(to % 60)))
            return false;
    }
    return ds_arena_dup(fold->sheets->arena, ds_buf_str(fold->scratch), words_out, error);
}

/* "52.520008 13.404954,52.530000 13.410000": corners of the polygon. */
static bool area_words(struct ds_fold *fold, const struct ds_store_info *store, ds_str_t *words_out,
                       ds_error_t *error)
{
    ds_buf_clear(fold->scratch);
    for (size_t i = 0; i < store->delivery_area.count; i++) {
        const struct ds_place *corner = &store->delivery_area.items[i];
        if (!ds_buf_printf(fold->scratch, error, "%s%.6f %.6f", i == 0 ? "" : ",",
                           corner->lat_e6 / 1e6, corner->lng_e6 / 1e6))
            return false;
    }
    return ds_arena_dup(fold->sheets->arena, ds_buf_str(fold->scratch), words_out, error);
}

static bool make_store(struct ds_fold *fold, const struct ds_store_info *store, ds_error_t *error)
{
    void *made = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_STORES, store->store_id, &made, error))
        return false;
    struct ds_store_row *row = made;
    row->store_id = store->store_id;
    row->name = store->name;
    row->currency = store->currency;
    row->time_zone = store->time_zone;
    row->delivery_fee_minor = store->delivery_fee_minor;
    row->minimum_order_minor = store->minimum_order_minor;
    row->open = store->open;
    if (store->has_place) {
        row->lat_e6 = store->place.lat_e6;
        row->lng_e6 = store->place.lng_e6;
    }
    row->updated_at = fold->at_us;
    row->partition = fold->partition;
    row->last_offset = fold->offset;
    row->delivery_radius_m = store->delivery_radius_m;
    row->hand_over_code = store->hand_over_code;
    return method_words(fold, store, &row->payment_methods, error) &&
           hours_words(fold, store, &row->hours, error) &&
           area_words(fold, store, &row->delivery_area, error);
}

static bool make_product(struct ds_fold *fold, ds_str_t store_id,
                         const struct ds_product_info *product, ds_error_t *error)
{
    void *made = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_PRODUCTS, product->product_id, &made, error))
        return false;
    struct ds_product_row *row = made;
    row->product_id = product->product_id;
    row->store_id = store_id;
    row->name = product->name;
    row->category = product->category;
    row->unit = product->unit;
    row->price_minor = product->price_minor;
    row->max_quantity = product->max_quantity;
    row->image_url = ds_fold_maybe(product->has_image_url, product->image_url);
    row->updated_at = fold->at_us;
    row->last_offset = fold->offset;
    return true;
}

static bool fold_added(struct ds_fold *fold, const struct ds_product_added *e, ds_error_t *error)
{
    for (size_t i = 0; i < e->products.count; i++) {
        if (!make_product(fold, e->store_id, &e->products.items[i], error))
            return false;
    }
    return true;
}

static bool fold_changed(struct ds_fold *fold, const struct ds_product_info *product,
                         ds_error_t *error)
{
    const struct ds_product_row *before =
        ds_sheet_peek(fold->sheets, DS_TABLE_PRODUCTS, product->product_id);
    if (before == NULL) {
        fold->missed++;
        return true;
    }
    return make_product(fold, before->store_id, product, error);
}

bool ds_fold_catalog(struct ds_fold *fold, const struct ds_catalog_event *event, ds_error_t *error)
{
    struct ds_store_row *store = NULL;
    struct ds_product_row *product = NULL;
    switch (event->body.kind) {
    case DS_CATALOG_EVENT_STORE_OPENED:
        return make_store(fold, &event->body.as.store_opened.store, error);
    case DS_CATALOG_EVENT_STORE_CHANGED:
        return make_store(fold, &event->body.as.store_changed.store, error);
    case DS_CATALOG_EVENT_STORE_CLOSED:
        store =
            ds_sheet_change(fold->sheets, DS_TABLE_STORES, event->body.as.store_closed.store_id);
        if (store == NULL)
            break;
        store->open = false;
        store->updated_at = fold->at_us;
        store->last_offset = fold->offset;
        return true;
    case DS_CATALOG_EVENT_PRODUCT_ADDED:
        return fold_added(fold, &event->body.as.product_added, error);
    case DS_CATALOG_EVENT_PRODUCT_CHANGED:
        return fold_changed(fold, &event->body.as.product_changed.product, error);
    case DS_CATALOG_EVENT_PRODUCT_REMOVED:
        product = ds_sheet_change(fold->sheets, DS_TABLE_PRODUCTS,
                                  event->body.as.product_removed.product_id);
        if (product == NULL)
            break;
        product->removed = true;
        product->updated_at = fold->at_us;
        product->last_offset = fold->offset;
        return true;
    default:
        return true;
    }
    fold->missed++;
    return true;
}
