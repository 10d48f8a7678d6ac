/* cli/dlq/letters_impl.h - what the files letters*.c share. */
#ifndef DS_CLI_DLQ_LETTERS_IMPL_H
#define DS_CLI_DLQ_LETTERS_IMPL_H

#include "base/map.h"
#include "cli/dlq/letters.h"
#include "stream/broker.h"

#define DS_LETTER_POLL_MS 50
#define DS_CONNECT_PREFIX "__connect.errors."
#define DS_ERROR_HEADER   DS_CONNECT_PREFIX "exception.class.name"
#define DS_DETAIL_HEADER  DS_CONNECT_PREFIX "exception.message"
#define DS_KEY_HEADER     "__doorstep.key"
#define DS_ACTION_HEADER  "doorstep.dlq.action"
#define DS_ACTOR_HEADER   "doorstep.dlq.actor"
#define DS_REASON_HEADER  "doorstep.dlq.reason"
#define DS_AS_HEADER      "doorstep.dlq.retried-as"
#define DS_RETRY_HEADER   "doorstep.retry-of"
#define DS_FIRST_HEADER   "doorstep.retry-first"

struct ds_letters {
    const struct ds_runtime *runtime;
    const struct ds_letters_filter *filter;
    ds_broker_t *broker; /* topics: the .dlq ones, then the commands topics, both by decider */
    ds_arena_t *arena;   /* what is kept of all */
    ds_map_t *by_name;   /* "order:order.commands/3/17" */
    struct ds_letter **list;
    size_t count;
    int32_t partitions;
    int64_t timeout_us;
    uint64_t tags;
    ds_arena_t *contents; /* of those that were loaded last */
    struct ds_letter *loaded[DS_LETTERS_AT_ONCE];
    size_t loaded_count;
};

static inline ds_str_t ds_letter_text_of(ds_bytes_t bytes)
{
    return (ds_str_t){(const char *)bytes.data, bytes.len};
}

/** @brief "order.commands/3/17" and its parts. False: not a place; somebody else's record. */
bool ds_letter_read_place(ds_str_t key, ds_str_t *topic_out, int32_t *partition_out,
                          int64_t *offset_out);
/** @brief Index of its .dlq topic, and of its decider. */
int32_t ds_letter_topic(const struct ds_letter *letter);

#endif
