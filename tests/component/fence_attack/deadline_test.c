/* Attempts to make a deadline fire before what had arrived, twice, or never: protocol R10. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SECOND INT64_C(1000000)

static struct rig rig;

/* A broker that does not answer questions about ends at all while `deaf` is set: its methods are
 * the fake's, but for one. */
static struct ds_broker_ops some_deaf;
static const struct ds_broker_ops *hearing;
static bool deaf;

static bool ends_or_none(ds_broker_t *broker, struct ds_broker_end *list, size_t count,
                         int timeout_ms, ds_error_t *error)
{
    if (!deaf)
        return hearing->ends(broker, list, count, timeout_ms, error);
    for (size_t i = 0; i < count; i++)
        list[i].ok = false;
    return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "nobody answers");
}

static bool away_or_not(const ds_broker_t *broker)
{
    (void)broker;
    return deaf;
}

static void set_up(void)
{
    rig_init(&rig, 4);
    deaf = false;
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(deadline, .init = set_up, .fini = tear_down, .timeout = 300);

static void begin(void)
{
    rig_begin(&rig);
    hearing = rig.brokers[0]->ops;
    some_deaf = *hearing;
    some_deaf.ends = ends_or_none;
    some_deaf.away = away_or_not;
    rig.brokers[0]->ops = &some_deaf;
}

static int64_t fired(void)
{
    return rig_fold(&rig, 0).counter.fired;
}

/* Where in the log the order's event and the deadline's stand. */
static void order_was_before_the_deadline(void)
{
    const struct ds_inventory_event *event =
        rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_RELEASED);
    struct ds_log_place order;

    cr_assert_not_null(event, "the order's event was not decided");
    order = (struct ds_log_place){0, event->meta.epoch, event->meta.seq};
    event = rig_last(&rig, 0, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    cr_assert_eq(event->meta.cause.kind, DS_META_CAUSE_TIMER_CAUSE);
    cr_assert(event->meta.epoch > order.epoch ||
              (event->meta.epoch == order.epoch && event->meta.seq > order.seq));
}

/* A deadline was waiting for an input when the epoch was lost. The wait of then must not count as
 * the grace of now. */
Test(deadline, wait_of_an_earlier_epoch_is_not_the_grace_of_this_one)
{
    begin();
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    rig_order_claim(&rig, 0, 1);
    ds_fake_silence(rig.log, RIG_ORDERS);
    rig_run(&rig, 6 * SECOND); /* due, and it waits for order.events */
    cr_assert_eq(fired(), 0);
    ds_fake_revoke(rig.brokers[0]);
    rig_run(&rig, 40 * SECOND);
    rig_order_cancelled(&rig, 0);
    rig_assign(&rig, 0, 0, 1);
    for (int i = 0; i < 300 && rig_state(&rig, 0, 0) != DS_PARTITION_RUNNING; i++)
        rig_step(&rig, 0);
    rig_run(&rig, SECOND); /* the records of order.events take a moment to come */
    cr_assert_eq(fired(), 0);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 1);
    order_was_before_the_deadline();
}

/* Deadlines that come due without a pause between them: the later ones have a wait of their own. */
Test(deadline, each_deadline_waits_for_the_inputs_of_its_own_time)
{
    begin();
    rig_order_claim(&rig, 0, 1);
    for (int i = 0; i < 60; i++) {
        char product[16];

        (void)snprintf(product, sizeof(product), "s.p%d", i);
        rig_deadline(&rig, 0, product, SECOND + i * SECOND);
    }
    rig_settle(&rig);
    ds_fake_silence(rig.log, RIG_ORDERS);
    rig_order_event(&rig, 0, &(struct ds_meta){.epoch = 1, .seq = 1}, false);
    rig_run(&rig, 40 * SECOND); /* the first fire late, by the grace; the next are due already */
    cr_assert_gt(fired(), 1);
    cr_assert_lt(fired(), 60);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, 60 * SECOND);
    cr_assert_eq(fired(), 60);
}

/* No server answers: that is not one input being unavailable. What was paid before stands in the
 * log unread, and the decision would be in the log right after it. */
