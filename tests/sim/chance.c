/* Chance, and what of it a seed makes: splitmix64. */
#include "sim.h"

uint64_t sim_next(struct sim_chance *chance)
{
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t sim_roll(struct sim_chance *chance, uint64_t sides)
{
    return sides == 0 ? 0 : sim_next(chance) % sides;
}

int64_t sim_time(struct sim_chance *chance, int64_t from_us, int64_t to_us)
{
    return from_us + (int64_t)sim_roll(chance, (uint64_t)(to_us - from_us));
}

bool sim_hit(struct sim_chance *chance, unsigned of_1000)
{
    return of_1000 > 0 && sim_roll(chance, 1000) < of_1000;
}

/* A rate for this seed: mostly none, so that two or three faults meet and not all of them. */
static unsigned some(struct sim_chance *chance, unsigned of_100, unsigned most)
{
    return sim_roll(chance, 100) < of_100 ? 1 + (unsigned)sim_roll(chance, most) : 0;
}

static int64_t every(struct sim_chance *chance, unsigned of_100, int64_t from_us, int64_t to_us)
{
    int64_t mean_us = sim_time(chance, from_us, to_us);

    return sim_roll(chance, 100) < of_100 ? mean_us : 0;
}

static void plan_world(struct sim_chance *chance, struct sim_plan *plan)
{
    plan->partitions = sim_roll(chance, 3) == 0 ? 2 : 1;
    plan->hosts = 1 + (int)sim_roll(chance, plan->partitions == 2 ? 3 : 2);
    plan->pg_workers = 1 + (int)sim_roll(chance, 2);
    plan->mongo_workers = 1 + (int)sim_roll(chance, 2);
    plan->orders = 2 + (int)sim_roll(chance, 4);
    plan->active_us = sim_time(chance, 8 * SIM_S, 16 * SIM_S);
    plan->idle_us = sim_time(chance, 40 * SIM_MS, 300 * SIM_MS);
    plan->session_us = sim_time(chance, SIM_S, 6 * SIM_S);
    plan->on_time = sim_roll(chance, 2) == 0;
    plan->grace_us = plan->on_time ? 24 * 3600 * SIM_S : sim_time(chance, SIM_S, 4 * SIM_S);
    plan->static_members = sim_roll(chance, 2) == 0;
    plan->max_unacked = sim_roll(chance, 3) == 0 ? 1 + sim_roll(chance, 12) : 0;
    plan->standby = (int64_t)(plan->seed / 8 % 3); /* every other seed or so */
    plan->repeat = 20 + some(chance, 60, 150);
    plan->garbage = some(chance, 50, 60);
}

static void plan_appends(struct sim_chance *chance, struct sim_plan *plan)
{
    plan->lose = some(chance, 35, 30);
    plan->unknown = some(chance, 35, 30);
    plan->late = some(chance, 40, 60);
    plan->late_claim = some(chance, 30, 300);
    plan->reorder = some(chance, 20, 30);
    plan->duplicate = some(chance, 35, 40);
    plan->no_offset = some(chance, 35, 60);
    plan->wrong_offset = some(chance, 20, 30);
    plan->silent_loss = some(chance, 20, 15);
    plan->full = some(chance, 30, 120);
    plan->refuse = some(chance, 15, 15);
    plan->call_fails = some(chance, 35, 80);
    plan->small_polls = some(chance, 40, 500);
    plan->read_fails = some(chance, 25, 20);
    plan->db_lost = some(chance, 40, 60);
    plan->db_unsure = some(chance, 50, 80);
}

static void plan_harms(struct sim_chance *chance, struct sim_plan *plan)
{
    plan->crash_us = every(chance, 50, SIM_S, 6 * SIM_S);
    plan->freeze_us = every(chance, 40, SIM_S, 8 * SIM_S);
    plan->storm_us = every(chance, 30, 2 * SIM_S, 8 * SIM_S);
    plan->zombie_us = every(chance, 40, 2 * SIM_S, 8 * SIM_S);
    plan->cut_us = every(chance, 30, 2 * SIM_S, 8 * SIM_S);
    plan->jump_us = plan->on_time ? 0 : every(chance, 50, 2 * SIM_S, 8 * SIM_S);
    plan->slow_us = every(chance, 40, SIM_S, 6 * SIM_S);
    plan->producer_us = every(chance, 20, 3 * SIM_S, 9 * SIM_S);
    plan->name_us = every(chance, 15, 3 * SIM_S, 9 * SIM_S);
    plan->stop_us = every(chance, 25, 3 * SIM_S, 9 * SIM_S);
}

/* From numbers of their own, so that the rest of what a seed means does not depend on them. */
static void plan_snapshots(struct sim_plan *plan)
{
    struct sim_chance chance = {plan->seed * UINT64_C(0xd1342543de82ef95) + 4711};
    bool always = plan->scenario == SIM_FOREIGN;

    plan->snapshot_events = sim_roll(&chance, 4) > 0 || always ? 1 + sim_time(&chance, 0, 40) : 0;
    plan->snapshot_every_us = sim_time(&chance, SIM_S / 2, 6 * SIM_S);
    if (plan->scenario != SIM_FAULTS)
        return;
    plan->rot_us = every(&chance, 50, 200 * SIM_MS, 3 * SIM_S);
    plan->reformat_us = every(&chance, 25, SIM_S, 6 * SIM_S);
}

static enum sim_scenario scenario_of(uint64_t seed)
{
    return seed % 16 == 0 ? SIM_TRUNCATE : seed % 16 == 8 ? SIM_FOREIGN : SIM_FAULTS;
}

/* Where a tail is lost or a snapshot is another log's, that is the one fault: what follows is its
 * doing. */
void sim_plan(uint64_t seed, struct sim_plan *plan_out)
{
    struct sim_chance chance = {seed * UINT64_C(0xd1342543de82ef95) + 1};

    *plan_out = (struct sim_plan){.seed = seed, .scenario = scenario_of(seed)};
    plan_world(&chance, plan_out);
    plan_snapshots(plan_out);
    if (plan_out->scenario != SIM_FAULTS) {
        plan_out->garbage = 0;
        return;
    }
    plan_appends(&chance, plan_out);
    plan_harms(&chance, plan_out);
    plan_out->broken = some(&chance, 35, 250);
    plan_out->mended_us = sim_time(&chance, plan_out->active_us / 4, plan_out->active_us * 3 / 4);
}
