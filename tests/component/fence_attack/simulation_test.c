/* Three hosts, two partitions, one dice for everything that may go wrong. In the end, on a server
 * that behaves, the log must be what the inputs alone lead to (oracle.h). */
#include "chaos.h"
#include "oracle.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)
#define TURNS  500
#define SEEDS  150 /* a test; there are two */

static struct rig rig;
static struct chaos chaos;
static struct ds_fake_random dice;
static struct {
    unsigned faults; /* of 1000 appends */
    unsigned wild;   /* of 100 turns one concerns hosts and the group */
    bool on_time;
    bool calm; /* host 0 has all partitions all the time: nobody claims anew to mend things */
    int64_t order_epoch[RIG_PARTITIONS];
    int64_t order_seq[RIG_PARTITIONS];
    int deadlines[RIG_PARTITIONS];
    int last_id;
} sim;

TestSuite(simulation, .timeout = 800);

static uint64_t roll(uint64_t sides)
{
    return ds_fake_random_next(&dice) % sides;
}

static enum ds_fake_fate fate(void *context, const struct ds_fake_append *append)
{
    static const enum ds_fake_fate faults[] = {DS_FATE_HOLD,      DS_FATE_HOLD,
                                               DS_FATE_LOSE,      DS_FATE_LOSE_SILENTLY,
                                               DS_FATE_NO_OFFSET, DS_FATE_WRONG_OFFSET,
                                               DS_FATE_FULL,      DS_FATE_FAIL_AFTER,
                                               DS_FATE_DUPLICATE, DS_FATE_REFUSE};

    (void)context;
    if (sim.faults > 0 && strcmp(append->topic, RIG_EVENTS) == 0 &&
        (append->tag & 0xffffffffffU) == 0 && roll(8) == 0)
        return DS_FATE_HOLD; /* Claims that land late */
    return roll(1000) < sim.faults ? faults[roll(10)] : DS_FATE_DELIVER;
}

static void long_grace(struct ds_host_config *config)
{
    if (sim.on_time)
        config->timer_grace_us = 3600 * SECOND;
    config->max_unacked = 1 + roll(20);
}

static void start(int i)
{
    rig_start(&rig, i, long_grace);
    chaos_over(rig.brokers[i], &chaos);
}

/* ---- inputs ---- */

static void order_decision(int32_t p)
{
    int64_t records = 1 + (int64_t)roll(4);
    bool torn = roll(8) == 0;

    if (sim.order_epoch[p] == 0 || roll(10) == 0) {
        rig_order_claim(&rig, p, ++sim.order_epoch[p]);
        sim.order_seq[p] = 0;
    }
    for (int64_t i = 1; i <= records; i++) {
        const struct ds_meta meta = {
            .epoch = sim.order_epoch[p], .seq = ++sim.order_seq[p], .more = i < records || torn};

        rig_order_event(&rig, p, &meta, roll(4) > 0);
        if (roll(20) == 0)
            rig_order_event(&rig, p, &meta, true); /* once more */
        if (roll(20) == 0)
            rig_order_event(&rig, p, &(struct ds_meta){.epoch = sim.order_epoch[p] - 1, .seq = 1},
                            true); /* a zombie's */
    }
    if (!torn)
        return;
    rig_order_claim(&rig, p, ++sim.order_epoch[p]);
    sim.order_seq[p] = 0;
}

static void junk(const char *topic, int32_t p)
{
    ds_bytes_t bytes = {(const uint8_t *)"junk", 4};

    ds_fake_append(rig.log, topic, p, rig_key(p), roll(3) == 0 ? (ds_bytes_t){NULL, 0} : bytes);
}

static void command(int32_t p)
{
    char text[32];
    uint64_t what = roll(20);

    if (what == 0) {
        junk(RIG_COMMANDS, p);
    } else if (what == 19) {
        rig.misplace = true;
        rig_receive(&rig, p, NULL, 1, 1);
        rig.misplace = false;
    } else if (what == 1) {
        rig_count(&rig, p, "s", roll(2) == 0 ? 300 : 40);
    } else if (what < 5 && sim.last_id > 0) { /* one of the last ids, perhaps in flight yet */
        (void)snprintf(text, sizeof(text), "r%" PRIu64, (uint64_t)sim.last_id - roll(3));
        rig_receive(&rig, p, text, 1, 1);
    } else if (what < 9) {
        (void)snprintf(text, sizeof(text), "r%d", ++sim.last_id);
        rig_receive(&rig, p, text, 1 + (int)roll(3), 2);
    } else if (what < 12 && sim.deadlines[p] < 60) {
        (void)snprintf(text, sizeof(text), "s.d%d", sim.deadlines[p]++);
        rig_deadline(&rig, p, text, (int64_t)roll(8) * SECOND / 2);
    } else {
        rig_receive(&rig, p, NULL, 1 + (int)roll(5), 1);
    }
}

