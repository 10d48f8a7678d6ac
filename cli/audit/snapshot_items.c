/* See snapshot_items.h. */
#include "cli/audit/snapshot_items.h"

#include "base/limits.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_FIRST ((size_t)64 * 1024)
#define INDEX_BYTES ((size_t)8 * 1024 * 1024 * 1024)
#define INDEX_ITEMS ((size_t)1 << 28)
#define JSON_BYTES  ((size_t)16 * 1024 * 1024)
#define NAME_BYTES  160
#define PATH_BYTES  96
#define MAX_DEPTH   16

/* ---- items ---- */

bool ds_snapshot_room_init(struct ds_snapshot_room *room, const struct ds_decider *decider,
                           ds_error_t *error)
{
    size_t bytes = decider->item->struct_bytes;

    if (bytes < sizeof(struct ds_host_state_item))
        bytes = sizeof(struct ds_host_state_item);
    *room = (struct ds_snapshot_room){.decider = decider};
    ds_buf_init(&room->bytes, DS_MAX_RECORD_BYTES);
    room->arena = ds_arena_new(ARENA_FIRST, DS_MAX_DECODE_BYTES);
    room->item_arena = ds_arena_new(ARENA_FIRST, DS_MAX_DECODE_BYTES);
    room->item = aligned_alloc(16, (bytes + 15) & ~(size_t)15);
    return (room->arena != NULL && room->item_arena != NULL && room->item != NULL) ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: an item");
}

void ds_snapshot_room_cleanup(struct ds_snapshot_room *room)
{
    ds_arena_destroy(room->arena);
    ds_arena_destroy(room->item_arena);
    free(room->item);
    ds_buf_cleanup(&room->bytes);
}

void ds_snapshot_sum_add(struct ds_snapshot_sum *sum, ds_bytes_t item)
{
    uint64_t hash[2];

    ds_audit_hash_bytes(item, hash);
    sum->items++;
    sum->hash[0] += hash[0];
    sum->hash[1] += hash[1];
}

bool ds_snapshot_sum_equal(const struct ds_snapshot_sum *a, const struct ds_snapshot_sum *b)
{
    return a->items == b->items && a->hash[0] == b->hash[0] && a->hash[1] == b->hash[1];
}

struct giving {
    struct ds_snapshot_room *room;
    ds_snapshot_item_fn take;
    void *context;
};

static bool give(void *context, const struct ds_schema *schema, const void *item, ds_error_t *error)
{
    const struct giving *giving = context;
    ds_buf_t *bytes = &giving->room->bytes;

    ds_buf_clear(bytes);
    return ds_schema_encode(schema, item, bytes, error) &&
           giving->take(giving->context, schema, ds_buf_bytes(bytes), error);
}

/* Command ids come by the hundred in one item, owed dead letters by the dozen; of what waits for a
 * quarantined aggregate the fold has the same parts. Where in the log one
 * of these stands an owner may not know yet at the cut; its epoch and seq say it. */
static bool give_memory(struct giving *giving, ds_bytes_t bytes, ds_error_t *error)
{
    struct ds_snapshot_room *room = giving->room;
    const struct ds_host_state_item *all = room->item;

    if (!ds_schema_decode(&ds_schema_host_state, bytes, room->item_arena, room->item, NULL, error))
        return false;
    for (size_t i = 0; i < all->ids.count; i++) {
        const struct ds_host_state_item one = {.ids = {&all->ids.items[i], 1}};
        if (!give(giving, &ds_schema_host_state, &one, error))
            return false;
    }
    for (size_t i = 0; i < all->owed.count; i++) {
        const struct ds_host_state_item one = {.owed = {&all->owed.items[i], 1}};
        all->owed.items[i].offset = -1;
        if (!give(giving, &ds_schema_host_state, &one, error))
            return false;
    }
    for (size_t i = 0; i < all->quarantined.count; i++) {
        const struct ds_host_state_item one = {.quarantined = {&all->quarantined.items[i], 1}};
        if (!give(giving, &ds_schema_host_state, &one, error))
            return false;
    }
    return true;
}

