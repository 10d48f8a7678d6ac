/* I9: an order line was priced from the event it names, and not from one that was out of date by
 * more than a minute. */
#include "cli/audit/folds.h"

#include <inttypes.h>

#define STALE_US (60 * INT64_C(1000000))

static bool add_price(struct ds_audit_part *part, const struct ds_audit_event *event,
                      const struct ds_product_info *info, ds_error_t *error)
{
    struct ds_audit_product *product = ds_audit_product_of(part, info->product_id, error);
    if (product == NULL)
        return false;
    if (product->price_count == product->price_capacity) {
        size_t capacity = product->price_capacity == 0 ? 2 : product->price_capacity * 2;
        struct ds_audit_price *prices =
            ds_arena_calloc(part->product_arena, capacity, sizeof *prices, error);
        if (prices == NULL)
            return false;
        for (size_t i = 0; i < product->price_count; i++)
            prices[i] = product->prices[i];
        product->prices = prices;
        product->price_capacity = capacity;
    }
    product->prices[product->price_count++] = (struct ds_audit_price){
        event->offset, ((const struct ds_event_head *)event->event)->meta.at, info->price_minor};
    return true;
}

bool ds_audit_fold_catalog(struct ds_audit_part *part, const struct ds_audit_event *event,
                           ds_error_t *error)
{
    const struct ds_catalog_event *e = event->event;
    if (e->body.kind == DS_CATALOG_EVENT_PRODUCT_CHANGED)
        return add_price(part, event, &e->body.as.product_changed.product, error);
    if (e->body.kind != DS_CATALOG_EVENT_PRODUCT_ADDED)
        return true;
    const struct ds_array_of_product_info *products = &e->body.as.product_added.products;
    for (size_t i = 0; i < products->count; i++)
        if (!add_price(part, event, &products->items[i], error))
            return false;
    return true;
}

static void judge_line(struct ds_audit_part *part, const struct ds_audit_order *order,
                       const struct ds_audit_line *line)
{
    const struct ds_audit_product *product = line->product;
    struct ds_audit_place at =
        ds_audit_where(part, DS_AUDIT_ORDER, order->order.created, order->id);
    const struct ds_audit_price *named = NULL;
    const struct ds_audit_stream *catalog = &part->streams[DS_AUDIT_CATALOG];

    if (catalog->stopped && line->catalog_offset >= catalog->fence.next_offset)
        return; /* nothing was read there, which was told */
    for (size_t i = 0; i < product->price_count; i++) {
        const struct ds_audit_price *price = &product->prices[i];
        if (price->offset == line->catalog_offset)
            named = price;
        if (price->offset <= line->catalog_offset || price->price_minor == line->price_minor ||
            price->at_us >= ds_audit_minus(order->order.placed_at_us, STALE_US))
            continue;
        ds_audit_found(part->report, "I9", at,
                       "line %" PRId32 " costs %" PRId64 " from catalogue offset %" PRId64
                       ", but offset %" PRId64 " said %" PRId64 " more than 60 s before",
                       line->line, line->price_minor, line->catalog_offset, price->offset,
                       price->price_minor);
        break;
    }
    if (named == NULL)
        ds_audit_found(part->report, "I9", at,
                       "line %" PRId32 ": catalogue offset %" PRId64 " says nothing of %.*s",
                       line->line, line->catalog_offset, DS_STR_ARG(product->id));
    else if (named->price_minor != line->price_minor)
        ds_audit_found(part->report, "I9", at,
                       "line %" PRId32 " costs %" PRId64 ", catalogue offset %" PRId64
                       " says %" PRId64,
                       line->line, line->price_minor, line->catalog_offset, named->price_minor);
}

void ds_audit_judge_prices(struct ds_audit_part *part, const struct ds_audit_order *order)
{
    if (order->order.created >= part->streams[DS_AUDIT_ORDER].range.settled)
        return;
    for (size_t i = 0; i < order->order.line_count; i++)
        judge_line(part, order, &order->order.lines[i]);
    part->report->checked[DS_AUDIT_LINES] += (int64_t)order->order.line_count;
}
