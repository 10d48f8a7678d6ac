/* One fault at each single step of a scripted history. Whatever the step, afterwards every command
 * is decided once and the owner's memory is the fold. */
#include "rig.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000)
#define STEPS  60

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 6);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(moment, .init = set_up, .fini = tear_down, .timeout = 300);

/* Reports late and records split by every means the fake has: each 3rd append is held until the
 * 5th one behind it. */
static enum ds_fake_fate some_held(void *count, const struct ds_fake_append *append)
{
    int *n = count;

    (void)append;
    return ++*n % 3 == 0 ? DS_FATE_HOLD : DS_FATE_DELIVER;
}

static enum ds_fake_fate some_full(void *count, const struct ds_fake_append *append)
{
    int *n = count;

    (void)append;
    return ++*n % 4 == 0 ? DS_FATE_FULL : DS_FATE_DELIVER;
}

static void inputs_at(int step)
{
    if (step % 7 == 1)
        rig_receive(&rig, 0, NULL, 3, 1);
    if (step % 11 == 3)
        ds_fake_append(rig.log, RIG_COMMANDS, 0, rig_key(0),
                       (ds_bytes_t){(const uint8_t *)"junk", 4});
    if (step % 13 == 5) {
        int64_t seq = rig.order_seq;

        if (rig.order_epoch == 0)
            rig_order_claim(&rig, 0, 1);
        for (int i = 1; i <= 3; i++)
            rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = seq + i, .more = i < 3},
                            true);
        rig.order_seq = seq + 3;
    }
}

/* Coarse: 100 ms a turn. */
static void run(int seconds)
{
    for (int i = 0; i < seconds * 10; i++) {
        ds_fake_time_add(&rig.time, SECOND / 10);
        for (int host = 0; host < RIG_HOSTS; host++)
            rig_step(&rig, host);
    }
}

static void all_is_well(int host, int step)
{
    struct rig_fold fold;

    ds_fake_set_fate(rig.log, NULL, NULL);
    run(30);
    rig_release(&rig, DS_FATE_DELIVER);
    run(30);
    fold = rig_fold(&rig, 0);
    cr_assert(!fold.damaged, "step %d", step);
    cr_assert(rig_each_once(&rig, 0), "step %d", step);
    cr_assert_eq(rig_state(&rig, host, 0), DS_PARTITION_RUNNING, "step %d", step);
    cr_assert_eq(ds_host_unacked(rig.hosts[host], 0), 0, "step %d", step);
    cr_assert_eq(rig_counter(&rig, host, 0)->digest, fold.counter.digest, "step %d", step);
    cr_assert_eq(fold.last_input[0] + 1, ds_fake_end(rig.log, RIG_COMMANDS, 0), "step %d", step);
    cr_assert_eq(fold.counter.orders, rig.order_seq, "step %d", step);
    cr_assert_eq(fold.decisions, ds_fake_end(rig.log, RIG_COMMANDS, 0) + rig.order_seq, "step %d",
                 step);
}

static void history(int fault_at, void (*fault)(void), ds_fake_fate_fn fate, int host)
{
    static int count;

    tear_down();
    rig_init(&rig, 6);
    count = 0;
    ds_fake_set_fate(rig.log, fate, &count);
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
    for (int step = 0; step < STEPS; step++) {
        inputs_at(step);
        if (step == fault_at)
            fault();
        for (int i = 0; i < RIG_HOSTS; i++)
            rig_step(&rig, i);
        ds_fake_time_add(&rig.time, SECOND / 20);
        if (step % 5 == 4 && ds_fake_held(rig.log) > 0)
            ds_fake_release(rig.log, ds_fake_held(rig.log) - 1, DS_FATE_DELIVER);
    }
    all_is_well(host, fault_at);
}

static void revoke_and_give_back(void)
{
    ds_fake_revoke(rig.brokers[0]);
    rig_assign(&rig, 0, 0, 1);
}

static void kill_and_restart(void)
{
    rig_kill(&rig, 0);
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
}

static void stop_and_restart(void)
{
    rig_stop(&rig, 0);
    rig_start(&rig, 0, NULL);
    rig_assign(&rig, 0, 0, 1);
}

static void lose_the_producer(void)
{
    ds_fake_lose_producer(rig.brokers[0]);
}

static void hand_over(void)
{
    rig_start(&rig, 1, NULL);
    ds_fake_revoke(rig.brokers[0]);
    rig_assign(&rig, 1, 0, 1);
}

static void successor_while_the_old_one_goes_on(void)
{
    rig_start(&rig, 1, NULL);
    ds_fake_set_member(rig.brokers[0], false);
    rig_assign(&rig, 1, 0, 1);
}

static void ghost_claim(void)
{
    rig_foreign_claim(&rig, 0, rig_fold(&rig, 0).fence.epoch + 1);
}

static void each_step(void (*fault)(void), int host)
{
    for (int step = 0; step < STEPS; step++) {
        history(step, fault, NULL, host);
        history(step, fault, some_held, host);
        history(step, fault, some_full, host);
    }
}

Test(moment, revoked_and_given_back_at_every_step)
{
    each_step(revoke_and_give_back, 0);
}

Test(moment, killed_at_every_step)
{
    each_step(kill_and_restart, 0);
}

Test(moment, stopped_at_every_step)
{
    each_step(stop_and_restart, 0);
}

Test(moment, producer_lost_at_every_step)
{
    each_step(lose_the_producer, 0);
}

Test(moment, handed_over_at_every_step)
{
    each_step(hand_over, 1);
}

Test(moment, succeeded_at_every_step_by_one_it_does_not_know_of)
{
    each_step(successor_while_the_old_one_goes_on, 1);
}

Test(moment, ghost_claim_at_every_step)
{
    each_step(ghost_claim, 0);
}
