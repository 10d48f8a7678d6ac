/* Writing a snapshot beside the running work. See snapshot.h.
 *
 * The cut is memory after a whole decision. From then on the walk gives its items, and evolve, when
 * it is about to change one, gives it first; so items come as they were. They wait here until the
 * cut is confirmed, go out as chunks, and the manifest when all chunks are acknowledged. If
 * anything goes wrong the snapshot is dropped: the slot of the one before is another. */
#include "base/crypto.h"
#include "base/planted.h"
#include "decider/walk.h"
#include "stream/snapshot_memory.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TURN_US        DS_US_PER_MS /* of walking, every turn */
#define LOOK_EVERY     32           /* items between two looks at the clock */
#define AHEAD          4            /* chunks that wait to be handed over before the walk waits */
#define IN_FLIGHT      4            /* chunks handed over and not reported */
#define WAITING_MAX    256
#define AGAIN_US       (60 * DS_US_PER_S)             /* after one that failed */
#define ITEMS_MAX      (DS_SNAPSHOT_CHUNK_BYTES / 10) /* of one chunk; the least image is larger */
#define MANIFEST_INDEX UINT32_MAX

struct chunk {
    ds_buf_t value; /* until it is handed over */
    int64_t checksum;
    int32_t items;
};

struct ds_snapshot_writer {
    struct ds_task *task;
    uint32_t number; /* in the tags of its reports */
    int64_t started_us;
    struct ds_snapshot_manifest manifest; /* as of the cut */
    struct ds_snapshot_input inputs[DS_MAX_INPUTS];
    bool confirmed;
    ds_walk_t *walk;
    bool ids_walked;
    bool quarantine_walked;
    bool watches_quarantine; /* there was a map at the cut */
    bool walked;
    struct ds_command_id_image ids[DS_MEMORY_IDS];
    size_t id_count;
    ds_buf_t bytes; /* of the chunk being filled */
    size_t *ends;
    size_t count;
    int64_t items; /* in all */
    int64_t total_bytes;
    struct chunk *chunks;
    size_t chunk_count;
    size_t chunk_room;
    size_t sent;
    size_t done;
    bool manifest_sent;
    ds_error_t error; /* of what happened inside evolve */
};

/* ---- life ---- */

static void writer_destroy(struct ds_snapshot_writer *w)
{
    if (w == NULL)
        return;
    ds_walk_end(w->walk);
    ds_window_watch(&w->task->window, NULL, NULL);
    if (w->watches_quarantine && w->task->quarantine.by_aggregate != NULL)
        ds_map_watch(w->task->quarantine.by_aggregate, NULL, NULL);
    for (size_t i = 0; i < w->chunk_count; i++)
        ds_buf_cleanup(&w->chunks[i].value);
    free(w->chunks);
    free(w->ends);
    ds_buf_cleanup(&w->bytes);
    free(w);
}

/* What was written of it stands in the slot, for a later owner to delete. */
static void drop(struct ds_task_snapshots *s)
{
    if (s->writer != NULL && (int32_t)s->writer->sent > s->chunks[s->slot])
        s->chunks[s->slot] = (int32_t)s->writer->sent;
    writer_destroy(s->writer);
    s->writer = NULL;
}

static void give_up(struct ds_task *task, const char *why)
{
    struct ds_task_snapshots *s = &task->snapshots;

    if (s->writer == NULL)
        return;
    s->not_before_us = ds_task_now(task) + AGAIN_US;
    ds_metric_add(task->host->snapshot_metrics[DS_SM_FAILED], 1);
    ds_log(&task->log, DS_LOG_WARN, "snapshot.dropped", why,
           DS_F_INT("epoch", s->writer->manifest.epoch), DS_F_INT("seq", s->writer->manifest.seq));
    drop(s);
}

