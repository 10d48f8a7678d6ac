/* Processes: each with a clock, a random source and a life of its own. A host is stepped; a worker,
 * and a host that is being stopped, run in a fiber. */
#include "processors/catalog/catalog.h"
#include "processors/delivery/delivery.h"
#include "processors/inventory/inventory.h"
#include "processors/order/order.h"
#include "processors/payment/payment.h"
#include "projections/mongo/worker.h"
#include "projections/pause.h"
#include "projections/postgres/worker.h"
#include "sim.h"

#include <stdio.h>

#define CATCH_UP_US (300) /* until a process comes round again when there is more */

/* ---- what they run ---- */

const struct ds_decider *sim_decider(int processor)
{
    static const struct ds_decider *const deciders[DS_AUDIT_PROCESSORS] = {
        [DS_AUDIT_CATALOG] = &ds_catalog_decider,     [DS_AUDIT_ORDER] = &ds_order_decider,
        [DS_AUDIT_INVENTORY] = &ds_inventory_decider, [DS_AUDIT_PAYMENT] = &ds_payment_decider,
        [DS_AUDIT_DELIVERY] = &ds_delivery_decider,
    };
    return deciders[processor];
}

/* Deadlines of seconds instead of hours: a run shall see them all. */
const void *sim_settings(int processor)
{
    static const struct ds_order_settings order = {.reserve_timeout_us = 4 * SIM_S,
                                                   .payment_timeout_us = 6 * SIM_S,
                                                   .delivery_timeout_us = 25 * SIM_S,
                                                   .place_ttl_us = 900 * SIM_S};
    static const struct ds_payment_settings payment = {.give_up_us = 8 * SIM_S,
                                                       .refund_retry_first_us = SIM_S / 2,
                                                       .refund_retry_max_us = 2 * SIM_S};
    static const struct ds_delivery_settings delivery = {.search_timeout_us = 6 * SIM_S,
                                                         .offer_timeout_us = 3 * SIM_S / 2,
                                                         .pickup_timeout_us = 4 * SIM_S,
                                                         .silent_us = 3 * SIM_S,
                                                         .late_us = 6 * SIM_S,
                                                         .lost_us = 4 * SIM_S,
                                                         .attempts_max = 2};
    static const void *const settings[DS_AUDIT_PROCESSORS] = {
        [DS_AUDIT_ORDER] = &order, [DS_AUDIT_PAYMENT] = &payment, [DS_AUDIT_DELIVERY] = &delivery};

    return settings[processor];
}

/* ---- clocks and chance ---- */

static int64_t now_us(const ds_clock_t *clock)
{
    const struct sim_proc *proc = clock->state;

    return proc->sim->now_us + proc->skew_us;
}

static int64_t monotonic_us(const ds_clock_t *clock)
{
    const struct sim_proc *proc = clock->state;

    return proc->sim->now_us - SIM_START_US + SIM_S;
}

static bool fill(const ds_random_t *random, void *to, size_t bytes, ds_error_t *error)
{
    struct sim_proc *proc = random->state;
    uint8_t *at = to;

    (void)error;
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)sim_next(&proc->chance);
    return true;
}

/* ---- making them ---- */

static void add(struct sim *sim, enum sim_proc_kind kind, int group, const char *name, int number)
{
    struct sim_proc *proc = &sim->procs[sim->proc_count];
    sim_fiber_t *fiber = proc->fiber; /* kept over the runs */

    *proc = (struct sim_proc){.sim = sim,
                              .number = sim->proc_count,
                              .kind = kind,
                              .group = group,
                              .fiber = fiber == NULL ? sim_fiber_new() : fiber,
                              .wake_us = SIM_NEVER,
                              .chance = {sim_next(&sim->chance)}};
    (void)snprintf(proc->name, sizeof(proc->name), "%s-%d", name, number);
    proc->clock = (ds_clock_t){now_us, monotonic_us, proc};
    proc->random = (ds_random_t){fill, proc};
    proc->runtime = (struct ds_runtime){.log = ds_log_root(proc->name, DS_LOG_DEBUG),
                                        .clock = &proc->clock,
                                        .random = &proc->random,
                                        .health = &proc->health,
                                        .stop = &proc->stop};
    proc->runtime.log.fd = proc->number;
    sim->proc_count++;
}

