/* sim [--seeds N] [--seed S] [--trace] [--planted] [--bound N] [--jobs N]
 *
 * Exit code: 0 all is well, 1 a seed failed, a planted mistake was not found, or two runs of a seed
 * differ, 2 usage. */
#include "runner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TWICE 8 /* seeds that are run twice */

struct options {
    uint64_t seed;
    uint64_t seeds;
    uint64_t bound; /* seeds in which a planted mistake must be found */
    int jobs;
    bool trace;
    bool planted;
};

static int usage(void)
{
    fprintf(stderr,
            "usage: sim [--seeds N] [--seed S] [--trace] [--planted] [--bound N] [--jobs N]\n\n"
            "  --seeds N   how many runs (1000; with --seed: 1)\n"
            "  --seed S    the first seed (1)\n"
            "  --trace     tell what happens in the first seed\n"
            "  --planted   find each planted mistake instead\n"
            "  --bound N   within so many seeds (10000)\n"
            "  --jobs N    processes (as many as processors)\n");
    return 2;
}

static bool number_of(const char *text, uint64_t *number_out)
{
    int64_t number;

    if (text == NULL || !ds_str_to_i64(ds_str(text), &number) || number <= 0)
        return false;
    *number_out = (uint64_t)number;
    return true;
}

static bool parse(int argc, char **argv, struct options *o)
{
    uint64_t jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);

    for (int i = 1; i < argc; i++) {
        uint64_t *number = strcmp(argv[i], "--seeds") == 0   ? &o->seeds
                           : strcmp(argv[i], "--seed") == 0  ? &o->seed
                           : strcmp(argv[i], "--bound") == 0 ? &o->bound
                           : strcmp(argv[i], "--jobs") == 0  ? &jobs
                                                             : NULL;

        if (number != NULL && !number_of(argv[++i], number))
            return false;
        if (number != NULL)
            continue;
        if (strcmp(argv[i], "--trace") == 0)
            o->trace = true;
        else if (strcmp(argv[i], "--planted") == 0)
            o->planted = true;
        else
            return false;
    }
    o->jobs = jobs > 16 ? 16 : (int)jobs;
    if (o->seeds == 0)
        o->seeds = o->seed > 0 ? 1 : 1000;
    if (o->seed == 0)
        o->seed = 1;
    return true;
}

/* ---- runs ---- */

/* In another process, with other addresses: the same must happen. */
static bool same_twice(const struct options *o)
{
    bool same = true;

    for (uint64_t seed = o->seed; seed < o->seed + o->seeds && seed < o->seed + TWICE; seed++) {
        uint64_t a;
        uint64_t b;

        (void)sim_run_alone(seed, DS_PLANTED_NOTHING, false, &a);
        (void)sim_run_alone(seed, DS_PLANTED_NOTHING, false, &b);
        if (a == b)
            continue;
        printf("seed %" PRIu64 ": two runs differ, %016" PRIx64 " and %016" PRIx64 "\n", seed, a,
               b);
        same = false;
    }
    return same;
}

static int run_seeds(const struct options *o)
{
    const struct sim_job job = {
        .first = o->seed, .count = o->seeds, .workers = o->jobs, .progress = o->seeds > 2000};
    struct sim_result result;
    bool same = same_twice(o);

    sim_run_job(&job, &result);
    for (size_t i = 0; i < result.listed; i++)
        printf("seed %" PRIu64 " FAILED: %s\n", result.failures[i].seed, result.failures[i].what);
    if (result.failed > 0)
        printf("replay with: dev/test sim --seed %" PRIu64 " --trace\n", result.failures[0].seed);
    printf("sim: %" PRIu64 " seeds in %.1f s, %.2f ms a seed and process, %.0f steps a seed, "
           "%" PRIu64 " failed\n",
           result.done, result.seconds,
           1000 * result.seconds * (double)o->jobs / (double)(result.done > 0 ? result.done : 1),
           (double)result.steps / (double)(result.done > 0 ? result.done : 1), result.failed);
    for (size_t i = 0; i < SIM_SEEN; i++)
        printf("%s%" PRIu64 " %s", i == 0 ? "sim: " : ", ", result.seen[i], sim_seen_text[i]);
    printf("\n");
    return result.failed == 0 && same && result.done == o->seeds ? 0 : 1;
}

static int run_planted(const struct options *o)
{
    int missed = 0;

    for (int bug = DS_PLANTED_NOTHING + 1; bug < DS_PLANTED_COUNT; bug++) {
        const struct sim_job job = {.first = o->seed,
                                    .count = o->bound,
                                    .workers = o->jobs,
                                    .planted = (enum ds_planted)bug,
                                    .stop_at_first = true};
        struct sim_result result;

        sim_run_job(&job, &result);
        printf("planted %-8s %-50s ", sim_bugs[bug].rule, sim_bugs[bug].what);
        if (result.listed > 0)
            printf("found at seed %" PRIu64 ", after %" PRIu64 " runs, %.1f s: %.90s\n",
                   result.failures[0].seed, result.done, result.seconds, result.failures[0].what);
        else
            printf("NOT FOUND in %" PRIu64 " runs\n", result.done);
        missed += result.listed == 0;
    }
    printf("sim: %d planted mistakes, %d not found\n", DS_PLANTED_COUNT - 1, missed);
    return missed > 0;
}

static int run_traced(const struct options *o)
{
    uint64_t hash;
    bool ok = sim_run_alone(o->seed, DS_PLANTED_NOTHING, true, &hash);

    printf("seed %" PRIu64 ": hash %016" PRIx64 ", %s\n", o->seed, hash, ok ? "ok" : "FAILED");
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options = {.bound = 10000};

    if (!parse(argc, argv, &options))
        return usage();
    if (options.trace)
        return run_traced(&options);
    return options.planted ? run_planted(&options) : run_seeds(&options);
}