/* ---- trouble ---- */

static void ghost(int32_t p)
{
    struct oracle now;

    oracle_read(&rig, p, false, &now);
    if (roll(2) == 0)
        rig_foreign_claim(&rig, p,
                          now.epoch + (int64_t)roll(2)); /* too late, or a ghost that wins */
    else
        rig_foreign_event(&rig, p, now.epoch - 1, 100000 + (int64_t)roll(100000), roll(2) == 0);
}

/* Partitions go to whoever the dice says; a host that is not told goes on, cut off from the group.
 */
static void rebalance(void)
{
    uint64_t way = roll(12);

    for (int i = 0; i < RIG_HOSTS; i++) {
        int32_t from = way % 3 == (uint64_t)i ? 0 : RIG_PARTITIONS;
        int32_t to = RIG_PARTITIONS;

        if (way / 3 == 1 && from == 0) {
            to = 1;
        } else if (way / 3 == 1 && (way + 1) % 3 == (uint64_t)i) {
            from = 1;
        }
        if (rig.hosts[i] == NULL)
            continue;
        if (roll(4) == 0)
            ds_fake_set_member(rig.brokers[i], false);
        else if (from < to)
            rig_assign(&rig, i, from, to);
        else
            ds_fake_revoke(rig.brokers[i]);
    }
}

static void wild_turn(void)
{
    int host = (int)roll(RIG_HOSTS);
    uint64_t what = roll(10);

    if (rig.hosts[host] == NULL)
        start(host);
    else if (what < 3)
        rig_kill(&rig, host);
    else if (what < 4)
        rig_stop(&rig, host);
    else if (what < 5)
        ds_fake_lose_producer(rig.brokers[host]);
    else if (what < 6)
        ghost((int32_t)roll(RIG_PARTITIONS));
    else if (what < 7)
        junk(roll(2) == 0 ? RIG_EVENTS : RIG_ORDERS, (int32_t)roll(RIG_PARTITIONS));
    if (what >= 5 || roll(2) == 0)
        rebalance();
}

static void turn(void)
{
    int32_t p = (int32_t)roll(RIG_PARTITIONS);

    if (sim.calm && roll(100) == 0)
        ghost(p);
    else if (!sim.calm && roll(100) < sim.wild)
        wild_turn();
    if (roll(3) == 0)
        command(p);
    if (roll(12) == 0)
        order_decision(p);
    if (roll(10) == 0 && ds_fake_held(rig.log) > 0)
        ds_fake_release(rig.log, roll(ds_fake_held(rig.log)),
                        roll(8) == 0 ? DS_FATE_LOSE : DS_FATE_DELIVER);
    if (roll(30) == 0)
        ds_fake_silence(rig.log, roll(2) == 0 ? NULL : roll(2) == 0 ? RIG_ORDERS : RIG_COMMANDS);
    ds_fake_time_add(&rig.time, (int64_t)roll(roll(20) == 0 ? 3000000 : 60000));
    for (int i = 0; i < RIG_HOSTS; i++)
        if (roll(3) > 0)
            rig_step(&rig, i);
}

/* ---- the end ---- */

static bool quiet(int32_t p)
{
    struct oracle now;

    if (rig_state(&rig, 0, p) != DS_PARTITION_RUNNING || ds_host_unacked(rig.hosts[0], p) > 0)
        return false;
    oracle_read(&rig, p, false, &now);
    return now.wrong != NULL ||
           (now.commands == ds_fake_end(rig.log, RIG_COMMANDS, p) &&
            now.orders == oracle_orders(&rig, p) && now.deadlines == 0 && now.letters_missing == 0);
}

static void run_until_quiet(void)
{
    for (int n = 0; n < 3000; n++) {
        ds_fake_time_add(&rig.time, SECOND / 20);
        for (int i = 0; i < RIG_HOSTS; i++)
            rig_step(&rig, i);
        if (n % 60 == 59 && quiet(0) && quiet(1))
            return;
    }
}

