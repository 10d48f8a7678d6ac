/* The server: statements of a batch one after the other, locks, commit. */
#include "base/planted.h"
#include "pg.h"

#include <stdlib.h>

enum done { DONE, BLOCKED, FAILED };

static int fold_topic(ds_bytes_t name)
{
    for (int t = 0; t < DS_FOLD_TOPICS; t++)
        if (ds_str_eq(ds_str(ds_fold_schemas[t]->topic),
                      (ds_str_t){(const char *)name.data, name.len}))
            return t;
    abort();
}

/* ---- locks and transactions ---- */

static bool lock(struct sim_backend *backend, struct sim_position_row *row)
{
    if (row->lock != NULL && row->lock != backend)
        return false;
    row->lock = backend;
    return true;
}

static void wake_waiting(struct sim *sim)
{
    struct sim_pg *pg = sim->pg;

    for (size_t i = 0; i < pg->waiting_count; i++)
        sim_at(sim, sim->now_us + 50, SIM_BACKEND, pg->waiting[i], 0);
    pg->waiting_count = 0;
}

static void end_transaction(struct sim *sim, struct sim_backend *backend)
{
    bool any = false;

    backend->in_transaction = false;
    backend->staged_count = 0;
    for (int t = 0; t < DS_FOLD_TOPICS; t++)
        for (int32_t p = 0; p < sim->plan.partitions; p++)
            if (sim->pg->positions[t][p].lock == backend) {
                sim->pg->positions[t][p].lock = NULL;
                any = true;
            }
    if (any)
        wake_waiting(sim);
}

static void commit(struct sim *sim, struct sim_backend *backend)
{
    for (size_t i = 0; i < backend->staged_count; i++) {
        const struct sim_staged *staged = &backend->staged[i];

        if (staged->table >= 0) {
            sim_put_row(sim, staged->table, &staged->row);
            continue;
        }
        sim->pg->positions[staged->topic][staged->partition].now = staged->position;
        sim_note(sim, 4000, (uint64_t)staged->position.last_offset,
                 (uint64_t)staged->position.generation);
        sim_say(sim, "%s commits: %s/%d at %d, generation %d", backend->proc->name,
                ds_fold_schemas[staged->topic]->topic, (int)staged->partition,
                (int)staged->position.last_offset, (int)staged->position.generation);
    }
    end_transaction(sim, backend);
}

static struct sim_staged *stage(struct sim *sim, struct sim_backend *backend)
{
    backend->staged = sim_grow(sim, backend->staged, backend->staged_count,
                               &backend->staged_capacity, sizeof(*backend->staged));
    return &backend->staged[backend->staged_count++];
}

/* ---- position rows ---- */

static enum done take(struct sim *sim, struct sim_backend *backend, struct sim_statement *s)
{
    int32_t p = (int32_t)sim_be(s->params[1]);
    int64_t most = 0;

    for (int t = 0; t < DS_FOLD_TOPICS; t++) {
        if (!lock(backend, &sim->pg->positions[t][p]))
            return BLOCKED;
        if (sim->pg->positions[t][p].now.generation > most)
            most = sim->pg->positions[t][p].now.generation;
    }
    s->result = sim_result(7);
    for (int t = 0; t < DS_FOLD_TOPICS; t++) {
        struct sim_staged *staged = stage(sim, backend);
        struct sim_position now = sim->pg->positions[t][p].now;
        const char *name = ds_fold_schemas[t]->topic;

        if (!now.exists)
            now = (struct sim_position){.exists = true, .last_offset = -1, .commands_through = -1};
        now.generation = most + 1;
        *staged = (struct sim_staged){.table = -1, .position = now, .topic = t, .partition = p};
        sim_result_bytes(s->result, t, 0, name, strlen(name));
        sim_result_number(s->result, t, 1, now.last_offset, 8);
        sim_result_number(s->result, t, 2, now.epoch, 8);
        sim_result_number(s->result, t, 3, now.seq, 8);
        sim_result_number(s->result, t, 4, now.generation, 8);
        sim_result_number(s->result, t, 5, now.commands_through, 8);
        sim_result_bytes(s->result, t, 6, now.log_id, strlen(now.log_id));
    }
    return DONE;
}

/* The i-th elements of the arrays that a move or a look is given. */
static ds_bytes_t param(const struct sim_statement *s, int column, size_t i)
{
    ds_bytes_t bytes;

    (void)sim_element(sim_array_elements(s->params[column]), i, &bytes);
    return bytes;
}

static struct sim_position_row *row_of(struct sim *sim, const struct sim_statement *s, size_t i,
                                       int *topic_out, int32_t *partition_out)
{
    *topic_out = fold_topic(param(s, 0, i));
    *partition_out = (int32_t)sim_be(param(s, 1, i));
    return &sim->pg->positions[*topic_out][*partition_out];
}

