/* One broker without fsync, and a power cut: records that were acknowledged and read are gone, and
 * others take their offsets. Nothing can bring them back; it must be noticed. */
#include "sim.h"

#include <inttypes.h>

#define LOST_MAX 6

/* How far a connection has read it; -1: it does not. */
static int64_t read_by(const struct sim_conn *conn, int32_t topic, int32_t partition)
{
    for (int32_t t = 0; t < conn->topic_count; t++)
        if (conn->topics[t] == topic && conn->streams[t][partition].reading)
            return conn->streams[t][partition].next - 1;
    return -1;
}

/* What a worker has read it may write down yet: that is no going on. */
static void look_around(const struct sim *sim, struct sim_lost *lost)
{
    for (size_t i = 0; i < sim->conn_count; i++) {
        const struct sim_conn *conn = sim->conns[i];
        int64_t at = read_by(conn, lost->topic, lost->partition);

        lost->witnesses += at >= lost->end;
        if (conn->proc->kind == SIM_PROC_PG && at > lost->pg_position)
            lost->pg_position = at;
        if (conn->proc->kind == SIM_PROC_MONGO && at > lost->mongo_position)
            lost->mongo_position = at;
    }
    lost->witnesses += lost->pg_position >= lost->end;
    lost->witnesses += lost->mongo_position >= lost->end;
}

/* What stopped must stop again after a restart: what it had read is in its database. */
static void restart_workers(struct sim *sim)
{
    for (int i = 0; i < sim->proc_count; i++)
        if (sim->procs[i].kind != SIM_PROC_HOST)
            sim_at(sim, sim->now_us + sim_time(&sim->chance, SIM_S, 12 * SIM_S), SIM_HALT,
                   &sim->procs[i], 0);
}

bool sim_lose_tail(struct sim *sim)
{
    struct sim_lost *lost = &sim->lost;
    int32_t topic = (int32_t)sim_roll(&sim->chance, DS_AUDIT_PROCESSORS);
    int32_t p = (int32_t)sim_roll(&sim->chance, (uint64_t)sim->plan.partitions);
    struct sim_part *part = &sim->log[topic][p];
    int64_t count = 1 + (int64_t)sim_roll(&sim->chance, LOST_MAX);

    if (part->end < 2 + count)
        return false;
    *lost = (struct sim_lost){.topic = topic, .partition = p, .end = part->end - count};
    lost->pg_position = sim_pg_position(sim, topic, p);
    lost->mongo_position = topic == DS_AUDIT_ORDER ? sim_mongo_position(sim, p) : -1;
    look_around(sim, lost);
    sim_say(sim, "%s/%d loses its records from %" PRId64 " on; %d had read some",
            sim_topic_name(topic), (int)p, lost->end, lost->witnesses);
    sim_note(sim, 1000, (uint64_t)topic, (uint64_t)lost->end);
    part->end = lost->end;
    sim->damaged = true;
    sim_judge_rewind(sim, topic, p);
    restart_workers(sim);
    return true;
}

static void stays(struct sim *sim, const char *who, int64_t before, int64_t now)
{
    if (before >= sim->lost.end && now > before)
        sim_fail(sim, "%s had read what %s/%d lost, and goes on: %" PRId64 ", then %" PRId64, who,
                 sim_topic_name(sim->lost.topic), (int)sim->lost.partition, before, now);
}

void sim_lost_judge(struct sim *sim)
{
    const struct sim_lost *lost = &sim->lost;

    if (!sim->damaged)
        return;
    sim->damaged = false; /* failures count again */
    if (lost->witnesses > 0 && sim->stopped == 0)
        sim_fail(sim, "%s/%d lost a tail that %d had read, and nobody noticed",
                 sim_topic_name(lost->topic), (int)lost->partition, lost->witnesses);
    stays(sim, "PostgreSQL", lost->pg_position, sim_pg_position(sim, lost->topic, lost->partition));
    if (lost->topic == DS_AUDIT_ORDER)
        stays(sim, "MongoDB", lost->mongo_position, sim_mongo_position(sim, lost->partition));
}
