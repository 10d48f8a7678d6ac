/* projections/mongo/store.h - loads and writes the analytics documents.
 *
 * Every document belongs to one (topic, partition) and holds `pos`, the offset of the last event
 * that changed it. It is replaced where its pos is lower than the new one, or inserted; a duplicate
 * key then means that a newer one is there, which is as good. So every operation may be repeated,
 * and two workers that both think they own a partition do no harm: a document with a given pos is
 * the same whoever wrote it. No $inc anywhere. Reads are from the primary with majority, writes
 * wait for a majority and its journal. Threads: one thread, one client. */
#ifndef DS_PROJECTIONS_MONGO_STORE_H
#define DS_PROJECTIONS_MONGO_STORE_H

#include "base/runtime.h"
#include "projections/mongo/tally.h"
#include "stream/reader.h"

#define DS_MONGO_TOPIC "order.events"

/** One document of `positions`. */
struct ds_mongo_position {
    struct ds_log_place place;
    char log_id[64];
    int64_t event_time_us;
};

typedef struct ds_mongo ds_mongo_t;

/** @brief Not connected yet: that happens with the first question.
 *  @param url  with a database name, else "doorstep" is used. */
DS_MUST_CHECK bool ds_mongo_new(const char *url, int timeout_ms, ds_mongo_t **mongo_out,
                                ds_error_t *error);
void ds_mongo_destroy(ds_mongo_t *mongo);

/** @brief A round trip. UNAVAILABLE: away. */
DS_MUST_CHECK bool ds_mongo_ping(ds_mongo_t *mongo, ds_error_t *error);
/** @brief {-1, 0, 0} where there is none yet. */
DS_MUST_CHECK bool ds_mongo_load_position(ds_mongo_t *mongo, int32_t partition,
                                          struct ds_mongo_position *position_out,
                                          ds_error_t *error);
/** @brief Fill the facts the batch wants. */
DS_MUST_CHECK bool ds_mongo_load_facts(ds_mongo_t *mongo, struct ds_tallies *t, ds_error_t *error);
/** @brief Fill the tallies the fold left entries at. */
DS_MUST_CHECK bool ds_mongo_load_tallies(ds_mongo_t *mongo, struct ds_tallies *t,
                                         ds_error_t *error);
/** @brief Write what changed: the tallies of each collection in a bulk, then the facts. */
DS_MUST_CHECK bool ds_mongo_write(ds_mongo_t *mongo, const struct ds_tallies *t, ds_error_t *error);
/** @brief After ds_mongo_write. @param newer_out  another worker is further on: the partition is
 * not ours. */
DS_MUST_CHECK bool ds_mongo_write_position(ds_mongo_t *mongo, int32_t partition,
                                           const struct ds_mongo_position *position, int64_t now_us,
                                           bool *newer_out, ds_error_t *error);

#endif
