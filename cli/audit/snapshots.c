/* See snapshots.h. */
#include "cli/audit/snapshots.h"

#include "base/crypto.h"
#include "cli/audit/snapshot_items.h"

#include <inttypes.h>
#include <stdlib.h>

/* Snapshots being read at once: an epoch has two slots, and a deposed owner may still be writing.
 */
#define FILLING     8
#define ARENA_FIRST ((size_t)4096)

/* Chunks of one epoch and slot, in order from 0, as they come. */
struct filling {
    bool used;
    int64_t epoch;
    int32_t slot;
    int64_t from; /* chunk 0's offset */
    int64_t *checksums;
    size_t count;
    size_t capacity;
    struct ds_snapshot_sum sum;
    bool unreadable;
    char why[128];
};

/* A complete snapshot of our format. */
struct found {
    int64_t at; /* its manifest's offset */
    int64_t from;
    ds_arena_t *arena;
    const struct ds_snapshot_manifest *manifest;
    struct ds_snapshot_sum sum;
};

struct ds_audit_snapshots {
    struct ds_audit_report *report;
    const struct ds_decider *decider;
    int32_t processor;
    int32_t partition;
    struct ds_snapshot_room room;
    struct filling filling[FILLING];
    struct found list[DS_AUDIT_SNAPSHOTS_MAX];
    size_t count;
    size_t next; /* of the list, by place: not held against the log yet */
    ds_log_fold_t *fold;
    struct ds_log_place place; /* of the last record folded */
    bool stopped;              /* an owner would not fold what stands there */
    int64_t summed_at;         /* the place `sum` is of; -1: none */
    struct ds_snapshot_sum sum;
    struct found *wrong; /* the first that differs; its items as they should be: */
    ds_snapshot_index_t *index;
};

