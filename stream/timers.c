/* Deadlines (protocol R10). One fires only when every input has been read to an end asked for after
 * the deadline passed, so that what arrived during an outage is known before anything is given up;
 * an input that cannot be read, or stands still, holds deadlines back for a grace and no longer. */
#include "base/planted.h"
#include "stream/task.h"

#include <inttypes.h>

#define FIRE_MAX 256 /* in one turn, so that inputs are not kept waiting */

static bool is_held(const void *quarantine, ds_str_t aggregate)
{
    return ds_quarantine_find(quarantine, aggregate) != NULL;
}

/* Those of quarantined aggregates wait with their inputs. */
static bool next_timer(const struct ds_task *task, struct ds_timer *timer_out)
{
    const struct ds_timer_skip skip = {is_held, &task->quarantine};

    return task->state == DS_PARTITION_RUNNING && task->domain != NULL &&
           task->host->decider->next_timer(
               task->domain, ds_quarantine_count(&task->quarantine) > 0 ? &skip : NULL, timer_out);
}

static bool end_reached(const struct ds_task_input *in)
{
    return in->barrier >= 0 && in->fence.next_offset >= in->barrier;
}

/* What is told from now on was asked for after `now_us`. An input that was read to the end before
 * has kept no deadline waiting, whatever others do: its wait begins now. One that was not waits as
 * since the deadline before. */
static void forget_ends(struct ds_task *task, int64_t now_us)
{
    task->barrier_us = now_us;
    for (int32_t i = 0; i < task->input_count; i++) {
        struct ds_task_input *in = &task->inputs[i];

        if (end_reached(in))
            in->wait_us = ds_task_now(task);
        in->barrier = -1;
    }
}

bool ds_task_wants_ends(struct ds_task *task)
{
    struct ds_timer timer;

    if (!next_timer(task, &timer) || timer.due_us > ds_task_decision_time(task)) {
        task->barrier_wait_us = 0;
        return false;
    }
    if (task->barrier_us < timer.due_us) {
        if (task->barrier_wait_us == 0 || task->barrier_us == 0)
            task->barrier_wait_us = ds_task_now(task);
        forget_ends(task, ds_task_decision_time(task));
    }
    for (int32_t i = 0; i < task->input_count; i++)
        if (task->inputs[i].barrier < 0)
            return true;
    return false;
}

void ds_task_timer_end(struct ds_task *task, struct ds_task_input *in,
                       const struct ds_broker_end *end)
{
    (void)task;
    in->barrier = end->ok ? end->end : -1;
}

/* Since when this input alone keeps deadlines waiting. */
static int64_t waits_since(const struct ds_task *task, const struct ds_task_input *in)
{
    int64_t since_us = task->barrier_wait_us;

    if (in->wait_us > since_us)
        since_us = in->wait_us;
    if (in->moved_us > since_us)
        since_us = in->moved_us;
    return task->host->answers_us > since_us ? task->host->answers_us : since_us;
}

static bool inputs_read(struct ds_task *task)
{
    const struct ds_host *host = task->host;
    int64_t now_us = ds_task_now(task);

    for (int32_t i = 0; i < task->input_count; i++) {
        const struct ds_task_input *in = &task->inputs[i];

        if (end_reached(in) || DS_PLANTED(TIMER))
            continue;
        /* The grace is for an input, not for a whole outage; and whether it is one is not known
         * before somebody answers. */
        if (host->broker->ops->away(host->broker) || in->wait.kind == DS_WAIT_REGISTRY)
            task->barrier_wait_us = now_us;
        if (host->unanswered_us != 0 ||
            now_us - waits_since(task, in) < host->config.timer_grace_us)
            return false;
    }
    return true;
}

static bool same_timer(const struct ds_timer *a, const struct ds_timer *b)
{
    return a->kind == b->kind && a->due_us == b->due_us && ds_str_eq(a->aggregate, b->aggregate);
}

/* The deadline as it was, kept over the decision. */
struct fired {
    struct ds_timer timer;
    char aggregate[DS_MAX_ID_BYTES * 2];
};

static bool remember(const struct ds_timer *timer, struct fired *fired_out)
{
    fired_out->timer = *timer;
    if (!ds_str_to_array(timer->aggregate, fired_out->aggregate, sizeof(fired_out->aggregate)))
        return false;
    fired_out->timer.aggregate = ds_str(fired_out->aggregate);
    return true;
}

static void stuck(struct ds_task *task, const struct ds_timer *timer)
{
    ds_error_t error = DS_ERROR_INIT;

    ds_error_set(&error, DS_DOMAIN_DECIDER, DS_ERR_DAMAGE,
                 "the deadline %.*s, kind %" PRId32 ", due %" PRId64
                 ", is neither cleared nor moved by its decision",
                 DS_STR_ARG(timer->aggregate), timer->kind, timer->due_us);
    ds_task_stop(task, "timer.stuck", &error);
}

static bool fire(struct ds_task *task, const struct ds_timer *timer)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_timer next;
    struct fired fired;

    if (!remember(timer, &fired)) {
        stuck(task, timer);
        return false;
    }
    if (!ds_task_decide_timer(task, &fired.timer, &error)) {
        if (error.code == DS_ERR_MEMORY)
            ds_host_fail(task->host, &error);
        else
            ds_task_stop(task, "timer.failed", &error);
        return false;
    }
    if (next_timer(task, &next) && same_timer(&next, &fired.timer)) {
        stuck(task, &fired.timer);
        return false;
    }
    return true;
}

void ds_task_fire_timers(struct ds_task *task)
{
    struct ds_host *host = task->host;
    struct ds_timer timer;

    for (int n = 0; n < FIRE_MAX; n++) {
        if (host->out.task != NULL || host->releasing != NULL ||
            ds_task_unacked(task) >= (int64_t)host->config.max_unacked)
            return;
        if (!next_timer(task, &timer) || timer.due_us > task->barrier_us || !inputs_read(task))
            return;
        if (!fire(task, &timer))
            return;
    }
}
