#include "projections/mongo/tally.h"

#include "base/id.h"
#include "base/planted.h"

#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US  (24 * HOUR_US)

#define FIRST_ARENA_BYTES (256u * 1024)
#define MAX_ARENA_BYTES   (128u * 1024 * 1024)
#define MAX_ENTRIES       (1u << 20)
#define MAX_KEY_BYTES     1024

#define SALES_COUNTERS                                                                             \
    {                                                                                              \
        "placed_orders", "placed_minor", "confirmed_orders", "confirmed_minor",                    \
            "fulfilled_orders", "fulfilled_minor", "cancelled_orders", "cancelled_minor", NULL     \
    }

const struct ds_tally_shape ds_tally_shapes[DS_TALLY_KINDS] = {
    [DS_TALLY_HOUR] = {"sales_by_hour", "hour", HOUR_US, NULL, NULL, true, SALES_COUNTERS},
    [DS_TALLY_STORE] = {"sales_by_store", "day", DAY_US, NULL, NULL, true, SALES_COUNTERS},
    [DS_TALLY_PRODUCT] = {"sales_by_product",
                          "day",
                          DAY_US,
                          "product",
                          NULL,
                          true,
                          {"placed_quantity", "placed_minor", "confirmed_quantity",
                           "confirmed_minor", "fulfilled_quantity", "fulfilled_minor", NULL}},
    [DS_TALLY_FUNNEL] = {"order_funnel",
                         "day",
                         DAY_US,
                         NULL,
                         NULL,
                         false,
                         {"created", "awaiting_payment", "confirmed", "picked_up", "fulfilled",
                          "cancelled", "refused", NULL}},
    [DS_TALLY_REASON] = {"cancel_reasons",
                         "day",
                         DAY_US,
                         "reason",
                         "outcome",
                         true,
                         {"orders", "total_minor", NULL}},
};

/* Places in the tables above. */
enum sales { PLACED = 0, CONFIRMED = 2, FULFILLED = 4, CANCELLED = 6 }; /* orders; + 1: minor */
enum funnel {
    FUNNEL_CREATED,
    FUNNEL_AWAITING,
    FUNNEL_CONFIRMED,
    FUNNEL_PICKED_UP,
    FUNNEL_FULFILLED,
    FUNNEL_CANCELLED,
    FUNNEL_REFUSED,
};

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_MEMORY, "no memory for a batch");
}

bool ds_tallies_init(struct ds_tallies *t, ds_error_t *error)
{
    *t = (struct ds_tallies){0};
    t->arena = ds_arena_new(FIRST_ARENA_BYTES, MAX_ARENA_BYTES);
    ds_buf_init(&t->key, MAX_KEY_BYTES);
    return t->arena == NULL ? no_memory(error) : ds_tallies_reset(t, error);
}

void ds_tallies_cleanup(struct ds_tallies *t)
{
    ds_map_destroy(t->facts, NULL);
    ds_map_destroy(t->tallies, NULL);
    ds_buf_cleanup(&t->key);
    ds_arena_destroy(t->arena);
    *t = (struct ds_tallies){0};
}

bool ds_tallies_reset(struct ds_tallies *t, ds_error_t *error)
{
    ds_map_destroy(t->facts, NULL);
    ds_map_destroy(t->tallies, NULL);
    t->facts = ds_map_new(MAX_ENTRIES);
    t->tallies = ds_map_new(MAX_ENTRIES);
    ds_arena_reset(t->arena);
    return (t->facts != NULL && t->tallies != NULL) || no_memory(error);
}

struct ds_fact *ds_tallies_fact(struct ds_tallies *t, ds_str_t order_id)
{
    return ds_map_get(t->facts, order_id);
}

bool ds_tallies_want(struct ds_tallies *t, int32_t partition, const struct ds_order_event *event,
                     ds_error_t *error)
{
    ds_str_t id = ds_schema_order_events.order_id(event);
    if (event->body.kind < DS_PROTOCOL_KINDS || ds_map_get(t->facts, id) != NULL)
        return true;
    struct ds_fact *fact = ds_arena_alloc(t->arena, sizeof *fact, error);
    if (fact == NULL)
        return false;
    fact->order_id = id;
    fact->partition = partition;
    fact->pos = -1;
    return ds_map_put(t->facts, id, fact, NULL, error);
}

