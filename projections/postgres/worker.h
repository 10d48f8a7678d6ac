/* projections/postgres/worker.h - the loop of `project postgres`: poll, gather, write.
 *
 * One thread. A batch is what has arrived, at once when there is little, thousands of records when
 * there is a lot; there is no timer in between. While PostgreSQL is away a batch is held for a
 * while and then let go of: its partitions are dropped and taken again, which reads the positions
 * anew. What a batch does to a partition is gathered here (pure); writing it is apply.h. */
#ifndef DS_PROJECTIONS_POSTGRES_WORKER_H
#define DS_PROJECTIONS_POSTGRES_WORKER_H

#include "base/limits.h"
#include "projections/postgres/apply.h"

/** A partition as this worker has it. */
struct ds_slot {
    bool owned;
    bool stopped;                    /* another log stands here: not touched any more */
    bool identified[DS_FOLD_TOPICS]; /* the log is known to be the one the position is of */
    struct ds_position at[DS_FOLD_TOPICS];
};

/** @brief What the batch does to each (topic, partition) of an owned slot; others are left out. No
 * position stands at a Claim: what the Open behind it says could not be checked from there.
 *  @param slots  by partition, DS_MAX_PARTITIONS of them.
 *  @param units_out  room for DS_FOLD_TOPICS * DS_MAX_PARTITIONS. @return how many. */
size_t ds_worker_gather(const struct ds_read_record *records, size_t count,
                        const struct ds_slot *slots, struct ds_unit *units_out);

struct ds_worker_settings {
    const char *brokers;
    const char *database_url;
    const char *group_instance_id;
    int64_t timeout_us;
    int64_t hold_us;
    bool synchronous_commit;
};

/** @brief Work until the role is to stop. @return the exit code. */
int ds_worker_run(const struct ds_runtime *runtime, const struct ds_worker_settings *settings,
                  ds_error_t *error);

#endif
