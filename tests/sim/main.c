/* Options, and the runs. */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    uint64_t from = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    bool trace = argc > 3;
    struct sim *sim = sim_new();
    double begin = seconds();
    uint64_t bad = 0;
    uint64_t steps = 0;
    double virt = 0;

    for (uint64_t seed = from; seed < from + count; seed++) {
        struct sim_plan plan;

        sim_plan(seed, &plan);
        if (!sim_run(sim, &plan, trace)) {
            printf("seed %" PRIu64 ": %s\n", seed, sim->failure);
            bad++;
        }
        steps += sim->steps;
        virt += (double)(sim->now_us - SIM_START_US) / 1e6;
        if (trace)
            printf("hash %016" PRIx64 "\n", sim->hash);
    }
    fprintf(stderr, "%" PRIu64 " seeds, %" PRIu64 " bad, %.3f ms a seed, %.0f steps a seed, %.1f s virtual\n", count, bad,
            1000 * (seconds() - begin) / (double)count, (double)steps / (double)count, virt / (double)count);
    sim_destroy(sim);
    return bad > 0;
}