bool ds_audit_snapshots_new(struct ds_audit_report *report, const struct ds_decider *decider,
                            int32_t processor, int32_t partition, ds_audit_snapshots_t **out,
                            ds_error_t *error)
{
    ds_audit_snapshots_t *s = calloc(1, sizeof *s);

    *out = NULL;
    if (s == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: snapshots");
    s->report = report;
    s->decider = decider;
    s->processor = processor;
    s->partition = partition;
    s->place = DS_PLACE_START;
    s->summed_at = -1;
    *out = s;
    if (ds_snapshot_room_init(&s->room, decider, error))
        return true;
    ds_audit_snapshots_destroy(s);
    *out = NULL;
    return false;
}

static void drop_fillings(ds_audit_snapshots_t *s)
{
    for (size_t i = 0; i < FILLING; i++)
        free(s->filling[i].checksums);
    memset(s->filling, 0, sizeof s->filling);
}

void ds_audit_snapshots_destroy(ds_audit_snapshots_t *s)
{
    if (s == NULL)
        return;
    drop_fillings(s);
    for (size_t i = 0; i < s->count; i++)
        ds_arena_destroy(s->list[i].arena);
    ds_log_fold_destroy(s->fold);
    ds_snapshot_index_destroy(s->index);
    ds_snapshot_room_cleanup(&s->room);
    free(s);
}

static struct ds_audit_place at(const ds_audit_snapshots_t *s, int64_t offset)
{
    return (struct ds_audit_place){ds_audit_topic(DS_AUDIT_TOPICS + s->processor), s->partition,
                                   offset, DS_STR("")};
}

static void unchecked(ds_audit_snapshots_t *s, enum ds_audit_unchecked why)
{
    s->report->unchecked[why]++;
}

/* ---- reading the topic ---- */

static bool sum_item(void *context, const struct ds_schema *schema, ds_bytes_t bytes,
                     ds_error_t *error)
{
    (void)schema;
    (void)error;
    ds_snapshot_sum_add(context, bytes);
    return true;
}

static struct filling *filling_of(ds_audit_snapshots_t *s, const struct ds_snapshot_key *key)
{
    for (size_t i = 0; i < FILLING; i++)
        if (s->filling[i].used && s->filling[i].epoch == key->epoch &&
            s->filling[i].slot == key->slot)
            return &s->filling[i];
    return NULL;
}

/* A free one, or the one that was begun first. */
static struct filling *begin(ds_audit_snapshots_t *s, const struct ds_snapshot_key *key)
{
    struct filling *f = filling_of(s, key);

    for (size_t i = 0; f == NULL && i < FILLING; i++)
        if (!s->filling[i].used)
            f = &s->filling[i];
    for (size_t i = 0; f == NULL && i < FILLING; i++)
        if (f == NULL || s->filling[i].from < f->from)
            f = &s->filling[i];
    *f = (struct filling){.used = true,
                          .epoch = key->epoch,
                          .slot = key->slot,
                          .checksums = f->checksums,
                          .capacity = f->capacity};
    return f;
}

static bool note_checksum(struct filling *f, int64_t checksum, ds_error_t *error)
{
    if (f->count == f->capacity) {
        size_t capacity = f->capacity == 0 ? 16 : f->capacity * 2;
        int64_t *bigger = realloc(f->checksums, capacity * sizeof *bigger);
        if (bigger == NULL)
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu chunks", capacity);
        f->checksums = bigger;
        f->capacity = capacity;
    }
    f->checksums[f->count++] = checksum;
    return true;
}

/* One that stands there twice is passed over, as a restore does. */
static bool take_chunk(ds_audit_snapshots_t *s, const struct ds_snapshot_key *key,
                       const struct ds_audit_record *record, ds_error_t *error)
{
    int64_t checksum = (int64_t)ds_crc32c(record->value);
    struct filling *f = filling_of(s, key);
    ds_error_t why = DS_ERROR_INIT;

    if (key->chunk == 0 && (f == NULL || f->checksums[0] != checksum)) {
        f = begin(s, key);
        f->from = record->offset;
    }
    if (f == NULL || (size_t)key->chunk != f->count)
        return true;
    if (!note_checksum(f, checksum, error))
        return false;
    if (ds_snapshot_chunk_items(&s->room, record->value, sum_item, &f->sum, &why))
        return true;
    if (why.code == DS_ERR_MEMORY) {
        *error = why;
        return false;
    }
    f->unreadable = true; /* another version may have written it: its manifest tells */
    (void)ds_str_to_array(ds_utf8_cut(ds_str(why.message), sizeof f->why - 1), f->why,
                          sizeof f->why);
    return true;
}

static bool is_complete(const struct filling *f, const struct ds_snapshot_manifest *manifest)
{
    if (manifest->chunks.count == 0)
        return true;
    if (f == NULL || f->count != manifest->chunks.count)
        return false;
    for (size_t i = 0; i < f->count; i++)
        if (f->checksums[i] != manifest->chunks.items[i].checksum)
            return false;
    return true;
}

/* By place; of too many the oldest goes. */
static void add(ds_audit_snapshots_t *s, const struct found *found)
{
    size_t i;

    if (s->count == DS_AUDIT_SNAPSHOTS_MAX) {
        unchecked(s, DS_AUDIT_TOO_MANY);
        if (found->manifest->offset < s->list[0].manifest->offset) {
            ds_arena_destroy(found->arena);
            return;
        }
        ds_arena_destroy(s->list[0].arena);
        s->count--;
        memmove(&s->list[0], &s->list[1], s->count * sizeof *s->list);
    }
    for (i = s->count; i > 0 && s->list[i - 1].manifest->offset > found->manifest->offset; i--)
        s->list[i] = s->list[i - 1];
    s->list[i] = *found;
    s->count++;
}

static bool decode_manifest(ds_arena_t *arena, ds_bytes_t value,
                            const struct ds_snapshot_manifest **manifest_out, bool *intact_out,
                            ds_error_t *error)
{
    ds_error_t why = DS_ERROR_INIT;
    struct ds_snapshot_record *record = ds_arena_alloc(arena, sizeof *record, error);
    ds_str_t copy;

    if (record == NULL ||
        !ds_arena_dup(arena, (ds_str_t){(const char *)value.data, value.len}, &copy, error) ||
        !ds_schema_decode(&ds_schema_host_snapshot_state,
                          (ds_bytes_t){(const uint8_t *)copy.data, copy.len}, arena, record, NULL,
                          error))
        return false;
    *manifest_out = &record->body.as.snapshot_manifest;
    *intact_out = ds_snapshot_manifest_check(record, value, &why);
    return true;
}

static bool take_manifest(ds_audit_snapshots_t *s, const struct ds_snapshot_key *key,
                          const struct ds_audit_record *record, ds_error_t *error)
{
    const struct filling *f = filling_of(s, key);
    struct found found = {.at = record->offset,
                          .from = record->offset,
                          .arena = ds_arena_new(ARENA_FIRST, DS_MAX_DECODE_BYTES)};
    bool intact = false;
    ds_error_t why = DS_ERROR_INIT;

    if (found.arena == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: a manifest");
    if (!decode_manifest(found.arena, record->value, &found.manifest, &intact, &why)) {
        if (why.code == DS_ERR_MEMORY)
            *error = why;
        unchecked(s, DS_AUDIT_OTHER_FORMAT);
    } else if (!intact) {
        unchecked(s, DS_AUDIT_INCOMPLETE);
    } else if (found.manifest->format != ds_snapshot_format(s->decider)) {
        unchecked(s, DS_AUDIT_OTHER_FORMAT);
    } else if (!is_complete(f, found.manifest)) {
        unchecked(s, DS_AUDIT_INCOMPLETE);
    } else if (found.manifest->chunks.count == 0) {
        add(s, &found); /* whatever chunks its slot has by now are another snapshot's */
        return true;
    } else if (f->unreadable) {
        ds_audit_found(s->report, "SNAP", at(s, record->offset),
                       "slot %" PRId32 " of epoch %" PRId64 ": an item cannot be read: %s",
                       key->slot, key->epoch, f->why);
    } else {
        found.from = f->from;
        found.sum = f->sum;
        add(s, &found);
        return true;
    }
    ds_arena_destroy(found.arena);
    return !ds_error_is_set(error);
}

bool ds_audit_snapshots_take(ds_audit_snapshots_t *s, const struct ds_audit_record *record,
                             ds_error_t *error)
{
    struct ds_snapshot_key key;

    if (!record->has_key || !record->has_value || !ds_snapshot_key_parse(record->key, &key) ||
        key.partition != s->partition)
        return true;
    return key.chunk < 0 ? take_manifest(s, &key, record, error)
                         : take_chunk(s, &key, record, error);
}

bool ds_audit_snapshots_begin(ds_audit_snapshots_t *s, ds_error_t *error)
{
    drop_fillings(s);
    return s->count == 0 || ds_log_fold_new(s->decider, &s->fold, error);
}

/* ---- against the log ---- */

static void found_at(ds_audit_snapshots_t *s, const struct found *snapshot, const char *what)
{
    const struct ds_snapshot_manifest *m = snapshot->manifest;

    ds_audit_found(s->report, "SNAP", at(s, snapshot->at),
                   "slot %" PRId32 " of epoch %" PRId64 ", for offset %" PRId64 " of %s: %s",
                   m->slot, m->epoch, m->offset, s->decider->events->topic, what);
}

static bool same_input(const struct ds_snapshot_input *a, const struct ds_snapshot_input *b)
{
    return a->input == b->input && a->offset == b->offset && a->epoch == b->epoch &&
           a->seq == b->seq && a->fingerprint == b->fingerprint && a->decide_from == b->decide_from;
}

/* @return what of the manifest differs first; NULL: nothing. */
static const char *compare_memory(const struct ds_snapshot_manifest *theirs,
                                  const struct ds_snapshot_manifest *ours)
{
    if (theirs->epoch != ours->epoch || theirs->seq != ours->seq)
        return "that record has another epoch or seq";
    if (!ds_str_eq(theirs->identity, ours->identity))
        return "it is of another log";
    if (theirs->last_event_at != ours->last_event_at)
        return "last_event_at differs from the fold";
    if (theirs->inputs.count != ours->inputs.count)
        return "the inputs differ from the fold";
    for (size_t i = 0; i < ours->inputs.count; i++)
        if (!same_input(&theirs->inputs.items[i], &ours->inputs.items[i]))
            return "the place of an input differs from the fold";
    return NULL;
}

static bool compare(ds_audit_snapshots_t *s, struct found *snapshot, ds_error_t *error)
{
    struct ds_snapshot_input inputs[DS_MAX_INPUTS];
    struct ds_snapshot_manifest ours;

    ds_log_fold_manifest(s->fold, inputs, &ours);
    s->report->checked[DS_AUDIT_SNAPSHOTS]++;
    const char *differs = compare_memory(snapshot->manifest, &ours);
    if (differs != NULL) {
        found_at(s, snapshot, differs);
        return true;
    }
    if (s->summed_at != s->place.offset) {
        s->sum = (struct ds_snapshot_sum){0};
        if (!ds_snapshot_fold_items(&s->room, s->fold, sum_item, &s->sum, error))
            return false;
        s->summed_at = s->place.offset;
    }
    if (ds_snapshot_sum_equal(&s->sum, &snapshot->sum))
        return true;
    if (s->wrong != NULL) {
        found_at(s, snapshot, "differs from the fold");
        return true;
    }
    s->wrong = snapshot;
    return ds_snapshot_index_new(&s->room, s->fold, &s->index, error);
}

/* Decisions that were left out because they could not be read: an owner stops there. */
static bool follows(const ds_audit_snapshots_t *s, const struct ds_protocol_event *event)
{
    const struct ds_meta *meta = &event->head.meta;

    return event->body.kind == DS_PROTOCOL_CLAIM
               ? meta->epoch == s->place.epoch + 1
               : meta->epoch == s->place.epoch && meta->seq == s->place.seq + 1;
}

static bool fold(ds_audit_snapshots_t *s, const struct ds_audit_event *events, size_t count,
                 ds_error_t *error)
{
    for (size_t i = 0; i < count && !s->stopped; i++) {
        const struct ds_protocol_event *event = events[i].event;
        ds_error_t why = DS_ERROR_INIT;

        if (follows(s, event) && ds_log_fold_apply(s->fold, event, &why)) {
            s->place = (struct ds_log_place){events[i].offset, event->head.meta.epoch,
                                             event->head.meta.seq};
            continue;
        }
        if (why.code == DS_ERR_MEMORY) {
            *error = why;
            return false;
        }
        s->stopped = true;
        ds_audit_note(s->report, "%s/%" PRId32 ": no owner gets beyond offset %" PRId64 ": %s",
                      s->decider->events->topic, s->partition, events[i].offset,
                      ds_error_is_set(&why) ? why.message : "what is in front cannot be read");
    }
    return true;
}

bool ds_audit_snapshots_decision(ds_audit_snapshots_t *s, const struct ds_audit_event *events,
                                 size_t count, ds_error_t *error)
{
    if (s->next == s->count || s->stopped)
        return true;
    if (!fold(s, events, count, error))
        return false;
    for (; s->next < s->count && !s->stopped; s->next++) {
        struct found *snapshot = &s->list[s->next];
        if (snapshot->manifest->offset > s->place.offset)
            break;
        if (snapshot->manifest->offset < s->place.offset)
            found_at(s, snapshot, "no decision that counts ends there");
        else if (!compare(s, snapshot, error))
            return false;
    }
    if (s->next == s->count) { /* its memory is wanted elsewhere */
        ds_log_fold_destroy(s->fold);
        s->fold = NULL;
    }
    return true;
}

/* ---- which item ---- */

struct again {
    ds_audit_snapshots_t *s;
    size_t next;
};

static bool take_again(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    struct again *again = context;
    const struct ds_snapshot_manifest *manifest = again->s->wrong->manifest;
    struct ds_snapshot_key key;

    if (!record->has_key || !record->has_value || !ds_snapshot_key_parse(record->key, &key) ||
        key.partition != again->s->partition || key.epoch != manifest->epoch ||
        key.slot != manifest->slot || key.chunk < 0 || (size_t)key.chunk != again->next ||
        again->next >= manifest->chunks.count)
        return true;
    if ((int64_t)ds_crc32c(record->value) != manifest->chunks.items[again->next].checksum)
        return true; /* compacted or written anew meanwhile */
    again->next++;
    return ds_snapshot_chunk_items(&again->s->room, record->value, ds_snapshot_index_item,
                                   again->s->index, error);
}

bool ds_audit_snapshots_judge(ds_audit_snapshots_t *s, struct ds_audit_source *source, bool damaged,
                              ds_error_t *error)
{
    struct again again = {s, 0};

    for (; s->next < s->count; s->next++)
        if (damaged || s->stopped)
            unchecked(s, DS_AUDIT_NOT_REACHED);
        else
            found_at(s, &s->list[s->next], "the log ends in front of it");
    if (s->wrong == NULL)
        return true;
    if (!source->read_snapshots(source, s->partition, s->processor, s->wrong->from, s->wrong->at,
                                take_again, &again, error))
        return false;
    found_at(s, s->wrong,
             again.next == s->wrong->manifest->chunks.count ? ds_snapshot_index_difference(s->index)
                                                            : "differs from the fold");
    return true;
}