void sim_procs_create(struct sim *sim)
{
    for (int p = 0; p < DS_AUDIT_PROCESSORS; p++)
        for (int i = 0; i < sim->plan.hosts; i++)
            add(sim, SIM_PROC_HOST, p, sim_decider(p)->name, i);
    for (int i = 0; i < sim->plan.pg_workers; i++)
        add(sim, SIM_PROC_PG, SIM_GROUP_PG, "postgres", i);
    for (int i = 0; i < sim->plan.mongo_workers; i++)
        add(sim, SIM_PROC_MONGO, SIM_GROUP_MONGO, "mongo", i);
    for (int i = 0; i < sim->proc_count; i++)
        sim_at(sim, sim->now_us + sim_time(&sim->chance, 0, 50 * SIM_MS), SIM_RESTART,
               &sim->procs[i], 0);
}

/* ---- life ---- */

static bool start_host(struct sim_proc *proc)
{
    const struct sim_plan *plan = &proc->sim->plan;
    const struct ds_host_config config = {
        .decider = sim_broken_decider(proc->group),
        .settings = sim_settings(proc->group),
        .brokers = "sim",
        .client_id = proc->name,
        .group_instance_id = proc->name,
        .session_timeout_ms = plan->session_us / SIM_MS,
        .timer_grace_us = plan->grace_us,
        .max_unacked = plan->max_unacked,
        .max_command_ids = 4096,
        .snapshot_events = plan->snapshot_events,
        .snapshot_every_us = plan->snapshot_events > 0 ? plan->snapshot_every_us : 0,
        .standby = plan->standby};
    ds_error_t error = DS_ERROR_INIT;

    return ds_host_new(&proc->runtime, &config, &proc->host, &error);
}

static void work(void *context)
{
    struct sim_proc *proc = context;
    ds_error_t error = DS_ERROR_INIT;

    if (proc->kind == SIM_PROC_PG) {
        const struct ds_worker_settings settings = {
            .brokers = "sim", .database_url = "sim", .timeout_us = SIM_S, .hold_us = 3 * SIM_S};
        (void)ds_worker_run(&proc->runtime, &settings, &error);
    } else {
        const struct ds_mongo_settings settings = {
            .brokers = "sim", .mongodb_url = "sim", .timeout_us = SIM_S, .hold_us = 3 * SIM_S};
        (void)ds_mongo_worker_run(&proc->runtime, &settings, &error);
    }
}

void sim_proc_start(struct sim_proc *proc)
{
    struct sim *sim = proc->sim;

    if (proc->alive)
        return;
    proc->alive = true;
    proc->life++;
    proc->dying = proc->stopping = false;
    proc->stop = 0;
    proc->frozen_us = proc->zombie_us = proc->cut_us = 0;
    proc->skew_us =
        sim->plan.on_time || sim->healed ? 0 : sim_time(&sim->chance, -2 * SIM_S, 2 * SIM_S);
    sim_say(sim, "%s starts", proc->name);
    if (proc->kind == SIM_PROC_HOST && !start_host(proc))
        sim_fail(sim, "%s: a host cannot be made", proc->name);
    if (proc->kind != SIM_PROC_HOST)
        sim_fiber_start(proc->fiber, work, proc);
    sim_proc_wake(proc, sim->now_us);
}

static void ended(struct sim_proc *proc)
{
    struct sim *sim = proc->sim;
    int64_t pause_us = sim->healed ? 100 * SIM_MS : sim_time(&sim->chance, 10 * SIM_MS, 2 * SIM_S);

    proc->alive = false;
    proc->stopping = false;
    proc->host = NULL;
    proc->wake_us = SIM_NEVER;
    if (!sim->over)
        sim_at(sim, sim->now_us + pause_us, SIM_RESTART, proc, 0);
}

void sim_proc_crash(struct sim_proc *proc)
{
    if (!proc->alive)
        return;
    sim_say(proc->sim, "%s crashes", proc->name);
    sim_note(proc->sim, 3000, (uint64_t)proc->number, 0);
    proc->dying = true;
    proc->alive = false;
    proc->stop = 1;
    for (int n = 0; n < 1000 && !sim_fiber_ended(proc->fiber); n++)
        sim_fiber_resume(proc->fiber); /* whatever it calls fails: it comes to its end */
    if (!sim_fiber_ended(proc->fiber))
        sim_fail(proc->sim, "%s does not end", proc->name);
    if (proc->kind == SIM_PROC_HOST && !proc->stopping)
        ds_host_abandon(proc->host);
    ended(proc);
}

