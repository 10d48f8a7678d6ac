/* Instead of projections/mongo/store.c: documents in memory. Each is replaced where its pos is
 * lower; a bulk may be carried out in part, and the answer to it be lost. */
#include "projections/mongo/store.h"
#include "sim.h"

#include <stdlib.h>

struct sim_tally {
    struct sim_tally *next;
    ds_str_t key;
    struct ds_tally tally;
};
struct sim_fact {
    struct sim_fact *next;
    struct ds_fact fact;
};
struct sim_mongo {
    struct ds_mongo_position positions[SIM_PARTITIONS];
    struct sim_tally *tallies;
    struct sim_fact *facts;
    size_t tally_count;
    size_t fact_count;
};

struct ds_mongo {
    struct sim_proc *proc;
};

/* ---- the driver's side of the worker ---- */

void mongoc_init(void);
void mongoc_cleanup(void);
void mongoc_log_set_handler(void *handler, void *data);

void mongoc_init(void)
{
}

void mongoc_cleanup(void)
{
}

void mongoc_log_set_handler(void *handler, void *data)
{
    (void)handler;
    (void)data;
}

/* ---- the network ---- */

static bool hit(struct sim *sim, unsigned of_1000)
{
    return !sim->healed && sim_hit(&sim->chance, of_1000);
}

static bool away(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_MONGO, DS_ERR_UNAVAILABLE, "MongoDB does not answer");
}

static bool reach(ds_mongo_t *mongo, ds_error_t *error)
{
    struct sim_proc *proc = mongo->proc;

    sim_proc_wait(proc, sim_time(&proc->sim->chance, 300, 3 * SIM_MS));
    if (proc->dying || proc->cut_us > proc->sim->now_us || hit(proc->sim, proc->sim->plan.db_lost))
        return away(error);
    return true;
}

static bool answer(ds_mongo_t *mongo, ds_error_t *error)
{
    struct sim_proc *proc = mongo->proc;

    sim_proc_wait(proc, sim_time(&proc->sim->chance, 200, 2 * SIM_MS));
    if (proc->dying || hit(proc->sim, proc->sim->plan.db_unsure))
        return away(error);
    return true;
}

bool ds_mongo_new(const char *url, int timeout_ms, ds_mongo_t **mongo_out, ds_error_t *error)
{
    ds_mongo_t *mongo = calloc(1, sizeof(*mongo));

    (void)url;
    (void)timeout_ms;
    (void)error;
    if (mongo == NULL)
        abort();
    mongo->proc = sim_proc_running();
    *mongo_out = mongo;
    return true;
}

void ds_mongo_destroy(ds_mongo_t *mongo)
{
    free(mongo);
}

bool ds_mongo_ping(ds_mongo_t *mongo, ds_error_t *error)
{
    return reach(mongo, error);
}

/* ---- loading ---- */

bool ds_mongo_load_position(ds_mongo_t *mongo, int32_t partition,
                            struct ds_mongo_position *position_out, ds_error_t *error)
{
    *position_out = (struct ds_mongo_position){.place = DS_PLACE_START};
    if (!reach(mongo, error))
        return false;
    *position_out = mongo->proc->sim->mongo->positions[partition];
    return answer(mongo, error);
}

static struct sim_fact *find_fact(const struct sim *sim, ds_str_t order_id)
{
    struct sim_fact *fact = sim->mongo->facts;

    while (fact != NULL && !ds_str_eq(fact->fact.order_id, order_id))
        fact = fact->next;
    return fact;
}

static struct sim_tally *find_tally(const struct sim *sim, ds_str_t key)
{
    struct sim_tally *tally = sim->mongo->tallies;

    while (tally != NULL && !ds_str_eq(tally->key, key))
        tally = tally->next;
    return tally;
}

/* BSON keeps milliseconds. */
static int64_t in_ms(int64_t us)
{
    return us / 1000 * 1000;
}

static bool fill_fact(struct ds_fact *fact, const struct ds_fact *found, ds_arena_t *arena,
                      ds_error_t *error)
{
    struct ds_fact_line *lines =
        ds_arena_calloc(arena, found->line_count + 1, sizeof(*lines), error);
    ds_str_t order_id = fact->order_id;

    if (lines == NULL)
        return false;
    memcpy(lines, found->lines, found->line_count * sizeof(*lines));
    *fact = *found;
    fact->order_id = order_id;
    fact->lines = lines;
    return true;
}

