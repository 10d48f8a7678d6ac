/* What befalls snapshots: a disk flips a bit, cuts a record short or loses it; another version of
 * the program wrote one; and one stands there that is another log's. And what they must be: each
 * complete one the fold of the log up to its place. */
#include "cli/audit/snapshots.h"

#include "base/crypto.h"
#include "sim.h"

#include <inttypes.h>

#define RECENT 12 /* what is damaged is one of the last so many: what restores read */

/* ---- finding ---- */

static struct sim_part *topic_of(struct sim *sim, int32_t processor, int32_t partition)
{
    return &sim->log[SIM_SNAPSHOTS + processor][partition];
}

static bool key_of(const struct sim_record *r, struct ds_snapshot_key *key_out)
{
    return !r->gone && r->has_key && r->has_value && ds_snapshot_key_parse(r->key, key_out);
}

/* The newest manifest; NULL: none. */
static struct sim_record *last_manifest(struct sim_part *part)
{
    struct ds_snapshot_key key;

    for (int64_t i = part->end - 1; i >= 0; i--)
        if (key_of(&part->records[i], &key) && key.chunk < 0)
            return &part->records[i];
    return NULL;
}

static struct sim_record *find_chunk(struct sim_part *part,
                                     const struct ds_snapshot_manifest *manifest)
{
    struct ds_snapshot_key key;

    for (int64_t i = manifest->chunks_offset; i >= 0 && i < part->end; i++)
        if (key_of(&part->records[i], &key) && key.epoch == manifest->epoch &&
            key.slot == manifest->slot && key.chunk == 0)
            return &part->records[i];
    return NULL;
}

/* ---- a bad disk ---- */

/* Whoever has the old bytes at hand keeps them. */
static void flip(struct sim *sim, const void *data, uint32_t len, const uint8_t **copy_out)
{
    uint8_t *copy = sim_copy(sim, data, len);
    uint64_t bit = sim_roll(&sim->chance, (uint64_t)len * 8);

    if (len > 0)
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    *copy_out = copy;
}

static void spoil(struct sim *sim, struct sim_record *r)
{
    const uint8_t *copy;

    switch (sim_roll(&sim->chance, 6)) {
    case 0:
        r->gone = true;
        break;
    case 1:
        r->value.len = (uint32_t)sim_roll(&sim->chance, r->value.len);
        break;
    case 2:
        flip(sim, r->key.data, r->key.len, &copy);
        r->key.data = (const char *)copy;
        break;
    default:
        flip(sim, r->value.data, r->value.len, &copy);
        r->value.data = copy;
        break;
    }
}

static struct sim_part *some_topic(struct sim *sim, int32_t *processor_out, int32_t *p_out)
{
    *processor_out = (int32_t)sim_roll(&sim->chance, DS_AUDIT_PROCESSORS);
    *p_out = (int32_t)sim_roll(&sim->chance, (uint64_t)sim->plan.partitions);
    return topic_of(sim, *processor_out, *p_out);
}

void sim_snapshot_rot(struct sim *sim)
{
    int32_t processor;
    int32_t p;
    struct sim_part *part = some_topic(sim, &processor, &p);
    int64_t back = (int64_t)sim_roll(&sim->chance, RECENT);
    struct sim_record *r = sim_roll(&sim->chance, 3) == 0  ? last_manifest(part)
                           : back < part->end && back >= 0 ? &part->records[part->end - 1 - back]
                                                           : NULL;

    if (r == NULL || r->gone || !r->has_key || !r->has_value)
        return;
    sim_say(sim, "%s/%d @%d rots", sim_topic_name(SIM_SNAPSHOTS + processor), (int)p,
            (int)(r - part->records));
    spoil(sim, r);
}

/* ---- rewriting one ---- */

struct rewrite {
    struct sim *sim;
    struct sim_part *part;
    struct sim_record *at; /* its manifest */
    ds_arena_t *arena;
    struct ds_snapshot_record record;
};

static struct ds_snapshot_manifest *manifest_of(struct rewrite *w)
{
    return &w->record.body.as.snapshot_manifest;
}

/* @return false: there is none, or nobody could read it any more. */
static bool rewrite_begin(struct sim *sim, struct sim_part *part, struct rewrite *w)
{
    ds_error_t error = DS_ERROR_INIT;

    *w = (struct rewrite){.sim = sim, .part = part, .at = last_manifest(part)};
    if (w->at == NULL)
        return false;
    w->arena = ds_arena_new((size_t)64 * 1024, DS_MAX_DECODE_BYTES);
    return w->arena != NULL &&
           ds_schema_decode(&ds_schema_host_snapshot_state, w->at->value, w->arena, &w->record,
                            NULL, &error) &&
           ds_snapshot_manifest_check(&w->record, w->at->value, &error);
}