static void drain(void *context)
{
    struct sim_proc *proc = context;

    ds_host_destroy(proc->host);
}

void sim_proc_stop(struct sim_proc *proc)
{
    if (!proc->alive || proc->stopping)
        return;
    sim_say(proc->sim, "%s is stopped", proc->name);
    sim_note(proc->sim, 3001, (uint64_t)proc->number, 0);
    proc->stop = 1;
    proc->stopping = true;
    if (proc->kind == SIM_PROC_HOST)
        sim_fiber_start(proc->fiber, drain, proc);
    sim_proc_wake(proc, proc->sim->now_us);
}

void sim_proc_freeze(struct sim_proc *proc, int64_t us)
{
    if (!proc->alive)
        return;
    sim_say(proc->sim, "%s is frozen for %.3f s", proc->name, (double)us / (double)SIM_S);
    proc->frozen_us = proc->sim->now_us + us;
    if (proc->member != NULL)
        sim_group_watch(proc->member);
}

/* ---- running ---- */

struct sim_proc *sim_proc_running(void)
{
    for (int i = 0; i < sim_world->proc_count; i++)
        if (sim_world->procs[i].fiber == sim_fiber_current())
            return &sim_world->procs[i];
    return NULL;
}

void sim_proc_wake(struct sim_proc *proc, int64_t at_us)
{
    if (!proc->alive)
        return;
    if (at_us < proc->sim->now_us)
        at_us = proc->sim->now_us;
    if (at_us >= proc->wake_us)
        return;
    proc->wake_us = at_us;
    sim_at(proc->sim, at_us, SIM_WAKE, proc, 0);
}

static int64_t idle_us(const struct sim *sim)
{
    return sim->healed ? SIM_S : sim->plan.idle_us;
}

static void step_host(struct sim_proc *proc)
{
    struct sim *sim = proc->sim;
    ds_error_t error = DS_ERROR_INIT;
    bool more;

    if (!ds_host_step(proc->host, 100, &error)) {
        if (error.code != DS_ERR_NOT_OWNER) /* another process has its name */
            sim_fail(sim, "%s ends: %s", proc->name, error.message);
        sim_proc_crash(proc);
        return;
    }
    if (proc->member != NULL && proc->member->at_hand > 0) {
        proc->member->at_hand--;
        sim_proc_wake(proc, sim->now_us + CATCH_UP_US);
        return;
    }
    more = proc->member != NULL && sim_conn_waiting(proc->member);
    if (more && !proc->member->had_records)
        sim_proc_wake(proc, sim->now_us + 5 * SIM_MS); /* it has no room for more */
    else
        sim_proc_wake(proc, sim->now_us + (more ? CATCH_UP_US : idle_us(sim)));
}

void sim_proc_run(struct sim_proc *proc)
{
    struct sim *sim = proc->sim;

    proc->wake_us = SIM_NEVER;
    if (proc->frozen_us > sim->now_us) {
        sim_proc_wake(proc, proc->frozen_us);
        return;
    }
    sim->steps++;
    if (proc->kind == SIM_PROC_HOST && !proc->stopping) {
        step_host(proc);
        return;
    }
    sim_fiber_resume(proc->fiber);
    if (!sim_fiber_ended(proc->fiber))
        return;
    sim_say(sim, "%s has ended", proc->name);
    ended(proc);
}

/* Nobody looks at what the timeout was: a process sleeps as long as the seed says. */
void sim_proc_wait(struct sim_proc *proc, int64_t us)
{
    if (proc->dying)
        return;
    if (us >= 50 * SIM_MS && us < idle_us(proc->sim))
        us = idle_us(proc->sim);
    sim_proc_wake(proc, proc->sim->now_us + us);
    sim_fiber_wait();
}

/* Instead of projections/pause.c. */
void ds_pause_us(const struct ds_runtime *runtime, int64_t us)
{
    struct sim_proc *proc = &sim_world->procs[runtime->log.fd];
    int64_t until_us = proc->sim->now_us + us;

    while (!ds_stopping(runtime) && proc->sim->now_us < until_us)
        sim_proc_wait(proc, until_us - proc->sim->now_us);
}
