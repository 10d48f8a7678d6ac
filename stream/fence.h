/* stream/fence.h - rule F: which records of an events partition count.
 *
 * A fence holds the epoch and seq of one partition and judges its records in offset order. A Claim
 * counts when its epoch is exactly the current one + 1; any other record counts when its epoch is
 * the current one and its seq the last + 1; the rest is skipped. What an intact log cannot hold (an
 * offset that jumps, a later epoch than the log opened, an Open that contradicts what was read) is
 * damage: an error, never a skip (protocol R13).
 *
 * Invariant: after a TAKE, epoch and seq are that record's (a Claim counts as seq 0). A SKIP moves
 * only the offset. After an error nothing has moved, and the partition is to be stopped. Threads:
 * one fence, one thread. No locks, no I/O, no allocation; plain data, may be copied. */
#ifndef DS_STREAM_FENCE_H
#define DS_STREAM_FENCE_H

#include "schemas/framing.h"
#include "stream/reader.h"

enum ds_fence_verdict {
    DS_FENCE_TAKE,
    DS_FENCE_SKIP_OLD_EPOCH,  /* an earlier owner that did not know it was deposed */
    DS_FENCE_SKIP_GAP,        /* right epoch, but not the next seq: after a hole, or a duplicate */
    DS_FENCE_SKIP_LOST_CLAIM, /* a Claim that came too late */
    DS_FENCE_SKIP_STRANGER,   /* no meta block could be read */
    DS_FENCE_VERDICTS,
};

struct ds_fence {
    int64_t epoch;
    int64_t seq;
    int64_t next_offset;   /* the only offset the next record may have */
    bool pending;          /* the last TAKE said `more`: its decision is not complete */
    int32_t pending_count; /* records of that decision so far */
    int64_t pending_bytes;
    struct ds_log_place delivered; /* where the last delivered decision ended */
    bool claim_seen;               /* a valid Claim was judged since the start ... */
    int64_t claim_offset;          /* ... here, and before it the fence held: */
    int64_t before_epoch;
    int64_t before_seq;
};

/** @brief Begin at the start of the log (DS_PLACE_START) or behind a place whose (epoch, seq) is
 * known (protocol R2). */
void ds_fence_init(struct ds_fence *fence, struct ds_log_place place);

/** @brief Judge the next record.
 *  @param meta          its meta block, borrowed for the call.
 *  @param is_claim      whether its body is a Claim.
 *  @param offset        its offset; must be fence->next_offset.
 *  @param size_bytes    of the value; a decision of more than DS_MAX_DECISION_BYTES is damage
 * (protocol R4).
 *  @param verdict_out   what the reader must do with it. TAKE of a Claim: drop a decision not yet
 * complete.
 *  @param error  DS_ERR_ORDER: offsets went backwards, the caller lost its place. DS_ERR_DAMAGE:
 * see above. */
DS_MUST_CHECK bool ds_fence_judge(struct ds_fence *fence, const struct ds_meta *meta, bool is_claim,
                                  int64_t offset, size_t size_bytes,
                                  enum ds_fence_verdict *verdict_out, ds_error_t *error);
/** @brief A record whose meta block cannot be read: skipped, its offset checked. */
DS_MUST_CHECK bool ds_fence_stranger(struct ds_fence *fence, int64_t offset, ds_error_t *error);
/** @brief Hold the Open just taken against what the fence held before the Claim in front of it. A
 * fence that started at or behind that Claim cannot check and lets it pass. DS_ERR_DAMAGE. */
DS_MUST_CHECK bool ds_fence_check_open(const struct ds_fence *fence, const struct ds_open *open,
                                       ds_error_t *error);

/** @brief Decode a record of an events topic and judge it, Open check included.
 *  @param framing        may be NULL (schemas/framing.h).
 *  @param value_out      the schema's struct; only its head when *undecodable_out.
 *  @param undecodable_out  the meta block is right, the body is not.
 *  @param error  as above; DS_ERR_UNKNOWN: a schema nobody here knows: wait for the newer version,
 * do not skip; DS_ERR_UNAVAILABLE: a registry id that is not known yet: wait, and try again;
 * DS_ERR_LIMIT or DS_ERR_MEMORY from the arena's side of decoding is returned as DS_ERR_MEMORY. */
DS_MUST_CHECK bool ds_fence_read(struct ds_fence *fence, ds_framing_t *framing,
                                 const struct ds_schema *schema, ds_bytes_t message, int64_t offset,
                                 ds_arena_t *arena, void *value_out, bool *undecodable_out,
                                 enum ds_fence_verdict *verdict_out, ds_error_t *error);

/** @brief "old_epoch", "gap", "lost_claim", "stranger"; "take". For metrics and logs. */
const char *ds_fence_verdict_text(enum ds_fence_verdict verdict);

#endif
