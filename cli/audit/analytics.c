#include "cli/audit/analytics.h"

#include "base/limits.h"
#include "base/map.h"

#include <inttypes.h>
#include <stdlib.h>

#define MAX_ENTRIES   ((size_t)1 << 28)
#define ARENA_FIRST   ((size_t)64 * 1024)
#define SUMS_BYTES    ((size_t)1024 * 1024 * 1024)
#define MAX_KEY_BYTES ((size_t)1024 * 1024) /* a log may say anything */
#define HOUR_US       (INT64_C(3600) * 1000000)
#define DAY_US        (24 * HOUR_US)

/* Places of the counters. */
enum { PLACED = 0, CONFIRMED = 2, FULFILLED = 4, CANCELLED = 6 }; /* sales: how many, and money */
enum { CREATED, AWAITING, AGREED, PICKED_UP, HANDED_OVER, GIVEN_UP, REFUSED }; /* the funnel */

#define SALES                                                                                      \
    {                                                                                              \
        "placed_orders", "placed_minor", "confirmed_orders", "confirmed_minor",                    \
            "fulfilled_orders", "fulfilled_minor", "cancelled_orders", "cancelled_minor", NULL     \
    }

const struct ds_audit_shape ds_audit_shapes[DS_AUDIT_COLLECTIONS] = {
    {"sales_by_hour", "hour", true, NULL, NULL, SALES},
    {"sales_by_store", "day", true, NULL, NULL, SALES},
    {"sales_by_product",
     "day",
     true,
     NULL,
     "product",
     {"placed_quantity", "placed_minor", "confirmed_quantity", "confirmed_minor",
      "fulfilled_quantity", "fulfilled_minor", NULL}},
    {"order_funnel",
     "day",
     false,
     NULL,
     NULL,
     {"created", "awaiting_payment", "confirmed", "picked_up", "fulfilled", "cancelled", "refused",
      NULL}},
    {"cancel_reasons", "day", true, "outcome", "reason", {"orders", "total_minor", NULL}},
};

struct ds_audit_analytics {
    size_t max_bytes;
    bool is_full;
    uint32_t slice;
    uint32_t slices;
    ds_arena_t *sum_arena;
    ds_map_t *sums;
    ds_arena_t *fact_arena;
    ds_map_t *facts;
    ds_buf_t key;
};

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: analytics");
}

ds_audit_analytics_t *ds_audit_analytics_new(size_t max_bytes)
{
    ds_audit_analytics_t *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->max_bytes = max_bytes;
    ds_buf_init(&a->key, MAX_KEY_BYTES);
    a->sum_arena = ds_arena_new(ARENA_FIRST, SUMS_BYTES);
    a->fact_arena = ds_arena_new(ARENA_FIRST, 2 * max_bytes);
    if (a->sum_arena != NULL && a->fact_arena != NULL)
        return a;
    ds_audit_analytics_destroy(a);
    return NULL;
}

void ds_audit_analytics_destroy(ds_audit_analytics_t *a)
{
    if (a == NULL)
        return;
    ds_map_destroy(a->sums, NULL);
    ds_map_destroy(a->facts, NULL);
    ds_arena_destroy(a->sum_arena);
    ds_arena_destroy(a->fact_arena);
    ds_buf_cleanup(&a->key);
    free(a);
}

static bool renew(ds_map_t **map, ds_arena_t *arena, ds_error_t *error)
{
    ds_map_destroy(*map, NULL);
    ds_arena_reset(arena);
    *map = ds_map_new(MAX_ENTRIES);
    return *map != NULL || no_memory(error);
}

bool ds_audit_analytics_begin(ds_audit_analytics_t *a, uint32_t slice, uint32_t slices,
                              ds_error_t *error)
{
    a->is_full = false;
    a->slice = slice;
    a->slices = slices;
    return (slice > 0 || renew(&a->sums, a->sum_arena, error)) &&
           renew(&a->facts, a->fact_arena, error);
}

bool ds_audit_analytics_is_full(const ds_audit_analytics_t *a)
{
    return a->is_full;
}

bool ds_audit_analytics_has_slice(const ds_audit_analytics_t *a, ds_str_t order_id)
{
    return ds_str_hash(order_id, UINT64_C(0x9b05688c2b3e6c1f)) % a->slices == a->slice;
}

