/* Consumer groups: who the coordinator thinks owns what. A member hears of a rebalance late, or
 * while it is frozen not at all, so two may believe to own a partition for long. */
#include "sim.h"

static bool is_member(const struct sim_conn *conn, int group)
{
    return conn->group == group && conn->joined;
}

static size_t members(struct sim *sim, int group, struct sim_conn **list)
{
    size_t count = 0;

    for (size_t i = 0; i < sim->conn_count; i++)
        if (is_member(sim->conns[i], group))
            list[count++] = sim->conns[i];
    return count;
}

/* From when on coordinator and member hear of each other: now, later, or never. */
static int64_t back_us(const struct sim_conn *conn)
{
    const struct sim_proc *proc = conn->proc;
    int64_t at_us = conn->sim->now_us;

    if (proc->zombie_us > at_us)
        at_us = proc->zombie_us;
    return proc->cut_us > at_us ? proc->cut_us : at_us;
}

static bool apart(const struct sim_conn *conn)
{
    return back_us(conn) > conn->sim->now_us;
}

static int64_t news_take_us(struct sim *sim)
{
    bool quick = sim->healed || sim_hit(&sim->chance, 800);

    return sim_time(&sim->chance, SIM_MS, quick ? 20 * SIM_MS : 2 * SIM_S);
}

static void tell(struct sim_conn *conn, int64_t at_us)
{
    struct sim *sim = conn->sim;
    struct sim_group *group = &sim->groups[conn->group];

    (void)sim_news_add(conn, at_us, group->generation, DS_BROKER_REVOKED);
    for (int32_t p = 0; p < sim->plan.partitions; p++) {
        struct ds_broker_event *event;

        if (group->owner[p] != conn)
            continue;
        event = sim_news_add(conn, at_us, group->generation, DS_BROKER_ASSIGNED);
        event->topic = 0;
        event->partition = p;
    }
}

void sim_group_rebalance(struct sim *sim, int number)
{
    struct sim_group *group = &sim->groups[number];
    struct sim_conn *list[SIM_CONNS];
    size_t count = members(sim, number, list);
    uint64_t turn = sim_roll(&sim->chance, count);

    group->generation++;
    for (int32_t p = 0; p < sim->plan.partitions; p++)
        group->owner[p] = count == 0 ? NULL : list[(turn + (uint64_t)p) % count];
    sim_note(sim, 2000, (uint64_t)number, (uint64_t)group->generation);
    sim_say(sim, "group %d: generation %d, %zu members, partition 0: %s", number, group->generation,
            count, group->owner[0] == NULL ? "nobody" : group->owner[0]->proc->name);
    for (size_t i = 0; i < count; i++)
        if (back_us(list[i]) != SIM_NEVER)
            tell(list[i], back_us(list[i]) + news_take_us(sim));
}

/* A static member that comes back has its partitions at once: its predecessor is forgotten. */
void sim_group_join(struct sim_conn *conn)
{
    struct sim *sim = conn->sim;

    if (!conn->open || conn->joined)
        return;
    if (apart(conn)) {
        if (back_us(conn) != SIM_NEVER)
            sim_at(sim, back_us(conn) + SIM_MS, SIM_JOIN, conn, 0);
        return;
    }
    conn->joined = true;
    sim_group_rebalance(sim, conn->group);
}

void sim_group_leave(struct sim_conn *conn)
{
    if (!conn->joined)
        return;
    conn->joined = false;
    sim_group_rebalance(conn->sim, conn->group);
}

void sim_group_watch(struct sim_conn *conn)
{
    int64_t after_us = conn->sim->plan.session_us;

    /* A static member's restart takes its name over at once. */
    if (!conn->proc->alive && conn->sim->plan.static_members)
        after_us = sim_time(&conn->sim->chance, SIM_MS, 300 * SIM_MS);
    sim_at(conn->sim, conn->sim->now_us + after_us, SIM_SESSION, conn, 0);
}

void sim_group_session(struct sim_conn *conn)
{
    struct sim *sim = conn->sim;
    bool silent = !conn->open || apart(conn) || conn->proc->frozen_us > sim->now_us;
    int64_t at_us;

    if (!conn->joined || !silent)
        return;
    sim_say(sim, "group %d: the session of %s has expired", conn->group, conn->proc->name);
    conn->joined = false;
    sim_group_rebalance(sim, conn->group);
    if (!conn->open || back_us(conn) == SIM_NEVER)
        return;
    /* It learns of it when it is back, and joins again. */
    at_us = back_us(conn) + sim_time(&sim->chance, SIM_MS, 200 * SIM_MS);
    if (conn->proc->frozen_us > at_us)
        at_us = conn->proc->frozen_us + SIM_MS;
    (void)sim_news_add(conn, at_us, sim->groups[conn->group].generation, DS_BROKER_REVOKED);
    sim_at(sim, at_us, SIM_JOIN, conn, 0);
}

/* Heartbeats go on between turns, but not while they are apart or the process is frozen. */
int64_t sim_group_silent_us(const struct sim_conn *conn)
{
    bool silent = apart(conn) || conn->proc->frozen_us > conn->heard_us;

    return conn->group >= 0 && silent ? conn->sim->now_us - conn->heard_us : 0;
}

void sim_group_heard(struct sim_conn *conn)
{
    if (apart(conn))
        return;
    if (conn->proc->frozen_us > conn->heard_us && !conn->thawed) {
        conn->thawed = true;
        return;
    }
    conn->thawed = false;
    conn->heard_us = conn->sim->now_us;
}

bool sim_group_confirms(const struct sim_conn *conn, int32_t partition)
{
    const struct sim_group *group = &conn->sim->groups[conn->group];

    return conn->joined && !apart(conn) && conn->seen_generation == group->generation &&
           group->owner[partition] == conn;
}
