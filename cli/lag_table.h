/* cli/lag_table.h - what `doorstep lag` prints: readers of the log, and how far behind each is.
 * Pure. */
#ifndef DS_CLI_LAG_TABLE_H
#define DS_CLI_LAG_TABLE_H

#include "cli/audit/report.h"

/** A reader in one partition of one topic. */
struct ds_lag_row {
    const char *reader; /* of a group or of a read model; the same pointer in all its rows */
    const char *topic;  /* likewise */
    int32_t partition;
    int64_t position; /* the next offset it will handle; -1: not known, it has never been here */
    bool is_known;    /* where the partition begins and ends */
    int64_t low;
    int64_t end;
};

/** @brief How many records it has not handled; of a reader that has never been here all there are.
 * -1: the end is not known. */
int64_t ds_lag_of(const struct ds_lag_row *row);
/** @brief How many rows have a lag that is not known. */
size_t ds_lag_unknown(const struct ds_lag_row *rows, size_t count);

/** @brief One JSON object with a row a partition, and a newline. What is not known is null and in
 * no sum. @param notes  its notes only. */
DS_MUST_CHECK bool ds_lag_print_json(const struct ds_lag_row *rows, size_t count,
                                     const struct ds_audit_report *notes, ds_buf_t *out,
                                     ds_error_t *error);
/** @brief One line a reader and topic: sums of what is known ("-": nothing is), and of how many
 * partitions it is not. */
DS_MUST_CHECK bool ds_lag_print_text(const struct ds_lag_row *rows, size_t count,
                                     const struct ds_audit_report *notes, ds_buf_t *out,
                                     ds_error_t *error);

#endif
