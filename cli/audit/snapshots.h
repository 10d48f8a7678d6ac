/* cli/audit/snapshots.h - are the snapshots of a processor what the log comes to?
 *
 * <name>.snapshots is read first: of each complete snapshot its manifest is kept, and of its items
 * a sum of hashes. Then the log is folded, by the code an owner folds it with (stream/log_fold.h),
 * from its beginning; where a snapshot stands, memory is walked, and the sums must be equal. Only
 * when they are not the items are kept, and the snapshot read again, to name the first that
 * differs. So it takes the memory of one owner, twice that after a mistake.
 *
 * What it proves: that a snapshot, and the memory it was taken from (of an owner that may itself
 * have begun with a snapshot and run for weeks) are the fold of the log, nothing more and nothing
 * less. What it does not: that evolve is right; the rest of the audit judges that, by rules of its
 * own. Threads: one. */
#ifndef DS_CLI_AUDIT_SNAPSHOTS_H
#define DS_CLI_AUDIT_SNAPSHOTS_H

#include "cli/audit/source.h"
#include "stream/log_fold.h"

/* As many of a processor and partition are held against the log; of more, the newest. */
#define DS_AUDIT_SNAPSHOTS_MAX 16

typedef struct ds_audit_snapshots ds_audit_snapshots_t;

/** @brief @param decider  of this processor: another one has other topics. MEMORY. */
DS_MUST_CHECK bool ds_audit_snapshots_new(struct ds_audit_report *report,
                                          const struct ds_decider *decider, int32_t processor,
                                          int32_t partition, ds_audit_snapshots_t **out,
                                          ds_error_t *error);
void ds_audit_snapshots_destroy(ds_audit_snapshots_t *snapshots);
/** @brief A record of the topic; all of them before the log. MEMORY. */
DS_MUST_CHECK bool ds_audit_snapshots_take(ds_audit_snapshots_t *snapshots,
                                           const struct ds_audit_record *record, ds_error_t *error);
/** @brief The topic is read, the log comes. MEMORY. */
DS_MUST_CHECK bool ds_audit_snapshots_begin(ds_audit_snapshots_t *snapshots, ds_error_t *error);
/** @brief The next delivered decision of the processor's events topic. MEMORY. */
DS_MUST_CHECK bool ds_audit_snapshots_decision(ds_audit_snapshots_t *snapshots,
                                               const struct ds_audit_event *events, size_t count,
                                               ds_error_t *error);
/** @brief The log is read; once. @param damaged  what stands behind its damage was not. */
DS_MUST_CHECK bool ds_audit_snapshots_judge(ds_audit_snapshots_t *snapshots,
                                            struct ds_audit_source *source, bool damaged,
                                            ds_error_t *error);

#endif
