/* history.h - the ten topics of one partition, written record by record as the processors would,
 * and then audited.
 *
 * hist_emit fills the meta block: epoch, seq, event id, time, and the cause, whose (epoch, seq) or
 * fingerprint it looks up. A test writes a story with it (story.h), plants its mistake, and looks
 * at what the audit says. */
#ifndef DS_TESTS_UNIT_CLI_HISTORY_H
#define DS_TESTS_UNIT_CLI_HISTORY_H

#include "cli/audit/folds.h"

#define HIST_START_US   INT64_C(1700000000000000)
#define HIST_PARTITIONS 3
#define HIST_SECOND     INT64_C(1000000)

struct hist_record {
    struct ds_audit_record record; /* value owned */
    int64_t epoch;
    int64_t seq;
};

/** What an audit still held of the partition when it was judged. */
struct hist_held {
    size_t orders;
    size_t blocks;  /* of commands */
    size_t effects; /* command ids */
    size_t runs;    /* of delivered records */
    size_t named;   /* of causes that wait for their topic */
};

struct history {
    struct hist_record *records[DS_AUDIT_TOPICS];
    size_t counts[DS_AUDIT_TOPICS];
    size_t capacities[DS_AUDIT_TOPICS];
    int64_t low[DS_AUDIT_TOPICS];       /* where the topic is said to begin */
    int64_t unsettled[DS_AUDIT_TOPICS]; /* -1: all is settled */
    int64_t epoch[DS_AUDIT_PROCESSORS];
    int64_t seq[DS_AUDIT_PROCESSORS];
    int64_t now_us;
    int32_t partition; /* where the key "s" belongs, of HIST_PARTITIONS */
    ds_arena_t *arena;
    struct ds_audit_report *report;
    bool by_time;    /* topics are read beside each other, as they were written */
    size_t sweep_at; /* by time: always; 0: as the audit has it */
    size_t left;     /* orders that left in the last audit */
    struct hist_held held;
};

/** What a decision answers. */
struct hist_cause {
    int32_t input; /* -1: a timer; -2: nothing */
    int64_t offset;
    const char *held; /* the aggregate it had waited for; NULL: none */
};
#define HIST_TIMER                          ((struct hist_cause){-1, 0, NULL})
#define HIST_NOTHING                        ((struct hist_cause){-2, 0, NULL})
#define HIST_INPUT(input, offset)           ((struct hist_cause){(input), (offset), NULL})
#define HIST_HELD(aggregate, input, offset) ((struct hist_cause){(input), (offset), (aggregate)})

/** With a Claim and an Open in each events topic. */
struct history *hist_new(void);
void hist_destroy(struct history *h);
/** A Claim of the next epoch and its Open; the owner begins anew. */
void hist_claim(struct history *h, int32_t processor);
/** Append a command. @return its offset. */
int64_t hist_command(struct history *h, int32_t processor, const char *id, void *command);
/** Append the next record of a decision. @param event  the topic's struct; its meta and command are
 * filled in.
 *  @param more  the next one belongs to it too. @return its offset. */
int64_t hist_emit(struct history *h, int32_t topic, void *event, struct hist_cause cause,
                  bool more);
/** The same, the last of its decision, with the id of another command than the one it answers. */
int64_t hist_emit_as(struct history *h, int32_t topic, void *event, struct hist_cause cause,
                     const char *command_id);
/** Append any bytes. */
int64_t hist_raw(struct history *h, int32_t topic, const void *bytes, size_t len);
/** Take a record out; the ones behind it keep their offsets, or move up. */
void hist_remove(struct history *h, int32_t topic, int64_t offset, bool move_up);
/** Put a copy of a record at the end. */
void hist_copy(struct history *h, int32_t topic, int64_t offset);

/** Audit it all; the report lives until the next audit. */
const struct ds_audit_report *hist_audit(struct history *h);
/** The audit finds nothing. */
void hist_expect_clean(struct history *h);
/** The audit finds something of this invariant whose text contains `what`. */
void hist_expect(struct history *h, const char *invariant, const char *what);

#endif
