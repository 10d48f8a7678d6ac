/* stream/snapshot.h - snapshots of a partition's memory on <name>.snapshots (protocol R8). Internal
 * to the host, but for the keys and the format, which the tools read too.
 *
 * A snapshot is chunks of images and, behind them, a manifest. Its keys are
 *
 *   partition/epoch/slot/chunk      0, 1, 2 ...
 *   partition/epoch/slot/manifest
 *
 * with two slots a writing epoch, taken in turn, so that the one before stays whole while one is
 * written. Nothing of it leaves before everything up to its place is confirmed; so whoever wrote
 * it, it is a true statement about a frozen prefix of the log. Keys of earlier epochs are deleted
 * by a later one alone.
 *
 * Writing (snapshot_write.c) is a few items a turn: the walk over the state gives what evolve is
 * about to change as it was at the cut (decider/walk.h). Reading (snapshot_read.c, _load.c) goes
 * backwards from the end of the topic to the newest manifest, holds it against the own log, and
 * loads its chunks. Threads: the host's. */
#ifndef DS_STREAM_SNAPSHOT_H
#define DS_STREAM_SNAPSHOT_H

#include "decider/decider.h"
#include "stream/broker.h"
#include "stream/reader.h"
#include "stream/schema_wait.h"

/* Keys of other epochs that are remembered to be deleted. */
#define DS_SNAPSHOT_OTHERS_MAX 32
#define DS_IDENTITY_BYTES      64

struct ds_task;

/* ---- keys and format (snapshot_key.c) ---- */

struct ds_snapshot_key {
    int32_t partition;
    int64_t epoch;
    int32_t slot;
    int32_t chunk; /* -1: the manifest */
};

#define DS_SNAPSHOT_KEY_BYTES 64
void ds_snapshot_key_print(const struct ds_snapshot_key *key, char out[DS_SNAPSHOT_KEY_BYTES]);
bool ds_snapshot_key_parse(ds_str_t text, struct ds_snapshot_key *key_out);
/** @brief What a snapshot must have been made with to be of use: the schemas of its images, the
 * logic of the decider, and that of the host's own memory. */
int64_t ds_snapshot_format(const struct ds_decider *decider);
/** @brief A manifest's record, with its checksum, which is set here. */
DS_MUST_CHECK bool ds_snapshot_manifest_encode(struct ds_snapshot_record *record,
                                               ds_buf_t *value_out, ds_error_t *error);
/** @brief It is a manifest, and as it was written: one flipped bit would make it another log's, or
 * let inputs begin elsewhere. @param value  what the record was decoded from. */
DS_MUST_CHECK bool ds_snapshot_manifest_check(const struct ds_snapshot_record *record,
                                              ds_bytes_t value, ds_error_t *error);
/** @brief Whether the framed message is one of this very schema. */
bool ds_snapshot_is_of(ds_bytes_t message, const struct ds_schema *schema);

/* ---- a partition's snapshots ---- */

typedef struct ds_snapshot_writer ds_snapshot_writer_t;
typedef struct ds_snapshot_reader ds_snapshot_reader_t;

/** Tombstones on their way. */
struct ds_snapshot_sweep {
    struct ds_snapshot_keys sets[DS_SNAPSHOT_OTHERS_MAX];
    size_t count;
    size_t at;       /* the set whose keys are being deleted */
    int32_t chunk;   /* the next of them; -1: the manifest, which goes first */
    uint32_t number; /* in the tags of its reports */
    int64_t waiting; /* handed over and not reported */
    bool failed;
};

struct ds_task_snapshots {
    char identity[DS_IDENTITY_BYTES]; /* of the own log; part of memory; "": not known */
    int64_t events;                   /* applied since memory was last cut or restored */
    int64_t least_events;             /* so many before the next cut */
    int64_t due_us;                   /* monotonic: a cut is due if there are any events */
    int64_t not_before_us;            /* monotonic: after one that failed */

    int64_t epoch;     /* the slots are of this one */
    int32_t slot;      /* the next to write */
    int complete;      /* written in this epoch */
    int32_t chunks[2]; /* keys in each slot */

    bool surveyed; /* what stands in the topic is known: */
    bool has_kept; /* the newest complete one of another epoch */
    struct ds_snapshot_keys kept;
    struct ds_snapshot_keys others[DS_SNAPSHOT_OTHERS_MAX];
    size_t other_count;

    ds_snapshot_writer_t *writer; /* NULL: none under way */
    ds_snapshot_reader_t *reader; /* NULL: none under way */
    struct ds_schema_wait wait;   /* the reader's, for a record of the own log */
    bool tried;                   /* there is none to restore from: the log is read */
    struct ds_snapshot_sweep sweep;
};

/* ---- snapshot_write.c ---- */

/** @brief An event was applied to memory. */
static inline void ds_snapshot_applied(struct ds_task_snapshots *snapshots)
{
    snapshots->events++;
}
/** @brief Running: begin one when it is due, go on with one, delete what is old. */
void ds_snapshot_turn(struct ds_task *task);
/** @brief The record with this seq stands at this offset and is confirmed. */
void ds_snapshot_confirmed(struct ds_task *task, int64_t seq, int64_t offset);
/** @brief A report about <name>.snapshots. */
void ds_snapshot_delivery(struct ds_task *task, const struct ds_broker_event *report);
/** @brief The epoch is over, or memory is to go: drop what is being written and read. */
void ds_snapshot_leave(struct ds_task *task);
/** @brief A few items a turn keep a thread busy for a while: the host then waits less long. */
bool ds_snapshot_is_busy(const struct ds_task *task);

/* ---- snapshot_sweep.c ---- */

/** @brief Keys of another epoch were seen, or its owner is this very process. */
void ds_snapshot_note_keys(struct ds_task_snapshots *snapshots, int64_t epoch, int32_t slot,
                           int32_t chunks);
/** @brief A snapshot of this epoch is complete: what is older goes. */
void ds_snapshot_sweep_begin(struct ds_task *task);
void ds_snapshot_sweep_turn(struct ds_task *task);
void ds_snapshot_sweep_delivery(struct ds_task *task, uint32_t number, bool ok);

/* ---- snapshot_read.c ---- */

/** @brief Memory is empty: look for a snapshot before the log is read. @return false: there can be
 * none. */
bool ds_snapshot_restore(struct ds_task *task);
/** @brief Running and about to write the first one: see what stands in the topic. */
void ds_snapshot_survey(struct ds_task *task);
/** @brief The topic whose end a reader waits for; -1: none. */
int32_t ds_snapshot_asks(const struct ds_task *task);
void ds_snapshot_ends(struct ds_task *task, const struct ds_broker_end *end);
/** @brief A record of <name>.snapshots, or READ_FAILED. */
void ds_snapshot_record(struct ds_task *task, const struct ds_broker_event *event);
/** @brief True: the record of the own log, or READ_FAILED, was for the reader. */
bool ds_snapshot_own_record(struct ds_task *task, const struct ds_broker_event *event);
/** @brief The own log or <name>.snapshots has been read to its end. */
void ds_snapshot_at_end(struct ds_task *task, const struct ds_broker_event *event);
/** @brief A read that gets no answer does not last for ever: a partition that is being restored is
 * given up and begun anew, an owner's survey ends. */
void ds_snapshot_read_time(struct ds_task *task, int64_t now_us);
/** @brief Free a reader; NULL is fine. */
void ds_snapshot_reader_destroy(ds_snapshot_reader_t *reader);

#endif
