/* See quarantine.h. */
#include "stream/quarantine.h"

#include <inttypes.h>
#include <stdlib.h>

#define FIRST_CAPACITY 8

static void destroy_entry(void *entry_)
{
    struct ds_quarantined *entry = entry_;

    free(entry->held);
    free(entry);
}

void ds_quarantine_clear(struct ds_quarantine *quarantine)
{
    ds_map_destroy(quarantine->by_aggregate, destroy_entry);
    *quarantine = (struct ds_quarantine){0};
}

const struct ds_quarantined *ds_quarantine_find(const struct ds_quarantine *quarantine,
                                                ds_str_t aggregate)
{
    return quarantine->by_aggregate == NULL ? NULL
                                            : ds_map_get(quarantine->by_aggregate, aggregate);
}

/* To change it: a snapshot under way sees it as it was. */
static struct ds_quarantined *edit(struct ds_quarantine *quarantine, ds_str_t aggregate)
{
    return quarantine->by_aggregate == NULL ? NULL
                                            : ds_map_edit(quarantine->by_aggregate, aggregate);
}

const struct ds_quarantined *ds_quarantine_releasing(const struct ds_quarantine *quarantine,
                                                     ds_str_t *aggregate_out)
{
    const struct ds_quarantined *oldest = NULL;
    size_t cursor = 0;
    ds_str_t aggregate;
    void *value;

    *aggregate_out = DS_STR("");
    if (quarantine->releasing_count == 0)
        return NULL;
    while (ds_map_next(quarantine->by_aggregate, &cursor, &aggregate, &value)) {
        const struct ds_quarantined *entry = value;

        if (entry->releasing && (oldest == NULL || entry->release < oldest->release)) {
            oldest = entry;
            *aggregate_out = aggregate;
        }
    }
    return oldest;
}

static void set_releasing(struct ds_quarantine *quarantine, struct ds_quarantined *entry,
                          bool releasing)
{
    if (entry->releasing != releasing)
        quarantine->releasing_count += releasing ? 1 : (size_t)-1;
    entry->releasing = releasing;
}

static struct ds_quarantined *add(struct ds_quarantine *quarantine, ds_str_t aggregate,
                                  ds_error_t *error)
{
    struct ds_quarantined *entry;

    if (aggregate.len == 0 || aggregate.len > DS_MAX_AGGREGATE_BYTES) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "an aggregate of %" PRIu32 " bytes",
                     aggregate.len);
        return NULL;
    }
    if (quarantine->by_aggregate == NULL)
        quarantine->by_aggregate = ds_map_new(DS_MAX_QUARANTINED);
    entry = calloc(1, sizeof(*entry));
    if (quarantine->by_aggregate == NULL || entry == NULL) {
        free(entry);
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a quarantined aggregate");
        return NULL;
    }
    entry->release = -1;
    if (ds_map_put(quarantine->by_aggregate, aggregate, entry, NULL, error))
        return entry;
    free(entry);
    return NULL;
}

bool ds_quarantine_begin(struct ds_quarantine *quarantine, ds_str_t aggregate, ds_error_t *error)
{
    struct ds_quarantined *entry = edit(quarantine, aggregate);

    if (entry == NULL)
        return add(quarantine, aggregate, error) != NULL;
    set_releasing(quarantine, entry, false);
    return true;
}

static bool grow(struct ds_quarantined *entry, ds_error_t *error)
{
    size_t capacity = entry->capacity == 0 ? FIRST_CAPACITY : entry->capacity * 2;
    struct ds_held *bigger;

    if (entry->first > 0) {
        memmove(entry->held, entry->held + entry->first,
                ds_quarantined_count(entry) * sizeof(*entry->held));
        entry->end -= entry->first;
        entry->first = 0;
    }
    if (entry->end < entry->capacity)
        return true;
    bigger = realloc(entry->held, capacity * sizeof(*bigger));
    if (bigger == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "%zu held inputs", capacity);
    entry->held = bigger;
    entry->capacity = capacity;
    return true;
}

bool ds_quarantine_hold(struct ds_quarantine *quarantine, ds_str_t aggregate,
                        const struct ds_held *held, ds_error_t *error)
{
    struct ds_quarantined *entry = edit(quarantine, aggregate);

    if (entry == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_UNKNOWN, "%.*s is not quarantined",
                            DS_STR_ARG(aggregate));
    if (quarantine->held_count >= DS_MAX_HELD)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "%d held inputs", DS_MAX_HELD);
    if (entry->end == entry->capacity && !grow(entry, error))
        return false;
    entry->held[entry->end++] = *held;
    quarantine->held_count++;
    return true;
}

