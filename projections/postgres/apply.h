/* projections/postgres/apply.h - writes a batch and its positions in one transaction, or nothing.
 *
 * Positions are fenced (DESIGN section 6): whoever takes a partition raises its generation, and a
 * batch's transaction begins by moving the position rows from the expected offset under the own
 * generation. A worker that was evicted finds no such row and writes nothing. The transaction is
 *
 *   round trip 1:  BEGIN; move the positions; load the rows the batch touches
 *   (fold in memory)
 *   round trip 2:  write each changed row once; COMMIT
 *
 * A failure in round trip 1 means that nothing was written. One in round trip 2 leaves it open;
 * ds_apply_settle finds out by reading the position rows FOR UPDATE, which waits for the old
 * backend to end. Threads: one thread. */
#ifndef DS_PROJECTIONS_POSTGRES_APPLY_H
#define DS_PROJECTIONS_POSTGRES_APPLY_H

#include "projections/postgres/fold.h"
#include "projections/postgres/link.h"
#include "stream/reader.h"

#define DS_LOG_ID_BYTES 64

/** A position row as this worker holds it. */
struct ds_position {
    struct ds_log_place place;
    int64_t generation;
    int64_t commands_through;
    char log_id[DS_LOG_ID_BYTES]; /* "" while the partition has no Claim */
};

enum ds_unit_state {
    DS_UNIT_OPEN, /* not written */
    DS_UNIT_DONE, /* written */
    DS_UNIT_LOST, /* another worker has the partition, or the row is not where this one left it */
};

/** What a batch does to one partition of one topic. */
struct ds_unit {
    enum ds_fold_topic topic;
    int32_t partition;
    struct ds_position before;
    struct ds_position after; /* the same generation */
    int64_t event_time_us;    /* of the last record */
    enum ds_unit_state state;
};

enum ds_disposition {
    DS_APPLIED,       /* committed; all units are DONE */
    DS_APPLY_AGAIN,   /* nothing was written; the error says why */
    DS_APPLY_LOST,    /* nothing was written; the units that are not ours are marked LOST */
    DS_APPLY_UNKNOWN, /* the COMMIT may have happened: settle before anything else */
};

typedef struct ds_apply ds_apply_t;

/** @brief @param pg  borrowed; its statements are prepared here. */
DS_MUST_CHECK bool ds_apply_new(ds_pg_t *pg, ds_apply_t **apply_out, ds_error_t *error);
void ds_apply_destroy(ds_apply_t *apply);

/** @brief Take a partition: raise the generation of its rows to their maximum + 1 and read them,
 * durably.
 *  @param positions_out  indexed by enum ds_fold_topic.
 *  @param error  as ds_pg_sync: nothing is owned then. */
DS_MUST_CHECK bool ds_apply_take(ds_apply_t *apply, int32_t partition,
                                 struct ds_position positions_out[DS_FOLD_TOPICS],
                                 ds_error_t *error);

/** @brief Write a batch. Connected before, or it is AGAIN.
 *  @param records  whole decisions, per (topic, partition) in offset order; those of no unit are
 * passed over.
 *  @param units  one a (topic, partition) of the batch.
 *  @param error  set unless the result is APPLIED or LOST. Not retriable: this batch cannot be
 * written by repeating. */
enum ds_disposition ds_apply_batch(ds_apply_t *apply, const struct ds_read_record *records,
                                   size_t record_count, struct ds_unit *units, size_t unit_count,
                                   ds_error_t *error);
/** @brief After UNKNOWN and a new connection: what became of it. Sets the units' states.
 *  @return APPLIED: it was written (units of partitions taken by another since then are LOST);
 * AGAIN without an error: it was not; LOST: it was not, and some units are not ours; UNKNOWN with
 * an error: ask again. */
enum ds_disposition ds_apply_settle(ds_apply_t *apply, struct ds_unit *units, size_t unit_count,
                                    ds_error_t *error);

/** @brief Events so far about rows that are not there; undecodable ones included. */
int64_t ds_apply_missed(const ds_apply_t *apply);

#endif
