/* Rule F as a pure state machine: see fence.h. */
#include "stream/fence.h"

#include "base/limits.h"
#include "base/planted.h"

#include <inttypes.h>

void ds_fence_init(struct ds_fence *fence, struct ds_log_place place)
{
    *fence = (struct ds_fence){.epoch = place.epoch,
                               .seq = place.seq,
                               .next_offset = place.offset + 1,
                               .delivered = place};
}

static bool check_offset(const struct ds_fence *fence, int64_t offset, ds_error_t *error)
{
    if (offset < fence->next_offset)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_ORDER,
                            "offset %" PRId64 " again, wanted %" PRId64, offset,
                            fence->next_offset);
    if (offset > fence->next_offset)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                            "offset jumps from %" PRId64 " to %" PRId64, fence->next_offset - 1,
                            offset);
    return true;
}

static enum ds_fence_verdict take_claim(struct ds_fence *fence, int64_t epoch, int64_t offset)
{
    fence->before_epoch = fence->epoch;
    fence->before_seq = fence->seq;
    fence->claim_seen = true;
    fence->claim_offset = offset;
    fence->epoch = epoch;
    fence->seq = 0;
    fence->pending = false; /* a torn decision leaves no trace */
    fence->delivered = (struct ds_log_place){offset, epoch, 0};
    return DS_FENCE_TAKE;
}

static bool take_record(struct ds_fence *fence, const struct ds_meta *meta, int64_t offset,
                        size_t size_bytes, ds_error_t *error)
{
    int32_t count = fence->pending ? fence->pending_count + 1 : 1;
    int64_t bytes = (fence->pending ? fence->pending_bytes : 0) + (int64_t)size_bytes;

    if (count > DS_MAX_DECISION_RECORDS || bytes > DS_MAX_DECISION_BYTES)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                            "offset %" PRId64 ": a decision of %" PRId32 " records, %" PRId64
                            " bytes and more",
                            offset, count, bytes);
    fence->seq = meta->seq;
    fence->pending = meta->more;
    fence->pending_count = count;
    fence->pending_bytes = bytes;
    if (!meta->more)
        fence->delivered = (struct ds_log_place){offset, meta->epoch, meta->seq};
    return true;
}

bool ds_fence_judge(struct ds_fence *fence, const struct ds_meta *meta, bool is_claim,
                    int64_t offset, size_t size_bytes, enum ds_fence_verdict *verdict_out,
                    ds_error_t *error)
{
    int64_t newest = is_claim ? fence->epoch + 1 : fence->epoch;

    *verdict_out = DS_FENCE_SKIP_STRANGER;
    if (!check_offset(fence, offset, error))
        return false;
    if (meta->epoch > newest)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                            "offset %" PRId64 ": %s of epoch %" PRId64
                            ", but the log is at epoch %" PRId64,
                            offset, is_claim ? "a Claim" : "a record", meta->epoch, fence->epoch);
    if (meta->epoch < newest && (is_claim || !DS_PLANTED(EPOCH)))
        *verdict_out = is_claim ? DS_FENCE_SKIP_LOST_CLAIM : DS_FENCE_SKIP_OLD_EPOCH;
    else if (is_claim)
        *verdict_out = take_claim(fence, meta->epoch, offset);
    else if (fence->epoch == 0 || (meta->seq != fence->seq + 1 && !DS_PLANTED(SEQ)))
        *verdict_out =
            DS_FENCE_SKIP_GAP; /* epoch 0 is what stands before the first Claim: nobody's */
    else if (take_record(fence, meta, offset, size_bytes, error))
        *verdict_out = DS_FENCE_TAKE;
    else
        return false;
    fence->next_offset = offset + 1;
    return true;
}

bool ds_fence_stranger(struct ds_fence *fence, int64_t offset, ds_error_t *error)
{
    if (!check_offset(fence, offset, error))
        return false;
    fence->next_offset = offset + 1;
    return true;
}

bool ds_fence_check_open(const struct ds_fence *fence, const struct ds_open *open,
                         ds_error_t *error)
{
    if (!fence->claim_seen || DS_PLANTED(OPEN))
        return true;
    if (open->claim_offset == fence->claim_offset && open->previous_epoch == fence->before_epoch &&
        open->previous_seq == fence->before_seq)
        return true;
    return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                        "offset %" PRId64 ": the Open of epoch %" PRId64 " follows (%" PRId64
                        ", %" PRId64 ") and a Claim at %" PRId64 ", here were (%" PRId64
                        ", %" PRId64 ") and a Claim at %" PRId64,
                        fence->next_offset - 1, fence->epoch, open->previous_epoch,
                        open->previous_seq, open->claim_offset, fence->before_epoch,
                        fence->before_seq, fence->claim_offset);
}

bool ds_fence_read(struct ds_fence *fence, ds_framing_t *framing, const struct ds_schema *schema,
                   ds_bytes_t message, int64_t offset, ds_arena_t *arena, void *value_out,
                   bool *undecodable_out, enum ds_fence_verdict *verdict_out, ds_error_t *error)
{
    const struct ds_protocol_event *event = value_out;
    ds_error_t why = DS_ERROR_INIT;
    bool head_ok = false;
    bool is_claim;

    *undecodable_out = false;
    *verdict_out = DS_FENCE_SKIP_STRANGER;
    if (!ds_framing_decode(framing, schema, message, arena, value_out, &head_ok, &why)) {
        if (why.code == DS_ERR_MEMORY || why.code == DS_ERR_UNKNOWN ||
            why.code == DS_ERR_UNAVAILABLE) {
            if (!ds_error_is_set(error))
                *error = why;
            return ds_error_prefix(error, "offset %" PRId64, offset);
        }
        if (!head_ok)
            return ds_fence_stranger(fence, offset, error);
        *undecodable_out = true;
    }
    is_claim = *undecodable_out ? event->head.meta.seq == 0 : event->body.kind == DS_PROTOCOL_CLAIM;
    if (!ds_fence_judge(fence, &event->head.meta, is_claim, offset, message.len, verdict_out,
                        error))
        return false;
    if (*verdict_out != DS_FENCE_TAKE || *undecodable_out || event->body.kind != DS_PROTOCOL_OPEN)
        return true;
    return ds_fence_check_open(fence, &event->body.as.open, error);
}

const char *ds_fence_verdict_text(enum ds_fence_verdict verdict)
{
    switch (verdict) {
    case DS_FENCE_TAKE:
        return "take";
    case DS_FENCE_SKIP_OLD_EPOCH:
        return "old_epoch";
    case DS_FENCE_SKIP_GAP:
        return "gap";
    case DS_FENCE_SKIP_LOST_CLAIM:
        return "lost_claim";
    case DS_FENCE_SKIP_STRANGER:
    case DS_FENCE_VERDICTS:
        break;
    }
    return "stranger";
}
