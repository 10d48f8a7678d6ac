#include "api/ratelimit.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define MINUTE_US INT64_C(60000000)

static struct ds_rate_verdict take(ds_ratelimit_t *limits, const char *who, int64_t now_us)
{
    struct ds_rate_verdict verdict;
    ds_ratelimit_take(limits, ds_str(who), 60, MINUTE_US, now_us, &verdict);
    return verdict;
}

Test(ratelimit, a_quota_is_spent_and_comes_back_evenly)
{
    ds_ratelimit_t *limits = ds_ratelimit_new(7);
    for (int i = 0; i < 60; i++) {
        struct ds_rate_verdict verdict = take(limits, "anna", 1000);
        cr_assert(verdict.allowed);
        cr_assert_eq(verdict.remaining, 59 - i);
    }
    struct ds_rate_verdict refused = take(limits, "anna", 1000);
    cr_assert_not(refused.allowed);
    cr_assert_eq(refused.retry_s, 1);
    cr_assert_eq(refused.reset_s, 60);
    cr_assert(take(limits, "eva", 1000).allowed);
    cr_assert(take(limits, "anna", 1000 + 1000000).allowed);
    cr_assert_not(take(limits, "anna", 1000 + 1000000).allowed);
    ds_ratelimit_destroy(limits);
}

Test(ratelimit, a_bucket_never_holds_more_than_its_quota)
{
    ds_ratelimit_t *limits = ds_ratelimit_new(7);
    cr_assert_eq(take(limits, "anna", 0).remaining, 59);
    cr_assert_eq(take(limits, "anna", 100 * MINUTE_US).remaining, 59);
    ds_ratelimit_destroy(limits);
}

Test(ratelimit, a_clock_that_goes_back_gives_nothing)
{
    ds_ratelimit_t *limits = ds_ratelimit_new(7);
    for (int i = 0; i < 60; i++)
        (void)take(limits, "anna", MINUTE_US);
    cr_assert_not(take(limits, "anna", 0).allowed);
    ds_ratelimit_destroy(limits);
}

Test(ratelimit, zero_is_no_limit)
{
    ds_ratelimit_t *limits = ds_ratelimit_new(7);
    struct ds_rate_verdict verdict;
    for (int i = 0; i < 1000; i++) {
        ds_ratelimit_take(limits, DS_STR("anna"), 0, MINUTE_US, 1, &verdict);
        cr_assert(verdict.allowed);
    }
    ds_ratelimit_destroy(limits);
}

Test(ratelimit, a_flood_of_strangers_does_not_grow_the_table)
{
    ds_ratelimit_t *limits = ds_ratelimit_new(7);
    for (int i = 0; i < 200000; i++) {
        char who[32];
        (void)snprintf(who, sizeof who, "a|%d", i);
        cr_assert(take(limits, who, i).allowed);
    }
    ds_ratelimit_destroy(limits);
}
