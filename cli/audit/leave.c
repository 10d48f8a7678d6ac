/* Orders leave when they are over, so that the audit's memory follows what is open and not how long
 * the log is.
 *
 * An order may go when it has ended and every topic has been read a good while beyond the last that
 * was said of it: what was to follow is there then, or never will be, and it is judged as it
 * stands. One that is quarantined stays. What comes for it after all (a refund by hand, weeks
 * later; its id placed again) is not judged: of those that left a hash is kept. */
#include "cli/audit/folds.h"
#include "decider/memory.h"

#include <stdlib.h>

/* By event time: a day after the last processor has forgotten the order, and its id is free. */
#define BEYOND_US (DS_ORDER_MEMORY_US + DS_MEMORY_DAY_US)
/* With so many orders it is seen who can leave; then again when there are twice those that stayed.
 */
#define LEAST_SWEEP  ((size_t)16 * 1024)
#define ARENA_FIRST  ((size_t)256 * 1024)
#define FIRST_HASHES ((size_t)1024)

/* ---- those that left ---- */

static uint64_t *slot_of(const struct ds_audit_left *left, uint64_t hash)
{
    size_t at = (size_t)hash & (left->capacity - 1);
    while (left->slots[at] != 0 && left->slots[at] != hash)
        at = (at + 1) & (left->capacity - 1);
    return &left->slots[at];
}

static uint64_t hash_of(ds_str_t order_id)
{
    uint64_t hash[2];
    ds_audit_hash(order_id, hash);
    return hash[0] == 0 ? 1 : hash[0];
}

bool ds_audit_has_left(const struct ds_audit_part *part, ds_str_t order_id)
{
    return part->left.count > 0 && *slot_of(&part->left, hash_of(order_id)) != 0;
}

static bool note_left(struct ds_audit_left *left, ds_str_t order_id, ds_error_t *error)
{
    if (left->count * 2 >= left->capacity) {
        struct ds_audit_left bigger = {.capacity =
                                           left->capacity == 0 ? FIRST_HASHES : left->capacity * 2,
                                       .count = left->count};
        bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
        if (bigger.slots == NULL)
            return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu orders",
                                bigger.capacity);
        for (size_t i = 0; i < left->capacity; i++)
            if (left->slots[i] != 0)
                *slot_of(&bigger, left->slots[i]) = left->slots[i];
        free(left->slots);
        *left = bigger;
    }
    *slot_of(left, hash_of(order_id)) = hash_of(order_id);
    left->count++;
    return true;
}

/* ---- who may go ---- */

/* Up to which event time everything has been read. */
static int64_t read_until(const struct ds_audit_part *part)
{
    int64_t until = INT64_MAX;
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++) {
        const struct ds_audit_stream *stream = &part->streams[p];
        bool is_over = stream->stopped || stream->fence.next_offset >= stream->range.end;
        if (!is_over && stream->last_at_us < until)
            until = stream->last_at_us;
    }
    return until;
}

/* What waits for it is still to be decided, however long that takes. */
static bool is_quarantined(const struct ds_audit_part *part, ds_str_t order_id)
{
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        if (ds_quarantine_find(&part->streams[p].quarantine, order_id) != NULL)
            return true;
    return false;
}

static bool may_leave(const struct ds_audit_part *part, const struct ds_audit_order *order,
                      int64_t until_us)
{
    bool has_ended = order->order.state == DS_AUDIT_O_FULFILLED ||
                     order->order.state == DS_AUDIT_O_CANCELLED ||
                     order->order.state == DS_AUDIT_O_REFUSED;
    return has_ended && !order->in_flight && order->last_us < until_us - BEYOND_US &&
           !is_quarantined(part, order->id);
}

/* ---- those that stay ---- */

static void *copy(ds_arena_t *arena, const void *from, size_t bytes, ds_error_t *error)
{
    void *to = ds_arena_alloc(arena, bytes + 1, error);
    if (to != NULL && bytes > 0)
        memcpy(to, from, bytes);
    return to;
}

static bool copy_lowered(ds_arena_t *arena, struct ds_audit_order *to, ds_error_t *error)
{
    struct ds_audit_lowered **at = &to->payment.lowered;

    for (; *at != NULL; at = &(*at)->before) {
        *at = copy(arena, *at, sizeof **at, error);
        if (*at == NULL)
            return false;
    }
    return true;
}

static struct ds_audit_order *copy_order(ds_arena_t *arena, const struct ds_audit_order *from,
                                         ds_error_t *error)
{
    struct ds_audit_order *to = copy(arena, from, sizeof *from, error);
    if (to == NULL || !ds_arena_dup(arena, from->id, &to->id, error) ||
        !ds_arena_dup(arena, from->payment.charge_key, &to->payment.charge_key, error) ||
        !ds_arena_dup(arena, from->payment.refund_key, &to->payment.refund_key, error) ||
        !copy_lowered(arena, to, error))
        return NULL;
    to->order.lines =
        copy(arena, from->order.lines, from->order.line_count * sizeof *from->order.lines, error);
    to->stock.lines =
        copy(arena, from->stock.lines, from->stock.line_count * sizeof *from->stock.lines, error);
    to->delivery.carried =
        copy(arena, from->delivery.carried,
             from->delivery.carried_count * sizeof *from->delivery.carried, error);
    return to->order.lines == NULL || to->stock.lines == NULL || to->delivery.carried == NULL ? NULL
                                                                                              : to;
}

struct ds_audit_orders {
    ds_arena_t *arena;
    ds_map_t *orders;
};

static bool stay(struct ds_audit_orders *kept, const struct ds_audit_order *order,
                 ds_error_t *error)
{
    struct ds_audit_order *moved = copy_order(kept->arena, order, error);
    return moved != NULL && ds_map_put(kept->orders, moved->id, moved, NULL, error);
}

static bool leave(struct ds_audit_part *part, struct ds_audit_order *order, ds_error_t *error)
{
    ds_audit_judge_one(part, order);
    if (part->leaves != NULL)
        part->leaves(part->also_context, part, order);
    return note_left(&part->left, order->id, error);
}

static bool sweep(struct ds_audit_part *part, struct ds_audit_orders *kept, ds_error_t *error)
{
    const int64_t until_us = read_until(part);
    ds_str_t id;
    void *value;
    size_t cursor = 0;

    while (ds_map_next(part->orders, &cursor, &id, &value)) {
        struct ds_audit_order *order = value;
        if (!(may_leave(part, order, until_us) ? leave(part, order, error)
                                               : stay(kept, order, error)))
            return false;
    }
    return true;
}

static void drop(struct ds_audit_orders *orders)
{
    ds_map_destroy(orders->orders, NULL);
    ds_arena_destroy(orders->arena);
}

bool ds_audit_sweep(struct ds_audit_part *part, ds_error_t *error)
{
    struct ds_audit_orders kept = {ds_arena_new(ARENA_FIRST, DS_AUDIT_ARENA_MAX),
                                   ds_map_new(DS_AUDIT_MAX_ORDERS)};
    struct ds_audit_orders old = {part->arena, part->orders};
    bool ok = kept.arena != NULL && kept.orders != NULL;

    if (!ok)
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: orders");
    ok = ok && sweep(part, &kept, error);
    if (!ok) {
        drop(&kept);
        return false;
    }
    part->arena = kept.arena;
    part->orders = kept.orders;
    drop(&old);
    part->sweep_at = 2 * ds_map_count(part->orders);
    if (part->sweep_at < LEAST_SWEEP)
        part->sweep_at = LEAST_SWEEP;
    return true;
}
