#include "base/watchdog.h"

#include <criterion/criterion.h>

static struct ds_watchdog dog;
static int64_t now_us = DS_US_PER_S;

static int64_t look(int64_t turn_us, int64_t after_us)
{
    now_us += after_us;
    return ds_watchdog_look(&dog, turn_us, now_us);
}

Test(watchdog, work_that_comes_round_is_never_still)
{
    for (int64_t i = 1; i < 100; i++)
        cr_assert_eq(look(i, DS_US_PER_S / 10), 0);
}

Test(watchdog, work_that_does_not_come_round_is_still_for_as_long_as_it_was_watched)
{
    (void)look(1, 0);
    for (int64_t i = 1; i <= 100; i++)
        cr_assert_eq(look(1, DS_US_PER_S / 10), i * DS_US_PER_S / 10);
    cr_assert_eq(look(2, DS_US_PER_S / 10), 0);
    cr_assert_eq(look(2, DS_US_PER_S / 10), DS_US_PER_S / 10);
}

Test(watchdog, time_in_which_nobody_looked_does_not_count)
{
    (void)look(1, 0);
    cr_assert_eq(look(1, 3600 * DS_US_PER_S), DS_WATCHDOG_STEP_US);
    cr_assert_eq(look(1, DS_US_PER_S / 10), DS_WATCHDOG_STEP_US + DS_US_PER_S / 10);
}
