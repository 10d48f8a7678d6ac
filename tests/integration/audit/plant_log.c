#include "plant_log.h"

#include <stdlib.h>

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

bool log_load(struct log *log, int32_t topic, int32_t partition, ds_error_t *error)
{
    const bool is_log = topic < DS_AUDIT_TOPICS;
    const int32_t processor = topic - DS_AUDIT_TOPICS;
    const struct ds_audit_range *range = is_log ? &log->source->ranges[partition][topic]
                                                : &log->source->snapshots[partition][processor];
    free(log->records);
    log->topic = topic;
    log->partition = partition;
    log->count = 0;
    log->records = calloc((size_t)(range->end - range->low) + PLANT_ROOM, sizeof *log->records);
    if (log->records == NULL || !is_log)
        return log->records != NULL &&
               log->source->read_snapshots(log->source, partition, processor, range->low,
                                           range->end, keep, log, error);
    return log->source->read(log->source, partition, NULL, keep, log, error);
}

bool log_save(struct log *log, ds_error_t *error)
{
    struct ds_audit_range range = {0, (int64_t)log->count, (int64_t)log->count};
    if (log->topic >= DS_AUDIT_TOPICS) /* compacted: offsets have holes */
        range = log->source->snapshots[log->partition][log->topic - DS_AUDIT_TOPICS];
    ds_audit_file_t *file;
    bool ok = ds_audit_file_create(log->folder, log->topic, log->partition, range, &file, error);
    for (size_t i = 0; ok && i < log->count; i++)
        ok = ds_audit_file_add(file, &log->records[i], error);
    return ds_audit_file_close(file, error) && ok;
}

void *log_decode(struct log *log, size_t i, ds_error_t *error)
{
    const struct ds_schema *schema = ds_audit_schema(log->topic);
    void *event = ds_arena_alloc(log->arena, schema->struct_bytes, error);
    if (event == NULL ||
        !ds_schema_decode(schema, log->records[i].value, log->arena, event, NULL, error))
        return NULL;
    return event;
}

bool log_put(struct log *log, size_t i, const void *event, ds_error_t *error)
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

bool log_find_last(struct log *log, int32_t kind, size_t *at_out)
{
    for (size_t i = log->count; i-- > 0;) {
        ds_error_t why = DS_ERROR_INIT; /* somebody else's record */
        const struct ds_protocol_event *event = log_decode(log, i, &why);
        if (event == NULL || event->head.meta.more || (kind >= 0 && event->body.kind != kind))
            continue;
        *at_out = i;
        return true;
    }
    return false;
}

bool log_claim(struct log *log, int64_t epoch, int64_t last_seq, int64_t at_us, ds_error_t *error)
{
    struct ds_order_event event = {0}; /* all topics have the same first kinds */
    event.meta = (struct ds_meta){.epoch = epoch + 1, .at = at_us};
    event.meta.event_id = DS_STR("planted-claim");
    event.body.kind = DS_PROTOCOL_CLAIM;
    event.body.as.claim =
        (struct ds_claim){.nonce = DS_STR("planted"), .owner = DS_STR("planted"), .generation = 1};
    if (!log_put(log, log->count, &event, error))
        return false;
    event.meta.seq = 1;
    event.meta.event_id = DS_STR("planted-open");
    event.body.kind = DS_PROTOCOL_OPEN;
    event.body.as.open = (struct ds_open){.claim_offset = log->records[log->count - 1].offset,
                                          .previous_epoch = epoch,
                                          .previous_seq = last_seq};
    return log_put(log, log->count, &event, error);
}
