/* From a broker's records to delivered ones: decode, rule F, whole decisions. */
#include "base/planted.h"
#include "stream/reader_internal.h"

/* What the decoded records of one batch may hold before it is handed out. */
#define BATCH_BYTES (16 * 1024 * 1024)

bool ds_reader_full(const struct ds_reader *reader)
{
    return reader->record_count + DS_MAX_DECISION_RECORDS > reader->record_capacity ||
           ds_arena_used(reader->arena) > BATCH_BYTES;
}

void ds_reader_note_identity(struct ds_stream *stream, const struct ds_fence *fence,
                             const struct ds_protocol_event *event)
{
    if (fence->epoch != 1 || event->body.kind != DS_PROTOCOL_CLAIM)
        return;
    if (!ds_str_to_array(event->body.as.claim.nonce, stream->identity, sizeof(stream->identity)))
        stream->identity[0] = '\0';
}

static void add_record(struct ds_reader *reader, const struct ds_read_record *record)
{
    reader->records[reader->record_count++] = *record;
}

/* The decision is complete: decode what was kept of it again, from a copy that lives as long as the
 * batch. */
static bool release_pending(struct ds_reader *reader, struct ds_stream *stream, int32_t topic,
                            int32_t partition, ds_error_t *error)
{
    const struct ds_schema *schema = reader->topics[topic];
    struct ds_pending *pending = &stream->pending;
    uint8_t *bytes = ds_arena_alloc(reader->arena, pending->bytes.len, error);

    if (bytes == NULL)
        return false;
    memcpy(bytes, pending->bytes.data, pending->bytes.len);
    for (size_t i = 0; i < pending->count; i++) {
        const struct ds_pending_item *item = &pending->items[i];
        void *value = ds_arena_alloc(reader->arena, schema->struct_bytes, error);
        struct ds_read_record record = {
            .topic = topic,
            .partition = partition,
            .appended_us = item->appended_us,
            .last = i + 1 == pending->count,
            .undecodable = item->undecodable,
            .event = value,
            .value = {bytes + item->value_at, item->value_len},
            .key = {(const char *)bytes + item->key_at, item->key_len},
        };
        ds_error_t ignored = DS_ERROR_INIT;
        bool head_ok = false;

        if (value == NULL)
            return false;
        /* It was decoded before with this result: only memory can make a difference. */
        if (!ds_framing_decode(reader->runtime->framing, schema, record.value, reader->arena, value,
                               &head_ok, &ignored) &&
            !item->undecodable) {
            *error = ignored;
            return false;
        }
        record.place = (struct ds_log_place){item->offset, stream->fence.epoch,
                                             ((const struct ds_event_head *)value)->meta.seq};
        add_record(reader, &record);
    }
    ds_pending_clear(pending);
    return true;
}

static bool hand_out(struct ds_reader *reader, struct ds_stream *stream,
                     const struct ds_broker_event *got, void *value, bool undecodable,
                     ds_error_t *error)
{
    const struct ds_meta *meta = &((const struct ds_event_head *)value)->meta;

    if ((stream->fence.pending || stream->pending.count > 0) && !DS_PLANTED(HALF_DECISION)) {
        if (!ds_pending_add(&stream->pending, got, undecodable, error))
            return false;
        return stream->fence.pending ||
               release_pending(reader, stream, got->topic, got->partition, error);
    }
    add_record(reader, &(struct ds_read_record){
                           .topic = got->topic,
                           .partition = got->partition,
                           .place = {got->offset, stream->fence.epoch, meta->seq},
                           .appended_us = got->appended_us,
                           .last = true,
                           .undecodable = undecodable,
                           .event = value,
                           .value = got->value,
                           .key = got->key,
                       });
    return true;
}

bool ds_reader_take(struct ds_reader *reader, struct ds_stream *stream,
                    const struct ds_broker_event *record, ds_error_t *error)
{
    const struct ds_schema *schema = reader->topics[record->topic];
    enum ds_fence_verdict verdict;
    bool undecodable = false;
    void *value = ds_arena_alloc(reader->arena, schema->struct_bytes, error);

    if (value == NULL ||
        !ds_fence_read(&stream->fence, reader->runtime->framing, schema, record->value,
                       record->offset, reader->arena, value, &undecodable, &verdict, error))
        return false;
    if (verdict != DS_FENCE_TAKE) {
        ds_metric_add(reader->skipped[record->topic][verdict], 1);
        return true;
    }
    if (stream->fence.seq == 0) { /* a Claim: what was torn by it never happened */
        ds_pending_clear(&stream->pending);
        if (!undecodable)
            ds_reader_note_identity(stream, &stream->fence, value);
    }
    return hand_out(reader, stream, record, value, undecodable, error);
}
