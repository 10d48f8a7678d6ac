/* What became of the records handed over: confirmed at the expected offset, or settled by reading
 * the log between, or the epoch is over (protocol R3, R5). */
#include "base/planted.h"
#include "stream/task.h"

static void confirm(struct ds_task *task, int64_t seq, int64_t offset)
{
    task->confirmed = (struct ds_log_place){offset, task->epoch, seq};
    task->expected_offset = offset + 1;
    ds_dead_letters_confirmed(task, task->confirmed);
    ds_snapshot_confirmed(task, seq, offset);
    if (task->opened)
        return;
    task->opened = true; /* seq 1: the Open */
    task->attempts = 0;
    ds_metric_observe_us(task->host->metrics[DS_HM_TAKEOVER], ds_task_now(task) - task->given_us);
    ds_log(&task->log, DS_LOG_INFO, "owner.open", "the partition is ours",
           DS_F_INT("epoch", task->epoch), DS_F_INT("took_us", ds_task_now(task) - task->given_us));
}

void ds_task_settle(struct ds_task *task, int64_t until)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_log_place place = {task->expected_offset - 1, task->confirmed.epoch,
                                 task->confirmed.seq};

    if (until > task->settle_until || !task->settling)
        task->settle_until = until;
    if (task->settling)
        return; /* a report moves no deadline, only what is found does */
    task->settling = true;
    task->wake_us = ds_task_now(task) + DS_SETTLE_TIMEOUT_US;
    if (!ds_task_read_own(task, place, &error)) {
        ds_log_error(&task->log, DS_LOG_WARN, "owner.retry", &error);
        ds_task_lose(task, "the own log cannot be read to settle an offset");
    }
}

static void claim_report(struct ds_task *task, const struct ds_broker_event *report)
{
    /* Whether it won is read from the log; a report can only say that waiting is useless. */
    if (task->state == DS_PARTITION_CLAIMING && report->code != DS_OK)
        ds_task_lose(task, "the delivery of the Claim failed");
}

void ds_task_delivery(struct ds_task *task, const struct ds_broker_event *report)
{
    uint32_t claim_number = (uint32_t)(report->tag >> 40);
    int64_t seq = (int64_t)(report->tag & ((UINT64_C(1) << 40) - 1));

    if (task->claim_number == 0 || claim_number != task->claim_number)
        return; /* of an epoch that is over */
    if (seq == 0) {
        claim_report(task, report);
        return;
    }
    if (report->code != DS_OK && DS_PLANTED(SAME_EPOCH) && seq == task->next_seq - 1) {
        task->next_seq = seq;
        return;
    }
    if (report->code != DS_OK) {
        ds_log(&task->log, DS_LOG_WARN, "owner.delivery_failed",
               report->reason == NULL ? "" : report->reason, DS_F_INT("seq", seq));
        ds_task_lose(task, "a delivery failed");
        return;
    }
    if (seq > task->acked_seq)
        task->acked_seq = seq;
    if (seq <= task->confirmed.seq)
        return; /* read in the log before */
    if (seq == task->confirmed.seq + 1 &&
        (report->offset == task->expected_offset || DS_PLANTED(OFFSET)))
        confirm(task, seq, report->offset);
    else
        ds_task_settle(task, 0);
}

void ds_task_settle_record(struct ds_task *task, const struct ds_broker_event *record,
                           const struct ds_meta *meta, bool has_meta, bool is_claim,
                           enum ds_fence_verdict verdict)
{
    if (verdict == DS_FENCE_TAKE && !is_claim) {
        if (meta->seq > task->confirmed.seq) {
            confirm(task, meta->seq, record->offset);
            task->wake_us = ds_task_now(task) + DS_SETTLE_TIMEOUT_US;
        }
    } else if (has_meta && !is_claim && meta->epoch == task->epoch &&
               meta->seq > task->confirmed.seq) {
        ds_metric_add(task->host->metrics[DS_HM_FENCED], 1);
        ds_task_lose(task, "an own record does not count"); /* behind a hole */
        return;
    }
    if (task->expected_offset < task->own.next_offset)
        task->expected_offset = task->own.next_offset; /* strangers and zombies take offsets too */
    if (task->own.next_offset >= task->settle_until && task->acked_seq <= task->confirmed.seq) {
        task->settling = false;
        ds_task_stop_own(task);
    }
}

void ds_task_idle_end(struct ds_task *task, const struct ds_broker_end *end)
{
    task->idle_check_us = ds_task_now(task) + DS_IDLE_CHECK_US;
    if (task->settling || ds_task_unacked(task) > 0 || end->end == task->expected_offset)
        return;
    if (end->end < task->expected_offset) {
        /* A follower of the leader may answer late; a log that is shorter is a truncated one: the
         * claim will tell. */
        ds_task_lose(task, "the own log ends before its last record");
        return;
    }
    ds_task_settle(task, end->end);
}

void ds_task_confirm_time(struct ds_task *task, int64_t now_us)
{
    if (task->settling && now_us >= task->wake_us)
        ds_task_lose(task, "an acknowledged record was not found in the log in time");
}