static void replace(struct sim *sim, struct sim_record *r, const ds_buf_t *bytes)
{
    r->value.data = sim_copy(sim, bytes->data, bytes->len);
    r->value.len = (uint32_t)bytes->len;
}

static bool rewrite_end(struct rewrite *w)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;
    bool ok;

    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    ok = ds_snapshot_manifest_encode(&w->record, &bytes, &error);
    if (ok)
        replace(w->sim, w->at, &bytes);
    ds_buf_cleanup(&bytes);
    return ok;
}

/* What another version holds in the same bytes is not what this one would: here, one item less. */
static bool lose_item(struct rewrite *w)
{
    struct ds_snapshot_manifest *manifest = manifest_of(w);
    struct sim_record *r = find_chunk(w->part, manifest);
    struct ds_snapshot_record chunk;
    struct ds_chunk_sum *sums = NULL;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;
    bool ok;

    if (manifest->chunks.count == 0 || r == NULL ||
        (int64_t)ds_crc32c(r->value) != manifest->chunks.items[0].checksum ||
        !ds_schema_decode(&ds_schema_host_snapshot_state, r->value, w->arena, &chunk, NULL,
                          &error) ||
        chunk.body.kind != DS_SNAPSHOT_RECORD_SNAPSHOT_CHUNK ||
        chunk.body.as.snapshot_chunk.items.count == 0)
        return false;
    chunk.body.as.snapshot_chunk.items.count--;
    sums = manifest->chunks.items;
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    ok = ds_schema_encode(&ds_schema_host_snapshot_state, &chunk, &bytes, &error);
    if (ok) {
        replace(w->sim, r, &bytes);
        sums[0].checksum = (int64_t)ds_crc32c(r->value);
        sums[0].items--;
    }
    ds_buf_cleanup(&bytes);
    return ok;
}

void sim_snapshot_reformat(struct sim *sim)
{
    int32_t processor;
    int32_t p;
    struct rewrite w;

    if (rewrite_begin(sim, some_topic(sim, &processor, &p), &w) &&
        manifest_of(&w)->format == ds_snapshot_format(sim_decider(processor))) {
        manifest_of(&w)->format ^= 1;
        if (lose_item(&w) && rewrite_end(&w))
            sim_say(sim, "%s/%d @%d is another version's",
                    sim_topic_name(SIM_SNAPSHOTS + processor), (int)p,
                    (int)(w.at - w.part->records));
    }
    ds_arena_destroy(w.arena);
}

/* ---- another log's ---- */

static const int32_t own_topics[] = {0, DS_AUDIT_TOPICS, SIM_SNAPSHOTS};

static bool on_its_way(const struct sim *sim, int32_t topic, int32_t partition)
{
    for (size_t i = 0; i < sim->in_flight_count; i++)
        if (sim->in_flight[i]->topic == topic && sim->in_flight[i]->partition == partition)
            return true;
    return false;
}

static bool is_settled(const struct sim *sim, int32_t processor, int32_t partition)
{
    for (size_t i = 0; i < sizeof(own_topics) / sizeof(own_topics[0]); i++)
        if (on_its_way(sim, own_topics[i] + processor, partition))
            return false;
    return true;
}

static void crash_all(struct sim *sim, int32_t processor)
{
    for (int i = 0; i < sim->proc_count; i++)
        if (sim->procs[i].kind == SIM_PROC_HOST && sim->procs[i].group == processor)
            sim_proc_crash(&sim->procs[i]);
}

