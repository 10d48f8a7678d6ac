#include "snapshot_kit.h"

#include "base/crypto.h"
#include "base/limits.h"
#include "processors/inventory/inventory.h"
#include "stream/snapshot.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)256 * 1024 * 1024)

void kit_inventory(struct ds_host_config *config)
{
    config->decider = &ds_inventory_decider;
    config->snapshot_events = KIT_EVERY;
}

void kit_inventory_changed(struct ds_host_config *config)
{
    static struct ds_decider changed;

    changed = ds_inventory_decider;
    changed.logic ^= 1;
    kit_inventory(config);
    config->decider = &changed;
}

void kit_inventory_without(struct ds_host_config *config)
{
    kit_inventory(config);
    config->snapshot_events = 1000000;
}

static const char *broken_aggregate;

void kit_break(const char *aggregate)
{
    broken_aggregate = aggregate;
}

static bool broken_decide(const void *state, const struct ds_input *input, int64_t now_us,
                          ds_decision_t *decision, ds_error_t *error)
{
    ds_str_t aggregate = ds_decider_aggregate(&ds_inventory_decider, input);

    if (broken_aggregate != NULL && ds_str_eq(aggregate, ds_str(broken_aggregate)))
        return ds_impossible(error, "%s is broken", broken_aggregate);
    return ds_inventory_decider.decide(state, input, now_us, decision, error);
}

void kit_inventory_broken(struct ds_host_config *config)
{
    static struct ds_decider broken;

    broken = ds_inventory_decider;
    broken.decide = broken_decide;
    kit_inventory(config);
    config->decider = &broken;
}

/* ---- inputs ---- */

static ds_str_t product(int number, char text[32])
{
    return (ds_str_t){text, (uint32_t)snprintf(text, 32, "s.product-number-%d", number)};
}

void kit_receive(struct rig *rig, int first, int count, int quantity)
{
    struct ds_stock_item items[500];
    char texts[500][32];
    struct ds_inventory_command command = {.head = rig_head(rig, NULL),
                                           .body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};

    cr_assert_leq(count, 500);
    for (int i = 0; i < count; i++)
        items[i] = (struct ds_stock_item){product(first + i, texts[i]), quantity};
    command.body.as.receive_stock.store_id = DS_STR("s");
    command.body.as.receive_stock.items.items = items;
    command.body.as.receive_stock.items.count = (size_t)count;
    rig_command(rig, 0, &command);
}

static void append_order(struct rig *rig, struct ds_order_event *event)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;

    if (rig->order_epoch == 0)
        rig_order_claim(rig, 0, 1);
    event->meta = (struct ds_meta){.epoch = rig->order_epoch,
                                   .seq = ++rig->order_seq,
                                   .event_id = DS_STR("e"),
                                   .at = rig->time.now_us};
    event->context.correlation_id = DS_STR("c");
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    cr_assert(ds_schema_encode(&ds_schema_order_events, event, &bytes, &error), "%s",
              error.message);
    ds_fake_append(rig->log, RIG_ORDERS, 0, rig_key(0), ds_buf_bytes(&bytes));
    ds_buf_cleanup(&bytes);
}

void kit_order(struct rig *rig, int number, int first)
{
    char id[32];
    char texts[2][32];
    struct ds_order_line lines[2] = {
        {.line = 1, .product_id = product(first, texts[0]), .quantity = 2},
        {.line = 2, .product_id = product(first + 1, texts[1]), .quantity = 1}};
    struct ds_order_event event = {.body.kind = DS_ORDER_EVENT_ORDER_CREATED};

    (void)snprintf(id, sizeof(id), "s.order-%d", number);
    event.body.as.order_created.order_id = ds_str(id);
    event.body.as.order_created.store_id = DS_STR("s");
    event.body.as.order_created.lines = (struct ds_array_of_order_line){lines, 2};
    append_order(rig, &event);
}