static bool lock_rows(struct sim *sim, struct sim_backend *backend, const struct sim_statement *s)
{
    int topic;
    int32_t partition;

    for (size_t i = 0; i < sim_array_count(s->params[0]); i++)
        if (!lock(backend, row_of(sim, s, i, &topic, &partition)))
            return false;
    return true;
}

static void stage_move(struct sim *sim, struct sim_backend *backend, const struct sim_statement *s,
                       size_t i)
{
    struct sim_staged *staged = stage(sim, backend);
    ds_bytes_t log_id = param(s, 9, i);

    *staged = (struct sim_staged){.table = -1};
    staged->position = row_of(sim, s, i, &staged->topic, &staged->partition)->now;
    staged->position.last_offset = sim_be(param(s, 4, i));
    staged->position.epoch = sim_be(param(s, 5, i));
    staged->position.seq = sim_be(param(s, 6, i));
    staged->position.commands_through = sim_be(param(s, 8, i));
    (void)ds_str_to_array((ds_str_t){(const char *)log_id.data, log_id.len},
                          staged->position.log_id, sizeof(staged->position.log_id));
}

static enum done move(struct sim *sim, struct sim_backend *backend, struct sim_statement *s)
{
    int found = 0;

    if (!lock_rows(sim, backend, s))
        return BLOCKED;
    s->result = sim_result(2);
    for (size_t i = 0; i < sim_array_count(s->params[0]); i++) {
        int topic;
        int32_t partition;
        const struct sim_position *now = &row_of(sim, s, i, &topic, &partition)->now;
        const char *name = ds_fold_schemas[topic]->topic;

        if (!DS_PLANTED(POSITION) && (now->last_offset != sim_be(param(s, 2, i)) ||
                                      now->generation != sim_be(param(s, 3, i))))
            continue;
        stage_move(sim, backend, s, i);
        sim_result_bytes(s->result, found, 0, name, strlen(name));
        sim_result_number(s->result, found++, 1, partition, 4);
    }
    return DONE;
}

static enum done look(struct sim *sim, struct sim_backend *backend, struct sim_statement *s)
{
    if (!lock_rows(sim, backend, s))
        return BLOCKED;
    s->result = sim_result(4);
    for (size_t i = 0; i < sim_array_count(s->params[0]); i++) {
        int topic;
        int32_t partition;
        const struct sim_position *now = &row_of(sim, s, i, &topic, &partition)->now;
        const char *name = ds_fold_schemas[topic]->topic;

        sim_result_bytes(s->result, (int)i, 0, name, strlen(name));
        sim_result_number(s->result, (int)i, 1, partition, 4);
        sim_result_number(s->result, (int)i, 2, now->last_offset, 8);
        sim_result_number(s->result, (int)i, 3, now->generation, 8);
    }
    return DONE;
}

/* ---- statements ---- */

static void write_rows(struct sim *sim, struct sim_backend *backend, struct sim_statement *s,
                       int table)
{
    for (size_t i = 0; i < sim_array_count(s->params[0]); i++) {
        struct sim_row row = sim_row_of(sim, table, s->params, i);

        *stage(sim, backend) = (struct sim_staged){.table = table, .row = row};
    }
    s->result = sim_result(0);
}

static int load_of(const char *name)
{
    for (int i = 0; i < DS_LOADS; i++)
        if (i == DS_LOAD_SILENT ? strcmp(name, "silent") == 0
                                : strcmp(name, ds_tables[ds_loads[i].table].name) == 0)
            return i;
    abort();
}

static int table_of(const char *name)
{
    for (int i = 0; i < DS_TABLES; i++)
        if (strcmp(name, ds_tables[i].name) == 0)
            return i;
    abort();
}

static enum done plain(struct sim *sim, struct sim_backend *backend, struct sim_statement *s)
{
    if (strcmp(s->name, "BEGIN") == 0)
        backend->in_transaction = true;
    else if (strcmp(s->name, "COMMIT") == 0)
        commit(sim, backend);
    s->result = sim_result(0); /* SET LOCAL, SELECT 1, position_make */
    return DONE;
}

static enum done carry_out(struct sim *sim, struct sim_backend *backend, struct sim_statement *s)
{
    if (strcmp(s->name, "position_take") == 0)
        return take(sim, backend, s);
    if (strcmp(s->name, "position_move") == 0)
        return move(sim, backend, s);
    if (strcmp(s->name, "position_look") == 0)
        return look(sim, backend, s);
    if (strncmp(s->name, "load_", 5) == 0)
        s->result = sim_load(sim, load_of(s->name + 5), s->params[0]);
    else if (strncmp(s->name, "write_", 6) == 0)
        write_rows(sim, backend, s, table_of(s->name + 6));
    else
        return plain(sim, backend, s);
    return DONE;
}

