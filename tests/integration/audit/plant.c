/* plant DIR MISTAKE - puts one mistake into a dump that `doorstep audit verify --dump` wrote.
 *
 *   doubled-decision   the last decision of an order that was delivered stands there once more,
 * with the next seq missing-seq        a record in the middle of an epoch of order.events is gone,
 * the ones behind it moved up stock-below-zero   the last level that an event of inventory gives is
 * below zero second-charge      a payment that was captured is captured once more
 */
#include "cli/audit/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct log {
    const char *folder;
    struct ds_audit_source *source;
    int32_t topic;
    int32_t partition;
    struct ds_audit_record *records;
    size_t count;
    ds_arena_t *arena;
};

static bool keep(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    struct log *log = context;
    ds_str_t value = {(const char *)record->value.data, record->value.len};
    if (record->topic != log->topic)
        return true;
    struct ds_audit_record *kept = &log->records[log->count++];
    *kept = *record;
    if (!ds_arena_dup(log->arena, record->key, &kept->key, error) ||
        !ds_arena_dup(log->arena, value, &value, error))
        return false;
    kept->value = (ds_bytes_t){(const uint8_t *)value.data, value.len};
    return true;
}

static bool load(struct log *log, int32_t topic, int32_t partition, ds_error_t *error)
{
    const struct ds_audit_range *range = &log->source->ranges[partition][topic];
    free(log->records);
    log->topic = topic;
    log->partition = partition;
    log->count = 0;
    log->records = calloc((size_t)(range->end - range->low) + 2, sizeof *log->records);
    return log->records != NULL &&
           log->source->read(log->source, partition, NULL, keep, log, error);
}

static bool save(struct log *log, ds_error_t *error)
{
    struct ds_audit_range range = {0, (int64_t)log->count, (int64_t)log->count};
    ds_audit_file_t *file;
    bool ok = ds_audit_file_create(log->folder, log->topic, log->partition, range, &file, error);
    for (size_t i = 0; ok && i < log->count; i++)
        ok = ds_audit_file_add(file, &log->records[i], error);
    return ds_audit_file_close(file, error) && ok;
}

static void *decode(struct log *log, size_t i, ds_error_t *error)
{
    const struct ds_schema *schema = ds_audit_schema(log->topic);
    void *event = ds_arena_alloc(log->arena, schema->struct_bytes, error);
    if (event == NULL ||
        !ds_schema_decode(schema, log->records[i].value, log->arena, event, NULL, error))
        return NULL;
    return event;
}

/* @param i  which record it becomes; count: one more. */
static bool put(struct log *log, size_t i, const void *event, ds_error_t *error)
{
    ds_buf_t bytes;
    ds_str_t copy = {NULL, 0};
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    bool ok = ds_schema_encode(ds_audit_schema(log->topic), event, &bytes, error) &&
              ds_arena_dup(log->arena, ds_buf_str(&bytes), &copy, error);
    if (ok && i == log->count) {
        log->records[i] = log->records[i - 1];
        log->records[i].offset++;
        log->count++;
    }
    if (ok)
        log->records[i].value = (ds_bytes_t){(const uint8_t *)copy.data, copy.len};
    ds_buf_cleanup(&bytes);
    return ok;
}

/* The last event of this kind (-1: any) that ends its decision; false: none. */
static bool find_last(struct log *log, int32_t kind, size_t *at_out)
{
    for (size_t i = log->count; i-- > 0;) {
        ds_error_t why = DS_ERROR_INIT; /* somebody else's record */
        const struct ds_protocol_event *event = decode(log, i, &why);
        if (event == NULL || event->head.meta.more || (kind >= 0 && event->body.kind != kind))
            continue;
        *at_out = i;
        return true;
    }
    return false;
}