static void heal(void)
{
    chaos.small = chaos.late = chaos.broken = 0;
    ds_fake_set_fate(rig.log, NULL, NULL);
    ds_fake_silence(rig.log, NULL);
    for (int i = 1; i < RIG_HOSTS; i++)
        if (roll(2) == 0)
            rig_kill(&rig, i);
        else if (rig.hosts[i] != NULL && roll(2) == 0) /* else it never learns of it */
            ds_fake_revoke(rig.brokers[i]);
        else if (rig.hosts[i] != NULL)
            ds_fake_set_member(rig.brokers[i], false);
    if (rig.hosts[0] == NULL)
        start(0);
    if (!sim.calm)
        rig_assign(&rig, 0, 0, RIG_PARTITIONS);
    run_until_quiet();
    rig_release(&rig, DS_FATE_DELIVER); /* at last, all ghosts */
    run_until_quiet();
}

static void is_right(uint64_t seed, int32_t p)
{
    struct oracle found;
    const struct ds_counter_state *state = rig_counter(&rig, 0, p);

    oracle_read(&rig, p, sim.on_time, &found);
    cr_assert_null(found.wrong, "seed %" PRIu64 ", partition %d, offset %" PRId64 ": %s", seed,
                   (int)p, found.at, found.wrong);
    cr_assert_eq(rig_state(&rig, 0, p), DS_PARTITION_RUNNING, "seed %" PRIu64 " state %d", seed,
                 (int)rig_state(&rig, 0, p));
    cr_assert_eq(found.commands, ds_fake_end(rig.log, RIG_COMMANDS, p), "seed %" PRIu64, seed);
    cr_assert_eq(found.orders, oracle_orders(&rig, p), "seed %" PRIu64, seed);
    cr_assert_eq(found.deadlines, 0, "seed %" PRIu64, seed);
    cr_assert_eq(ds_host_unacked(rig.hosts[0], p), 0, "seed %" PRIu64, seed);
    cr_assert_eq(state->total, found.total, "seed %" PRIu64, seed);
    cr_assert_eq(state->orders, found.orders, "seed %" PRIu64, seed);
    cr_assert_eq(state->fired, found.fired, "seed %" PRIu64, seed);
    cr_assert_eq(state->digest, found.digest, "seed %" PRIu64, seed);
    cr_assert_eq(found.letters_missing, 0, "seed %" PRIu64, seed);
    cr_assert_leq(ds_fake_end(rig.log, RIG_DLQ, p), (1 + found.epoch) * found.rejected,
                  "seed %" PRIu64, seed);
}

static void simulate(uint64_t seed, bool on_time)
{
    memset(&sim, 0, sizeof(sim));
    ds_fake_random_init(&dice, seed * 1000003);
    rig_init(&rig, seed);
    ds_fake_random_init(&chaos.dice, seed * 7);
    sim.on_time = on_time;
    sim.faults = (unsigned)roll(4) * 40;
    sim.wild = (unsigned)roll(5);
    sim.calm = sim.wild == 0;
    chaos.small = (unsigned)roll(3) * 40;
    chaos.late = (unsigned)roll(3) * 40;
    chaos.broken = (unsigned)roll(3) * 5;
    for (int i = 0; i < RIG_HOSTS; i++)
        start(i);
    if (sim.calm)
        rig_assign(&rig, 0, 0, RIG_PARTITIONS);
    else
        rebalance();
    ds_fake_set_fate(rig.log, fate, NULL);
    for (int n = 0; n < TURNS; n++)
        turn();
    heal();
    for (int32_t p = 0; p < RIG_PARTITIONS; p++)
        is_right(seed, p);
    rig_cleanup(&rig);
}

/* One seed: SIMULATION_SEED=17. */
static void simulate_all(bool on_time)
{
    const char *one = getenv("SIMULATION_SEED");
    const char *many = getenv("SIMULATION_SEEDS");
    uint64_t from = one != NULL ? strtoull(one, NULL, 10) : 1;
    uint64_t to = one != NULL ? from : many != NULL ? strtoull(many, NULL, 10) : SEEDS;

    for (uint64_t seed = from; seed <= to; seed++)
        simulate(seed, on_time);
}

Test(simulation, every_input_is_decided_once_on_the_right_state)
{
    simulate_all(false);
}

Test(simulation, no_deadline_overtakes_what_had_arrived)
{
    simulate_all(true);
}