bool ds_snapshot_chunk_items(struct ds_snapshot_room *room, ds_bytes_t chunk,
                             ds_snapshot_item_fn take, void *context, ds_error_t *error)
{
    struct giving giving = {room, take, context};
    struct ds_snapshot_record record;
    const struct ds_array_of_bytes *items = &record.body.as.snapshot_chunk.items;

    ds_arena_reset(room->arena);
    if (!ds_schema_decode(&ds_schema_host_snapshot_state, chunk, room->arena, &record, NULL, error))
        return false;
    if (record.body.kind != DS_SNAPSHOT_RECORD_SNAPSHOT_CHUNK)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "a chunk is none");
    for (size_t i = 0; i < items->count; i++) {
        ds_arena_reset(room->item_arena);
        if (!(ds_snapshot_is_of(items->items[i], &ds_schema_host_state)
                  ? give_memory(&giving, items->items[i], error)
                  : take(context, room->decider->item, items->items[i], error)))
            return false;
    }
    return true;
}

bool ds_snapshot_fold_items(struct ds_snapshot_room *room, ds_log_fold_t *fold,
                            ds_snapshot_item_fn take, void *context, ds_error_t *error)
{
    struct giving giving = {room, take, context};

    return ds_log_fold_items(fold, give, &giving, error);
}

/* ---- which one ---- */

struct ds_snapshot_index {
    struct ds_snapshot_room room; /* its own: items come out of the other */
    ds_map_t *items;              /* by name: a ds_bytes_t */
    ds_arena_t *arena;
    ds_buf_t json;
    bool found;
    char difference[NAME_BYTES + PATH_BYTES + 64];
};

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: items of a snapshot");
}

static bool to_json(ds_snapshot_index_t *index, const struct ds_schema *schema, ds_bytes_t bytes,
                    json_t **json_out, ds_error_t *error)
{
    struct ds_snapshot_room *room = &index->room;

    *json_out = NULL;
    ds_arena_reset(room->item_arena);
    ds_buf_clear(&index->json);
    if (!ds_schema_decode(schema, bytes, room->item_arena, room->item, NULL, error) ||
        !ds_schema_print_json(schema, room->item, &index->json, error))
        return false;
    *json_out = json_loadb((const char *)index->json.data, index->json.len, JSON_DECODE_ANY, NULL);
    return *json_out != NULL || no_memory(error);
}

/* The first text in an image is the id of what it is of. */
static const char *first_text(const json_t *json, int depth)
{
    const char *key;
    json_t *value;
    const char *text = json_string_value(json);
    size_t i;

    if (text != NULL || depth > MAX_DEPTH)
        return text;
    if (json_is_array(json))
        for (i = 0; text == NULL && i < json_array_size(json); i++)
            text = first_text(json_array_get(json, i), depth + 1);
    else
        json_object_foreach((json_t *)(uintptr_t)json, key, value)
        {
            if (text == NULL)
                text = first_text(value, depth + 1);
        }
    return text;
}

/* What waits for one aggregate may stand in several items. */
static void name_quarantined(const json_t *waits, char name_out[NAME_BYTES])
{
    const json_t *held = json_array_get(json_object_get(waits, "held"), 0);
    const char *aggregate = json_string_value(json_object_get(waits, "aggregate"));

    if (aggregate == NULL)
        aggregate = "";
    if (held == NULL)
        (void)snprintf(name_out, NAME_BYTES, "quarantined %.100s", aggregate);
    else
        (void)snprintf(name_out, NAME_BYTES,
                       "quarantined %.100s, from offset %" JSON_INTEGER_FORMAT
                       " of input %" JSON_INTEGER_FORMAT,
                       aggregate, json_integer_value(json_object_get(held, "offset")),
                       json_integer_value(json_object_get(held, "input")));
}

/* "order s.01K...": the body's kind, where there is one, and the id. */
static void name_of(const json_t *json, char name_out[NAME_BYTES])
{
    void *branch = json_object_iter(json_object_get(json, "body"));
    const char *kind = branch == NULL ? "command id" : json_object_iter_key(branch);
    const char *id = first_text(json, 0);

    const json_t *owed = json_array_get(json_object_get(json, "owed"), 0);
    const json_t *waits = json_array_get(json_object_get(json, "quarantined"), 0);

    if (waits != NULL)
        name_quarantined(waits, name_out);
    else if (owed != NULL)
        (void)snprintf(name_out, NAME_BYTES,
                       "owed letter of epoch %" JSON_INTEGER_FORMAT ", seq %" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(owed, "epoch")),
                       json_integer_value(json_object_get(owed, "seq")));
    else
        (void)snprintf(name_out, NAME_BYTES, "%s %s", kind, id == NULL ? "" : id);
}