bool ds_mongo_load_facts(ds_mongo_t *mongo, struct ds_tallies *t, ds_error_t *error)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;

    if (!reach(mongo, error))
        return false;
    while (ds_map_next(t->facts, &cursor, &key, &value)) {
        const struct sim_fact *found = find_fact(mongo->proc->sim, key);

        if (found != NULL && !fill_fact(value, &found->fact, t->arena, error))
            return false;
    }
    return answer(mongo, error);
}

bool ds_mongo_load_tallies(ds_mongo_t *mongo, struct ds_tallies *t, ds_error_t *error)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;

    if (!reach(mongo, error))
        return false;
    while (ds_map_next(t->tallies, &cursor, &key, &value)) {
        const struct sim_tally *found = find_tally(mongo->proc->sim, key);
        struct ds_tally *tally = value;

        if (found == NULL)
            continue;
        tally->pos = found->tally.pos;
        memcpy(tally->counters, found->tally.counters, sizeof(tally->counters));
    }
    return answer(mongo, error);
}

/* ---- writing ---- */

static ds_str_t keep(struct sim *sim, ds_str_t text)
{
    return (ds_str_t){sim_copy(sim, text.data, text.len), text.len};
}

static void put_tally(struct sim *sim, ds_str_t key, const struct ds_tally *tally)
{
    struct sim_tally *found = find_tally(sim, key);

    if (found != NULL && found->tally.pos >= tally->pos)
        return;
    if (found == NULL) {
        found = sim_alloc(sim, sizeof(*found));
        found->next = sim->mongo->tallies;
        found->key = keep(sim, key);
        sim->mongo->tallies = found;
        sim->mongo->tally_count++;
    }
    found->tally = (struct ds_tally){.pos = tally->pos};
    memcpy(found->tally.counters, tally->counters, sizeof(tally->counters));
    sim_note(sim, 5000, (uint64_t)tally->pos, (uint64_t)tally->counters[0]);
}

static void put_fact(struct sim *sim, const struct ds_fact *fact)
{
    struct sim_fact *found = find_fact(sim, fact->order_id);
    struct ds_fact *to;

    if (found != NULL && found->fact.pos >= fact->pos)
        return;
    if (found == NULL) {
        found = sim_alloc(sim, sizeof(*found));
        found->next = sim->mongo->facts;
        sim->mongo->facts = found;
        sim->mongo->fact_count++;
    }
    to = &found->fact;
    *to = *fact;
    to->changed = false;
    to->order_id = keep(sim, fact->order_id);
    to->store = keep(sim, fact->store);
    to->currency = keep(sim, fact->currency);
    to->payment_method = keep(sim, fact->payment_method);
    to->status = keep(sim, fact->status);
    to->reason = keep(sim, fact->reason);
    to->placed_us = in_ms(fact->placed_us);
    to->confirmed_us = in_ms(fact->confirmed_us);
    to->picked_up_us = in_ms(fact->picked_up_us);
    to->closed_us = in_ms(fact->closed_us);
    to->lines = sim_alloc(sim, (fact->line_count + 1) * sizeof(*to->lines));
    for (size_t i = 0; i < fact->line_count; i++) {
        to->lines[i] = fact->lines[i];
        to->lines[i].product = keep(sim, fact->lines[i].product);
    }
}

/* Everything of one kind is one bulk; its operations have no order among them. */
static bool write_tallies(ds_mongo_t *mongo, const struct ds_tallies *t, int kind,
                          ds_error_t *error)
{
    struct sim *sim = mongo->proc->sim;
    bool broken = hit(sim, sim->plan.db_unsure);
    size_t cursor = 0;
    bool any = false;
    ds_str_t key;
    void *value;

    while (ds_map_next(t->tallies, &cursor, &key, &value)) {
        const struct ds_tally *tally = value;

        if ((int)tally->kind != kind || !tally->changed)
            continue;
        if (!any && !reach(mongo, error))
            return false;
        any = true;
        if (!broken || sim_roll(&sim->chance, 2) == 0)
            put_tally(sim, key, tally);
    }
    return !any || (broken ? away(error) : answer(mongo, error));
}

static bool write_facts(ds_mongo_t *mongo, const struct ds_tallies *t, ds_error_t *error)
{
    struct sim *sim = mongo->proc->sim;
    bool broken = hit(sim, sim->plan.db_unsure);
    size_t cursor = 0;
    ds_str_t key;
    void *value;

    if (!reach(mongo, error))
        return false;
    while (ds_map_next(t->facts, &cursor, &key, &value)) {
        const struct ds_fact *fact = value;

        if (fact->changed && (!broken || sim_roll(&sim->chance, 2) == 0))
            put_fact(sim, fact);
    }
    return broken ? away(error) : answer(mongo, error);
}

