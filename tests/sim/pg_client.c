/* Instead of projections/postgres/link.c: a connection to pg_server.c over a network that loses
 * questions and answers. */
#include "pg.h"

#include <stdlib.h>

struct ds_pg {
    struct ds_pg_config config;
    struct sim_proc *proc;
    struct sim_backend *backend; /* NULL: not connected */
    struct sim_statement statements[DS_PG_MAX_QUEUED];
    size_t count;
};

ds_pg_t *ds_pg_new(const struct ds_pg_config *config)
{
    ds_pg_t *pg = calloc(1, sizeof(*pg));

    if (pg == NULL)
        abort();
    pg->config = *config;
    pg->proc = config->clock->state;
    return pg;
}

void ds_pg_destroy(ds_pg_t *pg)
{
    if (pg != NULL)
        ds_pg_close(pg);
    free(pg);
}

/* What is queued is told to nobody; what was sent is the server's. */
void ds_pg_close(ds_pg_t *pg)
{
    pg->count = 0;
    if (pg->backend == NULL)
        return;
    sim_backend_gone(pg->proc->sim, pg->backend);
    pg->backend = NULL;
}

bool ds_pg_connected(const ds_pg_t *pg)
{
    return pg->backend != NULL;
}

static bool away(ds_pg_t *pg, const char *why, ds_error_t *error)
{
    ds_pg_close(pg);
    return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE, "%s", why);
}

static bool hit(struct sim *sim, unsigned of_1000)
{
    return !sim->healed && sim_hit(&sim->chance, of_1000);
}

static bool out_of_reach(const ds_pg_t *pg)
{
    return pg->proc->dying || pg->proc->cut_us > pg->proc->sim->now_us;
}

bool ds_pg_connect(ds_pg_t *pg, ds_error_t *error)
{
    struct sim *sim = pg->proc->sim;

    if (pg->backend != NULL)
        return true;
    sim_proc_wait(pg->proc, sim_time(&sim->chance, 500, 3 * SIM_MS));
    if (out_of_reach(pg) || hit(sim, sim->plan.db_lost))
        return away(pg, "cannot connect", error);
    pg->backend = sim_backend_new(pg->proc, pg);
    return true;
}

bool ds_pg_prepare(ds_pg_t *pg, const char *name, const char *sql, ds_error_t *error)
{
    (void)pg;
    (void)name;
    (void)sql;
    (void)error;
    return true;
}

bool ds_pg_queue(ds_pg_t *pg, const char *name, int param_count, const char *const *values,
                 const int *lengths, ds_error_t *error)
{
    struct sim_statement *s;

    if (pg->count == DS_PG_MAX_QUEUED)
        return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_LIMIT, "too many statements");
    s = &pg->statements[pg->count++];
    *s = (struct sim_statement){.param_count = param_count};
    if (!ds_str_to_array(ds_str(name), s->name, sizeof(s->name)))
        (void)ds_str_to_array(DS_STR("SET"), s->name, sizeof(s->name));
    for (int i = 0; i < param_count; i++)
        s->params[i] = (ds_bytes_t){sim_copy(pg->proc->sim, values[i], (size_t)lengths[i]),
                                    (uint32_t)lengths[i]};
    return true;
}

bool ds_pg_queue_sql(ds_pg_t *pg, const char *sql, const char *param, ds_error_t *error)
{
    (void)param;
    return ds_pg_queue(pg, sql, 0, NULL, NULL, error);
}

/* The statements go to the server, which has its own copy. */
static void send(ds_pg_t *pg)
{
    struct sim_backend *backend = pg->backend;

    backend->count = pg->count;
    backend->statements =
        sim_copy(pg->proc->sim, pg->statements, pg->count * sizeof(*pg->statements));
    pg->count = 0;
}

/* The answer is lost; the batch is carried out all the same, now or some time later. */
static void carry_on_alone(struct sim *sim, struct sim_backend *backend)
{
    backend->client = NULL;
    backend->busy = true;
    backend->next = 0;
    if (backend->killed)
        backend->count = 0;
    sim_at(sim, sim->now_us + sim_time(&sim->chance, 0, SIM_S), SIM_BACKEND, backend, 0);
}

static void wait_for_answer(ds_pg_t *pg, struct sim_backend *backend, int64_t until_us)
{
    struct sim *sim = pg->proc->sim;

    while (backend->busy && !pg->proc->dying && sim->now_us < until_us)
        sim_proc_wait(pg->proc, until_us - sim->now_us);
}

static void hand_out(struct sim_backend *backend, PGresult **results_out, size_t count)
{
    for (size_t i = 0; i < backend->count; i++) {
        if (results_out != NULL && i < count)
            results_out[i] = backend->statements[i].result;
        else
            PQclear(backend->statements[i].result);
        backend->statements[i].result = NULL;
    }
}

bool ds_pg_sync(ds_pg_t *pg, PGresult **results_out, size_t count, ds_error_t *error)
{
    struct sim *sim = pg->proc->sim;
    struct sim_backend *backend = pg->backend;
    int64_t until_us = sim->now_us + pg->config.timeout_ms * SIM_MS;

    for (size_t i = 0; results_out != NULL && i < count; i++)
        results_out[i] = NULL;
    if (backend == NULL)
        return away(pg, "no connection", error);
    send(pg);
    sim_proc_wait(pg->proc, sim_time(&sim->chance, 200, 2 * SIM_MS));
    if (out_of_reach(pg) || hit(sim, sim->plan.db_lost))
        return away(pg, "the connection is gone", error);
    if (hit(sim, sim->plan.db_unsure)) {
        carry_on_alone(sim, backend);
        return away(pg, "no answer", error);
    }
    sim_backend_begin(sim, backend);
    wait_for_answer(pg, backend, until_us);
    if (backend->busy || pg->proc->dying || backend->failed)
        return away(pg, backend->busy ? "no answer in time" : "refused", error);
    hand_out(backend, results_out, count);
    return true;
}
