/* Several instances of one processor on a real Kafka, none of which fails: rolling restarts,
 * members that come and go, partitions that move to and fro, always under load, so that decisions
 * are under way when the group takes a partition away. In the end the log must be what the inputs
 * alone lead to (tests/component/fence_attack/oracle.h): each command decided once and no gap; and
 * what the hosts say in their metrics must fit the log. Environment: KAFKA_BROKERS; MEMBERS_ROUNDS
 * (1). */
#include "fence_host.h"
#include "fence_run.h"

#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INSTANCES  3
#define SESSION_US (6 * DS_US_PER_S) /* fence_host.c */
#define CALM_US    (1 * DS_US_PER_S)
#define MORE       5 /* rounds, where a machine is too slow for the partitions to move in time */

/* ---- what the hosts say ---- */

struct said {
    int64_t claims;
    int64_t won;
    int64_t lost;
    int64_t fenced;
    int64_t skipped;
    int64_t takeovers;
    double takeover_seconds;
};

static double number(const json_t *series, const char *name)
{
    return json_number_value(json_object_get(series, name));
}

static int64_t total(const json_t *metrics, const char *name)
{
    const json_t *series;
    int64_t sum = 0;
    size_t i;

    json_array_foreach(json_object_get(json_object_get(metrics, name), "series"), i, series) sum +=
        (int64_t)number(series, "value");
    return sum;
}

static void add_file(struct said *said, const char *path)
{
    json_t *metrics = json_load_file(path, 0, NULL);
    const json_t *takeover;

    if (metrics == NULL)
        fence_fail("a host left metrics that cannot be read");
    takeover = json_array_get(
        json_object_get(json_object_get(metrics, "doorstep_takeover_seconds"), "series"), 0);
    said->claims += total(metrics, "doorstep_claims_total");
    said->won += total(metrics, "doorstep_claims_won_total");
    said->lost += total(metrics, "doorstep_epochs_lost_total");
    said->fenced += total(metrics, "doorstep_fenced_total");
    said->skipped += total(metrics, "doorstep_fence_skipped_total");
    said->takeovers += (int64_t)number(takeover, "count");
    said->takeover_seconds += number(takeover, "sum");
    json_decref(metrics);
    (void)unlink(path);
}

static struct said read_metrics(const char *dir)
{
    struct said said = {0};
    struct dirent *entry;
    char path[512];
    DIR *files = opendir(dir);

    if (files == NULL)
        fence_fail("the folder of the metrics");
    while ((entry = readdir(files)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        add_file(&said, path);
    }
    (void)closedir(files);
    return said;
}

/* Nothing failed here, so every epoch is one that a host has counted. */
static void compare(const struct fence_run *run, const struct said *said)
{
    int64_t epochs = 0;

    for (int32_t p = 0; p < RIG_PARTITIONS; p++)
        epochs += run->epochs[p];
    (void)printf("%" PRId64 " epochs, %" PRId64 " claims, %" PRId64 " won, %" PRId64
                 " lost while the partition was ours, %" PRId64 " fenced, %" PRId64
                 " records skipped, %" PRId64 " takeovers of %.3f s on average\n",
                 epochs, said->claims, said->won, said->lost, said->fenced, said->skipped,
                 said->takeovers,
                 said->takeovers == 0 ? 0 : said->takeover_seconds / (double)said->takeovers);
    if (epochs < 2 * RIG_PARTITIONS)
        fence_fail("the partitions did not move");
    if (said->claims < epochs || said->won > epochs || said->won == 0)
        fence_fail("claims of the metrics do not fit the log");
    if (said->takeovers == 0 || said->takeovers > said->won)
        fence_fail("takeovers of the metrics do not fit the log");
}

/* ---- the test ---- */

struct stops {
    int count;
    int64_t sum_us;
    int64_t most_us;
};

static void stop(struct fence_run *run, int i, struct stops *stops)
{
    int64_t us = fence_stop(run, i);

    stops->count++;
    stops->sum_us += us;
    if (us > stops->most_us)
        stops->most_us = us;
}

static void round_of_moves(struct fence_run *run, struct stops *stops)
{
    for (int i = 0; i < INSTANCES; i++) { /* a rolling restart */
        stop(run, i, stops);
        fence_start(run, i);
        fence_run_for(run, CALM_US);
    }
    fence_start(run, INSTANCES); /* one more comes, and goes as soon as it has its partitions */
    fence_run_for(run, 2 * CALM_US);
    stop(run, INSTANCES, stops);
    fence_run_for(run, CALM_US);
}

static bool have_moved(struct fence_run *run)
{
    return fence_epochs(run) >= (int64_t)2 * RIG_PARTITIONS;
}

static void members(const char *brokers, bool static_members, int rounds)
{
    static struct fence_run run;
    char dir[] = "/tmp/doorstep-members-XXXXXX";
    struct stops stops = {0};
    struct said said;

    if (mkdtemp(dir) == NULL)
        fence_fail("a folder for the metrics");
    fence_run_open(&run, brokers, static_members);
    run.metrics_dir = dir;
    run.burst = 10;
    for (int i = 0; i < INSTANCES; i++)
        fence_start(&run, i);
    fence_run_for(&run, 3 * CALM_US);
    for (int round = 0; round < rounds || (round < rounds + MORE && !have_moved(&run)); round++)
        round_of_moves(&run, &stops);
    fence_wait_until_decided(&run);
    run.burst = 0; /* nothing is waited for any more */
    for (int i = 0; i < INSTANCES; i++)
        stop(&run, i, &stops);
    fence_report(&run);
    said = read_metrics(dir);
    compare(&run, &said);
    (void)printf("%d clean stops, %.0f ms on average, %.0f ms at most\n", stops.count,
                 (double)stops.sum_us / 1e3 / stops.count, (double)stops.most_us / 1e3);
    if (stops.sum_us / stops.count >= SESSION_US)
        fence_fail("a clean stop takes as long as the group would have waited for a dead member");
    fence_run_close(&run);
    (void)rmdir(dir);
}

int main(int argc, char **argv)
{
    const char *brokers = fence_brokers();
    const char *text = getenv("MEMBERS_ROUNDS");
    int rounds = text == NULL ? 1 : (int)strtol(text, NULL, 10);

    if (argc == 5 && strcmp(argv[1], "host") == 0)
        return fence_host_main(&(struct fence_host){
            .brokers = brokers, .name = argv[2], .instance = argv[3], .metrics_dir = argv[4]});
    (void)printf("dynamic members\n");
    members(brokers, false, rounds);
    (void)printf("static members\n");
    members(brokers, true, rounds);
    return 0;
}