void ds_snapshot_leave(struct ds_task *task)
{
    drop(&task->snapshots);
    ds_snapshot_reader_destroy(task->snapshots.reader);
    task->snapshots.reader = NULL;
    task->snapshots.tried = false;
    task->snapshots.sweep.count = 0;
    task->snapshots.sweep.waiting = 0;
}

/* ---- items ---- */

static bool seal(struct ds_snapshot_writer *w, ds_error_t *error)
{
    struct ds_snapshot_record record = {.body.kind = DS_SNAPSHOT_RECORD_SNAPSHOT_CHUNK};
    ds_bytes_t *items = NULL;
    struct chunk *chunk;
    bool ok;

    if (w->count == 0)
        return true;
    if (w->chunk_count - w->sent >= WAITING_MAX)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "%d chunks wait", WAITING_MAX);
    if (w->chunk_count == w->chunk_room) {
        size_t room = w->chunk_room == 0 ? 16 : 2 * w->chunk_room;
        struct chunk *chunks = realloc(w->chunks, room * sizeof(*chunks));

        if (chunks == NULL)
            return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "chunks");
        w->chunks = chunks;
        w->chunk_room = room;
    }
    items = calloc(w->count, sizeof(*items));
    if (items == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a chunk");
    for (size_t i = 0; i < w->count; i++) {
        size_t from = i == 0 ? 0 : w->ends[i - 1];

        items[i] = (ds_bytes_t){w->bytes.data + from, (uint32_t)(w->ends[i] - from)};
    }
    record.body.as.snapshot_chunk.items.items = items;
    record.body.as.snapshot_chunk.items.count = w->count;
    chunk = &w->chunks[w->chunk_count];
    *chunk = (struct chunk){.items = (int32_t)w->count};
    ds_buf_init(&chunk->value, DS_MAX_RECORD_BYTES);
    ok = ds_schema_encode(&ds_schema_host_snapshot_state, &record, &chunk->value, error);
    free(items);
    if (!ok)
        return false;
    chunk->checksum = (int64_t)ds_crc32c(ds_buf_bytes(&chunk->value));
    w->total_bytes += (int64_t)chunk->value.len;
    w->chunk_count++;
    w->count = 0;
    ds_buf_clear(&w->bytes);
    return true;
}

static bool put(struct ds_snapshot_writer *w, const struct ds_schema *schema, const void *item,
                ds_error_t *error)
{
    if (w->count == ITEMS_MAX && !seal(w, error))
        return false;
    if (!ds_schema_encode(schema, item, &w->bytes, error))
        return false;
    w->ends[w->count++] = w->bytes.len;
    w->items++;
    return w->bytes.len < DS_SNAPSHOT_CHUNK_BYTES || seal(w, error);
}

static bool take_item(void *context, const void *item, ds_error_t *error)
{
    struct ds_snapshot_writer *w = context;

    return put(w, w->task->host->decider->item, item, error);
}

static bool put_ids(struct ds_snapshot_writer *w, ds_error_t *error)
{
    const struct ds_host_state_item item = {.ids = {w->ids, w->id_count}};

    if (w->id_count == 0)
        return true;
    w->id_count = 0;
    return put(w, &ds_schema_host_state, &item, error);
}

static void see_id(void *context, const struct ds_window_entry *entry)
{
    struct ds_snapshot_writer *w = context;

    ds_memory_image_id(entry, &w->ids[w->id_count++]);
    if (w->id_count == DS_MEMORY_IDS)
        (void)put_ids(w, &w->error);
}

static void see_quarantined(void *context, ds_str_t aggregate, const void *entry)
{
    struct ds_snapshot_writer *w = context;
    struct ds_held_image held[DS_MEMORY_HELD];
    struct ds_quarantined_image image;
    size_t n = 0;

    do {
        const struct ds_host_state_item item = {.quarantined = {&image, 1}};

        n += ds_quarantine_image(aggregate, entry, n, held, DS_MEMORY_HELD, &image);
        if (!put(w, &ds_schema_host_state, &item, &w->error))
            return;
    } while (n < ds_quarantined_count(entry));
}

