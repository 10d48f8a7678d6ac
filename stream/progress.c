/* Progress: how far inputs are handled that yielded nothing for long, so that the next owner does
 * not read them again and readers know what needs no more waiting for; and which dead letters are
 * written, so that it does not send them again.
 *
 * Every decision names its input, so what yields decisions needs none of this. Written when an
 * input moved far without one, or a while after it first did, with a pause in between; never where
 * nothing of the shop went by: two processors that listen to each other would keep each other
 * busy with nothing but this. */
#include "stream/task.h"

#include <inttypes.h>
#include <stdio.h>

/* Every record before fence.next_offset is handled, and the place is known under rule F. */
static bool stands_between_decisions(const struct ds_task_input *in)
{
    return !in->fence.pending && in->pending.count == 0;
}

void ds_task_input_handled(struct ds_task *task, struct ds_task_input *in, int64_t offset)
{
    if (in->at.offset > offset)
        in->silent = 0; /* its decision says so */
    else if (in->silent++ == 0)
        in->silent_since_us = ds_task_now(task);
}

static bool is_due(const struct ds_task *task, const struct ds_task_input *in)
{
    if (!stands_between_decisions(in) || in->fence.next_offset <= in->at.offset)
        return false;
    if (in->fence.next_offset - in->at.offset >= DS_PROGRESS_RECORDS)
        return true;
    return in->silent > 0 && ds_task_now(task) - in->silent_since_us >= DS_PROGRESS_US;
}

static bool any_due(const struct ds_task *task)
{
    for (int32_t i = 0; i < task->input_count; i++)
        if (is_due(task, &task->inputs[i]))
            return true;
    return false;
}

/* Up to where dead letters are written, counted in places of the own log. An offset of 0: a
 * snapshot did not know it; (epoch, seq) says which it is. */
static void list_letters(const struct ds_task *task, struct ds_array_of_input_position *list)
{
    size_t written = ds_owed_written(task);
    const struct ds_log_place *last;

    if (written == 0)
        return;
    last = &task->owed[written - 1].place;
    list->items[list->count++] = (struct ds_input_position){.input = DS_INPUT_OWN_LOG,
                                                            .offset = last->offset + 1,
                                                            .epoch = last->epoch,
                                                            .seq = last->seq};
}

/* Of all inputs that moved: they are handled as well, and cost nothing more. */
static bool list_positions(struct ds_task *task, struct ds_array_of_input_position *list,
                           ds_error_t *error)
{
    list->items = ds_arena_calloc(ds_decision_arena(task->host->decision),
                                  (size_t)task->input_count + 1, sizeof(*list->items), error);
    if (list->items == NULL)
        return false;
    for (int32_t i = 0; i < task->input_count; i++) {
        struct ds_task_input *in = &task->inputs[i];

        if (!stands_between_decisions(in) || in->fence.next_offset <= in->at.offset)
            continue;
        list->items[list->count++] = (struct ds_input_position){.input = in->input->number,
                                                                .offset = in->fence.next_offset,
                                                                .epoch = in->fence.epoch,
                                                                .seq = in->fence.seq};
        in->silent = 0;
    }
    list_letters(task, list);
    return true;
}

static bool write_progress(struct ds_task *task, ds_error_t *error)
{
    struct ds_protocol_event *event;
    char what[48];

    (void)snprintf(what, sizeof(what), "progress-%" PRId64, task->epoch);
    return ds_task_system_event(task, DS_PROTOCOL_PROGRESS, &event, error) &&
           list_positions(task, &event->body.as.progress.inputs, error) &&
           ds_task_append_system(task, what, task->next_seq, error);
}

/* Letters that are not noted would be sent again by the next owner: a clean stop notes them, and
 * very many do not wait for the pause. */
static bool is_time(const struct ds_task *task)
{
    size_t written = ds_owed_written(task);
    bool paused = ds_task_now(task) < task->progress_wake_us;

    if (task->host->draining)
        return written > 0;
    return paused ? written >= DS_OWED_NOTE : written > 0 || any_due(task);
}

void ds_task_progress(struct ds_task *task)
{
    struct ds_host *host = task->host;
    ds_error_t error = DS_ERROR_INIT;

    if (!task->opened || host->out.task != NULL ||
        ds_task_unacked(task) >= (int64_t)host->config.max_unacked || !is_time(task))
        return;
    task->progress_wake_us = ds_task_now(task) + DS_PROGRESS_PAUSE_US;
    if (write_progress(task, &error))
        return;
    if (error.code == DS_ERR_MEMORY)
        ds_host_fail(host, &error);
    else
        ds_task_stop(task, "progress.failed", &error);
}
