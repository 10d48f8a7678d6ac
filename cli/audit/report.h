/* cli/audit/report.h - what an audit found and how much it looked at.
 *
 * Anomalies are counted without end; the first DS_AUDIT_LISTED of them are kept in full. Names of
 * invariants: I1 to I9 as in DESIGN section 4; F: the rules of the fenced log itself; STATE: a step
 * the choreography does not know, or one that has to follow and did not. Threads: one report, one
 * thread. */
#ifndef DS_CLI_AUDIT_REPORT_H
#define DS_CLI_AUDIT_REPORT_H

#include "base/buf.h"
#include "base/limits.h"

#define DS_AUDIT_LISTED     100
#define DS_AUDIT_NOTES      16
#define DS_AUDIT_WHAT_BYTES 256

enum ds_audit_count {
    DS_AUDIT_PARTITIONS,
    DS_AUDIT_EVENTS,   /* delivered records of events topics */
    DS_AUDIT_COMMANDS, /* records of commands topics */
    DS_AUDIT_ORDERS,
    DS_AUDIT_STOCKED, /* products with stock */
    DS_AUDIT_LINES,   /* order lines whose price was looked up */
    DS_AUDIT_CHARGES, /* of the provider's books */
    DS_AUDIT_ROWS,    /* of read models */
    DS_AUDIT_SNAPSHOTS,
    DS_AUDIT_COUNTS,
};

enum ds_audit_skip {
    DS_AUDIT_SKIP_OLD_EPOCH,
    DS_AUDIT_SKIP_GAP,
    DS_AUDIT_SKIP_LOST_CLAIM,
    DS_AUDIT_SKIP_STRANGER,
    DS_AUDIT_SKIP_TORN,        /* valid, but the decision was never completed */
    DS_AUDIT_SKIP_UNEXPLAINED, /* of all these: those no later Claim explains */
    DS_AUDIT_SKIPS,
};

/** Snapshots that were not held against the log, and why. */
enum ds_audit_unchecked {
    DS_AUDIT_OTHER_FORMAT, /* another version of the program wrote it: of no use to this one */
    DS_AUDIT_INCOMPLETE,   /* something of it is missing or damaged: a restore passes it over */
    DS_AUDIT_TOO_MANY,     /* DS_AUDIT_SNAPSHOTS_MAX newer ones are there */
    DS_AUDIT_NOT_REACHED,  /* damage in the log stands in front of its place */
    DS_AUDIT_UNCHECKEDS,
};

/** Where something was found. */
struct ds_audit_place {
    const char *topic; /* a literal; "" where none applies */
    int32_t partition;
    int64_t offset;    /* -1: none */
    ds_str_t order_id; /* may be empty */
};

struct ds_audit_anomaly {
    char invariant[8];
    char topic[32];
    int32_t partition;
    int64_t offset;
    char order_id[DS_MAX_ID_BYTES + 1];
    char what[DS_AUDIT_WHAT_BYTES];
};

struct ds_audit_report {
    int64_t anomalies;
    int64_t in_flight;
    int64_t checked[DS_AUDIT_COUNTS];
    int64_t skipped[DS_AUDIT_SKIPS];
    int64_t unchecked[DS_AUDIT_UNCHECKEDS];
    bool allow_skipped;
    bool incomplete; /* a server that was to be compared was away; the notes say which */
    size_t listed;
    size_t noted;
    struct ds_audit_anomaly list[DS_AUDIT_LISTED];
    char notes[DS_AUDIT_NOTES][DS_AUDIT_WHAT_BYTES];
};

/** @brief An empty report. NULL: no memory. */
struct ds_audit_report *ds_audit_report_new(void);
void ds_audit_report_destroy(struct ds_audit_report *report);
/** @brief Count an anomaly, and keep it while there is room. Texts that are too long are cut. */
void ds_audit_found(struct ds_audit_report *report, const char *invariant,
                    struct ds_audit_place place, const char *format, ...) DS_PRINTF(4, 5);
/** @brief Something the reader of the report should know: a check that was left out, and why. Said
 * once. */
void ds_audit_note(struct ds_audit_report *report, const char *format, ...) DS_PRINTF(2, 3);
/** @brief One JSON object, no newline. */
DS_MUST_CHECK bool ds_audit_print_json(const struct ds_audit_report *report, ds_buf_t *out,
                                       ds_error_t *error);
/** @brief Lines for people. */
DS_MUST_CHECK bool ds_audit_print_text(const struct ds_audit_report *report, ds_buf_t *out,
                                       ds_error_t *error);

#endif
