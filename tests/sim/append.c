/* Appends on their way: most arrive and are reported; the others are lost, late, doubled, out of
 * order, or reported as something else. */
#include "sim.h"

/* ---- what becomes of one ---- */

struct fate {
    int64_t land_us; /* SIM_NEVER: it never arrives */
    int64_t copy_us; /* SIM_NEVER: none */
    int64_t report_us;
    bool reorder;
    enum ds_error_code code;
    int offset_lie;
};

static bool hit(struct sim *sim, unsigned of_1000)
{
    return !sim->healed && sim_hit(&sim->chance, of_1000);
}

static struct fate plain_fate(struct sim *sim)
{
    int64_t land_us = sim->now_us + sim_time(&sim->chance, 200, 3 * SIM_MS);

    return (struct fate){.land_us = land_us,
                         .copy_us = SIM_NEVER,
                         .report_us = land_us + sim_time(&sim->chance, 200, 2 * SIM_MS)};
}

static void fail(struct sim *sim, struct fate *fate)
{
    fate->code = DS_ERR_TIMEOUT;
    fate->report_us = sim->now_us + sim_time(&sim->chance, 100 * SIM_MS, 2 * SIM_S);
}

static struct fate choose(struct sim *sim, bool is_claim)
{
    const struct sim_plan *plan = &sim->plan;
    struct fate fate = plain_fate(sim);

    if (hit(sim, plan->late) || (is_claim && hit(sim, plan->late_claim))) {
        fate.land_us += sim_time(&sim->chance, 20 * SIM_MS, 3 * SIM_S);
        fate.report_us = fate.land_us + sim_time(&sim->chance, 200, 20 * SIM_MS);
    }
    fate.reorder = hit(sim, plan->reorder);
    if (hit(sim, plan->lose)) {
        fail(sim, &fate);
        fate.land_us = SIM_NEVER;
    } else if (hit(sim, plan->unknown)) {
        fail(sim, &fate);
        fate.land_us = sim->now_us + sim_time(&sim->chance, 200, 3 * SIM_S);
        fate.reorder = true; /* what comes after it need not wait */
    } else if (hit(sim, plan->silent_loss)) {
        fate.land_us = SIM_NEVER;
        fate.offset_lie = 1 + (int)sim_roll(&sim->chance, 2);
    } else if (hit(sim, plan->no_offset)) {
        fate.offset_lie = 1;
    } else if (hit(sim, plan->wrong_offset)) {
        fate.offset_lie = 2;
    }
    if (hit(sim, plan->duplicate))
        fate.copy_us = fate.land_us == SIM_NEVER
                           ? SIM_NEVER
                           : fate.land_us + sim_time(&sim->chance, 0, 4 * SIM_S);
    return fate;
}

/* ---- handing over ---- */

static void keep(struct sim *sim, struct sim_flight *flight)
{
    sim->in_flight = sim_grow(sim, sim->in_flight, sim->in_flight_count, &sim->in_flight_capacity,
                              sizeof(struct sim_flight *));
    sim->in_flight[sim->in_flight_count++] = flight;
}

static void forget(struct sim *sim, const struct sim_flight *flight)
{
    for (size_t i = 0; i < sim->in_flight_count; i++)
        if (sim->in_flight[i] == flight) {
            sim->in_flight[i] = sim->in_flight[--sim->in_flight_count];
            return;
        }
}

static struct sim_flight *make_flight(struct sim_conn *conn,
                                      const struct ds_broker_message *message, uint64_t tag)
{
    struct sim *sim = conn->sim;
    struct sim_flight *flight = sim_alloc(sim, sizeof(*flight));

    flight->conn = conn;
    flight->producer = conn->producer;
    flight->index = message->topic;
    flight->topic = conn->topics[message->topic];
    flight->partition = message->partition;
    flight->tag = tag;
    flight->record = (struct sim_record){
        .has_key = message->has_key,
        .has_value = message->has_value,
        .key = {sim_copy(sim, message->key.data, message->key.len), message->key.len},
        .value = {sim_copy(sim, message->value.data, message->value.len), message->value.len}};
    return flight;
}

/* While it is cut off nothing leaves; afterwards in order, unless the fate says otherwise. */
static void send_off(struct sim_flight *flight, struct fate *fate)
{
    struct sim_conn *conn = flight->conn;
    struct sim *sim = conn->sim;
    int64_t *last_us = &conn->last_land_us[flight->index][flight->partition];

    if (conn->proc->cut_us > sim->now_us && fate->land_us != SIM_NEVER) {
        int64_t wait_us = conn->proc->cut_us - sim->now_us;

        fate->land_us += wait_us;
        fate->report_us += wait_us;
        if (wait_us > 2 * SIM_S)
            fail(sim, fate);
    }
    if (fate->land_us != SIM_NEVER) {
        if (!fate->reorder && fate->land_us <= *last_us)
            fate->land_us = *last_us + 1;
        if (!fate->reorder)
            *last_us = fate->land_us;
        if (fate->code == DS_OK && fate->report_us <= fate->land_us)
            fate->report_us = fate->land_us + 100;
        flight->copies = fate->copy_us == SIM_NEVER ? 0 : 1;
        keep(sim, flight);
        sim_at(sim, fate->land_us, SIM_LAND, flight, 0);
        if (flight->copies > 0)
            sim_at(sim, fate->copy_us, SIM_LAND, flight, 1);
    }
    flight->code = fate->code;
    flight->offset_lie = fate->offset_lie;
    sim_at(sim, fate->report_us, SIM_REPORT, flight, 0);
}

