/* cli/audit/read_models.h - I6: what PostgreSQL and MongoDB show against the fold of the log.
 *
 * A table is compared when its position says that it holds exactly what was read of its topic: a
 * worker that is behind is waited for, ten seconds for the whole audit; one that is ahead already
 * (the shop goes on) is noted and left out. The position and the rows are read in one snapshot.
 * Threads: one at a time. */
#ifndef DS_CLI_AUDIT_READ_MODELS_H
#define DS_CLI_AUDIT_READ_MODELS_H

#include "base/runtime.h"
#include "cli/audit/model.h"

typedef struct ds_audit_postgres ds_audit_postgres_t;
typedef struct ds_audit_mongo ds_audit_mongo_t;

/** @param runtime, url  borrowed. @param partitions  of the topics. NULL: no memory. */
ds_audit_postgres_t *ds_audit_postgres_new(const struct ds_runtime *runtime, const char *url,
                                           int32_t partitions, int64_t patience_us);
void ds_audit_postgres_destroy(ds_audit_postgres_t *postgres);
/** @brief Compare orders, payments, deliveries and stock of a partition. UNAVAILABLE: it is away.
 */
DS_MUST_CHECK bool ds_audit_postgres_judge(ds_audit_postgres_t *postgres,
                                           const struct ds_audit_part *part, ds_error_t *error);

/** INVALID: the URL. */
DS_MUST_CHECK bool ds_audit_mongo_new(const struct ds_runtime *runtime, const char *url,
                                      int64_t patience_us, ds_audit_mongo_t **mongo_out,
                                      ds_error_t *error);
void ds_audit_mongo_destroy(ds_audit_mongo_t *mongo);
/** @brief Compare the sums of sales_by_store and order_funnel. UNAVAILABLE: it is away. */
DS_MUST_CHECK bool ds_audit_mongo_judge(ds_audit_mongo_t *mongo, const struct ds_audit_part *part,
                                        ds_error_t *error);

/** @brief What each events topic of a partition is folded up to: offset of the last folded record,
 * -1 for none. For `doorstep lag`. UNAVAILABLE: it is away. */
DS_MUST_CHECK bool ds_audit_postgres_positions(ds_audit_postgres_t *postgres, int32_t partition,
                                               int64_t positions_out[DS_AUDIT_PROCESSORS],
                                               ds_error_t *error);
/** @brief The same for order.events in MongoDB. */
DS_MUST_CHECK bool ds_audit_mongo_position(ds_audit_mongo_t *mongo, int32_t partition,
                                           int64_t *position_out, ds_error_t *error);

/** How a position stands to what was read. */
enum ds_audit_reach { DS_AUDIT_BEHIND, DS_AUDIT_EQUAL, DS_AUDIT_AHEAD };
/** @brief Records of the protocol itself change no row: a position between the last event of the
 * shop and the last delivered record is equal. */
enum ds_audit_reach ds_audit_reach(const struct ds_audit_stream *stream, int64_t position);

#endif
