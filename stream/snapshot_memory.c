/* See snapshot_memory.h. */
#include "stream/snapshot_memory.h"

#include <stdio.h>
#include <stdlib.h>

void ds_memory_to_manifest(const struct ds_task *task, struct ds_snapshot_input *inputs,
                           struct ds_snapshot_manifest *manifest)
{
    size_t count = 0;

    for (int32_t i = 0; i < task->input_count; i++) {
        const struct ds_task_input *in = &task->inputs[i];

        if (in->known)
            inputs[count++] = (struct ds_snapshot_input){.input = in->input->number,
                                                         .offset = in->at.offset,
                                                         .epoch = in->at.epoch,
                                                         .seq = in->at.seq,
                                                         .fingerprint = in->fingerprint,
                                                         .decide_from = in->decide_from};
    }
    manifest->identity = ds_str(task->snapshots.identity);
    manifest->epoch = task->memory.epoch;
    manifest->seq = task->memory.seq;
    manifest->last_event_at = task->last_event_us;
    manifest->inputs.items = inputs;
    manifest->inputs.count = count;
}

void ds_memory_from_manifest(struct ds_task *task, const struct ds_snapshot_manifest *manifest)
{
    for (size_t i = 0; i < manifest->inputs.count; i++) {
        const struct ds_snapshot_input *from = &manifest->inputs.items[i];
        struct ds_task_input *in = ds_task_input_numbered(task, from->input);

        if (in == NULL)
            continue; /* an input that this version does not read any more */
        in->known = true;
        in->at = (struct ds_input_position){
            .input = from->input, .offset = from->offset, .epoch = from->epoch, .seq = from->seq};
        in->fingerprint = from->fingerprint;
        in->decide_from = from->decide_from;
    }
    if (!ds_str_to_array(manifest->identity, task->snapshots.identity,
                         sizeof(task->snapshots.identity)))
        task->snapshots.identity[0] = '\0';
    task->memory = task->confirmed =
        (struct ds_log_place){manifest->offset, manifest->epoch, manifest->seq};
    task->last_event_us = manifest->last_event_at;
    task->mid_decision = false;
}

void ds_memory_image_id(const struct ds_window_entry *entry, struct ds_command_id_image *image)
{
    memcpy(image->id.bytes, entry->id, sizeof(image->id.bytes));
    image->body_hash = (int64_t)entry->body_hash;
    image->appended_at = entry->appended_us;
    image->first_offset = entry->first_offset;
}

bool ds_memory_restore_ids(struct ds_window *window, const struct ds_host_state_item *item,
                           ds_error_t *error)
{
    for (size_t i = 0; i < item->ids.count; i++) {
        const struct ds_command_id_image *image = &item->ids.items[i];
        struct ds_window_entry entry = {.body_hash = (uint64_t)image->body_hash,
                                        .appended_us = image->appended_at,
                                        .first_offset = image->first_offset};

        memcpy(entry.id, image->id.bytes, sizeof(entry.id));
        if (!ds_window_restore(window, &entry, error))
            return false;
    }
    return true;
}

size_t ds_memory_image_owed(const struct ds_task *task, size_t i,
                            struct ds_owed_letter_image images[DS_MEMORY_OWED])
{
    size_t count = 0;

    for (; i < task->owed_count && count < DS_MEMORY_OWED; i++) {
        const struct ds_owed *owed = &task->owed[i];

        images[count++] = (struct ds_owed_letter_image){.offset = owed->place.offset,
                                                        .epoch = owed->place.epoch,
                                                        .seq = owed->place.seq,
                                                        .input = owed->input,
                                                        .input_offset = owed->offset,
                                                        .checksum = owed->checksum,
                                                        .reason = ds_str(owed->reason),
                                                        .detail = ds_str(owed->detail)};
    }
    return count;
}

bool ds_memory_restore_owed(struct ds_owed **owed, size_t *count,
                            const struct ds_host_state_item *item, ds_error_t *error)
{
    struct ds_owed *bigger;

    if (item->owed.count == 0)
        return true;
    if (item->owed.count > DS_MAX_OWED - *count)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_DAMAGE,
                            "more than %d dead letters owed", DS_MAX_OWED);
    bigger = realloc(*owed, (*count + item->owed.count) * sizeof(*bigger));
    if (bigger == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "owed dead letters");
    *owed = bigger;
    for (size_t i = 0; i < item->owed.count; i++) {
        const struct ds_owed_letter_image *image = &item->owed.items[i];
        struct ds_owed *to = &bigger[(*count)++];

        *to = (struct ds_owed){.place = {image->offset, image->epoch, image->seq},
                               .input = image->input,
                               .offset = image->input_offset,
                               .checksum = image->checksum};
        (void)snprintf(to->reason, sizeof(to->reason), "%.*s", DS_STR_ARG(image->reason));
        (void)snprintf(to->detail, sizeof(to->detail), "%.*s", DS_STR_ARG(image->detail));
    }
    return true;
}

bool ds_memory_restore_quarantine(struct ds_quarantine *quarantine,
                                  const struct ds_host_state_item *item, ds_error_t *error)
{
    for (size_t i = 0; i < item->quarantined.count; i++)
        if (!ds_quarantine_restore(quarantine, &item->quarantined.items[i], error))
            return false;
    return true;
}
