/* The identity of a log: the nonce of its first valid Claim, read with a handle of its own from
 * offset 0, so that the running reading is not disturbed. */
#include "stream/reader_internal.h"

#include <stdlib.h>

#define ALONE_US (10 * DS_US_PER_S)

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

/* The beginning of one log that is being looked for. */
struct beginning {
    struct ds_stream *stream;
    int32_t topic;
    int32_t partition;
    int64_t end;
    struct ds_fence fence;
};

struct search {
    struct ds_reader *reader;
    struct beginning *list;
    size_t count;
    size_t open; /* not found yet */
    const struct ds_stream *wanted;
    ds_arena_t *arena;
};

static bool is_found(const struct beginning *beginning)
{
    return beginning->stream->identity[0] != '\0' || beginning->fence.next_offset >= beginning->end;
}

static bool take(struct search *search, struct beginning *beginning,
                 const struct ds_broker_event *record, ds_error_t *error)
{
    const struct ds_schema *schema = search->reader->topics[beginning->topic];
    enum ds_fence_verdict verdict;
    bool undecodable;

    if (is_found(beginning) || record->offset != beginning->fence.next_offset)
        return true; /* what is left of an earlier question */
    ds_arena_reset(search->arena);
    void *value = ds_arena_alloc(search->arena, schema->struct_bytes, error);
    if (value == NULL ||
        !ds_fence_read(&beginning->fence, search->reader->runtime->framing, schema, record->value,
                       record->offset, search->arena, value, &undecodable, &verdict, error))
        return false;
    if (verdict == DS_FENCE_TAKE && !undecodable)
        ds_reader_note_identity(beginning->stream, &beginning->fence, value);
    if (is_found(beginning)) {
        search->open--;
        search->reader->lookup->ops->stop(search->reader->lookup, beginning->topic,
                                          beginning->partition);
    }
    return true;
}

static bool read_beginnings(struct search *search, int64_t until_us, ds_error_t *error)
{
    ds_broker_t *lookup = search->reader->lookup;

    while (search->open > 0) {
        const struct ds_broker_event *events = NULL;
        size_t count = 0;

        if (ds_monotonic_us(search->reader->runtime->clock) > until_us)
            return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_TIMEOUT,
                                "the beginnings of %zu logs", search->open);
        if (!lookup->ops->poll(lookup, 50, true, &events, &count, error))
            return false;
        for (size_t i = 0; i < count; i++) {
            struct beginning *at = search->list;
            struct beginning *end = at + search->count;

            while (at < end &&
                   (events[i].topic != at->topic || events[i].partition != at->partition))
                at++;
            if (events[i].kind == DS_BROKER_RECORD && at < end &&
                !take(search, at, &events[i], error))
                return false;
        }
    }
    return true;
}

/* A log whose end was not told may be anything: it is left out, and of the wanted one that is an
 * error. Taken for an empty log it would have no identity, and a projection would stop for good. */
static bool take_ends(struct search *search, const struct ds_broker_end *ends, ds_error_t *error)
{
    size_t kept = 0;

    for (size_t i = 0; i < search->count; i++) {
        if (!ends[i].ok && search->list[i].stream == search->wanted)
            return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                                "the end of the log is not known");
        if (!ends[i].ok)
            continue;
        search->list[i].end = ends[i].end;
        search->list[kept++] = search->list[i];
    }
    search->count = kept;
    return true;
}

static void keep_wanted(struct search *search, struct ds_broker_end *ends)
{
    size_t kept = 0;

    for (size_t i = 0; i < search->count; i++) {
        if (search->list[i].stream != search->wanted)
            continue;
        search->list[kept] = search->list[i];
        ends[kept++] = ends[i];
    }
    search->count = kept;
}

/* A call fails as a whole where one leader is silent. Then, and for a while, each log is looked up
 * alone. */
