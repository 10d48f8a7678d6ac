/* cli/log_span.h - what the log holds when a tool begins to read it: a running shop has no last
 * event, so a tool that reads to the end means the end that there was.
 *
 * Threads: one, the reader's. */
#ifndef DS_CLI_LOG_SPAN_H
#define DS_CLI_LOG_SPAN_H

#include "stream/reader.h"

/** The partitions first <= p < end of a reader's topics 0 <= t < topic_count. Zeroed: none. */
struct ds_log_span {
    ds_reader_t *reader; /* borrowed */
    int32_t topic_count;
    int32_t first, end;
    int64_t *ends; /* offsets, by topic, then partition */
};

/** @brief Ask where each partition ends now, then read each from its start. All are asked before
 * the first is read: a question waits at the broker behind a fetch that finds nothing.
 *  @param error  UNAVAILABLE, UNKNOWN: as ds_reader_end and ds_reader_assign. MEMORY. */
DS_MUST_CHECK bool ds_log_span_begin(struct ds_log_span *span, ds_reader_t *reader,
                                     int32_t topic_count, int32_t first, int32_t end,
                                     ds_error_t *error);
/** @brief All of it was handed out by ds_reader_poll. */
bool ds_log_span_is_read(const struct ds_log_span *span);
/** @brief A record of this reader stands in front of an end. */
bool ds_log_span_holds(const struct ds_log_span *span, const struct ds_read_record *record);
/** @brief Set the error of a reading that takes too long: TIMEOUT, what, and the schema that the
 * reader waits for, if it does. @return false */
bool ds_log_span_not_read(const struct ds_log_span *span, const char *what, ds_error_t *error);
/** @brief The reader goes on reading. */
void ds_log_span_cleanup(struct ds_log_span *span);

#endif
