/* cli/dlq/isolated.h - which aggregates are quarantined and which inputs wait for them (ADR 21), as
 * a fold of the processors' own logs, and what became of a command about them.
 *
 * The events topics are read under rule F from their beginning; with an aggregate it is only its
 * store's partition. Threads: one. */
#ifndef DS_CLI_DLQ_ISOLATED_H
#define DS_CLI_DLQ_ISOLATED_H

#include "base/runtime.h"
#include "decider/decider.h"
#include "stream/quarantine.h"

/** One quarantined aggregate. All texts live in the list. */
struct ds_isolated {
    const struct ds_decider *decider;
    int32_t partition;
    ds_str_t aggregate;
    ds_str_t reason; /* "IMPOSSIBLE", "INPUT_GONE", "UNDECODABLE" */
    ds_str_t detail;
    int64_t since_us; /* of the record that says so last */
    int64_t offset;   /* and its place in the events topic */
    bool has_cause;   /* it was an input that could not be decided, not a deadline */
    int32_t cause_input;
    int64_t cause_offset;
    const struct ds_quarantined *state;
};

/** What became of a command that was sent. */
enum ds_isolated_outcome { DS_ASKED_UNKNOWN, DS_ASKED_DONE, DS_ASKED_REFUSED };

typedef struct ds_isolated_list ds_isolated_list_t;

/** What is read. */
struct ds_isolated_scope {
    const char *processor; /* "": all */
    ds_str_t aggregate;    /* empty: all; else only the partition of its store */
    int32_t partition;     /* -1: as the aggregate says */
};

/** @brief Read to the ends that the logs have now.
 *  @param error  UNKNOWN: no such processor. UNAVAILABLE: Kafka is away. TIMEOUT. DAMAGE: a log
 * contradicts itself. */
DS_MUST_CHECK bool ds_isolated_read(const struct ds_runtime *runtime, const char *brokers,
                                    const struct ds_isolated_scope *scope, int64_t timeout_us,
                                    ds_isolated_list_t **list_out, ds_error_t *error);
void ds_isolated_destroy(ds_isolated_list_t *list);
/** @brief By processor, then partition, then the order in which they were quarantined. */
size_t ds_isolated_count(const ds_isolated_list_t *list);
const struct ds_isolated *ds_isolated_at(const ds_isolated_list_t *list, size_t i);
/** @brief The topic of an input of the decider; "" for one that this version does not know. */
const char *ds_isolated_topic(const struct ds_decider *decider, int32_t input);

/** @brief Read on until the command at this place is decided. The list is as it was before.
 *  @param reason_out  of a refusal, at least 64 bytes; else empty.
 *  @return false: it cannot be read, or not in time (TIMEOUT): the command is there all the same.
 */
DS_MUST_CHECK bool ds_isolated_follow(ds_isolated_list_t *list, const struct ds_decider *decider,
                                      int32_t partition, int64_t offset, int64_t timeout_us,
                                      enum ds_isolated_outcome *outcome_out, char reason_out[64],
                                      ds_error_t *error);

#endif
