/* See pending.h. */
#include "stream/pending.h"

#include "base/limits.h"

#include <stdlib.h>

/* The fence bounds the values; keys are short, but nobody promised it. */
#define PENDING_MAX_BYTES (2 * (size_t)DS_MAX_DECISION_BYTES)

void ds_pending_init(struct ds_pending *pending)
{
    *pending = (struct ds_pending){0};
    ds_buf_init(&pending->bytes, PENDING_MAX_BYTES);
}

void ds_pending_cleanup(struct ds_pending *pending)
{
    ds_buf_cleanup(&pending->bytes);
    free(pending->items);
    pending->items = NULL;
    pending->count = 0;
}

bool ds_pending_add(struct ds_pending *pending, const struct ds_broker_event *record,
                    bool undecodable, ds_error_t *error)
{
    struct ds_pending_item *item;

    if (pending->items == NULL)
        pending->items = calloc(DS_MAX_DECISION_RECORDS, sizeof(*pending->items));
    if (pending->items == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a pending decision");
    if (pending->count == DS_MAX_DECISION_RECORDS)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "a decision of more than %d",
                            DS_MAX_DECISION_RECORDS);
    item = &pending->items[pending->count];
    *item = (struct ds_pending_item){.offset = record->offset,
                                     .appended_us = record->appended_us,
                                     .undecodable = undecodable,
                                     .has_key = record->has_key,
                                     .key_at = pending->bytes.len,
                                     .key_len = record->key.len,
                                     .value_len = record->value.len};
    if (!ds_buf_append(&pending->bytes, record->key.data, record->key.len, error))
        return false;
    item->value_at = pending->bytes.len;
    if (!ds_buf_append(&pending->bytes, record->value.data, record->value.len, error))
        return false;
    pending->count++;
    return true;
}
