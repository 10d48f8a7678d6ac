/* See window.h. A ring in order of arrival, and an open-addressed index (linear probing,
 * backward-shift deletion). */
#include "stream/window.h"

#include "base/crypto.h"

#include <stdlib.h>

#define FIRST_CAPACITY 1024
#define FILL_AHEAD     16 /* slots that are on their way from memory meanwhile */

void ds_window_init(struct ds_window *window, size_t max_ids)
{
    *window = (struct ds_window){.max = max_ids < DS_WINDOW_MAX_IDS ? max_ids : DS_WINDOW_MAX_IDS};
}

void ds_window_cleanup(struct ds_window *window)
{
    free(window->entries);
    free(window->slots);
    ds_window_init(window, window->max);
}

void ds_window_clear(struct ds_window *window)
{
    ds_window_cleanup(window);
}

/* Crockford's digits, upper case; one more than the digit, so that 0 is none. */
static const uint8_t CROCKFORD[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    ['G'] = 17, ['H'] = 18, ['J'] = 19, ['K'] = 20, ['M'] = 21, ['N'] = 22, ['P'] = 23, ['Q'] = 24,
    ['R'] = 25, ['S'] = 26, ['T'] = 27, ['V'] = 28, ['W'] = 29, ['X'] = 30, ['Y'] = 31, ['Z'] = 32,
};

#define ONE_IN_EACH_DIGIT UINT64_C(0x842108421)

/* The value of eight digits; `bad` gets its top bit where a character is none. */
static uint64_t eight_digits(const char *text, uint64_t *bad)
{
    uint64_t sum = CROCKFORD[(uint8_t)text[0]]; /* each digit is one too many, up to the end */

    *bad |= sum - 1;
#pragma GCC unroll 8
    for (unsigned i = 1; i < 8; i++) {
        uint64_t more = CROCKFORD[(uint8_t)text[i]];

        *bad |= more - 1;
        sum = (sum << 5) + more;
    }
    return sum - ONE_IN_EACH_DIGIT;
}

/* 26 characters of base 32 are exactly 128 bits: 2 digits of one byte, then three times 8 digits of
 * five. */
static bool id_digits(ds_str_t id, uint8_t bytes_out[16])
{
    uint64_t first, second, bad = 0;

    if (id.len != 26)
        return false;
    first = (uint64_t)CROCKFORD[(uint8_t)id.data[0]] - 1;
    second = (uint64_t)CROCKFORD[(uint8_t)id.data[1]] - 1;
    bytes_out[0] = (uint8_t)(first << 5 | second);
#pragma GCC unroll 3
    for (unsigned group = 0; group < 3; group++) {
        uint64_t value = __builtin_bswap64(eight_digits(id.data + 2 + 8 * group, &bad)) >> 24;

        memcpy(bytes_out + 1 + 5 * group, &value, 5);
    }
    return first <= 7 && ((second | bad) >> 63) == 0;
}

/* Any other id is hashed to as many bits. */
static bool id_bytes(ds_str_t id, uint8_t bytes_out[16])
{
    uint8_t digest[DS_SHA256_BYTES];
    ds_error_t ignored;

    if (id_digits(id, bytes_out))
        return true;
    ignored = (ds_error_t)DS_ERROR_INIT;
    if (!ds_sha256((ds_bytes_t){(const uint8_t *)id.data, id.len}, digest, &ignored))
        return false;
    memcpy(bytes_out, digest, 16);
    return true;
}

static uint64_t hash_of(const uint8_t id[16])
{
    uint64_t a, b;

    memcpy(&a, id, 8);
    memcpy(&b, id + 8, 8);
    a ^= b * UINT64_C(0x9E3779B97F4A7C15);
    a ^= a >> 32;
    a *= UINT64_C(0xD6E8FEB86659FD93);
    return a ^ a >> 32;
}