void kit_cancel(struct rig *rig, int number)
{
    char id[32];
    struct ds_order_event event = {.body.kind = DS_ORDER_EVENT_ORDER_CANCELLED};

    (void)snprintf(id, sizeof(id), "s.order-%d", number);
    event.body.as.order_cancelled.order_id = ds_str(id);
    append_order(rig, &event);
}

/* ---- the fold ---- */

static void evolve(void *state, const struct ds_inventory_event *event)
{
    ds_error_t error = DS_ERROR_INIT;

    if (event->body.kind >= DS_INVENTORY_EVENT_COMMAND_REJECTED)
        cr_assert(ds_inventory_decider.evolve(state, event, &error), "%s", error.message);
}

void *kit_fold(struct rig *rig, int64_t until)
{
    static struct ds_inventory_event pending[DS_MAX_DECISION_RECORDS];
    int64_t end = until < 0 ? ds_fake_end(rig->log, RIG_EVENTS, 0) : until + 1;
    ds_arena_t *arena = ds_arena_new(1024 * 1024, ARENA_MAX);
    ds_error_t error = DS_ERROR_INIT;
    void *state = ds_inventory_decider.state_new(NULL, &error);
    struct ds_fence fence;
    size_t count = 0;

    ds_fence_init(&fence, DS_PLACE_START);
    for (int64_t offset = 0; offset < end; offset++) {
        const struct ds_fake_record *r = ds_fake_record(rig->log, RIG_EVENTS, 0, offset);
        enum ds_fence_verdict verdict;
        bool undecodable;

        cr_assert(ds_fence_read(&fence, rig->oracle, &ds_schema_inventory_events, r->value, offset,
                                arena, &pending[count], &undecodable, &verdict, &error),
                  "%s", error.message);
        if (verdict != DS_FENCE_TAKE)
            continue;
        if (pending[count].body.kind == DS_INVENTORY_EVENT_CLAIM)
            count = 0;
        else if (pending[count++].meta.more)
            continue;
        for (size_t i = 0; i < count; i++)
            evolve(state, &pending[i]);
        count = 0;
    }
    ds_arena_destroy(arena);
    return state;
}

static void must_be_same(const char *what, const struct ds_images *a, const struct ds_images *b)
{
    const char *differ = ds_images_differ(a, b);

    cr_assert(differ == NULL, "%s: %s", what, differ);
}

void kit_check_state(struct rig *rig, int host)
{
    struct ds_images wanted;
    struct ds_images found;
    void *fold = kit_fold(rig, -1);

    ds_images_of(&wanted, &ds_inventory_decider, fold);
    ds_images_of(&found, &ds_inventory_decider,
                 (void *)(uintptr_t)ds_host_state(rig->hosts[host], 0));
    must_be_same("the fold, the host", &wanted, &found);
    ds_images_cleanup(&wanted);
    ds_images_cleanup(&found);
    ds_inventory_decider.state_destroy(fold);
}

/* ---- snapshots ---- */

static const struct ds_fake_record *record_at(struct rig *rig, int64_t at)
{
    return ds_fake_record(rig->log, RIG_SNAPSHOTS, 0, at);
}

/* The decoded record; NULL: it is no manifest. */
static const struct ds_snapshot_manifest *manifest_at(struct rig *rig, int64_t at,
                                                      ds_arena_t *arena)
{
    const struct ds_fake_record *r = record_at(rig, at);
    ds_error_t error = DS_ERROR_INIT;
    struct ds_snapshot_key key;
    struct ds_snapshot_record *record;

    if (r == NULL || !r->has_value || !ds_snapshot_key_parse(r->key, &key) || key.chunk >= 0)
        return NULL;
    record = ds_arena_alloc(arena, sizeof(*record), &error);
    cr_assert(ds_schema_decode(&ds_schema_host_snapshot_state, r->value, arena, record, NULL,
                               &error),
              "%s", error.message);
    return &record->body.as.snapshot_manifest;
}

