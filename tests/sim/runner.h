/* tests/sim/runner.h - many seeds on several processors.
 *
 * Each worker is a process of its own: a seed that crashes or never ends takes its worker with it
 * and nothing else, and counts as failed. Threads: one runner, one thread. */
#ifndef DS_TESTS_SIM_RUNNER_H
#define DS_TESTS_SIM_RUNNER_H

#include "planted.h"
#include "sim.h"

struct sim_job {
    uint64_t first;
    uint64_t count;
    int workers;
    enum ds_planted planted;
    bool stop_at_first; /* failure */
    bool progress;
};

#define SIM_FAILURES 20
struct sim_failure {
    uint64_t seed;
    char what[512];
};
struct sim_result {
    uint64_t done;
    uint64_t failed;
    double seconds;
    uint64_t steps;
    uint64_t seen[SIM_SEEN];
    size_t listed;
    struct sim_failure failures[SIM_FAILURES]; /* the lowest seeds */
};

void sim_run_job(const struct sim_job *job, struct sim_result *result_out);
/** One seed in a process of its own. @return false: it failed, or did not end. */
bool sim_run_alone(uint64_t seed, enum ds_planted planted, bool tracing, uint64_t *hash_out);

#endif