/* ---- tallies and their entries ---- */

bool ds_tallies_find(struct ds_tallies *t, const struct ds_tally *like, struct ds_tally **tally_out,
                     ds_error_t *error)
{
    *tally_out = NULL;
    ds_buf_clear(&t->key);
    if (!ds_buf_printf(&t->key, error, "%d|%d|%lld|%.*s|%.*s|%.*s|%.*s", (int)like->kind,
                       (int)like->partition, (long long)like->time_us, DS_STR_ARG(like->store),
                       DS_STR_ARG(like->currency), DS_STR_ARG(like->outcome),
                       DS_STR_ARG(like->subject)))
        return false;
    *tally_out = ds_map_get(t->tallies, ds_buf_str(&t->key));
    return true;
}

static bool find_or_make(struct ds_tallies *t, const struct ds_tally *like,
                         struct ds_tally **tally_out, ds_error_t *error)
{
    if (!ds_tallies_find(t, like, tally_out, error))
        return false;
    if (*tally_out != NULL)
        return true;
    struct ds_tally *tally = ds_arena_alloc(t->arena, sizeof *tally, error);
    if (tally == NULL || !ds_map_put(t->tallies, ds_buf_str(&t->key), tally, NULL, error))
        return false;
    *tally = *like;
    tally->pos = -1;
    *tally_out = tally;
    return true;
}

static int64_t bucket(enum ds_tally_kind kind, int64_t time_us)
{
    int64_t length = ds_tally_shapes[kind].bucket_us;
    int64_t rest = time_us % length;
    return time_us - (rest < 0 ? rest + length : rest);
}

static bool enter(struct ds_tallies *t, const struct ds_tally *like, int64_t offset, int counter,
                  int64_t amount, ds_error_t *error)
{
    struct ds_tally *tally = NULL;
    struct ds_tally_entry *entry = ds_arena_alloc(t->arena, sizeof *entry, error);
    if (entry == NULL || !find_or_make(t, like, &tally, error))
        return false;
    *entry = (struct ds_tally_entry){NULL, offset, counter, amount};
    if (tally->last == NULL)
        tally->first = entry;
    else
        tally->last->next = entry;
    tally->last = entry;
    return true;
}

/* What an event is folded with. */
struct step {
    struct ds_tallies *tallies;
    struct ds_fact *fact;
    int64_t offset;
    int64_t at_us;
};

static struct ds_tally like(const struct step *s, enum ds_tally_kind kind, int64_t time_us)
{
    return (struct ds_tally){
        .kind = kind,
        .partition = s->fact->partition,
        .time_us = bucket(kind, time_us),
        .store = s->fact->store,
        .currency = ds_tally_shapes[kind].currency ? s->fact->currency : DS_STR(""),
    };
}

/* One order and its money, in the hour and the day in which it happened. */
static bool sale(struct step *s, enum sales what, int64_t minor, ds_error_t *error)
{
    static const enum ds_tally_kind kinds[] = {DS_TALLY_HOUR, DS_TALLY_STORE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct ds_tally where = like(s, kinds[i], s->at_us);
        if (!enter(s->tallies, &where, s->offset, (int)what, 1, error) ||
            !enter(s->tallies, &where, s->offset, (int)what + 1, minor, error))
            return false;
    }
    return true;
}