static bool is_deleted(struct rig *rig, int64_t at)
{
    for (int64_t i = at + 1; i < ds_fake_end(rig->log, RIG_SNAPSHOTS, 0); i++)
        if (record_at(rig, i) != NULL && !record_at(rig, i)->has_value &&
            ds_str_eq(record_at(rig, i)->key, record_at(rig, at)->key))
            return true;
    return false;
}

struct kit_manifest kit_last(struct rig *rig, int64_t until)
{
    ds_arena_t *arena = ds_arena_new(1024 * 1024, ARENA_MAX);
    struct kit_manifest last = {.at = -1};

    if (until < 0)
        until = ds_fake_end(rig->log, RIG_SNAPSHOTS, 0) - 1;
    for (int64_t at = until; at >= 0 && last.at < 0; at--) {
        const struct ds_snapshot_manifest *m = manifest_at(rig, at, arena);

        if (m != NULL && !is_deleted(rig, at))
            last =
                (struct kit_manifest){at,     m->epoch,        m->slot,          m->offset,
                                      m->seq, m->chunks.count, m->chunks_offset, m->others.count};
    }
    ds_arena_destroy(arena);
    return last;
}

static void take_items(struct ds_images *images, ds_bytes_t value, ds_arena_t *arena)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_snapshot_record record;
    const struct ds_array_of_bytes *items = &record.body.as.snapshot_chunk.items;

    cr_assert(ds_schema_decode(&ds_schema_host_snapshot_state, value, arena, &record, NULL, &error),
              "%s", error.message);
    for (size_t i = 0; i < items->count; i++) {
        struct ds_inventory_state_item item;

        if (!ds_snapshot_is_of(items->items[i], &ds_schema_inventory_state))
            continue; /* command ids */
        cr_assert(ds_schema_decode(&ds_schema_inventory_state, items->items[i], arena, &item, NULL,
                                   &error),
                  "%s", error.message);
        cr_assert(ds_images_take(images, &item, &error));
    }
}

/* False: a chunk is not there, or not as it was. */
static bool load(struct rig *rig, const struct ds_snapshot_manifest *m, int64_t at,
                 struct ds_images *images, ds_arena_t *arena)
{
    size_t next = 0;

    for (int64_t i = m->chunks_offset; i < at && next < m->chunks.count; i++) {
        const struct ds_fake_record *r = record_at(rig, i);
        struct ds_snapshot_key key;

        if (r == NULL || !r->has_value || !ds_snapshot_key_parse(r->key, &key) ||
            key.epoch != m->epoch || key.slot != m->slot || key.chunk != (int32_t)next)
            continue;
        if ((int64_t)ds_crc32c(r->value) != m->chunks.items[next].checksum)
            return false;
        take_items(images, r->value, arena);
        next++;
    }
    return next == m->chunks.count;
}

static void check_one(struct rig *rig, const struct ds_snapshot_manifest *m,
                      const struct ds_images *found)
{
    struct ds_images wanted;
    void *fold = kit_fold(rig, m->offset);

    ds_images_of(&wanted, &ds_inventory_decider, fold);
    must_be_same("the fold, the snapshot", &wanted, found);
    ds_images_cleanup(&wanted);
    ds_inventory_decider.state_destroy(fold);
}

size_t kit_check_snapshots(struct rig *rig)
{
    ds_arena_t *arena = ds_arena_new(1024 * 1024, ARENA_MAX);
    size_t checked = 0;

    for (int64_t at = 0; at < ds_fake_end(rig->log, RIG_SNAPSHOTS, 0); at++) {
        const struct ds_snapshot_manifest *m;
        struct ds_images images;

        ds_arena_reset(arena);
        m = manifest_at(rig, at, arena);
        if (m == NULL)
            continue;
        ds_images_init(&images, &ds_inventory_decider);
        if (load(rig, m, at, &images, arena)) {
            check_one(rig, m, &images);
            checked++;
        }
        ds_images_cleanup(&images);
    }
    ds_arena_destroy(arena);
    return checked;
}