/* Behind the brokers is another cluster: what stands there is about a log that is not here. */
bool sim_snapshot_foreign(struct sim *sim)
{
    struct sim_foreign *foreign = &sim->foreign;
    int32_t processor;
    int32_t p;
    struct rewrite w;
    bool ok;

    ok = rewrite_begin(sim, some_topic(sim, &processor, &p), &w) && is_settled(sim, processor, p) &&
         manifest_of(&w)->identity.len > 0;
    if (ok) {
        ds_str_t other = {sim_copy(sim, manifest_of(&w)->identity.data,
                                   manifest_of(&w)->identity.len),
                          manifest_of(&w)->identity.len};

        ((char *)(uintptr_t)other.data)[0] ^= 1;
        manifest_of(&w)->identity = other;
        ok = rewrite_end(&w);
    }
    ds_arena_destroy(w.arena);
    if (!ok)
        return false;
    *foreign = (struct sim_foreign){.planted = true, .processor = processor, .partition = p};
    for (size_t i = 0; i < SIM_OWN_TOPICS; i++)
        foreign->ends[i] = sim->log[own_topics[i] + processor][p].end;
    sim_say(sim, "%s/%d: the last snapshot is another log's",
            sim_topic_name(SIM_SNAPSHOTS + processor), (int)p);
    sim_note(sim, 1001, (uint64_t)processor, (uint64_t)p);
    sim->damaged = true; /* nothing but this is looked at from here on */
    crash_all(sim, processor);
    return true;
}

void sim_foreign_judge(struct sim *sim)
{
    const struct sim_foreign *foreign = &sim->foreign;

    sim->damaged = false; /* failures count again */
    for (size_t i = 0; i < SIM_OWN_TOPICS; i++) {
        int32_t topic = own_topics[i] + foreign->processor;
        int64_t end = sim->log[topic][foreign->partition].end;

        if (end != foreign->ends[i])
            sim_fail(sim, "%s/%d is written to, %" PRId64 " records, beside another log's snapshot",
                     sim_topic_name(topic), (int)foreign->partition, end - foreign->ends[i]);
    }
    if (sim->stopped == 0)
        sim_fail(sim, "%s/%d: nobody noticed that a snapshot is another log's",
                 sim_topic_name(foreign->processor), (int)foreign->partition);
}

/* ---- against the fold ---- */

static bool take_topic(struct sim *sim, int32_t processor, int32_t partition, ds_audit_take_fn take,
                       void *context, ds_error_t *error)
{
    const struct sim_part *part = topic_of(sim, processor, partition);

    for (int64_t i = 0; i < part->end; i++) {
        const struct sim_record *r = &part->records[i];
        const struct ds_audit_record record = {.topic = DS_AUDIT_TOPICS + processor,
                                               .partition = partition,
                                               .offset = i,
                                               .appended_us = r->appended_us,
                                               .has_key = r->has_key,
                                               .has_value = r->has_value,
                                               .key = r->key,
                                               .value = r->value};

        if (!r->gone && !take(context, &record, error))
            return false;
    }
    return true;
}

static bool take(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    return ds_audit_snapshots_take(context, record, error);
}

struct source {
    struct ds_audit_source base;
    struct sim *sim;
};

static bool read_again(struct ds_audit_source *base, int32_t partition, int32_t processor,
                       int64_t from, int64_t until, ds_audit_take_fn take_fn, void *context,
                       ds_error_t *error)
{
    (void)from;
    (void)until;
    return take_topic(((struct source *)base)->sim, processor, partition, take_fn, context, error);
}

static bool take_log(struct sim *sim, ds_audit_snapshots_t *snapshots, int32_t processor,
                     int32_t partition, ds_error_t *error)
{
    const struct sim_part *log = &sim->log[processor][partition];
    struct ds_audit_event events[DS_MAX_DECISION_RECORDS];
    size_t count = 0;

    for (int64_t i = 0; i < log->end; i++) {
        const struct ds_event_head *head = log->records[i].event;

        if (head == NULL || log->records[i].delivered_us == 0)
            continue;
        events[count++] = (struct ds_audit_event){processor, i, head};
        if (head->meta.more)
            continue;
        if (!ds_audit_snapshots_decision(snapshots, events, count, error))
            return false;
        count = 0;
    }
    return true;
}

void sim_snapshots_audit(struct sim *sim, struct ds_audit_report *report, int32_t processor,
                         int32_t partition)
{
    struct source source = {.base.read_snapshots = read_again, .sim = sim};
    ds_audit_snapshots_t *snapshots = NULL;
    ds_error_t error = DS_ERROR_INIT;

    if (last_manifest(topic_of(sim, processor, partition)) == NULL)
        return;
    if (!ds_audit_snapshots_new(report, sim_decider(processor), processor, partition, &snapshots,
                                &error) ||
        !take_topic(sim, processor, partition, take, snapshots, &error) ||
        !ds_audit_snapshots_begin(snapshots, &error) ||
        !take_log(sim, snapshots, processor, partition, &error) ||
        !ds_audit_snapshots_judge(snapshots, &source.base, false, &error))
        sim_fail(sim, "the audit of snapshots fails: %s", error.message);
    ds_audit_snapshots_destroy(snapshots);
}
