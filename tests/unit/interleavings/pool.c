#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)1 << 20)
#define FIRST_SLOTS ((size_t)1 << 10)
#define NONE        UINT32_MAX

void *must_alloc(size_t count, size_t bytes)
{
    void *memory = calloc(count == 0 ? 1 : count, bytes);
    if (memory == NULL) {
        (void)fprintf(stderr, "no memory for %zu x %zu bytes\n", count, bytes);
        exit(70);
    }
    return memory;
}

void *must_realloc(void *old, size_t count, size_t bytes)
{
    void *memory = realloc(old, count * bytes);
    if (memory == NULL) {
        (void)fprintf(stderr, "no memory for %zu x %zu bytes\n", count, bytes);
        exit(70);
    }
    return memory;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

uint64_t hash_bytes(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t hash = mix(len + 1);

    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = mix(hash ^ word) + UINT64_C(0x9e3779b97f4a7c15);
    }
    if (len > 0) {
        uint64_t word = 0;
        memcpy(&word, at, len);
        hash = mix(hash ^ word);
    }
    return hash;
}

/* ---- byte strings ---- */

struct entry {
    const uint8_t *bytes;
    size_t len;
};

struct pool {
    struct entry *entries;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* NONE: free */
    size_t slot_count;
    uint8_t **blocks;
    size_t block_count;
    size_t block_left; /* of the last block */
};

static uint32_t *new_slots(size_t count)
{
    uint32_t *slots = must_alloc(count, sizeof(*slots));
    memset(slots, 0xff, count * sizeof(*slots));
    return slots;
}

pool_t *pool_new(void)
{
    pool_t *pool = must_alloc(1, sizeof(*pool));
    pool->slot_count = FIRST_SLOTS;
    pool->slots = new_slots(FIRST_SLOTS);
    return pool;
}

void pool_destroy(pool_t *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->block_count; i++)
        free(pool->blocks[i]);
    free(pool->blocks);
    free(pool->slots);
    free(pool->entries);
    free(pool);
}

static const uint8_t *keep(pool_t *pool, const void *bytes, size_t len)
{
    size_t room = (len + 16) & ~(size_t)15;
    size_t block_bytes = room > BLOCK_BYTES ? room : BLOCK_BYTES;

    if (room > pool->block_left) {
        pool->blocks = must_realloc(pool->blocks, pool->block_count + 1, sizeof(*pool->blocks));
        pool->blocks[pool->block_count++] = must_alloc(block_bytes, 1);
        pool->block_left = block_bytes;
    }
    uint8_t *place = pool->blocks[pool->block_count - 1] + (block_bytes - pool->block_left);
    if (len > 0)
        memcpy(place, bytes, len);
    pool->block_left -= room;
    if (block_bytes > BLOCK_BYTES)
        pool->block_left = 0; /* such a block holds one string */
    return place;
}

static void widen(pool_t *pool)
{
    free(pool->slots);
    pool->slot_count *= 2;
    pool->slots = new_slots(pool->slot_count);
    for (uint32_t i = 0; i < pool->count; i++) {
        size_t at = hash_bytes(pool->entries[i].bytes, pool->entries[i].len);
        while (pool->slots[at & (pool->slot_count - 1)] != NONE)
            at++;
        pool->slots[at & (pool->slot_count - 1)] = i;
    }
}

uint32_t pool_id(pool_t *pool, const void *bytes, size_t len)
{
    size_t at = hash_bytes(bytes, len);

    for (;; at++) {
        uint32_t id = pool->slots[at & (pool->slot_count - 1)];
        if (id == NONE)
            break;
        if (pool->entries[id].len == len &&
            (len == 0 || memcmp(pool->entries[id].bytes, bytes, len) == 0))
            return id;
    }
    if (pool->count == pool->capacity) {
        pool->capacity = pool->capacity == 0 ? 256 : pool->capacity * 2;
        pool->entries = must_realloc(pool->entries, pool->capacity, sizeof(*pool->entries));
    }
    uint32_t id = pool->count++;
    pool->entries[id] = (struct entry){keep(pool, bytes, len), len};
    pool->slots[at & (pool->slot_count - 1)] = id;
    if ((size_t)pool->count * 2 > pool->slot_count)
        widen(pool);
    return id;
}

const void *pool_get(const pool_t *pool, uint32_t id, size_t *len_out)
{
    if (len_out != NULL)
        *len_out = pool->entries[id].len;
    return pool->entries[id].bytes;
}

uint32_t pool_count(const pool_t *pool)
{
    return pool->count;
}

/* ---- numbers ---- */

struct pair {
    uint64_t key; /* + 1; 0: free */
    uint32_t value;
};

struct memo {
    struct pair *pairs;
    size_t slot_count;
    size_t count;
};

memo_t *memo_new(void)
{
    memo_t *memo = must_alloc(1, sizeof(*memo));
    memo->slot_count = FIRST_SLOTS;
    memo->pairs = must_alloc(FIRST_SLOTS, sizeof(*memo->pairs));
    return memo;
}

void memo_destroy(memo_t *memo)
{
    if (memo == NULL)
        return;
    free(memo->pairs);
    free(memo);
}

static struct pair *place_of(const memo_t *memo, uint64_t key)
{
    for (size_t at = mix(key);; at++) {
        struct pair *pair = &memo->pairs[at & (memo->slot_count - 1)];
        if (pair->key == 0 || pair->key == key + 1)
            return pair;
    }
}

bool memo_get(const memo_t *memo, uint64_t key, uint32_t *value_out)
{
    const struct pair *pair = place_of(memo, key);
    *value_out = pair->value;
    return pair->key != 0;
}

void memo_put(memo_t *memo, uint64_t key, uint32_t value)
{
    if ((memo->count + 1) * 2 > memo->slot_count) {
        struct pair *old = memo->pairs;
        size_t count = memo->slot_count;
        memo->slot_count *= 2;
        memo->pairs = must_alloc(memo->slot_count, sizeof(*memo->pairs));
        for (size_t i = 0; i < count; i++) {
            if (old[i].key != 0)
                *place_of(memo, old[i].key - 1) = old[i];
        }
        free(old);
    }
    *place_of(memo, key) = (struct pair){key + 1, value};
    memo->count++;
}
