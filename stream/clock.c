/* The own clock, held against the broker's (in the append time of the own Claim) and against the
 * monotonic one (from there on). The time of decisions never goes back, so a clock that is far
 * ahead, once, would fire the deadlines up to there at once, and hold all later ones, and find
 * every order too old, until the real time has caught up. An owner whose clock is far off decides
 * nothing (docs/protocol.md, "The clock"). */
#include "base/planted.h"
#include "stream/task.h"

#include <inttypes.h>
#include <stdio.h>

/* What a healthy Claim is older than its record: not to be taken for a clock that is behind. */
_Static_assert(2 * DS_CLAIM_TIMEOUT_US < DS_CLOCK_OFF_US, "a slow append is no wrong clock");

static bool is_far(int64_t off_us)
{
    return off_us > DS_CLOCK_OFF_US || off_us < -DS_CLOCK_OFF_US;
}

static int64_t own_us(const struct ds_task *task)
{
    return ds_now_us(task->host->runtime->clock);
}

void ds_task_clock_begin(struct ds_task *task)
{
    task->claim_now_us = own_us(task);
    task->claim_monotonic_us = ds_task_now(task);
}

static void give_up(struct ds_task *task, int64_t off_us, int64_t pause_us, const char *text)
{
    ds_metric_add(task->host->metrics[DS_HM_CLOCK], 1);
    ds_log(&task->log, DS_LOG_ERROR, "clock.wrong", text,
           DS_F_INT("ahead_ms", off_us / DS_US_PER_MS), DS_F_INT("epoch", task->epoch));
    ds_task_lose(task, "the own clock is wrong");
    if (task->wake_us < ds_task_now(task) + pause_us)
        task->wake_us = ds_task_now(task) + pause_us;
}

bool ds_task_clock_fits(struct ds_task *task, int64_t appended_us)
{
    int64_t off_us = task->claim_now_us - appended_us;

    if (appended_us <= 0 || !is_far(off_us) || DS_PLANTED(CLOCK))
        return true;
    give_up(task, off_us, DS_CLOCK_PAUSE_US, "it is not the broker's time: nothing is decided");
    return false;
}

bool ds_task_clock_stepped(struct ds_task *task, int64_t at_us)
{
    int64_t wanted_us = task->claim_now_us + ds_task_now(task) - task->claim_monotonic_us;
    int64_t off_us = own_us(task) - wanted_us;

    /* It may have been put right since the decision took its time. */
    if (at_us > task->last_event_us && at_us - wanted_us > off_us)
        off_us = at_us - wanted_us;
    if (!is_far(off_us) || DS_PLANTED(CLOCK))
        return false;
    give_up(task, off_us, 0, "it was set while we owned the partition: the next Claim looks at it");
    return true;
}

/* ---- a log that is ahead already */

static ds_metric_t *gauge(const struct ds_task *task)
{
    char partition[16];
    const struct ds_label labels[] = {
        {"processor", task->host->decider->name}, {"partition", partition}, {NULL, NULL}};

    (void)snprintf(partition, sizeof(partition), "%" PRId32, task->partition);
    return ds_metrics_get(task->host->runtime->metrics, DS_GAUGE, "doorstep_log_ahead_seconds",
                          "The log's time is ahead of the clock: no deadline passes meanwhile.",
                          labels);
}

void ds_task_tell_clock(struct ds_task *task)
{
    bool running = task->state == DS_PARTITION_RUNNING;
    int64_t ahead_us = running ? task->last_event_us - own_us(task) : 0;
    bool far = ahead_us > DS_CLOCK_OFF_US;

    if (!far && task->ahead == NULL)
        return;
    if (task->ahead == NULL)
        task->ahead = gauge(task);
    ds_metric_set(task->ahead, far ? ahead_us / DS_US_PER_S : 0);
    if (!far || ds_task_now(task) < task->ahead_say_us)
        return;
    task->ahead_say_us = ds_task_now(task) + DS_TELL_AGAIN_US;
    ds_log(&task->log, DS_LOG_WARN, "log.ahead",
           "an owner's clock was ahead: until the time has caught up orders are too old and no "
           "deadline passes",
           DS_F_INT("seconds", ahead_us / DS_US_PER_S));
}