static void free_if_done(struct ds_quarantine *quarantine, ds_str_t aggregate)
{
    const struct ds_quarantined *entry = ds_quarantine_find(quarantine, aggregate);

    if (!entry->releasing || ds_quarantined_count(entry) > 0)
        return;
    quarantine->releasing_count--;
    destroy_entry(ds_map_take(quarantine->by_aggregate, aggregate));
}

void ds_quarantine_release(struct ds_quarantine *quarantine, ds_str_t aggregate, int64_t release)
{
    struct ds_quarantined *entry = edit(quarantine, aggregate);

    if (entry == NULL)
        return;
    set_releasing(quarantine, entry, true);
    entry->release = release;
    free_if_done(quarantine, aggregate);
}

bool ds_quarantine_decided(struct ds_quarantine *quarantine, ds_str_t aggregate, int32_t input,
                           int64_t offset, ds_error_t *error)
{
    struct ds_quarantined *entry = edit(quarantine, aggregate);

    if (entry == NULL || !entry->releasing || ds_quarantined_count(entry) == 0 ||
        entry->held[entry->first].input != input || entry->held[entry->first].offset != offset)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                            "input %" PRId32 ", offset %" PRId64
                            " is not the next that waits for %.*s",
                            input, offset, DS_STR_ARG(aggregate));
    entry->first++;
    quarantine->held_count--;
    free_if_done(quarantine, aggregate);
    return true;
}

static size_t find_held(const struct ds_quarantined *entry, int32_t input, int64_t offset)
{
    size_t i = entry->first;

    while (i < entry->end && (entry->held[i].input != input || entry->held[i].offset != offset))
        i++;
    return i;
}

bool ds_quarantine_drop(struct ds_quarantine *quarantine, ds_str_t aggregate, int32_t input,
                        int64_t offset)
{
    struct ds_quarantined *entry = edit(quarantine, aggregate);
    size_t at = entry == NULL ? 0 : find_held(entry, input, offset);

    if (entry == NULL || at == entry->end)
        return false;
    memmove(&entry->held[at], &entry->held[at + 1], (entry->end - at - 1) * sizeof(*entry->held));
    entry->end--;
    quarantine->held_count--;
    free_if_done(quarantine, aggregate);
    return true;
}

bool ds_quarantine_replace(struct ds_quarantine *quarantine, ds_str_t aggregate, int32_t input,
                           int64_t offset, const struct ds_held *by)
{
    struct ds_quarantined *entry = edit(quarantine, aggregate);
    size_t at = entry == NULL ? 0 : find_held(entry, input, offset);

    if (entry == NULL || at == entry->end)
        return false;
    entry->held[at] = *by;
    return true;
}

const struct ds_held *ds_quarantine_held(const struct ds_quarantine *quarantine, ds_str_t aggregate,
                                         int32_t input, int64_t offset)
{
    const struct ds_quarantined *entry = ds_quarantine_find(quarantine, aggregate);
    size_t at = entry == NULL ? 0 : find_held(entry, input, offset);

    return entry == NULL || at == entry->end ? NULL : &entry->held[at];
}

const struct ds_held *ds_quarantine_any(const struct ds_quarantine *quarantine, int32_t input,
                                        int64_t offset)
{
    size_t cursor = 0;
    ds_str_t aggregate;
    void *value;

    while (quarantine->held_count > 0 &&
           ds_map_next(quarantine->by_aggregate, &cursor, &aggregate, &value)) {
        const struct ds_quarantined *entry = value;
        size_t at = find_held(entry, input, offset);

        if (at < entry->end)
            return &entry->held[at];
    }
    return NULL;
}

/* ---- the fold */

static struct ds_held held_of(const struct ds_input_cause *cause)
{
    return (struct ds_held){cause->input, cause->offset, cause->epoch, cause->seq,
                            cause->fingerprint};
}

/* The input that this event answers waits; an input that had waited, or a deadline, does not. */
static bool hold_cause(struct ds_quarantine *quarantine, const struct ds_meta_cause *cause,
                       ds_str_t aggregate, ds_error_t *error)
{
    const struct ds_held held = held_of(&cause->as.input_cause);

    return cause->kind != DS_META_CAUSE_INPUT_CAUSE ||
           ds_quarantine_hold(quarantine, aggregate, &held, error);
}

