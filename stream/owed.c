/* Dead letters that are owed: the InputRejected of the own log whose originals the log does not say
 * are in <name>.dlq (protocol R9). Part of memory, as everything that is folded; a Progress that
 * names input -1 says up to where they are written. So an owner that dies between the confirmed
 * InputRejected and its dead letter leaves the next one knowing that it has to send it. */
#include "stream/task.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16

static void remove_first(struct ds_task *task, size_t count)
{
    memmove(task->owed, task->owed + count, (task->owed_count - count) * sizeof(*task->owed));
    task->owed_count -= count;
}

void ds_owed_forget(struct ds_task *task)
{
    free(task->owed);
    task->owed = NULL;
    task->owed_count = task->owed_capacity = 0;
}

/* At the maximum the oldest leaves. An owner notes what is written long before that many are
 * owed; only a log that was written before letters were noted holds more. */
static bool make_room(struct ds_task *task, ds_error_t *error)
{
    size_t capacity = task->owed_capacity == 0 ? FIRST_CAPACITY : task->owed_capacity * 2;
    struct ds_owed *bigger;

    if (task->owed_count < task->owed_capacity)
        return true;
    if (task->owed_count == DS_MAX_OWED) {
        remove_first(task, 1);
        return true;
    }
    bigger = realloc(task->owed, capacity * sizeof(*bigger));
    if (bigger == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "%zu dead letters owed",
                            capacity);
    task->owed = bigger;
    task->owed_capacity = capacity;
    return true;
}

bool ds_owed_add(struct ds_task *task, const struct ds_meta *meta,
                 const struct ds_input_rejected *rejected, ds_error_t *error)
{
    struct ds_owed *owed;

    bool is_held = meta->cause.kind == DS_META_CAUSE_HELD_CAUSE;

    if (meta->cause.kind != DS_META_CAUSE_INPUT_CAUSE && !is_held)
        return true; /* nobody's: no original to send */
    if (!make_room(task, error))
        return false;
    owed = &task->owed[task->owed_count++];
    *owed = (struct ds_owed){
        .place = {-1, meta->epoch, meta->seq},
        .input = is_held ? meta->cause.as.held_cause.input : meta->cause.as.input_cause.input,
        .offset = is_held ? meta->cause.as.held_cause.offset : meta->cause.as.input_cause.offset,
        .checksum = rejected->checksum};
    (void)snprintf(owed->reason, sizeof(owed->reason), "%.*s", DS_STR_ARG(rejected->reason));
    (void)snprintf(owed->detail, sizeof(owed->detail), "%.*s", DS_STR_ARG(rejected->detail));
    return true;
}

static bool is_after(const struct ds_owed *owed, int64_t epoch, int64_t seq)
{
    return owed->place.epoch > epoch || (owed->place.epoch == epoch && owed->place.seq > seq);
}

void ds_owed_noted(struct ds_task *task, int64_t epoch, int64_t seq)
{
    size_t count = 0;

    while (count < task->owed_count && !is_after(&task->owed[count], epoch, seq))
        count++;
    if (count > 0)
        remove_first(task, count);
}

struct ds_owed *ds_owed_find(struct ds_task *task, int64_t epoch, int64_t seq)
{
    for (size_t i = task->owed_count; i-- > 0;) {
        struct ds_owed *owed = &task->owed[i];

        if (owed->place.epoch == epoch && owed->place.seq == seq)
            return owed;
        if (!is_after(owed, epoch, seq))
            break;
    }
    return NULL;
}

size_t ds_owed_written(const struct ds_task *task)
{
    size_t count = 0;

    while (count < task->owed_count && task->owed[count].is_written)
        count++;
    return count;
}
