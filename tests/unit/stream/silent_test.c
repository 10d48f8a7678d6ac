/* Who is asked when, of leaders that do not answer. */
#include "stream/silent.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 1000, COUNT = 3 };

static struct ds_silent silent;
static int64_t now_us = 5 * DS_US_PER_S;

static bool asks(int32_t partition)
{
    return ds_silent_ask_ms(&silent, 1, partition, TIMEOUT_MS, now_us) > 0;
}

/* One that does not answer takes all its time. */
static void ask(int32_t partition, bool answers)
{
    int ask_ms = ds_silent_ask_ms(&silent, 1, partition, TIMEOUT_MS, now_us);
    int64_t asked_us = now_us;
    cr_assert_gt(ask_ms, 0);
    now_us += answers ? 0 : ask_ms * DS_US_PER_MS;
    ds_silent_note(&silent, 1, partition, answers, asked_us, now_us);
}

static void silence_all(void)
{
    for (int32_t p = 0; p < COUNT; p++)
        ask(p, false);
}

Test(silent, what_answers_is_asked_each_time)
{
    for (int i = 0; i < 10; i++)
        ask(0, true);
    cr_assert_eq(ds_silent_ask_ms(&silent, 1, 0, TIMEOUT_MS, now_us), TIMEOUT_MS);
}

Test(silent, what_does_not_is_asked_for_a_fifth_of_the_time)
{
    ask(0, false);
    cr_assert_not(asks(0));
    now_us += 4 * DS_US_PER_S - 1;
    cr_assert_not(asks(0));
    now_us += 1;
    cr_assert(asks(0));
}

Test(silent, question_that_fails_at_once_is_followed_by_a_pause_as_well)
{
    ds_silent_note(&silent, 1, 0, false, now_us, now_us);
    now_us += DS_SILENT_PAUSE_US - 1;
    cr_assert_not(asks(0));
    now_us += 1;
    cr_assert(asks(0));
}

Test(silent, pause_is_the_callers_where_it_gives_one)
{
    silent.pause_us = 7;
    ask(0, false);
    now_us += 6;
    cr_assert_not(asks(0));
    now_us += 1;
    cr_assert(asks(0));
}

Test(silent, others_have_little_time_while_one_is_silent_and_the_silent_one_has_all)
{
    ask(0, false);
    cr_assert_eq(ds_silent_ask_ms(&silent, 1, 1, TIMEOUT_MS, now_us), DS_SILENT_QUICK_MS);
    cr_assert_eq(ds_silent_ask_ms(&silent, 0, 0, TIMEOUT_MS, now_us), DS_SILENT_QUICK_MS);
    cr_assert_eq(ds_silent_ask_ms(&silent, 1, 1, 100, now_us), 100);
    now_us += 60 * DS_US_PER_S;
    cr_assert_eq(ds_silent_ask_ms(&silent, 1, 0, TIMEOUT_MS, now_us), TIMEOUT_MS);
}

Test(silent, of_several_one_is_asked_in_a_while_and_each_has_its_turn)
{
    int asked[COUNT] = {0};
    silence_all();
    for (int turn = 0; turn < 3000; turn++) {
        for (int32_t p = 0; p < COUNT; p++) {
            if (!asks(p))
                continue;
            ask(p, false);
            asked[p]++;
        }
        now_us += 50 * DS_US_PER_MS;
    }
    for (int32_t p = 1; p < COUNT; p++) {
        cr_assert_leq(abs(asked[p] - asked[0]), 1);
        cr_assert_gt(asked[p], 0);
    }
}

/* One is asked about in a tight loop; the other, which was only slow once, every three seconds. */
Test(silent, one_that_is_asked_seldom_has_its_turn_beside_one_that_is_asked_always)
{
    for (int32_t seldom = 0; seldom < COUNT; seldom += 2) {
        bool is_back = false;
        silent = (struct ds_silent){0};
        ask(1, false);
        ask(seldom, false);
        for (int turn = 1; turn < 600 && !is_back; turn++) {
            if (asks(1))
                ask(1, false);
            if (turn % 60 == 0 && asks(seldom)) {
                ask(seldom, true);
                is_back = true;
            }
            now_us += 50 * DS_US_PER_MS;
        }
        cr_assert(is_back, "partition %d", (int)seldom);
    }
}

Test(silent, one_that_nobody_asks_about_any_more_holds_up_no_other)
{
    silence_all();
    for (int i = 0; i < 10; i++) {
        now_us += 20 * DS_US_PER_S;
        ask(0, false);
    }
}

Test(silent, when_one_is_back_the_next_is_asked_at_once)
{
    silence_all();
    now_us += 60 * DS_US_PER_S;
    ask(0, true);
    ask(1, false);
    cr_assert_not(asks(1));
    cr_assert_not(asks(2));
    now_us += 60 * DS_US_PER_S;
    ask(2, true);
    ask(1, true);
    cr_assert_eq(ds_silent_ask_ms(&silent, 1, 1, TIMEOUT_MS, now_us), TIMEOUT_MS);
}
