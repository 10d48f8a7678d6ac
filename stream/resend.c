/* Originals of owed dead letters, read again by their place before an input is resumed. Usually
 * there is none; the few that an owner left when it died lie close together. */
#include "base/crypto.h"
#include "stream/task.h"

#include <inttypes.h>

#define READ_ON_MAX 1000 /* further apart: reading begins anew there */

/* The log says it is owed, and its original is not here. */
static struct ds_owed *next_owed(struct ds_task *task, const struct ds_task_input *in)
{
    for (size_t i = 0; i < task->owed_count; i++) {
        struct ds_owed *owed = &task->owed[i];

        if (owed->input == in->input->number && !owed->is_written &&
            !ds_dead_letter_at_hand(task, owed))
            return owed;
    }
    return NULL;
}

/* There is nothing to send any more: what is left is its InputRejected. */
static void give_up(struct ds_task *task, const struct ds_task_input *in, struct ds_owed *owed)
{
    owed->is_written = true;
    ds_log(&task->log, DS_LOG_WARN, "dead_letter.gone",
           "the original of a rejected input is not there any more",
           DS_F_CSTR("input", in->input->schema->topic), DS_F_INT("input_offset", owed->offset));
}

bool ds_task_resend(struct ds_task *task, struct ds_task_input *in, ds_error_t *error)
{
    const struct ds_owed *owed = next_owed(task, in);

    in->resending = owed != NULL;
    return in->resending ? ds_task_start_input(task, in, owed->offset, error)
                         : ds_task_resume_input(task, in, error);
}

bool ds_task_resend_record(struct ds_task *task, struct ds_task_input *in,
                           const struct ds_broker_event *record, ds_error_t *error)
{
    struct ds_owed *owed = next_owed(task, in);

    if (owed != NULL && record->offset < owed->offset)
        return true;
    if (owed != NULL && record->offset == owed->offset &&
        (int64_t)ds_crc32c(record->value) == owed->checksum) {
        if (!ds_dead_letter_again(task, in, record, owed, error))
            return false;
        ds_log(&task->log, DS_LOG_INFO, "dead_letter.again", "owed by an earlier owner",
               DS_F_CSTR("input", in->input->schema->topic),
               DS_F_INT("input_offset", owed->offset));
    } else if (owed != NULL) {
        give_up(task, in, owed);
    }
    owed = next_owed(task, in);
    if (owed != NULL && owed->offset > record->offset &&
        owed->offset - record->offset <= READ_ON_MAX)
        return true;
    return ds_task_resend(task, in, error);
}

void ds_task_resend_gone(struct ds_task *task, struct ds_task_input *in, int64_t low, int64_t end)
{
    for (struct ds_owed *owed = next_owed(task, in);
         owed != NULL && (owed->offset < low || owed->offset >= end); owed = next_owed(task, in))
        give_up(task, in, owed);
}
