#include "cli/log_span.h"

#include <stdlib.h>

#define ASK_MS 10000

static int64_t *end_of(const struct ds_log_span *span, int32_t topic, int32_t partition)
{
    return &span->ends[topic * (span->end - span->first) + partition - span->first];
}

static bool ask_ends(struct ds_log_span *span, ds_error_t *error)
{
    for (int32_t t = 0; t < span->topic_count; t++)
        for (int32_t p = span->first; p < span->end; p++)
            if (!ds_reader_end(span->reader, t, p, ASK_MS, end_of(span, t, p), error))
                return false;
    return true;
}

bool ds_log_span_begin(struct ds_log_span *span, ds_reader_t *reader, int32_t topic_count,
                       int32_t first, int32_t end, ds_error_t *error)
{
    *span = (struct ds_log_span){reader, topic_count, first, end, NULL};
    span->ends = calloc((size_t)topic_count * (size_t)(end - first), sizeof *span->ends);
    if (span->ends == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "ends of the topics");
    if (!ask_ends(span, error))
        return false;
    for (int32_t t = 0; t < topic_count; t++)
        for (int32_t p = first; p < end; p++)
            if (!ds_reader_assign(reader, t, p, DS_PLACE_START, error))
                return false;
    return true;
}

bool ds_log_span_is_read(const struct ds_log_span *span)
{
    for (int32_t t = 0; t < span->topic_count; t++)
        for (int32_t p = span->first; p < span->end; p++)
            if (ds_reader_next_offset(span->reader, t, p) < *end_of(span, t, p))
                return false;
    return true;
}

bool ds_log_span_holds(const struct ds_log_span *span, const struct ds_read_record *record)
{
    return record->place.offset < *end_of(span, record->topic, record->partition);
}

bool ds_log_span_not_read(const struct ds_log_span *span, const char *what, ds_error_t *error)
{
    const char *waiting = ds_reader_waiting(span->reader);

    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_TIMEOUT, "%s%s%s", what,
                        waiting == NULL ? "" : ": ", waiting == NULL ? "" : waiting);
}

void ds_log_span_cleanup(struct ds_log_span *span)
{
    free(span->ends);
    span->ends = NULL;
}
