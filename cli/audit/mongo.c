/* I6 in MongoDB: every document against the audit's own fold (analytics.h) of order.events, up to
 * where the position stands.
 *
 * A batch is written document by document and its position last. A document that is ahead of the
 * position means that one is being written: all is done again, for ten seconds at most. */
#include "cli/audit/analytics.h"
#include "cli/audit/folds.h"
#include "cli/audit/read_models.h"

#include <inttypes.h>
#include <mongoc/mongoc.h>
#include <poll.h>
#include <stdlib.h>

#define PAUSE_MS   200
#define FACT_BYTES ((size_t)256 * 1024 * 1024)
#define SLICES_MAX 4096

struct ds_audit_mongo {
    const struct ds_runtime *runtime;
    mongoc_client_t *client;
    char *database;
    ds_audit_analytics_t *analytics;
    uint64_t walk; /* how often documents were looked at; what was seen is marked with it */
    int64_t deadline_us;
    int64_t patience_us;
};

/* Whatever the URL prefers: of a secondary one document may be older than another. */
static void read_primary(mongoc_client_t *client)
{
    mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
    mongoc_client_set_read_prefs(client, primary); /* copied */
    mongoc_read_prefs_destroy(primary);
}

bool ds_audit_mongo_new(const struct ds_runtime *runtime, const char *url, int timeout_ms,
                        int64_t patience_us, ds_audit_mongo_t **mongo_out, ds_error_t *error)
{
    bson_error_t why; /* quotes the URL: not for an error of ours */
    ds_audit_mongo_t *mongo = calloc(1, sizeof *mongo);
    mongoc_uri_t *uri;
    const char *name;

    *mongo_out = NULL;
    if (mongo == NULL)
        return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_MEMORY, "no memory for a connection");
    mongo->runtime = runtime;
    mongo->patience_us = patience_us;
    mongoc_init();
    uri = mongoc_uri_new_with_error(url, &why);
    if (uri == NULL) {
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID,
                     "MONGODB_URL is no URL of MongoDB (user and password must be "
                     "percent-encoded)");
        goto out;
    }
    (void)mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, timeout_ms);
    (void)mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, timeout_ms);
    name = mongoc_uri_get_database(uri);
    mongo->database = ds_str_dup(ds_str(name == NULL || *name == '\0' ? "doorstep" : name));
    mongo->client = mongoc_client_new_from_uri_with_error(uri, &why);
    mongo->analytics = ds_audit_analytics_new(FACT_BYTES);
    if (mongo->client == NULL || mongo->database == NULL || mongo->analytics == NULL) {
        ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID, "MONGODB_URL: no client");
        goto out;
    }
    read_primary(mongo->client);
    mongoc_uri_destroy(uri);
    *mongo_out = mongo;
    return true;
out:
    mongoc_uri_destroy(uri);
    ds_audit_mongo_destroy(mongo);
    return false;
}

void ds_audit_mongo_destroy(ds_audit_mongo_t *mongo)
{
    if (mongo == NULL)
        return;
    ds_audit_analytics_destroy(mongo->analytics);
    mongoc_client_destroy(mongo->client);
    free(mongo->database);
    free(mongo);
}

/* ---- documents ---- */

static int64_t get_number(const bson_t *from, const char *name)
{
    bson_iter_t at;
    return bson_iter_init_find(&at, from, name) && BSON_ITER_HOLDS_NUMBER(&at)
               ? bson_iter_as_int64(&at)
               : INT64_MIN;
}

/* In the milliseconds that MongoDB keeps; 0: null. */
static int64_t get_time_ms(const bson_t *from, const char *name)
{
    bson_iter_t at;
    if (!bson_iter_init_find(&at, from, name))
        return INT64_MIN;
    if (BSON_ITER_HOLDS_NULL(&at))
        return 0;
    return BSON_ITER_HOLDS_DATE_TIME(&at) ? bson_iter_date_time(&at) : INT64_MIN;
}

static ds_str_t get_text(const bson_t *from, const char *name)
{
    bson_iter_t at;
    uint32_t len = 0;
    if (name == NULL || !bson_iter_init_find(&at, from, name) || !BSON_ITER_HOLDS_UTF8(&at))
        return DS_STR("");
    const char *text = bson_iter_utf8(&at, &len);
    return (ds_str_t){text, len};
}