static bool walk_quarantine(struct ds_snapshot_writer *w, ds_error_t *error)
{
    w->quarantine_walked =
        !w->watches_quarantine || !ds_map_watch_next(w->task->quarantine.by_aggregate);
    if (!ds_error_is_set(&w->error))
        return true;
    *error = w->error;
    return false;
}

static bool walk_one(struct ds_snapshot_writer *w, ds_error_t *error)
{
    if (!w->ids_walked) {
        w->ids_walked = !ds_window_watch_next(&w->task->window);
        if (ds_error_is_set(&w->error)) {
            *error = w->error;
            return false;
        }
        return !w->ids_walked || put_ids(w, error);
    }
    if (!w->quarantine_walked)
        return walk_quarantine(w, error);
    return ds_walk_next(w->walk, &w->walked, error) && (!w->walked || seal(w, error));
}

static bool walk_on(struct ds_snapshot_writer *w, ds_error_t *error)
{
    int64_t until_us = ds_task_now(w->task) + TURN_US;

    for (int n = 1; n <= DS_SNAPSHOT_TURN_ITEMS && !w->walked && w->chunk_count - w->sent < AHEAD;
         n++) {
        if (!walk_one(w, error))
            return false;
        if (n % LOOK_EVERY == 0 && ds_task_now(w->task) >= until_us)
            break;
    }
    return true;
}

/* All at once, at the cut: there are few. */
static bool put_owed(struct ds_snapshot_writer *w, ds_error_t *error)
{
    struct ds_owed_letter_image images[DS_MEMORY_OWED];
    size_t count;

    for (size_t i = 0; i < w->task->owed_count; i += count) {
        struct ds_host_state_item item = {0};

        count = ds_memory_image_owed(w->task, i, images);
        item.owed.items = images;
        item.owed.count = count;
        if (!put(w, &ds_schema_host_state, &item, error))
            return false;
    }
    return true;
}

/* ---- the cut ---- */

/* The slots are those of the epoch; what this process wrote in an earlier one is another's. */
static void enter_epoch(struct ds_task *task)
{
    struct ds_task_snapshots *s = &task->snapshots;

    if (s->epoch == task->epoch)
        return;
    for (int32_t slot = 0; slot < 2; slot++)
        if (s->chunks[slot] > 0 || s->complete > 0)
            ds_snapshot_note_keys(s, s->epoch, slot, s->chunks[slot]);
    if (s->complete > 0) {
        s->has_kept = true;
        s->kept = (struct ds_snapshot_keys){.epoch = s->epoch, .slot = s->slot ^ 1};
    }
    s->epoch = task->epoch;
    s->slot = 0;
    s->complete = 0;
    s->chunks[0] = s->chunks[1] = 0;
}

static struct ds_snapshot_writer *writer_new(struct ds_task *task, ds_error_t *error)
{
    struct ds_snapshot_writer *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a snapshot");
        return NULL;
    }
    w->task = task;
    w->number = ++task->host->snapshot_numbers;
    w->started_us = ds_task_now(task);
    ds_buf_init(&w->bytes, DS_MAX_RECORD_BYTES);
    w->ends = calloc(ITEMS_MAX, sizeof(*w->ends));
    if (w->ends != NULL)
        w->walk = ds_walk_begin(task->host->decider, task->domain, take_item, w, error);
    if (w->walk == NULL) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a snapshot");
        writer_destroy(w);
        return NULL;
    }
    ds_window_watch(&task->window, see_id, w);
    w->watches_quarantine = task->quarantine.by_aggregate != NULL;
    if (w->watches_quarantine)
        ds_map_watch(task->quarantine.by_aggregate, see_quarantined, w);
    ds_memory_to_manifest(task, w->inputs, &w->manifest);
    w->manifest.format = ds_snapshot_format(task->host->decider);
    if (!put_owed(w, error)) {
        writer_destroy(w);
        return NULL;
    }
    return w;
}

