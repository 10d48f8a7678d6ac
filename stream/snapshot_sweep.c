/* Deleting the keys of snapshots that later ones have replaced. Only a later epoch's owner does: a
 * deposed one that still writes destroys at most what is its own. See snapshot.h. */
#include "stream/task.h"

#define TURN_KEYS 256

void ds_snapshot_note_keys(struct ds_task_snapshots *s, int64_t epoch, int32_t slot, int32_t chunks)
{
    for (size_t i = 0; i < s->other_count; i++)
        if (s->others[i].epoch == epoch && s->others[i].slot == slot) {
            if (chunks > s->others[i].chunks)
                s->others[i].chunks = chunks;
            return;
        }
    /* Beyond the bound keys stay for good: an epoch that ended inside a snapshot left them, many
     * times in a row without one that was completed. */
    if (s->other_count < DS_SNAPSHOT_OTHERS_MAX)
        s->others[s->other_count++] =
            (struct ds_snapshot_keys){.epoch = epoch, .slot = slot, .chunks = chunks};
}

static bool is_kept(const struct ds_task_snapshots *s, const struct ds_snapshot_keys *keys)
{
    /* With one of this epoch there is none before it but that. */
    return s->complete < 2 && s->has_kept && keys->epoch == s->kept.epoch &&
           keys->slot == s->kept.slot;
}

void ds_snapshot_sweep_begin(struct ds_task *task)
{
    struct ds_task_snapshots *s = &task->snapshots;
    struct ds_snapshot_sweep *sweep = &s->sweep;

    if (sweep->count > 0)
        return;
    *sweep = (struct ds_snapshot_sweep){.chunk = -1, .number = ++task->host->snapshot_numbers};
    for (size_t i = 0; i < s->other_count; i++)
        if (s->others[i].epoch < s->epoch && !is_kept(s, &s->others[i]))
            sweep->sets[sweep->count++] = s->others[i];
}

static void forget_keys(struct ds_task_snapshots *s, const struct ds_snapshot_keys *keys)
{
    for (size_t i = 0; i < s->other_count; i++)
        if (s->others[i].epoch == keys->epoch && s->others[i].slot == keys->slot)
            s->others[i] = s->others[--s->other_count];
}

/* When all are reported: what failed is tried again after the next snapshot. */
static void end_sweep(struct ds_task_snapshots *s)
{
    struct ds_snapshot_sweep *sweep = &s->sweep;

    if (sweep->count == 0 || sweep->at < sweep->count || sweep->waiting > 0)
        return;
    for (size_t i = 0; i < sweep->count && !sweep->failed; i++)
        forget_keys(s, &sweep->sets[i]);
    sweep->count = 0;
}

static enum ds_broker_put send_tombstone(struct ds_task *task, const struct ds_snapshot_keys *keys,
                                         ds_error_t *error)
{
    struct ds_host *host = task->host;
    const struct ds_snapshot_sweep *sweep = &task->snapshots.sweep;
    const struct ds_snapshot_key key = {task->partition, keys->epoch, keys->slot, sweep->chunk};
    char text[DS_SNAPSHOT_KEY_BYTES];
    struct ds_broker_message message = {
        .topic = host->topic_snapshots, .partition = task->partition, .has_key = true};

    ds_snapshot_key_print(&key, text);
    message.key = ds_str(text);
    return host->broker->ops->produce(host->broker, &message, (uint64_t)sweep->number << 32, error);
}

void ds_snapshot_sweep_turn(struct ds_task *task)
{
    struct ds_snapshot_sweep *sweep = &task->snapshots.sweep;
    ds_error_t ignored = DS_ERROR_INIT;

    for (int n = 0; n < TURN_KEYS && sweep->at < sweep->count; n++) {
        switch (send_tombstone(task, &sweep->sets[sweep->at], &ignored)) {
        case DS_BROKER_PUT_OK:
            sweep->waiting++;
            break;
        case DS_BROKER_PUT_FULL:
            return;
        case DS_BROKER_PUT_FAILED:
            sweep->failed = true;
            break;
        }
        if (++sweep->chunk < sweep->sets[sweep->at].chunks)
            continue;
        sweep->at++;
        sweep->chunk = -1;
    }
    end_sweep(&task->snapshots);
}

void ds_snapshot_sweep_delivery(struct ds_task *task, uint32_t number, bool ok)
{
    struct ds_snapshot_sweep *sweep = &task->snapshots.sweep;

    if (sweep->count == 0 || number != sweep->number)
        return;
    sweep->waiting--;
    sweep->failed = sweep->failed || !ok;
    end_sweep(&task->snapshots);
}