/* Write the record once more at the end, as what follows there. */
static bool repeat(struct log *log, size_t i, bool as_timer, ds_error_t *error)
{
    size_t end;
    struct ds_event_head *head = decode(log, i, error);
    const struct ds_event_head *last = find_last(log, -1, &end) ? decode(log, end, error) : NULL;
    if (head == NULL || last == NULL)
        return false;
    head->meta.epoch = last->meta.epoch;
    head->meta.seq = last->meta.seq + 1;
    head->meta.at = last->meta.at;
    if (as_timer) {
        head->meta.event_id = DS_STR("planted");
        head->meta.cause.kind = DS_META_CAUSE_TIMER_CAUSE;
        head->meta.cause.as.timer_cause = (struct ds_timer_cause){DS_STR("planted"), 1, 1};
    }
    return put(log, log->count, head, error);
}

static bool double_decision(struct log *log, ds_error_t *error)
{
    size_t at;
    return find_last(log, DS_ORDER_EVENT_ORDER_FULFILLED, &at) && repeat(log, at, false, error);
}

static bool charge_again(struct log *log, ds_error_t *error)
{
    size_t at;
    return find_last(log, DS_PAYMENT_EVENT_PAYMENT_SUCCESS, &at) && repeat(log, at, true, error);
}

static bool lose_seq(struct log *log, ds_error_t *error)
{
    size_t at;
    size_t end;
    if (!find_last(log, DS_ORDER_EVENT_ORDER_PICKED_UP, &at) || !find_last(log, -1, &end))
        return false;
    const struct ds_event_head *gone = decode(log, at, error);
    const struct ds_event_head *last = decode(log, end, error);
    /* In an older epoch it is the next Open that contradicts the log. */
    if (gone == NULL || last == NULL || gone->meta.epoch != last->meta.epoch)
        return false;
    log->count--;
    for (size_t i = at; i < log->count; i++) {
        log->records[i] = log->records[i + 1];
        log->records[i].offset--;
    }
    return true;
}

static bool sink_stock(struct log *log, ds_error_t *error)
{
    size_t at;
    if (!find_last(log, DS_INVENTORY_EVENT_INVENTORY_RESERVED, &at))
        return false;
    struct ds_inventory_event *event = decode(log, at, error);
    if (event == NULL)
        return false;
    event->body.as.inventory_reserved.levels.items[0].available = -1;
    return put(log, at, event, error);
}

static const struct {
    const char *name;
    int32_t topic;
    bool (*plant)(struct log *log, ds_error_t *error);
} mistakes[] = {
    {"doubled-decision", DS_AUDIT_ORDER, double_decision},
    {"missing-seq", DS_AUDIT_ORDER, lose_seq},
    {"stock-below-zero", DS_AUDIT_INVENTORY, sink_stock},
    {"second-charge", DS_AUDIT_PAYMENT, charge_again},
};

/* In the first partition that has what is needed for it. */
static bool plant(struct log *log, const char *name, ds_error_t *error)
{
    for (size_t m = 0; m < sizeof mistakes / sizeof *mistakes; m++)
        for (int32_t p = 0; strcmp(mistakes[m].name, name) == 0 && p < log->source->partitions;
             p++) {
            if (!load(log, mistakes[m].topic, p, error))
                return false;
            if (mistakes[m].plant(log, error))
                return save(log, error);
            if (ds_error_is_set(error))
                return false;
        }
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "no place for '%s' in %s", name,
                        log->folder);
}

int main(int argc, char **argv)
{
    struct log log = {0};
    ds_error_t error = DS_ERROR_INIT;
    if (argc != 3) {
        (void)fprintf(stderr, "usage: %s DIR MISTAKE\n", argv[0]);
        return 2;
    }
    log.folder = argv[1];
    log.arena = ds_arena_new(1 << 20, (size_t)1 << 30);
    bool ok = log.arena != NULL && ds_audit_source_dump(argv[1], &log.source, &error) &&
              plant(&log, argv[2], &error);
    if (!ok)
        (void)fprintf(stderr, "%s: %s\n", argv[0], error.message);
    free(log.records);
    ds_audit_source_destroy(log.source);
    ds_arena_destroy(log.arena);
    return ok ? 0 : 1;
}