/* The path of the first member that differs. */
static void find_path(const json_t *a, const json_t *b, char path[PATH_BYTES], int depth)
{
    const char *key;
    json_t *value;
    size_t len = strlen(path);

    if (depth > MAX_DEPTH || !json_is_object(a) || !json_is_object(b))
        return;
    json_object_foreach((json_t *)(uintptr_t)a, key, value)
    {
        if (json_equal(value, json_object_get(b, key)))
            continue;
        (void)snprintf(path + len, PATH_BYTES - len, "%s%s", len == 0 ? "" : ".", key);
        find_path(value, json_object_get(b, key), path, depth + 1);
        return;
    }
}

static bool keep(void *context, const struct ds_schema *schema, ds_bytes_t bytes, ds_error_t *error)
{
    ds_snapshot_index_t *index = context;
    ds_bytes_t *kept = ds_arena_alloc(index->arena, sizeof *kept, error);
    char name[NAME_BYTES];
    ds_str_t copy;
    json_t *json;

    if (kept == NULL ||
        !ds_arena_dup(index->arena, (ds_str_t){(const char *)bytes.data, bytes.len}, &copy, error))
        return false;
    *kept = (ds_bytes_t){(const uint8_t *)copy.data, copy.len};
    if (!to_json(index, schema, *kept, &json, error))
        return false;
    name_of(json, name);
    json_decref(json);
    return ds_map_put(index->items, ds_str(name), kept, NULL, error);
}

bool ds_snapshot_index_new(struct ds_snapshot_room *room, ds_log_fold_t *fold,
                           ds_snapshot_index_t **index_out, ds_error_t *error)
{
    ds_snapshot_index_t *index = calloc(1, sizeof *index);

    *index_out = NULL;
    if (index == NULL)
        return no_memory(error);
    ds_buf_init(&index->json, JSON_BYTES);
    index->items = ds_map_new(INDEX_ITEMS);
    index->arena = ds_arena_new(ARENA_FIRST, INDEX_BYTES);
    bool ok = (index->items != NULL && index->arena != NULL) || no_memory(error);
    ok = ok && ds_snapshot_room_init(&index->room, room->decider, error) &&
         ds_snapshot_fold_items(room, fold, keep, index, error);
    if (ok)
        *index_out = index;
    else
        ds_snapshot_index_destroy(index);
    return ok;
}

void ds_snapshot_index_destroy(ds_snapshot_index_t *index)
{
    if (index == NULL)
        return;
    ds_map_destroy(index->items, NULL);
    ds_arena_destroy(index->arena);
    ds_buf_cleanup(&index->json);
    ds_snapshot_room_cleanup(&index->room);
    free(index);
}

static void note(ds_snapshot_index_t *index, const char *what, const char *name, const char *path)
{
    if (index->found)
        return;
    index->found = true;
    (void)snprintf(index->difference, sizeof index->difference, "%s %s%s%s", what, name,
                   path[0] == '\0' ? "" : " in ", path);
}

bool ds_snapshot_index_item(void *context, const struct ds_schema *schema, ds_bytes_t bytes,
                            ds_error_t *error)
{
    ds_snapshot_index_t *index = context;
    char name[NAME_BYTES];
    char path[PATH_BYTES] = "";
    json_t *theirs;
    json_t *ours;

    if (!to_json(index, schema, bytes, &theirs, error))
        return false;
    name_of(theirs, name);
    const ds_bytes_t *folded = ds_map_take(index->items, ds_str(name));
    if (folded == NULL) {
        note(index, "has an item too many:", name, "");
    } else if (folded->len != bytes.len || memcmp(folded->data, bytes.data, bytes.len) != 0) {
        if (!to_json(index, schema, *folded, &ours, error)) {
            json_decref(theirs);
            return false;
        }
        find_path(theirs, ours, path, 0);
        json_decref(ours);
        note(index, "differs from the fold:", name, path);
    }
    json_decref(theirs);
    return true;
}

const char *ds_snapshot_index_difference(ds_snapshot_index_t *index)
{
    ds_str_t name;
    void *value;
    size_t cursor = 0;

    if (ds_map_next(index->items, &cursor, &name, &value)) {
        char text[NAME_BYTES];
        (void)ds_str_to_array(name, text, sizeof text);
        note(index, "lacks the item", text, "");
    }
    return index->found ? index->difference : "differs from the fold";
}
