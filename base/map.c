#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

/* Two arrays. `entries` holds keys and values in the order they came; a taken one leaves a hole
 * (key NULL). `slots` is an open-addressed index into it with linear probing: 8 bytes a slot, of
 * which 4 are hash bits, so that a probe that meets another key rarely has to look at its entry.
 * The index is at most half full and has no tombstones: taking shifts the slots behind it back.
 *
 * Holes go when the entries are full: with a quarter or more of holes they are squeezed out,
 * otherwise the arrays double. So the cost of n puts and takes stays proportional to n. */
struct entry {
    uint64_t hash;
    char *key; /* NULL: a hole; owned unless the map borrows keys */
    void *value;
    uint32_t key_len;
    uint32_t round; /* of the watch that has seen it, or during or after which it was put in */
};

struct slot {
    uint32_t place; /* index into entries + 1; 0: free */
    uint32_t tag;   /* upper half of the hash */
};

struct ds_map {
    struct entry *entries;
    struct slot *slots; /* 2 * capacity */
    size_t capacity;    /* 0, or a power of two */
    size_t first;       /* no live entry before this one */
    size_t used;        /* entries in use, holes included */
    size_t count;
    size_t max_entries;
    uint64_t seed;
    bool borrows_keys;
    uint32_t round;      /* watches so far */
    size_t watch_at;     /* the watch has seen all entries before this one */
    ds_map_seen_fn seen; /* NULL: nobody watches */
    void *seen_context;
};

#define FIRST_CAPACITY 8
#define MAX_CAPACITY   ((size_t)1 << 31)

/* Eight bytes a step: a key is an id of 26 to 96 bytes, and ds_str_hash goes byte by byte. */
static uint64_t hash_key(ds_str_t key, uint64_t seed)
{
    const uint64_t factor = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t hash = seed ^ key.len;
    uint32_t i = 0;
    for (; i + 8 <= key.len; i += 8) {
        uint64_t word;
        memcpy(&word, key.data + i, 8);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 29;
    }
    uint64_t tail = 0;
    if (i < key.len)
        memcpy(&tail, key.data + i, key.len - i);
    hash = (hash ^ tail) * factor;
    hash ^= hash >> 32;
    hash *= UINT64_C(0xD6E8FEB86659FD93);
    return hash ^ hash >> 32;
}

ds_map_t *ds_map_new(size_t max_entries)
{
    ds_map_t *map = calloc(1, sizeof *map);
    if (map == NULL)
        return NULL;
    map->max_entries = max_entries < MAX_CAPACITY / 2 ? max_entries : MAX_CAPACITY / 2;
    /* Where the map lies differs from start to start, which is enough that nobody outside can
     * prepare keys that meet in one slot. Nothing visible depends on it: the order is that of
     * insertion. */
    map->seed = (uint64_t)(uintptr_t)map * UINT64_C(0xBF58476D1CE4E5B9);
    return map;
}

ds_map_t *ds_map_new_borrowing(size_t max_entries)
{
    ds_map_t *map = ds_map_new(max_entries);
    if (map != NULL)
        map->borrows_keys = true;
    return map;
}

static void drop_key(const ds_map_t *map, char *key)
{
    if (!map->borrows_keys)
        free(key);
}

void ds_map_destroy(ds_map_t *map, void (*destroy_value)(void *value))
{
    if (map == NULL)
        return;
    for (size_t i = map->first; i < map->used; i++) {
        if (map->entries[i].key == NULL)
            continue;
        if (destroy_value != NULL)
            destroy_value(map->entries[i].value);
        drop_key(map, map->entries[i].key);
    }
    free(map->entries);
    free(map->slots);
    free(map);
}

/* The slot of the key, or the free slot that ends its probe. Needs a map with slots. */
static size_t find_slot(const ds_map_t *map, ds_str_t key, uint64_t hash)
{
    size_t mask = 2 * map->capacity - 1;
    uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct slot slot = map->slots[at];
        if (slot.place == 0)
            return at;
        if (slot.tag != tag)
            continue;
        const struct entry *entry = &map->entries[slot.place - 1];
        if (entry->hash == hash && entry->key_len == key.len &&
            (key.len == 0 || memcmp(entry->key, key.data, key.len) == 0))
            return at;
    }
}

void *ds_map_get(const ds_map_t *map, ds_str_t key)
{
    if (map->count == 0)
        return NULL;
    const struct slot *slot = &map->slots[find_slot(map, key, hash_key(key, map->seed))];
    return slot->place == 0 ? NULL : map->entries[slot->place - 1].value;
}

static void fill_slots(ds_map_t *map)
{
    size_t mask = 2 * map->capacity - 1;
    memset(map->slots, 0, 2 * map->capacity * sizeof *map->slots);
    for (size_t i = 0; i < map->used; i++) {
        uint64_t hash = map->entries[i].hash;
        size_t at = hash & mask;
        while (map->slots[at].place != 0)
            at = (at + 1) & mask;
        map->slots[at] = (struct slot){(uint32_t)(i + 1), (uint32_t)(hash >> 32)};
    }
}

static void squeeze(ds_map_t *map)
{
    size_t to = 0;
    size_t watch_at = 0;
    for (size_t i = map->first; i < map->used; i++) {
        if (map->entries[i].key == NULL)
            continue;
        watch_at += i < map->watch_at;
        map->entries[to++] = map->entries[i];
    }
    assert(to == map->count);
    map->watch_at = watch_at;
    map->first = 0;
    map->used = to;
}

