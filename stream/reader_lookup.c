/* The identity of a log: the nonce of its first valid Claim, read with a handle of its own from
 * offset 0, so that the running reading is not disturbed. */
#include "stream/reader_internal.h"

void ds_reader_close_lookup(struct ds_reader *reader)
{
    if (reader->lookup != NULL)
        reader->lookup->ops->destroy(reader->lookup, 2000);
    reader->lookup = NULL;
}

static bool open_lookup(struct ds_reader *reader, ds_error_t *error)
{
    const char *names[DS_BROKER_MAX_TOPICS];
    struct ds_broker_kafka_config config = {
        .brokers = reader->brokers,
        .client_id = reader->client_id,
        .topics = names,
        .topic_count = (int32_t)reader->config.topic_count,
    };

    reader->lookup_used_us = ds_monotonic_us(reader->runtime->clock);
    if (reader->lookup != NULL)
        return true;
    for (size_t t = 0; t < reader->config.topic_count; t++)
        names[t] = reader->topics[t]->topic;
    return ds_broker_kafka_new(&reader->runtime->log, &config, &reader->lookup, error);
}

/* Reads until the first valid Claim or `end`. */
static bool find_claim(struct ds_reader *reader, struct ds_stream *stream, int32_t topic,
                       int32_t partition, int64_t end, int64_t until_us, ds_arena_t *arena,
                       ds_error_t *error)
{
    const struct ds_schema *schema = reader->topics[topic];
    struct ds_fence fence;

    ds_fence_init(&fence, DS_PLACE_START);
    while (stream->identity[0] == '\0' && fence.next_offset < end) {
        const struct ds_broker_event *events = NULL;
        size_t count = 0;

        if (ds_monotonic_us(reader->runtime->clock) > until_us)
            return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_TIMEOUT, "the beginning of %s/%d",
                                schema->topic, (int)partition);
        if (!reader->lookup->ops->poll(reader->lookup, 50, true, &events, &count, error))
            return false;
        for (size_t i = 0; i < count && stream->identity[0] == '\0'; i++) {
            enum ds_fence_verdict verdict;
            bool undecodable;
            void *value;

            if (events[i].kind != DS_BROKER_RECORD || events[i].topic != topic ||
                events[i].partition != partition || events[i].offset != fence.next_offset)
                continue; /* what is left of an earlier question */
            ds_arena_reset(arena);
            value = ds_arena_alloc(arena, schema->struct_bytes, error);
            if (value == NULL || !ds_fence_read(&fence, schema, events[i].value, events[i].offset,
                                                arena, value, &undecodable, &verdict, error))
                return false;
            if (verdict == DS_FENCE_TAKE && !undecodable)
                ds_reader_note_identity(stream, &fence, value);
        }
    }
    return true;
}

bool ds_reader_log_identity(ds_reader_t *reader, int32_t topic, int32_t partition, int timeout_ms,
                            ds_str_t *identity_out, ds_error_t *error)
{
    struct ds_stream *stream;
    ds_arena_t *arena;
    int64_t end;
    bool ok = false;

    *identity_out = DS_STR("");
    stream = ds_reader_stream(reader, topic, partition, error);
    if (stream == NULL)
        return false;
    if (stream->identity[0] != '\0') {
        *identity_out = ds_str(stream->identity);
        return true;
    }
    if (!open_lookup(reader, error) ||
        !ds_reader_end(reader, topic, partition, timeout_ms, &end, error))
        return false;
    if (end == 0)
        return true;
    arena = ds_arena_new(64 * 1024, DS_MAX_DECODE_BYTES * 2);
    if (arena == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a look at a log");
    if (reader->lookup->ops->start(reader->lookup, topic, partition, 0, error)) {
        ok = find_claim(reader, stream, topic, partition, end,
                        ds_monotonic_us(reader->runtime->clock) + timeout_ms * DS_US_PER_MS, arena,
                        error);
        reader->lookup->ops->stop(reader->lookup, topic, partition);
    }
    ds_arena_destroy(arena);
    if (ok)
        *identity_out = ds_str(stream->identity);
    return ok;
}