/* ---- sums ---- */

static bool make_key(ds_audit_analytics_t *a, const struct ds_audit_sum_id *id, ds_error_t *error)
{
    ds_buf_clear(&a->key);
    return ds_buf_printf(&a->key, error, "%d|%" PRId64 "|%.*s|%.*s|%.*s|%.*s", (int)id->collection,
                         id->time_us, DS_STR_ARG(id->store), DS_STR_ARG(id->currency),
                         DS_STR_ARG(id->outcome), DS_STR_ARG(id->subject));
}

bool ds_audit_analytics_sum(ds_audit_analytics_t *a, const struct ds_audit_sum_id *id,
                            struct ds_audit_sum **sum_out, ds_error_t *error)
{
    *sum_out = NULL;
    if (!make_key(a, id, error))
        return false;
    *sum_out = ds_map_get(a->sums, ds_buf_str(&a->key));
    return true;
}

static bool new_sum(ds_audit_analytics_t *a, const struct ds_audit_sum_id *id,
                    struct ds_audit_sum **sum_out, ds_error_t *error)
{
    struct ds_audit_sum *sum = ds_arena_alloc(a->sum_arena, sizeof *sum, error);
    *sum_out = sum;
    if (sum == NULL || !ds_map_put(a->sums, ds_buf_str(&a->key), sum, NULL, error))
        return false;
    sum->id = *id;
    return ds_arena_dup(a->sum_arena, id->store, &sum->id.store, error) &&
           ds_arena_dup(a->sum_arena, id->currency, &sum->id.currency, error) &&
           ds_arena_dup(a->sum_arena, id->outcome, &sum->id.outcome, error) &&
           ds_arena_dup(a->sum_arena, id->subject, &sum->id.subject, error);
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* An event, the order it is about, and when it happened. */
struct step {
    ds_audit_analytics_t *a;
    struct ds_audit_fact *fact;
    int64_t offset;
    int64_t at_us;
};

static bool count(const struct step *s, const struct ds_audit_sum_id *id, int counter,
                  int64_t amount, ds_error_t *error)
{
    struct ds_audit_sum *sum;
    if (!ds_audit_analytics_sum(s->a, id, &sum, error) ||
        (sum == NULL && !new_sum(s->a, id, &sum, error)))
        return false;
    sum->counters[counter] = plus(sum->counters[counter], amount);
    if (s->offset > sum->pos)
        sum->pos = s->offset;
    return true;
}

static int64_t floor_to(int64_t time_us, int64_t length_us)
{
    int64_t rest = time_us % length_us;
    return time_us - (rest < 0 ? rest + length_us : rest);
}

static struct ds_audit_sum_id about(const struct step *s, enum ds_audit_collection collection,
                                    int64_t time_us)
{
    return (struct ds_audit_sum_id){
        collection,     floor_to(time_us, collection == DS_AUDIT_SALES_BY_HOUR ? HOUR_US : DAY_US),
        s->fact->store, ds_audit_shapes[collection].currency ? s->fact->currency : DS_STR(""),
        DS_STR(""),     DS_STR(""),
    };
}

/* In the hour and on the day in which the step happened. */
static bool count_sale(const struct step *s, int counter, int64_t total_minor, ds_error_t *error)
{
    const struct ds_audit_sum_id hour = about(s, DS_AUDIT_SALES_BY_HOUR, s->at_us);
    const struct ds_audit_sum_id day = about(s, DS_AUDIT_SALES_BY_STORE, s->at_us);
    return count(s, &hour, counter, 1, error) && count(s, &hour, counter + 1, total_minor, error) &&
           count(s, &day, counter, 1, error) && count(s, &day, counter + 1, total_minor, error);
}

/* What is left of each line; the delivery fee belongs to no product. */
static bool count_products(const struct step *s, int counter, ds_error_t *error)
{
    for (size_t i = 0; i < s->fact->line_count; i++) {
        const struct ds_audit_fact_line *line = &s->fact->lines[i];
        struct ds_audit_sum_id id = about(s, DS_AUDIT_SALES_BY_PRODUCT, s->at_us);
        int64_t pieces = (int64_t)line->quantity - line->cancelled;
        int64_t money;
        if (pieces <= 0)
            continue;
        if (__builtin_mul_overflow(pieces, line->price_minor, &money))
            money = INT64_MAX;
        id.subject = line->product;
        if (!count(s, &id, counter, pieces, error) || !count(s, &id, counter + 1, money, error))
            return false;
    }
    return true;
}

/* On the day of placement. */
static bool count_stage(const struct step *s, int stage, ds_error_t *error)
{
    const struct ds_audit_sum_id id = about(s, DS_AUDIT_ORDER_FUNNEL, s->fact->placed_us);
    return count(s, &id, stage, 1, error);
}

static bool count_reason(const struct step *s, const char *outcome, const char *symbol,
                         ds_error_t *error)
{
    struct ds_audit_sum_id id = about(s, DS_AUDIT_CANCEL_REASONS, s->at_us);
    size_t len = strlen(symbol);
    char *reason = ds_arena_alloc(s->a->fact_arena, len + 1, error);
    if (reason == NULL)
        return false;
    for (size_t i = 0; i < len; i++)
        reason[i] = (char)(symbol[i] >= 'A' && symbol[i] <= 'Z' ? symbol[i] + 32 : symbol[i]);
    s->fact->reason = (ds_str_t){reason, (uint32_t)len};
    id.outcome = ds_str(outcome);
    id.subject = s->fact->reason;
    return count(s, &id, 0, 1, error) && count(s, &id, 1, s->fact->total_minor, error);
}

/* ---- orders ---- */

struct ds_audit_fact *ds_audit_analytics_fact(const ds_audit_analytics_t *a, ds_str_t order_id)
{
    return ds_map_get(a->facts, order_id);
}

/* order.created and order.refused say the same of an order. */
struct placed {
    ds_str_t store;
    ds_str_t currency;
    enum ds_payment_method method;
    int64_t total_minor;
    int64_t placed_us;
    const struct ds_array_of_order_line *lines;
};

static bool set_lines(ds_arena_t *arena, struct ds_audit_fact *fact,
                      const struct ds_array_of_order_line *lines, ds_error_t *error)
{
    fact->lines = ds_arena_calloc(arena, lines->count + 1, sizeof *fact->lines, error);
    if (fact->lines == NULL)
        return false;
    for (size_t i = 0; i < lines->count; i++) {
        const struct ds_order_line *from = &lines->items[i];
        fact->lines[i] = (struct ds_audit_fact_line){
            from->line, from->quantity, 0, from->unit_price_minor, {NULL, 0}};
        if (!ds_arena_dup(arena, from->product_id, &fact->lines[i].product, error))
            return false;
    }
    fact->line_count = lines->count;
    return true;
}

/* An order whose id comes again, after it was forgotten, begins anew. */
static bool begin_order(ds_audit_analytics_t *a, ds_str_t order_id, const struct placed *placed,
                        struct ds_audit_fact **fact_out, ds_error_t *error)
{
    struct ds_audit_fact *fact = ds_map_get(a->facts, order_id);
    *fact_out = NULL;
    if (fact == NULL) {
        fact = ds_arena_alloc(a->fact_arena, sizeof *fact, error);
        if (fact == NULL || !ds_map_put(a->facts, order_id, fact, NULL, error))
            return false;
    }
    *fact = (struct ds_audit_fact){.method = placed->method,
                                   .total_minor = placed->total_minor,
                                   .placed_us = placed->placed_us};
    *fact_out = fact;
    /* A map's entry, beside the key, is about as large as an id. */
    a->is_full =
        ds_arena_used(a->fact_arena) + ds_map_count(a->facts) * DS_MAX_ID_BYTES > a->max_bytes;
    return ds_arena_dup(a->fact_arena, order_id, &fact->id, error) &&
           ds_arena_dup(a->fact_arena, placed->store, &fact->store, error) &&
           ds_arena_dup(a->fact_arena, placed->currency, &fact->currency, error) &&
           set_lines(a->fact_arena, fact, placed->lines, error);
}

static bool fold_created(struct step *s, const struct ds_order_created *e, ds_error_t *error)
{
    const struct placed placed = {e->store_id,    e->currency,  e->payment_method,
                                  e->total_minor, e->placed_at, &e->lines};
    if (!begin_order(s->a, e->order_id, &placed, &s->fact, error))
        return false;
    s->fact->status = "created";
    s->fact->pos = s->offset;
    return count_sale(s, PLACED, e->total_minor, error) && count_products(s, PLACED, error) &&
           count_stage(s, CREATED, error);
}

/* No sale. */
static bool fold_refused(struct step *s, const struct ds_order_refused *e, ds_error_t *error)
{
    const struct placed placed = {e->store_id,    e->currency,  e->payment_method,
                                  e->total_minor, e->placed_at, &e->lines};
    if (!begin_order(s->a, e->order_id, &placed, &s->fact, error))
        return false;
    s->fact->status = "refused";
    s->fact->closed_us = s->at_us;
    s->fact->pos = s->offset;
    return count_stage(s, REFUSED, error) &&
           count_reason(s, "refused", ds_refuse_reason_text(e->reason), error);
}

static void cancel_lines(struct ds_audit_fact *fact, const struct ds_order_lines_cancelled *e)
{
    fact->total_minor = e->total_minor;
    for (size_t i = 0; i < e->lines.count; i++)
        for (size_t k = 0; k < fact->line_count; k++) {
            struct ds_audit_fact_line *line = &fact->lines[k];
            int64_t cancelled = (int64_t)line->cancelled + e->lines.items[i].quantity;
            if (line->line == e->lines.items[i].line)
                line->cancelled = cancelled > line->quantity ? line->quantity : (int32_t)cancelled;
        }
}

static bool fold_step(struct step *s, const struct ds_order_event *event, ds_error_t *error)
{
    struct ds_audit_fact *fact = s->fact;
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED:
        fact->status = "awaiting_payment";
        return count_stage(s, AWAITING, error);
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        fact->status = "confirmed";
        fact->confirmed_us = s->at_us;
        return count_stage(s, AGREED, error) &&
               count_sale(s, CONFIRMED, event->body.as.order_confirmed.total_minor, error) &&
               count_products(s, CONFIRMED, error);
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        cancel_lines(fact, &event->body.as.order_lines_cancelled);
        return true;
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        fact->status = "picked_up";
        fact->picked_up_us = s->at_us;
        return count_stage(s, PICKED_UP, error);
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        fact->status = "fulfilled";
        fact->closed_us = s->at_us;
        fact->total_minor = event->body.as.order_fulfilled.total_minor;
        return count_stage(s, HANDED_OVER, error) &&
               count_sale(s, FULFILLED, fact->total_minor, error) &&
               count_products(s, FULFILLED, error);
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        fact->status = "cancelled";
        fact->closed_us = s->at_us;
        return count_stage(s, GIVEN_UP, error) &&
               count_sale(s, CANCELLED, fact->total_minor, error) &&
               count_reason(s, "cancelled",
                            ds_cancel_reason_text(event->body.as.order_cancelled.reason), error);
    default:
        return true;
    }
}