static void cut(struct ds_task *task)
{
    struct ds_task_snapshots *s = &task->snapshots;
    ds_error_t error = DS_ERROR_INIT;

    enter_epoch(task);
    assert(!task->mid_decision);
    s->writer = writer_new(task, &error);
    if (s->writer == NULL) {
        ds_host_fail(task->host, &error);
        return;
    }
    s->writer->manifest.slot = s->slot;
    s->events = 0;
    s->due_us = ds_task_now(task) + task->host->config.snapshot_every_us;
    if (task->confirmed.seq == task->memory.seq)
        ds_snapshot_confirmed(task, task->confirmed.seq, task->confirmed.offset);
    else if (DS_PLANTED(UNCONFIRMED))
        ds_snapshot_confirmed(task, task->memory.seq,
                              task->confirmed.offset + task->memory.seq - task->confirmed.seq);
}

static bool is_due(const struct ds_task *task)
{
    const struct ds_task_snapshots *s = &task->snapshots;
    int64_t now_us = ds_task_now(task);

    if (task->host->decider->item == NULL || !task->opened || task->host->draining ||
        s->events == 0 || s->identity[0] == '\0' || now_us < s->not_before_us)
        return false;
    return s->events >= s->least_events || now_us >= s->due_us;
}

void ds_snapshot_confirmed(struct ds_task *task, int64_t seq, int64_t offset)
{
    struct ds_snapshot_writer *w = task->snapshots.writer;

    if (w == NULL || w->confirmed || seq != w->manifest.seq)
        return;
    w->confirmed = true;
    w->manifest.offset = offset;
}

/* ---- records ---- */

static enum ds_broker_put send(const struct ds_snapshot_writer *w, int32_t chunk, ds_bytes_t value,
                               uint32_t index, ds_error_t *error)
{
    struct ds_host *host = w->task->host;
    const struct ds_snapshot_key key = {w->task->partition, w->manifest.epoch, w->manifest.slot,
                                        chunk};
    char text[DS_SNAPSHOT_KEY_BYTES];
    struct ds_broker_message message = {.topic = host->topic_snapshots,
                                        .partition = w->task->partition,
                                        .has_key = true,
                                        .has_value = true,
                                        .value = value};

    ds_snapshot_key_print(&key, text);
    message.key = ds_str(text);
    return host->broker->ops->produce(host->broker, &message, (uint64_t)w->number << 32 | index,
                                      error);
}

static bool send_chunks(struct ds_snapshot_writer *w, ds_error_t *error)
{
    while (w->confirmed && w->sent < w->chunk_count && w->sent - w->done < IN_FLIGHT) {
        struct chunk *chunk = &w->chunks[w->sent];

        switch (send(w, (int32_t)w->sent, ds_buf_bytes(&chunk->value), (uint32_t)w->sent, error)) {
        case DS_BROKER_PUT_OK:
            ds_buf_cleanup(&chunk->value);
            w->sent++;
            break;
        case DS_BROKER_PUT_FULL:
            return true; /* later */
        case DS_BROKER_PUT_FAILED:
            return false;
        }
    }
    return true;
}

static bool send_manifest(struct ds_snapshot_writer *w, ds_error_t *error)
{
    struct ds_task_snapshots *s = &w->task->snapshots;
    struct ds_snapshot_record record = {.body.kind = DS_SNAPSHOT_RECORD_SNAPSHOT_MANIFEST};
    struct ds_snapshot_manifest *manifest = &record.body.as.snapshot_manifest;
    struct ds_chunk_sum *sums = calloc(w->chunk_count + 1, sizeof(*sums));
    ds_buf_t value;
    bool ok = false;

    ds_buf_init(&value, DS_MAX_RECORD_BYTES);
    if (sums == NULL) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a manifest");
        goto out;
    }
    for (size_t i = 0; i < w->chunk_count; i++)
        sums[i] = (struct ds_chunk_sum){w->chunks[i].checksum, w->chunks[i].items};
    *manifest = w->manifest;
    manifest->chunks.items = sums;
    manifest->chunks.count = w->chunk_count;
    manifest->others.items = s->others;
    manifest->others.count = s->other_count;
    if (!ds_snapshot_manifest_encode(&record, &value, error))
        goto out;
    switch (send(w, -1, ds_buf_bytes(&value), MANIFEST_INDEX, error)) {
    case DS_BROKER_PUT_OK:
        w->manifest_sent = true;
        ok = true;
        break;
    case DS_BROKER_PUT_FULL:
        ok = true; /* later */
        break;
    case DS_BROKER_PUT_FAILED:
        break;
    }
