#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_clock(clockid_t which)
{
    struct timespec now;
    if (clock_gettime(which, &now) != 0)
        return 0; /* both clocks exist on every Linux: cannot happen */
    return (int64_t)now.tv_sec * DS_US_PER_S + now.tv_nsec / 1000;
}

static int64_t system_now_us(const ds_clock_t *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(const ds_clock_t *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

const ds_clock_t *ds_system_clock(void)
{
    static const ds_clock_t system = {system_now_us, system_monotonic_us, NULL};
    return &system;
}

static bool system_fill(const ds_random_t *random, void *to, size_t bytes, ds_error_t *error)
{
    (void)random;
    uint8_t *at = to;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ds_error_set(error, DS_DOMAIN_BASE, DS_ERR_IO, "getrandom of %zu bytes: %s",
                                bytes, strerror(errno));
        at += got;
        bytes -= (size_t)got;
    }
    return true;
}

const ds_random_t *ds_system_random(void)
{
    static const ds_random_t system = {system_fill, NULL};
    return &system;
}

uint64_t ds_random_below(const ds_random_t *random, uint64_t bound)
{
    if (bound == 0)
        return 0;
    /* Numbers below `skip` would make the small results a little likelier than the others. A source
     * that gives only such numbers is broken or a test's; it may not hang the caller. */
    uint64_t skip = (UINT64_MAX - bound + 1) % bound;
    uint64_t number = 0;
    for (int attempt = 0; attempt < 64; attempt++) {
        if (!random->fill(random, &number, sizeof number, NULL))
            return 0;
        if (number >= skip)
            break;
    }
    return number % bound;
}

int64_t ds_backoff_us(const ds_random_t *random, unsigned attempt, int64_t first_us, int64_t max_us)
{
    if (first_us <= 0 || max_us <= 0)
        return 0;
    int64_t pause = first_us < max_us ? first_us : max_us;
    for (; attempt > 0 && pause < max_us; attempt--)
        pause = pause > max_us / 2 ? max_us : pause * 2;
    int64_t half = pause / 2;
    return half + (int64_t)ds_random_below(random, (uint64_t)(pause - half) + 1);
}

static void put_digits(char *to, int count, int64_t number)
{
    while (count-- > 0) {
        to[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

/* Howard Hinnant's days-to-civil: years begin in March, so that the leap day is the last of its
 * year. No tables, no gmtime_r, which reads the environment and stops at a time_t. */
static void civil_from_days(int64_t days, int64_t *year_out, int64_t *month_out, int64_t *day_out)
{
    days += 719468; /* from 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    *day_out = day_of_year - (153 * march_month + 2) / 5 + 1;
    *month_out = march_month < 10 ? march_month + 3 : march_month - 9;
    *year_out = year_of_era + era * 400 + (*month_out <= 2);
}

void ds_time_to_text(int64_t time_us, char text_out[DS_TIME_TEXT_BYTES])
{
    const int64_t day_us = 86400 * DS_US_PER_S;
    int64_t days = time_us / day_us;
    int64_t left = time_us % day_us;
    if (left < 0) {
        left += day_us;
        days--;
    }
    int64_t year, month, day;
    civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999) {
        memcpy(text_out, "invalid", sizeof "invalid");
        return;
    }
    memcpy(text_out, "0000-00-00T00:00:00.000000Z", DS_TIME_TEXT_BYTES);
    put_digits(text_out, 4, year);
    put_digits(text_out + 5, 2, month);
    put_digits(text_out + 8, 2, day);
    put_digits(text_out + 11, 2, left / (3600 * DS_US_PER_S));
    put_digits(text_out + 14, 2, left / (60 * DS_US_PER_S) % 60);
    put_digits(text_out + 17, 2, left / DS_US_PER_S % 60);
    put_digits(text_out + 20, 6, left % DS_US_PER_S);
}
