/* See window.h. A ring in order of arrival, and an open-addressed index (linear probing,
 * backward-shift deletion). */
#include "stream/window.h"

#include "base/crypto.h"

#include <stdlib.h>

#define FIRST_CAPACITY 1024

void ds_window_init(struct ds_window *window, size_t max_ids)
{
    *window = (struct ds_window){.max = max_ids};
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

static int crockford(char c)
{
    /* 0-9, then A-Z without I, L, O, U; one more than the digit, 0 is none. */
    static const uint8_t letters['Z' - 'A' + 1] = {11, 12, 13, 14, 15, 16, 17, 18, 0,
                                                   19, 20, 0,  21, 22, 0,  23, 24, 25,
                                                   26, 27, 0,  28, 29, 30, 31, 32};

    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'Z' ? letters[c - 'A'] - 1 : -1;
}

/* 26 characters of base 32 are exactly 128 bits; anything else is hashed to as many. */
static bool id_bytes(ds_str_t id, uint8_t bytes_out[16])
{
    uint8_t digest[DS_SHA256_BYTES];
    ds_error_t ignored = DS_ERROR_INIT;
    unsigned bits = 2; /* 130 bits: the first two are zero */
    uint32_t have = 0;
    size_t n = 0;

    if (id.len != 26 || crockford(id.data[0]) > 7)
        goto hash;
    have = 0;
    bits = 0;
    for (uint32_t i = 0; i < 26; i++) {
        int digit = crockford(id.data[i]);

        if (digit < 0)
            goto hash;
        have = have << 5 | (uint32_t)digit;
        bits += i == 0 ? 3 : 5;
        if (bits >= 8) {
            bits -= 8;
            bytes_out[n++] = (uint8_t)(have >> bits);
        }
    }
    return n == 16;
hash:
    if (!ds_sha256((ds_bytes_t){(const uint8_t *)id.data, id.len}, digest, &ignored))
        return false;
    memcpy(bytes_out, digest, 16);
    return true;
}

static size_t home_of(const struct ds_window *window, const uint8_t id[16])
{
    ds_str_t text = {(const char *)id, 16};

    return (size_t)ds_str_hash(text, 0) & (2 * window->capacity - 1);
}

static size_t slot_of(const struct ds_window *window, const uint8_t id[16])
{
    size_t mask = 2 * window->capacity - 1;
    size_t slot = home_of(window, id);

    while (window->slots[slot] != 0 &&
           memcmp(window->entries[window->slots[slot] - 1].id, id, 16) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

const struct ds_window_entry *ds_window_find(const struct ds_window *window, ds_str_t id)
{
    uint8_t bytes[16];
    size_t slot;

    if (window->count == 0 || !id_bytes(id, bytes))
        return NULL;
    slot = slot_of(window, bytes);
    return window->slots[slot] == 0 ? NULL : &window->entries[window->slots[slot] - 1];
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

static void drop_first(struct ds_window *window)
{
    size_t mask = 2 * window->capacity - 1;
    size_t hole = slot_of(window, window->entries[window->first].id);
    size_t at = hole;

    if (window->count <= window->unseen + window->added)
        (void)ds_window_watch_next(window); /* it is the first of those */
    if (window->count <= window->added)
        window->added--;
    for (;;) { /* close the hole: move back what probed past it */
        size_t home;

        at = (at + 1) & mask;
        if (window->slots[at] == 0)
            break;
        home = home_of(window, window->entries[window->slots[at] - 1].id);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        window->slots[hole] = window->slots[at];
        hole = at;
    }
    window->slots[hole] = 0;
    window->first = (window->first + 1) & (window->capacity - 1);
    window->count--;
}

static bool grow(struct ds_window *window, ds_error_t *error)
{
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
    for (size_t i = 0; i < window->count; i++) {
        bigger.entries[i] = window->entries[(window->first + i) & (window->capacity - 1)];
        bigger.slots[slot_of(&bigger, bigger.entries[i].id)] = (uint32_t)i + 1;
    }
    bigger.first = 0;
    free(window->entries);
    free(window->slots);
    *window = bigger;
    return true;
}

bool ds_window_restore(struct ds_window *window, const struct ds_window_entry *entry,
                       ds_error_t *error)
{
    size_t place;

    if (window->count > 0 && window->slots[slot_of(window, entry->id)] != 0)
        return true;
    if (window->count >= window->max) {
        drop_first(window);
        window->dropped++;
    }
    if (window->count == window->capacity && !grow(window, error))
        return false;
    place = (window->first + window->count) & (window->capacity - 1);
    window->slots[slot_of(window, entry->id)] = (uint32_t)place + 1;
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
