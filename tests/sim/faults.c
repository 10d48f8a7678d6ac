/* Harm to processes, connections and groups; and its end. */
#include "sim.h"

enum harm {
    CRASH,
    FREEZE,
    STORM,
    ZOMBIE,
    CUT,
    JUMP,
    SLOW,
    PRODUCER,
    NAME,
    STOP,
    ROT,
    REFORMAT,
    TRUNCATE,
    FOREIGN,
    HARMS,
};

static int64_t mean_us(const struct sim_plan *plan, int kind)
{
    const int64_t means[HARMS] = {
        [CRASH] = plan->crash_us,   [FREEZE] = plan->freeze_us,     [STORM] = plan->storm_us,
        [ZOMBIE] = plan->zombie_us, [CUT] = plan->cut_us,           [JUMP] = plan->jump_us,
        [SLOW] = plan->slow_us,     [PRODUCER] = plan->producer_us, [NAME] = plan->name_us,
        [STOP] = plan->stop_us,     [ROT] = plan->rot_us,           [REFORMAT] = plan->reformat_us,
    };
    return means[kind];
}

static void next(struct sim *sim, int kind)
{
    int64_t mean = mean_us(&sim->plan, kind);

    if (mean > 0)
        sim_at(sim, sim->now_us + sim_time(&sim->chance, mean / 4, 2 * mean), SIM_HARM, NULL, kind);
}

void sim_harm_begin(struct sim *sim)
{
    for (int kind = 0; kind < HARMS; kind++)
        next(sim, kind);
    if (sim->plan.scenario != SIM_FAULTS)
        sim_at(sim, sim->now_us + sim_time(&sim->chance, 3 * SIM_S, sim->plan.active_us), SIM_HARM,
               NULL, sim->plan.scenario == SIM_TRUNCATE ? TRUNCATE : FOREIGN);
    if (sim->plan.broken > 0)
        sim_at(sim, sim->now_us + sim->plan.mended_us, SIM_MEND, NULL, 0);
    sim_at(sim, sim->now_us + sim->plan.active_us, SIM_HEAL, NULL, 0);
}

/* Somebody who lives; NULL when the dice say one who does not. */
static struct sim_proc *someone(struct sim *sim)
{
    struct sim_proc *proc = &sim->procs[sim_roll(&sim->chance, (uint64_t)sim->proc_count)];

    return proc->alive && !proc->stopping ? proc : NULL;
}

static void slow(struct sim *sim, struct sim_proc *proc)
{
    int64_t lag_us =
        sim_roll(&sim->chance, 3) == 0 ? SIM_MS : sim_time(&sim->chance, 20 * SIM_MS, 3 * SIM_S);

    for (size_t i = 0; i < sim->conn_count; i++)
        if (sim->conns[i]->proc == proc)
            sim->conns[i]->lag_us = lag_us;
}

static void apart(struct sim_proc *proc)
{
    if (proc->member != NULL)
        sim_group_watch(proc->member);
}

static void lose_producer(struct sim *sim, struct sim_proc *proc)
{
    struct sim_conn *conn = proc->member;

    if (proc->kind != SIM_PROC_HOST || conn == NULL || conn->producer_lost)
        return;
    conn->producer_lost = true;
    (void)sim_news_add(conn, sim->now_us, 0, DS_BROKER_PRODUCER_LOST);
}

static void harm_proc(struct sim *sim, int kind, struct sim_proc *proc)
{
    int64_t now_us = sim->now_us;

    switch (kind) {
    case CRASH:
        sim_proc_crash(proc);
        break;
    case FREEZE:
        sim_proc_freeze(proc, sim_time(&sim->chance, 50 * SIM_MS, 8 * SIM_S));
        break;
    case ZOMBIE:
        proc->zombie_us = now_us + sim_time(&sim->chance, 200 * SIM_MS, 10 * SIM_S);
        apart(proc);
        break;
    case CUT:
        proc->cut_us = now_us + sim_time(&sim->chance, 50 * SIM_MS, 5 * SIM_S);
        apart(proc);
        break;
    case JUMP:
        proc->skew_us = sim_time(&sim->chance, -5 * SIM_S, 5 * SIM_S);
        if (proc->kind == SIM_PROC_HOST && proc->skew_us % 4 == 0)
            proc->skew_us *= 1000; /* far off: it must decide nothing */
        break;
    case SLOW:
        slow(sim, proc);
        break;
    case PRODUCER:
        lose_producer(sim, proc);
        break;
    case NAME:
        if (proc->member != NULL)
            (void)sim_news_add(proc->member, now_us, 0, DS_BROKER_GROUP_LOST);
        break;
    case STOP:
        sim_proc_stop(proc);
        break;
    default:
        break;
    }
    sim_say(sim, "harm %d to %s", kind, proc->name);
}

void sim_harm(struct sim *sim, int kind)
{
    struct sim_proc *proc;

    if (sim->healed)
        return;
    next(sim, kind);
    if (kind == TRUNCATE || kind == FOREIGN) {
        if (!(kind == TRUNCATE ? sim_lose_tail(sim) : sim_snapshot_foreign(sim)))
            sim_at(sim, sim->now_us + SIM_S / 2, SIM_HARM, NULL, kind);
    } else if (kind == ROT) {
        sim_snapshot_rot(sim);
    } else if (kind == REFORMAT) {
        sim_snapshot_reformat(sim);
    } else if (kind == STORM) {
        int burst = 1 + (int)sim_roll(&sim->chance, 4);

        while (burst-- > 0)
            sim_group_rebalance(sim, (int)sim_roll(&sim->chance, SIM_GROUPS));
    } else {
        proc = someone(sim);
        if (proc != NULL)
            harm_proc(sim, kind, proc);
    }
}

/* One that the group has forgotten and never tells: it must do no harm for ever. */
static void leave_a_zombie(struct sim *sim)
{
    struct sim_proc *proc = someone(sim);

    if (proc == NULL || proc->kind != SIM_PROC_HOST || sim->plan.hosts < 2)
        return;
    sim_say(sim, "%s stays a zombie", proc->name);
    proc->zombie_us = SIM_NEVER;
    apart(proc);
}

void sim_heal(struct sim *sim)
{
    int64_t now_us = sim->now_us;

    sim_say(sim, "no harm any more");
    sim->healed = true;
    for (int i = 0; i < sim->proc_count; i++) {
        struct sim_proc *proc = &sim->procs[i];

        if (proc->frozen_us > now_us)
            proc->frozen_us = now_us + sim_time(&sim->chance, 0, SIM_S);
        proc->skew_us = 0;
        proc->cut_us = proc->zombie_us = 0;
        sim_proc_wake(proc, now_us);
    }
    for (size_t i = 0; i < sim->conn_count; i++) {
        sim->conns[i]->lag_us = SIM_MS;
        if (sim->conns[i]->group >= 0 && !sim->conns[i]->joined)
            sim_at(sim, now_us + SIM_MS, SIM_JOIN, sim->conns[i], 0);
    }
    if (sim->plan.zombie_us > 0 && sim_roll(&sim->chance, 2) == 0)
        leave_a_zombie(sim);
    sim_at(sim, now_us, SIM_LOOK, NULL, 0);
}