static bool grow(ds_map_t *map, ds_error_t *error)
{
    size_t capacity = map->capacity == 0 ? FIRST_CAPACITY : map->capacity * 2;
    struct entry *entries = malloc(capacity * sizeof *entries);
    struct slot *slots = malloc(2 * capacity * sizeof *slots);
    if (entries == NULL || slots == NULL) {
        free(entries);
        free(slots);
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_MEMORY, "map of %zu entries", capacity);
    }
    if (map->used > 0)
        memcpy(entries, map->entries, map->used * sizeof *entries);
    free(map->entries);
    free(map->slots);
    map->entries = entries;
    map->slots = slots;
    map->capacity = capacity;
    return true;
}

static bool make_room(ds_map_t *map, ds_error_t *error)
{
    if (map->used < map->capacity)
        return true;
    if (map->count >= map->capacity - map->capacity / 4 && !grow(map, error))
        return false;
    squeeze(map);
    fill_slots(map);
    return true;
}

static void show(ds_map_t *map, struct entry *entry)
{
    if (map->seen == NULL || entry->round == map->round)
        return;
    entry->round = map->round;
    map->seen(map->seen_context, (ds_str_t){entry->key, entry->key_len}, entry->value);
}

bool ds_map_put(ds_map_t *map, ds_str_t key, void *value, void **old_out, ds_error_t *error)
{
    if (old_out != NULL)
        *old_out = NULL;
    uint64_t hash = hash_key(key, map->seed);
    if (map->count > 0) {
        const struct slot *slot = &map->slots[find_slot(map, key, hash)];
        if (slot->place != 0) {
            struct entry *entry = &map->entries[slot->place - 1];
            show(map, entry);
            if (old_out != NULL)
                *old_out = entry->value;
            entry->value = value;
            if (map->borrows_keys)
                entry->key = (char *)(uintptr_t)key.data; /* the old one may go with its value */
            return true;
        }
    }
    if (map->count >= map->max_entries)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_LIMIT, "map is full: %zu entries",
                            map->count);
    char *kept = map->borrows_keys ? (char *)(uintptr_t)key.data : ds_str_dup(key);
    if (kept == NULL)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_MEMORY, "map key of %u bytes", key.len);
    if (!make_room(map, error)) {
        drop_key(map, kept);
        return false;
    }
    size_t at = find_slot(map, key, hash);
    map->entries[map->used] = (struct entry){hash, kept, value, key.len, map->round};
    map->slots[at] = (struct slot){(uint32_t)(map->used + 1), (uint32_t)(hash >> 32)};
    map->used++;
    map->count++;
    return true;
}

/* Free one slot. Each slot behind it moves forward unless that would put it before its own first
 * place. */
static void free_slot(ds_map_t *map, size_t hole)
{
    size_t mask = 2 * map->capacity - 1;
    for (size_t at = (hole + 1) & mask; map->slots[at].place != 0; at = (at + 1) & mask) {
        size_t home = map->entries[map->slots[at].place - 1].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole] = (struct slot){0, 0};
}

void *ds_map_take(ds_map_t *map, ds_str_t key)
{
    if (map->count == 0)
        return NULL;
    size_t at = find_slot(map, key, hash_key(key, map->seed));
    if (map->slots[at].place == 0)
        return NULL;
    struct entry *entry = &map->entries[map->slots[at].place - 1];
    show(map, entry);
    void *value = entry->value;
    free_slot(map, at);
    drop_key(map, entry->key); /* `key` may have pointed here: not used below */
    *entry = (struct entry){0, NULL, NULL, 0, 0};
    map->count--;
    /* Holes at both ends vanish at once, so that taking from the front again and again does not
     * walk over them. */
    while (map->used > map->first && map->entries[map->used - 1].key == NULL)
        map->used--;
    while (map->first < map->used && map->entries[map->first].key == NULL)
        map->first++;
    if (map->count == 0)
        map->first = map->used = 0;
    return value;
}

size_t ds_map_count(const ds_map_t *map)
{
    return map->count;
}

bool ds_map_next(const ds_map_t *map, size_t *cursor, ds_str_t *key_out, void **value_out)
{
    size_t at = *cursor > map->first ? *cursor : map->first;
    while (at < map->used && map->entries[at].key == NULL)
        at++;
    bool found = at < map->used;
    *key_out =
        found ? (ds_str_t){map->entries[at].key, map->entries[at].key_len} : (ds_str_t){NULL, 0};
    *value_out = found ? map->entries[at].value : NULL;
    *cursor = found ? at + 1 : at;
    return found;
}

void ds_map_watch(ds_map_t *map, ds_map_seen_fn seen, void *context)
{
    map->seen = seen;
    map->seen_context = context;
    map->watch_at = map->first;
    map->round++;
}

bool ds_map_watch_next(ds_map_t *map)
{
    while (map->seen != NULL && map->watch_at < map->used) {
        struct entry *entry = &map->entries[map->watch_at++];
        if (entry->key == NULL || entry->round == map->round)
            continue;
        show(map, entry);
        return true;
    }
    return false;
}

void *ds_map_edit(ds_map_t *map, ds_str_t key)
{
    if (map->count == 0)
        return NULL;
    const struct slot *slot = &map->slots[find_slot(map, key, hash_key(key, map->seed))];
    if (slot->place == 0)
        return NULL;
    struct entry *entry = &map->entries[slot->place - 1];
    show(map, entry);
    return entry->value;
}
