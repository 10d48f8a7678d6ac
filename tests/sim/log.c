/* The log as the server has it. */
#include "sim.h"

static const char *const names[SIM_TOPICS] = {
    "catalog.events",   "order.events",        "inventory.events",  "payment.events",
    "delivery.events",  "catalog.commands",    "order.commands",    "inventory.commands",
    "payment.commands", "delivery.commands",   "catalog.dlq",       "order.dlq",
    "inventory.dlq",    "payment.dlq",         "delivery.dlq",      "catalog.snapshots",
    "order.snapshots",  "inventory.snapshots", "payment.snapshots", "delivery.snapshots",
};

const char *sim_topic_name(int32_t topic)
{
    return names[topic];
}

int32_t sim_topic_of(const char *name)
{
    for (int32_t t = 0; t < SIM_TOPICS; t++)
        if (strcmp(names[t], name) == 0)
            return t;
    return -1;
}

/* Whoever reads it hears of it. */
static void tell_readers(struct sim *sim, int32_t topic, int32_t partition)
{
    for (size_t i = 0; i < sim->conn_count; i++) {
        struct sim_conn *conn = sim->conns[i];

        for (int32_t t = 0; t < conn->topic_count; t++)
            if (conn->topics[t] == topic && conn->streams[t][partition].reading)
                sim_proc_wake(conn->proc, sim->now_us + conn->lag_us);
    }
}

int64_t sim_append(struct sim *sim, int32_t topic, int32_t partition,
                   const struct sim_record *record)
{
    struct sim_part *part = &sim->log[topic][partition];

    part->records =
        sim_grow(sim, part->records, (size_t)part->end, &part->capacity, sizeof(*part->records));
    part->records[part->end] = *record;
    part->records[part->end].appended_us = sim->now_us;
    part->end++;
    sim->last_append_us = sim->now_us;
    sim_note(sim, (uint64_t)topic, (uint64_t)partition, (uint64_t)part->end);
    sim_note_bytes(sim, record->value);
    if (topic < DS_AUDIT_PROCESSORS)
        sim_judge_event(sim, topic, partition, part->end - 1);
    else
        sim_say(sim, "%s/%d @%d", names[topic], (int)partition, (int)part->end - 1);
    tell_readers(sim, topic, partition);
    return part->end - 1;
}
