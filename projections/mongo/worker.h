/* projections/mongo/worker.h - the loop of `project mongo`: poll, fold, replace.
 *
 * One thread. A position document follows the batch it stands for, so what is read again after a
 * failure is in the documents already and adds nothing (tally.h). */
#ifndef DS_PROJECTIONS_MONGO_WORKER_H
#define DS_PROJECTIONS_MONGO_WORKER_H

#include "projections/mongo/store.h"

struct ds_mongo_settings {
    const char *brokers;
    const char *mongodb_url;
    const char *group_instance_id;
    int64_t timeout_us;
    int64_t hold_us;
};

/** @brief Fold and write the records of one or more partitions of order.events: everything but the
 * positions. May be repeated. */
DS_MUST_CHECK bool ds_mongo_apply(ds_mongo_t *mongo, struct ds_tallies *tallies,
                                  const struct ds_read_record *records, size_t count,
                                  ds_error_t *error);

/** @brief Work until the role is to stop. @return the exit code. */
int ds_mongo_worker_run(const struct ds_runtime *runtime, const struct ds_mongo_settings *settings,
                        ds_error_t *error);

#endif