bool ds_mongo_write(ds_mongo_t *mongo, const struct ds_tallies *t, ds_error_t *error)
{
    for (int kind = 0; kind < DS_TALLY_KINDS; kind++)
        if (!write_tallies(mongo, t, kind, error))
            return false;
    return write_facts(mongo, t, error);
}

bool ds_mongo_write_position(ds_mongo_t *mongo, int32_t partition,
                             const struct ds_mongo_position *position, int64_t now_us,
                             bool *newer_out, ds_error_t *error)
{
    struct ds_mongo_position *there;

    (void)now_us;
    *newer_out = false;
    if (!reach(mongo, error))
        return false;
    there = &mongo->proc->sim->mongo->positions[partition];
    *newer_out = there->place.offset >= position->place.offset;
    if (!*newer_out) {
        *there = *position;
        sim_say(mongo->proc->sim, "%s: order.events/%d at %d", mongo->proc->name, (int)partition,
                (int)position->place.offset);
    }
    return answer(mongo, error);
}

/* ---- in the end ---- */

void sim_mongo_reset(struct sim *sim)
{
    sim->mongo = sim_alloc(sim, sizeof(*sim->mongo));
    for (int p = 0; p < SIM_PARTITIONS; p++)
        sim->mongo->positions[p].place = DS_PLACE_START;
}

int64_t sim_mongo_position(const struct sim *sim, int32_t partition)
{
    return sim->mongo->positions[partition].place.offset;
}

static bool fold_part(struct sim *sim, struct ds_tallies *t, int32_t partition, ds_error_t *error)
{
    const struct sim_judge *judge = &sim->judges[DS_AUDIT_ORDER][partition];
    const struct sim_part *part = &sim->log[DS_AUDIT_ORDER][partition];

    for (size_t i = 0; i < judge->taken_count; i++) {
        int64_t offset = judge->taken[i];
        const struct ds_order_event *event = part->records[offset].event;

        if (!ds_tallies_want(t, partition, event, error) ||
            !ds_tallies_fold(t, partition, offset, event, error))
            return false;
    }
    return true;
}

static bool same_fact(const struct ds_fact *a, const struct ds_fact *b)
{
    if (a->pos != b->pos || a->total_minor != b->total_minor || a->partition != b->partition ||
        !ds_str_eq(a->status, b->status) || !ds_str_eq(a->reason, b->reason) ||
        in_ms(a->placed_us) != in_ms(b->placed_us) || in_ms(a->closed_us) != in_ms(b->closed_us) ||
        in_ms(a->confirmed_us) != in_ms(b->confirmed_us) || a->line_count != b->line_count)
        return false;
    for (size_t i = 0; i < a->line_count; i++)
        if (a->lines[i].cancelled != b->lines[i].cancelled ||
            a->lines[i].quantity != b->lines[i].quantity)
            return false;
    return true;
}

static void compare(struct sim *sim, struct ds_tallies *t)
{
    size_t cursor = 0;
    ds_str_t key;
    void *value;

    if (ds_map_count(t->facts) != sim->mongo->fact_count ||
        ds_map_count(t->tallies) != sim->mongo->tally_count)
        sim_fail(sim, "I6: the analytics have other documents than a fold from scratch");
    while (!sim->failed && ds_map_next(t->facts, &cursor, &key, &value)) {
        const struct sim_fact *found = find_fact(sim, key);

        if (found == NULL || !same_fact(value, &found->fact))
            sim_fail(sim, "I6: the fact of order %.*s differs from a fold from scratch",
                     DS_STR_ARG(key));
    }
    cursor = 0;
    while (!sim->failed && ds_map_next(t->tallies, &cursor, &key, &value)) {
        const struct sim_tally *found = find_tally(sim, key);
        const struct ds_tally *tally = value;

        if (found == NULL || found->tally.pos != tally->pos ||
            memcmp(found->tally.counters, tally->counters, sizeof(tally->counters)) != 0)
            sim_fail(sim, "I6: the tally %.*s differs from a fold from scratch", DS_STR_ARG(key));
    }
}

void sim_mongo_judge(struct sim *sim)
{
    struct ds_tallies t;
    ds_error_t error = DS_ERROR_INIT;
    bool ok = ds_tallies_init(&t, &error);

    for (int32_t p = 0; ok && p < sim->plan.partitions; p++)
        ok = fold_part(sim, &t, p, &error);
    if (ok) {
        ds_tallies_merge(&t);
        compare(sim, &t);
    } else {
        sim_fail(sim, "the analytics cannot be folded: %s", error.message);
    }
    ds_tallies_cleanup(&t);
}
