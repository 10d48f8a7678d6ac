#include "projections/mongo/documents.h"

static bool put_text(bson_t *to, const char *name, ds_str_t text)
{
    return bson_append_utf8(to, name, -1, text.data == NULL ? "" : text.data, (int)text.len);
}

/* BSON dates are milliseconds. */
static bool put_time(bson_t *to, const char *name, int64_t time_us)
{
    return BSON_APPEND_DATE_TIME(to, name, time_us / 1000);
}

static bool put_time_or_null(bson_t *to, const char *name, int64_t time_us)
{
    return time_us == 0 ? BSON_APPEND_NULL(to, name) : put_time(to, name, time_us);
}

static bool put_place(bson_t *to, int32_t partition)
{
    return BSON_APPEND_UTF8(to, "topic", DS_MONGO_TOPIC) &&
           BSON_APPEND_INT32(to, "partition", partition);
}

/* ---- writing ---- */

bool ds_document_tally_id(const struct ds_tally *tally, bson_t *id)
{
    const struct ds_tally_shape *shape = &ds_tally_shapes[tally->kind];
    return put_time(id, shape->time, tally->time_us) && put_text(id, "store", tally->store) &&
           (!shape->currency || put_text(id, "currency", tally->currency)) &&
           (shape->outcome == NULL || put_text(id, shape->outcome, tally->outcome)) &&
           (shape->subject == NULL || put_text(id, shape->subject, tally->subject)) &&
           put_place(id, tally->partition);
}

bool ds_document_tally(const struct ds_tally *tally, const bson_t *id, bson_t *document)
{
    const struct ds_tally_shape *shape = &ds_tally_shapes[tally->kind];
    bool ok =
        BSON_APPEND_DOCUMENT(document, "_id", id) && BSON_APPEND_INT64(document, "pos", tally->pos);
    for (int i = 0; ok && shape->counters[i] != NULL; i++)
        ok = BSON_APPEND_INT64(document, shape->counters[i], tally->counters[i]);
    return ok;
}

bool ds_document_fact_id(const struct ds_fact *fact, bson_t *id)
{
    return put_text(id, "order", fact->order_id) && put_place(id, fact->partition);
}

static bool put_line(bson_t *lines, size_t index, const struct ds_fact_line *line)
{
    char buffer[16];
    const char *key = NULL;
    bson_t item;
    size_t len = bson_uint32_to_string((uint32_t)index, &key, buffer, sizeof buffer);
    return bson_append_document_begin(lines, key, (int)len, &item) &&
           BSON_APPEND_INT32(&item, "line", line->line) &&
           put_text(&item, "product", line->product) &&
           BSON_APPEND_INT32(&item, "quantity", line->quantity) &&
           BSON_APPEND_INT32(&item, "cancelled", line->cancelled) &&
           BSON_APPEND_INT64(&item, "unit_price_minor", line->unit_price_minor) &&
           bson_append_document_end(lines, &item);
}

bool ds_document_fact(const struct ds_fact *fact, const bson_t *id, bson_t *document)
{
    bson_t lines;
    bool ok =
        BSON_APPEND_DOCUMENT(document, "_id", id) &&
        BSON_APPEND_INT64(document, "pos", fact->pos) && put_text(document, "store", fact->store) &&
        put_text(document, "currency", fact->currency) &&
        put_text(document, "payment_method", fact->payment_method) &&
        put_text(document, "status", fact->status) && put_text(document, "reason", fact->reason) &&
        BSON_APPEND_INT64(document, "total_minor", fact->total_minor) &&
        put_time(document, "placed_at", fact->placed_us) &&
        put_time_or_null(document, "confirmed_at", fact->confirmed_us) &&
        put_time_or_null(document, "picked_up_at", fact->picked_up_us) &&
        put_time_or_null(document, "closed_at", fact->closed_us) &&
        BSON_APPEND_ARRAY_BEGIN(document, "lines", &lines);
    for (size_t i = 0; ok && i < fact->line_count; i++)
        ok = put_line(&lines, i, &fact->lines[i]);
    return ok && bson_append_array_end(document, &lines);
}

bool ds_document_position_id(int32_t partition, bson_t *id)
{
    return put_place(id, partition);
}

bool ds_document_position(const struct ds_mongo_position *position, int64_t now_us,
                          const bson_t *id, bson_t *document)
{
    return BSON_APPEND_DOCUMENT(document, "_id", id) &&
           BSON_APPEND_INT64(document, "pos", position->place.offset) &&
           BSON_APPEND_INT64(document, "epoch", position->place.epoch) &&
           BSON_APPEND_INT64(document, "seq", position->place.seq) &&
           BSON_APPEND_UTF8(document, "log_id", position->log_id) &&
           put_time(document, "event_time", position->event_time_us) &&
           put_time(document, "written_at", now_us);
}

/* ---- reading ---- */

static int64_t get_i64(const bson_t *from, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, from, name) ? bson_iter_as_int64(&iter) : 0;
}

static int64_t get_time(const bson_t *from, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, from, name) && BSON_ITER_HOLDS_DATE_TIME(&iter)
               ? bson_iter_date_time(&iter) * 1000
               : 0;
}

