/* base/clock.h - time and randomness, handed in, so that a test or a simulation decides what they
 * are.
 *
 * Nothing below the roles calls time() or reads /dev/urandom: it asks the ds_clock_t and
 * ds_random_t it was given. */
#ifndef DS_BASE_CLOCK_H
#define DS_BASE_CLOCK_H

#include "base/error.h"

#include <stdint.h>

#define DS_US_PER_MS INT64_C(1000)
#define DS_US_PER_S  INT64_C(1000000)

typedef struct ds_clock {
    /** UTC, microseconds since 1970. May jump. */
    int64_t (*now_us)(const struct ds_clock *clock);
    /** Microseconds since some start; never goes back. For timeouts and durations. */
    int64_t (*monotonic_us)(const struct ds_clock *clock);
    void *state;
} ds_clock_t;

typedef struct ds_random {
    /** Fill with unpredictable bytes. */
    DS_MUST_CHECK bool (*fill)(const struct ds_random *random, void *to, size_t bytes,
                               ds_error_t *error);
    void *state;
} ds_random_t;

static inline int64_t ds_now_us(const ds_clock_t *clock)
{
    return clock->now_us(clock);
}
static inline int64_t ds_monotonic_us(const ds_clock_t *clock)
{
    return clock->monotonic_us(clock);
}

/** @brief The machine's clock and the kernel's random source. Immutable, any thread. */
const ds_clock_t *ds_system_clock(void);
const ds_random_t *ds_system_random(void);

/** @brief A uniform number in [0, bound); 0 when bound is 0. Jitter only: a failing
 *  source gives 0. */
uint64_t ds_random_below(const ds_random_t *random, uint64_t bound);

/** @brief A pause that grows and is jittered: between half and all of min(first << attempt,
 *  max). */
int64_t ds_backoff_us(const ds_random_t *random, unsigned attempt, int64_t first_us,
                      int64_t max_us);

#define DS_TIME_TEXT_BYTES 28
/** @brief RFC 3339 UTC with six decimals: 2026-11-21T07:30:33.123456Z. Years 0000-9999, else
 * "invalid". */
void ds_time_to_text(int64_t time_us, char text_out[DS_TIME_TEXT_BYTES]);

#endif
