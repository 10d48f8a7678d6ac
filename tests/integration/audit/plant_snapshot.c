#include "plant_snapshot.h"

#include "base/crypto.h"
#include "stream/snapshot.h"

/* Of the topic that is loaded. */
struct snapshot {
    size_t at; /* its manifest */
    struct ds_snapshot_record *manifest;
};

static struct ds_snapshot_record *decode(struct log *log, size_t i, ds_error_t *error)
{
    struct ds_snapshot_record *record = ds_arena_alloc(log->arena, sizeof *record, error);
    if (record == NULL || !ds_schema_decode(&ds_schema_host_snapshot_state, log->records[i].value,
                                            log->arena, record, NULL, error))
        return NULL;
    return record;
}

static bool put(struct log *log, size_t i, const struct ds_schema *schema, const void *value,
                ds_bytes_t *bytes_out, ds_error_t *error)
{
    ds_buf_t bytes;
    ds_str_t copy = {NULL, 0};
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    bool ok = ds_schema_encode(schema, value, &bytes, error) &&
              ds_arena_dup(log->arena, ds_buf_str(&bytes), &copy, error);
    ds_buf_cleanup(&bytes);
    *bytes_out = (ds_bytes_t){(const uint8_t *)copy.data, copy.len};
    if (ok && schema == &ds_schema_host_snapshot_state)
        log->records[i].value = *bytes_out;
    return ok;
}

/* With the checksum of what it says now: the mistake is not that it is damaged. */
static bool put_manifest(struct log *log, const struct snapshot *of, ds_error_t *error)
{
    ds_buf_t bytes;
    ds_str_t copy = {NULL, 0};
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    bool ok = ds_snapshot_manifest_encode(of->manifest, &bytes, error) &&
              ds_arena_dup(log->arena, ds_buf_str(&bytes), &copy, error);
    ds_buf_cleanup(&bytes);
    if (ok)
        log->records[of->at].value = (ds_bytes_t){(const uint8_t *)copy.data, copy.len};
    return ok;
}

/* The newest manifest. false: the partition has none. */
static bool find(struct log *log, struct snapshot *found, ds_error_t *error)
{
    struct ds_snapshot_key key;
    for (size_t i = log->count; i-- > 0;) {
        if (!log->records[i].has_value || !ds_snapshot_key_parse(log->records[i].key, &key) ||
            key.chunk >= 0)
            continue;
        *found = (struct snapshot){i, decode(log, i, error)};
        return found->manifest != NULL;
    }
    return false;
}

/* The chunk with this number that the manifest is about. */
static bool find_chunk(const struct log *log, const struct snapshot *of, int32_t number,
                       size_t *at_out)
{
    const struct ds_snapshot_manifest *manifest = &of->manifest->body.as.snapshot_manifest;
    struct ds_snapshot_key key;
    for (size_t i = of->at; i-- > 0;)
        if (log->records[i].has_value && ds_snapshot_key_parse(log->records[i].key, &key) &&
            key.epoch == manifest->epoch && key.slot == manifest->slot && key.chunk == number) {
            *at_out = i;
            return true;
        }
    return false;
}

static bool save_chunk(struct log *log, struct snapshot *of, int32_t number, size_t at,
                       const struct ds_snapshot_record *chunk, ds_error_t *error)
{
    struct ds_snapshot_manifest *manifest = &of->manifest->body.as.snapshot_manifest;
    ds_bytes_t bytes;
    if (!put(log, at, &ds_schema_host_snapshot_state, chunk, &bytes, error))
        return false;
    manifest->chunks.items[number].checksum = (int64_t)ds_crc32c(bytes);
    manifest->chunks.items[number].items = (int32_t)chunk->body.as.snapshot_chunk.items.count;
    return put_manifest(log, of, error);
}

/* A product's stock, by its place in a chunk. */
static bool find_stock(struct log *log, const struct ds_array_of_bytes *items, size_t *at_out,
                       struct ds_inventory_state_item *item_out)
{
    for (size_t i = 0; i < items->count; i++) {
        ds_error_t why = DS_ERROR_INIT; /* command ids */
        if (!ds_schema_decode(&ds_schema_inventory_state, items->items[i], log->arena, item_out,
                              NULL, &why) ||
            item_out->body.kind != DS_INVENTORY_STATE_ITEM_STOCK_IMAGE)
            continue;
        *at_out = i;
        return true;
    }
    return false;
}

static bool change_stock(struct log *log, bool lose, ds_error_t *error)
{
    struct snapshot snapshot;
    if (!find(log, &snapshot, error))
        return false;
    size_t chunks = snapshot.manifest->body.as.snapshot_manifest.chunks.count;
    for (int32_t n = 0; (size_t)n < chunks; n++) {
        struct ds_inventory_state_item item;
        size_t at;
        size_t i;
        struct ds_snapshot_record *chunk =
            find_chunk(log, &snapshot, n, &at) ? decode(log, at, error) : NULL;
        if (chunk == NULL)
            return false;
        struct ds_array_of_bytes *items = &chunk->body.as.snapshot_chunk.items;
        if (!find_stock(log, items, &i, &item))
            continue;
        item.body.as.stock_image.available++;
        if (lose)
            items->items[i] = items->items[--items->count];
        else if (!put(log, 0, &ds_schema_inventory_state, &item, &items->items[i], error))
            return false;
        return save_chunk(log, &snapshot, n, at, chunk, error);
    }
    return false;
}

bool plant_wrong_item(struct log *log, ds_error_t *error)
{
    return change_stock(log, false, error);
}

bool plant_lost_item(struct log *log, ds_error_t *error)
{
    return change_stock(log, true, error);
}

bool plant_wrong_place(struct log *log, ds_error_t *error)
{
    struct snapshot snapshot;
    if (!find(log, &snapshot, error))
        return false;
    snapshot.manifest->body.as.snapshot_manifest.seq++;
    return put_manifest(log, &snapshot, error);
}

bool plant_other_format(struct log *log, ds_error_t *error)
{
    struct snapshot snapshot;
    if (!find(log, &snapshot, error))
        return false;
    snapshot.manifest->body.as.snapshot_manifest.format ^= 1;
    return put_manifest(log, &snapshot, error);
}

bool plant_damaged_chunk(struct log *log, ds_error_t *error)
{
    struct snapshot snapshot;
    size_t at;
    if (!find(log, &snapshot, error) || !find_chunk(log, &snapshot, 0, &at))
        return false;
    ds_bytes_t value = log->records[at].value;
    ((uint8_t *)(uintptr_t)value.data)[value.len - 1] ^= 1; /* the arena's copy */
    return true;
}