/* ---- a batch ---- */

static void forget_results(struct sim_backend *backend)
{
    for (size_t i = 0; i < backend->count; i++) {
        PQclear(backend->statements[i].result);
        backend->statements[i].result = NULL;
    }
}

static void answer(struct sim *sim, struct sim_backend *backend)
{
    backend->busy = false;
    if (!backend->in_transaction) /* each statement was a transaction of its own */
        end_transaction(sim, backend);
    if (backend->client == NULL) {
        end_transaction(sim, backend); /* nobody is there any more: rolled back */
        forget_results(backend);
        return;
    }
    if (backend->in_transaction) /* idle_in_transaction_session_timeout */
        sim_at(sim, sim->now_us + SIM_S, SIM_BACKEND, backend, backend->batches);
    sim_proc_wake(backend->proc, sim->now_us + sim_time(&sim->chance, 200, 2 * SIM_MS));
}

static void kill_idle(struct sim *sim, struct sim_backend *backend, int batch)
{
    if (backend->busy || !backend->in_transaction || backend->batches != batch)
        return;
    backend->killed = true;
    end_transaction(sim, backend);
}

static void wait_for_lock(struct sim *sim, struct sim_backend *backend)
{
    struct sim_pg *pg = sim->pg;

    if (backend->lock_until_us == 0)
        backend->lock_until_us = sim->now_us + SIM_S;
    if (pg->waiting_count == SIM_BACKENDS)
        abort();
    pg->waiting[pg->waiting_count++] = backend;
    sim_at(sim, backend->lock_until_us, SIM_BACKEND, backend, 0);
}

static void stop_waiting(struct sim_pg *pg, const struct sim_backend *backend)
{
    for (size_t i = pg->waiting_count; i-- > 0;)
        if (pg->waiting[i] == backend)
            pg->waiting[i] = pg->waiting[--pg->waiting_count];
}

static void fail(struct sim *sim, struct sim_backend *backend)
{
    backend->failed = true;
    end_transaction(sim, backend);
    answer(sim, backend);
}

void sim_pg_backend(struct sim *sim, void *subject, int idle_since)
{
    struct sim_backend *backend = subject;

    if (idle_since > 0)
        kill_idle(sim, backend, idle_since);
    if (idle_since > 0 || !backend->busy)
        return;
    stop_waiting(sim->pg, backend);
    while (backend->next < backend->count) {
        switch (carry_out(sim, backend, &backend->statements[backend->next])) {
        case DONE:
            backend->next++;
            backend->lock_until_us = 0;
            break;
        case BLOCKED:
            if (backend->lock_until_us != 0 && sim->now_us >= backend->lock_until_us) {
                fail(sim, backend);
                return;
            }
            wait_for_lock(sim, backend);
            return;
        case FAILED:
            fail(sim, backend);
            return;
        }
    }
    answer(sim, backend);
}

void sim_backend_begin(struct sim *sim, struct sim_backend *backend)
{
    backend->next = 0;
    backend->batches++;
    backend->busy = true;
    backend->failed = false;
    backend->lock_until_us = 0;
    if (backend->killed)
        fail(sim, backend);
    else
        sim_pg_backend(sim, backend, 0);
}

/* The client's socket is closed. What it had sent is carried out; an open transaction is not. */
void sim_backend_gone(struct sim *sim, struct sim_backend *backend)
{
    backend->client = NULL;
    if (!backend->busy)
        end_transaction(sim, backend);
}

struct sim_backend *sim_backend_new(struct sim_proc *proc, struct ds_pg *client)
{
    struct sim *sim = proc->sim;
    struct sim_pg *pg = sim->pg;
    struct sim_backend *backend = sim_alloc(sim, sizeof(*backend));

    backend->client = client;
    backend->proc = proc;
    pg->backends = sim_grow(sim, pg->backends, pg->backend_count, &pg->backend_capacity,
                            sizeof(struct sim_backend *));
    pg->backends[pg->backend_count++] = backend;
    return backend;
}

void sim_pg_end(struct sim *sim)
{
    for (size_t i = 0; i < sim->pg->backend_count; i++)
        forget_results(sim->pg->backends[i]);
}

void sim_pg_reset(struct sim *sim)
{
    sim->pg = sim_alloc(sim, sizeof(*sim->pg));
}

int64_t sim_pg_position(const struct sim *sim, int32_t processor, int32_t partition)
{
    for (int t = 0; t < DS_FOLD_TOPICS; t++)
        if (sim_topic_of(ds_fold_schemas[t]->topic) == processor)
            return sim->pg->positions[t][partition].now.exists
                       ? sim->pg->positions[t][partition].now.last_offset
                       : -2;
    return -2;
}
