/* stream/log_fold.h - memory as the fold of an own log, without a host.
 *
 * For whoever holds a snapshot against the log: the events go through the very code an owner folds
 * its log with (fold.c and the decider's evolve), and memory comes out item by item as a snapshot
 * would hold it. The caller applies rule F, and gives whole delivered decisions only. Threads: one
 * fold, one thread. */
#ifndef DS_STREAM_LOG_FOLD_H
#define DS_STREAM_LOG_FOLD_H

#include "stream/snapshot.h"

typedef struct ds_log_fold ds_log_fold_t;

/** @brief Memory of nothing. @param decider  constant; one that has snapshots. MEMORY. */
DS_MUST_CHECK bool ds_log_fold_new(const struct ds_decider *decider, ds_log_fold_t **fold_out,
                                   ds_error_t *error);
/** @brief NULL is fine. */
void ds_log_fold_destroy(ds_log_fold_t *fold);
/** @brief Apply the next delivered record. @param event  the struct of the own topic, borrowed.
 *  @param error  MEMORY; DAMAGE and others: an owner would not fold it either. Of no use then. */
DS_MUST_CHECK bool ds_log_fold_apply(ds_log_fold_t *fold, const void *event, ds_error_t *error);

/** Takes one item of memory, borrowed for the call: of decider->item, or of ds_schema_host_state.
 */
typedef bool (*ds_log_fold_take_fn)(void *context, const struct ds_schema *schema, const void *item,
                                    ds_error_t *error);
/** @brief Give all items: command ids and owed dead letters one an item and oldest first, what
 * waits for quarantined aggregates in the parts that a snapshot has of it, then the decider's. The
 * own offset of a letter is -1: an owner may not know it yet. */
DS_MUST_CHECK bool ds_log_fold_items(ds_log_fold_t *fold, ds_log_fold_take_fn take, void *context,
                                     ds_error_t *error);
/** @brief What a manifest says of memory: identity, epoch, seq, last_event_at and inputs; its texts
 * are borrowed from the fold. @param inputs  room for DS_MAX_INPUTS. */
void ds_log_fold_manifest(const ds_log_fold_t *fold, struct ds_snapshot_input *inputs,
                          struct ds_snapshot_manifest *manifest_out);

#endif