static bool get_document(const bson_t *from, const char *name, bson_t *document_out)
{
    bson_iter_t at;
    const uint8_t *data = NULL;
    uint32_t len = 0;
    if (!bson_iter_init_find(&at, from, name) || !BSON_ITER_HOLDS_DOCUMENT(&at))
        return false;
    bson_iter_document(&at, &len, &data);
    return bson_init_static(document_out, data, len);
}

/* One look at the documents of a partition. */
struct look {
    ds_audit_mongo_t *mongo;
    const struct ds_audit_source *source;
    struct ds_audit_report *report;
    int32_t partition;
    struct ds_log_place place; /* of the position; offset -1: there is none */
    int64_t event_time_ms;
    char log_id[64];
    enum ds_audit_collection collection;
    const char *strays_of; /* a collection */
    bool is_ahead;         /* a document is: the look is void */
};

typedef bool (*each_fn)(struct look *look, const bson_t *document, ds_error_t *error);

/* @param each  called with every document of the collection that the filter lets through. */
static bool walk_filtered(struct look *look, const char *collection, const bson_t *filter,
                          each_fn each, ds_error_t *error)
{
    const ds_audit_mongo_t *mongo = look->mongo;
    mongoc_collection_t *c =
        mongoc_client_get_collection(mongo->client, mongo->database, collection);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, filter, NULL, NULL);
    const bson_t *document;
    bson_error_t why;
    bool ok = true;

    while (ok && mongoc_cursor_next(cursor, &document))
        ok = each(look, document, error);
    if (ok && mongoc_cursor_error(cursor, &why))
        ok = ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_UNAVAILABLE, "MongoDB: %s: %s", collection,
                          why.message);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(c);
    return ok;
}

/* Of the partition. */
static bool walk(struct look *look, const char *collection, each_fn each, ds_error_t *error)
{
    bson_t *filter = BCON_NEW("_id.topic", BCON_UTF8("order.events"), "_id.partition",
                              BCON_INT32(look->partition));
    bool ok = walk_filtered(look, collection, filter, each, error);
    bson_destroy(filter);
    return ok;
}

static bool take_position(struct look *look, const bson_t *document, ds_error_t *error)
{
    look->place = (struct ds_log_place){get_number(document, "pos"), get_number(document, "epoch"),
                                        get_number(document, "seq")};
    look->event_time_ms = get_time_ms(document, "event_time");
    return ds_str_to_array(get_text(document, "log_id"), look->log_id, sizeof look->log_id) ||
           ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_INVALID,
                        "a position with a log identity that is too long");
}

static bool load_position(struct look *look, ds_error_t *error)
{
    look->place = (struct ds_log_place){-1, 0, 0};
    look->log_id[0] = '\0';
    return walk(look, "positions", take_position, error);
}

/* ---- sums ---- */

static struct ds_audit_place at_offset(const struct look *look, int64_t offset, ds_str_t order_id)
{
    return (struct ds_audit_place){"order.events", look->partition, offset, order_id};
}

/* "2026-11-28 berlin-1 EUR cancelled out_of_stock", as far as it has them. */
static bool name_sum(const struct ds_audit_sum_id *id, ds_buf_t *out, ds_error_t *error)
{
    const struct ds_audit_shape *shape = &ds_audit_shapes[id->collection];
    ds_buf_clear(out);
    return ds_buf_printf(out, error, "%s %" PRId64 " s, %.*s%s%.*s%s%.*s%s%.*s", shape->time,
                         id->time_us / DS_US_PER_S, DS_STR_ARG(id->store),
                         id->currency.len > 0 ? " " : "", DS_STR_ARG(id->currency),
                         id->outcome.len > 0 ? " " : "", DS_STR_ARG(id->outcome),
                         id->subject.len > 0 ? " " : "", DS_STR_ARG(id->subject));
}

