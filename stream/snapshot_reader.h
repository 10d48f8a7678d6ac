/* stream/snapshot_reader.h - looking for a snapshot, and loading it. Internal to snapshot_read.c
 * and snapshot_load.c. */
#ifndef DS_STREAM_SNAPSHOT_READER_H
#define DS_STREAM_SNAPSHOT_READER_H

#include "stream/snapshot_memory.h"

#define DS_SNAPSHOT_CANDIDATES 16

enum ds_snapshot_step {
    DS_SNAPSHOT_ASK,      /* where <name>.snapshots and the own log end */
    DS_SNAPSHOT_SCAN,     /* the topic, backwards, in ever larger windows, for manifests */
    DS_SNAPSHOT_IDENTIFY, /* the own log: its first valid Claim */
    DS_SNAPSHOT_PLACE,    /* the own log: the record the candidate stands for */
    DS_SNAPSHOT_LOAD,     /* the candidate's chunks */
};

/** A manifest that was found. */
struct ds_snapshot_candidate {
    int64_t at; /* in <name>.snapshots */
    int32_t slot;
    uint8_t *bytes; /* owned; the manifest borrows its texts */
    ds_arena_t *arena;
    struct ds_snapshot_record *record;
};

/** State under construction; taken over as a whole. */
struct ds_snapshot_load {
    void *domain;
    struct ds_window window;
    struct ds_owed *owed;
    size_t owed_count;
    struct ds_quarantine quarantine;
    ds_arena_t *arena; /* of one item */
    void *item;
    size_t next; /* chunk */
    int64_t items;
};

struct ds_snapshot_reader {
    struct ds_task *task;
    bool survey; /* only to see what is there */
    enum ds_snapshot_step step;
    int64_t started_us;
    uint64_t since_turn;
    int64_t next_offset; /* of what is being read; earlier records are left over */
    int64_t moved_us;    /* monotonic: of the last record */

    bool has_end;
    int64_t low;
    int64_t end;
    int64_t own_low;
    int64_t own_end;
    int64_t from; /* the window [from, until) */
    int64_t until;
    int64_t width;

    struct ds_snapshot_candidate candidates[DS_SNAPSHOT_CANDIDATES];
    size_t count;
    bool identified;
    char identity[DS_IDENTITY_BYTES];
    struct ds_fence fence; /* of the own log, for its identity */
    struct ds_snapshot_load load;
};

/** The candidate that is being tried: the last. */
static inline const struct ds_snapshot_manifest *ds_snapshot_tried(
    const struct ds_snapshot_reader *reader)
{
    return &reader->candidates[reader->count - 1].record->body.as.snapshot_manifest;
}

/* snapshot_load.c */
DS_MUST_CHECK bool ds_snapshot_load_begin(struct ds_snapshot_reader *reader, ds_error_t *error);
/** @brief A record of the topic. *done_out: all chunks are in. false: the candidate is of no use,
 * or MEMORY. */
DS_MUST_CHECK bool ds_snapshot_load_record(struct ds_snapshot_reader *reader,
                                           const struct ds_broker_event *record, bool *done_out,
                                           ds_error_t *error);
/** @brief Memory is what was loaded. */
DS_MUST_CHECK bool ds_snapshot_load_take(struct ds_snapshot_reader *reader, ds_error_t *error);
void ds_snapshot_load_cleanup(struct ds_snapshot_reader *reader);

#endif