out:
    free(sums);
    ds_buf_cleanup(&value);
    return ok;
}

static void completed(struct ds_task *task)
{
    struct ds_task_snapshots *s = &task->snapshots;
    struct ds_snapshot_writer *w = s->writer;
    int64_t took_us = ds_task_now(task) - w->started_us;

    s->complete++;
    /* So the work is in proportion to the changes, however large the state is. */
    s->least_events = w->items > task->host->config.snapshot_events
                          ? w->items
                          : task->host->config.snapshot_events;
    ds_metric_add(task->host->snapshot_metrics[DS_SM_WRITTEN], 1);
    ds_metric_observe_us(task->host->snapshot_metrics[DS_SM_SECONDS], took_us);
    ds_log(&task->log, DS_LOG_INFO, "snapshot.written", "a snapshot is complete",
           DS_F_INT("epoch", w->manifest.epoch), DS_F_INT("seq", w->manifest.seq),
           DS_F_INT("own_offset", w->manifest.offset), DS_F_INT("items", w->items),
           DS_F_INT("chunks", (int64_t)w->chunk_count), DS_F_INT("bytes", w->total_bytes),
           DS_F_INT("took_us", took_us));
    drop(s);
    s->slot ^= 1;
    ds_snapshot_sweep_begin(task);
}

void ds_snapshot_delivery(struct ds_task *task, const struct ds_broker_event *report)
{
    struct ds_snapshot_writer *w = task->snapshots.writer;
    uint32_t number = (uint32_t)(report->tag >> 32);
    uint32_t index = (uint32_t)report->tag;

    if (w == NULL || number != w->number) {
        ds_snapshot_sweep_delivery(task, number, report->code == DS_OK);
        return;
    }
    if (report->code != DS_OK || (index == 0 && report->offset < 0)) {
        give_up(task, report->reason == NULL ? "where it stands is not known" : report->reason);
    } else if (index == MANIFEST_INDEX) {
        completed(task);
    } else {
        if (index == 0)
            w->manifest.chunks_offset = report->offset;
        w->done++;
    }
}

static bool write_on(struct ds_snapshot_writer *w, ds_error_t *error)
{
    if (ds_error_is_set(&w->error)) {
        *error = w->error;
        return false;
    }
    if (!w->walked && !walk_on(w, error))
        return false;
    if (!send_chunks(w, error))
        return false;
    if (!w->walked || !w->confirmed || w->done < w->chunk_count || w->manifest_sent)
        return true;
    return send_manifest(w, error);
}

void ds_snapshot_turn(struct ds_task *task)
{
    struct ds_task_snapshots *s = &task->snapshots;
    ds_error_t error = DS_ERROR_INIT;

    ds_snapshot_sweep_turn(task);
    if (s->writer == NULL && s->reader == NULL && is_due(task)) {
        if (s->surveyed)
            cut(task);
        else
            ds_snapshot_survey(task);
    }
    if (s->writer == NULL || write_on(s->writer, &error))
        return;
    if (error.code == DS_ERR_MEMORY)
        ds_host_fail(task->host, &error);
    give_up(task, error.message);
}

bool ds_snapshot_is_busy(const struct ds_task *task)
{
    return task->snapshots.writer != NULL || task->snapshots.sweep.count > 0;
}
