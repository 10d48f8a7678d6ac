/* Becoming the owner, staying it, losing it: protocol R1, R2, R6, R12. */
#include "rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 1);
}

static void tear_down(void)
{
    rig_cleanup(&rig);
}

TestSuite(owner, .init = set_up, .fini = tear_down, .timeout = 30);

Test(owner, opens_an_epoch_and_decides_commands)
{
    struct rig_fold fold;

    rig_begin(&rig);
    rig_receive(&rig, 0, NULL, 1, 5);
    rig_receive(&rig, 0, NULL, 3, 2);
    rig_settle(&rig);
    fold = rig_fold(&rig, 0);
    cr_assert(!fold.damaged);
    cr_assert_eq(fold.counter.total, 11);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_CLAIM], 1);
    cr_assert_eq(fold.kinds[DS_INVENTORY_EVENT_OPEN], 1);
    cr_assert_eq(fold.decisions, 2);
    cr_assert_eq(rig_counter(&rig, 0, 0)->digest, fold.counter.digest);
    cr_assert_eq(ds_host_unacked(rig.hosts[0], 0), 0);
}