/* A slot's word, from the top: how far behind the place its hash names the id is (31: as far or
 * further), a part of the hash, the ring place + 1, in as many bits as places need. An id that is
 * met on the way to another is told apart, and moved, by its word alone: every look at the ring is
 * a cache miss. */
#define FAR_SHIFT 27
#define FAR_MAX   31U

_Static_assert(DS_WINDOW_MAX_IDS <= 1 << (FAR_SHIFT - 1), "a place and its 1 fit below");

static uint32_t mask_of(const struct ds_window *window)
{
    return (uint32_t)(2 * window->capacity - 1);
}

static uint32_t tag_of(const struct ds_window *window, uint64_t hash, uint32_t far)
{
    uint32_t part = (uint32_t)(hash >> 32) & ~mask_of(window) & ((1U << FAR_SHIFT) - 1);

    return part | (far < FAR_MAX ? far : FAR_MAX) << FAR_SHIFT;
}

static struct ds_window_entry *entry_at(const struct ds_window *window, uint32_t slot)
{
    return &window->entries[(window->slots[slot] & mask_of(window)) - 1];
}

/* Where the id is, or the free slot that ends its probing. */
static uint32_t slot_of(const struct ds_window *window, const uint8_t id[16], uint64_t hash)
{
    uint32_t mask = mask_of(window);
    uint32_t slot = (uint32_t)hash & mask;

    for (uint32_t far = 0; window->slots[slot] != 0; far++, slot = (slot + 1) & mask)
        if ((window->slots[slot] & ~mask) == tag_of(window, hash, far) &&
            memcmp(entry_at(window, slot)->id, id, 16) == 0)
            break;
    return slot;
}

/* `slot` is the free one that slot_of() found. */
static void fill_slot(struct ds_window *window, uint32_t slot, uint64_t hash, size_t place)
{
    uint32_t far = (slot - (uint32_t)hash) & mask_of(window);

    window->slots[slot] = tag_of(window, hash, far) | (uint32_t)(place + 1);
}

/* How far the id of a slot is from the place its hash names. */
static uint32_t far_of(const struct ds_window *window, uint32_t slot)
{
    uint32_t far = window->slots[slot] >> FAR_SHIFT;

    if (far < FAR_MAX)
        return far;
    return (slot - (uint32_t)hash_of(entry_at(window, slot)->id)) & mask_of(window);
}

const struct ds_window_entry *ds_window_find(const struct ds_window *window, ds_str_t id)
{
    uint8_t bytes[16];
    uint32_t slot;

    if (window->count == 0 || !id_bytes(id, bytes))
        return NULL;
    slot = slot_of(window, bytes, hash_of(bytes));
    return window->slots[slot] == 0 ? NULL : entry_at(window, slot);
}

bool ds_window_watch_next(struct ds_window *window)
{
    size_t place;

    if (window->seen == NULL || window->unseen == 0)
        return false;
    place =
        (window->first + window->count - window->added - window->unseen) & (window->capacity - 1);
    window->unseen--;
    window->seen(window->seen_context, &window->entries[place]);
    return true;
}

void ds_window_watch(struct ds_window *window, ds_window_seen_fn seen, void *context)
{
    window->seen = seen;
    window->seen_context = context;
    window->unseen = window->count;
    window->added = 0;
}

/* Close the hole: what probed past it moves back. */
static void free_slot(struct ds_window *window, uint32_t hole)
{
    uint32_t mask = mask_of(window);

    for (uint32_t at = (hole + 1) & mask; window->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t far = far_of(window, at);
        uint32_t back = (at - hole) & mask;

        if (far < back)
            continue;
        far -= back;
        window->slots[hole] = (window->slots[at] & ((1U << FAR_SHIFT) - 1)) |
                              (far < FAR_MAX ? far : FAR_MAX) << FAR_SHIFT;
        hole = at;
    }
    window->slots[hole] = 0;
}