static ds_str_t get_text(const bson_t *from, const char *name)
{
    bson_iter_t iter;
    uint32_t len = 0;
    if (name == NULL || !bson_iter_init_find(&iter, from, name) || !BSON_ITER_HOLDS_UTF8(&iter))
        return DS_STR("");
    const char *text = bson_iter_utf8(&iter, &len);
    return (ds_str_t){text, len};
}

static bool get_document(const bson_t *from, const char *name, bson_t *document_out,
                         ds_error_t *error)
{
    bson_iter_t iter;
    const uint8_t *data = NULL;
    uint32_t len = 0;
    if (!bson_iter_init_find(&iter, from, name) || !BSON_ITER_HOLDS_DOCUMENT(&iter))
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID, "a document without %s", name);
    bson_iter_document(&iter, &len, &data);
    return bson_init_static(document_out, data, len) ||
           ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID, "a document with a broken %s",
                        name);
}

/* The kind is not in the document: only one fits the names in its _id. */
static enum ds_tally_kind kind_of(const bson_t *id, const bson_t *document)
{
    if (bson_has_field(id, "hour"))
        return DS_TALLY_HOUR;
    if (bson_has_field(id, "product"))
        return DS_TALLY_PRODUCT;
    if (bson_has_field(id, "reason"))
        return DS_TALLY_REASON;
    return bson_has_field(document, "created") ? DS_TALLY_FUNNEL : DS_TALLY_STORE;
}

bool ds_document_read_tally(struct ds_tallies *t, const bson_t *document, ds_error_t *error)
{
    bson_t id;
    struct ds_tally *tally = NULL;
    if (!get_document(document, "_id", &id, error))
        return false;
    struct ds_tally like = {.kind = kind_of(&id, document)};
    const struct ds_tally_shape *shape = &ds_tally_shapes[like.kind];
    like.partition = (int32_t)get_i64(&id, "partition");
    like.time_us = get_time(&id, shape->time);
    like.store = get_text(&id, "store");
    like.currency = get_text(&id, "currency");
    like.subject = get_text(&id, shape->subject);
    like.outcome = get_text(&id, shape->outcome);
    if (!ds_tallies_find(t, &like, &tally, error))
        return false;
    if (tally == NULL)
        return true; /* not asked for */
    tally->pos = get_i64(document, "pos");
    for (int i = 0; shape->counters[i] != NULL; i++)
        tally->counters[i] = get_i64(document, shape->counters[i]);
    return true;
}

static bool read_lines(struct ds_tallies *t, struct ds_fact *fact, const bson_t *document,
                       ds_error_t *error)
{
    bson_iter_t iter;
    bson_iter_t item;
    fact->line_count = 0;
    fact->lines = ds_arena_calloc(t->arena, DS_MAX_ORDER_LINES, sizeof *fact->lines, error);
    if (fact->lines == NULL)
        return false;
    if (!bson_iter_init_find(&iter, document, "lines") || !bson_iter_recurse(&iter, &item))
        return true;
    while (bson_iter_next(&item) && fact->line_count < DS_MAX_ORDER_LINES) {
        struct ds_fact_line *line = &fact->lines[fact->line_count];
        const uint8_t *data = NULL;
        uint32_t len = 0;
        bson_t one;
        if (!BSON_ITER_HOLDS_DOCUMENT(&item))
            continue;
        bson_iter_document(&item, &len, &data);
        if (!bson_init_static(&one, data, len))
            continue;
        line->line = (int32_t)get_i64(&one, "line");
        line->quantity = (int32_t)get_i64(&one, "quantity");
        line->cancelled = (int32_t)get_i64(&one, "cancelled");
        line->unit_price_minor = get_i64(&one, "unit_price_minor");
        if (!ds_arena_dup(t->arena, get_text(&one, "product"), &line->product, error))
            return false;
        fact->line_count++;
    }
    return true;
}

bool ds_document_read_fact(struct ds_tallies *t, const bson_t *document, ds_error_t *error)
{
    bson_t id;
    if (!get_document(document, "_id", &id, error))
        return false;
    struct ds_fact *fact = ds_tallies_fact(t, get_text(&id, "order"));
    if (fact == NULL)
        return true;
    fact->pos = get_i64(document, "pos");
    fact->total_minor = get_i64(document, "total_minor");
    fact->placed_us = get_time(document, "placed_at");
    fact->confirmed_us = get_time(document, "confirmed_at");
    fact->picked_up_us = get_time(document, "picked_up_at");
    fact->closed_us = get_time(document, "closed_at");
    return ds_arena_dup(t->arena, get_text(document, "store"), &fact->store, error) &&
           ds_arena_dup(t->arena, get_text(document, "currency"), &fact->currency, error) &&
           ds_arena_dup(t->arena, get_text(document, "payment_method"), &fact->payment_method,
                        error) &&
           ds_arena_dup(t->arena, get_text(document, "status"), &fact->status, error) &&
           ds_arena_dup(t->arena, get_text(document, "reason"), &fact->reason, error) &&
           read_lines(t, fact, document, error);
}

bool ds_document_read_position(struct ds_mongo_position *position, const bson_t *document,
                               ds_error_t *error)
{
    position->place = (struct ds_log_place){get_i64(document, "pos"), get_i64(document, "epoch"),
                                            get_i64(document, "seq")};
    position->event_time_us = get_time(document, "event_time");
    return ds_str_to_array(get_text(document, "log_id"), position->log_id,
                           sizeof position->log_id) ||
           ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID,
                        "a position with a log identity that is too long");
}