static void report_sum(const struct look *look, const struct ds_audit_sum_id *id, int64_t offset,
                       const char *what)
{
    ds_error_t why = DS_ERROR_INIT;
    ds_buf_t name;
    ds_buf_init(&name, DS_AUDIT_WHAT_BYTES);
    ds_audit_found(look->report, "I6", at_offset(look, offset, DS_STR("")), "MongoDB %s (%.*s): %s",
                   ds_audit_shapes[id->collection].name,
                   DS_STR_ARG(name_sum(id, &name, &why) ? ds_buf_str(&name) : id->store), what);
    ds_buf_cleanup(&name);
}

static void judge_counters(const struct look *look, const struct ds_audit_sum *sum,
                           const bson_t *document)
{
    const struct ds_audit_shape *shape = &ds_audit_shapes[sum->id.collection];
    char what[160];
    int64_t pos = get_number(document, "pos");

    if (pos != sum->pos) {
        (void)snprintf(what, sizeof what, "pos is %" PRId64 ", the fold gives %" PRId64, pos,
                       sum->pos);
        report_sum(look, &sum->id, pos, what);
    }
    for (int i = 0; shape->counters[i] != NULL; i++) {
        int64_t shown = get_number(document, shape->counters[i]);
        if (shown == sum->counters[i])
            continue;
        (void)snprintf(what, sizeof what, "%s is %" PRId64 ", the fold gives %" PRId64,
                       shape->counters[i], shown, sum->counters[i]);
        report_sum(look, &sum->id, sum->pos, what);
    }
}

static bool judge_sum(struct look *look, const bson_t *document, ds_error_t *error)
{
    const struct ds_audit_shape *shape = &ds_audit_shapes[look->collection];
    struct ds_audit_sum *sum = NULL;
    bson_t id;

    look->report->checked[DS_AUDIT_ROWS]++;
    look->is_ahead = look->is_ahead || get_number(document, "pos") > look->place.offset;
    if (!get_document(document, "_id", &id))
        return true; /* it would not have been found */
    struct ds_audit_sum_id about = {look->collection,
                                    get_time_ms(&id, shape->time) * 1000,
                                    get_text(&id, "store"),
                                    shape->currency ? get_text(&id, "currency") : DS_STR(""),
                                    get_text(&id, shape->outcome),
                                    get_text(&id, shape->subject)};
    if (!ds_audit_analytics_sum(look->mongo->analytics, &about, &sum, error))
        return false;
    if (sum == NULL) {
        report_sum(look, &about, get_number(document, "pos"), "the log has nothing of it");
        return true;
    }
    sum->seen = look->mongo->walk;
    judge_counters(look, sum, document);
    return true;
}

static bool judge_sums(struct look *look, ds_error_t *error)
{
    const struct ds_audit_sum *sum;
    size_t cursor = 0;

    for (int c = 0; c < DS_AUDIT_COLLECTIONS; c++) {
        look->collection = (enum ds_audit_collection)c;
        if (!walk(look, ds_audit_shapes[c].name, judge_sum, error))
            return false;
    }
    while ((sum = ds_audit_analytics_next_sum(look->mongo->analytics, &cursor)) != NULL)
        if (sum->seen != look->mongo->walk)
            report_sum(look, &sum->id, sum->pos, "there is no document of it");
    return true;
}

/* ---- facts ---- */

static void report_fact(const struct look *look, const struct ds_audit_fact *fact, const char *what)
{
    ds_audit_found(look->report, "I6", at_offset(look, fact->pos, fact->id),
                   "MongoDB order_facts: %s is not what the fold gives", what);
}

static int64_t in_ms(int64_t time_us)
{
    return time_us / 1000;
}

static bool line_agrees(const struct ds_audit_fact_line *line, const bson_t *document)
{
    return get_number(document, "line") == line->line &&
           get_number(document, "quantity") == line->quantity &&
           get_number(document, "cancelled") == line->cancelled &&
           get_number(document, "unit_price_minor") == line->price_minor &&
           ds_str_eq(get_text(document, "product"), line->product);
}

static bool lines_agree(const struct ds_audit_fact *fact, const bson_t *document)
{
    bson_iter_t at;
    bson_iter_t item;
    size_t count = 0;

    if (!bson_iter_init_find(&at, document, "lines") || !bson_iter_recurse(&at, &item))
        return false;
    while (bson_iter_next(&item)) {
        const uint8_t *data = NULL;
        uint32_t len = 0;
        bson_t line;
        if (!BSON_ITER_HOLDS_DOCUMENT(&item) || count == fact->line_count)
            return false;
        bson_iter_document(&item, &len, &data);
        if (!bson_init_static(&line, data, len) || !line_agrees(&fact->lines[count++], &line))
            return false;
    }
    return count == fact->line_count;
}

