/* The chunks of a snapshot become memory. See snapshot.h. */
#include "base/crypto.h"
#include "base/planted.h"
#include "stream/snapshot_reader.h"

#include <inttypes.h>
#include <stdlib.h>

#define ARENA_FIRST (64 * 1024)

static size_t item_bytes(const struct ds_decider *decider)
{
    size_t bytes = decider->item->struct_bytes;

    if (bytes < sizeof(struct ds_host_state_item))
        bytes = sizeof(struct ds_host_state_item);
    return (bytes + 15) & ~(size_t)15;
}

bool ds_snapshot_load_begin(struct ds_snapshot_reader *reader, ds_error_t *error)
{
    struct ds_host *host = reader->task->host;
    struct ds_snapshot_load *load = &reader->load;

    ds_snapshot_load_cleanup(reader);
    ds_window_init(&load->window, host->config.max_command_ids);
    load->arena = ds_arena_new(ARENA_FIRST, (size_t)2 * DS_MAX_DECODE_BYTES);
    load->item = aligned_alloc(16, item_bytes(host->decider));
    load->domain = host->decider->state_new(host->config.settings, error);
    return (load->arena != NULL && load->item != NULL && load->domain != NULL) ||
           ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a snapshot");
}

void ds_snapshot_load_cleanup(struct ds_snapshot_reader *reader)
{
    struct ds_snapshot_load *load = &reader->load;

    if (load->domain != NULL)
        reader->task->host->decider->state_destroy(load->domain);
    ds_window_cleanup(&load->window);
    free(load->owed);
    ds_quarantine_clear(&load->quarantine);
    ds_arena_destroy(load->arena);
    free(load->item);
    *load = (struct ds_snapshot_load){0};
}

static bool restore_own(struct ds_snapshot_load *load, ds_error_t *error)
{
    return ds_memory_restore_ids(&load->window, load->item, error) &&
           ds_memory_restore_owed(&load->owed, &load->owed_count, load->item, error) &&
           ds_memory_restore_quarantine(&load->quarantine, load->item, error);
}

/* A failure that is not ours is a broken snapshot. */
static bool restore_item(struct ds_snapshot_reader *reader, ds_bytes_t bytes, ds_error_t *error)
{
    const struct ds_decider *decider = reader->task->host->decider;
    struct ds_snapshot_load *load = &reader->load;
    bool is_own = ds_snapshot_is_of(bytes, &ds_schema_host_state);

    ds_arena_reset(load->arena);
    load->items++;
    return ds_schema_decode(is_own ? &ds_schema_host_state : decider->item, bytes, load->arena,
                            load->item, NULL, error) &&
           (is_own ? restore_own(load, error) : decider->restore(load->domain, load->item, error));
}

static bool restore_chunk(struct ds_snapshot_reader *reader, ds_bytes_t value, ds_error_t *error)
{
    struct ds_host *host = reader->task->host;
    struct ds_snapshot_record record;
    const struct ds_array_of_bytes *items = &record.body.as.snapshot_chunk.items;

    ds_arena_reset(host->arena);
    if (!ds_schema_decode(&ds_schema_host_snapshot_state, value, host->arena, &record, NULL, error))
        return false;
    if (record.body.kind != DS_SNAPSHOT_RECORD_SNAPSHOT_CHUNK)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_INVALID, "a chunk is none");
    for (size_t i = 0; i < items->count; i++)
        if (!restore_item(reader, items->items[i], error))
            return false;
    return true;
}

bool ds_snapshot_load_record(struct ds_snapshot_reader *reader,
                             const struct ds_broker_event *record, bool *done_out,
                             ds_error_t *error)
{
    const struct ds_snapshot_manifest *manifest = ds_snapshot_tried(reader);
    const struct ds_snapshot_candidate *candidate = &reader->candidates[reader->count - 1];
    struct ds_snapshot_load *load = &reader->load;
    struct ds_snapshot_key key;

    *done_out = load->next == manifest->chunks.count;
    if (*done_out)
        return true;
    if (record->offset >= candidate->at)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_INVALID, "chunk %zu of %zu is missing",
                            load->next, manifest->chunks.count);
    /* Another snapshot's, or one that was written twice. */
    if (!ds_snapshot_key_parse(record->key, &key) || key.epoch != manifest->epoch ||
        key.slot != manifest->slot || key.chunk < 0 || (size_t)key.chunk != load->next)
        return true;
    if ((int64_t)ds_crc32c(record->value) != manifest->chunks.items[load->next].checksum &&
        !DS_PLANTED(CHECKSUM))
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_INVALID,
                            "chunk %zu at offset %" PRId64 " is damaged", load->next,
                            record->offset);
    if (!restore_chunk(reader, record->value, error))
        return false;
    load->next++;
    *done_out = load->next == manifest->chunks.count;
    return true;
}

bool ds_snapshot_load_take(struct ds_snapshot_reader *reader, ds_error_t *error)
{
    struct ds_task *task = reader->task;
    const struct ds_decider *decider = task->host->decider;
    struct ds_snapshot_load *load = &reader->load;

    if (!decider->restored(load->domain, error) || !ds_task_forget(task, error))
        return false;
    decider->state_destroy(task->domain);
    task->domain = load->domain;
    load->domain = NULL;
    ds_window_cleanup(&task->window);
    task->window = load->window;
    ds_window_init(&load->window, 0);
    task->owed = load->owed; /* ds_task_forget left none */
    task->owed_count = task->owed_capacity = load->owed_count;
    load->owed = NULL;
    task->quarantine = load->quarantine; /* ds_task_forget has emptied it */
    load->quarantine = (struct ds_quarantine){0};
    ds_memory_from_manifest(task, ds_snapshot_tried(reader));
    return true;
}