bool ds_audit_analytics_fold(ds_audit_analytics_t *a, int64_t offset,
                             const struct ds_order_event *event, ds_error_t *error)
{
    struct step step = {a, NULL, offset, event->meta.at};
    if (event->body.kind < DS_PROTOCOL_KINDS || a->is_full)
        return true;
    ds_str_t id = ds_schema_order_events.order_id(event);
    if (!ds_audit_analytics_has_slice(a, id))
        return true;
    if (event->body.kind == DS_ORDER_EVENT_ORDER_CREATED)
        return fold_created(&step, &event->body.as.order_created, error);
    if (event->body.kind == DS_ORDER_EVENT_ORDER_REFUSED)
        return fold_refused(&step, &event->body.as.order_refused, error);
    step.fact = ds_map_get(a->facts, id);
    if (step.fact == NULL)
        return true; /* nobody placed it */
    step.fact->pos = offset;
    return fold_step(&step, event, error);
}

/* ---- walking ---- */

struct ds_audit_sum *ds_audit_analytics_next_sum(const ds_audit_analytics_t *a, size_t *cursor)
{
    ds_str_t key;
    void *value;
    return ds_map_next(a->sums, cursor, &key, &value) ? value : NULL;
}

struct ds_audit_fact *ds_audit_analytics_next_fact(const ds_audit_analytics_t *a, size_t *cursor)
{
    ds_str_t key;
    void *value;
    return ds_map_next(a->facts, cursor, &key, &value) ? value : NULL;
}