static void drop_first(struct ds_window *window)
{
    const uint8_t *id = window->entries[window->first].id;

    if (window->count <= window->unseen + window->added)
        (void)ds_window_watch_next(window); /* it is the first of those */
    if (window->count <= window->added)
        window->added--;
    free_slot(window, slot_of(window, id, hash_of(id)));
    window->first = (window->first + 1) & (window->capacity - 1);
    window->count--;
    if (window->count > 0) /* it will be the next to go: its slot is far away in memory */
        __builtin_prefetch(
            &window->slots[hash_of(window->entries[window->first].id) & mask_of(window)], 1);
}

/* All ids of the ring, which are different ones, into an empty index. */
static void fill_slots(struct ds_window *window)
{
    uint32_t mask = mask_of(window);

    for (size_t i = 0; i < window->count; i++) {
        uint64_t hash = hash_of(window->entries[i].id);
        uint32_t slot = (uint32_t)hash & mask;

        if (i + FILL_AHEAD < window->count)
            __builtin_prefetch(&window->slots[hash_of(window->entries[i + FILL_AHEAD].id) & mask],
                               1);
        while (window->slots[slot] != 0)
            slot = (slot + 1) & mask;
        fill_slot(window, slot, hash, i);
    }
}

static bool grow(struct ds_window *window, ds_error_t *error)
{
    size_t to_end = window->capacity - window->first; /* of the ring, from its first entry */
    struct ds_window bigger = *window;

    bigger.capacity = window->capacity == 0 ? FIRST_CAPACITY : window->capacity * 2;
    bigger.entries = malloc(bigger.capacity * sizeof(*bigger.entries));
    bigger.slots = calloc(2 * bigger.capacity, sizeof(*bigger.slots));
    if (bigger.entries == NULL || bigger.slots == NULL) {
        free(bigger.entries);
        free(bigger.slots);
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a window of %zu command ids",
                            bigger.capacity);
    }
    if (to_end > window->count)
        to_end = window->count;
    if (window->count > 0) {
        memcpy(bigger.entries, window->entries + window->first, to_end * sizeof(*bigger.entries));
        memcpy(bigger.entries + to_end, window->entries,
               (window->count - to_end) * sizeof(*bigger.entries));
    }
    fill_slots(&bigger);
    bigger.first = 0;
    free(window->entries);
    free(window->slots);
    *window = bigger;
    return true;
}

bool ds_window_restore(struct ds_window *window, const struct ds_window_entry *entry,
                       ds_error_t *error)
{
    uint64_t hash = hash_of(entry->id);
    size_t place;
    uint32_t slot = 0;
    bool moved = window->capacity == 0; /* whether `slot` must be looked for again */

    if (!moved)
        slot = slot_of(window, entry->id, hash);
    if (!moved && window->slots[slot] != 0)
        return true;
    if (window->count >= window->max) {
        drop_first(window);
        window->dropped++;
        moved = true;
    }
    if (window->count == window->capacity) {
        if (!grow(window, error))
            return false;
        moved = true;
    }
    if (moved)
        slot = slot_of(window, entry->id, hash);
    place = (window->first + window->count) & (window->capacity - 1);
    fill_slot(window, slot, hash, place);
    window->entries[place] = *entry;
    window->count++;
    window->added++;
    return true;
}

bool ds_window_add(struct ds_window *window, ds_str_t id, ds_str_t body_hash, int64_t appended_us,
                   int64_t first_offset, ds_error_t *error)
{
    struct ds_window_entry entry = {.body_hash = ds_str_hash(body_hash, 0),
                                    .appended_us = appended_us,
                                    .first_offset = first_offset};

    if (!id_bytes(id, entry.id))
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a digest");
    return ds_window_restore(window, &entry, error);
}

void ds_window_expire(struct ds_window *window, int64_t event_us)
{
    while (window->count > 0 &&
           window->entries[window->first].appended_us < event_us - DS_WINDOW_US)
        drop_first(window);
}

bool ds_window_same_body(const struct ds_window_entry *entry, ds_str_t body_hash)
{
    return entry->body_hash == ds_str_hash(body_hash, 0);
}
