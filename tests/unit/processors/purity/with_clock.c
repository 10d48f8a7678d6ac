/* A decider that would like to know what time it is. */
#include <time.h>

long with_clock(void);
long with_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long)now.tv_sec;
}