static bool ask_ends(struct search *search, struct ds_broker_end *ends, int timeout_ms,
                     ds_error_t *error)
{
    struct ds_reader *reader = search->reader;
    int64_t now_us = ds_monotonic_us(reader->runtime->clock);
    ds_error_t ignored = DS_ERROR_INIT;

    if (now_us >= reader->lookup_alone_us) {
        if (reader->broker->ops->ends(reader->broker, ends, search->count, timeout_ms / 2,
                                      &ignored))
            return true;
        reader->lookup_alone_us = now_us + ALONE_US;
    }
    keep_wanted(search, ends);
    return search->count == 0 || ds_reader_ask(reader, ends, timeout_ms / 2, error);
}

/* All partitions that are held and whose identity is not known: one question costs as long as many,
 * and whoever asks for one of a freshly assigned set asks for the others next. */
static bool gather(struct search *search, int timeout_ms, ds_error_t *error)
{
    struct ds_reader *reader = search->reader;
    struct ds_broker_end *ends;
    size_t max = reader->config.topic_count * (size_t)reader->partitions;
    bool ok;

    search->list = calloc(max, sizeof(*search->list));
    ends = calloc(max, sizeof(*ends));
    ok = search->list != NULL && ends != NULL;
    if (!ok)
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a look at %zu logs", max);
    for (size_t i = 0; ok && i < max; i++) {
        int32_t topic = (int32_t)(i / (size_t)reader->partitions);
        int32_t partition = (int32_t)(i % (size_t)reader->partitions);
        struct ds_stream *stream = reader->streams[topic][partition];

        if (stream == NULL || stream->identity[0] != '\0')
            continue;
        ends[search->count] = (struct ds_broker_end){.topic = topic, .partition = partition};
        search->list[search->count] = (struct beginning){stream, topic, partition, 0, {0}};
        ds_fence_init(&search->list[search->count++].fence, DS_PLACE_START);
    }
    if (ok && search->count > 0)
        ok = ask_ends(search, ends, timeout_ms, error) && take_ends(search, ends, error);
    free(ends);
    return ok;
}

static bool start_reading(struct search *search, ds_error_t *error)
{
    ds_broker_t *lookup = search->reader->lookup;

    for (size_t i = 0; i < search->count; i++) {
        struct beginning *beginning = &search->list[i];

        if (is_found(beginning)) /* an empty log has none */
            continue;
        if (!lookup->ops->start(lookup, beginning->topic, beginning->partition, 0, error))
            return false;
        search->open++;
    }
    return true;
}

static void stop_reading(struct search *search)
{
    ds_broker_t *lookup = search->reader->lookup;

    for (size_t i = 0; i < search->count; i++)
        if (!is_found(&search->list[i]))
            lookup->ops->stop(lookup, search->list[i].topic, search->list[i].partition);
}

static bool look_up(struct ds_reader *reader, const struct ds_stream *wanted, int timeout_ms,
                    ds_error_t *error)
{
    struct search search = {.reader = reader, .wanted = wanted};
    int64_t until_us = ds_monotonic_us(reader->runtime->clock) + timeout_ms * DS_US_PER_MS;
    bool ok = open_lookup(reader, error) && gather(&search, timeout_ms, error);

    if (ok && search.count > 0) {
        search.arena = ds_arena_new(64 * 1024, DS_MAX_DECODE_BYTES * 2);
        if (search.arena == NULL)
            ok = ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a look at a log");
        else
            ok = start_reading(&search, error) && read_beginnings(&search, until_us, error);
        stop_reading(&search);
    }
    ds_arena_destroy(search.arena);
    free(search.list);
    return ok;
}

bool ds_reader_log_identity(ds_reader_t *reader, int32_t topic, int32_t partition, int timeout_ms,
                            ds_str_t *identity_out, ds_error_t *error)
{
    int32_t partitions;
    struct ds_stream *stream;

    *identity_out = DS_STR("");
    stream = ds_reader_stream(reader, topic, partition, error);
    if (stream == NULL)
        return false;
    if (stream->identity[0] == '\0' &&
        (!ds_reader_partitions(reader, timeout_ms, &partitions, error) ||
         !look_up(reader, stream, timeout_ms, error)))
        return false;
    *identity_out = ds_str(stream->identity);
    return true;
}