enum ds_broker_put sim_produce(ds_broker_t *broker, const struct ds_broker_message *message,
                               uint64_t tag, ds_error_t *error)
{
    struct sim_conn *conn = (struct sim_conn *)broker;
    struct sim *sim = conn->sim;
    int32_t topic = conn->topics[message->topic];
    bool is_claim = topic < DS_AUDIT_PROCESSORS && (tag & ((UINT64_C(1) << 40) - 1)) == 0;
    struct fate fate;

    if (topic < DS_AUDIT_PROCESSORS && sim_group_silent_us(conn) > sim->plan.session_us)
        sim_fail(sim, "%s writes, and the group has not been heard for %.3f s", conn->proc->name,
                 (double)sim_group_silent_us(conn) / (double)SIM_S);
    if (topic >= DS_AUDIT_TOPICS && topic < SIM_SNAPSHOTS)
        sim_judge_dead_letter(sim, topic - DS_AUDIT_TOPICS, message->key);
    if (conn->producer_lost || conn->proc->dying || hit(sim, sim->plan.refuse)) {
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "the producer takes nothing");
        return DS_BROKER_PUT_FAILED;
    }
    if (hit(sim, sim->plan.full))
        conn->full_us = sim->now_us + sim_time(&sim->chance, 1, 60 * SIM_MS);
    if (conn->full_us > sim->now_us && !sim->healed)
        return DS_BROKER_PUT_FULL;
    fate = choose(sim, is_claim);
    send_off(make_flight(conn, message, tag), &fate);
    return DS_BROKER_PUT_OK;
}

/* ---- arriving ---- */

void sim_land(struct sim *sim, struct sim_flight *flight)
{
    int64_t offset;

    if (flight->gone && !flight->landed) {
        forget(sim, flight);
        return;
    }
    if (flight->landed && flight->copies == 0)
        return;
    offset = sim_append(sim, flight->topic, flight->partition, &flight->record);
    if (flight->landed)
        flight->copies--;
    else
        flight->offset = offset;
    flight->landed = true;
    if (flight->copies == 0)
        forget(sim, flight);
}

/* ---- reporting ---- */

static int64_t told_offset(struct sim *sim, const struct sim_flight *flight)
{
    switch (flight->offset_lie) {
    case 1:
        return -1;
    case 2: /* another record's place, or that of one to come; never the expected one by chance:
               that would be a server that acknowledges and loses */
        return !flight->landed || sim_roll(&sim->chance, 2) == 0
                   ? 0
                   : flight->offset + 1 + (int64_t)sim_roll(&sim->chance, 3);
    default:
        return flight->landed ? flight->offset : -1;
    }
}

void sim_report(struct sim *sim, struct sim_flight *flight)
{
    struct sim_conn *conn = flight->conn;
    struct ds_broker_event *event;

    if (conn == NULL || !conn->open || conn->producer != flight->producer)
        return;
    event = sim_news_add(conn, sim->now_us, 0, DS_BROKER_DELIVERY);
    event->topic = flight->index;
    event->partition = flight->partition;
    event->tag = flight->tag;
    event->code = flight->code;
    event->offset = flight->code == DS_OK ? told_offset(sim, flight) : -1;
    event->reason = flight->code == DS_OK ? NULL : "timed out";
}

/* What was on the wire arrives; the rest, in the order it was handed over, does not. */
void sim_producer_gone(struct sim_conn *conn)
{
    struct sim *sim = conn->sim;
    size_t kept = 0;
    uint64_t on_wire;

    conn->producer++;
    for (size_t i = 0; i < conn->news_count; i++)
        if (conn->news[i].event.kind != DS_BROKER_DELIVERY)
            conn->news[kept++] = conn->news[i];
    conn->news_count = kept;
    on_wire = sim_roll(&sim->chance, 5);
    for (size_t i = 0; i < sim->in_flight_count; i++) {
        struct sim_flight *flight = sim->in_flight[i];

        if (flight->conn != conn || flight->landed || flight->gone)
            continue;
        if (on_wire > 0)
            on_wire--;
        else
            flight->gone = true;
        flight->conn = NULL;
    }
}
