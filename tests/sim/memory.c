/* One heap a run: taken once, used from the front, forgotten at once. */
#include "sim.h"

#include <stdlib.h>

#define FIRST_BYTES ((size_t)4 * 1024 * 1024)
#define MORE_BYTES  ((size_t)4 * 1024 * 1024)

struct sim_chunk {
    struct sim_chunk *next;
    size_t used;
    size_t capacity;
    _Alignas(16) char data[];
};

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void *take_more(struct sim_memory *memory, size_t bytes)
{
    struct sim_chunk *chunk = memory->more;

    if (chunk == NULL || chunk->used + bytes > chunk->capacity) {
        size_t capacity = bytes > MORE_BYTES ? bytes : MORE_BYTES;

        chunk = must(malloc(sizeof(*chunk) + capacity));
        *chunk = (struct sim_chunk){.next = memory->more, .capacity = capacity};
        memory->more = chunk;
    }
    chunk->used += bytes;
    return chunk->data + chunk->used - bytes;
}

static void *take(struct sim *sim, size_t bytes)
{
    struct sim_memory *memory = &sim->memory;

    bytes = (bytes + 15) & ~(size_t)15;
    if (memory->data == NULL) {
        memory->capacity = FIRST_BYTES;
        memory->data = must(malloc(memory->capacity));
    }
    if (memory->used + bytes > memory->capacity)
        return take_more(memory, bytes);
    memory->used += bytes;
    return memory->data + memory->used - bytes;
}

void *sim_alloc(struct sim *sim, size_t bytes)
{
    return memset(take(sim, bytes), 0, bytes);
}

void *sim_copy(struct sim *sim, const void *data, size_t bytes)
{
    void *copy = take(sim, bytes + 1); /* never empty, and with a NUL behind a text */

    if (bytes > 0)
        memcpy(copy, data, bytes);
    ((char *)copy)[bytes] = '\0';
    return copy;
}

void *sim_grow(struct sim *sim, void *items, size_t count, size_t *capacity, size_t item_bytes)
{
    void *more;

    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    more = sim_alloc(sim, *capacity * item_bytes);
    if (count > 0)
        memcpy(more, items, count * item_bytes);
    return more;
}

void sim_memory_forget(struct sim *sim)
{
    while (sim->memory.more != NULL) {
        struct sim_chunk *chunk = sim->memory.more;

        sim->memory.more = chunk->next;
        free(chunk);
    }
    sim->memory.used = 0;
}
