/* What notes add up to. Pure. */
#include "gateways/notifications/limits.h"
#include "gateways/notifications/notes.h"

#include <stdlib.h>

const struct ds_schema *const ds_notice_schemas[DS_NOTICE_TOPICS] = {
    &ds_schema_order_events, &ds_schema_payment_events, &ds_schema_delivery_events};

void ds_notes_history_cleanup(struct ds_notes_history *history)
{
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        free(history->topics[t].over);
    *history = (struct ds_notes_history){0};
}

static int compare(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t two = *(const int64_t *)b;
    return one < two ? -1 : one > two;
}

/* Sort; repeats, and what `next` has overtaken, go. */
static void tidy(struct ds_notes_topic *topic)
{
    size_t kept = 0;
    if (topic->over_count == 0)
        return;
    qsort(topic->over, topic->over_count, sizeof *topic->over, compare);
    for (size_t i = 0; i < topic->over_count; i++)
        if (topic->over[i] >= topic->next && (kept == 0 || topic->over[i] != topic->over[kept - 1]))
            topic->over[kept++] = topic->over[i];
    topic->over_count = kept;
}

/* Positions repeat each other: only what is still more than half full when it is tidy grows. */
static bool make_room(struct ds_notes_topic *topic, ds_error_t *error)
{
    if (topic->over_count < topic->over_capacity)
        return true;
    tidy(topic);
    if (topic->over_capacity > 0 && topic->over_count <= topic->over_capacity / 2)
        return true;
    if (topic->over_count >= DS_MAX_NOTED)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT,
                            "more than %d notices settled behind one that is open", DS_MAX_NOTED);
    size_t capacity = topic->over_capacity == 0 ? 64 : topic->over_capacity * 2;
    int64_t *longer = realloc(topic->over, capacity * sizeof *longer);
    if (longer == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "notes");
    topic->over = longer;
    topic->over_capacity = capacity;
    return true;
}

static bool add_over(struct ds_notes_topic *topic, int64_t offset, ds_error_t *error)
{
    if (offset < topic->next)
        return true;
    if (!make_room(topic, error))
        return false;
    topic->over[topic->over_count++] = offset;
    return true;
}

static struct ds_notes_topic *topic_of(struct ds_notes_history *history, ds_str_t name)
{
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        if (ds_str_eq(name, ds_str(ds_notice_schemas[t]->topic)))
            return &history->topics[t];
    return NULL; /* of a later version */
}

static bool take_position(struct ds_notes_history *history, const struct ds_notice_position *note,
                          ds_error_t *error)
{
    for (size_t i = 0; i < note->topics.count; i++) {
        const struct ds_notice_topic_position *from = &note->topics.items[i];
        struct ds_notes_topic *topic = topic_of(history, from->topic);
        if (topic == NULL)
            continue;
        char identity[DS_NOTES_IDENTITY_BYTES];
        if (!ds_str_to_array(from->identity, identity, sizeof identity))
            continue;
        /* Of another log: what was known is of no use. One without a claim had no events. */
        if (strcmp(identity, topic->identity) != 0) {
            topic->over_count = 0;
            topic->next = 0;
        }
        memcpy(topic->identity, identity, sizeof identity);
        if (from->next > topic->next)
            topic->next = from->next;
        for (size_t b = 0; b < from->beyond.count; b++)
            if (!add_over(topic, from->beyond.items[b], error))
                return false;
    }
    history->begun = true;
    return true;
}

bool ds_notes_take(struct ds_notes_history histories[DS_CHANNELS],
                   const struct ds_notification_note *note, ds_error_t *error)
{
    _Static_assert((int)DS_NOTIFICATION_CHANNEL_LOG == (int)DS_CHANNEL_LOG, "one order");
    struct ds_notes_history *history = &histories[note->channel];
    if (note->has_position && !take_position(history, &note->position, error))
        return false;
    if (!note->has_settled)
        return true;
    struct ds_notes_topic *topic = topic_of(history, note->settled.topic);
    return topic == NULL || add_over(topic, note->settled.offset, error);
}

void ds_notes_taken(struct ds_notes_history histories[DS_CHANNELS])
{
    for (int c = 0; c < DS_CHANNELS; c++)
        for (int t = 0; t < DS_NOTICE_TOPICS; t++)
            tidy(&histories[c].topics[t]);
}

bool ds_notes_over(const struct ds_notes_topic *topic, int64_t offset)
{
    return offset < topic->next ||
           (topic->over_count > 0 &&
            bsearch(&offset, topic->over, topic->over_count, sizeof *topic->over, compare) != NULL);
}