static int64_t times(int64_t a, int64_t b)
{
    int64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* The pieces of an order that are not cancelled, a product each. */
static bool sale_lines(struct step *s, enum sales what, ds_error_t *error)
{
    for (size_t i = 0; i < s->fact->line_count; i++) {
        const struct ds_fact_line *line = &s->fact->lines[i];
        int64_t pieces = (int64_t)line->quantity - line->cancelled;
        struct ds_tally where = like(s, DS_TALLY_PRODUCT, s->at_us);
        where.subject = line->product;
        if (pieces <= 0)
            continue;
        if (!enter(s->tallies, &where, s->offset, (int)what, pieces, error) ||
            !enter(s->tallies, &where, s->offset, (int)what + 1,
                   times(pieces, line->unit_price_minor), error))
            return false;
    }
    return true;
}

/* The funnel counts by the day of placement: of that day's orders, how many came how far. */
static bool reach(struct step *s, enum funnel stage, ds_error_t *error)
{
    struct ds_tally where = like(s, DS_TALLY_FUNNEL, s->fact->placed_us);
    return enter(s->tallies, &where, s->offset, (int)stage, 1, error);
}

static bool give_reason(struct step *s, ds_str_t outcome, const char *symbol, ds_error_t *error)
{
    struct ds_tally where = like(s, DS_TALLY_REASON, s->at_us);
    size_t len = strlen(symbol);
    char *text = ds_arena_alloc(s->tallies->arena, len + 1, error);
    if (text == NULL)
        return false;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(symbol[i] >= 'A' && symbol[i] <= 'Z' ? symbol[i] - 'A' + 'a' : symbol[i]);
    s->fact->reason = (ds_str_t){text, (uint32_t)len};
    where.subject = s->fact->reason;
    where.outcome = outcome;
    return enter(s->tallies, &where, s->offset, 0, 1, error) &&
           enter(s->tallies, &where, s->offset, 1, s->fact->total_minor, error);
}

/* ---- the events ---- */

static bool keep_lines(struct step *s, const struct ds_order_line *lines, size_t count,
                       ds_error_t *error)
{
    struct ds_fact *fact = s->fact;
    fact->line_count = 0;
    fact->lines = ds_arena_calloc(s->tallies->arena, count + 1, sizeof *fact->lines, error);
    if (fact->lines == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        fact->lines[fact->line_count++] = (struct ds_fact_line){
            lines[i].line, lines[i].product_id, lines[i].quantity, 0, lines[i].unit_price_minor};
    return true;
}

/* An id may be placed again after it was forgotten: nothing stays of the order it named before. */
static void begin_fact(struct ds_fact *fact)
{
    fact->reason = DS_STR("");
    fact->confirmed_us = 0;
    fact->picked_up_us = 0;
    fact->closed_us = 0;
}

static bool fold_created(struct step *s, const struct ds_order_created *e, ds_error_t *error)
{
    struct ds_fact *fact = s->fact;
    begin_fact(fact);
    fact->store = e->store_id;
    fact->currency = e->currency;
    fact->payment_method =
        e->payment_method == DS_PAYMENT_METHOD_CARD ? DS_STR("card") : DS_STR("cash_on_delivery");
    fact->status = DS_STR("created");
    fact->total_minor = e->total_minor;
    fact->placed_us = e->placed_at;
    return keep_lines(s, e->lines.items, e->lines.count, error) &&
           sale(s, PLACED, e->total_minor, error) && sale_lines(s, PLACED, error) &&
           reach(s, FUNNEL_CREATED, error);
}

static bool fold_refused(struct step *s, const struct ds_order_refused *e, ds_error_t *error)
{
    struct ds_fact *fact = s->fact;
    begin_fact(fact);
    fact->store = e->store_id;
    fact->currency = e->currency;
    fact->payment_method =
        e->payment_method == DS_PAYMENT_METHOD_CARD ? DS_STR("card") : DS_STR("cash_on_delivery");
    fact->status = DS_STR("refused");
    fact->total_minor = e->total_minor;
    fact->placed_us = e->placed_at;
    fact->closed_us = s->at_us;
    return keep_lines(s, e->lines.items, e->lines.count, error) &&
           reach(s, FUNNEL_REFUSED, error) &&
           give_reason(s, DS_STR("refused"), ds_refuse_reason_text(e->reason), error);
}

static void fold_lines_cancelled(struct step *s, const struct ds_order_lines_cancelled *e)
{
    s->fact->total_minor = e->total_minor;
    for (size_t i = 0; i < e->lines.count; i++) {
        for (size_t j = 0; j < s->fact->line_count; j++) {
            struct ds_fact_line *line = &s->fact->lines[j];
            if (line->line == e->lines.items[i].line)
                line->cancelled = e->lines.items[i].quantity > line->quantity - line->cancelled
                                      ? line->quantity
                                      : line->cancelled + e->lines.items[i].quantity;
        }
    }
}

static bool fold_step(struct step *s, const struct ds_order_event *event, ds_error_t *error)
{
    struct ds_fact *fact = s->fact;
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED:
        fact->status = DS_STR("awaiting_payment");
        return reach(s, FUNNEL_AWAITING, error);
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        fact->status = DS_STR("confirmed");
        fact->confirmed_us = s->at_us;
        return reach(s, FUNNEL_CONFIRMED, error) &&
               sale(s, CONFIRMED, event->body.as.order_confirmed.total_minor, error) &&
               sale_lines(s, CONFIRMED, error);
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        fold_lines_cancelled(s, &event->body.as.order_lines_cancelled);
        return true;
    case DS_ORDER_EVENT_ORDER_PICKED_UP:
        fact->status = DS_STR("picked_up");
        fact->picked_up_us = s->at_us;
        return reach(s, FUNNEL_PICKED_UP, error);
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        fact->status = DS_STR("fulfilled");
        fact->closed_us = s->at_us;
        fact->total_minor = event->body.as.order_fulfilled.total_minor;
        return reach(s, FUNNEL_FULFILLED, error) && sale(s, FULFILLED, fact->total_minor, error) &&
               sale_lines(s, FULFILLED, error);
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        fact->status = DS_STR("cancelled");
        fact->closed_us = s->at_us;
        return reach(s, FUNNEL_CANCELLED, error) && sale(s, CANCELLED, fact->total_minor, error) &&
               give_reason(s, DS_STR("cancelled"),
                           ds_cancel_reason_text(event->body.as.order_cancelled.reason), error);
    default:
        return true; /* cancel_requested, cancel_refused: nothing is counted yet */
    }
}

bool ds_tallies_fold(struct ds_tallies *t, int32_t partition, int64_t offset,
                     const struct ds_order_event *event, ds_error_t *error)
{
    if (event->body.kind < DS_PROTOCOL_KINDS)
        return true;
    struct ds_fact *fact = ds_map_get(t->facts, ds_schema_order_events.order_id(event));
    if (fact == NULL)
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID, "a fact was not asked for");
    if (offset <= fact->pos)
        return true; /* its tallies have it too: they are written before facts */
    bool begins = event->body.kind == DS_ORDER_EVENT_ORDER_CREATED ||
                  event->body.kind == DS_ORDER_EVENT_ORDER_REFUSED;
    if (!begins && fact->pos < 0) {
        t->missed++;
        return true;
    }
    struct step s = {t, fact, offset, event->meta.at};
    fact->partition = partition;
    fact->pos = offset;
    fact->changed = true;
    if (event->body.kind == DS_ORDER_EVENT_ORDER_CREATED)
        return fold_created(&s, &event->body.as.order_created, error);
    if (event->body.kind == DS_ORDER_EVENT_ORDER_REFUSED)
        return fold_refused(&s, &event->body.as.order_refused, error);
    return fold_step(&s, event, error);
}

void ds_tallies_merge(struct ds_tallies *t)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value = NULL;
    while (ds_map_next(t->tallies, &cursor, &key, &value)) {
        struct ds_tally *tally = value;
        int64_t pos = tally->pos;
        for (const struct ds_tally_entry *e = tally->first; e != NULL; e = e->next) {
            if (e->offset <= tally->pos && !DS_PLANTED(TALLY))
                continue; /* it was written before this batch was folded again */
            if (__builtin_add_overflow(tally->counters[e->counter], e->amount,
                                       &tally->counters[e->counter]))
                tally->counters[e->counter] = INT64_MAX;
            pos = e->offset;
        }
        tally->changed = pos > tally->pos;
        tally->pos = pos;
    }
}
