/* cli/audit/read_models.h - I6: what PostgreSQL and MongoDB show against the fold of the log.
 *
 * Twice, by different means:
 *
 * - postgres.c and mongo.c hold what the audit itself folded against the read models: another fold
 *   than the projections', so a wrong one is seen. In PostgreSQL these are the columns that the
 *   invariants know, and they are compared when the position says that the table holds exactly what
 *   was read of its topic: a worker that is behind is waited for, ten seconds for the whole audit;
 *   one that is ahead already (the shop goes on) is noted and left out. In MongoDB it is all of
 *   every document, at the place of the position.
 * - rows.c has the projection's own code fold the log in memory, up to the place where the position
 *   row stands, wherever that is, and holds every column of every row of every table against it:
 *   what was lost, written twice, written in another order or changed by somebody is seen.
 *
 * Positions and rows are read in one snapshot. Threads: one at a time. */
#ifndef DS_CLI_AUDIT_READ_MODELS_H
#define DS_CLI_AUDIT_READ_MODELS_H

#include "base/runtime.h"
#include "cli/audit/model.h"
#include "cli/audit/source.h"

typedef struct ds_audit_postgres ds_audit_postgres_t;
typedef struct ds_audit_mongo ds_audit_mongo_t;

/** @param runtime, url  borrowed. @param partitions  of the topics. @param timeout_ms  for each
 * answer, here and below: all rows of a partition are one. NULL: no memory. */
ds_audit_postgres_t *ds_audit_postgres_new(const struct ds_runtime *runtime, const char *url,
                                           int32_t partitions, int timeout_ms, int64_t patience_us);
void ds_audit_postgres_destroy(ds_audit_postgres_t *postgres);
/** @brief Compare orders, payments, deliveries and stock of a partition. UNAVAILABLE: it is away;
 * the next partition may be tried. */
DS_MUST_CHECK bool ds_audit_postgres_judge(ds_audit_postgres_t *postgres,
                                           const struct ds_audit_part *part, ds_error_t *error);

typedef struct ds_audit_rows ds_audit_rows_t;

/** @param runtime, url  borrowed. @param error  MEMORY. */
DS_MUST_CHECK bool ds_audit_rows_new(const struct ds_runtime *runtime, const char *url,
                                     int timeout_ms, ds_audit_rows_t **rows_out, ds_error_t *error);
void ds_audit_rows_destroy(ds_audit_rows_t *rows);
/** @brief Compare all tables of a partition, which is read once more for it. UNAVAILABLE: it is
 * away; what reading gives. */
DS_MUST_CHECK bool ds_audit_rows_judge(ds_audit_rows_t *rows, struct ds_audit_source *source,
                                       int32_t partition, struct ds_audit_report *report,
                                       ds_error_t *error);

/** @brief After the last partition: rows that stand in none of them. UNAVAILABLE: it is away. */
DS_MUST_CHECK bool ds_audit_rows_judge_rest(ds_audit_rows_t *rows, int32_t partitions,
                                            struct ds_audit_report *report, ds_error_t *error);

/** INVALID: the URL. */
DS_MUST_CHECK bool ds_audit_mongo_new(const struct ds_runtime *runtime, const char *url,
                                      int timeout_ms, int64_t patience_us,
                                      ds_audit_mongo_t **mongo_out, ds_error_t *error);
void ds_audit_mongo_destroy(ds_audit_mongo_t *mongo);
/** @brief Compare all documents of a partition, of which order.events is read once more for it.
 * UNAVAILABLE: it is away; what reading gives. */
DS_MUST_CHECK bool ds_audit_mongo_judge(ds_audit_mongo_t *mongo, struct ds_audit_source *source,
                                        int32_t partition, struct ds_audit_report *report,
                                        ds_error_t *error);

/** @brief After the last partition: documents that stand in none of them. UNAVAILABLE: it is away.
 */
DS_MUST_CHECK bool ds_audit_mongo_judge_rest(ds_audit_mongo_t *mongo, int32_t partitions,
                                             struct ds_audit_report *report, ds_error_t *error);

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
