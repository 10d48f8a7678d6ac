#include "processors/order/order_lines.h"

#include "base/limits.h"
#include "base/money.h"

static const struct ds_open_line_image *find(const struct ds_open_order_image *details,
                                             int32_t number)
{
    for (size_t i = 0; i < details->lines.count; i++) {
        if (details->lines.items[i].line == number)
            return &details->lines.items[i];
    }
    return NULL;
}

static int64_t pieces_of(const struct ds_array_of_line_quantity *items, size_t count,
                         int32_t number)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (items->items[i].line == number)
            sum += items->items[i].quantity;
    }
    return sum;
}

/* A line may be named twice: all its pieces count together. */
static const char *judge_one(const struct ds_open_order_image *details,
                             const struct ds_array_of_line_quantity *wanted, size_t i)
{
    const struct ds_line_quantity *item = &wanted->items[i];
    const struct ds_open_line_image *line = find(details, item->line);

    if (item->quantity < 1)
        return "INVALID";
    if (line == NULL || !ds_str_eq(line->product_id, item->product_id))
        return "LINE_UNKNOWN";
    int64_t pieces = pieces_of(wanted, wanted->count, item->line);
    if (pieces > line->ordered)
        return "INVALID";
    if (pieces <= line->left - line->asked)
        return NULL;
    return line->asked > 0 ? "CANCEL_PENDING" : "LINE_CANCELLED";
}

bool ds_order_lines_resolve(const struct ds_open_order_image *details,
                            const struct ds_array_of_line_quantity *wanted, ds_arena_t *arena,
                            struct ds_array_of_line_quantity *out, ds_error_t *error)
{
    out->count = wanted->count;
    out->items = ds_arena_calloc(arena, wanted->count + 1, sizeof(*out->items), error);
    if (out->items == NULL)
        return false;
    for (size_t i = 0; i < wanted->count; i++) {
        struct ds_line_quantity *item = &out->items[i];
        const struct ds_open_line_image *line = find(details, wanted->items[i].line);
        *item = wanted->items[i];
        if (item->product_id.len == 0 && line != NULL)
            item->product_id = line->product_id;
        if (item->quantity == 0) /* where nothing is left, one piece is too many */
            item->quantity =
                line != NULL && line->left > line->asked ? line->left - line->asked : 1;
    }
    return true;
}

const char *ds_order_lines_judge(const struct ds_open_order_image *details,
                                 const struct ds_array_of_line_quantity *wanted, bool *whole_out)
{
    int64_t left = 0;

    *whole_out = false;
    if (wanted->count == 0 || wanted->count > DS_MAX_ORDER_LINES)
        return "INVALID";
    for (size_t i = 0; i < wanted->count; i++) {
        const char *refusal = judge_one(details, wanted, i);
        if (refusal != NULL)
            return refusal;
    }
    for (size_t i = 0; i < details->lines.count; i++) {
        const struct ds_open_line_image *line = &details->lines.items[i];
        left += line->left - line->asked - pieces_of(wanted, wanted->count, line->line);
    }
    *whole_out = left == 0;
    return NULL;
}

bool ds_order_lines_clip(const struct ds_open_order_image *details,
                         const struct ds_array_of_line_quantity *named, ds_arena_t *arena,
                         struct ds_array_of_line_quantity *out, ds_error_t *error)
{
    out->count = 0;
    out->items = ds_arena_calloc(arena, named->count + 1, sizeof(*out->items), error);
    if (out->items == NULL)
        return false;
    for (size_t i = 0; i < named->count; i++) {
        const struct ds_open_line_image *line = find(details, named->items[i].line);
        if (line == NULL)
            continue;
        int64_t room = line->left - pieces_of(out, out->count, line->line);
        int32_t quantity = named->items[i].quantity;
        if (quantity > room)
            quantity = (int32_t)room;
        if (quantity > 0)
            out->items[out->count++] =
                (struct ds_line_quantity){line->line, line->product_id, quantity};
    }
    return true;
}

bool ds_order_lines_left(const struct ds_open_order_image *details, ds_arena_t *arena,
                         struct ds_array_of_line_quantity *out, ds_error_t *error)
{
    out->count = 0;
    out->items = ds_arena_calloc(arena, details->lines.count + 1, sizeof(*out->items), error);
    if (out->items == NULL)
        return false;
    for (size_t i = 0; i < details->lines.count; i++) {
        const struct ds_open_line_image *line = &details->lines.items[i];
        if (line->left > 0)
            out->items[out->count++] =
                (struct ds_line_quantity){line->line, line->product_id, line->left};
    }
    return true;
}

bool ds_order_lines_asked(const struct ds_open_order_image *details)
{
    for (size_t i = 0; i < details->lines.count; i++) {
        if (details->lines.items[i].asked > 0)
            return true;
    }
    return false;
}

/* Cannot be: the sums were checked when the order was placed, and they only get smaller. */
static bool overflow(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_DECIDER, DS_ERR_LIMIT, "order: its sums overflow");
}

bool ds_order_lines_price(const struct ds_open_order_image *details,
                          const struct ds_array_of_line_quantity *lines, int64_t *price_out,
                          ds_error_t *error)
{
    *price_out = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const struct ds_open_line_image *line = find(details, lines->items[i].line);
        if (line != NULL && !ds_money_mul_add(*price_out, line->unit_price_minor,
                                              lines->items[i].quantity, price_out))
            return overflow(error);
    }
    return true;
}

bool ds_order_sums(const struct ds_open_order_image *details,
                   const struct ds_array_of_line_quantity *without, int64_t *subtotal_out,
                   int64_t *total_out, ds_error_t *error)
{
    *subtotal_out = 0;
    *total_out = 0;
    for (size_t i = 0; i < details->lines.count; i++) {
        const struct ds_open_line_image *line = &details->lines.items[i];
        int64_t pieces = line->left;
        if (without != NULL)
            pieces -= pieces_of(without, without->count, line->line);
        if (!ds_money_mul_add(*subtotal_out, line->unit_price_minor, pieces, subtotal_out))
            return overflow(error);
    }
    return ds_money_add(*subtotal_out, details->delivery_fee_minor, total_out) || overflow(error);
}
