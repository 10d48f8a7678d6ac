/* base/watchdog.h - whether a thread's work still comes round, as another thread sees it.
 *
 * The thread that works notes the time of each turn (ds_health_turn); the one that watches looks
 * every few milliseconds. Time in which nobody looked is not held against the worker: a process
 * that was frozen, or a machine without a processor to spare, stands still as a whole. */
#ifndef DS_BASE_WATCHDOG_H
#define DS_BASE_WATCHDOG_H

#include "base/clock.h"

/** What may lie between two looks and still counts in full. */
#define DS_WATCHDOG_STEP_US (1 * DS_US_PER_S)

/** One worker as it is watched; zeroed at the beginning. */
struct ds_watchdog {
    int64_t turn_us;   /* the worker's last turn that was seen */
    int64_t looked_us; /* monotonic; 0: not yet */
    int64_t still_us;  /* time watched without a turn */
};

/** @brief Look once. Pure.
 *  @param turn_us  when the worker's last turn was (any time that differs from turn to turn).
 *  @param now_us   monotonic.
 *  @return for how long it has been watched without a turn, in microseconds. */
static inline int64_t ds_watchdog_look(struct ds_watchdog *dog, int64_t turn_us, int64_t now_us)
{
    int64_t passed_us = dog->looked_us == 0 ? 0 : now_us - dog->looked_us;

    if (passed_us > DS_WATCHDOG_STEP_US)
        passed_us = DS_WATCHDOG_STEP_US;
    dog->still_us = turn_us == dog->turn_us ? dog->still_us + passed_us : 0;
    dog->turn_us = turn_us;
    dog->looked_us = now_us;
    return dog->still_us;
}

#endif