/* A dead letter that is dropped waits nowhere: that is for people. */
static void fold_dropped(struct ds_quarantine *quarantine, const struct ds_decider *decider,
                         const struct ds_input_dropped *dropped)
{
    for (size_t i = 0; dropped->has_aggregate && i < decider->input_count; i++)
        if (ds_str_eq(ds_str(decider->inputs[i].schema->topic), dropped->topic))
            (void)ds_quarantine_drop(quarantine, dropped->aggregate, decider->inputs[i].number,
                                     dropped->offset);
}

/* The command that asks for the edit holds the corrected one, and waits in the old one's place. */
static void fold_edited(struct ds_quarantine *quarantine, const struct ds_meta_cause *cause,
                        const struct ds_input_edited *edited)
{
    const struct ds_held by = held_of(&cause->as.input_cause);

    if (edited->has_aggregate && cause->kind == DS_META_CAUSE_INPUT_CAUSE)
        (void)ds_quarantine_replace(quarantine, edited->aggregate, by.input, edited->offset, &by);
}

static bool fold_body(struct ds_quarantine *quarantine, const struct ds_decider *decider,
                      const struct ds_protocol_event *event, ds_error_t *error)
{
    const struct ds_meta_cause *cause = &event->head.meta.cause;

    switch (event->body.kind) {
    case DS_PROTOCOL_AGGREGATE_QUARANTINED: /* it holds again, or from now on */
        return ds_quarantine_begin(quarantine, event->body.as.aggregate_quarantined.aggregate,
                                   error) &&
               hold_cause(quarantine, cause, event->body.as.aggregate_quarantined.aggregate, error);
    case DS_PROTOCOL_INPUT_HELD:
        return hold_cause(quarantine, cause, event->body.as.input_held.aggregate, error);
    case DS_PROTOCOL_AGGREGATE_RELEASED:
        if (cause->kind == DS_META_CAUSE_INPUT_CAUSE)
            ds_quarantine_release(quarantine, event->body.as.aggregate_released.aggregate,
                                  cause->as.input_cause.offset);
        return true;
    case DS_PROTOCOL_INPUT_DROPPED:
        fold_dropped(quarantine, decider, &event->body.as.input_dropped);
        return true;
    case DS_PROTOCOL_INPUT_EDITED:
        fold_edited(quarantine, cause, &event->body.as.input_edited);
        return true;
    default:
        return true;
    }
}

bool ds_quarantine_fold(struct ds_quarantine *quarantine, const struct ds_decider *decider,
                        const struct ds_protocol_event *event, bool first, ds_error_t *error)
{
    const struct ds_held_cause *cause = &event->head.meta.cause.as.held_cause;

    if (first && event->head.meta.cause.kind == DS_META_CAUSE_HELD_CAUSE &&
        event->body.kind != DS_PROTOCOL_AGGREGATE_QUARANTINED &&
        !ds_quarantine_decided(quarantine, cause->aggregate, cause->input, cause->offset, error))
        return false;
    return fold_body(quarantine, decider, event, error);
}

/* ---- in snapshots */

size_t ds_quarantine_image(ds_str_t aggregate, const struct ds_quarantined *entry, size_t n,
                           struct ds_held_image *held, size_t held_max,
                           struct ds_quarantined_image *image_out)
{
    size_t count = ds_quarantined_count(entry) - n;

    if (count > held_max)
        count = held_max;
    for (size_t i = 0; i < count; i++) {
        const struct ds_held *of = &entry->held[entry->first + n + i];

        held[i] =
            (struct ds_held_image){of->input, of->offset, of->epoch, of->seq, of->fingerprint};
    }
    *image_out = (struct ds_quarantined_image){.aggregate = aggregate,
                                               .releasing = entry->releasing,
                                               .release = entry->release,
                                               .held = {held, count}};
    return count;
}

bool ds_quarantine_restore(struct ds_quarantine *quarantine,
                           const struct ds_quarantined_image *image, ds_error_t *error)
{
    struct ds_quarantined *entry = edit(quarantine, image->aggregate);

    if (entry == NULL)
        entry = add(quarantine, image->aggregate, error);
    if (entry == NULL)
        return false;
    set_releasing(quarantine, entry, image->releasing);
    entry->release = image->release;
    for (size_t i = 0; i < image->held.count; i++) {
        const struct ds_held_image *of = &image->held.items[i];
        const struct ds_held held = {of->input, of->offset, of->epoch, of->seq, of->fingerprint};

        if (!ds_quarantine_hold(quarantine, image->aggregate, &held, error))
            return false;
    }
    return true;
}