static void judge_fields(const struct look *look, const struct ds_audit_fact *fact,
                         const bson_t *document)
{
    const char *method = fact->method == DS_PAYMENT_METHOD_CARD ? "card" : "cash_on_delivery";
    const struct {
        const char *name;
        bool agrees;
    } fields[] = {
        {"pos", get_number(document, "pos") == fact->pos},
        {"store", ds_str_eq(get_text(document, "store"), fact->store)},
        {"currency", ds_str_eq(get_text(document, "currency"), fact->currency)},
        {"payment_method", ds_str_eq(get_text(document, "payment_method"), ds_str(method))},
        {"status", ds_str_eq(get_text(document, "status"), ds_str(fact->status))},
        {"reason", ds_str_eq(get_text(document, "reason"), fact->reason)},
        {"total_minor", get_number(document, "total_minor") == fact->total_minor},
        {"placed_at", get_time_ms(document, "placed_at") == in_ms(fact->placed_us)},
        {"confirmed_at", get_time_ms(document, "confirmed_at") == in_ms(fact->confirmed_us)},
        {"picked_up_at", get_time_ms(document, "picked_up_at") == in_ms(fact->picked_up_us)},
        {"closed_at", get_time_ms(document, "closed_at") == in_ms(fact->closed_us)},
        {"lines", lines_agree(fact, document)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!fields[i].agrees)
            report_fact(look, fact, fields[i].name);
}

static bool judge_fact(struct look *look, const bson_t *document, ds_error_t *error)
{
    bson_t id;
    (void)error;
    if (!get_document(document, "_id", &id) ||
        !ds_audit_analytics_has_slice(look->mongo->analytics, get_text(&id, "order")))
        return true;
    look->report->checked[DS_AUDIT_ROWS]++;
    look->is_ahead = look->is_ahead || get_number(document, "pos") > look->place.offset;
    struct ds_audit_fact *fact =
        ds_audit_analytics_fact(look->mongo->analytics, get_text(&id, "order"));
    if (fact == NULL) {
        ds_audit_found(look->report, "I6",
                       at_offset(look, get_number(document, "pos"), get_text(&id, "order")),
                       "MongoDB order_facts has a document of it, the log does not");
        return true;
    }
    fact->seen = look->mongo->walk;
    judge_fields(look, fact, document);
    return true;
}

static bool judge_facts(struct look *look, ds_error_t *error)
{
    const struct ds_audit_fact *fact;
    size_t cursor = 0;
    if (!walk(look, "order_facts", judge_fact, error))
        return false;
    while ((fact = ds_audit_analytics_next_fact(look->mongo->analytics, &cursor)) != NULL)
        if (fact->seen != look->mongo->walk)
            ds_audit_found(look->report, "I6", at_offset(look, fact->pos, fact->id),
                           "MongoDB order_facts has no document of it");
    return true;
}

/* ---- the log ---- */

/* order.events, read under rule F; what that finds was found before and is put aside. */
struct log {
    ds_audit_analytics_t *analytics;
    struct ds_audit_report *aside;
    struct ds_audit_part part; /* of its one stream only */
    char log_id[64];
    int64_t event_time_us;
};

static bool take(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    struct log *log = context;
    const struct ds_audit_event *events;
    size_t count;

    if (!ds_audit_stream_take(&log->part, DS_AUDIT_ORDER, record, &events, &count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct ds_order_event *event = events[i].event;
        log->event_time_us = event->meta.at;
        if (event->body.kind == DS_PROTOCOL_CLAIM && log->log_id[0] == '\0')
            (void)ds_str_to_array(event->body.as.claim.nonce, log->log_id, sizeof log->log_id);
        if (!ds_audit_analytics_fold(log->analytics, events[i].offset, event, error))
            return false;
    }
    return !ds_audit_analytics_is_full(log->analytics) ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "audit: too many orders at once");
}

static bool read_log(struct look *look, struct ds_audit_source *source, struct log *log,
                     ds_error_t *error)
{
    struct ds_audit_stream *stream = &log->part.streams[DS_AUDIT_ORDER];
    int64_t ends[DS_AUDIT_TOPICS] = {0};

    ends[DS_AUDIT_ORDER] = look->place.offset + 1;
    *log = (struct log){.analytics = look->mongo->analytics, .aside = ds_audit_report_new()};
    log->part.report = log->aside;
    log->part.partition = look->partition;
    log->part.partitions = source->partitions;
    if (log->aside == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: a report");
    return ds_audit_stream_init(
               stream, (struct ds_audit_range){0, ends[DS_AUDIT_ORDER], ends[DS_AUDIT_ORDER]},
               error) &&
           source->read(source, look->partition, ends, take, log, error);
}

static void forget_log(struct log *log)
{
    ds_audit_stream_cleanup(&log->part.streams[DS_AUDIT_ORDER]);
    ds_audit_report_destroy(log->aside);
}

static void judge_position(struct look *look, const struct log *log)
{
    const struct ds_log_place *read = &log->part.streams[DS_AUDIT_ORDER].fence.delivered;
    struct ds_audit_place at = at_offset(look, look->place.offset, DS_STR(""));

    look->report->checked[DS_AUDIT_ROWS]++;
    if (look->place.offset != read->offset || look->place.epoch != read->epoch ||
        look->place.seq != read->seq)
        ds_audit_found(look->report, "I6", at,
                       "MongoDB positions: (%" PRId64 ", %" PRId64
                       "), the log has delivered (%" PRId64 ", %" PRId64 ") up to offset %" PRId64,
                       look->place.epoch, look->place.seq, read->epoch, read->seq, read->offset);
    else if (strcmp(look->log_id, log->log_id) != 0)
        ds_audit_found(look->report, "I6", at, "MongoDB positions: of log %s, this one is %s",
                       look->log_id, log->log_id);
    else if (look->event_time_ms != in_ms(log->event_time_us))
        ds_audit_found(look->report, "I6", at,
                       "MongoDB positions: event_time %" PRId64 " ms, the fold gives %" PRId64,
                       look->event_time_ms, in_ms(log->event_time_us));
}

/* @return false with *full_out: begin again with more slices. */
static bool judge_slice(struct look *look, struct ds_audit_source *source, bool is_last,
                        bool *full_out, ds_error_t *error)
{
    struct log log;
    bool ok = read_log(look, source, &log, error);
    *full_out = ds_audit_analytics_is_full(look->mongo->analytics);
    look->mongo->walk++;
    if (ok && !log.part.streams[DS_AUDIT_ORDER].stopped) {
        ok = judge_facts(look, error) && (!is_last || judge_sums(look, error));
        if (ok && is_last && look->place.offset >= 0)
            judge_position(look, &log);
    }
    forget_log(&log);
    return ok;
}

static bool judge_slices(struct look *look, struct ds_audit_source *source, uint32_t slices,
                         bool *full_out, ds_error_t *error)
{
    *full_out = false;
    for (uint32_t slice = 0; slice < slices; slice++)
        if (!ds_audit_analytics_begin(look->mongo->analytics, slice, slices, error) ||
            !judge_slice(look, source, slice + 1 == slices, full_out, error))
            return false;
    return true;
}

/* What a look has found so far, to be forgotten with it. */
struct mark {
    int64_t anomalies;
    size_t listed;
    int64_t rows;
};

static struct mark mark_of(const struct ds_audit_report *report)
{
    return (struct mark){report->anomalies, report->listed, report->checked[DS_AUDIT_ROWS]};
}

static void go_back(struct ds_audit_report *report, const struct mark *mark)
{
    report->anomalies = mark->anomalies;
    report->listed = mark->listed;
    report->checked[DS_AUDIT_ROWS] = mark->rows;
}

static bool look_once(struct look *look, struct ds_audit_source *source, ds_error_t *error)
{
    const struct mark mark = mark_of(look->report);
    bool is_full = false;
    for (uint32_t slices = 1; slices <= SLICES_MAX; slices *= 2) {
        if (judge_slices(look, source, slices, &is_full, error))
            return true;
        if (!is_full)
            return false;
        ds_error_clear(error);
        go_back(look->report, &mark);
    }
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT,
                        "audit: partition %" PRId32 " has too many orders", look->partition);
}

static bool may_wait(ds_audit_mongo_t *mongo)
{
    int64_t now_us = ds_monotonic_us(mongo->runtime->clock);
    if (mongo->deadline_us == 0)
        mongo->deadline_us = now_us + mongo->patience_us;
    if (now_us >= mongo->deadline_us || ds_stopping(mongo->runtime))
        return false;
    (void)poll(NULL, 0, PAUSE_MS);
    return true;
}

/* A topic whose beginning is gone, or that ends before the position, cannot be folded up to it. */
static bool can_fold(struct look *look, struct ds_audit_source *source, bool *can_out,
                     ds_error_t *error)
{
    int64_t ends[DS_AUDIT_TOPICS];
    *can_out = false;
    if (!source->ends(source, look->partition, ends, error))
        return false;
    *can_out = source->ranges[look->partition][DS_AUDIT_ORDER].low == 0 &&
               look->place.offset < ends[DS_AUDIT_ORDER];
    if (look->place.offset >= ends[DS_AUDIT_ORDER])
        ds_audit_found(look->report, "I6", at_offset(look, look->place.offset, DS_STR("")),
                       "MongoDB's position is outside the log, which ends at %" PRId64,
                       ends[DS_AUDIT_ORDER]);
    return true;
}

bool ds_audit_mongo_judge(ds_audit_mongo_t *mongo, struct ds_audit_source *source,
                          int32_t partition, struct ds_audit_report *report, ds_error_t *error)
{
    const struct mark mark = mark_of(report);
    struct look look = {.mongo = mongo, .source = source, .report = report, .partition = partition};
    do {
        bool can = false;
        go_back(report, &mark);
        look.is_ahead = false;
        if (!load_position(&look, error) || !can_fold(&look, source, &can, error))
            return false;
        if (can && !look_once(&look, source, error))
            return false;
    } while (look.is_ahead && may_wait(mongo));
    if (look.is_ahead) {
        go_back(report, &mark);
        ds_audit_note(report,
                      "MongoDB has documents ahead of its position in order.events/%" PRId32
                      ", which is %" PRId64 ": not compared",
                      partition, look.place.offset);
    }
    return true;
}

/* ---- documents of no partition ---- */

static bool report_stray(struct look *look, const bson_t *document, ds_error_t *error)
{
    bson_t id = BSON_INITIALIZER;
    (void)error;
    (void)get_document(document, "_id", &id);
    const int64_t partition = get_number(&id, "partition");
    struct ds_audit_place at = {"order.events",
                                partition < 0 || partition > INT32_MAX ? -1 : (int32_t)partition,
                                -1, get_text(&id, "order")};
    ds_audit_found(look->report, "I6", at,
                   "MongoDB %s has a document of a partition that the log does not have",
                   look->strays_of);
    return true;
}

bool ds_audit_mongo_judge_rest(ds_audit_mongo_t *mongo, int32_t partitions,
                               struct ds_audit_report *report, ds_error_t *error)
{
    const char *names[DS_AUDIT_COLLECTIONS + 2] = {"positions", "order_facts"};
    struct look look = {.mongo = mongo, .report = report};
    bson_t *filter =
        BCON_NEW("$nor", "[", "{", "_id.topic", BCON_UTF8("order.events"), "_id.partition", "{",
                 "$gte", BCON_INT32(0), "$lt", BCON_INT32(partitions), "}", "}", "]");
    bool ok = true;

    for (int c = 0; c < DS_AUDIT_COLLECTIONS; c++)
        names[c + 2] = ds_audit_shapes[c].name;
    for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++) {
        look.strays_of = names[i];
        ok = walk_filtered(&look, names[i], filter, report_stray, error);
    }
    bson_destroy(filter);
    return ok;
}

bool ds_audit_mongo_position(ds_audit_mongo_t *mongo, int32_t partition, int64_t *position_out,
                             ds_error_t *error)
{
    struct look look = {.mongo = mongo, .partition = partition};
    bool ok = load_position(&look, error);
    *position_out = look.place.offset;
    return ok;
}
