#include "base/clock.h"

#include <criterion/criterion.h>
#include <string.h>

/* A source that always gives the same byte, or fails. */
static bool fill_same(const ds_random_t *random, void *to, size_t bytes, ds_error_t *error)
{
    if (random->state == NULL)
        return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_IO, "no randomness");
    memset(to, *(const uint8_t *)random->state, bytes);
    return true;
}

Test(clock, monotonic_time_never_goes_back)
{
    const ds_clock_t *clock = ds_system_clock();
    int64_t last = ds_monotonic_us(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now = ds_monotonic_us(clock);
        cr_assert_geq(now, last);
        last = now;
    }
    cr_assert_gt(ds_now_us(clock), INT64_C(1600000000) * DS_US_PER_S);
}

Test(clock, random_bytes_differ_and_large_requests_are_served)
{
    static uint8_t a[100000], b[100000];
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_system_random()->fill(ds_system_random(), a, sizeof a, &error));
    cr_assert(ds_system_random()->fill(ds_system_random(), b, sizeof b, &error));
    cr_assert_neq(memcmp(a, b, 32), 0);
    cr_assert_neq(memcmp(a + sizeof a - 32, b + sizeof b - 32, 32), 0);
}

Test(clock, random_below_stays_below_and_reaches_everything)
{
    int seen[7] = {0};
    for (int i = 0; i < 7000; i++) {
        uint64_t number = ds_random_below(ds_system_random(), 7);
        cr_assert_lt(number, 7);
        seen[number]++;
    }
    for (int i = 0; i < 7; i++)
        cr_assert_gt(seen[i], 700, "%d: %d", i, seen[i]);
    cr_assert_eq(ds_random_below(ds_system_random(), 0), 0);
    cr_assert_eq(ds_random_below(ds_system_random(), 1), 0);
}

Test(clock, random_below_survives_a_broken_source)
{
    uint8_t zero = 0;
    ds_random_t broken = {fill_same, NULL};
    ds_random_t stuck = {fill_same, &zero};
    cr_assert_eq(ds_random_below(&broken, 10), 0);
    cr_assert_lt(ds_random_below(&stuck, 10), 10);
    cr_assert_lt(ds_random_below(&stuck, (UINT64_C(1) << 63) + 1), (UINT64_C(1) << 63) + 1);
}

Test(clock, backoff_doubles_up_to_its_maximum)
{
    static const int64_t whole[] = {100, 200, 400, 800, 1000, 1000};
    for (unsigned attempt = 0; attempt < 6; attempt++)
        for (int i = 0; i < 200; i++) {
            int64_t pause = ds_backoff_us(ds_system_random(), attempt, 100, 1000);
            cr_assert_geq(pause, whole[attempt] / 2);
            cr_assert_leq(pause, whole[attempt]);
        }
}

Test(clock, backoff_does_not_overflow)
{
    for (unsigned attempt = 0; attempt < 200; attempt++) {
        int64_t pause = ds_backoff_us(ds_system_random(), attempt, 3, INT64_MAX);
        cr_assert_gt(pause, 0);
    }
    cr_assert_geq(ds_backoff_us(ds_system_random(), UINT32_MAX, 1, INT64_MAX), INT64_MAX / 2);
    cr_assert_leq(ds_backoff_us(ds_system_random(), 0, 5000, 1000), 1000);
    cr_assert_eq(ds_backoff_us(ds_system_random(), 5, 0, 1000), 0);
    cr_assert_eq(ds_backoff_us(ds_system_random(), 5, 10, 0), 0);
}

Test(clock, time_text_is_rfc_3339)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(1795246233123456), "2026-11-21T07:30:33.123456Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
        {INT64_C(951868799999999), "2000-02-29T23:59:59.999999Z"},
        {INT64_C(951868800000000), "2000-03-01T00:00:00.000000Z"},
        {INT64_C(4107542399000000), "2100-02-28T23:59:59.000000Z"},
        {INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
        {INT64_C(253402300800000000), "invalid"},
        {INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z"},
        {INT64_C(-62167219200000001), "invalid"},
        {INT64_MAX, "invalid"},
        {INT64_MIN, "invalid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[DS_TIME_TEXT_BYTES];
        ds_time_to_text(rows[i].us, text);
        cr_assert_str_eq(text, rows[i].text);
    }
}