Test(deadline, none_fires_while_no_server_answers)
{
    begin();
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_order_claim(&rig, 0, 1);
    rig_settle(&rig);
    deaf = true;
    ds_fake_silence(rig.log, RIG_ORDERS);
    rig_order_cancelled(&rig, 0);
    rig_run(&rig, 120 * SECOND);
    cr_assert_eq(fired(), 0);
    deaf = false;
    rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 0);
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 1);
    order_was_before_the_deadline();
}

/* The same, where the ends had been answered just before. */
Test(deadline, none_fires_while_no_server_answers_that_told_the_ends_before)
{
    begin();
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_order_claim(&rig, 0, 1);
    rig_settle(&rig);
    ds_fake_silence(rig.log, RIG_ORDERS);
    rig_order_cancelled(&rig, 0);
    rig_run(&rig, 6 * SECOND);
    deaf = true;
    rig_run(&rig, 120 * SECOND);
    cr_assert_eq(fired(), 0);
    deaf = false;
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, SECOND);
    cr_assert_eq(fired(), 1);
    order_was_before_the_deadline();
}

/* ---- a decider that looks at the time ---- */

static bool punctual_decide(const void *state, const struct ds_input *input, int64_t now_us,
                            ds_decision_t *decision, ds_error_t *error)
{
    if (input->kind == DS_INPUT_TIMER && now_us < input->timer.due_us)
        return true; /* too early: nothing changes */
    return ds_counter_decider.decide(state, input, now_us, decision, error);
}

static struct ds_decider punctual;

static void use_punctual(struct ds_host_config *config)
{
    punctual = ds_counter_decider;
    punctual.decide = punctual_decide;
    config->decider = &punctual;
}

/* The clock is set back between "it is due" and the decision. */
Test(deadline, clock_set_back_before_it_fires_does_not_stop_the_partition)
{
    rig_start(&rig, 0, use_punctual);
    rig_assign(&rig, 0, 0, 1);
    rig_settle(&rig);
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    ds_fake_silence(rig.log, RIG_ORDERS);
    rig_order_claim(&rig, 0, 1);
    rig_run(&rig, 6 * SECOND);
    rig.time.now_us -= 4 * SECOND;
    ds_fake_silence(rig.log, NULL);
    rig_run(&rig, 10 * SECOND);
    cr_assert_eq(rig_state(&rig, 0, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(fired(), 1);
}

/* Two that believe to own the partition both fire it; one decision counts. */
Test(deadline, fires_once_with_two_owners)
{
    begin();
    rig_deadline(&rig, 0, "s.p", 5 * SECOND);
    rig_settle(&rig);
    rig_start(&rig, 1, NULL);
    rig_assign(&rig, 1, 0, 1);
    for (int i = 0; i < 100; i++)
        rig_step(&rig, 1);
    ds_fake_time_add(&rig.time, 6 * SECOND);
    for (int i = 0; i < 4; i++) {
        rig_step(&rig, 0);
        rig_step(&rig, 1);
    }
    ds_fake_revoke(rig.brokers[0]);
    rig_run(&rig, 20 * SECOND);
    cr_assert_eq(fired(), 1);
    cr_assert_eq(rig_state(&rig, 1, 0), DS_PARTITION_RUNNING);
    cr_assert_eq(rig_counter(&rig, 1, 0)->digest, rig_fold(&rig, 0).counter.digest);
}

/* Killed at every step around the deadline: it fires once. */
Test(deadline, fires_once_wherever_its_owner_dies)
{
    for (int steps = 0; steps < 12; steps++) {
        tear_down();
        rig_init(&rig, 5);
        rig_begin(&rig);
        rig_deadline(&rig, 0, "s.p", 5 * SECOND);
        rig_settle(&rig);
        ds_fake_time_add(&rig.time, 5 * SECOND);
        for (int i = 0; i < steps; i++)
            rig_step(&rig, 0);
        rig_kill(&rig, 0);
        rig_begin(&rig);
        rig_run(&rig, 2 * SECOND);
        cr_assert_eq(fired(), 1, "killed after %d steps", steps);
    }
}
