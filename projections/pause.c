#include "projections/pause.h"

#include <time.h>

#define SLICE_US (50 * DS_US_PER_MS)

void ds_pause_us(const struct ds_runtime *runtime, int64_t us)
{
    while (us > 0 && !ds_stopping(runtime)) {
        int64_t slice = us < SLICE_US ? us : SLICE_US;
        const struct timespec nap = {0, (long)(slice * 1000)};
        (void)nanosleep(&nap, NULL); /* a signal only shortens it */
        ds_health_turn(runtime);
        us -= slice;
    }
}
