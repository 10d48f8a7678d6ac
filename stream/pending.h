/* stream/pending.h - copies of the records of a decision that is not complete yet.
 *
 * A batch from the broker may end inside a decision; what was taken so far is kept here, as it
 * stood in the log, until the last record is valid (all of it counts) or a Claim tears it (none of
 * it does). Bounded by the fence: 256 records, 8 MiB. Threads: one pending, one thread. */
#ifndef DS_STREAM_PENDING_H
#define DS_STREAM_PENDING_H

#include "base/buf.h"
#include "stream/broker.h"

struct ds_pending_item {
    int64_t offset;
    int64_t appended_us;
    bool undecodable;
    bool has_key;
    size_t key_at;
    uint32_t key_len;
    size_t value_at;
    uint32_t value_len;
};

struct ds_pending {
    ds_buf_t bytes;
    struct ds_pending_item *items; /* DS_MAX_DECISION_RECORDS, allocated with the first */
    size_t count;
};

void ds_pending_init(struct ds_pending *pending);
void ds_pending_cleanup(struct ds_pending *pending);
static inline void ds_pending_clear(struct ds_pending *pending)
{
    pending->count = 0;
    ds_buf_clear(&pending->bytes);
}
/** @brief Copy a record. LIMIT (the fence was not asked), MEMORY. */
DS_MUST_CHECK bool ds_pending_add(struct ds_pending *pending, const struct ds_broker_event *record,
                                  bool undecodable, ds_error_t *error);
static inline ds_bytes_t ds_pending_value(const struct ds_pending *pending, size_t i)
{
    return (ds_bytes_t){pending->bytes.data + pending->items[i].value_at,
                        pending->items[i].value_len};
}
static inline ds_str_t ds_pending_key(const struct ds_pending *pending, size_t i)
{
    return (ds_str_t){(const char *)pending->bytes.data + pending->items[i].key_at,
                      pending->items[i].key_len};
}

#endif
